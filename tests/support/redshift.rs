//! Databases of the stand-in for Redshift (`tests/fake/redshift.py`), with scripted faults and the list of what was
//! said. One server runs for all tests; a test's rules and statements are those of its own database.

use serde_json::{Value, json};
use tokio_postgres::Config;

use super::http;
use super::postgres::{PostgresClient, PostgresDatabase, postgres_database};
use super::servers::variable;

/// A database of one test, dropped with the value.
pub struct RedshiftDatabase {
    pub name: String,
    pub host: String,
    /// Of the stand-in.
    pub port: u16,
    /// May do everything.
    pub user: String,
    /// The same database behind the stand-in.
    pub behind: PostgresDatabase,
    /// A role whose name COPY and UNLOAD may give.
    pub role: String,
    control: String,
}

/// A fresh database; `None` after saying so where no server is.
pub fn redshift_database() -> Option<RedshiftDatabase> {
    let config: Config =
        variable("SYNC_TEST_REDSHIFT", "stand-in for Redshift")?.parse().expect("an address");
    let [tokio_postgres::config::Host::Tcp(host)] = config.get_hosts() else { panic!("one host") };
    let behind = postgres_database()?;
    let of = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("`{name}` comes with the address"));
    Some(RedshiftDatabase {
        name: behind.name.clone(),
        host: host.clone(),
        port: config.get_ports()[0],
        user: config.get_user().expect("the address names a user").to_owned(),
        behind,
        role: of("SYNC_TEST_REDSHIFT_ROLE"),
        control: of("SYNC_TEST_REDSHIFT_CONTROL"),
    })
}

impl RedshiftDatabase {
    /// A connection into it, through the stand-in.
    pub fn connect(&self) -> PostgresClient {
        PostgresClient::connect(&self.host, self.port, &self.user, &self.name)
    }

    /// Runs a script.
    pub fn run(&self, sql: &str) {
        self.connect().run(sql);
    }

    /// The rows of a query, columns parted by `|`; NULL is `-`.
    pub fn rows(&self, query: &str) -> Vec<String> {
        self.connect().rows(query)
    }

    /// Adds a rule for this database; its keys are described in `tests/fake/README.md`.
    pub fn rule(&self, mut rule: Value) {
        rule["database"] = json!(self.name);
        let answer = http::post(&self.url("rules", ""), &rule);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// Waits until the rule was applied to `count` statements; for a hold, until one is held.
    pub fn await_rule(&self, id: &str, count: u32) {
        let answer = http::get(&self.url("wait", &format!("&rule={id}&count={count}")));
        assert_eq!(answer.status, 200, "rule {id} was not applied {count} times: {}", answer.text());
    }

    /// Lets the held statements of a rule go on.
    pub fn release(&self, id: &str) {
        let answer = http::post(&self.url("release", ""), &json!({"id": id}));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// Every statement that came so far, keys blotted out.
    pub fn statements(&self) -> Vec<String> {
        let told = http::get(&self.url("statements", "")).json();
        let told = told.as_array().expect("a list of statements");
        told.iter().map(|one| one["statement"].as_str().expect("it has a text").to_owned()).collect()
    }

    fn url(&self, what: &str, more: &str) -> String {
        format!("{}/{what}?database={}{more}", self.control, self.name)
    }
}
