//! One recorded run on either side: what is there before, what the plugin asked for, ours, and what is left.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::RECORDED;
use crate::support::bigquery::encoded;
use crate::support::google::FakeGoogle;
use crate::support::http;
use crate::support::sandbox::{Said, Sandbox};
use crate::support::servers::MySqlDatabase;

/// Who acts, and so in which project.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Side {
    Plugin,
    Ours,
}

/// What is there before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Before {
    Nothing,
    /// The table with a row in it; of a partition one in that and one in another.
    Rows,
}

/// One recorded run.
pub(super) struct Run<'a> {
    pub(super) recorded: &'a Value,
    pub(super) number: usize,
    pub(super) fake: &'a FakeGoogle,
    pub(super) before: Before,
}

impl Run<'_> {
    pub(super) fn name(&self) -> &str {
        self.recorded["name"].as_str().unwrap()
    }

    /// Projects and buckets of a side: all runs share a stand-in.
    fn renamed(&self, value: &Value, side: Side) -> Value {
        let own = self.project(side);
        // `@ID1@` is what the recording has for a random id.
        let text = value.to_string().replace('@', "_").replace("\"p\"", &format!("\"{own}\""));
        let text =
            text.replace("\"dp\"", &format!("\"{own}-dp\"")).replace("bucket-a", &format!("{own}-bucket"));
        serde_json::from_str(&text).unwrap()
    }

    pub(super) fn project(&self, side: Side) -> String {
        format!("{side:?}-{:?}-{}", self.before, self.number).to_lowercase()
    }

    /// Whether the stand-in is told how many rows came, and so looks into no file.
    pub(super) fn is_told(&self) -> bool {
        self.before == Before::Nothing
    }

    pub(super) fn at(&self, path: &str) -> String {
        format!("{}/bigquery/v2/projects/{path}", self.fake.url())
    }

    fn post(&self, url: &str, body: &Value) {
        let answer = http::post(url, body);
        assert!(matches!(answer.status, 200 | 409), "{}: {url}: {}", self.name(), answer.text());
    }

    /// Datasets, bucket, table and rule of a side.
    pub(super) fn prepare(&self, side: Side) {
        let (own, out) = (self.project(side), &self.recorded["out"]);
        let made_by_run = out["auto_create_dataset"] == true;
        for project in [own.clone(), format!("{own}-dp")] {
            for dataset in ["ds", "ds_old"] {
                let mut body = json!({"datasetReference": {"projectId": project, "datasetId": dataset}});
                if out["location"].is_string() {
                    body["location"] = out["location"].clone();
                }
                if !made_by_run || side == Side::Plugin {
                    self.post(&self.at(&format!("{project}/datasets")), &body);
                }
            }
        }
        if out["gcs_bucket"].is_string() && out["auto_create_gcs_bucket"] != true {
            let url = format!("{}/storage/v1/b?project={own}", self.fake.url());
            self.post(&url, &json!({"name": format!("{own}-bucket")}));
        }
        if self.before == Before::Rows {
            self.fill(side);
        } else if out["auto_create_table"] == false {
            self.make_plain(side);
        }
        if self.is_told() {
            let path = format!("projects/{own}/jobs");
            let rows = &self.recorded["reported"];
            self.fake.rule(&json!({
                "method": "POST", "path": path, "body": "\"load\"", "times": 0, "action": "unread", "rows": rows
            }));
        }
    }

    /// The table as the run makes it, with old rows.
    fn fill(&self, side: Side) {
        let calls = self.recorded["calls"].as_array().unwrap();
        let is_target = |call: &&Value| call["body"]["tableReference"]["tableId"] == "t";
        match calls.iter().find(is_target) {
            Some(made) => self.apply(made, side),
            None => self.make_plain(side),
        }
        let tables: &[&str] = if self.is_partition() { &["t$20240101", "t$20240102"] } else { &["t"] };
        for table in tables {
            self.load_line(side, table, "{\"id\": 9}\n");
        }
    }

    /// A table that the run finds and does not make.
    fn make_plain(&self, side: Side) {
        let body =
            json!({"tableReference": {"tableId": "t"}, "schema": {"fields": RECORDED["schemas"]["small"]}});
        self.post(&self.at(&format!("{}/datasets/ds/tables", self.project(side))), &body);
    }

    fn is_partition(&self) -> bool {
        self.recorded["out"]["table"].as_str().unwrap().contains('$')
    }

    fn load_line(&self, side: Side, table: &str, line: &str) {
        let project = if self.recorded["out"]["destination_project"].is_string() {
            format!("{}-dp", self.project(side))
        } else {
            self.project(side)
        };
        let load = json!({"configuration": {"load": {
            "destinationTable": {"projectId": project, "datasetId": "ds", "tableId": table},
            "sourceFormat": "NEWLINE_DELIMITED_JSON", "writeDisposition": "WRITE_APPEND",
        }}});
        self.send_job("setup", &load, line);
    }

    /// A load job with its bytes, done when it is answered.
    fn send_job(&self, project: &str, job: &Value, bytes: &str) {
        let url =
            format!("{}/upload/bigquery/v2/projects/{project}/jobs?uploadType=multipart", self.fake.url());
        let body = format!(
            "--border\r\ncontent-type: application/json\r\n\r\n{job}\r\n--border\r\n\
             content-type: application/octet-stream\r\n\r\n{bytes}\r\n--border--\r\n"
        );
        let answer = http::send_typed("POST", &url, "multipart/related; boundary=border", body.as_bytes());
        let status = &answer.json()["status"];
        assert_eq!(status["state"], "DONE", "{}", answer.text());
        assert_eq!(status["errorResult"], Value::Null, "{}: {}", self.name(), answer.text());
    }

    /// One call of the plugin, done once more.
    pub(super) fn apply(&self, call: &Value, side: Side) {
        let mut call = self.renamed(call, side);
        for at in ["/body/schema", "/body/configuration/load/schema"] {
            if let Some(schema) = call.pointer_mut(at) {
                let name = schema.as_str().unwrap().to_owned();
                *schema = json!({"fields": RECORDED["schemas"][name]});
            }
        }
        // On the wire the plugin's client writes a number of 64 bits as a text.
        if let Some(number) =
            call.pointer_mut("/body/timePartitioning/expirationMs").filter(|it| it.is_number())
        {
            *number = json!(number.to_string());
        }
        let text = |key: &str| call[key].as_str().unwrap_or_default().to_owned();
        let (project, dataset) = (text("projectId"), text("datasetId"));
        let body = &call["body"];
        match call["call"].as_str().unwrap() {
            "datasets.insert" => self.post(&self.at(&format!("{project}/datasets")), body),
            "tables.insert" => self.post(&self.at(&format!("{project}/datasets/{dataset}/tables")), body),
            "tables.delete" => {
                let table = encoded(&text("tableId"));
                http::delete(&self.at(&format!("{project}/datasets/{dataset}/tables/{table}")));
            }
            "jobs.insert" => match call["sends"].as_str() {
                Some(upload) => self.send_job(&project, body, RECORDED["uploads"][upload].as_str().unwrap()),
                None => {
                    let answer = http::post(&self.at(&format!("{project}/jobs")), body);
                    let error = &answer.json()["status"]["errorResult"];
                    assert_eq!((answer.status, error), (200, &Value::Null), "{}", answer.text());
                }
            },
            "storage.buckets.insert" => {
                let url = format!("{}/storage/v1/b?project={project}", self.fake.url());
                self.post(&url, body);
            }
            "storage.objects.insert" => {
                let (bucket, name) = (text("bucket"), encoded(body["name"].as_str().unwrap()));
                let sent = RECORDED["uploads"][call["sends"].as_str().unwrap()].as_str().unwrap();
                let url = format!(
                    "{}/upload/storage/v1/b/{bucket}/o?uploadType=media&name={name}",
                    self.fake.url()
                );
                assert_eq!(http::send_bytes("POST", &url, sent.as_bytes()).status, 200);
            }
            "storage.objects.delete" => {
                let (bucket, object) = (text("bucket"), encoded(&text("object")));
                let url = format!("{}/storage/v1/b/{bucket}/o/{object}", self.fake.url());
                assert_eq!(http::delete(&url).status, 204);
            }
            other => panic!("a call of another kind: {other}"),
        }
    }

    /// Ours, as a user runs it.
    pub(super) fn run(&self, database: &MySqlDatabase, more: &Value) -> Said {
        let server = &database.server;
        let from = self.recorded["from"].as_str().unwrap();
        let mut input = json!({
            "type": "mysql", "host": server.host, "port": server.port, "user": server.user,
            "password": server.password, "database": database.name, "table": from, "order_by": "id",
        });
        if from == "t" {
            let json_type = json!({"value_type": "json"});
            input["column_options"] = json!({"j1": json_type, "j2": json_type, "j3": json_type});
        }
        let mut output = self.renamed(&self.recorded["out"], Side::Ours);
        if let Some(name) = output["column_options"].as_str() {
            output["column_options"] = RECORDED["column_options"][name].clone();
        }
        for (key, value) in more.as_object().into_iter().flatten() {
            output[key] = value.clone();
        }
        let config = json!({"in": input, "out": output, "exec": {"min_output_tasks": 1}});
        let mut sandbox = Sandbox::new()
            .file("run.yml", &config.to_string())
            .file("schema.json", &RECORDED["schemas"]["given"].to_string());
        for (name, value) in self.fake.environment() {
            sandbox.set(name, value);
        }
        sandbox.run(["embulk", "run", "run.yml"])
    }

    /// What is left of a side: tables with their shapes, how many rows, and the rows where they are known.
    pub(super) fn state(&self, side: Side) -> BTreeMap<String, Value> {
        let own = self.project(side);
        let mut state = BTreeMap::new();
        for (shown, project) in [("p", own.clone()), ("dp", format!("{own}-dp"))] {
            for dataset in ["ds", "ds_old"] {
                let at = self.at(&format!("{project}/datasets/{dataset}/tables"));
                let listed = http::get(&at);
                let tables = if listed.status == 200 { listed.json()["tables"].clone() } else { json!([]) };
                for table in tables.as_array().into_iter().flatten() {
                    let name = table["tableReference"]["tableId"].as_str().unwrap();
                    state.insert(
                        format!("{shown}.{dataset}.{name}"),
                        self.table(&format!("{at}/{}", encoded(name))),
                    );
                }
            }
        }
        state
    }

    fn table(&self, at: &str) -> Value {
        let resource = http::get(at).json();
        let mut table = json!({"numRows": resource["numRows"], "fields": resource["schema"]["fields"]});
        for key in ["description", "timePartitioning", "rangePartitioning", "clustering"] {
            table[key] = resource[key].clone();
        }
        if !self.is_told() {
            let mut parts = vec![String::new()];
            if self.is_partition() {
                parts.extend(["$20240101", "$20240102"].map(str::to_owned));
            }
            table["rows"] = parts
                .iter()
                .map(|part| {
                    let rows = http::get(&format!("{at}{}/data", encoded(part))).json()["rows"].clone();
                    let mut rows: Vec<String> =
                        rows.as_array().into_iter().flatten().map(Value::to_string).collect();
                    rows.sort();
                    json!([part, rows])
                })
                .collect();
        }
        table
    }

    /// Configurations of the load jobs that a side has asked for, apart from the one of a rehearsal.
    pub(super) fn loads(&self, side: Side) -> Vec<Value> {
        let path = format!("projects/{}/jobs", self.project(side));
        let calls = self.fake.calls_to("POST", &path);
        let loads = calls.iter().map(|call| call["body"]["configuration"]["load"].clone());
        let is_rehearsal = |load: &Value| {
            let table = load["destinationTable"]["tableId"].as_str().unwrap_or_default().to_lowercase();
            table.contains("rehearsal")
        };
        loads.filter(|load| !load.is_null() && !is_rehearsal(load)).collect()
    }

    /// What was sent with the load jobs of a side, the last one first: a rehearsal is before.
    pub(super) fn sent(&self, side: Side) -> Option<String> {
        let unread = http::get(&format!("{}/_control/unread", self.fake.url())).json();
        let project = self.project(side);
        let mut jobs = unread.as_array().unwrap().iter().filter(|job| job["project"] == project.as_str());
        let last = jobs.next_back()?;
        Some(last["files"][0].as_str().unwrap().to_owned())
    }
}
