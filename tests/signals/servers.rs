//! A signal while a server works for us: it stops as well, and a retry completes.

use rustix::process::Signal;
use serde_json::json;

use super::{Running, SIGNALS, until};
use crate::support::google::FakeGoogle;
use crate::support::postgres::{PostgresDatabase, postgres_database};
use crate::support::redshift::redshift_database;
use crate::support::sandbox::Sandbox;
use crate::support::servers::{self, MySqlDatabase, aws, fresh_name};

const RUN: [&str; 5] = ["run", "main.dig", "--session=2026-01-02", "--grace", "0s"];

/// Reads from MySQL, and takes ten minutes to begin until `table` holds a row.
fn slow_mysql(database: &MySqlDatabase) -> String {
    let server = &database.server;
    let (host, port, user) = (&server.host, server.port, &server.user);
    database.run(["create table quick (id int)"]);
    format!(
        "in: {{type: mysql, host: {host}, port: {port}, user: {user}, password: '{}', database: {}, query: \
         \"select if(exists (select 1 from quick), 1, sleep(600)) as a\"}}\n\
         out: {{type: file, path_prefix: out, sequence_format: '', file_ext: .csv, formatter: {{type: csv}}}}\n",
        server.password, database.name
    )
}

fn sleeps_in_mysql(database: &MySqlDatabase) -> bool {
    let sql = format!(
        "select 1 from information_schema.processlist where db = '{}' and info like '%sleep(600)%' and \
         id <> connection_id()",
        database.name
    );
    !database.rows(&sql).is_empty()
}

#[test]
fn reading_mysql() {
    for server in servers::mysql_sources() {
        for (signal, _, code) in SIGNALS {
            let database = server.fresh_database();
            let sandbox = Sandbox::new()
                .file("main.dig", "+copy: {embulk>: slow.yml}\n")
                .file("slow.yml", &slow_mysql(&database));
            let running = Running::start(&sandbox, &RUN);
            until("the query", || sleeps_in_mysql(&database));
            running.signal(signal);
            running.expect_code(code);
            assert!(!sleeps_in_mysql(&database), "the server does not work on");
            database.run(["insert into quick values (1)"]);
            sandbox.run(["retry", "--session", "last"]).expect_code(0);
            assert_eq!(sandbox.read("out.csv"), "a\r\n1\r\n");
        }
    }
}

#[test]
fn reading_mysql_by_embulk_alone() {
    for server in servers::mysql_sources() {
        for (signal, name, code) in SIGNALS {
            let database = server.fresh_database();
            let sandbox = Sandbox::new().file("slow.yml", &slow_mysql(&database));
            let running =
                Running::start(&sandbox, &["embulk", "run", "slow.yml", "--grace=0s", "--log-path=log"]);
            until("the query", || sleeps_in_mysql(&database));
            running.signal(signal);
            running.expect_code(code);
            assert!(!sleeps_in_mysql(&database), "the server does not work on");
            let stopping = format!(
                "stopping: {name}; the transfer may go on for 0.0s, a second signal ends it at once\n"
            );
            assert!(sandbox.read("log").contains(&stopping), "{}", sandbox.read("log"));
            assert!(!sandbox.path().join("out.csv").exists());
        }
    }
}

fn sleeps_in_postgres(database: &PostgresDatabase) -> bool {
    let sql = "select 1 from pg_stat_activity where datname = current_database() and query like '%pg_sleep(600)%' \
               and state = 'active' and pid <> pg_backend_pid()";
    !database.rows(sql).is_empty()
}

#[test]
fn reading_postgresql() {
    for (signal, _, code) in SIGNALS {
        let Some(database) = postgres_database() else { return };
        database.run("create table quick (id int)");
        let sandbox = Sandbox::new().file("main.dig", "+copy: {embulk>: slow.yml}\n").file(
            "slow.yml",
            &format!(
                "in: {{type: postgresql, host: {}, port: {}, user: {}, database: {}, query: \"select case when exists \
                 (select from quick) then '' else pg_sleep(600)::text end as a\"}}\n\
                 out: {{type: file, path_prefix: out, sequence_format: '', file_ext: .csv, formatter: {{type: csv}}}}\n",
                database.host, database.port, database.user, database.name
            ),
        );
        let running = Running::start(&sandbox, &RUN);
        until("the query", || sleeps_in_postgres(&database));
        running.signal(signal);
        running.expect_code(code);
        assert!(!sleeps_in_postgres(&database), "the server does not work on");
        database.run("insert into quick values (1)");
        sandbox.run(["retry", "--session", "last"]).expect_code(0);
    }
}

