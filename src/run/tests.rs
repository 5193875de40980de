//! Whole runs with operators made for the test: what is recorded and in which order, what a task sees, and what
//! happens when something panics, cannot be recorded, or is told to stop.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::event::{AttemptOutcome, EventKind, FailureKind, RunEvent};
use super::operator::mail::MailDefaults;
use super::operator::param::{ParamStore, ParamStoreError};
use super::operator::{
    DockerMode, Operator, OperatorError, OperatorOutput, OperatorRequest, Operators, Origin, Patience,
    ScrubStream, SecretGuard, Services, TransferRequest, TransferService, Turn, plain, testing,
};
use super::*;
use crate::dig::expression::{Clock, Limits};
use crate::plan::{Plan, Recorded, Selection, Sizes};
use crate::reader::MemoryReader;
use crate::secret::params::{Parted, SecretJudge, SecretNames};
use crate::secret::scrub::{Scrubber, ScrubbingStream};
use crate::secret::{Secret, SecretError, SecretStore};
use crate::session::{AttemptId, Params, SessionId, SessionTime, TaskName, TaskState};
use crate::transfer::effect::Effect;
use crate::transfer::report::TransferReport;

mod ending;

struct NoSecrets;

impl SecretStore for NoSecrets {
    fn get(&self, name: &str) -> Result<Secret, SecretError> {
        Err(SecretError::NotFound { name: name.to_owned() })
    }
}

struct NoTransfers;

impl TransferService for NoTransfers {
    fn transfer(&self, _: &TransferRequest) -> Result<TransferReport, OperatorError> {
        Err(OperatorError::failed("there are no transfers here"))
    }
}

struct NoParams;

impl ParamStore for NoParams {
    fn set(&self, _: &[(String, String)]) -> Result<(), ParamStoreError> {
        Err(ParamStoreError("no parameters are kept here".to_owned()))
    }

    fn get(&self, keys: &[&str]) -> Result<Vec<Option<String>>, ParamStoreError> {
        Ok(vec![None; keys.len()])
    }
}

/// The safe with its default names.
struct Guard(Scrubber);

impl SecretGuard for Guard {
    fn learn(&self, secret: &str) {
        self.0.add(&Secret::new(secret));
    }

    fn contains_secret(&self, text: &str) -> bool {
        self.0.contains(text)
    }

    fn is_secret_name(&self, name: &str) -> bool {
        SecretNames::default().matches(name)
    }

    fn part(&self, params: &Params) -> Parted {
        SecretJudge::new(SecretNames::default(), self.0.clone()).part(params)
    }

    fn scrub(&self, text: &str) -> String {
        self.0.scrub_text(text)
    }

    fn stream(&self) -> Box<dyn ScrubStream> {
        Box::new(Stream(self.0.stream()))
    }
}

struct Stream(ScrubbingStream);

impl ScrubStream for Stream {
    fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.0.push(bytes)
    }

    fn flush(&mut self) -> Vec<u8> {
        self.0.finish()
    }
}

/// An operator from a closure.
struct Made<F>(F);

impl<F> Operator for Made<F>
where
    F: Fn(&OperatorRequest<'_>) -> Result<OperatorOutput, OperatorError> + Send + Sync,
{
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        (self.0)(request).map(Turn::Done)
    }
}

