//! Carries out one attempt: opens the rooms, joins them, and tells how it ended. `run` and `retry` differ only in what
//! they hand over.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use jiff::{Timestamp, Zoned};
use sha2::{Digest, Sha256};

use super::guard::Guard;
use super::opening::{Opened, pasteable_flags, shell_word};
use super::run_args::SharedArgs;
use super::safe::{self, SafeSetup};
use super::transfer::{Repeats, StateMemory, Transfers};
use super::{CommonArgs, docker, signals};
use crate::cloud::aws::Aws;
use crate::dig::expression::{Clock, Limits};
use crate::dig::workflow::Workflow;
use crate::exit::Exit;
use crate::plan::{Plan, Recorded, Selection};
use crate::reader::DirectoryReader;
use crate::report::console::Results;
use crate::report::json;
use crate::report::problems;
use crate::report::progress::Progress;
use crate::report::summary::{End, Summary};
use crate::report::tasklog::{AttemptIdentity, TaskLogSetup, TaskLogs};
use crate::run::event::{AttemptOutcome, FailureKind, RunEvent};
use crate::run::operator::{DockerMode, Origin, Services};
use crate::run::{self, RunMode, RunSetup, RunSummary, SessionInfo, SinkError, stop_requests};
use crate::secret::params::{SecretJudge, SecretNames};
use crate::secret::resolver::Resolver;
use crate::session::{AttemptId, Level, Params, SessionId, SessionTime};
use crate::state::{AttemptKind, AttemptRecord, NewAttempt, Process, StateError, Store};
use crate::transfer::context::MemoryBudget;
use crate::transfer::pool::SourcePools;

/// How long running tasks may go on after the first signal.
const GRACE: Duration = Duration::from_secs(10);

/// What is to be carried out.
pub struct Order {
    /// The checked workflow.
    pub workflow: Workflow,
    /// The session it is for.
    pub time: SessionTime,
    /// Run or retry.
    pub kind: AttemptKind,
    /// For a retry: the attempt that `sync run` started.
    pub starting_attempt: Option<AttemptId>,
    /// For a retry: what is done.
    pub recorded: Recorded,
    /// What of it is asked for.
    pub selection: Selection,
    /// `params.*`, `-P`, `-p`.
    pub params: Params,
}

/// The rooms that a command has opened, and what was typed.
pub struct Desk<'a> {
    /// Project, properties, console.
    pub opened: &'a Opened,
    /// The flags of `run` and `retry`.
    pub shared: &'a SharedArgs,
    /// The flags of every command.
    pub common: &'a CommonArgs,
}

/// The safe of an attempt.
struct Safe {
    aws: Arc<Aws>,
    secrets: Arc<Resolver>,
    names: SecretNames,
}

impl Safe {
    fn open(opened: &Opened) -> Self {
        let aws = safe::aws(&opened.properties);
        let setup = SafeSetup {
            project: &opened.place.project,
            properties: &opened.properties,
            config_home: opened.config_home.as_deref(),
            variables: std::env::vars_os().collect(),
            aws: Arc::clone(&aws),
        };
        let secrets = Arc::new(safe::open(&setup, opened.scrubber.clone()));
        Self { aws, secrets, names: safe::secret_names(&opened.properties) }
    }
}

