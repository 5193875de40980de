//! Order, failure, retry, scope and resume as tables: what Digdag does, driven by a fake operator and a fake clock.

use serde_json::{Value, json};

use super::fake::{Event, World};
use super::*;
use crate::session::TaskState;

const EVER: usize = usize::MAX;

fn ran(workflow: &Value) -> World {
    let mut world = World::new(workflow);
    world.run(EVER);
    world
}

/// The variable `error` when these tasks failed.
fn error(tasks: &[&str]) -> Value {
    let message = |name: &str| format!("{name} failed");
    let last = tasks.last().unwrap();
    let tasks: Vec<Value> =
        tasks.iter().map(|name| json!({"name": name, "message": message(name)})).collect();
    json!({"message": message(last), "task": last, "tasks": tasks})
}

#[test]
fn the_end_states_of_a_failing_parallel_group() {
    let world = ran(&json!({
        "+a": {
            "_parallel": true,
            "+x": "fail t=1",
            "+y": "t=10",
            "+g": {"+g1": "t=2", "+g2": "fail", "+g3": "ok"},
        },
        "+b": "ok",
        "_error": "handle",
    }));
    assert_eq!(
        world.states(),
        [
            "+wf+a+x error",
            "+wf+a+y success",
            "+wf+a+g+g1 success",
            "+wf+a+g+g2 error",
            "+wf+a+g+g3 blocked",
            "+wf+b blocked",
            "+wf^error success",
        ]
    );
    assert_eq!(world.log, ["0 +wf+a+x", "0 +wf+a+y", "0 +wf+a+g+g1", "2 +wf+a+g+g2", "10 +wf^error"]);
    assert_eq!(world.saw("+wf^error", "error"), Some(&error(&["+wf+a+x", "+wf+a+g+g2"])));
    assert_eq!(world.plan.root_state(), TaskState::GroupError);
    let groups: Vec<String> = world
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Changed(Transition::Finished { name, state: TaskState::GroupError, .. }) => {
                Some(name.to_string())
            }
            _ => None,
        })
        .collect();
    assert_eq!(groups, ["+wf+a+g", "+wf+a", "+wf"]);
    let counts = world.plan.counts();
    assert_eq!((counts.succeeded, counts.failed, counts.blocked), (3, 2, 2));
}

#[test]
fn chunks_are_barriers_and_later_ones_never_start_after_a_failure() {
    let chunks = |first: &str| json!({"+p": {"_parallel": 2, "+a": first, "+b": "t=1", "+c": "ok", "+d": "t=1", "+e": "ok"}});
    let world = ran(&chunks("t=5"));
    assert_eq!(world.log, ["0 +wf+p+a", "0 +wf+p+b", "5 +wf+p+c", "5 +wf+p+d", "6 +wf+p+e"]);
    let world = ran(&chunks("fail t=5"));
    assert_eq!(world.log, ["0 +wf+p+a", "0 +wf+p+b"]);
    assert_eq!(world.plan.counts().blocked, 3);
}

#[test]
fn a_background_task_starts_with_the_group_and_the_next_waits_for_it() {
    let group = |background: &str| json!({"+g": {"+a": "t=2", "+bg": {"_background": true, "op>": background}, "+c": "ok"}});
    assert_eq!(ran(&group("t=5")).log, ["0 +wf+g+a", "0 +wf+g+bg", "5 +wf+g+c"]);
    let world = ran(&group("fail t=1"));
    assert_eq!(world.states(), ["+wf+g+a success", "+wf+g+bg error", "+wf+g+c blocked"]);
}

#[test]
fn after_names_siblings_of_a_parallel_group() {
    let world = ran(&json!({"+p": {
        "_parallel": true,
        "+a": "t=3 store.x=a",
        "+b": "t=1",
        "+c": {"_after": ["+a", "+b"], "op>": "store.y=c"},
        "+d": {"_after": ["+c"], "op>": "ok"},
    }}));
    assert_eq!(world.log, ["0 +wf+p+a", "0 +wf+p+b", "3 +wf+p+c", "3 +wf+p+d"]);
    assert_eq!(
        (world.saw("+wf+p+d", "x"), world.saw("+wf+p+d", "y")),
        (Some(&json!("a")), Some(&json!("c")))
    );
    assert_eq!(world.saw("+wf+p+b", "x"), None);
}

