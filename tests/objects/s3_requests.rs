//! What is asked of S3 for an object with traits, held against what AWS's own library for Python asks.

use std::collections::BTreeMap;
use std::process::Command;

use super::{orders, run, transfer};
use crate::support::sandbox::Sandbox;
use crate::support::servers::variable;
use crate::support::webhook::{Received, Reply, Webhook};

const ACLS: [&str; 8] = [
    "private",
    "public-read",
    "public-read-write",
    "authenticated-read",
    "log-delivery-write",
    "bucket-owner-read",
    "bucket-owner-full-control",
    "aws-exec-read",
];
const ENCRYPTIONS: [&str; 3] = ["AES256", "aws:kms", "aws:kms:dsse"];
const CLASSES: [&str; 8] = [
    "STANDARD",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
    "REDUCED_REDUNDANCY",
];

/// Asks for an object with each set of traits, and for the beginning of one in parts; then says which words it knows.
const PROGRAM: &str = r#"
import json, sys, botocore.session
from botocore.config import Config
session = botocore.session.get_session()
session.set_credentials("AKIDEXAMPLE", "secret-access-key")
client = session.create_client("s3", region_name="eu-west-1", endpoint_url=sys.argv[1], config=Config(retries={"max_attempts": 0}))
for traits in json.loads(sys.argv[2]):
    client.put_object(Bucket="lake", Key="a b/o.000.00.jsonl", Body=b"x", ChecksumAlgorithm="CRC32", **traits)
try:
    client.create_multipart_upload(Bucket="lake", Key="a b/o.000.00.jsonl", ChecksumAlgorithm="CRC32", **traits)
except Exception:
    pass
shapes = ["ObjectCannedACL", "ServerSideEncryption", "StorageClass"]
print(json.dumps([client.meta.service_model.shape_for(shape).enum for shape in shapes]))
"#;

const BEGUN: &str = "<InitiateMultipartUploadResult><Bucket>lake</Bucket><Key>k</Key><UploadId>u</UploadId></InitiateMultipartUploadResult>";
const COMPLETED: &str = "<CompleteMultipartUploadResult><Bucket>lake</Bucket><Key>k</Key><ETag>\"e\"</ETag></CompleteMultipartUploadResult>";

/// Method, path, and what the object is to have.
fn asked(request: &Received) -> (String, String, BTreeMap<String, String>) {
    let traits = ["x-amz-acl", "x-amz-server-side-encryption", "x-amz-storage-class"];
    let is_trait = |name: &str| traits.iter().any(|known| name.starts_with(known));
    let headers = request.headers.iter().filter(|(name, _)| is_trait(name)).cloned().collect();
    // This word of AWS's newer libraries says to logs what the method says already.
    let path = request.path.split("?x-id=").next().unwrap_or_default();
    (request.method.clone(), path.trim_end_matches('=').to_owned(), headers)
}

fn traits(number: usize) -> [(&'static str, &'static str, &'static str); 4] {
    let encryption = ENCRYPTIONS[number % ENCRYPTIONS.len()];
    [
        ("canned_acl", "ACL", ACLS[number]),
        ("storage_class", "StorageClass", CLASSES[number]),
        ("server_side_encryption", "ServerSideEncryption", encryption),
        ("sse_kms_key_id", "SSEKMSKeyId", if encryption == "AES256" { "" } else { "arn:aws:kms:k" }),
    ]
}

/// What is asked for by a transfer with these traits.
fn ours(rows: u32, number: usize, replies: &[Reply]) -> Vec<Received> {
    let s3 = Webhook::start();
    s3.reply(replies.iter().copied());
    let sandbox = Sandbox::new();
    orders(&sandbox, rows);
    let written = traits(number).into_iter().filter(|(.., value)| !value.is_empty());
    let lines: String = written.map(|(name, _, value)| format!("  {name}: {value}\n")).collect();
    let out = format!(
        "  type: s3\n  bucket: lake\n  endpoint: {}\n  region: eu-west-1\n  access_key_id: AKIDEXAMPLE\n  \
         secret_access_key: secret-access-key\n  path_prefix: a b/o\n  file_ext: .jsonl\n  stale_objects: keep\n  \
         formatter: {{type: jsonl}}\n{lines}",
        s3.url("")
    );
    transfer(&sandbox, "s3.yml", &out);
    run(&sandbox, "s3.yml").expect_code(0);
    s3.received()
}

#[test]
fn the_same_is_asked_as_by_the_library_of_aws() {
    let Some(python) = variable("SYNC_TEST_BOTOCORE", "a Python with botocore") else { return };
    let all: Vec<serde_json::Map<String, serde_json::Value>> = (0..ACLS.len())
        .map(|number| {
            let written = traits(number).into_iter().filter(|(.., value)| !value.is_empty());
            written.map(|(_, name, value)| (name.to_owned(), value.into())).collect()
        })
        .collect();
    let theirs = Webhook::start();
    theirs.reply([Reply::Status(200); ACLS.len()]);
    let arguments = serde_json::to_string(&all).expect("JSON");
    let said =
        Command::new(python).args(["-c", PROGRAM, &theirs.url(""), &arguments]).output().expect("it runs");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let theirs: Vec<_> = theirs.received().iter().map(asked).collect();
    assert_eq!(theirs.len(), ACLS.len() + 1);
    for number in 0..ACLS.len() {
        let ours: Vec<_> = ours(1, number, &[]).iter().map(asked).collect();
        assert_eq!(ours, theirs[number..=number]);
    }
    let parts =
        ours(25_000, ACLS.len() - 1, &[Reply::Text(BEGUN), Reply::Ok, Reply::Ok, Reply::Text(COMPLETED)]);
    assert_eq!(asked(&parts[0]), theirs[ACLS.len()]);
    assert_eq!(parts.len(), 4);
    // Parts have none of it: S3 refuses it there.
    assert!(parts[1..].iter().all(|request| asked(request).2.is_empty()));

    let known: [Vec<String>; 3] = serde_json::from_slice(&said.stdout).expect("JSON");
    for (words, known) in [&ACLS[..], &ENCRYPTIONS, &CLASSES].into_iter().zip(known) {
        // The library knows this one for buckets; Embulk's plugin takes it for objects.
        let unknown =
            |word: &&&str| !known.iter().any(|known| known == **word) && **word != "log-delivery-write";
        assert_eq!(words.iter().find(unknown), None);
    }
}
