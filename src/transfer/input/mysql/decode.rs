//! Values of the binary protocol into column buffers, by a plan that is made once per column.

use super::super::SourceColumn;
use super::super::convert::{self, Conversion, Given};
use crate::cloud::mysql::{Clock, Column as Metadata, ColumnFlags, ColumnType as Wire, Cut, Fields, Span};
use crate::transfer::civil::{DAY, Date, SECOND};
use crate::transfer::encode::Unfit;
use crate::transfer::explain::loss::{Fate, Loss};
use crate::transfer::page::ColumnBuffer;
use crate::transfer::report::Change;
use crate::transfer::schema::{ColumnType, Zones};
use crate::transfer::zone::ZoneClock;

const OTHER_TYPE: Unfit = Unfit("has another type than its column");
const BROKEN: Unfit = Unfit("came incomplete from the server");

/// How the values of one column are read.
#[derive(Clone)]
pub(super) struct Decoder {
    kind: ColumnType,
    /// How they arrive.
    arrival: Arrival,
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

/// How the values of a column arrive in the binary protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arrival {
    Signed8,
    Unsigned8,
    Signed16,
    Unsigned16,
    Signed32,
    Unsigned32,
    Signed64,
    Unsigned64,
    Float,
    Double,
    Clock,
    Span,
    /// Texts and bytes behind their length.
    Bytes,
}

