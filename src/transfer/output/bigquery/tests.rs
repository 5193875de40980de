//! What the fields of a config make of rows, against lines that embulk-output-bigquery 0.7.5 itself has uploaded.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::field;
use super::stage::Packer;
use crate::embulk::config::TypeMapping;
use crate::embulk::output::{
    Auth, BigqueryColumnOption, BigqueryOutput, Compression, Conversion, Conversions, CountCheck, Creation,
    FieldMode, FieldType, FormatChoice, SourceFormat, TextEncoding, Timeouts, UnknownValues, WriteMode,
};
use crate::embulk::text::Text;
use crate::embulk::zone::Zone;
use crate::transfer::civil::{DAY, Date, SECOND};
use crate::transfer::page::Page;
use crate::transfer::schema::{Column, ColumnType, Schema, Zones};

pub(super) fn config(types: TypeMapping) -> BigqueryOutput {
    let second = Duration::from_secs(1);
    BigqueryOutput {
        mode: WriteMode::Replace,
        auth: Auth::ApplicationDefault,
        project: Text::plain("p"),
        destination_project: Text::plain("p"),
        dataset: Text::plain("ds"),
        table: Text::plain("t"),
        location: None,
        dataset_creation: Creation::Never,
        description: None,
        source_format: SourceFormat::Jsonl,
        format_choice: FormatChoice::Written,
        field_delimiter: ',',
        encoding: TextEncoding::Utf8,
        compression: Compression::None,
        gcs: None,
        column_options: Vec::new(),
        types,
        conversions: Conversions::Ruby,
        default_timezone: Zone::bigquery("Asia/Tokyo").unwrap(),
        default_timestamp_format: "%Y-%m-%d %H:%M:%S%:z".to_owned(),
        partitioning: None,
        clustering: Vec::new(),
        max_bad_records: 0,
        count_check: CountCheck::Fail,
        unknown_values: UnknownValues::Refuse,
        schema_updates: Vec::new(),
        given_schema: None,
        payload: None,
        before_load: None,
        staging_life: None,
        local: None,
        kept: None,
        ready: None,
        progress_interval: None,
        rehearsal: None,
        polling_interval: second,
        max_polling_time: second,
        retries: 0,
        timeouts: Timeouts { open: second, send: second, read: second },
        application_name: "tests".to_owned(),
    }
}

/// The option of a column that may have a type and a format.
pub(super) fn option(
    name: &str,
    field_type: Option<FieldType>,
    format: Option<&str>,
) -> BigqueryColumnOption {
    BigqueryColumnOption {
        name: name.to_owned(),
        field_type,
        mode: FieldMode::Nullable,
        fields: Vec::new(),
        description: None,
        timestamp_format: format.map(str::to_owned),
        timezone: None,
        conversion: Conversion::Strict,
        scale: None,
    }
}

