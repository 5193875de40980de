//! Charset, line ends and the options of the csv parser, one after the other: each is guessed in a round of its own,
//! because it decides how the next one sees the sample.

use serde_json::{Map, Value, json};

use super::types::{self, ColumnGuess};
use super::{
    EmptyLines, GuessError, Reading, Record, charset, header, marks, of_parser, parser, parser_type,
};
use crate::embulk::config::EmbulkType;
use crate::embulk::input::{
    BadRows, Charset, CsvParser, ExtraFields, LineEnd, MissingFields, Spaces, StrayQuotes,
};

/// What columns are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Columns {
    /// What their texts look like.
    Typed,
    /// Texts.
    Texts,
}

/// What the sample shows that the config does not say yet.
pub(super) fn guess(
    config: &Map<String, Value>,
    sample: &[u8],
    reading: &dyn Reading,
    columns: Columns,
) -> Result<Map<String, Value>, GuessError> {
    let known = parser(config);
    if !known.contains_key("charset") {
        return Ok(of_parser(json!({"charset": charset::of(sample)})));
    }
    let charset = option(&known, "charset", "UTF-8", Charset::of)?;
    let end = match text(&known, "line_delimiter_recognized") {
        Some(_) => Some(option(&known, "line_delimiter_recognized", "", line_end)?),
        None => None,
    };
    if !known.contains_key("newline") {
        return Ok(of_parser(json!({"newline": newline(&reading.text(sample, charset))})));
    }
    let newline = option(&known, "newline", "CRLF", newline_of)?;
    let text = reading.text(sample, charset);
    let mut lines = reading.lines(&text, end);
    if !text.ends_with(newline) {
        // The sample may have cut it.
        lines.pop();
    }
    if parser_type(config, "csv") != "csv" {
        return Ok(Map::new());
    }
    let options = Guess { known, reading, columns }.options(&lines)?;
    Ok(options.map(|options| of_parser(Value::Object(options))).unwrap_or_default())
}

/// The name of the line end that there are most of.
fn newline(text: &str) -> &'static str {
    let pairs = text.matches("\r\n").count();
    let (returns, feeds) = (text.matches('\r').count(), text.matches('\n').count());
    if pairs > returns / 2 && pairs > feeds / 2 {
        "CRLF"
    } else if returns > feeds / 2 {
        "CR"
    } else {
        "LF"
    }
}

fn newline_of(name: &str) -> Option<&'static str> {
    match name {
        "CRLF" => Some("\r\n"),
        "CR" => Some("\r"),
        "LF" => Some("\n"),
        _ => None,
    }
}

fn line_end(name: &str) -> Option<LineEnd> {
    match name {
        "CRLF" => Some(LineEnd::Crlf),
        "CR" => Some(LineEnd::Cr),
        "LF" => Some(LineEnd::Lf),
        _ => None,
    }
}

fn text<'a>(options: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    options.get(key).and_then(Value::as_str)
}

/// The meaning of an option that was written, or of what it is without that.
fn option<T>(
    options: &Map<String, Value>,
    key: &'static str,
    usual: &str,
    meaning: impl Fn(&str) -> Option<T>,
) -> Result<T, GuessError> {
    let written = match options.get(key) {
        None | Some(Value::Null) => usual.to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    meaning(&written).ok_or(GuessError::BadOption { option: key, value: written })
}

struct Guess<'a> {
    /// What the config says of the parser.
    known: Map<String, Value>,
    reading: &'a dyn Reading,
    columns: Columns,
}

