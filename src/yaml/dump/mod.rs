//! YAML as SnakeYAML writes it without options: what `embulk guess` prints, which people compare and commit.
//!
//! Collections of nothing but scalars are written in one line, all others as blocks; a line that is longer than 80
//! columns goes on in the next one at a space.

mod analysis;
mod scalar;

use serde_json::{Map, Value};

use self::analysis::{Analysis, Style};

/// Columns after which a line is broken.
const WIDTH: usize = 80;
/// Spaces of one level.
const STEP: usize = 2;
/// A longer key is written with a `?` before it. The tag of texts counts, though it is not written.
const LONGEST_KEY: usize = 128 - "!!str".len();

/// Writes a value; the text ends with a line end.
pub fn dump(value: &Value) -> String {
    let mut writer = Writer { out: String::new(), column: 0, blank: true, indented: true, flow_depth: 0 };
    writer.node(value, Place { indent: None, mapping: false });
    writer.out.push('\n');
    writer.out
}

/// Where a node stands.
#[derive(Clone, Copy)]
struct Place {
    /// Of the collection around it; none at the top.
    indent: Option<usize>,
    /// Whether that collection is a mapping: a list in one is not indented further.
    mapping: bool,
}

impl Place {
    fn deeper(self) -> usize {
        self.indent.map_or(STEP, |indent| indent + STEP)
    }
}

struct Writer {
    out: String,
    /// Of the line that is being written, in units of UTF-16.
    column: usize,
    /// Whether the last character leaves room: a blank, or none in this line.
    blank: bool,
    /// Whether the line holds nothing but blanks and the marks of blocks.
    indented: bool,
    flow_depth: usize,
}

impl Writer {
    fn node(&mut self, value: &Value, place: Place) {
        match value {
            Value::Object(map) if self.is_flow(value) => self.flow_mapping(map, place),
            Value::Array(items) if self.is_flow(value) => self.flow_sequence(items, place),
            Value::Object(map) => self.block_mapping(map, place),
            Value::Array(items) => self.block_sequence(items, place),
            scalar => self.scalar(scalar, place.deeper(), scalar::Split::Allowed),
        }
    }

    fn is_flow(&self, value: &Value) -> bool {
        self.flow_depth > 0 || is_short(value)
    }

    fn block_mapping(&mut self, map: &Map<String, Value>, place: Place) {
        let indent = place.indent.map_or(0, |indent| indent + STEP);
        let within = Place { indent: Some(indent), mapping: true };
        for (key, value) in map {
            self.line(indent);
            if is_simple_key(key) {
                self.key(key, within);
                self.mark(":");
            } else {
                self.block_mark("?");
                self.scalar(&Value::String(key.clone()), within.deeper(), scalar::Split::Allowed);
                self.line(indent);
                self.block_mark(":");
            }
            self.node(value, within);
        }
    }

    fn block_sequence(&mut self, items: &[Value], place: Place) {
        let indent = match place.indent {
            None => 0,
            Some(indent) if place.mapping && !self.indented => indent,
            Some(indent) => indent + STEP,
        };
        for item in items {
            self.line(indent);
            self.block_mark("-");
            self.node(item, Place { indent: Some(indent), mapping: false });
        }
    }

    fn flow_mapping(&mut self, map: &Map<String, Value>, place: Place) {
        let indent = place.deeper();
        let within = Place { indent: Some(indent), mapping: true };
        self.open("{");
        for (at, (key, value)) in map.iter().enumerate() {
            self.separate(at, indent);
            if is_simple_key(key) {
                self.key(key, within);
                self.mark(":");
            } else {
                self.spaced_mark("?");
                self.scalar(&Value::String(key.clone()), within.deeper(), scalar::Split::Allowed);
                self.break_long(indent);
                self.spaced_mark(":");
            }
            self.node(value, within);
        }
        self.close("}");
    }

    fn flow_sequence(&mut self, items: &[Value], place: Place) {
        let indent = place.deeper();
        self.open("[");
        for (at, item) in items.iter().enumerate() {
            self.separate(at, indent);
            self.node(item, Place { indent: Some(indent), mapping: false });
        }
        self.close("]");
    }

    fn key(&mut self, key: &str, place: Place) {
        self.scalar(&Value::String(key.to_owned()), place.deeper(), scalar::Split::Never);
    }

    fn open(&mut self, bracket: &str) {
        self.spaced_mark(bracket);
        self.blank = true;
        self.flow_depth += 1;
    }

    fn close(&mut self, bracket: &str) {
        self.flow_depth -= 1;
        self.mark(bracket);
    }

    /// Before an item of a collection in one line.
    fn separate(&mut self, at: usize, indent: usize) {
        if at > 0 {
            self.mark(",");
        }
        self.break_long(indent);
    }

    fn break_long(&mut self, indent: usize) {
        if self.column > WIDTH {
            self.line(indent);
        }
    }

