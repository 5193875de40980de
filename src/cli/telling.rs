//! Tells people what they have to know and do not know yet: of runs that ended without a report, were stopped, or failed
//! while nobody could be reached. What there is to tell stands in the state until it has arrived.

use jiff::{SignedDuration, Timestamp};

use super::CommonArgs;
use super::attempt::session_uuid;
use super::opening::{Opened, pasteable_flags};
use super::outgoing::Outgoing;
use crate::program;
use crate::run::StopReason;
use crate::run::event::AttemptOutcome;
use crate::run::notification::{NotDelivered, Notification, Notifier};
use crate::run::operator::Cancel;
use crate::session::{AttemptId, Level};
use crate::state::{Reason, SessionRecord, StateError, Store, Undelivered};

/// So long after it happened, something is tried for the last time.
const GIVEN_UP_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);
/// What was tried at the start of a run is tried again at its end when so much time has passed.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(1);

/// How hard it is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Once: a run is to begin, or has ended.
    Once,
    /// As often as the properties say, with pauses.
    AsSet,
}

/// What became of all that was to tell.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    pub delivered: usize,
    /// They are tried again at the next start.
    pub left: usize,
    /// They are not.
    pub given_up: usize,
}

/// Somebody who tells.
pub struct Telling<'a> {
    opened: &'a Opened,
    common: &'a CommonArgs,
    notifier: Option<Notifier>,
}

impl<'a> Telling<'a> {
    /// Reads from the properties how people are told.
    pub fn new(opened: &'a Opened, common: &'a CommonArgs) -> anyhow::Result<Self> {
        Ok(Self::by(Outgoing::read(opened)?.notifier, opened, common))
    }

    /// Somebody who tells in this way.
    pub fn by(notifier: Option<Notifier>, opened: &'a Opened, common: &'a CommonArgs) -> Self {
        Self { opened, common, notifier }
    }

    /// Whether the properties say how.
    pub fn has_way(&self) -> bool {
        self.notifier.is_some()
    }

    /// Before a run begins, or when nothing else is to be done. What goes wrong is said and keeps nobody from working.
    pub fn before(&self, store: &mut Store, effort: Effort) -> Told {
        self.tell(store, effort, |_| true)
    }

    /// When a run has ended: how it ended, and what the start could not tell.
    pub fn after(&self, store: &mut Store, attempt: AttemptId) {
        if self.notifier.is_none() {
            // Who ran it saw it.
            if let Err(error) = store.tell_nobody(attempt) {
                self.warn(&format!("the state could not be used: {error}"));
            }
            return;
        }
        let now = Timestamp::now();
        let is_due =
            |told: &Undelivered| told.tried_at.is_none_or(|tried| now.duration_since(tried) > AGAIN_AFTER);
        self.tell(store, Effort::Once, is_due);
    }

    /// Tells at once, without a state: what stands in none, or in none that can be written.
    pub fn directly(&self, message: &str) -> Result<(), NotDelivered> {
        let Some(notifier) = &self.notifier else { return Ok(()) };
        notifier.try_once(&self.bare(message), &Cancel::default())
    }

    /// A notification about no attempt.
    pub fn bare(&self, message: &str) -> Notification {
        Notification {
            project_name: self.project_name(),
            ..Notification::new(program::in_its_name(&self.opened.scrubber.scrub_text(message)))
        }
    }

    fn tell(&self, store: &mut Store, effort: Effort, is_due: impl Fn(&Undelivered) -> bool) -> Told {
        let told = self.tell_all(store, effort, is_due);
        told.unwrap_or_else(|error| {
            self.warn(&format!("what people are to be told could not be read: {error}"));
            Told::default()
        })
    }

