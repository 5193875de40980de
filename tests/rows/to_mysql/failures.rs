//! What does not work: nothing is published, nothing is left, and the message names the place without the value.

use mysql::prelude::Queryable;
use sync::embulk::input::InputConfig;
use sync::embulk::output::LoadMode;
use sync::embulk::text::Text;
use sync::secret::Secret;
use sync::transfer::error::ErrorKind;

use super::super::lab::{mysql, table};
use super::{Bench, benches};
use crate::support::sandbox::Sandbox;

const MODES: [LoadMode; 4] =
    [LoadMode::Insert, LoadMode::InsertDirect, LoadMode::TruncateInsert, LoadMode::Replace];

/// Rows of which the second is bad, and what is said of it behind the place.
const BAD: [(&str, &str, &str); 11] = [
    ("s", "'secret'", "Data too long for column '…' at row|Data truncated for column '…' at row"),
    ("i", "5000000000", "Out of range value for column '…' at row"),
    ("i", "'secret'", "Incorrect integer value: '…' for column|Incorrect integer value: '…' at row"),
    ("i", "''", "Incorrect integer value: '…' for column|Incorrect integer value: '…' at row"),
    ("d", "'1.555'", "Data truncated for column '…' at row"),
    ("s", "'ab   '", "Data truncated for column '…' at row|Data too long for column '…' at row"),
    ("e", "'secret'", "Data truncated for column '…' at row"),
    ("da", "'0000-00-00'", "Incorrect date value: '…' |Out of range value |Data truncated "),
    ("da", "'2015-02-30'", "Incorrect date value: '…' |Out of range value |Data truncated "),
    ("l", "'日'", "Incorrect string value: '…' for column|Incorrect string value: '…' at row"),
    ("y", "3000", "Out of range value for column '…' at row"),
];

const TABLE: [&str; 2] = [
    "create table t (id int, s varchar(4), i int, d decimal(9, 2), e enum('a', 'b'), da date, \
     l varchar(9) character set latin1, y year) charset utf8mb4",
    "insert into t (id) values (7)",
];

#[test]
fn a_value_that_does_not_fit_is_named_by_column_and_row() {
    for bench in benches() {
        bench.database.run(TABLE);
        for mode in MODES {
            for (column, value, said) in BAD {
                let ways = [(1 << 20, "true"), (1, "true"), (1 << 20, "false")];
                // The mode is one thing and the way of the rows another.
                for (batch, local) in ways.into_iter().take(if mode == LoadMode::Insert { 3 } else { 1 }) {
                    let mut output = bench.output(mode.clone());
                    if mode == LoadMode::Replace {
                        bench.database.run(["drop table t"]);
                        bench.database.run(TABLE);
                        bench.database.run([format!(
                            "alter table t drop column {column}, add column {column} {}",
                            typed(column)
                        )]);
                    }
                    output.load.batch_bytes = batch;
                    output.options.insert("allowLoadLocalInfile".to_owned(), Text::plain(local));
                    let rows = format!(
                        "select 1 as id, null as {column} union all select 2, {value} union all select 3, null"
                    );
                    let error = bench.sql(&rows, &output).unwrap_err();
                    let text = error.to_string();
                    assert_eq!(error.kind, ErrorKind::Data, "{text}");
                    let start = format!(
                        "rows for `mysql {}.t` could not be loaded: column `{column}`, row 2: ",
                        bench.database.name
                    );
                    assert!(text.starts_with(&start), "{mode:?} {text}");
                    assert!(
                        said.split('|').any(|said| text[start.len()..].starts_with(said)),
                        "{mode:?} {text}"
                    );
                    assert!(!text.contains("secret"), "{text}");
                    assert_eq!(bench.rows("select id from t"), ["7"]);
                    bench.assert_tidy();
                }
            }
        }
    }
}

