//! Formats that are written or chosen, and files that stay or are there already: whole runs of the program.

use serde_json::{Value, json};

use crate::google_clients::check_calls;
use crate::support::google::FakeGoogle;
use crate::support::sandbox::{Said, Sandbox};

/// A stand-in, a dataset in it, and a folder with the source `t`.
pub(super) struct Desk {
    pub(super) fake: FakeGoogle,
    pub(super) dataset: String,
    pub(super) sandbox: Sandbox,
}

impl Desk {
    pub(super) fn new(sql: &str) -> Option<Self> {
        let fake = FakeGoogle::start()?;
        fake.polls(0);
        let mut sandbox = Sandbox::new();
        rusqlite::Connection::open(sandbox.path().join("x.db")).unwrap().execute_batch(sql).unwrap();
        for (name, value) in fake.environment() {
            sandbox.set(name, value);
        }
        let dataset = fake.bigquery().fresh_dataset();
        Some(Self { fake, dataset, sandbox })
    }

    /// A run with these options of `out:`; the table is `t`.
    pub(super) fn run(&self, options: &Value) -> Said {
        let mut out = json!({
            "type": "bigquery", "mode": "replace", "dataset": self.dataset, "table": "t",
            "project": self.fake.bigquery().project,
        });
        for (key, value) in options.as_object().unwrap() {
            out[key] = value.clone();
        }
        let input = json!({"type": "sqlite", "database": "x.db", "table": "t"});
        self.sandbox.write("x.yml", &json!({"in": input, "out": out}).to_string());
        self.sandbox.run(["embulk", "run", "x.yml"])
    }

    /// Configurations of the load jobs so far.
    pub(super) fn loads(&self) -> Vec<Value> {
        let calls = self.fake.calls_to("POST", "/jobs");
        let loads = calls.iter().map(|call| call["body"]["configuration"]["load"].clone());
        loads.filter(|load| !load.is_null()).collect()
    }

    fn format(&self) -> String {
        self.loads().last().unwrap()["sourceFormat"].as_str().unwrap().to_owned()
    }

    pub(super) fn rows(&self) -> Vec<Vec<Option<String>>> {
        let mut rows = self.fake.bigquery().rows(&self.dataset, "t");
        rows.sort();
        rows
    }

    pub(super) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.sandbox.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| !name.starts_with(['x', '.'])).collect();
        names.sort();
        names
    }
}

fn row(cells: &[&str]) -> Vec<Option<String>> {
    cells.iter().map(|cell| Some((*cell).to_owned())).collect()
}

const WORDS: &str = "create table t (id integer, word text, at datetime); \
    insert into t values (1, 'a;b', '2024-01-01 01:02:03'), (2, 'one' || char(10) || 'two', '2024-01-02 00:00:00');";

#[test]
fn the_format_is_the_fastest_that_gives_the_table_of_csv() {
    let Some(desk) = Desk::new(WORDS) else { return };
    for (options, format) in [
        (json!({}), "PARQUET"),
        (json!({"compression": "GZIP"}), "PARQUET"),
        (json!({"column_options": [{"name": "at", "type": "DATETIME"}]}), "NEWLINE_DELIMITED_JSON"),
        (
            json!({"column_options": [{"name": "at", "type": "DATE", "timezone": "Asia/Tokyo"}]}),
            "NEWLINE_DELIMITED_JSON",
        ),
        (json!({"column_options": [{"name": "word", "type": "GEOGRAPHY"}]}), "CSV"),
        (json!({"allow_quoted_newlines": true}), "CSV"),
        (json!({"field_delimiter": ";"}), "CSV"),
        (json!({"max_bad_records": 1}), "CSV"),
        (json!({"ignore_unknown_values": true}), "CSV"),
        (json!({"source_format": "csv"}), "CSV"),
        (json!({"source_format": "jsonl"}), "NEWLINE_DELIMITED_JSON"),
    ] {
        desk.run(&options).expect_code(0);
        assert_eq!(desk.format(), format, "{options}");
    }
    check_calls(&desk.fake);
}

