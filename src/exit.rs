//! The exit codes of the program, in one place.

use std::process::ExitCode;

/// How the program ends. Called as `embulk`, Embulk's own codes apply instead: 0, 1, 255.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All done.
    Success,
    /// A task failed; `sync retry` may help.
    TaskFailed,
    /// Wrong usage of the command line.
    Usage,
    /// A workflow or config is invalid; found before anything ran.
    Invalid,
    /// Try later: another run holds the workflow, what was waited for did not end in time, or every failure is "unreachable" and nothing was published.
    TryLater,
    /// Stopped by a signal, state saved.
    Signal(i32),
    /// A code of a program that we stand in for (Embulk's 255).
    Other(u8),
}

impl Exit {
    /// The number given to the caller.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::TaskFailed => 1,
            Self::Usage => 2,
            Self::Invalid => 65,
            Self::TryLater => 75,
            Self::Signal(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
            Self::Other(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
