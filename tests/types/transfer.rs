//! Whole transfers by the program, as a user starts them: a transfer file, `sync embulk run`.

use std::process::Stdio;

use serde_json::json;

use super::columns::PARSED;
use crate::support::google::FakeGoogle;
use crate::support::http;
use crate::support::sandbox::{Said, Sandbox};
use crate::support::servers::MySqlDatabase;

/// What columns become where nothing is said about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mapping {
    /// Embulk's six types.
    Embulk,
    /// `types: exact`
    Exact,
}

/// How rows are staged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Gzipped lines of JSON.
    Lines,
    Parquet,
    Csv,
    /// None is written.
    Unsaid,
}

pub const MAPPINGS: [Mapping; 2] = [Mapping::Embulk, Mapping::Exact];
pub const FORMATS: [Format; 2] = [Format::Lines, Format::Parquet];
/// Every format, and none.
pub const ALL_FORMATS: [Format; 4] = [Format::Csv, Format::Lines, Format::Parquet, Format::Unsaid];

/// One transfer of a table over the bucket.
pub struct Transfer<'a> {
    pub database: &'a MySqlDatabase,
    pub google: &'a FakeGoogle,
    pub dataset: &'a str,
    pub mapping: Mapping,
    pub format: Format,
    /// `replace` or `append`.
    pub mode: &'static str,
    /// The table at both ends.
    pub table: &'a str,
    /// The columns to read; none: all.
    pub select: Vec<&'a str>,
}

impl Transfer<'_> {
    fn config(&self) -> String {
        let server = &self.database.server;
        let mut input = json!({
            "type": "mysql", "host": server.host, "port": server.port, "user": server.user,
            "password": server.password, "database": self.database.name, "table": self.table,
        });
        if !self.select.is_empty() {
            let names: Vec<String> = self.select.iter().map(|name| format!("`{name}`")).collect();
            input["select"] = json!(names.join(", "));
        }
        if self.select.contains(&PARSED) {
            input["column_options"] = json!({PARSED: {"value_type": "json"}});
        }
        let mut output = json!({
            "type": "bigquery", "mode": self.mode, "auth_method": "application_default",
            "project": self.google.bigquery().project, "dataset": self.dataset, "table": self.table,
            "gcs_bucket": FakeGoogle::BUCKET, "auto_create_gcs_bucket": false,
        });
        match self.format {
            Format::Lines => {
                output["source_format"] = json!("NEWLINE_DELIMITED_JSON");
                output["compression"] = json!("GZIP");
            }
            Format::Parquet => output["source_format"] = json!("PARQUET"),
            Format::Csv => output["source_format"] = json!("CSV"),
            Format::Unsaid => {}
        }
        if self.mapping == Mapping::Exact {
            output["types"] = json!("exact");
        }
        // JSON is YAML too.
        json!({"in": input, "out": output}).to_string()
    }

    fn sandbox(&self) -> Sandbox {
        let mut sandbox = Sandbox::new().file("transfer.yml", &self.config());
        for (name, value) in self.google.environment() {
            sandbox.set(name, value);
        }
        sandbox
    }

    /// Runs it to its end.
    pub fn run(&self) -> Said {
        self.sandbox().run(["embulk", "run", "transfer.yml"])
    }

    /// Runs it, and looks around at the moment when everything is staged and the load job is about to be submitted.
    pub fn run_and_look<T>(&self, look: impl FnOnce(u32) -> T) -> (Said, T) {
        self.google.rule(&json!({"id": "submitted", "method": "POST", "path": "/jobs", "action": "hold"}));
        let sandbox = self.sandbox();
        let mut child = sandbox
            .command(["embulk", "run", "transfer.yml"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let wait = format!("{}/_control/wait?rule=submitted&count=1", self.google.url());
        while http::get(&wait).status != 200 {
            let ended = child.try_wait().expect("it can be asked");
            if ended.is_some() {
                let said = Said::of(child.wait_with_output().expect("it has ended"));
                panic!("nothing was submitted: {said:?}");
            }
        }
        let seen = look(child.id());
        self.google.release("submitted");
        self.google.forget_rules();
        (Said::of(child.wait_with_output().expect("the program ends")), seen)
    }
}
