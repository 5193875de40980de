//! Transfer files that are a little or altogether broken: whatever they hold, they are checked, loaded or refused with a
//! reason at a place. Each file follows from its number, so a case can be had again.

use std::collections::BTreeMap;
use std::path::Path;

use sync::diagnostic::Problem;
use sync::embulk::config::ExecConfig;
use sync::embulk::{ForeignPlugins, Surroundings, check_file, load, load_for_preview};
use sync::reader::MemoryReader;
use sync::report::problems::render;
use sync::secret::{Secret, SecretError, SecretStore};

use crate::model::random::Random;

const FILES: usize = 3_000;

/// What mutations start from: every plugin with most of its options.
const SEEDS: [&str; 6] = [
    include_str!("../embulk/aurora_to_bigquery.yml.liquid"),
    include_str!("../embulk/sqlite_to_parquet.yml.liquid"),
    "in:\n  type: mysql\n  host: h\n  port: '3307'\n  user: u\n  password: ${secret:db}\n  database: d\n  query: SELECT 1\n  fetch_rows: 1\n  connect_timeout: 3\n  ssl: verify\n  options: {useLegacyDatetimeCode: false}\n  column_options:\n    a: {value_type: string, type: timestamp, timestamp_format: '%Y', timezone: Asia/Tokyo}\n  default_column_options: {DATE: {type: string}}\nfilters:\n  - type: column\n    columns: [{name: a}, {name: $.j.k[0], type: long, default: 1}]\n  - type: rename\n    columns: {a: b}\n    rules: [{rule: regex_replace, match: '([a-z])', replace: '$1'}, {rule: unique_number_suffix, digits: 3}]\nout:\n  type: s3\n  bucket: b\n  region: r\n  path_prefix: p/\n  file_ext: .csv.gz\n  formatter: {type: csv, quote_policy: ALL, null_string: \\N, column_options: {a: {format: '%s'}}}\n  encoders: [{type: gzip, level: 9}]\nexec: {min_output_tasks: 1, max_threads: 2}\n",
    "in:\n  type: postgresql\n  host: h\n  user: u\n  database: d\n  schema: s\n  table: t\n  select: a, b\n  where: a > 1\n  incremental: true\n  incremental_columns: [a]\n  last_record: [1]\nfilters:\n  - {type: mask, columns: [{name: a, type: regex, pattern: '[0-9]+', mask_length: 3}, {name: j, paths: [{key: $.a, type: email}]}]}\n  - {type: row, where: \"a = 1 AND (b <> 'x' OR NOT c IS NULL)\"}\n  - {type: row, condition: OR, conditions: [{column: a, operator: '>=', argument: 5}]}\n  - {type: typecast, columns: [{name: a, type: timestamp, format: '%Y-%m-%d'}]}\n  - {type: timestamp_format, columns: [{name: a, from_format: ['%Y'], to_format: '%s', to_unit: ms}]}\n  - {type: expand_json, json_column_name: j, root: $.a, expanded_columns: [{name: x, type: long}]}\n  - {type: remove_columns, remove: [a], accept_unmatched_columns: true}\nout:\n  type: postgresql\n  host: h\n  user: u\n  database: d\n  table: t\n  mode: merge\n  merge_keys: [a]\n  column_options: {a: {type: TEXT}}\n",
    "in:\n  type: file\n  path_prefix: in/\n  last_path: in/a\n  decoders: [{type: gzip}, {type: bzip2}]\n  parser:\n    type: csv\n    delimiter: \"\\t\"\n    quote: null\n    skip_header_lines: 1\n    default_timezone: '+09:00'\n    columns:\n      - {name: id, type: long}\n      - {name: at, type: timestamp, format: '%d.%m.%Y', date: 2015-01-01}\nout: {type: gcs, bucket: b, path_prefix: x, file_ext: parquet, auth_method: json_key, json_keyfile: {content: '{}'}, formatter: {type: parquet}}\n",
    "{% assign names = env.COLUMNS | split: ',' %}in: &in\n  type: sqlite\n  database: {{ env.DB | default: 'a.db' }}\n  {% include 'part', x: 1 %}\n  table: {{ env.TABLE | date: '%Y' }}\nfilters:\n  - type: column\n    drop_columns:\n    {%- for name in names reversed limit: 3 %}\n      - {name: \"{{ name | strip | replace: '-', '_' }}\"}\n    {%- endfor %}\nout: {<<: *in, type: file, path_prefix: o, file_ext: jsonl, formatter: {type: jsonl}, max_file_bytes: 1000}\n",
];