#[test]
fn fields_of_csv_may_be_apart_by_any_character() {
    let Some(desk) = Desk::new(WORDS) else { return };
    for (delimiter, sent) in [(";", ";"), ("\\t", "\t"), ("tab", "\t"), ("|", "|")] {
        desk.run(&json!({"field_delimiter": delimiter})).expect_code(0);
        assert_eq!(desk.loads().last().unwrap()["fieldDelimiter"], sent);
        assert_eq!(desk.rows()[0][..2], row(&["1", "a;b"])[..]);
        assert_eq!(desk.rows()[1][..2], row(&["2", "one\ntwo"])[..]);
    }
}

#[test]
fn files_that_are_there_are_loaded_and_no_row_of_the_source() {
    let Some(desk) = Desk::new(WORDS) else { return };
    let ready = json!({
        "skip_file_generation": true, "path_prefix": "f", "source_format": "jsonl",
        "column_options": [{"name": "at", "type": "STRING"}],
    });
    let with = |more: Value| {
        let mut options = ready.clone();
        for (key, value) in more.as_object().unwrap() {
            options[key] = value.clone();
        }
        options
    };
    let said = desk.run(&ready).expect_code(1);
    assert_eq!(
        said.stderr,
        "Error: no file `f*.jsonl` is there to be loaded\n  hint: check `path_prefix` and `file_ext`\n"
    );
    let fill = || {
        desk.sandbox.write("f1.jsonl", "{\"id\":7,\"word\":\"x\"}\n{\"id\":8}\n");
        desk.sandbox.write("f2.jsonl", "{\"id\":9}\n");
        desk.sandbox.write("g.jsonl", "{\"id\":10}\n");
    };
    let ids = || -> Vec<String> { desk.rows().iter().filter_map(|row| row[0].clone()).collect() };
    // Several without a bucket go through a staging table, so that they appear at once.
    for options in [with(json!({})), with(json!({"gcs_bucket": FakeGoogle::BUCKET}))] {
        fill();
        let said = desk.run(&options).expect_code(0).stdout;
        assert!(
            said.contains("transaction_report: {\"num_input_rows\":3,\"num_response_rows\":3,"),
            "{said}"
        );
        assert_eq!(
            (ids(), desk.files()),
            (vec!["7".into(), "8".into(), "9".into()], vec!["g.jsonl".to_owned()])
        );
        assert_eq!(desk.fake.bigquery().tables(&desk.dataset), ["t"]);
        assert_eq!(desk.fake.objects(), Vec::<String>::new());
    }
    // They stay where they shall, and where the load fails.
    fill();
    desk.run(&with(json!({"delete_from_local_when_job_end": false, "mode": "append"}))).expect_code(0);
    assert_eq!((ids().len(), desk.files().len()), (6, 3));
    desk.sandbox.write("f2.jsonl", "{\"id\":\"no number\"}\n");
    let said = desk.run(&ready).expect_code(1).stderr;
    assert!(said.contains("Field: id; Value: …"), "{said}");
    assert_eq!((ids().len(), desk.files().len()), (6, 3));
    // Nobody but the loader knows how a file holds its text.
    desk.sandbox.write("f2.jsonl", "{\"id\":11}\n");
    desk.run(&with(json!({"encoding": "ISO-8859-1", "file_ext": "2.jsonl"}))).expect_code(0);
    assert_eq!(desk.loads().last().unwrap()["encoding"], "ISO-8859-1");
    assert_eq!((ids(), desk.files()), (vec!["11".into()], vec!["f1.jsonl".to_owned(), "g.jsonl".to_owned()]));
    check_calls(&desk.fake);
}

