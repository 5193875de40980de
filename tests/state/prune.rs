//! What is old goes, with its logs, by `sync prune` and after each run.

use crate::support::sandbox::Sandbox;

const MAIN: &str = "+a:\n  sh>: echo a\n";

/// Four sessions of `main`, of which the first two ended long ago.
fn sandbox() -> Sandbox {
    let sandbox =
        Sandbox::new().file("main.dig", MAIN).file(".config/digdag/config", "sync.keep_days = off\n");
    for day in 1..=4 {
        sandbox.run(["run", "main.dig", "--session", &format!("2026-01-0{day}")]).expect_code(0);
    }
    age(&sandbox, "id <= 2");
    sandbox
}

/// Makes attempts old.
fn age(sandbox: &Sandbox, which: &str) {
    let state = rusqlite::Connection::open(sandbox.path().join(".sync/state.db")).unwrap();
    let old = "'2020-01-01T00:00:00Z'";
    let sql = format!("update attempts set started_at = {old}, finished_at = {old} where {which}");
    state.execute_batch(&sql).unwrap();
}

fn left(sandbox: &Sandbox) -> (Vec<i64>, Vec<String>) {
    let status = sandbox.run(["status", "--json"]).expect_code(0).stdout;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let sessions = status["sessions"].as_array().unwrap();
    let mut sessions: Vec<i64> =
        sessions.iter().map(|session| session["session"].as_i64().unwrap()).collect();
    sessions.sort_unstable();
    let folders = std::fs::read_dir(sandbox.path().join(".sync/logs")).unwrap();
    let mut folders: Vec<String> =
        folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    folders.sort();
    (sessions, folders)
}

fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn old_sessions_go_when_they_are_asked_to() {
    let sandbox = sandbox();
    let said = sandbox.run(["prune"]).expect_code(1);
    assert_eq!(
        said.stderr,
        "error: `sync.keep_days` is off, so nothing is old: say with `--older-than` what is\n"
    );
    let said = sandbox.run(["prune", "--older-than", "1000d", "--dry-run"]).expect_code(0);
    assert!(
        said.stdout.starts_with("would remove 2 sessions of main\nwould remove 2 in all, with "),
        "{said:?}"
    );
    assert_eq!(left(&sandbox).0, [1, 2, 3, 4]);
    let said = sandbox.run(["prune", "--older-than", "1000d", "--json"]).expect_code(0);
    let json: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert!(json["bytes"].as_u64().unwrap() > 0 && json["dry_run"] == false, "{json}");
    let first = serde_json::json!({"session": 1, "workflow": "main", "session_time": "2026-01-01T00:00:00+00:00",
        "attempt_count": 1});
    assert_eq!(json["sessions"][0], first);
    assert_eq!(left(&sandbox), (vec![3, 4], texts(&["3", "4"])));
    let said = sandbox.run(["prune", "--older-than", "0d"]).expect_code(0);
    assert!(said.stdout.starts_with("removed 1 session of main\nremoved 1 in all, with "), "{said:?}");
    assert_eq!(left(&sandbox), (vec![4], texts(&["4"])), "the last one stays");
    sandbox.run(["retry", "--session", "last", "--all"]).expect_code(0);
    let said = sandbox.run(["prune", "--older-than", "long"]).expect_code(1);
    assert_eq!(said.stderr, "error: `--older-than` takes a length such as `90d` or `48h`, but got `long`\n");
}

#[test]
fn every_run_ends_with_it() {
    let sandbox = sandbox();
    sandbox.run(["run", "main.dig", "--session", "2026-01-05"]).expect_code(0);
    assert_eq!(left(&sandbox).0, [1, 2, 3, 4, 5], "it is off");
    sandbox.write(".config/digdag/config", "");
    // A crash after the folder was moved: the rows go now, and so does what was moved.
    std::fs::rename(sandbox.path().join(".sync/logs/1"), sandbox.path().join(".sync/logs/pruned-1")).unwrap();
    let said = sandbox.run(["run", "main.dig", "--session", "2026-01-06"]).expect_code(0);
    assert_eq!(said.stderr, "");
    assert_eq!(left(&sandbox), (vec![3, 4, 5, 6], texts(&["3", "4", "5", "6"])));
    sandbox.write(".config/digdag/config", "sync.keep_days = 0\n");
    let said = sandbox.run(["run", "main.dig"]).expect_code(65);
    assert_eq!(
        said.stderr,
        "error: property `sync.keep_days` takes a whole number of days from 1 to 65535, or `off`\n"
    );
}

#[test]
fn projects_that_share_a_file_prune_their_own() {
    let mut sandbox = Sandbox::new().file("a/main.dig", MAIN).file("b/main.dig", MAIN);
    sandbox.set("SYNC_STATE", sandbox.path().join(".sync/state.db").to_string_lossy());
    for project in ["a", "b"] {
        for day in 1..=2 {
            let file = format!("{project}/main.dig");
            let session = format!("2026-01-0{day}");
            sandbox.run(["run", &file, "--project", project, "--session", &session]).expect_code(0);
        }
    }
    age(&sandbox, "1");
    sandbox.run(["prune", "--project", "b"]).expect_code(0);
    let folders = left(&sandbox).1;
    assert_eq!(folders, texts(&["1", "2", "4"]));
}
