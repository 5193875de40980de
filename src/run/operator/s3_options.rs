//! What the operators of S3 read: where it is, who asks, and under which key objects lie.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{OperatorError, OperatorRequest};
use crate::cloud::s3::S3Settings;
use crate::cloud::s3::credentials::S3Credentials;
use crate::cloud::s3::head::CustomerKey;
use crate::dig::params;
use crate::secret::{Secret, SecretError};

/// The options: the task's parameters, below them the maps `aws.s3` and `aws`, and the secrets of those names.
pub(super) struct S3Options<'a>(pub(super) &'a OperatorRequest<'a>);

impl<'a> S3Options<'a> {
    /// An option that is neither absent nor null.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        let aws = || self.0.param("aws");
        let maps = [aws().and_then(|aws| aws.get("s3")), aws()];
        let mut defaults = maps.into_iter().flatten().filter_map(|map| map.get(key));
        self.0.param(key).or_else(|| defaults.find(|value| !value.is_null()))
    }

    /// A text, as it is written.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>, OperatorError> {
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

    /// Where S3 is, and who asks.
    pub(super) fn settings(&self) -> Result<S3Settings, OperatorError> {
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

    /// The key of the secret `aws.s3.sse_c_key` (SSE-C).
    pub(super) fn customer_key(&self) -> Result<Option<CustomerKey>, OperatorError> {
        let Some(key) = self.secret(&["aws.s3.sse_c_key"])? else { return Ok(None) };
        let bytes = STANDARD.decode(key.expose().trim()).map(Zeroizing::new).map_err(|_| {
            OperatorError::config("secret `aws.s3.sse_c_key` is not Base64")
                .hint("it is the key itself in Base64")
        })?;
        let text = |name: &str| {
            Ok::<_, OperatorError>(self.secret(&[name])?.map(|secret| secret.expose().trim().to_owned()))
        };
        let algorithm = text("aws.s3.sse_c_key_algorithm")?.unwrap_or_else(|| "AES256".to_owned());
        let md5 = text("aws.s3.sse_c_key_md5")?.unwrap_or_else(|| STANDARD.encode(Md5::digest(&*bytes)));
        Ok(Some(CustomerKey { key: Secret::new(key.expose().trim()), algorithm, md5 }))
    }
}
