//! Secrets under a real key service, and the logs of tasks in a real bucket.

use std::io::Write as _;
use std::process::Stdio;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use sync::cli::properties::{Properties, Sources};
use sync::cloud::aws::Aws as AwsSetup;
use sync::cloud::fault::retry::Retrying;
use sync::cloud::s3::credentials::S3Credentials;
use sync::cloud::s3::{S3, S3Settings};
use sync::report::tasklog::{AttemptIdentity, LogServer, S3LogStore, TaskLogSetup, TaskLogs};
use sync::run::event::{EventKind, RunEvent};
use sync::secret::Secret;
use sync::secret::scrub::Scrubber;
use sync::session::{AttemptId, SessionId, TaskName, TaskState};

use crate::support::sandbox::{Said, Sandbox};
use crate::support::servers::{Aws, aws, fresh_name};

const VALUE: &str = "correct horse: \"battery\" #staple";

/// A sandbox whose commands find the key service.
pub fn sandbox(aws: &Aws) -> Sandbox {
    let mut sandbox = Sandbox::new();
    for (name, value) in aws.environment() {
        sandbox.set(name, value);
    }
    sandbox
}

/// `sync secrets set` with a value on stdin.
pub fn set(sandbox: &Sandbox, arguments: &[&str], value: &str) -> Said {
    let mut command = sandbox.command(["secrets", "set"].iter().chain(arguments));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    // One that refuses before it reads has closed its end.
    let _ = child.stdin.take().expect("stdin is piped").write_all(value.as_bytes());
    Said::of(child.wait_with_output().expect("the program ends"))
}

/// What `${secret:NAME}` gives in a task.
pub fn resolved(sandbox: &Sandbox, name: &str) -> Said {
    sandbox.write(
        "resolve.dig",
        &format!(
            "+t:\n  sh>: printf %s \"$VALUE\" | sha256sum > out.txt\n  _env:\n    VALUE: ${{secret:{name}}}\n"
        ),
    );
    sandbox.run(["run", "resolve.dig"])
}

pub fn sha256(text: &str) -> String {
    use sha2::Digest as _;
    let hash = sha2::Sha256::digest(text.as_bytes());
    hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + "  -\n"
}

#[test]
fn a_value_goes_in_and_comes_out_again() {
    let Some(aws) = aws() else { return };
    let sandbox = sandbox(&aws);
    let said =
        set(&sandbox, &["mysql.password", "--key", &aws.kms_key], &format!("{VALUE}\n")).expect_code(0);
    assert_eq!(said.stderr, "secret `mysql.password` is set in `secrets.yml` (kms)\n");
    assert_eq!(said.stdout, "");
    assert!(!sandbox.read("secrets.yml").contains("horse"));
    let said = sandbox.run(["secrets", "list"]).expect_code(0);
    assert_eq!(said.stdout, "NAME            SOURCE         FORM\nmysql.password  `secrets.yml`  kms\n");
    resolved(&sandbox, "mysql.password").expect_code(0);
    assert_eq!(sandbox.read("out.txt"), sha256(VALUE));
}

#[test]
fn a_value_over_4_kib_lies_in_an_envelope_under_its_name() {
    let Some(aws) = aws() else { return };
    let sandbox = sandbox(&aws);
    let value = "a long secret \u{1f363} ".repeat(400);
    set(&sandbox, &["long", "--key", "alias/sync-test"], &value).expect_code(0);
    assert!(sandbox.read("secrets.yml").contains("\n  envelope: 1\n"));
    resolved(&sandbox, "long").expect_code(0);
    assert_eq!(sandbox.read("out.txt"), sha256(&value));
    let moved = sandbox.read("secrets.yml").replace("\nlong:", "\nother:");
    sandbox.write("secrets.yml", &moved);
    let said = resolved(&sandbox, "other").expect_code(1);
    assert!(said.stderr.contains("it was changed, or moved from another name"), "{}", said.stderr);
}

