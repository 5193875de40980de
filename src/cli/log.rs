//! `sync log`: what the tasks of a session said.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use clap::Args;

use super::CommonArgs;
use super::opening::Opened;
use super::retry;
use crate::exit::Exit;
use crate::report::console::Results;
use crate::report::log::{self, LogReader};
use crate::report::status::Standing;
use crate::session::{AttemptId, SessionId, TaskName};
use crate::state::Store;

/// `sync log`
#[derive(Debug, Args)]
pub struct LogArgs {
    /// The session: its number in `sync status`, or `last`
    #[arg(long, value_name = "ID|last", default_value = "last")]
    session: String,
    /// Only tasks whose full name ends so
    #[arg(value_name = "+TASK")]
    task: Option<String>,
    /// Only this attempt [default: the last one of each task]
    #[arg(long, value_name = "N")]
    attempt: Option<i64>,
    /// Go on as long as the attempt runs
    #[arg(short, long)]
    follow: bool,
}

/// How often a log that is followed is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Runs the command.
pub fn exec(args: &LogArgs, common: &CommonArgs) -> anyhow::Result<Exit> {
    let opened = Opened::new(common, None, Results::Human)?;
    let store = Store::open(&opened.place.state)?;
    let session = retry::find(&args.session, &store, &opened)?.id;
    let mut shown = Shown { opened: &opened, args, session, readers: HashMap::new() };
    loop {
        // Asked before the logs are read, so that the last lines of a run that ends meanwhile are not missed.
        let runs = store.session(session)?.is_some_and(|now| Standing::of(&now.attempt) == Standing::Running);
        shown.all(&store)?;
        if args.follow && runs {
            std::thread::sleep(LOOK);
            continue;
        }
        if shown.readers.is_empty() {
            let task = args.task.as_ref().map(|task| format!(" and a name that ends in `{task}`"));
            bail!("no task of session {session} has a log{}", task.unwrap_or_default());
        }
        return Ok(Exit::Success);
    }
}

/// What of which log was shown.
struct Shown<'a> {
    opened: &'a Opened,
    args: &'a LogArgs,
    session: SessionId,
    readers: HashMap<PathBuf, LogReader>,
}

impl Shown<'_> {
    /// Shows what is new in every log.
    fn all(&mut self, store: &Store) -> anyhow::Result<()> {
        let attempts = store.attempts(self.session)?;
        let Some(last) = attempts.last() else { return Ok(()) };
        let newest_first: Vec<AttemptId> = attempts
            .iter()
            .rev()
            .map(|attempt| attempt.id)
            .filter(|id| self.args.attempt.is_none_or(|wanted| *id == AttemptId(wanted)))
            .collect();
        let mut tasks: Vec<TaskName> = Vec::new();
        for task in store.tasks(last.starting_attempt)? {
            let wanted = self.args.task.as_ref().is_none_or(|end| task.name.as_str().ends_with(end.as_str()));
            if wanted && !tasks.contains(&task.name) {
                tasks.push(task.name);
            }
        }
        let folder = self.opened.place.state_folder();
        for file in log::files(folder, self.session, &newest_first, &tasks) {
            let reader = self.readers.entry(file.path.clone()).or_insert_with(|| {
                self.opened.console.result(&format!("==> {} (attempt {}) <==", file.task, file.attempt));
                LogReader::new(&file.path)
            });
            reader.show_new(&self.opened.console)?;
        }
        Ok(())
    }
}
