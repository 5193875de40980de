//! `require>`: another workflow of the project must be done for a session. It is a run of its own, with an attempt in
//! the state; where one exists already, that counts.

use serde_json::Value;

use super::{Cancel, Operator, OperatorError, OperatorOutput, OperatorRequest, Reporter, Turn};
use crate::dig::params;
use crate::session::{AttemptId, Params, SessionId};

/// `require>`.
#[derive(Debug)]
pub struct Require;

/// What a task requires.
#[derive(Clone)]
pub struct Requirement {
    /// The workflow's name: a `.dig` file at the top of the project, without `.dig`.
    pub workflow: String,
    /// The session as written; empty for the session time of the task's own workflow.
    pub session_time: String,
    /// `params`: all that the other workflow sees of this one.
    pub params: Params,
    /// Tells attempts of one session apart: another name asks for another attempt.
    pub retry_attempt_name: Option<String>,
    /// What an attempt that has ended already means.
    pub rerun_on: RerunOn,
    /// Where its events go.
    pub reporter: Reporter,
    /// Asks the run to stop.
    pub cancel: Cancel,
}

/// When an attempt that has ended already is not enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RerunOn {
    /// It always is.
    None,
    /// It failed.
    Failed,
    /// Never: there is always a new one.
    All,
}

/// How the required run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequiredEnd {
    /// Its session.
    pub session: SessionId,
    /// Its last attempt.
    pub attempt: AttemptId,
    /// Whether all of it is done.
    pub is_success: bool,
}

/// Runs other workflows of the project.
pub trait WorkflowService: Send + Sync {
    /// Sees to it that the workflow is done: runs it, waits for a run of it, or finds one that has ended. Blocks.
    fn require(&self, requirement: &Requirement) -> Result<RequiredEnd, OperatorError>;
}

impl Operator for Require {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        let ignores_failure = match request.param("ignore_failure") {
            Some(value) => params::to_bool("ignore_failure", value)?,
            None => false,
        };
        let end = request.services.workflows.require(&requirement(request)?)?;
        if end.is_success || ignores_failure {
            return Ok(OperatorOutput::default().into());
        }
        let RequiredEnd { session, attempt, .. } = end;
        Err(OperatorError::failed(format!(
            "Dependent workflow failed. Session id: {session}, attempt id: {attempt}"
        ))
        .hint(format!("`sync status --session {session}` shows its tasks")))
    }
}

fn requirement(request: &OperatorRequest<'_>) -> Result<Requirement, OperatorError> {
    // Of the task alone: an exported project is somebody else's.
    let is_this = |value: &Value| params::to_integer("project_id", value).is_ok_and(|id| id == 1);
    for key in ["project_id", "project_name"] {
        if request.local.get(key).is_some_and(|value| !value.is_null() && !is_this(value)) {
            return Err(OperatorError::config(format!(
                "`{key}`: only workflows of the same project can be required"
            )));
        }
    }
    let text = |key: &str| -> Result<Option<String>, OperatorError> {
        Ok(request.param(key).map(|value| params::to_text(key, value)).transpose()?)
    };
    let rerun_on = match text("rerun_on")?.as_deref() {
        None | Some("none") => RerunOn::None,
        Some("failed") => RerunOn::Failed,
        Some("all") => RerunOn::All,
        Some(_) => return Err(OperatorError::config("`rerun_on` must be `none`, `failed` or `all`")),
    };
    let given = match request.param("params").map(params::parsed) {
        None => Params::new(),
        Some(Value::Object(map)) => map,
        Some(other) => {
            let kind = params::kind_of(&other);
            return Err(OperatorError::config(format!("`params` must be a map, but is {kind}")));
        }
    };
    Ok(Requirement {
        workflow: params::to_text("require>", request.required_command()?)?,
        session_time: text("session_time")?.unwrap_or_default(),
        params: given,
        retry_attempt_name: text("retry_attempt_name")?,
        rerun_on,
        reporter: request.reporter.clone(),
        cancel: request.cancel.clone(),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::json;

    use super::super::testing::Bench;
    use super::*;

    fn run(local: Value, is_success: bool) -> Result<String, String> {
        let seen = std::sync::Arc::new(Mutex::new(String::new()));
        let sees = std::sync::Arc::clone(&seen);
        let bench = Bench::new().on_require(move |wanted| {
            *sees.lock().expect("no panic") = format!(
                "{} {:?} {} {:?} {:?}",
                wanted.workflow,
                wanted.session_time,
                Value::Object(wanted.params.clone()),
                wanted.retry_attempt_name,
                wanted.rerun_on
            );
            Ok(RequiredEnd { session: SessionId(2), attempt: AttemptId(5), is_success })
        });
        let exported = json!({"project_name": "another"});
        let ended = bench.run(&Require, exported, local).map_err(|error| error.message)?;
        assert!(ended.store.is_empty());
        let seen = seen.lock().expect("no panic");
        Ok(seen.clone())
    }

    #[test]
    fn the_parameters_say_what_is_required() {
        assert_eq!(run(json!({"require>": "child"}), true), Ok("child \"\" {} None None".to_owned()));
        let all = json!({
            "require>": "child", "session_time": "2026-01-02", "params": "{\"p\": 7}", "retry_attempt_name": "again",
            "rerun_on": "failed", "ignore_failure": "true",
        });
        assert_eq!(run(all, false), Ok("child \"2026-01-02\" {\"p\":7} Some(\"again\") Failed".to_owned()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (local, expected) in [
            (json!({"require>": "child"}), "Dependent workflow failed. Session id: 2, attempt id: 5"),
            (json!({"require>": null}), "Parameter 'require>' is required but null"),
            (json!({"require>": "c", "rerun_on": "never"}), "`rerun_on` must be `none`, `failed` or `all`"),
            (json!({"require>": "c", "params": 5}), "`params` must be a map, but is a number"),
            (
                json!({"require>": "c", "project_id": 7}),
                "`project_id`: only workflows of the same project can be required",
            ),
        ] {
            assert_eq!(run(local, false), Err(expected.to_owned()));
        }
    }
}
