//! SIGTERM, SIGINT and SIGHUP at every moment of a run, and what becomes of its commands when it is killed.

mod children;
mod phases;
mod servers;
mod stopping;

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::sandbox::Sandbox;

/// The signals, how messages call them, and the codes that runs end with.
const SIGNALS: [(Signal, &str, i32); 3] =
    [(Signal::TERM, "SIGTERM", 143), (Signal::INT, "SIGINT", 130), (Signal::HUP, "SIGHUP", 129)];

/// A program that runs, and what it said on stderr so far.
struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
}

impl Running {
    /// Starts it without a signal that is ignored, whatever the tests were started with.
    fn start(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        let program = sandbox.command(arguments);
        let mut command = Command::new("env");
        command.args(["--default-signal=HUP,INT,TERM"]).arg(program.get_program()).args(program.get_args());
        Self::of(command, &program)
    }

    /// Starts another program with the folder and the environment of one of ours.
    fn of(mut command: Command, like: &Command) -> Self {
        command.env_clear().envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(like.get_current_dir().expect("it has a folder")).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        Self { child, stderr, said: String::new() }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    fn next_line(&mut self) -> bool {
        self.stderr.read_line(&mut self.said).expect("it is text") > 0
    }

    /// Reads until a line holds `text`.
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
        assert_eq!(self.child.wait().expect("it ends").code(), Some(code), "{}", self.said);
        self.said
    }
}

/// Waits until something is so; half a minute without is a failure.
#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < Duration::from_secs(30), "it never came: {what}");
        std::thread::yield_now();
    }
}

/// The word that a task has written into a file.
fn word_in(sandbox: &Sandbox, name: &str) -> String {
    let file = sandbox.path().join(name);
    let whole = || std::fs::read_to_string(&file).ok().filter(|text| text.ends_with('\n'));
    until(name, || whole().is_some());
    whole().expect("it is there").trim().to_owned()
}

/// The same, when it is the number of a process that lives.
fn process_in(sandbox: &Sandbox, name: &str) -> String {
    let number = word_in(sandbox, name);
    assert!(number.parse::<u32>().is_ok() && is_alive(&number), "{name}: {number}");
    number
}

/// Whether a process works: one that has ended may wait for its parent to notice.
fn is_alive(number: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{number}/stat"))
        .is_ok_and(|stat| !stat.contains(") Z ") && !stat.contains(") X "))
}
