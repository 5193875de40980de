//! `column_options` of the database inputs: a value fetched as `value_type` and turned into `type`.
//!
//! Embulk gives NULL in every row for pairs that mean nothing (a string as boolean, a date as long); so it is here,
//! with a note. What fails under Embulk is refused before the read.

mod getter;

pub(super) use self::getter::Driver;
use self::getter::{Getter, Taken};
use crate::embulk::config::EmbulkType;
use crate::embulk::input::{ColumnOption, ValueType};
use crate::embulk::zone::Zone;
use crate::transfer::civil::{DAY, Date, SECOND};
use crate::transfer::encode::cell::CellWriter;
use crate::transfer::encode::number::{
    push_i64, push_java_double, push_java_float, push_padded, push_two, push_u64,
};
use crate::transfer::encode::{Clock, ClockForm, Form, Unfit};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::explain::loss::{Fate, Loss};
use crate::transfer::explain::probe;
use crate::transfer::page::{Buffer, ColumnBuffer};
use crate::transfer::schema::{ColumnType, Zones};
use crate::transfer::strftime::{Dialect, TimeFormat, push_time_span};
use crate::transfer::value::Value;

/// A value as the source gives it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Given<'v> {
    Long(i64),
    UnsignedLong(u64),
    Float(f32),
    Double(f64),
    Text(&'v [u8]),
}

impl Given<'_> {
    /// Adds the value to a column of its own type.
    #[inline]
    pub(super) fn push(&self, column: &mut ColumnBuffer) -> Result<(), Unfit> {
        let fits = match *self {
            Self::Long(value) => column.push_long(value),
            Self::UnsignedLong(value) => column.push_unsigned(value),
            Self::Float(value) => column.push_double(f64::from(value)),
            Self::Double(value) => column.push_double(value),
            Self::Text(text) => column.push_text(text),
        };
        if fits { Ok(()) } else { Err(Unfit("has another type than its column")) }
    }

    /// As a double: 64-bit floats as they are, others to the nearest.
    fn double(&self) -> Option<f64> {
        match *self {
            Self::Long(value) => Some(value as f64),
            Self::UnsignedLong(value) => Some(value as f64),
            Self::Float(value) => Some(f64::from(value)),
            Self::Double(value) => Some(value),
            Self::Text(text) => std::str::from_utf8(text).ok()?.trim().parse().ok(),
        }
    }
}

/// What the config makes of the values of a column.
#[derive(Debug, Clone)]
pub(super) struct Conversion {
    /// The type in the source.
    source: ColumnType,
    /// The type before the step.
    from: ColumnType,
    getter: Getter,
    step: Step,
    scratch: Vec<u8>,
    /// What the getter made.
    digits: Vec<u8>,
    /// Values that became NULL because they are not what they should become.
    unfit: u64,
}

/// What is said of those.
pub(super) const UNFIT: &str = "values that did not fit became NULL";

#[derive(Debug, Clone)]
enum Step {
    /// The value stays, only its type is another.
    Keep,
    /// The server's own text, then a number or JSON of it.
    ServerText(Then),
    /// A number as text: decimals plain, floats in Java's notation.
    NumberText,
    /// `true` or `false`.
    BooleanText,
    /// 1 or 0.
    BooleanDigit,
    /// A clock through a format.
    Formatted(Box<CellWriter>),
    /// A number as integer: floats are rounded, decimals cut.
    Long,
    /// A number as double.
    Double,
    /// A number as boolean: true above zero.
    Boolean,
    /// NULL in every row.
    Null,
}

/// What becomes of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Text,
    /// NULL when it is not an integer.
    Long,
    /// NULL when it is not a number.
    Double,
    /// NULL when it is not JSON.
    Json,
}

fn null_words(name: &str, kind: ColumnType, to: ColumnType) -> String {
    let to = to.embulk().word();
    format!("column `{name}`: `type: {to}` of a {} column is NULL in every row", kind.word())
}

/// NULL in every row of a column, whatever it holds, and the note about it.
pub(super) fn nulls(name: &str, from: ColumnType, to: EmbulkType) -> (ColumnType, Conversion, String) {
    let to = column_type(to);
    (to, Conversion::new(from, Getter::Own, Step::Null), null_words(name, from, to))
}

