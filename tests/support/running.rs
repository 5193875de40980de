//! The program in the background, and what it says on stderr.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::sandbox::Sandbox;

/// A program that runs, and what it said so far.
pub struct Running {
    pub child: Child,
    stderr: BufReader<ChildStderr>,
    pub said: String,
}

impl Running {
    /// Starts ours.
    pub fn start(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        let program = sandbox.command(arguments);
        Self::of(without_ignored_signals(&program), &program)
    }

    /// Starts another program with the folder and the environment of one of ours.
    pub fn of(mut command: Command, like: &Command) -> Self {
        surround(&mut command, like);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        Self { child, stderr, said: String::new() }
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Reads one more line; false at the end.
    pub fn next_line(&mut self) -> bool {
        self.stderr.read_line(&mut self.said).expect("it is text") > 0
    }

    /// Reads until a line holds `text`. The end of the program without it is a failure.
    #[track_caller]
    pub fn await_line(&mut self, text: &str) {
        while self.next_line() {
            if self.said.lines().next_back().is_some_and(|line| line.contains(text)) {
                return;
            }
        }
        panic!("it never said {text:?}, but\n{}", self.said);
    }

    /// Starts ours with its results in a pipe, which the test reads.
    pub fn start_with_results(sandbox: &Sandbox, arguments: &[&str]) -> (Self, BufReader<ChildStdout>) {
        let program = sandbox.command(arguments);
        let mut command = without_ignored_signals(&program);
        surround(&mut command, &program);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        (Self { child, stderr, said: String::new() }, stdout)
    }

    /// Everything that it said, after its end with this code.
    #[track_caller]
    pub fn expect_code(mut self, code: i32) -> String {
        while self.next_line() {}
        assert_eq!(self.child.wait().expect("it ends").code(), Some(code), "{}", self.said);
        self.said
    }
}

/// The same command with the signals that end it as they usually are: under `nohup` the tests ignore one.
pub fn without_ignored_signals(program: &Command) -> Command {
    let mut command = Command::new("env");
    command.arg("--default-signal=HUP,INT,TERM").arg(program.get_program()).args(program.get_args());
    surround(&mut command, program);
    command
}

fn surround(command: &mut Command, like: &Command) {
    command.env_clear().envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(like.get_current_dir().expect("it has a folder")).stdin(Stdio::null());
}
