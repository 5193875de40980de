//! The README and the guides are true: every code block is run or checked, and the README's tables are compared with the
//! program. A guide goes on with the files of the README.
//!
//! What a block is follows from the words after its fence: `console` is run in one sandbox, in order, and its output
//! compared; `sh` is checked against what it names; `yaml NAME`, `liquid NAME` and `sql NAME` are files of that sandbox;
//! `text` is the map of `src/lib.rs`. Anything else fails.

mod block;
mod session;
pub mod tables;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use block::{Block, Kind};
use session::Session;

use crate::support::sandbox::Sandbox;

const README: &str = include_str!("../../README.md");
/// The guides, with their paths.
const GUIDES: [(&str, &str); 2] = [
    ("docs/migrating.md", include_str!("../../docs/migrating.md")),
    ("docs/operations.md", include_str!("../../docs/operations.md")),
];
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A sandbox with the files of the README, and the database that `shop.sql` makes.
fn sandbox_of(blocks: &[Block]) -> Sandbox {
    let sandbox = Sandbox::new();
    for block in blocks {
        if let Kind::File(name) = &block.kind {
            sandbox.write(name, &block.text);
        }
    }
    session::sqlite3(&sandbox, "shop.db", &sandbox.read("shop.sql"));
    sandbox
}

#[test]
fn the_sessions_say_what_the_program_says() {
    let blocks = block::blocks(README);
    let mut session = Session::new(sandbox_of(&blocks));
    let consoles: Vec<&Block> = blocks.iter().filter(|block| block.kind == Kind::Console).collect();
    assert!(!consoles.is_empty());
    for console in consoles {
        session.play(console);
    }
}

#[test]
fn the_sessions_of_guides_say_what_the_program_says() {
    for (path, text) in GUIDES {
        let blocks = block::blocks(text);
        // Of the README only what makes its first session.
        let is_first = |block: &Block| match &block.kind {
            Kind::File(name) => ["shop.sql", "nightly.dig", "table.yml.liquid"].contains(&name.as_str()),
            _ => false,
        };
        let first = block::blocks(README).into_iter().filter(is_first);
        let sandbox = sandbox_of(&first.collect::<Vec<_>>());
        let mut session = Session::new(sandbox);
        for block in &blocks {
            match &block.kind {
                Kind::File(name) => session.write(name, &block.text),
                Kind::Console => session.play(block),
                Kind::Shell => {}
                Kind::Picture => panic!("{path} line {}: nobody checks a picture", block.line),
            }
        }
    }
}

#[test]
fn the_files_pass_the_check() {
    let blocks = block::blocks(README);
    let sandbox = sandbox_of(&blocks);
    let consoles: String =
        blocks.iter().filter(|block| block.kind == Kind::Console).map(|block| block.text.as_str()).collect();
    for block in &blocks {
        let Kind::File(name) = &block.kind else { continue };
        let is_shown_wrong = consoles.lines().any(|line| {
            let asked = ["--explain", "--connect"].iter().any(|flag| line.contains(flag));
            let checked = line.starts_with("$ sync check ") && !asked;
            checked && line.contains(name.as_str()) && name != "nightly.dig"
        });
        if is_shown_wrong {
            sandbox.run(["check", name]).expect_code(65);
        } else if name.ends_with(".dig") || name.ends_with(".yml.liquid") {
            sandbox.run(["check", name, "--deny", "warnings"]).expect_code(0);
        } else {
            let is_used =
                name == "secrets.yml" || blocks.iter().any(|other| other.text.contains(name.as_str()));
            assert!(is_used || README.contains(&format!("< {name}")), "nothing uses {name}");
        }
    }
}

#[test]
fn the_commands_for_a_shell_name_what_is_there() {
    let sandbox = Sandbox::new();
    for folder in ["workflows", "embulk"] {
        sandbox.copy_from_repository(folder, folder);
    }
    sandbox.write(".sync/.gitignore", "*\n");
    let texts = GUIDES.iter().map(|(_, text)| *text).chain([README]);
    for block in texts.flat_map(block::blocks).filter(|block| block.kind == Kind::Shell) {
        for line in block.text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["cargo", "run", "--release", "--", arguments @ ..] => {
                    sandbox.run(arguments.iter().chain(&["--dry-run"])).expect_code(0);
                }
                ["cargo", "install", "--locked", "--path", "."]
                | ["systemctl", "daemon-reload" | "enable", ..] => {}
                ["tests/run"] => {
                    let run = Path::new(ROOT).join("tests/run").metadata().expect("it is there");
                    assert_ne!(run.permissions().mode() & 0o111, 0, "{line}");
                }
                // Its help is shown only where everything before it is understood.
                ["sync", arguments @ ..] => {
                    sandbox.run(arguments.iter().chain(&["--help"])).expect_code(0);
                }
                _ => panic!("README line {}: nobody checks `{line}`", block.line),
            }
        }
    }
}

#[test]
fn the_picture_is_the_map_of_the_house() {
    let map: Vec<&str> = include_str!("../../src/lib.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//! "))
        .skip_while(|line| *line != "```text")
        .skip(1)
        .take_while(|line| *line != "```")
        .collect();
    let blocks = block::blocks(README);
    let pictures: Vec<&Block> = blocks.iter().filter(|block| block.kind == Kind::Picture).collect();
    assert_eq!(pictures.len(), 1);
    assert_eq!(pictures[0].text.lines().collect::<Vec<_>>(), map);
}

#[test]
fn links_lead_somewhere() {
    let link = regex::Regex::new(r"\]\(([^)]+)\)").unwrap();
    for (path, text) in GUIDES.into_iter().chain([("README.md", README)]) {
        let folder = Path::new(ROOT).join(path).parent().expect("a folder").to_owned();
        let targets: Vec<&str> = link.captures_iter(text).map(|found| found.extract::<1>().1[0]).collect();
        assert!(!targets.is_empty());
        for target in targets {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let there =
                if file.is_empty() { text.to_owned() } else { read(&folder.join(file), path, target) };
            let leads = anchor.is_empty()
                || there.lines().any(|line| {
                    let title = line.trim_start_matches('#').strip_prefix(' ');
                    title.is_some_and(|title| title.to_lowercase().replace(' ', "-") == anchor)
                });
            assert!(leads, "{path}: {target}");
        }
    }
}

/// The text of a file, or nothing of a folder.
fn read(file: &Path, from: &str, target: &str) -> String {
    assert!(file.exists(), "{from}: {target}");
    std::fs::read_to_string(file).unwrap_or_default()
}