#[test]
fn retries_run_so_many_times_more() {
    for (what, workflow, expected) in [
        ("a task", json!({"+a": {"op>": "fail", "_retry": 2}}), vec!["+wf+a"; 3]),
        ("a task that recovers", json!({"+a": {"op>": "fail=1", "_retry": 2}}), vec!["+wf+a"; 2]),
        (
            "a group, successful children included",
            json!({"+g": {"_retry": 2, "+a": "ok", "+b": "fail=1", "+c": "ok"}}),
            vec!["+wf+g+a", "+wf+g+b", "+wf+g+a", "+wf+g+b", "+wf+g+c"],
        ),
        (
            "the root",
            json!({"_retry": 1, "+a": "ok", "+b": "fail"}),
            vec!["+wf+a", "+wf+b", "+wf+a", "+wf+b"],
        ),
        (
            "what an operator generated",
            json!({"+a": {"op>": "sub", "_retry": 1, "_do": "fail"}}),
            vec!["+wf+a", "+wf+a^sub", "+wf+a", "+wf+a^sub"],
        ),
        (
            "a task until its check passes",
            json!({"+a": {"op>": "ok", "_retry": 5, "_check": "fail=2"}, "+b": "ok"}),
            vec!["+wf+a", "+wf+a^check", "+wf+a", "+wf+a^check", "+wf+a", "+wf+a^check", "+wf+b"],
        ),
    ] {
        assert_eq!(ran(&workflow).started(), expected, "{what}");
    }
}

#[test]
fn pauses_between_retries_come_from_the_policy() {
    let retry = json!({"limit": 3, "interval": 2, "interval_type": "exponential"});
    let world = ran(&json!({"+g": {"_retry": retry, "+a": "fail"}}));
    assert_eq!(world.log, ["0 +wf+g+a", "2 +wf+g+a", "6 +wf+g+a", "14 +wf+g+a"]);
    assert_eq!(world.states(), ["+wf+g+a error"]);
}

#[test]
fn handlers_run_innermost_first_and_mend_nothing() {
    let world = ran(&json!({
        "_error": "root",
        "+g": {"_error": {"+x": "fail"}, "+a": {"op>": "fail", "_error": "task"}, "+b": "ok"},
    }));
    assert_eq!(world.started(), ["+wf+g+a", "+wf+g+a^error", "+wf+g^error+x", "+wf^error"]);
    assert_eq!(world.saw("+wf+g+a^error", "error"), Some(&error(&["+wf+g+a"])));
    assert_eq!(world.plan.root_state(), TaskState::GroupError);
}

#[test]
fn the_error_of_the_last_failed_task_in_the_file_is_told() {
    let world = ran(&json!({
        "_error": "root",
        "+g": {"_retry": 2, "+a": "fail=2"},
        "+b": "fail",
        "+c": "ok",
    }));
    assert_eq!(world.saw("+wf^error", "error"), Some(&error(&["+wf+b"])));
}

#[test]
fn a_failure_that_is_allowed_stops_nobody() {
    let world = ran(&json!({
        "+a": {"op>": "fail", "_continue_on_failure": true, "_error": "handle"},
        "+g": {"_continue_on_failure": true, "+x": "fail", "+y": "never"},
        "+p": {"_parallel": 1, "+x": {"op>": "fail", "_continue_on_failure": true}, "+y": "ok"},
        "+z": "ok",
    }));
    assert_eq!(world.started(), ["+wf+a", "+wf+a^error", "+wf+g+x", "+wf+p+x", "+wf+p+y", "+wf+z"]);
    assert_eq!(world.plan.root_state(), TaskState::Success);
    let counts = world.plan.counts();
    assert_eq!((counts.failed, counts.tolerated, counts.succeeded, counts.blocked), (0, 3, 3, 1));
    let mended = json!({"+a": {"op>": "ok", "_continue_on_failure": true}, "+z": "ok"});
    let again = resumed(&mended, &world, &Selection::All);
    assert_eq!(again.started(), ["+wf+a"], "what failed is not done");
}

