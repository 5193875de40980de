//! The COPY into the staging table, and the transaction that makes its rows visible.

use std::time::Duration;

use super::RedshiftTarget;
use super::carried;
use super::catalog::{Found, Place};
use super::copy::{Authority, Copy, null_text};
use super::failure::during;
use super::locks::LockWatch;
use super::prepare::{Target, Way, Work};
use super::staging_table::{changed, drop_table};
use super::statement::{self, Numbered, ROW, create_table, qualified, quoted};
use super::status::Status;
use crate::cloud::fault::Fault;
use crate::embulk::output::LoadMode;
use crate::embulk::text::Text;
use crate::session::Level;
use crate::transfer::effect::{Effect, EffectOutcome};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::postgres::error::Trouble;
use crate::transfer::input::postgres::session::Session;
use crate::transfer::output::OutputFigures;
use crate::transfer::output::sql::again::again;

/// Where no limit is set for a wait, the watch over it looks after its own patience.
const NO_LIMIT: Duration = Duration::from_secs(3600);

impl RedshiftTarget {
    /// Loads what is staged and publishes it.
    pub(super) fn load(&self, work: &Work) -> Result<OutputFigures, TransferError> {
        let (session, _) = self.connect()?;
        let retries = self.config.load.retries;
        let target = &work.target;
        if target.way != Way::Direct {
            again(retries, &self.context, || self.fill(&session, work, &target.stage))?;
        }
        if let (Way::Swap, Some(found)) = (target.way, &target.found) {
            carried::dress(&session, target, found).map_err(|trouble| {
                during(trouble, "rights, comments and owner of the table could not be carried over")
            })?;
        }
        let figures = again(retries, &self.context, || self.publish(&session, work))?;
        Status::of(&target.place.schema).forget(&session, &target.name);
        session.close();
        Ok(figures)
    }

    fn not_loaded(&self) -> String {
        format!("rows for `{}` could not be loaded", self.shown)
    }

    fn not_published(&self, trouble: Trouble) -> TransferError {
        during(trouble, format!("rows for `{}` could not be published", self.shown))
    }

    fn counts_differ(&self, what: &str, sent: u64, counted: u64) -> TransferError {
        let message = format!("`{}`: {sent} rows were sent but {counted} {what}", self.shown);
        TransferError::new(ErrorKind::Data, message)
            .hint("look whether somebody else writes into the staging table or the staged objects")
    }

    /// Copies the staged objects into a table, and counts.
    fn fill(&self, session: &Session, work: &Work, table: &Place) -> Result<(), TransferError> {
        let (target, sent) = (&work.target, work.stager.rows);
        let name = table.quoted();
        let count = || {
            let counted = session.texts(&format!("SELECT COUNT(*) FROM {name}"));
            let counted = counted.map_err(|trouble| during(trouble, self.not_loaded()))?;
            Ok::<u64, TransferError>(counted.first().and_then(|count| count.parse().ok()).unwrap_or_default())
        };
        let before = count()?;
        if !work.stager.objects.is_empty() {
            let taken = self.copy(session, work, &name)?;
            if let Some(taken) = taken.filter(|taken| *taken != sent) {
                return Err(self.counts_differ("were loaded", sent, taken));
            }
        }
        let counted = count()?.saturating_sub(if target.way == Way::Direct { before } else { 0 });
        if counted == sent { Ok(()) } else { Err(self.counts_differ("are there", sent, counted)) }
    }

    fn copy(&self, session: &Session, work: &Work, table: &str) -> Result<Option<u64>, TransferError> {
        let target = &work.target;
        let bucket = &work.bucket;
        let manifest = bucket.names.below(&format!("{}{}", target.name, super::MANIFEST));
        self.context.ledger.intend(&bucket.effect(&manifest))?;
        let stems = work.stager.stems();
        let copy = Copy {
            table,
            columns: &work.copied,
            number: (target.numbered(&self.config.load.mode) == Numbered::Yes).then_some(ROW),
            format: self.config.format,
            null: null_text(work.stager.writer()),
            bucket,
            manifest: &manifest,
            stems: &stems,
            objects: &work.stager.objects,
            doing: self.not_loaded(),
        };
        copy.write_manifest()?;
        let read: Vec<String> = std::iter::once(manifest.real.clone()).chain(stems.iter().cloned()).collect();
        let authority = Authority::of(&self.config.copy_access, bucket, &read)?;
        self.log(&copy.shown(&authority));
        copy.run(session, &authority, &self.context.cancel)
    }

