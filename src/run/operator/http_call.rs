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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::http::testing::{Reply, Server, answer, with};
    use super::super::testing::Bench;
    use super::*;

    fn yaml(body: &str) -> Reply {
        with("200 OK", "Content-Type: application/x-yaml; charset=utf-8", body)
    }

    fn json_body(body: &str) -> Reply {
        with("200 OK", "Content-Type: Application/JSON", body)
    }

    fn run(bench: &Bench, reply: Reply, options: Value) -> Result<Value, OperatorError> {
        let server = Server::start(vec![reply]);
        let mut local = json!({"http_call>": server.url("wf")});
        local.as_object_mut().expect("a map").extend(options.as_object().expect("a map").clone());
        let output = bench.run(&HttpCall::default(), json!({}), local).map_err(|mut error| {
            error.message = error.message.replace(server.address(), "HOST");
            error
        })?;
        match output.subtask {
            Subtask::Mapping(mapping) if output.store.is_empty() => Ok(mapping),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_answer_becomes_tasks_and_no_file() {
        let bench = Bench::new().file("more.dig", "+b: {echo>: b}\n");
        let text = "timezone: Asia/Tokyo\n_export: {x: 1}\n+a: {echo>: '${x}'}\n!include : more.dig\n";
        let expected = json!({"_export": {"x": 1}, "+a": {"echo>": "${x}"}, "+b": {"echo>": "b"}});
        assert_eq!(run(&bench, yaml(text), json!({})).expect("tasks"), expected);
        assert!(!bench.project().join(FILE).exists());
        let json_text = "{\"+a\":\t{\"echo>\": \"\\ud83d\\ude80 \\/ ${x}\"}}";
        let expected = json!({"+a": {"echo>": "\u{1f680} / ${x}"}});
        assert_eq!(run(&bench, json_body(json_text), json!({})).expect("tasks"), expected);
        let options = json!({"content_type_override": "application/x-yaml", "method": "POST", "retry": true});
        let plain = with("200 OK", "Content-Type: text/plain", "+a: {echo>: a}");
        assert_eq!(run(&bench, plain, options).expect("tasks"), json!({"+a": {"echo>": "a"}}));
    }

    #[test]
    fn what_is_doubtful_in_it_is_told() {
        let bench = Bench::new();
        run(&bench, yaml("+a: {echo>: a, colour: red}\n"), json!({})).expect("tasks");
        let warning = "Warn: in the workflow: `echo>` does not read `colour` (line 1, column 16)\n";
        assert!(bench.log().ends_with(warning), "{}", bench.log());
    }

    #[test]
    fn what_is_no_workflow_is_refused_with_its_place() {
        let invalid = "the workflow from `GET http://HOST/wf` is invalid";
        for (reply, expected) in [
            (yaml("\nfrob: 1\n"), format!("{invalid}: unknown key `frob` at the top of a workflow file (line 2, column 1)")),
            (yaml("+a: {frob>: 1}\n"), format!("{invalid}: unknown operator `frob>` (line 1, column 6)")),
            (json_body("{\"+a\": {\"sh>\": 1,\n\"echo>\": 2}}"), format!("{invalid}: task `+http_call+a` has more than one operator (line 2, column 1)")),
            (yaml("+a:\n  !include : bad.dig\n"), format!("{invalid}: unknown operator `no>` (bad.dig:1:1)")),
            (yaml("- a\n"), format!("{invalid}: a workflow file must hold a mapping, but holds a list (line 1, column 1)")),
            (json_body("{"), "the HTTP response is not valid JSON".to_owned()),
            (answer("200 OK", "+a: {echo>: a}"), "Content-Type must be set in the HTTP response but not set".to_owned()),
            (
                with("200 OK", "Content-Type: text/plain;charset=x", "+a: {echo>: a}"),
                "Unsupported Content-Type (expected application/json or application/x-yaml): text/plain;charset=x".to_owned(),
            ),
            (yaml(&"#".repeat(65 << 10)), "Response content too large: 66560 > 65536".to_owned()),
            (answer("404 x", "gone"), "HTTP 4XX Client Error: GET http://HOST/wf - 404 Not Found: gone".to_owned()),
        ] {
            let bench = Bench::new().file("bad.dig", "no>: x\n");
            assert_eq!(run(&bench, reply, json!({})).expect_err("a failure").message, expected);
        }
    }

    #[test]
    fn another_type_may_be_put_in_its_place() {
        for reply in [answer("200 OK", ""), with("200 OK", "Content-Type: text/plain", "")] {
            let hint = run(&Bench::new(), reply, json!({})).expect_err("no type that is known").hint;
            assert_eq!(hint.as_deref(), Some("`content_type_override: application/x-yaml` stands in for it"));
        }
    }

    #[test]
    fn the_secret_address_is_that_of_http_alone() {
        let bench = Bench::new().secret("http.uri", "http://127.0.0.1:1/").secret("http.user", "me");
        assert_eq!(run(&bench, yaml("{}"), json!({})).expect("tasks"), json!({}));
    }
}
