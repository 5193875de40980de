//! Rows of PostgreSQL: one COPY of the statement in binary form, streamed without a cursor, decoded straight into pages.
//!
//! Text is the one form that every type has, extensions' own among them, and the server's text of a value is exact: in
//! it come the columns of types whose binary form is not read.

#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod bench;
mod clock;
mod columns;
mod copy;
mod decode;
mod divide;
pub(in crate::transfer) mod error;
mod incremental;
pub(in crate::transfer) mod load;
mod moment;
mod named;
mod nested;
mod numeric;
mod origin;
mod plan;
pub(in crate::transfer) mod properties;
mod reading;
pub(in crate::transfer) mod session;
mod snapshot;
mod statement;
pub(in crate::transfer) mod table;

use std::sync::Arc;

use tokio_postgres::Statement as Prepared;

use self::decode::Decoder;
use self::divide::{Plan, Rows};
pub(in crate::transfer) use self::plan::cents;
use self::plan::{Planned, SourceType};
use self::properties::{Access, Properties};
use self::reading::Reading;
use self::session::{Canceler, Session};
pub use self::snapshot::HeldSnapshots;
use self::statement::CopyForm;
use super::fetched::FetchedLog;
use super::select::{self, Statement};
use super::{
    BytesRule, Flow, Increment, Input, InputFigures, Lanes, PageSink, Seats, SourceColumn, Stop, Told,
};
use crate::embulk::input::{PostgresqlInput, Selection, Snapshot, Statements};
use crate::policy::{Origin, Subject};
use crate::session::Level;
use crate::transfer::context::{MemoryShare, TransferContext};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::gauge::Extent;
use crate::transfer::policy::{Enforced, Known};
use crate::transfer::report::{Change, Treated};
use crate::transfer::schema::{Schema, TimeDetail, Zones};

/// A statement whose columns are known, with everything its rows need.
pub struct PostgresReader {
    /// None once it was read.
    session: Option<Session>,
    canceler: Canceler,
    rows: Rows,
    form: CopyForm,
    schema: Arc<Schema>,
    decoders: Vec<Decoder>,
    types: Vec<SourceType>,
    /// Where the columns come from; empty where no policy wants to know.
    origins: Vec<Origin>,
    /// Columns of the table that a policy keeps back.
    kept_back: Vec<Treated>,
    after_select: Option<String>,
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

/// Connects, begins the transaction of the read and looks at the columns.
pub fn open(
    config: &PostgresqlInput,
    context: &TransferContext,
    bytes: BytesRule,
) -> Result<PostgresReader, TransferError> {
    let access = Access::from(config);
    let properties = Properties::of(&access)?;
    for name in &properties.ignored {
        let text = format!("`{name}` in `options` means nothing here and is ignored");
        context.observer.log(Level::Warn, &text);
    }
    let log = |text: String| context.observer.log(Level::Info, &text);
    let address = access.address();
    log(format!("Connecting to postgresql://{address}/{}", config.database.shown()));
    let session = Session::open(&access, &properties, &context.process_zone, &address)?;
    if let Some(setup) = &config.statements.before_setup {
        run(&session, setup.expose(), "`before_setup`")?;
    }
    let rule = config.snapshot.unwrap_or(context.reading.snapshot);
    if rule == Snapshot::Consistent {
        let name = context.reading.snapshots.postgres.name(config, context)?;
        snapshot::take_on(&session, &name)?;
    } else {
        run(&session, begin(config), "`BEGIN`")?;
    }
    if let Some(before) = &config.statements.before_select {
        run(&session, before.expose(), "`before_select`")?;
    }
    let name = select::name(&config.selection);
    let selection = table::found(&session, &config.selection, &properties.schema)?;
    let columns = match &config.incremental {
        None => None,
        Some(incremental) => Some(incremental::columns(&session, &selection, incremental, config, context)?),
    };
    let statement = match (&config.incremental, &columns) {
        (Some(incremental), Some(columns)) => incremental::statement(&selection, columns, incremental)?,
        _ => select::statement(&selection, '"'),
    };
    let prepared = prepare(&session, &statement, &name)?;
    let read = Read { selection, statement, prepared, origins: Vec::new(), kept_back: Vec::new() };
    let order = if config.incremental.is_some() { Order::Incremental } else { Order::Any };
    let read = match &context.policy {
        Some(policy) => read.policed(&session, policy, order, &name)?,
        None => read,
    };
    let Read { selection, statement, prepared, origins, kept_back } = read;
    // Embulk's driver reads every wall clock in the zone of the process.
    let process = &context.process_zone;
    let zones = Zones {
        server: process.clone(),
        process: process.clone(),
        clock: process.clone(),
        time: TimeDetail::Milliseconds,
    };
    let Planned { schema, decoders, types, notes } =
        plan::plan(config, &session, prepared.columns(), zones, bytes)?;
    let increment = columns.map(|columns| {
        Increment::of(&columns, &schema, |name| config.column_options.iter().any(|(known, _)| known == name))
    });
    let form = CopyForm::of(&session, prepared.columns(), &decoders)?;
    log(format!("SQL: {}", statement.shown));
    Ok(PostgresReader {
        increment: increment.transpose()?,
        canceler: session.canceler(),
        session: Some(session),
        rows: Rows::All(statement.sql),
        form,
        schema,
        decoders,
        types,
        origins,
        kept_back,
        notes,
        after_select: config.statements.after_select.as_ref().map(|text| text.expose().to_owned()),
        name,
        log: FetchedLog::new(Arc::clone(&context.observer)),
        plan: Plan::of(config, properties.schema, selection, context),
        snapshot: (rule == Snapshot::Consistent).then(|| "consistent".to_owned()),
    })
}

/// A statement that is ready to be run.
struct Read {
    /// By the name that the table has.
    selection: Selection,
    statement: Statement,
    prepared: Prepared,
    /// Where the columns come from.
    origins: Vec<Origin>,
    /// Columns of the table that a policy keeps back.
    kept_back: Vec<Treated>,
}

impl Read {
    /// The same with the origins of its columns, and without those that the policy drops where a whole table is read.
    fn policed(
        self,
        session: &Session,
        policy: &Enforced,
        order: Order,
        name: &str,
    ) -> Result<Self, TransferError> {
        let origins = origin::origins(session, self.prepared.columns(), name)?;
        let subject = |(column, origin): (&tokio_postgres::Column, &Origin)| {
            let type_name = named::sql_type(column.type_(), column.type_modifier());
            (column.name().to_owned(), Subject { origin: origin.clone(), type_name })
        };
        let columns: Vec<_> = self.prepared.columns().iter().zip(&origins).map(subject).collect();
        let narrowed = match order {
            Order::Any => select::narrowed(&self.selection, &columns, Some(policy), '"'),
            Order::Incremental => None,
        };
        let Some(narrowed) = narrowed else { return Ok(Self { origins, ..self }) };
        let statement = select::statement(&narrowed.selection, '"');
        let prepared = prepare(session, &statement, name)?;
        Ok(Self {
            selection: narrowed.selection,
            statement,
            prepared,
            origins: narrowed.origins,
            kept_back: narrowed.kept_back,
        })
    }
}

/// In which order rows come.
#[derive(Clone, Copy)]
enum Order {
    Any,
    /// Of some columns, whose last values are remembered.
    Incremental,
}

/// A table is read from one snapshot and with nothing written. Statements of the config's own may write and see what
/// others commit, as they may under Embulk.
fn begin(config: &PostgresqlInput) -> &'static str {
    match config.selection {
        Selection::Table { .. } if config.statements == Statements::default() => {
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        }
        _ => "BEGIN",
    }
}

