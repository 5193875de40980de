//! The sources, the bucket, the warehouse and the project of one test.

use crate::support::postgres::{PostgresDatabase, postgres_database};
use crate::support::sandbox::{Said, Sandbox};
use crate::support::servers::{self, Aws, MySqlServer, fresh_name};

use super::lists::{self, Engine, Table};
use super::source;

/// Everything that the night needs.
pub struct Estate {
    pub sandbox: Sandbox,
    pub tables: Vec<Table>,
    mysql: MySqlServer,
    /// Stands before the names of MySQL's databases.
    prefix: String,
    postgresql: PostgresDatabase,
    pub warehouse: PostgresDatabase,
    pub aws: Aws,
    parameters: Vec<String>,
}
