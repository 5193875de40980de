//! A `.dig` file as a whole: its text, its includes, the keys at its top, and the workflow it means.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::compile::{Compiler, DIRECTIVES, Place, definition, find, given, span_of};
use super::include::Includes;
use super::schedule::Schedule;
use super::workflow::{OnFailure, Parallel, Task, TaskBody, Workflow};
use super::{name, params, sla, zone};
use crate::diagnostic::{Problem, Source, Span};
use crate::reader::Reader;
use crate::session::{Params, TaskName};
use crate::yaml::{self, Dialect, Entry, Node, NodeValue};

/// Keys that may stand at the top, besides tasks.
const TOP_KEYS: [&str; 9] =
    ["timezone", "_export", "schedule", "sla", "_error", "_check", "_retry", "_parallel", "_timeout"];

/// What came out of a `.dig` file.
#[derive(Debug)]
pub struct Loaded {
    /// The workflow; it may be there beside errors, so that what it reaches can be checked too. Run it only when
    /// no problem is an error.
    pub workflow: Option<Workflow>,
    /// The file as it is written, with its includes put in; none when it is no mapping.
    pub tree: Option<Node>,
    /// Everything that is wrong with it.
    pub problems: Vec<Problem>,
    /// The files that it includes, directly or not.
    pub included: Vec<PathBuf>,
}

impl Loaded {
    /// Whether it may run.
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(Problem::is_error)
    }
}

/// Who asks for a file: it decides the name of the root task.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A workflow of its own: `+<name>`.
    Workflow,
    /// The target of `call>`: `^sub`.
    Called,
}

/// Reads, resolves and compiles a file. `path` is relative to the project.
pub(super) fn load(path: &Path, reader: &dyn Reader, purpose: Purpose) -> Loaded {
    let failed =
        |problem| Loaded { workflow: None, tree: None, problems: vec![problem], included: Vec::new() };
    let text = match reader.read(path) {
        Ok(text) => text,
        Err(error) => {
            let shown = path.display();
            let message = match error.kind() {
                ErrorKind::NotFound => format!("file `{shown}` does not exist"),
                ErrorKind::InvalidData => format!("file `{shown}` is not UTF-8 text"),
                _ => format!("file `{shown}` can't be read: {error}"),
            };
            return failed(Problem::placeless("missing-file", message));
        }
    };
    let source = Source::new(path, text);
    let parsed = yaml::parse(&source, Dialect::Digdag);
    let mut problems = parsed.problems;
    let Some(node) = parsed.node else {
        return Loaded { workflow: None, tree: None, problems, included: Vec::new() };
    };
    if node.as_mapping().is_none() {
        let message = match node.value {
            NodeValue::Scalar(serde_json::Value::Null) => "the file is empty".to_owned(),
            _ => format!("a workflow file must hold a mapping, but holds {}", node.kind()),
        };
        problems.push(Problem::error("shape", message, &Span::file(&source)));
        return Loaded { workflow: None, tree: None, problems, included: Vec::new() };
    }
    let mut includes = Includes::new(path, reader);
    let node = includes.resolve(node);
    let incomplete = !includes.problems.is_empty();
    problems.append(&mut includes.problems);
    let mut compiler = Compiler::default();
    let workflow = top(&mut compiler, &node, path, &source, purpose);
    // A task that only holds an include which failed is not the reader's mistake.
    compiler.problems.retain(|problem| !incomplete || problem.code != "empty-task");
    problems.extend(compiler.finish());
    Loaded { workflow: Some(workflow), tree: Some(node), problems, included: includes.files }
}

fn top(
    compiler: &mut Compiler,
    node: &Node,
    path: &Path,
    source: &Arc<Source>,
    purpose: Purpose,
) -> Workflow {
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let root_name = match purpose {
        Purpose::Workflow => format!("+{name}"),
        Purpose::Called => "^sub".to_owned(),
    };
    let full = TaskName::from_full(format!("+{name}"));
    let span = Span::file(source);
    let place = Place { name: &root_name, full: &full, span: &span, depth: 0 };
    if purpose == Purpose::Workflow
        && let Err(message) = name::check_workflow(&name)
    {
        let problem = Problem::error("workflow-name", format!("workflow name `{name}` {message}"), &span);
        compiler.report(problem.hint("rename the file"), place);
    }
    let entries: Vec<&Entry> = node.as_mapping().unwrap_or_default().iter().collect();
    for entry in &entries {
        top_key(compiler, entry, place);
    }
    let (timezone, timezone_name) = timezone(compiler, &entries, place);
    let schedule = find(&entries, "schedule").and_then(|entry| {
        let (schedule, problems) = Schedule::compile(entry, &timezone);
        for problem in problems {
            compiler.report(problem, place);
        }
        schedule
    });
    // Of a called file it means nothing, as its `schedule`.
    let sla = find(&entries, "sla").and_then(|entry| sla::compile(compiler, entry, place));
    let mut root = Task {
        name: root_name.clone(),
        span: span.clone(),
        body: TaskBody::Group { parallel: Parallel::No, children: Vec::new() },
        export: Params::new(),
        retry: None,
        error: None,
        check: None,
        background: false,
        after: Vec::new(),
        timeout: None,
        on_failure: OnFailure::Stop,
        definition: definition(&root_name, node),
    };
    compiler.common(&mut root, &entries, place);
    let parallel = compiler.parallel(&entries, place);
    let children = compiler.children(&entries, parallel, place);
    root.body = TaskBody::Group { parallel, children };
    Workflow { name, path: path.to_owned(), timezone, timezone_name, schedule, sla, root }
}

