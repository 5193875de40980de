//! A value in base64: alone, as a part of something longer (`user:password`), and wrapped into lines.
//!
//! As a part it may begin at any of the three places of a group, and its first and last characters depend on its
//! neighbours, so they are left out. Where a line ends depends on all that stands before the value, so short windows are
//! looked for, one in every group: those between two line ends hide the line. What the end of a line leaves of the value's
//! first or last groups is shorter than a window, and is looked for with the line end and what stands on its other side.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::Form;
use super::forms::{Forms, add};

/// Characters of a group. Tools wrap at 60 (Ruby), 64 (PEM) or 76 (MIME) columns, all of them whole groups.
const GROUP: usize = 4;

/// Characters of a window: six bytes of the value.
const WINDOW: usize = 2 * GROUP;

/// A shorter text is looked for as a whole, in every way that one line end can cut it.
const WHOLE: usize = 3 * WINDOW;

/// Fewer characters are found in any text.
const FEWEST: usize = 6;

/// Line ends, as they are and in a JSON text.
const LINE_ENDS: [&str; 3] = ["\n", "\r\n", "\\n"];

/// Adds what to look for.
pub(super) fn add_base64(forms: &mut Forms, value: &[u8]) {
    for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        add_alone(forms, &engine.encode(value));
        for shift in 0..3 {
            let shifted = Zeroizing::new([&[0; 2][..shift], value].concat());
            let text = Zeroizing::new(engine.encode(&*shifted));
            let kept =
                Kept { text: text.as_bytes(), first: (shift * 8).div_ceil(6), last: shifted.len() * 8 / 6 };
            kept.add(forms);
        }
    }
}

/// Encoded by itself, with what pads it.
fn add_alone(forms: &mut Forms, text: &str) {
    if text.len() < FEWEST {
        return;
    }
    let end = if text.len() < WHOLE { text } else { &text[text.len() - WINDOW..] };
    if text.len() >= WINDOW {
        add(forms, end);
    }
    let padding = text.len().next_multiple_of(GROUP) - text.len();
    if padding > 0 {
        add(forms, format!("{end}{}", &"=="[..padding]));
    }
}

/// What of an encoded text depends on the value alone.
struct Kept<'t> {
    text: &'t [u8],
    first: usize,
    last: usize,
}

impl Kept<'_> {
    fn add(&self, forms: &mut Forms) {
        let length = self.last.saturating_sub(self.first);
        if length < FEWEST {
            return;
        }
        let reach = if length < WHOLE {
            add(forms, &self.text[self.first..self.last]);
            length
        } else {
            self.add_windows(forms);
            WINDOW
        };
        let is_near = |at: &usize| at - self.first < reach || self.last - at < reach;
        for at in (GROUP..self.last).step_by(GROUP).filter(|at| *at > self.first).filter(is_near) {
            let before = &self.text[at.saturating_sub(reach).max(self.first)..at];
            let after = &self.text[at..(at + reach).min(self.last)];
            for end in LINE_ENDS {
                add(forms, [before, end.as_bytes(), after].concat());
            }
        }
    }

    fn add_windows(&self, forms: &mut Forms) {
        let groups = (self.first.next_multiple_of(GROUP)..self.last - WINDOW).step_by(GROUP);
        for at in groups.chain([self.first, self.last - WINDOW]) {
            forms.insert(Form(self.text[at..at + WINDOW].to_vec()));
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use proptest::prelude::*;

    use super::super::Scrubber;
    use crate::secret::Secret;

    fn knowing(value: &str) -> Scrubber {
        let scrubber = Scrubber::new();
        scrubber.add(&Secret::new(value));
        scrubber
    }

    fn wrapped(text: &str, columns: usize, end: &str) -> String {
        let lines = text.as_bytes().chunks(columns).map(String::from_utf8_lossy);
        lines.collect::<Vec<_>>().join(end)
    }

    #[test]
    fn base64_is_hidden_alone_and_inside_something_longer() {
        for value in ["pass", "corre", "correct", "correct horse", "correct horse battery staple"] {
            for text in [STANDARD.encode(value), URL_SAFE.encode(value)] {
                assert_eq!(knowing(value).scrub_text(&format!("<{text}>")), "<***>", "{value}");
            }
            for before in ["", "u", "us", "user:"].into_iter().filter(|_| value.len() > 6) {
                for after in ["", "\n", "@h"] {
                    let scrubbed =
                        knowing(value).scrub_text(&STANDARD.encode(format!("{before}{value}{after}")));
                    let rest = before.len() * 8 / 6 + after.len() * 8 / 6 + 5;
                    assert!(
                        scrubbed.contains("***") && scrubbed.len() <= rest + 3,
                        "{value}: {before}{after}: {scrubbed}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_line_of_wrapped_base64_is_hidden_by_itself() {
        let value = "x".repeat(40) + &"secret words ".repeat(20);
        for (wrap, tail) in [(60, ""), (64, ""), (76, ""), (76, "\n")] {
            let text = STANDARD.encode(format!("{value}{tail}"));
            for line in text.as_bytes().chunks(wrap) {
                let line = std::str::from_utf8(line).expect("base64 is ASCII");
                let scrubbed = knowing(&value).scrub_text(line);
                assert!(scrubbed.starts_with("***") && scrubbed.len() <= 3 + 4, "{wrap}: {line}: {scrubbed}");
            }
        }
    }

    proptest! {
        /// Wherever the lines end, no character is left that depends on the value alone.
        #[test]
        fn wrapped_base64_is_hidden_wherever_the_value_stands(
            value in "[a-zA-Z0-9!-/é日]{6,200}",
            before in "[ -~]{0,100}",
            after in "[ -~]{0,100}",
            columns in prop::sample::select(vec![60_usize, 64, 76]),
            end in prop::sample::select(vec!["\n", "\r\n", "\\n"]),
        ) {
            let whole = STANDARD.encode(format!("{before}{value}{after}"));
            let scrubbed = knowing(&value).scrub_text(&wrapped(&whole, columns, end));
            let left = scrubbed.replace("***", "").replace(end, "");
            let first = (before.len() * 8).div_ceil(6);
            let last = (before.len() + value.len()) * 8 / 6;
            let around = whole.len() - (last - first);
            prop_assert!(left.len() <= around, "{} of {}: {}", left.len(), around, scrubbed);
        }
    }
}
