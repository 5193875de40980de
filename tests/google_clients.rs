//! Google's official Python clients against our stand-in and against the emulators, the same scenarios for all, and
//! every call logged by the stand-in against Google's description of its API.
//!
//! What an emulator is known to be wrong about stands in `tests/clients/known_wrongs.py`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::bigquery::{BigQuery, BigQueryKind};
use crate::support::google::FakeGoogle;
use crate::support::servers;

#[test]
fn the_stand_in_is_what_the_clients_expect() {
    let Some(python) = client_python() else { return };
    let Some(fake) = FakeGoogle::start() else { return };
    run_scenarios(&python, "fake", &fake.bigquery(), fake.url(), FakeGoogle::BUCKET);
    check_log(&python, &fake.log());
}

#[test]
fn the_stand_in_before_bqemulator_is_what_the_clients_expect() {
    stand_in_before(BigQueryKind::Bqemulator, "fake-before-bqemulator");
}

#[test]
fn the_stand_in_before_local_bigquery_is_what_the_clients_expect() {
    stand_in_before(BigQueryKind::LocalBigquery, "fake-before-local-bigquery");
}

#[test]
fn bqemulator_is_wrong_only_where_known() {
    emulator_alone(BigQueryKind::Bqemulator, "bqemulator");
}

#[test]
fn local_bigquery_is_wrong_only_where_known() {
    emulator_alone(BigQueryKind::LocalBigquery, "local-bigquery");
}

fn stand_in_before(kind: BigQueryKind, name: &str) {
    let Some(python) = client_python() else { return };
    let Some(emulator) = emulator(kind) else { return };
    let Some(fake) = FakeGoogle::before(&emulator) else { return };
    run_scenarios(&python, name, &fake.bigquery(), fake.url(), FakeGoogle::BUCKET);
}

fn emulator_alone(kind: BigQueryKind, name: &str) {
    let Some(python) = client_python() else { return };
    let Some(emulator) = emulator(kind) else { return };
    let Some(gcs) = servers::gcs() else { return };
    run_scenarios(&python, name, &emulator, &gcs.url, &gcs.bucket);
}

/// One kind may be missing where the other runs: local-bigquery needs a newer Python.
fn emulator(kind: BigQueryKind) -> Option<BigQuery> {
    let found = servers::bigquery_emulators().into_iter().find(|emulator| emulator.kind == kind);
    if found.is_none() {
        servers::skip(&format!("no {kind:?} here"));
    }
    found
}

fn client_python() -> Option<PathBuf> {
    servers::variable("SYNC_TEST_GOOGLE_CLIENTS", "Python with Google's clients").map(PathBuf::from)
}

fn run_scenarios(python: &Path, kind: &str, bigquery: &BigQuery, storage: &str, bucket: &str) {
    let arguments = ["--kind", kind, "--bigquery", &bigquery.url, "--storage", storage, "--bucket", bucket];
    run(python, "scenarios.py", &[&arguments[..], &["--project", &bigquery.project]].concat());
}

/// Holds the calls that a stand-in logged, and its answers, against the description of the API.
pub(crate) fn check_log(python: &Path, log: &Path) {
    run(python, "check_api.py", &[log.to_str().expect("a temporary path is text")]);
}

/// The same for everything that a program said to a stand-in; nothing where the clients are not installed.
pub(crate) fn check_calls(fake: &FakeGoogle) {
    if let Some(python) = client_python() {
        check_log(&python, &fake.log());
    }
}

fn run(python: &Path, program: &str, arguments: &[&str]) {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(program);
    let output = Command::new(python).arg("-B").arg(program).args(arguments).output().expect("Python starts");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_call_that_the_api_does_not_have_is_found() {
    let Some(python) = client_python() else { return };
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("calls.jsonl");
    let path = "/bigquery/v2/projects/p/jobs?nope=1";
    let load =
        serde_json::json!({"load": {"sourceUris": "gs://b/o", "maxBadRecords": "3", "sourceFormats": "CSV"}});
    let call =
        serde_json::json!({"method": "POST", "path": path, "headers": {}, "body": {"configuration": load}});
    std::fs::write(&log, format!("{call}\n")).unwrap();
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/check_api.py");
    let output = Command::new(&python).arg("-B").arg(program).arg(&log).output().unwrap();
    let at = format!("{}:1: POST {path}:", log.display());
    let expected = format!(
        "{at} query parameter nope is not in the API\n\
         {at} body.configuration.load.sourceUris is not a list\n\
         {at} body.configuration.load.maxBadRecords is str, in the API it is integer\n\
         {at} body.configuration.load.sourceFormats is not in the API\n\
         1 calls held against the API's description: 4 findings\n"
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    assert_eq!(output.status.code(), Some(1));
}
