//! `value_type`: which of the driver's getters fetches a value, and what it makes of it. What a getter fails on under
//! Embulk, whatever the value, is refused before the read; a single value that it fails on is an error.

use super::Given;
use crate::embulk::config::EmbulkType;
use crate::embulk::input::{ColumnOption, ValueType};
use crate::transfer::civil::DAY;
use crate::transfer::encode::Unfit;
use crate::transfer::encode::number::{push_i64, push_u64};
use crate::transfer::schema::{ColumnType, Zones};
use crate::transfer::zone::ZoneClock;

const OUT_OF_RANGE: Unfit = Unfit("is not a number that an integer of 64 bits can hold");
const NO_NUMBER: Unfit = Unfit("is not a number");

/// Whose getters they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::transfer::input) enum Driver {
    Mysql,
    Postgresql,
    Sqlite,
}

/// As what a value is fetched.
#[derive(Debug)]
pub(super) enum Taken {
    /// As a value of this type.
    Of(ColumnType, Getter),
    /// As the server's own text.
    Text,
    /// As JSON in the server's own text.
    Json,
}

/// What happens to a value on the way.
#[derive(Debug, Clone)]
pub(super) enum Getter {
    /// Nothing.
    Own,
    /// Its fraction goes.
    Long(Driver),
    /// A float of 32 bits, widened.
    Float(Driver),
    Double(Driver),
    /// A whole number in digits.
    Digits,
    /// True or false, by the driver's own rule.
    Truth(Driver),
    /// The day of a date and time.
    Day(Wall),
    /// The time of the day.
    TimeOfDay(Wall),
    /// A date or a time as both.
    Moment(Wall),
}

/// What the wall clock of a value shows.
#[derive(Debug, Clone)]
pub(super) struct Wall {
    from: ColumnType,
    zone: ZoneClock,
}

/// As what the values of a column are fetched; none where the getter fails on every value.
pub(super) fn taken(kind: ColumnType, option: &ColumnOption, driver: Driver, zones: &Zones) -> Option<Taken> {
    use ColumnType::{Bit, Boolean, Bytes, Date, DateTime, Decimal, Double, Flag, Float, Json, Long};
    use ColumnType::{Time, Timestamp, UnsignedLong, Year};
    let wall = || Wall { from: kind, zone: ZoneClock::new(zones.server.clone()) };
    let whole = matches!(kind, Long | UnsignedLong | Boolean | Flag | Bit { .. } | Year);
    let broken = matches!(kind, Float | Double | Decimal { .. });
    let text = kind == ColumnType::String;
    Some(match option.value_type {
        // The plugin takes JSON as it is, whatever is asked for.
        _ if kind == Json => Taken::Of(kind, Getter::Own),
        ValueType::String => Taken::Text,
        _ if kind == Bytes => return None,
        ValueType::Coalesce => Taken::Of(kind, Getter::Own),
        ValueType::Json if whole || broken || text => Taken::Json,
        ValueType::Long if whole && kind != UnsignedLong => Taken::Of(Long, Getter::Own),
        ValueType::Long if whole || broken || text => Taken::Of(Long, Getter::Long(driver)),
        ValueType::Decimal if broken && option.column_type == Some(EmbulkType::Long) => {
            Taken::Of(Long, Getter::Long(driver))
        }
        ValueType::Double | ValueType::Decimal if broken => Taken::Of(kind, Getter::Own),
        ValueType::Float if kind == Float => Taken::Of(kind, Getter::Own),
        ValueType::Float if whole || broken || text => Taken::Of(Double, Getter::Float(driver)),
        ValueType::Double if whole || text => Taken::Of(Double, Getter::Double(driver)),
        ValueType::Decimal if whole => Taken::Of(Decimal { precision: 20, scale: 0 }, Getter::Digits),
        ValueType::Boolean if kind.embulk() == EmbulkType::Boolean => Taken::Of(kind, Getter::Own),
        ValueType::Boolean if whole || broken || text => Taken::Of(Boolean, Getter::Truth(driver)),
        ValueType::Date if matches!(kind, Date | Year) => Taken::Of(kind, Getter::Own),
        ValueType::Date if matches!(kind, DateTime | Timestamp) => Taken::Of(Date, Getter::Day(wall())),
        ValueType::Time if kind == Time => Taken::Of(kind, Getter::Own),
        ValueType::Time if matches!(kind, DateTime | Timestamp) => Taken::Of(Time, Getter::TimeOfDay(wall())),
        ValueType::Timestamp if matches!(kind, DateTime | Timestamp) => Taken::Of(kind, Getter::Own),
        ValueType::Timestamp if matches!(kind, Date | Time) => Taken::Of(DateTime, Getter::Moment(wall())),
        _ => return None,
    })
}

