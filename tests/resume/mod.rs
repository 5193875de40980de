//! A retry goes on from what lies staged: a transfer that was killed, stopped, or met a fault that passes.

mod parts;
mod quiet;
mod whole;

use std::process::{Child, Stdio};
use std::sync::MutexGuard;

use mysql::prelude::Queryable;
use serde_json::{Value, json};

use crate::support::google::FakeGoogle;
use crate::support::http;
use crate::support::postgres::{PostgresDatabase, postgres_database};
use crate::support::proxy::Proxy;
use crate::support::redshift::{RedshiftDatabase, redshift_database};
use crate::support::sandbox::{Said, Sandbox};
use crate::support::servers::{self, Aws, MySqlDatabase};
use crate::support::{bigquery, s3};

/// Where rows come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    Mariadb,
    Postgresql,
}

/// Where they go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    Bigquery,
    Redshift,
}

/// Every pair of the two.
pub const PAIRS: [(From, To); 4] = [
    (From::Mariadb, To::Bigquery),
    (From::Mariadb, To::Redshift),
    (From::Postgresql, To::Bigquery),
    (From::Postgresql, To::Redshift),
];

enum Source {
    Mariadb(MySqlDatabase),
    Postgresql { database: PostgresDatabase, _turn: Option<MutexGuard<'static, ()>> },
}

enum Target {
    Bigquery { fake: FakeGoogle, dataset: String },
    Redshift { database: Box<RedshiftDatabase>, aws: Aws, prefix: String },
}

/// A project that copies table `t`, with its servers.
pub struct Bench {
    pub sandbox: Sandbox,
    source: Source,
    target: Target,
    /// Stands before the source.
    pub proxy: Proxy,
}

/// The file of properties.
pub const PROPERTIES: &str = "sync.properties";

/// A row that is there once the rows are read again.
pub const NEW: i64 = 5000;

/// Rows that the table has at first.
pub const ROWS: i64 = 2000;

impl Bench {
    /// Everything, with a task of these lines; `None` where a server is missing.
    pub fn new(from: From, to: To, task: &str) -> Option<Self> {
        Self::of(Source::new(from)?, to, task)
    }

    /// The same over a server that nobody else writes to, or that can be kept from it.
    pub fn quiet(from: From, to: To) -> Option<Self> {
        let source = match from {
            From::Mariadb => Source::new(from)?,
            From::Postgresql => {
                let (database, turn) = quiet::database()?;
                Source::of_postgres(database, Some(turn))
            }
        };
        Self::of(source, to, "")
    }

    fn of(source: Source, to: To, task: &str) -> Option<Self> {
        let target = Target::new(to)?;
        let proxy = source.proxy();
        let mut sandbox = Sandbox::new()
            .file(PROPERTIES, "")
            .file("load.dig", &format!("+load:\n{task}  embulk>: load.yml\n"))
            .file("load.yml", &format!("{}{}", source.config(&proxy), target.config()));
        for (name, value) in target.environment() {
            sandbox.set(name, value);
        }
        Some(Self { sandbox, source, target, proxy })
    }

    /// Runs a statement at the source.
    pub fn change(&self, sql: &str) {
        match &self.source {
            Source::Mariadb(database) => database.run([sql]),
            Source::Postgresql { database, .. } => database.run(sql),
        }
    }

    /// While this is held nobody writes to the server of the source.
    pub fn stillness(&self) -> Option<mysql::Conn> {
        match &self.source {
            Source::Mariadb(database) => {
                let mut lock = database.connect();
                lock.query_drop("flush tables with read lock").expect("the user may lock");
                Some(lock)
            }
            Source::Postgresql { .. } => None,
        }
    }

    /// The source gets one more row.
    pub fn add_row(&self) {
        self.change(&format!("insert into t values ({NEW}, 'new')"));
    }

    /// Whoever would have the staged rows loaded waits.
    pub fn hold_load(&self) {
        match &self.target {
            Target::Bigquery { fake, .. } => {
                fake.rule(&json!({"id": "load", "method": "POST", "path": "/jobs", "action": "hold"}));
            }
            Target::Redshift { database, .. } => {
                database.rule(json!({"id": "load", "statement": "^COPY", "action": "hold"}));
            }
        }
    }

    /// Waits until somebody waits for that.
    pub fn await_load(&self) {
        match &self.target {
            Target::Bigquery { fake, .. } => drop(fake.await_rule("load", 1)),
            Target::Redshift { database, .. } => database.await_rule("load", 1),
        }
    }

    /// Starts a run and waits until it would have the staged rows loaded.
    pub fn run_to_load(&self) -> Child {
        self.hold_load();
        let run = self.start();
        self.await_load();
        run
    }