fn column_type(to: EmbulkType) -> ColumnType {
    match to {
        EmbulkType::Boolean => ColumnType::Boolean,
        EmbulkType::Long => ColumnType::Long,
        EmbulkType::Double => ColumnType::Double,
        EmbulkType::Timestamp => ColumnType::Timestamp,
        EmbulkType::Json => ColumnType::Json,
        EmbulkType::String => ColumnType::String,
    }
}

/// The type of a column whose option makes every row NULL.
fn null_type(taken: &Taken, option: &ColumnOption) -> Option<ColumnType> {
    use EmbulkType::{Boolean, Double, Json, Long, String, Timestamp};
    let to = option.column_type?;
    let null = match taken {
        Taken::Text => matches!(to, Boolean | Timestamp),
        Taken::Json => matches!(to, Boolean | Long | Double | Timestamp),
        Taken::Of(kind, _) => match kind.embulk() {
            Json => false,
            String => matches!(to, Boolean | Timestamp),
            Timestamp => matches!(to, Boolean | Long | Double),
            Boolean | Long | Double => matches!(to, Json | Timestamp),
        },
    };
    null.then(|| column_type(to))
}

/// What one input knows that decides about its columns.
#[derive(Clone, Copy)]
pub(super) struct Rules<'r> {
    pub(super) driver: Driver,
    /// `default_timezone`.
    pub(super) zone: &'r Zone,
    pub(super) zones: &'r Zones,
}

/// What becomes of a column.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Its type then.
    pub(super) kind: ColumnType,
    /// How its values get there; none: as they are.
    pub(super) conversion: Option<Conversion>,
    /// What people should know.
    pub(super) note: Option<String>,
}

/// The column's type under an option and how its values get there.
pub(super) fn plan(
    name: &str,
    kind: ColumnType,
    option: Option<&ColumnOption>,
    rules: Rules<'_>,
) -> Result<Outcome, TransferError> {
    let as_it_is = Outcome { kind, conversion: None, note: None };
    let Some(option) = option else { return Ok(as_it_is) };
    let refused = || refusal(name, kind, option);
    let taken = getter::taken(kind, option, rules.driver, rules.zones).ok_or_else(refused)?;
    if let Some(to) = null_type(&taken, option) {
        let conversion = Conversion::new(kind, Getter::Own, Step::Null);
        let note = Some(null_words(name, kind, to));
        return Ok(Outcome { kind: to, conversion: Some(conversion), note });
    }
    let (from, getter) = match taken {
        Taken::Text => return Ok(conversion(kind, Getter::Own, server_text(option.column_type))),
        Taken::Json => return Ok(conversion(kind, Getter::Own, json_text(option.column_type))),
        Taken::Of(from, getter) => (from, getter),
    };
    let to = option.column_type;
    let step = match from.embulk() {
        EmbulkType::Json => Some((from, Step::Keep)),
        EmbulkType::String => text_step(from, to),
        EmbulkType::Timestamp => clock_step(from, option, rules),
        EmbulkType::Boolean => flag_step(from, to),
        EmbulkType::Long | EmbulkType::Double => number_step(from, to),
    };
    match (step, &getter) {
        (Some((to, Step::Keep)), Getter::Own) if to == kind => Ok(as_it_is),
        (Some(step), _) => {
            let mut outcome = conversion(from, getter, step);
            if let Some(conversion) = &mut outcome.conversion {
                conversion.source = kind;
            }
            Ok(outcome)
        }
        (None, _) => Err(refused()),
    }
}

fn conversion(from: ColumnType, getter: Getter, (kind, step): (ColumnType, Step)) -> Outcome {
    Outcome { kind, conversion: Some(Conversion::new(from, getter, step)), note: None }
}

