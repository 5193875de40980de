//! `sync wait`: until a session of a workflow, or one of its tasks, has succeeded.

mod target;
mod verdict;
mod words;

use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::opening::{Opened, pasteable_flags};
use super::telling::{Effort, Telling};
use super::{CommonArgs, attempt};
use crate::exit::Exit;
use crate::program;
use crate::report::console::Results;
use crate::report::figures;
use crate::report::status::{self, Standing};
use crate::run::event::TaskFailure;
use crate::session::{Level, TaskName, TaskState};
use crate::state::{SessionRecord, StateError, Store, TaskRecord};
use target::Target;
use verdict::{Verdict, Why, of_session, of_task};
use words::{ended, listed, stands};

/// `sync wait --workflow W`
#[derive(Debug, Args)]
pub struct WaitArgs {
    /// The workflow
    #[arg(long, value_name = "NAME")]
    workflow: String,
    /// The session: hourly, daily, schedule, last, "yyyy-MM-dd[ HH:mm:ss]" or ISO 8601 [default: the one that `sync run`
    /// would take now]
    #[arg(short = 't', long, value_name = "WHEN")]
    session: Option<String>,
    /// Only until this task has succeeded
    #[arg(value_name = "+TASK")]
    task: Option<String>,
    /// Give up after so long, with exit code 75: e.g. 90s, 30m, 12h [default: never]
    #[arg(long, value_name = "LENGTH", value_parser = length)]
    timeout: Option<Duration>,
    /// How often to look
    #[arg(long, value_name = "LENGTH", default_value = "1s", value_parser = interval)]
    interval: Duration,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A look takes about as long.
const SHORTEST: Duration = Duration::from_millis(10);

/// `500ms`, or a length as elsewhere.
fn length(text: &str) -> Result<Duration, String> {
    let millis = text.strip_suffix("ms").and_then(|number| number.parse().ok()).map(Duration::from_millis);
    millis.map_or_else(|| super::length::duration(text, "`500ms`, `90s`, `30m` or `12h`"), Ok)
}

fn interval(text: &str) -> Result<Duration, String> {
    match length(text)? {
        length if length < SHORTEST => Err("at least 10ms".to_owned()),
        length => Ok(length),
    }
}

/// Runs the command: 0 when it has succeeded, 1 when it has failed, 75 when that was not known in time.
pub fn exec(args: &WaitArgs, common: &CommonArgs) -> anyhow::Result<Exit> {
    let results = if args.json { Results::Json } else { Results::Human };
    let opened = Opened::new(common, None, results)?;
    let mut door = Door { opened: &opened, common, store: None };
    door.open()?;
    let (session, task) = (args.session.as_deref(), args.task.as_deref());
    let target = match Target::find(&args.workflow, session, task, door.store.as_ref(), &opened)? {
        Ok(target) => target,
        Err(exit) => return Ok(exit),
    };
    if let Some(task) = target.task.as_ref().filter(|task| task.is_generated) {
        let near = task.near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        let text = format!(
            "no task in the file of `{}` has a name that ends in `{}`: one that a run makes may{near}",
            target.workflow, task.end
        );
        opened.console.log(Level::Warn, &text);
    }
    Waiting { args, target, door, since: Instant::now(), told: None }.until_it_ends()
}

/// The state, which need not be there yet: who only waits does not make it.
struct Door<'a> {
    opened: &'a Opened,
    common: &'a CommonArgs,
    store: Option<Store>,
}

impl Door<'_> {
    /// Opens the state as soon as it is there, and tells people what they do not know.
    fn open(&mut self) -> anyhow::Result<()> {
        if self.store.is_none() && self.opened.place.state.exists() {
            let mut store = Store::open(&self.opened.place.state)?;
            self.tell(&mut store)?;
            self.store = Some(store);
        }
        Ok(())
    }

    /// Closes the attempts whose process is gone.
    fn find_lost(&mut self) -> anyhow::Result<()> {
        if let Some(mut store) = self.store.take() {
            self.tell(&mut store)?;
            self.store = Some(store);
        }
        Ok(())
    }

    fn tell(&self, store: &mut Store) -> anyhow::Result<()> {
        attempt::reports::find_lost(store, Timestamp::now(), self.common, self.opened)?;
        Telling::new(self.opened, self.common)?.before(store, Effort::Once);
        Ok(())
    }
}