/// A value of a row under test.
enum Cell {
    Long(i64),
    Unsigned(u64),
    Double(f64),
    Text(&'static str),
}
use Cell::{Double, Long, Unsigned};

/// A column with its value, the type and format of its option, and what is written.
type Case = (ColumnType, Cell, Option<FieldType>, Option<&'static str>, &'static str);

/// Packs one row of the cases and compares field by field.
fn check(mut config: BigqueryOutput, cases: &[Case]) {
    let columns = cases.iter().enumerate();
    let columns = columns.map(|(at, (kind, ..))| Column::new(format!("c{at}"), *kind));
    let schema = Schema::new(columns.collect(), Zones::utc());
    let mut page = Page::new(&schema);
    for (at, (_, cell, field_type, format, _)) in cases.iter().enumerate() {
        let column = &mut page.columns[at];
        assert!(match cell {
            Long(value) => column.push_long(*value),
            Unsigned(value) => column.push_unsigned(*value),
            Double(value) => column.push_double(*value),
            Cell::Text(value) => column.push_text(value.as_bytes()),
        });
        config.column_options.push(option(&format!("c{at}"), *field_type, *format));
    }
    page.rows = 1;
    let line = pack(&schema, &config, &page);
    let expected: Vec<String> =
        cases.iter().enumerate().map(|(at, (.., written))| format!("\"c{at}\":{written}")).collect();
    assert_eq!(line, format!("{{{}}}\n", expected.join(",")));
}

fn pack(schema: &Arc<Schema>, config: &BigqueryOutput, page: &Page) -> String {
    let fields = field::fields(schema, config).unwrap();
    let mut packer = Packer::new(schema, &fields, config).unwrap();
    let mut out = Vec::new();
    packer.pack(page, &mut out).unwrap();
    packer.end_part(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// 2015-06-04 and a time of day in microseconds.
fn at(micros: i64) -> Cell {
    Long(Date { year: 2015, month: 6, day: 4 }.days() * DAY + micros)
}

#[test]
fn conversions_are_those_of_the_plugin() {
    let clock = |hour: i64, minute: i64, second: i64| ((hour * 60 + minute) * 60 + second) * SECOND;
    let (long, double, string) = (ColumnType::Long, ColumnType::Double, ColumnType::String);
    let (datetime, json) = (ColumnType::DateTime, ColumnType::Json);
    let of = |field_type| Some(field_type);
    check(
        config(TypeMapping::Embulk),
        &[
            (ColumnType::Boolean, Long(1), None, None, "true"),
            (ColumnType::Boolean, Long(0), of(FieldType::String), None, "\"false\""),
            (long, Long(5), None, None, "5"),
            (long, Long(5), of(FieldType::Float), None, "5.0"),
            (long, Long(i64::MAX), of(FieldType::String), None, "\"9223372036854775807\""),
            (long, Long(1_433_421_296), of(FieldType::Timestamp), None, "1433421296"),
            (long, Long(1), of(FieldType::Boolean), None, "true"),
            (double, Double(1.5), None, None, "1.5"),
            (double, Double(-1.9), of(FieldType::Integer), None, "-1"),
            (double, Double(1e20), of(FieldType::String), None, "\"1.0e+20\""),
            (double, Double(1_433_421_296.25), of(FieldType::Timestamp), None, "1433421296.25"),
            (string, Cell::Text("0x1A"), of(FieldType::Integer), None, "26"),
            (string, Cell::Text("1e3"), of(FieldType::Float), None, "1000.0"),
            (
                string,
                Cell::Text("2015-06-04 12:34:56"),
                of(FieldType::Timestamp),
                None,
                "\"2015-06-04 12:34:56\"",
            ),
            (string, Cell::Text("20160226"), of(FieldType::Date), None, "\"2016-02-26\""),
            (string, Cell::Text("3:22 PM"), of(FieldType::Time), None, "\"15:22:00.000000\""),
            (
                string,
                Cell::Text("2016-02-26 10:00:00 +0900"),
                of(FieldType::Datetime),
                Some("%Y-%m-%d %H:%M:%S %z"),
                "\"2016-02-26 10:00:00.000000\"",
            ),
            (datetime, at(clock(12, 34, 56) + 123_456), None, None, "\"2015-06-04 12:34:56.123456 +00:00\""),
            (datetime, at(clock(20, 34, 56)), of(FieldType::String), None, "\"2015-06-05 05:34:56+09:00\""),
            (datetime, at(clock(20, 34, 56)), of(FieldType::Date), None, "\"2015-06-05\""),
            (
                datetime,
                at(clock(20, 34, 56)),
                of(FieldType::Datetime),
                None,
                "\"2015-06-05 05:34:56.000000\"",
            ),
            (datetime, at(clock(20, 34, 56) + 500_000), of(FieldType::Time), None, "\"05:34:56.500000\""),
            (datetime, at(clock(12, 34, 56) + 900_000), of(FieldType::Integer), None, "1433421296"),
            (
                json,
                Cell::Text("{\"k\": \"v\", \"n\": 1}"),
                None,
                None,
                "\"{\\\"k\\\":\\\"v\\\",\\\"n\\\":1}\"",
            ),
            (json, Cell::Text("[1, 2]"), of(FieldType::Json), None, "[1,2]"),
        ],
    );
}

#[test]
fn the_java_plugin_converts_otherwise() {
    let clock = |hour: i64, minute: i64, second: i64| ((hour * 60 + minute) * 60 + second) * SECOND;
    let (double, string, datetime) = (ColumnType::Double, ColumnType::String, ColumnType::DateTime);
    let decimal = ColumnType::Decimal { precision: 20, scale: 2 };
    let of = |field_type| Some(field_type);
    let format = Some("%Y-%m-%d %H:%M:%S %z");
    let java = BigqueryOutput {
        conversions: Conversions::Java,
        default_timezone: Zone::utc(),
        ..config(TypeMapping::Embulk)
    };
    check(
        java,
        &[
            (double, Double(1e20), of(FieldType::String), None, "\"1.0E20\""),
            (decimal, Cell::Text("12345678.90"), of(FieldType::String), None, "\"12345678.90\""),
            (decimal, Cell::Text("12345678.90"), None, None, "12345678.90"),
            (string, Cell::Text("True"), of(FieldType::Boolean), None, "true"),
            (string, Cell::Text("012"), of(FieldType::Integer), None, "12"),
            (string, Cell::Text("5."), of(FieldType::Float), None, "5.0"),
            (string, Cell::Text("20160226"), of(FieldType::Date), None, "\"20160226\""),
            (
                string,
                Cell::Text("2016-02-26 10:00:00 +0900"),
                of(FieldType::Timestamp),
                format,
                "\"2016-02-26 01:00:00.000000 +00:00\"",
            ),
            (
                string,
                Cell::Text("2016-02-26 10:00:00 +0900"),
                of(FieldType::Datetime),
                format,
                "\"2016-02-26 01:00:00.000000\"",
            ),
            (string, Cell::Text("2016-02-26 01:00:00 +0900"), of(FieldType::Date), format, "\"2016-02-25\""),
            (datetime, at(clock(12, 34, 56) + 123_456), None, None, "\"2015-06-04 12:34:56.123456 +00:00\""),
            (datetime, at(clock(12, 34, 56) + 900_000), of(FieldType::Integer), None, "1433421296900"),
            (datetime, at(clock(12, 34, 56)), of(FieldType::Float), None, "1433421296000"),
            (datetime, at(clock(20, 34, 56)), of(FieldType::Date), None, "\"2015-06-04\""),
        ],
    );
}

#[test]
fn exact_types_keep_every_digit_and_ask_no_zone() {
    let decimal = ColumnType::Decimal { precision: 38, scale: 9 };
    check(
        config(TypeMapping::Exact),
        &[
            (ColumnType::Boolean, Long(2), None, None, "2"),
            (ColumnType::UnsignedLong, Unsigned(u64::MAX), None, None, "\"18446744073709551615\""),
            (ColumnType::Bit { width: 64 }, Unsigned(1 << 63), None, None, "\"9223372036854775808\""),
            (decimal, Cell::Text("-1.500000000"), None, None, "\"-1.500000000\""),
            (ColumnType::Bytes, Cell::Text("abc"), None, None, "\"YWJj\""),
            (ColumnType::Json, Cell::Text("{\"a\": 1.50}"), None, None, "{\"a\":1.50}"),
            (ColumnType::Date, Long(0), None, None, "\"1970-01-01\""),
            (ColumnType::DateTime, Long(1), None, None, "\"1970-01-01 00:00:00.000001\""),
            (ColumnType::Timestamp, Long(0), None, None, "\"1970-01-01 00:00:00.000000+00:00\""),
            (ColumnType::Time, Long(DAY - 1), None, None, "\"23:59:59.999999\""),
            (ColumnType::Year, Long(2155), None, None, "2155"),
        ],
    );
}

#[test]
fn what_does_not_fit_is_refused_by_column_without_its_value() {
    let schema = Schema::new(vec![Column::new("big", ColumnType::UnsignedLong)], Zones::utc());
    let mut page = Page::new(&schema);
    assert!(page.columns[0].push_unsigned(u64::MAX));
    page.rows = 1;
    let config = config(TypeMapping::Embulk);
    let fields = field::fields(&schema, &config).unwrap();
    let error = Packer::new(&schema, &fields, &config).unwrap().pack(&page, &mut Vec::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "column `big`, row 1: a value is above 9223372036854775807, the limit of an integer"
    );
}

#[test]
fn pairs_that_nobody_converts_are_refused_before_any_call() {
    let schema = Schema::new(vec![Column::new("d", ColumnType::Long)], Zones::utc());
    let mut config = config(TypeMapping::Embulk);
    config.column_options.push(BigqueryColumnOption {
        name: "d".to_owned(),
        field_type: Some(FieldType::Date),
        mode: FieldMode::Required,
        fields: Vec::new(),
        description: Some("a day".to_owned()),
        timestamp_format: None,
        timezone: None,
        conversion: Conversion::Strict,
        scale: None,
    });
    let error = field::fields(&schema, &config).unwrap_err();
    assert_eq!(error.to_string(), "column `d`: integer cannot become DATE");
    config.column_options[0].field_type = Some(FieldType::Integer);
    assert_eq!(
        field::fields(&schema, &config).unwrap()[0].schema,
        json!({"name": "d", "type": "INTEGER", "mode": "REQUIRED", "description": "a day"})
    );
}