fn made<F>(run: F) -> Arc<dyn Operator>
where
    F: Fn(&OperatorRequest<'_>) -> Result<OperatorOutput, OperatorError> + Send + Sync + 'static,
{
    Arc::new(Made(run))
}

/// `sh>` stands for an operator that stores its parameter `put`, prints its command, and fails when that says so.
fn operators() -> Operators {
    let mut operators = plain();
    operators.insert(
        "sh",
        made(|request| {
            let command = request.command.as_str().unwrap_or_default();
            if command.starts_with("fail") {
                return Err(OperatorError::failed(command));
            }
            request.reporter.output(format!("{command}\n").as_bytes());
            let store = request.local.get("put").and_then(Value::as_object).cloned().unwrap_or_default();
            Ok(OperatorOutput { store, ..OperatorOutput::default() })
        }),
    );
    operators
}

struct Trial {
    files: MemoryReader,
    operators: Operators,
    jobs: usize,
    grace: Duration,
    recorded: Recorded,
    mode: RunMode,
    stop: StopRequests,
    handle: StopHandle,
}

impl Trial {
    fn new(main: &str) -> Self {
        let (handle, stop) = stop_requests();
        Self {
            files: MemoryReader::default().with("main.dig", main),
            operators: operators(),
            jobs: 4,
            grace: Duration::from_secs(600),
            recorded: Recorded::default(),
            mode: RunMode::Real,
            stop,
            handle,
        }
    }

    fn file(mut self, path: &str, text: &str) -> Self {
        self.files = self.files.with(path, text);
        self
    }

    fn operator(mut self, name: &'static str, operator: Arc<dyn Operator>) -> Self {
        self.operators.insert(name, operator);
        self
    }

    fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs;
        self
    }

    fn run(self) -> Told {
        let told = Mutex::new(Vec::new());
        let summary = self.run_with(&mut |event| {
            told.lock().unwrap().push(event.kind.clone());
            Ok(())
        });
        Told { events: told.into_inner().unwrap(), summary }
    }

    fn run_with(self, sink: &mut dyn FnMut(&RunEvent) -> Result<(), SinkError>) -> RunSummary {
        self.run_in_batches(&mut |events| events.iter().try_for_each(&mut *sink))
    }

    fn run_in_batches(self, sink: &mut dyn FnMut(&[RunEvent]) -> Result<(), SinkError>) -> RunSummary {
        let loaded = crate::dig::load(Path::new("main.dig"), &self.files);
        let problems: Vec<_> = loaded.problems.iter().map(|problem| &problem.message).collect();
        let workflow = loaded.workflow.unwrap_or_else(|| panic!("{problems:?}"));
        let guard: Arc<dyn SecretGuard> = Arc::new(Guard(Scrubber::new()));
        let services = Services {
            secrets: Arc::new(NoSecrets),
            guard,
            origin: Origin { installation: "i".to_owned(), starting_attempt: AttemptId(1) },
            transfers: Arc::new(NoTransfers),
            params: Arc::new(NoParams),
            docker: DockerMode::Never,
            environment: BTreeMap::new(),
            project: PathBuf::from("/project"),
            temporary: PathBuf::from("/project/.sync/tmp"),
            workflows: Arc::new(testing::Workflows::default()),
            program: PathBuf::from("/bin/sync"),
            properties: BTreeMap::new(),
            mail: MailDefaults::default(),
            notifier: None,
            patience: Patience::default(),
        };
        let session = SessionInfo {
            session: SessionId(1),
            attempt: AttemptId(1),
            uuid: "u".to_owned(),
            time: SessionTime("2024-03-10T00:00:00Z[UTC]".parse().unwrap()),
            timezone: "UTC".to_owned(),
            retry_attempt_name: None,
            last: None,
            next: None,
            last_executed: None,
        };
        let setup = RunSetup {
            session,
            mode: self.mode,
            log_params: LogParams::No,
            operators: self.operators,
            services: Arc::new(services),
            reader: Arc::new(self.files),
            slots: Slots::new(self.jobs),
            cancel: None,
            waiting: Waiting::default(),
            grace: self.grace,
            stop: self.stop,
            sla: workflow.sla.map(|sla| (Duration::ZERO, sla.tasks)),
            clock: Clock::fixed("2024-03-10T12:00:00Z".parse().unwrap()),
            limits: Limits::default(),
        };
        let plan =
            Plan::new("main", workflow.root, Params::new(), self.recorded, Sizes::default(), &Selection::All)
                .unwrap();
        execute(plan, setup, sink)
    }
}

struct Told {
    events: Vec<EventKind>,
    summary: RunSummary,
}

