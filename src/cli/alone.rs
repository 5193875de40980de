//! `embulk run` outside of a run: the transfer is done by this process, with no state and no pool but its own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::sync::Arc;

use crossbeam_channel::{Sender, unbounded};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::attempt::environment;
use super::embulk::{self, Alone, Done, Job, World};
use super::guard::Guard;
use super::opening::Opened;
use super::place::PlaceArgs;
use super::safe::{self, SafeSetup};
use super::transfer::{EffectMemory, Repeats, Transfers, operator_error};
use super::{CommonArgs, console, foreign, policy};
use crate::diagnostic::Problem;
use crate::exit::Exit;
use crate::report::console::Results;
use crate::report::problems;
use crate::run::embulk_protocol::LogLevel;
use crate::run::event::EventKind;
use crate::run::operator::{
    Cancel, EventLine, NotRecorded, OperatorError, Reporter, TransferFile, TransferRequest, TransferService,
};
use crate::secret::scrub::Scrubber;
use crate::session::{AttemptId, Level, TaskName};
use crate::transfer::context::MemoryBudget;
use crate::transfer::effect::{Abandoned, LedgerError, RecordedEffect};
use crate::transfer::input::Reading;
use crate::transfer::pool::SourcePools;

/// Bytes for the one transfer of this process.
const MEMORY: usize = 512 << 20;

/// The program as `embulk`, from its arguments to its exit code.
pub fn main(arguments: &[OsString]) -> Exit {
    let environment = environment();
    let scrubber = Scrubber::new();
    let console = console(Results::Human, &scrubber);
    let directory = match std::env::current_dir() {
        Ok(directory) => directory,
        Err(error) => {
            console.say(&format!("Error: the current directory is not known: {error}"));
            return Exit::TaskFailed;
        }
    };
    if let Some(reason) = foreign::hand_over(arguments) {
        console.say(&format!("Error: {reason}"));
        return Exit::TaskFailed;
    }
    let arguments: Vec<String> =
        arguments.iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let zone = TimeZone::system();
    let world = World {
        environment: &environment,
        directory: &directory,
        console: &console,
        zone: &zone,
        scrubber: &scrubber,
    };
    embulk::execute(&arguments, &world, |alone| done(alone, &environment))
}

fn done(alone: &Alone<'_>, environment: &BTreeMap<String, String>) -> Result<Done, OperatorError> {
    let common = CommonArgs { place: PlaceArgs::default(), config: None };
    let opened = Opened::new(&common, Some(&alone.file), Results::Human)
        .map_err(|error| OperatorError::config(format!("{error:#}")))?;
    let setup = SafeSetup {
        project: &opened.place.project,
        properties: &opened.properties,
        config_home: opened.config_home.as_deref(),
        variables: std::env::vars_os().collect(),
        aws: safe::aws(&opened.properties),
    };
    let secrets = Arc::new(safe::open(&setup, opened.scrubber.clone()));
    let policy = policy::load(&opened.place.project, &opened.properties).map_err(|found| invalid(&found))?;
    let policy = policy.map(|policy| policy.enforced(secrets.as_ref())).transpose();
    let policy = policy.map_err(|error| operator_error(&error))?;
    let guard =
        Arc::new(Guard { scrubber: opened.scrubber.clone(), names: safe::secret_names(&opened.properties) });
    let transfers = Transfers {
        installation: format!("alone {} {}", std::process::id(), Timestamp::now()),
        starting_attempt: AttemptId(0),
        memory_of_effects: Arc::new(NoMemory),
        secrets,
        guard: guard.clone(),
        memory: MemoryBudget::new(MEMORY),
        sources: SourcePools::new(NonZeroUsize::MIN),
        reading: Reading::plain(),
        policy,
        process_zone: TimeZone::system(),
        repeats: Repeats::default(),
    };
    let (sender, events) = unbounded();
    let reporter = Reporter::new(TaskName::from_full("+embulk"), Arc::new(Line(sender)), guard);
    let request = TransferRequest {
        round: 1,
        file: TransferFile::Named(alone.file.clone()),
        directory: alone.world.directory.to_owned(),
        environment: environment.clone(),
        diff: alone.diff.clone(),
        exec: alone.exec,
        reporter,
        cancel: Cancel::default(),
    };
    std::thread::scope(|scope| {
        let transfers = &transfers;
        let job = alone.job;
        let working = scope.spawn(move || match job {
            Job::Transfer => transfers.transfer(&request).map(|report| Done::Transferred(Box::new(report))),
            Job::Preview => transfers.preview(&request).map(Done::Previewed),
            Job::Guess(plugins) => transfers.guess(&request, plugins).map(Done::Config),
            Job::Read => transfers.config(&request).map(Done::Config),
        });
        for event in events {
            if let EventKind::Log { level, text, .. } = event {
                (alone.log)(embulk_level(level), &text);
            }
        }
        working
            .join()
            .unwrap_or_else(|_| Err(OperatorError::failed("the transfer stopped at a fault of sync")))
    })
}

/// Everything that is wrong with the policy, as one failure.
fn invalid(found: &[Problem]) -> OperatorError {
    let mut error = OperatorError::config("the policy is invalid, so nothing is copied");
    error.causes = found.iter().filter(|problem| problem.is_error()).map(problems::one_line).collect();
    error.hint = found.iter().find_map(|problem| problem.hint.clone());
    error
}

fn embulk_level(level: Level) -> LogLevel {
    match level {
        Level::Debug => LogLevel::Debug,
        Level::Info => LogLevel::Info,
        Level::Warn => LogLevel::Warn,
        Level::Error => LogLevel::Error,
    }
}

/// Events of the one transfer, on their way to the lines that are printed.
struct Line(Sender<EventKind>);

impl EventLine for Line {
    fn send(&self, kind: EventKind) {
        // Nobody listens any more once the transfer is over.
        let _ = self.0.send(kind);
    }

    /// There is no state to record it in: what a killed process leaves behind here expires by itself.
    fn record(&self, _: EventKind) -> Result<(), NotRecorded> {
        Ok(())
    }
}

struct NoMemory;

impl EffectMemory for NoMemory {
    fn effects(&self, _: &str) -> Result<Vec<RecordedEffect>, LedgerError> {
        Ok(Vec::new())
    }

    fn lasts(&self) -> bool {
        false
    }

    fn abandoned(&self, _: &str, _: &str) -> Result<Vec<Abandoned>, LedgerError> {
        Ok(Vec::new())
    }
}
