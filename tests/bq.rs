//! `bq>`, `bq_load>`, `bq_extract>` and `bq_ddl>` against the stand-in, before an emulator where SQL runs.

use serde_json::{Value, json};

use crate::google_clients::check_calls;
use crate::support::bigquery::BigQueryKind;
use crate::support::google::FakeGoogle;
use crate::support::sandbox::{Said, Sandbox};
use crate::support::servers;

/// A project whose tasks have the stand-in's project and a dataset of their own.
struct Lab {
    fake: FakeGoogle,
    dataset: String,
    sandbox: Sandbox,
}

impl Lab {
    fn start() -> Option<Self> {
        FakeGoogle::start().map(Self::with)
    }

    /// With the tables and the SQL of an emulator.
    fn with_sql() -> Option<Self> {
        let found = servers::bigquery_emulators();
        let Some(emulator) = found.into_iter().find(|found| found.kind == BigQueryKind::LocalBigquery) else {
            servers::skip("no emulator that runs SQL here");
            return None;
        };
        FakeGoogle::before(&emulator).map(Self::with)
    }

    fn with(fake: FakeGoogle) -> Self {
        let dataset = fake.bigquery().fresh_dataset();
        let mut sandbox = Sandbox::new();
        for (name, value) in fake.environment() {
            sandbox.set(name, value);
        }
        Self { fake, dataset, sandbox }
    }

    fn write(&self, tasks: &str) {
        let project = &self.fake.bigquery().project;
        let defaults =
            format!("_export:\n  gcp: {{project: {project}}}\n  bq: {{dataset: {}}}\n", self.dataset);
        self.sandbox.write("main.dig", &format!("{defaults}{tasks}"));
    }

    fn run(&self, tasks: &str, code: i32) -> Said {
        self.write(tasks);
        self.sandbox.run(["run", "main.dig", "--rerun"]).expect_code(code)
    }

    /// What is told of the only failure, its cause and its hint.
    fn failure(&self, tasks: &str) -> String {
        let said = self.run(tasks, 1);
        let told = said.stderr.split_once("\n  +main+a: ").unwrap_or_else(|| panic!("{}", said.stderr)).1;
        told.split("hint: `sync retry").next().unwrap_or_default().replace(&self.dataset, "DATASET")
    }

    /// The configurations of the jobs so far.
    fn jobs(&self) -> Vec<Value> {
        let calls = self.fake.calls_to("POST", "/jobs");
        calls.iter().map(|call| call["body"]["configuration"].clone()).collect()
    }

    fn table(&self, name: &str) -> Value {
        json!({"projectId": self.fake.bigquery().project, "datasetId": self.dataset, "tableId": name})
    }

    fn rows(&self, table: &str) -> Vec<String> {
        let rows = self.fake.bigquery().rows(&self.dataset, table).into_iter();
        rows.map(|row| row.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>().join(",")).collect()
    }
}

const DDL: &str = "+make:\n  bq_ddl>:\n  create_tables:\n    - id: t\n      friendly_name: The table\n      \
                   labels: {team: 7}\n      schema: {fields: [{name: id, type: INTEGER}, {name: word, type: STRING}]}\n";

#[test]
fn tables_are_loaded_and_exported() {
    let Some(lab) = Lab::start() else { return };
    lab.fake.put("in/a.csv", b"id;word\n1;eins\n2;zwei\n");
    let load = "+load:\n  bq_load>: gs://staging/in/*.csv\n  destination_table: t\n  field_delimiter: ';'\n  \
                skip_leading_rows: 1\n  write_disposition: WRITE_TRUNCATE\n  allow_jagged_rows: true\n";
    let export = "+export:\n  bq_extract>: t\n  destination: [gs://staging/out/t.csv]\n  print_header: false\n  \
                  field_delimiter: '|'\n+show:\n  echo>: ${bq.last_job_id == bq.last_jobid}\n";
    let said = lab.run(&format!("{DDL}{load}{export}"), 0);
    assert_eq!(said.stdout, "true\n");
    assert_eq!(lab.rows("t"), ["1,eins", "2,zwei"]);
    assert_eq!(lab.fake.object("out/t.csv"), b"1|eins\n2|zwei\n");
    let table = lab.fake.bigquery().table(&lab.dataset, "t").expect("it is there");
    assert_eq!((&table["friendlyName"], &table["labels"]), (&json!("The table"), &json!({"team": "7"})));
    assert_eq!(
        lab.jobs(),
        [
            json!({"load": {
                "writeDisposition": "WRITE_TRUNCATE", "fieldDelimiter": ";", "skipLeadingRows": 1,
                "allowJaggedRows": true, "sourceUris": ["gs://staging/in/*.csv"], "destinationTable": lab.table("t"),
            }}),
            json!({"extract": {
                "printHeader": false, "fieldDelimiter": "|", "sourceTable": lab.table("t"),
                "destinationUris": ["gs://staging/out/t.csv"],
            }}),
        ]
    );
    check_calls(&lab.fake);
}

