//! Where and how to connect.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

use crate::secret::Secret;

/// What a connection needs.
#[derive(Debug, Clone)]
pub struct Options<'o> {
    /// Where the server is.
    pub address: Address<'o>,
    pub user: &'o str,
    pub password: &'o Secret,
    /// Empty: none is chosen.
    pub database: &'o str,
    pub tls: Tls,
    /// How the key is had that encrypts a password outside TLS.
    pub key: ServerKey,
    /// Limit for everything until the server has let us in; none: no limit.
    pub connect_timeout: Option<Duration>,
    /// How long the server may be silent later on; none: for ever.
    pub silence: Option<Duration>,
}

/// Where a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address<'o> {
    Tcp {
        /// A name, or an IP address without brackets.
        host: &'o str,
        port: u16,
    },
    /// The path of a Unix socket.
    Unix(&'o str),
}

/// Whether the connection is encrypted. A Unix socket never is.
#[derive(Debug, Clone)]
pub enum Tls {
    /// It is not.
    Off,
    /// Where the server can.
    IfOffered(Arc<ClientConfig>),
    /// A server that cannot is an error.
    Required(Arc<ClientConfig>),
}

/// How the public key of the server is had, by which two of the logins encrypt a password outside TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerKey {
    /// The server is asked for it.
    Asked,
    /// It is in this file, in PEM.
    File(PathBuf),
    /// Not at all: such a login is refused.
    Refused,
}
