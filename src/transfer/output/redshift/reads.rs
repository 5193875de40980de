//! Who read the tables of a database: the scans that Redshift has on record.
//!
//! `SYS_QUERY_DETAIL` has a row for every step of the queries of provisioned clusters and of serverless workgroups, and
//! the system views keep seven days (Redshift: "System tables and views reference"). Users without the right to all rows
//! see their own alone, which would make every table look unused: they are refused. A swap gives a table another number
//! each night, so scans go by the name that was scanned as well; those of our staging tables are none of the target's.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::RedshiftTarget;
use super::failure::during;
use crate::embulk::output::RedshiftOutput;
use crate::transfer::context::TransferContext;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::postgres::session::Session;
use crate::transfer::output::reads::{Records, TableRecord, Warehouse};

/// No row of the system views is kept longer.
const HISTORY: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What the names of our staging tables begin with.
const STAGING: &str = "sync_";

/// What could not be had, should a statement fail.
const UNREAD: &str = "the scans on record could not be read";

/// The tables of a database, asked for as the user of one output.
pub(in crate::transfer::output) struct RedshiftWarehouse {
    target: RedshiftTarget,
    /// `redshift <database>`
    name: String,
}

/// A scan on record, the last one of a name and number.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Scan {
    /// In small letters, perhaps with schema and database before it.
    name: String,
    table_id: String,
    at: Timestamp,
}

impl RedshiftWarehouse {
    /// Nothing is called yet.
    pub(in crate::transfer::output) fn new(config: &RedshiftOutput, context: &TransferContext) -> Self {
        Self {
            target: RedshiftTarget::new(config, context),
            name: format!("redshift {}", config.database.shown()),
        }
    }
}

impl Warehouse for RedshiftWarehouse {
    fn name(&self) -> &str {
        &self.name
    }

    fn address(&self) -> String {
        self.target.address()
    }

    fn table(&self, target: &str) -> Option<String> {
        target.strip_prefix(self.name.as_str())?.strip_prefix('.').map(str::to_owned)
    }

    fn records(&self, tables: &[String]) -> Result<Records, TransferError> {
        let (session, _) = self.target.connect()?;
        let records = records(&session, tables, Timestamp::now());
        session.close();
        records
    }
}

fn records(session: &Session, tables: &[String], now: Timestamp) -> Result<Records, TransferError> {
    sees_all(session)?;
    let (scans, numbers) = (scans(session)?, numbers(session)?);
    let mut found = Vec::with_capacity(tables.len());
    for table in tables {
        // The schema has no dot; a table's name may.
        let (schema, name) = table.split_once('.').unwrap_or(("public", table));
        let id = numbers.get(&(schema.to_lowercase(), name.to_lowercase())).map(String::as_str);
        let last_read = last_read(&scans, (schema, name), id);
        found.push(TableRecord { exists: id.is_some(), last_read, ..TableRecord::default() });
    }
    Ok(Records {
        since: since(session, now)?,
        scope: "scans by queries, with those of `mode: merge` and of DELETE and UPDATE; of a datashare's consumers \
                and of queries that the result cache answers there are none"
            .to_owned(),
        tables: found,
    })
}

/// Whether the user sees the queries of everybody.
fn sees_all(session: &Session) -> Result<(), TransferError> {
    let is_super = "SELECT 1 FROM pg_catalog.pg_user WHERE usename = current_user AND usesuper";
    let is_super = session.texts(is_super).map_err(|trouble| during(trouble, UNREAD))?;
    // A view of newer versions; who may not read it has no more than the first question told.
    let sees =
        "SELECT 1 FROM svv_user_info WHERE user_name = current_user AND syslog_access = 'UNRESTRICTED'";
    if !is_super.is_empty() || session.texts(sees).is_ok_and(|rows| !rows.is_empty()) {
        return Ok(());
    }
    Err(TransferError::new(ErrorKind::Permission, "the user sees its own queries only")
        .hint("an administrator allows it the others': `ALTER USER name SYSLOG ACCESS UNRESTRICTED`"))
}

