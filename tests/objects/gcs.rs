//! `type: gcs` against an emulator, and against a fake that holds and loses calls.

use std::process::Stdio;

use serde_json::json;

use super::{failure, log, on_disk, orders, run, transfer};
use crate::support::google::FakeGoogle;
use crate::support::http;
use crate::support::sandbox::Sandbox;
use crate::support::servers::{Gcs, fresh_name, gcs};

const JSONL: &str = "  formatter: {type: jsonl}\n";

fn out(bucket: &str, prefix: &str, more: &str) -> String {
    format!("  type: gcs\n  bucket: {bucket}\n  path_prefix: {prefix}\n  file_ext: .jsonl\n{more}")
}

fn sandbox(gcs: &Gcs, rows: u32) -> (Sandbox, String) {
    let mut sandbox = Sandbox::new();
    sandbox.set("STORAGE_EMULATOR_HOST", gcs.url.as_str());
    orders(&sandbox, rows);
    (sandbox, fresh_name("out/orders"))
}

fn names(gcs: &Gcs, prefix: &str) -> Vec<String> {
    let listed = http::get(&format!("{}/storage/v1/b/{}/o?prefix={prefix}", gcs.url, gcs.bucket)).json();
    let items = listed["items"].as_array().cloned().unwrap_or_default();
    items.iter().map(|item| item["name"].as_str().expect("a name").to_owned()).collect()
}

fn content(gcs: &Gcs, name: &str) -> Vec<u8> {
    let name = name.replace('/', "%2F");
    let answer = http::get(&format!("{}/storage/v1/b/{}/o/{name}?alt=media", gcs.url, gcs.bucket));
    assert_eq!(answer.status, 200, "{name}");
    answer.body
}

#[test]
fn an_object_of_many_chunks_is_equal_byte_by_byte() {
    let Some(gcs) = gcs() else { return };
    let (sandbox, prefix) = sandbox(&gcs, 30_000);
    transfer(&sandbox, "gcs.yml", &out(&gcs.bucket, &format!("./{prefix}"), JSONL));
    run(&sandbox, "gcs.yml").expect_code(0);
    let name = format!("{prefix}.000.00.jsonl");
    assert!(log(&sandbox).contains(&format!("Writing GCS file '{name}'")));
    assert_eq!(names(&gcs, &prefix), [name.as_str()]);
    assert!(content(&gcs, &name) == on_disk(&sandbox, JSONL));

    // A second run writes over it.
    orders(&sandbox, 0);
    run(&sandbox, "gcs.yml").expect_code(0);
    assert_eq!(content(&gcs, &name), b"");
}

#[test]
fn several_tasks_make_several_objects() {
    let Some(gcs) = gcs() else { return };
    let (sandbox, prefix) = sandbox(&gcs, 20_000);
    transfer(
        &sandbox,
        "gcs.yml",
        &out(&gcs.bucket, &prefix, &format!("{JSONL}exec: {{min_output_tasks: 2}}\n")),
    );
    run(&sandbox, "gcs.yml").expect_code(0);
    let all: Vec<String> = (0..2).map(|task| format!("{prefix}.00{task}.00.jsonl")).collect();
    assert_eq!(names(&gcs, &prefix), all);
    let lines = |name: &String| String::from_utf8(content(&gcs, name)).expect("text").lines().count();
    assert!(all.iter().all(|name| lines(name) > 5_000));
    assert_eq!(all.iter().map(lines).sum::<usize>(), 20_000);
}

#[test]
fn stale_objects_are_refused_deleted_or_kept() {
    let Some(gcs) = gcs() else { return };
    let (sandbox, prefix) = sandbox(&gcs, 1);
    let stale = format!("{prefix}.001.00.jsonl");
    transfer(
        &sandbox,
        "stale.yml",
        &out(&gcs.bucket, &prefix, &format!("  sequence_format: .001.00\n{JSONL}")),
    );
    run(&sandbox, "stale.yml").expect_code(0);
    let with =
        |rule: &str| transfer(&sandbox, "gcs.yml", &out(&gcs.bucket, &prefix, &format!("{rule}{JSONL}")));
    with("");
    assert_eq!(
        failure(&run(&sandbox, "gcs.yml").expect_code(1)),
        format!(
            "    cause: objects of the same pattern are there that this run does not write: \
             `gs://{}/{stale}`\n    hint: remove them, or set `stale_objects: delete` or `stale_objects: keep`\n",
            gcs.bucket
        )
    );
    let own = format!("{prefix}.000.00.jsonl");
    with("  stale_objects: keep\n");
    run(&sandbox, "gcs.yml").expect_code(0);
    assert_eq!(names(&gcs, &prefix), [own.clone(), stale]);
    with("  stale_objects: delete\n");
    run(&sandbox, "gcs.yml").expect_code(0);
    assert_eq!(names(&gcs, &prefix), [own]);
}

