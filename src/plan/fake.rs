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

/// A task from JSON: a text is an operator task whose command it is, a map is a group.
///
/// Commands: words of `fail`, `fail=N` (the first N runs fail), `t=SECONDS`, `store.NAME=VALUE`, `sub` (generates
/// `_do`), with the operator `op`.
pub(super) fn task(name: &str, value: &Value) -> Task {
    let span = Span::file(&Source::new("test.dig", ""));
    let empty = Params::new();
    let map = value.as_object().unwrap_or(&empty);
    let sub = |key: &str, name: &str| map.get(key).map(|value| Box::new(task(name, value)));
    let command = value.as_str().or_else(|| map.get("op>").and_then(Value::as_str));
    let flag = map.get("_background") == Some(&json!(true));
    let after = map.get("_after").and_then(Value::as_array).cloned().unwrap_or_default();
    let retry = map.get("_retry").map(|value| RetryPolicy::from_value(value).unwrap());
    let body = match command {
        Some(command) => TaskBody::Operator(Box::new(OperatorCall {
            operator: "op".to_owned(),
            span: span.clone(),
            command: json!(command),
            command_node: Node::from_json(&json!(command), &span),
            local: map
                .iter()
                .filter(|(key, _)| *key == "_retry")
                .map(|(k, v)| (k.clone(), v.clone()))
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

/// A plan that is driven by commands.
pub(super) struct World {
    pub(super) plan: Plan,
    now: u64,
    due: BTreeMap<(u64, usize), Due>,
    serial: usize,
    runs: HashMap<TaskName, u32>,
    retries: HashMap<TaskId, Option<RetryPolicy>>,
    /// `seconds name` of every start.
    pub(super) log: Vec<String>,
    /// What every task saw, by name; the last run of a name counts.
    pub(super) seen: HashMap<String, Params>,
    pub(super) recorded: Recorded,
    /// Tasks that ran again for secrets, with the names of these.
    pub(super) lost: Vec<String>,
    pub(super) transitions: Vec<Transition>,
}

enum Due {
    End(Box<Work>),
    Retry(TaskId),
    Timeout(TaskId, u32),
}

impl World {
    pub(super) fn new(workflow: &Value) -> Self {
        Self::resumed(workflow, Recorded::default(), &Selection::All)
    }

    pub(super) fn resumed(workflow: &Value, recorded: Recorded, selection: &Selection) -> Self {
        let plan = Plan::new("wf", task("+wf", workflow), Params::new(), recorded, selection).unwrap();
        Self {
            plan,
            now: 0,
            due: BTreeMap::new(),
            serial: 0,
            runs: HashMap::new(),
            retries: HashMap::new(),
            log: Vec::new(),
            seen: HashMap::new(),
            recorded: Recorded::default(),
            lost: Vec::new(),
            transitions: Vec::new(),
        }
    }

    /// Runs until nothing is left to do, or until so many tasks have ended.
    pub(super) fn run(&mut self, mut ends: usize) {
        self.begin_work();
        while ends > 0 {
            let Some(((at, _), due)) = self.due.pop_first() else { break };
            self.now = at;
            match due {
                Due::End(work) => {
                    ends -= 1;
                    self.end(&work);
                }
                Due::Retry(id) => self.plan.retry_due(id),
                // What is stopped ends at once.
                Due::Timeout(id, clock) => {
                    for id in self.plan.timed_out(id, clock) {
                        self.plan
                            .failed(id, Failure { retry: self.retries[&id], ..Failure::canceled("stopped") });
                    }
                    self.drain();
                }
            }
            self.begin_work();
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
            self.recorded.insert(
                work.name.clone(),
                RecordedTask { operator: Some("op".into()), round: work.round, result: None },
            );
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
        for transition in self.plan.take_transitions() {
            if let Transition::Retrying { id, delay, .. } = &transition {
                self.push(self.now + delay.as_secs(), Due::Retry(*id));
            }
            if let Transition::Timed { id, clock, limit } = &transition {
                self.push(self.now + limit.as_secs(), Due::Timeout(*id, *clock));
            }
            if let Transition::Finished { name, state: TaskState::Success, result: Some(result), .. }
            | Transition::Planned { name, result } = &transition
            {
                let round = self.recorded.get(name).map_or(1, |task| task.round);
                let is_done = matches!(&transition, Transition::Finished { .. });
                let result = is_done.then(|| result.clone());
                self.recorded
                    .insert(name.clone(), RecordedTask { operator: Some("op".into()), round, result });
            }
            self.transitions.push(transition);
        }
    }

    fn end(&mut self, work: &Work) {
        if !self.plan.is_at(work) {
            return;
        }
        let runs = self.runs[&work.name];
        let fails = word(work, "fail=").map(|count| runs <= count.parse().unwrap());
        let command = work.call.command.as_str().unwrap();
        if fails.unwrap_or_else(|| command.split(' ').any(|word| word == "fail")) {
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
            let mut store = Params::new();
            for word in command.split(' ') {
                if let Some((name, value)) = word.strip_prefix("store.").and_then(|rest| rest.split_once('='))
                {
                    store.insert(name.to_owned(), json!(value));
                }
            }
            let record = TaskResult {
                store: store.clone(),
                definition: work.definition.clone(),
                ..TaskResult::default()
            };
            let subtask = work.call.do_task.as_deref().cloned();
            self.plan.succeeded(work.id, Success { store, subtask, record, ..Success::default() });
        }
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

fn word<'a>(work: &'a Work, prefix: &str) -> Option<&'a str> {
    work.call.command.as_str()?.split(' ').find_map(|word| word.strip_prefix(prefix))
}
