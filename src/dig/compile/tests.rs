//! What is said of each mistake, and where.

use std::path::Path;

use super::*;
use crate::dig;
use crate::dig::workflow::Workflow;
use crate::reader::MemoryReader;

fn load(text: &str) -> (Workflow, Vec<String>) {
    let loaded = dig::load(Path::new("main.dig"), &MemoryReader::default().with("main.dig", text));
    let shown = loaded.problems.iter().map(|problem| {
        let place =
            problem.span.as_ref().map_or(String::new(), |span| format!("{}:{}", span.line(), span.column()));
        let label = if problem.label.is_empty() { String::new() } else { format!(" ({})", problem.label) };
        format!("{place} {} {} {}{label}", problem.severity.word(), problem.code, problem.message)
    });
    (loaded.workflow.expect("a workflow"), shown.collect())
}

#[test]
fn some_directives_may_be_left_empty() {
    let text = "timezone:\n_export:\n_error:\n_parallel:\n_retry:\n+a:\n  _export: # nothing yet\n  _error: ~\n  \
        _check:\n  _background:\n  _disable:\n  _after:\n  sh>: x\n";
    assert_eq!(load(text).1, [""; 0]);
}

#[test]
fn every_mistake_is_named_in_its_place() {
    for (text, expected) in [
        // The top of the file.
        ("frobnicate: 1\n", "1:1 error unknown-key unknown key `frobnicate` at the top of a workflow file"),
        (
            "timezon: UTC\n",
            "1:1 error unknown-key unknown key `timezon` at the top of a workflow file (did you mean `timezone`?)",
        ),
        (
            "export: {}\n",
            "1:1 error unknown-key unknown key `export` at the top of a workflow file (did you mean `_export`?)",
        ),
        ("sh>: echo\n", "1:1 error misplaced-operator operator `sh>` at the top of a workflow file"),
        (
            "_background: true\n",
            "1:1 error misplaced-directive `_background` has no place at the top of a workflow file",
        ),
        (
            "_check: {sh>: x}\n",
            "1:1 warning misplaced-directive `_check` of a workflow never runs: only that of an operator does",
        ),
        (
            "+a: {sh>: x, _secrets: {pg: {port: 5432}, db: other.db}}\n",
            "1:36 error operand Illegal value in _secrets: `_secrets.pg.port` must be a text, but is a number",
        ),
        ("timezone: Mars/Olympus\n", "1:11 error timezone unknown time zone `Mars/Olympus`"),
        ("timezone: [x]\n", "1:11 error timezone `timezone` must be the name of a zone or an offset"),
        ("+a^b: {sh>: x}\n", "1:1 error task-name task name `+a^b` must not contain character '^'"),
        ("1: x\n", "1:1 error unknown-key unknown key `1` at the top of a workflow file"),
        // Shapes.
        ("+a:\n", "1:1 error shape `+a` has no value"),
        ("+a: text\n", "1:5 error shape `+a` must be a mapping, but is text"),
        ("+a: [1]\n", "1:5 error shape `+a` must be a mapping or a list of mappings"),
        ("+a: {}\n", "1:1 warning empty-task task `+main+a` does nothing (no operator and no task in it)"),
        ("_export: 3\n", "1:10 error shape `_export` must be a mapping, but is a number"),
        ("_error: x\n", "1:9 error shape `_error` must be a mapping, but is text"),
        ("+ a: {sh>: x}\n", "1:1 error task-name task name `+ a` must not contain character ' '"),
        // Groups.
        (
            "+g: {parallel: true, +a: {sh>: x}}\n",
            "1:6 error unknown-directive unknown key `parallel` in a group (did you mean `_parallel`?)",
        ),
        (
            "+g: {sh: x, +a: {sh>: x}}\n",
            "1:6 error unknown-directive unknown key `sh` in a group (did you mean `sh>`?)",
        ),
        (
            "+g: {_do: {}, +a: {sh>: x}}\n",
            "1:6 error misplaced-directive `_do` has no place in a group: it belongs to an operator",
        ),
        (
            "+g: {_check: {sh>: x}, +a: {sh>: x}}\n",
            "1:6 warning misplaced-directive `_check` of a group never runs: only that of an operator does",
        ),
        (
            "+g: {timezone: UTC, +a: {sh>: x}}\n",
            "1:6 warning misplaced-directive `timezone` has no effect below the top of the file",
        ),
        ("+g: {_parallel: 3, +a: {sh>: x}}\n", "1:17 error shape Invalid _parallel format: 3"),
        (
            "+g: {_parallel: {limit: few}, +a: {sh>: x}}\n",
            "1:17 error shape Expected integer (int) type for key 'limit' but got \"few\" (string)",
        ),
        ("+g: {_parallel: {}, +a: {sh>: x}}\n", "1:17 error shape Parameter 'limit' is required but not set"),
        ("+a: {loop>: 2, _parallel: 3, _do: {sh>: x}}\n", "1:27 error operand Invalid _parallel format: 3"),
        (
            "+g: {_parallel: '${p}', +a: {sh>: x}}\n",
            "1:17 error shape Expected 'true' or 'false' for key '_parallel' but got \"${p}\" (string)",
        ),
        (
            "+g: {_retry: '${n}', +a: {sh>: x}}\n",
            "1:14 warning retry `_retry` of a group is not evaluated: there will be no retry",
        ),
        ("+g: {_retry: true, +a: {sh>: x}}\n", "1:14 error retry Invalid _retry format: true"),
        (
            "+g: {_parallel: true, +a: {_background: true, sh>: x}}\n",
            "1:28 error misplaced-directive Setting \"_background: true\" option is invalid (unnecessary) if its parent \
             task has \"_parallel: true\" option",
        ),
        (
            "+g: {+a: {sh>: x}, +b: {_after: [+a], sh>: x}}\n",
            "1:25 error misplaced-directive Setting \"_after\" option is invalid if its parent task doesn't have \
             \"_parallel: true\" option",
        ),
        (
            "+g: {_parallel: true, +abc: {sh>: x}, +b: {_after: [+abd], sh>: x}}\n",
            "1:52 error unknown-task Dependency task '+abd' does not exist (did you mean `+abc`?)",
        ),
        (
            "+g: {_parallel: true, +a: {sh>: x}, +b: {_after: +a, sh>: x}}\n",
            "1:50 error shape `_after` must be a list of task names",
        ),
        (
            "+a: {_disable: '${true}', sh>: x}\n",
            "1:16 error shape Expected 'true' or 'false' for key '_disable' but got \"${true}\" (string)",
        ),
        // Operators.
        (
            "+a: {embluk>: x}\n",
            "1:6 error unknown-operator unknown operator `embluk>` (did you mean `embulk>`?)",
        ),
        ("+a: {frob>: x}\n", "1:6 error unknown-operator unknown operator `frob>`"),
        ("+a: {_type: nop}\n", "1:13 error unknown-operator unknown operator `nop>`"),
        (
            "+a: {td>: x.sql}\n",
            "1:6 error unsupported-operator operator `td>` is not supported: it belongs to Treasure Data",
        ),
        ("+a: {sh>: x, echo>: y}\n", "1:14 error two-operators task `+main+a` has more than one operator"),
        ("+a: {sh>: x, +b: {sh>: y}}\n", "1:14 error subtasks a task with an operator can't have subtasks"),
        (
            "+a: {sh>: x, _retri: 2}\n",
            "1:14 warning unknown-directive unknown directive `_retri` (did you mean `_retry`?)",
        ),
        ("+a: {sh>: x, _do: {sh>: y}}\n", "1:14 warning misplaced-directive `_do` has no effect on `sh>`"),
        (
            "+a: {call>: x, _parallel: true}\n",
            "1:16 warning misplaced-directive `_parallel` has no effect on `call>`",
        ),
        ("+a: {sh>: x, _retry: [1]}\n", "1:22 error retry Invalid _retry format: [1]"),
        (
            "_error: {sh>: x, echo>: y}\n",
            "1:18 error two-operators task `+main^error` has more than one operator",
        ),
        (
            "_export: {plugin: {dependencies: ['io.digdag.plugin:digdag-slack:0.1.1']}}\n",
            "1:11 note plugin-ignored `plugin` is ignored: what it brings is built in",
        ),
        (
            "_export: {plugin: {dependencies: ['a:b:1']}}\n",
            "1:11 warning plugin-ignored `plugin` is ignored: `a:b:1` can't be loaded",
        ),
        // Operands.
        ("+a:\n  sh>:\n", "2:3 error operand `sh>` takes text, but has no value"),
        ("+a: {echo>: [1, 2]}\n", "1:13 error operand `echo>` takes text, not a list"),
        ("+a: {for_each>: {x: [1]}}\n", "1:6 error missing-directive `for_each>` needs `_do`"),
        (
            "+a: {for_each>: {x: 5}, _do: {sh>: x}}\n",
            "1:21 error operand `for_each>` takes a list for `x`, not a number",
        ),
        (
            "+a: {for_each>: 5, _do: {sh>: x}}\n",
            "1:17 error operand `for_each>` takes a mapping of names to lists, not a number",
        ),
        (
            "+a: {for_range>: {from: 0, step: 1}, _do: {sh>: x}}\n",
            "1:6 error operand `for_range>` needs `to`",
        ),
        (
            "+a: {for_range>: {from: 0, to: 1}, _do: {sh>: x}}\n",
            "1:6 error operand `for_range>` needs either `step` or `slices`",
        ),
        ("+a: {loop>: many, _do: {sh>: x}}\n", "1:13 error operand `loop>` takes a whole number"),
        ("+a: {if>: maybe, _do: {sh>: x}}\n", "1:11 error operand `if>` takes `true` or `false`"),
        ("+a: {sh>: x, _env: {BAD-NAME: x}}\n", "1:21 error operand Invalid _env key name: BAD-NAME"),
        ("+a: {echo>: x, colour: red}\n", "1:16 warning unused-parameter `echo>` does not read `colour`"),
        (
            "+a: {loop>: 2, parallel: true, _do: {echo>: x}}\n",
            "1:16 warning unused-parameter `loop>` does not read `parallel` (did you mean `_parallel`?)",
        ),
        ("+a: {if>: true}\n", "1:6 error missing-directive `if>` needs `_do` or `_else_do`"),
        ("+a: {wait>: 5}\n", "1:13 error operand `wait>` takes a duration such as `10m`, not a number"),
        (
            "+a: {slack>: [x]}\n",
            "1:14 error operand `slack>` takes the name of a file or `data: TEXT`, not a list",
        ),
        (
            "+a: {sh>: 'echo ${1 +}'}\n",
            "1:19 error template-syntax `${...}` holds no valid JavaScript (unexpected token in expression: ')')",
        ),
    ] {
        assert_eq!(load(text).1, [expected], "{text}");
    }
}