#[test]
fn checks_and_handlers_may_be_allowed_to_fail() {
    let allowed = json!({"op>": "fail", "_continue_on_failure": true});
    let world =
        ran(&json!({"+a": {"op>": "ok", "_check": allowed}, "+b": {"op>": "fail", "_error": allowed}}));
    assert_eq!(world.states(), ["+wf+a success", "+wf+a^check error", "+wf+b error", "+wf+b^error error"]);
    let counts = world.plan.counts();
    assert_eq!((counts.failed, counts.tolerated, counts.succeeded), (1, 2, 1));
}

#[test]
fn handlers_do_not_hear_of_a_failure_that_is_allowed() {
    let world = ran(&json!({
        "_error": "handle",
        "+p": {
            "_parallel": true,
            "+x": "fail",
            "+y": {"op>": "fail", "_continue_on_failure": true, "_error": "handle"},
            "+z": {"_continue_on_failure": true, "_retry": 1, "+z1": "fail=1"},
        },
    }));
    let tasks = |handler: &str| {
        let error = world.saw(handler, "error").unwrap();
        let names = error["tasks"].as_array().unwrap().iter().map(|task| task["name"].clone());
        (error["task"].clone(), names.collect::<Vec<_>>())
    };
    assert_eq!(tasks("+wf^error"), (json!("+wf+p+x"), vec![json!("+wf+p+x")]));
    assert_eq!(tasks("+wf+p+y^error"), (json!("+wf+p+y"), vec![json!("+wf+p+y")]));
}

#[test]
fn a_check_sees_what_the_task_stored_and_its_failure_is_the_tasks() {
    let world = ran(&json!({"+a": {"op>": "store.x=1", "_check": "fail", "_error": "handle"}, "+b": "ok"}));
    assert_eq!(world.started(), ["+wf+a", "+wf+a^check", "+wf+a^error"]);
    assert_eq!(world.saw("+wf+a^check", "x"), Some(&json!("1")));
    assert_eq!(world.saw("+wf+a^error", "x"), Some(&json!("1")));
    assert_eq!(
        world.states(),
        ["+wf+a group_error", "+wf+a^check error", "+wf+a^error success", "+wf+b blocked"]
    );
}

#[test]
fn at_a_join_the_last_writer_in_the_file_wins() {
    let world = ran(&json!({
        "+p": {"_parallel": true, "+slow": {"+w": "t=9", "+put": "store.x=slow"}, "+quick": "store.x=quick"},
        "+show": "ok",
    }));
    assert_eq!(world.saw("+wf+show", "x"), Some(&json!("quick")));
}

#[test]
fn exports_stay_inside_and_stores_flow_on() {
    let world = ran(&json!({
        "_export": {"m": {"a": 1, "b": 2}, "x": "root"},
        "+g": {"_export": {"m": {"b": 20}, "x": "group"}, "+a": "store.s=a", "+b": "ok"},
        "+put": "store.x=stored",
        "+h": {"_export": {"x": "later"}, "+c": "ok"},
        "+d": {"op>": "ok", "_export": {"own": 1}},
    }));
    assert_eq!(world.saw("+wf+g+b", "m"), Some(&json!({"a": 1, "b": 20})));
    assert_eq!(
        (world.saw("+wf+g+b", "x"), world.saw("+wf+g+b", "s")),
        (Some(&json!("group")), Some(&json!("a")))
    );
    assert_eq!(
        (world.saw("+wf+put", "x"), world.saw("+wf+put", "s")),
        (Some(&json!("root")), Some(&json!("a")))
    );
    assert_eq!(world.saw("+wf+h+c", "x"), Some(&json!("later")), "the export of a later group beats a store");
    assert_eq!(
        (world.saw("+wf+d", "x"), world.saw("+wf+d", "own")),
        (Some(&json!("stored")), Some(&json!(1)))
    );
}

