//! 100,000 random values of every type out of PostgreSQL into files of each format, read back by pyarrow, DuckDB and
//! Python and compared with what PostgreSQL itself prints.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::postgres::{PostgresDatabase, postgres_database};
use crate::support::sandbox::Sandbox;
use crate::support::servers::variable;

const ROWS: &str = "100000";
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/round_trip.py");

/// A Python with pyarrow and DuckDB, about to run the script.
fn script(python: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(python);
    command.arg(SCRIPT).args(arguments);
    command
}

/// Runs one statement by the source's own client.
fn psql(database: &PostgresDatabase, statement: &str, input: Stdio, output: Stdio) {
    let mut command = Command::new("psql");
    command.args(["-q", "-v", "ON_ERROR_STOP=1", "-h", &database.host, "-p", &database.port.to_string()]);
    command.args(["-U", &database.user, "-d", &database.name, "-c", statement]);
    command.env("PGOPTIONS", "-c timezone=UTC -c datestyle=ISO").stdin(input).stdout(output);
    assert!(command.status().expect("psql starts").success(), "{statement}");
}

/// A table of random rows, and what the source prints of it in `printed.csv`.
fn fill(database: &PostgresDatabase, python: &str, folder: &Path) {
    let columns = script(python, &["columns"]).output().expect("it starts").stdout;
    let columns = String::from_utf8(columns).expect("text");
    database.run(&format!("create table v ({columns})"));
    let rows = File::create(folder.join("rows.csv")).expect("a file");
    assert!(script(python, &["make", ROWS]).stdout(rows).status().expect("it starts").success());
    let rows = File::open(folder.join("rows.csv")).expect("a file");
    psql(database, "copy v from stdin (format csv, null '∅null∅')", rows.into(), Stdio::null());
    let printed = File::create(folder.join("printed.csv")).expect("a file");
    let all = "copy (select * from v order by id) to stdout (format csv, null '∅null∅')";
    psql(database, all, Stdio::null(), printed.into());
}

fn transfer(database: &PostgresDatabase, columns: &str, out: &str, prefix: &str) -> String {
    let PostgresDatabase { name, host, port, user } = database;
    format!(
        "in:\n  type: postgresql\n  host: {host}\n  port: {port}\n  user: {user}\n  password: ''\n  database: {name}\n  \
         query: select {columns} from v order by id\n{out}  path_prefix: {prefix}\n  sequence_format: .\n"
    )
}

#[test]
fn values_of_every_type_come_back_as_the_source_prints_them() {
    let Some(python) = variable("SYNC_TEST_ARROW", "Python with pyarrow and DuckDB") else { return };
    let Some(database) = postgres_database() else { return };
    let sandbox = Sandbox::new();
    let folder = sandbox.path();
    fill(&database, &python, &folder);
    let but_wild = "id, flag, whole, small, single, \"float\", narrow, wide, string, local, instant, day, clock, bytes, \
                    document, list";
    let bytes = "  column_options: {bytes: {value_type: string}}\n";
    let csv = format!(
        "{bytes}out:\n  type: file\n  file_ext: csv.gz\n  formatter: {{type: csv}}\n  encoders: [{{type: gzip}}]\n"
    );
    let jsonl = format!(
        "{bytes}out:\n  type: file\n  file_ext: jsonl.bz2\n  formatter: {{type: jsonl}}\n  encoders: [{{type: bzip2, level: 1}}]\n"
    );
    let parquet = "out:\n  type: file\n  file_ext: parquet\n  formatter: {type: parquet}\n";
    let formats = [
        ("csv", "*", csv.as_str(), "csv.csv.gz"),
        ("jsonl", but_wild, jsonl.as_str(), "jsonl.jsonl.bz2"),
        ("parquet", "*", parquet, "parquet.parquet"),
    ];
    std::thread::scope(|scope| {
        for (format, columns, out, file) in formats {
            let (database, sandbox, python, folder) = (&database, &sandbox, &python, &folder);
            scope.spawn(move || {
                let config = format!("{format}.yml");
                sandbox.write(&config, &transfer(database, columns, out, format));
                sandbox.run(["embulk", "run", &config]).expect_code(0);
                let mut compare = script(python, &["compare", format, "printed.csv", file]);
                let said = compare.current_dir(folder).output().expect("it starts");
                let told = String::from_utf8_lossy(&said.stdout) + String::from_utf8_lossy(&said.stderr);
                assert!(said.status.success(), "{told}");
            });
        }
    });
    // A number that JSON does not have is refused by its row.
    sandbox.write("a.yml", &transfer(&database, "wild", &jsonl, "wild"));
    let said = sandbox.run(["embulk", "run", "a.yml"]).expect_code(1);
    assert!(said.stderr.starts_with("Error: column `wild`, row "), "{}", said.stderr);
}