    /// Starts a run.
    pub fn start(&self) -> Child {
        let mut command = self.sandbox.command(["run", "load.dig", "-c", PROPERTIES]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts")
    }

    /// Nothing is held any more: what was, is not done.
    pub fn let_go(&self) {
        match &self.target {
            Target::Bigquery { fake, .. } => {
                fake.drop_held("load");
                fake.forget_rules();
            }
            Target::Redshift { database, .. } => {
                database.release("load");
                database.forget_rules();
            }
        }
    }

    /// Kills a run at the load.
    pub fn killed_at_load(&self) {
        let mut run = self.run_to_load();
        run.kill().expect("it runs");
        run.wait().expect("it ends");
        self.let_go();
        assert_eq!(self.loaded(), Vec::<i64>::new());
    }

    /// The load ends so with whatever it is given.
    pub fn load_fails(&self, fault: Fault) {
        match (&self.target, fault) {
            (Target::Bigquery { fake, .. }, fault) => {
                let reason = if fault == Fault::Passes { "backendError" } else { "invalid" };
                fake.rule(&json!({"method": "POST", "path": "/jobs", "times": 0, "action": "job_fail",
                    "reason": reason, "message": "no"}));
            }
            (Target::Redshift { database, .. }, Fault::Passes) => {
                database.rule(json!({"statement": "^COPY", "action": "cut", "times": 0}));
            }
            (Target::Redshift { database, .. }, Fault::Refuses) => {
                database.rule(json!({"statement": "^COPY", "action": "fail", "times": 0, "code": "XX000", "message": "no"}));
            }
        }
    }

    /// The load does as it should.
    pub fn load_works(&self) {
        match &self.target {
            Target::Bigquery { fake, .. } => fake.forget_rules(),
            Target::Redshift { database, .. } => database.forget_rules(),
        }
    }

    pub fn run(&self) -> Said {
        self.sandbox.run(["run", "load.dig", "-c", PROPERTIES])
    }

    pub fn retry(&self) -> Said {
        self.sandbox.run(["retry", "--session", "last", "-c", PROPERTIES])
    }

    /// The figures of the transfer in the report of the last attempt.
    pub fn figures(&self) -> Value {
        let said = self.sandbox.run(["report", "--session", "last", "--json"]).expect_code(0);
        let report: Value = serde_json::from_str(&said.stdout).expect("the report is JSON");
        let found = find(&report, "rows_sent");
        found.unwrap_or_else(|| panic!("no figures in {}", said.stdout)).clone()
    }

    /// The ids in the target, in order; none where there is no table.
    pub fn loaded(&self) -> Vec<i64> {
        let mut ids: Vec<i64> = match &self.target {
            Target::Bigquery { fake, dataset } => {
                let bigquery = fake.bigquery();
                if !bigquery.tables(dataset).contains(&"t".to_owned()) {
                    return Vec::new();
                }
                let rows = bigquery.rows(dataset, "t").into_iter();
                rows.map(|row| row[0].as_deref().expect("no id is NULL").parse().expect("a number")).collect()
            }
            Target::Redshift { database, .. } => {
                if database.rows("select 1 from pg_class where relname = 't'").is_empty() {
                    return Vec::new();
                }
                database.rows("select id from t").iter().map(|id| id.parse().expect("a number")).collect()
            }
        };
        ids.sort_unstable();
        ids
    }

    /// Names of the staged objects that hold rows.
    pub fn staged(&self) -> Vec<String> {
        let all = match &self.target {
            Target::Bigquery { fake, .. } => fake.objects(),
            Target::Redshift { aws, prefix, .. } => s3::objects(aws, prefix).into_keys().collect(),
        };
        all.into_iter().filter(|name| !name.ends_with(".manifest")).collect()
    }

    /// Nothing staged is left, and no table beside the target.
    #[track_caller]
    pub fn assert_tidy(&self) {
        match &self.target {
            Target::Bigquery { fake, dataset } => {
                assert_eq!(fake.objects(), Vec::<String>::new());
                assert_eq!(fake.bigquery().tables(dataset), ["t"]);
            }
            Target::Redshift { database, aws, prefix } => {
                assert_eq!(s3::objects(aws, prefix).into_keys().collect::<Vec<_>>(), Vec::<String>::new());
                let left = "select relname from pg_class where relname like 'sync\\\\_%' and relkind = 'r'";
                assert_eq!(database.rows(left), Vec::<String>::new());
            }
        }
    }

    /// Somebody removes a staged object.
    pub fn lose(&self, name: &str) {
        match &self.target {
            Target::Bigquery { fake, .. } => {
                let name = bigquery::encoded(name);
                let url = format!("{}/storage/v1/b/{}/o/{name}", fake.url(), FakeGoogle::BUCKET);
                assert_eq!(http::delete(&url).status, 204);
            }
            Target::Redshift { aws, .. } => s3::delete(aws, name),
        }
    }

    /// The bytes of a staged object.
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        match &self.target {
            Target::Bigquery { fake, .. } => fake.object(name),
            Target::Redshift { aws, prefix, .. } => {
                s3::objects(aws, prefix).remove(name).expect("the object is there")
            }
        }
    }

