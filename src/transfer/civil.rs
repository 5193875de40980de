//! Days, dates and clocks by arithmetic: proleptic Gregorian, no zones, no allocation.

/// Microseconds in a second.
pub const SECOND: i64 = 1_000_000;
/// Microseconds in a day.
pub const DAY: i64 = 86_400 * SECOND;

/// A date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    /// The year, 0 is 1 BC.
    pub year: i64,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
}

impl Date {
    /// The date of a number of days since 1970-01-01.
    pub fn from_days(days: i64) -> Self {
        // Years that begin in March make the leap day the last one (Hinnant, "chrono-compatible low-level date
        // algorithms").
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u32;
        let month = (if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 }) as u32;
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self { year, month, day }
    }

    /// Days since 1970-01-01. Month and day beyond the calendar roll over.
    pub fn days(self) -> i64 {
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let month = i64::from(self.month);
        let shifted_month = if month > 2 { month - 3 } else { month + 9 };
        let day_of_year = (153 * shifted_month + 2) / 5 + i64::from(self.day) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 719_468
    }

    /// Days since 1970-01-01 of a date that may have a month or day of zero: the one before the first.
    pub fn days_rolling(self) -> i64 {
        let months = self.year * 12 + i64::from(self.month) - 1;
        // A month of zero is the December before; `% 12 + 1` is from 1 to 12.
        let month = u32::try_from(months.rem_euclid(12) + 1).unwrap_or(1);
        Self { year: months.div_euclid(12), month, day: 1 }.days() + i64::from(self.day) - 1
    }

    /// Whether the calendar has this date.
    pub fn exists(self) -> bool {
        // Every month has these.
        if (1..=12).contains(&self.month) && (1..=28).contains(&self.day) {
            return true;
        }
        let leap = self.year.rem_euclid(4) == 0
            && (self.year.rem_euclid(100) != 0 || self.year.rem_euclid(400) == 0);
        let last = match self.month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => 0,
        };
        (1..=last).contains(&self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_agree_over_ten_thousand_years() {
        let mut expected = Date { year: 0, month: 1, day: 1 };
        let first = expected.days();
        assert_eq!(first, -719_528);
        for days in first..first + 3_660_000 {
            assert_eq!(Date::from_days(days), expected);
            assert_eq!(expected.days(), days);
            let next = Date { day: expected.day + 1, ..expected };
            expected = if next.exists() {
                next
            } else if expected.month < 12 {
                Date { month: expected.month + 1, day: 1, ..expected }
            } else {
                Date { year: expected.year + 1, month: 1, day: 1 }
            };
        }
        assert_eq!(Date { year: 1970, month: 1, day: 1 }.days(), 0);
    }

    #[test]
    fn zeros_roll_back() {
        for ((year, month, day), rolled) in
            [((2015, 0, 0), (2014, 11, 30)), ((2015, 6, 0), (2015, 5, 31)), ((2015, 0, 7), (2014, 12, 7))]
        {
            let (to_year, to_month, to_day) = rolled;
            let expected = Date { year: to_year, month: to_month, day: to_day };
            assert_eq!(Date::from_days(Date { year, month, day }.days_rolling()), expected);
        }
        let usual = Date { year: 2024, month: 2, day: 29 };
        assert_eq!(usual.days_rolling(), usual.days());
    }

    #[test]
    fn dates_that_are_not() {
        for (year, month, day) in [(2015, 0, 1), (2015, 2, 29), (1900, 2, 29), (2015, 13, 1), (2015, 1, 0)] {
            assert!(!Date { year, month, day }.exists());
        }
        assert!(Date { year: 2000, month: 2, day: 29 }.exists());
    }
}
