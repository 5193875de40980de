//! What a check found so far, and what is left of it: problems, the files that were looked at, what to ask servers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::reach::Reach;
use super::{
    AskArgs, CheckArgs, allow, ask, baseline, fix, folder, in_order, literal, same_target, secrets_file,
    sites,
};
use super::{is_template, is_transfer_file, is_workflow};
use crate::cli::opening::Opened;
use crate::cli::properties::Properties;
use crate::cli::{CommonArgs, attempt, policy};
use crate::diagnostic::{Problem, Severity, Source};
use crate::lint;
use crate::reader::{DirectoryReader, Reader};
use crate::report::console::{Console, Results};
use crate::report::explanation::Told;
use crate::yaml::{self, Dialect};

/// What a check found.
#[derive(Default)]
pub(super) struct Checked {
    pub(super) problems: Vec<Problem>,
    pub(super) files: usize,
    /// What was checked, for whoever has further questions.
    pub(super) entries: Vec<Entry>,
    /// Projects whose policy was looked at.
    policed: BTreeSet<PathBuf>,
    /// Projects whose secrets file was looked at.
    unlocked: BTreeSet<PathBuf>,
    /// Where the files lie that were looked at, by the names that problems have for them.
    places: BTreeMap<PathBuf, PathBuf>,
}

/// A file or folder that was asked for, relative to its project.
pub(super) struct Entry {
    pub(super) project: PathBuf,
    pub(super) path: PathBuf,
}

impl Checked {
    /// Checks the policy of a project, once; gives its path in the project, where it lies in it.
    pub(super) fn policy(&mut self, project: &Path, properties: &Properties) -> Option<PathBuf> {
        let file = policy::find(project, properties)?;
        if self.policed.insert(file.path.clone()) {
            self.files += 1;
            self.problems.extend(match policy::load(project, properties) {
                Ok(loaded) => loaded.map(|loaded| loaded.warnings).unwrap_or_default(),
                Err(problems) => problems,
            });
        }
        Some(file.shown)
    }

    /// Checks the secrets file of a project, once.
    pub(super) fn secrets_file(&mut self, project: &Path, properties: &Properties) {
        if self.unlocked.insert(project.to_owned()) {
            self.problems.extend(secrets_file::check(project, properties));
        }
    }

    /// Looks at the transfers of everything that was checked together, and asks what `--explain` and `--connect` want to
    /// know of them.
    pub(super) fn ask(&mut self, args: &AskArgs, common: &CommonArgs) -> anyhow::Result<Vec<Told>> {
        let environment = attempt::environment();
        let directory = std::env::current_dir().context("the current directory is not known")?;
        let mut told = Vec::new();
        for Entry { project, path } in std::mem::take(&mut self.entries) {
            let reader = DirectoryReader::new(&project);
            let mut walk = sites::Walk::new(&reader, &project, &environment);
            if is_transfer_file(&path) {
                walk.transfer_file(&path, &directory);
            } else if is_workflow(&path) {
                walk.workflow(&path);
            } else {
                folder::workflows(&project, &path)?.iter().for_each(|workflow| walk.workflow(workflow));
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
                self.problems.push(problem);
            }
            let opened = Opened::new(common, Some(&project.join("_")), Results::Human)?;
            let asking = ask::Asking::new(&opened, &reader, args);
            let mut found = same_target::check(&asking, sites.clone());
            if args.explain || args.connect {
                let answers = asking.all(sites);
                told.extend(answers.told);
                found.extend(answers.problems);
            }
            for problem in found {
                if !self.problems.contains(&problem) {
                    self.problems.push(problem);
                }
            }
        }
        Ok(told)
    }

    /// Leaves out what nobody asked for, what a comment allows, and what a baseline knows.
    pub(super) fn leave_out(&mut self, args: &CheckArgs, console: &Console) -> anyhow::Result<()> {
        self.problems.retain(|problem| args.choice.takes(problem) && !allow::allows(problem));
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
        let files = fix::mended(&self.problems, &self.places);
        for file in &files {
            console.result(&file.diff());
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

    pub(super) fn take(&mut self, mut reach: Reach<'_>, reader: &dyn Reader, project: &Path) {
        self.files += reach.seen.len();
        self.places.extend(reach.seen.iter().map(|path| (path.clone(), project.join(path))));
        reach.add_lints();
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
        for problem in in_order(reach.problems) {
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
    }
}
