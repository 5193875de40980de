//! The report of every attempt: beside the logs, by `sync report`, and as its schema says.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::sandbox::Sandbox;
use crate::support::schema;

/// Copies a table of SQLite with a Japanese name and a zero date; a task after it fails as long as `broken` is there.
const WORKFLOW: &str = "+copy:\n  _export: {TABLE: 注文}\n  sh>: embulk run -l warn table.yml.liquid\n\
    +after:\n  sh>: 'echo the password is $SYNC_SECRET_PW >&2; test ! -e broken'\n  _retry: {limit: 1, interval: 0}\n";

const TABLE: &str = "in: {type: sqlite, database: shop.db, table: {{ env.TABLE }}}\n\
    out: {type: file, path_prefix: '{{ env.TABLE }}', sequence_format: '', file_ext: .csv, formatter: {type: csv}}\n";

fn estate() -> Sandbox {
    let mut sandbox = Sandbox::new().file("main.dig", WORKFLOW).file("table.yml.liquid", TABLE);
    let shop = rusqlite::Connection::open(sandbox.path().join("shop.db")).expect("a database");
    shop.execute_batch(
        "create table 注文 (id integer, at text); insert into 注文 values (1, 'a'), (2, 'b');",
    )
    .expect("a table");
    sandbox.set("SYNC_SECRET_PW", "opensesame-17");
    sandbox
}

fn file_of(sandbox: &Sandbox, session: i64, attempt: i64) -> PathBuf {
    sandbox.path().join(format!(".sync/logs/{session}/{attempt}/report.json"))
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("JSON")
}

/// What `sync report --json` prints.
fn printed(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let said = sandbox.run([&["report", "--json"], arguments].concat()).expect_code(0);
    serde_json::from_str(&said.stdout).expect("JSON")
}

/// Holds reports against the published schema.
fn check_schema(reports: &[PathBuf]) {
    schema::check_files("report", reports);
}

#[test]
fn a_good_run_is_reported_beside_its_logs() {
    let sandbox = estate();
    sandbox.run(["run", "main.dig", "--session", "2026-01-02", "-p", "day=1"]).expect_code(0);
    let file = file_of(&sandbox, 1, 1);
    let report = read(&file);
    assert_eq!(file.metadata().expect("it is there").permissions().mode() & 0o777, 0o600);
    assert_eq!(
        (&report["version"], &report["outcome"], &report["workflow"], &report["session_time"]),
        (&json!(1), &json!("success"), &json!("main"), &json!("2026-01-02T00:00:00+00:00"))
    );
    assert_eq!((&report["params"], &report["process_zone"]), (&json!({"day": "1"}), &json!("UTC")));
    assert_eq!(report["retry_command"], Value::Null);
    let transfer = &report["transfers"][0];
    assert_eq!(
        (&transfer["task"], &transfer["source"], &transfer["target"]),
        (&json!("+main+copy"), &json!("sqlite shop.db 注文"), &json!("file 注文.csv"))
    );
    assert_eq!((&transfer["report"]["rows_read"], &report["totals"]["rows_sent"]), (&json!(2), &json!(2)));
    assert_eq!(printed(&sandbox, &[]), report);
    // The tasks and the transfers are those of `status`.
    let status = sandbox.run(["status", "--session", "1", "--json"]).expect_code(0).stdout;
    let status: Value = serde_json::from_str(&status).expect("JSON");
    assert_eq!((&status["tasks"], &status["transfers"]), (&report["tasks"], &report["transfers"]));
    check_schema(&[file]);
}

