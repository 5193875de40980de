//! Every type of PostgreSQL at its limits, as Embulk's types and as exact ones.

use sync::embulk::config::{EmbulkType, TypeMapping};
use sync::embulk::input::{ColumnOption, InputConfig, ValueType};
use sync::embulk::output::Formatter;
use sync::transfer::error::ErrorKind;

use super::super::lab::{Lab, postgresql, query, to_csv, to_file, to_jsonl, value_type};
use super::{csv, jsonl};
use crate::support::postgres::{PostgresDatabase, postgres_database};

const SETUP: &str = r#"
    create extension hstore; create extension citext; create extension ltree;
    create type floatrange as range (subtype = float8);
    create type mood as enum ('ok', 'い');
    create domain positive as int check (value > 0);
    create type pair as (a int, b text);
    create table types (
        id int primary key, b boolean, i2 smallint, i4 int, i8 bigint, o oid, f4 real, f8 double precision,
        n numeric, n2 numeric(12,2), m money, c char(5), v varchar(40), t text, nm name, ch "char", e mood,
        dom positive, u uuid, j json, jb jsonb, da date, tm time, tz timetz, ts timestamp, tstz timestamptz,
        b1 bit(1), b3 bit(3), hs hstore, ai int[], ta text[],
        g int generated always as (i2 * 2) stored);
    insert into types values
        (1, false, -32768, -2147483648, -9223372036854775808, 0, -1.2345, -1.7976931348623157e308,
         -123456789012345678901234567890.000000000000000000001, -0.01, '-92233720368547758.08', '', '', '', '', '', 'ok',
         1, '00000000-0000-0000-0000-000000000000', '{ "b" : [1, 2.50] ,"a":null }', '{ "b" : [1, 2.50] ,"a":null }',
         '0001-01-01', '00:00:00', '00:00:00+14', '0001-01-01 00:00:00', '1970-01-01 00:00:00.000001Z',
         '0', '000', '', '{}', '{}'),
        (2, true, 32767, 2147483647, 9223372036854775807, 4294967295, 1.2345, 5e-324,
         0.5, 9999999999.99, '92233720368547758.07', 'ab', E'tab\there \\ "q"', E'日本😀\r\nline\\n\\N', 'n', 'x', 'い',
         2147483647, 'ffffffff-ffff-ffff-ffff-ffffffffffff', '"s"', '1e3',
         '9999-12-31', '23:59:59.999999', '12:34:56.789012-03:30', '9999-12-31 23:59:59.999999',
         '9999-12-31 23:59:59.999999Z', '1', '001', 'a=>b, "c d"=>NULL', '{1,NULL,-3}',
         '{{"a b",NULL},{"","q\"\\,"}}');
    insert into types (id) values (3);
"#;

const EXACT: [&str; 3] = [
    r#"{"id":1,"b":false,"i2":-32768,"i4":-2147483648,"i8":-9223372036854775808,"o":0,
         "f4":-1.2345000505447388,"f8":-1.7976931348623157e+308,
         "n":-123456789012345678901234567890.000000000000000000001,"n2":-0.01,"m":-92233720368547758.08,
         "c":"     ","v":"","t":"","nm":"","ch":"","e":"ok","dom":1,
         "u":"00000000-0000-0000-0000-000000000000","j":{"b":[1,2.50],"a":null},"jb":{"a":null,"b":[1,2.50]},
         "da":"0001-01-01","tm":"00:00:00.000000","tz":"00:00:00+14","ts":"0001-01-01 00:00:00.000000",
         "tstz":"1970-01-01 00:00:00.000001 +00:00","b1":false,"b3":"000","hs":"","ai":"{}","ta":"{}",
         "g":-65536}"#,
    r#"{"id":2,"b":true,"i2":32767,"i4":2147483647,"i8":9223372036854775807,"o":4294967295,
         "f4":1.2345000505447388,"f8":4.9e-324,"n":0.5,"n2":9999999999.99,"m":92233720368547758.07,
         "c":"ab   ","v":"tab\there \\ \"q\"","t":"日本😀\r\nline\\n\\N","nm":"n","ch":"x","e":"い",
         "dom":2147483647,"u":"ffffffff-ffff-ffff-ffff-ffffffffffff","j":"s","jb":1000,"da":"9999-12-31",
         "tm":"23:59:59.999999","tz":"12:34:56.789012-03:30","ts":"9999-12-31 23:59:59.999999",
         "tstz":"9999-12-31 23:59:59.999999 +00:00","b1":true,"b3":"001","hs":"\"a\"=>\"b\", \"c d\"=>NULL",
         "ai":"{1,NULL,-3}","ta":"{{\"a b\",NULL},{\"\",\"q\\\"\\\\,\"}}","g":65534}"#,
    r#"{"id":3,"b":null,"i2":null,"i4":null,"i8":null,"o":null,"f4":null,"f8":null,"n":null,"n2":null,
         "m":null,"c":null,"v":null,"t":null,"nm":null,"ch":null,"e":null,"dom":null,"u":null,"j":null,
         "jb":null,"da":null,"tm":null,"tz":null,"ts":null,"tstz":null,"b1":null,"b3":null,"hs":null,
         "ai":null,"ta":null,"g":null}"#,
];

