//! Files that would fill the memory or the stack: cells, lines and nesting without end, packed data that is not whole.

use std::io::Write;

use serde_json::json;
use sync::transfer::error::{ErrorKind, TransferError};
use sync::transfer::report::TransferReport;

use super::lab::{Lab, loaded};
use crate::support::sandbox::{Said, Sandbox};

const COLUMNS: &str = "columns: [{name: id, type: long}, {name: t, type: string}]";

/// A config that reads `data` and writes `out.jsonl`.
fn config(parser: &str, more: &str) -> String {
    format!(
        "in:\n  type: file\n  path_prefix: data\n  parser: {{{parser}}}\n{more}\
         out: {{type: file, path_prefix: out, sequence_format: '.', file_ext: jsonl, formatter: {{type: jsonl}}}}\n"
    )
}

fn decoders(decoder: &str) -> String {
    format!("  decoders: [{{type: {decoder}}}]\n")
}

fn lab(bytes: &[u8]) -> Lab {
    let lab = Lab::new();
    std::fs::write(lab.path("data"), bytes).unwrap();
    lab
}

fn run(lab: &Lab, parser: &str, more: &str) -> Result<TransferReport, TransferError> {
    lab.run(&loaded(&config(parser, more)))
}

/// The whole text of an error, and that nothing was written.
#[track_caller]
fn refused(lab: &Lab, parser: &str, more: &str) -> String {
    let error = run(lab, parser, more).unwrap_err();
    assert_eq!(lab.files(), ["data"]);
    assert_eq!(error.kind, ErrorKind::Data, "{error}");
    error.to_string()
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
fn a_quoted_cell_of_megabytes_is_refused_unless_the_limit_is_raised() {
    let cell = "x".repeat(99) + "\n";
    let cell = cell.repeat(80_000);
    let lab = lab(format!("1,a\n2,\"{cell}\"\n3,c\n").as_bytes());
    assert_eq!(
        refused(&lab, &format!("type: csv, stop_on_invalid_record: true, {COLUMNS}"), ""),
        "file `data`, line 2: has a quoted field above `max_quoted_size_limit`"
    );
    let parser = format!("type: csv, newline: LF, max_quoted_size_limit: 8000000, {COLUMNS}");
    assert!(run(&lab, &parser, "").unwrap().notes.is_empty());
    let rows = lab.json_lines("out.jsonl");
    assert_eq!(rows.len(), 3);
    assert!(rows[1]["t"] == json!(cell), "the cell is another one");
    std::fs::remove_file(lab.path("out.jsonl")).unwrap();
    let parser = format!(
        "type: csv, newline: LF, stop_on_invalid_record: true, max_quoted_size_limit: 7999998, {COLUMNS}"
    );
    assert!(refused(&lab, &parser, "").starts_with("file `data`, line 2: "));
}

#[test]
fn a_quote_that_does_not_end_costs_no_more_than_the_limit() {
    let stop = format!("type: csv, stop_on_invalid_record: true, {COLUMNS}");
    for rest in ["x\n".repeat(200_000), "\n".repeat(2_000_000), "\"\"\n".repeat(1_000_000)] {
        let lab = lab(format!("1,a\n2,\"{rest}").as_bytes());
        assert_eq!(
            refused(&lab, &stop, ""),
            "file `data`, line 2: has a quoted field above `max_quoted_size_limit`"
        );
    }
    let lab = lab(b"1,a\n2,\"b\n3,c\n");
    assert_eq!(refused(&lab, &stop, ""), "file `data`, line 2: has a quoted field that does not end");
    let report = run(&lab, &format!("type: csv, {COLUMNS}"), "").unwrap();
    assert_eq!(lab.json_lines("out.jsonl"), [json!({"id": 1, "t": "a"}), json!({"id": 3, "t": "c"})]);
    assert_eq!(report.notes, ["1 row was skipped: `data` line 2 (has a quoted field that does not end)"]);
}

/// Line ends and quotes count only when a character follows, as in Embulk.
#[test]
fn line_ends_alone_do_not_break_the_limit() {
    let parser = format!("type: csv, max_quoted_size_limit: 3, {COLUMNS}");
    let lab = lab(b"1,\"abc\n\n\"\n2,\"ab\"\"\"\"\"\n3,\"abc\nd\"\n");
    let report = run(&lab, &parser, "").unwrap();
    assert_eq!(
        lab.json_lines("out.jsonl"),
        [json!({"id": 1, "t": "abc\r\n\r\n"}), json!({"id": 2, "t": "ab\"\""})]
    );
    assert!(report.notes[0].contains("`data` line 5 (has a quoted field above"), "{:?}", report.notes);
}

#[test]
fn packed_data_that_is_not_whole_is_refused_where_it_breaks() {
    let (first, second) = (gzip(b"1,a\n"), gzip(b"2,b\n"));
    let wrong_sum = [&first[..first.len() - 8], &[0; 4], &first[first.len() - 4..]].concat();
    let after = |bytes: &[u8]| [&first, bytes].concat();
    let broken = "file `data` could not be read after line 1: its gzip data is broken: ";
    let early = "file `data` could not be read after line 1: its gzip data ends early";
    for (bytes, reason) in [
        (wrong_sum, format!("{broken}corrupt gzip stream does not have a matching checksum")),
        (first[..first.len() - 5].to_vec(), early.to_owned()),
        (after(&second[..second.len() - 12]), early.to_owned()),
        (after(b"no gzip at all"), format!("{broken}bytes follow it that are not gzip")),
        (after(b"\0\0no gzip at all"), format!("{broken}bytes follow it that are not gzip")),
        (Vec::new(), "file `data` could not be read: its gzip data ends early".to_owned()),
        (
            b"1,a\n2,bcdefgh\n".to_vec(),
            "file `data` could not be read: its gzip data is broken: invalid gzip header".to_owned(),
        ),
    ] {
        assert_eq!(refused(&lab(&bytes), &format!("type: csv, {COLUMNS}"), &decoders("gzip")), reason);
    }
    for bytes in [after(&[0; 512]), [&first[..], &[0; 40_000], &second].concat()] {
        let rows = if bytes.len() > 40_000 { 2 } else { 1 };
        let report = run(&lab(&bytes), &format!("type: csv, {COLUMNS}"), &decoders("gzip")).unwrap();
        assert_eq!((report.rows_read, report.notes.len()), (rows, 0));
    }
}

#[test]
fn bzip2_data_that_is_not_whole_is_refused_where_it_breaks() {
    let (first, second) = (bzip2(b"1,a\n"), bzip2(b"2,b\n"));
    let broken = "its bzip2 data is broken: bzip2: ";
    for (bytes, reason) in [
        ([&first[..first.len() - 2], &[0xff; 2]].concat(), format!(": {broken}invalid data")),
        (first[..first.len() - 3].to_vec(), " after line 1: its bzip2 data ends early".to_owned()),
        ([&first[..], b"no bzip2"].concat(), format!(" after line 1: {broken}bz2 header missing")),
        ([&first, &second[..8]].concat(), " after line 1: its bzip2 data ends early".to_owned()),
        (Vec::new(), ": its bzip2 data ends early".to_owned()),
    ] {
        let said = refused(&lab(&bytes), &format!("type: csv, {COLUMNS}"), &decoders("bzip2"));
        assert_eq!(said, format!("file `data` could not be read{reason}"));
    }
}

/// The program with no more than a gigabyte of addresses, most of which is the program itself and its threads' stacks.
fn in_little_memory(data: &[u8], config: &str) -> (Sandbox, Said) {
    let sandbox = Sandbox::new().file("a.yml", config);
    std::fs::write(sandbox.path().join("data"), data).unwrap();
    let mut command = std::process::Command::new("sh");
    let program = sandbox.command(["embulk", "run", "a.yml"]);
    command.args(["-c", "ulimit -v 1200000; exec \"$0\" embulk run a.yml"]).arg(program.get_program());
    command.current_dir(sandbox.path()).env_clear().env("TZ", "UTC").env("HOME", sandbox.path());
    let said = Said::of(command.output().unwrap());
    (sandbox, said)
}

/// Ten gigabytes without a line end, packed.
#[test]
fn a_bomb_is_refused_at_a_limit_of_its_own() {
    let bomb = gzip(&vec![0; 16 << 20]).repeat(640);
    for (parser, reason) in
        [("csv", "is longer than 256 MiB"), ("json", "begins a document of more than 256 MiB")]
    {
        let config = config(&format!("type: {parser}, {COLUMNS}"), &decoders("gzip"));
        let (sandbox, said) = in_little_memory(&bomb, &config);
        let said = said.expect_code(1);
        let error = format!(
            "Error: file `data`, line 1: {reason}\n  \
             hint: check what the file is packed and written in, and what ends its lines\n"
        );
        assert!(said.stderr.contains(&error), "{}", said.stderr);
        assert!(!sandbox.path().join("out.jsonl").exists());
    }
}

#[test]
fn large_documents_are_rows() {
    let large = "é\\n".repeat(1_000_000);
    let text = format!("{{\"id\": 1, \"t\": \"x\"}}\n{{\"id\": 2, \"t\": \"{large}\"}}\n{{\"id\": 3}}\n");
    for parser in ["json", "jsonl"] {
        let lab = lab(text.as_bytes());
        assert_eq!(run(&lab, &format!("type: {parser}, {COLUMNS}"), "").unwrap().rows_read, 3);
        assert!(lab.json_lines("out.jsonl")[1]["t"] == json!("é\n".repeat(1_000_000)), "{parser}");
    }
}

/// Ten thousand levels, a list in a map in turn.
fn nested() -> String {
    "{\"a\":[".repeat(5_000) + &"]}".repeat(5_000)
}

#[test]
fn json_that_is_nested_deep_is_copied_and_filters_name_their_limit() {
    let deep = nested();
    let json = format!("{{\"id\": 1, \"j\": {deep}}}\n");
    let csv = format!("1,\"{}\"\n", deep.replace('"', "\"\""));
    let columns = "columns: [{name: id, type: long}, {name: j, type: json}]";
    for (parser, text) in [("json", &json), ("jsonl", &json), ("csv", &csv)] {
        let lab = lab(text.as_bytes());
        run(&lab, &format!("type: {parser}, {columns}"), "").unwrap();
        let written = std::fs::read_to_string(lab.path("out.jsonl")).unwrap();
        assert!(written == format!("{{\"id\":1,\"j\":{deep}}}\n"), "{parser}");
        for format in ["csv", "parquet"] {
            let other = config(&format!("type: {parser}, {columns}"), "");
            lab.run(&loaded(
                &other
                    .replace("formatter: {type: jsonl}", &format!("formatter: {{type: {format}}}"))
                    .replace("file_ext: jsonl", &format!("file_ext: {format}"))
                    .replace("prefix: out", &format!("prefix: {format}")),
            ))
            .unwrap();
        }
    }
    let lab = lab(json.as_bytes());
    let parser = format!("type: jsonl, {columns}");
    let too_deep = "row 1: a value is JSON that is nested deeper than 500 levels";
    for (name, filter) in [
        (
            "expand_json",
            "{type: expand_json, json_column_name: j, stop_on_invalid_record: true, expanded_columns: [{name: a, type: json}]}",
        ),
        ("column", "{type: column, drop_columns: [{name: $.j.b}]}"),
        ("mask", "{type: mask, columns: [{name: j, paths: [{key: $.b}]}]}"),
        ("typecast", "{type: typecast, stop_on_invalid_record: true, columns: [{name: j, type: string}]}"),
        (
            "typecast",
            "{type: typecast, stop_on_invalid_record: true, columns: [{name: $.j.b, type: string}]}",
        ),
        (
            "timestamp_format",
            "{type: timestamp_format, stop_on_invalid_record: true, columns: [{name: $.j.b}]}",
        ),
    ] {
        let error = run(&lab, &parser, &format!("filters:\n- {filter}\n")).unwrap_err();
        assert_eq!(error.to_string(), format!("filter `{name}`, column `j`, {too_deep}"));
    }
    let report =
        run(&lab, &parser, "filters:\n- {type: typecast, columns: [{name: j, type: string}]}\n").unwrap();
    assert_eq!(
        report.notes,
        [
            "filter `typecast`, column `j`: 1 value did not fit, it became NULL; the value is JSON that is nested deeper than 500 levels"
        ]
    );
    std::fs::remove_file(lab.path("out.jsonl")).unwrap();
    // A text that only has to be JSON may be as deep as it wants.
    let text = "type: jsonl, columns: [{name: id, type: long}, {name: j, type: string}]";
    run(&lab, text, "filters:\n- {type: typecast, columns: [{name: j, type: json}]}\n").unwrap();
    assert!(std::fs::read_to_string(lab.path("out.jsonl")).unwrap().contains(&deep));
    let filter = format!(
        "filters:\n- {{type: column, add_columns: [{{name: $.j.b, type: json, default: '{deep}'}}]}}\n"
    );
    assert_eq!(
        run(&lab, &parser, &filter).unwrap_err().to_string(),
        "column: a `default` of column `j` is JSON that is nested deeper than 500 levels"
    );
}

/// What is looked up by name is looked up once.
#[test]
fn fifty_thousand_columns() {
    const COUNT: usize = 50_000;
    let list = |entry: &dyn Fn(usize) -> String| (0..COUNT).map(entry).collect::<Vec<_>>().join(", ");
    let row = |row: usize| list(&|at| (row + at).to_string()).replace(' ', "") + "\n";
    let columns = format!("columns: [{}]", list(&|at| format!("{{name: c{at}, type: long}}")));
    let lab = lab((0..3).map(row).collect::<String>().as_bytes());
    let filters = format!(
        "filters:\n- {{type: rename, columns: {{{}}}}}\n- {{type: typecast, columns: [{}]}}\n- {{type: remove_columns, remove: [d0]}}\n\
         - {{type: column, columns: [{}]}}\n",
        list(&|at| format!("c{at}: d{at}")),
        list(&|at| format!("{{name: d{at}, type: string}}")),
        list(&|at| format!("{{name: d{}}}", 1 + at % (COUNT - 1))),
    );
    let config = config(&format!("type: csv, {columns}"), &filters);
    let config = config.replace("{type: jsonl}", "{type: csv, header_line: false}");
    assert_eq!(lab.run(&loaded(&config)).unwrap().rows_sent, 3);
    let written = std::fs::read_to_string(lab.path("out.jsonl")).unwrap();
    let expected =
        |row: usize| list(&|at| (row + 1 + at % (COUNT - 1)).to_string()).replace(' ', "") + "\r\n";
    assert!(written == (0..3).map(expected).collect::<String>());
}

#[test]
fn a_row_that_is_larger_than_the_memory_of_the_run_is_refused_and_what_fits_is_moved() {
    let sandbox = Sandbox::new();
    let line = |megabytes: usize| json!({"id": 1, "t": "x".repeat(megabytes << 20)}).to_string() + "\n";
    std::fs::write(sandbox.path().join("data"), [line(0), line(5), line(5), line(0)].concat()).unwrap();
    let sandbox = sandbox
        .file("copy.yml", &config(&format!("type: jsonl, {COLUMNS}"), ""))
        .file("a.dig", "+copy:\n  embulk>: copy.yml\n");
    let said = sandbox.run(["run", "a.dig", "--memory", "32MiB"]).expect_code(1);
    let expected = "row 2 has 5 MiB, which takes 30 MiB on its way, and the run has 16 MiB for such rows\n    hint: \
                    raise `--memory` to 62MiB, or leave the large column out";
    assert!(said.stderr.contains(expected), "{}", said.stderr);
    assert!(!sandbox.path().join("out.jsonl").exists());
    sandbox.run(["run", "a.dig", "--rerun", "--memory", "62MiB"]).expect_code(0);
    assert!(sandbox.read("out.jsonl").len() > 10 << 20);
}
