//! What must be there before rows are sent: the dataset, the one for a backup, the fields of a template.

use serde_json::Value;

use super::service::Service;
use crate::cloud::google::bigquery::TableReference;
use crate::embulk::output::{Creation, GivenSchema, WriteMode};
use crate::transfer::error::{ErrorKind, TransferError};

impl Service {
    /// The dataset's location; the dataset, and that of a backup, is made when it may be.
    pub(super) fn dataset_location(&self) -> Result<Option<String>, TransferError> {
        let dataset = self.dataset_of(&self.target, None)?;
        if let Some(backup) = self.backup.as_ref().filter(|backup| backup.dataset != self.target.dataset) {
            // Who may read the table may read its backup.
            self.dataset_of(backup, Some(&dataset["access"]))?;
        }
        self.location_in(&dataset)
    }

    /// The location of jobs over a dataset: a job finds one in its own location only.
    pub(super) fn location_in(&self, dataset: &Value) -> Result<Option<String>, TransferError> {
        let own = dataset["location"].as_str();
        match (self.config.location.as_deref(), own) {
            (Some(wanted), Some(own)) if !wanted.eq_ignore_ascii_case(own) => {
                let TableReference { project, dataset, .. } = &self.target;
                let message = format!("dataset `{project}:{dataset}` is in `{own}`, not in `{wanted}`");
                let error = TransferError::new(ErrorKind::Config, message);
                Err(error.hint(format!("set `location: {own}`, or leave it out")))
            }
            (wanted, own) => Ok(wanted.or(own).map(str::to_owned)),
        }
    }

    fn dataset_of(&self, table: &TableReference, access: Option<&Value>) -> Result<Value, TransferError> {
        let TableReference { project, dataset, .. } = table;
        let shown = self.dataset_shown(table);
        let what = format!("dataset `{shown}` could not be read");
        if let Some(found) = self.existing_dataset(table)? {
            return Ok(found);
        }
        let made = format!("dataset `{shown}` could not be made");
        let location = self.config.location.as_deref();
        self.wait(&made, self.bigquery.make_dataset(project, dataset, location, access))?;
        Ok(self.wait(&what, self.bigquery.dataset(project, dataset))?.unwrap_or_default())
    }

    /// A dataset; none where it is not there and may be made.
    pub(super) fn existing_dataset(&self, table: &TableReference) -> Result<Option<Value>, TransferError> {
        let TableReference { project, dataset, .. } = table;
        let shown = self.dataset_shown(table);
        let what = format!("dataset `{shown}` could not be read");
        let found = self.wait(&what, self.bigquery.dataset(project, dataset))?;
        if found.is_none() && self.config.dataset_creation == Creation::Never {
            let error = TransferError::new(ErrorKind::NotFound, format!("dataset `{shown}` is not found"));
            return Err(error.hint("create it, or set `auto_create_dataset: true`"));
        }
        Ok(found)
    }

    /// The dataset of a table as messages show it.
    pub(super) fn dataset_shown(&self, table: &TableReference) -> String {
        format!("{}:{}", table.project, table.dataset)
    }

    /// What is said when the table cannot be read.
    pub(super) fn unread(&self) -> String {
        format!("table `{}` could not be read", self.shown)
    }

    /// A table that nobody makes must be there.
    pub(super) fn must_exist(&self, found: Option<&Value>) -> Result<(), TransferError> {
        if found.is_some() || self.config.mode != (WriteMode::AppendDirect { creation: Creation::Never }) {
            return Ok(());
        }
        let message = format!("table `{}` is not found", self.shown);
        Err(TransferError::new(ErrorKind::NotFound, message)
            .hint("create it, or leave `auto_create_table` out"))
    }

    /// The fields that the config gives.
    pub(super) fn given_fields(&self, given: &GivenSchema) -> Result<Vec<Value>, TransferError> {
        let template = match given {
            GivenSchema::File(fields) => return Ok(fields.clone()),
            GivenSchema::Template(table) => self.beside(table).without_decorator(),
        };
        let what = format!("template table `{template}` could not be read");
        let found = self.wait(&what, self.bigquery.table(&template))?;
        let fields = found.and_then(|mut table| table["schema"]["fields"].take().as_array().cloned());
        fields.ok_or_else(|| {
            let message = format!("template table `{template}` is not found");
            TransferError::new(ErrorKind::NotFound, message)
                .hint("`template_table` names a table in the dataset of the target")
        })
    }
}
