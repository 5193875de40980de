//! `notify>`: a message through what the properties name (`notification.*`). Without that, nothing happens.
//!
//! As in Digdag, a notification that does not get out fails the task, after all retries, and `_retry` adds none.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Operator, OperatorError, OperatorOutput, OperatorRequest, Turn};
use crate::dig::params;
use crate::run::event::EventKind;
use crate::run::notification::{NotDelivered, Notification, Notifier};
use crate::session::Level;

/// `notify>`.
#[derive(Debug)]
pub(super) struct Notify;

impl Operator for Notify {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        let message = params::to_text("notify>", request.required_command()?)?;
        let Some(notifier) = &request.services.notifier else {
            return Ok(OperatorOutput::default().into());
        };
        let notification = notification(request, &message);
        match notifier.try_once(&notification, &request.cancel) {
            Ok(()) => {
                told(request, notifier, &notification, None);
                Ok(OperatorOutput::default().into())
            }
            Err(NotDelivered::Stopped) => Err(OperatorError::canceled()),
            Err(error) => again(request, notifier, &notification, &error),
        }
    }
}

/// Another turn, or the failure.
fn again(
    request: &OperatorRequest<'_>,
    notifier: &Notifier,
    notification: &Notification,
    error: &NotDelivered,
) -> Result<Turn, OperatorError> {
    let retry = request.waiting.state.get("retries").and_then(Value::as_u64).unwrap_or(0);
    let retry = u32::try_from(retry).unwrap_or(u32::MAX);
    if let Some(after) = notifier.pause(retry) {
        let pause = Duration::as_secs_f64(&after);
        request
            .reporter
            .log(Level::Warn, &format!("the notification was not sent: {error}; next try in {pause} s"));
        let state = json!({"retries": retry + 1, "at": notification.timestamp.to_string()});
        return Ok(Turn::Again { after, state });
    }
    told(request, notifier, notification, Some(error));
    let message = "Sending notification failed";
    let failed = match error {
        NotDelivered::Unreachable(_) => OperatorError::unreachable(message),
        NotDelivered::Refused(_) | NotDelivered::Stopped => OperatorError::failed(message),
    };
    Err(failed.cause(error))
}

/// Records how it went.
fn told(
    request: &OperatorRequest<'_>,
    notifier: &Notifier,
    notification: &Notification,
    failure: Option<&NotDelivered>,
) {
    let failure = failure.map(|error| request.services.guard.scrub(&error.to_string()));
    let channel = notifier.channel_name().to_owned();
    let alert = (failure.is_some() && tells_of_failure(request.task.as_str())).then(|| notification.fields());
    request.reporter.event(EventKind::Notified { channel, failure, alert });
}

/// Whether a task tells of a failure, which a later start has to tell again; another `notify>` runs again with its
/// workflow.
fn tells_of_failure(task: &str) -> bool {
    ["^failure-alert", "^error", "^sla"].iter().any(|part| task.contains(part))
}

/// The message with what the built-in variables say of the run. Its time is that of the first try.
fn notification(request: &OperatorRequest<'_>, message: &str) -> Notification {
    let text = |name: &str| request.param(name).and_then(Value::as_str).map(str::to_owned);
    let number = |name: &str| request.param(name).and_then(Value::as_i64);
    let first = request.waiting.state.get("at").and_then(Value::as_str).and_then(|at| at.parse().ok());
    let project = request.services.project.file_name();
    Notification {
        timestamp: first.unwrap_or_else(Timestamp::now),
        message: request.services.guard.scrub(message),
        project_name: project.map(|name| name.to_string_lossy().into_owned()),
        workflow_name: Some(workflow_of(request.task.as_str()).to_owned()),
        attempt_id: number("attempt_id"),
        session_id: number("session_id"),
        task_name: Some(request.task.as_str().to_owned()),
        timezone: text("timezone"),
        session_uuid: text("session_uuid"),
        session_time: text("session_time"),
    }
}

