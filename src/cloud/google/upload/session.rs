//! The session of an upload on the service's side: chunks one after the other, each until the service has all of it.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reqwest::Method;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::{Proof, Uploaded};
use crate::cloud::fault::Verdict;
use crate::cloud::fault::retry::Next;
use crate::cloud::google::error::GoogleError;
use crate::cloud::google::http::{Answer, Call, Google};

/// What the writer hands over.
pub(super) enum Piece {
    /// A full chunk.
    More(Bytes),
    /// What is left, perhaps nothing.
    Last(Bytes),
    /// Nothing: it is told when the service has all that came before.
    Mark(oneshot::Sender<()>),
    /// The upload is given up.
    Cancel,
}

/// What goes with the last bytes.
#[derive(Debug, Clone)]
struct Ending {
    /// The length of all.
    total: u64,
    /// The value of `x-goog-hash`.
    hash: Option<String>,
}

/// A CRC32C as Cloud Storage writes it.
pub fn crc32c_text(crc32c: u32) -> String {
    STANDARD.encode(crc32c.to_be_bytes())
}

/// The session on the service's side.
pub(super) struct Session {
    google: Google,
    /// The call that opened it.
    open: Call,
    proof: Proof,
    url: String,
    name: String,
    sent: u64,
    crc32c: u32,
}

/// How the service stands after a request.
enum Standing {
    /// It has so many bytes and wants more.
    Has(u64),
    /// It has everything.
    Complete(Value),
}

impl Session {
    pub(super) async fn open(google: Google, open: Call, proof: Proof) -> Result<Self, GoogleError> {
        let url = session_url(&google, &open).await?;
        let name = format!("chunk of {}", open.name());
        Ok(Self { google, open, proof, url, name, sent: 0, crc32c: 0 })
    }

    pub(super) async fn run(mut self, mut receiver: mpsc::Receiver<Piece>) -> Result<Uploaded, GoogleError> {
        loop {
            match receiver.recv().await {
                Some(Piece::More(chunk)) => {
                    if let Standing::Complete(_) = self.put(chunk, None).await? {
                        return Err(GoogleError::own(
                            &self.name,
                            "the upload was closed before its last byte",
                        ));
                    }
                }
                Some(Piece::Last(chunk)) => return self.put_last(chunk).await,
                // Who no longer waits for it has asked to stop.
                Some(Piece::Mark(mark)) => drop(mark.send(())),
                Some(Piece::Cancel) | None => {
                    self.forget().await;
                    return Err(GoogleError::own(&self.name, "the upload was given up"));
                }
            }
        }
    }

    async fn put_last(mut self, chunk: Bytes) -> Result<Uploaded, GoogleError> {
        let total = self.sent + chunk.len() as u64;
        let hash = match self.proof {
            Proof::Crc32c => {
                let whole = crc32c::crc32c_append(self.crc32c, &chunk);
                Some(format!("crc32c={}", crc32c_text(whole)))
            }
            Proof::Nothing => None,
        };
        let put = self.put(chunk, Some(&Ending { total, hash })).await;
        match put.map_err(explained)? {
            Standing::Complete(resource) => Ok(Uploaded { resource, bytes: total, crc32c: self.crc32c }),
            Standing::Has(_) => Err(GoogleError::own(&self.name, "the service does not close the upload")),
        }
    }

    /// Sends a chunk whole, in as many requests as it takes. `ending` goes with the last chunk.
    async fn put(&mut self, chunk: Bytes, ending: Option<&Ending>) -> Result<Standing, GoogleError> {
        let start = self.sent;
        let end = start + chunk.len() as u64;
        // Tries without progress; those of them that the budget has paid for.
        let (mut tries, mut paid) = (0, 0);
        loop {
            let rest = chunk.slice(usize_of(self.sent - start)..);
            let standing = match self.try_put(rest, ending).await {
                Ok(standing) => standing,
                // What asks how much has arrived asks with new credentials too.
                Err(error)
                    if matches!(error.fault.verdict(), Verdict::Retry | Verdict::RetryWithNewCredentials)
                        && tries < self.google.retries() =>
                {
                    match self.google.retrying().next(error.failed(tries, self.google.retries())) {
                        Next::Again(pause) => tokio::time::sleep(pause).await,
                        last => return Err(error.ended(last)),
                    }
                    (tries, paid) = (tries + 1, paid + 1);
                    match self.ask(ending).await {
                        Err(error) if self.may_begin_again(start, tries, &error) => {
                            self.begin_again().await?
                        }
                        asked => asked?,
                    }
                }
                Err(error) if self.may_begin_again(start, tries, &error) => {
                    tries += 1;
                    self.begin_again().await?
                }
                Err(error) => return Err(error),
            };
            match standing {
                Standing::Complete(resource) => {
                    self.google.retrying().helped(paid);
                    self.advance(&chunk, start, end);
                    return Ok(Standing::Complete(resource));
                }
                Standing::Has(has) if has < self.sent || has > end => {
                    return Err(GoogleError::own(&self.name, "the service lost bytes that it had taken"));
                }
                Standing::Has(has) => {
                    if has > self.sent {
                        self.google.retrying().helped(paid);
                        (tries, paid) = (0, 0);
                    } else if tries >= self.google.retries() {
                        return Err(GoogleError::own(&self.name, "the service takes no more bytes"));
                    } else {
                        tries += 1;
                    }
                    self.advance(&chunk, start, has);
                    if has == end && ending.is_none() {
                        return Ok(Standing::Has(has));
                    }
                }
            }
        }
    }

