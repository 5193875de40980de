//! `sync status --unused`: which tables nobody reads, by what BigQuery has on record.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::google_clients;
use crate::support::google::FakeGoogle;
use crate::support::sandbox::{Said, Sandbox};
use crate::support::servers;

const PROJECT: &str = "sync-test";

/// So many days ago.
fn ago(days: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_hours(24 * days)
}

fn day(days: i64) -> String {
    ago(days).strftime("%Y-%m-%d").to_string()
}

/// Five tables that are copied each night, by names that a task stores; the first time was 200 days ago.
struct Estate {
    sandbox: Sandbox,
    fake: FakeGoogle,
    dataset: String,
}

const TABLES: [&str; 5] = ["注文", "items", "customers", "events_2026", "stock"];

impl Estate {
    fn new() -> Option<Self> {
        let fake = FakeGoogle::start()?;
        let dataset = fake.bigquery().fresh_dataset();
        let mut sandbox = Sandbox::new()
            .file("names.sql", "select name as \"table\" from sqlite_schema order by rowid")
            .file(
                "main.dig",
                "+list:\n  sqlite>: names.sql\n  database: shop.db\n  store_last_results: all\n\
                 +copy:\n  for_each>: {row: '${sqlite.last_results}'}\n  _do:\n    _export: {TABLE: '${row.table}'}\n    \
                 sh>: embulk run -l warn lake.yml.liquid\n\
                 +file:\n  sh>: embulk run -l warn file.yml.liquid\n",
            )
            .file(
                "lake.yml.liquid",
                &format!(
                    "in: {{type: sqlite, database: shop.db, table: {{{{ env.TABLE }}}}}}\n\
                     out: {{type: bigquery, auth_method: application_default, project: {PROJECT}, dataset: {dataset}, \
                     table: {{{{ env.TABLE }}}}, source_format: NEWLINE_DELIMITED_JSON, retries: 0}}\n"
                ),
            )
            .file(
                "file.yml.liquid",
                "in: {type: sqlite, database: shop.db, table: items}\n\
                 out: {type: file, path_prefix: items, file_ext: .csv, formatter: {type: csv}}\n",
            );
        for (name, value) in fake.environment() {
            sandbox.set(name, value);
        }
        let shop = rusqlite::Connection::open(sandbox.path().join("shop.db")).expect("a database");
        for name in TABLES {
            let sql = format!("create table {name} (id integer); insert into {name} values (1), (2);");
            shop.execute_batch(&sql).expect("a table");
        }
        fake.polls(0);
        sandbox.run(["run", "main.dig", "--session", "2026-01-02"]).expect_code(0);
        let state = rusqlite::Connection::open(sandbox.path().join(".sync/state.db")).expect("the state");
        let first = ago(200).to_string();
        state
            .execute("update transfers set started_at = ?1, finished_at = ?1", [first])
            .expect("it is there");
        drop(state);
        sandbox.run(["run", "main.dig", "--session", "2026-01-03"]).expect_code(0);
        Some(Self { sandbox, fake, dataset })
    }

    /// A query on record.
    fn read(&self, table: &str, days: i64, more: &Value) -> Value {
        let mut read = json!({
            "reader": PROJECT, "region": "us", "project": PROJECT, "dataset": self.dataset, "table": table,
            "at": ago(days).as_microsecond(),
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            read[key] = value.clone();
        }
        read
    }

    fn unused(&self, arguments: &[&str]) -> Said {
        self.sandbox.run([&["status", "--unused"], arguments].concat())
    }

    /// The verdict on each table.
    fn verdicts(&self, arguments: &[&str]) -> Vec<(String, String)> {
        let said = self.unused(&[arguments, &["--json"]].concat()).expect_code(0);
        let told: Value = serde_json::from_str(&said.stdout).expect("JSON");
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let tables = told["tables"].as_array().expect("a list").iter();
        let begin = format!("bigquery {PROJECT}.{}.", self.dataset);
        let mut verdicts: Vec<_> = tables
            .map(|table| (text(&table["target"]).replace(&begin, ""), text(&table["verdict"])))
            .collect();
        verdicts.sort();
        verdicts
    }

    fn reads(&self) -> Value {
        json!([
            self.read("items", 3, &json!({})),
            self.read("items", 5, &json!({})),
            self.read("customers", 120, &json!({})),
            // By the beginning of its name.
            self.read("events_*", 10, &json!({})),
            // What does not count: a load, a statement of our own that writes to it, another region, long ago.
            self.read("注文", 1, &json!({"job_type": "LOAD"})),
            self.read("注文", 1, &json!({"job_id": "sync_0123_1", "destination": "注文"})),
            self.read("注文", 1, &json!({"region": "eu"})),
            self.read("注文", 181, &json!({})),
            // Another project's query.
            self.read("stock", 2, &json!({"reader": "bi-team"})),
        ])
    }
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(table, verdict)| ((*table).to_owned(), (*verdict).to_owned())).collect()
}

