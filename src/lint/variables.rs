//! `${NAME}`: names that nothing sets, that are set where they do not reach, and lists where text comes of them.

use std::collections::BTreeMap;

use super::{Around, Called, Written, lists, scalars_of, sql};
use crate::diagnostic::{Problem, Span, edit_distance, suggest};
use crate::dig::expression::Template;
use crate::yaml::{Entry, Node};

/// Beginnings of the names that every task has (`reference/digdag.md` 4), and names of JavaScript.
const BUILT_IN: [&str; 16] = [
    "session_",
    "last_session_",
    "next_session_",
    "last_executed_session_",
    "task_name",
    "attempt_id",
    "project_id",
    "timezone",
    "error",
    "moment",
    "JSON",
    "Math",
    "Date",
    "Number",
    "String",
    "Object",
];

/// Operators that may store any name.
const STORES: [&str; 5] = ["py", "rb", "call", "require", "param_get"];

/// A name and where it is set.
pub(super) type Names<'n> = BTreeMap<&'n str, &'n Entry>;

/// What is found in a workflow.
pub(super) fn check(name: &str, root: Written<'_>, around: &Around<'_>) -> Vec<Problem> {
    let mut everywhere = Everywhere::default();
    root.for_each(name, &mut |full, task| everywhere.add(full, task));
    // Whoever calls it may bring any name, too.
    everywhere.stores |= around.called == Called::ByOthers;
    let mut search = Search { everywhere: &everywhere, around, problems: Vec::new() };
    search.task(name, root, &Names::new());
    search.problems
}

/// Whether every task has a name, or it is JavaScript's.
pub(super) fn is_built_in(name: &str) -> bool {
    BUILT_IN.iter().any(|start| name.starts_with(start))
}

/// What is set anywhere in the file.
#[derive(Default)]
struct Everywhere<'n> {
    /// Exports by name, each with the task that has it.
    exports: BTreeMap<&'n str, (String, &'n Entry)>,
    /// Whether some task may store what is not written here.
    stores: bool,
}

impl<'n> Everywhere<'n> {
    fn add(&mut self, full: &str, task: Written<'n>) {
        for entry in exports(task) {
            self.exports.entry(&entry.key).or_insert_with(|| (full.to_owned(), entry));
        }
        let Some((entry, operator)) = task.operator() else { return };
        let writes = entry.value.as_str().is_some_and(|text| text.contains("SYNC_STORE"));
        self.stores |= STORES.contains(&operator) || writes;
    }
}

pub(super) fn exports(task: Written<'_>) -> &[Entry] {
    task.get("_export").and_then(|entry| entry.value.as_mapping()).unwrap_or_default()
}

struct Search<'e, 'n> {
    everywhere: &'e Everywhere<'n>,
    around: &'e Around<'e>,
    problems: Vec<Problem>,
}

