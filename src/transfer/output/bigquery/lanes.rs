//! Rows of several readers, kept apart: each fills objects of its own, so that an object holds whole ranges of the source.

use jiff::Timestamp;

use super::stage::{self, Packer};
use super::{BigqueryTarget, not_begun};
use crate::cloud::google::upload::Upload;
use crate::transfer::effect::{Division, Effect, EffectOutcome, Part, Staged};
use crate::transfer::error::TransferError;
use crate::transfer::input::{Lanes, Told};
use crate::transfer::output::KeptRows;
use crate::transfer::output::kept::AT;
use crate::transfer::output::trail::{CUTS, KeptParts, Serving, Trail};
use crate::transfer::page::News;
use crate::transfer::report::{Change, Reused};

/// What the rows of a reader fill while those of another one come.
pub(super) struct Parked {
    upload: Option<Upload>,
    object: Option<Effect>,
    bytes: u64,
    rows: u64,
    packer: Packer,
    trail: Trail,
}

impl BigqueryTarget {
    /// Says what of a source in ranges is there, where objects can hold them.
    pub(super) fn wanted_lanes(&mut self) -> Result<Option<Lanes>, TransferError> {
        let service = &self.service;
        let config = &service.config;
        let is_plain = config.ready.is_none() && config.kept.is_none() && config.rehearsal.is_none();
        if config.gcs.is_none() || !is_plain || !service.context.ledger.remembers() {
            return self.drop_parts("the config has the rows in one stream").map(|()| None);
        }
        self.check_parts()?;
        let kept = self.found_parts.as_ref().map(KeptParts::ranges);
        Ok(Some(Lanes { bytes: stage::lane_bytes(&self.service.config), kept }))
    }

    /// Leaves out what is not as it was.
    fn check_parts(&mut self) -> Result<(), TransferError> {
        let Some(kept) = self.found_parts.take() else { return Ok(()) };
        let division = &kept.division;
        let work = self.work()?;
        let is_same = division.columns == work.columns
            && division.zones == work.zones
            && division.form == self.form()?;
        if !is_same {
            self.found_parts = Some(kept);
            return self.drop_parts("they were made for another table, or other columns of it");
        }
        let all: Vec<Effect> = kept.objects.iter().map(|(effect, _)| effect.clone()).collect();
        let differs = |effect: &Effect, staged: &Staged| match effect {
            Effect::StageObject { object, .. } => self.differs(object, staged),
            _ => Ok(None),
        };
        let left = match kept.looked_at(differs)? {
            Serving::All(kept) => kept,
            Serving::Some(left, reason) => {
                self.service.warn(&format!("{reason}: its ranges are read again"));
                left
            }
            Serving::Nothing(kept, reason) => {
                self.found_parts = Some(kept);
                return self.drop_parts(&reason);
            }
        };
        self.service.remove_all(all.into_iter().filter(|effect| !left.holds(effect)))?;
        self.found_parts = Some(left);
        Ok(())
    }

    /// Removes what an earlier attempt has staged of ranges, and says why.
    pub(super) fn drop_parts(&mut self, reason: &str) -> Result<(), TransferError> {
        let Some(kept) = self.found_parts.take() else { return Ok(()) };
        self.service.warn(&kept.unused(reason));
        let all = kept.objects.iter().map(|(effect, _)| effect.clone()).chain([kept.effect()]);
        self.service.remove_all(all)
    }

