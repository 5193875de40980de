//! MySQL and MariaDB as targets.

mod failures;
mod given;
mod modes;
mod once;
mod published;
mod replaced;
mod types;

use std::collections::BTreeMap;
use std::time::Duration;

use sync::embulk::input::{InputConfig, SslMode};
use sync::embulk::output::{LoadMode, MysqlOutput, OutputConfig, SqlColumnOption};
use sync::embulk::text::Text;
use sync::secret::Secret;
use sync::transfer::error::TransferError;
use sync::transfer::report::TransferReport;

use super::lab::{Lab, table_load};
use crate::support::servers::{MySqlDatabase, MySqlServer, mysql_sources};

/// A folder and a database that rows go to.
struct Bench {
    lab: Lab,
    database: MySqlDatabase,
}

/// One on every server that runs.
fn benches() -> impl Iterator<Item = Bench> {
    mysql_sources().into_iter().map(|server| Bench::on(&server))
}

impl Bench {
    fn on(server: &MySqlServer) -> Self {
        Self { database: server.fresh_database(), lab: Lab::new() }
    }

    /// The options for table `t`.
    fn output(&self, mode: LoadMode) -> MysqlOutput {
        MysqlOutput {
            host: Text::plain(&self.database.server.host),
            port: self.database.server.port,
            user: Text::plain(&self.database.server.user),
            password: Secret::new(self.database.server.password.as_str()),
            database: Text::plain(&self.database.name),
            temp_database: None,
            ssl: SslMode::Disable,
            connect_timeout: Duration::from_secs(300),
            socket_timeout: Duration::from_secs(1800),
            options: BTreeMap::new(),
            load: table_load(mode),
        }
    }

    /// Runs a transfer that no attempt before has begun.
    fn load(&self, input: InputConfig, output: &MysqlOutput) -> Result<TransferReport, TransferError> {
        self.lab.effects.0.lock().unwrap().clear();
        self.again(input, output)
    }

    /// Runs a transfer as one more attempt.
    fn again(&self, input: InputConfig, output: &MysqlOutput) -> Result<TransferReport, TransferError> {
        self.lab.copy(input, OutputConfig::Mysql(Box::new(output.clone())))
    }

    /// Loads what a SQLite query gives.
    fn sql(&self, sql: &str, output: &MysqlOutput) -> Result<TransferReport, TransferError> {
        self.load(self.rows_of(sql), output)
    }

    /// The rows of a query without a table.
    fn rows_of(&self, sql: &str) -> InputConfig {
        self.lab.rows_of(sql)
    }

    /// The rows of a query, `-` for NULL.
    fn rows(&self, query: &str) -> Vec<String> {
        let text = |row: Vec<Option<String>>| {
            row.into_iter().map(|cell| cell.unwrap_or_else(|| "-".to_owned())).collect::<Vec<_>>().join("|")
        };
        self.database.rows(query).into_iter().map(text).collect()
    }

    /// Names and types of the columns of `t`, without what MariaDB shows of the width of integers.
    fn columns(&self) -> Vec<String> {
        let columns = self.rows(
            "select column_name, column_type from information_schema.columns \
             where table_schema = database() and table_name = 't' order by ordinal_position",
        );
        let narrow = |column: String| match column.split_once("int(") {
            Some((start, rest)) if !start.ends_with("tiny") => {
                format!("{start}int{}", rest.split_once(')').unwrap().1)
            }
            _ => column.replace("year(4)", "year"),
        };
        columns.into_iter().map(narrow).collect()
    }

    /// Looks until a query gives a row. Two minutes without are a failure.
    fn await_row(&self, query: &str) {
        let begun = std::time::Instant::now();
        while self.rows(query).is_empty() {
            assert!(begun.elapsed().as_secs() < 120, "no row: {query}");
            self.rows("select sleep(0.02)");
        }
    }

    /// Waits until a statement that begins so waits for somebody else.
    fn await_wait(&self, statement: &str) {
        self.await_row(&format!(
            "select 1 from information_schema.processlist where db = database() and id <> connection_id() \
             and state like 'Waiting for table %' and info like '{statement}%'",
        ));
    }

    /// What was said, in one text.
    fn said(&self) -> String {
        self.lab.heard.lines.lock().unwrap().join("\n")
    }

    /// Nothing staged is left, and no row of a publication.
    fn assert_tidy(&self) {
        let left = "select table_name from information_schema.tables \
                    where table_schema = database() and table_name like 'sync\\_%'";
        assert_eq!(self.rows(left), [""; 0]);
        let status = "select 1 from information_schema.tables \
                      where table_schema = database() and table_name = '__sync_published'";
        if !self.rows(status).is_empty() {
            assert_eq!(self.rows("select count(*) from __sync_published"), ["0"]);
        }
    }
}

fn option(sql_type: &str) -> SqlColumnOption {
    SqlColumnOption { sql_type: Some(sql_type.to_owned()), ..SqlColumnOption::silent() }
}

fn merge(rule: &[&str]) -> LoadMode {
    LoadMode::Merge { keys: Vec::new(), rule: rule.iter().map(|text| (*text).to_owned()).collect() }
}
