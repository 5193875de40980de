//! Joins the rooms for one transfer: the file is read by `embulk`, the rows are moved by `transfer`, and what happens
//! goes to the run as events.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::diagnostic::Problem;
use crate::embulk;
use crate::embulk::guess::Plugin;
use crate::reader::DirectoryReader;
use crate::report::problems;
use crate::run::event::{EventKind, FailureKind};
use crate::run::operator::{
    OperatorError, Reporter, SecretGuard, TransferFile, TransferRequest, TransferService,
};
use crate::secret::SecretStore;
use crate::session::{AttemptId, Level, TaskName};
use crate::state::{StateError, Store};
use crate::transfer;
use crate::transfer::context::{MemoryBudget, Observer, Patience, TransferContext};
use crate::transfer::effect::{
    Abandoned, Effect, EffectOutcome, Ledger, LedgerError, RecordedEffect, TransferKey,
};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::gauge::{Extent, Gauge};
use crate::transfer::input::Reading;
use crate::transfer::policy::Enforced;
use crate::transfer::pool::SourcePools;
use crate::transfer::preview::Preview;
use crate::transfer::report::TransferReport;
use crate::yaml;

/// Runs the transfers of one attempt inside one memory budget and one set of pools.
pub struct Transfers {
    /// Random name of the state file.
    pub installation: String,
    /// The attempt that `sync run` started.
    pub starting_attempt: AttemptId,
    /// Where what earlier attempts did is looked up; a reader of its own beside the writer.
    pub memory_of_effects: Arc<dyn EffectMemory>,
    /// Where `${secret:...}` values come from.
    pub secrets: Arc<dyn SecretStore>,
    /// Tells which environment values are secrets.
    pub guard: Arc<dyn SecretGuard>,
    /// Bytes shared by all transfers.
    pub memory: MemoryBudget,
    /// Connections shared by all transfers.
    pub sources: SourcePools,
    /// How sources are read.
    pub reading: Reading,
    /// How transfers meet faults that pass.
    pub patience: Patience,
    /// The policy that is in force.
    pub policy: Option<Arc<Enforced>>,
    /// The zone of the process.
    pub process_zone: jiff::tz::TimeZone,
    /// How often each transfer succeeded in this process.
    pub repeats: Repeats,
}

/// Counts transfers that succeeded. A command that runs the same file twice means it twice: the second is no retry of
/// the first, which would be found done.
#[derive(Default)]
pub struct Repeats(Mutex<BTreeMap<String, u32>>);

impl Repeats {
    /// The key of the next run of what `key` names.
    fn next(&self, key: TransferKey) -> TransferKey {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get(&key.id()) {
            Some(count) => TransferKey { config: format!("{}#{count}", key.config), ..key },
            None => key,
        }
    }

    fn succeeded(&self, key: &TransferKey) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(key.id()).or_default() += 1;
    }
}

/// What was recorded of effects under a key.
pub trait EffectMemory: Send + Sync {
    /// Oldest first.
    fn effects(&self, key: &str) -> Result<Vec<RecordedEffect>, LedgerError>;
    /// Whether it does for longer than this process.
    fn lasts(&self) -> bool;
    /// Staging tables that runs which are over have left of a target, but for those of this key.
    fn abandoned(&self, key: &str, target: &str) -> Result<Vec<Abandoned>, LedgerError>;
}

/// The state file's memory: a connection of its own, opened when the first transfer begins.
pub struct StateMemory {
    path: PathBuf,
    store: Mutex<Option<Store>>,
}

impl StateMemory {
    /// Nothing is opened yet.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), store: Mutex::new(None) }
    }
}

impl StateMemory {
    fn ask<T>(&self, question: impl FnOnce(&Store) -> Result<T, StateError>) -> Result<T, LedgerError> {
        let failed = |error: StateError| LedgerError(error.to_string());
        let mut held = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let store = match &mut *held {
            Some(store) => store,
            empty => empty.insert(Store::open(&self.path).map_err(failed)?),
        };
        question(store).map_err(failed)
    }
}

impl EffectMemory for StateMemory {
    fn effects(&self, key: &str) -> Result<Vec<RecordedEffect>, LedgerError> {
        self.ask(|store| store.effects(key))
    }

