//! Why no token came, in words without a credential, and whether asking again can help.

use std::error::Error;
use std::time::Duration;

use google_cloud_auth::errors::CredentialsError;
use serde_json::Value;

use crate::cloud::fault::Fault;
use crate::cloud::google::error::{GoogleError, without_values};

/// Nobody answered in time.
pub(super) fn silent(account: &str, patience: Duration) -> GoogleError {
    passing(format!("no access token for {account}: no answer within {} s", patience.as_secs()))
}

/// The library gave up.
pub(super) fn of_library(account: &str, error: &CredentialsError) -> GoogleError {
    refused(account, &reason(error), error.is_transient())
}

/// No token, and why.
pub(super) fn refused(account: &str, reason: &str, passes: bool) -> GoogleError {
    let message = format!("no access token for {account}: {reason}");
    if passes { passing(message) } else { GoogleError::own("credentials", message) }
}

/// An error after which the call is made again: it is none of ours, and no service has answered.
fn passing(message: String) -> GoogleError {
    let (call, reason) = ("credentials".to_owned(), String::new());
    GoogleError { call, status: None, reason, message, retry_after: None, fault: Fault::NoConnection }
}

/// What the library wraps around every cause, and what it promises of later calls: none of it helps anybody.
const WORDS_AROUND: [&str; 7] = [
    "Request to fetch the token failed. Subsequent calls with this credential will also fail.",
    "Fetching the token resulted in transient errors. Subsequent calls with this credential might succeed.",
    "cannot create the authentication headers",
    "cannot create auth headers",
    "unexpected error:",
    "but future attempts may succeed",
    "and future attempts will not succeed",
];

/// The causes from the outermost, each once, down to what the other side said.
fn reason(error: &CredentialsError) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let text = error.to_string();
        let (before, body) = text.split_once("body=<").unwrap_or((&text, ""));
        let said = answer(body.split(">").next().unwrap_or_default());
        for part in [Some(plain(before)), said.clone()].into_iter().flatten() {
            if !part.is_empty() && !parts.iter().any(|known| known.contains(&part)) {
                parts.push(part);
            }
        }
        cause = if said.is_some() { None } else { error.source() };
    }
    parts.join(": ")
}

/// One line of the library, without the words around it and without an address.
fn plain(text: &str) -> String {
    let text = WORDS_AROUND.iter().fold(text.to_owned(), |text, words| text.replace(words, ""));
    let text = text.split(" for url (").next().unwrap_or_default();
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.trim_matches([',', ':', ' ']).to_owned()
}

/// What an answer in OAuth's form, or in that of Google's services, says.
pub(super) fn answer(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    let error = &body["error"];
    let (code, said) = match error {
        Value::String(code) => (code.as_str(), &body["error_description"]),
        error => (error["status"].as_str().unwrap_or_default(), &error["message"]),
    };
    let said = without_values(said.as_str().unwrap_or_default());
    let parts = [code, said.trim_end_matches('.')];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join(": "))
}
