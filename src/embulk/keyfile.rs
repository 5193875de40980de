//! A Google key in JSON: parsed and found whole before anything asks for a token, without showing any of it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::output::{KeyKind, Keyfile};
use crate::secret::Secret;

/// The first line of the only kind of private key that Google gives out (PKCS #8), and its last.
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// What Google calls that which AWS says of somebody.
const AWS_TOKEN: &str = "urn:ietf:params:aws:token-type:aws4_request";

/// Why a key cannot be used. `option` is where it stands in the config.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyfileError {
    /// There is no character in it.
    #[error("`{option}` is empty")]
    Empty {
        /// Where the key stands.
        option: &'static str,
    },
    /// Not JSON. Says where, not what.
    #[error("`{option}` is not JSON: line {line}, column {column} of the key")]
    Syntax {
        /// Where the key stands.
        option: &'static str,
        /// Line in the key, from 1.
        line: usize,
        /// Column in the key, from 1.
        column: usize,
    },
    /// JSON, but not an object.
    #[error("`{option}` must be a JSON object")]
    NotAnObject {
        /// Where the key stands.
        option: &'static str,
    },
    /// Without a part that every key of its kind has.
    #[error("`{option}` has no `{part}`")]
    Missing {
        /// Where the key stands.
        option: &'static str,
        /// The part.
        part: &'static str,
    },
    /// Of a kind that nothing here uses.
    #[error("`{option}` is of type `{kind}`, which is not supported")]
    Kind {
        /// Where the key stands.
        option: &'static str,
        /// Its `type`.
        kind: String,
    },
    /// The configuration of a federation with another cloud than AWS.
    #[error("`{option}` is of a federation with `{kind}`, not with AWS")]
    NotAws {
        /// Where the key stands.
        option: &'static str,
        /// Its `subject_token_type`.
        kind: String,
    },
    /// The private key is not one.
    #[error("`private_key` in `{option}` {problem}")]
    PrivateKey {
        /// Where the key stands.
        option: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Of a Google Cloud of another operator.
    #[error("`{option}` is of the universe `{universe}`; only `googleapis.com` is supported")]
    Universe {
        /// Where the key stands.
        option: &'static str,
        /// Its `universe_domain`.
        universe: String,
    },
}

impl KeyfileError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Empty { .. } => Some("is the variable or secret with the key set?"),
            Self::Syntax { .. } | Self::NotAnObject { .. } | Self::PrivateKey { .. } => {
                Some("give the whole text of the key file that Google Cloud made")
            }
            Self::Kind { .. } => {
                Some("types are `service_account`, `authorized_user` and `external_account`")
            }
            Self::NotAws { .. } => Some("give it as `json_keyfile`"),
            Self::Missing { .. } | Self::Universe { .. } => None,
        }
    }
}

