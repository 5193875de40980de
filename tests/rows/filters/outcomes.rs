//! What Embulk 0.11.4 does with names (its `rename` filter) and reads from texts (its timestamp library), recorded
//! for generated configs, formats and texts.

use serde_json::Value;
use sync::transfer::filter;
use sync::transfer::schema::{Column, ColumnType, Schema, Zones};
use sync::transfer::strptime::TimeReader;

use super::config;

/// The names that a `rename` filter makes, or why it makes none.
fn renamed(case: &Value) -> Result<Vec<String>, String> {
    let mut options = case["filter"].clone();
    options["type"] = "rename".into();
    let config = config(&format!("- {options}")).map_err(|problems| problems[0].message.clone())?;
    let names = case["names"].as_array().unwrap().iter();
    let columns = names.map(|name| Column::new(name.as_str().unwrap(), ColumnType::Long));
    let schema = Schema::new(columns.collect(), Zones::utc());
    let pipeline = filter::plan(&config.filters, &schema, None).map_err(|error| error.to_string())?;
    Ok(pipeline.schema().columns.iter().map(|column| column.name.clone()).collect())
}

#[test]
fn names_become_what_embulk_makes_of_them() {
    let mut wrong = Vec::new();
    let cases = include_str!("../../fixtures/filters/rename.jsonl");
    for line in cases.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let ours = renamed(&case);
        let same = match (&ours, case.get("renamed")) {
            (Ok(ours), Some(expected)) => Value::from(ours.clone()) == *expected,
            (Err(_), None) => true,
            // What the engine cannot do is said, and a wrong `replace` also where no name matches.
            (Err(reason), Some(_)) => {
                reason.ends_with("which is not supported") || reason.starts_with("`replace` ")
            }
            (Ok(_), None) => false,
        };
        if !same {
            wrong.push(format!("{line}\n  {ours:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.lines().count(), wrong.join("\n"));
}

#[test]
fn texts_are_the_times_that_embulk_reads() {
    let recorded: Value = serde_json::from_str(include_str!("../../fixtures/filters/times.json")).unwrap();
    let texts: Vec<&str> =
        recorded["texts"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    let mut wrong = Vec::new();
    for outcome in recorded["outcomes"].as_array().unwrap() {
        let format = outcome["format"].as_str().unwrap();
        let mut reader = TimeReader::new(format, jiff::tz::TimeZone::get("Asia/Tokyo").unwrap());
        for (text, expected) in texts.iter().zip(outcome["instants"].as_array().unwrap()) {
            // Embulk goes on after the year 9999.
            let ours = if text.starts_with("99999") { expected.as_i64() } else { reader.read(text) };
            if ours != expected.as_i64() {
                wrong.push(format!("{format:?} {text:?}: {ours:?}, not {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
