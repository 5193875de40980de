//! `type: bigquery`: rows staged in Cloud Storage or uploaded with the job, published by one job.
//!
//! * [`field`], [`conversion`] and [`java`] say what each column becomes; nothing is called for that.
//! * [`stage`] turns pages into parts; [`job`] runs jobs; [`table`] knows the layout of tables.
//! * [`resume`] reads what earlier attempts recorded and finishes or removes it; [`kept`] takes over what they staged whole.
//!
//! A reader of the target sees the old rows or the new ones. Where one load job takes the rows as they are, it writes
//! the target itself; where the service may leave rows out, or the layout changes, a staging table is filled, counted
//! and copied.

mod catalog;
mod change;
mod choice;
mod conversion;
pub(super) mod failure;
mod field;
mod filling;
mod java;
mod job;
mod kept;
mod lanes;
mod limits;
mod local;
mod look;
mod parquet_type;
mod payload;
mod publish;
pub(super) mod reads;
mod ready;
mod rehearsal;
mod report;
mod resume;
pub(super) mod service;
mod stage;
mod table;
mod target;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use self::failure::call_failed;
use self::field::Field;
use self::filling::Filling;
use self::lanes::Parked;
pub use self::limits::Limits;
use self::local::LocalFile;
pub use self::local::LocalTarget;
use self::rehearsal::Rehearsal;
use self::report::Progress;
pub use self::report::transaction_report;
use self::resume::{Past, Recovered};
use self::service::Service;
use self::stage::Packer;
use self::table::{Fit, Layout};
use super::kept::Kept;
use super::trail::{KeptParts, Trail};
use super::{KeptRows, Output, OutputFigures};
use crate::cloud::google::Endpoints;
use crate::cloud::google::storage;
use crate::cloud::google::upload::{StopRule, Upload};
use crate::embulk::output::{
    BigqueryOutput, Creation, GcsStaging, GivenSchema, SourceFormat, UnknownValues, WriteMode,
};
use crate::transfer::context::TransferContext;
use crate::transfer::effect::{Effect, EffectOutcome, ReadRecord};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::{Lanes, Told};
use crate::transfer::page::{News, Page};
use crate::transfer::report::{Change, Reused};
use crate::transfer::schema::{Column, Schema};
use crate::transfer::target::ColumnTarget;

/// What staged rows are sent as: they are no text to be unpacked on the way.
const CONTENT_TYPE: &str = "application/octet-stream";

/// How rows become visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// A load job writes the target.
    Direct,
    /// Load jobs fill a staging table, which is copied.
    Staged,
}

/// A BigQuery table as the target of one transfer.
pub struct BigqueryTarget {
    service: Service,
    limits: Limits,
    work: Option<Work>,
    rows: u64,
    bytes: u64,
    /// The upload under way.
    upload: Option<Upload>,
    /// Objects begun, in order.
    objects: Vec<Effect>,
    /// Bytes of the object under way.
    part_bytes: u64,
    /// Rows of it.
    part_rows: u64,
    /// Its record, where it lies in a bucket.
    object: Option<Effect>,
    /// Whose rows are in it, by the number of the reader, and of which ranges.
    reader: usize,
    trail: Trail,
    /// What the rows of other readers fill.
    parked: BTreeMap<usize, Parked>,
    /// The set that the objects are parts of, where the source is read in ranges.
    parts: Option<String>,
    /// What an earlier attempt has staged whole.
    found_set: Option<Kept>,
    /// Else what it has staged of ranges.
    found_parts: Option<KeptParts>,
    /// A staging table that an earlier attempt began to fill.
    filling: Option<Filling>,
    /// The record of what is staged whole.
    set: Option<Effect>,
    /// Values that became something else when an earlier attempt staged them.
    kept_changes: Vec<Change>,
    staging: Option<Effect>,
    notes: Vec<String>,
    packed: Vec<u8>,
    /// The file that keeps what is sent, where one does.
    kept: Option<LocalFile>,
    progress: Progress,
}

/// What each column becomes, as far as the config decides it; a template table is not asked.
pub(super) fn targets(schema: &Schema, config: &BigqueryOutput) -> Result<Vec<ColumnTarget>, TransferError> {
    let fields = match &config.given_schema {
        Some(GivenSchema::File(given)) => field::fields_for(given, schema, config)?,
        Some(GivenSchema::Template(_)) | None => field::fields(schema, config)?,
    };
    target::targets(schema, config, &fields)
}

