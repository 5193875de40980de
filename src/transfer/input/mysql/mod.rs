//! Rows of MySQL, MariaDB and Aurora: one prepared statement over the binary protocol, streamed without a cursor and
//! without compression, decoded straight into pages.

#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod bench;
mod columns;
pub(in crate::transfer) mod connect;
mod decode;
mod divide;
mod error;
mod incremental;
mod named;
mod origin;
mod plan;
pub(in crate::transfer) mod properties;
mod ranges;
mod refused;
mod snapshot;
mod zone;

use std::sync::Arc;

use self::columns::TinyInt1;
use self::connect::{Connector, run};
use self::decode::Decoder;
use self::divide::Plan;
pub(crate) use self::error::server_error;
use self::plan::Planned;
use self::properties::{Access, Properties};
pub use self::snapshot::HeldSnapshots;
use self::snapshot::Lease;
use super::fetched::FetchedLog;
use super::select::{self, Statement};
use super::{
    BytesRule, Flow, Increment, Input, InputFigures, Lanes, PageSink, Seats, Share, SourceColumn, Stop, Told,
    is_full,
};
use crate::cloud::fault::Fault;
use crate::cloud::mysql::{BinaryRow, Column, Connection, Error, Rows as Answered, Statement as Prepared};
use crate::embulk::input::{MysqlInput, Selection, Snapshot};
use crate::policy::{Origin, Subject};
use crate::session::Level;
use crate::transfer::context::{MemoryShare, TransferContext};
use crate::transfer::encode::unfit;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::gauge::Extent;
use crate::transfer::page::Page;
use crate::transfer::policy::{Enforced, Known};
use crate::transfer::report::{Change, Treated};
use crate::transfer::schema::{ColumnType, Schema, TimeDetail, Zones};

/// A statement that is prepared, with everything its rows need.
pub struct MysqlReader {
    /// None once it was read.
    connection: Option<Connection>,
    /// Of a snapshot that tables share.
    lease: Option<Lease>,
    /// Of the connection, in the server.
    number: u32,
    connector: Connector,
    rows: Rows,
    schema: Arc<Schema>,
    decoders: Vec<Decoder>,
    /// The types of the columns as SQL spells them, and what their values can be.
    types: Vec<(String, ColumnType)>,
    /// Where the columns come from.
    origins: Vec<Origin>,
    /// Columns of the table that a policy keeps back.
    kept_back: Vec<Treated>,
    after_select: Option<String>,
    tiny_int: TinyInt1,
    /// Notes about the columns.
    notes: Vec<String>,
    /// What messages call the source.
    name: String,
    increment: Option<Increment>,
    log: FetchedLog,
    plan: Plan,
    /// What the rows have in common in time, where there is more to say than that they are one statement's.
    snapshot: Option<String>,
}

/// Which rows are read.
enum Rows {
    /// Those of a statement.
    All(Prepared),
    /// Those of a table, range by range.
    Ranges(Share),
}

