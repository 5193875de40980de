//! Tells somebody outside what happened: by a command, over HTTP or by mail, as the properties say (`notification.*`).
//!
//! It needs no task: `notify>` uses it, and so may whoever sees a run end. A [`Notifier`] tries once, or as often as
//! it is set to.

mod http;
mod mail;
mod shell;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

pub use self::http::HttpChannel;
pub use self::mail::MailChannel;
pub use self::shell::ShellChannel;
use super::interrupt::block_on;
use super::operator::Cancel;
use crate::secret::Secret;
use crate::session::Params;

/// What happened, and to which run. What is not known is null to the receiver.
#[derive(Debug, Clone)]
pub struct Notification {
    pub timestamp: Timestamp,
    pub message: String,
    pub project_name: Option<String>,
    pub workflow_name: Option<String>,
    pub attempt_id: Option<i64>,
    pub session_id: Option<i64>,
    pub task_name: Option<String>,
    pub timezone: Option<String>,
    pub session_uuid: Option<String>,
    pub session_time: Option<String>,
}

impl Notification {
    /// A message of this moment about nothing in particular.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            timestamp: Timestamp::now(),
            message: message.into(),
            project_name: None,
            workflow_name: None,
            attempt_id: None,
            session_id: None,
            task_name: None,
            timezone: None,
            session_uuid: None,
            session_time: None,
        }
    }

    /// A notification that was kept as its fields. `at`: when it happened, should they not say.
    pub fn from_fields(fields: &Params, at: Timestamp) -> Self {
        let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        let number = |name: &str| fields.get(name).and_then(Value::as_i64);
        Self {
            timestamp: text("timestamp").and_then(|text| text.parse().ok()).unwrap_or(at),
            message: text("message").unwrap_or_default(),
            project_name: text("project_name"),
            workflow_name: text("workflow_name"),
            attempt_id: number("attempt_id"),
            session_id: number("session_id"),
            task_name: text("task_name"),
            timezone: text("timezone"),
            session_uuid: text("session_uuid"),
            session_time: text("session_time"),
        }
    }

    /// The fields as Digdag names them. Site and project have the numbers of its local mode; there is no revision.
    pub fn fields(&self) -> Params {
        let fields = json!({
            "timestamp": self.timestamp.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "message": self.message,
            "site_id": 0,
            "project_id": 1,
            "project_name": self.project_name,
            "workflow_name": self.workflow_name,
            "revision": "",
            "attempt_id": self.attempt_id,
            "session_id": self.session_id,
            "task_name": self.task_name,
            "timezone": self.timezone,
            "session_uuid": self.session_uuid,
            "session_time": self.session_time,
        });
        match fields {
            Value::Object(fields) => fields,
            _ => Params::new(),
        }
    }
}

/// Why a notification did not get out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotDelivered {
    /// The receiver could not be reached.
    #[error("{0}")]
    Unreachable(String),
    /// It was reached and did not take it, or what the properties say cannot work.
    #[error("{0}")]
    Refused(String),
    /// The run was stopped meanwhile.
    #[error("stopped before it was delivered")]
    Stopped,
}

/// What is sent as it is: JSON for a command and over HTTP, a text by mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Of a mail.
    pub subject: String,
    pub body: String,
}

/// How a notification gets out.
#[derive(Debug, Clone)]
pub enum Channel {
    Shell(ShellChannel),
    Http(HttpChannel),
    Mail(Box<MailChannel>),
}

/// Sends notifications.
#[derive(Debug, Clone)]
pub struct Notifier {
    pub channel: Channel,
    /// How often it tries again after a failure.
    pub retries: u32,
    /// The first pause; each one is twice the one before.
    pub shortest_pause: Duration,
    pub longest_pause: Duration,
    /// Of the process: commands inherit it, and it may name proxies.
    pub environment: BTreeMap<String, String>,
}

