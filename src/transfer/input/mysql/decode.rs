//! The driver's values into column buffers, by a plan that is made once per column.

use mysql::Value;

use super::super::SourceColumn;
use super::super::convert::{self, Conversion, Given};
use crate::transfer::civil::{DAY, Date, SECOND};
use crate::transfer::encode::Unfit;
use crate::transfer::explain::loss::{Fate, Loss};
use crate::transfer::page::ColumnBuffer;
use crate::transfer::report::Change;
use crate::transfer::schema::{ColumnType, Zones};
use crate::transfer::zone::ZoneClock;

const OTHER_TYPE: Unfit = Unfit("has another type than its column");

/// How the values of one column are read.
pub(super) struct Decoder {
    kind: ColumnType,
    /// What the config makes of the value, when not the column's own type.
    conversion: Option<Conversion>,
    /// The zone in which the session shows TIMESTAMP.
    session: ZoneClock,
    zero_dates: ZeroDates,
    /// Zero dates that became NULL.
    zero_date_count: u64,
    /// Dates with a month or day of zero that became the one before.
    rolled_date_count: u64,
}

/// What becomes of `0000-00-00` (`zeroDateTimeBehavior`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ZeroDates {
    /// NULL, counted.
    Null,
    /// An error.
    Refuse,
    /// The first day of the year 1.
    Round,
}

impl Decoder {
    pub(super) fn new(
        kind: ColumnType,
        conversion: Option<Conversion>,
        session: &jiff::tz::TimeZone,
        zero_dates: ZeroDates,
    ) -> Self {
        let session = ZoneClock::new(session.clone());
        Self { kind, conversion, session, zero_dates, zero_date_count: 0, rolled_date_count: 0 }
    }

    /// The column as the source has it, for one of type `to`.
    pub(super) fn told(&mut self, type_name: String, to: ColumnType, zones: &Zones) -> SourceColumn {
        let losses = self.losses();
        let refused = self.kind == ColumnType::Bytes && self.conversion.is_none();
        let column = SourceColumn::new(type_name, to, self.conversion.as_mut(), zones, losses);
        SourceColumn { embulk: column.embulk.filter(|_| !refused), ..column }
    }

    /// What does not come in as it is stored.
    fn losses(&self) -> Vec<Loss> {
        let zero = match self.zero_dates {
            ZeroDates::Null => Fate::Null,
            ZeroDates::Refuse => Fate::Fails,
            ZeroDates::Round => Fate::Becomes("0001-01-01"),
        };
        match self.kind {
            ColumnType::Year if zero == Fate::Null => vec![Loss::new("0000", zero)],
            ColumnType::Timestamp => vec![Loss::new("zero dates", zero)],
            ColumnType::Date | ColumnType::DateTime => vec![
                Loss::new("zero dates", zero),
                Loss::new("dates with a month or day of zero", Fate::Becomes("the month or day before")),
            ],
            _ => Vec::new(),
        }
    }

