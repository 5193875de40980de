//! The ways of `sync.notify.*`: whom notices are sent to, and which. What is wrong is found before anything runs.

use std::collections::BTreeMap;
use std::time::Duration;

use super::outgoing::{LONGEST_WAIT, Pauses};
use super::{Properties, PropertiesError};
use crate::cloud::mail::{self, Format};
use crate::cloud::web::Url;
use crate::report::notice::{Event, Notice};
use crate::run::notification::{Channel, HttpChannel, Letter, MailChannel, Notifier, ShellChannel};
use crate::secret::{Secret, SecretError, SecretStore};

const ON: &str = "sync.notify.on";
/// How a secret of the safe is named in a value.
const SECRET: &str = "${secret:";

/// What a way is called, and the property without which there is none.
const WAYS: [(&str, &str); 4] = [
    ("slack", "sync.notify.slack.url"),
    ("http", "sync.notify.http.url"),
    ("mail", "sync.notify.mail.to"),
    ("shell", "sync.notify.shell.command"),
];

/// One way of telling people.
#[derive(Debug, Clone)]
pub struct Way {
    /// `slack`, `http`, `mail` or `shell`.
    pub name: &'static str,
    /// What people are told of in this way.
    pub events: Vec<Event>,
    notifier: Notifier,
}

impl Way {
    /// What is sent in this way.
    pub fn letter(&self, notice: &Notice) -> Letter {
        let body = match self.name {
            "slack" => notice.slack().to_string(),
            "mail" => notice.text(),
            // Texts and numbers: it cannot fail.
            _ => serde_json::to_string(notice).unwrap_or_default(),
        };
        let subject = notice.title().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Letter { subject, body }
    }

    /// What sends it, with the secrets that the properties name by `${secret:NAME}`.
    pub fn sender(&self, safe: impl FnOnce() -> Box<dyn SecretStore>) -> Result<Notifier, SecretError> {
        let mut sender = self.notifier.clone();
        let mut named: Vec<&mut Secret> = match &mut sender.channel {
            Channel::Shell(_) => Vec::new(),
            Channel::Http(http) => {
                let values = http.headers.iter_mut().map(|(_, value)| value);
                std::iter::once(&mut http.url).chain(values).collect()
            }
            Channel::Mail(mail) => mail.server.login.iter_mut().map(|login| &mut login.password).collect(),
        };
        named.retain(|secret| names_secret(secret));
        if !named.is_empty() {
            let safe = safe();
            named.into_iter().try_for_each(|secret| filled(secret, safe.as_ref()))?;
        }
        Ok(sender)
    }

    /// What must not be seen, for the scrubber.
    pub fn secrets(&self) -> Vec<&Secret> {
        let secrets = self.notifier.secrets().into_iter();
        secrets.filter(|secret| !names_secret(secret)).collect()
    }
}

fn names_secret(secret: &Secret) -> bool {
    secret.expose().contains(SECRET)
}

/// Puts values in the place of their names.
fn filled(secret: &mut Secret, safe: &dyn SecretStore) -> Result<(), SecretError> {
    let mut text = String::new();
    let mut rest = secret.expose();
    while let Some((before, behind)) = rest.split_once(SECRET) {
        let Some((name, behind)) = behind.split_once('}') else { break };
        text.push_str(before);
        text.push_str(safe.get(name.trim())?.expose());
        rest = behind;
    }
    text.push_str(rest);
    *secret = Secret::new(text);
    Ok(())
}

impl Properties {
    /// The ways of `sync.notify.*`.
    pub fn ways(&self, environment: &BTreeMap<String, String>) -> Result<Vec<Way>, PropertiesError> {
        let mut ways = Vec::new();
        for (name, needed) in WAYS {
            let beginning = format!("sync.notify.{name}.");
            if self.get(needed).is_none() {
                match self.under(&beginning).next() {
                    None => continue,
                    Some((key, _)) => {
                        return Err(self.wrong(needed, &format!("is required beside `{beginning}{key}`")));
                    }
                }
            }
            let channel = match name {
                "slack" => Channel::Http(self.slack_way()?),
                "http" => Channel::Http(self.http_way()?),
                "mail" => Channel::Mail(Box::new(self.mail_way()?)),
                _ => Channel::Shell(self.shell_way()?),
            };
            let Pauses { retries, shortest_pause, longest_pause } = self.pauses()?;
            let environment = environment.clone();
            let notifier = Notifier { channel, retries, shortest_pause, longest_pause, environment };
            ways.push(Way { name, events: self.events(&format!("{beginning}on"))?, notifier });
        }
        if ways.is_empty() && self.get(ON).is_some() {
            let keys: Vec<String> = WAYS.iter().map(|(_, needed)| format!("`{needed}`")).collect();
            return Err(self.wrong(ON, &format!("needs a way beside it: {}", keys.join(", "))));
        }
        Ok(ways)
    }

