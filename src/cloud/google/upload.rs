//! Resumable uploads of a stream whose length is not known beforehand, to Cloud Storage and to BigQuery's upload
//! endpoint: both speak one protocol (Cloud Storage: "Resumable uploads").
//!
//! The writer is a plain thread; it hands full chunks over a short queue to a task of the runtime, and waits when the
//! network is slower than the rows. A chunk that was taken in part goes on where the service says it stopped. Nothing
//! is kept but the chunk under way, so a session that is gone is begun again while that chunk is the first, and fails the
//! upload later: the rows have to be read again.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::error::{GoogleError, Remedy};
use super::http::{Answer, Call, Google, pause};
use crate::cloud;

/// A chunk must be a multiple of this, but for the last.
const GRAIN: usize = 256 << 10;

/// Bytes of one chunk.
pub const CHUNK: usize = 16 * GRAIN;

/// Chunks that one upload holds at most: the one that fills, the one that waits, the one under way.
pub const CHUNKS_HELD: usize = 3;

/// How often an upload that waits looks whether it should stop.
const LOOK: Duration = Duration::from_millis(100);

/// How long giving up may take.
const CANCEL_PATIENCE: Duration = Duration::from_secs(3);

/// What was uploaded.
#[derive(Debug, Clone)]
pub struct Uploaded {
    /// What the service answered to the last chunk: an object, or a job.
    pub resource: Value,
    /// Bytes sent.
    pub bytes: u64,
    /// CRC32C of all bytes.
    pub crc32c: u32,
}

/// Says whether an upload should stop waiting.
pub type StopRule = Box<dyn Fn() -> bool + Send>;

/// An upload under way.
pub struct Upload {
    stop: StopRule,
    chunk: Vec<u8>,
    sender: Option<mpsc::Sender<Piece>>,
    task: Option<JoinHandle<Result<Uploaded, GoogleError>>>,
}

enum Piece {
    /// A full chunk.
    More(Bytes),
    /// What is left, perhaps nothing.
    Last(Bytes),
    /// Nothing: it is told when the service has all that came before.
    Mark(oneshot::Sender<()>),
    /// The upload is given up.
    Cancel,
}

impl Upload {
    /// Starts an upload by the call that opens its session.
    pub fn start(google: &Google, open: Call) -> Self {
        let (sender, receiver) = mpsc::channel(1);
        let google = google.clone();
        let task =
            cloud::handle().spawn(async move { Session::open(google, open).await?.run(receiver).await });
        Self {
            stop: Box::new(|| false),
            chunk: Vec::with_capacity(CHUNK),
            sender: Some(sender),
            task: Some(task),
        }
    }

    /// Waits no longer than `stop` allows.
    #[must_use]
    pub fn until(mut self, stop: StopRule) -> Self {
        self.stop = stop;
        self
    }

    /// Takes bytes; waits while a chunk is under way and another waits, but not when it is asked to stop.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), GoogleError> {
        while !bytes.is_empty() {
            let room = (CHUNK - self.chunk.len()).min(bytes.len());
            let (now, later) = bytes.split_at(room);
            self.chunk.extend_from_slice(now);
            bytes = later;
            if self.chunk.len() == CHUNK {
                let full = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
                self.hand_over(Piece::More(full.into()))?;
            }
        }
        Ok(())
    }

    /// Waits until the service has all but the end that only its last request may carry, or until it is asked to
    /// stop. What is kept then for [`Self::finish`], in bytes, is less than 256 KiB.
    pub fn seal(&mut self) -> Result<usize, GoogleError> {
        let end = self.chunk[self.chunk.len() / GRAIN * GRAIN..].to_vec();
        let mut whole = std::mem::replace(&mut self.chunk, end);
        whole.truncate(whole.len() - self.chunk.len());
        if !whole.is_empty() {
            self.hand_over(Piece::More(whole.into()))?;
        }
        let (mark, told) = oneshot::channel();
        self.hand_over(Piece::Mark(mark))?;
        let has_all = cloud::block_on(async {
            tokio::select! {
                biased;
                told = told => Ok(told.is_ok()),
                () = asked(&self.stop) => Err(stopped()),
            }
        })?;
        if has_all { Ok(self.chunk.len()) } else { Err(self.early_end()) }
    }

    /// Sends what is left and waits for the service's answer, or until it is asked to stop.
    pub fn finish(mut self) -> Result<Uploaded, GoogleError> {
        let last = std::mem::take(&mut self.chunk);
        self.hand_over(Piece::Last(last.into()))?;
        self.join()
    }

    /// Gives the upload up; the service forgets what it has. An upload that is stuck is left to the service, which
    /// forgets it within a week.
    pub fn cancel(mut self) {
        let (Some(sender), Some(mut task)) = (self.sender.take(), self.task.take()) else { return };
        cloud::block_on(async {
            let ended = async {
                // An upload that failed already has nobody to tell.
                let _ = sender.send(Piece::Cancel).await;
                let _ = (&mut task).await;
            };
            if tokio::time::timeout(CANCEL_PATIENCE, ended).await.is_err() {
                task.abort();
            }
        });
    }

    fn hand_over(&mut self, piece: Piece) -> Result<(), GoogleError> {
        let sent = match &self.sender {
            None => false,
            Some(sender) => cloud::block_on(async {
                tokio::select! {
                    biased;
                    sent = sender.send(piece) => Ok(sent.is_ok()),
                    () = asked(&self.stop) => Err(stopped()),
                }
            })?,
        };
        if sent { Ok(()) } else { Err(self.early_end()) }
    }

    /// Why the task ended before its time.
    fn early_end(&mut self) -> GoogleError {
        let unsaid = || GoogleError::own("upload", "it ended before its last byte");
        self.join().err().unwrap_or_else(unsaid)
    }

    fn join(&mut self) -> Result<Uploaded, GoogleError> {
        self.sender = None;
        let Some(mut task) = self.task.take() else {
            return Err(GoogleError::own("upload", "it has ended already"));
        };
        cloud::block_on(async {
            tokio::select! {
                biased;
                ended = &mut task => ended.map_err(|_| GoogleError::own("upload", "its task was stopped"))?,
                () = asked(&self.stop) => {
                    task.abort();
                    Err(stopped())
                }
            }
        })
    }
}