    fn lasts(&self) -> bool {
        true
    }

    fn abandoned(&self, key: &str, target: &str) -> Result<Vec<Abandoned>, LedgerError> {
        self.ask(|store| store.abandoned_tables(key, target))
    }
}

impl TransferService for Transfers {
    fn transfer(&self, request: &TransferRequest) -> Result<TransferReport, OperatorError> {
        if let Some(path) = &request.diff {
            transfer::config_diff::prepare(path).map_err(|error| operator_error(&error))?;
        }
        let rendered = self.load(request, |surroundings| match &request.file {
            TransferFile::Named(path) => embulk::load(&file_name(path), surroundings),
            TransferFile::Written { name, text } => embulk::load_text(name, text, surroundings),
        })?;
        self.warn(request, &rendered.problems);
        let first = TransferKey {
            installation: self.installation.clone(),
            starting_attempt: self.starting_attempt,
            task: request.reporter.task().clone(),
            round: request.round,
            config: self.config_mark(&rendered.hash, request),
        };
        let key = self.repeats.next(first.clone());
        let gauge = Gauge::default();
        let lines = Lines { reporter: request.reporter.clone(), key: key.id(), gauge: gauge.clone() };
        let context = self.context(request, key, &lines);
        lines.send(|task, key| EventKind::TransferStarted {
            task,
            key,
            source: rendered.config.input.to_string(),
            target: rendered.config.output.to_string(),
            gauge,
        });
        match transfer::run(&rendered.config, &context) {
            Ok(report) => {
                let report = TransferReport { config: rendered.written, ..report };
                self.repeats.succeeded(&first);
                let finished = report.clone();
                lines.send(|task, key| EventKind::TransferFinished { task, key, report: finished });
                Ok(report)
            }
            Err(error) => {
                let error = operator_error(&error);
                let failure = error.to_failure(self.guard.as_ref());
                lines.send(|task, key| EventKind::TransferFailed { task, key, failure });
                Err(error)
            }
        }
    }
}

impl Transfers {
    /// The first rows of the file's source after its filters. No output is asked, and nothing is recorded.
    pub fn preview(&self, request: &TransferRequest) -> Result<Preview, OperatorError> {
        let (config, warnings) = self.load(request, |surroundings| match &request.file {
            TransferFile::Named(path) => embulk::load_for_preview(&file_name(path), surroundings),
            TransferFile::Written { name, .. } => embulk::load_for_preview(Path::new(name), surroundings),
        })?;
        self.warn(request, &warnings);
        let context = self.context_of_a_look(request);
        transfer::preview::preview(&config, &context).map_err(|error| operator_error(&error))
    }

    /// The config with what a sample of its input's files shows, as YAML. `more` plugins look after the usual ones.
    pub fn guess(&self, request: &TransferRequest, more: &[Plugin]) -> Result<String, OperatorError> {
        let (config, warnings) = self.load_for_guess(request)?;
        self.warn(request, &warnings);
        let context = self.context_of_a_look(request);
        let root = transfer::guess::guess(&config, more, &context).map_err(|error| operator_error(&error))?;
        Ok(yaml::dump(&root.into()))
    }

    /// The config with its config diff over it, as YAML.
    pub fn config(&self, request: &TransferRequest) -> Result<String, OperatorError> {
        self.load_for_guess(request).map(|(config, _)| yaml::dump(&config.root.into()))
    }

    fn load_for_guess(
        &self,
        request: &TransferRequest,
    ) -> Result<(embulk::GuessConfig, Vec<Problem>), OperatorError> {
        self.load(request, |surroundings| match &request.file {
            TransferFile::Named(path) => embulk::load_for_guess(&file_name(path), surroundings),
            TransferFile::Written { name, .. } => embulk::load_for_guess(Path::new(name), surroundings),
        })
    }

    /// The context of what reads rows and publishes none.
    fn context_of_a_look(&self, request: &TransferRequest) -> TransferContext {
        let key = TransferKey {
            installation: self.installation.clone(),
            starting_attempt: self.starting_attempt,
            task: request.reporter.task().clone(),
            round: request.round,
            config: String::new(),
        };
        let lines = Lines { reporter: request.reporter.clone(), key: key.id(), gauge: Gauge::default() };
        self.context(request, key, &lines)
    }

