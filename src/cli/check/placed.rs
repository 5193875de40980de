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

/// How files are called. Messages name them from their project on. Tools that put problems beside lines look for them
/// from the current directory on, and so does who reads of two projects.
pub(super) struct Names {
    here: PathBuf,
    is_one: bool,
    of_project: bool,
}

impl Names {
    /// For what was found, in a form.
    pub(super) fn of(found: &[Placed], format: Format) -> Self {
        let placed = found.iter().filter(|placed| placed.problem.span.is_some());
        let mut projects = placed.map(|placed| &placed.project);
        let first = projects.next();
        let is_one = projects.all(|project| Some(project) == first);
        let of_project = is_one && matches!(format, Format::Human | Format::Json);
        let here = std::env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default();
        Self { here, is_one, of_project }
    }

    /// From the current directory on where the project lies there, else whole. A project around the current directory
    /// keeps its own paths: tools are started at the top of what they look at.
    pub(super) fn path(&self, path: &Path, project: &Path) -> PathBuf {
        if self.of_project {
            return path.to_owned();
        }
        match project.strip_prefix(&self.here) {
            Ok(below) => below.join(path),
            Err(_) if self.is_one && self.here.starts_with(project) => path.to_owned(),
            Err(_) => project.join(path),
        }
    }
}

/// The problems with the paths that a form needs.
pub(super) fn shown(found: &[Placed], format: Format) -> Vec<Problem> {
    let mut moved = Moved { names: Names::of(found, format), sources: BTreeMap::new() };
    found.iter().map(|placed| moved.problem(placed)).collect()
}

/// Sources under their new names; a file with many problems is copied once.
struct Moved {
    names: Names,
    sources: BTreeMap<(PathBuf, *const Source), Arc<Source>>,
}

impl Moved {
    fn problem(&mut self, placed: &Placed) -> Problem {
        let mut problem = placed.problem.clone();
        problem.span = problem.span.map(|span| self.span(&span, &placed.project));
        for (span, _) in &mut problem.also {
            *span = self.span(span, &placed.project);
        }
        problem
    }

    fn span(&mut self, span: &Span, project: &Path) -> Span {
        let path = self.names.path(span.path(), project);
        if path == span.path() {
            return span.clone();
        }
        let key = (path.clone(), Arc::as_ptr(&span.source));
        let source = self.sources.entry(key).or_insert_with(|| Source::new(path, span.source.text.as_str()));
        Span::new(source, span.start, span.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_start_where_who_reads_them_is() {
        let path = |here: &str, is_one, project: &str| {
            let names = Names { here: here.into(), is_one, of_project: false };
            names.path(Path::new("flows/a.dig"), Path::new(project)).display().to_string()
        };
        assert_eq!(path("/repo", true, "/repo"), "flows/a.dig");
        assert_eq!(path("/repo", true, "/repo/etl"), "etl/flows/a.dig");
        assert_eq!(path("/repo/etl", true, "/repo"), "flows/a.dig");
        assert_eq!(path("/repo", true, "/other"), "/other/flows/a.dig");
        assert_eq!(path("/repo/etl", false, "/repo"), "/repo/flows/a.dig");
    }
}