/// What `begin` found out.
struct Work {
    schema: Arc<Schema>,
    /// The columns of the rows, and what messages of the state call the zones of their wall clocks.
    columns: Vec<Column>,
    zones: String,
    /// What is packed of each column.
    packed_fields: Vec<Field>,
    /// The fields of the target, as the API takes them.
    fields: Vec<Value>,
    packer: Packer,
    rehearsal: Option<Rehearsal>,
    /// The table as it was found.
    found: Option<Value>,
    /// The same, where its columns and its layout are to be kept.
    existing: Option<Value>,
    layout: Layout,
    location: Option<String>,
    way: Way,
    try_number: u32,
    name: String,
}

impl BigqueryTarget {
    /// A target whose services are where the environment says. Nothing is called yet.
    pub fn new(config: &BigqueryOutput, context: &TransferContext) -> Result<Self, TransferError> {
        Self::at(config, context, Endpoints::from_environment(), Limits::default())
    }

    /// The same at given services, with given limits.
    pub fn at(
        config: &BigqueryOutput,
        context: &TransferContext,
        endpoints: Endpoints,
        limits: Limits,
    ) -> Result<Self, TransferError> {
        Ok(Self {
            service: Service::new(config, context, endpoints)?,
            limits,
            work: None,
            rows: 0,
            bytes: 0,
            upload: None,
            objects: Vec::new(),
            part_bytes: 0,
            part_rows: 0,
            object: None,
            reader: 0,
            trail: Trail::default(),
            parked: BTreeMap::new(),
            parts: None,
            found_set: None,
            found_parts: None,
            filling: None,
            set: None,
            kept_changes: Vec::new(),
            staging: None,
            notes: Vec::new(),
            packed: Vec::new(),
            kept: None,
            progress: Progress::new(config.progress_interval),
        })
    }

    /// The fields of the target as the API takes them, and what the columns become. A template table is asked for.
    fn fields(&self, schema: &Schema) -> Result<(Vec<Value>, Vec<Field>), TransferError> {
        let config = &self.service.config;
        let Some(given) = &config.given_schema else {
            let columns = field::fields(schema, config)?;
            return Ok((columns.iter().map(|column| column.schema.clone()).collect(), columns));
        };
        let given = self.service.given_fields(given)?;
        let columns = match config.payload {
            Some(_) => Vec::new(),
            None => field::fields_for(&given, schema, config)?,
        };
        Ok((given, columns))
    }

    fn past(&self) -> Result<Past, TransferError> {
        let context = &self.service.context;
        Ok(Past::read(&context.key, &context.ledger.recorded()?))
    }

    fn make_bucket(&self, location: Option<&str>) -> Result<(), TransferError> {
        let service = &self.service;
        let Some(GcsStaging { bucket, creation: Creation::IfMissing }) = &service.config.gcs else {
            return Ok(());
        };
        let what = format!("bucket `{}` could not be made", bucket.shown());
        let project = service.config.project.expose();
        service.wait(&what, service.storage.make_bucket(project, bucket.expose(), location))
    }

    /// Opens the upload that takes the next rows; without a bucket it carries a load job of this number.
    fn open_upload(&mut self, number: usize) -> Result<(), TransferError> {
        if let Some(gcs) = self.service.config.gcs.clone() {
            let work = self.work()?;
            let extension = stage::extension(&self.service.config);
            let object = format!("{}-{:06}{extension}", work.name, self.objects.len());
            let bucket = gcs.bucket.shown().to_owned();
            let effect = Effect::StageObject { bucket, object: object.clone() };
            self.service.context.ledger.intend(&effect)?;
            self.objects.push(effect.clone());
            self.object = Some(effect);
            let upload = self.service.storage.upload(gcs.bucket.expose(), &object, CONTENT_TYPE);
            self.upload = Some(upload.until(self.stop_rule()));
        } else {
            if self.work()?.way == Way::Staged {
                self.make_staging_table()?;
            }
            let plan = self.load_plan(number, &[])?;
            let reference = self.service.job(plan.id.clone(), plan.location.clone());
            let upload = self.service.bigquery.upload_job(&reference, &plan.configuration, CONTENT_TYPE);
            self.upload = Some(upload.until(self.stop_rule()));
        }
        self.part_bytes = 0;
        let config = &self.service.config;
        if let Some(files) = &config.kept {
            let part = self.objects.len().saturating_sub(1);
            self.kept = Some(LocalFile::of(config, files, &self.service.context, part)?);
        }
        Ok(())
    }

