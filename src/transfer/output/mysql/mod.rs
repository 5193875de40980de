//! `type: mysql`: rows wait in a temporary table of the session, and one transaction publishes them; or they fill a
//! table that takes the place of the old one.
//!
//! * [`prepare`] decides which; [`column`] says what each column becomes, [`table`] what the server has, [`spelled`] what
//!   it makes of types.
//! * [`load`] sends rows; [`publish`] makes them visible, by a transaction or by a [`swap`].
//! * [`status`] tells a retry whether a transaction was carried out; [`failure`] is what the server says of rows.
//!
//! A temporary table ends with the session, however that ends: nothing staged is ever left behind. The tables of a swap
//! are in the ledger until they are gone.

mod column;
mod failure;
mod load;
mod look;
mod prepare;
mod publish;
mod session;
mod spelled;
mod statement;
mod status;
mod swap;
mod table;

use std::sync::Arc;

use self::load::Loader;
pub(super) use self::look::look;
use self::publish::{Room, Sent, Target};
use self::session::{Session, Trouble};
use self::status::Status;
use self::swap::Names;
use super::sql::again::again;
use super::sql::past::{Claim, Past, figures};
use super::sql::plan;
use super::{Output, OutputFigures};
use crate::embulk::output::{MysqlOutput, OutputConfig, TableLoad};
use crate::session::Level;
use crate::transfer::context::TransferContext;
use crate::transfer::effect::{Effect, EffectOutcome, open_effects};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::mysql::connect::Connector;
use crate::transfer::input::mysql::properties::{Access, Properties};
use crate::transfer::page::{PAGE_BYTES, Page};
use crate::transfer::report::Change;
use crate::transfer::schema::Schema;
use crate::transfer::target::ColumnTarget;

/// Properties of the driver that are about reading.
const READING: [&str; 6] = [
    "connectionTimeZone",
    "serverTimezone",
    "tinyInt1isBit",
    "useLegacyDatetimeCode",
    "yearIsDateType",
    "zeroDateTimeBehavior",
];
/// Whether LOAD DATA LOCAL is used.
const LOCAL: &str = "allowLoadLocalInfile";

/// A table of MySQL, MariaDB or Aurora as the target of one transfer.
pub struct MysqlTarget {
    config: MysqlOutput,
    context: TransferContext,
    /// The target as people know it.
    shown: String,
    work: Option<Work>,
    /// What the rows lost on the way.
    changes: Vec<Change>,
}

/// What each column becomes in a table that is not there yet.
pub(super) fn targets(schema: &Schema, load: &TableLoad) -> Result<Vec<ColumnTarget>, TransferError> {
    let plan = plan::plan(schema, load, None, &|from| column::usual_type(from.kind, load.types))?;
    Ok(plan.targets(schema, &|from, to| column::target(from, to, load)))
}

/// What `begin` found out, and how far the rows are.
struct Work {
    session: Session,
    target: Target,
    loader: Loader,
    /// The zone of the session, where it has another one while rows are loaded.
    zone: Option<String>,
}

/// When open ends are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// Before a new try.
    Before,
    /// After a try that failed.
    After,
}

impl MysqlTarget {
    /// A target. Nothing is called yet.
    pub fn new(config: &MysqlOutput, context: &TransferContext) -> Self {
        Self {
            config: config.clone(),
            context: context.clone(),
            shown: OutputConfig::Mysql(Box::new(config.clone())).to_string(),
            work: None,
            changes: Vec::new(),
        }
    }

    fn log(&self, text: &str) {
        self.context.observer.log(Level::Info, text);
    }

    fn connect(&self) -> Result<Session, TransferError> {
        let access = Access::from(&self.config);
        let properties = Properties::of(&access)?;
        let about_reading = READING.iter().filter(|name| self.config.options.contains_key(**name));
        let ignored = properties.ignored.iter().map(String::as_str).filter(|name| *name != LOCAL);
        for name in ignored.chain(about_reading.copied()) {
            let text = format!("`{name}` in `options` means nothing here and is ignored");
            self.context.observer.log(Level::Warn, &text);
        }
        let connector = Connector::new(&access, &properties);
        self.log(&format!("Connecting to mysql://{}/{}", connector.address, self.config.database.shown()));
        if let Some(text) = connector.warning() {
            self.context.observer.log(Level::Warn, text);
        }
        Session::open(connector)
    }

