//! Reads that end before their last row: connections that break, servers that hold, tables that change.

use std::sync::Arc;

use mysql::prelude::Queryable;
use sync::embulk::config::TypeMapping;
use sync::embulk::input::{InputConfig, MysqlInput};
use sync::embulk::text::Text;
use sync::transfer::error::{ErrorKind, TransferError};
use sync::transfer::input::{BytesRule, open};

use super::super::lab::{Lab, Nowhere, mysql, table, to_jsonl};
use super::{refused, written};
use crate::support::proxy::Proxy;
use crate::support::servers::{self, MySqlDatabase, MySqlServer};

/// A table that does not fit in the buffers of a connection.
fn through_a_proxy(server: &MySqlServer) -> (MySqlDatabase, Proxy, MysqlInput) {
    let database = server.fresh_database();
    let ten = "(select 0 union all select 1 union all select 2 union all select 3 union all select 4 union all \
               select 5 union all select 6 union all select 7 union all select 8 union all select 9)";
    database.run([format!(
        "create table wide as select repeat('x', 1000) as t from {ten} a, {ten} b, {ten} c, {ten} d, \
         (select 1 union all select 2) e"
    )]);
    let proxy = Proxy::before(&server.host, server.port);
    let mut input = mysql(&database, table("wide"));
    input.host = Text::plain("127.0.0.1");
    input.port = proxy.port();
    (database, proxy, input)
}

#[test]
fn a_connection_that_breaks_in_the_middle_leaves_nothing() {
    for server in servers::mysql_sources() {
        let (_database, proxy, input) = through_a_proxy(&server);
        proxy.cut_after(5_000_000);
        let lab = Lab::new();
        let error = refused(&lab, &input);
        assert_eq!(error.kind, ErrorKind::ConnectionLost);
        assert!(error.to_string().starts_with("table `wide` could not be read: "), "{error}");
        assert!(error.is_unreachable());
        proxy.clear();
        let config = to_jsonl(InputConfig::Mysql(input), TypeMapping::Embulk);
        assert_eq!(lab.run(&config).unwrap().rows_sent, 20_000);
    }
}

#[test]
fn a_server_that_is_silent_for_too_long_is_given_up() {
    for server in servers::mysql_sources() {
        let (_database, proxy, mut input) = through_a_proxy(&server);
        proxy.hold_after(5_000_000);
        input.socket_timeout = std::time::Duration::from_millis(300);
        let error = refused(&Lab::new(), &input);
        assert_eq!(error.kind, ErrorKind::Timeout);
        assert_eq!(
            error.to_string(),
            "table `wide` could not be read: the server was silent for longer than `socket_timeout`"
        );
    }
}

/// Lets a proxy go on when it is dropped.
struct Cleared<'p>(&'p Proxy);

impl Drop for Cleared<'_> {
    fn drop(&mut self) {
        self.0.clear();
    }
}

/// Reads through a proxy that stands still in the middle until something was done.
fn read_while(
    lab: &Lab,
    proxy: &Proxy,
    input: &MysqlInput,
    act: impl FnOnce() + Send,
) -> Result<u64, TransferError> {
    proxy.hold_after(5_000_000);
    let config = to_jsonl(InputConfig::Mysql(input.clone()), TypeMapping::Embulk);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Also when the test fails here: else the read would wait for ever.
            let cleared = Cleared(proxy);
            proxy.await_fault();
            act();
            drop(cleared);
        });
        lab.run(&config).map(|report| report.rows_sent)
    })
}

#[test]
fn a_connection_that_is_killed_in_the_middle_is_lost() {
    for server in servers::mysql_sources() {
        let (database, proxy, input) = through_a_proxy(&server);
        let lab = Lab::new();
        let kill = || {
            let mut other = database.connect();
            let sql = "select id from information_schema.processlist where db = ? and id <> connection_id()";
            let running: Vec<u64> = other.exec(sql, (&database.name,)).unwrap();
            running.iter().for_each(|id| other.query_drop(format!("kill connection {id}")).unwrap());
        };
        let error = read_while(&lab, &proxy, &input, kill).unwrap_err();
        assert_eq!(error.kind, ErrorKind::ConnectionLost, "{error}");
        assert!(error.to_string().starts_with("table `wide` could not be read: "), "{error}");
        assert_eq!(lab.files(), Vec::<String>::new());
    }
}

