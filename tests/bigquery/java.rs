//! `type: bigquery_java`, as its users run it: the table of the README, row by row, and that what a config says gives
//! the same table as with the plugin.

use serde_json::json;

use crate::google_clients::check_calls;
use crate::support::google::FakeGoogle;
use crate::support::readme_rows::rows;
use crate::support::sandbox::{Said, Sandbox};

rows! {
    "| Embulk's `bigquery_java` | `sync` | why |":
    "a row that does not convert is a line in the log, and the rest of its page is lost with it" => bad_rows,
    "text, or a double, that becomes INTEGER has 32 bits" => wide_integers,
    "text that becomes FLOAT is a number of single precision" => floats,
    "NUMERIC is rounded towards +∞, to `scale` digits or 9" => decimals,
    "a JSON column is text, whatever its `type`" => json_columns,
    "`mode: replace` without a row leaves the table as it is" => empty_replace,
    "`retain_column_descriptions`, `retain_column_policy_tags`" => descriptions,
    "a staging table stays when a run fails" => failed_run,
    "`mode: replace_backup`" => replace_backup,
    "`default_timezone`" => default_timezone,
    "`source_format: CSV`" => csv,
    "`before_load` with another mode than `append`" => before_load,
}

/// A transfer of a CSV file to a stand-in.
struct Lab {
    fake: FakeGoogle,
    dataset: String,
    sandbox: Sandbox,
    columns: &'static str,
}

impl Lab {
    /// `columns`: of the file, in the form of the parser's option.
    fn start(columns: &'static str) -> Option<Self> {
        let fake = FakeGoogle::start()?;
        fake.polls(0);
        let dataset = fake.bigquery().fresh_dataset();
        let mut sandbox = Sandbox::new();
        for (name, value) in fake.environment() {
            sandbox.set(name, value);
        }
        Some(Self { fake, dataset, sandbox, columns })
    }

    /// Transfers lines with some more options of the output.
    fn run(&self, lines: &str, options: &str) -> Said {
        let format =
            if options.contains("source_format") { "" } else { "  source_format: NEWLINE_DELIMITED_JSON\n" };
        self.sandbox.write("rows.csv", lines);
        self.sandbox.write(
            "a.yml",
            &format!(
                "in:\n  type: file\n  path_prefix: rows.csv\n  parser:\n    type: csv\n    columns:\n{}out:\n  \
                 type: bigquery_java\n  auth_method: application_default\n  project: {}\n  dataset: {}\n  table: t\n\
                 {format}{options}",
                self.columns,
                self.fake.bigquery().project,
                self.dataset
            ),
        );
        self.sandbox.run(["embulk", "run", "a.yml"])
    }

    /// The rows of the table, sorted by their text.
    fn rows(&self) -> Vec<Vec<String>> {
        let rows = self.fake.bigquery().rows(&self.dataset, "t");
        let text = |cell: Option<String>| cell.unwrap_or_else(|| "null".to_owned());
        let mut rows: Vec<Vec<String>> =
            rows.into_iter().map(|row| row.into_iter().map(text).collect()).collect();
        rows.sort();
        rows
    }
}

const TEXT: &str = "    - {name: v, type: string}\n";

/// The one column of the table after a transfer.
#[track_caller]
fn written(columns: &'static str, lines: &str, options: &str) -> Option<Vec<String>> {
    let lab = Lab::start(columns)?;
    lab.run(lines, options).expect_code(0);
    check_calls(&lab.fake);
    Some(lab.rows().into_iter().map(|row| row.join(" ")).collect())
}

fn bad_rows() {
    let Some(lab) = Lab::start(TEXT) else { return };
    let said = lab.run("1\nx\n2\n", "  column_options: [{name: v, type: INTEGER}]\n").expect_code(1);
    assert!(
        said.stderr.contains("column `v`, row 2: a value is not an integer of 64 bits"),
        "{}",
        said.stderr
    );
    assert_eq!(lab.fake.bigquery().table(&lab.dataset, "t"), None);
}

fn wide_integers() {
    let options = "  column_options: [{name: v, type: INTEGER}]\n";
    let Some(rows) = written(TEXT, "012\n4294967296\n", options) else { return };
    assert_eq!(rows, ["12", "4294967296"]);
    let double = "    - {name: v, type: double}\n";
    assert_eq!(written(double, "4294967296.9\n", options).unwrap(), ["4294967296"]);
}

