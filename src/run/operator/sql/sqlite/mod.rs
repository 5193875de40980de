//! `sqlite>`: a database file.
//!
//! With `strict_transaction`, and for `create_table`, all statements are one transaction; else each is its own. The row
//! of a script lies in the same file, so whoever opens it finds out what is done.

mod status;
mod text;

use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode};
use serde_json::Number;

use self::text::Text;
use super::cell::Cell;
use super::job::{Aim, Job};
use super::sink::Sink;
use super::stop::Watch;
use super::strict::Ran;
use crate::run::operator::options::Options;
use crate::run::operator::{OperatorError, OperatorRequest};

/// How long another process may hold the database before we give up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Carries a task out.
pub(super) fn run(
    job: &Job,
    sink: &mut Sink,
    options: &Options<'_>,
    request: &OperatorRequest<'_>,
) -> Result<Ran, OperatorError> {
    let connection = open(options, request)?;
    let handle = connection.get_interrupt_handle();
    let watch = Watch::new(&request.cancel, move || handle.interrupt())
        .map_err(|error| OperatorError::failed("a thread could not be started").cause(&error))?;
    let text = Text::new(job);
    let result = match (&job.strict, &job.aim) {
        (Some(strict), _) => status::once(&connection, strict, &text, sink, request),
        (None, Aim::CreateTable(_)) => in_transaction(&connection, &text, sink),
        (None, _) => text.run(&connection, sink).and_then(|()| sink.flush()).map(|()| Ran::Now),
    };
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
    opened.map_err(|error| around(format!("database `{name}` could not be opened"), &error))
}

fn in_transaction(connection: &Connection, text: &Text<'_>, sink: &mut Sink) -> Result<Ran, OperatorError> {
    let failed = |error: rusqlite::Error| around("the transaction of the script could not be made", &error);
    connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
    // Closing the file undoes what is not committed.
    text.run(connection, sink)?;
    connection.execute_batch("COMMIT").map_err(failed)?;
    Ok(Ran::Now)
}

/// A failure of what we do around the script.
fn around(doing: impl Into<String>, error: &rusqlite::Error) -> OperatorError {
    let cause = match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        other => other.to_string(),
    };
    let mut failed = OperatorError::failed(doing);
    failed.causes.push(cause);
    busy(failed, error)
}

fn busy(failed: OperatorError, error: &rusqlite::Error) -> OperatorError {
    if is_held(error) { failed.hint("another process holds the database") } else { failed }
}

