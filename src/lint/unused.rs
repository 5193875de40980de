//! Variables that are exported and that nothing reads.
//!
//! Said only where everything that may read them can be looked through: a script may read any variable, and so may the
//! program that a `sh>` starts. A name that stands anywhere in a text counts as read.

use super::{Written, scalars_of};
use crate::diagnostic::Problem;
use crate::dig::operator;
use crate::yaml::{Entry, Node};

/// Names that mean something by themselves, besides options of operators.
const MEANT: [&str; 6] = ["aws", "gcp", "s3", "gcs", "docker", "sync"];

/// Beginnings of environment variables that programs and libraries read without being told.
const CUSTOMARY: [&str; 16] = [
    "AWS_",
    "BOTO",
    "CLOUDSDK_",
    "DOCKER_",
    "EMBULK_BUNDLE",
    "GCLOUD_",
    "GEM_",
    "GOOGLE_",
    "HOME",
    "HTTP",
    "JAVA",
    "LANG",
    "LC_",
    "NO_PROXY",
    "PATH",
    "TZ",
];

/// Who reads the environment of the commands below a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Environment {
    /// Transfer files, and what the commands name.
    #[default]
    Named,
    /// Programs that read variables of their own, by names that are customary: in capital letters, or `*_proxy`.
    Programs,
    /// Whoever it is: nothing can be said.
    Anybody,
}

/// The exports of a file that nothing reads. `is_read` tells whether a name stands in what the file reads and calls.
pub(super) fn check(
    name: &str,
    root: Written<'_>,
    tree: &Node,
    environment: &dyn Fn() -> Environment,
    is_read: &dyn Fn(&str) -> bool,
) -> Vec<Problem> {
    let mut scalars = Vec::new();
    scalars_of(tree, &mut scalars);
    let texts: Vec<&str> = scalars.into_iter().filter_map(Node::as_str).collect();
    let mut unread = Vec::new();
    root.for_each(name, &mut |full, task| {
        let exports = task.get("_export").and_then(|entry| entry.value.as_mapping()).unwrap_or_default();
        // An included file is shared: others may need what this one does not.
        let own = exports.iter().filter(|entry| entry.key_span.source == tree.span.source);
        let is_unread = |entry: &&Entry| {
            let name = entry.key.as_str();
            !is_setting(name) && !texts.iter().any(|text| text.contains(name))
        };
        unread.extend(own.filter(is_unread).map(|entry| (full.to_owned(), entry)));
    });
    if unread.is_empty() {
        return Vec::new();
    }
    // Other files are asked last: most names are read in their own.
    let environment = environment();
    unread.retain(|(_, entry)| !is_read_by_programs(&entry.key, environment) && !is_read(&entry.key));
    unread.into_iter().map(|(full, entry)| problem(entry).task(full)).collect()
}

fn is_read_by_programs(name: &str, environment: Environment) -> bool {
    let is_capital = !name.contains(|letter: char| letter.is_lowercase());
    let is_proxy = name.ends_with("_proxy");
    match environment {
        Environment::Named => is_proxy || is_capital && CUSTOMARY.iter().any(|start| name.starts_with(start)),
        Environment::Programs => is_proxy || is_capital,
        Environment::Anybody => true,
    }
}

/// Whether a name means something without being read.
fn is_setting(name: &str) -> bool {
    let group = name.split('.').next().unwrap_or_default();
    name.starts_with('_')
        || name.ends_with('>')
        || MEANT.contains(&group)
        || super::variables::is_built_in(name)
        || operator::known().any(|known| known == name)
        || operator::is_option(name)
}

fn problem(entry: &Entry) -> Problem {
    let message = format!("`{}` is exported, and nothing reads it", entry.key);
    Problem::warning("unused-variable", message, &entry.key_span)
        .hint("mend its name where it is read, or remove it")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::diagnostic::Source;
    use crate::yaml::{Dialect, parse};

    fn found(text: &str, environment: Environment) -> Vec<String> {
        let source = Source::new(Path::new("main.dig"), text);
        let tree = parse(&source, Dialect::Digdag).node.expect("YAML");
        let root = Written::of(&tree).expect("a mapping");
        let problems = check("+main", root, &tree, &|| environment, &|name| name == "in_a_file");
        let shown = problems.iter().map(|problem| {
            let span = problem.span.as_ref().expect("a place");
            format!("{}:{} {}", span.line(), span.text(), problem.task.as_deref().unwrap_or_default())
        });
        shown.collect()
    }

    #[test]
    fn what_nothing_reads_is_named() {
        let text = "_export:
  read: x
  in_a_file: x
  unread: x
  EMBULK_TABLE: x
  AWS_REGION: x
  https_proxy: x
  mysql: {host: h}
  database: d
  webhook_url: w
  docker: {image: 'x:1'}
  sync.docker: never
  _workdir: x
  session_time: x
+a:
  _export: {other: x}
  echo>: ${read}
";
        let named = ["4:unread +main", "5:EMBULK_TABLE +main", "16:other +main+a"];
        assert_eq!(found(text, Environment::Named), named);
        assert_eq!(found(text, Environment::Programs), [named[0], named[2]]);
        assert_eq!(found(text, Environment::Anybody), [""; 0]);
    }
}
