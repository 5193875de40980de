//! Every type, there and back: read by the database itself.

use sync::embulk::config::TypeMapping;
use sync::embulk::input::{InputConfig, ValueType};
use sync::embulk::output::{CopyFormat, LoadMode, SentAs, SqlColumnOption};
use sync::embulk::zone::Zone;
use sync::transfer::error::ErrorKind;

use super::super::lab::{mysql, postgresql, query, table, value_type};
use super::{Bench, option};
use crate::support::servers::mysql_sources;

/// Those that take every type.
const FORMATS: [CopyFormat; 3] = [CopyFormat::Text, CopyFormat::Jsonl, CopyFormat::Csv];

pub(super) const SOURCE: &str = r#"
    create type mood as enum ('ok', 'い');
    create table source (
        id int primary key, b boolean, i2 smallint, i4 int, i8 bigint, f4 real, f8 double precision,
        n2 numeric(12,2), n38 numeric(38,10), n numeric, c char(5), v varchar(40), t text, e mood, u uuid, j json,
        da date, tm time, ts timestamp, tstz timestamptz, b1 bit(1), by bytea);
    insert into source values
        (1, false, -32768, -2147483648, -9223372036854775808, -1.2345, -1.7976931348623157e308, -0.01,
         -1234567890123456789012345678.0123456789, -12345678901234567890123456789012345678901234567890.5, '', '', '', 'ok',
         '00000000-0000-0000-0000-000000000000', '{ "b" : [1, 2.50] ,"a":null }', '0001-01-01', '00:00:00',
         '0001-01-01 00:00:00', '1970-01-01 00:00:00.000001Z', '0', ''),
        (2, true, 32767, 2147483647, 9223372036854775807, 1.2345, 5e-324, 9999999999.99,
         9999999999999999999999999999.9999999999, 0.5, 'ab', E'tab\there \\ "q", \\N',
         E'日本😀\r\nline\\n\\N\\.\t|,''"', 'い', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '["s"]', '9999-12-31',
         '23:59:59.999999', '9999-12-31 23:59:59.999999', '9999-12-31 23:59:59.999999Z', '1', '\x00ff5c6e0a0d09'),
        (4, null, null, null, null, 'NaN', 'Infinity', 0.00, 0, 'NaN', '\.', '\N', '\.', null, null, 'null', null, null, null,
         null, null, null);
    insert into source (id) values (3);
"#;

/// Rows of one table that the other does not have, by the text of each value.
const DIFFERENT: &str = "select s.id, k.key from source s join t o on o.id = s.id, \
     lateral jsonb_each_text(to_jsonb(s)) k, lateral jsonb_each_text(to_jsonb(o)) p \
     where p.key = k.key and k.key not in ('b1', 'j', 'by') and k.value is distinct from p.value order by 1, 2";

#[test]
fn new_tables_have_exact_types_and_the_same_values() {
    for format in FORMATS {
        let Some(bench) = Bench::new() else { return };
        let behind = &bench.database.behind;
        behind.run(SOURCE);
        behind.run("delete from source where id = 4");
        let mut output = bench.output(LoadMode::Replace);
        output.load.types = TypeMapping::Exact;
        output.format = format;
        let source = || InputConfig::Postgresql(postgresql(behind, table("source")));
        bench.load(source(), &output).unwrap();
        assert_eq!(behind.rows(DIFFERENT), [""; 0], "{format:?}");
        assert_eq!(bench.rows("select count(*) from t"), ["3"]);
        assert_eq!(
            bench.rows("select b1, j, by from t order by id"),
            ["f|{\"a\": null, \"b\": [1, 2.5]}|-", "t|[\"s\"]|\\x00ff5c6e0a0d09", "-|-|-"]
        );
        assert_eq!(
            bench.columns(),
            [
                "id|integer",
                "b|boolean",
                "i2|smallint",
                "i4|integer",
                "i8|bigint",
                "f4|real",
                "f8|double precision",
                "n2|numeric(12,2)",
                "n38|numeric(38,10)",
                "n|character varying(65535)",
                "c|character varying(20)",
                "v|character varying(160)",
                "t|character varying(65535)",
                "e|character varying(65535)",
                "u|character varying(36)",
                "j|super",
                "da|date",
                "tm|time without time zone",
                "ts|timestamp without time zone",
                "tstz|timestamp with time zone",
                "b1|boolean",
                "by|binary varying(1024000)"
            ]
        );
        bench.assert_tidy();
    }
}

