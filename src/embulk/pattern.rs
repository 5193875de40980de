//! Regular expressions as Java writes them, for the engine that is built in.
//!
//! Classes such as `\d` are ASCII in Java, `.` stops at more line ends, `\Q...\E` quotes. What the engine cannot do
//! (lookaround, back-references, atomic groups, possessive quantifiers) is an error with its reason.

use regex::{Regex, RegexBuilder};

/// A pattern that a config holds.
#[derive(Debug, Clone)]
pub struct Pattern(pub Regex);

/// Patterns are equal when their texts are.
impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

/// Why a pattern cannot be used, in words that follow it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadPattern(String);

pub(super) fn bad<T>(reason: impl Into<String>) -> Result<T, BadPattern> {
    Err(BadPattern(reason.into()))
}

/// What `.` matches in Java.
const ANY: &str = r"[^\n\r\u{85}\u{2028}\u{2029}]";

/// Whose notation a pattern is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Notation {
    Java,
    /// `^` and `$` are the ends of lines, and `.` stops at `\n` alone.
    Ruby,
}

/// A pattern of Java's, compiled.
pub fn compile(pattern: &str) -> Result<Regex, BadPattern> {
    translated(pattern, Notation::Java)
}

/// A pattern of Ruby's, compiled.
pub fn compile_ruby(pattern: &str) -> Result<Regex, BadPattern> {
    translated(pattern, Notation::Ruby)
}

fn translated(pattern: &str, notation: Notation) -> Result<Regex, BadPattern> {
    let translated = Translation { rest: pattern, out: String::new(), all: false, notation }.run()?;
    let mut builder = RegexBuilder::new(&translated);
    builder.multi_line(notation == Notation::Ruby);
    builder.build().map_err(|error| {
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default();
        BadPattern(last.strip_prefix("error: ").unwrap_or(last).to_owned())
    })
}

struct Translation<'p> {
    rest: &'p str,
    out: String,
    /// Whether `.` matches line ends too (`(?s)`).
    all: bool,
    notation: Notation,
}

impl<'p> Translation<'p> {
    fn run(mut self) -> Result<String, BadPattern> {
        while let Some(char) = self.next() {
            match char {
                '\\' => self.escape(false)?,
                '[' => self.class()?,
                '(' => self.group()?,
                '.' if self.all => self.out.push_str("(?s:.)"),
                '.' if self.notation == Notation::Ruby => self.out.push('.'),
                '.' => self.out.push_str(ANY),
                '*' | '+' | '?' => self.quantifier(char)?,
                '{' => {
                    let count = self.until('}')?;
                    self.out.push_str(&format!("{{{count}"));
                    self.quantifier('}')?;
                }
                '}' => self.out.push_str(r"\}"),
                _ => self.out.push(char),
            }
        }
        Ok(self.out)
    }

    /// The end of a quantifier, and what says how it matches.
    fn quantifier(&mut self, end: char) -> Result<(), BadPattern> {
        self.out.push(end);
        if self.take("?") {
            self.out.push('?');
        } else if self.rest.starts_with('+') {
            return bad(format!("has the possessive quantifier `{end}+`, which is not supported"));
        }
        if self.rest.starts_with(['*', '+', '?']) {
            return bad("has a quantifier with nothing before it");
        }
        Ok(())
    }

    fn next(&mut self) -> Option<char> {
        let char = self.rest.chars().next()?;
        self.rest = &self.rest[char.len_utf8()..];
        Some(char)
    }

    fn take(&mut self, prefix: &str) -> bool {
        let after = self.rest.strip_prefix(prefix);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    /// What stands up to `end`, which is taken too.
    fn until(&mut self, end: char) -> Result<&'p str, BadPattern> {
        let Some((inside, after)) = self.rest.split_once(end) else {
            return bad(format!("has no `{end}` where one is needed"));
        };
        self.rest = after;
        Ok(inside)
    }

    fn group(&mut self) -> Result<(), BadPattern> {
        for (mark, what) in [
            ("?=", "the lookahead `(?=...)`"),
            ("?!", "the lookahead `(?!...)`"),
            ("?<=", "the lookbehind `(?<=...)`"),
            ("?<!", "the lookbehind `(?<!...)`"),
            ("?>", "the atomic group `(?>...)`"),
        ] {
            if self.rest.starts_with(mark) {
                return bad(format!("has {what}, which is not supported"));
            }
        }
        self.out.push('(');
        if self.rest.starts_with("?<") || self.rest.starts_with("?:") || !self.take("?") {
            return Ok(());
        }
        let end = self.rest.find([':', ')']).unwrap_or(self.rest.len());
        let (flags, after) = self.rest.split_at(end);
        let known = if self.notation == Notation::Ruby { "i-" } else { "imsu-" };
        if let Some(flag) = flags.chars().find(|flag| !known.contains(*flag)) {
            return bad(format!("has the flag `{flag}`, which is not supported"));
        }
        self.rest = after;
        if flags.contains('s') {
            self.all = flags.find('-').is_none_or(|minus| flags.find('s') < Some(minus));
        }
        // The engine folds case as `u` does; it cannot be turned off for one letter alone.
        let kept: String = flags.chars().filter(|flag| *flag != 'u').collect();
        if kept.is_empty() && self.rest.starts_with(')') {
            self.out.push_str("?:");
        } else {
            self.out.push('?');
            self.out.push_str(kept.trim_end_matches('-'));
        }
        Ok(())
    }

