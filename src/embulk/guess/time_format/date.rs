//! The date that a time begins with.

use super::Part;
use crate::embulk::guess::cursor::{Cursor, Single};

/// A date at the start of a text.
pub(super) struct Date<'t> {
    /// In the order of the text.
    pub(super) parts: [(Part, &'t str); 3],
    /// Between them, if anything is.
    pub(super) delimiter: Option<char>,
    /// What follows.
    pub(super) rest: &'t str,
}

/// The orders that are looked for, the first first; each with a delimiter before it is tried without.
const ORDERS: [[Part; 3]; 3] = [
    [Part::Year, Part::Month, Part::Day],
    [Part::Month, Part::Day, Part::Year],
    [Part::Day, Part::Month, Part::Year],
];

impl<'t> Date<'t> {
    pub(super) fn of(text: &'t str) -> Option<Self> {
        ORDERS.into_iter().find_map(|order| delimited(text, order).or_else(|| joined(text, order)))
    }
}

fn delimited(text: &str, order: [Part; 3]) -> Option<Date<'_>> {
    let mut cursor = Cursor::new(text);
    let loose = |part: Part| match part {
        Part::Day => Single::Loose { least: b'1' },
        _ => Single::Loose { least: b'0' },
    };
    let first = part(&mut cursor, order[0], loose(order[0]))?;
    let delimiter = cursor.one_of("/-.")?;
    let second = part(&mut cursor, order[1], loose(order[1]))?;
    cursor.word(delimiter)?;
    let third = part(&mut cursor, order[2], loose(order[2]))?;
    Some(Date {
        parts: [(order[0], first), (order[1], second), (order[2], third)],
        delimiter: delimiter.chars().next(),
        rest: cursor.rest(),
    })
}

fn joined(text: &str, order: [Part; 3]) -> Option<Date<'_>> {
    let mut cursor = Cursor::new(text);
    let mut next = |of: Part| part(&mut cursor, of, Single::Never).map(|text| (of, text));
    let parts = [next(order[0])?, next(order[1])?, next(order[2])?];
    Some(Date { parts, delimiter: None, rest: cursor.rest() })
}

fn part<'t>(cursor: &mut Cursor<'t>, part: Part, single: Single) -> Option<&'t str> {
    match part {
        Part::Year => {
            let year = cursor.digits(4)?;
            year.starts_with(['1', '2', '3', '4']).then_some(year)
        }
        Part::Month => cursor
            .number(|tens, ones| (tens == 1 && ones <= 2) || (tens == 0 && single == Single::Never), single),
        _ => cursor.number(
            |tens, ones| match tens {
                0 => single == Single::Never && ones > 0,
                1 | 2 => true,
                3 => ones <= 1,
                _ => false,
            },
            single,
        ),
    }
}
