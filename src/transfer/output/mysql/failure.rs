//! What the server says of rows, with the place and without the values.

use super::session::Trouble;
use crate::cloud::mysql::{Error, ServerError};
use crate::transfer::error::{ErrorKind, TransferError};

/// Codes of values that do not fit their column.
const UNFIT: [u16; 19] = [
    1048, 1263, 1264, 1265, 1292, 1300, 1366, 1367, 1406, 1411, 1416, 1425, 1441, 1690, 3140, 3141, 3157,
    3903, 4078,
];
/// Codes of rows that a key or another constraint of the table keeps out.
const KEPT_OUT: [u16; 12] = [1022, 1062, 1364, 1451, 1452, 1526, 1557, 1586, 1761, 1762, 3819, 4025];
/// Codes of a server without room.
const NO_ROOM: [u16; 5] = [1021, 1030, 1037, 1041, 1114];

/// The error of rows that could not be loaded or published. `place` finds the column and the row in what the server
/// says.
pub(super) fn refused(
    trouble: Trouble,
    doing: &str,
    place: impl Fn(&str) -> Option<String>,
) -> TransferError {
    let Trouble::Connection(Error::Server(error)) = &trouble else { return trouble.during(doing) };
    let code = error.code;
    let at = place(&error.message);
    let mut found = trouble.during(doing);
    if let Some(at) = at
        && let Some(cause) = found.causes.first_mut()
    {
        *cause = format!("{at}: {cause}");
    }
    let (kind, hint) = match code {
        _ if UNFIT.contains(&code) => (
            ErrorKind::Data,
            "choose another type for the column in `column_options` and in the table, or correct the rows",
        ),
        _ if KEPT_OUT.contains(&code) => {
            (ErrorKind::Data, "correct the rows, or change the constraint of the table")
        }
        // Trying again does not help while the server has no room.
        _ if NO_ROOM.contains(&code) => {
            (ErrorKind::Rejected, "look at the disk and the memory of the server")
        }
        _ => return found,
    };
    TransferError { kind, hint: Some(hint.to_owned()), ..found }
}

/// A warning, as the error that it would be if the server could stop a LOAD DATA LOCAL.
pub(super) fn of_warning(code: u16, message: String) -> Trouble {
    Trouble::Connection(Error::Server(ServerError { state: "HY000".to_owned(), message, code }))
}

/// The place in what the server says, e.g. `Data too long for column 'n' at row 3`, as ``column `n`, row 103``.
pub(super) fn place(message: &str, columns: &[String], rows_before: u64) -> Option<String> {
    // A value may stand before it, never behind it.
    let (before, row) = message.rsplit_once(" at row ")?;
    let digits = row.bytes().take_while(u8::is_ascii_digit).count();
    let row = rows_before + row[..digits].parse::<u64>().ok()?;
    let named = before.rsplit_once("column ").map(|(_, named)| named);
    let known = |name: &&String| {
        named.is_some_and(|named| named == format!("'{name}'") || named.ends_with(&format!("`.`{name}`")))
    };
    match columns.iter().find(known) {
        Some(name) => Some(format!("column `{name}`, row {row}")),
        None => Some(format!("row {row}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_read_and_the_value_is_not() {
        let columns = ["n", "n' at row 5", "日"].map(str::to_owned);
        for (message, expected) in [
            ("Data too long for column 'n' at row 3", Some("column `n`, row 103")),
            (
                "Incorrect integer value: 'column 'x' at row 9' for column `d`.`t`.`n` at row 3",
                Some("column `n`, row 103"),
            ),
            ("Incorrect date value: 'secret' for column '日' at row 1", Some("column `日`, row 101")),
            ("Row 2 doesn't contain data for all columns", None),
            ("Invalid utf8mb4 character string at row 7", Some("row 107")),
        ] {
            assert_eq!(place(message, &columns, 100).as_deref(), expected, "{message}");
        }
    }
}
