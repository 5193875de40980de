//! A connection as a long read needs it: TLS as the config says, utf8mb4, time-outs of the session raised.

use std::sync::Arc;
use std::time::Duration;

use super::error::server_error;
use super::properties::{Access, Properties};
use crate::cloud::mysql::{Address, Connection, Error, Options, Tls};
use crate::cloud::tls::{self, OwnCertificate};
use crate::embulk::input::DatabaseAuth;
use crate::embulk::text::Text;
use crate::secret::Secret;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::iam;
use crate::transfer::input::property::Encryption;

/// Where and how to connect, kept to open the second connection that stops a query.
#[derive(Clone)]
pub(in crate::transfer) struct Connector {
    host: Text,
    port: u16,
    auth: DatabaseAuth,
    database: Text,
    properties: Properties,
    /// `host:port` or the path of a socket, for messages.
    pub(in crate::transfer) address: String,
}

/// Three hours: longer than any pause that a full queue makes, but not for ever should this program vanish.
const PATIENCE: u32 = 3 * 3_600;

/// How long the connection may take that ends another one.
const HURRY: Duration = Duration::from_secs(4);

const OTHER_NAME: &str = "let `host` be a name in the certificate, or ask for the authority alone: `options: {sslMode: VERIFY_CA}`";

const UNKNOWN_AUTHORITY: &str = "name the file of the server's authority: `options: {serverSslCert: FILE}`, or encrypt \
                                 without knowing to whom with `ssl: enable`";

impl Connector {
    pub(in crate::transfer) fn new(config: &Access<'_>, properties: &Properties) -> Self {
        let connector = Self {
            host: config.host.clone(),
            port: config.port,
            auth: config.auth.clone(),
            database: config.database.clone(),
            properties: properties.clone(),
            address: String::new(),
        };
        let address = match connector.socket() {
            Some(_) => config.host.shown().to_owned(),
            None => format!("{}:{}", config.host.shown(), config.port),
        };
        Self { address, ..connector }
    }

    /// The database whose tables are meant.
    pub(super) fn database(&self) -> &str {
        self.database.expose()
    }

    /// A host that is a path is that of a Unix socket.
    fn socket(&self) -> Option<&str> {
        Some(self.host.expose()).filter(|host| host.starts_with('/'))
    }

