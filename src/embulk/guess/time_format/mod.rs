//! The format of times, from examples: what `%Y-%m-%d %H:%M:%S` is for `2015-06-04 01:02:03`.
//!
//! Each example gives the formats it may have been written in; the one that most examples agree on wins. Examples of
//! one format add to each other: `9` alone leaves open whether hours have a blank before them, `13` leaves open all.

mod clock;
mod date;
mod group;
mod known;

use self::clock::Clock;
use self::date::Date;
use super::cursor::Cursor;

/// The format that the examples have in common; none when they are no times.
pub(super) fn guess<'a>(texts: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut found = Vec::new();
    for text in texts {
        found.extend(Composed::of(text).map(Candidate::Composed));
        found.extend(known::mail(text).map(Candidate::Known));
        found.extend(known::web_log(text).map(|format| Candidate::Known(format.to_owned())));
        found.extend(known::ctime(text).map(|format| Candidate::Known(format.to_owned())));
    }
    if found.len() < 2 {
        return found.pop().map(|one| one.format());
    }
    group::most_frequent(found, Candidate::group).map(|group| merged(&group))
}

/// Whether a text is a time.
pub(super) fn is_time(text: &str) -> bool {
    guess([text]).is_some()
}

/// A format that an example may have been written in.
enum Candidate {
    Composed(Composed),
    Known(String),
}

impl Candidate {
    fn format(&self) -> String {
        match self {
            Self::Composed(composed) => composed.format(),
            Self::Known(format) => format.clone(),
        }
    }

    /// Examples of equal names have one format.
    fn group(&self) -> String {
        match self {
            Self::Composed(composed) => composed.group(),
            Self::Known(format) => format.clone(),
        }
    }
}

fn merged(group: &[Candidate]) -> String {
    let Some(Candidate::Composed(first)) = group.first() else {
        return group.first().map(Candidate::format).unwrap_or_default();
    };
    let mut first = first.clone();
    for candidate in group {
        if let Candidate::Composed(other) = candidate {
            first.add(other);
        }
    }
    first.format()
}

/// A part of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Fraction,
    Zone,
}

/// How an example writes a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Nothing to see.
    Open,
    /// A zero before one digit.
    Zero,
    /// A blank before one digit.
    Blank,
    /// One digit.
    Short,
    /// A fraction of three digits at most.
    Millis,
    /// A longer one.
    Nanos,
    /// A zone with a colon in it.
    Colon,
    /// A zone without one.
    Plain,
}

impl Form {
    fn of_number(text: &str) -> Self {
        match text.as_bytes() {
            [b'0', ..] => Self::Zero,
            [b' ', ..] => Self::Blank,
            [_] => Self::Short,
            _ => Self::Open,
        }
    }
}

/// A date, perhaps a time of day, perhaps a zone.
#[derive(Debug, Clone)]
struct Composed {
    parts: Vec<(Part, Form)>,
    /// Between the parts.
    between: Vec<String>,
}

impl Composed {
    fn of(text: &str) -> Option<Self> {
        // What follows a date must stand in its line.
        let date = Date::of(text).filter(|date| !date.rest.contains(is_line_end))?;
        let mut composed = Self { parts: Vec::new(), between: Vec::new() };
        let mark = date.delimiter.map(String::from).unwrap_or_default();
        for (at, (part, text)) in date.parts.iter().enumerate() {
            if at > 0 {
                composed.between.push(mark.clone());
            }
            let form = if *part == Part::Year { Form::Open } else { Form::of_number(text) };
            composed.parts.push((*part, form));
        }
        let mut rest = date.rest;
        if let Some(clock) = Clock::of(rest, date.delimiter) {
            composed.add_clock(&clock);
            rest = clock.rest;
        }
        if let Some((space, form)) = zone(rest) {
            composed.push(space, Part::Zone, form);
            return Some(composed);
        }
        rest.chars().all(is_space).then_some(composed)
    }

    fn push(&mut self, before: &str, part: Part, form: Form) {
        self.between.push(before.to_owned());
        self.parts.push((part, form));
    }

    fn add_clock(&mut self, clock: &Clock<'_>) {
        self.push(clock.before, Part::Hour, Form::of_number(clock.hour));
        let Some(minute) = clock.minute else { return };
        self.push(clock.delimiter, Part::Minute, Form::of_number(minute));
        let Some(second) = clock.second else { return };
        self.push(clock.delimiter, Part::Second, Form::of_number(second));
        if let Some((mark, digits)) = clock.fraction {
            self.push(mark, Part::Fraction, if digits.len() <= 3 { Form::Millis } else { Form::Nanos });
        }
    }

    fn format(&self) -> String {
        let mut format = String::new();
        for (at, (part, form)) in self.parts.iter().enumerate() {
            if at > 0 {
                format.push_str(&self.between[at - 1]);
            }
            format.push_str(match (part, form) {
                (Part::Year, _) => "%Y",
                (Part::Month, _) => "%m",
                (Part::Day, Form::Blank) => "%e",
                (Part::Day, _) => "%d",
                (Part::Hour, Form::Blank | Form::Short) => "%k",
                (Part::Hour, _) => "%H",
                (Part::Minute, _) => "%M",
                (Part::Second, _) => "%S",
                (Part::Fraction, Form::Millis) => "%L",
                (Part::Fraction, _) => "%N",
                (Part::Zone, Form::Colon) => "%:z",
                (Part::Zone, _) => "%z",
            });
        }
        format
    }

