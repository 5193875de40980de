//! A child process and all that it starts: one process group. Its end is waited for, not looked for; it can be asked
//! to end, and killed.
//!
//! The child is not reaped before its group is done with: as long as it is there, dead or alive, no other group gets
//! its number, and no signal hits a stranger.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};

use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process_group, pidfd_open,
    test_kill_process_group, waitid, waitpgid,
};

use crate::run::orphans::Mark;

/// The child and what it started.
pub(super) struct Group {
    child: Child,
    /// The number of the child and of its group.
    id: Pid,
    /// Readable once the child has ended. Kernels before 5.3 have none.
    end: Option<OwnedFd>,
    status: Option<ExitStatus>,
    /// It dies with us as long as this is here.
    _mark: Option<Mark>,
}

/// What the child is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChildState {
    Running,
    /// It wanted something of the terminal, which belongs to another group: the kernel has halted it.
    WaitsForTerminal,
    Ended,
}

impl Group {
    /// Starts the command as the first of a new group.
    pub(super) fn start(command: &mut Command) -> io::Result<Self> {
        let mark = Mark::command(command);
        let child = command.process_group(0).spawn()?;
        let id = Pid::from_child(&child);
        let end = pidfd_open(id, PidfdFlags::empty()).ok();
        Ok(Self { child, id, end, status: None, _mark: mark })
    }

    /// As on an old kernel.
    #[cfg(test)]
    pub(super) fn without_end(self) -> Self {
        let mut group = self;
        group.end = None;
        group
    }

    /// The pipes to and from the child, where it has some.
    pub(super) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Readable once the child has ended, where the kernel can tell.
    pub(super) fn end(&self) -> Option<BorrowedFd<'_>> {
        self.end.as_ref().map(AsFd::as_fd)
    }

    /// What the child is doing now.
    pub(super) fn state(&self) -> io::Result<ChildState> {
        if self.status.is_some() {
            return Ok(ChildState::Ended);
        }
        let kinds = WaitIdOptions::EXITED | WaitIdOptions::STOPPED;
        let look = kinds | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let Some(status) = waitid(WaitId::Pid(self.id), look)? else { return Ok(ChildState::Running) };
        match status.stopping_signal().and_then(Signal::from_named_raw) {
            Some(Signal::TTIN | Signal::TTOU) => Ok(ChildState::WaitsForTerminal),
            _ if status.stopped() => Ok(ChildState::Running),
            _ => Ok(ChildState::Ended),
        }
    }

    /// Asks all of the group to end.
    pub(super) fn ask_to_end(&self) {
        // A signal that fails finds nobody who could take it: all have ended, or belong to another user.
        let _ = kill_process_group(self.id, Signal::TERM);
        // One that is halted hears nothing.
        let _ = kill_process_group(self.id, Signal::CONT);
    }

    /// Ends all of the group.
    pub(super) fn kill(&self) {
        let _ = kill_process_group(self.id, Signal::KILL);
    }

    /// Whether nothing of the group works any more. To be asked when the child has ended: it is reaped.
    pub(super) fn is_gone(&mut self) -> io::Result<bool> {
        self.status()?;
        if test_kill_process_group(self.id) == Err(Errno::SRCH) {
            return Ok(true);
        }
        // Where nobody reaps orphans, as in many containers, the dead stay in their group.
        let mut processes = std::fs::read_dir("/proc")?.filter_map(Result::ok);
        Ok(!processes.any(|process| is_alive_in(&process.path(), self.id)))
    }

    /// How the child ended, once it has.
    pub(super) fn status(&mut self) -> io::Result<ExitStatus> {
        match self.status {
            Some(status) => Ok(status),
            None => {
                let status = self.child.wait()?;
                self.status = Some(status);
                // Orphans of the group are ours when this is the first process of a container.
                while let Ok(Some(_)) = waitpgid(self.id, WaitOptions::NOHANG) {}
                Ok(status)
            }
        }
    }
}

impl Drop for Group {
    /// Who gives up the group before its end leaves nothing behind.
    fn drop(&mut self) {
        if self.status.is_none() {
            self.kill();
            let _ = self.child.wait();
        }
    }
}

/// Whether a directory of `/proc` is that of a process of the group that has not ended.
fn is_alive_in(directory: &Path, group: Pid) -> bool {
    let Ok(stat) = std::fs::read_to_string(directory.join("stat")) else { return false };
    // The name may hold anything: state, parent and group stand behind the last bracket.
    let Some((_, fields)) = stat.rsplit_once(')') else { return false };
    let mut fields = fields.split_whitespace();
    let state = fields.next();
    let in_group = fields.nth(1).and_then(|id| id.parse().ok()) == Some(group.as_raw_nonzero().get());
    in_group && !matches!(state, Some("Z" | "X"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(script: &str) -> Group {
        Group::start(Command::new("/bin/sh").args(["-c", script])).expect("a group")
    }

    #[test]
    fn the_end_of_the_child_is_seen_before_it_is_reaped() {
        let mut group = start("exit 3");
        let end = group.end().expect("a kernel that tells");
        let mut watched = [rustix::event::PollFd::from_borrowed_fd(end, rustix::event::PollFlags::IN)];
        rustix::event::poll(&mut watched, None).expect("the end");
        assert_eq!(group.state().expect("a state"), ChildState::Ended);
        assert_eq!(group.status().expect("a status").code(), Some(3));
        assert!(group.is_gone().expect("an answer"));
        assert_eq!(group.state().expect("a state"), ChildState::Ended);
    }

    #[test]
    fn a_group_is_gone_when_all_of_it_is() {
        let mut group = start("sleep 1000 & exit 0");
        assert!(!group.is_gone().expect("an answer"));
        group.kill();
        while !group.is_gone().expect("an answer") {}
    }

    #[test]
    fn who_gives_up_leaves_nothing_behind() {
        let group = start("sleep 1000");
        let id = group.id;
        drop(group);
        assert_eq!(rustix::process::test_kill_process(id), Err(Errno::SRCH));
    }
}
