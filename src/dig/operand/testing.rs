//! What the tests of operands need.

use std::path::Path;

use crate::dig;
use crate::reader::MemoryReader;

/// What is said of a task `+a`, whose keys stand in one line.
pub(super) fn problems(task: &str) -> Vec<String> {
    let files = MemoryReader::default().with("main.dig", &format!("+a: {{{task}}}\n"));
    let found = dig::load(Path::new("main.dig"), &files).problems;
    found.iter().map(|problem| format!("{} {}", problem.severity.word(), problem.message)).collect()
}
