//! The options of `in:`, per `type:`.

mod file;
mod s3;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::config::EmbulkType;
use super::text::Text;
use super::zone::Zone;
use crate::secret::Secret;

pub use file::*;
pub use s3::*;

/// Where rows come from.
#[derive(Debug, Clone, PartialEq)]
pub enum InputConfig {
    /// `type: mysql`: MySQL, MariaDB, Aurora.
    Mysql(MysqlInput),
    /// `type: postgresql`: PostgreSQL and what speaks its wire.
    Postgresql(PostgresqlInput),
    /// `type: sqlite`: a SQLite file.
    Sqlite(SqliteInput),
    /// `type: file`: files of this machine.
    File(Box<FileInput>),
    /// `type: s3`: objects of a bucket.
    S3(Box<S3Input>),
}

impl InputConfig {
    /// Which rows are read, where that is not all of them.
    pub fn incremental(&self) -> Option<&Incremental> {
        match self {
            Self::Mysql(input) => input.incremental.as_ref(),
            Self::Postgresql(input) => input.incremental.as_ref(),
            Self::Sqlite(_) | Self::File(_) | Self::S3(_) => None,
        }
    }

    /// What is said of columns by their names, where the source is a database.
    pub fn column_options(&self) -> &[(String, ColumnOption)] {
        match self {
            Self::Mysql(input) => &input.column_options,
            Self::Postgresql(input) => &input.column_options,
            Self::Sqlite(input) => &input.column_options,
            Self::File(_) | Self::S3(_) => &[],
        }
    }
}

/// As people know it: `mysql shop.orders`, `sqlite shop.db orders`, `file data/orders_`, `s3 bucket/orders_`; secrets
/// are not shown.
impl fmt::Display for InputConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, database, between, selection) = match self {
            Self::Mysql(input) => ("mysql", &input.database, ".", &input.selection),
            Self::Postgresql(input) => ("postgresql", &input.database, ".", &input.selection),
            Self::Sqlite(input) => ("sqlite", &input.database, " ", &input.selection),
            Self::File(input) => return write!(f, "file {}", input.path_prefix.shown()),
            Self::S3(input) => {
                let (S3Objects::One(path) | S3Objects::Prefix { prefix: path, .. }) = &input.objects;
                return write!(f, "s3 {}/{}", input.bucket.shown(), path.shown());
            }
        };
        match selection {
            Selection::Table { table, .. } => {
                write!(f, "{kind} {}{between}{}", database.shown(), table.shown())
            }
            Selection::Query(_) => write!(f, "{kind} {} (query)", database.shown()),
        }
    }
}

/// Options of `type: mysql`.
#[derive(Debug, Clone, PartialEq)]
pub struct MysqlInput {
    /// Host name, address, or the path of a Unix socket.
    pub host: Text,
    /// TCP port, 3306 when not written.
    pub port: u16,
    /// User.
    pub user: Text,
    /// Password; empty when not written.
    pub password: Secret,
    /// What is shown beside the user's name.
    pub auth: DatabaseAuth,
    /// Database (schema).
    pub database: Text,
    /// TLS.
    pub ssl: SslMode,
    /// What is read.
    pub selection: Selection,
    /// What its rows have in common in time; none: what holds for the run.
    pub snapshot: Option<Snapshot>,
    /// Which of its rows.
    pub incremental: Option<Incremental>,
    /// Rows a fetch asks for. Embulk reads over a server-side cursor above 1 and over the text protocol at 1, which
    /// changes how TIME columns come out; rows are otherwise the same.
    pub fetch_rows: i64,
    /// How long connecting may take; zero is without limit.
    pub connect_timeout: Duration,
    /// How long the server may be silent; zero is without limit.
    pub socket_timeout: Duration,
    /// The zone in which dates and times are written into texts (`type: string`).
    pub default_timezone: Zone,
    /// Which zone DATETIME and TIMESTAMP are read in.
    pub datetime_code: DatetimeCode,
    /// Options of named columns, in the order of the file.
    pub column_options: Vec<(String, ColumnOption)>,
    /// Options of columns by their JDBC type name (`TIMESTAMP`, `BIGINT`, `BIT`), used where a column has none of
    /// its own.
    pub default_column_options: Vec<(String, ColumnOption)>,
    /// Statements around the read.
    pub statements: Statements,
    /// Properties of the driver that mean something here (see the `options` of the README); values as text.
    pub options: BTreeMap<String, Text>,
}

/// Options of `type: postgresql`.
#[derive(Debug, Clone, PartialEq)]
pub struct PostgresqlInput {
    /// Host name, address, or the directory of a Unix socket.
    pub host: Text,
    /// TCP port, 5432 when not written.
    pub port: u16,
    /// User.
    pub user: Text,
    /// Password; empty when not written.
    pub password: Secret,
    /// What is shown beside the user's name.
    pub auth: DatabaseAuth,
    /// Database.
    pub database: Text,
    /// The schema in which names without one are looked up.
    pub schema: Text,
    /// TLS. Embulk's `true` does not check the certificate.
    pub ssl: SslMode,
    /// What the server shows of this connection in its list of sessions.
    pub application_name: Text,
    /// How long a statement may run on the server; none is without limit.
    pub statement_timeout: Option<Duration>,
    /// What is read.
    pub selection: Selection,
    /// What its rows have in common in time; none: what holds for the run.
    pub snapshot: Option<Snapshot>,
    /// Which of its rows.
    pub incremental: Option<Incremental>,
    /// How long connecting may take; zero is without limit.
    pub connect_timeout: Duration,
    /// How long the server may be silent; zero is without limit.
    pub socket_timeout: Duration,
    /// The zone in which dates and times are written into texts (`type: string`).
    pub default_timezone: Zone,
    /// Options of named columns, in the order of the file.
    pub column_options: Vec<(String, ColumnOption)>,
    /// Options of columns by JDBC type name, used where a column has none of its own.
    pub default_column_options: Vec<(String, ColumnOption)>,
    /// Statements around the read.
    pub statements: Statements,
    /// Properties of the driver that mean something here; values as text.
    pub options: BTreeMap<String, Text>,
}