/// Two rows to BigQuery.
fn to_bigquery(fake: &FakeGoogle) -> (Sandbox, String) {
    let dataset = fake.bigquery().fresh_dataset();
    let mut sandbox = Sandbox::new().file("main.dig", "+copy: {embulk>: load.yml}\n").file(
        "load.yml",
        &format!(
            "in: {{type: sqlite, database: shop.db, table: t}}\nout: {{type: bigquery, mode: replace, auth_method: \
             application_default, project: {}, dataset: {dataset}, table: t, source_format: NEWLINE_DELIMITED_JSON, \
             gcs_bucket: {}}}\n",
            fake.bigquery().project,
            FakeGoogle::BUCKET
        ),
    );
    for (name, value) in fake.environment() {
        sandbox.set(name, value);
    }
    let shop = rusqlite::Connection::open(sandbox.path().join("shop.db")).expect("a database");
    shop.execute_batch("create table t (id integer); insert into t values (1), (2)").expect("a table");
    (sandbox, dataset)
}

#[test]
fn a_load_job_of_bigquery() {
    for (signal, _, code) in SIGNALS {
        let Some(fake) = FakeGoogle::start() else { return };
        let (sandbox, dataset) = to_bigquery(&fake);
        fake.polls(1000);
        fake.rule(
            &json!({"id": "polled", "method": "GET", "path": "/jobs/", "action": "slow", "seconds": 0}),
        );
        let running = Running::start(&sandbox, &RUN);
        fake.await_rule("polled", 1);
        running.signal(signal);
        running.expect_code(code);
        assert_eq!(fake.calls_to("POST", "/cancel").len(), 1);
        fake.forget_rules();
        fake.polls(0);
        sandbox.run(["retry", "--session", "last"]).expect_code(0);
        assert_eq!(fake.bigquery().rows(&dataset, "t").len(), 2);
        assert_eq!(fake.objects(), Vec::<String>::new());
    }
}

#[test]
fn an_upload() {
    for (signal, _, code) in SIGNALS {
        let Some(fake) = FakeGoogle::start() else { return };
        let (sandbox, dataset) = to_bigquery(&fake);
        fake.rule(&json!({"id": "here", "method": "PUT", "path": "/upload/", "action": "hold"}));
        let running = Running::start(&sandbox, &RUN);
        fake.await_rule("here", 1);
        running.signal(signal);
        running.expect_code(code);
        fake.forget_rules();
        fake.polls(0);
        sandbox.run(["retry", "--session", "last"]).expect_code(0);
        assert_eq!(fake.bigquery().rows(&dataset, "t").len(), 2);
        assert_eq!(fake.objects(), Vec::<String>::new());
    }
}

#[test]
fn a_copy_of_redshift() {
    for (signal, _, code) in SIGNALS {
        let (Some(aws), Some(database)) = (aws(), redshift_database()) else { return };
        database.run("create table t (id int); insert into t values (0)");
        let mut sandbox = Sandbox::new().file("main.dig", "+copy: {embulk>: load.yml}\n").file(
            "load.yml",
            &format!(
                "in: {{type: sqlite, database: empty.db, query: select 1 as id union all select 2}}\n\
                 out: {{type: redshift, host: {}, port: {}, user: {}, database: {}, table: t, mode: replace, \
                 s3_bucket: {}, s3_key_prefix: {}/, aws_auth_method: env, copy_iam_role: '{}'}}\n",
                database.host,
                database.port,
                database.user,
                database.name,
                aws.bucket,
                fresh_name("signals"),
                database.role
            ),
        );
        for (name, value) in aws.environment() {
            sandbox.set(name, value);
        }
        sandbox.write("empty.db", "");
        database.rule(json!({"id": "hold", "statement": "^copy", "action": "hold"}));
        let running = Running::start(&sandbox, &RUN);
        database.await_rule("hold", 1);
        running.signal(signal);
        running.expect_code(code);
        assert_eq!(database.rows("select id from t"), ["0"], "readers see the old table");
        database.release("hold");
        database.forget_rules();
        sandbox.run(["retry", "--session", "last"]).expect_code(0);
        assert_eq!(database.rows("select id from t order by id"), ["1", "2"]);
    }
}

#[test]
fn a_statement_of_a_task() {
    for server in servers::mysql_sources() {
        let database = server.fresh_database();
        let server = &database.server;
        let mut sandbox = Sandbox::new().file(
            "main.dig",
            &format!(
                "_export:\n  mysql: {{host: {}, port: {}, user: {}, database: {}}}\n+q:\n  mysql>: {{data: do sleep(600)}}\n",
                server.host, server.port, server.user, database.name
            ),
        );
        sandbox.set("SYNC_SECRET_MYSQL_PASSWORD", server.password.as_str());
        let running = Running::start(&sandbox, &RUN);
        until("the statement", || sleeps_in_mysql(&database));
        running.signal(Signal::TERM);
        running.expect_code(143);
        assert!(!sleeps_in_mysql(&database), "the server does not work on");
    }
}
