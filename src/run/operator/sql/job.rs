//! What a task asks of a database: a script, and what is to be done with its result.

use serde_json::Value;

use super::download::Download;
use super::script::Script;
use super::sink::{Keep, Sink, StoreLimits, Stored};
use super::strict::Strict;
use super::table::TableName;
use crate::dig::exclusive_sql_options;
use crate::run::operator::options::Options;
use crate::run::operator::{OperatorError, OperatorRequest, resolve_inside};

/// One task's work.
pub(super) struct Job {
    pub(super) script: Script,
    pub(super) aim: Aim,
    /// The script's row in the status table, where it is to be done exactly once.
    pub(super) strict: Option<Strict>,
}

/// What becomes of the script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Aim {
    /// It runs as it is; rows that it gives are dropped.
    Run,
    /// The last result becomes a parameter.
    Store(Keep),
    /// The last result becomes a file, named as in the workflow.
    Download(String),
    /// The result becomes a table, in place of one that is there.
    CreateTable(TableName),
    /// The result is added to a table.
    InsertInto(TableName),
}

/// The statements that carry a script out.
pub(super) struct Statements {
    pub(super) sql: String,
    /// What stands in it before the script.
    pub(super) before: String,
    /// How many statements that is.
    pub(super) lead: usize,
}

impl Job {
    /// What is sent to a database whose names stand between `quote`.
    pub(super) fn statements(&self, quote: char) -> Statements {
        let (before, lead) = match &self.aim {
            Aim::Run | Aim::Store(_) | Aim::Download(_) => (String::new(), 0),
            Aim::CreateTable(table) => {
                let table = table.quoted(quote);
                (format!("DROP TABLE IF EXISTS {table}; CREATE TABLE {table} AS\n"), 1)
            }
            Aim::InsertInto(table) => (format!("INSERT INTO {}\n", table.quoted(quote)), 0),
        };
        Statements { sql: format!("{before}{}", self.script.text), before, lead }
    }
}

impl Aim {
    /// Reads the options; those that exclude each other are refused in Digdag's words.
    pub(super) fn read(options: &Options<'_>) -> Result<Self, OperatorError> {
        let table = |key: &str| options.text(key)?.map(|text| TableName::parse(key, &text)).transpose();
        let keep = keep(options)?;
        let has = |key: &str| match key {
            "store_last_results" => keep.is_some(),
            key => options.get(key).is_some(),
        };
        if let Some(clash) = exclusive_sql_options(has) {
            return Err(OperatorError::config(clash));
        }
        let (create, insert) = (table("create_table")?, table("insert_into")?);
        let download = options.text("download_file")?;
        Ok(match (create, insert, download, keep) {
            (Some(table), ..) => Self::CreateTable(table),
            (_, Some(table), ..) => Self::InsertInto(table),
            (_, _, Some(file), _) => Self::Download(file),
            (_, _, _, Some(keep)) => Self::Store(keep),
            _ => Self::Run,
        })
    }

    /// Whether the result is wanted.
    pub(super) fn keeps_result(&self) -> bool {
        matches!(self, Self::Store(_) | Self::Download(_))
    }

    /// Where rows go.
    pub(super) fn sink(
        &self,
        request: &OperatorRequest<'_>,
        text: usize,
        id: &str,
    ) -> Result<Sink, OperatorError> {
        Ok(match self {
            Self::Store(keep) => Sink::Store(Stored::new(*keep, limits(request, text)?)),
            Self::Download(name) => {
                let path = resolve_inside(&request.services.project, &request.directory, name)?;
                Sink::Download(Download::new(name.clone(), path, id))
            }
            Self::Run | Self::CreateTable(_) | Self::InsertInto(_) => Sink::Discard,
        })
    }
}

fn keep(options: &Options<'_>) -> Result<Option<Keep>, OperatorError> {
    let wrong = || OperatorError::config("`store_last_results` must be `first`, `all` or `false`");
    match options.get("store_last_results") {
        None | Some(Value::Bool(false)) => Ok(None),
        Some(Value::Bool(true)) => Ok(Some(Keep::First)),
        Some(Value::String(word)) => match word.as_str() {
            "first" | "true" => Ok(Some(Keep::First)),
            "all" => Ok(Some(Keep::All)),
            "false" | "" => Ok(None),
            _ => Err(wrong()),
        },
        Some(_) => Err(wrong()),
    }
}

/// Digdag's limits, and its properties that change them: of the operator, else of all (`config.jdbc.…`).
fn limits(request: &OperatorRequest<'_>, text: usize) -> Result<StoreLimits, OperatorError> {
    let properties = &request.services.properties;
    let limit = |key: &str, default: usize| {
        let keys =
            [&request.operator, "jdbc"].map(|group| format!("config.{group}.max_store_last_results_{key}"));
        let Some(key) = keys.into_iter().find(|key| properties.contains_key(key)) else { return Ok(default) };
        let value = properties.get(&key).and_then(|value| value.trim().parse().ok());
        value.ok_or_else(|| OperatorError::config(format!("the property `{key}` must be a whole number")))
    };
    Ok(StoreLimits {
        rows: limit("rows", 8192)?,
        columns: limit("columns", 64)?,
        text: limit("value_size", text)?,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::json;

    use super::*;
    use crate::run::operator::testing::Bench;
    use crate::run::operator::{Operator, OperatorOutput, Turn};

    /// Reads what an operator `pg>` is asked for.
    #[derive(Default)]
    struct Probe(Mutex<Option<Aim>>);

    impl Operator for Probe {
        fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
            *self.0.lock().expect("no panic") = Some(Aim::read(&Options::new(request, "pg"))?);
            Ok(OperatorOutput::default().into())
        }
    }

    fn read(local: Value) -> Result<Aim, String> {
        let probe = Probe::default();
        let exported = json!({"pg": {"store_last_results": false}});
        Bench::new().run(&probe, exported, local).map_err(|error| error.message)?;
        Ok(probe.0.into_inner().expect("no panic").expect("it ran"))
    }

    #[test]
    fn each_option_is_an_aim() {
        assert_eq!(read(json!({"pg>": "q.sql"})), Ok(Aim::Run));
        assert_eq!(read(json!({"store_last_results": true})), Ok(Aim::Store(Keep::First)));
        assert_eq!(read(json!({"store_last_results": "all"})), Ok(Aim::Store(Keep::All)));
        assert_eq!(read(json!({"download_file": "a.csv"})), Ok(Aim::Download("a.csv".to_owned())));
        let table = TableName { schema: Some("s".to_owned()), name: "t".to_owned() };
        assert_eq!(read(json!({"create_table": "s.t"})), Ok(Aim::CreateTable(table.clone())));
        assert_eq!(
            read(json!({"insert_into": "s.t", "store_last_results": "false"})),
            Ok(Aim::InsertInto(table))
        );
    }

    #[test]
    fn options_that_exclude_each_other_are_refused_in_digdags_words() {
        let refused = |local: Value| read(local).expect_err("an error");
        assert_eq!(
            refused(json!({"insert_into": "t", "create_table": "t", "download_file": "f"})),
            "Can't use both of insert_into and create_table"
        );
        assert_eq!(
            refused(json!({"insert_into": "t", "download_file": "f", "store_last_results": "all"})),
            "Can't use download_file with insert_into or create_table"
        );
        assert_eq!(
            refused(json!({"create_table": "t", "store_last_results": "first"})),
            "Can't use store_last_results with insert_into or create_table"
        );
        assert_eq!(
            refused(json!({"download_file": "f", "store_last_results": "all"})),
            "Can't use both download_file and store_last_results at once"
        );
    }
}
