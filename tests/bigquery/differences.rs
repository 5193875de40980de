//! The table of `bigquery` in "Coming from Embulk" of the README: every row has a test here, and every test a row.

use serde_json::{Value, json};

use super::files::Desk;
use crate::support::http;
use crate::support::readme_rows::rows;

rows! {
    "| Embulk's `bigquery` output | `sync` | why |":
    "no `source_format` is CSV" => usual_format,
    "`source_format` is CSV or JSON" => parquet,
    "TINYINT(1) cannot become INTEGER" => booleans,
    "a zone by name has today's offset" => zones,
    "`field_delimiter` is what the service expects, and the file has commas" => delimiter,
    "`encoding` is what the service expects, and the file is UTF-8" => encoding,
    "a text with a line break needs `allow_quoted_newlines`" => line_breaks,
    "`is_skip_job_result_check` copies what is loaded by then" => unchecked,
    "`job_status_max_polling_time` leaves the job running" => polling,
    "`payload_column`: NULL is an empty line" => payload,
    "a text goes to a NUMERIC of `schema_file` as it is" => given_fields,
    "NULL goes to a REQUIRED field, and the load job fails" => required,
    "a run that fails leaves an empty table" => failures,
    "`auto_create_dataset` makes the dataset in `project`" => datasets,
    "`location` need not be that of the dataset, and the job is not found" => locations,
    "`table` with `$` is partitioned by day" => decorators,
    "`replace` gives a table the layout of the config" => layouts,
    "`skip_file_generation` deletes the files, also when the load fails" => ready_files,
    "`path_prefix`: files hold what is sent" => local_files,
    "`schema_update_options` do nothing unless `mode` is `append_direct` or `delete_in_advance`" => schema_updates,
}

const SQL: &str = "create table t (id integer, word text); insert into t values (1, 'a'), (2, null);";

/// A run that succeeds, and its last load job.
fn load(desk: &Desk, options: &Value) -> Value {
    desk.run(options).expect_code(0);
    desk.loads().pop().unwrap()
}

#[track_caller]
fn fails(desk: &Desk, options: &Value, reason: &str) {
    let said = desk.run(options).expect_code(1).stderr;
    assert!(said.contains(reason), "{said}");
}

fn usual_format() {
    let Some(desk) = Desk::new(SQL) else { return };
    assert_eq!(load(&desk, &json!({}))["sourceFormat"], "PARQUET");
    let date = json!({"column_options": [{"name": "id", "type": "FLOAT"}]});
    assert_eq!(load(&desk, &date)["sourceFormat"], "NEWLINE_DELIMITED_JSON");
    let text = json!({"column_options": [{"name": "word", "type": "NUMERIC", "strict": false}]});
    assert_eq!(load(&desk, &text)["sourceFormat"], "CSV");
}

fn parquet() {
    let Some(desk) = Desk::new(SQL) else { return };
    assert_eq!(
        load(&desk, &json!({"source_format": "parquet", "types": "exact"}))["sourceFormat"],
        "PARQUET"
    );
}

fn booleans() {
    let Some(desk) = Desk::new("create table t (b boolean); insert into t values (2);") else { return };
    let options = json!({"source_format": "jsonl", "column_options": [{"name": "b", "type": "INTEGER"}]});
    load(&desk, &options);
    assert_eq!(desk.rows(), [[Some("2".to_owned())]]);
}

fn zones() {
    let sql = "create table t (at datetime); insert into t values ('2024-01-01 12:00:00'), ('2024-07-01 12:00:00');";
    let Some(desk) = Desk::new(sql) else { return };
    let option =
        json!({"name": "at", "type": "STRING", "timezone": "America/New_York", "timestamp_format": "%H %z"});
    load(&desk, &json!({"source_format": "jsonl", "column_options": [option]}));
    assert_eq!(desk.rows(), [[Some("07 -0500".to_owned())], [Some("08 -0400".to_owned())]]);
}