#[test]
fn a_failure_is_reported_with_what_goes_on_with_it_and_its_retry_on_its_own() {
    let sandbox = estate().file("broken", "");
    sandbox.run(["run", "main.dig", "--session", "2026-01-02", "-p", "db_password=a-secret"]).expect_code(1);
    let first = read(&file_of(&sandbox, 1, 1));
    assert_eq!(first["outcome"], "failed");
    let task = first["tasks"].as_array().expect("tasks").iter().find(|task| task["task"] == "+main+after");
    let task = task.expect("it is there");
    assert_eq!((&task["state"], &task["tries"]), (&json!("error"), &json!(2)));
    assert_eq!(task["failure"]["message"], "Command failed with code 1");
    assert_eq!(first["secret_params"], json!(["db_password"]));
    assert_eq!((&first["totals"]["failed_tasks"], &first["totals"]["transfers"]), (&json!(1), &json!(1)));
    assert_eq!(first["retry_command"], "sync retry --session 1");
    let text = std::fs::read_to_string(file_of(&sandbox, 1, 1)).expect("text");
    assert!(!text.contains("opensesame") && !text.contains("a-secret"), "{text}");

    std::fs::remove_file(sandbox.path().join("broken")).expect("it is there");
    sandbox.run(["retry", "--session", "1", "-p", "db_password=a-secret"]).expect_code(0);
    let second = printed(&sandbox, &[]);
    assert_eq!(
        (&second["attempt"], &second["kind"], &second["starting_attempt"], &second["outcome"]),
        (&json!(2), &json!("retry"), &json!(1), &json!("success"))
    );
    // The table stands as the first attempt copied it.
    assert_eq!((&second["transfers"][0]["attempt"], &second["totals"]["rows_sent"]), (&json!(1), &json!(2)));
    assert_eq!(printed(&sandbox, &["--attempt", "1"]), first);
    check_schema(&[file_of(&sandbox, 1, 1), file_of(&sandbox, 1, 2)]);
    // Without the file the state tells the same, but for what only the process knew.
    std::fs::remove_file(file_of(&sandbox, 1, 1)).expect("it is there");
    let mut told = first;
    told["process_zone"] = Value::Null;
    assert_eq!(printed(&sandbox, &["--attempt", "1"]), told);
    assert_eq!(
        sandbox.run(["report", "--session", "1", "--attempt", "3"]).expect_code(1).stderr,
        "error: session 1 has no attempt 3\n"
    );
}

/// A run whose second task has begun and waits.
struct Waiting {
    sandbox: Sandbox,
    run: Child,
}

impl Waiting {
    fn start() -> Self {
        let sandbox =
            estate().file("main.dig", &format!("{WORKFLOW}+wait:\n  sh>: 'echo > started; exec cat end'\n"));
        for name in ["started", "end"] {
            let path = sandbox.path().join(name);
            rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, 0o600.into(), 0)
                .expect("a pipe");
        }
        let mut command = sandbox.command(["run", "main.dig", "--session", "2026-01-02"]);
        let run = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let mut word = String::new();
        File::open(sandbox.path().join("started"))
            .expect("a pipe")
            .read_to_string(&mut word)
            .expect("a word");
        assert_eq!(word, "\n");
        Self { sandbox, run }
    }

    /// Lets what the task left running end.
    fn release(&self) {
        // Nobody reads it any more where the task was stopped.
        if let Ok(mut end) = OpenOptions::new().read(true).write(true).open(self.sandbox.path().join("end")) {
            let _ = end.write_all(b"x");
        }
    }
}

#[test]
fn a_run_that_a_signal_stopped_is_reported() {
    let mut waiting = Waiting::start();
    let running = printed(&waiting.sandbox, &[]);
    assert_eq!((&running["outcome"], &running["finished_at"]), (&json!("running"), &Value::Null));
    assert!(!file_of(&waiting.sandbox, 1, 1).exists(), "it has not ended");
    let pid = Pid::from_child(&waiting.run);
    kill_process(pid, Signal::TERM).expect("it runs");
    assert_eq!(waiting.run.wait().expect("it ends").code(), Some(143));
    let file = file_of(&waiting.sandbox, 1, 1);
    let report = read(&file);
    assert_eq!((&report["outcome"], &report["signal"]), (&json!("stopped"), &json!(15)));
    assert_eq!(report["retry_command"], "sync retry --session 1");
    check_schema(&[file]);
    waiting.release();
}

