//! `sla:` at the top of a workflow: when a run is late, and what happens then.

use std::time::Duration;

use jiff::civil::Time;
use jiff::{ToSpan, Zoned};
use serde_json::{Value, json};

use super::compile::{Compiler, Place, find, span_of};
use super::params;
use super::workflow::Task;
use crate::diagnostic::Problem;
use crate::yaml::{Entry, Node, NodeValue};

/// What the alert and the failure say; Digdag's words.
const VIOLATION: &str = "SLA violation";

/// A compiled `sla:`.
#[derive(Debug, Clone)]
pub struct Sla {
    /// When the run is late.
    pub due: Due,
    /// What runs then, each below the root under its own name: `^sla^alert`, `^sla^fail` and `^sla`.
    pub tasks: Vec<Task>,
}

/// When a run is late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// At a time of day in the workflow's zone: the next one after the run began.
    At(Time),
    /// So long after the run began.
    After(Duration),
}

impl Due {
    /// How long after `began` (in the workflow's zone) that is.
    pub fn after(self, began: &Zoned) -> Duration {
        let time = match self {
            Self::After(duration) => return duration,
            Self::At(time) => time,
        };
        let on = |date: jiff::civil::Date| date.to_datetime(time).to_zoned(began.time_zone().clone()).ok();
        let today = on(began.date()).filter(|due| due > began);
        let due = today.or_else(|| on(began.date().saturating_add(1.day())));
        due.map_or(Duration::MAX, |due| due.duration_since(began).unsigned_abs())
    }
}

/// Compiles the value of `sla:`.
pub(super) fn compile(compiler: &mut Compiler, entry: &Entry, place: Place<'_>) -> Option<Sla> {
    let Some(entries) = entry.value.as_mapping() else {
        let message = format!("`sla` must be a mapping, but is {}", entry.value.kind());
        compiler.report(Problem::error("sla", message, span_of(entry)), place);
        return None;
    };
    let entries: Vec<&Entry> = entries.iter().collect();
    let due = match (find(&entries, "time"), find(&entries, "duration")) {
        (Some(time), None) => parts(time).and_then(|[hour, minute, second]| {
            let small = |part: u32| i8::try_from(part).ok();
            Time::new(small(hour)?, small(minute)?, small(second)?, 0).ok().map(Due::At)
        }),
        (None, Some(duration)) => parts(duration).map(|[hours, minutes, seconds]| {
            let seconds = u64::from(hours) * 3600 + u64::from(minutes) * 60 + u64::from(seconds);
            Due::After(Duration::from_secs(seconds))
        }),
        _ => {
            let message = "`sla` must be specified using either `time` or `duration`";
            compiler.report(Problem::error("sla", message, &entry.key_span), place);
            return None;
        }
    };
    if due.is_none() {
        let wrong = find(&entries, "time").or_else(|| find(&entries, "duration"))?;
        let message = format!("`{}` of `sla` needs to be `HH:MM` or `HH:MM:SS`", wrong.key);
        compiler.report(Problem::error("sla", message, span_of(wrong)), place);
    }
    let alert = find(&entries, "alert").is_none() || compiler.flag(&entries, "alert", place);
    let fail = compiler.flag(&entries, "fail", place);
    let mut tasks = Vec::new();
    if alert {
        tasks.extend(made(compiler, "^sla^alert", &json!({"notify>": VIOLATION}), entry, place));
    }
    if fail {
        tasks.extend(made(compiler, "^sla^fail", &json!({"fail>": VIOLATION}), entry, place));
    }
    tasks.extend(own_tasks(compiler, entry, &entries, place));
    Some(Sla { due: due?, tasks })
}

/// `HH:MM` or `HH:MM:SS`.
fn parts(entry: &Entry) -> Option<[u32; 3]> {
    let text = params::to_text(&entry.key, &entry.value.to_json()).ok()?;
    let parts: Vec<u32> = text.split(':').map(|part| part.trim().parse().ok()).collect::<Option<_>>()?;
    match parts.as_slice() {
        [hours, minutes] => Some([*hours, *minutes, 0]),
        [hours, minutes, seconds] => Some([*hours, *minutes, *seconds]),
        _ => None,
    }
}

