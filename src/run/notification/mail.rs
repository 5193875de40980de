//! By mail, with a body of our own or from a template that sees the fields of the notification.

use super::{NotDelivered, Notification};
use crate::cloud::mail::{self, Format, Mail, MailError, SmtpServer};
use crate::dig::expression::{Clock, Evaluator, Limits};
use crate::run::interrupt::block_on;
use crate::run::markup::html_text;
use crate::run::operator::Cancel;

/// A mail to somebody.
#[derive(Debug, Clone)]
pub struct MailChannel {
    pub server: SmtpServer,
    pub from: String,
    pub to: Vec<String>,
    pub cc: Vec<String>,
    pub bcc: Vec<String>,
    pub subject: String,
    pub format: Format,
    /// The text of the template; without one, the body is a list of what is known.
    pub template: Option<String>,
}

impl MailChannel {
    pub(super) fn send(&self, notification: &Notification, cancel: &Cancel) -> Result<(), NotDelivered> {
        let body = self.body(notification).map_err(NotDelivered::Refused)?;
        self.send_text(self.subject.clone(), body, cancel)
    }

    /// Sends a body with a subject of its own.
    pub(super) fn send_text(
        &self,
        subject: String,
        body: String,
        cancel: &Cancel,
    ) -> Result<(), NotDelivered> {
        let mail = self.mail(subject, body).map_err(NotDelivered::Refused)?;
        let sent = block_on(mail::send(&self.server, &mail), cancel).map_err(|_| NotDelivered::Stopped)?;
        sent.map(|_| ()).map_err(|error| match error {
            MailError::Unreachable { .. } => NotDelivered::Unreachable(error.to_string()),
            error => NotDelivered::Refused(error.to_string()),
        })
    }

    fn mail(&self, subject: String, body: String) -> Result<Mail, String> {
        let address = |text: &String| {
            mail::address(text).ok_or_else(|| format!("`{text}` in the properties is not a mail address"))
        };
        let addresses = |texts: &[String]| texts.iter().map(address).collect::<Result<Vec<_>, _>>();
        Ok(Mail {
            from: address(&self.from)?,
            to: addresses(&self.to)?,
            cc: addresses(&self.cc)?,
            bcc: addresses(&self.bcc)?,
            subject,
            body,
            format: self.format,
            attachments: Vec::new(),
        })
    }

    fn body(&self, notification: &Notification) -> Result<String, String> {
        let mut fields = notification.fields();
        if self.format == Format::Html {
            // Only a template of the user's own has marks.
            fields.values_mut().filter_map(as_text).for_each(|text| *text = html_text(text));
        }
        let Some(template) = &self.template else {
            let known = fields.iter().filter(|(_, value)| !value.is_null() && value.as_str() != Some(""));
            let line = |(name, value): (&String, &serde_json::Value)| {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                format!("{}: {text}\n", name.replace('_', " "))
            };
            let lines: String = known.map(line).collect();
            return Ok(if self.format == Format::Html { format!("<pre>\n{lines}</pre>\n") } else { lines });
        };
        let clock = Clock::fixed(notification.timestamp);
        let evaluator = Evaluator::new(jiff::tz::TimeZone::UTC, clock, Limits::default());
        evaluator
            .evaluate_text(template, &fields)
            .map_err(|error| format!("the template of the notification cannot be evaluated: {error}"))
    }
}

fn as_text(value: &mut serde_json::Value) -> Option<&mut String> {
    if let serde_json::Value::String(text) = value { Some(text) } else { None }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::notification;
    use super::*;
    use crate::cloud::mail::Security;

    fn channel(template: Option<&str>) -> MailChannel {
        MailChannel {
            server: SmtpServer {
                host: "localhost".to_owned(),
                port: 25,
                security: Security::Plain,
                login: None,
                connect_timeout: Duration::from_secs(10),
                socket_timeout: Duration::from_secs(60),
            },
            from: "me@example.com".to_owned(),
            to: vec!["you@example.com".to_owned()],
            cc: Vec::new(),
            bcc: Vec::new(),
            subject: "s".to_owned(),
            format: Format::Text,
            template: template.map(str::to_owned),
        }
    }

    #[test]
    fn the_body_says_what_is_known() {
        assert_eq!(
            channel(None).body(&notification()).as_deref(),
            Ok(
                "timestamp: 2016-01-02T03:04:05Z\nmessage: no \"luck\"\nsite id: 0\nproject id: 1\nattempt id: 7\ntask name: +wf+a\nsession time: 2016-01-02T00:00:00+09:00\n"
            )
        );
    }

    #[test]
    fn a_template_sees_the_fields() {
        let body = |template| channel(Some(template)).body(&notification());
        assert_eq!(
            body("${task_name.substring(1)}: ${message} ${workflow_name}").as_deref(),
            Ok("wf+a: no \"luck\" ")
        );
        let error = body("${nothing}").expect_err("an error");
        assert!(error.starts_with("the template of the notification cannot be evaluated: "), "{error}");
    }

    #[test]
    fn what_happened_has_no_marks_in_html() {
        let told = Notification { message: "<script> & \"x\"".to_owned(), ..notification() };
        let html =
            |template: Option<&str>| MailChannel { format: Format::Html, ..channel(template) }.body(&told);
        assert_eq!(
            html(Some("<b>${message}</b>")).as_deref(),
            Ok("<b>&lt;script&gt; &amp; &quot;x&quot;</b>")
        );
        let plain = html(None).expect("a body");
        assert!(plain.starts_with("<pre>\n") && plain.ends_with("</pre>\n"), "{plain}");
        assert!(plain.contains("\nmessage: &lt;script&gt; &amp; &quot;x&quot;\n"), "{plain}");
    }

    #[test]
    fn an_address_that_is_none_is_named() {
        let odd = MailChannel { to: vec!["you".to_owned()], ..channel(None) };
        let error = odd.send(&notification(), &Cancel::default());
        let expected = NotDelivered::Refused("`you` in the properties is not a mail address".to_owned());
        assert_eq!(error, Err(expected));
    }
}
