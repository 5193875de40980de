//! `sync retry`: a new attempt of a session that runs what did not succeed.

use anyhow::{Context, bail};
use jiff::Timestamp;

use super::CommonArgs;
use super::attempt::{self, Desk, Earlier, Keeping, Order};
use super::not_begun::{self, Watched};
use super::opening::Opened;
use super::reading::{all_params, load};
use super::run_args::RetryArgs;
use super::telling::{Effort, Telling};
use crate::dig::params::merge;
use crate::dig::workflow::Workflow;
use crate::exit::Exit;
use crate::plan::{Recorded, RecordedTask, Selection};
use crate::report::console::Results;
use crate::report::tasklog::remove_parts;
use crate::run::RunMode;
use crate::run::event::AttemptOutcome;
use crate::run::private_directory;
use crate::session::{AttemptId, Params, SessionId, SessionTime, TaskState};
use crate::state::{AttemptKind, SessionRecord, Store};

/// Runs the command.
pub fn exec(args: &RetryArgs, common: &CommonArgs) -> anyhow::Result<Exit> {
    let results = if args.shared.json { Results::Json } else { Results::Human };
    let opened = Opened::new(common, None, results)?;
    let ended = begin(args, common, &opened);
    if Watched::of(&opened, false) == Watched::ByNobody {
        not_begun::tell(&ended, &format!("sync retry --session {}", args.session), &opened, common);
    }
    ended
}

fn begin(args: &RetryArgs, common: &CommonArgs, opened: &Opened) -> anyhow::Result<Exit> {
    let mut store = Store::open(&opened.place.state)?;
    attempt::reports::find_lost(&mut store, Timestamp::now(), common, opened)?;
    Telling::new(opened, common)?.before(&mut store, Effort::Once);
    let session = find(&args.session, &store, opened)?;
    let file = opened.place.project.join(&session.attempt.file);
    let Some(workflow) = load(&file, opened)? else { return Ok(Exit::Invalid) };
    opened.console.say(&format!("session {} of {}, {}", session.id, session.workflow, session.session_time));
    remove_parts(opened.place.state_folder(), session.id);
    let mut session = session;
    if args.all {
        session.attempt.outcome = Some(AttemptOutcome::Failed);
    }
    let selection = match (&args.task, &args.from) {
        (_, Some(pattern)) => Selection::From(pattern.clone()),
        (Some(pattern), None) => Selection::Within(pattern.clone()),
        (None, None) => Selection::All,
    };
    if selection == Selection::All && session.attempt.outcome == Some(AttemptOutcome::Success) {
        // It may have been killed just after it recorded that.
        private_directory::sweep_all(&opened.place.state_folder().join("tmp"));
        opened.console.say("nothing is left to do: it succeeded");
        return Ok(Exit::Success);
    }
    let params = all_params(&args.shared, opened)?;
    let redo = if args.all { Redo::All } else { Redo::Unfinished };
    let desk = Desk { opened, shared: &args.shared, common, keeping: Keeping::State };
    let resumed = Resumed { session, workflow, selection, mode: RunMode::Real };
    continue_with(resumed, redo, &params, store, &desk)
}

/// Which recorded tasks run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Redo {
    Unfinished,
    All,
}

/// A session that is gone on with.
pub struct Resumed {
    /// The session and its last attempt.
    pub session: SessionRecord,
    /// The workflow as it is now.
    pub workflow: Workflow,
    /// What of it is asked for.
    pub selection: Selection,
    /// Whether operators work.
    pub mode: RunMode,
}

/// `sync run --session last`: goes on with a session in Digdag's way.
pub fn resume(resumed: Resumed, params: &Params, store: Store, desk: &Desk<'_>) -> anyhow::Result<Exit> {
    continue_with(resumed, Redo::Unfinished, params, store, desk)
}

/// The time of a recorded session, in the zone of the workflow as it is now.
pub fn time_of(session: &SessionRecord, workflow: &Workflow) -> anyhow::Result<SessionTime> {
    let instant: Timestamp = session.session_time.parse().context("the session's time cannot be read")?;
    Ok(SessionTime(instant.to_zoned(workflow.timezone.clone())))
}

