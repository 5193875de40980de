//! Exactly once: a row in the status table of the database says which scripts are done. It is written in the transaction
//! of the script itself, so that a try after a lost answer, or after a kill, finds out.
//!
//! A script's row is named by its *query id*: the attempt that `sync run` started, the task and its round. A retry of
//! the attempt makes the same id. A further round makes its own, because the rounds of a group mean the script once
//! more; but a round after one that failed here looks for the rows of those as well.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::connect;
use super::table::TableName;
use crate::dig::params;
use crate::run::operator::options::Options;
use crate::run::operator::{OperatorError, OperatorRequest, Turn};
use crate::session::{Level, TaskName};
use crate::transfer::effect::TransferKey;

/// Digdag's name, so that both can share a table.
const STATUS_TABLE: &str = "__digdag_status";
/// How long rows of finished scripts are kept.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// The row of one script.
#[derive(Debug)]
pub(super) struct Strict {
    /// The ids of rounds that failed since the task last succeeded, and last the id of this one.
    pub(super) ids: Vec<String>,
    pub(super) table: TableName,
    /// Rows that were completed longer ago are removed.
    pub(super) kept: Duration,
}

/// What became of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ran {
    /// It was carried out.
    Now,
    /// An earlier try had carried it out.
    Earlier,
    /// Somebody else is at it: later again.
    Locked,
}

/// Whether an effect may be there although its answer never came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// What was lost is not there, or the next try finds it.
    None,
    /// Nobody knows.
    Some,
}

/// What to do where nobody knows.
pub(super) const LOOK_FIRST: &str = "nobody knows whether the script was carried out: look before a retry";

impl Strict {
    /// Reads the options `status_table…`.
    pub(super) fn read(options: &Options<'_>, ids: Vec<String>) -> Result<Self, OperatorError> {
        let name = options.text("status_table")?.unwrap_or_else(|| STATUS_TABLE.to_owned());
        let schema = options.text("status_table_schema")?.filter(|schema| !schema.is_empty());
        let kept = connect::duration("status_table_cleanup", options.text("status_table_cleanup")?)?;
        Ok(Self { ids, table: TableName { schema, name }, kept: kept.unwrap_or(KEPT) })
    }

    /// The id of this round.
    pub(super) fn own_id(&self) -> &str {
        self.ids.last().map_or("", String::as_str)
    }

    /// `'id', 'id'`. Ids are hexadecimal.
    pub(super) fn id_list(&self) -> String {
        let quoted: Vec<_> = self.ids.iter().map(|id| format!("'{id}'")).collect();
        quoted.join(", ")
    }

    /// The error of a status table that could not be made.
    pub(super) fn not_made(&self, statement: &str, mut error: OperatorError) -> OperatorError {
        error.hint = Some(format!(
            "let somebody who may run `{statement}` and grant SELECT, INSERT, UPDATE and DELETE on it, name a schema \
             that this user may create tables in as `status_table_schema`, or do without exactly-once with \
             `strict_transaction: false`"
        ));
        error
    }
}

/// Rounds of tasks that failed since they last succeeded: their scripts may be done although nobody heard of it.
#[derive(Debug, Default)]
pub(super) struct Series(Mutex<HashMap<TaskName, Vec<u32>>>);

impl Series {
    /// The query ids that this try has to look for; the last is its own.
    pub(super) fn ids(&self, request: &OperatorRequest<'_>) -> Vec<String> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rounds = open.entry(request.task.clone()).or_default();
        if !rounds.contains(&request.round) {
            rounds.push(request.round);
        }
        rounds.iter().map(|round| query_id(request, *round)).collect()
    }

    /// The task succeeded: its next round means the script once more.
    pub(super) fn end(&self, task: &TaskName) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(task);
    }
}

/// The id of a round's script, hexadecimal.
pub(super) fn query_id(request: &OperatorRequest<'_>, round: u32) -> String {
    let origin = &request.services.origin;
    let key = TransferKey {
        installation: origin.installation.clone(),
        starting_attempt: origin.starting_attempt,
        task: request.task.clone(),
        round,
        config: format!("{}>", request.operator),
    };
    key.id()
}

/// Another turn, after a pause that doubles from a second to `longest` seconds. `reason` says why.
pub(super) fn later(reason: &str, longest: u64, request: &OperatorRequest<'_>) -> Turn {
    let pause = request.waiting.state.as_u64().map_or(1, |last| last.saturating_mul(2).min(longest));
    request.reporter.log(Level::Warn, &format!("{reason}; next look in {pause} s"));
    Turn::Again { after: Duration::from_secs(pause), state: json!(pause) }
}

/// Whether a script is to be done exactly once.
pub(super) fn wanted(options: &Options<'_>, default: bool) -> Result<bool, OperatorError> {
    match options.text("strict_transaction")? {
        Some(text) => Ok(params::to_bool("strict_transaction", &Value::String(text))?),
        None => Ok(default),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::operator::testing::Bench;

    #[test]
    fn a_round_after_a_failure_looks_for_the_rounds_before_and_one_after_a_success_does_not() {
        let series = Series::default();
        let (one, two, again, three) = Bench::new().with_request(|request| {
            let round = |round: u32| OperatorRequest {
                task: request.task.clone(),
                operator: request.operator.clone(),
                command: Value::Null,
                config: request.config.clone(),
                local: request.local.clone(),
                directory: request.directory.clone(),
                reporter: request.reporter.clone(),
                cancel: request.cancel.clone(),
                secrets: request.secrets.clone(),
                waiting: request.waiting.clone(),
                round,
                ..*request
            };
            let (one, two, again) = (series.ids(&round(1)), series.ids(&round(2)), series.ids(&round(2)));
            series.end(&request.task);
            (one, two, again, series.ids(&round(3)))
        });
        assert_eq!((one.len(), three.len()), (1, 1));
        assert_eq!(two, again);
        assert_eq!(two, [one[0].clone(), two[1].clone()]);
        assert!(one[0] != two[1] && three[0] != two[1]);
        assert!(one[0].len() == 24 && one[0].bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}
