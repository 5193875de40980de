//! Names in whole transfers: the recorded cases of `rename` and `remove_columns`, and what they refuse.

use super::{failure, lines};

const ROWS: &str = "create table t (id integer, \"Col A\" integer, colB text, col_c integer);
    insert into t values (1, 2, 'x', 3), (2, null, null, 4);";

#[test]
fn columns_get_other_names_or_go() {
    for (filters, first, second) in [
        (
            "- {type: rename, columns: {id: ID, colB: b}}",
            "{\"ID\":1,\"Col A\":2,\"b\":\"x\",\"col_c\":3}",
            "{\"ID\":2,\"Col A\":null,\"b\":null,\"col_c\":4}",
        ),
        (
            "- {type: rename, rules: [{rule: upper_to_lower}]}",
            "{\"id\":1,\"col a\":2,\"colb\":\"x\",\"col_c\":3}",
            "{\"id\":2,\"col a\":null,\"colb\":null,\"col_c\":4}",
        ),
        (
            "- {type: rename, rules: [{rule: regex_replace, match: '[oO]l', replace: X}]}",
            "{\"id\":1,\"CX A\":2,\"cXB\":\"x\",\"cX_c\":3}",
            "{\"id\":2,\"CX A\":null,\"cXB\":null,\"cX_c\":4}",
        ),
        ("- {type: remove_columns, keep: [col_c, id]}", "{\"id\":1,\"col_c\":3}", "{\"id\":2,\"col_c\":4}"),
        (
            "- {type: remove_columns, remove: [colB, Col A]}",
            "{\"id\":1,\"col_c\":3}",
            "{\"id\":2,\"col_c\":4}",
        ),
        (
            "- {type: remove_columns, remove: [zzz, colB, Col A], accept_unmatched_columns: true}",
            "{\"id\":1,\"col_c\":3}",
            "{\"id\":2,\"col_c\":4}",
        ),
    ] {
        assert_eq!(lines(ROWS, filters), format!("{first}\n{second}\n"), "{filters}");
    }
}

#[test]
fn columns_that_do_not_exist_and_digits_that_do_not_do() {
    for (filters, expected) in [
        (
            "- {type: remove_columns, remove: [zzz]}",
            "remove_columns: column `zzz` does not exist in the schema",
        ),
        ("- {type: rename, columns: {zzz: a}}", "rename: column `zzz` does not exist in the schema"),
        (
            "- {type: rename, rules: [{rule: unique_number_suffix, digits: 1}]}",
            "rename: `digits` of `unique_number_suffix` is too small for 4 columns",
        ),
    ] {
        assert_eq!(failure(ROWS, filters), expected);
    }
}
