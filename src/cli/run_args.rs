//! The flags of `sync run` and `sync retry`, as typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::length;
use crate::report::progress::ProgressMode;
use crate::run::LogParams;
use crate::run::operator::DockerMode;

/// `sync run FILE.dig [+task]`
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The workflow
    #[arg(value_name = "FILE.dig")]
    pub file: PathBuf,
    /// Run only this task and what is below it
    #[arg(value_name = "+TASK")]
    pub task: Option<String>,
    /// The session: hourly, daily, schedule, last, "yyyy-MM-dd[ HH:mm:ss]" or ISO 8601 [default: the one that is due]
    #[arg(short = 't', long, visible_alias = "session-time", value_name = "WHEN")]
    pub session: Option<String>,
    /// For timers: run the session that is due, unless `start`, `end`, `skip_on_overtime` or `skip_delayed_by` of the
    /// schedule say no
    #[arg(long, conflicts_with = "session")]
    pub scheduled: bool,
    /// With --session last: run everything of that session again. Workflows that `require>` names run again, too
    #[arg(short = 'a', long, visible_alias = "all", conflicts_with_all = ["start", "goal"])]
    pub rerun: bool,
    /// Take what stands before this task as done where it is (with --session last), and run it and all after it
    #[arg(short = 's', long, value_name = "+TASK", conflicts_with = "goal")]
    pub start: Option<String>,
    /// Run up to this task and what is below it
    #[arg(short = 'g', long, value_name = "+TASK", conflicts_with = "end")]
    pub goal: Option<String>,
    /// Run what stands before this task; with --start, what stands between the two
    #[arg(short = 'e', long, value_name = "+TASK")]
    pub end: Option<String>,
    /// Evaluate the parameters of each task and show what it would do, but do nothing; loops and calls are not entered
    #[arg(short = 'd', long)]
    pub dry_run: bool,
    /// Remember nothing: no session, no logs, nothing to retry. A run of the same workflow at the same time is not
    /// noticed
    #[arg(long, conflicts_with_all = ["wait_lock", "allow_overlap"])]
    pub no_save: bool,
    #[command(flatten)]
    pub shared: SharedArgs,
}

/// `sync retry --session <ID|last> [+task]`
#[derive(Debug, Args)]
pub struct RetryArgs {
    /// The session: its number in `sync status`, or `last`
    #[arg(long, value_name = "ID|last")]
    pub session: String,
    /// Retry only this task and what is below it
    #[arg(value_name = "+TASK")]
    pub task: Option<String>,
    /// Run everything again
    #[arg(long, conflicts_with = "from")]
    pub all: bool,
    /// Run this task and all that follow again, even where they succeeded
    #[arg(long, value_name = "+TASK")]
    pub from: Option<String>,
    #[command(flatten)]
    pub shared: SharedArgs,
}

/// Parameters from outside.
#[derive(Debug, Clone, Default, Args)]
pub struct GivenArgs {
    /// A parameter; dots nest, a comma begins the next one
    #[arg(short = 'p', long = "param", value_name = "KEY=VALUE")]
    pub params: Vec<String>,
    /// A YAML file of parameters; -p is stronger
    #[arg(short = 'P', long = "params-file", value_name = "FILE")]
    pub params_file: Option<PathBuf>,
}

