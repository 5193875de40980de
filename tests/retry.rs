//! `sync retry`: what is done stays done, what is left runs, and what people select runs alone.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::sandbox::{Said, Sandbox};

/// Three tables in parallel, each a file with two tasks; the table `b` fails as long as `fail_b` is there.
fn estate() -> Sandbox {
    Sandbox::new()
        .file(
            "main.dig",
            "+list:\n  py>: estate.list\n  python: python3\n+sync:\n  for_each>: {table: '${tables}'}\n  _parallel: true\n  _do:\n    \
             call>: one.dig\n+end:\n  sh>: echo end ${password.length} >> log.txt\n",
        )
        .file(
            "one.dig",
            "+copy:\n  sh>: echo copy ${table} >> log.txt; test ! -e fail_${table}\n\
             +after:\n  sh>: echo after ${table} >> log.txt\n",
        )
        .file(
            "estate.py",
            "import digdag, os\ndef list():\n    tables = ['a', 'b', 'c']\n    if os.path.exists('more'):\n        \
             tables.insert(0, 'new')\n    open('log.txt', 'a').write('list\\n')\n    \
             digdag.env.store({'tables': tables, 'password': 'pa$$wo${rd}-17'})\n",
        )
        .file("fail_b", "")
}

/// What tasks wrote since the last look, sorted: parallel tables have no order.
fn news(sandbox: &Sandbox) -> Vec<String> {
    let mut lines: Vec<String> = sandbox.read("log.txt").lines().map(str::to_owned).collect();
    sandbox.write("log.txt", "");
    lines.sort();
    lines
}

#[test]
fn only_what_did_not_succeed_runs_with_what_was_stored() {
    let sandbox = estate();
    let said = sandbox.run(["run", "main.dig"]).expect_code(1);
    let name = "+main+sync^sub+for-0=table=1=b^sub+copy";
    assert!(said.stderr.contains(name), "{}", said.stderr);
    assert!(said.stderr.contains("`sync retry --session 1` runs what is left"), "{}", said.stderr);
    assert_eq!(news(&sandbox), ["after a", "after c", "copy a", "copy b", "copy c", "list"]);

    std::fs::remove_file(sandbox.path().join("fail_b")).expect("it is there");
    sandbox.write("more", "");
    let said = sandbox.run(["retry", "--session", "last"]).expect_code(0);
    // The list runs again for the password it stored, and says so; the tables stay those of the first attempt.
    assert!(said.stderr.contains("+main+list"), "{}", said.stderr);
    assert_eq!(news(&sandbox), ["after b", "copy b", "end 14", "list"]);

    let said = sandbox.run(["retry", "--session", "1"]).expect_code(0);
    assert!(said.stderr.contains("nothing is left to do"), "{}", said.stderr);
    assert_eq!(news(&sandbox), [""; 0]);
}

/// Also where no task needs a folder of its own, and where nothing is left to do.
#[test]
fn what_a_run_that_was_killed_left_goes() {
    let sandbox = Sandbox::new().file("main.dig", "+a:\n  echo>: hello\n");
    for command in [&["run", "main.dig"][..], &["retry", "--session", "last"], &["run", "main.dig"]] {
        // Nobody holds its lock.
        sandbox.write(".sync/tmp/run-abc/lock", "");
        sandbox.write(".sync/tmp/run-abc/1.sh", "");
        sandbox.run(command).expect_code(0);
        let left = std::fs::read_dir(sandbox.path().join(".sync/tmp")).expect("a folder").count();
        assert_eq!(left, 0, "{command:?}");
    }
    let parts = [".sync/logs/1/1/report.json.4194305", ".sync/logs/1/1/report.html.4194305"];
    parts.iter().for_each(|part| sandbox.write(part, "{"));
    sandbox.run(["retry", "--session", "1"]).expect_code(0);
    assert_eq!(parts.map(|part| sandbox.path().join(part).exists()), [false, false]);
}

