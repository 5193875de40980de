//! A text that is read from its start, piece by piece.

pub(super) const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
pub(super) const MONTH_NAMES: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
pub(super) const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
pub(super) const WEEKDAY_NAMES: [&str; 7] =
    ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// A text still to be read.
pub(super) struct Cursor<'t>(pub(super) &'t str);

impl Cursor<'_> {
    pub(super) fn skip_space(&mut self) {
        self.0 = self.0.trim_start();
    }

    pub(super) fn literal(&mut self, char: char) -> Option<()> {
        self.0 = self.0.strip_prefix(char)?;
        Some(())
    }

    /// Two digits, behind blanks perhaps.
    pub(super) fn padded(&mut self) -> Option<u32> {
        self.skip_space();
        self.number(2)
    }

    /// Up to `most` digits.
    pub(super) fn number(&mut self, most: usize) -> Option<u32> {
        let length = self.0.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let number = self.0[..length].parse().ok()?;
        self.0 = &self.0[length..];
        Some(number)
    }

    /// Digits of a second after the point, to microseconds; further ones are dropped.
    pub(super) fn fraction(&mut self, most: usize) -> Option<i64> {
        let length = self.0.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if length == 0 {
            return None;
        }
        let micros = self.0.bytes().take(length).chain(std::iter::repeat(b'0')).take(6);
        let micros = micros.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        self.0 = &self.0[length..];
        Some(micros)
    }

    pub(super) fn signed(&mut self, most: usize) -> Option<i64> {
        let (sign, rest) = match self.0.as_bytes().first()? {
            b'-' => (-1, &self.0[1..]),
            b'+' => (1, &self.0[1..]),
            _ => (1, self.0),
        };
        let length = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let number: i64 = rest[..length].parse().ok()?;
        self.0 = &rest[length..];
        Some(sign * number)
    }

    /// One of some words, the longer list first; any case.
    pub(super) fn word(&mut self, long: &[&str], short: &[&str]) -> Option<u32> {
        for list in [long, short] {
            for (at, word) in list.iter().enumerate() {
                if self.0.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)) {
                    self.0 = &self.0[word.len()..];
                    return u32::try_from(at).ok();
                }
            }
        }
        None
    }

    pub(super) fn half(&mut self) -> Option<bool> {
        let found = self.word(&["a.m.", "p.m."], &["am", "pm"])?;
        Some(found == 1)
    }

    /// `Z`, `UTC`, `+09`, `+0900`, `+09:00`, and the abbreviations that Ruby knows.
    pub(super) fn offset(&mut self) -> Option<i32> {
        if let Some(sign) = self.0.chars().next().filter(|first| matches!(first, '+' | '-')) {
            self.0 = &self.0[1..];
            let hours = self.number(2)?;
            let _ = self.literal(':');
            let minutes = self.number(2).unwrap_or(0);
            if hours > 24 || minutes > 59 {
                return None;
            }
            let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
            return Some(if sign == '-' { -seconds } else { seconds });
        }
        let zones = [
            ("utc", 0),
            ("gmt", 0),
            ("jst", 9),
            ("est", -5),
            ("edt", -4),
            ("cst", -6),
            ("cdt", -5),
            ("mst", -7),
            ("mdt", -6),
            ("pst", -8),
            ("pdt", -7),
            ("z", 0),
        ];
        let known: Vec<&str> = zones.iter().map(|(name, _)| *name).collect();
        let found = self.word(&known, &[])?;
        Some(zones[found as usize].1 * 3600)
    }
}
