//! How reads from PostgreSQL begin and end: names, errors, connections that break, statements around the read.

use sync::embulk::config::TypeMapping;
use sync::embulk::input::{Selection, ValueType};
use sync::embulk::text::Text;
use sync::secret::Secret;
use sync::transfer::error::ErrorKind;

use super::super::lab::{Lab, postgresql, query, table, value_type};
use super::{csv, jsonl, refused};
use crate::support::postgres::postgres_database;
use crate::support::sandbox::Sandbox;

#[test]
fn errors_of_the_server_name_table_and_user() {
    let Some(database) = postgres_database() else { return };
    database.run("create table orders (id int); create table other (id int); create schema closed");
    let lab = Lab::new();
    let address = format!("{}:{}", database.host, database.port);
    let mut input = postgresql(&database, table("nope"));
    let error = refused(&lab, &input);
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert_eq!(
        error.to_string(),
        "table `nope` could not be read: relation \"nope\" does not exist (PostgreSQL error 42P01)"
    );
    assert_eq!(error.remedy(), Some("check the name in the config, and `schema`"));

    input.selection = query("select nope from orders");
    let error = refused(&lab, &input);
    assert_eq!(error.kind, ErrorKind::Query);
    assert_eq!(
        error.to_string(),
        "the query could not be read: column \"nope\" does not exist (PostgreSQL error 42703)"
    );

    input.selection = query("select 'secret'::int from orders");
    assert_eq!(
        refused(&lab, &input).to_string(),
        "the query could not be read: invalid input syntax for type integer: \"…\" (PostgreSQL error 22P02)"
    );

    let user = database.fresh_user(Some("secret-password"));
    input.user = Text::plain(&user);
    input.selection = table("orders");
    let error = refused(&lab, &input);
    assert_eq!(error.kind, ErrorKind::Authentication);
    assert_eq!(
        error.to_string(),
        format!("cannot connect to PostgreSQL at `{address}`: the server wants a password")
    );
    assert_eq!(error.remedy(), Some("set `password`"));
    input.password = Secret::new("wrong-password");
    let error = refused(&lab, &input);
    assert_eq!(error.kind, ErrorKind::Authentication);
    assert_eq!(
        error.to_string(),
        format!(
            "cannot connect to PostgreSQL at `{address}`: password authentication failed for user \"{user}\" \
             (PostgreSQL error 28P01)"
        )
    );
    input.password = Secret::new("secret-password");
    let error = refused(&lab, &input);
    assert_eq!(error.kind, ErrorKind::Permission);
    assert_eq!(
        error.to_string(),
        "table `orders` could not be read: permission denied for table orders (PostgreSQL error 42501)"
    );

    input.database = Text::plain("nowhere");
    let error = refused(&lab, &input);
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert_eq!(
        error.to_string(),
        format!(
            "cannot connect to PostgreSQL at `{address}`: database \"nowhere\" does not exist (PostgreSQL error 3D000)"
        )
    );
    assert_eq!(error.remedy(), Some("check `database`"));

    input.host = Text::plain("127.0.0.1");
    input.port = 1;
    let error = refused(&lab, &input);
    assert_eq!(error.kind, ErrorKind::Unreachable);
    assert!(error.is_unreachable());
    assert_eq!(
        error.to_string(),
        "cannot connect to PostgreSQL at `127.0.0.1:1`: error connecting to server: Connection refused (os error 111)"
    );
}

#[test]
fn a_server_that_is_down_is_exit_code_75() {
    let transfer = "in: {type: postgresql, host: 127.0.0.1, port: 1, user: u, database: d, table: t}\n\
                    out: {type: file, path_prefix: o, file_ext: csv, formatter: {type: csv}}\n";
    let sandbox =
        Sandbox::new().file("main.dig", "+copy:\n  sh>: embulk run t.yml\n").file("t.yml", transfer);
    let said = sandbox.run(["run", "main.dig"]).expect_code(75);
    let end = said.stderr.split_once("error: 1 task failed\n").expect("the list of failures").1;
    assert_eq!(
        end,
        "  +main+copy: Command failed with code 1\n    cause: cannot connect to PostgreSQL at `127.0.0.1:1`\n    \
         cause: error connecting to server\n    cause: Connection refused (os error 111)\n    \
         hint: check host, port and network, then retry\nhint: `sync retry --session 1` runs what is left\n"
    );
}

