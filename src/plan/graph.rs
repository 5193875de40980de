//! The plan itself: its nodes, who waits for whom, and the queue of what may start.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::definition::{Body, Definition};
use super::edges::Edges;
use super::node::{Node, Role, TaskId};
use super::progress::{Action, Transition};
use super::ready::ReadyQueue;
use super::resume::{Again, Recorded, is_control};
use super::selection::{self, Mode, Modes, Path, Paths, Selection, SelectionError};
use super::sizes::Sizes;
use crate::dig::workflow::{OperatorCall, Parallel, Task};
use crate::session::{Params, TaskName, TaskState};

/// What will run. See the module head.
#[derive(Debug)]
pub struct Plan {
    pub(super) nodes: Vec<Node>,
    pub(super) ready: ReadyQueue,
    /// The same, for operators that only generate tasks.
    pub(super) ready_control: ReadyQueue,
    pub(super) actions: VecDeque<Action>,
    pub(super) transitions: Vec<Transition>,
    pub(super) recorded: Recorded,
    pub(super) sizes: Sizes,
    pub(super) rounds: HashMap<TaskName, u32>,
    pub(super) defaults: Arc<Params>,
    pub(super) stopping: bool,
    pub(super) failure_alert: Option<Arc<Definition>>,
    /// See [`Self::waiting_tables`].
    pub(super) waiting: usize,
    /// A selected subtree has others beside it.
    pub(super) leaves_out: bool,
    paths: Paths,
}

/// An operator task that may start now.
#[derive(Debug, Clone)]
pub struct Work {
    /// Its place in the plan.
    pub id: TaskId,
    /// Its full name.
    pub name: TaskName,
    /// What is written in the file.
    pub call: Arc<OperatorCall>,
    /// Hash of its definition.
    pub definition: String,
    /// Which run of this name it is, from 1.
    pub round: u32,
    /// How many re-tries of it were spent.
    pub retries: u32,
    /// Below a `_error`: it must run even if a parameter in scope cannot be evaluated.
    pub in_handler: bool,
    /// It succeeded in an earlier attempt, but these secret parameters that it stored are lost.
    pub lost_secrets: Vec<String>,
}

/// A task as a plan lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedTask<'a> {
    /// Its full name.
    pub name: &'a TaskName,
    /// How it stands.
    pub state: TaskState,
    /// What its failure means to the run.
    pub weight: Weight,
}

/// What the failure of a task means to the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// The run fails.
    Counts,
    /// Nothing: the task or one above it has `_continue_on_failure`.
    Tolerated,
}

/// How many tasks of a plan ended how. Not counted are groups, the rounds before the last, and tasks that only
/// generated others, unless they failed themselves or never started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Ran and succeeded.
    pub succeeded: usize,
    /// Done in an earlier attempt.
    pub skipped: usize,
    /// Failed.
    pub failed: usize,
    /// Failed, and were allowed to (`_continue_on_failure`).
    pub tolerated: usize,
    /// Never started.
    pub blocked: usize,
    /// Stopped.
    pub canceled: usize,
}

impl Plan {
    /// Plans a workflow. `defaults`: the weakest parameters (`-p`, properties). `recorded`: what earlier attempts of
    /// a `retry` did; empty for a `run`. `sizes`: what decides who starts first.
    pub fn new(
        name: &str,
        root: Task,
        defaults: Params,
        recorded: Recorded,
        sizes: Sizes,
        selection: &Selection,
    ) -> Result<Self, SelectionError> {
        let root_name = TaskName::from_full(format!("+{name}"));
        let definition = Definition::from(root);
        let (paths, definition, leaves_out) = match selection {
            Selection::Subtree(pattern, rest) => {
                let target = selection::resolve(pattern, &root_name, &definition, None)?;
                let leaves_out = has_others(&root_name, &definition, &target);
                let part = subtree(&root_name, definition, &target);
                let find = |pattern: &str| selection::resolve(pattern, &root_name, &part, None);
                (Paths::new(rest, find)?, part, leaves_out)
            }
            whole => {
                let find =
                    |pattern: &str| selection::resolve(pattern, &root_name, &definition, Some(&recorded));
                (Paths::new(whole, find)?, definition, false)
            }
        };
        let modes = paths.root(&root_name);
        let mut plan = Self {
            nodes: Vec::new(),
            ready: ReadyQueue::default(),
            ready_control: ReadyQueue::default(),
            actions: VecDeque::new(),
            transitions: Vec::new(),
            recorded,
            sizes,
            rounds: HashMap::new(),
            defaults: Arc::new(defaults),
            stopping: false,
            failure_alert: None,
            waiting: 0,
            leaves_out,
            paths,
        };
        let root = plan.add(root_name, None, &Arc::new(definition), Role::Child, modes, 0);
        plan.activate(root);
        plan.settle_all();
        Ok(plan)
    }

