//! A table of 300,000 rows through Parquet: several row groups, memory that does not grow with the table.

use serde_json::{Value, json};

use super::cells::Kind;
use super::staged;
use super::transfer::{Format, Mapping, Transfer};
use crate::support::google::FakeGoogle;
use crate::support::http;
use crate::support::servers::{self, MySqlDatabase};

const ROWS: usize = 300_000;
/// Far below what the table would take (some 70 MB of text), far above what the program takes.
const MOST_MEMORY_KB: u64 = 300_000;

fn source() -> Option<MySqlDatabase> {
    let database = servers::mariadb()?.fresh_database();
    database.run([
        "create table large (id bigint primary key, amount decimal(20, 4), ratio double, name varchar(40),
         noise varchar(128), day date, made datetime(6))"
            .to_owned(),
        format!(
            "insert into large select seq * 1000003, (cast(seq as signed) - 150000) * 1234567.8901, seq / 7,
             if(seq % 11 = 0, null, concat('名前 ', seq)), sha2(seq, 512),
             '2000-01-01' + interval seq % 20000 day,
             '2000-01-01 00:00:00.000001' + interval seq * 977 second from seq_1_to_{ROWS}"
        ),
    ]);
    Some(database)
}

#[test]
fn three_hundred_thousand_rows_through_parquet() {
    let Some(database) = source() else { return };
    for emulator in servers::bigquery_emulators() {
        let Some(google) = FakeGoogle::before(&emulator) else { return };
        let dataset = google.bigquery().fresh_dataset();
        let transfer = Transfer {
            database: &database,
            google: &google,
            dataset: &dataset,
            mapping: Mapping::Exact,
            format: Format::Parquet,
            mode: "replace",
            table: "large",
            select: Vec::new(),
        };
        let (said, (objects, memory)) = transfer.run_and_look(|process| {
            let names = google.objects();
            let objects: Vec<Vec<u8>> = names.iter().map(|name| google.object(name)).collect();
            (objects, peak_kilobytes(process))
        });
        let said = said.expect_code(0);
        let size: usize = objects.iter().map(Vec::len).sum();
        say(&format!("{:?}: {size} bytes staged, {memory} kB of memory at most", emulator.kind));
        assert!(memory < MOST_MEMORY_KB, "{memory} kB");
        assert!(said.stdout.contains(&format!("\"num_output_rows\":{ROWS}")), "{}", said.stdout);
        let counts: Vec<[usize; 2]> = objects.into_iter().map(staged::rows_and_groups).collect();
        assert_eq!(counts.iter().map(|[rows, _]| rows).sum::<usize>(), ROWS);
        let groups: usize = counts.iter().map(|[_, groups]| groups).sum();
        assert!(groups >= 2, "{groups} row groups");
        assert_same(&database, &google, &dataset);
        assert_eq!(google.objects(), Vec::<String>::new());
    }
}

/// Count, sums, limits and a sample of rows, asked of both sides.
fn assert_same(database: &MySqlDatabase, google: &FakeGoogle, dataset: &str) {
    let source = database.rows(
        "select count(*), count(name), count(distinct noise), sum(id), sum(amount), min(amount), max(amount),
         min(ratio), max(ratio), min(name), max(name), min(day), max(day), min(made), max(made) from large",
    );
    let table = format!("`{}.{dataset}.large`", google.bigquery().project);
    let target = query(
        google,
        &format!(
            "select count(*), count(name), count(distinct noise), sum(id), sum(amount), min(amount), max(amount),
             min(ratio), max(ratio), min(name), max(name), cast(min(day) as string), cast(max(day) as string),
             cast(min(made) as string), cast(max(made) as string) from {table}"
        ),
    );
    assert_eq!(normal(&target), normal(&source));
    let sample = "where mod(id, 9973) = 0 order by id";
    let source = database.rows(&format!("select id, amount, name, noise, day, made from large {sample}"));
    assert!(source.len() > 20, "{} rows", source.len());
    let target = query(
        google,
        &format!(
            "select id, amount, name, noise, cast(day as string), cast(made as string) from {table} {sample}"
        ),
    );
    assert_eq!(normal(&target), normal(&source));
}

fn normal(rows: &[Vec<Option<String>>]) -> Vec<Vec<Option<String>>> {
    let cell = |cell: &Option<String>| {
        cell.as_ref().map(|text| match text.parse::<f64>() {
            Ok(_) => Kind::Numeric.normal(text),
            Err(_) => text.replace('T', " "),
        })
    };
    rows.iter().map(|row| row.iter().map(cell).collect()).collect()
}

fn query(google: &FakeGoogle, sql: &str) -> Vec<Vec<Option<String>>> {
    let url = format!("{}/bigquery/v2/projects/{}/queries", google.url(), google.bigquery().project);
    let answer = http::post(&url, &json!({"query": sql, "useLegacySql": false, "maxResults": 1000}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.json()["errors"].is_null(), "{}", answer.text());
    let rows = answer.json()["rows"].as_array().cloned().unwrap_or_default();
    let cell = |cell: &Value| match &cell["v"] {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    rows.iter().map(|row| row["f"].as_array().expect("cells").iter().map(cell).collect()).collect()
}

/// The most memory that a process has held so far.
fn peak_kilobytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux says it");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[expect(clippy::print_stderr, reason = "the figure belongs to the output of the test")]
fn say(figure: &str) {
    eprintln!("{figure}");
}
