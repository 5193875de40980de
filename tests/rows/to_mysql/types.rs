//! Every type, there and back: read by the database itself.

use sync::embulk::config::TypeMapping;
use sync::embulk::input::InputConfig;
use sync::embulk::output::{LoadMode, SentAs, SqlColumnOption};
use sync::embulk::text::Text;
use sync::embulk::zone::Zone;
use sync::transfer::error::ErrorKind;

use super::super::lab::{mysql, postgresql, query, table};
use super::{Bench, benches, option};
use crate::support::postgres::postgres_database;

const MODES: [LoadMode; 3] = [LoadMode::Replace, LoadMode::InsertDirect, LoadMode::Insert];

const SOURCE: [&str; 6] = [
    "create table source (id int primary key, t1 tinyint(1), ti tinyint, si smallint unsigned, mi mediumint, \
     bi bigint, ub bigint unsigned, f float, g double, d decimal(65,30), b1 bit(1), b9 bit(9), b64 bit(64), y year, \
     da date, ti6 time(6), dt datetime(6), dt0 datetime, ts timestamp(6) null, c char(5), v varchar(40), \
     l varchar(9) character set latin1, sj varchar(9) character set sjis, tx longtext, e enum('a','い','1'), \
     s set('x','y'), j json, bl longblob, bn binary(3), vb varbinary(9), p point, ge geometry) charset utf8mb4",
    "set time_zone = '+00:00'",
    "insert into source values (1, -128, -128, 0, -8388608, -9223372036854775808, 0, -1.2345, -1.7976931348623157e308, \
     -12345678901234567890123456789012345.123456789012345678901234567890, b'0', b'0', b'0', 1901, '1000-01-01', \
     '-838:59:59', '1000-01-01 00:00:00', '1000-01-01 00:00:00', '1970-01-01 00:00:01', '', '', '', '', '', 'a', '', \
     '{\"b\": [1, 2.50], \"a\": null}', '', '', '', point(1.5, -2), point(0, 0))",
    "insert into source values (2, 127, 127, 65535, 8388607, 9223372036854775807, 18446744073709551615, 1.2345, 5e-324, \
     0.000000000000000000000000000001, b'1', b'100000001', 18446744073709551615, 2155, '9999-12-31', '838:59:58.999999', \
     '9999-12-31 23:59:59.999999', '9999-12-31 23:59:59', '2038-01-19 03:14:07.999999', 'ab', \
     'tab\\there \\\\ \\'q\\' \"', 'é', 'ア', '日本😀\\r\\nline\\\\n\\\\N\\0\\Z', 'い', 'x,y', '\"s\"', x'00ff0a095c275c4e1a0d', \
     x'000a', x'5c4e', point(0, 0), linestring(point(0, 0), point(1, 1)))",
    "insert into source (id, v, tx, e) values (4, '\\\\N', 'NULL', '1')",
    "insert into source (id) values (3)",
];

/// Columns of numbers and times; all others are compared by their bytes.
const NUMBERS: [&str; 21] = [
    "id", "t1", "ti", "si", "i", "mi", "bi", "ub", "f", "g", "d", "big", "b1", "b9", "b64", "y", "da", "ti6",
    "dt", "dt0", "ts",
];

/// Columns that the two tables do not hold alike.
fn differences(bench: &Bench, source: &str, columns: &[String]) -> Vec<String> {
    let equal = |name: &String| match NUMBERS.contains(&name.as_str()) {
        true => format!("s.{name} <=> o.{name}"),
        false => format!("hex(s.{name}) <=> hex(o.{name})"),
    };
    let cases = columns.iter().map(|name| format!("if({}, '', '{name} ')", equal(name)));
    let all = cases.collect::<Vec<_>>().join(", ");
    bench.rows(&format!(
        "select s.id, concat({all}) as different from {source} s join t o on o.id = s.id having different <> ''"
    ))
}

fn names(bench: &Bench) -> Vec<String> {
    bench.rows(
        "select column_name from information_schema.columns where table_schema = database() \
         and table_name = 'source' order by ordinal_position",
    )
}

#[test]
fn a_table_of_the_same_types_gets_the_same_values() {
    for bench in benches() {
        bench.database.run(SOURCE);
        bench.database.run(["create table t like source"]);
        let columns = names(&bench);
        for mode in MODES {
            for local in ["true", "false"] {
                bench.database.run(["delete from t"]);
                let mut output = bench.output(mode.clone());
                output.load.types = TypeMapping::Exact;
                output.options.insert("allowLoadLocalInfile".to_owned(), Text::plain(local));
                let source = InputConfig::Mysql(mysql(&bench.database, table("source")));
                bench.load(source, &output).unwrap();
                assert_eq!(differences(&bench, "source", &columns), [""; 0], "{mode:?} {local}");
                assert_eq!(bench.rows("select count(*) from t"), ["4"]);
            }
        }
        assert_eq!(bench.rows("select st_astext(ge) from t where id = 2"), ["LINESTRING(0 0,1 1)"]);
    }
}