    /// The next operator task that may start: those that only generate tasks first, then what has the most work behind
    /// it, then what became ready first. It is running from now on.
    pub fn take_ready(&mut self) -> Option<Work> {
        if let Some(work) = self.take_ready_control() {
            return Some(work);
        }
        loop {
            let id = self.ready.pop()?;
            // A time-out above it may have ended it while it waited here.
            if self.node(id).state == TaskState::Ready {
                return self.take(id);
            }
        }
    }

    /// The next task that may start and only generates tasks.
    pub fn take_ready_control(&mut self) -> Option<Work> {
        loop {
            let id = self.ready_control.pop()?;
            if self.node(id).state == TaskState::Ready {
                return self.take(id);
            }
        }
    }

    fn take(&mut self, id: TaskId) -> Option<Work> {
        self.start_clock(id);
        let again = if self.node(id).runs_again() { Again::Redo } else { Again::Resume };
        let name = self.node(id).name.clone();
        let round = match self.rounds.get(&name) {
            Some(round) => round.saturating_add(1),
            None => self.recorded.first_round(&name, again),
        };
        self.rounds.insert(name.clone(), round);
        self.set_state(id, TaskState::Running);
        let node = self.node_mut(id);
        node.round = round;
        let lost_secrets =
            node.before.as_ref().map(|before| before.secret_stores.clone()).unwrap_or_default();
        let call = Arc::clone(node.definition.call()?);
        Some(Work {
            id,
            name,
            call,
            definition: node.definition.hash.clone(),
            round,
            retries: node.retries,
            in_handler: node.in_handler,
            lost_secrets,
        })
    }

    /// What changed since the last call, in order.
    pub fn take_transitions(&mut self) -> Vec<Transition> {
        std::mem::take(&mut self.transitions)
    }

    /// Whether the root has ended: nothing more will happen.
    pub fn is_finished(&self) -> bool {
        self.root_state().is_done()
    }

    /// Whether tasks were passed over because they were not selected.
    pub fn is_partial(&self) -> bool {
        self.leaves_out || self.nodes.first().is_some_and(|root| root.partial || root.passed)
    }

    /// How the root stands.
    pub fn root_state(&self) -> TaskState {
        self.nodes.first().map_or(TaskState::Success, |root| root.state)
    }

    /// Whether a task that waits may have another turn.
    pub fn may_go_on(&self, id: TaskId) -> bool {
        let node = self.node(id);
        node.state == TaskState::Running && !node.timed_out && !node.halted
    }

    /// Whether a task still is in the try that was given out as `work`.
    pub fn is_at(&self, work: &Work) -> bool {
        let node = self.node(work.id);
        node.state == TaskState::Running && node.round == work.round
    }

    /// How a task stands.
    pub fn state(&self, id: TaskId) -> TaskState {
        self.node(id).state
    }

    /// The operator of a task as written, without `>`; none for a group.
    pub fn operator(&self, id: TaskId) -> Option<&str> {
        self.node(id).definition.call().map(|call| call.operator.as_str())
    }

    /// The full name of a task.
    pub fn name(&self, id: TaskId) -> &TaskName {
        &self.node(id).name
    }

