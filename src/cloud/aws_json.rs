//! Calls of AWS's services that speak JSON: one signed POST, tried again when the service is busy or not there.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_types::service_config::ServiceConfigKey;
use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde_json::Value;
use zeroize::Zeroizing;

use super::aws::{CallFailure, one_line, root_cause};
use super::fault::pace::Pace;
use super::fault::retry::{self, Next, Retrying};
use super::fault::{Fault, codes};
use super::web::{self, Answer, Proxies, Redirects, Trust, WebRequest};

/// How long one try may take.
const TRY_TIMEOUT: Duration = Duration::from_secs(30);

/// Answers are at most 64 KiB of value in JSON.
const KEPT: usize = 1 << 20;

/// How often a call is tried again: somebody waits for a secret before anything begins.
const RETRIES: u32 = 3;

/// One of the services.
#[derive(Debug, Clone, Copy)]
pub(super) struct JsonService {
    /// In messages.
    pub(super) title: &'static str,
    /// The name that signatures and hosts have.
    pub(super) name: &'static str,
    /// What `AWS_ENDPOINT_URL_…` and `services` of the profile call it.
    pub(super) config: &'static str,
    /// The beginning of `X-Amz-Target`.
    pub(super) target: &'static str,
}

/// Where a call goes and who signs it.
struct Call<'c> {
    service: JsonService,
    action: &'c str,
    url: Url,
    region: &'c str,
    body: &'c str,
}

impl JsonService {
    /// Asks for something. The answer is JSON.
    pub(super) async fn call(
        self,
        config: &SdkConfig,
        region: &str,
        action: &str,
        body: &Value,
    ) -> Result<Value, CallFailure> {
        let url = self.url(config, region)?;
        let body = body.to_string();
        let call = Call { service: self, action, url, region, body: &body };
        // Secrets are asked for before there is a task that could hear of it.
        let (retrying, mut retried) = (Retrying::alone(), 0);
        loop {
            let Failed { failure, fault, wish } = match call.once(config).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            let what = &failure.message;
            let failed = retry::Failed { what, retried, most: RETRIES, wish, pace: Pace::CALLS };
            match fault.passes().then(|| retrying.next(failed)) {
                Some(Next::Again(pause)) => tokio::time::sleep(pause).await,
                _ => return Err(failure),
            }
            retried += 1;
        }
    }

    /// As the AWS SDK finds it: the endpoint of the service, that of all, else AWS's own.
    fn url(self, config: &SdkConfig, region: &str) -> Result<Url, CallFailure> {
        let key = ServiceConfigKey::builder()
            .service_id(self.config)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build();
        let own = key.ok().and_then(|key| config.service_config()?.load_config(key));
        let given = own.or_else(|| config.endpoint_url().map(str::to_owned));
        let dual = config.use_dual_stack() == Some(true);
        let text = given.unwrap_or_else(|| host(self.name, region, config.use_fips() == Some(true), dual));
        match Url::parse(&text) {
            Ok(url) if url.has_host() && matches!(url.scheme(), "http" | "https") => Ok(url),
            _ => Err(self.uncalled("its endpoint is not the address of a server")),
        }
    }

    fn uncalled(self, reason: &str) -> CallFailure {
        CallFailure { code: None, message: format!("{} could not be called: {reason}", self.title) }
    }
}

/// The address of a service. <https://docs.aws.amazon.com/general/latest/gr/rande.html>
fn host(name: &str, region: &str, fips: bool, dual: bool) -> String {
    let domain = match (region.starts_with("cn-"), dual) {
        (false, false) => "amazonaws.com",
        (false, true) => "api.aws",
        (true, false) => "amazonaws.com.cn",
        (true, true) => "api.amazonwebservices.com.cn",
    };
    let fips = if fips { "-fips" } else { "" };
    format!("https://{name}{fips}.{region}.{domain}")
}

struct Failed {
    failure: CallFailure,
    fault: Fault,
    /// How long the service asks to wait.
    wish: Option<Duration>,
}

impl Failed {
    fn of(fault: Fault, failure: CallFailure) -> Self {
        Self { failure, fault, wish: None }
    }
}

