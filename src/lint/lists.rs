//! Options that need a list and get the text of one.

use super::Written;
use super::variables::{Names, asked};
use crate::diagnostic::Problem;
use crate::yaml::NodeValue;

/// Options that need a list: the text that `${list}` becomes is refused.
const LISTS: [(&str, &str); 6] = [
    ("mail", "cc"),
    ("mail", "bcc"),
    ("mail", "to"),
    ("mail", "attach_files"),
    ("http", "headers"),
    ("sh", "shell"),
];

/// What is found in a task that sees these names.
pub(super) fn check(task: Written<'_>, scope: &Names<'_>) -> Vec<Problem> {
    let Some((_, operator)) = task.operator() else { return Vec::new() };
    let of_operator = LISTS.iter().filter(|(of, _)| *of == operator);
    of_operator.filter_map(|(_, option)| list_as_text(option, task, scope)).collect()
}

fn list_as_text(option: &str, task: Written<'_>, scope: &Names<'_>) -> Option<Problem> {
    let entry = task.get(option)?;
    let name = asked(entry.value.as_str()?.strip_prefix("${")?.strip_suffix('}')?)?;
    let set = scope.get(name)?;
    if matches!(set.value.value, NodeValue::Scalar(_)) {
        return None;
    }
    let message = format!("`{option}` needs a list, and `${{{name}}}` makes text of one");
    let hint = "write the list out, or leave the option to the parameter of its own name";
    let problem = Problem::warning("list-as-text", message, &entry.value.span);
    Some(problem.also(&set.key_span, "the list").hint(hint))
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;

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