fn typed(column: &str) -> &str {
    match column {
        "s" => "varchar(4)",
        "i" => "int",
        "d" => "decimal(9, 2)",
        "e" => "enum('a', 'b')",
        "da" => "date",
        "l" => "varchar(9) character set latin1",
        _ => "year",
    }
}

/// What the server would change without a word.
#[test]
fn a_value_that_the_server_would_change_is_refused() {
    for bench in benches() {
        bench
            .database
            .run(["create table t (i int, e enum('a', 'b'), st set('a', 'b'), y year, b bit(8), da date)"]);
        for (column, value, said) in [
            ("i", "'1.5'", "is no whole number"),
            ("i", "1.5", "has a fraction, which a whole number cannot hold"),
            ("e", "'1'", "is a number and no member of the column's ENUM or SET"),
            ("st", "3", "is a number and no member of the column's ENUM or SET"),
            ("y", "15", "is no year of four digits"),
            ("b", "-1", "is negative, which BIT cannot hold"),
            ("b", "'101'", "is a text, and the column takes numbers"),
            ("da", "'12015-06-04'", "is a date outside the years 0000 to 9999"),
        ] {
            let error = bench
                .sql(&format!("select {value} as {column}"), &bench.output(LoadMode::Insert))
                .unwrap_err();
            assert_eq!(error.to_string(), format!("column `{column}`, row 1: a value {said}"));
        }
        bench.assert_tidy();
    }
}

#[test]
fn a_batch_that_failed_is_noticed_when_it_ends_and_rows_count_on() {
    for bench in benches() {
        bench.database.run(["create table t (id int)"]);
        let mut output = bench.output(LoadMode::Insert);
        let rows = "with recursive n(id) as (select 1 union all select id + 1 from n where id < 100000) \
                    select case id when 70000 then 5000000000 else id end as id from n";
        output.load.batch_bytes = 100_000;
        let error = bench.sql(rows, &output).unwrap_err();
        assert!(error.to_string().contains("column `id`, row 70000: "), "{error}");
        assert_eq!(bench.rows("select count(*) from t"), ["0"]);
        let report = bench.sql(&rows.replace("5000000000", "0"), &output).unwrap();
        assert_eq!((report.rows_sent, report.rows_loaded), (100_000, Some(100_000)));
        assert_eq!(bench.rows("select count(*), sum(id) from t"), ["100000|4999980000"]);
    }
}

#[test]
fn constraints_are_named_and_values_are_not() {
    for bench in benches() {
        let made = [
            "create table t (id int primary key, name varchar(9) not null, check (name <> 'bad'))",
            "insert into t values (7, 'old')",
        ];
        bench.database.run(made);
        for mode in MODES {
            let output = bench.output(mode.clone());
            for (rows, said) in [
                ("select 1 as id, 'secret' as name union all select 1, 'b'", "(MySQL error 1062)"),
                ("select 1 as id, null as name", "(MySQL error 1048)|(MySQL error 1263)"),
                ("select 1 as id, 'bad' as name", "(MySQL error 4025)|(MySQL error 3819)"),
                ("select 1 as id", "(MySQL error 1364)|and the rows do not have it"),
            ] {
                if mode == LoadMode::Replace && rows == "select 1 as id" {
                    continue;
                }
                let error = bench.sql(rows, &output).unwrap_err();
                let text = error.to_string();
                assert_eq!(error.kind, ErrorKind::Data, "{mode:?} {text}");
                assert!(said.split('|').any(|said| text.ends_with(said)), "{mode:?} {text}");
                assert!(!text.contains("secret"));
                assert_eq!(bench.rows("select * from t"), ["7|old"]);
                bench.assert_tidy();
            }
        }
    }
}