#[test]
fn what_digdag_does_not_know_is_said() {
    let note = |place: &str, key: &str| {
        let what = "is not known to Digdag: it ignores it on a task and refuses it on a group";
        format!("{place} note extension `{key}` {what}")
    };
    let wrong = "error shape `_timeout` must be a duration such as `10m`";
    let misplaced = "`_continue_on_failure` has no place at the top of a workflow file";
    for (text, expected) in [
        (
            "+a: {sh>: x, _timeout: 10m, _continue_on_failure: true}\n",
            vec![note("1:14", "_timeout"), note("1:29", "_continue_on_failure")],
        ),
        (
            "+a: {_timeout: 5, +b: {sh>: x, _timeout: 0s}}\n",
            vec![
                note("1:6", "_timeout"),
                format!("1:16 {wrong}"),
                note("1:32", "_timeout"),
                format!("1:42 {wrong}"),
            ],
        ),
        (
            "_timeout: 2h\n_continue_on_failure: true\n+a: {sh>: x}\n",
            vec![
                format!("2:1 error misplaced-directive {misplaced}"),
                note("1:1", "_timeout"),
                note("2:1", "_continue_on_failure"),
            ],
        ),
    ] {
        assert_eq!(load(text).1, expected, "{text}");
    }
}

#[test]
fn all_mistakes_are_found_not_the_first() {
    let text = "a: 1\n+g:\n  x: 1\n  +t:\n    sh>: x\n    echo>: y\n  +u:\n    frob>: x\n_error: 5\n";
    let codes = ["unknown-key", "shape", "unknown-directive", "two-operators", "unknown-operator"];
    let (_, problems) = load(text);
    assert_eq!(problems.len(), codes.len());
    for (problem, code) in problems.iter().zip(codes) {
        assert!(problem.contains(code), "{problem}");
    }
}

