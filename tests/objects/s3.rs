//! `type: s3` against a stand-in of S3: keys, parts, traits, who asks, and what is stale.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;

use super::{failure, log, on_disk, orders, run, transfer};
use crate::support::s3;
use crate::support::sandbox::Sandbox;
use crate::support::servers::{Aws, aws, fresh_name};

const JSONL: &str = "  formatter: {type: jsonl}\n";

/// A sandbox whose commands find S3, with a prefix for its keys.
fn sandbox(aws: &Aws, rows: u32) -> (Sandbox, String) {
    let mut sandbox = Sandbox::new();
    for (name, value) in aws.environment() {
        sandbox.set(name, value);
    }
    orders(&sandbox, rows);
    (sandbox, fresh_name("out/orders"))
}

fn out(aws: &Aws, prefix: &str, more: &str) -> String {
    format!("  type: s3\n  bucket: {}\n  path_prefix: {prefix}\n  file_ext: .jsonl\n{more}", aws.bucket)
}

fn keys(aws: &Aws, prefix: &str) -> Vec<String> {
    s3::objects(aws, prefix).into_keys().collect()
}

#[test]
fn an_object_of_many_parts_is_equal_byte_by_byte() {
    let Some(aws) = aws() else { return };
    let (sandbox, prefix) = sandbox(&aws, 70_000);
    transfer(&sandbox, "s3.yml", &out(&aws, &prefix, JSONL));
    let said = run(&sandbox, "s3.yml").expect_code(0);
    let key = format!("{prefix}.000.00.jsonl");
    assert!(said.stderr.contains("70,000 rows"), "{}", said.stderr);
    assert!(log(&sandbox).contains(&format!("Writing S3 file '{key}'")), "{}", log(&sandbox));
    let objects = s3::objects(&aws, &prefix);
    assert_eq!(objects.keys().collect::<Vec<_>>(), [&key]);
    assert!(objects[&key].len() > 3 * (8 << 20));
    assert!(objects[&key] == on_disk(&sandbox, JSONL));
    let tag = s3::traits(&aws, &key)[0].clone().unwrap();
    assert!(tag.ends_with("-4\""), "{tag}");
    assert_eq!(s3::uploads(&aws, &prefix), Vec::<String>::new());
}

#[test]
fn rows_are_dealt_to_the_objects_of_several_tasks() {
    let Some(aws) = aws() else { return };
    let (sandbox, prefix) = sandbox(&aws, 20_000);
    transfer(&sandbox, "s3.yml", &out(&aws, &prefix, &format!("{JSONL}exec: {{min_output_tasks: 3}}\n")));
    run(&sandbox, "s3.yml").expect_code(0);
    let objects = s3::objects(&aws, &prefix);
    let names: Vec<String> = (0..3).map(|task| format!("{prefix}.00{task}.00.jsonl")).collect();
    assert!(objects.keys().eq(&names), "{:?}", objects.keys());
    let whole = on_disk(&sandbox, JSONL);
    assert!(objects.values().all(|object| object.len() > whole.len() / 6));
    let lines = |bytes: &[u8]| -> BTreeSet<String> {
        String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect()
    };
    assert!(objects.values().flat_map(|object| lines(object)).collect::<BTreeSet<_>>() == lines(&whole));
    assert_eq!(objects.values().map(Vec::len).sum::<usize>(), whole.len());
    // Those of more tasks are stale for fewer.
    transfer(&sandbox, "s3.yml", &out(&aws, &prefix, JSONL));
    let told = failure(&run(&sandbox, "s3.yml").expect_code(1));
    assert!(told.contains(&names[1]) && told.contains(&names[2]) && !told.contains(&names[0]), "{told}");
}

#[test]
fn no_rows_make_an_object_too() {
    let Some(aws) = aws() else { return };
    let (sandbox, prefix) = sandbox(&aws, 0);
    transfer(&sandbox, "s3.yml", &out(&aws, &prefix, "  formatter: {type: csv}\n"));
    run(&sandbox, "s3.yml").expect_code(0);
    let objects = s3::objects(&aws, &prefix);
    assert_eq!(objects, [(format!("{prefix}.000.00.jsonl"), b"id,note\r\n".to_vec())].into());
}

