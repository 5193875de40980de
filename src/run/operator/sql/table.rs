//! The name of a table as an option gives it: `table`, or `schema.table`, parted at the first dot as in Digdag. Both
//! parts are quoted, so upper and lower case count.

use std::fmt;

use crate::run::operator::OperatorError;

/// A table, perhaps with its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableName {
    pub(super) schema: Option<String>,
    pub(super) name: String,
}

impl TableName {
    /// Reads the value of the option `key`.
    pub(super) fn parse(key: &str, text: &str) -> Result<Self, OperatorError> {
        let (schema, name) = match text.split_once('.') {
            Some((schema, name)) => (Some(schema), name),
            None => (None, text),
        };
        if name.is_empty() || schema == Some("") {
            return Err(OperatorError::config(format!("`{key}` must be `TABLE` or `SCHEMA.TABLE`")));
        }
        Ok(Self { schema: schema.map(str::to_owned), name: name.to_owned() })
    }

    /// A table in the schema of this one.
    pub(super) fn beside(&self, name: &str) -> Self {
        Self { schema: self.schema.clone(), name: name.to_owned() }
    }

    /// As it stands in SQL, between quotes of the dialect.
    pub(super) fn quoted(&self, quote: char) -> String {
        let part = |text: &str| format!("{quote}{}{quote}", text.replace(quote, &format!("{quote}{quote}")));
        match &self.schema {
            Some(schema) => format!("{}.{}", part(schema), part(&self.name)),
            None => part(&self.name),
        }
    }
}

/// For messages.
impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_parted_at_the_first_dot_and_quoted() {
        let quoted = |text: &str, quote| {
            TableName::parse("insert_into", text)
                .map(|table| format!("{table} {}", table.quoted(quote)))
                .map_err(|error| error.message)
        };
        assert_eq!(quoted("Orders", '"'), Ok("Orders \"Orders\"".to_owned()));
        assert_eq!(quoted("a.b.c", '"'), Ok("a.b.c \"a\".\"b.c\"".to_owned()));
        assert_eq!(quoted("x`y", '`'), Ok("x`y `x``y`".to_owned()));
        for wrong in ["", ".t", "s."] {
            assert_eq!(quoted(wrong, '"'), Err("`insert_into` must be `TABLE` or `SCHEMA.TABLE`".to_owned()));
        }
    }
}
