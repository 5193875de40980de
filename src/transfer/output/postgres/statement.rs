//! The statements, as texts.

use crate::embulk::output::TableLoad;
use crate::transfer::input::select::quoted as quoted_by;
use crate::transfer::output::sql::plan::{Change, TargetColumn};
use crate::transfer::output::sql::statement::{self, definitions, list};

/// What stands around names.
const QUOTE: char = '"';

/// An identifier between quotes.
pub(super) fn quoted(name: &str) -> String {
    quoted_by(name, QUOTE)
}

/// The table that rows wait in. It ends with the session, however that ends.
pub(super) fn create_stage(stage: &str, columns: &[TargetColumn]) -> String {
    format!("CREATE TEMPORARY TABLE {stage} ({})", definitions(columns, QUOTE))
}

/// The target, where it is not there.
pub(super) fn create_target(target: &str, columns: &[TargetColumn], load: &TableLoad) -> String {
    statement::create_table(target, columns, load, QUOTE)
}

/// Gives the emptied target other columns. What hangs on the table and on columns that stay is kept.
pub(super) fn alter_target(target: &str, changes: &[Change]) -> String {
    let changes = changes.iter().map(|change| match change {
        Change::Drop(name) => format!("DROP COLUMN {}", quoted(name)),
        Change::Add(column) => format!("ADD COLUMN {} {}", quoted(&column.name), column.sql_type),
        Change::Retype(column) => {
            let (name, sql_type) = (quoted(&column.name), &column.sql_type);
            format!("ALTER COLUMN {name} TYPE {sql_type} USING NULL::{sql_type}")
        }
    });
    format!("ALTER TABLE {target} {}", changes.collect::<Vec<_>>().join(", "))
}

pub(super) fn copy(table: &str, columns: &[TargetColumn]) -> String {
    format!("COPY {table} ({}) FROM STDIN", list(columns.iter().map(|column| column.name.as_str()), QUOTE))
}

pub(super) fn insert(target: &str, stage: &str, columns: &[TargetColumn]) -> String {
    let names = list(columns.iter().map(|column| column.name.as_str()), QUOTE);
    format!("INSERT INTO {target} ({names}) SELECT {names} FROM {stage}")
}

/// Of staged rows with the same key the last one stays.
pub(super) fn drop_doubles(stage: &str, keys: &[String]) -> String {
    format!("DELETE FROM {stage} S USING {stage} L WHERE {} AND S.ctid < L.ctid", equal("S", "L", keys))
}

/// Updates the rows whose key is staged and inserts the rest.
pub(super) fn merge(
    target: &str,
    stage: &str,
    columns: &[TargetColumn],
    keys: &[String],
    rule: &[String],
) -> String {
    let names = || columns.iter().map(|column| column.name.as_str());
    let assign = |name: &str| format!("{0} = S.{0}", quoted(name));
    let assignments: Vec<String> = if !rule.is_empty() {
        rule.to_vec()
    } else if names().all(|name| keys.iter().any(|key| key == name)) {
        names().map(assign).collect()
    } else {
        names().filter(|name| !keys.iter().any(|key| key == name)).map(assign).collect()
    };
    let returned = keys.iter().map(|key| format!("S.{}", quoted(key))).collect::<Vec<_>>().join(", ");
    let names = list(names(), QUOTE);
    format!(
        "WITH updated AS (UPDATE {target} AS T SET {} FROM {stage} S WHERE {} RETURNING {returned}) \
         INSERT INTO {target} ({names}) SELECT {names} FROM {stage} S \
         WHERE NOT EXISTS (SELECT 1 FROM updated U WHERE {})",
        assignments.join(", "),
        equal("T", "S", keys),
        equal("U", "S", keys),
    )
}

fn equal(left: &str, right: &str, keys: &[String]) -> String {
    let pairs = keys.iter().map(|key| format!("{left}.{0} = {right}.{0}", quoted(key)));
    pairs.collect::<Vec<_>>().join(" AND ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::output::sql::plan::Nature;

    fn columns() -> Vec<TargetColumn> {
        let column = |name: &str, sql_type: &str| TargetColumn {
            name: name.to_owned(),
            sql_type: sql_type.to_owned(),
            base: String::new(),
            nature: Nature::Plain,
        };
        vec![column("id", "bigint"), column("a\"b", "text")]
    }

    #[test]
    fn names_are_quoted_everywhere() {
        let columns = columns();
        for (sql, expected) in [
            (
                create_stage("\"s\"", &columns),
                "CREATE TEMPORARY TABLE \"s\" (\"id\" bigint, \"a\"\"b\" text)",
            ),
            (copy("\"s\"", &columns), "COPY \"s\" (\"id\", \"a\"\"b\") FROM STDIN"),
            (
                insert("t", "s", &columns),
                "INSERT INTO t (\"id\", \"a\"\"b\") SELECT \"id\", \"a\"\"b\" FROM s",
            ),
            (
                alter_target(
                    "t",
                    &[
                        Change::Drop("x\"".to_owned()),
                        Change::Add(columns[0].clone()),
                        Change::Retype(columns[1].clone()),
                    ],
                ),
                "ALTER TABLE t DROP COLUMN \"x\"\"\", ADD COLUMN \"id\" bigint, \
                 ALTER COLUMN \"a\"\"b\" TYPE text USING NULL::text",
            ),
        ] {
            assert_eq!(sql, expected);
        }
    }

    #[test]
    fn a_merge_updates_what_is_no_key_or_by_its_rule() {
        let keys = ["id".to_owned()];
        let start = "WITH updated AS (UPDATE t AS T SET ";
        let end = " FROM s S WHERE T.\"id\" = S.\"id\" RETURNING S.\"id\") \
                   INSERT INTO t (\"id\", \"a\"\"b\") SELECT \"id\", \"a\"\"b\" FROM s S \
                   WHERE NOT EXISTS (SELECT 1 FROM updated U WHERE U.\"id\" = S.\"id\")";
        assert_eq!(merge("t", "s", &columns(), &keys, &[]), format!("{start}\"a\"\"b\" = S.\"a\"\"b\"{end}"));
        let rule = ["n = T.n + S.n".to_owned()];
        assert_eq!(merge("t", "s", &columns(), &keys, &rule), format!("{start}n = T.n + S.n{end}"));
        assert_eq!(
            drop_doubles("s", &keys),
            "DELETE FROM s S USING s L WHERE S.\"id\" = L.\"id\" AND S.ctid < L.ctid"
        );
    }
}
