//! `${NAME}`: names that nothing sets, that are set where they do not reach, and lists where text comes of them.

use std::collections::BTreeMap;

use super::{Written, scalars_of};
use crate::diagnostic::{Problem, Span, edit_distance, suggest};
use crate::dig::expression::Template;
use crate::yaml::{Entry, Node, NodeValue};

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

/// Options that need a list: the text that `${list}` becomes is refused.
const LISTS: [(&str, &str); 6] = [
    ("mail", "cc"),
    ("mail", "bcc"),
    ("mail", "to"),
    ("mail", "attach_files"),
    ("http", "headers"),
    ("sh", "shell"),
];

/// A name and where it is set.
type Names<'n> = BTreeMap<&'n str, &'n Entry>;

/// What is found in a workflow.
pub(super) fn check(name: &str, root: Written<'_>) -> Vec<Problem> {
    let mut everywhere = Everywhere::default();
    root.for_each(name, &mut |full, task| everywhere.add(full, task));
    let mut search = Search { everywhere: &everywhere, problems: Vec::new() };
    search.task(name, root, &Names::new());
    search.problems
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

fn exports(task: Written<'_>) -> &[Entry] {
    task.get("_export").and_then(|entry| entry.value.as_mapping()).unwrap_or_default()
}

struct Search<'e, 'n> {
    everywhere: &'e Everywhere<'n>,
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
        self.lists(full, task, &own);
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
            let Some(name) = asked(code).filter(|name| !is_known(name, scope)) else { continue };
            let span = place(scalar, code, name);
            if let Some((owner, export)) = self.everywhere.exports.get(name) {
                let message = format!("`{name}` is exported in `{owner}`, and is not seen here");
                let problem = Problem::warning("export-elsewhere", message, &span);
                let hint = "an `_export` reaches its own task and those below it: move it up, or store the parameter";
                self.problems.push(problem.also(&export.key_span, "exported here").hint(hint).task(full));
            } else if let Some(near) = self.near(name, scope) {
                let problem =
                    Problem::warning("undefined-variable", format!("nothing here sets `{name}`"), &span);
                self.problems.push(problem.did_you_mean(name, near).task(full));
            }
        }
    }

    /// The name that was probably meant, where no script may have set the one that is written.
    fn near(&self, name: &str, scope: &Names<'n>) -> Option<&'n str> {
        let known = scope.keys().copied().filter(|key| !key.ends_with('>') && !key.starts_with('_'));
        let near = suggest(name, known)?;
        // `tables` may be a list that `-p` brings, and `table` one of it.
        let is_plural = near.trim_end_matches('s') == name.trim_end_matches('s');
        // Names of one family (`db_host`, `db_port`) are near each other, too: only one letter may be wrong.
        let is_slip = name.len() > 3 && !is_plural && edit_distance(name, near) == 1;
        (is_slip && !self.everywhere.stores).then_some(near)
    }

    /// Options that need a list and get the text of one.
    fn lists(&mut self, full: &str, task: Written<'n>, scope: &Names<'n>) {
        let Some((_, operator)) = task.operator() else { return };
        for (_, option) in LISTS.iter().filter(|(of, _)| *of == operator) {
            let Some(entry) = task.get(option) else { continue };
            let whole = entry.value.as_str().and_then(|text| text.strip_prefix("${")?.strip_suffix('}'));
            let Some(name) = whole.and_then(asked) else { continue };
            let is_list =
                |set: &&&Entry| matches!(set.value.value, NodeValue::Sequence(_) | NodeValue::Mapping(_));
            if let Some(set) = scope.get(name).filter(is_list) {
                let message = format!("`{option}` needs a list, and `${{{name}}}` makes text of one");
                let problem = Problem::warning("list-as-text", message, &entry.value.span);
                let hint = "write the list out, or leave the option to the parameter of its own name";
                self.problems.push(problem.also(&set.key_span, "the list").hint(hint).task(full));
            }
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
fn asked(code: &str) -> Option<&str> {
    let code = code.trim();
    let end = code.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(code.len());
    let (name, rest) = code.split_at(end);
    let is_name = name.starts_with(|letter: char| letter.is_alphabetic() || letter == '_');
    let is_way = rest.chars().all(|letter| letter.is_alphanumeric() || "._[]'\"".contains(letter));
    (is_name && is_way && !matches!(name, "true" | "false" | "null" | "undefined" | "this")).then_some(name)
}

fn is_known(name: &str, scope: &Names<'_>) -> bool {
    scope.contains_key(name) || BUILT_IN.iter().any(|start| name.starts_with(start))
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
    use super::super::tests::found;
    use super::*;

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

    #[test]
    fn a_list_is_not_handed_over_as_text() {
        let text = "_export: {people: [a@x, b@x], one: a@x}
+a: {mail>: m.txt, subject: s, to: '${people}', cc: ['${one}']}
+b: {mail>: m.txt, subject: s, to: '${one}'}
";
        assert_eq!(
            found(text),
            ["2:36 list-as-text `to` needs a list, and `${people}` makes text of one in +main+a"]
        );
    }
}
