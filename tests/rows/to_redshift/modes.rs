//! What becomes of the rows that are in the target.

use sync::embulk::output::{CopyFormat, DistStyle, LoadMode, TableLayout};
use sync::embulk::text::Text;

use super::{Bench, option};

fn merge(keys: &[&str], rule: &[&str]) -> LoadMode {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    LoadMode::Merge { keys: texts(keys), rule: texts(rule) }
}

#[test]
fn every_mode_makes_a_table_that_is_not_there() {
    for (_, format) in CopyFormat::NAMES {
        for mode in [
            LoadMode::Insert,
            LoadMode::InsertDirect,
            LoadMode::TruncateInsert,
            LoadMode::Replace,
            merge(&["id"], &[]),
        ] {
            let Some(bench) = Bench::new() else { return };
            let mut output = bench.output(mode.clone());
            output.format = format;
            let report = bench.sql("select 1 as \"ID\", 'a' as name union all select 2, null", &output);
            let report = report.unwrap_or_else(|error| panic!("{mode:?}: {error}"));
            assert_eq!((report.rows_sent, report.rows_loaded), (2, Some(2)), "{mode:?}");
            assert_eq!(bench.rows("select * from t order by id"), ["1|a", "2|-"], "{mode:?}");
            assert_eq!(bench.columns(), ["id|bigint", "name|character varying(65535)"], "{mode:?}");
            bench.assert_tidy();
        }
    }
}

#[test]
fn rows_of_an_existing_table_stay_go_or_are_updated() {
    let cases: [(LoadMode, &[&str]); 5] = [
        (LoadMode::Insert, &["1|old", "1|new", "2|old", "3|new"]),
        (LoadMode::InsertDirect, &["1|old", "1|new", "2|old", "3|new"]),
        (LoadMode::TruncateInsert, &["1|new", "3|new"]),
        (LoadMode::Replace, &["1|new", "3|new"]),
        (merge(&["id"], &[]), &["1|new", "2|old", "3|new"]),
    ];
    for (mode, expected) in cases {
        let Some(bench) = Bench::new() else { return };
        bench
            .database
            .run("create table t (id int, name varchar(20)); insert into t values (1, 'old'), (2, 'old')");
        let output = bench.output(mode.clone());
        bench.sql("select 1 as id, 'new' as name union all select 3, 'new'", &output).unwrap();
        assert_eq!(bench.rows("select * from t order by id, name desc"), expected, "{mode:?}");
        assert_eq!(bench.columns(), ["id|integer", "name|character varying(20)"], "{mode:?}");
        bench.assert_tidy();
    }
}

#[test]
fn a_table_without_rows_is_published_too() {
    for mode in [LoadMode::Insert, LoadMode::TruncateInsert, LoadMode::Replace] {
        let Some(bench) = Bench::new() else { return };
        bench.database.run("create table t (id int); insert into t values (1)");
        let report = bench.sql("select 1 as id where 1 = 0", &bench.output(mode.clone())).unwrap();
        assert_eq!((report.rows_sent, report.rows_loaded), (0, Some(0)));
        let left = if mode == LoadMode::Insert { &["1"][..] } else { &[] };
        assert_eq!(bench.rows("select * from t"), left, "{mode:?}");
        bench.assert_tidy();
    }
}

#[test]
fn a_merge_goes_by_the_primary_key_by_its_rule_and_by_the_last_of_equal_rows() {
    let Some(bench) = Bench::new() else { return };
    bench.database.run(
        "create table t (id int primary key, n int, name varchar(9)); insert into t values (1, 10, 'a')",
    );
    let mut output = bench.output(merge(&[], &["n = T.n + S.n"]));
    let rows = "select 1 as id, 1 as n, 'x' as name union all select 1, 2, 'y' union all select 2, 5, 'z'";
    bench.sql(rows, &output).unwrap();
    assert_eq!(bench.rows("select * from t order by id"), ["1|12|a", "2|5|z"]);
    assert!(bench.said().contains("1 rows have the key of a later row, which counts"), "{}", bench.said());
    output.load.mode = merge(&["NO"], &[]);
    let error = bench.sql(rows, &output).unwrap_err();
    assert_eq!(error.to_string(), "the rows have no column `NO`, which is in the key of the merge");
    bench.assert_tidy();
}

