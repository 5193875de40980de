//! The table of files in "Coming from Embulk" of the README: every row has a test here, and every test a row.

use std::os::unix::fs::symlink;

use super::{names, shop, to_file};
use crate::support::readme_rows::rows;
use crate::support::sandbox::Sandbox;

rows! {
    "| Embulk's files | `sync` | why |":
    "as many files as there are processors, unless `exec: {min_output_tasks: N}` says how many" => tasks,
    "`file` writes into the file that is there" => beside,
    "`sequence_format` with `%x`, `%o` and their like" => sequences,
    "`csv`: a character that `charset` lacks becomes `?`" => lost_characters,
    "`csv`: `charset` takes whatever the JVM knows" => charsets,
    "`csv`: a `delimiter`, `quote`, `escape` or `null_string` that `charset` lacks becomes `?`" => lost_marks,
    "`csv`: an empty map in `column_options` makes Embulk misread what follows" => empty_options,
    "`csv`: a double has as many digits as the Java at hand gives it" => digits,
    "formats of times: `%g` is the first two digits of the year" => years,
    "formats of times: `%Z` has the letters that Java knows for a zone, whatever the year" => zone_names,
    "`csv`: in a quoted field only the quote is escaped" => escapes,
    "`jsonl` writes times in whole seconds and in the process's zone" => times,
    "`jsonl` of a number that is NaN or infinite" => no_numbers,
    "`postgresql` output leaves names beyond 63 bytes to PostgreSQL, which cuts them" => long_names,
}

const ONE: &str = "create table t (s text); insert into t values ('日→');";
const CSV: &str = "  file_ext: csv\n  formatter: {type: csv, header_line: false, newline: LF}\n";

/// What one transfer writes, and what is said of it.
#[track_caller]
fn written(sql: &str, formatter: &str) -> (Vec<u8>, String) {
    let sandbox = shop(sql);
    let out = format!("  file_ext: o\n  sequence_format: .\n  formatter: {{{formatter}}}\n");
    let said = to_file(&sandbox, "o", &out).expect_code(0);
    (std::fs::read(sandbox.path().join("o.o")).expect("it is written"), said.stdout)
}

#[track_caller]
fn refused(sql: &str, out: &str, reason: &str) {
    let said = to_file(&shop(sql), "o", out).expect_code(1);
    assert!(said.stderr.contains(reason), "{}", said.stderr);
}

fn long_names() {
    crate::names::names_that_no_database_takes_are_refused_and_nothing_is_cut();
}

fn tasks() {
    let sandbox = shop(ONE);
    to_file(&sandbox, "o", CSV).expect_code(0);
    assert_eq!(names(&sandbox, "o0"), ["o000.00.csv"]);
    to_file(&sandbox, "o", &format!("{CSV}exec: {{min_output_tasks: 2}}\n")).expect_code(0);
    assert_eq!(names(&sandbox, "o0"), ["o000.00.csv", "o001.00.csv"]);
    to_file(&sandbox, "p", &format!("{CSV}  max_file_bytes: 1\n")).expect_code(0);
    assert_eq!(names(&sandbox, "p0"), ["p000.00.csv"]);
}

fn beside() {
    let sandbox = shop(ONE);
    sandbox.write("real", "old");
    symlink("real", sandbox.path().join("o000.00.csv")).expect("a link");
    to_file(&sandbox, "o", CSV).expect_code(0);
    assert!(sandbox.path().join("o000.00.csv").is_symlink());
    assert_eq!(sandbox.read("real"), "日→\n");
}

fn sequences() {
    let with = |format: &str| format!("  sequence_format: '{format}'\n{CSV}");
    refused(ONE, &with(".%x.%x"), "`.%x.%x` is not a sequence format");
    let sandbox = shop(ONE);
    to_file(&sandbox, "o", &with("_%2$03d_%1$s")).expect_code(0);
    assert_eq!(names(&sandbox, "o_"), ["o_000_0csv"]);
}

fn lost_characters() {
    let (bytes, said) = written(ONE, "type: csv, header_line: false, newline: LF, charset: ISO-8859-1");
    assert_eq!(bytes, b"??\n");
    let note = "column `s`: 1 value has characters that ISO-8859-1 lacks, written as `?`, in row 1";
    assert!(said.contains(note), "{said}");
}

