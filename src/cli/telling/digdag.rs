//! What Digdag's own way (`notification.*`) says: a sentence, and which run it is about.

use jiff::Timestamp;

use super::Telling;
use crate::cli::attempt::session_uuid;
use crate::cli::notices;
use crate::program;
use crate::run::StopReason;
use crate::run::event::AttemptOutcome;
use crate::run::notification::{NotDelivered, Notification};
use crate::run::operator::Cancel;
use crate::session::Params;
use crate::state::{Reason, SessionRecord, StateError, Store, Undelivered};

/// What is sent to try out Digdag's way.
const DIGDAG_TEST: &str = "This is a test by `sync notify --test`: nothing has happened.";

impl Telling<'_> {
    /// A notification about no attempt.
    pub(super) fn bare(&self, message: &str) -> Notification {
        Notification {
            project_name: notices::project_name(self.opened),
            ..Notification::new(program::in_its_name(&self.opened.scrubber.scrub_text(message)))
        }
    }

    /// What Digdag's way would send, and how.
    pub fn digdag_sample(&self) -> Option<(&'static str, Params)> {
        let notifier = self.notifier.as_ref()?;
        Some((notifier.channel_name(), self.bare(DIGDAG_TEST).fields()))
    }

    /// Sends a message in Digdag's way that says it is a test.
    pub fn test_digdag(&self) -> Option<(&'static str, Result<(), NotDelivered>)> {
        let notifier = self.notifier.as_ref()?;
        Some((notifier.channel_name(), notifier.try_once(&self.bare(DIGDAG_TEST), &Cancel::default())))
    }

    /// What Digdag's way sends.
    pub(super) fn notification(
        &self,
        one: &Undelivered,
        session: Option<SessionRecord>,
        store: &Store,
    ) -> Result<Notification, StateError> {
        if let Some(fields) = &one.notification {
            return Ok(Notification::from_fields(fields, one.since));
        }
        let Some(session) = session else { return Ok(self.bare("a run ended badly")) };
        let last = store.last_heard_of(session.attempt.id)?;
        Ok(Notification {
            timestamp: one.since,
            attempt_id: Some(session.attempt.id.0),
            session_id: Some(session.id.0),
            session_uuid: Some(session_uuid(store.installation(), session.id)),
            session_time: Some(session.session_time.clone()),
            workflow_name: Some(session.workflow.clone()),
            ..self.bare(&self.message(one.reason, &session, last))
        })
    }

    fn message(&self, reason: Reason, session: &SessionRecord, last: Timestamp) -> String {
        let attempt = &session.attempt;
        let ended = match (reason, &attempt.outcome) {
            (Reason::Lost, _) => format!(
                "ended without a word: its process {} on `{}` is gone, last heard of {last:.0}",
                attempt.process.pid, attempt.process.host
            ),
            (_, Some(AttemptOutcome::Signal(number))) => {
                format!("was stopped by {}", StopReason::Signal(*number))
            }
            _ => "failed".to_owned(),
        };
        format!(
            "Workflow session attempt {} of `{}`, session {} {ended}. `{}` runs what is left",
            attempt.id,
            session.workflow,
            session.session_time,
            self.retry_command(session.id)
        )
    }
}
