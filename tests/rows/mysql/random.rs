//! Random values of every type, made by the server and compared with what the server prints.

use mysql::prelude::Queryable;
use sync::embulk::config::TypeMapping;

use super::super::lab::{Lab, mysql, query};
use super::jsonl;
use crate::support::servers::{self, MySqlDatabase, MySqlServer};

/// Values of each type.
const ROWS: usize = 100_000;

/// A type, an expression for a random value of it, and the JSON that a value is to become.
type Column = (&'static str, &'static str, &'static str);

/// The number itself.
const NUMBER: &str = "COLUMN";
/// A text between quotes.
const QUOTED: &str = "concat('\"', convert(COLUMN using utf8mb4) collate utf8mb4_bin, '\"')";
/// A text with what JSON escapes.
const TEXT: &str = r#"concat('"', replace(replace(replace(replace(convert(COLUMN using utf8mb4) collate utf8mb4_bin, '\\', '\\\\'), '"', '\\"'), '\n', '\\n'),
    '\t', '\\t'), '"')"#;

const BITS: &str = "(floor(rand() * 4294967296) << 32 | floor(rand() * 4294967296))";
const SIGNED: &str = "cast(BITS as signed)";
const DIGITS: &str = "lpad(BITS % 1000000000000000, 15, '0')";
const CHARACTERS: &str = r#"elt(1 + floor(rand() * 16), '', 'a', 'Z', ' ', '"', '''', '\\', '\n', '\t', ',', '日', '😀', 'é', '<', '%', '/')"#;
/// What Shift_JIS has, with the two characters whose second byte is a backslash.
const JAPANESE: &str = "elt(1 + floor(rand() * 10), '', 'a', '日', '本', 'ア', 'ｱ', '表', 'ソ', '髙', '①')";
const WESTERN: &str = "elt(1 + floor(rand() * 8), '', 'a', 'é', 'ÿ', '€', 'ß', '\\\\', '¥')";

const COLUMNS: [Column; 31] = [
    ("tinyint", "SIGNED % 128", NUMBER),
    ("tinyint unsigned", "BITS % 256", NUMBER),
    ("tinyint(1)", "floor(rand() * 2)", "elt(1 + COLUMN, 'false', 'true')"),
    ("smallint", "SIGNED % 32768", NUMBER),
    ("smallint unsigned", "BITS % 65536", NUMBER),
    ("mediumint", "SIGNED % 8388608", NUMBER),
    ("mediumint unsigned", "BITS % 16777216", NUMBER),
    ("int", "SIGNED % 2147483648", NUMBER),
    ("int unsigned zerofill", "BITS % 4294967296", "COLUMN + 0"),
    ("bigint", "SIGNED", NUMBER),
    ("bigint unsigned", "BITS", NUMBER),
    ("decimal(65,30)", "concat(if(rand() < 0.5, '-', ''), DIGITS, DIGITS, '.', DIGITS, DIGITS)", NUMBER),
    ("decimal(12,2) unsigned zerofill", "BITS % 1000000000000 / 100", "COLUMN + 0"),
    ("decimal(20,0)", "concat(if(rand() < 0.5, '-', ''), DIGITS)", NUMBER),
    ("bit(1)", "BITS % 2", "elt(1 + COLUMN, 'false', 'true')"),
    ("bit(33)", "BITS % 8589934592", "COLUMN + 0"),
    ("bit(64)", "BITS", "cast(COLUMN as unsigned)"),
    ("char(12)", "concat(CHARACTERS, CHARACTERS, 'x')", TEXT),
    ("varchar(40)", "concat(CHARACTERS, CHARACTERS, CHARACTERS, CHARACTERS, CHARACTERS, CHARACTERS)", TEXT),
    ("longtext", "repeat(concat(CHARACTERS, CHARACTERS), floor(rand() * 20))", TEXT),
    ("varchar(40) character set cp932", "concat(JAPANESE, JAPANESE, JAPANESE, JAPANESE)", TEXT),
    ("varchar(40) character set latin1", "concat(WESTERN, WESTERN, WESTERN)", TEXT),
    ("varchar(40) character set utf16", "concat(CHARACTERS, CHARACTERS)", TEXT),
    ("enum('','a','い','x y')", "1 + floor(rand() * 4)", QUOTED),
    ("set('a','い','x y')", "floor(rand() * 8)", QUOTED),
    (
        "varbinary(30)",
        "substr(unhex(sha2(rand(), 256)), 1, floor(rand() * 17))",
        "concat('\"', to_base64(COLUMN), '\"')",
    ),
    ("date", "'0001-01-01' + interval floor(rand() * 3652059) day", QUOTED),
    (
        "datetime(6)",
        "cast('0001-01-01' + interval floor(rand() * 3652058) day as datetime) \
        + interval floor(rand() * 86400000000) microsecond",
        QUOTED,
    ),
    (
        "timestamp(6) null",
        "from_unixtime(1 + floor(rand() * 2147483646)) + interval floor(rand() * 1000000) microsecond",
        "concat('\"', COLUMN, ' +00:00\"')",
    ),
    ("time(6)", "sec_to_time(rand() * 6040798 - 3020399)", QUOTED),
    ("year", "1901 + floor(rand() * 255)", NUMBER),
];

