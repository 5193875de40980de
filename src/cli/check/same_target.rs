//! Transfers of one workflow that replace the same target: whichever is last wins.

use std::collections::BTreeMap;

use super::ask::Asking;
use super::sites::Site;
use crate::diagnostic::Problem;
use crate::embulk::output::OutputConfig;
use crate::transfer::output;

/// What is found among the transfers of a workflow, as far as their files are known without a run.
pub(super) fn check(asking: &Asking<'_>, sites: Vec<Site>) -> Vec<Problem> {
    let mut first: BTreeMap<String, Option<String>> = BTreeMap::new();
    let mut problems = Vec::new();
    for site in sites {
        // What is wrong with a file is said by whoever checks it.
        let Ok(question) = asking.question(site, &mut Vec::new()) else { continue };
        if !replaces(&question.config.output) {
            continue;
        }
        let Ok(target) = output::open(&question.config, &question.context).map(|output| output.target())
        else {
            continue;
        };
        let Some(other) = first.get(&target) else {
            first.insert(target, question.task);
            continue;
        };
        if let (Some(one), Some(two), Some(span)) = (other, &question.task, &question.sites.output)
            && !may_exclude(one, two)
        {
            let message = format!("`{one}` and `{two}` both replace {target}");
            let problem = Problem::warning("same-target", message, span).task(two);
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

/// Whether two tasks may stand in two branches of one `if>`, or be two rounds of a loop that was not seen through.
fn may_exclude(one: &str, two: &str) -> bool {
    let outside = |name: &str| name.split("^sub").next().unwrap_or_default().to_owned();
    outside(one) == outside(two)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_of_one_task_may_exclude_each_other() {
        assert!(may_exclude("+main+a^sub+x", "+main+a^sub+y"));
        assert!(!may_exclude("+main+a^sub+x", "+main+b^sub+x"));
        assert!(!may_exclude("+main+a", "+main+b"));
    }
}
