//! Rows on their way, column by column: a typed buffer and a validity bitmap each, filled and emptied over and over.

mod validity;

use std::sync::Arc;

pub use self::validity::Validity;

use super::context::MemoryShare;
use super::schema::{Schema, Storage};

/// A page is full at this many rows…
pub const PAGE_ROWS: usize = 32 * 1024;
/// …or at this many bytes.
pub const PAGE_BYTES: usize = 256 * 1024;

/// A buffer that one large value made larger than this is given back afterwards.
const KEPT_BYTES: usize = 4 * PAGE_BYTES;

/// Empties a buffer of values; the memory stays for the next ones, unless there is very much of it.
pub(super) fn empty(buffer: &mut Vec<u8>) {
    buffer.clear();
    trim(buffer);
}

/// Gives back what a large value made of a buffer that holds little now.
pub(super) fn trim(buffer: &mut Vec<u8>) {
    if buffer.len() < KEPT_BYTES {
        buffer.shrink_to(KEPT_BYTES);
    }
}

/// Some rows of one schema. All columns have as many values as there are rows.
#[derive(Debug, Clone)]
pub struct Page {
    /// What the columns are.
    pub schema: Arc<Schema>,
    /// One per column of the schema.
    pub columns: Vec<ColumnBuffer>,
    /// How many rows.
    pub rows: usize,
    /// Number of the first row of the page in the transfer, from 0: messages name rows by it.
    pub first_row: u64,
    /// What a large row of it takes of the memory of the run.
    pub large: Option<Arc<MemoryShare>>,
    /// Whose rows it has, where readers tell their ranges apart.
    pub lane: Option<Lane>,
}

/// Where the rows of a page come from, or what ends here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lane {
    /// The number of the reader, from 0.
    pub reader: usize,
    pub news: News,
}

/// What a page says of its lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It has rows of the range of this number.
    Rows(usize),
    /// It has none: the range has ended.
    RangeEnds,
    /// It has none: the reader has ended.
    ReaderEnds,
}

/// The values of one column.
#[derive(Debug, Clone)]
pub struct ColumnBuffer {
    /// The values; a NULL holds a filler.
    pub data: Buffer,
    /// Which are not NULL.
    pub validity: Validity,
}

/// The physical values.
#[derive(Debug, Clone)]
pub enum Buffer {
    Long(Vec<i64>),
    UnsignedLong(Vec<u64>),
    Double(Vec<f64>),
    Text(Texts),
}

/// Texts one after another.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    /// Where each text ends in `bytes`; it starts where the one before ends.
    ends: Vec<usize>,
    bytes: Vec<u8>,
}

impl Page {
    /// An empty page for a schema.
    pub fn new(schema: &Arc<Schema>) -> Self {
        let columns = schema.columns.iter().map(|column| ColumnBuffer::new(column.kind.storage())).collect();
        Self { schema: Arc::clone(schema), columns, rows: 0, first_row: 0, large: None, lane: None }
    }

    /// Empties it; the memory stays for the next rows.
    pub fn clear(&mut self) {
        self.columns.iter_mut().for_each(ColumnBuffer::clear);
        self.rows = 0;
        self.large = None;
        self.lane = None;
    }

    /// Bytes of the values.
    pub fn byte_size(&self) -> usize {
        self.columns.iter().map(ColumnBuffer::byte_size).sum()
    }
}

impl ColumnBuffer {
    /// An empty column.
    pub fn new(storage: Storage) -> Self {
        let data = match storage {
            Storage::Long => Buffer::Long(Vec::new()),
            Storage::UnsignedLong => Buffer::UnsignedLong(Vec::new()),
            Storage::Double => Buffer::Double(Vec::new()),
            Storage::Text => Buffer::Text(Texts::default()),
        };
        Self { data, validity: Validity::default() }
    }

    /// Empties it; the memory stays.
    pub fn clear(&mut self) {
        match &mut self.data {
            Buffer::Long(values) => values.clear(),
            Buffer::UnsignedLong(values) => values.clear(),
            Buffer::Double(values) => values.clear(),
            Buffer::Text(texts) => texts.clear(),
        }
        self.validity.clear();
    }

    /// Adds the values of another column of the same type; false where it is of another.
    #[must_use]
    pub fn append(&mut self, other: &Self) -> bool {
        match (&mut self.data, &other.data) {
            (Buffer::Long(values), Buffer::Long(more)) => values.extend_from_slice(more),
            (Buffer::UnsignedLong(values), Buffer::UnsignedLong(more)) => values.extend_from_slice(more),
            (Buffer::Double(values), Buffer::Double(more)) => values.extend_from_slice(more),
            (Buffer::Text(texts), Buffer::Text(more)) => texts.append(more),
            _ => return false,
        }
        self.validity.append(&other.validity);
        true
    }

    /// Adds a NULL.
    #[inline]
    pub fn push_null(&mut self) {
        match &mut self.data {
            Buffer::Long(values) => values.push(0),
            Buffer::UnsignedLong(values) => values.push(0),
            Buffer::Double(values) => values.push(0.0),
            Buffer::Text(texts) => texts.push(b""),
        }
        self.validity.push_null();
    }

    /// Adds an integer to a column of integers; gives false where the column holds something else.
    #[must_use]
    #[inline]
    pub fn push_long(&mut self, value: i64) -> bool {
        let Buffer::Long(values) = &mut self.data else { return false };
        values.push(value);
        self.validity.push_valid();
        true
    }

