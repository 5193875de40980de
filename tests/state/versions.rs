//! State files of each version that there was, as it was made then.

use rusqlite::Connection;

use crate::support::sandbox::Sandbox;

/// What each version added to the one before; never changed.
const STEPS: [&str; 4] = [
    include_str!("version-1.sql"),
    include_str!("version-2.sql"),
    include_str!("version-3.sql"),
    include_str!("version-4.sql"),
];

/// One session, of which `+main+a` is done and `+main+b` is not.
const ROWS: &str = r#"
    insert into installation (id) values ('00112233445566ff');
    insert into sessions values (1, '{project}', 'main', '2026-01-02T00:00:00+00:00');
    insert into attempts (id, session, starting_attempt, kind, started_at, finished_at, outcome, file, params,
        secret_params, host, boot, pid, process_started)
    values (1, 1, 1, 'run', '2026-01-02T03:00:00Z', '2026-01-02T03:00:01Z', '"failed"', 'main.dig', '{"p":"kept"}',
        '[]', 'h', 'b', 1, 1);
    insert into tasks (attempt, name, operator, state, started_at, finished_at, result) values
        (1, '+main+a', 'sh', 'success', '2026-01-02T03:00:00Z', '2026-01-02T03:00:01Z',
            '{"store":{},"reset_store":[],"export":{},"subtask":null,"secret_stores":[],"definition":""}'),
        (1, '+main+b', 'sh', 'error', '2026-01-02T03:00:00Z', '2026-01-02T03:00:01Z', null);
"#;

#[test]
fn older_files_are_gone_on_with() {
    for version in 1..=STEPS.len() {
        let sandbox = Sandbox::new()
            .file("main.dig", "+a:\n  sh>: echo a >> out.txt\n+b:\n  sh>: echo ${p} >> out.txt\n")
            .file(".sync/.gitignore", "*\n");
        let state = Connection::open(sandbox.path().join(".sync/state.db")).unwrap();
        STEPS[..version].iter().for_each(|step| state.execute_batch(step).unwrap());
        state.execute_batch(&ROWS.replace("{project}", &sandbox.path().to_string_lossy())).unwrap();
        state.pragma_update(None, "user_version", i64::try_from(version).unwrap()).unwrap();
        drop(state);
        let status = sandbox.run(["status"]).expect_code(0).stdout;
        assert!(status.contains("main      2026-01-02T00:00:00+00:00  failed"), "{version}: {status}");
        sandbox.run(["retry", "--session", "last"]).expect_code(0);
        assert_eq!(sandbox.read("out.txt"), "kept\n", "version {version}");
        let state = Connection::open(sandbox.path().join(".sync/state.db")).unwrap();
        let id: String = state.query_row("select id from installation", [], |row| row.get(0)).unwrap();
        assert_eq!(id, "00112233445566ff", "names outside derive from it");
    }
}

#[test]
fn a_newer_file_is_refused_and_left_alone() {
    let sandbox = Sandbox::new().file("main.dig", "+a:\n  sh>: touch ran\n");
    sandbox.run(["run", "main.dig"]).expect_code(0);
    let file = sandbox.path().join(".sync/state.db");
    Connection::open(&file).unwrap().pragma_update(None, "user_version", 99).unwrap();
    std::fs::remove_file(sandbox.path().join("ran")).unwrap();
    let before = std::fs::read(&file).unwrap();
    let said = sandbox.run(["run", "main.dig"]).expect_code(1);
    assert_eq!(
        said.stderr,
        "error: the state file has version 99, this program knows up to 5\n\
         hint: a newer version of this program wrote it: use that one, or another state file\n"
    );
    assert!(!sandbox.path().join("ran").exists() && std::fs::read(&file).unwrap() == before);
}

#[test]
fn a_damaged_file_is_never_replaced() {
    let sandbox = Sandbox::new().file("main.dig", "+a:\n  sh>: touch ran\n");
    sandbox.write(".sync/state.db", &"no database ".repeat(1000));
    let said = sandbox.run(["run", "main.dig"]).expect_code(1);
    let hint = "could not be opened: file is not a database\nhint: it was left as it is: move it away with its `-wal` \
                and `-shm`, and the next run begins a new one that knows of nothing before; `sqlite3 FILE .recover` \
                may save what is in it\n";
    assert!(said.stderr.ends_with(hint), "{}", said.stderr);
    assert!(!sandbox.path().join("ran").exists());
    assert_eq!(sandbox.read(".sync/state.db"), "no database ".repeat(1000));
}
