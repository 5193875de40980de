//! `out: {type: file}` with its formatter and encoders, by the rules of Java plugins.

use std::num::NonZeroU64;
use std::ops::RangeInclusive;

use super::section::{Rules, Section};
use crate::diagnostic::Problem;
use crate::embulk::config::TypeMapping;
use crate::embulk::output::{
    CsvColumnOption, CsvFormatter, Encoder, FileOutput, Formatter, HeaderLine, JsonlFormatter, Newline,
    QuotePolicy, Sequence, StaleObjects,
};
use crate::embulk::text::Text;
use crate::embulk::zone::Zone;

pub(super) fn bind(section: &Section<'_>) -> Option<FileOutput> {
    let output = written(section, "%03d.%02d.");
    section.finish();
    output
}

/// The options of every output that writes files, to a disk or to a bucket.
pub(super) fn written(section: &Section<'_>, usual_sequence: &str) -> Option<FileOutput> {
    let path_prefix = section.required("path_prefix");
    let file_ext = section.required("file_ext");
    let formatter = section.required_section("formatter").and_then(|section| formatter(&section));
    let encoders: Vec<_> = section.sections("encoders").iter().map(encoder).collect();
    let sequence = sequence(section, usual_sequence);
    let max_file_bytes = max_file_bytes(section, sequence.as_ref());
    let usual = match formatter {
        Some(Formatter::Parquet) => TypeMapping::Exact,
        _ => TypeMapping::Embulk,
    };
    let types = section.word("types", &TypeMapping::NAMES);
    if types == Some(TypeMapping::Exact) && usual == TypeMapping::Embulk && formatter.is_some() {
        section.refuse("types", "exact types of files are for the `parquet` formatter");
    }
    let stale = section.word("stale_objects", &StaleObjects::NAMES).unwrap_or(StaleObjects::Refuse);
    Some(FileOutput {
        sequence: sequence?,
        types: types.unwrap_or(usual),
        stale,
        max_file_bytes,
        encoders: encoders.into_iter().collect::<Option<_>>()?,
        path_prefix: path_prefix?,
        file_ext: file_ext?.expose().to_owned(),
        formatter: formatter?,
    })
}

fn sequence(section: &Section<'_>, usual: &str) -> Option<Sequence> {
    let format = section.plain("sequence_format").unwrap_or_else(|| usual.to_owned());
    match Sequence::parse(&format) {
        Ok(sequence) => Some(sequence),
        Err(error) => {
            let span = section.node("sequence_format").map_or(section.span(), |node| &node.span);
            section.binder().report(Problem::error("bad-value", error.to_string(), span));
            None
        }
    }
}

/// Several files need several names.
fn max_file_bytes(section: &Section<'_>, sequence: Option<&Sequence>) -> Option<NonZeroU64> {
    let bytes = section.integer("max_file_bytes", 1..=i64::MAX)?;
    if sequence.is_some_and(|sequence| sequence.text(0, 0) == sequence.text(0, 1)) {
        let message =
            "`max_file_bytes` makes several files, and `sequence_format` gives all of them one name";
        let span = section.node("sequence_format").map_or(section.span(), |node| &node.span);
        let hint = "write both numbers in it: `.%03d.%02d`";
        section.binder().report(Problem::error("bad-value", message, span).hint(hint));
    }
    NonZeroU64::new(bytes.unsigned_abs())
}

fn encoder(section: &Section<'_>) -> Option<Encoder> {
    let kind = section.plugin("encoder", &["gzip", "bzip2", "zstd"])?;
    let encoder = match kind {
        "bzip2" => Encoder::Bzip2 { level: level(section, 1..=9).unwrap_or(9) },
        "zstd" => Encoder::Zstd { level: level(section, 1..=19).unwrap_or(3) },
        _ => Encoder::Gzip { level: level(section, 0..=9) },
    };
    section.finish();
    Some(encoder)
}

fn level<T: TryFrom<i64>>(section: &Section<'_>, bounds: RangeInclusive<i64>) -> Option<T> {
    section.integer("level", bounds).and_then(|level| T::try_from(level).ok())
}

