//! What each mode leaves, run twice, with rows and without.

use sync::embulk::output::{Isolation, LoadMode};
use sync::embulk::text::Text;
use sync::transfer::error::ErrorKind;

use super::{benches, merge, option};

const TWO: &str = "select 1 as id, 'a' as name union all select 2, null";
const NEXT: &str = "select 2 as id, 'b' as name union all select 3, 'c'";
const NONE: &str = "select 1 as id, 'a' as name where false";
const ALL: &str = "select id, name from t order by id, name";

#[test]
fn each_mode_twice_then_without_rows() {
    let twice = ["1|a", "2|-", "2|b", "3|c"];
    for (mode, then, empty) in [
        (LoadMode::Insert, &twice[..], &twice[..]),
        (LoadMode::InsertDirect, &twice, &twice),
        (LoadMode::TruncateInsert, &["2|b", "3|c"], &[]),
        (LoadMode::Replace, &["2|b", "3|c"], &[]),
        (merge(&[]), &["1|a", "2|b", "3|c"], &["1|a", "2|b", "3|c"]),
    ] {
        for bench in benches() {
            let mut output = bench.output(mode.clone());
            if matches!(mode, LoadMode::Merge { .. }) {
                output.load.create_table_constraint = Some(Text::plain("primary key (id)"));
            }
            let report = bench.sql(TWO, &output).unwrap();
            assert_eq!((report.rows_read, report.rows_sent, report.rows_loaded), (2, 2, Some(2)), "{mode:?}");
            assert_eq!(report.target, format!("mysql {}.t", bench.database.name));
            assert_eq!(bench.rows(ALL), ["1|a", "2|-"], "{mode:?}");
            assert_eq!(bench.columns(), ["id|bigint", "name|text"]);
            bench.sql(NEXT, &output).unwrap();
            assert_eq!(bench.rows(ALL), then, "{mode:?}");
            let report = bench.sql(NONE, &output).unwrap();
            assert_eq!((report.rows_sent, report.rows_loaded), (0, Some(0)));
            assert_eq!(bench.rows(ALL), empty, "{mode:?}");
            bench.assert_tidy();
        }
    }
}

#[test]
fn a_table_without_rows_is_made() {
    for mode in [LoadMode::Insert, LoadMode::InsertDirect, LoadMode::Replace] {
        for bench in benches() {
            bench.sql(NONE, &bench.output(mode.clone())).unwrap();
            // SQLite gives a type to values, not to columns without one.
            assert_eq!(bench.columns(), ["id|text", "name|text"]);
            assert_eq!(bench.rows(ALL), [""; 0]);
        }
    }
}

#[test]
fn a_new_table_has_the_types_the_constraint_and_the_option_of_the_config() {
    for mode in [LoadMode::Insert, LoadMode::InsertDirect, LoadMode::Replace] {
        for bench in benches() {
            let mut output = bench.output(mode.clone());
            output.load.column_options = vec![
                ("NAME".to_owned(), option("VARCHAR(20) NOT NULL DEFAULT 'x' UNIQUE")),
                ("id".to_owned(), option("BIGINT UNSIGNED AUTO_INCREMENT")),
            ];
            output.load.create_table_constraint = Some(Text::plain("primary key (id)"));
            output.load.create_table_option = Some(Text::plain("comment 'made'"));
            bench.sql("select 1 as id, 'a' as name", &output).unwrap();
            assert_eq!(bench.columns(), ["id|bigint unsigned", "name|varchar(20)"]);
            let created = bench.rows("show create table t").join("");
            for part in [
                "`name` varchar(20) NOT NULL DEFAULT 'x'",
                "AUTO_INCREMENT,",
                "PRIMARY KEY (`id`)",
                "COMMENT='made'",
            ] {
                assert!(created.contains(part), "{part} {created}");
            }
            bench.assert_tidy();
        }
    }
}

#[test]
fn new_texts_hold_every_character() {
    for bench in benches() {
        bench.database.run([format!("alter database `{}` character set latin1", bench.database.name)]);
        bench.sql("select '日本😀' as name", &bench.output(LoadMode::Insert)).unwrap();
        assert_eq!(bench.rows("select name from t"), ["日本😀"]);
    }
}

