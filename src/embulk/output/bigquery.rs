//! Options of `type: bigquery`.

use std::time::Duration;

use serde_json::Value;

use crate::embulk::config::TypeMapping;
use crate::embulk::text::Text;
use crate::embulk::zone::Zone;

use super::bigquery_files::{Compression, FormatChoice, LocalFiles, ReadyFiles, SourceFormat, TextEncoding};
use crate::secret::Secret;

/// Options of `type: bigquery`.
#[derive(Debug, Clone, PartialEq)]
pub struct BigqueryOutput {
    /// What happens with rows that are there.
    pub mode: WriteMode,
    /// Who asks.
    pub auth: Auth,
    /// Project of the jobs: `project`, else the key's `project_id`.
    pub project: Text,
    /// Project of the table: `destination_project`, else `project`.
    pub destination_project: Text,
    /// Dataset.
    pub dataset: Text,
    /// Table, as written: every `%` in it is a directive of Ruby's strftime over the start time in the zone of the
    /// process, and `$` starts a partition decorator.
    pub table: Text,
    /// Location of jobs, of a new dataset and of a new bucket.
    pub location: Option<String>,
    /// `auto_create_dataset`
    pub dataset_creation: Creation,
    /// Description of a table that is created.
    pub description: Option<String>,
    /// What the staged data is written as.
    pub source_format: SourceFormat,
    /// Whether `source_format` stands in the file.
    pub format_choice: FormatChoice,
    /// Between the fields of CSV.
    pub field_delimiter: char,
    /// How files that are loaded as they are hold their text (`skip_file_generation`). What is written here is UTF-8.
    pub encoding: TextEncoding,
    /// How the staged data is compressed.
    pub compression: Compression,
    /// Where data is staged; none: the upload endpoint of BigQuery.
    pub gcs: Option<GcsStaging>,
    /// Options of columns in the order of the file; entries of columns that do not exist are ignored, names are
    /// case-sensitive.
    pub column_options: Vec<BigqueryColumnOption>,
    /// Types of columns without one in `column_options`.
    pub types: TypeMapping,
    /// Whose conversions of values count.
    pub conversions: Conversions,
    /// The zone of conversions, where a column has none of its own.
    pub default_timezone: Zone,
    /// Ruby's strftime for timestamps that become texts.
    pub default_timestamp_format: String,
    /// `time_partitioning` or `range_partitioning`.
    pub partitioning: Option<Partitioning>,
    /// `clustering: {fields}`; empty: none.
    pub clustering: Vec<String>,
    /// How many bad rows a load job takes.
    pub max_bad_records: u32,
    /// What a difference of row counts means.
    pub count_check: CountCheck,
    /// `ignore_unknown_values`
    pub unknown_values: UnknownValues,
    /// `schema_update_options`
    pub schema_updates: Vec<SchemaUpdate>,
    /// `schema_file` or `template_table`.
    pub given_schema: Option<GivenSchema>,
    /// `payload_column` or `payload_column_index`.
    pub payload: Option<Payload>,
    /// `before_load`: SQL that runs once the rows are staged and before they are added (`append` only).
    pub before_load: Option<String>,
    /// `temporary_table_expiration`: how long a staging table lives that nobody removed.
    pub staging_life: Option<Duration>,
    /// `skip_load: true`: only the files are made.
    pub local: Option<LocalFiles>,
    /// `delete_from_local_when_job_end: false`: what is sent is kept in files, too.
    pub kept: Option<LocalFiles>,
    /// `skip_file_generation: true`: files that are there are loaded, and no rows.
    pub ready: Option<ReadyFiles>,
    /// `progress_log_interval`: how often the log says how many rows were written.
    pub progress_interval: Option<Duration>,
    /// `with_rehearsal`: after so many rows they are loaded into a table of their own, to see whether they can be.
    pub rehearsal: Option<u64>,
    /// Seconds between two looks at a job.
    pub polling_interval: Duration,
    /// How long a job may take.
    pub max_polling_time: Duration,
    /// How often a request or a job is tried again.
    pub retries: u32,
    /// Time-outs of requests.
    pub timeouts: Timeouts,
    /// User agent.
    pub application_name: String,
}

/// The plugin whose conversions of values count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conversions {
    /// `bigquery`: Ruby's `Integer()`, `strptime` and so on.
    Ruby,
    /// `bigquery_java`
    Java,
}

/// What happens with rows that are in the target.
#[derive(Debug, Clone, PartialEq)]
pub enum WriteMode {
    /// They stay; new ones are added in one step.
    Append,
    /// They stay; the load job itself adds new ones, whatever it leaves out.
    AppendDirect {
        /// `auto_create_table`: whether a table that is not there is made.
        creation: Creation,
    },
    /// New ones take their place in one step.
    Replace,
    /// The same, once the table as it was is copied to another.
    ReplaceBackup {
        /// `dataset_old`, else that of the table.
        dataset: Text,
        /// `table_old`, else the table's name, as written.
        table: Text,
    },
    /// The table is deleted and made anew.
    DeleteInAdvance,
    /// Rows of the same key are updated, others are added.
    Merge {
        /// `merge_keys`; empty: the primary key of the table.
        keys: Vec<String>,
        /// `merge_rule`: what is set where a row is there already; empty: every column.
        rule: Vec<String>,
    },
}

