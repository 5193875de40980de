//! What earlier attempts left: publications whose end nobody recorded are asked for, and what is staged goes.

use super::RedshiftTarget;
use super::bucket::Bucket;
use super::catalog::Place;
use super::failure::during;
use super::status::Status;
use crate::transfer::effect::{Effect, EffectOutcome, open_effects};
use crate::transfer::error::TransferError;
use crate::transfer::input::postgres::session::Session;
use crate::transfer::output::OutputFigures;
use crate::transfer::output::kept::{self, Kept};
use crate::transfer::output::sql::again::again;
use crate::transfer::output::sql::past::{Claim, Past, figures};
use crate::transfer::output::trail::KeptParts;

/// When open ends are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// Before a new try.
    Before,
    /// After a try that failed.
    After,
}

/// What becomes of what is staged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OfSet {
    /// What a retry can use stays.
    Stays,
    Goes,
}

/// What came of looking back.
pub(super) struct Resolved {
    /// The rows are in the target.
    pub(super) figures: Option<OutputFigures>,
    /// What is staged whole, where they are not.
    pub(super) kept: Option<Kept>,
    /// Else what is staged of ranges.
    pub(super) parts: Option<KeptParts>,
}

impl RedshiftTarget {
    /// Finds out how publications ended, and removes what is staged, but for what a retry can use where that is to stay.
    /// Gives the figures of one of this transfer, else what is there.
    pub(super) fn resolve(&self, when: Moment, of_set: OfSet) -> Result<Resolved, TransferError> {
        let recorded = self.context.ledger.recorded()?;
        let own = format!("sync_{}_", self.context.key.id());
        let past = Past::read(&recorded, |id| id.starts_with(&own));
        let stages: Vec<Effect> = open_effects(&recorded)
            .into_iter()
            .filter(|effect| matches!(effect, Effect::StageTable { .. }))
            .collect();
        let mut published = past.done.clone();
        let ended = if past.open.is_empty() && stages.is_empty() {
            Ok(())
        } else {
            self.settle(&past, &stages, when, &mut published)
        };
        let stay = of_set == OfSet::Stays && published.is_none();
        let (kept, parts) = (Kept::of(&recorded).filter(|_| stay), KeptParts::of(&recorded).filter(|_| stay));
        let stays = |effect: &Effect| kept::holds(kept.as_ref(), parts.as_ref(), effect);
        // Objects go even where the cluster cannot be asked: a retry stages its own.
        let bucket = Bucket::new(&self.config.stage, &self.context);
        bucket.remove_all(&recorded, &stays)?;
        ended?;
        past.done.iter().for_each(|done| self.forget(done));
        Ok(Resolved { figures: published.as_ref().map(figures), kept, parts })
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

    fn settle(
        &self,
        past: &Past,
        stages: &[Effect],
        when: Moment,
        published: &mut Option<Effect>,
    ) -> Result<(), TransferError> {
        let (session, schema) = self.connect()?;
        // First the tables: after that no transaction of an earlier attempt can publish any more.
        for effect in stages {
            let Some(stage) = self.stage_of(effect) else { continue };
            again(self.config.load.retries, &self.context, || self.drop_stage(&session, &stage))?;
            self.context.ledger.settle(effect, &EffectOutcome::Removed)?;
        }
        let status = Status::of(&schema);
        for effect in &past.open {
            let Effect::PublishRows { id, .. } = effect else { continue };
            let claim = status.ask(&session, id).map_err(|trouble| {
                during(trouble, "what became of the rows of an earlier attempt could not be asked for")
            })?;
            match (claim, when) {
                // The next attempt finds the row.
                (Claim::Published, Moment::After) => continue,
                (Claim::Published, Moment::Before) => {
                    self.context.ledger.settle(effect, &EffectOutcome::Done)?;
                    *published = Some(effect.clone());
                }
                (Claim::Ours, _) => {
                    let message = "it was not carried out".to_owned();
                    self.context.ledger.settle(effect, &EffectOutcome::Failed { message })?;
                }
            }
            status.forget(&session, id);
        }
        session.close();
        Ok(())
    }

    /// A staging table of this cluster.
    fn stage_of(&self, effect: &Effect) -> Option<Place> {
        match effect {
            Effect::StageTable { project, dataset, table } if *project == self.address() => {
                Some(Place { schema: dataset.clone(), table: table.clone() })
            }
            _ => None,
        }
    }

    /// Removes what runs to the same target left that are over and were never tried again.
    pub(super) fn remove_abandoned(&self, session: &Session, bucket: &Bucket) -> Result<(), TransferError> {
        for left in self.context.ledger.abandoned(&self.shown)? {
            match &left.effect {
                Effect::StageTable { table, .. } => {
                    let Some(stage) = self.stage_of(&left.effect) else { continue };
                    match self.drop_stage(session, &stage) {
                        Ok(()) => {
                            self.log(&format!("dropped table `{table}`, which a run that is over had left"));
                        }
                        Err(error) => {
                            self.warn(&error.to_string());
                            continue;
                        }
                    }
                }
                Effect::StageObject { bucket: of, object } => {
                    let Some(key) = bucket.names.recorded(of, object).filter(|_| !bucket.keeps()) else {
                        continue;
                    };
                    if !bucket.remove(&[(left.effect.clone(), key)]) {
                        continue;
                    }
                    self.log(&format!("removed object `{object}`, which a run that is over had left"));
                }
                _ => continue,
            }
            self.context.ledger.settle_abandoned(&left)?;
        }
        Ok(())
    }
}