#[test]
fn tables_that_nobody_reads_are_found_by_what_is_on_record() {
    let Some(estate) = Estate::new() else { return };
    estate.fake.reads(&estate.reads());
    let expected = [
        ("customers", "unused"),
        ("events_2026", "used"),
        ("items", "used"),
        ("stock", "unused"),
        ("注文", "unused"),
    ];
    assert_eq!(estate.verdicts(&[]), pairs(&expected));
    let said = estate.unused(&[]).expect_code(0);
    let lines: Vec<Vec<&str>> =
        said.stdout.lines().map(|line| line.split_whitespace().collect()).collect::<Vec<_>>();
    assert_eq!(lines[0][..2], ["UNUSED", "TABLE"]);
    let line = |table: &str| {
        let name = format!("{PROJECT}.{}.{table}", estate.dataset);
        lines.iter().find(|line| line.get(1) == Some(&name.as_str())).unwrap_or_else(|| panic!("{table}"))
    };
    assert_eq!(line("customers")[2], day(120));
    assert_eq!(line("注文")[2..5], ["not", "since", &day(180)]);
    assert!(
        said.stderr.contains("5 tables: 3 not read for 90 days, 2 read; copying what is not read takes "),
        "{}",
        said.stderr
    );
    let scope = format!(
        "bigquery {PROJECT}: on record since {} are queries of project `{PROJECT}`; those of other projects, extracts, \
         copies and the Storage Read API leave no trace there",
        day(180)
    );
    assert!(said.stderr.contains(&scope), "{}", said.stderr);

    // A longer threshold: what was read 120 days ago is used, and what was not is not called unused.
    let expected = [
        ("customers", "used"),
        ("events_2026", "used"),
        ("items", "used"),
        ("stock", "unclear"),
        ("注文", "unclear"),
    ];
    assert_eq!(estate.verdicts(&["--older-than", "190d"]), pairs(&expected));
    let said = estate.unused(&["--older-than", "190d"]).expect_code(0);
    let why = format!("reads are on record since {} only", day(180));
    assert!(said.stdout.starts_with("NOT CERTAIN") && said.stdout.contains(&why), "{}", said.stdout);
    // Nobody can have read it for longer than it is there.
    assert_eq!(estate.verdicts(&["--older-than", "201d"])[4].1, "new");
    google_clients::check_calls(&estate.fake);
}

#[test]
fn queries_of_other_projects_count_where_they_are_named() {
    let Some(estate) = Estate::new() else { return };
    estate.fake.reads(&estate.reads());
    let verdicts = estate.verdicts(&["--reader-project", "bi-team", "--workflow", "main"]);
    assert_eq!(verdicts[3], ("stock".to_owned(), "used".to_owned()));
    assert_eq!(estate.verdicts(&["--workflow", "other"]), pairs(&[]));
}

#[test]
fn the_statement_means_what_the_stand_in_answers() {
    let Some(python) = servers::variable("SYNC_TEST_ARROW", "Python with DuckDB") else { return };
    let Some(estate) = Estate::new() else { return };
    let reads = estate.reads();
    estate.fake.reads(&reads);
    estate.unused(&["--reader-project", "bi-team"]).expect_code(0);
    let calls = estate.fake.calls_to("POST", "/queries");
    assert_eq!(calls.len(), 2);
    for call in calls {
        let mut judge = Command::new(&python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/ask_jobs_view.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let question = json!({"body": call["body"], "reads": reads}).to_string();
        let mut stdin = judge.stdin.take().expect("a pipe");
        stdin.write_all(question.as_bytes()).expect("it reads");
        drop(stdin);
        let answer = Said::of(judge.wait_with_output().expect("it ends")).expect_code(0).stdout;
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        let rows = call["response"]["rows"].as_array().expect("rows").iter();
        let told: Vec<Value> = rows
            .map(|row| row["f"].as_array().expect("cells").iter().map(|cell| cell["v"].clone()).collect())
            .collect();
        assert!(!told.is_empty());
        assert_eq!(answer, json!(told));
    }
}

#[test]
fn who_may_not_ask_is_told_what_it_takes_and_calls_nothing_unused() {
    let Some(estate) = Estate::new() else { return };
    estate.fake.rule(&json!({
        "id": "denied", "path": "/queries", "action": "status", "status": 403, "reason": "accessDenied",
        "message": "User does not have bigquery.jobs.listAll", "times": 0,
    }));
    let said = estate.unused(&[]).expect_code(1);
    let told = format!(
        "error: bigquery {PROJECT}: the queries of project `{PROJECT}` in `US` could not be listed\n"
    );
    assert!(said.stderr.contains(&told), "{}", said.stderr);
    assert!(said.stderr.contains("hint: it takes `bigquery.jobs.listAll`"), "{}", said.stderr);
    assert!(said.stderr.ends_with("5 tables: 5 not certain\n"), "{}", said.stderr);
}

#[test]
fn a_warehouse_that_does_not_answer_may_answer_later() {
    let Some(estate) = Estate::new() else { return };
    let mut command = estate.sandbox.command(["status", "--unused"]);
    command.env("BIGQUERY_EMULATOR_HOST", "http://127.0.0.1:1");
    let said = Said::of(command.output().expect("it starts")).expect_code(75);
    assert!(said.stderr.ends_with("5 tables: 5 not certain\n"), "{}", said.stderr);
}

#[test]
fn a_table_whose_workflow_is_gone_is_not_called_unused() {
    let Some(estate) = Estate::new() else { return };
    std::fs::remove_file(estate.sandbox.path().join("main.dig")).expect("it is there");
    let said = estate.unused(&[]).expect_code(0);
    assert!(said.stdout.contains("no workflow tells how to reach it"), "{}", said.stdout);
    assert!(said.stderr.ends_with("5 tables: 5 not certain\n"), "{}", said.stderr);
}

#[test]
fn a_length_is_what_it_says() {
    let sandbox = Sandbox::new().file("main.dig", "+a:\n  echo>: x\n");
    sandbox.run(["run", "main.dig"]).expect_code(0);
    for wrong in ["soon", "0d", "-3d"] {
        let said = sandbox.run(["status", "--unused", &format!("--older-than={wrong}")]).expect_code(1);
        let told =
            format!("error: `--older-than` takes a length such as `90d` or `48h`, but got `{wrong}`\n");
        assert_eq!(said.stderr, told);
    }
    let said = sandbox.run(["status", "--unused"]).expect_code(0);
    assert_eq!(said.stderr, "nothing was copied to a warehouse that keeps records of reads\n");
}
