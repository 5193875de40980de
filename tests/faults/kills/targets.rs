//! What must be in the targets in the end, and what must not.

use std::collections::{BTreeMap, BTreeSet};

use super::bench::{Bench, Place};
use super::source::{self, Row};
use super::workload::{Table, Way};
use crate::support::s3;
use crate::support::sandbox::Sandbox;

/// Fails unless every table arrived, once, and nothing else is there.
pub fn assert_arrived(bench: &Bench, place: &Place, sandbox: &Sandbox) {
    for table in &bench.workload.tables {
        let expected = Bench::expected(table);
        if let Way::BigQuery { .. } = table.way {
            big_query(bench, place, table, &expected);
        } else {
            assert_rows(table, &arrived(bench, place, sandbox, table), &expected);
        }
    }
    assert_noted(bench, place);
    assert_tidy(bench, place);
}

fn assert_rows(table: &Table, arrived: &[Vec<Option<String>>], expected: &[Row]) {
    let expected: Vec<Vec<Option<String>>> = expected.iter().map(|row| row.to_vec()).collect();
    assert!(
        arrived == expected,
        "{table:?}: {} rows arrived, {} are expected; the first that differs: {:?}",
        arrived.len(),
        expected.len(),
        arrived.iter().zip(&expected).find(|(arrived, expected)| arrived != expected)
    );
}

fn big_query(bench: &Bench, place: &Place, table: &Table, expected: &[Row]) {
    let bigquery = bench.google.bigquery();
    let resource =
        bigquery.table(&place.name, &table.name).unwrap_or_else(|| panic!("there is no {table:?}"));
    assert_eq!(resource["numRows"], expected.len().to_string(), "{table:?}");
    if !table.way.is_counted_only() {
        assert_rows(table, &source::sorted(bigquery.rows(&place.name, &table.name)), expected);
    }
    let mut jobs = BTreeSet::new();
    for call in bench.google.calls() {
        let job = &call["response"];
        let kind = ["load", "copy", "query"].into_iter().find(|kind| job["configuration"][*kind].is_object());
        let Some(kind) = kind.filter(|_| job["jobReference"].is_object()) else { continue };
        let target = &job["configuration"][kind]["destinationTable"];
        let is_here = target["datasetId"] == place.name.as_str() && target["tableId"] == table.name.as_str();
        let has_failed = job["status"]["errorResult"].is_object();
        if is_here && !has_failed {
            jobs.insert(job["jobReference"]["jobId"].to_string());
        }
    }
    let wanted = usize::from(!expected.is_empty());
    // A table without rows may be made without a job.
    assert!(jobs.len() == 1 || jobs.len() == wanted, "{table:?} was published by {jobs:?}");
}

/// The rows of a table that is not in BigQuery.
fn arrived(bench: &Bench, place: &Place, sandbox: &Sandbox, table: &Table) -> Vec<Vec<Option<String>>> {
    let select = format!("select id, n, name from {}.{} order by id", place.name, table.name);
    match table.way {
        Way::Redshift { .. } | Way::Copied { .. } => bench.redshift.behind.connect().cells(&select),
        Way::Postgresql { .. } => bench.postgresql.connect().cells(&select),
        Way::Mysql { .. } => {
            place.database.rows(&format!("select id, n, name from {} order by id", table.name))
        }
        Way::S3 => csv(&s3::gunzip(&s3::objects(&bench.aws, &place.name)[&object(place, table)])),
        Way::Gcs => csv(&String::from_utf8(bench.google.object(&object(place, table))).expect("text")),
        Way::File => csv(&sandbox.read(&file(table))),
        Way::BigQuery { .. } => unreachable!("it is looked at elsewhere"),
    }
}

/// The name of the object that a table makes.
fn object(place: &Place, table: &Table) -> String {
    let extension = if table.way == Way::Gcs { ".csv" } else { ".csv.gz" };
    format!("{}/{}.000.00{extension}", place.name, table.name)
}

/// The name of the file that a table makes.
pub fn file(table: &Table) -> String {
    format!("out/{}.csv", table.name)
}

fn csv(text: &str) -> Vec<Vec<Option<String>>> {
    let cell = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    source::sorted(text.lines().skip(1).map(|line| line.split(',').map(cell).collect()).collect())
}

