//! PostgreSQL as a target.

mod failures;
mod modes;
mod once;
mod published;
mod types;

use std::collections::BTreeMap;
use std::time::Duration;

use sync::embulk::config::{EmbulkConfig, ExecConfig, TypeMapping};
use sync::embulk::input::{InputConfig, SslMode};
use sync::embulk::output::{LoadMode, OutputConfig, PostgresqlOutput, Retries, TableLoad};
use sync::embulk::text::Text;
use sync::embulk::zone::Zone;
use sync::secret::Secret;
use sync::transfer::error::TransferError;
use sync::transfer::report::TransferReport;

use super::lab::{Lab, query, sqlite};
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
            load: TableLoad {
                table: Text::plain("t"),
                mode,
                types: TypeMapping::Embulk,
                default_timezone: Zone::utc(),
                column_options: Vec::new(),
                create_table_constraint: None,
                create_table_option: None,
                isolation: None,
                before_load: None,
                after_load: None,
                batch_bytes: 16 << 20,
                retries: Retries {
                    limit: 12,
                    wait: Duration::from_millis(10),
                    longest: Duration::from_millis(50),
                },
            },
        }
    }

    /// Runs a transfer that no attempt before has begun.
    fn load(&self, input: InputConfig, output: &PostgresqlOutput) -> Result<TransferReport, TransferError> {
        self.lab.effects.0.lock().unwrap().clear();
        self.again(input, output)
    }

    /// Runs a transfer as one more attempt.
    fn again(&self, input: InputConfig, output: &PostgresqlOutput) -> Result<TransferReport, TransferError> {
        self.lab.run(&EmbulkConfig {
            input,
            filters: Vec::new(),
            output: OutputConfig::Postgresql(Box::new(output.clone())),
            exec: ExecConfig::default(),
        })
    }

    /// Loads what a SQLite query gives.
    fn sql(&self, sql: &str, output: &PostgresqlOutput) -> Result<TransferReport, TransferError> {
        self.load(self.rows_of(sql), output)
    }

    /// The rows of a query without a table.
    fn rows_of(&self, sql: &str) -> InputConfig {
        std::fs::File::create(self.lab.path("empty.db")).unwrap();
        InputConfig::Sqlite(sqlite("empty.db", query(sql)))
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