    /// All operator tasks of the last rounds with their state, and groups that failed themselves (by a time-out).
    pub fn tasks(&self) -> Vec<PlannedTask<'_>> {
        let mut found = Vec::new();
        self.walk(TaskId(0), Weight::Counts, &mut |node, weight| {
            if node.definition.call().is_some() || node.state == TaskState::Error {
                found.push(PlannedTask { name: &node.name, state: node.state, weight });
            }
        });
        found
    }

    /// How many tasks ended how.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        self.walk(TaskId(0), Weight::Counts, &mut |node, weight| {
            let call = node.definition.call();
            match (node.state, weight) {
                (TaskState::Error, Weight::Counts) => return counts.failed += 1,
                (TaskState::Error, Weight::Tolerated) => return counts.tolerated += 1,
                _ => {}
            }
            let Some(call) = call else { return };
            match node.state {
                TaskState::Success | TaskState::GroupError if is_control(&call.operator) => {}
                TaskState::Success if node.skipped => counts.skipped += 1,
                TaskState::Success => counts.succeeded += 1,
                // Something below it failed, and is counted.
                TaskState::GroupError => {}
                TaskState::Canceled => counts.canceled += 1,
                _ => counts.blocked += 1,
            }
        });
        counts
    }

    fn walk<'a>(&'a self, id: TaskId, above: Weight, visit: &mut impl FnMut(&'a Node, Weight)) {
        let node = self.node(id);
        if node.passed {
            return;
        }
        let weight = if node.is_tolerated() { Weight::Tolerated } else { above };
        visit(node, weight);
        for child in node.round_children() {
            self.walk(*child, weight, visit);
        }
    }

    // Ids are handed out by this plan alone and nodes are never removed, so an id is always in range.
    pub(super) fn node(&self, id: TaskId) -> &Node {
        &self.nodes[id.0]
    }

    pub(super) fn node_mut(&mut self, id: TaskId) -> &mut Node {
        &mut self.nodes[id.0]
    }

    /// Adds a task and its static children, in the order of the file, so that ids rise with definition. `after`: the
    /// work that waits for it among its siblings.
    pub(super) fn add(
        &mut self,
        name: TaskName,
        parent: Option<TaskId>,
        definition: &Arc<Definition>,
        role: Role,
        modes: Modes,
        after: u64,
    ) -> TaskId {
        let id = TaskId(self.nodes.len());
        let mut node = Node::new(name, parent, Arc::clone(definition), role, modes);
        if let Some(parent) = parent {
            let above = self.node(parent);
            node.in_handler |= above.in_handler;
            node.repeated = above.repeated;
            node.halted = above.halted || above.timed_out;
            node.after = above.after.saturating_add(after);
            self.node_mut(parent).children.push(id);
            self.node_mut(parent).unfinished += 1;
        }
        self.nodes.push(node);
        self.count_added(id);
        self.add_children(id);
        id
    }

    /// Adds the static children of a group as a new round.
    pub(super) fn add_children(&mut self, id: TaskId) {
        let definition = Arc::clone(&self.node(id).definition);
        let Body::Group { parallel, children } = &definition.body else { return };
        let parent_name = self.node(id).name.clone();
        let names: Vec<TaskName> = children.iter().map(|child| parent_name.child(&child.name)).collect();
        let edges = Edges::of(*parallel, children);
        let above = self.node(id).modes;
        let selected = edges.modes(self.paths.selected.as_ref(), above.selected, &names);
        let ends = edges.modes(self.paths.end.as_ref(), above.end, &names);
        let modes = selected.into_iter().zip(ends).map(|(selected, end)| Modes { selected, end });
        let sizes: Vec<u64> = names.iter().map(|name| self.sizes.of(name)).collect();
        let after = edges.work_after(&sizes);
        for (((name, child), modes), after) in names.into_iter().zip(children).zip(modes).zip(after) {
            self.add(name, Some(id), child, Role::Child, modes, after);
        }
        let ids: Vec<TaskId> = self.node(id).round_children().to_vec();
        for (place, edge) in edges.0.into_iter().enumerate() {
            for upstream in &edge.waits_for {
                self.node_mut(ids[*upstream]).downstream.push(ids[place]);
            }
            let node = self.node_mut(ids[place]);
            node.waits = edge.waits_for.len();
            node.upstream = edge.upstream;
        }
    }

    /// The modes of something generated below a task.
    pub(super) fn generated_modes(&self, parent: TaskId, name: &TaskName, role: Role) -> Modes {
        if role == Role::Handler {
            return Modes::REDO;
        }
        let mode = |path: &Option<Path>, above| match (path, above, role) {
            (Some(path), Mode::OnPath, Role::Child) => path.on(name).unwrap_or(path.before),
            (Some(path), Mode::OnPath, Role::Check) => path.after,
            _ => above,
        };
        let above = self.node(parent).modes;
        Modes { selected: mode(&self.paths.selected, above.selected), end: mode(&self.paths.end, above.end) }
    }
}

/// Whether a workflow has tasks beside those of the target.
fn has_others(root: &TaskName, definition: &Definition, target: &TaskName) -> bool {
    let (mut name, mut current) = (root.as_str().to_owned(), definition);
    while name != target.as_str() {
        let [child] = current.children() else { return true };
        name.push_str(&child.name);
        current = child;
    }
    false
}

/// The root with the target as its only child, under its full name.
fn subtree(root: &TaskName, definition: Definition, target: &TaskName) -> Definition {
    let rest = target.as_str().strip_prefix(root.as_str()).unwrap_or_default().to_owned();
    if rest.is_empty() {
        return definition;
    }
    let child = selection::find(root, &definition, target).map(|found| found.alone(rest));
    let children = child.into_iter().map(Arc::new).collect();
    Definition { body: Body::Group { parallel: Parallel::No, children }, ..definition }
}
