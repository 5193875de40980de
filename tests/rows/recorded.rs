//! Files as Embulk reads and writes them: cases recorded from Embulk itself, run without it.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sync::embulk::Surroundings;
use sync::embulk::config::{EmbulkConfig, ExecConfig};
use sync::reader::MemoryReader;

use super::lab::{Lab, NoSecrets};

/// The csv formatter: options and rows.
const FORMATTER: &str = include_str!("../fixtures/files/csv_formatter.jsonl");
/// The csv formatter: formats and zones of times.
const TIMES: &str = include_str!("../fixtures/files/times.jsonl");
/// The csv parser.
const CSV_PARSER: &str = include_str!("../fixtures/files/csv_parser.jsonl");
/// The json parser.
const JSON_PARSER: &str = include_str!("../fixtures/files/json_parser.jsonl");

/// Bytes of a case: text, or base64 where they are no UTF-8.
fn bytes(value: &Value) -> Vec<u8> {
    match (value.as_str(), value["base64"].as_str()) {
        (Some(text), _) => text.as_bytes().to_vec(),
        (_, Some(base64)) => STANDARD.decode(base64).unwrap(),
        _ => panic!("no bytes: {value}"),
    }
}

fn shown(bytes: Option<&[u8]>) -> String {
    bytes.map_or("a failure".to_owned(), |bytes| format!("{:?}", String::from_utf8_lossy(bytes)))
}

/// The config, where it is one.
fn config(case: &Value) -> Option<EmbulkConfig> {
    let text = json!({
        "in": {"type": "file", "path_prefix": "in.dat", "parser": case["parser"]},
        "out": {"type": "file", "path_prefix": "out", "sequence_format": ".", "file_ext": "x",
                "formatter": case["formatter"]},
    });
    let surroundings = Surroundings {
        env: &BTreeMap::new(),
        reader: &MemoryReader::default().with("a.yml", &text.to_string()),
        secrets: &NoSecrets,
        is_secret: &|_, _| false,
        now: &"2024-06-04T01:02:03[UTC]".parse().unwrap(),
        directory: Path::new(""),
        diff: None,
        exec: ExecConfig::default(),
    };
    sync::embulk::load(Path::new("a.yml"), &surroundings).ok().map(|rendered| rendered.config)
}

/// What a run writes; none when it fails.
fn written(lab: &Lab, case: &Value) -> Option<Vec<u8>> {
    std::fs::write(lab.path("in.dat"), bytes(&case["data"])).unwrap();
    lab.run(&config(case)?).ok()?;
    Some(std::fs::read(lab.path("out.x")).unwrap())
}

#[track_caller]
fn replay(recorded: &str, least: usize) {
    let lab = Lab::new();
    let mut differences = Vec::new();
    for (at, line) in recorded.lines().enumerate() {
        let case: Value = serde_json::from_str(line).unwrap();
        let expected = (!case["written"].is_null()).then(|| bytes(&case["written"]));
        let found = written(&lab, &case);
        if found != expected {
            let (expected, found) = (shown(expected.as_deref()), shown(found.as_deref()));
            let options = json!([case["parser"], case["formatter"], case["data"]]);
            differences.push(format!("line {}: {options}\n Embulk {expected}\n here   {found}", at + 1));
        }
    }
    let count = recorded.lines().count();
    assert!(differences.is_empty(), "{} of {count} differ\n{}", differences.len(), differences.join("\n"));
    assert!(count >= least, "{count}");
}

#[test]
fn csv_is_written_as_embulk_writes_it() {
    replay(FORMATTER, 300);
}

#[test]
fn times_are_written_as_embulk_writes_them() {
    replay(TIMES, 40);
}

#[test]
fn csv_is_read_as_embulk_reads_it() {
    replay(CSV_PARSER, 300);
}

#[test]
fn json_is_read_as_embulk_reads_it() {
    replay(JSON_PARSER, 100);
}
