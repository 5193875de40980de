//! How reads from PostgreSQL begin and end: names, errors, connections that break, statements around the read.

use sync::embulk::config::TypeMapping;
use sync::embulk::input::{InputConfig, PostgresqlInput, Selection, SslMode};
use sync::embulk::text::Text;
use sync::secret::Secret;
use sync::transfer::error::{ErrorKind, TransferError};

use super::super::lab::{Lab, postgresql, query, table, to_jsonl};
use super::jsonl;
use crate::support::postgres::{PostgresDatabase, postgres_database};
use crate::support::proxy::Proxy;
use crate::support::servers;

fn refused(lab: &Lab, input: &PostgresqlInput) -> TransferError {
    let input = InputConfig::Postgresql(input.clone());
    let error = lab.run(&to_jsonl(input, TypeMapping::Embulk)).unwrap_err();
    assert_eq!(lab.files(), Vec::<String>::new());
    error
}

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
    let empty = jsonl(&lab, postgresql(&database, query("select * from t where false")), TypeMapping::Embulk);
    assert_eq!(empty, "");
}

#[test]
fn settings_of_the_server_do_not_change_what_is_read() {
    let Some(database) = postgres_database() else { return };
    let name = &database.name;
    database.run(&format!(
        "alter database {name} set datestyle = 'German'; alter database {name} set intervalstyle = 'iso_8601';
         alter database {name} set bytea_output = 'escape'; alter database {name} set extra_float_digits = 0;
         alter database {name} set timezone = 'Asia/Kolkata'; alter database {name} set client_encoding = 'LATIN1';
         alter database {name} set statement_timeout = '10ms'; alter database {name} set search_path = 'nowhere';
         alter database {name} set standard_conforming_strings = off;
         alter database {name} set idle_in_transaction_session_timeout = '10ms'"
    ));
    let mut lab = Lab::new();
    lab.zone = jiff::tz::TimeZone::get("Asia/Tokyo").unwrap();
    let sql = "select '2016-11-02'::date as d, '2016-11-02 00:00Z'::timestamptz as z, '1 day'::interval as i, \
               decode('00ff', 'hex') as y, 0.1::float8 + 0.2 as f, '日本' as t, '2016-11-02 00:00Z'::timestamptz::text as x \
               from pg_sleep(0.05)";
    assert_eq!(
        jsonl(&lab, postgresql(&database, query(sql)), TypeMapping::Exact),
        "{\"d\":\"2016-11-02\",\"z\":\"2016-11-02 00:00:00.000000 +00:00\",\"i\":\"1 day\",\"y\":\"AP8=\",\
         \"f\":0.30000000000000004,\"t\":\"日本\",\"x\":\"2016-11-02 09:00:00+09\"}\n"
    );
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
    input.statements.after_select = Some(Text::plain("select nothing"));
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
    assert_eq!(error.remedy(), Some("a table is read without the right to write: let a `query` read it"));
    let input = postgresql(&database, query("select * from numbered"));
    assert_eq!(jsonl(&lab, input, TypeMapping::Embulk), "{\"n\":1}\n");
}

#[test]
fn properties_of_the_driver_are_followed_refused_or_named() {
    let Some(database) = postgres_database() else { return };
    database.run("create schema other; create table other.t (a int); insert into other.t values (1)");
    let lab = Lab::new();
    let mut input =
        postgresql(&database, query("select t.a, current_setting('application_name') as name from t"));
    for (name, value) in [
        ("currentSchema", "other"),
        ("ApplicationName", "nightly"),
        ("prepareThreshold", "0"),
        ("madeUp", "1"),
        ("socketTimeout", "60"),
    ] {
        input.options.insert(name.to_owned(), value.into());
    }
    assert_eq!(jsonl(&lab, input.clone(), TypeMapping::Embulk), "{\"a\":1,\"name\":\"nightly\"}\n");
    let mut lines = lab.heard.lines.lock().unwrap().clone();
    lines.retain(|line| !line.starts_with("Writing"));
    assert_eq!(
        lines,
        [
            "`madeUp` in `options` means nothing here and is ignored".to_owned(),
            format!("Connecting to postgresql://{}:{}/{}", database.host, database.port, database.name),
            "SQL: select t.a, current_setting('application_name') as name from t".to_owned(),
            "Fetched 1 rows.".to_owned(),
        ]
    );
    let lab = Lab::new();
    for (name, value, said) in [
        (
            "sslmode",
            "maybe",
            "`sslmode` in `options` is not disable, allow, prefer, require, verify-ca or verify-full",
        ),
        ("loginTimeout", "soon", "`loginTimeout` in `options` is not a number of seconds"),
        (
            "sslcert",
            "client.pem",
            "`sslcert` in `options` is not supported: a client has no certificate of its own here",
        ),
    ] {
        let mut input = input.clone();
        input.options.insert(name.to_owned(), value.into());
        let error = refused(&lab, &input);
        assert_eq!((error.kind, error.to_string().as_str()), (ErrorKind::Config, said));
    }
}

