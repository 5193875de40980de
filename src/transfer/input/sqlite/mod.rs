//! Rows of a SQLite file. A column is of its declared type; a value that does not go with it is an error.

mod declared;
mod text;

use std::io::Write;
use std::sync::Arc;

use rusqlite::types::ValueRef;
use rusqlite::{ColumnMetadata, Connection, InterruptHandle, OpenFlags};

use super::convert::{self, Conversion, Driver, Given, Rules};
use super::fetched::FetchedLog;
use super::select::{self, Statement};
use super::told;
use super::{BytesRule, Flow, Input, InputFigures, PageSink, SourceColumn, Stop, is_full};
use crate::embulk::input::{ColumnOption, SqliteInput, Statements, ValueType};
use crate::policy::{Origin, Subject};
use crate::session::Level;
use crate::transfer::context::TransferContext;
use crate::transfer::encode::{Unfit, unfit};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::explain::loss::{Fate, Loss};
use crate::transfer::page::ColumnBuffer;
use crate::transfer::policy::{Enforced, Known};
use crate::transfer::report::{Change, Treated};
use crate::transfer::schema::{Column, ColumnType, Schema, TimeDetail, Zones};

/// A SQLite file that is open, with the columns of its statement.
pub struct SqliteReader {
    connection: Connection,
    statement: Statement,
    schema: Arc<Schema>,
    decoders: Vec<Decoder>,
    /// The types of the columns as they are declared.
    types: Vec<String>,
    /// Where the columns come from.
    origins: Vec<Origin>,
    /// Columns of the table that a policy keeps back.
    kept_back: Vec<Treated>,
    after_select: Option<String>,
    /// Notes about the columns.
    notes: Vec<String>,
    name: String,
    log: FetchedLog,
}

/// Opens the file and looks at the columns.
pub fn open(
    config: &SqliteInput,
    context: &TransferContext,
    bytes: BytesRule,
) -> Result<SqliteReader, TransferError> {
    let connection = connect(config, context)?;
    let run = |sql: &str, what: &str| {
        connection.execute_batch(sql).map_err(|error| failed(&error, &format!("{what} failed")))
    };
    if let Some(setup) = &config.statements.before_setup {
        run(setup.expose(), "`before_setup`")?;
    }
    if let Some(before) = &config.statements.before_select {
        run(before.expose(), "`before_select`")?;
    }
    let name = select::name(&config.selection);
    if config.statements == Statements::default() {
        // Columns and rows of one state: the first read begins it, and the end of the connection ends it.
        connection
            .execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema")
            .map_err(|error| failed(&error, &format!("{name} could not be read")))?;
    }
    let mut statement = select::statement(&config.selection, '"');
    // SQLite's own clocks are in UTC.
    let zones = Zones {
        server: jiff::tz::TimeZone::UTC,
        process: context.process_zone.clone(),
        clock: context.process_zone.clone(),
        time: TimeDetail::Seconds,
    };
    let policy = context.policy.as_deref();
    let mut kinds = kinds(&connection, &statement, &name, policy)?;
    let columns: Vec<_> = kinds.iter().map(Declared::subject).collect();
    let mut kept_back = Vec::new();
    if let Some(narrowed) = select::narrowed(&config.selection, &columns, policy, '"') {
        statement = select::statement(&narrowed.selection, '"');
        kept_back = narrowed.kept_back;
        let mut places = 0..;
        kinds.retain(|_| {
            let place = places.next().unwrap_or_default();
            !kept_back.iter().any(|column| column.place == place)
        });
    }
    let mut columns = Vec::new();
    let mut decoders = Vec::new();
    let mut types = Vec::new();
    let mut origins = Vec::new();
    let mut notes = Vec::new();
    for Declared { name: column, declared, kind, origin } in kinds {
        let option = super::option_of(
            &config.column_options,
            &config.default_column_options,
            &column,
            declared::jdbc_type(kind),
        )?;
        if kind == ColumnType::Bytes && option.is_none() && bytes == BytesRule::Refuse {
            return Err(super::unsupported(&column, "BLOB"));
        }
        let rules = Rules { driver: Driver::Sqlite, zone: &config.default_timezone, zones: &zones };
        let outcome = convert::plan(&column, kind, option, rules)?;
        notes.extend(outcome.note);
        types.push(declared);
        origins.push(origin);
        columns.push(Column::new(column, outcome.kind));
        decoders.push(Decoder {
            kind: read_as(kind, option),
            conversion: outcome.conversion,
            scratch: Vec::new(),
        });
    }
    context.observer.log(Level::Info, &format!("SQL: {}", statement.shown));
    Ok(SqliteReader {
        connection,
        statement,
        schema: Schema::new(columns, zones),
        decoders,
        types,
        origins,
        kept_back,
        notes,
        after_select: config.statements.after_select.as_ref().map(|text| text.expose().to_owned()),
        name,
        log: FetchedLog::new(Arc::clone(&context.observer)),
    })
}

