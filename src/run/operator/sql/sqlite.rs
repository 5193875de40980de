//! `sqlite>`: a database file.

use std::time::Duration;

use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::types::ValueRef;
use rusqlite::{Batch, Connection, ErrorCode};
use serde_json::{Number, Value};

use super::script::Script;
use super::stop::Watch;
use super::{Keep, Rows, whole};
use crate::run::operator::options::Options;
use crate::run::operator::{OperatorError, OperatorRequest};

/// How long another process may hold the database before we give up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a script; gives the rows of the last statement that has columns.
pub(super) fn run(
    script: &Script,
    options: &Options<'_>,
    keep: Keep,
    request: &OperatorRequest<'_>,
) -> Result<Option<Rows>, OperatorError> {
    let connection = open(options, request)?;
    let handle = connection.get_interrupt_handle();
    let watch = Watch::new(&request.cancel, move || handle.interrupt())
        .map_err(|error| OperatorError::failed("a thread could not be started").cause(&error))?;
    let result = run_script(&connection, script, keep);
    drop(watch);
    if request.cancel.is_canceled() { Err(OperatorError::canceled()) } else { result }
}

/// The file, made with the folders above it when it is not there.
fn open(options: &Options<'_>, request: &OperatorRequest<'_>) -> Result<Connection, OperatorError> {
    let Some(name) = options.text("database")? else {
        return Err(OperatorError::config("`database` is needed: the file of the SQLite database"));
    };
    let path = request.directory.join(&name);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| {
            OperatorError::failed(format!("the folder of database `{name}` could not be made")).cause(&error)
        })?;
    }
    let opened = Connection::open(&path).and_then(|connection| {
        connection.busy_timeout(PATIENCE)?;
        Ok(connection)
    });
    opened.map_err(|error| {
        OperatorError::failed(format!("database `{name}` could not be opened")).cause(&error)
    })
}

fn run_script(connection: &Connection, script: &Script, keep: Keep) -> Result<Option<Rows>, OperatorError> {
    let mut last = None;
    let mut batch = Batch::new(connection, &script.text);
    let mut number = 0;
    loop {
        let statement = batch.next().map_err(|error| failed(script, number, &error))?;
        let Some(mut statement) = statement else { return Ok(last) };
        let width = statement.column_count();
        let mut rows = match (width, keep) {
            (0, _) | (_, Keep::Nothing) => Rows::default(),
            _ => Rows::new(statement.column_names().map(str::to_owned).collect())?,
        };
        let mut cursor = statement.raw_query();
        while let Some(row) = cursor.next().map_err(|error| failed(script, number, &error))? {
            if rows.wants_more(keep) {
                let values: rusqlite::Result<Vec<Option<Value>>> =
                    (0..width).map(|index| row.get_ref(index).map(to_json)).collect();
                rows.push(values.map_err(|error| failed(script, number, &error))?)?;
            }
        }
        if width > 0 {
            last = Some(rows);
        }
        number += 1;
    }
}

/// Texts of SQLite name tables and columns. A failed constraint names its columns, never a value.
fn failed(script: &Script, number: usize, error: &rusqlite::Error) -> OperatorError {
    let (start, cause) = match error {
        // The text of this error is what was left of the script.
        rusqlite::Error::SqlInputError { msg, sql, offset, .. } => {
            let offset = usize::try_from(*offset).unwrap_or_default();
            (script.text.len().saturating_sub(sql.len()) + offset, msg.clone())
        }
        rusqlite::Error::SqliteFailure(_, Some(message)) => (script.start(number), message.clone()),
        other => (script.start(number), other.to_string()),
    };
    let place = script.place(script.line(start));
    let mut failed = OperatorError::failed(format!("{place} failed"));
    failed.causes.push(cause);
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy) => failed.hint("another process holds the database"),
        _ => failed,
    }
}