/// Gives the first column of a query's rows.
type Ask<'p> = Box<dyn Fn(&str) -> Vec<String> + 'p>;

/// The tables of a case on a server of SQL.
struct Shelf<'p> {
    name: &'static str,
    schema: &'p str,
    /// What goes there.
    takes: fn(&Way) -> bool,
    rows: Ask<'p>,
}

/// Those that the workload needs.
fn shelves<'p>(bench: &'p Bench, place: &'p Place) -> Vec<Shelf<'p>> {
    let mysql = |query: &str| place.database.rows(query).into_iter().flatten().flatten().collect();
    let shelves = [
        Shelf {
            name: "redshift",
            schema: &place.name,
            takes: Way::is_redshift,
            rows: Box::new(|query| bench.redshift.behind.rows(query)),
        },
        Shelf {
            name: "postgresql",
            schema: &place.name,
            takes: Way::is_postgresql,
            rows: Box::new(|query| bench.postgresql.rows(query)),
        },
        Shelf { name: "mysql", schema: &place.database.name, takes: Way::is_mysql, rows: Box::new(mysql) },
    ];
    shelves.into_iter().filter(|shelf| bench.workload.has(shelf.takes)).collect()
}

/// The names of tables that go such a way.
fn named(bench: &Bench, is_such: impl Fn(&Table) -> bool) -> Vec<String> {
    let tables = bench.workload.tables.iter().filter(|table| is_such(table));
    tables.map(|table| table.name.clone()).collect()
}

/// Each script was carried out once.
fn assert_noted(bench: &Bench, place: &Place) {
    for shelf in shelves(bench, place) {
        let noted = (shelf.rows)(&format!("select name from {}.audit order by 1", shelf.schema));
        let wanted = named(bench, |table| table.is_noted && (shelf.takes)(&table.way));
        assert_eq!(noted, wanted, "scripts that {} carried out", shelf.name);
    }
}

/// Only what was asked for is there.
fn assert_tidy(bench: &Bench, place: &Place) {
    for Shelf { name, schema, takes, rows } in shelves(bench, place) {
        let mut found = rows(&format!(
            "select table_name from information_schema.tables where table_schema = '{schema}' and table_name <> 'audit' \
             and table_name not like '\\_\\_digdag%' order by 1"
        ));
        if found.iter().any(|name| name == "__sync_published") {
            found.retain(|name| name != "__sync_published");
            let noted = rows(&format!("select count(*) from {schema}.__sync_published"));
            assert_eq!(noted, ["0"], "{name} still notes a publication");
        }
        assert_eq!(found, named(bench, |table| takes(&table.way)), "tables in {name}");
    }
    let big_query = named(bench, |table| matches!(table.way, Way::BigQuery { .. }));
    assert_eq!(bench.google.bigquery().tables(&place.name), big_query, "tables in BigQuery");
    assert_objects(bench, place);
}

fn assert_objects(bench: &Bench, place: &Place) {
    let objects: BTreeMap<String, Vec<u8>> = s3::objects(&bench.aws, &format!("{}/", place.name));
    let tables = bench.workload.tables.iter();
    let mut wanted: Vec<String> = tables
        .clone()
        .filter(|table| matches!(table.way, Way::S3 | Way::Copied { .. }))
        .map(|table| object(place, table))
        .collect();
    if bench.workload.marks {
        wanted.insert(0, format!("{}/_SUCCESS", place.name));
    }
    assert_eq!(objects.keys().cloned().collect::<Vec<_>>(), wanted, "objects in S3");
    assert_eq!(s3::uploads(&bench.aws, &place.name), [""; 0], "uploads of parts");
    // Objects that wait to be loaded bear no name of the place: another case would not begin with them.
    let own = bench
        .google
        .objects()
        .into_iter()
        .filter(|name| name.starts_with(&place.name) || name.contains("sync_"));
    let wanted = tables.filter(|table| table.way == Way::Gcs).map(|table| object(place, table));
    assert_eq!(own.collect::<Vec<_>>(), wanted.collect::<Vec<_>>(), "objects in Cloud Storage");
}
