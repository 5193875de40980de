//! `options:` of the config: properties of Embulk's driver, as far as they mean something here.
//!
//! What would change rows is followed or refused; what only tunes the driver is let go; the rest is named in the log.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::columns::TinyInt1;
use super::decode::ZeroDates;
use super::zone;
use crate::embulk::input::{DatetimeCode, MysqlInput, SslMode};
use crate::embulk::output::MysqlOutput;
use crate::embulk::text::Text;
use crate::secret::Secret;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::property::{self, bad, flag};

/// Properties that tune the driver and change no row.
const NEUTRAL: [&str; 18] = [
    "allowMultiQueries",
    "allowPublicKeyRetrieval",
    "autoReconnect",
    "cachePrepStmts",
    "characterEncoding",
    "characterSetResults",
    "connectionCollation",
    "defaultFetchSize",
    "maxReconnects",
    "rewriteBatchedStatements",
    "tcpKeepAlive",
    "tcpNoDelay",
    "useCompression",
    "useCursorFetch",
    "useLocalSessionState",
    "useServerPrepStmts",
    "useUnicode",
    "yearIsDateType",
];

/// Where a server is and who asks, as an input or an output has it.
#[derive(Debug, Clone, Copy)]
pub(in crate::transfer) struct Access<'c> {
    pub(in crate::transfer) host: &'c Text,
    pub(in crate::transfer) port: u16,
    pub(in crate::transfer) user: &'c Text,
    pub(in crate::transfer) password: &'c Secret,
    pub(in crate::transfer) database: &'c Text,
    pub(in crate::transfer) ssl: SslMode,
    pub(in crate::transfer) connect_timeout: Duration,
    pub(in crate::transfer) socket_timeout: Duration,
    pub(in crate::transfer) datetime_code: DatetimeCode,
    pub(in crate::transfer) options: &'c BTreeMap<String, Text>,
}

impl<'c> From<&'c MysqlInput> for Access<'c> {
    fn from(config: &'c MysqlInput) -> Self {
        Self {
            host: &config.host,
            port: config.port,
            user: &config.user,
            password: &config.password,
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
    pub(super) ssl: SslMode,
    /// Certificates in PEM that are trusted besides the usual ones.
    pub(super) authority: Option<PathBuf>,
    pub(super) server_zone: Option<TimeZone>,
    pub(super) datetime_code: DatetimeCode,
    pub(super) tiny_int: TinyInt1,
    pub(super) zero_dates: ZeroDates,
    pub(super) session_variables: Option<Text>,
    /// Names that mean nothing here.
    pub(in crate::transfer) ignored: Vec<String>,
}

impl Properties {
    /// Reads the properties of a config.
    pub(in crate::transfer) fn of(config: &Access<'_>) -> Result<Self, TransferError> {
        let mut properties = Self {
            connect_timeout: config.connect_timeout,
            socket_timeout: config.socket_timeout,
            ssl: config.ssl,
            authority: None,
            server_zone: None,
            datetime_code: config.datetime_code,
            tiny_int: TinyInt1::Boolean,
            zero_dates: ZeroDates::Null,
            session_variables: None,
            ignored: Vec::new(),
        };
        for (name, value) in config.options {
            properties.set(name, value)?;
        }
        Ok(properties)
    }

    fn set(&mut self, name: &str, value: &Text) -> Result<(), TransferError> {
        match name {
            "connectTimeout" => self.connect_timeout = millis(name, value)?,
            "socketTimeout" => self.socket_timeout = millis(name, value)?,
            "sessionVariables" => self.session_variables = Some(value.clone()),
            "serverTimezone" => {
                let zone = zone::named(value.expose()).ok_or_else(|| bad(name, "a time zone"))?;
                self.server_zone = Some(zone);
            }
            "useLegacyDatetimeCode" => {
                self.datetime_code =
                    if flag(name, value)? { DatetimeCode::ProcessZone } else { DatetimeCode::ServerZone };
            }
            "tinyInt1isBit" => {
                self.tiny_int = if flag(name, value)? { TinyInt1::Boolean } else { TinyInt1::Number };
            }
            "zeroDateTimeBehavior" => self.zero_dates = zero_dates(name, value)?,
            "useSSL" | "requireSSL" => self.ssl = self.encrypted(flag(name, value)?),
            "verifyServerCertificate" if flag(name, value)? && self.ssl != SslMode::Disable => {
                self.ssl = SslMode::Verify;
            }
            "verifyServerCertificate" if self.ssl == SslMode::Verify => self.ssl = SslMode::Enable,
            "verifyServerCertificate" => {}
            "serverSslCert" => self.authority = Some(PathBuf::from(value.expose())),
            "trustCertificateKeyStoreUrl" => {
                return Err(TransferError::new(
                    ErrorKind::Config,
                    "`trustCertificateKeyStoreUrl` in `options` names a key store of Java, which cannot be read here",
                )
                .hint("give the certificate of the authority in PEM: `options: {serverSslCert: FILE}`"));
            }
            _ if NEUTRAL.contains(&name) => {}
            _ => self.ignored.push(name.to_owned()),
        }
        Ok(())
    }

    fn encrypted(&self, wanted: bool) -> SslMode {
        match (wanted, self.ssl) {
            (true, SslMode::Disable) => SslMode::Enable,
            (true, mode) => mode,
            (false, _) => SslMode::Disable,
        }
    }
}

fn millis(name: &str, value: &Text) -> Result<Duration, TransferError> {
    property::number(name, value, "a number of milliseconds").map(Duration::from_millis)
}

fn zero_dates(name: &str, value: &Text) -> Result<ZeroDates, TransferError> {
    match value.expose().to_ascii_lowercase().as_str() {
        "converttonull" | "convert_to_null" => Ok(ZeroDates::Null),
        "exception" => Ok(ZeroDates::Refuse),
        "round" => Ok(ZeroDates::Round),
        _ => Err(bad(name, "convertToNull, exception or round")),
    }
}
