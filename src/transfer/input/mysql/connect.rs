//! A connection as a long read needs it: TLS as the config says, utf8mb4, time-outs of the session raised.

use std::path::PathBuf;
use std::time::Duration;

use mysql::prelude::Queryable;
use mysql::{ClientIdentity, Conn, DriverError, Error, Opts, OptsBuilder, SslOpts};

use super::error::driver_error;
use super::properties::{Properties, ServerKey};
use crate::embulk::input::{DatabaseAuth, MysqlInput};
use crate::embulk::text::Text;
use crate::secret::Secret;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::iam;
use crate::transfer::input::property::Encryption;

/// Where and how to connect, kept to open the second connection that stops a query.
#[derive(Clone)]
pub(super) struct Connector {
    host: Text,
    port: u16,
    auth: DatabaseAuth,
    database: Text,
    properties: Properties,
    /// `host:port` or the path of a socket, for messages.
    pub(super) address: String,
}

/// Three hours: longer than any pause that a full queue makes, but not for ever should this program vanish.
const PATIENCE: u32 = 3 * 3_600;

/// How long the connection may take that ends another one.
const HURRY: Duration = Duration::from_secs(4);

const OTHER_NAME: &str = "let `host` be a name in the certificate, or ask for the authority alone: `options: {sslMode: VERIFY_CA}`";

const UNKNOWN_AUTHORITY: &str = "name the file of the server's authority: `options: {serverSslCert: FILE}`, or encrypt \
                                 without knowing to whom with `ssl: enable`";

/// There is nothing at this path, so that a driver that would ask the server for its key fails.
const NO_KEY: &str = "/dev/null/no-key";

