//! One task of a plan with everything that is known of it.

use std::sync::Arc;

use super::definition::Definition;
use super::selection::{Mode, Modes};
use crate::dig::workflow::OnFailure;
use crate::run::event::{TaskFailure, TaskResult};
use crate::session::{Params, TaskName, TaskState};

/// The place of a task in its plan. Ids rise in the order of definition, then of growth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub(super) usize);

/// Why a node is where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Written in the file, or generated (`^sub`).
    Child,
    /// `^check`.
    Check,
    /// `^error`: its end changes nothing.
    Handler,
}

/// What a task that has children is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Its own work, or its children.
    Work,
    /// Its `^check`.
    Check,
    /// Its `^error`.
    Handler,
}

/// Which siblings stand before a task, with all that stands before those: whose stores it sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Upstream {
    /// So many siblings of its round, from the first.
    Prefix(usize),
    /// Some siblings of its round, by place, farthest first.
    Some(Vec<usize>),
}

/// What an operator left.
#[derive(Debug, Default)]
pub(super) struct Left {
    pub(super) store: Params,
    pub(super) reset_store: Vec<Vec<String>>,
    pub(super) export: Params,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: TaskName,
    pub(super) parent: Option<TaskId>,
    pub(super) definition: Arc<Definition>,
    pub(super) role: Role,
    pub(super) modes: Modes,
    /// In another round of something: nothing recorded counts any more.
    pub(super) repeated: bool,
    pub(super) state: TaskState,
    pub(super) phase: Phase,
    /// Below a `^error`: never taken as done.
    pub(super) in_handler: bool,
    /// Children of all rounds; those of this round from `current` on.
    pub(super) children: Vec<TaskId>,
    pub(super) current: usize,
    /// Siblings that must still succeed before it may start.
    pub(super) waits: usize,
    /// Siblings that wait for it.
    pub(super) downstream: Vec<TaskId>,
    pub(super) upstream: Upstream,
    /// The work that waits for it, up to the end of the workflow.
    pub(super) after: u64,
    /// With `_parallel: {limit}`: place after the running chunk, and how many of the chunk have yet to succeed.
    pub(super) chunk: (usize, usize),
    /// Children that can go on.
    pub(super) active: usize,
    /// Children of this round that have not succeeded.
    pub(super) unfinished: usize,
    /// A child of this round failed.
    pub(super) failed: bool,
    pub(super) retries: u32,
    pub(super) round: u32,
    /// Rises with every try and every end of one, so that a time-out can be told from that of an earlier try.
    pub(super) clock: u32,
    /// Its `_timeout` is over, and what ran below it has not all ended yet.
    pub(super) timed_out: bool,
    /// The `_timeout` of a task above it is over: it ends as soon as it can.
    pub(super) halted: bool,
    pub(super) left: Left,
    /// Somebody at or below it has left stores.
    pub(super) stores_below: bool,
    /// What a `^error` exports instead of its `_export`: that, the stores of what failed over it, and `error`.
    pub(super) given: Option<Params>,
    /// The variable `error` that its own failure makes.
    pub(super) error: Option<Params>,
    pub(super) failure: Option<TaskFailure>,
    /// What it left in an earlier attempt, when it runs again only for the secrets among it.
    pub(super) before: Option<Box<TaskResult>>,
    /// It was not selected: reported by nobody.
    pub(super) passed: bool,
    /// Something below it was not selected: its success would say too much.
    pub(super) partial: bool,
    /// It was done in an earlier attempt.
    pub(super) skipped: bool,
    /// What its children see; and the same with the stores of so many of them.
    pub(super) inner: Option<Arc<Params>>,
    pub(super) prefix: Option<(usize, Arc<Params>)>,
}

impl Node {
    pub(super) fn new(
        name: TaskName,
        parent: Option<TaskId>,
        definition: Arc<Definition>,
        role: Role,
        modes: Modes,
    ) -> Self {
        Self {
            name,
            parent,
            definition,
            role,
            modes,
            repeated: false,
            state: TaskState::Blocked,
            phase: Phase::Work,
            in_handler: role == Role::Handler,
            children: Vec::new(),
            current: 0,
            waits: 0,
            downstream: Vec::new(),
            upstream: Upstream::Prefix(0),
            after: 0,
            chunk: (0, 0),
            active: 0,
            unfinished: 0,
            failed: false,
            retries: 0,
            round: 0,
            clock: 0,
            timed_out: false,
            halted: false,
            left: Left::default(),
            stores_below: false,
            given: None,
            error: None,
            failure: None,
            before: None,
            passed: false,
            partial: false,
            skipped: false,
            inner: None,
            prefix: None,
        }
    }

    /// The children of this round.
    pub(super) fn round_children(&self) -> &[TaskId] {
        self.children.get(self.current..).unwrap_or_default()
    }

    /// The children that its handler hears of: all, or when it failed itself those of this round.
    pub(super) fn told_children(&self) -> &[TaskId] {
        if self.error.is_some() { self.round_children() } else { &self.children }
    }

    /// Whether it runs whatever is recorded of it.
    pub(super) fn runs_again(&self) -> bool {
        match self.modes.own() {
            Mode::Redo => true,
            // Not selected: another round of what is around it does not change that.
            Mode::RecordedOrPass => false,
            _ => self.repeated,
        }
    }

    /// Forgets the children of the last round: the next ones begin a new one.
    pub(super) fn begin_round(&mut self) {
        self.current = self.children.len();
        self.active = 0;
        self.unfinished = 0;
        self.failed = false;
        self.phase = Phase::Work;
        self.error = None;
        self.failure = None;
        self.left = Left::default();
        self.skipped = false;
        self.partial = false;
        self.timed_out = false;
        self.forget_scopes();
    }

    /// Whether its failure is passed over (`_continue_on_failure`).
    pub(super) fn is_tolerated(&self) -> bool {
        self.may_fail() && matches!(self.state, TaskState::Error | TaskState::GroupError)
    }

    /// Whether a failure of it would change nothing.
    pub(super) fn may_fail(&self) -> bool {
        self.definition.on_failure == OnFailure::Continue
    }

    pub(super) fn forget_scopes(&mut self) {
        self.inner = None;
        self.prefix = None;
    }
}
