//! What BigQuery and the bucket say of themselves before a run. Only reading calls.

use std::sync::Arc;

use serde_json::Value;

use super::table::{Fit, Layout};
use super::{BigqueryTarget, target};
use crate::embulk::output::{Creation, FieldType, SchemaUpdate, WriteMode};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::output::look::{Looked, Weight};
use crate::transfer::schema::Schema;

impl BigqueryTarget {
    /// Whether dataset, table and bucket are there and take the rows.
    pub(in crate::transfer::output) fn look(
        &self,
        schema: Option<&Arc<Schema>>,
    ) -> Result<Looked, TransferError> {
        let service = &self.service;
        let mut looked = Looked::default();
        self.look_at_bucket(&mut looked);
        let Some(dataset) = service.existing_dataset(&service.target)? else {
            let message = format!("dataset `{}` is made by the run", service.dataset_shown(&service.target));
            looked.add(Weight::Note, TransferError::new(ErrorKind::NotFound, message));
            return Ok(looked);
        };
        looked.check(service.location_in(&dataset).map(drop));
        if let Some(backup) = &service.backup {
            looked.check(service.existing_dataset(backup).map(drop));
        }
        let table = service.target.without_decorator();
        let found = service.wait(&service.unread(), service.bigquery.table(&table))?;
        looked.check(service.must_exist(found.as_ref()));
        if let Some(schema) = schema {
            let (given, columns) = self.fields(schema)?;
            looked.targets = Some(target::targets(schema, &service.config, &columns)?);
            if let Some(found) = &found {
                self.compare(&given, found, &mut looked);
            }
        }
        Ok(looked)
    }

    fn look_at_bucket(&self, looked: &mut Looked) {
        let service = &self.service;
        let Some(gcs) = &service.config.gcs else { return };
        let call = async { Ok(service.storage.lacks_bucket(gcs.bucket.expose()).await) };
        let lacks = service.wait("", call).unwrap_or(false);
        if lacks && gcs.creation == Creation::Never {
            let message = format!("bucket `{}` is not found", gcs.bucket.shown());
            let error = TransferError::new(ErrorKind::NotFound, message);
            looked.add(Weight::Error, error.hint("make it, or leave `auto_create_gcs_bucket: false` out"));
        }
    }

    /// The fields of the rows against those of the table.
    fn compare(&self, fields: &[Value], found: &Value, looked: &mut Looked) {
        let (config, shown) = (&self.service.config, &self.service.shown);
        let existing = found["schema"]["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
        let replaces = config.mode.replaces() && self.service.decorator().is_none();
        if replaces
            && Layout::wanted(config, None).or_of(found).fit_of_partitions(found) == Fit::Differs
            && config.mode != WriteMode::DeleteInAdvance
        {
            let message = format!(
                "table `{shown}` is partitioned otherwise: it is deleted just before its new rows come"
            );
            looked.add(Weight::Warning, TransferError::new(ErrorKind::Config, message));
        }
        let allows = |update| replaces || config.schema_updates.contains(&update);
        let (mut added, mut gone) = (Vec::new(), Vec::new());
        let (mut changes, mut misfits) = (Vec::new(), Vec::new());
        for field in fields {
            let name = field["name"].as_str().unwrap_or_default();
            let known = existing.iter().find(|known| has_name(known, name));
            match known.map(|known| (kind_of(known), kind_of(field))) {
                None if allows(SchemaUpdate::FieldAddition) => added.push(format!("`{name}`")),
                None => misfits.push(format!("it has no column `{name}`")),
                Some((old, new)) if old == new => {}
                Some((old, new)) if replaces => changes.push(format!("`{name}` becomes {new} from {old}")),
                Some((old, new)) => misfits.push(format!("`{name}` is {old} there and {new} in the rows")),
            }
        }
        for known in existing {
            let name = known["name"].as_str().unwrap_or_default();
            match fields.iter().any(|field| has_name(field, name)) {
                true => {}
                false if replaces => gone.push(format!("`{name}`")),
                false if known["mode"] == "REQUIRED" => {
                    misfits.push(format!("`{name}` is required there and not in the rows"));
                }
                false => {}
            }
        }
        for (what, names) in [("it gets", added), ("it loses", gone)] {
            if !names.is_empty() {
                changes.push(format!("{what} {}", names.join(", ")));
            }
        }
        if !changes.is_empty() {
            let message = format!("table `{shown}` changes: {}", changes.join("; "));
            looked.add(Weight::Note, TransferError::new(ErrorKind::Config, message));
        }
        if !misfits.is_empty() {
            let message = format!("table `{shown}` does not take the rows: {}", misfits.join("; "));
            let error = TransferError::new(ErrorKind::Config, message);
            looked.add(Weight::Error, error.hint("change the columns in `column_options`, or the table"));
        }
    }
}

fn has_name(field: &Value, name: &str) -> bool {
    field["name"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(name))
}

/// The type of a field, by the first of its names.
fn kind_of(field: &Value) -> &str {
    let word = field["type"].as_str().unwrap_or_default();
    let known = FieldType::NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
    known.map_or(word, |(_, kind)| kind.api_name())
}
