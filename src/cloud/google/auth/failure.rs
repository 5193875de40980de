//! Why no token came, in words without a credential, and whether asking again can help.

use std::error::Error;
use std::time::Duration;

use google_cloud_auth::errors::CredentialsError;
use serde_json::Value;

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
    let reason = String::new();
    GoogleError { call: "credentials".to_owned(), status: None, reason, message, retry_after: None }
}

/// The causes from the outermost, each once. The texts of services are cut to what they say of the error.
fn reason(error: &CredentialsError) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let part = plain(&error.to_string());
        if !part.is_empty() && !parts.iter().any(|known| known.contains(&part)) {
            parts.push(part);
        }
        cause = error.source();
    }
    parts.join(": ")
}

/// One line of the library: without its promise about later calls, the address and the whole of an answer.
fn plain(text: &str) -> String {
    const PROMISE: &str = "but future attempts may succeed";
    const NO_PROMISE: &str = "and future attempts will not succeed";
    let text = text.trim_end().trim_end_matches(PROMISE).trim_end_matches(NO_PROMISE).trim_end();
    let (before, body) = match text.split_once("body=<") {
        Some((before, body)) => (before.trim_end_matches([',', ' ']), answer(body.trim_end_matches('>'))),
        None => (text, None),
    };
    let before = match before.split_once(" for url (") {
        Some((before, _)) => before,
        None => before,
    };
    match body {
        Some(body) => format!("{}: {body}", one_line(before)),
        None => one_line(before),
    }
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
    let parts = [code, &said];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join(": "))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
