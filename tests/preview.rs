//! `embulk preview`: the first rows of an input as Embulk shows them.

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