fn is_held(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn cell(value: ValueRef<'_>) -> Cell<'_> {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Whole(number.to_string().into()),
        ValueRef::Real(number) => match Number::from_f64(number) {
            Some(number) => Cell::Float(number.to_string().into()),
            None => Cell::Null,
        },
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            std::str::from_utf8(bytes).map_or(Cell::Bytes, |text| Cell::Text(text.into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Dialect, Sql};
    use super::*;
    use crate::run::operator::testing::Bench;
    use crate::run::operator::{OperatorError, OperatorOutput, Turn, Waiting};
    use serde_json::Value;

    fn run(bench: &Bench, exported: Value, local: Value) -> Result<OperatorOutput, OperatorError> {
        bench.run(&Sql::new(Dialect::Sqlite), exported, local)
    }

    fn database() -> Value {
        json!({"sqlite": {"database": "out/deep/shop.db", "strict_transaction": false}, "n": 2})
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
        assert_eq!(
            error(json!({"sqlite>": {"data": "select 1;\nselect 2 from\n  missing"}, "insert_into": "w"})),
            ["the statement at line 1 failed", "no such table: w"]
        );
        assert_eq!(
            error(json!({"sqlite>": {"data": "select 1;\nselect 2 from\n  missing"}, "create_table": "w"})),
            ["the statement at line 2 failed", "no such table: missing"]
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

    fn numbers(bench: &Bench, sql: &str) -> Value {
        let local = json!({"sqlite>": {"data": sql}, "store_last_results": "all"});
        let output = run(bench, database(), local).expect("rows");
        output.store["sqlite"]["last_results"].clone()
    }

    #[test]
    fn results_become_tables_and_files() {
        let bench = Bench::new();
        let two = "select 1 as id, null as name union all select 2, 'a,\"b\"' -- two";
        run(&bench, database(), json!({"sqlite>": {"data": two}, "create_table": "T"})).expect("made");
        run(&bench, database(), json!({"sqlite>": {"data": two}, "insert_into": "T"})).expect("added");
        assert_eq!(numbers(&bench, "select count(*) as n from T"), json!([{"n": 4}]));
        run(&bench, database(), json!({"sqlite>": {"data": two}, "create_table": "T"})).expect("replaced");
        assert_eq!(numbers(&bench, "select count(*) as n from T"), json!([{"n": 2}]));
        let local = json!({"sqlite>": {"data": "select * from T order by id"}, "download_file": "t.csv"});
        run(&bench, database(), local).expect("written");
        let text = std::fs::read_to_string(bench.project().join("t.csv")).expect("a file");
        assert_eq!(text, "id,name\r\n1,\r\n2,\"a,\"\"b\"\"\"\r\n");
        assert!(bench.log().ends_with("Info: 2 rows are written to `t.csv`\n"), "{}", bench.log());
        let outside = json!({"sqlite>": {"data": two}, "download_file": "../t.csv"});
        let error = run(&bench, database(), outside).expect_err("an error");
        assert_eq!(error.message, "file `../t.csv` lies outside the project");
    }

    #[test]
    fn a_failed_script_leaves_nothing_behind_and_a_lost_one_is_not_done_twice() {
        let bench = Bench::new();
        // Every try of the bench is of one task in one round: a script after one that is done is its retry.
        let once = |status_table: &str, sql: &str| {
            let local =
                json!({"sqlite>": {"data": sql}, "strict_transaction": true, "status_table": status_table});
            run(&bench, database(), local)
        };
        let rows = || numbers(&bench, "select a from t order by a");
        once("first", "create table t (a integer primary key); insert into t values (1)").expect("made");
        let error = once("s", "insert into t values (2); insert into t values (2)").expect_err("an error");
        assert_eq!(error.causes, ["UNIQUE constraint failed: t.a"]);
        assert_eq!(rows(), json!([{"a": 1}]));
        for _ in 0..2 {
            once("s", "insert into t select max(a) + 1 from t").expect("done");
            assert_eq!(rows(), json!([{"a": 1}, {"a": 2}]));
        }
        once("ended", "insert into t values (3); commit").expect("done");
        assert_eq!(numbers(&bench, "select count(*) as n from ended"), json!([{"n": 1}]));
        let error = once("begun", "begin; commit").expect_err("an error");
        assert_eq!(error.causes, ["cannot start a transaction within a transaction"]);
        assert_eq!(
            error.hint.as_deref(),
            Some("`strict_transaction: false` lets the script begin and end transactions itself")
        );
        let log = bench.log();
        assert_eq!(
            log.lines().filter(|line| !line.contains(" stored as ")).collect::<Vec<_>>(),
            [
                "Info: an earlier try is in `s` as done: the script is not run again",
                "Warn: the script ended its transaction itself: after a kill it may be done twice"
            ]
        );
    }

    #[test]
    fn a_database_that_another_holds_is_looked_at_later() {
        let bench = Bench::new();
        run(&bench, database(), json!({"sqlite>": {"data": "create table t (a)"}})).expect("made");
        let other = Connection::open(bench.project().join("out/deep/shop.db")).expect("open");
        other.execute_batch("begin immediate").expect("held");
        let sql = Sql::new(Dialect::Sqlite);
        let local = json!({"sqlite>": {"data": "insert into t values (1)"}, "strict_transaction": true});
        let mut waiting = Waiting::first();
        for seconds in [1, 2, 4] {
            let turn = bench.turn(&sql, database(), local.clone(), waiting.clone()).expect("a turn");
            let Turn::Again { after, state } = turn else { panic!("it was held") };
            assert_eq!(after, Duration::from_secs(seconds));
            waiting.state = state;
        }
        other.execute_batch("commit").expect("free");
        assert!(matches!(bench.turn(&sql, database(), local, waiting), Ok(Turn::Done(_))));
        assert_eq!(numbers(&bench, "select a from t"), json!([{"a": 1}]));
        let log = bench.log();
        assert!(log.starts_with("Warn: another process holds the database; next look in 1 s\n"), "{log}");
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