impl Getter {
    /// The value as the getter gives it. A text of it lies in `scratch`.
    pub(super) fn get<'v>(&mut self, given: Given<'v>, scratch: &'v mut Vec<u8>) -> Result<Given<'v>, Unfit> {
        Ok(match self {
            Self::Own => given,
            Self::Long(driver) => Given::Long(long(given, *driver)?),
            Self::Float(driver) => Given::Double(f64::from(double(given, *driver)? as f32)),
            Self::Double(driver) => Given::Double(double(given, *driver)?),
            Self::Digits => {
                scratch.clear();
                match given {
                    Given::Long(value) => push_i64(value, scratch),
                    Given::UnsignedLong(value) => push_u64(value, scratch),
                    _ => return Err(NO_NUMBER),
                }
                Given::Text(scratch)
            }
            Self::Truth(driver) => Given::Long(i64::from(truth(given, *driver)?)),
            Self::Day(wall) => Given::Long(wall.micros(given)?.div_euclid(DAY)),
            Self::TimeOfDay(wall) => Given::Long(wall.micros(given)?.rem_euclid(DAY)),
            Self::Moment(wall) => Given::Long(wall.micros(given)?),
        })
    }
}

impl Wall {
    /// Microseconds since the beginning of 1970 on the wall.
    fn micros(&mut self, given: Given<'_>) -> Result<i64, Unfit> {
        let Given::Long(value) = given else { return Err(Unfit("has another type than its column")) };
        match self.from {
            ColumnType::Date => value.checked_mul(DAY),
            ColumnType::Timestamp => {
                self.zone.at(value).and_then(|(offset, _)| value.checked_add(i64::from(offset) * 1_000_000))
            }
            _ => Some(value),
        }
        .ok_or(Unfit("is not between the years -9999 and 9999"))
    }
}

/// A number in a text. Connector/J takes nothing for zero.
fn number(text: &[u8], driver: Driver) -> Result<&str, Unfit> {
    let text = std::str::from_utf8(text).map_err(|_| NO_NUMBER)?.trim();
    Ok(if text.is_empty() && driver == Driver::Mysql { "0" } else { text })
}

fn long(given: Given<'_>, driver: Driver) -> Result<i64, Unfit> {
    match given {
        Given::Long(value) => Ok(value),
        Given::UnsignedLong(value) => i64::try_from(value).map_err(|_| OUT_OF_RANGE),
        Given::Float(_) | Given::Double(_) => cut(given.double().unwrap_or(f64::NAN)),
        Given::Text(text) => {
            let text = number(text, driver)?;
            let whole = text.split_once('.').map_or(text, |(whole, fraction)| {
                if fraction.bytes().all(|byte| byte.is_ascii_digit()) { whole } else { text }
            });
            match whole.parse() {
                Ok(value) => Ok(value),
                Err(_) if is_digits(whole) => Err(OUT_OF_RANGE),
                Err(_) => cut(text.parse().map_err(|_| NO_NUMBER)?),
            }
        }
    }
}

fn is_digits(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn cut(value: f64) -> Result<i64, Unfit> {
    let fits = value > -9_223_372_036_854_777_856.0 && value < 9_223_372_036_854_775_808.0;
    if fits { Ok(value as i64) } else { Err(OUT_OF_RANGE) }
}

fn double(given: Given<'_>, driver: Driver) -> Result<f64, Unfit> {
    match given {
        Given::Text(text) => number(text, driver)?.parse().map_err(|_| NO_NUMBER),
        _ => given.double().ok_or(NO_NUMBER),
    }
}

fn truth(given: Given<'_>, driver: Driver) -> Result<bool, Unfit> {
    if let Given::Text(text) = given
        && let Some(word) = std::str::from_utf8(text).ok().map(|text| text.trim().to_ascii_lowercase())
        && word.parse::<f64>().is_err()
    {
        return Ok(match driver {
            Driver::Mysql => word.starts_with(['t', 'y']),
            Driver::Postgresql | Driver::Sqlite => matches!(word.as_str(), "t" | "true"),
        });
    }
    Ok(match driver {
        Driver::Mysql => matches!(long(given, driver)?, -1 | 1..),
        Driver::Postgresql => double(given, driver)? == 1.0,
        Driver::Sqlite => double(given, driver)? != 0.0,
    })
}
