//! What each `format` stages, and that every one of them gives the same table.

use serde_json::{Value, json};
use sync::embulk::config::TypeMapping;
use sync::embulk::input::InputConfig;
use sync::embulk::output::{CopyFormat, LoadMode, RedshiftOutput};
use sync::transfer::error::ErrorKind;

use super::super::lab::{mysql, postgresql, query, table};
use super::copying::while_copying;
use super::types::{MARIADB, MARIADB_ROWS, SOURCE};
use super::{Bench, option};
use crate::support::s3::gunzip;
use crate::support::servers::mysql_sources;

/// The COPY of a transfer, behind the words that name what is read.
fn copies(bench: &Bench) -> Vec<String> {
    let copies = bench.database.statements().into_iter().filter(|sql| sql.starts_with("COPY"));
    copies.map(|sql| sql.split_once(".manifest' ").unwrap().1.to_owned()).collect()
}

/// Loads a source by every format, and holds each table against that of text.
fn same_tables(bench: &Bench, input: &dyn Fn() -> InputConfig, output: &RedshiftOutput) -> Vec<String> {
    let mut expected = None;
    for (_, format) in CopyFormat::NAMES {
        let mut output = output.clone();
        output.format = format;
        let report = bench.load(input(), &output).unwrap_or_else(|error| panic!("{format:?}: {error}"));
        let notes = report.changes.iter().map(sync::transfer::report::Change::note).collect::<Vec<_>>();
        let found = (bench.rows("select * from t order by id"), bench.columns(), notes);
        assert_eq!(*expected.get_or_insert_with(|| found.clone()), found, "{format:?}");
        bench.assert_tidy();
    }
    expected.map(|(rows, ..)| rows).unwrap_or_default()
}

/// With types that every format has.
fn exact(bench: &Bench, texts: &[&str]) -> RedshiftOutput {
    let mut output = bench.output(LoadMode::Replace);
    output.load.types = TypeMapping::Exact;
    output.load.column_options =
        texts.iter().map(|name| ((*name).to_owned(), option("VARCHAR(1000)"))).collect();
    output
}

#[test]
fn every_format_gives_the_same_table_of_postgresql() {
    let Some(bench) = Bench::new() else { return };
    let behind = &bench.database.behind;
    behind.run(SOURCE);
    // NaN has no place in the DECIMAL or the text that it would be.
    behind.run("update source set n = null where id = 4");
    let all = || InputConfig::Postgresql(postgresql(behind, table("source")));
    let rows = same_tables(&bench, &all, &exact(&bench, &["j", "tm"]));
    assert_eq!(rows.len(), 4);
    assert!(rows[0].contains("|0001-01-01|") && rows[0].contains("|-1.2345|"), "{rows:?}");
    behind.run("drop table t");
    let some = "select id, b, i2, i8, f4, f8, n2, n38, c, v, t, e, u, j, da, tm, ts, tstz from source";
    let some = || InputConfig::Postgresql(postgresql(behind, query(some)));
    let rows = same_tables(&bench, &some, &bench.output(LoadMode::Replace));
    assert_eq!(rows.len(), 4);
}

#[test]
fn every_format_gives_the_same_table_of_mysql() {
    for server in mysql_sources() {
        let Some(bench) = Bench::new() else { return };
        let source = server.fresh_database();
        source.run(["set sql_mode = ''", MARIADB]);
        source.run(MARIADB_ROWS);
        let all = || InputConfig::Mysql(mysql(&source, table("s")));
        let rows = same_tables(&bench, &all, &exact(&bench, &["tm"]));
        assert!(
            rows[0].starts_with("1|-128|5|255|65535|-8388608|4294967295|18446744073709551615|"),
            "{rows:?}"
        );
        bench.database.run("drop table t");
        let most =
            "select id, ti, t1, tu, su, mi, iu, d, f, db, b1, b8, ch, v, tx, e, da, dt, ts, tm, y from s";
        let most = || InputConfig::Mysql(mysql(&source, query(most)));
        same_tables(&bench, &most, &bench.output(LoadMode::Replace));
    }
}

#[test]
fn csv_has_quotes_around_every_value_and_a_null_of_its_own() {
    let Some(bench) = Bench::new() else { return };
    let mut output = bench.output(LoadMode::Insert);
    output.format = CopyFormat::Csv;
    let sql =
        "select 1 as id, 'a\"b\\c,' || char(13) || char(10) || '日本🍣 ' as name union all select null, ''";
    let there = while_copying(&bench, sql, &output);
    let (key, bytes) = &there[0];
    assert!(key.ends_with(".csv.gz"), "{key}");
    let null = format!("NULL_{}", &bench.lab.context().key.id()[..8]);
    assert_eq!(gunzip(bytes), format!("\"a\"\"b\\c,\r\n日本🍣 \",\"1\"\n\"\",{null}\n"));
    assert_eq!(bench.rows("select * from t order by id"), ["1|a\"b\\c,\r\n日本🍣 ", "-|"]);
    let said = copies(&bench);
    let rest = format!(
        "MANIFEST REGION AS '{}' GZIP FORMAT AS CSV NULL AS '{null}' STATUPDATE OFF COMPUPDATE OFF",
        bench.aws.region
    );
    assert!(said[0].ends_with(&rest), "{said:?}");
    let error = bench.sql(&format!("select '{null}' as name"), &output).unwrap_err();
    assert_eq!(
        error.to_string(),
        "column `name`, row 1: a value is the text that stands for NULL: set `format: jsonl`"
    );
    bench.assert_tidy();
}

