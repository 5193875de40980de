//! How long is waited, what people hear of it and how it ends, with looks made for the test.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Instant;

use super::super::testing::Bench;
use super::super::{Operator, Waiting};
use super::*;

const POLLS: Polls = Polls::seconds(5, 300);

/// Finds what it was told to, one a look.
struct Canned(Mutex<VecDeque<Look>>);

impl Canned {
    fn new(looks: impl IntoIterator<Item = Look>) -> Self {
        Self(Mutex::new(looks.into_iter().collect()))
    }
}

impl Operator for Canned {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        let option = |key: &str| request.param(key);
        let (bucket, object) = address(request, "x://", "key", option)?;
        let wait = Wait::new(format!("{bucket}/{object}"), "x", POLLS, option)?;
        let look = self.0.lock().unwrap().pop_front().expect("the test says what is found");
        wait.turn(request, look)
    }
}

fn there() -> Look {
    Look::There(Params::from_iter([("metadata".to_owned(), json!({"size": 3}))]))
}

fn no_answer() -> Look {
    let error = OperatorError::unreachable("the store cannot be asked");
    let mut error = error.hint("check the network");
    error.causes.push("connection refused".to_owned());
    Look::NoAnswer(error)
}

/// One turn so many seconds after the first.
fn turn(bench: &Bench, local: Value, look: Look, seconds: u64, state: Value) -> Result<Turn, OperatorError> {
    let since = Instant::now().checked_sub(Duration::from_secs(seconds)).expect("a time");
    bench.turn(&Canned::new([look]), json!({}), local, Waiting { since, state })
}

fn again(turn: Result<Turn, OperatorError>) -> (Duration, Value) {
    match turn {
        Ok(Turn::Again { after, state }) => (after, state),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_object_that_appears_ends_the_wait_and_is_stored() {
    let bench = Bench::new();
    let canned = Canned::new([Look::NotThere, Look::NotThere, there()]);
    let output = bench.run(&canned, json!({}), json!({"x_wait>": "b/k/l"})).expect("it is there");
    assert_eq!(
        Value::Object(output.store),
        json!({"x": {"last_object": {"metadata": {"size": 3}, "result": true}}})
    );
    assert_eq!(output.reset_store, [["x", "last_object"]]);
    assert_eq!(
        bench.log(),
        "Info: object `b/k/l` does not yet exist: waits for it\nInfo: object `b/k/l` is there\n"
    );
    let bench = Bench::new();
    bench.run(&Canned::new([there()]), json!({}), json!({"x_wait>": "b/k"})).expect("it is there");
    assert_eq!(bench.log(), "");
}

#[test]
fn pauses_grow_and_end_with_the_time() {
    let bench = Bench::new();
    let mut state = Value::Null;
    let mut pauses = Vec::new();
    for _ in 0..8 {
        let (after, left) = again(turn(&bench, json!({"x_wait>": "b/k"}), Look::NotThere, 0, state));
        pauses.push(after.as_secs());
        state = left;
    }
    assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300]);
    assert_eq!(POLLS.pause(u32::MAX), POLLS.longest);
    let local = json!({"x_wait>": "b/k", "timeout": "100s"});
    let (after, _) = again(turn(&bench, local, Look::NotThere, 98, json!({"looks": 5, "told": 1})));
    assert!(after <= Duration::from_secs(2), "{after:?}");
}

#[test]
fn people_hear_of_it_at_the_start_and_every_ten_minutes() {
    let bench = Bench::new();
    let local = json!({"x_wait>": "b/k", "timeout": "1d 2h"});
    let mut state = Value::Null;
    for seconds in [0, 5, 599, 600, 1199, 1500, 1799, 90_061] {
        (_, state) = again(turn(&bench, local.clone(), Look::NotThere, seconds, state));
    }
    assert_eq!(
        bench.log(),
        "Info: object `b/k` does not yet exist: waits for it, at most 26h\n\
         Info: object `b/k` does not yet exist: waits since 10m\n\
         Info: object `b/k` does not yet exist: waits since 25m\n\
         Info: object `b/k` does not yet exist: waits since 25h 1m 1s\n"
    );
}

