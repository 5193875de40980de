//! The transaction that makes the rows visible.

use super::failure;
use super::statement;
use super::status::Status;
use super::table;
use crate::embulk::output::{LoadMode, TableLoad};
use crate::embulk::text::Text;
use crate::session::Level;
use crate::transfer::context::{Cancel, TransferContext};
use crate::transfer::effect::{Effect, EffectOutcome};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::postgres::error::Trouble;
use crate::transfer::input::postgres::session::Session;
use crate::transfer::output::OutputFigures;
use crate::transfer::output::sql::again::again;
use crate::transfer::output::sql::past::Claim;
use crate::transfer::output::sql::plan::{Plan, TargetColumn};

/// The table that takes the rows.
pub(super) struct Target {
    /// Schema and table, quoted.
    pub(super) name: String,
    pub(super) status: Status,
    /// What the row in the status table is called.
    pub(super) id: String,
    /// The target as people know it.
    pub(super) shown: String,
    /// The table that rows wait in, quoted; none where they go straight into the target.
    pub(super) stage: Option<String>,
    pub(super) is_there: bool,
    /// Columns of the key of a merge.
    pub(super) keys: Vec<String>,
    pub(super) plan: Plan,
    /// The planned columns as the config has them, for a new table.
    pub(super) made: Vec<TargetColumn>,
}

/// How a transaction ended.
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

    fn not_published(&self, trouble: Trouble) -> TransferError {
        failure::refused(trouble, &format!("rows for `{}` could not be published", self.shown), |_| None)
    }

    pub(super) fn counts_differ(&self, sent: u64, loaded: u64) -> TransferError {
        let message = format!("`{}`: {sent} rows were sent but {loaded} were loaded", self.shown);
        TransferError::new(ErrorKind::Data, message)
            .hint("look for a trigger or a rule of the table that keeps rows out")
    }

    /// Makes the table that rows are copied into, and gives its name, quoted.
    pub(super) fn make_room(
        &self,
        session: &Session,
        load: &TableLoad,
        cancel: &Cancel,
    ) -> Result<String, TransferError> {
        let run = |sql: &str, what: &str| match session.execute(sql, cancel) {
            Ok(_) => Ok(()),
            Err(trouble) => Err(trouble.during(what)),
        };
        if let Some(stage) = &self.stage {
            run(&statement::create_stage(stage, &self.plan.columns), "the staging table could not be made")?;
            return Ok(format!("pg_temp.{stage}"));
        }
        run(&begin(load), "`BEGIN` failed")?;
        if !self.is_there {
            self.create(session, load, cancel)?;
        }
        self.hook(session, load.before_load.as_ref(), "before_load", cancel)?;
        Ok(self.name.clone())
    }

    fn create(&self, session: &Session, load: &TableLoad, cancel: &Cancel) -> Result<(), TransferError> {
        let sql = statement::create_target(&self.name, &self.made, load);
        match session.execute(&sql, cancel) {
            Ok(_) => Ok(()),
            Err(trouble) => Err(trouble.during(format!("`{}` could not be created", self.shown))),
        }
    }

    fn hook(
        &self,
        session: &Session,
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
        session: &Session,
        load: &TableLoad,
        rows: u64,
        context: &TransferContext,
    ) -> Result<Ended, TransferError> {
        let cancel = &context.cancel;
        let refused = |trouble| self.not_published(trouble);
        if self.stage.is_some() {
            session.run(&begin(load)).map_err(refused)?;
        }
        if self.status.claim(session, &self.id, cancel).map_err(refused)? == Claim::Published {
            return Ok(Ended::Earlier);
        }
        if let Some(stage) = &self.stage {
            self.fill(session, load, &format!("pg_temp.{stage}"), rows, context)?;
        }
        self.hook(session, load.after_load.as_ref(), "after_load", cancel)?;
        Ok(Ended::Published)
    }

    /// Moves the staged rows into the target.
    fn fill(
        &self,
        session: &Session,
        load: &TableLoad,
        stage: &str,
        rows: u64,
        context: &TransferContext,
    ) -> Result<(), TransferError> {
        let cancel = &context.cancel;
        let run = |sql: &str| session.execute(sql, cancel).map_err(|trouble| self.not_published(trouble));
        if !self.is_there {
            self.create(session, load, cancel)?;
        } else if load.mode == LoadMode::Replace {
            self.empty(session, cancel)?;
        } else if load.mode != LoadMode::Insert {
            // Two of these at the same time would double rows.
            run(&format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", self.name))?;
            if load.mode == LoadMode::TruncateInsert {
                run(&format!("DELETE FROM {}", self.name))?;
            }
        }
        self.hook(session, load.before_load.as_ref(), "before_load", cancel)?;
        if let LoadMode::Merge { rule, .. } = &load.mode {
            let doubles = run(&statement::drop_doubles(stage, &self.keys))?;
            if doubles > 0 {
                let text = format!("{doubles} rows have the key of a later row, which counts");
                context.observer.log(Level::Warn, &text);
            }
            run(&statement::merge(&self.name, stage, &self.plan.columns, &self.keys, rule))?;
            return Ok(());
        }
        let loaded = run(&statement::insert(&self.name, stage, &self.plan.columns))?;
        if loaded == rows { Ok(()) } else { Err(self.counts_differ(rows, loaded)) }
    }

    /// Empties the target and gives it the planned columns. What hangs on the table stays.
    fn empty(&self, session: &Session, cancel: &Cancel) -> Result<(), TransferError> {
        let run = |sql: &str| session.execute(sql, cancel).map_err(|trouble| self.not_published(trouble));
        let truncatable =
            table::is_truncatable(session, &self.name).map_err(|trouble| self.not_published(trouble))?;
        let word = if truncatable { "TRUNCATE TABLE" } else { "DELETE FROM" };
        run(&format!("{word} {}", self.name))?;
        if !self.plan.changes.is_empty() {
            run(&statement::alter_target(&self.name, &self.plan.changes))?;
        }
        Ok(())
    }
}