impl<'n> Search<'_, 'n> {
    fn task(&mut self, full: &str, task: Written<'n>, above: &Names<'n>) {
        let mut scope = above.clone();
        scope.extend(exports(task).iter().map(|entry| (entry.key.as_str(), entry)));
        let mut own = scope.clone();
        own.extend(task.own().map(|entry| (entry.key.as_str(), entry)));
        for entry in task.own() {
            let mut scalars = Vec::new();
            scalars_of(&entry.value, &mut scalars);
            for scalar in scalars {
                self.text(full, scalar, &own);
            }
        }
        self.problems.extend(lists::check(task, &own).into_iter().map(|problem| problem.task(full)));
        self.template(full, task, &own);
        let mut inside = scope.clone();
        inside.extend(loop_names(task));
        for (part, entry) in task.inner() {
            if let Some(inner) = Written::of(&entry.value) {
                let scope = if entry.key == "_do" { &inside } else { &scope };
                self.task(&format!("{full}{part}"), inner, scope);
            }
        }
    }

    /// Names that the text of a scalar asks for.
    fn text(&mut self, full: &str, scalar: &Node, scope: &Names<'n>) {
        let Some(text) = scalar.as_str().filter(|text| text.contains("${")) else { return };
        for (code, _) in Template::scan(text).expressions() {
            if let Some(name) = asked(code) {
                self.name(full, name, &place(scalar, code, name), scope);
            }
        }
    }

    /// Names that the file of a task asks for, and lists where it makes text of them.
    fn template(&mut self, full: &str, task: Written<'n>, scope: &Names<'n>) {
        let Some(source) = sql::file(task, self.around) else { return };
        for (code, at) in Template::scan(&source.text).expressions() {
            let Some(name) = asked(code) else { continue };
            let start = at + code.find(name).unwrap_or(0);
            let span = Span::new(&source, start, start + name.len());
            self.name(full, name, &span, scope);
            if let Some(set) = scope.get(name).filter(|_| code.trim() == name) {
                self.problems.extend(sql::list(&source, at, &span, set).map(|problem| problem.task(full)));
            }
        }
    }

    /// One name that is asked for.
    fn name(&mut self, full: &str, name: &str, span: &Span, scope: &Names<'n>) {
        let is_given = [self.around.given, self.around.defaults].iter().any(|given| given.contains_key(name));
        let is_known = scope.contains_key(name) || is_given || is_built_in(name);
        if is_known || self.everywhere.stores {
            return;
        }
        if let Some((owner, export)) = self.everywhere.exports.get(name) {
            let message = format!("`{name}` is exported in `{owner}`, and is not seen here");
            let problem = Problem::warning("export-elsewhere", message, span);
            let hint =
                "an `_export` reaches its own task and those below it: move it up, or store the parameter";
            self.problems.push(problem.also(&export.key_span, "exported here").hint(hint).task(full));
        } else if let Some(near) = near(name, scope) {
            // `-p` may bring it all the same, so that nothing is mended.
            let problem = Problem::warning("undefined-variable", format!("nothing here sets `{name}`"), span);
            self.problems.push(problem.perhaps(near).task(full));
        }
    }
}

/// The names that a loop sets for its body.
fn loop_names(task: Written<'_>) -> Vec<(&str, &Entry)> {
    let Some((entry, operator)) = task.operator() else { return Vec::new() };
    match operator {
        "for_each" => entry
            .value
            .as_mapping()
            .unwrap_or_default()
            .iter()
            .map(|name| (name.key.as_str(), name))
            .collect(),
        "for_range" => vec![("range", entry)],
        "loop" => vec![("i", entry)],
        _ => Vec::new(),
    }
}

/// The name at the front of an expression that is a name, or a way into one: `a`, `a.b[0]`. Anything else may set names
/// of its own, and is left alone.
pub(super) fn asked(code: &str) -> Option<&str> {
    let code = code.trim();
    let end = code.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(code.len());
    let (name, rest) = code.split_at(end);
    let is_name = name.starts_with(|letter: char| letter.is_alphabetic() || letter == '_');
    let is_way = rest.chars().all(|letter| letter.is_alphanumeric() || "._[]'\"".contains(letter));
    (is_name && is_way && !matches!(name, "true" | "false" | "null" | "undefined" | "this")).then_some(name)
}

/// The name that was probably meant.
fn near<'n>(name: &str, scope: &Names<'n>) -> Option<&'n str> {
    let known = scope.keys().copied().filter(|key| !key.ends_with('>') && !key.starts_with('_'));
    let near = suggest(name, known)?;
    // `tables` may be a list that `-p` brings, and `table` one of it.
    let is_plural = near.trim_end_matches('s') == name.trim_end_matches('s');
    // `host1` and `host2` are two on purpose.
    let letters = |name: &str| name.replace(|letter: char| letter.is_ascii_digit(), "");
    let is_numbered = letters(near) == letters(name);
    // Names of one family (`db_host`, `db_port`) are near each other, too: only one letter may be wrong.
    let is_slip = name.len() > 3 && !is_plural && !is_numbered && edit_distance(name, near) == 1;
    is_slip.then_some(near)
}

