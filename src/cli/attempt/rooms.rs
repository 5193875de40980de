//! What all attempts of one process share: the safe, the budget, the pools, the places for tasks. From it every attempt
//! gets the services of its tasks, its logs, and what its run is handed.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use jiff::{Timestamp, Zoned};
use sha2::{Digest, Sha256};

use super::super::guard::Guard;
use super::super::kept_params::KeptParams;
use super::super::opening::Opened;
use super::super::outgoing::Outgoing;
use super::super::place::Place;
use super::super::policy;
use super::super::properties::Properties;
use super::super::run_args::SharedArgs;
use super::super::safe::{self, SafeSetup};
use super::super::transfer::{Repeats, StateMemory, Transfers};
use super::required::{Required, Waits};
use super::{Earlier, reports, sources};
use crate::cloud::aws::Aws;
use crate::diagnostic::Problem;
use crate::dig::expression::{Clock, Limits};
use crate::dig::workflow::Workflow;
use crate::reader::DirectoryReader;
use crate::report::problems;
use crate::report::tasklog::{S3LogSettings, TaskLogSetup, TaskLogs};
use crate::run::event::RunEvent;
use crate::run::operator::{Cancel, DockerMode, Operators, Origin, Services};
use crate::run::{
    self, LogParams, RunMode, RunSetup, SessionInfo, Slots, StopHandle, StopRequests, Waiting,
    private_directory,
};
use crate::secret::params::{SecretJudge, SecretNames};
use crate::secret::resolver::Resolver;
use crate::secret::scrub::Scrubber;
use crate::session::{AttemptId, Params, SessionId, SessionTime};
use crate::state::{AttemptKind, AttemptRecord, NewAttempt, Process, Store};
use crate::transfer::context::{MemoryBudget, Patience};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::Reading;
use crate::transfer::policy::Enforced;
use crate::transfer::pool::SourcePools;

/// Shared by the attempts of a process: the one that was asked for, and those that it requires.
pub(super) struct Rooms {
    pub(super) place: Place,
    properties: Properties,
    scrubber: Scrubber,
    aws: Arc<Aws>,
    secrets: Arc<Resolver>,
    names: SecretNames,
    memory: MemoryBudget,
    sources: SourcePools,
    reading: Reading,
    patience: Patience,
    /// The policy of the project, and its file.
    policy: Option<(PathBuf, Arc<Enforced>)>,
    pub(super) docker: DockerMode,
    log_params: LogParams,
    log_server: Option<S3LogSettings>,
    mode: RunMode,
    slots: Slots,
    /// How long running tasks may go on after the first signal.
    grace: Duration,
    operators: Operators,
    /// Mail and notifications.
    outgoing: Outgoing,
    temporary: PathBuf,
    program: PathBuf,
    /// The random name of the state file.
    installation: String,
    /// `params.*`, `-P`, `-p`: every workflow sees them.
    pub(super) given: Params,
    /// What runs that ended before this one mean to a `require>`.
    pub(super) earlier: Earlier,
    /// Stops all of them.
    pub(super) stop: StopHandle,
    /// Which run waits for which.
    pub(super) waits: Waits,
    /// Where the tables are counted that wait, those of required workflows among them.
    pub(super) waiting: Waiting,
    /// The logs of required workflows.
    logs: Mutex<HashMap<AttemptId, TaskLogs>>,
}

/// What a process that runs attempts is asked for.
pub(super) struct RoomSetup<'a> {
    pub(super) opened: &'a Opened,
    pub(super) shared: &'a SharedArgs,
    pub(super) mode: RunMode,
    pub(super) docker: DockerMode,
    pub(super) installation: String,
    pub(super) given: Params,
    pub(super) earlier: Earlier,
    pub(super) stop: StopHandle,
}

