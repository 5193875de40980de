//! The report of an attempt as one page that needs nothing else: first how it ended, why and what to do, then figures.
//!
//! It is made from what the state knows and the ends of logs, nothing is read here. The page asks for nothing from
//! outside and its policy allows nothing; its script only sorts, filters and copies, and all is there without it.

mod changes;
mod compare;
mod failures;
mod head;
mod html;
mod run;
mod tables;
mod timeline;

use jiff::tz::TimeZone;

use super::attempt::AttemptReport;
use crate::secret::scrub::Scrubber;
use crate::session::{AttemptId, TaskName};
use html::Html;

pub use failures::wanted_logs;

/// The end of the log of a task that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogTail {
    /// The task.
    pub task: TaskName,
    /// The attempt that wrote it.
    pub attempt: AttemptId,
    /// Its last lines.
    pub lines: Vec<String>,
}

/// What a page is made from.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The attempt.
    pub report: &'a AttemptReport,
    /// How the workflow last ended well before it, where it did.
    pub before: Option<&'a AttemptReport>,
    /// The ends of the logs that [`wanted_logs`] names, as far as they are there.
    pub logs: &'a [LogTail],
    /// The zone that times are shown in.
    pub zone: &'a TimeZone,
}

impl Page<'_> {
    /// The whole document.
    pub fn html(&self, scrubber: &Scrubber) -> String {
        let mut html = Html::new(scrubber);
        head::write(&mut html, self);
        html.markup("<main id=\"main\">\n");
        failures::write(&mut html, self);
        head::figures(&mut html, self);
        changes::write(&mut html, self);
        timeline::write(&mut html, self);
        tables::write(&mut html, self);
        run::write(&mut html, self);
        html.markup("</main>\n<script>").markup(head::SCRIPT).markup("</script>\n</body>\n</html>\n");
        html.finish()
    }
}

/// `1 table`, `2 tables`.
fn counted(count: usize, one: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {one}{plural}", super::figures::count(count as u64))
}

#[cfg(test)]
mod tests;
