//! PostgreSQL as a target.

mod failures;
mod given;
mod modes;
mod once;
mod published;
mod types;

use std::collections::BTreeMap;
use std::time::Duration;

use sync::embulk::input::{InputConfig, SslMode};
use sync::embulk::output::{LoadMode, OutputConfig, PostgresqlOutput};
use sync::embulk::text::Text;
use sync::secret::Secret;
use sync::transfer::error::TransferError;
use sync::transfer::report::TransferReport;

use super::lab::{Lab, table_load};
use crate::support::postgres::{PostgresDatabase, postgres_database};

/// A folder and a database that rows go to.
struct Bench {
    lab: Lab,
    database: PostgresDatabase,
}

impl Bench {
    fn new() -> Option<Self> {
        Some(Self { database: postgres_database()?, lab: Lab::new() })
    }

    /// The options for table `t`.
    fn output(&self, mode: LoadMode) -> PostgresqlOutput {
        PostgresqlOutput {
            host: Text::plain(&self.database.host),
            port: self.database.port,
            user: Text::plain(&self.database.user),
            password: Secret::new(""),
            database: Text::plain(&self.database.name),
            schema: Text::plain("public"),
            ssl: SslMode::Disable,
            connect_timeout: Duration::from_secs(300),
            socket_timeout: Duration::from_secs(1800),
            options: BTreeMap::new(),
            load: table_load(mode),
        }
    }

    /// Runs a transfer that no attempt before has begun.
    fn load(&self, input: InputConfig, output: &PostgresqlOutput) -> Result<TransferReport, TransferError> {
        self.lab.effects.0.lock().unwrap().clear();
        self.again(input, output)
    }

    /// Runs a transfer as one more attempt.
    fn again(&self, input: InputConfig, output: &PostgresqlOutput) -> Result<TransferReport, TransferError> {
        self.lab.copy(input, OutputConfig::Postgresql(Box::new(output.clone())))
    }

    /// Loads what a SQLite query gives.
    fn sql(&self, sql: &str, output: &PostgresqlOutput) -> Result<TransferReport, TransferError> {
        self.load(self.rows_of(sql), output)
    }

    /// The rows of a query without a table.
    fn rows_of(&self, sql: &str) -> InputConfig {
        self.lab.rows_of(sql)
    }

    fn rows(&self, query: &str) -> Vec<String> {
        self.database.rows(query)
    }

    /// Names and types of the columns of `t`.
    fn columns(&self) -> Vec<String> {
        self.rows(
            "select attname, format_type(atttypid, atttypmod) from pg_attribute \
             where attrelid = 't'::regclass and attnum > 0 and not attisdropped order by attnum",
        )
    }

    /// Nothing staged is left once the session has ended, and no row of a publication.
    fn assert_tidy(&self) {
        self.database.await_row(
            "select 1 where not exists (select 1 from pg_class where relname like 'sync\\_%' and relkind = 'r')",
        );
        assert_eq!(self.rows("select count(*) from __sync_published"), ["0"]);
    }
}