/// A text that is asked for is the one that is stored, whatever was declared.
fn read_as(kind: ColumnType, option: Option<&ColumnOption>) -> ColumnType {
    match option {
        Some(option) if option.value_type == ValueType::String => ColumnType::Bytes,
        _ => kind,
    }
}

/// Read-only unless the config has statements that may write. A file that is not there is an error, not a new file.
fn connect(config: &SqliteInput, context: &TransferContext) -> Result<Connection, TransferError> {
    let access = if config.statements == Statements::default() {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    } else {
        OpenFlags::SQLITE_OPEN_READ_WRITE
    };
    let path = context.directory.join(config.database.expose());
    let shown = config.database.shown();
    if !path.is_file() {
        return Err(TransferError::new(ErrorKind::NotFound, format!("there is no SQLite file `{shown}`"))
            .hint("the path is relative to the working directory of the task"));
    }
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&path, flags);
    let connection =
        connection.map_err(|error| failed(&error, &format!("SQLite file `{shown}` cannot be opened")))?;
    connection
        .busy_timeout(std::time::Duration::from_secs(60))
        .map_err(|error| failed(&error, &format!("SQLite file `{shown}` cannot be opened")))?;
    Ok(connection)
}

/// A column of a statement.
struct Declared {
    name: String,
    /// As it is declared; empty for an expression.
    declared: String,
    kind: ColumnType,
    origin: Origin,
}

impl Declared {
    fn subject(&self) -> (String, Subject) {
        let subject = Subject { origin: self.origin.clone(), type_name: self.declared.clone() };
        (self.name.clone(), subject)
    }
}

/// Names and types of the columns. An expression has no declared type: the first row decides, text without one.
fn kinds(
    connection: &Connection,
    statement: &Statement,
    name: &str,
    policy: Option<&Enforced>,
) -> Result<Vec<Declared>, TransferError> {
    let unread = |error: &rusqlite::Error| failed(error, &format!("{name} could not be read"));
    let mut prepared = connection.prepare(&statement.sql).map_err(|error| unread(&error))?;
    if prepared.column_count() == 0 {
        return Err(TransferError::new(ErrorKind::Query, format!("{name} gives no columns")));
    }
    if prepared.parameter_count() > 0 {
        return Err(TransferError::new(
            ErrorKind::Query,
            format!("{name} has a parameter that nothing is given for"),
        ));
    }
    let declared: Vec<(String, String)> = prepared
        .columns()
        .map(|column| (column.name().to_owned(), column.decl_type().unwrap_or_default().to_owned()))
        .collect();
    let origins: Vec<Origin> = match policy {
        Some(_) => prepared.columns_with_metadata().map(|column| origin(&column, &statement.sql)).collect(),
        None => declared.iter().map(|(name, _)| Origin::Expression { alias: name.clone() }).collect(),
    };
    let mut rows = prepared.query([]).map_err(|error| unread(&error))?;
    let undeclared = declared.iter().any(|(_, declared)| declared::column_type(declared).is_none());
    let first = if undeclared { rows.next().map_err(|error| unread(&error))? } else { None };
    let columns = declared.into_iter().zip(origins).enumerate();
    let kinds = columns.map(|(at, ((name, declared), origin))| {
        let seen = || match first.and_then(|row| row.get_ref(at).ok()) {
            Some(ValueRef::Integer(_)) => ColumnType::Long,
            Some(ValueRef::Real(_)) => ColumnType::Double,
            Some(ValueRef::Blob(_)) => ColumnType::Bytes,
            Some(ValueRef::Text(_) | ValueRef::Null) | None => ColumnType::String,
        };
        let kind = declared::column_type(&declared).unwrap_or_else(seen);
        Declared { name, declared, kind, origin }
    });
    Ok(kinds.collect())
}

/// Where a column comes from. SQLite tells it through views and subselects.
fn origin(column: &ColumnMetadata<'_>, sql: &str) -> Origin {
    let known = column.table_name().zip(column.origin_name());
    match known.filter(|_| told::sqlite_is_believed(sql)) {
        Some((table, name)) => Origin::Column {
            schema: column.database_name().map(str::to_owned),
            table: table.to_owned(),
            column: name.to_owned(),
        },
        None => Origin::Expression { alias: column.name().to_owned() },
    }
}

