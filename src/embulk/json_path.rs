//! JSONPath as far as filters take it: keys, indexes and `[*]`, one after another.
//!
//! What else JSONPath has (filters, slices, `..`, several keys at once, functions) the plugins refuse too.

use std::fmt;

/// One step down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// `.key` or `['key']`
    Key(String),
    /// `[3]`, from 0.
    Index(usize),
    /// `[*]` or `.*`
    Any,
}

/// A path below `$`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JsonPath {
    /// From the outside in.
    pub steps: Vec<Step>,
}

/// Why a text is no path, in words that follow the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadPath(pub &'static str);

const UNFINISHED: BadPath = BadPath("has a `[` without its `]`");

impl JsonPath {
    /// Whether the name of a column is meant as a path.
    pub fn is_path(name: &str) -> bool {
        name.starts_with("$.") || name.starts_with("$[")
    }

    /// Parses a path.
    pub fn parse(text: &str) -> Result<Self, BadPath> {
        let mut rest = text.strip_prefix('$').ok_or(BadPath("does not begin with `$`"))?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = match rest.strip_prefix('.') {
                Some(name) => dotted(name)?,
                None => {
                    bracketed(rest.strip_prefix('[').ok_or(BadPath("has a name without a `.` before it"))?)?
                }
            };
            steps.push(step);
            rest = after;
        }
        Ok(Self { steps })
    }

    /// The name of the column that the path leads into.
    pub fn column(&self) -> Option<&str> {
        match self.steps.first() {
            Some(Step::Key(name)) => Some(name),
            _ => None,
        }
    }

    /// Whether it leads to one place at most.
    pub fn is_definite(&self) -> bool {
        !self.steps.contains(&Step::Any)
    }
}

fn dotted(rest: &str) -> Result<(Step, &str), BadPath> {
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    match name {
        "" if after.starts_with('.') => Err(BadPath("has `..`, which is not supported")),
        "" => Err(BadPath("ends with a `.`")),
        "*" => Ok((Step::Any, after)),
        _ if name.ends_with("()") => Err(BadPath("has a function, which is not supported")),
        _ => Ok((Step::Key(name.to_owned()), after)),
    }
}

fn bracketed(rest: &str) -> Result<(Step, &str), BadPath> {
    let inside = rest.trim_start();
    if let Some(quote) = inside.chars().next().filter(|quote| matches!(quote, '\'' | '"')) {
        return quoted(&inside[1..], quote);
    }
    let (inside, after) = inside.split_once(']').ok_or(UNFINISHED)?;
    let inside = inside.trim();
    if inside == "*" {
        return Ok((Step::Any, after));
    }
    if inside.starts_with('?') || inside.starts_with('(') {
        return Err(BadPath("has a filter `?()`, which is not supported"));
    }
    if inside.contains(':') {
        return Err(BadPath("has a slice, which is not supported"));
    }
    if inside.contains(',') {
        return Err(BadPath("has several indexes in one `[]`, which is not supported"));
    }
    let index = inside.parse().map_err(|_| BadPath("has an index that is no number from 0"))?;
    Ok((Step::Index(index), after))
}

/// What stands behind the quote of `['key']`.
fn quoted(rest: &str, quote: char) -> Result<(Step, &str), BadPath> {
    let mut name = String::new();
    let mut chars = rest.char_indices();
    while let Some((at, char)) = chars.next() {
        if char == '\\' {
            name.extend(chars.next().map(|(_, char)| char));
        } else if char == quote {
            let after = rest[at + 1..].trim_start();
            if after.starts_with(',') {
                return Err(BadPath("has several keys in one `[]`, which is not supported"));
            }
            return Ok((Step::Key(name), after.strip_prefix(']').ok_or(UNFINISHED)?));
        } else {
            name.push(char);
        }
    }
    Err(UNFINISHED)
}

/// In the bracket notation.
impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        self.steps.iter().try_for_each(|step| match step {
            Step::Key(key) => write!(f, "['{key}']"),
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Any => f.write_str("[*]"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_notations_and_their_mixtures() {
        for (text, expected) in [
            ("$.json.key", "$['json']['key']"),
            ("$['json']['k.x'][0]", "$['json']['k.x'][0]"),
            ("$.a[ 12 ].b[*].*", "$['a'][12]['b'][*][*]"),
            ("$[\"a\"].it\\s", "$['a']['it\\s']"),
            ("$['it\\'s']", "$['it's']"),
            ("$", "$"),
        ] {
            assert_eq!(JsonPath::parse(text).map(|path| path.to_string()).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(JsonPath::parse("$.a[0]").unwrap().column(), Some("a"));
        assert_eq!(JsonPath::parse("$[0]").unwrap().column(), None);
        assert!(JsonPath::is_path("$.a") && JsonPath::is_path("$['a']") && !JsonPath::is_path("$a"));
    }

    #[test]
    fn what_is_not_supported_is_named() {
        for (text, expected) in [
            ("a", "does not begin with `$`"),
            ("$a", "has a name without a `.` before it"),
            ("$..a", "has `..`, which is not supported"),
            ("$.a.", "ends with a `.`"),
            ("$.a.length()", "has a function, which is not supported"),
            ("$.a[?(@.b)]", "has a filter `?()`, which is not supported"),
            ("$.a[1:2]", "has a slice, which is not supported"),
            ("$.a[1,2]", "has several indexes in one `[]`, which is not supported"),
            ("$['a','b']", "has several keys in one `[]`, which is not supported"),
            ("$.a[-1]", "has an index that is no number from 0"),
            ("$.a[0", "has a `[` without its `]`"),
            ("$['a", "has a `[` without its `]`"),
        ] {
            assert_eq!(JsonPath::parse(text).unwrap_err().to_string(), expected, "{text}");
        }
    }
}
