//! What this transfer did itself, remembered beside the ledger: who runs one without a workflow has no ledger that
//! remembers, and yet what is staged goes, and a transfer that begins anew finds out what was published.

use std::sync::{Arc, Mutex, PoisonError};

use crate::transfer::effect::{Abandoned, Effect, EffectOutcome, Ledger, LedgerError, RecordedEffect};

/// A ledger that also tells of this transfer.
pub(super) struct OwnMemory {
    ledger: Arc<dyn Ledger>,
    own: Mutex<Vec<RecordedEffect>>,
}

impl OwnMemory {
    pub(super) fn beside(ledger: &Arc<dyn Ledger>) -> Arc<dyn Ledger> {
        Arc::new(Self { ledger: Arc::clone(ledger), own: Mutex::default() })
    }

    fn note(&self, effect: &Effect, outcome: Option<&EffectOutcome>) {
        let recorded = RecordedEffect { effect: effect.clone(), outcome: outcome.cloned() };
        self.own.lock().unwrap_or_else(PoisonError::into_inner).push(recorded);
    }
}

impl Ledger for OwnMemory {
    fn intend(&self, effect: &Effect) -> Result<(), LedgerError> {
        self.ledger.intend(effect)?;
        self.note(effect, None);
        Ok(())
    }

    fn settle(&self, effect: &Effect, outcome: &EffectOutcome) -> Result<(), LedgerError> {
        self.ledger.settle(effect, outcome)?;
        self.note(effect, Some(outcome));
        Ok(())
    }

    /// What the ledger remembers, and then what this attempt did, which comes to the same end.
    fn recorded(&self) -> Result<Vec<RecordedEffect>, LedgerError> {
        let mut recorded = self.ledger.recorded()?;
        recorded.extend(self.own.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned());
        Ok(recorded)
    }

    fn remembers(&self) -> bool {
        self.ledger.remembers()
    }

    fn abandoned(&self, target: &str) -> Result<Vec<Abandoned>, LedgerError> {
        self.ledger.abandoned(target)
    }

    fn settle_abandoned(&self, left: &Abandoned) -> Result<(), LedgerError> {
        self.ledger.settle_abandoned(left)
    }
}
