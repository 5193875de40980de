//! The rules of `sync check`: every page shows what is true, and the options that choose among rules.

use std::collections::BTreeSet;

use serde_json::Value;
use sync::rules::{RULES, Rule};

use crate::support::sandbox::Sandbox;

/// Rules that no few lines can show: they are about the machine, about servers, or about what is too large.
const NOT_SHOWN: &[&str] = &[
    "authentication",
    "bad-json-key",
    "bad-json-keyfile",
    "bad-schema-file",
    "busy",
    "canceled",
    "config",
    "connection-lost",
    "data",
    "docker-missing",
    "empty-value",
    "endless-template",
    "extension",
    "file-extension",
    "ignored-option",
    "include-limit",
    "internal",
    "lossy-types",
    "many-transfers",
    "no-effect",
    "not-found",
    "open-file",
    "part-without-column",
    "permission",
    "policy-keeps-all",
    "query",
    "rejected",
    "secret-missing",
    "shadowed-parameter",
    "state",
    "storage",
    "timeout",
    "too-deep",
    "true-by-ruby",
    "unknown-column",
    "unreachable",
    "unreachable-rule",
    "unreadable-file",
    "unset-variable",
    "unsupported-option",
    "workflow-name",
    "yaml-limit",
];

/// The files under a heading of a page: ```` ```yaml NAME ````.
fn files<'p>(rule: &'p Rule, heading: &str) -> Vec<(&'p str, String)> {
    let Some((_, section)) = rule.page.split_once(&format!("\n## {heading}\n")) else { return Vec::new() };
    let section = section.split("\n## ").next().unwrap_or_default();
    let mut blocks = section.split("```");
    blocks.next();
    let mut files = Vec::new();
    while let (Some(block), Some(_)) = (blocks.next(), blocks.next()) {
        let (head, text) = block.split_once('\n').expect("a block has lines");
        let (_, name) = head.split_once(' ').expect("a block has the name of its file");
        files.push((name, text.to_owned()));
    }
    files
}

/// The codes that are found in a project of these files, when only some are asked for or all that usually are.
fn codes(files: &[(&str, String)], asked: Option<&str>) -> BTreeSet<String> {
    let sandbox = Sandbox::new();
    for (name, text) in files {
        sandbox.write(name, text);
    }
    // Transfer files that no workflow names are asked for.
    let has_workflow = files.iter().any(|(name, _)| name.ends_with(".dig"));
    let transfers = files.iter().map(|(name, _)| *name);
    let transfers = transfers.filter(|name| name.starts_with("t.yml") && !has_workflow);
    let asked = asked.into_iter().flat_map(|code| ["--select", code]);
    let said = sandbox.run(["check", "--format", "json"].into_iter().chain(asked).chain(transfers));
    let found: Value = serde_json::from_str(&said.stdout).expect("JSON");
    let problems = found["problems"].as_array().expect("a list").iter();
    problems.map(|problem| problem["code"].as_str().expect("a code").to_owned()).collect()
}

#[test]
fn every_page_shows_what_its_rule_reports_and_what_it_does_not() {
    for rule in RULES {
        let (reported, better) = (files(rule, "Reported"), files(rule, "Better"));
        assert_eq!(reported.is_empty(), NOT_SHOWN.contains(&rule.code), "{}", rule.code);
        if !reported.is_empty() {
            let found = codes(&reported, rule.on_request.then_some(rule.code));
            assert!(found.contains(rule.code), "{} is not reported, but {found:?}", rule.code);
            assert!(!rule.on_request || !codes(&reported, None).contains(rule.code), "{}", rule.code);
        }
        if !better.is_empty() {
            assert_eq!(codes(&better, None), BTreeSet::new(), "{}", rule.code);
            assert_eq!(codes(&better, Some(rule.code)), BTreeSet::new(), "{}", rule.code);
        }
    }
}

/// A project with an error, a warning and a misspelt word.
fn project() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("main.dig", "+load:\n  ehco>: x\n\n+nothing: {}\n");
    sandbox
}

