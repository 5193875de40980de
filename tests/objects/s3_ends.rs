//! How transfers to S3 end badly: the old object stays, and parts that nobody sees are removed.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{failure, orders, transfer};
use crate::support::proxy::Proxy;
use crate::support::s3;
use crate::support::sandbox::Sandbox;
use crate::support::servers::{Aws, MySqlDatabase, aws, fresh_name, mariadb};

/// A table of some 32 MB in a database behind a proxy, on its way to an object.
struct Way {
    sandbox: Sandbox,
    aws: Aws,
    database: MySqlDatabase,
    proxy: Proxy,
    prefix: String,
    key: String,
}

impl Way {
    fn new() -> Option<Self> {
        let (aws, server) = (aws()?, mariadb()?);
        let database = server.fresh_database();
        database.run([
            "create table orders (id int primary key, note varchar(400))",
            "insert into orders select seq, lpad(seq, 400, 'x') from seq_1_to_70000",
        ]);
        let proxy = Proxy::before(&server.host, server.port);
        let mut sandbox = Sandbox::new();
        for (name, value) in aws.environment() {
            sandbox.set(name, value);
        }
        let prefix = fresh_name("ends/orders");
        let way = Self { sandbox, aws, database, proxy, key: format!("{prefix}.000.00.jsonl"), prefix };
        way.write(&way.prefix);
        way.sandbox.write("main.dig", "+copy:\n  sh>: embulk run s3.yml\n");
        Some(way)
    }

    fn write(&self, prefix: &str) {
        let (server, port) = (&self.database.server, self.proxy.port());
        self.sandbox.write(
            "s3.yml",
            &format!(
                "in:\n  type: mysql\n  host: 127.0.0.1\n  port: {port}\n  user: {}\n  password: {}\n  database: {}\n  \
                 table: orders\nout:\n  type: s3\n  bucket: {}\n  path_prefix: {prefix}\n  file_ext: .jsonl\n  \
                 formatter: {{type: jsonl}}\n",
                server.user, server.password, self.database.name, self.aws.bucket
            ),
        );
    }

    /// Runs until parts have been sent and no more rows come.
    fn run_into_the_middle(&self) -> std::process::Child {
        self.proxy.hold_after(24_000_000);
        let mut command = self.sandbox.command(["run", "main.dig"]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        self.proxy.await_fault();
        let begin = Instant::now();
        while s3::uploads(&self.aws, &self.prefix).is_empty() {
            assert!(begin.elapsed() < Duration::from_secs(30), "no part was ever sent");
        }
        child
    }

    #[track_caller]
    fn assert_arrived(&self) {
        let objects = s3::objects(&self.aws, &self.prefix);
        assert_eq!(objects.keys().collect::<Vec<_>>(), [&self.key]);
        let text = String::from_utf8(objects[&self.key].clone()).expect("text");
        let ids = text.lines().map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("JSON")["id"].as_u64().expect("a number")
        });
        assert!(ids.eq(1..=70_000));
        assert_eq!(s3::uploads(&self.aws, &self.prefix), Vec::<String>::new());
    }
}

#[test]
fn a_retry_after_a_kill_removes_the_parts_and_writes_anew() {
    let Some(way) = Way::new() else { return };
    s3::put(&way.aws, &way.aws.bucket, &way.key, &[]);
    let mut child = way.run_into_the_middle();
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    assert_eq!(s3::objects(&way.aws, &way.prefix)[&way.key], b"hello");
    assert_eq!(s3::uploads(&way.aws, &way.prefix), [way.key.as_str()]);
    way.proxy.clear();
    way.sandbox.run(["retry", "--session", "last"]).expect_code(0);
    way.assert_arrived();
}

#[test]
fn a_read_that_breaks_leaves_the_old_object_and_no_parts() {
    let Some(way) = Way::new() else { return };
    s3::put(&way.aws, &way.aws.bucket, &way.key, &[]);
    way.proxy.cut_after(24_000_000);
    way.sandbox.run(["run", "main.dig"]).expect_code(1);
    assert_eq!(s3::objects(&way.aws, &way.prefix)[&way.key], b"hello");
    assert_eq!(s3::uploads(&way.aws, &way.prefix), Vec::<String>::new());
    way.proxy.clear();
    way.sandbox.run(["retry", "--session", "last"]).expect_code(0);
    way.assert_arrived();
}

#[test]
fn a_row_that_does_not_fit_leaves_no_parts_and_names_the_column() {
    let Some(aws) = aws() else { return };
    let mut sandbox = Sandbox::new();
    for (name, value) in aws.environment() {
        sandbox.set(name, value);
    }
    orders(&sandbox, 60_000);
    let connection = rusqlite::Connection::open(sandbox.path().join("shop.db")).expect("a database");
    connection.execute("update orders set note = 'no JSON' where id = 59999", []).expect("it is written");
    let prefix = fresh_name("ends/unfit");
    transfer(
        &sandbox,
        "s3.yml",
        &format!(
            "  type: s3\n  bucket: {}\n  path_prefix: {prefix}\n  file_ext: .jsonl\n  formatter: {{type: jsonl, \
             json_columns: [note]}}\n",
            aws.bucket
        ),
    );
    // 0380 is no JSON either; a text in quotes is.
    connection
        .execute("update orders set note = '\"' || note || '\"' where id <> 59999", [])
        .expect("written");
    let told = failure(&super::run(&sandbox, "s3.yml").expect_code(1));
    assert!(told.starts_with("    cause: column `note`, row 59999: a value is not JSON"), "{told}");
    assert!(s3::objects(&aws, &prefix).is_empty());
    assert_eq!(s3::uploads(&aws, &prefix), Vec::<String>::new());
}
