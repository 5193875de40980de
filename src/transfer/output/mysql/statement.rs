//! The statements, as texts.

use crate::embulk::output::TableLoad;
use crate::embulk::text::Text;
use crate::transfer::input::select::quoted as quoted_by;
use crate::transfer::output::sql::plan::{Change, TargetColumn};
use crate::transfer::output::sql::statement::{self, definitions, list};

/// What stands around names.
const QUOTE: char = '`';

/// An identifier between quotes.
pub(super) fn quoted(name: &str) -> String {
    quoted_by(name, QUOTE)
}

/// A table of a database, quoted.
pub(super) fn qualified(database: &str, table: &str) -> String {
    format!("{}.{}", quoted(database), quoted(table))
}

/// A text between quotes.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

fn names(columns: &[TargetColumn]) -> impl Iterator<Item = &str> {
    columns.iter().map(|column| column.name.as_str())
}

/// The name of a column that numbers the staged rows: one that no column has.
pub(super) fn row_number(columns: &[TargetColumn]) -> String {
    let mut name = "sync_row".to_owned();
    while columns.iter().any(|column| column.name.eq_ignore_ascii_case(&name)) {
        name.push('_');
    }
    name
}

/// The table that rows wait in. It ends with the session, however that ends. The number keeps their order, and is the
/// primary key that some servers ask of every table.
pub(super) fn create_stage(stage: &str, columns: &[TargetColumn]) -> String {
    let nullable = columns.iter().map(|column| format!("{} {} NULL", quoted(&column.name), column.sql_type));
    let nullable = nullable.collect::<Vec<_>>().join(", ");
    let number = quoted(&row_number(columns));
    format!(
        "CREATE TEMPORARY TABLE {stage} ({nullable}, \
         {number} BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB"
    )
}

/// A temporary table of these columns, to see what the server makes of their types.
pub(super) fn create_probe(probe: &str, columns: &[TargetColumn], constraint: Option<&Text>) -> String {
    let constraint = constraint.map_or_else(String::new, |text| format!(", {}", text.expose()));
    format!("CREATE TEMPORARY TABLE {probe} ({}{constraint})", definitions(columns, QUOTE))
}

/// A column as `CREATE TABLE` takes it.
pub(super) fn definition(column: &TargetColumn) -> String {
    definitions(std::slice::from_ref(column), QUOTE)
}

/// A table as the config wants it.
pub(super) fn create_table(table: &str, columns: &[TargetColumn], load: &TableLoad) -> String {
    statement::create_table(table, columns, load, QUOTE)
}

/// Gives a table other columns.
pub(super) fn alter(table: &str, changes: &[Change]) -> String {
    let changes = changes.iter().map(|change| match change {
        Change::Drop(name) => format!("DROP COLUMN {}", quoted(name)),
        Change::Add(column) => format!("ADD COLUMN {} {}", quoted(&column.name), column.sql_type),
        Change::Retype(column) => format!("MODIFY COLUMN {} {}", quoted(&column.name), column.sql_type),
    });
    format!("ALTER TABLE {table} {}", changes.collect::<Vec<_>>().join(", "))
}

/// What the server does with the text of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It takes it as it is.
    Plain,
    /// Digits are bytes.
    Unhex,
    /// Digits are a number, not the bytes of the bits.
    Unsigned,
    /// It is an instant, by the clock of UTC, which is the session's while rows are loaded.
    Utc,
    /// It is an instant by the clock that the session has otherwise.
    Local,
}

impl Taken {
    /// `zone` is the session's own, where it has another while rows are loaded.
    fn of(self, value: &str, zone: Option<&str>) -> String {
        match (self, zone) {
            (Self::Unhex, _) => format!("UNHEX({value})"),
            (Self::Unsigned, _) => format!("CAST({value} AS UNSIGNED)"),
            (Self::Local, Some(zone)) => format!("CONVERT_TZ({value}, {}, '+00:00')", literal(zone)),
            _ => value.to_owned(),
        }
    }
}

/// Where rows are loaded into.
#[derive(Debug)]
pub(super) struct Into {
    /// The table, quoted.
    pub(super) table: String,
    /// Columns and what the server does with their texts.
    pub(super) columns: Vec<(String, Taken)>,
    /// The zone of the session, where it has another one while rows are loaded.
    pub(super) zone: Option<String>,
}

impl Into {
    /// The statement that asks for the rows.
    pub(super) fn load_data(&self) -> String {
        let is_plain = |taken: Taken| taken.of("", self.zone.as_deref()).is_empty();
        let columns = self.columns.iter().enumerate();
        let fields = columns.clone().map(|(at, (name, taken))| match is_plain(*taken) {
            true => quoted(name),
            false => format!("@sync_{at}"),
        });
        let fields = fields.collect::<Vec<_>>().join(", ");
        let set = columns.filter(|(_, (_, taken))| !is_plain(*taken)).map(|(at, (name, taken))| {
            format!("{} = {}", quoted(name), taken.of(&format!("@sync_{at}"), self.zone.as_deref()))
        });
        let set = set.collect::<Vec<_>>().join(", ");
        let set = if set.is_empty() { set } else { format!(" SET {set}") };
        format!(
            "LOAD DATA LOCAL INFILE 'rows' INTO TABLE {} CHARACTER SET utf8mb4 \
             FIELDS TERMINATED BY '\\t' ENCLOSED BY '' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' ({fields}){set}",
            self.table
        )
    }

    /// The beginning of a statement that brings rows along.
    pub(super) fn insert(&self) -> String {
        let names = list(self.columns.iter().map(|(name, _)| name.as_str()), QUOTE);
        format!("INSERT INTO {} ({names}) VALUES ", self.table)
    }