#[test]
fn the_schema_of_a_load_may_lie_in_a_file() {
    let Some(lab) = Lab::start() else { return };
    lab.fake.put("a.json", b"{\"id\": 1}\n");
    lab.sandbox.write("s.yml", "fields:\n- {name: id, type: INTEGER}\n");
    lab.sandbox.write("s.json", "{\"fields\": [{\"name\": \"id\", \"type\": \"STRING\"}]}");
    for (schema, kind) in
        [("s.yml", "INTEGER"), ("s.json", "STRING"), ("{fields: [{name: id, type: FLOAT}]}", "FLOAT")]
    {
        let load = format!(
            "+a:\n  bq_load>: gs://staging/a.json\n  destination_table: t\n  source_format: NEWLINE_DELIMITED_JSON\n  \
             write_disposition: WRITE_TRUNCATE\n  schema: {schema}\n"
        );
        lab.run(&load, 0);
        assert_eq!(lab.fake.bigquery().columns(&lab.dataset, "t"), [("id".to_owned(), kind.to_owned())]);
    }
    let failed = |schema: &str| {
        lab.failure(&format!(
            "+a:\n  bq_load>: gs://staging/a.json\n  destination_table: t\n  schema: {schema}\n"
        ))
    };
    assert_eq!(
        failed("no.yml"),
        "the schema in `no.yml` cannot be read\n    cause: No such file or directory (os error 2)\n"
    );
    lab.sandbox.write("bad.yml", "fields: [\n");
    assert!(
        failed("bad.yml").starts_with("the schema in `bad.yml` cannot be read: "),
        "{}",
        failed("bad.yml")
    );
    let wrong = "`schema` must be a mapping with `fields`, or a file that holds one\n";
    assert_eq!(failed("{field: []}"), wrong);
}

#[test]
fn datasets_and_tables_are_deleted_made_empty_and_created() {
    let Some(lab) = Lab::start() else { return };
    let other = format!("{}_other", lab.dataset);
    let create = format!(
        "{DDL}+datasets:\n  bq_ddl>:\n  create_datasets:\n    - {{id: {other}, location: EU, description: d, \
         default_table_expiration: 7d}}\n+tables:\n  bq_ddl>:\n  create_tables: ['{other}.u', t]\n  empty_tables: [v]\n"
    );
    lab.run(&create, 0);
    let project = lab.fake.bigquery().project;
    for (line, count) in [
        (format!("table `{project}:{}.t` is created", lab.dataset), 2),
        (format!("dataset `{project}:{other}` is created"), 1),
        (format!("table `{project}:{}.v` is made empty", lab.dataset), 1),
    ] {
        assert_eq!(lab.log().matches(&line).count(), count, "{line}");
    }
    let made = lab.fake.calls_to("POST", "/datasets");
    let body = made.iter().find(|call| call["body"]["datasetReference"]["datasetId"] == other.as_str());
    assert_eq!(
        body.expect("it was made")["body"],
        json!({
            "datasetReference": {"projectId": project, "datasetId": other}, "location": "EU", "description": "d",
            "defaultTableExpirationMs": "604800000",
        })
    );
    assert_eq!(lab.fake.bigquery().tables(&lab.dataset), ["t", "v"]);
    assert_eq!(lab.fake.bigquery().tables(&other), ["u"]);
    let delete = format!(
        "+a:\n  bq_ddl>:\n  delete_tables: [t, never]\n+b:\n  bq_ddl>:\n  empty_datasets: [{other}]\n"
    );
    lab.run(&delete, 0);
    assert_eq!(lab.fake.bigquery().tables(&lab.dataset), ["v"]);
    assert_eq!(lab.fake.bigquery().tables(&other), Vec::<String>::new());
    check_calls(&lab.fake);
}

impl Lab {
    fn log(&self) -> String {
        self.sandbox.run(["log"]).expect_code(0).stdout
    }
}

#[test]
fn sql_runs_and_its_rows_go_to_a_table() {
    let Some(lab) = Lab::with_sql() else { return };
    lab.sandbox.write("q.sql", "SELECT ${n} AS n, '${word}' AS word");
    let tasks = "+file:\n  bq>: q.sql\n  destination_table: a\n  n: 4\n  word: vier\n\
                 +again:\n  bq>: {data: SELECT n + 1 AS n FROM a}\n  destination_table: b\n\
                 +show:\n  echo>: ${bq.last_job_id.length}\n";
    let said = lab.run(tasks, 0);
    assert_eq!(said.stdout, "31\n");
    assert_eq!((lab.rows("a"), lab.rows("b")), (vec!["4,vier".to_owned()], vec!["5".to_owned()]));
    let told = lab.failure("+a:\n  bq>: {data: SELECT nothing FROM nowhere.at_all}\n");
    assert!(
        told.starts_with("BigQuery job `sync_") || told.starts_with("the job could not be started"),
        "{told}"
    );
}

