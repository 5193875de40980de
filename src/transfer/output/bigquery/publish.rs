//! Making rows visible in one step: which jobs, over what, in which order.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::job::{DoneJob, JobKind, JobPlan, Publishes};
use super::report::transaction_report;
use super::resume::counts_differ;
use super::{BigqueryTarget, Way, choice, table};
use crate::cloud::google::bigquery::{TableReference, count};
use crate::embulk::output::{
    CountCheck, Creation, SchemaUpdate, SourceFormat, TextEncoding, UnknownValues, WriteMode,
};
use crate::transfer::effect::{Effect, EffectOutcome};
use crate::transfer::error::{ErrorKind, TransferError};

/// A staging table that nobody removed is gone after this, unless the config says otherwise.
const STAGING_LIFE: Duration = Duration::from_secs(24 * 3600);

impl BigqueryTarget {
    /// Publishes the rows that were sent; gives the rows that the service loaded, when it says so.
    pub(super) fn publish(&mut self) -> Result<Option<u64>, TransferError> {
        let staged_in_bucket = self.service.config.gcs.is_some();
        let ready = match &self.service.config.ready {
            Some(ready) => Some(self.ready_files(ready)?),
            None => None,
        };
        if staged_in_bucket {
            if self.upload.is_some() {
                self.end_object()?;
            }
            self.stage_ready(ready.as_deref().unwrap_or_default())?;
            if self.objects.len() > self.limits.objects_per_job {
                self.work_mut()?.way = Way::Staged;
            }
            if self.work()?.way == Way::Staged {
                self.make_staging_table()?;
            }
        }
        let done = match &ready {
            _ if staged_in_bucket => self.load_objects()?,
            Some(files) => self.upload_ready(files)?,
            None => vec![self.load_upload(0)?],
        };
        let mut loaded: Option<u64> = Some(0);
        for DoneJob { job, .. } in &done {
            loaded = loaded.zip(job.output_rows).map(|(sum, rows)| sum + rows);
        }
        if ready.is_some() {
            // Nobody but the service has counted the rows of those files.
            self.rows = loaded.unwrap_or_default();
        }
        match self.work()?.way {
            Way::Direct => {
                for DoneJob { job, effect } in &done {
                    self.service.check_counts(effect, self.rows, job)?;
                    self.service.context.ledger.settle(effect, &EffectOutcome::Done)?;
                }
                self.note_difference(loaded);
            }
            Way::Staged => {
                for DoneJob { effect, .. } in &done {
                    self.service.context.ledger.settle(effect, &EffectOutcome::Done)?;
                }
                loaded = self.staged_rows(loaded)?;
                self.count_before_publishing(loaded)?;
                self.change_target()?;
            }
        }
        Ok(loaded)
    }

    /// A source without rows: what replaces empties the target, the others only see to it that there is one.
    pub(super) fn publish_nothing(&mut self) -> Result<Option<u64>, TransferError> {
        let (found, made_anew) = (self.work()?.found.is_some(), self.work()?.existing.is_none());
        if found && made_anew {
            self.delete_target()?;
            self.work_mut()?.found = None;
        }
        let empties = self.service.config.mode.replaces() && !made_anew;
        if empties || self.service.backup.is_some() {
            self.make_staging_table()?;
            self.change_target()?;
        } else {
            self.make_target()?;
        }
        Ok(Some(0))
    }

    /// Loads the objects of the bucket, so many with each job.
    fn load_objects(&mut self) -> Result<Vec<DoneJob>, TransferError> {
        let bucket = self.service.config.gcs.as_ref().map_or("", |gcs| gcs.bucket.expose()).to_owned();
        let uris: Vec<Value> = self
            .objects
            .iter()
            .filter_map(|effect| match effect {
                Effect::StageObject { object, .. } => Some(json!(format!("gs://{bucket}/{object}"))),
                _ => None,
            })
            .collect();
        let mut done = Vec::new();
        for (number, uris) in uris.chunks(self.limits.objects_per_job.max(1)).enumerate() {
            let plan = self.load_plan(number, uris)?;
            done.push(self.service.run_job(&plan)?);
        }
        Ok(done)
    }

