//! `sync log`: what the tasks of a session said.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use clap::Args;

use super::CommonArgs;
use super::opening::Opened;
use super::retry;
use crate::exit::Exit;
use crate::report::console::Results;
use crate::report::log::{self, LogReader, LogText};
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
    let mut shown = Shown { opened: &opened, args, session, told: HashSet::new(), readers: HashMap::new() };
    loop {
        // Asked before the logs are read, so that the last lines of a run that ends meanwhile are not missed.
        let runs = store.session(session)?.is_some_and(|now| Standing::of(&now.attempt) == Standing::Running);
        shown.all(&store)?;
        if args.follow && runs {
            std::thread::sleep(LOOK);
            continue;
        }
        if shown.told.is_empty() {
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
    told: HashSet<(TaskName, AttemptId)>,
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
        let mut records = store.tasks(last.starting_attempt)?;
        if let Some(end) = &self.args.task {
            records.retain(|task| task.name.as_str().ends_with(end.as_str()));
        }
        let (folder, console) = (self.opened.place.state_folder(), &self.opened.console);
        for log in log::logs(folder, self.session, &newest_first, &records) {
            let is_new = self.told.insert((log.task.clone(), log.attempt));
            if is_new {
                console.result(&format!("==> {} (attempt {}) <==", log.task, log.attempt));
            }
            match log.text {
                LogText::File(path) => {
                    let reader = self.readers.entry(path.clone()).or_insert_with(|| LogReader::new(&path));
                    reader.show_new(console)?;
                }
                LogText::Quiet(text) if is_new => console.output(&text),
                LogText::Quiet(_) => {}
            }
        }
        Ok(())
    }
}
