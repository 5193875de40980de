//! What a file is written in, by the names that Java has.
//!
//! Only charsets are here whose tables are the JVM's, character by character: a file must have the bytes that Embulk
//! gave it.

use encoding_rs::Encoding;

/// What a file is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrittenCharset {
    /// UTF-8
    Utf8,
    /// UTF-16 and UTF-32
    Wide(Wide),
    /// One byte per character.
    Bytes(&'static str, Bytes),
    /// Shift_JIS: JIS X 0201 and 0208, without the characters that NEC and IBM added.
    ShiftJis,
    /// windows-31j: Shift_JIS as Windows has it.
    Windows31j,
    /// EUC-JP: JIS X 0201, 0208 and 0212.
    EucJp,
    /// EUC-KR: KS X 1001.
    EucKr,
}

/// UTF-16 or UTF-32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wide {
    /// How Java calls it.
    pub name: &'static str,
    /// How many bytes a unit has.
    pub unit: Unit,
    /// Which of them comes first.
    pub order: ByteOrder,
    /// What the file begins with.
    pub mark: Mark,
}

/// The size of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Two bytes.
    Two,
    /// Four bytes.
    Four,
}

/// Which byte of a unit comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// The highest.
    Big,
    /// The lowest.
    Little,
}

/// Whether a file begins with a byte-order mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It does, unless it is empty.
    Written,
    /// It does not.
    Absent,
}

