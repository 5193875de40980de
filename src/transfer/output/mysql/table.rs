//! What the server says of tables.

use super::session::{Session, Trouble};
use super::statement::literal;
use crate::transfer::output::sql::given::Attributes;
use crate::transfer::output::sql::plan::{Nature, Plan, TargetColumn, find};

/// A table that is not there.
const MISSING: [u16; 1] = [1146];

/// The columns of a table; none where there is no such table. `table` is quoted.
pub(super) fn columns(session: &mut Session, table: &str) -> Result<Option<Vec<TargetColumn>>, Trouble> {
    let rows = match session.rows(&format!("SHOW FULL COLUMNS FROM {table}")) {
        Err(trouble) if trouble.has_code(&MISSING) => return Ok(None),
        rows => rows?,
    };
    let column = |row: Vec<Option<String>>| {
        let mut cells = row.into_iter();
        let (name, sql_type, collation) = (cells.next()??, cells.next()??, cells.next()?);
        let extra = cells.nth(3).flatten().unwrap_or_default().to_uppercase();
        let nature = if ["VIRTUAL", "STORED", "PERSISTENT", "ROW START", "ROW END"]
            .iter()
            .any(|word| extra.contains(word))
        {
            Nature::Generated
        } else if extra.contains("INVISIBLE") {
            Nature::Hidden
        } else {
            Nature::Plain
        };
        let sql_type = match collation {
            Some(collation) => format!("{sql_type} COLLATE {collation}"),
            None => sql_type,
        };
        Some(TargetColumn { name, base: String::new(), sql_type, nature })
    };
    Ok(Some(rows.into_iter().filter_map(column).collect()))
}

/// Columns that must have a value and get none from the table.
pub(super) fn needy(session: &mut Session, table: &str) -> Result<Vec<String>, Trouble> {
    let rows = session.rows(&format!("SHOW COLUMNS FROM {table}"))?;
    let needy = |row: Vec<Option<String>>| {
        let cell = |at: usize| row.get(at).cloned().flatten();
        let extra = cell(5).unwrap_or_default().to_uppercase();
        let given = ["AUTO_INCREMENT", "GENERATED", "PERSISTENT"].iter().any(|word| extra.contains(word));
        (cell(2).as_deref() == Some("NO") && cell(4).is_none() && !given).then(|| cell(0)).flatten()
    };
    Ok(rows.into_iter().filter_map(needy).collect())
}

/// What a table is besides its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) kind: Kind,
    /// What would be lost if another table took its place.
    pub(super) bound: Option<&'static str>,
}

/// What sort of table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Its engine knows transactions.
    Transactional,
    /// Its engine, by this name, knows none.
    Other(String),
    /// A view of other tables.
    View,
}

/// Looks at a table that is there.
pub(super) fn facts(session: &mut Session, database: &str, table: &str) -> Result<Facts, Trouble> {
    let place = |database_column: &str, table_column: &str| {
        format!("{database_column} = {} AND {table_column} = {}", literal(database), literal(table))
    };
    let found = session.rows(&format!(
        "SELECT t.table_type, t.engine, e.transactions FROM information_schema.tables t \
         LEFT JOIN information_schema.engines e ON e.engine = t.engine WHERE {}",
        place("t.table_schema", "t.table_name")
    ))?;
    let mut cells = found.into_iter().next().unwrap_or_default().into_iter().map(Option::unwrap_or_default);
    let (sort, engine) = (cells.next().unwrap_or_default(), cells.next().unwrap_or_default());
    let transactional = cells.next().is_some_and(|word| word == "YES");
    let kind = match (sort.as_str(), transactional) {
        ("VIEW" | "SYSTEM VIEW", _) => Kind::View,
        (_, true) => Kind::Transactional,
        (_, false) => Kind::Other(engine),
    };
    let mut is_any = |source: &str, place: String| {
        let sql = format!("SELECT 1 FROM information_schema.{source} WHERE {place} LIMIT 1");
        Ok::<bool, Trouble>(session.text(&sql)?.is_some())
    };
    let bound = if sort == "SYSTEM VERSIONED" {
        Some("a history of its rows")
    } else if is_any("triggers", place("event_object_schema", "event_object_table"))? {
        Some("triggers")
    } else if is_any("referential_constraints", place("constraint_schema", "table_name"))? {
        Some("foreign keys")
    } else if is_any("referential_constraints", place("unique_constraint_schema", "referenced_table_name"))? {
        Some("foreign keys of other tables")
    } else if !sees_triggers(session, database, table)? {
        Some("perhaps triggers, which the user may not see (TRIGGER)")
    } else {
        None
    };
    Ok(Facts { kind, bound })
}

