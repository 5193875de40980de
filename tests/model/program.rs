//! The program's side: a project in memory, planned and carried out by the library with the operator of the tests.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use sync::dig::expression::{Clock, Limits};
use sync::plan::{Plan, Recorded, Selection, Sizes};
use sync::reader::MemoryReader;
use sync::report::json;
use sync::run::Slots;
use sync::run::operator::Origin;
use sync::run::operator::mail::MailDefaults;
use sync::run::operator::param::{ParamStore, ParamStoreError};
use sync::run::operator::require::{RequiredEnd, Requirement, WorkflowService};
use sync::run::operator::{
    DockerMode, Operator, OperatorError, OperatorOutput, OperatorRequest, Operators, ScrubStream,
    SecretGuard, Services, Subtask, TransferRequest, TransferService, Turn, plain,
};
use sync::run::{LogParams, RunMode, RunSetup, SessionInfo, Waiting, execute, stop_requests};
use sync::secret::params::Parted;
use sync::secret::{Secret, SecretError, SecretStore};
use sync::session::{AttemptId, SessionId, SessionTime};
use sync::transfer::report::TransferReport;

use super::events::{Teller, Told};
use super::files::Files;
use super::step::{self, Step};
use super::story::{Counts, Params, sees};

/// Runs the workflow `main.dig`. The error is why it is none.
pub fn run(files: &Files) -> Result<Told, String> {
    let reader = reader(files);
    let loaded = sync::dig::load(Path::new("main.dig"), &reader);
    if loaded.has_errors() {
        return Err(format!("{:#?}", loaded.problems));
    }
    let root = loaded.workflow.unwrap().root;
    let plan = Plan::new("main", root, Params::new(), Recorded::default(), Sizes::default(), &Selection::All)
        .unwrap();
    let mut teller = Teller::default();
    let summary = execute(plan, setup(reader), &mut |events| {
        events.iter().for_each(|event| teller.hear(&json::event(event)));
        Ok(())
    });
    let mut told = teller.told;
    told.story.failed = summary.failures.iter().map(|failed| failed.name.to_string()).collect();
    told.story.tolerated = summary.tolerated.iter().map(|failed| failed.name.to_string()).collect();
    told.story.counts = Counts {
        succeeded: summary.counts.succeeded,
        failed: summary.counts.failed,
        tolerated: summary.counts.tolerated,
        blocked: summary.counts.blocked,
    };
    Ok(told)
}

/// Whether all files are valid.
pub fn accepts(files: &Files) -> bool {
    let reader = reader(files);
    let workflows = files.0.keys().filter(|path| path.ends_with(".dig"));
    workflows.map(|path| sync::dig::load(Path::new(path), &reader)).all(|loaded| !loaded.has_errors())
}

fn reader(files: &Files) -> MemoryReader {
    files.texts().fold(MemoryReader::default(), |reader, (path, text)| reader.with(path, &text))
}

/// Says what an operator is given, as everybody who is asked for it does.
fn say(request: &OperatorRequest<'_>) {
    let line = format!("{}\n", sees(&request.command, &request.config));
    request.reporter.output(line.as_bytes());
}

/// The operator of the tests, with how often it worked by task.
#[derive(Default)]
struct Steps(Mutex<HashMap<String, u32>>);

impl Operator for Steps {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        say(request);
        let count = {
            let mut counts = self.0.lock().unwrap();
            let count = counts.entry(request.task.to_string()).or_default();
            *count += 1;
            *count
        };
        match step::take(&request.config, count) {
            Step::Fails(code) => {
                Err(OperatorError::failed(step::message(code)).detail("message", step::told(code)))
            }
            Step::Leaves { store, reset, export, sub } => {
                let subtask = sub.map_or(Subtask::None, |task| Subtask::Mapping(Value::Object(task)));
                Ok(OperatorOutput { store, reset_store: reset, export, subtask }.into())
            }
        }
    }
}

