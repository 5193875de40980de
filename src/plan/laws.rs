//! What holds for every plan, whatever the workflow and whenever it is killed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use super::definition::Definition;
use super::fake::{Event, World, recorded};
use super::node::{Node, Phase};
use super::*;
use crate::dig::workflow::Parallel;
use crate::session::{TaskName, TaskState};

const EVER: usize = usize::MAX;
/// Off as long as a resumed run does not see what a check stored.
const CHECKS_MAY_STORE: bool = true;

/// One operator, with what it does and how it is tried again.
fn leaf() -> impl Strategy<Value = Value> {
    let left = prop_oneof![5 => Just(""), 2 => Just(" store.a=1"), 1 => Just(" store.b=2"), 1 => Just(" secret.c=3")];
    let fails = prop_oneof![6 => Just(""), 1 => Just(" fail"), 1 => Just(" fail=1"), 1 => Just(" fail=2")];
    (0_u8..4, left, fails, retry()).prop_map(|(seconds, left, fails, retry)| {
        let mut task = json!({"op>": format!("t={seconds}{left}{fails}")});
        put(&mut task, "_retry", retry);
        task
    })
}

fn retry() -> impl Strategy<Value = Option<Value>> {
    prop_oneof![4 => Just(None), 1 => (0_u8..3).prop_map(|limit| Some(json!(limit)))]
}

fn put(task: &mut Value, key: &str, value: Option<Value>) {
    if let Some(value) = value {
        task[key] = value;
    }
}

/// A group: in sequence with tasks in the background, at once with tasks that wait, in chunks.
fn group(children: Vec<(Value, bool, Option<Index>)>, parallel: Value) -> Value {
    let mut group = json!({"_parallel": parallel});
    for (place, (mut child, in_background, after)) in children.into_iter().enumerate() {
        if parallel == json!(false) && in_background {
            child["_background"] = json!(true);
        }
        if parallel == json!(true)
            && let Some(after) = after.filter(|_| place > 0)
        {
            child["_after"] = json!([format!("+{}", after.index(place))]);
        }
        group[format!("+{place}")] = child;
    }
    group
}

/// A random workflow: groups in groups, scripts and loops with what they generate, checks, handlers, retries.
fn workflows() -> impl Strategy<Value = Value> {
    let inner = leaf().prop_recursive(4, 30, 4, |inner| {
        let parallel =
            prop_oneof![Just(json!(false)), Just(json!(true)), (1_u8..3).prop_map(|size| json!(size))];
        let child = (inner.clone(), prop::bool::weighted(0.2), prop::option::weighted(0.4, any::<Index>()));
        let groups = (prop::collection::vec(child, 0..4), parallel, retry()).prop_map(
            |(children, parallel, retry)| {
                let mut group = group(children, parallel);
                put(&mut group, "_retry", retry);
                group
            },
        );
        let part = prop::option::weighted(0.3, inner.clone().prop_map(check));
        let operators = (leaf(), inner, prop::bool::ANY, part).prop_map(|(leaf, body, repeats, check)| {
            let mut task = if repeats { json!({"loop>": 1}) } else { leaf };
            if !repeats {
                task["op>"] = json!(format!("sub {}", task["op>"].as_str().unwrap_or_default()));
            }
            task["_do"] = body;
            put(&mut task, "_check", check);
            task
        });
        prop_oneof![3 => groups, 1 => operators]
    });
    (inner, prop::option::weighted(0.3, leaf()), prop::option::weighted(0.2, leaf())).prop_map(
        |(top, error, check)| {
            let mut workflow = json!({"+top": top, "+last": {"op>": "t=1"}});
            put(&mut workflow["+top"], "_error", error.clone());
            put(&mut workflow, "_error", error);
            put(&mut workflow["+last"], "_check", check);
            workflow
        },
    )
}