/// Whether the user may see the triggers of a table.
fn sees_triggers(session: &mut Session, database: &str, table: &str) -> Result<bool, Trouble> {
    let (database, table) = (literal(database), literal(table));
    let granted = "privilege_type = 'TRIGGER' AND grantee = CONCAT('''', SUBSTRING_INDEX(CURRENT_USER(), '@', \
                   LENGTH(CURRENT_USER()) - LENGTH(REPLACE(CURRENT_USER(), '@', ''))), '''@''', \
                   SUBSTRING_INDEX(CURRENT_USER(), '@', -1), '''')";
    let sql = format!(
        "SELECT 1 FROM information_schema.user_privileges WHERE {granted} \
         UNION SELECT 1 FROM information_schema.schema_privileges WHERE {granted} AND {database} LIKE table_schema \
         UNION SELECT 1 FROM information_schema.table_privileges WHERE {granted} \
         AND table_schema = {database} AND table_name = {table}"
    );
    Ok(session.text(&sql)?.is_some())
}

/// The statement that makes a table as it is.
pub(super) fn created(session: &mut Session, table: &str) -> Result<String, Trouble> {
    let rows = session.rows(&format!("SHOW CREATE TABLE {table}"))?;
    Ok(rows.into_iter().flatten().nth(1).flatten().unwrap_or_default())
}

/// What the columns of a table have besides their types.
pub(super) fn attributes(session: &mut Session, table: &str) -> Result<Attributes, Trouble> {
    let rows = session.rows(&format!("SHOW COLUMNS FROM {table}"))?;
    let attributes = rows.into_iter().filter_map(|row| {
        let cell = |at: usize| row.get(at).cloned().flatten();
        let has = [
            (cell(2).as_deref() == Some("NO"), "NOT NULL"),
            (cell(4).is_some(), "DEFAULT"),
            (cell(3).is_some_and(|key| key == "UNI" || key == "PRI"), "UNIQUE"),
        ];
        Some((cell(0)?, has.into_iter().filter(|(has, _)| *has).map(|(_, word)| word).collect()))
    });
    Ok(attributes.collect())
}

/// The next number of AUTO_INCREMENT, where the table has one.
pub(super) fn next_number(session: &mut Session, table: &str) -> Result<Option<u64>, Trouble> {
    let created = created(session, table)?;
    let Some((_, option)) =
        created.rsplit_once("\n) ").and_then(|(_, end)| end.split_once(" AUTO_INCREMENT="))
    else {
        return Ok(None);
    };
    let digits = option.bytes().take_while(u8::is_ascii_digit).count();
    Ok(option[..digits].parse().ok())
}

/// Whether the rows bring every column of a key that says which rows are the same.
pub(super) fn can_merge(session: &mut Session, table: &str, plan: &Plan) -> Result<bool, Trouble> {
    let mut keys: Vec<(String, bool)> = Vec::new();
    for row in session.rows(&format!("SHOW INDEX FROM {table} WHERE Non_unique = 0"))? {
        let mut cells = row.into_iter();
        let (Some(Some(key)), Some(column)) = (cells.nth(2), cells.nth(1)) else { continue };
        // An expression has no name.
        let known = column.is_some_and(|column| find(&plan.columns, &column).is_some());
        match keys.iter_mut().find(|(name, _)| *name == key) {
            Some((_, all)) => *all &= known,
            None => keys.push((key, known)),
        }
    }
    Ok(keys.into_iter().any(|(_, all)| all))
}
