//! `sync log`: what the tasks of a session said.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Args;
use jiff::tz::TimeZone;

use super::CommonArgs;
use super::opening::Opened;
use super::retry;
use crate::diagnostic::suggest;
use crate::exit::Exit;
use crate::report::console::Results;
use crate::report::follow::Follower;
use crate::report::log::{self, LogReader, LogText};
use crate::report::status::{self, Standing};
use crate::report::tasklog::ReportForm;
use crate::session::AttemptId;
use crate::state::{AttemptRecord, SessionRecord, Store, TaskRecord};

/// `sync log`
#[derive(Debug, Args)]
pub struct LogArgs {
    /// The session: its number in `sync status`, or `last`
    #[arg(long, value_name = "ID|last", default_value = "last")]
    session: String,
    /// Only tasks whose full name ends so
    #[arg(value_name = "+TASK")]
    task: Option<String>,
    /// Only this attempt [default: the last one of each task; with --follow the last one of the session]
    #[arg(long, value_name = "N")]
    attempt: Option<i64>,
    /// Show the lines of an attempt as they come, each behind the name of its task, until it ends
    #[arg(short, long)]
    follow: bool,
}

/// How often a log that is followed is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// After a look that took long the pause is so many times as long: following takes no more than a tenth of a core.
const REST: u32 = 9;
/// An attempt that has ended has so long to write its last lines.
const LAST_LINES: Duration = Duration::from_secs(2);

/// Runs the command.
pub fn exec(args: &LogArgs, common: &CommonArgs) -> anyhow::Result<Exit> {
    let opened = Opened::new(common, None, Results::Human)?;
    if !opened.place.state.exists() {
        bail!("nothing has run yet in project `{}`", opened.place.project.display());
    }
    let store = Store::open(&opened.place.state)?;
    let mut session = retry::find(&args.session, &store, &opened)?;
    if let Some(number) = args.attempt {
        session = retry::attempt_of(&session, number, &store)?;
    }
    if args.follow { follow(args, session, &store, &opened) } else { show(args, &session, &store, &opened) }
}

/// Shows each log as it is now.
fn show(args: &LogArgs, session: &SessionRecord, store: &Store, opened: &Opened) -> anyhow::Result<Exit> {
    let attempts = match args.attempt {
        Some(number) => vec![AttemptId(number)],
        None => store.attempts(session.id)?.iter().rev().map(|attempt| attempt.id).collect(),
    };
    let all = store.tasks(session.attempt.starting_attempt)?;
    let records: Vec<TaskRecord> = all.iter().filter(|task| args.asks_for(task)).cloned().collect();
    let logs = log::logs(opened.place.state_folder(), session.id, &attempts, &records);
    if logs.is_empty() {
        return Ok(nothing(args, session, &all, opened));
    }
    for log in logs {
        opened.console.result(&format!("==> {} (attempt {}) <==", log.task, log.attempt));
        match log.text {
            LogText::File(path) => LogReader::new(&path).show_new(&opened.console).map(drop)?,
            LogText::Quiet(text) => opened.console.output(&text),
        }
    }
    Ok(Exit::Success)
}

/// Shows what the tasks of an attempt say until it has ended, and how it did.
fn follow(args: &LogArgs, session: SessionRecord, store: &Store, opened: &Opened) -> anyhow::Result<Exit> {
    let attempt = session.attempt.id;
    let mut follower = Follower::new(opened.place.state_folder(), session.id, attempt);
    if Standing::of(&session.attempt) == Standing::Running {
        let since = status::moment(session.attempt.started_at, &TimeZone::system());
        let SessionRecord { workflow, session_time, .. } = &session;
        opened.console.say(&format!("attempt {attempt} of {workflow}, {session_time}, runs since {since}"));
    }
    let mut version = None;
    let ended = loop {
        let begun = Instant::now();
        let now = store.session_of(attempt)?.context("the attempt is no longer in the state")?;
        // Asked before the logs are read, so that the last lines of a run that ends meanwhile are not missed.
        let runs = Standing::of(&now.attempt) == Standing::Running;
        if !runs {
            wait_for_last_lines(&now.attempt, opened);
        }
        let newest = store.version()?;
        if version.replace(newest) != Some(newest) {
            let tasks = store.tasks(now.attempt.starting_attempt)?;
            follower.know(tasks.into_iter().filter(|task| args.asks_for(task)).collect());
        }
        if !runs {
            follower.finish(&opened.console)?;
            break now;
        }
        follower.show(&opened.console)?;
        std::thread::sleep(LOOK.max(begun.elapsed() * REST));
    };
    opened.console.say(&status::ended(&ended));
    if args.task.is_some() && !follower.has_shown() {
        let all = store.tasks(ended.attempt.starting_attempt)?;
        return Ok(nothing(args, &ended, &all, opened));
    }
    Ok(Exit::Success)
}

/// The end of an attempt is recorded before its last lines are written; its report is written after them.
fn wait_for_last_lines(attempt: &AttemptRecord, opened: &Opened) {
    let report = ReportForm::Json.file(opened.place.state_folder(), attempt.session, attempt.id);
    let since = Instant::now();
    while attempt.process.is_alive() && !report.exists() && since.elapsed() < LAST_LINES {
        std::thread::sleep(LOOK / 10);
    }
}

impl LogArgs {
    fn asks_for(&self, task: &TaskRecord) -> bool {
        self.task.as_ref().is_none_or(|end| task.name.as_str().ends_with(end.as_str()))
    }
}

/// Says that there is no such log, and which one may be meant.
fn nothing(args: &LogArgs, session: &SessionRecord, all: &[TaskRecord], opened: &Opened) -> Exit {
    let of = match args.attempt {
        Some(number) => format!("attempt {number}"),
        None => format!("session {}", session.id),
    };
    let Some(end) = &args.task else {
        opened.console.error(&format!("no task of {of} has a log"));
        return Exit::TaskFailed;
    };
    let ends = all.iter().filter_map(|task| {
        let name = task.name.as_str();
        Some(&name[name.rfind('+')?..])
    });
    let near = suggest(end, ends).map(|near| format!("did you mean `{near}`?"));
    let text = format!("no task of {of} has a log and a name that ends in `{end}`");
    opened.console.failure(&text, &[], near.as_deref());
    Exit::TaskFailed
}
