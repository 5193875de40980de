//! `mail>`: one message by SMTP. [`server`] says through whom.

mod server;
#[cfg(test)]
mod tests;

use std::path::Path;

use serde_json::Value;

pub use self::server::MailDefaults;
use self::server::Outgoing;
use super::options::{self, Options};
use super::secret_text::expand;
use super::{Operator, OperatorError, OperatorOutput, OperatorRequest, Turn, resolve_inside};
use crate::cloud::mail::{self, Attachment, Format, MailError, Mailbox};
use crate::dig::params::{self, ParamError};
use crate::run::interrupt::block_on;
use crate::session::Level;

/// `mail>`.
#[derive(Debug)]
pub(super) struct Mail;

impl Operator for Mail {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        let options = Options::new(request, "mail");
        let message = message(request, &options)?;
        let outgoing = Outgoing::choose(request, &options)?;
        let recipients = message.to.len() + message.cc.len() + message.bcc.len();
        let place = format!("`{}:{}`", outgoing.server.host, outgoing.server.port);
        request.reporter.log(Level::Debug, &format!("sends a mail to {recipients} through {place}"));
        let sent = block_on(mail::send(&outgoing.server, &message), &request.cancel)?;
        let steps = sent.map_err(failure)?;
        if outgoing.debug {
            steps.iter().for_each(|step| request.reporter.log(Level::Info, step));
        }
        Ok(OperatorOutput::default().into())
    }
}

/// The message; what it says is free of secrets, as what tasks print.
fn message(request: &OperatorRequest<'_>, options: &Options<'_>) -> Result<mail::Mail, OperatorError> {
    let body = options::template_text(request, "body")?.evaluated(request)?;
    let defaults = &request.services.mail;
    let missing = |key: &str| OperatorError::from(ParamError::Missing(key.to_owned()));
    let subject = match options.get("subject") {
        Some(subject) => Some(params::to_text("subject", subject)?),
        None => defaults.subject.clone(),
    };
    let from = options.text("from")?.or_else(|| defaults.from.clone());
    let guard = request.services.guard.as_ref();
    Ok(mail::Mail {
        from: address("from", &from.ok_or_else(|| missing("from"))?)?,
        to: match options.get("to").ok_or_else(|| missing("to"))? {
            Value::Array(_) => addresses(request, options, "to")?,
            one => vec![address("to", &expand(&params::to_text("to", one)?, request)?)?],
        },
        cc: addresses(request, options, "cc")?,
        bcc: addresses(request, options, "bcc")?,
        subject: guard.scrub(&subject.ok_or_else(|| missing("subject"))?),
        body: guard.scrub(&body),
        format: if options.flag("html", false)? { Format::Html } else { Format::Text },
        attachments: attachments(request, options)?,
    })
}

/// A list of addresses; absent, none.
fn addresses(
    request: &OperatorRequest<'_>,
    options: &Options<'_>,
    key: &str,
) -> Result<Vec<Mailbox>, OperatorError> {
    let items = match options.get(key) {
        None => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(OperatorError::config(format!("`{key}` must be a list of addresses"))),
    };
    items.iter().map(|item| address(key, &expand(&params::to_text(key, item)?, request)?)).collect()
}

fn address(key: &str, text: &str) -> Result<Mailbox, OperatorError> {
    mail::address(text).ok_or_else(|| {
        let wrong = OperatorError::config(format!("`{key}`: `{text}` is not a mail address"));
        let is_several = text.contains(',') || text.trim_start().starts_with('[');
        if is_several {
            wrong.hint("several addresses are a list: `[a@example.com, b@example.com]`")
        } else {
            wrong
        }
    })
}

fn attachments(
    request: &OperatorRequest<'_>,
    options: &Options<'_>,
) -> Result<Vec<Attachment>, OperatorError> {
    let wrong = || OperatorError::config("`attach_files` must be a list of maps with `path`");
    match options.get("attach_files") {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => {
            items.iter().map(|item| attachment(request, item.as_object().ok_or_else(wrong)?)).collect()
        }
        Some(_) => Err(wrong()),
    }
}

fn attachment(
    request: &OperatorRequest<'_>,
    written: &crate::session::Params,
) -> Result<Attachment, OperatorError> {
    let text = |key: &str| match written.get(key).filter(|value| !value.is_null()) {
        Some(value) => params::to_text(key, value).map(Some),
        None => Ok(None),
    };
    let path = text("path")?.ok_or_else(|| ParamError::Missing("path".to_owned()))?;
    let file = resolve_inside(&request.services.project, &request.directory, &path)?;
    let bytes = std::fs::read(&file)
        .map_err(|error| OperatorError::failed(format!("file `{path}` cannot be read")).cause(&error))?;
    let base = || Path::new(&path).file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(Attachment {
        name: text("filename")?.or_else(base).unwrap_or_else(|| path.clone()),
        content_type: text("content_type")?.unwrap_or_else(|| "application/octet-stream".to_owned()),
        bytes,
    })
}

fn failure(error: MailError) -> OperatorError {
    let message = error.to_string();
    match error {
        MailError::Message(_) => OperatorError::config(message),
        MailError::Unreachable { .. } => {
            OperatorError::unreachable(message).hint("check host, port and network, then retry")
        }
        MailError::NoStartTls(_) => OperatorError::failed(message)
            .hint("`ssl: true` is for servers that speak TLS at once, `tls: false` for none at all"),
        MailError::Certificate { .. } => OperatorError::failed(message)
            .hint("the variable `SSL_CERT_FILE` names a file with the certificates to trust"),
        MailError::Refused { .. } => OperatorError::failed(message),
    }
}
