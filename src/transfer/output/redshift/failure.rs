//! What Redshift says, with what it means and without the values of rows.

use crate::cloud::fault::Fault;
pub(super) use crate::cloud::redshift::without_values;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::postgres::error::Trouble;

/// What a text of the server's means, where its code does not say it: most errors of the cluster itself have one code.
const MEANINGS: [(&str, Fault, Option<&str>); 10] = [
    ("serializable isolation violation", Fault::Conflict, None),
    ("conflict with concurrent transaction", Fault::Conflict, None),
    ("could not open relation", Fault::Conflict, None),
    ("could not find relation", Fault::Conflict, None),
    ("concurrent", Fault::Conflict, None),
    ("disk full", Fault::NoRoom, Some("make room in the cluster: drop or VACUUM tables, or add nodes")),
    ("not authorized to assume", Fault::Denied, Some(ROLE)),
    ("not authorized to get credentials", Fault::Denied, Some(ROLE)),
    ("error accessdenied", Fault::Denied, Some(READ)),
    ("error slowdown", Fault::RateLimited, None),
];

const ROLE: &str = "attach the role to the cluster, and let it be assumed by Redshift";
const READ: &str = "let the role or the keys of the COPY read the objects: `s3:GetObject` on them, `s3:ListBucket` on the bucket";

/// The error of a transfer that was `doing` something.
pub(super) fn during(trouble: Trouble, doing: impl Into<String>) -> TransferError {
    let Trouble::Server(error) = &trouble else { return trouble.during(doing) };
    let (code, text) = (error.code().code().to_owned(), error.message().to_lowercase());
    let detail = error.detail().unwrap_or_default().to_lowercase();
    let mut found = trouble.during(doing);
    if let Some(cause) = found.causes.first_mut() {
        *cause = without_values(&cause.replace("(PostgreSQL error ", "(Redshift error "));
    }
    let says = |words: &str| text.contains(words) || detail.contains(words);
    if let Some((_, fault, hint)) = MEANINGS.iter().find(|(words, ..)| says(words)) {
        let hint = hint.map(str::to_owned);
        return TransferError { kind: (*fault).into(), fault: Some(*fault), hint, ..found };
    }
    match code.get(..2).unwrap_or_default() {
        "22" => TransferError {
            kind: ErrorKind::Data,
            hint: Some(
                "choose another type for the column in `column_options` and in the table, or correct the rows"
                    .to_owned(),
            ),
            ..found
        },
        "23" => TransferError {
            kind: ErrorKind::Data,
            hint: Some("correct the rows, or change the constraint of the table".to_owned()),
            ..found
        },
        "2B" => TransferError {
            kind: ErrorKind::Rejected,
            hint: Some("drop what depends on the table, or make views WITH NO SCHEMA BINDING".to_owned()),
            ..found
        },
        // Trying again does not help while the cluster has no room.
        "53" => TransferError {
            kind: ErrorKind::Rejected,
            hint: Some("look at the disk and the connections of the cluster".to_owned()),
            ..found
        },
        _ => found,
    }
}
