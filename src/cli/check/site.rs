//! A place where a transfer file is run, and what it is given there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::embulk::config::ExecConfig;

/// A place where a transfer file is run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Site {
    pub(super) file: SiteFile,
    /// The task, and the values of the loops around it; none for a file that is looked at on its own.
    pub(super) task: Option<String>,
    /// The working directory of the transfer, absolute.
    pub(super) directory: PathBuf,
    pub(super) env: Env,
    /// What its command line says for what `exec:` does not.
    pub(super) exec: ExecConfig,
    pub(super) runs: Runs,
}

/// Whether a task runs whenever its workflow does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runs {
    /// Once.
    Surely,
    /// In a branch, in the rounds of a loop, when something failed.
    Perhaps,
}

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breadth {
    All,
    /// What surely runs: rounds of loops may be many.
    Sure,
}

/// What is run.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum SiteFile {
    /// A file of the project.
    Named(PathBuf),
    /// YAML that a task has made of a file or of its own options.
    Written {
        /// What messages call it.
        path: PathBuf,
        text: String,
    },
}

impl SiteFile {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Named(path) | Self::Written { path, .. } => path,
        }
    }
}

/// What a transfer file sees as `env`.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Env {
    Known {
        variables: BTreeMap<String, String>,
        /// Those that only the run knows, each with what is written for it.
        unknown: BTreeMap<String, String>,
    },
    /// The file itself is not known, for these reasons.
    Unknown(Vec<String>),
}
