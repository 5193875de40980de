//! `mysql>` against real servers: what is stored of which type, and what errors say.

use mysql::prelude::Queryable as _;

use super::Running;
use crate::support::sandbox::{Said, Sandbox};
use crate::support::servers::{MySqlDatabase, mysql_sources};

pub fn project(database: &MySqlDatabase, tasks: &str) -> Sandbox {
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

fn texts(database: &MySqlDatabase, query: &str) -> Vec<String> {
    let rows = database.rows(query).into_iter();
    rows.map(|row| row.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>().join("|")).collect()
}

#[test]
fn results_become_tables_and_files() {
    for server in mysql_sources() {
        let database = server.fresh_database();
        database.run(["create table `Old` (x text)", "insert into `Old` values ('old')"]);
        let sandbox = project(
            &database,
            "+make:\n  mysql>: q.sql\n  create_table: Old\n  n: 1\n+add:\n  mysql>: q.sql\n  insert_into: Old\n  n: 2\n\
             +get:\n  mysql>: {data: 'select i, name, null as x, 1.50 as d from `Old` order by i'}\n  download_file: old.csv\n",
        );
        sandbox.write("q.sql", "select ${n} as i, 'é, \"x\"' as name -- done");
        sandbox.run(["run", "main.dig"]).expect_code(0);
        assert_eq!(
            sandbox.read("old.csv"),
            "i,name,x,d\r\n1,\"é, \"\"x\"\"\",,1.50\r\n2,\"é, \"\"x\"\"\",,1.50\r\n"
        );
        assert_eq!(texts(&database, "show tables"), ["Old", "__digdag_status"]);
    }
}

#[test]
fn a_table_that_cannot_be_replaced_stays() {
    for server in mysql_sources() {
        let database = server.fresh_database();
        database.run([
            "create table kept (i int primary key)",
            "insert into kept values (7)",
            "create table child (i int, foreign key (i) references kept (i))",
            "create view seen as select 1 as i",
        ]);
        let said = failed(
            &database,
            "+q:\n  mysql>: {data: \"select 1 as i\\nfrom\\nnowhere\"}\n  create_table: kept\n",
        );
        assert!(said.stderr.contains("+main+q: the statement at line 1 failed"), "{}", said.stderr);
        let said =
            failed(&database, "+q:\n  mysql>: {data: \"select 1 as i\\n+\\n+ ,\"}\n  create_table: kept\n");
        assert!(said.stderr.contains("+main+q: the statement at line 2 failed"), "{}", said.stderr);
        for table in ["kept", "seen"] {
            let task = format!("+q:\n  mysql>: {{data: select 1 as i}}\n  create_table: {table}\n");
            let said = failed(&database, &task);
            let expected = format!("+main+q: table `{table}` could not be replaced\n");
            assert!(said.stderr.contains(&expected), "{}", said.stderr);
        }
        assert_eq!(texts(&database, "select i from kept"), ["7"]);
        assert_eq!(texts(&database, "show tables"), ["child", "kept", "seen"]);
        assert!(database.connect().query_drop("insert into child values (8)").is_err());
    }
}

#[test]
fn the_first_statement_that_fails_is_the_last_wherever_it_stands() {
    let failing = "insert into t values (1);\nselect i from t;\ninsert into t values (2);\nFAILS;\n\
                   insert into t values (3);\nselect i from t;\n";
    for server in mysql_sources() {
        let database = server.fresh_database();
        let (stored, downloaded) = ("  store_last_results: all\n", "  download_file: rows.csv\n");
        for (option, statement, code) in [
            ("", "insert into t values (1)", 1062),
            (stored, "select i from nowhere", 1146),
            // Some of its rows are there already.
            (downloaded, "select 1 union all select (select i from t)", 1242),
            ("", "call nobody()", 1305),
        ] {
            database.run(["drop table if exists t", "create table t (i int primary key)"]);
            let sandbox = project(&database, &format!("+q:\n  mysql>: q.sql\n{option}"));
            sandbox.write("q.sql", &failing.replace("FAILS", statement));
            let said = sandbox.run(["run", "main.dig"]).expect_code(1);
            assert!(said.stderr.contains("the statement at q.sql:4 failed"), "{}", said.stderr);
            assert!(said.stderr.contains(&format!("(MySQL error {code})")), "{}", said.stderr);
            assert_eq!(texts(&database, "select i from t order by i"), ["1", "2"], "{option}{statement}");
            assert!(!sandbox.path().join("rows.csv").exists());
        }
        // Whatever `create_table` and `insert_into` put before a script.
        for option in ["create_table: made", "insert_into: made"] {
            database.run([
                "drop table if exists t, made",
                "create table t (i int)",
                "create table made (i int)",
            ]);
            let script =
                "{data: \"select 1 as i;\\ninsert into t values (1);\\ninsert into nowhere values (1)\"}";
            let said = failed(&database, &format!("+q:\n  mysql>: {script}\n  {option}\n"));
            assert!(said.stderr.contains("the statement at line 3 failed"), "{}", said.stderr);
        }
        assert_eq!(texts(&database, "select i from made"), [""; 0]);
    }
}

/// A task whose row is there and open: its first try failed.
fn tried(database: &MySqlDatabase, option: &str) -> Sandbox {
    let tasks = format!("+q:\n  mysql>: {{data: select 1}}\n  {option}\n");
    let sandbox = project(database, &tasks);
    sandbox.run(["run", "main.dig"]).expect_code(1);
    database.run(["create table t (i int)"]);
    assert_eq!(texts(database, "select count(*), count(completed_at) from __digdag_status"), ["1|0"]);
    sandbox
}

#[test]
fn an_insert_is_done_once() {
    for server in mysql_sources() {
        let database = server.fresh_database();
        let sandbox = tried(&database, "insert_into: t");
        database.run([
            "insert into __digdag_status values ('old', now() - interval 3 day, now() - interval 2 day)",
        ]);
        let mut other = database.connect();
        other.query_drop("start transaction").unwrap();
        other.query_drop("select * from __digdag_status where query_id <> 'old' for update").unwrap();
        let mut running = Running::start(&sandbox, &["retry", "--session", "last"]);
        running.await_line("another session is at the same query (row `");
        other.query_drop("rollback").unwrap();
        running.expect_code(0);
        assert_eq!(texts(&database, "select i from t"), ["1"]);
        // The old row is gone, ours is completed.
        assert_eq!(texts(&database, "select count(*), count(completed_at) from __digdag_status"), ["1|1"]);
    }
}

#[test]
fn an_insert_whose_answer_was_lost_is_found_done() {
    for server in mysql_sources() {
        let database = server.fresh_database();
        let sandbox = tried(&database, "insert_into: t");
        database.run(["update __digdag_status set completed_at = now()"]);
        let said = sandbox.run(["retry", "--session", "last"]).expect_code(0);
        assert!(
            said.stderr
                .contains("an earlier try is in `__digdag_status` as done: the script is not run again"),
            "{}",
            said.stderr
        );
        assert_eq!(texts(&database, "select i from t"), [""; 0]);
    }
}

#[test]
fn a_script_is_strict_only_where_it_is_asked_to() {
    for server in mysql_sources() {
        let database = server.fresh_database();
        database.run(["create table t (i int primary key) engine = InnoDB"]);
        let script = "+q:\n  mysql>: {data: 'insert into t values (1); insert into t values (1)'}\n";
        failed(&database, script);
        assert_eq!(texts(&database, "select i from t"), ["1"]);
        assert_eq!(texts(&database, "show tables"), ["t"]);
        database.run(["delete from t"]);
        failed(&database, &format!("{script}  strict_transaction: true\n  status_table: done\n"));
        assert_eq!(texts(&database, "select i from t"), [""; 0]);
        assert_eq!(texts(&database, "select count(*), count(completed_at) from done"), ["1|0"]);
    }
}

/// The connection that runs a statement, once there is one. Half a minute without is a failure.
fn runs(database: &MySqlDatabase, statement: &str) -> String {
    let query = format!("select id from information_schema.processlist where info = '{statement}'");
    let begun = std::time::Instant::now();
    loop {
        if let Some(id) = texts(database, &query).into_iter().next() {
            return id;
        }
        assert!(begun.elapsed().as_secs() < 30, "nobody runs {statement}");
        database.run(["do sleep(0.02)"]);
    }
}

#[test]
fn nobody_knows_what_became_of_a_lost_script() {
    for server in mysql_sources() {
        let database = server.fresh_database();
        let sandbox = project(&database, "+q:\n  mysql>: {data: select sleep(600)}\n");
        let running = Running::start(&sandbox, &["run", "main.dig"]);
        let id = runs(&database, "select sleep(600)");
        database.run([format!("kill {id}")]);
        let said = running.expect_code(1);
        let hint = "    hint: nobody knows whether the script was carried out: look before a retry\n";
        assert!(said.contains(hint), "{said}");
    }
}

#[test]
fn a_stopped_task_stops_its_statement() {
    for server in mysql_sources() {
        let database = server.fresh_database();
        let sandbox = project(&database, "+q:\n  mysql>: {data: select sleep(601)}\n");
        let running = Running::start(&sandbox, &["run", "main.dig"]);
        runs(&database, "select sleep(601)");
        running.signal(rustix::process::Signal::INT);
        running.expect_code(130);
        let left = "select id from information_schema.processlist where info = 'select sleep(601)'";
        assert_eq!(texts(&database, left), [""; 0]);
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
