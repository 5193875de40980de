//! `type: timestamp_format`: times in other formats, zones and units.

use std::collections::HashMap;

use super::cast::{Stamp, column_name, micros, number_cell, unfit, unfitting, whole};
use super::cell::{Cell, column_type};
use super::json::Json;
use super::make::{Make, Maker, Source};
use super::missing;
use crate::embulk::config::EmbulkType;
use crate::embulk::filter::{ClockCast, Place, TimeUnit, TimestampFormat};
use crate::embulk::json_path::Step;
use crate::transfer::encode::Unfit;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::schema::{Column, Schema};
use crate::transfer::strptime::TimeReader;
use crate::transfer::value::Value;

/// The step of a `timestamp_format` filter.
pub(super) fn plan(filter: &TimestampFormat, schema: &Schema) -> Result<Make, TransferError> {
    let known = schema.positions();
    let mut casts: HashMap<&str, Vec<&ClockCast>> = HashMap::new();
    for cast in &filter.columns {
        let name = column_name(&cast.place);
        let at = *known.get(name).ok_or_else(|| missing("timestamp_format", name))?;
        casts.entry(name).or_default().push(cast);
        let kind = schema.columns[at].kind.embulk();
        let fits = match cast.place {
            Place::Path(_) => kind == EmbulkType::Json,
            Place::Column(_) => !matches!(kind, EmbulkType::Json | EmbulkType::Boolean),
        };
        if !fits {
            let wrong = match cast.place {
                Place::Path(_) => "is not JSON, so it has no parts",
                Place::Column(_) => "holds no times",
            };
            let message = format!("timestamp_format: column `{name}` is a {} and {wrong}", kind.word());
            return Err(TransferError::new(ErrorKind::Config, message));
        }
    }
    let columns = schema.columns.iter().enumerate().map(|(at, column)| {
        let name = &column.name;
        let mut parts = Vec::new();
        for cast in casts.get(name.as_str()).into_iter().flatten() {
            match &cast.place {
                Place::Column(_) => {
                    let kind = column_type(cast.to);
                    return (
                        Column::new(name, kind),
                        Source::Made(at, Box::new(Times::new(cast)) as Box<dyn Maker>),
                    );
                }
                Place::Path(path) => parts.push((path.steps[1..].to_vec(), Times::new(cast))),
            }
        }
        match parts.is_empty() {
            true => (column.clone(), Source::Moved(at)),
            false => (column.clone(), Source::Made(at, Box::new(Parts(parts)))),
        }
    });
    let columns = columns.collect();
    Ok(Make::new("timestamp_format", unfitting(filter.invalid), schema, columns))
}

/// How many units a second has.
fn scale(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// One kind of times.
struct Times {
    to: EmbulkType,
    readers: Vec<TimeReader>,
    stamp: Stamp,
    from_unit: TimeUnit,
    to_unit: TimeUnit,
}

impl Times {
    fn new(cast: &ClockCast) -> Self {
        let readers = cast.from_formats.iter();
        Self {
            to: cast.to,
            readers: readers.map(|format| TimeReader::new(format, cast.from_zone.zone.clone())).collect(),
            stamp: Stamp::new(&cast.to_format, &cast.to_zone),
            from_unit: cast.from_unit,
            to_unit: cast.to_unit,
        }
    }

    fn value(&mut self, cell: &Cell<'_>) -> Option<Result<Value, Unfit>> {
        let (from, to) = (scale(self.from_unit), scale(self.to_unit));
        // Numbers that stay numbers need not pass through a time.
        let decimal = match cell {
            Cell::Decimal(text) => Some(Cell::Double(text.parse().ok()?)),
            _ => None,
        };
        let cell = decimal.as_ref().unwrap_or(cell);
        match (cell, self.to) {
            (Cell::Long(value), EmbulkType::Long) => {
                return Some(Ok(Value::Long(i64::try_from(i128::from(*value) * to / from).ok()?)));
            }
            (Cell::Long(value), EmbulkType::Double) => {
                return Some(Ok(Value::Double(ratio(*value as f64, to, from))));
            }
            (Cell::Double(value), EmbulkType::Long) => {
                return Some(Ok(Value::Long(whole(ratio(*value, to, from))?)));
            }
            (Cell::Double(value), EmbulkType::Double) => {
                return Some(Ok(Value::Double(ratio(*value, to, from))));
            }
            _ => {}
        }
        let instant = match cell {
            Cell::Timestamp(instant) => *instant,
            Cell::Long(value) => i64::try_from((i128::from(*value) * 1_000_000).div_euclid(from)).ok()?,
            Cell::Double(value) => micros(*value, from)?,
            Cell::Text(text) => self.readers.iter_mut().find_map(|reader| reader.read(text))?,
            Cell::Boolean(_) | Cell::Json(_) | Cell::Decimal(_) => return None,
        };
        Some(match self.to {
            EmbulkType::Timestamp => Ok(Value::Long(instant)),
            EmbulkType::Long => {
                Ok(Value::Long(i64::try_from((i128::from(instant) * to).div_euclid(1_000_000)).ok()?))
            }
            EmbulkType::Double => Ok(Value::Double(ratio(instant as f64, to, 1_000_000))),
            _ => self.stamp.text(instant).map(|text| Value::Text(text.into_bytes())),
        })
    }
}

/// A number in another unit, with one rounding.
fn ratio(value: f64, to: i128, from: i128) -> f64 {
    if to >= from { value * (to / from) as f64 } else { value / (from / to) as f64 }
}

impl Maker for Times {
    fn make(&mut self, cell: Cell<'_>, made: &mut Vec<Option<Value>>) -> Result<(), Unfit> {
        made.push(Some(self.value(&cell).ok_or(Unfit("is not a time in any of its formats"))??));
        Ok(())
    }
}

/// Times inside of JSON.
struct Parts(Vec<(Vec<Step>, Times)>);

impl Maker for Parts {
    fn make(&mut self, cell: Cell<'_>, made: &mut Vec<Option<Value>>) -> Result<(), Unfit> {
        let (Cell::Json(text) | Cell::Text(text)) = cell else { return Err(unfit(EmbulkType::Json)) };
        let mut json = Json::parse(text).map_err(|no_value| no_value.or(unfit(EmbulkType::Json)))?;
        for (steps, times) in &mut self.0 {
            json.change::<Unfit>(steps, &mut |value| {
                let cell = match &*value {
                    Json::Text(text) => Cell::Text(text),
                    Json::Number(number) => number_cell(number),
                    // What is no text and no number stays.
                    _ => return Ok(()),
                };
                let made = times
                    .value(&cell)
                    .ok_or(Unfit("has a part that is not a time in any of its formats"))??;
                *value = match made {
                    Value::Text(text) => Json::Text(String::from_utf8(text).unwrap_or_default()),
                    Value::Double(number) => Json::Number(
                        serde_json::Number::from_f64(number).ok_or(unfit(EmbulkType::Double))?.to_string(),
                    ),
                    Value::Long(number) => Json::Number(number.to_string()),
                    Value::UnsignedLong(number) => Json::Number(number.to_string()),
                };
                Ok(())
            })?;
        }
        made.push(Some(Value::Text(json.to_text().into_bytes())));
        Ok(())
    }
}
