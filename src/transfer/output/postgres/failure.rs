//! What the server says of rows, with the place and without the values.

use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::postgres::error::Trouble;

/// The error of rows that could not be loaded or published. `place` finds the column and the row in what the server
/// says of a COPY.
pub(super) fn refused(
    trouble: Trouble,
    doing: &str,
    place: impl Fn(&str) -> Option<String>,
) -> TransferError {
    let Trouble::Server(error) = &trouble else { return trouble.during(doing) };
    let class = error.code().code().get(..2).unwrap_or_default().to_owned();
    let at = error.where_().and_then(place);
    let mut found = trouble.during(doing);
    if let Some(at) = at
        && let Some(cause) = found.causes.first_mut()
    {
        *cause = format!("{at}: {cause}");
    }
    match class.as_str() {
        "22" => TransferError {
            kind: ErrorKind::Data,
            hint: Some(
                "choose another type for the column in `column_options` and in the table, or correct the rows".to_owned(),
            ),
            ..found
        },
        "23" => TransferError {
            kind: ErrorKind::Data,
            hint: Some("correct the rows, or change the constraint of the table".to_owned()),
            ..found
        },
        // Trying again does not help while the server has no room.
        "53" => TransferError {
            kind: ErrorKind::Rejected,
            hint: Some("look at the disk and the memory of the server".to_owned()),
            ..found
        },
        _ => found,
    }
}

/// The place in the context of a COPY, e.g. `COPY stage, line 3, column n: "x"`, as ``column `n`, row 103``.
pub(super) fn place(context: &str, columns: &[String], rows_before: u64) -> Option<String> {
    // Servers in other languages put the same things in the same order.
    let (_, after) = context.split_once(", ")?;
    let start = after.find(|char: char| char.is_ascii_digit())?;
    let rest = &after[start..];
    let end = rest.find(|char: char| !char.is_ascii_digit()).unwrap_or(rest.len());
    let row = rows_before + rest[..end].parse::<u64>().ok()?;
    let named = rest[end..].strip_prefix(", ").and_then(|named| named.split_once(' ')).map(|(_, name)| name);
    let known = |name: &&String| {
        named.is_some_and(|named| named.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with(':')))
    };
    // Where one name begins like another, the longer one is meant.
    match columns.iter().filter(known).max_by_key(|name| name.len()) {
        Some(name) => Some(format!("column `{name}`, row {row}")),
        None => Some(format!("row {row}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_read_and_the_value_is_not() {
        let columns = ["n", "n: x", "日"].map(str::to_owned);
        for (context, expected) in [
            ("COPY sync_1, line 3, column n: \"secret\"", Some("column `n`, row 103")),
            ("COPY sync_1, line 3, column n: x: \"secret\"", Some("column `n: x`, row 103")),
            ("COPY sync_1, line 12, column 日: null input", Some("column `日`, row 112")),
            ("COPY sync_1, line 1: \"secret\\t5\"", Some("row 101")),
            ("COPY sync_1, Zeile 3, Spalte n: »secret«", Some("column `n`, row 103")),
            ("SQL function \"f\" statement 1", None),
        ] {
            assert_eq!(place(context, &columns, 100).as_deref(), expected, "{context}");
        }
    }
}