/// Connects, prepares the statement and looks at its columns.
pub fn open(
    config: &MysqlInput,
    context: &TransferContext,
    bytes: BytesRule,
) -> Result<MysqlReader, TransferError> {
    let access = Access::from(config);
    let properties = Properties::of(&access)?;
    for name in &properties.ignored {
        let text = format!("`{name}` in `options` means nothing here and is ignored");
        context.observer.log(Level::Warn, &text);
    }
    let connector = Connector::new(&access, &properties);
    let log = |text: String| context.observer.log(Level::Info, &text);
    log(format!("Connecting to mysql://{}/{}", connector.address, config.database.shown()));
    if let Some(text) = connector.warning() {
        context.observer.log(Level::Warn, text);
    }
    let (mut connection, lease) = match divide::snapshot_of(config, context) {
        Snapshot::Consistent => {
            let (held, limit) = (&context.reading.snapshots.mysql, context.sources.limit());
            let (connection, lease) = held.borrow(identity(config), &connector, limit, &context.cancel)?;
            (connection, Some(lease))
        }
        Snapshot::PerTable | Snapshot::None => (connector.open(&[])?, None),
    };
    if let Some(setup) = &config.statements.before_setup {
        run(&mut connection, setup.expose(), "`before_setup`")?;
    }
    let name = select::name(&config.selection);
    let server = plan::server_zone(&mut connection, &properties, context)?;
    let session = plan::session_zone(&mut connection, config, &server)?;
    let process = &context.process_zone;
    // The text protocol, over which Embulk reads then, takes another zone.
    let clock = if config.fetch_rows > 1 { process } else { &server };
    let zones = Zones {
        server: server.clone(),
        process: process.clone(),
        clock: clock.clone(),
        time: TimeDetail::Seconds,
    };
    if config.statements.before_select.is_some() || config.statements.after_select.is_some() {
        run(&mut connection, "SET autocommit = 0", "autocommit")?;
    }
    if let Some(before) = &config.statements.before_select {
        run(&mut connection, before.expose(), "`before_select`")?;
    }
    let read = match &config.incremental {
        None => {
            let read = prepared(&mut connection, &config.selection, &name)?;
            read.narrowed(&mut connection, context.policy.as_deref(), &name)?
        }
        Some(incremental) => {
            let increment = incremental::Increments { config, incremental, session: &session, name: &name };
            increment.prepared(&mut connection, context)?
        }
    };
    let Read { prepared, statement, selection, columns, origins, kept_back } = read;
    let Planned { schema, decoders, types, notes } =
        plan::plan(config, &properties, &prepared, zones, &session, bytes)?;
    let increment = columns.map(|columns| {
        Increment::of(&columns, &schema, |name| config.column_options.iter().any(|(known, _)| known == name))
    });
    let increment = increment.transpose()?;
    log(format!("SQL: {}", statement.shown));
    let snapshot = lease.is_some().then(|| "consistent".to_owned());
    Ok(MysqlReader {
        number: connection.id(),
        connection: Some(connection),
        lease,
        connector,
        rows: Rows::All(prepared),
        schema,
        decoders,
        types,
        origins,
        kept_back,
        notes,
        tiny_int: properties.tiny_int,
        after_select: config.statements.after_select.as_ref().map(|text| text.expose().to_owned()),
        name,
        increment,
        log: FetchedLog::new(Arc::clone(&context.observer)),
        plan: Plan::of(config, selection, context),
        snapshot,
    })
}

/// What connections of one snapshot have in common. It may hold secrets: not to be shown.
fn identity(config: &MysqlInput) -> Vec<String> {
    let own = [config.host.expose(), config.user.expose(), config.password.expose()];
    let options = config.options.iter().map(|(name, value)| format!("{name}={}", value.expose()));
    let rest = format!("{} {:?} {:?} {:?}", config.port, config.auth, config.ssl, config.datetime_code);
    own.into_iter().map(str::to_owned).chain([rest]).chain(options).collect()
}

/// The zone that a session shows TIMESTAMP in.
fn zone_of_session(connection: &mut Connection) -> Result<String, TransferError> {
    let rows = connection
        .select("SELECT @@session.time_zone", &[])
        .map_err(|error| server_error(&error, "the time zone of the session could not be read"))?;
    Ok(rows.into_iter().flatten().flatten().next().unwrap_or_else(|| "SYSTEM".to_owned()))
}

/// A statement that is ready to be run.
struct Read {
    prepared: Prepared,
    statement: Statement,
    /// By the name that the table has.
    selection: Selection,
    /// Of an incremental read.
    columns: Option<Vec<String>>,
    /// Where the columns come from.
    origins: Vec<Origin>,
    /// Columns of the table that a policy keeps back.
    kept_back: Vec<Treated>,
}

