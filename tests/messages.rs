//! What commands say when they have nothing to work with, in full: one line of the table per message.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use crate::support::sandbox::{Said, Sandbox};

const FINE: &str = "+a:\n  echo>: x\n";

/// What a command said on stderr, the folder of the sandbox as `DIR`, with its code.
fn said(sandbox: &Sandbox, line: &str) -> (i32, String) {
    told(sandbox, sandbox.run(line.split(' ')))
}

fn told(sandbox: &Sandbox, said: Said) -> (i32, String) {
    let folder = sandbox.path();
    (said.code.unwrap_or(-1), said.stderr.replace(&*folder.to_string_lossy(), "DIR"))
}

#[track_caller]
fn all(sandbox: &Sandbox, cases: &[(&str, i32, &str)]) {
    for (line, code, expected) in cases {
        assert_eq!(said(sandbox, line), (*code, (*expected).to_owned()), "{line}");
    }
}

#[test]
fn of_a_project_without_a_run() {
    let sandbox = Sandbox::new().file("main.dig", FINE).file("other/x.dig", FINE).file("p/y.dig", FINE);
    all(
        &sandbox,
        &[
            ("status", 1, "error: nothing has run yet in project `DIR`\n"),
            ("retry --session last", 1, "error: nothing has run yet in project `DIR`\n"),
            ("retry --session 7", 1, "error: there is no session 7 in project `DIR`\n"),
            (
                "retry --session soon",
                1,
                "error: `--session` takes a number of `sync status` or `last`, but got `soon`\n",
            ),
            (
                "status --since soon",
                1,
                "error: `--since` takes a length such as `12h` or `7d`, or a time in ISO 8601, but got `soon`\n",
            ),
            (
                "run --project p other/x.dig",
                65,
                "error: workflow `other/x.dig` lies outside the project `DIR/p`\nhint: name its project with `--project`\n",
            ),
            (
                "check --project p other/x.dig",
                2,
                "error: `other/x.dig` lies outside of the project `DIR/p`\n",
            ),
            (
                "run --project nowhere main.dig",
                1,
                "error: project `nowhere` could not be found\n  cause: No such file or directory (os error 2)\n",
            ),
            (
                "check --project nowhere",
                1,
                "error: project `nowhere` could not be found\n  cause: No such file or directory (os error 2)\n",
            ),
            (
                "check main.dig/x.dig",
                1,
                "error: can't check `main.dig/x.dig`\n  cause: Not a directory (os error 20)\n",
            ),
            (
                "-c config.properties run main.dig",
                2,
                "error: properties file `config.properties` cannot be read\n  cause: No such file or directory (os error 2)\n",
            ),
            ("secrets list", 0, "no secrets are set; `sync secrets set NAME` sets one\n"),
            ("secrets set x --key k", 1, "error: the value is empty; nothing was written\n"),
        ],
    );
    all(
        &sandbox,
        &[
            ("run mian.dig", 65, "error: file `mian.dig` does not exist\nhint: did you mean `main.dig`?\n"),
            (
                "run other",
                65,
                "error: `other` is a folder, and no workflow\nhint: name one of its `.dig` files\n",
            ),
            ("run main.dig +maim", 2, "error: no task's name ends in `+maim`, did you mean `+main`?\n"),
            (
                "rnu main.dig",
                2,
                "error: unrecognized subcommand 'rnu'\n\n  tip: a similar subcommand exists: 'run'\n\n\
                 Usage: sync [OPTIONS] [COMMAND]\n\nFor more information, try '--help'.\n",
            ),
            (
                "--state x.db",
                2,
                "error: no command is given\n\nUsage: sync [OPTIONS] [COMMAND]\n\nFor more information, try '--help'.\n",
            ),
            (
                "prune --lost 99",
                1,
                "error: attempt 99 does not run in project `DIR`\nhint: `sync status --json` has the numbers of attempts\n",
            ),
        ],
    );
    let out = sandbox.run(["check", "mian.dig"]).expect_code(65).stdout;
    assert_eq!(out, "error: `mian.dig` does not exist\n = hint: did you mean `main.dig`?\n");
    let out = sandbox.run(["check", "nope.dig"]).expect_code(65).stdout;
    assert_eq!(out, "error: `nope.dig` does not exist\n");
    std::fs::write(sandbox.path().join("other/x.dig"), b"\xff").unwrap();
    let out = sandbox.run(["check"]).expect_code(65).stdout;
    assert_eq!(out, "error: file `other/x.dig` can't be read: stream did not contain valid UTF-8\n");
    std::fs::create_dir(sandbox.path().join(".digdagignore")).unwrap();
    let unreadable = "error: can't read `.digdagignore`\n  cause: Is a directory (os error 21)\n";
    assert_eq!(said(&sandbox, "check"), (1, unreadable.to_owned()));
}