    /// Adds an unsigned integer; false where the column holds something else.
    #[must_use]
    #[inline]
    pub fn push_unsigned(&mut self, value: u64) -> bool {
        let Buffer::UnsignedLong(values) = &mut self.data else { return false };
        values.push(value);
        self.validity.push_valid();
        true
    }

    /// Adds a double; false where the column holds something else.
    #[must_use]
    #[inline]
    pub fn push_double(&mut self, value: f64) -> bool {
        let Buffer::Double(values) = &mut self.data else { return false };
        values.push(value);
        self.validity.push_valid();
        true
    }

    /// Adds a text or bytes; false where the column holds something else.
    #[must_use]
    #[inline]
    pub fn push_text(&mut self, value: &[u8]) -> bool {
        let Buffer::Text(texts) = &mut self.data else { return false };
        texts.push(value);
        self.validity.push_valid();
        true
    }

    /// How many values.
    pub fn len(&self) -> usize {
        self.validity.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the values.
    pub fn byte_size(&self) -> usize {
        match &self.data {
            Buffer::Long(values) => values.len() * 8,
            Buffer::UnsignedLong(values) => values.len() * 8,
            Buffer::Double(values) => values.len() * 8,
            Buffer::Text(texts) => texts.bytes.len() + texts.ends.len() * 8,
        }
    }
}

impl Texts {
    /// Adds a text.
    #[inline]
    pub fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
    }

    /// Adds other texts.
    fn append(&mut self, more: &Self) {
        let before = self.bytes.len();
        self.bytes.extend_from_slice(&more.bytes);
        self.ends.extend(more.ends.iter().map(|end| before + end));
    }

    /// Adds a text that `write` appends.
    pub fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    /// The text of a row.
    #[inline]
    pub fn get(&self, row: usize) -> &[u8] {
        let (start, end) = self.span(row);
        &self.bytes[start..end]
    }

    /// Where among all texts that of a row begins and ends.
    #[inline]
    pub fn span(&self, row: usize) -> (usize, usize) {
        (if row == 0 { 0 } else { self.ends[row - 1] }, self.ends[row])
    }

    /// All texts in a row.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether each of them is text in UTF-8.
    pub fn is_utf8(&self) -> bool {
        // All together are, and none ends within a character.
        let begins = |end: &usize| self.bytes.get(*end).is_none_or(|byte| byte & 0xc0 != 0x80);
        std::str::from_utf8(&self.bytes).is_ok() && self.ends.iter().all(begins)
    }

    /// Where each text ends.
    pub fn ends(&self) -> &[usize] {
        &self.ends
    }

    fn clear(&mut self) {
        empty(&mut self.bytes);
        self.ends.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_are_put_together_have_the_values_of_both() {
        let column = |from: usize, rows: usize, null_every: usize| {
            let mut column = ColumnBuffer::new(Storage::Text);
            for row in from..from + rows {
                if null_every > 0 && row.is_multiple_of(null_every) {
                    column.push_null();
                } else {
                    assert!(column.push_text(row.to_string().as_bytes()));
                }
            }
            column
        };
        for first in [0, 1, 63, 64, 65, 130] {
            for second in [0, 1, 64, 127, 200] {
                for nulls in [[0, 0], [0, 3], [3, 0], [3, 3], [1, 1]] {
                    let mut whole = column(0, first, nulls[0]);
                    assert!(whole.append(&column(first, second, nulls[1])));
                    // What comes behind has its own place too.
                    whole.push_null();
                    assert!(whole.push_text(b"last"));
                    let is_null = |row: usize| {
                        let every = nulls[usize::from(row >= first)];
                        row == first + second
                            || row < first + second && every > 0 && row.is_multiple_of(every)
                    };
                    assert_eq!(whole.len(), first + second + 2);
                    let Buffer::Text(texts) = &whole.data else { panic!("not texts") };
                    for row in 0..whole.len() {
                        assert_eq!(
                            whole.validity.is_valid(row),
                            !is_null(row),
                            "{row} of {first} + {second}"
                        );
                        if !is_null(row) && row < first + second {
                            assert_eq!(texts.get(row), row.to_string().as_bytes());
                        }
                    }
                    let null_count = (0..whole.len()).filter(|row| is_null(*row)).count();
                    assert_eq!(whole.validity.null_count(), null_count);
                }
            }
        }
        assert!(!column(0, 1, 0).append(&ColumnBuffer::new(Storage::Long)));
    }

    #[test]
    fn texts_keep_their_borders() {
        let mut column = ColumnBuffer::new(Storage::Text);
        assert!(column.push_text("日本".as_bytes()));
        column.push_null();
        assert!(column.push_text(b""));
        assert!(!column.push_long(1));
        let Buffer::Text(texts) = &column.data else { panic!("not texts") };
        assert_eq!((texts.get(0), texts.get(1), texts.get(2)), ("日本".as_bytes(), &b""[..], &b""[..]));
        assert!(!column.validity.is_valid(1) && column.validity.is_valid(2));
    }

    #[test]
    fn texts_are_utf8_when_each_of_them_is() {
        let is_utf8 = |parts: &[&[u8]]| {
            let mut texts = Texts::default();
            parts.iter().for_each(|part| texts.push(part));
            texts.is_utf8()
        };
        assert!(is_utf8(&[]) && is_utf8(&["日".as_bytes(), b"", "é".as_bytes()]));
        // Whole only side by side.
        assert!(!is_utf8(&[&[0xe6, 0x97], &[0xa5]]));
        assert!(!is_utf8(&[b"a", &[0xff]]));
    }
}
