//! A world for tests of the plan: tasks written as JSON, an operator that does what its text says, a clock that
//! jumps.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::*;
use crate::diagnostic::{Source, Span};
use crate::dig::retry::RetryPolicy;
use crate::dig::workflow::{OnFailure, OperatorCall, Parallel, Task, TaskBody};
use crate::run::event::{FailureKind, TaskFailure, TaskResult};
use crate::session::{Params, TaskName, TaskState};
use crate::yaml::Node;

/// A task from JSON: a text is an operator task whose command it is, a map with `op>` is one with directives, one
/// with `loop>` only generates its `_do`, any other map is a group.
///
/// Commands: words of `fail`, `fail=N` (the first N runs fail), `t=SECONDS`, `store.NAME=VALUE`,
/// `secret.NAME=VALUE` (stored, but not recorded), `sub` (generates `_do`, as a script does).
pub(super) fn task(name: &str, value: &Value) -> Task {
    let span = Span::file(&Source::new("test.dig", ""));
    let empty = Params::new();
    let map = value.as_object().unwrap_or(&empty);
    let sub = |key: &str, name: &str| map.get(key).map(|value| Box::new(task(name, value)));
    let repeats = map.get("loop>").map(|count| ("loop", count));
    let command =
        repeats.or_else(|| Some(("embulk", map.get("op>").or(value.is_string().then_some(value))?)));
    let flag = map.get("_background") == Some(&json!(true));
    let after = map.get("_after").and_then(Value::as_array).cloned().unwrap_or_default();
    let retry = map.get("_retry").map(|value| RetryPolicy::from_value(value).unwrap());
    let body = match command {
        Some((operator, command)) => TaskBody::Operator(Box::new(OperatorCall {
            operator: operator.to_owned(),
            span: span.clone(),
            command: command.clone(),
            command_node: Node::from_json(command, &span),
            local: written(value)
                .into_iter()
                .filter(|(key, _)| ["_retry", "given"].contains(&key.as_str()))
                .collect(),
            do_task: sub("_do", "^sub"),
            else_task: None,
        })),
        None => TaskBody::Group {
            parallel: match map.get("_parallel") {
                Some(Value::Bool(true)) => Parallel::All,
                Some(Value::Number(size)) => {
                    Parallel::Chunks(usize::try_from(size.as_u64().unwrap()).unwrap())
                }
                _ => Parallel::No,
            },
            children: map
                .iter()
                .filter(|(key, _)| key.starts_with('+'))
                .map(|(key, value)| task(key, value))
                .collect(),
        },
    };
    Task {
        name: name.to_owned(),
        span,
        body,
        export: map.get("_export").and_then(Value::as_object).cloned().unwrap_or_default(),
        retry,
        error: sub("_error", "^error"),
        check: sub("_check", "^check"),
        background: flag,
        after: after.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        timeout: map.get("_timeout").and_then(Value::as_u64).map(std::time::Duration::from_secs),
        on_failure: match map.get("_continue_on_failure") {
            Some(Value::Bool(true)) => OnFailure::Continue,
            _ => OnFailure::Stop,
        },
        definition: format!("{value}"),
    }
}

/// The same task as it is written in a file. A script's `_do` is also its parameter `given`: what it generates is
/// recorded as it is written.
fn written(value: &Value) -> Params {
    let Some(map) = value.as_object() else { return Params::from_iter([("sh>".to_owned(), value.clone())]) };
    let mut task = Params::new();
    for (key, value) in map {
        let (key, value) = match (key.as_str(), value) {
            ("op>", command) => ("sh>", command.clone()),
            ("_parallel", Value::Number(size)) => ("_parallel", json!({"limit": size})),
            ("_timeout", Value::Number(seconds)) => ("_timeout", json!(format!("{seconds}s"))),
            (key @ ("_do" | "_check" | "_error"), value) => (key, written(value).into()),
            (key, value) if key.starts_with('+') => (key, written(value).into()),
            (key, value) => (key, value.clone()),
        };
        task.insert(key.to_owned(), value);
    }
    if let Some(given) = task.get("_do").filter(|_| task.contains_key("sh>")).cloned() {
        task.insert("given".to_owned(), given);
    }
    task
}

/// Something that is recorded of a run.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a test holds few of them")]
pub(super) enum Event {
    Started { name: TaskName, operator: String, round: u32 },
    Changed(Transition),
}

