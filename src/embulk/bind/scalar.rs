//! A scalar of the YAML with the covers taken off.

use serde_json::Value;

use super::Binder;
use crate::diagnostic::Problem;
use crate::embulk::template::Covered;
use crate::embulk::text::Text;
use crate::yaml::{Node, NodeValue, number_text};

/// What stands at an option.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    /// Its text, as Java writes the number.
    Number(String),
    Text(Text),
    /// Comes from the environment, which is not known while checking; or from a secret that could not be had.
    Unknown,
}

impl Scalar {
    /// The scalar of a node; none for a list or a mapping. A secret that cannot be had is reported.
    pub(super) fn of(node: &Node, binder: &Binder<'_>) -> Option<Self> {
        let NodeValue::Scalar(value) = &node.value else { return None };
        Some(match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => Self::Number(number_text(number)),
            other => match binder.covers.uncover(other.as_str().unwrap_or_default()) {
                Ok(Covered::Known(text)) => Self::Text(text),
                Ok(Covered::Unknown) => Self::Unknown,
                Err(error) => {
                    binder.report(Problem::error("secret-missing", error.to_string(), &node.span));
                    Self::Unknown
                }
            },
        })
    }

    /// As a text option takes it.
    pub(super) fn into_text(self) -> Option<Text> {
        match self {
            Self::Null | Self::Unknown => None,
            Self::Bool(value) => Some(Text::plain(value.to_string())),
            Self::Number(text) => Some(Text::plain(text)),
            Self::Text(text) => Some(text),
        }
    }
}