/// An operator of the program, with a look at what it is given.
struct Watched(Arc<dyn Operator>);

impl Operator for Watched {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        say(request);
        self.0.run(request)
    }
}

fn operators() -> Operators {
    let watched = |operator| Arc::new(Watched(operator)) as Arc<dyn Operator>;
    let mut operators: Operators =
        plain().into_iter().map(|(name, operator)| (name, watched(operator))).collect();
    let steps = Arc::new(Steps::default());
    for name in ["sh", "py"] {
        operators.insert(name, Arc::clone(&steps) as Arc<dyn Operator>);
    }
    operators
}

fn setup(reader: MemoryReader) -> RunSetup {
    let (_, stop) = stop_requests();
    RunSetup {
        session: SessionInfo {
            session: SessionId(1),
            attempt: AttemptId(1),
            uuid: "u".to_owned(),
            time: SessionTime("2024-03-10T00:00:00Z[UTC]".parse().unwrap()),
            timezone: "UTC".to_owned(),
            retry_attempt_name: None,
            last: None,
            next: None,
            last_executed: None,
        },
        mode: RunMode::Real,
        log_params: LogParams::No,
        operators: operators(),
        services: Arc::new(Services {
            secrets: Arc::new(Nothing),
            guard: Arc::new(Nothing),
            origin: Origin { installation: "i".to_owned(), starting_attempt: AttemptId(1) },
            transfers: Arc::new(Nothing),
            workflows: Arc::new(Nothing),
            params: Arc::new(Nothing),
            mail: MailDefaults::default(),
            notifier: None,
            docker: DockerMode::Never,
            environment: BTreeMap::new(),
            project: PathBuf::from("/project"),
            temporary: PathBuf::from("/project/.sync/tmp"),
            program: PathBuf::from("/bin/sync"),
            properties: BTreeMap::new(),
            patience: sync::run::operator::Patience::default(),
        }),
        reader: Arc::new(reader),
        // More than a workflow has: nothing waits for a thread.
        slots: Slots::new(1000),
        sla: None,
        cancel: None,
        waiting: Waiting::default(),
        grace: Duration::ZERO,
        stop,
        clock: Clock::fixed("2024-03-10T12:00:00Z".parse().unwrap()),
        limits: Limits::default(),
    }
}

/// No secrets and no transfers.
struct Nothing;

impl SecretStore for Nothing {
    fn get(&self, name: &str) -> Result<Secret, SecretError> {
        Err(SecretError::NotFound { name: name.to_owned() })
    }
}

impl TransferService for Nothing {
    fn transfer(&self, _: &TransferRequest) -> Result<TransferReport, OperatorError> {
        Err(OperatorError::failed("there are no transfers here"))
    }
}

impl WorkflowService for Nothing {
    fn require(&self, _: &Requirement) -> Result<RequiredEnd, OperatorError> {
        Err(OperatorError::failed("there are no other workflows here"))
    }
}

impl ParamStore for Nothing {
    fn set(&self, _: &[(String, String)]) -> Result<(), ParamStoreError> {
        Ok(())
    }

    fn get(&self, keys: &[&str]) -> Result<Vec<Option<String>>, ParamStoreError> {
        Ok(vec![None; keys.len()])
    }
}

impl SecretGuard for Nothing {
    fn learn(&self, _: &str) {}

    fn contains_secret(&self, _: &str) -> bool {
        false
    }

    fn is_secret_name(&self, _: &str) -> bool {
        false
    }

    fn part(&self, params: &Params) -> Parted {
        Parted { public: params.clone(), secret: Params::new(), names: Vec::new() }
    }

    fn scrub(&self, text: &str) -> String {
        text.to_owned()
    }

    fn stream(&self) -> Box<dyn ScrubStream> {
        Box::new(Self)
    }
}

impl ScrubStream for Nothing {
    fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        bytes.to_vec()
    }

    fn flush(&mut self) -> Vec<u8> {
        Vec::new()
    }
}
