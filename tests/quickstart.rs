//! The first thing that a newcomer runs: everything embedded, no server.

use std::fs::File;
use std::io::{BufRead, BufReader};

use flate2::read::MultiGzDecoder;
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::Value;

use crate::support::sandbox::Sandbox;

const ROWS: [(&str, usize); 4] =
    [("customers", 30_000), ("order_items", 240_000), ("orders", 120_000), ("products", 2_000)];

#[test]
fn the_quickstart_copies_a_shop_without_its_personal_columns() {
    let sandbox = Sandbox::new();
    sandbox.copy_from_repository("workflows", "workflows");
    sandbox.copy_from_repository("embulk", "embulk");
    sandbox.write(".sync/.gitignore", "*\n");
    let said = sandbox.run(["run", "workflows/quickstart.dig"]).expect_code(0);
    assert!(said.stdout.contains("\n8 in all "), "four tables in two formats:\n{}", said.stdout);

    let out = sandbox.path().join("out/quickstart");
    for (table, rows) in ROWS {
        let parquet = File::open(out.join(format!("{table}.parquet"))).expect("the Parquet file is there");
        let reader = SerializedFileReader::new(parquet).expect("it is Parquet");
        let metadata = reader.metadata().file_metadata();
        assert_eq!(metadata.num_rows(), i64::try_from(rows).unwrap(), "{table}");
        let columns: Vec<&str> =
            metadata.schema_descr().columns().iter().map(|column| column.name()).collect();
        assert!(!["email", "phone", "delivery_address"].iter().any(|personal| columns.contains(personal)));

        let json = File::open(out.join(format!("{table}.jsonl.gz"))).expect("the NDJSON file is there");
        let mut lines = 0;
        for line in BufReader::new(MultiGzDecoder::new(json)).lines() {
            let row: Value = serde_json::from_str(&line.expect("it is text")).expect("a line is JSON");
            let names: Vec<&str> = row.as_object().expect("a row").keys().map(String::as_str).collect();
            assert_eq!(names, columns, "{table}");
            lines += 1;
        }
        assert_eq!(lines, rows, "{table}");
        let line = said
            .stderr
            .lines()
            .chain(said.stdout.lines())
            .find(|line| line.contains(table) && line.contains(&grouped(rows)));
        assert!(line.is_some(), "no line of {table} in\n{}\n{}", said.stdout, said.stderr);
    }
}

/// `240,000`: how tables for people show counts.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut groups: Vec<&str> = Vec::new();
    if first > 0 {
        groups.push(&digits[..first]);
    }
    groups.extend((first..digits.len()).step_by(3).map(|at| &digits[at..at + 3]));
    groups.join(",")
}
