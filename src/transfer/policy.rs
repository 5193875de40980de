//! The policy of the project as transfers keep it: its rules, and the keys that they need.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use sha2::{Digest, Sha256};

use super::error::{ErrorKind, TransferError};
use super::report::Treated;
use crate::policy::{Action, Origin, Policy, Subject};
use crate::secret::SecretStore;

/// Keys that are shorter can be guessed, and then so can the values.
const SHORTEST_KEY: usize = 16;

/// A policy that is in force.
#[derive(Debug)]
pub struct Enforced {
    /// The rules.
    pub policy: Policy,
    /// By the names of their secrets.
    keys: BTreeMap<String, hmac::Key>,
    /// Another for other rules and other keys; tells neither.
    pub mark: String,
}

impl Enforced {
    /// A policy with its keys. `text` is that of its file.
    pub fn new(policy: Policy, text: &str, secrets: &dyn SecretStore) -> Result<Self, TransferError> {
        let mut keys = BTreeMap::new();
        let mut mark = Sha256::new_with_prefix(text);
        for name in policy.secrets() {
            let failed = |reason: String| {
                TransferError::new(ErrorKind::Config, format!("{} has no key for `hmac`", policy.file))
                    .cause(reason)
                    .hint(format!("`sync secrets set {name}` keeps one: 32 random bytes, in hex"))
            };
            let secret = secrets.get(name).map_err(|error| failed(error.to_string()))?;
            let bytes = secret.expose().trim_end_matches(['\n', '\r']).as_bytes();
            if bytes.len() < SHORTEST_KEY {
                return Err(failed(format!("secret `{name}` is shorter than {SHORTEST_KEY} bytes")));
            }
            let key = hmac::Key::new(hmac::HMAC_SHA256, bytes);
            mark.update(hmac::sign(&key, b"mark"));
            keys.insert(name.to_owned(), key);
        }
        Ok(Self { policy, keys, mark: format!("{:x}", mark.finalize()) })
    }

    /// A policy whose verdicts are asked for, and that no value goes through.
    pub fn without_keys(policy: Policy) -> Self {
        Self { policy, keys: BTreeMap::new(), mark: String::new() }
    }

    /// The key of a rule; a policy without keys has one that is worth nothing.
    pub(super) fn key(&self, secret: &str) -> hmac::Key {
        let nothing = || hmac::Key::new(hmac::HMAC_SHA256, &[]);
        self.keys.get(secret).cloned().unwrap_or_else(nothing)
    }

    /// What becomes of a column of this name, at this place in its source.
    pub(super) fn treated(&self, place: usize, column: &str, subject: &Subject) -> Treated {
        let verdict = self.policy.verdict(subject);
        Treated {
            place,
            at: None,
            column: column.to_owned(),
            source: subject.origin.shown(),
            type_name: subject.type_name.clone(),
            action: verdict.action.word().to_owned(),
            rule: verdict.rule.map(|rule| self.policy.place(rule)),
            reason: verdict.rule.and_then(|rule| rule.reason.clone()),
        }
    }

    /// What becomes of a column: the action, and who says so in words.
    pub(super) fn verdict(&self, subject: &Subject) -> (&Action, String) {
        let verdict = self.policy.verdict(subject);
        let by = match (verdict.rule, &subject.origin) {
            (Some(rule), _) => self.policy.place(rule),
            (None, Origin::Column { .. }) => format!("no rule of {}", self.policy.file),
            (None, Origin::Expression { .. }) => {
                format!("no rule of {} with `expression: true`", self.policy.file)
            }
        };
        (verdict.action, by)
    }
}

/// What a policy goes by for the columns of a source.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The columns that are read, in their order.
    pub subjects: Vec<Subject>,
    /// Those that it keeps back and that are not even read.
    pub kept_back: Vec<Treated>,
}

impl Known {
    /// The place in the source of every column that is read: between them are those that are kept back.
    pub(super) fn places(&self) -> Vec<usize> {
        let is_kept_back = |place: &usize| self.kept_back.iter().any(|column| column.place == *place);
        (0..).filter(|place| !is_kept_back(place)).take(self.subjects.len()).collect()
    }
}

/// Refuses columns whose last values would be kept for the next read, unless they are copied as they are.
pub(super) fn check_increment(
    enforced: &Enforced,
    subjects: &[Subject],
    places: &[usize],
) -> Result<(), TransferError> {
    for subject in places.iter().filter_map(|place| subjects.get(*place)) {
        let (action, by) = enforced.verdict(subject);
        if *action == Action::Keep {
            continue;
        }
        let name = subject.origin.name();
        let why = match (action, by.starts_with("no rule")) {
            (Action::Drop, true) => format!("{by} keeps it"),
            _ => format!("{by} says `{}`", action.word()),
        };
        let message =
            format!("column `{name}` is incremental, so its last value would be kept as it is, but {why}");
        return Err(TransferError::new(ErrorKind::Config, message)
            .hint("read by a column that the policy keeps, or read without `incremental`"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Source;
    use crate::secret::{Secret, SecretError};

    struct Safe(&'static str);

    impl SecretStore for Safe {
        fn get(&self, name: &str) -> Result<Secret, SecretError> {
            match name {
                "k" => Ok(Secret::new(self.0)),
                _ => Err(SecretError::NotFound { name: name.to_owned() }),
            }
        }
    }

    fn enforced(text: &str, key: &'static str) -> Result<Enforced, TransferError> {
        let policy = crate::policy::parse(&Source::new("policy.yml", text)).unwrap().0;
        Enforced::new(policy, text, &Safe(key))
    }

    const HMAC: &str = "rules: [{column: a, action: hmac, key: '${secret:k}'}]\n";

    #[test]
    fn a_key_must_be_there_and_not_short() {
        let error = enforced(HMAC, "0123456789").unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), error.hint.as_deref()),
            (
                "policy.yml has no key for `hmac`: secret `k` is shorter than 16 bytes",
                Some("`sync secrets set k` keeps one: 32 random bytes, in hex")
            )
        );
        let error = enforced(&HMAC.replace(":k}", ":x}"), "").unwrap_err();
        assert_eq!(error.to_string(), "policy.yml has no key for `hmac`: Secret not found for key: 'x'");
        assert!(enforced(HMAC, "0123456789abcdef").is_ok());
    }

    #[test]
    fn other_rules_and_other_keys_have_another_mark() {
        let mark = |text: &str, key| enforced(text, key).unwrap().mark;
        let first = mark(HMAC, "0123456789abcdef");
        assert_eq!(first, mark(HMAC, "0123456789abcdef"));
        assert_ne!(first, mark(HMAC, "0123456789abcdeg"));
        assert_ne!(first, mark(&format!("{HMAC}new_columns: keep\n"), "0123456789abcdef"));
    }
}
