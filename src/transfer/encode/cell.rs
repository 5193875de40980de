//! One column's values as text: the rendering of the column, put together once with what it needs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::json_text::push_compact_json;
use super::number::{
    push_decimal_as_ruby_float, push_i64, push_java_double, push_padded, push_ruby_float, push_u64,
};
use super::{Clock, ClockForm, Converted, EpochUnit, Form, Unfit};
use crate::transfer::civil::{DAY, Date, SECOND};
use crate::transfer::page::{Buffer, ColumnBuffer};
use crate::transfer::schema::{ColumnType, TimeDetail, Zones};
use crate::transfer::strftime::{WallClock, push_time_span};
use crate::transfer::zone::ZoneClock;

const WRONG_FORM: Unfit = Unfit("cannot be written in this form");
const ABOVE_LONG: Unfit = Unfit("is above 9223372036854775807, the limit of an integer");
const NO_INSTANT: Unfit = Unfit("is not an instant between the years -9999 and 9999");

/// Writes the values of one column.
#[derive(Debug, Clone)]
pub(in crate::transfer) struct CellWriter {
    kind: ColumnType,
    form: Form,
    /// The zone that wall clocks of the column are in.
    source: ZoneClock,
    /// The zone that is shown.
    shown: Option<ZoneClock>,
    /// What a TIME keeps when it becomes an instant.
    time: TimeDetail,
    /// Values that became NULL.
    nulls: u64,
}

impl CellWriter {
    pub(in crate::transfer) fn new(kind: ColumnType, form: Form, zones: &Zones) -> Self {
        let source = kind.source_zone(zones).cloned().unwrap_or(jiff::tz::TimeZone::UTC);
        let shown = match &form {
            Form::Clock(ClockForm { clock: Clock::In(zone), .. }) => Some(ZoneClock::new(zone.clone())),
            _ => None,
        };
        Self { kind, form, source: ZoneClock::new(source), shown, time: zones.time, nulls: 0 }
    }

    /// How many values became NULL so far.
    pub(in crate::transfer) fn null_count(&self) -> u64 {
        self.nulls
    }

    /// What becomes of the values, in words.
    pub(in crate::transfer) fn words(&self) -> String {
        let zone = self.source.zone();
        let zones =
            Zones { server: zone.clone(), process: zone.clone(), clock: zone.clone(), time: self.time };
        self.form.words(self.kind, &zones)
    }

    /// Appends the text of a value that is not NULL.
    pub(in crate::transfer) fn write(
        &mut self,
        column: &ColumnBuffer,
        row: usize,
        out: &mut Vec<u8>,
    ) -> Result<Converted, Unfit> {
        match &column.data {
            Buffer::Long(values) => self.long(values[row], out)?,
            Buffer::UnsignedLong(values) => self.unsigned(values[row], out)?,
            Buffer::Double(values) => self.double(values[row], out)?,
            Buffer::Text(texts) => {
                let written = self.text(texts.get(row), out)?;
                self.nulls += u64::from(written == Converted::Null);
                return Ok(written);
            }
        }
        Ok(Converted::Text)
    }

    /// Appends an integer, boolean or temporal value.
    pub(in crate::transfer) fn long(&mut self, value: i64, out: &mut Vec<u8>) -> Result<(), Unfit> {
        match &self.form {
            Form::Integer | Form::Digits | Form::Truncated | Form::Text => push_i64(value, out),
            Form::Boolean => push_boolean(value == -1 || value > 0, out),
            Form::Flag if (0..=1).contains(&value) => push_boolean(value == 1, out),
            Form::Flag => return Err(Unfit("is neither 0 nor 1")),
            Form::BooleanDigit => out.push(if value == -1 || value > 0 { b'1' } else { b'0' }),
            Form::Float => {
                push_ruby_float(value as f64, out);
            }
            Form::Clock(_) => return self.clock(value, out),
            Form::Epoch(unit) => {
                let unit = *unit;
                push_epoch(self.instant(value)?, unit, out);
            }
            Form::TimeSpan => push_time_span(value, out),
            Form::TimeOfDay if (0..DAY).contains(&value) => push_time_span(value, out),
            Form::TimeOfDay => return Err(Unfit("is not a time of day (below 00:00:00 or beyond 23:59:59)")),
            Form::JavaFloat | Form::Json | Form::Base64 | Form::TextWith(_) => return Err(WRONG_FORM),
        }
        Ok(())
    }

