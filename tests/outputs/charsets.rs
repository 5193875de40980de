//! `charset` of csv and `encoding` of jsonl: bytes as Embulk writes them, and what is said of characters that are lost.

use super::{shop, to_file};

const ROWS: &str = "create table t (id integer, s text); insert into t values (1, '日本'), (2, '〜ｱ'), (3, '😀①'), \
                    (4, '😀');";

#[track_caller]
fn written(sql: &str, formatter: &str) -> (Vec<u8>, String) {
    let sandbox = shop(sql);
    let out = format!("  file_ext: csv\n  sequence_format: .\n  formatter: {{{formatter}}}\n");
    let said = to_file(&sandbox, "o", &out).expect_code(0);
    (std::fs::read(sandbox.path().join("o.csv")).expect("it is written"), said.stdout)
}

#[test]
fn csv_is_written_in_its_charset_and_what_it_lacks_is_counted() {
    let (bytes, said) = written(ROWS, "type: csv, charset: Shift_JIS, newline: LF");
    assert_eq!(bytes, b"id,s\n1,\x93\xfa\x96{\n2,\x81\x60\xb1\n3,??\n4,?\n");
    let note = "column `s`: 2 values have characters that Shift_JIS lacks, written as `?`, first in row 3";
    assert!(said.contains(note), "{said}");
    // What NEC added is part of windows-31j, and the wave dash is another one there.
    let (bytes, said) = written(ROWS, "type: csv, charset: MS932, newline: LF");
    assert_eq!(bytes, b"id,s\n1,\x93\xfa\x96{\n2,?\xb1\n3,?\x87\x40\n4,?\n");
    let note = "column `s`: 3 values have characters that windows-31j lacks, written as `?`, first in row 2";
    assert!(said.contains(note), "{said}");
    let (bytes, said) = written(ROWS, "type: csv, charset: UTF-16, newline: LF, header_line: false");
    assert!(bytes.starts_with(b"\xfe\xff\x001\x00,\x65\xe5\x67\x2c\0\n"), "{bytes:?}");
    assert_eq!(said, "");
}

#[test]
fn names_of_columns_are_told_too_and_marks_must_be_there() {
    let sql = "create table t (\"é→\" integer);";
    let (bytes, said) = written(sql, "type: csv, charset: ISO-8859-1, newline: LF");
    assert_eq!(bytes, b"\xe9?\n");
    let note = "the name of column `é→` has characters that ISO-8859-1 lacks, written as `?`";
    assert!(said.contains(note), "{said}");
    let sandbox = shop(sql);
    let out = "  file_ext: csv\n  formatter: {type: csv, charset: US-ASCII, delimiter: é}\n";
    let said = to_file(&sandbox, "o", out).expect_code(1);
    assert_eq!(
        said.stderr,
        "Error: `delimiter` of the formatter has characters that US-ASCII lacks\n  hint: choose another one, or \
         another `charset`\n"
    );
}

#[test]
fn json_lines_are_written_in_their_encoding() {
    let (bytes, _) = written(ROWS, "type: jsonl, encoding: utf-16le, newline: NUL");
    let units: Vec<u16> = bytes.chunks(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
    let text = String::from_utf16(&units).expect("UTF-16");
    assert_eq!(text.split('\0').nth(2), Some("{\"id\":3,\"s\":\"😀①\"}"));
    for (newline, end) in [("LF", "\n"), ("CRLF", "\r\n"), ("CR", "\r"), ("NUL", "\0"), ("'NO'", "")] {
        let (bytes, _) = written(
            "create table t (id integer); insert into t values (1), (2);",
            &format!("type: jsonl, newline: {newline}"),
        );
        assert_eq!(String::from_utf8(bytes).expect("UTF-8"), format!("{{\"id\":1}}{end}{{\"id\":2}}{end}"));
    }
}
