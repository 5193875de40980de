//! The head of the page: how it ended in a word, in a sentence, the command that goes on, and the figures of all.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use std::time::Duration;

use super::compare::percent;
use super::html::Html;
use super::{Page, counted};
use crate::report::attempt::AttemptReport;
use crate::report::figures;
use crate::report::status::{self, Standing};
use crate::session::TaskState;
use crate::state::TransferState;

/// The style of the page.
pub(super) const STYLE: &str = include_str!("style.css");

/// What sorts, filters and copies.
pub(super) const SCRIPT: &str = include_str!("page.js");

/// All up to the content.
pub(super) fn write(html: &mut Html<'_>, page: &Page<'_>) {
    let (report, attempt) = (page.report, page.report.attempt());
    let word = report.standing().word();
    html.markup("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    html.open("meta", &[("http-equiv", "Content-Security-Policy"), ("content", &content_policy())]);
    html.markup(
        "\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"robots\" content=\"noindex\">\n",
    );
    let title = format!("{word}: {}, {}", report.session().workflow, report.session().session_time);
    html.element("title", &title).markup("\n<style>").markup(STYLE).markup("</style>\n</head>\n");
    html.open("body", &[("class", tone(report.standing()))]);
    html.markup("\n<a class=\"skip\" href=\"#main\">To the report</a>\n<header>\n<h1>");
    html.open("span", &[("class", "verdict")]).markup(mark(report.standing()));
    html.text(verdict(report.standing())).markup("</span> ");
    html.element("bdi", &report.session().workflow).markup("</h1>\n<p class=\"lead\">");
    html.text(&sentence(report)).markup("</p>\n");
    command(html, report);
    html.markup("<dl class=\"facts\">\n");
    let clock = |at| status::clock(at, page.zone);
    let mut facts = vec![
        ("Session time", session_time(&report.session().session_time)),
        ("Session, attempt", format!("{}, {} ({})", report.session().id, attempt.id, attempt.kind)),
        ("Started", clock(attempt.started_at)),
    ];
    match (report.finished_at(), report.seconds()) {
        (Some(at), Some(seconds)) => {
            facts.push(("Ended", clock(at)));
            facts.push(("Took", duration(seconds)));
        }
        _ => facts.push(("Ended", "not known".to_owned())),
    }
    facts.push(("Times in", zone_name(page)));
    for (name, value) in facts {
        html.markup("<div>").element("dt", name).element("dd", &value).markup("</div>\n");
    }
    html.markup("</dl>\n");
    contents(html, page);
    html.markup("</header>\n");
}

/// `2026-01-02 00:00:00 +09:00`, as people read it.
fn session_time(iso: &str) -> String {
    match iso.split_once('T').and_then(|(day, time)| Some((day, time.split_at_checked(8)?))) {
        Some((day, (time, offset))) => format!("{day} {time} {offset}"),
        None => iso.to_owned(),
    }
}

/// Where to go from here.
fn contents(html: &mut Html<'_>, page: &Page<'_>) {
    let count = |count: usize| format!(" {}", figures::count(count as u64));
    let (failed, tables) = (page.report.failed().len(), page.report.transfers().len());
    html.markup("<nav aria-label=\"Contents\"><ul>");
    if failed > 0 {
        html.markup("<li><a href=\"#failures-are\">What failed</a>").text(&count(failed)).markup("</li>");
    }
    html.markup(
        "<li><a href=\"#figures-are\">In all</a></li><li><a href=\"#changes-are\">What changed</a></li>",
    );
    if !page.report.tasks().is_empty() {
        let tasks = count(page.report.tasks().len());
        html.markup("<li><a href=\"#timeline-is\">Timeline of tasks</a>").text(&tasks).markup("</li>");
    }
    if tables > 0 {
        html.markup("<li><a href=\"#tables-are\">Tables</a>").text(&count(tables)).markup("</li>");
    }
    html.markup("<li><a href=\"#run-is\">The run</a></li></ul></nav>\n");
}

/// Nothing from anywhere, and of what is in the page the style and the script as they are here.
fn content_policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

fn zone_name(page: &Page<'_>) -> String {
    let at = page.report.attempt().started_at.to_zoned(page.zone.clone());
    let name = page.zone.iana_name().map(|name| format!("{name} ")).unwrap_or_default();
    format!("{name}{}", at.strftime("%:z"))
}

fn command(html: &mut Html<'_>, report: &AttemptReport) {
    let Some(command) = report.retry_command() else { return };
    html.markup("<div class=\"command\"><p id=\"command-is\">Run what is left:</p>\n");
    html.markup("<code id=\"command\" tabindex=\"0\" role=\"group\" aria-labelledby=\"command-is\">");
    html.pasteable(command).markup("</code>\n");
    html.markup("<button type=\"button\" id=\"copy\" hidden>Copy</button>");
    html.markup("<span id=\"copied\" role=\"status\"></span></div>\n");
}

/// The class that gives the colour.
fn tone(standing: Standing) -> &'static str {
    match standing {
        Standing::Success => "good",
        Standing::Failed | Standing::Lost => "bad",
        Standing::Partial | Standing::Stopped | Standing::Running => "halfway",
    }
}

