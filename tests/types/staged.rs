//! What lies in the bucket before it is loaded: the bytes are the program's own, whatever an emulator makes of them.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use jiff::SignedDuration;
use jiff::civil::{DateTime, datetime};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Map, Value};

use super::cells::Kind;

type Cells = Vec<Option<String>>;

const EPOCH: DateTime = datetime(1970, 1, 1, 0, 0, 0, 0);

/// The rows of an object of gzipped lines.
pub fn lines(object: &[u8], columns: &[(&str, Kind)]) -> Vec<Cells> {
    let mut text = String::new();
    GzDecoder::new(object).read_to_string(&mut text).expect("one gzip member of UTF-8");
    text.lines()
        .map(|line| {
            let row: Map<String, Value> = serde_json::from_str(line).expect("a line is an object");
            let names: Vec<&str> = row.keys().map(String::as_str).collect();
            assert_eq!(names, columns.iter().map(|(name, _)| *name).collect::<Vec<_>>());
            columns.iter().map(|(name, kind)| of_json(line, name, *kind, &row[*name])).collect()
        })
        .collect()
}

fn of_json(line: &str, name: &str, kind: Kind, value: &Value) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) if kind != Kind::Json => text.clone(),
        // The digits as they are written: reading them as a double could hide a difference.
        Value::Number(_) => {
            let start = line.find(&format!("\"{name}\":")).expect("the key is there") + name.len() + 3;
            line[start..].split([',', '}']).next().unwrap_or_default().to_owned()
        }
        other => other.to_string(),
    };
    Some(match kind {
        Kind::Timestamp => {
            // Embulk's form has a space before the offset, the exact one has none.
            let wall = text.strip_suffix("+00:00").expect("the zone of the process is UTC").trim_end();
            let wall: DateTime = wall.parse().expect("a date and a time");
            wall.duration_since(EPOCH).as_micros().to_string()
        }
        Kind::Datetime => text.replace(' ', "T"),
        _ => text,
    })
}

/// How many rows a Parquet file has, and in how many groups they lie.
pub fn rows_and_groups(object: Vec<u8>) -> [usize; 2] {
    let reader = SerializedFileReader::new(bytes::Bytes::from(object)).expect("a Parquet file");
    let metadata = reader.metadata();
    let rows = usize::try_from(metadata.file_metadata().num_rows()).expect("a file has rows");
    [rows, metadata.num_row_groups()]
}

/// The rows of a Parquet file.
pub fn parquet(object: Vec<u8>, columns: &[(&str, Kind)]) -> Vec<Cells> {
    let reader = SerializedFileReader::new(bytes::Bytes::from(object)).expect("a Parquet file");
    let rows = reader.get_row_iter(None).expect("its rows can be read").map(|row| {
        let row = row.expect("a row");
        let names: Vec<&str> = row.get_column_iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, columns.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        row.get_column_iter().zip(columns).map(|((_, field), (_, kind))| of_field(field, *kind)).collect()
    });
    rows.collect()
}

fn of_field(field: &Field, kind: Kind) -> Option<String> {
    Some(match field {
        Field::Null => return None,
        Field::Str(text) => text.clone(),
        Field::Bytes(bytes) => STANDARD.encode(bytes.data()),
        Field::Date(days) => wall(SignedDuration::from_hours(24 * i64::from(*days))).date().to_string(),
        Field::TimestampMicros(micros) if kind == Kind::Datetime => {
            wall(SignedDuration::from_micros(*micros)).to_string()
        }
        Field::TimeMicros(micros) => wall(SignedDuration::from_micros(*micros)).time().to_string(),
        Field::TimestampMicros(micros) => micros.to_string(),
        Field::Float(value) => value.to_string(),
        Field::Double(value) => value.to_string(),
        other => other.to_string(),
    })
}

fn wall(since: SignedDuration) -> DateTime {
    EPOCH.checked_add(since).expect("MariaDB has no later day")
}
