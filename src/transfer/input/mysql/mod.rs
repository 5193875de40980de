//! Rows of MySQL, MariaDB and Aurora: one prepared statement over the binary protocol, streamed without a cursor and
//! without compression, decoded straight into pages.

#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod bench;
mod columns;
pub(in crate::transfer) mod connect;
mod decode;
mod error;
mod incremental;
mod named;
mod plan;
pub(in crate::transfer) mod properties;
mod refused;
mod zone;

use std::sync::Arc;

use self::columns::TinyInt1;
use self::connect::{Connector, run};
use self::decode::Decoder;
pub(crate) use self::error::server_error;
use self::plan::Planned;
use self::properties::{Access, Properties};
use super::fetched::FetchedLog;
use super::select::{self, Statement};
use super::{BytesRule, Flow, Increment, Input, InputFigures, PageSink, SourceColumn, Stop, is_full};
use crate::cloud::mysql::{BinaryRow, Column, Connection, Error, Rows, Statement as Prepared};
use crate::embulk::input::{MysqlInput, Selection};
use crate::session::Level;
use crate::transfer::context::TransferContext;
use crate::transfer::encode::unfit;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::page::Page;
use crate::transfer::report::Change;
use crate::transfer::schema::{ColumnType, Schema, TimeDetail, Zones};

/// A statement that is prepared, with everything its rows need.
pub struct MysqlReader {
    connection: Connection,
    connector: Connector,
    statement: Prepared,
    schema: Arc<Schema>,
    decoders: Vec<Decoder>,
    /// The types of the columns as SQL spells them, and what their values can be.
    types: Vec<(String, ColumnType)>,
    after_select: Option<String>,
    tiny_int: TinyInt1,
    /// Notes about the columns.
    notes: Vec<String>,
    /// What messages call the source.
    name: String,
    increment: Option<Increment>,
    log: FetchedLog,
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
    let mut connection = connector.open(&[])?;
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
        None => prepared(&mut connection, &config.selection, &name)?,
        Some(incremental) => {
            let increment = incremental::Increments { config, incremental, session: &session, name: &name };
            increment.prepared(&mut connection, context)?
        }
    };
    let Read { prepared, statement, columns } = read;
    let Planned { schema, decoders, types, notes } =
        plan::plan(config, &properties, &prepared, zones, &session, bytes)?;
    let increment = columns.map(|columns| {
        Increment::of(&columns, &schema, |name| config.column_options.iter().any(|(known, _)| known == name))
    });
    let increment = increment.transpose()?;
    log(format!("SQL: {}", statement.shown));
    Ok(MysqlReader {
        connection,
        connector,
        statement: prepared,
        schema,
        decoders,
        types,
        notes,
        tiny_int: properties.tiny_int,
        after_select: config.statements.after_select.as_ref().map(|text| text.expose().to_owned()),
        name,
        increment,
        log: FetchedLog::new(Arc::clone(&context.observer)),
    })
}

/// A statement that is ready to be run.
struct Read {
    prepared: Prepared,
    statement: Statement,
    /// Of an incremental read.
    columns: Option<Vec<String>>,
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
            Ok(Read { prepared: prepare(connection, &statement, name)?, statement, columns: None })
        }
        prepared => Ok(Read { prepared: prepared?, statement, columns: None }),
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

    fn increment(&self) -> Option<&Increment> {
        self.increment.as_ref()
    }

    fn stopper(&self) -> Box<dyn Stop> {
        Box::new(Killer { connector: self.connector.clone(), connection: self.connection.id() })
    }

    fn read(&mut self, sink: &mut dyn PageSink) -> Result<InputFigures, TransferError> {
        let killer = self.stopper();
        let mut reading =
            Reading { decoders: &mut self.decoders, schema: &self.schema, rows: 0, log: &mut self.log };
        let outcome = {
            let failed = |error: &Error| server_error(error, format!("{} could not be read", self.name));
            let mut rows = self.connection.execute(&self.statement, &[]).map_err(|error| failed(&error))?;
            // The server prepares anew, without a word, what was changed meanwhile.
            let outcome = if reading.fits(rows.columns(), self.tiny_int) {
                reading.pages(&mut rows, sink, &failed)
            } else {
                Err(changed(&self.name))
            };
            if !matches!(outcome, Ok(Flow::Continue)) {
                // A server that is still at it would notice the end of the connection with its next row only.
                killer.stop();
            }
            outcome
        };
        let rows = reading.rows;
        if outcome? == Flow::Continue {
            if let Some(after) = &self.after_select {
                run(&mut self.connection, after, "`after_select`")?;
            }
            self.connection
                .run("COMMIT")
                .map_err(|error| server_error(&error, "the read could not be ended"))?;
        }
        let changes = self.changes();
        let notes = self.notes.iter().cloned().chain(changes.iter().map(Change::note)).collect();
        Ok(InputFigures { rows, notes, changes, ..InputFigures::default() })
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
    rows: u64,
    log: &'r mut FetchedLog,
}

impl Reading<'_> {
    /// Whether the columns of the rows are those that were found before.
    fn fits(&mut self, columns: &[Column], tiny_int: TinyInt1) -> bool {
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
        rows: &mut Rows<'_>,
        sink: &mut dyn PageSink,
        failed: &dyn Fn(&Error) -> TransferError,
    ) -> Result<Flow, TransferError> {
        let mut page = sink.page();
        page.first_row = self.rows;
        while let Some(row) = rows.next_row().map_err(|error| failed(&error))? {
            let row = BinaryRow::new(row, self.decoders.len()).map_err(|error| failed(&error))?;
            self.row(row, &mut page)?;
            if is_full(&page) {
                if sink.send(page) == Flow::Stop {
                    return Ok(Flow::Stop);
                }
                page = sink.page();
                page.first_row = self.rows;
            }
        }
        self.log.end(self.rows);
        if page.rows > 0 { Ok(sink.send(page)) } else { Ok(Flow::Continue) }
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
    TransferError::new(ErrorKind::Busy, format!("the columns of {name} changed while it was opened"))
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
