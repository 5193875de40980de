//! What the real Embulk made of tables in PostgreSQL, as it was recorded (0.11.4 with embulk-input-postgresql 0.14.0).
//! Decimals keep their digits and JSON keeps its numbers, which Embulk does not.

use sync::embulk::config::{EmbulkType, TypeMapping};
use sync::embulk::input::{ColumnOption, PostgresqlInput, Selection, ValueType};
use sync::embulk::text::Text;
use sync::embulk::zone::Zone;

use super::super::lab::{Lab, postgresql, query, table, value_type};
use super::csv;
use crate::support::postgres::postgres_database;

/// A table `t` and what a transfer to CSV makes of it.
struct Case {
    setup: &'static str,
    config: fn(&mut PostgresqlInput),
    /// The zone of the process.
    zone: &'static str,
    /// Lines end with CR LF.
    expected: &'static str,
}

const CLOCKS: &str = "create table t (id int primary key, d date, t time, ts timestamp, tz timestamptz);
    insert into t values
        (1, '2016-11-02', '04:00:05.333003', '2016-11-02 04:00:05.333003', '2016-11-02 04:00:05.333003+00'),
        (2, null, null, null, null),
        (3, '1900-01-01', '23:59:59', '1900-01-01 00:00:00', '1900-01-01 00:00:00+09');";

fn formatted(name: &str, format: Option<&str>) -> (String, ColumnOption) {
    let (name, option) = value_type(name, ValueType::Coalesce);
    let timestamp_format = format.map(str::to_owned);
    (name, ColumnOption { column_type: Some(EmbulkType::String), timestamp_format, ..option })
}

