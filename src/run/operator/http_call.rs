//! `http_call>`: asks a server for a workflow and runs it as `^sub`.
//!
//! Digdag writes the answer into the working folder, as `http_call.dig`, and leaves it there: two such tasks at once
//! take each other's workflow, and at the top of a project it becomes a workflow of its own. Here it goes no further
//! than the task's record, from which a retry takes it.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::control::refuse_depth;
use super::http::call::Call;
use super::http::fetch::{self, Fetched};
use super::http::{self, LONGEST};
use super::options::Options;
use super::{Operator, OperatorError, OperatorOutput, OperatorRequest, Subtask, Turn};
use crate::cloud::web::Answer;
use crate::diagnostic::{Problem, Source};
use crate::dig;
use crate::reader::DirectoryReader;
use crate::session::Level;
use crate::yaml::{self, Dialect};

/// Where the answer stands for `!include`: Digdag's name for it.
const FILE: &str = "http_call.dig";

/// `http_call>`.
#[derive(Debug)]
pub(super) struct HttpCall {
    longest: Duration,
}

impl Default for HttpCall {
    fn default() -> Self {
        Self { longest: LONGEST }
    }
}

impl Operator for HttpCall {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        let options = Options::new(request, "http");
        let call = http::keeping(Call::read(request, &options, http::written(request)?)?);
        refuse_depth(request, &call.shown)?;
        match fetch::fetch(request, &call, self.longest)? {
            Fetched::Later(turn) => Ok(turn),
            Fetched::Answer(answer) => {
                let text = source(&answer, options.text("content_type_override")?)?;
                let subtask = Subtask::Mapping(compile(request, &call, text)?);
                Ok(OperatorOutput { subtask, ..OperatorOutput::default() }.into())
            }
        }
    }
}

/// The answer as the text of a workflow file.
fn source(answer: &Answer, override_type: Option<String>) -> Result<String, OperatorError> {
    let text = http::bounded_text(answer)?;
    let Some(content_type) = override_type.or_else(|| answer.content_type().map(str::to_owned)) else {
        return Err(OperatorError::failed("Content-Type must be set in the HTTP response but not set")
            .hint("`content_type_override: application/x-yaml` stands in for it"));
    };
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_lowercase();
    match media_type.as_str() {
        "application/x-yaml" => Ok(text),
        "application/json" => json_as_yaml(text),
        _ => Err(OperatorError::failed(format!(
            "Unsupported Content-Type (expected application/json or application/x-yaml): {content_type}"
        ))
        .hint("`content_type_override: application/x-yaml` stands in for it")),
    }
}

/// JSON is YAML but for rare escapes; where it is not, it is written anew.
fn json_as_yaml(text: String) -> Result<String, OperatorError> {
    let value: Value = serde_json::from_str(&text)
        .map_err(|error| OperatorError::failed("the HTTP response is not valid JSON").cause(&error))?;
    let as_yaml = yaml::parse(&Source::new(FILE, text.as_str()), Dialect::Digdag).node;
    Ok(if as_yaml.is_some_and(|node| node.to_json() == value) { text } else { format!("{value:#}") })
}

/// Checks the text as the target of `call>`. What is only doubtful is told.
fn compile(request: &OperatorRequest<'_>, call: &Call, text: String) -> Result<Value, OperatorError> {
    let project = &request.services.project;
    let folder = request.directory.strip_prefix(project).unwrap_or(Path::new(""));
    let compiled = dig::compile_fetched(&folder.join(FILE), text, &DirectoryReader::new(project));
    let line = |problem: &Problem| format!("{}{}", problem.message, place(problem));
    match compiled.mapping {
        Some(mapping) => {
            for problem in &compiled.problems {
                request.reporter.log(Level::Warn, &format!("in the workflow: {}", line(problem)));
            }
            Ok(mapping)
        }
        None => {
            let first = compiled.problems.iter().find(|problem| problem.is_error());
            let reason = first.map_or_else(String::new, |problem| format!(": {}", line(problem)));
            Err(OperatorError::config(format!("the workflow from `{}` is invalid{reason}", call.shown)))
        }
    }
}

/// Line and column in the answer, or the place in an included file.
fn place(problem: &Problem) -> String {
    let Some(span) = &problem.span else { return String::new() };
    if span.path().ends_with(FILE) {
        return format!(" (line {}, column {})", span.line(), span.column());
    }
    format!(" ({span})")
}