    fn unsigned(&self, value: u64, out: &mut Vec<u8>) -> Result<(), Unfit> {
        match &self.form {
            Form::Integer | Form::Truncated if i64::try_from(value).is_err() => return Err(ABOVE_LONG),
            Form::Integer | Form::Digits | Form::Truncated | Form::Text => push_u64(value, out),
            Form::Boolean => push_boolean(is_true(self.kind, value), out),
            Form::BooleanDigit => out.push(if is_true(self.kind, value) { b'1' } else { b'0' }),
            Form::Float => {
                push_ruby_float(value as f64, out);
            }
            _ => return Err(WRONG_FORM),
        }
        Ok(())
    }

    fn double(&self, value: f64, out: &mut Vec<u8>) -> Result<(), Unfit> {
        if let Form::JavaFloat = self.form {
            push_java_double(value, out);
            return Ok(());
        }
        let written = match &self.form {
            Form::Float | Form::Text | Form::Digits => push_ruby_float(value, out),
            Form::Truncated | Form::Integer => return push_truncated(value, out),
            Form::TextWith(conversion) => {
                let mut text = Vec::new();
                push_ruby_float(value, &mut text) && conversion.convert(&text, out)? == Converted::Text
            }
            _ => return Err(WRONG_FORM),
        };
        if written { Ok(()) } else { Err(Unfit("is not a finite number")) }
    }

    fn text(&self, text: &[u8], out: &mut Vec<u8>) -> Result<Converted, Unfit> {
        match &self.form {
            Form::Text => {
                std::str::from_utf8(text).map_err(|_| Unfit("is not text in UTF-8"))?;
                out.extend_from_slice(text);
            }
            Form::Digits => out.extend_from_slice(text),
            Form::Float => push_decimal_as_float(text, out),
            Form::Truncated | Form::Integer => {
                let end = text.iter().position(|byte| *byte == b'.').unwrap_or(text.len());
                out.extend_from_slice(&text[..end]);
            }
            Form::Json => push_compact_json(text, out),
            Form::Base64 => {
                let start = out.len();
                out.resize(start + text.len().div_ceil(3) * 4, 0);
                // The space is exactly what the encoding takes.
                STANDARD.encode_slice(text, &mut out[start..]).map_err(|_| WRONG_FORM)?;
            }
            Form::TextWith(conversion) => return conversion.convert(text, out),
            _ => return Err(WRONG_FORM),
        }
        Ok(Converted::Text)
    }

    fn clock(&mut self, value: i64, out: &mut Vec<u8>) -> Result<(), Unfit> {
        let Form::Clock(ClockForm { format, clock }) = &self.form else { return Err(WRONG_FORM) };
        let shown = match clock {
            Clock::Wall => {
                let zone = if self.kind == ColumnType::Timestamp { "UTC" } else { "" };
                WallClock { micros: wall(self.kind, value, Span::Exact), offset: 0, zone }
            }
            Clock::In(_) => {
                let instant = instant(self.kind, &mut self.source, self.time, value)?;
                let shown = self.shown.as_mut().ok_or(WRONG_FORM)?;
                let (offset, zone) = shown.at(instant).ok_or(NO_INSTANT)?;
                WallClock { micros: instant + i64::from(offset) * SECOND, offset, zone }
            }
        };
        format.write(&shown, out);
        Ok(())
    }

    /// The instant that Embulk makes of a temporal value.
    pub(in crate::transfer) fn instant(&mut self, value: i64) -> Result<i64, Unfit> {
        instant(self.kind, &mut self.source, self.time, value)
    }
}

/// Whether a TIME keeps what Embulk's driver drops.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Span {
    /// Sign, hours and fraction are kept.
    Exact,
    /// As an instant.
    AsEmbulk(TimeDetail),
}

/// Microseconds of the column's own clock.
fn wall(kind: ColumnType, value: i64, span: Span) -> i64 {
    match kind {
        ColumnType::Date => value.saturating_mul(DAY),
        ColumnType::Year => Date { year: value, month: 1, day: 1 }.days().saturating_mul(DAY),
        ColumnType::Time if span == Span::AsEmbulk(TimeDetail::Seconds) => {
            let seconds = value.unsigned_abs() / 1_000_000 % 86_400;
            i64::try_from(seconds).unwrap_or(0) * SECOND
        }
        ColumnType::Time if span == Span::AsEmbulk(TimeDetail::Milliseconds) => {
            value - value.rem_euclid(1000)
        }
        _ => value,
    }
}

