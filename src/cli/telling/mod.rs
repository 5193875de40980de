//! Tells people what they have to know and do not know yet: by the ways of `sync.notify.*` how runs ended, and by
//! Digdag's `notification.*` of runs that ended without a report, were stopped, or failed while nobody could be reached.
//! What there is to tell stands in the state until it has arrived.

mod digdag;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::opening::{Opened, pasteable_flags};
use super::outgoing::Outgoing;
use super::properties::Way;
use super::safe::{self, SafeSetup};
use super::{CommonArgs, notices};
use crate::program;
use crate::report::notice::Notice;
use crate::run::notification::{Letter, NotDelivered, Notifier};
use crate::run::operator::Cancel;
use crate::session::{AttemptId, Level, Params, SessionId};
use crate::state::{Rest, StateError, Store, Undelivered};

/// So long after it happened, something is tried for the last time.
const GIVEN_UP_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);
/// What was tried at the start of a run is tried again at its end when so much time has passed.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(1);
/// The way of a notice in its row.
const WAY: &str = "way";

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
    ways: Vec<Way>,
}

/// Who takes one thing that is to be told.
enum Post<'t> {
    /// Digdag's `notification.*`.
    Notifier(&'t Notifier),
    Way(&'t Way),
}

impl Post<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::Notifier(notifier) => notifier.channel_name(),
            Self::Way(way) => way.name,
        }
    }
}

impl<'a> Telling<'a> {
    /// Reads from the properties how people are told.
    pub fn new(opened: &'a Opened, common: &'a CommonArgs) -> anyhow::Result<Self> {
        Ok(Self::by(Outgoing::read(opened)?, opened, common))
    }

    /// Somebody who tells in this way.
    pub fn by(outgoing: Outgoing, opened: &'a Opened, common: &'a CommonArgs) -> Self {
        Self { opened, common, notifier: outgoing.notifier, ways: outgoing.ways }
    }

    /// Whether the properties say how.
    pub fn has_way(&self) -> bool {
        self.notifier.is_some() || !self.ways.is_empty()
    }

    /// Before a run begins, or when nothing else is to be done. What goes wrong is said and keeps nobody from working.
    pub fn before(&self, store: &mut Store, effort: Effort) -> Told {
        self.tell(store, effort, |_| true)
    }

    /// When a run has ended: how it ended, and what the start could not tell. `retry` runs what is left.
    pub fn after(&self, store: &mut Store, attempt: AttemptId, retry: String) {
        if !self.has_way() {
            // Who ran it saw it.
            if let Err(error) = store.tell_nobody(attempt) {
                self.warn(&format!("the state could not be used: {error}"));
            }
            return;
        }
        if let Err(error) = self.look_at(attempt, retry, store) {
            self.warn(&format!("what people are to be told of attempt {attempt} is not known yet: {error}"));
        }
        let now = Timestamp::now();
        let is_due =
            |told: &Undelivered| told.tried_at.is_none_or(|tried| now.duration_since(tried) > AGAIN_AFTER);
        self.tell(store, Effort::Once, is_due);
    }

    /// Notes in the state that nothing could begin.
    pub fn keep(&self, message: &str, store: &mut Store) -> Result<(), StateError> {
        let (project, now) = (self.project(), Timestamp::now());
        if self.notifier.is_some() {
            store.to_tell(&project, &self.bare(message).fields(), now)?;
        }
        let notice = self.not_begun(message);
        self.ways
            .iter()
            .filter(|way| notice.is_of(&way.events))
            .try_for_each(|way| store.to_tell(&project, &self.row(way, &notice), now))
    }

    /// Tells at once, without a state: what stands in none, or in none that can be written. Gives the first failure.
    pub fn directly(&self, message: &str) -> Result<(), NotDelivered> {
        let cancel = Cancel::default();
        let notice = self.not_begun(message);
        let digdag = self.notifier.iter().map(|notifier| notifier.try_once(&self.bare(message), &cancel));
        let ways = self.ways.iter().filter(|way| notice.is_of(&way.events));
        let ways = ways.map(|way| self.sender(way)?.try_letter(&way.letter(&notice), &cancel));
        // All are tried, whatever becomes of the first.
        digdag.chain(ways).fold(Ok(()), Result::and)
    }

    fn not_begun(&self, message: &str) -> Notice {
        let project = notices::project_name(self.opened).unwrap_or_default();
        Notice::not_begun(
            project,
            program::in_its_name(&self.opened.scrubber.scrub_text(message)).into_owned(),
            Timestamp::now(),
        )
    }

    /// What sends in a way: secrets that its properties name are asked for now.
    pub fn sender(&self, way: &Way) -> Result<Notifier, NotDelivered> {
        let open = || -> Box<dyn crate::secret::SecretStore> {
            let setup = SafeSetup {
                project: &self.opened.place.project,
                properties: &self.opened.properties,
                config_home: self.opened.config_home.as_deref(),
                variables: std::env::vars_os().collect(),
                aws: Arc::clone(&safe::aws(&self.opened.properties)),
            };
            Box::new(safe::open(&setup, self.opened.scrubber.clone()))
        };
        way.sender(open).map_err(|error| NotDelivered::Refused(error.to_string()))
    }

    /// The ways of `sync.notify.*`.
    pub fn ways(&self) -> &[Way] {
        &self.ways
    }

