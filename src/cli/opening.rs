//! What every command opens first: the project, the properties, the scrubber and the console.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::place::Place;
use super::properties::{self, Properties};
use super::{CommonArgs, variable};
use crate::report::console::{ColorEnvironment, Console, Results};
use crate::secret::scrub::Scrubber;

/// What a command works with.
pub struct Opened {
    /// The project and its state.
    pub place: Place,
    /// Digdag's properties and our settings.
    pub properties: Properties,
    /// Digdag's config home.
    pub config_home: Option<PathBuf>,
    /// Knows every secret.
    pub scrubber: Scrubber,
    /// The only way to print.
    pub console: Console,
}

impl Opened {
    /// Opens what belongs to a file, or to the current directory.
    pub fn new(common: &CommonArgs, file: Option<&Path>, results: Results) -> anyhow::Result<Self> {
        let scrubber = super::scrubber().clone();
        let console = Console::new(results, ColorEnvironment::read(&variable), scrubber.clone());
        let place = place(common, file)?;
        let sources = properties::Sources::read(&variable, common.config.clone());
        let properties = Properties::load(&sources)?;
        Ok(Self { place, properties, config_home: sources.config_home, scrubber, console })
    }
}

/// The project of a file (or of the current directory), found.
pub fn place(common: &CommonArgs, file: Option<&Path>) -> anyhow::Result<Place> {
    let what = match (&common.place.project, file) {
        (Some(project), _) => format!("project `{}`", project.display()),
        (None, Some(file)) => format!("the folder of `{}`", file.display()),
        (None, None) => "the current directory".to_owned(),
    };
    common.place.find(file).with_context(|| format!("{what} could not be found"))
}

/// The flags with which a printed command finds the same project, state and properties again.
pub fn pasteable_flags(common: &CommonArgs) -> String {
    let paths =
        [("--project", &common.place.project), ("--state", &common.place.state), ("-c", &common.config)];
    paths.into_iter().fold(String::new(), |mut flags, (flag, path)| {
        if let Some(path) = path {
            flags.push_str(&format!(" {flag} {}", shell_word(&path.to_string_lossy())));
        }
        flags
    })
}

pub use crate::shell::word as shell_word;
