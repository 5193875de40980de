//! A connection as a long read needs it: TLS as the config says, utf8mb4, time-outs of the session raised.

use std::time::Duration;

use mysql::prelude::Queryable;
use mysql::{Conn, Opts, OptsBuilder, SslOpts};

use super::error::driver_error;
use super::properties::{Access, Properties};
use crate::embulk::input::SslMode;
use crate::transfer::error::TransferError;

/// Where and how to connect, kept to open the second connection that stops a query.
#[derive(Clone)]
pub(in crate::transfer) struct Connector {
    opts: Opts,
    /// `host:port`, for messages.
    pub(in crate::transfer) address: String,
}

/// Three hours: longer than any pause that a full queue makes, but not for ever should this program vanish.
const PATIENCE: u32 = 3 * 3_600;

impl Connector {
    pub(in crate::transfer) fn new(config: &Access<'_>, properties: &Properties) -> Self {
        let builder = OptsBuilder::new()
            .ip_or_hostname(Some(config.host.expose()))
            .tcp_port(config.port)
            .user(Some(config.user.expose()))
            .pass(Some(config.password.expose()))
            .db_name(Some(config.database.expose()))
            // The config names a host: a socket that happens to be there is another way in, with other users.
            .prefer_socket(false)
            .tcp_keepalive_time_ms(Some(60_000))
            .tcp_connect_timeout(limit(properties.connect_timeout))
            .read_timeout(limit(properties.socket_timeout))
            // The largest packet of the protocol: the server's own limit is the one that counts.
            .max_allowed_packet(Some(1 << 30))
            .stmt_cache_size(0)
            .ssl_opts(tls(properties));
        Self { opts: builder.into(), address: format!("{}:{}", config.host.shown(), config.port) }
    }

    /// Ends another connection. Its statement alone would not do: a server that is just writing to a client that reads
    /// no more notices only the end of the connection.
    pub(in crate::transfer) fn kill(&self, connection: u32) {
        let hurry = Some(Duration::from_secs(4));
        let opts = OptsBuilder::from_opts(self.opts.clone()).tcp_connect_timeout(hurry).read_timeout(hurry);
        if let Ok(mut conn) = Conn::new(opts) {
            // When it has ended by itself there is nothing to stop.
            let _ = conn.query_drop(format!("KILL CONNECTION {connection}"));
        }
    }

    fn connect(&self) -> Result<Conn, TransferError> {
        Conn::new(self.opts.clone())
            .map_err(|error| driver_error(&error, format!("cannot connect to MySQL at `{}`", self.address)))
    }

    /// A connection for a read or a load. `settings` are statements that the properties may override.
    pub(in crate::transfer) fn open(
        &self,
        properties: &Properties,
        settings: &[&str],
    ) -> Result<Conn, TransferError> {
        let mut conn = self.connect()?;
        let patience = format!(
            "SET SESSION net_write_timeout = {PATIENCE}, SESSION net_read_timeout = {PATIENCE}, \
             SESSION wait_timeout = {PATIENCE}"
        );
        let failed = |error| driver_error(&error, "the session could not be set up");
        // A server may ignore the character set of the handshake. A statement of its own: proxies look for it.
        conn.query_drop("SET NAMES utf8mb4").map_err(failed)?;
        conn.query_drop(patience).map_err(failed)?;
        // One of the two exists, by the make of the server; a limit for short queries would cut a long read.
        let limits = ["SET SESSION max_statement_time = 0", "SET SESSION max_execution_time = 0"];
        if let Some(error) = limits.iter().map_while(|limit| conn.query_drop(limit).err()).nth(1) {
            // A proxy that knows neither reads on with its own limits; anything else is a broken connection.
            if !matches!(error, mysql::Error::MySqlError(_)) {
                return Err(failed(error));
            }
        }
        for setting in settings {
            conn.query_drop(setting).map_err(failed)?;
        }
        if let Some(variables) = &properties.session_variables {
            conn.query_drop(format!("SET {}", variables.expose())).map_err(failed)?;
        }
        Ok(conn)
    }
}

/// Zero is without limit.
fn limit(duration: Duration) -> Option<Duration> {
    (!duration.is_zero()).then_some(duration)
}

fn tls(properties: &Properties) -> Option<SslOpts> {
    let accept_any = match properties.ssl {
        SslMode::Disable => return None,
        SslMode::Enable => true,
        SslMode::Verify => false,
    };
    // The driver makes TLS with the provider of the process.
    crate::cloud::install_crypto();
    Some(
        SslOpts::default()
            .with_danger_accept_invalid_certs(accept_any)
            .with_danger_skip_domain_validation(accept_any)
            .with_root_cert_path(properties.authority.clone()),
    )
}
