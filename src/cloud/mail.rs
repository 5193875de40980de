//! Mail by SMTP. What is sent is built whole before the server is asked, so a wrong message costs no connection.

use std::time::Duration;

use lettre::Message;
pub use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::message::{Attachment as Part, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{Error as SmtpError, response::Response};

use super::install_crypto;
use super::web::{excerpt, root_cause};
use crate::secret::Secret;

/// Bytes a second of a line that is slow and not dead.
const SLOWEST: u64 = 16 << 10;

/// Where mail is handed in.
#[derive(Debug, Clone)]
pub struct SmtpServer {
    pub host: String,
    pub port: u16,
    pub security: Security,
    /// Without one, the server is asked without a login.
    pub login: Option<Login>,
    /// How long the connection may take.
    pub connect_timeout: Duration,
    /// How long the server may be silent.
    pub socket_timeout: Duration,
}

/// Who hands it in.
#[derive(Debug, Clone)]
pub struct Login {
    pub username: String,
    pub password: Secret,
}

/// How the connection is kept private.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// It begins in clear text and must become TLS before anything is said.
    StartTls,
    /// It is TLS from its first byte.
    Tls,
    /// It is not.
    Plain,
}

impl Security {
    /// Digdag's words: `ssl` goes before `tls`.
    pub fn of(tls: bool, ssl: bool) -> Self {
        match (tls, ssl) {
            (_, true) => Self::Tls,
            (true, false) => Self::StartTls,
            (false, false) => Self::Plain,
        }
    }
}

/// One message.
#[derive(Debug, Clone)]
pub struct Mail {
    pub from: Mailbox,
    pub to: Vec<Mailbox>,
    pub cc: Vec<Mailbox>,
    pub bcc: Vec<Mailbox>,
    pub subject: String,
    pub body: String,
    pub format: Format,
    pub attachments: Vec<Attachment>,
}

/// What the body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    Html,
}

/// A file that goes with a message.
#[derive(Debug, Clone)]
pub struct Attachment {
    pub name: String,
    pub content_type: String,
    pub bytes: Vec<u8>,
}

/// Why a message was not handed in. Texts hold no password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// The message cannot be written.
    #[error("{0}")]
    Message(String),
    /// The server did not answer, or stopped answering.
    #[error("cannot reach the mail server at `{server}`: {reason}")]
    Unreachable { server: String, reason: String },
    /// The connection would stay in clear text.
    #[error("the mail server at `{0}` offers no STARTTLS")]
    NoStartTls(String),
    /// The server is not the one it says it is.
    #[error("the certificate of the mail server at `{server}` is not trusted: {reason}")]
    Certificate { server: String, reason: String },
    /// The server said no.
    #[error("the mail server at `{server}` refused {what}: {answer}")]
    Refused { server: String, what: &'static str, answer: String },
}

/// Hands a message in. Gives what the server said on the way, one step a line.
pub async fn send(server: &SmtpServer, mail: &Mail) -> Result<Vec<String>, MailError> {
    let message = write(mail)?;
    install_crypto();
    let mut way = Way { server, name: ClientId::default(), steps: Vec::new() };
    let mut connection = way.connect().await?;
    if server.security == Security::StartTls {
        way.encrypt(&mut connection).await?;
    }
    if let Some(login) = &server.login {
        way.log_in(&mut connection, login).await?;
    }
    way.hand_in(&mut connection, &message).await?;
    // The message is the server's by now.
    let _ = tokio::time::timeout(server.socket_timeout, connection.quit()).await;
    Ok(way.steps)
}

/// An address with or without a name: `me@example.com`, `Me <me@example.com>`.
pub fn address(text: &str) -> Option<Mailbox> {
    text.trim().parse().ok()
}

fn write(mail: &Mail) -> Result<Message, MailError> {
    // A line break would begin another header.
    let subject: Vec<&str> = mail.subject.split(['\r', '\n']).filter(|part| !part.is_empty()).collect();
    let mut builder = Message::builder().from(mail.from.clone()).subject(subject.join(" ")).message_id(None);
    for to in &mail.to {
        builder = builder.to(to.clone());
    }
    for cc in &mail.cc {
        builder = builder.cc(cc.clone());
    }
    for bcc in &mail.bcc {
        builder = builder.bcc(bcc.clone());
    }
    let kind = if mail.format == Format::Html { ContentType::TEXT_HTML } else { ContentType::TEXT_PLAIN };
    let text = SinglePart::builder().header(kind).body(mail.body.clone());
    let built = if mail.attachments.is_empty() {
        builder.singlepart(text)
    } else {
        let mut parts = MultiPart::mixed().singlepart(text);
        for attachment in &mail.attachments {
            parts = parts.singlepart(part(attachment)?);
        }
        builder.multipart(parts)
    };
    built.map_err(|error| match error {
        lettre::error::Error::MissingTo => MailError::Message("the mail goes to nobody".to_owned()),
        error => MailError::Message(format!("the mail cannot be written: {error}")),
    })
}

fn part(attachment: &Attachment) -> Result<SinglePart, MailError> {
    let Attachment { name, content_type, bytes } = attachment;
    let kind = ContentType::parse(content_type)
        .map_err(|_| MailError::Message(format!("`{content_type}` of `{name}` is not a type of content")))?;
    Ok(Part::new(name.clone()).body(bytes.clone(), kind))
}

/// The way to a server, step by step.
struct Way<'a> {
    server: &'a SmtpServer,
    name: ClientId,
    steps: Vec<String>,
}

