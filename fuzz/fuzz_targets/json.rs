//! Files of JSON, documents and lines, plain and packed. The first byte picks the parser.

#![no_main]

mod files;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sync::embulk::input::FileInput;

static INPUTS: LazyLock<Vec<FileInput>> = LazyLock::new(|| {
    let columns = "columns: [{name: a, type: long}, {name: b, type: string}, {name: c, type: timestamp, format: '%Y-%m-%dT%H:%M:%S'}, \
                   {name: d, type: double, element_at: /x/1/y}, {name: e, type: boolean}, {name: f, type: json}]";
    files::inputs(&[
        "{type: json}",
        "{type: jsonl, columns: [{name: a, type: json}]}",
        &format!("{{type: json, {columns}, stop_on_invalid_record: true}}"),
        &format!("{{type: jsonl, {columns}}}").replace(", element_at: /x/1/y", ""),
        &format!("{{type: json, {columns}, root: /r, flatten_json_array: true}}"),
        &format!("{{type: json, {columns}, invalid_string_escapes: SKIP}}"),
    ])
});

fuzz_target!(|bytes: &[u8]| files::read(&INPUTS, bytes));