#[test]
fn a_run_that_was_killed_is_reported_by_whoever_asks_first() {
    let mut waiting = Waiting::start();
    waiting.run.kill().expect("it runs");
    waiting.run.wait().expect("it ends");
    waiting.release();
    let (sandbox, file) = (&waiting.sandbox, file_of(&waiting.sandbox, 1, 1));
    assert!(!file.exists());
    let asked = printed(sandbox, &["--session", "1"]);
    assert_eq!((&asked["outcome"], &asked["seconds"]), (&json!("lost"), &Value::Null));
    assert_eq!(asked["transfers"][0]["report"]["rows_sent"], 2);
    assert_eq!(read(&file), asked);
    check_schema(std::slice::from_ref(&file));
    assert!(file.with_extension("html").exists(), "people find a page as well");
    // The next run finds that it is lost, and reports it where nobody has.
    std::fs::remove_file(&file).expect("it is there");
    sandbox.write("main.dig", WORKFLOW);
    sandbox.run(["run", "main.dig", "--session", "2026-01-03"]).expect_code(0);
    assert_eq!(read(&file)["outcome"], "lost");
    assert_eq!(
        read(&file)["tasks"].as_array().expect("tasks").len(),
        asked["tasks"].as_array().expect("tasks").len()
    );
    check_schema(&[file, file_of(sandbox, 2, 2)]);
}

#[test]
fn a_required_workflow_has_a_report_of_its_own() {
    let sandbox = Sandbox::new()
        .file("main.dig", "+other:\n  require>: other\n")
        .file("other.dig", "+a:\n  sh>: exit 3\n");
    sandbox.run(["run", "main.dig", "--session", "2026-01-02"]).expect_code(1);
    let (main, other) = (file_of(&sandbox, 1, 1), file_of(&sandbox, 2, 2));
    assert_eq!((&read(&main)["workflow"], &read(&other)["workflow"]), (&json!("main"), &json!("other")));
    assert_eq!(read(&other)["retry_command"], "sync retry --session 2");
    check_schema(&[main, other]);
}

#[test]
fn a_run_that_is_not_remembered_leaves_no_report() {
    let sandbox = estate();
    sandbox.run(["run", "main.dig", "--no-save"]).expect_code(0);
    sandbox.run(["run", "main.dig", "--dry-run"]).expect_code(0);
    assert!(!sandbox.path().join(".sync/logs").exists());
    assert_eq!(sandbox.run(["report"]).expect_code(1).stderr.lines().count(), 1);
}

#[test]
fn a_report_that_cannot_be_written_fails_no_table() {
    let sandbox = estate().file(
        "main.dig",
        "+copy:\n  _export: {TABLE: 注文}\n  sh>: embulk run -l warn table.yml.liquid\n+lock:\n  \
         sh>: mkdir -p .sync/logs/1/1/report.json/x\n",
    );
    let said = sandbox.run(["run", "main.dig", "--session", "2026-01-02"]).expect_code(0);
    let told = "warning: the report of the attempt could not be written: Is a directory (os error 21)\n";
    assert!(said.stderr.contains(told), "{}", said.stderr);
    let folder = sandbox.path().join(".sync/logs/1/1");
    let left: Vec<_> =
        std::fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("one").file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with("report.json.")), "{left:?}");
}

#[test]
fn two_hundred_and_eighty_tables_stay_readable() {
    let names: Vec<String> = (1..=280).map(|number| format!("受注明細_{number:03}")).collect();
    let sandbox = Sandbox::new().file("table.yml.liquid", TABLE).file(
        "main.dig",
        &format!(
            "+copy:\n  _parallel: true\n  for_each>: {{TABLE: {}}}\n  _do:\n    sh>: embulk run -l warn table.yml.liquid\n",
            json!(names)
        ),
    );
    let shop = rusqlite::Connection::open(sandbox.path().join("shop.db")).expect("a database");
    for name in &names {
        let sql = format!("create table {name} (id integer); insert into {name} values (1), (2), (3);");
        shop.execute_batch(&sql).expect("a table");
    }
    sandbox.run(["run", "main.dig", "--session", "2026-01-02"]).expect_code(0);
    let text = sandbox.run(["report"]).expect_code(0).stdout;
    let tables: Vec<&str> = text.lines().filter(|line| line.starts_with("sqlite shop.db ")).collect();
    assert_eq!(tables.len(), 280, "a table is a line");
    assert!(tables[0].starts_with("sqlite shop.db 受注明細_"), "{}", tables[0]);
    let places: std::collections::BTreeSet<usize> =
        tables.iter().map(|line| line.find("success").expect("its state")).collect();
    assert_eq!(places.len(), 1, "columns stand below each other");
    let total = text.lines().find(|line| line.starts_with("280 in all")).expect("a line for all");
    assert_eq!(total.split_whitespace().collect::<Vec<_>>()[3..5], ["840", "840"]);
}