    fn context(&self, request: &TransferRequest, key: TransferKey, lines: &Lines) -> TransferContext {
        TransferContext {
            ledger: Arc::new(RunLedger {
                lines: lines.clone(),
                memory: Arc::clone(&self.memory_of_effects),
                key: key.clone(),
            }),
            key,
            observer: Arc::new(lines.clone()),
            cancel: request.cancel.clone(),
            memory: self.memory.clone(),
            sources: self.sources.clone(),
            reading: self.reading.clone(),
            patience: self.patience.clone(),
            policy: self.policy.clone(),
            process_zone: self.process_zone.clone(),
            directory: request.directory.clone(),
            config_diff: request.diff.clone(),
        }
    }

    /// What tells a transfer from another of the same file: under another policy other values are copied.
    fn config_mark(&self, hash: &str, request: &TransferRequest) -> String {
        let mut mark = hash.to_owned();
        if let Some(tasks) = request.exec.min_output_tasks {
            mark.push_str(&format!(" -X {tasks}"));
        }
        if let Some(policy) = &self.policy {
            mark.push_str(&format!(" policy {}", policy.mark));
        }
        mark
    }

    /// Warnings about the file go to the task's log.
    fn warn(&self, request: &TransferRequest, warnings: &[Problem]) {
        for warning in warnings {
            request.reporter.log(Level::Warn, &problems::one_line(warning));
        }
    }

    /// Reads the file with what the task's environment gives it, or the text that was handed over.
    fn load<T>(
        &self,
        request: &TransferRequest,
        load: impl FnOnce(&embulk::Surroundings<'_>) -> Result<T, Vec<Problem>>,
    ) -> Result<T, OperatorError> {
        let folder = match &request.file {
            TransferFile::Named(path) => path.parent().unwrap_or(Path::new("/")),
            TransferFile::Written { .. } => &request.directory,
        };
        let reader = DirectoryReader::new(folder);
        let now = jiff::Timestamp::now().to_zoned(self.process_zone.clone());
        let guard = &self.guard;
        let is_secret = |name: &str, value: &str| guard.is_secret_name(name) || guard.contains_secret(value);
        let surroundings = embulk::Surroundings {
            env: &request.environment,
            reader: &reader,
            secrets: self.secrets.as_ref(),
            is_secret: &is_secret,
            now: &now,
            directory: &request.directory,
            diff: request.diff.as_deref(),
            exec: request.exec,
        };
        load(&surroundings).map_err(|found| invalid_file(&request.file, &found))
    }
}

fn file_name(path: &Path) -> PathBuf {
    path.file_name().map(PathBuf::from).unwrap_or_default()
}

/// All problems of the file as one failure: the first is the message, the others are its causes.
fn invalid_file(file: &TransferFile, found: &[Problem]) -> OperatorError {
    let name = match file {
        TransferFile::Named(path) => path.display().to_string(),
        TransferFile::Written { name, .. } => name.clone(),
    };
    let mut error = OperatorError::config(format!("transfer file `{name}` is invalid"));
    error.causes = found.iter().filter(|problem| problem.is_error()).map(problems::one_line).collect();
    error.hint = found.iter().find_map(|problem| problem.hint.clone());
    error
}

pub(super) fn operator_error(error: &TransferError) -> OperatorError {
    let kind = match error.kind {
        ErrorKind::Canceled => FailureKind::Canceled,
        ErrorKind::Unreachable => FailureKind::Unreachable,
        ErrorKind::Config => FailureKind::Config,
        _ => FailureKind::Failed,
    };
    let mut failed = OperatorError::new(kind, error.message.clone());
    failed.causes.clone_from(&error.causes);
    failed.hint = error.remedy().map(str::to_owned);
    failed
}

/// Speaks for one transfer of one task.
#[derive(Clone)]
struct Lines {
    reporter: Reporter,
    key: String,
    /// Read by who shows progress.
    gauge: Gauge,
}

impl Lines {
    fn send(&self, kind: impl FnOnce(TaskName, String) -> EventKind) {
        self.reporter.event(kind(self.reporter.task().clone(), self.key.clone()));
    }

