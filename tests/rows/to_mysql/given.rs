//! What `type` in `column_options` says: more than a type, a type that there is not, and one that holds less than the
//! values have.

use sync::embulk::config::TypeMapping;
use sync::embulk::output::LoadMode;
use sync::embulk::text::Text;
use sync::transfer::error::ErrorKind;
use sync::transfer::report::Change;

use super::{Bench, benches, merge, option};

fn modes() -> [LoadMode; 5] {
    [LoadMode::Insert, LoadMode::InsertDirect, LoadMode::TruncateInsert, LoadMode::Replace, merge(&[])]
}

fn created(bench: &Bench) -> String {
    bench.rows("show create table t").join("")
}

#[track_caller]
fn holds(created: &str, parts: &[&str]) {
    for part in parts {
        assert!(created.contains(part), "{part} in {created}");
    }
}

#[test]
fn a_new_column_has_all_that_its_type_says_in_every_mode() {
    for mode in modes() {
        for bench in benches() {
            let mut output = bench.output(mode.clone());
            output.load.column_options = vec![
                ("id".to_owned(), option("INT PRIMARY KEY COMMENT 'n'")),
                ("name".to_owned(), option("VARCHAR(3) NOT NULL DEFAULT 'x' UNIQUE")),
            ];
            let rows = "select 1 as id, 'a' as name";
            bench.sql(rows, &output).unwrap();
            let parts = [
                "NOT NULL COMMENT 'n'",
                "`name` varchar(3) NOT NULL DEFAULT 'x'",
                "PRIMARY KEY (`id`)",
                "UNIQUE KEY `name` (`name`)",
            ];
            holds(&created(&bench), &parts);
            // Once more, over the table that is there.
            let report = bench.sql(rows, &output);
            if matches!(mode, LoadMode::Insert | LoadMode::InsertDirect) {
                assert_eq!(report.unwrap_err().kind, ErrorKind::Data);
            } else {
                assert_eq!(report.unwrap().notes, [""; 0], "{mode:?}");
            }
            holds(&created(&bench), &parts);
            let error = bench.sql("select 2 as id, null as name", &output).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Data);
            bench.assert_tidy();
        }
    }
}

#[test]
fn a_column_that_keeps_its_type_gets_no_more_and_it_is_said() {
    for bench in benches() {
        bench.database.run(["create table t (id int, name text)"]);
        let mut output = bench.output(LoadMode::Replace);
        output.load.column_options = vec![("id".to_owned(), option("INT NOT NULL DEFAULT 5"))];
        let report = bench.sql("select 1 as id, 'a' as name", &output).unwrap();
        assert_eq!(
            report.notes,
            [
                "column `id` of table `t` stays without NOT NULL and DEFAULT: a column that is there gets no more than a \
              type from `column_options`"
            ]
        );
        // Another type comes with all of it.
        output.load.column_options = vec![("id".to_owned(), option("BIGINT NOT NULL DEFAULT 5"))];
        assert_eq!(bench.sql("select 1 as id, 'a' as name", &output).unwrap().notes, [""; 0]);
        holds(&created(&bench), &[" NOT NULL DEFAULT "]);
    }
}

#[test]
fn a_column_of_another_type_keeps_what_goes_with_it() {
    for bench in benches() {
        bench.database.run(["create table t (id int not null auto_increment comment 'it''s', \
             name varchar(40) collate utf8mb4_bin not null default 'x, y' comment 'as they, say', \
             n varchar(9) default 'none', plain int, primary key (id))"]);
        let mut output = bench.output(LoadMode::Replace);
        output.load.column_options = vec![
            ("id".to_owned(), option("BIGINT")),
            ("name".to_owned(), option("VARCHAR(80)")),
            ("n".to_owned(), option("INT")),
            ("plain".to_owned(), option("BIGINT")),
        ];
        let rows = "select 1 as id, 'a' as name, 2 as n, 3 as plain";
        let report = bench.sql(rows, &output).unwrap();
        assert_eq!(bench.columns(), ["id|bigint", "name|varchar(80)", "n|int", "plain|bigint"]);
        holds(
            &created(&bench),
            &[
                " NOT NULL AUTO_INCREMENT COMMENT 'it''s'",
                "`name` varchar(80) NOT NULL DEFAULT 'x, y' COMMENT 'as they, say'",
                " DEFAULT NULL",
            ],
        );
        assert_eq!(
            report.notes,
            ["column `n` of table `t` loses `DEFAULT 'none'`, which does not go with its new type"]
        );
        bench.assert_tidy();
    }
}