/// `⏎` is a line break within a field, `⇥` a tab.
const EMBULK: [&str; 4] = [
    r#"id,b,i2,i4,i8,o,f4,f8,n,n2,m,c,v,t,nm,ch,e,dom,u,j,jb,da,tm,tz,ts,tstz,b1,b3,hs,ai,ta,g"#,
    r#"1,false,-32768,-2147483648,-9223372036854775808,0,-1.2345000505447388,-1.7976931348623157E308,
         -123456789012345678901234567890.000000000000000000001,-0.01,-92233720368547758.08,     ,"","","","",
         ok,1,00000000-0000-0000-0000-000000000000,"{""b"":[1,2.50],""a"":null}","{""a"":null,""b"":[1,
         2.50]}",0001-01-01 00:00:00.000000 +0000,1970-01-01 00:00:00.000000 +0000,
         1969-12-31 10:00:00.000000 +0000,0001-01-01 00:00:00.000000 +0000,1970-01-01 00:00:00.000001 +0000,
         false,false,"",{},{},-65536"#,
    r#"2,true,32767,2147483647,9223372036854775807,4294967295,1.2345000505447388,4.9E-324,0.5,
         9999999999.99,92233720368547758.07,ab   ,"tab⇥here \ ""q""","日本😀⏎line\n\N",n,x,い,2147483647,
         ffffffff-ffff-ffff-ffff-ffffffffffff,"""s""",1000,9999-12-31 00:00:00.000000 +0000,
         1970-01-01 23:59:59.999000 +0000,1970-01-01 16:04:56.789000 +0000,9999-12-31 23:59:59.999999 +0000,
         9999-12-31 23:59:59.999999 +0000,true,true,"""a""=>""b"", ""c d""=>NULL","{1,,-3}","{{a b,},{,
         ""q\""\\,""}}",65534"#,
    r#"3,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,"#,
];

/// A text that was folded: lines are joined without what they are indented by.
fn unfolded(text: &str) -> String {
    text.lines().map(str::trim_start).collect::<String>().replace('⏎', "\n").replace('⇥', "\t")
}

fn database() -> Option<PostgresDatabase> {
    let database = postgres_database()?;
    database.run(SETUP);
    Some(database)
}

#[test]
fn exact_types_arrive_with_every_digit() {
    let Some(database) = database() else { return };
    let input = postgresql(&database, query("select * from types order by id"));
    let expected: String = EXACT.iter().map(|line| unfolded(line) + "\n").collect();
    assert_eq!(jsonl(&Lab::new(), input, TypeMapping::Exact), expected);
}

#[test]
fn embulks_types_show_clocks_as_instants() {
    let Some(database) = database() else { return };
    let input = postgresql(&database, query("select * from types order by id"));
    let lab = Lab::new();
    let report = lab.run(&to_csv(InputConfig::Postgresql(input), TypeMapping::Embulk)).unwrap();
    let expected: String = EMBULK.iter().map(|line| unfolded(line) + "\r\n").collect();
    assert_eq!(std::fs::read_to_string(lab.path("out000.00.csv")).unwrap(), expected);
    assert_eq!((report.rows_read, report.rows_sent, report.rows_loaded), (3, 3, Some(3)));
    assert_eq!(
        report.notes,
        [
            "column `b3`: bits are true where they are the number 1, else false, as under Embulk; \
             `value_type: string` keeps them",
            "column `ai`: 1 NULL elements of arrays became empty, as under Embulk",
            "column `ta`: 1 NULL elements of arrays became empty, as under Embulk",
        ]
    );
}

/// Types that Embulk has nothing for: name, a value, and its text.
const OTHERS: [(&str, &str, &str); 38] = [
    ("bytea", r"'\x00ff'", r"\x00ff"),
    ("xml", "'<a>b</a>'", "<a>b</a>"),
    ("inet", "'192.168.0.1/24'", "192.168.0.1/24"),
    ("cidr", "'10.0.0.0/8'", "10.0.0.0/8"),
    ("macaddr", "'08:00:2b:01:02:03'", "08:00:2b:01:02:03"),
    ("interval", "'-1 year 2 mons 3 days 04:05:06.789'", "-10 mons +3 days 04:05:06.789"),
    ("varbit", "'10101'", "10101"),
    ("int4range", "'[1,5]'", "[1,6)"),
    ("tstzrange", "'[2015-06-04 00:00Z,infinity)'", r#"["2015-06-04 00:00:00+00",infinity)"#),
    ("int4multirange", "'{[1,2),[5,9)}'", "{[1,2),[5,9)}"),
    ("pair", r#"'(1,"a ""b""")'"#, r#"(1,"a ""b""")"#),
    ("citext", "'ÄbC'", "ÄbC"),
    ("point", "'(1,2.5)'", "(1,2.5)"),
    ("tsvector", "'fat:1 cat:2'", "'cat':2 'fat':1"),
    ("jsonpath", "'$.a[0]'", r#"$."a"[0]"#),
    ("pg_lsn", "'16/B374D848'", "16/B374D848"),
    ("int2vector", "'1 2 3'", "1 2 3"),
    ("xid", "'4294967295'", "4294967295"),
    ("regclass", "'types'", "types"),
    ("regtype", "'int'", "integer"),
    ("oidvector", "'1 2'", "1 2"),
    ("tid", "'(0,1)'", "(0,1)"),
    ("pg_snapshot", "'10:20:10'", "10:20:10"),
    ("macaddr8", "'08:00:2b:01:02:03:04:05'", "08:00:2b:01:02:03:04:05"),
    ("tsquery", "'a & b'", "'a' & 'b'"),
    ("box", "'(1,2),(3,4)'", "(3,4),(1,2)"),
    ("line", "'{1,2,3}'", "{1,2,3}"),
    ("lseg", "'[(1,2),(3,4)]'", "[(1,2),(3,4)]"),
    ("path", "'((1,2),(3,4))'", "((1,2),(3,4))"),
    ("polygon", "'((1,2),(3,4))'", "((1,2),(3,4))"),
    ("circle", "'<(1,2),3>'", "<(1,2),3>"),
    ("numrange", "'empty'", "empty"),
    ("int8range", "'(,5]'", "(,6)"),
    ("daterange", "'[2020-01-01,2020-02-01)'", "[2020-01-01,2020-02-01)"),
    ("nummultirange", "'{[1,2),[3,4)}'", "{[1,2),[3,4)}"),
    ("floatrange", "'[1.5,2)'", "[1.5,2)"),
    ("ltree", "'a.b'", "a.b"),
    ("interval", "'178000000 years'", "178000000 years"),
];