#[test]
fn new_tables_have_embulks_types() {
    for (_, format) in CopyFormat::NAMES {
        let Some(bench) = Bench::new() else { return };
        let behind = &bench.database.behind;
        behind.run(SOURCE);
        let source =
            query("select id, b, n2, n38, j, da, tm, ts, tstz, t, f4, f8, v from source where id in (2, 4)");
        let source = || InputConfig::Postgresql(postgresql(behind, source.clone()));
        let mut output = bench.output(LoadMode::Replace);
        output.format = format;
        bench.load(source(), &output).unwrap();
        assert_eq!(
            bench.columns(),
            [
                "id|bigint",
                "b|boolean",
                "n2|double precision",
                "n38|double precision",
                "j|character varying(65535)",
                "da|timestamp without time zone",
                "tm|timestamp without time zone",
                "ts|timestamp without time zone",
                "tstz|timestamp without time zone",
                "t|character varying(65535)",
                "f4|double precision",
                "f8|double precision",
                "v|character varying(65535)"
            ]
        );
        assert_eq!(
            bench.rows("select * from t order by id"),
            [
                "2|t|9999999999.99|1e+28|[\"s\"]|9999-12-31 00:00:00|1970-01-01 23:59:59.999|9999-12-31 23:59:59.999999|\
                 9999-12-31 23:59:59.999999|日本😀\r\nline\\n\\N\\.\t|,'\"|1.2345000505447388|5e-324|tab\there \\ \"q\", \\N",
                "4|-|0|0|null|-|-|-|-|\\.|NaN|Infinity|\\N"
            ],
            "{format:?}"
        );
        bench.assert_tidy();
    }
}

pub(super) const MARIADB: &str = "create table s (id int, ti tinyint, t1 tinyint(1), tu tinyint unsigned, su smallint unsigned, \
    mi mediumint, iu int unsigned, bu bigint unsigned, d decimal(12,2), dd decimal(65,30), f float, db double, \
    b1 bit(1), b8 bit(8), ch char(3), v varchar(10), tt tinytext, tx text, lt longtext, e enum('a','日本'), \
    bi binary(2), vb varbinary(4), bl blob, da date, dt datetime(6), ts timestamp(6) null, tm time(6), y year)";

pub(super) const MARIADB_ROWS: [&str; 2] = [
    "insert into s values (1, -128, 5, 255, 65535, -8388608, 4294967295, 18446744073709551615, -9999999999.99, \
     12345678901234567890123456789012345.123456789012345678901234567890, 1.25, 1e-300, b'1', b'11111111', '日本語', \
     '🍣🍣🍣🍣🍣🍣🍣🍣🍣🍣', 'tiny', 'a\\tb\\nc\\\\d', 'long', '日本', x'00ff', x'5c0a', x'', '2024-02-29', \
     '2024-02-29 23:59:59.123456', '2024-02-29 12:00:00.000001', '23:59:59.5', 2024)",
    "insert into s (id) values (2)",
];

#[test]
fn every_type_of_mysql_has_a_place() {
    for server in mysql_sources() {
        for format in FORMATS {
            let Some(bench) = Bench::new() else { return };
            let source = server.fresh_database();
            source.run(["set sql_mode = ''", MARIADB]);
            source.run(MARIADB_ROWS);
            let mut output = bench.output(LoadMode::Replace);
            output.load.types = TypeMapping::Exact;
            output.format = format;
            let report = bench.load(InputConfig::Mysql(mysql(&source, table("s"))), &output).unwrap();
            let notes: Vec<String> =
                report.changes.iter().map(sync::transfer::report::Change::note).collect();
            assert_eq!(notes, ["column `bl`: 1 values without a byte became NULL"]);
            assert_eq!(
                bench.columns(),
                [
                    "id|integer",
                    "ti|smallint",
                    "t1|smallint",
                    "tu|smallint",
                    "su|integer",
                    "mi|integer",
                    "iu|bigint",
                    "bu|numeric(20,0)",
                    "d|numeric(12,2)",
                    "dd|character varying(68)",
                    "f|real",
                    "db|double precision",
                    "b1|smallint",
                    "b8|numeric(20,0)",
                    "ch|character varying(12)",
                    "v|character varying(40)",
                    "tt|character varying(1020)",
                    "tx|character varying(65535)",
                    "lt|character varying(65535)",
                    "e|character varying(8)",
                    "bi|binary varying(2)",
                    "vb|binary varying(4)",
                    "bl|binary varying(65535)",
                    "da|date",
                    "dt|timestamp without time zone",
                    "ts|timestamp with time zone",
                    "tm|time without time zone",
                    "y|smallint"
                ]
            );
            let nulls = format!("2{}", "|-".repeat(27));
            assert_eq!(
                bench.rows("select * from t order by id"),
                [
                    "1|-128|5|255|65535|-8388608|4294967295|18446744073709551615|-9999999999.99|\
                     12345678901234567890123456789012345.123456789012345678901234567890|1.25|1e-300|1|255|日本語|\
                     🍣🍣🍣🍣🍣🍣🍣🍣🍣🍣|tiny|a\tb\nc\\d|long|日本|\\x00ff|\\x5c0a|-|2024-02-29|\
                     2024-02-29 23:59:59.123456|2024-02-29 12:00:00.000001+00|23:59:59.5|2024",
                    nulls.as_str()
                ],
                "{format:?}"
            );
            bench.assert_tidy();
        }
    }
}

