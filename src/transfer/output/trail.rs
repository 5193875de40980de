//! Which ranges of a source lie in which objects, and which of them are whole.

use std::collections::{BTreeMap, BTreeSet};

use crate::transfer::effect::{Division, Effect, EffectOutcome, Part, Piece, RecordedEffect, Staged, latest};
use crate::transfer::input::KeptRanges;

/// An object that is cut at the end of a range holds at least this part of the bytes from which on tables are read in
/// ranges: few objects, and a retry that reads little again.
pub(super) const CUTS: u64 = 32;

/// The ranges in the object that one reader's rows fill.
#[derive(Debug, Default)]
pub(super) struct Trail {
    /// The range that has not ended, and the number of its next piece.
    open: Option<(usize, u32)>,
    pieces: Vec<Piece>,
    read: u64,
}

impl Trail {
    /// Rows of a range come, so many before the filters.
    pub(super) fn rows_of(&mut self, range: usize, read: u64) {
        if self.open.is_none_or(|(open, _)| open != range) {
            self.open = Some((range, 0));
        }
        self.read += read;
    }

    /// The range has ended.
    pub(super) fn range_ends(&mut self) {
        if let Some((range, number)) = self.open.take() {
            self.pieces.push(Piece { range, number, is_last: true });
        }
    }

    /// The object ends: what it holds.
    pub(super) fn cut(&mut self, set: &str) -> Part {
        if let Some((range, number)) = &mut self.open {
            self.pieces.push(Piece { range: *range, number: *number, is_last: false });
            *number += 1;
        }
        Part {
            set: set.to_owned(),
            read: std::mem::take(&mut self.read),
            pieces: std::mem::take(&mut self.pieces),
        }
    }
}

/// What an earlier attempt has staged of a source that is read in ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeptParts {
    /// The name of the set.
    pub(super) name: String,
    pub(super) division: Division,
    /// The objects that hold whole ranges and nothing else.
    pub(super) objects: Vec<(Effect, Staged)>,
    /// Those ranges.
    pub(super) done: BTreeSet<usize>,
}

impl KeptParts {
    /// The last set, where some of its ranges are whole.
    pub(super) fn of(recorded: &[RecordedEffect]) -> Option<Self> {
        let last = latest(recorded);
        let (name, outcome) = last.iter().rev().find_map(|(effect, outcome)| match (effect, outcome) {
            (Effect::StageSet { name }, Some(outcome)) if !outcome.is_end() => Some((name, *outcome)),
            _ => None,
        })?;
        let EffectOutcome::Divided(division) = outcome else { return None };
        let objects = last.iter().filter_map(|(effect, outcome)| match (effect, outcome) {
            (Effect::StageObject { .. }, Some(EffectOutcome::Staged(staged)))
                if staged.part.as_ref().is_some_and(|part| part.set == *name) =>
            {
                Some(((*effect).clone(), staged.clone()))
            }
            _ => None,
        });
        let kept = Self {
            name: name.clone(),
            division: division.as_ref().clone(),
            objects: objects.collect(),
            done: BTreeSet::new(),
        };
        Some(kept.whole()).filter(|kept| !kept.done.is_empty())
    }

    /// Looks at each object; `differs` says what one is not any more.
    pub(super) fn looked_at<E>(
        self,
        mut differs: impl FnMut(&Effect, &Staged) -> Result<Option<String>, E>,
    ) -> Result<Serving, E> {
        let (mut unfit, mut reason) = (BTreeSet::new(), String::new());
        for (effect, staged) in &self.objects {
            let Effect::StageObject { object, .. } = effect else { continue };
            if let Some(difference) = differs(effect, staged)? {
                unfit.insert(object.clone());
                reason = difference;
            }
        }
        if unfit.is_empty() {
            return Ok(Serving::All(self));
        }
        let left = self.clone().without(&unfit);
        Ok(if left.done.is_empty() { Serving::Nothing(self, reason) } else { Serving::Some(left, reason) })
    }

    /// Without objects that do not serve, and those that hold other pieces of the same ranges.
    fn without(mut self, unfit: &BTreeSet<String>) -> Self {
        self.objects.retain(|(effect, _)| match effect {
            Effect::StageObject { object, .. } => !unfit.contains(object),
            _ => false,
        });
        self.whole()
    }