    fn tell_all(
        &self,
        store: &mut Store,
        effort: Effort,
        is_due: impl Fn(&Undelivered) -> bool,
    ) -> Result<Told, StateError> {
        let project = self.opened.place.project.to_string_lossy().into_owned();
        let mut told = Told::default();
        let mut is_reached = true;
        for one in store.undelivered(&project)? {
            if one.given_up_at.is_some() {
                continue;
            }
            let now = Timestamp::now();
            let is_old = now.duration_since(one.since) > GIVEN_UP_AFTER;
            if is_old && (one.tries > 0 || self.notifier.is_none()) {
                store.give_up(one.id, now)?;
                told.given_up += 1;
                continue;
            }
            let Some(notifier) = &self.notifier else { continue };
            if !is_reached || !is_due(&one) || !store.claim(one.id, now)? {
                told.left += 1;
                continue;
            }
            match self.deliver(notifier, &one, store, effort)? {
                Ok(()) => told.delivered += 1,
                Err(error) => {
                    told.left += 1;
                    // The others would wait for the same receiver.
                    is_reached = !matches!(error, NotDelivered::Unreachable(_));
                }
            }
        }
        Ok(told)
    }

    fn deliver(
        &self,
        notifier: &Notifier,
        one: &Undelivered,
        store: &mut Store,
        effort: Effort,
    ) -> Result<Result<(), NotDelivered>, StateError> {
        let (what, notification) = self.notification(one, store)?;
        let cancel = Cancel::default();
        let sent = match effort {
            Effort::Once => notifier.try_once(&notification, &cancel),
            Effort::AsSet => notifier.deliver(&notification, &cancel, &mut |error, pause| {
                let pause = pause.as_secs_f64();
                self.warn(&format!(
                    "the notification of {what} was not sent: {error}; next try in {pause} s"
                ));
            }),
        };
        let (channel, now) = (notifier.channel_name(), Timestamp::now());
        match &sent {
            Ok(()) => {
                store.delivered(one, channel, now)?;
                self.opened.console.log(Level::Info, &format!("people were told of {what} by {channel}"));
            }
            Err(error) => {
                let failure = self.opened.scrubber.scrub_text(&error.to_string());
                store.not_delivered(one.id, channel, &failure, now)?;
                self.warn(&format!(
                    "the notification of {what} by {channel} was not delivered: {failure}; the next `run` or `retry` \
                     sends it again"
                ));
            }
        }
        Ok(sent)
    }

    /// What our own messages call it, and what is sent.
    fn notification(&self, one: &Undelivered, store: &Store) -> Result<(String, Notification), StateError> {
        let session = one.attempt.map(|attempt| store.session_of(attempt)).transpose()?.flatten();
        let what = match &session {
            Some(session) => format!("attempt {} of {}", session.attempt.id, session.workflow),
            None => "a run that could not begin".to_owned(),
        };
        if let Some(fields) = &one.notification {
            return Ok((what, Notification::from_fields(fields, one.since)));
        }
        let Some(session) = session else { return Ok((what, self.bare("a run ended badly"))) };
        let last = store.last_heard_of(session.attempt.id)?;
        let notification = Notification {
            timestamp: one.since,
            attempt_id: Some(session.attempt.id.0),
            session_id: Some(session.id.0),
            session_uuid: Some(session_uuid(store.installation(), session.id)),
            session_time: Some(session.session_time.clone()),
            workflow_name: Some(session.workflow.clone()),
            ..self.bare(&self.message(one.reason, &session, last))
        };
        Ok((what, notification))
    }

    fn message(&self, reason: Reason, session: &SessionRecord, last: Timestamp) -> String {
        let (attempt, id) = (&session.attempt, session.id);
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
            "Workflow session attempt {} of `{}`, session {} {ended}. `sync retry --session {id}{}` runs what is left",
            attempt.id,
            session.workflow,
            session.session_time,
            pasteable_flags(self.common)
        )
    }

    fn project_name(&self) -> Option<String> {
        self.opened.place.project.file_name().map(|name| name.to_string_lossy().into_owned())
    }

    fn warn(&self, text: &str) {
        self.opened.console.log(Level::Warn, text);
    }
}