/// What is written beside the options: a task or a group.
fn own_tasks(compiler: &mut Compiler, entry: &Entry, entries: &[&Entry], place: Place<'_>) -> Option<Task> {
    let options = ["time", "duration", "alert", "fail"];
    let rest: Vec<Entry> = entries
        .iter()
        .filter(|entry| !options.contains(&entry.key.as_str()))
        .map(|entry| (*entry).clone())
        .collect();
    if rest.is_empty() {
        return None;
    }
    let node = Node { value: NodeValue::Mapping(rest), span: entry.value.span.clone() };
    let full = place.full.child("^sla");
    compiler.task(&node, Place { name: "^sla", full: &full, span: &entry.key_span, depth: place.depth + 1 })
}

/// A task of ours, with the place of `sla:`.
fn made(compiler: &mut Compiler, name: &str, value: &Value, entry: &Entry, place: Place<'_>) -> Option<Task> {
    let full = place.full.child(name);
    let node = Node::from_json(value, &entry.key_span);
    compiler.task(&node, Place { name, full: &full, span: &entry.key_span, depth: place.depth + 1 })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::reader::MemoryReader;

    fn load(sla: &str) -> (Option<Sla>, Vec<String>) {
        let text = format!("timezone: Asia/Tokyo\nsla: {sla}\n+a: {{sh>: x}}\n");
        let loaded =
            crate::dig::load(Path::new("main.dig"), &MemoryReader::default().with("main.dig", &text));
        let problems = loaded.problems.iter().map(|problem| {
            let column = problem.span.as_ref().map_or(0, crate::diagnostic::Span::column);
            format!("{column} {}", problem.message)
        });
        (loaded.workflow.and_then(|workflow| workflow.sla), problems.collect())
    }

    fn names(sla: &str) -> String {
        let (sla, problems) = load(sla);
        assert_eq!(problems, Vec::<String>::new());
        sla.expect("an sla").tasks.iter().map(|task| task.name.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_options_say_what_runs() {
        assert_eq!(names("{duration: '00:02'}"), "^sla^alert");
        assert_eq!(names("{duration: 00:00:02, fail: true, alert: false}"), "^sla^fail");
        assert_eq!(names("{time: 02:00, fail: true, +x: {sh>: late}}"), "^sla^alert ^sla^fail ^sla");
        assert_eq!(names("{time: 02:00, alert: false, sh>: late}"), "^sla");
    }

    #[test]
    fn a_time_is_the_next_one_in_the_zone() {
        let due =
            |sla: &str, began: &str| load(sla).0.expect("an sla").due.after(&began.parse().expect("a time"));
        let hours = |count: u64| Duration::from_secs(count * 3600);
        assert_eq!(due("{time: 02:00}", "2026-01-05T01:00:00[Asia/Tokyo]"), hours(1));
        assert_eq!(due("{time: 02:00}", "2026-01-05T02:00:00[Asia/Tokyo]"), hours(24));
        assert_eq!(due("{time: 02:30:10}", "2026-03-29T01:00:00[Europe/Berlin]"), Duration::from_secs(5410));
        assert_eq!(due("{duration: 30:00}", "2026-01-05T02:00:00[Asia/Tokyo]"), hours(30));
    }

    #[test]
    fn what_is_wrong_is_named_in_its_place() {
        for (sla, expected) in [
            ("5", "6 `sla` must be a mapping, but is a number"),
            ("{fail: true}", "1 `sla` must be specified using either `time` or `duration`"),
            ("{time: 01:00, duration: 01:00}", "1 `sla` must be specified using either `time` or `duration`"),
            ("{time: '25:00'}", "13 `time` of `sla` needs to be `HH:MM` or `HH:MM:SS`"),
            ("{duration: 10m}", "17 `duration` of `sla` needs to be `HH:MM` or `HH:MM:SS`"),
            (
                "{duration: 01:00, fail: maybe}",
                "30 Expected 'true' or 'false' for key 'fail' but got \"maybe\" (string)",
            ),
            ("{duration: 01:00, warn: true, +x: {sh>: x}}", "24 unknown key `warn` in a group"),
        ] {
            assert_eq!(load(sla).1, [expected], "{sla}");
        }
    }
}
