//! Failures of operators whole: the message with its causes and the one thing to do, as people see them.

use std::path::Path;

use serde_json::{Value, json};

use super::container;
use super::process::{self, Child};
use super::script_file::{ScriptFile, ScriptLinks};
use super::testing::Bench;
use super::{OperatorError, native};

/// Message, causes and hint, one a line.
pub(super) fn whole(error: &OperatorError) -> String {
    let causes = error.causes.iter().map(|cause| format!("\n  cause: {cause}"));
    let hint = error.hint.iter().map(|hint| format!("\n  hint: {hint}"));
    std::iter::once(error.message.clone()).chain(causes).chain(hint).collect()
}

/// How a task with these keys fails.
fn failure(bench: &Bench, local: Value) -> String {
    let key = local.as_object().and_then(|keys| keys.keys().find(|key| key.ends_with('>')));
    let name = key.expect("an operator").trim_end_matches('>').to_owned();
    let operators = native();
    let operator = operators.get(name.as_str()).expect("it is there");
    whole(&bench.run(operator.as_ref(), json!({}), local).expect_err("it fails"))
}

#[test]
fn what_a_task_lacks_is_told_with_what_helps() {
    let bench =
        || Bench::new().file("file", "").file("no.db", "these are somebody's notes and no database at all");
    let data = || json!({"data": "select 1"});
    for (bench, local, expected) in [
        (bench(), json!({"sh>": "true", "shell": []}), "`shell` must not be empty"),
        (bench(), json!({"sh>": "true", "_env": "x"}), "`_env` must be a map of variables, but is a text"),
        (
            bench(),
            json!({"sh>": "true", "_env": {"1A": "x"}}),
            "Invalid _env key name: 1A\n  \
             hint: a variable's name has letters, digits and `_`, and no digit first",
        ),
        (
            bench(),
            json!({"slack>": {"data": "text: a"}}),
            "`webhook_url` is required\n  \
             hint: export `webhook_url: ${secret:slack.webhook_url}` and set that secret",
        ),
        (
            bench().file("bad.yml", "a: 1\ntext: ["),
            json!({"slack>": "bad.yml", "webhook_url": "http://127.0.0.1:9/x"}),
            "bad.yml:2 is not YAML\n  cause: a value was expected here\n  \
             hint: `${JSON.stringify(x)}` makes any text fit into YAML",
        ),
        (
            bench(),
            json!({"wait>": "1s", "poll_interval": "1s", "blocking": true}),
            "`poll_interval` has no meaning beside `blocking: true`",
        ),
        (
            bench(),
            json!({"embulk>": null, "config": 5}),
            "`config` of `embulk>` must be a map with `in` and `out`",
        ),
        (
            bench(),
            json!({"mail>": {"data": "x"}, "subject": "s", "to": ["a@b"], "from": "c@d"}),
            "Missing SMTP configuration\n  \
             hint: write `host` and `port`, or `config.mail.host` into the properties",
        ),
        (
            bench(),
            json!({"pg>": data(), "host": "h", "user": "u", "password_override": "other"}),
            "Secret not found for key: 'pg.other'\n  \
             hint: `password_override` names the secret that holds the password",
        ),
        (bench(), json!({"sqlite>": data()}), "`database` is needed: the file of the SQLite database"),
        (
            bench(),
            json!({"sqlite>": data(), "database": "file/x/y.db"}),
            "the folder of database `file/x/y.db` could not be made\n  cause: Not a directory (os error 20)",
        ),
        (
            bench(),
            json!({"sqlite>": data(), "database": "."}),
            "database `.` could not be opened\n  cause: unable to open database file: PROJECT/.",
        ),
        (
            bench(),
            json!({"sqlite>": data(), "database": "no.db", "create_table": "t", "strict_transaction": false}),
            "the transaction of the script could not be made\n  cause: file is not a database",
        ),
        (
            bench(),
            json!({"sqlite>": data(), "database": "no.db", "strict_transaction": true}),
            "the row of the script in `__digdag_status` could not be written\n  \
             cause: file is not a database\n  hint: `strict_transaction: false` does without it",
        ),
        (
            bench().secret("aws.s3.access_key_id", "a"),
            json!({"s3_wait>": "b/k", "endpoint": "http://127.0.0.1:1"}),
            "secret `aws.access_key_id` is set, but `aws.secret_access_key` is not\n  \
             hint: set both, or none to use the credentials that the AWS SDK finds",
        ),
        (
            bench().secret("aws.s3.sse_c_key", "no base64!"),
            json!({"s3_wait>": "b/k", "endpoint": "http://127.0.0.1:1"}),
            "secret `aws.s3.sse_c_key` is not Base64\n  hint: it is the key itself in Base64",
        ),
        (
            bench().file("die.py", "import os\ndef now():\n    os._exit(3)\n"),
            json!({"py>": "die.now"}),
            "Python command failed with code 3\n  hint: what it printed before is in the task's log",
        ),
    ] {
        let said = failure(&bench, local.clone());
        assert_eq!(said.replace(&*bench.project().to_string_lossy(), "PROJECT"), expected, "{local}");
    }
}

