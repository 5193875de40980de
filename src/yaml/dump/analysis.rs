//! Which ways of writing a text are open: bare, between quotes, or as a block of lines.

use std::sync::LazyLock;

use regex::Regex;

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// As it is.
    Plain,
    /// Between single quotes.
    Single,
    /// Between double quotes, with escapes.
    Double,
    /// Line by line, below `|`.
    Lines,
}

/// What a text holds that decides how it can be written.
pub(super) struct Analysis {
    flow_plain: bool,
    block_plain: bool,
    single: bool,
    lines: bool,
}

/// Bare texts that are something else than texts.
static NO_TEXT: LazyLock<Regex> = LazyLock::new(|| {
    let words =
        "yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF|~|null|Null|NULL|<<";
    let whole =
        r"[-+]?0b_*[01][01_]*|[-+]?0_*[0-7][0-7_]*|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x_*[0-9a-fA-F][0-9a-fA-F_]*";
    let sixties = r"[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*";
    let broken = r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+|[-+]?\.[0-9_]+(?:[eE][-+]?[0-9]+)?";
    let odd = r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)";
    let day = r"[0-9]{4}-[0-9]{2}-[0-9]{2}";
    let time = r"[0-9]{4}-[0-9][0-9]?-[0-9][0-9]?(?:[Tt]|[ \t]+)[0-9][0-9]?:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9][0-9]?(?::[0-9]{2})?))?";
    let all = [words, whole, sixties, broken, odd, day, time].join("|");
    // A constant pattern: compiles always, or the tests fail.
    Regex::new(&format!("^(?:{all})$")).expect("constant pattern")
});

/// Whether a text has several lines.
pub(super) fn has_lines(text: &str) -> bool {
    text.contains(is_line_end)
}

pub(super) fn is_line_end(char: char) -> bool {
    matches!(char, '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether a character can stand in YAML without an escape.
pub(super) fn is_printable(char: char) -> bool {
    matches!(char, ' '..='~' | '\n' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
}

impl Analysis {
    pub(super) fn of(text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let marks = Marks::of(&chars);
        let edge = |char: Option<&char>| char.is_some_and(|char| *char == ' ' || is_line_end(*char));
        let at_edge = edge(chars.first()) || edge(chars.last());
        let pairs = |first: fn(char) -> bool, second: fn(char) -> bool| {
            chars.windows(2).any(|pair| first(pair[0]) && second(pair[1]))
        };
        let break_space = pairs(is_line_end, |char| char == ' ');
        let space_break = pairs(|char| char == ' ', is_line_end);
        let special = !chars.iter().all(|char| is_printable(*char));
        let hard = space_break || special;
        let zero = chars.len() > 1
            && chars[0] == '0'
            && chars[1..].iter().all(|char| char.is_ascii_digit() || *char == '_');
        let plain = !at_edge && !zero && !break_space && !hard && !text.is_empty();
        Self {
            flow_plain: plain && !marks.flow && !has_lines(text),
            block_plain: plain && !marks.block,
            single: !break_space && !hard,
            lines: chars.last() != Some(&' ') && !hard && !text.is_empty(),
        }
    }

    /// How a text is written; in a collection of one line, or as a key, it cannot be a block of lines.
    pub(super) fn style(&self, text: &str, in_flow: bool, is_key: bool) -> Style {
        if has_lines(text) {
            return if !in_flow && !is_key && self.lines { Style::Lines } else { Style::Double };
        }
        let plain = if in_flow { self.flow_plain } else { self.block_plain };
        if plain && !NO_TEXT.is_match(text) {
            Style::Plain
        } else if self.single {
            Style::Single
        } else {
            Style::Double
        }
    }
}

/// Signs that mean something to YAML where they stand.
#[derive(Default)]
struct Marks {
    /// In a collection of one line.
    flow: bool,
    /// Elsewhere.
    block: bool,
}

impl Marks {
    fn of(chars: &[char]) -> Self {
        let mut marks = Self::default();
        if chars.starts_with(&['-'; 3]) || chars.starts_with(&['.'; 3]) {
            return Self { flow: true, block: true };
        }
        let is_blank = |at: usize| chars.get(at).is_none_or(|char| matches!(char, '\0' | ' ' | '\t'));
        for (at, char) in chars.iter().enumerate() {
            let followed = is_blank(at + 1);
            match char {
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
                | '`'
                    if at == 0 =>
                {
                    return Self { flow: true, block: true };
                }
                '?' | ':' | '-' if at == 0 => {
                    marks.flow |= *char != '-' || followed;
                    marks.block |= followed;
                }
                ',' | '?' | '[' | ']' | '{' | '}' => marks.flow = true,
                ':' => {
                    marks.flow = true;
                    marks.block |= followed;
                }
                '#' if is_blank(at - 1) => return Self { flow: true, block: true },
                _ => {}
            }
        }
        marks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_written_as_simply_as_it_can_be() {
        for (text, in_flow, style) in [
            ("abc", true, Style::Plain),
            ("a b/c-d", true, Style::Plain),
            ("-1a", true, Style::Plain),
            ("a,b", false, Style::Plain),
            ("a,b", true, Style::Single),
            ("a:b", false, Style::Plain),
            ("a:b", true, Style::Single),
            ("a: b", false, Style::Single),
            ("a #b", false, Style::Single),
            ("a#b", false, Style::Plain),
            ("", false, Style::Single),
            ("%Y", false, Style::Single),
            ("12", false, Style::Single),
            ("12a", false, Style::Plain),
            ("0123", false, Style::Single),
            ("089", false, Style::Single),
            ("2015-01-02", false, Style::Single),
            ("Yes", false, Style::Single),
            ("y", false, Style::Plain),
            ("a\tb", false, Style::Double),
            ("a\nb", false, Style::Lines),
            ("a\nb", true, Style::Double),
            ("a \nb", false, Style::Double),
            ("日本", true, Style::Plain),
        ] {
            assert_eq!(Analysis::of(text).style(text, in_flow, false), style, "{text:?} {in_flow}");
        }
    }
}
