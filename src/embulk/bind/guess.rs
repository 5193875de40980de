//! What `embulk guess` needs of a file: where the input's files are, and what looks at them.

use serde_json::{Map, Value};

use super::section::Section;
use super::{Binder, input, source};
use crate::diagnostic::Problem;
use crate::embulk::config::GuessConfig;
use crate::embulk::guess::Plugin;
use crate::yaml::Node;

/// Bytes of a sample, unless `exec.guess_sample_buffer_bytes` says otherwise.
const SAMPLE: i64 = 32 * 1024;
/// A smaller sample shows nothing.
const SMALLEST: i64 = 41;

/// Binds what a guess needs; `filters:` and `out:` are not looked at and may be missing.
pub(in crate::embulk) fn bind(root: &Node, binder: &Binder<'_>) -> Option<GuessConfig> {
    let top = Section::of(root, "the file", binder);
    if top.is_none() {
        let message = format!("a transfer file must be a mapping with `in`, not {}", root.kind());
        binder.report(Problem::error("not-a-mapping", message, &root.span));
    }
    let top = top?;
    let input = top.required_section("in").and_then(|section| input::bind(&section, source::unknown_content));
    let exec = top.section("exec");
    let listed = |key| exec.as_ref().map(|exec| plugins(exec, key)).unwrap_or_default();
    let (more_plugins, excluded_plugins) = (listed("guess_plugins"), listed("exclude_guess_plugins"));
    let bytes = exec
        .as_ref()
        .and_then(|exec| exec.integer("guess_sample_buffer_bytes", SMALLEST..=i64::from(i32::MAX)));
    let Value::Object(root) = by_name(root.to_json()) else { return None };
    let sample_bytes = usize::try_from(bytes.unwrap_or(SAMPLE)).ok()?;
    Some(GuessConfig { input: input?, more_plugins, excluded_plugins, sample_bytes, root })
}

fn plugins(exec: &Section<'_>, key: &'static str) -> Vec<Plugin> {
    let mut plugins = Vec::new();
    for name in exec.texts(key) {
        match Plugin::named(&name) {
            Ok(plugin) => plugins.push(plugin),
            Err(error) => {
                let span = exec.node(key).map_or(exec.span(), |node| &node.span);
                exec.binder().report(Problem::error("unknown-plugin", error.to_string(), span));
            }
        }
    }
    plugins
}

/// The file with the names of secrets in the place of their covers, as a template has them.
fn by_name(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(named(&text)),
        Value::Array(items) => Value::Array(items.into_iter().map(by_name).collect()),
        Value::Object(map) => {
            let named = map.into_iter().map(|(key, value)| (named(&key), by_name(value)));
            Value::Object(named.collect::<Map<_, _>>())
        }
        other => other,
    }
}

fn named(text: &str) -> String {
    let mut named = String::new();
    let mut rest = text;
    while let Some((before, (cover, after))) =
        rest.split_once('⟦').and_then(|(before, rest)| Some((before, rest.split_once('⟧')?)))
    {
        named.push_str(before);
        match cover.strip_prefix("key:") {
            Some(name) => named.push_str(&format!("${{secret:{name}}}")),
            // What a filter made of a variable has a number behind its name.
            None => named.push_str(&format!("{{{{ env.{} }}}}", cover.split('.').next().unwrap_or(cover))),
        }
        rest = after;
    }
    named + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_written_by_their_names() {
        assert_eq!(named("a⟦KEY⟧b⟦key:db.password⟧"), "a{{ env.KEY }}b${secret:db.password}");
        assert_eq!(named("⟦KEY.2⟧"), "{{ env.KEY }}");
        assert_eq!(named("plain ⟦"), "plain ⟦");
    }
}