/// The instant that Embulk makes of a temporal value.
fn instant(kind: ColumnType, source: &mut ZoneClock, time: TimeDetail, value: i64) -> Result<i64, Unfit> {
    match kind {
        ColumnType::Timestamp => Ok(value),
        ColumnType::Date | ColumnType::DateTime | ColumnType::Time | ColumnType::Year => {
            source.instant(wall(kind, value, Span::AsEmbulk(time))).ok_or(NO_INSTANT)
        }
        _ => Err(WRONG_FORM),
    }
}

/// Connector/J looks at the first byte of a BIT(n) alone: the digit 1, -1 and positive bytes are true.
pub(in crate::transfer) fn is_true(kind: ColumnType, value: u64) -> bool {
    let ColumnType::Bit { width } = kind else { return value > 0 };
    let bytes = u32::from(width.div_ceil(8).max(1));
    let first = (value >> (8 * (bytes - 1))) as u8;
    first != b'0' && (first == u8::MAX || (1..128).contains(&first))
}

fn push_boolean(value: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

fn push_epoch(instant: i64, unit: EpochUnit, out: &mut Vec<u8>) {
    match unit {
        // JRuby's `Time#to_i`, which the plugin asks, cuts the fraction off.
        EpochUnit::Seconds => push_i64(instant / SECOND, out),
        EpochUnit::Milliseconds => push_i64(instant.div_euclid(1000), out),
        EpochUnit::Microseconds => push_i64(instant, out),
        EpochUnit::SecondsWithFraction => {
            if instant < 0 {
                out.push(b'-');
            }
            let micros = instant.unsigned_abs();
            push_u64(micros / 1_000_000, out);
            out.push(b'.');
            push_padded(micros % 1_000_000, 6, out);
            while out.ends_with(b"0") && !out.ends_with(b".0") {
                out.pop();
            }
        }
    }
}

fn push_truncated(value: f64, out: &mut Vec<u8>) -> Result<(), Unfit> {
    // Both bounds are exact doubles; the upper one is the first that does not fit.
    if value.is_finite() && value > -9_223_372_036_854_777_856.0 && value < 9_223_372_036_854_775_808.0 {
        push_i64(value.trunc() as i64, out);
        Ok(())
    } else {
        Err(Unfit("is not a number that an integer of 64 bits can hold"))
    }
}

/// Decimal digits as the nearest double in Ruby's notation.
fn push_decimal_as_float(text: &[u8], out: &mut Vec<u8>) {
    if !push_decimal_as_ruby_float(text, out) {
        out.extend_from_slice(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::schema::Zones;
    use crate::transfer::strftime::{Dialect, TimeFormat};
    use jiff::tz::TimeZone;

    fn column(kind: ColumnType, push: impl FnOnce(&mut ColumnBuffer) -> bool) -> ColumnBuffer {
        let mut column = ColumnBuffer::new(kind.storage());
        assert!(push(&mut column));
        column
    }

    fn tokyo() -> TimeZone {
        TimeZone::get("Asia/Tokyo").unwrap()
    }

    fn write(kind: ColumnType, form: Form, zones: &Zones, column: &ColumnBuffer) -> Result<String, Unfit> {
        let mut out = Vec::new();
        CellWriter::new(kind, form, zones).write(column, 0, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    fn long(kind: ColumnType, form: Form, value: i64) -> Result<String, Unfit> {
        write(kind, form, &Zones::utc(), &column(kind, |column| column.push_long(value)))
    }

    fn text(kind: ColumnType, form: Form, value: &str) -> Result<String, Unfit> {
        write(kind, form, &Zones::utc(), &column(kind, |column| column.push_text(value.as_bytes())))
    }

    #[test]
    fn tinyint_of_width_one_is_true_by_embulks_rule() {
        for (value, expected) in [(-2, "false"), (-1, "true"), (0, "false"), (1, "true"), (2, "true")] {
            assert_eq!(long(ColumnType::Boolean, Form::Boolean, value).as_deref(), Ok(expected));
        }
        assert_eq!(long(ColumnType::Boolean, Form::Integer, 2).as_deref(), Ok("2"));
    }

    #[test]
    fn bits_are_true_by_their_first_byte() {
        let kind = ColumnType::Bit { width: 16 };
        for (value, expected) in
            [(0x31_00, "true"), (0x30_ff, "false"), (0xff_00, "true"), (0x80_01, "false"), (1, "false")]
        {
            let column = column(kind, |column| column.push_unsigned(value));
            assert_eq!(write(kind, Form::Boolean, &Zones::utc(), &column).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn wall_clocks_are_shown_as_stored_or_through_the_zones() {
        let zones = Zones { server: tokyo(), ..Zones::utc() };
        let noon = Date { year: 2015, month: 6, day: 4 }.days() * DAY + 12 * 3600 * SECOND;
        let column = column(ColumnType::DateTime, |column| column.push_long(noon));
        let format = TimeFormat::parse("%Y-%m-%d %H:%M:%S%:z", Dialect::Embulk);
        let show = |clock| {
            let form = Form::Clock(ClockForm { format: format.clone(), clock });
            write(ColumnType::DateTime, form, &zones, &column).unwrap()
        };
        assert_eq!(show(Clock::In(tokyo())), "2015-06-04 12:00:00+09:00");
        assert_eq!(show(Clock::In(TimeZone::UTC)), "2015-06-04 03:00:00+00:00");
        assert_eq!(show(Clock::Wall), "2015-06-04 12:00:00+00:00");
    }

    #[test]
    fn times_lose_sign_hours_and_fraction_only_where_embulk_drops_them() {
        let value = -(30 * 3600 * SECOND + 5);
        let embulk = Form::Clock(ClockForm {
            format: TimeFormat::parse("%F %T.%6N", Dialect::Embulk),
            clock: Clock::In(TimeZone::UTC),
        });
        assert_eq!(long(ColumnType::Time, embulk, value).as_deref(), Ok("1970-01-01 06:00:00.000000"));
        assert_eq!(long(ColumnType::Time, Form::TimeSpan, value).as_deref(), Ok("-30:00:00.000005"));
        assert!(long(ColumnType::Time, Form::TimeOfDay, value).is_err());
        assert_eq!(long(ColumnType::Time, Form::TimeOfDay, 5).as_deref(), Ok("00:00:00.000005"));
    }

    #[test]
    fn seconds_are_cut_and_milliseconds_round_down() {
        for (unit, expected) in [
            (EpochUnit::Seconds, "-1"),
            (EpochUnit::Milliseconds, "-1500"),
            (EpochUnit::Microseconds, "-1500000"),
            (EpochUnit::SecondsWithFraction, "-1.5"),
        ] {
            assert_eq!(long(ColumnType::Timestamp, Form::Epoch(unit), -1_500_000).as_deref(), Ok(expected));
        }
        let form = Form::Epoch(EpochUnit::SecondsWithFraction);
        assert_eq!(long(ColumnType::Timestamp, form, 100_000_000).as_deref(), Ok("100.0"));
    }

    #[test]
    fn texts_of_every_form() {
        let decimal = ColumnType::Decimal { precision: 20, scale: 2 };
        assert_eq!(
            text(decimal, Form::Digits, "123456789012345678.12").as_deref(),
            Ok("123456789012345678.12")
        );
        assert_eq!(text(decimal, Form::Truncated, "-12.90").as_deref(), Ok("-12"));
        assert_eq!(text(decimal, Form::Float, "1.50").as_deref(), Ok("1.5"));
        assert_eq!(text(ColumnType::Bytes, Form::Base64, "ab").as_deref(), Ok("YWI="));
        let json = "{ \"a b\" : [ 1 , \"x \\\" y\" ] }\n";
        assert_eq!(text(ColumnType::Json, Form::Json, json).as_deref(), Ok("{\"a b\":[1,\"x \\\" y\"]}"));
        assert_eq!(text(ColumnType::String, Form::Boolean, "x"), Err(WRONG_FORM));
    }

    #[test]
    fn doubles_that_are_no_integers() {
        for (value, expected) in [(1.9, Ok("1")), (-1.9, Ok("-1"))] {
            let column = column(ColumnType::Double, |column| column.push_double(value));
            let written = write(ColumnType::Double, Form::Truncated, &Zones::utc(), &column);
            assert_eq!(written.as_deref(), expected.as_deref().map_err(|error: &Unfit| error));
        }
        let column = column(ColumnType::Double, |column| column.push_double(f64::INFINITY));
        assert!(write(ColumnType::Double, Form::Float, &Zones::utc(), &column).is_err());
        assert!(write(ColumnType::Double, Form::Truncated, &Zones::utc(), &column).is_err());
    }
}
