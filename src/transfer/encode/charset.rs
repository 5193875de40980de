//! Text in UTF-8 as bytes of another charset, with the bytes of the JVM.
//!
//! What a charset lacks becomes `?`, as in Embulk. That changes a value, so it is counted per column and told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use encoding_rs::Encoding;

use crate::embulk::output::{ByteOrder, Bytes, Mark, Unit, Wide, WrittenCharset};

/// Writes one charset. Files of one transfer share it.
#[derive(Debug)]
pub struct Transcoder {
    charset: WrittenCharset,
    /// The bytes of each character up to U+FFFF as one number, their first the highest; zero where there are none.
    table: Vec<u32>,
    lossy: Mutex<BTreeMap<String, Lossy>>,
    names: Mutex<BTreeSet<String>>,
}

/// What was replaced in a column.
#[derive(Debug, Clone, Copy)]
struct Lossy {
    values: u64,
    /// From 1.
    first_row: u64,
}

impl Transcoder {
    /// A transcoder; none for UTF-8.
    pub fn new(charset: WrittenCharset) -> Option<Self> {
        let table = match charset {
            WrittenCharset::Utf8 => return None,
            WrittenCharset::Wide(_) => Vec::new(),
            _ => table(charset),
        };
        Some(Self { charset, table, lossy: Mutex::default(), names: Mutex::default() })
    }

    /// Java's name of the charset.
    pub fn name(&self) -> &'static str {
        self.charset.name()
    }

    /// What a file that is not empty begins with.
    pub fn mark(&self) -> &'static [u8] {
        match self.charset {
            WrittenCharset::Wide(Wide { mark: Mark::Written, .. }) => &[0xfe, 0xff],
            _ => &[],
        }
    }

    /// Appends a text in the charset.
    pub fn push(&self, text: &str, out: &mut Vec<u8>) {
        if let WrittenCharset::Wide(wide) = self.charset {
            return push_wide(text, wide, out);
        }
        for char in text.chars() {
            match self.bytes(char) {
                _ if char.is_ascii() => out.push(char as u8),
                0 => out.push(b'?'),
                bytes => {
                    let bytes = bytes.to_be_bytes();
                    let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(0);
                    out.extend_from_slice(&bytes[first..]);
                }
            }
        }
    }

    fn bytes(&self, char: char) -> u32 {
        self.table.get(char as usize).copied().unwrap_or(0)
    }

    /// Whether the charset has all characters of a text.
    pub fn has(&self, text: &str) -> bool {
        self.charset.is_unicode() || text.chars().all(|char| char.is_ascii() || self.bytes(char) != 0)
    }

    /// Takes note of a value that is not written as it is; rows count from 0 here and from 1 in notes.
    pub fn replaced(&self, column: &str, row: u64) {
        let mut lossy = self.lossy.lock().unwrap_or_else(PoisonError::into_inner);
        let lossy = lossy.entry(column.to_owned()).or_insert(Lossy { values: 0, first_row: row + 1 });
        lossy.values += 1;
    }

    /// Takes note of a column whose name is not written as it is.
    pub fn replaced_name(&self, column: &str) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).insert(column.to_owned());
    }

    /// What was replaced, a sentence per column.
    pub fn notes(&self) -> Vec<String> {
        let name = self.name();
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let of_names = names.iter().map(|column| {
            format!("the name of column `{column}` has characters that {name} lacks, written as `?`")
        });
        let lossy = self.lossy.lock().unwrap_or_else(PoisonError::into_inner);
        let note = |(column, lossy): (&String, &Lossy)| {
            let Lossy { values, first_row } = *lossy;
            let (what, them) = match values {
                1 => ("1 value has".to_owned(), format!("in row {first_row}")),
                more => (format!("{more} values have"), format!("first in row {first_row}")),
            };
            format!("column `{column}`: {what} characters that {name} lacks, written as `?`, {them}")
        };
        of_names.chain(lossy.iter().map(note)).collect()
    }
}

fn push_wide(text: &str, wide: Wide, out: &mut Vec<u8>) {
    let push = |out: &mut Vec<u8>, big: &[u8]| match wide.order {
        ByteOrder::Big => out.extend_from_slice(big),
        ByteOrder::Little => out.extend(big.iter().rev()),
    };
    match wide.unit {
        Unit::Two => text.encode_utf16().for_each(|unit| push(out, &unit.to_be_bytes())),
        Unit::Four => text.chars().for_each(|char| push(out, &(char as u32).to_be_bytes())),
    }
}

/// The bytes of a row of a table, and whether it is in the charset.
type Rows<'r> = &'r dyn Fn(u8, u8) -> bool;

