//! What the tests of operators need: a request with everything around it, in memory.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::mail::MailDefaults;
use super::param::{ParamStore, ParamStoreError};
use super::require::{RequiredEnd, Requirement, WorkflowService};
use super::{
    Cancel, DockerMode, EventLine, NotRecorded, Operator, OperatorError, OperatorOutput, OperatorRequest,
    Origin, Patience, Reporter, ScrubStream, SecretGuard, Services, TransferRequest, TransferService, Turn,
    Waiting,
};
use crate::dig::expression::{Clock, Evaluator, Limits, Tolerance};
use crate::run::event::EventKind;
use crate::run::notification::Notifier;
use crate::secret::params::Parted;
use crate::secret::{Secret, SecretError, SecretStore};
use crate::session::{AttemptId, Params, TaskName};
use crate::transfer::report::TransferReport;

type OnOutput = Box<dyn Fn(&[u8]) + Send>;
pub(crate) type OnTransfer =
    Box<dyn Fn(&TransferRequest) -> Result<TransferReport, OperatorError> + Send + Sync>;

type OnRequire = Box<dyn Fn(&Requirement) -> Result<RequiredEnd, OperatorError> + Send + Sync>;

/// A test whose operator waits longer than this has gone wrong.
const MOST_TURNS: u32 = 100;