/// What the state holds after some events, of all attempts.
pub(super) fn recorded(events: &[Event]) -> Recorded {
    let mut tasks: HashMap<&TaskName, RecordedTask> = HashMap::new();
    let mut planned: HashMap<&TaskName, &TaskResult> = HashMap::new();
    for event in events {
        match event {
            Event::Started { name, operator, round } => {
                planned.remove(name);
                let operator = Some(operator.clone());
                tasks.insert(name, RecordedTask { operator, round: *round, result: None });
            }
            Event::Changed(Transition::Planned { name, result }) => drop(planned.insert(name, result)),
            Event::Changed(Transition::Finished { name, state, result, .. }) => {
                let result = result.as_ref().or(planned.get(name).copied());
                if let Some(task) = tasks.get_mut(name) {
                    task.result = result.filter(|_| *state == TaskState::Success).cloned();
                }
            }
            Event::Changed(_) => {}
        }
    }
    let mut recorded = Recorded::default();
    tasks.into_iter().for_each(|(name, task)| recorded.insert(name.clone(), task));
    recorded
}

/// A plan that is driven by commands.
pub(super) struct World {
    pub(super) plan: Plan,
    now: u64,
    due: BTreeMap<(u64, usize), Due>,
    serial: usize,
    /// How often the operator of each name has worked.
    pub(super) runs: HashMap<TaskName, u32>,
    retries: HashMap<TaskId, Option<RetryPolicy>>,
    /// `seconds name` of every start.
    pub(super) log: Vec<String>,
    /// What every task saw, by name; the last run of a name counts.
    pub(super) seen: HashMap<String, Params>,
    /// Tasks that ran again for secrets, with the names of these.
    pub(super) lost: Vec<String>,
    /// What was recorded of earlier attempts, and of this one.
    history: Vec<Event>,
    pub(super) events: Vec<Event>,
}

enum Due {
    End(Box<Work>),
    Retry(TaskId),
    Timeout(TaskId, u32),
}

impl World {
    pub(super) fn new(workflow: &Value) -> Self {
        Self::resumed(workflow, Vec::new(), &Selection::All)
    }

    pub(super) fn resumed(workflow: &Value, history: Vec<Event>, selection: &Selection) -> Self {
        Self::begin(workflow, history, Sizes::default(), selection)
    }

    /// A run of a workflow whose tasks were so large before.
    pub(super) fn with_sizes(workflow: &Value, sizes: Sizes) -> Self {
        Self::begin(workflow, Vec::new(), sizes, &Selection::All)
    }

    fn begin(workflow: &Value, history: Vec<Event>, sizes: Sizes, selection: &Selection) -> Self {
        let root = task("+wf", workflow);
        let plan = Plan::new("wf", root, Params::new(), recorded(&history), sizes, selection).unwrap();
        Self {
            plan,
            now: 0,
            due: BTreeMap::new(),
            serial: 0,
            runs: HashMap::new(),
            retries: HashMap::new(),
            log: Vec::new(),
            seen: HashMap::new(),
            lost: Vec::new(),
            history,
            events: Vec::new(),
        }
    }

    /// Runs until nothing is left to do, or until so many tasks have ended.
    pub(super) fn run(&mut self, mut ends: usize) {
        self.begin_work();
        while ends > 0
            && let Some(ended) = self.step()
        {
            ends -= usize::from(ended);
            self.begin_work();
        }
    }

    /// Takes what is due next, and starts nothing. Whether a task ended; none when nothing is due.
    pub(super) fn step(&mut self) -> Option<bool> {
        let ((at, _), due) = self.due.pop_first()?;
        self.now = at;
        match due {
            Due::End(work) => Some(self.end(&work)),
            Due::Retry(id) => {
                self.plan.retry_due(id);
                Some(false)
            }
            // What is stopped ends at once.
            Due::Timeout(id, clock) => {
                for id in self.plan.timed_out(id, clock) {
                    let retry = self.retries[&id];
                    self.plan.failed(id, Failure { retry, ..Failure::canceled("stopped") });
                }
                Some(false)
            }
        }
    }

