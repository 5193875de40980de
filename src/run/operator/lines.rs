//! Output in whole lines, so that tasks that print at the same time do not write into each other's lines.

/// A line longer than this is passed on in pieces.
const LONGEST_LINE: usize = 64 << 10;

/// Holds back the beginning of a line until its end is there.
#[derive(Default)]
pub(super) struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// Takes bytes in and gives out the lines that are whole.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.rest.extend_from_slice(bytes);
        let whole = match self.rest.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => end + 1,
            None if self.rest.len() > LONGEST_LINE => self.rest.len(),
            None => 0,
        };
        let rest = self.rest.split_off(whole);
        std::mem::replace(&mut self.rest, rest)
    }

    /// The last line, which has no end.
    pub(super) fn rest(self) -> Vec<u8> {
        self.rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_whole() {
        let mut lines = Lines::default();
        assert_eq!(lines.push(b"a\nb"), b"a\n");
        assert_eq!(lines.push(b"c"), b"");
        assert_eq!(lines.push(b"\n"), b"bc\n");
        assert_eq!(lines.push(&vec![b'x'; LONGEST_LINE + 1]).len(), LONGEST_LINE + 1);
        assert_eq!(lines.push(b"end"), b"");
        assert_eq!(lines.rest(), b"end");
    }
}
