//! Tables as a whole: no rows at all, rows added, a table replaced by another of its name.

use super::cells::{Kind, by_key};
use super::transfer::{FORMATS, Format, Mapping, Transfer};
use crate::support::google::FakeGoogle;
use crate::support::servers::{self, MySqlDatabase};

fn transfer<'a>(
    database: &'a MySqlDatabase,
    google: &'a FakeGoogle,
    dataset: &'a str,
    format: Format,
    mode: &'static str,
) -> Transfer<'a> {
    Transfer {
        database,
        google,
        dataset,
        mapping: Mapping::Exact,
        format,
        mode,
        table: "t",
        select: Vec::new(),
    }
}

/// Does something before each emulator in each format, with a fresh source and target.
fn everywhere(check: impl Fn(&MySqlDatabase, &FakeGoogle, &str, Format)) {
    let Some(server) = servers::mariadb() else { return };
    for emulator in servers::bigquery_emulators() {
        let Some(google) = FakeGoogle::before(&emulator) else { return };
        for format in FORMATS {
            let dataset = google.bigquery().fresh_dataset();
            check(&server.fresh_database(), &google, &dataset, format);
            assert_eq!(google.objects(), Vec::<String>::new());
            assert_eq!(google.bigquery().tables(&dataset), ["t"]);
        }
    }
}

fn types(google: &FakeGoogle, dataset: &str) -> Vec<String> {
    google.bigquery().columns(dataset, "t").into_iter().map(|(name, kind)| format!("{name} {kind}")).collect()
}

fn rows(google: &FakeGoogle, dataset: &str) -> Vec<Vec<String>> {
    let rows = by_key(google.bigquery().rows(dataset, "t"));
    rows.into_iter()
        .map(|row| row.into_iter().map(|cell| cell.unwrap_or("NULL".to_owned())).collect())
        .collect()
}

#[test]
fn a_table_without_rows_is_made_and_empties_what_was_there() {
    everywhere(|database, google, dataset, format| {
        database.run(["create table t (id int, price decimal(10, 2), at datetime)"]);
        for mode in ["append", "replace"] {
            transfer(database, google, dataset, format, mode).run().expect_code(0);
            assert_eq!(types(google, dataset), ["id INTEGER", "price NUMERIC", "at DATETIME"]);
            assert_eq!(rows(google, dataset), Vec::<Vec<String>>::new());
        }
        database.run(["insert into t values (1, 1.50, '2026-01-01')"]);
        transfer(database, google, dataset, format, "replace").run().expect_code(0);
        assert_eq!(rows(google, dataset).len(), 1);
        database.run(["delete from t"]);
        transfer(database, google, dataset, format, "append").run().expect_code(0);
        assert_eq!(rows(google, dataset).len(), 1);
        transfer(database, google, dataset, format, "replace").run().expect_code(0);
        assert_eq!(rows(google, dataset).len(), 0);
    });
}

#[test]
fn rows_are_added_once_by_each_run() {
    everywhere(|database, google, dataset, format| {
        database.run([
            "create table t (id int, name varchar(20))",
            "insert into t select seq, concat('名 ', seq) from seq_1_to_500",
        ]);
        for times in 1..=2 {
            transfer(database, google, dataset, format, "append").run().expect_code(0);
            let rows = rows(google, dataset);
            assert_eq!(rows.len(), 500 * times);
            for (place, row) in rows.iter().enumerate() {
                let id = place / times + 1;
                assert_eq!(*row, [id.to_string(), format!("名 {id}")]);
            }
        }
    });
}

#[test]
fn a_table_of_other_columns_takes_the_place_of_the_old_one() {
    everywhere(|database, google, dataset, format| {
        database.run([
            "create table t (id int, price decimal(10, 2), note varchar(10))",
            "insert into t values (1, 1.50, 'old'), (2, null, 'old')",
        ]);
        transfer(database, google, dataset, format, "replace").run().expect_code(0);
        database.run([
            "drop table t",
            "create table t (id bigint unsigned, price varchar(20), day date)",
            "insert into t values (7, 'seven', '2026-02-28')",
        ]);
        transfer(database, google, dataset, format, "replace").run().expect_code(0);
        assert_eq!(types(google, dataset), ["id NUMERIC", "price STRING", "day DATE"]);
        let rows = rows(google, dataset);
        // bqemulator shows all nine digits of a NUMERIC.
        assert_eq!(Kind::Numeric.normal(&rows[0][0]), "7");
        assert_eq!(rows[0][1..], ["seven", "2026-02-28"]);
        assert_eq!(rows.len(), 1);
    });
}
