//! The table of filters in "Coming from Embulk" of the README: every row has a test here, and every test a row.

use crate::support::readme_rows::rows;
use crate::support::sandbox::Sandbox;

rows! {
    "| Embulk's filters | `sync` | why |":
    "`column` with JSONPath names" => json_paths,
    "`rename` with `columns` and all seven `rules`" => rename_rules,
    "`mask` `row` `typecast` `timestamp_format` `expand_json`" => values_and_rows,
    "`ruby_proc`" => ruby_proc,
    "patterns with lookaround, back-references, possessive quantifiers" => patterns,
    "`truncate` cuts a character of two UTF-16 units in half" => halves,
    "a wrong `replace` of `regex_replace` fails when a name matches" => wrong_replace,
    "a format of Java's in `timestamp_format`" => java_formats,
    "in `where`, text compared with NULL fails, and a number with whatever stood there before" => nulls,
    "a value or row that does not fit is a line in the log" => unfit_values,
    "`mask` of a column that does not exist masks nothing" => missing_mask,
    "a DECIMAL that becomes text has the digits of a double" => decimals,
    "times have nanoseconds" => nanoseconds,
}

/// A transfer of the table `t`, made by some SQL, through one filter.
fn with(sql: &str, filter: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    rusqlite::Connection::open(sandbox.path().join("shop.db")).unwrap().execute_batch(sql).unwrap();
    sandbox.file(
        "a.yml",
        &format!(
            "in: {{type: sqlite, database: shop.db, table: t}}\nfilters:\n- {filter}\n\
             out: {{type: file, path_prefix: out, sequence_format: '.', file_ext: jsonl, formatter: {{type: jsonl}}}}\n"
        ),
    )
}

/// What a run writes, and what it says.
#[track_caller]
fn written(sql: &str, filter: &str) -> (String, String) {
    let sandbox = with(sql, filter);
    let said = sandbox.run(["embulk", "run", "a.yml"]).expect_code(0);
    (sandbox.read("out.jsonl"), said.stdout + &said.stderr)
}

#[track_caller]
fn refused(filter: &str, reason: &str) {
    let said = with("create table t (s text);", filter).run(["check", "a.yml"]).expect_code(65);
    let all = said.stdout + &said.stderr;
    assert!(all.contains(reason), "{all}");
}

fn json_paths() {
    let sql = "create table t (j json); insert into t values ('{\"b\": 1.10, \"a\": {\"x\": 1, \"y\": 2}}');";
    let (lines, _) = written(sql, "{type: column, drop_columns: [{name: $.j.a.x}]}");
    assert_eq!(lines, "{\"j\":{\"b\":1.10,\"a\":{\"y\":2}}}\n");
}

fn rename_rules() {
    let sql = "create table t (\"Col A\" integer, \"1st\" integer, x_y integer, xy integer); insert into t values (1, 2, 3, 4);";
    let (lines, _) = written(
        sql,
        "{type: rename, columns: {xy: XY}, rules: [{rule: upper_to_lower}, {rule: character_types, pass_types: [a-z, 0-9], pass_characters: _}, \
         {rule: first_character_types, pass_types: [a-z], prefix: _}, {rule: regex_replace, match: '(.)_(.)', replace: '$1$2'}, \
         {rule: truncate, max_length: 4}, {rule: unique_number_suffix}, {rule: lower_to_upper}]}",
    );
    assert_eq!(lines, "{\"COLA\":1,\"_1ST\":2,\"XY\":3,\"XY_2\":4}\n");
}

fn values_and_rows() {
    let sql = "create table t (s text); insert into t values ('{\"at\": \"2015-06-04\"}'), ('other');";
    let (lines, _) = written(
        sql,
        "{type: row, where: \"s START_WITH '{'\"}\n- {type: expand_json, json_column_name: s, expanded_columns: [{name: at, type: string}]}\n\
         - {type: timestamp_format, columns: [{name: at, from_format: '%Y-%m-%d', to_format: '%Y%m%d'}]}\n\
         - {type: typecast, columns: [{name: at, type: long}]}\n- {type: mask, columns: [{name: at, type: substring, start: 4}]}",
    );
    assert_eq!(lines, "{\"at\":\"2015****\"}\n");
}

fn ruby_proc() {
    refused(
        "{type: ruby_proc, columns: []}",
        "filter plugin `ruby_proc` runs Ruby code, which is not supported",
    );
}

fn patterns() {
    for (pattern, reason) in [
        ("a(?=b)", "it has the lookahead `(?=...)`, which is not supported"),
        ("(a)\\1", "it has the back-reference `\\1`, which is not supported"),
        ("a++", "it has the possessive quantifier `++`, which is not supported"),
    ] {
        refused(
            &format!("{{type: mask, columns: [{{name: s, type: regex, pattern: '{pattern}'}}]}}"),
            reason,
        );
    }
}