fn floats() {
    let options = "  column_options: [{name: v, type: FLOAT}]\n";
    let Some(rows) = written(TEXT, "16777217\n", options) else { return };
    assert_eq!(rows[0].parse::<f64>(), Ok(16_777_217.0));
}

fn decimals() {
    let options = "  column_options: [{name: v, type: NUMERIC, scale: 2}]\n";
    let Some(rows) = written(TEXT, "1.234\n1.235\n-1.235\n", options) else { return };
    assert_eq!(rows, ["-1.24", "1.23", "1.24"]);
    let options = "  column_options: [{name: v, type: NUMERIC}]\n";
    assert_eq!(written(TEXT, "1.2340\n", options).unwrap()[0].trim_end_matches('0'), "1.234");
    let double = "    - {name: v, type: double}\n";
    let options = "  column_options: [{name: v, type: NUMERIC, scale: 1}]\n";
    assert_eq!(written(double, "1.25\n1e3\n", options).unwrap(), ["1.3", "1000"]);
}

fn json_columns() {
    let json = "    - {name: v, type: json}\n";
    let Some(lab) = Lab::start(json) else { return };
    lab.run("\"{\"\"a\"\": 1}\"\n", "").expect_code(0);
    assert_eq!(lab.rows(), [["{\"a\":1}"]]);
    let field = "  mode: replace\n  column_options: [{name: v, type: JSON}]\n";
    lab.run("\"{\"\"a\"\": 1}\"\n", field).expect_code(0);
    let columns = lab.fake.bigquery().columns(&lab.dataset, "t");
    assert_eq!(columns, [("v".to_owned(), "JSON".to_owned())]);
}

fn empty_replace() {
    let Some(lab) = Lab::start(TEXT) else { return };
    lab.run("a\n", "  mode: replace\n").expect_code(0);
    lab.run("", "  mode: replace\n").expect_code(0);
    assert_eq!(lab.rows(), Vec::<Vec<String>>::new());
}

fn descriptions() {
    let Some(lab) = Lab::start(TEXT) else { return };
    let described = "  mode: replace\n  column_options: [{name: v, description: by hand}]\n";
    lab.run("a\n", described).expect_code(0);
    for options in ["", "  retain_column_descriptions: true\n  retain_column_policy_tags: true\n"] {
        lab.run("b\n", &format!("  mode: replace\n{options}")).expect_code(0);
        let table = lab.fake.bigquery().table(&lab.dataset, "t").unwrap();
        assert_eq!(table["schema"]["fields"][0]["description"], "by hand");
    }
}

fn failed_run() {
    let Some(lab) = Lab::start(TEXT) else { return };
    lab.run("a\n", "").expect_code(0);
    lab.fake.rule(&json!({
        "id": "full", "method": "POST", "path": "/jobs$", "action": "job_fail", "reason": "quotaExceeded", "times": 0
    }));
    lab.run("b\n", "  mode: merge\n  merge_keys: [v]\n").expect_code(1);
    assert_eq!(lab.fake.bigquery().tables(&lab.dataset), ["t"]);
}

fn replace_backup() {
    let Some(lab) = Lab::start(TEXT) else { return };
    let said = lab.run("a\n", "  mode: replace_backup\n").expect_code(1);
    let message = "`mode: replace_backup` is not in this plugin: replace, append, merge, delete_in_advance and \
                   append_direct are supported";
    assert!(
        said.stderr.contains(message) && said.stderr.contains("`type: bigquery` has it"),
        "{}",
        said.stderr
    );
}

const TIME: &str = "    - {name: v, type: timestamp, format: '%Y-%m-%d %H:%M:%S'}\n";

fn default_timezone() {
    let Some(lab) = Lab::start(TIME) else { return };
    let options = "  default_timezone: Asia/Tokyo\n  column_options: [{name: v, type: STRING}]\n";
    let said = lab.run("2026-01-02 03:04:05\n", options).expect_code(0);
    assert_eq!(lab.rows(), [["2026-01-02 03:04:05.000000 +00:00"]]);
    let warning = "`default_timezone` has no effect: the plugin does not read it; write `timezone` at each column in \
                   `column_options`";
    assert!((said.stdout + &said.stderr).contains(warning));
}

