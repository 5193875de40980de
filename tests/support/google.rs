//! Our own stand-in for BigQuery and Cloud Storage (`tests/fake`), one process a test: scripted faults, calls that
//! can be looked at, and a hold at any call so that a program can be killed at just that moment.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::bigquery::{BigQuery, BigQueryKind, encoded};
use super::{http, servers};

/// A running stand-in; it ends with the value, and with the test process.
#[derive(Debug)]
pub struct FakeGoogle {
    process: Child,
    url: String,
    project: String,
    directory: tempfile::TempDir,
}

impl FakeGoogle {
    /// The bucket that is there from the start.
    pub const BUCKET: &'static str = "staging";

    /// All of it from memory. `None`, after saying so, where there is no Python.
    pub fn start() -> Option<Self> {
        Self::launch(servers::python()?, &[], "sync-test")
    }

    /// Before an emulator: tables, rows and SQL are the emulator's; uploads, jobs, objects and faults are ours.
    pub fn before(emulator: &BigQuery) -> Option<Self> {
        Self::launch(servers::python()?, &["--bigquery", &emulator.url], &emulator.project)
    }

    fn launch(mut python: Command, arguments: &[&str], project: &str) -> Option<Self> {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fake/google.py");
        let mut process = python
            .arg("-B")
            .arg(program)
            .args(["--bucket", Self::BUCKET, "--log"])
            .arg(directory.path().join("calls.jsonl"))
            .args(arguments)
            // Its end of this pipe closes with the test process: then it ends too.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("the output is piped");
        BufReader::new(stdout).read_line(&mut line).expect("the stand-in says when it is ready");
        let port = line.trim().strip_prefix("ready ").unwrap_or_else(|| panic!("the stand-in said {line:?}"));
        Some(Self {
            process,
            url: format!("http://127.0.0.1:{port}"),
            project: project.to_owned(),
            directory,
        })
    }

    /// Its address, of both services.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The variables under which `sync` finds both services here.
    pub fn environment(&self) -> [(&'static str, String); 2] {
        [("BIGQUERY_EMULATOR_HOST", self.url.clone()), ("STORAGE_EMULATOR_HOST", self.url.clone())]
    }

    /// BigQuery here, to look into.
    pub fn bigquery(&self) -> BigQuery {
        BigQuery { kind: BigQueryKind::Fake, url: self.url.clone(), project: self.project.clone() }
    }

    /// Names of the objects in the bucket, sorted.
    pub fn objects(&self) -> Vec<String> {
        let listing = http::get(&format!("{}/storage/v1/b/{}/o", self.url, Self::BUCKET)).json();
        let items = listing["items"].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item["name"].as_str().expect("an object has a name").to_owned()).collect()
    }

    /// Puts an object into the bucket.
    pub fn put(&self, name: &str, content: &[u8]) {
        let (url, bucket, name) = (&self.url, Self::BUCKET, encoded(name));
        let url = format!("{url}/upload/storage/v1/b/{bucket}/o?uploadType=media&name={name}");
        let answer = http::send_bytes("POST", &url, content);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// The bytes of an object as they are stored.
    pub fn object(&self, name: &str) -> Vec<u8> {
        let bucket = Self::BUCKET;
        let answer = http::get(&format!("{}/storage/v1/b/{bucket}/o/{}?alt=media", self.url, encoded(name)));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.body
    }

    /// Adds a rule; its keys are described in `tests/fake/README.md`.
    pub fn rule(&self, rule: &Value) {
        self.control("rules", rule);
    }

    /// Waits until the rule was applied to `count` calls; for a hold, until one is held. Gives the rule's state.
    pub fn await_rule(&self, id: &str, count: u32) -> Value {
        let answer = http::get(&format!("{}/_control/wait?rule={id}&count={count}", self.url));
        assert_eq!(answer.status, 200, "rule {id} was not applied {count} times: {}", answer.text());
        answer.json()
    }

    /// How many calls a rule was applied to.
    pub fn applied(&self, id: &str) -> u64 {
        let rules = http::get(&format!("{}/_control/rules", self.url)).json();
        let rule = rules.as_array().expect("a list of rules").iter().find(|rule| rule["id"] == id);
        rule.and_then(|rule| rule["applied"].as_u64()).unwrap_or_else(|| panic!("there is no rule {id}"))
    }

    /// Lets the held calls of a rule go on.
    pub fn release(&self, id: &str) {
        self.control("release", &json!({"id": id}));
    }

    /// Closes the connections of the held calls without an answer.
    pub fn drop_held(&self, id: &str) {
        self.control("release", &json!({"id": id, "drop": true}));
    }

    /// Forgets all rules; held calls go on.
    pub fn forget_rules(&self) {
        assert_eq!(http::delete(&format!("{}/_control/rules", self.url)).status, 200);
    }

    /// How many polls a job takes until it is DONE; 0: it is DONE when inserted.
    pub fn polls(&self, polls: u32) {
        self.control("config", &json!({"polls": polls}));
    }

    /// The queries that the service has on record, as `tests/fake/reads.py` describes them.
    pub fn reads(&self, reads: &Value) {
        self.control("reads", reads);
    }

    /// Every call so far that was answered or given up, in the order of their ends.
    pub fn calls(&self) -> Vec<Value> {
        self.calls_at("")
    }

    fn calls_at(&self, path: &str) -> Vec<Value> {
        let calls = http::get(&format!("{}/_control/calls?path={}", self.url, encoded(path))).json();
        calls.as_array().expect("a list of calls").clone()
    }

    /// The calls of a method whose path holds a text.
    pub fn calls_to(&self, method: &str, path: &str) -> Vec<Value> {
        self.calls_at(path).into_iter().filter(|call| call["method"] == method).collect()
    }

    /// The log of the calls, for `tests/clients/check_api.py`.
    pub fn log(&self) -> PathBuf {
        self.directory.path().join("calls.jsonl")
    }

    fn control(&self, what: &str, value: &Value) {
        let answer = http::post(&format!("{}/_control/{what}", self.url), value);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

impl Drop for FakeGoogle {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_call_is_waited_for_and_released() {
        let Some(fake) = FakeGoogle::start() else { return };
        let dataset = fake.bigquery().fresh_dataset();
        fake.rule(&json!({"id": "here", "method": "GET", "path": "/tables/t", "action": "hold"}));
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| fake.bigquery().table(&dataset, "t"));
            assert_eq!(fake.await_rule("here", 1)["held"], 1);
            fake.release("here");
            assert_eq!(asked.join().unwrap(), None);
        });
        assert_eq!(fake.calls_to("GET", "/tables/t").len(), 1);
    }

    #[test]
    fn a_rule_answers_a_status_so_many_times() {
        let Some(fake) = FakeGoogle::start() else { return };
        fake.rule(&json!({"id": "busy", "path": "/datasets", "action": "status", "status": 503, "times": 2}));
        let url = format!("{}/bigquery/v2/projects/p/datasets", fake.url());
        let statuses: Vec<u16> = (0..3).map(|_| http::get(&url).status).collect();
        assert_eq!(statuses, [503, 503, 200]);
        assert_eq!(fake.applied("busy"), 2);
    }
}
