//! The example that hands over to Airflow: its request is one that Airflow's own description allows.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};

use crate::support::s3;
use crate::support::sandbox::{Said, Sandbox};
use crate::support::servers::{self, aws, fresh_name};
use crate::support::webhook::{Received, Webhook};

/// Holds a request against the description of the API. Gives what is wrong.
fn problems(wheel: &str, request: &Value) -> Option<String> {
    let python = servers::variable("SYNC_TEST_JSONSCHEMA", "Python with jsonschema")?;
    let mut check = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/check_airflow.py"))
        .arg(wheel)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = check.stdin.take().expect("a pipe");
    stdin.write_all(request.to_string().as_bytes()).expect("it reads");
    drop(stdin);
    let said = Said::of(check.wait_with_output().expect("it ends"));
    assert_eq!(said.stderr, "");
    Some(said.stdout)
}

fn told(received: &Received) -> Value {
    let headers: Map<String, Value> =
        received.headers.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    json!({"method": received.method, "path": received.path, "headers": headers, "body": received.body})
}

#[test]
fn the_example_tells_s3_and_airflow_once_the_tables_are_there() {
    let Some(aws) = aws() else { return };
    let Some(wheel) = servers::variable("SYNC_TEST_AIRFLOW_WHEEL", "Airflow's wheel") else { return };
    let airflow = Webhook::start();
    let prefix = fresh_name("handover");
    let mut sandbox = Sandbox::new();
    sandbox.copy_from_repository("workflows", "workflows");
    sandbox.write("workflows/quickstart.dig", "+tables:\n  sh>: test ! -e broken\n");
    sandbox.write(".sync/.gitignore", "*\n");
    sandbox.write("workflows/broken", "");
    sandbox.set("SYNC_SECRET_AIRFLOW_TOKEN", "eyJhbGciOiJI.a-token.x");
    for (name, value) in aws.environment() {
        sandbox.set(name, value);
    }
    let (marker, url) =
        (format!("s3_marker={}/{prefix}", aws.bucket), format!("airflow_url={}", airflow.url("")));
    let url = url.trim_end_matches('/');
    let run = ["run", "workflows/hand_over.dig", "--session", "2026-01-02"];
    let given = ["-p", &marker, "-p", url, "-p", "airflow_dag=load_marts"];
    sandbox.run([&run[..], &given[..]].concat()).expect_code(1);
    assert_eq!(airflow.received().len(), 0, "nobody is told before the tables are there");
    assert_eq!(s3::objects(&aws, &prefix).len(), 0);

    std::fs::remove_file(sandbox.path().join("workflows/broken")).expect("it is there");
    let said = sandbox.run(["retry", "--session", "last"]).expect_code(0);
    assert!(!said.stderr.contains("a-token"), "{}", said.stderr);
    let objects = s3::objects(&aws, &prefix);
    let content = objects.get(&format!("{prefix}/2026-01-02/_SUCCESS")).expect("the marker is there");
    let content: Value = serde_json::from_slice(content).expect("JSON");
    assert_eq!(content["session_time"], "2026-01-02T00:00:00+09:00");

    let received = airflow.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].path, "/api/v2/dags/load_marts/dagRuns");
    assert_eq!(received[0].json()["logical_date"], "2026-01-02T00:00:00+09:00");
    let request = told(&received[0]);
    assert_eq!(problems(&wheel, &request).as_deref(), Some(""));

    // The check itself can fail.
    let mut other = request.clone();
    other["body"] = json!({"dag_run_id": "x", "execution_date": "2026-01-02"}).to_string().into();
    let said = problems(&wheel, &other).expect("it was asked before");
    assert!(said.contains("'logical_date' is a required property"), "{said}");
    assert!(said.contains("'execution_date' was unexpected"), "{said}");
    let mut other = request.clone();
    other["path"] = "/api/v1/dags/load_marts/dagRuns".into();
    let said = problems(&wheel, &other).expect("it was asked before");
    assert_eq!(said, "there is no POST /api/v1/dags/load_marts/dagRuns");
    let mut other = request;
    other["headers"]["authorization"] = "Basic eDp5".into();
    assert_eq!(problems(&wheel, &other).as_deref(), Some("there is no bearer token"));
}
