//! Problems with the project that they are of: two projects may hold files of one name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Format;
use crate::diagnostic::{Problem, Source, Span};

/// A problem, and the project that its paths start from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) project: Arc<Path>,
    pub(super) problem: Problem,
}

impl Placed {
    /// Where the file lies that it is in.
    pub(super) fn file(&self) -> Option<PathBuf> {
        self.problem.span.as_ref().map(|span| self.project.join(span.path()))
    }
}

/// The problems with the paths that a form needs. Messages name files from their project on. Tools that put problems
/// beside lines look for files from the current directory on, and so does who reads of two projects.
pub(super) fn shown(found: &[Placed], format: Format) -> Vec<Problem> {
    let mut projects =
        found.iter().filter(|placed| placed.problem.span.is_some()).map(|placed| &placed.project);
    let first = projects.next();
    let is_one = projects.all(|project| Some(project) == first);
    if is_one && matches!(format, Format::Human | Format::Json) {
        return found.iter().map(|placed| placed.problem.clone()).collect();
    }
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default();
    let mut moved = Moved { here: &here, is_one, sources: BTreeMap::new() };
    found.iter().map(|placed| moved.problem(placed)).collect()
}

/// Sources under their new names; a file with many problems is copied once.
struct Moved<'h> {
    here: &'h Path,
    is_one: bool,
    sources: BTreeMap<(PathBuf, *const Source), Arc<Source>>,
}

impl Moved<'_> {
    fn problem(&mut self, placed: &Placed) -> Problem {
        let mut problem = placed.problem.clone();
        problem.span = problem.span.map(|span| self.span(&span, &placed.project));
        for (span, _) in &mut problem.also {
            *span = self.span(span, &placed.project);
        }
        problem
    }

    fn span(&mut self, span: &Span, project: &Path) -> Span {
        let path = self.path(span.path(), project);
        if path == span.path() {
            return span.clone();
        }
        let key = (path.clone(), Arc::as_ptr(&span.source));
        let source = self.sources.entry(key).or_insert_with(|| Source::new(path, span.source.text.as_str()));
        Span::new(source, span.start, span.end)
    }

    /// From the current directory on where the project lies there, else whole. A project around the current directory
    /// keeps its own paths: tools are started at the top of what they look at.
    fn path(&self, path: &Path, project: &Path) -> PathBuf {
        match project.strip_prefix(self.here) {
            Ok(below) => below.join(path),
            Err(_) if self.is_one && self.here.starts_with(project) => path.to_owned(),
            Err(_) => project.join(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_start_where_who_reads_them_is() {
        let path = |here: &str, is_one, project: &str| {
            let moved = Moved { here: Path::new(here), is_one, sources: BTreeMap::new() };
            moved.path(Path::new("flows/a.dig"), Path::new(project)).display().to_string()
        };
        assert_eq!(path("/repo", true, "/repo"), "flows/a.dig");
        assert_eq!(path("/repo", true, "/repo/etl"), "etl/flows/a.dig");
        assert_eq!(path("/repo/etl", true, "/repo"), "flows/a.dig");
        assert_eq!(path("/repo", true, "/other"), "/other/flows/a.dig");
        assert_eq!(path("/repo/etl", false, "/repo"), "/repo/flows/a.dig");
    }
}