    fn class(&mut self) -> Result<(), BadPattern> {
        self.out.push('[');
        if self.take("^") {
            self.out.push('^');
        }
        if self.rest.starts_with(']') {
            // Java takes a bracket at the beginning for a letter.
            self.next();
            self.out.push_str(r"\]");
        }
        while let Some(char) = self.next() {
            match char {
                ']' => {
                    self.out.push(']');
                    return Ok(());
                }
                '[' => self.class()?,
                '\\' => self.escape(true)?,
                '&' if self.take("&") => self.out.push_str("&&"),
                '&' | '~' | ':' => self.out.extend(['\\', char]),
                '-' if self.rest.starts_with('-') => self.out.push_str(r"\-"),
                _ => self.out.push(char),
            }
        }
        bad("has a `[` without its `]`")
    }

    fn escape(&mut self, in_class: bool) -> Result<(), BadPattern> {
        let Some(char) = self.next() else { return bad("ends with a `\\`") };
        let (open, close) = if in_class { ("", "") } else { ("[", "]") };
        let ascii = match char {
            'd' => "0-9",
            'w' => "a-zA-Z0-9_",
            's' => r" \t\n\x0B\f\r",
            'h' if self.notation == Notation::Ruby => "0-9a-fA-F",
            'h' => r" \t\u{a0}\u{1680}\u{180e}\u{2000}-\u{200a}\u{202f}\u{205f}\u{3000}",
            'v' => r"\n\x0B\f\r\u{85}\u{2028}\u{2029}",
            _ => "",
        };
        if !ascii.is_empty() {
            self.out.push_str(&format!("{open}{ascii}{close}"));
            return Ok(());
        }
        match char {
            'D' => self.out.push_str("[^0-9]"),
            'W' => self.out.push_str("[^a-zA-Z0-9_]"),
            'S' => self.out.push_str(r"[^ \t\n\x0B\f\r]"),
            'b' | 'B' | 'A' | 'z' if !in_class => self.out.extend(['\\', char]),
            'R' if !in_class => self.out.push_str(r"(?:\r\n|[\n\x0B\f\r\u{85}\u{2028}\u{2029}])"),
            't' | 'n' | 'r' | 'f' | 'a' => self.out.extend(['\\', char]),
            'e' => self.out.push_str(r"\x1B"),
            'Q' => self.quote(),
            'x' | 'u' | '0' => self.code(char)?,
            'p' | 'P' => self.property(char)?,
            '1'..='9' | 'k' if !in_class => {
                return bad(format!("has the back-reference `\\{char}`, which is not supported"));
            }
            _ if char.is_ascii_alphanumeric() => {
                return bad(format!("has `\\{char}`, which is not supported"));
            }
            _ => self.out.push_str(&regex::escape(&char.to_string())),
        }
        Ok(())
    }

    /// `\Q...\E`: every letter for itself.
    fn quote(&mut self) {
        let (quoted, after) = self.rest.split_once(r"\E").unwrap_or((self.rest, ""));
        self.rest = after;
        self.out.push_str(&regex::escape(quoted));
    }

    /// A character by its number.
    fn code(&mut self, kind: char) -> Result<(), BadPattern> {
        let digits = match kind {
            'x' if self.take("{") => self.until('}')?.to_owned(),
            'x' => self.digits(2, 16),
            'u' => self.digits(4, 16),
            _ => self.digits(3, 8),
        };
        let radix = if kind == '0' { 8 } else { 16 };
        match u32::from_str_radix(&digits, radix).ok().and_then(char::from_u32) {
            Some(char) => self.out.push_str(&format!("\\x{{{:x}}}", u32::from(char))),
            None => return bad(format!("has `\\{kind}{digits}`, which is no character")),
        }
        Ok(())
    }

    fn digits(&mut self, most: usize, radix: u32) -> String {
        let digits: String = self.rest.chars().take(most).take_while(|char| char.is_digit(radix)).collect();
        self.rest = &self.rest[digits.len()..];
        digits
    }

