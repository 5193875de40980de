//! What is not as it was when the workflow last ended well.

mod tables;
mod tasks;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::report::attempt::AttemptReport;
use crate::report::status::Standing;

/// Changes of one kind.
#[derive(Debug, PartialEq)]
pub(super) struct Changes {
    /// What they are.
    pub title: &'static str,
    /// What changed, and how.
    pub items: Vec<(String, String)>,
}

/// From this on a duration is much longer: so many times as long, and so many seconds more.
const LONGER: (f64, f64) = (2.0, 10.0);

/// All changes from `before` to `now`, what weighs most first; kinds without one are left out.
pub(super) fn changes(now: &AttemptReport, before: &AttemptReport) -> Vec<Changes> {
    let tables = tables::changes(now, before);
    let tasks = tasks::changes(now, before);
    let all = tables.into_iter().chain(tasks).chain([parameters(now, before), places(now, before)]);
    all.filter(|changes| !changes.items.is_empty()).collect()
}

/// Whether what is missing in it is gone: an attempt that did not end well may not have come to it.
fn is_whole(report: &AttemptReport) -> bool {
    report.standing() == Standing::Success
}

/// `+12.5 %`; none where there was nothing before, or nothing changed.
pub(super) fn percent(now: f64, before: f64) -> Option<String> {
    let change = (now - before) / before * 100.0;
    let rounded = (change * 10.0).round() / 10.0;
    // NaN and infinity: there was nothing before.
    (rounded.is_finite() && rounded != 0.0)
        .then(|| format!("{}{:.1} %", if rounded < 0.0 { '−' } else { '+' }, rounded.abs()))
}

fn is_much_longer(now: f64, before: f64) -> bool {
    now > before * LONGER.0 && now > before + LONGER.1
}

fn parameters(now: &AttemptReport, before: &AttemptReport) -> Changes {
    let (now, before) = (now.attempt(), before.attempt());
    let names: BTreeSet<&String> = now.params.keys().chain(before.params.keys()).collect();
    let shown = |value: Option<&Value>| match value {
        None => "not given".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    let differ = names.into_iter().filter(|name| now.params.get(*name) != before.params.get(*name));
    let items = differ.map(|name| {
        let (now, before) = (shown(now.params.get(name)), shown(before.params.get(name)));
        (name.clone(), format!("{now}, before {before}"))
    });
    Changes { title: "Parameters", items: items.collect() }
}

/// The workflow's file and the machine.
fn places(now: &AttemptReport, before: &AttemptReport) -> Changes {
    let (now, before) = (now.attempt(), before.attempt());
    let places = [("file", &now.file, &before.file), ("host", &now.process.host, &before.process.host)];
    let differ = places.into_iter().filter(|(_, now, before)| now != before);
    let items = differ.map(|(name, now, before)| (name.to_owned(), format!("{now}, before {before}")));
    Changes { title: "Where it ran", items: items.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_has_a_sign() {
        let shown = [(112.5, 100.0), (1.0, 4.0), (5.0, 5.0), (5.0, 0.0), (0.0, 0.0), (0.0, 3.0)]
            .map(|(now, before)| percent(now, before).unwrap_or_default());
        assert_eq!(shown, ["+12.5 %", "−75.0 %", "", "", "", "−100.0 %"]);
    }

    #[test]
    fn a_little_longer_is_nothing_to_tell() {
        assert!(is_much_longer(21.0, 10.0) && !is_much_longer(19.0, 10.0) && !is_much_longer(3.0, 1.0));
    }
}