/// Parses a key that stands in `option`. What variables and templates do to line breaks is mended: those that were
/// unfolded inside of the JSON's strings, and those of the private key that became a backslash and an `n`, or spaces.
pub fn parse(content: &Secret, option: &'static str) -> Result<Keyfile, KeyfileError> {
    let (mut value, mut content) = json(content.expose().trim(), option)?;
    let object = value.as_object().ok_or(KeyfileError::NotAnObject { option })?;
    let text_of = |key: &str| object.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let (kind, needed): (KeyKind, &[&'static str]) = match text_of("type") {
        Some("authorized_user") => {
            (KeyKind::AuthorizedUser, &["client_id", "client_secret", "refresh_token"])
        }
        Some("service_account") | None => {
            (KeyKind::ServiceAccount, &["client_email", "private_key", "private_key_id"])
        }
        Some("external_account") => (KeyKind::Federation, &["audience", "subject_token_type", "token_url"]),
        Some(kind) => return Err(KeyfileError::Kind { option, kind: kind.to_owned() }),
    };
    if let Some(part) = needed.iter().find(|key| text_of(key).is_none()) {
        return Err(KeyfileError::Missing { option, part });
    }
    if kind == KeyKind::Federation && !object.get("credential_source").is_some_and(Value::is_object) {
        return Err(KeyfileError::Missing { option, part: "credential_source" });
    }
    if let Some(universe) = text_of("universe_domain").filter(|universe| *universe != "googleapis.com") {
        return Err(KeyfileError::Universe { option, universe: universe.to_owned() });
    }
    let project_id = text_of("project_id").map(str::to_owned);
    if kind == KeyKind::ServiceAccount {
        let written = text_of("private_key").unwrap_or_default();
        let mended = private_key(written).map_err(|problem| KeyfileError::PrivateKey { option, problem })?;
        if mended != written {
            value["private_key"] = Value::String(mended);
            content = Secret::new(value.to_string());
        }
    }
    Ok(Keyfile { kind, project_id, content })
}

/// Parses the configuration of a federation with AWS, of which only the exchange matters: `aws` says the rest.
pub fn parse_aws_federation(content: &Secret, option: &'static str) -> Result<Keyfile, KeyfileError> {
    let (value, content) = json(content.expose().trim(), option)?;
    let object = value.as_object().ok_or(KeyfileError::NotAnObject { option })?;
    let text_of = |key: &str| object.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(kind) = text_of("type").filter(|kind| *kind != "external_account") {
        return Err(KeyfileError::Kind { option, kind: kind.to_owned() });
    }
    if text_of("audience").is_none() {
        return Err(KeyfileError::Missing { option, part: "audience" });
    }
    if let Some(kind) = text_of("subject_token_type").filter(|kind| *kind != AWS_TOKEN) {
        return Err(KeyfileError::NotAws { option, kind: kind.to_owned() });
    }
    Ok(Keyfile { kind: KeyKind::Federation, project_id: None, content })
}

fn json(text: &str, option: &'static str) -> Result<(Value, Secret), KeyfileError> {
    if text.is_empty() {
        return Err(KeyfileError::Empty { option });
    }
    serde_json::from_str(text).map(|value| (value, Secret::new(text))).or_else(|error| {
        let mended = fold_lines(text);
        match serde_json::from_str(&mended) {
            Ok(value) => Ok((value, Secret::new(mended))),
            Err(_) => Err(KeyfileError::Syntax { option, line: error.line(), column: error.column() }),
        }
    })
}

/// The same JSON with line breaks inside of strings written as `\n`.
fn fold_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut in_string, mut escaped) = (false, false);
    for char in text.chars() {
        match char {
            '\n' if in_string => {
                out.push_str("\\n");
                continue;
            }
            '\r' if in_string => continue,
            '"' if !escaped => in_string = !in_string,
            _ => {}
        }
        escaped = in_string && char == '\\' && !escaped;
        out.push(char);
    }
    out
}

/// A private key in PEM with its lines as they should be, or what is wrong with it. Whether it is one that signs is
/// seen by its length alone: one that was cut, or pasted twice, is found here.
fn private_key(written: &str) -> Result<String, &'static str> {
    let body = written
        .trim()
        .strip_prefix(BEGIN)
        .ok_or("does not start with `-----BEGIN PRIVATE KEY-----`")?
        .split_once(END)
        .ok_or("does not end with `-----END PRIVATE KEY-----`")?
        .0;
    let body: String = body.replace("\\n", "").replace("\\r", "").split_whitespace().collect();
    let bytes = STANDARD.decode(&body).map_err(|_| "is not base64 between its first and last line")?;
    if !is_whole(&bytes) {
        return Err("is cut short or damaged");
    }
    let lines = body.as_bytes().chunks(64).map(String::from_utf8_lossy);
    Ok(format!("{BEGIN}\n{}\n{END}\n", lines.collect::<Vec<_>>().join("\n")))
}

