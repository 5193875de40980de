//! What an attempt tells people with: the mail server and the notifications of the properties, their secrets learnt.

use super::attempt::environment;
use super::opening::Opened;
use super::properties::{PropertiesError, Way};
use crate::run::notification::Notifier;
use crate::run::operator::mail::MailDefaults;

/// Ways to the outside.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// What `mail>` falls back to.
    pub mail: MailDefaults,
    /// Sends notifications.
    pub notifier: Option<Notifier>,
    /// The ways of `sync.notify.*`.
    pub ways: Vec<Way>,
}

impl Outgoing {
    /// Reads the properties.
    pub fn read(opened: &Opened) -> Result<Self, PropertiesError> {
        let mail = opened.properties.mail()?;
        let notifier = opened.properties.notifier(environment())?;
        let login = mail.server.iter().filter_map(|server| server.login.as_ref());
        login.for_each(|login| opened.scrubber.add(&login.password));
        let ways = opened.properties.ways(&environment())?;
        let secrets = notifier.iter().flat_map(Notifier::secrets).chain(ways.iter().flat_map(Way::secrets));
        secrets.for_each(|secret| opened.scrubber.add(secret));
        Ok(Self { mail, notifier, ways })
    }
}
