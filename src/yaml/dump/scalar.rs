//! Scalars: where a long one is broken, and what is escaped.

use serde_json::Value;

use super::analysis::{is_line_end, is_printable};
use super::{Analysis, STEP, Style, WIDTH, Writer, width};

/// Whether a scalar may go on in the next line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Split {
    Allowed,
    /// It is a key.
    Never,
}

impl Writer {
    /// Writes a scalar whose further lines begin at `indent`.
    pub(super) fn scalar(&mut self, value: &Value, indent: usize, split: Split) {
        let text = match value {
            Value::String(text) => text,
            Value::Number(number) => return self.bare(&number.to_string(), indent, split),
            Value::Bool(value) => return self.bare(if *value { "true" } else { "false" }, indent, split),
            _ => return self.bare("null", indent, split),
        };
        match Analysis::of(text).style(text, self.flow_depth > 0, split == Split::Never) {
            Style::Plain => self.bare(text, indent, split),
            Style::Single => self.single(text, indent, split),
            Style::Double => self.double(text, indent, split),
            Style::Lines => self.lines(text, indent),
        }
    }

    fn bare(&mut self, text: &str, indent: usize, split: Split) {
        self.space();
        self.blank = false;
        self.indented = false;
        self.words(text, indent, split, str::to_owned);
    }

    fn single(&mut self, text: &str, indent: usize, split: Split) {
        self.spaced_mark("'");
        self.words(text, indent, split, |word| word.replace('\'', "''"));
        self.mark("'");
    }

    /// Writes words; a single space between two of them becomes a line end where the line is long.
    fn words(&mut self, text: &str, indent: usize, split: Split, escaped: fn(&str) -> String) {
        let mut rest = text;
        while !rest.is_empty() {
            let word = rest.find(' ').unwrap_or(rest.len());
            self.text(&escaped(&rest[..word]));
            let spaces = rest[word..].find(|char| char != ' ').unwrap_or(rest.len() - word);
            let inside = word + spaces < rest.len() && (word > 0 || rest.len() < text.len());
            if spaces == 1 && inside && split == Split::Allowed && self.column > WIDTH {
                self.line(indent);
                self.blank = false;
                self.indented = false;
            } else {
                self.text(&rest[word..word + spaces]);
            }
            rest = &rest[word + spaces..];
        }
    }

    fn double(&mut self, text: &str, indent: usize, split: Split) {
        self.spaced_mark("\"");
        let chars: Vec<char> = text.chars().collect();
        // Characters that need no escape are written together, and a line is broken between such pieces.
        let mut piece = String::new();
        for (at, &char) in chars.iter().enumerate() {
            let is_piece = matches!(char, ' '..='~') && !matches!(char, '"' | '\\');
            if !is_piece {
                self.text(&std::mem::take(&mut piece));
                self.text(&escape(char));
            }
            let inside = 0 < at && at < chars.len() - 1;
            let breakable = char == ' ' || !is_piece;
            if inside && breakable && self.column + width(&piece) > WIDTH && split == Split::Allowed {
                self.text(&std::mem::take(&mut piece));
                self.text("\\");
                self.line(indent);
                self.blank = false;
                self.indented = false;
                let next = if is_piece { char } else { chars[at + 1] };
                if next == ' ' {
                    self.text("\\");
                }
            }
            if is_piece {
                piece.push(char);
            }
        }
        self.text(&piece);
        self.mark("\"");
    }

    fn lines(&mut self, text: &str, indent: usize) {
        let ends: Vec<char> = text.chars().rev().take(2).collect();
        let first = text.starts_with(|char| char == ' ' || is_line_end(char));
        let mut mark = "|".to_owned();
        if first {
            mark.push_str(&STEP.to_string());
        }
        match ends.as_slice() {
            [last, ..] if !is_line_end(*last) => mark.push('-'),
            [_] => mark.push('+'),
            [_, before] if is_line_end(*before) => mark.push('+'),
            _ => {}
        }
        self.spaced_mark(&mark);
        let body = text.strip_suffix('\n').unwrap_or(text);
        for line in body.split('\n') {
            self.line_end();
            if !line.is_empty() {
                self.line(indent);
                self.text(line);
            }
        }
        self.indented = false;
    }
}

fn escape(char: char) -> String {
    let short = match char {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        char if is_printable(char) && char != '\u{feff}' => return char.to_string(),
        char if char <= '\u{ff}' => return format!("\\x{:02x}", u32::from(char)),
        char => return format!("\\u{:04x}", u32::from(char)),
    };
    format!("\\{short}")
}