impl Guess<'_> {
    /// All options of the parser; none where the lines are no csv.
    fn options(self, lines: &[String]) -> Result<Option<Map<String, Value>>, GuessError> {
        let mut options = self.known.clone();
        options.insert("type".to_owned(), "csv".into());
        let delimiter = match text(&self.known, "delimiter").filter(|delimiter| !delimiter.is_empty()) {
            Some(delimiter) => delimiter.to_owned(),
            None => marks::delimiter(lines).to_string(),
        };
        options.insert("delimiter".to_owned(), delimiter.as_str().into());
        quoting(&mut options, lines, &delimiter);
        if !options.contains_key("null_string")
            && let Some(null) = marks::null_string(lines, &delimiter)
        {
            options.insert("null_string".to_owned(), null.into());
        }
        let all = self.records(&options, lines, EmptyLines::Keep)?;
        let skipped = header::lines_to_skip(&all);
        let mut lines = lines[skipped.min(lines.len())..].to_vec();
        if !options.contains_key("comment_line_marker")
            && let Some((marker, rows)) =
                marks::comment(&lines, &delimiter, text(&options, "quote"), text(&options, "null_string"))
        {
            options.insert("comment_line_marker".to_owned(), marker.into());
            lines = rows;
        }
        let records = self.records(&options, &lines, EmptyLines::Skip)?;
        if records.is_empty() {
            return Ok(None);
        }
        let (names, types) = self.columns(&mut options, &lines, &records)?;
        if types.is_empty() {
            return Ok(None);
        }
        let skipped = skipped + usize::from(names.is_some());
        options.insert("skip_header_lines".to_owned(), skipped.into());
        for key in ["allow_extra_columns", "allow_optional_columns"] {
            options.entry(key).or_insert(false.into());
        }
        let names = names.unwrap_or_else(|| (0..types.len()).map(|at| format!("c{at}")).collect());
        let columns = names.iter().zip(&types).map(|(name, guess)| self.column(name, guess)).collect();
        options.insert("columns".to_owned(), Value::Array(columns));
        Ok(Some(options))
    }

    /// The names in the first line, if it is one of names, and the types of the other lines. Says on the way whether
    /// spaces around fields are part of them: they are not where that makes a difference to the types.
    fn columns(
        &self,
        options: &mut Map<String, Value>,
        lines: &[String],
        records: &[Record],
    ) -> Result<(Option<Vec<String>>, Vec<ColumnGuess>), GuessError> {
        // A single line is one of values.
        let from = usize::from(lines.len() > 1);
        let mut kinds = types::of_records(&records[from..]);
        if !options.contains_key("trim_if_not_quoted") {
            let mut trimming = options.clone();
            trimming.insert("trim_if_not_quoted".to_owned(), true.into());
            let trimmed = self.records(&trimming, lines, EmptyLines::Skip)?;
            let trimmed = types::of_records(trimmed.get(from..).unwrap_or_default());
            options.insert("trim_if_not_quoted".to_owned(), (trimmed != kinds).into());
            kinds = trimmed;
        }
        let first = types::of_records(&records[..1]);
        let is_word = |guess: &ColumnGuess| matches!(guess.kind, EmbulkType::String | EmbulkType::Boolean);
        let is_header = lines.len() > 1
            && ((first != kinds && first.iter().all(is_word)) || header::is_longer_or_shorter(records));
        let null = text(options, "null_string").unwrap_or_default();
        let name = |field: &Option<String>| {
            field.as_deref().unwrap_or(null).trim_matches(|char| char <= ' ').to_owned()
        };
        Ok((is_header.then(|| records[0].iter().map(name).collect()), kinds))
    }

    fn column(&self, name: &str, guess: &ColumnGuess) -> Value {
        match (self.columns, &guess.format) {
            (Columns::Texts, _) => json!({"name": name, "type": "string"}),
            (Columns::Typed, Some(format)) => {
                json!({"name": name, "type": guess.kind.word(), "format": format})
            }
            (Columns::Typed, None) => json!({"name": name, "type": guess.kind.word()}),
        }
    }

    fn records(
        &self,
        options: &Map<String, Value>,
        lines: &[String],
        empty: EmptyLines,
    ) -> Result<Vec<Record>, GuessError> {
        let parser = csv_parser(options)?;
        let null = text(options, "null_string");
        let records = self.reading.records(lines, &parser, empty).into_iter().map(|fields| {
            let field = |field: super::Field| {
                (field.is_quoted || null != Some(field.text.as_str())).then_some(field.text)
            };
            fields.into_iter().map(field).collect()
        });
        Ok(records.collect())
    }
}

/// Adds the quote, and what is before quotes.
fn quoting(options: &mut Map<String, Value>, lines: &[String], delimiter: &str) {
    if !options.contains_key("quote") {
        let quote = marks::quote(lines, delimiter).map(String::from);
        options.insert("quote".to_owned(), quote.into());
    }
    // An empty text is how it was once said.
    if text(options, "quote") == Some("") {
        options.insert("quote".to_owned(), "\"".into());
    }
    let quote = text(options, "quote").and_then(|quote| quote.chars().next());
    if let Some(quote) = quote.filter(|_| !options.contains_key("escape")) {
        options.insert("escape".to_owned(), marks::escape(lines, delimiter, quote).into());
    }
}

/// The parser that the options mean, for lines that are UTF-8.
fn csv_parser(options: &Map<String, Value>) -> Result<CsvParser, GuessError> {
    let is_on = |key| options.get(key).is_some_and(|value| *value == json!(true) || *value == json!("true"));
    let mark = |key, usual| match options.get(key) {
        Some(Value::String(text)) => text.chars().next(),
        Some(_) => None,
        None => Some(usual),
    };
    let stray_quotes = match text(options, "quotes_in_quoted_fields") {
        Some("ACCEPT_STRAY_QUOTES_ASSUMING_NO_DELIMITERS_IN_FIELDS") => StrayQuotes::Accept,
        _ => StrayQuotes::Refuse,
    };
    Ok(CsvParser {
        columns: Vec::new(),
        skip_header_lines: 0,
        delimiter: text(options, "delimiter").unwrap_or(",").to_owned(),
        quote: mark("quote", '"'),
        escape: mark("escape", '\\'),
        null_string: None,
        newline: option(options, "newline", "CRLF", newline_of)?,
        line_end: None,
        spaces: if is_on("trim_if_not_quoted") { Spaces::Trim } else { Spaces::Keep },
        stray_quotes,
        max_quoted_size: options.get("max_quoted_size_limit").and_then(Value::as_u64).unwrap_or(131_072),
        comment_marker: text(options, "comment_line_marker").map(str::to_owned),
        missing_fields: MissingFields::Refuse,
        extra_fields: ExtraFields::Refuse,
        bad_rows: BadRows::Skip,
        charset: Charset::Encoding(encoding_rs::UTF_8),
    })
}