/// JSON, which MySQL keeps in a form of its own and MariaDB as text.
fn json(server: &MySqlServer) -> Column {
    let is_mariadb =
        server.fresh_database().rows("select version() like '%MariaDB%'")[0][0].as_deref() == Some("1");
    let compact = "replace(replace(COLUMN, ', ', ','), ': ', ':')";
    let value =
        "json_object('a', SIGNED, concat('b', CHARACTERS), json_array(CHARACTERS, null, rand(), true))";
    ("json", value, if is_mariadb { TEXT } else { compact })
}

/// With the expressions that stand for others.
fn spelled(sql: &str) -> String {
    let mut sql = sql.to_owned();
    for (name, text) in [
        ("SIGNED", SIGNED),
        ("DIGITS", DIGITS),
        ("BITS", BITS),
        ("CHARACTERS", CHARACTERS),
        ("JAPANESE", JAPANESE),
        ("WESTERN", WESTERN),
    ] {
        sql = sql.replace(name, text);
    }
    sql
}

/// A table `v` with a key, a column `c0`, `c1`, … of each type, and NULL in a tenth of the cells.
fn filled(server: &MySqlServer, columns: &[Column]) -> MySqlDatabase {
    let database = server.fresh_database();
    let types: Vec<_> = columns.iter().enumerate().map(|(at, (kind, ..))| format!("c{at} {kind}")).collect();
    let values: Vec<_> =
        columns.iter().map(|(_, value, _)| format!("if(rand() < 0.1, null, {})", spelled(value))).collect();
    let digits: Vec<_> = (0..10).map(|digit| format!("select {digit} as d")).collect();
    let digits = digits.join(" union all ");
    database.run([
        format!("create table v (i int primary key, {}) character set utf8mb4", types.join(", ")),
        "set time_zone = '+00:00'".to_owned(),
        format!("create table digits as {digits}"),
        format!(
            "insert into v select a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d, {} \
             from digits a, digits b, digits c, digits d, digits e",
            values.join(", ")
        ),
    ]);
    database
}

#[test]
fn random_values_are_what_the_server_prints() {
    for server in servers::mysql_sources() {
        let columns: Vec<Column> = COLUMNS.into_iter().chain([json(&server)]).collect();
        let database = filled(&server, &columns);
        let input = mysql(&database, query("select * from v order by i"));
        let written = jsonl(&Lab::new(), &input, TypeMapping::Exact).unwrap();
        let cells: Vec<_> = columns
            .iter()
            .enumerate()
            .map(|(at, (_, _, json))| {
                let value = json.replace("COLUMN", &format!("c{at}"));
                format!("'\"c{at}\":', ifnull({value}, 'null')")
            })
            .collect();
        let mut conn = database.connect();
        conn.query_drop("set time_zone = '+00:00'").unwrap();
        let sql =
            format!("select concat('{{\"i\":', i, ',', {}, '}}') from v order by i", cells.join(", ',', "));
        let printed: Vec<String> = conn.query(sql).unwrap();
        assert_eq!(printed.len(), ROWS);
        for (line, printed) in written.lines().zip(&printed) {
            assert_eq!(line, printed);
        }
        assert_eq!(written.lines().count(), ROWS);
    }
}

#[test]
fn random_floats_are_those_of_the_server() {
    for server in servers::mysql_sources() {
        let columns = [
            ("float", "(rand() - 0.5) * pow(10, floor(rand() * 76) - 38)", ""),
            ("double", "(rand() - 0.5) * pow(10, floor(rand() * 600) - 300)", ""),
        ];
        let database = filled(&server, &columns);
        let input = mysql(&database, query("select c0, c1 from v order by i"));
        let written = jsonl(&Lab::new(), &input, TypeMapping::Exact).unwrap();
        // FLOAT itself is printed with six digits.
        let printed = database.rows("select cast(c0 as double), c1 from v order by i");
        assert_eq!(written.lines().count(), ROWS);
        for (line, printed) in written.lines().zip(&printed) {
            let (c0, c1) = line.strip_prefix("{\"c0\":").unwrap().split_once(",\"c1\":").unwrap();
            for (cell, printed) in [c0, c1.trim_end_matches('}')].into_iter().zip(printed) {
                match printed {
                    None => assert_eq!(cell, "null"),
                    Some(printed) => assert_eq!(
                        cell.parse::<f64>().unwrap().to_bits(),
                        printed.parse::<f64>().unwrap().to_bits(),
                        "{cell} is not {printed}"
                    ),
                }
            }
        }
    }
}