#[test]
fn a_query_that_cannot_be_read_says_why() {
    let Some(database) = postgres_database() else { return };
    let lab = Lab::new();
    for (sql, said, remedy) in [
        ("select $1::int", "the query has a `$1` that nothing is given for", "check the query in the config"),
        (
            "select 1; select 2",
            "the query could not be read: cannot insert multiple commands into a prepared statement \
             (PostgreSQL error 42601)",
            "check the query in the config",
        ),
        ("select", "the query gives no columns", "check the query in the config"),
        (
            "show all",
            "the query could not be read: syntax error at or near \"show\" (PostgreSQL error 42601)",
            "let the query be one SELECT, WITH or VALUES, and nothing behind it",
        ),
    ] {
        let error = refused(&lab, &postgresql(&database, query(sql)));
        assert_eq!((error.to_string().as_str(), error.remedy()), (said, Some(remedy)));
    }
}

#[test]
fn names_are_looked_up_as_they_are_written_then_in_another_case() {
    let Some(database) = postgres_database() else { return };
    database.run(
        "create table \"注文 \"\"s\" (\"Sel ect\" int, \"名\"\"前\" int); insert into \"注文 \"\"s\" values (1, 2);
         create table lower (a int); insert into lower values (1);
         create view \"UPPER\" as select 2 as a;
         create table twins (a int); create table \"TWINS\" (a int); create table \"Twins\" (a int);
         insert into \"Twins\" values (3);
         create table parts (a int, b text) partition by list (a);
         create table parts_4 partition of parts for values in (4);
         insert into parts values (4, null);
         create materialized view kept as select 5 as a;
         create schema \"Other\"; create table \"Other\".t (a int); insert into \"Other\".t values (6)",
    );
    let lab = Lab::new();
    for (name, expected) in [
        ("注文 \"s", "{\"Sel ect\":1,\"名\\\"前\":2}\n"),
        ("LOWER", "{\"a\":1}\n"),
        ("Lower", "{\"a\":1}\n"),
        ("upper", "{\"a\":2}\n"),
        ("Twins", "{\"a\":3}\n"),
        ("parts", "{\"a\":4,\"b\":null}\n"),
        ("kept", "{\"a\":5}\n"),
    ] {
        assert_eq!(jsonl(&lab, postgresql(&database, table(name)), TypeMapping::Embulk), expected, "{name}");
    }
    let mut input = postgresql(&database, table("t"));
    input.schema = Text::plain("Other");
    assert_eq!(jsonl(&lab, input, TypeMapping::Embulk), "{\"a\":6}\n");
    let lab = Lab::new();
    let error = refused(&lab, &postgresql(&database, table("tWINS")));
    assert_eq!(error.kind, ErrorKind::Config);
    assert_eq!(error.to_string(), "table `tWINS` could be `TWINS` or `twins`: both exist");
}

#[test]
fn a_table_is_read_by_its_clauses_and_a_query_as_it_is_written() {
    let Some(database) = postgres_database() else { return };
    database
        .run("create table t (a int, b text); insert into t select i, 'x' || i from generate_series(1, 5) i");
    let lab = Lab::new();
    let selection = Selection::Table {
        table: Text::plain("t"),
        select: Text::plain("a, a as a2, b \"B b\""),
        where_clause: Some(Text::plain("a > 3")),
        order_by: Some(Text::plain("a desc")),
    };
    assert_eq!(
        jsonl(&lab, postgresql(&database, selection), TypeMapping::Embulk),
        "{\"a\":5,\"a2\":5,\"B b\":\"x5\"}\n{\"a\":4,\"a2\":4,\"B b\":\"x4\"}\n"
    );
    for sql in [
        "with x as (select 1 as a) select a from x ; \n",
        "values (1)",
        "select 1 as a -- and nothing more",
        "insert into t values (9) returning 1 as a",
        "table one",
    ] {
        database.run("create or replace view one as select 1 as a");
        let written = jsonl(&lab, postgresql(&database, query(sql)), TypeMapping::Embulk);
        assert_eq!(written.replace("column1", "a"), "{\"a\":1}\n", "{sql}");
    }
    assert_eq!(database.rows("select count(*) from t where a = 9"), ["1"]);
    // Of an interval the server gives the text, and the statement is a part of another.
    for sql in [
        "select '1 day'::interval as a, 2 as a, \"B b\" from (values ('x')) t (\"B b\") -- and nothing more",
        "values ('1 day'::interval, 2, 'x') ; \n",
        "with x as (select '1 day'::interval) select x.*, 2, 'x' as \"\"\"\" from x",
    ] {
        let written = csv(&lab, postgresql(&database, query(sql)), TypeMapping::Exact);
        assert_eq!(written.split_once("\r\n").map(|(_, rows)| rows), Some("1 day,2,x\r\n"), "{sql}");
    }
    let sql = "select a * interval '1 day' as d from t where a < 9 order by a desc";
    let written = csv(&lab, postgresql(&database, query(sql)), TypeMapping::Exact);
    assert_eq!(written, "d\r\n5 days\r\n4 days\r\n3 days\r\n2 days\r\n1 day\r\n");
    let empty = jsonl(&lab, postgresql(&database, query("select * from t where false")), TypeMapping::Embulk);
    assert_eq!(empty, "");
}

