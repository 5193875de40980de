use super::*;
use crate::transfer::page::Buffer;

fn option(value_type: ValueType, column_type: Option<EmbulkType>) -> ColumnOption {
    ColumnOption { value_type, column_type, timestamp_format: None, timezone: None }
}

fn planned(kind: ColumnType, option: &ColumnOption) -> Result<Outcome, TransferError> {
    let (zone, zones) = (Zone::utc(), Zones::utc());
    plan("c", kind, Some(option), Rules { driver: Driver::Mysql, zone: &zone, zones: &zones })
}

/// The new type and the value as text; none for NULL.
fn convert(kind: ColumnType, option: &ColumnOption, given: Given<'_>) -> (ColumnType, Option<String>) {
    let Outcome { kind: to, conversion, .. } = planned(kind, option).unwrap();
    let mut column = ColumnBuffer::new(to.storage());
    match conversion {
        Some(mut conversion) => conversion.push(&given, &mut column).unwrap(),
        None => given.push(&mut column).unwrap(),
    }
    let text = match &column.data {
        Buffer::Long(values) => values[0].to_string(),
        Buffer::UnsignedLong(values) => values[0].to_string(),
        Buffer::Double(values) => values[0].to_string(),
        Buffer::Text(texts) => String::from_utf8(texts.get(0).to_vec()).unwrap(),
    };
    (to, column.validity.is_valid(0).then_some(text))
}

#[test]
fn values_become_what_the_options_say() {
    let decimal = ColumnType::Decimal { precision: 20, scale: 2 };
    let some = |text: &str| Some(text.to_owned());
    let to = |column_type| option(ValueType::Coalesce, Some(column_type));
    let string = option(ValueType::String, None);
    for (kind, option, given, expected) in [
        (
            decimal,
            to(EmbulkType::String),
            Given::Text(b"123456789012345678.12"),
            some("123456789012345678.12"),
        ),
        (decimal, to(EmbulkType::Long), Given::Text(b"-12.9"), some("-12")),
        (ColumnType::Boolean, option(ValueType::Long, None), Given::Long(7), some("7")),
        (ColumnType::Boolean, to(EmbulkType::Long), Given::Long(7), some("1")),
        (ColumnType::Boolean, to(EmbulkType::String), Given::Long(-1), some("true")),
        (
            ColumnType::UnsignedLong,
            string.clone(),
            Given::UnsignedLong(u64::MAX),
            some("18446744073709551615"),
        ),
        (ColumnType::Double, to(EmbulkType::Long), Given::Double(2.5), some("3")),
        (ColumnType::Double, to(EmbulkType::Long), Given::Double(f64::NAN), None),
        (ColumnType::Double, to(EmbulkType::String), Given::Double(1e-5), some("1.0E-5")),
        (ColumnType::Float, to(EmbulkType::String), Given::Float(1.2345), some("1.2345")),
        (
            ColumnType::DateTime,
            string.clone(),
            Given::Long(1_433_421_296_000_000),
            some("2015-06-04 12:34:56.0"),
        ),
        (
            ColumnType::DateTime,
            to(EmbulkType::String),
            Given::Long(1_433_421_296_000_000),
            some("2015-06-04"),
        ),
        (ColumnType::Date, string.clone(), Given::Long(16_590), some("2015-06-04")),
        (ColumnType::Bytes, string.clone(), Given::Text("日本".as_bytes()), some("日本")),
        (ColumnType::String, to(EmbulkType::Long), Given::Text(b"x"), None),
        (ColumnType::String, option(ValueType::Json, None), Given::Text(b"{\"a\":1}"), some("{\"a\":1}")),
        (ColumnType::String, option(ValueType::Json, None), Given::Text(b"{"), None),
        (ColumnType::Json, string, Given::Text(b"[1]"), some("[1]")),
    ] {
        assert_eq!(convert(kind, &option, given).1, expected, "{kind:?} {option:?}");
    }
}

#[test]
fn pairs_that_mean_nothing_are_null_in_every_row_and_noted() {
    for (kind, option) in [
        (ColumnType::String, option(ValueType::Coalesce, Some(EmbulkType::Boolean))),
        (ColumnType::Long, option(ValueType::Coalesce, Some(EmbulkType::Timestamp))),
        (ColumnType::Long, option(ValueType::String, Some(EmbulkType::Boolean))),
        (ColumnType::Double, option(ValueType::Coalesce, Some(EmbulkType::Json))),
        (ColumnType::Date, option(ValueType::Coalesce, Some(EmbulkType::Long))),
    ] {
        let given = if kind == ColumnType::String { Given::Text(b"true") } else { Given::Long(1) };
        assert_eq!(convert(kind, &option, given).1, None);
        assert!(planned(kind, &option).unwrap().note.is_some());
    }
    let option = option(ValueType::Coalesce, Some(EmbulkType::Boolean));
    assert_eq!(
        planned(ColumnType::String, &option).unwrap().note.unwrap(),
        "column `c`: `type: boolean` of a string column is NULL in every row"
    );
}

#[test]
fn pairs_that_fail_under_embulk_are_refused() {
    for (kind, option) in [
        (ColumnType::Date, option(ValueType::Long, None)),
        (ColumnType::Bytes, option(ValueType::Coalesce, None)),
    ] {
        assert!(planned(kind, &option).is_err());
    }
    let option = option(ValueType::Date, Some(EmbulkType::Json));
    let error = planned(ColumnType::Date, &option).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`value_type: date` with `type: json` cannot be used for the date column `c`"
    );
}

