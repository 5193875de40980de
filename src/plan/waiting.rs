//! How many tables wait for their turn, as far as the tasks are known: counted as states change, because a run asks at
//! every turn.

use super::definition::Definition;
use super::graph::Plan;
use super::node::{Node, TaskId};
use super::selection::Mode;
use crate::session::TaskState;

impl Definition {
    /// Whether it copies a table, as far as what is written tells: `embulk>`, or a command with `embulk run`.
    pub(super) fn copies_table(&self) -> bool {
        let Some(call) = self.call() else { return false };
        match call.operator.as_str() {
            "embulk" => true,
            "sh" => call.command.as_str().is_some_and(|command| command.contains("embulk run")),
            _ => false,
        }
    }
}

impl Node {
    fn waits_with_table(&self) -> bool {
        matches!(self.state, TaskState::Blocked | TaskState::Ready | TaskState::RetryWaiting)
            && self.modes.own() != Mode::Pass
            && self.definition.copies_table()
    }
}

impl Plan {
    /// How many tasks that copy a table have not begun, or wait to be tried again. What loops and `call>` will generate
    /// is not known before they do.
    pub fn waiting_tables(&self) -> usize {
        self.waiting
    }

    /// Every state of a task after its first one is set here.
    pub(super) fn set_state(&mut self, id: TaskId, state: TaskState) {
        let before = self.node(id);
        let waited = before.waits_with_table();
        // What never began below a task that will not go on waits no more.
        if goes_on(before.state) && !goes_on(state) {
            self.waiting -= self.waiting_below(id);
        }
        self.node_mut(id).state = state;
        match (waited, self.node(id).waits_with_table()) {
            (false, true) => self.waiting += 1,
            (true, false) => self.waiting -= 1,
            _ => {}
        }
    }

    /// A task was added.
    pub(super) fn count_added(&mut self, id: TaskId) {
        self.waiting += usize::from(self.node(id).waits_with_table());
    }

    /// The tables that wait below a task, in its last round and below tasks that go on.
    fn waiting_below(&self, id: TaskId) -> usize {
        let mut found = 0;
        let mut below = vec![id];
        while let Some(id) = below.pop() {
            for child in self.node(id).round_children() {
                let node = self.node(*child);
                found += usize::from(node.waits_with_table());
                if goes_on(node.state) {
                    below.push(*child);
                }
            }
        }
        found
    }

    /// The same count, made anew.
    #[cfg(test)]
    pub(super) fn waiting_tables_anew(&self) -> usize {
        let root = TaskId(0);
        let own = usize::from(self.node(root).waits_with_table());
        own + if goes_on(self.node(root).state) { self.waiting_below(root) } else { 0 }
    }
}

/// Whether what is below a task may begin: it waits for its turn itself, or its children have theirs.
fn goes_on(state: TaskState) -> bool {
    matches!(state, TaskState::Blocked | TaskState::Planned)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::plan::fake::{World, task};

    fn counts(workflow: &Value) -> Vec<usize> {
        let mut world = World::new(workflow);
        let mut counts = vec![world.plan.waiting_tables()];
        loop {
            world.begin_work();
            counts.push(world.plan.waiting_tables());
            if world.step().is_none() {
                return counts;
            }
            counts.push(world.plan.waiting_tables());
        }
    }

    #[test]
    fn tables_wait_until_they_begin_and_no_more_once_they_never_will() {
        assert_eq!(counts(&json!({"+a": "t=1", "+b": "t=1", "+c": "t=1"})), [3, 2, 2, 1, 1, 0, 0, 0]);
        // The second fails: the third never begins.
        assert_eq!(counts(&json!({"+a": "t=1", "+b": "fail", "+c": {"+d": "t=1"}})), [3, 2, 2, 1, 0, 0]);
        // A table that waits to be tried again waits.
        assert_eq!(counts(&json!({"+a": {"op>": "fail=1", "_retry": 1}})), [1, 0, 1, 1, 1, 0, 0, 0]);
    }

    #[test]
    fn a_table_is_known_by_what_is_written() {
        let copies = |operator: &str, command: &str| {
            let mut task = task("+a", &json!({"op>": command}));
            if let crate::dig::workflow::TaskBody::Operator(call) = &mut task.body {
                operator.clone_into(&mut call.operator);
            }
            crate::plan::Definition::from(task).copies_table()
        };
        assert!(copies("embulk", "orders.yml.liquid"));
        assert!(copies("sh", "cd shop && embulk run orders.yml.liquid"));
        assert!(!copies("sh", "echo done"));
        assert!(!copies("py", "embulk run"));
    }
}