    fn record(&self, kind: impl FnOnce(TaskName, String) -> EventKind) -> Result<(), LedgerError> {
        let event = kind(self.reporter.task().clone(), self.key.clone());
        self.reporter.record(event).map_err(|error| LedgerError(error.0))
    }
}

impl Observer for Lines {
    fn begins(&self, extent: Option<Extent>) {
        self.gauge.begin(extent);
    }

    fn progress(&self, rows: u64, bytes: u64) {
        self.gauge.set(rows, bytes);
    }

    fn has_read(&self, bytes: u64) {
        self.gauge.add_read(bytes);
    }

    fn log(&self, level: Level, text: &str) {
        self.reporter.log(level, text);
    }
}

/// Effects as events of the run, durable when a call returns.
struct RunLedger {
    lines: Lines,
    memory: Arc<dyn EffectMemory>,
    key: TransferKey,
}

impl Ledger for RunLedger {
    fn intend(&self, effect: &Effect) -> Result<(), LedgerError> {
        self.lines.record(|task, key| EventKind::EffectIntended { task, key, effect: effect.clone() })
    }

    /// In the round that intended it: what it left may be looked after in a later one.
    fn settle(&self, effect: &Effect, outcome: &EffectOutcome) -> Result<(), LedgerError> {
        let settled = |key: String| {
            let (effect, outcome) = (effect.clone(), outcome.clone());
            self.lines.record(|task, _| EventKind::EffectSettled { task, key, effect, outcome })
        };
        for round in (2..=self.key.round).rev() {
            let key = TransferKey { round, ..self.key.clone() }.id();
            if self.memory.effects(&key)?.iter().any(|known| known.effect == *effect) {
                return settled(key);
            }
        }
        settled(TransferKey { round: 1, ..self.key.clone() }.id())
    }

    fn remembers(&self) -> bool {
        self.memory.lasts()
    }

    /// Everything of this round, and of earlier rounds what nobody knows the end of, or what lies staged: a job whose
    /// answer was lost may still publish, while one that ended belongs to the past.
    fn recorded(&self) -> Result<Vec<RecordedEffect>, LedgerError> {
        let mut recorded = Vec::new();
        for round in 1..self.key.round {
            let earlier = TransferKey { round, ..self.key.clone() };
            recorded.extend(self.memory.effects(&earlier.id())?.into_iter().filter(RecordedEffect::is_open));
        }
        recorded.extend(self.memory.effects(&self.key.id())?);
        Ok(recorded)
    }

    fn abandoned(&self, target: &str) -> Result<Vec<Abandoned>, LedgerError> {
        let mut left = self.memory.abandoned(&self.key.id(), target)?;
        // What an earlier round has left is looked after by what is recorded.
        let earlier: Vec<String> =
            (1..self.key.round).map(|round| TransferKey { round, ..self.key.clone() }.id()).collect();
        left.retain(|left| !earlier.contains(&left.key));
        Ok(left)
    }

    fn settle_abandoned(&self, left: &Abandoned) -> Result<(), LedgerError> {
        let Abandoned { key, effect } = left.clone();
        let outcome = EffectOutcome::Removed;
        self.lines.record(|task, _| EventKind::EffectSettled { task, key, effect, outcome })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_file_run_twice_is_two_transfers_and_a_failed_one_is_tried_again() {
        let key = TransferKey {
            installation: "i".to_owned(),
            starting_attempt: AttemptId(1),
            task: TaskName::from_full("+main+a"),
            round: 1,
            config: "c".to_owned(),
        };
        let repeats = Repeats::default();
        assert_eq!(repeats.next(key.clone()), key);
        // It failed, so the next one is the same.
        assert_eq!(repeats.next(key.clone()), key);
        repeats.succeeded(&key);
        assert_eq!(repeats.next(key.clone()).config, "c#1");
        let other = TransferKey { round: 2, ..key };
        assert_eq!(repeats.next(other.clone()), other);
    }
}
