//! What an output asks of a session: counts of rows, statements that can be stopped, a COPY to the server.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Sink;
use tokio::time::timeout;
use tokio_postgres::{CopyInSink, SimpleQueryMessage};

use super::error::Trouble;
use super::session::{GOODBYE, Session};
use crate::transfer::context::Cancel;

/// How often a wait looks whether the run wants to stop.
const LOOK: Duration = Duration::from_millis(100);

/// A COPY to the server that is under way. Without an end the server takes none of its rows.
pub(in crate::transfer) struct CopyIn(Pin<Box<CopyInSink<Bytes>>>);

impl Session {
    /// The rows of a query; NULL is none.
    pub(in crate::transfer) fn rows(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>, Trouble> {
        let messages = self.answer(self.client.simple_query(sql))?;
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                let cells = 0..row.len();
                Some(cells.map(|at| row.try_get(at).ok().flatten().map(str::to_owned)).collect())
            }
            _ => None,
        });
        Ok(rows.collect())
    }

    /// Runs statements and says how many rows the last of them touched.
    pub(in crate::transfer) fn execute(&self, sql: &str, cancel: &Cancel) -> Result<u64, Trouble> {
        let asking = self.client.simple_query(sql);
        let messages = self.runtime.block_on(self.watched(asking, cancel))?;
        let counts = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::CommandComplete(rows) => Some(*rows),
            _ => None,
        });
        Ok(counts.last().unwrap_or(0))
    }

    /// Begins a COPY to the server.
    pub(in crate::transfer) fn copy_in(&self, sql: &str, cancel: &Cancel) -> Result<CopyIn, Trouble> {
        let sink = self.runtime.block_on(self.watched(self.client.copy_in(sql), cancel))?;
        Ok(CopyIn(Box::pin(sink)))
    }

    /// Sends rows; waits until those before are on their way.
    pub(in crate::transfer) fn send(
        &self,
        copy: &mut CopyIn,
        rows: Bytes,
        cancel: &Cancel,
    ) -> Result<(), Trouble> {
        self.runtime.block_on(async {
            let ready = std::future::poll_fn(|context| copy.0.as_mut().poll_ready(context));
            self.watched(ready, cancel).await
        })?;
        copy.0.as_mut().start_send(rows).map_err(|error| self.trouble(&error))
    }

    /// Ends a COPY and says how many rows the server took.
    pub(in crate::transfer) fn end_copy(&self, copy: CopyIn, cancel: &Cancel) -> Result<u64, Trouble> {
        let mut sink = copy.0;
        self.runtime.block_on(self.watched(sink.as_mut().finish(), cancel))
    }

    /// The answer, unless the run wants to stop: then the server is told, and its answer does not count.
    async fn watched<T>(
        &self,
        asking: impl Future<Output = Result<T, tokio_postgres::Error>>,
        cancel: &Cancel,
    ) -> Result<T, Trouble> {
        let mut asking = std::pin::pin!(asking);
        let mut waited = Duration::ZERO;
        loop {
            if let Ok(answer) = timeout(LOOK, asking.as_mut()).await {
                return answer.map_err(|error| self.trouble(&error));
            }
            if cancel.is_canceled() {
                let token = self.client.cancel_token();
                let _ = timeout(GOODBYE, token.cancel_query(self.tls.clone())).await;
                let _ = timeout(GOODBYE, asking).await;
                return Err(Trouble::Canceled);
            }
            waited += LOOK;
            if !self.silence.is_zero() && waited >= self.silence {
                return Err(Trouble::Silent);
            }
        }
    }
}
