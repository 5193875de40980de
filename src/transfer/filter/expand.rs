//! `type: expand_json`: columns out of the values of a JSON column.

use super::cast::{java_double, unfit, whole};
use super::cell::{Cell, column_type};
use super::json::Json;
use super::make::{Make, Maker, Source, Unfitting};
use super::missing;
use crate::embulk::config::EmbulkType;
use crate::embulk::filter::{ExpandJson, Expanded, Invalid};
use crate::embulk::json_path::JsonPath;
use crate::transfer::encode::Unfit;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::schema::{Column, Schema};
use crate::transfer::strptime::TimeReader;
use crate::transfer::value::Value;

/// The step of an `expand_json` filter.
pub(super) fn plan(filter: &ExpandJson, schema: &Schema) -> Result<Make, TransferError> {
    let at = schema.position(&filter.column).ok_or_else(|| missing("expand_json", &filter.column))?;
    let kind = schema.columns[at].kind.embulk();
    if !matches!(kind, EmbulkType::String | EmbulkType::Json) {
        let (name, word) = (&filter.column, kind.word());
        let message = format!("expand_json: column `{name}` is a {word}, neither text nor JSON");
        return Err(TransferError::new(ErrorKind::Config, message));
    }
    let mut columns = Vec::new();
    for (from, column) in schema.columns.iter().enumerate() {
        if from != at || filter.keep {
            columns.push((column.clone(), Source::Moved(from)));
        }
        if from == at {
            let mut maker: Option<Box<dyn Maker>> = Some(Box::new(Expansion::new(&filter.columns)));
            columns.extend(filter.columns.iter().map(|column| {
                let source = maker.take().map_or(Source::Further, |maker| Source::Made(at, maker));
                (Column::new(&column.name, column_type(column.to)), source)
            }));
        }
    }
    let unfitting = match filter.invalid {
        Invalid::Stop => Unfitting::Stop,
        Invalid::Tolerate => Unfitting::Skip,
    };
    Ok(Make::new("expand_json", unfitting, schema, columns))
}

struct Expansion(Vec<Part>);

struct Part {
    path: JsonPath,
    to: EmbulkType,
    reader: TimeReader,
}

impl Expansion {
    fn new(columns: &[Expanded]) -> Self {
        let parts = columns.iter().map(|column| Part {
            path: column.path.clone(),
            to: column.to,
            reader: TimeReader::new(&column.format, column.zone.zone.clone()),
        });
        Self(parts.collect())
    }
}

impl Maker for Expansion {
    fn make(&mut self, cell: Cell<'_>, made: &mut Vec<Option<Value>>) -> Result<(), Unfit> {
        let (Cell::Json(text) | Cell::Text(text)) = cell else { return Err(unfit(EmbulkType::Json)) };
        if text.is_empty() {
            return Ok(());
        }
        let json = Json::parse(text)?;
        for part in &mut self.0 {
            let mut found = Vec::new();
            json.find(&part.path.steps, &mut found);
            let value = match part.path.is_definite() {
                true => found.first().map(|value| (*value).clone()),
                false => Some(Json::List(found.into_iter().cloned().collect())),
            };
            made.push(match value {
                None | Some(Json::Null) => None,
                Some(value) => Some(part.value(value)?),
            });
        }
        Ok(())
    }
}

impl Part {
    fn value(&mut self, json: Json) -> Result<Value, Unfit> {
        if self.to == EmbulkType::Json {
            return Ok(Value::Text(json.to_text().into_bytes()));
        }
        let text = json.into_plain();
        Ok(match self.to {
            EmbulkType::Boolean => Value::Long(i64::from(text.eq_ignore_ascii_case("true"))),
            // A long may be written with an exponent.
            EmbulkType::Long => {
                let long = text.parse().ok().or_else(|| whole(java_double(&text)?));
                Value::Long(long.ok_or(Unfit("has a part that cannot become a long"))?)
            }
            EmbulkType::Double => {
                Value::Double(java_double(&text).ok_or(Unfit("has a part that cannot become a double"))?)
            }
            EmbulkType::Timestamp => {
                let instant = self.reader.read(&text);
                Value::Long(instant.ok_or(Unfit("has a part that cannot become a timestamp"))?)
            }
            EmbulkType::String | EmbulkType::Json => Value::Text(text.into_bytes()),
        })
    }
}
