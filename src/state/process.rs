//! Who runs an attempt, told so exactly that a dead process is never taken for a live one with the same number.

use std::fs;

/// A process on a host: its number alone is not enough, since numbers are used again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// The host's name.
    pub host: String,
    /// The host's boot, from the kernel; empty where it cannot be read.
    pub boot: String,
    /// The process number.
    pub pid: i64,
    /// When it started, in the kernel's ticks since boot; 0 where it cannot be read.
    pub started: i64,
}

impl Process {
    /// This process.
    pub fn current() -> Self {
        let pid = i64::from(std::process::id());
        Self { host: host(), boot: boot_id(), pid, started: start_ticks(pid).unwrap_or(0) }
    }

    /// Whether it ran on another host, so that nobody here can look at it.
    pub fn is_elsewhere(&self) -> bool {
        self.host != host()
    }

    /// Whether it still lives. A process of another host is taken as alive: nobody here can know better.
    pub fn is_alive(&self) -> bool {
        let here = Self::current();
        if self.host != here.host {
            return true;
        }
        if self.boot != here.boot {
            return false;
        }
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
    }
}
