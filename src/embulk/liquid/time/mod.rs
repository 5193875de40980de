//! The `date` filter: Ruby's `Time.parse` and Ruby's `strftime`.

mod parse;
mod strftime;

use jiff::civil::{DateTime, date};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};

use super::value::Value;

/// `date`: what is no time, and an empty format, give the input.
pub(super) fn formatted(input: &Value, format: &Value, now: &Zoned) -> Value {
    let format = format.to_text();
    if format.is_empty() {
        return input.clone();
    }
    match moment(input, now) {
        Some(moment) => Value::text(strftime::format(&moment, &format)),
        None => input.clone(),
    }
}

/// A point in time as a clock shows it, with what its zone is called: nothing for an offset that was written out.
struct Moment {
    civil: DateTime,
    offset: Offset,
    zone: String,
}

impl Moment {
    fn at(time: &Zoned) -> Self {
        Self { civil: time.datetime(), offset: time.offset(), zone: time.strftime("%Z").to_string() }
    }

    /// What a clock of a zone shows. None for a time that no clock can show.
    fn local(civil: DateTime, zone: &TimeZone) -> Self {
        match civil.to_zoned(zone.clone()) {
            Ok(time) => Self::at(&time),
            // The last day of the year 9999: its zone is as it was the day before.
            Err(_) => {
                let last = if civil.year() > 0 { Timestamp::MAX } else { Timestamp::MIN };
                Self { civil, ..Self::at(&last.to_zoned(zone.clone())) }
            }
        }
    }

    fn epoch_second(&self) -> i64 {
        let since = self.civil.duration_since(date(1970, 1, 1).at(0, 0, 0, 0));
        let fraction = i64::from(since.subsec_nanos() < 0);
        since.as_secs() - fraction - i64::from(self.offset.seconds())
    }
}

fn moment(input: &Value, now: &Zoned) -> Option<Moment> {
    let at = |seconds: i64| {
        let time = Timestamp::from_second(seconds).ok()?;
        Some(Moment::at(&time.to_zoned(now.time_zone().clone())))
    };
    match input.open() {
        Value::Integer(seconds) => at(i64::try_from(*seconds).ok()?),
        Value::Text(text) => match text.to_lowercase().as_str() {
            "now" | "today" => Some(Moment::at(now)),
            digits if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                at(digits.parse().ok()?)
            }
            text => parse::parse(text, now),
        },
        _ => None,
    }
}
