//! What Digdag 0.10.6 itself did with some workflows, so that the rules cannot be wrong in the same way as the
//! program. Commands are the words that its tasks wrote.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::files::Files;
use super::rules::{self, Told};

fn told(files: &Value) -> Told {
    let trees = files.as_object().unwrap().iter();
    let trees = trees.map(|(path, tree)| (path.clone(), tree.as_object().unwrap().clone()));
    rules::tell(&Files(trees.collect())).unwrap()
}

/// The commands of all tries, in order.
fn words(told: &Told) -> Vec<String> {
    let mut lines: HashMap<&str, std::slice::Iter<'_, String>> = HashMap::new();
    let command = |line: &String| {
        let given = line.strip_prefix("sees ")?;
        let mut values = serde_json::Deserializer::from_str(given).into_iter::<String>();
        values.next()?.ok()
    };
    let mut words = Vec::new();
    for due in &told.dues {
        let name = due.task.0.as_str();
        let lines = lines.entry(name).or_insert_with(|| told.story.tasks[name].iter());
        lines.by_ref().find(|line| line.starts_with("try "));
        words.extend(lines.clone().take_while(|line| !line.starts_with("try ")).find_map(command));
    }
    words
}

#[test]
fn the_rules_carry_out_what_digdag_carried_out() {
    for (what, main, expected) in [
        (
            "a task is tried so many times more, then its handler runs",
            json!({"+a": {"sh>": "try", "fail": "*", "_retry": 2, "_error": {"sh>": "handler"}}}),
            "try try try handler",
        ),
        (
            "`fail>` is not tried again",
            json!({"+a": {"fail>": "no", "_retry": 3, "_error": {"sh>": "handler"}}}),
            "no handler",
        ),
        (
            "a group runs again as a whole",
            json!({
                "+g": {"_retry": 2, "+a": {"sh>": "a"}, "+b": {"sh>": "b", "fail": "1"}, "+c": {"sh>": "c"}},
                "+after": {"sh>": "after"},
            }),
            "a b a b c after",
        ),
        (
            "what an operator generated runs again with it",
            json!({"+i": {"if>": true, "_retry": 2, "_do": {"sh>": "failed", "fail": "*"}}}),
            "failed failed failed",
        ),
        (
            "one round of a loop runs again",
            json!({"+l": {"loop>": 3, "_do": {"_retry": 1, "+t": {"sh>": "i${i}", "fail": "${i == 2 ? \"*\" : \"\"}"}}}}),
            "i0 i1 i2 i2",
        ),
        (
            "a task is repeated until its check passes",
            json!({
                "+a": {"sh>": "a", "_retry": 5, "_check": {"sh>": "check", "fail": "12"}},
                "+b": {"sh>": "b"},
            }),
            "a check a check a check b",
        ),
        (
            "handlers run from the inside out",
            json!({
                "_error": {"sh>": "root:${task_name}"},
                "+g": {
                    "_error": {"+x": {"sh>": "group:${task_name}"}},
                    "+a": {"sh>": "a", "fail": "*", "_error": {"sh>": "task:${task_name}"}},
                },
            }),
            "a task:+main+g+a^error group:+main+g^error+x root:+main^error",
        ),
        (
            "after a chunk that failed nothing starts, and the last error of the file is told",
            json!({
                "+p": {
                    "_parallel": {"limit": 2},
                    "+a": {"sh>": "a", "fail": "*"},
                    "+g": {"+g1": {"sh>": "g1"}, "+g2": {"sh>": "g2", "fail": "*", "code": 2}, "+g3": {"sh>": "g3"}},
                    "+c": {"sh>": "c"},
                },
                "+after": {"sh>": "after"},
                "_error": {"sh>": "${error.message}"},
            }),
            "a g1 g2 Command failed with code 2 (runtime)",
        ),
        (
            "the outer loop's variable is back after an inner loop",
            json!({"+l": {"loop>": 2, "_do": {"+g": {"+in": {"loop>": 2, "_do": {"sh>": "${i}"}}, "+t": {"sh>": "${i}"}}}}}),
            "0 1 0 0 1 1",
        ),
        (
            "exported maps merge",
            json!({
                "_export": {"m": {"a": 1, "b": {"c": 2, "d": 3}, "l": [1, 2]}},
                "+g": {"_export": {"m": {"b": {"c": 20}, "l": [9]}}, "+t": {"sh>": "${JSON.stringify(m)}"}},
            }),
            r#"{"a":1,"b":{"c":20,"d":3},"l":[9]}"#,
        ),
        (
            "at a join the last writer in the file wins",
            json!({
                "+p": {"_parallel": true, "+slow": {"+w": {"sh>": "w"}, "+put": {"sh>": "put", "put": {"x": "slow"}}},
                    "+quick": {"sh>": "put", "put": {"x": "quick"}}},
                "+show": {"sh>": "${x}"},
            }),
            "w put put quick",
        ),
        (
            "a nested value sees the others as they are written",
            json!({
                "_export": {"raw": "${1 + 1}"},
                "+a": {"m": {"inner": "${raw}"}, "sh>": "${raw} ${m.inner}"},
                "+b": {"sh>": "${typeof own}", "own": 1},
            }),
            "2 ${1 + 1} undefined",
        ),
    ] {
        assert_eq!(words(&told(&json!({"main.dig": main}))).join(" "), expected, "{what}");
    }
}

#[test]
fn a_background_task_comes_after_nothing_and_the_next_task_after_it() {
    let told = told(&json!({"main.dig": {"+g": {
        "+a": {"sh>": "a"},
        "+bg": {"_background": true, "sh>": "bg"},
        "+c": {"sh>": "c"},
    }}}));
    let after: Vec<Vec<&str>> = told
        .dues
        .iter()
        .map(|due| due.after.iter().map(|(name, _)| name.trim_start_matches("+main+g")).collect())
        .collect();
    assert_eq!(after, [vec![], vec![], vec!["+a", "+bg"]]);
}

#[test]
fn a_called_file_sees_its_caller_and_only_its_stores_flow_on() {
    let told = told(&json!({
        "main.dig": {
            "_export": {"e": "from-caller"},
            "+put": {"sh>": "put", "put": {"s": "from-store"}},
            "+c": {"call>": "sub/child.dig", "_export": {"arg": 7}},
            "+after": {"sh>": "${cs} ${typeof ce} ${typeof arg} ${typeof _workdir}"},
        },
        "sub/child.dig": {
            "_export": {"ce": "child-export"},
            "+a": {"sh>": "${e} ${s} ${arg} ${ce} ${_workdir} ${task_name}"},
            "+b": {"sh>": "put", "put": {"cs": "child-store"}},
        },
    }));
    assert_eq!(
        words(&told),
        [
            "put",
            "from-caller from-store 7 child-export sub +main+c^sub+a",
            "put",
            "child-store undefined undefined undefined",
        ]
    );
}
