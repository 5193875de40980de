//! AWS STS: keys that last some hours and open little, made from keys that open more.

use aws_config::Region;
use aws_sdk_sts::Client;
use aws_sdk_sts::config::Credentials;
use aws_sdk_sts::error::ProvideErrorMetadata;

use super::aws::{Aws, Calling, Final, RETRIES, call, failure};
use super::fault::retry::Retrying;
use crate::secret::Secret;

const SERVICE: &str = "AWS STS";

/// Answers for everybody where no region is known.
const ANY_REGION: &str = "us-east-1";

/// An access key, perhaps of a session.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Access key id.
    pub id: Secret,
    /// Secret access key.
    pub key: Secret,
    /// Session token.
    pub token: Option<Secret>,
}

/// What the new keys are for.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The role that is taken on; none: a federated user of the keys' own user.
    pub role: Option<String>,
    /// The session's or the federated user's name.
    pub name: String,
    /// How long they last.
    pub seconds: i32,
    /// The policy, as JSON: what of the role's or the user's permissions is left.
    pub policy: String,
}

/// New keys. An error is one line without values.
pub async fn temporary_keys(
    aws: &Aws,
    keys: &Keys,
    wish: &Wish,
    retrying: &Retrying,
) -> Result<Keys, String> {
    let config = &aws.config().await;
    // The keys are given: there are no others to be found.
    let calling = Calling { what: SERVICE, retrying, retries: RETRIES, renew: None };
    let token = keys.token.as_ref().map(|token| token.expose().to_owned());
    let given = Credentials::new(keys.id.expose(), keys.key.expose(), token, None, "secrets");
    let mut builder = aws_sdk_sts::config::Builder::from(config).credentials_provider(given);
    if config.region().is_none() {
        builder = builder.region(Region::new(ANY_REGION));
    }
    let client = Client::from_conf(builder.build());
    // Calls of the SDK are large futures.
    let answer = match &wish.role {
        Some(role) => {
            let ask = || {
                let call = client.assume_role().role_arn(role).role_session_name(&wish.name);
                Box::pin(call.duration_seconds(wish.seconds).policy(&wish.policy).send())
            };
            call(calling, ask).await.map_err(|error| explain("sts:AssumeRole", &error))?.credentials
        }
        None => {
            let ask = || {
                let call = client.get_federation_token().name(&wish.name);
                Box::pin(call.duration_seconds(wish.seconds).policy(&wish.policy).send())
            };
            call(calling, ask).await.map_err(|error| explain("sts:GetFederationToken", &error))?.credentials
        }
    };
    let made = answer.ok_or_else(|| format!("{SERVICE} gave no keys"))?;
    Ok(Keys {
        id: Secret::new(made.access_key_id),
        key: Secret::new(made.secret_access_key),
        token: Some(Secret::new(made.session_token)),
    })
}

fn explain<E>(action: &str, error: &Final<E>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    error.told(format!("{action}: {}", failure(SERVICE, &error.error).message))
}
