//! `column_options` of the database inputs: a value fetched as `value_type` and turned into `type`.
//!
//! Embulk gives NULL in every row for pairs that mean nothing (a string as boolean, a date as long); so it is here,
//! with a note. What fails under Embulk is refused before the read.

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
use crate::transfer::page::ColumnBuffer;
use crate::transfer::schema::{ColumnType, Zones};
use crate::transfer::strftime::{TimeFormat, push_time_span};
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
#[derive(Debug)]
pub(super) struct Conversion {
    /// The type before.
    from: ColumnType,
    step: Step,
    scratch: Vec<u8>,
    /// Values that became NULL because they are not what they should become.
    unfit: u64,
}

/// What is said of those.
pub(super) const UNFIT: &str = "values that did not fit became NULL";

#[derive(Debug)]
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

/// What people should know of an option that makes every row NULL.
pub(super) fn null_note(name: &str, kind: ColumnType, option: Option<&ColumnOption>) -> Option<String> {
    Some(null_words(name, kind, null_type(kind, option?)?))
}

fn null_words(name: &str, kind: ColumnType, to: ColumnType) -> String {
    let to = to.embulk().word();
    format!("column `{name}`: `type: {to}` of a {} column is NULL in every row", kind.word())
}

/// NULL in every row of a column, whatever it holds, and the note about it.
pub(super) fn nulls(name: &str, from: ColumnType, to: EmbulkType) -> (ColumnType, Conversion, String) {
    let to = column_type(to);
    (to, Conversion { from, step: Step::Null, scratch: Vec::new(), unfit: 0 }, null_words(name, from, to))
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
fn null_type(kind: ColumnType, option: &ColumnOption) -> Option<ColumnType> {
    use EmbulkType::{Boolean, Double, Json, Long, Timestamp};
    let to = option.column_type?;
    let of_text = option.value_type == ValueType::String || kind == ColumnType::String;
    let null = match (kind.embulk(), to) {
        (Json, _) => false,
        _ if kind == ColumnType::Bytes && option.value_type != ValueType::String => false,
        _ if of_text => matches!(to, Boolean | Timestamp),
        (Timestamp, to) => matches!(to, Boolean | Long | Double),
        (_, to) => matches!(to, Json | Timestamp),
    };
    null.then(|| column_type(to))
}

/// The column's type under an option and how its values get there.
pub(super) fn plan(
    name: &str,
    kind: ColumnType,
    option: Option<&ColumnOption>,
    default_zone: &Zone,
    zones: &Zones,
) -> Result<(ColumnType, Option<Conversion>), TransferError> {
    let Some(option) = option else { return Ok((kind, None)) };
    let step = if let Some(to) = null_type(kind, option) {
        Some((to, Step::Null))
    } else if option.value_type == ValueType::String {
        server_text(kind, option.column_type)
    } else {
        match kind.embulk() {
            // The plugin takes JSON as it is, whatever is asked for.
            EmbulkType::Json => Some((kind, Step::Keep)),
            EmbulkType::String => text_step(kind, option),
            EmbulkType::Timestamp => clock_step(kind, option, default_zone, zones),
            EmbulkType::Boolean if !is_numeric(option.value_type) => flag_step(kind, option),
            _ => number_step(kind, option),
        }
    };
    match step {
        Some((to, Step::Keep)) if to == kind => Ok((kind, None)),
        Some((to, step)) => Ok((to, Some(Conversion { from: kind, step, scratch: Vec::new(), unfit: 0 }))),
        None => Err(refusal(name, kind, option)),
    }
}

fn is_numeric(value_type: ValueType) -> bool {
    matches!(value_type, ValueType::Long | ValueType::Float | ValueType::Double | ValueType::Decimal)
}

fn server_text(kind: ColumnType, to: Option<EmbulkType>) -> Option<(ColumnType, Step)> {
    let (to, then) = match to {
        _ if kind == ColumnType::Json => return Some((kind, Step::Keep)),
        None | Some(EmbulkType::String) => (ColumnType::String, Then::Text),
        Some(EmbulkType::Long) => (ColumnType::Long, Then::Long),
        Some(EmbulkType::Double) => (ColumnType::Double, Then::Double),
        Some(EmbulkType::Json) => (ColumnType::Json, Then::Json),
        Some(EmbulkType::Boolean | EmbulkType::Timestamp) => return None,
    };
    Some((to, Step::ServerText(then)))
}

fn text_step(kind: ColumnType, option: &ColumnOption) -> Option<(ColumnType, Step)> {
    let to = match (option.value_type, option.column_type) {
        _ if kind == ColumnType::Bytes => return None,
        (ValueType::Coalesce, to) => to.unwrap_or(EmbulkType::String),
        (ValueType::Json, to) => to.unwrap_or(EmbulkType::Json),
        _ => return None,
    };
    match to {
        EmbulkType::String => Some((kind, Step::Keep)),
        EmbulkType::Long => Some((ColumnType::Long, Step::ServerText(Then::Long))),
        EmbulkType::Double => Some((ColumnType::Double, Step::ServerText(Then::Double))),
        EmbulkType::Json => Some((ColumnType::Json, Step::ServerText(Then::Json))),
        EmbulkType::Boolean | EmbulkType::Timestamp => None,
    }
}

fn clock_step(
    kind: ColumnType,
    option: &ColumnOption,
    zone: &Zone,
    zones: &Zones,
) -> Option<(ColumnType, Step)> {
    let own = match option.value_type {
        ValueType::Coalesce => true,
        ValueType::Date => kind == ColumnType::Date,
        ValueType::Time => kind == ColumnType::Time,
        ValueType::Timestamp => matches!(kind, ColumnType::DateTime | ColumnType::Timestamp),
        _ => false,
    };
    match option.column_type {
        _ if !own => None,
        None | Some(EmbulkType::Timestamp) => Some((kind, Step::Keep)),
        Some(EmbulkType::String) => {
            // All three kinds of clock have the default of dates.
            let format = TimeFormat::parse(option.timestamp_format.as_deref().unwrap_or("%Y-%m-%d"));
            let zone = option.timezone.as_ref().unwrap_or(zone).zone.clone();
            let form = Form::Clock(ClockForm { format, clock: Clock::In(zone) });
            Some((ColumnType::String, Step::Formatted(Box::new(CellWriter::new(kind, form, zones)))))
        }
        Some(_) => None,
    }
}

fn flag_step(kind: ColumnType, option: &ColumnOption) -> Option<(ColumnType, Step)> {
    if !matches!(option.value_type, ValueType::Coalesce | ValueType::Boolean) {
        return None;
    }
    match option.column_type {
        None | Some(EmbulkType::Boolean) => Some((kind, Step::Keep)),
        Some(EmbulkType::Long) => Some((ColumnType::Long, Step::BooleanDigit)),
        Some(EmbulkType::String) => Some((ColumnType::String, Step::BooleanText)),
        Some(_) => None,
    }
}

fn number_step(kind: ColumnType, option: &ColumnOption) -> Option<(ColumnType, Step)> {
    let getter = match option.value_type {
        ValueType::Coalesce => None,
        ValueType::Long => Some(EmbulkType::Long),
        ValueType::Float | ValueType::Double | ValueType::Decimal => Some(EmbulkType::Double),
        ValueType::Boolean => Some(EmbulkType::Boolean),
        _ => return None,
    };
    match option.column_type.or(getter) {
        None => Some((kind, Step::Keep)),
        Some(EmbulkType::Long) => match kind {
            ColumnType::Long | ColumnType::Boolean | ColumnType::Flag => Some((ColumnType::Long, Step::Keep)),
            _ => Some((ColumnType::Long, Step::Long)),
        },
        Some(EmbulkType::Double) => match kind {
            ColumnType::Float | ColumnType::Double | ColumnType::Decimal { .. } => Some((kind, Step::Keep)),
            _ => Some((ColumnType::Double, Step::Double)),
        },
        Some(EmbulkType::String) => Some((ColumnType::String, Step::NumberText)),
        Some(EmbulkType::Boolean) => Some((ColumnType::Boolean, Step::Boolean)),
        Some(EmbulkType::Json | EmbulkType::Timestamp) => None,
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
        let (from, shown) = (self.from, None);
        probe::losses(from, zones, shown, &mut |value| {
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
        self.scratch.clear();
        let to = match (&mut self.step, *given) {
            (Step::Keep, _) => return given.push(column),
            (Step::Null, _) => {
                column.push_null();
                return Ok(());
            }
            (Step::ServerText(then), _) => {
                push_server_text(self.from, given, &mut self.scratch)?;
                return push_parsed(*then, &self.scratch, column);
            }
            (Step::NumberText, _) => {
                push_number(given, &mut self.scratch);
                Given::Text(&self.scratch)
            }
            (Step::BooleanText, _) => Given::Text(if truth(given) { b"true" } else { b"false" }),
            (Step::BooleanDigit, _) => Given::Long(i64::from(truth(given))),
            (Step::Formatted(writer), Given::Long(value)) => {
                writer.long(value, &mut self.scratch)?;
                Given::Text(&self.scratch)
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
mod tests {
    use super::*;
    use crate::transfer::page::Buffer;

    fn option(value_type: ValueType, column_type: Option<EmbulkType>) -> ColumnOption {
        ColumnOption { value_type, column_type, timestamp_format: None, timezone: None }
    }

    /// The new type and the value as text; none for NULL.
    fn convert(kind: ColumnType, option: &ColumnOption, given: Given<'_>) -> (ColumnType, Option<String>) {
        let (to, conversion) = plan("c", kind, Some(option), &Zone::utc(), &Zones::utc()).unwrap();
        let mut column = ColumnBuffer::new(to.storage());
        match conversion {
            Some(mut conversion) => conversion.push(&given, &mut column).unwrap(),
            None => given.push(&mut column).unwrap(),
        }
        let text = match &column.data {
            Buffer::Long(values) => values[0].to_string(),
            Buffer::UnsignedLong(values) => values[0].to_string(),
            Buffer::Double(values) => values[0].to_string(),
            Buffer::Text(texts) => String::from_utf8(texts.get(0).to_vec()).unwrap(),
        };
        (to, column.validity.is_valid(0).then_some(text))
    }

    #[test]
    fn values_become_what_the_options_say() {
        let decimal = ColumnType::Decimal { precision: 20, scale: 2 };
        let some = |text: &str| Some(text.to_owned());
        let to = |column_type| option(ValueType::Coalesce, Some(column_type));
        let string = option(ValueType::String, None);
        for (kind, option, given, expected) in [
            (
                decimal,
                to(EmbulkType::String),
                Given::Text(b"123456789012345678.12"),
                some("123456789012345678.12"),
            ),
            (decimal, to(EmbulkType::Long), Given::Text(b"-12.9"), some("-12")),
            (ColumnType::Boolean, option(ValueType::Long, None), Given::Long(7), some("7")),
            (ColumnType::Boolean, to(EmbulkType::Long), Given::Long(7), some("1")),
            (ColumnType::Boolean, to(EmbulkType::String), Given::Long(-1), some("true")),
            (
                ColumnType::UnsignedLong,
                string.clone(),
                Given::UnsignedLong(u64::MAX),
                some("18446744073709551615"),
            ),
            (ColumnType::Double, to(EmbulkType::Long), Given::Double(2.5), some("3")),
            (ColumnType::Double, to(EmbulkType::Long), Given::Double(f64::NAN), None),
            (ColumnType::Double, to(EmbulkType::String), Given::Double(1e-5), some("1.0E-5")),
            (ColumnType::Float, to(EmbulkType::String), Given::Float(1.2345), some("1.2345")),
            (
                ColumnType::DateTime,
                string.clone(),
                Given::Long(1_433_421_296_000_000),
                some("2015-06-04 12:34:56.0"),
            ),
            (
                ColumnType::DateTime,
                to(EmbulkType::String),
                Given::Long(1_433_421_296_000_000),
                some("2015-06-04"),
            ),
            (ColumnType::Date, string.clone(), Given::Long(16_590), some("2015-06-04")),
            (ColumnType::Bytes, string.clone(), Given::Text("日本".as_bytes()), some("日本")),
            (ColumnType::String, to(EmbulkType::Long), Given::Text(b"x"), None),
            (ColumnType::String, option(ValueType::Json, None), Given::Text(b"{\"a\":1}"), some("{\"a\":1}")),
            (ColumnType::String, option(ValueType::Json, None), Given::Text(b"{"), None),
            (ColumnType::Json, string, Given::Text(b"[1]"), some("[1]")),
        ] {
            assert_eq!(convert(kind, &option, given).1, expected, "{kind:?} {option:?}");
        }
    }

    #[test]
    fn pairs_that_mean_nothing_are_null_in_every_row_and_noted() {
        for (kind, option) in [
            (ColumnType::String, option(ValueType::Coalesce, Some(EmbulkType::Boolean))),
            (ColumnType::Long, option(ValueType::Coalesce, Some(EmbulkType::Timestamp))),
            (ColumnType::Long, option(ValueType::String, Some(EmbulkType::Boolean))),
            (ColumnType::Double, option(ValueType::Coalesce, Some(EmbulkType::Json))),
            (ColumnType::Date, option(ValueType::Coalesce, Some(EmbulkType::Long))),
        ] {
            let given = if kind == ColumnType::String { Given::Text(b"true") } else { Given::Long(1) };
            assert_eq!(convert(kind, &option, given).1, None);
            assert!(null_note("c", kind, Some(&option)).is_some());
        }
        let option = option(ValueType::Coalesce, Some(EmbulkType::Boolean));
        assert_eq!(
            null_note("c", ColumnType::String, Some(&option)).unwrap(),
            "column `c`: `type: boolean` of a string column is NULL in every row"
        );
    }

    #[test]
    fn pairs_that_fail_under_embulk_are_refused() {
        for (kind, option) in [
            (ColumnType::Date, option(ValueType::Long, None)),
            (ColumnType::Bytes, option(ValueType::Coalesce, None)),
        ] {
            assert!(plan("c", kind, Some(&option), &Zone::utc(), &Zones::utc()).is_err());
        }
        let option = option(ValueType::Date, Some(EmbulkType::Json));
        let error = plan("c", ColumnType::Date, Some(&option), &Zone::utc(), &Zones::utc()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`value_type: date` with `type: json` cannot be used for the date column `c`"
        );
    }
}