    /// One row of that statement.
    pub(super) fn push_values(&self, literals: impl Iterator<Item = Vec<u8>>, out: &mut Vec<u8>) {
        out.push(b'(');
        for (at, (literal, (_, taken))) in literals.zip(&self.columns).enumerate() {
            if at > 0 {
                out.push(b',');
            }
            let around = taken.of("?", self.zone.as_deref());
            let (before, after) = around.split_once('?').unwrap_or_default();
            out.extend_from_slice(before.as_bytes());
            out.extend_from_slice(&literal);
            out.extend_from_slice(after.as_bytes());
        }
        out.push(b')');
    }
}

pub(super) fn insert(target: &str, stage: &str, columns: &[TargetColumn]) -> String {
    let names = list(names(columns), QUOTE);
    let number = quoted(&row_number(columns));
    format!("INSERT INTO {target} ({names}) SELECT {names} FROM {stage} ORDER BY {number}")
}

/// Inserts rows and updates those whose key is there, one after the other: the last row of a key counts. In the rule a
/// plain name is a column of the target, also behind the name of the table.
pub(super) fn merge(target: &str, stage: &str, columns: &[TargetColumn], rule: &[String]) -> String {
    let assignments: Vec<String> = if rule.is_empty() {
        names(columns).map(|name| format!("{0} = VALUES({0})", quoted(name))).collect()
    } else {
        rule.to_vec()
    };
    let number = quoted(&row_number(columns));
    let staged = |at: usize| quoted(&format!("sync {at}"));
    let inner =
        columns.iter().enumerate().map(|(at, column)| format!("{} AS {}", quoted(&column.name), staged(at)));
    let inner = inner.collect::<Vec<_>>().join(", ");
    let outer = (0..columns.len()).map(staged).collect::<Vec<_>>().join(", ");
    format!(
        "INSERT INTO {target} ({}) SELECT {outer} FROM (SELECT {inner}, {number} AS `sync row` FROM {stage}) S \
         ORDER BY `sync row` ON DUPLICATE KEY UPDATE {}",
        list(names(columns), QUOTE),
        assignments.join(", "),
    )
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
        vec![column("id", "bigint"), column("a`b", "text"), column("SYNC_ROW", "int")]
    }

    #[test]
    fn names_are_quoted_everywhere() {
        let columns = columns();
        for (sql, expected) in [
            (
                create_stage("s", &columns),
                "CREATE TEMPORARY TABLE s (`id` bigint NULL, `a``b` text NULL, `SYNC_ROW` int NULL, \
                 `sync_row_` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB",
            ),
            (
                insert("t", "s", &columns),
                "INSERT INTO t (`id`, `a``b`, `SYNC_ROW`) SELECT `id`, `a``b`, `SYNC_ROW` FROM s ORDER BY `sync_row_`",
            ),
            (
                alter(
                    "t",
                    &[
                        Change::Drop("x`".to_owned()),
                        Change::Add(columns[0].clone()),
                        Change::Retype(columns[1].clone()),
                    ],
                ),
                "ALTER TABLE t DROP COLUMN `x```, ADD COLUMN `id` bigint, MODIFY COLUMN `a``b` text",
            ),
            (literal("a'b\\"), "'a''b\\\\'"),
        ] {
            assert_eq!(sql, expected);
        }
    }

    #[test]
    fn rows_are_loaded_or_inserted_alike() {
        let column = |name: &str, taken| (name.to_owned(), taken);
        let mut into = Into {
            table: "s".to_owned(),
            columns: vec![
                column("id", Taken::Plain),
                column("b`", Taken::Unhex),
                column("n", Taken::Unsigned),
                column("at", Taken::Local),
            ],
            zone: None,
        };
        let start = "LOAD DATA LOCAL INFILE 'rows' INTO TABLE s CHARACTER SET utf8mb4 FIELDS TERMINATED BY '\\t' \
                     ENCLOSED BY '' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' ";
        assert_eq!(
            into.load_data(),
            format!(
                "{start}(`id`, @sync_1, @sync_2, `at`) SET `b``` = UNHEX(@sync_1), `n` = CAST(@sync_2 AS UNSIGNED)"
            )
        );
        into.zone = Some("SYSTEM".to_owned());
        assert!(into.load_data().ends_with("`at` = CONVERT_TZ(@sync_3, 'SYSTEM', '+00:00')"));
        assert_eq!(into.insert(), "INSERT INTO s (`id`, `b```, `n`, `at`) VALUES ");
        let mut row = Vec::new();
        into.push_values(
            ["1", "'ff'", "NULL", "'x'"].map(|text| text.as_bytes().to_vec()).into_iter(),
            &mut row,
        );
        assert_eq!(
            String::from_utf8(row).unwrap(),
            "(1,UNHEX('ff'),CAST(NULL AS UNSIGNED),CONVERT_TZ('x', 'SYSTEM', '+00:00'))"
        );
    }

    #[test]
    fn a_merge_sets_every_column_or_goes_by_its_rule() {
        let start = "INSERT INTO t (`id`, `a``b`) SELECT `sync 0`, `sync 1` FROM \
                     (SELECT `id` AS `sync 0`, `a``b` AS `sync 1`, `sync_row` AS `sync row` FROM s) S \
                     ORDER BY `sync row` ON DUPLICATE KEY UPDATE ";
        let columns = &columns()[..2];
        assert_eq!(
            merge("t", "s", columns, &[]),
            format!("{start}`id` = VALUES(`id`), `a``b` = VALUES(`a``b`)")
        );
        let rule = ["n = n + VALUES(n)".to_owned()];
        assert_eq!(merge("t", "s", columns, &rule), format!("{start}n = n + VALUES(n)"));
    }
}
