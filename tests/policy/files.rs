//! Files have no names but those of the config: their `path_prefix` stands for the table.

use super::{CSV, PERSONAL, assert_clean_everywhere, header};
use crate::support::sandbox::Sandbox;

fn sandbox(policy: &str, input: &str) -> Sandbox {
    Sandbox::new()
        .file("policy.yml", policy)
        .file("in/users.source", &format!("1,{}\n", PERSONAL[0]))
        .file("in/users.json.source", &format!("{{\"id\": 1, \"email\": \"{}\"}}\n", PERSONAL[0]))
        .file("a.yml", &format!("{input}{CSV}"))
}

const INPUT: &str = "in:\n  type: file\n  path_prefix: in/users.source\n  parser: {type: csv, columns: [{name: id, type: long}, {name: \
                     x, type: string}]}\n";

#[test]
fn columns_go_by_the_names_of_the_config() {
    for (policy, expected) in [
        ("rules: [{table: 'in/users*', column: id, action: keep}]\n", "id\n1\n"),
        ("rules: [{column: id, action: keep}, {type: string, action: mask, length: 2}]\n", "id,x\n1,**\n"),
        ("new_columns: keep\nrules: [{column: x, action: 'null'}]\n", "id,x\n1,\n"),
        ("rules: [{column: id, action: keep}, {column: x, expression: true, action: keep}]\n", "id\n1\n"),
        ("rules: [{schema: '*', column: x, action: keep}, {column: id, action: keep}]\n", "id\n1\n"),
    ] {
        let sandbox = sandbox(policy, INPUT);
        let said = sandbox.run(["embulk", "run", "a.yml"]).expect_code(0);
        assert_eq!(sandbox.read("out000.00.csv"), expected, "{policy}");
        assert_clean_everywhere(&sandbox, &said);
    }
}

#[test]
fn a_json_column_is_one_column() {
    let input = "in:\n  type: file\n  path_prefix: in/users.json.source\n  parser: {type: jsonl, columns: [{name: id, type: long}, \
                 {name: email, type: string}]}\n";
    let sandbox = sandbox("rules: [{set: email, action: drop}, {column: id, action: keep}]\n", input);
    let said = sandbox.run(["embulk", "run", "a.yml"]).expect_code(0);
    assert_eq!(header(&sandbox), "id");
    assert_clean_everywhere(&sandbox, &said);
}

/// A row that cannot be read is told by its place.
#[test]
fn a_bad_row_is_not_shown() {
    let input = "in:\n  type: file\n  path_prefix: in/users.source\n  parser: {type: csv, columns: [{name: x, type: long}, {name: id, \
                 type: long}]}\n";
    let policy = "rules: [{column: x, action: hash}, {column: id, action: keep}]\n";
    for stop in ["", ", stop_on_invalid_record: true"] {
        let sandbox = sandbox(policy, &input.replace("{type: csv", &format!("{{type: csv{stop}")));
        sandbox.write("in/users.source", &format!("1,2\n{},2\n3,{}\n", PERSONAL[0], PERSONAL[1]));
        let said = sandbox.run(["embulk", "run", "a.yml"]).expect_code(i32::from(!stop.is_empty()));
        assert!(format!("{said:?}").contains("in/users.source"), "{said:?}");
        assert_clean_everywhere(&sandbox, &said);
    }
}
