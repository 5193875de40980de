//! The sources, the bucket, the warehouse and the project of one test.

use std::collections::BTreeSet;
use std::process::Command;

use mysql::prelude::Queryable;

use super::lists::{self, Engine, Table};
use super::source;
use crate::support::postgres::{PostgresDatabase, postgres_database};
use crate::support::redshift::{RedshiftDatabase, redshift_database};
use crate::support::s3;
use crate::support::sandbox::{Said, Sandbox};
use crate::support::servers::{self, Aws, MySqlServer, fresh_name};

/// Cells as texts, NULL is none.
type Rows = Vec<Vec<Option<String>>>;

/// Everything that the night needs.
pub struct Estate {
    pub sandbox: Sandbox,
    pub tables: Vec<Table>,
    pub warehouse: RedshiftDatabase,
    pub aws: Aws,
    /// What stands before every key of the night in the bucket.
    pub prefix: String,
    /// Stands before the names of MySQL's databases.
    pub names: String,
    pub mysql: MySqlServer,
    pub postgresql: PostgresDatabase,
}

/// How many rows tables have: most are small.
const SIZES: [u32; 10] = [12, 3, 40, 0, 7, 150, 1, 25, 60, 900];

impl Estate {
    /// Makes everything; `None` where a server is missing.
    pub fn new() -> Option<Self> {
        Self::with_sizes(&SIZES)
    }

    /// The same with other numbers of rows, in turn.
    pub fn with_sizes(sizes: &[u32]) -> Option<Self> {
        let (mysql, aws) = (servers::mariadb()?, servers::aws()?);
        let (postgresql, warehouse) = (postgres_database()?, redshift_database()?);
        let mut estate = Self {
            sandbox: Sandbox::new(),
            tables: lists::tables(sizes),
            warehouse,
            prefix: fresh_name("nightly"),
            names: format!("{}_", fresh_name("estate")),
            aws,
            mysql,
            postgresql,
        };
        estate.make_tables();
        estate.sandbox.copy_from_repository("tests/fixtures/estate_to_redshift", ".");
        for (name, value) in estate.aws.environment() {
            estate.sandbox.set(name, value);
        }
        estate.sandbox.set("SYNC_SECRET_SOURCE_MYSQL_PASSWORD", estate.mysql.password.clone());
        estate.sandbox.set("SYNC_SECRET_SOURCE_POSTGRESQL_PASSWORD", "not asked for");
        estate.sandbox.set("SYNC_SECRET_AWS_REDSHIFT_PASSWORD", "not asked for");
        Some(estate)
    }

    fn databases(&self) -> BTreeSet<(&str, Engine)> {
        self.tables.iter().map(|table| (table.database.as_str(), table.engine)).collect()
    }

    fn make_tables(&self) {
        let mut mysql = self.mysql.connect();
        mysql.query_drop("set max_recursive_iterations = 1000000").unwrap();
        let mut postgresql = String::new();
        let mut warehouse = String::new();
        for (database, engine) in self.databases() {
            match engine {
                Engine::Mysql => mysql
                    .query_drop(format!("create database {}{database} character set utf8mb4", self.names))
                    .unwrap(),
                Engine::Postgresql => postgresql.push_str(&format!("create schema {database};")),
            }
            warehouse.push_str(&format!("create schema la_{database};"));
        }
        self.warehouse.run(&warehouse);
        let mut warehouse = self.warehouse.connect();
        for table in &self.tables {
            match table.engine {
                Engine::Mysql => {
                    mysql.query_drop(format!("use {}{}", self.names, table.database)).unwrap();
                    for statement in source::mysql(table) {
                        mysql
                            .query_drop(&statement)
                            .unwrap_or_else(|error| panic!("{error}\nin {statement}"));
                    }
                }
                Engine::Postgresql => postgresql.push_str(&source::postgresql(table)),
            }
            warehouse.run(&source::redshift(table));
        }
        self.postgresql.run(&postgresql);
    }

    /// Adds a row to every table of the sources.
    pub fn add_rows(&self) {
        let mut postgresql = String::new();
        for table in &self.tables {
            match table.engine {
                Engine::Mysql => self.change(table, &source::one_more(table)),
                Engine::Postgresql => postgresql.push_str(&format!("{};", source::one_more(table))),
            }
        }
        self.postgresql.run(&postgresql);
    }

