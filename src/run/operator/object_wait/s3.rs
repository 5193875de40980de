//! `s3_wait>`: asks S3 for the head of an object.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use serde_json::Value;

use super::{Look, Polls, Wait, address, is_first_miss, no_bucket, unless_canceled};
use crate::cloud::aws::Aws;
use crate::cloud::s3::credentials::S3Credentials;
use crate::cloud::s3::head::{CustomerKey, HeadError, ObjectHead, ObjectQuery};
use crate::cloud::s3::{S3, S3Settings};
use crate::dig::params;
use crate::run::operator::{Operator, OperatorError, OperatorRequest, Turn};
use crate::secret::{Secret, SecretError};
use crate::session::Params;

/// Digdag's pauses: 5 seconds to 5 minutes.
pub(super) const POLLS: Polls = Polls::seconds(5, 300);

/// `s3_wait>`.
#[derive(Debug)]
pub struct S3Wait {
    aws: Arc<Aws>,
    polls: Polls,
}

impl Default for S3Wait {
    fn default() -> Self {
        Self::new(POLLS)
    }
}

impl S3Wait {
    /// Looks as often as `polls` says.
    pub fn new(polls: Polls) -> Self {
        Self { aws: Arc::new(Aws::new()), polls }
    }
}

impl Operator for S3Wait {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        let options = Options(request);
        let (bucket, key) = address(request, "s3://", "key", |key| options.get(key))?;
        let wait = Wait::new(format!("{bucket}/{key}"), "s3", self.polls, |key| options.get(key))?;
        let s3 = S3::new(Arc::clone(&self.aws), options.settings()?);
        let version_id = options.text("version_id")?;
        let object = ObjectQuery { bucket, key, version_id, customer_key: options.customer_key()? };
        let look = unless_canceled(&request.cancel, look(&s3, &object, is_first_miss(request)))??;
        wait.turn(request, look)
    }
}

async fn look(s3: &S3, object: &ObjectQuery, is_first_miss: bool) -> Result<Look, OperatorError> {
    match s3.head(object).await {
        Ok(Some(head)) => Ok(Look::There(stored(head))),
        Ok(None) if is_first_miss && s3.lacks_bucket(&object.bucket).await => Err(no_bucket(&object.bucket)),
        Ok(None) => Ok(Look::NotThere),
        Err(error @ HeadError::NoAnswer(_)) => {
            let message = format!("S3 cannot be asked for object `{}/{}`", object.bucket, object.key);
            let failed = OperatorError::unreachable(message).cause(&error);
            Ok(Look::NoAnswer(failed.hint("check endpoint and network, then retry")))
        }
        Err(error) => Err(refused(object, &error)),
    }
}

fn stored(head: ObjectHead) -> Params {
    Params::from_iter([
        ("metadata".to_owned(), Value::Object(head.metadata)),
        ("user_metadata".to_owned(), Value::Object(head.user_metadata)),
    ])
}

fn refused(object: &ObjectQuery, error: &HeadError) -> OperatorError {
    let hint = match error {
        HeadError::Denied(_) => {
            "check the credentials; S3 also says so of an object that is not there to those who may not list the \
             bucket (`s3:ListBucket`)"
        }
        HeadError::OtherRegion(_) => "name the bucket's region by `region`",
        HeadError::Refused(_) if object.customer_key.is_some() => {
            "check the secrets `aws.s3.sse_c_key`, `aws.s3.sse_c_key_algorithm` and `aws.s3.sse_c_key_md5`"
        }
        _ => {
            "check credentials, region and endpoint; an object under a customer's key needs `aws.s3.sse_c_key`"
        }
    };
    let message = format!("S3 does not tell whether object `{}/{}` is there", object.bucket, object.key);
    OperatorError::failed(message).cause(error).hint(hint)
}

/// The options: the task's parameters, below them the maps `aws.s3` and `aws`, and the secrets of those names.
struct Options<'a>(&'a OperatorRequest<'a>);

impl<'a> Options<'a> {
    fn get(&self, key: &str) -> Option<&'a Value> {
        let aws = || self.0.param("aws");
        let maps = [aws().and_then(|aws| aws.get("s3")), aws()];
        let mut defaults = maps.into_iter().flatten().filter_map(|map| map.get(key));
        self.0.param(key).or_else(|| defaults.find(|value| !value.is_null()))
    }

    fn text(&self, key: &str) -> Result<Option<String>, OperatorError> {
        Ok(self.get(key).map(|value| params::to_text(key, value)).transpose()?)
    }

    /// The first secret that is set. What cannot be read is an error.
    fn secret(&self, names: &[&str]) -> Result<Option<Secret>, OperatorError> {
        for name in names {
            match self.0.secrets.get(name) {
                Ok(secret) => {
                    self.0.services.guard.learn(secret.expose());
                    return Ok(Some(secret));
                }
                Err(SecretError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// Digdag: a secret wins over the parameter.
    fn secret_or_text(&self, names: &[&str], key: &str) -> Result<Option<String>, OperatorError> {
        match self.secret(names)? {
            Some(secret) => Ok(Some(secret.expose().to_owned())),
            None => self.text(key),
        }
    }

    fn settings(&self) -> Result<S3Settings, OperatorError> {
        let path_style = self.get("path_style_access");
        Ok(S3Settings {
            endpoint: self.secret_or_text(&["aws.s3.endpoint"], "endpoint")?,
            region: self.secret_or_text(&["aws.s3.region", "aws.region"], "region")?,
            path_style: path_style.map(|value| params::to_bool("path_style_access", value)).transpose()?,
            credentials: self.credentials()?,
        })
    }

    /// Those of the secrets, or none: then those that the AWS SDK finds, a role's for example.
    fn credentials(&self) -> Result<S3Credentials, OperatorError> {
        let id = self.secret(&["aws.s3.access_key_id", "aws.access_key_id"])?;
        let key = self.secret(&["aws.s3.secret_access_key", "aws.secret_access_key"])?;
        let half = |has: &str, lacks: &str| {
            Err(OperatorError::config(format!("secret `aws.{has}` is set, but `aws.{lacks}` is not"))
                .hint("set both, or none to use the credentials that the AWS SDK finds"))
        };
        match (id, key) {
            (Some(id), Some(key)) => Ok(S3Credentials::Keys { id, key, token: None }),
            (None, None) => Ok(S3Credentials::Found),
            (Some(_), None) => half("access_key_id", "secret_access_key"),
            (None, Some(_)) => half("secret_access_key", "access_key_id"),
        }
    }

    fn customer_key(&self) -> Result<Option<CustomerKey>, OperatorError> {
        let Some(key) = self.secret(&["aws.s3.sse_c_key"])? else { return Ok(None) };
        let bytes = STANDARD.decode(key.expose().trim()).map_err(|_| {
            OperatorError::config("secret `aws.s3.sse_c_key` is not Base64")
                .hint("it is the key itself in Base64")
        })?;
        let text = |name: &str| {
            Ok::<_, OperatorError>(self.secret(&[name])?.map(|secret| secret.expose().trim().to_owned()))
        };
        let algorithm = text("aws.s3.sse_c_key_algorithm")?.unwrap_or_else(|| "AES256".to_owned());
        let md5 = text("aws.s3.sse_c_key_md5")?.unwrap_or_else(|| STANDARD.encode(Md5::digest(&bytes)));
        Ok(Some(CustomerKey { key: Secret::new(key.expose().trim()), algorithm, md5 }))
    }
}
