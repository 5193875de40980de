//! One HTTP request to a server that a user names: proxies, redirects, trust and a time limit as asked for.
//!
//! Redirects are followed here and not by the client: a header that holds a secret stays with the server it was
//! meant for.

mod proxy;
mod redirect;

use std::error::Error;
use std::io;
use std::time::Duration;

use bytes::Bytes;
pub use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response};
pub use reqwest::{Method, StatusCode, Url};

pub use proxy::{Proxies, WrongProxy};

use super::fault::pace::retry_after;
use super::fault::{Fault, codes};
use super::install_crypto;

/// How the program calls itself.
const USER_AGENT: &str = concat!("sync/", env!("CARGO_PKG_VERSION"));

/// How many redirects are followed. Digdag's number.
const MOST_REDIRECTS: usize = 8;

/// Characters of an answer that a message shows. Digdag's number.
const SHOWN: usize = 200;

/// What is asked, and how.
#[derive(Debug, Clone)]
pub struct WebRequest {
    pub method: Method,
    /// Of http or https. User information in it is sent as basic authorization.
    pub url: Url,
    /// A value that is marked as sensitive is sent to no other server than that of `url`.
    pub headers: HeaderMap,
    pub body: Option<Bytes>,
    /// From the first connection to the last byte of the answer; none is no limit.
    pub timeout: Option<Duration>,
    pub redirects: Redirects,
    pub trust: Trust,
    pub proxies: Proxies,
    /// So many bytes of the answer are kept; the rest is read and only counted.
    pub keep: usize,
}

/// What becomes of an answer that points elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirects {
    /// The request is sent there.
    Follow,
    /// It is the answer.
    Stop,
}

/// Which certificates of servers are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Those that the system trusts.
    System,
    /// Any: nobody can say who answers.
    Anyone,
}

/// The last answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// The first [`WebRequest::keep`] bytes.
    pub body: Vec<u8>,
    /// How many bytes there were.
    pub length: u64,
}

/// Why there is no answer. Texts name no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebError {
    /// It took too long.
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The server is not the one it says it is.
    #[error("the certificate of the server is not trusted: {0}")]
    Certificate(String),
    /// The servers point at each other.
    #[error("more than {MOST_REDIRECTS} redirects")]
    TooManyRedirects,
    /// A redirect leads to no address of the web.
    #[error("the server redirects to something else than an address of http or https")]
    WrongRedirect,
    /// The connection failed.
    #[error("{0}")]
    Network(String),
}

impl WebError {
    /// What it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Timeout(_) => Fault::TimedOut,
            Self::Certificate(_) => Fault::Tls,
            Self::TooManyRedirects | Self::WrongRedirect => Fault::Refused,
            Self::Network(said) => codes::of_name(said).unwrap_or(Fault::ConnectionLost),
        }
    }
}