    /// A notice as it waits in the state.
    fn row(&self, way: &Way, notice: &Notice) -> Params {
        // Texts and numbers: it cannot fail.
        let json = serde_json::to_value(notice).unwrap_or_default();
        let mut row = match self.opened.scrubber.scrub_value(&json) {
            Value::Object(row) => row,
            _ => Params::new(),
        };
        row.insert(WAY.to_owned(), Value::from(way.name));
        row
    }

    /// Looks whether people are to be told of an attempt that has ended, and in which ways.
    fn look_at(&self, attempt: AttemptId, retry: String, store: &mut Store) -> Result<(), StateError> {
        let notice = match self.ways.is_empty() {
            true => None,
            false => notices::of_attempt(attempt, retry, store, self.opened)?,
        };
        let wanted = |notice: &Notice| -> Vec<Params> {
            let ways = self.ways.iter().filter(|way| notice.is_of(&way.events));
            ways.map(|way| self.row(way, notice)).collect()
        };
        let rows = notice.as_ref().map(wanted).unwrap_or_default();
        let rest = if self.notifier.is_some() { Rest::Kept } else { Rest::Dropped };
        store.looked_at(attempt, &rows, rest)
    }

    /// The same for attempts whose process died before it did.
    fn look_at_all(&self, store: &mut Store) -> Result<(), StateError> {
        let now = Timestamp::now();
        for (attempt, since) in store.to_look_at(&self.project())? {
            if now.duration_since(since) > GIVEN_UP_AFTER {
                store.looked_at(attempt, &[], Rest::Kept)?;
            } else if let Some(session) = store.session_of(attempt)? {
                self.look_at(attempt, self.retry_command(session.id), store)?;
            }
        }
        Ok(())
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
        let mut told = Told::default();
        if self.has_way() {
            self.look_at_all(store)?;
        }
        let mut unreachable = BTreeSet::new();
        for one in store.undelivered(&self.project())? {
            if one.given_up_at.is_some() {
                continue;
            }
            let now = Timestamp::now();
            let is_old = now.duration_since(one.since) > GIVEN_UP_AFTER;
            let post = self.post(&one);
            if is_old && (one.tries > 0 || post.is_none()) {
                store.give_up(one.id, now)?;
                told.given_up += 1;
                continue;
            }
            let Some(post) = post else { continue };
            if unreachable.contains(post.name()) || !is_due(&one) || !store.claim(one.id, now)? {
                told.left += 1;
                continue;
            }
            match self.deliver(&post, &one, store, effort)? {
                Ok(()) => told.delivered += 1,
                Err(error) => {
                    told.left += 1;
                    // The others would wait for the same receiver.
                    if let NotDelivered::Unreachable(_) = error {
                        unreachable.insert(post.name());
                    }
                }
            }
        }
        Ok(told)
    }

    /// Who takes it; none where the properties do not say how any more.
    fn post(&self, one: &Undelivered) -> Option<Post<'_>> {
        match one.notification.as_ref().and_then(|kept| kept.get(WAY)) {
            Some(name) => self.ways.iter().find(|way| name.as_str() == Some(way.name)).map(Post::Way),
            None => self.notifier.as_ref().map(Post::Notifier),
        }
    }

    fn deliver(
        &self,
        post: &Post<'_>,
        one: &Undelivered,
        store: &mut Store,
        effort: Effort,
    ) -> Result<Result<(), NotDelivered>, StateError> {
        let session = one.attempt.map(|attempt| store.session_of(attempt)).transpose()?.flatten();
        let what = match &session {
            Some(session) => format!("attempt {} of {}", session.attempt.id, session.workflow),
            None => "a run that could not begin".to_owned(),
        };
        let mut failed = |error: &NotDelivered, pause: Duration| {
            let pause = pause.as_secs_f64();
            self.warn(&format!("the notification of {what} was not sent: {error}; next try in {pause} s"));
        };
        let sent = match post {
            Post::Notifier(notifier) => {
                let notification = self.notification(one, session, store)?;
                let cancel = Cancel::default();
                match effort {
                    Effort::Once => notifier.try_once(&notification, &cancel),
                    Effort::AsSet => notifier.deliver(&notification, &cancel, &mut failed),
                }
            }
            Post::Way(way) => self.send(way, &way.letter(&kept_notice(one)), effort, &mut failed),
        };
        let (channel, now) = (post.name(), Timestamp::now());
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

    /// Sends in a way.
    pub fn send(
        &self,
        way: &Way,
        letter: &Letter,
        effort: Effort,
        failed: &mut dyn FnMut(&NotDelivered, Duration),
    ) -> Result<(), NotDelivered> {
        let (sender, cancel) = (self.sender(way)?, Cancel::default());
        match effort {
            Effort::Once => sender.try_letter(letter, &cancel),
            Effort::AsSet => sender.deliver_letter(letter, &cancel, failed),
        }
    }

    fn retry_command(&self, session: SessionId) -> String {
        program::command(&format!("sync retry --session {session}{}", pasteable_flags(self.common)))
    }

    fn project(&self) -> String {
        self.opened.place.project.to_string_lossy().into_owned()
    }

    fn warn(&self, text: &str) {
        self.opened.console.log(Level::Warn, text);
    }
}

/// The notice that a row keeps. Of one that a newer program wrote in another form, the sentence.
fn kept_notice(one: &Undelivered) -> Notice {
    let kept = Value::Object(one.notification.clone().unwrap_or_default());
    let message = kept["message"].as_str().unwrap_or("a run ended").to_owned();
    let project = kept["project"].as_str().unwrap_or_default().to_owned();
    serde_json::from_value(kept).unwrap_or_else(|_| Notice::not_begun(project, message, one.since))
}
