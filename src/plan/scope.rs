//! Which parameters a task sees, raw: exports and stores merged on the way from the root to it.
//!
//! For every task on that way come first the stores of the siblings it waits for (with everything below them, in
//! the order of definition: at a join the last writer *in the file* wins), then its own exports, then, for tasks
//! above, its own stores. What comes later wins, key by key at every depth.

use std::sync::Arc;

use super::definition::Definition;
use super::graph::Plan;
use super::node::{TaskId, Upstream};
use crate::dig::params;
use crate::session::Params;

/// What a task sees, before the last merge.
#[derive(Debug)]
pub struct Scope {
    context: Arc<Params>,
    given: Option<Params>,
    definition: Arc<Definition>,
}

impl Scope {
    /// All exports and stores, the task's own `_export` last, over the plan's defaults. The values are as written:
    /// templates in them are evaluated anew for every task.
    pub fn merged(self) -> Params {
        let mut merged = Arc::unwrap_or_clone(self.context);
        params::merge(&mut merged, self.given.as_ref().unwrap_or(&self.definition.export));
        merged
    }
}

impl Plan {
    /// All exports and stores in scope of a task. Cheap: the merging is done by [`Scope::merged`], on the thread
    /// that needs it.
    pub fn scope(&mut self, id: TaskId) -> Scope {
        let context = self.context(id);
        let node = self.node(id);
        Scope { context, given: node.given.clone(), definition: Arc::clone(&node.definition) }
    }

    /// What a task sees before its own exports.
    fn context(&mut self, id: TaskId) -> Arc<Params> {
        let Some(parent) = self.node(id).parent else { return Arc::clone(&self.defaults) };
        let inner = self.inner(parent);
        match self.node(id).upstream.clone() {
            Upstream::Prefix(0) => inner,
            Upstream::Prefix(count) => self.prefix(parent, count, inner),
            Upstream::Some(places) => {
                let siblings: Vec<TaskId> = {
                    let children = self.node(parent).round_children();
                    places.iter().filter_map(|place| children.get(*place).copied()).collect()
                };
                let mut merged = inner;
                for sibling in siblings {
                    self.merge_below(&mut merged, sibling);
                }
                merged
            }
        }
    }

    /// What the first child of a task sees. Kept until the task ends or runs again.
    fn inner(&mut self, id: TaskId) -> Arc<Params> {
        if let Some(inner) = &self.node(id).inner {
            return Arc::clone(inner);
        }
        let mut merged = self.context(id);
        let node = self.node(id);
        let export = node.given.as_ref().unwrap_or(&node.definition.export);
        for layer in [export, &node.left.export].into_iter().filter(|layer| !layer.is_empty()) {
            params::merge(Arc::make_mut(&mut merged), layer);
        }
        if !node.left.store.is_empty() || !node.left.reset_store.is_empty() {
            apply_store(Arc::make_mut(&mut merged), &node.left.reset_store, &node.left.store);
        }
        self.node_mut(id).inner = Some(Arc::clone(&merged));
        merged
    }

    /// The same with the stores of the first `count` children of the round. Children start in the order of the file
    /// and only once those before them are done, so it grows by a child at a time.
    fn prefix(&mut self, parent: TaskId, count: usize, inner: Arc<Params>) -> Arc<Params> {
        let (mut done, mut merged) = match self.node_mut(parent).prefix.take() {
            Some((done, merged)) if done <= count => (done, merged),
            _ => (0, inner),
        };
        while done < count {
            if let Some(child) = self.node(parent).round_children().get(done).copied() {
                self.merge_below(&mut merged, child);
            }
            done += 1;
        }
        self.node_mut(parent).prefix = Some((done, Arc::clone(&merged)));
        merged
    }

    /// Merges the stores of a task and of all below it, in the order of definition.
    fn merge_below(&self, merged: &mut Arc<Params>, id: TaskId) {
        let node = self.node(id);
        if !node.stores_below {
            return;
        }
        if !node.left.store.is_empty() || !node.left.reset_store.is_empty() {
            apply_store(Arc::make_mut(merged), &node.left.reset_store, &node.left.store);
        }
        for child in &node.children {
            self.merge_below(merged, *child);
        }
    }

    /// What a `_error` exports with the stores of everything below the failed task over it.
    pub(super) fn with_stores_below(&self, id: TaskId, export: Params) -> Params {
        let mut merged = Arc::new(export);
        for child in self.node(id).told_children() {
            self.merge_below(&mut merged, *child);
        }
        Arc::unwrap_or_clone(merged)
    }

    /// Remembers on the way to the root that there are stores below.
    pub(super) fn mark_stores(&mut self, id: TaskId) {
        let mut next = Some(id);
        while let Some(id) = next {
            let node = self.node_mut(id);
            if node.stores_below {
                return;
            }
            node.stores_below = true;
            next = node.parent;
        }
    }
}

fn apply_store(target: &mut Params, reset: &[Vec<String>], store: &Params) {
    for path in reset {
        params::remove_path(target, path);
    }
    params::merge(target, store);
}
