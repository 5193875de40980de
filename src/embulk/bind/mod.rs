//! From YAML to the typed config: what each option may hold, and what is said of what it holds.
//!
//! Java plugins and the Ruby plugin for BigQuery convert options by different rules; each section asks by the rules
//! of its plugin. All problems are collected. While checking, values that come from the environment are not known:
//! they are nobody's error.

mod bigquery;
mod file;
mod filter;
mod gcs;
mod guess;
mod incremental;
mod input;
mod redshift;
mod s3;
mod scalar;
mod section;
mod source;
mod sql_output;

use std::cell::RefCell;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::config::{EmbulkConfig, ExecConfig, PreviewConfig};
use super::native;
use super::output::{FileOutput, OutputConfig};
use super::template::Covers;
use crate::diagnostic::{Problem, Span};
use crate::reader::Reader;
use crate::yaml::Node;
pub use filter::names as filter_names;
pub(super) use guess::bind as guess;
pub(super) use section::{LITERAL_KEY, LITERAL_SECRET};
use section::{Section, Size};

/// Why nobody need say how many threads a transfer has.
pub(crate) const TWO_THREADS: &str = "a transfer reads in one thread and writes in another";

/// What happens with a plugin that is not native.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForeignPlugins {
    /// It is an error that names the native ones.
    Refuse,
    /// A real Embulk is there to run the file: the rest of it is not looked at.
    Allow,
}

/// Whether problems are looked for in a file that is about to run or in one whose environment is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Run,
    Check,
}

/// What the sections share.
pub(super) struct Binder<'a> {
    pub(super) covers: &'a dyn Covers,
    pub(super) reader: &'a dyn Reader,
    /// Where relative paths in the config start.
    pub(super) directory: &'a Path,
    /// The home directory, for `~` in paths.
    pub(super) home: Option<&'a str>,
    pub(super) plugins: ForeignPlugins,
    pub(super) purpose: Purpose,
    /// What the command line says for what `exec:` does not.
    pub(super) exec: ExecConfig,
    pub(super) problems: RefCell<Problems>,
}

/// Problems as they are found, each once.
#[derive(Default)]
pub(super) struct Problems {
    pub(super) found: Vec<Problem>,
    /// Code and place of each, so that most need not be compared with all others.
    places: HashSet<(&'static str, Option<(usize, usize)>)>,
}

/// Plugins of the estates that this program is made for and has not yet: they are no typing errors.
const LATER: [&str; 1] = ["gcs"];

impl Binder<'_> {
    /// Keeps a problem. An option that is asked for twice has its problem once.
    fn report(&self, problem: Problem) {
        let mut problems = self.problems.borrow_mut();
        let place = problem.span.as_ref().map(|span| (span.start, span.end));
        if problems.places.insert((problem.code, place)) || !problems.found.contains(&problem) {
            problems.found.push(problem);
        }
    }

    /// A path of the config: `~/` is the home directory, and relative ones start at the working directory.
    fn path(&self, text: &str) -> PathBuf {
        match (text.strip_prefix("~/"), self.home) {
            (Some(rest), Some(home)) => Path::new(home).join(rest),
            _ => self.directory.join(text),
        }
    }

    /// Says that the plugin at a place is not one of the native ones.
    fn foreign(&self, what: &str, name: &str, native: &[&str], span: &Span) {
        if self.plugins == ForeignPlugins::Allow {
            return;
        }
        if name == "ruby_proc" {
            let message = format!("{what} plugin `ruby_proc` runs Ruby code, which is not supported");
            self.report(
                Problem::error("unknown-plugin", message, span)
                    .hint("write it in SQL with `query`, or as a script before or after the transfer"),
            );
            return;
        }
        let listed: Vec<_> = native.iter().map(|name| format!("`{name}`")).collect();
        let known = LATER.contains(&name);
        let message = match known {
            true => format!("{what} plugin `{name}` is not supported yet"),
            false => format!("unknown {what} plugin `{name}`"),
        };
        let mut problem = Problem::error("unknown-plugin", message, span)
            .hint(format!("native {what} plugins are {}", listed.join(", ")));
        if known {
            problem = problem.label("not in this version");
        } else if let Some(near) = crate::diagnostic::suggest(name, native.iter().copied()) {
            problem = problem.did_you_mean(name, near);
        }
        self.report(problem);
    }
}

