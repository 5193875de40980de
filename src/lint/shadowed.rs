//! What the command line brings and the workflow sets, too.

use serde_json::Value;

use super::Written;
use super::variables::exports;
use crate::diagnostic::Problem;
use crate::session::Params;
use crate::yaml::Entry;

/// What is given from outside, and is no more than a default to an `_export` at the top. People expect the opposite.
pub(super) fn check(root: Written<'_>, given: &Params) -> Vec<Problem> {
    let is_shadowed = |entry: &&Entry| {
        let both_maps = |given: &Value| given.is_object() && entry.value.as_mapping().is_some();
        given.get(&entry.key).is_some_and(|given| !both_maps(given))
    };
    let problem = |entry: &Entry| {
        let message = format!("`-p {}` has no effect: this `_export` is stronger", entry.key);
        let hint = "remove it here, and let `-p` or `params.*` of the properties say it";
        Problem::warning("shadowed-parameter", message, &entry.key_span).hint(hint)
    };
    exports(root).iter().filter(is_shadowed).map(problem).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::diagnostic::Source;
    use crate::lint::tests::shown;
    use crate::yaml::{Dialect, parse};

    #[test]
    fn what_the_command_line_brings_is_weaker_than_an_export() {
        let text = "_export: {day: x, mysql: {host: h}, other: y}\n+a: {echo>: '${day}'}\n";
        let tree = parse(&Source::new("main.dig", text), Dialect::Digdag).node.expect("YAML");
        let given = json!({"day": "2024-02-29", "mysql": {"host": "i"}, "more": 1});
        let given = given.as_object().cloned().expect("a mapping");
        let found = check(Written::of(&tree).expect("a mapping"), &given);
        assert_eq!(
            shown(&found),
            ["1:11 shadowed-parameter `-p day` has no effect: this `_export` is stronger"]
        );
    }
}
