//! A child process and all that it starts: one process group. Its end is waited for, not looked for; it can be asked
//! to end, and killed.
//!
//! The child is not reaped before its group is done with: as long as it is there, dead or alive, no other group gets
//! its number, and no signal hits a stranger.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};

use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open, test_kill_process_group,
    waitid,
};

/// The child and what it started.
pub(super) struct Group {
    child: Child,
    /// The number of the child and of its group.
    id: Pid,
    /// Readable once the child has ended. Kernels before 5.3 have none.
    end: Option<OwnedFd>,
    status: Option<ExitStatus>,
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
        let child = command.process_group(0).spawn()?;
        let id = Pid::from_child(&child);
        let end = pidfd_open(id, PidfdFlags::empty()).ok();
        Ok(Self { child, id, end, status: None })
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

    /// Whether nothing is left of the group. To be asked when the child has ended: it is reaped.
    pub(super) fn is_gone(&mut self) -> io::Result<bool> {
        self.status()?;
        Ok(test_kill_process_group(self.id) == Err(Errno::SRCH))
    }

    /// How the child ended, once it has.
    pub(super) fn status(&mut self) -> io::Result<ExitStatus> {
        match self.status {
            Some(status) => Ok(status),
            None => {
                let status = self.child.wait()?;
                self.status = Some(status);
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
