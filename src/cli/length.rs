//! Lengths of time as the command line takes them.

use std::time::Duration;

use jiff::SignedDuration;

/// `12h`, `7d`, `30m`.
pub fn length(text: &str) -> Option<SignedDuration> {
    let (at, unit) = text.char_indices().next_back()?;
    let number: i64 = text[..at].parse().ok()?;
    let unit = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86400,
        _ => return None,
    };
    number.checked_mul(unit).map(SignedDuration::from_secs)
}

/// The same, from nothing on, for clap; the error is what it takes, with these examples.
pub fn duration(text: &str, examples: &str) -> Result<Duration, String> {
    let length = length(text).and_then(|length| Duration::try_from(length).ok());
    length.ok_or_else(|| format!("a length such as {examples}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_a_number_and_a_unit() {
        assert_eq!(length("7d"), Some(SignedDuration::from_hours(168)));
        assert_eq!(duration("90s", "`1s`"), Ok(Duration::from_secs(90)));
        for wrong in ["", "5", "m", "-1s", "1w"] {
            assert_eq!(duration(wrong, "`1s`"), Err("a length such as `1s`".to_owned()), "{wrong}");
        }
    }
}