#[test]
fn rules_are_chosen_by_code() {
    let sandbox = project();
    let counted = |arguments: &[&str]| {
        let said = sandbox.run(["check"].iter().chain(arguments));
        (said.code, said.stderr)
    };
    let said = |code, text: &str| (Some(code), format!("checked 1 file: {text}\n"));
    assert_eq!(counted(&[]), said(65, "1 error, 1 warning"));
    assert_eq!(counted(&["--ignore", "unknown-operator"]), said(0, "1 warning"));
    assert_eq!(counted(&["--select", "unknown-*,shape"]), said(65, "1 error"));
    assert_eq!(counted(&["--select", "empty-task", "--deny", "warnings"]), said(65, "1 warning"));
    let (code, text) = counted(&["--ignore", "empty-tasks"]);
    assert_eq!(code, Some(2));
    assert!(text.contains("there is no rule `empty-tasks`; did you mean `empty-task`?"), "{text}");
}

#[test]
fn a_rule_is_explained_and_all_are_listed() {
    let sandbox = Sandbox::new();
    for rule in RULES {
        let said = sandbox.run(["check", "--explain-rule", rule.code]).expect_code(0);
        assert_eq!(said.stdout, rule.page);
    }
    let listed = sandbox.run(["check", "--list-rules"]).expect_code(0).stdout;
    assert_eq!(listed.lines().count(), RULES.len());
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let expected = "duplicate-key error A key is written twice in one mapping.";
    assert!(listed.lines().any(|line| words(line) == expected), "{listed}");
}

#[test]
fn a_comment_allows_a_problem_in_check_and_a_warning_in_run() {
    let sandbox = Sandbox::new();
    sandbox.write("main.dig", "+load:\n  echo>: x\n\n# sync: allow(empty-task)\n+nothing: {}\n");
    let said = sandbox.run(["check", "--deny", "warnings"]).expect_code(0);
    assert_eq!(said.stderr, "checked 1 file: no problems\n");
    let said = sandbox.run(["run", "main.dig"]).expect_code(0);
    assert!(!said.stderr.contains("does nothing"), "{}", said.stderr);
    // What cannot be run stays so.
    sandbox.write("main.dig", "+load:\n  ehco>: x # sync: allow(unknown-operator)\n");
    sandbox.run(["check"]).expect_code(0);
    let said = sandbox.run(["run", "main.dig"]).expect_code(65);
    assert!(said.stderr.contains("unknown operator `ehco>`"), "{}", said.stderr);
}

#[test]
fn a_baseline_leaves_out_what_was_there() {
    let sandbox = project();
    let said = sandbox.run(["check", "--write-baseline", "baseline.json"]).expect_code(0);
    assert_eq!(said.stderr, "wrote 2 problems to `baseline.json`\nchecked 1 file: no problems\n");
    sandbox.run(["check", "--baseline", "baseline.json", "--deny", "warnings"]).expect_code(0);
    sandbox.write("main.dig", "# moved\n+load:\n  ehco>: x\n\n+other: {}\n");
    let said = sandbox.run(["check", "--baseline", "baseline.json", "--deny", "warnings"]).expect_code(65);
    assert!(said.stdout.contains("task `+main+other` does nothing"), "{}", said.stdout);
    assert_eq!(
        said.stderr,
        "1 of the problems in `baseline.json` is gone: write it again\nchecked 1 file: 1 warning\n"
    );
}

#[test]
fn misspelt_words_are_mended_after_they_were_shown() {
    let sandbox = project();
    let diff =
        "--- main.dig\n+++ main.dig\n@@ -1,4 +1,4 @@\n +load:\n-  ehco>: x\n+  echo>: x\n \n +nothing: {}\n";
    let said = sandbox.run(["check", "--diff"]).expect_code(65);
    assert_eq!(said.stdout, diff);
    assert_eq!(sandbox.read("main.dig"), "+load:\n  ehco>: x\n\n+nothing: {}\n");
    let said = sandbox.run(["check", "--fix"]).expect_code(0);
    assert!(said.stdout.starts_with(diff), "{}", said.stdout);
    assert_eq!(said.stderr, "mended 1 word\nchecked 1 file: 1 warning\n");
    assert_eq!(sandbox.read("main.dig"), "+load:\n  echo>: x\n\n+nothing: {}\n");
}