#[test]
fn what_is_sent_is_kept_where_it_shall_stay() {
    let Some(desk) = Desk::new("create table t (id integer); insert into t values (1), (2);") else { return };
    let keep = |more: Value| {
        let mut options = json!({
            "delete_from_local_when_job_end": false, "path_prefix": "out/k", "sequence_format": ".%d",
        });
        for (key, value) in more.as_object().unwrap() {
            options[key] = value.clone();
        }
        options
    };
    std::fs::create_dir(desk.sandbox.path().join("out")).unwrap();
    let kept = || -> Vec<(String, Vec<u8>)> {
        let entries = std::fs::read_dir(desk.sandbox.path().join("out")).unwrap();
        let files = entries.map(|entry| entry.unwrap().path());
        let files: Vec<_> = files
            .map(|path| {
                (path.extension().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap(), path)
            })
            .collect();
        files
            .into_iter()
            .map(|(ext, bytes, path)| {
                std::fs::remove_file(path).unwrap();
                (ext, bytes)
            })
            .collect()
    };
    desk.run(&keep(json!({}))).expect_code(0);
    assert_eq!(kept(), [("csv".to_owned(), b"1\n2\n".to_vec())]);
    desk.run(&keep(json!({"gcs_bucket": FakeGoogle::BUCKET, "source_format": "jsonl"}))).expect_code(0);
    assert_eq!(kept(), [("jsonl".to_owned(), b"{\"id\":1}\n{\"id\":2}\n".to_vec())]);
    desk.run(&keep(json!({"file_ext": ".x", "compression": "gzip"}))).expect_code(0);
    let [(ext, bytes)] = <[_; 1]>::try_from(kept()).unwrap();
    assert_eq!((ext.as_str(), &bytes[..2]), ("x", &b"\x1f\x8b"[..]));
    assert_eq!(desk.rows(), [row(&["1"]), row(&["2"])]);
    // A load that fails leaves them; rows that do not fit leave nothing.
    desk.fake.rule(&json!({"path": "/jobs", "method": "POST", "action": "job_fail", "reason": "invalid"}));
    desk.run(&keep(json!({}))).expect_code(1);
    assert_eq!(kept().len(), 1);
    desk.run(&keep(json!({"column_options": [{"name": "id", "type": "BOOLEAN"}]}))).expect_code(1);
    assert_eq!(kept(), []);
}

#[test]
fn progress_is_told_as_often_as_it_is_wanted() {
    let Some(desk) = Desk::new("create table t (id integer); insert into t values (1), (2);") else { return };
    let said = desk.run(&json!({"progress_log_interval": 0})).expect_code(0).stdout;
    assert!(said.contains("embulk-output-bigquery: num_rows 2 ("), "{said}");
    assert!(!desk.run(&json!({})).expect_code(0).stdout.contains("num_rows "));
}

#[test]
fn a_null_has_no_place_in_a_required_field() {
    let Some(desk) =
        Desk::new("create table t (id integer, n integer); insert into t values (1, 5), (2, null);")
    else {
        return;
    };
    let required = json!([{"name": "n", "mode": "REQUIRED"}]);
    for format in ["CSV", "JSONL", "PARQUET"] {
        let said =
            desk.run(&json!({"source_format": format, "column_options": required})).expect_code(1).stderr;
        assert!(
            said.contains("column `n`, row 2: a value is NULL, and its field is REQUIRED"),
            "{format}: {said}"
        );
    }
    let said = desk.run(&json!({"max_bad_records": 1, "column_options": required})).expect_code(0).stdout;
    assert!(said.contains("\"num_rejected_rows\":1"), "the service may leave it out: {said}");
}

#[test]
fn a_dataset_in_another_location_is_told_before_rows_are_read() {
    let Some(desk) = Desk::new(WORDS) else { return };
    let said = desk.run(&json!({"location": "asia-northeast1"})).expect_code(1).stderr;
    let shown = format!("{}:{}", desk.fake.bigquery().project, desk.dataset);
    assert_eq!(
        said,
        format!(
            "Error: dataset `{shown}` is in `US`, not in `asia-northeast1`\n  hint: set `location: US`, or leave it out\n"
        )
    );
    assert_eq!(desk.loads(), Vec::<Value>::new());
    desk.run(&json!({"location": "us"})).expect_code(0);
}
