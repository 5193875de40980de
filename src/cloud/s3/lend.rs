//! Keys for somebody else who is to read objects: the caller's own, or temporary ones for some objects alone.

use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_sts::Client;
use aws_sdk_sts::config::{Builder, Region};
use aws_sdk_sts::error::ProvideErrorMetadata;

use super::objects::{ObjectError, ObjectErrorKind};
use super::{ANY_REGION, S3};
use crate::cloud::aws::{Calling, Final, call, failure, fault, root_cause};
use crate::cloud::sts::{Keys, Wish, temporary_keys};
use crate::secret::Secret;

const SERVICE: &str = "AWS STS";

/// As long as Embulk's plugin asks for: a day.
const LIFETIME_SECONDS: i32 = 86_400;

impl S3 {
    /// The keys that calls are signed with.
    pub async fn own_keys(&self) -> Result<Keys, ObjectError> {
        let unknown = |message: String| ObjectError { kind: ObjectErrorKind::Credentials, message };
        let config = &self.core.aws.config().await;
        let provider = self.core.settings.credentials.provider(config);
        let provider = provider.ok_or_else(|| unknown("no AWS credentials are known".to_owned()))?;
        let found = provider
            .provide_credentials()
            .await
            .map_err(|error| unknown(format!("no AWS credentials were found: {}", root_cause(&error))))?;
        Ok(Keys {
            id: Secret::new(found.access_key_id()),
            key: Secret::new(found.secret_access_key()),
            token: found.session_token().map(Secret::new),
        })
    }

    /// Keys for a day with the rights of a policy, in the name of a user (GetFederationToken).
    pub async fn federated_keys(&self, user: &str, policy: &str) -> Result<Keys, ObjectError> {
        let wish =
            Wish { role: None, name: user.to_owned(), seconds: LIFETIME_SECONDS, policy: policy.to_owned() };
        let made = temporary_keys(&self.core.aws, &self.own_keys().await?, &wish, &self.retrying).await;
        made.map_err(|message| {
            let denied = message.contains("AccessDenied");
            let kind = if denied { ObjectErrorKind::Denied } else { ObjectErrorKind::Refused };
            ObjectError { kind, message }
        })
    }

    /// The account that the keys belong to (GetCallerIdentity).
    pub async fn account(&self) -> Result<String, ObjectError> {
        let renew = || self.core.forget();
        let renew = self.core.settings.credentials.may_change().then_some(&renew as &(dyn Fn() + Sync));
        let calling = Calling { what: SERVICE, retrying: &self.retrying, retries: self.retries, renew };
        let ask = || async { Box::pin(self.sts().await.get_caller_identity().send()).await };
        call(calling, ask)
            .await
            .map_err(|error| explain(&error))?
            .account
            .ok_or_else(|| strange("names no account"))
    }

    async fn sts(&self) -> Client {
        let config = &self.core.aws.config().await;
        let mut builder = Builder::from(config);
        builder.set_credentials_provider(self.core.settings.credentials.provider(config));
        let region = config.region().map(AsRef::as_ref).or(self.core.settings.region.as_deref());
        builder.set_region(Some(Region::new(region.unwrap_or(ANY_REGION).to_owned())));
        Client::from_conf(builder.build())
    }
}

fn strange(what: &str) -> ObjectError {
    ObjectError { kind: ObjectErrorKind::Refused, message: format!("the answer of {SERVICE} {what}") }
}

fn explain<E>(found: &Final<E>) -> ObjectError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let message = found.told(failure(SERVICE, &found.error).message);
    ObjectError { kind: fault(&found.error).into(), message }
}
