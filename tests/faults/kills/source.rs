//! The tables that are copied: their rows follow from a number.

use super::workload::Engine;

/// Cells of a row: `id`, `n`, `name`.
pub type Row = [Option<String>; 3];

/// The row that a target may hold before the run.
pub fn old() -> Row {
    [Some("-1".to_owned()), None, Some("old".to_owned())]
}

/// The rows of a table of so many, in the order of `id`.
pub fn rows(count: u32) -> Vec<Row> {
    let n = |id: u32| {
        (!id.is_multiple_of(5))
            .then(|| (i64::from(id) * i64::from(id) * 31 % 1_000_003 - 500_000).to_string())
    };
    let name = |id: u32| (!id.is_multiple_of(7)).then(|| format!("注文 {id}"));
    (1..=count).map(|id| [Some(id.to_string()), n(id), name(id)]).collect()
}

/// Statements that make and fill a table.
pub fn statements(engine: Engine, name: &str, count: u32) -> Vec<String> {
    let text = match engine {
        Engine::Mysql => "varchar(40) character set utf8mb4",
        Engine::Postgresql => "varchar(40)",
    };
    let mut statements = vec![format!("create table {name} (id int primary key, n bigint, name {text})")];
    let value =
        |cell: &Option<String>| cell.as_ref().map_or_else(|| "null".to_owned(), |cell| format!("'{cell}'"));
    let values: Vec<String> =
        rows(count).iter().map(|row| format!("({})", row.each_ref().map(value).join(", "))).collect();
    if !values.is_empty() {
        statements.push(format!("insert into {name} values {}", values.join(", ")));
    }
    statements
}

/// By `id`.
pub fn sorted(mut rows: Vec<Vec<Option<String>>>) -> Vec<Vec<Option<String>>> {
    let id = |row: &Vec<Option<String>>| row[0].as_ref().and_then(|id| id.parse::<i64>().ok());
    rows.sort_by_key(id);
    rows
}
