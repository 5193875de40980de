//! Options of inputs that read files: where the files are, what decodes them, how their rows are parsed.

use encoding_rs::Encoding;

use crate::embulk::config::EmbulkType;
use crate::embulk::text::Text;
use crate::embulk::zone::Zone;

/// Options of `type: file`.
#[derive(Debug, Clone, PartialEq)]
pub struct FileInput {
    /// Start of the paths, relative to the working directory of the transfer; a folder stands for all files below it.
    pub path_prefix: Text,
    /// Files up to this path, in the order of texts, are left out.
    pub last_path: Option<String>,
    /// Links to folders.
    pub symlinks: Symlinks,
    /// What the files hold.
    pub content: FileContent,
}

/// `follow_symlinks`: what becomes of links to folders. Links to files are always read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Symlinks {
    /// They are passed over.
    Skip,
    /// They are walked into.
    Follow,
}

/// What the bytes of an input's files go through.
#[derive(Debug, Clone, PartialEq)]
pub struct FileContent {
    /// In order.
    pub decoders: Vec<Decoder>,
    /// What makes rows of what comes out.
    pub parser: Parser,
}

/// What files are packed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoder {
    /// `type: gzip`
    Gzip,
    /// `type: bzip2`
    Bzip2,
}

/// What files are written in.
#[derive(Debug, Clone, PartialEq)]
pub enum Parser {
    /// `type: csv`
    Csv(CsvParser),
    /// `type: json`: documents one after another.
    Json(JsonParser),
    /// `type: jsonl`: a document in each line.
    Jsonl(JsonParser),
}

/// Options of `type: csv`.
#[derive(Debug, Clone, PartialEq)]
pub struct CsvParser {
    /// In the order of the fields.
    pub columns: Vec<FileColumn>,
    /// Lines at the start of each file that hold no rows.
    pub skip_header_lines: u64,
    /// Between fields; never empty.
    pub delimiter: String,
    /// Around fields; none: nothing is quoted.
    pub quote: Option<char>,
    /// Before a quote in a quoted field, beside a doubled quote.
    pub escape: Option<char>,
    /// What stands for null, quoted or not. None: an empty field without quotes.
    pub null_string: Option<String>,
    /// What a line end in a quoted field becomes.
    pub newline: &'static str,
    /// What ends lines; none: CR, LF and CRLF.
    pub line_end: Option<LineEnd>,
    /// Spaces around fields without quotes.
    pub spaces: Spaces,
    /// Quotes in quoted fields that are neither doubled nor escaped.
    pub stray_quotes: StrayQuotes,
    /// Characters, in units of UTF-16, that a quoted field may have.
    pub max_quoted_size: u64,
    /// Lines that begin with this hold no rows.
    pub comment_marker: Option<String>,
    /// Rows with fewer fields than columns.
    pub missing_fields: MissingFields,
    /// Rows with more fields than columns.
    pub extra_fields: ExtraFields,
    /// Rows that cannot be read.
    pub bad_rows: BadRows,
    /// What the bytes are written in.
    pub charset: Charset,
}

/// Options of `type: json` and `type: jsonl`.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonParser {
    /// Members of the documents; none: the whole document as column `record`.
    pub columns: Vec<FileColumn>,
    /// JSON pointer to the part of each document that is a row; empty: all of it.
    pub root: String,
    /// Whether a document is a row or an array of rows.
    pub arrays: Arrays,
    /// Rows that cannot be read.
    pub bad_rows: BadRows,
    /// Backslashes before characters that JSON does not escape.
    pub bad_escapes: BadEscapes,
    /// What the bytes are written in.
    pub charset: Charset,
}

/// `invalid_string_escapes`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadEscapes {
    /// They make a document bad.
    Refuse,
    /// `SKIP`: they are left out, with the character behind them.
    Skip,
    /// `UNESCAPE`: they are left out.
    Unescape,
}

/// `flatten_json_array`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrays {
    /// A document is a row.
    Keep,
    /// A document is an array of rows.
    Flatten,
}

