//! How the rows of a staging table come into the target: by a copy, after a backup, a query or a deletion where the
//! mode wants one, or by a MERGE.

use serde_json::{Value, json};

use super::BigqueryTarget;
use super::job::{JobKind, JobPlan, Publishes};
use super::table::Fit;
use crate::cloud::google::bigquery::TableReference;
use crate::embulk::output::WriteMode;
use crate::transfer::effect::EffectOutcome;
use crate::transfer::error::{ErrorKind, TransferError};

impl BigqueryTarget {
    /// Publishes what the staging table holds.
    pub(super) fn change_target(&mut self) -> Result<(), TransferError> {
        if self.service.config.mode.is_merge() {
            self.make_target()?;
            return self.merge();
        }
        if self.service.backup.is_some() {
            // The plugin makes the table before it copies it.
            self.make_target()?;
            self.back_up()?;
        }
        self.run_before_load()?;
        if self.service.decorator().is_some() {
            self.make_target()?;
        }
        if !self.deletes_target()? {
            return self.copy_staging_table();
        }
        self.delete_target()?;
        self.copy_staging_table().map_err(|error| {
            let shown = &self.service.shown;
            error.context(format!("table `{shown}` was deleted, and its new rows could not take its place"))
        })
    }

    /// Makes the target unless it is there.
    pub(super) fn make_target(&self) -> Result<(), TransferError> {
        if self.work()?.found.is_some() {
            return Ok(());
        }
        let table = self.service.target.without_decorator();
        let what = format!("table `{}` could not be made", self.service.shown);
        self.service.wait(&what, self.service.bigquery.make_table(&table, self.table_body(None)?))
    }

    /// Whether the table must go first: because the mode says so, or since no job changes how a table is partitioned.
    fn deletes_target(&self) -> Result<bool, TransferError> {
        let (work, mode) = (self.work()?, &self.service.config.mode);
        let Some(found) = work.found.as_ref().filter(|_| self.service.decorator().is_none()) else {
            return Ok(false);
        };
        let differs = mode.replaces() && work.layout.fit_of_partitions(found) == Fit::Differs;
        Ok(*mode == WriteMode::DeleteInAdvance || differs)
    }

    pub(super) fn delete_target(&self) -> Result<(), TransferError> {
        let what = format!("table `{}` could not be deleted", self.service.shown);
        self.service.wait(&what, self.service.bigquery.delete_table(&self.service.target.without_decorator()))
    }

    /// `replace_backup`: the table as it is, copied beside.
    pub(super) fn back_up(&self) -> Result<(), TransferError> {
        let Some(backup) = &self.service.backup else { return Ok(()) };
        let from = &self.service.target;
        let plan = JobPlan {
            route: format!("{} => {backup}", self.service.shown),
            ..self.plan(JobKind::Copy, "backup", copy(from, backup, "WRITE_TRUNCATE"), Publishes::No)?
        };
        self.run(&plan)
    }

    fn run_before_load(&self) -> Result<(), TransferError> {
        let Some(sql) = &self.service.config.before_load else { return Ok(()) };
        let plan = JobPlan {
            route: "before_load".to_owned(),
            ..self.plan(JobKind::Query, "before_load", query(sql), Publishes::No)?
        };
        self.run(&plan).map_err(|error| error.context("`before_load` failed, nothing was added"))
    }

    fn copy_staging_table(&self) -> Result<(), TransferError> {
        let from = self.staging_reference()?;
        let disposition = if self.service.config.mode.replaces() { "WRITE_TRUNCATE" } else { "WRITE_APPEND" };
        let configuration = copy(&from, &self.service.target, disposition);
        let plan = self.plan(JobKind::Copy, "publish", configuration, Publishes::Yes)?;
        self.run(&JobPlan { route: format!("{} => {}", from.table, self.service.shown), ..plan })
    }

    fn merge(&self) -> Result<(), TransferError> {
        let from = self.staging_reference()?;
        let configuration = query(&self.merge_sql(&from)?);
        let plan = self.plan(JobKind::Query, "publish", configuration, Publishes::Yes)?;
        self.run(&JobPlan { route: format!("{} => {}", from.table, self.service.shown), ..plan })
    }

    fn merge_sql(&self, from: &TableReference) -> Result<String, TransferError> {
        let WriteMode::Merge { rule, .. } = &self.service.config.mode else { return Ok(String::new()) };
        let columns: Vec<&str> =
            self.work()?.fields.iter().filter_map(|field| field["name"].as_str()).collect();
        Ok(merge_sql(&self.service.target, from, &columns, &self.merge_keys()?, rule))
    }