    /// Ends the upload that carries its job along.
    pub(super) fn load_upload(&mut self, number: usize) -> Result<DoneJob, TransferError> {
        self.end_part()?;
        let plan = self.load_plan(number, &[])?;
        let Some(upload) = self.upload.take() else {
            return Err(TransferError::new(ErrorKind::Internal, "there is no upload to end"));
        };
        self.service.end_upload(&plan, upload)
    }

    /// A load job over objects, or over what is uploaded with it.
    pub(super) fn load_plan(&self, number: usize, uris: &[Value]) -> Result<JobPlan, TransferError> {
        let work = self.work()?;
        let (id, publishes, to) = match work.way {
            Way::Direct => (work.name.clone(), Publishes::Yes, self.service.target.clone()),
            Way::Staged => (format!("{}_load_{number}", work.name), Publishes::No, self.staging_reference()?),
        };
        let from = match uris.len() {
            0 => "upload".to_owned(),
            _ => uris.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
        };
        Ok(JobPlan {
            kind: JobKind::Load,
            id,
            location: work.location.clone(),
            configuration: json!({"load": self.load_configuration(&to, uris)?}),
            rows: self.rows,
            bytes: self.bytes,
            publishes,
            try_number: work.try_number,
            route: format!("{from} => {}", self.service.shown),
        })
    }

    fn load_configuration(&self, to: &TableReference, uris: &[Value]) -> Result<Value, TransferError> {
        let (work, config) = (self.work()?, &self.service.config);
        let replaces = work.way == Way::Direct && config.mode.replaces();
        let made = config.mode != (WriteMode::AppendDirect { creation: Creation::Never });
        let mut load = json!({
            "destinationTable": to.to_json(),
            "schema": table::schema(&work.fields, work.existing.as_ref()),
            "createDisposition": if made || work.way == Way::Staged { "CREATE_IF_NEEDED" } else { "CREATE_NEVER" },
            "writeDisposition": if replaces { "WRITE_TRUNCATE" } else { "WRITE_APPEND" },
            "maxBadRecords": config.max_bad_records,
            "ignoreUnknownValues": config.unknown_values == UnknownValues::Ignore,
            "sourceFormat": config.source_format.api_name(),
        });
        match config.source_format {
            SourceFormat::Parquet if !work.fields.iter().all(has_plain_name) => {
                load["columnNameCharacterMap"] = json!("STRICT");
            }
            SourceFormat::Parquet => {}
            SourceFormat::Csv | SourceFormat::Jsonl => {
                let encoding = config.ready.as_ref().map_or(TextEncoding::Utf8, |_| config.encoding);
                load["encoding"] = json!(encoding.api_name());
            }
        }
        if config.source_format == SourceFormat::Csv {
            load["fieldDelimiter"] = json!(config.field_delimiter.to_string());
            // Quoted newlines are what a text with a line break becomes; refusing them would refuse the row.
            load["allowQuotedNewlines"] = json!(true);
        }
        if !uris.is_empty() {
            load["sourceUris"] = json!(uris);
        }
        if work.way == Way::Direct && to.table == self.service.target.table {
            for (name, part) in &work.layout.parts {
                load[name] = part.clone();
            }
            if let (None, Some(description)) = (&work.existing, &config.description) {
                load["destinationTableProperties"] = json!({"description": description});
            }
            // The service takes them also where one partition is replaced.
            let keeps_schema = !config.mode.replaces() || self.service.decorator().is_some();
            if keeps_schema && !config.schema_updates.is_empty() {
                let updates = config.schema_updates.iter().copied().map(SchemaUpdate::api_name);
                load["schemaUpdateOptions"] = json!(updates.collect::<Vec<_>>());
            }
        }
        Ok(load)
    }

    /// A load of uploaded rows into a table that is there for a while.
    pub(super) fn plain_load(&self, to: &TableReference) -> Result<Value, TransferError> {
        let mut load = self.load_configuration(to, &[])?;
        load["writeDisposition"] = json!("WRITE_APPEND");
        Ok(json!({"load": load}))
    }

