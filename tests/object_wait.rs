//! `s3_wait>` and `gcs_wait>` against real servers: what is found, what is told, and how a wait ends.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use sync::cloud::google::auth::Account;
use sync::cloud::google::http::{Google, Manners};
use sync::cloud::google::storage::Storage;
use sync::cloud::google::{Endpoints, Identity};

use crate::support::s3;
use crate::support::sandbox::{Said, Sandbox};
use crate::support::servers::{Aws, Gcs, aws, fresh_name, gcs};

/// A sandbox whose commands find S3 and Cloud Storage where they run.
fn s3_sandbox(aws: &Aws) -> Sandbox {
    let mut sandbox = Sandbox::new();
    for (name, value) in aws.environment() {
        sandbox.set(name, value);
    }
    sandbox
}

fn gcs_sandbox(gcs: &Gcs) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.set("STORAGE_EMULATOR_HOST", gcs.url.as_str());
    sandbox
}

/// Puts an object of five bytes into the bucket.
fn upload(gcs: &Gcs, name: &str) {
    let endpoints =
        Endpoints { bigquery: String::new(), storage: gcs.url.clone(), identity: Identity::Anonymous };
    let manners = Manners {
        retries: 0,
        open_timeout: Duration::from_secs(10),
        read_timeout: Duration::from_secs(30),
        application_name: "sync tests".to_owned(),
    };
    let google = Google::new(Account::ApplicationDefault, endpoints, &manners).expect("no key, no call");
    let mut upload = Storage::new(google).upload(&gcs.bucket, name, "text/plain");
    upload.write(b"hello").expect("it is taken");
    upload.finish().expect("it is written");
}

/// Waits in a task, then shows what is known of the object.
fn run(sandbox: &Sandbox, wait: &str, shown: &str) -> Said {
    sandbox.write("main.dig", &format!("+wait:\n{wait}+show:\n  echo>: ${{{shown}}}\n"));
    sandbox.run(["run", "main.dig"])
}

/// What is told of a failure after the name of the task.
fn failure(said: &Said) -> String {
    let told = said.stderr.split_once("  +main+wait: ").unwrap_or_else(|| panic!("{}", said.stderr)).1;
    told.split("hint: `sync retry").next().unwrap_or_default().to_owned()
}

/// Reads lines until one begins so. The program's end is a failure.
#[track_caller]
fn await_line(reader: &mut impl BufRead, begin: &str) {
    let mut read = String::new();
    loop {
        let start = read.len();
        assert!(reader.read_line(&mut read).expect("text") > 0, "`{begin}` never came:\n{read}");
        if read[start..].starts_with(begin) {
            return;
        }
    }
}

