//! One command from its start to its end: its output goes to the task's reporter line by line, and when the task is
//! cancelled, all that it started is asked to end, then killed.
//!
//! The thread of the task does all of it: it sleeps until there is output, or until the command has ended.

use std::collections::BTreeMap;
use std::io::{self, PipeWriter, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::group::{ChildState, Group};
use super::lines::Lines;
use super::{Cancel, OperatorError, Reporter};

/// How long a group that was asked to end (SIGTERM) may take before it is killed. Shorter than the time that a run
/// which is stopped gives its tasks: who would kill when the run is over?
const GRACE: Duration = Duration::from_secs(5);
/// The same when nothing is to be waited for: its last words.
const AT_ONCE: Duration = Duration::from_millis(300);
/// How often a sleeping thread looks whether the task was cancelled.
const LOOK: Duration = Duration::from_millis(50);
/// How often it looks whether the command has ended, where the kernel does not tell.
const LOOK_FOR_END: Duration = Duration::from_millis(1);
/// Output is read in pieces of this size.
const PIECE: usize = 32 << 10;
/// So many of them may be the last words of a group that was stopped: a pipe holds two.
const LAST_PIECES: usize = 8;

/// The exit code of what was ended by SIGKILL.
pub(super) const KILLED: i32 = 137;
/// What to say of it when it was not us.
pub(super) const KILLED_HINT: &str =
    "the command was killed (signal 9): look whether the machine ran out of memory";

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
    let group = start(child, input, output.into(), writer)?;
    follow(group, reader.into(), None, reporter, cancel, GRACE)
}

/// The same for a child whose errors are what is reported; what it writes on its output is given back.
pub(super) fn run_apart(
    child: &Child,
    input: String,
    reporter: &Reporter,
    cancel: &Cancel,
) -> Result<(i32, Vec<u8>), OperatorError> {
    let (reader, writer) = io::pipe().map_err(|error| cannot_start(child, &error))?;
    let mut group = start(child, Some(input), Stdio::piped(), writer)?;
    let mut answer = Vec::new();
    let stream =
        group.child().stdout.take().map(|pipe| Stream::new(pipe.into(), |bytes| answer.extend(bytes)));
    let code = follow(group, reader.into(), stream, reporter, cancel, GRACE)?;
    Ok((code, answer))
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
) -> Result<Group, OperatorError> {
    let [program, arguments @ ..] = child.argv.as_slice() else {
        return Err(OperatorError::config("there is no program to start"));
    };
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(&child.environment).current_dir(&child.directory);
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(output).stderr(errors);
    let mut group = Group::start(&mut command).map_err(|error| cannot_start(child, &error))?;
    if let (Some(input), Some(mut stdin)) = (input, group.child().stdin.take()) {
        // A child that ends before it has read everything says why itself.
        thread::spawn(move || stdin.write_all(input.as_bytes()));
    }
    // With `command` our own ends of the pipes are closed, else their end would never be seen.
    Ok(group)
}

/// Reports what comes until the child has ended.
fn follow<'a>(
    group: Group,
    told: OwnedFd,
    apart: Option<Stream<'a>>,
    reporter: &'a Reporter,
    cancel: &'a Cancel,
    grace: Duration,
) -> Result<i32, OperatorError> {
    let mut lines = Lines::default();
    let told = Stream::new(told, |bytes| reporter.output(&lines.push(bytes)));
    let streams = std::iter::once(told).chain(apart).collect();
    let ended = Watch { group, streams, state: ChildState::Running, stop: None, cancel, grace }.finish();
    reporter.output(&lines.rest());
    reporter.flush_output();
    ended.map(exit_code)
}

fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

fn lost(error: &(dyn std::error::Error + 'static)) -> OperatorError {
    OperatorError::failed("the command was lost").cause(error)
}

/// Takes pieces of output.
type Take<'a> = Box<dyn FnMut(&[u8]) + 'a>;

/// What a child writes, until nobody has it open for writing any more.
struct Stream<'a> {
    pipe: Option<OwnedFd>,
    take: Take<'a>,
}

