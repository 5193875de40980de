//! Why a load failed: Redshift says only that it did, and keeps file, line and reason of each record in a system table,
//! which a rollback does not empty.

use crate::cloud::redshift::without_values;
use crate::run::operator::OperatorError;
use crate::run::operator::sql::postgres::session::{Session, Trouble};

/// Records that are told.
const TOLD: usize = 5;

/// Where the errors are: clusters have both, serverless workgroups only the second.
/// Sources: <https://docs.aws.amazon.com/redshift/latest/dg/r_STL_LOAD_ERRORS.html>,
/// <https://docs.aws.amazon.com/redshift/latest/dg/SYS_LOAD_ERROR_DETAIL.html>
const QUERIES: [&str; 2] = [
    "SELECT TRIM(filename), line_number, TRIM(colname), TRIM(type), TRIM(col_length), TRIM(err_reason), err_code \
     FROM stl_load_errors WHERE query = pg_last_copy_id() ORDER BY filename, line_number LIMIT 6",
    "SELECT TRIM(file_name), line_number, TRIM(column_name), TRIM(column_type), TRIM(column_length), \
     TRIM(error_message), error_code FROM sys_load_error_detail WHERE query_id = pg_last_copy_id() \
     ORDER BY 1, 2 LIMIT 6",
];

/// Adds to an error what the last load of the session failed of.
pub(in crate::run::operator::sql) async fn tell(session: &Session, error: &mut OperatorError) {
    let mut rows = Vec::new();
    for query in QUERIES {
        match ask(session, query).await {
            Ok(found) if !found.is_empty() => {
                rows = found;
                break;
            }
            Ok(_) | Err(Trouble::Server(_)) => {}
            // The connection is gone: the error says what there is to say.
            Err(_) => return,
        }
    }
    if rows.is_empty() {
        error.causes.push("neither `stl_load_errors` nor `sys_load_error_detail` shows why".to_owned());
        return;
    }
    let more = rows.len() > TOLD;
    error.causes.extend(rows.into_iter().take(TOLD).map(|row| line(&row.map(Option::unwrap_or_default))));
    if more {
        error.causes.push("there are more in `stl_load_errors`".to_owned());
    }
}

type Row = [Option<String>; 7];

async fn ask(session: &Session, query: &str) -> Result<Vec<Row>, Trouble> {
    match session.rows(query).await {
        // The script's own transaction is still open, and failed.
        Err(trouble) if trouble.has_code(&["25P02"]) => {
            session.undo().await;
            session.rows(query).await
        }
        answer => answer,
    }
}

/// The record's place and the reason, without the record.
fn line([file, line, column, kind, length, reason, code]: &[String; 7]) -> String {
    let kind = if length.is_empty() || length == "0" { kind.clone() } else { format!("{kind}({length})") };
    let column = if column.is_empty() { String::new() } else { format!(", column `{column}` {kind}") };
    format!("{file} line {line}{column}: {} (load error {code})", without_values(reason.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_told_by_its_place() {
        let told = |row: [&str; 7]| line(&row.map(str::to_owned));
        assert_eq!(
            told([
                "s3://b/k",
                "2",
                "id",
                "int4",
                "0",
                "Invalid digit, Value 'x', Pos 0, Type: Integer  ",
                "1207"
            ]),
            "s3://b/k line 2, column `id` int4: Invalid digit, Value '…', Pos 0, Type: Integer (load error 1207)"
        );
        assert_eq!(
            told(["s3://b/k", "9", "name", "varchar", "5", "String length exceeds DDL length", "1204"]),
            "s3://b/k line 9, column `name` varchar(5): String length exceeds DDL length (load error 1204)"
        );
        assert_eq!(told(["f", "1", "", "", "", "odd", "1200"]), "f line 1: odd (load error 1200)");
    }
}