    /// Goes to the column of a block, in a new line unless this one holds nothing yet.
    fn line(&mut self, indent: usize) {
        if !self.indented || self.column > indent || (self.column == indent && !self.blank) {
            self.line_end();
        }
        while self.column < indent {
            self.out.push(' ');
            self.column += 1;
            self.blank = true;
        }
    }

    fn line_end(&mut self) {
        self.out.push('\n');
        self.column = 0;
        self.blank = true;
        self.indented = true;
    }

    /// A mark that stands directly behind what is before it.
    fn mark(&mut self, mark: &str) {
        self.text(mark);
        self.blank = false;
        self.indented = false;
    }

    fn spaced_mark(&mut self, mark: &str) {
        self.space();
        self.mark(mark);
    }

    /// A mark behind which a block may begin in the same line.
    fn block_mark(&mut self, mark: &str) {
        let indented = self.indented;
        self.spaced_mark(mark);
        self.indented = indented;
    }

    fn space(&mut self) {
        if !self.blank {
            self.text(" ");
        }
    }

    fn text(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += width(text);
    }
}

/// Length in units of UTF-16.
fn width(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Whether a collection holds nothing but scalars that need no block of their own.
fn is_short(value: &Value) -> bool {
    let is_plain = |item: &Value| match item {
        Value::Array(_) | Value::Object(_) => false,
        Value::String(text) => !analysis::has_lines(text),
        _ => true,
    };
    match value {
        Value::Array(items) => items.iter().all(is_plain),
        Value::Object(map) => map.iter().all(|(key, item)| !analysis::has_lines(key) && is_plain(item)),
        _ => true,
    }
}

fn is_simple_key(key: &str) -> bool {
    !key.is_empty() && !analysis::has_lines(key) && width(key) < LONGEST_KEY
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn short_collections_are_written_in_one_line() {
        let value = json!({
            "in": {
                "type": "file",
                "weird": [1, [2, 3], {"a": "b"}, [[4]], {"c": [5]}],
                "columns": [{"name": "id", "type": "long"}, {"name": "t", "format": "%Y-%m-%d"}],
                "none": {},
            },
            "out": {"type": "stdout"},
        });
        assert_eq!(
            dump(&value),
            "\
in:
  type: file
  weird:
  - 1
  - [2, 3]
  - {a: b}
  - - [4]
  - c: [5]
  columns:
  - {name: id, type: long}
  - {name: t, format: '%Y-%m-%d'}
  none: {}
out: {type: stdout}
"
        );
        assert_eq!(dump(&json!({})), "{}\n");
        assert_eq!(dump(&json!([1, "a"])), "[1, a]\n");
    }

    #[test]
    fn long_lines_are_broken_at_spaces() {
        let words = ["abcdefghi"; 12].join(" ");
        let list = vec!["abcdefghi"; 12];
        assert_eq!(
            dump(&json!({"a": {"words": words, "quoted": format!("{words}: x"), "list": list}})),
            "\
a:
  words: abcdefghi abcdefghi abcdefghi abcdefghi abcdefghi abcdefghi abcdefghi abcdefghi
    abcdefghi abcdefghi abcdefghi abcdefghi
  quoted: 'abcdefghi abcdefghi abcdefghi abcdefghi abcdefghi abcdefghi abcdefghi abcdefghi
    abcdefghi abcdefghi abcdefghi abcdefghi: x'
  list: [abcdefghi, abcdefghi, abcdefghi, abcdefghi, abcdefghi, abcdefghi, abcdefghi,
    abcdefghi, abcdefghi, abcdefghi, abcdefghi, abcdefghi]
"
        );
    }

    #[test]
    fn long_and_empty_keys_have_a_mark_of_their_own() {
        let long = "k".repeat(130);
        assert_eq!(
            dump(&json!({"": 1, long.as_str(): {"a": [1, {}]}})),
            format!("? ''\n: 1\n? {long}\n: a:\n  - 1\n  - {{}}\n")
        );
        assert_eq!(dump(&json!({"a": {"": 1}})), "a: {? '' : 1}\n");
    }

    #[test]
    fn what_is_written_is_read_back() {
        let value = json!({"a": ["", " x", "x ", "- y", "a: b", "#", "it's", "12", "1_000", "0x1f", "yes", "~", "2015-01-02", "a\nb", "a\n", "\ta", "日本 😀", "<<", "=", "---", "1:30", ".5", "007", "09", "null", "NaN", ".nan", "\u{7f}", "\u{a0}", "a \nb"]});
        let text = dump(&value);
        let source = crate::diagnostic::Source::new("a.yml", text.as_str());
        let parsed = crate::yaml::parse(&source, crate::yaml::Dialect::Embulk);
        assert_eq!(parsed.node.expect("YAML").to_json(), value, "{text}");
    }
}