fn delimiter() {
    let Some(desk) = Desk::new(SQL) else { return };
    assert_eq!(load(&desk, &json!({"field_delimiter": ";"}))["fieldDelimiter"], ";");
    assert_eq!(desk.rows()[0], ["1", "a"].map(|cell| Some(cell.to_owned())));
}

fn encoding() {
    let Some(desk) = Desk::new("create table t (word text); insert into t values ('é');") else { return };
    let load = load(&desk, &json!({"encoding": "ISO-8859-1", "source_format": "CSV"}));
    assert_eq!((&load["encoding"], desk.rows()), (&json!("UTF-8"), vec![vec![Some("é".to_owned())]]));
}

fn line_breaks() {
    let sql = "create table t (word text); insert into t values ('a' || char(10) || 'b');";
    let Some(desk) = Desk::new(sql) else { return };
    load(&desk, &json!({"source_format": "CSV", "allow_quoted_newlines": false}));
    assert_eq!(desk.rows(), [[Some("a\nb".to_owned())]]);
}

fn unchecked() {
    let Some(desk) = Desk::new(SQL) else { return };
    let options = json!({"is_skip_job_result_check": true});
    desk.fake.rule(&json!({"path": "/jobs", "method": "POST", "action": "job_fail", "reason": "invalid"}));
    fails(&desk, &options, "load job `sync_");
    desk.fake.forget_rules();
    let said = desk.run(&options).expect_code(0);
    assert!((said.stdout + &said.stderr).contains("the result of a job is always checked"));
}

fn polling() {
    let Some(desk) = Desk::new(SQL) else { return };
    desk.fake.polls(1000);
    fails(&desk, &json!({"job_status_max_polling_time": 0}), "Job execution was cancelled");
    assert_eq!(desk.fake.calls_to("POST", "/cancel").len(), 1);
}

fn payload() {
    let Some(desk) = Desk::new(SQL) else { return };
    desk.sandbox.write("s.json", "[{\"name\": \"word\", \"type\": \"STRING\"}]");
    let options = json!({"payload_column": "word", "schema_file": "s.json"});
    fails(&desk, &options, "column `word`, row 2: a value is NULL, which is no line");
}

fn given_fields() {
    let Some(desk) = Desk::new(SQL) else { return };
    let fields = json!([{"name": "id", "type": "INTEGER"}, {"name": "word", "type": "NUMERIC"}]);
    desk.sandbox.write("s.json", &fields.to_string());
    fails(&desk, &json!({"schema_file": "s.json"}), "column `word`, row 1: a value is not a number");
}

fn required() {
    let Some(desk) = Desk::new(SQL) else { return };
    let options = json!({"column_options": [{"name": "word", "mode": "REQUIRED"}]});
    fails(&desk, &options, "column `word`, row 2: a value is NULL, and its field is REQUIRED");
}

fn failures() {
    let Some(desk) = Desk::new(SQL) else { return };
    desk.fake.rule(&json!({"path": "/jobs", "method": "POST", "action": "unread", "rows": 1, "times": 0}));
    let options = json!({"source_format": "CSV"});
    let said = desk.run(&options).expect_code(1);
    assert!(said.stderr.contains("2 rows were sent but 1 were loaded"), "{said:?}");
    let report = "transaction_report: {\"num_input_rows\":2,\"num_response_rows\":1,\"num_output_rows\":1,\
                  \"num_rejected_rows\":1}";
    assert!(said.stdout.contains(report), "{said:?}");
    assert_eq!(desk.fake.bigquery().tables(&desk.dataset), Vec::<String>::new());
}

fn datasets() {
    let Some(desk) = Desk::new(SQL) else { return };
    let options = json!({"dataset": "fresh", "destination_project": "other", "auto_create_dataset": true});
    desk.run(&options).expect_code(0);
    let status = |project: &str| {
        http::get(&format!("{}/bigquery/v2/projects/{project}/datasets/fresh", desk.fake.url())).status
    };
    assert_eq!((status("other"), status(&desk.fake.bigquery().project)), (200, 404));
}