    /// Takes away objects that hold a range in part, for as long as that makes others such.
    fn whole(mut self) -> Self {
        loop {
            let done = whole_ranges(self.objects.iter().filter_map(|(_, staged)| staged.part.as_ref()));
            let before = self.objects.len();
            self.objects.retain(|(_, staged)| {
                let pieces = staged.part.iter().flat_map(|part| &part.pieces);
                pieces.clone().next().is_some() && pieces.clone().all(|piece| done.contains(&piece.range))
            });
            if self.objects.len() == before {
                return Self { done, ..self };
            }
        }
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

    /// The transfer whose names it has.
    pub(super) fn writer(&self) -> String {
        writer(&self.name)
    }

    /// As the source is asked for the rest.
    pub(super) fn ranges(&self) -> KeptRanges {
        KeptRanges {
            moment: self.division.moment.clone(),
            ranges: self.division.ranges.clone(),
            done: self.done.clone(),
        }
    }

    /// Rows in the objects, and those that were read for them.
    pub(super) fn rows(&self) -> (u64, u64) {
        let read = |staged: &Staged| staged.part.as_ref().map_or(0, |part| part.read);
        self.objects.iter().fold((0, 0), |(rows, all), (_, staged)| (rows + staged.rows, all + read(staged)))
    }

    /// Bytes of the objects.
    pub(super) fn bytes(&self) -> u64 {
        self.objects.iter().map(|(_, staged)| staged.bytes).sum()
    }

    /// What is said where it serves.
    pub(super) fn used(&self) -> String {
        let (of, at) = (self.division.ranges.len(), &self.division.at);
        format!(
            "{} of {of} ranges, which an earlier attempt staged from {at} on, are taken as they are: nothing was written to \
             the source since",
            self.done.len()
        )
    }

    /// What is said where it does not.
    pub(super) fn unused(&self, reason: &str) -> String {
        let (of, at) = (self.division.ranges.len(), &self.division.at);
        format!(
            "{} of {of} ranges, which an earlier attempt staged from {at} on, do not serve: {reason}; the rows are read \
             again",
            self.done.len()
        )
    }
}

/// What of a set still serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Serving {
    All(KeptParts),
    /// So much of it, since an object is not the one that it was.
    Some(KeptParts, String),
    /// Nothing of it, for the same reason.
    Nothing(KeptParts, String),
}

/// The transfer in a name of the form `sync_<transfer>_<try>`.
pub(super) fn writer(name: &str) -> String {
    name.split('_').nth(1).unwrap_or_default().to_owned()
}

/// Ranges whose pieces are all there.
fn whole_ranges<'p>(parts: impl Iterator<Item = &'p Part>) -> BTreeSet<usize> {
    let mut found: BTreeMap<usize, (BTreeSet<u32>, Option<u32>)> = BTreeMap::new();
    for piece in parts.flat_map(|part| &part.pieces) {
        let (numbers, last) = found.entry(piece.range).or_default();
        numbers.insert(piece.number);
        if piece.is_last {
            *last = Some(piece.number);
        }
    }
    let is_whole = |(numbers, last): &(BTreeSet<u32>, Option<u32>)| {
        last.is_some_and(|last| (0..=last).all(|number| numbers.contains(&number)))
    };
    found.into_iter().filter(|(_, pieces)| is_whole(pieces)).map(|(range, _)| range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::effect::Moment;

    fn piece(range: usize, number: u32, is_last: bool) -> Piece {
        Piece { range, number, is_last }
    }

    #[test]
    fn an_object_holds_whole_ranges_and_pieces_of_those_that_go_on() {
        let mut trail = Trail::default();
        trail.rows_of(3, 10);
        trail.rows_of(3, 10);
        trail.range_ends();
        trail.rows_of(7, 5);
        let part = trail.cut("s");
        assert_eq!((part.read, part.pieces), (25, vec![piece(3, 0, true), piece(7, 0, false)]));
        trail.rows_of(7, 1);
        assert_eq!(trail.cut("s").pieces, [piece(7, 1, false)]);
        trail.range_ends();
        trail.rows_of(9, 1);
        trail.range_ends();
        assert_eq!(trail.cut("s").pieces, [piece(7, 2, true), piece(9, 0, true)]);
    }

    fn kept(objects: &[(&str, &[Piece])]) -> Option<(Vec<String>, Vec<usize>)> {
        let set = Effect::StageSet { name: "s".to_owned() };
        let division = Division {
            at: String::new(),
            moment: Moment { server: "m".to_owned(), position: "p".to_owned() },
            ranges: Vec::new(),
            columns: Vec::new(),
            zones: String::new(),
            form: String::new(),
        };
        let divided = EffectOutcome::Divided(Box::new(division));
        let mut recorded = vec![RecordedEffect { effect: set, outcome: Some(divided) }];
        for (name, pieces) in objects {
            let part = Part { set: "s".to_owned(), read: 1, pieces: pieces.to_vec() };
            let staged = Staged { rows: 1, bytes: 1, mark: None, generation: None, part: Some(part) };
            recorded.push(RecordedEffect {
                effect: Effect::StageObject { bucket: "b".to_owned(), object: (*name).to_owned() },
                outcome: Some(EffectOutcome::Staged(staged)),
            });
        }
        KeptParts::of(&recorded).map(|kept| {
            let names = kept.objects.into_iter().map(|(effect, _)| match effect {
                Effect::StageObject { object, .. } => object,
                _ => String::new(),
            });
            (names.collect(), kept.done.into_iter().collect())
        })
    }

    #[test]
    fn objects_serve_where_all_of_their_ranges_are_whole() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let a = [piece(1, 0, true), piece(2, 0, false)];
        let b = [piece(2, 1, true), piece(3, 0, false)];
        let c = [piece(3, 1, true)];
        assert_eq!(kept(&[("a", &a), ("b", &b), ("c", &c)]), Some((names(&["a", "b", "c"]), vec![1, 2, 3])));
        // Without the end of range 3, `b` goes, and with it what `a` has of range 2.
        assert_eq!(kept(&[("a", &a), ("b", &b)]), None);
        let other = [piece(4, 0, true)];
        assert_eq!(kept(&[("a", &a), ("b", &b), ("d", &other)]), Some((names(&["d"]), vec![4])));
        // A piece between two others is missing.
        let (first, last) = ([piece(1, 0, false)], [piece(1, 2, true)]);
        assert_eq!(kept(&[("a", &first), ("b", &last)]), None);
    }
}
