//! Tasks that are new, gone, or not what they were.

use std::collections::{BTreeMap, HashSet};

use super::{Changes, is_much_longer, is_whole};
use crate::report::attempt::AttemptReport;
use crate::report::{figures, status};
use crate::state::TaskRecord;

pub(super) fn changes(now: &AttemptReport, before: &AttemptReport) -> Vec<Changes> {
    let (these, those) = (by_name(now), by_name(before));
    // Their time is that of their tables.
    let copying: HashSet<&str> = now.transfers().iter().map(|one| one.task.as_str()).collect();
    let both = || these.iter().filter_map(|(name, task)| Some((*task, *those.get(name)?)));
    let definitions = both().filter(|(task, then)| match (&task.result, &then.result) {
        (Some(task), Some(then)) => {
            task.definition != then.definition && !task.definition.is_empty() && !then.definition.is_empty()
        }
        _ => false,
    });
    let longer = both().filter_map(|(task, then)| {
        let leaf = task.operator.is_some() && !copying.contains(task.name.as_str());
        let (took, took_then) = (status::task_seconds(task)?, status::task_seconds(then)?);
        let how = format!("{} s, before {} s", figures::seconds(took), figures::seconds(took_then));
        (leaf && is_much_longer(took, took_then)).then(|| (task.name.to_string(), how))
    });
    let missing_in = |some: &BTreeMap<String, &TaskRecord>, others: &BTreeMap<String, &TaskRecord>| {
        let missing = some.iter().filter(|(name, _)| !others.contains_key(*name));
        missing.map(|(_, task)| (task.name.to_string(), operator(task))).collect::<Vec<_>>()
    };
    let gone = if is_whole(now) { missing_in(&those, &these) } else { Vec::new() };
    vec![
        Changes {
            title: "Tasks with another definition",
            items: definitions.map(|(task, _)| (task.name.to_string(), operator(task))).collect(),
        },
        Changes { title: "New tasks", items: missing_in(&these, &those) },
        Changes { title: "Tasks that are gone", items: gone },
        Changes { title: "Tasks that took much longer", items: longer.collect() },
    ]
}

fn operator(task: &TaskRecord) -> String {
    task.operator.as_ref().map(|name| format!("{name}>")).unwrap_or_default()
}

fn by_name(report: &AttemptReport) -> BTreeMap<String, &TaskRecord> {
    report.tasks().iter().map(|task| (lasting(task.name.as_str()), task)).collect()
}

/// The name without the places of items in the lists of `for_each>`: an item more at the front moves all others on.
fn lasting(name: &str) -> String {
    let mut lasting = String::with_capacity(name.len());
    for (number, segment) in name.split('+').enumerate() {
        if number > 0 {
            lasting.push('+');
        }
        match segment.strip_prefix("for-") {
            None => lasting.push_str(segment),
            Some(items) => {
                let items = items.split('&').map(|item| match item.splitn(4, '=').collect::<Vec<_>>()[..] {
                    [_, key, _, value] => format!("{key}={value}"),
                    _ => item.to_owned(),
                });
                lasting.push_str(&format!("for-{}", items.collect::<Vec<_>>().join("&")));
            }
        }
    }
    lasting
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_the_same_wherever_it_stands() {
        let name = |place: u32| format!("+wf+copy^sub+for-0=table=0=a=b&1=day={place}=x+go");
        assert_eq!(lasting(&name(3)), "+wf+copy^sub+for-table=a=b&day=x+go");
        assert_eq!(lasting(&name(3)), lasting(&name(40)));
        assert_eq!(lasting("+wf+for-nobody"), "+wf+for-nobody");
    }
}
