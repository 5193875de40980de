//! What earlier attempts recorded of publications, and what that says.

use crate::transfer::effect::{Effect, EffectOutcome, RecordedEffect, latest};
use crate::transfer::output::OutputFigures;

/// The table beside the target into which a transaction that publishes writes a row.
pub(crate) const STATUS_TABLE: &str = "__sync_published";
/// Days after which nobody asks for such a row any more: the state of the run is gone as well by then.
pub(crate) const STATUS_DAYS: u32 = 90;

/// What to do where the user may not make that table.
pub(crate) fn not_granted(create: &str) -> String {
    format!("let somebody who may run `{create}` and grant SELECT, INSERT and DELETE on it")
}

/// What became of a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The row is written by this transaction, and by no other.
    Ours,
    /// An earlier transaction wrote it.
    Published,
}

/// What earlier attempts recorded.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Past {
    /// The publication of this transfer, where it is done.
    pub(crate) done: Option<Effect>,
    /// Publications whose end nobody recorded, also those of earlier rounds.
    pub(crate) open: Vec<Effect>,
}

impl Past {
    /// `is_own` knows the ids of this transfer's own publications.
    pub(crate) fn read(recorded: &[RecordedEffect], is_own: impl Fn(&str) -> bool) -> Self {
        let mut past = Self::default();
        for (effect, outcome) in latest(recorded) {
            let Effect::PublishRows { id: of, .. } = effect else { continue };
            match outcome {
                None => past.open.push(effect.clone()),
                Some(EffectOutcome::Done) if is_own(of) => past.done = Some(effect.clone()),
                Some(_) => {}
            }
        }
        past
    }
}

/// The figures of a publication.
pub(crate) fn figures(effect: &Effect) -> OutputFigures {
    let Effect::PublishRows { rows, bytes, .. } = effect else { return OutputFigures::default() };
    OutputFigures { rows_sent: *rows, rows_loaded: Some(*rows), bytes: *bytes, notes: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publication(id: &str, rows: u64) -> Effect {
        Effect::PublishRows { target: "t".to_owned(), id: id.to_owned(), rows, bytes: 9 }
    }

    #[test]
    fn what_nobody_recorded_the_end_of_is_open() {
        let failed = EffectOutcome::Failed { message: "x".to_owned() };
        let recorded = [
            (publication("a", 1), None),
            (publication("a", 1), Some(failed)),
            (publication("b", 2), None),
            (publication("a", 3), None),
            (publication("c", 4), Some(EffectOutcome::Done)),
        ];
        let recorded = recorded.map(|(effect, outcome)| RecordedEffect { effect, outcome });
        let past = Past::read(&recorded, |id| id == "a");
        assert_eq!(past.open, [publication("b", 2), publication("a", 3)]);
        assert_eq!(past.done, None);
        assert_eq!(Past::read(&recorded, |id| id == "c").done, Some(publication("c", 4)));
    }
}
