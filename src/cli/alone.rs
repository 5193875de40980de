//! `embulk run` outside of a run: the transfer is done by this process, with no state and no pool but its own.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, Sender, unbounded};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::attempt::environment;
use super::embulk::{self, Alone, Done, Job, World};
use super::guard::Guard;
use super::opening::Opened;
use super::place::PlaceArgs;
use super::safe::{self, SafeSetup};
use super::signals::{self, Forwarding};
use super::transfer::{EffectMemory, Repeats, Transfers, operator_error};
use super::{CommonArgs, console, foreign, policy};
use crate::diagnostic::Problem;
use crate::exit::Exit;
use crate::report::console::Results;
use crate::report::{figures, problems};
use crate::run::embulk_protocol::LogLevel;
use crate::run::event::EventKind;
use crate::run::operator::{
    Cancel, EventLine, NotRecorded, OperatorError, Reporter, TransferFile, TransferRequest, TransferService,
};
use crate::run::{StopReason, StopRequests, stop_requests};
use crate::secret::scrub::Scrubber;
use crate::session::{AttemptId, Level, TaskName};
use crate::transfer::context::MemoryBudget;
use crate::transfer::effect::{Abandoned, LedgerError, RecordedEffect};
use crate::transfer::input::Reading;
use crate::transfer::pool::SourcePools;

/// Bytes for the one transfer of this process.
const MEMORY: usize = 512 << 20;
/// How often it is looked for signals.
const LOOK: Duration = Duration::from_millis(50);
/// How long a transfer that was asked to stop may take.
const CLEAN_UP: Duration = Duration::from_secs(10);

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
    let stopped = Cell::new(None);
    match embulk::execute(&arguments, &world, |alone| done(alone, &environment, &stopped)) {
        Exit::TaskFailed => stopped.get().map_or(Exit::TaskFailed, Exit::Signal),
        exit => exit,
    }
}

/// Does it. `stopped`: the signal that asked to stop.
fn done(
    alone: &Alone<'_>,
    environment: &BTreeMap<String, String>,
    stopped: &Cell<Option<i32>>,
) -> Result<Done, OperatorError> {
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
        patience: opened.properties.patience().map_err(|error| OperatorError::config(error.to_string()))?,
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
    // What shows something leaves nothing behind: a signal ends it as it ends any program.
    let mut stop =
        (*alone.job == Job::Transfer).then(|| Stop::new(alone, request.cancel.clone())).transpose()?;
    std::thread::scope(|scope| {
        let transfers = &transfers;
        let job = alone.job;
        let working = scope.spawn(move || match job {
            Job::Transfer => transfers.transfer(&request).map(|report| Done::Transferred(Box::new(report))),
            Job::Preview => transfers.preview(&request).map(Done::Previewed),
            Job::Guess(plugins) => transfers.guess(&request, plugins).map(Done::Config),
            Job::Read => transfers.config(&request).map(Done::Config),
        });
        loop {
            match events.recv_timeout(LOOK) {
                Ok(EventKind::Log { level, text, .. }) => (alone.log)(embulk_level(level), &text),
                Err(RecvTimeoutError::Disconnected) => break,
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
            }
            if let Some(stop) = &mut stop {
                stop.look();
                stopped.set(stop.signal);
            }
        }
        working
            .join()
            .unwrap_or_else(|_| Err(OperatorError::failed("the transfer stopped at a fault of sync")))
    })
}

/// Signals on their way to the one transfer.
struct Stop<'a> {
    alone: &'a Alone<'a>,
    requests: StopRequests,
    _forwarding: Forwarding,
    cancel: Cancel,
    /// The first one, and when it came.
    signal: Option<i32>,
    since: Instant,
}

impl<'a> Stop<'a> {
    fn new(alone: &'a Alone<'a>, cancel: Cancel) -> Result<Self, OperatorError> {
        let (handle, requests) = stop_requests();
        let forwarding = signals::forward(handle)
            .map_err(|error| OperatorError::failed("signals cannot be received").cause(&error))?;
        Ok(Self { alone, requests, _forwarding: forwarding, cancel, signal: None, since: Instant::now() })
    }

    /// Takes a signal, if there is one, and ends the grace when it is over.
    fn look(&mut self) {
        if let Some(StopReason::Signal(signal)) = self.requests.wait(Duration::ZERO) {
            if self.signal.is_some() {
                // The process ends presently, whether the transfer does or not.
                self.cancel.cancel_at_once();
                return;
            }
            (self.signal, self.since) = (Some(signal), Instant::now());
            let (reason, grace) = (StopReason::Signal(signal), figures::duration(self.alone.grace));
            let text = format!(
                "stopping: {reason}; the transfer may go on for {grace}, a second signal ends it at once"
            );
            (self.alone.log)(LogLevel::Warn, &text);
        }
        let Some(signal) = self.signal else { return };
        let waited = self.since.elapsed();
        if waited >= self.alone.grace {
            self.cancel.cancel();
        }
        if waited >= self.alone.grace.saturating_add(CLEAN_UP) {
            (self.alone.log)(LogLevel::Error, "the transfer did not stop: the process ends without it");
            std::process::exit(i32::from(Exit::Signal(signal).code()));
        }
    }
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