/// Booleans and timestamps never come of a text; they are NULL.
fn server_text(to: Option<EmbulkType>) -> (ColumnType, Step) {
    let (to, then) = match to {
        Some(EmbulkType::Long) => (ColumnType::Long, Then::Long),
        Some(EmbulkType::Double) => (ColumnType::Double, Then::Double),
        Some(EmbulkType::Json) => (ColumnType::Json, Then::Json),
        _ => (ColumnType::String, Then::Text),
    };
    (to, Step::ServerText(then))
}

fn json_text(to: Option<EmbulkType>) -> (ColumnType, Step) {
    match to {
        Some(EmbulkType::String) => (ColumnType::String, Step::ServerText(Then::Text)),
        _ => (ColumnType::Json, Step::ServerText(Then::Json)),
    }
}

fn text_step(kind: ColumnType, to: Option<EmbulkType>) -> Option<(ColumnType, Step)> {
    match to {
        None | Some(EmbulkType::String) => Some((kind, Step::Keep)),
        to => Some(server_text(to)),
    }
}

fn clock_step(kind: ColumnType, option: &ColumnOption, rules: Rules<'_>) -> Option<(ColumnType, Step)> {
    match option.column_type {
        None | Some(EmbulkType::Timestamp) => Some((kind, Step::Keep)),
        Some(EmbulkType::String) => {
            // All three kinds of clock have the default of dates.
            let format =
                TimeFormat::parse(option.timestamp_format.as_deref().unwrap_or("%Y-%m-%d"), Dialect::Embulk);
            let zone = option.timezone.as_ref().unwrap_or(rules.zone).zone.clone();
            let form = Form::Clock(ClockForm { format, clock: Clock::In(zone) });
            let writer = CellWriter::new(kind, form, rules.zones);
            Some((ColumnType::String, Step::Formatted(Box::new(writer))))
        }
        Some(_) => None,
    }
}

fn flag_step(kind: ColumnType, to: Option<EmbulkType>) -> Option<(ColumnType, Step)> {
    match to {
        None | Some(EmbulkType::Boolean) => Some((kind, Step::Keep)),
        Some(EmbulkType::Long) => Some((ColumnType::Long, Step::BooleanDigit)),
        Some(EmbulkType::Double) => Some((ColumnType::Double, Step::BooleanDigit)),
        Some(EmbulkType::String) => Some((ColumnType::String, Step::BooleanText)),
        Some(EmbulkType::Json | EmbulkType::Timestamp) => None,
    }
}

fn number_step(kind: ColumnType, to: Option<EmbulkType>) -> Option<(ColumnType, Step)> {
    let Some(to) = to else { return Some((kind, Step::Keep)) };
    match to {
        EmbulkType::Long if kind == ColumnType::Long => Some((kind, Step::Keep)),
        EmbulkType::Long => Some((ColumnType::Long, Step::Long)),
        EmbulkType::Double if kind.embulk() == EmbulkType::Double => Some((kind, Step::Keep)),
        EmbulkType::Double => Some((ColumnType::Double, Step::Double)),
        EmbulkType::String => Some((ColumnType::String, Step::NumberText)),
        EmbulkType::Boolean => Some((ColumnType::Boolean, Step::Boolean)),
        EmbulkType::Json | EmbulkType::Timestamp => None,
    }
}

fn refusal(name: &str, kind: ColumnType, option: &ColumnOption) -> TransferError {
    let value_type = ValueType::NAMES.iter().find(|(_, known)| *known == option.value_type);
    let value_type = value_type.map_or("coalesce", |(name, _)| name);
    let asked = EmbulkType::NAMES.iter().find(|(_, known)| Some(*known) == option.column_type);
    let asked = asked.map_or(String::new(), |(name, _)| format!(" with `type: {name}`"));
    let word = kind.word();
    TransferError::new(
        ErrorKind::Config,
        format!("`value_type: {value_type}`{asked} cannot be used for the {word} column `{name}`"),
    )
    .hint("choose another type in `column_options`")
}

impl Conversion {
    fn new(from: ColumnType, getter: Getter, step: Step) -> Self {
        Self { source: from, from, getter, step, scratch: Vec::new(), digits: Vec::new(), unfit: 0 }
    }