#[test]
fn what_cannot_be_done_is_told_with_what_helps() {
    let Some(mut lab) = Lab::start() else { return };
    assert_eq!(
        lab.failure("+a:\n  bq_load>: gs://staging/none.csv\n  destination_table: a.b.c\n"),
        "`a.b.c` is no name of a table: write it as `[[PROJECT:]DATASET.]TABLE`\n"
    );
    assert_eq!(lab.failure("+a:\n  bq_load>: gs://x/y\n"), "`bq_load>` needs a `destination_table`\n");
    assert_eq!(
        lab.failure("+a:\n  bq_extract>: t\n  location: US\n"),
        "`destination` needs an address such as `gs://BUCKET/OBJECT`\n"
    );
    assert_eq!(
        lab.failure("+a:\n  bq_load>: gs://x/y\n  destination_table: t\n  clustering: '5'\n"),
        "`clustering` must be a mapping\n"
    );
    assert_eq!(
        lab.failure("+a:\n  bq_load>: gs://x/y\n  destination_table: t\n  schema_update_options: '5'\n"),
        "`schema_update_options` must be a list\n"
    );
    assert_eq!(
        lab.failure("+a:\n  bq_ddl>:\n  create_tables: [{dataset: d}]\n"),
        "an entry of `create_tables` has no `id`\n"
    );
    assert_eq!(
        lab.failure("+a:\n  bq_ddl>:\n  delete_datasets: [5]\n"),
        "an entry of `delete_datasets` must be a name, or a mapping with `id`\n"
    );
    assert_eq!(
        lab.failure("+a:\n  bq_ddl>:\n  create_tables: [{id: t, expiration_time: soon}]\n"),
        "`expiration_time` is no time: `soon`\n    hint: write it as `2026-01-31T00:00:00Z`\n"
    );
    assert_eq!(lab.failure("+a:\n  bq_ddl>:\n  create_tables: ${'t'}\n"), "`create_tables` must be a list\n");
    lab.fake
        .rule(&json!({"id": "gone", "method": "GET", "path": "/jobs/", "action": "status", "status": 404}));
    let told = lab.failure("+a:\n  bq_extract>: t\n  destination: gs://staging/o\n");
    assert!(told.starts_with("job `sync_") && told.ends_with("_0` is gone\n"), "{told}");
    lab.fake.rule(&json!({
        "id": "no", "method": "POST", "path": "/tables$", "action": "status", "status": 403, "reason": "accessDenied"
    }));
    let told = lab.failure("+a:\n  bq_ddl>:\n  create_tables: [t]\n");
    let table = format!("{}:DATASET.t", lab.fake.bigquery().project);
    assert!(told.starts_with(&format!("table `{table}` could not be created\n    cause: ")), "{told}");
    lab.fake.rule(&json!({
        "id": "fail", "method": "POST", "path": "/jobs$", "action": "job_fail", "reason": "notFound",
        "message": "Not found: URI gs://staging/none.csv"
    }));
    let told = lab.failure("+a:\n  bq_load>: gs://staging/none.csv\n  destination_table: t\n");
    let (job, rest) = told.split_once("` failed: ").unwrap_or_else(|| panic!("{told}"));
    assert!(job.starts_with("BigQuery job `sync_") && job.ends_with("_0"), "{told}");
    assert_eq!(rest, "notFound: Not found: URI gs://staging/none.csv\n");
    lab.sandbox.write("main.dig", "+a:\n  bq>: {data: SELECT 1}\n");
    let said = lab.sandbox.run(["run", "main.dig", "--rerun"]).expect_code(1).stderr;
    let hint = "hint: set it in `_export: {gcp: {project: ...}}`, or the secret `gcp.project`";
    assert!(said.contains(&format!("  +main+a: no project is named\n    {hint}\n")), "{said}");
    lab.sandbox.set("BIGQUERY_EMULATOR_HOST", "http://127.0.0.1:1");
    lab.write("+a:\n  bq_load>: gs://x/y\n  destination_table: t\n");
    let said = lab.sandbox.run(["run", "main.dig", "--rerun"]).expect_code(75).stderr;
    assert!(said.contains("  +main+a: the job could not be started\n    cause: "), "{said}");
    assert!(said.contains("    hint: check the network, then retry\n"), "{said}");
}

#[test]
fn a_job_whose_answer_was_lost_is_found_again_and_one_that_failed_is_done_again() {
    let Some(lab) = Lab::start() else { return };
    lab.fake.put("a.csv", b"1\n");
    let load = "+a:\n  bq_load>: gs://staging/a.csv\n  destination_table: t\n  write_disposition: WRITE_APPEND\n  \
                schema: {fields: [{name: id, type: INTEGER}]}\n";
    lab.fake.rule(&json!({"id": "lost", "method": "POST", "path": "/jobs$", "action": "lose_answer"}));
    lab.run(load, 0);
    assert_eq!((lab.rows("t"), lab.fake.applied("lost")), (vec!["1".to_owned()], 1));
    assert!(lab.log().contains("_0` of an earlier attempt"), "{}", lab.log());
    lab.fake.rule(&json!({
        "id": "fail", "method": "POST", "path": "/jobs$", "action": "job_fail", "reason": "backendError", "message": "x"
    }));
    lab.run(load, 1);
    lab.sandbox.run(["retry", "--session", "last"]).expect_code(0);
    assert_eq!(lab.rows("t"), ["1", "1"]);
}