    /// Takes what is there of the ranges, or remembers new ones.
    pub(super) fn take_division(&mut self, told: Told) -> Result<Option<KeptRows>, TransferError> {
        let Told { cut, unfit } = told;
        if let (Some(kept), true) = (&self.found_parts, cut.as_ref().is_some_and(|cut| cut.is_kept)) {
            self.service.log(&kept.used());
            let (rows, read) = kept.rows();
            self.rows += rows;
            self.bytes += kept.bytes();
            self.objects.extend(kept.objects.iter().map(|(effect, _)| effect.clone()));
            self.set = Some(kept.effect());
            self.parts = Some(kept.name.clone());
            let objects = kept.objects.len() as u64;
            self.found_parts = None;
            return Ok(Some(KeptRows { reused: Reused { objects, rows }, read }));
        }
        self.drop_parts(unfit.as_deref().unwrap_or("the source is read in one stream now"))?;
        let Some(cut) = cut else { return Ok(None) };
        let work = self.work()?;
        let (name, division) = (
            work.name.clone(),
            Division {
                at: Timestamp::now().strftime(AT).to_string(),
                moment: cut.moment,
                ranges: cut.ranges,
                columns: work.columns.clone(),
                zones: work.zones.clone(),
                form: self.form()?,
            },
        );
        let ledger = &self.service.context.ledger;
        let set = Effect::StageSet { name: name.clone() };
        ledger.intend(&set)?;
        ledger.settle(&set, &EffectOutcome::Divided(Box::new(division)))?;
        (self.set, self.parts) = (Some(set), Some(name));
        Ok(None)
    }

    /// Hears of the reader whose rows come next, or of an end.
    pub(super) fn turn(&mut self, reader: usize, news: News, read: u64) -> Result<(), TransferError> {
        self.turn_to(reader)?;
        match news {
            News::Rows(range) => self.trail.rows_of(range, read),
            News::RangeEnds => {
                self.trail.range_ends();
                let enough = self.service.context.reading.range_bytes / CUTS;
                if self.upload.is_some() && self.part_bytes >= enough.min(self.limits.part_bytes) {
                    self.end_object()?;
                }
            }
            News::ReaderEnds => {
                if self.upload.is_some() {
                    self.end_object()?;
                }
            }
        }
        Ok(())
    }

    fn turn_to(&mut self, reader: usize) -> Result<(), TransferError> {
        if reader == self.reader {
            return Ok(());
        }
        let mut next = match self.parked.remove(&reader) {
            Some(parked) => parked,
            None => Parked {
                upload: None,
                object: None,
                bytes: 0,
                rows: 0,
                packer: self.another_packer()?,
                trail: Trail::default(),
            },
        };
        let work = self.work.as_mut().ok_or_else(not_begun)?;
        std::mem::swap(&mut self.upload, &mut next.upload);
        std::mem::swap(&mut self.object, &mut next.object);
        std::mem::swap(&mut self.part_bytes, &mut next.bytes);
        std::mem::swap(&mut self.part_rows, &mut next.rows);
        std::mem::swap(&mut work.packer, &mut next.packer);
        std::mem::swap(&mut self.trail, &mut next.trail);
        self.parked.insert(self.reader, next);
        self.reader = reader;
        Ok(())
    }

    fn another_packer(&self) -> Result<Packer, TransferError> {
        let work = self.work()?;
        Ok(Packer::new(&work.schema, &work.packed_fields, &self.service.config)?.beside())
    }

    /// Ends the objects of all readers.
    pub(super) fn end_objects(&mut self) -> Result<(), TransferError> {
        let others: Vec<usize> = self.parked.keys().copied().collect();
        for reader in std::iter::once(self.reader).chain(others) {
            self.turn_to(reader)?;
            if self.upload.is_some() {
                self.end_object()?;
            }
        }
        Ok(())
    }

    /// Gives up what is under way.
    pub(super) fn cancel_uploads(&mut self) {
        let others = self.parked.values_mut().filter_map(|parked| parked.upload.take());
        for upload in self.upload.take().into_iter().chain(others) {
            upload.cancel();
        }
    }

    /// What the object that ends holds of the ranges.
    pub(super) fn cut_part(&mut self) -> Option<Part> {
        self.parts.as_deref().map(|set| self.trail.cut(set))
    }

    /// Values that became something else on their way out, whoever read them.
    pub(super) fn packed_changes(&self) -> Vec<Change> {
        let Some(work) = &self.work else { return Vec::new() };
        let others = self.parked.values().flat_map(|parked| parked.packer.changes());
        Change::merged(self.kept_changes.iter().cloned().chain(work.packer.changes()).chain(others))
    }
}