fn halves() {
    let sql = "create table t (\"a😀b\" integer); insert into t values (1);";
    for (length, name) in [(2, "a"), (3, "a😀")] {
        let (lines, _) =
            written(sql, &format!("{{type: rename, rules: [{{rule: truncate, max_length: {length}}}]}}"));
        assert_eq!(lines, format!("{{\"{name}\":1}}\n"));
    }
}

fn wrong_replace() {
    refused(
        "{type: rename, rules: [{rule: regex_replace, match: (a), replace: $2}]}",
        "`replace` names group 2, and the pattern has 1",
    );
}

fn java_formats() {
    refused(
        "{type: timestamp_format, columns: [{name: s, to_format: yyyy-MM-dd}]}",
        "`yyyy-MM-dd` in `to_format` is a format of Java's, which is not supported",
    );
}

fn nulls() {
    let sql =
        "create table t (id integer, s text, n integer); insert into t values (1, null, null), (2, 'x', 0);";
    for (condition, expected) in [
        ("s = 'x'", "{\"id\":2,\"s\":\"x\",\"n\":0}\n"),
        ("s != 'x'", "{\"id\":1,\"s\":null,\"n\":null}\n"),
        ("n = 0", "{\"id\":2,\"s\":\"x\",\"n\":0}\n"),
    ] {
        assert_eq!(
            written(sql, &format!("{{type: row, where: \"{condition}\"}}")).0,
            expected,
            "{condition}"
        );
    }
}

fn unfit_values() {
    let sql = "create table t (s text); insert into t values ('1'), ('x'), ('y');";
    let (lines, said) = written(sql, "{type: typecast, columns: [{name: s, type: long}]}");
    assert_eq!(lines, "{\"s\":1}\n{\"s\":null}\n{\"s\":null}\n");
    let note = "filter `typecast`, column `s`: 2 values did not fit, they became NULL; the first cannot become a long";
    assert!(said.contains(note), "{said}");
}

fn missing_mask() {
    let sql = "create table t (s text); insert into t values ('x');";
    let (lines, said) = written(sql, "{type: mask, columns: [{name: S}]}");
    assert_eq!(lines, "{\"s\":\"x\"}\n");
    assert!(said.contains("filter `mask`: column `S` does not exist"), "{said}");
}

fn decimals() {
    let sql = "create table t (d decimal(20, 2)); insert into t values (1234567890.10);";
    let (lines, _) = written(sql, "{type: typecast, columns: [{name: d, type: string}]}");
    assert_eq!(lines, "{\"d\":\"1234567890.10\"}\n");
}

fn nanoseconds() {
    let sql = "create table t (s text); insert into t values ('00.123456789');";
    let (lines, _) = written(
        sql,
        "{type: timestamp_format, columns: [{name: s, from_format: '%S.%N', to_format: '%S.%N'}]}",
    );
    assert_eq!(lines, "{\"s\":\"00.123456000\"}\n");
}

/// A transfer of a file to `out.csv`.
fn of_file(text: &str, parser: &str) -> Sandbox {
    Sandbox::new().file("in.txt", text).file(
        "a.yml",
        &format!(
            "in: {{type: file, path_prefix: in.txt, parser: {{{parser}}}}}\nout: {{type: file, path_prefix: out, \
             sequence_format: '.', file_ext: csv, formatter: {{type: csv, header_line: false, newline: LF}}}}\n"
        ),
    )
}

#[test]
fn an_error_has_no_value() {
    let parser = "type: csv, stop_on_invalid_record: true, columns: [{name: n, type: long}]";
    let said = of_file("9223372036854775808\n", parser).run(["embulk", "run", "a.yml"]).expect_code(1);
    let all = said.stdout + &said.stderr;
    assert!(all.contains("file `in.txt`, line 1: column `n` is not a whole number of 64 bits"), "{all}");
    assert!(!all.contains("9223372036854775808"), "{all}");
}

#[test]
fn json_of_files() {
    for (parser, written) in [
        ("type: json", "\"{\"\"b\"\":1.50,\"\"a\"\":\"\"日\\ud83d\"\"}\"\n"),
        ("type: json, root: '', columns: [{name: b, type: double}]", "1.5\n"),
    ] {
        let sandbox = of_file("{\"b\": 1.50, \"a\": \"\\u65e5\\ud83d\"}", parser);
        sandbox.run(["embulk", "run", "a.yml"]).expect_code(0);
        assert_eq!(sandbox.read("out.csv"), written, "{parser}");
    }
}

#[test]
fn half_a_surrogate_pair_is_three_bytes_of_nothing() {
    let sandbox = of_file("", "type: csv, columns: [{name: s, type: string}]");
    std::fs::write(sandbox.path().join("in.txt"), b"a\xed\xa0\x80b\n").unwrap();
    let said = sandbox.run(["embulk", "run", "a.yml"]).expect_code(0);
    assert_eq!(sandbox.read("out.csv"), "a\u{fffd}\u{fffd}\u{fffd}b\n");
    assert!(said.stdout.contains("bytes that are not UTF-8 became U+FFFD in `in.txt`"), "{}", said.stdout);
}
