//! Every type, there and back: read by the database itself.

use sync::embulk::config::TypeMapping;
use sync::embulk::input::InputConfig;
use sync::embulk::output::{LoadMode, SentAs, SqlColumnOption};
use sync::embulk::zone::Zone;
use sync::transfer::error::ErrorKind;

use super::super::lab::{mysql, postgresql, query, table};
use super::Bench;
use crate::support::servers::mysql_sources;

const MODES: [LoadMode; 2] = [LoadMode::Replace, LoadMode::InsertDirect];

const SOURCE: &str = r#"
    create extension hstore; create extension citext;
    create type mood as enum ('ok', 'い');
    create domain positive as int check (value > 0);
    create table source (
        id int primary key, b boolean, i2 smallint, i4 int, i8 bigint, f4 real, f8 double precision,
        n numeric, n2 numeric(12,2), m money, c char(5), v varchar(40), t text collate "C", e mood, ci citext,
        dom positive, u uuid, j json, jb jsonb, da date, tm time, tz timetz, ts timestamp, tstz timestamptz,
        b1 bit(1), b3 bit(3), vb bit varying(9), by bytea, iv interval, ip inet, mac macaddr, hs hstore, ai int[],
        ta text[], r int4range, x xml, p point, ba bytea[]);
    insert into source values
        (1, false, -32768, -2147483648, -9223372036854775808, -1.2345, -1.7976931348623157e308,
         -123456789012345678901234567890.000000000000000000001, -0.01, '-92233720368547758.08', '', '', '', 'ok', '',
         1, '00000000-0000-0000-0000-000000000000', '{ "b" : [1, 2.50] ,"a":null }', '{ "b" : [1, 2.50] ,"a":null }',
         '0001-01-01', '00:00:00', '00:00:00+14', '0001-01-01 00:00:00', '1970-01-01 00:00:00.000001Z',
         '0', '000', '', '', '-178000000 years', '::', '08:00:2b:01:02:03', '', '{}', '{}', 'empty', '', '(0,0)', '{}'),
        (2, true, 32767, 2147483647, 9223372036854775807, 1.2345, 5e-324,
         0.5, 9999999999.99, '92233720368547758.07', 'ab', E'tab\there \\ "q"', E'日本😀\r\nline\\n\\N\\.', 'い', 'N',
         2147483647, 'ffffffff-ffff-ffff-ffff-ffffffffffff', '"s"', '1e3',
         '9999-12-31', '23:59:59.999999', '12:34:56.789012-03:30', '9999-12-31 23:59:59.999999',
         '9999-12-31 23:59:59.999999Z', '1', '001', '10101', '\x00ff5c6e0a0d09', '1 mon -3 days 04:05:06.789',
         '10.0.0.1/8', '08:00:2b:01:02:03', 'a=>b, "c d"=>NULL', '{1,NULL,-3}', '{{"a b",NULL},{"","q\"\\,"}}',
         '[1,10)', '<a>é</a>', '(1.5,-2)', array['\x00'::bytea]),
        (4, null, null, null, null, 'NaN', 'Infinity', 0, 0.00, 0, '\.', '\N', '\.', null, '\t', null, null, 'null',
         'null', '0044-03-15 BC', null, null, '0044-03-15 12:00:00 BC', '0044-03-15 12:00:00Z BC', null, null, null,
         null, '0', null, null, null, null, null, null, null, null, null);
    insert into source (id) values (3);
"#;

/// Rows of one table that the other does not have, by the text of each value.
const DIFFERENT: &str = "select s.id, k.key from source s join t o on o.id = s.id, \
     lateral jsonb_each_text(to_jsonb(s)) k, lateral jsonb_each_text(to_jsonb(o)) p \
     where p.key = k.key and k.value is distinct from p.value order by 1, 2";

#[test]
fn a_table_of_the_same_types_gets_the_same_values() {
    for mode in MODES {
        let Some(bench) = Bench::new() else { return };
        bench.database.run(SOURCE);
        bench.database.run("create table t (like source)");
        let mut output = bench.output(mode.clone());
        output.load.types = TypeMapping::Exact;
        let source = || InputConfig::Postgresql(postgresql(&bench.database, table("source")));
        bench.load(source(), &output).unwrap();
        assert_eq!(bench.rows(DIFFERENT), [""; 0], "{mode:?}");
        assert_eq!(bench.rows("select count(*) from t"), ["4"]);
        assert_eq!(
            bench.rows("select id, j::text, f4, f8, t, by from t where id in (2, 4) order by id"),
            ["2|\"s\"|1.2345|5e-324|日本😀\r\nline\\n\\N\\.|\\x00ff5c6e0a0d09", "4|null|NaN|Infinity|\\.|-"]
        );
    }
}

