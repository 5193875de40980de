//! `_timeout`: what runs below a task whose time is over is stopped, then the task fails, and is tried again where its
//! `_retry` says so. Its `_error` has no limit.

use super::graph::Plan;
use super::node::TaskId;
use super::progress::Transition;
use crate::dig::retry::RetryPolicy;
use crate::run::event::{FailureKind, TaskFailure};
use crate::session::{Params, TaskState};

impl Plan {
    /// A try of a task begins: somebody has to watch the time.
    pub(super) fn start_clock(&mut self, id: TaskId) {
        self.stop_clock(id);
        let node = self.node(id);
        let clock = node.clock;
        if let Some(limit) = node.definition.timeout {
            self.transitions.push(Transition::Timed { id, clock, limit });
        }
    }

    /// The try is over: its time means nothing any more.
    pub(super) fn stop_clock(&mut self, id: TaskId) {
        let node = self.node_mut(id);
        node.clock = node.clock.wrapping_add(1);
    }

    /// The time of a try is over. Gives the running tasks that must be stopped; each is to be told as
    /// [`Plan::failed`] (or [`Plan::succeeded`]) when it has ended.
    pub fn timed_out(&mut self, id: TaskId, clock: u32) -> Vec<TaskId> {
        let node = self.node_mut(id);
        if node.clock != clock || node.state.is_done() || node.halted || self.stopping {
            return Vec::new();
        }
        let node = self.node_mut(id);
        node.timed_out = true;
        let mut running = Vec::new();
        match node.state {
            TaskState::Running => running.push(id),
            _ => self.halt_below(id, &mut running),
        }
        self.settle_all();
        running
    }

    /// Nothing below a task goes on. What runs is left to be stopped.
    fn halt_below(&mut self, id: TaskId, running: &mut Vec<TaskId>) {
        for child in self.node(id).round_children().to_vec() {
            let node = self.node_mut(child);
            if node.state.is_done() {
                continue;
            }
            node.halted = true;
            match node.state {
                TaskState::Running => running.push(child),
                TaskState::Ready | TaskState::RetryWaiting => self.finish(child, TaskState::Canceled, None),
                _ => self.halt_below(child, running),
            }
        }
    }

    /// Nothing below a task runs any more, and its time is over.
    pub(super) fn fail_timed_out(&mut self, id: TaskId, retry: Option<RetryPolicy>) {
        let node = self.node_mut(id);
        node.timed_out = false;
        let limit = node.definition.timeout.unwrap_or_default();
        let failure = TaskFailure {
            message: format!("took longer than its `_timeout` of {}", words(limit)),
            causes: Vec::new(),
            hint: None,
            kind: FailureKind::Failed,
        };
        let error = Params::from_iter([("message".to_owned(), failure.message.clone().into())]);
        if let Some(delay) = self.spend_retry(id, retry) {
            return self.wait_for_retry(id, delay, Some(failure));
        }
        let node = self.node_mut(id);
        node.failure = Some(failure);
        node.error = Some(error);
        self.handle_failure(id);
    }
}

/// `1h 30m`, as durations are written.
fn words(limit: std::time::Duration) -> String {
    let seconds = limit.as_secs();
    let parts =
        [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let parts: Vec<_> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::fake::World;
    use super::*;

    fn ran(workflow: &Value) -> World {
        let mut world = World::new(workflow);
        world.run(usize::MAX);
        world
    }

    #[test]
    fn a_task_that_takes_too_long_fails_and_its_handler_has_no_limit() {
        let world = ran(&json!({
            "+a": {"op>": "t=9", "_timeout": 5, "_error": "t=20 handle"},
            "+b": "ok",
        }));
        assert_eq!(world.log, ["0 +wf+a", "5 +wf+a^error"]);
        assert_eq!(world.states(), ["+wf+a error", "+wf+a^error success", "+wf+b blocked"]);
        let error = world.saw("+wf+a^error", "error").unwrap();
        assert_eq!(error["message"], "took longer than its `_timeout` of 5s");
        assert_eq!(error["task"], "+wf+a");
    }

    #[test]
    fn every_try_has_its_own_time() {
        let world = ran(&json!({"+a": {"op>": "t=9", "_timeout": 5, "_retry": {"limit": 1, "interval": 3}}}));
        assert_eq!(world.log, ["0 +wf+a", "8 +wf+a"]);
        assert_eq!(world.states(), ["+wf+a error"]);
        let world = ran(&json!({"+a": {"op>": "t=4", "_timeout": 5}, "+b": "t=9"}));
        assert_eq!(world.states(), ["+wf+a success", "+wf+b success"]);
    }

    #[test]
    fn a_group_stops_all_that_runs_below_it_without_their_handlers() {
        let world = ran(&json!({
            "+g": {
                "_timeout": 6,
                "_parallel": true,
                "+x": {"op>": "t=9", "_error": "never", "_retry": 3},
                "+y": {"+y1": "t=4", "+y2": {"op>": "t=9", "_retry": 3}, "+y3": "never", "_error": "never"},
                "+z": {"op>": "fail", "_retry": {"limit": 1, "interval": 100}},
                "+q": "t=1",
            },
            "+after": "never",
            "_error": "handle",
        }));
        assert_eq!(
            world.states(),
            [
                "+wf+g error",
                "+wf+g+x canceled",
                "+wf+g+y+y1 success",
                "+wf+g+y+y2 canceled",
                "+wf+g+y+y3 blocked",
                "+wf+g+z canceled",
                "+wf+g+q success",
                "+wf+after blocked",
                "+wf^error success",
            ]
        );
        assert_eq!(world.log.last().unwrap(), "6 +wf^error");
        assert_eq!(world.saw("+wf^error", "error").unwrap()["task"], "+wf+g");
    }

    #[test]
    fn a_group_that_took_too_long_is_tried_again_as_a_whole() {
        let world = ran(&json!({"+g": {"_timeout": 5, "_retry": 1, "+a": "t=2", "+b": "t=9"}}));
        assert_eq!(world.log, ["0 +wf+g+a", "2 +wf+g+b", "5 +wf+g+a", "7 +wf+g+b"]);
        assert_eq!(world.plan.root_state(), TaskState::GroupError);
    }

    #[test]
    fn the_time_of_an_operator_covers_what_it_generates() {
        let world = ran(&json!({"+a": {"op>": "sub t=1", "_timeout": 5, "_do": {"+x": "t=3", "+y": "t=3"}}}));
        assert_eq!(world.log, ["0 +wf+a", "1 +wf+a^sub+x", "4 +wf+a^sub+y"]);
        assert_eq!(world.states(), ["+wf+a error", "+wf+a^sub+x success", "+wf+a^sub+y canceled"]);
    }

    #[test]
    fn limits_are_told_as_they_are_written() {
        let told = |seconds| words(std::time::Duration::from_secs(seconds));
        assert_eq!(told(600), "10m");
        assert_eq!(told(90_061), "1d 1h 1m 1s");
    }
}
