//! Objects that an earlier attempt staged: a complete set is loaded as it is, when every object of it is still the one
//! that the service took then.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{BigqueryTarget, Way};
use crate::cloud::google::upload::{Uploaded, crc32c_text};
use crate::transfer::effect::{Effect, Part, ReadRecord, Sealed, Staged};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::output::kept::{self, AT, Kept};
use crate::transfer::output::trail::KeptParts;
use crate::transfer::report::Reused;
use crate::transfer::schema::{Schema, Zones};

/// What the service says of an object that it has taken.
pub(super) fn staged(uploaded: &Uploaded, rows: u64, part: Option<Part>) -> Staged {
    let generation = uploaded.resource["generation"].as_str().map(str::to_owned);
    Staged { rows, bytes: uploaded.bytes, mark: Some(mark(&crc32c_text(uploaded.crc32c))), generation, part }
}

fn mark(crc32c: &str) -> String {
    format!("crc32c:{crc32c}")
}

/// Why an object is not the one that was recorded.
fn difference(staged: &Staged, found: Option<&Value>) -> Option<&'static str> {
    let Some(found) = found else { return Some("is gone") };
    let size = found["size"].as_str().and_then(|size| size.parse::<u64>().ok());
    let crc32c = found["crc32c"].as_str().map(mark);
    let generation = found["generation"].as_str();
    if size != Some(staged.bytes) {
        Some("has another size")
    } else if crc32c.is_none() || crc32c != staged.mark {
        Some("has another checksum")
    } else if generation.is_none() || generation != staged.generation.as_deref() {
        Some("was written again")
    } else {
        None
    }
}

impl BigqueryTarget {
    /// Ends the last object, and remembers that all rows are staged.
    pub(super) fn seal_objects(&mut self, read: &ReadRecord) -> Result<(), TransferError> {
        // Without a bucket nothing lies anywhere before the job has it.
        let in_bucket = self.service.config.gcs.is_some() && self.service.config.ready.is_none();
        if !in_bucket || self.rows == 0 {
            return Ok(());
        }
        self.end_objects()?;
        let work = self.work()?;
        let objects = self.objects.iter().filter_map(|effect| match effect {
            Effect::StageObject { bucket, object } => Some((bucket.clone(), object.clone())),
            _ => None,
        });
        let sealed = Sealed {
            objects: objects.collect(),
            rows: self.rows,
            bytes: self.bytes,
            at: Timestamp::now().strftime(AT).to_string(),
            columns: work.columns.clone(),
            form: self.form()?,
            changes: self.packed_changes(),
            read: read.clone(),
        };
        let set = kept::seal(&self.service.context, &work.name, self.parts.as_deref(), sealed)?;
        self.set = Some(set);
        Ok(())
    }

    /// What the objects hold, and for which table: as long as it is the same they can be loaded.
    pub(super) fn form(&self) -> Result<String, TransferError> {
        let (service, work) = (&self.service, self.work()?);
        let format = service.config.source_format.api_name();
        Ok(json!([service.shown, format, work.fields]).to_string())
    }

    /// Takes over what an earlier attempt staged whole, or removes it and says why.
    pub(super) fn take_kept(&mut self) -> Result<Option<(ReadRecord, Reused)>, TransferError> {
        let Some(kept) = self.found_set.take() else { return Ok(None) };
        // Should this attempt end early, what lies there is still the set.
        self.set = Some(kept.effect());
        self.objects = kept.objects.iter().map(|(effect, _)| effect.clone()).collect();
        self.staging = self.filling.as_ref().map(|filling| filling.table.clone());
        if let Some(reason) = self.unfit(&kept)? {
            self.service.warn(&kept.unused(&reason));
            if let Some(filling) = self.filling.take() {
                self.service.let_go(&filling)?;
                self.staging = None;
            }
            self.service.remove_all(self.set.take().into_iter().chain(self.objects.drain(..)))?;
            self.work = None;
            return Ok(None);
        }
        self.service.log(&kept.used());
        let Sealed { rows, bytes, changes, read, .. } = kept.sealed;
        (self.rows, self.bytes, self.kept_changes) = (rows, bytes, changes);
        let objects = kept.objects.len() as u64;
        Ok(Some((read, Reused { objects, rows })))
    }

    /// Why a set does not serve, as it is now.
    fn unfit(&mut self, kept: &Kept) -> Result<Option<String>, TransferError> {
        for (effect, staged) in &kept.objects {
            let Effect::StageObject { object, .. } = effect else { continue };
            if let Some(reason) = self.differs(object, staged)? {
                return Ok(Some(reason));
            }
        }
        let columns = kept.sealed.columns.clone();
        crate::transfer::output::Output::begin(self, &Schema::new(columns, Zones::utc()))?;
        if self.filling.is_some() && self.work()?.way != Way::Staged {
            return Ok(Some("the table is written in another way now".to_owned()));
        }
        let is_same = self.form()? == kept.sealed.form;
        Ok((!is_same).then(|| "they were made for another table, or other columns of it".to_owned()))
    }

    /// What an object is not any more.
    pub(super) fn differs(&self, object: &str, staged: &Staged) -> Result<Option<String>, TransferError> {
        let Some(gcs) = &self.service.config.gcs else { return Ok(Some("there is no bucket".to_owned())) };
        let what = format!("staged object `{object}` could not be looked at");
        match self.service.wait(&what, self.service.storage.object(gcs.bucket.expose(), object)) {
            Ok(found) => {
                let difference = difference(staged, found.as_ref());
                Ok(difference.map(|difference| format!("`{object}` {difference}")))
            }
            Err(error) if error.kind == ErrorKind::Permission => Ok(Some(error.to_string())),
            Err(error) => Err(error),
        }
    }

    /// Removes what was staged, but for what a retry will find and can use.
    pub(super) fn tidy_up_but_kept(&mut self) {
        let ledger = &self.service.context.ledger;
        let recorded = if ledger.remembers() { ledger.recorded().unwrap_or_default() } else { Vec::new() };
        let (whole, parts) = (Kept::of(&recorded), KeptParts::of(&recorded));
        let stays = |effect: &Effect| kept::holds(whole.as_ref(), parts.as_ref(), effect);
        self.set = self.set.take().filter(|set| !stays(set));
        self.objects.retain(|object| !stays(object));
        self.tidy_up();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_the_one_that_was_recorded_or_it_is_said_what_differs() {
        let staged = Staged {
            rows: 1,
            bytes: 9,
            mark: Some("crc32c:4waSgw==".to_owned()),
            generation: Some("7".to_owned()),
            part: None,
        };
        let found = |size: &str, crc32c: &str, generation: &str| {
            let found = json!({"size": size, "crc32c": crc32c, "generation": generation});
            difference(&staged, Some(&found))
        };
        assert_eq!(found("9", "4waSgw==", "7"), None);
        assert_eq!(found("8", "4waSgw==", "7"), Some("has another size"));
        assert_eq!(found("9", "AAAAAA==", "7"), Some("has another checksum"));
        assert_eq!(found("9", "4waSgw==", "8"), Some("was written again"));
        assert_eq!(difference(&staged, None), Some("is gone"));
        // What the service does not say proves nothing.
        assert_eq!(difference(&staged, Some(&json!({"size": "9"}))), Some("has another checksum"));
        let unsaid = json!({"size": "9", "crc32c": "4waSgw=="});
        assert_eq!(difference(&staged, Some(&unsaid)), Some("was written again"));
    }
}