#[test]
fn new_tables_have_exact_types_and_the_same_values() {
    let Some(bench) = Bench::new() else { return };
    bench.database.run(SOURCE);
    let mut output = bench.output(LoadMode::Replace);
    output.load.types = TypeMapping::Exact;
    let columns = "id, b, i2, i4, i8, f4, f8, n, n2, c, v, t, u, j, da, tm, ts, tstz, by, iv";
    let source = query(&format!("select {columns} from source order by id"));
    bench.load(InputConfig::Postgresql(postgresql(&bench.database, source)), &output).unwrap();
    assert_eq!(bench.rows(DIFFERENT), [""; 0]);
    assert_eq!(
        bench.columns(),
        [
            "id|bigint",
            "b|boolean",
            "i2|bigint",
            "i4|bigint",
            "i8|bigint",
            "f4|real",
            "f8|double precision",
            "n|numeric",
            "n2|numeric(12,2)",
            "c|text",
            "v|text",
            "t|text",
            "u|text",
            "j|json",
            "da|date",
            "tm|time without time zone",
            "ts|timestamp without time zone",
            "tstz|timestamp with time zone",
            "by|bytea",
            "iv|text"
        ]
    );
}

#[test]
fn new_tables_have_embulks_types() {
    let Some(bench) = Bench::new() else { return };
    bench.database.run(SOURCE);
    let source = query("select id, b, n, n2, j, da, tm, ts, tstz, t from source where id = 2");
    let source = || InputConfig::Postgresql(postgresql(&bench.database, source.clone()));
    let mut output = bench.output(LoadMode::Replace);
    bench.load(source(), &output).unwrap();
    assert_eq!(
        bench.columns(),
        [
            "id|bigint",
            "b|boolean",
            "n|double precision",
            "n2|double precision",
            "j|json",
            "da|timestamp without time zone",
            "tm|timestamp without time zone",
            "ts|timestamp without time zone",
            "tstz|timestamp without time zone",
            "t|text"
        ]
    );
    let row = "2|t|0.5|9999999999.99|\"s\"|9999-12-31 00:00:00|1970-01-01 23:59:59.999|9999-12-31 23:59:59.999999|\
               9999-12-31 23:59:59.999999|日本😀\r\nline\\n\\N\\.";
    assert_eq!(bench.rows("select * from t"), [row]);

    // Instants are shown by the clock of a zone.
    output.load.default_timezone = Zone::embulk("Asia/Tokyo").unwrap();
    let zone = |name: &str| Some(Zone::embulk(name).unwrap());
    let text = |format: &str, timezone: Option<Zone>| SqlColumnOption {
        sql_type: Some("TEXT".to_owned()),
        value_type: SentAs::Column,
        timestamp_format: Some(format.to_owned()),
        timezone,
        ..SqlColumnOption::silent()
    };
    let typed = |sql_type: &str, value_type: SentAs| SqlColumnOption {
        sql_type: Some(sql_type.to_owned()),
        value_type,
        timestamp_format: None,
        timezone: None,
        ..SqlColumnOption::silent()
    };
    output.load.column_options = vec![
        ("at".to_owned(), text("%Y/%m/%d %H:%M %z", None)),
        ("there".to_owned(), text("%H:%M", zone("America/New_York"))),
        ("instant".to_owned(), typed("TIMESTAMPTZ", SentAs::Column)),
        ("day".to_owned(), typed("DATE", SentAs::Column)),
        ("clock".to_owned(), typed("TIME", SentAs::Column)),
        ("as_text".to_owned(), typed("VARCHAR(40)", SentAs::Date)),
        ("never".to_owned(), typed("INT", SentAs::Null)),
        ("whole".to_owned(), typed("INT", SentAs::Column)),
        ("yes".to_owned(), typed("SMALLINT", SentAs::Column)),
    ];
    let moment = "timestamptz '2024-07-01 20:30:00Z'";
    let source = format!(
        "select {moment} as at, {moment} as there, {moment} as instant, {moment} as day, {moment} as clock, \
         {moment} as as_text, 5 as never, 12.00 as whole, true as yes, {moment} as usual"
    );
    let source = InputConfig::Postgresql(postgresql(&bench.database, query(&source)));
    bench.load(source, &output).unwrap();
    assert_eq!(
        bench.rows("select at, there, instant at time zone 'UTC', day, clock, as_text, never, whole, yes, usual from t"),
        ["2024/07/02 05:30 +0900|16:30|2024-07-01 20:30:00|2024-07-02|05:30:00|2024-07-02|-|12|1|2024-07-02 05:30:00"]
    );
}

#[test]
fn a_number_with_a_fraction_is_no_whole_one() {
    let Some(bench) = Bench::new() else { return };
    bench.database.run("create table t (n int)");
    let error = bench.sql("select 1.5 as n", &bench.output(LoadMode::Insert)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Data);
    let said = error.to_string();
    assert!(said.contains("column `n`, row 1: "), "{said}");
}

