//! The front door: one file per command. Knows every room; nobody knows it.

pub mod alone;
pub mod attempt;
pub mod check;
pub mod complete;
pub mod completions;
mod core_dumps;
pub mod docker;
pub mod embulk;
pub mod flush;
pub mod foreign;
pub mod guard;
pub mod help;
mod hidden_prompt;
pub mod init;
pub mod kept_params;
pub mod length;
pub mod log;
pub mod man;
pub mod near;
pub mod not_begun;
pub mod notices;
pub mod notify;
pub mod opening;
pub mod outgoing;
pub mod params;
pub mod place;
pub mod policy;
mod preview;
pub mod properties;
pub mod prune;
pub mod reading;
pub mod report;
pub mod retry;
pub mod run;
pub mod run_args;
pub mod safe;
pub mod secrets;
pub mod session_time;
pub mod signals;
pub mod status;
pub mod telling;
pub mod timer;
pub mod transfer;
mod unsaved;
mod unused;
pub mod version;
pub mod wait;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::diagnostic::suggest;
use crate::exit::Exit;
use crate::program;
use crate::report::console::{ColorEnvironment, Console, Results, lost_results};
use crate::run::orphans;
use crate::secret::scrub::Scrubber;
use crate::state::StateError;
use flush::Flush;
use place::PlaceArgs;
use run_args::{RetryArgs, RunArgs};

/// Runs Digdag workflows and Embulk transfers: copies tables from MySQL, PostgreSQL, SQLite and files to BigQuery,
/// Redshift, PostgreSQL, MySQL, S3, Cloud Storage and files.
#[derive(Debug, Parser)]
#[command(name = "sync", version, disable_help_subcommand = true, disable_version_flag = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    common: CommonArgs,
    /// Print version
    #[arg(short = 'V', long)]
    version: bool,
    /// With --version: print JSON: the build, and what is part of it
    #[arg(long, requires = "version")]
    json: bool,
}

/// What every command takes.
#[derive(Debug, Clone, clap::Args)]
pub struct CommonArgs {
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Properties to read instead of `~/.config/digdag/config`
    #[arg(short = 'c', long = "config", value_name = "PROPERTIES", global = true)]
    pub config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a small project that runs at once
    Init(init::InitArgs),
    /// Run a workflow
    Run(RunArgs),
    /// Run again what did not succeed in a session
    Retry(RetryArgs),
    /// Find what is wrong in workflows and transfer files, before anything runs
    Check(check::CheckArgs),
    /// Show sessions; with --session its tasks and tables
    Status(status::StatusArgs),
    /// Show the log of a session's tasks
    Log(log::LogArgs),
    /// Show what an attempt did: tasks, tables, rows, bytes, failures
    Report(report::ReportArgs),
    /// Wait until a session, or one of its tasks, has succeeded
    Wait(wait::WaitArgs),
    /// Remove old sessions with their logs and reports
    Prune(prune::PruneArgs),
    /// Tell of runs that ended without a report, or try out how people are told
    Notify(notify::NotifyArgs),
    /// Print what starts a workflow at its times: for systemd, cron or Kubernetes
    Timer(timer::TimerArgs),
    /// Keep secrets, encrypted under KMS, in the project's secrets.yml
    Secrets(secrets::SecretsArgs),
    /// Run one transfer file; also what a program called `embulk` does
    #[command(disable_help_flag = true)]
    Embulk {
        /// As Embulk takes them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Print the script with which a shell completes commands, files, tasks, sessions and secrets
    Completions(completions::CompletionsArgs),
    /// Print the manual page, or write all of them
    Man(man::ManArgs),
}

/// Blocks up to this size are kept for the next ones.
const KEPT_BLOCK: usize = 4 << 20;

/// Tells the allocator of blocks that come again and again. glibc gives every block above 128 KiB back to the system when
/// it is freed, until one of some size was: from then on it keeps what is not larger. A column of a row group is, and
/// new memory for each took a fifth of the time of a Parquet file.
fn keep_large_blocks() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(KEPT_BLOCK)));
}

/// The whole program, from its arguments to its exit code.
pub fn main(arguments: &[OsString]) -> Exit {
    core_dumps::turn_off();
    keep_large_blocks();
    let program = arguments.first().map(|name| Path::new(name).file_name().unwrap_or_default().to_owned());
    if program.as_deref() == Some(OsStr::new(program::WATCH)) {
        orphans::main(&arguments[1..]);
        return Exit::Success;
    }
    if program.as_deref() == Some(OsStr::new("embulk")) {
        return alone::main(&arguments[1..]);
    }
    let called = arguments.first().map(OsString::as_os_str).unwrap_or_default();
    program::remember(called, std::env::var_os("PATH").as_deref(), command_names);
    let rest = arguments.get(1..).unwrap_or_default();
    if rest.first().is_some_and(|first| first == complete::COMMAND) {
        return complete::main(&rest[1..]);
    }
    if let Some(flush) = Flush::asked(rest, is_command) {
        return flush_to_disk(&flush);
    }
    // Embulk's own flags, `-c` and `--help` among them, are none of ours.
    if rest.first().is_some_and(|first| first == "embulk") {
        return alone::main(&rest[1..]);
    }
    let parsed =
        help::command().try_get_matches_from(arguments).and_then(|found| Cli::from_arg_matches(&found));
    match parsed {
        Ok(cli) => dispatch(cli),
        Err(error) => usage(&nearest(error, rest)),
    }
}

