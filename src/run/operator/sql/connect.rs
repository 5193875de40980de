//! Where a database server is and how to get in: what `pg>` and `mysql>` read alike. A secret wins over a parameter.

use std::time::Duration;

use rustls::ClientConfig;
use serde_json::Value;

use crate::cloud::tls::{self, Identity};
use crate::dig::params;
use crate::run::operator::options::Options;
use crate::run::operator::{OperatorError, OperatorRequest};
use crate::secret::Secret;
use crate::session::Level;

/// As Digdag.
const CONNECT: Duration = Duration::from_secs(30);
/// As Digdag.
const SILENCE: Duration = Duration::from_secs(1800);

/// A server and a user.
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) password: Option<Secret>,
    pub(super) database: Option<String>,
    pub(super) tls: Tls,
    /// How long connecting may take; zero is without limit.
    pub(super) connect: Duration,
    /// How long the server may be silent; zero is without limit.
    pub(super) silence: Duration,
}

/// What `ssl` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tls {
    /// `false`: as it comes.
    Off,
    /// `true`: encrypted, and the server shows who it is.
    Verified,
    /// `no_verify`: encrypted, to whomever. It is what Digdag does for `true`.
    Unverified,
}

/// Where a password may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PasswordFrom {
    /// A secret alone, as in Digdag.
    Secret,
    /// A secret, else the option `password`.
    SecretOrOption,
}

impl Tls {
    /// How to encrypt. `ssl: true` verifies: the certificate must lead to an authority and name the host. Digdag's
    /// `ssl: true` accepts any certificate, which keeps out nobody who sits between; `ssl: no_verify` does the same
    /// here.
    pub(super) fn config(self) -> Result<ClientConfig, OperatorError> {
        let identity = match self {
            Self::Verified => Identity::Host,
            Self::Off | Self::Unverified => Identity::Any,
        };
        tls::config(identity, None, None).map_err(|missing| OperatorError {
            causes: missing.causes,
            ..OperatorError::config(missing.message).hint(missing.hint)
        })
    }
}

impl Server {
    /// Reads the options.
    pub(super) fn read(
        options: &Options<'_>,
        request: &OperatorRequest<'_>,
        default_port: u16,
        from: PasswordFrom,
    ) -> Result<Self, OperatorError> {
        let operator = &request.operator;
        let limit = |key: &str, default: Duration| {
            Ok::<_, OperatorError>(duration(key, options.secret_or_text(key)?)?.unwrap_or(default))
        };
        Ok(Self {
            host: options.secret_or_text("host")?.ok_or_else(|| missing(operator, options, "host"))?,
            user: options.secret_or_text("user")?.ok_or_else(|| missing(operator, options, "user"))?,
            port: port(options)?.unwrap_or(default_port),
            password: password(options, request, from)?,
            database: options.secret_or_text("database")?,
            tls: tls(options)?,
            connect: limit("connect_timeout", CONNECT)?,
            silence: limit("socket_timeout", SILENCE)?,
        })
    }