    /// What is made of the values, in words.
    pub(super) fn words(&self) -> String {
        let words = match &self.step {
            Step::Keep => "taken as it is",
            Step::ServerText(Then::Text) => "the server's own text",
            Step::ServerText(Then::Long) => "the server's own text as a whole number",
            Step::ServerText(Then::Double) => "the server's own text as a double",
            Step::ServerText(Then::Json) => "the server's own text as JSON",
            Step::NumberText => "the number as text",
            Step::BooleanText => "`true` or `false`",
            Step::BooleanDigit => "1 or 0",
            Step::Formatted(writer) => return writer.words(),
            Step::Long => "a whole number",
            Step::Double => "the nearest double",
            Step::Boolean => "true above zero",
            Step::Null => "NULL in every row",
        };
        words.to_owned()
    }

    /// Whether nothing but true and false comes out.
    pub(super) fn makes_flags(&self) -> bool {
        matches!(self.step, Step::Boolean)
    }

    /// What does not come through, in a column that is of type `to` afterwards.
    pub(super) fn losses(&mut self, to: ColumnType, zones: &Zones) -> Vec<Loss> {
        if matches!(self.step, Step::Null) {
            return vec![Loss::new("every value", Fate::Null)];
        }
        let from = self.source;
        probe::losses(from, zones, None, &mut |value| {
            let mut column = ColumnBuffer::new(to.storage());
            self.push(&given(from, value), &mut column)?;
            Ok(probe::arrived(&column))
        })
    }

    /// How many values became NULL because they are not what they should become.
    pub(super) fn unfit_count(&self) -> u64 {
        self.unfit
    }

    /// Adds a value to the column.
    pub(super) fn push(&mut self, given: &Given<'_>, column: &mut ColumnBuffer) -> Result<(), Unfit> {
        let nulls = column.validity.null_count();
        self.convert(given, column)?;
        if column.validity.null_count() > nulls && !matches!(self.step, Step::Null) {
            self.unfit += 1;
        }
        Ok(())
    }

    fn convert(&mut self, given: &Given<'_>, column: &mut ColumnBuffer) -> Result<(), Unfit> {
        let Self { from, getter, step, scratch, digits, .. } = self;
        let given = &getter.get(*given, digits)?;
        scratch.clear();
        let to = match (step, *given) {
            (Step::Keep, _) => return given.push(column),
            (Step::Null, _) => {
                column.push_null();
                return Ok(());
            }
            (Step::ServerText(then), _) => {
                push_server_text(*from, given, scratch)?;
                return push_parsed(*then, scratch, column);
            }
            (Step::NumberText, _) => {
                push_number(given, scratch);
                Given::Text(scratch)
            }
            (Step::BooleanText, _) => Given::Text(if truth(given) { b"true" } else { b"false" }),
            (Step::BooleanDigit, _) if matches!(column.data, Buffer::Double(_)) => {
                Given::Double(f64::from(u8::from(truth(given))))
            }
            (Step::BooleanDigit, _) => Given::Long(i64::from(truth(given))),
            (Step::Formatted(writer), Given::Long(value)) => {
                writer.long(value, scratch)?;
                Given::Text(scratch)
            }
            (Step::Formatted(_), _) => return Err(Unfit("has another type than its column")),
            (Step::Long, _) => match whole(given)? {
                Some(value) => Given::Long(value),
                None => {
                    column.push_null();
                    return Ok(());
                }
            },
            (Step::Double, _) => Given::Double(given.double().ok_or(Unfit("is not a number"))?),
            (Step::Boolean, _) => Given::Long(i64::from(given.double().is_some_and(|value| value > 0.0))),
        };
        to.push(column)
    }
}

/// A value as the source would give it.
fn given(kind: ColumnType, value: &Value) -> Given<'_> {
    match value {
        Value::Long(value) => Given::Long(*value),
        Value::UnsignedLong(value) => Given::UnsignedLong(*value),
        Value::Double(value) if kind == ColumnType::Float => Given::Float(*value as f32),
        Value::Double(value) => Given::Double(*value),
        Value::Text(text) => Given::Text(text),
    }
}