#[test]
fn of_a_run_that_cannot_begin() {
    for (in_the_way, expected) in [
        (
            ".sync",
            "error: the folder of the state `DIR/.sync` could not be made\n  cause: File exists (os error 17)\n",
        ),
        (
            ".sync/tmp",
            "error: the folder for files of tasks could not be made\n  cause: File exists (os error 17)\n",
        ),
        (
            ".sync/logs",
            "error: a folder for logs in `DIR/.sync` could not be made\n  cause: Not a directory (os error 20)\n",
        ),
    ] {
        let sandbox = Sandbox::new().file("main.dig", FINE).file(in_the_way, "");
        assert_eq!(said(&sandbox, "run main.dig"), (1, expected.to_owned()), "{in_the_way}");
    }
    let sandbox = Sandbox::new().file("main.dig", FINE).file(".sync/tmp", "");
    let expected = "error: the folder of the run could not be made\n  cause: File exists (os error 17)\n";
    assert_eq!(said(&sandbox, "run --no-save main.dig"), (1, expected.to_owned()));

    let sandbox = Sandbox::new().file("main.dig", FINE).file("p", "sync.docker = yes\n");
    let expected = "error: property `sync.docker` takes `auto`, `always` or `never`\n";
    assert_eq!(said(&sandbox, "-c p run main.dig"), (1, expected.to_owned()));
    let sandbox = Sandbox::new().file("main.dig", "+a:\n  sh>: x\n  docker: {image: i}\n").file("bin/sh", "");
    let run = sandbox.command(["run", "main.dig"]).env("PATH", sandbox.path().join("bin")).output().unwrap();
    assert_eq!(
        told(&sandbox, Said::of(run)),
        (
            65,
            "error: the task asks for docker, which is not installed\n --> main.dig:2:3\n  |\n2 |   sh>: x\n  |   ^^^\n  \
             = hint: `--docker never` runs its command on this machine\n"
                .to_owned()
        )
    );
}

#[test]
fn of_sessions_that_ran() {
    let sandbox = Sandbox::new().file("main.dig", "+a:\n  echo>: x\n+b:\n  sh>: exit 3\n");
    let told = "error: task `+main+b` failed: Command failed with code 3\n";
    let summed = "error: 1 task failed\n  +main+b: Command failed with code 3\n";
    let retry = "hint: `sync retry --session 1 -c p --docker never` runs what is left\n";
    sandbox.write("p", "");
    all(
        &sandbox,
        &[
            (
                "-c p run main.dig --docker never --session 2026-01-02 -p api_token=t-5081-long",
                1,
                &format!("{told}{summed}{retry}"),
            ),
            ("log +nowhere", 1, "error: no task of session 1 has a log and a name that ends in `+nowhere`\n"),
            (
                "retry --session 1",
                1,
                "session 1 of main, 2026-01-02T00:00:00+00:00\n\
                 error: parameter `api_token` was given to the first attempt and counts as a secret, so it was not kept: \
                 give it again with `-p api_token=...`\n",
            ),
        ],
    );
    sandbox.write("main.dig", "+a:\n  echo>: y\n+b:\n  sh>: exit 3\n");
    let retry = "hint: `sync retry --session 1` runs what is left\n";
    let changed = "warning: task `+main+a` is done although its definition has changed since\n";
    let (code, text) = said(&sandbox, "retry --session 1 -p api_token=t-5081-long");
    assert_eq!(
        (code, text),
        (1, format!("session 1 of main, 2026-01-02T00:00:00+00:00\n{told}{changed}{summed}{retry}"))
    );
}

