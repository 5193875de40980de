//! What a check found so far, and what is left of it: problems, the files that were looked at, what to ask servers.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;

use super::outline::Outlines;
use super::placed::{Names, Placed};
use super::reach::Reach;
use super::site::Breadth;
use super::{
    AskArgs, CheckArgs, Format, allow, ask, baseline, fix, folder, in_order, literal, same_target,
    secrets_file, sites,
};
use super::{is_template, is_transfer_file, is_workflow};
use crate::cli::opening::Opened;
use crate::cli::properties::Properties;
use crate::cli::{CommonArgs, attempt, policy};
use crate::diagnostic::{Problem, Severity, Source};
use crate::dig::params::merge;
use crate::lint;
use crate::reader::{DirectoryReader, Reader};
use crate::report::console::{Console, Results};
use crate::report::explanation::Told;
use crate::session::Params;
use crate::yaml::{self, Dialect};

/// What a check found.
pub(super) struct Checked {
    /// What the command line brings.
    given: Params,
    pub(super) problems: Vec<Placed>,
    pub(super) files: usize,
    /// What was checked, for whoever has further questions.
    entries: Vec<Asked>,
    /// Projects whose policy was looked at.
    policed: BTreeSet<PathBuf>,
    /// Projects whose secrets file was looked at.
    unlocked: BTreeSet<PathBuf>,
}

/// A file or folder that was asked for, relative to its project.
pub(super) struct Entry {
    pub(super) project: PathBuf,
    pub(super) path: PathBuf,
}

/// The same for whoever has further questions.
struct Asked {
    entry: Entry,
    /// What its workflows would be given.
    given: Params,
    outlines: Outlines,
}

impl Checked {
    /// Nothing yet; `given` is what the command line brings.
    pub(super) fn new(given: Params) -> Self {
        let (policed, unlocked) = (BTreeSet::new(), BTreeSet::new());
        Self { given, problems: Vec::new(), files: 0, entries: Vec::new(), policed, unlocked }
    }

    /// Adds problems of a project that are not there yet.
    pub(super) fn add(&mut self, project: &Path, problems: impl IntoIterator<Item = Problem>) {
        let project: Arc<Path> = project.into();
        for problem in problems {
            let placed = Placed { project: Arc::clone(&project), problem };
            if !self.problems.contains(&placed) {
                self.problems.push(placed);
            }
        }
    }

    /// Checks the policy of a project, once; gives its path in the project, where it lies in it.
    pub(super) fn policy(&mut self, project: &Path, properties: &Properties) -> Option<PathBuf> {
        let file = policy::find(project, properties)?;
        if self.policed.insert(file.path.clone()) {
            self.files += 1;
            let problems = match policy::load(project, properties) {
                Ok(loaded) => loaded.map(|loaded| loaded.warnings).unwrap_or_default(),
                Err(problems) => problems,
            };
            self.add(project, problems);
        }
        Some(file.shown)
    }

    /// Checks the secrets file of a project, once.
    pub(super) fn secrets_file(&mut self, project: &Path, properties: &Properties) {
        if self.unlocked.insert(project.to_owned()) {
            self.add(project, secrets_file::check(project, properties));
        }
    }

    /// Looks at the transfers of everything that was checked together, and asks what `--explain` and `--connect` want to
    /// know of them.
    pub(super) fn ask(&mut self, args: &AskArgs, common: &CommonArgs) -> anyhow::Result<Vec<Told>> {
        let environment = attempt::environment();
        let directory = std::env::current_dir().context("the current directory is not known")?;
        let mut told = Vec::new();
        for Asked { entry: Entry { project, path }, given, outlines } in std::mem::take(&mut self.entries) {
            let reader = DirectoryReader::new(&project);
            let breadth = if args.explain || args.connect { Breadth::All } else { Breadth::Sure };
            let mut walk = sites::Walk::new(&reader, &project, &environment, breadth);
            // Each workflow has a run of its own.
            let mut ends = Vec::new();
            if is_transfer_file(&path) {
                walk.transfer_file(&path, &directory);
            } else {
                for workflow in workflows(&project, &path)? {
                    // One transfer alone is compared with no other.
                    if breadth == Breadth::All || outlines.transfers(&workflow) > 1 {
                        walk.workflow_given(&workflow, &given);
                        ends.push(walk.sites.len());
                    }
                }
            }
            let sites = walk.sites;
            if sites.is_empty() {
                continue;
            }
            if sites.len() >= sites::MOST {
                let message =
                    format!("only the first {} transfers of `{}` are looked at", sites::MOST, path.display());
                let mut problem = Problem::placeless("many-transfers", message);
                problem.severity = Severity::Warning;
                self.add(&project, [problem]);
            }
            let opened = Opened::new(common, Some(&project.join("_")), Results::Human)?;
            let asking = ask::Asking::new(&opened, &reader, args);
            let (questions, rendering) = asking.questions(sites);
            let mut start = 0;
            for end in ends {
                self.add(&project, same_target::check(&questions[start..end]));
                start = end;
            }
            if breadth == Breadth::All {
                let answers = asking.all(&questions);
                told.extend(answers.told);
                self.add(&project, rendering.into_iter().chain(answers.problems));
            }
        }
        Ok(told)
    }

