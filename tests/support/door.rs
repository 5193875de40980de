//! Servers that speak so much of MySQL's and PostgreSQL's wire as it takes to ask for a password as it is (as RDS does
//! for tokens of IAM), and let nobody in.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::tls::Authority;

/// Such a server on a free port of loopback, until the tests end.
pub struct Door {
    pub port: u16,
    /// What each visitor showed; none where one went away before.
    shown: Receiver<Option<String>>,
}

impl Door {
    /// One that asks as MySQL's `mysql_clear_password` does.
    pub fn mysql(authority: &Authority) -> Self {
        Self::open(authority.config(), mysql)
    }

    /// One that asks as PostgreSQL's method `password` does.
    pub fn postgres(authority: &Authority) -> Self {
        Self::open(authority.config(), postgres)
    }

    /// The same, but it wants a certificate first.
    pub fn strict_postgres(authority: &Authority) -> Self {
        Self::open(authority.strict_config(), postgres)
    }

    fn open(config: ServerConfig, ask: fn(TcpStream, Arc<ServerConfig>) -> std::io::Result<String>) -> Self {
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let (tell, shown): (Sender<Option<String>>, _) = channel();
        std::thread::spawn(move || {
            for visitor in listener.incoming().flatten() {
                if tell.send(ask(visitor, Arc::clone(&config)).ok()).is_err() {
                    return;
                }
            }
        });
        Self { port, shown }
    }

    /// What the next visitor showed.
    pub fn shown(&self) -> Option<String> {
        self.shown.recv_timeout(std::time::Duration::from_secs(30)).expect("somebody comes")
    }
}

/// A visitor of MySQL says goodbye.
const QUIT: &[u8] = b"\x01";

fn secured(stream: TcpStream, config: Arc<ServerConfig>) -> StreamOwned<ServerConnection, TcpStream> {
    StreamOwned::new(ServerConnection::new(config).expect("a connection"), stream)
}

fn mysql(mut stream: TcpStream, config: Arc<ServerConfig>) -> std::io::Result<String> {
    // Version 10, its name, the connection, 8 of the 20 bytes to scramble with.
    let mut greeting = b"\x0a8.0.0\0\x01\0\0\0abcdefgh\0".to_vec();
    // What it can do: 4.1, connect with a database, TLS, transactions, secure logins, plugins.
    let abilities: u32 = 0x200 | 0x8 | 0x800 | 0x2000 | 0x8000 | 0x8_0000;
    greeting.extend_from_slice(&abilities.to_le_bytes()[..2]);
    greeting.extend_from_slice(b"\x2d\x02\0");
    greeting.extend_from_slice(&abilities.to_le_bytes()[2..]);
    greeting.extend_from_slice(b"\x15\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0mysql_native_password\0");
    send(&mut stream, 0, &greeting)?;
    let (number, answer) = receive(&mut stream)?;
    if answer.len() > 32 {
        // No TLS: the answer names the user.
        return mysql_password(&mut stream, number);
    }
    let mut stream = secured(stream, config);
    let (number, _) = receive(&mut stream)?;
    mysql_password(&mut stream, number)
}

fn mysql_password(stream: &mut (impl Read + Write), number: u8) -> std::io::Result<String> {
    send(stream, number + 1, b"\xfemysql_clear_password\0")?;
    let (number, password) = receive(stream)?;
    if password == QUIT {
        return Err(std::io::ErrorKind::ConnectionAborted.into());
    }
    send(stream, number + 1, b"\xff\x15\x04#28000Access denied")?;
    Ok(String::from_utf8_lossy(password.strip_suffix(b"\0").unwrap_or(&password)).into_owned())
}

fn send(stream: &mut impl Write, number: u8, payload: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(payload.len()).expect("it is short").to_le_bytes();
    stream.write_all(&[&length[..3], &[number], payload].concat())?;
    stream.flush()
}

fn receive(stream: &mut impl Read) -> std::io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 4];
    stream.read_exact(&mut head)?;
    let mut payload = vec![0; usize::from(head[0]) | usize::from(head[1]) << 8 | usize::from(head[2]) << 16];
    stream.read_exact(&mut payload)?;
    Ok((head[3], payload))
}

fn postgres(mut stream: TcpStream, config: Arc<ServerConfig>) -> std::io::Result<String> {
    // Whether TLS may be, and who comes.
    message(&mut stream)?;
    stream.write_all(b"S")?;
    let mut stream = secured(stream, config);
    message(&mut stream)?;
    stream.write_all(b"R\0\0\0\x08\0\0\0\x03")?;
    stream.flush()?;
    stream.read_exact(&mut [0])?;
    let password = message(&mut stream)?;
    let refusal = b"SFATAL\0C28P01\0Maccess denied\0\0";
    let length = u32::try_from(refusal.len() + 4).expect("it is short").to_be_bytes();
    stream.write_all(&[b"E", &length[..], refusal].concat())?;
    stream.flush()?;
    Ok(String::from_utf8_lossy(password.strip_suffix(b"\0").unwrap_or(&password)).into_owned())
}

/// A message without its kind.
fn message(stream: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut payload =
        vec![0; usize::try_from(u32::from_be_bytes(length)).expect("it is short").saturating_sub(4)];
    stream.read_exact(&mut payload)?;
    Ok(payload)
}
