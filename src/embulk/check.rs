//! What can be said of a transfer file without its environment.
//!
//! The template is rendered twice: once as if every variable were set to something unlike anything it is compared to,
//! once as if each were what it is compared to. Both branches of the usual conditions are seen that way. Values that
//! come from the environment are not known and nobody's error; that something is missing is said only when it is
//! missing in both.

use std::cell::RefCell;
use std::path::Path;

use super::bind::{self, Binder, ForeignPlugins, Purpose};
use super::liquid::{Guess, Template};
use super::load::{folder, read, syntax_problem};
use super::template::{Kind, PartialFiles, RenderedText, TextCovers, guessed};
use crate::diagnostic::Problem;
use crate::reader::Reader;
use crate::yaml;

/// Problems that a branch not taken may explain: said only when they are in every rendering.
const STRUCTURAL: [&str; 5] =
    ["missing-option", "yaml-syntax", "not-a-mapping", "wrong-type", "liquid-error"];

/// Everything that is wrong with a file whatever its environment.
pub fn check_file(path: &Path, reader: &dyn Reader, plugins: ForeignPlugins) -> Vec<Problem> {
    let (source, kind) = match read(path, reader) {
        Ok(read) => read,
        Err(problem) => return vec![problem],
    };
    if kind == Kind::Plain {
        return problems(&RenderedText::plain(&source), reader, plugins);
    }
    let template = match Template::parse(&source) {
        Ok(template) => template,
        Err(error) => return vec![syntax_problem(&error, &source)],
    };
    let partials = PartialFiles { reader, folder: folder(path) };
    // Any time will do: what a date renders to is text.
    let now = jiff::Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC);
    let found = [Guess::Filled, Guess::Matching]
        .map(|guess| problems(&guessed(&template, path, &partials, &now, guess), reader, plugins));
    merge(found)
}

/// What both renderings say, and what either says that a branch cannot explain; each once, in the order of the file.
fn merge([filled, matching]: [Vec<Problem>; 2]) -> Vec<Problem> {
    let same = |left: &Problem, right: &Problem| {
        left.code == right.code && left.message == right.message && left.span == right.span
    };
    let kept = |problem: &Problem, other: &[Problem]| {
        !STRUCTURAL.contains(&problem.code)
            || other.iter().any(|twin| twin.code == problem.code && twin.message == problem.message)
    };
    let mut merged: Vec<Problem> = Vec::new();
    for (problems, other) in [(&filled, &matching), (&matching, &filled)] {
        for problem in problems {
            let known = merged.iter().any(|known| {
                same(known, problem)
                    || (STRUCTURAL.contains(&problem.code)
                        && known.code == problem.code
                        && known.message == problem.message)
            });
            if kept(problem, other) && !known {
                merged.push(problem.clone());
            }
        }
    }
    merged.sort_by_key(|problem| problem.span.as_ref().map(|span| (span.path().to_path_buf(), span.start)));
    merged
}

fn problems(text: &RenderedText, reader: &dyn Reader, plugins: ForeignPlugins) -> Vec<Problem> {
    let covers = TextCovers { text, secrets: None };
    let binder = Binder {
        covers: &covers,
        reader,
        directory: Path::new(""),
        home: None,
        plugins,
        purpose: Purpose::Check,
        problems: RefCell::default(),
    };
    let mut parsed = yaml::parse(&text.source, yaml::Dialect::Embulk);
    let mut partly_blank = false;
    if parsed.node.is_none()
        && text.has_unknown()
        && let Some(blanked) = text.without_unknown_lines()
    {
        parsed = yaml::parse(&blanked, yaml::Dialect::Embulk);
        partly_blank = true;
    }
    if let Some(root) = &parsed.node {
        bind::config(root, &binder);
    }
    let mut found = text.problems.clone();
    found.extend(
        parsed.problems.into_iter().chain(binder.problems.take()).map(|problem| text.locate(problem)),
    );
    if partly_blank {
        found.retain(|problem| !STRUCTURAL.contains(&problem.code));
    }
    found
}
