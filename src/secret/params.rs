//! Which parameters count as secret: by their name, or because a known secret stands in their value.
//!
//! Such parameters live in memory only: the state records that they existed, and a retry makes them again.

use serde_json::Value;

use super::Secret;
use super::scrub::Scrubber;
use crate::session::Params;

/// The names that count as secret when the properties do not say otherwise (`sync.secrets.params`).
pub const DEFAULT_NAMES: &str = "*PASS* *SECRET* *TOKEN* *CREDENTIAL* *JSON_KEY*";

/// Numbers with fewer digits are not hidden in texts: a count that happens to be equal would vanish everywhere.
const DIGITS: usize = 6;

/// Patterns of names, any case; `*` stands for anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretNames(Vec<String>);

impl Default for SecretNames {
    fn default() -> Self {
        Self::parse(DEFAULT_NAMES)
    }
}

impl SecretNames {
    /// Patterns between spaces or commas. An empty text makes no name secret.
    pub fn parse(patterns: &str) -> Self {
        let words = patterns.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
        Self(words.map(str::to_lowercase).collect())
    }

    /// Whether a parameter of this name counts as secret. For a dotted name its last part counts.
    pub fn matches(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        let last = name.rsplit('.').next().unwrap_or(&name);
        self.0.iter().any(|pattern| glob(pattern, last) || glob(pattern, &name))
    }
}

/// Matches `*` patterns without backtracking beyond the last star.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

/// Parameters, parted into what may be written down and what may not.
#[derive(Clone, Default, PartialEq)]
pub struct Parted {
    /// What may be recorded and shown.
    pub public: Params,
    /// What lives in memory only, with the mappings around it, so that a deep merge of both gives the whole.
    pub secret: Params,
    /// The dotted names of what is in `secret`.
    pub names: Vec<String>,
}

impl std::fmt::Debug for Parted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parted")
            .field("public", &self.public)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

/// Judges parameters, and teaches the scrubber what it finds secret.
#[derive(Debug, Clone)]
pub struct SecretJudge {
    names: SecretNames,
    scrubber: Scrubber,
}

impl SecretJudge {
    /// A judge by names and by what the scrubber knows.
    pub fn new(names: SecretNames, scrubber: Scrubber) -> Self {
        Self { names, scrubber }
    }

    /// Whether a value counts as secret, as a whole. Null and booleans hide nothing, so they never do.
    pub fn is_secret(&self, name: &str, value: &Value) -> bool {
        match value {
            Value::Null | Value::Bool(_) => false,
            Value::Number(_) | Value::String(_) => {
                self.names.matches(name) && !is_empty(value) || self.scrubber.contains(&text_of(value))
            }
            Value::Array(items) => items.iter().any(|item| self.is_secret(name, item)),
            Value::Object(map) => map.iter().any(|(key, value)| {
                self.is_secret(key, value) || self.names.matches(name) && self.is_secret(name, value)
            }),
        }
    }

    /// Parts parameters and adds every secret text among them to the scrubber.
    pub fn part(&self, params: &Params) -> Parted {
        let mut parted = Parted::default();
        let (public, secret) = self.part_map(params, "", &mut parted.names);
        parted.public = public;
        parted.secret = secret;
        parted
    }

    fn part_map(&self, params: &Params, path: &str, names: &mut Vec<String>) -> (Params, Params) {
        let (mut public, mut secret) = (Params::new(), Params::new());
        for (key, value) in params {
            let dotted = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            match value {
                Value::Object(map) if !self.names.matches(key) => {
                    let (public_part, secret_part) = self.part_map(map, &dotted, names);
                    if !secret_part.is_empty() {
                        secret.insert(key.clone(), Value::Object(secret_part));
                    }
                    if !public_part.is_empty() || map.is_empty() {
                        public.insert(key.clone(), Value::Object(public_part));
                    }
                }
                value if self.is_secret(key, value) => {
                    self.learn_named(key, value);
                    names.push(dotted);
                    secret.insert(key.clone(), value.clone());
                }
                value => {
                    public.insert(key.clone(), value.clone());
                }
            }
        }
        (public, secret)
    }

