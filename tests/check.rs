//! `sync check` and what `sync run` checks before it starts: every kind of problem with its place, all of them, and
//! exit code 65.

use serde_json::{Value, json};

use crate::support::sandbox::{Said, Sandbox};

/// A project with one of each mistake that the command promises to find.
fn broken_project() -> Sandbox {
    Sandbox::new()
        .file(
            "main.dig",
            "\
_export:
  color: red
  color: blue
+operator:
  embluk>: x
+group:
  parallel: true
  +called:
    call>: nowhere.dig
  +sql:
    mysql>: nowhere.sql
  +message:
    slack>: nowhere.yml
  +included:
    !include : nowhere.dig
+here:
  sh>: echo hi
  _do:
    sh>: echo ho
+transfer:
  sh>: embulk run embulk/table.yml.liquid
+plain:
  sh>: embulk run embulk/plain.yml
",
        )
        .file("embulk/table.yml.liquid", "in:\n  type: {{ env.X | }}\n")
        .file(
            "embulk/plain.yml",
            "\
in:
  type: mysqll
out:
  type: file
  path_prefix: x
  path_prefix: y
  file_ext: jsonl
  file_extension: jsonl
  formatter:
    type: jsonl
",
        )
}

fn found(said: &Said) -> Vec<String> {
    let out: Value =
        serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}", said.stdout));
    let problems = out["problems"].as_array().expect("a list of problems");
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    problems
        .iter()
        .map(|problem| {
            let [file, line, column, severity, code] =
                ["file", "line", "column", "severity", "code"].map(|key| text(&problem[key]));
            format!("{file}:{line}:{column} {severity} {code}")
        })
        .collect()
}

#[test]
fn every_kind_of_mistake_is_found_at_once() {
    let sandbox = broken_project();
    let said = sandbox.run(["check", "main.dig", "--format", "json"]).expect_code(65);
    assert_eq!(
        found(&said),
        [
            "main.dig:3:3 error duplicate-key",
            "main.dig:5:3 error unknown-operator",
            "main.dig:7:3 error unknown-directive",
            "main.dig:9:12 error missing-file",
            "main.dig:11:13 error missing-file",
            "main.dig:13:13 error missing-file",
            "main.dig:15:16 error missing-file",
            "main.dig:18:3 warning misplaced-directive",
            "embulk/table.yml.liquid:2:20 error liquid-syntax",
            "embulk/plain.yml:2:9 error unknown-plugin",
            "embulk/plain.yml:6:3 warning duplicate-key",
            "embulk/plain.yml:8:3 warning unknown-option",
        ]
    );
}

#[test]
fn a_run_refuses_the_same_and_starts_nothing() {
    let sandbox = Sandbox::new().file("main.dig", "+a:\n  sh>: echo ran > ran.txt\n+b:\n  ehco>: hi\n");
    let said = sandbox.run(["run", "main.dig"]).expect_code(65);
    assert_eq!(said.stdout, "");
    let problem = "\
error: unknown operator `ehco>`
 --> main.dig:4:3
  |
4 |   ehco>: hi
  |   ^^^^^ did you mean `echo>`?
  = in task `+main+b`
";
    assert!(said.stderr.contains(problem), "{}", said.stderr);
    assert!(!sandbox.path().join("ran.txt").exists());
}

#[test]
fn both_places_of_a_duplicate_key_are_shown() {
    let sandbox =
        Sandbox::new().file("main.dig", "+copy:\n  sh>: one\n+other:\n  sh>: two\n+copy:\n  sh>: three\n");
    let said = sandbox.run(["check", "main.dig"]).expect_code(65);
    assert_eq!(
        said.stdout,
        "\
error: duplicate key `+copy`
 --> main.dig:5:1
  |
1 | +copy:
  | ----- first written here
...
5 | +copy:
  | ^^^^^ written again here
"
    );
    assert_eq!(said.stderr, "checked 1 file: 1 error\n");
}

#[test]
fn the_json_has_all_that_is_known_of_a_problem() {
    let sandbox = Sandbox::new().file("main.dig", "+a:\n  frob>: x\n");
    let said = sandbox.run(["check", "--format", "json"]).expect_code(65);
    let expected = json!({"problems": [{
        "code": "unknown-operator",
        "severity": "error",
        "message": "unknown operator `frob>`",
        "file": "main.dig",
        "line": 2,
        "column": 3,
        "end_line": 2,
        "end_column": 8,
        "label": null,
        "task": "+main+a",
        "hint": null,
        "also": [],
    }]});
    assert_eq!(serde_json::from_str::<Value>(&said.stdout).expect("json"), expected);
}

#[test]
fn what_digdagignore_names_is_not_checked() {
    let sandbox = Sandbox::new()
        .file("main.dig", "+a:\n  echo>: x\n")
        .file("draft.dig", "+a:\n  frob>: x\n")
        .file("old/broken.dig", "a: [\n")
        .file(".digdagignore", "# not ready\ndraft.*\nold/\n");
    let said = sandbox.run(["check"]).expect_code(0);
    assert_eq!(said.stderr, "checked 1 file: no problems\n");
    let said = sandbox.run(["check", "draft.dig"]).expect_code(65);
    assert_eq!(said.stderr, "checked 1 file: 1 error\n");
}

#[test]
fn what_nothing_reaches_is_checked_as_yaml_only() {
    let sandbox = Sandbox::new()
        .file("main.dig", "+a:\n  echo>: hi\n")
        .file("parts/fragment.dig", "host: db\nfrob>: x\n")
        .file("parts/broken.dig", "a: [1\n");
    let said = sandbox.run(["check"]).expect_code(65);
    assert!(
        said.stdout
            .starts_with("error: a `,` or the closing bracket is missing here\n --> parts/broken.dig:"),
        "{}",
        said.stdout
    );
    assert_eq!(said.stderr, "checked 3 files: 1 error\n");
    // A run does not look at its siblings.
    sandbox.run(["run", "main.dig"]).expect_code(0);
}

#[test]
fn warnings_count_when_they_are_denied() {
    let sandbox = Sandbox::new().file("main.dig", "+a:\n  sh>: echo\n  _do:\n    sh>: echo\n");
    sandbox.run(["check", "main.dig"]).expect_code(0);
    sandbox.run(["check", "main.dig", "--deny", "warnings"]).expect_code(65);
    sandbox.run(["run", "main.dig"]).expect_code(0);
}

#[test]
fn what_this_version_lacks_is_refused_by_name() {
    let sandbox = Sandbox::new().file("main.dig", "+a:\n  emr>: x\n+b:\n  td>: y.sql\n");
    let said = sandbox.run(["check", "main.dig", "--format", "json"]).expect_code(65);
    assert_eq!(
        found(&said),
        ["main.dig:2:3 error unsupported-operator", "main.dig:4:3 error unsupported-operator"]
    );
    // Without `--connect` nobody is waited for.
    sandbox.run(["check", "--timeout", "1"]).expect_code(2);
}

#[test]
fn the_flows_of_this_repository_pass() {
    let sandbox = Sandbox::new();
    sandbox.copy_from_repository("workflows", "workflows");
    sandbox.copy_from_repository("embulk", "embulk");
    std::fs::create_dir(sandbox.path().join(".sync")).expect("a folder can be made");
    let said = sandbox.run(["check", "workflows", "embulk", "--deny", "warnings"]).expect_code(0);
    assert_eq!(said.stdout, "");
    let said = sandbox.run(["check", "--deny", "warnings"]).expect_code(0);
    assert_eq!(said.stdout, "");
}