    /// Parts and what is between them. Days before months are in one group with months before days: `04/06/2015` is
    /// either, until an example decides.
    fn group(&self) -> String {
        let mut parts: Vec<Part> = self.parts.iter().map(|(part, _)| *part).collect();
        if let Some(at) = starts(&parts, DAY_FIRST) {
            parts[at..at + 3].copy_from_slice(&MONTH_FIRST);
        }
        let mut name = String::from("GuessMatch[");
        for part in parts {
            name.push('$');
            name.push_str(part.name());
        }
        for between in &self.between {
            name.push('@');
            name.push_str(between);
        }
        name + "]"
    }

    fn add(&mut self, other: &Self) {
        for (own, others) in self.parts.iter_mut().zip(&other.parts) {
            if own.1 == Form::Open {
                own.1 = others.1;
            }
        }
        let parts = |composed: &Self| composed.parts.iter().map(|(part, _)| *part).collect::<Vec<_>>();
        // A day above 12 cannot be a month.
        if let (Some(at), Some(_)) = (starts(&parts(self), MONTH_FIRST), starts(&parts(other), DAY_FIRST)) {
            for (part, right) in self.parts[at..at + 3].iter_mut().zip(DAY_FIRST) {
                part.0 = right;
            }
        }
    }
}

const DAY_FIRST: [Part; 3] = [Part::Day, Part::Month, Part::Year];
const MONTH_FIRST: [Part; 3] = [Part::Month, Part::Day, Part::Year];

fn starts(parts: &[Part], sequence: [Part; 3]) -> Option<usize> {
    parts.windows(3).position(|window| window == sequence)
}

impl Part {
    /// The name in those of groups, whose order decides between equals.
    fn name(self) -> &'static str {
        match self {
            Self::Year => "YEAR",
            Self::Month => "MONTH",
            Self::Day => "DAY",
            Self::Hour => "HOUR",
            Self::Minute => "MINUTE",
            Self::Second => "SECOND",
            Self::Fraction => "FRAC",
            Self::Zone => "ZONE",
        }
    }
}

/// A zone that is all of a text, with what is before it: an offset, or up to three capitals.
fn zone(text: &str) -> Option<(&str, Form)> {
    let (space, name) = match text.strip_prefix(' ') {
        Some(name) => (" ", name),
        None => ("", text),
    };
    if let Some(form) = offset(name) {
        return Some((space, form));
    }
    let is_name = (1..=3).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_uppercase());
    is_name.then_some((space, Form::Plain))
}

/// `Z`, `+09`, `+0900` or `+09:00`.
fn offset(text: &str) -> Option<Form> {
    if text == "Z" {
        return Some(Form::Plain);
    }
    let mut cursor = Cursor::new(text);
    cursor.one_of("+-")?;
    cursor.digits(2)?;
    let colon = cursor.one_of(":").is_some();
    let minutes = cursor.digits(2).is_some();
    (cursor.is_at_end() && (minutes || !colon)).then_some(if colon { Form::Colon } else { Form::Plain })
}

fn is_line_end(char: char) -> bool {
    matches!(char, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// White space as Java's patterns have it.
fn is_space(char: char) -> bool {
    matches!(char, ' ' | '\t'..='\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(texts: &[&str]) -> Option<String> {
        guess(texts.iter().copied())
    }

    #[test]
    fn an_example_shows_its_format() {
        for (text, expected) in [
            ("2015-06-04", Some("%Y-%m-%d")),
            ("20150604", Some("%Y%m%d")),
            ("2015-06-04 01:02:03", Some("%Y-%m-%d %H:%M:%S")),
            ("2015-06-04T01:02:03.123Z", Some("%Y-%m-%dT%H:%M:%S.%L%z")),
            ("2015-06-04 01:02:03.123456 +0900", Some("%Y-%m-%d %H:%M:%S.%N %z")),
            ("2015/6/4 1:02", Some("%Y/%m/%d %k:%M")),
            ("2015-06- 4", Some("%Y-%m-%e")),
            ("06/04/2015", Some("%m/%d/%Y")),
            ("31.12.2015", Some("%d.%m.%Y")),
            ("20150604010203", Some("%Y%m%d%H%M%S")),
            ("20150604T010203", None),
            ("2015-06-04 01:02:03+09:00", Some("%Y-%m-%d %H:%M:%S%:z")),
            ("2015-06-04 01:02:03 JST", Some("%Y-%m-%d %H:%M:%S %z")),
            ("2015-06-04 01:02:03 Asia/Tokyo", None),
            ("Thu, 04 Jun 2015 01:02:03 +0900", Some("%a, %d %b %Y %H:%M:%S %z")),
            ("04/Jun/2015:01:02:03 +0900", Some("%d/%b/%Y:%H:%M:%S %z")),
            ("Thu Jun 4 01:02:03 2015", Some("%a %b %e %H:%M:%S %Y")),
            ("2015", None),
            ("12345678", None),
            ("01:02:03", None),
            ("", None),
            ("2015-06-04\n", None),
        ] {
            assert_eq!(format(&[text]).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn examples_add_to_each_other() {
        assert_eq!(format(&["2015-12-31 12:00", "2015-12-31  9:00"]).as_deref(), Some("%Y-%m-%d %k:%M"));
        assert_eq!(format(&["04/06/2015", "31/06/2015"]).as_deref(), Some("%d/%m/%Y"));
        assert_eq!(format(&["04/06/2015", "05/06/2015"]).as_deref(), Some("%m/%d/%Y"));
        assert_eq!(format(&["2015-06-04", "2015/06/04", "2015/06/05"]).as_deref(), Some("%Y/%m/%d"));
    }
}