/// An upload that nobody ends must not go on behind the transfer's back.
impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

/// Waits until somebody asks to stop.
async fn asked(stop: &StopRule) {
    while !stop() {
        tokio::time::sleep(LOOK).await;
    }
}

fn stopped() -> GoogleError {
    GoogleError::own("upload", "the upload was stopped")
}

/// The session on the service's side.
struct Session {
    google: Google,
    /// The call that opened it.
    open: Call,
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
    async fn open(google: Google, open: Call) -> Result<Self, GoogleError> {
        let url = session_url(&google, &open).await?;
        let name = format!("chunk of {}", open.name());
        Ok(Self { google, open, url, name, sent: 0, crc32c: 0 })
    }

    async fn run(mut self, mut receiver: mpsc::Receiver<Piece>) -> Result<Uploaded, GoogleError> {
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
        match self.put(chunk, Some(total)).await? {
            Standing::Complete(resource) => Ok(Uploaded { resource, bytes: total, crc32c: self.crc32c }),
            Standing::Has(_) => Err(GoogleError::own(&self.name, "the service does not close the upload")),
        }
    }

    /// Sends a chunk whole, in as many requests as it takes. `total`: the length of all, with the last chunk.
    async fn put(&mut self, chunk: Bytes, total: Option<u64>) -> Result<Standing, GoogleError> {
        let start = self.sent;
        let end = start + chunk.len() as u64;
        let mut tries = 0;
        loop {
            let rest = chunk.slice(usize_of(self.sent - start)..);
            let standing = match self.try_put(rest, total).await {
                Ok(standing) => standing,
                Err(error) if error.remedy() != Remedy::GiveUp && tries < self.google.retries() => {
                    tries += 1;
                    tokio::time::sleep(pause(tries, error.retry_after)).await;
                    match self.ask(total).await {
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
                    self.advance(&chunk, start, end);
                    return Ok(Standing::Complete(resource));
                }
                Standing::Has(has) if has < self.sent || has > end => {
                    return Err(GoogleError::own(&self.name, "the service lost bytes that it had taken"));
                }
                Standing::Has(has) => {
                    if has > self.sent {
                        tries = 0;
                    } else if tries >= self.google.retries() {
                        return Err(GoogleError::own(&self.name, "the service takes no more bytes"));
                    } else {
                        tries += 1;
                    }
                    self.advance(&chunk, start, has);
                    if has == end && total.is_none() {
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

    async fn try_put(&self, bytes: Bytes, total: Option<u64>) -> Result<Standing, GoogleError> {
        let total = total.map_or_else(|| "*".to_owned(), |total| total.to_string());
        let range = match bytes.len() as u64 {
            0 => format!("bytes */{total}"),
            length => format!("bytes {}-{}/{total}", self.sent, self.sent + length - 1),
        };
        let call =
            Call::new(Method::PUT, self.url.clone(), &self.name).header("content-range", &range).bytes(bytes);
        self.standing(&call, &self.google.try_once(&call).await?)
    }

    /// Asks how much the service has.
    async fn ask(&self, total: Option<u64>) -> Result<Standing, GoogleError> {
        let total = total.map_or_else(|| "*".to_owned(), |total| total.to_string());
        let call = Call::new(Method::PUT, self.url.clone(), &self.name)
            .header("content-range", &format!("bytes */{total}"));
        let answer = self.google.send(&call).await?;
        self.standing(&call, &answer)
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
