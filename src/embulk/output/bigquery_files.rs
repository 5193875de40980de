//! What rows for BigQuery are written as on their way, and the files that stay behind or are there already.

use super::Sequence;
use crate::embulk::text::Text;

/// What staged data is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceFormat {
    /// `CSV`, the plugin's default.
    Csv,
    /// `NEWLINE_DELIMITED_JSON`, `JSONL`.
    Jsonl,
    /// `PARQUET` (of this program, not of the plugin).
    Parquet,
}

impl SourceFormat {
    /// The name in BigQuery's API.
    pub fn api_name(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Jsonl => "NEWLINE_DELIMITED_JSON",
            Self::Parquet => "PARQUET",
        }
    }

    /// What comes after the name of a file. Parquet compresses its own blocks.
    pub fn extension(self, compression: Compression) -> &'static str {
        match (self, compression) {
            (Self::Parquet, _) => ".parquet",
            (Self::Jsonl, Compression::None) => ".jsonl",
            (Self::Jsonl, Compression::Gzip) => ".jsonl.gz",
            (Self::Csv, Compression::None) => ".csv",
            (Self::Csv, Compression::Gzip) => ".csv.gz",
        }
    }
}

/// Who chooses what staged data is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormatChoice {
    /// The file, by `source_format` or by an option that only CSV has.
    Written,
    /// The output: the fastest that gives the table that CSV would give.
    Fastest,
}

/// How a file holds its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextEncoding {
    /// UTF-8
    Utf8,
    /// ISO-8859-1
    Latin1,
    /// UTF-16, the higher byte first.
    Utf16Be,
    /// UTF-16, the lower byte first.
    Utf16Le,
    /// UTF-32, the highest byte first.
    Utf32Be,
    /// UTF-32, the lowest byte first.
    Utf32Le,
}

impl TextEncoding {
    /// Every name with its encoding.
    pub const NAMES: [(&'static str, Self); 6] = [
        ("UTF-8", Self::Utf8),
        ("ISO-8859-1", Self::Latin1),
        ("UTF-16BE", Self::Utf16Be),
        ("UTF-16LE", Self::Utf16Le),
        ("UTF-32BE", Self::Utf32Be),
        ("UTF-32LE", Self::Utf32Le),
    ];

    /// The name in BigQuery's API.
    pub fn api_name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, known)| *known == self).map_or("UTF-8", |(name, _)| name)
    }
}

/// How staged data is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// As one gzip member.
    Gzip,
}

/// The name of a file that is made and not loaded: `<path_prefix><sequence><file_ext>`.
#[derive(Debug, Clone, PartialEq)]
pub struct LocalFiles {
    /// Start of the path, relative to the working directory of the transfer.
    pub path_prefix: Text,
    /// `sequence_format`, of the process and of the file: `.%d.%d` when not written.
    pub sequence: Sequence,
    /// `file_ext`; none: that of the format.
    pub file_ext: Option<String>,
}

/// Files that are loaded as they are: those whose path begins and ends so.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadyFiles {
    /// Start of the path, relative to the working directory of the transfer.
    pub path_prefix: Text,
    /// `file_ext`, else that of the format.
    pub file_ext: String,
    /// `delete_from_local_when_job_end`: what becomes of them once they are loaded.
    pub afterwards: Afterwards,
}

/// What becomes of files that were loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// They go, so that the next run does not load them again.
    Delete,
    /// They stay.
    Keep,
}
