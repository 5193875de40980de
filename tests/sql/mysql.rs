//! `mysql>` against real servers: what is stored of which type, and what errors say.

use crate::support::sandbox::{Said, Sandbox};
use crate::support::servers::{MySqlDatabase, mysql_sources};

fn project(database: &MySqlDatabase, tasks: &str) -> Sandbox {
    let server = &database.server;
    let (host, port, user, name) = (&server.host, server.port, &server.user, &database.name);
    let mut sandbox = Sandbox::new().file(
        "main.dig",
        &format!(
            "_export:\n  mysql: {{host: {host}, port: {port}, user: {user}, database: {name}}}\n{tasks}"
        ),
    );
    sandbox.set("SYNC_SECRET_MYSQL_PASSWORD", server.password.as_str());
    sandbox
}

fn failed(database: &MySqlDatabase, tasks: &str) -> Said {
    project(database, tasks).run(["run", "main.dig"]).expect_code(1)
}

#[test]
fn rows_are_stored_with_types_that_lose_nothing() {
    for server in mysql_sources() {
        let database = server.fresh_database();
        database.run([
            "create table t (i int, u bigint unsigned, n decimal(20,10), f double, b bit(3), d datetime, y year, s text)",
            "insert into t values (-5, 18446744073709551615, 1.5, 0.1, 5, '2024-03-10 01:02:03', 2024, '日本 \\'x\\' 😀')",
            "insert into t values (null, 9007199254740992, null, null, null, null, null, null)",
        ]);
        let said = project(
            &database,
            "+q:\n  mysql>: q.sql\n  store_last_results: all\n+show:\n  echo>: ${mysql.last_results}\n",
        )
        .file("q.sql", "-- the last statement with columns counts\nselect 1 as one;\nselect * from t order by u desc;\nset @x = 1;\n")
        .run(["run", "main.dig"])
        .expect_code(0);
        let expected = r#"[{"i":-5,"u":"18446744073709551615","n":"1.5000000000","f":0.1,"b":5,"d":"2024-03-10 01:02:03","y":2024,"s":"日本 'x' 😀"},{"i":null,"u":9007199254740992,"n":null,"f":null,"b":null,"d":null,"y":null,"s":null}]"#;
        assert_eq!(said.stdout.lines().next(), Some(expected));
    }
}

#[test]
fn a_failed_statement_is_named_by_its_line_and_no_value_is_shown() {
    for server in mysql_sources() {
        let database = server.fresh_database();
        database
            .run(["create table t (id varchar(20) primary key)", "insert into t values ('someone@home')"]);
        let said = project(&database, "+q:\n  mysql>: q.sql\n")
            .file("q.sql", "select 1;\n\n/* a ; b */\ninsert into t\nvalues ('someone@home');\n")
            .run(["run", "main.dig"])
            .expect_code(1);
        assert!(said.stderr.contains("the statement at q.sql:4 failed"), "{}", said.stderr);
        assert!(said.stderr.contains("(MySQL error 1062)"), "{}", said.stderr);
        assert!(!said.stderr.contains("someone"), "{}", said.stderr);
        let said = failed(&database, "+q:\n  mysql>: {data: \"select 1;\\nselect\\n  1 +;\\n\"}\n");
        assert!(said.stderr.contains("the statement at line 3 failed"), "{}", said.stderr);
    }
}

#[test]
fn a_server_that_is_not_there_is_unreachable() {
    for server in mysql_sources() {
        let database = server.fresh_database();
        let said = project(&database, "+q:\n  port: 1\n  mysql>: {data: select 1}\n")
            .run(["run", "main.dig"])
            .expect_code(75);
        assert!(said.stderr.contains("cannot connect to MySQL at"), "{}", said.stderr);
    }
}