#[test]
fn a_stored_password_is_in_no_file() {
    let sandbox = estate();
    sandbox.run(["run", "main.dig"]).expect_code(1);
    let mut open = vec![sandbox.path()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.file_stem().is_some_and(|name| !name.to_string_lossy().starts_with("estate")) {
                let bytes = std::fs::read(&path).expect("a file");
                let found = bytes.windows(8).any(|window| window == b"pa$$wo${");
                assert!(!found, "{} holds the password", path.display());
            }
        }
    }
}

#[test]
fn a_selected_task_runs_alone_and_the_rest_is_still_left() {
    let sandbox = estate();
    sandbox.run(["run", "main.dig"]).expect_code(1);
    std::fs::remove_file(sandbox.path().join("fail_b")).expect("it is there");
    news(&sandbox);

    sandbox.run(["retry", "--session", "last", "+for-0=table=1=b"]).expect_code(0);
    assert_eq!(news(&sandbox), ["after b", "copy b", "list"]);
    sandbox.run(["retry", "--session", "last"]).expect_code(0);
    assert_eq!(news(&sandbox), ["end 14", "list"]);

    sandbox.run(["retry", "--session", "last", "--from", "+end"]).expect_code(0);
    assert_eq!(news(&sandbox), ["end 14", "list"]);
    sandbox.run(["retry", "--session", "last", "--all"]).expect_code(0);
    assert_eq!(news(&sandbox).len(), 8);

    let said = sandbox.run(["retry", "--session", "last", "+nowhere"]);
    assert_ne!(said.code, Some(0));
    assert!(said.stderr.contains("no task's name ends in `+nowhere`"), "{}", said.stderr);
}

/// Runs the workflow, sends a signal when the task `+slow` says that it works, and waits for the end.
fn interrupt(sandbox: &Sandbox, signal: Signal) -> Said {
    let mut child = sandbox
        .command(["run", "main.dig"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let pid = Pid::from_child(&child);
    let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut line = String::new();
    while line != "working\n" {
        line.clear();
        assert_ne!(stdout.read_line(&mut line).expect("it is text"), 0, "the task never worked");
    }
    kill_process(pid, signal).expect("it runs");
    let mut stderr = String::new();
    let mut pipe = BufReader::new(child.stderr.take().expect("it is piped"));
    if signal == Signal::TERM {
        while !stderr.contains("stopping: SIGTERM") {
            assert_ne!(pipe.read_line(&mut stderr).expect("it is text"), 0, "it never said that it stops");
        }
        // The second one ends the grace.
        kill_process(pid, signal).expect("it runs: the task would work for long");
    }
    pipe.read_to_string(&mut stderr).expect("it is text");
    let code = child.wait().expect("it ends").code();
    Said { code, stdout: String::new(), stderr }
}

fn slow() -> Sandbox {
    Sandbox::new().file(
        "main.dig",
        "_error:\n  sh>: echo handler >> log.txt\n+quick:\n  sh>: echo quick >> log.txt\n\
         +slow:\n  sh>: 'echo slow >> log.txt; test -e go || { echo working; exec sleep 20; }'\n\
         +last:\n  sh>: echo last >> log.txt\n",
    )
}

#[test]
fn a_signal_ends_the_run_with_its_code_and_a_retry_goes_on() {
    let sandbox = slow();
    let said = interrupt(&sandbox, Signal::TERM).expect_code(143);
    assert!(said.stderr.contains("stopped by SIGTERM; what is done is recorded"), "{}", said.stderr);
    assert_eq!(news(&sandbox), ["quick", "slow"], "no handler, nothing new");
    sandbox.write("go", "");
    sandbox.run(["retry", "--session", "last"]).expect_code(0);
    assert_eq!(news(&sandbox), ["last", "slow"]);
}

#[test]
fn a_killed_run_is_found_by_the_next_and_goes_on() {
    let sandbox = slow();
    let said = interrupt(&sandbox, Signal::KILL);
    assert_eq!(said.code, None);
    news(&sandbox);
    sandbox.write("go", "");
    let said = sandbox.run(["retry", "--session", "last"]).expect_code(0);
    assert!(said.stderr.contains("ended without a word"), "{}", said.stderr);
    assert_eq!(news(&sandbox), ["last", "slow"]);
}
