//! `type: redshift`: rows staged in S3, loaded by one COPY into a staging table, published by one transaction.
//!
//! * [`prepare`] decides how, and makes the [`staging_table`]; [`column`] says what each column becomes, [`catalog`] what the server has.
//! * [`parts`] turns rows into objects, [`parquet_type`] says what a column takes from Parquet; [`stage`] and [`bucket`]
//!   bring them to S3; [`copy`] loads them.
//! * [`publish`] makes them visible, by inserting them or by a swap of tables; [`carried`] is what the new table takes
//!   over from the old one, [`locks`] tells who is in the way.
//! * [`resume`] finishes or removes what earlier attempts left, and [`kept`] takes over what they staged whole; [`status`]
//!   tells whether they published.
//!
//! Every object and the staging table are in the ledger until they are gone. Redshift speaks PostgreSQL's protocol and
//! is another database: [`statement`] and [`failure`] know where.

mod bucket;
mod carried;
mod catalog;
mod column;
mod copy;
mod failure;
mod kept;
mod lanes;
mod locks;
mod look;
mod parquet_type;
mod parts;
mod prepare;
mod publish;
pub(super) mod reads;
mod resume;
mod stage;
mod staging_table;
mod statement;
mod status;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::catalog::Place;
pub(super) use self::look::look;
use self::prepare::Work;
use self::resume::{Moment, OfSet, Resolved};
use super::kept::Kept;
use super::sql::plan::{self, Plan, TargetColumn};
use super::trail::KeptParts;
use super::{KeptRows, Output, OutputFigures};
use crate::embulk::output::{CopyFormat, OutputConfig, RedshiftOutput, TableLoad};
use crate::session::Level;
use crate::transfer::context::TransferContext;
use crate::transfer::effect::ReadRecord;
use crate::transfer::encode::typed::Stored;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::postgres::properties::{Access, Properties};
use crate::transfer::input::postgres::session::Session;
use crate::transfer::input::{Lanes, Told};
use crate::transfer::page::{News, Page};
use crate::transfer::report::{Change, Reused};
use crate::transfer::schema::{Column, Schema};
use crate::transfer::target::ColumnTarget;

/// What the name of a manifest ends with.
const MANIFEST: &str = ".manifest";

/// A table of Redshift as the target of one transfer.
pub struct RedshiftTarget {
    config: RedshiftOutput,
    context: TransferContext,
    /// The target as people know it.
    shown: String,
    work: Option<Work>,
    /// What an earlier attempt has staged whole.
    found_set: Option<Kept>,
    /// Else what it has staged of ranges.
    found_parts: Option<KeptParts>,
    /// What the rows lost on the way.
    changes: Vec<Change>,
}

/// What each column becomes in a table that is not there yet.
pub(super) fn targets(
    schema: &Schema,
    load: &TableLoad,
    format: CopyFormat,
) -> Result<Vec<ColumnTarget>, TransferError> {
    let plan = planned(schema, load, None, Folding::Lower)?;
    stored(&plan, format)?;
    Ok(told(schema, load, &plan))
}

/// What the columns hold, for a format that has types. Errors: a column that the format has none for.
fn stored(plan: &Plan, format: CopyFormat) -> Result<Vec<Stored>, TransferError> {
    match format {
        CopyFormat::Parquet => parquet_type::stored(&plan.columns),
        CopyFormat::Text | CopyFormat::Csv | CopyFormat::Jsonl => Ok(Vec::new()),
    }
}

fn told(schema: &Schema, load: &TableLoad, plan: &Plan) -> Vec<ColumnTarget> {
    let target = |from: &Column, to: &TargetColumn| {
        column::target(from.kind, to, plan::option_of(load, &from.name), load)
    };
    plan.targets(schema, &target)
}

/// What becomes of the letters of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Folding {
    /// They are small, also between quotes.
    Lower,
    /// They stay: `enable_case_sensitive_identifier` is on.
    Kept,
}

impl Folding {
    fn of(session: &Session) -> Self {
        let asked = session.texts("SELECT current_setting('enable_case_sensitive_identifier')");
        match asked.ok().and_then(|mut said| said.pop()).as_deref() {
            Some("on" | "true") => Self::Kept,
            // Also where there is no such setting.
            _ => Self::Lower,
        }
    }

    fn name(self, name: &str) -> String {
        match self {
            Self::Lower => name.to_lowercase(),
            Self::Kept => name.to_owned(),
        }
    }
}

fn planned(
    schema: &Schema,
    load: &TableLoad,
    existing: Option<&[TargetColumn]>,
    folding: Folding,
) -> Result<Plan, TransferError> {
    let mut plan = plan::plan(schema, load, existing, &|from| column::usual_type(from, load.types))?;
    for at in 0..plan.columns.len() {
        let name = folding.name(&plan.columns[at].name);
        if plan.columns[..at].iter().any(|known| known.name == name) {
            let message = format!("two columns of the rows go to column `{name}` of the table");
            return Err(TransferError::new(ErrorKind::Config, message)
                .hint("leave one of them out, or give it another name: Redshift knows small letters only"));
        }
        plan.columns[at].name = name;
    }
    Ok(plan)
}

