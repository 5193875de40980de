//! AWS KMS as the safe's key service.

use std::sync::Arc;

use aws_sdk_kms::Client;
use aws_sdk_kms::config::http::HttpResponse;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use zeroize::Zeroizing;

use super::aws::{Aws, Calling, Final, RETRIES, call, caller_hint, failure};
use super::block_on;
use super::fault::retry::Retrying;
use crate::secret::key_service::{DataKey, KeyService, KeyServiceError};

const SERVICE: &str = "AWS KMS";

/// KMS, called when the first secret is asked for.
#[derive(Debug)]
pub struct Kms {
    aws: Arc<Aws>,
    /// Secrets are asked for before there is a task that could hear of it.
    retrying: Retrying,
}

impl Kms {
    /// Nothing is called yet.
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws, retrying: Retrying::alone() }
    }

    async fn client(&self) -> Result<Client, KeyServiceError> {
        let config = self.aws.config().await;
        if config.region().is_none() {
            return Err(KeyServiceError {
                message: "no AWS region is known".into(),
                hint: Some("set `AWS_REGION`, or `region` in the AWS profile".into()),
            });
        }
        Ok(Client::new(&config))
    }

    /// Asks until there is an answer, or none to be had. The client is made with each try: its credentials may be new.
    async fn ask<T, E, F>(&self, action: &str, once: impl Fn(Client) -> F) -> Result<T, KeyServiceError>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        // Without a region there is nobody to ask.
        self.client().await?;
        let renew = || self.aws.forget();
        let calling =
            Calling { what: SERVICE, retrying: &self.retrying, retries: RETRIES, renew: Some(&renew) };
        let once = &once;
        let asked = call(calling, || async move {
            let config = self.aws.config().await;
            once(Client::new(&config)).await
        });
        asked.await.map_err(|error| explain(action, &error))
    }
}

impl KeyService for Kms {
    fn encrypt(&self, key: &str, plaintext: &[u8]) -> Result<Vec<u8>, KeyServiceError> {
        block_on(async {
            let call = |kms: Client| kms.encrypt().key_id(key).plaintext(Blob::new(plaintext)).send();
            let answer = self.ask("kms:Encrypt", call).await?;
            answer.ciphertext_blob.map(Blob::into_inner).ok_or_else(incomplete)
        })
    }

    fn decrypt(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyServiceError> {
        block_on(async {
            let call = |kms: Client| kms.decrypt().ciphertext_blob(Blob::new(ciphertext)).send();
            let answer = self.ask("kms:Decrypt", call).await?;
            answer.plaintext.map(|blob| Zeroizing::new(blob.into_inner())).ok_or_else(incomplete)
        })
    }

    fn data_key(&self, key: &str) -> Result<DataKey, KeyServiceError> {
        block_on(async {
            let call = |kms: Client| kms.generate_data_key().key_id(key).key_spec(DataKeySpec::Aes256).send();
            let answer = self.ask("kms:GenerateDataKey", call).await?;
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

fn explain<E>(action: &str, error: &Final<E>) -> KeyServiceError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let failure = failure(SERVICE, &error.error);
    KeyServiceError { hint: hint(action, failure.code.as_deref()), message: error.told(failure.message) }
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