impl Rooms {
    pub(super) fn open(setup: RoomSetup<'_>) -> anyhow::Result<Arc<Self>> {
        let RoomSetup { opened, shared, mode, docker, installation, given, earlier, stop } = setup;
        let aws = safe::aws(&opened.properties);
        let safe_setup = SafeSetup {
            project: &opened.place.project,
            properties: &opened.properties,
            config_home: opened.config_home.as_deref(),
            variables: std::env::vars_os().collect(),
            aws: Arc::clone(&aws),
        };
        let secrets = Arc::new(safe::open(&safe_setup, opened.scrubber.clone()));
        let policy = policy_of(opened, mode, secrets.as_ref())?;
        let slots = Slots::new(shared.jobs.unwrap_or_else(default_jobs));
        let temporary = opened.place.state_folder().join("tmp");
        std::fs::create_dir_all(&temporary).context("the folder for files of tasks could not be made")?;
        // Not every run makes one of its own there.
        private_directory::sweep_all(&temporary);
        Ok(Arc::new(Self {
            place: opened.place.clone(),
            properties: opened.properties.clone(),
            scrubber: opened.scrubber.clone(),
            aws,
            secrets,
            names: safe::secret_names(&opened.properties),
            memory: MemoryBudget::new(shared.memory),
            sources: SourcePools::new(sources::connections(shared, opened)?),
            reading: sources::reading(opened, &slots)?,
            patience: opened.properties.patience()?,
            policy,
            docker,
            log_params: shared.log_params(),
            log_server: opened.properties.log_server()?,
            mode,
            slots,
            grace: shared.grace,
            operators: run::operator::native(),
            outgoing: Outgoing::read(opened)?,
            temporary,
            program: std::env::current_exe().context("the path of this program is not known")?,
            installation,
            given,
            earlier,
            stop,
            waits: Waits::default(),
            waiting: Waiting::default(),
            logs: Mutex::default(),
        }))
    }

    /// What the state is told of an attempt: nothing secret.
    pub(super) fn new_attempt(&self, workflow: &Workflow, time: &SessionTime, params: &Params) -> NewAttempt {
        let parted = SecretJudge::new(self.names.clone(), self.scrubber.clone()).part(params);
        NewAttempt {
            project: self.project(),
            workflow: workflow.name.clone(),
            file: workflow.path.to_string_lossy().into_owned(),
            session_time: time.iso(),
            kind: AttemptKind::Run,
            starting_attempt: None,
            required_by: None,
            name: None,
            params: parted.public,
            secret_params: parted.names,
            process: Process::current(),
            at: Timestamp::now(),
        }
    }

    /// Whether a workflow that failed alerts somebody.
    pub(super) fn alerts(&self) -> bool {
        self.properties.get("notification.type").is_some()
    }

    /// How people are told.
    pub(super) fn outgoing(&self) -> Outgoing {
        self.outgoing.clone()
    }

    pub(super) fn properties(&self) -> &Properties {
        &self.properties
    }

    /// What the state calls the project.
    pub(super) fn project(&self) -> String {
        self.place.project.to_string_lossy().into_owned()
    }

    /// What the run of an attempt is handed.
    pub(super) fn run_setup(
        self: &Arc<Self>,
        workflow: &Workflow,
        time: &SessionTime,
        attempt: &AttemptRecord,
        way: Way,
    ) -> RunSetup {
        let began = attempt.started_at.to_zoned(workflow.timezone.clone());
        RunSetup {
            session: self.session_info(workflow, time, attempt),
            mode: self.mode,
            log_params: self.log_params,
            operators: self.operators.clone(),
            services: Arc::new(self.services(workflow, time, attempt, way.since)),
            reader: Arc::new(DirectoryReader::new(&self.place.project)),
            sla: workflow.sla.as_ref().map(|sla| (sla.due.after(&began), sla.tasks.clone())),
            slots: self.slots.clone(),
            grace: self.grace,
            stop: way.stop,
            cancel: way.cancel,
            waiting: self.waiting.clone(),
            clock: Clock::new(Timestamp::now),
            limits: Limits::default(),
        }
    }

    /// What the tasks of an attempt share.
    fn services(
        self: &Arc<Self>,
        workflow: &Workflow,
        time: &SessionTime,
        attempt: &AttemptRecord,
        since: AttemptId,
    ) -> Services {
        let guard = Arc::new(Guard { scrubber: self.scrubber.clone(), names: self.names.clone() });
        let transfers = Transfers {
            installation: self.installation.clone(),
            starting_attempt: attempt.starting_attempt,
            memory_of_effects: Arc::new(StateMemory::new(&self.place.state)),
            secrets: self.secrets.clone(),
            guard: guard.clone(),
            memory: self.memory.clone(),
            sources: self.sources.clone(),
            reading: self.reading.clone(),
            patience: self.patience.clone(),
            policy: self.policy.as_ref().map(|(_, policy)| Arc::clone(policy)),
            process_zone: jiff::tz::TimeZone::system(),
            repeats: Repeats::default(),
        };
        Services {
            secrets: self.secrets.clone(),
            guard,
            origin: Origin {
                installation: self.installation.clone(),
                starting_attempt: attempt.starting_attempt,
            },
            transfers: Arc::new(transfers),
            params: Arc::new(KeptParams::new(&self.place.state, &self.project())),
            workflows: Arc::new(Required::new(self, workflow, time, attempt, since)),
            mail: self.outgoing.mail.clone(),
            notifier: self.outgoing.notifier.clone(),
            patience: self.patience.clone(),
            docker: self.docker,
            environment: self.environment(),
            project: self.place.project.clone(),
            temporary: self.temporary.clone(),
            program: self.program.clone(),
            properties: self.properties.for_operators(&self.names),
        }
    }

