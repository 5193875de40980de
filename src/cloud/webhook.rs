//! Posts a small form to a webhook. The address is a secret: it is in no error of ours.

use std::time::Duration;

use reqwest::{Client, StatusCode};

use super::fault::pace::{Pace, retry_after};
use super::fault::retry::{Failed, Next, Retrying};
use super::fault::{Fault, codes};
use super::{block_on, install_crypto};
use crate::secret::Secret;

/// How long a webhook is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How often in all, at least once.
    pub tries: u32,
    /// The pauses between them.
    pub pace: Pace,
    /// How long one try may take.
    pub timeout: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            tries: 4,
            pace: Pace {
                first: Duration::from_secs(1),
                longest: Duration::from_secs(30),
                longest_wish: Duration::from_secs(30),
            },
            timeout: Duration::from_secs(30),
        }
    }
}

/// Why a message was not delivered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// The address is none.
    #[error("the webhook's address is not a URL of http or https")]
    Address,
    /// The server said no, after all tries where trying again could help.
    #[error("the webhook answered {status}: {text}")]
    Refused { status: u16, text: String },
    /// Nobody answered.
    #[error("the webhook could not be reached: {0}")]
    Unreachable(String),
}

impl WebhookError {
    fn fault(&self) -> Fault {
        match self {
            Self::Address => Fault::Refused,
            Self::Refused { status, .. } => codes::of_status(*status),
            Self::Unreachable(said) => codes::of_name(said).unwrap_or(Fault::ConnectionLost),
        }
    }
}

/// Characters of an answer that an error shows.
const SHOWN: usize = 200;

/// Posts `field=value` as a form, again where trying again can help.
pub fn post_form(
    address: &Secret,
    field: &str,
    value: &str,
    patience: Patience,
    retrying: &Retrying,
) -> Result<(), WebhookError> {
    let url = reqwest::Url::parse(address.expose().trim()).map_err(|_| WebhookError::Address)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(WebhookError::Address);
    }
    install_crypto();
    let client = Client::builder().timeout(patience.timeout).build();
    let client = client.map_err(|error| WebhookError::Unreachable(error.without_url().to_string()))?;
    block_on(async {
        let mut retried = 0;
        loop {
            let (error, wish) = match post_once(&client, &url, field, value).await {
                Ok(()) => {
                    retrying.helped(retried);
                    return Ok(());
                }
                Err(failed) => failed,
            };
            let most = patience.tries.saturating_sub(1);
            let failed = Failed { what: &error, retried, most, wish, pace: patience.pace };
            match error.fault().passes().then(|| retrying.next(failed)) {
                Some(Next::Again(pause)) => tokio::time::sleep(pause).await,
                _ => return Err(error),
            }
            retried += 1;
        }
    })
}

/// One try; a failure comes with the pause that the server asks for.
async fn post_once(
    client: &Client,
    url: &reqwest::Url,
    field: &str,
    value: &str,
) -> Result<(), (WebhookError, Option<Duration>)> {
    let answer = client.post(url.clone()).form(&[(field, value)]).send().await;
    let answer = answer.map_err(|error| (WebhookError::Unreachable(chain(&error.without_url())), None))?;
    if answer.status().is_success() {
        return Ok(());
    }
    let wish = wish(&answer);
    let status: StatusCode = answer.status();
    let text = answer.text().await.unwrap_or_default();
    let text: String = text.trim().chars().take(SHOWN).collect();
    Err((WebhookError::Refused { status: status.as_u16(), text }, wish))
}

fn wish(answer: &reqwest::Response) -> Option<Duration> {
    retry_after(answer.headers().get(reqwest::header::RETRY_AFTER)?.to_str().ok()?)
}

fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    use super::*;

    /// Answers one connection after the other and gives back the bodies that were posted.
    pub(crate) fn server(answers: Vec<&'static str>) -> (String, JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address =
            format!("http://{}/services/T0/hook-secret", listener.local_addr().expect("an address"));
        let served = std::thread::spawn(move || {
            let serve = |answer: &str| {
                let (mut stream, _) = listener.accept().expect("a client");
                let mut reader = BufReader::new(stream.try_clone().expect("a clone"));
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).expect("a line");
                    if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().expect("a number");
                    }
                    if line.trim().is_empty() {
                        break;
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).expect("a body");
                let head = answer.split_once('|').map_or((answer, ""), |(status, headers)| (status, headers));
                write!(
                    stream,
                    "HTTP/1.1 {}\r\n{}Connection: close\r\nContent-Length: 2\r\n\r\nok",
                    head.0, head.1
                )
                .expect("an answer");
                String::from_utf8(body).expect("text")
            };
            answers.into_iter().map(serve).collect()
        });
        (address, served)
    }

    pub(crate) const AT_ONCE: Patience = Patience {
        tries: 3,
        pace: Pace { first: Duration::ZERO, longest: Duration::ZERO, longest_wish: Duration::ZERO },
        timeout: Duration::from_secs(20),
    };

    fn post(address: &str) -> Result<(), WebhookError> {
        post_form(&Secret::new(address), "payload", "{\"text\":\"a b\"}", AT_ONCE, &Retrying::alone())
    }

    #[test]
    fn passing_refusals_are_tried_again() {
        let (address, served) = server(vec!["429 Too Many|Retry-After: 9\r\n", "503 Busy", "200 OK"]);
        assert_eq!(post(&address), Ok(()));
        let bodies = served.join().expect("no panic");
        assert_eq!(bodies, ["payload=%7B%22text%22%3A%22a+b%22%7D"; 3]);
    }

    #[test]
    fn lasting_refusals_are_told_without_the_address() {
        let (address, served) = server(vec!["404 Not Found"]);
        let error = post(&address).expect_err("refused").to_string();
        assert_eq!(error, "the webhook answered 404: ok");
        assert_eq!(served.join().expect("no panic").len(), 1);
        // The listener is gone now.
        let error = post(&address).expect_err("nobody").to_string();
        assert!(error.starts_with("the webhook could not be reached: "), "{error}");
        assert!(!error.contains("hook-secret"), "{error}");
        assert_eq!(post("not a url"), Err(WebhookError::Address));
        assert_eq!(post("ftp://x/y"), Err(WebhookError::Address));
    }
}