#[test]
fn of_a_session_without_logs() {
    let sandbox = Sandbox::new().file("main.dig", "+a: {}\n");
    sandbox.run(["run", "main.dig"]).expect_code(0);
    assert_eq!(said(&sandbox, "log"), (1, "error: no task of session 1 has a log\n".to_owned()));
}

#[test]
fn of_embulk() {
    let version = format!("Embulk, as sync {} stands in for it\n", env!("CARGO_PKG_VERSION"));
    let sandbox = Sandbox::new();
    for (line, code, stdout, stderr) in [
        ("embulk --version", 0, version.as_str(), ""),
        (
            "embulk gem install embulk-input-mysql",
            0,
            "embulk gem: nothing to do, the plugins that are known are part of this program\n",
            "",
        ),
        (
            "embulk mkbundle dir",
            0,
            "embulk mkbundle: nothing to do, the plugins that are known are part of this program\n",
            "",
        ),
        (
            "embulk run -X a=b no.yml",
            1,
            "",
            "embulk: `-X a=b` has no effect here: there is no JVM to set up\n\
             Error: transfer file `DIR/no.yml` is invalid\n  cause: transfer file `no.yml` cannot be read: \
             No such file or directory (os error 2)\n",
        ),
    ] {
        let said = sandbox.run(line.split(' '));
        let stderr = stderr.to_owned();
        assert_eq!((said.code, said.stdout.as_str()), (Some(code), stdout), "{line}");
        assert_eq!(told(&sandbox, said).1, stderr, "{line}");
    }
    // The run that it belongs to is gone.
    let mut command = sandbox.command(["embulk", "run", "x.yml"]);
    command.env("SYNC_EMBULK_SOCKET", sandbox.path().join("gone")).env("SYNC_TASK_KEY", "k");
    let said = told(&sandbox, Said::of(command.output().unwrap()));
    let gone = "Error: the run that started this command is gone (No such file or directory (os error 2))\n";
    assert_eq!(said, (1, gone.to_owned()));
    // A real Embulk that cannot be started.
    sandbox.write("x.yml", "in: {type: exotic}\nout: {type: stdout}\n");
    sandbox.write("bin/embulk", "");
    let mut command = sandbox.command(["embulk", "run", "x.yml"]);
    command.env("PATH", sandbox.path().join("bin"));
    let said = told(&sandbox, Said::of(command.output().unwrap()));
    let refused = "Error: `DIR/bin/embulk` could not be started: Permission denied (os error 13)\n";
    assert_eq!(said, (1, refused.to_owned()));
    // No folder to be in.
    let program = env!("CARGO_BIN_EXE_sync");
    let line = format!("mkdir d && cd d && rmdir ../d && exec {program} embulk run x.yml");
    let mut shell = Command::new("sh");
    shell.args(["-c", &line]).current_dir(sandbox.path()).stdin(Stdio::null());
    let said = told(&sandbox, Said::of(shell.output().unwrap()));
    let lost = "Error: the current directory is not known: No such file or directory (os error 2)\n";
    assert_eq!(said, (1, lost.to_owned()));
}

/// Waits for a line of a pipe.
fn await_line(pipe: &mut impl BufRead, expected: &str) {
    let mut line = String::new();
    while line.trim_end() != expected {
        line.clear();
        assert_ne!(pipe.read_line(&mut line).unwrap(), 0, "it never said: {expected}");
    }
}

