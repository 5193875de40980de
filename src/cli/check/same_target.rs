//! Transfers of one workflow that replace the same target: whichever is last wins.

use std::collections::BTreeMap;

use super::ask::{Question, Rendering};
use super::site::Runs;
use crate::diagnostic::Problem;
use crate::embulk::output::OutputConfig;
use crate::transfer::output;

/// What is found among the transfers of one workflow, as far as their files are known without a run. Branches may
/// exclude each other, and a loop may have done with a target before the next round: only what surely runs counts.
pub(super) fn check(transfers: &[Rendering]) -> Vec<Problem> {
    let mut first: BTreeMap<String, &str> = BTreeMap::new();
    let mut problems = Vec::new();
    // What is wrong with a file is said by whoever checks it.
    let sure = transfers.iter().flatten().filter(|question| question.runs == Runs::Surely);
    for question in sure {
        let Question { config, context, sites, task: Some(task), .. } = question else { continue };
        if !replaces(&config.output) {
            continue;
        }
        let Ok(target) = output::open(config, context).map(|output| output.target()) else { continue };
        let Some(other) = first.get(&target) else {
            first.insert(target, task);
            continue;
        };
        if let Some(span) = &sites.output {
            let message = format!("`{other}` and `{task}` both replace {target}");
            let problem = Problem::warning("same-target", message, span).task(task);
            problems.push(problem.hint("write to two targets, or let one of them append"));
        }
    }
    problems
}

/// Whether the rows of an earlier transfer are gone afterwards.
fn replaces(output: &OutputConfig) -> bool {
    match output {
        OutputConfig::Bigquery(output) => output.mode.replaces(),
        OutputConfig::Postgresql(output) => output.load.mode.replaces(),
        OutputConfig::Mysql(output) => output.load.mode.replaces(),
        OutputConfig::Redshift(output) => output.load.mode.replaces(),
        OutputConfig::File(_) | OutputConfig::S3(_) | OutputConfig::Gcs(_) => true,
    }
}
