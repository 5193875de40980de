//! Two thousand random values of every type of MariaDB, loaded by the emulators: under both mappings, in every format
//! and in the one that is chosen where none is written.

use super::columns::{self, COLUMNS, TABLE};
use super::emulators::load;
use super::transfer::{ALL_FORMATS, MAPPINGS};
use crate::support::google::FakeGoogle;
use crate::support::servers::{self, MySqlDatabase};

const ROWS: usize = 2000;

/// 64 random bits.
const BITS: &str = "cast(conv(left(md5(rand()), 16), 16, 10) as unsigned)";
/// A text of up to eight pieces that mean something somewhere.
const WORDS: &str = "left(concat(PIECE, PIECE, PIECE, PIECE, PIECE, PIECE, PIECE, PIECE), floor(rand() * 9))";
const PIECE: &str = "elt(1 + floor(rand() * 20), 'a', 'Z', ' ', '\"', '\\'', '\\\\', ',', ';', '\\t', '\\n', '\\r\\n', '|', \
                     '日', '🍣', 'é', '<', '{', '\\\\N', 'null', '0')";
const BYTES: &str = "left(unhex(md5(rand())), floor(rand() * 17))";
const DIGITS: &str = "lpad(floor(rand() * 1e13), 13, '0')";

/// A random value of a column, as SQL.
pub(super) fn value(column: &str) -> String {
    let integer = |least: &str, count: &str| format!("{least} + floor(rand() * {count})");
    let sql = match column {
        "tiny" => integer("-128", "256"),
        "tiny_unsigned" => integer("0", "256"),
        "flag" | "unset" => integer("-2", "5"),
        "small" => integer("-32768", "65536"),
        "small_unsigned" => integer("0", "65536"),
        "medium" => integer("-8388608", "16777216"),
        "medium_unsigned" => integer("0", "16777216"),
        "plain" => integer("-2147483648", "4294967296"),
        "plain_unsigned" => integer("0", "4294967296"),
        "big" => format!("cast({BITS} as signed)"),
        "big_unsigned" => format!("{BITS} >> 1"),
        "huge" | "all_bits" => BITS.to_owned(),
        "money" => "(rand() - 0.5) * 1e8".to_owned(),
        "ledger" => "concat(if(rand() < 0.5, '-', ''), DIGITS, DIGITS, '123.', left(DIGITS, 9))".to_owned(),
        "share" => "concat(if(rand() < 0.5, '-', ''), '0.', DIGITS, DIGITS, left(DIGITS, 12))".to_owned(),
        "digits" => {
            "concat('-', DIGITS, DIGITS, left(DIGITS, 9), '.', DIGITS, DIGITS, left(DIGITS, 4))".to_owned()
        }
        "giant" => "concat('9', DIGITS, DIGITS, DIGITS, DIGITS, left(DIGITS, 12))".to_owned(),
        // What the server prints of a FLOAT has six digits.
        "single" => "round((rand() - 0.5) * 2000, 1)".to_owned(),
        "twice" => "(rand() - 0.5) * pow(10, floor(rand() * 600) - 300)".to_owned(),
        "fraction" => "rand() * 1000 - 500".to_owned(),
        "fixed" => "left(md5(rand()), floor(rand() * 9))".to_owned(),
        "words" | "body" => WORDS.to_owned(),
        "choice" => "elt(1 + floor(rand() * 2), 'red', '青')".to_owned(),
        "several" => "elt(1 + floor(rand() * 4), '', 'x', 'y', 'x,y')".to_owned(),
        "document" | columns::PARSED => {
            format!(
                "json_object('k', {WORDS}, 'n', floor(rand() * 1e6), 'a', json_array(null, true, {WORDS}))"
            )
        }
        "day" | "today" => "date_add('1000-01-01', interval floor(rand() * 3287181) day)".to_owned(),
        "moment" => "timestampadd(microsecond, floor(rand() * 2.8e17), '1000-01-01')".to_owned(),
        "second" => "timestampadd(second, floor(rand() * 2.8e11), '1000-01-01')".to_owned(),
        "instant" => "timestampadd(microsecond, 1000000 + floor(rand() * 2e15), '1970-01-01')".to_owned(),
        "clock" => "sec_to_time(floor(rand() * 86400) + floor(rand() * 1000000) / 1000000)".to_owned(),
        "span" => "sec_to_time(floor((rand() - 0.5) * 6000000))".to_owned(),
        "born" => integer("1901", "255"),
        "bit_one" => integer("0", "2"),
        "bits" => integer("0", "512"),
        "bytes" | "short_blob" | "blob_column" => BYTES.to_owned(),
        "padded" => format!("left({BYTES}, 4)"),
        "long_blob" => format!("concat({BYTES}, {BYTES}, x'0a0d00')"),
        other => panic!("no random value for `{other}`"),
    };
    sql.replace("PIECE", PIECE).replace("DIGITS", DIGITS)
}

/// The table of every type with random rows; each tenth cell is NULL.
fn make(database: &MySqlDatabase) {
    columns::make(database);
    let values: String =
        COLUMNS.iter().map(|column| format!(", if(rand() < 0.1, null, {})", value(column.name))).collect();
    database.run([
        format!("delete from {TABLE}"),
        "set time_zone = '+00:00', sql_mode = ''".to_owned(),
        format!("insert into {TABLE} select seq{values} from seq_1_to_{ROWS}"),
    ]);
}

#[test]
fn random_values_arrive_in_every_format() {
    let Some(server) = servers::mariadb() else { return };
    let database = server.fresh_database();
    make(&database);
    let mut found = Vec::new();
    for emulator in servers::bigquery_emulators() {
        let Some(google) = FakeGoogle::before(&emulator) else { return };
        for way in MAPPINGS.into_iter().flat_map(|mapping| ALL_FORMATS.map(|format| (mapping, format))) {
            let place = format!("{:?} {way:?}", emulator.kind);
            match load(&database, &google, emulator.kind, way) {
                Ok(loaded) => {
                    found.extend(loaded.differences.iter().take(5).map(|one| format!("{place}: {one}")));
                }
                Err(said) => found.push(format!("{place}: {said}")),
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}
