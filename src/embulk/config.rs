//! What a transfer file says, checked: one input, filters in order, one output.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::filter::FilterConfig;
use super::guess::Plugin;
use super::input::InputConfig;
use super::output::OutputConfig;

/// A transfer file that can be run.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbulkConfig {
    /// `in:`
    pub input: InputConfig,
    /// `filters:` in order.
    pub filters: Vec<FilterConfig>,
    /// `out:`
    pub output: OutputConfig,
    /// `exec:`
    pub exec: ExecConfig,
}

/// A transfer file whose first rows can be looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct PreviewConfig {
    /// `in:`
    pub input: InputConfig,
    /// `filters:` in order.
    pub filters: Vec<FilterConfig>,
    /// `preview_sample_rows:`, at least one.
    pub rows: usize,
}

/// A transfer file whose input is to be guessed from.
#[derive(Debug, Clone, PartialEq)]
pub struct GuessConfig {
    /// `in:`; the content of files is not known yet.
    pub input: InputConfig,
    /// `exec.guess_plugins`: what looks at the sample after the usual ones.
    pub more_plugins: Vec<Plugin>,
    /// `exec.exclude_guess_plugins`: what does not.
    pub excluded_plugins: Vec<Plugin>,
    /// Bytes of the sample.
    pub sample_bytes: usize,
    /// All of the file, as it is written; secrets by their names.
    pub root: Map<String, Value>,
}

impl GuessConfig {
    /// What looks at the sample, in order; `asked` are those of the command line.
    pub fn plugins(&self, asked: &[Plugin]) -> Vec<Plugin> {
        let all = Plugin::USUAL.iter().chain(asked).chain(&self.more_plugins);
        all.filter(|plugin| !self.excluded_plugins.contains(plugin)).copied().collect()
    }
}

/// `exec:`, or what `embulk run -X` says where it is not written there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecConfig {
    /// `min_output_tasks`: how many files the rows are dealt to, for outputs of files; one when not written.
    pub min_output_tasks: Option<NonZeroUsize>,
}

impl ExecConfig {
    /// These, and those of `other` for what is not written here.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { min_output_tasks: self.min_output_tasks.or(other.min_output_tasks) }
    }

    /// How many files the rows are dealt to.
    pub fn output_tasks(self) -> usize {
        self.min_output_tasks.map_or(1, usize::from)
    }
}

/// Embulk's six column types, as configs name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EmbulkType {
    /// True or false.
    Boolean,
    /// A signed integer of 64 bits.
    Long,
    /// An IEEE double.
    Double,
    /// Text.
    String,
    /// A point in time.
    Timestamp,
    /// A JSON value.
    Json,
}

impl EmbulkType {
    /// Every name with its type.
    pub const NAMES: [(&'static str, Self); 6] = [
        ("boolean", Self::Boolean),
        ("long", Self::Long),
        ("double", Self::Double),
        ("string", Self::String),
        ("timestamp", Self::Timestamp),
        ("json", Self::Json),
    ];

    /// Embulk's word.
    pub fn word(self) -> &'static str {
        Self::NAMES.iter().find(|(_, known)| *known == self).map_or("string", |(word, _)| word)
    }
}

/// Which types a target gets for columns whose type the config does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeMapping {
    /// Embulk's: a DECIMAL becomes a double, a DATE a timestamp. Existing tables keep their schema.
    Embulk,
    /// The nearest exact type of the target: NUMERIC, DATE, DATETIME, TIME, BYTES.
    Exact,
}

impl TypeMapping {
    /// Every name with its mapping.
    pub const NAMES: [(&'static str, Self); 2] = [("embulk", Self::Embulk), ("exact", Self::Exact)];
}