fn begin(load: &TableLoad) -> String {
    match load.isolation {
        Some(isolation) => format!("BEGIN ISOLATION LEVEL {}", isolation.sql()),
        None => "BEGIN".to_owned(),
    }
}

/// Publishes the rows, after a pause once more where another session was in the way.
pub(super) fn publish(
    session: &Session,
    target: &Target,
    load: &TableLoad,
    context: &TransferContext,
    rows: u64,
    bytes: u64,
) -> Result<OutputFigures, TransferError> {
    let once = || once(session, target, load, context, rows, bytes);
    // What went straight into the target is gone with its transaction.
    if target.stage.is_none() { once() } else { again(load.retries, context, once) }
}

fn once(
    session: &Session,
    target: &Target,
    load: &TableLoad,
    context: &TransferContext,
    rows: u64,
    bytes: u64,
) -> Result<OutputFigures, TransferError> {
    let undo = || {
        // A session that is gone has nothing open.
        let _ = session.run("ROLLBACK");
    };
    let ended = target.bring_in(session, load, rows, context).inspect_err(|_| undo())?;
    let figures = OutputFigures { rows_sent: rows, rows_loaded: Some(rows), bytes, notes: Vec::new() };
    let notes = target.plan.notes.clone();
    if matches!(ended, Ended::Earlier) {
        undo();
        context.observer.log(Level::Info, &format!("an earlier attempt has published `{}`", target.shown));
        return Ok(figures);
    }
    let effect = Effect::PublishRows { target: target.shown.clone(), id: target.id.clone(), rows, bytes };
    context.ledger.intend(&effect).inspect_err(|_| undo())?;
    if let Err(trouble) = session.run("COMMIT") {
        let is_answer = matches!(trouble, Trouble::Server(_));
        let error = target.not_published(trouble);
        // Without an answer of the server the end is open: the next attempt asks.
        if is_answer && error.kind != ErrorKind::ConnectionLost {
            context.ledger.settle(&effect, &EffectOutcome::Failed { message: error.to_string() })?;
        }
        return Err(error);
    }
    context.ledger.settle(&effect, &EffectOutcome::Done)?;
    target.status.forget(session, &target.id);
    Ok(OutputFigures { notes, ..figures })
}