#[test]
fn columns_that_are_there_take_what_they_can_hold() {
    let Some(bench) = Bench::new() else { return };
    bench.database.run(
        "create table t (id int, at varchar(40), there date, n decimal(20,10), s smallint, k char(2), d date, z timestamptz)",
    );
    let mut output = bench.output(LoadMode::Insert);
    let text = |format: &str, zone: &str| SqlColumnOption {
        value_type: SentAs::Text,
        timestamp_format: Some(format.to_owned()),
        timezone: Some(Zone::embulk(zone).unwrap()),
        ..SqlColumnOption::silent()
    };
    output.load.column_options = vec![("at".to_owned(), text("%Y/%m/%d %H:%M %z", "Asia/Tokyo"))];
    let behind = &bench.database.behind;
    let moment = "timestamp '2024-02-29 23:30:00.5'";
    let input = |select: &str| InputConfig::Postgresql(postgresql(behind, query(select)));
    let select = format!(
        "select 1 as id, {moment} as at, {moment} as there, 1e-7::float8 as n, 2::float8 as s, 'ab' as k, {moment} as d, {moment} as z"
    );
    bench.load(input(&select), &output).unwrap();
    assert_eq!(
        bench.rows("select * from t"),
        ["1|2024/03/01 08:30 +0900|2024-02-29|0.0000001000|2|ab|2024-02-29|2024-02-29 23:30:00.5+00"]
    );
    for (select, said) in [
        (
            "select 1.5::float8 as s",
            "column `s`, row 1: a value has a fraction, which a whole number cannot hold",
        ),
        (
            "select 'é' as k",
            "column `k`, row 1: a value has a character that CHAR cannot hold, which takes ASCII only",
        ),
        (
            "select 'NaN'::float8 as n",
            "column `n`, row 1: a value is not a finite number, which a column of digits cannot hold",
        ),
        (
            "select date '0044-03-15 BC' as d",
            "column `d`, row 1: a value is a date outside the years 0000 to 9999",
        ),
    ] {
        let error = bench.load(input(select), &output).unwrap_err();
        assert_eq!(error.to_string(), said);
    }
    // What the server alone can tell.
    let error = bench.load(input("select 40000 as s"), &output).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Data, "{error}");
    assert!(error.to_string().contains("line 1, column `s` (int2): "), "{error}");
    assert_eq!(bench.rows("select count(*) from t"), ["1"]);
    bench.assert_tidy();
}

#[test]
fn what_an_option_or_a_filter_makes_of_a_text_has_no_length() {
    let Some(bench) = Bench::new() else { return };
    let behind = &bench.database.behind;
    behind.run("create table source (v varchar(2), w varchar(2)); insert into source values ('ab', 'cd')");
    let mut input = postgresql(behind, table("source"));
    input.column_options = vec![value_type("w", ValueType::String)];
    let mut output = bench.output(LoadMode::Replace);
    output.load.types = TypeMapping::Exact;
    output.load.column_options = vec![("nothing".to_owned(), option("int"))];
    bench.load(InputConfig::Postgresql(input), &output).unwrap();
    assert_eq!(bench.columns(), ["v|character varying(8)", "w|character varying(65535)"]);
}