    pub(super) fn begin_work(&mut self) {
        while let Some(work) = self.plan.take_ready() {
            self.log.push(format!("{} {}", self.now, work.name));
            if !work.lost_secrets.is_empty() {
                self.lost.push(format!("{}: {}", work.name, work.lost_secrets.join(" ")));
            }
            *self.runs.entry(work.name.clone()).or_default() += 1;
            let params = self.plan.scope(work.id).merged();
            self.seen.insert(work.name.to_string(), params);
            self.events.push(Event::Started {
                name: work.name.clone(),
                operator: work.call.operator.clone(),
                round: work.round,
            });
            let policy = work.call.local.get("_retry").map(|value| RetryPolicy::from_value(value).unwrap());
            self.retries.insert(work.id, policy);
            let seconds: u64 = word(&work, "t=").map_or(0, |text| text.parse().unwrap());
            self.push(self.now + seconds, Due::End(Box::new(work)));
        }
        self.drain();
    }

    fn push(&mut self, at: u64, due: Due) {
        self.serial += 1;
        self.due.insert((at, self.serial), due);
    }

    fn drain(&mut self) {
        // Whatever happens, what is counted is what there is.
        assert_eq!(self.plan.waiting_tables(), self.plan.waiting_tables_anew());
        for transition in self.plan.take_transitions() {
            if let Transition::Retrying { id, delay, .. } = &transition {
                self.push(self.now + delay.as_secs(), Due::Retry(*id));
            }
            if let Transition::Timed { id, clock, limit } = &transition {
                self.push(self.now + limit.as_secs(), Due::Timeout(*id, *clock));
            }
            self.events.push(Event::Changed(transition));
        }
    }

    /// Everything that was recorded, of all attempts.
    pub(super) fn all_events(&self) -> Vec<Event> {
        [self.history.as_slice(), &self.events].concat()
    }

    /// What became of the task with this name when it was last recorded.
    pub(super) fn recorded(&self, name: &str) -> Option<RecordedTask> {
        recorded(&self.all_events()).get(&TaskName::from_full(name)).cloned()
    }

    /// Whether it still ran, and was not stopped before.
    fn end(&mut self, work: &Work) -> bool {
        if !self.plan.is_at(work) {
            return false;
        }
        let runs = self.runs[&work.name];
        let fails = word(work, "fail=").map(|count| runs <= count.parse().unwrap());
        if fails.unwrap_or_else(|| words(work).any(|word| word == "fail")) {
            let failure = TaskFailure {
                message: format!("{} failed", work.name),
                causes: Vec::new(),
                hint: None,
                kind: FailureKind::Failed,
            };
            let mut error = Params::new();
            error.insert("message".into(), json!(failure.message));
            let retry = self.retries[&work.id];
            self.plan.failed(work.id, Failure { failure, error, retry, canceled: false });
        } else {
            self.plan.succeeded(work.id, success(work));
        }
        true
    }

    /// `name state` of every operator task of the last rounds.
    pub(super) fn states(&self) -> Vec<String> {
        self.plan.tasks().iter().map(|task| format!("{} {}", task.name, task.state.word())).collect()
    }

    /// The names that were started, in order.
    pub(super) fn started(&self) -> Vec<&str> {
        self.log.iter().map(|line| line.split_once(' ').map_or("", |(_, name)| name)).collect()
    }

    /// What a task saw under a name.
    pub(super) fn saw(&self, task: &str, name: &str) -> Option<&Value> {
        self.seen.get(task).and_then(|params| params.get(name))
    }
}

fn success(work: &Work) -> Success {
    let under = |prefix| {
        let parts = words(work).filter_map(move |word: &str| word.strip_prefix(prefix)?.split_once('='));
        parts.map(|(name, value)| (name.to_owned(), json!(value)))
    };
    let given = work.call.local.get("given");
    let record = TaskResult {
        store: under("store.").collect(),
        secret_stores: under("secret.").map(|(name, _)| name).collect(),
        subtask: given.cloned(),
        definition: work.definition.clone(),
        ..TaskResult::default()
    };
    let subtask = match given {
        Some(given) => Some(crate::dig::compile_subtask(given, "^sub").unwrap()),
        None => work.call.do_task.as_deref().cloned(),
    };
    Success {
        store: under("store.").chain(under("secret.")).collect(),
        subtask,
        record,
        ..Success::default()
    }
}

fn words(work: &Work) -> impl Iterator<Item = &str> {
    work.call.command.as_str().unwrap_or_default().split(' ')
}

fn word<'a>(work: &'a Work, prefix: &str) -> Option<&'a str> {
    words(work).find_map(|word| word.strip_prefix(prefix))
}