    /// The events of a way: its own, else those of all.
    fn events(&self, own: &str) -> Result<Vec<Event>, PropertiesError> {
        let key = if self.get(own).is_some() { own } else { ON };
        let Some(text) = self.get(key) else { return Ok(Event::USUAL.to_vec()) };
        let words = text.split([',', ' ']).filter(|word| !word.is_empty());
        let events: Option<Vec<Event>> = words.map(Event::from_word).collect();
        events.filter(|events| !events.is_empty()).ok_or_else(|| {
            let words = Event::ALL.map(|event| format!("`{}`", event.word())).join(", ");
            self.wrong(key, &format!("takes words of {words}"))
        })
    }

    fn slack_way(&self) -> Result<HttpChannel, PropertiesError> {
        Ok(HttpChannel {
            properties: "sync.notify.slack",
            method: "POST".to_owned(),
            url: self.address("sync.notify.slack.url")?,
            headers: Vec::new(),
        })
    }

    fn http_way(&self) -> Result<HttpChannel, PropertiesError> {
        let headers = self.under("sync.notify.http.headers.");
        Ok(HttpChannel {
            properties: "sync.notify.http",
            method: self.get("sync.notify.http.method").unwrap_or("POST").trim().to_owned(),
            url: self.address("sync.notify.http.url")?,
            headers: headers.map(|(name, value)| (name.to_owned(), Secret::new(value))).collect(),
        })
    }

    /// An address of HTTP, or the name of a secret that is one.
    fn address(&self, key: &str) -> Result<Secret, PropertiesError> {
        let address = Secret::new(self.get(key).unwrap_or_default().trim());
        let is_address =
            Url::parse(address.expose()).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if is_address || names_secret(&address) {
            return Ok(address);
        }
        Err(self.wrong(key, "takes an address of http or https, or `${secret:NAME}`"))
    }

    fn mail_way(&self) -> Result<MailChannel, PropertiesError> {
        let server = match (self.get("sync.notify.mail.host"), self.get("config.mail.host")) {
            (Some(_), _) => self.smtp_server("sync.notify.mail", 10, 60)?,
            (None, Some(_)) => self.smtp_server("config.mail", 10, 60)?,
            (None, None) => {
                let reason = "is required beside `sync.notify.mail.to`, or `config.mail.host`";
                return Err(self.wrong("sync.notify.mail.host", reason));
            }
        };
        let from = ["sync.notify.mail.from", "config.mail.from"].into_iter().find_map(|key| self.get(key));
        let from = from.ok_or_else(|| {
            let reason = "is required beside `sync.notify.mail.to`, or `config.mail.from`";
            self.wrong("sync.notify.mail.from", reason)
        })?;
        let addresses = |key: &str| {
            let addresses = self.list(key);
            match addresses.iter().all(|address| mail::address(address).is_some()) {
                true => Ok(addresses),
                false => Err(self.wrong(key, "takes mail addresses with commas between them")),
            }
        };
        Ok(MailChannel {
            server,
            from: from.to_owned(),
            to: addresses("sync.notify.mail.to")?,
            cc: addresses("sync.notify.mail.cc")?,
            bcc: addresses("sync.notify.mail.bcc")?,
            subject: String::new(),
            format: Format::Text,
            template: None,
        })
    }

