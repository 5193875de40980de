//! The baseline: problems that were there when somebody began to check, and that are not to be shown again.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::placed::Placed;
use crate::diagnostic::Problem;

/// The form that this program writes.
const VERSION: u32 = 1;

/// The file: a list in the order of files, so that two of them can be compared line by line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    problems: Vec<Known>,
}

/// Problems that are alike: places are left out, because lines move.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    file: String,
    code: String,
    message: String,
    /// How many of them there are.
    count: usize,
}

type Alike = (String, String, String);

fn alike(problem: &Problem) -> Alike {
    let file = problem.span.as_ref().map(|span| span.path().display().to_string()).unwrap_or_default();
    (file, problem.code.to_owned(), problem.message.clone())
}

/// Takes away what a baseline knows. Gives what is left, and how many of its problems are no more.
pub(super) fn without_known(problems: Vec<Placed>, path: &Path) -> anyhow::Result<(Vec<Placed>, usize)> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("can't read the baseline `{shown}`"))?;
    let file: File =
        serde_json::from_str(&text).with_context(|| format!("`{shown}` is no baseline of `sync check`"))?;
    if file.version != VERSION {
        bail!("the baseline `{shown}` has version {}, this program knows {VERSION}", file.version);
    }
    let mut known: BTreeMap<Alike, usize> =
        file.problems.into_iter().map(|one| ((one.file, one.code, one.message), one.count)).collect();
    let is_new = |placed: &Placed| match known.get_mut(&alike(&placed.problem)) {
        Some(left) if *left > 0 => {
            *left -= 1;
            false
        }
        _ => true,
    };
    let left: Vec<Placed> = problems.into_iter().filter(is_new).collect();
    Ok((left, known.values().sum()))
}

/// Writes the problems of today as a baseline.
pub(super) fn write(problems: &[Placed], path: &Path) -> anyhow::Result<()> {
    let mut counts: BTreeMap<Alike, usize> = BTreeMap::new();
    for Placed { problem, .. } in problems {
        *counts.entry(alike(problem)).or_default() += 1;
    }
    let problems = counts.into_iter();
    let problems =
        problems.map(|((file, code, message), count)| Known { file, code, message, count }).collect();
    let mut text = serde_json::to_string_pretty(&File { version: VERSION, problems })?;
    text.push('\n');
    std::fs::write(path, text).with_context(|| format!("can't write the baseline `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Source, Span};

    fn problem(text: &str, code: &'static str) -> Placed {
        let source = Source::new("a.dig", text);
        let problem = Problem::warning(code, "m", &Span::new(&source, text.len() - 1, text.len()));
        Placed { project: Path::new("p").into(), problem }
    }

    #[test]
    fn what_was_there_is_not_shown_however_far_it_moved() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("baseline.json");
        write(&[problem("x", "retry"), problem("x", "retry"), problem("x", "shape")], &path)
            .expect("written");
        let today = vec![
            problem("1\n2\nx", "retry"),
            problem("x", "sla"),
            problem("x", "retry"),
            problem("x", "retry"),
        ];
        let (left, gone) = without_known(today, &path).expect("it can be read");
        let left: Vec<&str> = left.iter().map(|placed| placed.problem.code).collect();
        assert_eq!((left, gone), (vec!["sla", "retry"], 1));
    }

    #[test]
    fn what_is_no_baseline_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("b.json");
        for (text, said) in [
            ("{}", "is no baseline of `sync check`"),
            (r#"{"version":2,"problems":[]}"#, "has version 2, this program knows 1"),
        ] {
            std::fs::write(&path, text).expect("written");
            let error = without_known(Vec::new(), &path).expect_err("it is none");
            assert!(error.to_string().ends_with(said), "{error}");
        }
    }
}
