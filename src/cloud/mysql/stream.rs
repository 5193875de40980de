//! What carries the packets: TCP, TLS over it, or a Unix socket.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::sockopt::{set_socket_keepalive, set_tcp_keepidle};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::Result;
use super::error::Error;
use super::options::Address;

/// A connection that is silent for so long is looked after by the kernel.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// An open connection.
pub(super) enum Stream {
    Tcp(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
    Unix(UnixStream),
}

impl Stream {
    /// Connects within a time.
    pub(super) fn connect(address: Address<'_>, limit: Option<Duration>) -> Result<Self> {
        let connected = match address {
            Address::Unix(path) => UnixStream::connect(path).map(Self::Unix),
            Address::Tcp { host, port } => tcp(host, port, limit).map(Self::Tcp),
        };
        connected.map_err(|error| match (error.kind(), limit) {
            (io::ErrorKind::TimedOut, Some(limit)) => Error::TooSlow(limit),
            _ => Error::NotConnected(error),
        })
    }

    /// Goes on encrypted.
    pub(super) fn encrypted(self, host: &str, config: Arc<ClientConfig>) -> Result<Self> {
        let Self::Tcp(mut stream) = self else { return Ok(self) };
        let name = ServerName::try_from(host.to_owned()).map_err(tls_error)?;
        let mut connection = ClientConnection::new(config, name).map_err(tls_error)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream)?;
        }
        Ok(Self::Tls(Box::new(StreamOwned::new(connection, stream))))
    }

    /// How long a read or a write may take.
    pub(super) fn set_limit(&self, limit: Option<Duration>) -> Result<()> {
        match self {
            Self::Unix(stream) => {
                stream.set_read_timeout(limit)?;
                stream.set_write_timeout(limit)?;
            }
            Self::Tcp(stream) => set_limit(stream, limit)?,
            Self::Tls(stream) => set_limit(stream.get_ref(), limit)?,
        }
        Ok(())
    }

    /// Whether nobody can listen.
    pub(super) fn is_private(&self) -> bool {
        !matches!(self, Self::Tcp(_))
    }
}

fn set_limit(stream: &TcpStream, limit: Option<Duration>) -> io::Result<()> {
    stream.set_read_timeout(limit)?;
    stream.set_write_timeout(limit)
}

fn tls_error(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}

/// Tries the addresses of a host one after the other.
fn tcp(host: &str, port: u16, limit: Option<Duration>) -> io::Result<TcpStream> {
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name of the host has no address");
    for address in (host, port).to_socket_addrs()? {
        let connected = match limit {
            Some(limit) => TcpStream::connect_timeout(&address, limit),
            None => TcpStream::connect(address),
        };
        match connected {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                set_socket_keepalive(&stream, true)?;
                set_tcp_keepidle(&stream, KEEPALIVE)?;
                return Ok(stream);
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

impl Read for Stream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(out),
            Self::Tls(stream) => stream.read(out),
            Self::Unix(stream) => stream.read(out),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
            Self::Unix(stream) => stream.flush(),
        }
    }
}
