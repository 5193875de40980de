//! Over HTTP: the notification as JSON. Address and headers may hold what lets one in, so no message shows them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::NotDelivered;
use crate::cloud::web::{
    self, HeaderMap, HeaderName, HeaderValue, Method, Proxies, Redirects, Trust, Url, WebRequest, header,
};
use crate::run::interrupt::block_on;
use crate::run::operator::Cancel;
use crate::secret::Secret;

/// How long one try may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of an answer that are read for a message.
const KEPT: usize = 1 << 10;

/// A receiver.
#[derive(Debug, Clone)]
pub struct HttpChannel {
    /// What its properties begin with, for messages: `notification.http`.
    pub properties: &'static str,
    pub method: String,
    pub url: Secret,
    /// Names and values.
    pub headers: Vec<(String, Secret)>,
}

impl HttpChannel {
    /// Posts a body of JSON.
    pub(super) fn send(
        &self,
        body: String,
        environment: &BTreeMap<String, String>,
        cancel: &Cancel,
    ) -> Result<(), NotDelivered> {
        let request = self.request(body, environment).map_err(NotDelivered::Refused)?;
        let sent = block_on(web::send(&request), cancel).map_err(|_| NotDelivered::Stopped)?;
        let answer = sent.map_err(|error| {
            NotDelivered::Unreachable(format!("the receiver of notifications could not be reached: {error}"))
        })?;
        if answer.status.is_success() {
            return Ok(());
        }
        let text = web::excerpt(&answer.text());
        let colon = if text.is_empty() { "" } else { ": " };
        let status = answer.status.as_u16();
        Err(NotDelivered::Refused(format!("the receiver of notifications answered {status}{colon}{text}")))
    }

    fn request(&self, body: String, environment: &BTreeMap<String, String>) -> Result<WebRequest, String> {
        let mut headers = HeaderMap::new();
        let properties = self.properties;
        for (name, value) in &self.headers {
            let wrong = || format!("property `{properties}.headers.{name}` is not a header");
            let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
            headers.append(key, HeaderValue::from_str(value.expose()).map_err(|_| wrong())?);
        }
        headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        let wrong = |key: &str, what: &str| format!("property `{properties}.{key}` is not {what}");
        Ok(WebRequest {
            method: Method::from_bytes(self.method.as_bytes())
                .map_err(|_| wrong("method", "a method of HTTP"))?,
            url: Url::parse(self.url.expose().trim()).map_err(|_| wrong("url", "an address"))?,
            headers,
            body: Some(body.into()),
            timeout: Some(TIMEOUT),
            // What is posted must arrive, and not be turned into a question.
            redirects: Redirects::Stop,
            trust: Trust::System,
            proxies: Proxies::of_environment(environment).map_err(|error| error.to_string())?,
            keep: KEPT,
        })
    }

    /// The address, and what is in headers that let one in.
    pub(super) fn secrets(&self) -> Vec<&Secret> {
        let opens = |name: &str| {
            let name = name.to_lowercase();
            ["authorization", "cookie", "key", "token", "secret", "pass"]
                .iter()
                .any(|part| name.contains(part))
        };
        let values = self.headers.iter().filter(|(name, _)| opens(name)).map(|(_, value)| value);
        std::iter::once(&self.url).chain(values).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_that_cannot_work_is_named_and_not_shown() {
        let refused = |method: &str, url: &str, header: (&str, &str)| {
            let channel = HttpChannel {
                properties: "notification.http",
                method: method.to_owned(),
                url: Secret::new(url),
                headers: vec![(header.0.to_owned(), Secret::new(header.1))],
            };
            channel.request(String::new(), &BTreeMap::new()).err()
        };
        let (url, fine) = ("http://x/", ("X-Key", "k"));
        for (method, url, header, expected) in [
            ("PO ST", url, fine, "property `notification.http.method` is not a method of HTTP"),
            ("POST", "nowhere", fine, "property `notification.http.url` is not an address"),
            ("POST", url, ("X Key", "k"), "property `notification.http.headers.X Key` is not a header"),
            ("POST", url, ("X-Key", "k\n"), "property `notification.http.headers.X-Key` is not a header"),
        ] {
            assert_eq!(refused(method, url, header).as_deref(), Some(expected));
        }
        assert_eq!(refused("POST", url, fine), None);
    }
}