impl<'a> Stream<'a> {
    fn new(pipe: OwnedFd, take: impl FnMut(&[u8]) + 'a) -> Self {
        Self { pipe: Some(pipe), take: Box::new(take) }
    }

    /// Takes one piece. To be called when there is something to read: else it waits for it.
    fn read(&mut self, buffer: &mut [u8]) {
        let Some(pipe) = &self.pipe else { return };
        match rustix::io::read(pipe, &mut *buffer) {
            Err(Errno::INTR) => {}
            Ok(0) | Err(_) => self.pipe = None,
            Ok(count) => (self.take)(&buffer[..count]),
        }
    }
}

/// Why a command must end, and what was done about it.
struct Stop {
    why: OperatorError,
    since: Instant,
    killed: bool,
}

/// One command while it works.
struct Watch<'a> {
    group: Group,
    streams: Vec<Stream<'a>>,
    state: ChildState,
    stop: Option<Stop>,
    cancel: &'a Cancel,
    grace: Duration,
}

impl Watch<'_> {
    fn finish(mut self) -> Result<ExitStatus, OperatorError> {
        self.watch().map_err(|error| lost(&error))?;
        match self.stop {
            Some(stop) => Err(stop.why),
            None => self.group.status().map_err(|error| lost(&error)),
        }
    }

    fn watch(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; PIECE];
        loop {
            self.take_what_comes(&mut buffer, self.pause())?;
            self.state = self.group.state()?;
            if self.is_over()? {
                break;
            }
            self.stop_if_need_be();
        }
        if self.stop.is_some() {
            // Its last words. What comes after them comes from a process that has left the group.
            for _ in 0..LAST_PIECES {
                self.take_what_comes(&mut buffer, Duration::ZERO)?;
            }
        }
        Ok(())
    }

    fn is_over(&mut self) -> io::Result<bool> {
        match &self.stop {
            _ if self.state != ChildState::Ended => Ok(false),
            // A group that ends by itself closes its output.
            None => Ok(self.streams.iter().all(|stream| stream.pipe.is_none())),
            Some(stop) => Ok(stop.killed || self.group.is_gone()?),
        }
    }

    fn pause(&self) -> Duration {
        let output_tells = self.streams.iter().any(|stream| stream.pipe.is_some());
        if output_tells || self.group.end().is_some() { LOOK } else { LOOK_FOR_END }
    }

    /// Sleeps until there is output, or the child ends, or the pause is over.
    fn take_what_comes(&mut self, buffer: &mut [u8], pause: Duration) -> io::Result<()> {
        let open = self.streams.iter().filter_map(|stream| stream.pipe.as_ref().map(AsFd::as_fd));
        let end = self.group.end().filter(|_| self.state != ChildState::Ended);
        let mut watched: Vec<_> =
            open.chain(end).map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
        let timeout = Timespec { tv_sec: 0, tv_nsec: pause.subsec_nanos().into() };
        match poll(&mut watched, Some(&timeout)) {
            Ok(0) | Err(Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        let ready: Vec<_> = watched.iter().map(|watched| !watched.revents().is_empty()).collect();
        let open = self.streams.iter_mut().filter(|stream| stream.pipe.is_some());
        for (stream, _) in open.zip(ready).filter(|(_, ready)| *ready) {
            stream.read(buffer);
        }
        Ok(())
    }

    fn stop_if_need_be(&mut self) {
        match &mut self.stop {
            None => {
                let why = match self.state {
                    _ if self.cancel.is_canceled() => OperatorError::canceled(),
                    ChildState::WaitsForTerminal => wants_terminal(),
                    ChildState::Running | ChildState::Ended => return,
                };
                self.stop = Some(Stop { why, since: Instant::now(), killed: false });
                self.group.ask_to_end();
            }
            Some(stop)
                if stop.since.elapsed() > if self.cancel.is_at_once() { AT_ONCE } else { self.grace } =>
            {
                stop.killed = true;
                self.group.kill();
            }
            Some(_) => {}
        }
    }
}

fn wants_terminal() -> OperatorError {
    OperatorError::failed("the command asked for something on the terminal, and a task has none")
        .hint("say it in an option, a file or a variable; `sudo -n` and `ssh -o BatchMode=yes` do not ask")
}

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;
    use crate::run::event::FailureKind;

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

    /// Runs a script with this much grace, which is cancelled with the first line that it prints.
    fn cancelled(script: &str, grace: Duration) -> (Bench, Result<i32, FailureKind>) {
        let bench = Bench::new();
        let cancel = Cancel::default();
        let stop = cancel.clone();
        bench.on_output(move |_| stop.cancel());
        let (group, reader) = started(&child(script));
        let code = follow(group, reader, None, &bench.reporter(), &cancel, grace);
        (bench, code.map_err(|error| error.kind))
    }

    fn started(child: &Child) -> (Group, OwnedFd) {
        let (reader, writer) = io::pipe().expect("a pipe");
        let output = writer.try_clone().expect("a pipe");
        (start(child, None, output.into(), writer).expect("a group"), reader.into())
    }

    #[test]
    fn a_cancelled_task_ends_with_all_it_started() {
        let (_, result) = cancelled("sleep 1000 & echo started; wait", GRACE);
        assert_eq!(result, Err(FailureKind::Canceled));
    }

    #[test]
    fn a_cancelled_task_may_say_last_words_and_what_left_the_group_does_not_hold_it() {
        // It speaks once it has left: the task is cancelled at its first word.
        let script = "trap 'echo bye; exit 0' TERM; setsid sh -c 'echo $$; exec sleep 1000' & wait";
        let (bench, result) = cancelled(script, GRACE);
        assert_eq!(result, Err(FailureKind::Canceled));
        let output = bench.output();
        let (id, last) = output.split_once('\n').expect("two lines");
        assert_eq!(last, "bye\n");
        let id = rustix::process::Pid::from_raw(id.parse().expect("a number")).expect("an id");
        rustix::process::kill_process(id, rustix::process::Signal::KILL).expect("it has left the group");
    }

    #[test]
    fn what_does_not_end_when_asked_is_killed() {
        let script = "trap '' TERM; sleep 1000 > /dev/null 2>&1 & echo $!; sleep 1000";
        let (bench, result) = cancelled(script, Duration::ZERO);
        assert_eq!(result, Err(FailureKind::Canceled));
        let id = bench.output().trim().to_owned();
        let is_dead = || {
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat"));
            stat.map_or(true, |stat| stat.contains(") Z "))
        };
        // The signal is on its way; one that was never sent would not come in this time either.
        let latest = Instant::now() + Duration::from_secs(20);
        while !is_dead() {
            assert!(Instant::now() < latest, "it lives on");
            thread::yield_now();
        }
    }

    #[test]
    fn the_end_is_seen_when_output_was_closed_before_and_where_the_kernel_does_not_tell() {
        let bench = Bench::new();
        let script =
            child("exec > /dev/null 2>&1; i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; exit 3");
        for tells in [true, false] {
            let (group, reader) = started(&script);
            let group = if tells { group } else { group.without_end() };
            let code = follow(group, reader, None, &bench.reporter(), &Cancel::default(), GRACE);
            assert_eq!(code.map_err(|error| error.message), Ok(3));
        }
    }

    #[test]
    fn a_background_process_that_keeps_the_output_open_keeps_the_task() {
        let bench = Bench::new();
        let fifo = bench.project().join("fifo");
        let script = child("mkfifo fifo; { read line < fifo; echo late; } & echo first");
        let script = Child { directory: bench.project(), ..script };
        bench.on_output(move |bytes| {
            if bytes == b"first\n" {
                std::fs::write(&fifo, "go on\n").expect("a fifo");
            }
        });
        let code = run(&script, None, &bench.reporter(), &Cancel::default());
        assert_eq!(code.map_err(|error| error.message), Ok(0));
        assert_eq!(bench.output(), "first\nlate\n");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let bench = Bench::new();
        let missing = Child { argv: vec!["/no/such".to_owned()], ..child("") };
        let error = run(&missing, None, &bench.reporter(), &Cancel::default()).expect_err("an error");
        assert_eq!(error.message, "`/no/such` could not be started in `/`");
    }
}
