//! What failed, why, and what its log said last. Failures with the same words are told once: a server that is away
//! fails every table in the same way.

use std::collections::HashMap;

use super::html::Html;
use super::{LogTail, Page, counted};
use crate::report::attempt::{AttemptReport, Failed};
use crate::run::event::TaskFailure;
use crate::session::{AttemptId, TaskName};

/// So many bytes of failures are told; those after them are named with the command that shows them.
const ROOM: usize = 400 * 1024;

/// So many failures have their logs with them.
const WITH_LOGS: usize = 50;

/// So many names of a failure are shown at once.
const NAMED: usize = 10;

/// So many failures are shown at once.
const SHOWN: usize = 5;

/// So many logs are open at first.
const OPEN: usize = 1;

/// Failures with the same words.
struct Told<'a> {
    failure: &'a TaskFailure,
    failed: Vec<Failed<'a>>,
}

/// In the order of the first of each.
fn told(report: &AttemptReport) -> Vec<Told<'_>> {
    let mut places: HashMap<&TaskFailure, usize> = HashMap::new();
    let mut told: Vec<Told<'_>> = Vec::new();
    for failed in report.failed() {
        let place = *places.entry(failed.failure).or_insert(told.len());
        match told.get_mut(place) {
            Some(same) => same.failed.push(failed),
            None => told.push(Told { failure: failed.failure, failed: vec![failed] }),
        }
    }
    told
}

/// The logs whose ends a page shows: of the first task of each failure, by the attempt that ran it.
pub fn wanted_logs(report: &AttemptReport) -> Vec<(TaskName, AttemptId)> {
    let told = told(report);
    let first = told.iter().take(WITH_LOGS).filter_map(|told| told.failed.first());
    first.map(|failed| (failed.task.clone(), failed.attempt)).collect()
}

pub(super) fn write(html: &mut Html<'_>, page: &Page<'_>) {
    let all = told(page.report);
    if all.is_empty() {
        return;
    }
    html.markup("<section aria-labelledby=\"failures-are\"><h2 id=\"failures-are\">What failed</h2>\n");
    let begin = html.len();
    for (place, one) in all.iter().enumerate() {
        if place == SHOWN {
            let rest = counted(all.len() - place, "more failure");
            html.markup("<details>").element("summary", &rest).markup("\n");
        }
        if html.len() - begin > ROOM {
            let (session, attempt) = (page.report.session().id, page.report.attempt().id);
            html.markup("<p>").text(&counted(all.len() - place, "failure")).markup(" not shown here: <code>");
            html.text(&format!("sync report --session {session} --attempt {attempt}"));
            html.markup("</code> tells all.</p>\n");
            break;
        }
        let first = one.failed.first();
        let log = first.and_then(|failed| {
            page.logs.iter().find(|log| log.task == *failed.task && log.attempt == failed.attempt)
        });
        failure(html, one, log.map(|log| (log, place)));
    }
    if all.len() > SHOWN {
        html.markup("</details>\n");
    }
    html.markup("</section>\n");
}

fn failure(html: &mut Html<'_>, one: &Told<'_>, log: Option<(&LogTail, usize)>) {
    html.markup("<article class=\"failure\">\n<h3>").text(&one.failure.message).markup("</h3>\n");
    names(html, one);
    if !one.failure.causes.is_empty() {
        html.markup("<p class=\"quiet\">because</p><ol class=\"causes\">\n");
        for cause in &one.failure.causes {
            html.element("li", cause).markup("\n");
        }
        html.markup("</ol>\n");
    }
    if let Some(hint) = &one.failure.hint {
        html.markup("<p class=\"hint\"><strong>Hint:</strong> ").text(hint).markup("</p>\n");
    }
    if let Some((log, place)) = log.filter(|(log, _)| !log.lines.is_empty()) {
        html.markup(if place < OPEN { "<details open>" } else { "<details>" });
        let lines = match log.lines.len() {
            1 => "The last line".to_owned(),
            count => format!("The last {count} lines"),
        };
        html.markup("<summary>").text(&lines).markup(" of the log of ").element("bdi", log.task.as_str());
        let label = format!("end of the log of {}", log.task);
        html.markup("</summary>");
        html.open("pre", &[("tabindex", "0"), ("role", "region"), ("aria-label", &label)]);
        for line in &log.lines {
            html.text(line).markup("\n");
        }
        html.markup("</pre></details>\n");
    }
    html.markup("</article>\n");
}

/// Whom it met: a few names, and behind them the others.
fn names(html: &mut Html<'_>, one: &Told<'_>) {
    let list = |html: &mut Html<'_>, failed: &[Failed<'_>]| {
        html.markup("<ul class=\"names\">\n");
        for failed in failed {
            html.markup("<li>").element("bdi", failed.name).markup("</li>\n");
        }
        html.markup("</ul>\n");
    };
    let (few, others) = one.failed.split_at(one.failed.len().min(NAMED));
    list(html, few);
    if !others.is_empty() {
        let more =
            format!("{} more with the same failure", super::super::figures::count(others.len() as u64));
        html.markup("<details>").element("summary", &more);
        list(html, others);
        html.markup("</details>\n");
    }
}
