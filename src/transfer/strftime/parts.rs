//! A clock taken apart, as the directives of a format want it.

use super::WallClock;
use crate::transfer::civil::{DAY, Date, SECOND};

/// A clock taken apart.
pub(super) struct Parts<'c> {
    pub(super) clock: &'c WallClock<'c>,
    pub(super) days: i64,
    pub(super) date: Date,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
    pub(super) micros: i64,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub(super) epoch: i64,
    /// 0 is Sunday.
    pub(super) weekday: i64,
}

impl<'c> Parts<'c> {
    pub(super) fn new(clock: &'c WallClock<'c>) -> Self {
        let days = clock.micros.div_euclid(DAY);
        let of_day = clock.micros.rem_euclid(DAY);
        let seconds = of_day / SECOND;
        Self {
            clock,
            days,
            date: Date::from_days(days),
            hour: seconds / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            micros: of_day % SECOND,
            epoch: clock.micros.div_euclid(SECOND) - i64::from(clock.offset),
            weekday: (days + 4).rem_euclid(7),
        }
    }

    pub(super) fn month_index(&self) -> usize {
        (self.date.month as usize).saturating_sub(1).min(11)
    }

    pub(super) fn weekday_index(&self) -> usize {
        usize::try_from(self.weekday).unwrap_or(0)
    }

    pub(super) fn hour12(&self) -> i64 {
        if self.hour % 12 == 0 { 12 } else { self.hour % 12 }
    }

    /// From 0.
    pub(super) fn day_of_year(&self) -> i64 {
        self.days - Date { year: self.date.year, month: 1, day: 1 }.days()
    }

    /// Week of the year where weeks begin on `first` (0 Sunday, 1 Monday); days before the first such day are week 0.
    pub(super) fn week_from(&self, first: i64) -> i64 {
        (self.day_of_year() + 7 - (self.weekday - first).rem_euclid(7)) / 7
    }

    /// ISO 8601 year and week.
    pub(super) fn iso_week(&self) -> (i64, i64) {
        // The Thursday of a week decides which year the week belongs to.
        let thursday = self.days - (self.weekday + 6) % 7 + 3;
        let year = Date::from_days(thursday).year;
        let first = Date { year, month: 1, day: 1 }.days();
        (year, (thursday - first) / 7 + 1)
    }
}
