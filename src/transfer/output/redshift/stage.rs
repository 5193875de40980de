//! Rows on their way to S3: encoded, compressed, and put as objects that end between two rows, several at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinError;

use super::bucket::Bucket;
use super::column;
use super::parts::Parts;
use crate::cloud;
use crate::cloud::s3::objects::ObjectError;
use crate::embulk::output::{CopyFormat, S3Stage, TableLoad};
use crate::transfer::context::TransferContext;
use crate::transfer::effect::{Effect, EffectOutcome, Part, Staged};
use crate::transfer::encode::typed::Stored;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::output::object::names::Key;
use crate::transfer::output::object::s3::under_way::UnderWay;
use crate::transfer::output::object::wait::wait;
use crate::transfer::output::sql::plan::Plan;
use crate::transfer::output::trail::{CUTS, Trail};
use crate::transfer::page::{News, Page};
use crate::transfer::report::Change;
use crate::transfer::schema::Schema;

/// How long objects that have left may take to arrive when nobody wants them any more.
const PATIENCE: Duration = Duration::from_secs(5);

/// An object of a load.
#[derive(Debug, Clone)]
pub(super) struct StagedObject {
    pub(super) key: Key,
    /// Compressed bytes.
    pub(super) bytes: u64,
    pub(super) rows: u64,
    /// What it holds of a source that is read in ranges.
    part: Option<Part>,
}

/// What turns rows into objects is made of it, once for each reader.
pub(super) struct Making {
    pub(super) schema: Arc<Schema>,
    /// The columns in the order in which rows are staged.
    pub(super) plan: Plan,
    pub(super) load: TableLoad,
    pub(super) number: Option<&'static str>,
    pub(super) format: CopyFormat,
    /// What the columns hold, for a format that has types.
    pub(super) held: Vec<Stored>,
    /// The transfer, which is a part of what stands for NULL.
    pub(super) writer: String,
}

impl Making {
    fn parts(&self) -> Parts {
        let columns = column::sent(&self.schema, &self.plan, &self.load);
        let held = (self.held.clone(), self.writer.clone());
        Parts::new(&self.schema, columns, self.number, self.format, held)
    }
}

