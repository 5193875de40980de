//! Tables and lists of the README against the lists that the program itself reads.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex::Regex;
use sync::cli::properties::SETTINGS;
use sync::exit::Exit;

use super::{README, ROOT};
use crate::support::sandbox::Sandbox;

/// The first cells of the table with this first line.
pub fn first_cells(header: &str) -> Vec<&'static str> {
    let rows = README.lines().skip_while(|line| *line != header).skip(2);
    let cells: Vec<&str> = rows.map_while(|line| line.strip_prefix("| ")?.split(" | ").next()).collect();
    assert!(!cells.is_empty(), "no table begins with {header}");
    cells
}

/// What stands between backticks in texts.
fn quoted<'t>(texts: impl IntoIterator<Item = &'t str>) -> BTreeSet<String> {
    let quoted = Regex::new("`([^`]+)`").unwrap();
    let found = texts.into_iter().flat_map(|text| quoted.captures_iter(text));
    found.map(|found| found[1].to_owned()).collect()
}

fn set<'t>(items: impl IntoIterator<Item = &'t str>) -> BTreeSet<String> {
    items.into_iter().map(str::to_owned).collect()
}

/// The whole source of the program.
fn source(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        text += &if path.is_dir() { source(&path) } else { fs::read_to_string(path).unwrap() };
    }
    text
}

#[test]
fn exit_codes() {
    let codes = [
        Exit::Success,
        Exit::TaskFailed,
        Exit::Usage,
        Exit::Invalid,
        Exit::TryLater,
        Exit::Signal(1),
        Exit::Signal(2),
        Exit::Signal(15),
    ];
    let codes: Vec<String> = codes.iter().map(|exit| exit.code().to_string()).collect();
    assert_eq!(first_cells("| code | meaning |"), codes);
}

#[test]
fn properties() {
    let keys = quoted(first_cells("| key | meaning |"));
    let ours = keys.iter().map(String::as_str).filter(|key| key.starts_with("sync."));
    assert_eq!(set(ours), set(SETTINGS));
    let reader = include_str!("../../src/cli/properties/mod.rs");
    let reader = reader.split("#[cfg(test)]").next().unwrap();
    let read = Regex::new(r#""(log-server\.[a-z0-9.-]+|params\.|secrets\.)""#).unwrap();
    let read = read.captures_iter(reader).map(|found| match &found[1] {
        prefix if prefix.ends_with('.') => format!("{prefix}*"),
        key => key.to_owned(),
    });
    let others = keys.into_iter().filter(|key| !key.starts_with("sync."));
    assert_eq!(others.collect::<BTreeSet<_>>(), read.collect());
}

#[test]
fn ways_to_tell_people() {
    let source = source(&Path::new(ROOT).join("src/cli/properties"));
    for key in quoted(first_cells("| key | what it says |")) {
        let is_read = source.contains(&format!("\"{key}\""));
        assert!(is_read, "nobody reads {key}");
    }
}

#[test]
fn variables() {
    let source = source(&Path::new(ROOT).join("src"));
    for name in quoted(first_cells("| variable | meaning |")) {
        let name = name.trim_end_matches('*');
        // The crate jiff reads it, for the zone of the system.
        if name == "TZ" {
            continue;
        }
        assert!(source.contains(&format!("\"{name}\"")), "nobody reads {name}");
    }
    for name in ["SYNC_PARAMS", "SYNC_STORE"] {
        assert!(README.contains(&format!("`${name}`")) && source.contains(&format!("\"{name}\"")));
    }
}

#[test]
fn operators() {
    let line = README.lines().find(|line| line.starts_with("| operators |")).expect("the row is there");
    let known: Vec<String> = sync::dig::operator::known().map(|name| format!("{name}>")).collect();
    assert_eq!(quoted([line]), known.into_iter().collect());
}

#[test]
fn commands() {
    let help = Sandbox::new().run(["--help"]).expect_code(0).stdout;
    let listed = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains(&"run"));
    for name in names {
        assert!(
            README.contains(&format!("\n`sync {name} ")) || README.contains(&format!("\n`sync {name}`")),
            "{name}"
        );
    }
}

#[test]
fn what_is_not_taken_is_not_there() {
    let manifest = include_str!("../../Cargo.toml");
    let section = README.split("## Not taken\n").nth(1).unwrap().split("\n## ").next().unwrap();
    for name in ["serde_yaml", "gcp-bigquery-client", "liquid", "saphyr-parser", "annotate-snippets"] {
        assert!(section.contains(name));
        assert!(!manifest.lines().any(|line| line.split(" = ").next() == Some(name)), "{name}");
    }
}

#[test]
fn modes_of_bigquery() {
    let config = "in: {type: sqlite, database: d, table: t}\nout: {type: bigquery, project: p, dataset: d, table: t, mode: no}\n";
    let sandbox = Sandbox::new().file("a.yml", config);
    let said = sandbox.run(["check", "a.yml"]).expect_code(65).stdout;
    let known =
        said.lines().find_map(|line| line.split_once("`mode` must be one of ")?.1.split_once(", not"));
    let known = known.unwrap_or_else(|| panic!("{said}")).0;
    let header = "| `mode` of `bigquery` | what happens once all rows are staged |";
    assert_eq!(quoted(first_cells(header)), set(known.split(", ")));
}
