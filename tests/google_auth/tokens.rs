//! Keys, refresh tokens, the machine's account, and what the environment offers.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

/// A new key, as Google gives one out.
fn service_account() -> Value {
    let made = Command::new("openssl").args(["genpkey", "-algorithm", "RSA"]).output().expect("openssl");
    json!({
        "type": "service_account",
        "project_id": "lake",
        "private_key_id": "0123456789abcdef",
        "private_key": String::from_utf8_lossy(&made.stdout),
        "client_email": "etl@lake.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    })
}

fn person(token_uri: &str) -> Value {
    json!({
        "type": "authorized_user",
        "client_id": "someone.apps.googleusercontent.com",
        "client_secret": "a secret & more",
        "refresh_token": "1//refresh",
        "token_uri": token_uri,
    })
}

fn parts(token: &str) -> (Value, Value) {
    let part = |at: usize| {
        let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(at).unwrap()).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    (part(0), part(1))
}

pub(super) fn a_service_account_signs_what_googles_library_signs() {
    let Some(python) = python() else { return };
    let server = Webhook::start();
    server.reply([ANSWER]);
    let asker = Asker::new("service_account", service_account());
    assert_eq!(asker.ask(&server.url(""), 1), ["ok"]);
    let received = server.received();
    let ours = header(&received[0], "authorization").strip_prefix("Bearer ").unwrap();
    let (head, mut claims) = parts(ours);
    let issued = claims["iat"].as_i64().unwrap();
    let theirs = asker.ask_as_google(&python, issued, &Value::Null);
    let (their_head, their_claims) = parts(&theirs);
    assert_eq!(head, their_head);
    // For clocks that differ, ours was issued ten seconds ago and ends ten seconds later than in an hour.
    assert_eq!(claims["exp"].as_i64().unwrap() - issued, 3620);
    claims["exp"] = json!(issued + 3600);
    // No audience, said in words: scopes are named instead.
    assert_eq!(claims.as_object_mut().unwrap().remove("aud"), Some(Value::Null));
    assert_eq!(claims, their_claims);
    assert_eq!(claims["scope"], SCOPES.join(" "));
    assert_eq!(received.len(), 1, "nobody else was asked");
}

pub(super) fn a_refresh_token_is_sent_as_googles_library_sends_it() {
    let Some(python) = python() else { return };
    let server = Webhook::start();
    let token = Reply::Json(200, r#"{"access_token": "t1", "token_type": "Bearer", "expires_in": 3600}"#);
    server.reply([token, ANSWER, token]);
    let asker = Asker::new("authorized_user", person(&server.url("token")));
    assert_eq!(asker.ask(&server.url(""), 1), ["ok"]);
    assert_eq!(asker.ask_as_google(&python, 1_800_000_000, &Value::Null), "t1");
    let received = server.received();
    assert_eq!(header(&received[1], "authorization"), "Bearer t1");
    let (ours, mut theirs) = (shape(&received[0]), shape(&received[2]));
    // Theirs asks for scopes; ours takes what its owner allowed.
    assert_eq!(theirs.3.remove("scope"), Some(json!(SCOPES.join(" "))));
    assert_eq!(ours, theirs);
}

/// Where a metadata server is, in the environment of an asker that has no file of gcloud's.
fn machine(how: &'static str, server: &Webhook, home: &tempfile::TempDir) -> Asker {
    let host = server.url("").trim_start_matches("http://").trim_end_matches('/').to_owned();
    Asker::new(how, Value::Null)
        .with(&[("GCE_METADATA_HOST", &host), ("HOME", home.path().to_str().unwrap())])
}

const OF_MACHINE: Reply =
    Reply::Json(200, r#"{"access_token": "m1", "token_type": "Bearer", "expires_in": 3600}"#);

pub(super) fn the_machine_is_asked_as_googles_library_asks_it() {
    let Some(python) = python() else { return };
    let (server, home) = (Webhook::start(), tempfile::tempdir().unwrap());
    let asker = machine("compute_engine", &server, &home);
    let account = Reply::Json(200, r#"{"email": "m@lake", "scopes": []}"#);
    server.reply([OF_MACHINE, ANSWER, account, OF_MACHINE]);
    assert_eq!(asker.ask(&server.url(""), 1), ["ok"]);
    assert_eq!(asker.ask_as_google(&python, 1_800_000_000, &Value::Null), "m1");
    let received = server.received();
    assert_eq!(header(&received[1], "authorization"), "Bearer m1");
    // Theirs asks for the account's name before.
    let (ours, theirs) = (&received[0], &received[3]);
    let query = |request: &Received| -> (String, Vec<(String, String)>) {
        let (path, query) = request.path.split_once('?').unwrap();
        (path.to_owned(), form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    };
    assert_eq!((&ours.method, query(ours)), (&theirs.method, query(theirs)));
    assert_eq!(header(ours, "metadata-flavor"), header(theirs, "metadata-flavor"));
}

/// The file that a variable names, else the machine.
pub(super) fn what_the_environment_offers_is_taken() {
    let (server, home) = (Webhook::start(), tempfile::tempdir().unwrap());
    server.reply([OF_MACHINE, ANSWER]);
    assert_eq!(machine("application_default", &server, &home).ask(&server.url(""), 1), ["ok"]);
    assert_eq!(header(&server.received()[1], "authorization"), "Bearer m1");

    let server = Webhook::start();
    let token = Reply::Json(200, r#"{"access_token": "t1", "token_type": "Bearer", "expires_in": 3600}"#);
    server.reply([token, ANSWER]);
    let file = home.path().join("key.json");
    std::fs::write(&file, person(&server.url("token")).to_string()).unwrap();
    let asker = Asker::new("application_default", Value::Null)
        .with(&[("GOOGLE_APPLICATION_CREDENTIALS", file.to_str().unwrap())]);
    assert_eq!(asker.ask(&server.url(""), 1), ["ok"]);
    assert_eq!(fields(&server.received()[0])["refresh_token"], "1//refresh");
}

/// A token that BigQuery refuses is thrown away, once; one that has ended is renewed.
#[test]
fn tokens_are_renewed() {
    let server = Webhook::start();
    let token = |text: &'static str| Reply::Json(200, text);
    let first = token(r#"{"access_token": "t1", "token_type": "Bearer", "expires_in": 3600}"#);
    let second = token(r#"{"access_token": "t2", "token_type": "Bearer", "expires_in": 3600}"#);
    let refused =
        Reply::Json(401, r#"{"error": {"message": "Invalid Credentials", "status": "UNAUTHENTICATED"}}"#);
    server.reply([first, refused, second, ANSWER, ANSWER, refused, first, refused]);
    let asker = Asker::new("authorized_user", person(&server.url("token")));
    assert_eq!(
        asker.ask(&server.url(""), 3),
        ["ok", "ok", "GET bigquery: HTTP 401 UNAUTHENTICATED: Invalid Credentials"]
    );
    let asked: Vec<_> = server.received().iter().map(|at| header(at, "authorization").to_owned()).collect();
    assert_eq!(asked, ["", "Bearer t1", "", "Bearer t2", "Bearer t2", "Bearer t2", "", "Bearer t1"]);

    // The library asks again ten seconds after a token that was over at once.
    let server = Webhook::start();
    let over = token(r#"{"access_token": "t1", "token_type": "Bearer", "expires_in": 0}"#);
    server.reply([over, ANSWER, second, ANSWER]);
    let asker = Asker::new("authorized_user", person(&server.url("token")));
    assert_eq!(asker.ask(&server.url(""), 2), ["ok", "ok"]);
    let asked: Vec<_> = server.received().iter().map(|at| header(at, "authorization").to_owned()).collect();
    assert_eq!(asked, ["", "Bearer t1", "", "Bearer t2"]);
}

#[test]
fn why_no_token_came_is_told_without_a_key() {
    let server = Webhook::start();
    let asker = Asker::new("authorized_user", person(&server.url("token")));
    let gone = r#"{"error": "invalid_grant", "error_description": "Token has been expired or revoked."}"#;
    server.reply([Reply::Json(400, gone)]);
    assert_eq!(
        asker.ask(&server.url(""), 1),
        [
            "credentials: no access token for authorized user: failed to refresh user access token: invalid_grant: Token has been expired or revoked"
        ]
    );
    // A service that is ill for a moment is asked again.
    let token = Reply::Json(200, r#"{"access_token": "t1", "token_type": "Bearer", "expires_in": 3600}"#);
    server.reply([Reply::Status(503), token, ANSWER]);
    assert_eq!(asker.ask(&server.url(""), 1), ["ok"]);
    let mut key = service_account();
    key["private_key"] = json!("-----BEGIN PRIVATE KEY-----\nMAMCAQA=\n-----END PRIVATE KEY-----\n");
    let said = Asker::new("service_account", key).ask(&server.url(""), 1).remove(0);
    assert_eq!(
        said,
        "credentials: no access token for service account `etl@lake.iam.gserviceaccount.com`: failed to parse private key as RSA, ECDSA, or EdDSA"
    );
}