    /// What tasks find in their environment: that of the process, and the policy, which commands of theirs keep too.
    fn environment(&self) -> BTreeMap<String, String> {
        let mut environment = environment();
        if let Some((path, _)) = &self.policy {
            environment.insert(policy::VARIABLE.to_owned(), path.to_string_lossy().into_owned());
        }
        environment
    }

    /// Opens the logs of an attempt's tasks.
    pub(super) fn logs_of(
        &self,
        workflow: &Workflow,
        time: &SessionTime,
        attempt: &AttemptRecord,
    ) -> anyhow::Result<TaskLogs> {
        let identity = || {
            let store = Store::open(&self.place.state)?;
            reports::identity(&workflow.name, time.compact(), attempt, &store)
        };
        let setup = TaskLogSetup {
            state_folder: self.place.state_folder().to_owned(),
            session: attempt.session,
            attempt: attempt.id,
            scrubber: self.scrubber.clone(),
            server: safe::log_server(self.log_server.as_ref(), identity, &self.aws)?,
        };
        let place = format!("a folder for logs in `{}` could not be made", setup.state_folder.display());
        TaskLogs::new(setup).context(place)
    }

    /// Keeps the logs of a required workflow until the end of the process's run.
    pub(super) fn keep_logs(&self, attempt: AttemptId, logs: TaskLogs) {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).insert(attempt, logs);
    }

    /// Writes down an event of a required workflow.
    pub(super) fn log(&self, attempt: AttemptId, event: &RunEvent) {
        if let Some(logs) = self.logs.lock().unwrap_or_else(PoisonError::into_inner).get(&attempt) {
            logs.show(event);
        }
    }

    /// The logs of all required workflows.
    pub(super) fn take_logs(&self) -> Vec<(AttemptId, TaskLogs)> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).drain().collect()
    }

    fn session_info(&self, workflow: &Workflow, time: &SessionTime, attempt: &AttemptRecord) -> SessionInfo {
        let schedule = workflow.schedule.as_ref();
        SessionInfo {
            session: attempt.session,
            attempt: attempt.id,
            uuid: session_uuid(&self.installation, attempt.session),
            time: time.clone(),
            timezone: workflow.timezone_name.clone(),
            retry_attempt_name: attempt.name.clone(),
            last: schedule.and_then(|schedule| schedule.last_before(&time.0)),
            next: schedule.and_then(|schedule| schedule.next_after(&time.0)),
            last_executed: None::<Zoned>,
        }
    }
}

/// The policy in force; a run that copies nothing needs no keys.
fn policy_of(
    opened: &Opened,
    mode: RunMode,
    secrets: &Resolver,
) -> anyhow::Result<Option<(PathBuf, Arc<Enforced>)>> {
    let invalid = |found: Vec<Problem>| {
        // It was right when the workflow was checked, a moment ago.
        let reasons: Vec<String> = found.iter().map(problems::one_line).collect();
        policy::Refused(TransferError::new(ErrorKind::Config, reasons.join("; ")))
    };
    let Some(loaded) = policy::load(&opened.place.project, &opened.properties).map_err(invalid)? else {
        return Ok(None);
    };
    let path = loaded.file.path.clone();
    let enforced = match mode {
        RunMode::Dry => loaded.without_keys(),
        RunMode::Real => loaded.enforced(secrets).map_err(policy::Refused)?,
    };
    Ok(Some((path, enforced)))
}

/// How a run is stopped, and since when attempts belong to it.
pub(super) struct Way {
    pub(super) stop: StopRequests,
    /// Of a required run: the flag of the task that waits for it.
    pub(super) cancel: Option<Cancel>,
    /// The attempt that people asked for.
    pub(super) since: AttemptId,
}

/// Twice the cores, at least four.
pub(super) fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(4, |cores| (2 * cores.get()).max(4))
}

/// What is text in the environment of the process; children inherit it.
pub fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The `session_uuid` that all attempts of a session have.
pub fn session_uuid(installation: &str, session: SessionId) -> String {
    uuid(&format!("{installation} {session}"))
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