#[test]
fn what_embulk_has_no_type_for_is_refused_by_name_and_read_as_text() {
    let Some(database) = database() else { return };
    for (name, value, text) in OTHERS {
        let lab = Lab::new();
        let sql = format!("select {value}::{name} as c union all select null");
        let mut input = postgresql(&database, query(&sql));
        let error =
            lab.run(&to_jsonl(InputConfig::Postgresql(input.clone()), TypeMapping::Embulk)).unwrap_err();
        assert_eq!(error.to_string(), format!("unsupported type {name} of column `c`"));
        assert_eq!(
            error.remedy(),
            Some(
                "add `c: {value_type: string}` to `column_options` of `in:`, leave the column out with \
                 `select`, or use `types: exact`"
            )
        );
        assert_eq!(lab.files(), Vec::<String>::new());
        let quoted = |text: &str| format!("{{\"c\":{}}}\n{{\"c\":null}}\n", serde_json::json!(text));
        let exact = if name == "bytea" { "AP8=" } else { text };
        assert_eq!(jsonl(&lab, input.clone(), TypeMapping::Exact), quoted(exact), "{name}");
        input.column_options = vec![value_type("c", ValueType::String)];
        for types in [TypeMapping::Embulk, TypeMapping::Exact] {
            assert_eq!(jsonl(&lab, input.clone(), types), quoted(text), "{name}");
        }
    }
}

