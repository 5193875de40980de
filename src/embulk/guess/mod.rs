//! What `embulk guess` adds to a config: how the files of its input are packed, written and parsed, from a sample.
//!
//! Plugins look at the sample in turn; the first that finds something new ends the round, and the next round sees the
//! sample as the config now says that it is. That goes on until nothing is new. Reading the sample and splitting it
//! into records is left to who knows how ([`Reading`]).

mod charset;
mod csv;
mod cursor;
mod header;
mod json;
mod marks;
mod merge;
mod statistics;
mod time_format;
mod types;

use serde_json::{Map, Value, json};

pub use self::merge::merge;
use super::input::{Charset, CsvParser, Decoder, LineEnd};

/// The rounds after which guessing ends, whatever is still new.
const ROUNDS: usize = 10;

/// The fields of a record; null is none.
pub type Record = Vec<Option<String>>;

/// Whether a line without characters is a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmptyLines {
    /// It is, of one empty field; and lines of comments are records too.
    Keep,
    /// It is passed over.
    Skip,
}

/// Reads the sample as the input would.
pub trait Reading {
    /// The sample behind some decoders, as far as it can be unpacked.
    fn sample(&self, decoders: &[Decoder]) -> Vec<u8>;

    /// The text that it is in a charset, without a byte-order mark.
    fn text(&self, sample: &[u8], charset: Charset) -> String;

    /// The lines of a text, without what ends them.
    fn lines(&self, text: &str, end: Option<LineEnd>) -> Vec<String>;

    /// The records in some lines. Those that cannot be read are left out. Null strings are not looked at.
    fn records(&self, lines: &[String], parser: &CsvParser, empty: EmptyLines) -> Vec<Vec<Field>>;
}

/// A field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Without the quotes around it.
    pub text: String,
    /// Whether there were some.
    pub is_quoted: bool,
}

/// What looks at samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plugin {
    /// `gzip`: a decoder.
    Gzip,
    /// `bzip2`: a decoder.
    Bzip2,
    /// `json`: the parser for documents.
    Json,
    /// `csv`: charset, line ends, and the parser for lines of fields.
    Csv,
    /// `csv_all_strings`: the same with texts in all columns.
    CsvAllStrings,
}

impl Plugin {
    /// Every name with its plugin.
    pub const NAMES: [(&'static str, Self); 5] = [
        ("gzip", Self::Gzip),
        ("bzip2", Self::Bzip2),
        ("json", Self::Json),
        ("csv", Self::Csv),
        ("csv_all_strings", Self::CsvAllStrings),
    ];

    /// Those that nobody has to ask for.
    pub const USUAL: [Self; 4] = [Self::Gzip, Self::Bzip2, Self::Json, Self::Csv];

    /// The plugin of a name.
    pub fn named(name: &str) -> Result<Self, UnknownPlugin> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, plugin)| *plugin).ok_or_else(|| UnknownPlugin(name.to_owned()))
    }
}

/// A name that no guess plugin has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown guess plugin `{0}`: native ones are `gzip`, `bzip2`, `json`, `csv` and `csv_all_strings`")]
pub struct UnknownPlugin(String);

/// Why nothing can be guessed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GuessError {
    /// Nothing comes out of the decoders.
    #[error("there is nothing to guess from behind the decoders")]
    NoSample,
    /// A decoder that is not native.
    #[error("decoder plugin `{0}` is not native")]
    UnknownDecoder(String),
    /// An option of the parser that was written has no meaning.
    #[error("`{option}` of the parser cannot be `{value}`")]
    BadOption {
        /// Its name.
        option: &'static str,
        /// What was written.
        value: String,
    },
}

/// What is guessed of an input (`in:`): the options that go over it.
pub fn guess(
    input: &Map<String, Value>,
    plugins: &[Plugin],
    reading: &dyn Reading,
) -> Result<Map<String, Value>, GuessError> {
    let mut guessed = Map::new();
    for _ in 0..ROUNDS {
        let mut config = input.clone();
        merge(&mut config, &guessed);
        let mut next = guessed.clone();
        merge(&mut next, &round(&config, plugins, reading)?);
        if next == guessed {
            break;
        }
        guessed = next;
    }
    Ok(guessed)
}

/// One look at the sample: what the plugins find, up to the first that finds something new.
fn round(
    config: &Map<String, Value>,
    plugins: &[Plugin],
    reading: &dyn Reading,
) -> Result<Map<String, Value>, GuessError> {
    let sample = reading.sample(&decoders(config)?);
    if sample.is_empty() {
        return Err(GuessError::NoSample);
    }
    let mut found = Map::new();
    let mut changed = config.clone();
    for plugin in plugins {
        merge(&mut found, &look(*plugin, config, &sample, reading)?);
        merge(&mut changed, &found);
        if changed != *config {
            break;
        }
    }
    Ok(found)
}

fn look(
    plugin: Plugin,
    config: &Map<String, Value>,
    sample: &[u8],
    reading: &dyn Reading,
) -> Result<Map<String, Value>, GuessError> {
    Ok(match plugin {
        Plugin::Gzip if sample.starts_with(&[0x1f, 0x8b]) => another_decoder(config, "gzip"),
        Plugin::Bzip2 if is_bzip2(sample) => another_decoder(config, "bzip2"),
        Plugin::Json if parser_type(config, "json") == "json" && json::is_json(sample) => {
            of_parser(json!({"type": "json"}))
        }
        Plugin::Csv => csv::guess(config, sample, reading, csv::Columns::Typed)?,
        Plugin::CsvAllStrings => csv::guess(config, sample, reading, csv::Columns::Texts)?,
        _ => Map::new(),
    })
}

/// A block of bzip2 begins with digits of π.
fn is_bzip2(sample: &[u8]) -> bool {
    let [b'B', b'Z', b'h', b'1'..=b'9', block @ ..] = sample else { return false };
    block.starts_with(&[0x31, 0x41, 0x59, 0x26, 0x53, 0x59])
}

/// A decoder behind those that are there.
fn another_decoder(config: &Map<String, Value>, name: &str) -> Map<String, Value> {
    let known = config.get("decoders").and_then(Value::as_array).map_or(0, Vec::len);
    let mut decoders = vec![json!({}); known];
    decoders.push(json!({"type": name}));
    Map::from_iter([("decoders".to_owned(), Value::Array(decoders))])
}

fn of_parser(options: Value) -> Map<String, Value> {
    Map::from_iter([("parser".to_owned(), options)])
}

fn decoders(config: &Map<String, Value>) -> Result<Vec<Decoder>, GuessError> {
    let decoders = config.get("decoders").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let decoder = |decoder: &Value| match decoder["type"].as_str().unwrap_or_default() {
        "gzip" => Ok(Decoder::Gzip),
        "bzip2" => Ok(Decoder::Bzip2),
        other => Err(GuessError::UnknownDecoder(other.to_owned())),
    };
    decoders.iter().map(decoder).collect()
}

/// The options of the parser.
fn parser(config: &Map<String, Value>) -> Map<String, Value> {
    config.get("parser").and_then(Value::as_object).cloned().unwrap_or_default()
}

fn parser_type(config: &Map<String, Value>, usual: &str) -> String {
    let parser = config.get("parser").and_then(Value::as_object);
    parser.and_then(|parser| parser.get("type")).and_then(Value::as_str).unwrap_or(usual).to_owned()
}
