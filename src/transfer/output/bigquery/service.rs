//! The services as one transfer uses them: where its table is, how long it waits, and that it can be stopped.

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;

use super::failure::call_failed;
use crate::cloud;
use crate::cloud::google::Endpoints;
use crate::cloud::google::auth::{Account, AssumedRole, AwsIdentity};
use crate::cloud::google::bigquery::{BigQuery, JobReference, TableReference};
use crate::cloud::google::error::GoogleError;
use crate::cloud::google::http::{Google, Manners};
use crate::cloud::google::storage::Storage;
use crate::embulk::output::{Auth, BigqueryOutput, WriteMode};
use crate::session::Level;
use crate::transfer::context::{Cancel, TransferContext};
use crate::transfer::effect::Effect;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::strftime::{Dialect, TimeFormat, WallClock};
use crate::transfer::zone::ZoneClock;

/// What Embulk's plugin writes before its lines in the log; people search for it.
const LOG_PREFIX: &str = "embulk-output-bigquery: ";
/// How often a call under way looks whether the run wants it to stop.
const LOOK: Duration = Duration::from_millis(100);
/// How long tidying up may take for one call after the transfer was stopped.
const TIDY_PATIENCE: Duration = Duration::from_secs(30);

/// Calls and names of one transfer.
pub(super) struct Service {
    pub(super) config: BigqueryOutput,
    pub(super) context: TransferContext,
    pub(super) bigquery: BigQuery,
    pub(super) storage: Storage,
    /// The target, perhaps with a partition decorator.
    pub(super) target: TableReference,
    /// The target as messages show it.
    pub(super) shown: String,
    /// `replace_backup`: where the table goes before.
    pub(super) backup: Option<TableReference>,
}

impl Service {
    /// Checks the key; nothing is called.
    pub(super) fn new(
        config: &BigqueryOutput,
        context: &TransferContext,
        endpoints: Endpoints,
    ) -> Result<Self, TransferError> {
        let manners = Manners {
            retries: config.retries,
            open_timeout: config.timeouts.open,
            read_timeout: config.timeouts.read.max(config.timeouts.send),
            application_name: config.application_name.clone(),
        };
        let google = Google::shared(account(&config.auth), endpoints, &manners, context.retrying())
            .map_err(|error| call_failed("Google's services cannot be called", &error))?;
        let now = Timestamp::now();
        let target = TableReference {
            project: config.destination_project.expose().to_owned(),
            dataset: config.dataset.expose().to_owned(),
            table: table_name(config.table.expose(), now, context),
        };
        let shown = format!(
            "{}:{}.{}",
            config.destination_project.shown(),
            config.dataset.shown(),
            table_name(config.table.shown(), now, context)
        );
        let backup = match &config.mode {
            WriteMode::ReplaceBackup { dataset, table } => Some(TableReference {
                project: target.project.clone(),
                dataset: dataset.expose().to_owned(),
                table: table_name(table.expose(), now, context),
            }),
            _ => None,
        };
        Ok(Self {
            backup,
            config: config.clone(),
            context: context.clone(),
            bigquery: BigQuery::new(google.clone()),
            storage: Storage::new(google),
            target,
            shown,
        })
    }

    /// Waits for a call, or until the run wants to stop. `what` says what failed, should it fail.
    pub(super) fn wait<T>(
        &self,
        what: &str,
        call: impl Future<Output = Result<T, GoogleError>>,
    ) -> Result<T, TransferError> {
        cloud::block_on(async {
            tokio::select! {
                biased;
                done = call => done.map_err(|error| call_failed(what, &error)),
                () = canceled(&self.context.cancel) => Err(TransferError::canceled()),
            }
        })
    }

    /// Waits for a call that tidies up, also after the transfer was stopped, but not for long.
    pub(super) fn tidy<T>(
        &self,
        what: &str,
        call: impl Future<Output = Result<T, GoogleError>>,
    ) -> Result<T, TransferError> {
        cloud::block_on(async {
            match tokio::time::timeout(TIDY_PATIENCE, call).await {
                Ok(done) => done.map_err(|error| call_failed(what, &error)),
                Err(_) => Err(TransferError::new(ErrorKind::Timeout, what)),
            }
        })
    }

    /// Pauses, or stops when the run wants to stop.
    pub(super) fn pause(&self, pause: Duration) -> Result<(), TransferError> {
        cloud::block_on(async {
            tokio::select! {
                () = tokio::time::sleep(pause) => Ok(()),
                () = canceled(&self.context.cancel) => Err(TransferError::canceled()),
            }
        })
    }

