//! What changed since the workflow last ended well.

use super::Page;
use super::compare::{Changes, changes};
use super::html::Html;
use crate::report::figures;

/// So many changes of a kind are shown at once.
const SHOWN: usize = 12;

/// So many are in the page.
const LISTED: usize = 1000;

pub(super) fn write(html: &mut Html<'_>, page: &Page<'_>) {
    html.markup("<section aria-labelledby=\"changes-are\">");
    html.markup("<h2 id=\"changes-are\">Changed since the last good run</h2>\n");
    let Some(before) = page.before else {
        html.markup("<p>No run of this workflow before this one ended well, as far as the state goes back.</p></section>\n");
        return;
    };
    let (session, attempt) = (before.session(), before.attempt());
    let which = format!(
        "Compared with attempt {} for {}, which began {}.",
        attempt.id,
        session.session_time,
        crate::report::status::clock(attempt.started_at, page.zone)
    );
    html.markup("<p class=\"quiet\">").text(&which).markup("</p>\n");
    let all = changes(page.report, before);
    if all.is_empty() {
        html.markup("<p>Nothing worth telling: the same tables and tasks, with about the same rows and durations.</p>\n");
    }
    html.markup("<div class=\"changes\">\n");
    for one in &all {
        kind(html, one);
    }
    html.markup("</div></section>\n");
}

fn kind(html: &mut Html<'_>, changes: &Changes) {
    html.markup("<div><h3>").text(changes.title);
    html.markup(" <span class=\"count\">").text(&figures::count(changes.items.len() as u64));
    html.markup("</span></h3>\n");
    let (shown, others) = changes.items.split_at(changes.items.len().min(SHOWN));
    list(html, shown);
    if !others.is_empty() {
        let (listed, rest) = others.split_at(others.len().min(LISTED));
        html.markup("<details>").element("summary", &format!("{} more", figures::count(others.len() as u64)));
        list(html, listed);
        if !rest.is_empty() {
            html.markup("<p>")
                .text(&format!("and {} more", figures::count(rest.len() as u64)))
                .markup("</p>");
        }
        html.markup("</details>\n");
    }
    html.markup("</div>\n");
}

fn list(html: &mut Html<'_>, items: &[(String, String)]) {
    html.markup("<ul>\n");
    for (name, how) in items {
        html.markup("<li>").element("bdi", name);
        if !how.is_empty() {
            html.markup(" <span class=\"quiet\">").text(how).markup("</span>");
        }
        html.markup("</li>\n");
    }
    html.markup("</ul>\n");
}