impl Read {
    fn new(
        prepared: Prepared,
        statement: Statement,
        selection: Selection,
        columns: Option<Vec<String>>,
    ) -> Self {
        let origins = origin::origins(&prepared.columns, &selection);
        Self { prepared, statement, selection, columns, origins, kept_back: Vec::new() }
    }

    /// The same without columns that a policy drops, where a whole table is read.
    fn narrowed(
        self,
        connection: &mut Connection,
        policy: Option<&Enforced>,
        name: &str,
    ) -> Result<Self, TransferError> {
        let subject = |(column, origin): (&Column, &Origin)| {
            let subject = Subject { origin: origin.clone(), type_name: named::sql_type(column) };
            (column.name_str().into_owned(), subject)
        };
        let columns: Vec<_> = self.prepared.columns.iter().zip(&self.origins).map(subject).collect();
        let Some(narrowed) = select::narrowed(&self.selection, &columns, policy, '`') else {
            return Ok(self);
        };
        connection
            .close(&self.prepared)
            .map_err(|error| server_error(&error, format!("{name} could not be read")))?;
        let statement = select::statement(&narrowed.selection, '`');
        let prepared = prepare(connection, &statement, name)?;
        Ok(Self {
            prepared,
            statement,
            selection: narrowed.selection,
            origins: narrowed.origins,
            kept_back: narrowed.kept_back,
            columns: None,
        })
    }
}

/// The statement, prepared. A table that is not there by its name may be there in another case.
fn prepared(connection: &mut Connection, selection: &Selection, name: &str) -> Result<Read, TransferError> {
    let statement = select::statement(selection, '`');
    match prepare(connection, &statement, name) {
        Err(error) if error.kind == ErrorKind::NotFound => {
            let found = found(connection, selection, name)?;
            if found == *selection {
                return Err(error);
            }
            let statement = select::statement(&found, '`');
            let prepared = prepare(connection, &statement, name)?;
            Ok(Read::new(prepared, statement, found, None))
        }
        prepared => Ok(Read::new(prepared?, statement, selection.clone(), None)),
    }
}

/// The selection with the name that the table has in its schema.
pub(in crate::transfer) fn found(
    connection: &mut Connection,
    selection: &Selection,
    name: &str,
) -> Result<Selection, TransferError> {
    select::found(selection, |names| {
        let sql = "SELECT table_name FROM information_schema.tables \
                   WHERE table_schema = DATABASE() AND BINARY table_name IN (BINARY ?, BINARY ?, BINARY ?)";
        let rows = connection
            .select(sql, &names)
            .map_err(|error| server_error(&error, format!("{name} could not be looked up")))?;
        Ok(rows.into_iter().flatten().flatten().collect())
    })
}

fn prepare(
    connection: &mut Connection,
    statement: &Statement,
    name: &str,
) -> Result<Prepared, TransferError> {
    let prepared = connection
        .prepare(&statement.sql)
        .map_err(|error| server_error(&error, format!("{name} could not be read")))?;
    if prepared.parameters > 0 {
        return Err(TransferError::new(
            ErrorKind::Query,
            format!("{name} has a `?` that nothing is given for"),
        ));
    }
    if prepared.columns.is_empty() {
        return Err(TransferError::new(ErrorKind::Query, format!("{name} gives no columns")));
    }
    Ok(prepared)
}

impl Input for MysqlReader {
    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn source_columns(&mut self) -> Vec<SourceColumn> {
        let zones = &self.schema.zones;
        let columns = self.types.iter().zip(&mut self.decoders).zip(&self.schema.columns);
        let told = columns.map(|(((name, holds), decoder), to)| {
            let column = decoder.told(name.clone(), to.kind, zones);
            if column.conversion.is_none() { SourceColumn { holds: *holds, ..column } } else { column }
        });
        told.collect()
    }

    fn known(&self) -> Known {
        let subject = |(origin, (name, _)): (&Origin, &(String, ColumnType))| Subject {
            origin: origin.clone(),
            type_name: name.clone(),
        };
        let subjects = self.origins.iter().zip(&self.types).map(subject).collect();
        Known { subjects, kept_back: self.kept_back.clone() }
    }