#[test]
fn a_new_round_of_a_group_begins_without_the_stores_of_the_last_and_later_tasks_see_all() {
    let world = ran(&json!({
        "+g": {"_retry": 1, "+a": "store.x=1", "+b": "fail=1 store.y=2"},
        "+after": "ok",
    }));
    assert_eq!(world.saw("+wf+g+a", "x"), None);
    assert_eq!(
        (world.saw("+wf+after", "x"), world.saw("+wf+after", "y")),
        (Some(&json!("1")), Some(&json!("2")))
    );
}

#[test]
fn a_stop_starts_nothing_more_and_runs_no_handler() {
    let mut world = World::new(&json!({
        "_error": "handle",
        "+p": {"_parallel": true, "+a": "t=1 fail", "+b": "t=5"},
        "+c": "ok",
    }));
    world.run(1);
    world.plan.stop();
    world.run(EVER);
    assert_eq!(world.started(), ["+wf+p+a", "+wf+p+b"]);
    assert_eq!(world.states(), ["+wf+p+a error", "+wf+p+b success", "+wf+c blocked"]);
    assert_eq!(world.plan.root_state(), TaskState::Canceled);
}

#[test]
fn a_stop_after_the_last_task_changes_nothing() {
    let mut world = World::new(&json!({"+a": "t=1"}));
    world.begin_work();
    world.plan.stop();
    world.run(EVER);
    assert_eq!(world.plan.root_state(), TaskState::Success);
}

#[test]
fn a_stop_ends_the_wait_for_a_retry() {
    let mut world = World::new(&json!({"+g": {"_retry": {"limit": 1, "interval": 99}, "+a": "fail"}}));
    world.run(1);
    world.plan.stop();
    assert_eq!(world.plan.root_state(), TaskState::Canceled);
}

fn resumed(workflow: &Value, world: &World, selection: &Selection) -> World {
    let mut world = World::resumed(workflow, world.all_events(), selection);
    world.run(EVER);
    world
}

#[test]
fn a_retry_runs_what_did_not_succeed_and_replays_what_was_stored() {
    let failing = json!({"+a": "store.x=1", "+b": {"op>": "fail", "_error": "handle"}, "+c": "ok"});
    let mended = json!({"+a": "store.x=2", "+b": {"op>": "ok", "_error": "handle"}, "+c": "ok"});
    let world = resumed(&mended, &ran(&failing), &Selection::All);
    assert_eq!(world.started(), ["+wf+b", "+wf+c"]);
    assert_eq!(
        world.saw("+wf+c", "x"),
        Some(&json!("1")),
        "the recorded value, though the definition changed"
    );
    let is_changed =
        |event: &&Event| matches!(event, Event::Changed(Transition::Skipped { changed: true, .. }));
    assert_eq!(world.events.iter().filter(is_changed).count(), 1);
    assert_eq!(world.plan.counts().skipped, 1);
    assert_eq!(world.plan.root_state(), TaskState::Success);
}

#[test]
fn a_retry_goes_on_with_the_round_that_was_reached() {
    let round = |world: &World| world.recorded("+wf+a").map(|task| task.round);
    let world = ran(&json!({"+a": {"op>": "fail", "_retry": 2}}));
    assert_eq!(round(&world), Some(3));
    let world = resumed(&json!({"+a": "ok"}), &world, &Selection::All);
    assert_eq!(round(&world), Some(3));
    let again = resumed(&json!({"+a": "ok"}), &world, &Selection::From("+a".into()));
    assert_eq!(round(&again), Some(4));
}

#[test]
fn a_task_whose_stored_secrets_are_lost_runs_again_and_the_rest_of_what_it_stored_is_replayed() {
    let world = ran(&json!({"+fetch": "secret.password=x store.list=a,b", "+use": "fail"}));
    let now = json!({"+fetch": "secret.password=y store.list=a,b,c", "+use": "ok"});
    let again = resumed(&now, &world, &Selection::All);
    assert_eq!(again.started(), ["+wf+fetch", "+wf+use"]);
    assert_eq!(again.saw("+wf+use", "password"), Some(&json!("y")));
    assert_eq!(again.saw("+wf+use", "list"), Some(&json!("a,b")));
    assert_eq!(again.lost, ["+wf+fetch: password"]);
    assert_eq!(again.plan.counts().succeeded, 2);
}

