//! The servers that speak PostgreSQL's wire, and what they have of their own.

use crate::cloud::postgres::literal;
use crate::cloud::redshift;
use crate::run::operator::sql::script::Syntax;

/// Whose server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::run::operator::sql) enum Product {
    Postgres,
    /// It began as PostgreSQL 8.0, and knows nothing that came later.
    Redshift,
}

impl Product {
    /// For messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Redshift => "Redshift",
        }
    }

    /// The group of its secrets.
    pub(in crate::run::operator::sql) fn secrets(self) -> &'static str {
        match self {
            Self::Postgres => "pg",
            Self::Redshift => "aws.redshift",
        }
    }

    pub(super) fn secret(self, key: &str) -> String {
        format!("{}.{key}", self.secrets())
    }

    pub(super) fn port(self) -> u16 {
        match self {
            Self::Postgres => 5432,
            Self::Redshift => 5439,
        }
    }

    pub(in crate::run::operator::sql) fn syntax(self) -> Syntax {
        match self {
            Self::Postgres => Syntax::Postgres,
            Self::Redshift => Syntax::Redshift,
        }
    }

    /// What the driver of Digdag sets too: dates in ISO's form, all digits of floats, and the process's zone, which
    /// `current_date` goes by. `schema` is a search path.
    pub(super) fn set_up(self, schema: Option<&str>) -> String {
        // More than 2 came with PostgreSQL 9.
        let digits = if self == Self::Redshift { "2" } else { "3" };
        let mut settings = vec![("DateStyle", "ISO".to_owned()), ("extra_float_digits", digits.to_owned())];
        let zone = jiff::tz::TimeZone::system();
        settings.extend(zone.iana_name().map(|name| ("TimeZone", name.to_owned())));
        settings.extend(schema.map(|schema| ("search_path", schema.to_owned())));
        let quoted = match self {
            Self::Postgres => literal,
            Self::Redshift => redshift::literal,
        };
        let set: Vec<_> = settings
            .iter()
            .map(|(name, value)| format!("set_config('{name}', {}, false)", quoted(value)))
            .collect();
        format!("SELECT {}", set.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_of_redshift_is_asked_for_what_redshift_has() {
        let set = Product::Redshift.set_up(Some("a\\b, 'c'"));
        assert!(set.starts_with(
            "SELECT set_config('DateStyle', 'ISO', false), set_config('extra_float_digits', '2', false)"
        ));
        assert!(set.ends_with(", set_config('search_path', 'a\\\\b, ''c''', false)"), "{set}");
        assert!(
            Product::Postgres.set_up(Some("a\\b")).ends_with("set_config('search_path', E'a\\\\b', false)")
        );
    }
}
