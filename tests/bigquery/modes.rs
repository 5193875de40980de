//! What each `mode` leaves in the target and beside it.

use serde_json::json;
use sync::embulk::output::{Creation, GivenSchema, Partitioning, Payload, SourceFormat, TimeUnit, WriteMode};
use sync::embulk::text::Text;
use sync::transfer::error::ErrorKind;

use super::Lab;
use crate::google_clients::check_calls;
use crate::support::bigquery::BigQueryKind;
use crate::support::google::FakeGoogle;
use crate::support::sandbox::Sandbox;
use crate::support::servers;

fn backup(table: &str) -> WriteMode {
    WriteMode::ReplaceBackup { dataset: Text::plain(""), table: Text::plain(table) }
}

/// The ids in a table of the lab.
fn ids(lab: &Lab, table: &str) -> Vec<String> {
    let rows = lab.fake.bigquery().rows(&lab.dataset, table);
    let mut ids: Vec<String> = rows.into_iter().filter_map(|row| row[0].clone()).collect();
    ids.sort();
    ids
}

#[test]
fn a_table_that_is_deleted_in_advance_has_nothing_of_the_old_one() {
    let Some(mut lab) = Lab::start() else { return };
    lab.config.clustering = vec!["id".to_owned()];
    lab.config.description = Some("by hand".to_owned());
    lab.transfer(&[&[1]]).unwrap();
    lab.config.mode = WriteMode::DeleteInAdvance;
    lab.config.clustering = Vec::new();
    lab.config.description = None;
    for (attempt, sent) in [(2, &[2_i64, 3][..]), (3, &[])] {
        let pages: &[&[i64]] = if sent.is_empty() { &[] } else { &[sent] };
        lab.transfer_of(attempt, pages).unwrap();
        let table = lab.fake.bigquery().table(&lab.dataset, "t").unwrap();
        assert_eq!((&table["clustering"], &table["description"]), (&json!(null), &json!(null)));
        assert_eq!(lab.ids(), sent.iter().map(i64::to_string).collect::<Vec<_>>());
    }
    lab.assert_tidy();
    check_calls(&lab.fake);
}

#[test]
fn of_a_partition_only_the_partition_is_deleted_in_advance() {
    let Some(mut lab) = Lab::start() else { return };
    lab.config.mode = WriteMode::DeleteInAdvance;
    let days: [(i64, &str, &[i64]); 4] =
        [(1, "20260101", &[1]), (2, "20260102", &[2]), (3, "20260101", &[3]), (4, "20260102", &[])];
    for (attempt, day, sent) in days {
        lab.config.table = Text::plain(format!("t${day}"));
        let pages: &[&[i64]] = if sent.is_empty() { &[] } else { &[sent] };
        lab.transfer_of(attempt, pages).unwrap();
    }
    assert_eq!(lab.ids(), ["3"]);
    lab.assert_tidy();
}

