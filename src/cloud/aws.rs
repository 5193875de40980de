//! What all calls to AWS share: region, credentials and endpoints as the AWS SDK finds them (environment, profile,
//! role), loaded with the first call.

use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_kms::config::http::HttpResponse;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};

use super::fault::pace::Pace;
use super::fault::retry::{Failed, Next, Retrying};
use super::fault::{Fault, Verdict, codes};

/// How long one try of a call may take. Bodies are small: ciphertexts, and logs of a task.
const TRY_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a call is tried again.
pub(super) const RETRIES: u32 = 5;

/// The configuration of the process for AWS.
#[derive(Debug, Default)]
pub struct Aws {
    fallback_region: Option<String>,
    config: Mutex<Option<SdkConfig>>,
}

impl Aws {
    /// Nothing is loaded yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The region of a key's ARN (`arn:aws:kms:REGION:…`) serves where the environment names none.
    #[must_use]
    pub fn with_region_of(mut self, arn: Option<&str>) -> Self {
        self.fallback_region = arn
            .filter(|arn| arn.starts_with("arn:"))
            .and_then(|arn| arn.split(':').nth(3))
            .filter(|region| !region.is_empty())
            .map(str::to_owned);
        self
    }

    /// Loads it, unless it is there. The SDK tries nothing again by itself: see [`call`].
    pub(super) async fn config(&self) -> SdkConfig {
        if let Some(config) = self.held().clone() {
            return config;
        }
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(TRY_TIMEOUT).build();
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .timeout_config(timeouts)
            .retry_config(RetryConfig::disabled());
        if has_keys() {
            // They come before all others; the search for those would ask the machine for a region first.
            loader = loader.credentials_provider(EnvironmentVariableCredentialsProvider::new());
            let environment = EnvironmentVariableRegionProvider::new();
            let written =
                RegionProviderChain::first_try(environment).or_else(ProfileFileRegionProvider::new());
            loader = loader.region(written);
        }
        let loaded = loader.load().await;
        let config = match (&self.fallback_region, loaded.region()) {
            (Some(region), None) => loaded.into_builder().region(Region::new(region.clone())).build(),
            _ => loaded,
        };
        self.held().get_or_insert(config).clone()
    }

    /// Throws it away with its credentials: the next call finds new ones, e.g. in a profile that was renewed.
    pub(super) fn forget(&self) {
        *self.held() = None;
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Option<SdkConfig>> {
        self.config.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is called, and who decides about another try.
pub(super) struct Calling<'c> {
    /// The service and what it is asked for, e.g. `S3 PutObject`.
    pub(super) what: &'c str,
    pub(super) retrying: &'c Retrying,
    /// How often it is tried again.
    pub(super) retries: u32,
    /// Throws credentials away, where others can be found.
    pub(super) renew: Option<&'c (dyn Fn() + Sync)>,
}

/// A call that failed for good.
#[derive(Debug)]
pub(super) struct Final<E> {
    pub(super) error: SdkError<E, HttpResponse>,
    /// Why it was not tried again, where that is not its own fault.
    reason: Option<String>,
}

impl<E> Final<E> {
    /// The text of an error with the reason behind it.
    pub(super) fn told(&self, message: String) -> String {
        match &self.reason {
            Some(reason) => format!("{message}; {reason}"),
            None => message,
        }
    }
}

/// Calls a service until it succeeds, cannot succeed, or was tried often enough.
pub(super) async fn call<T, E, F>(calling: Calling<'_>, once: impl Fn() -> F) -> Result<T, Final<E>>
where
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    E: ProvideErrorMetadata + Error + 'static,
{
    let Calling { what, retrying, retries, mut renew } = calling;
    let mut retried = 0;
    let ended = loop {
        let error = match once().await {
            Ok(done) => break Ok(done),
            Err(error) => error,
        };
        let said = failure(what, &error).message;
        match (fault(&error).verdict(), renew.take_if(|_| is_expired(&error))) {
            (Verdict::RetryWithNewCredentials, Some(renew)) => {
                retrying.renews(&said);
                renew();
            }
            (Verdict::Retry, _) => {
                let failed = Failed { what: &said, retried, most: retries, wish: None, pace: Pace::CALLS };
                match retrying.next(failed) {
                    Next::Again(pause) => tokio::time::sleep(pause).await,
                    last => return Err(Final { error, reason: last.reason() }),
                }
                retried += 1;
            }
            _ => break Err(Final { error, reason: None }),
        }
    };
    retrying.helped(retried);
    ended
}

fn is_expired<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    fault(error) == Fault::CredentialsExpired
}

/// What an error of the SDK is.
pub(super) fn fault<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Fault {
    match error {
        SdkError::ServiceError(answer) => {
            codes::of_aws(answer.err().code().unwrap_or_default(), answer.raw().status().as_u16())
        }
        SdkError::TimeoutError(_) => Fault::TimedOut,
        SdkError::ResponseError(_) => Fault::Truncated,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => Fault::TimedOut,
        // An answer that broke off before its end has a kind of its own, which is none of the three.
        SdkError::DispatchFailure(failure) if failure.is_io() || failure.as_other().is_some() => {
            let root = failure.as_connector_error().map(|error| root_cause(error)).unwrap_or_default();
            let is_certificate = root.contains("invalid peer certificate");
            let unconnected = codes::of_name(&root).unwrap_or(Fault::ConnectionLost);
            if is_certificate { Fault::Tls } else { unconnected }
        }
        // Credentials that cannot be had.
        SdkError::DispatchFailure(_) => Fault::CredentialsRefused,
        _ => Fault::Refused,
    }
}

/// Whether the environment has keys: then nothing is asked of the machine, which gives credentials to those without.
fn has_keys() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    is_set("AWS_ACCESS_KEY_ID") && is_set("AWS_SECRET_ACCESS_KEY")
}

/// Why a call to AWS failed, in words without values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallFailure {
    /// The code of the service; none when no answer came.
    pub code: Option<String>,
    /// One line.
    pub message: String,
}