#[test]
fn statements_of_the_config_run_in_the_transaction() {
    for mode in [LoadMode::Insert, LoadMode::InsertDirect, LoadMode::TruncateInsert] {
        let Some(bench) = Bench::new() else { return };
        bench.database.run("create table t (id int); create table log (what varchar(20), rows int)");
        let mut output = bench.output(mode.clone());
        let note =
            |what: &str| Some(Text::plain(format!("insert into log select '{what}', count(*) from t")));
        output.load.before_load = note("before");
        output.load.after_load = note("after");
        bench.sql("select 1 as id union all select 2", &output).unwrap();
        assert_eq!(bench.rows("select * from log order by 1 desc"), ["before|0", "after|2"], "{mode:?}");
        output.load.after_load = Some(Text::plain("insert into nowhere values (1)"));
        let error = bench.sql("select 3 as id", &output).unwrap_err();
        assert!(error.to_string().starts_with("`after_load` failed: "), "{error}");
        assert_eq!(bench.rows("select count(*) from t"), ["2"], "{mode:?}");
        assert_eq!(bench.rows("select count(*) from log"), ["2"], "{mode:?}");
        bench.assert_tidy();
    }
    let Some(bench) = Bench::new() else { return };
    bench.database.run("create table log (rows int)");
    let mut output = bench.output(LoadMode::Replace);
    output.load.after_load = Some(Text::plain("insert into log select count(*) from t"));
    bench.sql("select 1 as id", &output).unwrap();
    assert_eq!(bench.rows("select * from log"), ["1"]);
}

#[test]
fn a_new_table_has_what_the_config_says() {
    for mode in [LoadMode::Insert, LoadMode::InsertDirect, LoadMode::Replace] {
        let Some(bench) = Bench::new() else { return };
        let mut output = bench.output(mode.clone());
        let mut named = option("varchar(20) not null");
        named.encode = Some("zstd".to_owned());
        output.load.column_options = vec![("NAME".to_owned(), named)];
        output.load.create_table_constraint = Some(Text::plain("primary key (id)"));
        output.layout = TableLayout {
            dist_style: Some(DistStyle::Key),
            dist_key: Some("id".to_owned()),
            sort_key: vec!["name".to_owned(), "id".to_owned()],
        };
        bench.sql("select 1 as id, 'a' as name", &output).unwrap();
        assert_eq!(
            bench.rows(
                "select \"column\", type, encoding, distkey, sortkey, \"notnull\" from pg_table_def where tablename = 't'"
            ),
            ["id|bigint|none|t|2|t", "name|character varying(20)|zstd|f|1|t"],
            "{mode:?}"
        );
        bench.assert_tidy();
    }
}

#[test]
fn rows_wait_in_the_schema_that_the_config_names() {
    let Some(bench) = Bench::new() else { return };
    bench.database.run("create schema staging; create table t (id int)");
    let mut output = bench.output(LoadMode::Insert);
    output.temp_schema = Some(Text::plain("Staging"));
    bench.sql("select 1 as id", &output).unwrap();
    let made = bench
        .database
        .statements()
        .into_iter()
        .filter(|sql| sql.starts_with("CREATE TABLE \"staging\".\"sync_"));
    assert_eq!(made.count(), 1);
    assert_eq!(bench.rows("select * from t"), ["1"]);
    bench.assert_tidy();
}

#[test]
fn names_that_differ_in_case_only_are_one_column() {
    let Some(bench) = Bench::new() else { return };
    let error = bench.sql("select 1 as a, 2 as \"A\"", &bench.output(LoadMode::Insert)).unwrap_err();
    assert_eq!(error.to_string(), "two columns of the rows go to column `a` of the table");
    bench.assert_tidy();
}
