//! `options:` of the config: properties of Embulk's driver, as far as they mean something here.
//!
//! What decides about the connection is followed or refused; what only tunes the driver is let go; the rest is named
//! in the log.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::embulk::input::{DatabaseAuth, PostgresqlInput, SslMode};
use crate::embulk::output::{PostgresqlOutput, RedshiftOutput};
use crate::embulk::text::Text;
use crate::secret::Secret;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::property::{Encryption, bad, flag, number, refused};

/// Properties that tune the driver and change no row.
const NEUTRAL: [&str; 21] = [
    "allowEncodingChanges",
    "assumeMinServerVersion",
    "binaryTransfer",
    "binaryTransferDisable",
    "binaryTransferEnable",
    "charSet",
    "compatible",
    "defaultRowFetchSize",
    "disableColumnSanitiser",
    "logUnclosedConnections",
    "loglevel",
    "prepareThreshold",
    "preparedStatementCacheQueries",
    "preparedStatementCacheSizeMiB",
    "protocolVersion",
    "readOnly",
    "receiveBufferSize",
    "sendBufferSize",
    "stringtype",
    "tcpKeepAlive",
    "unknownLength",
];

const OWN_FACTORIES: [&str; 2] = ["LibPQFactory", "DefaultJavaSSLFactory"];

const JAVA: &str = "names a class of Java";

/// Which server speaks the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::transfer) enum Server {
    Postgresql,
    Redshift,
}

impl Server {
    /// Its name in messages.
    pub(in crate::transfer) fn name(self) -> &'static str {
        match self {
            Self::Postgresql => "PostgreSQL",
            Self::Redshift => "Redshift",
        }
    }

    /// How Embulk's output calls itself there.
    fn application(self) -> &'static str {
        match self {
            Self::Postgresql => "embulk-output-postgresql",
            Self::Redshift => "embulk-output-redshift",
        }
    }
}

/// Where a server is and who asks, as an input or an output has it.
#[derive(Debug, Clone, Copy)]
pub(in crate::transfer) struct Access<'c> {
    pub(in crate::transfer) server: Server,
    pub(in crate::transfer) host: &'c Text,
    pub(in crate::transfer) port: u16,
    pub(in crate::transfer) database: &'c Text,
    user: &'c Text,
    password: &'c Secret,
    pub(super) auth: &'c DatabaseAuth,
    schema: &'c Text,
    ssl: SslMode,
    /// None: Embulk's name for its output.
    application_name: Option<&'c Text>,
    pub(super) statement_timeout: Option<Duration>,
    connect_timeout: Duration,
    socket_timeout: Duration,
    options: &'c BTreeMap<String, Text>,
}

impl<'c> From<&'c PostgresqlInput> for Access<'c> {
    fn from(config: &'c PostgresqlInput) -> Self {
        Self {
            server: Server::Postgresql,
            host: &config.host,
            port: config.port,
            database: &config.database,
            user: &config.user,
            password: &config.password,
            auth: &config.auth,
            schema: &config.schema,
            ssl: config.ssl,
            application_name: Some(&config.application_name),
            statement_timeout: config.statement_timeout,
            connect_timeout: config.connect_timeout,
            socket_timeout: config.socket_timeout,
            options: &config.options,
        }
    }
}

impl<'c> From<&'c PostgresqlOutput> for Access<'c> {
    fn from(config: &'c PostgresqlOutput) -> Self {
        Self {
            server: Server::Postgresql,
            host: &config.host,
            port: config.port,
            database: &config.database,
            user: &config.user,
            password: &config.password,
            auth: &DatabaseAuth::Password,
            schema: &config.schema,
            ssl: config.ssl,
            application_name: None,
            statement_timeout: None,
            connect_timeout: config.connect_timeout,
            socket_timeout: config.socket_timeout,
            options: &config.options,
        }
    }
}

impl<'c> From<&'c RedshiftOutput> for Access<'c> {
    fn from(config: &'c RedshiftOutput) -> Self {
        Self {
            server: Server::Redshift,
            host: &config.host,
            port: config.port,
            database: &config.database,
            user: &config.user,
            password: &config.password,
            auth: &DatabaseAuth::Password,
            schema: &config.schema,
            ssl: config.ssl,
            application_name: None,
            statement_timeout: None,
            connect_timeout: config.connect_timeout,
            socket_timeout: config.socket_timeout,
            options: &config.options,
        }
    }
}

impl Access<'_> {
    /// Host and port, for messages.
    pub(in crate::transfer) fn address(&self) -> String {
        format!("{}:{}", self.host.shown(), self.port)
    }
}

