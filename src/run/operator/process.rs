//! One child process in a group of its own: its output goes to the task's reporter line by line, and when the task is
//! cancelled the whole group is asked to end, then killed.

use std::collections::BTreeMap;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use process_wrap::std::{ChildWrapper, CommandWrap, ProcessGroup};

use super::{Cancel, OperatorError, Reporter};

/// How long a group that was asked to end (SIGTERM) may take before it is killed.
const GRACE: Duration = Duration::from_secs(10);
/// How often a waiting thread looks whether the task was cancelled.
const LOOK: Duration = Duration::from_millis(50);
/// A line longer than this is passed on in pieces.
const LONGEST_LINE: usize = 64 << 10;

/// What is started, and how.
#[derive(Debug)]
pub(super) struct Child {
    /// Program and arguments. Never holds a secret: anyone on the machine can read it.
    pub(super) argv: Vec<String>,
    /// All of the environment.
    pub(super) environment: BTreeMap<String, String>,
    /// The current directory.
    pub(super) directory: PathBuf,
}

/// Runs a child to its end. Output and errors are one stream. Gives the exit code as shells do (128 + the number of
/// the signal that killed it).
///
/// Waits until nobody has the output open, as Digdag does: a background process that keeps it open keeps the task.
pub(super) fn run(
    child: &Child,
    input: Option<String>,
    reporter: &Reporter,
    cancel: &Cancel,
) -> Result<i32, OperatorError> {
    let (reader, writer) = io::pipe().map_err(|error| cannot_start(child, &error))?;
    let output = writer.try_clone().map_err(|error| cannot_start(child, &error))?;
    let process = start(child, input, output.into(), writer)?;
    follow(process, reader, reporter, cancel)
}

/// The same for a child whose errors are what is reported; what it writes on its output is given back.
pub(super) fn run_apart(
    child: &Child,
    input: String,
    reporter: &Reporter,
    cancel: &Cancel,
) -> Result<(i32, Vec<u8>), OperatorError> {
    let (reader, writer) = io::pipe().map_err(|error| cannot_start(child, &error))?;
    let mut process = start(child, Some(input), Stdio::piped(), writer)?;
    let output = process.stdout().take();
    let collected = thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = output.map_or(Ok(0), |mut output| output.read_to_end(&mut bytes));
        read.map(|_| bytes)
    });
    let code = follow(process, reader, reporter, cancel)?;
    let lost = || OperatorError::failed("the result of the command could not be read");
    let bytes = collected.join().map_err(|_| lost())?.map_err(|error| lost().cause(&error))?;
    Ok((code, bytes))
}

/// Reports what comes until the child has ended.
fn follow(
    mut process: Box<dyn ChildWrapper>,
    reader: PipeReader,
    reporter: &Reporter,
    cancel: &Cancel,
) -> Result<i32, OperatorError> {
    let ended = copy_output(reader, reporter.clone());
    let mut group = Group { process: process.as_mut(), cancel, asked: None };
    loop {
        match ended.recv_timeout(LOOK) {
            Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => group.end_if_cancelled(),
        }
    }
    let status = group.wait();
    reporter.flush_output();
    if group.asked.is_some() {
        return Err(OperatorError::canceled());
    }
    let status = status.map_err(|error| OperatorError::failed("the command was lost").cause(&error))?;
    Ok(exit_code(status))
}

fn cannot_start(child: &Child, error: &io::Error) -> OperatorError {
    let program = child.argv.first().map_or("", String::as_str);
    OperatorError::failed(format!("`{program}` could not be started in `{}`", child.directory.display()))
        .cause(error)
}

fn start(
    child: &Child,
    input: Option<String>,
    output: Stdio,
    errors: PipeWriter,
) -> Result<Box<dyn ChildWrapper>, OperatorError> {
    let [program, arguments @ ..] = child.argv.as_slice() else {
        return Err(OperatorError::config("there is no program to start"));
    };
    let mut command = CommandWrap::with_new(program, |command| {
        command.args(arguments).env_clear().envs(&child.environment).current_dir(&child.directory);
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(output).stderr(errors);
    });
    let mut process =
        command.wrap(ProcessGroup::leader()).spawn().map_err(|error| cannot_start(child, &error))?;
    if let (Some(input), Some(mut stdin)) = (input, process.stdin().take()) {
        // A child that ends before it has read everything says why itself.
        thread::spawn(move || stdin.write_all(input.as_bytes()));
    }
    // With `command` our own ends of the pipes are closed, else their end would never be seen.
    Ok(process)
}

