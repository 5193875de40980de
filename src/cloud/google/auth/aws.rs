//! What AWS says of us, as Google takes it: a signed request for `GetCallerIdentity` that Google sends in our place.
//!
//! The key it is signed with is what AWS's own libraries find (environment, profile, web identity, ECS, EC2), or that
//! of a role which this key may assume.

use std::error::Error;
use std::time::{Duration, SystemTime};

use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use serde_json::json;
use tokio::sync::OnceCell;

use crate::cloud::aws::{self, Aws};
use crate::cloud::google::path_part;

/// Google's name for such a token.
pub(super) const TOKEN_TYPE: &str = "urn:ietf:params:aws:token-type:aws4_request";

const VERIFICATION_URL: &str =
    "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15";

/// The longest that AWS lets a role live which another role assumes.
const ROLE_LIFE: Duration = Duration::from_secs(3600);

/// Who we are to AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsIdentity {
    /// The region whose STS is asked.
    pub region: String,
    /// The role that is assumed first; none: what AWS's libraries find is taken as it is.
    pub role: Option<AssumedRole>,
}

/// A role of AWS and the name that its session gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssumedRole {
    /// Its ARN.
    pub arn: String,
    /// The name in CloudTrail.
    pub session_name: String,
}

/// Makes the tokens, a new one for each exchange.
#[derive(Debug)]
pub(super) struct Source {
    identity: AwsIdentity,
    audience: String,
    url: String,
    config: OnceCell<SdkConfig>,
}

impl Source {
    /// `url`: where Google asks AWS, with `{region}` in it; none: the STS of the region.
    pub(super) fn new(identity: AwsIdentity, audience: &str, url: Option<&str>) -> Self {
        let url = url.unwrap_or(VERIFICATION_URL).replace("{region}", &identity.region);
        Self { identity, audience: audience.to_owned(), url, config: OnceCell::new() }
    }

    /// What Google is shown, signed now.
    pub(super) async fn token(&self) -> Result<String, AwsFault> {
        signed(&self.key().await?, self, SystemTime::now())
    }

    async fn key(&self) -> Result<Credentials, AwsFault> {
        let region = Region::new(self.identity.region.clone());
        // Roles are taken on by the SDK, which is to try again by itself.
        let retries = RetryConfig::standard();
        let load = async || {
            let config = Aws::new().config().await.into_builder();
            config.region(region).retry_config(retries).build()
        };
        let config = self.config.get_or_init(load).await;
        let Some(role) = &self.identity.role else {
            let provider = config.credentials_provider().ok_or_else(AwsFault::no_key)?;
            return provider.provide_credentials().await.map_err(AwsFault::from);
        };
        let provider = AssumeRoleProvider::builder(&role.arn)
            .session_name(&role.session_name)
            .session_length(ROLE_LIFE)
            .configure(config)
            .build()
            .await;
        provider.provide_credentials().await.map_err(|error| {
            let AwsFault { reason, passes } = AwsFault::from(error);
            AwsFault { reason: format!("role `{}` could not be assumed: {reason}", role.arn), passes }
        })
    }
}

/// The request in JSON, signed, in the form of a part of a URL.
fn signed(key: &Credentials, source: &Source, now: SystemTime) -> Result<String, AwsFault> {
    let unusable =
        |what: &str| AwsFault { reason: format!("the request could not be signed: {what}"), passes: false };
    let url = reqwest::Url::parse(&source.url).map_err(|error| unusable(&error.to_string()))?;
    let host = url.host_str().ok_or_else(|| unusable("its address has no host"))?;
    let identity = key.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(&source.identity.region)
        .name("sts")
        .time(now)
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| unusable(&error.to_string()))?;
    let target = [("x-goog-cloud-target-resource", source.audience.as_str())];
    let request = SignableRequest::new("POST", url.as_str(), target.into_iter(), SignableBody::Bytes(b""))
        .map_err(|error| unusable(&error.to_string()))?;
    let (instructions, _) =
        sign(request, &parameters.into()).map_err(|error| unusable(&error.to_string()))?.into_parts();
    let header = |(name, value): (&str, &str)| json!({"key": name, "value": value});
    let headers = target.into_iter().chain([("host", host)]).chain(instructions.headers()).map(header);
    let request =
        json!({"url": source.url, "method": "POST", "headers": headers.collect::<Vec<_>>(), "body": ""});
    Ok(path_part(&request.to_string()))
}

/// Why AWS says nothing of us.
#[derive(Debug, thiserror::Error)]
#[error("AWS: {reason}")]
pub(super) struct AwsFault {
    reason: String,
    /// Whether asking again can help.
    pub(super) passes: bool,
}

impl AwsFault {
    fn no_key() -> Self {
        const WHERE: &str = "not in the environment, a profile, a web identity, ECS or EC2";
        Self { reason: format!("no credentials were found: {WHERE}"), passes: false }
    }
}

impl From<CredentialsError> for AwsFault {
    fn from(error: CredentialsError) -> Self {
        // Who assumes a role asks for a key first, and wraps what comes of it.
        let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
        while let Some(error) = cause {
            if let Some(CredentialsError::CredentialsNotLoaded(_)) = error.downcast_ref() {
                return Self::no_key();
            }
            cause = error.source();
        }
        Self {
            passes: matches!(error, CredentialsError::ProviderTimedOut(_)),
            reason: aws::root_cause(&error),
        }
    }
}