/// Runs an order from its record in the state to the last line that people see.
pub fn carry_out(order: Order, mut store: Store, desk: &Desk<'_>) -> anyhow::Result<Exit> {
    let Desk { opened, shared, .. } = *desk;
    let docker = docker_mode(shared, opened)?;
    if docker == DockerMode::Auto
        && !docker_is_there()
        && let Some(problem) = docker::first_wanting(
            &order.workflow.root,
            &order.workflow.path,
            &DirectoryReader::new(&opened.place.project),
        )
    {
        opened.console.say(&problems::render(&[problem], opened.console.err_colors()));
        return Ok(Exit::Invalid);
    }
    let safe = Safe::open(opened);
    let new = new_attempt(&order, &safe, opened);
    let retry_command = RetryCommand::new(&order.selection, desk);
    let Order { workflow, time, recorded, selection, params, .. } = order;
    let plan = match Plan::new(&workflow.name, workflow.root.clone(), params, recorded, &selection) {
        Ok(plan) => plan,
        Err(error) => {
            opened.console.failure(&error.to_string(), &[], None);
            return Ok(Exit::Usage);
        }
    };
    let Some(attempt) = begin(&new, &mut store, opened)? else { return Ok(Exit::TryLater) };
    let logs = TaskLogs::new(log_setup(opened, &attempt, &workflow.name, &time, &safe.aws)?)
        .context("the folder for logs could not be made")?;
    let (handle, stop) = stop_requests();
    let _signals = signals::forward(handle).context("signals cannot be received")?;
    let setup = RunSetup {
        session: session_info(&workflow, &time, &attempt, store.installation()),
        mode: RunMode::Real,
        log_params: shared.log_params(),
        operators: run::operator::native(),
        services: Arc::new(services(&attempt, &store, &safe, desk)?),
        reader: Arc::new(DirectoryReader::new(&opened.place.project)),
        jobs: shared.jobs.unwrap_or_else(default_jobs),
        grace: GRACE,
        stop,
        clock: Clock::new(Timestamp::now),
        limits: Limits::default(),
    };
    let mut progress = Progress::new(&opened.console, shared.progress.into());
    let mut summary = Summary::new();
    let mut sink = |event: &RunEvent| {
        store.record(attempt.id, event).map_err(|error| SinkError(error.to_string()))?;
        logs.show(event);
        progress.show(event);
        summary.show(event);
        if opened.console.results() == Results::Json {
            opened.console.json(&json::event(event));
        }
        Ok(())
    };
    let ended = run::execute(plan, setup, &mut sink);
    progress.finish();
    let logs = logs.finish();
    tell(&ended, opened);
    summary.print(&opened.console, End { retry_command: &retry_command.of(attempt.session), logs: &logs });
    Ok(exit(&ended))
}

/// What the state is told of the attempt: nothing secret.
fn new_attempt(order: &Order, safe: &Safe, opened: &Opened) -> NewAttempt {
    let parted = SecretJudge::new(safe.names.clone(), opened.scrubber.clone()).part(&order.params);
    NewAttempt {
        project: opened.place.project.to_string_lossy().into_owned(),
        workflow: order.workflow.name.clone(),
        file: order.workflow.path.to_string_lossy().into_owned(),
        session_time: order.time.iso(),
        kind: order.kind,
        starting_attempt: order.starting_attempt,
        params: parted.public,
        secret_params: parted.names,
        process: Process::current(),
        at: Timestamp::now(),
    }
}

