//! `embulk guess`: what it prints, and whether it guesses as Embulk does.

use std::fs;
use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use sync::diagnostic::Source;
use sync::embulk::guess::{self, Plugin};
use sync::transfer::input::file::Sample;
use sync::yaml;

use crate::support::sandbox::Sandbox;

/// Files and configs with what Embulk 0.11.4 guessed of them. Files that it fails on, or takes for another charset, are
/// left out: the README says what is different there.
const RECORDED: &str = include_str!("fixtures/guess/recorded.jsonl");

/// The plugins that `exec:` leaves.
fn plugins(exec: &Value) -> Vec<Plugin> {
    let listed = |key: &str| -> Vec<Plugin> {
        let names = exec[key].as_array().map_or(&[][..], Vec::as_slice);
        names.iter().map(|name| Plugin::named(name.as_str().unwrap()).unwrap()).collect()
    };
    let excluded = listed("exclude_guess_plugins");
    let all = Plugin::USUAL.into_iter().chain(listed("guess_plugins"));
    all.filter(|plugin| !excluded.contains(plugin)).collect()
}

/// What is guessed of a file, as YAML.
fn guessed(config: &str, file: Vec<u8>) -> Result<String, String> {
    let node = yaml::parse(&Source::new("a.yml", config), yaml::Dialect::Embulk).node.unwrap();
    let Value::Object(mut root) = node.to_json() else { panic!("a mapping") };
    let exec = root.get("exec").cloned().unwrap_or_default();
    let size = exec["guess_sample_buffer_bytes"].as_u64().unwrap_or(32 * 1024) as usize;
    let mut start = file;
    start.truncate(size);
    let input: &mut Map<String, Value> = root["in"].as_object_mut().unwrap();
    let found = guess::guess(input, &plugins(&exec), &Sample::new(start, size));
    guess::merge(input, &found.map_err(|error| error.to_string())?);
    Ok(yaml::dump(&root.into()))
}

fn bytes(case: &Value) -> Vec<u8> {
    match (&case["text"], &case["base64"]) {
        (Value::String(text), _) => text.clone().into_bytes(),
        (_, base64) => STANDARD.decode(base64.as_str().unwrap()).unwrap(),
    }
}

#[test]
fn guesses_are_those_of_embulk() {
    let mut differences = Vec::new();
    let mut count = 0;
    for line in RECORDED.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let name = case["name"].as_str().unwrap_or_default();
        let found = guessed(case["config"].as_str().unwrap(), bytes(&case)).unwrap_or_else(|error| error);
        count += 1;
        if case["yaml"] != found.as_str() {
            differences
                .push(format!("== {name}\n-- Embulk\n{}-- here\n{found}", case["yaml"].as_str().unwrap()));
        }
    }
    assert!(differences.is_empty(), "{} of {count} differ\n{}", differences.len(), differences.join("\n"));
    assert!(count > 200, "{count}");
}

const SEED: &str = "in: {type: file, path_prefix: data/}\nout: {type: file, path_prefix: out, file_ext: csv, formatter: {type: csv}}\n";
const ROWS: &str = "id,name,at\n1,a,2015-06-04 01:02:03\n2,\"b, c\",2015-06-05 00:00:00\n";
const GUESSED: &str = "\
in:
  type: file
  path_prefix: data/
  parser:
    charset: UTF-8
    newline: LF
    type: csv
    delimiter: ','
    quote: '\"'
    escape: '\"'
    trim_if_not_quoted: false
    skip_header_lines: 1
    allow_extra_columns: false
    allow_optional_columns: false
    columns:
    - {name: id, type: long}
    - {name: name, type: string}
    - {name: at, type: timestamp, format: '%Y-%m-%d %H:%M:%S'}
out:
  type: file
  path_prefix: out
  file_ext: csv
  formatter: {type: csv}
";

