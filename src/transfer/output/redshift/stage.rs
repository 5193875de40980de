//! Rows on their way to S3: encoded, compressed, and put as objects that end between two rows, several at once.

use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinError;

use super::bucket::Bucket;
use super::parts::Parts;
use crate::cloud;
use crate::cloud::s3::objects::ObjectError;
use crate::embulk::output::S3Stage;
use crate::transfer::context::TransferContext;
use crate::transfer::effect::{Effect, EffectOutcome, Staged};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::output::kept::Kept;
use crate::transfer::output::object::names::Key;
use crate::transfer::output::object::s3::under_way::UnderWay;
use crate::transfer::output::object::wait::wait;
use crate::transfer::page::Page;
use crate::transfer::report::Change;

/// How long objects that have left may take to arrive when nobody wants them any more.
const PATIENCE: Duration = Duration::from_secs(5);

/// An object of a load.
#[derive(Debug, Clone)]
pub(super) struct StagedObject {
    pub(super) key: Key,
    /// Compressed bytes.
    pub(super) bytes: u64,
    pub(super) rows: u64,
}

/// Which object was sent, and how that ended: with its ETag, where it did well.
type Sent = (usize, Result<Option<String>, ObjectError>);

/// How the state remembers an ETag.
pub(super) fn mark(e_tag: &str) -> String {
    format!("etag:{e_tag}")
}

/// Turns pages into objects.
pub(super) struct Stager {
    bucket: Bucket,
    context: TransferContext,
    parts: Parts,
    /// What the names of the objects begin with, behind the prefix.
    pub(super) name: String,
    /// The transfer that wrote them, which is a part of what stands for NULL.
    pub(super) writer: String,
    extension: &'static str,
    object_bytes: Option<u64>,
    packed: Vec<u8>,
    /// Bytes of text, or of values, in the object that fills.
    text_bytes: u64,
    under_way: UnderWay<Sent>,
    pub(super) objects: Vec<StagedObject>,
    /// Rows of the objects that have left.
    sent_rows: u64,
    /// What was lost of the values when an earlier attempt staged them.
    kept_changes: Vec<Change>,
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

impl Stager {
    /// A stager whose objects are named `<name>-<number><extension>`.
    pub(super) fn new(
        bucket: &Bucket,
        config: &S3Stage,
        context: &TransferContext,
        parts: Parts,
        (name, extension): (String, &'static str),
    ) -> Self {
        Self {
            bucket: bucket.clone(),
            context: context.clone(),
            parts,
            name,
            writer: context.key.id(),
            extension,
            object_bytes: config.object_bytes,
            packed: Vec::new(),
            text_bytes: 0,
            under_way: UnderWay::new(config.uploads),
            objects: Vec::new(),
            sent_rows: 0,
            kept_changes: Vec::new(),
            rows: 0,
            bytes: 0,
        }
    }

    /// Takes the rows of a page.
    pub(super) fn write(&mut self, page: &Page) -> Result<(), TransferError> {
        self.text_bytes += self.parts.write(page, &mut self.packed)?;
        self.rows += page.rows as u64;
        let is_full = self.packed.len() >= self.parts.most()
            || self.object_bytes.is_some_and(|most| self.text_bytes >= most);
        if is_full { self.end_object() } else { Ok(()) }
    }

    /// Ends the object that fills, and starts it on its way.
    fn end_object(&mut self) -> Result<(), TransferError> {
        if !self.parts.end(&mut self.packed)? {
            return Ok(());
        }
        while let Some(sent) = wait(&self.context.cancel, self.under_way.room())? {
            self.take_note(sent)?;
        }
        let number = self.objects.len();
        let key = self.bucket.names.below(&format!("{}-{number:06}{}", self.name, self.extension));
        self.context.ledger.intend(&self.bucket.effect(&key))?;
        let body = Bytes::from(std::mem::take(&mut self.packed));
        let bytes = body.len() as u64;
        self.bytes += bytes;
        self.text_bytes = 0;
        let (s3, bucket, real) = (self.bucket.s3.clone(), self.bucket.name().to_owned(), key.real.clone());
        self.objects.push(StagedObject { key, bytes, rows: self.rows - self.sent_rows });
        self.sent_rows = self.rows;
        self.under_way.start(async move { (number, Bucket::put(s3, bucket, real, body).await) });
        Ok(())
    }

    /// Everything that was written is in the bucket when this returns.
    pub(super) fn finish(&mut self) -> Result<(), TransferError> {
        self.end_object()?;
        while let Some(sent) = wait(&self.context.cancel, self.under_way.next())? {
            self.take_note(sent)?;
        }
        Ok(())
    }

    /// An object has arrived, or has not.
    fn take_note(&self, sent: Result<Sent, JoinError>) -> Result<(), TransferError> {
        let (number, sent) = sent.map_err(|error| {
            TransferError::new(ErrorKind::Internal, "the upload of an object was lost").caused_by(&error)
        })?;
        let Some(object) = self.objects.get(number) else { return Ok(()) };
        let e_tag = sent.map_err(|error| {
            let doing = format!("object `{}` could not be staged", self.bucket.names.address(&object.key));
            self.bucket.failed(&doing, &error)
        })?;
        let mark = e_tag.map(|tag| mark(tag.trim_matches('"')));
        let staged = Staged { rows: object.rows, bytes: object.bytes, mark, generation: None };
        Ok(self.context.ledger.settle(&self.bucket.effect(&object.key), &EffectOutcome::Staged(staged))?)
    }

    /// Takes over objects that an earlier attempt staged whole.
    pub(super) fn take(&mut self, kept: &Kept) {
        for (effect, staged) in &kept.objects {
            let Effect::StageObject { bucket, object } = effect else { continue };
            let Some(key) = self.bucket.names.recorded(bucket, object) else { continue };
            self.objects.push(StagedObject { key, bytes: staged.bytes, rows: staged.rows });
        }
        self.name.clone_from(&kept.name);
        // `sync_<transfer>_<try>`
        let writer = kept.name.split('_').nth(1).unwrap_or_default();
        self.writer = writer.to_owned();
        (self.rows, self.bytes) = (kept.sealed.rows, kept.sealed.bytes);
        self.kept_changes.clone_from(&kept.sealed.changes);
    }

    /// What was lost of the values.
    pub(super) fn changes(&self) -> Vec<Change> {
        self.kept_changes.iter().cloned().chain(self.parts.changes()).collect()
    }

    /// Stops what is on its way.
    pub(super) fn stop(&mut self) {
        // An object that arrives after it was removed would stay: what has left should end first.
        let rest = async { while self.under_way.next().await.is_some() {} };
        let _ = cloud::block_on(async { tokio::time::timeout(PATIENCE, rest).await });
        self.under_way.stop();
        cloud::block_on(async { while self.under_way.next().await.is_some() {} });
    }
}
