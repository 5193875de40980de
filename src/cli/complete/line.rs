//! What the words before the cursor say already: the command, the file, the session, and where the project is.

use std::any::Any;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::ArgMatches;

use crate::cli::help;
use crate::cli::place::{Place, PlaceArgs};

/// The words before the cursor.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    command: String,
    /// The workflow that `run` is of.
    pub(super) file: Option<PathBuf>,
    /// The session that is spoken of.
    pub(super) session: Option<String>,
    project: Option<PathBuf>,
    state: Option<PathBuf>,
    /// `-c`
    pub(super) config: Option<PathBuf>,
}

impl Line {
    /// Reads what is understood of them; what is not is passed over.
    pub(super) fn read(words: &[OsString]) -> Self {
        let mut line = Self::default();
        let command = help::command().ignore_errors(true);
        let Ok(found) = command.try_get_matches_from(words) else { return line };
        let mut matches = &found;
        line.take(matches);
        while let Some((name, below)) = matches.subcommand() {
            if !line.command.is_empty() {
                line.command.push(' ');
            }
            line.command.push_str(name);
            line.take(below);
            matches = below;
        }
        line
    }

    fn take(&mut self, matches: &ArgMatches) {
        self.file = value(matches, "file").or(self.file.take());
        self.session = value(matches, "session").or(self.session.take());
        self.project = value(matches, "project").or(self.project.take());
        self.state = value(matches, "state").or(self.state.take());
        self.config = value(matches, "config").or(self.config.take());
    }

    /// `secrets set`, for one; empty before a command is named.
    pub(super) fn command(&self) -> &str {
        &self.command
    }

    /// The project, by the file where there is one.
    pub(super) fn place(&self) -> Option<Place> {
        let place = PlaceArgs { project: self.project.clone(), state: self.state.clone() };
        place.find(self.file.as_deref()).ok()
    }
}

/// An argument that the command may not have, or have with other values.
fn value<T: Any + Clone + Send + Sync>(matches: &ArgMatches, id: &str) -> Option<T> {
    matches.try_get_one::<T>(id).ok().flatten().cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::complete::words;

    #[test]
    fn unfinished_lines_say_something() {
        let line = Line::read(&words("sync --project p run flow.dig --state s -j"));
        assert_eq!(line.command(), "run");
        assert_eq!(line.file.as_deref(), Some("flow.dig".as_ref()));
        assert_eq!(line.project.as_deref(), Some("p".as_ref()));
        assert_eq!(line.state.as_deref(), Some("s".as_ref()));
        let line = Line::read(&words("sync retry --session 7 --nonsense"));
        assert_eq!((line.command(), line.session.as_deref()), ("retry", Some("7")));
        assert_eq!(Line::read(&words("sync secrets edit")).command(), "secrets edit");
        assert_eq!(Line::read(&words("sync")).command(), "");
    }
}