    /// For messages.
    pub(super) fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// An option that must be there and is not.
pub(super) fn missing(operator: &str, options: &Options<'_>, key: &str) -> OperatorError {
    let (map, secret) = (options.map(), options.secret_name(key));
    OperatorError::config(format!("`{key}` of `{operator}>` is not set"))
        .hint(format!("set it in `_export: {{{map}: {{{key}: ...}}}}`, or the secret `{secret}`"))
}

fn port(options: &Options<'_>) -> Result<Option<u16>, OperatorError> {
    let Some(text) = options.secret_or_text("port")? else { return Ok(None) };
    let port = params::to_integer("port", &Value::String(text))?;
    let wrong = |_| OperatorError::config(format!("`port` must be between 0 and 65535, but is {port}"));
    u16::try_from(port).map(Some).map_err(wrong)
}

/// With `password_override` another secret of the same group, which must exist.
fn password(
    options: &Options<'_>,
    request: &OperatorRequest<'_>,
    from: PasswordFrom,
) -> Result<Option<Secret>, OperatorError> {
    let operator = &request.operator;
    if let Some(key) = options.text("password_override")? {
        let found = options.secret(&key)?;
        return found.map(|found| Some(Secret::new(found))).ok_or_else(|| {
            OperatorError::config(format!("Secret not found for key: '{}'", options.secret_name(&key)))
                .hint("`password_override` names the secret that holds the password")
        });
    }
    if from == PasswordFrom::SecretOrOption {
        return Ok(options.secret_or_text("password")?.map(Secret::new));
    }
    let secret = options.secret("password")?;
    if secret.is_none() && options.get("password").is_some() {
        let secret = options.secret_name("password");
        let text = format!("`password` is not read: `{operator}>` takes it from the secret `{secret}`");
        request.reporter.log(Level::Warn, &text);
    }
    Ok(secret.map(Secret::new))
}

fn tls(options: &Options<'_>) -> Result<Tls, OperatorError> {
    match options.secret_or_text("ssl")?.as_deref() {
        None => Ok(Tls::Off),
        Some("no_verify") => Ok(Tls::Unverified),
        Some(text) => match params::to_bool("ssl", &Value::String(text.to_owned())) {
            Ok(true) => Ok(Tls::Verified),
            Ok(false) => Ok(Tls::Off),
            Err(_) => Err(OperatorError::config("`ssl` must be `true`, `false` or `no_verify`")),
        },
    }
}

/// A duration option.
pub(super) fn duration(key: &str, text: Option<String>) -> Result<Option<Duration>, OperatorError> {
    let parsed = text.map(|text| params::to_duration(key, &Value::String(text)));
    Ok(parsed.transpose()?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::run::operator::testing::Bench;
    use crate::run::operator::{Operator, OperatorOutput, Turn};

    /// Reads a server as an operator `pg>` would.
    struct Probe;

    impl Operator for Probe {
        fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
            let options = Options::new(request, "pg");
            let server = Server::read(&options, request, 5432, PasswordFrom::Secret)?;
            let Server { user, password, database, tls, connect, silence, .. } = &server;
            let password = password.as_ref().map(Secret::expose);
            let said = format!(
                "{user}:{password:?}@{}/{database:?} {tls:?} {connect:?} {silence:?}",
                server.address()
            );
            request.reporter.log(Level::Info, &said);
            Ok(OperatorOutput::default().into())
        }
    }

    fn read(bench: &Bench, exported: Value, mut local: Value) -> Result<String, String> {
        local["pg>"] = json!({"data": "select 1"});
        bench.run(&Probe, exported, local).map_err(|error| error.message)?;
        Ok(bench.log())
    }

    #[test]
    fn secrets_win_and_the_password_is_one() {
        let pg = json!({"pg": {"host": "h", "user": "u", "password": "written", "ssl": true}});
        assert_eq!(
            read(&Bench::new(), pg.clone(), json!({"database": "d", "connect_timeout": "5s"})),
            Ok("Warn: `password` is not read: `pg>` takes it from the secret `pg.password`\n\
                Info: u:None@h:5432/Some(\"d\") Verified 5s 1800s\n"
                .to_owned())
        );
        let secret =
            Bench::new().secret("pg.host", "safe").secret("pg.port", "7777").secret("pg.ssl", "no_verify");
        let secret = secret.secret("pg.password", "hunter2").secret("pg.socket_timeout", "61s");
        // The bench scrubs the secrets that were read, the duration among them.
        assert_eq!(
            read(&secret, pg.clone(), json!({"port": 8})),
            Ok("Info: u:Some(\"***\")@***:***/None Unverified 30s ***\n".to_owned())
        );
        let other = Bench::new().secret("pg.password", "hunter2").secret("pg.other", "hunter3");
        let overridden = read(&other, pg.clone(), json!({"password_override": "other", "ssl": "no_verify"}));
        assert_eq!(overridden, Ok("Info: u:Some(\"***\")@h:5432/None Unverified 30s 1800s\n".to_owned()));
        assert_eq!(
            read(&other, pg, json!({"password_override": "none"})),
            Err("Secret not found for key: 'pg.none'".to_owned())
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let bench = Bench::new();
        let wrong = |local: Value| read(&bench, json!({}), local).expect_err("an error");
        assert_eq!(wrong(json!({})), "`host` of `pg>` is not set");
        assert_eq!(wrong(json!({"host": "h"})), "`user` of `pg>` is not set");
        let with = |key: &str, value: Value| {
            let mut local = json!({"host": "h", "user": "u"});
            local[key] = value;
            wrong(local)
        };
        assert_eq!(with("port", json!(70000)), "`port` must be between 0 and 65535, but is 70000");
        assert_eq!(with("ssl", json!("yes")), "`ssl` must be `true`, `false` or `no_verify`");
        assert_eq!(
            with("socket_timeout", json!("soon")),
            "Expected a duration such as `10m` or `1h 30m` for key 'socket_timeout' but got \"soon\" (string)"
        );
    }
}