fn csv() {
    let Some(lab) = Lab::start(TEXT) else { return };
    let said = lab.run("a\n", "  source_format: CSV\n").expect_code(0);
    let warning = "`source_format` has no effect: rows are sent as lines of JSON, as the plugin does";
    assert!((said.stdout + &said.stderr).contains(warning));
    let jobs = lab.fake.calls_to("POST", "/jobs");
    assert_eq!(jobs[0]["body"]["configuration"]["load"]["sourceFormat"], "NEWLINE_DELIMITED_JSON");
}

fn before_load() {
    let Some(lab) = Lab::start(TEXT) else { return };
    let said = lab.run("a\n", "  mode: replace\n  before_load: DELETE FROM x WHERE true\n").expect_code(0);
    let warning = "`before_load` has no effect: the plugin runs it in `mode: append` only";
    assert!((said.stdout + &said.stderr).contains(warning));
    assert_eq!(lab.rows(), [["a"]]);
}

/// What the plugin makes of instants: UTC for TIMESTAMP, the column's zone else, milliseconds for numbers.
#[test]
fn times_are_those_of_the_plugin() {
    for (option, expected) in [
        // As the API tells an instant: in microseconds.
        ("", "1767323045000000"),
        ("type: STRING, timezone: Asia/Tokyo", "2026-01-02 12:04:05.000000 +09:00"),
        ("type: STRING, timestamp_format: '%H:%M %z', timezone: Asia/Tokyo", "12:04 +0900"),
        ("type: DATETIME, timezone: Asia/Tokyo", "2026-01-02T12:04:05"),
        ("type: DATE, timezone: -1000", "2026-01-01"),
        ("type: INTEGER", "1767323045000"),
        ("type: FLOAT", "1767323045000.0"),
    ] {
        let Some(lab) = Lab::start(TIME) else { return };
        let options = match option {
            "" => String::new(),
            option => format!("  column_options: [{{name: v, {option}}}]\n"),
        };
        lab.run("2026-01-02 03:04:05\n", &options).expect_code(0);
        assert_eq!(lab.rows(), [[expected]], "{option}");
    }
}

#[test]
fn texts_are_those_of_the_plugin() {
    for (option, lines, expected) in [
        ("type: BOOLEAN", "TRUE\nfalse\n", vec!["false", "true"]),
        ("type: STRING", "a\n", vec!["a"]),
        ("type: DATE", "2026-01-02\n", vec!["2026-01-02"]),
        ("type: DATE, timestamp_format: '%d/%m/%Y'", "02/01/2026\n", vec!["2026-01-02"]),
    ] {
        let options = format!("  column_options: [{{name: v, {option}}}]\n");
        let Some(rows) = written(TEXT, lines, &options) else { return };
        assert_eq!(rows, expected, "{option}");
    }
    let double = "    - {name: v, type: double}\n";
    let options = "  column_options: [{name: v, type: STRING}]\n";
    let Some(rows) = written(double, "12345678.9\n0.5\n", options) else { return };
    assert_eq!(rows, ["0.5", "1.23456789E7"]);
}

#[test]
fn every_mode_gives_the_table_of_the_plugin() {
    let columns = "    - {name: k, type: long}\n    - {name: v, type: string}\n";
    for (options, expected) in [
        ("  mode: append\n", "1 a, 1 b, 2 c"),
        ("  mode: append_direct\n", "1 a, 1 b, 2 c"),
        ("  mode: append_direct\n  auto_create_table: false\n", "1 a, 1 b, 2 c"),
        ("  mode: replace\n", "1 b, 2 c"),
        ("  mode: delete_in_advance\n", "1 b, 2 c"),
    ] {
        let Some(lab) = Lab::start(columns) else { return };
        lab.run("1,a\n", "").expect_code(0);
        lab.run("1,b\n2,c\n", options).expect_code(0);
        let rows: Vec<String> = lab.rows().into_iter().map(|row| row.join(" ")).collect();
        assert_eq!(rows.join(", "), expected, "{options}");
        check_calls(&lab.fake);
    }
    let Some(lab) = Lab::start(columns) else { return };
    lab.run("1,a\n", "").expect_code(0);
    lab.run("1,b\n2,c\n", "  mode: merge\n  merge_keys: [k]\n  merge_rule: [v = S.v]\n");
    let queries = lab.fake.calls_to("POST", "/jobs");
    let query =
        queries.iter().find_map(|job| job["body"]["configuration"]["query"]["query"].as_str()).unwrap();
    assert!(
        query.contains(" ON T.`k` = S.`k` WHEN MATCHED THEN UPDATE SET v = S.v WHEN NOT MATCHED"),
        "{query}"
    );
}
