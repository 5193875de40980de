//! Outside effects of a transfer and how they are remembered, so that a retry after a kill finds what is there.
//!
//! An effect is recorded as intended before it is tried, under a name that was fixed beforehand and never derives
//! from rows. After a kill the next attempt reads what was recorded and attaches, removes or starts over.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::report::{Change, Treated};
use super::schema::Column;
use crate::session::{AttemptId, TaskName};

/// What names a transfer's outside objects: the attempt that `sync run` started, the task, its retry round, and
/// the rendered config without secrets. A retry keeps the starting attempt, so it makes the same keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferKey {
    /// Random id of the state file: two state files never make the same names.
    pub installation: String,
    /// The attempt that `sync run` started; `retry` keeps it.
    pub starting_attempt: AttemptId,
    /// The task the transfer runs in.
    pub task: TaskName,
    /// Round of the group or operator retry, from 1.
    pub round: u32,
    /// SHA-256 of the rendered config with placeholders for secrets, hex.
    pub config: String,
}

impl TransferKey {
    /// The name all tries of this transfer share, hex, 24 characters.
    pub fn id(&self) -> String {
        let mut hash = Sha256::new();
        for part in [
            self.installation.as_str(),
            &self.starting_attempt.to_string(),
            self.task.as_str(),
            &self.round.to_string(),
            &self.config,
        ] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        hash.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect()
    }

    /// The name of one try, fit for a BigQuery job, a table or an object: `sync_<id>_<try>`.
    pub fn name(&self, try_number: u32) -> String {
        format!("sync_{}_{try_number}", self.id())
    }
}

/// Something done outside that could be left behind or doubled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// An object staged for loading; removed on every exit path but those that a retry goes on from.
    StageObject { bucket: String, object: String },
    /// A staging table; removed on every exit path.
    StageTable { project: String, dataset: String, table: String },
    /// A job submitted under our own id. `rows`: rows sent. `publishes`: its success makes the rows visible.
    SubmitJob {
        project: String,
        location: Option<String>,
        job_id: String,
        rows: u64,
        bytes: u64,
        publishes: bool,
        try_number: u32,
    },
    /// Parts of an object in S3, which nobody sees before they are completed. `upload` is the id that S3 gave; none
    /// before that.
    UploadParts { bucket: String, object: String, upload: Option<String> },
    /// An object that becomes visible, in S3 or Cloud Storage.
    WriteObject { bucket: String, object: String },
    /// A transaction of a database that makes rows visible and leaves a row named `id` beside them.
    PublishRows { target: String, id: String, rows: u64, bytes: u64 },
    /// A local file written under a temporary name and renamed when whole.
    WriteFile { path: String },
    /// All that a try stages; `name` is what its objects are named after. Sealed, it can be published without the source.
    StageSet { name: String },
}

/// How an effect ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum EffectOutcome {
    /// It is there.
    Done,
    /// It is gone again (staged objects and tables).
    Removed,
    /// It failed for good; the next try takes the next number.
    Failed { message: String },
    /// The staged object is whole, and lies there until it is removed.
    Staged(Staged),
    /// All rows of the source lie in the objects of the set.
    Sealed(Box<Sealed>),
    /// The rows come range by range, and objects say which of them they hold.
    Divided(Box<Division>),
}

/// A staged object that is whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staged {
    /// Rows in it.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// What the service says of its content: `crc32c:…` of Cloud Storage, `etag:…` of S3; none where it says nothing.
    pub mark: Option<String>,
    /// Which of the objects that had this name it is, where the service counts them.
    pub generation: Option<String>,
    /// What it holds of a source that is read in ranges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
}

/// What an object holds of a source that is read in ranges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The set whose ranges they are.
    pub set: String,
    /// Rows that were read for it.
    pub read: u64,
    pub pieces: Vec<Piece>,
}

/// The rows of a range in one object, or the first, second, … piece of them where they lie in several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// The number of the range, from 1.
    pub range: usize,
    /// From 0.
    pub number: u32,
    /// Whether the range ends with it.
    pub is_last: bool,
}

/// How a source was divided into ranges, when, and what was made of its rows: as long as all of that is the same, a
/// range that is staged needs not be read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Division {
    /// When it was divided (RFC 3339).
    pub at: String,
    pub moment: Moment,
    /// The conditions that the rows of the ranges meet. They hold values of the table: not to be shown.
    pub ranges: Vec<String>,
    /// The columns of the rows.
    pub columns: Vec<Column>,
    /// The zones of their wall clocks.
    pub zones: String,
    /// What the output makes of them.
    pub form: String,
}

/// How far a server was written to. Two that are equal show that nothing was committed between them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Which server, and since when without a break.
    pub server: String,
    /// In its own words, e.g. `binlog.000003:1234`.
    pub position: String,
}

/// What a set holds, and what its publication needs of the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// Its objects, by bucket and name, in order.
    pub objects: Vec<(String, String)>,
    /// Rows in all of them.
    pub rows: u64,
    /// Bytes of all of them.
    pub bytes: u64,
    /// When it was sealed (RFC 3339).
    pub at: String,
    /// The columns of the rows, as the output was given them.
    pub columns: Vec<Column>,
    /// What the output made of them: the objects fit as long as it would do the same.
    pub form: String,
    /// Values that became something else on their way out.
    pub changes: Vec<Change>,
    /// What was said of the read.
    pub read: ReadRecord,
}