impl WriteMode {
    /// Whether rows that are there before are gone afterwards, so that doing it once more changes nothing.
    pub fn replaces(&self) -> bool {
        matches!(self, Self::Replace | Self::ReplaceBackup { .. } | Self::DeleteInAdvance)
    }

    /// The word in the config.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::AppendDirect { .. } => "append_direct",
            Self::Replace => "replace",
            Self::ReplaceBackup { .. } => "replace_backup",
            Self::DeleteInAdvance => "delete_in_advance",
            Self::Merge { .. } => "merge",
        }
    }

    /// Whether it is `merge`.
    pub fn is_merge(&self) -> bool {
        matches!(self, Self::Merge { .. })
    }
}

/// The fields of the target, where they are not those of the rows.
#[derive(Debug, Clone, PartialEq)]
pub enum GivenSchema {
    /// `schema_file`: its fields, as BigQuery's API takes them.
    File(Vec<Value>),
    /// `template_table`: those of a table in the same dataset.
    Template(String),
}

/// `payload_column`, `payload_column_index`: the one column whose text is a whole line of the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// By its name.
    Name(String),
    /// By its place, from 0.
    Index(usize),
}

impl Payload {
    /// Whether a column is the one, by its place and name.
    pub fn is(&self, at: usize, name: &str) -> bool {
        match self {
            Self::Name(wanted) => wanted == name,
            Self::Index(wanted) => *wanted == at,
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Auth {
    /// A service account's key (`json_key`).
    ServiceAccount(Keyfile),
    /// A person's refresh token.
    AuthorizedUser(Keyfile),
    /// The account of the machine.
    ComputeEngine,
    /// What the Google libraries find.
    ApplicationDefault,
    /// Workload identity federation as its configuration says.
    Federation(Keyfile),
    /// The same for AWS as its own libraries find it.
    AwsFederation(AwsFederation),
}

/// `workload_identity_federation`: AWS says who we are, and Google believes it.
#[derive(Debug, Clone, PartialEq)]
pub struct AwsFederation {
    /// `config`: where Google exchanges tokens, and for which account.
    pub config: Keyfile,
    /// `aws_role_arn`: the role that is assumed first.
    pub role_arn: Option<String>,
    /// `aws_role_session_name`
    pub session_name: String,
    /// `aws_region`
    pub region: String,
}

/// What a key in JSON is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// `service_account`
    ServiceAccount,
    /// `authorized_user`
    AuthorizedUser,
    /// `external_account`
    Federation,
}

impl KeyKind {
    /// Its `type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::ServiceAccount => "service_account",
            Self::AuthorizedUser => "authorized_user",
            Self::Federation => "external_account",
        }
    }
}

/// A key in JSON, parsed and found whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Keyfile {
    /// What it is for.
    pub kind: KeyKind,
    /// The whole JSON text, as the auth library takes it.
    pub content: Secret,
    /// Its `project_id`.
    pub project_id: Option<String>,
}

/// Whether something missing is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    /// It must be there.
    Never,
    /// It is made when it is not there.
    IfMissing,
}

/// The bucket that data is staged in.
#[derive(Debug, Clone, PartialEq)]
pub struct GcsStaging {
    /// Its name.
    pub bucket: Text,
    /// `auto_create_gcs_bucket`
    pub creation: Creation,
}

/// What the config says about one column of the target.
#[derive(Debug, Clone, PartialEq)]
pub struct BigqueryColumnOption {
    /// Name of the column.
    pub name: String,
    /// Type of the field; none: by the column's own type.
    pub field_type: Option<FieldType>,
    /// Mode of the field.
    pub mode: FieldMode,
    /// Fields of a RECORD, as BigQuery's API takes them.
    pub fields: Vec<Value>,
    /// Description of the field.
    pub description: Option<String>,
    /// Ruby's strftime or strptime, by the conversion.
    pub timestamp_format: Option<String>,
    /// Zone of the conversion.
    pub timezone: Option<Zone>,
    /// What a value that cannot be converted means.
    pub conversion: Conversion,
    /// `scale` (`bigquery_java`): how many digits after the point a NUMERIC keeps; none: all.
    pub scale: Option<u8>,
}