    fn shell_way(&self) -> Result<ShellChannel, PropertiesError> {
        let timeout = self.whole("sync.notify.shell.timeout", 30_000, LONGEST_WAIT)?;
        Ok(ShellChannel {
            command: self.get("sync.notify.shell.command").unwrap_or_default().to_owned(),
            timeout: Duration::from_millis(timeout),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Sources;
    use super::*;

    fn ways(text: &str) -> Result<Vec<Way>, String> {
        let sources = Sources { text: Some(text.into()), ..Sources::default() };
        let properties = Properties::load(&sources).map_err(|error| error.to_string())?;
        properties.ways(&BTreeMap::new()).map_err(|error| error.to_string())
    }

    const MAIL: &str = "config.mail.host = h\nconfig.mail.port = 25\nconfig.mail.from = a@b\n";

    #[test]
    fn each_way_has_its_events() {
        assert_eq!(ways("").expect("right").len(), 0);
        let all = ways(&format!(
            "{MAIL}sync.notify.slack.url = https://hooks.example.com/services/T0/geheim\n\
             sync.notify.slack.on = failure, recovery\nsync.notify.on = failure success\n\
             sync.notify.http.url = http://x/\nsync.notify.http.headers.Authorization = Bearer t0ken\n\
             sync.notify.mail.to = c@d, e@f\nsync.notify.shell.command = cat"
        ))
        .expect("right");
        let said: Vec<_> = all.iter().map(|way| (way.name, way.events.clone())).collect();
        let usual = vec![Event::Failure, Event::Success];
        assert_eq!(
            said,
            [
                ("slack", vec![Event::Failure, Event::Recovery]),
                ("http", usual.clone()),
                ("mail", usual.clone()),
                ("shell", usual)
            ]
        );
        assert!(!format!("{all:?}").contains("geheim") && !format!("{all:?}").contains("t0ken"));
        let secrets: Vec<&str> = all.iter().flat_map(|way| way.secrets()).map(Secret::expose).collect();
        assert_eq!(secrets, ["https://hooks.example.com/services/T0/geheim", "http://x/", "Bearer t0ken"]);
        let shell = ways("sync.notify.shell.command = cat").expect("right");
        assert_eq!(shell[0].events, Event::USUAL);
    }

    #[test]
    fn a_secret_of_the_safe_is_asked_for_when_it_is_sent() {
        struct Safe;
        impl SecretStore for Safe {
            fn get(&self, name: &str) -> Result<Secret, SecretError> {
                match name {
                    "hook" => Ok(Secret::new("http://x/geheim")),
                    other => Err(SecretError::NotFound { name: other.to_owned() }),
                }
            }
        }
        let text = "sync.notify.http.url = ${secret:hook}\nsync.notify.http.headers.X = a ${secret: hook }!";
        let way = ways(text).expect("right").remove(0);
        assert_eq!(way.secrets().len(), 0);
        let sender = way.sender(|| Box::new(Safe)).expect("there");
        let Channel::Http(http) = sender.channel else { panic!("no http") };
        assert_eq!(
            (http.url.expose(), http.headers[0].1.expose()),
            ("http://x/geheim", "a http://x/geheim!")
        );
        let lacking = ways("sync.notify.slack.url = ${secret:other}").expect("right").remove(0);
        assert!(matches!(lacking.sender(|| Box::new(Safe)), Err(SecretError::NotFound { .. })));
        let open = ways("sync.notify.slack.url = http://x/").expect("right").remove(0);
        assert!(open.sender(|| panic!("no secret is named")).is_ok());
    }

    #[test]
    fn what_is_wrong_is_named_without_its_value() {
        for (text, expected) in [
            (
                "sync.notify.slack.url = nowhere",
                "`sync.notify.slack.url` takes an address of http or https, or `${secret:NAME}`",
            ),
            (
                "sync.notify.http.url = ftp://x/",
                "`sync.notify.http.url` takes an address of http or https, or `${secret:NAME}`",
            ),
            (
                "sync.notify.slack.on = failure",
                "`sync.notify.slack.url` is required beside `sync.notify.slack.on`",
            ),
            (
                "sync.notify.on = failure",
                "`sync.notify.on` needs a way beside it: `sync.notify.slack.url`, `sync.notify.http.url`, \
                 `sync.notify.mail.to`, `sync.notify.shell.command`",
            ),
            (
                "sync.notify.shell.command = cat\nsync.notify.on = always",
                "`sync.notify.on` takes words of `failure`, `recovery`, `empty`, `slow`, `success`",
            ),
            (
                "sync.notify.shell.command = cat\nsync.notify.shell.on = ,",
                "`sync.notify.shell.on` takes words of `failure`, `recovery`, `empty`, `slow`, `success`",
            ),
            (
                "sync.notify.mail.to = a@b",
                "`sync.notify.mail.host` is required beside `sync.notify.mail.to`, or `config.mail.host`",
            ),
            (
                "sync.notify.mail.to = a@b\nsync.notify.mail.host = h\nsync.notify.mail.port = 25",
                "`sync.notify.mail.from` is required beside `sync.notify.mail.to`, or `config.mail.from`",
            ),
            (
                &format!("{MAIL}sync.notify.mail.to = you"),
                "`sync.notify.mail.to` takes mail addresses with commas between them",
            ),
        ] {
            assert_eq!(ways(text).expect_err("wrong"), format!("property {expected}"), "{text}");
        }
        assert_eq!(
            ways("sync.notify.slack.address = x").expect_err("wrong"),
            "unknown setting `sync.notify.slack.address`"
        );
    }
}
