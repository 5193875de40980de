//! Which children of a group wait for which.

use serde_json::Value;

use super::params::{flag, task_map};
use crate::model::story::Params;

/// A child with its name.
pub struct Child {
    pub name: String,
    pub written: Params,
    /// Places of the siblings that it waits for.
    pub waits_for: Vec<usize>,
}

/// The children of a group in the order of the file.
pub fn children(group: &Params) -> Vec<Child> {
    let tasks = group.iter().filter(|(key, _)| key.starts_with('+'));
    let mut children: Vec<Child> = tasks
        .map(|(name, value)| Child { name: name.clone(), written: task_map(value), waits_for: Vec::new() })
        .collect();
    match group.get("_parallel") {
        Some(Value::Object(map)) => at_once(&mut children, map["limit"].as_u64().unwrap_or(0)),
        Some(Value::Bool(true)) => at_once(&mut children, 0),
        _ => in_sequence(&mut children),
    }
    children
}

/// Each waits for the last foreground task and the background tasks since; a background task for nobody.
fn in_sequence(children: &mut [Child]) {
    let mut before = Vec::new();
    for (place, child) in children.iter_mut().enumerate() {
        if directive(&child.written, "_background").is_some() && flag(&child.written, "_background") {
            before.push(place);
        } else {
            child.waits_for = std::mem::replace(&mut before, vec![place]);
        }
    }
}

/// A task waits for the siblings that `_after` names; with a limit also for the whole chunk before its own.
fn at_once(children: &mut [Child], limit: u64) {
    let size = usize::try_from(limit).unwrap();
    for place in 0..children.len() {
        let named = directive(&children[place].written, "_after").and_then(Value::as_array).cloned();
        let named = named.unwrap_or_default();
        let is_named = |earlier: &usize| named.contains(&Value::from(children[*earlier].name.as_str()));
        let mut waits_for: Vec<usize> = (0..place).filter(is_named).collect();
        if size > 0 && place >= size {
            let chunk = place / size * size;
            waits_for.extend(chunk - size..chunk);
        }
        children[place].waits_for = waits_for;
    }
}

/// A disabled task is nothing but that.
fn directive<'a>(written: &'a Params, key: &str) -> Option<&'a Value> {
    written.get(key).filter(|_| !flag(written, "_disable"))
}

/// The places of all siblings before a child, also the farther ones.
pub fn all_before(children: &[Child], place: usize) -> Vec<usize> {
    let mut all = children[place].waits_for.clone();
    let mut next = 0;
    while next < all.len() {
        all.extend(children[all[next]].waits_for.clone());
        next += 1;
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// Whether it does something itself.
pub fn is_operator(written: &Params) -> bool {
    written.keys().any(|key| key == "_type" || key.ends_with('>'))
}

/// The operators in a task that never started.
pub fn operators_in(written: &Params) -> usize {
    match (flag(written, "_disable"), is_operator(written)) {
        (true, _) => 0,
        (_, true) => 1,
        _ => children(written).iter().map(|child| operators_in(&child.written)).sum(),
    }
}
