//! The decoders and encoders alone, from memory to memory, on one thread (gzip on its own): what a change of one of
//! them does, before the whole is measured by `bench/run`.
//!
//!     cargo bench --features bench [-- NAME]

#![allow(unreachable_pub, reason = "private modules of one binary")]

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use jiff::tz::TimeZone;
use sync::embulk::config::TypeMapping;
use sync::transfer::civil::Date;
use sync::transfer::encode::csv::{CsvEncoder, CsvFormat};
use sync::transfer::encode::jsonl::JsonlEncoder;
use sync::transfer::encode::number::{push_i64, push_java_double, push_ruby_float};
use sync::transfer::encode::parquet::ParquetEncoder;
use sync::transfer::encode::{Encoder, Rendering};
use sync::transfer::input::mysql::bench::RowDecoder;
use sync::transfer::output::bench::gzip;
use sync::transfer::page::Page;
use sync::transfer::schema::Schema;
use sync::transfer::strftime::{Dialect, TimeFormat, WallClock};
use sync::transfer::strptime::TimeReader;

mod files;
mod rows;

use rows::{ROWS, Random};

const NUMBERS: usize = 4096;
/// Rows for several blocks of gzip and a row group of Parquet.
const PAGES: usize = 16;

fn main() {
    divan::main();
}

fn renderings(schema: &Schema) -> Vec<Rendering> {
    schema.columns.iter().map(|column| Rendering::natural(column.kind)).collect()
}

fn jsonl(schema: &Schema) -> JsonlEncoder {
    JsonlEncoder::new(schema, renderings(schema))
}

fn csv(schema: &Schema) -> CsvEncoder {
    CsvEncoder::new(schema, renderings(schema), CsvFormat::bigquery())
}

/// The lines of a page.
fn lines(encoder: &mut dyn Encoder, page: &Page) -> Vec<u8> {
    let mut out = Vec::new();
    encoder.rows(page, &mut out).expect("values that fit");
    out
}

#[divan::bench]
fn decode_mysql(bencher: Bencher<'_, '_>) {
    let mut decoder = RowDecoder::new(&rows::columns()).expect("known types");
    let rows = rows::payloads(&mut Random::new(), 0);
    let mut page = Page::new(decoder.schema());
    let bytes: usize = rows.iter().map(Vec::len).sum();
    bencher.counter(ItemsCount::new(ROWS)).counter(BytesCount::new(bytes)).bench_local(|| {
        page.clear();
        rows.iter().for_each(|row| decoder.decode(row, &mut page).expect("a row"));
        page.rows
    });
}

fn encode(bencher: Bencher<'_, '_>, new: impl Fn(&Schema) -> Box<dyn Encoder>) {
    let page = rows::pages(1).remove(0);
    let mut encoder = new(&page.schema);
    let mut out = lines(encoder.as_mut(), &page);
    bencher.counter(ItemsCount::new(ROWS)).counter(BytesCount::new(out.len())).bench_local(|| {
        out.clear();
        encoder.rows(&page, &mut out).expect("values that fit");
        out.len()
    });
}

#[divan::bench]
fn encode_jsonl(bencher: Bencher<'_, '_>) {
    encode(bencher, |schema| Box::new(jsonl(schema)));
}

#[divan::bench]
fn encode_csv(bencher: Bencher<'_, '_>) {
    encode(bencher, |schema| Box::new(csv(schema)));
}

/// With zstd. The bytes are those of the pages.
#[divan::bench]
fn encode_parquet(bencher: Bencher<'_, '_>) {
    let pages = rows::pages(PAGES);
    let bytes: usize = pages.iter().map(Page::byte_size).sum();
    bencher.counter(ItemsCount::new(PAGES * ROWS)).counter(BytesCount::new(bytes)).bench_local(|| {
        let mut encoder =
            ParquetEncoder::new(&pages[0].schema, TypeMapping::Exact, Vec::new()).expect("a schema");
        pages.iter().for_each(|page| encoder.write(page).expect("values that fit"));
        encoder.finish().expect("a file").len()
    });
}

