//! The time of day behind a date.

use crate::embulk::guess::cursor::{Cursor, Single};

/// A time of day at the start of a text.
pub(super) struct Clock<'t> {
    /// Between date and time.
    pub(super) before: &'t str,
    /// Between its parts.
    pub(super) delimiter: &'t str,
    pub(super) hour: &'t str,
    pub(super) minute: Option<&'t str>,
    pub(super) second: Option<&'t str>,
    /// The mark and the digits of a fraction.
    pub(super) fraction: Option<(&'t str, &'t str)>,
    /// What follows.
    pub(super) rest: &'t str,
}

impl<'t> Clock<'t> {
    /// Behind a date with a delimiter there must be something between date and time; behind one without, the time may
    /// follow at once, and then has no delimiters either.
    pub(super) fn of(text: &'t str, date_delimiter: Option<char>) -> Option<Self> {
        let spaced = [": ", " ", "_", "T", ". ", "."].into_iter().find_map(|before| {
            let mut cursor = Cursor::new(text);
            let before = cursor.word(before)?;
            Some(Self::delimited(before, cursor, hour(&mut cursor.clone(), Single::Loose { least: b'0' })?))
        });
        match date_delimiter {
            None => spaced.or_else(|| Self::joined(Cursor::new(text))),
            Some(_) => spaced,
        }
    }

    fn delimited(before: &'t str, mut cursor: Cursor<'t>, hour: &'t str) -> Self {
        cursor.word(hour);
        let mut clock =
            Self { before, delimiter: "", hour, minute: None, second: None, fraction: None, rest: "" };
        let single = Single::Loose { least: b'0' };
        let mut ahead = cursor;
        if let Some(delimiter) = ahead.one_of(":-")
            && let Some(minute) = sixty(&mut ahead, single)
        {
            (clock.delimiter, clock.minute, cursor) = (delimiter, Some(minute), ahead);
            if ahead.word(delimiter).is_some()
                && let Some(second) = sixty(&mut ahead, single)
            {
                (clock.second, cursor) = (Some(second), ahead);
                clock.fraction = fraction(&mut cursor);
            }
        }
        clock.rest = cursor.rest();
        clock
    }

    fn joined(mut cursor: Cursor<'t>) -> Option<Self> {
        let hour = hour(&mut cursor, Single::Never)?;
        let minute = sixty(&mut cursor, Single::Never);
        let second = minute.and_then(|_| sixty(&mut cursor, Single::Never));
        let fraction = second.and_then(|_| fraction(&mut cursor));
        Some(Self { before: "", delimiter: "", hour, minute, second, fraction, rest: cursor.rest() })
    }
}

fn hour<'t>(cursor: &mut Cursor<'t>, single: Single) -> Option<&'t str> {
    cursor.number(
        |tens, ones| match tens {
            0 => single == Single::Never,
            1 => true,
            2 => ones <= 4,
            _ => false,
        },
        single,
    )
}

/// Minutes or seconds; 60 is one.
fn sixty<'t>(cursor: &mut Cursor<'t>, single: Single) -> Option<&'t str> {
    cursor.number(
        |tens, ones| match tens {
            0 => single == Single::Never,
            1..=5 => true,
            6 => ones == 0,
            _ => false,
        },
        single,
    )
}

/// Up to nine digits behind a point or a comma.
fn fraction<'t>(cursor: &mut Cursor<'t>) -> Option<(&'t str, &'t str)> {
    let mut ahead = *cursor;
    let mark = ahead.one_of(".,")?;
    let digits = (1..=9).rev().find_map(|count| ahead.digits(count))?;
    *cursor = ahead;
    Some((mark, digits))
}