#[test]
fn the_table_as_it_was_is_kept_beside() {
    let Some(mut lab) = Lab::start() else { return };
    lab.config.mode = backup("t_old");
    if let WriteMode::ReplaceBackup { dataset, .. } = &mut lab.config.mode {
        *dataset = Text::plain(lab.dataset.clone());
    }
    /// Rows that are sent, and the ids in the table and in its backup afterwards.
    type Step<'a> = (&'a [&'a [i64]], &'a [&'a str], &'a [&'a str]);
    let steps: [Step<'_>; 4] = [
        // There was no table: the backup is made and empty.
        (&[&[1]], &["1"], &[]),
        (&[&[2], &[3]], &["2", "3"], &["1"]),
        (&[], &[], &["2", "3"]),
        (&[&[4]], &["4"], &[]),
    ];
    for (attempt, (sent, now, before)) in (1..).zip(steps) {
        lab.transfer_of(attempt, sent).unwrap();
        assert_eq!((ids(&lab, "t"), ids(&lab, "t_old")), (owned(now), owned(before)), "step {attempt}");
        assert_eq!(lab.fake.bigquery().tables(&lab.dataset), ["t", "t_old"]);
    }
    // A backup that fails publishes nothing.
    lab.fake.rule(&json!({
        "id": "full", "method": "POST", "path": "/jobs$", "after": 1, "action": "job_fail", "reason": "quotaExceeded",
        "message": "Quota exceeded"
    }));
    let error = lab.transfer_of(9, &[&[5]]).unwrap_err();
    assert!(error.message.starts_with("copy job `sync_"), "{error}");
    assert_eq!((ids(&lab, "t"), ids(&lab, "t_old")), (owned(&["4"]), Vec::new()));
    assert_eq!(lab.fake.bigquery().tables(&lab.dataset), ["t", "t_old"]);
    check_calls(&lab.fake);
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn a_backup_may_go_to_a_dataset_that_is_made() {
    let Some(mut lab) = Lab::start() else { return };
    let old = format!("{}_old", lab.dataset);
    lab.transfer(&[&[1]]).unwrap();
    lab.config.mode = WriteMode::ReplaceBackup { dataset: Text::plain(old.clone()), table: Text::plain("t") };
    let error = lab.transfer_of(2, &[&[2]]).unwrap_err();
    let project = lab.fake.bigquery().project;
    assert_eq!(error.to_string(), format!("dataset `{project}:{old}` is not found"));
    lab.config.dataset_creation = Creation::IfMissing;
    lab.transfer_of(3, &[&[2]]).unwrap();
    assert_eq!((lab.ids(), lab.fake.bigquery().rows(&old, "t").len()), (owned(&["2"]), 1));
    check_calls(&lab.fake);
}

#[test]
fn rows_are_added_directly_where_the_mode_says_so() {
    let Some(mut lab) = Lab::start() else { return };
    lab.config.source_format = SourceFormat::Csv;
    lab.config.mode = WriteMode::AppendDirect { creation: Creation::Never };
    let error = lab.transfer(&[&[1]]).unwrap_err();
    let shown = format!("{}:{}.t", lab.fake.bigquery().project, lab.dataset);
    assert_eq!(error.to_string(), format!("table `{shown}` is not found"));
    assert_eq!(error.remedy(), Some("create it, or leave `auto_create_table` out"));
    lab.config.mode = WriteMode::AppendDirect { creation: Creation::IfMissing };
    lab.transfer_of(2, &[]).unwrap();
    assert_eq!(lab.ids(), Vec::<String>::new(), "the table is there");
    lab.transfer_of(3, &[&[1]]).unwrap();
    lab.config.mode = WriteMode::AppendDirect { creation: Creation::Never };
    lab.transfer_of(4, &[&[2]]).unwrap();
    assert_eq!(lab.ids(), ["1", "2"]);
    let jobs = lab.fake.calls_to("POST", "/jobs");
    let of_job = |at: usize| {
        let load = &jobs[at]["body"]["configuration"]["load"];
        [&load["destinationTable"]["tableId"], &load["writeDisposition"], &load["createDisposition"]]
            .map(|value| value.as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(of_job(0), ["t", "WRITE_APPEND", "CREATE_IF_NEEDED"]);
    assert_eq!(of_job(1), ["t", "WRITE_APPEND", "CREATE_NEVER"]);
    assert_eq!(jobs.len(), 2);
    lab.assert_tidy();
    check_calls(&lab.fake);
}

#[test]
fn a_plain_table_becomes_a_partitioned_one_and_back() {
    let Some(mut lab) = Lab::start() else { return };
    lab.transfer(&[&[1]]).unwrap();
    let by_day = Partitioning::Time { unit: TimeUnit::Day, expiration_ms: None, field: None };
    lab.config.partitioning = Some(by_day);
    lab.transfer_of(2, &[&[2]]).unwrap();
    let table = |lab: &Lab| lab.fake.bigquery().table(&lab.dataset, "t").unwrap();
    assert_eq!((table(&lab)["timePartitioning"]["type"].as_str(), lab.ids()), (Some("DAY"), owned(&["2"])));
    lab.config.partitioning = None;
    lab.config.mode = WriteMode::DeleteInAdvance;
    lab.transfer_of(3, &[&[3]]).unwrap();
    assert_eq!((&table(&lab)["timePartitioning"], lab.ids()), (&json!(null), owned(&["3"])));
    // What cannot take the place of a deleted table says so.
    lab.config.mode = WriteMode::Replace;
    lab.config.partitioning =
        Some(Partitioning::Time { unit: TimeUnit::Hour, expiration_ms: None, field: None });
    lab.fake.rule(&json!({
        "id": "full", "method": "POST", "path": "/jobs$", "after": 1, "action": "job_fail", "reason": "quotaExceeded",
        "message": "Quota exceeded"
    }));
    let error = lab.transfer_of(4, &[&[4]]).unwrap_err();
    let shown = format!("{}:{}.t", lab.fake.bigquery().project, lab.dataset);
    let expected = format!("table `{shown}` was deleted, and its new rows could not take its place");
    assert!(error.to_string().starts_with(&expected), "{error}");
    lab.fake.forget_rules();
    lab.transfer_of(4, &[&[4]]).unwrap();
    assert_eq!((table(&lab)["timePartitioning"]["type"].as_str(), lab.ids()), (Some("HOUR"), owned(&["4"])));
    lab.assert_tidy();
}

#[test]
fn a_given_schema_is_that_of_the_table_and_says_what_is_sent() {
    let Some(mut lab) = Lab::start() else { return };
    let fields = [
        json!({"name": "id", "type": "STRING", "description": "a key"}),
        json!({"name": "名前", "type": "STRING"}),
        json!({"name": "more", "type": "NUMERIC"}),
    ];
    lab.config.given_schema = Some(GivenSchema::File(fields.to_vec()));
    lab.transfer(&[&[7]]).unwrap();
    let bigquery = lab.fake.bigquery();
    let names = |table: &str| -> Vec<String> {
        bigquery
            .columns(&lab.dataset, table)
            .into_iter()
            .map(|(name, kind)| format!("{name} {kind}"))
            .collect()
    };
    assert_eq!(names("t"), ["id STRING", "名前 STRING", "more NUMERIC"]);
    assert_eq!(bigquery.rows(&lab.dataset, "t"), [[Some("7".to_owned()), Some("🍣 7".to_owned()), None]]);
    // A table may be the template of another.
    lab.config.given_schema = Some(GivenSchema::Template("t".to_owned()));
    lab.config.table = Text::plain("u");
    lab.transfer_of(2, &[&[8]]).unwrap();
    assert_eq!(lab.fake.bigquery().columns(&lab.dataset, "u").len(), 3);
    lab.config.given_schema = Some(GivenSchema::Template("none".to_owned()));
    let error = lab.transfer_of(3, &[&[8]]).unwrap_err();
    let shown = format!("{}:{}.none", lab.fake.bigquery().project, lab.dataset);
    assert_eq!(error.to_string(), format!("template table `{shown}` is not found"));
    lab.config.given_schema = Some(GivenSchema::File(fields[..1].to_vec()));
    let error = lab.transfer_of(4, &[&[8]]).unwrap_err();
    assert_eq!(error.to_string(), "column `名前` has no field in the given schema");
    let hint = "drop it with a `column` filter, or set `ignore_unknown_values: true`";
    assert_eq!(error.remedy(), Some(hint));
    check_calls(&lab.fake);
}

#[test]
fn a_payload_is_a_line_as_it_is() {
    let Some(mut lab) = Lab::start() else { return };
    lab.config.source_format = SourceFormat::Csv;
    lab.config.given_schema = Some(GivenSchema::File(vec![json!({"name": "line", "type": "STRING"})]));
    lab.config.payload = Some(Payload::Name("名前".to_owned()));
    lab.transfer(&[&[1, 2]]).unwrap();
    assert_eq!(ids(&lab, "t"), ["🍣 1", "🍣 2"]);
    lab.config.source_format = SourceFormat::Parquet;
    let error = lab.transfer_of(2, &[&[1]]).unwrap_err();
    assert_eq!(error.to_string(), "`payload_column` goes with `CSV` and `NEWLINE_DELIMITED_JSON` only");
}

#[test]
fn a_rehearsal_finds_a_row_that_does_not_fit_while_others_still_come() {
    let Some(mut lab) = Lab::start() else { return };
    lab.config.rehearsal = Some(2);
    lab.transfer(&[&[1], &[2], &[3]]).unwrap();
    assert_eq!(lab.ids(), ["1", "2", "3"]);
    assert_eq!(
        lab.lines("Rehearsal"),
        [
            "embulk-output-bigquery: Rehearsal started with 2 rows",
            "embulk-output-bigquery: Rehearsal succeeded"
        ]
    );
    lab.fake.rule(&json!({
        "id": "bad", "method": "POST", "path": "/upload/bigquery/", "action": "job_fail", "reason": "invalid",
        "message": "Error while reading data"
    }));
    let error = lab.transfer_of(2, &[&[4, 5], &[6]]).unwrap_err();
    assert!(error.to_string().starts_with("the rehearsal with 2 rows failed"), "{error}");
    assert_eq!(error.kind, ErrorKind::Rejected);
    assert_eq!(lab.ids(), ["1", "2", "3"]);
    lab.assert_tidy();
    // Fewer rows than it wants have none.
    lab.fake.forget_rules();
    lab.config.rehearsal = Some(1000);
    lab.transfer_of(3, &[&[4]]).unwrap();
    assert_eq!(lab.lines("Rehearsal").len(), 3);
    check_calls(&lab.fake);
}

/// A lab whose tables and SQL are an emulator's.
fn lab_with_sql() -> Option<Lab> {
    let found = servers::bigquery_emulators();
    let emulator = found.into_iter().find(|emulator| emulator.kind == BigQueryKind::LocalBigquery);
    let Some(emulator) = emulator else {
        servers::skip("no emulator that runs SQL here");
        return None;
    };
    let mut lab = Lab::with(FakeGoogle::before(&emulator)?);
    lab.installation = servers::fresh_name("lab");
    Some(lab)
}

#[test]
fn a_merge_updates_rows_of_the_same_key_and_adds_others() {
    let Some(mut lab) = lab_with_sql() else { return };
    lab.config.mode = WriteMode::Merge { keys: Vec::new(), rule: Vec::new() };
    let error = lab.transfer(&[&[1]]).unwrap_err();
    let shown = format!("{}:{}.t", lab.fake.bigquery().project, lab.dataset);
    let expected = format!("`mode: merge` has no `merge_keys`, and table `{shown}` no primary key");
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.remedy(), Some("name the columns that tell rows apart in `merge_keys`"));
    lab.config.mode = WriteMode::Merge { keys: vec!["no".to_owned()], rule: Vec::new() };
    let error = lab.transfer_of(2, &[&[1]]).unwrap_err();
    assert_eq!(error.to_string(), "`no` is a key of the merge, but no column");
    lab.config.mode = WriteMode::Merge { keys: vec!["id".to_owned()], rule: Vec::new() };
    lab.transfer_of(3, &[&[1, 2]]).unwrap();
    assert_eq!(ids(&lab, "t"), ["1", "2"]);
    let rule = vec!["名前 = CONCAT(T.名前, ' again')".to_owned()];
    lab.config.mode = WriteMode::Merge { keys: vec!["id".to_owned()], rule };
    lab.transfer_of(4, &[&[2, 3]]).unwrap();
    let mut rows: Vec<String> = lab
        .fake
        .bigquery()
        .rows(&lab.dataset, "t")
        .into_iter()
        .map(|row| row.into_iter().flatten().collect::<Vec<_>>().join(" "))
        .collect();
    rows.sort();
    assert_eq!(rows, ["1 🍣 1", "2 🍣 2 again", "3 🍣 3"]);
    assert_eq!(lab.fake.bigquery().tables(&lab.dataset), ["t"]);
}

#[test]
fn sql_before_a_load_runs_once_the_rows_are_staged() {
    let Some(mut lab) = lab_with_sql() else { return };
    lab.config.mode = WriteMode::Append;
    lab.transfer(&[&[1, 2]]).unwrap();
    let table = format!("`{}.{}.t`", lab.fake.bigquery().project, lab.dataset);
    lab.config.before_load = Some(format!("DELETE FROM {table} WHERE id = 1"));
    lab.transfer_of(2, &[&[3]]).unwrap();
    assert_eq!(ids(&lab, "t"), ["2", "3"]);
    lab.config.before_load = Some("DELETE FROM nowhere.at_all WHERE true".to_owned());
    let error = lab.transfer_of(3, &[&[4]]).unwrap_err();
    assert!(error.to_string().starts_with("`before_load` failed, nothing was added"), "{error}");
    assert_eq!(ids(&lab, "t"), ["2", "3"]);
}

#[test]
fn where_nothing_is_loaded_the_file_is_left() {
    let config = |more: &str| {
        format!(
            "in: {{type: sqlite, database: x.db, query: \"{more}\"}}\n\
             out: {{type: bigquery, project: p, dataset: d, table: t, source_format: jsonl, skip_load: true,\n  \
             path_prefix: r, sequence_format: '', default_timezone: UTC}}\n"
        )
    };
    let sandbox = Sandbox::new().file("x.yml", &config("select 1 as id, 'a' as word"));
    rusqlite::Connection::open(sandbox.path().join("x.db")).unwrap();
    let said = sandbox.run(["embulk", "run", "x.yml"]).expect_code(0).stdout;
    assert!(said.contains("`skip_load` is set: nothing was loaded"), "{said}");
    assert_eq!(sandbox.read("r.jsonl"), "{\"id\":1,\"word\":\"a\"}\n");
    std::fs::remove_file(sandbox.path().join("r.jsonl")).unwrap();
    sandbox.write("x.yml", &config("select 1 as id where 1 = 2"));
    sandbox.run(["embulk", "run", "x.yml"]).expect_code(0);
    assert!(!sandbox.path().join("r.jsonl").exists(), "no rows, no file");
    sandbox.write("x.yml", &config("select 1 as id").replace("path_prefix: r", "path_prefix: no/r"));
    let told = sandbox.run(["embulk", "run", "x.yml"]).expect_code(1).stderr;
    let path = sandbox.path().join("no/r.jsonl").display().to_string();
    assert_eq!(
        told,
        format!(
            "Error: file `{path}` could not be written\n  cause: No such file or directory (os error 2)\n  hint: make room or fix the permissions, then retry\n"
        )
    );
    sandbox.write("x.yml", &config("select 1 as id").replace("sequence_format: ''", "template_table: u"));
    let told = sandbox.run(["embulk", "run", "x.yml"]).expect_code(1).stderr;
    assert_eq!(told, "Error: `skip_load` calls no service, so `template_table` cannot be read\n");
}
