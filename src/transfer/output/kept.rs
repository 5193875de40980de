//! What an earlier attempt staged whole: found in what was recorded, and handed on to be published without the source.

use super::trail::KeptParts;
use crate::transfer::context::TransferContext;
use crate::transfer::effect::{Effect, EffectOutcome, LedgerError, RecordedEffect, Sealed, Staged, latest};

/// How a moment is written for the state and the log.
pub(super) const AT: &str = "%Y-%m-%dT%H:%M:%SZ";

/// A set that is sealed and whose objects nobody has removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    /// What its objects are named after.
    pub(super) name: String,
    pub(super) sealed: Sealed,
    /// Its objects, in order, with what the service said of them.
    pub(super) objects: Vec<(Effect, Staged)>,
}

/// Whether something that is recorded belongs to what stays for a retry: a whole set, or ranges.
pub(super) fn holds(whole: Option<&Kept>, parts: Option<&KeptParts>, effect: &Effect) -> bool {
    whole.is_some_and(|kept| kept.holds(effect)) || parts.is_some_and(|parts| parts.holds(effect))
}

impl Kept {
    /// The set that was sealed last.
    pub(super) fn of(recorded: &[RecordedEffect]) -> Option<Self> {
        let latest = latest(recorded);
        let last = |effect: &Effect| latest.iter().find(|(known, _)| *known == effect)?.1;
        let (name, sealed) = latest.iter().rev().find_map(|(effect, outcome)| match (effect, outcome) {
            (Effect::StageSet { name }, Some(EffectOutcome::Sealed(sealed))) => Some((name, sealed)),
            _ => None,
        })?;
        let objects = sealed.objects.iter().map(|(bucket, object)| {
            let effect = Effect::StageObject { bucket: bucket.clone(), object: object.clone() };
            match last(&effect) {
                Some(EffectOutcome::Staged(staged)) => Some((effect, staged.clone())),
                _ => None,
            }
        });
        let objects = objects.collect::<Option<Vec<_>>>()?;
        Some(Self { name: name.clone(), sealed: sealed.as_ref().clone(), objects })
    }

    /// Whether something that is recorded belongs to it.
    pub(super) fn holds(&self, effect: &Effect) -> bool {
        match effect {
            Effect::StageSet { name } => *name == self.name,
            effect => self.objects.iter().any(|(own, _)| own == effect),
        }
    }

    /// The record of the set.
    pub(super) fn effect(&self) -> Effect {
        Effect::StageSet { name: self.name.clone() }
    }

    /// What is said where it serves.
    pub(super) fn used(&self) -> String {
        let Sealed { rows, at, .. } = &self.sealed;
        format!(
            "{} with {rows} rows, which an earlier attempt staged at {at}, are taken as they are: the source is not asked",
            objects(self.objects.len())
        )
    }

    /// What is said where it does not.
    pub(super) fn unused(&self, reason: &str) -> String {
        let Sealed { rows, at, .. } = &self.sealed;
        format!(
            "{} with {rows} rows, which an earlier attempt staged at {at}, do not serve: {reason}; the rows are read again",
            objects(self.objects.len())
        )
    }
}

fn objects(count: usize) -> String {
    if count == 1 { "1 object".to_owned() } else { format!("{count} objects") }
}

/// Remembers a set, of which the parts may be known: from here on a retry can publish it.
pub(super) fn seal(
    context: &TransferContext,
    name: &str,
    parts: Option<&str>,
    sealed: Sealed,
) -> Result<Effect, LedgerError> {
    let effect = Effect::StageSet { name: parts.unwrap_or(name).to_owned() };
    if parts.is_none() {
        context.ledger.intend(&effect)?;
    }
    context.ledger.settle(&effect, &EffectOutcome::Sealed(Box::new(sealed)))?;
    Ok(effect)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::effect::ReadRecord;

    fn object(name: &str) -> Effect {
        Effect::StageObject { bucket: "b".to_owned(), object: name.to_owned() }
    }

    fn staged() -> EffectOutcome {
        EffectOutcome::Staged(Staged { rows: 2, bytes: 9, mark: None, generation: None, part: None })
    }

    fn sealed(objects: &[&str]) -> EffectOutcome {
        let objects = objects.iter().map(|name| ("b".to_owned(), (*name).to_owned())).collect();
        EffectOutcome::Sealed(Box::new(Sealed {
            objects,
            rows: 4,
            bytes: 18,
            at: "2026-01-01T00:00:00Z".to_owned(),
            columns: Vec::new(),
            form: String::new(),
            changes: Vec::new(),
            read: ReadRecord::default(),
        }))
    }

    fn kept(recorded: &[(Effect, Option<EffectOutcome>)]) -> Option<Vec<Effect>> {
        let recorded: Vec<RecordedEffect> =
            recorded.iter().cloned().map(|(effect, outcome)| RecordedEffect { effect, outcome }).collect();
        Kept::of(&recorded).map(|kept| kept.objects.into_iter().map(|(effect, _)| effect).collect())
    }

    #[test]
    fn a_set_counts_when_it_is_sealed_and_all_of_it_is_there() {
        let set = || Effect::StageSet { name: "s_1".to_owned() };
        let whole = [
            (object("a"), Some(staged())),
            (object("b"), Some(staged())),
            (set(), Some(sealed(&["a", "b"]))),
        ];
        assert_eq!(kept(&whole), Some(vec![object("a"), object("b")]));
        let but = |effect: Effect, outcome: Option<EffectOutcome>| {
            let mut recorded = whole.to_vec();
            recorded.push((effect, outcome));
            kept(&recorded)
        };
        assert_eq!(but(object("b"), Some(EffectOutcome::Removed)), None);
        assert_eq!(but(object("b"), None), None);
        assert_eq!(but(set(), None), None);
        assert_eq!(but(set(), Some(EffectOutcome::Removed)), None);
        // The last one counts, whole or not.
        let later = Effect::StageSet { name: "s_2".to_owned() };
        assert_eq!(but(later.clone(), Some(sealed(&["a"]))), Some(vec![object("a")]));
        assert_eq!(but(later, Some(sealed(&["c"]))), None);
    }
}