/// clap looks for words that look alike and passes over short ones with two letters in the wrong order.
fn nearest(mut error: clap::Error, rest: &[OsString]) -> clap::Error {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else { return error };
    let is_command = rest.first().is_some_and(|first| first == word.as_str());
    if is_command
        && error.get(ContextKind::SuggestedSubcommand).is_none()
        && let Some(near) = suggest(word, command_names().iter().map(String::as_str))
    {
        let near = ContextValue::Strings(vec![near.to_owned()]);
        error.insert(ContextKind::SuggestedSubcommand, near);
    }
    error
}

fn dispatch(cli: Cli) -> Exit {
    let common = &cli.common;
    let Some(command) = cli.command else { return without_command(&cli) };
    let ended = match command {
        Command::Init(args) => init::exec(&args),
        Command::Run(args) => run::exec(&args, common),
        Command::Retry(args) => retry::exec(&args, common),
        Command::Check(args) => check(&args, common),
        Command::Status(args) => status::exec(&args, common),
        Command::Log(args) => log::exec(&args, common),
        Command::Report(args) => report::exec(&args, common),
        Command::Wait(args) => wait::exec(&args, common),
        Command::Prune(args) => prune::exec(&args, common),
        Command::Notify(args) => notify::exec(&args, common),
        Command::Timer(args) => timer::exec(&args, common),
        Command::Secrets(args) => secrets(&args, common),
        Command::Embulk { arguments } => return alone::main(&arguments),
        Command::Completions(args) => Ok(completions::exec(&args)),
        Command::Man(args) => man::exec(&args),
    };
    let ended = ended.unwrap_or_else(|error| {
        let causes: Vec<String> = error.chain().skip(1).map(ToString::to_string).collect();
        let refused = error.downcast_ref::<policy::Refused>().and_then(|refused| refused.0.hint.clone());
        let state = error.downcast_ref::<StateError>().and_then(StateError::hint).map(str::to_owned);
        let hint = refused.or(state);
        console(Results::Human, scrubber()).failure(&error.to_string(), &causes, hint.as_deref());
        exit_of(&error)
    });
    match lost_results() {
        Some(error) if ended == Exit::Success => {
            console(Results::Human, scrubber()).error(&format!("the results could not be written: {error}"));
            Exit::TaskFailed
        }
        _ => ended,
    }
}

fn without_command(cli: &Cli) -> Exit {
    if !cli.version {
        let missing = help::command().error(ErrorKind::MissingSubcommand, "no command is given");
        return usage(&missing);
    }
    let console = console(Results::Human, scrubber());
    if cli.json {
        console.json(&version::json());
    } else {
        console.result(concat!("sync ", env!("CARGO_PKG_VERSION")));
    }
    Exit::Success
}

/// The code of a command that did not get far: what it was given may be wrong.
fn exit_of(error: &anyhow::Error) -> Exit {
    let parameters = error.downcast_ref::<params::ParamsError>().map(params::ParamsError::exit);
    let properties =
        error.downcast_ref::<properties::PropertiesError>().map(properties::PropertiesError::exit);
    let policy = error.downcast_ref::<policy::Refused>().map(|_| Exit::Invalid);
    let is_busy = error.downcast_ref::<StateError>().is_some_and(StateError::is_busy);
    let state = is_busy.then_some(Exit::TryLater);
    parameters.or(properties).or(policy).or(state).unwrap_or(Exit::TaskFailed)
}

/// The scrubber of the process: what any part of it learnt is hidden in all that it prints.
pub fn scrubber() -> &'static Scrubber {
    static SCRUBBER: OnceLock<Scrubber> = OnceLock::new();
    SCRUBBER.get_or_init(Scrubber::new)
}

fn check(args: &check::CheckArgs, common: &CommonArgs) -> anyhow::Result<Exit> {
    check::exec(args, common, &console(Results::Human, scrubber()))
}

fn secrets(args: &secrets::SecretsArgs, common: &CommonArgs) -> anyhow::Result<Exit> {
    let opened = opening::Opened::new(common, None, Results::Human)?;
    let setup = safe::SafeSetup {
        project: &opened.place.project,
        properties: &opened.properties,
        config_home: opened.config_home.as_deref(),
        variables: std::env::vars_os().collect(),
        aws: safe::aws(&opened.properties),
    };
    secrets::exec(args, &setup, &opened.console)
}

fn is_command(name: &OsStr) -> bool {
    command_names().iter().any(|command| name == command.as_str())
}

fn command_names() -> Vec<String> {
    Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect()
}

/// Help and version are results; wrong usage is an error.
fn usage(error: &clap::Error) -> Exit {
    // A reader that went away is none of our concern.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage } else { Exit::Success }
}

/// A variable of the environment, where it is set and is text.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The console of a command that shows results for people, or as JSON.
pub fn console(results: Results, scrubber: &Scrubber) -> Console {
    Console::new(results, ColorEnvironment::read(&variable), scrubber.clone())
}

fn flush_to_disk(flush: &Flush) -> Exit {
    let console = console(Results::Human, &Scrubber::new());
    let (called, name) = (program::short_name(), program::name());
    if flush.lacks_file() {
        console.say(&format!("{called}: --data needs a file"));
        return Exit::TaskFailed;
    }
    let failed = flush.carry_out();
    for (file, error) in &failed {
        console.say(&format!("{called}: cannot flush `{}`: {error}", file.display()));
    }
    if let Some(workflow) = flush.workflow() {
        let file = workflow.display();
        console.say(&format!("{called}: flushed {file} to disk; `{name} run {file}` runs the workflow"));
    } else if flush.is_plain() && console.can_redraw() {
        console.say(&format!("{called}: wrote everything to disk, as sync of coreutils does"));
        console.say(&format!("{called}: `{name} run FILE.dig` runs a workflow, `{name} --help` says more"));
    }
    if failed.is_empty() { Exit::Success } else { Exit::TaskFailed }
}
