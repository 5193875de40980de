//! What a session does now: which of its tasks work, for how long, and how far their tables are.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::figures;
use super::status;
use super::table::{Align, Cell, Table};
use crate::session::TaskState;
use crate::state::{Progress, TaskRecord, TransferName, TransferRecord, TransferState};

/// A session at work.
#[derive(Debug, Clone)]
pub struct Live {
    /// Tasks that have ended well, but for groups.
    done: usize,
    failed: usize,
    working: Vec<Working>,
}

/// A task that works, or waits to be tried again.
#[derive(Debug, Clone)]
struct Working {
    task: TaskRecord,
    copies: Vec<Copying>,
}

/// A table on its way.
#[derive(Debug, Clone)]
struct Copying {
    source: String,
    target: String,
    /// None when its run has not told yet.
    progress: Option<Progress>,
}

impl Live {
    /// Of the last records of tasks and transfers, and what transfers have told.
    pub fn new(
        tasks: &[TaskRecord],
        transfers: &[TransferRecord],
        progress: &BTreeMap<TransferName, Progress>,
    ) -> Self {
        let operators = || tasks.iter().filter(|task| task.operator.is_some());
        let count = |state| operators().filter(|task| task.state == state).count();
        let works = |task: &&TaskRecord| matches!(task.state, TaskState::Running | TaskState::RetryWaiting);
        let copies = |task: &TaskRecord| {
            let own = transfers.iter().filter(|transfer| {
                transfer.state == TransferState::Running
                    && transfer.task == task.name
                    && transfer.attempt == task.attempt
            });
            own.map(|transfer| Copying {
                source: transfer.source.clone(),
                target: transfer.target.clone(),
                progress: progress_of(transfer, progress),
            })
            .collect()
        };
        Self {
            done: count(TaskState::Success),
            failed: count(TaskState::Error),
            working: operators()
                .filter(works)
                .map(|task| Working { task: task.clone(), copies: copies(task) })
                .collect(),
        }
    }

    /// How many tasks are how far, in words.
    pub fn summary(&self) -> String {
        let tasks = if self.done == 1 { "task is" } else { "tasks are" };
        let failed = match self.failed {
            0 => String::new(),
            count => format!(", {count} failed"),
        };
        format!("{} {tasks} done{failed}, {} at work", self.done, self.working.len())
    }

    /// The tasks that work, with their tables: a line for each table.
    pub fn table(&self, now: Timestamp) -> Table {
        let mut table = Table::new(&[
            ("TASK", Align::Left),
            ("STATE", Align::Left),
            ("FOR", Align::Right),
            ("TABLE", Align::Left),
            ("ROWS", Align::Right),
            ("BYTES", Align::Right),
        ])
        .shortening(&["TASK", "TABLE"]);
        for Working { task, copies } in &self.working {
            let begin = |cells: [Cell; 3]| {
                let [source, rows, bytes] = cells;
                let length = status::since(task.started_at, now).map(figures::duration).unwrap_or_default();
                [
                    Cell::from(task.name.as_str()),
                    status::state_cell(task.state),
                    Cell::from(length),
                    source,
                    rows,
                    bytes,
                ]
            };
            if copies.is_empty() {
                table.row(begin([Cell::from(""), Cell::from(""), Cell::from("")]));
            }
            for copying in copies {
                let figure = |of: fn(&Progress) -> String| {
                    Cell::from(copying.progress.as_ref().map(of).unwrap_or_default())
                };
                table.row(begin([
                    Cell::from(copying.source.as_str()),
                    figure(|so_far| figures::count(so_far.rows)),
                    figure(|so_far| figures::bytes(so_far.bytes)),
                ]));
            }
        }
        table
    }