#[test]
fn columns_go_by_name_and_those_the_table_lacks_are_named() {
    for bench in benches() {
        bench
            .database
            .run(["create table t (extra int default 5, `Name` text, id smallint, twice int as (id * 2), \
             deep int as (id + 1) stored, hidden int invisible)"]);
        let output = bench.output(LoadMode::Insert);
        let rows = "select 1 as id, 'a' as name, 2 as other, 3 as twice, 4 as deep, 5 as hidden";
        let report = bench.sql(rows, &output).unwrap();
        assert_eq!(
            report.notes,
            [
                "column `other` is not in table `t` and is left out, as under Embulk",
                "column `twice` of table `t` is generated, and what the rows have for it is left out",
                "column `deep` of table `t` is generated, and what the rows have for it is left out",
            ]
        );
        assert_eq!(bench.rows("select *, hidden from t"), ["5|a|1|2|2|5"]);
        let error = bench.sql("select 1 as other", &output).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Config);
        assert_eq!(error.to_string(), "no column of the rows is in table `t`");
        let error = bench.sql("select 1 as id, 2 as \"ID\"", &output).unwrap_err();
        assert_eq!(error.to_string(), "two columns of the rows go to column `id` of the table");
        assert_eq!(bench.rows("select id from t"), ["1"]);
    }
}

#[test]
fn a_number_of_auto_increment_is_what_the_rows_say() {
    for mode in [LoadMode::Insert, LoadMode::InsertDirect, LoadMode::Replace] {
        for bench in benches() {
            bench.database.run(["create table t (id int not null auto_increment primary key, name text)"]);
            bench
                .sql("select 0 as id, 'a' as name union all select 7, 'b'", &bench.output(mode.clone()))
                .unwrap();
            assert_eq!(bench.rows(ALL), ["0|a", "7|b"], "{mode:?}");
            bench.database.run(["insert into t (name) values ('next')"]);
            assert_eq!(bench.rows("select max(id) from t"), ["8"], "{mode:?}");
        }
    }
}

#[test]
fn a_name_in_another_case_is_the_same_table() {
    for bench in benches() {
        bench.database.run(["create table t (id int)"]);
        let mut output = bench.output(LoadMode::InsertDirect);
        output.load.table = Text::plain("T");
        bench.sql("select 1 as id", &output).unwrap();
        assert_eq!(bench.rows("select * from t"), ["1"]);
    }
}

#[test]
fn names_may_hold_anything() {
    for bench in benches() {
        for mode in [LoadMode::Insert, LoadMode::InsertDirect, LoadMode::Replace, LoadMode::TruncateInsert] {
            let mut output = bench.output(mode);
            output.load.table = Text::plain("表`'\" %");
            bench.sql("select 1 as \"a`b'c\", 'x' as \"日 本\", 2 as sync_row, 3 as \"?\"", &output).unwrap();
        }
        assert_eq!(bench.rows("select * from `表``'\" %`"), ["1|x|2|3"]);
    }
}

#[test]
fn a_merge_goes_by_the_keys_of_the_table_its_rule_and_the_last_row_of_a_key() {
    for bench in benches() {
        bench.database.run([
            "create table t (id int primary key, name varchar(9), n int default 7)",
            "insert into t values (1, 'x', 1), (4, 'y', 2)",
        ]);
        let rows = "select 1 as id, 'a' as name union all select 2, 'b' union all select 2, 'c' union all select 3, null";
        let report = bench.sql(rows, &bench.output(merge(&[]))).unwrap();
        assert_eq!(report.rows_loaded, Some(4));
        assert_eq!(bench.rows("select * from t order by id"), ["1|a|1", "2|c|7", "3|-|7", "4|y|2"]);
        // As Embulk's `merge` and its `merge_direct` have it.
        for (rule, expected) in [
            ("name = concat(t.name, VALUES(name))", ["1|a+|1", "2|c|7", "3|-|7", "4|y|2", "5|+|7"]),
            ("name = concat(name, VALUES(name))", ["1|a++|1", "2|c|7", "3|-|7", "4|y|2", "5|++|7"]),
        ] {
            let output = bench.output(merge(&[rule, "n = n"]));
            bench.sql("select 1 as id, '+' as name union all select 5, '+'", &output).unwrap();
            assert_eq!(bench.rows("select * from t order by id"), expected);
        }
        bench.assert_tidy();
    }
}

