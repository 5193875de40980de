//! Options of `type: redshift`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{S3Access, TableLoad};
use crate::embulk::input::SslMode;
use crate::embulk::text::Text;
use crate::secret::Secret;

/// Options of `type: redshift`.
#[derive(Debug, Clone, PartialEq)]
pub struct RedshiftOutput {
    /// Host name or address.
    pub host: Text,
    /// TCP port, 5439 when not written.
    pub port: u16,
    /// User.
    pub user: Text,
    /// Password; empty when not written.
    pub password: Secret,
    /// Database.
    pub database: Text,
    /// Schema of the table: `public` when not written.
    pub schema: Text,
    /// Schema of the staging table; none: that of the table, as always with `mode: replace`.
    pub temp_schema: Option<Text>,
    /// TLS. Embulk's `enable` does not check the certificate.
    pub ssl: SslMode,
    /// How long connecting may take; zero is without limit.
    pub connect_timeout: Duration,
    /// How long the server may be silent; zero is without limit.
    pub socket_timeout: Duration,
    /// Properties of the driver that mean something here; values as text.
    pub options: BTreeMap<String, Text>,
    /// What rows go to and how.
    pub load: TableLoad,
    /// Where rows lie while they are loaded.
    pub stage: S3Stage,
    /// By whose right Redshift reads them there.
    pub copy_access: CopyAccess,
    /// What the staged objects are.
    pub format: CopyFormat,
    /// How `mode: replace` makes room (`replace_by`, of this program).
    pub replacing: Replacing,
    /// How long the step that swaps tables waits for who uses the table, before it lets them through and is tried
    /// again (`lock_timeout`, of this program).
    pub lock_timeout: Duration,
    /// How the rows of a table lie in the cluster.
    pub layout: TableLayout,
}

/// Where rows lie while they are loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct S3Stage {
    /// `s3_bucket`
    pub bucket: Text,
    /// `s3_key_prefix`, with a slash at its end unless it is empty.
    pub prefix: Text,
    /// `s3_endpoint` (of this program): a server other than AWS's, or one in a network of one's own.
    pub endpoint: Option<String>,
    /// `aws_auth_method` and what belongs to it: who writes and removes the objects.
    pub access: S3Access,
    /// What becomes of the objects once they are loaded.
    pub keeping: StagedObjects,
    /// Objects on their way at once.
    pub uploads: usize,
    /// An object ends with the page that brings it to so many bytes of text; none: when its compressed bytes fill it.
    pub object_bytes: Option<u64>,
}

/// `delete_s3_temp_file`: what becomes of staged objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StagedObjects {
    /// They are removed on every way out.
    Removed,
    /// They stay.
    Kept,
}

/// By whose right Redshift reads the staged objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyAccess {
    /// The keys that write them, as Embulk does.
    Keys,
    /// `iam_user_name`: temporary keys for the staged objects alone (STS GetFederationToken).
    Federation(String),
    /// `copy_iam_role_name`; without `copy_aws_account_id` in the account of the keys (STS GetCallerIdentity).
    RoleName {
        /// `copy_iam_role_name`
        name: String,
        /// `copy_aws_account_id`
        account: Option<String>,
    },
    /// `copy_iam_role` (of this program): ARNs of roles, with commas between, or `default`.
    Role(String),
}

/// `replace_by` (of this program): how `mode: replace` makes room for the new rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replacing {
    /// By a swap of tables, where the user is sure to see what hangs on the old one; else it is emptied and filled.
    Auto,
    /// By a swap also where the user may not see every right of others.
    Swap,
    /// The table is emptied and filled.
    Delete,
}

impl Replacing {
    /// Every name with its meaning.
    pub const NAMES: [(&'static str, Self); 3] =
        [("auto", Self::Auto), ("swap", Self::Swap), ("delete", Self::Delete)];
}

/// `format` (of this program): what the staged objects are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyFormat {
    /// Text with tabs between fields, `\N` for NULL, and backslashes: what Embulk stages.
    Text,
    /// A JSON object a line, numbers as texts.
    Jsonl,
    /// CSV with quotes around every value.
    Csv,
    /// Parquet with the types of the columns.
    Parquet,
}

impl CopyFormat {
    /// Every name with its format.
    pub const NAMES: [(&'static str, Self); 4] =
        [("text", Self::Text), ("csv", Self::Csv), ("jsonl", Self::Jsonl), ("parquet", Self::Parquet)];
}

/// How the rows of a table lie in the cluster (of this program). What is not written stays as the table has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableLayout {
    /// `dist_style`
    pub dist_style: Option<DistStyle>,
    /// `dist_key`
    pub dist_key: Option<String>,
    /// `sort_key`
    pub sort_key: Vec<String>,
}

impl TableLayout {
    /// Whether the config says nothing of it.
    pub fn is_silent(&self) -> bool {
        *self == Self::default()
    }
}

/// `dist_style`, in Redshift's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DistStyle {
    /// `AUTO`
    Auto,
    /// `EVEN`
    Even,
    /// `KEY`, with `dist_key`
    Key,
    /// `ALL`
    All,
}

impl DistStyle {
    /// Every name with its style.
    pub const NAMES: [(&'static str, Self); 4] =
        [("auto", Self::Auto), ("even", Self::Even), ("key", Self::Key), ("all", Self::All)];

    /// The word of SQL.
    pub fn sql(self) -> &'static str {
        match self {
            Self::Auto => "AUTO",
            Self::Even => "EVEN",
            Self::Key => "KEY",
            Self::All => "ALL",
        }
    }
}
