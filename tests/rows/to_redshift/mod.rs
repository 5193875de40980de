//! Redshift as a target, played by the stand-in.

mod copying;
mod failures;
mod formats;
mod locks;
mod looked;
mod modes;
mod once;
mod published;
mod replaced;
mod types;

use std::collections::BTreeMap;
use std::time::Duration;

use sync::embulk::input::{InputConfig, SslMode};
use sync::embulk::output::{
    CopyAccess, CopyFormat, LoadMode, OutputConfig, RedshiftOutput, Replacing, S3Access, S3Stage,
    SqlColumnOption, StagedObjects, TableLayout,
};
use sync::embulk::text::Text;
use sync::secret::Secret;
use sync::transfer::error::TransferError;
use sync::transfer::report::TransferReport;

use super::lab::{Lab, table_load};
use crate::support::redshift::{RedshiftDatabase, redshift_database};
use crate::support::s3;
use crate::support::servers::{Aws, aws, fresh_name};

/// A folder, a bucket and a database that rows go to.
struct Bench {
    lab: Lab,
    database: RedshiftDatabase,
    aws: Aws,
    /// What the keys of this bench begin with.
    prefix: String,
}

impl Bench {
    fn new() -> Option<Self> {
        let (aws, database) = (aws()?, redshift_database()?);
        Some(Self { lab: Lab::new(), database, aws, prefix: format!("{}/", fresh_name("redshift")) })
    }

    /// The options for table `t`.
    fn output(&self, mode: LoadMode) -> RedshiftOutput {
        RedshiftOutput {
            host: Text::plain(&self.database.host),
            port: self.database.port,
            user: Text::plain(&self.database.user),
            password: Secret::new(""),
            database: Text::plain(&self.database.name),
            schema: Text::plain("public"),
            temp_schema: None,
            ssl: SslMode::Disable,
            connect_timeout: Duration::from_secs(300),
            socket_timeout: Duration::from_secs(1800),
            options: BTreeMap::new(),
            load: table_load(mode),
            stage: S3Stage {
                bucket: Text::plain(&self.aws.bucket),
                prefix: Text::plain(&self.prefix),
                endpoint: Some(self.aws.endpoint.clone()),
                access: S3Access::Keys {
                    id: Secret::new(self.aws.access_key_id.as_str()),
                    key: Secret::new(self.aws.secret_access_key.as_str()),
                    token: None,
                },
                keeping: StagedObjects::Removed,
                uploads: 2,
                object_bytes: None,
            },
            copy_access: CopyAccess::Role(self.database.role.clone()),
            format: CopyFormat::Text,
            replacing: Replacing::Auto,
            lock_timeout: Duration::from_secs(60),
            layout: TableLayout::default(),
        }
    }

    /// Runs a transfer that no attempt before has begun.
    fn load(&self, input: InputConfig, output: &RedshiftOutput) -> Result<TransferReport, TransferError> {
        self.lab.effects.0.lock().unwrap().clear();
        self.again(input, output)
    }

    /// Runs a transfer as one more attempt.
    fn again(&self, input: InputConfig, output: &RedshiftOutput) -> Result<TransferReport, TransferError> {
        self.lab.copy(input, OutputConfig::Redshift(Box::new(output.clone())))
    }

    /// Loads what a SQLite query gives.
    fn sql(&self, sql: &str, output: &RedshiftOutput) -> Result<TransferReport, TransferError> {
        self.load(self.lab.rows_of(sql), output)
    }

    fn rows(&self, query: &str) -> Vec<String> {
        self.database.rows(query)
    }

    /// Names and types of the columns of `t`.
    fn columns(&self) -> Vec<String> {
        self.rows("select \"column\", type from pg_table_def where tablename = 't'")
    }

    /// What was said in the log.
    fn said(&self) -> String {
        self.lab.heard.lines.lock().unwrap().join("\n")
    }

    /// The keys that are in the bucket.
    fn keys(&self) -> Vec<String> {
        s3::objects(&self.aws, &self.prefix).into_keys().collect()
    }

    /// Nothing staged is left, neither tables nor objects, and no row of a publication.
    fn assert_tidy(&self) {
        assert_eq!(
            self.rows("select relname from pg_class where relname like 'sync\\\\_%' and relkind = 'r'"),
            [""; 0]
        );
        assert_eq!(self.keys(), [""; 0]);
        if !self.rows("select 1 from pg_class where relname = '__sync_published'").is_empty() {
            assert_eq!(self.rows("select count(*) from __sync_published"), ["0"]);
        }
    }
}

fn option(sql_type: &str) -> SqlColumnOption {
    SqlColumnOption { sql_type: Some(sql_type.to_owned()), ..SqlColumnOption::silent() }
}
