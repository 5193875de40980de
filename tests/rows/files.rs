//! Files as a source: csv, json and jsonl, packed or not.

use std::io::Write;

use proptest::prelude::*;
use serde_json::json;
use sync::embulk::config::EmbulkConfig;
use sync::transfer::error::{ErrorKind, TransferError};
use sync::transfer::report::TransferReport;

use super::lab::{Lab, loaded};
use crate::support::s3;
use crate::support::servers::{aws, fresh_name};

const COLUMNS: &str =
    "columns: [{name: id, type: long}, {name: name, type: string}, {name: v, type: double}]";

/// A config that reads `path_prefix: data/` with a parser and decoders, and writes `out000.00.jsonl`.
fn config(parser: &str, more: &str) -> EmbulkConfig {
    loaded(&format!(
        "in:\n  type: file\n  path_prefix: data/\n{more}  parser: {{{parser}}}\n\
         out: {{type: file, path_prefix: out, file_ext: jsonl, formatter: {{type: jsonl}}}}\n"
    ))
}

fn lab(files: &[(&str, &[u8])]) -> Lab {
    let lab = Lab::new();
    for (name, bytes) in files {
        let path = lab.path("data").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    lab
}

fn run(lab: &Lab, parser: &str, more: &str) -> Result<TransferReport, TransferError> {
    lab.run(&config(parser, more))
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(text: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn files_are_read_in_the_order_of_their_paths() {
    let lab = lab(&[
        ("b.csv", b"id,name,v\r\n3,\"x, \"\"y\"\"\",1e3\r\n"),
        ("a.csv", "id,name,v\n1,日本,0.5\n2,,\n".as_bytes()),
        ("c/d.csv", b"id,name,v\n4,\"\",-1\n"),
    ]);
    let report = run(&lab, &format!("type: csv, skip_header_lines: 1, {COLUMNS}"), "").unwrap();
    assert_eq!(
        lab.json_lines("out000.00.jsonl"),
        [
            json!({"id": 1, "name": "日本", "v": 0.5}),
            json!({"id": 2, "name": null, "v": null}),
            json!({"id": 3, "name": "x, \"y\"", "v": 1000.0}),
            json!({"id": 4, "name": "", "v": -1.0}),
        ]
    );
    assert_eq!((report.source.as_str(), report.rows_read), ("file data/", 4));
    assert!(report.notes.is_empty(), "{:?}", report.notes);
    let heard = lab.heard.lines.lock().unwrap();
    assert_eq!(heard[0], "Listing local files at directory 'data/' filtering filename by prefix ''");
    assert_eq!(heard[1], "Loading files [data/a.csv, data/b.csv, data/c/d.csv]");
}

#[test]
fn rows_that_cannot_be_read_are_counted_and_named_without_their_values() {
    let text = b"1,a,1\nsecret,b,2\n3,c\n4,d,4,e\n\"5,f\n6,g,6\n7,h,\"x\"y\n8,i,no\n9,\xff,9\n";
    let lab = lab(&[("a.csv", text)]);
    let report = run(&lab, &format!("type: csv, {COLUMNS}"), "").unwrap();
    assert_eq!(
        lab.json_lines("out000.00.jsonl").iter().map(|row| row["id"].clone()).collect::<Vec<_>>(),
        [1, 6, 9]
    );
    assert_eq!(
        report.notes,
        [
            "6 rows were skipped: `data/a.csv` line 2 (column `id` is not a whole number of 64 bits), \
             `data/a.csv` line 3 (has fewer fields than columns), \
             `data/a.csv` line 4 (has more fields than columns), \
             `data/a.csv` line 5 (has a character after a closing quote), \
             `data/a.csv` line 7 (has a character after a closing quote), \
             `data/a.csv` line 8 (column `v` is not a number)",
            "bytes that are not UTF-8 became U+FFFD in `data/a.csv`",
        ]
    );
    std::fs::remove_file(lab.path("out000.00.jsonl")).unwrap();
    let stopped = run(&lab, &format!("type: csv, stop_on_invalid_record: true, {COLUMNS}"), "").unwrap_err();
    assert_eq!(
        stopped.to_string(),
        "file `data/a.csv`, line 2: column `id` is not a whole number of 64 bits"
    );
    assert_eq!(
        stopped.hint.as_deref(),
        Some("correct the file, or skip such rows with `stop_on_invalid_record: false`")
    );
    assert!(!lab.path("out000.00.jsonl").exists());
}

#[test]
fn fields_that_no_column_takes_are_dropped_with_all_their_lines() {
    let lab = lab(&[("a.csv", b"1,a,1,\"x\ny\"\n2,\"b\nc\",2,z\n3,d,3,\"open\n4,e,4\n")]);
    let report = run(&lab, &format!("type: csv, newline: LF, allow_extra_columns: true, {COLUMNS}"), "");
    assert!(report.unwrap().notes.is_empty());
    let rows = lab.json_lines("out000.00.jsonl");
    let names: Vec<_> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["a", "b\nc", "d", "e"]);
}

#[test]
fn packed_files_are_unpacked_member_by_member() {
    let (first, second) = (b"1,a,1\n".as_slice(), b"2,b,2\n".as_slice());
    let (lab_gzip, lab_bzip2) = (
        lab(&[("a.csv.gz", &[gzip(first), gzip(second)].concat())]),
        lab(&[("a.csv.bz2", &[bzip2(first), bzip2(second)].concat())]),
    );
    for (lab, decoder) in [(lab_gzip, "gzip"), (lab_bzip2, "bzip2")] {
        let decoders = format!("  decoders: [{{type: {decoder}}}]\n");
        run(&lab, &format!("type: csv, {COLUMNS}"), &decoders).unwrap();
        assert_eq!(lab.json_lines("out000.00.jsonl").len(), 2, "{decoder}");
    }
}

#[test]
fn a_file_that_is_not_whole_is_named_and_nothing_is_published() {
    let text: Vec<u8> =
        (0..200_000).flat_map(|id| format!("{id},name {},{id}.5\n", id * 7919).into_bytes()).collect();
    let flipped = |mut packed: Vec<u8>| {
        let middle = packed.len() / 2;
        packed[middle..middle + 64].fill(0x55);
        packed
    };
    let cut = |packed: Vec<u8>| packed[..packed.len() * 2 / 3].to_vec();
    for (decoder, packed, reason) in [
        ("gzip", cut(gzip(&text)), "its gzip data ends early"),
        ("gzip", flipped(gzip(&text)), "its gzip data is broken: "),
        ("gzip", text.clone(), "its gzip data is broken: "),
        ("bzip2", cut(bzip2(&text)), "its bzip2 data ends early"),
        ("bzip2", flipped(bzip2(&text)), "its bzip2 data is broken: "),
    ] {
        let lab = lab(&[("a.csv", &packed)]);
        let decoders = format!("  decoders: [{{type: {decoder}}}]\n");
        let error = run(&lab, &format!("type: csv, {COLUMNS}"), &decoders).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Data, "{error}");
        assert!(error.message.starts_with("file `data/a.csv` could not be read"), "{error}");
        assert!(error.causes[0].starts_with(reason), "{decoder}: {error}");
        assert_eq!(lab.files(), ["data"]);
    }
}

#[test]
fn a_file_that_is_not_there_is_an_error_unless_nothing_new_was_to_come() {
    let lab = lab(&[("a.csv", b"1,a,1\n")]);
    let parser = format!("type: csv, {COLUMNS}");
    let at = |prefix: &str, more: &str| {
        let mut config = config(&parser, more);
        let sync::embulk::input::InputConfig::File(input) = &mut config.input else { panic!("a file") };
        input.path_prefix = prefix.into();
        config
    };
    let missing = lab.run(&at("data/b", "")).unwrap_err();
    assert_eq!(missing.to_string(), "there is no file whose path begins with `data/b`");
    assert_eq!(missing.kind, ErrorKind::NotFound);
    let missing = lab.run(&at("no/b", "")).unwrap_err();
    assert_eq!(missing.to_string(), "there is no folder `no`");
    let nothing_new = lab.run(&at("data/", "  last_path: data/a.csv\n")).unwrap();
    assert_eq!(nothing_new.rows_read, 0);
}

#[test]
fn links_to_folders_are_followed_when_asked() {
    let lab = lab(&[("a.csv", b"1,a,1\n")]);
    std::fs::create_dir(lab.path("elsewhere")).unwrap();
    std::fs::write(lab.path("elsewhere/b.csv"), b"2,b,2\n").unwrap();
    std::os::unix::fs::symlink(lab.path("elsewhere"), lab.path("data/link")).unwrap();
    std::os::unix::fs::symlink(lab.path("elsewhere/b.csv"), lab.path("data/one.csv")).unwrap();
    let parser = format!("type: csv, {COLUMNS}");
    assert_eq!(run(&lab, &parser, "").unwrap().rows_read, 2);
    assert_eq!(run(&lab, &parser, "  follow_symlinks: true\n").unwrap().rows_read, 3);
    std::os::unix::fs::symlink(lab.path("data"), lab.path("data/round")).unwrap();
    let round = run(&lab, &parser, "  follow_symlinks: true\n").unwrap_err();
    assert_eq!(round.to_string(), "folder `data/round` links to a folder above it");
}

#[test]
fn times_have_zones_formats_and_days_of_their_own() {
    let lab = lab(&[("a.csv", b"2015-06-04 01:02:03,20150604,12:34,1433419200\nx,,,\n")]);
    let parser = "type: csv, default_timezone: Asia/Tokyo, default_timestamp_format: '%Y-%m-%d %H:%M:%S', \
                  columns: [{name: t, type: timestamp}, {name: d, type: timestamp, format: '%Y%m%d', timezone: UTC}, \
                  {name: h, type: timestamp, format: '%H:%M', date: '2020-02-29'}, \
                  {name: s, type: timestamp, format: '%s'}]";
    let report = run(&lab, parser, "").unwrap();
    assert_eq!(
        lab.json_lines("out000.00.jsonl"),
        [json!({
            "t": "2015-06-03 16:02:03.000000 +0000", "d": "2015-06-04 00:00:00.000000 +0000",
            "h": "2020-02-29 03:34:00.000000 +0000", "s": "2015-06-04 12:00:00.000000 +0000",
        })]
    );
    assert_eq!(
        report.notes,
        ["1 row was skipped: `data/a.csv` line 2 (column `t` is not a time in the column's format)"]
    );
}

#[test]
fn documents_are_rows_with_their_own_digits() {
    let documents = "{\"id\": 12345678901234567890, \"z\": 1.50, \"a\": {\"b\": [1, 2]}}\n[1]{\"id\": 2}";
    let lab = lab(&[("a.json", documents.as_bytes())]);
    let report = run(&lab, "type: json", "").unwrap();
    let lines = std::fs::read_to_string(lab.path("out000.00.jsonl")).unwrap();
    assert_eq!(
        lines,
        "{\"record\":{\"id\":12345678901234567890,\"z\":1.50,\"a\":{\"b\":[1,2]}}}\n{\"record\":{\"id\":2}}\n"
    );
    assert_eq!(report.notes, ["1 row was skipped: `data/a.json` line 2 (is not a JSON object)"]);
}

#[test]
fn members_of_documents_are_columns() {
    let documents = br#"
        {"rows": [{"id": 1, "s": {"k": [1.50]}, "n": "12", "f": 3, "at": "2015-06-04", "deep": {"x": ["y"]}}]}
        {"rows": [{"id": 2, "s": "x", "b": "TRUE", "j": [1, 2]}, {"at": "no"}]}
        {"other": 1}
    "#;
    let lab = lab(&[("a.json", documents)]);
    let columns = "columns: [{name: id, type: long}, {name: s, type: string}, {name: n, type: long}, \
                   {name: f, type: double}, {name: b, type: boolean}, {name: j, type: json}, \
                   {name: at, type: timestamp, format: '%Y-%m-%d'}, \
                   {name: x, type: string, element_at: /deep/x/0}]";
    let report =
        run(&lab, &format!("type: json, root: /rows, flatten_json_array: true, {columns}"), "").unwrap();
    assert_eq!(
        lab.json_lines("out000.00.jsonl"),
        [
            json!({"id": 1, "s": "{\"k\":[1.50]}", "n": 12, "f": 3.0, "b": null, "j": null,
                   "at": "2015-06-04 00:00:00.000000 +0000", "x": "y"}),
            json!({"id": 2, "s": "x", "n": null, "f": null, "b": true, "j": [1, 2], "at": null, "x": null}),
        ]
    );
    assert_eq!(
        report.notes,
        ["2 rows were skipped: `data/a.json` line 3 (column `at` is not a time in the column's format), \
          `data/a.json` line 4 (has nothing at `root`)"]
    );
}

#[test]
fn a_document_that_is_broken_ends_the_read_and_a_line_does_not() {
    let lab = lab(&[("a.json", b"{\"id\": 1}\n{\"id\": }\n{\"id\": \"x\"}\n{\"id\": 4}\n")]);
    let columns = "columns: [{name: id, type: long}]";
    let broken = run(&lab, &format!("type: json, {columns}"), "").unwrap_err();
    assert_eq!(broken.to_string(), "file `data/a.json`, line 2: is not JSON");
    let report = run(&lab, &format!("type: jsonl, {columns}"), "").unwrap();
    assert_eq!(lab.json_lines("out000.00.jsonl"), [json!({"id": 1}), json!({"id": 4})]);
    assert_eq!(
        report.notes,
        ["2 rows were skipped: `data/a.json` line 2 (is not JSON), \
          `data/a.json` line 3 (column `id` is not a whole number of 64 bits)"]
    );
}

#[test]
fn the_last_path_is_what_the_next_run_begins_behind() {
    let lab = lab(&[("a.csv", b"1,a,1\n"), ("b/c.csv", b"2,b,2\n")]);
    let mut context = lab.context();
    context.config_diff = Some(lab.path("diff.yml"));
    let parser = format!("type: csv, {COLUMNS}");
    let copy = |more: &str| sync::transfer::run(&config(&parser, more), &context).unwrap().rows_read;
    assert_eq!(copy(""), 2);
    let said = "in: {\"last_path\":\"data/b/c.csv\"}\nout: {}\n";
    assert_eq!(std::fs::read_to_string(lab.path("diff.yml")).unwrap(), said);
    assert_eq!(copy("  last_path: data/b/c.csv\n"), 0);
    assert_eq!(std::fs::read_to_string(lab.path("diff.yml")).unwrap(), said);
    // A folder that sorts before the last path still has files that come after it.
    std::fs::write(lab.path("data/b/d.csv"), b"3,c,3\n").unwrap();
    assert_eq!(copy("  last_path: data/b/c.csv\n"), 1);
}

#[test]
fn objects_of_a_bucket_are_read_in_the_order_of_their_keys() {
    let Some(aws) = aws() else { return };
    let folder = fresh_name("objects");
    let many: String = (0..100_000).map(|id| format!("{id},name {},0.5\n", id * 7919)).collect();
    for (name, bytes) in [
        ("b.csv.gz", gzip(many.as_bytes())),
        ("a.csv.gz", gzip(b"-1,a,1\nx,b,2\n")),
        ("c.txt", b"no rows".to_vec()),
        ("d.csv.gz", Vec::new()),
    ] {
        s3::put_bytes(&aws, &aws.bucket, &format!("{folder}/{name}"), bytes);
    }
    let from = |objects: &str| {
        loaded(&format!(
            "in:\n  type: s3\n  bucket: {}\n  endpoint: {}\n  region: {}\n  auth_method: basic\n  access_key_id: {}\n\
             \x20 secret_access_key: {}\n{objects}  decoders: [{{type: gzip}}]\n  parser: {{type: csv, {COLUMNS}}}\n\
             out: {{type: file, path_prefix: out, file_ext: jsonl, formatter: {{type: jsonl}}}}\n",
            aws.bucket, aws.endpoint, aws.region, aws.access_key_id, aws.secret_access_key
        ))
    };
    let lab = Lab::new();
    let report =
        lab.run(&from(&format!("  path_prefix: {folder}/\n  path_match_pattern: \\.csv\n"))).unwrap();
    assert_eq!(report.source, format!("s3 {}/{folder}/", aws.bucket));
    let ids: Vec<i64> =
        lab.json_lines("out000.00.jsonl").iter().map(|row| row["id"].as_i64().unwrap()).collect();
    assert!(ids.into_iter().eq(-1..100_000));
    assert_eq!(
        report.notes,
        [format!(
            "1 row was skipped: `{folder}/a.csv.gz` line 2 (column `id` is not a whole number of 64 bits)"
        )]
    );
    let rows = |objects: &str| lab.run(&from(objects)).map(|report| report.rows_read);
    assert_eq!(rows(&format!("  path: {folder}/a.csv.gz\n")), Ok(1));
    let csv = format!("  path_prefix: {folder}/\n  path_match_pattern: csv\n");
    assert_eq!(rows(&format!("{csv}  total_file_count_limit: 1\n")), Ok(1));
    assert_eq!(rows(&format!("{csv}  last_path: {folder}/a.csv.gz\n")), Ok(100_000));
    assert_eq!(rows(&format!("{csv}  last_path: {folder}/z\n")), Ok(0));
    let missing = rows(&format!("  path_prefix: {folder}/no\n")).unwrap_err();
    assert_eq!(
        missing.to_string(),
        format!("bucket `{}` has no object whose key begins with `{folder}/no`", aws.bucket)
    );
    let missing = rows(&format!("  path: {folder}/no\n")).unwrap_err();
    assert_eq!(missing.message, format!("object `{folder}/no` could not be read"));
    assert_eq!(missing.kind, ErrorKind::NotFound, "{missing}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// What the csv formatter writes, the csv parser reads back equal.
    #[test]
    fn csv_comes_back_as_it_went(
        rows in proptest::collection::vec(
            (any::<Option<i64>>(), proptest::option::of("[a\",;'\\\\ \t日😀#]{0,8}"), any::<Option<bool>>(), any::<Option<f64>>()),
            1..40,
        ),
        delimiter in "[,;\t|]",
        policy in "MINIMAL|ALL",
    ) {
        let lab = lab(&[]);
        let texts: Vec<String> = rows
            .iter()
            .map(|(id, name, flag, v)| {
                let v = v.filter(|v| v.is_finite());
                json!({"id": id, "name": name, "flag": flag, "v": v}).to_string()
            })
            .collect();
        std::fs::create_dir(lab.path("data")).unwrap();
        std::fs::write(lab.path("data/a.jsonl"), texts.join("\n")).unwrap();
        let columns = "columns: [{name: id, type: long}, {name: name, type: string}, \
                       {name: flag, type: boolean}, {name: v, type: double}]";
        let marks = format!("delimiter: {}, escape: '\"'", json!(delimiter));
        let there = loaded(&format!(
            "in: {{type: file, path_prefix: data/, parser: {{type: jsonl, {columns}}}}}\n\
             out: {{type: file, path_prefix: mid, file_ext: csv, formatter: {{type: csv, quote_policy: {policy}, {marks}}}}}\n"
        ));
        lab.run(&there).unwrap();
        let back = loaded(&format!(
            "in: {{type: file, path_prefix: mid, parser: {{type: csv, skip_header_lines: 1, {marks}, {columns}}}}}\n\
             out: {{type: file, path_prefix: out, file_ext: jsonl, formatter: {{type: jsonl}}}}\n"
        ));
        let report = lab.run(&back).unwrap();
        prop_assert!(report.notes.is_empty(), "{:?}", report.notes);
        let straight = loaded(&format!(
            "in: {{type: file, path_prefix: data/, parser: {{type: jsonl, {columns}}}}}\n\
             out: {{type: file, path_prefix: straight, file_ext: jsonl, formatter: {{type: jsonl}}}}\n"
        ));
        prop_assert_eq!(lab.run(&straight).unwrap().rows_read, rows.len() as u64);
        let read = |name: &str| std::fs::read_to_string(lab.path(name)).unwrap();
        prop_assert_eq!(read("out000.00.jsonl"), read("straight000.00.jsonl"));
    }
}