/// Every value of the source's own making, a hundred thousand rows of each type.
#[test]
fn random_values_come_back_equal() {
    let Some(bench) = Bench::new() else { return };
    bench.database.run(
        "create table source as select id, random() < 0.5 as b,
             ((random() - 0.5) * 65535)::int2 as i2, ((random() - 0.5) * 4294967295)::int4 as i4,
             ((random() - 0.5) * 1.8e19)::int8 as i8, ((random() - 0.5) * 10 ^ (random() * 70 - 35))::float4 as f4,
             (random() - 0.5) * 10 ^ (random() * 600 - 300) as f8,
             ((random() - 0.5) * 10 ^ (random() * 20))::numeric(38, 12) as n,
             (random() * 1e15)::numeric * (random() * 1e15)::numeric as big,
             (select string_agg(chr((1 + random() * 55294)::int), '') from generate_series(1, 8 + 0 * id)) as t,
             chr((1 + random() * 126)::int) as c, ('\\x' || md5(random()::text))::bytea as by,
             '0001-01-01'::date + (random() * 3652058)::int as da,
             time '00:00' + random() * interval '86399.999999 s' as tm,
             '0001-01-01'::timestamp + random() * interval '3652058 days' as ts,
             '0001-01-02'::timestamptz + random() * interval '3652056 days' as tstz,
             random() * interval '1000 days' as iv, gen_random_uuid() as u,
             json_build_object(random()::text, array[random()], 'k', md5(random()::text)) as j
         from generate_series(1, 100000) id;
         update source set b = null, i2 = null, t = null, by = null, ts = null, j = null where id % 13 = 0;
         create table t (like source)",
    );
    for (mode, types) in
        [(LoadMode::Replace, TypeMapping::Exact), (LoadMode::InsertDirect, TypeMapping::Embulk)]
    {
        let mut output = bench.output(mode);
        output.load.types = types;
        output.load.batch_bytes = 1 << 20;
        let columns = match types {
            TypeMapping::Exact => "*",
            // Embulk has no bytes and no intervals, and of a time it keeps milliseconds.
            TypeMapping::Embulk => "id, b, i2, i4, i8, f4, f8, n, big, t, c, da, ts, tstz, u, j",
        };
        bench.database.run("truncate t");
        let source = query(&format!("select {columns} from source"));
        let report =
            bench.load(InputConfig::Postgresql(postgresql(&bench.database, source)), &output).unwrap();
        assert_eq!(report.rows_loaded, Some(100_000));
        let same = columns.replace(", j", ", j::jsonb::text").replace(
            '*',
            "id, b, i2, i4, i8, f4, f8, n, big, t, c, by, \
             da, tm, ts, tstz, iv, u, j::text",
        );
        for (left, right) in [("source", "t"), ("t", "source")] {
            let different = format!("select {same} from {left} except all select {same} from {right}");
            assert_eq!(bench.rows(&format!("select count(*) from ({different}) x")), ["0"], "{types:?}");
        }
    }
}

#[test]
fn every_type_of_mysql_arrives() {
    for server in mysql_sources() {
        let Some(bench) = Bench::new() else { return };
        let source = server.fresh_database();
        source.run([
            "create table source (id int primary key, t1 tinyint(1), u bigint unsigned, d decimal(65,30), f float, \
             g double, bits bit(10), y year, da date, ti time(6), dt datetime(6), ts timestamp(6) null, c char(3), \
             tx longtext, e enum('a','い'), s set('x','y'), j json, bl longblob, bi varbinary(9)) charset utf8mb4",
            "set time_zone = '+00:00'",
            "insert into source values (1, 2, 18446744073709551615, 12345678901234567890123456789012345.123456789, \
             1.5, -1.7976931348623157e308, b'1000000001', 1901, '9999-12-31', '23:59:59.999999', \
             '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07', 'ab', '日本😀\\r\\n\\t\\\\', 'い', 'x,y', '{\"a\": [1]}', \
             x'00ff0a095c', x'')",
            "insert into source (id) values (2)",
        ]);
        let mut output = bench.output(LoadMode::Replace);
        output.load.types = TypeMapping::Exact;
        let input = || InputConfig::Mysql(mysql(&source, query("select * from source order by id")));
        bench.load(input(), &output).unwrap();
        assert_eq!(
            bench.rows(
                "select id, t1, u, d, f, g, bits, y, da, ti, dt, ts at time zone 'UTC', c, tx, e, s, j::text, bl, bi \
                 from t order by id"
            ),
            [
                "1|2|18446744073709551615|12345678901234567890123456789012345.123456789000000000000000000000|1.5|\
                 -1.7976931348623157e+308|513|1901|9999-12-31|23:59:59.999999|9999-12-31 23:59:59.999999|\
                 2038-01-19 03:14:07|ab|日本😀\r\n\t\\|い|x,y|{\"a\": [1]}|\\x00ff0a095c|\\x",
                "2|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-",
            ]
        );
        source.run(["update source set ti = '-838:59:59' where id = 2"]);
        let error = bench.load(input(), &output).unwrap_err();
        assert_eq!(
            error.to_string(),
            "column `ti`, row 2: a value is not a time of day (below 00:00:00 or beyond 23:59:59)"
        );
        bench.database.run("drop table t; create table t (ti interval)");
        output.load.mode = LoadMode::Insert;
        bench.load(input(), &output).unwrap();
        assert_eq!(bench.rows("select ti from t"), ["23:59:59.999999", "-838:59:59"]);
    }
}