/// What the properties say; where they are silent, what the config says.
#[derive(Debug, Clone)]
pub(in crate::transfer) struct Properties {
    pub(super) connect_timeout: Duration,
    pub(super) socket_timeout: Duration,
    pub(super) encryption: Encryption,
    /// Certificates in PEM that are trusted instead of the system's.
    pub(super) authority: Option<PathBuf>,
    /// A certificate of one's own and its key.
    pub(super) own: (Option<PathBuf>, Option<PathBuf>),
    /// Settings of the session, as on the command line of a server (`-c name=value`).
    pub(super) settings: Option<Text>,
    pub(super) user: Text,
    pub(super) password: Secret,
    pub(super) application_name: Text,
    pub(in crate::transfer) schema: Text,
    /// Names that mean nothing here.
    pub(in crate::transfer) ignored: Vec<String>,
}

impl Properties {
    /// Reads the properties of a config.
    pub(in crate::transfer) fn of(config: &Access<'_>) -> Result<Self, TransferError> {
        let mut properties = Self {
            connect_timeout: config.connect_timeout,
            socket_timeout: config.socket_timeout,
            encryption: config.ssl.into(),
            authority: None,
            own: (None, None),
            settings: None,
            user: config.user.clone(),
            password: config.password.clone(),
            application_name: config
                .application_name
                .map_or_else(|| Text::plain(config.server.application()), Text::clone),
            schema: config.schema.clone(),
            ignored: Vec::new(),
        };
        for (name, value) in config.options {
            properties.set(name, value)?;
        }
        if properties.own.0.is_some() != properties.own.1.is_some() {
            let message = "`sslcert` and `sslkey` in `options` belong together";
            return Err(TransferError::new(ErrorKind::Config, message));
        }
        Ok(properties)
    }

    /// The names come in the order of the alphabet, so `sslmode` has the last word about TLS.
    fn set(&mut self, name: &str, value: &Text) -> Result<(), TransferError> {
        match name {
            "connectTimeout" | "loginTimeout" => self.connect_timeout = seconds(name, value)?,
            "socketTimeout" => self.socket_timeout = seconds(name, value)?,
            "user" => self.user = value.clone(),
            "password" => self.password = value.clone().into_secret(),
            "ApplicationName" => self.application_name = value.clone(),
            "currentSchema" => self.schema = value.clone(),
            "ssl" if !flag(name, value)? => self.encryption = Encryption::Off,
            // The driver itself checks; that the plugin's own `ssl` does not is the plugin's choice.
            "ssl" => self.encryption = Encryption::Host,
            // The driver's own, that check as `sslmode` says.
            "sslfactory" if OWN_FACTORIES.iter().any(|own| value.expose().ends_with(own)) => {}
            "sslfactory" if value.expose().ends_with("NonValidatingFactory") => {
                if self.encryption != Encryption::Off {
                    self.encryption = Encryption::Any;
                }
            }
            "sslmode" => self.encryption = mode(name, value)?,
            "sslrootcert" => self.authority = Some(PathBuf::from(value.expose())),
            "sslfactory" => return Err(refused(name, JAVA, "name the authority with `sslrootcert`")),
            "sslcert" => self.own.0 = Some(PathBuf::from(value.expose())),
            "sslkey" => self.own.1 = Some(PathBuf::from(value.expose())),
            "sslpassword" | "sslpasswordcallback" => {
                return Err(refused(name, "opens an encrypted key", "give a key without a password"));
            }
            "sslhostnameverifier" => return Err(refused(name, JAVA, "set `sslmode`")),
            "socketFactory" => {
                return Err(refused(name, JAVA, "for a Unix socket write its folder as `host`"));
            }
            "authenticationPluginClassName" => return Err(refused(name, JAVA, "set `password`")),
            "targetServerType" if value.expose() != "any" => {
                return Err(refused(name, "chooses among servers", "name the one that is meant as `host`"));
            }
            "targetServerType" => {}
            "options" => self.settings = Some(value.clone()),
            _ if NEUTRAL.contains(&name) => {}
            _ => self.ignored.push(name.to_owned()),
        }
        Ok(())
    }
}

fn seconds(name: &str, value: &Text) -> Result<Duration, TransferError> {
    number(name, value, "a number of seconds").map(Duration::from_secs)
}

fn mode(name: &str, value: &Text) -> Result<Encryption, TransferError> {
    match value.expose() {
        "disable" | "allow" => Ok(Encryption::Off),
        "prefer" => Ok(Encryption::IfOffered),
        "require" => Ok(Encryption::Any),
        "verify-ca" => Ok(Encryption::Authority),
        "verify-full" => Ok(Encryption::Host),
        _ => Err(bad(name, "disable, allow, prefer, require, verify-ca or verify-full")),
    }
}
