//! Files and folders that the user who runs the program may not read or write.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::support::sandbox::{Said, Sandbox};
use crate::support::servers::skip;

/// A sandbox that everybody may write to; none, after saying so, where nobody else can be run as.
fn shared() -> Option<Sandbox> {
    let sandbox = Sandbox::new();
    permit(&sandbox, ".", 0o777);
    let run = as_nobody(&sandbox, &["--version"]);
    if run.code == Some(0) {
        return Some(sandbox);
    }
    skip("only root can run the program as somebody else, and only where everybody may reach it");
    None
}

fn permit(sandbox: &Sandbox, name: &str, mode: u32) {
    std::fs::set_permissions(sandbox.path().join(name), PermissionsExt::from_mode(mode)).unwrap();
}

/// What the program says to somebody without any right of their own, the folder of the sandbox as `DIR`.
fn as_nobody(sandbox: &Sandbox, arguments: &[&str]) -> Said {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command.arg(sandbox.command([""; 0]).get_program()).args(arguments);
    command.current_dir(sandbox.path()).env("HOME", sandbox.path()).env("TZ", "UTC");
    let Ok(output) = command.output() else {
        return Said { code: None, stdout: String::new(), stderr: String::new() };
    };
    let mut said = Said::of(output);
    said.stderr = said.stderr.replace(&*sandbox.path().to_string_lossy(), "DIR");
    said
}

const COLUMNS: &str = "parser: {type: csv, columns: [{name: a, type: long}]}";

fn transfer(input: &str, output: &str) -> String {
    format!(
        "in: {input}\nout: {{type: file, path_prefix: {output}, sequence_format: '', file_ext: '', formatter: {{type: csv}}}}\n"
    )
}

#[test]
fn of_transfers_are_named() {
    let Some(sandbox) = shared() else { return };
    for folder in ["closed", "full"] {
        std::fs::create_dir(sandbox.path().join(folder)).unwrap();
    }
    for (name, text) in [("a.csv", "1\n"), ("secret.csv", "1\n"), ("closed/x", "1\n"), ("o", "old")] {
        sandbox.write(name, text);
    }
    rusqlite::Connection::open(sandbox.path().join("s.db"))
        .unwrap()
        .execute_batch("create table t (a)")
        .unwrap();
    for name in ["secret.csv", "s.db"] {
        permit(&sandbox, name, 0o600);
    }
    permit(&sandbox, "closed", 0o700);
    permit(&sandbox, "o", 0o666);
    let file = |name: &str| format!("{{type: file, path_prefix: {name}, {COLUMNS}}}");
    let make_room = "hint: make room or fix the permissions, then retry";
    for (input, output, error) in [
        (
            file("a.csv"),
            "full/o",
            format!("file `DIR/full/o` could not be written\n  cause: DENIED\n  {make_room}"),
        ),
        (
            file("a.csv"),
            "closed/o",
            format!("file `DIR/closed/o` could not be written\n  cause: DENIED\n  {make_room}"),
        ),
        (
            file("secret.csv"),
            "o",
            "file `secret.csv` could not be read\n  cause: DENIED\n  hint: grant the permission, then retry"
                .to_owned(),
        ),
        (file("closed/"), "o", format!("folder `closed/` could not be read\n  cause: DENIED\n  {make_room}")),
        (
            "{type: sqlite, database: s.db, table: t}".to_owned(),
            "o",
            format!(
                "SQLite file `s.db` cannot be opened\n  cause: unable to open database file: DIR/s.db\n  {make_room}"
            ),
        ),
    ] {
        sandbox.write("a.yml", &transfer(&input, output));
        let said = as_nobody(&sandbox, &["embulk", "run", "-l", "error", "a.yml"]).expect_code(1);
        assert_eq!(
            said.stderr,
            format!("Error: {error}\n").replace("DENIED", "Permission denied (os error 13)")
        );
        assert_eq!(sandbox.read("o"), "old");
        assert!(!sandbox.path().join("full/o").exists() && !sandbox.path().join("closed/o").exists());
    }
    permit(&sandbox, "a.yml", 0o600);
    assert_eq!(
        as_nobody(&sandbox, &["embulk", "run", "a.yml"]).expect_code(1).stderr,
        "Error: transfer file `DIR/a.yml` is invalid\n  cause: transfer file `a.yml` cannot be read: Permission denied (os error 13)\n"
    );
}

#[test]
fn of_a_project_are_named() {
    let Some(sandbox) = shared() else { return };
    sandbox.write("main.dig", "+a:\n  sh>: touch done\n");
    let denied =
        |what: &str| format!("error: {what} could not be made\n  cause: Permission denied (os error 13)\n");
    let refused = |expected: &str| {
        let said = as_nobody(&sandbox, &["run", "main.dig"]).expect_code(1);
        assert_eq!(said.stderr, expected);
        assert!(!sandbox.path().join("done").exists(), "nothing begins that is not recorded");
    };
    permit(&sandbox, ".", 0o755);
    refused(&denied("the folder of the state `DIR/.sync`"));
    permit(&sandbox, ".", 0o777);
    std::fs::create_dir(sandbox.path().join(".sync")).unwrap();
    refused(&denied("the folder of the state `DIR/.sync`"));
    std::fs::create_dir(sandbox.path().join(".sync/logs")).unwrap();
    permit(&sandbox, ".sync", 0o777);
    refused(&denied("a folder for logs in `DIR/.sync`"));
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(sandbox.path().join(format!(".sync/state.db{end}")));
    }
    std::fs::remove_dir_all(sandbox.path().join(".sync/logs")).unwrap();
    sandbox.run(["run", "--dry-run", "main.dig"]).expect_code(0);
    refused(
        "error: the state file `DIR/.sync/state.db` could not be opened: unable to open database file: DIR/.sync/state.db\n\
         hint: the user that runs this has to be allowed to write the file and its folder\n",
    );
    permit(&sandbox, "main.dig", 0o600);
    assert_eq!(
        as_nobody(&sandbox, &["run", "main.dig"]).expect_code(65).stderr,
        "error: file `main.dig` can't be read: Permission denied (os error 13)\n"
    );
}