/// What both take.
#[derive(Debug, Args)]
pub struct SharedArgs {
    #[command(flatten)]
    pub given: GivenArgs,
    /// How many tasks work at once [default: twice the cores, at least 4]
    #[arg(short = 'j', long, visible_alias = "max-task-threads", value_name = "N", value_parser = at_least_one)]
    pub jobs: Option<usize>,
    /// When the workflow is running already, wait until it has ended: so long at most, e.g. 90s, 30m, 12h
    #[arg(long, value_name = "LENGTH", num_args = 0..=1, require_equals = true, default_missing_value = "",
        value_parser = patience, conflicts_with = "allow_overlap")]
    pub wait_lock: Option<Patience>,
    /// Run although the workflow is running already
    #[arg(long)]
    pub allow_overlap: bool,
    /// How long running tasks may go on after a first signal to stop, e.g. 0s, 30s, 5m
    #[arg(long, value_name = "LENGTH", default_value = "10s", value_parser = grace)]
    pub grace: Duration,
    /// Bytes that all transfers share, e.g. 512MiB
    #[arg(long, value_name = "BYTES", default_value = "512MiB", value_parser = memory)]
    pub memory: usize,
    /// What a `docker:` parameter means: auto uses docker where it is installed
    #[arg(long, value_name = "WHEN")]
    pub docker: Option<DockerArg>,
    /// How progress is shown on stderr
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub progress: ProgressArg,
    /// Log the parameters of each task, secret ones by name
    #[arg(short = 'E', long)]
    pub show_params: bool,
    /// Print events as JSON on stdout, one a line
    #[arg(long)]
    pub json: bool,
}

impl SharedArgs {
    /// `--show-params`
    pub fn log_params(&self) -> LogParams {
        if self.show_params { LogParams::Yes } else { LogParams::No }
    }
}

/// How long `--wait-lock` waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience(pub Option<Duration>);

/// A length, or nothing for one without an end.
fn patience(text: &str) -> Result<Patience, String> {
    if text.is_empty() {
        return Ok(Patience(None));
    }
    length::duration(text, "`90s`, `30m` or `12h`").map(|length| Patience(Some(length)))
}

/// How long a stopped run lets its tasks go on.
pub(super) fn grace(text: &str) -> Result<Duration, String> {
    length::duration(text, "`0s`, `90s` or `5m`")
}

/// `--docker`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DockerArg {
    Auto,
    Always,
    Never,
}

impl From<DockerArg> for DockerMode {
    fn from(argument: DockerArg) -> Self {
        match argument {
            DockerArg::Auto => Self::Auto,
            DockerArg::Always => Self::Always,
            DockerArg::Never => Self::Never,
        }
    }
}

/// `--progress`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProgressArg {
    Auto,
    Bars,
    Plain,
    None,
}

impl From<ProgressArg> for ProgressMode {
    fn from(argument: ProgressArg) -> Self {
        match argument {
            ProgressArg::Auto => Self::Auto,
            ProgressArg::Bars => Self::Bars,
            ProgressArg::Plain => Self::Plain,
            ProgressArg::None => Self::None,
        }
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("a whole number from 1".to_owned()),
        Ok(number) => Ok(number),
    }
}

/// A number of bytes with an optional unit; `K`, `KB` and `KiB` are all 1,024.
pub(super) fn bytes(text: &str) -> Result<usize, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim().to_ascii_lowercase().trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        _ => return Err("bytes, or a number with KiB, MiB or GiB".to_owned()),
    };
    let number: usize = number.parse().map_err(|_| "bytes, or a number with KiB, MiB or GiB".to_owned())?;
    number.checked_mul(1 << shift).ok_or_else(|| TOO_LITTLE.to_owned())
}

fn memory(text: &str) -> Result<usize, String> {
    let found = bytes(text)?;
    if found < MINIMUM_MEMORY { Err(TOO_LITTLE.to_owned()) } else { Ok(found) }
}

const TOO_LITTLE: &str = "at least 16MiB, at most what an address holds";

/// Below this a single page and a single upload chunk have no room.
const MINIMUM_MEMORY: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_with_its_unit() {
        assert_eq!(bytes("512MiB"), Ok(512 << 20));
        assert_eq!(bytes("1g"), Ok(1 << 30));
        assert_eq!(bytes("33554432"), Ok(32 << 20));
        assert_eq!(memory("1KB").unwrap_err(), "at least 16MiB, at most what an address holds");
        assert_eq!(bytes("lots").unwrap_err(), "bytes, or a number with KiB, MiB or GiB");
    }
}
