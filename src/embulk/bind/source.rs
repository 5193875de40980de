//! `in: {type: file}` and `in: {type: s3}` with their parsers and decoders, by the rules of Java plugins.

use super::s3;
use super::scalar::Scalar;
use super::section::{Rules, Section};
use crate::diagnostic::Problem;
use crate::embulk::config::EmbulkType;
use crate::embulk::input::{
    Archived, Arrays, BadEscapes, BadRows, Charset, ClockReading, CsvParser, Decoder, ExtraFields,
    FileColumn, FileContent, FileInput, JsonParser, KeepsPlace, LineEnd, MissingFields, Parser, S3Input,
    S3Objects, Spaces, StrayQuotes, Symlinks,
};
use crate::embulk::native;
use crate::embulk::text::Text;
use crate::embulk::zone::Zone;

/// How the content of files is bound: it is needed for rows, and is what a guess is to find out.
pub(super) type ContentRule = fn(&Section<'_>) -> Option<FileContent>;

pub(super) fn file(section: &Section<'_>, content: ContentRule) -> Option<FileInput> {
    let path_prefix = section.required("path_prefix");
    let last_path = section.plain("last_path");
    let symlinks = match section.flag("follow_symlinks", Rules::Java) {
        Some(true) => Symlinks::Follow,
        _ => Symlinks::Skip,
    };
    let content = content(section);
    Some(FileInput { last_path, symlinks, path_prefix: path_prefix?, content: content? })
}

pub(super) fn s3(section: &Section<'_>, content: ContentRule) -> Option<S3Input> {
    let bucket = section.required("bucket");
    let objects = objects(section);
    let access = s3::access(section);
    let (endpoint, region) = s3::place(section);
    section.refuse_on("use_modified_time", Rules::Java, "choose objects by `path_prefix` and `last_path`");
    section.refuse("http_proxy", "take it out: S3 is called directly");
    let incremental = section.flag("incremental", Rules::Java).unwrap_or(true);
    let keeps_place = if incremental { KeepsPlace::Yes } else { KeepsPlace::No };
    // How the plugin shares work and tries again.
    section.ignore(&[
        "last_modified_time",
        "min_task_size",
        "maximum_retries",
        "initial_retry_interval_millis",
        "maximum_retry_interval_millis",
    ]);
    let content = content(section);
    Some(S3Input {
        keeps_place,
        endpoint,
        region,
        bucket: bucket?,
        objects: objects?,
        access: access?,
        content: content?,
    })
}

fn objects(section: &Section<'_>) -> Option<S3Objects> {
    let (path, prefix) = (section.text("path"), section.text("path_prefix"));
    let last_path = section.plain("last_path");
    let pattern = pattern(section);
    let limit = section
        .integer("total_file_count_limit", 0..=i64::from(i32::MAX))
        .map(i64::unsigned_abs)
        .filter(|limit| *limit < u64::from(i32::MAX.unsigned_abs()));
    let archived = match section.flag("skip_glacier_objects", Rules::Java) {
        Some(true) => Archived::Skip,
        _ => Archived::Refuse,
    };
    match (path, prefix) {
        (Some(path), _) => Some(S3Objects::One(path)),
        (None, Some(prefix)) => Some(S3Objects::Prefix { prefix, last_path, pattern, limit, archived }),
        (None, None) => {
            if ["path", "path_prefix"].iter().all(|key| {
                section.node(key).is_none_or(|node| Scalar::of(node, section.binder()) == Some(Scalar::Null))
            }) {
                let message = "`path` or `path_prefix` is required in `in`";
                section.binder().report(Problem::error("missing-option", message, section.span()));
            }
            None
        }
    }
}

fn pattern(section: &Section<'_>) -> Option<String> {
    let pattern = section.plain("path_match_pattern")?;
    if let Err(error) = regex::Regex::new(&pattern) {
        let span = section.node("path_match_pattern").map_or(section.span(), |node| &node.span);
        let reason = error.to_string();
        let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let message = format!("`path_match_pattern` is not a regular expression: {reason}");
        section.binder().report(Problem::error("bad-value", message, span));
    }
    Some(pattern)
}

/// Files whose content nobody has described yet: bytes.
pub(super) fn unknown_content(section: &Section<'_>) -> Option<FileContent> {
    section.ignore(&["decoders", "parser"]);
    let whole = JsonParser {
        columns: Vec::new(),
        root: String::new(),
        arrays: Arrays::Keep,
        bad_rows: BadRows::Skip,
        bad_escapes: BadEscapes::Refuse,
        charset: Charset::Encoding(encoding_rs::UTF_8),
    };
    Some(FileContent { decoders: Vec::new(), parser: Parser::Json(whole) })
}

pub(super) fn content(section: &Section<'_>) -> Option<FileContent> {
    let decoders: Vec<_> = section.sections("decoders").iter().map(decoder).collect();
    let parser = section.required_section("parser").and_then(|section| parser(&section));
    Some(FileContent { decoders: decoders.into_iter().collect::<Option<_>>()?, parser: parser? })
}

fn decoder(section: &Section<'_>) -> Option<Decoder> {
    let decoder = match section.plugin("decoder", &native::DECODERS)? {
        "gzip" => Decoder::Gzip,
        _ => Decoder::Bzip2,
    };
    section.finish();
    Some(decoder)
}

fn parser(section: &Section<'_>) -> Option<Parser> {
    let parser = match section.plugin("parser", &native::PARSERS)? {
        "csv" => csv(section).map(Parser::Csv),
        "json" => json(section).map(Parser::Json),
        _ => json(section).map(Parser::Jsonl),
    };
    section.finish();
    parser
}

fn csv(section: &Section<'_>) -> Option<CsvParser> {
    const NEWLINES: [(&str, &str); 3] = [("CRLF", "\r\n"), ("LF", "\n"), ("CR", "\r")];
    const LINE_ENDS: [(&str, LineEnd); 3] =
        [("CRLF", LineEnd::Crlf), ("LF", LineEnd::Lf), ("CR", LineEnd::Cr)];
    const STRAY: [(&str, StrayQuotes); 2] = [
        ("ACCEPT_ONLY_RFC4180_ESCAPED", StrayQuotes::Refuse),
        ("ACCEPT_STRAY_QUOTES_ASSUMING_NO_DELIMITERS_IN_FIELDS", StrayQuotes::Accept),
    ];
    let is_on = |key| section.flag(key, Rules::Java) == Some(true);
    let columns = columns(section);
    if section.node("columns").is_none() {
        section.missing("columns");
    }
    let spaces = if is_on("trim_if_not_quoted") { Spaces::Trim } else { Spaces::Keep };
    let stray_quotes = section.word("quotes_in_quoted_fields", &STRAY).unwrap_or(StrayQuotes::Refuse);
    if (spaces, stray_quotes) == (Spaces::Trim, StrayQuotes::Accept) {
        let message = "`trim_if_not_quoted` cannot be given with stray quotes in `quotes_in_quoted_fields`";
        section.binder().report(Problem::error("bad-value", message, section.span()));
    }
    let delimiter = section.plain("delimiter").unwrap_or_else(|| ",".to_owned());
    if delimiter.is_empty() {
        let span = section.node("delimiter").map_or(section.span(), |node| &node.span);
        section.bad("delimiter", "at least one character", &Text::plain(""), span);
    }
    Some(CsvParser {
        skip_header_lines: header_lines(section),
        delimiter,
        quote: mark(section, "quote", '"', Some('"')),
        escape: mark(section, "escape", '\\', None),
        null_string: section.plain("null_string"),
        newline: section.word("newline", &NEWLINES).unwrap_or("\r\n"),
        line_end: section.word("line_delimiter_recognized", &LINE_ENDS),
        spaces,
        stray_quotes,
        max_quoted_size: section
            .integer("max_quoted_size_limit", i64::MIN..=i64::MAX)
            .map_or(131_072, |size| size.max(0).unsigned_abs()),
        comment_marker: section.plain("comment_line_marker"),
        missing_fields: match is_on("allow_optional_columns") {
            true => MissingFields::Null,
            false => MissingFields::Refuse,
        },
        extra_fields: match is_on("allow_extra_columns") {
            true => ExtraFields::Drop,
            false => ExtraFields::Refuse,
        },
        bad_rows: bad_rows(section),
        charset: charset(section)?,
        columns: columns?,
    })
}

fn bad_rows(section: &Section<'_>) -> BadRows {
    match section.flag("stop_on_invalid_record", Rules::Java) {
        Some(true) => BadRows::Stop,
        _ => BadRows::Skip,
    }
}

/// `header_line` is the older word for one line that is skipped.
fn header_lines(section: &Section<'_>) -> u64 {
    let lines = section.integer("skip_header_lines", i64::from(i32::MIN)..=i64::from(i32::MAX)).unwrap_or(0);
    match section.flag("header_line", Rules::Java) {
        Some(_) if lines > 0 && section.node("header_line").is_some() => {
            let message = "`header_line` cannot be given with `skip_header_lines`";
            section.binder().report(Problem::error("bad-value", message, section.span()));
            0
        }
        Some(true) => 1,
        _ => lines.max(0).unsigned_abs(),
    }
}

/// One character, or none where null is written; what an empty text stands for depends on the mark.
fn mark(section: &Section<'_>, key: &'static str, usual: char, empty: Option<char>) -> Option<char> {
    let Some(node) = section.node(key) else { return Some(usual) };
    match Scalar::of(node, section.binder()) {
        Some(Scalar::Null) => return None,
        Some(Scalar::Unknown) => return Some(usual),
        _ => {}
    }
    let text = section.text(key)?;
    let mut chars = text.expose().chars();
    match (chars.next(), chars.next()) {
        (Some(char), None) => Some(char),
        (None, _) => empty,
        _ => {
            section.bad(key, "one character", &text, &node.span);
            Some(usual)
        }
    }
}

fn charset(section: &Section<'_>) -> Option<Charset> {
    let Some(name) = section.plain("charset") else { return Some(Charset::Encoding(encoding_rs::UTF_8)) };
    let charset = Charset::of(&name);
    if charset.is_none() {
        let span = section.node("charset").map_or(section.span(), |node| &node.span);
        section.bad("charset", "a known charset such as `UTF-8` or `Shift_JIS`", &Text::plain(name), span);
    }
    charset
}

fn json(section: &Section<'_>) -> Option<JsonParser> {
    let columns = columns(section);
    const ESCAPES: [(&str, BadEscapes); 3] =
        [("PASSTHROUGH", BadEscapes::Refuse), ("SKIP", BadEscapes::Skip), ("UNESCAPE", BadEscapes::Unescape)];
    Some(JsonParser {
        bad_escapes: section.word("invalid_string_escapes", &ESCAPES).unwrap_or(BadEscapes::Refuse),
        root: section.plain("root").unwrap_or_default(),
        arrays: match section.flag("flatten_json_array", Rules::Java) {
            Some(true) => Arrays::Flatten,
            _ => Arrays::Keep,
        },
        bad_rows: bad_rows(section),
        charset: charset(section)?,
        columns: columns?,
    })
}

fn columns(section: &Section<'_>) -> Option<Vec<FileColumn>> {
    let zone = section.zone("default_timezone", Zone::embulk).unwrap_or_else(Zone::utc);
    let format =
        section.plain("default_timestamp_format").unwrap_or_else(|| "%Y-%m-%d %H:%M:%S.%N %z".to_owned());
    let date = date(section, "default_date").unwrap_or(jiff::civil::date(1970, 1, 1));
    let columns = section.sections("columns");
    let bound: Vec<_> = columns
        .iter()
        .map(|column| {
            let name = column.required("name");
            if column.node("type").is_none() {
                column.missing("type");
            }
            let kind = column.word("type", &EmbulkType::NAMES);
            let clock = ClockReading {
                format: clock_format(column, "format").unwrap_or_else(|| format.clone()),
                zone: column.zone("timezone", Zone::embulk).unwrap_or_else(|| zone.clone()),
                date: self::date(column, "date").unwrap_or(date),
            };
            let element_at = column.plain("element_at");
            column.finish();
            Some(FileColumn { name: name?.expose().to_owned(), kind: kind?, clock, element_at })
        })
        .collect();
    bound.into_iter().collect()
}

/// Ruby's directives; `ruby:` before them says so, `java:` asks for another language.
pub(super) fn clock_format(section: &Section<'_>, key: &'static str) -> Option<String> {
    let format = section.plain(key)?;
    if format.starts_with("java:") {
        section.refuse(key, "write it in Ruby's directives, e.g. `%Y-%m-%d %H:%M:%S`");
    }
    Some(format.strip_prefix("ruby:").map_or(format.clone(), str::to_owned))
}

fn date(section: &Section<'_>, key: &'static str) -> Option<jiff::civil::Date> {
    let text = section.text(key)?;
    let date = text.expose().parse().ok();
    if date.is_none() {
        let span = section.node(key).map_or(section.span(), |node| &node.span);
        section.bad(key, "a date such as `2015-06-04`", &text, span);
    }
    date
}
