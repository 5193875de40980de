//! Every type of MariaDB at its limits: what each column becomes in BigQuery under either mapping, and what its cells
//! must be.

use super::cells::Kind;
use super::transfer::Mapping;
use crate::support::servers::MySqlDatabase;

/// A column of the source.
pub struct Column {
    pub name: &'static str,
    sql_type: &'static str,
    low: &'static str,
    high: &'static str,
    embulk: Option<Arrives>,
    exact: Option<Arrives>,
}

/// What a column becomes.
#[derive(Clone, Copy)]
pub struct Arrives {
    pub kind: Kind,
    /// SQL of the source for the text of a cell; `{}` is the column.
    expected: &'static str,
}

/// The name of the table that holds them all.
pub const TABLE: &str = "every_type";
/// The column that `value_type: json` reads as JSON: to MariaDB it is text.
pub const PARSED: &str = "parsed";

const fn sql(kind: Kind, expected: &'static str) -> Option<Arrives> {
    Some(Arrives { kind, expected })
}

const fn of(kind: Kind) -> Option<Arrives> {
    sql(
        kind,
        match kind {
            Kind::Boolean => "if({} > 0 or {} = -1, 'true', 'false')",
            Kind::Timestamp => "timestampdiff(microsecond, '1970-01-01', {})",
            Kind::Datetime => "date_format({}, '%Y-%m-%dT%H:%i:%s.%f')",
            Kind::Time => "time_format({}, '%H:%i:%s.%f')",
            Kind::Bytes => "replace(to_base64({}), '\\n', '')",
            _ => "{}",
        },
    )
}