#[test]
fn what_writes_gives_columns_of_which_the_server_need_not_give_the_text() {
    let Some(database) = postgres_database() else { return };
    database.run("create table t (a int, b interval)");
    let lab = Lab::new();
    let writes = "with n as (insert into t values (9, '1 day') returning *) select";
    let mut input = postgresql(&database, query(&format!("{writes} b from n")));
    input.column_options = vec![value_type("b", ValueType::String)];
    let error = refused(&lab, &input);
    assert_eq!(
        error.to_string(),
        "the query could not be read: WITH clause containing a data-modifying statement must be at the top level \
         (PostgreSQL error 0A000)"
    );
    assert_eq!(
        error.remedy(),
        Some(
            "let the query be one SELECT, WITH or VALUES, and nothing behind it; where it writes, cast columns of \
             other types than numbers, texts, dates and times to text"
        )
    );
    assert_eq!(database.rows("select * from t"), Vec::<String>::new());
    input.selection = query(&format!("{writes} a, b::text as b from n"));
    assert_eq!(jsonl(&lab, input, TypeMapping::Embulk), "{\"a\":9,\"b\":\"1 day\"}\n");
}

#[test]
fn a_limit_of_the_config_ends_a_statement() {
    let Some(database) = postgres_database() else { return };
    let mut input = postgresql(&database, query("select 1 as a from pg_sleep(600)"));
    input.statement_timeout = Some(std::time::Duration::from_millis(50));
    let error = refused(&Lab::new(), &input);
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert_eq!(
        error.to_string(),
        "the query could not be read: canceling statement due to statement timeout (PostgreSQL error 57014)"
    );
}

#[test]
fn statements_run_around_the_read_and_only_then_may_a_table_be_written() {
    let Some(database) = postgres_database() else { return };
    let lab = Lab::new();
    let mut input = postgresql(&database, table("made"));
    input.statements.before_setup =
        Some(Text::plain("create table made (id int); insert into made values (6)"));
    input.statements.before_select = Some(Text::plain("insert into made values (7)"));
    input.statements.after_select = Some(Text::plain("update made set id = id + 10"));
    assert_eq!(jsonl(&lab, input.clone(), TypeMapping::Embulk), "{\"id\":6}\n{\"id\":7}\n");
    assert_eq!(database.rows("select id from made order by id"), ["16", "17"]);

    let lab = Lab::new();
    input.statements.before_setup = None;
    input.statements.before_select = Some(Text::plain("delete from made"));
    input.statements.after_select = Some(Text::plain("select 1; select nothing; select 2"));
    let error = refused(&lab, &input);
    assert_eq!(
        error.to_string(),
        "`after_select` failed: column \"nothing\" does not exist (PostgreSQL error 42703)"
    );
    assert_eq!(database.rows("select count(*) from made"), ["2"]);

    database.run("create sequence s; create view numbered as select nextval('s') as n");
    let error = refused(&lab, &postgresql(&database, table("numbered")));
    assert_eq!(
        error.to_string(),
        "table `numbered` could not be read: cannot execute nextval() in a read-only transaction \
         (PostgreSQL error 25006)"
    );
    assert_eq!(
        error.remedy(),
        Some(
            "let `host` name the server that takes writes; a table that writes as it is read is read by a `query`"
        )
    );
    let input = postgresql(&database, query("select * from numbered"));
    assert_eq!(jsonl(&lab, input, TypeMapping::Embulk), "{\"n\":1}\n");
}