    /// `\p{...}`: categories by their letters, scripts, and the ASCII classes by their POSIX names.
    fn property(&mut self, kind: char) -> Result<(), BadPattern> {
        const POSIX: [&str; 13] = [
            "Lower", "Upper", "ASCII", "Alpha", "Digit", "Alnum", "Punct", "Graph", "Print", "Blank",
            "Cntrl", "XDigit", "Space",
        ];
        let name = match self.take("{") {
            true => self.until('}')?.to_owned(),
            false => self.next().map(String::from).unwrap_or_default(),
        };
        let negated = if kind == 'P' { "^" } else { "" };
        if POSIX.contains(&name.as_str()) {
            self.out.push_str(&format!("[[:{negated}{}:]]", name.to_lowercase()));
            return Ok(());
        }
        let plain = name.strip_prefix("Is").unwrap_or(&name);
        if plain.is_empty() || plain.starts_with("In") || plain.starts_with("java") || plain.contains('=') {
            return bad(format!("has `\\{kind}{{{name}}}`, which is not supported"));
        }
        self.out.push_str(&format!("\\{kind}{{{plain}}}"));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embulk::replacement::{replace_all, replacement};

    fn replace(pattern: &str, with: &str, text: &str) -> String {
        let pattern = compile(pattern).unwrap();
        let with = replacement(with, &pattern).unwrap();
        replace_all(text, &pattern, &with)
    }

    #[test]
    fn patterns_mean_what_they_mean_in_java() {
        for (pattern, with, text, expected) in [
            ("[oO]l", "X", "Col colO", "CX cXO"),
            (r"\d", "#", "1٣", "#٣"),
            (r"[\w-]+", "_", "a-é", "_é"),
            (".", "*", "a\u{85}b", "*\u{85}*"),
            ("(?s).", "*", "a\nb", "***"),
            (r"\Qa.b\E+", "x", "a.bbb aab", "x aab"),
            (r"(\w)(\d)", "$2$1", "a1b2", "1a2b"),
            ("(a)", "$12", "a", "a2"),
            ("(?<n>a)", "${n}${n}", "a", "aa"),
            ("a", r"\$\\", "a", r"$\"),
            (r"[a-z&&[^aeiou]]", "", "abcde", "ae"),
            (r"[]a]", "x", "]a", "xx"),
            ("[[:x]]", "y", ":x[", "yy["),
            (r"\u3042|\x41|\075", "z", "あA=", "zzz"),
            (r"\p{Upper}\p{L}\p{IsHan}", "q", "Aé漢 éé漢", "q éé漢"),
            ("(?i)AB(?-i:c)", "n", "abc abC", "n abC"),
            (r"a{2}?}", "n", "aaa}", "an"),
            (r"\-\.\/", "n", "-./", "n"),
        ] {
            assert_eq!(replace(pattern, with, text), expected, "{pattern}");
        }
    }

    #[test]
    fn patterns_of_ruby_see_lines() {
        for (pattern, text, expected) in [
            ("^b$", "a\nb\nc", true),
            (r"^\h+\z", "0aF", true),
            ("a.b", "a\nb", false),
            ("a.b", "a\rb", true),
        ] {
            assert_eq!(compile_ruby(pattern).unwrap().is_match(text), expected, "{pattern}");
        }
        assert!(!compile("^b$").unwrap().is_match("a\nb\nc"));
        assert_eq!(
            compile_ruby("(?m)a").unwrap_err().to_string(),
            "has the flag `m`, which is not supported"
        );
    }

    #[test]
    fn what_the_engine_cannot_do_is_named() {
        for (pattern, expected) in [
            ("a(?=b)", "has the lookahead `(?=...)`, which is not supported"),
            ("a(?!b)", "has the lookahead `(?!...)`, which is not supported"),
            ("(?<=a)b", "has the lookbehind `(?<=...)`, which is not supported"),
            ("(?<!a)b", "has the lookbehind `(?<!...)`, which is not supported"),
            ("(?>a)b", "has the atomic group `(?>...)`, which is not supported"),
            ("a*+", "has the possessive quantifier `*+`, which is not supported"),
            (r"(a)\1", r"has the back-reference `\1`, which is not supported"),
            (r"(?<n>a)\k<n>", r"has the back-reference `\k`, which is not supported"),
            (r"\Gx", r"has `\G`, which is not supported"),
            (r"\p{InGreek}", r"has `\p{InGreek}`, which is not supported"),
            ("a**", "has a quantifier with nothing before it"),
            ("a{", "has no `}` where one is needed"),
            ("(?x)a", "has the flag `x`, which is not supported"),
            ("[a", "has a `[` without its `]`"),
            ("a\\", "ends with a `\\`"),
            ("(a", "unclosed group"),
        ] {
            assert_eq!(compile(pattern).unwrap_err().to_string(), expected, "{pattern}");
        }
    }
}