    /// As JSON: see `docs/status.schema.json`.
    pub fn json(&self, now: Timestamp) -> Value {
        let task = |working: &Working| {
            let Working { task, copies } = working;
            json!({
                "task": task.name,
                "operator": task.operator,
                "state": task.state,
                "tries": task.round,
                "started_at": task.started_at.map(|at| at.to_string()),
                "seconds": status::since(task.started_at, now).as_ref().map(Duration::as_secs_f64),
                "transfers": copies.iter().map(copying_json).collect::<Vec<_>>(),
            })
        };
        json!({
            "tasks_done": self.done,
            "tasks_failed": self.failed,
            "tasks": self.working.iter().map(task).collect::<Vec<_>>(),
        })
    }
}

fn copying_json(copying: &Copying) -> Value {
    json!({
        "source": copying.source,
        "target": copying.target,
        "progress": copying.progress.as_ref().map(progress_json),
    })
}

/// How far a transfer is, for programs.
pub fn progress_json(progress: &Progress) -> Value {
    json!({"rows": progress.rows, "bytes": progress.bytes})
}

/// What a transfer that runs has told.
pub fn progress_of(
    transfer: &TransferRecord,
    progress: &BTreeMap<TransferName, Progress>,
) -> Option<Progress> {
    let name = (transfer.task.clone(), transfer.source.clone(), transfer.target.clone());
    progress.get(&name).copied().filter(|_| transfer.state == TransferState::Running)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{AttemptId, TaskName};

    fn task(name: &str, operator: Option<&str>, state: TaskState) -> TaskRecord {
        TaskRecord {
            attempt: AttemptId(1),
            name: TaskName::from_full(name),
            operator: operator.map(str::to_owned),
            state,
            round: 1,
            started_at: Some("2026-01-02T03:00:00Z".parse().expect("a time")),
            finished_at: None,
            result: None,
            failure: None,
        }
    }

    fn transfer(task: &str, source: &str, state: TransferState) -> TransferRecord {
        TransferRecord {
            attempt: AttemptId(1),
            task: TaskName::from_full(task),
            source: source.into(),
            target: format!("file {source}.csv"),
            state,
            started_at: "2026-01-02T03:00:01Z".parse().expect("a time"),
            finished_at: None,
            report: None,
            failure: None,
        }
    }

    #[test]
    fn tasks_at_work_are_told_with_their_tables() {
        let tasks = [
            task("+n+done", Some("sh"), TaskState::Success),
            task("+n+bad", Some("sh"), TaskState::Error),
            task("+n+each", Some("for_each"), TaskState::Planned),
            task("+n+copy", Some("embulk"), TaskState::Running),
            task("+n+again", Some("sh"), TaskState::RetryWaiting),
            task("+n", None, TaskState::Running),
        ];
        let transfers = [
            transfer("+n+copy", "mysql shop.old", TransferState::Success),
            transfer("+n+copy", "mysql shop.orders", TransferState::Running),
            transfer("+n+copy", "mysql shop.items", TransferState::Running),
        ];
        let told = (tasks[3].name.clone(), "mysql shop.orders".to_owned(), transfers[1].target.clone());
        let progress = BTreeMap::from([(told, Progress { rows: 120_000, bytes: 20 << 20 })]);
        let live = Live::new(&tasks, &transfers, &progress);
        assert_eq!(live.summary(), "1 task is done, 1 failed, 2 at work");
        let now = "2026-01-02T03:02:05Z".parse().expect("a time");
        assert_eq!(
            live.table(now).render(false),
            "TASK      STATE            FOR  TABLE                 ROWS     BYTES\n\
             +n+copy   running        2m05s  mysql shop.orders  120,000  20.0 MiB\n\
             +n+copy   running        2m05s  mysql shop.items\n\
             +n+again  retry_waiting  2m05s\n"
        );
        let json = live.json(now);
        assert_eq!((&json["tasks_done"], &json["tasks_failed"]), (&json!(1), &json!(1)));
        assert_eq!(
            json["tasks"][0]["transfers"],
            json!([
                {"source": "mysql shop.orders", "target": "file mysql shop.orders.csv",
                 "progress": {"rows": 120_000, "bytes": 20 << 20}},
                {"source": "mysql shop.items", "target": "file mysql shop.items.csv", "progress": null},
            ])
        );
    }
}