fn failed(error: &rusqlite::Error, doing: &str) -> TransferError {
    use rusqlite::ErrorCode as Code;
    let kind = match error.sqlite_error_code() {
        Some(Code::OperationInterrupted) => return TransferError::canceled(),
        Some(Code::DatabaseBusy | Code::DatabaseLocked) => ErrorKind::Busy,
        Some(Code::PermissionDenied | Code::AuthorizationForStatementDenied | Code::ReadOnly) => {
            ErrorKind::Permission
        }
        Some(Code::CannotOpen | Code::SystemIoFailure | Code::DiskFull) => ErrorKind::Storage,
        _ => ErrorKind::Query,
    };
    TransferError::new(kind, doing).cause(error.to_string())
}

impl Input for SqliteReader {
    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn source_columns(&mut self) -> Vec<SourceColumn> {
        let columns = self.types.iter().zip(&mut self.decoders).zip(&self.schema.columns);
        columns.map(|((name, decoder), to)| decoder.told(name.clone(), to.kind, &self.schema.zones)).collect()
    }

    fn known(&self) -> Known {
        let subject =
            |(origin, name): (&Origin, &String)| Subject { origin: origin.clone(), type_name: name.clone() };
        let subjects = self.origins.iter().zip(&self.types).map(subject).collect();
        Known { subjects, kept_back: self.kept_back.clone() }
    }

    fn stopper(&self) -> Box<dyn Stop> {
        Box::new(Interrupt(self.connection.get_interrupt_handle()))
    }

    fn read(&mut self, sink: &mut dyn PageSink) -> Result<InputFigures, TransferError> {
        let unread = |error: &rusqlite::Error| failed(error, &format!("{} could not be read", self.name));
        let mut prepared = self.connection.prepare(&self.statement.sql).map_err(|error| unread(&error))?;
        let mut rows = prepared.query([]).map_err(|error| unread(&error))?;
        let mut count = 0;
        let mut page = sink.page();
        while let Some(row) = rows.next().map_err(|error| unread(&error))? {
            for (at, decoder) in self.decoders.iter_mut().enumerate() {
                let value = row.get_ref(at).map_err(|error| unread(&error))?;
                decoder
                    .push(value, &mut page.columns[at])
                    .map_err(|reason| unfit(&self.schema.columns[at], count, &reason))?;
            }
            page.rows += 1;
            count += 1;
            self.log.count(count);
            if is_full(&page) {
                if sink.send(page) == Flow::Stop {
                    return Ok(figures(count, &self.schema, &self.decoders, &self.notes));
                }
                page = sink.page();
            }
        }
        self.log.end(count);
        if page.rows > 0 && sink.send(page) == Flow::Stop {
            return Ok(figures(count, &self.schema, &self.decoders, &self.notes));
        }
        if let Some(after) = &self.after_select {
            self.connection.execute_batch(after).map_err(|error| failed(&error, "`after_select` failed"))?;
        }
        Ok(figures(count, &self.schema, &self.decoders, &self.notes))
    }
}

/// What is said of a read.
fn figures(rows: u64, schema: &Schema, decoders: &[Decoder], notes: &[String]) -> InputFigures {
    let columns = schema.columns.iter().zip(decoders);
    let unfit = columns.filter_map(|(column, decoder)| {
        let count = decoder.conversion.as_ref()?.unfit_count();
        (count > 0).then(|| Change::of(&column.name, convert::UNFIT, count))
    });
    let changes: Vec<Change> = unfit.collect();
    let notes = notes.iter().cloned().chain(changes.iter().map(Change::note)).collect();
    InputFigures { rows, notes, changes, ..InputFigures::default() }
}

struct Interrupt(InterruptHandle);

impl Stop for Interrupt {
    fn stop(&self) {
        self.0.interrupt();
    }
}

/// How the values of one column are read.
struct Decoder {
    kind: ColumnType,
    conversion: Option<Conversion>,
    scratch: Vec<u8>,
}

impl Decoder {
    /// The column as the source has it, for one of type `to`.
    fn told(&mut self, type_name: String, to: ColumnType, zones: &Zones) -> SourceColumn {
        let unlike = Loss::new("values that do not go with the declared type", Fate::Fails);
        let losses = if self.kind == ColumnType::String { Vec::new() } else { vec![unlike] };
        let refused = self.kind == ColumnType::Bytes && self.conversion.is_none();
        let column = SourceColumn::new(type_name, to, self.conversion.as_mut(), zones, losses);
        SourceColumn { embulk: column.embulk.filter(|_| !refused), ..column }
    }

