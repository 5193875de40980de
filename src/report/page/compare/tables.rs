//! Tables that are new, gone, or not what they were.

use std::collections::HashMap;

use super::{Changes, is_much_longer, is_whole, percent};
use crate::report::attempt::AttemptReport;
use crate::report::figures;
use crate::state::{TransferRecord, TransferState};
use crate::transfer::report::{TransferReport, Treated};

/// From this on rows changed much: a share of them, and so many.
const MUCH: (f64, u64) = (0.2, 100);

pub(super) fn changes(now: &AttemptReport, before: &AttemptReport) -> Vec<Changes> {
    let Matched { both, new, gone } = Matched::of(now.transfers(), before.transfers());
    let figures: Vec<(&TransferReport, &TransferReport)> = both
        .iter()
        .filter_map(|(now, before)| Some((now.report.as_ref()?, before.report.as_ref()?)))
        .collect();
    let of_all = |title, change: fn(&TransferReport, &TransferReport) -> Option<String>| {
        let items = figures.iter().filter_map(|(now, before)| {
            let how = change(now, before)?;
            Some((now.source.clone(), how))
        });
        Changes { title, items: items.collect() }
    };
    let ends = |transfers: Vec<&TransferRecord>| {
        let items = transfers.into_iter().map(|one| (one.source.clone(), format!("to {}", one.target)));
        items.collect()
    };
    let missing = if is_whole(now) { "Tables that are gone" } else { "Tables it did not come to" };
    vec![
        of_all("No rows, where there were some", |now, before| {
            (now.rows_sent == 0 && before.rows_sent > 0)
                .then(|| format!("before {}", figures::count(before.rows_sent)))
        }),
        of_all("Rows changed much", rows),
        Changes { title: "New tables", items: ends(new) },
        Changes { title: missing, items: ends(gone) },
        of_all("Tables that took much longer", |now, before| {
            is_much_longer(now.seconds, before.seconds).then(|| {
                let shown = figures::seconds;
                format!("{} s, before {} s", shown(now.seconds), shown(before.seconds))
            })
        }),
        of_all("Another mode", |now, before| {
            // Reports of older versions do not name it.
            let (mode, then) = (now.mode.as_ref()?, before.mode.as_ref()?);
            (mode != then).then(|| format!("{mode}, before {then}"))
        }),
        of_all("Transfer files with another text", |now, before| {
            let differ = now.config.as_ref()? != before.config.as_ref()?;
            differ.then(String::new)
        }),
        of_all("Columns that the policy treats in another way", columns),
    ]
}

fn rows(now: &TransferReport, before: &TransferReport) -> Option<String> {
    let (rows, then) = (now.rows_sent, before.rows_sent);
    let difference = rows.abs_diff(then);
    // Counts are far below where a double loses digits.
    #[expect(clippy::cast_precision_loss, reason = "a share does not need them")]
    let (share, change) = (difference as f64 / then as f64, percent(rows as f64, then as f64));
    (rows > 0 && then > 0 && share >= MUCH.0 && difference >= MUCH.1).then(|| {
        let change = change.unwrap_or_default();
        format!("{}, before {} ({change})", figures::count(rows), figures::count(then))
    })
}

fn columns(now: &TransferReport, before: &TransferReport) -> Option<String> {
    let action = |report: &TransferReport, column: &str| {
        let found = report.policy.iter().find(|treated: &&Treated| treated.column == column);
        found.map_or_else(|| "none".to_owned(), |treated| treated.action.clone())
    };
    let mut names: Vec<&str> =
        now.policy.iter().chain(&before.policy).map(|treated| treated.column.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let differ = names.into_iter().filter(|name| action(now, name) != action(before, name));
    let told: Vec<String> = differ
        .map(|name| format!("`{name}`: {}, before {}", action(now, name), action(before, name)))
        .collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// Which tables of two runs are the same.
struct Matched<'a> {
    both: Vec<(&'a TransferRecord, &'a TransferRecord)>,
    new: Vec<&'a TransferRecord>,
    gone: Vec<&'a TransferRecord>,
}

impl<'a> Matched<'a> {
    /// By source and target; what is left by the source alone, since names of targets may have the day in them. A table
    /// that failed is neither new nor gone.
    fn of(now: &'a [TransferRecord], before: &'a [TransferRecord]) -> Self {
        let mut matched = Self { both: Vec::new(), new: Vec::new(), gone: Vec::new() };
        let left = matched
            .take(now.iter().collect(), before.iter().collect(), |one| (one.source.as_str(), target(one)));
        (matched.new, matched.gone) = matched.take(left.0, left.1, |one| (one.source.as_str(), ""));
        matched.new.retain(|one| one.state == TransferState::Success);
        matched
    }

    fn take<K: Eq + std::hash::Hash>(
        &mut self,
        now: Vec<&'a TransferRecord>,
        before: Vec<&'a TransferRecord>,
        key: impl Fn(&'a TransferRecord) -> K,
    ) -> (Vec<&'a TransferRecord>, Vec<&'a TransferRecord>) {
        let mut waiting: HashMap<K, Vec<usize>> = HashMap::new();
        for (place, one) in before.iter().enumerate().rev() {
            waiting.entry(key(one)).or_default().push(place);
        }
        let mut is_taken = vec![false; before.len()];
        let mut left = Vec::new();
        for one in now {
            match waiting.get_mut(&key(one)).and_then(Vec::pop) {
                Some(place) => {
                    is_taken[place] = true;
                    self.both.push((one, before[place]));
                }
                None => left.push(one),
            }
        }
        let rest = before.into_iter().zip(is_taken).filter(|(_, taken)| !taken).map(|(one, _)| one);
        (left, rest.collect())
    }
}

/// As written where the transfer ended, else as it was going to be.
fn target(one: &TransferRecord) -> &str {
    one.report.as_ref().map_or(one.target.as_str(), |report| report.target.as_str())
}
