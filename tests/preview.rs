//! `embulk preview`: the first rows of an input as Embulk shows them; and what becomes of rows of JSON.

use crate::support::sandbox::Sandbox;

const CONFIG: &str = "\
in:
  type: file
  path_prefix: data/
  parser:
    type: csv
    columns:
    - {name: id, type: long}
    - {name: name, type: string}
    - {name: v, type: double}
    - {name: b, type: boolean}
    - {name: t, type: timestamp, format: '%Y-%m-%d %H:%M:%S.%N'}
    - {name: j, type: json}
";

#[test]
fn a_preview_needs_no_output_and_is_the_table_of_embulk() {
    let rows = "1000,日本,1e10,true,2015-06-04 01:02:03.5,\"{\"\"a\"\": 1}\"\n-2,,,0,2015-06-04 00:00:00.0,\nx,,,,,\n";
    let sandbox = Sandbox::new().file("data/a.csv", rows).file("a.yml", CONFIG);
    let said = sandbox.run(["embulk", "preview", "-l", "error", "a.yml"]).expect_code(0);
    assert_eq!(
        said.stdout,
        "\
+---------+-------------+----------+-----------+-----------------------------+---------+
| id:long | name:string | v:double | b:boolean |                 t:timestamp |  j:json |
+---------+-------------+----------+-----------+-----------------------------+---------+
|   1,000 |          日本 |   1.0E10 |      true | 2015-06-04 01:02:03.500 UTC | {\"a\":1} |
|      -2 |             |          |     false |     2015-06-04 00:00:00 UTC |         |
+---------+-------------+----------+-----------+-----------------------------+---------+
"
    );
    let vertical = sandbox.run(["embulk", "preview", "-l", "error", "-G", "a.yml"]).expect_code(0);
    assert!(
        vertical.stdout.starts_with(
            "*************************** 0 ***************************\n  id (     long) : 1000\nname (   string) : 日本\n"
        ),
        "{}",
        vertical.stdout
    );
    let warned = sandbox.run(["embulk", "preview", "-l", "warn", "a.yml"]).expect_code(0);
    assert!(
        warned.stdout.contains(
            "1 row was skipped: `data/a.csv` line 3 (column `id` is not a whole number of 64 bits)"
        ),
        "{}",
        warned.stdout
    );
}

#[test]
fn a_preview_shows_as_many_rows_as_are_asked_for() {
    let rows: String = (0..5000).map(|row| format!("{row},n,,,,\n")).collect();
    let sandbox = Sandbox::new()
        .file("data/a.csv", &rows)
        .file("usual.yml", CONFIG)
        .file("three.yml", &format!("preview_sample_rows: 3\n{CONFIG}"));
    for (file, rows) in [("usual.yml", 15), ("three.yml", 3)] {
        let said = sandbox.run(["embulk", "preview", "-l", "error", file]).expect_code(0);
        assert_eq!(said.stdout.lines().count(), rows + 4, "{file}");
    }
}

#[test]
fn nothing_to_show_is_a_failure() {
    let sandbox = Sandbox::new().file("data/a.csv", "").file("a.yml", CONFIG);
    let said = sandbox.run(["embulk", "preview", "-l", "error", "a.yml"]).expect_code(1);
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("", "Error: No input records to preview\n"));
    let said = sandbox.run(["embulk", "preview", "no.yml"]).expect_code(1);
    assert!(said.stderr.contains("no.yml"), "{}", said.stderr);
}

/// The rows of some JSON that a run keeps, and what it says.
fn json_rows(document: &str, options: &str) -> (String, String) {
    let config = format!(
        "in: {{type: file, path_prefix: data/, parser: {{type: json, columns: [{{name: a, type: string}}, {{name: t, type: timestamp, format: '%Y'}}], {options}}}}}\n\
         out: {{type: file, path_prefix: out, file_ext: csv, formatter: {{type: csv, header_line: false, newline: LF, default_timestamp_format: '%Y'}}}}\n"
    );
    let sandbox = Sandbox::new().file("data/a.json", document).file("a.yml", &config);
    let said = sandbox.run(["embulk", "run", "a.yml"]).expect_code(0);
    (sandbox.read("out000.00.csv"), said.stdout)
}

#[test]
fn one_bad_row_of_an_array_is_skipped_alone() {
    let document = "[{\"a\": \"1\"}, {\"a\": \"2\", \"t\": \"x\"}, {\"a\": \"3\", \"t\": \"2015\"}]";
    let (rows, said) = json_rows(document, "flatten_json_array: true");
    assert_eq!(rows, "1,\n3,2015\n");
    assert!(said.contains("1 row was skipped: `data/a.json` line 1"), "{said}");
}

#[test]
fn backslashes_that_json_does_not_know_can_be_taken_out() {
    let document = "{\"a\": \"x\\qy\"}\n{\"a\": \"\\\\N\"}\n";
    assert_eq!(json_rows(document, "invalid_string_escapes: SKIP").0, "xy,\n\\N,\n");
    assert_eq!(json_rows(document, "invalid_string_escapes: UNESCAPE").0, "xqy,\n\\N,\n");
}