#[test]
fn failures_name_the_place_and_one_thing_to_do() {
    let Some(gcs) = gcs() else { return };
    let (mut sandbox, prefix) = sandbox(&gcs, 1);
    transfer(&sandbox, "gcs.yml", &out("no-such-bucket", &prefix, JSONL));
    let told = failure(&run(&sandbox, "gcs.yml").expect_code(1));
    assert!(
        told.starts_with(
            "    cause: bucket `no-such-bucket` could not be listed\n    cause: GET storage objects: HTTP 404"
        ),
        "{told}"
    );
    assert!(told.ends_with("hint: make bucket `no-such-bucket`, or correct `bucket`\n"), "{told}");
    sandbox.set("STORAGE_EMULATOR_HOST", "127.0.0.1:1");
    transfer(&sandbox, "gcs.yml", &out("b", &prefix, &format!("  max_connection_retry: 0\n{JSONL}")));
    assert_eq!(
        failure(&run(&sandbox, "gcs.yml").expect_code(75)),
        "    cause: bucket `b` could not be listed\n    cause: GET storage objects: no connection\n    hint: check \
         host, port and network, then retry\n"
    );
}

/// The fake with an object of an earlier run.
fn fake_with_an_old_object() -> Option<(FakeGoogle, Sandbox)> {
    let fake = FakeGoogle::start()?;
    let mut sandbox = Sandbox::new();
    for (name, value) in fake.environment() {
        sandbox.set(name, value);
    }
    orders(&sandbox, 1);
    transfer(&sandbox, "gcs.yml", &out("staging", "orders", JSONL));
    run(&sandbox, "gcs.yml").expect_code(0);
    orders(&sandbox, 30_000);
    Some((fake, sandbox))
}