fn run(session: &Session, sql: &str, what: &str) -> Result<(), TransferError> {
    session.run(sql).map_err(|trouble| trouble.during(format!("{what} failed")))
}

fn prepare(session: &Session, statement: &Statement, name: &str) -> Result<Prepared, TransferError> {
    let prepared = session
        .prepare(&statement.sql)
        .map_err(|trouble| trouble.during(format!("{name} could not be read")))?;
    if !prepared.params().is_empty() {
        return Err(TransferError::new(
            ErrorKind::Query,
            format!("{name} has a `$1` that nothing is given for"),
        ));
    }
    if prepared.columns().is_empty() {
        return Err(TransferError::new(ErrorKind::Query, format!("{name} gives no columns")));
    }
    Ok(prepared)
}

impl Input for PostgresReader {
    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn source_columns(&mut self) -> Vec<SourceColumn> {
        let columns = self.types.iter().zip(&mut self.decoders).zip(&self.schema.columns);
        columns.map(|((source, decoder), to)| decoder.told(source, to.kind, &self.schema.zones)).collect()
    }

    fn known(&self) -> Known {
        let subject = |(origin, source): (&Origin, &SourceType)| Subject {
            origin: origin.clone(),
            type_name: source.name.clone(),
        };
        let subjects = self.origins.iter().zip(&self.types).map(subject).collect();
        Known { subjects, kept_back: self.kept_back.clone() }
    }

    fn increment(&self) -> Option<&Increment> {
        self.increment.as_ref()
    }

    fn extent(&mut self) -> Result<Option<Extent>, TransferError> {
        let (None, Some(session)) = (&self.increment, &self.session) else { return Ok(None) };
        Ok(self.plan.expected_rows(session, &self.name)?.map(Extent::Rows))
    }

    fn stopper(&self) -> Box<dyn Stop> {
        Box::new(self.canceler.clone())
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
        let Some(session) = self.session.take() else {
            return Err(TransferError::new(ErrorKind::Internal, format!("{} was read already", self.name)));
        };
        let mut reading = Reading {
            decoders: &mut self.decoders,
            schema: &self.schema,
            form: &self.form,
            log: &mut self.log,
            sink,
            name: &self.name,
            page: None,
            rows: 0,
        };
        let outcome = match &self.rows {
            Rows::All(sql) => reading.rows_of(&session, sql),
            Rows::Ranges(share) => reading.ranges(&session, share, &self.plan),
        };
        let outcome = outcome.map(|flow| match flow {
            Flow::Continue => reading.end(),
            Flow::Stop => Flow::Stop,
        });
        let rows = reading.rows;
        if !matches!(outcome, Ok(Flow::Continue)) {
            // The server is told to send no more.
            self.canceler.stop();
        }
        if outcome? == Flow::Continue {
            if let Some(after) = &self.after_select {
                run(&session, after, "`after_select`")?;
            }
            session.run("COMMIT").map_err(|trouble| trouble.during("the read could not be ended"))?;
            session.close();
        }
        let changes = self.changes();
        let notes = self.notes.iter().cloned().chain(changes.iter().map(Change::note)).collect();
        let snapshot = self.snapshot.clone();
        Ok(InputFigures { rows, notes, changes, snapshot, ..InputFigures::default() })
    }
}

impl PostgresReader {
    fn changes(&self) -> Vec<Change> {
        let columns = self.schema.columns.iter().zip(&self.decoders);
        columns.flat_map(|(column, decoder)| decoder.changes(&column.name)).collect()
    }
}
