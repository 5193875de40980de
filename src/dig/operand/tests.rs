//! What is said of the options of operators that talk to servers, and where.

use std::path::Path;

use crate::diagnostic::Span;
use crate::dig;
use crate::reader::MemoryReader;

fn said(task: &str) -> Vec<String> {
    let reader = MemoryReader::default().with("main.dig", &format!("+a: {task}\n"));
    let problems = dig::load(Path::new("main.dig"), &reader).problems;
    let line = |problem: &crate::diagnostic::Problem| {
        let place = problem.span.as_ref().map_or("", Span::text);
        format!("{place} | {} {}", problem.severity.word(), problem.message)
    };
    problems.iter().map(line).collect()
}

#[test]
fn what_is_right_or_only_known_later_is_left_alone() {
    for task in [
        "{http>: 'http://x/', method: purge, headers: [{a: b}, {a: '${c}'}], query: {a: 1}, timeout: '30'}",
        "{http>: null, retry: 'True', content: {a: 1}, content_format: Form, proxy: {enabled: false}}",
        "{http>: 'HTTPS://x/', content: '${x}', content_format: text, headers: '${h}', proxy: null}",
        "{http>: '${u}', method: '${m}', insecure: '${i}', content_format: '${f}', proxy: {enabled: true, host: h, port: 1, tls: '${t}'}}",
        "{http_call>: 'http://x/', content_type_override: application/json, http: {method: POST}}",
        "{mail>: {data: x}, to: a@x, cc: [a@x], subject: s, port: '25', ssl: false, connect_timeout: 5s, attach_files: [{path: '${p}'}]}",
        "{mail>: body.txt, anything: goes, to: '${t}', bcc: '${b}', attach_files: '${f}'}",
        "{_type: mail, body: x, to: [a@x]}",
        "{notify>: '${m}'}",
    ] {
        assert_eq!(said(task), Vec::<String>::new(), "{task}");
    }
}

#[test]
fn what_would_fail_for_certain_is_an_error() {
    for (task, expected) in [
        ("{http>: example.com}", "example.com | error `http>` takes a URL of http or https"),
        ("{http>: {data: x}}", "{data: x} | error `http>` takes a URL of http or https, not a mapping"),
        ("{http_call>:}", "http_call> | error `http_call>` takes a URL of http or https, but has no value"),
        ("{http>: 'http://x', method: a b}", "a b | error `method` takes a method of HTTP"),
        ("{http>: '${u}', retry: maybe}", "maybe | error `retry` takes `true` or `false`"),
        (
            "{http>: '${u}', store_content: [x]}",
            "[x] | error `store_content` takes `true` or `false`, not a list",
        ),
        ("{http>: '${u}', timeout: soon}", "soon | error `timeout` takes a whole number of seconds"),
        ("{http>: '${u}', timeout: -1}", "-1 | error `timeout` takes no negative number"),
        (
            "{http>: '${u}', content_format: xml}",
            "xml | error `content_format` takes `json`, `form` or `text`",
        ),
        (
            "{http>: '${u}', content: [1], content_format: form}",
            "form | error `content_format: form` can't be sent as a list",
        ),
        (
            "{http>: '${u}', content: {a: 1}, content_format: text}",
            "text | error `content_format: text` can't be sent as a mapping",
        ),
        (
            "{http>: '${u}', content: '${c}', content_format: form}",
            "form | error `content_format: form` can't be sent as text",
        ),
        (
            "{http>: '${u}', headers: {a: b}}",
            "{a: b} | error `headers` takes a list of mappings with one pair each, not a mapping",
        ),
        (
            "{http>: '${u}', headers: [{a: b}, {a: b, c: d}]}",
            "{a: b, c: d} | error `headers` takes a list of mappings with one pair each",
        ),
        ("{http>: '${u}', query: [a]}", "[a] | error `query` takes a mapping or text, not a list"),
        (
            "{http>: '${u}', proxy: p:1}",
            "p:1 | error `proxy` takes a mapping with `enabled`, `host` and `port`",
        ),
        (
            "{http>: '${u}', proxy: {enabled: true, host: h}}",
            "{enabled: true, host: h} | error `proxy` needs `port`",
        ),
        (
            "{http>: '${u}', proxy: {enabled: true, host: h, port: 0}}",
            "0 | error `port` takes a number from 1 to 65535",
        ),
        ("{mail>: [x]}", "[x] | error `mail>` takes the name of a file or `data: TEXT`, not a list"),
        ("{mail>: f, to: 5}", "5 | error `to` takes an address or a list of addresses, not a number"),
        ("{mail>: f, to: [5]}", "[5] | error `to` takes an address or a list of addresses, not a list"),
        ("{mail>: f, cc: a@x}", "a@x | error `cc` takes a list of addresses"),
        ("{mail>: f, port: 99999}", "99999 | error `port` takes a number from 1 to 65535"),
        (
            "{mail>: f, socket_timeout: 5}",
            "5 | error `socket_timeout` takes a duration such as `30s`, not a number",
        ),
        (
            "{mail>: f, attach_files: [{filename: x}]}",
            "{filename: x} | error `attach_files` takes a list of mappings with `path`",
        ),
        (
            "{mail>: f, attach_files: a.csv}",
            "a.csv | error `attach_files` takes a list of mappings with `path`, not text",
        ),
        ("{notify>: [x]}", "[x] | error `notify>` takes text, not a list"),
    ] {
        assert_eq!(said(task), [expected], "{task}");
    }
}

#[test]
fn what_nothing_reads_is_a_warning() {
    for (task, expected) in [
        ("{http>: '${u}', retires: true}", "retires | warning `http>` does not read `retires`"),
        (
            "{http_call>: '${u}', store_content: true}",
            "store_content | warning `http_call>` does not read `store_content`",
        ),
        ("{mail>: {data: x}, too: a@x}", "too | warning `mail>` does not read `too`"),
        ("{mail>: f, password: '${p}'}", "password | warning `mail>` does not read `password`"),
        ("{notify>: x, level: 1}", "level | warning `notify>` does not read `level`"),
    ] {
        assert_eq!(said(task), [expected], "{task}");
    }
}
