//! Every status of HTTP, a lost answer and a cut one at each call of Google's services and of S3.

use serde_json::json;

use super::routes::{Kind, Route};
use super::{Combination, Expected, judge, run};
use crate::support::http_door::{Deed, HttpDoor, Rule};
use crate::support::servers;

/// What one call is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Status(u16),
    /// The call is done, and its answer never comes.
    Lost,
    /// The call is done, and its answer ends in the middle.
    Cut,
}

const FAULTS: [Fault; 14] = [
    Fault::Status(400),
    Fault::Status(401),
    Fault::Status(403),
    Fault::Status(404),
    Fault::Status(408),
    Fault::Status(409),
    Fault::Status(412),
    Fault::Status(429),
    Fault::Status(500),
    Fault::Status(502),
    Fault::Status(503),
    Fault::Status(504),
    Fault::Lost,
    Fault::Cut,
];

/// Google's rules: 408, 429 and 5xx pass (<https://cloud.google.com/storage/docs/retry-strategy>), 401 wants a new token,
/// and so does a call without an answer, since all calls are made so that they may be made twice. The others stay.
fn google(fault: Fault) -> Expected {
    match fault {
        Fault::Status(401 | 408 | 429 | 500 | 502 | 503 | 504) | Fault::Lost | Fault::Cut => {
            Expected::Success
        }
        Fault::Status(404) => Expected::Believed(&["HTTP 404", "is not found", "is gone"]),
        Fault::Status(_) => Expected::Either(&[
            "HTTP 400",
            "HTTP 403",
            "HTTP 404",
            "HTTP 409",
            "HTTP 412",
            "is not found",
            "is gone",
        ]),
    }
}

/// S3's rules: `RequestTimeout`, `SlowDown` and 5xx pass, and so does `OperationAborted`, its 409
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>). Keys that are wrong (401, 403) stay wrong.
fn amazon(fault: Fault) -> Expected {
    match fault {
        Fault::Status(408 | 409 | 429 | 500 | 502 | 503 | 504) | Fault::Lost | Fault::Cut => {
            Expected::Success
        }
        Fault::Status(_) => Expected::Either(&["S3 says", "S3 answered", "bucket"]),
    }
}

/// The name that S3 has for a status.
fn code(status: u16) -> &'static str {
    match status {
        400 => "InvalidRequest",
        401 | 403 => "AccessDenied",
        404 => "NoSuchBucket",
        408 => "RequestTimeout",
        409 => "OperationAborted",
        412 => "PreconditionFailed",
        429 | 503 => "SlowDown",
        _ => "InternalError",
    }
}

/// How many calls a route makes: of Google's stand-in, by its own log.
fn google_calls(kind: Kind) -> Option<usize> {
    let mut route = Route::new(kind)?;
    let (host, port) = route.door();
    route.point(&host, port);
    let before = route.google().calls().len();
    route.sandbox.run(["run", "main.dig"]).expect_code(0);
    // What the test itself has asked is no call of the route.
    Some(route.google().calls().len() - before)
}

fn at_google(kind: Kind, call: usize, fault: Fault) -> Combination {
    let run = move || {
        let mut route = Route::new(kind).expect("the stand-in is there");
        let (host, port) = route.door();
        route.point(&host, port);
        let rule = match fault {
            Fault::Status(status) => json!({"action": "status", "status": status}),
            Fault::Lost => json!({"action": "lose_answer"}),
            Fault::Cut => json!({"action": "cut", "bytes": 1}),
        };
        let mut rule = rule;
        rule["after"] = json!(call);
        rule["path"] = json!("^/(?!_control)");
        route.google().rule(&rule);
        judge(&route, google(fault), || route.google().forget_rules())
    };
    Combination { name: format!("{kind:?} call {} {fault:?}", call + 1), run: Box::new(run) }
}

fn at_amazon(call: usize, fault: Fault) -> Combination {
    let run = move || {
        let mut route = Route::new(Kind::FileToS3).expect("the stand-in is there");
        let (host, port) = route.door();
        let door = HttpDoor::before(&host, port);
        route.point("127.0.0.1", door.port());
        let deed = match fault {
            Fault::Status(status) => {
                Deed::Answer { status, body: format!("<Error><Code>{}</Code></Error>", code(status)) }
            }
            Fault::Lost => Deed::LoseAnswer,
            Fault::Cut => Deed::CutAnswer,
        };
        door.set(Rule { call, deed });
        judge(&route, amazon(fault), || door.clear())
    };
    Combination { name: format!("FileToS3 call {} {fault:?}", call + 1), run: Box::new(run) }
}

fn amazon_calls() -> Option<usize> {
    let mut route = Route::new(Kind::FileToS3)?;
    let (host, port) = route.door();
    let door = HttpDoor::before(&host, port);
    route.point("127.0.0.1", door.port());
    route.sandbox.run(["run", "main.dig"]).expect_code(0);
    assert_eq!(route.seen(), Kind::FileToS3.after());
    Some(door.calls())
}

#[test]
fn every_status_at_every_call_of_a_service_loses_nothing() {
    let mut all = Vec::new();
    for kind in [Kind::FileToBigquery, Kind::FileToBigqueryByGcs, Kind::FileToGcs] {
        for call in 0..google_calls(kind).unwrap_or_default() {
            all.extend(FAULTS.map(|fault| at_google(kind, call, fault)));
        }
    }
    for call in 0..amazon_calls().unwrap_or_default() {
        all.extend(FAULTS.map(|fault| at_amazon(call, fault)));
    }
    run("calls", all, 28);
}

/// Keys that are good for hours end in the middle of a night. Whoever renews them writes them into the profile.
#[test]
fn expired_keys_of_aws_are_asked_for_anew() {
    let Some(mut route) = Route::new(Kind::FileToS3) else { return };
    let aws = servers::aws().expect("it was there");
    let (host, port) = route.door();
    let door = HttpDoor::before(&host, port);
    let config = route.point("127.0.0.1", door.port());
    route.sandbox.write("copy.yml", &config.replace("type: s3,", "type: s3, auth_method: profile,"));
    let keys =
        |id: &str, key: &str| format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {key}\n");
    let file = route.sandbox.path().join(".aws/credentials");
    route.sandbox.write(".aws/credentials", &keys("ASIAOLD", "old"));
    let body = "<Error><Code>ExpiredToken</Code></Error>".to_owned();
    let text = keys(&aws.access_key_id, &aws.secret_access_key);
    door.set(Rule { call: 0, deed: Deed::AnswerAfter { status: 400, body, file, text } });
    let said = route.sandbox.run(["run", "main.dig"]).expect_code(0);
    assert!(said.stderr.contains("S3 says ExpiredToken; retry with new credentials"), "{}", said.stderr);
    assert_eq!(route.seen(), Kind::FileToS3.after());
}