    /// A line in the log, in the words of Embulk's plugin.
    pub(super) fn log(&self, text: &str) {
        self.context.observer.log(Level::Info, &format!("{LOG_PREFIX}{text}"));
    }

    /// A line that says that something is not as it should be.
    pub(super) fn warn(&self, text: &str) {
        self.context.observer.log(Level::Warn, &format!("{LOG_PREFIX}{text}"));
    }

    /// A job of ours.
    pub(super) fn job(&self, job_id: String, location: Option<String>) -> JobReference {
        JobReference { project: self.config.project.expose().to_owned(), location, job_id }
    }

    /// A table beside the target.
    pub(super) fn beside(&self, table: &str) -> TableReference {
        TableReference { table: table.to_owned(), ..self.target.clone() }
    }

    /// The record of a table that is there for a while.
    pub(super) fn staged_table(&self, table: &str) -> Effect {
        Effect::StageTable {
            project: self.config.destination_project.shown().to_owned(),
            dataset: self.config.dataset.shown().to_owned(),
            table: table.to_owned(),
        }
    }

    /// The partition decorator of the target, e.g. `20260101`.
    pub(super) fn decorator(&self) -> Option<&str> {
        self.target.table.split_once('$').map(|(_, partition)| partition)
    }
}

async fn canceled(cancel: &Cancel) {
    while !cancel.is_canceled() {
        tokio::time::sleep(LOOK).await;
    }
}

/// The account that a config names.
pub(in crate::transfer::output) fn account(auth: &Auth) -> Account {
    match auth {
        Auth::ServiceAccount(key) => Account::ServiceAccount(key.content.clone()),
        Auth::AuthorizedUser(key) => Account::AuthorizedUser(key.content.clone()),
        Auth::ComputeEngine => Account::ComputeEngine,
        Auth::ApplicationDefault => Account::ApplicationDefault,
        Auth::Federation(key) => Account::Federation(key.content.clone()),
        Auth::AwsFederation(aws) => {
            let session_name = aws.session_name.clone();
            let role = aws.role_arn.clone().map(|arn| AssumedRole { arn, session_name });
            let identity = AwsIdentity { region: aws.region.clone(), role };
            Account::AwsFederation { config: aws.config.content.clone(), identity }
        }
    }
}

/// Embulk: the name goes through strftime with the start of the transfer in the zone of the process.
fn table_name(pattern: &str, now: Timestamp, context: &TransferContext) -> String {
    if !pattern.contains('%') {
        return pattern.to_owned();
    }
    let mut zone = ZoneClock::new(context.process_zone.clone());
    let instant = now.as_microsecond();
    let (offset, name) = zone.at(instant).unwrap_or((0, ""));
    let mut text = Vec::new();
    let clock = WallClock { micros: instant + i64::from(offset) * 1_000_000, offset, zone: name };
    TimeFormat::parse(pattern, Dialect::Ruby).write(&clock, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embulk::output::{AwsFederation, KeyKind, Keyfile};
    use crate::secret::Secret;

    #[test]
    fn the_account_is_the_one_that_the_config_names() {
        let key = |kind| Keyfile { kind, project_id: None, content: Secret::new("k") };
        let secret = || Secret::new("k");
        let aws = |role: Option<&str>| AwsFederation {
            config: key(KeyKind::Federation),
            role_arn: role.map(str::to_owned),
            session_name: "s".to_owned(),
            region: "us-east-1".to_owned(),
        };
        let identity = |role| AwsIdentity { region: "us-east-1".to_owned(), role };
        let role = AssumedRole { arn: "r".to_owned(), session_name: "s".to_owned() };
        for (auth, expected) in [
            (Auth::ServiceAccount(key(KeyKind::ServiceAccount)), Account::ServiceAccount(secret())),
            (Auth::AuthorizedUser(key(KeyKind::AuthorizedUser)), Account::AuthorizedUser(secret())),
            (Auth::ComputeEngine, Account::ComputeEngine),
            (Auth::ApplicationDefault, Account::ApplicationDefault),
            (Auth::Federation(key(KeyKind::Federation)), Account::Federation(secret())),
            (
                Auth::AwsFederation(aws(None)),
                Account::AwsFederation { config: secret(), identity: identity(None) },
            ),
            (
                Auth::AwsFederation(aws(Some("r"))),
                Account::AwsFederation { config: secret(), identity: identity(Some(role)) },
            ),
        ] {
            assert_eq!(account(&auth), expected);
        }
    }
}