    /// Whether the service forgot the session while everything it had is still in memory.
    fn may_begin_again(&self, chunk_start: u64, tries: u32, error: &GoogleError) -> bool {
        chunk_start == 0 && tries < self.google.retries() && (error.is(404) || error.is(410))
    }

    async fn begin_again(&mut self) -> Result<Standing, GoogleError> {
        self.url = session_url(&self.google, &self.open).await?;
        self.sent = 0;
        self.crc32c = 0;
        Ok(Standing::Has(0))
    }

    /// Bytes up to `has` are with the service.
    fn advance(&mut self, chunk: &Bytes, start: u64, has: u64) {
        let taken = &chunk[usize_of(self.sent - start)..usize_of(has - start)];
        self.crc32c = crc32c::crc32c_append(self.crc32c, taken);
        self.sent = has;
    }

    async fn try_put(&self, bytes: Bytes, ending: Option<&Ending>) -> Result<Standing, GoogleError> {
        let range = match bytes.len() as u64 {
            0 => "*".to_owned(),
            length => format!("{}-{}", self.sent, self.sent + length - 1),
        };
        let call = self.request(&range, ending).bytes(bytes);
        self.standing(&call, &self.google.try_once(&call).await?)
    }

    /// Asks how much the service has.
    async fn ask(&self, ending: Option<&Ending>) -> Result<Standing, GoogleError> {
        let call = self.request("*", ending);
        let answer = self.google.send(&call).await?;
        self.standing(&call, &answer)
    }

    fn request(&self, range: &str, ending: Option<&Ending>) -> Call {
        let total = ending.map_or_else(|| "*".to_owned(), |ending| ending.total.to_string());
        let call = Call::new(Method::PUT, self.url.clone(), &self.name)
            .header("content-range", &format!("bytes {range}/{total}"));
        match ending.and_then(|ending| ending.hash.as_deref()) {
            Some(hash) => call.header("x-goog-hash", hash),
            None => call,
        }
    }

    fn standing(&self, call: &Call, answer: &Answer) -> Result<Standing, GoogleError> {
        if answer.status != 308 {
            return Ok(Standing::Complete(answer.json(call)?));
        }
        // Without a Range the service has nothing yet.
        let Some(range) = answer.headers.get(reqwest::header::RANGE) else { return Ok(Standing::Has(0)) };
        let last = range.to_str().ok().and_then(|range| range.rsplit('-').next()?.parse::<u64>().ok());
        last.map(|last| Standing::Has(last + 1))
            .ok_or_else(|| GoogleError::own(&self.name, "the service names no range of bytes"))
    }

    /// Lets the service forget the upload. It would forget it by itself within a week.
    async fn forget(&self) {
        let call = Call::new(Method::DELETE, self.url.clone(), &self.name).header("content-length", "0");
        let _ = tokio::time::timeout(Duration::from_secs(10), self.google.try_once(&call)).await;
    }
}

/// Cloud Storage: `Provided CRC32C "…" doesn't match calculated CRC32C "…".` It is no fault of the request, and the
/// next attempt may succeed.
fn explained(error: GoogleError) -> GoogleError {
    if error.is(400) && error.message.contains("doesn't match calculated") {
        let message = "other bytes arrived than were sent (their CRC32C differs), and nothing was stored";
        return GoogleError::own(&error.call, message);
    }
    error
}

async fn session_url(google: &Google, open: &Call) -> Result<String, GoogleError> {
    let answer = google.send(open).await?;
    let url = answer.headers.get(reqwest::header::LOCATION).and_then(|url| url.to_str().ok());
    let url = url.ok_or_else(|| GoogleError::own(open.name(), "the answer names no upload session"))?;
    Ok(url.to_owned())
}

/// A place within a chunk, which is in memory.
fn usize_of(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
