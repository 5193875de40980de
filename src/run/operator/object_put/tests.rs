//! What is sent for an object, and what is said when it is not taken, by a server that answers what the test wrote.

use serde_json::json;

use super::super::http::testing::{Received, Reply, Server, answer};
use super::super::testing::Bench;
use super::super::{Operator, OperatorOutput};
use super::*;
use crate::cloud::google::{Endpoints, Identity};

fn bench() -> Bench {
    Bench::new().secret("aws.access_key_id", "AKIDEXAMPLE").secret("aws.s3.secret_access_key", "s3cretkey")
}

/// `s3_put>: b/k l` with these options, and the requests that came.
fn s3_put(
    bench: &Bench,
    mut options: Value,
    replies: Vec<Reply>,
) -> (Result<OperatorOutput, OperatorError>, Vec<Received>) {
    let server = Server::start(replies);
    let exported = json!({"aws": {"endpoint": server.url(""), "region": "ap-northeast-1"}});
    options["s3_put>"] = "b/k l".into();
    let done = bench.run(&s3::S3Put::default(), exported, options);
    (done, server.received())
}

fn header<'r>(request: &'r Received, name: &str) -> Option<&'r str> {
    request.headers.iter().find_map(|header| header.strip_prefix(name)?.strip_prefix(": "))
}

#[test]
fn an_object_is_what_the_task_says() {
    for (options, content_type, body) in [
        (json!({}), "text/plain; charset=utf-8", ""),
        (json!({"content": "done\n"}), "text/plain; charset=utf-8", "done\n"),
        (json!({"content": 3}), "text/plain; charset=utf-8", "3"),
        (
            json!({"content": {"tables": ["注文"], "day": "${day}"}}),
            "application/json",
            "{\"tables\":[\"注文\"],\"day\":\"2026-01-02\"}",
        ),
        (json!({"content_file": "out/a.csv"}), "application/octet-stream", "a,${day}\n"),
        (json!({"content_file": "out/a.csv", "content_type": "text/csv"}), "text/csv", "a,${day}\n"),
    ] {
        let bench = bench().file("out/a.csv", "a,${day}\n");
        let server = Server::start(vec![answer("200 OK", "")]);
        let exported =
            json!({"aws": {"s3": {"endpoint": server.url("")}, "region": "r"}, "day": "2026-01-02"});
        let mut local = options.clone();
        local["s3_put>"] = "s3://b/${day}/_SUCCESS".into();
        bench.run(&s3::S3Put::default(), exported, local).expect("it is taken");
        let received = server.received();
        assert_eq!(received[0].line, "PUT /b/2026-01-02/_SUCCESS?x-id=PutObject");
        assert_eq!(header(&received[0], "content-type"), Some(content_type), "{options}");
        assert_eq!(received[0].body, body, "{options}");
        let told = format!("Info: object `b/2026-01-02/_SUCCESS` is written, {} bytes\n", body.len());
        assert_eq!(bench.log(), told);
    }
}

#[test]
fn encryption_goes_along() {
    let options = json!({"server_side_encryption": "aws:kms", "sse_kms_key_id": "alias/lake"});
    let (done, received) = s3_put(&bench(), options, vec![answer("200 OK", "")]);
    done.expect("it is taken");
    assert_eq!(header(&received[0], "x-amz-server-side-encryption"), Some("aws:kms"));
    assert_eq!(header(&received[0], "x-amz-server-side-encryption-aws-kms-key-id"), Some("alias/lake"));

    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let bench = bench().secret("aws.s3.sse_c_key", key);
    let (done, received) = s3_put(&bench, json!({}), vec![answer("200 OK", "")]);
    done.expect("it is taken");
    assert_eq!(header(&received[0], "x-amz-server-side-encryption-customer-key"), Some(key));
    assert_eq!(header(&received[0], "x-amz-server-side-encryption-customer-algorithm"), Some("AES256"));
    let (done, received) = s3_put(&bench, json!({"server_side_encryption": "AES256"}), Vec::new());
    let message = "`server_side_encryption` and the secret `aws.s3.sse_c_key` exclude each other";
    assert_eq!(done.expect_err("both").message, message);
    assert_eq!(received, []);
}

#[test]
fn what_is_wrong_with_the_content_is_said_before_anybody_is_called() {
    for (options, message) in [
        (json!({"content": "a", "content_file": "b"}), "`content` and `content_file` exclude each other"),
        (
            json!({"content": {"password": "${secret:db.password}"}}),
            "`content` asks for a secret: an object is no place for one",
        ),
        (json!({"content_file": "no.csv"}), "file `no.csv` of `content_file` cannot be read"),
        (json!({"content_file": "../../etc/passwd"}), "file `../../etc/passwd` lies outside the project"),
    ] {
        let (done, received) = s3_put(&bench(), options, Vec::new());
        assert_eq!(done.expect_err("it is wrong").message, message);
        assert_eq!(received, []);
    }
    let large = bench();
    let file = std::fs::File::create(large.project().join("large")).expect("a file");
    file.set_len(LARGEST + 1).expect("a hole");
    let (done, _) = s3_put(&large, json!({"content_file": "large"}), Vec::new());
    let message = "file `large` of `content_file` has 67108865 bytes: at most 67108864 are taken";
    assert_eq!(done.expect_err("it is too large").message, message);
}

#[test]
fn a_refusal_of_s3_says_what_to_do() {
    let said = |code: &str| format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
    for (status, code, expected) in [
        (
            "403 Forbidden",
            "AccessDenied",
            "object `b/k l` could not be written; allow `s3:PutObject` on the key",
        ),
        (
            "404 Not Found",
            "NoSuchBucket",
            "bucket `b` does not exist; check its name, and whose account is asked",
        ),
        (
            "400 Bad Request",
            "InvalidArgument",
            "object `b/k l` could not be written; check the options of encryption, and what the bucket asks for",
        ),
    ] {
        let (done, _) = s3_put(&bench(), json!({}), vec![answer(status, &said(code))]);
        let error = done.expect_err("it is refused");
        assert_eq!(format!("{}; {}", error.message, error.hint.unwrap_or_default()), expected);
    }
}

#[test]
fn cloud_storage_refuses_in_its_own_way() {
    for (status, expected) in [
        ("404 Not Found", "bucket `b` does not exist; check its name, and whose account is asked"),
        (
            "403 Forbidden",
            "object `b/o` could not be written; allow `storage.objects.create` and `storage.objects.delete` on the \
             bucket: an object is replaced",
        ),
    ] {
        let server = Server::start(vec![answer(status, "{\"error\": {\"message\": \"no\"}}")]);
        let endpoints = Endpoints {
            bigquery: String::new(),
            storage: format!("http://{}", server.address()),
            identity: Identity::Anonymous,
        };
        let put: &dyn Operator = &gcs::GcsPut::new(endpoints);
        let done = Bench::new().run(put, json!({}), json!({"gcs_put>": "gs://b/o", "content": "x"}));
        let error = done.expect_err("it is refused");
        assert_eq!(format!("{}; {}", error.message, error.hint.unwrap_or_default()), expected);
        assert!(server.lines()[0].starts_with("POST /upload/storage/v1/b/b/o?"), "{:?}", server.lines());
    }
}
