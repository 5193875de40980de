//! `param_set>` and `param_get>` as workflows use them: from one run to the next, from many tasks and processes at
//! once, and never with a secret.

use std::fmt::Write as _;
use std::process::Stdio;

use crate::support::sandbox::{Said, Sandbox};

/// A project whose state is in `.sync/`.
fn project() -> Sandbox {
    Sandbox::new().file(".sync/.gitignore", "*\n")
}

/// What `param_get>` gives for keys, as the shell sees it: `[a][b]`.
fn get(sandbox: &Sandbox, keys: &[&str]) -> String {
    let mut text = "+get:\n  param_get>:\n".to_owned();
    let mut shown = String::new();
    for (at, key) in keys.iter().enumerate() {
        writeln!(text, "  {key}: v{at}").unwrap();
        write!(shown, "[${{v{at}}}]").unwrap();
    }
    sandbox.write("get.dig", &format!("{text}+show:\n  echo>: \"{shown}\"\n"));
    sandbox.run(["run", "get.dig"]).expect_code(0).stdout.trim_end().to_owned()
}

/// Runs one task.
fn run(sandbox: &Sandbox, task: &str) -> Said {
    sandbox.write("main.dig", &format!("+a:\n{task}"));
    sandbox.run(["run", "main.dig"])
}

#[test]
fn what_one_run_keeps_another_finds() {
    let sandbox = project();
    let set =
        "  param_set>:\n  last: ${session_date} 日本\n  count: 3\n  ratio: 1.0\n  on: true\n  _retry: 2\n";
    let said = run(&sandbox, set).expect_code(0);
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("", ""));
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    assert_eq!(
        get(&sandbox, &["last", "count", "ratio", "on", "missing"]),
        format!("[{today} 日本][3][1.0][true][]")
    );
    let state = rusqlite::Connection::open(sandbox.path().join(".sync/state.db")).unwrap();
    let kept: i64 = state.query_row("select count(*) from params", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 4, "`_retry` is a directive and no pair");
    run(&sandbox, "  param_set>:\n  count: 4\n").expect_code(0);
    assert_eq!(get(&sandbox, &["count", "on"]), "[4][true]");
}

#[test]
fn projects_that_share_a_state_file_do_not_share_keys() {
    let (mut one, mut other) = (project(), project());
    let state = one.path().join("shared.db").to_string_lossy().into_owned();
    one.set("SYNC_STATE", state.as_str());
    other.set("SYNC_STATE", state.as_str());
    run(&one, "  param_set>:\n  k: one\n").expect_code(0);
    assert_eq!(get(&other, &["k"]), "[]");
    run(&other, "  param_set>:\n  k: other\n").expect_code(0);
    assert_eq!((get(&one, &["k"]), get(&other, &["k"])), ("[one]".to_owned(), "[other]".to_owned()));
}

#[test]
fn many_tasks_of_two_processes_keep_all_they_set() {
    const TASKS: usize = 30;
    let sandbox = project();
    let mut running = Vec::new();
    for process in ["a", "b"] {
        let mut text = "_parallel: true\n".to_owned();
        for task in 0..TASKS {
            writeln!(text, "+{process}{task}:\n  param_set>:\n  {process}{task}: x\n  both: {process}")
                .unwrap();
        }
        sandbox.write(&format!("{process}.dig"), &text);
        let mut command = sandbox.command(["run", &format!("{process}.dig"), "-j", "8"]);
        running.push(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts"));
    }
    for process in running {
        Said::of(process.wait_with_output().expect("it ends")).expect_code(0);
    }
    let names: Vec<String> = ["a", "b"]
        .iter()
        .flat_map(|process| (0..TASKS).map(move |task| format!("{process}{task}")))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(get(&sandbox, &names), "[x]".repeat(2 * TASKS));
    assert!(["[a]", "[b]"].contains(&get(&sandbox, &["both"]).as_str()));
}

#[test]
fn secrets_are_refused_and_reach_no_file() {
    let mut sandbox = project();
    sandbox.set("SYNC_SECRET_DB", "hunter2hunter2");
    let said = run(&sandbox, "  param_set>:\n  api_token: tell-nobody-0815\n").expect_code(1);
    assert_eq!(
        said.stderr,
        "error: task `+main+a` failed: `api_token` is not kept: its name counts as that of a secret\n\
         error: 1 task failed\n  +main+a: `api_token` is not kept: its name counts as that of a secret\n    \
         hint: `sync secrets set` keeps secrets; `sync.secrets.params` in the properties says which names count as \
         one\nhint: `sync retry --session 1` runs what is left\n"
    );
    let said = run(&sandbox, "  param_set>:\n  url: mysql://me:hunter2hunter2@db\n").expect_code(1);
    assert!(
        said.stderr.contains(
            "  +main+a: `url` is not kept: a known secret stands in its value\n    hint: keep what is not secret; a \
             task gets a secret by `${secret:NAME}`\n"
        ),
        "{}",
        said.stderr
    );
    assert_eq!(get(&sandbox, &["api_token", "url"]), "[][]");
    for file in ["state.db", "state.db-wal"] {
        let bytes = std::fs::read(sandbox.path().join(".sync").join(file)).unwrap_or_default();
        for secret in ["tell-nobody-0815", "hunter2hunter2"] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} stands in {file}");
        }
    }
}

#[test]
fn a_parameter_that_could_not_be_kept_fails_its_task() {
    let sandbox = project();
    run(&sandbox, "  param_set>:\n  k: old\n").expect_code(0);
    let state = rusqlite::Connection::open(sandbox.path().join(".sync/state.db")).unwrap();
    let refuse = "create trigger refuse before insert on params begin select raise(abort, 'no room'); end";
    state.execute_batch(refuse).unwrap();
    let said = run(&sandbox, "  param_set>:\n  k: new\n").expect_code(1);
    assert!(
        said.stderr.contains(
            "  +main+a: the parameters could not be kept\n    cause: the state file could not be used: no room\n"
        ),
        "{}",
        said.stderr
    );
    assert_eq!(get(&sandbox, &["k"]), "[old]");
}

#[test]
fn what_is_no_pair_is_found_before_anything_runs() {
    let sandbox = project();
    let said = run(&sandbox, "  param_set>:\n  _retry: 1\n").expect_code(65);
    assert!(said.stderr.starts_with("error: no key is set.\n --> main.dig:2:3\n"), "{}", said.stderr);
    let said = run(&sandbox, "  param_get>: {k: v}\n").expect_code(65);
    assert!(
        said.stderr.starts_with("error: the keys of `param_get>` stand beside it, not below it\n"),
        "{}",
        said.stderr
    );
}
