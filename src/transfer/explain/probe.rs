//! What a conversion loses, found by trying it: telling values go through the code that moves rows, and two values that
//! arrive as the same have lost what made them differ.
//!
//! Nothing here says what any conversion does; the pairs only say what is worth asking of a type.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::loss::{Fate, Loss};
use crate::transfer::civil::{DAY, SECOND};
use crate::transfer::encode::Unfit;
use crate::transfer::page::{Buffer, ColumnBuffer};
use crate::transfer::schema::{ColumnType, TimeDetail, Zones};
use crate::transfer::value::Value;

/// 2024-02-29T12:34:56, a day that leaps.
const MOMENT: i64 = 1_709_210_096 * SECOND;
/// The day of it.
const MOMENTS_DAY: i64 = 19_782;
/// What numbers lose that become doubles.
pub(super) const DIGITS: &str = "digits beyond the 15th";
const HOUR: i64 = 3600 * SECOND;
/// The first whole number that a double cannot tell from its neighbour.
const BEYOND_DOUBLE: i64 = 9_007_199_254_740_993;

/// What arrives of a value.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::transfer) enum Arrived {
    /// This.
    Is(Vec<u8>),
    /// NULL.
    Null,
}

/// Two values that differ in one thing only, or one value that may not fit.
struct Question {
    what: String,
    values: Vec<Value>,
    /// What is lost with it: questions that need not be asked once this one is answered with a loss.
    covers: usize,
}

fn pair(what: &str, left: Value, right: Value) -> Question {
    Question { what: what.to_owned(), values: vec![left, right], covers: 0 }
}

fn limit(what: &str, value: Value) -> Question {
    Question { what: what.to_owned(), values: vec![value], covers: 0 }
}

fn longs(what: &str, left: i64, right: i64) -> Question {
    pair(what, Value::Long(left), Value::Long(right))
}

impl Question {
    /// The next questions ask for parts of the same.
    fn covering(mut self, next: usize) -> Self {
        self.covers = next;
        self
    }
}

/// A value that shows best what is made of a type.
pub(super) fn telling(kind: ColumnType, zones: &Zones) -> Value {
    match kind {
        ColumnType::Boolean => Value::Long(2),
        ColumnType::Flag => Value::Long(1),
        ColumnType::Long => Value::Long(42),
        ColumnType::UnsignedLong => Value::UnsignedLong(u64::MAX),
        ColumnType::Float => Value::Double(f64::from(1.2345_f32)),
        ColumnType::Double => Value::Double(0.1),
        ColumnType::Decimal { precision, scale } => Value::Text(digits(precision, scale, '9').into_bytes()),
        ColumnType::String => Value::Text("text".into()),
        ColumnType::Bytes => Value::Text("日".into()),
        ColumnType::Json => Value::Text("{\"b\": 1.50, \"a\": [1, 2]}".into()),
        ColumnType::Date => Value::Long(MOMENTS_DAY),
        ColumnType::DateTime | ColumnType::Timestamp => Value::Long(MOMENT + 123_456),
        // No server but MySQL has more than a day of them.
        ColumnType::Time if zones.time == TimeDetail::Seconds => Value::Long(30 * HOUR + SECOND / 2),
        ColumnType::Time => Value::Long(12 * HOUR + SECOND / 2),
        ColumnType::Year => Value::Long(2024),
        ColumnType::Bit { width } => Value::UnsignedLong(1 << (width - 1)),
    }
}

/// What a type loses on a way. `way` is asked for what arrives of values of the type.
pub(in crate::transfer) fn losses(
    kind: ColumnType,
    zones: &Zones,
    shown: Option<&TimeZone>,
    way: &mut dyn FnMut(&Value) -> Result<Arrived, Unfit>,
) -> Vec<Loss> {
    let mut found: Vec<Loss> = Vec::new();
    let mut skip = 0;
    for question in questions(kind, zones, shown) {
        if skip > 0 {
            skip -= 1;
            continue;
        }
        if let Some(fate) = answer(&question.values, way) {
            skip = question.covers;
            found.push(Loss::new(question.what, fate));
        }
    }
    found
}

