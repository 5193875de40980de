//! How sessions, tasks and transfers are told.

use super::*;
use crate::run::event::{FailureKind, TaskFailure};
use crate::session::{AttemptId, Params, SessionId, TaskName};
use crate::state::{Process, TransferState};

pub(super) fn at(text: &str) -> Timestamp {
    format!("2026-01-02T{text}Z").parse().expect("a time")
}

fn dead() -> Process {
    Process { boot: "an earlier boot".into(), ..Process::current() }
}

/// A session that an attempt of 03:04:05 stands for.
pub(super) fn session(id: i64, outcome: Option<AttemptOutcome>) -> SessionRecord {
    SessionRecord {
        id: SessionId(id),
        project: "/p".into(),
        workflow: "nightly".into(),
        session_time: "2026-01-02T00:00:00+09:00".into(),
        attempt: AttemptRecord {
            id: AttemptId(id + 100),
            session: SessionId(id),
            starting_attempt: AttemptId(id + 100),
            name: None,
            kind: "run".into(),
            started_at: at("03:04:05"),
            finished_at: outcome.as_ref().map(|_| at("03:06:10")),
            outcome,
            file: "nightly.dig".into(),
            params: Params::new(),
            secret_params: Vec::new(),
            process: Process::current(),
        },
        attempt_count: 2,
    }
}

/// One whose process is gone.
pub(super) fn lost(id: i64) -> SessionRecord {
    let mut session = session(id, None);
    session.attempt.process = dead();
    session
}

pub(super) fn failure() -> TaskFailure {
    TaskFailure {
        message: "the load failed".into(),
        causes: vec!["http 500".into(), "quota".into()],
        hint: None,
        kind: FailureKind::Failed,
    }
}

pub(super) fn task(name: &str, state: TaskState) -> TaskRecord {
    TaskRecord {
        attempt: AttemptId(1),
        name: TaskName::from_full(name),
        operator: Some("embulk".into()),
        state,
        round: 4,
        started_at: Some(at("03:00:00")),
        finished_at: state.is_done().then(|| at("03:00:01.5")),
        result: None,
        failure: (state == TaskState::Error).then(failure),
    }
}

pub(super) fn transfer(state: TransferState) -> TransferRecord {
    let report = TransferReport { rows_sent: 1500, bytes: 2048, seconds: 1.5, ..TransferReport::default() };
    TransferRecord {
        attempt: AttemptId(1),
        task: TaskName::from_full("+nightly+orders"),
        source: "mysql shop.orders".into(),
        target: "bigquery p.lake.orders".into(),
        state,
        started_at: at("03:00:00"),
        finished_at: None,
        report: (state == TransferState::Success).then_some(report),
        failure: (state == TransferState::Error).then(failure),
    }
}

#[test]
fn a_session_for_programs_says_how_long_and_whether_that_is_long() {
    let slow = Slow { took: Duration::from_secs(125), median: Duration::from_secs(60), runs: 3 };
    let seen = |record, slow| Seen { record, slow, live: None };
    let json = |seen: &Seen| session_json(seen, at("03:05:00"));
    let good = json(&seen(session(12, Some(AttemptOutcome::Success)), Some(slow)));
    assert_eq!(
        (&good["session"], &good["state"], &good["finished_at"], &good["seconds"]),
        (&json!(12), &json!("success"), &json!("2026-01-02T03:06:10Z"), &json!(125.0))
    );
    assert_eq!(good["slow"], json!({"median_seconds": 60.0, "runs": 3}));
    let runs =
        json(&Seen { live: Some(Live::new(&[], &[], &Default::default())), ..seen(session(13, None), None) });
    assert_eq!((&runs["seconds"], &runs["running"]["tasks_done"]), (&json!(55.0), &json!(0)));
    let lost = json(&seen(lost(14), None));
    assert_eq!(
        (&lost["state"], &lost["seconds"], &lost["running"]),
        (&json!("lost"), &json!(null), &json!(null))
    );
}

#[test]
fn the_last_record_of_a_task_is_how_it_stands() {
    let records =
        vec![task("+a", TaskState::Error), task("+b", TaskState::Success), task("+a", TaskState::Success)];
    let latest: Vec<(String, TaskState)> =
        latest_tasks(records).into_iter().map(|record| (record.name.to_string(), record.state)).collect();
    assert_eq!(latest, [("+a".into(), TaskState::Success), ("+b".into(), TaskState::Success)]);
}

#[test]
fn tasks_and_transfers_for_programs_have_all_that_is_known() {
    assert_eq!(task_json(&task("+a", TaskState::Error))["failure"]["causes"], json!(["http 500", "quota"]));
    assert_eq!(transfer_json(&transfer(TransferState::Success))["report"]["rows_sent"], json!(1500));
}

#[test]
fn how_an_attempt_ended_is_a_line() {
    let lines: Vec<String> = [
        session(1, Some(AttemptOutcome::Success)),
        session(2, Some(AttemptOutcome::Signal(15))),
        session(3, None),
        lost(4),
    ]
    .iter()
    .map(ended)
    .collect();
    assert_eq!(
        lines,
        [
            "attempt 101 of nightly ended after 2m05s: success",
            "attempt 102 of nightly was stopped by SIGTERM after 2m05s",
            "attempt 103 of nightly runs",
            "attempt 104 of nightly ended without a word: its process is gone",
        ]
    );
}