impl Notifier {
    /// The channel's name, as the properties call it.
    pub fn channel_name(&self) -> &'static str {
        match self.channel {
            Channel::Shell(_) => "shell",
            Channel::Http(_) => "http",
            Channel::Mail(_) => "mail",
        }
    }

    /// Tries once. Blocks the thread until it is known how it went, or until the run is stopped.
    pub fn try_once(&self, notification: &Notification, cancel: &Cancel) -> Result<(), NotDelivered> {
        let json = || Value::Object(notification.fields()).to_string();
        match &self.channel {
            Channel::Shell(shell) => shell.send(json(), &self.environment, cancel),
            Channel::Http(http) => http.send(json(), &self.environment, cancel),
            Channel::Mail(mail) => mail.send(notification, cancel),
        }
    }

    /// The same for what was written for the channel.
    pub fn try_letter(&self, letter: &Letter, cancel: &Cancel) -> Result<(), NotDelivered> {
        match &self.channel {
            Channel::Shell(shell) => shell.send(letter.body.clone(), &self.environment, cancel),
            Channel::Http(http) => http.send(letter.body.clone(), &self.environment, cancel),
            Channel::Mail(mail) => mail.send_text(letter.subject.clone(), letter.body.clone(), cancel),
        }
    }

    /// The pause before a retry, counted from 0; none when there were enough.
    pub fn pause(&self, retry: u32) -> Option<Duration> {
        let pause = self.shortest_pause.saturating_mul(2_u32.saturating_pow(retry));
        (retry < self.retries).then(|| pause.min(self.longest_pause))
    }

    /// Tries until it is delivered or was tried often enough. `failed` hears of each failure that is followed by
    /// another try, with the pause before it. Blocks the thread.
    pub fn deliver(
        &self,
        notification: &Notification,
        cancel: &Cancel,
        failed: &mut dyn FnMut(&NotDelivered, Duration),
    ) -> Result<(), NotDelivered> {
        self.again(&|| self.try_once(notification, cancel), cancel, failed)
    }

    /// The same for what was written for the channel.
    pub fn deliver_letter(
        &self,
        letter: &Letter,
        cancel: &Cancel,
        failed: &mut dyn FnMut(&NotDelivered, Duration),
    ) -> Result<(), NotDelivered> {
        self.again(&|| self.try_letter(letter, cancel), cancel, failed)
    }

    fn again(
        &self,
        once: &dyn Fn() -> Result<(), NotDelivered>,
        cancel: &Cancel,
        failed: &mut dyn FnMut(&NotDelivered, Duration),
    ) -> Result<(), NotDelivered> {
        let mut retry = 0;
        loop {
            let Err(error) = once() else { return Ok(()) };
            let Some(pause) = self.pause(retry).filter(|_| error != NotDelivered::Stopped) else {
                return Err(error);
            };
            failed(&error, pause);
            retry += 1;
            block_on(async { tokio::time::sleep(pause).await }, cancel).map_err(|_| NotDelivered::Stopped)?;
        }
    }

    /// What must not be seen, for the scrubber.
    pub fn secrets(&self) -> Vec<&Secret> {
        match &self.channel {
            Channel::Shell(_) => Vec::new(),
            Channel::Http(http) => http.secrets(),
            Channel::Mail(mail) => mail.server.login.iter().map(|login| &login.password).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn notification() -> Notification {
        Notification {
            timestamp: "2016-01-02T03:04:05.678Z".parse().expect("a time"),
            task_name: Some("+wf+a".to_owned()),
            session_time: Some("2016-01-02T00:00:00+09:00".to_owned()),
            attempt_id: Some(7),
            ..Notification::new("no \"luck\"")
        }
    }

    fn shell(command: &str) -> Notifier {
        Notifier {
            channel: Channel::Shell(ShellChannel {
                command: command.to_owned(),
                timeout: Duration::from_secs(60),
            }),
            retries: 10,
            shortest_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(30),
            environment: BTreeMap::new(),
        }
    }

    #[test]
    fn the_fields_are_digdags() {
        let expected = r#"{"timestamp":"2016-01-02T03:04:05Z","message":"no \"luck\"","site_id":0,"project_id":1,"project_name":null,"workflow_name":null,"revision":"","attempt_id":7,"session_id":null,"task_name":"+wf+a","timezone":null,"session_uuid":null,"session_time":"2016-01-02T00:00:00+09:00"}"#;
        assert_eq!(Value::Object(notification().fields()).to_string(), expected);
    }

    #[test]
    fn what_was_kept_says_the_same() {
        let kept = notification().fields();
        assert_eq!(Notification::from_fields(&kept, Timestamp::UNIX_EPOCH).fields(), kept);
        let nothing = Notification::from_fields(&Params::new(), Timestamp::UNIX_EPOCH);
        assert_eq!((nothing.timestamp, nothing.message.as_str()), (Timestamp::UNIX_EPOCH, ""));
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let notifier = shell("true");
        let pauses: Vec<u64> =
            (0..).map_while(|retry| notifier.pause(retry)).map(|pause| pause.as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30, 30, 30, 30]);
    }

    #[test]
    fn it_is_tried_as_often_as_the_properties_say() {
        let folder = tempfile::tempdir().expect("a folder");
        let tries = folder.path().join("tries");
        let command = format!("echo >> {0}; test $(wc -l < {0}) -ge 3", tries.display());
        let notifier = |retries| Notifier { retries, shortest_pause: Duration::ZERO, ..shell(&command) };
        let mut heard = Vec::new();
        let mut deliver = |retries| {
            let mut failed = |error: &NotDelivered, _| heard.push(error.to_string());
            notifier(retries).deliver(&notification(), &Cancel::default(), &mut failed)
        };
        let refused = NotDelivered::Refused("the notification command failed with code 1".to_owned());
        assert_eq!(deliver(0), Err(refused.clone()));
        assert_eq!(deliver(10), Ok(()));
        assert_eq!(heard, [refused.to_string()]);
    }

    #[test]
    fn a_stopped_run_notifies_nobody_twice() {
        let cancel = Cancel::default();
        cancel.cancel();
        let ended = shell("cat; sleep 1000").deliver(&notification(), &cancel, &mut |_, _| panic!("again"));
        assert_eq!(ended, Err(NotDelivered::Stopped));
        assert_eq!(NotDelivered::Stopped.to_string(), "stopped before it was delivered");
    }
}
