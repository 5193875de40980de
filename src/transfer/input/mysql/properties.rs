//! `options:` of the config: properties of Embulk's driver, as far as they mean something here.
//!
//! What would change rows is followed or refused ([`super::refused`]); what only tunes the driver is let go; the rest is
//! named in the log.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, SubjectPublicKeyInfoDer};

use super::columns::{TinyInt1, YearAs};
use super::decode::ZeroDates;
use super::refused::{self, Verdict};
use super::zone;
use crate::cloud::mysql::ServerKey;
use crate::embulk::input::{DatabaseAuth, DatetimeCode, MysqlInput, SslMode};
use crate::embulk::output::MysqlOutput;
use crate::embulk::text::Text;
use crate::secret::Secret;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::property::{self, Encryption, bad, flag};

/// Properties that tune the driver and change no row.
const NEUTRAL: [&str; 27] = [
    "allowLoadLocalInfile",
    "allowMultiQueries",
    "autoReconnect",
    "cachePrepStmts",
    "cacheServerConfiguration",
    "characterEncoding",
    "characterSetResults",
    "connectionAttributes",
    "connectionCollation",
    "defaultFetchSize",
    "elideSetAutoCommits",
    "failOverReadOnly",
    "interactiveClient",
    "maxReconnects",
    "netTimeoutForStreamingResults",
    "noAccessToProcedureBodies",
    "prepStmtCacheSize",
    "prepStmtCacheSqlLimit",
    "rewriteBatchedStatements",
    "tcpKeepAlive",
    "tcpNoDelay",
    "transformedBitIsBoolean",
    "useCompression",
    "useCursorFetch",
    "useLocalSessionState",
    "useServerPrepStmts",
    "useUnicode",
];

/// Where a server is and who asks, as an input or an output has it.
#[derive(Debug, Clone, Copy)]
pub(in crate::transfer) struct Access<'c> {
    pub(super) host: &'c Text,
    pub(super) port: u16,
    user: &'c Text,
    password: &'c Secret,
    pub(super) auth: &'c DatabaseAuth,
    pub(super) database: &'c Text,
    ssl: SslMode,
    connect_timeout: Duration,
    socket_timeout: Duration,
    datetime_code: DatetimeCode,
    options: &'c BTreeMap<String, Text>,
}

impl<'c> From<&'c MysqlInput> for Access<'c> {
    fn from(config: &'c MysqlInput) -> Self {
        Self {
            host: &config.host,
            port: config.port,
            user: &config.user,
            password: &config.password,
            auth: &config.auth,
            database: &config.database,
            ssl: config.ssl,
            connect_timeout: config.connect_timeout,
            socket_timeout: config.socket_timeout,
            datetime_code: config.datetime_code,
            options: &config.options,
        }
    }
}

impl<'c> From<&'c MysqlOutput> for Access<'c> {
    fn from(config: &'c MysqlOutput) -> Self {
        Self {
            host: &config.host,
            port: config.port,
            user: &config.user,
            password: &config.password,
            auth: &DatabaseAuth::Password,
            database: &config.database,
            ssl: config.ssl,
            connect_timeout: config.connect_timeout,
            socket_timeout: config.socket_timeout,
            datetime_code: DatetimeCode::ServerZone,
            options: &config.options,
        }
    }
}

/// What the properties say; where they are silent, what the config says.
#[derive(Debug, Clone)]
pub(in crate::transfer) struct Properties {
    pub(super) connect_timeout: Duration,
    pub(super) socket_timeout: Duration,
    pub(super) encryption: Encryption,
    /// Certificates in PEM that are trusted besides the usual ones.
    pub(super) authority: Option<PathBuf>,
    /// A certificate of one's own and its key, in PEM.
    pub(super) own: (Option<PathBuf>, Option<PathBuf>),
    pub(super) key: ServerKey,
    pub(super) user: Text,
    pub(super) password: Secret,
    pub(super) server_zone: Option<ZoneName>,
    pub(super) datetime_code: DatetimeCode,
    pub(super) tiny_int: TinyInt1,
    pub(super) year: YearAs,
    pub(super) zero_dates: ZeroDates,
    pub(super) session_variables: Option<Text>,
    /// Names that mean nothing here.
    pub(in crate::transfer) ignored: Vec<String>,
}

/// What the config says about the zone of the server.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ZoneName {
    /// This one.
    Named(TimeZone),
    /// That of the process (`connectionTimeZone: LOCAL`).
    Process,
}

