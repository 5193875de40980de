//! What each mode leaves, run twice, with rows and without.

use sync::embulk::output::{Isolation, LoadMode, SentAs, SqlColumnOption};
use sync::embulk::text::Text;
use sync::transfer::error::ErrorKind;

use super::Bench;

const TWO: &str = "select 1 as id, 'a' as name union all select 2, null";
const NEXT: &str = "select 2 as id, 'b' as name union all select 3, 'c'";
const NONE: &str = "select 1 as id, 'a' as name where false";
const ALL: &str = "select id, name from t order by id, name";

fn merge(keys: &[&str], rule: &[&str]) -> LoadMode {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    LoadMode::Merge { keys: texts(keys), rule: texts(rule) }
}

fn option(sql_type: &str) -> SqlColumnOption {
    SqlColumnOption {
        sql_type: Some(sql_type.to_owned()),
        value_type: SentAs::Column,
        timestamp_format: None,
        timezone: None,
        ..SqlColumnOption::silent()
    }
}

#[test]
fn each_mode_twice_then_without_rows() {
    let twice = ["1|a", "2|b", "2|-", "3|c"];
    for (mode, then, empty) in [
        (LoadMode::Insert, &twice[..], &twice[..]),
        (LoadMode::InsertDirect, &twice, &twice),
        (LoadMode::TruncateInsert, &["2|b", "3|c"], &[]),
        (LoadMode::Replace, &["2|b", "3|c"], &[]),
        (merge(&["id"], &[]), &["1|a", "2|b", "3|c"], &["1|a", "2|b", "3|c"]),
    ] {
        let Some(bench) = Bench::new() else { return };
        let output = bench.output(mode.clone());
        let report = bench.sql(TWO, &output).unwrap();
        assert_eq!((report.rows_read, report.rows_sent, report.rows_loaded), (2, 2, Some(2)), "{mode:?}");
        assert_eq!(report.target, format!("postgresql {}.public.t", bench.database.name));
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

#[test]
fn a_table_without_rows_is_made() {
    for mode in [LoadMode::Insert, LoadMode::InsertDirect, LoadMode::Replace] {
        let Some(bench) = Bench::new() else { return };
        bench.sql(NONE, &bench.output(mode)).unwrap();
        // SQLite gives a type to values, not to columns without one.
        assert_eq!(bench.columns(), ["id|text", "name|text"]);
        assert_eq!(bench.rows(ALL), [""; 0]);
    }
}

#[test]
fn a_new_table_has_the_types_the_constraint_and_the_option_of_the_config() {
    let Some(bench) = Bench::new() else { return };
    let mut output = bench.output(LoadMode::Insert);
    output.load.column_options = vec![("NAME".to_owned(), option("VARCHAR(20)"))];
    output.load.create_table_constraint = Some(Text::plain("primary key (id)"));
    output.load.create_table_option = Some(Text::plain("with (fillfactor = 70)"));
    bench.sql(TWO, &output).unwrap();
    assert_eq!(bench.columns(), ["id|bigint", "name|character varying(20)"]);
    assert_eq!(
        bench.rows("select reloptions, relhasindex from pg_class where relname = 't'"),
        ["{fillfactor=70}|t"]
    );
}

/// What hangs on a table that is replaced.
const HANGING: &str = "
    create table t (id int primary key, name varchar(40) not null, gone text);
    create table log (n int);
    create role ROLE_reader;
    create role ROLE_owner;
    create index by_name on t (name);
    comment on table t is 'people';
    comment on column t.name is 'as they say it';
    grant select on t to ROLE_reader;
    alter table t owner to ROLE_owner;
    create view v as select id, name from t;
    insert into t values (7, 'old', 'x')";

const KEPT: &str = "select obj_description('t'::regclass), col_description('t'::regclass, 2), relacl, relowner::regrole, \
     (select string_agg(indexrelid::regclass::text, ',' order by indexrelid::regclass::text) from pg_index where indrelid = 't'::regclass) \
     from pg_class where oid = 't'::regclass";

#[test]
fn replace_keeps_what_hangs_on_the_table_and_changes_only_columns() {
    let Some(bench) = Bench::new() else { return };
    bench.database.run(&HANGING.replace("ROLE", &bench.database.name));
    let kept = bench.rows(KEPT);
    assert!(kept[0].contains(&format!("{0}_reader=r/{0}_owner", bench.database.name)), "{kept:?}");
    let output = bench.output(LoadMode::Replace);
    let whole = "select 1 as id, 'a' as name, 'y' as gone";
    bench.sql(whole, &output).unwrap();
    assert_eq!(bench.rows("select * from t"), ["1|a|y"]);
    assert_eq!(bench.rows(KEPT), kept);

    let mut output = output;
    output.load.column_options =
        vec![("id".to_owned(), option("INTEGER")), ("new".to_owned(), option("DATE"))];
    bench.sql("select 5 as id, 'b' as name, '2024-02-29' as new", &output).unwrap();
    assert_eq!(bench.columns(), ["id|integer", "name|character varying(40)", "new|date"]);
    assert_eq!(bench.rows("select * from t"), ["5|b|2024-02-29"]);
    assert_eq!(bench.rows("select * from v"), ["5|b"]);
    assert_eq!(bench.rows(KEPT), kept);

    // The type of a column that a view shows cannot change.
    output.load.column_options = vec![("id".to_owned(), option("BIGINT"))];
    let error = bench.sql(TWO, &output).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "rows for `postgresql {}.public.t` could not be published: cannot alter type of a column used by a view \
             or rule (PostgreSQL error 0A000)",
            bench.database.name
        )
    );
    assert_eq!(bench.rows("select * from t"), ["5|b|2024-02-29"]);
    bench.database.run("drop view v; delete from t");
    bench.sql("select 1 as id, 'a' as name union all select 2, 'b'", &output).unwrap();
    assert_eq!(bench.columns(), ["id|bigint", "name|character varying(40)"]);
    assert_eq!(bench.rows(KEPT), kept);
    bench.assert_tidy();
    bench.database.run(&format!("drop table t; drop role {0}_reader, {0}_owner", bench.database.name));
}