    /// What `ssl` says does not hold for a Unix socket.
    pub(in crate::transfer) fn warning(&self) -> Option<&'static str> {
        let idle = self.socket().is_some() && self.properties.encryption != Encryption::Off;
        idle.then_some("`ssl` has no effect on a Unix socket")
    }

    fn tls(&self) -> Result<Tls, TransferError> {
        let properties = &self.properties;
        let encryption = properties.encryption;
        if self.socket().is_some() || encryption == Encryption::Off {
            return Ok(Tls::Off);
        }
        let own = OwnCertificate::of(&properties.own);
        let config = Arc::new(tls::config(encryption.identity(), properties.authority.as_deref(), own)?);
        Ok(if encryption == Encryption::IfOffered { Tls::IfOffered(config) } else { Tls::Required(config) })
    }

    fn password(&self) -> Result<Secret, TransferError> {
        let DatabaseAuth::Iam { region } = &self.auth else { return Ok(self.properties.password.clone()) };
        let is_plain = matches!(self.properties.encryption, Encryption::Off | Encryption::IfOffered);
        if is_plain || self.socket().is_some() {
            return Err(iam::needs_tls());
        }
        iam::token(&self.host, self.port, &self.properties.user, region.as_deref())
    }

    /// Ends another connection. Its statement alone would not do: a server that is just writing to a client that reads
    /// no more notices only the end of the connection.
    pub(in crate::transfer) fn kill(&self, connection: u32) {
        if let Ok(mut killer) = self.connect(Haste::Hurry) {
            // When it has ended by itself there is nothing to stop.
            let _ = killer.run(&format!("KILL CONNECTION {connection}"));
        }
    }

    fn connect(&self, haste: Haste) -> Result<Connection, TransferError> {
        let doing = || format!("cannot connect to MySQL at `{}`", self.address);
        let properties = &self.properties;
        let password = self.password().map_err(|error| error.context(doing()))?;
        let address = match self.socket() {
            Some(path) => Address::Unix(path),
            // The config names a host: a socket that happens to be there is another way in, with other users.
            None => Address::Tcp { host: self.host.expose(), port: self.port },
        };
        let hurried = |written| match haste {
            Haste::Hurry => Some(HURRY),
            Haste::None => limit(written),
        };
        let options = Options {
            address,
            user: properties.user.expose(),
            password: &password,
            database: self.database.expose(),
            tls: self.tls()?,
            key: properties.key.clone(),
            connect_timeout: hurried(properties.connect_timeout),
            silence: hurried(properties.socket_timeout),
        };
        Connection::open(&options).map_err(|error| not_entered(&error, doing()))
    }

    /// A connection for a read or a load. `settings` are statements that `sessionVariables` may override.
    pub(in crate::transfer) fn open(&self, settings: &[&str]) -> Result<Connection, TransferError> {
        let mut connection = self.connect(Haste::None)?;
        let patience = format!(
            "SET SESSION net_write_timeout = {PATIENCE}, SESSION net_read_timeout = {PATIENCE}, \
             SESSION wait_timeout = {PATIENCE}"
        );
        let failed = |error: &Error| server_error(error, "the session could not be set up");
        // A server may ignore the character set of the handshake. A statement of its own: proxies look for it.
        connection.run("SET NAMES utf8mb4").map_err(|error| failed(&error))?;
        connection.run(&patience).map_err(|error| failed(&error))?;
        // One of the two exists, by the make of the server; a limit for short queries would cut a long read.
        let limits = ["SET SESSION max_statement_time = 0", "SET SESSION max_execution_time = 0"];
        if let Some(error) = limits.iter().map_while(|limit| connection.run(limit).err()).nth(1) {
            // A proxy that knows neither reads on with its own limits; anything else is a broken connection.
            if error.code().is_none() {
                return Err(failed(&error));
            }
        }
        for setting in settings {
            connection.run(setting).map_err(|error| failed(&error))?;
        }
        if let Some(variables) = &self.properties.session_variables {
            run(&mut connection, &format!("SET {}", variables.expose()), "`sessionVariables`")?;
            // Texts are read as this, whatever the variables say.
            connection.run("SET character_set_results = utf8mb4").map_err(|error| failed(&error))?;
        }
        Ok(connection)
    }
}

/// Whether somebody waits for the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Haste {
    None,
    Hurry,
}

/// What an error means that comes before anybody was let in.
fn not_entered(error: &Error, doing: String) -> TransferError {
    let found = server_error(error, doing);
    // Nobody was served yet.
    let kind = match found.kind {
        ErrorKind::ConnectionLost => ErrorKind::Unreachable,
        kind => kind,
    };
    let has = |words| found.causes.iter().any(|cause| cause.contains(words));
    let hint = if has("certificate not valid for name") {
        Some(OTHER_NAME)
    } else if has("invalid peer certificate") {
        Some(UNKNOWN_AUTHORITY)
    } else {
        None
    };
    TransferError { kind, hint: hint.map(str::to_owned).or(found.hint.clone()), ..found }
}

/// Zero is without limit.
fn limit(duration: Duration) -> Option<Duration> {
    (!duration.is_zero()).then_some(duration)
}

/// Runs statements whose rows nobody wants; `what` is what messages call them. The first that fails is the last.
pub(super) fn run(connection: &mut Connection, sql: &str, what: &str) -> Result<(), TransferError> {
    connection.run(sql).map(drop).map_err(|error| server_error(&error, format!("{what} failed")))
}
