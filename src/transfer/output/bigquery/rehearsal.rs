//! `with_rehearsal`: the first rows are loaded into a table of their own while the others still come, so that a row
//! which does not fit is found after seconds and not after hours.

use std::sync::Arc;

use super::field::Field;
use super::job::{JobKind, JobPlan, Publishes};
use super::stage::Packer;
use super::{BigqueryTarget, CONTENT_TYPE, not_begun};
use crate::embulk::output::BigqueryOutput;
use crate::transfer::effect::EffectOutcome;
use crate::transfer::error::TransferError;
use crate::transfer::page::Page;
use crate::transfer::schema::Schema;

/// A rehearsal begins at so many bytes, however many rows it was to have.
pub(super) const MOST_BYTES: usize = 16 << 20;

/// Rows that are collected for the rehearsal.
pub(super) struct Rehearsal {
    packer: Packer,
    packed: Vec<u8>,
    rows: u64,
    wanted: u64,
}

impl Rehearsal {
    /// None where the config wants none.
    pub(super) fn wanted(
        schema: &Arc<Schema>,
        columns: &[Field],
        config: &BigqueryOutput,
    ) -> Result<Option<Self>, TransferError> {
        let Some(wanted) = config.rehearsal else { return Ok(None) };
        let packer = Packer::new(schema, columns, config)?;
        Ok(Some(Self { packer, packed: Vec::new(), rows: 0, wanted }))
    }

    /// Takes the rows of a page; whether there are enough now.
    fn take(&mut self, page: &Page) -> Result<bool, TransferError> {
        self.packer.pack(page, &mut self.packed)?;
        self.rows += page.rows as u64;
        Ok(self.rows >= self.wanted || self.packed.len() >= MOST_BYTES)
    }
}

impl BigqueryTarget {
    /// Hands the rows of a page to the rehearsal, which takes place once it has enough. Fewer rows have none.
    pub(super) fn rehearse(&mut self, page: &Page) -> Result<(), TransferError> {
        let work = self.work.as_mut().ok_or_else(not_begun)?;
        let Some(mut rehearsal) = work.rehearsal.take() else { return Ok(()) };
        if !rehearsal.take(page)? {
            work.rehearsal = Some(rehearsal);
            return Ok(());
        }
        rehearsal.packer.end_part(&mut rehearsal.packed)?;
        let rows = rehearsal.rows;
        self.service.log(&format!("Rehearsal started with {rows} rows"));
        let table = format!("{}_rehearsal", self.work()?.name);
        let effect = self.service.staged_table(&table);
        self.service.context.ledger.intend(&effect)?;
        let loaded = self.load_rehearsal(&table, &rehearsal);
        if let Err(error) = self.service.remove(&effect) {
            self.service.warn(&error.to_string());
        }
        loaded.map_err(|error| error.context(format!("the rehearsal with {rows} rows failed")))?;
        self.service.log("Rehearsal succeeded");
        Ok(())
    }

    fn load_rehearsal(&self, table: &str, rehearsal: &Rehearsal) -> Result<(), TransferError> {
        let (service, work) = (&self.service, self.work()?);
        let what = format!("rehearsal table `{table}` could not be made");
        let reference = service.beside(table);
        service.wait(&what, service.bigquery.make_table(&reference, self.staging_body()?))?;
        let plan = JobPlan {
            kind: JobKind::Load,
            id: format!("{table}_load"),
            location: work.location.clone(),
            configuration: self.plain_load(&reference)?,
            rows: rehearsal.rows,
            bytes: rehearsal.packed.len() as u64,
            publishes: Publishes::No,
            try_number: work.try_number,
            route: format!("rehearsal => {reference}"),
        };
        let job = service.job(plan.id.clone(), plan.location.clone());
        let upload = service.bigquery.upload_job(&job, &plan.configuration, CONTENT_TYPE);
        let mut upload = upload.until(self.stop_rule());
        upload.write(&rehearsal.packed).map_err(|error| {
            super::failure::call_failed(format!("rows for `{table}` could not be uploaded"), &error)
        })?;
        let done = service.end_upload(&plan, upload)?;
        Ok(service.context.ledger.settle(&done.effect, &EffectOutcome::Done)?)
    }
}
