//! Resumable uploads of a stream whose length is not known beforehand, to Cloud Storage and to BigQuery's upload
//! endpoint: both speak one protocol (Cloud Storage: "Resumable uploads").
//!
//! The writer is a plain thread; it hands full chunks over a short queue to a task of the runtime, and waits when the
//! network is slower than the rows. A chunk that was taken in part goes on where the service says it stopped. Nothing
//! is kept but the chunk under way, so a session that is gone is begun again while that chunk is the first, and fails the
//! upload later: the rows have to be read again.

mod session;

use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use self::session::{Piece, Session};
use super::error::GoogleError;
use super::http::{Call, Google};
use crate::cloud;
use crate::cloud::part::fill;

pub use self::session::crc32c_text;

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

/// What the last request says of all bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Their CRC32C. Cloud Storage refuses the upload with 400 when it computes another one, so that nobody ever sees
    /// the object (Cloud Storage: "Data validation and change detection with checksums").
    Crc32c,
    /// Nothing: BigQuery's uploads take no checksum.
    Nothing,
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

impl Upload {
    /// Starts an upload by the call that opens its session.
    pub fn start(google: &Google, open: Call, proof: Proof) -> Self {
        let (sender, receiver) = mpsc::channel(1);
        let google = google.clone();
        let task = cloud::handle()
            .spawn(async move { Session::open(google, open, proof).await?.run(receiver).await });
        Self { stop: Box::new(|| false), chunk: Vec::new(), sender: Some(sender), task: Some(task) }
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
            bytes = fill(&mut self.chunk, CHUNK, bytes);
            if self.chunk.len() == CHUNK {
                let full = std::mem::take(&mut self.chunk);
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
