//! A connection that loads: strict about values, and with statements that end when the run wants to stop.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use crate::cloud::mysql::{self, Answer, Connection, Error};
use crate::transfer::context::Cancel;
use crate::transfer::error::TransferError;
use crate::transfer::input::mysql::connect::Connector;
use crate::transfer::input::mysql::server_error;

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
    /// The server refused, or the connection broke.
    Connection(Error),
    /// The run wants to stop.
    Canceled,
}

impl Trouble {
    /// The error of a transfer that was `doing` something.
    pub(super) fn during(self, doing: impl Into<String>) -> TransferError {
        match self {
            Self::Connection(error) => server_error(&error, doing),
            Self::Canceled => TransferError::canceled(),
        }
    }

    /// Whether the server refused with one of these codes.
    pub(super) fn has_code(&self, codes: &[u16]) -> bool {
        matches!(self, Self::Connection(Error::Server(error)) if codes.contains(&error.code))
    }

    /// Whether the server has answered at all.
    pub(super) fn is_answer(&self) -> bool {
        matches!(self, Self::Connection(Error::Server(_)))
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Connection(error)
    }
}

/// An open connection.
pub(super) struct Session {
    pub(super) connection: Connection,
    connector: Connector,
}

impl Session {
    /// Connects and sets the session up.
    pub(super) fn open(connector: Connector) -> Result<Self, TransferError> {
        Ok(Self { connection: connector.open(&SETTINGS)?, connector })
    }

    /// Runs short statements and says how many rows the last of them touched.
    pub(super) fn run(&mut self, sql: &str) -> Result<u64, Trouble> {
        Ok(self.connection.run(sql)?.affected)
    }

    /// Runs statements, unless the run wants to stop: then the connection is ended.
    pub(super) fn execute(&mut self, sql: &str, cancel: &Cancel) -> Result<Answer, Trouble> {
        self.watched(cancel, |connection| connection.run(sql))
    }

    /// Runs a LOAD DATA LOCAL over these rows.
    pub(super) fn load(&mut self, sql: &str, rows: &[u8], cancel: &Cancel) -> Result<Answer, Trouble> {
        self.watched(cancel, |connection| connection.load(sql, rows))
    }

    /// The rows of a query; NULL is none.
    pub(super) fn rows(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, Trouble> {
        Ok(self.connection.select(sql, &[])?)
    }

    /// The first column of the first row of a query.
    pub(super) fn text(&mut self, sql: &str) -> Result<Option<String>, Trouble> {
        Ok(self.rows(sql)?.into_iter().next().and_then(|row| row.into_iter().next().flatten()))
    }

    fn watched<T>(
        &mut self,
        cancel: &Cancel,
        work: impl FnOnce(&mut Connection) -> mysql::Result<T>,
    ) -> Result<T, Trouble> {
        let id = self.connection.id();
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
            let outcome = work(&mut self.connection);
            drop(done);
            outcome
        });
        match outcome {
            Err(_) if cancel.is_canceled() => Err(Trouble::Canceled),
            outcome => Ok(outcome?),
        }
    }
}