    fn push(&mut self, value: ValueRef<'_>, column: &mut ColumnBuffer) -> Result<(), Unfit> {
        let unlike = || Unfit("does not go with the declared type of its column");
        self.scratch.clear();
        let given = match (self.kind, value) {
            (_, ValueRef::Null) => {
                column.push_null();
                return Ok(());
            }
            (ColumnType::Boolean | ColumnType::Long, ValueRef::Integer(value)) => Given::Long(value),
            (ColumnType::Boolean, ValueRef::Text(text)) => Given::Long(boolean(text).ok_or_else(unlike)?),
            (ColumnType::Long, ValueRef::Text(text)) => Given::Long(
                std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or_else(unlike)?,
            ),
            (ColumnType::Double, ValueRef::Real(value)) => Given::Double(value),
            (ColumnType::Double, ValueRef::Integer(value)) => Given::Double(value as f64),
            (ColumnType::Decimal { scale, .. }, value) => {
                decimal(value, scale, &mut self.scratch).ok_or_else(unlike)?;
                Given::Text(&self.scratch)
            }
            (ColumnType::Date | ColumnType::DateTime | ColumnType::Time, ValueRef::Text(text)) => {
                let text = std::str::from_utf8(text).map_err(|_| unlike())?;
                let read = match self.kind {
                    ColumnType::Date => text::days(text),
                    ColumnType::Time => text::time(text),
                    _ => text::moment(text),
                };
                Given::Long(read.ok_or(Unfit("is not a date or time as SQLite writes it"))?)
            }
            (ColumnType::String | ColumnType::Json | ColumnType::Bytes, ValueRef::Text(text)) => {
                Given::Text(text)
            }
            (ColumnType::Bytes, ValueRef::Blob(bytes)) => Given::Text(bytes),
            (
                ColumnType::String | ColumnType::Json | ColumnType::Bytes,
                ValueRef::Integer(_) | ValueRef::Real(_),
            ) => {
                decimal(value, 0, &mut self.scratch).ok_or_else(unlike)?;
                Given::Text(&self.scratch)
            }
            _ => return Err(unlike()),
        };
        match &mut self.conversion {
            Some(conversion) => conversion.push(&given, column),
            None => given.push(column),
        }
    }
}

fn boolean(text: &[u8]) -> Option<i64> {
    if text.eq_ignore_ascii_case(b"true") {
        return Some(1);
    }
    text.eq_ignore_ascii_case(b"false").then_some(0)
}

/// Decimal digits with at least `scale` of them after the point: SQLite keeps such columns as integers and doubles.
fn decimal(value: ValueRef<'_>, scale: u8, out: &mut Vec<u8>) -> Option<()> {
    match value {
        ValueRef::Integer(value) => write!(out, "{value}").ok()?,
        // The shortest digits that give the double back are those that were put in.
        ValueRef::Real(value) if value.is_finite() => write!(out, "{value}").ok()?,
        ValueRef::Text(text) => {
            std::str::from_utf8(text).ok()?.parse::<f64>().ok().filter(|value| value.is_finite())?;
            out.extend_from_slice(text);
            return Some(());
        }
        _ => return None,
    }
    let digits = out.iter().position(|byte| *byte == b'.').map(|point| out.len() - point - 1);
    let missing = usize::from(scale).saturating_sub(digits.unwrap_or(0));
    if missing > 0 && digits.is_none() {
        out.push(b'.');
    }
    out.extend(std::iter::repeat_n(b'0', missing));
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_have_the_digits_of_their_scale() {
        for (value, scale, expected) in [
            (ValueRef::Integer(12), 2, Some("12.00")),
            (ValueRef::Integer(12), 0, Some("12")),
            (ValueRef::Real(64.21), 2, Some("64.21")),
            (ValueRef::Real(-0.5), 2, Some("-0.50")),
            (ValueRef::Real(1e21), 1, Some("1000000000000000000000.0")),
            (ValueRef::Text(b"12345678901234567890.12"), 2, Some("12345678901234567890.12")),
            (ValueRef::Text(b"x"), 2, None),
            (ValueRef::Blob(b"1"), 2, None),
        ] {
            let mut out = Vec::new();
            let written = decimal(value, scale, &mut out).map(|()| String::from_utf8(out).unwrap());
            assert_eq!(written.as_deref(), expected);
        }
    }
}