/// What becomes of a value under each `value_type` (a line) and each `type` (none, boolean, long, double, string,
/// json, timestamp): its text, `null` in every row, or `-` where it is refused before the read.
fn table(kind: ColumnType, given: Given<'_>) -> String {
    use EmbulkType::{Boolean, Double, Json, Long, String, Timestamp};
    let mut table = std::string::String::new();
    for (name, value_type) in ValueType::NAMES {
        table.push_str(&format!("{name:9}"));
        let types =
            [None, Some(Boolean), Some(Long), Some(Double), Some(String), Some(Json), Some(Timestamp)];
        for column_type in types {
            let option = option(value_type, column_type);
            let cell = match planned(kind, &option) {
                Err(_) => "-".to_owned(),
                Ok(_) => convert(kind, &option, given).1.unwrap_or_else(|| "null".to_owned()),
            };
            table.push_str(&format!(" {cell:>12}"));
        }
        table = table.trim_end().to_owned() + "\n";
    }
    table
}

/// Every pair of `value_type` and `type`, with what it makes of a value of each type of column. The file says it in
/// full; a change of a rule is a change of it.
#[test]
fn every_pair_of_types_makes_what_the_table_says() {
    let mut tables = String::new();
    for (name, kind, given) in [
        ("a whole number, -7", ColumnType::Long, Given::Long(-7)),
        ("an unsigned one, 7", ColumnType::UnsignedLong, Given::UnsignedLong(7)),
        ("a double, 2.5", ColumnType::Double, Given::Double(2.5)),
        ("a float, 2.5", ColumnType::Float, Given::Float(2.5)),
        ("a decimal, 2.50", ColumnType::Decimal { precision: 5, scale: 2 }, Given::Text(b"2.50")),
        ("a boolean, true", ColumnType::Boolean, Given::Long(1)),
        ("a text, 12", ColumnType::String, Given::Text(b"12")),
        ("bytes, 12", ColumnType::Bytes, Given::Text(b"12")),
        ("JSON, [1]", ColumnType::Json, Given::Text(b"[1]")),
        ("a date, one day after 1970-01-01", ColumnType::Date, Given::Long(1)),
        ("a time, one second", ColumnType::Time, Given::Long(1_000_000)),
        ("a year, 2015", ColumnType::Year, Given::Long(2015)),
        ("a date and time, one second", ColumnType::DateTime, Given::Long(1_000_000)),
        ("an instant, one second", ColumnType::Timestamp, Given::Long(1_000_000)),
    ] {
        tables.push_str(&format!("{name}\n{}\n", table(kind, given)));
    }
    let expected = include_str!("pairs.txt");
    assert!(tables.trim_end() == expected.trim_end(), "{tables}");
}

#[test]
fn getters_are_those_of_the_driver() {
    let get = |driver, kind, value_type, given| {
        let (zone, zones, option) = (Zone::utc(), Zones::utc(), option(value_type, None));
        let outcome = plan("c", kind, Some(&option), Rules { driver, zone: &zone, zones: &zones }).unwrap();
        let mut column = ColumnBuffer::new(outcome.kind.storage());
        outcome.conversion.unwrap().push(&given, &mut column).map(|()| match &column.data {
            Buffer::Long(values) => values[0].to_string(),
            Buffer::Double(values) => values[0].to_string(),
            _ => panic!("a number"),
        })
    };
    use Driver::{Mysql, Postgresql, Sqlite};
    for (number, mysql, postgresql, sqlite) in
        [(-1, "1", "0", "1"), (0, "0", "0", "0"), (1, "1", "1", "1"), (5, "1", "0", "1"), (-2, "0", "0", "1")]
    {
        for (driver, expected) in [(Mysql, mysql), (Postgresql, postgresql), (Sqlite, sqlite)] {
            let given = Given::Long(number);
            assert_eq!(
                get(driver, ColumnType::Long, ValueType::Boolean, given).as_deref(),
                Ok(expected),
                "{driver:?} {number}"
            );
        }
    }
    let text = |driver, value_type, text: &'static str| {
        get(driver, ColumnType::String, value_type, Given::Text(text.as_bytes()))
    };
    for (word, mysql, postgresql) in
        [("true", "1", "1"), ("Yes", "1", "0"), ("f", "0", "0"), ("-1", "1", "0"), (" 1 ", "1", "1")]
    {
        assert_eq!(text(Mysql, ValueType::Boolean, word).as_deref(), Ok(mysql), "{word}");
        assert_eq!(text(Postgresql, ValueType::Boolean, word).as_deref(), Ok(postgresql), "{word}");
    }
    for (number, expected) in [
        (" 12 ", Ok("12")),
        ("-12.9", Ok("-12")),
        ("1e3", Ok("1000")),
        ("x", Err(Unfit("is not a number"))),
        ("1.x", Err(Unfit("is not a number"))),
    ] {
        assert_eq!(
            text(Postgresql, ValueType::Long, number).as_deref(),
            expected.as_ref().copied(),
            "{number}"
        );
    }
    assert_eq!(text(Mysql, ValueType::Long, "").as_deref(), Ok("0"));
    assert!(text(Postgresql, ValueType::Long, "").is_err());
    let too_large = Err(Unfit("is not a number that an integer of 64 bits can hold"));
    assert_eq!(text(Mysql, ValueType::Long, "9223372036854775808"), too_large);
    assert_eq!(get(Mysql, ColumnType::Double, ValueType::Long, Given::Double(1e19)), too_large);
    assert_eq!(get(Mysql, ColumnType::Double, ValueType::Long, Given::Double(f64::NAN)), too_large);
    assert_eq!(text(Mysql, ValueType::Float, "0.1").as_deref(), Ok("0.10000000149011612"));
}