fn answer(values: &[Value], way: &mut dyn FnMut(&Value) -> Result<Arrived, Unfit>) -> Option<Fate> {
    let mut arrived = Vec::new();
    for value in values {
        match way(value) {
            Ok(one) => arrived.push(one),
            Err(_) => return Some(Fate::Fails),
        }
    }
    if arrived.contains(&Arrived::Null) {
        return Some(Fate::Null);
    }
    (arrived.len() > 1 && arrived[0] == arrived[1]).then_some(Fate::Lost)
}

fn questions(kind: ColumnType, zones: &Zones, shown: Option<&TimeZone>) -> Vec<Question> {
    let other_numbers = "values other than 0 and 1";
    match kind {
        ColumnType::Boolean => vec![longs(other_numbers, 1, 2)],
        ColumnType::Flag => Vec::new(),
        ColumnType::Long => {
            vec![longs(other_numbers, 1, 2).covering(1), longs(DIGITS, BEYOND_DOUBLE, BEYOND_DOUBLE - 1)]
        }
        ColumnType::UnsignedLong => vec![
            pair(other_numbers, Value::UnsignedLong(1), Value::UnsignedLong(2)).covering(2),
            limit("above 9223372036854775807", Value::UnsignedLong(u64::MAX)),
            pair(
                DIGITS,
                Value::UnsignedLong(BEYOND_DOUBLE.unsigned_abs()),
                Value::UnsignedLong(BEYOND_DOUBLE.unsigned_abs() - 1),
            ),
        ],
        ColumnType::Float | ColumnType::Double => {
            vec![pair("fractions", Value::Double(1.25), Value::Double(1.5))]
        }
        ColumnType::Decimal { precision, scale } => decimals(precision, scale),
        ColumnType::String => vec![
            limit("a text that is not of the type", Value::Text("text?".into())).covering(1),
            limit("a NUL character", Value::Text("a\0b".into())),
        ],
        ColumnType::Bytes => vec![limit("bytes that are not UTF-8", Value::Text(vec![0xff]))],
        ColumnType::Json => Vec::new(),
        ColumnType::Date => vec![longs("the date", MOMENTS_DAY, MOMENTS_DAY + 1)],
        ColumnType::DateTime => moments().into_iter().chain(skipped_hour(&zones.server)).collect(),
        ColumnType::Timestamp => moments().into_iter().chain(repeated_hour(shown)).collect(),
        ColumnType::Time => times(zones.time),
        ColumnType::Year => vec![longs("the year", 2024, 2025)],
        ColumnType::Bit { width } => bits(width),
    }
}

fn decimals(precision: u8, scale: u8) -> Vec<Question> {
    let text = |text: String| Value::Text(text.into_bytes());
    let mut asked = Vec::new();
    let most = if precision > 76 { 40 } else { usize::from(scale) };
    if most > 0 {
        asked.push(pair("fractions", Value::Text("1.2".into()), Value::Text("1.4".into())).covering(1));
        let small = format!("0.{}", "0".repeat(most - 1));
        let what = "digits after the point that the type has no room for";
        asked.push(pair(what, text(format!("{small}1")), text(format!("{small}2"))));
    }
    if precision > 15 {
        asked.push(pair(DIGITS, text(digits(precision, scale, '1')), text(digits(precision, scale, '2'))));
    }
    asked
}

/// As many digits as a decimal has, ending in one that is given.
fn digits(precision: u8, scale: u8, last: char) -> String {
    // Without a limit: more than any number that is not made to measure.
    let (precision, scale) = if precision > 76 { (40, 10) } else { (precision, scale) };
    let mut digits: String = "1234567890".chars().cycle().take(usize::from(precision) - 1).collect();
    digits.push(last);
    if scale > 0 {
        digits.insert(usize::from(precision - scale.min(precision)), '.');
    }
    if digits.starts_with('.') { format!("0{digits}") } else { digits }
}

fn moments() -> [Question; 4] {
    [
        longs("the date", MOMENT, MOMENT + DAY),
        longs("the time of day", MOMENT, MOMENT + HOUR).covering(2),
        longs("fractions of a second", MOMENT + SECOND / 4, MOMENT + SECOND / 2).covering(1),
        longs("digits of a second beyond the third", MOMENT + 1, MOMENT + 2),
    ]
}

