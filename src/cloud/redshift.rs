//! Redshift: what it says, without values, and how texts stand in its SQL.

use tokio_postgres::error::DbError;

use super::postgres::shown;

/// What Redshift writes before a value, or a part of one, in its messages; the value is between quotes or goes to the
/// end of the text.
const BEFORE_VALUES: [&str; 4] = ["Value '", "value '", "Invalid char: ", "UTF8 hex sequence: "];

/// The server's text and code. A text that is only a number, as of a conflict (1023), comes with what explains it.
pub fn said(error: &DbError) -> String {
    let mut text = without_values(&shown(error, error.message()));
    if text.bytes().all(|byte| byte.is_ascii_digit())
        && let Some(detail) =
            error.detail().and_then(|detail| detail.lines().find(|line| !line.trim().is_empty()))
    {
        text.push_str(": ");
        text.push_str(&without_values(&shown(error, detail.trim())));
    }
    format!("{text} (Redshift error {})", error.code().code())
}

/// Whether transactions could not be put in an order: one of them has to be done again.
/// Source: <https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation-serializable-isolation-troubleshooting.html>
pub fn is_conflict(error: &DbError) -> bool {
    error.code().code() == "40001" || error.message().trim_start().starts_with("1023")
}

/// The text without the values of rows that it quotes.
pub fn without_values(text: &str) -> String {
    let mut shown = text.to_owned();
    for before in BEFORE_VALUES {
        let Some(start) = shown.find(before).map(|at| at + before.len()) else { continue };
        let length = if before.ends_with('\'') {
            // The last quote: a value may hold quotes itself.
            shown[start..].rfind('\'').unwrap_or(shown.len() - start)
        } else {
            shown[start..].find(" (error").unwrap_or(shown.len() - start)
        };
        shown.replace_range(start..start + length, "…");
    }
    shown
}

/// A text in SQL: a backslash escapes in every string of Redshift.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_messages_are_cut() {
        for (text, shown) in [
            (
                "Invalid digit, Value 'it's', Pos 0, Type: Integer",
                "Invalid digit, Value '…', Pos 0, Type: Integer",
            ),
            ("Invalid digit, Value 'x", "Invalid digit, Value '…"),
            (
                "Multibyte character not supported for CHAR (Hint: try using VARCHAR). Invalid char: e3 81 82",
                "Multibyte character not supported for CHAR (Hint: try using VARCHAR). Invalid char: …",
            ),
            (
                "String contains invalid or unsupported UTF8 codepoints. Bad UTF8 hex sequence: a4 (error 3)",
                "String contains invalid or unsupported UTF8 codepoints. Bad UTF8 hex sequence: … (error 3)",
            ),
            ("Load into table 't' failed.", "Load into table 't' failed."),
        ] {
            assert_eq!(without_values(text), shown);
        }
    }

    #[test]
    fn a_text_cannot_leave_its_quotes() {
        assert_eq!(literal("it's \\' x"), "'it''s \\\\'' x'");
        assert_eq!(literal("\\N"), "'\\\\N'");
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_odd(text in "[ Valueichr:'…é(UTF8hx]{0,30}(Value '|UTF8 hex sequence: )?[a-z'é (]{0,20}") {
            let _ = without_values(&text);
        }
    }
}
