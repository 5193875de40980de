//! What does not arrive as it was, in words.

use std::fmt;

/// Values, or parts of values, that do not arrive as they were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Which ones, as a noun: `digits beyond the 15th`, `zero dates`.
    pub what: String,
    /// What becomes of them.
    pub fate: Fate,
}

/// What becomes of what does not arrive as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is gone: values that differ in nothing else arrive as the same.
    Lost,
    /// The transfer fails, and the target stays as it was.
    Fails,
    /// NULL; the run counts them.
    Null,
    /// The row is left out; the run counts them.
    LeftOut,
    /// Something else; the run counts them where this says so.
    Becomes(&'static str),
}

impl Loss {
    /// A loss of something.
    pub fn new(what: impl Into<String>, fate: Fate) -> Self {
        Self { what: what.into(), fate }
    }
}

impl Fate {
    /// Kebab-case name, for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Fails => "fails",
            Self::Null => "null",
            Self::LeftOut => "left-out",
            Self::Becomes(_) => "changed",
        }
    }
}

/// `digits beyond the 15th`, `zero dates: NULL`, `above 9223372036854775807: fails`.
impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = &self.what;
        match self.fate {
            Fate::Lost => f.write_str(what),
            Fate::Fails => write!(f, "{what}: fails"),
            Fate::Null => write!(f, "{what}: NULL"),
            Fate::LeftOut => write!(f, "{what}: left out"),
            Fate::Becomes(other) => write!(f, "{what}: {other}"),
        }
    }
}
