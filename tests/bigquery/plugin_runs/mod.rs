//! Runs of Embulk's own plugin against ours: what it asked of BigQuery is done once more on the stand-in, the same
//! config is run, and both must have left the same tables, under the same load options, out of the same rows.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::google_clients::check_calls;
use crate::support::google::FakeGoogle;
use crate::support::http;
use crate::support::sandbox::Said;
use crate::support::servers::{self, MySqlDatabase};

mod run;

use run::{Before, Run, Side};

/// What was recorded; see the README beside it.
static RECORDED: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../fixtures/bigquery/plugin_runs.json"))
        .expect("the fixture is JSON")
});

/// Where a run is as the README's table of differences says, or where the service decides: what is not compared.
const ON_PURPOSE: [(&str, Part, &str); 8] = [
    ("replace_schema_file", Part::Success, "a text that is no number does not reach a field of NUMERIC"),
    ("append_payload", Part::Success, "a line of NULL is no line"),
    ("replace_count_mismatch", Part::Tables, "a run that fails leaves no table behind"),
    ("replace_unchecked", Part::Report, "results are always checked"),
    ("append_load_options", Part::Options, "fields are separated by what is said, texts are UTF-8"),
    ("append_load_options", Part::Rows, "fields are separated by what is said"),
    ("replace_dataset", Part::Dataset, "the dataset is made where the table goes"),
    ("replace_csv", Part::Options, "a quoted line break is a part of its text"),
];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    Success,
    Tables,
    Report,
    Options,
    Rows,
    Dataset,
}

/// Whether a part of a run is one of those.
fn is_on_purpose(run: &Run<'_>, part: Part) -> bool {
    ON_PURPOSE.iter().any(|(name, other, _)| *name == run.name() && *other == part)
}

fn report(said: &Said) -> Option<Value> {
    let line = said.stdout.lines().find(|line| line.contains("transaction_report: "))?;
    serde_json::from_str(line.split_once("transaction_report: ")?.1).ok()
}

/// Numbers as numbers, all else as it is.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left == right || (left.is_f64() || right.is_f64()) && left.as_f64() == right.as_f64()
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.keys().eq(right.keys()) && left.iter().all(|(key, value)| same(value, &right[key]))
        }
        _ => left == right,
    }
}

/// Where the bytes that were sent differ: as values where they are JSON, else as texts.
fn unlike(theirs: Option<String>, ours: Option<String>) -> Vec<String> {
    let (theirs, ours) = (theirs.unwrap_or_default(), ours.unwrap_or_default());
    let is_json = [&theirs, &ours].iter().all(|text| text.starts_with('{'));
    let value = |line: Option<&str>| -> Value {
        match (line, is_json) {
            (Some(line), true) => serde_json::from_str(line).unwrap(),
            (Some(line), false) => line.split(',').collect(),
            (None, _) => Value::Null,
        }
    };
    let mut found = Vec::new();
    for at in 0..theirs.lines().count().max(ours.lines().count()) {
        let (theirs, ours) = (value(theirs.lines().nth(at)), value(ours.lines().nth(at)));
        match (theirs.as_object(), ours.as_object()) {
            (Some(own), Some(_)) => found.extend(
                own.iter()
                    .filter(|(key, value)| !same(value, &ours[key.as_str()]))
                    .map(|(key, value)| format!("line {at}: {key}: {value} is {}", ours[key.as_str()])),
            ),
            _ if same(&theirs, &ours) => {}
            _ => found.push(format!("line {at}: {theirs} is {ours}")),
        }
    }
    found
}

/// Load options by which a job says how its rows are read.
const OPTIONS: [&str; 6] = [
    "sourceFormat",
    "maxBadRecords",
    "fieldDelimiter",
    "encoding",
    "ignoreUnknownValues",
    "allowQuotedNewlines",
];

