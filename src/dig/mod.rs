//! The reading room for `.dig` files: text to a checked [`workflow::Workflow`]. Pure.
//!
//! [`load`] reads a file with all it includes and collects everything that is wrong with it, each with its place.
//! What the file calls is not read here: the plan asks for it with [`compile_called`] when it gets there, and
//! `cli::check` follows it beforehand.

mod compile;
mod document;
pub mod expression;
mod fetched;
mod include;
mod name;
mod operand;
pub mod operator;
pub mod params;
pub mod retry;
pub mod schedule;
pub mod sla;
pub mod template;
pub mod workflow;
pub mod zone;

use std::path::Path;

use serde_json::Value;

pub use document::Loaded;
pub use fetched::Fetched;
pub(crate) use operand::{exclusive_copy_options, exclusive_sql_options, wrong_copy_value};

use crate::diagnostic::{Problem, Source, Span};
use crate::reader::Reader;
use crate::session::{Params, TaskName};
use crate::yaml::Node;

/// Reads a workflow file. `path` is relative to the project.
pub fn load(path: &Path, reader: &dyn Reader) -> Loaded {
    document::load(path, reader, document::Purpose::Workflow)
}

/// Reads the target of a `call>`: the same rules, and its root is named `^sub`. Its `timezone` and `schedule` mean
/// nothing to the caller.
pub fn compile_called(path: &Path, reader: &dyn Reader) -> Loaded {
    document::load(path, reader, document::Purpose::Called)
}

/// Reads a file of parameters (`-P`), includes put in. When it fails, one problem at least is an error.
pub fn read_params(path: &Path, reader: &dyn Reader) -> Result<Params, Vec<Problem>> {
    include::read_mapping(path, reader)
}

/// Compiles the text of a workflow that a server sent, as if it were the file `path`, by the rules of `call>`.
pub fn compile_fetched(path: &Path, text: String, reader: &dyn Reader) -> Fetched {
    fetched::compile(path, text, reader)
}

/// Compiles a task that a script added at run time. Its places are empty.
pub fn compile_subtask(value: &Value, name: &str) -> Result<workflow::Task, Vec<Problem>> {
    let span = Span::file(&Source::new("", ""));
    let node = Node::from_json(value, &span);
    let full = TaskName::from_full(name);
    let mut compiler = compile::Compiler::default();
    let task = compiler.task(&node, compile::Place { name, full: &full, span: &span, depth: 0 });
    let problems = compiler.finish();
    match task {
        Some(task) if !problems.iter().any(Problem::is_error) => Ok(task),
        _ => Err(problems),
    }
}

#[cfg(test)]
mod tests;
