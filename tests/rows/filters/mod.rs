//! Filters in whole transfers, by the library.

mod json;
mod names;
mod outcomes;
mod values;
mod wheres;

use std::collections::BTreeMap;
use std::path::Path;

use sync::diagnostic::Problem;
use sync::embulk::config::{EmbulkConfig, ExecConfig};
use sync::embulk::{Surroundings, load};
use sync::reader::MemoryReader;
use sync::secret::{Secret, SecretError, SecretStore};
use sync::transfer::error::TransferError;

use super::lab::Lab;

struct Nothing;

impl SecretStore for Nothing {
    fn get(&self, name: &str) -> Result<Secret, SecretError> {
        Err(SecretError::NotFound { name: name.to_owned() })
    }
}

/// What comes out when the rows of `t`, made by some SQL, go through filters written as YAML: lines and notes.
fn filtered(sql: &str, filters: &str) -> Result<(String, Vec<String>), TransferError> {
    let lab = Lab::new();
    let connection = rusqlite::Connection::open(lab.path("shop.db")).unwrap();
    connection.execute_batch(sql).unwrap();
    let config = config(filters).unwrap_or_else(|problems| panic!("{:?}", problems[0].message));
    let report = lab.run(&config)?;
    let lines = std::fs::read_to_string(lab.path("out.jsonl")).unwrap();
    assert_eq!(report.rows_sent, lines.lines().count() as u64);
    assert!(lab.heard.lines.lock().unwrap().ends_with(&report.notes));
    Ok((lines, report.notes))
}

/// The lines alone, where there is nothing to note.
#[track_caller]
fn lines(sql: &str, filters: &str) -> String {
    let (lines, notes) = filtered(sql, filters).unwrap();
    assert_eq!(notes, [""; 0]);
    lines
}

/// Why a transfer fails.
#[track_caller]
fn failure(sql: &str, filters: &str) -> String {
    filtered(sql, filters).unwrap_err().to_string()
}

/// A config from `t` of `shop.db` to `out.jsonl`, with filters as YAML.
fn config(filters: &str) -> Result<EmbulkConfig, Vec<Problem>> {
    let text = format!(
        "in: {{type: sqlite, database: shop.db, query: 'select * from t order by rowid'}}\nfilters:\n{filters}\n\
         out: {{type: file, path_prefix: out, sequence_format: '.', file_ext: jsonl, formatter: {{type: jsonl}}}}\n"
    );
    let rendered = load(
        Path::new("a.yml"),
        &Surroundings {
            env: &BTreeMap::new(),
            reader: &MemoryReader::default().with("a.yml", &text),
            secrets: &Nothing,
            is_secret: &|_, _| false,
            now: &"2024-06-04T01:02:03[UTC]".parse().unwrap(),
            directory: Path::new(""),
            diff: None,
            exec: ExecConfig::default(),
        },
    );
    rendered.map(|rendered| rendered.config)
}