    fn increment(&self) -> Option<&Increment> {
        self.increment.as_ref()
    }

    fn extent(&mut self) -> Result<Option<Extent>, TransferError> {
        let (None, Some(connection)) = (&self.increment, &mut self.connection) else { return Ok(None) };
        let Selection::Table { table, where_clause: None, .. } = &self.plan.selection else {
            return Ok(None);
        };
        Ok(ranges::expected_rows(connection, table.expose())?.map(Extent::Rows))
    }

    fn stopper(&self) -> Box<dyn Stop> {
        Box::new(Killer { connector: self.connector.clone(), connection: self.number })
    }

    fn divide(
        &mut self,
        seats: &Seats,
        lanes: Option<&Lanes>,
    ) -> Result<(Vec<Box<dyn Input>>, Told), TransferError> {
        self.divided(seats, lanes)
    }

    fn take_lane(&mut self) -> Option<MemoryShare> {
        match &mut self.rows {
            Rows::All(_) => None,
            Rows::Ranges(share) => share.take_lane(),
        }
    }

    fn read(&mut self, sink: &mut dyn PageSink) -> Result<InputFigures, TransferError> {
        let Some(mut connection) = self.connection.take() else {
            return Err(TransferError::new(ErrorKind::Internal, format!("{} was read already", self.name)));
        };
        let killer = self.stopper();
        let mut reading = Reading {
            decoders: &mut self.decoders,
            schema: &self.schema,
            tiny_int: self.tiny_int,
            rows: 0,
            log: &mut self.log,
            page: None,
        };
        let outcome = match &self.rows {
            Rows::All(statement) => reading.statement(&mut connection, statement, &self.name, sink),
            Rows::Ranges(share) => {
                reading.ranges(&mut connection, share, &self.plan.selection, &self.name, sink)
            }
        };
        let outcome = match (outcome, reading.page.take()) {
            (Ok(Flow::Continue), Some(page)) if page.rows > 0 => Ok(sink.send(page)),
            (outcome, _) => outcome,
        };
        let rows = reading.rows;
        if !matches!(outcome, Ok(Flow::Continue)) {
            // A server that is still at it would notice the end of the connection with its next row only.
            killer.stop();
        }
        if outcome? == Flow::Continue {
            self.log.end(rows);
            if let Some(after) = &self.after_select {
                run(&mut connection, after, "`after_select`")?;
            }
            match self.lease.take() {
                Some(lease) => lease.give_back(connection),
                None => connection
                    .run("COMMIT")
                    .map(drop)
                    .map_err(|error| server_error(&error, "the read could not be ended"))?,
            }
        }
        let changes = self.changes();
        let notes = self.notes.iter().cloned().chain(changes.iter().map(Change::note)).collect();
        let snapshot = self.snapshot.clone();
        Ok(InputFigures { rows, notes, changes, snapshot, ..InputFigures::default() })
    }
}

impl MysqlReader {
    fn changes(&self) -> Vec<Change> {
        let columns = self.schema.columns.iter().zip(&self.decoders);
        columns.flat_map(|(column, decoder)| decoder.changes(&column.name)).collect()
    }
}

/// The state of one read.
struct Reading<'r> {
    decoders: &'r mut [Decoder],
    schema: &'r Arc<Schema>,
    tiny_int: TinyInt1,
    rows: u64,
    log: &'r mut FetchedLog,
    /// Not full yet: what comes after the end of a range goes into it too.
    page: Option<Page>,
}