/// The bytes are those before.
#[divan::bench]
fn gzip_jsonl(bencher: Bencher<'_, '_>) {
    let pages = rows::pages(PAGES);
    let mut encoder = jsonl(&pages[0].schema);
    let blocks: Vec<Vec<u8>> = pages.iter().map(|page| lines(&mut encoder, page)).collect();
    let bytes: usize = blocks.iter().map(Vec::len).sum();
    bencher.counter(BytesCount::new(bytes)).with_inputs(|| blocks.clone()).bench_local_values(
        |mut blocks| {
            let mut out = Vec::new();
            gzip(&mut blocks, &mut out).expect("memory takes it");
            out.len()
        },
    );
}

#[divan::bench]
fn read_csv(bencher: Bencher<'_, '_>) {
    let pages = rows::pages(PAGES);
    let mut encoder = csv(&pages[0].schema);
    let lines: Vec<u8> = pages.iter().flat_map(|page| lines(&mut encoder, page)).collect();
    files::read(bencher, &lines, files::csv(&pages[0].schema), PAGES * ROWS);
}

#[divan::bench]
fn read_jsonl(bencher: Bencher<'_, '_>) {
    let pages = rows::pages(PAGES);
    let mut encoder = jsonl(&pages[0].schema);
    let lines: Vec<u8> = pages.iter().flat_map(|page| lines(&mut encoder, page)).collect();
    files::read(bencher, &lines, files::jsonl(&pages[0].schema), PAGES * ROWS);
}

fn numbers<T>(make: impl Fn(u64) -> T) -> Vec<T> {
    let mut random = Random::new();
    let sizes = [10, 1000, 1_000_000, 1 << 52];
    (0..NUMBERS).map(|at| make(random.below(sizes[at % sizes.len()]))).collect()
}

fn write<T>(bencher: Bencher<'_, '_>, values: &[T], push: impl Fn(&T, &mut Vec<u8>)) {
    let mut out = Vec::new();
    bencher.counter(ItemsCount::new(values.len())).bench_local(|| {
        out.clear();
        values.iter().for_each(|value| push(value, &mut out));
        out.len()
    });
}

#[divan::bench]
fn write_integers(bencher: Bencher<'_, '_>) {
    write(bencher, &numbers(|number| number as i64 - 500), |number, out| push_i64(*number, out));
}

#[divan::bench]
fn write_doubles_as_java(bencher: Bencher<'_, '_>) {
    write(bencher, &numbers(|number| number as f64 / 1e4), |number, out| push_java_double(*number, out));
}

#[divan::bench]
fn write_doubles_as_ruby(bencher: Bencher<'_, '_>) {
    write(bencher, &numbers(|number| number as f64 / 1e4), |number, out| {
        assert!(push_ruby_float(*number, out), "a finite number");
    });
}

fn clocks() -> Vec<i64> {
    numbers(|number| number as i64)
}

#[divan::bench(args = ["%Y-%m-%d %H:%M:%S.%6N %z", "%d %b %Y %I:%M %p"])]
fn strftime(bencher: Bencher<'_, '_>, format: &str) {
    let format = TimeFormat::parse(format, Dialect::Ruby);
    write(bencher, &clocks(), |micros, out| {
        format.write(&WallClock { micros: *micros, offset: 9 * 3600, zone: "JST" }, out);
    });
}

#[divan::bench]
fn strptime(bencher: Bencher<'_, '_>) {
    let format = "%Y-%m-%d %H:%M:%S.%N %z";
    let written = TimeFormat::parse(format, Dialect::Ruby);
    let texts: Vec<String> = clocks()
        .into_iter()
        .map(|micros| {
            let mut text = Vec::new();
            written.write(&WallClock { micros, offset: 0, zone: "UTC" }, &mut text);
            String::from_utf8(text).expect("digits")
        })
        .collect();
    let mut reader = TimeReader::new(format, TimeZone::UTC).on(Date { year: 1970, month: 1, day: 1 });
    bencher.counter(ItemsCount::new(texts.len())).bench_local(|| {
        texts.iter().map(|text| reader.read(text).expect("a time")).fold(0_i64, i64::wrapping_add)
    });
}
