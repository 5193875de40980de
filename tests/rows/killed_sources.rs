//! Servers that end a connection in the middle of a read, before every kind of target: what was there stays.

use std::process::{Child, Stdio};

use mysql::prelude::Queryable;

use crate::support::google::FakeGoogle;
use crate::support::postgres::{PostgresDatabase, postgres_database};
use crate::support::proxy::Proxy;
use crate::support::s3;
use crate::support::sandbox::{Said, Sandbox};
use crate::support::servers::{Aws, MySqlDatabase, aws, fresh_name, mysql_sources};

/// Bytes that come before the server is told to end the connection.
const SOME: u64 = 2_000_000;

/// Where the rows come from.
enum Source {
    Mysql(MySqlDatabase),
    Postgres(PostgresDatabase),
}

/// Every database that runs, with a table `wide` that does not fit in the buffers of a connection.
fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    for server in mysql_sources() {
        let database = server.fresh_database();
        let ten = "(select 0 union all select 1 union all select 2 union all select 3 union all select 4 union all \
                   select 5 union all select 6 union all select 7 union all select 8 union all select 9)";
        database.run([format!(
            "create table wide as select 1 as id, repeat('x', 1000) as t from {ten} a, {ten} b, {ten} c, {ten} d"
        )]);
        sources.push(Source::Mysql(database));
    }
    if let Some(database) = postgres_database() {
        database.run(
            "create table wide as select 1 as id, repeat('x', 1000) as t from generate_series(1, 30000)",
        );
        sources.push(Source::Postgres(database));
    }
    sources
}

impl Source {
    fn proxy(&self) -> Proxy {
        match self {
            Self::Mysql(database) => Proxy::before(&database.server.host, database.server.port),
            Self::Postgres(database) => Proxy::before(&database.host, database.port),
        }
    }

    fn input(&self, proxy: &Proxy) -> String {
        let (kind, user, password, name) = match self {
            Self::Mysql(database) => {
                ("mysql", &database.server.user, database.server.password.as_str(), &database.name)
            }
            Self::Postgres(database) => ("postgresql", &database.user, "''", &database.name),
        };
        let port = proxy.port();
        format!(
            "in: {{type: {kind}, host: 127.0.0.1, port: {port}, user: {user}, password: {password}, database: {name}, table: wide}}\n"
        )
    }

    /// Ends the connection that reads, as an administrator would.
    fn kill(&self) {
        match self {
            Self::Mysql(database) => {
                let mut other = database.connect();
                let sql =
                    "select id from information_schema.processlist where db = ? and id <> connection_id()";
                let running: Vec<u64> = other.exec(sql, (&database.name,)).unwrap();
                running.iter().for_each(|id| other.query_drop(format!("kill connection {id}")).unwrap());
            }
            Self::Postgres(database) => database.run(
                "select pg_terminate_backend(pid) from pg_stat_activity \
                 where datname = current_database() and query like 'COPY%' and pid <> pg_backend_pid()",
            ),
        }
    }

    /// Runs a transfer whose connection is ended in its middle.
    #[track_caller]
    fn broken(&self, sandbox: &Sandbox, out: &str) {
        let proxy = self.proxy();
        sandbox.write("a.yml", &format!("{}{out}", self.input(&proxy)));
        proxy.hold_after(SOME);
        let mut command = sandbox.command(["embulk", "run", "-l", "error", "a.yml"]);
        let child: Child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        proxy.await_fault();
        self.kill();
        proxy.clear();
        let said = Said::of(child.wait_with_output().unwrap()).expect_code(1).stderr;
        assert!(said.starts_with("Error: table `wide` could not be read\n  cause: "), "{out}: {said}");
        assert!(said.ends_with("\n  hint: retry; the target was left as it was\n"), "{out}: {said}");
    }
}

#[test]
fn files_stay_as_they_were() {
    let formats = ["csv", "jsonl", "parquet"];
    for source in sources() {
        for format in formats {
            let sandbox = Sandbox::new().file("out", "old");
            source.broken(
                &sandbox,
                &format!("out: {{type: file, path_prefix: out, sequence_format: '', file_ext: '', formatter: {{type: {format}}}}}\n"),
            );
            assert_eq!(sandbox.read("out"), "old");
            assert_eq!(std::fs::read_dir(sandbox.path()).unwrap().count(), 2, "{format}");
        }
    }
}