impl Reading<'_> {
    /// The rows of the ranges that nobody else reads.
    fn ranges(
        &mut self,
        connection: &mut Connection,
        share: &Share,
        selection: &Selection,
        name: &str,
        sink: &mut dyn PageSink,
    ) -> Result<Flow, TransferError> {
        while let Some(range) = share.next() {
            let doing = || format!("range {} of {} of {name} could not be read", range.number, share.of);
            let sql = divide::statement(selection, &range.condition);
            let statement = connection.prepare(&sql).map_err(|error| server_error(&error, doing()))?;
            sink.begin_range(range.number);
            let flow = self.statement(connection, &statement, name, sink);
            if flow.map_err(|error| error.context(doing()))? == Flow::Stop {
                return Ok(Flow::Stop);
            }
            if share.is_marked() && self.end_range(sink) == Flow::Stop {
                return Ok(Flow::Stop);
            }
            connection.close(&statement).map_err(|error| server_error(&error, doing()))?;
        }
        Ok(Flow::Continue)
    }

    /// No page has rows of two ranges.
    fn end_range(&mut self, sink: &mut dyn PageSink) -> Flow {
        let sent = match self.page.take() {
            Some(page) if page.rows > 0 => sink.send(page),
            page => {
                self.page = page;
                Flow::Continue
            }
        };
        if sent == Flow::Stop { sent } else { sink.end_range() }
    }

    /// The rows of a statement.
    fn statement(
        &mut self,
        connection: &mut Connection,
        statement: &Prepared,
        name: &str,
        sink: &mut dyn PageSink,
    ) -> Result<Flow, TransferError> {
        let failed = |error: &Error| server_error(error, format!("{name} could not be read"));
        let mut rows = connection.execute(statement, &[]).map_err(|error| failed(&error))?;
        // The server prepares anew, without a word, what was changed meanwhile.
        if !self.fits(rows.columns()) {
            return Err(changed(name));
        }
        self.pages(&mut rows, sink, &failed)
    }

    /// Whether the columns of the rows are those that were found before.
    fn fits(&mut self, columns: &[Column]) -> bool {
        let tiny_int = self.tiny_int;
        columns.len() == self.decoders.len()
            && columns.iter().zip(&mut *self.decoders).zip(&self.schema.columns).all(
                |((now, decoder), column)| {
                    now.name_str() == column.name.as_str()
                        && columns::column_type(now, tiny_int).is_ok_and(|kind| decoder.reads(now, kind))
                },
            )
    }

    fn pages(
        &mut self,
        rows: &mut Answered<'_>,
        sink: &mut dyn PageSink,
        failed: &dyn Fn(&Error) -> TransferError,
    ) -> Result<Flow, TransferError> {
        let mut page = self.page.take().unwrap_or_else(|| sink.page());
        while let Some(row) = rows.next_row().map_err(|error| failed(&error))? {
            let row = BinaryRow::new(row, self.decoders.len()).map_err(|error| failed(&error))?;
            self.row(row, &mut page)?;
            if is_full(&page) {
                if sink.send(page) == Flow::Stop {
                    return Ok(Flow::Stop);
                }
                page = sink.page();
            }
        }
        self.page = Some(page);
        Ok(Flow::Continue)
    }

    fn row(&mut self, mut row: BinaryRow<'_>, page: &mut Page) -> Result<(), TransferError> {
        for (at, (decoder, column)) in self.decoders.iter_mut().zip(&mut page.columns).enumerate() {
            if row.is_null(at) {
                column.push_null();
                continue;
            }
            decoder
                .push(&mut row.fields, column)
                .map_err(|reason| unfit(&self.schema.columns[at], self.rows, &reason))?;
        }
        page.rows += 1;
        self.rows += 1;
        self.log.count(self.rows);
        Ok(())
    }
}

fn changed(name: &str) -> TransferError {
    TransferError::of(Fault::Conflict, format!("the columns of {name} changed while it was opened"))
        .hint("retry: the new ones are read then")
}

/// Ends the connection of a read through another one.
struct Killer {
    connector: Connector,
    connection: u32,
}

impl Stop for Killer {
    fn stop(&self) {
        self.connector.kill(self.connection);
    }
}