    /// The database of staging tables.
    fn stage_database(&self) -> &str {
        self.config.temp_database.as_ref().unwrap_or(&self.config.database).expose()
    }

    fn is_own(&self, id: &str) -> bool {
        let own = self.context.key.id();
        id == own || id.starts_with(&format!("sync_{own}_"))
    }

    /// Finds out how publications ended whose end nobody recorded, and removes what tries that are over have left.
    /// Gives the figures of a publication of this transfer.
    fn resolve(&self, when: Moment) -> Result<Option<OutputFigures>, TransferError> {
        let recorded = self.context.ledger.recorded()?;
        let past = Past::read(&recorded, |id| self.is_own(id));
        let is_staged = |effect: &Effect| matches!(effect, Effect::StageTable { .. });
        let staged: Vec<Effect> = open_effects(&recorded).into_iter().filter(is_staged).collect();
        past.done.iter().for_each(|done| self.forget(done));
        if past.open.is_empty() && staged.is_empty() {
            return Ok(past.done.as_ref().map(figures));
        }
        let mut session = self.connect()?;
        let mut published = past.done;
        for effect in &past.open {
            let Effect::PublishRows { id, .. } = effect else { continue };
            let asked = again(self.config.load.retries, &self.context, || {
                self.ask(&mut session, id, &staged).map_err(|trouble| {
                    trouble.during("what became of the rows of an earlier attempt could not be asked for")
                })
            });
            match (asked?, when) {
                // The next attempt does what is left to do after it.
                (Claim::Published, Moment::After) => return Ok(None),
                (Claim::Published, Moment::Before) => {
                    self.after_swap(&mut session, id)?;
                    self.context.ledger.settle(effect, &EffectOutcome::Done)?;
                    published = Some(effect.clone());
                }
                (Claim::Ours, _) => {
                    let message = "it was not carried out".to_owned();
                    self.context.ledger.settle(effect, &EffectOutcome::Failed { message })?;
                }
            }
            Status::of(self.config.database.expose()).forget(&mut session, id);
        }
        for effect in &staged {
            if let Some(names) = names(effect) {
                self.clean(&mut session, &names, effect)?;
            }
        }
        Ok(published.as_ref().map(figures))
    }

    /// Removes the row of a publication that is recorded as done: who recorded it may have been killed before that. It
    /// does no harm where it stays.
    fn forget(&self, done: &Effect) {
        let Effect::PublishRows { id, .. } = done else { return };
        if let Ok(mut session) = self.connect() {
            Status::of(self.config.database.expose()).forget(&mut session, id);
        }
    }

    fn ask(&self, session: &mut Session, id: &str, staged: &[Effect]) -> Result<Claim, Trouble> {
        let database = self.config.database.expose();
        match staged.iter().filter_map(names).find(|names| names.id() == id) {
            Some(names) => {
                names.ask(session, &statement::qualified(database, self.config.load.table.expose()))
            }
            None => Status::of(database).ask(session, id, &self.context.cancel),
        }
    }

    /// What follows a swap that an earlier attempt carried out.
    fn after_swap(&self, session: &mut Session, id: &str) -> Result<(), TransferError> {
        let Some(sql) = self.config.load.after_load.as_ref().filter(|_| id != self.context.key.id()) else {
            return Ok(());
        };
        let ran = session.execute(sql.expose(), &self.context.cancel);
        ran.map(drop).map_err(|trouble| trouble.during("`after_load` failed"))
    }