/// What the rows of a reader fill while those of another one come.
struct Parked {
    parts: Parts,
    packed: Vec<u8>,
    text_bytes: u64,
    rows: u64,
    trail: Trail,
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
    make: Making,
    parts: Parts,
    /// What the names of its objects begin with, behind the prefix.
    name: String,
    extension: &'static str,
    object_bytes: Option<u64>,
    packed: Vec<u8>,
    /// Bytes of text, or of values, in the object that fills.
    text_bytes: u64,
    under_way: UnderWay<Sent>,
    pub(super) objects: Vec<StagedObject>,
    /// Rows of the object that fills.
    part_rows: u64,
    /// Whose they are, by the number of the reader, and of which ranges.
    reader: usize,
    trail: Trail,
    /// What the rows of other readers fill.
    parked: BTreeMap<usize, Parked>,
    /// The set that the objects are parts of, where the source is read in ranges.
    pub(super) set: Option<String>,
    /// What was lost of the values when an earlier attempt staged them.
    pub(super) kept_changes: Vec<Change>,
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

impl Stager {
    /// A stager whose objects are named `<name>-<number><extension>`.
    pub(super) fn new(
        bucket: &Bucket,
        config: &S3Stage,
        context: &TransferContext,
        make: Making,
        (name, extension): (String, &'static str),
    ) -> Self {
        Self {
            bucket: bucket.clone(),
            context: context.clone(),
            parts: make.parts(),
            make,
            name,
            extension,
            object_bytes: config.object_bytes,
            packed: Vec::new(),
            text_bytes: 0,
            under_way: UnderWay::new(config.uploads),
            objects: Vec::new(),
            part_rows: 0,
            reader: 0,
            trail: Trail::default(),
            parked: BTreeMap::new(),
            set: None,
            kept_changes: Vec::new(),
            rows: 0,
            bytes: 0,
        }
    }

    /// Takes the rows of a page.
    pub(super) fn write(&mut self, page: &Page) -> Result<(), TransferError> {
        self.text_bytes += self.parts.write(page, &mut self.packed)?;
        self.rows += page.rows as u64;
        self.part_rows += page.rows as u64;
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
        let part = self.set.as_deref().map(|set| self.trail.cut(set));
        let rows = std::mem::take(&mut self.part_rows);
        self.objects.push(StagedObject { key, bytes, rows, part });
        self.under_way.start(async move { (number, Bucket::put(s3, bucket, real, body).await) });
        Ok(())
    }

    /// Everything that was written is in the bucket when this returns.
    pub(super) fn finish(&mut self) -> Result<(), TransferError> {
        let others: Vec<usize> = self.parked.keys().copied().collect();
        for reader in std::iter::once(self.reader).chain(others) {
            self.turn_to(reader);
            self.end_object()?;
        }
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
        let staged = Staged {
            rows: object.rows,
            bytes: object.bytes,
            mark,
            generation: None,
            part: object.part.clone(),
        };
        Ok(self.context.ledger.settle(&self.bucket.effect(&object.key), &EffectOutcome::Staged(staged))?)
    }

    /// Hears of the reader whose rows come next, or of an end.
    pub(super) fn turn(&mut self, reader: usize, news: News, read: u64) -> Result<(), TransferError> {
        self.turn_to(reader);
        match news {
            News::Rows(range) => self.trail.rows_of(range, read),
            News::RangeEnds => {
                self.trail.range_ends();
                if self.text_bytes >= self.context.reading.range_bytes / CUTS {
                    self.end_object()?;
                }
            }
            News::ReaderEnds => self.end_object()?,
        }
        Ok(())
    }

    fn turn_to(&mut self, reader: usize) {
        if reader == self.reader {
            return;
        }
        let mut next = self.parked.remove(&reader).unwrap_or_else(|| Parked {
            parts: self.make.parts().beside(),
            packed: Vec::new(),
            text_bytes: 0,
            rows: 0,
            trail: Trail::default(),
        });
        std::mem::swap(&mut self.parts, &mut next.parts);
        std::mem::swap(&mut self.packed, &mut next.packed);
        std::mem::swap(&mut self.text_bytes, &mut next.text_bytes);
        std::mem::swap(&mut self.part_rows, &mut next.rows);
        std::mem::swap(&mut self.trail, &mut next.trail);
        self.parked.insert(self.reader, next);
        self.reader = reader;
    }

    /// What the names of the objects begin with: of every try that has written some.
    pub(super) fn stems(&self) -> Vec<String> {
        let stem = |object: &StagedObject| object.key.real.rsplit_once('-').map(|(stem, _)| stem.to_owned());
        let mut stems: Vec<String> = self.objects.iter().filter_map(stem).collect();
        stems.sort();
        stems.dedup();
        stems
    }

    /// The transfer that writes the objects.
    pub(super) fn writer(&self) -> &str {
        &self.make.writer
    }

    /// Takes over objects that an earlier attempt has staged, before any row comes. All objects of a load have one word
    /// for NULL: that of whoever wrote the first.
    pub(super) fn take(&mut self, objects: &[(Effect, Staged)], writer: String) {
        self.make.writer = writer;
        self.parts = self.make.parts();
        for (effect, staged) in objects {
            let Effect::StageObject { bucket, object } = effect else { continue };
            let Some(key) = self.bucket.names.recorded(bucket, object) else { continue };
            let Staged { rows, bytes, part, .. } = staged.clone();
            self.rows += rows;
            self.bytes += bytes;
            self.objects.push(StagedObject { key, bytes, rows, part });
        }
    }

    /// What was lost of the values.
    pub(super) fn changes(&self) -> Vec<Change> {
        let others = self.parked.values().flat_map(|parked| parked.parts.changes());
        Change::merged(self.kept_changes.iter().cloned().chain(self.parts.changes()).chain(others))
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