/// The same with limits of time, some of which run out, and with failures that are allowed.
fn hasty_workflows() -> impl Strategy<Value = Value> {
    (workflows(), prop::collection::vec(0_u8..14, 60)).prop_map(|(mut workflow, choices)| {
        hasten(&mut workflow, &mut choices.into_iter());
        workflow
    })
}

fn hasten(task: &mut Value, choices: &mut impl Iterator<Item = u8>) {
    let Value::Object(map) = task else { return };
    for (key, below) in map.iter_mut() {
        let is_task = key.starts_with('+') || ["_do", "_check", "_error"].contains(&key.as_str());
        if is_task && below.is_object() {
            match choices.next() {
                Some(seconds @ 1..=4) => below["_timeout"] = json!(seconds),
                Some(5..=7) => below["_continue_on_failure"] = json!(true),
                _ => {}
            }
            hasten(below, choices);
        }
    }
}

/// Every failure becomes a success.
fn mended(workflow: &Value) -> Value {
    replaced(workflow, "fail", "ok")
}

fn check(task: Value) -> Value {
    if CHECKS_MAY_STORE { task } else { replaced(&replaced(&task, "store.", ""), "secret.", "") }
}

fn replaced(workflow: &Value, word: &str, by: &str) -> Value {
    match workflow {
        Value::String(text) => json!(text.replace(word, by)),
        Value::Object(map) => {
            map.iter().map(|(key, value)| (key.clone(), replaced(value, word, by))).collect()
        }
        other => other.clone(),
    }
}

fn ran(workflow: &Value) -> World {
    let mut world = World::new(workflow);
    world.run(EVER);
    world
}

/// Killed after so many events and started again: what had begun has worked, whether that was recorded or not.
fn resumed(workflow: &Value, events: &[Event]) -> World {
    let mut world = World::resumed(workflow, events.to_vec(), &Selection::All);
    for (name, ..) in starts(events) {
        *world.runs.entry(name.clone()).or_default() += 1;
    }
    world.run(EVER);
    world
}

/// The first events, as many as `at` says.
fn cut(events: &[Event], at: Index) -> &[Event] {
    &events[..at.index(events.len() + 1)]
}

fn starts(events: &[Event]) -> impl Iterator<Item = (&TaskName, &str, u32)> {
    events.iter().filter_map(|event| match event {
        Event::Started { name, operator, round } => Some((name, operator.as_str(), *round)),
        Event::Changed(_) => None,
    })
}

/// Tasks of handlers come and go with failures, checks with the work they check.
fn is_extra(name: &str) -> bool {
    name.contains("^error") || name.contains("^check")
}

fn names(events: &[Event]) -> BTreeSet<&str> {
    starts(events).map(|(name, ..)| name.as_str()).filter(|name| !is_extra(name)).collect()
}

/// The tasks that are done, without those whose secrets are lost and those that only generate others.
fn done(events: &[Event]) -> BTreeSet<String> {
    let recorded = recorded(events);
    let is_done = |name: &&TaskName| {
        let task = recorded.get(name).expect("it is one of its names");
        let stays = task.result.as_ref().is_some_and(|result| result.secret_stores.is_empty());
        stays && !task.operator.as_deref().is_some_and(is_control) && !is_extra(name.as_str())
    };
    recorded.names().filter(is_done).map(ToString::to_string).collect()
}

/// How every task stands that is no extra.
fn states(world: &World) -> BTreeMap<String, TaskState> {
    let tasks = world.plan.tasks();
    let tasks = tasks.into_iter().filter(|task| !is_extra(task.name.as_str()));
    tasks.map(|task| (task.name.to_string(), task.state)).collect()
}

