//! Events as JSON for programs, one object a line: `--json` of `run` and `retry`.

use serde_json::{Value, json};

use crate::run::event::{EventKind, RunEvent};
use crate::transfer::effect::EffectOutcome;

/// The object of an event: `at` (ISO 8601, UTC), `event`, and what belongs to it. Bytes that a task printed are
/// text; what is no UTF-8 in them becomes U+FFFD. Those of a required workflow name their `attempt`.
pub fn event(event: &RunEvent) -> Value {
    if let EventKind::Required { attempt, event } = &event.kind {
        let mut object = self::event(event);
        object["attempt"] = attempt.0.into();
        return object;
    }
    let mut object = kind(&event.kind);
    object["at"] = event.at.to_string().into();
    object
}

fn kind(what: &EventKind) -> Value {
    match what {
        EventKind::TaskStarted { task, operator, round } => {
            json!({"event": "task_started", "task": task, "operator": operator, "try": round})
        }
        EventKind::TaskSkipped { task, changed } => {
            json!({"event": "task_skipped", "task": task, "changed": changed})
        }
        EventKind::TaskRetrying { task, round, delay, failure } => json!({
            "event": "task_retrying", "task": task, "try": round, "delay_seconds": delay.as_secs_f64(),
            "error": failure,
        }),
        EventKind::TaskPlanned { task, .. } => json!({"event": "task_planned", "task": task}),
        EventKind::TaskFinished { task, state, failure, .. } => {
            json!({"event": "task_finished", "task": task, "status": state.word(), "error": failure})
        }
        EventKind::TransferStarted { task, source, target, .. } => {
            json!({"event": "transfer_started", "task": task, "source": source, "target": target})
        }
        EventKind::EffectIntended { task, effect, .. } => {
            json!({"event": "effect_intended", "task": task, "effect": effect})
        }
        EventKind::EffectSettled { task, effect, outcome, .. } => {
            // What a retry needs of a set is the state's: it may hold values of rows.
            let outcome = match outcome {
                EffectOutcome::Sealed(set) => json!({"outcome": "sealed", "rows": set.rows}),
                EffectOutcome::Divided(into) => json!({"outcome": "divided", "ranges": into.ranges.len()}),
                outcome => json!(outcome),
            };
            json!({"event": "effect_settled", "task": task, "effect": effect, "outcome": outcome})
        }
        EventKind::TransferFinished { task, report, .. } => {
            json!({"event": "transfer_finished", "task": task, "report": report})
        }
        EventKind::TransferFailed { task, failure, .. } => {
            json!({"event": "transfer_failed", "task": task, "error": failure})
        }
        EventKind::Output { task, bytes } => {
            json!({"event": "output", "task": task, "text": String::from_utf8_lossy(bytes)})
        }
        EventKind::Log { task, level, text } => {
            let level = format!("{level:?}").to_lowercase();
            json!({"event": "log", "task": task, "level": level, "text": text})
        }
        EventKind::Required { event, .. } => kind(&event.kind),
        EventKind::Notified { channel, failure, .. } => {
            json!({"event": "notified", "channel": channel, "error": failure})
        }
        EventKind::Stopping { reason, grace } => json!({
            "event": "stopping", "reason": reason, "grace_seconds": grace.map(|grace| grace.as_secs_f64()),
        }),
        EventKind::AttemptFinished { outcome } => json!({"event": "attempt_finished", "outcome": outcome}),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::session::TaskName;

    #[test]
    fn an_event_is_one_flat_object() {
        let task = TaskName::from_full("+wf+a");
        let started = EventKind::TaskStarted { task, operator: "sh".into(), round: 1 };
        assert_eq!(
            event(&RunEvent { at: Timestamp::UNIX_EPOCH, kind: started }),
            json!({"at": "1970-01-01T00:00:00Z", "event": "task_started", "task": "+wf+a", "operator": "sh", "try": 1})
        );
    }
}