#[test]
fn a_table_cannot_vanish_while_it_is_read() {
    for server in servers::mysql_sources() {
        let (database, proxy, input) = through_a_proxy(&server);
        let drop = || {
            let mut other = database.connect();
            other.query_drop("set lock_wait_timeout = 1").unwrap();
            let said = other.query_drop("drop table wide").unwrap_err().to_string();
            assert!(said.contains("Lock wait timeout"), "{said}");
        };
        assert_eq!(read_while(&Lab::new(), &proxy, &input, drop).unwrap(), 20_000);
        database.run(["drop table wide"]);
        assert_eq!(refused(&Lab::new(), &input).kind, ErrorKind::NotFound);
    }
}

#[test]
fn a_table_that_is_changed_just_before_its_rows_come_is_not_read_by_the_old_columns() {
    for server in servers::mysql_sources() {
        for change in [
            "alter table t add column c int first",
            "alter table t drop column b",
            "alter table t change a z int",
            "alter table t modify a varchar(20)",
            "alter table t modify a int after b",
        ] {
            let database = server.fresh_database();
            database.run(["create table t (a int, b int)", "insert into t values (1, 2)"]);
            let lab = Lab::new();
            let input = InputConfig::Mysql(mysql(&database, table("t")));
            let mut source = open(&input, &lab.context(), BytesRule::Refuse).unwrap();
            database.run([change]);
            let schema = Arc::clone(source.reader.schema());
            let error = source.reader.read(&mut Nowhere(schema)).unwrap_err();
            assert_eq!(error.to_string(), "the columns of table `t` changed while it was opened", "{change}");
            assert_eq!(error.remedy(), Some("retry: the new ones are read then"));
        }
        // What does not show in the columns does not matter.
        let database = server.fresh_database();
        database.run(["create table t (a int, b int)", "insert into t values (1, 2)"]);
        let input = InputConfig::Mysql(mysql(&database, table("t")));
        let mut source = open(&input, &Lab::new().context(), BytesRule::Refuse).unwrap();
        database.run(["alter table t add index (b)"]);
        let schema = Arc::clone(source.reader.schema());
        assert_eq!(source.reader.read(&mut Nowhere(schema)).unwrap().rows, 1);
        let mut source = open(&input, &Lab::new().context(), BytesRule::Refuse).unwrap();
        database.run(["drop table t"]);
        let schema = Arc::clone(source.reader.schema());
        let vanished = source.reader.read(&mut Nowhere(schema)).unwrap_err();
        let expected = format!(
            "table `t` could not be read: Table '{}.t' doesn't exist (MySQL error 1146)",
            database.name
        );
        assert_eq!((vanished.to_string(), vanished.kind), (expected, ErrorKind::NotFound));
        assert_eq!(refused(&Lab::new(), &mysql(&database, table("t"))).kind, ErrorKind::NotFound);
    }
}

#[test]
fn limits_of_the_server_for_short_queries_do_not_cut_a_read() {
    let Some(server) = servers::mariadb() else { return };
    let database = server.fresh_database();
    let mut input = mysql(&database, super::super::lab::query("select sleep(0.02) as s"));
    // The user's own limit counts.
    input.options.insert("sessionVariables".to_owned(), "max_statement_time = 0.001".into());
    let error = refused(&Lab::new(), &input);
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert_eq!(
        error.to_string(),
        "the query could not be read: Query execution was interrupted (max_statement_time exceeded) (MySQL error 1969)"
    );
    input.options.clear();
    assert_eq!(written(&input, TypeMapping::Embulk), "{\"s\":0}\n");
}