fn continue_with(
    what: Resumed,
    redo: Redo,
    given: &Params,
    store: Store,
    desk: &Desk<'_>,
) -> anyhow::Result<Exit> {
    let Resumed { session, workflow, selection, mode } = what;
    let mut params = session.attempt.params.clone();
    merge(&mut params, given);
    if let Some(missing) = session.attempt.secret_params.iter().find(|name| !has(&params, name)) {
        bail!(
            "parameter `{missing}` was given to the first attempt and counts as a secret, so it was not kept: give \
             it again with `-p {missing}=...`"
        );
    }
    let starting = session.attempt.starting_attempt;
    let earlier = if redo == Redo::All { Earlier::Again } else { Earlier::Counts };
    let recorded = recorded_for(&store, starting, earlier)?;
    let order = Order {
        sizes: attempt::sizes(&store, &session.project, &workflow.name)?,
        time: time_of(&session, &workflow)?,
        workflow,
        kind: AttemptKind::Retry,
        starting_attempt: Some(starting),
        recorded,
        selection,
        params,
        mode,
        earlier,
    };
    attempt::carry_out(order, desk.own_store(store)?, desk)
}

/// Whether a dotted name leads to a value.
fn has(params: &Params, name: &str) -> bool {
    let mut parts = name.split('.');
    let first = parts.next().and_then(|part| params.get(part));
    parts.try_fold(first, |value, part| Some(value?.get(part))).flatten().is_some()
}

/// The session that `--session` means.
pub fn find(session: &str, store: &Store, opened: &Opened) -> anyhow::Result<SessionRecord> {
    let project = opened.place.project.to_string_lossy();
    if session == "last" {
        let last = store.last_session(&project)?;
        return last.with_context(|| format!("nothing has run yet in project `{project}`"));
    }
    let id = session.parse().map(SessionId).ok();
    let Some(id) = id else {
        bail!("`--session` takes a number of `sync status` or `last`, but got `{session}`")
    };
    let found = store.session(id)?.filter(|found| found.project == project);
    found.with_context(|| format!("there is no session {id} in project `{project}`"))
}

/// The same session with another attempt in the place of its last.
pub fn attempt_of(session: &SessionRecord, number: i64, store: &Store) -> anyhow::Result<SessionRecord> {
    let found = store.session_of(AttemptId(number))?.filter(|found| found.id == session.id);
    found.with_context(|| format!("session {} has no attempt {number}", session.id))
}

/// How every task stands after all attempts that continue one.
pub(super) fn recorded(store: &Store, starting: AttemptId) -> anyhow::Result<Recorded> {
    let mut recorded = Recorded::default();
    for task in store.tasks(starting)? {
        let result = task.result.filter(|_| task.state == TaskState::Success);
        recorded.insert(task.name, RecordedTask { operator: task.operator, round: task.round, result });
    }
    Ok(recorded)
}

/// The same for a retry, which may be of everything.
pub(super) fn recorded_for(store: &Store, starting: AttemptId, earlier: Earlier) -> anyhow::Result<Recorded> {
    let mut recorded = recorded(store, starting)?;
    if earlier == Earlier::Again {
        recorded.redo_all();
    }
    Ok(recorded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dig;
    use crate::reader::MemoryReader;
    use crate::state::{NewAttempt, Process};

    #[test]
    fn a_session_whose_time_is_none_is_not_gone_on_with() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = Store::open(&folder.path().join("state.db")).expect("a state");
        let new = NewAttempt {
            project: "/p".into(),
            workflow: "main".into(),
            file: "main.dig".into(),
            session_time: "noon".into(),
            kind: AttemptKind::Run,
            starting_attempt: None,
            required_by: None,
            name: None,
            params: Params::new(),
            secret_params: Vec::new(),
            process: Process::current(),
            at: Timestamp::UNIX_EPOCH,
        };
        let (attempt, _) = store.begin(&new).expect("it begins");
        let session = store.session(attempt.session).expect("it is read").expect("it is there");
        let reader = MemoryReader::default().with("main.dig", "+a: {echo>: x}\n");
        let workflow = dig::load("main.dig".as_ref(), &reader).workflow.expect("a workflow");
        let error = time_of(&session, &workflow).expect_err("noon is no time");
        assert_eq!(error.to_string(), "the session's time cannot be read");
    }
}