fn locations() {
    let Some(desk) = Desk::new(SQL) else { return };
    fails(&desk, &json!({"location": "asia-northeast1"}), "is in `US`, not in `asia-northeast1`");
}

fn decorators() {
    let Some(desk) = Desk::new(SQL) else { return };
    desk.run(&json!({"table": "t$2024", "source_format": "jsonl"})).expect_code(0);
    let table = desk.fake.bigquery().table(&desk.dataset, "t").unwrap();
    assert_eq!(table["timePartitioning"]["type"], "YEAR");
}

fn layouts() {
    let Some(desk) = Desk::new(SQL) else { return };
    desk.run(&json!({"clustering": {"fields": ["id"]}})).expect_code(0);
    desk.run(&json!({})).expect_code(0);
    let table = desk.fake.bigquery().table(&desk.dataset, "t").unwrap();
    assert_eq!(table["clustering"]["fields"][0], "id");
}

fn ready_files() {
    let Some(desk) = Desk::new(SQL) else { return };
    let options = json!({"skip_file_generation": true, "path_prefix": "f"});
    fails(&desk, &options, "no file `f*.csv` is there to be loaded");
    desk.sandbox.write("f.csv", "no number,a\n");
    fails(&desk, &options, "load job `sync_");
    assert_eq!(desk.files(), ["f.csv"]);
    desk.sandbox.write("f.csv", "1,a\n");
    desk.run(&options).expect_code(0);
    assert_eq!(desk.files(), Vec::<String>::new());
}

fn local_files() {
    let Some(desk) = Desk::new(SQL) else { return };
    desk.run(&json!({"path_prefix": "f"})).expect_code(0);
    assert_eq!(desk.files(), Vec::<String>::new());
    desk.run(&json!({"path_prefix": "f", "sequence_format": "", "delete_from_local_when_job_end": false}))
        .expect_code(0);
    assert_eq!(desk.sandbox.read("f.csv"), "1,a\n2,\n");
}

fn schema_updates() {
    let Some(desk) = Desk::new(SQL) else { return };
    desk.run(&json!({})).expect_code(0);
    let update = json!({"mode": "append", "schema_update_options": ["ALLOW_FIELD_ADDITION"]});
    let load = load(&desk, &update);
    assert_eq!(load["schemaUpdateOptions"], json!(["ALLOW_FIELD_ADDITION"]));

    // A staging table is copied as it is.
    let staged =
        json!({"mode": "append", "source_format": "CSV", "schema_update_options": ["ALLOW_FIELD_ADDITION"]});
    let said = desk.run(&staged).expect_code(0);
    let note = "`schema_update_options` do nothing where a staging table is copied";
    assert!(said.stdout.contains(note), "{} {}", said.stdout, said.stderr);
    // A table that is replaced needs none, a partition does.
    let replace = json!({"mode": "replace", "schema_update_options": ["ALLOW_FIELD_ADDITION"]});
    let said = desk.run(&replace).expect_code(0);
    let note = "`schema_update_options` has no effect: a table that is replaced gets the columns of the rows";
    assert!(said.stdout.contains(note), "{} {}", said.stdout, said.stderr);
    assert_eq!(desk.loads().pop().unwrap()["schemaUpdateOptions"], Value::Null);
    let partition = json!({"table": "p$2024", "source_format": "jsonl", "schema_update_options": ["ALLOW_FIELD_ADDITION"]});
    let load = self::load(&desk, &partition);
    assert_eq!(load["writeDisposition"], "WRITE_TRUNCATE");
    assert_eq!(load["schemaUpdateOptions"], json!(["ALLOW_FIELD_ADDITION"]));
}
