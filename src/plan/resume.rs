//! What an earlier attempt has done already: from a task's record and its definition now, whether it runs.

use std::collections::HashMap;

use super::definition::Definition;
use crate::run::event::TaskResult;
use crate::session::TaskName;

/// Operators that do nothing themselves but generate tasks. They are evaluated again in every attempt, so that what
/// they generate can be looked up under its own names.
const CONTROL: [&str; 5] = ["call", "for_each", "for_range", "if", "loop"];

/// Whether an operator (name without `>`) only generates tasks.
pub fn is_control(operator: &str) -> bool {
    CONTROL.contains(&operator)
}

/// What earlier attempts recorded, by full name of the task.
#[derive(Debug, Default)]
pub struct Recorded {
    tasks: HashMap<TaskName, RecordedTask>,
}

/// How a task stood when the last attempt ended.
#[derive(Debug, Clone)]
pub struct RecordedTask {
    /// The operator it ran; none for a group.
    pub operator: Option<String>,
    /// The last round that began.
    pub round: u32,
    /// What it left, when it succeeded.
    pub result: Option<TaskResult>,
}

impl Recorded {
    /// Adds a task; a later record of a name replaces an earlier one, but never lowers its round.
    pub fn insert(&mut self, name: TaskName, mut task: RecordedTask) {
        if let Some(old) = self.tasks.get(&name) {
            task.round = task.round.max(old.round);
        }
        self.tasks.insert(name, task);
    }

    /// The record of a task.
    pub fn get(&self, name: &TaskName) -> Option<&RecordedTask> {
        self.tasks.get(name)
    }

    /// The recorded names.
    pub fn names(&self) -> impl Iterator<Item = &TaskName> {
        self.tasks.keys()
    }

    /// Forgets what was done (`--all`): every task runs again, what succeeded under a new round.
    pub fn redo_all(&mut self) {
        for task in self.tasks.values_mut() {
            if task.result.take().is_some() {
                task.round += 1;
            }
        }
    }

    /// The first round of a task in this attempt. What did not succeed goes on with the round it was in, so that
    /// outside work under that round's names is found again; what did and is wanted once more gets a new one.
    pub(super) fn first_round(&self, name: &TaskName, again: Again) -> u32 {
        let Some(task) = self.tasks.get(name) else { return 1 };
        let step = u32::from(again == Again::Redo && task.result.is_some());
        task.round.max(1).saturating_add(step)
    }
}

/// Why a recorded task runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// It did not succeed, or what it stored is lost.
    Resume,
    /// Somebody wants it done once more.
    Redo,
}

/// Whether a task runs.
#[derive(Debug)]
pub(super) enum Decision {
    /// It does.
    Run,
    /// It succeeded, but stored secret parameters that were not recorded: it does again. What was recorded of it
    /// still holds, so that later tasks see the same lists and names as before.
    RunForSecrets { result: Box<TaskResult> },
    /// It is done: this is what it left. `changed`: its definition is not what it was.
    Done { result: Box<TaskResult>, changed: bool },
}

/// Decides by the record of an operator task.
pub(super) fn decide(recorded: Option<&RecordedTask>, definition: &Definition) -> Decision {
    let Some(RecordedTask { operator, result: Some(result), .. }) = recorded else { return Decision::Run };
    let now = definition.call().map_or("", |call| call.operator.as_str());
    if is_control(now) || operator.as_deref().is_some_and(is_control) {
        return Decision::Run;
    }
    if !result.secret_stores.is_empty() {
        return Decision::RunForSecrets { result: Box::new(result.clone()) };
    }
    let changed = !result.definition.is_empty() && result.definition != definition.hash;
    Decision::Done { result: Box::new(result.clone()), changed }
}