/// What is put in: signs with a meaning to Liquid, YAML, JSONPath, patterns or formats, and values that seldom fit.
const PIECES: [&str; 48] = [
    "{",
    "}",
    "[",
    "]",
    "{{",
    "}}",
    "{%",
    "%}",
    "- ",
    ": ",
    "'",
    "\"",
    "\n",
    "\n  ",
    "\t",
    "\r\n",
    "#",
    "&a ",
    "*a",
    "<<: ",
    "!!x ",
    "|\n",
    ">-\n",
    "? ",
    "null",
    "~",
    "true",
    "0",
    "-1",
    "99999999999999999999",
    "1e999",
    ".nan",
    "%",
    "%Y%",
    "$.",
    "$[",
    "..",
    "*",
    "(",
    ")",
    "\\",
    "⟦x⟧",
    "${secret:",
    "\u{feff}",
    "\0",
    "日本",
    "{% include 'part' %}",
    "{{ env.X | split: ',' | first }}",
];

struct Safe;

impl SecretStore for Safe {
    fn get(&self, name: &str) -> Result<Secret, SecretError> {
        match name {
            "db" => Ok(Secret::new("hunter2")),
            _ => Err(SecretError::NotFound { name: name.to_owned() }),
        }
    }
}

#[test]
fn no_transfer_file_is_too_broken_for_a_reason() {
    for number in 0..FILES {
        let text = mutated(number as u64);
        let name = if number % 3 == 0 { "a.yml" } else { "a.yml.liquid" };
        let reader = MemoryReader::default().with(name, &text).with("_part.yml.liquid", &text);
        let env = BTreeMap::from([("X".to_owned(), "a: 1\n- b".to_owned())]);
        let surroundings = Surroundings {
            env: &env,
            reader: &reader,
            secrets: &Safe,
            is_secret: &|_, _| false,
            now: &"2024-06-04T01:02:03[UTC]".parse().unwrap(),
            directory: Path::new("work"),
            diff: None,
            exec: ExecConfig::default(),
        };
        let path = Path::new(name);
        told(number, &check_file(path, &reader, ForeignPlugins::Refuse));
        match load(path, &surroundings) {
            Ok(loaded) => told(number, &loaded.problems),
            Err(problems) => refused(number, &problems),
        }
        match load_for_preview(path, &surroundings) {
            Ok((_, problems)) => told(number, &problems),
            Err(problems) => refused(number, &problems),
        }
    }
}

/// There is an error among the problems.
#[track_caller]
fn refused(number: usize, problems: &[Problem]) {
    assert!(problems.iter().any(Problem::is_error), "file {number} is refused without a reason");
    told(number, problems);
}

/// Each problem says something, and can be shown with its place.
#[track_caller]
fn told(number: usize, problems: &[Problem]) {
    for problem in problems {
        assert!(!problem.message.is_empty() && !problem.message.contains("hunter2"), "file {number}");
        assert!(
            !problem.is_error() || problem.span.is_some(),
            "file {number}: {} has no place",
            problem.message
        );
    }
    assert!(!render(problems, false).contains("hunter2"), "file {number} shows a secret");
}

fn mutated(number: u64) -> String {
    let mut random = Random::new(number);
    let mut text: Vec<char> = random.pick(&SEEDS).chars().collect();
    for _ in 0..random.between(1, 6) {
        let at = random.below(text.len() + 1);
        let end = (at + random.between(1, 12)).min(text.len());
        match random.below(4) {
            0 => drop(text.drain(at..end)),
            1 => drop(text.splice(at..at, random.pick(&PIECES).chars())),
            2 => drop(text.splice(at..end, random.pick(&PIECES).chars())),
            _ => {
                let part = text[at..end].to_vec();
                let to = random.below(text.len() + 1);
                text.splice(to..to, part);
            }
        }
    }
    text.into_iter().collect()
}
