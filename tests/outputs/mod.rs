//! Outputs of files by the program: charsets, several output tasks, what a path leads to, and a round trip per type.

mod charsets;
mod places;
mod readme;
mod round_trip;
mod tasks;

use crate::support::sandbox::{Said, Sandbox};

/// A sandbox with `shop.db`, made by some SQL.
fn shop(sql: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let connection = rusqlite::Connection::open(sandbox.path().join("shop.db")).expect("a database");
    connection.execute_batch(sql).expect("the SQL is right");
    sandbox
}

/// A transfer of the table `t` to a file.
fn config(path_prefix: &str, out: &str) -> String {
    let input = "in: {type: sqlite, database: shop.db, table: t}\n";
    format!("{input}out:\n  type: file\n  path_prefix: {path_prefix}\n{out}")
}

/// Runs a transfer of the table `t` to a file.
fn to_file(sandbox: &Sandbox, path_prefix: &str, out: &str) -> Said {
    sandbox.write("a.yml", &config(path_prefix, out));
    sandbox.run(["embulk", "run", "-l", "warn", "a.yml"])
}

/// Names of all files in the folder of the sandbox that begin so, hidden ones too.
fn names(sandbox: &Sandbox, begin: &str) -> Vec<String> {
    let files = std::fs::read_dir(sandbox.path()).expect("a folder");
    let mut names: Vec<String> = files
        .map(|file| file.expect("a file").file_name().into_string().expect("text"))
        .filter(|name| name.trim_start_matches('.').starts_with(begin))
        .collect();
    names.sort();
    names
}