/// Where the table of a charset of single bytes is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bytes {
    /// Each byte up to this one is the character of its number.
    UpTo(u8),
    /// The web's table.
    Web(&'static Encoding),
    /// The web's table from 0xA0 on; each byte below is the character of its number.
    Upper(&'static Encoding),
    /// The web's table without the control characters that it puts where there is nothing.
    Windows(&'static Encoding),
}

const fn wide(name: &'static str, unit: Unit, order: ByteOrder, mark: Mark) -> WrittenCharset {
    WrittenCharset::Wide(Wide { name, unit, order, mark })
}

const fn web(name: &'static str, encoding: &'static Encoding) -> WrittenCharset {
    WrittenCharset::Bytes(name, Bytes::Web(encoding))
}

const fn windows(name: &'static str, encoding: &'static Encoding) -> WrittenCharset {
    WrittenCharset::Bytes(name, Bytes::Windows(encoding))
}

/// Every charset after its names: Java's own first, in lower case.
const NAMES: [(&[&str], WrittenCharset); 35] = [
    (&["utf-8", "utf8", "unicode-1-1-utf-8"], WrittenCharset::Utf8),
    (
        &["utf-16", "utf_16", "utf16", "unicode", "unicodebig"],
        wide("UTF-16", Unit::Two, ByteOrder::Big, Mark::Written),
    ),
    (&["utf-16be", "utf_16be", "x-utf-16be"], wide("UTF-16BE", Unit::Two, ByteOrder::Big, Mark::Absent)),
    (&["utf-16le", "utf_16le", "x-utf-16le"], wide("UTF-16LE", Unit::Two, ByteOrder::Little, Mark::Absent)),
    (&["utf-32", "utf_32", "utf32"], wide("UTF-32", Unit::Four, ByteOrder::Big, Mark::Absent)),
    (&["utf-32be", "utf_32be", "x-utf-32be"], wide("UTF-32BE", Unit::Four, ByteOrder::Big, Mark::Absent)),
    (&["utf-32le", "utf_32le", "x-utf-32le"], wide("UTF-32LE", Unit::Four, ByteOrder::Little, Mark::Absent)),
    (
        &[
            "iso-8859-1",
            "iso8859-1",
            "iso8859_1",
            "iso_8859-1",
            "iso_8859_1",
            "8859_1",
            "latin1",
            "l1",
            "cp819",
            "ibm819",
            "ibm-819",
            "819",
        ],
        WrittenCharset::Bytes("ISO-8859-1", Bytes::UpTo(255)),
    ),
    (
        &["us-ascii", "ascii", "ascii7", "iso646-us", "ansi_x3.4-1968", "cp367", "ibm367", "646", "us"],
        WrittenCharset::Bytes("US-ASCII", Bytes::UpTo(127)),
    ),
    (&["shift_jis", "shift-jis", "sjis", "x-sjis", "ms_kanji", "csshiftjis"], WrittenCharset::ShiftJis),
    (&["windows-31j", "ms932", "windows-932", "cswindows31j"], WrittenCharset::Windows31j),
    (&["euc-jp", "euc_jp", "eucjp", "x-euc-jp", "x-eucjp", "eucjis"], WrittenCharset::EucJp),
    (&["euc-kr", "euc_kr", "euckr", "ksc5601", "ksc_5601", "5601", "ks_c_5601-1987"], WrittenCharset::EucKr),
    (&["iso-8859-2", "iso8859-2", "iso8859_2", "latin2", "l2"], web("ISO-8859-2", encoding_rs::ISO_8859_2)),
    (&["iso-8859-3", "iso8859-3", "iso8859_3", "latin3", "l3"], web("ISO-8859-3", encoding_rs::ISO_8859_3)),
    (&["iso-8859-4", "iso8859-4", "iso8859_4", "latin4", "l4"], web("ISO-8859-4", encoding_rs::ISO_8859_4)),
    (&["iso-8859-5", "iso8859-5", "iso8859_5", "cyrillic"], web("ISO-8859-5", encoding_rs::ISO_8859_5)),
    (&["iso-8859-6", "iso8859-6", "iso8859_6", "arabic"], web("ISO-8859-6", encoding_rs::ISO_8859_6)),
    (&["iso-8859-7", "iso8859-7", "iso8859_7", "greek"], web("ISO-8859-7", encoding_rs::ISO_8859_7)),
    (&["iso-8859-8", "iso8859-8", "iso8859_8", "hebrew"], web("ISO-8859-8", encoding_rs::ISO_8859_8)),
    (
        &["iso-8859-9", "iso8859-9", "iso8859_9", "latin5", "l5"],
        WrittenCharset::Bytes("ISO-8859-9", Bytes::Upper(encoding_rs::WINDOWS_1254)),
    ),
    (&["iso-8859-13", "iso8859-13", "iso8859_13"], web("ISO-8859-13", encoding_rs::ISO_8859_13)),
    (
        &["iso-8859-15", "iso8859-15", "iso8859_15", "latin9", "latin-9", "l9"],
        web("ISO-8859-15", encoding_rs::ISO_8859_15),
    ),
    (&["windows-1250", "cp1250"], windows("windows-1250", encoding_rs::WINDOWS_1250)),
    (&["windows-1251", "cp1251"], windows("windows-1251", encoding_rs::WINDOWS_1251)),
    (&["windows-1252", "cp1252", "ibm-1252"], windows("windows-1252", encoding_rs::WINDOWS_1252)),
    (&["windows-1253", "cp1253"], windows("windows-1253", encoding_rs::WINDOWS_1253)),
    (&["windows-1254", "cp1254"], windows("windows-1254", encoding_rs::WINDOWS_1254)),
    (&["windows-1255", "cp1255"], windows("windows-1255", encoding_rs::WINDOWS_1255)),
    (&["windows-1256", "cp1256"], windows("windows-1256", encoding_rs::WINDOWS_1256)),
    (&["windows-1257", "cp1257"], windows("windows-1257", encoding_rs::WINDOWS_1257)),
    (&["windows-1258", "cp1258"], windows("windows-1258", encoding_rs::WINDOWS_1258)),
    (&["windows-874", "ms874", "ms-874"], windows("windows-874", encoding_rs::WINDOWS_874)),
    (&["koi8-r", "koi8_r", "koi8"], web("KOI8-R", encoding_rs::KOI8_R)),
    (&["ibm866", "cp866", "ibm-866", "866"], web("IBM866", encoding_rs::IBM866)),
];

impl WrittenCharset {
    /// The charset of a name as Java knows it; none for others, and for those whose tables are not the JVM's.
    pub fn of(name: &str) -> Option<Self> {
        let lower = name.to_ascii_lowercase();
        NAMES.iter().find(|(names, _)| names.contains(&lower.as_str())).map(|(_, charset)| *charset)
    }

    /// How Java calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Wide(wide) => wide.name,
            Self::Bytes(name, _) => name,
            Self::ShiftJis => "Shift_JIS",
            Self::Windows31j => "windows-31j",
            Self::EucJp => "EUC-JP",
            Self::EucKr => "EUC-KR",
        }
    }

    /// Whether it has every character there is.
    pub fn is_unicode(self) -> bool {
        matches!(self, Self::Utf8 | Self::Wide(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charsets_have_javas_names() {
        for (written, name) in [
            ("utf8", "UTF-8"),
            ("MS932", "windows-31j"),
            ("Shift_JIS", "Shift_JIS"),
            ("EUC_JP", "EUC-JP"),
            ("Cp1252", "windows-1252"),
            ("latin1", "ISO-8859-1"),
            ("UTF-16", "UTF-16"),
        ] {
            assert_eq!(WrittenCharset::of(written).map(WrittenCharset::name), Some(name), "{written}");
        }
        // The web's Big5 and GBK are not Java's.
        for other in ["klingon", "Big5", "GBK", ""] {
            assert_eq!(WrittenCharset::of(other), None, "{other}");
        }
        for (names, charset) in NAMES {
            assert_eq!(names[0], charset.name().to_ascii_lowercase());
        }
    }
}