#[test]
fn parquet_is_staged_in_files_that_are_whole_and_a_manifest_tells_their_sizes() {
    let Some(bench) = Bench::new() else { return };
    let mut output = bench.output(LoadMode::Merge { keys: vec!["id".to_owned()], rule: Vec::new() });
    output.format = CopyFormat::Parquet;
    output.stage.object_bytes = Some(500_000);
    let sql = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) \
               select i % 10000 as id, i || ' ' || hex(randomblob(50)) as noise from n";
    let there = while_copying(&bench, sql, &output);
    let (manifest, parts): (Vec<_>, Vec<_>) = there.iter().partition(|(key, _)| key.ends_with(".manifest"));
    assert!(parts.len() > 2, "{}", parts.len());
    for (at, (key, bytes)) in parts.iter().enumerate() {
        assert!(key.ends_with(&format!("_1-{at:06}.parquet")), "{key}");
        assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"), "{key}");
    }
    let entries: Value = serde_json::from_slice(&manifest[0].1).unwrap();
    let sizes: Vec<Value> = parts.iter().map(|(_, bytes)| json!(bytes.len())).collect();
    let told = entries["entries"].as_array().unwrap().iter();
    assert_eq!(told.map(|entry| entry["meta"]["content_length"].clone()).collect::<Vec<_>>(), sizes);
    assert_eq!(
        copies(&bench),
        [format!("IAM_ROLE '{}' MANIFEST FORMAT AS PARQUET STATUPDATE OFF", bench.database.role)]
    );
    // Of two rows with one key the later counts.
    assert_eq!(bench.rows("select count(*), min(split_part(noise, ' ', 1)::int) from t"), ["10000|10001"]);
    bench.assert_tidy();
}

#[test]
fn columns_that_parquet_has_no_type_for_are_refused_before_anything_is_staged() {
    let Some(bench) = Bench::new() else { return };
    let mut output = bench.output(LoadMode::Insert);
    output.format = CopyFormat::Parquet;
    for (there, select, said, why) in [
        (
            "create table t (id int, j super)",
            "select 1 as id, '{}' as j",
            "column `j` (super) cannot be loaded from Parquet",
            "COPY takes a text of Parquet for a SUPER that is a text, not for a document",
        ),
        (
            "create table t (id int, at time)",
            "select 1 as id, '01:02:03' as at",
            "column `at` (time without time zone) cannot be loaded from Parquet",
            "COPY takes no times of day from Parquet",
        ),
    ] {
        bench.database.run(&format!("drop table if exists t; {there}"));
        let error = bench.sql(select, &output).unwrap_err();
        assert_eq!((error.kind, error.to_string()), (ErrorKind::Config, format!("{said}: {why}")));
        let hint =
            "set `format: text`, `csv` or `jsonl`, or give the column another `type` in `column_options`";
        assert_eq!(error.hint.as_deref(), Some(hint));
        assert!(bench.lab.effects.0.lock().unwrap().is_empty());
        bench.assert_tidy();
    }
}

#[test]
fn what_a_column_cannot_hold_is_said_before_copy_could() {
    let Some(bench) = Bench::new() else { return };
    bench.database.run(
        "create table t (s smallint, k char(2), v varchar(4), n decimal(5,2), r real, d date, at timestamp, z timestamptz, b boolean)",
    );
    let mut output = bench.output(LoadMode::Insert);
    output.format = CopyFormat::Parquet;
    output.load.types = TypeMapping::Exact;
    for (select, said) in [
        ("40000 as s", "column `s`, row 1: a value is no whole number that the column can hold"),
        (
            "'é' as k",
            "column `k`, row 1: a value has a character that CHAR cannot hold, which takes ASCII only",
        ),
        ("'日本' as v", "column `v`, row 1: a value has more bytes than the column"),
        (
            "'a' || char(0) as v",
            "column `v`, row 1: a value holds a NUL character, which the target cannot store",
        ),
        ("12345 as n", "column `n`, row 1: a value has more digits than the column"),
        ("1e300 as r", "column `r`, row 1: a value is no number that the column can hold"),
        ("'29.2.2024' as d", "column `d`, row 1: a value is no date from 0001-01-01 on, as YYYY-MM-DD"),
        (
            "'now' as at",
            "column `at`, row 1: a value is no timestamp from the year 1 on, as YYYY-MM-DD HH:MI:SS without a zone",
        ),
        (
            "'2024-02-29 00:00:00' as z",
            "column `z`, row 1: a value is no timestamp from the year 1 on, as YYYY-MM-DD HH:MI:SS with a zone",
        ),
        ("'maybe' as b", "column `b`, row 1: a value is no boolean"),
    ] {
        let error = bench.sql(&format!("select {select}"), &output).unwrap_err();
        assert_eq!((error.kind, error.to_string().as_str()), (ErrorKind::Data, said));
    }
    output.load.types = TypeMapping::Embulk;
    let report = bench.sql("select '日本' as v, 1.129 as n, ' 7 ' as s, '' as d", &output).unwrap();
    assert_eq!(report.changes.len(), 2);
    assert_eq!(bench.rows("select v, n, s, d from t"), ["日|1.12|7|-"]);
    bench.assert_tidy();
}