/// A shape for those who do not see the colour.
fn mark(standing: Standing) -> &'static str {
    match standing {
        Standing::Success => {
            "<svg class=\"mark\" viewBox=\"0 0 16 16\" aria-hidden=\"true\"><circle cx=\"8\" cy=\"8\" r=\"7.5\"/>\
             <path d=\"M4.5 8.5l2.4 2.4 4.8-5.4\"/></svg>"
        }
        Standing::Failed | Standing::Lost => {
            "<svg class=\"mark\" viewBox=\"0 0 16 16\" aria-hidden=\"true\"><path class=\"filled\" \
             d=\"M5 .5h6L15.5 5v6L11 15.5H5L.5 11V5z\"/><path d=\"M5.5 5.5l5 5m0-5l-5 5\"/></svg>"
        }
        Standing::Partial | Standing::Stopped | Standing::Running => {
            "<svg class=\"mark\" viewBox=\"0 0 16 16\" aria-hidden=\"true\"><path class=\"filled\" \
             d=\"M8 .5L15.5 15H.5z\"/><path d=\"M8 5.5v4.500m0 2v1\"/></svg>"
        }
    }
}

fn verdict(standing: Standing) -> &'static str {
    match standing {
        Standing::Running => "Running:",
        Standing::Success => "Succeeded:",
        Standing::Partial => "Partly run:",
        Standing::Failed => "Failed:",
        Standing::Stopped => "Stopped:",
        Standing::Lost => "Ended without a word:",
    }
}

/// What happened, for somebody who has just woken up.
fn sentence(report: &AttemptReport) -> String {
    let tasks = report.tasks().iter().filter(|task| task.operator.is_some());
    let done_tasks = tasks.clone().filter(|task| task.state == TaskState::Success).count();
    let tables = report.transfers();
    let done_tables = tables.iter().filter(|table| table.state == TransferState::Success).count();
    let failed_tables = tables.iter().filter(|table| table.state == TransferState::Error).count();
    let rows = figures::count(report.totals().rows_sent);
    let all_tasks = tasks.count();
    let done = match (done_tables, all_tasks) {
        (0, _) => format!("{} of {} are done", figures::count(done_tasks as u64), counted(all_tasks, "task")),
        (tables, _) => format!("{} with {rows} rows are copied", counted(tables, "table")),
    };
    match report.standing() {
        Standing::Success if tables.is_empty() => format!("All is done: {}.", counted(all_tasks, "task")),
        Standing::Success => {
            format!("All is done: {} with {rows} rows copied.", counted(done_tables, "table"))
        }
        Standing::Partial => format!("What was asked for is done, and that was not all. {done}."),
        Standing::Failed => {
            let failed = usize::try_from(report.totals().failed_tasks).unwrap_or(usize::MAX);
            let failed = match failed_tables {
                0 => counted(failed, "task"),
                count => counted(count, "table"),
            };
            format!("{failed} failed; {done}.")
        }
        Standing::Stopped => match report.signal().map(|number| (number, signal_name(number))) {
            Some((number, name)) => format!("Stopped by signal {number}{name}; {done}."),
            None => format!("Stopped by a signal; {done}."),
        },
        Standing::Lost => {
            format!(
                "Its process was killed, ran out of memory, or the power went: nobody knows when. {done}."
            )
        }
        Standing::Running => format!("It had not ended when this page was made. {done}."),
    }
}

fn signal_name(number: i32) -> &'static str {
    match number {
        1 => " (SIGHUP)",
        2 => " (SIGINT)",
        15 => " (SIGTERM)",
        _ => "",
    }
}

fn duration(seconds: f64) -> String {
    Duration::try_from_secs_f64(seconds).map(figures::duration).unwrap_or_default()
}

/// What all tables and tasks come to, each with what it was when all went well.
pub(super) fn figures(html: &mut Html<'_>, page: &Page<'_>) {
    let totals = page.report.totals();
    let before = page.before.map(AttemptReport::totals);
    let tasks =
        |report: &AttemptReport| report.tasks().iter().filter(|task| task.operator.is_some()).count() as u64;
    let tables = |report: &AttemptReport| report.transfers().len() as u64;
    let mut tiles = Vec::new();
    if tables(page.report) > 0 {
        tiles.push(Tile::of("Tables", figures::count, tables(page.report), page.before.map(tables)));
        let was = before.as_ref().map(|totals| totals.rows_sent);
        tiles.push(Tile::of("Rows", figures::count, totals.rows_sent, was));
        let was = before.as_ref().map(|totals| totals.bytes);
        tiles.push(Tile::of("Bytes", figures::bytes, totals.bytes, was));
    }
    tiles.push(Tile::of("Tasks", figures::count, tasks(page.report), page.before.map(tasks)));
    if let Some(seconds) = page.report.seconds() {
        let was = page.before.and_then(AttemptReport::seconds);
        let was = was.map(|was| against(&duration(seconds), seconds, &duration(was), was));
        tiles.push(Tile { name: "Duration", value: duration(seconds), was });
    }
    html.markup(
        "<section aria-labelledby=\"figures-are\"><h2 id=\"figures-are\">In all</h2>\n<dl class=\"tiles\">\n",
    );
    for tile in tiles {
        html.markup("<div>").element("dt", tile.name).element("dd", &tile.value);
        if let Some(was) = &tile.was {
            html.markup("<dd class=\"quiet\">").text(was).markup("</dd>");
        }
        html.markup("</div>\n");
    }
    html.markup("</dl></section>\n");
}

struct Tile {
    name: &'static str,
    value: String,
    /// What it was.
    was: Option<String>,
}

impl Tile {
    #[expect(clippy::cast_precision_loss, reason = "a share does not need the last digits")]
    fn of(name: &'static str, shown: fn(u64) -> String, now: u64, was: Option<u64>) -> Self {
        let was = was.map(|was| against(&shown(now), now as f64, &shown(was), was as f64));
        Self { name, value: shown(now), was }
    }
}

/// `before 15, −6.7 %`.
fn against(value: &str, now: f64, value_then: &str, then: f64) -> String {
    if value == value_then {
        return "as before".to_owned();
    }
    let change = percent(now, then).map(|change| format!(", {change}")).unwrap_or_default();
    format!("before {value_then}{change}")
}
