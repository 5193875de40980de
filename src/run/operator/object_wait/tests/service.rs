//! What a bucket's service says, by a server that answers what the test wrote.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use super::super::{gcs, s3};
use super::*;
use crate::cloud::google::{Endpoints, Identity};

/// The heads of the requests that came.
#[derive(Default, Clone)]
struct Requests(Arc<Mutex<Vec<String>>>);

impl Requests {
    fn all(&self) -> Vec<String> {
        self.0.lock().expect("no panic").clone()
    }
}

/// Answers one connection after the other with a whole answer. Its thread ends with the test process, so that a test
/// whose requests never come fails and does not hang.
fn server(answers: Vec<String>) -> (String, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let requests = Requests::default();
    let served = requests.clone();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().expect("a client");
            let reader = BufReader::new(stream.try_clone().expect("a clone"));
            let head = reader.lines().map(|line| line.expect("a line")).take_while(|line| !line.is_empty());
            let head: Vec<String> = head.collect();
            served.0.lock().expect("no panic").push(head.join("\n"));
            let answer = answer.replacen("\r\n", "\r\nconnection: close\r\n", 1);
            stream.write_all(answer.as_bytes()).expect("an answer");
        }
    });
    (address, requests)
}

fn bench() -> Bench {
    Bench::new().secret("aws.access_key_id", "AKIDEXAMPLE").secret("aws.s3.secret_access_key", "s3cretkey")
}

fn head(status: u16, headers: &str) -> String {
    format!("HTTP/1.1 {status} x\r\n{headers}\r\n")
}

/// `s3_wait>: b/k` of a service that gives these answers, and the requests it saw.
fn s3_wait(bench: &Bench, answers: Vec<String>) -> (Result<OperatorOutput, OperatorError>, Vec<String>) {
    let (endpoint, served) = server(answers);
    let exported = json!({"aws": {"s3": {"endpoint": endpoint}, "region": "ap-northeast-1"}});
    let done = bench.run(&s3::S3Wait::new(POLLS), exported, json!({"s3_wait>": "b/k l"}));
    (done, served.all())
}

#[test]
fn s3_is_asked_for_the_head_until_it_is_there() {
    let bench = bench();
    let there = "ETag: \"5eb6\"\r\nContent-Length: 4711\r\nContent-Type: text/plain\r\n\
        Last-Modified: Tue, 20 Sep 2016 08:39:04 GMT\r\nAccept-Ranges: bytes\r\nx-amz-version-id: v1\r\n\
        x-amz-meta-foo: bar\r\nx-amz-meta-baz: quux\r\n";
    let answers = vec![head(404, ""), head(403, ""), head(404, ""), head(200, there)];
    let (done, requests) = s3_wait(&bench, answers);
    assert_eq!(
        Value::Object(done.expect("it is there").store),
        json!({"s3": {"last_object": {
            "metadata": {
                "Accept-Ranges": "bytes", "Content-Length": 4711, "Content-Type": "text/plain", "ETag": "5eb6",
                "Last-Modified": 1_474_360_744_000_i64, "x-amz-version-id": "v1",
            },
            "user_metadata": {"baz": "quux", "foo": "bar"},
            "result": true,
        }}})
    );
    let lines: Vec<&str> = requests.iter().filter_map(|request| request.lines().next()).collect();
    let object = "HEAD /b/k%20l HTTP/1.1";
    // The second question is whether there is such a bucket.
    assert_eq!(lines, [object, "HEAD /b/ HTTP/1.1", object, object]);
    assert!(requests[0].contains("AKIDEXAMPLE"), "{}", requests[0]);
    assert!(requests[0].contains("/ap-northeast-1/s3/"), "{}", requests[0]);
    assert!(bench.services().guard.contains_secret("s3cretkey"));
}