/// Options of `type: sqlite`.
#[derive(Debug, Clone, PartialEq)]
pub struct SqliteInput {
    /// The database file, relative to the working directory of the transfer.
    pub database: Text,
    /// What is read.
    pub selection: Selection,
    /// The zone in which dates and times are written into texts (`type: string`).
    pub default_timezone: Zone,
    /// Options of named columns, in the order of the file.
    pub column_options: Vec<(String, ColumnOption)>,
    /// Options of columns by JDBC type name, used where a column has none of its own.
    pub default_column_options: Vec<(String, ColumnOption)>,
    /// Statements around the read.
    pub statements: Statements,
}

/// `snapshot:` of `in:`, which is ours: what rows have in common in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Snapshot {
    /// All rows of a table are those of one moment. No lock is taken for it.
    PerTable,
    /// All tables of a source that are read with this are those of one moment, even if it takes a lock to find one.
    Consistent,
    /// Ranges of a large table may be those of different moments.
    None,
}

/// What is read of a database. The parts are SQL as written, not escaped.
#[derive(Debug, Clone, PartialEq)]
pub enum Selection {
    /// `SELECT select FROM table [WHERE ..] [ORDER BY ..]`.
    Table {
        /// Table name, unquoted.
        table: Text,
        /// `*` when not written.
        select: Text,
        /// Without the word WHERE.
        where_clause: Option<Text>,
        /// Without the words ORDER BY.
        order_by: Option<Text>,
    },
    /// A query, verbatim.
    Query(Text),
}

/// `incremental: true`: only rows beyond the last record, in the order of these columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Incremental {
    /// `incremental_columns`; empty: the primary key of the table.
    pub columns: Vec<String>,
    /// `last_record`: values of those columns; empty: from the first row on.
    pub last_record: Vec<LastValue>,
}

/// One value of a last record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LastValue {
    /// A whole number.
    Integer(i128),
    /// A text, or a point in time as `2015-06-04T12:34:56.000000`, in UTC where it ends in `Z`.
    Text(String),
}

impl LastValue {
    /// As it stands in a config diff.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Integer(value) => match (i64::try_from(*value), u64::try_from(*value)) {
                (Ok(value), _) => value.into(),
                (_, Ok(value)) => value.into(),
                _ => value.to_string().into(),
            },
            Self::Text(text) => text.as_str().into(),
        }
    }
}

/// Statements around the read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Statements {
    /// Once, before the columns are looked up; may create the table.
    pub before_setup: Option<Text>,
    /// In the connection of the read, before the SELECT.
    pub before_select: Option<Text>,
    /// In the connection of the read, after the last row; then commit.
    pub after_select: Option<Text>,
}

/// `auth_method`: what a database is shown beside the user's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseAuth {
    /// The password of the config.
    Password,
    /// A token of AWS IAM for RDS and Aurora, made anew for each connection.
    Iam {
        /// None: the region in the name of the host, else the one that the AWS SDK finds.
        region: Option<String>,
    },
}

/// How the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    /// Not at all.
    Disable,
    /// Encrypted, the certificate is not checked.
    Enable,
    /// Encrypted, the certificate is checked.
    Verify,
}

/// `use_legacy_datetime_code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatetimeCode {
    /// DATETIME and TIMESTAMP are read in the server's zone.
    ServerZone,
    /// They are read in the zone of the process.
    ProcessZone,
}

/// What the config says about one column.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnOption {
    /// As what the value is fetched.
    pub value_type: ValueType,
    /// Embulk's type of the column, when it is not the one that follows from `value_type`.
    pub column_type: Option<EmbulkType>,
    /// Ruby's strftime, for `type: string` of dates and times. Without it Embulk writes `%Y-%m-%d` for all of them.
    pub timestamp_format: Option<String>,
    /// The zone for that format.
    pub timezone: Option<Zone>,
}

/// As what a value is fetched (the JDBC getter).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueType {
    /// By the column's own type.
    Coalesce,
    /// A 64-bit integer.
    Long,
    /// A float widened to a double.
    Float,
    /// A double.
    Double,
    /// True or false.
    Boolean,
    /// The server's own text.
    String,
    /// JSON.
    Json,
    /// A date.
    Date,
    /// A time of day.
    Time,
    /// A date with a time.
    Timestamp,
    /// An exact decimal.
    Decimal,
}

impl ValueType {
    /// Every name with its type.
    pub const NAMES: [(&'static str, Self); 11] = [
        ("coalesce", Self::Coalesce),
        ("long", Self::Long),
        ("float", Self::Float),
        ("double", Self::Double),
        ("boolean", Self::Boolean),
        ("string", Self::String),
        ("json", Self::Json),
        ("date", Self::Date),
        ("time", Self::Time),
        ("timestamp", Self::Timestamp),
        ("decimal", Self::Decimal),
    ];
}
