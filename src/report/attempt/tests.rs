//! The report of an attempt whose facts were made up.

use jiff::tz::TimeZone;

use super::*;
use crate::run::event::{FailureKind, TaskFailure};
use crate::session::{AttemptId, Params, SessionId, TaskName};
use crate::state::Process;
use crate::transfer::report::{Change, TransferReport, Treated};

fn at(text: &str) -> Timestamp {
    format!("2026-01-02T{text}Z").parse().expect("a time")
}

pub(in crate::report) fn session(attempt: i64, outcome: Option<AttemptOutcome>) -> SessionRecord {
    let mut params = Params::new();
    params.insert("date".into(), "2026-01-01".into());
    params.insert("tables".into(), json!(["注文"]));
    SessionRecord {
        id: SessionId(3),
        project: "/p".into(),
        workflow: "nightly".into(),
        session_time: "2026-01-02T00:00:00+09:00".into(),
        attempt: AttemptRecord {
            id: AttemptId(attempt),
            session: SessionId(3),
            starting_attempt: AttemptId(7),
            name: None,
            kind: if attempt == 7 { "run" } else { "retry" }.into(),
            started_at: at("03:00:00"),
            finished_at: outcome.as_ref().map(|_| at("03:02:05")),
            outcome,
            file: "nightly.dig".into(),
            params,
            secret_params: vec!["password".into()],
            process: Process { boot: "an earlier boot".into(), ..Process::current() },
        },
        attempt_count: 2,
    }
}

pub(in crate::report) fn failure() -> TaskFailure {
    TaskFailure {
        message: "the load failed".into(),
        causes: vec!["http 500\u{1b}[2J".into()],
        hint: Some("try again".into()),
        kind: FailureKind::Failed,
    }
}

pub(in crate::report) fn task(attempt: i64, name: &str, state: TaskState) -> TaskRecord {
    TaskRecord {
        attempt: AttemptId(attempt),
        name: TaskName::from_full(name),
        operator: Some("embulk".into()),
        state,
        round: 2,
        started_at: Some(at("03:00:01")),
        finished_at: Some(at("03:00:03.5")),
        result: None,
        failure: (state == TaskState::Error).then(failure),
    }
}

pub(in crate::report) fn transfer(attempt: i64, table: &str, rows: Option<u64>) -> TransferRecord {
    let report = rows.map(|rows| TransferReport {
        source: format!("mysql shop.{table}"),
        target: format!("bigquery p.lake.{table}"),
        mode: Some("replace".into()),
        config: None,
        rows_read: rows + 1,
        rows_sent: rows,
        rows_loaded: Some(rows),
        bytes: rows * 10,
        seconds: 1.25,
        snapshot: "per table".into(),
        notes: vec!["column `d`: 2 zero dates became NULL".into()],
        changes: vec![Change::of("d", "zero dates became NULL", 2)],
        reused: None,
        policy: vec![Treated {
            place: 1,
            at: None,
            column: "email".into(),
            source: format!("shop.{table}.email"),
            type_name: "varchar(40)".into(),
            action: "drop".into(),
            rule: None,
            reason: None,
        }],
        next: json!({"last_record": [4711]}).as_object().cloned().unwrap_or_default(),
    });
    TransferRecord {
        attempt: AttemptId(attempt),
        task: TaskName::from_full(format!("+nightly+{table}")),
        source: format!("mysql shop.{table}"),
        target: format!("bigquery p.lake.{table}"),
        state: if rows.is_some() { TransferState::Success } else { TransferState::Error },
        started_at: at("03:00:01"),
        finished_at: Some(at("03:00:03")),
        failure: rows.is_none().then(failure),
        report,
    }
}

/// An attempt that failed, and one that went on with it.
fn records() -> (Vec<TaskRecord>, Vec<TransferRecord>) {
    let tasks = vec![
        task(7, "+nightly+注文", TaskState::Success),
        task(7, "+nightly+items", TaskState::Error),
        task(8, "+nightly+items", TaskState::Success),
    ];
    let transfers =
        vec![transfer(7, "注文", Some(20_000)), transfer(7, "items", None), transfer(8, "items", Some(5))];
    (tasks, transfers)
}