    /// What became of values so far.
    pub(super) fn changes(&self, column: &str) -> Vec<Change> {
        let unfit = self.conversion.as_ref().map_or(0, Conversion::unfit_count);
        let counts = [
            (self.zero_date_count, "zero dates became NULL"),
            (self.rolled_date_count, "dates with a month or day of zero became the one before"),
            (unfit, convert::UNFIT),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        counts.map(|(count, what)| Change::of(column, what, count)).collect()
    }

    /// Whether values of a column of this type can be read. Precision and length of expressions are known later than
    /// their type.
    pub(super) fn reads(&self, kind: ColumnType) -> bool {
        std::mem::discriminant(&self.kind) == std::mem::discriminant(&kind)
    }

    /// Adds a value to the column.
    pub(super) fn push(&mut self, value: &Value, column: &mut ColumnBuffer) -> Result<(), Unfit> {
        if *value == Value::NULL {
            column.push_null();
            return Ok(());
        }
        let given = match self.kind {
            ColumnType::Year if self.zero_dates == ZeroDates::Null && long(value)? == 0 => {
                self.zero_date_count += 1;
                column.push_null();
                return Ok(());
            }
            ColumnType::Boolean | ColumnType::Flag | ColumnType::Long | ColumnType::Year => {
                Given::Long(long(value)?)
            }
            ColumnType::UnsignedLong | ColumnType::Bit { .. } => Given::UnsignedLong(unsigned(value)?),
            ColumnType::Float => Given::Float(float(value)?),
            ColumnType::Double => Given::Double(double(value)?),
            ColumnType::Decimal { .. } => Given::Text(unpadded(text(value)?)),
            ColumnType::String | ColumnType::Bytes | ColumnType::Json => Given::Text(text(value)?),
            ColumnType::Time => Given::Long(time(value)?),
            ColumnType::Date | ColumnType::DateTime | ColumnType::Timestamp => {
                let Some(micros) = self.moment(value)? else {
                    column.push_null();
                    return Ok(());
                };
                Given::Long(micros)
            }
        };
        match &mut self.conversion {
            Some(conversion) => conversion.push(&given, column),
            None => given.push(column),
        }
    }

    /// Days of a DATE, microseconds of the others; none for a zero date that becomes NULL.
    fn moment(&mut self, value: &Value) -> Result<Option<i64>, Unfit> {
        let Value::Date(year, month, day, hour, minute, second, micros) = *value else {
            return Err(OTHER_TYPE);
        };
        let date = Date { year: i64::from(year), month: u32::from(month), day: u32::from(day) };
        let Some(days) = self.days(date)? else { return Ok(None) };
        if self.kind == ColumnType::Date {
            return Ok(Some(days));
        }
        let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
        let wall = days * DAY + seconds * SECOND + i64::from(micros);
        if self.kind == ColumnType::DateTime {
            return Ok(Some(wall));
        }
        self.session.instant(wall).map(Some).ok_or(Unfit("is no instant of the time zone of the session"))
    }
}

impl Decoder {
    /// Days of a date; none for a zero date that becomes NULL.
    fn days(&mut self, date: Date) -> Result<Option<i64>, Unfit> {
        if date.exists() {
            return Ok(Some(date.days()));
        }
        if date != (Date { year: 0, month: 0, day: 0 }) {
            if date.month > 0 && date.day > 0 {
                return Err(Unfit("is a date that the calendar does not have"));
            }
            self.rolled_date_count += 1;
            return Ok(Some(date.days_rolling()));
        }
        match self.zero_dates {
            ZeroDates::Null => {
                self.zero_date_count += 1;
                Ok(None)
            }
            ZeroDates::Refuse => Err(Unfit("is a zero date")),
            ZeroDates::Round => Ok(Some(Date { year: 1, month: 1, day: 1 }.days())),
        }
    }
}

fn text(value: &Value) -> Result<&[u8], Unfit> {
    match value {
        Value::Bytes(bytes) => Ok(bytes),
        _ => Err(OTHER_TYPE),
    }
}

/// A number without the zeros before it that ZEROFILL adds.
fn unpadded(mut number: &[u8]) -> &[u8] {
    while let [b'0', b'0'..=b'9', ..] = number {
        number = &number[1..];
    }
    number
}

fn long(value: &Value) -> Result<i64, Unfit> {
    match value {
        Value::Int(value) => Ok(*value),
        Value::UInt(value) => i64::try_from(*value).map_err(|_| OTHER_TYPE),
        Value::Bytes(_) => unsigned(value).map(|value| i64::try_from(value).unwrap_or(i64::MAX)),
        _ => Err(OTHER_TYPE),
    }
}

/// Numbers, and the bytes of a BIT column with the highest first.
fn unsigned(value: &Value) -> Result<u64, Unfit> {
    match value {
        Value::UInt(value) => Ok(*value),
        Value::Int(value) => u64::try_from(*value).map_err(|_| OTHER_TYPE),
        Value::Bytes(bytes) if bytes.len() <= 8 => {
            Ok(bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
        }
        _ => Err(OTHER_TYPE),
    }
}

fn float(value: &Value) -> Result<f32, Unfit> {
    match value {
        Value::Float(value) => Ok(*value),
        Value::Double(value) => Ok(*value as f32),
        _ => Err(OTHER_TYPE),
    }
}

fn double(value: &Value) -> Result<f64, Unfit> {
    match value {
        Value::Double(value) => Ok(*value),
        Value::Float(value) => Ok(f64::from(*value)),
        _ => Err(OTHER_TYPE),
    }
}

fn time(value: &Value) -> Result<i64, Unfit> {
    let Value::Time(negative, days, hours, minutes, seconds, micros) = *value else { return Err(OTHER_TYPE) };
    let hours = i64::from(days) * 24 + i64::from(hours);
    let seconds = hours * 3600 + i64::from(minutes) * 60 + i64::from(seconds);
    let micros = seconds * SECOND + i64::from(micros);
    Ok(if negative { -micros } else { micros })
}
