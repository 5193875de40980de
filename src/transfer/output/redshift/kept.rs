//! Objects that an earlier attempt staged: a complete set is copied as it is, when every object of it is still the one
//! that S3 took then.

use jiff::Timestamp;

use super::bucket::Bucket;
use super::resume::{Moment, OfSet};
use super::stage::mark;
use super::{RedshiftTarget, not_begun};
use crate::cloud::s3::head::{HeadError, ObjectHead, ObjectQuery};
use crate::transfer::effect::{Effect, ReadRecord, Sealed, Staged};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::output::kept::{self, AT, Kept};
use crate::transfer::output::object::wait::wait;
use crate::transfer::output::trail::writer;
use crate::transfer::report::Reused;
use crate::transfer::schema::{Schema, Zones};

/// Why an object is not the one that was recorded.
fn difference(staged: &Staged, found: Option<&ObjectHead>) -> Option<&'static str> {
    let Some(found) = found else { return Some("is gone") };
    let size = found.metadata.get("Content-Length").and_then(serde_json::Value::as_u64);
    let e_tag = found.metadata.get("ETag").and_then(serde_json::Value::as_str).map(mark);
    if size != Some(staged.bytes) {
        Some("has another size")
    } else if e_tag.is_none() || e_tag != staged.mark {
        Some("has another ETag")
    } else {
        None
    }
}

impl RedshiftTarget {
    /// Remembers that all rows are staged.
    pub(super) fn seal_objects(&self, read: &ReadRecord) -> Result<(), TransferError> {
        let work = self.work.as_ref().ok_or_else(not_begun)?;
        let stager = &work.stager;
        if stager.objects.is_empty() {
            return Ok(());
        }
        let bucket = work.bucket.shown().to_owned();
        let sealed = Sealed {
            objects: stager.objects.iter().map(|object| (bucket.clone(), object.key.shown.clone())).collect(),
            rows: stager.rows,
            bytes: stager.bytes,
            at: Timestamp::now().strftime(AT).to_string(),
            columns: work.columns.clone(),
            form: work.form.clone(),
            changes: stager.changes(),
            read: read.clone(),
        };
        kept::seal(&self.context, &work.target.name, stager.set.as_deref(), sealed)?;
        Ok(())
    }

    /// Takes over what an earlier attempt staged whole, or removes it and says why.
    pub(super) fn take_kept(&mut self) -> Result<Option<(ReadRecord, Reused)>, TransferError> {
        let Some(kept) = self.found_set.take() else { return Ok(None) };
        if let Some(reason) = self.unfit(&kept)? {
            self.warn(&kept.unused(&reason));
            self.work = None;
            self.resolve(Moment::After, OfSet::Goes)?;
            return Ok(None);
        }
        self.log(&kept.used());
        let stager = &mut self.work.as_mut().ok_or_else(not_begun)?.stager;
        stager.take(&kept.objects, writer(&kept.name));
        stager.kept_changes.clone_from(&kept.sealed.changes);
        let (objects, rows) = (kept.objects.len() as u64, kept.sealed.rows);
        Ok(Some((kept.sealed.read, Reused { objects, rows })))
    }

    /// Why a set does not serve, as it is now.
    fn unfit(&mut self, kept: &Kept) -> Result<Option<String>, TransferError> {
        let bucket = Bucket::located(&self.config.stage, &self.context)?;
        for (effect, staged) in &kept.objects {
            let Effect::StageObject { bucket: of, object } = effect else { continue };
            if let Some(reason) = self.differs(&bucket, of, object, staged)? {
                return Ok(Some(reason));
            }
        }
        let work = self.prepare(&Schema::new(kept.sealed.columns.clone(), Zones::utc()))?;
        let is_same = work.form == kept.sealed.form;
        self.work = Some(work);
        Ok((!is_same).then(|| "they were made for another table, or other columns of it".to_owned()))
    }

    /// What an object is not any more.
    pub(super) fn differs(
        &self,
        bucket: &Bucket,
        of: &str,
        object: &str,
        staged: &Staged,
    ) -> Result<Option<String>, TransferError> {
        let Some(key) = bucket.names.recorded(of, object) else {
            return Ok(Some("the config names another place now".to_owned()));
        };
        let query = ObjectQuery {
            bucket: bucket.name().to_owned(),
            key: key.real.clone(),
            version_id: None,
            customer_key: None,
        };
        let address = bucket.names.address(&key);
        match wait(&self.context.cancel, bucket.s3.head(&query))? {
            Ok(found) => {
                let difference = difference(staged, found.as_ref());
                Ok(difference.map(|difference| format!("`{address}` {difference}")))
            }
            Err(HeadError::NoAnswer(said)) => {
                let message = format!("object `{address}` could not be looked at");
                Err(TransferError::new(ErrorKind::Unreachable, message).cause(said))
            }
            // Who may write objects may not be allowed to look at them.
            Err(error) => Ok(Some(format!("`{address}` could not be looked at: {error}"))),
        }
    }
}
