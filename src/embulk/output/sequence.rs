//! `sequence_format`: the middle of a file's name, made of the numbers of its task and of the file in the task.

use std::iter::Peekable;
use std::str::Chars;

/// `sequence_format` with its two numbers, task and file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence(String);

/// The format holds something else than directives for two numbers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{format}` is not a sequence format; it may hold %d, %02d, %03d and their like for two numbers, and %%"
)]
pub struct BadSequence {
    /// As written.
    pub format: String,
}

impl Sequence {
    /// Checks a format of two integer directives such as `.%03d.%02d`.
    pub fn parse(format: &str) -> Result<Self, BadSequence> {
        match fill(format, [0, 0]) {
            Some(_) => Ok(Self(format.to_owned())),
            None => Err(BadSequence { format: format.to_owned() }),
        }
    }

    /// The text for a task and a file of it, both from 0.
    pub fn text(&self, task: usize, file: usize) -> String {
        fill(&self.0, [task, file]).unwrap_or_default()
    }
}

/// A directive of Java's for a number: `%[which$][flags][width]d`. A number in digits of ten is the same in `s`.
#[derive(Default)]
struct Directive {
    /// Which number, from 1; none: the next.
    which: Option<usize>,
    left: bool,
    zeros: bool,
    /// What stands before a number that is not negative.
    sign: &'static str,
    width: usize,
}

/// The longest that a number may be made.
const WIDEST: usize = 20;

/// A format filled in; none when it has other directives, or more than there are numbers.
fn fill(format: &str, numbers: [usize; 2]) -> Option<String> {
    let (mut out, mut chars, mut next) = (String::new(), format.chars().peekable(), 0);
    while let Some(char) = chars.next() {
        if char != '%' {
            out.push(char);
        } else if chars.next_if_eq(&'%').is_some() {
            out.push('%');
        } else {
            let directive = Directive::parse(&mut chars)?;
            let at = directive.which.map_or(Some(next), |which| which.checked_sub(1))?;
            next += usize::from(directive.which.is_none());
            out.push_str(&directive.text(*numbers.get(at)?));
        }
    }
    Some(out)
}

impl Directive {
    fn parse(chars: &mut Peekable<Chars<'_>>) -> Option<Self> {
        let mut directive = Self::default();
        // A number before `$` says which; one that begins with zero is a flag and a width.
        let mut ahead = chars.clone();
        if let Some(which) = digits(&mut ahead).filter(|_| chars.peek() != Some(&'0'))
            && ahead.next() == Some('$')
        {
            directive.which = Some(which);
            *chars = ahead;
        }
        while let Some(flag) = chars.next_if(|char| matches!(char, '-' | '0' | '+' | ' ')) {
            match flag {
                '-' => directive.left = true,
                '0' => directive.zeros = true,
                '+' => directive.sign = "+",
                _ => directive.sign = " ",
            }
        }
        if chars.peek().is_some_and(char::is_ascii_digit) {
            directive.width = digits(chars).filter(|width| *width <= WIDEST)?;
        } else if directive.left || directive.zeros {
            // Both flags want a width.
            return None;
        }
        match chars.next()? {
            'd' if !(directive.left && directive.zeros) => Some(directive),
            's' if !directive.zeros && directive.sign.is_empty() => Some(directive),
            _ => None,
        }
    }

    fn text(&self, number: usize) -> String {
        let (sign, width) = (self.sign, self.width);
        if self.zeros {
            let width = width.saturating_sub(sign.len());
            return format!("{sign}{number:0width$}");
        }
        let number = format!("{sign}{number}");
        if self.left { format!("{number:<width$}") } else { format!("{number:>width$}") }
    }
}

fn digits(chars: &mut Peekable<Chars<'_>>) -> Option<usize> {
    let mut text = String::new();
    while let Some(digit) = chars.next_if(char::is_ascii_digit) {
        text.push(digit);
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_names_are_embulks() {
        assert_eq!(Sequence::parse("%03d.%02d.").unwrap().text(0, 0), "000.00.");
        assert_eq!(Sequence::parse(".%03d.%02d").unwrap().text(12, 3), ".012.03");
        assert_eq!(Sequence::parse("").unwrap().text(0, 0), "");
    }

    #[test]
    fn numbers_are_written_as_java_writes_them() {
        for (format, text) in [
            ("%d", "1"),
            ("%s_%s", "1_23"),
            ("%%-%2d", "%- 1"),
            ("%-5d|%+d", "1    |+23"),
            ("% d%+05d", " 1+0023"),
            ("%2$d.%1$d", "23.1"),
            ("%2$03d.%d", "023.1"),
            ("%1$d%1$d%d%d", "11123"),
        ] {
            assert_eq!(Sequence::parse(format).unwrap().text(1, 23), text, "{format}");
        }
    }

    #[test]
    fn a_sequence_of_something_else_is_refused() {
        for format in
            ["%x", "%d%d%d", "%", "%0", "%0d", "%-d", "%-03d", "%3$d", "%0$d", "%99999999999d", "%,d"]
        {
            assert_eq!(
                Sequence::parse(format).unwrap_err().to_string(),
                format!(
                    "`{format}` is not a sequence format; it may hold %d, %02d, %03d and their like for two \
                     numbers, and %%"
                )
            );
        }
    }
}
