//! `pg>` and `mysql>` against real servers, run as a user would.

mod connection;
mod messages;
mod mysql;
mod once;
mod results;

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Stdio};

use crate::support::postgres::PostgresDatabase;
use crate::support::sandbox::Sandbox;

/// A project whose `pg>` tasks go to a database, as a user `user`.
fn pg_project(database: &PostgresDatabase, user: &str, tasks: &str) -> Sandbox {
    let PostgresDatabase { host, port, name, .. } = database;
    Sandbox::new().file(
        "main.dig",
        &format!("_export:\n  pg: {{host: {host}, port: {port}, user: {user}, database: {name}}}\n{tasks}"),
    )
}

/// A run in the background, and what it says.
struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
}

impl Running {
    fn start(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        let mut command = sandbox.command(arguments);
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        Self { child, stderr, said: String::new() }
    }

    /// Reads until a line holds `text`. The end of the program without it is a failure.
    #[track_caller]
    fn await_line(&mut self, text: &str) {
        while self.next_line() {
            if self.said.lines().next_back().is_some_and(|line| line.contains(text)) {
                return;
            }
        }
        panic!("it never said {text:?}, but\n{}", self.said);
    }

    /// Everything that it said, after its end with this code.
    #[track_caller]
    fn expect_code(mut self, code: i32) -> String {
        while self.next_line() {}
        let status = self.child.wait().expect("it ends");
        assert_eq!(status.code(), Some(code), "{}", self.said);
        self.said
    }

    fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Asks it to stop as Ctrl-C does.
    fn interrupt(&self) {
        let pid = self.child.id().to_string();
        let status = std::process::Command::new("kill").args(["-INT", &pid]).status();
        assert!(status.expect("`kill` starts").success());
    }

    fn next_line(&mut self) -> bool {
        self.stderr.read_line(&mut self.said).expect("text") > 0
    }
}