#[test]
fn a_value_that_is_short_or_not_used_is_a_warning() {
    let Some(aws) = aws() else { return };
    let mut sandbox = sandbox(&aws);
    let stored = "secret `db.password` is set in `secrets.yml` (kms)\n";
    let short = "warning: so short a value is hidden only where it stands alone in a text\n";
    let said = set(&sandbox, &["db.password", "--key", &aws.kms_key], "abc\n").expect_code(0);
    assert_eq!(said.stderr, format!("{short}{stored}"));
    sandbox.write("p", "secrets.db.password = other-value\n");
    let said = set(&sandbox, &["db.password", "--key", &aws.kms_key, "-c", "p"], VALUE).expect_code(0);
    let first = "gives this secret too, and comes first\n";
    assert_eq!(said.stderr, format!("{stored}warning: the property `secrets.db.password` {first}"));
    sandbox.set("SYNC_SECRET_DB_PASSWORD", "another-value");
    let said = set(&sandbox, &["db.password", "--key", &aws.kms_key, "-c", "p"], VALUE).expect_code(0);
    assert_eq!(said.stderr, format!("{stored}warning: the variable `SYNC_SECRET_DB_PASSWORD` {first}"));
}

#[test]
fn the_key_may_come_from_the_properties() {
    let Some(aws) = aws() else { return };
    let sandbox = sandbox(&aws);
    sandbox.write("digdag.properties", &format!("sync.secrets.kms_key = {}\n", aws.kms_key));
    set(&sandbox, &["a", "-c", "digdag.properties"], VALUE).expect_code(0);
    let said = set(&sandbox, &["a"], VALUE).expect_code(2);
    assert_eq!(
        said.stderr,
        "error: no KMS key is given\nhint: use `--key`, or set `sync.secrets.kms_key` in the properties; without AWS a secret is a \
         variable `SYNC_SECRET_<NAME>`, or `secrets.<name>` in the properties\n"
    );
}

#[test]
fn what_aws_kms_encrypt_prints_can_be_pasted() {
    let Some(aws) = aws() else { return };
    let sandbox = sandbox(&aws);
    set(&sandbox, &["a", "--key", &aws.kms_key], VALUE).expect_code(0);
    let blob = sandbox.read("secrets.yml").rsplit("kms: ").next().expect("it has one").trim().to_owned();
    sandbox.write(
        "secrets.yml",
        &format!(
            "pasted: {{\n    \"CiphertextBlob\": \"{blob}\",\n    \"KeyId\": \"{}\",\n    \
             \"EncryptionAlgorithm\": \"SYMMETRIC_DEFAULT\"\n  }}\n",
            aws.kms_key
        ),
    );
    resolved(&sandbox, "pasted").expect_code(0);
    assert_eq!(sandbox.read("out.txt"), sha256(VALUE));
}

#[test]
fn a_refusal_names_the_secret_the_file_and_what_to_do() {
    let Some(aws) = aws() else { return };
    let sandbox = sandbox(&aws);
    sandbox.write("secrets.yml", &format!("broken:\n  kms: {}\n", STANDARD.encode([7; 120])));
    let said = resolved(&sandbox, "broken").expect_code(1);
    assert!(
        said.stderr.contains("secret `broken` could not be read from `secrets.yml`: AWS KMS"),
        "{}",
        said.stderr
    );
    let said = set(&sandbox, &["a", "--key", "alias/no-such-key"], VALUE).expect_code(1);
    assert!(
        said.stderr.starts_with("error: secret `a` could not be encrypted under key `alias/no-such-key`\n"),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("NotFoundException"), "{}", said.stderr);
    assert!(!sandbox.read("secrets.yml").contains("\na:"));
}

#[test]
fn a_stranger_cannot_set_and_nothing_is_written() {
    let Some(aws) = aws() else { return };
    let mut sandbox = sandbox(&aws);
    sandbox.set("AWS_SECRET_ACCESS_KEY", "wrong-secret-access-key");
    let said = set(&sandbox, &["a", "--key", &aws.kms_key], VALUE).expect_code(1);
    assert!(said.stderr.contains("  cause: AWS KMS "), "{}", said.stderr);
    assert!(
        !said.stderr.contains("wrong-secret-access-key") && !said.stderr.contains("horse"),
        "{}",
        said.stderr
    );
    assert!(!sandbox.path().join("secrets.yml").exists());
}

#[test]
fn a_file_in_plain_text_is_refused_and_not_quoted() {
    let Some(aws) = aws() else { return };
    let sandbox = sandbox(&aws);
    sandbox.write("secrets.yml", "a: correct horse\n");
    for said in [set(&sandbox, &["b", "--key", &aws.kms_key], VALUE), sandbox.run(["secrets", "list"])] {
        assert_eq!(said.code, Some(1));
        assert!(said.stderr.contains("line 1: `a` is not encrypted"), "{}", said.stderr);
        assert!(!said.stderr.contains("horse"), "{}", said.stderr);
    }
    assert_eq!(sandbox.read("secrets.yml"), "a: correct horse\n");
}