/// The siblings that each child waits for, by the rules.
fn waits_for(definition: &Definition) -> Vec<Vec<usize>> {
    let children = definition.children();
    let (mut last, mut since) = (None, Vec::new());
    let wait = |(place, child): (usize, &std::sync::Arc<Definition>)| match definition.parallel() {
        Parallel::All => (0..place).filter(|at| child.after.contains(&children[*at].name)).collect(),
        Parallel::Chunks(size) => (0..place / size * size).collect(),
        Parallel::No if child.background => {
            since.push(place);
            Vec::new()
        }
        Parallel::No => last.replace(place).into_iter().chain(since.drain(..)).collect(),
    };
    children.iter().enumerate().map(wait).collect()
}

/// Children that stand blocked although nothing holds them up, and children that began too early.
fn misplaced(plan: &Plan) -> Vec<String> {
    let mut wrong = Vec::new();
    for node in &plan.nodes {
        let children = node.round_children();
        let is_over = node.timed_out || node.halted;
        if node.state != TaskState::Planned
            || node.phase != Phase::Work
            || node.definition.call().is_some()
            || is_over
        {
            continue;
        }
        for (waits_for, child) in waits_for(&node.definition).into_iter().zip(children) {
            let child = plan.node(*child);
            let lets_go = |node: &Node| node.state == TaskState::Success || node.is_tolerated();
            let is_free = waits_for.iter().all(|at| lets_go(plan.node(children[*at])));
            if is_free == (child.state == TaskState::Blocked) {
                wrong.push(format!("{} {:?}", child.name, child.state));
            }
        }
    }
    wrong
}

