//! `type: postgresql`: rows copied into a temporary table of the session, published by one transaction.
//!
//! * [`column`] says what each column becomes; [`table`] what the server has, [`spelled`] what it makes of types.
//! * [`statement`] is the SQL; [`publish`] runs the transaction; [`status`] tells a retry whether it was carried out.
//!
//! A temporary table ends with the session, however that ends: nothing staged is ever left behind. `insert_direct` has
//! none: its rows go into the target, all in the transaction that publishes.

pub(super) mod column;
mod failure;
mod look;
mod publish;
mod spelled;
mod statement;
mod status;
pub(super) mod table;

use std::sync::Arc;

use bytes::Bytes;

pub(super) use self::look::look;
use self::publish::Target;
use self::spelled::spelled;
use self::status::Status;
use super::sql::given;
use super::sql::past::{Claim, Past, figures};
use super::sql::plan::{self, Change, Plan, TargetColumn, find};
use super::{Output, OutputFigures};
use crate::embulk::input::Selection;
use crate::embulk::output::{LoadMode, OutputConfig, PostgresqlOutput, TableLoad};
use crate::embulk::text::Text;
use crate::session::Level;
use crate::transfer::context::TransferContext;
use crate::transfer::effect::{Effect, EffectOutcome};
use crate::transfer::encode::copy_text::CopyTextEncoder;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::postgres::cents;
use crate::transfer::input::postgres::error::Trouble;
use crate::transfer::input::postgres::load::CopyIn;
use crate::transfer::input::postgres::properties::{Access, Properties};
use crate::transfer::input::postgres::session::Session;
use crate::transfer::input::postgres::table::found;
use crate::transfer::page::{PAGE_BYTES, Page};
use crate::transfer::report;
use crate::transfer::schema::{Column, Schema};
use crate::transfer::target::ColumnTarget;

/// A table of PostgreSQL as the target of one transfer.
pub struct PostgresTarget {
    config: PostgresqlOutput,
    context: TransferContext,
    /// The target as people know it.
    shown: String,
    work: Option<Work>,
    bytes: u64,
    /// What the rows lost on the way.
    changes: Vec<report::Change>,
}

/// What `begin` found out, and how far the rows are.
struct Work {
    session: Session,
    target: Target,
    encoder: CopyTextEncoder,
    /// What rows are copied into, quoted.
    into: String,
    copy: Option<CopyIn>,
    /// Bytes of the COPY under way.
    batch_bytes: u64,
    /// Rows handed to the server, and those of them that it has taken.
    sent: u64,
    taken: u64,
}

impl PostgresTarget {
    /// A target. Nothing is called yet.
    pub fn new(config: &PostgresqlOutput, context: &TransferContext) -> Self {
        Self {
            config: config.clone(),
            context: context.clone(),
            shown: OutputConfig::Postgresql(Box::new(config.clone())).to_string(),
            work: None,
            bytes: 0,
            changes: Vec::new(),
        }
    }

    fn log(&self, text: &str) {
        self.context.observer.log(Level::Info, text);
    }

    fn connect(&self) -> Result<(Session, String), TransferError> {
        let access = Access::from(&self.config);
        let properties = Properties::of(&access)?;
        for name in &properties.ignored {
            let text = format!("`{name}` in `options` means nothing here and is ignored");
            self.context.observer.log(Level::Warn, &text);
        }
        let address = access.address();
        self.log(&format!("Connecting to postgresql://{address}/{}", access.database.shown()));
        let session = Session::open(&access, &properties, &self.context.process_zone, &address)?;
        Ok((session, properties.schema.expose().to_owned()))
    }

    /// Removes the row of a publication that is recorded as done: who recorded it may have been killed before that. It
    /// does no harm where it stays.
    fn forget(&self, done: &Effect) {
        let Effect::PublishRows { id, .. } = done else { return };
        if let Ok((session, schema)) = self.connect() {
            Status::of(&schema).forget(&session, id);
            session.close();
        }
    }

    /// The name that the table has: as it is written, else in upper or lower case.
    fn table_name(&self, session: &Session, schema: &str) -> Result<String, TransferError> {
        let selection = Selection::Table {
            table: self.config.load.table.clone(),
            select: Text::plain("*"),
            where_clause: None,
            order_by: None,
        };
        match found(session, &selection, &Text::plain(schema))? {
            Selection::Table { table, .. } => Ok(table.expose().to_owned()),
            Selection::Query(_) => Ok(self.config.load.table.expose().to_owned()),
        }
    }