#[test]
fn a_script_that_is_done_is_not_asked_again_what_it_generated() {
    let failing = json!({"+a": {"op>": "sub", "_do": {"+x": "store.s=1", "+y": "ok"}}, "+b": "fail"});
    let mended = json!({"+a": {"op>": "sub", "_do": {"+x": "ok", "+z": "ok"}}, "+b": "ok"});
    let world = resumed(&mended, &ran(&failing), &Selection::All);
    assert_eq!(world.started(), ["+wf+b"]);
    assert_eq!(world.saw("+wf+b", "s"), Some(&json!("1")));
}

#[test]
fn more_tasks_than_an_attempt_may_have_are_refused_when_they_are_generated() {
    let below: serde_json::Map<String, Value> =
        (0..MOST_TASKS).map(|at| (format!("+t{at}"), json!("ok"))).collect();
    let world = ran(&json!({"+a": {"op>": "sub", "_do": below}, "+b": "ok"}));
    assert_eq!(world.started(), ["+wf+a"]);
    assert_eq!(world.plan.root_state(), TaskState::GroupError);
    assert!(world.plan.tasks().len() < 10);
}

#[test]
fn selections_say_what_starts() {
    let workflow = json!({
        "+a": "ok",
        "+g": {"+x": "ok", "+y": "ok", "+z": "ok"},
        "+p": {"_parallel": true, "+1": "ok", "+2": "ok"},
    });
    let some = |pattern: &str| pattern.to_owned();
    let of = |pattern: &str, rest: Selection| Selection::Subtree(some(pattern), Box::new(rest));
    let between = |start: &str, end: &str| Selection::Between { start: some(start), end: some(end) };
    for (selection, fresh, resumed) in [
        (Selection::All, vec!["a", "x", "y", "z", "1", "2"], vec![]),
        (of("+g", Selection::All), vec!["x", "y", "z"], vec![]),
        (of("+g", Selection::From(some("+y"))), vec!["x", "y", "z"], vec!["y", "z"]),
        (of("+g", Selection::Goal(some("+y"))), vec!["x", "y"], vec!["y"]),
        (of("+g", Selection::End(some("+g+z"))), vec!["x", "y"], vec![]),
        (of("+g", between("+y", "+z")), vec!["x", "y"], vec!["y"]),
        (Selection::Within(some("+y")), vec!["y"], vec![]),
        (Selection::From(some("+y")), vec!["a", "x", "y", "z", "1", "2"], vec!["y", "z", "1", "2"]),
        (Selection::From(some("+p+2")), vec!["a", "x", "y", "z", "1", "2"], vec!["1", "2"]),
        (Selection::Goal(some("+y")), vec!["a", "x", "y"], vec!["y"]),
        (Selection::End(some("+y")), vec!["a", "x"], vec![]),
        (between("+x", "+z"), vec!["a", "x", "y"], vec!["x", "y"]),
        (between("+g", "+p+2"), vec!["a", "x", "y", "z"], vec!["x", "y", "z"]),
        (between("+z", "+p"), vec!["a", "x", "y", "z"], vec!["z"]),
        (between("+z", "+y"), vec!["a", "x"], vec![]),
        (between("+g", "+g"), vec!["a"], vec![]),
    ] {
        let last = |world: &World| -> Vec<String> {
            world
                .started()
                .iter()
                .map(|name| name.rsplit('+').next().unwrap_or_default().to_owned())
                .collect()
        };
        let mut world = World::resumed(&workflow, Vec::new(), &selection);
        world.run(EVER);
        assert_eq!(last(&world), fresh, "{selection:?}, nothing recorded");
        assert_eq!(world.plan.root_state(), TaskState::Success, "{selection:?}");
        let partial = !matches!(selection, Selection::All | Selection::From(_));
        assert_eq!(world.plan.is_partial(), partial, "{selection:?}, nothing recorded");
        let mut world = World::resumed(&workflow, ran(&workflow).all_events(), &selection);
        world.run(EVER);
        assert_eq!(last(&world), resumed, "{selection:?}, all recorded");
    }
}