/// What the three older properties say about TLS.
struct Tls {
    used: bool,
    required: bool,
    verified: bool,
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
            key: ServerKey::Asked,
            user: config.user.clone(),
            password: config.password.clone(),
            server_zone: None,
            datetime_code: config.datetime_code,
            tiny_int: TinyInt1::Boolean,
            year: YearAs::Date,
            zero_dates: ZeroDates::Null,
            session_variables: None,
            ignored: Vec::new(),
        };
        for (name, value) in config.options {
            properties.set(name, value)?;
        }
        properties.encryption = properties.tls(config)?;
        if properties.own.0.is_some() != properties.own.1.is_some() {
            let message = "`sslCert` and `sslKey` in `options` belong together";
            return Err(TransferError::new(ErrorKind::Config, message));
        }
        Ok(properties)
    }

    fn set(&mut self, name: &str, value: &Text) -> Result<(), TransferError> {
        match name {
            "connectTimeout" => self.connect_timeout = millis(name, value)?,
            "socketTimeout" => self.socket_timeout = millis(name, value)?,
            "user" => self.user = value.clone(),
            "password" => self.password = value.clone().into_secret(),
            "sessionVariables" => self.session_variables = Some(value.clone()),
            "serverTimezone" | "connectionTimeZone" => self.server_zone = server_zone(name, value)?,
            "useLegacyDatetimeCode" => {
                self.datetime_code =
                    if flag(name, value)? { DatetimeCode::ProcessZone } else { DatetimeCode::ServerZone };
            }
            "tinyInt1isBit" => {
                self.tiny_int = if flag(name, value)? { TinyInt1::Boolean } else { TinyInt1::Number };
            }
            "yearIsDateType" => self.year = if flag(name, value)? { YearAs::Date } else { YearAs::Number },
            "zeroDateTimeBehavior" => self.zero_dates = zero_dates(name, value)?,
            "allowPublicKeyRetrieval" if self.key == ServerKey::Asked && !flag(name, value)? => {
                self.key = ServerKey::Refused;
            }
            "allowPublicKeyRetrieval" => {}
            "serverRSAPublicKeyFile" => {
                self.key = ServerKey::File(pem::<SubjectPublicKeyInfoDer<'_>>(name, value, "a public key")?);
            }
            "serverSslCert" => {
                self.authority = Some(pem::<CertificateDer<'_>>(name, value, "a certificate")?);
            }
            "sslCert" => self.own.0 = Some(pem::<CertificateDer<'_>>(name, value, "a certificate")?),
            "sslKey" => self.own.1 = Some(pem::<PrivateKeyDer<'_>>(name, value, "a private key")?),
            // Read together.
            "sslMode" | "useSSL" | "requireSSL" | "verifyServerCertificate" => {}
            _ if NEUTRAL.contains(&name) => {}
            _ => {
                if refused::check(name, value)? == Verdict::Unknown {
                    self.ignored.push(name.to_owned());
                }
            }
        }
        Ok(())
    }

    /// `sslMode` has the last word; the older properties change one side each of what `ssl` says.
    fn tls(&self, config: &Access<'_>) -> Result<Encryption, TransferError> {
        if let Some(value) = config.options.get("sslMode") {
            return mode("sslMode", value);
        }
        let mut tls = match self.encryption {
            Encryption::Off => Tls { used: false, required: false, verified: false },
            Encryption::Any => Tls { used: true, required: true, verified: false },
            _ => Tls { used: true, required: true, verified: true },
        };
        let said = |name: &str, side: &mut bool| match config.options.get(name) {
            Some(value) => flag(name, value).map(|value| *side = value),
            None => Ok(()),
        };
        said("useSSL", &mut tls.used)?;
        said("requireSSL", &mut tls.required)?;
        said("verifyServerCertificate", &mut tls.verified)?;
        Ok(match tls {
            Tls { used: false, .. } => Encryption::Off,
            Tls { verified: true, .. } => Encryption::Host,
            Tls { required: true, .. } => Encryption::Any,
            Tls { .. } => Encryption::IfOffered,
        })
    }
}

fn millis(name: &str, value: &Text) -> Result<Duration, TransferError> {
    property::number(name, value, "a number of milliseconds").map(Duration::from_millis)
}

/// The words of Connector/J 8.
fn mode(name: &str, value: &Text) -> Result<Encryption, TransferError> {
    match value.expose().to_ascii_uppercase().as_str() {
        "DISABLED" => Ok(Encryption::Off),
        "PREFERRED" => Ok(Encryption::IfOffered),
        "REQUIRED" => Ok(Encryption::Any),
        "VERIFY_CA" => Ok(Encryption::Authority),
        "VERIFY_IDENTITY" => Ok(Encryption::Host),
        _ => Err(bad(name, "DISABLED, PREFERRED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY")),
    }
}

/// `SERVER` is as good as nothing.
fn server_zone(name: &str, value: &Text) -> Result<Option<ZoneName>, TransferError> {
    match value.expose() {
        "SERVER" if name == "connectionTimeZone" => Ok(None),
        "LOCAL" if name == "connectionTimeZone" => Ok(Some(ZoneName::Process)),
        text => match zone::named(text) {
            Some(zone) => Ok(Some(ZoneName::Named(zone))),
            None => Err(bad(name, "a time zone")),
        },
    }
}

/// A file that holds such a thing: the driver itself would fail on it late, and without its name.
fn pem<T: PemObject>(name: &str, value: &Text, what: &str) -> Result<PathBuf, TransferError> {
    let path = PathBuf::from(value.expose());
    match T::from_pem_file(&path) {
        Ok(_) => Ok(path),
        Err(error) => Err(bad(name, &format!("a file with {what} in PEM")).cause(error.to_string())),
    }
}

fn zero_dates(name: &str, value: &Text) -> Result<ZeroDates, TransferError> {
    match value.expose().to_ascii_lowercase().as_str() {
        "converttonull" | "convert_to_null" => Ok(ZeroDates::Null),
        "exception" => Ok(ZeroDates::Refuse),
        "round" => Ok(ZeroDates::Round),
        _ => Err(bad(name, "convertToNull, exception or round")),
    }
}