fn options(load: &Value) -> Vec<(&'static str, Value)> {
    let usual = |key: &str| match key {
        "encoding" => json!("UTF-8"),
        "allowQuotedNewlines" => json!(false),
        _ => Value::Null,
    };
    let of_csv = load["sourceFormat"] == "CSV";
    let keys = OPTIONS.into_iter().filter(|key| of_csv || !matches!(*key, "fieldDelimiter"));
    keys.map(|key| (key, if load[key].is_null() { usual(key) } else { load[key].clone() })).collect()
}

/// Does a recorded run on both sides and gives what differs.
fn differences(run: &Run<'_>, database: &MySqlDatabase, more: &Value) -> Vec<String> {
    for side in [Side::Plugin, Side::Ours] {
        run.prepare(side);
    }
    for call in run.recorded["calls"].as_array().unwrap() {
        run.apply(call, Side::Plugin);
    }
    let said = run.run(database, more);
    let mut found = Vec::new();
    let mut differ = |part: Part, is_same: bool, what: String| {
        if is_same == is_on_purpose(run, part) {
            found.push(format!("{} {:?}: {part:?}: {what}", run.name(), run.before));
        }
    };
    let succeeds = said.code == Some(0);
    differ(Part::Success, succeeds == (run.recorded["ok"] == true), format!("{said:?}"));
    if is_on_purpose(run, Part::Success) {
        return found;
    }
    if run.is_told() {
        let own = report(&said).unwrap_or_default();
        differ(Part::Report, own == run.recorded["report"], format!("{own}"));
        let (theirs, ours) = (run.loads(Side::Plugin), run.loads(Side::Ours));
        let of = |loads: &[Value]| loads.first().map(options);
        differ(Part::Options, of(&theirs) == of(&ours), format!("{:?}\n{:?}", of(&theirs), of(&ours)));
        let unlike = unlike(run.sent(Side::Plugin), run.sent(Side::Ours));
        differ(Part::Rows, unlike.is_empty(), unlike.join("\n"));
    }
    let (theirs, ours) = (run.state(Side::Plugin), run.state(Side::Ours));
    differ(Part::Tables, theirs == ours, format!("{theirs:#?}\n{ours:#?}"));
    let (project, place) = (run.project(Side::Ours), &run.recorded["out"]["location"]);
    if run.recorded["out"]["auto_create_dataset"] == true {
        let dataset = http::get(&run.at(&format!("{project}/datasets/ds")));
        differ(Part::Dataset, dataset.status == 200, dataset.text());
        let dataset = http::get(&run.at(&format!("{project}-dp/datasets/ds"))).json();
        assert_eq!(&dataset["location"], place);
    }
    found
}

fn source() -> Option<MySqlDatabase> {
    let database = servers::mariadb()?.fresh_database();
    let sql = include_str!("../../fixtures/bigquery/source.sql");
    let sql: String =
        sql.lines().filter(|line| !line.starts_with("--")).flat_map(|line| [line, "\n"]).collect();
    database.run(sql.split(";\n").filter(|statement| !statement.trim().is_empty()));
    Some(database)
}

/// Whether the stand-in can read the rows that were recorded, so that the tables can be compared row by row.
fn can_be_read(run: &Value) -> bool {
    let sent = run["report"]["num_input_rows"] == run["reported"];
    run["from"] != "t"
        && sent
        && run["name"] != "append_load_options"
        && run["name"] != "append_payload"
        && run["name"] != "replace_schema_file"
        && run["out"]["auto_create_dataset"] != true
}

#[test]
fn ours_leaves_what_the_plugin_leaves() {
    let (Some(database), Some(fake)) = (source(), FakeGoogle::start()) else { return };
    fake.polls(0);
    let mut found = Vec::new();
    for (number, recorded) in RECORDED["runs"].as_array().unwrap().iter().enumerate() {
        for before in [Before::Nothing, Before::Rows] {
            if before == Before::Nothing || can_be_read(recorded) {
                let run = Run { recorded, number, fake: &fake, before };
                found.extend(differences(&run, &database, &Value::Null));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n\n"));
    check_calls(&fake);
}