    fn prepare(&mut self, schema: &Arc<Schema>) -> Result<Work, TransferError> {
        let (session, schema_name) = self.connect()?;
        let table = self.table_name(&session, &schema_name)?;
        table::refuse_long([schema_name.as_str(), &table])?;
        let name = table::qualified(&schema_name, &table);
        let failed = format!("table `{table}` could not be looked up");
        let existing = table::columns(&session, &name).map_err(|trouble| trouble.during(failed.as_str()))?;
        let mut plan = planned(schema, &self.config.load, existing.as_deref())?;
        table::refuse_long(plan.columns.iter().map(|column| column.name.as_str()))?;
        let made = self.spell_out(&session, &mut plan, existing.as_deref(), (&name, &table))?;
        let status = Status::of(&schema_name);
        status.ensure(&session)?;
        let mut target = Target {
            name,
            status,
            id: self.context.key.id(),
            shown: self.shown.clone(),
            stage: (self.config.load.mode != LoadMode::InsertDirect)
                .then(|| statement::quoted(&self.context.key.name(1))),
            is_there: existing.is_some(),
            keys: Vec::new(),
            plan,
            made,
        };
        if let LoadMode::Merge { keys, .. } = &self.config.load.mode {
            let primary = table::primary_key(&session, &target.name)
                .map_err(|trouble| trouble.during(failed.as_str()))?;
            target.keys = table::merge_keys(keys, &primary, &target.plan, &table)?;
        }
        let into = target.make_room(&session, &self.config.load, &self.context.cancel)?;
        let money = target.plan.columns.iter().any(|column| column.base == "money");
        let cents = if money { cents(&session)? } else { 0 };
        let encoder =
            CopyTextEncoder::new(schema, column::sent(schema, &target.plan, &self.config.load, cents));
        Ok(Work { session, target, encoder, into, copy: None, batch_bytes: 0, sent: 0, taken: 0 })
    }

    /// Takes over the types of the planned columns as the server writes them, and says how a table that is replaced
    /// changes. Gives the columns as the config has them, for a new table.
    fn spell_out(
        &self,
        session: &Session,
        plan: &mut Plan,
        existing: Option<&[TargetColumn]>,
        (name, table): (&str, &str),
    ) -> Result<Vec<TargetColumn>, TransferError> {
        let probe = format!("{}_probe", self.context.key.name(1));
        let (columns, attributes) = spelled(session, &probe, &plan.columns, &self.config.load)?;
        let made = std::mem::replace(&mut plan.columns, columns);
        if let (LoadMode::Replace, Some(existing)) = (&self.config.load.mode, existing) {
            let failed = |trouble: Trouble| trouble.during(format!("table `{table}` could not be looked up"));
            let has = table::attributes(session, name).map_err(failed)?;
            plan.notes.extend(given::not_applied(table, &attributes, &has));
            let changes = plan::changes(&plan.columns, existing).into_iter();
            let as_made = |change| match change {
                Change::Add(column) => Change::Add(find(&made, &column.name).cloned().unwrap_or(column)),
                other => other,
            };
            plan.changes = changes.map(as_made).collect();
        }
        Ok(made)
    }
}

/// What each column becomes in a table that is not there yet.
pub(super) fn targets(schema: &Schema, load: &TableLoad) -> Result<Vec<ColumnTarget>, TransferError> {
    Ok(told(schema, load, &planned(schema, load, None)?))
}

fn planned(
    schema: &Schema,
    load: &TableLoad,
    existing: Option<&[TargetColumn]>,
) -> Result<Plan, TransferError> {
    plan::plan(schema, load, existing, &|from| column::usual_type(from.kind, load.types))
}

fn told(schema: &Schema, load: &TableLoad, plan: &Plan) -> Vec<ColumnTarget> {
    let target = |from: &Column, to: &TargetColumn| {
        column::target(from.kind, to, plan::option_of(load, &from.name), load)
    };
    plan.targets(schema, &target)
}

