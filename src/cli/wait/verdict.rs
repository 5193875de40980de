//! How what is waited for stands, by what the state says of its session.

use crate::report::status::Standing;
use crate::run::event::TaskFailure;
use crate::session::{AttemptId, TaskName, TaskState};
use crate::state::{SessionRecord, TaskRecord};

/// How it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// Nothing of it has begun.
    NotBegun,
    /// An attempt works.
    Runs(AttemptId),
    /// The last attempt has ended and left this out, as it was asked to.
    LeftOut(AttemptId),
    /// It succeeded.
    Succeeded,
    /// It failed, or cannot succeed any more in this attempt.
    Failed(Why),
    /// Several tasks end so.
    Ambiguous(Vec<TaskName>),
}

/// Why it counts as failed.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Why {
    /// The attempt ended badly.
    Ended(Standing),
    /// The task failed.
    Task(TaskName, Option<TaskFailure>),
    /// The attempt ended, and the task had not run.
    NotRun(Standing),
}

/// Of a whole session.
pub(super) fn of_session(session: Option<&SessionRecord>) -> Verdict {
    let Some(session) = session else { return Verdict::NotBegun };
    let attempt = session.attempt.id;
    match Standing::of(&session.attempt) {
        Standing::Running => Verdict::Runs(attempt),
        Standing::Success => Verdict::Succeeded,
        Standing::Partial => Verdict::LeftOut(attempt),
        standing => Verdict::Failed(Why::Ended(standing)),
    }
}

/// Of a task, by the last records of those whose names end as is wanted. `may_begin_again`: a group around it may.
pub(super) fn of_task(
    session: Option<&SessionRecord>,
    records: &[TaskRecord],
    may_begin_again: bool,
) -> Verdict {
    let Some(session) = session else { return Verdict::NotBegun };
    let attempt = session.attempt.id;
    let standing = Standing::of(&session.attempt);
    let record = match records {
        [] => None,
        [one] => Some(one),
        several => return Verdict::Ambiguous(several.iter().map(|task| task.name.clone()).collect()),
    };
    if record.is_some_and(|task| task.state == TaskState::Success) {
        return Verdict::Succeeded;
    }
    let failed = record.filter(|task| matches!(task.state, TaskState::Error | TaskState::GroupError));
    match (standing, failed) {
        // What an earlier attempt left failed runs again now.
        (Standing::Running, Some(task)) if task.attempt == attempt && !may_begin_again => {
            Verdict::Failed(Why::Task(task.name.clone(), task.failure.clone()))
        }
        (Standing::Running, _) => Verdict::Runs(attempt),
        (_, Some(task)) => Verdict::Failed(Why::Task(task.name.clone(), task.failure.clone())),
        (Standing::Partial, None) => Verdict::LeftOut(attempt),
        (standing, None) => Verdict::Failed(Why::NotRun(standing)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::event::AttemptOutcome;
    use crate::session::{Params, SessionId};
    use crate::state::{AttemptRecord, Process};

    fn session(outcome: Option<AttemptOutcome>, process: Process) -> SessionRecord {
        let at = "2026-01-02T03:04:05Z".parse().expect("a time");
        SessionRecord {
            id: SessionId(1),
            project: "/p".into(),
            workflow: "main".into(),
            session_time: "2026-01-02T00:00:00+00:00".into(),
            attempt: AttemptRecord {
                id: AttemptId(2),
                session: SessionId(1),
                starting_attempt: AttemptId(1),
                name: None,
                kind: "retry".into(),
                started_at: at,
                finished_at: outcome.as_ref().map(|_| at),
                outcome,
                file: "main.dig".into(),
                params: Params::new(),
                secret_params: Vec::new(),
                process,
            },
            attempt_count: 2,
        }
    }

    fn running() -> SessionRecord {
        session(None, Process::current())
    }

    fn ended(outcome: AttemptOutcome) -> SessionRecord {
        session(Some(outcome), Process::current())
    }

    fn task(attempt: i64, state: TaskState) -> TaskRecord {
        TaskRecord {
            attempt: AttemptId(attempt),
            name: TaskName::from_full("+main+a"),
            operator: Some("sh".into()),
            state,
            round: 1,
            started_at: None,
            finished_at: None,
            result: None,
            failure: None,
        }
    }

    #[test]
    fn a_session_stands_as_its_last_attempt_does() {
        let gone = Process { boot: "an earlier boot".into(), ..Process::current() };
        let failed = |standing| Verdict::Failed(Why::Ended(standing));
        for (session, expected) in [
            (None, Verdict::NotBegun),
            (Some(running()), Verdict::Runs(AttemptId(2))),
            (Some(ended(AttemptOutcome::Success)), Verdict::Succeeded),
            (Some(ended(AttemptOutcome::Partial)), Verdict::LeftOut(AttemptId(2))),
            (Some(ended(AttemptOutcome::Failed)), failed(Standing::Failed)),
            (Some(ended(AttemptOutcome::Signal(15))), failed(Standing::Stopped)),
            (Some(ended(AttemptOutcome::Lost)), failed(Standing::Lost)),
            (Some(session(None, gone)), failed(Standing::Lost)),
        ] {
            assert_eq!(of_session(session.as_ref()), expected, "{session:?}");
        }
    }

    #[test]
    fn a_task_may_be_done_before_its_session_and_fail_before_it() {
        let of = |session: &SessionRecord, records: &[TaskRecord]| of_task(Some(session), records, false);
        let failed = || Verdict::Failed(Why::Task(TaskName::from_full("+main+a"), None));
        let runs = || Verdict::Runs(AttemptId(2));
        assert_eq!(of_task(None, &[], false), Verdict::NotBegun);
        assert_eq!(of(&running(), &[]), runs());
        assert_eq!(of(&running(), &[task(2, TaskState::Running)]), runs());
        assert_eq!(of(&running(), &[task(2, TaskState::RetryWaiting)]), runs());
        assert_eq!(of(&running(), &[task(1, TaskState::Success)]), Verdict::Succeeded);
        assert_eq!(of(&running(), &[task(2, TaskState::Error)]), failed());
        assert_eq!(of(&running(), &[task(2, TaskState::GroupError)]), failed());
        assert_eq!(of(&running(), &[task(1, TaskState::Error)]), runs(), "it runs again");
        assert_eq!(of_task(Some(&running()), &[task(2, TaskState::Error)], true), runs(), "its group may");
        let bad = ended(AttemptOutcome::Failed);
        assert_eq!(of(&bad, &[task(2, TaskState::Success)]), Verdict::Succeeded, "another task failed");
        assert_eq!(of_task(Some(&bad), &[task(2, TaskState::Error)], true), failed());
        assert_eq!(of(&bad, &[]), Verdict::Failed(Why::NotRun(Standing::Failed)));
        assert_eq!(of(&bad, &[task(2, TaskState::Canceled)]), Verdict::Failed(Why::NotRun(Standing::Failed)));
        assert_eq!(of(&ended(AttemptOutcome::Success), &[]), Verdict::Failed(Why::NotRun(Standing::Success)));
        assert_eq!(of(&ended(AttemptOutcome::Partial), &[]), Verdict::LeftOut(AttemptId(2)));
        assert_eq!(
            of(&running(), &[task(1, TaskState::Success), task(2, TaskState::Running)]),
            Verdict::Ambiguous(vec![TaskName::from_full("+main+a"); 2])
        );
    }
}
