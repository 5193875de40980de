//! `embulk>` in a whole run: a config in a file or in the workflow, its parameters and its secrets.

use crate::support::sandbox::Sandbox;

const CONFIG: &str = "in: {type: sqlite, database: shop.db, table: '${table}'}\n\
                      out: {type: file, path_prefix: '${out}', file_ext: csv, formatter: {type: csv, newline: LF}}\n";

fn sandbox(flow: &str) -> Sandbox {
    let sandbox = Sandbox::new().file("main.dig", flow).file("load.yml", CONFIG);
    rusqlite::Connection::open(sandbox.path().join("shop.db"))
        .and_then(|database| {
            database.execute_batch("create table items (id integer); insert into items values (7)")
        })
        .expect("a table");
    sandbox
}

#[test]
fn a_file_and_a_config_in_the_workflow_are_run() {
    let flow = "_export:\n  table: items\n+file:\n  embulk>: load.yml\n  out: a\n+here:\n  _type: embulk\n  config:\n    \
                in: {type: sqlite, database: shop.db, query: \"select '${secret:word}' as word\"}\n    \
                out: {type: file, path_prefix: b, file_ext: csv, formatter: {type: csv, newline: LF}}\n";
    let mut sandbox = sandbox(flow);
    sandbox.set("SYNC_SECRET_WORD", "hunter2");
    let said = sandbox.run(["run", "main.dig"]).expect_code(0);
    assert_eq!(
        (sandbox.read("a000.00.csv"), sandbox.read("b000.00.csv")),
        ("id\n7\n".into(), "word\nhunter2\n".into())
    );
    assert!(!said.stderr.contains("hunter2"), "{}", said.stderr);
    let log = sandbox.run(["log", "+here"]).expect_code(0).stdout;
    assert!(log.contains("Committed.") && !log.contains("hunter2"), "{log}");
}

#[test]
fn what_is_wrong_is_told_by_the_name_of_the_file() {
    let sandbox = sandbox("+a:\n  embulk>: load.yml\n  out: a\n  table: items\n");
    sandbox
        .write("load.yml", "in: {type: sqlite, database: shop.db, tabel: '${table}'}\nout: {type: null}\n");
    let said = sandbox.run(["run", "main.dig"]).expect_code(1).stderr;
    let told = said.split_once("  +main+a: ").unwrap_or_else(|| panic!("{said}")).1;
    assert_eq!(
        told.split("hint: `sync retry").next(),
        Some(
            "transfer file `load.yml` is invalid\n    cause: load.yml:1:5: `table` or `query` is required in `in`\n    \
             cause: load.yml:2:6: `type` is required in `out`\n"
        )
    );
}
