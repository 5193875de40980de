//! 13 databases, 280 tables, every night to S3 and to Redshift, as a team has it.

mod estate;
mod example;
mod lists;
mod one_step;
mod source;

use std::collections::BTreeSet;

use serde_json::json;

use self::estate::Estate;
use self::lists::Table;
use crate::support::s3;

/// The tables that fail in the second night, each at another step.
const UNREADABLE: (&str, &str) = ("portal", "rooms");
const IN_THE_WAY: (&str, &str) = ("cms", "tags");
const NOT_LOADED: (&str, &str) = ("ads", "impression_sums");
const NOT_SWAPPED: (&str, &str) = ("market", "deals");

#[test]
fn a_night_copies_every_table_and_the_next_one_keeps_what_fails_as_it_was() {
    let Some(estate) = Estate::new() else { return };
    assert_eq!(estate.tables.len(), 280);
    estate.run(&["run", "nightly.dig", "--session", "2026-01-01"]).expect_code(0);
    estate.assert_arrived(|_| true);
    assert_eq!(estate.objects().len(), 280);

    let failing = [UNREADABLE, IN_THE_WAY, NOT_LOADED, NOT_SWAPPED].map(|(of, name)| estate.table(of, name));
    let before = failing.map(|table| estate.expected(table));
    estate.add_rows();
    let [unreadable, in_the_way, not_loaded, not_swapped] = failing;
    estate.change(unreadable, "rename table rooms to rooms_elsewhere");
    let stale = format!("{}/20260102/cms/tags.007.00.csv.gz", estate.prefix);
    s3::put(&estate.aws, &estate.aws.bucket, &stale, &[]);
    let is_failing = |table: &Table| failing.iter().any(|failing| failing == &table);
    for (table, statement) in
        [(not_loaded, "(?i)^copy impression_sums_new"), (not_swapped, "(?i)alter table deals rename")]
    {
        estate.warehouse.rule(json!({
            "id": table.name, "statement": statement, "times": 0, "action": "fail", "code": "XX000",
            "message": "the cluster has other things to do",
        }));
    }

    let said = estate.run(&["run", "nightly.dig", "--session", "2026-01-02"]).expect_code(1);
    for cause in ["rooms", "tags.007.00.csv.gz", "the cluster has other things to do"] {
        assert!(said.stderr.contains(cause), "no {cause} in\n{}", said.stderr);
    }
    for (table, rows) in failing.iter().zip(&before) {
        assert_eq!(&estate.arrived(table), rows, "{}", table.name);
    }
    estate.assert_arrived(|table| !is_failing(table));

    estate.change(unreadable, "rename table rooms_elsewhere to rooms");
    s3::delete(&estate.aws, &stale);
    estate.warehouse.forget_rules();
    let told = estate.warehouse.statements().len();
    estate.run(&["retry", "--session", "last"]).expect_code(0);
    estate.assert_arrived(|_| true);
    let redone: BTreeSet<String> = estate.warehouse.statements()[told..]
        .iter()
        .filter_map(|statement| statement.split("create table ").nth(1)?.split(' ').next().map(str::to_owned))
        .collect();
    let begun_anew = [unreadable, in_the_way].map(|table| format!("{}_new", table.name));
    assert_eq!(redone, BTreeSet::from(begun_anew));
}