/// Takes an error of the SDK apart.
pub(super) fn failure<E>(service: &str, error: &SdkError<E, HttpResponse>) -> CallFailure
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if let SdkError::ServiceError(answer) = error {
        let metadata = answer.err();
        let code = metadata.code().map(str::to_owned);
        let message = match (&code, metadata.message()) {
            (Some(code), Some(message)) => format!("{service} says {code}: {}", one_line(message)),
            (Some(code), None) => format!("{service} says {code}"),
            (None, Some(message)) => format!("{service} says: {}", one_line(message)),
            (None, None) => {
                format!("{service} answered with HTTP status {} and no reason", answer.raw().status())
            }
        };
        return CallFailure { code, message };
    }
    let what = match error {
        SdkError::TimeoutError(_) => "did not answer in time",
        SdkError::ResponseError(_) => "gave an answer that is not its own",
        _ => "could not be called",
    };
    CallFailure { code: None, message: format!("{service} {what}: {}", root_cause(error)) }
}

/// The innermost errors say what happened (`connection refused`, `no credentials`); those around them say that it did.
pub(super) fn root_cause(error: &dyn Error) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    one_line(&deepest.to_string())
}

pub(super) fn one_line(text: &str) -> String {
    text.trim_end_matches(['.', '\n', ' ']).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One thing to do about the caller, by the code of a service; an error without one never reached it.
pub(super) fn caller_hint(code: Option<&str>) -> Option<&'static str> {
    match code {
        None => Some("check the AWS credentials, the region and the way to the service"),
        Some(code) => {
            matches!(codes::of_aws(code, 400), Fault::CredentialsExpired | Fault::CredentialsRefused)
                .then_some("the AWS credentials are not valid (any more); renew them")
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_kms::error::ErrorMetadata;
    use aws_sdk_kms::operation::decrypt::DecryptError;

    use super::*;

    #[test]
    fn a_call_that_failed_is_told_in_one_line() {
        let answer = || HttpResponse::new(503.try_into().expect("a status"), "".into());
        let said = |error: &SdkError<DecryptError, HttpResponse>| failure("AWS KMS", error).message;
        let refused = |code: Option<&str>, message: Option<&str>| {
            let mut metadata = ErrorMetadata::builder();
            if let Some(code) = code {
                metadata = metadata.code(code);
            }
            if let Some(message) = message {
                metadata = metadata.message(message);
            }
            said(&SdkError::service_error(DecryptError::generic(metadata.build()), answer()))
        };
        assert_eq!(refused(Some("Denied"), Some("not\n you.")), "AWS KMS says Denied: not you");
        assert_eq!(refused(Some("Denied"), None), "AWS KMS says Denied");
        assert_eq!(refused(None, Some("no")), "AWS KMS says: no");
        assert_eq!(refused(None, None), "AWS KMS answered with HTTP status 503 and no reason");
        assert_eq!(said(&SdkError::timeout_error("3 s")), "AWS KMS did not answer in time: 3 s");
        assert_eq!(
            said(&SdkError::response_error("odd bytes", answer())),
            "AWS KMS gave an answer that is not its own: odd bytes"
        );
        assert_eq!(said(&SdkError::construction_failure("no key")), "AWS KMS could not be called: no key");
    }

    #[test]
    fn the_region_of_an_arn_is_a_fallback() {
        let region = |arn| Aws::new().with_region_of(arn).fallback_region;
        assert_eq!(region(Some("arn:aws:kms:ap-northeast-1:1:key/x")).as_deref(), Some("ap-northeast-1"));
        assert_eq!(region(Some("alias/x")), None);
        assert_eq!(region(Some("arn:aws:s3:::bucket")), None);
        assert_eq!(region(None), None);
    }
}
