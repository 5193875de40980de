//! What becomes of commands when this process is killed and can end nothing itself: a second process, small and idle,
//! sees our end of a pipe close, and kills what tasks had running.
//!
//! The kernel's own way (`PR_SET_PDEATHSIG`) reaches the first process of a command only, and ends it too early, with the
//! thread that started it. A command is known by a variable in its environment, which all inherit that it starts; what it
//! left running when it ended by itself is nobody's.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{self, BufRead as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, getpgrp, kill_process, kill_process_group};

use crate::program;

/// The variable by which a command is known.
const VARIABLE: &str = "SYNC_CHILD";
/// How often it is looked for processes that were only just started.
const LOOKS: u32 = 100;
const LOOK: Duration = Duration::from_millis(20);

static IS_WANTED: AtomicBool = AtomicBool::new(false);
static WATCHER: OnceLock<Option<Watcher>> = OnceLock::new();
static NUMBER: AtomicU64 = AtomicU64::new(1);

/// Our end of the pipe.
struct Watcher {
    /// This process, in the variable.
    own: String,
    pipe: Mutex<ChildStdin>,
}

/// From now on commands die with us. The second process starts with the first command.
pub fn die_with_us() {
    IS_WANTED.store(true, Ordering::SeqCst);
}

fn watcher() -> Option<&'static Watcher> {
    if !IS_WANTED.load(Ordering::SeqCst) {
        return None;
    }
    // Where it cannot be started, commands run all the same.
    WATCHER.get_or_init(|| start().ok()).as_ref()
}

fn start() -> io::Result<Watcher> {
    let own =
        format!("{}-{:x}", std::process::id(), std::time::UNIX_EPOCH.elapsed().map_or(0, |at| at.as_nanos()));
    // It is there even when the program's file was replaced meanwhile.
    let mut command = Command::new("/proc/self/exe");
    command.arg0(program::WATCH).arg(&own).env_remove(VARIABLE).current_dir("/");
    // A group of its own: what a terminal sends to ours does not reach it.
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let pipe = command.spawn()?.stdin.take().ok_or_else(|| io::Error::other("there is no pipe"))?;
    Ok(Watcher { own, pipe: Mutex::new(pipe) })
}

impl Watcher {
    fn say(&self, line: &str) {
        // A watcher that is gone cannot be told.
        let _ = self.pipe.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
    }
}

/// A command, or a container, that dies with us until this is dropped.
pub(super) struct Mark {
    watcher: &'static Watcher,
    number: u64,
}

impl Mark {
    /// Marks a command that is about to start.
    pub(super) fn command(command: &mut Command) -> Option<Self> {
        let mark = Self::new("")?;
        command.env(VARIABLE, format!("{}.{}", mark.watcher.own, mark.number));
        Some(mark)
    }

    /// Marks a container by its name.
    pub(super) fn container(docker: &str, name: &str) -> Option<Self> {
        Self::new(&format!("\t{docker}\t{name}"))
    }

    fn new(what: &str) -> Option<Self> {
        let watcher = watcher()?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        watcher.say(&format!("+{number}{what}\n"));
        Some(Self { watcher, number })
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.watcher.say(&format!("-{}\n", self.number));
    }
}

/// What is marked: nothing more for a command, program and name for a container.
type Marked = HashMap<u64, Option<(String, String)>>;

/// The second process: waits for the end of the first, then kills what is marked.
pub fn main(arguments: &[OsString]) {
    let Some(own) = arguments.first().and_then(|own| own.to_str()) else { return };
    let mut marked = Marked::new();
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        note(&line, &mut marked);
    }
    for _ in 0..LOOKS {
        if !kill_commands(own, &marked) {
            break;
        }
        std::thread::sleep(LOOK);
    }
    for (docker, name) in marked.values().flatten() {
        let mut kill = Command::new(docker);
        kill.args(["kill", name]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // One that is gone needs no killing.
        let _ = kill.status();
    }
}

