//! How the program tells people something by itself: the mail server (`config.mail.*`) and the notifications
//! (`notification.*`), as Digdag's properties have them. What is wrong is found before anything runs.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::{Properties, PropertiesError};
use crate::cloud::mail::{Format, Login, Security, SmtpServer};
use crate::dig::params;
use crate::run::notification::{Channel, HttpChannel, MailChannel, Notifier, ShellChannel};
use crate::run::operator::mail::MailDefaults;
use crate::secret::Secret;

/// More retries than this are a slip of the pen.
const MOST_RETRIES: u64 = 1_000_000;
/// A day, in milliseconds: nobody waits longer for a notification.
pub(super) const LONGEST_WAIT: u64 = 24 * 60 * 60 * 1_000;

/// How often, and after which pauses.
pub(super) struct Pauses {
    pub(super) retries: u32,
    pub(super) shortest_pause: Duration,
    pub(super) longest_pause: Duration,
}

impl Properties {
    /// What `mail>` falls back to.
    pub fn mail(&self) -> Result<MailDefaults, PropertiesError> {
        let text = |key: &str| self.get(key).map(str::to_owned);
        let server = match self.get("config.mail.host") {
            Some(_) => Some(self.smtp_server("config.mail", 60, 180)?),
            None => None,
        };
        Ok(MailDefaults {
            server,
            debug: self.flag("config.mail.debug", false)?,
            from: text("config.mail.from"),
            subject: text("config.mail.subject"),
        })
    }

    /// How notifications are sent; none without `notification.type`.
    pub fn notifier(
        &self,
        environment: BTreeMap<String, String>,
    ) -> Result<Option<Notifier>, PropertiesError> {
        let channel = match self.get("notification.type").map(str::trim) {
            None => return Ok(None),
            Some("shell") => Channel::Shell(self.shell_channel()?),
            Some("http") => Channel::Http(self.http_channel()?),
            Some("mail") => Channel::Mail(Box::new(self.mail_channel()?)),
            Some(_) => return Err(self.wrong("notification.type", "takes `shell`, `http` or `mail`")),
        };
        let Pauses { retries, shortest_pause, longest_pause } = self.pauses()?;
        Ok(Some(Notifier { channel, retries, shortest_pause, longest_pause, environment }))
    }

    /// How often what was not delivered is tried again.
    pub(super) fn pauses(&self) -> Result<Pauses, PropertiesError> {
        let milliseconds =
            |key, default| Ok(Duration::from_millis(self.whole(key, default, LONGEST_WAIT)?));
        let retries = self.whole("notification.retries", 10, MOST_RETRIES)?;
        Ok(Pauses {
            retries: u32::try_from(retries).unwrap_or(u32::MAX),
            shortest_pause: milliseconds("notification.min_retry_wait", 1_000)?,
            longest_pause: milliseconds("notification.max_retry_wait", 30_000)?,
        })
    }

    fn shell_channel(&self) -> Result<ShellChannel, PropertiesError> {
        let timeout = self.whole("notification.shell.timeout", 30_000, LONGEST_WAIT)?;
        Ok(ShellChannel {
            command: self.needed("notification.shell.command", "shell")?.to_owned(),
            timeout: Duration::from_millis(timeout),
        })
    }

    fn http_channel(&self) -> Result<HttpChannel, PropertiesError> {
        let headers = self.under("notification.http.headers.");
        Ok(HttpChannel {
            properties: "notification.http",
            method: self.get("notification.http.method").unwrap_or("POST").trim().to_owned(),
            url: Secret::new(self.needed("notification.http.url", "http")?),
            headers: headers.map(|(name, value)| (name.to_owned(), Secret::new(value))).collect(),
        })
    }