fn start(sandbox: &Sandbox, arguments: &[&str]) -> Child {
    let mut command = sandbox.command(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

#[test]
fn an_object_in_s3_is_described_as_digdag_does() {
    let Some(aws) = aws() else { return };
    let key = fresh_name("wait/object");
    s3::put(&aws, &aws.bucket, &key, &[("b", "2"), ("a", "1")]);
    let sandbox = s3_sandbox(&aws);
    let said = run(&sandbox, &format!("  s3_wait>: {}/{key}\n  timeout: 0s\n", aws.bucket), "s3.last_object")
        .expect_code(0);
    let mut object: Value = serde_json::from_str(&said.stdout).expect("JSON");
    assert!(
        object["metadata"]["Last-Modified"].take().as_i64().is_some_and(|millis| millis > 1_700_000_000_000)
    );
    assert_eq!(
        object,
        json!({
            "metadata": {
                "Accept-Ranges": "bytes", "Content-Length": 5, "Content-Type": "text/plain",
                "ETag": "5d41402abc4b2a76b9719d911017c592", "Last-Modified": null,
            },
            "user_metadata": {"a": "1", "b": "2"},
            "result": true,
        })
    );
    assert_eq!(said.stderr, "");
}

#[test]
fn s3_is_found_by_options_and_secrets_alone() {
    let Some(aws) = aws() else { return };
    let bucket = s3::versioned_bucket(&aws);
    let key = "a/key with blanks";
    s3::put(&aws, &bucket, key, &[]);
    s3::put(&aws, &bucket, key, &[]);
    let versions = s3::versions(&aws, &bucket, key);
    let mut sandbox = Sandbox::new();
    // The endpoint's secret beats the option.
    sandbox.set("SYNC_SECRET_AWS_S3_ENDPOINT", aws.endpoint.as_str());
    sandbox.set("SYNC_SECRET_AWS_ACCESS_KEY_ID", "AKIAOTHER");
    sandbox.set("SYNC_SECRET_AWS_S3_ACCESS_KEY_ID", aws.access_key_id.as_str());
    sandbox.set("SYNC_SECRET_AWS_SECRET_ACCESS_KEY", aws.secret_access_key.as_str());
    let wait = |version: &str| {
        format!(
            "  _export: {{aws: {{region: {}, s3: {{endpoint: 'http://127.0.0.1:1'}}}}}}\n  s3_wait>:\n  \
             bucket: {bucket}\n  key: {key}\n  path_style_access: true\n  version_id: {version}\n  timeout: 0s\n",
            aws.region
        )
    };
    let shown = "s3.last_object.metadata['x-amz-version-id']";
    let said = run(&sandbox, &wait(&versions[1]), shown).expect_code(0);
    assert_eq!(said.stdout, format!("{}\n", versions[1]));
    assert_ne!(versions[0], versions[1]);
}

#[test]
fn a_wait_for_s3_that_takes_too_long_fails_or_goes_on() {
    let Some(aws) = aws() else { return };
    let object = format!("{}/{}", aws.bucket, fresh_name("missing"));
    let sandbox = s3_sandbox(&aws);
    let wait = format!("  s3_wait>: {object}\n  timeout: 0s\n");
    let said = run(&sandbox, &wait, "s3.last_object").expect_code(1);
    assert_eq!(
        failure(&said),
        format!(
            "object `{object}` did not appear within 0s\n    hint: raise `timeout`, or go on without it by \
             `continue_on_timeout: true`\n"
        )
    );
    let said =
        run(&sandbox, &format!("{wait}  continue_on_timeout: true\n"), "s3.last_object").expect_code(0);
    assert_eq!(said.stdout, "{\"result\":false}\n");
    assert_eq!(
        said.stderr,
        format!(
            "warning: +main+wait: object `{object}` did not appear within 0s; the task goes on without it\n"
        )
    );
}

#[test]
fn a_wrong_bucket_and_a_wrong_key_are_told_at_once() {
    let Some(aws) = aws() else { return };
    let mut sandbox = s3_sandbox(&aws);
    let said = run(&sandbox, "  s3_wait>: no-such-bucket-of-ours/k\n  timeout: 0s\n", "s3").expect_code(1);
    assert_eq!(
        failure(&said),
        "bucket `no-such-bucket-of-ours` does not exist\n    hint: check its name, and whose account is asked\n"
    );
    sandbox.set("AWS_SECRET_ACCESS_KEY", "not-the-secret-access-key");
    let said = run(&sandbox, &format!("  s3_wait>: {}/k\n  timeout: 0s\n", aws.bucket), "s3").expect_code(1);
    assert_eq!(
        failure(&said),
        format!(
            "S3 does not tell whether object `{}/k` is there\n    cause: S3 answered 403\n    hint: check the \
             credentials; S3 also says so of an object that is not there to those who may not list the bucket \
             (`s3:ListBucket`)\n",
            aws.bucket
        )
    );
    sandbox.set("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    let said = run(&sandbox, "  s3_wait>: b/k\n  timeout: 0s\n", "s3").expect_code(75);
    assert!(
        failure(&said).ends_with("    hint: check endpoint and network, then retry\n"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_wait_is_told_once_and_ends_with_the_run() {
    let Some(aws) = aws() else { return };
    let object = format!("{}/{}", aws.bucket, fresh_name("missing"));
    let sandbox = s3_sandbox(&aws);
    sandbox.write("main.dig", &format!("+wait:\n  s3_wait>: {object}\n  timeout: 60s\n"));
    let mut child = start(&sandbox, &["run", "main.dig"]);
    let mut stderr = BufReader::new(child.stderr.take().expect("it is piped"));
    await_line(
        &mut stderr,
        &format!("+main+wait: object `{object}` does not yet exist: waits for it, at most 1m\n"),
    );
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).expect("text");
    assert_eq!(child.wait().expect("it ends").code(), Some(143));
    assert!(rest.starts_with("warning: stopping: SIGTERM; what runs may go on for 10.0s, "), "{rest}");
    assert!(!rest.contains("does not yet exist"), "{rest}");
}

#[test]
fn a_wait_for_cloud_storage_holds_no_thread_and_ends_when_the_object_appears() {
    let Some(gcs) = gcs() else { return };
    let sandbox = gcs_sandbox(&gcs);
    let name = fresh_name("wait");
    sandbox.write(
        "main.dig",
        &format!(
            "_parallel: true\n+wait:\n  gcs_wait>: gs://{}/{name}\n  timeout: 60s\n+other:\n  echo>: here\n",
            gcs.bucket
        ),
    );
    // One thread: what runs beside the wait runs while it waits.
    let mut child = start(&sandbox, &["run", "main.dig", "-j", "1"]);
    await_line(&mut BufReader::new(child.stdout.take().expect("it is piped")), "here\n");
    let mut stderr = BufReader::new(child.stderr.take().expect("it is piped"));
    let object = format!("{}/{name}", gcs.bucket);
    await_line(
        &mut stderr,
        &format!("+main+wait: object `{object}` does not yet exist: waits for it, at most 1m\n"),
    );
    upload(&gcs, &name);
    await_line(&mut stderr, &format!("+main+wait: object `{object}` is there\n"));
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn an_object_in_cloud_storage_is_described_as_digdag_does() {
    let Some(gcs) = gcs() else { return };
    let mut sandbox = gcs_sandbox(&gcs);
    let name = fresh_name("wait");
    upload(&gcs, &name);
    let wait = format!("  gcs_wait>:\n  bucket: {}\n  object: {name}\n  timeout: 0s\n", gcs.bucket);
    let said = run(&sandbox, &wait, "gcs_wait.last_object").expect_code(0);
    let object: Value = serde_json::from_str(&said.stdout).expect("JSON");
    let metadata = &object["metadata"];
    assert_eq!((&metadata["name"], &metadata["size"]), (&json!(name), &json!(5)));
    assert_eq!(metadata["updated"]["dateOnly"], false);
    assert!(metadata["updated"]["value"].as_i64().is_some_and(|millis| millis > 1_700_000_000_000));
    assert_eq!((said.stderr.as_str(), &object["result"]), ("", &json!(true)));

    let said = run(&sandbox, "  gcs_wait>: no-such-bucket/o\n  timeout: 0s\n", "gcs_wait").expect_code(1);
    assert_eq!(
        failure(&said),
        "bucket `no-such-bucket` does not exist\n    hint: check its name, and whose account is asked\n"
    );
    let wait = format!("  gcs_wait>: {}/{name}-2\n  timeout: 0s\n  continue_on_timeout: true\n", gcs.bucket);
    assert_eq!(run(&sandbox, &wait, "gcs_wait.last_object").expect_code(0).stdout, "{\"result\":false}\n");

    sandbox.set("SYNC_SECRET_GCP_CREDENTIAL", "{\"private_key\": \"-----BEGIN x\" oops}");
    let said = run(&sandbox, &wait, "gcs_wait").expect_code(1);
    assert_eq!(
        failure(&said),
        "secret `gcp.credential` cannot be used\n    cause: `gcp.credential` is not JSON: line 1, column 32 of the key\n    \
         hint: it is the whole text of the key file that Google Cloud made\n"
    );
}
