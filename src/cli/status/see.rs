//! Looks up what the state knows of sessions besides their records.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use jiff::Timestamp;

use crate::report::live::Live;
use crate::report::slow::{LAST_RUNS, Slow, slow};
use crate::report::status::{self, Seen, Standing};
use crate::session::AttemptId;
use crate::state::{AttemptKind, SessionRecord, Store};

/// Looks up what is known of sessions besides their records.
pub(super) struct See<'a> {
    store: &'a Store,
    now: Timestamp,
    /// By project and workflow.
    durations: HashMap<(String, String), Vec<(AttemptId, Duration)>>,
}

impl<'a> See<'a> {
    pub(super) fn new(store: &'a Store, now: Timestamp) -> Self {
        Self { store, now, durations: HashMap::new() }
    }

    pub(super) fn all(&mut self, records: Vec<SessionRecord>) -> anyhow::Result<Vec<Seen>> {
        records.into_iter().map(|record| self.one(record)).collect()
    }

    pub(super) fn one(&mut self, record: SessionRecord) -> anyhow::Result<Seen> {
        let slow = self.slow(&record)?;
        let live = match Standing::of(&record.attempt) {
            Standing::Running => {
                let starting = record.attempt.starting_attempt;
                let tasks = status::latest_tasks(self.store.tasks(starting)?);
                let transfers = status::latest_transfers(self.store.transfers(starting)?);
                Some(Live::new(&tasks, &transfers, &self.store.progress(record.attempt.id)?))
            }
            _ => None,
        };
        Ok(Seen { record, slow, live })
    }

    /// A run of all is held against others of its kind, also before it has ended.
    fn slow(&mut self, record: &SessionRecord) -> anyhow::Result<Option<Slow>> {
        let attempt = &record.attempt;
        let standing = Standing::of(attempt);
        if attempt.kind != AttemptKind::Run.word() || matches!(standing, Standing::Partial | Standing::Lost) {
            return Ok(None);
        }
        let took = attempt.finished_at.unwrap_or(self.now).duration_since(attempt.started_at);
        let Ok(took) = Duration::try_from(took) else { return Ok(None) };
        let key = (record.project.clone(), record.workflow.clone());
        let durations = match self.durations.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                place.insert(self.store.good_durations(&record.project, &record.workflow)?)
            }
        };
        let before = durations.iter().filter(|(id, _)| *id < attempt.id).take(LAST_RUNS);
        Ok(slow(took, &before.map(|(_, took)| *took).collect::<Vec<_>>()))
    }
}
