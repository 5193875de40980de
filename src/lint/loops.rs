//! Loops that ask a database for all of their rounds at once.

use serde_json::Value;

use super::Written;
use super::tasks::runs_embulk;
use crate::diagnostic::Problem;
use crate::dig::operator;
use crate::yaml::NodeValue;

/// A note: `-j` still bounds how many tasks run at once.
pub(super) fn check(task: Written<'_>) -> Option<Problem> {
    let (_, looped) =
        task.operator().filter(|(_, name)| matches!(*name, "for_each" | "for_range" | "loop"))?;
    let parallel = task.get("_parallel")?;
    let all_at_once = matches!(&parallel.value.value, NodeValue::Scalar(Value::Bool(true)));
    let body = Written::of(&task.get("_do")?.value)?;
    let mut asks = None;
    body.for_each("", &mut |_, inner| {
        let database = inner.operator().map(|(_, name)| name).filter(|name| operator::is_database(name));
        let found = database.or_else(|| runs_embulk(inner).then_some("embulk"));
        asks = asks.or(found);
    });
    let asks = asks.filter(|_| all_at_once)?;
    let message = format!("`{looped}>` runs all of its `{asks}>` tasks at once, as far as `-j` allows");
    let hint = "write `_parallel: {limit: 4}` where the database must not see more";
    Some(Problem::note("unlimited-loop", message, &parallel.key_span).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;

    #[test]
    fn a_loop_over_a_database_has_a_limit() {
        let body = "_do: {+x: {sh>: embulk run t.yml}}";
        assert_eq!(
            found(&format!("+a: {{for_each>: {{t: [1]}}, _parallel: true, {body}}}\n")),
            [
                "1:27 unlimited-loop `for_each>` runs all of its `embulk>` tasks at once, as far as `-j` allows in +main+a"
            ]
        );
        for text in [
            format!("+a: {{for_each>: {{t: [1]}}, _parallel: {{limit: 3}}, {body}}}\n"),
            format!("+a: {{for_each>: {{t: [1]}}, {body}}}\n"),
            "+a: {for_each>: {t: [1]}, _parallel: true, _do: {sh>: date}}\n".to_owned(),
        ] {
            assert_eq!(found(&text), [""; 0], "{text}");
        }
    }
}
