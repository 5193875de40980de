//! The bytes of files, pinned: an optimisation of a decoder or an encoder that changes one of them fails here.
//!
//! Tables of every type, with the limits, NULLs and thousands of rows that depend on nothing but their numbers, go into
//! files of each format under either mapping. What other tests compare with the source by meaning is compared here by
//! SHA-256 of the file without its compression. Of Parquet, whose bytes are the library's (it writes its version into
//! them), the schema and the rows count.
//!
//! Where a change is meant, the message has the new sums.

use std::fs::File;
use std::io::Read;

use flate2::read::GzDecoder;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::printer::print_schema;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::columns::{self, COLUMNS, PARSED, TABLE};
use super::transfer::Mapping;
use super::{postgres, random};
use crate::support::postgres::postgres_database;
use crate::support::sandbox::Sandbox;
use crate::support::servers::{self, MySqlDatabase};

/// A page holds some thousand rows of these tables.
const ROWS: usize = 5000;
/// Files have exact types in Parquet only.
const WAYS: [(&str, Mapping); 4] = [
    ("jsonl", Mapping::Embulk),
    ("csv", Mapping::Embulk),
    ("parquet", Mapping::Embulk),
    ("parquet", Mapping::Exact),
];

const MARIADB: [&str; 4] = [
    "f2b31f0b42b2af3aff9e065acf4a2c881028a405e46f8411d47fb35f2797caf9",
    "d992e2f1dedb2a454fd7f484777ff4540176550f248b4ffc5bdfc4b5a4f693b2",
    "325586e80341a659b72b814a82bedf81e7775903e279cc7bdce2d1f54e15cad7",
    "0bf0f0627b5277b0e094fd17766a9f97fa6e75abeb6acb9085491379ff958051",
];
const MYSQL: [&str; 4] = [
    "39c7105bc9d6e357f6a662ac5226e1d815593b8e43e75232b19b9597e16fb8bf",
    "fbedb46c9fc43358ad56f9f4645005479c74038d001de2e131c352cd00a26225",
    "5eec84c2335518a13441ac27418789573e0b0f83d66ffebed39cccb82cff9ce9",
    "49ebfa71f2c61d0f2c64ed37799cd9a816c2fe60b3c24a629a8edb0b847c8cdc",
];
const POSTGRESQL: [&str; 4] = [
    "288b350da64c239626ab666f5f407fe716a14392a547bb4b6858f2e793b19174",
    "e021f004c30e73c2cb61769ae1bfa2318c2f5d115aed2a23929fe4f6ac55fdd6",
    "b5c4dc29767e7f636272ebfa4e0e2960025ede8a29e8a54f9d4f9ebf98661651",
    "4521c624492e131734a1ef9bd215e9b77d0fa4dbdf33d2b7c1e99d93c45ceba5",
];

