//! Ranges of the source that an earlier attempt has staged: taken where they serve, and remembered for the next one.

use jiff::Timestamp;

use super::bucket::Bucket;
use super::statement::Numbered;
use super::{RedshiftTarget, not_begun, parts};
use crate::transfer::effect::{Division, Effect, EffectOutcome, Staged};
use crate::transfer::error::TransferError;
use crate::transfer::input::{Lanes, Told};
use crate::transfer::output::KeptRows;
use crate::transfer::output::kept::AT;
use crate::transfer::output::trail::{KeptParts, Serving};
use crate::transfer::report::Reused;

impl RedshiftTarget {
    /// Says what of a source in ranges is there, where objects can hold them.
    pub(super) fn wanted_lanes(&mut self) -> Result<Option<Lanes>, TransferError> {
        let work = self.work.as_ref().ok_or_else(not_begun)?;
        // Of rows with the same key the later one counts: they are numbered as they come.
        let is_numbered = work.target.numbered(&self.config.load.mode) == Numbered::Yes;
        if is_numbered || !self.context.ledger.remembers() {
            return self.drop_parts("the config has the rows in one stream").map(|()| None);
        }
        self.check_parts()?;
        let kept = self.found_parts.as_ref().map(KeptParts::ranges);
        Ok(Some(Lanes { bytes: parts::memory_bytes(self.config.format, 0), kept }))
    }

    /// Leaves out what is not as it was.
    fn check_parts(&mut self) -> Result<(), TransferError> {
        let Some(kept) = self.found_parts.take() else { return Ok(()) };
        let work = self.work.as_ref().ok_or_else(not_begun)?;
        let division = &kept.division;
        let is_same =
            division.columns == work.columns && division.zones == work.zones && division.form == work.form;
        if !is_same {
            self.found_parts = Some(kept);
            return self.drop_parts("they were made for another table, or other columns of it");
        }
        let differs = |effect: &Effect, staged: &Staged| match effect {
            Effect::StageObject { bucket, object } => self.differs(&work.bucket, bucket, object, staged),
            _ => Ok(None),
        };
        let left = match kept.looked_at(differs)? {
            Serving::All(kept) => kept,
            Serving::Some(left, reason) => {
                self.warn(&format!("{reason}: its ranges are read again"));
                left
            }
            Serving::Nothing(kept, reason) => {
                self.found_parts = Some(kept);
                return self.drop_parts(&reason);
            }
        };
        let recorded = self.context.ledger.recorded()?;
        work.bucket.remove_all(&recorded, &|effect| left.holds(effect))?;
        self.found_parts = Some(left);
        Ok(())
    }

    /// Removes what an earlier attempt has staged of ranges, and says why.
    fn drop_parts(&mut self, reason: &str) -> Result<(), TransferError> {
        let Some(kept) = self.found_parts.take() else { return Ok(()) };
        self.warn(&kept.unused(reason));
        let bucket = Bucket::new(&self.config.stage, &self.context);
        bucket.remove_all(&self.context.ledger.recorded()?, &|_| false)
    }

    /// Takes what is there of the ranges, or remembers new ones.
    pub(super) fn take_division(&mut self, told: Told) -> Result<Option<KeptRows>, TransferError> {
        let Told { cut, unfit } = told;
        if cut.as_ref().is_some_and(|cut| cut.is_kept)
            && let Some(kept) = self.found_parts.take()
        {
            self.log(&kept.used());
            let stager = &mut self.work.as_mut().ok_or_else(not_begun)?.stager;
            stager.take(&kept.objects, kept.writer());
            stager.set = Some(kept.name.clone());
            let (rows, read) = kept.rows();
            let objects = kept.objects.len() as u64;
            return Ok(Some(KeptRows { reused: Reused { objects, rows }, read }));
        }
        self.drop_parts(unfit.as_deref().unwrap_or("the source is read in one stream now"))?;
        let Some(cut) = cut else { return Ok(None) };
        let work = self.work.as_mut().ok_or_else(not_begun)?;
        let name = work.target.name.clone();
        let division = Division {
            at: Timestamp::now().strftime(AT).to_string(),
            moment: cut.moment,
            ranges: cut.ranges,
            columns: work.columns.clone(),
            zones: work.zones.clone(),
            form: work.form.clone(),
        };
        let set = Effect::StageSet { name: name.clone() };
        self.context.ledger.intend(&set)?;
        self.context.ledger.settle(&set, &EffectOutcome::Divided(Box::new(division)))?;
        work.stager.set = Some(name);
        Ok(None)
    }
}
