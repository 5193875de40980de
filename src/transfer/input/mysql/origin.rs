//! Where the columns of a result come from.

use crate::cloud::mysql::Column as Metadata;
use crate::embulk::input::Selection;
use crate::policy::Origin;
use crate::transfer::input::told;

/// The origins of the columns of a selection's statement. A column of a view is the view's, whatever it is made of there.
pub(super) fn origins(columns: &[Metadata], selection: &Selection) -> Vec<Origin> {
    let is_believed = told::mysql_is_believed(selection);
    // The server names no database for what a view computes.
    let database = columns.iter().map(Metadata::schema_str).find(|schema| !schema.is_empty());
    let origin = |column: &Metadata| {
        let alias = column.name_str().into_owned();
        if !is_believed {
            return Origin::Expression { alias };
        }
        let own_name = column.org_name_str().into_owned();
        if let Selection::Table { table, select, .. } = selection {
            let is_all = select.expose().trim() == "*";
            let told = column.table_str();
            if is_all || told.eq_ignore_ascii_case(table.expose()) && !own_name.is_empty() {
                return Origin::Column {
                    schema: database.as_deref().map(str::to_owned),
                    table: if told.is_empty() { table.shown().to_owned() } else { told.into_owned() },
                    column: if is_all { alias } else { own_name },
                };
            }
        }
        let (schema, table) = (column.schema_str(), column.org_table_str());
        if schema.is_empty() || table.is_empty() || own_name.is_empty() {
            return Origin::Expression { alias };
        }
        Origin::Column { schema: Some(schema.into_owned()), table: table.into_owned(), column: own_name }
    };
    columns.iter().map(origin).collect()
}