fn formatter(section: &Section<'_>) -> Option<Formatter> {
    let formatter = match section.plugin("formatter", &["csv", "jsonl", "json", "parquet"])? {
        "csv" => Formatter::Csv(csv(section)),
        "parquet" => Formatter::Parquet,
        _ => Formatter::Jsonl(jsonl(section)),
    };
    section.finish();
    Some(formatter)
}

fn csv(section: &Section<'_>) -> CsvFormatter {
    const NEWLINES: [(&str, Newline); 3] =
        [("CRLF", Newline::Crlf), ("LF", Newline::Lf), ("CR", Newline::Cr)];
    utf8_only(section, "charset");
    let quote_policy = section.word("quote_policy", &QuotePolicy::NAMES).unwrap_or(QuotePolicy::Minimal);
    let quote = character(section, "quote").unwrap_or('"');
    let usual_escape = if quote_policy == QuotePolicy::None { '\\' } else { quote };
    CsvFormatter {
        header: match section.flag("header_line", Rules::Java) {
            Some(false) => HeaderLine::Absent,
            _ => HeaderLine::Written,
        },
        delimiter: character(section, "delimiter").unwrap_or(','),
        quote,
        quote_policy,
        escape: character(section, "escape").unwrap_or(usual_escape),
        null_string: section.plain("null_string").unwrap_or_default(),
        newline: section.word("newline", &NEWLINES).unwrap_or(Newline::Crlf),
        newline_in_field: section.word("newline_in_field", &NEWLINES).unwrap_or(Newline::Lf),
        default_timezone: section.zone("default_timezone", Zone::embulk).unwrap_or_else(Zone::utc),
        default_timestamp_format: section
            .plain("default_timestamp_format")
            .unwrap_or_else(|| "%Y-%m-%d %H:%M:%S.%6N %z".to_owned()),
        column_options: csv_column_options(section),
    }
}

fn csv_column_options(section: &Section<'_>) -> Vec<(String, CsvColumnOption)> {
    let mut options = Vec::new();
    for (name, entry) in section.named("column_options") {
        let Some(column) = Section::of(&entry.value, "column_options", section.binder()) else {
            let message =
                format!("`column_options` of `{name}` must be a mapping, not {}", entry.value.kind());
            section.binder().report(Problem::error("wrong-type", message, &entry.value.span));
            continue;
        };
        let format = column.plain("format").or_else(|| column.plain("timestamp_format"));
        let option = CsvColumnOption { format, timezone: column.zone("timezone", Zone::embulk) };
        column.finish();
        options.retain(|(known, _)| *known != name);
        options.push((name, option));
    }
    options
}

/// One character.
fn character(section: &Section<'_>, key: &'static str) -> Option<char> {
    let text = section.plain(key)?;
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(char), None) => Some(char),
        _ => {
            let span = section.node(key).map_or(section.span(), |node| &node.span);
            section.bad(key, "one character", &Text::plain(text), span);
            None
        }
    }
}

/// Texts are written as UTF-8; another charset would change the bytes.
fn utf8_only(section: &Section<'_>, key: &'static str) {
    if let Some(charset) = section.plain(key)
        && !charset.eq_ignore_ascii_case("utf-8")
        && !charset.eq_ignore_ascii_case("utf8")
    {
        section.refuse(key, "only UTF-8 is written so far");
    }
}

fn jsonl(section: &Section<'_>) -> JsonlFormatter {
    utf8_only(section, "encoding");
    let newlines = [
        ("LF", Newline::Lf),
        ("CRLF", Newline::Crlf),
        ("CR", Newline::Cr),
        ("NUL", Newline::Nul),
        ("NO", Newline::None),
    ];
    JsonlFormatter {
        newline: section.word("newline", &newlines).unwrap_or(Newline::Lf),
        date_format: section.plain("date_format"),
        timezone: section.zone("timezone", Zone::embulk).unwrap_or_else(Zone::utc),
        json_columns: section.texts("json_columns"),
    }
}
