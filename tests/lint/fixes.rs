//! `--diff` and `--fix`: what they change, where they say so, and what they leave alone.

use serde_json::Value;

use super::found;
use crate::support::sandbox::Sandbox;

#[test]
fn files_of_one_name_in_two_projects_are_mended_each() {
    let sandbox = Sandbox::new()
        .file("one/main.dig", "+a:\n  ehco>: one\n")
        .file("two/main.dig", "+first:\n  sh>: date\n+a:\n  ecoh>: two\n")
        .file("three/main.dig", "+a:\n  ehco>: one\n");
    let all = ["one/main.dig", "two/main.dig", "three/main.dig"];
    let unknown = "unknown-operator";
    assert_eq!(
        found(&sandbox, &all),
        [
            format!("one/main.dig:2 {unknown}"),
            format!("two/main.dig:4 {unknown}"),
            format!("three/main.dig:2 {unknown}"),
        ]
    );
    let said = sandbox.run([&["check", "--fix"], &all[..]].concat()).expect_code(0);
    assert!(said.stdout.starts_with("--- one/main.dig\n+++ one/main.dig\n"), "{}", said.stdout);
    assert_eq!(said.stderr, "mended 3 words\nchecked 3 files: no problems\n");
    assert_eq!(sandbox.read("one/main.dig"), "+a:\n  echo>: one\n");
    assert_eq!(sandbox.read("two/main.dig"), "+first:\n  sh>: date\n+a:\n  echo>: two\n");
    assert_eq!(sandbox.read("three/main.dig"), "+a:\n  echo>: one\n");
}

#[test]
fn a_program_that_reads_stdout_gets_no_diff() {
    let sandbox = Sandbox::new().file("main.dig", "+a:\n  ehco>: x\n+b: {}\n");
    let said = sandbox.run(["check", "--diff", "--format", "sarif"]).expect_code(2);
    assert_eq!(said.stdout, "");
    assert_eq!(
        said.stderr,
        "error: `--diff` prints a diff, and `--format sarif` has no place for one; leave out one of the two\n"
    );
    let said = sandbox.run(["check", "--fix", "--format", "json"]).expect_code(0);
    let out: Value = serde_json::from_str(&said.stdout).expect("nothing but JSON");
    assert_eq!(out["problems"][0]["code"], "empty-task");
    assert_eq!(
        said.stderr,
        "--- main.dig\n+++ main.dig\n@@ -1,3 +1,3 @@\n +a:\n-  ehco>: x\n+  echo>: x\n +b: {}\n\
         mended 1 word\nchecked 1 file: 1 warning\n"
    );
}

/// Files that may be as they were meant, and what only looks like a slip in them.
#[test]
fn what_may_be_right_is_not_touched() {
    let main = "\
_export:
  rows: 1_000
  mask: 0x1F
  code: 007
  database: shop
  host_1: a
+count:
  sh>: ./count.sh ${rows} ${mask} ${code} ${databse} ${host_2}
+sql:
  pg>: q.sql
  hosts: b
+retry:
  sh>: ./x.sh
  _retry: 1
  _retrry: 1
";
    let transfer = "\
in: {type: mysql, host: h, user: u, database: d, table: t}
out: {type: file, path_prefix: p, file_ext: csv, file_extt: csv, formatter: {type: csv}}
";
    let mut sandbox = Sandbox::new().file("main.dig", main).file("q.sql", "select '${hosts}'");
    sandbox.write("embulk/t.yml", transfer);
    sandbox.set("RUST_BACKTRACE", "0");
    let said = sandbox.run(["check", "--fix"]).expect_code(0);
    assert!(said.stderr.starts_with("mended 0 words\n"), "{}{}", said.stdout, said.stderr);
    assert_eq!(
        (sandbox.read("main.dig"), sandbox.read("embulk/t.yml")),
        (main.to_owned(), transfer.to_owned())
    );
    // `host_2` is another one than `host_1`, and a thousand is a thousand.
    let found = found(&sandbox, &["main.dig"]);
    let expected = [
        "3 yaml-surprise",
        "4 yaml-surprise",
        "8 undefined-variable",
        "11 unused-parameter",
        "15 unknown-directive",
    ];
    assert_eq!(found, expected.map(|problem| format!("main.dig:{problem}")));
}

#[test]
fn numbers_that_are_others_are_mended() {
    let sandbox = Sandbox::new().file("main.dig", "_export:\n  shop: 0123\n+a:\n  sh>: ./x.sh ${shop}\n");
    sandbox.run(["check", "--fix"]).expect_code(0);
    assert_eq!(sandbox.read("main.dig"), "_export:\n  shop: \"0123\"\n+a:\n  sh>: ./x.sh ${shop}\n");
}
