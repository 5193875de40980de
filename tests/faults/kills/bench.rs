//! The servers of a workload, and the places that its cases write to.

use std::collections::BTreeMap;

use super::points::Servers;
use super::source::{self, Row};
use super::workload::{Engine, Table, Way, Workload};
use crate::support::google::FakeGoogle;
use crate::support::postgres::{PostgresDatabase, postgres_database};
use crate::support::redshift::{RedshiftDatabase, redshift_database};
use crate::support::servers::{self, Aws, MySqlDatabase};

/// Servers with the tables that are copied. One case after the other uses them.
pub struct Bench {
    pub workload: Workload,
    pub google: FakeGoogle,
    pub aws: Aws,
    pub mysql: MySqlDatabase,
    pub postgresql: PostgresDatabase,
    pub redshift: RedshiftDatabase,
}

/// Where one case writes: a dataset, a schema, a database, a prefix of keys, all of this name.
pub struct Place {
    pub name: String,
    /// Of MySQL.
    pub database: MySqlDatabase,
}

impl Bench {
    /// `None` where a server is missing.
    pub fn new(workload: Workload) -> Option<Self> {
        let bench = Self {
            google: FakeGoogle::start()?,
            aws: servers::aws()?,
            mysql: servers::mariadb()?.fresh_database(),
            postgresql: postgres_database()?,
            redshift: redshift_database()?,
            workload,
        };
        bench.google.polls(bench.workload.polls);
        for table in &bench.workload.tables {
            let statements = source::statements(table.engine, &table.name, table.rows);
            match table.engine {
                Engine::Mysql => bench.mysql.run(statements),
                Engine::Postgresql => bench.postgresql.run(&statements.join(";")),
            }
        }
        Some(bench)
    }

    /// The servers by port.
    pub fn servers(&self) -> Servers {
        let port = |url: &str| {
            url.rsplit(':').next().and_then(|port| port.trim_end_matches('/').parse().ok()).expect("a port")
        };
        BTreeMap::from([
            (port(self.google.url()), "google"),
            (port(&self.aws.endpoint), "aws"),
            (self.mysql.server.port, "mysql"),
            (self.postgresql.port, "postgresql"),
            (self.redshift.port, "redshift"),
        ])
    }

    /// A fresh place, with the tables that are there already.
    pub fn place(&self) -> Place {
        let database = self.mysql.server.fresh_database();
        let place = Place { name: self.google.bigquery().fresh_dataset(), database };
        let name = &place.name;
        let schema = format!("create schema {name}; create table {name}.audit (name varchar(9))");
        if self.workload.has(Way::is_postgresql) {
            self.postgresql.run(&schema);
        }
        if self.workload.has(Way::is_redshift) {
            self.redshift.run(&schema);
        }
        if self.workload.has(Way::is_mysql) {
            place.database.run(["create table audit (name varchar(9))"]);
        }
        for table in self.workload.tables.iter().filter(|table| table.is_there) {
            let key = if table.way.is_redshift() { "" } else { " primary key" };
            let columns = format!("(id int{key}, n bigint, name varchar(100))");
            let of = |schema: &str| {
                [
                    format!("create table {schema}{} {columns}", table.name),
                    format!("insert into {schema}{} values (-1, null, 'old')", table.name),
                ]
            };
            match table.way {
                Way::Mysql { .. } => place.database.run(of("")),
                Way::Postgresql { .. } => self.postgresql.run(&of(&format!("{name}.")).join(";")),
                _ => self.redshift.run(&of(&format!("{name}.")).join(";")),
            }
        }
        place
    }

    /// The rows that a table must have in the end.
    pub fn expected(table: &Table) -> Vec<Row> {
        let old = (table.is_there && table.way.adds()).then(source::old);
        old.into_iter().chain(source::rows(table.rows)).collect()
    }

    /// Waits until the databases have ended what a process that is gone has begun.
    pub fn await_silence(&self, place: &Place) {
        for database in [&self.postgresql, &self.redshift.behind] {
            let others = "select 1 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
            database.await_row(&format!("select 1 where not exists ({others})"));
        }
        let (mut client, mut pause) = (self.mysql.connect(), self.postgresql.connect());
        let others = format!(
            "select id from information_schema.processlist where id <> connection_id() and db in ('{}', '{}')",
            self.mysql.name, place.database.name
        );
        for _ in 0..1500 {
            if servers::texts(&mut client, &others).is_empty() {
                return;
            }
            pause.run("select pg_sleep(0.02)");
        }
        panic!("a connection of a process that is gone stays");
    }
}
