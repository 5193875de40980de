use super::super::lab::*;
use super::*;
use crate::support::servers;
use sync::embulk::input::ValueType;

#[test]
fn probe() {
    for server in servers::mysql_sources() {
        let database = server.fresh_database();
        println!("== {:?}", database.rows("select version(), @@time_zone, @@sql_mode"));
        let run = |setup: &[&str], sql: Option<&str>| {
            let mut conn = database.connect();
            use mysql::prelude::Queryable;
            let _ = conn.query_drop("drop table if exists t");
            for s in setup {
                if let Err(e) = conn.query_drop(s) { println!("   {s}: {e}"); return; }
            }
            let selection = match sql { Some(s) => query(s), None => table("t") };
            let input = mysql(&database, selection);
            println!("{:?} {:?}", setup.first(), sql);
            for types in [TypeMapping::Exact, TypeMapping::Embulk] {
                println!("   {:?}", jsonl(&Lab::new(), &input, types));
            }
            let mut s = input.clone();
            s.column_options = vec![value_type("c", ValueType::String)];
            println!("   string {:?}", jsonl(&Lab::new(), &s, TypeMapping::Embulk));
        };
        for kind in ["point", "geometry", "linestring", "geometrycollection"] {
            run(&[&format!("create table t (c {kind})"), "insert into t values (ST_GeomFromText('POINT(1 2)'))"], None);
        }
        for cs in ["latin1", "sjis", "cp932", "ujis", "eucjpms", "utf16", "utf16le", "utf32", "ucs2", "utf8mb3", "gbk", "gb18030", "big5", "euckr", "ascii", "binary", "cp1251", "koi8r", "latin2", "tis620"] {
            run(&[&format!("create table t (c varchar(20) character set {cs})"), "insert ignore into t values ('aé日本~\\\\Я')"], None);
        }
        for (kind, v) in [("uuid", "'123e4567-e89b-12d3-a456-426655440000'"), ("inet4", "'1.2.3.4'"), ("inet6", "'::1'"), ("vector(3)", "to_vector('[1,2,3.5]')"), ("binary(16)", "uuid_to_bin(uuid())"), ("year", "0"), ("year", "1970"), ("bit(64)", "b'1111111111111111111111111111111111111111111111111111111111111111'"), ("bit(1)", "b'0'"), ("json", "'{\"b\":1.50,\"a\":18446744073709551615}'"), ("time", "'838:59:59'"), ("set('a','b,c')", "'a'") , ("char(3) character set utf8mb4 collate utf8mb4_bin", "'a'"), ("tinyint(1) zerofill", "3"), ("tinyint(3) zerofill", "3"), ("int(5) zerofill", "3"), ("decimal(10,2) zerofill", "3"),("decimal(65,0)", "1"),("decimal(65,30)", "1"),("decimal(5,0) unsigned", "1"),("double(5,2)", "1.5"),("float(5,2)", "1.5"), ("float(53)", "1.5"), ("bool", "2"), ("serial", "1"), ("nchar(2)", "'x'"), ("long varchar", "'x'"), ("long varbinary", "'x'"), ("datetime", "'0000-00-00'"), ("xmltype", "'<a/>'")] {
            run(&["set sql_mode=''", &format!("create table t (c {kind})"), &format!("insert into t values ({v})")], None);
        }
        run(&["create table t (a int, c int invisible default 5, g int generated always as (a*2) stored, v int as (a+1) virtual)", "insert into t(a) values (1)"], None);
        run(&["create table t (a int, c int invisible default 5)", "insert into t(a) values (1)"], Some("select a, c from t"));
        run(&["create table t (a int) with system versioning", "insert into t(a) values (1)", "update t set a = 2"], None);
        run(&["create table t (a int) with system versioning", "insert into t(a) values (1)", "update t set a = 2"], Some("select a, row_start is not null c from t for system_time all"));
        for sql in ["select _latin1'\\xe9' as c", "select _binary'abc' as c", "select cast('a' as binary) c", "select x'c3' as c", "select convert(x'e9' using latin1) c", "select 1 as c, 2 as c", "select 1+1", "select null c", "select true c", "select 1.5 c", "select 1e0 c", "select now(6) > 0 c", "select count(*) c from information_schema.tables where 1=0", "select sum(1) c", "select avg(1) c", "select 18446744073709551615 c", "select 9223372036854775807+0 c", "select -1 c", "select date('2020-01-01') c", "select time('10:00') c", "select timediff('10:00','12:00') c", "select 'a' c", "select group_concat('a') c", "select if(1,1,'a') c", "select json_object('a',1) c", "select cast(1 as char) c", "select cast(1 as unsigned) c", "select year(now()) c", "select uuid() = '' c", "select @x c", "select database() = '' c", "show tables", "select b'1' c", "select b'101' | 0 c", "select timestamp('2020-01-01 00:00:00') c", "select str_to_date('2020-01-01','%Y-%m-%d') c", "select cast('2020-01-01' as datetime(3)) c", "with x as (select 1 as c) select * from x", "values row(1)", "values (1)", "table t", "select 1 as c; select 2 as c", "select 1 as c;", "call nothing()", "explain select 1", "select 1 as `a``b`, 2 as `x.y`, 3 as `日`, 4 as ` `"] {
            run(&["create table t (a int)"], Some(sql));
        }
    }
}