/// None for bytes that are no text.
fn to_json(value: ValueRef<'_>) -> Option<Value> {
    Some(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => whole(number),
        ValueRef::Real(number) => Number::from_f64(number).map_or(Value::Null, Value::Number),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            Value::String(std::str::from_utf8(bytes).ok()?.to_owned())
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Dialect, Sql};
    use crate::run::operator::testing::Bench;
    use crate::run::operator::{OperatorError, OperatorOutput};
    use serde_json::Value;

    fn run(bench: &Bench, exported: Value, local: Value) -> Result<OperatorOutput, OperatorError> {
        bench.run(&Sql::new(Dialect::Sqlite), exported, local)
    }

    fn database() -> Value {
        json!({"sqlite": {"database": "out/deep/shop.db"}, "n": 2})
    }

    #[test]
    fn a_script_makes_tables_and_a_query_stores_rows() {
        let bench = Bench::new()
            .file(
                "make.sql",
                "create table t (id integer, name text);\ninsert into t values (1, 'a;b'), (${n}, null);\n",
            )
            .file("list.sql", "select id, name, 0.5 as half from t order by id");
        run(&bench, database(), json!({"sqlite>": "make.sql"})).expect("made");
        let output = run(&bench, database(), json!({"sqlite>": "list.sql", "store_last_results": "all"}))
            .expect("rows");
        let rows = json!([{"id": 1, "name": "a;b", "half": 0.5}, {"id": 2, "name": null, "half": 0.5}]);
        assert_eq!(Value::Object(output.store), json!({"sqlite": {"last_results": rows}}));
        assert_eq!(output.reset_store, [["sqlite", "last_results"]]);
        let first = json!({"sqlite>": {"data": "select id from t where id > ${n - 1}"}, "store_last_results": "first"});
        let output = run(&bench, database(), first).expect("a row");
        assert_eq!(Value::Object(output.store), json!({"sqlite": {"last_results": {"id": 2}}}));
        let none =
            json!({"sqlite>": {"data": "select id from t where id > 9"}, "store_last_results": "first"});
        let output = run(&bench, database(), none).expect("no row");
        assert_eq!(Value::Object(output.store), json!({"sqlite": {"last_results": {}}}));
    }

    #[test]
    fn errors_name_the_line() {
        let bench = Bench::new()
            .file("bad.sql", "create table u (a integer primary key);\n\nselect missing\nfrom u;\n")
            .file("twice.sql", "create table v (a integer primary key);\ninsert into v values (7);\ninsert into v values (7);\n")
            .file("hole.sql", "select ${nowhere}");
        let error = |local: Value| {
            let error = run(&bench, database(), local).expect_err("an error");
            std::iter::once(error.message).chain(error.causes).collect::<Vec<_>>()
        };
        assert_eq!(
            error(json!({"sqlite>": "bad.sql"})),
            ["the statement at bad.sql:3 failed", "no such column: missing"]
        );
        assert_eq!(
            error(json!({"sqlite>": "twice.sql"})),
            ["the statement at twice.sql:3 failed", "UNIQUE constraint failed: v.a"]
        );
        assert_eq!(
            error(json!({"sqlite>": "hole.sql"})),
            [
                "Failed to evaluate a variable select ${nowhere} (ReferenceError: nowhere is not defined) in hole.sql"
            ]
        );
        assert_eq!(
            error(json!({"sqlite>": "no.sql"})),
            ["file `no.sql` cannot be read", "No such file or directory (os error 2)"]
        );
        assert_eq!(
            error(json!({"sqlite>": {"data": "select 1"}, "store_last_results": "some"})),
            ["`store_last_results` must be `first`, `all` or `false`"]
        );
    }

    #[test]
    fn a_result_has_limits() {
        let bench = Bench::new();
        let all = |sql: &str| {
            let local = json!({"sqlite>": {"data": sql}, "store_last_results": "all"});
            run(&bench, database(), local).map(|_| ()).map_err(|error| error.message)
        };
        let numbers =
            "with recursive n (i) as (select 1 union all select i + 1 from n where i < 8193) select i from n";
        assert_eq!(all(numbers), Err("the result has more than 8192 rows to store".to_owned()));
        let wide: Vec<_> = (0..65).map(|index| format!("1 as c{index}")).collect();
        assert_eq!(
            all(&format!("select {}", wide.join(", "))),
            Err("the result has 65 columns; at most 64 can be stored".to_owned())
        );
        assert_eq!(
            all("select x'00ff' as b"),
            Err("column `b` holds bytes that are no text, which cannot be stored".to_owned())
        );
        assert_eq!(
            all("select hex(zeroblob(40000)) as h"),
            Err("column `h` has a text of more than 65536 characters, which cannot be stored".to_owned())
        );
    }

    #[test]
    fn a_cancelled_statement_stops() {
        let bench = Bench::new();
        bench.cancel.cancel();
        let endless =
            "with recursive n (i) as (select 1 union all select i + 1 from n) select count(*) from n";
        let error = run(&bench, database(), json!({"sqlite>": {"data": endless}})).expect_err("an error");
        assert_eq!(error.kind, crate::run::event::FailureKind::Canceled);
    }
}
