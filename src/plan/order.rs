//! Who starts first among the tasks that may: what was larger before.

use std::time::Duration;

use serde_json::{Value, json};

use super::fake::World;
use super::{Past, Sizes};
use crate::session::TaskName;

/// The starts, as `seconds name`, when tasks (below `+wf`) took so many seconds before.
fn starts(workflow: &Value, before: &[(&str, u64)]) -> Vec<String> {
    let past = |seconds| Past { operator: "embulk".into(), took: Duration::from_secs(seconds), copied: None };
    let before =
        before.iter().map(|(name, seconds)| (TaskName::from_full(format!("+wf{name}")), past(*seconds)));
    let mut world = World::with_sizes(workflow, Sizes::new(&before.collect()));
    world.run(usize::MAX);
    world.log
}

#[test]
fn the_largest_of_a_parallel_group_starts_first() {
    let workflow = json!({"+p": {"_parallel": true, "+a": "ok", "+b": "ok", "+c": "ok", "+d": "ok"}});
    let before = [("+p+a", 1), ("+p+b", 3), ("+p+c", 2), ("+p+d", 3)];
    assert_eq!(starts(&workflow, &before), ["0 +wf+p+b", "0 +wf+p+d", "0 +wf+p+c", "0 +wf+p+a"]);
    assert_eq!(starts(&workflow, &[]), ["0 +wf+p+a", "0 +wf+p+b", "0 +wf+p+c", "0 +wf+p+d"]);
}

#[test]
fn unknown_tasks_come_with_the_largest_in_the_written_order() {
    let workflow = json!({"+p": {
        "_parallel": true, "+small": "ok", "+new": "ok", "+large": "ok", "+newer": "ok", "+last": "ok",
    }});
    let before = [("+p+small", 1), ("+p+large", 9), ("+p+last", 8)];
    assert_eq!(
        starts(&workflow, &before),
        ["0 +wf+p+new", "0 +wf+p+large", "0 +wf+p+newer", "0 +wf+p+last", "0 +wf+p+small"]
    );
}

#[test]
fn a_task_counts_with_those_that_wait_for_it() {
    let workflow = json!({"+p": {
        "_parallel": true,
        "+copy": "t=1",
        "+two": {"+prepare": "t=1", "+copy": "t=1"},
        "+first": "t=1",
        "+then": {"_after": ["+first"], "op>": "ok"},
    }});
    let before = [("+p+copy", 5), ("+p+two+prepare", 1), ("+p+two+copy", 6), ("+p+first", 2), ("+p+then", 4)];
    assert_eq!(
        starts(&workflow, &before),
        ["0 +wf+p+two+prepare", "0 +wf+p+first", "0 +wf+p+copy", "1 +wf+p+two+copy", "1 +wf+p+then"]
    );
}

#[test]
fn what_comes_after_all_changes_nothing() {
    let workflow = json!({
        "+p": {"_parallel": true, "+a": "ok", "+b": "ok"},
        "+new": "ok",
        "+last": "ok",
    });
    let before = [("+p+a", 1), ("+p+b", 2), ("+last", 100)];
    assert_eq!(starts(&workflow, &before), ["0 +wf+p+b", "0 +wf+p+a", "0 +wf+new", "0 +wf+last"]);
}

#[test]
fn generated_tasks_are_known_by_their_names() {
    let workflow = json!({"+each": {
        "loop>": 1,
        "_do": {
            "_parallel": true,
            "+a": "ok",
            "+z": "ok",
            "+b": {"loop>": 1, "_do": {"_parallel": true, "+c": "ok", "+d": "ok"}},
        },
    }});
    let before = [("+each^sub+a", 2), ("+each^sub+z", 5), ("+each^sub+b^sub+c", 3), ("+each^sub+b^sub+d", 4)];
    assert_eq!(
        starts(&workflow, &before),
        [
            "0 +wf+each",
            "0 +wf+each^sub+b",
            "0 +wf+each^sub+z",
            "0 +wf+each^sub+a",
            "0 +wf+each^sub+b^sub+d",
            "0 +wf+each^sub+b^sub+c"
        ]
    );
}

#[test]
fn chunks_and_sequences_stay_as_they_are_written() {
    let before = [("+p+a", 1), ("+p+b", 2), ("+p+c", 3), ("+p+d", 4)];
    let tasks = |parallel: Value| json!({"+p": {"_parallel": parallel, "+a": "t=1", "+b": "t=1", "+c": "t=1", "+d": "t=1"}});
    assert_eq!(starts(&tasks(json!(2)), &before), ["0 +wf+p+b", "0 +wf+p+a", "1 +wf+p+d", "1 +wf+p+c"]);
    assert_eq!(starts(&tasks(json!(false)), &before), ["0 +wf+p+a", "1 +wf+p+b", "2 +wf+p+c", "3 +wf+p+d"]);
    let background = json!({"+p": {
        "+a": "t=1", "+b": {"_background": true, "op>": "t=1"}, "+c": "t=1", "+d": {"_background": true, "op>": "t=1"},
    }});
    assert_eq!(starts(&background, &before), ["0 +wf+p+b", "0 +wf+p+a", "0 +wf+p+d", "1 +wf+p+c"]);
}

#[test]
fn a_large_task_that_is_tried_again_goes_before_small_ones_that_wait() {
    let workflow = json!({"+p": {
        "_parallel": true,
        "+g": {"+first": "t=1", "+second": "ok"},
        "+h": {"+first": "t=1", "+second": {"_retry": 1, "op>": "fail=1"}},
    }});
    let before = [("+p+g+second", 1), ("+p+h+second", 2)];
    assert_eq!(
        starts(&workflow, &before),
        ["0 +wf+p+h+first", "0 +wf+p+g+first", "1 +wf+p+h+second", "1 +wf+p+g+second", "1 +wf+p+h+second"]
    );
}
