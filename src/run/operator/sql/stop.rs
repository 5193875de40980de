//! Stops a statement that runs when the task is cancelled: the thread that waits for the database cannot look.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::run::operator::Cancel;

const LOOK: Duration = Duration::from_millis(100);

/// Watches until it is dropped.
pub(super) struct Watch {
    /// Taken on drop, which ends the thread.
    done: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Calls `stop` once when the task is cancelled.
    pub(super) fn new(cancel: &Cancel, stop: impl FnOnce() + Send + 'static) -> std::io::Result<Self> {
        let (done, ended) = channel();
        let cancel = cancel.clone();
        let thread = std::thread::Builder::new().name("sql-watch".to_owned()).spawn(move || {
            while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                if cancel.is_canceled() {
                    stop();
                    return;
                }
            }
        })?;
        Ok(Self { done: Some(done), thread: Some(thread) })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.done.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