impl Way<'_> {
    async fn connect(&mut self) -> Result<AsyncSmtpConnection, MailError> {
        let SmtpServer { host, port, connect_timeout, socket_timeout, .. } = self.server;
        let tls = if self.server.security == Security::Tls { Some(self.tls()?) } else { None };
        let connecting = AsyncSmtpConnection::connect_tokio1(
            (host.as_str(), *port),
            Some(*connect_timeout),
            &self.name,
            tls,
            None,
        );
        let connection = self
            .within(connect_timeout.saturating_add(*socket_timeout), "the connection", connecting)
            .await?;
        self.steps.push(format!("connected to `{}`: {}", self.place(), connection.server_info()));
        Ok(connection)
    }

    async fn encrypt(&mut self, connection: &mut AsyncSmtpConnection) -> Result<(), MailError> {
        if !connection.can_starttls() {
            return Err(MailError::NoStartTls(self.place()));
        }
        let starting = connection.starttls(self.tls()?, &self.name);
        self.within(self.server.socket_timeout, "TLS", starting).await?;
        self.steps.push("STARTTLS: the connection is encrypted".to_owned());
        Ok(())
    }

    async fn log_in(&mut self, connection: &mut AsyncSmtpConnection, login: &Login) -> Result<(), MailError> {
        let credentials = Credentials::new(login.username.clone(), login.password.expose().to_owned());
        let asking = connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials);
        let response = self.within(self.server.socket_timeout, "the login", asking).await?;
        self.steps.push(format!("AUTH: {}", shown(&response)));
        Ok(())
    }

    async fn hand_in(
        &mut self,
        connection: &mut AsyncSmtpConnection,
        message: &Message,
    ) -> Result<(), MailError> {
        // The client ends the text with a line break of its own, beside that of the part and that of the body.
        let whole = message.formatted();
        let without_one = whole.strip_suffix(b"\r\n").unwrap_or(&whole);
        let bytes = without_one.strip_suffix(b"\r\n").unwrap_or(without_one);
        let slow = Duration::from_secs(bytes.len() as u64 / SLOWEST);
        let limit = self.server.socket_timeout.saturating_add(slow);
        let sending = connection.send(message.envelope(), bytes);
        let response = self.within(limit, "the mail", sending).await?;
        self.steps.push(format!("DATA: {}", shown(&response)));
        Ok(())
    }

    fn place(&self) -> String {
        format!("{}:{}", self.server.host, self.server.port)
    }

    fn tls(&self) -> Result<TlsParameters, MailError> {
        TlsParameters::new(self.server.host.clone()).map_err(|error| self.failed("TLS", &error))
    }

    async fn within<T>(
        &self,
        limit: Duration,
        what: &'static str,
        step: impl Future<Output = Result<T, SmtpError>>,
    ) -> Result<T, MailError> {
        match tokio::time::timeout(limit, step).await {
            Ok(ended) => ended.map_err(|error| self.failed(what, &error)),
            Err(_) => {
                let reason = format!("no answer within {} s", limit.as_secs());
                Err(MailError::Unreachable { server: self.place(), reason })
            }
        }
    }

    fn failed(&self, what: &'static str, error: &SmtpError) -> MailError {
        let (server, root) = (self.place(), root_cause(error));
        if let Some(rustls::Error::InvalidCertificate(_)) = root.downcast_ref() {
            return MailError::Certificate { server, reason: root.to_string() };
        }
        let reason = excerpt(&root.to_string());
        match error.status() {
            Some(code) => MailError::Refused { server, what, answer: format!("{code} {reason}") },
            None if error.is_client() => MailError::Refused { server, what, answer: reason },
            None => MailError::Unreachable { server, reason },
        }
    }
}

fn shown(response: &Response) -> String {
    format!("{} {}", response.code(), response.message().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> Mail {
        let me = || address("Mé <me@example.com>").expect("an address");
        Mail {
            from: me(),
            to: vec![address("you@example.com").expect("an address")],
            cc: Vec::new(),
            bcc: vec![address("them@example.com").expect("an address")],
            subject: "done: 日本\r\nBcc: other@example.com".to_owned(),
            body: "first\n.\nlast".to_owned(),
            format: Format::Text,
            attachments: Vec::new(),
        }
    }

    #[test]
    fn a_message_is_one_message() {
        let message = write(&mail()).expect("a message");
        let text = String::from_utf8(message.formatted()).expect("text");
        assert_eq!(message.envelope().to().len(), 2);
        assert!(!text.contains("them@") && !text.lines().any(|line| line.starts_with("Bcc")), "{text}");
        assert!(text.ends_with("\r\n\r\nfirst\r\n.\r\nlast\r\n"), "{text}");
    }

    #[test]
    fn what_cannot_be_written_is_named() {
        let message = |mail: &Mail| write(mail).expect_err("an error").to_string();
        let nobody = Mail { to: Vec::new(), bcc: Vec::new(), ..mail() };
        assert_eq!(message(&nobody), "the mail goes to nobody");
        let attachment =
            Attachment { name: "a.csv".to_owned(), content_type: "csv".to_owned(), bytes: Vec::new() };
        let odd = Mail { attachments: vec![attachment], ..mail() };
        assert_eq!(message(&odd), "`csv` of `a.csv` is not a type of content");
    }

    #[test]
    fn addresses_may_have_names() {
        for text in ["a@b", " a.b+c@example.com ", "A B <a@b.c>", "\"B, A\" <a@b.c>", "名前 <a@b.c>"] {
            assert!(address(text).is_some(), "{text}");
        }
        for text in ["", "a", "a@b, c@d", "[\"a@b\"]", "a@b\r\nBcc: c@d"] {
            assert!(address(text).is_none(), "{text}");
        }
    }
}