fn charsets() {
    let formatter = "type: csv, header_line: false, newline: LF, charset: ";
    for (charset, bytes) in [
        ("EUC-JP", &b"\xc6\xfc\xa2\xaa\n"[..]),
        ("windows-31j", b"\x93\xfa\x81\xa8\n"),
        ("UTF-16LE", b"\xe5\x65\x92\x21\n\0"),
    ] {
        assert_eq!(written(ONE, &format!("{formatter}{charset}")).0, bytes, "{charset}");
    }
    let big5 = "  file_ext: csv\n  formatter: {type: csv, charset: Big5}\n";
    refused(ONE, big5, "`Big5` in `charset` is not a charset that is written");
}

fn escapes() {
    let sql = "create table t (s text); insert into t values ('a\\b\"\\');";
    let (bytes, _) =
        written(sql, "type: csv, header_line: false, newline: LF, quote_policy: ALL, escape: '\\'");
    assert_eq!(bytes, b"\"a\\\\b\\\"\\\\\"\n");
}

fn lost_marks() {
    let with =
        |mark: &str| format!("  file_ext: o\n  formatter: {{type: csv, charset: Shift_JIS, {mark}: '€'}}\n");
    for mark in ["delimiter", "quote", "escape", "null_string"] {
        let reason = format!("`{mark}` of the formatter has characters that Shift_JIS lacks");
        refused(ONE, &with(mark), &reason);
    }
}

const CLOCK: &str =
    "create table t (a integer, t timestamp); insert into t values (1, '1886-01-02 03:04:05');";

/// A row of the clock in a format of `t`.
#[track_caller]
fn shown(options: &str) -> String {
    let (bytes, _) = written(CLOCK, &format!("type: csv, header_line: false, newline: LF, {options}"));
    String::from_utf8(bytes).expect("UTF-8")
}

fn empty_options() {
    assert_eq!(shown("column_options: {a: {}, t: {format: '%H'}}"), "1,03\n");
}

fn digits() {
    let sql = "create table t (n double); insert into t values (2e23), (9050065214052234e3), (0.001);";
    let (bytes, _) = written(sql, "type: csv, header_line: false, newline: LF");
    // Java 17 has 1.9999999999999998E23 and 9.0500652140522342E18.
    assert_eq!(String::from_utf8(bytes).expect("UTF-8"), "2.0E23\n9.050065214052234E18\n0.001\n");
}

fn years() {
    assert_eq!(shown("default_timestamp_format: '%G %g'"), "1,1885 85\n");
}

fn zone_names() {
    for (zone, text) in
        [("Asia/Tokyo", "LMT"), ("Asia/Singapore", "LMT"), ("EST", "-05:00"), ("+09:00", "+09:00")]
    {
        assert_eq!(
            shown(&format!("default_timestamp_format: '%Z', default_timezone: '{zone}'")),
            format!("1,{text}\n")
        );
    }
}

fn times() {
    let sql = "create table t (t timestamp); insert into t values ('2015-06-04 01:02:03.123456');";
    for (formatter, text) in [
        ("", "2015-06-04 01:02:03.123456 +0000"),
        (
            ", date_format: 'yyyy-MM-dd''T''HH:mm:ss.SSSZ', timezone: Asia/Tokyo",
            "2015-06-04T10:02:03.123+0900",
        ),
        (", date_format: '%s.%6N'", "1433379723.123456"),
    ] {
        let (bytes, _) = written(sql, &format!("type: jsonl{formatter}"));
        assert_eq!(String::from_utf8(bytes).expect("UTF-8"), format!("{{\"t\":\"{text}\"}}\n"));
    }
    for (zone, text) in [("UTC", "01:02"), ("Asia/Tokyo", "10:02")] {
        let mut sandbox = Sandbox::new().file("i.csv", "2015-06-04 01:02\n").file(
            "a.yml",
            "in: {type: file, path_prefix: i.csv, parser: {type: csv, columns: [{name: t, type: timestamp, format: \
             '%Y-%m-%d %H:%M'}]}}\nout: {type: file, path_prefix: o, file_ext: o, sequence_format: '.', formatter: \
             {type: jsonl, date_format: 'HH:mm'}}\n",
        );
        sandbox.set("TZ", zone);
        sandbox.run(["embulk", "run", "a.yml"]).expect_code(0);
        assert_eq!(sandbox.read("o.o"), format!("{{\"t\":\"{text}\"}}\n"));
    }
}

fn no_numbers() {
    let sql = "create table t (n double); insert into t values (1.5), (9e999);";
    let jsonl = "  file_ext: o\n  formatter: {type: jsonl}\n";
    refused(sql, jsonl, "column `n`, row 2: a value is not a finite number");
}