const fn column(
    name: &'static str,
    sql_type: &'static str,
    [low, high]: [&'static str; 2],
    [embulk, exact]: [Option<Arrives>; 2],
) -> Column {
    Column { name, sql_type, low, high, embulk, exact }
}

const INTEGER: [Option<Arrives>; 2] = [of(Kind::Integer), of(Kind::Integer)];
const FLOAT: [Option<Arrives>; 2] = [of(Kind::Float), of(Kind::Float)];
const STRING: [Option<Arrives>; 2] = [of(Kind::String), of(Kind::String)];
const BYTES: [Option<Arrives>; 2] = [None, of(Kind::Bytes)];
const BIT: Option<Arrives> = sql(Kind::Integer, "{} + 0");

const fn decimal(exact: Kind) -> [Option<Arrives>; 2] {
    [of(Kind::Float), of(exact)]
}

/// All columns but the key. Absent under a mapping: the type, or the value, is refused there (see `refusals`).
pub const COLUMNS: [Column; 44] = [
    column("tiny", "tinyint", ["-128", "127"], INTEGER),
    column("tiny_unsigned", "tinyint unsigned", ["0", "255"], INTEGER),
    column("flag", "tinyint(1)", ["-1", "2"], [of(Kind::Boolean), of(Kind::Integer)]),
    column("unset", "tinyint(1)", ["0", "-2"], [of(Kind::Boolean), of(Kind::Integer)]),
    column("small", "smallint", ["-32768", "32767"], INTEGER),
    column("small_unsigned", "smallint unsigned", ["0", "65535"], INTEGER),
    column("medium", "mediumint", ["-8388608", "8388607"], INTEGER),
    column("medium_unsigned", "mediumint unsigned", ["0", "16777215"], INTEGER),
    column("plain", "int", ["-2147483648", "2147483647"], INTEGER),
    column("plain_unsigned", "int unsigned", ["0", "4294967295"], INTEGER),
    column("big", "bigint", ["-9223372036854775808", "9223372036854775807"], INTEGER),
    column(
        "big_unsigned",
        "bigint unsigned",
        ["0", "9223372036854775807"],
        [of(Kind::Integer), of(Kind::Numeric)],
    ),
    column("huge", "bigint unsigned", ["1", "18446744073709551615"], [None, of(Kind::Numeric)]),
    column("money", "decimal(10, 2)", ["-99999999.99", "99999999.99"], decimal(Kind::Numeric)),
    column(
        "ledger",
        "decimal(38, 9)",
        ["-99999999999999999999999999999.999999999", "0.000000001"],
        decimal(Kind::Numeric),
    ),
    column(
        "share",
        "decimal(38, 38)",
        ["-0.99999999999999999999999999999999999999", "0.00000000000000000000000000000000000001"],
        decimal(Kind::Bignumeric),
    ),
    column(
        "digits",
        "decimal(65, 30)",
        [
            "-99999999999999999999999999999999999.999999999999999999999999999999",
            "0.000000000000000000000000000001",
        ],
        decimal(Kind::Bignumeric),
    ),
    column(
        "giant",
        "decimal(65, 0)",
        ["-99999999999999999999999999999999999999999999999999999999999999999", "1"],
        decimal(Kind::String),
    ),
    column("single", "float", ["-1.2345", "3.4e38"], [of(Kind::Single), of(Kind::Single)]),
    column("twice", "double", ["-1.7976931348623157e308", "2.2250738585072014e-308"], FLOAT),
    column("fraction", "double", ["0.1", "-123456789.123456789"], FLOAT),
    column("fixed", "char(8)", ["''", "'固定 🍣'"], STRING),
    column(
        "words",
        "varchar(200)",
        ["''", "'emoji 🍣👩‍👩‍👧 \\'quote\\' \"double\" back\\\\slash ; -- {{ }} %'"],
        STRING,
    ),
    column(
        "body",
        "longtext",
        ["' '", "'one\\ntwo\\r\\nthree\\tfour \\b < & > \\u2028 null NULL \\\\N'"],
        STRING,
    ),
    column("choice", "enum('red', '青')", ["'red'", "'青'"], STRING),
    column("several", "set('x', 'y')", ["''", "'x,y'"], STRING),
    column("document", "json", ["'[]'", "'{\"b\": 1, \"a\": [1.50, null, \"é\"]}'"], STRING),
    column(
        PARSED,
        "json",
        ["'[]'", "'{\"b\": 1, \"a\": [1.5, null, \"é 🍣 \\\\\" , \"]}'"],
        [of(Kind::JsonText), of(Kind::Json)],
    ),
    column("day", "date", ["'1000-01-01'", "'9999-12-31'"], [of(Kind::Timestamp), of(Kind::Date)]),
    column("today", "date", ["'1969-12-31'", "'2024-02-29'"], [of(Kind::Timestamp), of(Kind::Date)]),
    column(
        "moment",
        "datetime(6)",
        ["'1000-01-01 00:00:00.000001'", "'9999-12-31 23:59:59.999999'"],
        [of(Kind::Timestamp), of(Kind::Datetime)],
    ),
    column(
        "second",
        "datetime",
        ["'1969-12-31 23:59:59'", "'2026-03-29 02:30:00'"],
        [of(Kind::Timestamp), of(Kind::Datetime)],
    ),
    column(
        "instant",
        "timestamp(6) null",
        ["'1970-01-01 00:00:01.000001'", "'2038-01-19 03:14:07.999999'"],
        [of(Kind::Timestamp), of(Kind::Timestamp)],
    ),
    column(
        "clock",
        "time(6)",
        ["'00:00:00.000001'", "'23:59:59.999999'"],
        // Embulk drops the fraction.
        [sql(Kind::Timestamp, "floor(time_to_sec({})) * 1000000"), of(Kind::Time)],
    ),
    column(
        "span",
        "time",
        ["'-838:59:59'", "'838:59:58'"],
        // Embulk drops the sign and counts hours modulo 24.
        [sql(Kind::Timestamp, "mod(abs(time_to_sec({})), 86400) * 1000000"), None],
    ),
    column(
        "born",
        "year",
        ["1901", "2155"],
        [
            sql(Kind::Timestamp, "timestampdiff(microsecond, '1970-01-01', makedate({}, 1))"),
            of(Kind::Integer),
        ],
    ),
    column("bit_one", "bit(1)", ["b'0'", "b'1'"], [of(Kind::Boolean), BIT]),
    // Embulk looks at the first byte alone.
    column(
        "bits",
        "bit(9)",
        ["b'11111111'", "b'100000000'"],
        [sql(Kind::Boolean, "if({} >= 256, 'true', 'false')"), BIT],
    ),
    column(
        "all_bits",
        "bit(64)",
        ["b'0'", "0xffffffffffffffff"],
        // -1 and positive bytes are true, but for the digit 0.
        [
            sql(
                Kind::Boolean,
                "if({} >> 56 = 255 or ({} >> 56 between 1 and 127 and {} >> 56 <> 48), 'true', 'false')",
            ),
            sql(Kind::Numeric, "cast({} as unsigned)"),
        ],
    ),
    column("bytes", "varbinary(20)", ["''", "x'00ff80c3287f'"], BYTES),
    column("padded", "binary(4)", ["'a'", "x'ffffffff'"], BYTES),
    column("short_blob", "tinyblob", ["x'00'", "'text'"], BYTES),
    column("blob_column", "blob", ["''", "x'f09f8da3'"], BYTES),
    column("long_blob", "longblob", ["x'0a0d00'", "repeat(x'fe00', 5000)"], BYTES),
];

/// Makes the table: the lower limits, the upper ones, and a row with nothing but its key.
pub fn make(database: &MySqlDatabase) {
    make_with(database, str::to_owned);
}

/// The same where a server has other limits: what each type is written as.
pub fn make_with(database: &MySqlDatabase, written: impl Fn(&str) -> String) {
    let types = COLUMNS.iter().map(|column| format!(", `{}` {}", column.name, written(column.sql_type)));
    let row = |key: u8, value: fn(&Column) -> &'static str| {
        let values: String = COLUMNS.iter().map(|column| format!(", {}", value(column))).collect();
        format!("insert into {TABLE} values ({key}{values})")
    };
    database.run([
        format!("create table {TABLE} (id int primary key{})", types.collect::<String>()),
        row(1, |column| column.low),
        row(2, |column| column.high),
        format!("insert into {TABLE} (id) values (3)"),
    ]);
}

impl Column {
    /// What the column becomes; `None` where it is refused.
    pub fn under(&self, mapping: Mapping) -> Option<Arrives> {
        match mapping {
            Mapping::Embulk => self.embulk,
            Mapping::Exact => self.exact,
        }
    }
}

/// The columns that arrive under a mapping, the key first, without those that are left out.
pub fn arriving(mapping: Mapping, left_out: &[&str]) -> Vec<(&'static str, Arrives)> {
    let key = Arrives { kind: Kind::Integer, expected: "{}" };
    let all = COLUMNS.iter().filter_map(|column| Some((column.name, column.under(mapping)?)));
    std::iter::once(("id", key)).chain(all.filter(|(name, _)| !left_out.contains(name))).collect()
}

/// The cells that must arrive, as the source says, ordered by the key.
pub fn expected(database: &MySqlDatabase, columns: &[(&str, Arrives)]) -> Vec<Vec<Option<String>>> {
    let cell = |(name, arrives): &(&str, Arrives)| {
        let quoted = format!("`{name}`");
        format!("if({quoted} is null, null, {})", arrives.expected.replace("{}", &quoted))
    };
    let cells: Vec<String> = columns.iter().map(cell).collect();
    database.rows(&format!("select {} from {TABLE} order by id", cells.join(", ")))
}
