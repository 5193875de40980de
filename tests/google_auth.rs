//! How we get tokens from Google, against what Google's own library (google-auth for Python) does with the same
//! credentials, at the same recording server and at the same time. What is compared are the requests, and of a service
//! account, which asks nobody, the token.
//!
//! Credentials come from the environment too, so each of our sides is a process of its own.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use sync::cloud::block_on;
use sync::cloud::google::auth::{Account, AssumedRole, AwsIdentity};
use sync::cloud::google::http::{Call, Google, Manners};
use sync::cloud::google::{Endpoints, Identity};
use sync::secret::Secret;

use self::federation::what_aws_says_of_us_is_exchanged_as_googles_library_does_it;
use self::tokens::{
    a_refresh_token_is_sent_as_googles_library_sends_it, a_service_account_signs_what_googles_library_signs,
    the_machine_is_asked_as_googles_library_asks_it, what_the_environment_offers_is_taken,
};
use crate::support::readme_rows::rows;
use crate::support::servers;
use crate::support::webhook::{Received, Reply, Webhook};

mod federation;
mod tokens;

rows! {
    "| `auth_method` | who asks |":
    "`json_key`, `service_account` (the default of `bigquery_java`)" => a_service_account_signs_what_googles_library_signs,
    "`authorized_user`" => a_refresh_token_is_sent_as_googles_library_sends_it,
    "`compute_engine`" => the_machine_is_asked_as_googles_library_asks_it,
    "`application_default` (the default of the others)" => what_the_environment_offers_is_taken,
    "`workload_identity_federation`" => what_aws_says_of_us_is_exchanged_as_googles_library_does_it,
}

const SCOPES: [&str; 2] =
    ["https://www.googleapis.com/auth/bigquery", "https://www.googleapis.com/auth/cloud-platform"];

/// One way to ask, ours and theirs.
struct Asker {
    how: &'static str,
    key: Value,
    environment: Vec<(&'static str, String)>,
    /// For AWS: the region, and the role to assume.
    aws: Value,
}

impl Asker {
    fn new(how: &'static str, key: Value) -> Self {
        Self { how, key, environment: Vec::new(), aws: Value::Null }
    }

    fn with(mut self, environment: &[(&'static str, &str)]) -> Self {
        self.environment.extend(environment.iter().map(|(name, value)| (*name, (*value).to_owned())));
        self
    }

    /// Makes some calls of BigQuery in a process of its own; gives a line for each.
    fn ask(&self, url: &str, calls: u32) -> Vec<String> {
        let task = json!({"how": self.how, "key": self.key.to_string(), "url": url, "calls": calls, "aws": self.aws});
        let output = self
            .clean(Command::new(std::env::current_exe().unwrap()))
            .args(["--exact", "google_auth::the_account_that_asks", "--nocapture"])
            .env("SYNC_TEST_ASKER", task.to_string())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines: Vec<String> =
            said.lines().filter_map(|line| line.strip_prefix("asked: ")).map(str::to_owned).collect();
        assert_eq!(lines.len(), calls as usize, "{said}{}", String::from_utf8_lossy(&output.stderr));
        lines
    }

    /// Google's library, whose clock stands at `now`; gives the token.
    fn ask_as_google(&self, python: &PathBuf, now: i64, more: &Value) -> String {
        let mut task = json!({"how": self.how, "key": self.key, "scopes": SCOPES, "now": now});
        for (name, value) in more.as_object().into_iter().flatten() {
            task[name] = value.clone();
        }
        let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clients/auth.py");
        let mut child = self
            .clean(Command::new(python))
            .arg("-B")
            .arg(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(task.to_string().as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// A command that knows nothing of the clouds but what the test says.
    fn clean(&self, mut command: Command) -> Command {
        for (name, _) in std::env::vars() {
            if name.starts_with("AWS_") || name.starts_with("GOOGLE_") || name.starts_with("GCE_") {
                command.env_remove(name);
            }
        }
        let nowhere = ("AWS_EC2_METADATA_DISABLED", "true".to_owned());
        let given = self.environment.iter().chain([&nowhere]);
        command.envs(given.map(|(name, value)| (*name, value.clone())));
        command
    }
}

/// Not a test of its own: our side of the others.
#[test]
fn the_account_that_asks() {
    let Ok(task) = std::env::var("SYNC_TEST_ASKER") else { return };
    let task: Value = serde_json::from_str(&task).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let key = || Secret::new(text(&task["key"]));
    let account = match task["how"].as_str().unwrap() {
        "service_account" => Account::ServiceAccount(key()),
        "authorized_user" => Account::AuthorizedUser(key()),
        "compute_engine" => Account::ComputeEngine,
        "application_default" => Account::ApplicationDefault,
        "external_account" => Account::Federation(key()),
        _ => {
            let aws = &task["aws"];
            let session_name = "embulk-bigquery-output".to_owned();
            let role = aws["role"].as_str().map(|arn| AssumedRole { arn: arn.to_owned(), session_name });
            let identity = AwsIdentity { region: text(&aws["region"]), role };
            Account::AwsFederation { config: key(), identity }
        }
    };
    let url = text(&task["url"]);
    let endpoints = Endpoints { bigquery: url.clone(), storage: url.clone(), identity: Identity::Configured };
    let manners = Manners {
        retries: 1,
        open_timeout: Duration::from_secs(10),
        read_timeout: Duration::from_secs(30),
        application_name: "sync tests".to_owned(),
    };
    let google = Google::new(account, endpoints, &manners);
    for _ in 0..task["calls"].as_u64().unwrap() {
        let call = Call::new(Method::GET, format!("{url}bigquery"), "bigquery");
        match google.as_ref().map(|google| block_on(google.json(&call))) {
            Ok(Ok(_)) => println!("asked: ok"),
            Ok(Err(error)) => println!("asked: {error}"),
            Err(error) => println!("asked: {error}"),
        }
    }
}

/// Where the Python with Google's library is; without one there is nothing to compare with.
fn python() -> Option<PathBuf> {
    servers::variable("SYNC_TEST_GOOGLE_CLIENTS", "Python with Google's clients").map(PathBuf::from)
}

/// What BigQuery answers.
const ANSWER: Reply = Reply::Json(200, "{}");

fn header<'a>(request: &'a Received, name: &str) -> &'a str {
    request.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

/// The fields of a form or of JSON; one that is null says nothing.
fn fields(request: &Received) -> BTreeMap<String, Value> {
    let json: Option<Value> = serde_json::from_str(&request.body).ok();
    match json.as_ref().and_then(Value::as_object) {
        Some(object) => object.clone().into_iter().filter(|(_, value)| !value.is_null()).collect(),
        None => form_urlencoded::parse(request.body.as_bytes())
            .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
            .collect(),
    }
}

/// Method, path and fields of a request, and who it says asks.
fn shape(request: &Received) -> (String, String, String, BTreeMap<String, Value>) {
    let asks = header(request, "authorization").to_owned();
    (request.method.clone(), request.path.clone(), asks, fields(request))
}