    /// Leaves out what nobody asked for, what a comment allows, and what a baseline knows.
    pub(super) fn leave_out(&mut self, args: &CheckArgs, console: &Console) -> anyhow::Result<()> {
        self.problems.retain(|Placed { problem, .. }| args.choice.takes(problem) && !allow::allows(problem));
        if let Some(path) = &args.write_baseline {
            baseline::write(&self.problems, path)?;
            let count = self.problems.len();
            let word = if count == 1 { "problem" } else { "problems" };
            console.say(&format!("wrote {count} {word} to `{}`", path.display()));
            self.problems.clear();
        }
        if let Some(path) = &args.baseline {
            let (left, gone) = baseline::without_known(std::mem::take(&mut self.problems), path)?;
            self.problems = left;
            if gone > 0 {
                let verb = if gone == 1 { "is" } else { "are" };
                let path = path.display();
                console.say(&format!("{gone} of the problems in `{path}` {verb} gone: write it again"));
            }
        }
        Ok(())
    }

    /// Shows what can be mended, and mends it where that is asked for.
    pub(super) fn mend(&mut self, args: &CheckArgs, console: &Console) -> anyhow::Result<()> {
        let files = fix::mended(&self.problems, &Names::of(&self.problems, args.format));
        for file in &files {
            // What programs read of stdout holds nothing else.
            match args.format {
                Format::Human => console.result(&file.diff()),
                _ => console.say(file.diff().trim_end()),
            }
        }
        if args.fix {
            for file in &files {
                file.write()?;
            }
            let mended = files.iter().map(fix::Mended::count).sum::<usize>();
            let mended = if mended == 1 { "1 word".to_owned() } else { format!("{mended} words") };
            console.say(&format!("mended {mended}"));
            self.problems.retain(|problem| !files.iter().any(|file| file.mends(problem)));
        }
        Ok(())
    }

    /// Takes over what was found in an entry.
    pub(super) fn take(
        &mut self,
        mut reach: Reach<'_>,
        reader: &dyn Reader,
        entry: Entry,
        properties: &Properties,
    ) -> anyhow::Result<()> {
        let mut given = properties.params()?;
        self.files += reach.seen.len();
        reach.add_lints(&self.given, &given);
        merge(&mut given, &self.given);
        for path in reach.seen.clone() {
            // A file that can't be read is a problem already.
            let source = Source::new(&path, reader.read(&path).unwrap_or_default());
            reach.add(allow::strays(&source));
        }
        let written_as_yaml = |path: &Path| is_workflow(path) || is_transfer_file(path) && !is_template(path);
        let committed: Vec<PathBuf> =
            reach.seen.iter().filter(|path| written_as_yaml(path)).cloned().collect();
        for path in committed {
            // A file that can't be read is a problem already.
            let text = reader.read(&path).unwrap_or_default();
            if is_transfer_file(&path) {
                let parsed = yaml::parse(&Source::new(&path, &text), Dialect::Embulk);
                reach.add(parsed.node.as_ref().map(lint::transfer).unwrap_or_default());
            }
            reach.add(literal::check(&path, text));
        }
        self.add(&entry.project, in_order(reach.problems));
        self.entries.push(Asked { entry, given, outlines: reach.outlines });
        Ok(())
    }
}

/// A workflow, or those of a folder.
fn workflows(project: &Path, path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if is_workflow(path) { Ok(vec![path.to_owned()]) } else { folder::workflows(project, path) }
}
