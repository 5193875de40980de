//! A notice as a text: the body of a mail.

use std::fmt::Write as _;

use super::Notice;
use crate::report::shown;

impl Notice {
    /// The whole text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut part = |lines: &[String]| {
            if !lines.is_empty() {
                let gap = if text.is_empty() { "" } else { "\n" };
                // Writing to a text cannot fail.
                let _ = writeln!(text, "{gap}{}", lines.join("\n"));
            }
        };
        part(&self.test_line().map(str::to_owned).into_iter().collect::<Vec<_>>());
        part(&[shown::line(&self.message)]);
        part(&self.facts());
        part(&self.failed_lines());
        part(&self.slow_line().into_iter().collect::<Vec<_>>());
        part(&self.empty_lines());
        if let Some(command) = &self.retry_command {
            part(&["Run what is left:".to_owned(), format!("  {}", shown::line(command))]);
        }
        if let Some(report) = &self.report {
            part(&["Report:".to_owned(), format!("  {}", report.url), format!("  {}", report.object)]);
        }
        text
    }

    fn facts(&self) -> Vec<String> {
        let facts = [
            ("project", Some(self.project.clone())),
            ("workflow", self.workflow.clone()),
            ("session", self.session_time.clone()),
            ("outcome", Some(self.outcome.replace('_', " "))),
            ("took", self.took()),
        ];
        let known = facts.into_iter().filter_map(|(name, value)| Some((name, value?)));
        known.map(|(name, value)| format!("{name}: {}", shown::line(&value))).collect()
    }

    fn failed_lines(&self) -> Vec<String> {
        if self.failed.is_empty() {
            return Vec::new();
        }
        let mut lines = vec![format!("Failed ({}):", self.failed_count)];
        for failed in &self.failed {
            lines.push(format!("  {}", shown::line(&failed.task)));
            let tables = failed.tables.iter().map(|table| format!("{} → {}", table.source, table.target));
            let hint = failed.hint.iter().map(|hint| format!("hint: {hint}"));
            let below = tables.chain([failed.reason()]).chain(hint);
            lines.extend(below.map(|line| format!("    {}", shown::line(&line))));
        }
        lines.extend(more(self.failed_count, self.failed.len()));
        lines
    }

    fn empty_lines(&self) -> Vec<String> {
        if self.empty.is_empty() {
            return Vec::new();
        }
        let mut lines = vec![format!("No rows ({}):", self.empty_count)];
        lines.extend(self.empty.iter().map(|empty| format!("  {}", shown::line(&empty.line()))));
        lines.extend(more(self.empty_count, self.empty.len()));
        lines
    }
}

fn more(all: usize, shown: usize) -> Option<String> {
    (all > shown).then(|| format!("  and {} more", all - shown))
}
