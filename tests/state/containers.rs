//! Two containers with one host name and process numbers of their own share a state file: a live run is never taken for a
//! dead one, a dead one never for a live one.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::support::sandbox::Sandbox;
use crate::support::servers::skip;

const DAY: &str = "--session=2026-01-02";

fn sandbox() -> Sandbox {
    Sandbox::new().file("main.dig", "+a: {sh>: 'test -e go || { echo working; exec sleep 1000; }'}\n")
}

/// The program as the first process of a container: namespaces of process numbers and host names.
fn contained(sandbox: &Sandbox, host: &str, arguments: &[&str]) -> Option<Command> {
    let inside = ["--pid", "--uts", "--fork", "--mount-proc", "--kill-child"];
    let works = Command::new("unshare").args(inside).arg("true").output();
    if !works.is_ok_and(|output| output.status.success()) {
        skip("no namespaces may be made here");
        return None;
    }
    let program = sandbox.command(arguments);
    let mut command = Command::new("unshare");
    command.args(inside).args(["sh", "-c", "hostname \"$0\" && exec \"$@\"", host]);
    command.arg(program.get_program()).args(program.get_args());
    command.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(program.get_current_dir()?).stdin(Stdio::null());
    Some(command)
}

/// A run in a container that works.
fn working(sandbox: &Sandbox, host: &str) -> Option<Child> {
    let mut command = contained(sandbox, host, &["run", "main.dig", DAY])?;
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().expect("a pipe")).read_line(&mut line).expect("it is text");
    assert_eq!(line, "working\n");
    Some(child)
}

/// Ends the container with all that is in it.
fn end(mut container: Child) {
    container.kill().expect("it runs");
    container.wait().expect("it ends");
    // The last of it is gone when its pipe is closed.
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut container.stderr.take().expect("a pipe"), &mut rest).expect("text");
}

#[test]
fn a_run_in_another_container_holds_its_workflow_as_long_as_it_lives() {
    for other in ["box", "another-box"] {
        let sandbox = sandbox();
        let Some(container) = working(&sandbox, "box") else { return };
        let second = || contained(&sandbox, other, &["run", "main.dig", DAY]).expect("as before");
        let said = second().output().expect("it starts");
        let stderr = String::from_utf8_lossy(&said.stderr);
        assert_eq!(said.status.code(), Some(75), "{stderr}");
        assert!(
            stderr.starts_with("error: workflow `main` is already running: attempt 1 of session 1"),
            "{stderr}"
        );
        // It is seen to live: nobody has to be asked.
        assert!(
            stderr.ends_with(
                " on `box`\nhint: try again when it has ended, or wait for that with `--wait-lock`\n"
            ),
            "{stderr}"
        );
        let status = sandbox.run(["status"]).expect_code(0).stdout;
        assert!(status.contains("  running  "), "{status}");
        end(container);
        let status = sandbox.run(["status"]).expect_code(0).stdout;
        assert!(status.contains("  lost  "), "{status}");
        sandbox.write("go", "");
        let said = second().output().expect("it starts");
        let stderr = String::from_utf8_lossy(&said.stderr);
        assert_eq!(said.status.code(), Some(0), "{stderr}");
        assert!(stderr.contains("attempt 1 ended without a word: its process is gone"), "{stderr}");
    }
}

#[test]
fn a_lock_file_goes_with_its_attempt() {
    let sandbox = sandbox().file("go", "");
    let locks = || {
        let names = std::fs::read_dir(sandbox.path().join(".sync")).expect("a folder");
        let names = names.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
        names.filter(|name| name.ends_with(".lock")).collect::<Vec<_>>()
    };
    sandbox.run(["run", "main.dig", DAY]).expect_code(0);
    assert_eq!(locks(), [""; 0]);
    // One that a process left which was killed at the very end.
    sandbox.write(".sync/state.db-attempt-1.lock", "");
    sandbox.write(".sync/state.db-attempt-99.lock", "");
    sandbox.run(["run", "main.dig", DAY]).expect_code(0);
    assert_eq!(locks(), [""; 0]);
}