#[test]
fn a_type_that_there_is_not_is_named_by_its_option() {
    for bench in benches() {
        for mode in modes() {
            let mut output = bench.output(mode.clone());
            for sql_type in ["VARCHR(3)", "decimal(10, 2", "decimal(99, 2)", "int default 'x'"] {
                output.load.column_options =
                    vec![("id".to_owned(), option("INT PRIMARY KEY")), ("name".to_owned(), option(sql_type))];
                let error = bench.sql("select 1 as id, 'a' as name", &output).unwrap_err();
                assert_eq!(error.kind, ErrorKind::Config, "{mode:?} {error}");
                let said = error.to_string();
                let begin = "column `name` cannot have the type that `column_options` gives it: ";
                assert!(said.starts_with(begin) && said.contains("(MySQL error "), "{said}");
                assert_eq!(error.remedy(), Some("check `column_options.name.type`"));
            }
            let there = "select 1 from information_schema.tables where table_schema = database() and table_name = 't'";
            assert_eq!(bench.rows(there), [""; 0]);
            bench.assert_tidy();
        }
    }
}

#[test]
fn what_the_server_would_change_without_a_word_is_counted_or_refused() {
    for bench in benches() {
        for mode in [LoadMode::Insert, LoadMode::InsertDirect, LoadMode::Replace] {
            for (sql_type, changed, held, what, reason) in [
                (
                    "float(7,2)",
                    "1.005",
                    "1.25",
                    "values lost digits after the point",
                    "has more digits after the point than the column",
                ),
                (
                    "double(10,2)",
                    "1.005",
                    "100.0",
                    "values lost digits after the point",
                    "has more digits after the point than the column",
                ),
                (
                    "datetime",
                    "'2024-02-29 23:59:59.6'",
                    "'2024-02-29 23:59:59'",
                    "values lost digits of a second",
                    "has more digits of a second than the column",
                ),
                (
                    "time(1)",
                    "'23:59:59.25'",
                    "'23:59:59.2'",
                    "values lost digits of a second",
                    "has more digits of a second than the column",
                ),
            ] {
                let load = |value: &str, types| {
                    bench.database.run(["drop table if exists t"]);
                    let mut output = bench.output(mode.clone());
                    output.load.types = types;
                    output.load.column_options = vec![("c".to_owned(), option(sql_type))];
                    bench.sql(&format!("select {value} as c union all select null"), &output)
                };
                let report = load(changed, TypeMapping::Embulk).unwrap();
                assert_eq!(report.changes, [Change::of("c", what, 1)], "{mode:?} {sql_type}");
                assert_eq!(report.notes, [format!("column `c`: 1 {what}")]);
                let report = load(held, TypeMapping::Exact).unwrap();
                assert_eq!((report.changes, report.notes), (vec![], vec![]), "{sql_type} {held}");
                let error = load(changed, TypeMapping::Exact).unwrap_err();
                assert_eq!(error.to_string(), format!("column `c`, row 1: a value {reason}"), "{sql_type}");
            }
        }
    }
}

/// The server notes it, and a note is an error here.
#[test]
fn digits_of_a_decimal_and_spaces_of_a_text_are_never_lost() {
    for bench in benches() {
        for (sql_type, value) in [("decimal(10,2)", "1.005"), ("varchar(3)", "'a     '")] {
            for mode in modes() {
                for local in ["true", "false"] {
                    let mut output = bench.output(mode.clone());
                    output.options.insert("allowLoadLocalInfile".to_owned(), Text::plain(local));
                    output.load.column_options = vec![
                        ("id".to_owned(), option("INT PRIMARY KEY")),
                        ("c".to_owned(), option(sql_type)),
                    ];
                    let error = bench.sql(&format!("select 1 as id, {value} as c"), &output).unwrap_err();
                    assert_eq!(error.kind, ErrorKind::Data);
                    let said = error.to_string();
                    assert!(said.contains(": column `c`, row 1: "), "{mode:?} {said}");
                }
            }
        }
    }
}
