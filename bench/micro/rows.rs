//! Rows of a shop's orders (as in `bench/tables`), as MySQL sends them: the same ones every time.

use sync::cloud::mysql::{Column, ColumnFlags, ColumnType};
use sync::transfer::input::mysql::bench::RowDecoder;
use sync::transfer::page::Page;

/// utf8mb4_general_ci.
const UTF8: u16 = 45;
/// No charset: numbers, dates.
const BINARY: u16 = 63;
/// Rows of a page: some 256 KiB, where the input ends one.
pub const ROWS: usize = 1200;

/// How the server describes the columns.
pub fn columns() -> Vec<Column> {
    use ColumnType as Type;
    let unsigned = ColumnFlags::UNSIGNED_FLAG;
    let none = ColumnFlags::empty();
    [
        ("id", Type::MYSQL_TYPE_LONGLONG, none, 20, 0),
        ("user_id", Type::MYSQL_TYPE_LONGLONG, unsigned, 20, 0),
        ("shop_id", Type::MYSQL_TYPE_LONG, none, 11, 0),
        ("quantity", Type::MYSQL_TYPE_LONG, none, 11, 0),
        ("is_gift", Type::MYSQL_TYPE_TINY, none, 1, 0),
        ("price", Type::MYSQL_TYPE_NEWDECIMAL, none, 14, 2),
        ("discount", Type::MYSQL_TYPE_NEWDECIMAL, none, 14, 2),
        ("score", Type::MYSQL_TYPE_DOUBLE, none, 22, 31),
        ("title", Type::MYSQL_TYPE_VAR_STRING, none, 256, 0),
        ("memo", Type::MYSQL_TYPE_VAR_STRING, none, 1020, 0),
        ("email", Type::MYSQL_TYPE_VAR_STRING, none, 256, 0),
        ("status", Type::MYSQL_TYPE_VAR_STRING, none, 64, 0),
        ("created_at", Type::MYSQL_TYPE_DATETIME, none, 26, 6),
        ("updated_at", Type::MYSQL_TYPE_TIMESTAMP, none, 19, 0),
        ("order_date", Type::MYSQL_TYPE_DATE, none, 10, 0),
        ("attrs", Type::MYSQL_TYPE_JSON, none, u32::MAX, 0),
    ]
    .map(|(name, kind, flags, length, decimals)| {
        let is_text = matches!(kind, Type::MYSQL_TYPE_VAR_STRING | Type::MYSQL_TYPE_JSON);
        Column::new(kind)
            .with_name(name.as_bytes())
            .with_flags(flags)
            .with_column_length(length)
            .with_character_set(if is_text { UTF8 } else { BINARY })
            .with_decimals(decimals)
    })
    .into()
}

/// Numbers without a pattern (xorshift64).
pub struct Random(u64);

impl Random {
    pub fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    /// From 0 up to, but without `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }
}

/// A row under way: values, and which of them are NULL.
struct Payload {
    nulls: [u8; 3],
    bytes: Vec<u8>,
    at: usize,
}

impl Payload {
    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.at += 1;
    }

    /// A text of less than 251 bytes, whose length is one.
    fn text(&mut self, text: &str) {
        self.bytes.push(text.len() as u8);
        self.put(text.as_bytes());
    }

    fn null(&mut self) {
        let bit = self.at + 2;
        self.nulls[bit / 8] |= 1 << (bit % 8);
        self.at += 1;
    }
}

/// Payloads of rows, from a row on.
pub fn payloads(random: &mut Random, from: u64) -> Vec<Vec<u8>> {
    (from..from + ROWS as u64).map(|id| payload(random, id)).collect()
}

fn payload(random: &mut Random, id: u64) -> Vec<u8> {
    let mut row = Payload { nulls: [0; 3], bytes: Vec::new(), at: 0 };
    row.put(&id.to_le_bytes());
    row.put(&random.below(10_000_000).to_le_bytes());
    row.put(&(random.below(5000) as u32).to_le_bytes());
    row.put(&(1 + random.below(9) as u32).to_le_bytes());
    row.put(&[u8::from(random.below(10) == 0)]);
    row.text(&format!("{}.{:02}", random.below(100_000), random.below(100)));
    match random.below(10) {
        0..7 => row.null(),
        _ => row.text(&format!("{}.{:02}", random.below(1000), random.below(100))),
    }
    match random.below(5) {
        0 => row.null(),
        _ => row.put(&(random.below(1_000_000_000_000) as f64 / 1e9).to_le_bytes()),
    }
    let place =
        ["札幌", "仙台", "北海道", "新潟", "名古屋", "金沢", "神戸", "那覇"][random.below(8) as usize];
    let goods = ["みかんジュース", "珈琲豆セット", "抹茶カステラ", "炊飯器"][random.below(4) as usize];
    row.text(&format!("{place}限定{goods} {:06x}", random.below(1 << 24)));
    match random.below(4) {
        0 => row.text(&format!("備考: \"急ぎ\" 発送\n{:020x}", random.below(1 << 52))),
        _ => row.null(),
    }
    row.text(&format!("{:010x}@example.co.jp", random.below(1 << 40)));
    row.text(["pending", "paid", "shipped", "delivered", "cancelled"][random.below(5) as usize]);
    let year = (2021 + random.below(5) as u16).to_le_bytes();
    let mut clock = || {
        let (month, day) = (1 + random.below(12) as u8, 1 + random.below(28) as u8);
        [month, day, random.below(24) as u8, random.below(60) as u8, random.below(60) as u8]
    };
    let (created, updated, ordered) = (clock(), clock(), clock());
    let micros = (random.below(1_000_000) as u32).to_le_bytes();
    row.put(&[&[11], &year[..], &created, &micros].concat());
    row.put(&[&[7], &year[..], &updated].concat());
    row.put(&[&[4], &year[..], &ordered[..2]].concat());
    match random.below(10) {
        0..3 => row.null(),
        _ => row.text(&format!(
            r#"{{"src": "web", "coupon": "{:08x}", "n": {}, "tags": ["a","b"]}}"#,
            random.below(1 << 32),
            random.below(100)
        )),
    }
    [&[0], &row.nulls[..], &row.bytes].concat()
}

/// So many full pages.
pub fn pages(count: usize) -> Vec<Page> {
    let mut decoder = RowDecoder::new(&columns()).expect("known types");
    let mut random = Random::new();
    let pages = (0..count).map(|number| {
        let mut page = Page::new(decoder.schema());
        page.first_row = (number * ROWS) as u64;
        for payload in payloads(&mut random, page.first_row) {
            decoder.decode(&payload, &mut page).expect("a row");
        }
        page
    });
    pages.collect()
}