#[test]
fn tls_is_used_and_certificates_are_checked_where_asked_for() {
    let Some(database) = postgres_database() else { return };
    let Some(authority) = servers::variable("SYNC_TEST_POSTGRES_AUTHORITY", "PostgreSQL") else { return };
    let sql = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
    let lab = Lab::new();
    let mut input = postgresql(&database, query(sql));
    assert_eq!(jsonl(&lab, input.clone(), TypeMapping::Embulk), "{\"ssl\":false}\n");
    input.ssl = SslMode::Enable;
    assert_eq!(jsonl(&lab, input.clone(), TypeMapping::Embulk), "{\"ssl\":true}\n");
    // The certificate is for 127.0.0.1, by an authority that the system does not know.
    input.ssl = SslMode::Verify;
    let error = refused(&Lab::new(), &input);
    assert_eq!(error.kind, ErrorKind::Unreachable);
    assert_eq!(
        error.to_string(),
        format!(
            "cannot connect to PostgreSQL at `{}:{}`: error performing TLS handshake: \
             invalid peer certificate: UnknownIssuer",
            database.host, database.port
        )
    );
    assert_eq!(
        error.remedy(),
        Some(
            "name the file of the server's authority: `options: {sslrootcert: FILE}`, or encrypt without knowing \
             to whom with `ssl: true`"
        )
    );
    input.options.insert("sslrootcert".to_owned(), authority.as_str().into());
    assert_eq!(jsonl(&lab, input.clone(), TypeMapping::Embulk), "{\"ssl\":true}\n");
    input.host = Text::plain("localhost");
    assert!(refused(&Lab::new(), &input).to_string().contains("invalid peer certificate"));
    input.options.insert("sslmode".to_owned(), "verify-ca".into());
    assert_eq!(jsonl(&lab, input.clone(), TypeMapping::Embulk), "{\"ssl\":true}\n");
    input.options.remove("sslrootcert");
    assert!(refused(&Lab::new(), &input).to_string().contains("invalid peer certificate: UnknownIssuer"));
    input.options.insert("sslrootcert".to_owned(), "/nowhere.pem".into());
    let error = refused(&Lab::new(), &input);
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(
        error.to_string().starts_with("no certificate of an authority could be read from `/nowhere.pem`"),
        "{error}"
    );
}

#[test]
fn a_host_may_be_the_folder_of_a_socket() {
    let Some(database) = postgres_database() else { return };
    let Some(authority) = servers::variable("SYNC_TEST_POSTGRES_AUTHORITY", "PostgreSQL") else { return };
    let mut input =
        postgresql(&database, query("select inet_server_addr() is null as local, count(*) from pg_class"));
    input.selection = query("select inet_server_addr() is null as local");
    input.host = Text::plain(authority.trim_end_matches("/authority.pem"));
    assert_eq!(jsonl(&Lab::new(), input, TypeMapping::Embulk), "{\"local\":true}\n");
}

/// A table that does not fit in the buffers of a connection.
fn through_a_proxy() -> Option<(PostgresDatabase, Proxy, PostgresqlInput)> {
    let database = postgres_database()?;
    database
        .run("create table wide as select i as id, repeat('x', 1000) as t from generate_series(1, 50000) i");
    let proxy = Proxy::before(&database.host, database.port);
    let mut input = postgresql(&database, table("wide"));
    input.host = Text::plain("127.0.0.1");
    input.port = proxy.port();
    Some((database, proxy, input))
}

#[test]
fn a_connection_that_breaks_in_the_middle_leaves_nothing() {
    let Some((_database, proxy, input)) = through_a_proxy() else { return };
    proxy.cut_after(5_000_000);
    let lab = Lab::new();
    let error = refused(&lab, &input);
    assert_eq!(error.kind, ErrorKind::ConnectionLost);
    assert!(error.to_string().starts_with("table `wide` could not be read: "), "{error}");
    assert!(error.is_unreachable());
    proxy.clear();
    let config = to_jsonl(InputConfig::Postgresql(input), TypeMapping::Embulk);
    assert_eq!(lab.run(&config).unwrap().rows_sent, 50_000);
}

