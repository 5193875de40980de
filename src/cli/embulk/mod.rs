//! `sync embulk ...`, and the same when the program is called as `embulk`: what commands in tasks call.
//!
//! Inside a run, `embulk run FILE` hands its transfer over to the run and prints what comes back. Alone it asks its
//! caller to do the transfer; previews and guesses it always does alone. `gem`, `bundle` and `mkbundle` have nothing to
//! do here and say so. Exit codes are Embulk's: 0, 1 for a failure, 255 for wrong usage.

mod command;
mod example;
mod options;
mod work;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;

use self::command::Command;
pub(in crate::cli) use self::command::run_words;
use crate::embulk::config::ExecConfig;
use crate::embulk::guess::Plugin;
use crate::exit::Exit;
use crate::report::console::Console;
use crate::run::embulk_protocol::LogLevel;
use crate::run::operator::OperatorError;
use crate::secret::scrub::Scrubber;
use crate::transfer::preview::Preview;
use crate::transfer::report::TransferReport;

/// Embulk's code for wrong usage.
const WRONG_USAGE: Exit = Exit::Other(255);

/// What the command was given by the world.
pub struct World<'a> {
    /// The environment: what the file sees as `env.*`, and where a run says that it is around.
    pub environment: &'a BTreeMap<String, String>,
    /// The current directory.
    pub directory: &'a Path,
    /// Where lines go.
    pub console: &'a Console,
    /// The zone of times in lines.
    pub zone: &'a TimeZone,
    /// Takes secrets out of what goes to a file.
    pub scrubber: &'a Scrubber,
}

/// What is to be done with a transfer file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// Its rows are copied.
    Transfer,
    /// Its first rows are shown.
    Preview,
    /// What it leaves open is found out, by these plugins too.
    Guess(Vec<Plugin>),
    /// It is read.
    Read,
}

/// What was done.
pub enum Done {
    /// Rows were copied.
    Transferred(Box<TransferReport>),
    /// Rows were read to be shown.
    Previewed(Preview),
    /// The whole config, as a text.
    Config(String),
}

/// Work to be done by this process alone.
pub struct Alone<'a> {
    /// What is done.
    pub job: &'a Job,
    /// The transfer file, absolute.
    pub file: PathBuf,
    /// The config diff, absolute.
    pub diff: Option<PathBuf>,
    /// What `-X` says for what `exec:` does not.
    pub exec: ExecConfig,
    /// How long a transfer goes on after a signal.
    pub grace: Duration,
    /// What the world gave.
    pub world: &'a World<'a>,
    /// Prints a line of the log as Embulk does.
    pub log: &'a dyn Fn(LogLevel, &str),
}

/// Does what the arguments after `embulk` say. `alone` does the work that is not handed over to a run.
pub fn execute(
    arguments: &[String],
    world: &World<'_>,
    alone: impl Fn(&Alone<'_>) -> Result<Done, OperatorError>,
) -> Exit {
    match Command::parse(arguments) {
        Ok(Command::Say(text)) => {
            world.console.result(&text);
            Exit::Success
        }
        Ok(Command::Example(folder)) => match example::create(&folder, world.directory, world.console) {
            Ok(()) => Exit::Success,
            Err(error) => {
                world.console.say(&format!("Error: `{}` could not be made: {error}", folder.display()));
                Exit::TaskFailed
            }
        },
        Ok(Command::Work(work)) => work.execute(world, &alone),
        Err(wrong) => {
            world.console.result(&options::usage(wrong.command));
            world.console.say(&format!("embulk: {}", wrong.reason));
            WRONG_USAGE
        }
    }
}