#[test]
fn a_table_that_others_refer_to_is_emptied_row_by_row() {
    let Some(bench) = Bench::new() else { return };
    bench.database.run(
        "create table t (id int primary key, name text); insert into t values (1, 'x'), (9, 'y');
         create table child (t int references t)",
    );
    bench.sql(TWO, &bench.output(LoadMode::Replace)).unwrap();
    assert_eq!(bench.rows(ALL), ["1|a", "2|-"]);
}

#[test]
fn columns_go_by_name_and_those_the_table_lacks_are_named() {
    let Some(bench) = Bench::new() else { return };
    bench.database.run("create table t (extra int default 5, \"Name\" text, id smallint)");
    let output = bench.output(LoadMode::Insert);
    let report = bench.sql("select 1 as id, 'a' as name, 2 as other", &output).unwrap();
    assert_eq!(report.notes, ["column `other` is not in table `t` and is left out, as under Embulk"]);
    assert_eq!(bench.rows("select * from t"), ["5|a|1"]);
    let error = bench.sql("select 1 as other", &output).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config);
    assert_eq!(error.to_string(), "no column of the rows is in table `t`");
    let error = bench.sql("select 1 as id, 2 as \"ID\"", &output).unwrap_err();
    assert_eq!(error.to_string(), "two columns of the rows go to column `id` of the table");
    assert_eq!(bench.rows("select * from t"), ["5|a|1"]);
}