/// Where a name stands in the file; the whole value where it is not written as it is.
fn place(scalar: &Node, code: &str, name: &str) -> Span {
    let span = &scalar.span;
    let found = span.text().find(&format!("${{{code}}}")).map(|at| at + 2 + code.find(name).unwrap_or(0));
    match found {
        Some(at) => Span::new(&span.source, span.start + at, span.start + at + name.len()),
        None => span.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::found;
    use super::super::{Environment, workflow};
    use super::*;
    use crate::diagnostic::Source;
    use crate::session::Params;
    use crate::yaml::{Dialect, parse};

    fn params(value: Value) -> Params {
        value.as_object().cloned().expect("a mapping")
    }

    #[test]
    fn an_expression_asks_for_the_name_at_its_front() {
        for (code, name) in [
            ("a", Some("a")),
            (" a_1.b[0]['c'] ", Some("a_1")),
            ("a + b", None),
            ("'a'", None),
            ("1", None),
            ("true", None),
            ("f(x)", None),
        ] {
            assert_eq!(asked(code), name, "{code}");
        }
    }

    #[test]
    fn a_name_that_nothing_sets_is_shown_with_the_one_that_is_near() {
        let text = "_export: {database: x}
+a: {echo>: '${databse} ${session_date} ${other} ${databases} ${datapost}'}
+b: {loop>: 2, _do: {echo>: '${i}'}}
+c: {for_each>: {column: [1]}, _do: {+x: {echo>: '${colunm} ${column}'}}}
";
        assert_eq!(
            found(text),
            [
                "2:16 undefined-variable nothing here sets `databse` in +main+a",
                "4:53 undefined-variable nothing here sets `colunm` in +main+c^sub+x",
            ]
        );
        assert_eq!(found(&format!("{text}+d: {{py>: A.b}}\n")), [""; 0]);
        assert_eq!(found("_export: {host_1: x}\n+a: {echo>: '${host_2} ${host_11}'}\n"), [""; 0]);
    }

    fn problems_of(text: &str, given: &Params, called: Called) -> Vec<Problem> {
        let parsed = parse(&Source::new("main.dig", text), Dialect::Digdag);
        let around = Around {
            given,
            defaults: &Params::new(),
            called,
            file: &|_| None,
            environment: &|| Environment::Anybody,
            is_read: &|_| false,
        };
        workflow("main", &parsed.node.expect("YAML"), &around)
    }

    #[test]
    fn a_misspelt_name_is_not_mended() {
        let text = "_export: {database: x}\n+a: {echo>: '${databse}'}\n";
        let found = problems_of(text, &Params::new(), Called::Never);
        assert_eq!(found[0].label, "did you mean `database`?");
        assert_eq!((found.len(), &found[0].fix), (1, &None));
    }

    #[test]
    fn callers_and_the_command_line_bring_names() {
        let text = "_export: {database: x}
+a: {_export: {day: x}, echo>: '${databse}'}
+b: {echo>: '${day}'}
";
        let none = Params::new();
        assert_eq!(problems_of(text, &none, Called::Never).len(), 2);
        assert!(problems_of(text, &none, Called::ByOthers).is_empty());
        let given = params(json!({"databse": "y", "day": "z"}));
        assert!(problems_of(text, &given, Called::Never).is_empty());
    }

    #[test]
    fn a_script_may_store_what_is_exported_elsewhere() {
        let text = "+a: {_export: {day: x}, rb>: A.b}\n+b: {echo>: '${day}'}\n";
        assert_eq!(found(text), [""; 0]);
    }

    #[test]
    fn an_export_does_not_reach_the_next_task() {
        let text = "+a:
  _export: {day: x}
  +b: {echo>: '${day}'}
+c:
  echo>: ${day}
";
        assert_eq!(
            found(text),
            ["5:12 export-elsewhere `day` is exported in `+main+a`, and is not seen here in +main+c"]
        );
    }
}