fn report(attempt: i64, outcome: Option<AttemptOutcome>) -> AttemptReport {
    let (tasks, transfers) = records();
    AttemptReport::new(session(attempt, outcome), tasks, transfers)
        .retried_by("sync retry --session 3".to_owned())
}

#[test]
fn a_report_of_a_failure_is_readable() {
    assert_eq!(
        report(7, Some(AttemptOutcome::Failed)).text(&TimeZone::UTC, false),
        "session 3 of nightly, 2026-01-02T00:00:00+09:00
attempt 7 (run): failed, started 2026-01-02 03:00:00, ended 2026-01-02 03:02:05 after 2m05s
parameter date: 2026-01-01
parameter tables: [\"注文\"]
parameter password: a secret, not kept

TASK            OPERATOR  STATE    TRIES  STARTED              SECONDS
+nightly+注文   embulk>   success      2  2026-01-02 03:00:01      2.5
+nightly+items  embulk>   error        2  2026-01-02 03:00:01      2.5

FROM              TO                     STATE    SNAPSHOT     READ    SENT  LOADED      BYTES  SECONDS
mysql shop.items  bigquery p.lake.items  error
mysql shop.注文   bigquery p.lake.注文   success  per table  20,001  20,000  20,000  195.3 KiB      1.2
2 in all                                                     20,001  20,000  20,000  195.3 KiB

mysql shop.注文: column `d`: 2 zero dates became NULL
mysql shop.注文: not copied, new to the policy: `email` (no rule names it)

+nightly+items: the load failed
  cause: http 500?[2J
  hint: try again

`sync retry --session 3` runs what is left
"
    );
}

#[test]
fn a_retry_has_all_that_stands_and_says_what_is_its_own() {
    let report = report(8, Some(AttemptOutcome::Success)).in_zone(Some("Asia/Tokyo"));
    let json = report.json();
    let states: Vec<(i64, &str)> = json["tasks"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|task| (task["attempt"].as_i64().unwrap_or(0), task["state"].as_str().unwrap_or("")))
        .collect();
    assert_eq!(states, [(7, "success"), (8, "success")]);
    assert_eq!(
        json["totals"],
        json!({
            "tasks": 2, "tasks_by_state": {"success": 2}, "failed_tasks": 0,
            "transfers": 2, "transfers_by_state": {"success": 2}, "failed_transfers": 0,
            "rows_read": 20_007, "rows_sent": 20_005, "rows_loaded": 20_005, "bytes": 200_050,
        })
    );
    assert_eq!((&json["outcome"], &json["seconds"]), (&json!("success"), &json!(125.0)));
    assert_eq!((&json["process_zone"], &json["retry_command"]), (&json!("Asia/Tokyo"), &Value::Null));
    let figures = &json["transfers"][0]["report"];
    assert_eq!(figures["changes"], json!([{"column": "d", "what": "zero dates became NULL", "count": 2}]));
    assert_eq!(figures.get("next"), None, "values of cells stay in the state");
}

#[test]
fn an_earlier_attempt_is_told_as_it_ended() {
    let json = report(7, Some(AttemptOutcome::Signal(15))).json();
    assert_eq!(json["transfers"][1]["state"], "error");
    assert_eq!((&json["outcome"], &json["signal"]), (&json!("stopped"), &json!(15)));
    assert_eq!(json["retry_command"], "sync retry --session 3");
}

#[test]
fn nobody_knows_when_a_process_died() {
    let json = report(7, Some(AttemptOutcome::Lost)).json();
    assert_eq!(
        (&json["outcome"], &json["finished_at"], &json["seconds"]),
        (&json!("lost"), &Value::Null, &Value::Null)
    );
    assert_eq!(report(7, None).standing(), Standing::Lost);
}

#[test]
fn a_part_of_the_loaded_rows_is_not_told_as_all() {
    let mut silent = transfer(7, "items", Some(5));
    if let Some(report) = &mut silent.report {
        report.rows_loaded = None;
    }
    let transfers = vec![transfer(7, "orders", Some(5)), silent];
    let report = AttemptReport::new(session(7, Some(AttemptOutcome::Success)), Vec::new(), transfers);
    assert_eq!(report.json()["totals"]["rows_loaded"], Value::Null);
}