    /// Teaches the scrubber what is secret by its name. What only contains a known secret is hidden where that stands;
    /// its other words are not secret.
    fn learn_named(&self, name: &str, value: &Value) {
        match value {
            value if self.names.matches(name) => self.learn(value),
            Value::Array(items) => items.iter().for_each(|item| self.learn_named(name, item)),
            Value::Object(map) => map.iter().for_each(|(key, value)| self.learn_named(key, value)),
            _ => {}
        }
    }

    /// Teaches the scrubber the texts of a value that counts as secret.
    pub fn learn(&self, value: &Value) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => {
                let digits = number.to_string();
                if digits.len() >= DIGITS {
                    self.scrubber.add(&Secret::new(digits));
                }
            }
            Value::String(text) => self.scrubber.add(&Secret::new(text.as_str())),
            Value::Array(items) => items.iter().for_each(|item| self.learn(item)),
            Value::Object(map) => map.values().for_each(|value| self.learn(value)),
        }
    }
}

fn is_empty(value: &Value) -> bool {
    matches!(value, Value::String(text) if text.is_empty())
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn judge(known: &[&str]) -> SecretJudge {
        let scrubber = Scrubber::new();
        for value in known {
            scrubber.add(&Secret::new(*value));
        }
        SecretJudge::new(SecretNames::default(), scrubber)
    }

    #[test]
    fn names_match_in_any_case() {
        let names = SecretNames::default();
        for name in ["DB_PASS", "password", "db.password", "github_token", "gcp_json_key", "AWS_SECRET_KEY"] {
            assert!(names.matches(name), "{name}");
        }
        for name in ["user", "table", "key", "json"] {
            assert!(!names.matches(name), "{name}");
        }
    }

    #[test]
    fn patterns_are_globs() {
        let names = SecretNames::parse("pin, a*b*c *_key");
        for name in ["PIN", "abc", "aXbYc", "my_key", "_key"] {
            assert!(names.matches(name), "{name}");
        }
        for name in ["pins", "ab", "acb", "key", "my_keys"] {
            assert!(!names.matches(name), "{name}");
        }
        assert!(!SecretNames::parse("").matches("password"));
    }

    #[test]
    fn parameters_are_parted_and_learnt() {
        let judge = judge(&["hunter2!"]);
        let params = json!({
            "host": "db", "url": "mysql://u:hunter2!@db", "passed": true, "PASSWORD": "opensesame",
            "db": {"user": "u", "password": "deep-secret"}, "rows": [1, 2], "empty_token": "",
        });
        let parted = judge.part(params.as_object().expect("an object"));
        assert_eq!(
            Value::Object(parted.public),
            json!({"host": "db", "passed": true, "db": {"user": "u"}, "rows": [1, 2], "empty_token": ""})
        );
        assert_eq!(
            Value::Object(parted.secret),
            json!({"url": "mysql://u:hunter2!@db", "PASSWORD": "opensesame", "db": {"password": "deep-secret"}})
        );
        assert_eq!(parted.names, ["url", "PASSWORD", "db.password"]);
        assert_eq!(judge.scrubber.scrub_text("opensesame deep-secret db"), "*** *** db");
        assert_eq!(judge.scrubber.scrub_text("mysql://u:hunter2!@db"), "mysql://u:***@db");
    }

    #[test]
    fn names_inside_lists_count() {
        let judge = judge(&[]);
        let params = json!({"connections": [{"host": "db-1", "password": "opensesame"}], "hosts": ["db-1"]});
        let parted = judge.part(params.as_object().expect("an object"));
        assert_eq!(parted.names, ["connections"]);
        assert_eq!(judge.scrubber.scrub_text("db-1 opensesame"), "db-1 ***");
    }

    #[test]
    fn small_numbers_are_not_learnt() {
        let judge = judge(&[]);
        let parted = judge.part(json!({"pass": 1000, "token": 12_345_678}).as_object().expect("an object"));
        assert_eq!(parted.names, ["pass", "token"]);
        assert_eq!(judge.scrubber.scrub_text("1000 12345678"), "1000 ***");
    }
}