fn table(charset: WrittenCharset) -> Vec<u32> {
    let mut table = vec![0; 0x1_0000];
    match charset {
        WrittenCharset::Utf8 | WrittenCharset::Wide(_) => {}
        WrittenCharset::Bytes(_, bytes) => single(bytes, &mut table),
        WrittenCharset::ShiftJis => {
            let rows = |first, _| matches!(first, 0x81..=0x84 | 0x88..=0x9f | 0xe0..=0xea);
            pairs(encoding_rs::SHIFT_JIS, &[], &rows, &mut table);
            katakana(encoding_rs::SHIFT_JIS, &[], &mut table);
            jis(0x8100, [0x5c, 0x60, 0x61, 0x7c, 0x91, 0x92, 0xca], &mut table);
        }
        WrittenCharset::Windows31j => {
            // What NEC took over from IBM is written as IBM's.
            pairs(encoding_rs::SHIFT_JIS, &[], &|first, _| !matches!(first, 0xed | 0xee), &mut table);
            katakana(encoding_rs::SHIFT_JIS, &[], &mut table);
            for (char, bytes) in WINDOWS_31J {
                put(char, bytes, &mut table);
            }
            for char in [YEN, OVERLINE] {
                put(char.0, char.1, &mut table);
            }
        }
        WrittenCharset::EucJp => {
            let rows = |first, _| matches!(first, 0xa1..=0xa8 | 0xb0..=0xf4);
            pairs(encoding_rs::EUC_JP, &[], &rows, &mut table);
            katakana(encoding_rs::EUC_JP, &[0x8e], &mut table);
            jis(0xa100, [0xbd, 0xc1, 0xc2, 0xdd, 0xf1, 0xf2, 0x1cc], &mut table);
            pairs(encoding_rs::EUC_JP, &[0x8f], &|_, _| true, &mut table);
        }
        WrittenCharset::EucKr => {
            pairs(encoding_rs::EUC_KR, &[], &|first, second| first >= 0xa1 && second >= 0xa1, &mut table);
            put('㉾', 0xa2e8, &mut table);
        }
    }
    table
}

const YEN: (char, u32) = ('¥', 0x5c);
const OVERLINE: (char, u32) = ('‾', 0x7e);

/// What windows-31j writes as its neighbours.
const WINDOWS_31J: [(char, u32); 10] = [
    ('¢', 0x8191),
    ('£', 0x8192),
    ('«', 0x81e1),
    ('¬', 0x81ca),
    ('¯', 0x8150),
    ('µ', 0x83ca),
    ('·', 0x8145),
    ('¸', 0x8143),
    ('»', 0x81e2),
    ('ゔ', 0x8394),
];

/// Seven places of JIS X 0208, which the web reads as Windows does and Java as JIS does.
fn jis(row: u32, places: [u32; 7], table: &mut [u32]) {
    const WINDOWS: [char; 7] = ['―', '～', '∥', '－', '￠', '￡', '￢'];
    const JIS: [char; 7] = ['—', '〜', '‖', '−', '¢', '£', '¬'];
    for ((place, windows), jis) in places.iter().zip(WINDOWS).zip(JIS) {
        let bytes = row + place;
        if table[windows as usize] == bytes {
            table[windows as usize] = 0;
        }
        table[jis as usize] = bytes;
    }
    for (char, bytes) in [YEN, OVERLINE] {
        table[char as usize] = bytes;
    }
}

fn put(char: char, bytes: u32, table: &mut [u32]) {
    if let Some(place) = table.get_mut(char as usize) {
        *place = bytes;
    }
}

fn single(bytes: Bytes, table: &mut [u32]) {
    let of = |encoding: &'static Encoding, byte: u8| decoded(encoding, &[byte]);
    for byte in 128..=255_u8 {
        let char = match bytes {
            Bytes::UpTo(last) => (byte <= last).then(|| char::from(byte)),
            Bytes::Web(encoding) => of(encoding, byte),
            Bytes::Upper(_) if byte < 0xa0 => Some(char::from(byte)),
            Bytes::Upper(encoding) => of(encoding, byte),
            // windows-1255 has a sign of Hebrew that Java does not know.
            Bytes::Windows(encoding) => {
                of(encoding, byte).filter(|char| !char.is_control() && *char != '\u{5ba}')
            }
        };
        if let Some(char) = char {
            put(char, u32::from(byte), table);
        }
    }
}

/// Characters of two bytes after a prefix. Of several places of a character the first counts.
fn pairs(encoding: &'static Encoding, prefix: &[u8], rows: Rows<'_>, table: &mut [u32]) {
    for first in 0x81..=0xfe_u8 {
        for second in (0x40..=0xfe_u8).filter(|second| rows(first, *second)) {
            let bytes = [prefix, &[first, second]].concat();
            let Some(char) = decoded(encoding, &bytes) else { continue };
            if let Some(place) = table.get_mut(char as usize).filter(|place| **place == 0) {
                *place = number(&bytes);
            }
        }
    }
}

