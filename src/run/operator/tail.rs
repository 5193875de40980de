//! The end of what a task printed: what people look at first when it failed.

use std::collections::VecDeque;

/// Lines that are kept.
const LINES: usize = 10;
/// Bytes of them all. A task may print a line of any length.
const BYTES: usize = 4 << 10;

/// The last bytes of an output.
#[derive(Debug, Default)]
pub(super) struct Tail(VecDeque<u8>);

impl Tail {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.0.extend(&bytes[bytes.len().saturating_sub(BYTES)..]);
        let surplus = self.0.len().saturating_sub(BYTES);
        self.0.drain(..surplus);
    }

    /// The last lines; the first of them may be cut where it is long.
    pub(super) fn lines(&self) -> Vec<String> {
        let bytes: Vec<u8> = self.0.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].iter().map(|line| (*line).to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_stay() {
        let mut tail = Tail::default();
        assert!(tail.lines().is_empty());
        for number in 0..30 {
            tail.push(format!("line {number}\n").as_bytes());
        }
        tail.push(b"no end");
        let lines = tail.lines();
        assert_eq!((lines.len(), lines[0].as_str(), lines[9].as_str()), (10, "line 21", "no end"));
        tail.push(&vec![b'x'; 1 << 20]);
        assert_eq!(tail.lines(), ["x".repeat(BYTES)]);
    }
}