    /// Uploads stop waiting when the run wants to stop.
    fn stop_rule(&self) -> StopRule {
        let cancel = self.service.context.cancel.clone();
        Box::new(move || cancel.is_canceled())
    }

    /// Hands packed bytes to the upload.
    fn send(&mut self) -> Result<(), TransferError> {
        let Some(upload) = &mut self.upload else { return Ok(()) };
        let length = self.packed.len() as u64;
        self.limits.check_part(&self.service.config, self.part_bytes + length)?;
        if let Some(kept) = &mut self.kept {
            kept.write(&self.packed)?;
        }
        let what = format!("rows for `{}` could not be uploaded", self.service.shown);
        let cancel = &self.service.context.cancel;
        upload.write(&self.packed).map_err(|error| {
            if cancel.is_canceled() { TransferError::canceled() } else { call_failed(what, &error) }
        })?;
        self.packed.clear();
        self.bytes += length;
        self.part_bytes += length;
        Ok(())
    }

    /// Ends the object under way; it is whole in the bucket when this returns.
    fn end_object(&mut self) -> Result<(), TransferError> {
        self.end_part()?;
        let (Some(upload), Some(effect)) = (self.upload.take(), self.object.take()) else { return Ok(()) };
        let Effect::StageObject { object, .. } = &effect else { return Ok(()) };
        let what = format!("object `{object}` could not be staged");
        let cancel = &self.service.context.cancel;
        let uploaded = upload.finish().and_then(|uploaded| {
            storage::verify(&uploaded)?;
            Ok(uploaded)
        });
        let uploaded = uploaded.map_err(|error| {
            if cancel.is_canceled() { TransferError::canceled() } else { call_failed(what, &error) }
        })?;
        let staged = kept::staged(&uploaded, std::mem::take(&mut self.part_rows), self.cut_part());
        self.service.context.ledger.settle(&effect, &EffectOutcome::Staged(staged))?;
        Ok(())
    }

    /// Sends what ends the part under way.
    fn end_part(&mut self) -> Result<(), TransferError> {
        let shown = &self.service.shown;
        let packer = &mut self.work.as_mut().ok_or_else(not_begun)?.packer;
        packer.end_part(&mut self.packed).map_err(|error| unfit(shown, error))?;
        self.send()?;
        self.end_kept()
    }

    /// What is sent of the part under way is all of it.
    fn end_kept(&mut self) -> Result<(), TransferError> {
        self.kept.take().map_or(Ok(()), |mut kept| kept.end())
    }

    fn work(&self) -> Result<&Work, TransferError> {
        self.work.as_ref().ok_or_else(not_begun)
    }

    fn work_mut(&mut self) -> Result<&mut Work, TransferError> {
        self.work.as_mut().ok_or_else(not_begun)
    }
}

fn unfit(shown: &str, error: TransferError) -> TransferError {
    error.context(format!("a row does not fit into `{shown}`"))
}

fn not_begun() -> TransferError {
    TransferError::new(ErrorKind::Internal, "rows came before the target was begun")
}

/// Whether one load job may write the target: no row can be left out, nothing is done between, and the layout stays.
fn way(config: &BigqueryOutput, layout: &Layout, existing: Option<&Value>) -> Way {
    let tolerant = config.max_bad_records > 0
        || config.unknown_values == UnknownValues::Ignore
        || config.source_format == SourceFormat::Csv;
    let staged = match config.mode {
        WriteMode::AppendDirect { .. } => false,
        WriteMode::Append => tolerant || config.before_load.is_some(),
        WriteMode::Replace => tolerant || existing.is_some_and(|table| layout.fit(table) == Fit::Differs),
        WriteMode::ReplaceBackup { .. } | WriteMode::DeleteInAdvance | WriteMode::Merge { .. } => true,
    };
    if staged { Way::Staged } else { Way::Direct }
}

impl Output for BigqueryTarget {
    fn target(&self) -> String {
        format!("bigquery {}", self.service.shown.replacen(':', ".", 1))
    }

