//! A token of Google's for what AWS says of us, and from that one a token of a service account where the federation
//! names one.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::{Client, RequestBuilder, Url};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::aws::{AwsIdentity, Source, TOKEN_TYPE};
use super::{SCOPES, failure};
use crate::cloud::fault::codes;
use crate::cloud::google::error::GoogleError;
use crate::secret::Secret;

/// Where tokens are exchanged, unless the configuration says otherwise.
const EXCHANGE: &str = "https://sts.googleapis.com/v1/token";
/// What the exchanged token may do where it is only there to ask for another.
const IMPERSONATION_SCOPE: &str = "https://www.googleapis.com/auth/iam";
/// How long a token of a service account lives.
const LIFETIME: &str = "3600s";
/// A token is renewed so long before it ends.
const SLACK: Duration = Duration::from_secs(240);

/// One federation, with its token.
pub(super) struct Exchange {
    client: Client,
    source: Source,
    audience: String,
    token_url: String,
    /// `service_account_impersonation_url`
    account_url: Option<String>,
    held: Mutex<Option<Token>>,
}

struct Token {
    text: Secret,
    ends: Instant,
}

/// Why there is no token, and whether asking again can help.
struct Refusal {
    reason: String,
    passes: bool,
}

impl Exchange {
    /// From the configuration of a federation; nothing is called yet.
    pub(super) fn new(config: &Value, identity: &AwsIdentity) -> Result<Self, GoogleError> {
        let text = |name: &str| config[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let audience = text("audience").unwrap_or_default();
        let url = config["credential_source"]["regional_cred_verification_url"].as_str();
        let client = Client::builder()
            .build()
            .map_err(|error| GoogleError::own("http", error.without_url().to_string()))?;
        Ok(Self {
            client,
            source: Source::new(identity.clone(), &audience, url),
            audience,
            token_url: text("token_url").unwrap_or_else(|| EXCHANGE.to_owned()),
            account_url: text("service_account_impersonation_url"),
            held: Mutex::new(None),
        })
    }

    /// The token, a new one when it is about to end. `account` names it in messages.
    pub(super) async fn token(&self, account: &str) -> Result<Secret, GoogleError> {
        let mut held = self.held.lock().await;
        if let Some(token) = held.as_ref().filter(|token| token.ends > Instant::now() + SLACK) {
            return Ok(token.text.clone());
        }
        let token = self
            .renew()
            .await
            .map_err(|refusal| failure::refused(account, &refusal.reason, refusal.passes))?;
        let text = token.text.clone();
        *held = Some(token);
        Ok(text)
    }

    async fn renew(&self) -> Result<Token, Refusal> {
        let subject = self
            .source
            .token()
            .await
            .map_err(|fault| Refusal { reason: fault.to_string(), passes: fault.passes })?;
        let own = [IMPERSONATION_SCOPE];
        let scopes: &[&str] = if self.account_url.is_some() { &own } else { &SCOPES };
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("subject_token_type", TOKEN_TYPE),
            ("subject_token", &subject),
            ("audience", &self.audience),
            ("scope", &scopes.join(" ")),
        ];
        let given = ask("the exchange of tokens", self.client.post(&self.token_url).form(&form)).await?;
        let federated = text_of(&given, "access_token")?;
        let Some(url) = &self.account_url else {
            let life = given["expires_in"].as_u64().map_or(Duration::ZERO, Duration::from_secs);
            return Ok(Token { text: federated, ends: Instant::now() + life });
        };
        let wanted = json!({"delegates": null, "scope": SCOPES, "lifetime": LIFETIME});
        let request = self.client.post(url).bearer_auth(federated.expose()).json(&wanted);
        let given = ask("the service account", request).await?;
        Ok(Token { text: text_of(&given, "accessToken")?, ends: end_of(&given["expireTime"]) })
    }
}

/// An answer in JSON, or what the other side said.
async fn ask(who: &str, request: RequestBuilder) -> Result<Value, Refusal> {
    let broken = |error: reqwest::Error| {
        let host = error.url().and_then(Url::host_str).unwrap_or_default().to_owned();
        let what = if error.is_connect() { "no connection" } else { "the connection broke" };
        Refusal { reason: format!("{who}: {what} to `{host}`"), passes: !error.is_builder() }
    };
    let answer = request.send().await.map_err(broken)?;
    let status = answer.status();
    let body = answer.text().await.map_err(broken)?;
    if !status.is_success() {
        let said = failure::answer(&body).map(|said| format!(" {said}")).unwrap_or_default();
        let passes = codes::of_status(status.as_u16()).passes();
        return Err(Refusal { reason: format!("{who}: HTTP {}{said}", status.as_u16()), passes });
    }
    serde_json::from_str(&body)
        .map_err(|_| Refusal { reason: format!("{who}: the answer is not JSON"), passes: false })
}

fn text_of(answer: &Value, name: &str) -> Result<Secret, Refusal> {
    let missing = || Refusal { reason: format!("an answer without `{name}`"), passes: false };
    answer[name].as_str().map(Secret::new).ok_or_else(missing)
}

/// An instant of the wall clock by the clock that nobody sets; one that cannot be read is over.
fn end_of(time: &Value) -> Instant {
    let end = time.as_str().and_then(|text| text.parse::<Timestamp>().ok());
    let left = end.map_or(0, |end| end.as_second() - Timestamp::now().as_second());
    Instant::now() + Duration::from_secs(u64::try_from(left).unwrap_or(0))
}
