//! `type: typecast`: values as another of Embulk's types.

use std::collections::HashMap;

use serde::de::IgnoredAny;

use super::cell::{Cell, column_type};
use super::json::Json;
use super::make::{Make, Maker, Source, Unfitting};
use super::missing;
use crate::embulk::config::EmbulkType;
use crate::embulk::filter::{Invalid, Place, Typecast, TypecastColumn};
use crate::embulk::json_path::Step;
use crate::embulk::zone::Zone;
use crate::transfer::civil::SECOND;
use crate::transfer::encode::cell::CellWriter;
use crate::transfer::encode::number::{push_i64, push_java_double};
use crate::transfer::encode::{Clock, ClockForm, Form, Unfit};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::schema::{Column, ColumnType, Schema, Zones};
use crate::transfer::strftime::{Dialect, TimeFormat};
use crate::transfer::strptime::TimeReader;
use crate::transfer::value::Value;

const TRUE: [&str; 13] = ["true", "True", "TRUE", "yes", "Yes", "YES", "t", "T", "y", "Y", "on", "On", "ON"];
const FALSE: [&str; 13] =
    ["false", "False", "FALSE", "no", "No", "NO", "f", "F", "n", "N", "off", "Off", "OFF"];

/// The step of a `typecast` filter. A column that has the type already stays as it is, with its exact type.
pub(super) fn plan(filter: &Typecast, schema: &Schema) -> Result<Make, TransferError> {
    let known = schema.positions();
    let mut casts: HashMap<&str, Vec<&TypecastColumn>> = HashMap::new();
    for cast in &filter.columns {
        let name = column_name(&cast.place);
        if !known.contains_key(name) {
            return Err(missing("typecast", name));
        }
        casts.entry(name).or_default().push(cast);
    }
    let mut columns = Vec::new();
    for (at, column) in schema.columns.iter().enumerate() {
        let casts = casts.get(column.name.as_str()).map_or(&[][..], Vec::as_slice);
        let whole = casts.iter().find(|cast| matches!(cast.place, Place::Column(_)));
        let parts: Vec<_> = casts.iter().filter_map(|cast| part(cast)).collect();
        let from = column.kind.embulk();
        let to = whole.map_or(from, |cast| cast.to);
        if !parts.is_empty() && from != EmbulkType::Json && to != EmbulkType::Json {
            let name = &column.name;
            let message = format!("typecast: column `{name}` is not JSON, so it has no parts");
            return Err(TransferError::new(ErrorKind::Config, message));
        }
        columns.push(if to == from && parts.is_empty() {
            (column.clone(), Source::Moved(at))
        } else {
            let casts = Casts { whole: whole.map(|cast| Cast::new(cast)), parts };
            (Column::new(&column.name, column_type(to)), Source::Made(at, Box::new(casts)))
        });
    }
    Ok(Make::new("typecast", unfitting(filter.invalid), schema, columns))
}

/// What becomes of a value that does not fit.
pub(super) fn unfitting(invalid: Invalid) -> Unfitting {
    match invalid {
        Invalid::Stop => Unfitting::Stop,
        Invalid::Tolerate => Unfitting::Null,
    }
}

/// The column that a place is in.
pub(super) fn column_name(place: &Place) -> &str {
    match place {
        Place::Column(name) => name,
        Place::Path(path) => path.column().unwrap_or_default(),
    }
}

fn part(cast: &TypecastColumn) -> Option<(Vec<Step>, Cast)> {
    match &cast.place {
        Place::Path(path) => Some((path.steps[1..].to_vec(), Cast::new(cast))),
        Place::Column(_) => None,
    }
}

/// What happens to one column.
struct Casts {
    whole: Option<Cast>,
    parts: Vec<(Vec<Step>, Cast)>,
}

impl Maker for Casts {
    fn make(&mut self, cell: Cell<'_>, made: &mut Vec<Option<Value>>) -> Result<(), Unfit> {
        let mut changed = None;
        if !self.parts.is_empty() {
            let (Cell::Json(text) | Cell::Text(text)) = cell else { return Err(unfit(EmbulkType::Json)) };
            let mut json = Json::parse(text).map_err(|no_value| no_value.or(unfit(EmbulkType::Json)))?;
            for (steps, cast) in &mut self.parts {
                json.change(steps, &mut |value| cast.json(value))?;
            }
            changed = Some(json.to_text());
        }
        let cell = changed.as_deref().map_or(cell, Cell::Json);
        made.push(Some(match &mut self.whole {
            Some(cast) => cast.value(&cell)?,
            None => json_value(&cell)?,
        }));
        Ok(())
    }
}