    /// Runs a statement in the database of a table of MySQL.
    pub fn change(&self, table: &Table, statement: &str) {
        let mut connection = self.mysql.connect();
        connection.query_drop(format!("use {}{}", self.names, table.database)).unwrap();
        connection.query_drop(statement).unwrap_or_else(|error| panic!("{error}\nin {statement}"));
    }

    /// Runs a command of the project with the parameters of its timer.
    pub fn run(&self, arguments: &[&str]) -> Said {
        Said::of(self.command(arguments).output().expect("the program starts"))
    }

    /// The same, ready to be started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.sandbox.command(arguments);
        for (name, value) in self.parameters() {
            command.args(["-p".to_owned(), format!("{name}={value}")]);
        }
        command
    }

    fn parameters(&self) -> Vec<(&'static str, String)> {
        vec![
            ("mysql_host", self.mysql.host.clone()),
            ("mysql_port", self.mysql.port.to_string()),
            ("mysql_user", self.mysql.user.clone()),
            ("source_prefix", self.names.clone()),
            ("postgresql_host", self.postgresql.host.clone()),
            ("postgresql_port", self.postgresql.port.to_string()),
            ("postgresql_user", self.postgresql.user.clone()),
            ("postgresql_database", self.postgresql.name.clone()),
            ("redshift_host", self.warehouse.host.clone()),
            ("redshift_port", self.warehouse.port.to_string()),
            ("redshift_user", self.warehouse.user.clone()),
            ("redshift_database", self.warehouse.name.clone()),
            ("redshift_ssl", "false".to_owned()),
            ("s3_bucket", self.aws.bucket.clone()),
            ("s3_root", self.prefix.clone()),
            ("s3_endpoint", self.aws.endpoint.clone()),
            ("s3_region", self.aws.region.clone()),
            ("copy_role", self.warehouse.role.clone()),
        ]
    }

    /// A table of the lists.
    pub fn table(&self, database: &str, name: &str) -> &Table {
        self.tables
            .iter()
            .find(|table| table.database == database && table.name == name)
            .expect("it is listed")
    }

    /// Fails unless every cell of these tables is in the warehouse, and nothing else.
    #[track_caller]
    pub fn assert_arrived(&self, chosen: impl Fn(&Table) -> bool) {
        for table in self.tables.iter().filter(|table| chosen(table)) {
            assert_eq!(self.arrived(table), self.expected(table), "{}.{}", table.schema, table.name);
        }
    }

    /// The rows that the source has.
    pub fn expected(&self, table: &Table) -> Rows {
        let query = source::expected(table);
        let rows = match table.engine {
            Engine::Mysql => {
                let mut connection = self.mysql.connect();
                connection.query_drop(format!("use {}{}", self.names, table.database)).unwrap();
                servers::texts(&mut connection, &query)
            }
            Engine::Postgresql => self.postgresql.connect().cells(&query),
        };
        canonical(table, rows)
    }

    /// The rows that the warehouse has.
    pub fn arrived(&self, table: &Table) -> Rows {
        canonical(table, self.warehouse.behind.connect().cells(&source::arrived(table)))
    }

    /// How many rows the warehouse has of a table, and the largest key among them.
    pub fn count(&self, table: &Table) -> (u32, u32) {
        let query = format!("select count(*), max(id) from {}.{}", table.schema, table.name);
        let rows = self.warehouse.behind.rows(&query);
        let (rows, last) = rows[0].split_once('|').unwrap();
        (rows.parse().unwrap(), last.parse().unwrap())
    }

    /// Objects of the night that are in the bucket.
    pub fn objects(&self) -> Vec<String> {
        s3::objects(&self.aws, &self.prefix).into_keys().collect()
    }
}

impl Drop for Estate {
    fn drop(&mut self) {
        // A test that fails must show its own failure, not one of this.
        if std::thread::panicking() {
            return;
        }
        let mut mysql = self.mysql.connect();
        for (database, engine) in self.databases() {
            if engine == Engine::Mysql {
                let _ = mysql.query_drop(format!("drop database {}{database}", self.names));
            }
        }
    }
}

fn canonical(table: &Table, rows: Rows) -> Rows {
    let row = |row: Vec<Option<String>>| {
        let cells = row.into_iter().zip(&table.columns);
        cells.map(|(cell, column)| cell.map(|text| source::canonical(column.kind, &text))).collect()
    };
    rows.into_iter().map(row).collect()
}
