//! The compiled tree as the plan holds it: every part behind a shared pointer, so that the fresh copies of a
//! retried group cost a node each and not a tree.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::dig::retry::RetryPolicy;
use crate::dig::workflow::{OnFailure, OperatorCall, Parallel, Task, TaskBody};
use crate::session::Params;

/// One compiled task.
#[derive(Debug)]
pub struct Definition {
    /// The last part of the name, `+orders`.
    pub name: String,
    /// `_export`, raw.
    pub export: Params,
    /// How often the task is tried again when something *below* it failed.
    pub retry: Option<RetryPolicy>,
    /// `_error`.
    pub error: Option<Arc<Definition>>,
    /// `_check`; operators only.
    pub check: Option<Arc<Definition>>,
    /// `_background: true`.
    pub background: bool,
    /// `_after`.
    pub after: Vec<String>,
    /// `_timeout`.
    pub timeout: Option<Duration>,
    /// `_continue_on_failure`.
    pub on_failure: OnFailure,
    /// SHA-256 of what was written, hex.
    pub hash: String,
    /// What it does.
    pub body: Body,
}

/// What a task does.
#[derive(Debug)]
pub enum Body {
    /// Runs its children.
    Group { parallel: Parallel, children: Vec<Arc<Definition>> },
    /// Does something itself.
    Operator(Arc<OperatorCall>),
}

impl Definition {
    /// The call of an operator task.
    pub fn call(&self) -> Option<&Arc<OperatorCall>> {
        match &self.body {
            Body::Operator(call) => Some(call),
            Body::Group { .. } => None,
        }
    }

    /// The static children.
    pub fn children(&self) -> &[Arc<Definition>] {
        match &self.body {
            Body::Group { children, .. } => children,
            Body::Operator(_) => &[],
        }
    }

    /// How the children run.
    pub fn parallel(&self) -> Parallel {
        match self.body {
            Body::Group { parallel, .. } => parallel,
            Body::Operator(_) => Parallel::All,
        }
    }

    /// A task of the same content under another name, waiting for nobody: the root of a selected subtree.
    pub(super) fn alone(&self, name: String) -> Self {
        let body = match &self.body {
            Body::Group { parallel, children } => {
                Body::Group { parallel: *parallel, children: children.clone() }
            }
            Body::Operator(call) => Body::Operator(Arc::clone(call)),
        };
        Self {
            name,
            export: self.export.clone(),
            retry: self.retry,
            error: self.error.clone(),
            check: self.check.clone(),
            background: false,
            after: Vec::new(),
            timeout: self.timeout,
            on_failure: self.on_failure,
            hash: self.hash.clone(),
            body,
        }
    }
}

impl From<Task> for Definition {
    fn from(task: Task) -> Self {
        let shared = |task: Option<Box<Task>>| task.map(|task| Arc::new(Self::from(*task)));
        let (retry, body) = match task.body {
            TaskBody::Group { parallel, children } => {
                let children = children.into_iter().map(|child| Arc::new(Self::from(child))).collect();
                (task.retry, Body::Group { parallel, children })
            }
            TaskBody::Operator(call) => {
                // Digdag: when what an operator generated has failed, its `_retry` is read as written.
                let written = call.local.get("_retry").or_else(|| task.export.get("_retry"));
                (task.retry.or_else(|| written.and_then(literal_retry)), Body::Operator(Arc::new(*call)))
            }
        };
        Self {
            name: task.name,
            export: task.export,
            retry,
            error: shared(task.error),
            check: shared(task.check),
            background: task.background,
            after: task.after,
            timeout: task.timeout,
            on_failure: task.on_failure,
            hash: task.definition,
            body,
        }
    }
}

fn literal_retry(value: &Value) -> Option<RetryPolicy> {
    RetryPolicy::from_value(value).ok()
}
