//! Formats that are known as a whole: those of mail, of web servers, and of C.

use super::{Form, offset};
use crate::embulk::guess::cursor::Cursor;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// `Thu, 04 Jun 2015 01:02:03 +0900`, as RFC 2822 has it.
pub(super) fn mail(text: &str) -> Option<String> {
    let mut cursor = Cursor::new(text);
    let mut format = String::new();
    if cursor.name(&DAYS).is_some() {
        cursor.word(", ")?;
        format.push_str("%a, ");
    }
    cursor.digits(2)?;
    cursor.word(" ")?;
    cursor.name(&MONTHS)?;
    cursor.word(" ")?;
    cursor.digits(4)?;
    format.push_str("%d %b %Y");
    if cursor.is_at_end() {
        return Some(format);
    }
    cursor.word(" ")?;
    cursor.digits(2)?;
    cursor.word(":")?;
    cursor.digits(2)?;
    format.push_str(" %H:%M");
    if cursor.word(":").is_some() {
        cursor.digits(2)?;
        format.push_str(":%S");
    }
    cursor.word(" ")?;
    let zone = cursor.rest();
    let is_name = (1..=3).contains(&zone.len()) && zone.bytes().all(|byte| byte.is_ascii_uppercase());
    match offset(zone) {
        Some(Form::Colon) => format.push_str(" %:z"),
        Some(_) => format.push_str(" %z"),
        None if is_name => format.push_str(" %z"),
        None => return None,
    }
    Some(format)
}

/// `04/Jun/2015:01:02:03 +0900`, as Apache's logs have it.
pub(super) fn web_log(text: &str) -> Option<&'static str> {
    let mut cursor = Cursor::new(text);
    cursor.digits(2)?;
    cursor.word("/")?;
    cursor.name(&MONTHS)?;
    cursor.word("/")?;
    cursor.digits(4)?;
    cursor.word(":")?;
    time_of_day(&mut cursor)?;
    cursor.word(" ")?;
    (cursor.is_at_end() || offset(cursor.rest()).is_some()).then_some("%d/%b/%Y:%H:%M:%S %z")
}

/// `Thu Jun  4 01:02:03 2015` of C's asctime, with the day in one or two digits.
pub(super) fn ctime(text: &str) -> Option<&'static str> {
    let mut cursor = Cursor::new(text);
    cursor.name(&DAYS)?;
    cursor.word(" ")?;
    cursor.name(&MONTHS)?;
    cursor.word(" ")?;
    cursor.digits(2).or_else(|| cursor.digits(1))?;
    cursor.word(" ")?;
    time_of_day(&mut cursor)?;
    cursor.word(" ")?;
    cursor.digits(4)?;
    cursor.is_at_end().then_some("%a %b %e %H:%M:%S %Y")
}

fn time_of_day(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.digits(2)?;
    cursor.word(":")?;
    cursor.digits(2)?;
    cursor.word(":")?;
    cursor.digits(2)?;
    Some(())
}