fn note(line: &str, marked: &mut Marked) {
    let mut fields = line.split('\t');
    let first = fields.next().unwrap_or_default();
    if let Some(number) = first.strip_prefix('+').and_then(|number| number.parse().ok()) {
        let container = fields.next().zip(fields.next());
        marked.insert(number, container.map(|(docker, name)| (docker.to_owned(), name.to_owned())));
    } else if let Some(number) = first.strip_prefix('-').and_then(|number| number.parse::<u64>().ok()) {
        marked.remove(&number);
    }
}

/// Kills every process that is marked, with its group. Whether there was one.
fn kill_commands(own: &str, marked: &Marked) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else { return false };
    let mut found = false;
    for process in processes.filter_map(Result::ok) {
        let Some(group) = group_of_marked(&process.path(), own, marked) else { continue };
        found = true;
        if group != getpgrp() {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let id = process.file_name().to_str().and_then(|id| id.parse().ok()).and_then(Pid::from_raw);
        if let Some(id) = id {
            let _ = kill_process(id, Signal::KILL);
        }
    }
    found
}

/// The group of a process of `/proc` that is marked and has not ended.
fn group_of_marked(process: &Path, own: &str, marked: &Marked) -> Option<Pid> {
    let environment = std::fs::read(process.join("environ")).ok()?;
    let mut variables = environment.split(|byte| *byte == 0);
    variables.find(|variable| is_marked(variable, own, marked))?;
    let stat = std::fs::read_to_string(process.join("stat")).ok()?;
    // The name may hold anything: state, parent and group stand behind the last bracket.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    if matches!(fields.next(), Some("Z" | "X")) {
        return None;
    }
    fields.nth(1)?.parse().ok().and_then(Pid::from_raw)
}

fn is_marked(variable: &[u8], own: &str, marked: &Marked) -> bool {
    let mark = variable.strip_prefix(VARIABLE.as_bytes()).and_then(|rest| rest.strip_prefix(b"="));
    let number =
        mark.and_then(|mark| mark.strip_prefix(own.as_bytes())).and_then(|rest| rest.strip_prefix(b"."));
    let number = number.and_then(|number| std::str::from_utf8(number).ok()?.parse().ok());
    number.is_some_and(|number: u64| marked.contains_key(&number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_by_itself_is_not_marked_any_more() {
        let mut marked = Marked::new();
        for line in ["+1", "+2\t/usr/bin/docker\tsync-a", "+12", "-1", "-7", "odd", ""] {
            note(line, &mut marked);
        }
        assert!(is_marked(b"SYNC_CHILD=4711-a.12", "4711-a", &marked));
        for other in [
            "SYNC_CHILD=4711-a.1",
            "SYNC_CHILD=4711-b.12",
            "SYNC_CHILDREN=4711-a.12",
            "SYNC_CHILD=4711-a.12x",
        ] {
            assert!(!is_marked(other.as_bytes(), "4711-a", &marked), "{other}");
        }
        assert_eq!(marked[&2], Some(("/usr/bin/docker".to_owned(), "sync-a".to_owned())));
    }

    #[test]
    fn a_marked_process_is_killed_with_its_group() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "env -i sleep 1000 & echo $!; wait"]).env(VARIABLE, "me.3").process_group(0);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("a shell");
        let mut line = String::new();
        io::BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a number");
        assert!(!kill_commands("me", &Marked::from([(4, None)])), "another number");
        let marked = Marked::from([(3, None)]);
        assert!(kill_commands("me", &marked));
        assert!(!child.wait().expect("it ends").success());
        let is_alive = || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", line.trim()));
            stat.is_ok_and(|stat| !stat.contains(") Z "))
        };
        while is_alive() {
            std::thread::yield_now();
        }
        assert!(!kill_commands("me", &marked), "nothing is left");
    }
}