fn json_value(cell: &Cell<'_>) -> Result<Value, Unfit> {
    match cell {
        Cell::Json(text) => Ok(Value::Text(text.as_bytes().to_vec())),
        _ => Err(unfit(EmbulkType::Json)),
    }
}

/// One cast.
struct Cast {
    to: EmbulkType,
    reader: TimeReader,
    stamp: Stamp,
}

impl Cast {
    fn new(column: &TypecastColumn) -> Self {
        Self {
            to: column.to,
            reader: TimeReader::new(&column.format, column.zone.zone.clone()),
            stamp: Stamp::new(&column.format, &column.zone),
        }
    }

    fn value(&mut self, cell: &Cell<'_>) -> Result<Value, Unfit> {
        let made = match self.to {
            EmbulkType::Boolean => boolean(cell).map(|value| Value::Long(i64::from(value))),
            EmbulkType::Long => long(cell).map(Value::Long),
            EmbulkType::Double => double(cell).map(Value::Double),
            EmbulkType::String => self.text(cell)?.map(|text| Value::Text(text.into_bytes())),
            EmbulkType::Timestamp => self.instant(cell).map(Value::Long),
            EmbulkType::Json => match cell {
                Cell::Text(text) => {
                    let is_json = serde_json::from_str::<IgnoredAny>(text).is_ok();
                    is_json.then(|| Value::Text(text.as_bytes().to_vec()))
                }
                Cell::Json(text) => Some(Value::Text(text.as_bytes().to_vec())),
                _ => None,
            },
        };
        made.ok_or(unfit(self.to))
    }

    /// The same inside of JSON. Null stays, and what is asked to be JSON is.
    fn json(&mut self, value: &mut Json) -> Result<(), Unfit> {
        if *value == Json::Null || self.to == EmbulkType::Json {
            return Ok(());
        }
        let text;
        let cell = match &*value {
            Json::Boolean(value) => Cell::Boolean(*value),
            Json::Number(number) => number_cell(number),
            Json::Text(text) => Cell::Text(text),
            other => {
                text = other.to_text();
                Cell::Json(&text)
            }
        };
        let made = self.value(&cell)?;
        *value = match (self.to, made) {
            (EmbulkType::Boolean, Value::Long(value)) => Json::Boolean(value == 1),
            (_, Value::Long(value)) => Json::Number(value.to_string()),
            (_, Value::Double(value)) => {
                let number = serde_json::Number::from_f64(value).ok_or(unfit(self.to))?;
                Json::Number(number.to_string())
            }
            (_, Value::Text(text)) => Json::Text(String::from_utf8(text).map_err(|_| unfit(self.to))?),
            (_, Value::UnsignedLong(value)) => Json::Number(value.to_string()),
        };
        Ok(())
    }

    fn text(&mut self, cell: &Cell<'_>) -> Result<Option<String>, Unfit> {
        Ok(match cell {
            Cell::Timestamp(instant) => Some(self.stamp.text(*instant)?),
            Cell::Json(text) => match Json::parse(text) {
                Ok(json) => Some(json.into_plain()),
                Err(no_value) => return Err(no_value.or(unfit(EmbulkType::String))),
            },
            other => Some(plain_text(other)),
        })
    }

    fn instant(&mut self, cell: &Cell<'_>) -> Option<i64> {
        match cell {
            Cell::Timestamp(instant) => Some(*instant),
            Cell::Long(seconds) => seconds.checked_mul(SECOND),
            Cell::Double(_) | Cell::Decimal(_) => micros(double(cell)?, 1),
            Cell::Text(text) => self.reader.read(text),
            Cell::Boolean(_) | Cell::Json(_) => None,
        }
    }
}

/// A number of JSON: an integer, a double, or more digits than either has.
pub(super) fn number_cell(number: &str) -> Cell<'_> {
    match number.parse() {
        Ok(integer) => Cell::Long(integer),
        Err(_) if number.contains(['.', 'e', 'E']) => Cell::Double(number.parse().unwrap_or(f64::NAN)),
        Err(_) => Cell::Decimal(number),
    }
}