/// A column of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct FileColumn {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: EmbulkType,
    /// How its times are read, for timestamps.
    pub clock: ClockReading,
    /// JSON pointer to its value, instead of the member of its name.
    pub element_at: Option<String>,
}

/// How times are read.
#[derive(Debug, Clone, PartialEq)]
pub struct ClockReading {
    /// Ruby's strptime.
    pub format: String,
    /// The zone of texts that name none.
    pub zone: Zone,
    /// The day of texts that name none.
    pub date: jiff::civil::Date,
}

/// What ends lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnd {
    /// CR that no LF follows.
    Cr,
    /// LF that does not follow a CR.
    Lf,
    /// CR LF
    Crlf,
}

/// `trim_if_not_quoted`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spaces {
    /// They belong to the field.
    Keep,
    /// They do not.
    Trim,
}

/// `quotes_in_quoted_fields`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StrayQuotes {
    /// They make a row bad.
    Refuse,
    /// They are characters as others, unless a delimiter or the end of the line follows.
    Accept,
}

/// `allow_optional_columns`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingFields {
    /// They make a row bad.
    Refuse,
    /// They are null.
    Null,
}

/// `allow_extra_columns`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtraFields {
    /// They make a row bad.
    Refuse,
    /// They are dropped.
    Drop,
}

/// `stop_on_invalid_record`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadRows {
    /// They are skipped, counted and reported.
    Skip,
    /// The first one ends the transfer.
    Stop,
}

/// What bytes are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// One that the web knows too.
    Encoding(&'static Encoding),
    /// UTF-16 with a mark of the order of bytes, big-endian without one.
    Utf16,
    /// ISO-8859-1: each byte is the character of its number.
    Latin1,
    /// US-ASCII: bytes above 127 are no characters.
    Ascii,
}

impl Charset {
    /// The charset of a name as Java knows it; none for others.
    pub fn of(name: &str) -> Option<Self> {
        let lower = name.to_ascii_lowercase().replace('_', "-");
        match lower.as_str() {
            "iso-8859-1" | "iso8859-1" | "latin1" | "l1" | "iso-latin-1" | "cp819" | "ibm819" => {
                Some(Self::Latin1)
            }
            "us-ascii" | "ascii" | "iso646-us" | "646" => Some(Self::Ascii),
            "utf-16" | "utf16" | "unicode" => Some(Self::Utf16),
            "utf8" => Some(Self::Encoding(encoding_rs::UTF_8)),
            "ms932" | "cp932" | "windows-932" | "x-sjis" => Some(Self::Encoding(encoding_rs::SHIFT_JIS)),
            "utf-16be" | "utf16be" => Some(Self::Encoding(encoding_rs::UTF_16BE)),
            "utf-16le" | "utf16le" => Some(Self::Encoding(encoding_rs::UTF_16LE)),
            _ => Encoding::for_label(name.as_bytes())
                .or_else(|| Encoding::for_label(lower.as_bytes()))
                .or_else(|| Encoding::for_label(lower.replacen("cp1", "windows-1", 1).as_bytes()))
                .map(Self::Encoding),
        }
    }

    /// Its usual name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Encoding(encoding) => encoding.name(),
            Self::Utf16 => "UTF-16",
            Self::Latin1 => "ISO-8859-1",
            Self::Ascii => "US-ASCII",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charsets_have_javas_names() {
        for (written, name) in [
            ("utf-8", "UTF-8"),
            ("UTF8", "UTF-8"),
            ("MS932", "Shift_JIS"),
            ("windows-31j", "Shift_JIS"),
            ("Shift_JIS", "Shift_JIS"),
            ("EUC-JP", "EUC-JP"),
            ("Cp1252", "windows-1252"),
            ("ISO-8859-1", "ISO-8859-1"),
            ("US-ASCII", "US-ASCII"),
            ("UTF-16", "UTF-16"),
            ("UTF-16BE", "UTF-16BE"),
        ] {
            assert_eq!(Charset::of(written).map(Charset::name), Some(name), "{written}");
        }
        assert_eq!(Charset::of("klingon"), None);
    }
}
