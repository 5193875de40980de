//! What a check found, in the form that was asked for.

use super::{CheckArgs, Format};
use crate::diagnostic::Problem;
use crate::report::console::Console;
use crate::report::explanation::{self, Told, Verdicts};
use crate::report::problems;
use crate::rules;

/// All that a check has to show.
pub(super) struct Found<'f> {
    pub(super) problems: &'f [Problem],
    /// What `--explain` tells of transfers.
    pub(super) told: &'f [Told],
    /// What a policy does to columns.
    pub(super) verdicts: &'f [Verdicts<'f>],
}

/// Shows it.
pub(super) fn show(found: &Found<'_>, args: &CheckArgs, console: &Console) {
    match args.format {
        Format::Human => people(found, console),
        Format::Json => {
            let mut shown = problems::to_json(found.problems);
            if args.ask.explain {
                shown["transfers"] = explanation::to_json(found.told);
            }
            if !found.verdicts.is_empty() {
                shown["policy"] = explanation::verdicts_to_json(found.verdicts);
            }
            console.json(&shown);
        }
        Format::Sarif => console.json(&problems::to_sarif(found.problems)),
        Format::Rdjson => console.json(&problems::to_rdjson(found.problems)),
        Format::Github => console.result(&problems::to_github(found.problems)),
        Format::Checkstyle => console.result(&problems::to_checkstyle(found.problems)),
    }
}

fn people(found: &Found<'_>, console: &Console) {
    let (width, colors) = (console.out_width(), console.out_colors());
    if !found.told.is_empty() {
        console.result(&explanation::render(found.told, width, colors));
    }
    if !found.verdicts.is_empty() {
        console.result(&explanation::render_verdicts(found.verdicts, width, colors));
    }
    if !found.problems.is_empty() {
        console.result(&problems::render(found.problems, colors));
    }
}

/// Every rule with how bad it is and what it finds, a line each.
pub(super) fn rules() -> String {
    let width = rules::RULES.iter().map(|rule| rule.code.len()).max().unwrap_or_default();
    let line = |rule: &rules::Rule| {
        format!("{:width$}  {:7}  {}\n", rule.code, rule.severity.word(), rule.summary())
    };
    rules::RULES.iter().map(line).collect()
}
