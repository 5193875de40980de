//! Rules that need more than one file, and paths where more than one project is checked.

use super::found;
use crate::support::sandbox::Sandbox;

fn transfer(target: &str) -> String {
    format!(
        "in: {{type: sqlite, database: shop.db, table: t}}\n\
         out: {{type: file, path_prefix: {target}, file_ext: csv, formatter: {{type: csv}}}}\n"
    )
}

#[test]
fn two_tasks_with_one_target_are_of_one_workflow() {
    let sandbox = Sandbox::new()
        .file("a.dig", "+x: {embulk>: one.yml}\n")
        .file("b.dig", "+x: {embulk>: one.yml}\n+y: {call>: part.dig}\n+z: {embulk>: two.yml}\n")
        .file("part.dig", "+p: {sh>: embulk run one.yml}\n")
        .file("one.yml", &transfer("same"))
        .file("two.yml", &transfer("other"));
    let said = sandbox.run(["check"]).expect_code(0);
    assert_eq!(
        said.stdout,
        "\
warning: `+b+x` and `+b+y+p` both replace file same000.00.csv
 --> one.yml:2:13
  |
2 | out: {type: file, path_prefix: same, file_ext: csv, formatter: {type…
  |             ^^^^
  = in task `+b+y+p`
  = hint: write to two targets, or let one of them append
"
    );
}

#[test]
fn what_may_not_run_or_run_again_has_no_target_of_its_own() {
    let sandbox = Sandbox::new()
        .file(
            "main.dig",
            "\
+branches:
  if>: ${day == 1}
  _do: {embulk>: one.yml}
  _else_do: {embulk>: one.yml}
+rounds:
  for_each>: {table: [a, b]}
  _do: {sh>: embulk run one.yml}
+once:
  embulk>: one.yml
  _error: {embulk>: one.yml}
",
        )
        .file("one.yml", &transfer("same"));
    assert_eq!(found(&sandbox, &[]), [""; 0]);
}

#[test]
fn a_condition_that_is_written_out_decides() {
    let sandbox = Sandbox::new()
        .file("main.dig", "+a:\n  if>: true\n  _do: {embulk>: one.yml}\n+b: {embulk>: one.yml}\n")
        .file("one.yml", &transfer("same"));
    assert_eq!(found(&sandbox, &[]), ["one.yml:2 same-target"]);
}

#[test]
fn names_in_a_called_file_may_be_its_callers() {
    let called = "+a: {_export: {day: x, database: y}, echo>: '${databse}'}\n+b: {echo>: '${day}'}\n";
    let sandbox = Sandbox::new().file("called.dig", called);
    let alone = ["called.dig:1 undefined-variable", "called.dig:2 export-elsewhere"];
    assert_eq!(found(&sandbox, &[]), alone);
    // Its name comes before the caller's, and after.
    for caller in ["a.dig", "z.dig"] {
        sandbox.write(caller, "_export: {day: x, databse: z}\n+call: {call>: called.dig}\n");
        assert_eq!(found(&sandbox, &[]), [""; 0], "{caller}");
        std::fs::remove_file(sandbox.path().join(caller)).expect("it is there");
    }
}

#[test]
fn what_the_command_line_brings_is_known_and_weaker() {
    let sandbox = Sandbox::new()
        .file("main.dig", "_export:\n  database: x\n+a:\n  echo>: ${databse} ${database}\n")
        .file("params.yml", "database: y\n");
    assert_eq!(found(&sandbox, &[]), ["main.dig:4 undefined-variable"]);
    assert_eq!(found(&sandbox, &["-p", "databse=y"]), [""; 0]);
    let shadowed = ["main.dig:2 shadowed-parameter", "main.dig:4 undefined-variable"];
    assert_eq!(found(&sandbox, &["-p", "database=y"]), shadowed);
    assert_eq!(found(&sandbox, &["-P", "params.yml"]), shadowed);
    sandbox.run(["check", "-p", "=y"]).expect_code(2);
}

#[test]
fn a_variable_is_used_by_whatever_may_read_it() {
    let used = |files: &[(&str, &str)], task: &str| {
        let sandbox = Sandbox::new();
        sandbox.write("main.dig", &format!("_export:\n  quarter: x\n+a:\n{task}"));
        files.iter().for_each(|(name, text)| sandbox.write(name, text));
        !found(&sandbox, &["--select", "unused-variable", "main.dig"])
            .contains(&"main.dig:2 unused-variable".into())
    };
    let nobody = ("x.sql", "select 1");
    assert!(!used(&[nobody], "  pg>: x.sql\n"));
    assert!(used(&[("x.sql", "select '${quarter}'")], "  pg>: x.sql\n"));
    assert!(used(&[nobody], "  pg>: ${name}.sql\n"));
    assert!(used(&[], "  sh>: ./load.sh\n"));
    assert!(used(&[], "  py>: load.run\n"));
    assert!(used(&[], "  rb>: Load.run\n"));
    assert!(!used(&[], "  sh>: mkdir -p out\n"));
    assert!(!used(&[], "  sh>: aws s3 ls\n"));
    assert!(used(&[], "  sh>: aws s3 ls --region $quarter\n"));
    assert!(!used(&[("b.dig", "+b: {echo>: x}\n")], "  call>: b.dig\n"));
    assert!(used(&[("b.dig", "+b: {echo>: '${quarter}'}\n")], "  call>: b.dig\n"));
    assert!(used(&[("b.dig", "+b: {sh>: ./load.sh}\n")], "  call>: b.dig\n"));
    assert!(used(&[("i.dig", "echo>: ${quarter}\n")], "  !include : i.dig\n"));
    assert!(!used(&[("i.dig", "echo>: x\n")], "  !include : i.dig\n"));
    let liquid = transfer("{{ env.quarter }}");
    assert!(used(&[("t.yml.liquid", &liquid)], "  sh>: embulk run t.yml.liquid\n"));
    assert!(!used(&[("t.yml.liquid", &transfer("x"))], "  sh>: embulk run t.yml.liquid\n"));
    let parts = "{% include 'part' %}\n";
    assert!(used(
        &[("t.yml.liquid", parts), ("_part.yml.liquid", &liquid)],
        "  sh>: embulk run t.yml.liquid\n"
    ));
    assert!(used(&[("m.yml", "text: '${quarter}'\n")], "  slack>: m.yml\n"));
}

#[test]
fn sql_of_every_operator_is_read() {
    for operator in ["pg", "redshift", "mysql", "sqlite", "bq"] {
        let sandbox = Sandbox::new()
            .file("main.dig", &format!("_export: {{database: x}}\n+a: {{{operator}>: q.sql}}\n"))
            .file("q.sql", "select ${databse}\n");
        assert_eq!(found(&sandbox, &[]), ["q.sql:1 undefined-variable"], "{operator}");
        sandbox.write("q.sql", "select ${1 +}\n");
        assert_eq!(found(&sandbox, &[]), ["q.sql:1 template-syntax"], "{operator}");
        std::fs::remove_file(sandbox.path().join("q.sql")).expect("it is there");
        assert_eq!(found(&sandbox, &[]), ["main.dig:2 missing-file"], "{operator}");
        sandbox.write("q.sql", "select '${databse}' -- sync: allow(undefined-variable)\n");
        assert_eq!(found(&sandbox, &[]), [""; 0], "{operator}");
    }
}

#[test]
fn tools_get_paths_from_the_current_directory_on() {
    let sandbox = Sandbox::new().file("etl/main.dig", "+a: {}\n").file("etl/.sync/.gitignore", "*\n");
    let said = sandbox.run(["check", "etl", "--format", "github"]).expect_code(0);
    assert!(said.stdout.starts_with("::warning file=etl/main.dig,line=1,"), "{}", said.stdout);
    // Messages for people name it in its project, as those of `run` do.
    let said = sandbox.run(["check", "etl"]).expect_code(0);
    assert!(said.stdout.contains(" --> main.dig:1:1\n"), "{}", said.stdout);
}
