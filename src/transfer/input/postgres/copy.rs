//! The bytes that COPY sends in its binary form, taken apart: a header, the rows, a trailer
//! (<https://www.postgresql.org/docs/current/sql-copy.html>, "Binary Format").

use crate::transfer::input::Flow;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// Flags that a reader must know. There is one, for object ids before each row, which no server sets since 12.
const CRITICAL: u32 = 0xffff_0000;

/// What came is not what COPY writes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Odd;

/// What one COPY sends, cut into whole rows. Nothing is believed of lengths: no more is kept than what came.
#[derive(Debug)]
pub(super) struct Rows {
    /// How many each row has.
    fields: usize,
    at: At,
    /// The begin of a row whose end has not come. Servers send a row at a time, so that this is nearly always empty.
    begun: Vec<u8>,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Header,
    Row,
    /// Nothing: the trailer came.
    End,
}

/// The first record of some bytes, and what comes behind it.
enum Record<'b> {
    Row(Fields<'b>, &'b [u8]),
    Trailer(&'b [u8]),
    /// Its end has not come.
    Torn,
}

impl Rows {
    pub(super) fn new(fields: usize) -> Self {
        Self { fields, at: At::Header, begun: Vec::new() }
    }

    /// Hands over each row that ends in a piece.
    pub(super) fn take<E: From<Odd>>(
        &mut self,
        piece: &[u8],
        mut row: impl FnMut(Fields<'_>) -> Result<Flow, E>,
    ) -> Result<Flow, E> {
        if self.begun.is_empty() {
            let (flow, rest) = self.whole(piece, &mut row)?;
            self.begun.extend_from_slice(rest);
            return Ok(flow);
        }
        let mut begun = std::mem::take(&mut self.begun);
        begun.extend_from_slice(piece);
        let (flow, rest) = self.whole(&begun, &mut row)?;
        let left = rest.len();
        if left > 0 {
            begun.drain(..begun.len() - left);
            self.begun = begun;
        }
        Ok(flow)
    }

    /// Whether the trailer came, and nothing behind it.
    pub(super) fn is_whole(&self) -> bool {
        self.at == At::End && self.begun.is_empty()
    }

    fn whole<'b, E: From<Odd>>(
        &mut self,
        mut bytes: &'b [u8],
        row: &mut impl FnMut(Fields<'_>) -> Result<Flow, E>,
    ) -> Result<(Flow, &'b [u8]), E> {
        loop {
            match self.at {
                At::Header => match header(bytes)? {
                    Some(rest) => {
                        bytes = rest;
                        self.at = At::Row;
                    }
                    None => break,
                },
                At::Row => match record(bytes, self.fields)? {
                    Record::Row(fields, rest) => {
                        bytes = rest;
                        if row(fields)? == Flow::Stop {
                            return Ok((Flow::Stop, bytes));
                        }
                    }
                    Record::Trailer(rest) => {
                        bytes = rest;
                        self.at = At::End;
                    }
                    Record::Torn => break,
                },
                At::End if bytes.is_empty() => break,
                At::End => return Err(Odd.into()),
            }
        }
        Ok((Flow::Continue, bytes))
    }
}

/// What comes behind the header; none when its end has not come.
fn header(bytes: &[u8]) -> Result<Option<&[u8]>, Odd> {
    let known = bytes.len().min(SIGNATURE.len());
    if bytes[..known] != SIGNATURE[..known] {
        return Err(Odd);
    }
    let Some((flags, rest)) = bytes[known..].split_first_chunk() else { return Ok(None) };
    if u32::from_be_bytes(*flags) & CRITICAL != 0 {
        return Err(Odd);
    }
    let Some((length, rest)) = rest.split_first_chunk() else { return Ok(None) };
    // A reader is to skip an extension that it does not know.
    let length = usize::try_from(i32::from_be_bytes(*length)).map_err(|_| Odd)?;
    Ok(rest.get(length..))
}

#[inline]
fn record(bytes: &[u8], fields: usize) -> Result<Record<'_>, Odd> {
    let Some((count, values)) = bytes.split_first_chunk() else { return Ok(Record::Torn) };
    match i16::from_be_bytes(*count) {
        -1 => return Ok(Record::Trailer(values)),
        count if usize::try_from(count) == Ok(fields) => {}
        _ => return Err(Odd),
    }
    let mut rest = values;
    for _ in 0..fields {
        let Some((length, behind)) = rest.split_first_chunk() else { return Ok(Record::Torn) };
        rest = match i32::from_be_bytes(*length) {
            -1 => behind,
            length => match behind.get(usize::try_from(length).map_err(|_| Odd)?..) {
                Some(rest) => rest,
                None => return Ok(Record::Torn),
            },
        };
    }
    Ok(Record::Row(Fields { rest: &values[..values.len() - rest.len()] }, rest))
}

