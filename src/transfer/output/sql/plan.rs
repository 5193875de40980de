//! Which columns of the rows go where, and how a table that is replaced changes.

use crate::embulk::output::{LoadMode, SqlColumnOption, TableLoad};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::schema::{Column, Schema};
use crate::transfer::target::ColumnTarget;

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TargetColumn {
    pub(crate) name: String,
    /// The type as `CREATE TABLE` takes it, collation and all.
    pub(crate) sql_type: String,
    /// The type as the catalog spells it, of a domain the one below it; empty where it is not known yet.
    pub(crate) base: String,
    /// Who fills it.
    pub(crate) nature: Nature,
}

/// Who fills a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nature {
    /// The rows.
    Plain,
    /// The server, from other columns.
    Generated,
    /// The rows where they have it; who reads `*` does not see it, so it stays in a table that is replaced.
    Hidden,
}

/// How the columns of a table that is there change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    Drop(String),
    Add(TargetColumn),
    Retype(TargetColumn),
}

impl Change {
    /// The name of the column.
    pub(crate) fn column(&self) -> &str {
        match self {
            Self::Drop(name) => name,
            Self::Add(column) | Self::Retype(column) => &column.name,
        }
    }
}

/// Which columns of the rows go where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Positions of the columns in the rows.
    pub(crate) positions: Vec<usize>,
    /// Columns that take them.
    pub(crate) columns: Vec<TargetColumn>,
    /// What becomes of the table first.
    pub(crate) changes: Vec<Change>,
    /// Things that people should know.
    pub(crate) notes: Vec<String>,
}

impl Plan {
    /// What each column of the rows becomes; `target` says it of one that the table takes.
    pub(crate) fn targets(
        &self,
        schema: &Schema,
        target: &dyn Fn(&Column, &TargetColumn) -> ColumnTarget,
    ) -> Vec<ColumnTarget> {
        let one = |(at, from): (usize, &Column)| match self.positions.iter().position(|taken| *taken == at) {
            Some(place) => target(from, &self.columns[place]),
            None => ColumnTarget::left_out(),
        };
        schema.columns.iter().enumerate().map(one).collect()
    }
}

/// The option of a column: by exact name, else regardless of case.
pub(crate) fn option_of<'c>(load: &'c TableLoad, name: &str) -> Option<&'c SqlColumnOption> {
    let named = &load.column_options;
    let same = |(known, _): &&(String, SqlColumnOption)| known.to_lowercase() == name.to_lowercase();
    let exact = named.iter().find(|(known, _)| known == name);
    exact.or_else(|| named.iter().find(same)).map(|(_, option)| option)
}

/// The column of this name, else the one that differs in case only.
pub(crate) fn find<'t>(columns: &'t [TargetColumn], name: &str) -> Option<&'t TargetColumn> {
    let same = |column: &&TargetColumn| column.name.to_lowercase() == name.to_lowercase();
    columns.iter().find(|column| column.name == name).or_else(|| columns.iter().find(same))
}

/// Plans for a table that is there with these columns, or is not. `usual` is the type of a new column.
pub(crate) fn plan(
    schema: &Schema,
    load: &TableLoad,
    existing: Option<&[TargetColumn]>,
    usual: &dyn Fn(&Column) -> String,
) -> Result<Plan, TransferError> {
    if let Some(name) = schema.shared_name() {
        return Err(TransferError::new(
            ErrorKind::Config,
            format!("two columns of the rows are named `{name}`"),
        )
        .hint("give one of them another name in the query, or with the `rename` filter"));
    }
    let mut plan = Plan::default();
    for (at, column) in schema.columns.iter().enumerate() {
        let option = option_of(load, &column.name);
        let given = option.and_then(|option| option.sql_type.clone());
        let fresh = |sql_type: Option<String>| TargetColumn {
            name: column.name.clone(),
            sql_type: sql_type.unwrap_or_else(|| usual(column)),
            base: String::new(),
            nature: Nature::Plain,
        };
        let target = match (existing, find(existing.unwrap_or_default(), &column.name)) {
            (None, _) => fresh(given),
            (Some(_), Some(found)) if found.nature == Nature::Generated => {
                plan.notes.push(format!(
                    "column `{}` of table `{}` is generated, and what the rows have for it is left out",
                    found.name,
                    load.table.shown()
                ));
                continue;
            }
            (Some(_), Some(found)) => match given.filter(|_| load.mode == LoadMode::Replace) {
                Some(sql_type) => TargetColumn { name: found.name.clone(), ..fresh(Some(sql_type)) },
                None => found.clone(),
            },
            (Some(_), None) if load.mode == LoadMode::Replace => fresh(given),
            (Some(_), None) => {
                plan.notes.push(format!(
                    "column `{}` is not in table `{}` and is left out, as under Embulk",
                    column.name,
                    load.table.shown()
                ));
                continue;
            }
        };
        if plan.columns.iter().any(|known| known.name == target.name) {
            let message = format!("two columns of the rows go to column `{}` of the table", target.name);
            return Err(TransferError::new(ErrorKind::Config, message)
                .hint("leave one of them out, or give it another name"));
        }
        plan.positions.push(at);
        plan.columns.push(target);
    }
    if plan.columns.is_empty() {
        let message = format!("no column of the rows is in table `{}`", load.table.shown());
        return Err(
            TransferError::new(ErrorKind::Config, message).hint("check `table`, or rename the columns")
        );
    }
    Ok(plan)
}

/// What a table that is replaced needs to have the planned columns, whose types the server has spelled out.
pub(crate) fn changes(planned: &[TargetColumn], existing: &[TargetColumn]) -> Vec<Change> {
    let gone = existing
        .iter()
        .filter(|old| old.nature == Nature::Plain && planned.iter().all(|new| new.name != old.name));
    let mut changes: Vec<Change> = gone.map(|old| Change::Drop(old.name.clone())).collect();
    for new in planned {
        match existing.iter().find(|old| old.name == new.name) {
            None => changes.push(Change::Add(new.clone())),
            Some(old) if old.sql_type != new.sql_type => changes.push(Change::Retype(new.clone())),
            Some(_) => {}
        }
    }
    changes
}
