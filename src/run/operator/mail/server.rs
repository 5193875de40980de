//! Through which server a mail goes: the task's, else the one of the properties. Never a mix of both, so that the
//! password of one is not told to the other.

use std::time::Duration;

use serde_json::Value;

use super::super::options::Options;
use super::super::{OperatorError, OperatorRequest};
use crate::cloud::mail::{Login, Security, SmtpServer};
use crate::dig::params::{self, ParamError};
use crate::secret::Secret;
use crate::session::Level;

/// What the properties say of mail (`config.mail.*`).
#[derive(Debug, Clone, Default)]
pub struct MailDefaults {
    /// The server of tasks that name none.
    pub server: Option<SmtpServer>,
    /// Whether what it says is logged.
    pub debug: bool,
    pub from: Option<String>,
    pub subject: Option<String>,
}

/// A server, and whether what it says is logged.
pub(super) struct Outgoing {
    pub(super) server: SmtpServer,
    pub(super) debug: bool,
}

impl Outgoing {
    /// The secret or option `host` decides. Where both are, the secret goes before the option.
    pub(super) fn choose(
        request: &OperatorRequest<'_>,
        options: &Options<'_>,
    ) -> Result<Self, OperatorError> {
        if options.get("password").is_some() {
            let text = "`password` is not read from the parameters: set the secret `mail.password`";
            request.reporter.log(Level::Warn, text);
        }
        let defaults = &request.services.mail;
        let outgoing = match (options.secret_or_text("host")?, &defaults.server) {
            (Some(host), _) => Self { server: own(options, host)?, debug: options.flag("debug", false)? },
            (None, Some(server)) => Self { server: server.clone(), debug: defaults.debug },
            (None, None) => {
                return Err(OperatorError::failed("Missing SMTP configuration")
                    .hint("write `host` and `port`, or `config.mail.host` into the properties"));
            }
        };
        if outgoing.server.security == Security::Plain && outgoing.server.login.is_some() {
            request.reporter.log(Level::Warn, "the password goes over the network in clear text");
        }
        Ok(outgoing)
    }
}

fn own(options: &Options<'_>, host: String) -> Result<SmtpServer, OperatorError> {
    let port = options.secret_or_text("port")?.ok_or_else(|| ParamError::Missing("port".to_owned()))?;
    let port = params::to_integer("port", &Value::String(port))?;
    let port =
        u16::try_from(port).map_err(|_| OperatorError::config("`port` must be a number from 0 to 65535"))?;
    let flag = |key: &str, default: bool| -> Result<bool, OperatorError> {
        match options.secret(key)? {
            Some(secret) => Ok(params::to_bool(key, &Value::String(secret))?),
            None => options.flag(key, default),
        }
    };
    let login = match options.secret_or_text("username")? {
        Some(username) => {
            let password = Secret::new(options.secret("password")?.unwrap_or_default());
            Some(Login { username, password })
        }
        None => None,
    };
    let duration = |key: &str, default: u64| match options.get(key) {
        Some(value) => params::to_duration(key, value),
        None => Ok(Duration::from_secs(default)),
    };
    Ok(SmtpServer {
        host,
        port,
        security: Security::of(flag("tls", true)?, flag("ssl", false)?),
        login,
        connect_timeout: duration("connect_timeout", 60)?,
        socket_timeout: duration("socket_timeout", 180)?,
    })
}