/// Why a value did not fit.
pub(super) fn unfit(to: EmbulkType) -> Unfit {
    Unfit(match to {
        EmbulkType::Boolean => "cannot become a boolean",
        EmbulkType::Long => "cannot become a long",
        EmbulkType::Double => "cannot become a double",
        EmbulkType::String => "cannot become a string",
        EmbulkType::Timestamp => "cannot become a timestamp",
        EmbulkType::Json => "cannot become JSON",
    })
}

/// The text of a value that has no format; texts of JSON stay.
pub(super) fn plain_text(cell: &Cell<'_>) -> String {
    let mut out = Vec::new();
    match cell {
        Cell::Boolean(value) => return value.to_string(),
        Cell::Long(value) | Cell::Timestamp(value) => push_i64(*value, &mut out),
        Cell::Double(value) => push_java_double(*value, &mut out),
        Cell::Decimal(text) | Cell::Text(text) | Cell::Json(text) => return (*text).to_owned(),
    }
    String::from_utf8(out).unwrap_or_default()
}

fn boolean(cell: &Cell<'_>) -> Option<bool> {
    match cell {
        Cell::Boolean(value) => Some(*value),
        Cell::Long(1) => Some(true),
        Cell::Long(0) => Some(false),
        Cell::Text(text) if *text == "1" || TRUE.contains(text) => Some(true),
        Cell::Text(text) if *text == "0" || FALSE.contains(text) => Some(false),
        _ => None,
    }
}

fn long(cell: &Cell<'_>) -> Option<i64> {
    match cell {
        Cell::Boolean(value) => Some(i64::from(*value)),
        Cell::Long(value) => Some(*value),
        Cell::Double(value) => whole(*value),
        Cell::Decimal(text) => text.split('.').next()?.parse().ok(),
        Cell::Text(text) => text.parse().ok(),
        Cell::Timestamp(instant) => Some(instant.div_euclid(SECOND)),
        Cell::Json(_) => None,
    }
}

/// The whole part of a double that an integer can hold.
pub(super) fn whole(value: f64) -> Option<i64> {
    let fits = value > -9_223_372_036_854_777_856.0 && value < 9_223_372_036_854_775_808.0;
    fits.then_some(value as i64)
}

/// A number of units, so many a second, as microseconds; what is below a nanosecond is cut, as Java does.
pub(super) fn micros(value: f64, per_second: i128) -> Option<i64> {
    let nanos = 1_000_000_000 / per_second;
    // Whole units and the rest apart: together they would lose digits.
    let rest = (value.fract() * nanos as f64) as i128;
    i64::try_from((i128::from(whole(value)?) * nanos + rest).div_euclid(1000)).ok()
}

fn double(cell: &Cell<'_>) -> Option<f64> {
    match cell {
        Cell::Long(value) => Some(*value as f64),
        Cell::Double(value) => Some(*value),
        Cell::Decimal(text) => text.parse().ok(),
        Cell::Text(text) => java_double(text),
        Cell::Timestamp(instant) => Some(*instant as f64 / 1e6),
        Cell::Boolean(_) | Cell::Json(_) => None,
    }
}

/// A double as Java reads it: white space around it, a `d` or `f` behind it, `NaN` and `Infinity` in this case alone.
pub(super) fn java_double(text: &str) -> Option<f64> {
    let text = text.trim_matches(|char| char <= ' ');
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return match unsigned {
            "NaN" | "Infinity" => text.parse().ok(),
            _ => None,
        };
    }
    text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text).parse().ok()
}

/// Writes instants in a format.
pub(super) struct Stamp {
    writer: CellWriter,
}

impl Stamp {
    pub(super) fn new(format: &str, zone: &Zone) -> Self {
        let clock = ClockForm {
            format: TimeFormat::parse(format, Dialect::Embulk),
            clock: Clock::In(zone.zone.clone()),
        };
        Self { writer: CellWriter::new(ColumnType::Timestamp, Form::Clock(clock), &Zones::utc()) }
    }

    pub(super) fn text(&mut self, instant: i64) -> Result<String, Unfit> {
        let mut out = Vec::new();
        self.writer.long(instant, &mut out)?;
        String::from_utf8(out).map_err(|_| unfit(EmbulkType::String))
    }
}