fn to(name: &str, column_type: EmbulkType) -> (String, ColumnOption) {
    (
        name.to_owned(),
        ColumnOption {
            value_type: ValueType::Coalesce,
            column_type: Some(column_type),
            timestamp_format: None,
            timezone: None,
        },
    )
}

#[test]
fn options_turn_columns_into_other_types() {
    let Some(database) = database() else { return };
    let mut input = postgresql(
        &database,
        query(
            "select b, b as b2, n2, f4, j, j as j2, ai, '{1.50,-2,NULL}'::numeric[] as an, ta, '{t,f}'::bool[] as ab, \
             hs, da, ts, b1, b1 as b4, i8 from types where id = 2",
        ),
    );
    input.column_options = vec![
        to("b", EmbulkType::String),
        to("b2", EmbulkType::Long),
        to("n2", EmbulkType::Long),
        to("f4", EmbulkType::String),
        to("j", EmbulkType::String),
        to("j2", EmbulkType::Long),
        to("ai", EmbulkType::Json),
        to("an", EmbulkType::Json),
        to("ta", EmbulkType::Json),
        to("ab", EmbulkType::Json),
        to("hs", EmbulkType::Json),
        value_type("ts", ValueType::String),
        to("b4", EmbulkType::Long),
    ];
    input.default_column_options = vec![to("DATE", EmbulkType::String), to("BIGINT", EmbulkType::String)];
    let lab = Lab::new();
    let report = lab.run(&to_jsonl(InputConfig::Postgresql(input), TypeMapping::Embulk)).unwrap();
    let expected = r#"{"b":"true","b2":1,"n2":9999999999,"f4":"1.2345","j":"\"s\"","j2":null,"ai":[1,null,-3],
        "an":[1.50,-2,null],"ta":[["a b",null],["","q\"\\,"]],"ab":[true,false],
        "hs":{"a":"b","c d":null},"da":"9999-12-31","ts":"9999-12-31 23:59:59.999999","b1":true,"b4":1,
        "i8":"9223372036854775807"}"#;
    assert_eq!(std::fs::read_to_string(lab.path("out000.00.jsonl")).unwrap(), unfolded(expected) + "\n");
    assert_eq!(report.notes, ["column `j2`: `type: long` of a json column is NULL in every row"]);
}

#[test]
fn a_value_without_a_place_is_an_error_that_names_the_way_out() {
    let Some(database) = database() else { return };
    let lab = Lab::new();
    for (value, reason) in [
        ("'infinity'::date", "is infinite, which a date or time cannot be here"),
        ("'-infinity'::timestamp", "is infinite, which a date or time cannot be here"),
        ("'infinity'::timestamptz", "is infinite, which a date or time cannot be here"),
        ("'5874897-12-31'::date", "is not between the years -9999 and 9999"),
        ("'294276-12-31 23:59:59.999999'::timestamp", "is not between the years -9999 and 9999"),
        ("'NaN'::numeric", "is NaN, which a decimal cannot be here"),
        ("'-Infinity'::numeric", "is infinite, which a decimal cannot be here"),
    ] {
        let sql = format!("select {value} - {value} + {value} as c where false union all select {value}");
        let sql = if value.contains("numeric") { sql } else { format!("select {value} as c") };
        let mut input = postgresql(&database, query(&sql));
        for types in [TypeMapping::Embulk, TypeMapping::Exact] {
            let error = lab.run(&to_jsonl(InputConfig::Postgresql(input.clone()), types)).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Data);
            assert_eq!(error.to_string(), format!("column `c`, row 1: a value {reason}"));
            assert_eq!(error.remedy(), Some("add `c: {value_type: string}` to `column_options` of `in:`"));
        }
        input.column_options = vec![value_type("c", ValueType::String)];
        let text = value.split('\'').nth(1).unwrap();
        assert_eq!(jsonl(&lab, input, TypeMapping::Embulk), format!("{{\"c\":\"{text}\"}}\n"));
    }
}

#[test]
fn the_last_year_ends_with_the_clocks_of_the_process() {
    let Some(database) = database() else { return };
    let mut lab = Lab::new();
    lab.zone = jiff::tz::TimeZone::get("Asia/Tokyo").unwrap();
    let last = query("select '9999-12-31 23:59:59.999999'::timestamptz as c");
    let written = jsonl(&lab, postgresql(&database, last), TypeMapping::Exact);
    assert_eq!(written, "{\"c\":\"9999-12-31 14:59:59.999999 +00:00\"}\n");
    let next =
        InputConfig::Postgresql(postgresql(&database, query("select '10000-01-01'::timestamptz as c")));
    let error = lab.run(&to_jsonl(next, TypeMapping::Exact)).unwrap_err();
    assert_eq!(error.to_string(), "column `c`, row 1: a value is not between the years -9999 and 9999");
}