/// The sum of what is in a file.
fn sum(sandbox: &Sandbox, name: &str) -> String {
    let open = || File::open(sandbox.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut content = Vec::new();
    if name.ends_with(".parquet") {
        let file = SerializedFileReader::new(open()).expect("a Parquet file");
        print_schema(&mut content, file.metadata().file_metadata().schema());
        for row in file.get_row_iter(None).expect("rows") {
            content.extend_from_slice(format!("{}\n", row.expect("a row")).as_bytes());
        }
    } else if name.ends_with(".gz") {
        GzDecoder::new(open()).read_to_end(&mut content).expect("one gzip member");
    } else {
        open().read_to_end(&mut content).expect("it can be read");
    }
    let rows = content.iter().filter(|byte| **byte == b'\n').count();
    assert!(rows > ROWS, "{name}: {rows} lines");
    Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The sums of a table that is copied in every way.
fn sums(input: impl Fn(&str, Mapping) -> Value) -> [String; 4] {
    let sandbox = Sandbox::new();
    let copied = |(format, mapping): (&str, Mapping), extension: &str| {
        let mut output = json!({
            "type": "file", "path_prefix": "out", "file_ext": extension, "formatter": {"type": format},
        });
        if extension.ends_with(".gz") {
            output["encoders"] = json!([{"type": "gzip"}]);
        }
        if mapping == Mapping::Exact {
            output["types"] = json!("exact");
        }
        // JSON is YAML too.
        sandbox.write("golden.yml", &json!({"in": input(format, mapping), "out": output}).to_string());
        sandbox.run(["embulk", "run", "golden.yml"]).expect_code(0);
        sum(&sandbox, &format!("out000.00.{extension}"))
    };
    let sums = WAYS.map(|way| copied(way, way.0));
    for way in &WAYS[..2] {
        let packed = copied(*way, &format!("{}.gz", way.0));
        assert!(sums.contains(&packed), "{way:?} is something else when it is compressed");
    }
    sums
}

/// In place of each random number of a value one from 0 to 1 that depends on the row and the column alone.
fn fixed(value: &str, random: &str, number: impl Fn(usize) -> String) -> String {
    let mut parts = value.split(random);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.enumerate().fold(first, |text, (at, part)| text + &number(at) + part)
}

fn is_mariadb(database: &MySqlDatabase) -> bool {
    let version = database.rows("select version()");
    version[0][0].as_ref().is_some_and(|version| version.contains("MariaDB"))
}

fn fill_mysql(database: &MySqlDatabase) {
    // MySQL has 30 digits behind the point at most; the rest is rounded.
    let scale = if is_mariadb(database) { "38" } else { "30" };
    columns::make_with(database, |sql_type| sql_type.replace("(38, 38)", &format!("(38, {scale})")));
    let values = COLUMNS.iter().map(|column| {
        let name = column.name;
        let number =
            |at: usize| format!("(conv(left(sha2(concat(seq, '{name}{at}'), 256), 8), 16, 10) / 4294967296)");
        // MySQL 9 has no MD5.
        let value = random::value(name).replace("md5(rand())", "sha2(rand(), 256)");
        let value = fixed(&value, "rand()", number);
        format!(", if({} < 0.1, null, {value})", number(usize::MAX))
    });
    let digits = "(select 0 as n union select 1 union select 2 union select 3 union select 4 union select 5 union \
                  select 6 union select 7 union select 8 union select 9)";
    let numbers = format!(
        "select 10 + a.n + 10 * b.n + 100 * c.n + 1000 * d.n as seq \
         from {digits} a join {digits} b join {digits} c join {digits} d"
    );
    database.run([
        "set time_zone = '+00:00', sql_mode = ''".to_owned(),
        format!(
            "insert into {TABLE} select seq{} from ({numbers}) numbers where seq <= {ROWS} + 10 order by seq",
            values.collect::<String>()
        ),
    ]);
}

#[test]
fn files_of_mysql_and_mariadb_are_as_they_were() {
    let found = servers::mysql_sources().into_iter().map(|server| {
        let database = server.fresh_database();
        fill_mysql(&database);
        sums(|format, mapping| {
            let left_out: &[&str] = if format == "parquet" { &NOT_IN_PARQUET } else { &[] };
            let names: Vec<String> =
                columns::arriving(mapping, left_out).iter().map(|(name, _)| format!("`{name}`")).collect();
            json!({
                "type": "mysql", "host": server.host, "port": server.port, "user": server.user,
                "password": server.password, "database": database.name, "table": TABLE,
                "select": names.join(", "), "default_timezone": "Asia/Tokyo",
                "column_options": {PARSED: {"value_type": "json"}},
            })
        })
    });
    let found: Vec<[String; 4]> = found.collect();
    assert_eq!(found, [MARIADB, MYSQL][..found.len()], "now: {found:#?}");
}

/// Columns with values that Parquet has no type for: numbers that are true or false to Embulk, hours beyond a day.
const NOT_IN_PARQUET: [&str; 5] = ["flag", "unset", "bits", "all_bits", "span"];

/// Types that the random table lacks: type and value.
const FURTHER: [(&str, &str); 11] = [
    ("smallint", "(random() * 65535 - 32768)::int"),
    ("int", "(random() * 4294967295 - 2147483648)::bigint"),
    ("oid", "(random() * 4294967295)::bigint"),
    ("char(5)", "left(md5(random()::text), (random() * 5)::int)"),
    ("varchar(40)", "w()"),
    ("json", "json_build_object('k', w(), 'n', r())"),
    ("timetz", "('00:00'::time + random() * interval '1 day')::text || '+09'"),
    ("bit(3)", "(random() * 7)::int"),
    ("int[]", "array[1, null, r() % 1000]"),
    ("text[]", "array[w(), null, w()]"),
    (
        "float8",
        "(array['nan', 'infinity', '-0', '5e-324', '1.7976931348623157e308'])[1 + (random() * 4)::int]",
    ),
];

/// Numbers and texts that depend on a seed alone.
const FUNCTIONS: &str = "
    create function x(seed text) returns float8 language sql immutable as
        $$select ('x' || left(md5(seed), 8))::bit(32)::bigint / 4294967296.0::float8$$;
    create function r(seed text) returns bigint language sql immutable as
        $$select ('x' || left(md5(seed), 16))::bit(64)::bigint$$;
    create function w(seed text) returns text language sql immutable as $$
        select coalesce(string_agg((array['a', ' ', '\"', '''', E'\\\\', E'\\t', E'\\n', ',', '{', '日', '😀', '<'])
            [1 + floor(x(seed || n) * 12)::int], '' order by n), '')
        from generate_series(1, floor(x(seed) * 12)::int) n
    $$;";

#[test]
fn files_of_postgresql_are_as_they_were() {
    let Some(database) = postgres_database() else { return };
    let known =
        postgres::COLUMNS.iter().map(|column| (column.sql_type, column.value, column.embulk.is_some()));
    let further = FURTHER.iter().map(|(sql_type, value)| (*sql_type, *value, true));
    let all: Vec<(&str, &str, bool)> = known.chain(further).collect();
    let types: String =
        all.iter().enumerate().map(|(at, (sql_type, ..))| format!(", c{at} {sql_type}")).collect();
    let values = all.iter().enumerate().map(|(column, (sql_type, value, _))| {
        let seed = |kind: &str, at: usize| format!("i || '{kind}{column}/{at}/'");
        let value = fixed(value, "random()", |at| format!("x({})", seed("x", at)));
        let value = fixed(&value, "gen_random_uuid()", |at| format!("md5({})", seed("u", at)));
        let value = fixed(&value, "w()", |at| format!("w({})", seed("w", at)));
        let value = fixed(&value, "r()", |at| format!("r({})", seed("r", at)));
        format!(", case when x({}) < 0.9 then ({value})::{sql_type} end", seed("null", 0))
    });
    database.run(&format!(
        "set time zone 'UTC'; {FUNCTIONS} create table t (id int primary key{types}); \
         insert into t select i{} from generate_series(1, {ROWS}) i; insert into t values (0); \
         alter database {} set timezone = 'UTC'",
        values.collect::<String>(),
        database.name
    ));
    let found = sums(|format, mapping| {
        let arrives = |sql_type: &str, is_embulks: bool| match format {
            // It has no NaN.
            "jsonl" if sql_type == "float8" => false,
            _ => is_embulks || mapping == Mapping::Exact,
        };
        let names =
            all.iter().enumerate().filter(|(_, (sql_type, _, is_embulks))| arrives(sql_type, *is_embulks));
        let names: String = names.map(|(at, _)| format!(", c{at}")).collect();
        json!({
            "type": "postgresql", "host": database.host, "port": database.port, "user": database.user,
            "database": database.name, "query": format!("select id{names} from t order by id"),
            "default_timezone": "Asia/Tokyo",
        })
    });
    assert_eq!(found, POSTGRESQL, "now: {found:#?}");
}
