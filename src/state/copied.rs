//! Where transfers have gone, and what the last good one of each target did.

use jiff::Timestamp;
use rusqlite::params;

use super::history::{json, time};
use super::{StateError, Store};
use crate::session::TaskName;
use crate::transfer::report::TransferReport;

/// A target that was copied to, as the last good transfer left it.
#[derive(Debug, Clone)]
pub struct CopiedTarget {
    /// The target as the transfer named it.
    pub target: String,
    /// The workflow and the task that copied it last.
    pub workflow: String,
    pub task: TaskName,
    /// When it was copied first, as far as is remembered, and last.
    pub first: Timestamp,
    pub last: Timestamp,
    /// What the last transfer did.
    pub report: TransferReport,
}

/// What a workflow that copied something was last run with.
#[derive(Debug, Clone)]
pub struct RunWorkflow {
    pub workflow: String,
    /// Relative to the project.
    pub file: String,
    /// `-p` and `-P`, and `params.*` of the properties, but for secrets.
    pub params: crate::session::Params,
}

impl Store {
    /// All targets of a project, or those of one of its workflows, in their order.
    pub fn copied_targets(
        &self,
        project: &str,
        workflow: Option<&str>,
    ) -> Result<Vec<CopiedTarget>, StateError> {
        let mut statement = self.connection.prepare(
            "select place, workflow, task, first, finished_at, report from (
                 select coalesce(nullif(t.report ->> '$.target', ''), t.target) as place, s.workflow, t.task,
                     t.finished_at, t.report, t.id,
                     first_value(t.finished_at) over (partition by coalesce(nullif(t.report ->> '$.target', ''), t.target)
                         order by t.id) as first,
                     row_number() over (partition by coalesce(nullif(t.report ->> '$.target', ''), t.target)
                         order by t.id desc) as number
                 from transfers t join attempts a on a.id = t.attempt join sessions s on s.id = a.session
                 where s.project = ?1 and (?2 is null or s.workflow = ?2) and t.state = 'success'
                     and t.finished_at is not null and t.report is not null
             ) where number = 1 order by place",
        )?;
        let rows = statement.query_map(params![project, workflow], |row| {
            Ok(CopiedTarget {
                target: row.get(0)?,
                workflow: row.get(1)?,
                task: TaskName::from_full(row.get::<_, String>(2)?),
                first: time(row, 3)?,
                last: time(row, 4)?,
                report: json(row, 5)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The workflows of a project with what their last attempt was given, by name.
    pub fn run_workflows(&self, project: &str) -> Result<Vec<RunWorkflow>, StateError> {
        let mut statement = self.connection.prepare(
            "select s.workflow, a.file, a.params from attempts a join sessions s on s.id = a.session
             where a.id in (select max(a.id) from attempts a join sessions s on s.id = a.session
                 where s.project = ?1 group by s.workflow)
             order by s.workflow",
        )?;
        let rows = statement.query_map([project], |row| {
            Ok(RunWorkflow { workflow: row.get(0)?, file: row.get(1)?, params: json(row, 2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
