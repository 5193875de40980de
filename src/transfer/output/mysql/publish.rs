//! The step that makes the rows visible.

use super::failure;
use super::session::{Session, Trouble};
use super::statement;
use super::status::Status;
use super::swap::Names;
use super::table::{self, Facts};
use crate::embulk::output::{LoadMode, TableLoad};
use crate::embulk::text::Text;
use crate::session::Level;
use crate::transfer::context::{Cancel, TransferContext};
use crate::transfer::effect::{Effect, EffectOutcome};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::output::OutputFigures;
use crate::transfer::output::sql::again::again;
use crate::transfer::output::sql::past::Claim;
use crate::transfer::output::sql::plan::{Plan, TargetColumn};

/// The table that takes the rows.
pub(super) struct Target {
    pub(super) database: String,
    pub(super) table: String,
    /// Database and table, quoted.
    pub(super) name: String,
    /// The target as people know it.
    pub(super) shown: String,
    pub(super) is_there: bool,
    /// Its columns and facts as they were when the rows began to come.
    pub(super) seen: Option<(Vec<TargetColumn>, Facts)>,
    pub(super) plan: Plan,
    /// The planned columns as the config has them, for a new table.
    pub(super) made: Vec<TargetColumn>,
    pub(super) load: TableLoad,
    pub(super) room: Room,
}

/// Where rows wait.
pub(super) enum Room {
    /// In a temporary table of the session, quoted; one transaction moves them.
    Stage(String),
    /// Nowhere: they are in the target, and their transaction is open.
    Target,
    /// In a table that takes the place of the target.
    Swap(Names),
}

/// Rows and bytes that were sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

/// How a publication ended.
enum Ended {
    /// The rows are visible.
    Published,
    /// Those of an earlier attempt are.
    Earlier,
}

impl Target {
    pub(super) fn not_loaded(&self) -> String {
        format!("rows for `{}` could not be loaded", self.shown)
    }

    pub(super) fn not_published(&self) -> String {
        format!("rows for `{}` could not be published", self.shown)
    }

    fn refused(&self, trouble: Trouble) -> TransferError {
        failure::refused(trouble, &self.not_published(), |_| None)
    }

    /// Makes the target, where it is not there.
    pub(super) fn create(&self, session: &mut Session, cancel: &Cancel) -> Result<(), TransferError> {
        if self.is_there {
            return Ok(());
        }
        let sql = statement::create_table(&self.name, &self.made, &self.load);
        match session.execute(&sql, cancel) {
            // A try before this one has made it.
            Err(trouble) if !trouble.has_code(&[1050]) => {
                Err(trouble.during(format!("`{}` could not be created", self.shown)))
            }
            _ => Ok(()),
        }
    }

    /// Opens the transaction that publishes.
    pub(super) fn begin(&self, session: &mut Session) -> Result<(), Trouble> {
        if let Some(isolation) = self.load.isolation {
            session.run(&format!("SET TRANSACTION ISOLATION LEVEL {}", isolation.sql()))?;
        }
        session.run("START TRANSACTION").map(drop)
    }

    pub(super) fn hook(
        &self,
        session: &mut Session,
        sql: Option<&Text>,
        name: &str,
        cancel: &Cancel,
    ) -> Result<(), TransferError> {
        let Some(sql) = sql else { return Ok(()) };
        match session.execute(sql.expose(), cancel) {
            Ok(_) => Ok(()),
            Err(trouble) => Err(trouble.during(format!("`{name}` failed"))),
        }
    }

    /// Everything before COMMIT, unless an earlier attempt has published.
    fn bring_in(
        &self,
        session: &mut Session,
        stage: Option<&str>,
        (status, id): (&Status, &str),
        rows: u64,
        cancel: &Cancel,
    ) -> Result<Ended, TransferError> {
        if stage.is_some() {
            self.create(session, cancel)?;
            self.begin(session).map_err(|trouble| self.refused(trouble))?;
        }
        let claim = status.claim(session, id, cancel).map_err(|trouble| self.refused(trouble))?;
        if claim == Claim::Published {
            return Ok(Ended::Earlier);
        }
        if let Some(stage) = stage {
            self.fill(session, stage, status, rows, cancel)?;
        }
        self.hook(session, self.load.after_load.as_ref(), "after_load", cancel)?;
        Ok(Ended::Published)
    }

    /// Moves the staged rows into the target.
    fn fill(
        &self,
        session: &mut Session,
        stage: &str,
        status: &Status,
        rows: u64,
        cancel: &Cancel,
    ) -> Result<(), TransferError> {
        let refused = |trouble| self.refused(trouble);
        let empties = matches!(self.load.mode, LoadMode::TruncateInsert | LoadMode::Replace);
        if self.load.mode != LoadMode::Insert {
            // Two of these at the same time would double rows.
            status.alone(session, &self.name, cancel).map_err(refused)?;
        }
        if empties {
            session.execute(&format!("DELETE FROM {}", self.name), cancel).map_err(refused)?;
        }
        self.hook(session, self.load.before_load.as_ref(), "before_load", cancel)?;
        let columns = &self.plan.columns;
        if let LoadMode::Merge { rule, .. } = &self.load.mode {
            let sql = statement::merge(&self.name, stage, columns, rule);
            session.execute(&sql, cancel).map_err(refused)?;
            return Ok(());
        }
        let sql = statement::insert(&self.name, stage, columns);
        let loaded = session.execute(&sql, cancel).map_err(refused)?.affected;
        if loaded == rows {
            return Ok(());
        }
        let message = format!("`{}`: {rows} rows were sent but {loaded} were loaded", self.shown);
        Err(TransferError::new(ErrorKind::Data, message))
    }

