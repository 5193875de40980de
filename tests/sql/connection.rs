//! How `pg>` gets in: secrets, TLS, limits of time, and what it says when it does not get in.

use std::net::TcpListener;

use super::{Running, pg_project};
use crate::support::postgres::postgres_database;
use crate::support::sandbox::{Said, Sandbox};
use crate::support::servers::variable;

/// What stands below the heading of the only failure.
#[track_caller]
fn failure(said: &Said) -> Vec<String> {
    let end = said.stderr.split("1 task failed\n").nth(1).unwrap_or_else(|| panic!("{}", said.stderr));
    let lines = end.lines().filter(|line| !line.starts_with("hint: `sync retry"));
    lines.map(|line| line.trim().to_owned()).collect()
}

#[test]
fn the_password_is_a_secret() {
    let Some(database) = postgres_database() else { return };
    let user = database.fresh_user(Some("open sesame"));
    let task = "+q:\n  pg>: {data: select current_user as me}\n  store_last_results: first\n";
    let show = "+show:\n  echo>: ${pg.last_results.me}\n";
    let address = format!("+main+q: cannot connect to PostgreSQL at `{}:{}`", database.host, database.port);
    let mut sandbox = pg_project(&database, &user, &format!("{task}{show}"));
    assert_eq!(
        failure(&sandbox.run(["run", "main.dig"]).expect_code(1)),
        [&address, "cause: the server wants a password", "hint: set the secret `pg.password`"]
    );
    sandbox.set("SYNC_SECRET_PG_PASSWORD", "wrong");
    sandbox.set("SYNC_SECRET_PG_OTHER", "open sesame");
    assert_eq!(
        failure(&sandbox.run(["run", "main.dig"]).expect_code(1)),
        [
            &address,
            &format!("cause: password authentication failed for user \"{user}\" (PostgreSQL error 28P01)"),
            "hint: check `user` and the secret `pg.password`"
        ]
    );
    sandbox.write(
        "main.dig",
        &sandbox.read("main.dig").replace("  store_last", "  password_override: other\n  store_last"),
    );
    let said = sandbox.run(["run", "main.dig"]).expect_code(0);
    assert_eq!(said.stdout, format!("{user}\n"));
}

#[test]
fn secrets_win_over_parameters() {
    let Some(database) = postgres_database() else { return };
    let mut sandbox = Sandbox::new().file(
        "main.dig",
        "_export:\n  pg: {host: nowhere.invalid, port: 1, user: nobody, database: none, schema: x}\n\
         +q:\n  pg>: {data: 'select current_schema() as s'}\n  store_last_results: first\n\
         +show:\n  echo>: ${pg.last_results.s}\n",
    );
    sandbox.set("SYNC_SECRET_PG_HOST", database.host.as_str());
    sandbox.set("SYNC_SECRET_PG_PORT", database.port.to_string());
    sandbox.set("SYNC_SECRET_PG_USER", database.user.as_str());
    sandbox.set("SYNC_SECRET_PG_DATABASE", database.name.as_str());
    sandbox.set("SYNC_SECRET_PG_SCHEMA", "pg_catalog");
    sandbox.set("SYNC_SECRET_PG_SOCKET_TIMEOUT", "40s");
    let said = sandbox.run(["run", "main.dig"]).expect_code(0);
    // The schema came from a secret, so what shows it is scrubbed.
    assert_eq!(said.stdout, "***\n");
}

#[test]
fn a_server_that_is_not_there_is_unreachable() {
    let sandbox = Sandbox::new().file(
        "main.dig",
        "+q:\n  pg>: {data: select 1}\n  host: 127.0.0.1\n  port: 1\n  user: u\n  database: d\n",
    );
    assert_eq!(
        failure(&sandbox.run(["run", "main.dig"]).expect_code(75)),
        [
            "+main+q: cannot connect to PostgreSQL at `127.0.0.1:1`",
            "cause: error connecting to server",
            "cause: Connection refused (os error 111)",
            "hint: check host, port and network, then retry"
        ]
    );
}

#[test]
fn a_server_that_never_answers_is_waited_for_a_while() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let sandbox = Sandbox::new().file(
        "main.dig",
        &format!(
            "+q:\n  pg>: {{data: select 1}}\n  host: 127.0.0.1\n  port: {port}\n  user: u\n  database: d\n  \
             connect_timeout: 1s\n"
        ),
    );
    assert_eq!(
        failure(&sandbox.run(["run", "main.dig"]).expect_code(75)),
        [
            format!("+main+q: cannot connect to PostgreSQL at `127.0.0.1:{port}`").as_str(),
            "cause: no connection within 1 s",
            "hint: check host, port and network, then retry"
        ]
    );
}

