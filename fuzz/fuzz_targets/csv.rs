//! Files of CSV, plain and packed. The first byte picks the parser.

#![no_main]

mod files;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sync::embulk::input::FileInput;

static INPUTS: LazyLock<Vec<FileInput>> = LazyLock::new(|| {
    let columns = "columns: [{name: a, type: long}, {name: b, type: string}, {name: c, type: timestamp, format: '%Y-%m-%d %H:%M:%S.%N %z'}, \
                   {name: d, type: double}, {name: e, type: boolean}, {name: f, type: json}]";
    files::inputs(&[
        &format!("{{type: csv, {columns}}}"),
        &format!("{{type: csv, {columns}, stop_on_invalid_record: true, header_line: true}}"),
        &format!("{{type: csv, {columns}, delimiter: \"\\t\", quote: '', escape: '', null_string: '\\N', charset: Shift_JIS}}"),
        &format!("{{type: csv, {columns}, delimiter: '||', allow_extra_columns: true, allow_optional_columns: true, comment_line_marker: '#', skip_header_lines: 1}}"),
        &format!("{{type: csv, {columns}, quotes_in_quoted_fields: ACCEPT_STRAY_QUOTES_ASSUMING_NO_DELIMITERS_IN_FIELDS, max_quoted_size_limit: 10}}"),
        &format!("{{type: csv, {columns}, charset: UTF-16LE, escape: '\\', newline: LF}}"),
    ])
});

fuzz_target!(|bytes: &[u8]| files::read(&INPUTS, bytes));