/// Types of BigQuery fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldType {
    /// True or false.
    Boolean,
    /// 64-bit integer.
    Integer,
    /// Double.
    Float,
    /// Text.
    String,
    /// A point in time.
    Timestamp,
    /// A date.
    Date,
    /// A date and time without zone.
    Datetime,
    /// A time of day.
    Time,
    /// A JSON object with declared fields.
    Record,
    /// JSON.
    Json,
    /// Decimal, 38 digits, 9 of them after the point.
    Numeric,
    /// Decimal, 76 digits, 38 of them after the point.
    Bignumeric,
    /// Bytes, base64 in JSON and CSV.
    Bytes,
    /// Points, lines and areas, as WKT or GeoJSON.
    Geography,
}

impl FieldType {
    /// Every name with its type; the first name of a type is the one of the API.
    pub const NAMES: [(&'static str, Self); 18] = [
        ("BOOLEAN", Self::Boolean),
        ("INTEGER", Self::Integer),
        ("FLOAT", Self::Float),
        ("STRING", Self::String),
        ("TIMESTAMP", Self::Timestamp),
        ("DATE", Self::Date),
        ("DATETIME", Self::Datetime),
        ("TIME", Self::Time),
        ("RECORD", Self::Record),
        ("JSON", Self::Json),
        ("NUMERIC", Self::Numeric),
        ("BIGNUMERIC", Self::Bignumeric),
        ("BYTES", Self::Bytes),
        ("GEOGRAPHY", Self::Geography),
        ("BOOL", Self::Boolean),
        ("INT64", Self::Integer),
        ("FLOAT64", Self::Float),
        ("STRUCT", Self::Record),
    ];

    /// The name in BigQuery's API.
    pub fn api_name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, known)| *known == self).map_or("STRING", |(name, _)| name)
    }
}

/// Modes of BigQuery fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldMode {
    /// May be null.
    Nullable,
    /// May not be null.
    Required,
    /// A list.
    Repeated,
}

impl FieldMode {
    /// Every name with its mode.
    pub const NAMES: [(&'static str, Self); 3] =
        [("NULLABLE", Self::Nullable), ("REQUIRED", Self::Required), ("REPEATED", Self::Repeated)];

    /// The name in BigQuery's API.
    pub fn api_name(self) -> &'static str {
        match self {
            Self::Nullable => "NULLABLE",
            Self::Required => "REQUIRED",
            Self::Repeated => "REPEATED",
        }
    }
}

/// `strict`: what a value that cannot be converted means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conversion {
    /// The transfer fails.
    Strict,
    /// It becomes null.
    NullOnFailure,
}

/// How a table that is created is partitioned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Partitioning {
    /// `time_partitioning`
    Time {
        /// Width of a partition.
        unit: TimeUnit,
        /// How long a partition lives, in milliseconds.
        expiration_ms: Option<i64>,
        /// The column; none: the time of the load.
        field: Option<String>,
    },
    /// `range_partitioning`
    Range {
        /// The column.
        field: String,
        /// First value.
        start: i64,
        /// One past the last value.
        end: i64,
        /// Width of a partition.
        interval: i64,
    },
}

/// Width of a time partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    /// `HOUR`
    Hour,
    /// `DAY`
    Day,
    /// `MONTH`
    Month,
    /// `YEAR`
    Year,
}

impl TimeUnit {
    /// Every name with its unit.
    pub const NAMES: [(&'static str, Self); 4] =
        [("HOUR", Self::Hour), ("DAY", Self::Day), ("MONTH", Self::Month), ("YEAR", Self::Year)];

    /// The name in BigQuery's API.
    pub fn api_name(self) -> &'static str {
        match self {
            Self::Hour => "HOUR",
            Self::Day => "DAY",
            Self::Month => "MONTH",
            Self::Year => "YEAR",
        }
    }
}

/// `abort_on_error`: what a difference between rows sent and rows loaded means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountCheck {
    /// The transfer fails.
    Fail,
    /// A note in the report.
    Note,
}

/// Values in the data that the schema does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownValues {
    /// Are bad rows.
    Refuse,
    /// Are dropped.
    Ignore,
}

/// What an append may change in the target's schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaUpdate {
    /// `ALLOW_FIELD_ADDITION`
    FieldAddition,
    /// `ALLOW_FIELD_RELAXATION`
    FieldRelaxation,
}

impl SchemaUpdate {
    /// Every name with its change.
    pub const NAMES: [(&'static str, Self); 2] =
        [("ALLOW_FIELD_ADDITION", Self::FieldAddition), ("ALLOW_FIELD_RELAXATION", Self::FieldRelaxation)];

    /// The name in BigQuery's API.
    pub fn api_name(self) -> &'static str {
        match self {
            Self::FieldAddition => "ALLOW_FIELD_ADDITION",
            Self::FieldRelaxation => "ALLOW_FIELD_RELAXATION",
        }
    }
}

/// Time-outs of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until a connection stands.
    pub open: Duration,
    /// Without progress while sending.
    pub send: Duration,
    /// Without progress while reading an answer.
    pub read: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_types_have_their_api_names() {
        assert_eq!(FieldType::Integer.api_name(), "INTEGER");
        assert_eq!(FieldType::Record.api_name(), "RECORD");
    }
}
