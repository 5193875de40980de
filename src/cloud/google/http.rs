//! One call to a Google service: with its credentials, its retries and its time limits.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method};
use serde_json::Value;

use super::Endpoints;
use super::auth::{Account, Authorizer};
use super::error::GoogleError;
use crate::cloud::fault::Verdict;
use crate::cloud::fault::pace::retry_after;
use crate::cloud::fault::retry::{Next, Retrying};

/// How calls are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manners {
    /// How often a call is tried again.
    pub retries: u32,
    /// Until a connection stands.
    pub open_timeout: Duration,
    /// Without a byte of an answer.
    pub read_timeout: Duration,
    /// Who we say we are.
    pub application_name: String,
}

/// Makes calls for one transfer. Cheap to clone.
#[derive(Clone)]
pub struct Google {
    client: Client,
    authorizer: Arc<Authorizer>,
    /// Where the services are.
    pub endpoints: Endpoints,
    retries: u32,
    retrying: Retrying,
}

/// One call, ready to be tried several times.
#[derive(Debug, Clone)]
pub struct Call {
    method: Method,
    url: String,
    /// The name for messages, e.g. `POST bigquery jobs`.
    name: String,
    headers: HeaderMap,
    body: Bytes,
}

/// An answer of status 2xx or one that the caller asked to see.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Google {
    /// The caller that transfers of the same account, endpoints and manners share: its connections and its token serve
    /// all tables of a run. What it tries again is paid by, and told to, the one who asks for it.
    pub fn shared(
        account: Account,
        endpoints: Endpoints,
        manners: &Manners,
        retrying: Retrying,
    ) -> Result<Self, GoogleError> {
        static KNOWN: Mutex<Vec<(Account, Manners, Google)>> = Mutex::new(Vec::new());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known
            .iter()
            .find(|(a, m, google)| *a == account && m == manners && google.endpoints == endpoints);
        if let Some((_, _, google)) = found {
            return Ok(Self { retrying, ..google.clone() });
        }
        let google = Self::new(account.clone(), endpoints, manners)?;
        known.push((account, manners.clone(), google.clone()));
        Ok(Self { retrying, ..google })
    }

    /// Checks the key and gets ready; no call is made.
    pub fn new(account: Account, endpoints: Endpoints, manners: &Manners) -> Result<Self, GoogleError> {
        crate::cloud::install_crypto();
        let client = Client::builder()
            .connect_timeout(manners.open_timeout)
            .read_timeout(manners.read_timeout)
            .user_agent(&manners.application_name)
            .build()
            .map_err(|error| GoogleError::own("http", error.without_url().to_string()))?;
        let authorizer = Arc::new(Authorizer::new(account, endpoints.identity)?);
        Ok(Self { client, authorizer, endpoints, retries: manners.retries, retrying: Retrying::alone() })
    }

    /// How often a call is tried again.
    pub fn retries(&self) -> u32 {
        self.retries
    }

    /// Who decides about another try.
    pub(super) fn retrying(&self) -> &Retrying {
        &self.retrying
    }

    /// Makes a call until it succeeds, cannot succeed, or the retries are spent.
    pub async fn send(&self, call: &Call) -> Result<Answer, GoogleError> {
        let (mut renewed, mut retried) = (false, 0);
        let ended = loop {
            let error = match self.try_once(call).await {
                Ok(answer) => break Ok(answer),
                Err(error) => error,
            };
            match error.fault.verdict() {
                Verdict::RetryWithNewCredentials if !renewed => {
                    renewed = true;
                    self.retrying.renews(&error);
                    self.authorizer.forget();
                }
                Verdict::Retry => match self.retrying.next(error.failed(retried, self.retries)) {
                    Next::Again(pause) => {
                        retried += 1;
                        tokio::time::sleep(pause).await;
                    }
                    last => return Err(error.ended(last)),
                },
                _ => break Err(error),
            }
        };
        self.retrying.helped(retried);
        ended
    }

    /// Makes a call once. An answer of another status than 2xx and 308 (an upload that goes on) is an error.
    pub async fn try_once(&self, call: &Call) -> Result<Answer, GoogleError> {
        let mut request = self
            .client
            .request(call.method.clone(), &call.url)
            .headers(call.headers.clone())
            .body(call.body.clone());
        if let Some(token) = self.authorizer.token().await? {
            request = request.bearer_auth(token.expose());
        }
        let answer = request.send().await.map_err(|error| GoogleError::unanswered(&call.name, &error))?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.bytes().await.map_err(|error| GoogleError::unanswered(&call.name, &error))?;
        if (200..300).contains(&status) || status == 308 {
            return Ok(Answer { status, headers, body });
        }
        let mut error = GoogleError::answered(&call.name, status, wish(&headers), &body);
        if let (401 | 403, Some(asker)) = (status, self.authorizer.asker()) {
            error.message.push_str(&format!(" (asked as {asker})"));
        }
        Err(error)
    }

    /// Makes a call and reads its answer as JSON; an empty one is null.
    pub async fn json(&self, call: &Call) -> Result<Value, GoogleError> {
        self.send(call).await?.json(call)
    }

    /// The same where 404 means "there is none".
    pub async fn find(&self, call: &Call) -> Result<Option<Value>, GoogleError> {
        match self.json(call).await {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.is(404) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Call {
    /// A call without a body. `name` is what messages call it.
    pub fn new(method: Method, url: String, name: &str) -> Self {
        let name = format!("{method} {name}");
        Self { method, url, name, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// With a JSON body.
    #[must_use]
    pub fn body(mut self, body: &Value) -> Self {
        self.body = body.to_string().into();
        self.headers.insert(
            reqwest::header::CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=UTF-8"),
        );
        self
    }

    /// With bytes.
    #[must_use]
    pub fn bytes(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }

    /// With a header of our own making.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// What messages call it.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Answer {
    /// The body as JSON; an empty one is null.
    pub fn json(&self, call: &Call) -> Result<Value, GoogleError> {
        if self.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&self.body)
            .map_err(|_| GoogleError::own(&call.name, "the answer is not JSON, or was cut short"))
    }
}

/// What the service asks for before the next try.
fn wish(headers: &HeaderMap) -> Option<Duration> {
    retry_after(headers.get(RETRY_AFTER)?.to_str().ok()?)
}