#[test]
fn what_is_written_becomes_the_tree() {
    let text = "\
timezone: Asia/Tokyo
_export: {a: 1}
+g:
  _parallel: {limit: '2'}
  _retry: {limit: 2, interval: 3}
  +x:
    - {sh>: one, v: 1}
    - {sh>: two}
  +y:
    _after: [+x]
    for_each>: {t: \"${list}\"}
    _parallel: true
    _do: {+z: {echo>: hi}}
    _error: {fail>: no}
  +off: {_disable: true, frob>: x, +never: 1}
+bg: {_background: true, _type: \"${op}\", _command: c, _check: {sh>: ok}}
";
    let (workflow, problems) = load(text);
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!((workflow.timezone_name.as_str(), workflow.root.name.as_str()), ("Asia/Tokyo", "+main"));
    let TaskBody::Group { parallel: Parallel::No, children } = &workflow.root.body else {
        panic!("no group")
    };
    let (g, bg) = (&children[0], &children[1]);
    assert_eq!(g.retry.map(|retry| retry.limit), Some(2));
    let TaskBody::Group { parallel, children } = &g.body else { panic!("no group") };
    assert_eq!(*parallel, Parallel::Chunks(2));
    let TaskBody::Operator(x) = &children[0].body else { panic!("no operator") };
    assert_eq!(
        (x.operator.as_str(), x.command.as_str(), x.local["v"].as_i64()),
        ("sh", Some("two"), Some(1))
    );
    let TaskBody::Operator(y) = &children[1].body else { panic!("no operator") };
    assert_eq!(children[1].after, ["+x"]);
    assert_eq!(y.local.keys().collect::<Vec<_>>(), ["_after", "for_each>", "_parallel"]);
    assert!(y.do_task.is_some() && children[1].error.is_some());
    assert!(matches!(&children[2].body, TaskBody::Group { children, .. } if children.is_empty()));
    let TaskBody::Operator(call) = &bg.body else { panic!("no operator") };
    assert_eq!((call.operator.as_str(), call.command.as_str()), ("${op}", Some("c")));
    assert!(bg.background && bg.check.is_some());
    assert_eq!(g.definition.len(), 64);
    assert_ne!(g.definition, bg.definition);
}

#[test]
fn subtasks_of_scripts_are_compiled_alike() {
    let value = serde_json::json!({"+a": {"sh>": "x"}, "_export": {"v": 1}});
    let task = dig::compile_subtask(&value, "^sub").expect("a task");
    assert_eq!((task.name.as_str(), task.export.len()), ("^sub", 1));
    let problems = dig::compile_subtask(&serde_json::json!({"+a": {"frob>": "x"}}), "^sub").unwrap_err();
    assert_eq!(problems[0].message, "unknown operator `frob>`");
}

#[test]
fn a_called_file_is_a_sub_task() {
    let reader =
        MemoryReader::default().with("sub/child.dig", "+a: {echo>: hi}\n").with("1.dig", "+a: {echo>: hi}\n");
    let loaded = dig::compile_called(Path::new("sub/child.dig"), &reader);
    assert!(!loaded.has_errors());
    assert_eq!(
        loaded.workflow.map(|workflow| (workflow.name, workflow.root.name)),
        Some(("child".into(), "^sub".into()))
    );
    assert!(!dig::compile_called(Path::new("1.dig"), &reader).has_errors());
    let message = |path: &str| dig::load(Path::new(path), &reader).problems[0].message.clone();
    assert_eq!(message("1.dig"), "workflow name `1` must not start with a numeric digit (0-9)");
    assert_eq!(message("no.dig"), "file `no.dig` does not exist");
}

#[test]
fn an_abyss_of_groups_is_refused() {
    let include = |next: &str| {
        format!(
            "{}!include : {next}\n",
            (0..90).map(|level| format!("{}+g:\n", " ".repeat(level))).collect::<String>() + &" ".repeat(90)
        )
    };
    let mut reader = MemoryReader::default().with("f9.dig", "+a: {echo>: hi}\n");
    for file in 0..9 {
        let name = if file == 0 { "main.dig".to_owned() } else { format!("f{file}.dig") };
        reader = reader.with(&name, &include(&format!("f{}.dig", file + 1)));
    }
    let loaded = dig::load(Path::new("main.dig"), &reader);
    let messages: Vec<_> = loaded.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(messages, ["tasks nested more than 100 levels deep"]);
}