    /// Somebody writes other bytes under the name of a staged object.
    pub fn overwrite(&self, name: &str, bytes: Vec<u8>) {
        match &self.target {
            Target::Bigquery { fake, .. } => fake.put(name, &bytes),
            Target::Redshift { aws, .. } => s3::put_bytes(aws, &aws.bucket, name, bytes),
        }
    }
}

/// What a load meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Later the same rows may be taken.
    Passes,
    /// Other rows are wanted.
    Refuses,
}

/// The first object in a document that has a key.
fn find<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    match value {
        Value::Object(object) if object.contains_key(key) && object.contains_key("snapshot") => Some(value),
        Value::Object(object) => object.values().find_map(|inner| find(inner, key)),
        Value::Array(list) => list.iter().find_map(|inner| find(inner, key)),
        _ => None,
    }
}

impl Source {
    fn new(from: From) -> Option<Self> {
        Some(match from {
            From::Mariadb => {
                let database = servers::mariadb()?.fresh_database();
                database.run([
                    "create table t (id int primary key, noise varchar(100))".to_owned(),
                    format!("insert into t select seq, sha2(seq, 256) from seq_1_to_{ROWS}"),
                    "analyze table t".to_owned(),
                ]);
                Self::Mariadb(database)
            }
            From::Postgresql => Self::of_postgres(postgres_database()?, None),
        })
    }

    fn of_postgres(database: PostgresDatabase, turn: Option<MutexGuard<'static, ()>>) -> Self {
        database.run(&format!(
            "create table t (id int primary key, noise varchar(100)); \
             insert into t select n, md5(n::text) || md5('x' || n) from generate_series(1, {ROWS}) n; analyze t"
        ));
        Self::Postgresql { database, _turn: turn }
    }

    fn proxy(&self) -> Proxy {
        match self {
            Self::Mariadb(database) => Proxy::before(&database.server.host, database.server.port),
            Self::Postgresql { database, .. } => Proxy::before(&database.host, database.port),
        }
    }

    fn config(&self, proxy: &Proxy) -> String {
        let port = proxy.port();
        let (kind, user, password, database) = match self {
            Self::Mariadb(database) => {
                ("mysql", &database.server.user, database.server.password.as_str(), &database.name)
            }
            Self::Postgresql { database, .. } => ("postgresql", &database.user, "", &database.name),
        };
        format!(
            "in: {{type: {kind}, host: 127.0.0.1, port: {port}, user: '{user}', password: '{password}', \
             database: {database}, table: t, ssl: disable}}\n"
        )
    }
}

impl Target {
    fn new(to: To) -> Option<Self> {
        Some(match to {
            To::Bigquery => {
                let fake = FakeGoogle::start()?;
                let dataset = fake.bigquery().fresh_dataset();
                Self::Bigquery { fake, dataset }
            }
            To::Redshift => {
                let (aws, database) = (servers::aws()?, Box::new(redshift_database()?));
                Self::Redshift { database, aws, prefix: format!("{}/", servers::fresh_name("resume")) }
            }
        })
    }

    fn config(&self) -> String {
        match self {
            Self::Bigquery { fake, dataset } => format!(
                "out: {{type: bigquery, mode: replace, auth_method: application_default, project: {}, dataset: {dataset}, \
                 table: t, gcs_bucket: {}, source_format: NEWLINE_DELIMITED_JSON, compression: GZIP, retries: 0}}\n",
                fake.bigquery().project,
                FakeGoogle::BUCKET
            ),
            Self::Redshift { database, aws, prefix } => format!(
                "out: {{type: redshift, mode: replace, host: {}, port: {}, user: {}, database: {}, table: t, \
                 s3_bucket: {}, s3_key_prefix: {prefix}, aws_auth_method: env, copy_iam_role: '{}', retry_limit: 0}}\n",
                database.host, database.port, database.user, database.name, aws.bucket, database.role
            ),
        }
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Bigquery { fake, .. } => fake.environment().to_vec(),
            Self::Redshift { aws, .. } => aws.environment().to_vec(),
        }
    }
}