/// Collects what operators say.
pub(crate) struct Bench {
    events: Arc<Events>,
    secrets: Arc<Secrets>,
    guard: Arc<Guard>,
    transfers: Arc<Transfers>,
    workflows: Arc<Workflows>,
    params: Arc<KeptParams>,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) docker: DockerMode,
    pub(crate) cancel: Cancel,
    pub(crate) program: PathBuf,
    pub(crate) mail: MailDefaults,
    pub(crate) notifier: Option<Notifier>,
    directory: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let environment =
            ["PATH", "HOME"].map(|name| (name.to_owned(), std::env::var(name).unwrap_or_default()));
        Self {
            events: Arc::default(),
            secrets: Arc::default(),
            guard: Arc::default(),
            transfers: Arc::default(),
            workflows: Arc::default(),
            params: Arc::default(),
            environment: environment.into(),
            docker: DockerMode::Never,
            cancel: Cancel::default(),
            program: "/bin/false".into(),
            mail: MailDefaults::default(),
            notifier: None,
            directory: tempfile::tempdir().expect("a directory"),
        }
    }

    pub(crate) fn secret(self, name: &str, value: &str) -> Self {
        self.secrets.0.lock().expect("no panic").insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        let path = self.directory.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(path, text).expect("a file");
        self
    }

    pub(crate) fn on_transfer(
        self,
        transfer: impl Fn(&TransferRequest) -> Result<TransferReport, OperatorError> + Send + Sync + 'static,
    ) -> Self {
        *self.transfers.0.lock().expect("no panic") = Some(Arc::new(Box::new(transfer)));
        self
    }

    pub(crate) fn on_require(
        self,
        require: impl Fn(&Requirement) -> Result<RequiredEnd, OperatorError> + Send + Sync + 'static,
    ) -> Self {
        *self.workflows.0.lock().expect("no panic") = Some(Box::new(require));
        self
    }

    pub(crate) fn on_output(&self, hear: impl Fn(&[u8]) + Send + 'static) {
        *self.events.on_output.lock().expect("no panic") = Some(Box::new(hear));
    }

    /// What `param_set>` kept.
    pub(crate) fn kept(&self) -> Value {
        Value::Object(self.params.kept.lock().expect("no panic").clone())
    }

    /// From now on the store of parameters fails so.
    pub(crate) fn break_params(&self, why: &str) {
        *self.params.broken.lock().expect("no panic") = Some(why.to_owned());
    }

    pub(crate) fn project(&self) -> PathBuf {
        self.directory.path().canonicalize().expect("it exists")
    }

    pub(crate) fn services(&self) -> Services {
        let temporary = self.project().join(".sync/tmp");
        std::fs::create_dir_all(&temporary).expect("a directory");
        Services {
            secrets: Arc::clone(&self.secrets) as Arc<dyn SecretStore>,
            guard: Arc::clone(&self.guard) as Arc<dyn SecretGuard>,
            origin: Origin { installation: "bench".to_owned(), starting_attempt: AttemptId(1) },
            transfers: Arc::clone(&self.transfers) as Arc<dyn TransferService>,
            workflows: Arc::clone(&self.workflows) as Arc<dyn WorkflowService>,
            params: Arc::clone(&self.params) as Arc<dyn ParamStore>,
            docker: self.docker,
            environment: self.environment.clone(),
            project: self.project(),
            temporary,
            program: self.program.clone(),
            properties: BTreeMap::new(),
            mail: self.mail.clone(),
            notifier: self.notifier.clone(),
            patience: Patience::default(),
        }
    }

    pub(crate) fn reporter(&self) -> Reporter {
        let line = Arc::clone(&self.events) as Arc<dyn EventLine>;
        Reporter::new(TaskName::from_full("+main+t"), line, Arc::clone(&self.guard) as Arc<dyn SecretGuard>)
    }

    /// Runs one task: `local` are its own keys, the operator's key among them; `exported` lie below. An operator that
    /// waits gets its next turn at once.
    pub(crate) fn run(
        &self,
        operator: &dyn Operator,
        exported: Value,
        local: Value,
    ) -> Result<OperatorOutput, OperatorError> {
        let mut waiting = Waiting::first();
        for _ in 0..MOST_TURNS {
            match self.turn(operator, exported.clone(), local.clone(), waiting.clone())? {
                Turn::Done(output) => return Ok(output),
                Turn::Again { state, .. } => waiting.state = state,
            }
        }
        panic!("still waiting after {MOST_TURNS} turns")
    }

    /// One turn of one task.
    pub(crate) fn turn(
        &self,
        operator: &dyn Operator,
        exported: Value,
        local: Value,
        waiting: Waiting,
    ) -> Result<Turn, OperatorError> {
        let (Value::Object(exported), Value::Object(local)) = (exported, local) else {
            panic!("two objects")
        };
        let evaluator = Evaluator::new(
            jiff::tz::TimeZone::UTC,
            Clock::fixed(jiff::Timestamp::UNIX_EPOCH),
            Limits::default(),
        );
        let mut merged = exported.clone();
        merged.extend(local.clone());
        let config = evaluator.evaluate_object(&merged, &exported, Tolerance::Refuse).expect("it evaluates");
        let own: Params = config
            .iter()
            .filter(|(key, _)| local.contains_key(*key))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        let key = own.keys().find(|key| key.ends_with('>')).cloned();
        let services = self.services();
        let request = OperatorRequest {
            task: TaskName::from_full("+main+t"),
            operator: key.as_deref().map_or_else(String::new, |key| key.trim_end_matches('>').to_owned()),
            round: 1,
            command: key.and_then(|key| own.get(&key).cloned()).unwrap_or_default(),
            config,
            local: own,
            directory: self.project(),
            templates: &evaluator,
            reporter: self.reporter(),
            cancel: self.cancel.clone(),
            secrets: Arc::clone(&services.secrets),
            waiting,
            services: &services,
        };
        operator.run(&request)
    }

    /// A request to try something on that needs one: of a task `x>`.
    pub(crate) fn with_request<T>(&self, try_it: impl Fn(&OperatorRequest<'_>) -> T + Send + Sync) -> T
    where
        T: Send,
    {
        struct Probe<F, T>(F, Mutex<Option<T>>);
        impl<T: Send, F: Fn(&OperatorRequest<'_>) -> T + Send + Sync> Operator for Probe<F, T> {
            fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
                *self.1.lock().expect("no panic") = Some((self.0)(request));
                Ok(OperatorOutput::default().into())
            }
        }
        let probe = Probe(try_it, Mutex::new(None));
        let empty = Value::Object(Params::new());
        self.run(&probe, empty.clone(), empty).expect("success");
        probe.1.into_inner().expect("no panic").expect("it ran")
    }

    /// What tasks printed.
    pub(crate) fn output(&self) -> String {
        let events = self.events.all.lock().expect("no panic");
        let bytes: Vec<u8> = events
            .iter()
            .filter_map(|event| match event {
                EventKind::Output { bytes, .. } => Some(bytes.as_slice()),
                _ => None,
            })
            .flatten()
            .copied()
            .collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Log lines and notifications, one a line.
    pub(crate) fn log(&self) -> String {
        let events = self.events.all.lock().expect("no panic");
        let lines = events.iter().filter_map(|event| match event {
            EventKind::Log { level, text, .. } => Some(format!("{level:?}: {text}\n")),
            EventKind::Notified { channel, failure, .. } => Some(format!("{channel}: {failure:?}\n")),
            _ => None,
        });
        lines.collect()
    }
}

#[derive(Default)]
struct Events {
    all: Mutex<Vec<EventKind>>,
    on_output: Mutex<Option<OnOutput>>,
}

impl EventLine for Events {
    fn send(&self, kind: EventKind) {
        if let (EventKind::Output { bytes, .. }, Some(hear)) =
            (&kind, &*self.on_output.lock().expect("no panic"))
        {
            hear(bytes);
        }
        self.all.lock().expect("no panic").push(kind);
    }

    fn record(&self, kind: EventKind) -> Result<(), NotRecorded> {
        self.send(kind);
        Ok(())
    }
}

#[derive(Default)]
struct Secrets(Mutex<BTreeMap<String, String>>);

impl SecretStore for Secrets {
    fn get(&self, name: &str) -> Result<Secret, SecretError> {
        let values = self.0.lock().expect("no panic");
        values.get(name).map(Secret::new).ok_or_else(|| SecretError::NotFound { name: name.to_owned() })
    }
}

#[derive(Default)]
struct Guard(Mutex<Vec<String>>);

impl SecretGuard for Guard {
    fn learn(&self, secret: &str) {
        self.0.lock().expect("no panic").push(secret.to_owned());
    }

    fn contains_secret(&self, text: &str) -> bool {
        self.0.lock().expect("no panic").iter().any(|secret| text.contains(secret))
    }

    fn is_secret_name(&self, name: &str) -> bool {
        name.to_lowercase().contains("pass")
    }

    fn part(&self, params: &Params) -> Parted {
        let (secret, public): (Params, Params) = (params.clone().into_iter())
            .partition(|(name, value)| self.is_secret_name(name) || self.contains_secret(&value.to_string()));
        let names = secret.keys().cloned().collect();
        Parted { public, secret, names }
    }

    fn scrub(&self, text: &str) -> String {
        let known = self.0.lock().expect("no panic");
        known.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }

    fn stream(&self) -> Box<dyn ScrubStream> {
        struct Through;
        impl ScrubStream for Through {
            fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
                bytes.to_vec()
            }

            fn flush(&mut self) -> Vec<u8> {
                Vec::new()
            }
        }
        Box::new(Through)
    }
}