#[test]
fn a_merge_needs_a_key_that_the_rows_have() {
    for bench in benches() {
        let said = "`mode: merge` needs a primary or unique key of table `t` whose columns the rows have";
        for made in
            [None, Some("create table t (id int, name text)"), Some("create table t (id int, k int unique)")]
        {
            bench.database.run(["drop table if exists t"]);
            bench.database.run(made);
            let error = bench.sql(TWO, &bench.output(merge(&[]))).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Config);
            assert_eq!(error.to_string(), said);
        }
        bench.database.run(["drop table t", "create table t (id int, name varchar(9) unique)"]);
        bench.sql(TWO, &bench.output(merge(&[]))).unwrap();
        bench.sql("select 7 as id, 'a' as name", &bench.output(merge(&[]))).unwrap();
        assert_eq!(bench.rows(ALL), ["2|-", "7|a"]);
    }
}

#[test]
fn statements_around_the_load_are_in_its_transaction() {
    for mode in [LoadMode::Insert, LoadMode::InsertDirect, LoadMode::TruncateInsert] {
        for bench in benches() {
            bench.database.run(["create table t (id int, name text)", "create table log (at text, n int)"]);
            let mut output = bench.output(mode.clone());
            output.load.isolation = Some(Isolation::RepeatableRead);
            let note = |at: &str| {
                Some(Text::plain(format!("set @n = 1; insert into log select '{at}', count(*) from t")))
            };
            (output.load.before_load, output.load.after_load) = (note("before"), note("after"));
            bench.sql(TWO, &output).unwrap();
            assert_eq!(bench.rows("select * from log"), ["before|0", "after|2"]);
            let failing = Some(Text::plain(
                "insert into log values ('x', 1); insert into log values ('secret', 'secret'); do 1",
            ));
            for (before, after, name) in
                [(None, failing.clone(), "after_load"), (failing.clone(), None, "before_load")]
            {
                (output.load.before_load, output.load.after_load) = (before, after);
                let error = bench.sql(TWO, &output).unwrap_err();
                let said = error.to_string();
                assert!(
                    said.starts_with(&format!("`{name}` failed: Incorrect integer value: '…' ")),
                    "{said}"
                );
                assert!(!said.contains("secret"));
            }
            assert_eq!(bench.rows("select * from log"), ["before|0", "after|2"]);
            assert_eq!(bench.rows("select count(*) from t"), ["2"]);
            bench.assert_tidy();
        }
    }
}

#[test]
fn staging_tables_can_be_in_another_database() {
    for mode in [LoadMode::Insert, LoadMode::Replace] {
        for bench in benches() {
            let other = bench.database.server.fresh_database();
            bench.database.run(["create table t (id int, name text)"]);
            let mut output = bench.output(mode.clone());
            output.temp_database = Some(Text::plain(&other.name));
            bench.sql(TWO, &output).unwrap();
            assert_eq!(bench.rows(ALL), ["1|a", "2|-"]);
            assert_eq!(
                bench.lab.effects.0.lock().unwrap().len(),
                if mode == LoadMode::Replace { 4 } else { 2 }
            );
            drop(other);
            let lost = bench.sql(TWO, &output);
            // MariaDB makes temporary tables in a database that is not there.
            if mode == LoadMode::Replace {
                let error = lost.unwrap_err();
                assert_eq!(error.kind, ErrorKind::NotFound);
                assert!(error.to_string().starts_with("the staging table could not be made: "), "{error}");
            }
        }
    }
}

#[test]
fn rows_go_by_insert_where_load_data_is_not_wanted() {
    for mode in [LoadMode::Insert, LoadMode::InsertDirect, LoadMode::Replace] {
        for bench in benches() {
            let mut output = bench.output(mode.clone());
            output.options.insert("allowLoadLocalInfile".to_owned(), Text::plain("false"));
            let rows = "with recursive n(id) as (select 1 union all select id + 1 from n where id < 30000) \
                        select id, 'it''s \\n a long enough text ' || id as name, null as x from n";
            let report = bench.sql(rows, &output).unwrap();
            assert_eq!(report.rows_loaded, Some(30_000));
            assert_eq!(
                bench.rows("select count(*), sum(id), max(name) from t"),
                ["30000|450015000|it's \\n a long enough text 9999"]
            );
            let error = bench.sql("select 'x' as id", &output).unwrap_err();
            let said = error.to_string();
            assert!(said.contains("column `id`, row 1: Incorrect ") || mode == LoadMode::Replace, "{said}");
            bench.assert_tidy();
        }
    }
}