/// What is waited for, and since when.
struct Waiting<'a> {
    args: &'a WaitArgs,
    target: Target,
    door: Door<'a>,
    since: Instant,
    /// What people were told last.
    told: Option<Verdict>,
}

/// One look at the state.
struct Look {
    session: Option<SessionRecord>,
    verdict: Verdict,
}

impl Waiting<'_> {
    fn until_it_ends(mut self) -> anyhow::Result<Exit> {
        loop {
            self.door.open()?;
            let mut look = self.look()?;
            if look.session.as_ref().is_some_and(is_newly_lost) {
                self.door.find_lost()?;
                look = self.look()?;
            }
            match &look.verdict {
                Verdict::Succeeded => return Ok(self.succeeded(&look)),
                Verdict::Failed(why) => return self.failed(&look, why),
                Verdict::Ambiguous(names) => return Ok(self.ambiguous(names)),
                Verdict::NotBegun | Verdict::Runs(_) | Verdict::LeftOut(_) => {}
            }
            let left = self.args.timeout.map(|limit| limit.saturating_sub(self.since.elapsed()));
            if left == Some(Duration::ZERO) {
                return self.out_of_time(&look);
            }
            self.tell(&look);
            std::thread::sleep(left.unwrap_or(Duration::MAX).min(self.args.interval));
        }
    }

    fn look(&self) -> Result<Look, StateError> {
        let Some(store) = &self.door.store else {
            return Ok(Look { session: None, verdict: Verdict::NotBegun });
        };
        let Target { project, workflow, session_time, task } = &self.target;
        let session = store.session_at(project, workflow, session_time)?;
        let verdict = match (task, &session) {
            (Some(task), Some(found)) => {
                let mut records = store.tasks_ending_in(&found.attempt, &task.end)?;
                if !task.is_generated {
                    records.retain(|record| record.name.as_str() == task.end);
                }
                of_task(session.as_ref(), &records, task.may_begin_again)
            }
            _ => of_session(session.as_ref()),
        };
        Ok(Look { session, verdict })
    }

    /// What it is: `session 2026-01-02T00:00:00+00:00 of main`, perhaps with a task before.
    fn what(&self) -> String {
        let Target { workflow, session_time, task, .. } = &self.target;
        let task = task.as_ref().map(|task| format!("task `{}` of ", task.end)).unwrap_or_default();
        format!("{task}session {session_time} of {workflow}")
    }

    /// Says what is waited for, as often as that changes.
    fn tell(&mut self, look: &Look) {
        if self.told.as_ref() == Some(&look.verdict) {
            return;
        }
        let text = format!("waits for {}: {}", self.what(), stands(&look.verdict, look.session.as_ref()));
        self.door.opened.console.say(&text);
        self.told = Some(look.verdict.clone());
    }

    fn succeeded(&self, look: &Look) -> Exit {
        self.door.opened.console.say(&format!("{} succeeded", self.what()));
        self.print("success", look, &[]);
        Exit::Success
    }

    fn failed(&self, look: &Look, why: &Why) -> anyhow::Result<Exit> {
        let failures = self.failures(look, why)?;
        let outcome = look.session.as_ref().and_then(|session| session.attempt.outcome.as_ref());
        let text = format!("{} {}{}", self.what(), ended(why, outcome), listed(&failures));
        let hint = self.retry_command(look).map(|command| format!("`{command}` runs what is left"));
        self.door.opened.console.failure(&text, &[], hint.as_deref());
        self.print("failed", look, &failures);
        Ok(Exit::TaskFailed)
    }

    /// The task's own failure, or those of the whole session.
    fn failures(&self, look: &Look, why: &Why) -> Result<Vec<(TaskName, TaskFailure)>, StateError> {
        if let Why::Task(name, Some(failure)) = why {
            return Ok(vec![(name.clone(), failure.clone())]);
        }
        let (Some(store), Some(session)) = (&self.door.store, &look.session) else { return Ok(Vec::new()) };
        let tasks = status::latest_tasks(store.tasks(session.attempt.starting_attempt)?);
        let below = |task: &TaskRecord| match why {
            Why::Task(group, _) => task.name.as_str().starts_with(group.as_str()),
            Why::Ended(_) | Why::NotRun(_) => true,
        };
        let failed = tasks.into_iter().filter(|task| task.state == TaskState::Error && below(task));
        Ok(failed.filter_map(|task| Some((task.name, task.failure?))).collect())
    }

    fn ambiguous(&self, names: &[TaskName]) -> Exit {
        let wanted = self.target.task.as_ref().map(|task| task.end.as_str()).unwrap_or_default();
        let names: Vec<String> = names.iter().take(5).map(|name| format!("`{name}`")).collect();
        let text = format!("`{wanted}` could be any of {}", names.join(", "));
        self.door.opened.console.failure(&text, &[], None);
        Exit::Usage
    }

    fn out_of_time(&self, look: &Look) -> anyhow::Result<Exit> {
        let after = figures::duration(self.args.timeout.unwrap_or_default());
        let text = format!(
            "{} has not succeeded after {after}: {}",
            self.what(),
            stands(&look.verdict, look.session.as_ref())
        );
        self.door.opened.console.failure(&text, &[], None);
        self.print("timeout", look, &[]);
        Ok(Exit::TryLater)
    }

    /// The command that goes on; none where nothing is left, or an attempt still works.
    fn retry_command(&self, look: &Look) -> Option<String> {
        let session = look.session.as_ref()?;
        let is_over = !matches!(Standing::of(&session.attempt), Standing::Running | Standing::Success);
        let flags = pasteable_flags(self.door.common);
        is_over.then(|| program::command(&format!("sync retry --session {}{flags}", session.id)))
    }

    /// The result as JSON: see `docs/wait.schema.json`.
    fn print(&self, outcome: &str, look: &Look, failures: &[(TaskName, TaskFailure)]) {
        if !self.args.json {
            return;
        }
        let failures: Vec<_> =
            failures.iter().map(|(task, failure)| json!({"task": task, "failure": failure})).collect();
        let Target { project, workflow, session_time, task } = &self.target;
        let session = look.session.as_ref();
        self.door.opened.console.json(&json!({
            "version": 1,
            "project": project,
            "workflow": workflow,
            "session_time": session_time,
            "task": task.as_ref().map(|task| &task.end),
            "outcome": outcome,
            "waited_seconds": self.since.elapsed().as_secs_f64(),
            "session": session.map(|session| session.id),
            "attempt": session.map(|session| session.attempt.id),
            "state": session.map(|session| Standing::of(&session.attempt).word()),
            "failures": failures,
            "retry_command": if outcome == "failed" { self.retry_command(look) } else { None },
        }));
    }
}

/// Whether its process is gone and nobody has noticed.
fn is_newly_lost(session: &SessionRecord) -> bool {
    session.attempt.outcome.is_none() && Standing::of(&session.attempt) == Standing::Lost
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_units() {
        assert_eq!(length("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(length("0s"), Ok(Duration::ZERO));
        assert_eq!(length("2h"), Ok(Duration::from_secs(7200)));
        for wrong in ["5", "ms", "-1s", "soon"] {
            assert_eq!(
                length(wrong).unwrap_err(),
                "a length such as `500ms`, `90s`, `30m` or `12h`",
                "{wrong}"
            );
        }
        assert_eq!(interval("9ms").unwrap_err(), "at least 10ms");
        assert_eq!(interval("10ms"), Ok(SHORTEST));
    }
}
