//! Options of `type: postgresql` and `type: mysql` as outputs, and what those share with `type: redshift`.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::embulk::config::TypeMapping;
use crate::embulk::input::SslMode;
use crate::embulk::text::Text;
use crate::embulk::zone::Zone;
use crate::secret::Secret;

/// Options of `type: postgresql`.
#[derive(Debug, Clone, PartialEq)]
pub struct PostgresqlOutput {
    /// Host name, address, or the directory of a Unix socket.
    pub host: Text,
    /// TCP port, 5432 when not written.
    pub port: u16,
    /// User.
    pub user: Text,
    /// Password; empty when not written.
    pub password: Secret,
    /// Database.
    pub database: Text,
    /// Schema of the table: `public` when not written.
    pub schema: Text,
    /// TLS. Embulk's `true` does not check the certificate.
    pub ssl: SslMode,
    /// How long connecting may take; zero is without limit.
    pub connect_timeout: Duration,
    /// How long the server may be silent; zero is without limit.
    pub socket_timeout: Duration,
    /// Properties of the driver that mean something here; values as text.
    pub options: BTreeMap<String, Text>,
    /// What rows go to and how.
    pub load: TableLoad,
}

/// Options of `type: mysql`.
#[derive(Debug, Clone, PartialEq)]
pub struct MysqlOutput {
    /// Host name or address.
    pub host: Text,
    /// TCP port, 3306 when not written.
    pub port: u16,
    /// User.
    pub user: Text,
    /// Password; empty when not written.
    pub password: Secret,
    /// Database (schema).
    pub database: Text,
    /// The database of staging tables: that of the table when not written.
    pub temp_database: Option<Text>,
    /// TLS.
    pub ssl: SslMode,
    /// How long connecting may take; zero is without limit.
    pub connect_timeout: Duration,
    /// How long the server may be silent; zero is without limit.
    pub socket_timeout: Duration,
    /// Properties of the driver that mean something here; values as text.
    pub options: BTreeMap<String, Text>,
    /// What rows go to and how.
    pub load: TableLoad,
}

/// What rows go to and how, for every database.
#[derive(Debug, Clone, PartialEq)]
pub struct TableLoad {
    /// Table name, unquoted.
    pub table: Text,
    /// What becomes of the rows that are there.
    pub mode: LoadMode,
    /// Types of columns whose type is neither written nor given by a table that is there.
    pub types: TypeMapping,
    /// Zone of timestamps whose column has none of its own.
    pub default_timezone: Zone,
    /// Options of named columns, in the order of the file.
    pub column_options: Vec<(String, SqlColumnOption)>,
    /// What stands after the columns in `CREATE TABLE`.
    pub create_table_constraint: Option<Text>,
    /// What stands at the end of `CREATE TABLE`.
    pub create_table_option: Option<Text>,
    /// The isolation of the transaction that publishes; none is the server's.
    pub isolation: Option<Isolation>,
    /// Runs in the transaction that publishes, before the rows come in.
    pub before_load: Option<Text>,
    /// Runs in the transaction that publishes, after the rows came in; after a table was swapped for another one, by
    /// itself.
    pub after_load: Option<Text>,
    /// A statement that takes rows ends with the page that brings it to so many bytes.
    pub batch_bytes: u64,
    /// What is done when another session was in the way.
    pub retries: Retries,
}

/// What becomes of the rows that are in the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadMode {
    /// They stay; new rows are staged and inserted together.
    Insert,
    /// They stay; new rows go straight into the target, in one transaction.
    InsertDirect,
    /// They are deleted.
    TruncateInsert,
    /// They go, and the table gets the columns of the source.
    Replace,
    /// Those with the key of a new row are updated.
    Merge {
        /// Columns of the key; empty: the primary key of the table. MySQL goes by every unique key of the table.
        keys: Vec<String>,
        /// Assignments such as `"n" = T."n" + S."n"` (T: the target, S: the new rows), for MySQL such as
        /// `n = n + VALUES(n)`; empty: every column.
        rule: Vec<String>,
    },
}

impl LoadMode {
    /// The word in the config.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::InsertDirect => "insert_direct",
            Self::TruncateInsert => "truncate_insert",
            Self::Replace => "replace",
            Self::Merge { .. } => "merge",
        }
    }

    /// Whether rows that are there before are gone afterwards.
    pub fn replaces(&self) -> bool {
        matches!(self, Self::Replace | Self::TruncateInsert)
    }
}

/// Isolation of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// `read_uncommitted`
    ReadUncommitted,
    /// `read_committed`
    ReadCommitted,
    /// `repeatable_read`
    RepeatableRead,
    /// `serializable`
    Serializable,
}

impl Isolation {
    /// Every name with its isolation.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("read_uncommitted", Self::ReadUncommitted),
        ("read_committed", Self::ReadCommitted),
        ("repeatable_read", Self::RepeatableRead),
        ("serializable", Self::Serializable),
    ];

    /// The words of SQL.
    pub fn sql(self) -> &'static str {
        match self {
            Self::ReadUncommitted => "READ UNCOMMITTED",
            Self::ReadCommitted => "READ COMMITTED",
            Self::RepeatableRead => "REPEATABLE READ",
            Self::Serializable => "SERIALIZABLE",
        }
    }
}

/// How often and after which pause something is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// Tries after the first.
    pub limit: u32,
    /// The first pause; each further one is twice as long.
    pub wait: Duration,
    /// The longest pause.
    pub longest: Duration,
}

/// What a database output is told about one column.
#[derive(Debug, Clone, PartialEq)]
pub struct SqlColumnOption {
    /// The type in `CREATE TABLE`, as SQL.
    pub sql_type: Option<String>,
    /// What the value is sent as.
    pub value_type: SentAs,
    /// Ruby's strftime, for timestamps that are sent as text.
    pub timestamp_format: Option<String>,
    /// Zone of timestamps.
    pub timezone: Option<Zone>,
    /// How a new column is compressed (`encode`, Redshift only), as SQL.
    pub encode: Option<String>,
}

impl SqlColumnOption {
    /// An option that says nothing.
    pub fn silent() -> Self {
        Self {
            sql_type: None,
            value_type: SentAs::Column,
            timestamp_format: None,
            timezone: None,
            encode: None,
        }
    }
}

/// `value_type`: what a value is sent as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SentAs {
    /// As the type of the column asks for.
    Column,
    /// A boolean.
    Boolean,
    /// A whole number.
    Integer,
    /// A float.
    Float,
    /// Decimal digits.
    Decimal,
    /// Text.
    Text,
    /// A date.
    Date,
    /// A time of day.
    Time,
    /// A timestamp.
    Timestamp,
    /// JSON.
    Json,
    /// Always NULL.
    Null,
}

impl SentAs {
    /// Every name with its meaning.
    pub const NAMES: [(&'static str, Self); 17] = [
        ("coerce", Self::Column),
        ("pass", Self::Column),
        ("byte", Self::Integer),
        ("short", Self::Integer),
        ("int", Self::Integer),
        ("long", Self::Integer),
        ("double", Self::Float),
        ("float", Self::Float),
        ("boolean", Self::Boolean),
        ("string", Self::Text),
        ("nstring", Self::Text),
        ("date", Self::Date),
        ("time", Self::Time),
        ("timestamp", Self::Timestamp),
        ("decimal", Self::Decimal),
        ("json", Self::Json),
        ("null", Self::Null),
    ];
}