impl Connector {
    pub(super) fn new(config: &MysqlInput, properties: &Properties) -> Self {
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

    /// A host that is a path is that of a Unix socket.
    pub(super) fn socket(&self) -> Option<&str> {
        Some(self.host.expose()).filter(|host| host.starts_with('/'))
    }

    fn opts(&self, encryption: Encryption, password: &Secret) -> OptsBuilder {
        let properties = &self.properties;
        let socket = self.socket();
        let tls = if socket.is_some() { None } else { tls(encryption, properties) };
        let key = match &properties.key {
            ServerKey::Asked => None,
            ServerKey::File(path) => Some(path.clone()),
            ServerKey::Refused => Some(PathBuf::from(NO_KEY)),
        };
        let builder = OptsBuilder::new()
            .tcp_port(self.port)
            .user(Some(properties.user.expose()))
            .pass(Some(password.expose()))
            .db_name(Some(self.database.expose()))
            // The config names a host: a socket that happens to be there is another way in, with other users.
            .prefer_socket(false)
            .tcp_keepalive_time_ms(Some(60_000))
            .tcp_connect_timeout(limit(properties.connect_timeout))
            .read_timeout(limit(properties.socket_timeout))
            // The largest packet of the protocol: the server's own limit is the one that counts.
            .max_allowed_packet(Some(1 << 30))
            .stmt_cache_size(0)
            .server_key_path(key)
            // In the clear only where nobody listens.
            .enable_cleartext_plugin(tls.is_some() || socket.is_some())
            .ssl_opts(tls);
        match socket {
            Some(path) => builder.socket(Some(path)),
            None => builder.ip_or_hostname(Some(self.host.expose())),
        }
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
    pub(super) fn kill(&self, connection: u32) {
        let Ok(password) = self.password() else { return };
        let hurried =
            |opts: OptsBuilder| opts.tcp_connect_timeout(Some(HURRY)).read_timeout(Some(HURRY)).into();
        if let Ok(mut conn) = self.connected(&password, hurried) {
            // When it has ended by itself there is nothing to stop.
            let _ = conn.query_drop(format!("KILL CONNECTION {connection}"));
        }
    }

    fn connected(&self, password: &Secret, finish: impl Fn(OptsBuilder) -> Opts) -> Result<Conn, Error> {
        let encryption = self.properties.encryption;
        match Conn::new(finish(self.opts(encryption, password))) {
            Err(Error::DriverError(DriverError::TlsNotSupported)) if encryption == Encryption::IfOffered => {
                Conn::new(finish(self.opts(Encryption::Off, password)))
            }
            connected => connected,
        }
    }

    fn connect(&self) -> Result<Conn, TransferError> {
        let doing = || format!("cannot connect to MySQL at `{}`", self.address);
        let password = self.password().map_err(|error| error.context(doing()))?;
        self.connected(&password, Opts::from).map_err(|error| self.not_entered(&error, doing()))
    }

    /// What an error means that comes before anybody was let in.
    fn not_entered(&self, error: &Error, doing: String) -> TransferError {
        let denied = |cause: &str| TransferError::new(ErrorKind::Authentication, doing.clone()).cause(cause);
        match error {
            // What the key stands for that is not there.
            Error::IoError(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
                denied("the server must be asked for its public key, which `allowPublicKeyRetrieval` forbids")
                    .hint("set `ssl: verify`, or give the key: `options: {serverRSAPublicKeyFile: FILE}`")
            }
            Error::DriverError(DriverError::UnexpectedPacket) => {
                denied("the server wants a second way of logging in after a first, which is not supported")
                    .hint("let the user have one way of logging in")
            }
            _ => {
                let found = driver_error(error, doing);
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
        }
    }

    /// A connection for a read.
    pub(super) fn open(&self) -> Result<Conn, TransferError> {
        let mut conn = self.connect()?;
        let settings = format!(
            "SET SESSION net_write_timeout = {PATIENCE}, SESSION net_read_timeout = {PATIENCE}, \
             SESSION wait_timeout = {PATIENCE}"
        );
        let failed = |error| driver_error(&error, "the session could not be set up");
        // A server may ignore the character set of the handshake. A statement of its own: proxies look for it.
        conn.query_drop("SET NAMES utf8mb4").map_err(failed)?;
        conn.query_drop(settings).map_err(failed)?;
        // One of the two exists, by the make of the server; a limit for short queries would cut a long read.
        let limits = ["SET SESSION max_statement_time = 0", "SET SESSION max_execution_time = 0"];
        if let Some(error) = limits.iter().map_while(|limit| conn.query_drop(limit).err()).nth(1) {
            // A proxy that knows neither reads on with its own limits; anything else is a broken connection.
            if !matches!(error, Error::MySqlError(_)) {
                return Err(failed(error));
            }
        }
        if let Some(variables) = &self.properties.session_variables {
            run(&mut conn, &format!("SET {}", variables.expose()), "`sessionVariables`")?;
            // Texts are read as this, whatever the variables say.
            conn.query_drop("SET character_set_results = utf8mb4").map_err(failed)?;
        }
        Ok(conn)
    }
}

/// Zero is without limit.
fn limit(duration: Duration) -> Option<Duration> {
    (!duration.is_zero()).then_some(duration)
}

fn tls(encryption: Encryption, properties: &Properties) -> Option<SslOpts> {
    let (any, any_name) = match encryption {
        Encryption::Off => return None,
        Encryption::IfOffered | Encryption::Any => (true, true),
        Encryption::Authority => (false, true),
        Encryption::Host => (false, false),
    };
    // The driver makes TLS with the provider of the process.
    crate::cloud::install_crypto();
    let identity = match &properties.own {
        (Some(certificate), Some(key)) => Some(ClientIdentity::new(certificate.clone(), key.clone())),
        _ => None,
    };
    Some(
        SslOpts::default()
            .with_danger_accept_invalid_certs(any)
            .with_danger_skip_domain_validation(any_name)
            .with_root_cert_path(properties.authority.clone())
            .with_client_identity(identity),
    )
}

/// Runs statements whose rows nobody wants; `what` is what messages call them. The first that fails is the last.
pub(super) fn run(conn: &mut Conn, sql: &str, what: &str) -> Result<(), TransferError> {
    let failed = |error| driver_error(&error, format!("{what} failed"));
    let mut results = conn.query_iter(sql).map_err(failed)?;
    // Each statement behind the first says only with its own result how it ended.
    while let Some(rows) = results.iter() {
        for row in rows {
            row.map_err(failed)?;
        }
    }
    Ok(())
}