fn begun(sandbox: &Sandbox, line: &str) -> (Child, BufReader<impl Read>, BufReader<impl Read>) {
    let mut command = sandbox.command(line.split(' '));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    (child, BufReader::new(out), BufReader::new(err))
}

fn rest(mut pipe: impl Read) -> String {
    let mut text = String::new();
    pipe.read_to_string(&mut text).unwrap();
    text
}

/// A workflow that says when it works, and ends when `gate` is written to.
const GATED: &str = "+slow:\n  sh>: mkfifo gate; echo working; read line < gate\n";

#[test]
fn of_a_workflow_that_runs_already() {
    let sandbox = Sandbox::new().file("main.dig", "+r:\n  require>: child\n").file("child.dig", GATED);
    let (mut first, mut out, _) = begun(&sandbox, "run child.dig --session 2026-01-02");
    await_line(&mut out, "working");
    let (code, text) = said(&sandbox, "run child.dig --session 2026-01-02");
    let started =
        text.split_once("started ").map(|(_, rest)| rest.split(' ').next().unwrap_or_default()).unwrap();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let expected = format!(
        "error: workflow `child` is already running: attempt 1 of session 1 (2026-01-02T00:00:00+00:00), started \
         {started} by process {} on `{host}`\nhint: try again when it has ended, or wait for that with `--wait-lock`\n",
        first.id()
    );
    assert_eq!((code, text), (75, expected));

    let (mut second, _, mut err) = begun(&sandbox, "run main.dig --session 2026-01-02");
    await_line(&mut err, "+main+r: waits for a run of `child` that goes on");
    sandbox.write("gate", "go\n");
    assert!(first.wait().unwrap().success());
    assert_eq!(rest(err), "+main+r: session 1 of `child` is done already\n");
    assert!(second.wait().unwrap().success());
}

#[test]
fn of_a_run_that_was_killed() {
    let sandbox = Sandbox::new().file("main.dig", GATED);
    for line in ["run main.dig --session 2026-01-02", "retry --session 1"] {
        let (mut first, mut out, _) = begun(&sandbox, "run main.dig --session 2026-01-02");
        await_line(&mut out, "working");
        first.kill().unwrap();
        first.wait().unwrap();
        sandbox.write("main.dig", FINE);
        let (code, text) = said(&sandbox, line);
        let attempt = if line.starts_with("run") { 1 } else { 3 };
        let lost = format!("warning: attempt {attempt} ended without a word: its process is gone");
        assert_eq!(
            (code, text.lines().find(|line| line.contains("ended"))),
            (0, Some(lost.as_str())),
            "{text}"
        );
        std::fs::remove_file(sandbox.path().join("gate")).unwrap();
        sandbox.write("main.dig", GATED);
    }
}

