//! Rules about single tasks and their neighbours.

use serde_json::Value;

use super::Written;
use crate::diagnostic::Problem;
use crate::dig::operator;
use crate::yaml::{Entry, Node, NodeValue};

/// What is found in a task.
pub(super) fn check(task: Written<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(unpinned_image(task));
    problems.extend(retry_at_once(task));
    problems.extend(after_fail(task));
    problems.extend(never(task));
    problems
}

/// An image without a version is another one tomorrow.
fn unpinned_image(task: Written<'_>) -> Option<Problem> {
    let export = task.get("_export").map(|entry| &entry.value);
    let docker = task.get("docker").map(|entry| &entry.value).or_else(|| export?.get("docker"))?;
    let image = docker.get("image")?;
    let name = image.as_str().filter(|name| !name.contains("${"))?;
    // A port may stand before the name: `host:5000/name`.
    let last = name.rsplit('/').next().unwrap_or(name);
    let tag = last.split_once(':').map(|(_, tag)| tag);
    if name.contains('@') || tag.is_some_and(|tag| tag != "latest") {
        return None;
    }
    let message = format!("image `{name}` has no version: it may be another one tomorrow");
    Some(
        Problem::warning("unpinned-image", message, &image.span)
            .hint("name a tag, or a digest by `@sha256:…`"),
    )
}

/// A server that is down is not up again a millisecond later.
fn retry_at_once(task: Written<'_>) -> Option<Problem> {
    let retry = task.get("_retry")?;
    let (_, name) = task.operator()?;
    let is_network = operator::is_network(name) || name == "sh" && runs_embulk(task);
    // `_retry: 0` and `limit: 0` retry nothing.
    let retries = |limit: &Value| limit.as_u64() != Some(0) && limit.as_str() != Some("0");
    let is_at_once = match &retry.value.value {
        NodeValue::Scalar(limit @ Value::Number(_)) => retries(limit),
        NodeValue::Scalar(limit @ Value::String(text)) => !text.contains("${") && retries(limit),
        NodeValue::Mapping(_) => {
            let limit = retry.value.get("limit").map(Node::to_json);
            retry.value.get("interval").is_none() && limit.is_none_or(|limit| retries(&limit))
        }
        _ => false,
    };
    if !is_network || !is_at_once {
        return None;
    }
    let message = format!("`_retry` without `interval` tries `{name}>` again at once");
    let hint = "write `_retry: {limit: 3, interval: 10, interval_type: exponential}`";
    Some(Problem::warning("retry-at-once", message, &retry.key_span).hint(hint))
}

/// Whether a `sh>` runs a transfer.
pub(super) fn runs_embulk(task: Written<'_>) -> bool {
    task.get("sh>").and_then(|entry| entry.value.as_str()).is_some_and(|text| text.contains("embulk run"))
}

/// What stands behind a `fail>` in a group that runs in order.
fn after_fail(task: Written<'_>) -> Option<Problem> {
    if task.get("_parallel").is_some() {
        return None;
    }
    let mut children = task.entries.iter().filter(|entry| entry.key.starts_with('+'));
    let failing = children.find(|entry| Written::of(&entry.value).is_some_and(always_fails))?;
    let next = children.next()?;
    let message = format!("`{}` never runs: `{}` fails before it", next.key, failing.key);
    Some(Problem::warning("never-runs", message, &next.key_span).also(&failing.key_span, "fails always"))
}

fn always_fails(task: Written<'_>) -> bool {
    task.operator().is_some_and(|(_, name)| name == "fail") && task.get("_continue_on_failure").is_none()
}

/// A branch or a loop whose condition is written out.
fn never(task: Written<'_>) -> Option<Problem> {
    let (entry, operator) = task.operator()?;
    let because = |body: &Entry, why: &str| {
        let message = format!("`{}` never runs: {why}", body.key);
        Problem::warning("never-runs", message, &body.key_span).also(&entry.key_span, "because of this")
    };
    match operator {
        "if" => {
            let (body, why) = match truth(&entry.value)? {
                true => (task.get("_else_do")?, "the condition is always true"),
                false => (task.get("_do")?, "the condition is always false"),
            };
            Some(because(body, why))
        }
        "loop" if entry.value.value == NodeValue::Scalar(Value::from(0)) => {
            Some(because(task.get("_do")?, "it is repeated 0 times"))
        }
        "for_each" => {
            let lists = entry.value.as_mapping()?;
            let empty = lists
                .iter()
                .find(|list| matches!(&list.value.value, NodeValue::Sequence(items) if items.is_empty()))?;
            // An empty first list before another counts as if it were not there.
            let counts = lists.len() == 1 || lists.first().is_none_or(|first| first.key != empty.key);
            counts.then(|| because(task.get("_do")?, &format!("`{}` is empty", empty.key)).into()).flatten()
        }
        _ => None,
    }
}

fn truth(node: &Node) -> Option<bool> {
    match &node.value {
        NodeValue::Scalar(Value::Bool(truth)) => Some(*truth),
        NodeValue::Scalar(Value::String(text)) => text.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;

    #[test]
    fn an_image_has_a_version() {
        let image = |name: &str| {
            found(&format!("_export: {{docker: {{image: '{name}'}}}}\n+a: {{sh>: date}}\n")).len()
        };
        let images = ["ruby", "ruby:latest", "host:5000/ruby", "ruby:3.3", "ruby@sha256:ab", "${image}"];
        assert_eq!(images.map(image), [1, 1, 1, 0, 0, 0]);
    }

    #[test]
    fn a_retry_of_a_network_task_waits() {
        assert_eq!(
            found(
                "+z: {pg>: q.sql, _retry: 0}\n+y: {pg>: q.sql, _retry: {limit: 0}}\n+x: {pg>: q.sql, _retry: '0'}\n+a: {pg>: q.sql, _retry: 3}\n+b: {sh>: date, _retry: 3}\n+c: {bq>: q.sql, _retry: {limit: 2}}\n+d: {sh>: embulk run t.yml, _retry: 1}\n"
            ),
            [
                "4:18 retry-at-once `_retry` without `interval` tries `pg>` again at once in +main+a",
                "6:18 retry-at-once `_retry` without `interval` tries `bq>` again at once in +main+c",
                "7:29 retry-at-once `_retry` without `interval` tries `sh>` again at once in +main+d",
            ]
        );
    }

    #[test]
    fn tasks_that_never_run_are_named() {
        let text = "+a: {fail>: stop}
+b: {echo>: x}
+c: {if>: false, _do: {echo>: x}, _else_do: {echo>: y}}
+d: {if>: 'true', _do: {echo>: x}, _else_do: {echo>: y}}
+e: {loop>: 0, _do: {echo>: x}}
+f: {for_each>: {x: []}, _do: {echo>: x}}
+g: {for_each>: {x: [], y: [1]}, _do: {echo>: x}}
+h: {if>: '${x}', _do: {echo>: x}}
";
        let never: Vec<String> = found(text)
            .into_iter()
            .map(|line| line.split(" never-runs ").last().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(
            never,
            [
                "`+b` never runs: `+a` fails before it in +main",
                "`_do` never runs: the condition is always false in +main+c",
                "`_else_do` never runs: the condition is always true in +main+d",
                "`_do` never runs: it is repeated 0 times in +main+e",
                "`_do` never runs: `x` is empty in +main+f",
            ]
        );
        assert_eq!(found("_parallel: true\n+a: {fail>: stop}\n+b: {echo>: x}\n"), [""; 0]);
    }
}