#[test]
fn objects_stay_as_they_were() {
    let (Some(aws), Some(google)) = (aws(), FakeGoogle::start()) else { return };
    for source in sources() {
        let prefix = fresh_name("killed/o");
        let key = format!("{prefix}.000.00.csv");
        let out = |kind: &str, bucket: &str| {
            format!(
                "out: {{type: {kind}, bucket: {bucket}, path_prefix: {prefix}, file_ext: .csv, formatter: {{type: csv}}}}\n"
            )
        };
        s3::put_bytes(&aws, &aws.bucket, &key, b"old".to_vec());
        source.broken(&sandbox(&aws, &google), &out("s3", &aws.bucket));
        assert_eq!(s3::objects(&aws, &prefix)[&key], b"old");
        assert_eq!(s3::uploads(&aws, &prefix), Vec::<String>::new());

        google.put(&key, b"old");
        source.broken(&sandbox(&aws, &google), &out("gcs", FakeGoogle::BUCKET));
        assert_eq!(google.object(&key), b"old");
        assert!(google.objects().contains(&key));
    }
}

fn sandbox(aws: &Aws, google: &FakeGoogle) -> Sandbox {
    let mut sandbox = Sandbox::new();
    for (name, value) in aws.environment().into_iter().chain(google.environment()) {
        sandbox.set(name, value);
    }
    sandbox
}

impl Source {
    /// Makes table `t` with one row.
    fn fill(&self) {
        let statements =
            ["drop table if exists t", "create table t (id int, t text)", "insert into t values (7, 'old')"];
        match self {
            Self::Mysql(database) => database.run(statements),
            Self::Postgres(database) => database.run(&statements.join("; ")),
        }
    }

    fn rows(&self) -> String {
        let sql = "select id, t from t";
        match self {
            Self::Mysql(database) => format!("{:?}", database.rows(sql)),
            Self::Postgres(database) => format!("{:?}", database.rows(sql)),
        }
    }

    fn output(&self, mode: &str) -> String {
        let (kind, host, port, user, password, name) = match self {
            Self::Mysql(database) => {
                let server = &database.server;
                ("mysql", &server.host, server.port, &server.user, server.password.as_str(), &database.name)
            }
            Self::Postgres(database) => {
                ("postgresql", &database.host, database.port, &database.user, "''", &database.name)
            }
        };
        format!(
            "out: {{type: {kind}, host: {host}, port: {port}, user: {user}, password: {password}, database: {name}, \
             table: t, mode: {mode}}}\n"
        )
    }
}

#[test]
fn tables_of_databases_stay_as_they_were() {
    let sources = sources();
    for (at, source) in sources.iter().enumerate() {
        // How a read ends does not hang on the mode: one source goes through all of them.
        let modes: &[&str] = if at == 0 { &["insert", "replace", "truncate_insert"] } else { &["insert"] };
        // In one database the target's own session would be ended too.
        for (_, target) in sources.iter().enumerate().filter(|(other, _)| *other != at) {
            for mode in modes {
                target.fill();
                let before = target.rows();
                source.broken(&Sandbox::new(), &target.output(mode));
                assert_eq!(target.rows(), before, "{mode}");
            }
        }
    }
}

#[test]
fn tables_of_bigquery_stay_as_they_were() {
    let Some(google) = FakeGoogle::start() else { return };
    let dataset = google.bigquery().fresh_dataset();
    let ways = [
        "mode: replace, gcs_bucket: staging, compression: GZIP, source_format: NEWLINE_DELIMITED_JSON",
        "mode: append, source_format: CSV",
        "mode: append_direct, source_format: PARQUET, types: exact",
        "mode: delete_in_advance, gcs_bucket: staging",
    ];
    for (at, source) in sources().iter().enumerate() {
        for way in &ways[if at == 0 { 0..4 } else { at..at + 1 }] {
            let mut sandbox = Sandbox::new();
            for (name, value) in google.environment() {
                sandbox.set(name, value);
            }
            let project = google.bigquery().project;
            source.broken(
                &sandbox,
                &format!(
                    "out: {{type: bigquery, auth_method: application_default, project: {project}, dataset: {dataset}, \
                     table: t, {way}}}\n"
                ),
            );
            assert_eq!(google.bigquery().tables(&dataset), Vec::<String>::new(), "{way}");
            assert_eq!(google.objects(), Vec::<String>::new());
        }
    }
}