#[test]
fn a_timeout_fails_or_goes_on() {
    let bench = Bench::new();
    let mut local = json!({"x_wait>": "b/k", "timeout": "2m"});
    let error = turn(&bench, local.clone(), Look::NotThere, 120, Value::Null).expect_err("too late");
    assert_eq!(error.message, "object `b/k` did not appear within 2m");
    assert_eq!(
        error.hint.as_deref(),
        Some("raise `timeout`, or go on without it by `continue_on_timeout: true`")
    );
    assert_eq!(error.kind, FailureKind::Failed);
    let error = turn(&bench, local.clone(), no_answer(), 120, Value::Null).expect_err("too late");
    assert_eq!(error.message, "object `b/k` did not appear within 2m");
    assert_eq!(error.causes, ["the store cannot be asked", "connection refused"]);
    assert_eq!(error.kind, FailureKind::Unreachable);
    // What is there counts, however late.
    assert!(matches!(turn(&bench, local.clone(), there(), 500, Value::Null), Ok(Turn::Done(_))));
    assert_eq!(bench.log(), "");

    local["continue_on_timeout"] = "true".into();
    let Ok(Turn::Done(output)) = turn(&bench, local, Look::NotThere, 120, Value::Null) else {
        panic!("it goes on")
    };
    assert_eq!(Value::Object(output.store), json!({"x": {"last_object": {"result": false}}}));
    assert_eq!(output.reset_store, [["x", "last_object"]]);
    assert_eq!(bench.log(), "Warn: object `b/k` did not appear within 2m; the task goes on without it\n");
}

#[test]
fn a_service_may_be_silent_for_an_hour() {
    let bench = Bench::new();
    let local = json!({"x_wait>": "b/k"});
    let (after, state) = again(turn(&bench, local.clone(), no_answer(), 1000, Value::Null));
    assert_eq!(after, Duration::from_secs(5));
    let (_, state) = again(turn(&bench, local.clone(), no_answer(), 4590, state));
    let failed = turn(&bench, local.clone(), no_answer(), 4605, state.clone()).expect_err("it gave up");
    assert_eq!(
        (failed.message.as_str(), failed.kind),
        ("the store cannot be asked", FailureKind::Unreachable)
    );
    // An answer in between begins anew.
    let (_, state) = again(turn(&bench, local.clone(), Look::NotThere, 4595, state));
    again(turn(&bench, local, no_answer(), 9000, state));
    assert_eq!(
        bench.log(),
        "Warn: the store cannot be asked: connection refused; asks again in 5s\n\
         Info: object `b/k` does not yet exist: waits for it\n\
         Warn: the store cannot be asked: connection refused; asks again in 40s\n"
    );
}

#[test]
fn an_object_stands_in_the_value_or_beside_it() {
    let found = |exported: Value, local: Value| {
        let bench = Bench::new();
        let canned = Canned::new([Look::NotThere]);
        bench.turn(&canned, exported, local, Waiting::first()).map_err(|error| error.message)?;
        let log = bench.log();
        Ok::<_, String>(log.split('`').nth(1).expect("the object is named").to_owned())
    };
    let both = json!({"bucket": "b", "key": "k/l"});
    assert_eq!(found(json!({}), json!({"x_wait>": "x://b/k/l"})), Ok("b/k/l".to_owned()));
    assert_eq!(found(json!({}), json!({"x_wait>": "b//k"})), Ok("b//k".to_owned()));
    assert_eq!(found(both.clone(), json!({"x_wait>": null})), Ok("b/k/l".to_owned()));
    let needs = Err("`x_wait>` needs either a value or both `bucket` and `key`".to_owned());
    assert_eq!(found(both, json!({"x_wait>": "b/k"})), needs);
    assert_eq!(found(json!({}), json!({"x_wait>": null, "bucket": "b"})), needs);
    for (value, shown) in [("b", "b/"), ("b/", "b/"), ("/k", "/k"), ("x://b", "b/")] {
        let wrong = Err(format!("`{shown}` is not a bucket and an object in it"));
        assert_eq!(found(json!({}), json!({"x_wait>": value})), wrong);
    }
}

