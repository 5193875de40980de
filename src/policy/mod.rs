//! The policy of a project: which columns may leave their source, and as what.
//!
//! ```yaml
//! new_columns: deny            # the default: a column that no rule names is not copied
//! rules:                       # the first one that fits a column decides
//!   - set: email
//!     action: hmac
//!     key: ${secret:policy.key}
//!   - set: personal
//!     action: drop
//!     reason: nobody needs them in the lake
//!   - table: orders
//!     column: [id, "*_id", total, ordered_at]
//!     action: keep
//! ```
//!
//! A pure room: text becomes checked rules ([`parse`]), rules become a verdict for each column ([`Policy::verdict`]).
//! Who asks says what a column is ([`Subject`]); nothing here reads a file, a clock or a value.

mod glob;
mod options;
mod parse;
mod section;
pub mod set;
mod verdict;

use std::fmt;

pub use self::glob::Glob;
pub use self::parse::parse;
use self::set::NameSet;
pub use self::verdict::{Origin, Subject, Verdict};

/// The name of the file in the project unless `sync.policy.file` says otherwise.
pub const DEFAULT_NAME: &str = "policy.yml";

/// Checked rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How messages call the file.
    pub file: String,
    /// What becomes of a column that no rule names.
    pub new_columns: NewColumns,
    /// The first that fits decides.
    pub rules: Vec<Rule>,
}

/// What becomes of a column that no rule names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NewColumns {
    /// It is not copied.
    #[default]
    Deny,
    /// It is copied as it is, unless it is an expression of a query, which could be made of any column.
    Keep,
}

/// Some columns, and what becomes of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Where it stands in the file, from 1.
    pub line: usize,
    /// Whose columns it is about.
    pub of: Of,
    /// Which of them; none: all of that type.
    pub columns: Option<Columns>,
    /// Types as their source calls them; empty: any.
    pub types: Vec<Glob>,
    /// What becomes of them.
    pub action: Action,
    /// Why, in the words of who wrote it.
    pub reason: Option<String>,
}

/// Whose columns a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Of {
    /// Of tables and files; empty patterns: any.
    Tables {
        /// Schemas (PostgreSQL), databases (MySQL), buckets (S3).
        schemas: Vec<Glob>,
        /// Tables, views, and the `path_prefix` of files.
        tables: Vec<Glob>,
    },
    /// What queries compute, by the alias that it has there (`expression: true`).
    Expressions,
}

/// Which columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Columns {
    /// One of these.
    Named(Vec<Glob>),
    /// Whose names are in one of these sets.
    Sets(Vec<&'static NameSet>),
}

/// What becomes of the values of a column. NULL stays NULL under all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// They are copied as they are.
    Keep,
    /// The column is not copied.
    Drop,
    /// All become NULL; the column stays.
    Null,
    /// SHA-256 of the value's text, in hex.
    Hash,
    /// HMAC-SHA-256 of the value's text, in hex.
    Hmac {
        /// The name of the secret that is the key.
        secret: String,
    },
    /// Asterisks.
    Mask(Mask),
    /// The beginning of a text; the beginning of the month, year, day or hour that a time lies in.
    Truncate(Truncate),
}

/// Asterisks for a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mask {
    /// What is still seen.
    pub shown: Shown,
    /// So many asterisks, however long the text is; none: one for every character that is hidden.
    pub length: Option<usize>,
}

/// What of a text is seen behind a mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// So many characters at both ends; nothing of a text that is not longer than both together.
    Ends {
        /// At the beginning.
        first: usize,
        /// At the end.
        last: usize,
    },
    /// What stands behind the last `@`, with it; nothing of a text without one.
    Domain,
}

/// What stays of a value. A column whose type has no part here cannot be truncated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truncate {
    /// Characters of a text.
    pub length: Option<usize>,
    /// Of dates and times.
    pub unit: Option<Unit>,
}

/// The part of a time that stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Year,
    Month,
    Day,
    Hour,
}

impl Action {
    /// The words of `action:`.
    pub const NAMES: [&'static str; 7] = ["keep", "drop", "hash", "hmac", "mask", "truncate", "null"];

    /// The word in the file, in messages and in reports.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Drop => "drop",
            Self::Null => "null",
            Self::Hash => "hash",
            Self::Hmac { .. } => "hmac",
            Self::Mask(_) => "mask",
            Self::Truncate(_) => "truncate",
        }
    }
}

impl Unit {
    /// The words of `unit:`.
    pub const NAMES: [(&'static str, Self); 4] =
        [("year", Self::Year), ("month", Self::Month), ("day", Self::Day), ("hour", Self::Hour)];
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.iter().find(|(_, unit)| unit == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

impl Policy {
    /// The names of the secrets that its rules need, each once.
    pub fn secrets(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for rule in &self.rules {
            if let Action::Hmac { secret } = &rule.action
                && !names.contains(&secret.as_str())
            {
                names.push(secret);
            }
        }
        names
    }

    /// A rule as messages name it: `policy.yml:12`.
    pub fn place(&self, rule: &Rule) -> String {
        format!("{}:{}", self.file, rule.line)
    }
}