/// Katakana of half the width: one byte after a prefix.
fn katakana(encoding: &'static Encoding, prefix: &[u8], table: &mut [u32]) {
    for byte in 0xa1..=0xdf_u8 {
        let bytes = [prefix, &[byte]].concat();
        if let Some(char) = decoded(encoding, &bytes) {
            put(char, number(&bytes), table);
        }
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// The one character that some bytes are.
fn decoded(encoding: &'static Encoding, bytes: &[u8]) -> Option<char> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?;
    let mut chars = text.chars();
    chars.next().filter(|char| chars.next().is_none() && !char.is_ascii())
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    fn transcoder(name: &str) -> Transcoder {
        Transcoder::new(WrittenCharset::of(name).unwrap()).unwrap()
    }

    /// How many characters a charset has, and the hash of all of them with their bytes.
    fn fingerprint(name: &str) -> (usize, String) {
        let transcoder = transcoder(name);
        let (mut count, mut hash, mut buffer) = (0, Sha256::new(), [0; 4]);
        for char in '\0'..=char::MAX {
            let text = char.encode_utf8(&mut buffer);
            if transcoder.has(text) {
                let mut bytes = Vec::new();
                transcoder.push(text, &mut bytes);
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                hash.update(format!("{:x}={hex}\n", char as u32));
                count += 1;
            }
        }
        let hex = hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        (count, hex)
    }

    #[test]
    fn tables_are_those_of_the_jvm() {
        for (name, count, hash) in [
            ("Shift_JIS", 7072, "c98eb8c4bd95d133"),
            ("windows-31j", 9409, "a861607fccfc681f"),
            ("EUC-JP", 13139, "f35dd349e62ac5b8"),
            ("EUC-KR", 8355, "aafd03c699404c6c"),
            ("ISO-8859-1", 256, "e252b53334bedaab"),
            ("US-ASCII", 128, "1a1ce2045d7073f5"),
            ("ISO-8859-2", 256, "cdfd4a6aa6af65f6"),
            ("ISO-8859-3", 249, "e8db48e28a7aa400"),
            ("ISO-8859-4", 256, "944829cc534fa3f1"),
            ("ISO-8859-5", 256, "2da73c4cc148b27b"),
            ("ISO-8859-6", 211, "75bae87be85230a6"),
            ("ISO-8859-7", 253, "d5adcfdab189d323"),
            ("ISO-8859-8", 220, "9351d7ab94553304"),
            ("ISO-8859-9", 256, "e294c8f1259ac39a"),
            ("ISO-8859-13", 256, "52512390690be0d2"),
            ("ISO-8859-15", 256, "0161d3bce68c98c3"),
            ("windows-1250", 251, "a7d90f92a7653a57"),
            ("windows-1251", 255, "57f29290fc221fbd"),
            ("windows-1252", 251, "274f5bc9c7bfaabb"),
            ("windows-1253", 239, "5d014a1bae8290a9"),
            ("windows-1254", 249, "b5305f26f94e357a"),
            ("windows-1255", 233, "d9dbe85e7a131356"),
            ("windows-1256", 256, "53d689e3afe6ce54"),
            ("windows-1257", 244, "8fd7eae5f3944010"),
            ("windows-1258", 247, "90e2c3ec423c3707"),
            ("windows-874", 225, "1bcf7335836b87d2"),
            ("KOI8-R", 256, "abdc3728f35f74ce"),
            ("IBM866", 256, "dc54656c7a0cc6cf"),
        ] {
            assert_eq!(fingerprint(name), (count, hash.to_owned()), "{name}");
        }
    }

    #[test]
    fn texts_are_written_in_their_charset() {
        for (name, bytes) in [
            ("Shift_JIS", &b"a\x93\xfa\xb1?"[..]),
            ("EUC-JP", b"a\xc6\xfc\x8e\xb1?"),
            ("ISO-8859-1", b"a???"),
            ("UTF-16", b"\0a\x65\xe5\xff\x71\xd8\x3d\xde\0"),
            ("UTF-16LE", b"a\0\xe5\x65\x71\xff\x3d\xd8\0\xde"),
            ("UTF-32LE", b"a\0\0\0\xe5\x65\0\0\x71\xff\0\0\0\xf6\x01\0"),
        ] {
            let mut out = Vec::new();
            transcoder(name).push("a日ｱ😀", &mut out);
            assert_eq!(out, bytes, "{name}");
        }
        assert_eq!(
            (transcoder("UTF-16").mark(), transcoder("UTF-16BE").mark()),
            (&[0xfe, 0xff][..], &[][..])
        );
    }

    #[test]
    fn what_is_replaced_is_told_by_column() {
        let transcoder = transcoder("Shift_JIS");
        for (column, row) in [("s", 12), ("a", 2), ("s", 40)] {
            transcoder.replaced(column, row);
        }
        assert_eq!(
            transcoder.notes(),
            [
                "column `a`: 1 value has characters that Shift_JIS lacks, written as `?`, in row 3",
                "column `s`: 2 values have characters that Shift_JIS lacks, written as `?`, first in row 13",
            ]
        );
    }
}
