use super::*;
use crate::diagnostic::Source;
use crate::policy::{Origin, Subject};
use crate::secret::{Secret, SecretError, SecretStore};
use crate::transfer::page::Buffer;
use crate::transfer::schema::{ColumnType, Zones};

struct Safe;

impl SecretStore for Safe {
    fn get(&self, _: &str) -> Result<Secret, SecretError> {
        // The key of RFC 4231, test case 2, is shorter than keys here may be; that of case 6 is not.
        Ok(Secret::new("k".repeat(20)))
    }
}

fn enforced(rules: &str) -> Enforced {
    let policy = crate::policy::parse(&Source::new("policy.yml", rules)).unwrap().0;
    Enforced::new(policy, rules, &Safe).unwrap()
}

fn known(schema: &Schema) -> Known {
    let subject = |column: &Column| Subject {
        origin: Origin::Column {
            schema: Some("shop".into()),
            table: "users".into(),
            column: column.name.clone(),
        },
        type_name: column.kind.word().into(),
    };
    Known { subjects: schema.columns.iter().map(subject).collect(), kept_back: Vec::new() }
}

fn schema(columns: &[(&str, ColumnType)]) -> Arc<Schema> {
    let columns = columns.iter().map(|(name, kind)| Column::new(*name, *kind));
    Schema::new(columns.collect(), Zones::utc())
}

fn texts(column: &ColumnBuffer) -> Vec<Option<String>> {
    let Buffer::Text(texts) = &column.data else { panic!("not texts") };
    let text = |row| String::from_utf8(texts.get(row).to_vec()).unwrap();
    (0..column.len()).map(|row| column.validity.is_valid(row).then(|| text(row))).collect()
}

#[test]
fn columns_go_stay_and_become_others_and_the_page_is_given_back() {
    let schema = schema(&[
        ("id", ColumnType::Long),
        ("email", ColumnType::String),
        ("phone", ColumnType::String),
        ("new", ColumnType::String),
        ("age", ColumnType::Long),
    ]);
    let enforced = enforced(
        "rules:\n- {column: id, action: keep}\n- {column: email, action: hash}\n- {column: phone, action: mask, keep_last: 2}\n\
         - {column: age, action: null}\n",
    );
    let Planned { guard, treated } = plan(&enforced, &known(&schema), &schema).unwrap();
    let mut guard = guard.unwrap();
    let shown: Vec<_> =
        treated.iter().map(|one| (one.column.as_str(), one.action.as_str(), one.rule.as_deref())).collect();
    assert_eq!(
        shown,
        [
            ("email", "hash", Some("policy.yml:3")),
            ("phone", "mask", Some("policy.yml:4")),
            ("new", "drop", None),
            ("age", "null", Some("policy.yml:5")),
        ]
    );
    let names: Vec<_> =
        guard.schema().columns.iter().map(|column| (column.name.as_str(), column.kind)).collect();
    assert_eq!(
        names,
        [
            ("id", ColumnType::Long),
            ("email", ColumnType::String),
            ("phone", ColumnType::String),
            ("age", ColumnType::Long)
        ]
    );
    let mut page = Page::new(&schema);
    for _ in 0..2 {
        page.clear();
        assert!(page.columns[0].push_long(7) && page.columns[0].push_long(8));
        assert!(page.columns[1].push_text(b"abc"));
        page.columns[1].push_null();
        assert!(page.columns[2].push_text(b"0312") && page.columns[2].push_text(b""));
        assert!(page.columns[3].push_text(b"x") && page.columns[3].push_text(b"y"));
        assert!(page.columns[4].push_long(30));
        page.columns[4].push_null();
        page.rows = 2;
        let mut seen = 0;
        let applied = guard.apply(&mut page, &mut |page| {
            seen = page.rows;
            assert_eq!(page.columns[0].data_longs(), [7, 8]);
            // SHA-256 of `abc`: FIPS 180-4.
            let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
            assert_eq!(texts(&page.columns[1]), [Some(hash.to_owned()), None]);
            assert_eq!(texts(&page.columns[2]), [Some("**12".to_owned()), Some(String::new())]);
            assert_eq!(page.columns[3].validity.null_count(), 2);
            Ok(())
        });
        assert_eq!((applied, seen), (Ok(()), 2));
        assert_eq!(page.columns[0].data_longs(), [7, 8]);
        assert_eq!(texts(&page.columns[1]), [Some("abc".to_owned()), None]);
    }
    let changes: Vec<_> = guard.changes().iter().map(Change::note).collect();
    assert_eq!(
        changes,
        [
            "column `email`: 2 values were hashed by policy.yml:3",
            "column `phone`: 4 values were masked by policy.yml:4",
            "column `age`: 2 values became NULL by policy.yml:5",
        ]
    );
}

impl ColumnBuffer {
    fn data_longs(&self) -> &[i64] {
        let Buffer::Long(values) = &self.data else { panic!("not integers") };
        values
    }
}