/// Logs of one task through the properties, as a run writes them.
fn logs(aws: &Aws, folder: &std::path::Path, path: &str, secret_key: &str) -> TaskLogs {
    let text = format!(
        "log-server.type = s3\nlog-server.s3.bucket = {}\nlog-server.s3.path = {path}\n\
         log-server.s3.endpoint = {}\nlog-server.s3.credentials.access-key-id = {}\n\
         log-server.s3.credentials.secret-access-key = {secret_key}\n",
        aws.bucket, aws.endpoint, aws.access_key_id
    );
    let sources = Sources { text: Some(text), ..Sources::default() };
    let settings = Properties::load(&sources).unwrap().log_server().unwrap().expect("it is configured");
    let identity = AttemptIdentity {
        workflow: "nightly".into(),
        session_time: "20260102T000000+0900".into(),
        name: None,
        started_at: "2026-01-01T23:00:00Z".parse().unwrap(),
        agent: "1@host".into(),
    };
    let store = Arc::new(S3LogStore::new(Arc::new(AwsSetup::new()), &settings));
    let scrubber = Scrubber::new();
    scrubber.add(&Secret::new(VALUE));
    TaskLogs::new(TaskLogSetup {
        state_folder: folder.to_owned(),
        session: SessionId(1),
        attempt: AttemptId(1),
        scrubber,
        server: Some(LogServer { path: settings.path.clone(), identity, store }),
    })
    .unwrap()
}

fn write(logs: &TaskLogs) {
    let task = TaskName::from_full("+nightly+orders");
    let at = "2026-01-01T23:00:01Z".parse().unwrap();
    let show = |kind| logs.show(&RunEvent { at, kind });
    show(EventKind::TaskStarted { task: task.clone(), operator: "sh".into(), round: 1 });
    show(EventKind::Output { task: task.clone(), bytes: format!("password is {VALUE}\n").into_bytes() });
    show(EventKind::TaskFinished { task, state: TaskState::Success, result: None, failure: None });
}

fn objects(aws: &Aws, prefix: &str) -> Vec<(String, String)> {
    let settings = S3Settings {
        endpoint: Some(aws.endpoint.clone()),
        credentials: S3Credentials::Keys {
            id: Secret::new(aws.access_key_id.as_str()),
            key: Secret::new(aws.secret_access_key.as_str()),
            token: None,
        },
        ..S3Settings::default()
    };
    let s3 = S3::new(Arc::new(AwsSetup::new()), settings, Retrying::alone());
    let keys = s3.list(&aws.bucket, prefix).unwrap();
    // Reports are told of elsewhere.
    let logs = keys.into_iter().filter(|key| key.ends_with(".log.gz"));
    logs.map(|key| {
        let body = s3.get(&aws.bucket, &key).unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(body.as_slice()), &mut text).unwrap();
        (key, text)
    })
    .collect()
}

#[test]
fn a_log_arrives_where_digdag_puts_it_and_a_refused_one_is_kept_for_the_next_start() {
    let Some(aws) = aws() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = fresh_name("logs");
    let refused = logs(&aws, folder.path(), &path, "wrong-secret-access-key");
    write(&refused);
    let summary = refused.finish();
    assert_eq!((summary.upload.sent_count, summary.upload.kept.len(), summary.disk), (0, 1, None));
    let reason = &summary.upload.kept[0].reason;
    assert!(reason.starts_with("bucket `sync-test`: S3 says SignatureDoesNotMatch"), "{reason}");
    assert_eq!(objects(&aws, &path), []);

    let allowed = logs(&aws, folder.path(), &path, &aws.secret_access_key);
    assert_eq!(allowed.finish().upload.sent_count, 1);
    let key = format!(
        "{path}/2026-01-01/0.1nightly@20260102T000000+0900/+nightly+orders@6956fc7100000000.1@host.log.gz"
    );
    let text = "2026-01-01 23:00:01.000 +0000 [1] INFO sh> begins, attempt 1, try 1\n\
                2026-01-01 23:00:01.000 +0000 [1] password is ***\n\
                2026-01-01 23:00:01.000 +0000 [1] INFO ended: success\n";
    assert_eq!(objects(&aws, &path), [(key, text.to_owned())]);
}