    /// `merge_keys`, else the primary key of the table. Called before rows are sent, too.
    pub(super) fn merge_keys(&self) -> Result<Vec<String>, TransferError> {
        let WriteMode::Merge { keys, .. } = &self.service.config.mode else { return Ok(Vec::new()) };
        let work = self.work()?;
        let names = |list: &Value| -> Vec<String> {
            list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let found = work.found.as_ref();
        let keys = match keys.is_empty() {
            true => found
                .map_or_else(Vec::new, |table| names(&table["tableConstraints"]["primaryKey"]["columns"])),
            false => keys.clone(),
        };
        let refuse = |message: String| Err(TransferError::new(ErrorKind::Config, message));
        if keys.is_empty() {
            let shown = &self.service.shown;
            let error =
                refuse(format!("`mode: merge` has no `merge_keys`, and table `{shown}` no primary key"));
            return error
                .map_err(|error| error.hint("name the columns that tell rows apart in `merge_keys`"));
        }
        let is_column = |key: &&String| work.fields.iter().any(|field| field["name"] == key.as_str());
        if let Some(missing) = keys.iter().find(|key| !is_column(key)) {
            return refuse(format!("`{missing}` is a key of the merge, but no column"));
        }
        Ok(keys)
    }

    fn plan(
        &self,
        kind: JobKind,
        suffix: &str,
        configuration: Value,
        publishes: Publishes,
    ) -> Result<JobPlan, TransferError> {
        let work = self.work()?;
        Ok(JobPlan {
            kind,
            id: format!("{}_{suffix}", work.name),
            location: work.location.clone(),
            configuration,
            rows: self.rows,
            bytes: self.bytes,
            publishes,
            try_number: work.try_number,
            route: String::new(),
        })
    }

    fn run(&self, plan: &JobPlan) -> Result<(), TransferError> {
        let done = self.service.run_job(plan)?;
        Ok(self.service.context.ledger.settle(&done.effect, &EffectOutcome::Done)?)
    }
}

fn copy(from: &TableReference, to: &TableReference, disposition: &str) -> Value {
    json!({"copy": {
        "sourceTable": from.to_json(),
        "destinationTable": to.to_json(),
        "createDisposition": "CREATE_IF_NEEDED",
        "writeDisposition": disposition,
    }})
}

fn query(sql: &str) -> Value {
    json!({"query": {"query": sql, "useLegacySql": false}})
}

/// `T` is the target, `S` the new rows: names that a `merge_rule` may use.
fn merge_sql(
    target: &TableReference,
    from: &TableReference,
    columns: &[&str],
    keys: &[String],
    rule: &[String],
) -> String {
    let quoted = |name: &str| format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"));
    let table =
        |table: &TableReference| quoted(&format!("{}.{}.{}", table.project, table.dataset, table.table));
    let list = |parts: Vec<String>, between: &str| parts.join(between);
    let is_key = |column: &&&str| keys.iter().any(|key| key == **column);
    let on = keys.iter().map(|key| format!("T.{0} = S.{0}", quoted(key))).collect();
    let set = match rule {
        [] => columns
            .iter()
            .filter(|column| !is_key(column))
            .map(|column| format!("{0} = S.{0}", quoted(column)))
            .collect(),
        rule => rule.to_vec(),
    };
    let update = match set.is_empty() {
        true => String::new(),
        false => format!(" WHEN MATCHED THEN UPDATE SET {}", list(set, ", ")),
    };
    let names = columns.iter().map(|column| quoted(column)).collect();
    let values = columns.iter().map(|column| format!("S.{}", quoted(column))).collect();
    format!(
        "MERGE {} T USING {} S ON {}{update} WHEN NOT MATCHED THEN INSERT ({}) VALUES ({})",
        table(target),
        table(from),
        list(on, " AND "),
        list(names, ", "),
        list(values, ", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(table: &str) -> TableReference {
        TableReference { project: "p-1".to_owned(), dataset: "d".to_owned(), table: table.to_owned() }
    }

    #[test]
    fn rows_of_the_same_key_are_updated_and_others_are_added() {
        let keys = ["id".to_owned(), "day".to_owned()];
        let sql = |columns: &[&str], rule: &[String]| {
            merge_sql(&reference("t"), &reference("s"), columns, &keys, rule)
        };
        assert_eq!(
            sql(&["id", "day", "n"], &[]),
            "MERGE `p-1.d.t` T USING `p-1.d.s` S ON T.`id` = S.`id` AND T.`day` = S.`day` \
             WHEN MATCHED THEN UPDATE SET `n` = S.`n` \
             WHEN NOT MATCHED THEN INSERT (`id`, `day`, `n`) VALUES (S.`id`, S.`day`, S.`n`)"
        );
        let rule = ["n = T.n + S.n".to_owned()];
        assert!(sql(&["id", "day", "n"], &rule).contains(" THEN UPDATE SET n = T.n + S.n WHEN NOT"));
        assert!(!sql(&["id", "day"], &[]).contains("WHEN MATCHED"), "keys alone leave nothing to set");
    }
}
