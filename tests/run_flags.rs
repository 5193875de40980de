//! `sync run`: which tasks run, for which session, and what is remembered of it.

use crate::support::sandbox::{Said, Sandbox};

const THREE: &str = "+a:\n  sh>: echo a >> out.txt\n+g:\n  +b:\n    sh>: echo b >> out.txt\n  +c:\n    sh>: echo c >> out.txt\n\
                     +d:\n  sh>: echo d >> out.txt\n";

fn ran(arguments: &[&str]) -> String {
    let sandbox = Sandbox::new().file("main.dig", THREE);
    sandbox.run([&["run", "main.dig"], arguments].concat()).expect_code(0);
    let out = sandbox.path().join("out.txt");
    std::fs::read_to_string(out).unwrap_or_default().replace('\n', "")
}

/// A failed session is not made a good one by a part of it, and a part is not the whole.
#[test]
fn a_part_leaves_the_rest_to_do() {
    const DAY: &str = "--session=2026-01-05";
    let sandbox =
        Sandbox::new().file("main.dig", "+a:\n  sh>: echo a\n+b:\n  sh>: test -e go && echo b >> out.txt\n");
    sandbox.run(["run", "main.dig", DAY]).expect_code(1);
    sandbox.run(["run", "main.dig", "+a", DAY]).expect_code(0);
    let said = sandbox.run(["status"]).expect_code(0);
    assert!(said.stdout.contains("  partial  "), "{}", said.stdout);
    let waited = sandbox.run(["wait", "--workflow", "main", DAY, "--timeout", "0s"]).expect_code(75);
    assert!(waited.stderr.contains("ran only a part, and this is still to do"), "{}", waited.stderr);
    sandbox.write("go", "");
    sandbox.run(["retry", "--session", "last"]).expect_code(0);
    assert_eq!(sandbox.read("out.txt"), "b\n");
    sandbox.run(["wait", "--workflow", "main", DAY, "--timeout", "0s"]).expect_code(0);
}

#[test]
fn flags_choose_what_runs_in_both_their_forms() {
    assert_eq!(ran(&["+g"]), "bc");
    assert_eq!(ran(&["+g+c"]), "c");
    assert_eq!(ran(&["-g", "+b"]), "ab");
    assert_eq!(ran(&["--goal", "+b"]), "ab");
    assert_eq!(ran(&["-e", "+c"]), "ab");
    assert_eq!(ran(&["--end", "+g"]), "a");
    assert_eq!(ran(&["-s", "+b", "-e", "+d"]), "abc");
    assert_eq!(ran(&["+g", "-g", "+b"]), "b");
    assert_eq!(ran(&["+g", "-s", "+c"]), "bc");
    assert_eq!(ran(&["+g", "-e", "+c"]), "b");
    assert_eq!(ran(&["+g", "-s", "+b", "-e", "+c"]), "b");
    assert_eq!(ran(&["--rerun", "--end", "+c"]), "ab");
    // Nothing is known of earlier tasks, so they run, too.
    assert_eq!(ran(&["-s", "+c"]), "abcd");
    assert_eq!(ran(&["-a"]), "abcd");
    assert_eq!(ran(&["--all", "-t", "2026-01-01"]), "abcd");
}

#[test]
fn a_start_and_an_end_choose_a_part_of_the_last_session() {
    let sandbox = Sandbox::new().file("main.dig", THREE);
    sandbox.run(["run", "main.dig"]).expect_code(0);
    for (flags, again) in [
        (["--start", "+b", "--end", "+d"].as_slice(), "b\nc\n"),
        (&["--start", "+c", "--end", "+c"], ""),
        (&["+g", "--start", "+c"], "c\n"),
        (&["+g", "--start", "+b", "--end", "+c"], "b\n"),
    ] {
        sandbox.write("out.txt", "");
        sandbox.run([&["run", "main.dig", "--session", "last"], flags].concat()).expect_code(0);
        assert_eq!(sandbox.read("out.txt"), again, "{flags:?}");
    }
    let said = sandbox.run(["run", "main.dig", "+g", "--start", "+a"]).expect_code(2);
    assert_eq!(said.stderr, "error: no task's name ends in `+a`\n");
}

#[test]
fn a_session_that_is_no_time_is_wrong_usage() {
    let sandbox = Sandbox::new().file("main.dig", THREE);
    let known = "`hourly`, `daily`, `schedule`, `last`, `yyyy-MM-dd`, `yyyy-MM-dd HH:mm:ss` or ISO 8601 with an offset";
    for (session, expected) in [
        ("nonsense", format!("`--session` takes {known}, but got `nonsense`")),
        ("2026-13-01", format!("`--session` takes {known}, but got `2026-13-01`")),
        ("schedule", "`--session schedule` is given but workflow `main` has no `schedule:`".to_owned()),
    ] {
        let said = sandbox.run(["run", "main.dig", "--session", session]).expect_code(2);
        assert_eq!(said.stderr, format!("error: {expected}\n"));
    }
}