/// Passes output on in whole lines. The channel says when it has ended.
fn copy_output(mut reader: PipeReader, reporter: Reporter) -> Receiver<()> {
    let (done, ended) = channel();
    thread::spawn(move || {
        let mut lines = Lines::default();
        let mut buffer = vec![0; 32 << 10];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => reporter.output(&lines.push(&buffer[..count])),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        reporter.output(&lines.rest);
        // Nobody listens any more only when the task has given up.
        let _ = done.send(());
    });
    ended
}

/// Holds back the beginning of a line until its end is there, so that tasks do not write into each other's lines.
#[derive(Default)]
struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.rest.extend_from_slice(bytes);
        let whole = match self.rest.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => end + 1,
            None if self.rest.len() > LONGEST_LINE => self.rest.len(),
            None => 0,
        };
        let rest = self.rest.split_off(whole);
        std::mem::replace(&mut self.rest, rest)
    }
}

struct Group<'a> {
    process: &'a mut dyn ChildWrapper,
    cancel: &'a Cancel,
    /// When it was asked to end.
    asked: Option<Instant>,
}

impl Group<'_> {
    fn end_if_cancelled(&mut self) {
        if !self.cancel.is_canceled() {
            return;
        }
        // A signal that fails finds nobody: the group has ended by itself.
        match self.asked {
            None => {
                self.asked = Some(Instant::now());
                let _ = self.process.signal(rustix::process::Signal::TERM.as_raw());
            }
            Some(since) if since.elapsed() > GRACE => {
                let _ = self.process.start_kill();
            }
            Some(_) => {}
        }
    }

    /// Output has ended, so the process has too or soon will; one that closed its output and works on is waited for.
    fn wait(&mut self) -> io::Result<ExitStatus> {
        let mut pause = Duration::from_micros(100);
        loop {
            if let Some(status) = self.process.try_wait()? {
                return Ok(status);
            }
            self.end_if_cancelled();
            thread::sleep(pause);
            pause = (pause * 2).min(LOOK);
        }
    }
}

fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;

    fn child(script: &str) -> Child {
        Child {
            argv: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
            environment: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
            directory: "/".into(),
        }
    }

    #[test]
    fn output_and_errors_are_one_stream_and_the_code_is_told() {
        let bench = Bench::new();
        let code = run(
            &child("echo a; echo b >&2; printf c; cat; exit 7"),
            None,
            &bench.reporter(),
            &Cancel::default(),
        );
        assert_eq!(code.map_err(|error| error.message), Ok(7));
        assert_eq!(bench.output(), "a\nb\nc");
    }

    #[test]
    fn output_may_be_kept_apart_and_input_given() {
        let bench = Bench::new();
        let ended =
            run_apart(&child("cat; echo log >&2"), "in".into(), &bench.reporter(), &Cancel::default());
        assert_eq!(ended.map_err(|error| error.message), Ok((0, b"in".to_vec())));
        assert_eq!(bench.output(), "log\n");
    }

    #[test]
    fn a_signal_is_a_code_as_in_shells() {
        let bench = Bench::new();
        let code = run(&child("kill -9 $$"), None, &bench.reporter(), &Cancel::default());
        assert_eq!(code.map_err(|error| error.message), Ok(137));
    }

    #[test]
    fn a_cancelled_task_ends_with_all_it_started() {
        let bench = Bench::new();
        let cancel = Cancel::default();
        let stop = cancel.clone();
        bench.on_output(move |_| stop.cancel());
        let result = run(&child("sleep 1000 & echo started; wait"), None, &bench.reporter(), &cancel);
        assert_eq!(result.map_err(|error| error.kind), Err(crate::run::event::FailureKind::Canceled));
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let bench = Bench::new();
        let missing = Child { argv: vec!["/no/such".to_owned()], ..child("") };
        let error = run(&missing, None, &bench.reporter(), &Cancel::default()).expect_err("an error");
        assert_eq!(error.message, "`/no/such` could not be started in `/`");
    }

    #[test]
    fn lines_are_kept_whole() {
        let mut lines = Lines::default();
        assert_eq!(lines.push(b"a\nb"), b"a\n");
        assert_eq!(lines.push(b"c"), b"");
        assert_eq!(lines.push(b"\n"), b"bc\n");
        assert_eq!(lines.push(&vec![b'x'; LONGEST_LINE + 1]).len(), LONGEST_LINE + 1);
    }
}
