//! A session at a terminal, played again: each command is run and its output compared with what stands below it.
//!
//! Times and sizes are not compared. Tasks that run at once print in any order, so lines of runs are compared sorted.

use std::sync::LazyLock;

use regex::Regex;

use super::block::Block;
use crate::support::sandbox::{Said, Sandbox};

/// Sessions that follow each other in one folder.
pub(super) struct Session {
    sandbox: Sandbox,
    /// Of the last command.
    code: Option<i32>,
}

impl Session {
    pub(super) fn new(sandbox: Sandbox) -> Self {
        Self { sandbox, code: None }
    }

    /// Puts a file there, for the commands behind it.
    pub(super) fn write(&self, name: &str, text: &str) {
        self.sandbox.write(name, text);
    }

    /// Runs the commands of a block.
    pub(super) fn play(&mut self, block: &Block) {
        let mut steps: Vec<(&str, Vec<&str>)> = Vec::new();
        for line in block.text.lines() {
            match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => steps.push((command, Vec::new())),
                (None, Some((_, output))) => output.push(line),
                (None, None) => panic!("README line {}: output before a command", block.line),
            }
        }
        for (command, expected) in steps {
            let printed = self.run(command);
            let any_order = command.contains("sync run ") || command.contains("sync retry ");
            let prepared = |lines: Vec<String>| {
                let mut lines: Vec<String> = lines.iter().map(|line| without_times(line)).collect();
                lines.retain(|line| !any_order || !line.is_empty());
                if any_order {
                    lines.sort();
                }
                lines
            };
            let expected = prepared(expected.into_iter().map(str::to_owned).collect());
            let shown = prepared(printed.lines().map(str::to_owned).collect());
            assert_eq!(shown, expected, "README line {}: `{command}` printed\n{printed}", block.line);
        }
    }

    /// What a command prints, results before messages.
    fn run(&mut self, command: &str) -> String {
        let words = words(command);
        let variables = words.iter().take_while(|word| is_assignment(word)).count();
        let (variables, words) = words.split_at(variables);
        match words {
            [program, arguments @ ..] if program == "sync" => {
                let mut command = self.sandbox.command(arguments);
                command.envs(variables.iter().filter_map(|word| word.split_once('=')));
                let said = Said::of(command.output().expect("the program starts"));
                self.code = said.code;
                said.stdout + &said.stderr
            }
            [program, database, sql] if program == "sqlite3" => {
                sqlite3(&self.sandbox, database, sql);
                String::new()
            }
            [program, status] if program == "echo" && status == "$?" => {
                format!("{}\n", self.code.expect("a command came before"))
            }
            _ => panic!("nobody runs `{command}`"),
        }
    }
}

/// As the program of that name.
pub(super) fn sqlite3(sandbox: &Sandbox, database: &str, sql: &str) {
    let connection = rusqlite::Connection::open(sandbox.path().join(database)).expect("a database");
    connection.execute_batch(sql).expect("the SQL is right");
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    })
}

/// Words of a command; double quotes keep spaces.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for char in command.chars() {
        match char {
            '"' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            _ => words.last_mut().expect("there is one").push(char),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A line with words in place of times, durations and sizes, and one space between the columns of a table.
fn without_times(line: &str) -> String {
    static RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        [
            (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?[+-]\d\d:?\d\d|Z)?", "[time]"),
            (r"\b[\d,.]+ (B|KiB|MiB|bytes)\b", "[size]"),
            (r"\b\d+\.\d+ ?s\b", "[duration]"),
            (r" \d+\.\d$", " [duration]"),
            (r"([^\s|]) {2,}", "$1 "),
            (r"\s+$", ""),
        ]
        .into_iter()
        .map(|(pattern, word)| (Regex::new(pattern).unwrap(), word))
        .collect()
    });
    RULES.iter().fold(line.to_owned(), |line, (rule, word)| rule.replace_all(&line, *word).into_owned())
}

#[test]
fn only_times_and_sizes_are_left_out() {
    assert_eq!(
        without_times("sqlite a.db t  file t.gz  2   95 B  0.0"),
        without_times("sqlite a.db t    file t.gz    2  101 B     12.5")
    );
    assert_ne!(without_times("file t.gz  2  95 B  0.0"), without_times("file t.gz  3  95 B  0.0"));
    assert_eq!(without_times("  |   ^^^ x"), "  |   ^^^ x");
    assert_eq!(without_times("at 2026-11-21 05:23:17.555 +0000 [1] INFO"), "at [time] [1] INFO");
}