/// What it is that no connection was made, with a word for it.
pub(super) fn unconnected(error: &(dyn Error + 'static)) -> (Fault, &'static str) {
    let root = root_cause(error);
    if root.is::<rustls::Error>() {
        return (Fault::Tls, "no connection: the server is not trusted, or speaks no TLS that we know");
    }
    match codes::of_name(&root.to_string()) {
        Some(fault @ Fault::NameUnknown) => (fault, "no connection: there is no such host"),
        Some(fault) => (fault, "no connection: no name server answers"),
        None => (Fault::NoConnection, "no connection"),
    }
}

/// Sends the request, follows redirects, and reads the answer.
pub async fn send(request: &WebRequest) -> Result<Answer, WebError> {
    match request.timeout {
        None => exchange(request).await,
        Some(limit) => match tokio::time::timeout(limit, exchange(request)).await {
            Ok(ended) => ended,
            Err(_) => Err(WebError::Timeout(limit)),
        },
    }
}

async fn exchange(request: &WebRequest) -> Result<Answer, WebError> {
    let mut step = request.clone();
    for _ in 0..=MOST_REDIRECTS {
        let response = once(&step).await?;
        let next = match request.redirects {
            Redirects::Follow => redirect::next(&step, response.status(), response.headers())?,
            Redirects::Stop => None,
        };
        match next {
            Some(next) => step = next,
            None => return read(response, request.keep).await,
        }
    }
    Err(WebError::TooManyRedirects)
}

async fn once(request: &WebRequest) -> Result<Response, WebError> {
    let mut call = client(request)?
        .request(request.method.clone(), request.url.clone())
        .headers(request.headers.clone());
    if let Some(body) = &request.body {
        call = call.body(body.clone());
    }
    call.send().await.map_err(network)
}

/// A client for one server. Without TLS it needs no certificates, which slim images may not have.
fn client(request: &WebRequest) -> Result<Client, WebError> {
    install_crypto();
    let mut builder = Client::builder()
        .user_agent(USER_AGENT)
        .redirect(reqwest::redirect::Policy::none())
        .tls_danger_accept_invalid_certs(request.trust == Trust::Anyone);
    if request.url.scheme() == "http" && !request.proxies.use_tls() {
        builder = builder.tls_certs_only([]);
    }
    request.proxies.apply(builder).build().map_err(network)
}

async fn read(mut response: Response, keep: usize) -> Result<Answer, WebError> {
    let (status, headers) = (response.status(), response.headers().clone());
    let (mut body, mut length) = (Vec::new(), 0);
    while let Some(chunk) = response.chunk().await.map_err(network)? {
        length += chunk.len() as u64;
        let room = keep.saturating_sub(body.len()).min(chunk.len());
        body.extend_from_slice(&chunk[..room]);
    }
    Ok(Answer { status, headers, body, length })
}

fn network(error: reqwest::Error) -> WebError {
    let error = error.without_url();
    let root = root_cause(&error);
    let is_certificate = matches!(root.downcast_ref(), Some(rustls::Error::InvalidCertificate(_)));
    let text = root.to_string();
    if is_certificate { WebError::Certificate(text) } else { WebError::Network(text) }
}

/// The error at the end of a chain: the layers above it only say that something failed.
pub(super) fn root_cause<'e>(error: &'e (dyn Error + 'static)) -> &'e (dyn Error + 'static) {
    let mut last = error;
    loop {
        // An I/O error does not name what it wraps as its source, but that one's source.
        let wrapped =
            last.downcast_ref().and_then(io::Error::get_ref).map(|inner| inner as &(dyn Error + 'static));
        match wrapped.or_else(|| last.source()) {
            Some(next) => last = next,
            None => return last,
        }
    }
}

impl Answer {
    /// The body as text, in the charset that the server names, else UTF-8.
    pub fn text(&self) -> String {
        let encoding = self
            .content_type()
            .and_then(|content_type| parameter(content_type, "charset"))
            .and_then(|label| encoding_rs::Encoding::for_label(label.as_bytes()));
        encoding.unwrap_or(encoding_rs::UTF_8).decode(&self.body).0.into_owned()
    }

    /// The header `Content-Type`, as it came.
    pub fn content_type(&self) -> Option<&str> {
        self.headers.get(header::CONTENT_TYPE)?.to_str().ok()
    }

    /// How long the server asks to wait (`Retry-After`): seconds, or until a date.
    pub fn retry_after(&self) -> Option<Duration> {
        retry_after(self.headers.get(header::RETRY_AFTER)?.to_str().ok()?)
    }
}

/// The beginning of what a server said, as one line without control characters, for a message. Secrets are to be
/// hidden before: what is cut in the middle is not found any more.
pub fn excerpt(text: &str) -> String {
    let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
    let line: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    line.join(" ").chars().take(SHOWN).collect()
}

/// The value of a parameter of a header, e.g. `charset` in `text/plain; charset="utf-8"`.
fn parameter<'h>(header: &'h str, name: &str) -> Option<&'h str> {
    let pairs = header.split(';').skip(1).filter_map(|part| part.split_once('='));
    let mut named = pairs.filter(|(key, _)| key.trim().eq_ignore_ascii_case(name));
    named.next().map(|(_, value)| value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(headers: &[(HeaderName, &'static str)], body: &[u8]) -> Answer {
        let headers =
            headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        Answer { status: StatusCode::OK, headers, body: body.to_vec(), length: body.len() as u64 }
    }

    #[test]
    fn a_body_is_read_in_the_charset_of_its_header() {
        for (content_type, body, expected) in [
            ("text/plain", "日本".as_bytes(), "日本"),
            ("text/plain; charset=Shift_JIS", b"\x93\xfa\x96\x7b", "日本"),
            ("text/html; a=b; CharSet=\"iso-8859-1\"", b"caf\xe9", "café"),
            ("text/plain; charset=no-such", b"ok", "ok"),
        ] {
            assert_eq!(answer(&[(header::CONTENT_TYPE, content_type)], body).text(), expected);
        }
    }

    #[test]
    fn an_excerpt_is_one_short_line() {
        assert_eq!(excerpt(" a\u{1b}[31m\r\n\tb\u{7}"), "a [31m b");
        assert_eq!(excerpt(&"é".repeat(300)), "é".repeat(200));
    }
}
