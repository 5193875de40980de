//! What Embulk would have sent for the same value: its six types, by the forms that its mapping has here. Where it keeps
//! a value otherwise than this program does under its mapping, that is done here.

use jiff::tz::TimeZone;

use crate::embulk::config::{EmbulkType, TypeMapping};
use crate::embulk::output::OutputConfig;
use crate::transfer::encode::{Clock, Rendering};
use crate::transfer::output;
use crate::transfer::preview;
use crate::transfer::schema::{Column, ColumnType, Schema, Zones};
use crate::transfer::target::{ColumnTarget, Room, Written};
use crate::transfer::value::Value;

use super::trial::{Sent, Trial};

/// What Embulk does with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmbulkSide {
    /// It sends a text to a column of a type.
    Sends {
        /// The type, as the target names it; Embulk's own where it has no such target.
        type_name: String,
        /// What it sends.
        sent: Sent,
    },
    /// Something that no text shows.
    Does(&'static str),
}

/// What the columns would become; none where Embulk takes no such target.
pub(super) fn targets(config: &OutputConfig, schema: &Schema) -> Option<Vec<ColumnTarget>> {
    let columns = schema.columns.iter().map(|column| Column::new(&column.name, kind(column.kind)));
    let schema = Schema { columns: columns.collect(), zones: schema.zones.clone() };
    output::targets(&config.with_types(TypeMapping::Embulk), &schema).ok()
}

/// Digits pass through a double; everything else is what it is here under Embulk's mapping.
fn kind(kind: ColumnType) -> ColumnType {
    match kind {
        ColumnType::Decimal { .. } => ColumnType::Double,
        other => other,
    }
}

/// What Embulk does with a value of a column.
pub(super) fn side(
    holds: ColumnType,
    value: &Value,
    embulk_type: Option<EmbulkType>,
    target: Option<&ColumnTarget>,
    zones: &Zones,
) -> EmbulkSide {
    match (holds, embulk_type) {
        (_, None) => return EmbulkSide::Does("refuses the column"),
        (ColumnType::Json, _) => return EmbulkSide::Does("parses JSON and writes it anew"),
        (ColumnType::Bytes, _) => return EmbulkSide::Does("takes each byte for a letter"),
        _ => {}
    }
    let value = match (value, kind(holds)) {
        (Value::Text(digits), ColumnType::Double) => {
            let digits = String::from_utf8_lossy(digits);
            Value::Double(digits.parse().unwrap_or_default())
        }
        (other, _) => other.clone(),
    };
    let column = Column::new("", kind(holds));
    let own = |target: &ColumnTarget| Trial::new(&column, target, zones).sent(&value);
    match target {
        Some(target) if !matches!(target.written, Written::Parquet(_)) => {
            EmbulkSide::Sends { type_name: target.type_name.clone(), sent: own(target) }
        }
        // It writes no Parquet: what its own type holds.
        _ => {
            let word = kind(holds).embulk().word();
            let shown = ColumnTarget::text(word, shown(kind(holds)).form, Room::All);
            EmbulkSide::Sends { type_name: word.to_owned(), sent: own(&shown) }
        }
    }
}

/// How a value of Embulk's own types is shown.
fn shown(kind: ColumnType) -> Rendering {
    match kind.embulk() {
        EmbulkType::Timestamp => Rendering::clock("%Y-%m-%d %H:%M:%S.%6N %:z", Clock::In(TimeZone::UTC)),
        _ => preview::rendering(kind),
    }
}

/// A value as the source has it.
pub(super) fn value_text(holds: ColumnType, value: &Value, zones: &Zones) -> String {
    let rendering = match holds {
        ColumnType::Boolean => Rendering::natural(ColumnType::Long),
        ColumnType::Bytes => Rendering::natural(ColumnType::String),
        other => Rendering::natural(other),
    };
    let target = ColumnTarget::text("", rendering.form, Room::All);
    let sent = Trial::new(&Column::new("", holds), &target, zones).sent(value);
    sent.text().unwrap_or_default().to_owned()
}
