//! What the server makes of the types of new columns, which may say more than a type.

use super::{statement, table};
use crate::embulk::output::TableLoad;
use crate::transfer::error::TransferError;
use crate::transfer::input::postgres::error::Trouble;
use crate::transfer::input::postgres::session::Session;
use crate::transfer::output::sql::given::{self, Attributes};
use crate::transfer::output::sql::plan::TargetColumn;

/// Columns with their types as the server writes them, and what the new ones among them have besides. `probe` names a
/// temporary table that is made for it and dropped.
pub(super) fn spelled(
    session: &Session,
    probe: &str,
    columns: &[TargetColumn],
    load: &TableLoad,
) -> Result<(Vec<TargetColumn>, Attributes), TransferError> {
    let is_new = |column: &&TargetColumn| column.base.is_empty();
    let new: Vec<TargetColumn> = columns.iter().filter(is_new).cloned().collect();
    if new.is_empty() {
        return Ok((columns.to_vec(), Vec::new()));
    }
    let failed = |trouble: Trouble| trouble.during("the types of the columns could not be looked up");
    let name = statement::quoted(probe);
    let table = format!("pg_temp.{name}");
    let drop = format!("DROP TABLE {table}");
    if let Err(trouble) = session.run(&statement::create_stage(&name, &new)) {
        if is_about_types(&trouble) {
            for column in new.iter().filter(|column| given::is_given(load, &column.name)) {
                let alone = statement::create_stage(&name, std::slice::from_ref(column));
                let Err(trouble) = session.run(&alone).and_then(|()| session.run(&drop)) else { continue };
                return Err(given::refused(&column.name, failed(trouble)));
            }
        }
        return Err(trouble.during("the staging table could not be made"));
    }
    let known = table::columns(session, &table).map_err(failed)?.unwrap_or_default();
    let attributes = table::attributes(session, &table).map_err(failed)?;
    session.run(&drop).map_err(failed)?;
    let spelled = |column: &TargetColumn| {
        let found = known.iter().find(|known| known.name == column.name).filter(|_| is_new(&column));
        found.unwrap_or(column).clone()
    };
    Ok((columns.iter().map(spelled).collect(), attributes))
}

/// Syntax, names and limits of types: not permissions, and not what the server has no room for.
fn is_about_types(trouble: &Trouble) -> bool {
    match trouble {
        Trouble::Server(error) => {
            let code = error.code().code();
            ["42", "22", "0A"].iter().any(|class| code.starts_with(class)) && code != "42501"
        }
        _ => false,
    }
}