fn times(detail: TimeDetail) -> Vec<Question> {
    let mut asked = Vec::new();
    if detail == TimeDetail::Seconds {
        asked.push(limit("below 00:00:00 or beyond 23:59:59", Value::Long(30 * HOUR)).covering(2));
        asked.push(longs("the sign", -HOUR, HOUR));
        asked.push(longs("hours beyond 24", 6 * HOUR, 30 * HOUR));
    } else {
        asked.push(limit("24:00:00", Value::Long(DAY)));
    }
    asked.push(longs("the time of day", HOUR, 2 * HOUR).covering(2));
    asked.push(longs("fractions of a second", HOUR + SECOND / 4, HOUR + SECOND / 2).covering(1));
    asked.push(longs("digits of a second beyond the third", HOUR + 1, HOUR + 2));
    asked
}

fn bits(width: u8) -> Vec<Question> {
    // Neither looks like the digits 0 or 1 in the first byte, which mean something to Embulk's driver.
    let high = width.div_ceil(8).saturating_sub(1) * 8;
    let (one, two) = (Value::UnsignedLong(1), Value::UnsignedLong(2));
    let mut asked = vec![pair("all but whether it is true", one, two)];
    if high > 0 {
        let first = |rest: u64| Value::UnsignedLong((1 << high) + rest);
        asked[0].covers = 2;
        asked.push(pair("bits after the first byte", first(1), first(2)));
    }
    if width == 64 {
        asked.push(limit("above 9223372036854775807", Value::UnsignedLong(u64::MAX)));
    }
    asked
}

/// The hour that a zone skips when clocks go forward: its wall clocks are the same instants as later ones.
fn skipped_hour(zone: &TimeZone) -> Option<Question> {
    let change = change_of(zone, |change| change > 0)?;
    // The first wall clock that does not exist, and the one that many seconds later.
    let gap = (change.at + i64::from(change.before)) * SECOND;
    let (half, whole) = (i64::from(change.by) * SECOND / 2, i64::from(change.by) * SECOND);
    Some(longs("which clock it was, in hours that the zone skips", gap + half, gap + half + whole))
}

/// The hour that a zone has twice when clocks go back, where the shown clock does not say which one it is.
fn repeated_hour(shown: Option<&TimeZone>) -> Option<Question> {
    let change = change_of(shown?, |change| change < 0)?;
    let half = i64::from(change.by) * SECOND / 2;
    let at = change.at * SECOND;
    Some(longs("which of two instants it was, in hours that the zone has twice", at + half, at - half))
}

/// A change of a zone's clocks, in seconds.
struct Change {
    at: i64,
    /// The offset before it.
    before: i32,
    by: i32,
}

fn change_of(zone: &TimeZone, wanted: impl Fn(i32) -> bool) -> Option<Change> {
    let start = Timestamp::from_second(MOMENT / SECOND).ok()?;
    let mut before = zone.to_offset(start).seconds();
    for transition in zone.following(start).take(4) {
        let after = transition.offset().seconds();
        if wanted(after - before) {
            return Some(Change { at: transition.timestamp().as_second(), before, by: after - before });
        }
        before = after;
    }
    None
}