/// Since when steps are on record: a cluster that is new, or was made anew, has less than seven days.
fn since(session: &Session, now: Timestamp) -> Result<Timestamp, TransferError> {
    let sql = "SELECT CAST(EXTRACT(epoch FROM MIN(start_time)) AS BIGINT) FROM sys_query_detail";
    let first = session.texts(sql).map_err(|trouble| during(trouble, UNREAD))?;
    let first = first.first().and_then(|text| instant(text));
    let kept = now.saturating_sub(HISTORY).unwrap_or(Timestamp::UNIX_EPOCH);
    Ok(first.map_or(now, |first| first.max(kept)))
}

fn scans(session: &Session) -> Result<Vec<Scan>, TransferError> {
    let sql = "SELECT LOWER(TRIM(table_name)), CAST(table_id AS VARCHAR), \
               CAST(EXTRACT(epoch FROM MAX(start_time)) AS BIGINT) \
               FROM sys_query_detail WHERE step_name = 'scan' AND table_id > 0 GROUP BY 1, 2";
    let rows = session.rows(sql).map_err(|trouble| during(trouble, UNREAD))?;
    Ok(rows.into_iter().filter_map(scan).collect())
}

fn scan(row: Vec<Option<String>>) -> Option<Scan> {
    let mut cells = row.into_iter();
    let (name, table_id, at) = (cells.next()??, cells.next()??, cells.next()??);
    Some(Scan { name, table_id, at: instant(&at)? })
}

/// The numbers of all tables in the catalog, by schema and name in small letters.
fn numbers(session: &Session) -> Result<HashMap<(String, String), String>, TransferError> {
    let sql = "SELECT LOWER(n.nspname), LOWER(c.relname), CAST(c.oid AS VARCHAR) FROM pg_catalog.pg_class c \
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p')";
    let rows = session.rows(sql).map_err(|trouble| during(trouble, "the tables could not be listed"))?;
    let number = |row: Vec<Option<String>>| {
        let mut cells = row.into_iter();
        Some(((cells.next()??, cells.next()??), cells.next()??))
    };
    Ok(rows.into_iter().filter_map(number).collect())
}

/// The last scan of a table, by its number of today or by its name, whatever stands before the name on record.
fn last_read(scans: &[Scan], (schema, table): (&str, &str), id: Option<&str>) -> Option<Timestamp> {
    let (schema, table) = (schema.to_lowercase(), table.to_lowercase());
    let is_read = |scan: &&Scan| {
        let Some(before) = scan.name.strip_suffix(&table) else {
            let own = scan.name.rsplit('.').next().unwrap_or_default();
            return id == Some(scan.table_id.as_str()) && !own.starts_with(STAGING);
        };
        // Nothing, `schema.` or `database.schema.`
        before.is_empty()
            || before.strip_suffix('.').is_some_and(|of| of.rsplit('.').next() == Some(schema.as_str()))
    };
    scans.iter().filter(is_read).map(|scan| scan.at).max()
}

fn instant(seconds: &str) -> Option<Timestamp> {
    Timestamp::from_second(seconds.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_is_a_read_of_the_table_that_it_names() {
        let scan = |name: &str, table_id: &str, second| Scan {
            name: name.to_owned(),
            table_id: table_id.to_owned(),
            at: Timestamp::from_second(second).expect("a time"),
        };
        for (name, table_id, expected) in [
            ("orders", "1", true),
            ("lake.orders", "1", true),
            ("dev.lake.orders", "1", true),
            ("other.orders", "1", false),
            ("dev.other.orders", "1", false),
            ("all_orders", "1", false),
            // Renamed since, by hand.
            ("orders_new", "7", true),
            // The rows were counted before the swap.
            ("sync_0123abcd_1", "7", false),
            ("dev.lake.sync_0123abcd_1", "7", false),
        ] {
            let found = last_read(&[scan(name, table_id, 5)], ("Lake", "Orders"), Some("7"));
            assert_eq!(found.is_some(), expected, "{name}");
        }
        let scans = [scan("orders", "1", 5), scan("orders", "2", 9), scan("orders", "3", 7)];
        assert_eq!(last_read(&scans, ("lake", "orders"), None).map(Timestamp::as_second), Some(9));
    }
}
