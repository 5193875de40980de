//! Parts of statements that every server takes, but for the quotes around names.

use crate::embulk::output::TableLoad;
use crate::embulk::text::Text;
use crate::transfer::input::select::quoted;
use crate::transfer::output::sql::plan::TargetColumn;

/// Names between quotes, with commas between.
pub(crate) fn list<'n>(names: impl Iterator<Item = &'n str>, quote: char) -> String {
    names.map(|name| quoted(name, quote)).collect::<Vec<_>>().join(", ")
}

/// Columns as `CREATE TABLE` takes them.
pub(crate) fn definitions(columns: &[TargetColumn], quote: char) -> String {
    let definition = |column: &TargetColumn| format!("{} {}", quoted(&column.name, quote), column.sql_type);
    columns.iter().map(definition).collect::<Vec<_>>().join(", ")
}

/// A table as the config wants it. `table` is quoted.
pub(crate) fn create_table(table: &str, columns: &[TargetColumn], load: &TableLoad, quote: char) -> String {
    let constraint =
        load.create_table_constraint.as_ref().map_or_else(String::new, |text| format!(", {}", text.expose()));
    let option = load.create_table_option.as_ref().map_or("", Text::expose);
    let columns = definitions(columns, quote);
    format!("CREATE TABLE {table} ({columns}{constraint}) {option}").trim_end().to_owned()
}