/// The one value of a column as bytes that differ where values differ.
pub(in crate::transfer) fn arrived(column: &ColumnBuffer) -> Arrived {
    if !column.validity.is_valid(0) {
        return Arrived::Null;
    }
    Arrived::Is(match &column.data {
        Buffer::Long(values) => values[0].to_be_bytes().to_vec(),
        Buffer::UnsignedLong(values) => values[0].to_be_bytes().to_vec(),
        Buffer::Double(values) => values[0].to_be_bytes().to_vec(),
        Buffer::Text(texts) => texts.get(0).to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::trial::Trial;
    use super::*;
    use crate::transfer::encode::{Clock, Form, Rendering};
    use crate::transfer::schema::Column;
    use crate::transfer::target::{ColumnTarget, Excess, Room};

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn lost(kind: ColumnType, form: Form, room: Room) -> Vec<String> {
        let zones = Zones { server: zone("Europe/Paris"), ..Zones::utc() };
        let target = ColumnTarget::text("T", form.clone(), room);
        let trial = Trial::new(&Column::new("c", kind), &target, &zones);
        let found = losses(kind, &zones, form.shown_zone(), &mut |value| trial.arrived(value));
        found.iter().map(ToString::to_string).collect()
    }

    fn clock(format: &str, name: &str) -> Form {
        Rendering::clock(format, Clock::In(zone(name))).form
    }

    #[test]
    fn numbers() {
        let decimal = ColumnType::Decimal { precision: 20, scale: 2 };
        let room = |excess| Room::Digits { whole: 18, scale: 1, excess };
        let after = "digits after the point that the type has no room for";
        for (kind, form, room, expected) in [
            (decimal, Form::Digits, Room::All, vec![]),
            (decimal, Form::Digits, Room::Double, vec![DIGITS.to_owned()]),
            (decimal, Form::Float, Room::All, vec![DIGITS.to_owned()]),
            (decimal, Form::Digits, room(Excess::Rounded), vec![after.to_owned(), DIGITS.to_owned()]),
            (
                decimal,
                Form::Digits,
                room(Excess::Refused),
                vec![format!("{after}: fails"), format!("{DIGITS}: fails")],
            ),
            (decimal, Form::Truncated, Room::All, vec!["fractions".to_owned(), DIGITS.to_owned()]),
            (ColumnType::Boolean, Form::Boolean, Room::All, vec!["values other than 0 and 1".to_owned()]),
            (ColumnType::Boolean, Form::Flag, Room::All, vec!["values other than 0 and 1: fails".to_owned()]),
            (ColumnType::Boolean, Form::Integer, Room::All, vec![]),
            (
                ColumnType::Bit { width: 9 },
                Form::Boolean,
                Room::All,
                vec!["all but whether it is true".to_owned()],
            ),
            (ColumnType::Bit { width: 64 }, Form::Digits, Room::All, vec![]),
            (ColumnType::UnsignedLong, Form::Digits, Room::All, vec![]),
            (
                ColumnType::UnsignedLong,
                Form::Integer,
                Room::Double,
                vec!["above 9223372036854775807: fails".to_owned(), DIGITS.to_owned()],
            ),
            (ColumnType::Bytes, Form::Text, Room::All, vec!["bytes that are not UTF-8: fails".to_owned()]),
            (ColumnType::Bytes, Form::Base64, Room::All, vec![]),
        ] {
            assert_eq!(lost(kind, form.clone(), room), expected, "{kind:?} {form:?}");
        }
    }

    #[test]
    fn clocks() {
        let full = "%Y-%m-%d %H:%M:%S.%6N";
        let twice = "which of two instants it was, in hours that the zone has twice";
        let skipped = "which clock it was, in hours that the zone skips";
        for (kind, form, expected) in [
            (ColumnType::Timestamp, clock(full, "Asia/Tokyo"), vec![]),
            (ColumnType::Timestamp, clock(full, "Europe/Paris"), vec![twice]),
            (ColumnType::Timestamp, clock("%Y-%m-%d %H:%M:%S.%6N %z", "Europe/Paris"), vec![]),
            (
                ColumnType::Timestamp,
                clock("%Y-%m-%d %H:%M:%S.%3N", "UTC"),
                vec!["digits of a second beyond the third"],
            ),
            (ColumnType::Timestamp, clock("%Y-%m-%d", "UTC"), vec!["the time of day"]),
            (ColumnType::Timestamp, clock("%H:%M:%S.%6N", "UTC"), vec!["the date"]),
            (ColumnType::DateTime, clock(full, "UTC"), vec![skipped]),
            (ColumnType::DateTime, Rendering::natural(ColumnType::DateTime).form, vec![]),
            (ColumnType::Date, clock(full, "UTC"), vec![]),
            (
                ColumnType::Time,
                clock(full, "UTC"),
                vec!["the sign", "hours beyond 24", "fractions of a second"],
            ),
            (ColumnType::Time, Form::TimeOfDay, vec!["below 00:00:00 or beyond 23:59:59: fails"]),
            (ColumnType::Time, Form::TimeSpan, vec![]),
        ] {
            assert_eq!(lost(kind, form.clone(), Room::All), expected, "{kind:?} {form:?}");
        }
    }
}