/// What is known once a source was read to its end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadRecord {
    /// Rows read.
    pub rows: u64,
    /// Things that people should know.
    pub notes: Vec<String>,
    /// Values that did not come in as they are stored.
    pub changes: Vec<Change>,
    /// What the rows have in common in time.
    pub snapshot: Option<String>,
    /// What the next read begins behind.
    pub next: Map<String, Value>,
    /// The columns that a policy did not let through as they are.
    pub policy: Vec<Treated>,
}

impl EffectOutcome {
    /// Whether nothing of the effect is left to be looked after.
    pub fn is_end(&self) -> bool {
        match self {
            Self::Done | Self::Removed | Self::Failed { .. } => true,
            Self::Staged(_) | Self::Sealed(_) | Self::Divided(_) => false,
        }
    }
}

/// An effect that an earlier or this attempt recorded, with its last known outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedEffect {
    pub effect: Effect,
    pub outcome: Option<EffectOutcome>,
}

impl RecordedEffect {
    /// Whether something of it may be left to be looked after.
    pub fn is_open(&self) -> bool {
        !self.outcome.as_ref().is_some_and(EffectOutcome::is_end)
    }
}

/// A staging table, or a staged object, that a run which is over has left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abandoned {
    /// The id of the transfer that made it.
    pub key: String,
    pub effect: Effect,
}

/// Each effect once, where it was first recorded, with what is known last: one that was intended anew is open again.
pub fn latest(recorded: &[RecordedEffect]) -> Vec<(&Effect, Option<&EffectOutcome>)> {
    let mut latest: Vec<(&Effect, Option<&EffectOutcome>)> = Vec::new();
    for RecordedEffect { effect, outcome } in recorded {
        match latest.iter_mut().find(|(known, _)| *known == effect) {
            Some((_, known)) => *known = outcome.as_ref(),
            None => latest.push((effect, outcome.as_ref())),
        }
    }
    latest
}

/// Effects that may have left something to be looked after, each once, in the order in which they were first recorded.
pub fn open_effects(recorded: &[RecordedEffect]) -> Vec<Effect> {
    let mut open: Vec<&Effect> = Vec::new();
    for RecordedEffect { effect, outcome } in recorded {
        match outcome {
            Some(outcome) if outcome.is_end() => open.retain(|known| *known != effect),
            _ if open.contains(&effect) => {}
            _ => open.push(effect),
        }
    }
    open.into_iter().cloned().collect()
}

/// The memory of effects. Every call is durable when it returns; an error stops the transfer before the effect.
pub trait Ledger: Send + Sync {
    /// Before the effect.
    fn intend(&self, effect: &Effect) -> Result<(), LedgerError>;
    /// After it.
    fn settle(&self, effect: &Effect, outcome: &EffectOutcome) -> Result<(), LedgerError>;
    /// What all attempts of this transfer recorded, oldest first.
    fn recorded(&self) -> Result<Vec<RecordedEffect>, LedgerError>;
    /// Whether a later attempt will find what is recorded: else nothing staged may stay.
    fn remembers(&self) -> bool {
        false
    }
    /// Staging tables and objects of other transfers to the same target, whose runs are over. Who remembers nothing knows
    /// of none.
    fn abandoned(&self, _target: &str) -> Result<Vec<Abandoned>, LedgerError> {
        Ok(Vec::new())
    }
    /// After one of them was removed.
    fn settle_abandoned(&self, _left: &Abandoned) -> Result<(), LedgerError> {
        Ok(())
    }
}

/// The state could not be written or read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the state could not be written: {0}")]
pub struct LedgerError(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_before_objects_said_what_they_hold_is_read() {
        let effect = r#"{"effect":"stage_object","bucket":"b","object":"o"}"#;
        let effect: Effect = serde_json::from_str(effect).unwrap();
        assert_eq!(effect, Effect::StageObject { bucket: "b".to_owned(), object: "o".to_owned() });
        for (text, outcome) in [
            (r#"{"outcome":"done"}"#, EffectOutcome::Done),
            (r#"{"outcome":"removed"}"#, EffectOutcome::Removed),
            (r#"{"outcome":"failed","message":"m"}"#, EffectOutcome::Failed { message: "m".to_owned() }),
            (
                r#"{"outcome":"staged","rows":1,"bytes":2,"mark":"crc32c:x","generation":"7"}"#,
                EffectOutcome::Staged(Staged {
                    rows: 1,
                    bytes: 2,
                    mark: Some("crc32c:x".to_owned()),
                    generation: Some("7".to_owned()),
                    part: None,
                }),
            ),
        ] {
            assert_eq!(serde_json::from_str::<EffectOutcome>(text).unwrap(), outcome);
            assert_eq!(serde_json::to_string(&outcome).unwrap(), text);
        }
    }

    #[test]
    fn what_lies_staged_is_open_until_it_is_removed() {
        let effect = Effect::StageObject { bucket: "b".to_owned(), object: "o".to_owned() };
        let staged = Staged { rows: 1, bytes: 2, mark: None, generation: None, part: None };
        let record = |outcome| RecordedEffect { effect: effect.clone(), outcome };
        let whole = [record(None), record(Some(EffectOutcome::Staged(staged)))];
        assert_eq!(open_effects(&whole), std::slice::from_ref(&effect));
        let gone = [whole.to_vec(), vec![record(Some(EffectOutcome::Removed))]].concat();
        assert_eq!(open_effects(&gone), []);
    }
}