/// The values of a row that is whole, from left to right; NULL is none.
#[derive(Debug)]
pub(super) struct Fields<'r> {
    rest: &'r [u8],
}

impl<'r> Iterator for Fields<'r> {
    type Item = Option<&'r [u8]>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (length, behind) = self.rest.split_first_chunk()?;
        let value = match usize::try_from(i32::from_be_bytes(*length)) {
            Ok(length) => {
                let (value, rest) = behind.split_at_checked(length)?;
                self.rest = rest;
                Some(value)
            }
            Err(_) => {
                self.rest = behind;
                None
            }
        };
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream of two rows: `ab`, NULL; an empty text, `c`.
    fn stream() -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        // Bits that need not be known, and an extension.
        bytes.extend_from_slice(b"\0\0\0\x01\0\0\0\x03ext");
        bytes.extend_from_slice(b"\0\x02\0\0\0\x02ab\xff\xff\xff\xff");
        bytes.extend_from_slice(b"\0\x02\0\0\0\0\0\0\0\x01c");
        bytes.extend_from_slice(b"\xff\xff");
        bytes
    }

    type Cells = Vec<Vec<Option<Vec<u8>>>>;

    /// The rows of pieces, and whether that was all.
    fn rows(pieces: &[&[u8]]) -> Result<(Cells, bool), Odd> {
        let mut rows = Rows::new(2);
        let mut cells = Vec::new();
        for piece in pieces {
            rows.take(piece, |fields| {
                cells.push(fields.map(|value| value.map(<[u8]>::to_vec)).collect());
                Ok::<_, Odd>(Flow::Continue)
            })?;
        }
        Ok((cells, rows.is_whole()))
    }

    fn expected() -> Cells {
        vec![vec![Some(b"ab".to_vec()), None], vec![Some(Vec::new()), Some(b"c".to_vec())]]
    }

    #[test]
    fn pieces_are_put_together_wherever_they_are_cut() {
        let stream = stream();
        for first in 0..=stream.len() {
            for second in first..=stream.len() {
                let pieces = [&stream[..first], &stream[first..second], &stream[second..]];
                assert_eq!(rows(&pieces), Ok((expected(), true)));
            }
            let is_whole = first == stream.len();
            assert_eq!(rows(&[&stream[..first]]).map(|(_, whole)| whole), Ok(is_whole), "{first}");
        }
    }

    #[test]
    fn what_copy_does_not_write_is_refused() {
        for (at, byte) in [
            // The signature, the flag of object ids, the length of the extension, the number of fields, a length.
            (5, b'X'),
            (12, 1),
            (15, 0x80),
            (23, 3),
            (30, 0xfe),
        ] {
            let mut stream = stream();
            stream[at] = byte;
            assert_eq!(rows(&[&stream]), Err(Odd), "{at}");
        }
        let mut stream = stream();
        stream.push(0);
        assert_eq!(rows(&[&stream]), Err(Odd));
        // A promise of 2 GB is waited for, and nothing is kept for it.
        let mut begun = Rows::new(1);
        let promise = [SIGNATURE, b"\0\0\0\0\0\0\0\0\0\x01\x7f\xff\xff\xffab"].concat();
        assert_eq!(begun.take(&promise, |_| Err(Odd)), Ok(Flow::Continue));
        assert!(!begun.is_whole() && begun.begun.capacity() < 64);
    }

    #[test]
    fn a_row_after_which_nothing_is_wanted_is_the_last() {
        let mut seen = 0;
        let flow = Rows::new(2).take(&stream(), |_| {
            seen += 1;
            Ok::<_, Odd>(Flow::Stop)
        });
        assert_eq!((flow, seen), (Ok(Flow::Stop), 1));
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(
            flips in proptest::collection::vec((0_usize..64, 0_u8..=255), 0..4),
            cut in 0_usize..64,
        ) {
            let mut stream = stream();
            for (at, byte) in flips {
                let at = at % stream.len();
                stream[at] = byte;
            }
            let (first, second) = stream.split_at(cut.min(stream.len()));
            let _ = rows(&[first, second]);
        }
    }
}
