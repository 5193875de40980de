//! The statements, as texts.

pub(super) use crate::cloud::redshift::literal;
use crate::embulk::output::{TableLayout, TableLoad};
use crate::embulk::text::Text;
use crate::transfer::input::select::quoted as quoted_by;
use crate::transfer::output::sql::plan::{TargetColumn, option_of};
use crate::transfer::output::sql::statement::list;

/// What stands around names.
const QUOTE: char = '"';

/// The column of a merge's staging table that tells which of two rows came later.
pub(super) const ROW: &str = "__sync_row";

/// An identifier between quotes.
pub(super) fn quoted(name: &str) -> String {
    quoted_by(name, QUOTE)
}

/// A table of a schema, quoted.
pub(super) fn qualified(schema: &str, table: &str) -> String {
    format!("{}.{}", quoted(schema), quoted(table))
}

/// The names of columns between quotes, with commas between.
pub(super) fn names(columns: &[TargetColumn]) -> String {
    list(columns.iter().map(|column| column.name.as_str()), QUOTE)
}

/// Columns as `CREATE TABLE` takes them.
fn definitions(columns: &[TargetColumn], load: &TableLoad) -> String {
    let definition = |column: &TargetColumn| {
        let encode = option_of(load, &column.name).and_then(|option| option.encode.as_ref());
        let encode = encode.map_or_else(String::new, |encode| format!(" ENCODE {encode}"));
        format!("{} {}{encode}", quoted(&column.name), column.sql_type)
    };
    columns.iter().map(definition).collect::<Vec<_>>().join(", ")
}