proptest! {
    /// Everything starts as soon as it may and no earlier; and once all that runs has ended the plan has, too: what is
    /// left was held up for good.
    #[test]
    fn a_plan_starts_what_it_may_and_ends(workflow in hasty_workflows()) {
        let mut world = World::new(&workflow);
        world.begin_work();
        while !world.plan.is_finished() {
            prop_assert_eq!(misplaced(&world.plan), [""; 0]);
            let before = world.events.len();
            world.run(1);
            prop_assert!(world.events.len() > before, "nothing runs, and the plan has not ended");
        }
        for node in &world.plan.nodes {
            prop_assert!(node.state.is_done() || node.state == TaskState::Blocked, "{}", node.name);
        }
    }

    /// A stop starts nothing more, and the plan ends with what runs.
    #[test]
    fn a_stopped_plan_ends(workflow in hasty_workflows(), ends in 0_usize..12) {
        let mut world = World::new(&workflow);
        world.run(ends);
        world.step();
        world.plan.stop();
        let started = world.events.len();
        world.run(EVER);
        prop_assert!(world.plan.is_finished());
        prop_assert_eq!(starts(&world.events[started..]).count(), 0);
    }

    /// The end of a run is a success unless a failure counts; and all that counts, or was allowed, is counted.
    #[test]
    fn a_failure_counts_unless_it_is_allowed(workflow in hasty_workflows()) {
        let world = ran(&workflow);
        let counts = world.plan.counts();
        let tasks = world.plan.tasks();
        let failed = |weight| {
            tasks.iter().filter(|task| task.state == TaskState::Error && task.weight == weight).count()
        };
        prop_assert_eq!((counts.failed, counts.tolerated), (failed(Weight::Counts), failed(Weight::Tolerated)));
        prop_assert_eq!(counts.canceled > 0, tasks.iter().any(|task| task.state == TaskState::Canceled));
        if world.plan.root_state() == TaskState::Success {
            prop_assert_eq!(counts.failed, 0);
        } else {
            prop_assert!(counts.failed > 0);
        }
    }

    /// Places rise from a task to those below it and from the first round to the last; each try of a name has a number
    /// of its own, one above the last.
    #[test]
    fn tries_and_places_are_counted(workflow in hasty_workflows()) {
        let world = ran(&workflow);
        for (place, node) in world.plan.nodes.iter().enumerate() {
            prop_assert!(node.children.iter().all(|child| child.0 > place));
            prop_assert!(node.children.is_sorted());
        }
        let mut rounds: HashMap<&TaskName, u32> = HashMap::new();
        for (name, _, round) in starts(&world.events) {
            let last = rounds.insert(name, round).unwrap_or(0);
            prop_assert_eq!(round, last + 1);
        }
    }

    /// Killed after any event and retried once all is mended: what was done and what the retry runs are together the
    /// whole plan, and have nothing in common.
    #[test]
    fn finished_and_outstanding_are_the_plan(workflow in workflows(), at in any::<Index>()) {
        let whole = ran(&mended(&workflow));
        prop_assert_eq!(whole.plan.root_state(), TaskState::Success);
        let first = ran(&workflow);
        let kept = cut(&first.events, at);
        let second = resumed(&mended(&workflow), kept);
        prop_assert_eq!(second.plan.root_state(), TaskState::Success);
        let (done, outstanding) = (done(kept), names(&second.events));
        let twice: Vec<_> = done.iter().filter(|name| outstanding.contains(name.as_str())).collect();
        prop_assert!(twice.is_empty(), "done and run again: {:?}", twice);
        let together: BTreeSet<&str> = done.iter().map(String::as_str).chain(outstanding).collect();
        prop_assert_eq!(together, names(&whole.events));
    }

    /// News of a task that does not run, or does not wait, changes nothing.
    #[test]
    fn late_news_changes_nothing(workflow in hasty_workflows(), ends in 0_usize..12) {
        let mut world = World::new(&workflow);
        world.run(ends);
        for place in 0..world.plan.nodes.len() {
            let id = TaskId(place);
            if world.plan.state(id) != TaskState::Running {
                world.plan.succeeded(id, Success::default());
            }
            if world.plan.state(id) != TaskState::RetryWaiting {
                world.plan.retry_due(id);
            }
        }
        prop_assert_eq!(world.plan.take_transitions(), []);
        prop_assert!(world.plan.take_ready().is_none());
    }

    /// Killed after any event, twice, and started again: it ends as if nothing had happened.
    #[test]
    fn a_resumed_run_ends_as_the_whole_one(workflow in workflows(), cuts in any::<[Index; 2]>()) {
        let whole = ran(&workflow);
        let kept = cut(&whole.events, cuts[0]);
        let again = resumed(&workflow, kept);
        let second = resumed(&workflow, &[kept, cut(&again.events, cuts[1])].concat());
        // A new attempt has all its tries again: what failed for want of them may succeed.
        let has_transient = workflow.to_string().contains("fail=");
        if whole.plan.root_state() != TaskState::Success && has_transient {
            return Ok(());
        }
        prop_assert_eq!(second.plan.root_state(), whole.plan.root_state());
        prop_assert_eq!(states(&second), states(&whole));
        for (name, seen) in second.seen.iter().filter(|(name, _)| !is_extra(name)) {
            prop_assert_eq!(seen, &whole.seen[name], "{}", name);
        }
    }

    /// A retry runs nothing again that succeeded, unless its secrets are lost or a group around it is tried again; and
    /// no try has the number of one that succeeded.
    #[test]
    fn a_retry_never_reruns_a_success(workflow in workflows(), at in any::<Index>()) {
        let whole = ran(&workflow);
        let kept = cut(&whole.events, at);
        let (done, recorded) = (done(kept), recorded(kept));
        let second = resumed(&workflow, kept);
        let mut tried_again: Vec<&str> = Vec::new();
        for event in &second.events {
            match event {
                Event::Changed(Transition::Retrying { name, .. }) => tried_again.push(name.as_str()),
                Event::Started { name, round, .. } if done.contains(name.as_str()) => {
                    let in_new_round = tried_again.iter().any(|above| name.as_str().starts_with(above));
                    prop_assert!(in_new_round, "{} succeeded", name);
                    prop_assert!(*round > recorded.get(name).expect("it is done").round, "{} has its old number", name);
                }
                Event::Started { .. } | Event::Changed(_) => {}
            }
        }
    }
}