    /// The body of a table that is gone after a while, should nobody remove it.
    pub(super) fn staging_body(&self) -> Result<Value, TransferError> {
        let life = self.service.config.staging_life.unwrap_or(STAGING_LIFE).as_millis();
        let life = i64::try_from(life).unwrap_or(i64::MAX);
        self.table_body(Some(Timestamp::now().as_millisecond().saturating_add(life)))
    }

    /// The body of a table to be made.
    pub(super) fn table_body(&self, expires: Option<i64>) -> Result<Value, TransferError> {
        let work = self.work()?;
        let mut body = json!({"schema": table::schema(&work.fields, work.existing.as_ref())});
        for (name, part) in &work.layout.parts {
            body[name] = part.clone();
        }
        if let Some(description) = &self.service.config.description {
            body["description"] = json!(description);
        }
        if let Some(at) = expires {
            body["expirationTime"] = json!(at.to_string());
        }
        Ok(body)
    }

    pub(super) fn make_staging_table(&mut self) -> Result<(), TransferError> {
        if self.staging.is_some() {
            return Ok(());
        }
        let body = self.staging_body()?;
        let table = self.work()?.name.clone();
        let effect = self.service.staged_table(&table);
        let keeps_schema = !self.service.config.mode.replaces() || self.service.decorator().is_some();
        if keeps_schema && !self.service.config.schema_updates.is_empty() {
            self.service.warn("`schema_update_options` do nothing where a staging table is copied");
        }
        self.service.context.ledger.intend(&effect)?;
        self.staging = Some(effect);
        let what = format!("staging table `{table}` could not be made");
        let reference = self.service.beside(&table);
        self.service.wait(&what, self.service.bigquery.make_table(&reference, body))
    }

    /// The staging table, with the partition of the target.
    pub(super) fn staging_reference(&self) -> Result<TableReference, TransferError> {
        let name = &self.work()?.name;
        let table = match self.service.decorator() {
            Some(partition) => format!("{name}${partition}"),
            None => name.clone(),
        };
        Ok(self.service.beside(&table))
    }

    /// Rows in the staging table: what the jobs said, else what the table says.
    fn staged_rows(&self, loaded: Option<u64>) -> Result<Option<u64>, TransferError> {
        if loaded.is_some() {
            return Ok(loaded);
        }
        let service = &self.service;
        let what = "the rows of the staging table could not be counted";
        let table = service.wait(what, service.bigquery.table(&self.staging_reference()?))?;
        Ok(table.and_then(|table| count(&table["numRows"])))
    }

    fn count_before_publishing(&mut self, loaded: Option<u64>) -> Result<(), TransferError> {
        let differs = loaded.filter(|loaded| *loaded != self.rows);
        match (differs, self.service.config.count_check) {
            (Some(loaded), CountCheck::Fail) => {
                self.service.log(&transaction_report(self.rows, loaded));
                Err(counts_differ(&self.service.shown, self.rows, loaded)
                    .hint("nothing was published; look at the warnings of the load job in the log"))
            }
            _ => {
                self.note_difference(loaded);
                Ok(())
            }
        }
    }

    fn note_difference(&mut self, loaded: Option<u64>) {
        match loaded {
            Some(loaded) if loaded != self.rows => {
                self.notes.push(counts_differ(&self.service.shown, self.rows, loaded).to_string());
            }
            Some(_) => {}
            None => self
                .notes
                .push(format!("`{}`: the service did not say how many rows it loaded", self.service.shown)),
        }
    }

    /// Removes what was staged. What cannot be removed is logged and stays recorded for the next attempt.
    pub(super) fn tidy_up(&mut self) {
        // First: what is no set any more is never taken for one, however far the rest comes.
        let staged = self.set.take().into_iter().chain(self.objects.drain(..)).chain(self.staging.take());
        for effect in staged.collect::<Vec<_>>() {
            if let Err(error) = self.service.remove(&effect) {
                self.service.warn(&error.to_string());
            }
        }
    }
}

/// Whether a field has a name that every project takes from Parquet.
fn has_plain_name(field: &Value) -> bool {
    field["name"].as_str().is_some_and(choice::is_plain)
}