#[test]
fn a_call_that_hangs_ends_when_the_task_is_to_stop() {
    let cancel = Cancel::default();
    assert_eq!(unless_canceled(&cancel, async { 3 }).map_err(|error| error.message), Ok(3));
    cancel.cancel();
    let ended = unless_canceled(&cancel, std::future::pending::<()>());
    assert_eq!(ended.expect_err("it was stopped").kind, FailureKind::Canceled);
}

#[test]
fn the_pauses_are_digdags() {
    let pauses = |polls: Polls| (0..8).map(|looks| polls.pause(looks).as_secs()).collect::<Vec<_>>();
    let (s3, gcs) = (s3::POLLS, gcs::POLLS);
    assert_eq!(pauses(s3), [5, 10, 20, 40, 80, 160, 300, 300]);
    assert_eq!(pauses(gcs), [1, 2, 4, 8, 16, 30, 30, 30]);
    for polls in [s3, gcs] {
        assert_eq!(polls.remind, Duration::from_secs(600));
        assert_eq!(polls.silence, Duration::from_secs(3600));
    }
}

mod service {
    //! What a bucket's service says, by a server that answers what the test wrote.

    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    use super::super::{gcs, s3};
    use super::*;
    use crate::cloud::google::{Endpoints, Identity};

    /// Answers one connection after the other with a whole answer; gives back the heads of the requests.
    fn server(answers: Vec<String>) -> (String, JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let served = std::thread::spawn(move || {
            let serve = |answer: String| {
                let (mut stream, _) = listener.accept().expect("a client");
                let reader = BufReader::new(stream.try_clone().expect("a clone"));
                let head =
                    reader.lines().map(|line| line.expect("a line")).take_while(|line| !line.is_empty());
                let head: Vec<String> = head.collect();
                let answer = answer.replacen("\r\n", "\r\nconnection: close\r\n", 1);
                stream.write_all(answer.as_bytes()).expect("an answer");
                head.join("\n")
            };
            answers.into_iter().map(serve).collect()
        });
        (address, served)
    }

    fn bench() -> Bench {
        Bench::new()
            .secret("aws.access_key_id", "AKIDEXAMPLE")
            .secret("aws.s3.secret_access_key", "s3cretkey")
    }

    fn head(status: u16, headers: &str) -> String {
        format!("HTTP/1.1 {status} x\r\n{headers}\r\n")
    }

    /// `s3_wait>: b/k` of a service that gives these answers, and the requests it saw.
    fn s3_wait(bench: &Bench, answers: Vec<String>) -> (Result<OperatorOutput, OperatorError>, Vec<String>) {
        let (endpoint, served) = server(answers);
        let exported = json!({"aws": {"s3": {"endpoint": endpoint}, "region": "ap-northeast-1"}});
        let done = bench.run(&s3::S3Wait::new(POLLS), exported, json!({"s3_wait>": "b/k l"}));
        (done, served.join().expect("no panic"))
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
        format!(
            "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
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
        (done, served.join().expect("no panic").into_iter().map(lines).collect())
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
        let denied =
            r#"{"error": {"message": "x does not have access", "errors": [{"reason": "forbidden"}]}}"#;
        assert_eq!(
            refused(vec![json_answer(403, denied)]),
            "Cloud Storage does not tell whether object `b/o` is there\n\
             GET storage object: HTTP 403 forbidden: x does not have access\n\
             check secret `gcp.credential`; Cloud Storage also says so of an object that is not there to those who \
             may not list the bucket (`storage.objects.list`)"
        );
    }

    #[test]
    fn a_broken_credential_is_named_and_not_shown() {
        let bench = Bench::new().secret("gcp.credential", "{\"private_key\": oops}");
        let (done, _) = gcs_wait(&bench, json!({"gcs_wait>": "b/o"}), Vec::new());
        let error = done.expect_err("no key");
        assert_eq!(error.message, "secret `gcp.credential` cannot be used");
        assert_eq!(error.causes, ["credentials: the JSON key is not valid JSON at line 1, column 17"]);
        assert_eq!(error.kind, FailureKind::Config);
    }
}
