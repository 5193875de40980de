//! Options of `type: file`, its formatters and encoders.

use std::num::NonZeroU64;

use super::WrittenCharset;
use crate::embulk::config::TypeMapping;
use crate::embulk::text::Text;
use crate::embulk::zone::Zone;

/// Options of `type: file`, and what outputs to buckets share with it. The first file is
/// `<path_prefix><sequence><file_ext>`.
#[derive(Debug, Clone, PartialEq)]
pub struct FileOutput {
    /// Start of the path, relative to the working directory of the transfer; in a bucket, start of the key.
    pub path_prefix: Text,
    /// Middle of the path for the first file: `000.00.` when not written.
    pub sequence: Sequence,
    /// End of the path, literally.
    pub file_ext: String,
    /// What the file is written as.
    pub formatter: Formatter,
    /// What the bytes go through, in order.
    pub encoders: Vec<Encoder>,
    /// Types of Parquet columns. Exact unless written otherwise; CSV and JSON lines have Embulk's.
    pub types: TypeMapping,
    /// Files of the same pattern that this run does not write.
    pub stale: StaleObjects,
    /// A file ends with the batch of rows that brings it to so many bytes, and another begins. None: one file.
    pub max_file_bytes: Option<NonZeroU64>,
}

impl FileOutput {
    /// The name of a file by the numbers of its task and of the file in the task, from 0, with the prefix as it is.
    pub fn name(&self, task: usize, file: usize) -> String {
        self.named(self.path_prefix.expose(), task, file)
    }

    /// The name of the first file for people: a secret in the prefix is not shown.
    pub fn shown_name(&self) -> String {
        self.named(self.path_prefix.shown(), 0, 0)
    }

    fn named(&self, prefix: &str, task: usize, file: usize) -> String {
        format!("{prefix}{}{}", self.sequence.text(task, file), self.file_ext)
    }
}

/// `sequence_format` with its two numbers, task and file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence(String);

/// The format holds something else than two integer directives.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{format}` is not a sequence format; it may hold up to two of %d, %02d, %03d and %%")]
pub struct BadSequence {
    /// As written.
    pub format: String,
}

impl Sequence {
    /// Checks a format of two integer directives such as `.%03d.%02d`.
    pub fn parse(format: &str) -> Result<Self, BadSequence> {
        match fill(format, [0, 0]) {
            Some(_) => Ok(Self(format.to_owned())),
            None => Err(BadSequence { format: format.to_owned() }),
        }
    }

    /// The text for a task and a file of it, both from 0.
    pub fn text(&self, task: usize, file: usize) -> String {
        fill(&self.0, [task, file]).unwrap_or_default()
    }
}

/// `%d`, `%5d`, `%05d` and `%%`; none for anything else.
fn fill(format: &str, numbers: [usize; 2]) -> Option<String> {
    let mut numbers = numbers.into_iter();
    let mut out = String::new();
    let mut chars = format.chars().peekable();
    while let Some(char) = chars.next() {
        if char != '%' {
            out.push(char);
            continue;
        }
        if chars.next_if_eq(&'%').is_some() {
            out.push('%');
            continue;
        }
        let zero = chars.next_if_eq(&'0').is_some();
        let mut width = 0;
        while let Some(digit) = chars.next_if(char::is_ascii_digit) {
            width = width * 10 + digit.to_digit(10)? as usize;
            if width > 20 {
                return None;
            }
        }
        if chars.next()? != 'd' {
            return None;
        }
        let number = numbers.next()?;
        if zero {
            out.push_str(&format!("{number:0width$}"));
        } else {
            out.push_str(&format!("{number:width$}"));
        }
    }
    Some(out)
}

/// What a file is written as.
#[derive(Debug, Clone, PartialEq)]
pub enum Formatter {
    /// `type: csv`
    Csv(CsvFormatter),
    /// `type: jsonl`, `json`
    Jsonl(JsonlFormatter),
    /// `type: parquet` (of this program)
    Parquet,
}

