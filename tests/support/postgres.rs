//! Databases of PostgreSQL for single tests.

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use super::servers::{fresh_name, postgres};

/// A database of one test, dropped with the value.
pub struct PostgresDatabase {
    pub name: String,
    pub host: String,
    pub port: u16,
    /// May do everything.
    pub user: String,
}

/// A fresh database; `None` after saying so where no server is.
pub fn postgres_database() -> Option<PostgresDatabase> {
    let config: Config = postgres()?.parse().expect("tests/run writes a valid address");
    let [tokio_postgres::config::Host::Tcp(host)] = config.get_hosts() else { panic!("one host") };
    let database = PostgresDatabase {
        name: fresh_name("test"),
        host: host.clone(),
        port: config.get_ports()[0],
        user: config.get_user().expect("the address names a user").to_owned(),
    };
    database.connect_to("sync").run(&format!("create database {}", database.name));
    Some(database)
}

impl PostgresDatabase {
    /// A connection into it.
    pub fn connect(&self) -> PostgresClient {
        self.connect_to(&self.name)
    }

    fn connect_to(&self, name: &str) -> PostgresClient {
        PostgresClient::connect(&self.host, self.port, &self.user, name)
    }

    /// Runs a script.
    pub fn run(&self, sql: &str) {
        self.connect().run(sql);
    }

    /// The rows of a query, columns parted by `|`; NULL is `-`.
    pub fn rows(&self, query: &str) -> Vec<String> {
        self.connect().rows(query)
    }

    /// Looks until a query gives a row. Half a minute without is a failure.
    pub fn await_row(&self, query: &str) {
        let mut client = self.connect();
        let begun = std::time::Instant::now();
        while client.rows(query).is_empty() {
            assert!(begun.elapsed().as_secs() < 30, "no row: {query}");
            client.run("select pg_sleep(0.02)");
        }
    }

    /// A user of its own, who may connect and nothing else. With a password it must be given.
    pub fn fresh_user(&self, password: Option<&str>) -> String {
        let name = fresh_name("user");
        match password {
            Some(password) => {
                self.run(&format!("create role {name} login password '{password}' in role with_password"));
            }
            None => self.run(&format!("create role {name} login")),
        }
        name
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        // A test that fails must show its own failure, not one of this.
        if !std::thread::panicking() {
            self.connect_to("sync").run(&format!("drop database {} with (force)", self.name));
        }
    }
}

/// A connection.
pub struct PostgresClient {
    client: Option<Client>,
    runtime: Runtime,
}

impl PostgresClient {
    /// A connection without a password, and without encryption.
    pub fn connect(host: &str, port: u16, user: &str, database: &str) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a thread");
        let mut config = Config::new();
        config.host(host).port(port).user(user).dbname(database);
        let (client, connection) = runtime.block_on(config.connect(NoTls)).expect("the server answers");
        runtime.spawn(connection);
        Self { client: Some(client), runtime }
    }

    /// Runs a script.
    pub fn run(&mut self, sql: &str) {
        self.rows(sql);
    }

    /// The rows of a query, columns parted by `|`; NULL is `-`.
    pub fn rows(&mut self, query: &str) -> Vec<String> {
        let client = self.client.as_ref().expect("it is open");
        let answers = self.runtime.block_on(client.simple_query(query));
        let answers = answers.unwrap_or_else(|error| panic!("{error:?}\nin {query}"));
        let rows = answers.iter().filter_map(|answer| match answer {
            SimpleQueryMessage::Row(row) => {
                let values: Vec<_> = (0..row.len()).map(|at| row.get(at).unwrap_or("-")).collect();
                Some(values.join("|"))
            }
            _ => None,
        });
        rows.collect()
    }
}

impl Drop for PostgresClient {
    fn drop(&mut self) {
        self.client.take();
    }
}