/// One value of each type, and the text that is hashed.
#[test]
fn hashes_are_of_one_text_per_value() {
    let moment = 1_709_210_096_000_000 + 5;
    type Fill = Box<dyn Fn(&mut ColumnBuffer) -> bool>;
    let long = |value: i64| -> Fill { Box::new(move |column| column.push_long(value)) };
    let double = |value: f64| -> Fill { Box::new(move |column| column.push_double(value)) };
    let text = |value: &'static [u8]| -> Fill { Box::new(move |column| column.push_text(value)) };
    let unsigned = |value: u64| -> Fill { Box::new(move |column| column.push_unsigned(value)) };
    for (kind, fill, expected) in [
        (ColumnType::Long, long(-42), &b"-42"[..]),
        (ColumnType::Boolean, long(2), b"2"),
        (ColumnType::Flag, long(1), b"true"),
        (ColumnType::UnsignedLong, unsigned(u64::MAX), b"18446744073709551615"),
        (ColumnType::Bit { width: 8 }, unsigned(5), b"5"),
        (ColumnType::Double, double(0.1), b"0.1"),
        (ColumnType::Double, double(f64::NAN), b"NaN"),
        (ColumnType::Double, double(f64::NEG_INFINITY), b"-inf"),
        (ColumnType::Decimal { precision: 5, scale: 2 }, text(b"1.50"), b"1.50"),
        (ColumnType::String, text("日本".as_bytes()), "日本".as_bytes()),
        (ColumnType::String, text(&[0xff]), &[0xff]),
        (ColumnType::Bytes, text(&[0, 1]), &[0, 1]),
        (ColumnType::Json, text(b"{\"a\": 1.50}"), b"{\"a\":1.50}"),
        (ColumnType::Date, long(19_782), b"2024-02-29"),
        (ColumnType::DateTime, long(moment), b"2024-02-29 12:34:56.000005"),
        (ColumnType::Timestamp, long(moment), b"2024-02-29 12:34:56.000005 +00:00"),
        (ColumnType::Time, long(-1_000_000), b"-00:00:01.000000"),
        (ColumnType::Year, long(2024), b"2024"),
    ] {
        let schema = schema(&[("a", kind)]);
        for (action, hashed) in [("hash", true), ("hmac, key: '${secret:k}'", false)] {
            let enforced = enforced(&format!("rules: [{{column: a, action: {action}}}]\n"));
            let mut guard = plan(&enforced, &known(&schema), &schema).unwrap().guard.unwrap();
            let mut page = Page::new(&schema);
            assert!(fill(&mut page.columns[0]), "{kind:?}");
            page.rows = 1;
            let mut made = Vec::new();
            guard
                .apply(&mut page, &mut |page| {
                    made = texts(&page.columns[0]);
                    Ok(())
                })
                .unwrap();
            let bytes = if hashed {
                aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, expected).as_ref().to_vec()
            } else {
                let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, "k".repeat(20).as_bytes());
                aws_lc_rs::hmac::sign(&key, expected).as_ref().to_vec()
            };
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(made, [Some(hex)], "{kind:?} {action}");
        }
    }
}

#[test]
fn truncation_keeps_the_type_and_refuses_what_has_no_part() {
    let planned = |kind, action: &str| {
        let schema = schema(&[("a", kind)]);
        let enforced = enforced(&format!("rules: [{{column: a, action: truncate, {action}}}]\n"));
        let planned = plan(&enforced, &known(&schema), &schema);
        planned
            .map(|planned| planned.guard.unwrap().schema().columns[0].kind)
            .map_err(|error| format!("{error} ({})", error.hint.clone().unwrap_or_default()))
    };
    let both = "length: 2, unit: month";
    for kind in
        [ColumnType::String, ColumnType::Bytes, ColumnType::Date, ColumnType::DateTime, ColumnType::Timestamp]
    {
        assert_eq!(planned(kind, both), Ok(kind));
    }
    assert_eq!(planned(ColumnType::Time, "unit: hour"), Ok(ColumnType::Time));
    for (kind, action, expected) in [
        (
            ColumnType::String,
            "unit: month",
            "column `a` is of type string, which is truncated by `length` and not by `unit` (policy.yml:1) (add a `length` \
             to the rule)",
        ),
        (
            ColumnType::Date,
            "length: 3",
            "column `a` is of type date, which is truncated by `unit` and not by `length` (policy.yml:1) (add a `unit` to \
             the rule)",
        ),
        (
            ColumnType::Time,
            both,
            "column `a` is of type time, of which only the `hour` can stay (policy.yml:1) (write a rule of its own for it)",
        ),
        (
            ColumnType::Long,
            both,
            "column `a` is of type integer, which cannot be truncated (policy.yml:1) (take `drop`, `null`, `hash`, `hmac` or \
             `mask` for it)",
        ),
    ] {
        assert_eq!(planned(kind, action), Err(expected.to_owned()));
    }
}

#[test]
fn a_source_without_a_column_that_may_be_copied_is_refused() {
    let schema = schema(&[("a", ColumnType::Long)]);
    let Err(error) = plan(&enforced(""), &known(&schema), &schema) else { panic!("it is planned") };
    assert_eq!(error.to_string(), "policy.yml lets no column of the source be copied");
    // What is known of too few columns is not taken for a policy that lets the others through.
    assert!(plan(&enforced("new_columns: keep\n"), &Known::default(), &schema).is_err());
}
