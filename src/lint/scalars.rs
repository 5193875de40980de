//! Words without quotes that are numbers, and other ones than they look like. Which words are numbers at all is the
//! dialect's: Digdag's leaves `no`, `on` and `1:30` alone, Embulk's does not.

use serde_json::Value;

use super::{Written, scalars_of};
use crate::diagnostic::{Fix, Problem};
use crate::yaml::{Node, NodeValue};

/// Keys of a workflow file that hold times of the day.
const TIMES: [&str; 2] = ["schedule", "sla"];

/// What is found in a workflow file.
pub(super) fn check_workflow(root: Written<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    root.for_each("", &mut |_, task| {
        for entry in task.own().filter(|entry| !TIMES.contains(&entry.key.as_str())) {
            find(&entry.value, &mut problems);
        }
    });
    problems
}

/// What is found in a transfer file.
pub(super) fn check_transfer(node: &Node) -> Vec<Problem> {
    let mut problems = Vec::new();
    find(node, &mut problems);
    problems
}

fn find(node: &Node, problems: &mut Vec<Problem>) {
    let mut scalars = Vec::new();
    scalars_of(node, &mut scalars);
    problems.extend(scalars.into_iter().filter_map(surprise));
}

fn surprise(scalar: &Node) -> Option<Problem> {
    let NodeValue::Scalar(Value::Number(number)) = &scalar.value else { return None };
    let text = scalar.span.text();
    let value = number.to_string();
    // `1_000` is the thousand that it looks like.
    let plain = text.replace('_', "");
    if text.is_empty() || text.starts_with('!') || !is_read_otherwise(&plain, &value) {
        return None;
    }
    let message = format!("YAML reads `{text}` as {value}");
    let problem = Problem::warning("yaml-surprise", message, &scalar.span)
        .hint("write it in quotes where text is meant");
    let fix = Fix { from: text.to_owned(), to: format!("\"{text}\"") };
    Some(Problem { fix: is_other_number(&plain, number.as_f64()).then_some(fix), ..problem })
}

/// `012` is ten, `0x1F` 31, `1:30` ninety; `1.50`, `+1` and `1e3` are what they look like.
fn is_read_otherwise(text: &str, value: &str) -> bool {
    let digits = text.trim_start_matches(['-', '+']);
    let other_base = digits.len() > 1 && digits.starts_with('0') && !digits.contains(['.', 'e', 'E'])
        || digits.starts_with("0x");
    (other_base || text.contains(':')) && text != value
}

/// Whether nobody who can't read YAML would take the text for that number. Who writes `0x1F` may mean 31, and `007` is
/// seven.
fn is_other_number(text: &str, value: Option<f64>) -> bool {
    let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit() || b"-+:.".contains(&byte));
    is_decimal && text.parse().ok() != value
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;
    use crate::diagnostic::Source;
    use crate::yaml::{Dialect, parse};

    #[test]
    fn numbers_that_are_others_are_named() {
        let text = "_export:
  country: no
  code: 012
  quoted: \"012\"
  price: 1.50
  mask: 0x1F
  far: [1:30.5, 1:30, 1_000, 10, 0, 0_10]
+a:
  for_each>: {x: [0b11, a]}
  _do: {echo>: 007}
schedule: {daily>: 07:00:00}
";
        assert_eq!(
            found(text),
            [
                "3:9 yaml-surprise YAML reads `012` as 10",
                "6:9 yaml-surprise YAML reads `0x1F` as 31",
                "7:9 yaml-surprise YAML reads `1:30.5` as 90.5",
                "7:37 yaml-surprise YAML reads `0_10` as 8",
                "9:19 yaml-surprise YAML reads `0b11` as 3",
                "10:16 yaml-surprise YAML reads `007` as 7",
            ]
        );
    }

    #[test]
    fn only_what_looks_like_another_number_is_mended() {
        let text = "{a: 012, b: 1:30, c: 0x1F, d: 0b11, e: 007, f: 1_000, g: -010}\n";
        let parsed = parse(&Source::new("t.yml", text), Dialect::Embulk);
        let problems = check_transfer(&parsed.node.expect("YAML"));
        let fixes: Vec<(&str, Option<&str>)> = problems
            .iter()
            .map(|problem| (problem.message.as_str(), problem.fix.as_ref().map(|fix| fix.to.as_str())))
            .collect();
        assert_eq!(
            fixes,
            [
                ("YAML reads `012` as 10", Some("\"012\"")),
                ("YAML reads `1:30` as 90", Some("\"1:30\"")),
                ("YAML reads `0x1F` as 31", None),
                ("YAML reads `0b11` as 3", None),
                ("YAML reads `007` as 7", None),
                ("YAML reads `-010` as -8", Some("\"-010\"")),
            ]
        );
    }

    #[test]
    fn a_password_of_digits_in_a_transfer_file_is_named() {
        let text = "in: {type: mysql, password: 01234567, ssl: yes, fetch_rows: 1000}\n";
        let parsed = parse(&Source::new("t.yml", text), Dialect::Embulk);
        let problems = check_transfer(&parsed.node.expect("YAML"));
        let messages: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(messages, ["YAML reads `01234567` as 342391"]);
    }
}