#[derive(Default)]
struct Transfers(Mutex<Option<Arc<OnTransfer>>>);

impl TransferService for Transfers {
    fn transfer(&self, request: &TransferRequest) -> Result<TransferReport, OperatorError> {
        let transfer = self.0.lock().expect("no panic").clone();
        transfer.expect("the test says what a transfer does")(request)
    }
}

#[derive(Default)]
pub(crate) struct Workflows(Mutex<Option<OnRequire>>);

impl WorkflowService for Workflows {
    fn require(&self, requirement: &Requirement) -> Result<RequiredEnd, OperatorError> {
        let require = self.0.lock().expect("no panic");
        require.as_ref().expect("the test says what is required")(requirement)
    }
}

#[derive(Default)]
struct KeptParams {
    kept: Mutex<Params>,
    broken: Mutex<Option<String>>,
}

impl KeptParams {
    fn check(&self) -> Result<(), ParamStoreError> {
        self.broken.lock().expect("no panic").clone().map_or(Ok(()), |why| Err(ParamStoreError(why)))
    }
}

impl ParamStore for KeptParams {
    fn set(&self, pairs: &[(String, String)]) -> Result<(), ParamStoreError> {
        self.check()?;
        let pairs = pairs.iter().map(|(key, value)| (key.clone(), Value::String(value.clone())));
        self.kept.lock().expect("no panic").extend(pairs);
        Ok(())
    }

    fn get(&self, keys: &[&str]) -> Result<Vec<Option<String>>, ParamStoreError> {
        self.check()?;
        let kept = self.kept.lock().expect("no panic");
        Ok(keys.iter().map(|key| kept.get(*key).and_then(Value::as_str).map(str::to_owned)).collect())
    }
}