#[test]
fn a_source_that_breaks_publishes_nothing() {
    for mode in MODES {
        for bench in benches() {
            bench.database.run(["create table t (id int)", "insert into t values (7)"]);
            let rows = "with recursive n(id) as (select 1 union all select id + 1 from n where id < 50000) \
                        select case id when 49999 then json('{') else id end as id from n";
            bench.sql(rows, &bench.output(mode.clone())).unwrap_err();
            assert_eq!(bench.rows("select * from t"), ["7"]);
            bench.assert_tidy();
        }
    }
}

#[test]
fn who_may_not_is_told_what_is_missing() {
    for bench in benches() {
        bench.database.run(["create table t (id int)"]);
        let name = bench.database.name.clone();
        let user = bench.database.fresh_user("right-password");
        let grant =
            |what: &str, on: &str| bench.database.run([format!("grant {what} on `{name}`.{on} to `{user}`")]);
        let mut output = bench.output(LoadMode::Insert);
        output.user = Text::plain(&user);
        output.password = Secret::new("wrong-password");
        let error = bench.sql("select 1 as id", &output).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Authentication);
        let server = &bench.database.server;
        let start = format!(
            "cannot connect to MySQL at `{}:{}`: Access denied for user '{user}'",
            server.host, server.port
        );
        assert!(error.to_string().starts_with(&start), "{error}");
        output.password = Secret::new("right-password");
        grant("select, insert", "t");
        let said = |output: &_| bench.sql("select 1 as id", output).unwrap_err();
        let error = said(&output);
        assert_eq!(error.kind, ErrorKind::Permission);
        let start = format!("the table `{name}.__sync_published` could not be made: CREATE command denied");
        assert!(error.to_string().starts_with(&start), "{error}");
        assert_eq!(
            error.remedy(),
            Some(
                format!(
                    "let somebody who may run `CREATE TABLE IF NOT EXISTS {name}.__sync_published \
                     (id VARCHAR(64) CHARACTER SET ascii PRIMARY KEY, \
                     published_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP) ENGINE=InnoDB` \
                     and grant SELECT, INSERT and DELETE on it"
                )
                .as_str()
            )
        );
        bench.sql("select 0 as id", &bench.output(LoadMode::Insert)).unwrap();
        grant("select, insert, delete", "__sync_published");
        let error = said(&output);
        assert!(error.to_string().starts_with("the staging table could not be made: "), "{error}");
        grant("create temporary tables", "*");
        bench.sql("select 1 as id", &output).unwrap();
        output.load.mode = LoadMode::Replace;
        let error = said(&output);
        assert_eq!(error.kind, ErrorKind::Permission);
        assert_eq!(bench.rows("select * from t"), ["0", "1"]);
        bench.database.run([format!("revoke insert on `{name}`.t from `{user}`")]);
        output.load.mode = LoadMode::Insert;
        let error = said(&output);
        let start = format!("rows for `mysql {name}.t` could not be published: INSERT command denied");
        assert!(error.to_string().starts_with(&start), "{error}");
        bench.assert_tidy();
        bench.database.run([format!("drop user `{user}`")]);
    }
}

#[test]
fn who_may_not_make_tables_is_told_of_another_mode() {
    for bench in benches() {
        bench.database.run(["create table t (id int)"]);
        let name = &bench.database.name;
        let user = bench.database.fresh_user("secret");
        bench.database.run([format!("grant select, insert, delete, trigger on `{name}`.t to `{user}`")]);
        let mut output = bench.output(LoadMode::Replace);
        output.user = Text::plain(&user);
        output.password = Secret::new("secret");
        let error = bench.sql("select 1 as id", &output).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Permission);
        assert!(
            error.to_string().starts_with("the staging table could not be made: CREATE command denied"),
            "{error}"
        );
        assert_eq!(
            error.remedy(),
            Some("grant CREATE, ALTER, DROP and INSERT, or use `mode: truncate_insert`")
        );
        bench.assert_tidy();
        bench.database.run([format!("drop user `{user}`")]);
    }
}