    fn mail_channel(&self) -> Result<MailChannel, PropertiesError> {
        for key in ["notification.mail.host", "notification.mail.to"] {
            self.needed(key, "mail")?;
        }
        let template = match self.get("notification.mail.body_template_file") {
            None => None,
            Some(file) => Some(crate::reader::read_text(std::path::Path::new(file)).map_err(|error| {
                self.wrong(
                    "notification.mail.body_template_file",
                    &format!("names a file that cannot be read: {error}"),
                )
            })?),
        };
        Ok(MailChannel {
            server: self.smtp_server("notification.mail", 10, 60)?,
            from: self.needed("notification.mail.from", "mail")?.to_owned(),
            to: self.list("notification.mail.to"),
            cc: self.list("notification.mail.cc"),
            bcc: self.list("notification.mail.bcc"),
            subject: self.get("notification.mail.subject").unwrap_or("Notification of sync").to_owned(),
            format: if self.flag("notification.mail.html", false)? { Format::Html } else { Format::Text },
            template,
        })
    }

    /// What stands between commas.
    pub(super) fn list(&self, key: &str) -> Vec<String> {
        let parts = self.get(key).unwrap_or_default().split(',').map(str::trim);
        parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// The server below a prefix, which has a `host`.
    pub(super) fn smtp_server(
        &self,
        prefix: &str,
        connect_seconds: u64,
        silent_seconds: u64,
    ) -> Result<SmtpServer, PropertiesError> {
        let key = |name: &str| format!("{prefix}.{name}");
        let duration = |name: &str, default| match self.get(&key(name)) {
            None => Ok(Duration::from_secs(default)),
            Some(text) => params::to_duration(name, &Value::String(text.to_owned()))
                .map_err(|_| self.wrong(&key(name), "takes a duration such as `30s`")),
        };
        let port = match self.get(&key("port")) {
            None => return Err(self.wrong(&key("port"), &format!("is required beside `{prefix}.host`"))),
            Some(port) => port.trim().parse(),
        };
        let login = self.get(&key("username")).map(|username| Login {
            username: username.to_owned(),
            password: Secret::new(self.get(&key("password")).unwrap_or_default()),
        });
        Ok(SmtpServer {
            host: self.get(&key("host")).unwrap_or_default().trim().to_owned(),
            port: port.map_err(|_| self.wrong(&key("port"), "takes a number from 0 to 65535"))?,
            security: Security::of(self.flag(&key("tls"), true)?, self.flag(&key("ssl"), false)?),
            login,
            connect_timeout: duration("connect_timeout", connect_seconds)?,
            socket_timeout: duration("socket_timeout", silent_seconds)?,
        })
    }

    fn needed(&self, key: &str, kind: &str) -> Result<&str, PropertiesError> {
        self.get(key).ok_or_else(|| self.wrong(key, &format!("is required with `notification.type={kind}`")))
    }

    fn flag(&self, key: &str, default: bool) -> Result<bool, PropertiesError> {
        match self.get(key).map(|value| value.trim().to_lowercase()).as_deref() {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(_) => Err(self.wrong(key, "takes `true` or `false`")),
        }
    }

    pub(super) fn whole(&self, key: &str, default: u64, most: u64) -> Result<u64, PropertiesError> {
        match self.get(key).map(|value| value.trim().parse()) {
            None => Ok(default),
            Some(Ok(number)) if number <= most => Ok(number),
            Some(_) => Err(self.wrong(key, &format!("takes a whole number up to {most}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Sources;
    use super::*;

    fn of(text: &str) -> Properties {
        Properties::load(&Sources { text: Some(text.into()), ..Sources::default() }).expect("they are right")
    }

    fn notifier(text: &str) -> Notifier {
        of(text).notifier(BTreeMap::new()).expect("right").expect("configured")
    }

    #[test]
    fn the_mail_server_of_the_properties() {
        let mail = of("").mail().expect("right");
        assert!(mail.server.is_none() && mail.from.is_none());
        let mail = of("config.mail.host = h\nconfig.mail.port = 587\nconfig.mail.username = me\n\
            config.mail.password = geheim\nconfig.mail.from = a@b\nconfig.mail.subject = s\n\
            config.mail.debug = true\nconfig.mail.connect_timeout = 5s")
        .mail()
        .expect("right");
        let server = mail.server.expect("a server");
        assert_eq!((server.host.as_str(), server.port, server.security), ("h", 587, Security::StartTls));
        assert_eq!((server.connect_timeout.as_secs(), server.socket_timeout.as_secs()), (5, 180));
        assert!(!format!("{server:?}").contains("geheim"));
        assert_eq!(server.login.expect("a login").password.expose(), "geheim");
        assert_eq!(
            (mail.from.as_deref(), mail.subject.as_deref(), mail.debug),
            (Some("a@b"), Some("s"), true)
        );
    }

    #[test]
    fn notifications_go_the_way_that_is_named() {
        assert!(of("notification.retries = x").notifier(BTreeMap::new()).expect("unused").is_none());
        let shell = notifier("notification.type = shell\nnotification.shell.command = cat");
        assert_eq!(
            (shell.retries, shell.shortest_pause.as_secs(), shell.longest_pause.as_secs()),
            (10, 1, 30)
        );
        let Channel::Shell(channel) = shell.channel else { panic!("no shell") };
        assert_eq!((channel.command.as_str(), channel.timeout.as_secs()), ("cat", 30));
        let http = notifier(
            "notification.type = http\nnotification.http.url = http://x/hook\nnotification.retries = 0\n\
             notification.http.headers.Authorization = Bearer t\nnotification.http.headers.X-A = open",
        );
        assert!(!format!("{http:?}").contains("hook") && !format!("{http:?}").contains("Bearer"), "{http:?}");
        assert_eq!(
            http.secrets().iter().map(|secret| secret.expose()).collect::<Vec<_>>(),
            ["http://x/hook", "Bearer t"]
        );
        let Channel::Http(channel) = http.channel else { panic!("no http") };
        assert_eq!((channel.method.as_str(), channel.headers.len(), http.retries), ("POST", 2, 0));
        let mail = notifier(
            "notification.type = mail\nnotification.mail.host = h\nnotification.mail.port = 25\n\
             notification.mail.ssl = TRUE\nnotification.mail.from = a@b\nnotification.mail.to = c@d, e@f",
        );
        let Channel::Mail(channel) = mail.channel else { panic!("no mail") };
        assert_eq!((channel.to.len(), channel.cc.len(), channel.server.security), (2, 0, Security::Tls));
        assert_eq!(channel.subject, "Notification of sync");
    }

    #[test]
    fn what_is_wrong_is_named_without_its_value() {
        let shell = "notification.type = shell\nnotification.shell.command = cat\n";
        let mail = "notification.type = mail\nnotification.mail.host = h\nnotification.mail.to = a@b\n";
        for (text, expected) in [
            ("notification.type = carrier-pigeon", "`notification.type` takes `shell`, `http` or `mail`"),
            (
                "notification.type = shell",
                "`notification.shell.command` is required with `notification.type=shell`",
            ),
            ("notification.type = http", "`notification.http.url` is required with `notification.type=http`"),
            (
                "notification.type = mail",
                "`notification.mail.host` is required with `notification.type=mail`",
            ),
            (mail, "`notification.mail.port` is required beside `notification.mail.host`"),
            (
                &format!("{mail}notification.mail.port = 99999"),
                "`notification.mail.port` takes a number from 0 to 65535",
            ),
            (
                &format!("{mail}notification.mail.port = 25\nnotification.mail.tls = yes"),
                "`notification.mail.tls` takes `true` or `false`",
            ),
            (
                &format!("{mail}notification.mail.port = 25"),
                "`notification.mail.from` is required with `notification.type=mail`",
            ),
            (
                &format!("{mail}notification.mail.body_template_file = /no/such"),
                "`notification.mail.body_template_file` names a file that cannot be read: No such file or directory (os error 2)",
            ),
            (
                &format!("{shell}notification.retries = -1"),
                "`notification.retries` takes a whole number up to 1000000",
            ),
            (
                &format!("{shell}notification.shell.timeout = 5s"),
                "`notification.shell.timeout` takes a whole number up to 86400000",
            ),
        ] {
            let error = of(text).notifier(BTreeMap::new()).expect_err("wrong").to_string();
            assert_eq!(error, format!("property {expected}"), "{text}");
        }
        let error = of("config.mail.host = h\nconfig.mail.port = 1\nconfig.mail.socket_timeout = 5").mail();
        assert_eq!(
            error.expect_err("wrong").to_string(),
            "property `config.mail.socket_timeout` takes a duration such as `30s`"
        );
    }
}