#[test]
fn a_name_in_another_case_is_the_same_table() {
    let Some(bench) = Bench::new() else { return };
    bench.database.run("create table t (id int)");
    let mut output = bench.output(LoadMode::InsertDirect);
    output.load.table = Text::plain("T");
    bench.sql("select 1 as id", &output).unwrap();
    assert_eq!(bench.rows("select * from t"), ["1"]);
}

#[test]
fn a_merge_goes_by_its_keys_its_rule_and_the_last_row_of_a_key() {
    let Some(bench) = Bench::new() else { return };
    bench
        .database
        .run("create table t (id int primary key, name text); insert into t values (1, 'x'), (4, 'y')");
    let rows = "select 1 as id, 'a' as name union all select 2, 'b' union all select 2, 'c' union all select 3, null";
    bench.sql(rows, &bench.output(merge(&[], &[]))).unwrap();
    assert_eq!(bench.rows(ALL), ["1|a", "2|c", "3|-", "4|y"]);
    let said = bench.lab.heard.lines.lock().unwrap().join("\n");
    assert!(said.contains("1 rows have the key of a later row, which counts"), "{said}");
    let rule = merge(&["ID"], &["name = T.name || S.name"]);
    bench.sql("select 1 as id, '+' as name union all select 5, 'e'", &bench.output(rule)).unwrap();
    assert_eq!(bench.rows(ALL), ["1|a+", "2|c", "3|-", "4|y", "5|e"]);
    bench.sql("select 1 as id", &bench.output(merge(&[], &[]))).unwrap();
    assert_eq!(bench.rows(ALL), ["1|a+", "2|c", "3|-", "4|y", "5|e"]);
    bench.assert_tidy();
}

#[test]
fn rows_without_a_key_are_inserted() {
    let Some(bench) = Bench::new() else { return };
    bench.database.run("create table t (id int, name text)");
    let rows = "select null as id, 'a' as name union all select null, 'b'";
    bench.sql(rows, &bench.output(merge(&["id"], &[]))).unwrap();
    assert_eq!(bench.rows(ALL), ["-|a", "-|b"]);
}

#[test]
fn a_merge_needs_a_key() {
    let Some(bench) = Bench::new() else { return };
    let error = bench.sql(TWO, &bench.output(merge(&[], &[]))).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config);
    assert_eq!(error.to_string(), "`mode: merge` needs `merge_keys`: table `t` has no primary key");
    let error = bench.sql(TWO, &bench.output(merge(&["no"], &[]))).unwrap_err();
    assert_eq!(error.to_string(), "the rows have no column `no`, which is in the key of the merge");
}

#[test]
fn statements_around_the_load_are_in_its_transaction() {
    for mode in [LoadMode::Insert, LoadMode::InsertDirect, LoadMode::TruncateInsert] {
        let Some(bench) = Bench::new() else { return };
        bench.database.run("create table t (id int, name text); create table log (at text, n int)");
        let mut output = bench.output(mode);
        output.load.isolation = Some(Isolation::RepeatableRead);
        let note = |at: &str| {
            Some(Text::plain(format!("select 1; insert into log select '{at}', count(*) from t; select 2")))
        };
        (output.load.before_load, output.load.after_load) = (note("before"), note("after"));
        bench.sql(TWO, &output).unwrap();
        assert_eq!(bench.rows("select * from log"), ["before|0", "after|2"]);
        let failing = Some(Text::plain("insert into log values ('x', 1); select 'secret'::int; select 3"));
        for (before, after, name) in
            [(None, failing.clone(), "after_load"), (failing.clone(), None, "before_load")]
        {
            (output.load.before_load, output.load.after_load) = (before, after);
            let error = bench.sql(TWO, &output).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "`{name}` failed: invalid input syntax for type integer: \"…\" (PostgreSQL error 22P02)"
                )
            );
        }
        assert_eq!(bench.rows("select * from log"), ["before|0", "after|2"]);
        assert_eq!(bench.rows("select count(*) from t"), ["2"]);
        bench.assert_tidy();
    }
}
