//! A connection that loads: strict about values, and with statements that end when the run wants to stop.

use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use mysql::prelude::Queryable;
use mysql::{Conn, Error, LocalInfileHandler, Row, Value};

use crate::transfer::context::Cancel;
use crate::transfer::error::TransferError;
use crate::transfer::input::mysql::connect::Connector;
use crate::transfer::input::mysql::driver_error;

/// How often a wait looks whether the run wants to stop.
const LOOK: Duration = Duration::from_millis(100);

/// What the server's own settings must not decide: which values are changed without an error, whether a 0 becomes the
/// next number of AUTO_INCREMENT, whether warnings are told, and that a wait for a table does not take a year.
const SETTINGS: [&str; 4] = [
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,\
     NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO'",
    "SET SESSION autocommit = 1, SESSION sql_notes = 1",
    "SET SESSION foreign_key_checks = 1, SESSION unique_checks = 1",
    "SET SESSION lock_wait_timeout = 60",
];

/// What can go wrong between the two sides.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The server or the driver refused.
    Driver(Error),
    /// The run wants to stop.
    Canceled,
}

impl Trouble {
    /// The error of a transfer that was `doing` something.
    pub(super) fn during(self, doing: impl Into<String>) -> TransferError {
        match self {
            Self::Driver(error) => driver_error(&error, doing),
            Self::Canceled => TransferError::canceled(),
        }
    }

    /// Whether the server refused with one of these codes.
    pub(super) fn has_code(&self, codes: &[u16]) -> bool {
        matches!(self, Self::Driver(Error::MySqlError(error)) if codes.contains(&error.code))
    }

    /// Whether the server has answered at all.
    pub(super) fn is_answer(&self) -> bool {
        matches!(self, Self::Driver(Error::MySqlError(_)))
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Driver(error)
    }
}

/// An open connection.
pub(super) struct Session {
    pub(super) conn: Conn,
    connector: Connector,
}

impl Session {
    /// Connects and sets the session up.
    pub(super) fn open(connector: Connector) -> Result<Self, TransferError> {
        Ok(Self { conn: connector.open(&SETTINGS)?, connector })
    }

    /// Runs short statements and says how many rows the last of them touched.
    pub(super) fn run(&mut self, sql: &str) -> Result<u64, Trouble> {
        Ok(drain(&mut self.conn, sql)?)
    }

    /// Runs statements, unless the run wants to stop: then the connection is ended.
    pub(super) fn execute(&mut self, sql: &str, cancel: &Cancel) -> Result<u64, Trouble> {
        self.watched(cancel, |conn| drain(conn, sql))
    }

    /// Runs a LOAD DATA LOCAL over these rows, which stay.
    pub(super) fn load(&mut self, sql: &str, rows: &mut Vec<u8>, cancel: &Cancel) -> Result<u64, Trouble> {
        let shared = Arc::new(std::mem::take(rows));
        let sent = Arc::clone(&shared);
        // Whatever name the server asks for, these rows are what it gets.
        let handler = LocalInfileHandler::new(move |_, stream| stream.write_all(&sent));
        self.conn.set_local_infile_handler(Some(handler));
        let loaded = self.watched(cancel, |conn| drain(conn, sql));
        self.conn.set_local_infile_handler(None);
        *rows = Arc::into_inner(shared).unwrap_or_default();
        loaded
    }

    /// The rows of a query; NULL is none.
    pub(super) fn rows(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, Trouble> {
        let rows: Vec<Row> = self.conn.query(sql)?;
        let text = |value| match value {
            Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            _ => None,
        };
        Ok(rows.into_iter().map(|row| row.unwrap().into_iter().map(text).collect()).collect())
    }

    /// The first column of the first row of a query.
    pub(super) fn text(&mut self, sql: &str) -> Result<Option<String>, Trouble> {
        Ok(self.rows(sql)?.into_iter().next().and_then(|row| row.into_iter().next().flatten()))
    }

    fn watched<T>(
        &mut self,
        cancel: &Cancel,
        work: impl FnOnce(&mut Conn) -> mysql::Result<T>,
    ) -> Result<T, Trouble> {
        let id = self.conn.connection_id();
        let connector = &self.connector;
        let (done, over) = channel::<()>();
        let outcome = std::thread::scope(|scope| {
            scope.spawn(move || {
                while over.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                    if cancel.is_canceled() {
                        connector.kill(id);
                        return;
                    }
                }
            });
            let outcome = work(&mut self.conn);
            drop(done);
            outcome
        });
        match outcome {
            Err(_) if cancel.is_canceled() => Err(Trouble::Canceled),
            outcome => Ok(outcome?),
        }
    }
}

/// Runs statements to their end: an error of a later one is one as well.
fn drain(conn: &mut Conn, sql: &str) -> mysql::Result<u64> {
    let mut result = conn.query_iter(sql)?;
    let mut affected = 0;
    while let Some(set) = result.iter() {
        affected = set.affected_rows();
        for row in set {
            row?;
        }
    }
    Ok(affected)
}