/// Options of `type: csv`.
#[derive(Debug, Clone, PartialEq)]
pub struct CsvFormatter {
    /// What texts are written in.
    pub charset: WrittenCharset,
    /// Whether the first line has the names.
    pub header: HeaderLine,
    /// Between fields.
    pub delimiter: char,
    /// Around fields.
    pub quote: char,
    /// Which fields are quoted.
    pub quote_policy: QuotePolicy,
    /// Before a quote in a field; with `QuotePolicy::None` before delimiters and newlines.
    pub escape: char,
    /// What stands for null, never quoted.
    pub null_string: String,
    /// At the end of a line.
    pub newline: Newline,
    /// What CR, LF and CRLF inside a field become.
    pub newline_in_field: Newline,
    /// Zone of timestamps.
    pub default_timezone: Zone,
    /// Ruby's strftime for timestamps.
    pub default_timestamp_format: String,
    /// Options of named columns; one that does not exist is an error.
    pub column_options: Vec<(String, CsvColumnOption)>,
}

/// Whether a CSV file starts with the names of the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderLine {
    /// It does.
    Written,
    /// It does not.
    Absent,
}

/// Which fields of a CSV file are quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotePolicy {
    /// Those that need it.
    Minimal,
    /// All but nulls.
    All,
    /// None; delimiters and newlines are escaped.
    None,
}

impl QuotePolicy {
    /// Every name with its policy.
    pub const NAMES: [(&'static str, Self); 3] =
        [("MINIMAL", Self::Minimal), ("ALL", Self::All), ("NONE", Self::None)];
}

/// Ends of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newline {
    /// CR LF
    Crlf,
    /// LF
    Lf,
    /// CR
    Cr,
    /// NUL (JSON lines only)
    Nul,
    /// Nothing (JSON lines only)
    None,
}

impl Newline {
    /// What it is in bytes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Crlf => "\r\n",
            Self::Lf => "\n",
            Self::Cr => "\r",
            Self::Nul => "\0",
            Self::None => "",
        }
    }
}

/// What a CSV formatter is told about one column.
#[derive(Debug, Clone, PartialEq)]
pub struct CsvColumnOption {
    /// Ruby's strftime.
    pub format: Option<String>,
    /// Zone.
    pub timezone: Option<Zone>,
}

/// Options of `type: jsonl`.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonlFormatter {
    /// What texts are written in: UTF-8, UTF-16LE, UTF-32BE or UTF-32LE.
    pub encoding: WrittenCharset,
    /// At the end of a line.
    pub newline: Newline,
    /// Ruby's strftime for timestamps; none: `%Y-%m-%d %H:%M:%S.%6N %z` of the zone.
    pub date_format: Option<String>,
    /// Zone of timestamps; none: the process's with a format, as in the plugin, and UTC without one.
    pub timezone: Option<Zone>,
    /// Text columns whose text is JSON and is written as such.
    pub json_columns: Vec<String>,
}

/// What the bytes of a file go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoder {
    /// `type: gzip`
    Gzip {
        /// 0 to 9; none: the program's own choice for speed.
        level: Option<u32>,
    },
    /// `type: bzip2`
    Bzip2 {
        /// 1 to 9: the size of a block in units of 100 kB. Memory and size depend on it, time hardly.
        level: u32,
    },
    /// `type: zstd` (of this program)
    Zstd {
        /// 1 to 19.
        level: i32,
    },
}

/// Files or objects of the same pattern that a run does not write, which a load of the prefix would take in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaleObjects {
    /// Are an error that names them.
    Refuse,
    /// Are deleted after the new ones are whole.
    Delete,
    /// Stay.
    Keep,
}

impl StaleObjects {
    /// Every name with its meaning.
    pub const NAMES: [(&'static str, Self); 3] =
        [("error", Self::Refuse), ("delete", Self::Delete), ("keep", Self::Keep)];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_names_are_embulks() {
        assert_eq!(Sequence::parse("%03d.%02d.").unwrap().text(0, 0), "000.00.");
        assert_eq!(Sequence::parse(".%03d.%02d").unwrap().text(12, 3), ".012.03");
        assert_eq!(Sequence::parse("").unwrap().text(0, 0), "");
        assert_eq!(Sequence::parse("%%-%2d").unwrap().text(1, 0), "%- 1");
    }

    #[test]
    fn a_sequence_of_something_else_is_refused() {
        for format in ["%s", "%d%d%d", "%", "%0", "%99999999999d"] {
            assert_eq!(
                Sequence::parse(format).unwrap_err().to_string(),
                format!(
                    "`{format}` is not a sequence format; it may hold up to two of %d, %02d, %03d and %%"
                )
            );
        }
    }
}
