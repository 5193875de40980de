//! The published schemas of what the program prints, held against it by a validator that is not ours.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::servers;

/// Holds JSON files against `docs/<name>.schema.json`.
#[track_caller]
pub fn check_files(name: &str, files: &[PathBuf]) {
    let Some(python) = servers::variable("SYNC_TEST_JSONSCHEMA", "Python with jsonschema") else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let done = Command::new(python)
        .arg(root.join("tests/clients/check_schema.py"))
        .arg(root.join(format!("docs/{name}.schema.json")))
        .args(files)
        .output()
        .expect("it starts");
    assert!(
        done.status.success(),
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
}

/// Holds what was printed against `docs/<name>.schema.json`, and reads it.
#[track_caller]
pub fn read(name: &str, printed: &str) -> Value {
    let value = serde_json::from_str(printed).expect("JSON");
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), printed).expect("written");
    check_files(name, &[file.path().to_owned()]);
    value
}