#[test]
fn a_server_that_is_not_there_is_exit_75() {
    let sandbox = Sandbox::new().file("load.dig", "+load:\n  embulk>: load.yml\n").file(
        "load.yml",
        "in: {type: sqlite, database: empty.db, query: select 1 as id}\n\
         out: {type: mysql, host: 127.0.0.1, port: 1, user: u, password: p, database: d, table: t, mode: insert}\n",
    );
    sandbox.write("empty.db", "");
    let said = sandbox.run(["run", "load.dig"]).expect_code(75);
    assert!(said.stderr.contains("cannot connect to MySQL at `127.0.0.1:1`"), "{}", said.stderr);
}

#[test]
fn a_run_that_is_stopped_while_it_publishes_leaves_nothing() {
    for mode in MODES {
        for bench in benches() {
            bench.database.run(["create table t (id int)"]);
            let output = bench.output(mode.clone());
            let mut holder = bench.database.connect();
            let hold = if mode == LoadMode::Replace {
                "start transaction; select * from t"
            } else {
                "lock tables t read"
            };
            holder.query_drop(hold).unwrap();
            std::thread::scope(|scope| {
                let load = scope.spawn(|| bench.sql("select 1 as id", &output));
                bench.await_wait(match mode {
                    LoadMode::Replace => "RENAME TABLE",
                    LoadMode::InsertDirect => "LOAD DATA",
                    LoadMode::TruncateInsert => "DELETE FROM",
                    _ => "INSERT INTO",
                });
                bench.lab.cancel.cancel();
                assert!(load.join().unwrap().unwrap_err().is_canceled());
            });
            holder.query_drop("rollback; unlock tables").unwrap();
            assert_eq!(bench.rows("select count(*) from t"), ["0"]);
            bench.assert_tidy();
        }
    }
}

/// A table that is dropped or changed while its rows are on their way.
#[test]
fn a_table_that_vanishes_or_changes_is_told() {
    const CHANGED: &str = "table `t` has changed while rows were copied";
    for bench in benches() {
        bench.database.run(["create table s (id int)", "insert into s values (1)"]);
        for (mode, sql, kind, said) in [
            (
                LoadMode::Insert,
                "drop table t",
                ErrorKind::NotFound,
                "Table 'DATABASE.t' doesn't exist (MySQL error 1146)",
            ),
            (LoadMode::Replace, "drop table t", ErrorKind::NotFound, "table `t` is gone"),
            (LoadMode::Replace, "alter table t add column new int", ErrorKind::Rejected, CHANGED),
            (
                LoadMode::Replace,
                "create trigger tr before insert on t for each row set @a = 1",
                ErrorKind::Rejected,
                CHANGED,
            ),
        ] {
            bench.database.run(["drop table if exists t", "create table t (id int)"]);
            let mut input = mysql(&bench.database, table("s"));
            // It runs once the target is prepared.
            input.statements.after_select = Some(Text::plain(sql));
            let error = bench.load(InputConfig::Mysql(input), &bench.output(mode)).unwrap_err();
            assert_eq!(error.kind, kind, "{error}");
            let said = said.replace("DATABASE", &bench.database.name);
            assert_eq!(
                error.to_string(),
                format!("rows for `mysql {}.t` could not be published: {said}", bench.database.name)
            );
            bench.assert_tidy();
        }
    }
}

/// A user of an older config.
#[test]
fn properties_that_mean_nothing_are_named() {
    let Some(bench) = benches().next() else { return };
    let mut output = Bench::output(&bench, LoadMode::Insert);
    for name in ["serverTimezone", "useCompression", "somethingElse"] {
        output.options.insert(name.to_owned(), Text::plain("UTC"));
    }
    bench.sql("select 1 as id", &output).unwrap();
    let said = bench.said();
    for name in ["serverTimezone", "somethingElse"] {
        assert!(said.contains(&format!("`{name}` in `options` means nothing here and is ignored")), "{said}");
    }
    assert!(!said.contains("useCompression"), "{said}");
}
