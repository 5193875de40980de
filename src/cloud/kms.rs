//! AWS KMS as the safe's key service.

use std::sync::{Arc, OnceLock};

use aws_sdk_kms::Client;
use aws_sdk_kms::config::http::HttpResponse;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use zeroize::Zeroizing;

use super::aws::{Aws, caller_hint, failure};
use super::block_on;
use crate::secret::key_service::{DataKey, KeyService, KeyServiceError};

const SERVICE: &str = "AWS KMS";

/// KMS, called when the first secret is asked for.
#[derive(Debug)]
pub struct Kms {
    aws: Arc<Aws>,
    client: OnceLock<Client>,
}

impl Kms {
    /// Nothing is called yet.
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws, client: OnceLock::new() }
    }

    async fn client(&self) -> Result<&Client, KeyServiceError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let config = self.aws.config().await;
        if config.region().is_none() {
            return Err(KeyServiceError {
                message: "no AWS region is known".into(),
                hint: Some("set `AWS_REGION`, or `region` in the AWS profile".into()),
            });
        }
        Ok(self.client.get_or_init(|| Client::new(config)))
    }
}

impl KeyService for Kms {
    fn encrypt(&self, key: &str, plaintext: &[u8]) -> Result<Vec<u8>, KeyServiceError> {
        block_on(async {
            let call = self.client().await?.encrypt().key_id(key).plaintext(Blob::new(plaintext));
            let answer = call.send().await.map_err(|error| explain("kms:Encrypt", &error))?;
            answer.ciphertext_blob.map(Blob::into_inner).ok_or_else(incomplete)
        })
    }

    fn decrypt(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyServiceError> {
        block_on(async {
            let call = self.client().await?.decrypt().ciphertext_blob(Blob::new(ciphertext));
            let answer = call.send().await.map_err(|error| explain("kms:Decrypt", &error))?;
            answer.plaintext.map(|blob| Zeroizing::new(blob.into_inner())).ok_or_else(incomplete)
        })
    }

    fn data_key(&self, key: &str) -> Result<DataKey, KeyServiceError> {
        block_on(async {
            let call = self.client().await?.generate_data_key().key_id(key).key_spec(DataKeySpec::Aes256);
            let answer = call.send().await.map_err(|error| explain("kms:GenerateDataKey", &error))?;
            let plaintext = answer.plaintext.map(|blob| Zeroizing::new(blob.into_inner()));
            let ciphertext = answer.ciphertext_blob.map(Blob::into_inner);
            match (plaintext, ciphertext) {
                (Some(plaintext), Some(ciphertext)) => Ok(DataKey { plaintext, ciphertext }),
                _ => Err(incomplete()),
            }
        })
    }
}

fn incomplete() -> KeyServiceError {
    KeyServiceError { message: format!("{SERVICE} gave an answer without a value"), hint: None }
}

fn explain<E>(action: &str, error: &SdkError<E, HttpResponse>) -> KeyServiceError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let failure = failure(SERVICE, error);
    KeyServiceError { hint: hint(action, failure.code.as_deref()), message: failure.message }
}

/// One thing to do, by the code of the service.
fn hint(action: &str, code: Option<&str>) -> Option<String> {
    let text = match code {
        Some("AccessDeniedException" | "AccessDenied") => {
            format!("allow `{action}` on the key for this identity")
        }
        Some("NotFoundException") => "check the key id and that `AWS_REGION` is the key's".to_owned(),
        Some("InvalidCiphertextException") => {
            "it was made under another key, account or region, or with an encryption context; set it again"
                .to_owned()
        }
        Some("DisabledException" | "KMSInvalidStateException") => "enable the key again".to_owned(),
        _ => return caller_hint(code).map(str::to_owned),
    };
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_name_what_to_do() {
        assert_eq!(
            hint("kms:Decrypt", Some("AccessDeniedException")).as_deref(),
            Some("allow `kms:Decrypt` on the key for this identity")
        );
        assert_eq!(hint("kms:Decrypt", Some("ThrottlingException")), None);
        let expired = "the AWS credentials are not valid (any more); renew them";
        for (code, expected) in [
            (None, "check the AWS credentials, the region and the way to the service"),
            (Some("NotFoundException"), "check the key id and that `AWS_REGION` is the key's"),
            (
                Some("InvalidCiphertextException"),
                "it was made under another key, account or region, or with an encryption context; set it again",
            ),
            (Some("DisabledException"), "enable the key again"),
            (Some("KMSInvalidStateException"), "enable the key again"),
            (Some("ExpiredTokenException"), expired),
            (Some("InvalidClientTokenId"), expired),
        ] {
            assert_eq!(hint("kms:Decrypt", code).as_deref(), Some(expected), "{code:?}");
        }
    }

    #[test]
    fn an_answer_without_a_value_is_told() {
        assert_eq!(incomplete().message, "AWS KMS gave an answer without a value");
    }
}