/// A table as the config wants it. `table` is quoted.
pub(super) fn create_table(
    table: &str,
    columns: &[TargetColumn],
    load: &TableLoad,
    layout: &TableLayout,
) -> String {
    let constraint =
        load.create_table_constraint.as_ref().map_or_else(String::new, |text| format!(", {}", text.expose()));
    let table = format!("CREATE TABLE {table} ({}{constraint})", definitions(columns, load));
    let option = load.create_table_option.as_ref().map_or("", Text::expose);
    let parts = [table, layout_words(layout), option.to_owned()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The table that rows wait in: the columns alone, and a number for each row where it is asked for.
pub(super) fn create_stage(stage: &str, columns: &[TargetColumn], numbered: Numbered) -> String {
    let definition = |column: &TargetColumn| format!("{} {}", quoted(&column.name), column.sql_type);
    let mut columns: Vec<String> = columns.iter().map(definition).collect();
    if numbered == Numbered::Yes {
        columns.push(format!("{} BIGINT", quoted(ROW)));
    }
    format!("CREATE TABLE {stage} ({})", columns.join(", "))
}

/// Whether the rows of a staging table have numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbered {
    Yes,
    No,
}

fn layout_words(layout: &TableLayout) -> String {
    let mut words = Vec::new();
    match (layout.dist_style, &layout.dist_key) {
        (_, Some(key)) => words.push(format!("DISTSTYLE KEY DISTKEY ({})", quoted(key))),
        (Some(style), None) => words.push(format!("DISTSTYLE {}", style.sql())),
        (None, None) => {}
    }
    if !layout.sort_key.is_empty() {
        words.push(format!("SORTKEY ({})", list(layout.sort_key.iter().map(String::as_str), QUOTE)));
    }
    words.join(" ")
}

/// What gives a table that has no rows yet another layout.
pub(super) fn alter_layout(table: &str, layout: &TableLayout) -> Vec<String> {
    let mut statements = Vec::new();
    match (layout.dist_style, &layout.dist_key) {
        (_, Some(key)) => {
            statements.push(format!("ALTER TABLE {table} ALTER DISTSTYLE KEY DISTKEY {}", quoted(key)));
        }
        (Some(style), None) => {
            statements.push(format!("ALTER TABLE {table} ALTER DISTSTYLE {}", style.sql()));
        }
        (None, None) => {}
    }
    if !layout.sort_key.is_empty() {
        let names = list(layout.sort_key.iter().map(String::as_str), QUOTE);
        statements.push(format!("ALTER TABLE {table} ALTER SORTKEY ({names})"));
    }
    statements
}

/// Moves the staged rows into the target.
pub(super) fn insert(target: &str, stage: &str, columns: &[TargetColumn]) -> String {
    let names = names(columns);
    format!("INSERT INTO {target} ({names}) SELECT {names} FROM {stage}")
}

/// Of staged rows with the same key the last one stays.
pub(super) fn drop_doubles(stage: &str, keys: &[String]) -> String {
    let row = quoted(ROW);
    let keys = list(keys.iter().map(String::as_str), QUOTE);
    format!(
        "DELETE FROM {stage} WHERE {row} IN (SELECT {row} FROM (SELECT {row}, ROW_NUMBER() OVER \
         (PARTITION BY {keys} ORDER BY {row} DESC) AS place FROM {stage}) AS doubles WHERE place > 1)"
    )
}

/// Updates the rows whose key is staged; none where nothing but the key could be updated.
pub(super) fn update(
    target: &str,
    stage: &str,
    columns: &[TargetColumn],
    keys: &[String],
    rule: &[String],
) -> Option<String> {
    let others = columns.iter().filter(|column| !keys.contains(&column.name));
    let assignments: Vec<String> = match rule {
        [] => others.map(|column| format!("{0} = S.{0}", quoted(&column.name))).collect(),
        rule => rule.to_vec(),
    };
    (!assignments.is_empty()).then(|| {
        format!("UPDATE {target} AS T SET {} FROM {stage} S WHERE {}", assignments.join(", "), equal(keys))
    })
}

/// Inserts the staged rows whose key the target does not have.
pub(super) fn insert_new(target: &str, stage: &str, columns: &[TargetColumn], keys: &[String]) -> String {
    let names = names(columns);
    format!(
        "INSERT INTO {target} ({names}) SELECT {names} FROM {stage} S \
         WHERE NOT EXISTS (SELECT 1 FROM {target} T WHERE {})",
        equal(keys)
    )
}

fn equal(keys: &[String]) -> String {
    let pairs = keys.iter().map(|key| format!("T.{0} = S.{0}", quoted(key)));
    pairs.collect::<Vec<_>>().join(" AND ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embulk::output::{DistStyle, SqlColumnOption};
    use crate::transfer::output::redshift::tests::load;
    use crate::transfer::output::sql::plan::Nature;

    fn columns() -> Vec<TargetColumn> {
        let column = |name: &str, sql_type: &str| TargetColumn {
            name: name.to_owned(),
            sql_type: sql_type.to_owned(),
            base: String::new(),
            nature: Nature::Plain,
        };
        vec![column("id", "BIGINT"), column("a\"b", "VARCHAR(20)")]
    }

    #[test]
    fn a_new_table_has_what_the_config_says() {
        let encoded = SqlColumnOption { encode: Some("zstd".to_owned()), ..SqlColumnOption::silent() };
        let load = TableLoad {
            column_options: vec![("ID".to_owned(), encoded)],
            create_table_constraint: Some(Text::plain("primary key (id)")),
            create_table_option: Some(Text::plain("backup no")),
            ..load()
        };
        let layout = TableLayout {
            dist_style: None,
            dist_key: Some("id".to_owned()),
            sort_key: vec!["id".to_owned(), "a\"b".to_owned()],
        };
        assert_eq!(
            create_table("t", &columns(), &load, &layout),
            "CREATE TABLE t (\"id\" BIGINT ENCODE zstd, \"a\"\"b\" VARCHAR(20), primary key (id)) \
             DISTSTYLE KEY DISTKEY (\"id\") SORTKEY (\"id\", \"a\"\"b\") backup no"
        );
        assert_eq!(
            alter_layout("t", &layout),
            [
                "ALTER TABLE t ALTER DISTSTYLE KEY DISTKEY \"id\"",
                "ALTER TABLE t ALTER SORTKEY (\"id\", \"a\"\"b\")"
            ]
        );
        let all = TableLayout { dist_style: Some(DistStyle::All), ..TableLayout::default() };
        assert_eq!(alter_layout("t", &all), ["ALTER TABLE t ALTER DISTSTYLE ALL"]);
    }

    #[test]
    fn a_merge_updates_what_is_no_key_or_by_its_rule() {
        let keys = ["id".to_owned()];
        let start = "UPDATE t AS T SET ";
        let end = " FROM s S WHERE T.\"id\" = S.\"id\"";
        let update = |rule: &[String]| update("t", "s", &columns(), &keys, rule);
        assert_eq!(update(&[]).unwrap(), format!("{start}\"a\"\"b\" = S.\"a\"\"b\"{end}"));
        assert_eq!(update(&["n = T.n + S.n".to_owned()]).unwrap(), format!("{start}n = T.n + S.n{end}"));
        let all = ["id".to_owned(), "a\"b".to_owned()];
        assert_eq!(super::update("t", "s", &columns(), &all, &[]), None);
        assert_eq!(
            insert_new("t", "s", &columns(), &keys),
            "INSERT INTO t (\"id\", \"a\"\"b\") SELECT \"id\", \"a\"\"b\" FROM s S \
             WHERE NOT EXISTS (SELECT 1 FROM t T WHERE T.\"id\" = S.\"id\")"
        );
    }
}