impl RedshiftTarget {
    /// A target. Nothing is called yet.
    pub fn new(config: &RedshiftOutput, context: &TransferContext) -> Self {
        Self {
            config: config.clone(),
            context: context.clone(),
            shown: OutputConfig::Redshift(Box::new(config.clone())).to_string(),
            work: None,
            found_set: None,
            found_parts: None,
            changes: Vec::new(),
        }
    }

    fn log(&self, text: &str) {
        self.context.observer.log(Level::Info, text);
    }

    fn warn(&self, text: &str) {
        self.context.observer.log(Level::Warn, text);
    }

    /// Makes connections, on any thread: the session, and the schema that the table is in.
    fn connector(&self) -> impl Fn() -> Result<(Session, String), TransferError> + Send + use<> {
        let (config, zone) = (self.config.clone(), self.context.process_zone.clone());
        move || {
            let access = Access::from(&config);
            let properties = Properties::of(&access)?;
            let session = Session::open(&access, &properties, &zone, &access.address())?;
            let schema = Folding::of(&session).name(properties.schema.expose());
            Ok((session, schema))
        }
    }

    fn connect(&self) -> Result<(Session, String), TransferError> {
        let address = self.address();
        self.log(&format!("Connecting to redshift://{address}/{}", self.config.database.shown()));
        self.connector()()
    }

    /// Host, port and database, as the ledger knows where a table is.
    fn address(&self) -> String {
        format!("{}:{}", self.config.host.shown(), self.config.port)
    }

    /// Where the table is, or will be.
    fn place(&self, session: &Session, schema: String) -> Place {
        Place { schema, table: Folding::of(session).name(self.config.load.table.expose()) }
    }
}

impl Output for RedshiftTarget {
    fn target(&self) -> String {
        self.shown.clone()
    }

    fn memory_bytes(&self) -> usize {
        parts::memory_bytes(self.config.format, self.config.stage.uploads)
    }

    fn bytes(&self) -> u64 {
        self.work.as_ref().map_or(0, |work| work.stager.bytes)
    }

    fn recover(&mut self) -> Result<Option<OutputFigures>, TransferError> {
        let Resolved { figures, kept, parts } = self.resolve(Moment::Before, OfSet::Stays)?;
        (self.found_set, self.found_parts) = (kept, parts);
        if figures.is_some() {
            self.log(&format!("an earlier attempt has published `{}`", self.shown));
        }
        Ok(figures)
    }

    fn resume(&mut self) -> Result<Option<(ReadRecord, Reused)>, TransferError> {
        self.take_kept()
    }

    fn begin(&mut self, schema: &Arc<Schema>) -> Result<(), TransferError> {
        self.work = Some(self.prepare(schema)?);
        Ok(())
    }

    fn write(&mut self, page: &Page) -> Result<(), TransferError> {
        self.work.as_mut().ok_or_else(not_begun)?.stager.write(page)
    }

    fn seal(&mut self, read: &ReadRecord) -> Result<(), TransferError> {
        let work = self.work.as_mut().ok_or_else(not_begun)?;
        work.stager.finish()?;
        self.seal_objects(read)
    }

    fn commit(&mut self) -> Result<OutputFigures, TransferError> {
        let work = self.work.as_ref().ok_or_else(not_begun)?;
        let figures = self.load(work)?;
        self.changes = work.stager.changes();
        work.bucket.remove_all(&self.context.ledger.recorded()?, &|_| false)?;
        self.work = None;
        Ok(figures)
    }

    fn changes(&self) -> Vec<Change> {
        self.changes.clone()
    }

    fn lanes(&mut self) -> Result<Option<Lanes>, TransferError> {
        self.wanted_lanes()
    }

    fn divided(&mut self, told: Told) -> Result<Option<KeptRows>, TransferError> {
        self.take_division(told)
    }

    fn lane(&mut self, reader: usize, news: News, read: u64) -> Result<(), TransferError> {
        self.work.as_mut().ok_or_else(not_begun)?.stager.turn(reader, news, read)
    }

    fn abort(&mut self) {
        self.give_up(OfSet::Goes);
    }

    fn suspend(&mut self) {
        self.give_up(if self.context.ledger.remembers() { OfSet::Stays } else { OfSet::Goes });
    }
}

impl RedshiftTarget {
    fn give_up(&mut self, of_set: OfSet) {
        if let Some(mut work) = self.work.take() {
            work.stager.stop();
        }
        if let Err(error) = self.resolve(Moment::After, of_set) {
            self.warn(&format!("what the transfer staged is removed by the next attempt: {error}"));
        }
    }
}

fn not_begun() -> TransferError {
    TransferError::new(ErrorKind::Internal, "rows came before the schema")
}