    /// Runs the transaction.
    fn publish(&self, session: &Session, work: &Work) -> Result<OutputFigures, TransferError> {
        let target = &work.target;
        let undo = || {
            // A session that is gone has nothing open.
            let _ = session.run("ROLLBACK");
            let _ = session.run("SET statement_timeout TO 0");
        };
        self.bring_in(session, work).inspect_err(|_| undo())?;
        let (rows, bytes) = (work.stager.rows, work.stager.bytes);
        let effect = Effect::PublishRows { target: self.shown.clone(), id: target.name.clone(), rows, bytes };
        let ledger = &self.context.ledger;
        ledger.intend(&effect).inspect_err(|_| undo())?;
        if let Err(trouble) = session.run("COMMIT") {
            let is_answer = matches!(trouble, Trouble::Server(_));
            let error = self.not_published(trouble);
            // Without an answer of the server the end is open: it is asked for.
            if is_answer && error.kind != ErrorKind::ConnectionLost {
                ledger.settle(&effect, &EffectOutcome::Failed { message: error.to_string() })?;
                undo();
            }
            return Err(error);
        }
        ledger.settle(&effect, &EffectOutcome::Done)?;
        ledger.settle(&self.stage_effect(&target.stage), &EffectOutcome::Removed)?;
        let notes = target.plan.notes.clone();
        Ok(OutputFigures { rows_sent: rows, rows_loaded: Some(rows), bytes, notes })
    }

    /// Everything before COMMIT.
    fn bring_in(&self, session: &Session, work: &Work) -> Result<(), TransferError> {
        let target = &work.target;
        let found = self.find(session, &target.place)?;
        self.check_unchanged(target, found.as_ref())?;
        let oid = found.as_ref().map(|found| found.oid.clone()).unwrap_or_default();
        let limit = if target.way == Way::Swap { self.config.lock_timeout } else { NO_LIMIT };
        let watch = (!oid.is_empty()).then(|| LockWatch::over(self, session, &oid, limit));
        let ended = match target.way {
            Way::Swap => self.swap(session, target, found.as_ref()),
            Way::Insert | Way::Direct => self.insert(session, work),
        };
        let ended = ended.and_then(|()| self.finish(session, target));
        match (ended, watch.and_then(|watch| watch.holder())) {
            (Err(error), Some(holder)) if matches!(error.kind, ErrorKind::Busy | ErrorKind::Timeout) => {
                Err(error.cause(holder))
            }
            (ended, _) => ended,
        }
    }

    /// Somebody may have dropped or changed the table while rows were read.
    fn check_unchanged(&self, target: &Target, now: Option<&Found>) -> Result<(), TransferError> {
        let what = match (&target.found, now) {
            (None, None) => return Ok(()),
            (Some(before), Some(now)) if before.columns == now.columns => return Ok(()),
            (Some(_), None) => "was dropped",
            (None, Some(_)) => "was made by somebody else",
            (Some(_), Some(_)) => "got other columns",
        };
        let message = format!("table `{}` {what} while rows were read", target.place.table);
        Err(TransferError::new(ErrorKind::Rejected, message).hint("retry: the rows are read again"))
    }

    fn run(&self, session: &Session, sql: &str) -> Result<u64, TransferError> {
        session.execute(sql, &self.context.cancel).map_err(|trouble| self.not_published(trouble))
    }

    fn hook(&self, session: &Session, sql: Option<&Text>, name: &str) -> Result<(), TransferError> {
        let Some(sql) = sql else { return Ok(()) };
        let ran = session.execute(sql.expose(), &self.context.cancel);
        ran.map(drop).map_err(|trouble| during(trouble, format!("`{name}` failed")))
    }

    /// What ends every transaction: the fence and the proof of [`super::status`].
    fn finish(&self, session: &Session, target: &Target) -> Result<(), TransferError> {
        self.hook(session, self.config.load.after_load.as_ref(), "after_load")?;
        if target.way != Way::Swap {
            self.run(session, &format!("DROP TABLE {}", target.stage.quoted()))?;
        }
        self.run(session, &Status::of(&target.place.schema).write(&target.name)).map(drop)
    }

