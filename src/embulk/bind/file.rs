//! `out: {type: file}` with its formatter and encoders, by the rules of Java plugins.

use std::num::NonZeroU64;
use std::ops::RangeInclusive;

use serde_json::Value;

use super::section::{Rules, Section};
use super::source::clock_format;
use crate::diagnostic::Problem;
use crate::embulk::config::TypeMapping;
use crate::embulk::java_date;
use crate::embulk::native;
use crate::embulk::output::{
    CsvColumnOption, CsvFormatter, Encoder, FileOutput, Formatter, HeaderLine, JsonlFormatter, Newline,
    QuotePolicy, Sequence, StaleObjects, WrittenCharset,
};
use crate::embulk::text::Text;
use crate::embulk::zone::Zone;
use crate::yaml::NodeValue;

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
    let kind = section.plugin("encoder", &native::ENCODERS)?;
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
    let formatter = match section.plugin("formatter", &native::FORMATTERS)? {
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
    let charset = charset(section, "charset");
    let quote_policy = capital(section, "quote_policy", &QuotePolicy::NAMES).unwrap_or(QuotePolicy::Minimal);
    let quote = optional_character(section, "quote").unwrap_or('"');
    let usual_escape = if quote_policy == QuotePolicy::None { '\\' } else { quote };
    CsvFormatter {
        charset,
        header: match section.flag("header_line", Rules::Java) {
            Some(false) => HeaderLine::Absent,
            _ => HeaderLine::Written,
        },
        delimiter: character(section, "delimiter").unwrap_or(','),
        quote,
        quote_policy,
        escape: optional_character(section, "escape").unwrap_or(usual_escape),
        null_string: section.plain("null_string").unwrap_or_default(),
        newline: capital(section, "newline", &NEWLINES).unwrap_or(Newline::Crlf),
        newline_in_field: capital(section, "newline_in_field", &NEWLINES).unwrap_or(Newline::Lf),
        default_timezone: section.zone("default_timezone", Zone::embulk).unwrap_or_else(Zone::utc),
        default_timestamp_format: clock_format(section, "default_timestamp_format")
            .unwrap_or_else(|| "%Y-%m-%d %H:%M:%S.%6N %z".to_owned()),
        column_options: csv_column_options(section),
    }
}

fn csv_column_options(section: &Section<'_>) -> Vec<(String, CsvColumnOption)> {
    let mut options = Vec::new();
    for (name, entry) in section.named("column_options") {
        if matches!(entry.value.value, NodeValue::Scalar(Value::Null)) {
            continue;
        }
        let Some(column) = Section::of(&entry.value, "column_options", section.binder()) else {
            let message =
                format!("`column_options` of `{name}` must be a mapping, not {}", entry.value.kind());
            section.binder().report(Problem::error("wrong-type", message, &entry.value.span));
            continue;
        };
        let option = CsvColumnOption {
            format: clock_format(&column, "format"),
            timezone: column.zone("timezone", Zone::embulk),
        };
        column.finish();
        options.retain(|(known, _)| *known != name);
        options.push((name, option));
    }
    options
}

/// A word of Embulk's, which it takes in capitals only.
fn capital<T: Copy>(section: &Section<'_>, key: &'static str, words: &[(&'static str, T)]) -> Option<T> {
    let value = section.word(key, words)?;
    let text = section.plain(key).unwrap_or_default();
    if words.iter().any(|(word, _)| *word == text) {
        return Some(value);
    }
    let span = section.node(key).map_or(section.span(), |node| &node.span);
    let hint = format!("write `{}`", text.to_uppercase());
    let message = format!("`{key}` is written in capitals, not `{text}`");
    section.binder().report(Problem::error("bad-value", message, span).hint(hint));
    None
}

/// One character, of those that Java has one of: a number is its code.
fn character(section: &Section<'_>, key: &'static str) -> Option<char> {
    let node = section.node(key)?;
    let text = section.plain(key)?;
    if let NodeValue::Scalar(Value::Number(number)) = &node.value
        && let Some(code) = number.as_u64().and_then(|code| u16::try_from(code).ok())
    {
        return char::from_u32(code.into());
    }
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(char), None) if char.len_utf16() == 1 => Some(char),
        _ => {
            section.bad(key, "one character", &Text::plain(text), &node.span);
            None
        }
    }
}

/// The same where nothing between quotes is as good as nothing.
fn optional_character(section: &Section<'_>, key: &'static str) -> Option<char> {
    if section.plain(key)?.is_empty() { None } else { character(section, key) }
}

/// What texts are written in.
fn charset(section: &Section<'_>, key: &'static str) -> WrittenCharset {
    let Some(name) = section.plain(key) else { return WrittenCharset::Utf8 };
    WrittenCharset::of(&name).unwrap_or_else(|| {
        let message = format!("`{name}` in `{key}` is not a charset that is written");
        let span = section.node(key).map_or(section.span(), |node| &node.span);
        let hint = "UTF-8, UTF-16, Shift_JIS, windows-31j, EUC-JP, EUC-KR, ISO-8859-1 and other charsets of one byte are";
        section.binder().report(Problem::error("bad-value", message, span).hint(hint));
        WrittenCharset::Utf8
    })
}

fn jsonl(section: &Section<'_>) -> JsonlFormatter {
    let encodings =
        ["UTF-8", "UTF-16LE", "UTF-32BE", "UTF-32LE"].map(|name| (name, WrittenCharset::of(name)));
    let newlines = [
        ("LF", Newline::Lf),
        ("CRLF", Newline::Crlf),
        ("CR", Newline::Cr),
        ("NUL", Newline::Nul),
        ("NO", Newline::None),
    ];
    let timezone = section.zone("timezone", Zone::embulk);
    JsonlFormatter {
        encoding: section.word("encoding", &encodings).flatten().unwrap_or(WrittenCharset::Utf8),
        newline: section.word("newline", &newlines).unwrap_or(Newline::Lf),
        date_format: date_format(section, timezone.as_ref()),
        timezone,
        json_columns: section.texts("json_columns"),
    }
}

/// The plugin takes Java's formats. What has a `%` is Ruby's, as everywhere else.
fn date_format(section: &Section<'_>, zone: Option<&Zone>) -> Option<String> {
    let format = section.plain("date_format")?;
    if format.contains('%') {
        return Some(format);
    }
    match java_date::strftime(&format, zone.map(|zone| &zone.zone)) {
        Ok(format) => Some(format),
        Err(error) => {
            let span = section.node("date_format").map_or(section.span(), |node| &node.span);
            let problem = Problem::error("bad-value", error.to_string(), span);
            section
                .binder()
                .report(problem.hint("write it as Ruby's strftime, e.g. `%Y-%m-%dT%H:%M:%S.%6N%:z`"));
            None
        }
    }
}