fn top_key(compiler: &mut Compiler, entry: &Entry, place: Place<'_>) {
    let key = entry.key.as_str();
    let span = &entry.key_span;
    let problem = if key.starts_with('+') {
        if !key.contains('^') {
            return;
        }
        Problem::error("task-name", format!("task name `{key}` must not contain character '^'"), span)
    } else if key == "_check" {
        Problem::warning(
            "misplaced-directive",
            "`_check` of a workflow never runs: only that of an operator does",
            span,
        )
    } else if TOP_KEYS.contains(&key) {
        return;
    } else if key.ends_with('>') {
        Problem::error("misplaced-operator", format!("operator `{key}` at the top of a workflow file"), span)
            .hint(format!("put it into a task: `+main: {{{key}: ...}}`"))
    } else if DIRECTIVES.contains(&key) {
        Problem::error(
            "misplaced-directive",
            format!("`{key}` has no place at the top of a workflow file"),
            span,
        )
    } else {
        let problem =
            Problem::error("unknown-key", format!("unknown key `{key}` at the top of a workflow file"), span);
        compiler.suggestion(key, problem, &TOP_KEYS)
    };
    compiler.report(problem, place);
}

fn timezone(compiler: &mut Compiler, entries: &[&Entry], place: Place<'_>) -> (jiff::tz::TimeZone, String) {
    let utc = || (jiff::tz::TimeZone::UTC, "UTC".to_owned());
    let Some(entry) = given(entries, "timezone") else { return utc() };
    let parsed = params::to_text("timezone", &entry.value.to_json())
        .map_err(|_| "`timezone` must be the name of a zone or an offset".to_owned())
        .and_then(|text| zone::parse(&text).map(|zone| (zone, text)));
    parsed.unwrap_or_else(|message| {
        compiler.report(Problem::error("timezone", message, span_of(entry)), place);
        utc()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::MemoryReader;

    #[test]
    fn a_file_holds_a_mapping() {
        for (text, message) in [
            ("", "the file is empty"),
            ("# nothing here\n", "the file is empty"),
            ("- a\n", "a workflow file must hold a mapping, but holds a list"),
            ("text\n", "a workflow file must hold a mapping, but holds text"),
        ] {
            let reader = MemoryReader::default().with("main.dig", text);
            let loaded = load(Path::new("main.dig"), &reader, Purpose::Workflow);
            assert!(loaded.workflow.is_none());
            assert_eq!(loaded.problems[0].message, message);
        }
    }

    #[test]
    fn a_failed_include_is_the_only_problem() {
        let reader = MemoryReader::default().with("main.dig", "+b:\n  !include : nofile.yml\n");
        let loaded = load(Path::new("main.dig"), &reader, Purpose::Workflow);
        let messages: Vec<_> = loaded.problems.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(messages, ["included file `nofile.yml` does not exist"]);
    }

    proptest::proptest! {
        /// Words of the language in any order, on lines of any depth.
        #[test]
        fn no_file_makes_it_panic(lines in proptest::collection::vec((0_usize..4, 0_usize..WORDS.len(), 0_usize..VALUES.len()), 0..12)) {
            let text: String = lines
                .iter()
                .map(|(depth, word, value)| format!("{}{}: {}\n", "  ".repeat(*depth), WORDS[*word], VALUES[*value]))
                .collect();
            let reader = MemoryReader::default().with("main.dig", &text).with("inc.dig", "x: 1\n!include : main.dig\n");
            let _ = load(Path::new("main.dig"), &reader, Purpose::Workflow);
        }
    }

    const WORDS: [&str; 22] = [
        "+a",
        "+b",
        "+",
        "sh>",
        "for_each>",
        "for_range>",
        "if>",
        "_do",
        "_else_do",
        "_error",
        "_check",
        "_export",
        "_retry",
        "_parallel",
        "_after",
        "_background",
        "_disable",
        "_type",
        "schedule",
        "timezone",
        "!include ",
        ">",
    ];
    const VALUES: [&str; 14] = [
        "",
        "x",
        "[]",
        "{}",
        "[+a]",
        "{limit: 2}",
        "true",
        "-1",
        "'${x}'",
        "'${1 +}'",
        "inc.dig",
        "{x: [1]}",
        "{cron>: '* * * * *'}",
        "{'weekly>': ','}",
    ];
}