#[test]
fn a_log_server_that_refuses_fails_no_task_and_gets_the_logs_from_the_next_run() {
    let Some(aws) = aws() else { return };
    let mut sandbox = sandbox(&aws);
    let path = fresh_name("refused");
    sandbox.write("greet.dig", "+hello:\n  echo>: good morning\n");
    let properties = |key: &str| {
        format!(
            "log-server.type = s3\nlog-server.s3.bucket = {}\nlog-server.s3.path = {path}\n\
             log-server.s3.credentials.access-key-id = {}\nlog-server.s3.credentials.secret-access-key = {key}\n",
            aws.bucket, aws.access_key_id
        )
    };
    sandbox.set("DIGDAG_CONFIG", properties("wrong-secret-access-key"));
    let said = sandbox.run(["run", "greet.dig"]).expect_code(0);
    assert_eq!(said.stdout, "good morning\n");
    assert!(
        said.stderr
            .contains("warning: 1 task log and 2 reports could not be sent to the log server (bucket `sync-test`: S3 says"),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("/.sync/logs/1/1/+greet+hello.log\n"), "{}", said.stderr);
    assert!(!said.stderr.contains("wrong-secret-access-key"), "{}", said.stderr);
    assert_eq!(objects(&aws, &path), []);

    sandbox.set("DIGDAG_CONFIG", properties(&aws.secret_access_key));
    let said = sandbox.run(["run", "greet.dig"]).expect_code(0);
    assert!(!said.stderr.contains("log server"), "{}", said.stderr);
    let objects = objects(&aws, &path);
    assert_eq!(objects.len(), 2, "{objects:?}");
    for (key, text) in objects {
        assert!(
            key.contains("/0.1greet@") && key.contains("/+greet+hello@") && key.ends_with(".log.gz"),
            "{key}"
        );
        assert!(text.contains("echo> begins, attempt "), "{text}");
    }
}

#[test]
fn the_first_source_of_a_secret_wins_and_all_are_listed() {
    let mut sandbox = Sandbox::new();
    sandbox.write(
        "show.dig",
        "+t:\n  sh>: printf '%s|%s|%s' \"$A\" \"$B\" \"$C\" > out.txt; echo \"$A $B $C\"\n  _env:\n    \
         A: ${secret:a.x}\n    B: ${secret:b}\n    C: ${secret:c}\n",
    );
    for name in ["a.x", "b", "c"] {
        sandbox.write(&format!("home/secrets/{name}"), &format!("{name}-from-file"));
    }
    let home = sandbox.path().join("home").display().to_string();
    sandbox.set("DIGDAG_CONFIG_HOME", home.as_str());
    sandbox.set("DIGDAG_CONFIG", "secrets.a.x = a-from-properties\nsecrets.b = b-from-properties\n");
    sandbox.set("SYNC_SECRET_A_X", "a-from-environment");
    let said = sandbox.run(["run", "show.dig"]).expect_code(0);
    assert_eq!(said.stdout, "*** *** ***\n");
    assert_eq!(sandbox.read("out.txt"), "a-from-environment|b-from-properties|c-from-file");
    let said = sandbox.run(["secrets", "list"]).expect_code(0);
    let directory = format!("`{home}/secrets`");
    let wide = directory.len();
    assert_eq!(
        said.stdout,
        format!(
            "NAME             {source:wide$}  FORM\n\
             SYNC_SECRET_A_X  {environment:wide$}  plain\n\
             a.x              {properties:wide$}  plain (not used: set above)\n\
             b                {properties:wide$}  plain\n\
             a.x              {directory}  plain (not used: set above)\n\
             b                {directory}  plain (not used: set above)\n\
             c                {directory}  plain\n",
            source = "SOURCE",
            environment = "the environment",
            properties = "the properties",
        )
    );
}

#[test]
fn a_variable_that_two_secrets_could_mean_is_refused() {
    let mut sandbox = Sandbox::new();
    sandbox.write("home/secrets/a_x", "other");
    sandbox.set("DIGDAG_CONFIG_HOME", sandbox.path().join("home").display().to_string());
    sandbox.set("SYNC_SECRET_A_X", "value");
    sandbox.write("show.dig", "+t:\n  sh>: true\n  _env:\n    A: ${secret:a.x}\n");
    let said = sandbox.run(["run", "show.dig"]).expect_code(1);
    assert!(
        said.stderr.contains(
            "secret `a.x` could not be read from the environment: variable `SYNC_SECRET_A_X` could mean `a_x` as \
             well; rename one of the two"
        ),
        "{}",
        said.stderr
    );
}
