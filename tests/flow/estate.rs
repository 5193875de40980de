//! A team's project with its servers: the source, the target, KMS, S3 for logs and a Slack channel.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use base64::Engine;
use serde_json::json;

use super::source::{Kind, Table, tables};
use crate::support::bigquery::BigQuery;
use crate::support::google::FakeGoogle;
use crate::support::http;
use crate::support::proxy::Proxy;
use crate::support::sandbox::{Said, Sandbox};
use crate::support::servers::{self, Aws, MySqlDatabase};
use crate::support::webhook::Webhook;

/// How the team wrote its flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `mysql>` lists the tables, secrets are in `secrets.yml`.
    Native,
    /// Ruby tasks fetch credentials from KMS and list the tables.
    Ruby,
}

/// Both forms.
pub const FORMS: [Form; 2] = [Form::Native, Form::Ruby];

/// Where rows go: an emulator, our stand-in, or our stand-in before an emulator.
#[derive(Debug, Clone)]
pub struct Target {
    pub bigquery: BigQuery,
    /// Address of Cloud Storage.
    pub storage: String,
    pub bucket: String,
    pub dataset: String,
}

impl Target {
    /// A dataset of its own in a stand-in, which also holds the staged objects.
    pub fn of_fake(fake: &FakeGoogle) -> Self {
        let bigquery = fake.bigquery();
        Self {
            storage: fake.url().to_owned(),
            bucket: FakeGoogle::BUCKET.to_owned(),
            dataset: bigquery.fresh_dataset(),
            bigquery,
        }
    }

    /// Names of staged objects that are in the bucket.
    pub fn staged(&self) -> Vec<String> {
        let body = http::get(&format!("{}/storage/v1/b/{}/o", self.storage, self.bucket)).json();
        let items = body["items"].as_array().cloned().unwrap_or_default();
        let names = items.iter().map(|item| item["name"].as_str().unwrap_or_default().to_owned());
        names.filter(|name| name.contains("sync_")).collect()
    }
}

/// The project and all it talks to.
pub struct Estate {
    pub form: Form,
    pub sandbox: Sandbox,
    pub database: MySqlDatabase,
    pub tables: Vec<Table>,
    pub target: Target,
    /// Stands between the flow and the source.
    pub proxy: Proxy,
    pub slack: Webhook,
    pub aws: Aws,
    /// The user that the flow reads with.
    pub reader: String,
    /// Where S3 logs go.
    pub log_prefix: String,
    /// Every secret of the estate.
    pub secrets: Vec<String>,
}

const PASSWORD: &str = "pa$$word: \"über\" 'secret'#1";

impl Estate {
    /// Makes everything; `None` where a server is missing.
    pub fn new(form: Form, target: Target) -> Option<Self> {
        let database = servers::mariadb()?.fresh_database();
        let aws = servers::aws()?;
        let tables = tables();
        for table in &tables {
            table.make(&database);
        }
        let reader = database.fresh_user(&PASSWORD.replace('\\', "\\\\").replace('\'', "''"));
        for table in &tables {
            database.run([format!(
                "grant select, insert on `{}`.`{}` to `{reader}`@'%'",
                database.name, table.name
            )]);
        }
        let slack = Webhook::start();
        let proxy = Proxy::before(&database.server.host, database.server.port);
        let mut estate = Self {
            form,
            sandbox: Sandbox::new(),
            log_prefix: servers::fresh_name("logs"),
            secrets: vec![
                PASSWORD.to_owned(),
                service_account_key().to_owned(),
                slack.url("/T000/B000/XyZsecret"),
            ],
            database,
            tables,
            target,
            proxy,
            slack,
            aws,
            reader,
        };
        estate.set_environment();
        match form {
            Form::Native => estate.write_native(),
            Form::Ruby => estate.write_ruby(),
        }
        Some(estate)
    }