#[test]
fn a_docker_that_fails_is_told_with_what_helps() {
    let failed = |docker: &str, options: Value| {
        let bench = container::tests::bench().file("bin/docker", docker);
        let mut local = json!({"sh>": "true", "docker": {"image": "ruby:3"}});
        local["docker"].as_object_mut().expect("a map").extend(options.as_object().expect("a map").clone());
        failure(&bench, local)
    };
    let here = "\n  hint: the task's log has its reason; `--docker never` runs the command on this machine";
    assert_eq!(
        failed("#!/bin/sh\nexit 125\n", json!({})),
        format!("`docker` could not start the container{here}")
    );
    let here = "\n  hint: `--docker never` runs the command on this machine";
    assert_eq!(
        failed("#!/bin/sh\nexit 1\n", json!({"pull_always": true})),
        format!("`docker pull` failed with code 1{here}")
    );
    assert_eq!(
        failed("#!/bin/sh\nexit 2\n", json!({"build": ["true"]})),
        format!("`docker build` failed with code 2{here}")
    );
}

#[test]
fn what_tasks_say_of_their_work() {
    let bench = Bench::new();
    let operators = native();
    let store = json!({"sqlite>": {"data": "select 1 as a"}, "database": "x.db", "store_last_results": true});
    bench.run(operators["sqlite"].as_ref(), json!({}), store).expect("it is stored");
    assert_eq!(bench.log(), "Info: 1 row is stored as `sqlite.last_results`\n");

    let bench = Bench::new();
    let zero = json!({"z": "a\0b"});
    bench.run(operators["sh"].as_ref(), zero, json!({"sh>": "true"})).expect("it runs");
    assert_eq!(bench.log(), "Warn: `z` is left out of the environment: it has a zero byte\n");
}

#[test]
fn a_script_that_cannot_be_laid_out_is_named() {
    let guard = Bench::new().services().guard;
    let links = ScriptLinks::default();
    let error = ScriptFile::new(Path::new("/nowhere"), "sh", "true", guard.as_ref(), &links).err();
    let said = whole(&error.expect("there is no such folder"));
    // Its number is one of the process.
    let (name, rest) = said.split_once(".sh`").expect("it is named");
    assert!(name.strip_prefix("`/nowhere/").is_some_and(|number| number.parse::<u64>().is_ok()), "{said}");
    assert_eq!(rest, " could not be written\n  cause: No such file or directory (os error 2)");
}

#[test]
fn a_command_of_no_words_is_refused() {
    let bench = Bench::new();
    let child =
        Child { argv: Vec::new(), environment: bench.environment.clone(), directory: bench.project() };
    let error = process::run(&child, None, &bench.reporter(), &bench.cancel).expect_err("nothing to start");
    assert_eq!(whole(&error), "there is no program to start");
}
