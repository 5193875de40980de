//! The command itself: help, version, wrong usage, and the flush that scripts expect of a program of this name.

use std::process::Command;

use crate::support::sandbox::Sandbox;

#[test]
fn help_and_version_are_results() {
    let sandbox = Sandbox::new();
    let version = sandbox.run(["--version"]).expect_code(0);
    assert_eq!(version.stdout, concat!("sync ", env!("CARGO_PKG_VERSION"), "\n"));
    let help = sandbox.run(["--help"]).expect_code(0);
    assert!(help.stdout.starts_with("Runs Digdag workflows and Embulk transfers: "), "{}", help.stdout);
    for command in ["run", "retry", "check", "status", "log", "report", "secrets", "embulk"] {
        assert!(
            help.stdout.lines().any(|line| line.trim_start().starts_with(command)),
            "{command}: {}",
            help.stdout
        );
    }
    assert_eq!(help.stderr, "");
}

#[test]
fn wrong_usage_is_told_from_failure() {
    let sandbox = Sandbox::new();
    sandbox.run(["rnu", "x.dig"]).expect_code(2);
    sandbox.run(["run"]).expect_code(2);
    sandbox.run(["run", "x.dig", "--jobs", "0"]).expect_code(2);
    let said = sandbox.run(["run", "x.dig"]).expect_code(65);
    assert!(said.stderr.contains("x.dig"), "{}", said.stderr);
}

#[test]
fn a_plain_sync_flushes_and_says_nothing() {
    let sandbox = Sandbox::new().file("a.txt", "x").file("flow.dig", "+a:\n  echo>: hi\n");
    let said = sandbox.run::<&str>([]).expect_code(0);
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("", ""));
    sandbox.run(["-d", "a.txt"]).expect_code(0);
    sandbox.run(["--file-system", "a.txt", "."]).expect_code(0);
    let workflow = sandbox.run(["flow.dig"]).expect_code(0);
    assert_eq!(workflow.stderr, "sync: flushed flow.dig to disk; `sync run flow.dig` runs the workflow\n");
    let missing = sandbox.run(["-d", "missing", "a.txt"]).expect_code(1);
    assert_eq!(missing.stderr, "sync: cannot flush `missing`: No such file or directory (os error 2)\n");
    let nothing = sandbox.run(["-d"]).expect_code(1);
    assert_eq!(nothing.stderr, "sync: --data needs a file\n");
}

#[test]
fn a_plain_sync_on_a_terminal_says_which_program_it_is() {
    // It makes a terminal for the command, which is all that its output is.
    let program = env!("CARGO_BIN_EXE_sync");
    let mut terminal = Command::new("script");
    terminal.args(["-qec", program, "/dev/null"]).env("TERM", "xterm").env_remove("NO_COLOR");
    let output = terminal.output().expect("`script` of util-linux is there");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        // On this PATH `sync` is the one of coreutils.
        format!(
            "sync: wrote everything to disk, as sync of coreutils does\r\n\
             sync: `{program} run FILE.dig` runs a workflow, `{program} --help` says more\r\n"
        )
    );
}

#[test]
fn a_real_embulk_does_what_is_not_native() {
    use std::os::unix::fs::PermissionsExt;

    let mut sandbox = Sandbox::new()
        .file("real/embulk", "#!/bin/sh\necho \"real embulk: $*\"\nexit 3\n")
        .file("foreign.yml", "in: {type: randomj}\nout: {type: stdout}\n")
        .file("flow.dig", "+a:\n  sh>: embulk run foreign.yml || echo ended with $?\n");
    let real = sandbox.path().join("real/embulk");
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o755)).unwrap();
    sandbox.run(["check", "foreign.yml"]).expect_code(65);

    let path = format!("{}:{}", sandbox.path().join("real").display(), std::env::var("PATH").unwrap());
    sandbox.set("PATH", path);
    sandbox.run(["check", "foreign.yml"]).expect_code(0);
    let said = sandbox.run(["embulk", "run", "-l", "warn", "foreign.yml"]).expect_code(3);
    assert_eq!(said.stdout, "real embulk: run -l warn foreign.yml\n");
    let said = sandbox.run(["run", "flow.dig"]).expect_code(0);
    assert_eq!(said.stdout, "real embulk: run foreign.yml\nended with 3\n");

    sandbox.write("policy.yml", "");
    sandbox.run(["check", "foreign.yml"]).expect_code(65);
    sandbox.run(["embulk", "run", "foreign.yml"]).expect_code(1);
}
