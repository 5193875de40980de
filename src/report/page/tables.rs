//! The table of tables.

use super::html::Html;
use super::{Page, counted};
use crate::report::figures;
use crate::state::{TransferRecord, TransferState};
use crate::transfer::report::policy_lines;

/// Longer tables scroll in a box of their own.
const HIGH: usize = 25;

/// So many notes are shown at once.
const NOTES: usize = 12;

/// So many bytes of notes are in the page.
const ROOM: usize = 150 * 1024;

/// The names of columns, and whether they hold numbers.
const COLUMNS: [(&str, &str); 8] = [
    ("From", "text"),
    ("State", "text"),
    ("Rows", "number"),
    ("Bytes", "number"),
    ("Seconds", "number"),
    ("Rows a second", "number"),
    ("Mode", "text"),
    ("To", "text"),
];

pub(super) fn write(html: &mut Html<'_>, page: &Page<'_>) {
    if page.report.transfers().is_empty() {
        return;
    }
    let mut transfers: Vec<&TransferRecord> = page.report.transfers().iter().collect();
    // What failed comes first.
    transfers.sort_by_key(|one| (one.state != TransferState::Error, &one.source, &one.target));
    html.markup("<section aria-labelledby=\"tables-are\"><h2 id=\"tables-are\">Tables</h2>\n");
    html.markup(
        "<div id=\"filter\" class=\"filter\" hidden><label>Name <input id=\"name\" type=\"search\" autocomplete=\"off\" \
         spellcheck=\"false\"></label> <label>State <select id=\"state\"><option value=\"\">all</option></select></label> \
         <output id=\"shown\" role=\"status\"></output></div>\n",
    );
    let class = if transfers.len() > HIGH { "scroll high" } else { "scroll" };
    html.open(
        "div",
        &[("class", class), ("role", "region"), ("tabindex", "0"), ("aria-labelledby", "tables-caption")],
    );
    html.markup("\n<table id=\"tables\">\n<caption id=\"tables-caption\">");
    html.text(&counted(transfers.len(), "table"));
    if page.report.totals().failed_transfers > 0 {
        html.markup(", those that failed first");
    }
    html.markup("</caption>\n<thead><tr>");
    for (name, kind) in COLUMNS {
        html.open("th", &[("scope", "col"), ("class", kind)]).text(name).close("th");
    }
    html.markup("</tr></thead>\n<tbody>\n");
    for transfer in &transfers {
        row(html, transfer, page);
    }
    html.markup("</tbody>\n");
    totals(html, page);
    html.markup("</table></div>\n");
    notes(html, &transfers);
    html.markup("</section>\n");
}

fn row(html: &mut Html<'_>, transfer: &TransferRecord, page: &Page<'_>) {
    let report = transfer.report.as_ref();
    let target = report.map_or(transfer.target.as_str(), |report| report.target.as_str());
    html.open("tr", &[("class", transfer.state.word())]).markup("<th scope=\"row\">").text(&transfer.source);
    html.markup("</th><td class=\"state\">").text(transfer.state.word());
    if transfer.attempt != page.report.attempt().id {
        html.text(&format!(" in attempt {}", transfer.attempt));
    }
    html.markup("</td>");
    match report {
        Some(report) => {
            number(html, &report.rows_sent.to_string(), &figures::count(report.rows_sent));
            number(html, &report.bytes.to_string(), &figures::bytes(report.bytes));
            number(html, &format!("{:.3}", report.seconds), &figures::seconds(report.seconds));
            match rate(report.rows_sent, report.seconds) {
                Some(rate) => number(html, &rate.to_string(), &figures::count(rate)),
                None => {
                    html.markup("<td></td>");
                }
            }
        }
        None => {
            html.markup("<td></td><td></td><td></td><td></td>");
        }
    }
    html.element("td", report.and_then(|report| report.mode.as_deref()).unwrap_or(""));
    html.element("td", target).markup("</tr>\n");
}

/// A cell with what it is sorted by.
fn number(html: &mut Html<'_>, value: &str, shown: &str) {
    html.open("td", &[("data-v", value)]).text(shown).close("td");
}

/// Rows a second; none for what took no time that can be told.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rounded figure for people; a cast from a double saturates"
)]
fn rate(rows: u64, seconds: f64) -> Option<u64> {
    (seconds >= 0.05).then(|| (rows as f64 / seconds).round() as u64)
}

fn totals(html: &mut Html<'_>, page: &Page<'_>) {
    if page.report.transfers().len() < 2 {
        return;
    }
    let totals = page.report.totals();
    html.markup("<tfoot><tr><th scope=\"row\">In all</th><td></td><td>");
    html.text(&figures::count(totals.rows_sent)).markup("</td><td>").text(&figures::bytes(totals.bytes));
    html.markup("</td><td></td><td></td><td></td><td></td></tr></tfoot>\n");
}

/// What people should know of tables that were copied.
fn notes(html: &mut Html<'_>, transfers: &[&TransferRecord]) {
    let reports = transfers.iter().filter_map(|transfer| transfer.report.as_ref());
    let notes: Vec<(&str, String)> = reports
        .flat_map(|report| {
            let policy = policy_lines(&report.policy).into_iter().map(|(_, line)| line);
            report.notes.iter().cloned().chain(policy).map(|note| (report.source.as_str(), note))
        })
        .collect();
    if notes.is_empty() {
        return;
    }
    html.markup("<h3>Notes <span class=\"count\">").text(&figures::count(notes.len() as u64));
    html.markup("</span></h3>\n");
    let (shown, others) = notes.split_at(notes.len().min(NOTES));
    let begin = html.len();
    let list = |html: &mut Html<'_>, notes: &[(&str, String)]| {
        html.markup("<ul class=\"notes\">\n");
        let mut left = notes.len();
        for (source, note) in notes {
            if html.len() - begin > ROOM {
                html.markup("<li>")
                    .text(&format!("and {} more", figures::count(left as u64)))
                    .markup("</li>");
                break;
            }
            html.markup("<li>").element("bdi", source).markup(": ").text(note).markup("</li>\n");
            left -= 1;
        }
        html.markup("</ul>\n");
    };
    list(html, shown);
    if !others.is_empty() {
        html.markup("<details>");
        html.element("summary", &format!("{} more", figures::count(others.len() as u64)));
        list(html, others);
        html.markup("</details>\n");
    }
}
