//! Scrubs bytes that come in pieces. What may be the beginning of a secret is held back until more is known.

use std::io::{self, Write};

use super::{Ends, Matcher, Scrubber, replace};

/// Scrubs a stream. Only an end that may begin a secret is held back, so lines appear as they are written.
pub struct ScrubbingStream {
    scrubber: Scrubber,
    /// Not yet shown.
    held: Vec<u8>,
    /// The last byte that was given out or hidden: what stands before `held`.
    before: Option<u8>,
}

impl ScrubbingStream {
    pub(super) fn new(scrubber: Scrubber) -> Self {
        Self { scrubber, held: Vec::new(), before: None }
    }

    /// Takes more bytes and gives back what can be shown by now.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(bytes);
        let matcher = self.scrubber.matcher();
        let (shown, rest) = settle(&matcher, &self.held, self.before);
        if rest > 0 {
            self.before = self.held.get(rest - 1).copied();
            self.held.drain(..rest);
        }
        shown
    }

    /// Gives back what was held, scrubbed. Call it at the end of the stream.
    pub fn finish(&mut self) -> Vec<u8> {
        let held = std::mem::take(&mut self.held);
        let before = std::mem::take(&mut self.before);
        self.scrubber.matcher().scrub_to_end(&held, before)
    }
}

/// What of `held` can be shown, and how many bytes of it that settles. A match that reaches into the end that is
/// held back is held back with it: a longer one may swallow it.
fn settle(matcher: &Matcher, held: &[u8], before: Option<u8>) -> (Vec<u8>, usize) {
    if matcher.automaton.is_none() {
        return (held.to_vec(), held.len());
    }
    let mut end = matcher.tail_start(held);
    let mut hidden = matcher.hidden(held, before, Ends::Later);
    while let Some(last) = hidden.last() {
        if last.end <= end {
            break;
        }
        end = end.min(last.start);
        hidden.pop();
    }
    (replace(&held[..end], &hidden), end)
}

/// A writer that scrubs what passes. [`Self::finish`] must be called at the end; dropping it loses what is held back
/// rather than risk showing it.
pub struct ScrubbingWriter<W: Write> {
    stream: ScrubbingStream,
    inner: W,
}

impl<W: Write> ScrubbingWriter<W> {
    /// Scrubs before `inner`.
    pub fn new(scrubber: &Scrubber, inner: W) -> Self {
        Self { stream: scrubber.stream(), inner }
    }

    /// Writes what was held back, flushes, and gives the writer back.
    pub fn finish(mut self) -> io::Result<W> {
        let rest = self.stream.finish();
        self.inner.write_all(&rest)?;
        self.inner.flush()?;
        Ok(self.inner)
    }
}

impl<W: Write> Write for ScrubbingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let shown = self.stream.push(bytes);
        self.inner.write_all(&shown)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use proptest::prelude::*;

    fn knowing(values: &[&str]) -> Scrubber {
        let scrubber = Scrubber::new();
        for value in values {
            scrubber.add(&Secret::new(*value));
        }
        scrubber
    }

    #[test]
    fn a_secret_cut_by_a_write_is_hidden() {
        let mut stream = knowing(&["hunter2!"]).stream();
        assert_eq!(stream.push(b"password hunt"), b"password ");
        assert_eq!(stream.push(b"er2!\n"), b"***\n");
        assert_eq!(stream.finish(), b"");
    }

    #[test]
    fn a_false_start_comes_out_when_it_is_known_to_be_one() {
        let mut stream = knowing(&["hunter2!"]).stream();
        assert_eq!(stream.push(b"the hunt"), b"the ");
        assert_eq!(stream.push(b"ing"), b"hunting");
        assert_eq!(stream.push(b" h"), b" ");
        assert_eq!(stream.finish(), b"h");
    }

    #[test]
    fn a_longer_secret_that_begins_alike_is_awaited() {
        let mut stream = knowing(&["hunter2!", "hunter2!longer"]).stream();
        assert_eq!(stream.push(b"hunter2!"), b"");
        assert_eq!(stream.push(b"longer."), b"***.");
    }

    #[test]
    fn a_short_secret_waits_for_its_border() {
        let scrubber = knowing(&["abc"]);
        let mut stream = scrubber.stream();
        assert_eq!(stream.push(b"x=abc"), b"x=");
        assert_eq!(stream.push(b"d abc "), b"abcd *** ");
        let mut stream = scrubber.stream();
        let mut shown = stream.push(b"x");
        shown.extend(stream.push(b"abc"));
        shown.extend(stream.push(b" "));
        assert_eq!(shown, b"xabc ");
    }

    #[test]
    fn a_writer_scrubs_and_finishes() {
        let mut writer = ScrubbingWriter::new(&knowing(&["hunter2!"]), Vec::new());
        writer.write_all(b"a hun").expect("memory takes all");
        writer.write_all(b"ter2! b hun").expect("memory takes all");
        assert_eq!(writer.finish().expect("memory takes all"), b"a *** b hun");
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(
            pieces in proptest::collection::vec("[abx \n]{0,6}|aabxab|xxbb|ba x", 0..12),
        ) {
            let scrubber = knowing(&["aabxab", "xabxx", "xxbb", "ab"]);
            let whole = pieces.concat();
            let mut stream = scrubber.stream();
            let mut shown = Vec::new();
            for piece in &pieces {
                shown.extend(stream.push(piece.as_bytes()));
            }
            shown.extend(stream.finish());
            prop_assert_eq!(String::from_utf8(shown), Ok(scrubber.scrub_text(&whole)));
        }
    }
}