#[test]
fn of_what_is_required() {
    let main = |name: &str, options: &str| format!("+r:\n  require>: ${{'{name}'}}\n{options}");
    let sandbox = Sandbox::new()
        .file("fine.dig", FINE)
        .file("bad.dig", "+b: {sh>: x, _disable: 5.x}\n")
        .file("docker.dig", "+d:\n  sh>: x\n  docker: {image: i}\n")
        .file("failing.dig", "+f:\n  fail>: no\n");
    for (text, message, hint) in [
        (
            main("nosuch", ""),
            "Dependent workflow does not exist. workflowName: nosuch",
            "a required workflow is a `.dig` file at the top of the project",
        ),
        (
            main("fine", "  session_time: tomorrow\n"),
            "`session_time` is no time: `tomorrow`",
            "write it as `yyyy-MM-dd`, `yyyy-MM-dd HH:mm:ss` or ISO 8601 with an offset",
        ),
        (
            main("main", ""),
            "`main` would wait for itself",
            "workflows must not require each other in a circle",
        ),
        (
            main("bad", ""),
            "`bad.dig` is invalid: Expected 'true' or 'false' for key '_disable' but got \"5.x\" (string) (bad.dig:1:24)",
            "",
        ),
        (
            main("docker", ""),
            "the task asks for docker, which is not installed",
            "`--docker never` runs it on this machine",
        ),
    ] {
        sandbox.write("main.dig", &text);
        let mut command = sandbox.command(["run", "main.dig", "--no-save"]);
        let (code, said) = told(&sandbox, Said::of(command.env("PATH", sandbox.path()).output().unwrap()));
        let hint = if hint.is_empty() { String::new() } else { format!("    hint: {hint}\n") };
        let expected = format!(
            "error: task `+main+r` failed: {message}\nerror: 1 task failed\n  +main+r: {message}\n{hint}"
        );
        assert_eq!((code, said), (1, expected), "{text}");
    }
    let twice = "+r:\n  require>: failing\n  ignore_failure: true\n";
    sandbox.write("main.dig", &format!("{twice}{}", twice.replace("+r", "+s")));
    let (code, text) = said(&sandbox, "run main.dig");
    let failed = "error: task `+failing+f` failed: no\n+main+s: session 2 of `failing` has failed already\n";
    assert_eq!((code, text), (0, failed.to_owned()));
}

/// What makes the state unusable while a run goes on.
const BREAK: &str =
    "python3 -c \"import sqlite3; sqlite3.connect('.sync/state.db').execute('drop table tasks')\"";

#[test]
fn of_a_state_that_breaks() {
    let sandbox = Sandbox::new().file("main.dig", &format!("+a:\n  sh>: {BREAK}\n"));
    let (code, text) = said(&sandbox, "run main.dig");
    assert_eq!(
        (code, text),
        (
            1,
            "error: the state file could not be used: no such table: tasks\n\
             hint: nothing that is not recorded was begun\n"
                .to_owned()
        )
    );
    let sandbox = Sandbox::new()
        .file("main.dig", "+r:\n  require>: child\n")
        .file("child.dig", &format!("+a:\n  sh>: {BREAK}\n"));
    let (code, text) = said(&sandbox, "run main.dig");
    assert_eq!(
        (code, text),
        (
            1,
            "error: the state file could not be used: no such table: tasks\n\
             hint: nothing that is not recorded was begun\nerror: 1 task failed\n  \
             +main+r: the required workflow could not go on\n    cause: the state could not be written: the state \
             file could not be used: no such table: tasks\nhint: `sync retry --session 1` runs what is left\n"
                .to_owned()
        )
    );
}

#[test]
fn of_a_state_that_cannot_be_asked() {
    let forget = BREAK.replace("drop table tasks", "drop table sessions");
    let sandbox = Sandbox::new()
        .file("main.dig", &format!("+a:\n  sh>: {forget}\n+r:\n  require>: child\n"))
        .file("child.dig", FINE);
    let failed = "the state could not be used";
    let cause = "the state file could not be used: no such table: sessions";
    assert_eq!(
        said(&sandbox, "run main.dig"),
        (
            1,
            format!(
                "error: task `+main+r` failed: {failed}: {cause}\n\
                 error: {cause}\nhint: nothing that is not recorded was begun\n\
                 error: 1 task failed\n  +main+r: {failed}\n    \
                 cause: {cause}\nhint: `sync retry --session 1` runs what is left\n"
            )
        )
    );
}

#[test]
fn of_a_failure_that_is_handled_and_of_a_secret_that_was_stored() {
    let sandbox = Sandbox::new().file(
        "main.dig",
        "+s:\n  sh>: |\n    echo '{\"api_token\": \"t-5081-long\"}' > $SYNC_STORE\n\
         +f:\n  fail>: no\n  _error:\n    echo>: ${api_token.length}\n",
    );
    let handled = "warning: +main+f: failed, `_error` runs now: no\n";
    let failed = "error: task `+main+f` failed: no\nerror: 1 task failed\n  +main+f: no\n\
                  hint: `sync retry --session 1` runs what is left\n";
    let session = "session 1 of main, 2026-01-02T00:00:00+00:00\n";
    let again = "+main+s: runs again: `api_token` was kept in memory only\n";
    all(
        &sandbox,
        &[
            ("run main.dig --session 2026-01-02", 1, &format!("{handled}{failed}")),
            ("retry --session 1", 1, &format!("{session}{again}{handled}{failed}")),
        ],
    );
}

