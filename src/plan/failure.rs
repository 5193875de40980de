//! The variable `error` that a handler sees.
//!
//! Digdag merges the errors of all tasks that failed: `message` is that of the last one in the file. Ours are `task`,
//! whose message that is, and `tasks`, every task that failed in the last round, each with its name.

use serde_json::{Value, json};

use super::graph::Plan;
use super::node::{Node, TaskId};
use crate::dig::params;
use crate::session::Params;

/// What is told of each task, and of none in the merged map: the exit code of its command, and the last lines that it
/// printed.
const OF_ONE_TASK: [&str; 2] = ["exit_code", "log"];

impl Plan {
    /// `error` for the handler of a task: of the task and of everything below it.
    pub(super) fn error_below(&self, id: TaskId) -> Params {
        let mut error = Params::new();
        let mut last = None;
        self.visit_failed(id, &mut |node, own| {
            let shared = own.iter().filter(|(key, _)| !OF_ONE_TASK.contains(&key.as_str()));
            params::merge(&mut error, &shared.map(|(key, value)| (key.clone(), value.clone())).collect());
            last = Some(node.name.to_string());
        });
        let mut tasks = Vec::new();
        self.tasks_below(id, &mut tasks);
        error.insert("task".to_owned(), json!(last));
        error.insert("tasks".to_owned(), Value::Array(tasks));
        error
    }

    /// Every task that failed, also in earlier rounds unless the first failed itself, in the order of definition. Not
    /// those whose failure changes nothing, be it that of a round before the last.
    fn visit_failed(&self, id: TaskId, visit: &mut impl FnMut(&Node, &Params)) {
        let first = id;
        let mut open = vec![first];
        while let Some(id) = open.pop() {
            let node = self.node(id);
            if let Some(own) = &node.error {
                visit(node, own);
            }
            let below = if id == first { node.told_children() } else { &node.children };
            open.extend(below.iter().rev().filter(|child| !self.node(**child).may_fail()));
        }
    }

    /// The same of the last round alone, one map a task.
    fn tasks_below(&self, id: TaskId, tasks: &mut Vec<Value>) {
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            let node = self.node(id);
            if let Some(own) = &node.error {
                let mut told = Params::new();
                told.insert("name".to_owned(), node.name.as_str().into());
                let wanted = ["message"].iter().chain(&OF_ONE_TASK);
                told.extend(wanted.filter_map(|key| Some(((*key).to_owned(), own.get(*key)?.clone()))));
                tasks.push(Value::Object(told));
            }
            open.extend(node.round_children().iter().rev().filter(|child| !self.node(**child).may_fail()));
        }
    }
}
