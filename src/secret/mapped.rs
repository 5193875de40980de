//! Names of `secrets.yml` whose values another service keeps: AWS Secrets Manager or the SSM Parameter Store.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::value::RawValue;

use super::Secret;
use super::key_service::KeyServiceError;

/// The service that keeps a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keeper {
    /// AWS Secrets Manager.
    SecretsManager,
    /// The Parameter Store of AWS Systems Manager.
    Ssm,
}

impl Keeper {
    /// Its key in `secrets.yml`.
    pub fn word(self) -> &'static str {
        match self {
            Self::SecretsManager => "secretsmanager",
            Self::Ssm => "ssm",
        }
    }

    /// Its name in messages.
    pub fn title(self) -> &'static str {
        match self {
            Self::SecretsManager => "AWS Secrets Manager",
            Self::Ssm => "AWS SSM",
        }
    }
}

/// What the service is asked for. It is asked once for each of these, whatever fields are taken of the answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kept {
    /// The service.
    pub keeper: Keeper,
    /// Secrets Manager: name or ARN of the secret. SSM: name or ARN of the parameter, with `:VERSION` or `:LABEL`
    /// where the last one is not meant.
    pub id: String,
    /// Secrets Manager: the label of the version, else `AWSCURRENT`.
    pub stage: Option<String>,
}

/// Where the value of a name is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// What is asked for.
    pub kept: Kept,
    /// The key whose value is taken of the JSON object that the service gives; none: all of its text.
    pub field: Option<String>,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.keeper.word(), self.id)?;
        self.stage.as_ref().map_or(Ok(()), |stage| write!(f, ", stage {stage}"))
    }
}

impl fmt::Display for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kept)?;
        self.field.as_ref().map_or(Ok(()), |field| write!(f, ", field {field}"))
    }
}

/// Asks the services. The wires are elsewhere.
pub trait KeptSecrets: Send + Sync {
    /// The text that is kept there.
    fn fetch(&self, kept: &Kept) -> Result<Secret, KeyServiceError>;
}

/// Why the value of a mapping cannot be had. Texts name what was asked for, never what came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappedError {
    /// The service said no.
    #[error("{kept}: {error}")]
    Service {
        /// What was asked for.
        kept: Kept,
        /// What it said.
        error: KeyServiceError,
    },
    /// It has no such field.
    #[error("{0}: {1}")]
    Field(Mapping, &'static str),
}

/// What was fetched for one thing. The lock is held while it is fetched, so that a service is asked once.
type Slot = Arc<Mutex<Option<Secret>>>;

/// Fetches each kept text once, and remembers it in memory until it is dropped.
pub struct Fetched {
    service: Arc<dyn KeptSecrets>,
    known: Mutex<BTreeMap<Kept, Slot>>,
}

impl Fetched {
    /// Nothing is asked for yet.
    pub fn new(service: Arc<dyn KeptSecrets>) -> Self {
        Self { service, known: Mutex::default() }
    }

    /// The value of a mapping.
    pub fn value(&self, mapping: &Mapping) -> Result<Secret, MappedError> {
        let text = self.text(&mapping.kept)?;
        match &mapping.field {
            None => Ok(text),
            Some(field) => pick(&text, field).map_err(|reason| MappedError::Field(mapping.clone(), reason)),
        }
    }

    fn text(&self, kept: &Kept) -> Result<Secret, MappedError> {
        let slot = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(kept.clone()).or_default())
        };
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = &*slot {
            return Ok(text.clone());
        }
        let text =
            self.service.fetch(kept).map_err(|error| MappedError::Service { kept: kept.clone(), error })?;
        *slot = Some(text.clone());
        Ok(text)
    }
}

/// Text as it is; numbers and truth values as they are written.
fn pick(text: &Secret, field: &str) -> Result<Secret, &'static str> {
    let object: BTreeMap<String, &RawValue> = serde_json::from_str(text.expose())
        .map_err(|_| "what is kept there is no JSON object, so it has no fields")?;
    let value = object.get(field).ok_or("the JSON object that is kept there has no such field")?.get();
    match value.as_bytes().first() {
        Some(b'"') => serde_json::from_str(value)
            .map(|text: String| Secret::new(text))
            .map_err(|_| "the field is no text"),
        Some(b'{' | b'[' | b'n') | None => Err("the field is no text and no number"),
        Some(_) => Ok(Secret::new(value)),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Gives a text for the id `json` and counts.
    #[derive(Default)]
    pub(crate) struct FakeKept {
        pub(crate) asked: AtomicUsize,
    }

    impl KeptSecrets for FakeKept {
        fn fetch(&self, kept: &Kept) -> Result<Secret, KeyServiceError> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            match kept.id.as_str() {
                "json" => Ok(Secret::new(
                    r#"{"a": "caf\u00e9 \"x\"", "n": 12.50, "t": true, "o": {}, "l": [], "z": null}"#,
                )),
                "text" => Ok(Secret::new("hunter2!")),
                _ => Err(KeyServiceError { message: "no such thing".into(), hint: Some("look".into()) }),
            }
        }
    }

    pub(crate) fn mapping(id: &str, field: Option<&str>) -> Mapping {
        let kept = Kept { keeper: Keeper::SecretsManager, id: id.into(), stage: None };
        Mapping { kept, field: field.map(str::to_owned) }
    }

    #[test]
    fn a_field_is_picked_and_a_text_is_asked_for_once() {
        let service = Arc::new(FakeKept::default());
        let fetched = Fetched::new(Arc::clone(&service) as Arc<_>);
        let value = |field| fetched.value(&mapping("json", Some(field)));
        for (field, expected) in [("a", "café \"x\""), ("n", "12.50"), ("t", "true")] {
            assert_eq!(value(field).expect("there").expose(), expected);
        }
        assert_eq!(service.asked.load(Ordering::SeqCst), 1);
        for (field, reason) in [
            ("o", "the field is no text and no number"),
            ("l", "the field is no text and no number"),
            ("z", "the field is no text and no number"),
            ("x", "the JSON object that is kept there has no such field"),
        ] {
            assert_eq!(
                value(field).expect_err("refused").to_string(),
                format!("secretsmanager json, field {field}: {reason}")
            );
        }
        assert_eq!(fetched.value(&mapping("text", None)).expect("there").expose(), "hunter2!");
        assert_eq!(
            fetched.value(&mapping("text", Some("a"))).expect_err("refused").to_string(),
            "secretsmanager text, field a: what is kept there is no JSON object, so it has no fields"
        );
    }

    #[test]
    fn a_refusal_names_what_was_asked_for_and_is_asked_again() {
        let service = Arc::new(FakeKept::default());
        let fetched = Fetched::new(Arc::clone(&service) as Arc<_>);
        let mut asked = mapping("other", None);
        asked.kept.stage = Some("AWSPREVIOUS".into());
        for _ in 0..2 {
            assert_eq!(
                fetched.value(&asked).expect_err("refused").to_string(),
                "secretsmanager other, stage AWSPREVIOUS: no such thing (look)"
            );
        }
        assert_eq!(service.asked.load(Ordering::SeqCst), 2);
    }
}
