//! Encoded rows on their way into a table, a batch at a time: by LOAD DATA LOCAL, or by INSERT where the server takes
//! no such thing.
//!
//! The server cannot stop a LOAD DATA LOCAL: it changes what does not fit, leaves out what it cannot keep, and warns.
//! Every warning is an error here.

use super::failure;
use super::session::{Session, Trouble};
use super::statement::Into;
use crate::cloud::mysql::Answer;
use crate::session::Level;
use crate::transfer::context::TransferContext;
use crate::transfer::encode::load_data::{LoadEncoder, literals};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::page::Page;
use crate::transfer::report::Change;

/// Codes of a server, a driver or a proxy that takes no LOAD DATA LOCAL.
const NO_LOCAL: [u16; 4] = [1148, 3948, 3950, 4166];
/// Codes of warnings about statements: a function or a type that will go, what a log of statements cannot repeat.
const ABOUT_STATEMENTS: [u16; 5] = [1287, 1592, 1681, 3719, 3778];
/// An INSERT is this long at most, and as the server's limit allows.
const STATEMENT_BYTES: usize = 4 << 20;

/// How rows get to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) carrier: Carrier,
    /// Bytes of an INSERT at most.
    limit: usize,
}

/// The statement that brings rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carrier {
    LoadData,
    Insert,
}

impl Way {
    /// The way that a server allows.
    pub(super) fn of(session: &mut Session) -> Result<Self, Trouble> {
        let settings = session.rows("SELECT @@local_infile, @@max_allowed_packet")?;
        let mut settings = settings.into_iter().flatten().flatten();
        let allowed = settings.next().is_none_or(|word| word == "1" || word.eq_ignore_ascii_case("on"));
        let packet = settings.next().and_then(|bytes| bytes.parse().ok()).unwrap_or(STATEMENT_BYTES);
        let carrier = if allowed { Carrier::LoadData } else { Carrier::Insert };
        // The packet has a few bytes of its own.
        Ok(Self { carrier, limit: packet.saturating_sub(64).min(STATEMENT_BYTES) })
    }
}

/// Sends rows.
pub(super) struct Loader {
    encoder: LoadEncoder,
    into: Into,
    way: Way,
    /// What messages say is done.
    doing: String,
    /// Encoded rows that wait, and how many they are.
    rows: Vec<u8>,
    waiting: u64,
    batch_bytes: u64,
    /// Bytes handed to the server.
    pub(super) bytes: u64,
    /// Rows handed to the server, and those of them that it has taken.
    pub(super) sent: u64,
    pub(super) taken: u64,
}

impl Loader {
    pub(super) fn new(encoder: LoadEncoder, into: Into, way: Way, doing: String, batch_bytes: u64) -> Self {
        let rows = Vec::new();
        Self { encoder, into, way, doing, rows, waiting: 0, batch_bytes, bytes: 0, sent: 0, taken: 0 }
    }

    /// Sends the rows of a page, or keeps them for the next batch.
    pub(super) fn page(
        &mut self,
        session: &mut Session,
        page: &Page,
        context: &TransferContext,
    ) -> Result<(), TransferError> {
        for row in 0..page.rows {
            self.encoder.row(page, row, &mut self.rows)?;
            self.waiting += 1;
            if self.rows.len() as u64 >= self.batch_bytes {
                self.flush(session, context)?;
            }
        }
        Ok(())
    }

    /// Sends what waits.
    pub(super) fn flush(
        &mut self,
        session: &mut Session,
        context: &TransferContext,
    ) -> Result<(), TransferError> {
        if self.waiting == 0 {
            return Ok(());
        }
        self.bytes += self.rows.len() as u64;
        self.sent += self.waiting;
        let mut rows = std::mem::take(&mut self.rows);
        if self.way.carrier == Carrier::LoadData {
            match session.load(&self.into.load_data(), &rows, &context.cancel) {
                Ok(loaded) => self.count(session, self.waiting, loaded)?,
                Err(trouble) if trouble.has_code(&NO_LOCAL) => {
                    context.observer.log(Level::Info, NO_LOAD_DATA);
                    self.way.carrier = Carrier::Insert;
                }
                Err(trouble) => return Err(self.refused(trouble)),
            }
        }
        if self.way.carrier == Carrier::Insert {
            self.insert(session, &rows, context)?;
        }
        rows.clear();
        self.rows = rows;
        self.waiting = 0;
        Ok(())
    }

    fn insert(
        &mut self,
        session: &mut Session,
        rows: &[u8],
        context: &TransferContext,
    ) -> Result<(), TransferError> {
        let start = self.into.insert().into_bytes();
        let (mut statement, mut value) = (start.clone(), Vec::new());
        let mut count = 0;
        for row in rows.split_inclusive(|byte| *byte == b'\n') {
            value.clear();
            self.into.push_values(literals(row.strip_suffix(b"\n").unwrap_or(row)), &mut value);
            if count > 0 && statement.len() + value.len() + 1 > self.way.limit {
                self.run(session, &statement, count, context)?;
                statement.clone_from(&start);
                count = 0;
            }
            if count > 0 {
                statement.push(b',');
            }
            statement.extend_from_slice(&value);
            count += 1;
        }
        self.run(session, &statement, count, context)
    }

    fn run(
        &mut self,
        session: &mut Session,
        statement: &[u8],
        rows: u64,
        context: &TransferContext,
    ) -> Result<(), TransferError> {
        // Texts are UTF-8, and bytes are digits.
        let sql = String::from_utf8_lossy(statement);
        let loaded = session.execute(&sql, &context.cancel).map_err(|trouble| self.refused(trouble))?;
        self.count(session, rows, loaded)
    }

    /// Looks at the warnings of a statement, and counts its rows.
    fn count(&mut self, session: &mut Session, sent: u64, loaded: Answer) -> Result<(), TransferError> {
        if loaded.warnings > 0 {
            let warnings = session.rows("SHOW WARNINGS").map_err(|trouble| self.refused(trouble))?;
            if warnings.is_empty() {
                let message = "the server warns of rows and does not say of which";
                return Err(TransferError::new(ErrorKind::Data, self.doing.as_str())
                    .cause(message)
                    .hint("set `max_error_count` of the server above 0"));
            }
            if let Some((code, message)) = warnings.into_iter().find_map(warning) {
                return Err(self.refused(failure::of_warning(code, message)));
            }
        }
        let loaded = loaded.affected;
        self.taken += loaded;
        if sent == loaded {
            return Ok(());
        }
        let message = format!("{}: {sent} rows were sent but {loaded} were loaded", self.doing);
        Err(TransferError::new(ErrorKind::Data, message))
    }

    fn refused(&self, trouble: Trouble) -> TransferError {
        let columns: Vec<String> = self.into.columns.iter().map(|(name, _)| name.clone()).collect();
        failure::refused(trouble, &self.doing, |text| failure::place(text, &columns, self.taken))
    }

    /// What was lost on the way, column by column.
    pub(super) fn changes(&self) -> Vec<Change> {
        self.encoder.changes()
    }
}

/// What the log says where rows go by INSERT.
pub(super) const NO_LOAD_DATA: &str =
    "the server takes no LOAD DATA LOCAL, so rows go by INSERT, which is slower";

/// Code and text of a warning that is about a value or a row.
fn warning(row: Vec<Option<String>>) -> Option<(u16, String)> {
    let mut cells = row.into_iter().flatten().skip(1);
    let code = cells.next()?.parse().ok()?;
    (!ABOUT_STATEMENTS.contains(&code)).then(|| (code, cells.next().unwrap_or_default()))
}