impl Call<'_> {
    async fn once(&self, config: &SdkConfig) -> Result<Value, Failed> {
        let uncalled = |reason: &str| Failed::of(Fault::Refused, self.service.uncalled(reason));
        let provider =
            config.credentials_provider().ok_or_else(|| uncalled("no AWS credentials are known"))?;
        // The provider remembers them while they are valid.
        let key =
            Box::pin(provider.provide_credentials()).await.map_err(|error| uncalled(&root_cause(&error)))?;
        let headers = self.signed(&key, SystemTime::now()).map_err(|reason| uncalled(&reason))?;
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let proxies = Proxies::of_environment(&variables).map_err(|error| uncalled(&error.to_string()))?;
        let request = WebRequest {
            method: Method::POST,
            url: self.url.clone(),
            headers,
            body: Some(Bytes::from(self.body.to_owned())),
            timeout: Some(TRY_TIMEOUT),
            redirects: Redirects::Stop,
            trust: Trust::System,
            proxies,
            keep: KEPT,
        };
        match web::send(&request).await {
            Ok(answer) => self.read(answer),
            Err(error) => Err(Failed::of(error.fault(), self.service.uncalled(&error.to_string()))),
        }
    }

    fn signed(&self, key: &Credentials, now: SystemTime) -> Result<HeaderMap, String> {
        let failed =
            |error: &dyn std::error::Error| format!("the request could not be signed: {}", root_cause(error));
        let identity = key.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service.name)
            .time(now)
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| failed(&error))?;
        let target = format!("{}.{}", self.service.target, self.action);
        let own = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target.as_str())];
        let body = SignableBody::Bytes(self.body.as_bytes());
        let request = SignableRequest::new("POST", self.url.as_str(), own.into_iter(), body)
            .map_err(|error| failed(&error))?;
        let (instructions, _) =
            sign(request, &parameters.into()).map_err(|error| failed(&error))?.into_parts();
        let mut headers = HeaderMap::new();
        for (name, value) in own.into_iter().chain(instructions.headers()) {
            let name = HeaderName::try_from(name).map_err(|error| failed(&error))?;
            let mut value = HeaderValue::try_from(value).map_err(|error| failed(&error))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(headers)
    }

    fn read(&self, answer: Answer) -> Result<Value, Failed> {
        let wish = answer.retry_after();
        let body = Zeroizing::new(answer.body);
        let parsed = serde_json::from_slice(&body).ok().filter(Value::is_object);
        if answer.status.is_success() {
            let foreign = || {
                let message = format!("{} gave an answer that is not its own", self.service.title);
                Failed::of(Fault::Refused, CallFailure { code: None, message })
            };
            return parsed.ok_or_else(foreign);
        }
        let said = parsed.unwrap_or(Value::Null);
        let status = answer.status.as_u16();
        let failure = refusal(self.service.title, status, &said);
        let fault = codes::of_aws(failure.code.as_deref().unwrap_or_default(), status);
        Err(Failed { wish, ..Failed::of(fault, failure) })
    }
}

/// What an answer that is no success says: `__type` may have the name of a namespace before it.
fn refusal(title: &str, status: u16, said: &Value) -> CallFailure {
    let code = said["__type"].as_str().and_then(|code| code.rsplit('#').next()).map(str::to_owned);
    let reason = said["message"].as_str().or(said["Message"].as_str()).map(one_line).unwrap_or_default();
    let message = match &code {
        Some(code) if reason.is_empty() => format!("{title} says {code}"),
        Some(code) => format!("{title} says {code}: {reason}"),
        None => format!("{title} answered with HTTP status {status} and no reason"),
    };
    CallFailure { code, message }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hosts_are_those_of_the_region() {
        let of = |region, fips, dual| host("ssm", region, fips, dual);
        assert_eq!(of("eu-west-1", false, false), "https://ssm.eu-west-1.amazonaws.com");
        assert_eq!(of("us-gov-west-1", true, false), "https://ssm-fips.us-gov-west-1.amazonaws.com");
        assert_eq!(of("eu-west-1", false, true), "https://ssm.eu-west-1.api.aws");
        assert_eq!(of("cn-north-1", false, false), "https://ssm.cn-north-1.amazonaws.com.cn");
        assert_eq!(of("cn-north-1", false, true), "https://ssm.cn-north-1.api.amazonwebservices.com.cn");
    }

    #[test]
    fn refusals_are_told_in_one_line() {
        let said = |status, body| refusal("AWS SSM", status, &body);
        let busy =
            said(400, json!({"__type": "com.amazon#ThrottlingException", "message": "Rate\nexceeded."}));
        assert_eq!(busy.message, "AWS SSM says ThrottlingException: Rate exceeded");
        let unknown = said(400, json!({"__type": "ParameterNotFound"}));
        assert_eq!(unknown.message, "AWS SSM says ParameterNotFound");
        assert_eq!(said(502, Value::Null).message, "AWS SSM answered with HTTP status 502 and no reason");
    }
}
