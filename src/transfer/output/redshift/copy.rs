//! `COPY … MANIFEST`: the staged objects, exactly those, into the staging table; and what it says of rows that it refuses.

use bytes::Bytes;

use super::bucket::Bucket;
use super::failure::{during, without_values};
use super::stage::StagedObject;
use super::statement::{literal, names};
use crate::cloud::sts::Keys;
use crate::embulk::output::{CopyAccess, CopyFormat};
use crate::secret::Secret;
use crate::transfer::context::Cancel;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::postgres::error::Trouble;
use crate::transfer::input::postgres::session::Session;
use crate::transfer::output::object::names::Key;
use crate::transfer::output::sql::plan::TargetColumn;

/// Load errors that are shown.
const SHOWN: usize = 5;

/// By whose right a COPY reads.
pub(super) enum Authority {
    /// A role, by its ARN.
    Role(String),
    /// Keys, which nobody may see.
    Keys(Keys),
}

impl Authority {
    /// What the config says. Keys are asked for as late as can be: some are good for a while only.
    pub(super) fn of(access: &CopyAccess, bucket: &Bucket, stems: &[String]) -> Result<Self, TransferError> {
        let keys = |keys: Keys| Ok(Self::Keys(keys));
        match access {
            CopyAccess::Role(arn) => Ok(Self::Role(arn.clone())),
            CopyAccess::RoleName { name, account } => {
                let account = match account {
                    Some(account) => account.clone(),
                    None => {
                        let doing = "the account of `copy_iam_role_name` could not be asked for";
                        bucket.wait(doing, bucket.s3.account())?
                    }
                };
                Ok(Self::Role(format!("arn:aws:iam::{account}:role/{name}")))
            }
            CopyAccess::Federation(user) => keys(bucket.federated(user, stems)?),
            CopyAccess::Keys => {
                keys(bucket.wait("the keys for COPY could not be had", bucket.s3.own_keys())?)
            }
        }
    }

    fn sql(&self, shown: Shown) -> String {
        match (self, shown) {
            (Self::Role(arn), _) if arn == "default" => "IAM_ROLE default".to_owned(),
            (Self::Role(arn), _) => format!("IAM_ROLE {}", literal(arn)),
            (Self::Keys(_), Shown::Hidden) => "CREDENTIALS '…'".to_owned(),
            (Self::Keys(keys), Shown::Whole) => {
                let token = keys
                    .token
                    .as_ref()
                    .map_or_else(String::new, |token| format!(";token={}", token.expose()));
                let pair = format!(
                    "aws_access_key_id={};aws_secret_access_key={}{token}",
                    keys.id.expose(),
                    keys.key.expose()
                );
                format!("CREDENTIALS {}", literal(&pair))
            }
        }
    }
}

impl Authority {
    /// A text of the server's, which may repeat a part of the statement, without the keys.
    fn blotted(&self, text: &str) -> String {
        let Self::Keys(keys) = self else { return text.to_owned() };
        let secrets = [Some(&keys.key), keys.token.as_ref(), Some(&keys.id)];
        let secrets = secrets.into_iter().flatten().map(Secret::expose);
        secrets
            .filter(|secret| !secret.is_empty())
            .fold(text.to_owned(), |text, secret| text.replace(secret, "…"))
    }
}

/// Whether keys stand in a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// For the server.
    Whole,
    /// For the log.
    Hidden,
}

/// A COPY of staged objects.
pub(super) struct Copy<'c> {
    /// The table that is filled, quoted.
    pub(super) table: &'c str,
    pub(super) columns: &'c [TargetColumn],
    /// A column besides them that has the numbers of the rows.
    pub(super) number: Option<&'c str>,
    pub(super) format: CopyFormat,
    /// What stands for NULL in text.
    pub(super) null: String,
    pub(super) bucket: &'c Bucket,
    pub(super) manifest: &'c Key,
    /// What the names of the objects begin with.
    pub(super) stems: &'c [String],
    pub(super) objects: &'c [StagedObject],
    /// What did not happen when it fails.
    pub(super) doing: String,
}

/// What stands for NULL in the text of a transfer. Nobody has said whether a text `\N`, whose backslash is escaped, is
/// NULL for COPY: so no text of the source may look like it.
pub(super) fn null_text(id: &str) -> String {
    format!("NULL_{}", id.get(..8).unwrap_or(id))
}

impl CopyFormat {
    /// What the names of the objects end with.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Text => ".tsv.gz",
            Self::Jsonl => ".jsonl.gz",
            Self::Csv => ".csv.gz",
            Self::Parquet => ".parquet",
        }
    }

    fn sql(self, null: &str) -> String {
        match self {
            // As Embulk loads, but for TRUNCATECOLUMNS and ACCEPTINVCHARS: what would be lost is counted or refused
            // before.
            Self::Text => format!("GZIP DELIMITER '\\t' NULL AS {} ESCAPE", literal(null)),
            Self::Csv => format!("GZIP FORMAT AS CSV NULL AS {}", literal(null)),
            Self::Jsonl => "GZIP FORMAT AS JSON 'auto'".to_owned(),
            Self::Parquet => "FORMAT AS PARQUET".to_owned(),
        }
    }
}