#[test]
fn a_server_that_is_silent_for_too_long_is_given_up() {
    let Some((_database, proxy, mut input)) = through_a_proxy() else { return };
    proxy.hold_after(5_000_000);
    input.socket_timeout = std::time::Duration::from_millis(300);
    let error = refused(&Lab::new(), &input);
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert_eq!(
        error.to_string(),
        "table `wide` could not be read: the server was silent for longer than `socket_timeout`"
    );
}

#[test]
fn a_session_that_is_ended_in_the_middle_is_a_lost_connection() {
    let Some((database, _proxy, input)) = through_a_proxy() else { return };
    let lab = Lab::new();
    let other = std::sync::Mutex::new(database.connect());
    let end = "select pg_terminate_backend(pid) from pg_stat_activity \
               where datname = current_database() and query like 'COPY%'";
    *lab.heard.at_progress.lock().unwrap() = Some(Box::new(move |_| other.lock().unwrap().run(end)));
    let error = refused(&lab, &input);
    assert_eq!(error.kind, ErrorKind::ConnectionLost);
    lab.heard.at_progress.lock().unwrap().take();
}

#[test]
fn a_table_cannot_vanish_while_it_is_read() {
    let Some((database, _proxy, input)) = through_a_proxy() else { return };
    let lab = Lab::new();
    let other = std::sync::Mutex::new(Some(database.connect()));
    let drop = "do $$ begin set local lock_timeout = '1ms'; drop table wide; \
                exception when lock_not_available then create table held (); end $$";
    *lab.heard.at_progress.lock().unwrap() = Some(Box::new(move |_| {
        if let Some(mut client) = other.lock().unwrap().take() {
            client.run(drop);
        }
    }));
    let config = to_jsonl(InputConfig::Postgresql(input.clone()), TypeMapping::Embulk);
    assert_eq!(lab.run(&config).unwrap().rows_sent, 50_000);
    assert_eq!(database.rows("select to_regclass('held') is not null"), ["t"]);
    database.run("drop table wide");
    let error = refused(&Lab::new(), &input);
    assert_eq!(error.kind, ErrorKind::NotFound);
    lab.heard.at_progress.lock().unwrap().take();
}

#[test]
fn a_stopped_read_ends_soon_and_the_server_stops_too() {
    let Some(database) = postgres_database() else { return };
    let lab = Lab::new();
    let cancel = lab.cancel.clone();
    // Without the stop these queries would run for hours.
    let sql = "select 600 as a from pg_sleep(600)";
    let input = InputConfig::Postgresql(postgresql(&database, query(sql)));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            database.await_row(
                "select 1 from pg_stat_activity where datname = current_database() and query like 'COPY%' \
                 and wait_event = 'PgSleep'",
            );
            cancel.cancel();
        });
        assert_eq!(lab.run(&to_jsonl(input, TypeMapping::Embulk)).unwrap_err().kind, ErrorKind::Canceled);
    });
    let gone = "select 1 where not exists (select from pg_stat_activity where datname = current_database() \
                and query like 'COPY%')";
    database.await_row(gone);

    let lab = Lab::new();
    let cancel = lab.cancel.clone();
    *lab.heard.at_progress.lock().unwrap() = Some(Box::new(move |_| cancel.cancel()));
    let sql = "select a, b from generate_series(1, 1000000) a, generate_series(1, 1000000) b";
    let input = postgresql(&database, query(sql));
    assert_eq!(refused(&lab, &input).kind, ErrorKind::Canceled);
    database.await_row(gone);
}

#[test]
fn a_lock_that_keeps_the_table_closed_does_not_hold_the_run() {
    let Some(database) = postgres_database() else { return };
    database.run("create table closed (id int)");
    let mut holder = database.connect();
    holder.run("begin; lock table closed");
    let lab = Lab::new();
    let cancel = lab.cancel.clone();
    let config =
        to_jsonl(InputConfig::Postgresql(postgresql(&database, table("closed"))), TypeMapping::Embulk);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            database.await_row(
                "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
            );
            cancel.cancel();
        });
        assert_eq!(lab.run(&config).unwrap_err().kind, ErrorKind::Canceled);
    });
}