#[test]
fn new_tables_have_exact_types_and_the_same_values() {
    for bench in benches() {
        bench.database.run(SOURCE);
        let mut output = bench.output(LoadMode::Replace);
        output.load.types = TypeMapping::Exact;
        let source = InputConfig::Mysql(mysql(&bench.database, table("source")));
        bench.load(source, &output).unwrap();
        // Another charset or more digits of a second are other bytes of the same value.
        let columns: Vec<String> =
            names(&bench).into_iter().filter(|name| !["l", "sj", "dt0"].contains(&name.as_str())).collect();
        assert_eq!(differences(&bench, "source", &columns), [""; 0]);
        let same = "select count(*) from source s join t o on o.id = s.id and o.l <=> s.l and o.sj <=> s.sj \
                    and o.dt0 <=> s.dt0";
        assert_eq!(bench.rows(same), ["4"]);
        // MariaDB's JSON is a text to whoever reads it.
        let json = if bench.rows("select version()")[0].contains("Maria") { "longtext" } else { "json" };
        assert_eq!(
            bench.columns().join(" "),
            format!(
                "id|bigint t1|tinyint(1) ti|bigint si|bigint mi|bigint bi|bigint ub|bigint unsigned f|float g|double \
                 d|decimal(65,30) b1|tinyint(1) b9|bit(9) b64|bit(64) y|year da|date ti6|time(6) dt|datetime(6) \
                 dt0|datetime(6) ts|timestamp(6) c|longtext v|longtext l|longtext sj|longtext tx|longtext e|longtext \
                 s|longtext j|{json} bl|longblob bn|longblob vb|longblob p|longblob ge|longblob",
            )
        );
    }
}

#[test]
fn new_tables_have_embulks_types() {
    for bench in benches() {
        let Some(source) = postgres_database() else { return };
        let moment = "timestamptz '2024-07-01 20:30:00.25Z'";
        let select = format!(
            "select 2 as id, true as b, 0.5::numeric as n, '{{\"a\": 1}}'::json as j, date '2024-02-29' as da, \
             {moment} as tz, 'NaN'::float8 as nan, 'x' as t"
        );
        let mut output = bench.output(LoadMode::Replace);
        let load = |select: String, output: &_| {
            bench.load(InputConfig::Postgresql(postgresql(&source, query(&select))), output)
        };
        let report = load(select.clone(), &output).unwrap();
        assert_eq!(
            bench.columns(),
            [
                "id|bigint",
                "b|tinyint(1)",
                "n|double",
                "j|text",
                "da|timestamp",
                "tz|timestamp",
                "nan|double",
                "t|text"
            ]
        );
        assert_eq!(
            bench.rows("select id, b, n, j, unix_timestamp(da), unix_timestamp(tz), nan, t from t"),
            ["2|1|0.5|{\"a\":1}|1709164800|1719865800|-|x"]
        );
        assert_eq!(
            report.notes,
            [
                "column `tz`: 1 values lost digits of a second",
                "column `nan`: 1 values that are no finite numbers became NULL",
            ]
        );
        // What is lost under Embulk is refused where nothing may be lost.
        bench.database.run(["alter table t modify tz datetime"]);
        let mut exact = bench.output(LoadMode::Insert);
        exact.load.types = TypeMapping::Exact;
        let error = load(format!("select {moment} as tz"), &exact).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Data);
        assert_eq!(
            error.to_string(),
            "column `tz`, row 1: a value has more digits of a second than the column"
        );
        let error = load("select 'NaN'::float8 as nan".to_owned(), &exact).unwrap_err();
        assert_eq!(error.to_string(), "column `nan`, row 1: a value is not a finite number");

        // Instants are shown by the clock of a zone, and are what they are where the column holds instants.
        output.load.default_timezone = Zone::embulk("Asia/Tokyo").unwrap();
        let zone = |name: &str| Some(Zone::embulk(name).unwrap());
        let text = |format: &str, timezone: Option<Zone>| SqlColumnOption {
            timestamp_format: Some(format.to_owned()),
            timezone,
            ..option("TEXT")
        };
        let typed = |sql_type: &str, value_type: SentAs| SqlColumnOption { value_type, ..option(sql_type) };
        output.load.column_options = vec![
            ("at".to_owned(), text("%Y/%m/%d %H:%M %z", None)),
            ("there".to_owned(), text("%H:%M", zone("America/New_York"))),
            ("instant".to_owned(), typed("TIMESTAMP(2) NULL", SentAs::Column)),
            ("clock".to_owned(), typed("DATETIME(2)", SentAs::Column)),
            ("day".to_owned(), typed("DATE", SentAs::Column)),
            ("time".to_owned(), typed("TIME(1)", SentAs::Column)),
            ("year".to_owned(), typed("YEAR", SentAs::Column)),
            ("as_text".to_owned(), typed("VARCHAR(40)", SentAs::Date)),
            ("never".to_owned(), typed("INT", SentAs::Null)),
            ("whole".to_owned(), typed("INT", SentAs::Column)),
            ("yes".to_owned(), typed("SMALLINT", SentAs::Boolean)),
            ("bit".to_owned(), typed("BIT(3)", SentAs::Column)),
            ("local".to_owned(), typed("TIMESTAMP NULL", SentAs::Column)),
        ];
        let select = format!(
            "select {moment} as at, {moment} as there, {moment} as instant, {moment} as clock, {moment} as day, \
             {moment} as time, {moment} as year, {moment} as as_text, 5 as never, 12.00 as whole, true as yes, \
             5 as bit, '2024-07-02 00:00:00' as local"
        );
        output.options.insert("sessionVariables".to_owned(), Text::plain("time_zone='+02:00'"));
        bench.database.run(["drop table t"]);
        load(select, &output).unwrap();
        assert_eq!(
            bench.rows(
                "select at, there, unix_timestamp(instant), clock, day, time, year, as_text, never, whole, yes, bin(bit), \
                 unix_timestamp(local) from t"
            ),
            ["2024/07/02 05:30 +0900|16:30|1719865800.25|2024-07-02 05:30:00.25|2024-07-02|05:30:00.3|2024|\
              2024-07-02|-|12|1|101|1719871200"]
            .map(|row| row.replace("00.3", if bench.rows("select version()")[0].contains("Maria") { "00.2" } else { "00.3" }))
        );
    }
}

