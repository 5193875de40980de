//! The tables of the estate, as its own files list them.

use std::path::{Path, PathBuf};

/// A table that is copied every night.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The database, or the schema of PostgreSQL's.
    pub database: String,
    pub engine: Engine,
    /// The schema in Redshift.
    pub schema: String,
    pub name: String,
    pub columns: Vec<Column>,
    /// Rows that the source gets.
    pub rows: u32,
}

/// What the source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Engine {
    Mysql,
    Postgresql,
}

/// A column, whose name says what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Key,
    Integer,
    Double,
    Decimal,
    Boolean,
    Word,
    Text,
    Json,
    Date,
    Time,
}

impl Kind {
    fn of(name: &str) -> Self {
        match name {
            "id" => Self::Key,
            "score" | "sort_order" => Self::Integer,
            "latitude" | "longitude" | "ratio" => Self::Double,
            "price" | "amount" | "tax_amount" => Self::Decimal,
            "code" | "kind" | "name" => Self::Word,
            "memo" | "description" => Self::Text,
            "extra" => Self::Json,
            _ if name.starts_with("is_") => Self::Boolean,
            _ if name.ends_with("_at") => Self::Time,
            _ if name.ends_with("_on") => Self::Date,
            _ if name.ends_with("_id") || name.ends_with("_count") => Self::Integer,
            _ => panic!("no column of the estate is called `{name}`"),
        }
    }
}

/// Where the estate's files are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/estate_to_redshift")
}

/// Every table of every list, with as many rows as the sizes say in turn.
pub fn tables(sizes: &[u32]) -> Vec<Table> {
    let mut files: Vec<_> = std::fs::read_dir(folder().join("digdag/tables"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut tables: Vec<Table> = files.iter().flat_map(|file| of_database(file)).collect();
    for (at, table) in tables.iter_mut().enumerate() {
        table.rows = sizes[at % sizes.len()];
    }
    tables
}

fn of_database(list: &Path) -> Vec<Table> {
    let database = list.file_stem().unwrap().to_str().unwrap();
    let flow = std::fs::read_to_string(folder().join(format!("{database}.dig"))).unwrap();
    let engine = if flow.contains("flow/postgresql.dig") { Engine::Postgresql } else { Engine::Mysql };
    let text = std::fs::read_to_string(list).unwrap();
    let table = |line: &str| {
        let (name, select) =
            line.strip_prefix("  - {name: ")?.strip_suffix("\"}")?.split_once(", select: \"")?;
        let column = |name: &str| Column { name: name.to_owned(), kind: Kind::of(name) };
        Some(Table {
            database: database.to_owned(),
            engine,
            schema: format!("la_{database}"),
            name: name.to_owned(),
            columns: select.split(", ").map(column).collect(),
            rows: 0,
        })
    };
    text.lines().filter_map(table).collect()
}