    /// Drops what runs to the same target left that were killed and never tried again. The state knows their names:
    /// nobody else's table has one of them. `target` is quoted.
    fn remove_abandoned(&self, session: &mut Session, target: &str) -> Result<(), TransferError> {
        for left in self.context.ledger.abandoned(&self.shown)? {
            let Effect::StageTable { project, .. } = &left.effect else { continue };
            let Some(names) = names(&left.effect).filter(|_| *project == self.address()) else { continue };
            // After a crash of the server the old table may still be among them: then it gets its name back.
            match names.ask(session, target).and_then(|_| names.clean(session)) {
                Ok(()) => {
                    self.context.ledger.settle_abandoned(&left)?;
                    let text =
                        format!("dropped the tables `{}…`, which a run that was killed had left", names.id());
                    self.log(&text);
                }
                Err(trouble) => {
                    let error =
                        trouble.during("tables that a run which was killed had left could not be dropped");
                    let text = format!("{error}; `{}` drops them", names.drop_all());
                    self.context.observer.log(Level::Warn, &text);
                }
            }
        }
        Ok(())
    }

    /// Drops the tables of a try that is over. What cannot be dropped stays in the ledger for the next attempt.
    fn clean(&self, session: &mut Session, names: &Names, effect: &Effect) -> Result<(), TransferError> {
        match names.clean(session) {
            Ok(()) => Ok(self.context.ledger.settle(effect, &EffectOutcome::Removed)?),
            Err(trouble) => {
                let error = trouble.during(format!("the tables of `{}` could not be dropped", names.id()));
                self.context.observer.log(Level::Warn, &error.to_string());
                Ok(())
            }
        }
    }
}

/// The tables of a swap that is in the ledger.
fn names(effect: &Effect) -> Option<Names> {
    match effect {
        Effect::StageTable { dataset, table, .. } => Some(Names::new(dataset, table)),
        _ => None,
    }
}

impl Output for MysqlTarget {
    fn target(&self) -> String {
        self.shown.clone()
    }

    fn memory_bytes(&self) -> usize {
        // Rows that wait, and an INSERT made of them.
        let batch = usize::try_from(self.config.load.batch_bytes).unwrap_or(usize::MAX);
        batch.saturating_add(PAGE_BYTES * 8)
    }

    fn bytes(&self) -> u64 {
        self.work.as_ref().map_or(0, |work| work.loader.bytes)
    }

    fn recover(&mut self) -> Result<Option<OutputFigures>, TransferError> {
        let published = self.resolve(Moment::Before)?;
        if published.is_some() {
            self.log(&format!("an earlier attempt has published `{}`", self.shown));
        }
        Ok(published)
    }

    fn begin(&mut self, schema: &Arc<Schema>) -> Result<(), TransferError> {
        self.work = Some(self.prepare(schema)?);
        Ok(())
    }

    fn write(&mut self, page: &Page) -> Result<(), TransferError> {
        let Some(work) = &mut self.work else { return Err(not_begun()) };
        work.loader.page(&mut work.session, page, &self.context)
    }

    fn commit(&mut self) -> Result<OutputFigures, TransferError> {
        let Some(work) = &mut self.work else { return Err(not_begun()) };
        work.loader.flush(&mut work.session, &self.context)?;
        if let Some(zone) = &work.zone {
            let back = format!("SET SESSION time_zone = {}", statement::literal(zone));
            work.session.run(&back).map_err(|trouble| trouble.during("the time zone of the session"))?;
        }
        let sent = Sent { rows: work.loader.sent, bytes: work.loader.bytes };
        let mut published = publish::publish(&mut work.session, &work.target, &self.context, sent)?;
        published.notes.extend(work.target.plan.notes.iter().cloned());
        self.changes = work.loader.changes();
        if let Some(mut work) = self.work.take()
            && let Room::Swap(names) = &work.target.room
        {
            let effect = names.effect(&self.address());
            self.clean(&mut work.session, names, &effect)?;
        }
        Ok(published)
    }

    fn changes(&self) -> Vec<Change> {
        self.changes.clone()
    }

    fn abort(&mut self) {
        // The server drops what is staged, and undoes what is open, when the session ends.
        let swaps = self.work.take().is_some_and(|work| matches!(work.target.room, Room::Swap(_)));
        if swaps && let Err(error) = self.resolve(Moment::After) {
            self.context.observer.log(Level::Warn, &format!("the next attempt cleans up: {error}"));
        }
    }
}

fn not_begun() -> TransferError {
    TransferError::new(ErrorKind::Internal, "rows came before the schema")
}
