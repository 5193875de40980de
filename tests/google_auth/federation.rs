//! Workload identity federation: what is said of us elsewhere, exchanged for a token of Google's.

use super::*;

const AWS_KEY: &str = "AKIDEXAMPLE";
const AWS_SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const EXCHANGED: Reply = Reply::Json(
    200,
    r#"{"access_token": "federated", "issued_token_type": "urn:ietf:params:oauth:token-type:access_token", "token_type": "Bearer", "expires_in": 3600}"#,
);
const OF_ACCOUNT: Reply =
    Reply::Json(200, r#"{"accessToken": "of the account", "expireTime": "2099-01-01T00:00:00Z"}"#);
const AWS_TOKEN: &str = "urn:ietf:params:aws:token-type:aws4_request";

/// The configuration of a federation, as `gcloud iam workload-identity-pools create-cred-config` writes it.
fn config(server: &Webhook, subject: &str, source: Value) -> Value {
    json!({
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x",
        "subject_token_type": subject,
        "token_url": server.url("v1/token"),
        "service_account_impersonation_url": server.url("v1/etl@lake:generateAccessToken"),
        "credential_source": source,
    })
}

fn aws_source() -> Value {
    json!({
        "environment_id": "aws1",
        "region_url": "http://169.254.169.254/latest/meta-data/placement/availability-zone",
        "url": "http://169.254.169.254/latest/meta-data/iam/security-credentials",
        "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
    })
}

/// What AWS says of us, opened: the request without its headers, and these by name.
fn subject(exchange: &Received) -> (Value, BTreeMap<String, String>) {
    let token = fields(exchange).remove("subject_token").unwrap();
    // The text is a part of a URL.
    let query = format!("t={}", token.as_str().unwrap());
    let text = form_urlencoded::parse(query.as_bytes()).next().unwrap().1.into_owned();
    // A path of nothing and a path of `/` are the same, also to those who sign.
    let mut request: Value = serde_json::from_str(&text.replace(".com/?", ".com?")).unwrap();
    let headers = request.as_object_mut().unwrap().remove("headers").unwrap();
    let part = |header: &Value, name: &str| header[name].as_str().unwrap().to_owned();
    let headers = headers.as_array().unwrap().iter();
    let headers = headers.map(|header| (part(header, "key").to_lowercase(), part(header, "value"))).collect();
    (request, headers)
}

/// When AWS's request was signed.
fn signed_at(headers: &BTreeMap<String, String>) -> i64 {
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", &headers["x-amz-date"]).unwrap();
    time.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_second()
}

/// Compares an exchange with AWS and what follows; gives the headers that ours signed.
#[track_caller]
fn assert_like_google(ours: &[Received], theirs: &[Received]) -> BTreeMap<String, String> {
    let (mut request, headers) = subject(&ours[0]);
    let (their_request, their_headers) = subject(&theirs[0]);
    // The body of the request is empty; theirs leaves it out.
    assert_eq!(request.as_object_mut().unwrap().remove("body"), Some(json!("")));
    assert_eq!((request, &headers), (their_request, &their_headers));
    let without_subject = |request: &Received| {
        let (method, path, asks, mut fields) = shape(request);
        fields.remove("subject_token");
        (method, path, asks, fields)
    };
    assert_eq!(without_subject(&ours[0]), without_subject(&theirs[0]));
    assert_eq!(header(&ours[0], "content-type"), header(&theirs[0], "content-type"));
    assert_eq!(shape(&ours[1]), shape(&theirs[1]), "the token of the account");
    headers
}

pub(super) fn what_aws_says_of_us_is_exchanged_as_googles_library_does_it() {
    let Some(python) = python() else { return };
    for session in [None, Some("a session")] {
        let server = Webhook::start();
        let mut asker = Asker::new("external_account", config(&server, AWS_TOKEN, aws_source())).with(&[
            ("AWS_ACCESS_KEY_ID", AWS_KEY),
            ("AWS_SECRET_ACCESS_KEY", AWS_SECRET),
            ("AWS_REGION", "eu-west-1"),
        ]);
        if let Some(session) = session {
            asker = asker.with(&[("AWS_SESSION_TOKEN", session)]);
        }
        server.reply([EXCHANGED, OF_ACCOUNT, ANSWER, EXCHANGED, OF_ACCOUNT]);
        assert_eq!(asker.ask(&server.url(""), 1), ["ok"]);
        let now = signed_at(&subject(&server.received()[0]).1);
        assert_eq!(asker.ask_as_google(&python, now, &Value::Null), "of the account");
        let received = server.received();
        assert_eq!(header(&received[2], "authorization"), "Bearer of the account");
        let headers = assert_like_google(&received[..2], &received[3..]);
        assert_eq!(headers.contains_key("x-amz-security-token"), session.is_some());
    }
}

/// AWS as its own libraries find it, without a role: the same requests, with the region that the config names.
#[test]
fn aws_as_its_own_libraries_find_it_is_exchanged_alike() {
    let Some(python) = python() else { return };
    let server = Webhook::start();
    let mut asker = Asker::new("aws", config(&server, AWS_TOKEN, aws_source())).with(&[
        ("AWS_ACCESS_KEY_ID", AWS_KEY),
        ("AWS_SECRET_ACCESS_KEY", AWS_SECRET),
        ("AWS_SESSION_TOKEN", "a session"),
    ]);
    asker.aws = json!({"region": "ap-northeast-1"});
    server.reply([EXCHANGED, OF_ACCOUNT, ANSWER, ANSWER, EXCHANGED, OF_ACCOUNT]);
    assert_eq!(asker.ask(&server.url(""), 2), ["ok", "ok"], "one token for both");
    let now = signed_at(&subject(&server.received()[0]).1);
    let more = json!({
        "region": "ap-northeast-1",
        "access_key_id": AWS_KEY,
        "secret_access_key": AWS_SECRET,
        "session_token": "a session",
    });
    assert_eq!(asker.ask_as_google(&python, now, &more), "of the account");
    let received = server.received();
    let headers = assert_like_google(&received[..2], &received[4..]);
    assert_eq!(headers["host"], "sts.ap-northeast-1.amazonaws.com");
}

/// `aws_role_arn`: the key that signs is the role's, which the stand-in of AWS gave.
#[test]
fn a_role_is_assumed_first() {
    let Some(aws) = servers::aws() else { return };
    let server = Webhook::start();
    let mut asker = Asker::new("aws", config(&server, AWS_TOKEN, aws_source()));
    asker.environment.extend(aws.environment());
    let role = "arn:aws:iam::123456789012:role/federation";
    asker.aws = json!({"region": "ap-northeast-1", "role": role});
    server.reply([EXCHANGED, OF_ACCOUNT, ANSWER]);
    assert_eq!(asker.ask(&server.url(""), 1), ["ok"]);
    let (_, headers) = subject(&server.received()[0]);
    assert!(headers["authorization"].contains("Credential=ASIA"), "the key of a role: {headers:?}");
    assert!(!headers["authorization"].contains(&aws.access_key_id));
    assert!(!headers["x-amz-security-token"].is_empty());
}

#[test]
fn why_aws_does_not_help_is_told() {
    let server = Webhook::start();
    let mut asker = Asker::new("aws", config(&server, AWS_TOKEN, aws_source()));
    asker.aws = json!({"region": "ap-northeast-1"});
    let home = tempfile::tempdir().unwrap();
    let asker = asker.with(&[("HOME", home.path().to_str().unwrap())]);
    let pool = "workload identity federation `//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x`";
    assert_eq!(
        asker.ask(&server.url(""), 1),
        [format!(
            "credentials: no access token for {pool}: AWS: no credentials were found: not in the environment, a profile, a web identity, ECS or EC2"
        )]
    );
    let asker = asker.with(&[("AWS_ACCESS_KEY_ID", AWS_KEY), ("AWS_SECRET_ACCESS_KEY", AWS_SECRET)]);
    let denied = r#"{"error": "invalid_grant", "error_description": "Received invalid AWS response of type NotAuthorized"}"#;
    server.reply([Reply::Json(400, denied)]);
    assert_eq!(
        asker.ask(&server.url(""), 1),
        [format!(
            "credentials: no access token for {pool}: the exchange of tokens: HTTP 400 invalid_grant: Received invalid AWS response of type NotAuthorized"
        )]
    );
    let denied = r#"{"error": {"status": "PERMISSION_DENIED", "message": "Permission 'iam.serviceAccounts.getAccessToken' denied"}}"#;
    server.reply([EXCHANGED, Reply::Json(403, denied)]);
    assert_eq!(
        asker.ask(&server.url(""), 1),
        [format!(
            "credentials: no access token for {pool}: the service account: HTTP 403 PERMISSION_DENIED: Permission '…' denied"
        )]
    );
    // What passes is tried again.
    server.reply([Reply::Status(503), EXCHANGED, OF_ACCOUNT, ANSWER]);
    assert_eq!(asker.ask(&server.url(""), 1), ["ok"]);
}

/// A token that is about to end is renewed before the next call.
#[test]
fn a_token_of_a_federation_is_renewed_when_it_ends_or_is_refused() {
    let server = Webhook::start();
    let mut key = config(&server, AWS_TOKEN, aws_source());
    key.as_object_mut().unwrap().remove("service_account_impersonation_url");
    let mut asker =
        Asker::new("aws", key).with(&[("AWS_ACCESS_KEY_ID", AWS_KEY), ("AWS_SECRET_ACCESS_KEY", AWS_SECRET)]);
    asker.aws = json!({"region": "ap-northeast-1"});
    let short = Reply::Json(200, r#"{"access_token": "short", "expires_in": 60}"#);
    let refused = Reply::Json(401, "{}");
    server.reply([short, ANSWER, EXCHANGED, ANSWER, refused, short, ANSWER]);
    assert_eq!(asker.ask(&server.url(""), 3), ["ok", "ok", "ok"]);
    let received = server.received();
    let asked: Vec<_> = received.iter().map(|at| header(at, "authorization").to_owned()).collect();
    let federated = "Bearer federated";
    assert_eq!(asked, ["", "Bearer short", "", federated, federated, "", "Bearer short"]);
    assert_eq!(
        fields(&received[0])["scope"],
        SCOPES.join(" "),
        "without an account the token is used itself"
    );
}

/// What a file or an address says of us.
#[test]
fn other_clouds_are_asked_as_googles_library_asks_them() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, r#"{"id": "of the file"}"#).unwrap();
    let format = json!({"type": "json", "subject_token_field_name": "id"});
    let server = Webhook::start();
    let jwt = "urn:ietf:params:oauth:token-type:jwt";
    let of_file = config(&server, jwt, json!({"file": file, "format": format}));
    let asker = Asker::new("external_account", of_file);
    server.reply([EXCHANGED, OF_ACCOUNT, ANSWER, EXCHANGED, OF_ACCOUNT]);
    assert_eq!(asker.ask(&server.url(""), 1), ["ok"]);
    asker.ask_as_google(&python, 1_800_000_000, &Value::Null);
    let received = server.received();
    assert_eq!(fields(&received[0])["subject_token"], "of the file");
    assert_eq!([&received[0], &received[1]].map(shape), [&received[3], &received[4]].map(shape));

    let server = Webhook::start();
    let source = json!({"url": server.url("identity"), "headers": {"x-who": "me"}, "format": format});
    let asker = Asker::new("external_account", config(&server, jwt, source));
    let said = Reply::Json(200, r#"{"id": "of the address"}"#);
    server.reply([said, EXCHANGED, OF_ACCOUNT, ANSWER, said, EXCHANGED, OF_ACCOUNT]);
    assert_eq!(asker.ask(&server.url(""), 1), ["ok"]);
    asker.ask_as_google(&python, 1_800_000_000, &Value::Null);
    let received = server.received();
    assert_eq!(fields(&received[1])["subject_token"], "of the address");
    assert_eq!(header(&received[0], "x-who"), header(&received[4], "x-who"));
    for at in 0..3 {
        assert_eq!(shape(&received[at]), shape(&received[at + 4]), "{at}");
    }
}

/// A program that says who we are is run only where the environment allows it, as with Google's libraries.
#[test]
fn programs_are_run_only_where_that_is_allowed() {
    let server = Webhook::start();
    let source = json!({"executable": {"command": "/bin/false", "timeout_millis": 5000}});
    let key = config(&server, "urn:ietf:params:oauth:token-type:jwt", source);
    let said = Asker::new("external_account", key).ask(&server.url(""), 1).remove(0);
    assert!(
        said.ends_with(
            "executables need to be explicitly allowed (set GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES to '1') to run"
        ),
        "{said}"
    );
    assert_eq!(server.received().len(), 0);
}
