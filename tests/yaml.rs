//! Our YAML, with includes, against what the real Digdag read, recorded by `fixtures/yaml/Record.java`.

use std::path::Path;

use serde_json::Value;
use sync::dig::read_params;
use sync::reader::MemoryReader;

#[test]
fn every_recorded_file_is_read_as_digdag_read_it() {
    let mut differences = Vec::new();
    let mut count = 0;
    for line in include_str!("fixtures/yaml/recorded.jsonl").lines() {
        let record: Value = serde_json::from_str(line).expect("a record");
        let read = read(&record);
        let expected = record.get("sync").unwrap_or(&record["digdag"]);
        // As text: the order of keys counts.
        let as_text = expected.to_string();
        let agrees = match (expected, &read) {
            (Value::Null, Err(_)) => true,
            (Value::String(message), Err(said)) => said.contains(message),
            (_, Ok(value)) => *value == as_text,
            _ => false,
        };
        if !agrees {
            differences.push(format!("{record}\n  is {read:?}"));
        }
        count += 1;
    }
    assert!(count > 400, "only {count} records");
    assert!(differences.is_empty(), "{} of {count} differ:\n{}", differences.len(), differences.join("\n"));
}

/// The value as JSON, its keys in their order; or the messages.
fn read(record: &Value) -> Result<String, Vec<String>> {
    let files = record.get("files").and_then(Value::as_object).into_iter().flatten();
    let reader = files.fold(MemoryReader::default(), |reader, (name, text)| {
        reader.with(name, text.as_str().expect("a file's text"))
    });
    let reader = reader.with("main.dig", record["text"].as_str().expect("a text"));
    match read_params(Path::new("main.dig"), &reader) {
        Ok(params) => Ok(Value::Object(params).to_string()),
        Err(problems) => Err(problems.into_iter().map(|problem| problem.message).collect()),
    }
}
