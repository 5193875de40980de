//! Short texts, copied in steps of one size: that the compiler makes a few moves of, where a copy of any length is a call.

/// Bytes of a step.
const STEP: usize = 32;

/// A text that is written again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::transfer) struct Short {
    /// With zeros behind it, a whole number of steps.
    padded: Vec<u8>,
    length: usize,
}

impl Short {
    pub(in crate::transfer) fn new(text: &[u8]) -> Self {
        let mut padded = text.to_vec();
        padded.resize(text.len().next_multiple_of(STEP), 0);
        Self { padded, length: text.len() }
    }

    /// Appends it.
    #[inline]
    pub(in crate::transfer) fn push(&self, out: &mut Vec<u8>) {
        let end = out.len() + self.length;
        for step in self.padded.as_chunks::<STEP>().0 {
            out.extend_from_slice(step);
        }
        out.truncate(end);
    }
}

/// Appends a part of a text, of which bytes behind the part are copied and dropped again where there are some.
#[inline]
pub(in crate::transfer) fn push_part(all: &[u8], start: usize, end: usize, out: &mut Vec<u8>) {
    match all.get(start..).and_then(<[u8]>::first_chunk::<STEP>) {
        Some(step) if end - start <= STEP => {
            let end = out.len() + (end - start);
            out.extend_from_slice(step);
            out.truncate(end);
        }
        _ => out.extend_from_slice(&all[start..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_every_length_come_out_as_they_are() {
        let all: Vec<u8> = (0..100).collect();
        for start in 0..=all.len() {
            for end in start..=all.len() {
                let mut out = b"before".to_vec();
                push_part(&all, start, end, &mut out);
                assert_eq!(out, [b"before", &all[start..end]].concat());
                let mut out = b"before".to_vec();
                Short::new(&all[start..end]).push(&mut out);
                assert_eq!(out, [b"before", &all[start..end]].concat());
            }
        }
    }
}