#[test]
fn a_guess_is_printed_and_can_be_run() {
    let sandbox = Sandbox::new().file("data/a.csv", ROWS).file("seed.yml", SEED);
    let said = sandbox.run(["embulk", "guess", "-l", "warn", "seed.yml"]).expect_code(0);
    assert_eq!(
        (said.stdout.as_str(), said.stderr.as_str()),
        ("Use -o PATH option to write the guessed config file to a file.\n", format!("{GUESSED}\n").as_str())
    );
    let said = sandbox.run(["embulk", "guess", "-l", "warn", "seed.yml", "-o", "load.yml"]).expect_code(0);
    assert_eq!(
        (said.stdout.as_str(), said.stderr.as_str()),
        ("Created 'load.yml' file.\n", format!("{GUESSED}\n").as_str())
    );
    assert_eq!(sandbox.read("load.yml"), GUESSED);
    sandbox.run(["embulk", "run", "load.yml"]).expect_code(0);
    assert_eq!(
        sandbox.read("out000.00.csv"),
        "id,name,at\r\n1,a,2015-06-04 01:02:03.000000 +0000\r\n2,\"b, c\",2015-06-05 00:00:00.000000 +0000\r\n"
    );
}

#[test]
fn packed_files_and_all_strings_are_guessed() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(ROWS.as_bytes()).unwrap();
    let sandbox = Sandbox::new().file("data/empty.csv", "").file("seed.yml", SEED);
    fs::write(sandbox.path().join("data/a.csv.gz"), packed.finish().unwrap()).unwrap();
    let said = sandbox.run(["embulk", "guess", "-l", "warn", "seed.yml"]).expect_code(0).stderr;
    assert!(said.contains("  decoders:\n  - {type: gzip}\n  parser:\n    charset: UTF-8\n"), "{said}");
    sandbox.write("seed.yml", &format!("{SEED}exec: {{exclude_guess_plugins: [csv]}}\n"));
    let said =
        sandbox.run(["embulk", "guess", "-l", "warn", "-g", "csv_all_strings", "seed.yml"]).expect_code(0);
    assert!(said.stderr.contains("    - {name: at, type: string}\n"), "{}", said.stderr);
}

#[test]
fn secrets_stay_out_of_a_guess() {
    let template =
        "in: {type: file, path_prefix: data/, note: '{{ env.API_TOKEN }}', other: '${secret:word}'}\n";
    let mut sandbox = Sandbox::new().file("data/a.csv", ROWS).file("seed.yml.liquid", template);
    sandbox.set("API_TOKEN", "hunter2");
    sandbox.set("SYNC_SECRET_WORD", "hunter3");
    let said = sandbox.run(["embulk", "guess", "-l", "error", "seed.yml.liquid"]).expect_code(0).stderr;
    assert!(said.contains("  note: '{{ env.API_TOKEN }}'\n  other: ${secret:word}\n"), "{said}");
}

#[test]
fn what_cannot_be_guessed_is_said() {
    let sandbox = Sandbox::new()
        .file("data/a.csv", "")
        .file("seed.yml", SEED)
        .file("exec.yml", "in: {type: file, path_prefix: data/}\nexec: {guess_plugins: [xml]}\n");
    for (arguments, said) in [
        (
            &["seed.yml"][..],
            "Error: all input files are empty\n  hint: there must be a file with a few rows to guess from\n",
        ),
        (&["seed.yml", "-o", "no/folder.yml"], "Error: Not writable: no/folder.yml\n"),
        (
            &["exec.yml"],
            "Error: transfer file `exec.yml` is invalid\n  cause: exec.yml:2:23: unknown guess plugin `xml`: native ones are `gzip`, `bzip2`, `json`, `csv` and `csv_all_strings`\n",
        ),
    ] {
        let all = [&["embulk", "guess", "-l", "error"], arguments].concat();
        let found = sandbox.run(all).expect_code(1);
        let stderr = found.stderr.replace(&format!("{}/", sandbox.path().display()), "");
        assert_eq!((found.stdout.as_str(), stderr.as_str()), ("", said), "{arguments:?}");
    }
}
