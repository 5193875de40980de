//! Dates and times from the numbers that PostgreSQL sends for them: days and microseconds since 2000-01-01.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::decode::ODD;
use crate::transfer::civil::{DAY, SECOND};
use crate::transfer::encode::Unfit;

const INFINITE: Unfit = Unfit("is infinite, which a date or time cannot be here");
const TOO_FAR: Unfit = Unfit("is not between the years -9999 and 9999");

/// Days from 1970-01-01 to 2000-01-01.
const EPOCH: i64 = 10_957;
/// Days since 1970-01-01 of -9999-01-01.
const FIRST: i64 = -4_371_587;
/// Days since 1970-01-01 of 10000-01-01, the first that is too far.
const END: i64 = 2_932_897;

/// Days since 1970-01-01 of a `date`.
pub(super) fn date(days: i32) -> Result<i64, Unfit> {
    let days = match days {
        i32::MIN | i32::MAX => return Err(INFINITE),
        days => i64::from(days) + EPOCH,
    };
    if (FIRST..END).contains(&days) { Ok(days) } else { Err(TOO_FAR) }
}

/// Microseconds of the wall clock of a `timestamp`.
pub(super) fn wall(micros: i64) -> Result<i64, Unfit> {
    moment(micros, END * DAY)
}

/// Microseconds since 1970-01-01T00:00:00Z of a `timestamptz`; `end` is the first instant that is too far.
pub(super) fn instant(micros: i64, end: i64) -> Result<i64, Unfit> {
    moment(micros, end)
}

/// When the year 10000 begins in a zone: "for ever" is often written as the last instant before it. Microseconds since
/// 1970-01-01T00:00:00Z.
pub(super) fn end(zone: &TimeZone) -> i64 {
    // The last days of a year have one offset everywhere.
    END * DAY - i64::from(zone.to_offset(Timestamp::MAX).seconds()) * SECOND
}

fn moment(micros: i64, end: i64) -> Result<i64, Unfit> {
    if matches!(micros, i64::MIN | i64::MAX) {
        return Err(INFINITE);
    }
    let micros = micros.checked_add(EPOCH * DAY).ok_or(TOO_FAR)?;
    if (FIRST * DAY..end).contains(&micros) { Ok(micros) } else { Err(TOO_FAR) }
}

/// Microseconds of a `time`; `24:00:00` is a day.
pub(super) fn time(micros: i64) -> Result<i64, Unfit> {
    if (0..=DAY).contains(&micros) { Ok(micros) } else { Err(ODD) }
}

/// Microseconds since midnight in UTC of a `timetz`, to the millisecond, as Embulk's driver takes it. `west` is its
/// zone, in seconds west of Greenwich.
pub(super) fn time_with_zone(micros: i64, west: i32) -> Result<i64, Unfit> {
    let micros = time(micros)? + i64::from(west) * SECOND;
    Ok(micros - micros.rem_euclid(1000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::civil::Date;

    #[test]
    fn the_limits_are_those_of_the_calendar() {
        let days = |year| Date { year, month: 1, day: 1 }.days();
        assert_eq!((days(2000), days(-9999), days(10_000)), (EPOCH, FIRST, END));
    }

    #[test]
    fn numbers_count_from_2000() {
        assert_eq!(date(0), Ok(10_957));
        assert_eq!(date(-730_119), Ok(-719_162)); // 0001-01-01
        assert_eq!(date(-2_451_507), Ok(-2_440_550)); // 4714-11-24 BC, the first that PostgreSQL has
        assert_eq!(date(2_921_939), Ok(END - 1)); // 9999-12-31
        assert_eq!(wall(1), Ok(946_684_800 * SECOND + 1));
        assert_eq!(instant(-1, i64::MAX), Ok(946_684_800 * SECOND - 1));
        assert_eq!(time(DAY), Ok(DAY));
        assert_eq!(
            time_with_zone(4 * 3600 * SECOND + 5_333_003, -9 * 3600),
            Ok(-5 * 3600 * SECOND + 5_333_000)
        );
    }

    #[test]
    fn the_end_is_midnight_in_the_zone() {
        let end = |name| end(&TimeZone::get(name).unwrap()) - END * DAY;
        assert_eq!(end("UTC"), 0);
        assert_eq!(end("Asia/Tokyo"), -9 * 3600 * SECOND);
        assert_eq!(end("America/New_York"), 5 * 3600 * SECOND);
        assert_eq!(end("Pacific/Auckland"), -13 * 3600 * SECOND);
    }

    #[test]
    fn what_has_no_place_is_refused() {
        for days in [i32::MIN, i32::MAX] {
            assert_eq!(date(days), Err(INFINITE));
        }
        for micros in [i64::MIN, i64::MAX] {
            assert_eq!(wall(micros), Err(INFINITE));
            assert_eq!(instant(micros, END * DAY), Err(INFINITE));
        }
        assert_eq!(date(2_921_940), Err(TOO_FAR));
        assert_eq!(date(i32::MIN + 1), Err(TOO_FAR));
        assert_eq!(wall((END - EPOCH) * DAY), Err(TOO_FAR));
        assert_eq!(wall((END - EPOCH) * DAY - 1), Ok(END * DAY - 1));
        assert_eq!(wall(i64::MAX - 1), Err(TOO_FAR));
        assert_eq!(wall(i64::MIN + 1), Err(TOO_FAR));
        assert_eq!(time(-1), Err(ODD));
        assert_eq!(time(DAY + 1), Err(ODD));
    }
}
