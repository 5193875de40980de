//! Values that a mapping does not take: an error that names table, column and reason, and not the value.

use super::transfer::{FORMATS, Format, Mapping, Transfer};
use crate::support::google::FakeGoogle;
use crate::support::servers;

/// One column of a type with one value, and what is said about it.
struct Refusal {
    sql_type: &'static str,
    value: &'static str,
    /// Must not be in any message.
    secret: &'static str,
    mapping: Mapping,
    said: &'static [&'static str],
}

const REFUSALS: [Refusal; 4] = [
    Refusal {
        sql_type: "bigint unsigned",
        value: "18446744073709551615",
        secret: "18446744073709551615",
        mapping: Mapping::Embulk,
        said: &[
            "column `n`, row 2: a value is above 9223372036854775807, the limit of an integer",
            ".refused`",
        ],
    },
    Refusal {
        sql_type: "time",
        value: "'-07:31:17'",
        secret: "07:31:17",
        mapping: Mapping::Exact,
        said: &["column `n`, row 2: a value is not a time of day", ".refused`"],
    },
    Refusal {
        sql_type: "varbinary(10)",
        value: "'hidden'",
        secret: "hidden",
        mapping: Mapping::Embulk,
        said: &["unsupported type VARBINARY of column `n`", "`n: {value_type: string}` to `column_options`"],
    },
    Refusal {
        sql_type: "blob",
        value: "'hidden'",
        secret: "hidden",
        mapping: Mapping::Embulk,
        said: &["unsupported type BLOB of column `n`", "`n: {value_type: string}` to `column_options`"],
    },
];

#[test]
fn a_value_that_does_not_fit_is_named_by_table_column_and_reason() {
    let (Some(server), Some(google)) = (servers::mariadb(), FakeGoogle::start()) else { return };
    for refusal in REFUSALS {
        let database = server.fresh_database();
        database.run([
            format!("create table refused (id int, n {})", refusal.sql_type),
            format!("insert into refused values (1, null), (2, {})", refusal.value),
        ]);
        for format in FORMATS {
            let dataset = google.bigquery().fresh_dataset();
            let said = transfer(&database, &google, &dataset, refusal.mapping, format).run();
            let said = said.expect_code(1);
            for text in refusal.said {
                assert!(said.stderr.contains(text), "{format:?}, {}: {}", refusal.sql_type, said.stderr);
            }
            assert!(
                !said.stderr.contains(refusal.secret) && !said.stdout.contains(refusal.secret),
                "{said:?}"
            );
            assert_eq!(google.bigquery().tables(&dataset), Vec::<String>::new());
            assert_eq!(google.objects(), Vec::<String>::new());
        }
    }
}

fn transfer<'a>(
    database: &'a servers::MySqlDatabase,
    google: &'a FakeGoogle,
    dataset: &'a str,
    mapping: Mapping,
    format: Format,
) -> Transfer<'a> {
    Transfer {
        database,
        google,
        dataset,
        mapping,
        format,
        mode: "replace",
        table: "refused",
        select: Vec::new(),
    }
}