    /// The reader may no longer read a table, though it still sees that it is there.
    pub fn revoke(&self, table: &str) {
        self.database
            .run([format!("revoke select on `{}`.`{table}` from `{}`@'%'", self.database.name, self.reader)]);
    }

    /// The reader may read it again.
    pub fn grant(&self, table: &str) {
        self.database
            .run([format!("grant select on `{}`.`{table}` to `{}`@'%'", self.database.name, self.reader)]);
    }

    fn set_environment(&mut self) {
        for (name, value) in self.aws.environment() {
            self.sandbox.set(name, value);
        }
        self.sandbox.set("BIGQUERY_EMULATOR_HOST", self.target.bigquery.url.clone());
        self.sandbox.set("STORAGE_EMULATOR_HOST", self.target.storage.clone());
    }

    fn properties(&self) -> String {
        format!(
            "log-server.type=s3\nlog-server.s3.bucket={}\nlog-server.s3.path={}\n",
            self.aws.bucket, self.log_prefix
        )
    }

    fn write_native(&self) {
        self.sandbox.copy_from_repository("workflows", "workflows");
        self.sandbox.copy_from_repository("embulk", "embulk");
        std::fs::create_dir(self.sandbox.path().join(".sync")).expect("the folder is new");
        let params = [
            ("aurora_host", "127.0.0.1".to_owned()),
            ("aurora_port", self.proxy.port().to_string()),
            ("aurora_user", self.reader.clone()),
            ("aurora_database", self.database.name.clone()),
            ("bigquery_project", self.target.bigquery.project.clone()),
            ("bigquery_dataset", self.target.dataset.clone()),
            ("gcs_bucket", self.target.bucket.clone()),
        ];
        let params =
            params.iter().fold(String::new(), |all, (name, value)| format!("{all}params.{name}={value}\n"));
        self.sandbox.write("sync.properties", &(self.properties() + &params));
        for (name, value) in
            ["mysql.password", "gcp.credential", "slack.webhook_url"].into_iter().zip(&self.secrets)
        {
            self.set_secret(name, value);
        }
    }

    fn set_secret(&self, name: &str, value: &str) {
        let mut child = self
            .sandbox
            .command(["secrets", "set", name, "--key", &self.aws.kms_key])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        child.stdin.take().expect("it is piped").write_all(value.as_bytes()).expect("the program reads");
        Said::of(child.wait_with_output().expect("the program ends")).expect_code(0);
    }

    fn write_ruby(&self) {
        self.sandbox.copy_from_repository("tests/fixtures/estate_with_ruby", ".");
        let [password, key, webhook] = [0, 1, 2].map(|number| encrypt(&self.aws, &self.secrets[number]));
        let settings = json!({
            "db_host": "127.0.0.1", "db_port": self.proxy.port(), "db_name": self.database.name, "db_user": self.reader,
            "db_password_encrypted": password, "gcp_json_key_encrypted": key, "webhook_url_encrypted": webhook,
            "bigquery_project": self.target.bigquery.project, "bigquery_dataset": self.target.dataset,
            "gcs_bucket": self.target.bucket,
            "drop_columns": {"customers": ["email", "phone"], "orders": ["delivery_address"]},
        });
        self.sandbox.write("tasks/settings.yml", &settings.to_string());
        self.sandbox.write("sync.properties", &self.properties());
    }