impl Copy<'_> {
    /// Writes the manifest, which is in the ledger before.
    pub(super) fn write_manifest(&self) -> Result<(), TransferError> {
        let entry = |object: &StagedObject| {
            let url = format!("s3://{}/{}", self.bucket.name(), object.key.real);
            serde_json::json!({"url": url, "mandatory": true, "meta": {"content_length": object.bytes}})
        };
        let entries: Vec<_> = self.objects.iter().map(entry).collect();
        let text = serde_json::json!({ "entries": entries }).to_string();
        let doing = format!("manifest `{}` could not be staged", self.bucket.names.address(self.manifest));
        let (s3, name) = (self.bucket.s3.clone(), self.bucket.name().to_owned());
        let put = Bucket::put(s3, name, self.manifest.real.clone(), Bytes::from(text));
        self.bucket.wait(&doing, put).map(drop)
    }

    fn sql(&self, authority: &Authority, shown: Shown) -> String {
        let number =
            self.number.map_or_else(String::new, |name| format!(", {}", super::statement::quoted(name)));
        let (table, columns) = (self.table, names(self.columns));
        let source = match shown {
            Shown::Whole => format!("s3://{}/{}", self.bucket.name(), self.manifest.real),
            Shown::Hidden => self.bucket.names.address(self.manifest),
        };
        let region = self.bucket.region.as_ref();
        let region = region.map_or_else(String::new, |region| format!(" REGION AS {}", literal(region)));
        // Of Parquet COPY takes neither a region nor COMPUPDATE: it reads in its own, and encodes nothing by itself.
        let (region, update) = match self.format {
            CopyFormat::Parquet => (String::new(), "STATUPDATE OFF"),
            _ => (region, "STATUPDATE OFF COMPUPDATE OFF"),
        };
        format!(
            "COPY {table} ({columns}{number}) FROM {} {} MANIFEST{region} {} {update}",
            literal(&source),
            authority.sql(shown),
            self.format.sql(&self.null),
        )
    }

    /// The statement as people may see it.
    pub(super) fn shown(&self, authority: &Authority) -> String {
        self.sql(authority, Shown::Hidden)
    }

    /// Loads, and gives the number of rows that the server says it took.
    pub(super) fn run(
        &self,
        session: &Session,
        authority: &Authority,
        cancel: &Cancel,
    ) -> Result<Option<u64>, TransferError> {
        if let Err(trouble) = session.execute(&self.sql(authority, Shown::Whole), cancel) {
            let mut error = self.refused(session, trouble);
            error.causes.iter_mut().for_each(|cause| *cause = authority.blotted(cause));
            return Err(error);
        }
        let count = session.texts("SELECT pg_last_copy_count()");
        let count = count.map_err(|trouble| during(trouble, self.doing.as_str()))?;
        Ok(count.first().and_then(|count| count.parse().ok()))
    }

    /// The error of a COPY that failed, with what the server says of rows.
    fn refused(&self, session: &Session, trouble: Trouble) -> TransferError {
        let is_answer = matches!(trouble, Trouble::Server(_));
        let found = during(trouble, self.doing.as_str());
        if !is_answer || found.is_canceled() {
            return found;
        }
        // A transaction that failed answers nothing more.
        let _ = session.run("ROLLBACK");
        let lines = self.load_errors(session);
        if lines.is_empty() {
            return found;
        }
        TransferError {
            kind: ErrorKind::Data,
            causes: lines,
            hint: Some(
                "choose another type for the column in `column_options` and in the table, or correct the rows"
                    .to_owned(),
            ),
            ..found
        }
    }

    /// What the server remembers of refused rows: object, line, column and reason, without the row and the value.
    fn load_errors(&self, session: &Session) -> Vec<String> {
        // Object names are of one try alone. Serverless has the second view only.
        let of = |column: &str| {
            let begins = |stem: &String| {
                let pattern = format!("s3://{}/{stem}-", self.bucket.name());
                format!("substring({column}, 1, {}) = {}", pattern.chars().count(), literal(&pattern))
            };
            format!("({})", self.stems.iter().map(begins).collect::<Vec<_>>().join(" OR "))
        };
        let queries = [
            format!(
                "SELECT filename, line_number, colname, type, err_code, err_reason FROM stl_load_errors \
                 WHERE {} ORDER BY starttime DESC LIMIT {SHOWN}",
                of("filename")
            ),
            format!(
                "SELECT file_name, line_number, column_name, column_type, error_code, error_message \
                 FROM sys_load_error_detail WHERE {} ORDER BY start_time DESC LIMIT {SHOWN}",
                of("file_name")
            ),
        ];
        for query in queries {
            match session.rows(&query) {
                Ok(rows) if !rows.is_empty() => return rows.into_iter().map(|row| self.told(row)).collect(),
                _ => {}
            }
        }
        Vec::new()
    }

    fn told(&self, row: Vec<Option<String>>) -> String {
        let mut cells = row.into_iter().map(|cell| cell.unwrap_or_default().trim().to_owned());
        let mut cell = || cells.next().unwrap_or_default();
        let (file, line, column, kind, code, reason) = (cell(), cell(), cell(), cell(), cell(), cell());
        let object = self.objects.iter().find(|object| file.ends_with(&object.key.real));
        let file =
            object.map_or_else(|| "an object".to_owned(), |object| self.bucket.names.address(&object.key));
        let column = match column.as_str() {
            "" => String::new(),
            name => format!(", column `{name}` ({kind})"),
        };
        format!("`{file}`, line {line}{column}: {} (Redshift error {code})", without_values(&reason))
    }
}