/// Embulk's rule for flags: -1 and numbers above zero are true.
fn truth(given: &Given<'_>) -> bool {
    match *given {
        Given::Long(value) => value == -1 || value > 0,
        Given::UnsignedLong(value) => value > 0,
        _ => given.double().is_some_and(|value| value > 0.0),
    }
}

/// Floats to the nearest integer, NaN and infinities to none; decimals cut.
fn whole(given: &Given<'_>) -> Result<Option<i64>, Unfit> {
    let out_of_range = Unfit("is not a number that an integer of 64 bits can hold");
    match *given {
        Given::Long(value) => Ok(Some(value)),
        Given::UnsignedLong(value) => i64::try_from(value).map(Some).map_err(|_| out_of_range),
        Given::Text(text) => {
            let end = text.iter().position(|byte| *byte == b'.').unwrap_or(text.len());
            let digits = std::str::from_utf8(&text[..end]).ok().and_then(|digits| digits.parse().ok());
            digits.map(Some).ok_or(out_of_range)
        }
        Given::Float(_) | Given::Double(_) => {
            let value = given.double().unwrap_or(f64::NAN).round();
            let fits = value > -9_223_372_036_854_777_856.0 && value < 9_223_372_036_854_775_808.0;
            if value.is_finite() && !fits {
                Err(out_of_range)
            } else {
                Ok(value.is_finite().then_some(value as i64))
            }
        }
    }
}

fn push_number(given: &Given<'_>, out: &mut Vec<u8>) {
    match *given {
        Given::Long(value) => push_i64(value, out),
        Given::UnsignedLong(value) => push_u64(value, out),
        Given::Float(value) => push_java_float(value, out),
        Given::Double(value) => push_java_double(value, out),
        Given::Text(text) => out.extend_from_slice(text),
    }
}

/// The text that the server has for a value. Date and time have at least one digit of a second, as Java writes them.
fn push_server_text(kind: ColumnType, given: &Given<'_>, out: &mut Vec<u8>) -> Result<(), Unfit> {
    match (kind, *given) {
        (ColumnType::Date, Given::Long(days)) => push_date(Date::from_days(days), out),
        (ColumnType::DateTime | ColumnType::Timestamp, Given::Long(micros)) => {
            push_date(Date::from_days(micros.div_euclid(DAY)), out);
            let of_day = micros.rem_euclid(DAY);
            let seconds = u32::try_from(of_day / SECOND).unwrap_or(0);
            for (mark, part) in [(b' ', seconds / 3600), (b':', seconds / 60 % 60), (b':', seconds % 60)] {
                out.push(mark);
                push_two(part, out);
            }
            out.push(b'.');
            push_padded((of_day % SECOND).unsigned_abs(), 6, out);
            while out.ends_with(b"0") && !out.ends_with(b".0") {
                out.pop();
            }
        }
        (ColumnType::Time, Given::Long(micros)) => {
            push_time_span(micros, out);
            if out.ends_with(b".000000") {
                out.truncate(out.len() - b".000000".len());
            }
        }
        (ColumnType::Year, Given::Long(year)) => push_padded(year.unsigned_abs(), 4, out),
        (ColumnType::Bytes | ColumnType::String, Given::Text(text)) => {
            std::str::from_utf8(text).map_err(|_| Unfit("is not text in UTF-8"))?;
            out.extend_from_slice(text);
        }
        _ => push_number(given, out),
    }
    Ok(())
}

fn push_date(date: Date, out: &mut Vec<u8>) {
    push_padded(date.year.unsigned_abs(), 4, out);
    out.push(b'-');
    push_two(date.month, out);
    out.push(b'-');
    push_two(date.day, out);
}

fn push_parsed(then: Then, text: &[u8], column: &mut ColumnBuffer) -> Result<(), Unfit> {
    let words = std::str::from_utf8(text).unwrap_or_default();
    let parsed = match then {
        Then::Text => Some(Given::Text(text)),
        Then::Long => words.parse().ok().map(Given::Long),
        Then::Double => words.trim().parse().ok().map(Given::Double),
        Then::Json => {
            serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok().then_some(Given::Text(text))
        }
    };
    match parsed {
        Some(given) => given.push(column),
        None => {
            column.push_null();
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