    /// The command that starts the flow.
    pub fn run_arguments(&self) -> Vec<&'static str> {
        let file = match self.form {
            Form::Native => "workflows/aurora_to_bigquery.dig",
            Form::Ruby => "aurora_to_bigquery.dig",
        };
        vec!["run", file, "-c", "sync.properties", "--docker", "never"]
    }

    /// The command that goes on with it.
    pub fn retry_arguments(&self) -> Vec<&'static str> {
        vec!["retry", "--session", "last", "-c", "sync.properties", "--docker", "never"]
    }

    /// Runs the flow.
    pub fn run(&self) -> Said {
        self.sandbox.run(self.run_arguments())
    }

    /// Retries what is left.
    pub fn retry(&self) -> Said {
        self.sandbox.run(self.retry_arguments())
    }

    /// Fails unless every table is in the target, equal to the source cell by cell, with the expected types.
    #[track_caller]
    pub fn assert_equal(&self) {
        for table in &self.tables {
            self.assert_table_equal(table);
        }
    }

    /// The same for one table.
    #[track_caller]
    pub fn assert_table_equal(&self, table: &Table) {
        let (bigquery, dataset) = (&self.target.bigquery, &self.target.dataset);
        let fields = bigquery.columns(dataset, &table.name);
        let rows = bigquery.rows(dataset, &table.name);
        let expected_fields: Vec<(String, String)> =
            table.columns.iter().map(|column| (column.name.clone(), column.kind.name().to_owned())).collect();
        assert_eq!(fields, expected_fields, "table {}", table.name);
        let expected = table.expected(&self.database);
        assert_eq!(rows.len(), expected.len(), "rows of {}", table.name);
        let rows = sorted(rows);
        for (row, wanted) in rows.iter().zip(sorted(expected)) {
            for ((column, cell), want) in table.columns.iter().zip(row).zip(&wanted) {
                assert!(
                    same(column.kind, cell.as_deref(), want.as_deref()),
                    "{}.{} is {cell:?}, expected {want:?}",
                    table.name,
                    column.name
                );
            }
        }
    }
}

/// By the key, which is the first column of every table and never NULL.
fn sorted(mut rows: Vec<Vec<Option<String>>>) -> Vec<Vec<Option<String>>> {
    rows.sort_by_cached_key(|row| row[0].clone());
    rows
}

fn same(kind: Kind, cell: Option<&str>, want: Option<&str>) -> bool {
    let (Some(cell), Some(want)) = (cell, want) else { return cell == want };
    let number = |text: &str| text.parse::<f64>().expect("a number");
    match kind {
        Kind::Float => number(cell) == number(want),
        #[expect(clippy::cast_possible_truncation, reason = "that is the comparison")]
        Kind::Single => number(cell) as f32 == number(want) as f32,
        Kind::Timestamp | Kind::Integer | Kind::Boolean | Kind::String => cell == want,
    }
}

/// A service account's key with a private key that nobody else has, made once.
pub fn service_account_key() -> &'static str {
    static KEY: OnceLock<String> = OnceLock::new();
    KEY.get_or_init(|| {
        let made = Command::new("openssl")
            .args(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])
            .output()
            .expect("openssl is installed");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        json!({
            "type": "service_account",
            "project_id": "sync-test",
            "private_key_id": "0123456789abcdef",
            "private_key": String::from_utf8_lossy(&made.stdout),
            "client_email": "loader@sync-test.iam.gserviceaccount.com",
            "client_id": "1",
            "token_uri": "https://oauth2.googleapis.com/token",
        })
        .to_string()
    })
}

/// What `aws kms encrypt` prints for a value of at most 4 KiB.
fn encrypt(aws: &Aws, value: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let credentials =
        aws_sdk_kms::config::Credentials::new(&aws.access_key_id, &aws.secret_access_key, None, None, "test");
    let config = aws_sdk_kms::Config::builder()
        .behavior_version(aws_sdk_kms::config::BehaviorVersion::latest())
        .endpoint_url(&aws.endpoint)
        .region(aws_sdk_kms::config::Region::new(aws.region.clone()))
        .credentials_provider(credentials)
        .build();
    let client = aws_sdk_kms::Client::from_conf(config);
    let blob = aws_sdk_kms::primitives::Blob::new(value.as_bytes());
    let answer = runtime
        .block_on(client.encrypt().key_id(&aws.kms_key).plaintext(blob).send())
        .expect("the key encrypts");
    base64::engine::general_purpose::STANDARD.encode(answer.ciphertext_blob().expect("a ciphertext"))
}