#[test]
fn what_s3_refuses_is_an_error_with_a_hint() {
    let refused = |answers: Vec<String>| {
        let (done, _) = s3_wait(&bench(), answers);
        let error = done.expect_err("refused");
        let told = [vec![error.message], error.causes, error.hint.into_iter().collect()].concat();
        told.join("\n")
    };
    assert_eq!(
        refused(vec![head(404, ""), head(404, "")]),
        "bucket `b` does not exist\ncheck its name, and whose account is asked"
    );
    assert_eq!(
        refused(vec![head(403, "")]),
        "S3 does not tell whether object `b/k l` is there\nS3 answered 403\ncheck the credentials; S3 also says \
         so of an object that is not there to those who may not list the bucket (`s3:ListBucket`)"
    );
    assert_eq!(
        refused(vec![head(301, "x-amz-bucket-region: eu-west-1\r\n")]),
        "S3 does not tell whether object `b/k l` is there\nthe bucket lies in another region: `eu-west-1`\n\
         name the bucket's region by `region`"
    );
    assert_eq!(
        refused(vec![head(400, "")]),
        "S3 does not tell whether object `b/k l` is there\nS3 answered 400\ncheck credentials, region and \
         endpoint; an object under a customer's key needs `aws.s3.sse_c_key`"
    );
}

#[test]
fn a_service_that_is_not_there_is_unreachable_at_the_end_of_the_time() {
    let exported = json!({"endpoint": "http://127.0.0.1:1", "region": "r", "timeout": "0s"});
    let local = json!({"s3_wait>": null, "bucket": "b", "key": "k"});
    let error = bench().run(&s3::S3Wait::new(POLLS), exported, local).expect_err("nobody answers");
    assert_eq!(error.message, "object `b/k` did not appear within 0s");
    assert_eq!(error.kind, FailureKind::Unreachable);
    assert_eq!(error.causes[0], "S3 cannot be asked for object `b/k`");
    assert!(error.causes[1].starts_with("S3 could not be called: "), "{:?}", error.causes);
}

#[test]
fn secrets_of_s3_are_whole_or_named() {
    let failed = |bench: &Bench| {
        let exported = json!({"endpoint": "http://127.0.0.1:1"});
        let done = bench.run(&s3::S3Wait::new(POLLS), exported, json!({"s3_wait>": "b/k"}));
        done.expect_err("a secret is wrong").message
    };
    assert_eq!(
        failed(&Bench::new().secret("aws.s3.access_key_id", "a")),
        "secret `aws.access_key_id` is set, but `aws.secret_access_key` is not"
    );
    assert_eq!(
        failed(&bench().secret("aws.s3.sse_c_key", "no base64!")),
        "secret `aws.s3.sse_c_key` is not Base64"
    );
}