    /// The staging table takes the place of the target.
    fn swap(&self, session: &Session, target: &Target, found: Option<&Found>) -> Result<(), TransferError> {
        let (name, stage) = (target.place.quoted(), target.stage.quoted());
        let limit = self.config.lock_timeout.as_millis();
        if let Some(found) = found {
            let keys = found.keys(session, &target.plan.columns).map_err(|trouble| self.unread(trouble))?;
            self.run(session, &format!("SET statement_timeout TO {limit}"))?;
            self.run(session, "BEGIN")?;
            self.lock(session, &name)?;
            self.run(session, "SET statement_timeout TO 0")?;
            // Rights that were given since are not lost.
            let rights = carried::same_rights(session, &target.place, &target.stage, &found.owner);
            for sql in rights.map_err(|trouble| self.unread(trouble))? {
                self.run(session, &sql)?;
            }
            let old = format!("{}_old", target.name);
            self.run(session, &format!("ALTER TABLE {name} RENAME TO {}", quoted(&old)))?;
            self.run(session, &format!("ALTER TABLE {stage} RENAME TO {}", quoted(&target.place.table)))?;
            self.run(session, &format!("DROP TABLE {}", qualified(&target.place.schema, &old)))?;
            for (key, definition) in keys {
                let sql = format!("ALTER TABLE {name} ADD CONSTRAINT {} {definition}", quoted(&key));
                self.run(session, &sql)?;
            }
            return Ok(());
        }
        self.run(session, "BEGIN")?;
        self.run(session, &format!("ALTER TABLE {stage} RENAME TO {}", quoted(&target.place.table))).map(drop)
    }

    /// Waits for who reads or writes the table, but not for ever: others wait meanwhile.
    fn lock(&self, session: &Session, name: &str) -> Result<(), TransferError> {
        let locked = session.execute(&format!("LOCK TABLE {name}"), &self.context.cancel);
        locked.map(drop).map_err(|trouble| {
            let is_too_long = trouble.has_code("57014");
            let error = self.not_published(trouble);
            if !is_too_long {
                return error;
            }
            let waited = self.config.lock_timeout.as_secs();
            let message =
                format!("table `{}` was held by others for {waited} s", self.config.load.table.shown());
            let fault = Fault::LockTimeout;
            TransferError { kind: fault.into(), fault: Some(fault), causes: vec![message], ..error }
                .hint("end the process that holds it (PG_TERMINATE_BACKEND), or raise `lock_timeout`")
        })
    }

    /// Rows are inserted from the staging table, or copied into the target itself.
    fn insert(&self, session: &Session, work: &Work) -> Result<(), TransferError> {
        let (target, load) = (&work.target, &self.config.load);
        let (name, stage, columns) = (target.place.quoted(), target.stage.quoted(), &target.plan.columns);
        self.run(session, "BEGIN")?;
        if target.found.is_none() {
            let sql = create_table(&name, &target.made, load, &self.config.layout);
            session
                .execute(&sql, &self.context.cancel)
                .map_err(|trouble| during(trouble, format!("`{}` could not be created", self.shown)))?;
        } else if matches!(load.mode, LoadMode::TruncateInsert | LoadMode::Replace) {
            // TRUNCATE would commit.
            self.run(session, &format!("DELETE FROM {name}"))?;
            for sql in changed(&name, &target.plan.changes) {
                self.run(session, &sql)?;
            }
        }
        self.hook(session, load.before_load.as_ref(), "before_load")?;
        if target.way == Way::Direct {
            return self.fill(session, work, &target.place);
        }
        if let LoadMode::Merge { rule, .. } = &load.mode {
            return self.merge(session, target, rule);
        }
        let loaded = self.run(session, &statement::insert(&name, &stage, columns))?;
        let sent = work.stager.rows;
        if loaded == sent { Ok(()) } else { Err(self.counts_differ("were inserted", sent, loaded)) }
    }

    fn merge(&self, session: &Session, target: &Target, rule: &[String]) -> Result<(), TransferError> {
        let (name, stage, columns) = (target.place.quoted(), target.stage.quoted(), &target.plan.columns);
        let doubles = self.run(session, &statement::drop_doubles(&stage, &target.keys))?;
        if doubles > 0 {
            let text = format!("{doubles} rows have the key of a later row, which counts");
            self.context.observer.log(Level::Warn, &text);
        }
        if let Some(sql) = statement::update(&name, &stage, columns, &target.keys, rule) {
            self.run(session, &sql)?;
        }
        self.run(session, &statement::insert_new(&name, &stage, columns, &target.keys)).map(drop)
    }

    /// Drops a staging table, which waits for a transaction that has it.
    pub(super) fn drop_stage(&self, session: &Session, stage: &Place) -> Result<(), TransferError> {
        let failed = |trouble: Trouble| {
            during(trouble, format!("staging table `{}` could not be dropped", stage.table))
        };
        match session.run(&drop_table(stage)) {
            Ok(()) => Ok(()),
            // It went while the statement waited.
            Err(Trouble::Server(_)) if self.find(session, stage)?.is_none() => Ok(()),
            Err(trouble) => Err(failed(trouble)),
        }
    }
}
