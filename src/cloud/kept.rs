//! AWS Secrets Manager and the SSM Parameter Store as keepers of secrets.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::aws::{Aws, CallFailure, caller_hint};
use super::aws_json::JsonService;
use super::block_on;
use crate::secret::Secret;
use crate::secret::key_service::KeyServiceError;
use crate::secret::mapped::{Keeper, Kept, KeptSecrets};

const SECRETS_MANAGER: JsonService = JsonService {
    title: "AWS Secrets Manager",
    name: "secretsmanager",
    config: "Secrets Manager",
    target: "secretsmanager",
};

const SSM: JsonService = JsonService { title: "AWS SSM", name: "ssm", config: "SSM", target: "AmazonSSM" };

/// Both services, called when the first secret of theirs is asked for.
#[derive(Debug)]
pub struct AwsSecrets {
    aws: Arc<Aws>,
}

impl AwsSecrets {
    /// Nothing is called yet.
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }
}

impl KeptSecrets for AwsSecrets {
    fn fetch(&self, kept: &Kept) -> Result<Secret, KeyServiceError> {
        let Asked { service, action, body, right } = asked(kept);
        let answer = block_on(async {
            let config = &self.aws.config().await;
            let region = config.region().map(AsRef::as_ref).or_else(|| region_of(&kept.id));
            let Some(region) = region else {
                return Err(KeyServiceError {
                    message: "no AWS region is known".into(),
                    hint: Some("set `AWS_REGION`, or `region` in the AWS profile".into()),
                });
            };
            // Calls are large futures.
            Box::pin(service.call(config, region, action, &body))
                .await
                .map_err(|failure| told(failure, right))
        })?;
        text(kept.keeper, answer)
            .map_err(|message| KeyServiceError { message: message.to_owned(), hint: None })
    }
}

struct Asked {
    service: JsonService,
    action: &'static str,
    body: Value,
    /// What IAM calls the right to it.
    right: &'static str,
}

fn asked(kept: &Kept) -> Asked {
    match kept.keeper {
        Keeper::SecretsManager => {
            let mut body = json!({"SecretId": kept.id});
            if let Some(stage) = &kept.stage {
                body["VersionStage"] = json!(stage);
            }
            let right = "secretsmanager:GetSecretValue";
            Asked { service: SECRETS_MANAGER, action: "GetSecretValue", body, right }
        }
        Keeper::Ssm => {
            let body = json!({"Name": kept.id, "WithDecryption": true});
            Asked { service: SSM, action: "GetParameter", body, right: "ssm:GetParameter" }
        }
    }
}

/// The region in an ARN.
fn region_of(id: &str) -> Option<&str> {
    id.strip_prefix("arn:")?.split(':').nth(2).filter(|region| !region.is_empty())
}

/// The text in an answer. A secret of bytes is taken when they are text.
fn text(keeper: Keeper, mut answer: Value) -> Result<Secret, &'static str> {
    let value = match keeper {
        Keeper::SecretsManager => answer["SecretString"].take(),
        Keeper::Ssm => answer["Parameter"]["Value"].take(),
    };
    if let Value::String(text) = value {
        return Ok(Secret::new(text));
    }
    let Value::String(packed) = answer["SecretBinary"].take() else {
        return Err("the answer has no value");
    };
    let packed = Zeroizing::new(packed);
    let bytes =
        STANDARD.decode(packed.as_bytes()).map(Zeroizing::new).map_err(|_| "the answer has no value")?;
    std::str::from_utf8(&bytes).map(Secret::new).map_err(|_| "its value is not UTF-8 text")
}

fn told(failure: CallFailure, right: &str) -> KeyServiceError {
    KeyServiceError { hint: hint(right, failure.code.as_deref()), message: failure.message }
}

/// One thing to do, by the code of the service.
fn hint(right: &str, code: Option<&str>) -> Option<String> {
    let text = match code {
        Some("AccessDeniedException" | "AccessDenied") => {
            format!("allow `{right}` on it for this identity, and `kms:Decrypt` on the key it is under")
        }
        Some("ResourceNotFoundException" | "ParameterNotFound") => {
            "check the name and that `AWS_REGION` is its region".to_owned()
        }
        Some("ParameterVersionNotFound") => "check the version or label after the name".to_owned(),
        Some("InvalidRequestException") => "it may be deleted: restore it, or take the entry out".to_owned(),
        Some("DecryptionFailure" | "InvalidKeyId") => {
            "allow `kms:Decrypt` on the key it is under, and see that the key is enabled".to_owned()
        }
        _ => return caller_hint(code).map(str::to_owned),
    };
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_taken_as_text() {
        let of = |keeper, answer| text(keeper, answer).map(|value| value.expose().to_owned());
        let manager = Keeper::SecretsManager;
        assert_eq!(of(manager, json!({"SecretString": "a"})), Ok("a".into()));
        assert_eq!(of(manager, json!({"SecretBinary": "YQo="})), Ok("a\n".into()));
        assert_eq!(of(manager, json!({"SecretBinary": "/w=="})), Err("its value is not UTF-8 text"));
        assert_eq!(of(manager, json!({"SecretBinary": "?"})), Err("the answer has no value"));
        assert_eq!(of(Keeper::Ssm, json!({"Parameter": {"Value": "b"}})), Ok("b".into()));
        assert_eq!(of(Keeper::Ssm, json!({})), Err("the answer has no value"));
    }

    #[test]
    fn an_arn_names_its_region() {
        assert_eq!(region_of("arn:aws:secretsmanager:eu-west-1:1:secret:a"), Some("eu-west-1"));
        assert_eq!(region_of("arn:aws:s3:::b"), None);
        assert_eq!(region_of("prod/mysql"), None);
    }

    #[test]
    fn hints_name_what_to_do() {
        let of = |code| hint("ssm:GetParameter", Some(code));
        assert_eq!(
            of("AccessDeniedException").as_deref(),
            Some(
                "allow `ssm:GetParameter` on it for this identity, and `kms:Decrypt` on the key it is under"
            )
        );
        for code in ["ResourceNotFoundException", "ParameterNotFound"] {
            assert_eq!(of(code).as_deref(), Some("check the name and that `AWS_REGION` is its region"));
        }
        assert_eq!(of("ThrottlingException"), None);
        assert!(hint("x", None).is_some());
    }
}