#[test]
fn a_customers_key_goes_with_the_question() {
    let bench = bench().secret("aws.s3.sse_c_key", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=");
    let (done, requests) = s3_wait(&bench, vec![head(200, "Content-Length: 1\r\n")]);
    done.expect("it is there");
    for header in [
        "x-amz-server-side-encryption-customer-algorithm: AES256",
        "x-amz-server-side-encryption-customer-key: MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        "x-amz-server-side-encryption-customer-key-md5: KYvwGXoFFJ42a2u2GDWhwQ==",
    ] {
        assert!(requests[0].to_lowercase().contains(&header.to_lowercase()), "{}", requests[0]);
    }
}

fn json_answer(status: u16, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
}

/// `gcs_wait>` of a service that gives these answers.
fn gcs_wait(
    bench: &Bench,
    local: Value,
    answers: Vec<String>,
) -> (Result<OperatorOutput, OperatorError>, Vec<String>) {
    let (storage, served) = server(answers);
    let endpoints = Endpoints { bigquery: String::new(), storage, identity: Identity::Anonymous };
    let done = bench.run(&gcs::GcsWait::new(endpoints, POLLS), json!({}), local);
    let lines = |request: String| request.lines().next().unwrap_or_default().to_owned();
    (done, served.all().into_iter().map(lines).collect())
}

#[test]
fn cloud_storage_is_asked_for_the_resource_until_it_is_there() {
    let bench = Bench::new();
    let resource = r#"{"kind": "storage#object", "name": "some/file", "size": "4711",
        "generation": "1477466841081000", "metageneration": "1", "updated": "2016-10-26T07:27:21.070Z",
        "retentionExpirationTime": "soon", "metadata": {"size": "mine"}}"#;
    let none = || json_answer(404, r#"{"error": {"message": "No such object: b/some/file"}}"#);
    let answers = vec![none(), json_answer(200, "{}"), none(), json_answer(200, resource)];
    let local = json!({"gcs_wait>": "gs://b/some/file"});
    let (done, requests) = gcs_wait(&bench, local, answers);
    assert_eq!(
        Value::Object(done.expect("it is there").store),
        json!({"gcs_wait": {"last_object": {
            "metadata": {
                "kind": "storage#object", "name": "some/file", "size": 4711,
                "generation": 1_477_466_841_081_000_u64, "metageneration": 1,
                "updated": {"value": 1_477_466_841_070_u64, "dateOnly": false, "timeZoneShift": 0},
                "retentionExpirationTime": "soon", "metadata": {"size": "mine"},
            },
            "result": true,
        }}})
    );
    let object = "GET /storage/v1/b/b/o/some%2Ffile HTTP/1.1";
    assert_eq!(requests, [object, "GET /storage/v1/b/b/o?maxResults=1 HTTP/1.1", object, object]);
}

#[test]
fn what_cloud_storage_refuses_is_an_error_with_a_hint() {
    let refused = |answers: Vec<String>| {
        let local = json!({"gcs_wait>": null, "bucket": "b", "object": "o"});
        let error = gcs_wait(&Bench::new(), local, answers).0.expect_err("refused");
        [vec![error.message], error.causes, error.hint.into_iter().collect()].concat().join("\n")
    };
    let none = || json_answer(404, "{}");
    assert_eq!(
        refused(vec![none(), none()]),
        "bucket `b` does not exist\ncheck its name, and whose account is asked"
    );
    let denied = r#"{"error": {"message": "x does not have access", "errors": [{"reason": "forbidden"}]}}"#;
    assert_eq!(
        refused(vec![json_answer(403, denied)]),
        "Cloud Storage does not tell whether object `b/o` is there\n\
         GET storage object: HTTP 403 forbidden: x does not have access\n\
         check secret `gcp.credential`; Cloud Storage also says so of an object that is not there to those who \
         may not list the bucket (`storage.objects.list`)"
    );
}

#[test]
fn a_cloud_storage_that_is_silent_or_knows_nobody_is_told() {
    let whole = super::super::super::messages::whole;
    let error = |local: Value, answers: Vec<String>| {
        whole(&gcs_wait(&Bench::new(), local, answers).0.expect_err("a failure"))
    };
    let odd = r#"{"error": {"message": "odd name", "errors": [{"reason": "invalid"}]}}"#;
    assert_eq!(
        error(json!({"gcs_wait>": "b/o"}), vec![json_answer(400, odd)]),
        "Cloud Storage does not tell whether object `b/o` is there\n  \
         cause: GET storage object: HTTP 400 invalid: odd name\n  \
         hint: check secret `gcp.credential`, or what `GOOGLE_APPLICATION_CREDENTIALS` names"
    );
    let busy = || {
        let body = r#"{"error": {"message": "busy", "errors": [{"reason": "backendError"}]}}"#;
        json_answer(503, body).replacen("\r\n", "\r\nretry-after: 0\r\n", 1)
    };
    assert_eq!(
        error(json!({"gcs_wait>": "b/o", "timeout": "0s"}), vec![busy(), busy(), busy()]),
        "object `b/o` did not appear within 0s\n  \
         cause: Cloud Storage cannot be asked for object `b/o`\n  \
         cause: GET storage object: HTTP 503 backendError: busy\n  hint: check the network, then retry"
    );
}

#[test]
fn a_customers_key_that_is_refused_is_told() {
    let bench = bench().secret("aws.s3.sse_c_key", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=");
    let (done, _) = s3_wait(&bench, vec![head(400, "")]);
    assert_eq!(
        super::super::super::messages::whole(&done.expect_err("refused")),
        "S3 does not tell whether object `b/k l` is there\n  cause: S3 answered 400\n  \
         hint: check the secrets `aws.s3.sse_c_key`, `aws.s3.sse_c_key_algorithm` and `aws.s3.sse_c_key_md5`"
    );
}

#[test]
fn a_broken_credential_is_named_and_not_shown() {
    let bench = Bench::new().secret("gcp.credential", "{\"private_key\": oops}");
    let (done, _) = gcs_wait(&bench, json!({"gcs_wait>": "b/o"}), Vec::new());
    let error = done.expect_err("no key");
    assert_eq!(error.message, "secret `gcp.credential` cannot be used");
    assert_eq!(error.causes, ["`gcp.credential` is not JSON: line 1, column 17 of the key"]);
    assert_eq!(error.kind, FailureKind::Config);
}
