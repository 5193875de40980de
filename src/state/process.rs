//! Who runs an attempt, told so exactly that a dead process is never taken for a live one with the same number, and a live
//! one never for a dead one.

use std::fs;
use std::path::PathBuf;

use super::lock::{self, Hold};

/// A process on a host: its number alone is not enough, since numbers are used again, and containers have their own.
#[derive(Debug, Clone, Eq)]
pub struct Process {
    /// The host's name.
    pub host: String,
    /// The host's boot, from the kernel; empty where it cannot be read.
    pub boot: String,
    /// The namespace that the number belongs to, from the kernel; empty where it cannot be read.
    pub namespace: String,
    /// The process number.
    pub pid: i64,
    /// When it started, in the kernel's ticks since boot; 0 where it cannot be read.
    pub started: i64,
    /// The file that it holds locked as long as it works on the attempt; none where locks do not work.
    pub lock: Option<PathBuf>,
}

/// The lock is that of one attempt, and a process may have several.
impl PartialEq for Process {
    fn eq(&self, other: &Self) -> bool {
        let own = |process: &Self| (process.pid, process.started);
        own(self) == own(other)
            && self.host == other.host
            && self.boot == other.boot
            && self.namespace == other.namespace
    }
}

/// What can be said of a process from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It works.
    Lives,
    /// It is gone for certain.
    Gone,
    /// Nobody here can know: it ran on another host, or in another container of a file system without locks.
    OutOfSight,
}

impl Process {
    /// This process.
    pub fn current() -> Self {
        let pid = i64::from(std::process::id());
        let started = start_ticks(pid).unwrap_or(0);
        Self { host: host(), boot: boot_id(), namespace: pid_namespace(), pid, started, lock: None }
    }

    /// Whether it lives. One that holds its lock does, wherever it is. One that does not, and ran on this kernel, is
    /// gone: the kernel knows all its locks, those of other containers too. Without a lock to look at, its number is
    /// looked for, where it would be seen.
    pub fn life(&self) -> Life {
        let here = Self::current();
        let is_same_boot = !self.boot.is_empty() && self.boot == here.boot;
        match self.lock.as_deref().map(lock::hold) {
            Some(Hold::Held) => return Life::Lives,
            Some(Hold::Free) if is_same_boot && !self.has_number_here(&here) => return Life::Gone,
            _ => {}
        }
        let is_other_container =
            is_same_boot && !self.namespace.is_empty() && self.namespace != here.namespace;
        match () {
            () if self.host != here.host || is_other_container => Life::OutOfSight,
            () if self.boot != here.boot => Life::Gone,
            () if self.number_is_taken() => Life::Lives,
            () => Life::Gone,
        }
    }

    /// Whether it ran where nobody here can look at it.
    pub fn is_elsewhere(&self) -> bool {
        self.life() == Life::OutOfSight
    }

    /// Whether it still lives. One that nobody here can look at is taken as alive.
    pub fn is_alive(&self) -> bool {
        self.life() != Life::Gone
    }

    /// Whether a process that can be seen from here is this one.
    fn has_number_here(&self, here: &Self) -> bool {
        self.host == here.host && self.namespace == here.namespace && self.number_is_taken()
    }

    fn number_is_taken(&self) -> bool {
        start_ticks(self.pid).is_some_and(|started| self.started == 0 || started == self.started)
    }
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}

/// What the kernel calls the namespace of our process numbers (pid_namespaces(7)).
fn pid_namespace() -> String {
    fs::read_link("/proc/self/ns/pid").map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Field 22 of `/proc/<pid>/stat` (proc(5)); the name in field 2 may hold blanks and brackets, so fields are
/// counted after its last bracket. A zombie has ended and counts as gone.
fn start_ticks(pid: i64) -> Option<i64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat[stat.rfind(')')? + 1..].split_ascii_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_its_past_namesake_is_not() {
        let process = Process::current();
        assert!(process.is_alive());
        assert!(!Process { started: process.started + 1, ..process.clone() }.is_alive());
        assert!(!Process { boot: "another".into(), ..process.clone() }.is_alive());
        let elsewhere = Process { host: "another".into(), ..process.clone() };
        assert!(elsewhere.is_alive() && elsewhere.is_elsewhere() && !process.is_elsewhere());
        let container = Process { namespace: "pid:[1]".into(), ..process };
        assert!(container.is_alive() && container.is_elsewhere());
    }

    #[test]
    fn a_lock_that_is_held_or_free_tells_of_every_container_of_this_kernel() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = lock::take(&path).unwrap();
        let dead = Process { pid: i64::from(i32::MAX), lock: Some(path.clone()), ..Process::current() };
        let container = Process { namespace: "pid:[1]".into(), host: "another".into(), ..dead.clone() };
        let rebooted = Process { boot: "another".into(), ..dead.clone() };
        for process in [&dead, &container, &rebooted] {
            assert_eq!(process.life(), Life::Lives, "{process:?}");
        }
        drop(held);
        for process in [&dead, &container, &rebooted] {
            assert_eq!(process.life(), Life::Gone, "{process:?}");
        }
        let other_kernel = Process { host: "another".into(), ..rebooted };
        assert_eq!(other_kernel.life(), Life::OutOfSight, "its locks may not be seen here");
        fs::remove_file(&path).unwrap();
        assert_eq!(
            (dead.life(), container.life()),
            (Life::Gone, Life::OutOfSight),
            "nobody holds what is not there"
        );
        let own = Process { lock: Some(path), ..Process::current() };
        assert_eq!(own.life(), Life::Lives);
    }
}