#[test]
fn what_is_missing_is_named() {
    let error = |keys: &str| {
        let sandbox = Sandbox::new().file("main.dig", &format!("+q:\n  pg>: {{data: select 1}}\n{keys}"));
        failure(&sandbox.run(["run", "main.dig"]).expect_code(1))
    };
    assert_eq!(
        error(""),
        [
            "+main+q: `host` of `pg>` is not set",
            "hint: set it in `_export: {pg: {host: ...}}`, or the secret `pg.host`"
        ]
    );
    assert_eq!(error("  host: h\n")[0], "+main+q: `user` of `pg>` is not set");
    assert_eq!(error("  host: h\n  user: u\n")[0], "+main+q: `database` of `pg>` is not set");
    let Some(database) = postgres_database() else { return };
    let sandbox =
        pg_project(&database, &database.user, "+q:\n  pg>: {data: select 1}\n  database: no_such\n");
    let said = failure(&sandbox.run(["run", "main.dig"]).expect_code(1));
    assert_eq!(
        said[1..],
        ["cause: database \"no_such\" does not exist (PostgreSQL error 3D000)", "hint: check `database`"]
    );
}

#[test]
fn tls_verifies_the_server_unless_told_not_to() {
    let Some(database) = postgres_database() else { return };
    let Some(authority) = variable("SYNC_TEST_POSTGRES_AUTHORITY", "PostgreSQL with TLS") else { return };
    let run = |ssl: &str, authority: Option<&str>| {
        let mut sandbox = pg_project(
            &database,
            &database.user,
            &format!(
                "+q:\n  pg>: {{data: select ssl from pg_stat_ssl where pid = pg_backend_pid()}}\n  \
                 store_last_results: first\n  ssl: {ssl}\n+show:\n  echo>: ${{pg.last_results.ssl}}\n"
            ),
        );
        if let Some(authority) = authority {
            sandbox.set("SSL_CERT_FILE", authority);
        }
        sandbox.run(["run", "main.dig"])
    };
    assert_eq!(run("false", None).expect_code(0).stdout, "false\n");
    assert_eq!(run("true", Some(&authority)).expect_code(0).stdout, "true\n");
    assert_eq!(run("no_verify", None).expect_code(0).stdout, "true\n");
    let said = failure(&run("true", None).expect_code(1));
    assert_eq!(
        said[1..],
        [
            "cause: error performing TLS handshake",
            "cause: invalid peer certificate: UnknownIssuer",
            "hint: `ssl: true` verifies the server: name the file of its authority with `SSL_CERT_FILE`, or encrypt \
             without knowing to whom with `ssl: no_verify`"
        ]
    );
}

/// A condition on the statements of other sessions: one that sleeps.
fn sleeping(mark: &str) -> String {
    format!(
        "select 1 from pg_stat_activity where query like '%pg_sleep%{mark}%' and state = 'active' \
         and pid <> pg_backend_pid()"
    )
}

#[test]
fn a_server_that_is_silent_for_too_long_is_told_to_stop() {
    let Some(database) = postgres_database() else { return };
    let sandbox = pg_project(
        &database,
        &database.user,
        "+q:\n  pg>: {data: select pg_sleep(600) -- silent}\n  socket_timeout: 1s\n",
    );
    assert_eq!(
        failure(&sandbox.run(["run", "main.dig"]).expect_code(75)),
        [
            "+main+q: the statement at line 1 failed",
            "cause: the server said nothing for 1 s",
            "hint: raise `socket_timeout` where statements take longer"
        ]
    );
    assert_eq!(database.rows(&sleeping("silent")), [""; 0]);
}

#[test]
fn a_task_that_is_stopped_stops_its_statement() {
    let Some(database) = postgres_database() else { return };
    for keep in ["", "  store_last_results: first\n"] {
        let sandbox = pg_project(
            &database,
            &database.user,
            &format!("+q:\n  pg>: {{data: select pg_sleep(600) -- stopped}}\n{keep}"),
        );
        let running = Running::start(&sandbox, &["run", "main.dig"]);
        database.await_row(&sleeping("stopped"));
        running.signal(rustix::process::Signal::INT);
        running.expect_code(130);
        assert_eq!(database.rows(&sleeping("stopped")), [""; 0]);
    }
}