const CASES: [Case; 14] = [
    Case {
        setup: r#"create table t (id int primary key, a int[], b text[][], c boolean[], d numeric[], e text[]);
            insert into t values
                (1, '{1000,2000}', '{{purple,"light,dark"},{"\"","{\\}"}}', '{t,f}',
                 '{12345678901234567890.1234567890}', '{"a b",NULL,""}'),
                (2, '{}', '{}', '{}', '{}', '{}'), (3, null, null, null, null, null)"#,
        config: |_| {},
        zone: "UTC",
        expected: r#"id,a,b,c,d,e
1,"{1000,2000}","{{purple,""light,dark""},{""\"""",""{\\}""}}","{t,f}",{12345678901234567890.1234567890},"{a b,,}"
2,{},{},{},{},{}
3,,,,,
"#,
    },
    Case {
        setup: "create table t (id int primary key, a boolean, b bit(1), c bit(3));
            insert into t values (1, true, '1', '101'), (2, false, '0', '000'), (3, null, null, null)",
        config: |_| {},
        zone: "UTC",
        expected: "id,a,b,c\n1,true,true,false\n2,false,false,false\n3,,,\n",
    },
    Case {
        setup: CLOCKS,
        config: |_| {},
        zone: "UTC",
        expected: "id,d,t,ts,tz
1,2016-11-02 00:00:00.000000 +0000,1970-01-01 04:00:05.333000 +0000,2016-11-02 04:00:05.333003 +0000,2016-11-02 04:00:05.333003 +0000
2,,,,
3,1900-01-01 00:00:00.000000 +0000,1970-01-01 23:59:59.000000 +0000,1900-01-01 00:00:00.000000 +0000,1899-12-31 15:00:00.000000 +0000
",
    },
    Case {
        setup: CLOCKS,
        config: |input| {
            input.default_timezone = Zone::embulk("Asia/Tokyo").unwrap();
            input.column_options = vec![
                formatted("d", None),
                formatted("t", Some("%H:%M:%S")),
                formatted("ts", Some("%Y-%m-%d %H:%M:%S.%6N")),
                formatted("tz", Some("%Y-%m-%d %H:%M:%S %:z")),
            ];
        },
        zone: "UTC",
        expected: "id,d,t,ts,tz
1,2016-11-02,13:00:05,2016-11-02 13:00:05.333003,2016-11-02 13:00:05 +09:00
2,,,,
3,1900-01-01,08:59:59,1900-01-01 09:00:00.000000,1900-01-01 00:00:00 +09:00
",
    },
    Case {
        setup: CLOCKS,
        config: |_| {},
        zone: "Asia/Tokyo",
        expected: "id,d,t,ts,tz
1,2016-11-01 15:00:00.000000 +0000,1969-12-31 19:00:05.333000 +0000,2016-11-01 19:00:05.333003 +0000,2016-11-02 04:00:05.333003 +0000
2,,,,
3,1899-12-31 15:00:00.000000 +0000,1970-01-01 14:59:59.000000 +0000,1899-12-31 15:00:00.000000 +0000,1899-12-31 15:00:00.000000 +0000
",
    },
    Case {
        setup: "create table t (id int primary key, a real, b double precision, c numeric(20,5), d numeric);
            insert into t values (1, 1.2345, 1e-5, 1.5, 123456789012345678901234567890.5),
                (2, '-0.1', '1e300', '-0.00001', 0), (3, null, null, null, null)",
        config: |_| {},
        zone: "UTC",
        expected: "id,a,b,c,d
1,1.2345000505447388,1.0E-5,1.50000,123456789012345678901234567890.5
2,-0.10000000149011612,1.0E300,-0.00001,0
3,,,,
",
    },
    Case {
        setup: "create table t (id int primary key, a smallint, b int, c bigint, d oid, e serial);
            insert into t values (1, -32768, -2147483648, -9223372036854775808, 0, 1),
                (2, 32767, 2147483647, 9223372036854775807, 4294967295, 2), (3, null, null, null, null, 3)",
        config: |_| {},
        zone: "UTC",
        expected: "id,a,b,c,d,e
1,-32768,-2147483648,-9223372036854775808,0,1
2,32767,2147483647,9223372036854775807,4294967295,2
3,,,,,3
",
    },
    Case {
        setup: r#"create table t (id int primary key, a json, b jsonb);
            insert into t values (1, '{"b": 1,  "a": [1, 2.50, null]}', '{"b": 1,  "a": [1, 2.50, null]}'),
                (2, null, null), (3, '"s"', '1e3')"#,
        config: |_| {},
        zone: "UTC",
        expected: r#"id,a,b
1,"{""b"":1,""a"":[1,2.50,null]}","{""a"":[1,2.50,null],""b"":1}"
2,,
3,"""s""",1000
"#,
    },
    Case {
        setup: "create table t (id int primary key, a numeric(10,2), b numeric);
            insert into t values (1, 1.5, 0.000000001), (2, null, 1e20)",
        config: |input| input.column_options = vec![formatted("a", None), formatted("b", None)],
        zone: "UTC",
        expected: "id,a,b\n1,1.50,0.000000001\n2,,100000000000000000000\n",
    },
    Case {
        setup: "create table t (id int primary key); insert into t values (1), (2)",
        config: |input| {
            input.selection = query(
                "select id, id * 2 as dbl, 'x' as s, now() > '2000-01-01' as b, null as n, 1.5 as e from t order by id",
            );
        },
        zone: "UTC",
        expected: "id,dbl,s,b,n,e\n1,2,x,true,,1.5\n2,4,x,true,,1.5\n",
    },
    Case {
        setup: "create table t (id int primary key, a bytea, b interval);
            insert into t values (1, 'abc', '1 day'), (2, null, null)",
        config: |input| {
            input.column_options = vec![value_type("a", ValueType::String), value_type("b", ValueType::String)];
        },
        zone: "UTC",
        expected: "id,a,b\n1,\\x616263,1 day\n2,,\n",
    },
    Case {
        setup: "create schema s2; create table s2.t (id int primary key, a int); insert into s2.t values (1, 2)",
        config: |input| input.schema = Text::plain("s2"),
        zone: "UTC",
        expected: "id,a\n1,2\n",
    },
    Case {
        setup: "create table t (id int primary key, a char(5), b varchar(10), c text, d name);
            insert into t values (1, 'ab', 'x ', '日本😀 \"q\"', 'n'), (2, null, null, null, null), (3, '', '', '', '')",
        config: |_| {},
        zone: "UTC",
        expected: "id,a,b,c,d\n1,ab   ,x ,\"日本😀 \"\"q\"\"\",n\n2,,,,\n3,     ,\"\",\"\",\"\"\n",
    },
    Case {
        setup: "create table t (id int primary key, a uuid);
            insert into t values (1, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'), (2, null)",
        config: |_| {},
        zone: "UTC",
        expected: "id,a\n1,a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\n2,\n",
    },
];

#[test]
fn tables_come_out_as_under_embulk() {
    for case in CASES {
        let Some(database) = postgres_database() else { return };
        database.run(case.setup);
        let mut lab = Lab::new();
        lab.zone = jiff::tz::TimeZone::get(case.zone).unwrap();
        let mut input = postgresql(&database, table("t"));
        if let Selection::Table { order_by, .. } = &mut input.selection {
            *order_by = Some(Text::plain("id"));
        }
        (case.config)(&mut input);
        assert_eq!(csv(&lab, input, TypeMapping::Embulk), case.expected.replace('\n', "\r\n"));
    }
}