#[test]
fn floats_that_are_not_finite_are_written_where_the_format_has_them() {
    let Some(database) = database() else { return };
    let lab = Lab::new();
    let input = postgresql(
        &database,
        query(
            "select 'NaN'::float8 as a, 'Infinity'::float4 as b, '-Infinity'::float8 as c, '-0'::float8 as d",
        ),
    );
    assert_eq!(csv(&lab, input.clone(), TypeMapping::Embulk), "a,b,c,d\r\nNaN,Infinity,-Infinity,-0.0\r\n");
    let error = lab.run(&to_jsonl(InputConfig::Postgresql(input), TypeMapping::Embulk)).unwrap_err();
    assert_eq!(error.to_string(), "column `a`, row 1: a value is not a finite number");
}

#[test]
fn a_number_of_131072_digits_arrives_whole() {
    let Some(database) = database() else { return };
    let digits = "9".repeat(131_072);
    let sql =
        format!("select repeat('9', 131072)::numeric as c, {} as d", "0.".to_owned() + &"1".repeat(1000));
    let input = postgresql(&database, query(&sql));
    let expected = format!("c,d\r\n{digits},0.{}\r\n", "1".repeat(1000));
    assert!(csv(&Lab::new(), input, TypeMapping::Exact) == expected);
}

#[test]
fn texts_of_other_encodings_are_read_as_utf8_or_refused() {
    let Some(database) = database() else { return };
    for (encoding, value, expected) in
        [("LATIN1", "'\u{e9}'", Some("{\"c\":\"\u{e9}\"}\n")), ("SQL_ASCII", "chr(233)", None)]
    {
        let name = format!("{}_{}", database.name, encoding.to_lowercase());
        database.run(&format!("create database {name} encoding '{encoding}' locale 'C' template template0"));
        let lab = Lab::new();
        let mut input = postgresql(&database, query(&format!("select {value} as c")));
        input.database = sync::embulk::text::Text::plain(&name);
        match expected {
            Some(expected) => assert_eq!(jsonl(&lab, input, TypeMapping::Embulk), expected),
            None => {
                let error =
                    lab.run(&to_jsonl(InputConfig::Postgresql(input), TypeMapping::Embulk)).unwrap_err();
                assert_eq!(
                    error.to_string(),
                    "the query could not be read: invalid byte sequence for encoding \"…\": 0xe9 \
                     (PostgreSQL error 22021)"
                );
            }
        }
        database.run(&format!("drop database {name} with (force)"));
    }
}

#[test]
fn parquet_holds_what_the_server_holds() {
    let Some(database) = database() else { return };
    let lab = Lab::new();
    let sql = "select id, b, i8, f4, n, n2, m, t, e, jb, da, tm, ts, tstz, b1, b3, '\\x00ff'::bytea as y, ai \
               from types order by id";
    let input = postgresql(&database, query(sql));
    let config = to_file(
        InputConfig::Postgresql(input),
        Formatter::Parquet,
        TypeMapping::Exact,
        "parquet",
        Vec::new(),
    );
    lab.run(&config).unwrap();
    let file = std::fs::File::open(lab.path("out000.00.parquet")).unwrap();
    let reader = parquet::file::reader::SerializedFileReader::new(file).unwrap();
    let rows: Vec<String> = reader.into_iter().map(|row| row.unwrap().to_string()).collect();
    assert_eq!(
        rows[1],
        "{id: 2, b: true, i8: 9223372036854775807, f4: 1.2345, n: \"0.5\", n2: 9999999999.99, \
         m: 92233720368547758.07, t: \"日本😀\r\nline\\n\\N\", e: \"い\", jb: \"1000\", da: 9999-12-31, \
         tm: 23:59:59.999999, ts: 9999-12-31 23:59:59.999999 +00:00, tstz: 9999-12-31 23:59:59.999999 +00:00, \
         b1: true, b3: \"001\", y: [0, 255], ai: \"{1,NULL,-3}\"}"
    );
    assert!(rows[2].starts_with("{id: 3, b: null, i8: null, f4: null, n: null,"), "{}", rows[2]);
}