    /// Nobody else may have changed the table that another one is to take the place of.
    fn still_as_seen(&self, session: &mut Session) -> Result<(), TransferError> {
        let refused = |trouble| self.refused(trouble);
        let now = match table::columns(session, &self.name).map_err(refused)? {
            None => None,
            Some(columns) => {
                let facts = table::facts(session, &self.database, &self.table).map_err(refused)?;
                Some((columns, facts))
            }
        };
        match (&self.seen, &now) {
            (Some(_), None) => Err(TransferError::new(ErrorKind::NotFound, self.not_published())
                .cause(format!("table `{}` is gone", self.table))),
            _ if self.seen == now => Ok(()),
            _ => Err(TransferError::new(ErrorKind::Rejected, self.not_published())
                .cause(format!("table `{}` has changed while rows were copied", self.table))
                .hint("retry, and leave its columns, triggers and keys alone meanwhile")),
        }
    }
}

/// Publishes the rows, after a pause once more where another session was in the way.
pub(super) fn publish(
    session: &mut Session,
    target: &Target,
    context: &TransferContext,
    sent: Sent,
) -> Result<OutputFigures, TransferError> {
    match &target.room {
        Room::Swap(names) => swap(session, target, names, context, sent),
        Room::Stage(stage) => again(target.load.retries, context, || {
            transact(session, target, Some(stage.as_str()), context, sent)
        }),
        // What went straight into the target is gone with its transaction.
        Room::Target => transact(session, target, None, context, sent),
    }
}

fn figures(sent: Sent) -> OutputFigures {
    OutputFigures { rows_sent: sent.rows, rows_loaded: Some(sent.rows), bytes: sent.bytes, notes: Vec::new() }
}

fn transact(
    session: &mut Session,
    target: &Target,
    stage: Option<&str>,
    context: &TransferContext,
    sent: Sent,
) -> Result<OutputFigures, TransferError> {
    let id = context.key.id();
    let status = Status::of(&target.database);
    let undo = |session: &mut Session| {
        // A session that is gone has nothing open.
        let _ = session.run("ROLLBACK");
    };
    match target.bring_in(session, stage, (&status, &id), sent.rows, &context.cancel) {
        Ok(Ended::Published) => {}
        Ok(Ended::Earlier) => {
            undo(session);
            let text = format!("an earlier attempt has published `{}`", target.shown);
            context.observer.log(Level::Info, &text);
            return Ok(figures(sent));
        }
        Err(error) => {
            undo(session);
            return Err(error);
        }
    }
    let Sent { rows, bytes } = sent;
    let effect = Effect::PublishRows { target: target.shown.clone(), id: id.clone(), rows, bytes };
    context.ledger.intend(&effect).inspect_err(|_| undo(session))?;
    if let Err(trouble) = session.run("COMMIT") {
        return Err(failed(target, context, &effect, trouble)?);
    }
    context.ledger.settle(&effect, &EffectOutcome::Done)?;
    status.forget(session, &id);
    Ok(figures(sent))
}

fn swap(
    session: &mut Session,
    target: &Target,
    names: &Names,
    context: &TransferContext,
    sent: Sent,
) -> Result<OutputFigures, TransferError> {
    let Sent { rows, bytes } = sent;
    let id = names.id().to_owned();
    let effect = Effect::PublishRows { target: target.shown.clone(), id, rows, bytes };
    again(target.load.retries, context, || {
        target.still_as_seen(session)?;
        names.mark(session).map_err(|trouble| target.refused(trouble))?;
        context.ledger.intend(&effect)?;
        match names.carry_out(session, target, context) {
            Ok(()) => Ok(()),
            Err(trouble) => Err(failed(target, context, &effect, trouble)?),
        }
    })?;
    if let Err(error) = names.settle_down(session, target) {
        let message = error.to_string();
        context.ledger.settle(&effect, &EffectOutcome::Failed { message })?;
        return Err(error);
    }
    // Until it has succeeded the end is open: the next attempt runs it again, and nothing else.
    target.hook(session, target.load.after_load.as_ref(), "after_load", &context.cancel)?;
    context.ledger.settle(&effect, &EffectOutcome::Done)?;
    Ok(figures(sent))
}

/// The error of a step that failed, which is recorded where the server said so. Without its answer the end is open: the
/// next attempt asks.
fn failed(
    target: &Target,
    context: &TransferContext,
    effect: &Effect,
    trouble: Trouble,
) -> Result<TransferError, TransferError> {
    let is_answer = trouble.is_answer();
    let error = target.refused(trouble);
    if is_answer && error.kind != ErrorKind::ConnectionLost {
        context.ledger.settle(effect, &EffectOutcome::Failed { message: error.to_string() })?;
    }
    Ok(error)
}
