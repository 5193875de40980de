//! How `redshift>` gets in: the map of defaults, secrets, TLS, and what it says when it does not get in.

use std::net::TcpListener;

use serde_json::json;

use super::{failure, project};
use crate::support::redshift::redshift_database;
use crate::support::sandbox::Sandbox;
use crate::support::servers::variable;

/// The form in which estates have it: everything in the root's `_export`.
#[test]
fn defaults_come_from_the_map_of_the_root() {
    let Some(database) = redshift_database() else { return };
    database.run("create schema reports");
    let sandbox = Sandbox::new().file(
        "main.dig",
        &format!(
            "_export:\n  redshift:\n    host: {}\n    port: {}\n    user: {}\n    database: {}\n    schema: reports\n    \
             ssl: false\n    connect_timeout: 600s\n    strict_transaction: false\n\
             +g:\n  +make:\n    redshift>: make.sql\n  +read:\n    redshift>: {{data: 'select current_schema() as s, name from t'}}\n    \
             store_last_results: first\n  +show:\n    echo>: ${{redshift.last_results.s}} ${{redshift.last_results.name}}\n",
            database.host, database.port, database.user, database.name
        ),
    );
    sandbox
        .write("make.sql", "create table t (name varchar(20));\ninsert into t values ('${session_date}');\n");
    let said = sandbox.run(["run", "main.dig", "--session", "2026-01-02"]).expect_code(0);
    assert_eq!(said.stdout, "reports 2026-01-02\n");
    // Nothing strict: no status table.
    assert_eq!(
        database.behind.rows("select tablename from pg_tables where tablename like '\\_\\_digdag%'"),
        [""; 0]
    );
}

#[test]
fn secrets_of_aws_redshift_win() {
    let Some(database) = redshift_database() else { return };
    let mut sandbox = Sandbox::new().file(
        "main.dig",
        "_export:\n  redshift: {host: nowhere.invalid, port: 1, user: nobody, database: none}\n\
         +q:\n  redshift>: {data: 'select 41 + 1 as n'}\n  store_last_results: first\n\
         +show:\n  echo>: ${redshift.last_results.n}\n",
    );
    sandbox.set("SYNC_SECRET_AWS_REDSHIFT_HOST", database.host.as_str());
    sandbox.set("SYNC_SECRET_AWS_REDSHIFT_PORT", database.port.to_string());
    sandbox.set("SYNC_SECRET_AWS_REDSHIFT_USER", database.user.as_str());
    sandbox.set("SYNC_SECRET_AWS_REDSHIFT_DATABASE", database.name.as_str());
    assert_eq!(sandbox.run(["run", "main.dig"]).expect_code(0).stdout, "42\n");
}

#[test]
fn the_password_is_a_secret() {
    let Some(database) = redshift_database() else { return };
    let user = database.behind.fresh_user(Some("open sesame"));
    let task = "+q:\n  redshift>: {data: select 1}\n  strict_transaction: false\n";
    let mut sandbox = project(&database, &format!("  user: {user}\n{task}"));
    let address = format!("+main+q: cannot connect to Redshift at `{}:{}`", database.host, database.port);
    assert_eq!(
        failure(&sandbox.run(["run", "main.dig"]).expect_code(1)),
        [&address, "cause: the server wants a password", "hint: set the secret `aws.redshift.password`"]
    );
    sandbox.set("SYNC_SECRET_AWS_REDSHIFT_PASSWORD", "open sesame");
    sandbox.run(["run", "main.dig"]).expect_code(0);
}

#[test]
fn tls_is_verified() {
    let Some(database) = redshift_database() else { return };
    let Some(authority) = variable("SYNC_TEST_POSTGRES_AUTHORITY", "PostgreSQL") else { return };
    let task = "+q:\n  redshift>: {data: select 1}\n  ssl: true\n";
    let mut sandbox = project(&database, task);
    let said = failure(&sandbox.run(["run", "main.dig"]).expect_code(1));
    assert!(said.iter().any(|line| line.contains("invalid peer certificate")), "{said:?}");
    sandbox.set("SSL_CERT_FILE", authority);
    sandbox.run(["run", "main.dig"]).expect_code(0);
}

#[test]
fn nobody_there_is_worth_another_try() {
    let Some(database) = redshift_database() else { return };
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let task = format!("+q:\n  redshift>: {{data: select 1}}\n  port: {port}\n");
    assert_eq!(
        failure(&project(&database, &task).run(["run", "main.dig"]).expect_code(75)),
        [
            format!("+main+q: cannot connect to Redshift at `127.0.0.1:{port}`"),
            "cause: error connecting to server".to_owned(),
            "cause: Connection refused (os error 111)".to_owned(),
            "hint: check host, port and network, then retry".to_owned(),
        ]
    );
}

/// What is not waited for any more is not done behind the task's back.
#[test]
fn a_server_that_is_silent_is_not_waited_for() {
    let Some(database) = redshift_database() else { return };
    database.run("create table t (a int)");
    database.rule(json!({"statement": "^insert", "action": "hold"}));
    let task = "+q:\n  redshift>: {data: insert into t values (1)}\n  socket_timeout: 1s\n";
    let sandbox = project(&database, task);
    assert_eq!(
        failure(&sandbox.run(["run", "main.dig"]).expect_code(75)),
        [
            "+main+q: the statement at line 1 failed",
            "cause: the server said nothing for 1 s",
            "hint: raise `socket_timeout` where statements take longer"
        ]
    );
    assert_eq!(database.rows("select a from t"), [""; 0]);
    sandbox.run(["retry", "--session", "last"]).expect_code(0);
    assert_eq!(database.rows("select a from t"), ["1"]);
}

#[test]
fn what_is_missing_is_named_by_map_and_secret() {
    let sandbox = Sandbox::new().file("main.dig", "+q:\n  redshift>: {data: select 1}\n");
    assert_eq!(
        failure(&sandbox.run(["run", "main.dig"]).expect_code(1)),
        [
            "+main+q: `host` of `redshift>` is not set",
            "hint: set it in `_export: {redshift: {host: ...}}`, or the secret `aws.redshift.host`"
        ]
    );
}