impl Arrival {
    fn of(column: &Metadata) -> Self {
        let unsigned = column.flags().contains(ColumnFlags::UNSIGNED_FLAG);
        match (column.column_type(), unsigned) {
            (Wire::MYSQL_TYPE_TINY, false) => Self::Signed8,
            (Wire::MYSQL_TYPE_TINY, true) => Self::Unsigned8,
            (Wire::MYSQL_TYPE_SHORT, false) => Self::Signed16,
            (Wire::MYSQL_TYPE_SHORT | Wire::MYSQL_TYPE_YEAR, _) => Self::Unsigned16,
            (Wire::MYSQL_TYPE_LONG | Wire::MYSQL_TYPE_INT24, false) => Self::Signed32,
            (Wire::MYSQL_TYPE_LONG | Wire::MYSQL_TYPE_INT24, true) => Self::Unsigned32,
            (Wire::MYSQL_TYPE_LONGLONG, false) => Self::Signed64,
            (Wire::MYSQL_TYPE_LONGLONG, true) => Self::Unsigned64,
            (Wire::MYSQL_TYPE_FLOAT, _) => Self::Float,
            (Wire::MYSQL_TYPE_DOUBLE, _) => Self::Double,
            (
                Wire::MYSQL_TYPE_DATE
                | Wire::MYSQL_TYPE_NEWDATE
                | Wire::MYSQL_TYPE_DATETIME
                | Wire::MYSQL_TYPE_DATETIME2
                | Wire::MYSQL_TYPE_TIMESTAMP
                | Wire::MYSQL_TYPE_TIMESTAMP2,
                _,
            ) => Self::Clock,
            (Wire::MYSQL_TYPE_TIME | Wire::MYSQL_TYPE_TIME2, _) => Self::Span,
            _ => Self::Bytes,
        }
    }
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
        column: &Metadata,
        conversion: Option<Conversion>,
        session: &jiff::tz::TimeZone,
        zero_dates: ZeroDates,
    ) -> Self {
        let session = ZoneClock::new(session.clone());
        let arrival = Arrival::of(column);
        Self { kind, arrival, conversion, session, zero_dates, zero_date_count: 0, rolled_date_count: 0 }
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

    /// Whether values of a column of this kind can be read, which come as this one says from here on. Precision and
    /// length of expressions are known later than their type.
    pub(super) fn reads(&mut self, column: &Metadata, kind: ColumnType) -> bool {
        self.arrival = Arrival::of(column);
        std::mem::discriminant(&self.kind) == std::mem::discriminant(&kind)
    }

    /// Adds the next value of a row, which is not NULL, to the column.
    #[inline]
    pub(super) fn push(&mut self, fields: &mut Fields<'_>, column: &mut ColumnBuffer) -> Result<(), Unfit> {
        let Some(given) = self.given(fields).map_err(|Fault(reason)| reason)? else {
            column.push_null();
            return Ok(());
        };
        match &mut self.conversion {
            Some(conversion) => conversion.push(&given, column),
            None => given.push(column),
        }
    }

    /// The next value; none for one that becomes NULL.
    #[inline]
    fn given<'p>(&mut self, fields: &mut Fields<'p>) -> Result<Option<Given<'p>>, Fault> {
        let given = match self.arrival {
            Arrival::Signed8 => Given::Long(fields.i8()?.into()),
            Arrival::Unsigned8 => Given::Long(fields.u8()?.into()),
            Arrival::Signed16 => Given::Long(fields.i16()?.into()),
            Arrival::Unsigned16 => Given::Long(fields.u16()?.into()),
            Arrival::Signed32 => Given::Long(fields.i32()?.into()),
            Arrival::Unsigned32 => Given::Long(fields.u32()?.into()),
            Arrival::Signed64 => Given::Long(fields.i64()?),
            Arrival::Unsigned64 => Given::UnsignedLong(fields.u64()?),
            Arrival::Float => Given::Float(fields.f32()?),
            Arrival::Double => Given::Double(fields.f64()?),
            Arrival::Span => Given::Long(micros(fields.span()?)),
            Arrival::Clock => match self.moment(fields.clock()?)? {
                Some(moment) => Given::Long(moment),
                None => return Ok(None),
            },
            Arrival::Bytes => match self.kind {
                ColumnType::Decimal { .. } => Given::Text(unpadded(fields.text()?)),
                ColumnType::Bit { .. } => Given::UnsignedLong(bits(fields.text()?)?),
                // BIT(1).
                ColumnType::Boolean | ColumnType::Flag => Given::Long(bits(fields.text()?)? as i64),
                _ => Given::Text(fields.text()?),
            },
        };
        if self.kind == ColumnType::Year && self.zero_dates == ZeroDates::Null && given == Given::Long(0) {
            self.zero_date_count += 1;
            return Ok(None);
        }
        Ok(Some(given))
    }

    /// Days of a DATE, microseconds of the others; none for a zero date that becomes NULL.
    fn moment(&mut self, clock: Clock) -> Result<Option<i64>, Unfit> {
        let date = Date { year: clock.year.into(), month: clock.month.into(), day: clock.day.into() };
        let Some(days) = self.days(date)? else { return Ok(None) };
        if self.kind == ColumnType::Date {
            return Ok(Some(days));
        }
        let seconds = i64::from(clock.hour) * 3600 + i64::from(clock.minute) * 60 + i64::from(clock.second);
        let wall = days * DAY + seconds * SECOND + i64::from(clock.micros);
        if self.kind == ColumnType::DateTime {
            return Ok(Some(wall));
        }
        self.session.instant(wall).map(Some).ok_or(Unfit("is no instant of the time zone of the session"))
    }

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

/// A number without the zeros before it that ZEROFILL adds.
fn unpadded(mut number: &[u8]) -> &[u8] {
    while let [b'0', b'0'..=b'9', ..] = number {
        number = &number[1..];
    }
    number
}

/// The bytes of a BIT column, the highest first.
fn bits(bytes: &[u8]) -> Result<u64, Unfit> {
    if bytes.len() > 8 {
        return Err(OTHER_TYPE);
    }
    Ok(bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

fn micros(span: Span) -> i64 {
    let hours = i64::from(span.days) * 24 + i64::from(span.hours);
    let seconds = hours * 3600 + i64::from(span.minutes) * 60 + i64::from(span.seconds);
    let micros = seconds * SECOND + i64::from(span.micros);
    if span.negative { -micros } else { micros }
}

/// Why there is no value.
struct Fault(Unfit);

impl From<Unfit> for Fault {
    fn from(reason: Unfit) -> Self {
        Self(reason)
    }
}

/// A payload that ends too early.
impl From<Cut> for Fault {
    fn from(_: Cut) -> Self {
        Self(BROKEN)
    }
}