#[test]
fn of_a_task_that_cannot_be_done() {
    for (task, expected) in [
        ("_type: ${'if'}\n  _command: true", "both `_do` and `_else_do` are missing"),
        (
            "for_range>: ${5}\n  _do: {echo>: x}",
            "`for_range>` must be a map with `from`, `to` and `step` or `slices`",
        ),
        (
            "for_range>: '{\"from\": 1, \"to\": 2}'\n  _do: {echo>: x}",
            "`for_range>` needs exactly one of `step` and `slices`",
        ),
        ("_type: ${'loop'}\n  _command: 2", "Parameter '_do' is required but not set"),
        (
            "loop>: 2\n  _parallel: ${'x'}\n  _do: {echo>: x}",
            "Expected 'true' or 'false' for key '_parallel' but got \"x\" (string)",
        ),
        ("_type: ${'require'}\n  _command: main", "`_type` with `${...}` can't mean `require`: write it out"),
        ("py>: tasks.wrong", "the tasks that the script added are invalid: unknown operator `frob>`"),
    ] {
        let sandbox = Sandbox::new().file("main.dig", &format!("+t:\n  {task}\n")).file(
            "tasks.py",
            "import digdag\ndef wrong():\n    digdag.env.add_subtask({'_timeout': '1m', '_export': {'plugin': {}}, 'frob>': 1})\n",
        );
        let (code, text) = said(&sandbox, "run main.dig --no-save");
        let expected = format!(
            "error: task `+main+t` failed: {expected}\nerror: 1 task failed\n  +main+t: {expected}\n"
        );
        assert_eq!((code, text), (1, expected), "{task}");
    }
}

#[test]
fn of_a_task_at_work() {
    let sandbox = Sandbox::new()
        .file("retry.dig", "+t:\n  sh>: exit 3\n  _retry: ${'often'}\n  _continue_on_failure: true\n")
        .file("show.dig", "_export:\n  api_token: t-5081-long\n+t:\n  echo>: x\n")
        .file("guess.dig", "+n:\n  sh>: SYNC_TASK_KEY=guessed embulk run x.yml || true\n")
        .file(
            "x.yml",
            "in: {type: sqlite, database: x.db, table: t}\n\
             out: {type: file, path_prefix: x, file_ext: csv, formatter: {type: csv}}\n",
        );
    let failed = "Command failed with code 3";
    let never = "Expected integer (int) type for key '_retry' but got \"often\" (string); the task is not tried again";
    let retry = format!(
        "warning: +retry+t: {never}\nerror: task `+retry+t` failed: {failed}\n\
         warning: 1 task failed, and the run went on (`_continue_on_failure`)\n  +retry+t: {failed}\n"
    );
    assert_eq!(said(&sandbox, "run retry.dig --no-save"), (0, retry));

    let (code, text) = said(&sandbox, "run show.dig --no-save --show-params");
    let ends = text
        .strip_prefix("+show+t: parameters: {\"timezone\":\"UTC\",")
        .and_then(|rest| rest.split_once(",\"task_name\":"));
    let end = "\"+show+t\",\"echo>\":\"x\",\"_type\":\"echo\",\"_command\":\"x\"}; secret: api_token\n";
    assert_eq!((code, ends.map(|(_, end)| end)), (0, Some(end)), "{text}");

    let said = sandbox.run(["run", "guess.dig", "--no-save"]).expect_code(0);
    assert_eq!(said.stdout, "Error: this run knows no such task, or it has ended\n");
}
