//! Making rows visible in one step: which jobs, over what, in which order.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::job::{DoneJob, JobKind, JobPlan, Publishes};
use super::resume::counts_differ;
use super::table;
use super::{BigqueryTarget, Way};
use crate::cloud::google::bigquery::{Job, TableReference, count};
use crate::embulk::output::{CountCheck, SchemaUpdate, SourceFormat, UnknownValues, WriteMode};
use crate::transfer::effect::{Effect, EffectOutcome};
use crate::transfer::error::{ErrorKind, TransferError};

/// A staging table that nobody removed is gone after this.
const STAGING_LIFE_MS: i64 = 24 * 3600 * 1000;

impl BigqueryTarget {
    /// Publishes the rows that were sent; gives the rows that the service loaded, when it says so.
    pub(super) fn publish(&mut self) -> Result<Option<u64>, TransferError> {
        let staged_in_bucket = self.service.config.gcs.is_some();
        if staged_in_bucket {
            if self.upload.is_some() {
                self.end_object()?;
            }
            if self.objects.len() > self.limits.objects_per_job {
                self.work_mut()?.way = Way::Staged;
            }
            if self.work()?.way == Way::Staged {
                self.make_staging_table()?;
            }
        }
        let done = if staged_in_bucket { self.load_objects()? } else { vec![self.load_upload()?] };
        let mut loaded: Option<u64> = Some(0);
        for DoneJob { job, .. } in &done {
            loaded = loaded.zip(job.output_rows).map(|(sum, rows)| sum + rows);
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
                self.copy_staging_table()?;
            }
        }
        Ok(loaded)
    }

    /// A source without rows: `replace` empties the target, `append` only sees to it that there is one.
    pub(super) fn publish_nothing(&mut self) -> Result<Option<u64>, TransferError> {
        let exists = self.work()?.existing.is_some();
        if !exists {
            let body = self.table_body(None)?;
            let table = self.service.target.without_decorator();
            let what = format!("table `{}` could not be made", self.service.shown);
            self.service.wait(&what, self.service.bigquery.make_table(&table, body))?;
        } else if self.service.config.mode == WriteMode::Replace {
            self.make_staging_table()?;
            self.copy_staging_table()?;
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

    /// Ends the upload that carries its job along. The job is recorded before its last byte goes out: then it is there.
    fn load_upload(&mut self) -> Result<DoneJob, TransferError> {
        let mut packed = std::mem::take(&mut self.packed);
        self.work_mut()?.packer.end_part(&mut packed)?;
        self.packed = packed;
        self.send()?;
        let plan = self.load_plan(0, &[])?;
        let service = &self.service;
        let effect = plan.effect(service, &plan.id);
        service.context.ledger.intend(&effect)?;
        service.announce(&plan, &plan.id);
        let reference = service.job(plan.id.clone(), plan.location.clone());
        let Some(upload) = self.upload.take() else {
            return Err(TransferError::new(ErrorKind::Internal, "there is no upload to end"));
        };
        let cancel = &service.context.cancel;
        let first = match upload.finish() {
            Ok(uploaded) => Some(Job::read(&uploaded.resource)),
            // The last byte may have arrived although its answer did not.
            Err(_) if cancel.is_canceled() => return Err(TransferError::canceled()),
            Err(error) => {
                let what = format!("rows for `{}` could not be uploaded", service.shown);
                let error = super::failure::call_failed(what, &error);
                match service.wait("the job could not be asked for", service.bigquery.job(&reference))? {
                    Some(job) => Some(job),
                    None => {
                        let outcome = EffectOutcome::Failed { message: error.to_string() };
                        service.context.ledger.settle(&effect, &outcome)?;
                        return Err(error);
                    }
                }
            }
        };
        let job = service.watch(JobKind::Load, &reference, first)?;
        let job = service.judge(JobKind::Load, &reference, &effect, job)?;
        Ok(DoneJob { job, effect })
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
        let replaces = work.way == Way::Direct && config.mode == WriteMode::Replace;
        let mut load = json!({
            "destinationTable": to.to_json(),
            "schema": table::schema(&work.fields, work.existing.as_ref()),
            "createDisposition": "CREATE_IF_NEEDED",
            "writeDisposition": if replaces { "WRITE_TRUNCATE" } else { "WRITE_APPEND" },
            "maxBadRecords": config.max_bad_records,
            "ignoreUnknownValues": config.unknown_values == UnknownValues::Ignore,
            "sourceFormat": match config.source_format {
                SourceFormat::Csv => "CSV",
                SourceFormat::Jsonl => "NEWLINE_DELIMITED_JSON",
                SourceFormat::Parquet => "PARQUET",
            },
        });
        if config.source_format != SourceFormat::Parquet {
            load["encoding"] = json!("UTF-8");
        }
        if config.source_format == SourceFormat::Csv {
            load["fieldDelimiter"] = json!(",");
            // Quoted newlines are what a text with a line break becomes; refusing them would refuse the row.
            load["allowQuotedNewlines"] = json!(true);
        }
        if !uris.is_empty() {
            load["sourceUris"] = json!(uris);
        }
        if work.way == Way::Direct {
            for (name, part) in &work.layout.parts {
                load[name] = part.clone();
            }
            if let (None, Some(description)) = (&work.existing, &config.description) {
                load["destinationTableProperties"] = json!({"description": description});
            }
            if config.mode == WriteMode::Append && !config.schema_updates.is_empty() {
                let updates = config.schema_updates.iter().copied().map(SchemaUpdate::api_name);
                load["schemaUpdateOptions"] = json!(updates.collect::<Vec<_>>());
            }
        }
        Ok(load)
    }

    /// The body of a table to be made.
    fn table_body(&self, expires: Option<i64>) -> Result<Value, TransferError> {
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
        let body = self.table_body(Some(Timestamp::now().as_millisecond() + STAGING_LIFE_MS))?;
        let config = &self.service.config;
        let table = self.work()?.name.clone();
        let effect = Effect::StageTable {
            project: config.destination_project.shown().to_owned(),
            dataset: config.dataset.shown().to_owned(),
            table: table.clone(),
        };
        if !config.schema_updates.is_empty() {
            self.service.warn("`schema_update_options` do nothing where a staging table is copied");
        }
        self.service.context.ledger.intend(&effect)?;
        self.staging = Some(effect);
        let what = format!("staging table `{table}` could not be made");
        let reference = self.service.beside(&table);
        self.service.wait(&what, self.service.bigquery.make_table(&reference, body))
    }

    /// The staging table, with the partition of the target.
    fn staging_reference(&self) -> Result<TableReference, TransferError> {
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
            (Some(loaded), CountCheck::Fail) => Err(counts_differ(&self.service.shown, self.rows, loaded)
                .hint("nothing was published; look at the warnings of the load job in the log")),
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

    fn copy_staging_table(&mut self) -> Result<(), TransferError> {
        let (from, work) = (self.staging_reference()?, self.work()?);
        if self.service.decorator().is_some() && work.existing.is_none() {
            let table = self.service.target.without_decorator();
            let what = format!("table `{}` could not be made", self.service.shown);
            self.service.wait(&what, self.service.bigquery.make_table(&table, self.table_body(None)?))?;
        }
        let disposition = match self.service.config.mode {
            WriteMode::Append => "WRITE_APPEND",
            WriteMode::Replace => "WRITE_TRUNCATE",
        };
        let plan = JobPlan {
            kind: JobKind::Copy,
            id: format!("{}_publish", work.name),
            location: work.location.clone(),
            configuration: json!({"copy": {
                "sourceTable": from.to_json(),
                "destinationTable": self.service.target.to_json(),
                "createDisposition": "CREATE_IF_NEEDED",
                "writeDisposition": disposition,
            }}),
            rows: self.rows,
            bytes: self.bytes,
            publishes: Publishes::Yes,
            try_number: work.try_number,
            route: format!("{} => {}", from.table, self.service.shown),
        };
        let done = self.service.run_job(&plan)?;
        Ok(self.service.context.ledger.settle(&done.effect, &EffectOutcome::Done)?)
    }

    /// Removes what was staged. What cannot be removed is logged and stays recorded for the next attempt.
    pub(super) fn tidy_up(&mut self) {
        let staged = self.objects.drain(..).chain(self.staging.take());
        for effect in staged.collect::<Vec<_>>() {
            if let Err(error) = self.service.remove(&effect) {
                self.service.warn(&error.to_string());
            }
        }
    }
}