impl Told {
    /// What tasks printed, in order.
    fn output(&self) -> String {
        let bytes: Vec<u8> = self
            .events
            .iter()
            .filter_map(|event| match event {
                EventKind::Output { bytes, .. } => Some(bytes.clone()),
                _ => None,
            })
            .flatten()
            .collect();
        String::from_utf8(bytes).unwrap()
    }

    fn failures(&self) -> Vec<String> {
        let line = |failed: &FailedTask| format!("{}: {}", failed.name, failed.failure.message);
        self.summary.failures.iter().map(line).collect()
    }
}

#[test]
fn events_of_a_small_run_in_order() {
    let told = Trial::new("+a:\n  echo>: hello ${session_date}\n+g:\n  +b:\n    fail>: no\n").run();
    let lines: Vec<String> = told
        .events
        .iter()
        .map(|event| match event {
            EventKind::TaskStarted { task, operator, round } => format!("start {task} {operator} {round}"),
            EventKind::Output { task, bytes } => format!("output {task} {}", String::from_utf8_lossy(bytes)),
            EventKind::TaskFinished { task, state, failure, .. } => {
                let why = failure.as_ref().map_or("", |failure| failure.message.as_str());
                format!("end {task} {} {why}", state.word())
            }
            EventKind::AttemptFinished { outcome } => format!("{outcome:?}"),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(
        lines,
        [
            "start +main+a echo 1",
            "output +main+a hello 2024-03-10\n",
            "end +main+a success ",
            "start +main+g+b fail 1",
            "end +main+g+b error no",
            "end +main+g group_error ",
            "end +main group_error ",
            "Failed",
        ]
    );
    assert_eq!(told.failures(), ["+main+g+b: no"]);
    assert_eq!((told.summary.counts.succeeded, told.summary.counts.failed), (1, 1));
}

#[test]
fn loops_calls_and_branches_generate_tasks_under_digdags_names() {
    let told = Trial::new(
        "_export: {names: [x, y]}\n\
         +put:\n  sh>: put\n  put: {n: 2}\n\
         +each:\n  for_each>: {name: '${names}', c: [1]}\n  _do:\n    call>: sub/child\n\
         +range:\n  for_range>: {from: 0, to: 5, slices: 2}\n  _do:\n    +t:\n      echo>: ${range.from}-${range.to} ${task_name}\n\
         +loop:\n  loop>: ${n}\n  _parallel: {limit: 1}\n  _do:\n    echo>: loop ${i} ${task_name}\n\
         +if:\n  if>: ${n == 2}\n  _do:\n    echo>: yes ${task_name}\n  _else_do:\n    fail>: no\n\
         +no:\n  if>: false\n  _do:\n    fail>: no\n",
    )
    .file("sub/child.dig", "+t:\n  echo>: ${name} ${_workdir} ${task_name}\n")
    .run();
    assert_eq!(
        told.output(),
        "put\n\
         x sub +main+each^sub+for-0=name=0=x&1=c=0=1^sub+t\n\
         y sub +main+each^sub+for-0=name=1=y&1=c=0=1^sub+t\n\
         0-3 +main+range^sub+range-from=0&to=3+t\n\
         3-5 +main+range^sub+range-from=3&to=5+t\n\
         loop 0 +main+loop^sub+loop-0\n\
         loop 1 +main+loop^sub+loop-1\n\
         yes +main+if^sub\n"
    );
    assert_eq!(told.summary.outcome, AttemptOutcome::Success);
}

#[test]
fn control_operators_say_what_is_wrong() {
    for (text, expected) in [
        ("for_each>: {x: a}\n  _do: {echo>: a}", "`x` of `for_each>` must be a list, but is a text"),
        (
            "for_each>: {x: ['a*b']}\n  _do: {echo>: a}",
            "a task cannot be named after the item `a*b` of `for_each>`: a name must not contain character '*'",
        ),
        (
            "for_range>: {from: 0, to: '${9}', step: '${0}'}\n  _do: {echo>: a}",
            "`step` of `for_range>` must be greater than zero, not 0",
        ),
        (
            "loop>: '${\"x\"}'\n  _do: {echo>: a}",
            "Expected integer (int) type for key 'loop>' but got \"x\" (string)",
        ),
        (
            "if>: '${\"yes\"}'\n  _do: {echo>: a}",
            "Expected 'true' or 'false' for key 'if>' but got \"yes\" (string)",
        ),
        (
            "loop>: 1\n  _parallel: '${3}'\n  _do: {echo>: a}",
            "Expected 'true' or 'false' for key '_parallel' but got \"3\" (string)",
        ),
        ("call>: '${\"none\"}'", "workflow file `none.dig` does not exist"),
        ("call>: '${\"../out\"}'", "file `../out.dig` lies outside the project"),
        (
            "wait>: '${\"5\"}'",
            "Expected a duration such as `10m` or `1h 30m` for key 'wait>' but got \"5\" (string)",
        ),
        ("_type: ${'nop'}", "Unknown task type: nop"),
        (
            "echo>: ${nowhere}",
            "Failed to evaluate a variable ${nowhere} (ReferenceError: nowhere is not defined)",
        ),
    ] {
        let told = Trial::new(&format!("+a:\n  {text}\n")).run();
        assert_eq!(told.failures(), [format!("+main+a: {expected}")], "{text}");
        assert_eq!(told.summary.failures[0].failure.kind, FailureKind::Config);
    }
}

#[test]
fn a_workflow_that_calls_itself_fails_soon() {
    let told = Trial::new("+again:\n  call>: main.dig\n").run();
    assert_eq!(told.summary.failures.len(), 1);
    let failure = &told.summary.failures[0].failure;
    assert_eq!(failure.message, "tasks are nested more than 50 levels deep at `main.dig`");
}

#[test]
fn a_handler_runs_even_if_an_export_is_broken_and_sees_the_message_as_it_was() {
    let told =
        Trial::new("_export: {broken: '${nowhere}'}\n_error:\n  echo>: ${error.message}\n+a:\n  echo>: a\n")
            .run();
    assert_eq!(
        told.output(),
        "Failed to evaluate a variable ${nowhere} (ReferenceError: nowhere is not defined) (config)\n"
    );
}

#[test]
fn so_many_operators_work_at_once_and_control_operators_do_not_wait_for_them() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let loops = Arc::new(AtomicUsize::new(0));
    let (counted, highest, reached) = (Arc::clone(&now), Arc::clone(&most), Arc::clone(&loops));
    // The first two tasks end only when both have begun, and the loop behind them, which takes no worker.
    let busy = made(move |request| {
        highest.fetch_max(counted.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        while reached.load(Ordering::SeqCst) < 3 || highest.load(Ordering::SeqCst) < 2 {
            std::thread::yield_now();
        }
        counted.fetch_sub(1, Ordering::SeqCst);
        request.reporter.output(b".");
        Ok(OperatorOutput::default())
    });
    let text = "+p:\n  _parallel: true\n  +a:\n    sh>: a\n  +b:\n    sh>: b\n  +c:\n    sh>: c\n\
                \x20 +l:\n    loop>: 5\n    _parallel: true\n    _do: {sh>: l}\n";
    let mut output = 0;
    let sink_loops = Arc::clone(&loops);
    let summary = Trial::new(text).operator("sh", busy).jobs(2).run_with(&mut |event| {
        match &event.kind {
            EventKind::TaskPlanned { .. } => sink_loops.store(3, Ordering::SeqCst),
            EventKind::Output { .. } => output += 1,
            _ => {}
        }
        Ok(())
    });
    assert_eq!(summary.outcome, AttemptOutcome::Success);
    assert_eq!((most.load(Ordering::SeqCst), output), (2, 8));
}

#[test]
fn secret_parameters_reach_later_tasks_and_no_event() {
    let text = "+fetch:\n  sh>: fetch\n  put: {db: {host: h, password: hunter22}, api_token: tok-1234}\n\
                +use:\n  echo>: ${db.host} ${db.password} ${api_token.length}\n";
    let told = Trial::new(text).run();
    assert_eq!(told.output(), "fetch\nh *** 8\n");
    let result = told.events.iter().find_map(|event| match event {
        EventKind::TaskFinished { result: Some(result), .. } => Some(result.clone()),
        _ => None,
    });
    let result = result.unwrap();
    assert_eq!(Value::Object(result.store), json!({"db": {"host": "h"}}));
    assert_eq!(result.secret_stores, ["db.password", "api_token"]);
    assert!(!format!("{:?}", told.events).contains("hunter22"));
}

#[test]
fn a_secret_with_dollar_signs_arrives_as_it_is() {
    let text = "_export: {db_password: exported-secret}\n\
                +fetch:\n  sh>: fetch\n\
                +use:\n  sh>: ${password.length} ${other} ${db_password}\n  own: ${password}\n";
    let seen = Arc::new(Mutex::new(Params::new()));
    let (told, sees) = (operators(), Arc::clone(&seen));
    let own = made(move |request| {
        if request.command == json!("fetch") {
            let store = json!({"password": "pa$$wo${rd}", "other": "a$$b"}).as_object().cloned();
            return Ok(OperatorOutput { store: store.unwrap_or_default(), ..OperatorOutput::default() });
        }
        sees.lock().unwrap().clone_from(&request.config);
        match told["sh"].run(request)? {
            Turn::Done(output) => Ok(output),
            Turn::Again { .. } => panic!("it does not wait"),
        }
    });
    let told = Trial::new(text).operator("sh", own).run();
    assert_eq!(told.output(), "11 a$b ***\n");
    let seen = seen.lock().unwrap();
    assert_eq!((&seen["password"], &seen["own"]), (&json!("pa$$wo${rd}"), &json!("pa$$wo${rd}")));
    assert_eq!(seen["other"], "a$b", "what is no secret is evaluated for every task in scope");
}

#[test]
fn a_dry_run_evaluates_and_does_nothing() {
    let mut trial = Trial::new("+a:\n  sh>: fail\n+l:\n  loop>: 2\n  _do:\n    sh>: fail\n");
    trial.mode = RunMode::Dry;
    let told = trial.run();
    assert_eq!((told.summary.outcome, told.summary.counts.succeeded), (AttemptOutcome::Success, 1));
    let mut trial = Trial::new("+a:\n  sh>: ${nowhere}\n");
    trial.mode = RunMode::Dry;
    assert_eq!(trial.run().summary.outcome, AttemptOutcome::Failed);
}

#[test]
fn a_retry_counts_its_rounds_and_ends_well() {
    let tries = Arc::new(AtomicUsize::new(0));
    let flaky = made(move |_| match tries.fetch_add(1, Ordering::SeqCst) {
        0 | 1 => Err(OperatorError::unreachable("not yet")),
        _ => Ok(OperatorOutput::default()),
    });
    let told = Trial::new("_export: {_retry: 2}\n+a:\n  sh>: a\n").operator("sh", flaky).run();
    let rounds: Vec<u32> = told
        .events
        .iter()
        .filter_map(|event| match event {
            EventKind::TaskStarted { round, .. } => Some(*round),
            _ => None,
        })
        .collect();
    assert_eq!(rounds, [1, 2, 3]);
    assert_eq!((told.summary.outcome, told.summary.failures), (AttemptOutcome::Success, Vec::new()));
}

#[test]
fn tasks_that_a_script_added_are_compiled_and_recorded() {
    let script = made(|_| {
        let subtask = json!({"+subtask0": {"echo>": "from script ${x}"}});
        let export = json!({"x": 1}).as_object().cloned().unwrap_or_default();
        Ok(OperatorOutput {
            subtask: operator::Subtask::Mapping(subtask),
            export,
            ..OperatorOutput::default()
        })
    });
    let told = Trial::new("+a:\n  rb>: x\n+b:\n  echo>: ${typeof x}\n").operator("rb", script).run();
    assert_eq!(told.output(), "from script 1\nundefined\n");
    let recorded = told
        .events
        .iter()
        .any(|event| matches!(event, EventKind::TaskPlanned { result, .. } if result.subtask.is_some()));
    assert!(recorded);
}