impl Work {
    /// Sends the rows of a page.
    fn page(
        &mut self,
        page: &Page,
        config: &PostgresqlOutput,
        context: &TransferContext,
    ) -> Result<u64, TransferError> {
        let mut rows = Vec::with_capacity(page.byte_size() + page.rows * 4 * page.columns.len());
        self.encoder.rows(page, &mut rows)?;
        let length = rows.len() as u64;
        let copy = match &mut self.copy {
            Some(copy) => copy,
            None => {
                let sql = statement::copy(&self.into, &self.target.plan.columns);
                let begun = self.session.copy_in(&sql, &context.cancel);
                let doing = self.target.not_loaded();
                self.copy.insert(begun.map_err(|trouble| failure::refused(trouble, &doing, |_| None))?)
            }
        };
        let sent = self.session.send(copy, Bytes::from(rows), &context.cancel);
        sent.map_err(|trouble| failure::refused(trouble, &self.target.not_loaded(), |_| None))?;
        self.sent += page.rows as u64;
        self.batch_bytes += length;
        if self.batch_bytes >= config.load.batch_bytes {
            self.end_batch(context)?;
        }
        Ok(length)
    }

    /// Ends the COPY under way and counts.
    fn end_batch(&mut self, context: &TransferContext) -> Result<(), TransferError> {
        let Some(copy) = self.copy.take() else { return Ok(()) };
        self.batch_bytes = 0;
        let columns: Vec<String> =
            self.target.plan.columns.iter().map(|column| column.name.clone()).collect();
        let taken = self.session.end_copy(copy, &context.cancel).map_err(|trouble| {
            let place = |text: &str| failure::place(text, &columns, self.taken);
            failure::refused(trouble, &self.target.not_loaded(), place)
        })?;
        self.taken += taken;
        if self.taken == self.sent {
            return Ok(());
        }
        Err(self.target.counts_differ(self.sent, self.taken))
    }
}

impl Output for PostgresTarget {
    fn target(&self) -> String {
        self.shown.clone()
    }

    fn memory_bytes(&self) -> usize {
        // Encoded rows of a page, and those before them on their way.
        PAGE_BYTES * 4
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn recover(&mut self) -> Result<Option<OutputFigures>, TransferError> {
        let id = self.context.key.id();
        let past = Past::read(&self.context.ledger.recorded()?, |of| of == id);
        let earlier = format!("an earlier attempt has published `{}`", self.shown);
        if let Some(done) = &past.done {
            self.log(&earlier);
            self.forget(done);
            return Ok(Some(figures(done)));
        }
        if past.open.is_empty() {
            return Ok(None);
        }
        let (session, schema) = self.connect()?;
        let status = Status::of(&schema);
        let mut published = None;
        for effect in &past.open {
            let Effect::PublishRows { id, .. } = effect else { continue };
            let claim = status.ask(&session, id, &self.context.cancel).map_err(|trouble| {
                trouble.during("what became of the rows of an earlier attempt could not be asked for")
            })?;
            let outcome = match claim {
                Claim::Published => {
                    published = Some(figures(effect));
                    EffectOutcome::Done
                }
                Claim::Ours => EffectOutcome::Failed { message: "it was not carried out".to_owned() },
            };
            self.context.ledger.settle(effect, &outcome)?;
            status.forget(&session, id);
        }
        session.close();
        if published.is_some() {
            self.log(&earlier);
        }
        Ok(published)
    }

    fn begin(&mut self, schema: &Arc<Schema>) -> Result<(), TransferError> {
        self.work = Some(self.prepare(schema)?);
        Ok(())
    }

    fn write(&mut self, page: &Page) -> Result<(), TransferError> {
        let Some(work) = &mut self.work else { return Err(not_begun()) };
        self.bytes += work.page(page, &self.config, &self.context)?;
        Ok(())
    }

    fn commit(&mut self) -> Result<OutputFigures, TransferError> {
        let Some(work) = &mut self.work else { return Err(not_begun()) };
        work.end_batch(&self.context)?;
        let published = publish::publish(
            &work.session,
            &work.target,
            &self.config.load,
            &self.context,
            work.sent,
            self.bytes,
        )?;
        if let Some(work) = self.work.take() {
            self.changes = work.encoder.changes();
            work.session.close();
        }
        Ok(published)
    }

    fn changes(&self) -> Vec<report::Change> {
        self.changes.clone()
    }

    fn abort(&mut self) {
        // The server drops what is staged, and undoes what is open, when the session ends.
        if let Some(work) = self.work.take() {
            drop(work.copy);
            work.session.close();
        }
    }
}

fn not_begun() -> TransferError {
    TransferError::new(ErrorKind::Internal, "rows came before the schema")
}