/// Whether bytes are one sequence of DER that ends where they end.
fn is_whole(bytes: &[u8]) -> bool {
    let [0x30, first, rest @ ..] = bytes else { return false };
    let (length, content) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x83 => {
            let Some((length, content)) = rest.split_at_checked(usize::from(first & 0x7f)) else {
                return false;
            };
            (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), content)
        }
        _ => return false,
    };
    content.len() == length
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTION: &str = "json_keyfile";
    const KEY: &str = r#"{"type": "service_account", "project_id": "lake", "client_email": "a@b", "private_key_id": "1", "private_key": "-----BEGIN PRIVATE KEY-----\nMAMC\nAQA=\n-----END PRIVATE KEY-----\n"}"#;

    fn message(text: &str) -> String {
        parse(&Secret::new(text), OPTION).unwrap_err().to_string()
    }

    #[test]
    fn a_key_gives_its_project() {
        let keyfile = parse(&Secret::new(KEY), OPTION).unwrap();
        assert_eq!((keyfile.kind, keyfile.project_id.as_deref()), (KeyKind::ServiceAccount, Some("lake")));
    }

    #[test]
    fn line_breaks_of_a_key_are_mended() {
        let whole = "-----BEGIN PRIVATE KEY-----\nMAMCAQA=\n-----END PRIVATE KEY-----\n";
        for mangled in ["\\\\n", "\\\\r\\\\n", "\n", "\r\n", " ", "  ", ""] {
            let keyfile = parse(&Secret::new(KEY.replace("\\n", mangled)), OPTION).unwrap();
            let value: Value = serde_json::from_str(keyfile.content.expose()).unwrap();
            assert_eq!(value["private_key"], whole, "{mangled:?}");
            assert_eq!(value["client_email"], "a@b");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_key() {
        assert_eq!(message(" "), "`json_keyfile` is empty");
        assert_eq!(message("{\n \"a\": hunter2}"), "`json_keyfile` is not JSON: line 2, column 7 of the key");
        assert_eq!(message("[1]"), "`json_keyfile` must be a JSON object");
        assert_eq!(message(r#"{"client_email": "a"}"#), "`json_keyfile` has no `private_key`");
        assert_eq!(
            message(r#"{"type": "authorized_user", "client_id": "a"}"#),
            "`json_keyfile` has no `client_secret`"
        );
        assert_eq!(
            message(r#"{"type": "external_account", "audience": "a"}"#),
            "`json_keyfile` has no `subject_token_type`"
        );
        assert_eq!(
            message(
                r#"{"type": "external_account", "audience": "a", "subject_token_type": "b", "token_url": "c"}"#
            ),
            "`json_keyfile` has no `credential_source`"
        );
        assert_eq!(
            message(r#"{"type": "gdch_service_account"}"#),
            "`json_keyfile` is of type `gdch_service_account`, which is not supported"
        );
        assert_eq!(
            message(&KEY.replace("{", r#"{"universe_domain": "cloud.example","#)),
            "`json_keyfile` is of the universe `cloud.example`; only `googleapis.com` is supported"
        );
        assert_eq!(
            parse(&Secret::new("1"), "config").unwrap_err().to_string(),
            "`config` must be a JSON object"
        );
    }

    #[test]
    fn a_federation_with_aws_needs_an_audience() {
        let parse = |text: &str| parse_aws_federation(&Secret::new(text), "config");
        let message = |text: &str| parse(text).unwrap_err().to_string();
        assert_eq!(parse(r#"{"audience": "//iam/pool"}"#).unwrap().kind, KeyKind::Federation);
        assert_eq!(message(""), "`config` is empty");
        assert_eq!(message("{}"), "`config` has no `audience`");
        assert_eq!(
            message(r#"{"type": "service_account"}"#),
            "`config` is of type `service_account`, which is not supported"
        );
        assert_eq!(
            message(r#"{"audience": "a", "subject_token_type": "urn:ietf:params:oauth:token-type:jwt"}"#),
            "`config` is of a federation with `urn:ietf:params:oauth:token-type:jwt`, not with AWS"
        );
    }

    #[test]
    fn a_private_key_that_is_none_is_found() {
        for (was, becomes, problem) in [
            ("BEGIN PRIVATE", "BEGIN RSA PRIVATE", "does not start with `-----BEGIN PRIVATE KEY-----`"),
            ("-----END PRIVATE KEY-----", "", "does not end with `-----END PRIVATE KEY-----`"),
            ("MAMC", "hunter2!", "is not base64 between its first and last line"),
            ("AQA=", "", "is cut short or damaged"),
            ("MAMC", "", "is cut short or damaged"),
            ("MAMC", "MIHw", "is cut short or damaged"),
        ] {
            let expected = format!("`private_key` in `json_keyfile` {problem}");
            assert_eq!(message(&KEY.replace(was, becomes)), expected);
        }
    }

    #[test]
    fn the_length_of_der_is_read_in_each_of_its_forms() {
        let sequence = |length: &[u8], count: usize| [&[0x30], length, &vec![0; count]].concat();
        for (length, count) in [(&[3_u8][..], 3), (&[0x81, 200], 200), (&[0x82, 4, 0xa8], 1192)] {
            assert!(is_whole(&sequence(length, count)));
            assert!(!is_whole(&sequence(length, count - 1)) && !is_whole(&sequence(length, count + 1)));
        }
        assert!(!is_whole(&[]) && !is_whole(&[0x30]) && !is_whole(&[0x30, 0x82, 1]) && !is_whole(&[0x31, 0]));
    }
}
