//! `type: rename`

use crate::embulk::pattern::Pattern;

/// First `columns`, old name to new (a name that the input does not have is an error); then the rules, one by one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rename {
    /// Old and new names, in the order of the file.
    pub columns: Vec<(String, String)>,
    /// What happens to all names.
    pub rules: Vec<RenameRule>,
}

/// One of `rules`. Lengths count UTF-16 units, as in Java.
#[derive(Debug, Clone, PartialEq)]
pub enum RenameRule {
    /// `lower_to_upper`
    LowerToUpper,
    /// `upper_to_lower`
    UpperToLower,
    /// `truncate`
    Truncate {
        /// The most units that stay.
        max_length: usize,
    },
    /// `character_types`: other characters become `replace`.
    CharacterTypes {
        /// Those that stay.
        pass: CharacterTypes,
        /// What stands for each other.
        replace: char,
    },
    /// `first_character_types`: the same for the first character alone.
    FirstCharacterTypes {
        /// Those that stay.
        pass: CharacterTypes,
        /// What happens to another.
        other: FirstCharacter,
    },
    /// `regex_replace`
    RegexReplace {
        /// `match`
        pattern: Pattern,
        /// `replace`, in the notation of the `regex` crate.
        replace: String,
    },
    /// `unique_number_suffix`
    UniqueNumberSuffix(NumberSuffix),
}

/// A set of characters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CharacterTypes {
    /// From and to, both included: the keywords `a-z`, `A-Z`, `0-9`.
    pub ranges: Vec<(char, char)>,
    /// `pass_characters`
    pub others: String,
}

impl CharacterTypes {
    /// Whether a character is in it.
    pub fn contains(&self, char: char) -> bool {
        self.ranges.iter().any(|(from, to)| (*from..=*to).contains(&char)) || self.others.contains(char)
    }
}

/// What happens to a first character that must not stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstCharacter {
    /// Another takes its place.
    Replace(char),
    /// Another comes before it.
    Prefix(char),
}

/// How names that are there already get a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberSuffix {
    /// Stands before the number.
    pub delimiter: char,
    /// The first number, before one is added for the name that stays as it is.
    pub offset: u32,
    /// At least so many digits, with zeros in front.
    pub digits: Option<usize>,
    /// The most units of a name with its number.
    pub max_length: Option<usize>,
}
