//! `policy.yml`: what it keeps back is nowhere, whatever the config says.

mod boundary;
mod check;
mod files;
mod leaks;
mod origins;
mod readme;

use std::path::Path;

use crate::support::sandbox::{Said, Sandbox};
use crate::support::servers::MySqlDatabase;

/// Values that must be nowhere.
const PERSONAL: [&str; 5] = [
    "ann-the-first@example.com",
    "bob.second@example.org",
    "0345678901",
    "0398765432",
    "SECOND-ADDRESS@EXAMPLE.NET",
];

/// A key for `hmac`.
const KEY: &str = "0123456789abcdef0123456789abcdef";

/// The `in:` of a table or query of MySQL or MariaDB.
fn mysql(database: &MySqlDatabase, what: &str) -> String {
    let server = &database.server;
    format!(
        "in:\n  type: mysql\n  host: {}\n  port: {}\n  user: {}\n  password: '{}'\n  database: {}\n  {what}\n",
        server.host, server.port, server.user, server.password, database.name
    )
}

/// An `out:` of files that begin with `out`.
const CSV: &str = "out: {type: file, path_prefix: out, file_ext: csv, formatter: {type: csv, newline: LF}}\n";

/// The columns of the file that [`CSV`] made.
fn header(sandbox: &Sandbox) -> String {
    sandbox.read("out000.00.csv").lines().next().unwrap_or_default().to_owned()
}

/// Fails when a personal value is in a text.
#[track_caller]
fn assert_clean(place: &str, text: &[u8]) {
    for value in PERSONAL {
        let is_there = text.windows(value.len()).any(|window| window.eq_ignore_ascii_case(value.as_bytes()));
        assert!(!is_there, "`{value}` is in {place}");
    }
}

/// The same for every file below a folder, the state and its journals among them, and for what was said.
#[track_caller]
fn assert_clean_everywhere(sandbox: &Sandbox, said: &Said) {
    assert_clean("stdout", said.stdout.as_bytes());
    assert_clean("stderr", said.stderr.as_bytes());
    let count = assert_clean_below(&sandbox.path());
    assert!(count > 0, "nothing was looked at");
}

#[track_caller]
fn assert_clean_below(folder: &Path) -> usize {
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = std::fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_dir() {
            count += assert_clean_below(&path);
        } else if kind.is_file() && path.extension().is_none_or(|ending| ending != "source") {
            assert_clean(&path.display().to_string(), &std::fs::read(&path).unwrap());
            count += 1;
        }
    }
    count
}
