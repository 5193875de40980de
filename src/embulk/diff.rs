//! The config diff of `embulk run -c`: what the last run left for this one, laid over the config.

use std::io;
use std::path::Path;

use super::load::read;
use crate::diagnostic::Problem;
use crate::reader::Reader;
use crate::yaml::{self, Entry, Node, NodeValue};

/// Reads a diff. None while it is empty, as it is before the first run; else its name must be that of a config.
pub(super) fn load(path: &Path, reader: &dyn Reader) -> Result<Option<Node>, Vec<Problem>> {
    match reader.read(path) {
        Ok(text) if text.trim().is_empty() => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        _ => {}
    }
    let (source, _) = read(path, reader).map_err(|problem| vec![problem])?;
    let parsed = yaml::parse(&source, yaml::Dialect::Embulk);
    if parsed.problems.iter().any(Problem::is_error) {
        return Err(parsed.problems);
    }
    match parsed.node {
        Some(node) if node.as_mapping().is_some() => Ok(Some(node)),
        Some(node) => {
            let message = format!("a config diff must be a mapping with `in` and `out`, not {}", node.kind());
            Err(vec![Problem::error("not-a-mapping", message, &node.span)])
        }
        None => Ok(None),
    }
}

/// Lays a diff over a config: mappings are merged, lists item by item, and what else the diff says takes the place of
/// what was there.
pub(super) fn merge(config: &mut Node, diff: &Node) {
    match (&mut config.value, &diff.value) {
        (NodeValue::Mapping(entries), NodeValue::Mapping(changes)) => {
            for change in changes {
                match entries.iter_mut().rev().find(|entry| entry.key == change.key) {
                    Some(entry) => merge(&mut entry.value, &change.value),
                    None => entries.push(Entry::clone(change)),
                }
            }
        }
        (NodeValue::Sequence(items), NodeValue::Sequence(changes)) => {
            for (at, change) in changes.iter().enumerate() {
                match items.get_mut(at) {
                    Some(item) => merge(item, change),
                    None => items.push(change.clone()),
                }
            }
        }
        _ => *config = diff.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Source;
    use crate::reader::MemoryReader;

    fn node(text: &str) -> Node {
        yaml::parse(&Source::new("a.yml", text), yaml::Dialect::Embulk).node.expect("YAML")
    }

    #[test]
    fn a_diff_goes_over_the_config_as_deep_as_it_says() {
        let mut config = node(
            "in: {type: mysql, columns: [{name: a, type: long}, {name: b}], last_record: [1, 2]}\nout: {type: x}\n",
        );
        merge(
            &mut config,
            &node("in: {last_record: [3], columns: [{type: string}, {}, {name: c}]}\nout: {}\n"),
        );
        let expected = "in: {type: mysql, columns: [{name: a, type: string}, {name: b}, {name: c}], last_record: [3, 2]}\nout: {type: x}\n";
        assert_eq!(config.to_json(), node(expected).to_json());
    }

    #[test]
    fn an_empty_diff_is_none_and_another_is_a_config() {
        let load_of = |name: &str, text: &str| {
            let reader = MemoryReader::default().with(name, text);
            let said = |problems: Vec<Problem>| {
                problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>()
            };
            load(Path::new(name), &reader).map(|node| node.map(|node| node.to_json())).map_err(said)
        };
        assert_eq!(load_of("state.json", ""), Ok(None));
        assert_eq!(load_of("d.yml", " \n"), Ok(None));
        assert_eq!(load_of("d.yml", "in: {}\n"), Ok(Some(serde_json::json!({"in": {}}))));
        assert_eq!(
            load_of("state.json", "in: {}\n"),
            Err(vec!["`state.json` is not a transfer file".to_owned()])
        );
        let message = "a config diff must be a mapping with `in` and `out`, not a list";
        assert_eq!(load_of("d.yml", "[1]\n"), Err(vec![message.to_owned()]));
    }
}