/// Binds a whole file. None when there is an error in `binder.problems`, or when something needed is not known.
pub(super) fn config(root: &Node, binder: &Binder<'_>) -> Option<EmbulkConfig> {
    let Some(top) = Section::of(root, "the file", binder) else {
        binder.report(Problem::error(
            "not-a-mapping",
            format!("a transfer file must be a mapping with `in` and `out`, not {}", root.kind()),
            &root.span,
        ));
        return None;
    };
    let input = top.required_section("in").and_then(|section| input::bind(&section, source::content));
    let filters = filter::bind(&top);
    let exec_section = top.section("exec");
    let written = exec_section.as_ref().map_or_else(ExecConfig::default, exec);
    let exec = written.or(binder.exec);
    let output = top.required_section("out").and_then(|section| output(&section));
    if let Some(files) = output.as_ref().and_then(OutputConfig::files) {
        several_names(&top, exec, files);
    }
    top.ignore(&["preview_sample_rows"]);
    top.finish();
    Some(EmbulkConfig { input: input?, filters: filters?, output: output?, exec })
}

/// Binds what a preview needs of a file; `out:` is not looked at and may be missing.
pub(super) fn preview(root: &Node, binder: &Binder<'_>) -> Option<PreviewConfig> {
    let top = Section::of(root, "the file", binder);
    if top.is_none() {
        let message = format!("a transfer file must be a mapping with `in`, not {}", root.kind());
        binder.report(Problem::error("not-a-mapping", message, &root.span));
    }
    let top = top?;
    let input = top.required_section("in").and_then(|section| input::bind(&section, source::content));
    let filters = filter::bind(&top);
    let rows = top.count("preview_sample_rows", Size::AtLeastOne).map_or(15, usize::from);
    top.ignore(&["out", "exec"]);
    top.finish();
    Some(PreviewConfig { input: input?, filters: filters?, rows })
}

/// An output of files makes as many files as there are output tasks: they need as many names.
fn several_names(top: &Section<'_>, exec: ExecConfig, files: &FileOutput) {
    let (tasks, sequence) = (exec.output_tasks(), &files.sequence);
    let several = files.max_file_bytes.is_some();
    let what = match sequence.text(0, 0) == sequence.text(1, 0) {
        _ if tasks == 1 => return,
        true => "all of them",
        // Numbers that nothing parts run into each other.
        false if several && sequence.text(1, 11) == sequence.text(11, 1) => "some of them",
        false => return,
    };
    let out = top.node("out").map_or(top.span(), |out| &out.span);
    let exec = top.node("exec").and_then(|exec| exec.get("min_output_tasks"));
    let span = exec.map_or(out, |node| &node.span);
    let how_many = if several { "many".to_owned() } else { tasks.to_string() };
    let message =
        format!("`min_output_tasks` makes {how_many} files, and `sequence_format` gives {what} one name");
    let problem = Problem::error("bad-value", message, span);
    top.binder().report(problem.hint("write both numbers in it: `.%03d.%02d`"));
}

fn output(section: &Section<'_>) -> Option<OutputConfig> {
    match section.plugin("output", &native::OUTPUTS)? {
        "bigquery" => bigquery::bind(section).map(|output| OutputConfig::Bigquery(Box::new(output))),
        "bigquery_java" => {
            bigquery::java::bind(section).map(|output| OutputConfig::Bigquery(Box::new(output)))
        }
        "s3" => s3::bind(section).map(|output| OutputConfig::S3(Box::new(output))),
        "gcs" => gcs::bind(section).map(|output| OutputConfig::Gcs(Box::new(output))),
        "postgresql" => {
            sql_output::postgresql(section).map(|output| OutputConfig::Postgresql(Box::new(output)))
        }
        "mysql" => sql_output::mysql(section).map(|output| OutputConfig::Mysql(Box::new(output))),
        "redshift" => redshift::bind(section).map(|output| OutputConfig::Redshift(Box::new(output))),
        _ => file::bind(section).map(|output| OutputConfig::File(Box::new(output))),
    }
}

fn exec(section: &Section<'_>) -> ExecConfig {
    let config = ExecConfig { min_output_tasks: section.count("min_output_tasks", Size::AtLeastOne) };
    if section.count("max_threads", Size::AtLeastOne).is_some() {
        section.useless("max_threads", TWO_THREADS);
    }
    section.word("type", &[("local", ())]);
    section.useless("transaction_time", "no plugin here takes a time from it");
    section.ignore(&[
        "guess_plugins",
        "exclude_guess_plugins",
        "guess_sample_buffer_bytes",
        "preview_sample_buffer_bytes",
    ]);
    section.finish();
    config
}

#[cfg(test)]
mod tests;