#[test]
fn a_subtree_keeps_its_names_and_loses_the_groups_between() {
    let workflow =
        json!({"_export": {"r": 1}, "+g": {"_export": {"e": 1}, "+h": {"_export": {"f": 1}, "+x": "ok"}}});
    let mut world =
        World::resumed(&workflow, Vec::new(), &Selection::Subtree("+h".into(), Box::new(Selection::All)));
    world.run(EVER);
    assert_eq!(world.started(), ["+wf+g+h+x"]);
    let seen: Vec<_> = world.seen["+wf+g+h+x"].keys().map(String::as_str).collect();
    assert_eq!(seen, ["r", "f"]);
}

/// What was left out is still to be done: the workflow has not succeeded.
#[test]
fn a_subtree_is_a_part_unless_there_is_nothing_beside_it() {
    let one = json!({"+g": {"+h": {"+x": "ok", "+y": "ok"}}});
    let two = json!({"+g": {"_retry": 1, "+h": {"+x": "ok"}}, "+after": "ok"});
    for (workflow, pattern, is_part) in
        [(&one, "+h", false), (&one, "+x", true), (&two, "+h", true), (&two, "+wf", false)]
    {
        let selection = Selection::Subtree(pattern.into(), Box::new(Selection::All));
        let mut world = World::resumed(workflow, Vec::new(), &selection);
        world.run(EVER);
        assert_eq!(world.plan.root_state(), TaskState::Success, "{pattern}");
        assert_eq!(world.plan.is_partial(), is_part, "{pattern}");
    }
}

#[test]
fn another_round_of_a_group_still_ends_where_the_selection_does() {
    let workflow =
        json!({"+g": {"_retry": 1, "+x": "store.s=1", "+y": "fail=1", "+z": "ok"}, "+after": "ok"});
    for (selection, started) in [
        (Selection::Goal("+y".into()), ["+wf+g+x", "+wf+g+y", "+wf+g+x", "+wf+g+y"].as_slice()),
        (Selection::End("+z".into()), ["+wf+g+x", "+wf+g+y", "+wf+g+x", "+wf+g+y"].as_slice()),
    ] {
        let mut world = World::resumed(&workflow, Vec::new(), &selection);
        world.run(EVER);
        assert_eq!(world.started(), started, "{selection:?}");
        assert_eq!(world.plan.root_state(), TaskState::Success, "{selection:?}");
    }
}

#[test]
fn a_pattern_must_mean_one_task() {
    let workflow = json!({"+a": {"+x": "ok"}, "+b": {"+x": "ok"}});
    let select = |pattern: &str| {
        let task = fake::task("+wf", &workflow);
        let selection = Selection::From(pattern.to_owned());
        Plan::new("wf", task, serde_json::Map::new(), Recorded::default(), Sizes::default(), &selection)
            .map(|_| ())
    };
    assert_eq!(
        select("+x").map_err(|error| error.to_string()),
        Err("`+x` could be any of `+wf+a+x`, `+wf+b+x`".to_owned())
    );
    assert_eq!(select("+b+x"), Ok(()));
    assert_eq!(select("+c"), Err(SelectionError::NotFound { pattern: "+c".into(), near: None }));
    assert_eq!(
        select("+wg").map_err(|error| error.to_string()),
        Err("no task's name ends in `+wg`, did you mean `+wf`?".to_owned())
    );
}

#[test]
fn ten_thousand_tasks_that_are_done_do_not_nest_ten_thousand_calls() {
    let tasks: serde_json::Map<String, Value> = (0..10_000).map(|n| (format!("+{n}"), json!("ok"))).collect();
    let workflow = Value::Object(tasks);
    let world = resumed(&workflow, &ran(&workflow), &Selection::All);
    assert!(world.started().is_empty());
    assert_eq!(world.plan.counts().skipped, 10_000);
}
