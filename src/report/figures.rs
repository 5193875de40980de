//! How numbers are written for people.

use std::time::Duration;

/// `1234567` as `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes with a binary unit: `512 B`, `1.5 KiB`, `20.0 MiB`.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if number < 1024 {
        return format!("{number} B");
    }
    let (mut whole, mut rest, mut unit) = (number / 1024, number % 1024, 0);
    while whole >= 1024 {
        (whole, rest, unit) = (whole / 1024, whole % 1024, unit + 1);
    }
    format!("{whole}.{} {}", rest * 10 / 1024, UNITS[unit])
}

/// Seconds with one decimal, for columns and sentences: `0.1`, `75.3`.
pub fn seconds(seconds: f64) -> String {
    format!("{seconds:.1}")
}

/// A stretch of time: `3.2s`, `4m05s`, `2h07m`.
pub fn duration(duration: Duration) -> String {
    let whole = duration.as_secs();
    match whole {
        0..60 => format!("{:.1}s", duration.as_secs_f64()),
        60..3600 => format!("{}m{:02}s", whole / 60, whole % 60),
        _ => format!("{}h{:02}m", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped() {
        let shown: Vec<String> = [0, 999, 1000, 1_234_567].into_iter().map(count).collect();
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn bytes_have_units() {
        let shown: Vec<String> =
            [0, 1023, 1024, 1536, 20 << 20, (3 << 30) + (1 << 29), u64::MAX].into_iter().map(bytes).collect();
        assert_eq!(shown, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "20.0 MiB", "3.5 GiB", "15.9 EiB"]);
    }

    #[test]
    fn durations_get_coarser() {
        let shown = [0.25, 59.94, 245.0, 7620.0].map(|s| duration(Duration::from_secs_f64(s)));
        assert_eq!(shown, ["0.2s", "59.9s", "4m05s", "2h07m"]);
        assert_eq!(seconds(75.26), "75.3");
    }
}