    fn memory_bytes(&self) -> usize {
        stage::memory_bytes(&self.service.config)
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn recover(&mut self) -> Result<Option<OutputFigures>, TransferError> {
        let past = self.past()?;
        let Recovered { figures, kept, parts, filling } = self.service.recover(past)?;
        (self.found_set, self.found_parts, self.filling) = (kept, parts, filling);
        if figures.is_some() {
            self.remove_ready();
        }
        Ok(figures)
    }

    fn resume(&mut self) -> Result<Option<(ReadRecord, Reused)>, TransferError> {
        self.take_kept()
    }

    fn seal(&mut self, read: &ReadRecord) -> Result<(), TransferError> {
        self.seal_objects(read)
    }

    fn begin(&mut self, schema: &Arc<Schema>) -> Result<(), TransferError> {
        // What cannot be converted is said before anything is asked.
        let (fields, columns) = self.fields(schema)?;
        self.service.config.source_format = choice::format(schema, &columns, &self.service.config);
        let service = &self.service;
        let config = &service.config;
        let packer = Packer::new(schema, &columns, config)?;
        let rehearsal = Rehearsal::wanted(schema, &columns, config)?;
        let try_number = match &self.filling {
            Some(filling) => filling.try_number,
            None => self.past()?.next_try,
        };
        let location = service.dataset_location()?;
        let plain = service.target.without_decorator();
        let found = service.wait(&service.unread(), service.bigquery.table(&plain))?;
        service.must_exist(found.as_ref())?;
        let made_anew = config.mode == WriteMode::DeleteInAdvance && service.decorator().is_none();
        let existing = found.clone().filter(|_| !made_anew);
        self.make_bucket(location.as_deref())?;
        self.service.remove_abandoned()?;
        let wanted = Layout::wanted(&service.config, service.decorator());
        let layout = match &existing {
            Some(existing) => wanted.or_of(existing),
            None => wanted,
        };
        let way = way(&service.config, &layout, existing.as_ref());
        let name = service.context.key.name(try_number);
        self.work = Some(Work {
            schema: Arc::clone(schema),
            columns: schema.columns.clone(),
            zones: schema.zones.mark(),
            packed_fields: columns,
            fields,
            packer,
            rehearsal,
            found,
            existing,
            layout,
            location,
            way,
            try_number,
            name,
        });
        self.merge_keys()?;
        Ok(())
    }

    fn write(&mut self, page: &Page) -> Result<(), TransferError> {
        if self.service.config.ready.is_some() {
            return Ok(());
        }
        if self.upload.is_none() {
            self.open_upload(0)?;
        }
        let shown = &self.service.shown;
        let packer = &mut self.work.as_mut().ok_or_else(not_begun)?.packer;
        packer.pack(page, &mut self.packed).map_err(|error| unfit(shown, error))?;
        self.rows += page.rows as u64;
        self.part_rows += page.rows as u64;
        self.send()?;
        if let Some(line) = self.progress.line(self.rows) {
            self.service.log(&line);
        }
        self.rehearse(page)?;
        if self.service.config.gcs.is_some() && self.part_bytes >= self.limits.part_bytes {
            self.end_object()?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<OutputFigures, TransferError> {
        let is_nothing = self.rows == 0 && self.service.config.ready.is_none();
        let loaded = if is_nothing { self.publish_nothing()? } else { self.publish()? };
        self.tidy_up();
        self.remove_ready();
        let notes = std::mem::take(&mut self.notes);
        Ok(OutputFigures { rows_sent: self.rows, rows_loaded: loaded, bytes: self.bytes, notes })
    }

    fn changes(&self) -> Vec<Change> {
        self.packed_changes()
    }

    fn lanes(&mut self) -> Result<Option<Lanes>, TransferError> {
        self.wanted_lanes()
    }

    fn divided(&mut self, told: Told) -> Result<Option<KeptRows>, TransferError> {
        self.take_division(told)
    }

    fn lane(&mut self, reader: usize, news: News, read: u64) -> Result<(), TransferError> {
        self.turn(reader, news, read)
    }

    fn abort(&mut self) {
        self.break_off();
        // What was found and not yet taken goes as well.
        if let Some(kept) = self.found_set.take() {
            self.set = Some(kept.effect());
            self.objects.extend(kept.objects.into_iter().map(|(effect, _)| effect));
        }
        if let Some(kept) = self.found_parts.take() {
            self.set = Some(kept.effect());
            self.objects.extend(kept.objects.into_iter().map(|(effect, _)| effect));
        }
        self.tidy_up();
    }

    fn suspend(&mut self) {
        self.break_off();
        self.tidy_up_but_kept();
    }
}

impl BigqueryTarget {
    /// Ends what is under way.
    fn break_off(&mut self) {
        self.cancel_uploads();
        if let Some(mut kept) = self.kept.take() {
            kept.remove();
        }
        if let (Some(work), Ok(past)) = (&self.work, self.past()) {
            self.service.stop_jobs(&past, work.try_number);
        }
    }
}