/// A table of every type with values of the server's own making, a hundred thousand rows.
const RANDOM: [&str; 6] = [
    "create table source (id int primary key, t1 tinyint(1), si smallint, i int unsigned, bi bigint, \
     ub bigint unsigned, f float, g double, d decimal(38,12), big decimal(65,0), b9 bit(9), b64 bit(64), y year, \
     da date, ti time(6), dt datetime(6), ts timestamp(6) null, tx text, c varchar(3), e enum('a','b','c'), \
     s set('x','y','z'), j json, bl blob, bn binary(16)) charset utf8mb4",
    "create table numbers (n int primary key)",
    "insert into numbers with recursive r(n) as (select 0 union all select n + 1 from r where n < 316) select n from r",
    "set time_zone = '+00:00', sql_mode = ''",
    "insert into source select a.n * 317 + b.n, floor(rand() * 2), floor((rand() - 0.5) * 65535), \
     floor(rand() * 4294967295), floor((rand() - 0.5) * 1.8e19), floor(rand() * 1.8e19), \
     (rand() - 0.5) * pow(10, rand() * 70 - 35), (rand() - 0.5) * pow(10, rand() * 600 - 300), \
     (rand() - 0.5) * pow(10, rand() * 25), \
     cast(rand() * 1e15 as decimal(32,0)) * cast(rand() * 1e15 as decimal(33,0)), floor(rand() * 512), \
     floor(rand() * 1.8e19), 1901 + floor(rand() * 254), '1000-01-01' + interval floor(rand() * 3287181) day, \
     sec_to_time((rand() - 0.5) * 6000000), '1000-01-01' + interval floor(rand() * 284012524800) second \
     + interval floor(rand() * 1e6) microsecond, from_unixtime(1 + rand() * 2147483645), \
     concat(convert(char(0x4e00 + floor(rand() * 20000) using ucs2) using utf8mb4), \
     convert(char(0xd83dde00 + floor(rand() * 60) using utf16) using utf8mb4), char(floor(rand() * 128) using utf8mb4)), \
     char(1 + floor(rand() * 126) using utf8mb4), 1 + floor(rand() * 3), floor(rand() * 8), \
     json_object(rand(), json_array(rand()), 'k', sha2(rand(), 256)), unhex(sha2(rand(), 384)), unhex(left(sha2(rand(), 256), 32)) from numbers a, numbers b",
    "update source set t1 = null, bi = null, tx = null, bl = null, dt = null, j = null, b9 = null where id % 13 = 0",
];

#[test]
fn random_values_come_back_equal() {
    for bench in benches() {
        bench.database.run(RANDOM);
        bench.database.run(["create table t like source"]);
        let columns = names(&bench);
        for (mode, local, count) in
            [(LoadMode::Replace, "true", 100_489), (LoadMode::TruncateInsert, "false", 10_000)]
        {
            let mut output = bench.output(mode.clone());
            output.load.types = TypeMapping::Exact;
            output.load.batch_bytes = 1 << 20;
            output.options.insert("allowLoadLocalInfile".to_owned(), Text::plain(local));
            let rows = query(&format!("select * from source where id < {count}"));
            let report = bench.load(InputConfig::Mysql(mysql(&bench.database, rows)), &output).unwrap();
            assert_eq!(report.rows_loaded, Some(count));
            assert_eq!(differences(&bench, "source", &columns), [""; 0], "{mode:?} {local}");
            assert_eq!(bench.rows("select count(*) from t"), [count.to_string()]);
        }
    }
}