/// Begins the attempt; none while another run holds the workflow.
fn begin(new: &NewAttempt, store: &mut Store, opened: &Opened) -> anyhow::Result<Option<AttemptRecord>> {
    match store.begin(new) {
        Ok((attempt, lost)) => {
            for lost in lost {
                opened.console.say(&format!("attempt {lost} ended without a word: its process is gone"));
            }
            Ok(Some(attempt))
        }
        Err(locked @ StateError::Locked(_)) => {
            opened.console.failure(&locked.to_string(), &[], Some("try again when it has ended"));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// What the tasks share.
fn services(
    attempt: &AttemptRecord,
    store: &Store,
    safe: &Safe,
    desk: &Desk<'_>,
) -> anyhow::Result<Services> {
    let Desk { opened, shared, .. } = *desk;
    let guard = Arc::new(Guard { scrubber: opened.scrubber.clone(), names: safe.names.clone() });
    let transfers = Transfers {
        installation: store.installation().to_owned(),
        starting_attempt: attempt.starting_attempt,
        memory_of_effects: Arc::new(StateMemory::new(store.path())),
        secrets: safe.secrets.clone(),
        guard: guard.clone(),
        memory: MemoryBudget::new(shared.memory),
        sources: SourcePools::new(connections(shared, opened)?),
        process_zone: jiff::tz::TimeZone::system(),
        repeats: Repeats::default(),
    };
    let temporary = opened.place.state_folder().join("tmp");
    std::fs::create_dir_all(&temporary).context("the folder for files of tasks could not be made")?;
    Ok(Services {
        secrets: safe.secrets.clone(),
        guard,
        origin: Origin {
            installation: store.installation().to_owned(),
            starting_attempt: attempt.starting_attempt,
        },
        transfers: Arc::new(transfers),
        docker: docker_mode(shared, opened)?,
        environment: environment(),
        project: opened.place.project.clone(),
        temporary,
        program: std::env::current_exe().context("the path of this program is not known")?,
        properties: opened.properties.for_operators(&safe.names),
    })
}

/// The command that runs what is left, as it can be pasted into the same shell.
struct RetryCommand(String);

impl RetryCommand {
    fn new(selection: &Selection, desk: &Desk<'_>) -> Self {
        // A retry of one subtree is a retry of that subtree.
        let selected = match selection {
            Selection::Subtree(pattern) | Selection::Within(pattern) => format!(" {}", shell_word(pattern)),
            _ => String::new(),
        };
        Self(format!("{selected}{}{}", pasteable_flags(desk.common), docker_flag(desk.shared)))
    }

    fn of(&self, session: SessionId) -> String {
        format!("sync retry --session {session}{}", self.0)
    }
}

/// What neither the table nor the failures say.
fn tell(ended: &RunSummary, opened: &Opened) {
    let console = &opened.console;
    for task in &ended.changed {
        console.log(Level::Warn, &format!("task `{task}` is done although its definition has changed since"));
    }
    if let Some(error) = &ended.sink_error {
        console.failure(&error.to_string(), &[], Some("nothing that is not recorded was begun"));
    }
}

fn exit(summary: &RunSummary) -> Exit {
    match summary.outcome {
        AttemptOutcome::Success | AttemptOutcome::Partial => Exit::Success,
        AttemptOutcome::Signal(number) => Exit::Signal(number),
        AttemptOutcome::Failed | AttemptOutcome::Lost => {
            let unreachable =
                summary.failures.iter().all(|failed| failed.failure.kind == FailureKind::Unreachable);
            let nothing_done = summary.sink_error.is_none() && summary.transfers.is_empty();
            if unreachable && nothing_done && !summary.failures.is_empty() {
                Exit::TryLater
            } else {
                Exit::TaskFailed
            }
        }
    }
}

/// Twice the cores, at least four.
fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(4, |cores| (2 * cores.get()).max(4))
}

/// Connections to one source at a time: as many as tasks, unless the properties say otherwise.
fn connections(shared: &SharedArgs, opened: &Opened) -> anyhow::Result<NonZeroUsize> {
    let limit = opened.properties.count("sync.source.max_connections")?;
    let limit = limit.unwrap_or_else(|| shared.jobs.unwrap_or_else(default_jobs));
    Ok(NonZeroUsize::new(limit).unwrap_or(NonZeroUsize::MIN))
}

fn docker_mode(shared: &SharedArgs, opened: &Opened) -> anyhow::Result<DockerMode> {
    if let Some(docker) = shared.docker {
        return Ok(docker.into());
    }
    match opened.properties.get("sync.docker") {
        None | Some("auto") => Ok(DockerMode::Auto),
        Some("always") => Ok(DockerMode::Always),
        Some("never") => Ok(DockerMode::Never),
        Some(_) => anyhow::bail!("property `sync.docker` takes `auto`, `always` or `never`"),
    }
}

/// Whether there is a `docker` on the PATH.
fn docker_is_there() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join("docker").is_file())
}

fn docker_flag(shared: &SharedArgs) -> String {
    use clap::ValueEnum;
    let value = shared.docker.and_then(|docker| docker.to_possible_value());
    value.map(|value| format!(" --docker {}", value.get_name())).unwrap_or_default()
}

/// What is text in the environment of the process; children inherit it.
pub fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

fn session_info(
    workflow: &Workflow,
    time: &SessionTime,
    attempt: &AttemptRecord,
    installation: &str,
) -> SessionInfo {
    let schedule = workflow.schedule.as_ref();
    SessionInfo {
        session: attempt.session,
        attempt: attempt.id,
        uuid: uuid(&format!("{installation} {}", attempt.session)),
        time: time.clone(),
        timezone: workflow.timezone_name.clone(),
        last: schedule.and_then(|schedule| schedule.last_before(&time.0)),
        next: schedule.and_then(|schedule| schedule.next_after(&time.0)),
        last_executed: None::<Zoned>,
    }
}

/// A UUID of version 8 (RFC 9562: made by a rule of one's own) that all attempts of a session share.
fn uuid(of: &str) -> String {
    let hash = Sha256::digest(of.as_bytes());
    let mut bytes: Vec<u8> = hash.iter().copied().take(16).collect();
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

fn log_setup(
    opened: &Opened,
    attempt: &AttemptRecord,
    workflow: &str,
    time: &SessionTime,
    aws: &Arc<Aws>,
) -> anyhow::Result<TaskLogSetup> {
    let identity = AttemptIdentity {
        workflow: workflow.to_owned(),
        session_time: time.compact(),
        name: (attempt.id != attempt.starting_attempt).then(|| format!("attempt{}", attempt.id)),
        started_at: attempt.started_at,
        agent: format!("{}@{}", attempt.process.pid, attempt.process.host),
    };
    Ok(TaskLogSetup {
        state_folder: opened.place.state_folder().to_owned(),
        session: attempt.session,
        attempt: attempt.id,
        scrubber: opened.scrubber.clone(),
        server: safe::log_server(&opened.properties, identity, aws)?,
    })
}