#[test]
fn a_run_that_is_killed_leaves_the_old_object_and_a_retry_writes_the_new_one() {
    let Some((fake, sandbox)) = fake_with_an_old_object() else { return };
    let old = fake.object("orders.000.00.jsonl");
    fake.rule(&json!({"id": "here", "method": "PUT", "path": "/upload/", "after": 2, "action": "hold"}));
    let mut command = sandbox.command(["run", "main.dig"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    fake.await_rule("here", 1);
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    fake.forget_rules();
    assert_eq!(fake.objects(), ["orders.000.00.jsonl"]);
    assert!(fake.object("orders.000.00.jsonl") == old);
    sandbox.run(["retry", "--session", "last"]).expect_code(0);
    assert!(fake.object("orders.000.00.jsonl") == on_disk(&sandbox, JSONL));
}

#[test]
fn a_chunk_that_is_lost_or_taken_in_part_is_sent_again() {
    let Some((fake, sandbox)) = fake_with_an_old_object() else { return };
    fake.rule(&json!({"id": "lost", "method": "PUT", "path": "/upload/", "action": "lose_answer"}));
    fake.rule(
        &json!({"id": "short", "method": "PUT", "path": "/upload/", "action": "short", "bytes": 262144}),
    );
    run(&sandbox, "gcs.yml").expect_code(0);
    assert!(fake.object("orders.000.00.jsonl") == on_disk(&sandbox, JSONL));
}

#[test]
fn bytes_that_changed_on_the_way_leave_the_old_object() {
    let Some((fake, sandbox)) = fake_with_an_old_object() else { return };
    let old = fake.object("orders.000.00.jsonl");
    fake.rule(&json!({"method": "PUT", "path": "/upload/", "action": "corrupt"}));
    assert_eq!(
        failure(&run(&sandbox, "gcs.yml").expect_code(1)),
        "    cause: object `gs://staging/orders.000.00.jsonl` could not be written\n    cause: PUT chunk of POST \
         storage objects: other bytes arrived than were sent (their CRC32C differs), and nothing was stored\n    hint: \
         retry; the target was left as it was\n"
    );
    assert!(fake.object("orders.000.00.jsonl") == old);
    sandbox.run(["retry", "--session", "last"]).expect_code(0);
    assert!(fake.object("orders.000.00.jsonl") == on_disk(&sandbox, JSONL));
}

#[test]
fn an_object_of_another_checksum_does_not_stay() {
    let Some((fake, sandbox)) = fake_with_an_old_object() else { return };
    // The third request of some 12 MB is the last.
    fake.rule(
        &json!({"id": "other", "method": "PUT", "path": "/upload/", "after": 2, "action": "other_crc32c"}),
    );
    assert_eq!(
        failure(&run(&sandbox, "gcs.yml").expect_code(1)),
        "    cause: object `gs://staging/orders.000.00.jsonl` could not be written\n    cause: storage objects: the \
         stored object's CRC32C differs from what was sent\n    hint: retry: the object was removed, and all rows \
         are sent again\n"
    );
    assert_eq!(fake.applied("other"), 1);
    assert_eq!(fake.objects(), Vec::<String>::new());
    sandbox.run(["retry", "--session", "last"]).expect_code(0);
    assert!(fake.object("orders.000.00.jsonl") == on_disk(&sandbox, JSONL));
}

#[test]
fn rows_go_to_several_objects_of_a_size_that_become_visible_when_all_are_sent() {
    let Some((fake, sandbox)) = fake_with_an_old_object() else { return };
    let old = fake.object("orders.000.00.jsonl");
    // The last object is begun: all bytes of those before it are with the service, but for their ends.
    fake.rule(&json!({"id": "here", "method": "POST", "path": "orders.000.04", "action": "hold"}));
    let sizes = format!("  max_file_bytes: 2000000\n{JSONL}");
    transfer(&sandbox, "gcs.yml", &out(FakeGoogle::BUCKET, "orders", &sizes));
    let mut command = sandbox.command(["run", "main.dig"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    fake.await_rule("here", 1);
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    fake.forget_rules();
    assert_eq!(fake.objects(), ["orders.000.00.jsonl"]);
    assert!(fake.object("orders.000.00.jsonl") == old);

    sandbox.run(["retry", "--session", "last"]).expect_code(0);
    let names = fake.objects();
    let expected: Vec<String> = (0..names.len()).map(|file| format!("orders.000.{file:02}.jsonl")).collect();
    assert_eq!(names, expected);
    assert!(names.len() >= 5, "{names:?}");
    let all: Vec<Vec<u8>> = names.iter().map(|name| fake.object(name)).collect();
    assert!(all[..all.len() - 1].iter().all(|object| object.len() >= 2_000_000));
    assert!(all.concat() == on_disk(&sandbox, JSONL));

    orders(&sandbox, 10);
    let sizes = format!("  stale_objects: delete\n{sizes}");
    transfer(&sandbox, "gcs.yml", &out(FakeGoogle::BUCKET, "orders", &sizes));
    run(&sandbox, "gcs.yml").expect_code(0);
    assert_eq!(fake.objects(), expected[..1]);
    assert!(fake.object(&expected[0]) == on_disk(&sandbox, JSONL));
}

#[test]
fn the_end_of_an_object_may_be_nothing_or_all_of_it() {
    let Some((fake, sandbox)) = fake_with_an_old_object() else { return };
    // A page is less than the 256 KiB that a request must have.
    orders(&sandbox, 3_000);
    transfer(
        &sandbox,
        "gcs.yml",
        &out(FakeGoogle::BUCKET, "orders", &format!("  max_file_bytes: 1\n{JSONL}")),
    );
    run(&sandbox, "gcs.yml").expect_code(0);
    let names = fake.objects();
    assert!(names.len() > 1, "{names:?}");
    let all: Vec<u8> = names.iter().flat_map(|name| fake.object(name)).collect();
    assert!(all == on_disk(&sandbox, JSONL));
}