#[test]
fn rows_go_to_several_objects_of_a_size() {
    let Some(aws) = aws() else { return };
    let (sandbox, prefix) = sandbox(&aws, 20_000);
    let several = format!("  max_file_bytes: 2000000\n{JSONL}");
    transfer(&sandbox, "s3.yml", &out(&aws, &prefix, &several));
    run(&sandbox, "s3.yml").expect_code(0);
    let objects = s3::objects(&aws, &prefix);
    let names: Vec<String> = (0..objects.len()).map(|file| format!("{prefix}.000.{file:02}.jsonl")).collect();
    assert!(objects.keys().eq(&names), "{:?}", objects.keys());
    assert!(names.len() >= 3, "{names:?}");
    assert!(objects.values().all(|bytes| bytes.len() < 4_000_000));
    let together: Vec<u8> = objects.into_values().flatten().collect();
    assert!(together == on_disk(&sandbox, JSONL));

    // Fewer rows make fewer objects: those that are left over are not silently loaded with them.
    orders(&sandbox, 10);
    let said = run(&sandbox, "s3.yml").expect_code(1);
    let told = failure(&said);
    let begin = format!(
        "    cause: objects of the same pattern are there that this run does not write: `s3://{}/{prefix}.000.01.jsonl`",
        aws.bucket
    );
    assert!(told.starts_with(&begin), "{told}");
    assert_eq!(keys(&aws, &prefix), names);
    transfer(&sandbox, "s3.yml", &out(&aws, &prefix, &format!("  stale_objects: delete\n{several}")));
    run(&sandbox, "s3.yml").expect_code(0);
    assert_eq!(keys(&aws, &prefix), names[..1]);
}

#[test]
fn stale_objects_are_refused_deleted_or_kept() {
    let Some(aws) = aws() else { return };
    let (sandbox, prefix) = sandbox(&aws, 1);
    let stale = format!("{prefix}.001.00.jsonl");
    let other = format!("{prefix}.old.jsonl");
    for key in [&stale, &other] {
        s3::put(&aws, &aws.bucket, key, &[]);
    }
    let with = |rule: &str| transfer(&sandbox, "s3.yml", &out(&aws, &prefix, &format!("{rule}{JSONL}")));
    with("");
    assert_eq!(
        failure(&run(&sandbox, "s3.yml").expect_code(1)),
        format!(
            "    cause: objects of the same pattern are there that this run does not write: \
             `s3://{}/{stale}`\n    hint: remove them, or set `stale_objects: delete` or `stale_objects: keep`\n",
            aws.bucket
        )
    );
    let own = format!("{prefix}.000.00.jsonl");
    assert_eq!(keys(&aws, &prefix), [stale.clone(), other.clone()]);
    with("  stale_objects: keep\n");
    run(&sandbox, "s3.yml").expect_code(0);
    assert_eq!(keys(&aws, &prefix), [own.clone(), stale.clone(), other.clone()]);
    with("  stale_objects: delete\n");
    run(&sandbox, "s3.yml").expect_code(0);
    assert_eq!(keys(&aws, &prefix), [own, other]);
    assert!(log(&sandbox).contains(&format!("Deleted stale S3 file '{stale}'")));
}

#[test]
fn objects_have_the_traits_that_are_asked_for() {
    let Some(aws) = aws() else { return };
    for rows in [1, 25_000] {
        let (sandbox, prefix) = sandbox(&aws, rows);
        let traits = format!(
            "  canned_acl: public-read\n  server_side_encryption: aws:kms\n  sse_kms_key_id: {}\n  storage_class: \
             STANDARD_IA\n{JSONL}",
            aws.kms_key
        );
        transfer(&sandbox, "s3.yml", &out(&aws, &prefix, &traits));
        run(&sandbox, "s3.yml").expect_code(0);
        let [_, encryption, key, class, others] = s3::traits(&aws, &format!("{prefix}.000.00.jsonl"));
        assert_eq!(encryption.as_deref(), Some("aws:kms"));
        assert_eq!(key.as_deref(), Some(aws.kms_key.as_str()));
        assert_eq!(class.as_deref(), Some("STANDARD_IA"));
        assert_eq!(others.as_deref(), Some("AllUsers READ"));
    }
}