#[test]
fn flags_that_contradict_each_other_are_wrong_usage() {
    let sandbox = Sandbox::new().file("main.dig", THREE);
    for flags in [
        ["--start", "+a", "--goal", "+d"],
        ["--goal", "+a", "--end", "+d"],
        ["--rerun", "--start", "+a", "--json"],
        ["--rerun", "--goal", "+a", "--json"],
    ] {
        sandbox.run([&["run", "main.dig"], flags.as_slice()].concat()).expect_code(2);
    }
    let said = sandbox.run(["run", "main.dig", "+x"]).expect_code(2);
    assert_eq!(said.stderr, "error: no task's name ends in `+x`\n");
    assert!(!sandbox.path().join("out.txt").exists());
}

#[test]
fn a_dry_run_evaluates_and_does_nothing() {
    let sandbox = Sandbox::new().file(
        "main.dig",
        "_export:\n  x: 1\n+a:\n  sh>: |\n    echo ${x + 1} >> out.txt\n    echo more\n+l:\n  loop>: 2\n  _do:\n    sh>: echo ${i}\n\
         +w:\n  wait>: 1h\n+f:\n  fail>: no\n+n:\n  slack>: {data: 'text: ${x}'}\n",
    );
    let said = sandbox.run(["run", "main.dig", "-d"]).expect_code(0);
    assert_eq!(
        said.stdout,
        "+main+a: sh>: echo 2 >> out.txt\n  echo more\n+main+l: loop>: 2\n+main+w: wait>: 1h\n+main+f: fail>: no\n\
         +main+n: slack>: {\"data\":\"text: 1\"}\n"
    );
    assert_eq!(said.stderr, "");
    assert!(!sandbox.path().join("out.txt").exists());
    nothing_is_left(&sandbox);
    sandbox.write("main.dig", "+a:\n  sh>: echo ${nosuch}\n");
    let said = sandbox.run(["run", "main.dig", "--dry-run"]).expect_code(1);
    let failed =
        "+main+a: Failed to evaluate a variable echo ${nosuch} (ReferenceError: nosuch is not defined)";
    assert!(said.stderr.contains(failed), "{}", said.stderr);
    assert!(!said.stderr.contains("sync retry"), "{}", said.stderr);
}

#[test]
fn a_dry_run_of_a_session_shows_what_is_left_and_leaves_it_so() {
    let sandbox = Sandbox::new().file("main.dig", "+a:\n  sh>: echo a >> out.txt\n+b:\n  sh>: test -e ok\n");
    sandbox.run(["run", "main.dig"]).expect_code(1);
    let said = sandbox.run(["run", "main.dig", "--session", "last", "-d"]).expect_code(0);
    assert_eq!(said.stdout, "+main+b: sh>: test -e ok\n");
    let said = sandbox.run(["retry", "--session", "last"]).expect_code(1);
    assert!(said.stderr.contains("+main+b: Command failed with code 1"), "{}", said.stderr);
    assert_eq!(sandbox.read("out.txt"), "a\n");
}

#[test]
fn a_run_that_is_not_saved_leaves_nothing_behind() {
    let sandbox = Sandbox::new().file("main.dig", "+a:\n  sh>: echo a >> out.txt\n+b:\n  sh>: exit 3\n");
    let said = sandbox.run(["run", "main.dig", "--no-save"]).expect_code(1);
    assert_eq!(
        said.stderr,
        "error: task `+main+b` failed: Command failed with code 3\nerror: 1 task failed\n  \
         +main+b: Command failed with code 3\n"
    );
    nothing_is_left(&sandbox);
    sandbox.run(["run", "main.dig", "--no-save", "--session", "last"]).expect_code(1);
    assert_eq!(sandbox.read("out.txt"), "a\na\n");
}

/// No session, and no file of a task or of the run.
fn nothing_is_left(sandbox: &Sandbox) {
    let Said { stdout, stderr, .. } = sandbox.run(["status"]);
    assert_eq!((stdout.as_str(), stderr.as_str()), ("", "no such session\n"));
    let left: Vec<_> = std::fs::read_dir(sandbox.path().join(".sync/tmp")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(!sandbox.path().join(".sync/logs").exists());
}

#[test]
fn a_project_elsewhere_is_known_to_its_tasks() {
    let text = "+a:\n  sh>: echo ${typeof _project_path} $_project_path\n";
    let sandbox = Sandbox::new().file("flows/main.dig", text).file("main.dig", text);
    let elsewhere = sandbox.run(["run", "--project", "flows", "flows/main.dig"]).expect_code(0);
    assert_eq!(elsewhere.stdout, format!("string {}\n", sandbox.path().join("flows").display()));
    assert_eq!(sandbox.run(["run", "--project", ".", "main.dig"]).expect_code(0).stdout, "undefined\n");
    let given = ["run", "--project", "flows", "flows/main.dig", "-p", "_project_path=x"];
    assert_eq!(sandbox.run(given).expect_code(0).stdout, "string x\n");
}

#[test]
fn a_parameter_that_an_export_overrides_is_named() {
    let sandbox =
        Sandbox::new().file("main.dig", "_export:\n  x: 1\n  m: {a: 1}\n+a:\n  echo>: ${x} ${m.a} ${m.b}\n");
    let said = sandbox.run(["run", "main.dig", "-p", "x=2", "-p", "m.b=3"]).expect_code(0);
    assert_eq!(said.stdout, "1 1 3\n");
    assert_eq!(
        said.stderr,
        "warning: parameter `x` of the command line has no effect: `_export` in main.dig sets it, too\n"
    );
}
