//! Writes HTML. Text has one way in, and there it is escaped and scrubbed; markup is what stands in this program.

use std::fmt::Write as _;

use crate::secret::scrub::Scrubber;

/// A longer text is cut: a name of 1,000 characters is whole, a dump of a server is not.
const LONGEST: usize = 4000;

/// A document that grows.
pub(super) struct Html<'a> {
    text: String,
    scrubber: &'a Scrubber,
}

impl<'a> Html<'a> {
    pub(super) fn new(scrubber: &'a Scrubber) -> Self {
        Self { text: String::new(), scrubber }
    }

    /// Markup of this program's own: what lives as long as the program holds no data.
    pub(super) fn markup(&mut self, markup: &'static str) -> &mut Self {
        self.text.push_str(markup);
        self
    }

    /// Text, as people are to read it: what has no shape of its own, or would turn the text around it, is named.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        let text = self.scrubber.scrub_text(text);
        let mut characters = text.chars();
        for c in characters.by_ref().take(LONGEST) {
            match named(c) {
                Some(name) => self.text.push_str(&name),
                None => self.escaped(c),
            }
        }
        let rest = characters.count();
        if rest > 0 {
            // Writing to a text cannot fail.
            let _ = write!(self.text, "… ({rest} more characters)");
        }
        self
    }

    /// Text that is to be pasted: every character stays what it is.
    pub(super) fn pasteable(&mut self, text: &str) -> &mut Self {
        self.scrubber.scrub_text(text).chars().for_each(|c| self.escaped(c));
        self
    }

    /// The beginning of an element.
    pub(super) fn open(&mut self, element: &'static str, attributes: &[(&'static str, &str)]) -> &mut Self {
        self.text.push('<');
        self.text.push_str(element);
        for (name, value) in attributes {
            self.text.push(' ');
            self.text.push_str(name);
            self.text.push_str("=\"");
            self.pasteable(value);
            self.text.push('"');
        }
        self.text.push('>');
        self
    }

    pub(super) fn close(&mut self, element: &'static str) -> &mut Self {
        self.text.push_str("</");
        self.text.push_str(element);
        self.text.push('>');
        self
    }

    /// An element with nothing but text in it.
    pub(super) fn element(&mut self, element: &'static str, text: &str) -> &mut Self {
        self.open(element, &[]).text(text).close(element)
    }

    /// How many bytes it has.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    fn escaped(&mut self, c: char) {
        match c {
            '&' => self.text.push_str("&amp;"),
            '<' => self.text.push_str("&lt;"),
            '>' => self.text.push_str("&gt;"),
            '"' => self.text.push_str("&quot;"),
            '\'' => self.text.push_str("&#39;"),
            c => self.text.push(c),
        }
    }
}

/// What stands for a character that cannot be seen: control characters have pictures, marks of direction and spaces
/// without width have their number.
fn named(c: char) -> Option<String> {
    let name = match c {
        '\n' | '\t' => return None,
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).map(String::from),
        '\x7f' => Some("␡".to_owned()),
        '\u{80}'..='\u{9f}'
        | '\u{61c}'
        | '\u{200b}'
        | '\u{200e}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' => Some(format!("⟨U+{:04X}⟩", u32::from(c))),
        _ => return None,
    };
    name.or_else(|| Some("\u{fffd}".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn written(write: impl FnOnce(&mut Html<'_>)) -> String {
        let scrubber = Scrubber::new();
        scrubber.add(&Secret::new("open<sesame>17"));
        let mut html = Html::new(&scrubber);
        write(&mut html);
        html.finish()
    }

    #[test]
    fn text_is_never_markup() {
        assert_eq!(
            written(|html| {
                html.open("td", &[("title", "\"><script>'")]).text("</td><b>&amp;\"'").close("td");
            }),
            "<td title=\"&quot;&gt;&lt;script&gt;&#39;\">&lt;/td&gt;&lt;b&gt;&amp;amp;&quot;&#39;</td>"
        );
    }

    #[test]
    fn what_cannot_be_seen_is_named() {
        assert_eq!(
            written(|html| {
                html.text("a\u{1b}[2J\u{202e}b\u{200f}\u{85}\r\n\u{7f}\u{feff}注文");
            }),
            "a␛[2J⟨U+202E⟩b⟨U+200F⟩⟨U+0085⟩␍\n␡⟨U+FEFF⟩注文"
        );
        assert_eq!(
            written(|html| {
                html.pasteable("'\u{202e}'");
            }),
            "&#39;\u{202e}&#39;"
        );
    }

    #[test]
    fn a_secret_is_hidden_before_it_is_escaped() {
        let text = written(|html| {
            html.open("a", &[("title", "open<sesame>17")]).text("x open<sesame>17 y").close("a");
        });
        assert!(!text.contains("sesame"), "{text}");
    }

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        let text = written(|html| {
            html.text(&"日".repeat(LONGEST + 12));
        });
        assert!(text.ends_with("日… (12 more characters)"), "{text}");
        let whole = written(|html| {
            html.text(&"日".repeat(LONGEST));
        });
        assert_eq!(whole.chars().count(), LONGEST);
    }
}