#[test]
fn keys_and_endpoint_of_the_config_are_enough() {
    let Some(aws) = aws() else { return };
    let (id, key) = (&aws.access_key_id, &aws.secret_access_key);
    let keys_given = format!("  access_key_id: {id}\n  secret_access_key: {key}\n");
    let profiles = "  auth_method: profile\n  profile_file: profiles\n  profile_name: lake\n";
    for access in [&keys_given, &format!("  auth_method: basic\n{keys_given}"), profiles] {
        let sandbox = Sandbox::new();
        orders(&sandbox, 1);
        sandbox
            .write("profiles", &format!("[lake]\naws_access_key_id = {id}\naws_secret_access_key = {key}\n"));
        let prefix = fresh_name("out/access");
        let place = format!("  endpoint: {}\n  region: {}\n{access}{JSONL}", aws.endpoint, aws.region);
        transfer(&sandbox, "s3.yml", &out(&aws, &prefix, &place));
        run(&sandbox, "s3.yml").expect_code(0);
        assert_eq!(keys(&aws, &prefix), [format!("{prefix}.000.00.jsonl")], "{access}");
    }
    let (sandbox, prefix) = sandbox(&aws, 1);
    // The stand-in knows no session of this token: it was sent.
    let session = format!("  auth_method: session\n{keys_given}  session_token: unknown\n{JSONL}");
    transfer(&sandbox, "s3.yml", &out(&aws, &prefix, &session));
    let told = failure(&run(&sandbox, "s3.yml").expect_code(1));
    assert!(told.contains("S3 says InvalidToken"), "{told}");
    for (access, code) in [("env", 0), ("default", 0), ("anonymous", 1)] {
        let access = format!("  auth_method: {access}\n{JSONL}");
        transfer(&sandbox, "s3.yml", &out(&aws, &prefix, &access));
        run(&sandbox, "s3.yml").expect_code(code);
    }
}

#[test]
fn the_role_of_a_container_is_asked_for_and_sent() {
    let Some(aws) = aws() else { return };
    let role = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = role.local_addr().expect("an address");
    let body = format!(
        r#"{{"AccessKeyId": "{}", "SecretAccessKey": "{}", "Token": "unknown", "Expiration": "2099-01-01T00:00:00Z"}}"#,
        aws.access_key_id, aws.secret_access_key
    );
    let asked = std::thread::spawn(move || {
        let (mut client, _) = role.accept().expect("somebody asks");
        let mut request = [0; 4096];
        let length = client.read(&mut request).expect("a request");
        let head = format!("HTTP/1.1 200 x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
        client.write_all((head + &body).as_bytes()).expect("an answer");
        String::from_utf8_lossy(&request[..length]).lines().next().unwrap_or_default().to_owned()
    });
    let mut sandbox = Sandbox::new();
    sandbox.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("http://{address}/role"));
    orders(&sandbox, 1);
    let prefix = fresh_name("out/role");
    let place = format!("  endpoint: {}\n  region: {}\n", aws.endpoint, aws.region);
    transfer(&sandbox, "s3.yml", &out(&aws, &prefix, &format!("{place}  auth_method: instance\n{JSONL}")));
    // The stand-in knows the key, and no session of this token: both were sent.
    let told = failure(&run(&sandbox, "s3.yml").expect_code(1));
    assert_eq!(asked.join().expect("no panic"), "GET /role HTTP/1.1");
    assert!(told.contains("S3 says InvalidToken"), "{told}");
}

#[test]
fn failures_name_the_place_and_one_thing_to_do() {
    let Some(aws) = aws() else { return };
    let (sandbox, prefix) = sandbox(&aws, 1);
    let run_with = |out: &str, code: i32| {
        transfer(&sandbox, "s3.yml", out);
        failure(&run(&sandbox, "s3.yml").expect_code(code))
    };
    let nowhere = out(&aws, &prefix, JSONL).replace(&aws.bucket, "no-such-bucket");
    let missing = "    cause: S3 says NoSuchBucket: The specified bucket does not exist\n    hint: make bucket \
                   `no-such-bucket`, or correct `bucket`\n";
    assert_eq!(
        run_with(&nowhere, 1),
        format!("    cause: bucket `no-such-bucket` could not be listed\n{missing}")
    );
    assert_eq!(
        run_with(&format!("{nowhere}  stale_objects: keep\n"), 1),
        format!(
            "    cause: object `s3://no-such-bucket/{prefix}.000.00.jsonl` could not be written\n{missing}"
        )
    );
    let stranger = "  access_key_id: AKIAOTHER\n  secret_access_key: hunter2hunter2\n";
    assert_eq!(
        run_with(&out(&aws, &prefix, &format!("{stranger}{JSONL}")), 1),
        format!(
            "    cause: bucket `{}` could not be listed\n    cause: S3 says InvalidAccessKeyId: The AWS Access Key \
             Id you provided does not exist in our records\n    hint: check `auth_method` and the keys that go with \
             it\n",
            aws.bucket
        )
    );
    let told = run_with(&out(&aws, &prefix, &format!("  endpoint: 'http://127.0.0.1:1'\n{JSONL}")), 75);
    let begin = format!(
        "    cause: bucket `{}` could not be listed\n    cause: S3 could not be called: ",
        aws.bucket
    );
    assert!(told.starts_with(&begin), "{told}");
    assert!(told.ends_with("    hint: check `endpoint` and network, then retry\n"), "{told}");
    assert_eq!(keys(&aws, &prefix), Vec::<String>::new());
}