/// The first part of a task's full name, without what is generated below it.
fn workflow_of(task: &str) -> &str {
    let name = task.strip_prefix('+').unwrap_or(task);
    name.split(['+', '^']).next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::Waiting;
    use super::super::testing::Bench;
    use super::*;
    use crate::run::notification::{Channel, ShellChannel};

    fn bench(command: &str) -> Bench {
        let mut bench = Bench::new();
        bench.notifier = Some(Notifier {
            channel: Channel::Shell(ShellChannel {
                command: command.replace("OUT", &bench.project().join("out").to_string_lossy()),
                timeout: Duration::from_secs(60),
            }),
            retries: 2,
            shortest_pause: Duration::from_millis(1_500),
            longest_pause: Duration::from_secs(2),
            environment: BTreeMap::new(),
        });
        bench
    }

    fn run(bench: &Bench, message: &str) -> Result<(), OperatorError> {
        let exported = json!({
            "session_time": "2016-01-02T00:00:00+00:00", "session_uuid": "u", "timezone": "UTC",
            "attempt_id": 7, "session_id": 3,
        });
        bench.run(&Notify, exported, json!({"notify>": message})).map(|_| ())
    }

    #[test]
    fn a_notification_says_what_it_is_about_and_no_secret() {
        let bench = bench("cat > OUT");
        bench.services().guard.learn("hunter2");
        run(&bench, "failed: hunter2").expect("success");
        let text = std::fs::read_to_string(bench.project().join("out")).expect("a file");
        let mut fields: Value = serde_json::from_str(&text).expect("JSON");
        let at = fields["timestamp"].take();
        assert!(at.as_str().is_some_and(|at| at.ends_with('Z')), "{at}");
        let project = bench.project();
        let expected = json!({
            "timestamp": null, "message": "failed: ***", "site_id": 0, "project_id": 1,
            "project_name": project.file_name().map(|name| name.to_string_lossy()), "workflow_name": "main",
            "revision": "", "attempt_id": 7, "session_id": 3, "task_name": "+main+t", "timezone": "UTC",
            "session_uuid": "u", "session_time": "2016-01-02T00:00:00+00:00",
        });
        assert_eq!(fields, expected);
        assert_eq!(bench.log(), "shell: None\n");
    }

    #[test]
    fn what_does_not_get_out_fails_the_task_after_its_retries() {
        let bench = bench("cat >> OUT; echo >> OUT; exit 1");
        let error = run(&bench, "no").expect_err("a failure");
        assert_eq!(error.message, "Sending notification failed");
        assert_eq!(error.causes, ["the notification command failed with code 1"]);
        let warning =
            "Warn: the notification was not sent: the notification command failed with code 1; next try in";
        assert_eq!(
            bench.log(),
            format!(
                "{warning} 1.5 s\n{warning} 2 s\nshell: Some(\"the notification command failed with code 1\")\n"
            )
        );
        let sent = std::fs::read_to_string(bench.project().join("out")).expect("a file");
        let sent: Vec<&str> = sent.lines().collect();
        assert_eq!(sent, [sent[0]; 3], "each try says when it was first tried");
    }

    #[test]
    fn the_pause_holds_no_thread() {
        let turn = bench("exit 1").turn(&Notify, json!({}), json!({"notify>": "x"}), Waiting::first());
        let Ok(Turn::Again { after, state }) = turn else { panic!("{turn:?}") };
        assert_eq!((after, &state["retries"]), (Duration::from_millis(1_500), &json!(1)));
    }

    #[test]
    fn without_a_way_nothing_happens() {
        let bench = Bench::new();
        run(&bench, "x").expect("success");
        assert_eq!(bench.log(), "");
        let error = bench.run(&Notify, json!({}), json!({"notify>": null})).expect_err("a failure");
        assert_eq!(error.message, "Parameter 'notify>' is required but null");
    }

    #[test]
    fn a_workflow_is_the_first_part_of_a_name() {
        for (task, workflow) in [("+wf+a+b", "wf"), ("+wf^error", "wf"), ("+my-flow.v2", "my-flow.v2")] {
            assert_eq!(workflow_of(task), workflow);
        }
    }
}
