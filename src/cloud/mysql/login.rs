//! From the server's first packet to the one that lets us in.
//!
//! Rules: the MySQL source documentation, "Connection Phase"; MariaDB's "Connecting" page for ed25519 and parsec.

use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OaepPublicEncryptingKey, PublicEncryptingKey};
use mysql_common::constants::CapabilityFlags;
use mysql_common::packets::AuthPlugin;
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;

use super::Result;
use super::error::Error;
use super::fields::Fields;
use super::options::{Address, Options, ServerKey, Tls};
use super::packets::Packets;
use super::stream::Stream;

/// `utf8mb4_general_ci`, which every server since 5.5 knows.
const UTF8MB4: u8 = 45;
/// The largest packet of the protocol: the server's own limit is the one that counts.
const MAX_PACKET: u32 = 1 << 30;
/// Ways of logging in that a server may ask for one after the other.
const MOST_SWITCHES: usize = 8;
/// Bytes of a nonce that mean something.
const NONCE: usize = 20;

const SHA256: &[u8] = b"sha256_password";

/// What a server says of itself.
struct Greeting {
    id: u32,
    capabilities: CapabilityFlags,
    nonce: Vec<u8>,
    plugin: Vec<u8>,
}

/// A connection that was let in, and its number in the server.
pub(super) fn login(stream: Stream, options: &Options<'_>) -> Result<(Packets<Stream>, u32)> {
    let mut packets = Packets::new(stream);
    let payload = packets.receive()?;
    let greeting = Greeting::read(packets.bytes(payload))?;
    let mut capabilities = greeting.capabilities & wanted(options);
    if let (Address::Tcp { host, .. }, Some(config)) = (options.address, greeting.encryption(options)?) {
        capabilities |= CapabilityFlags::CLIENT_SSL;
        packets.send(&opening(capabilities))?;
        packets = packets.replace(|stream| stream.encrypted(host, config))?;
    }
    let mut login = Login { options, plugin: AuthPlugin::MysqlNativePassword, nonce: greeting.nonce };
    if AuthPlugin::from_bytes(&greeting.plugin) == AuthPlugin::CachingSha2Password {
        login.plugin = AuthPlugin::CachingSha2Password;
    }
    let answer = login.answer();
    packets.send(&response(capabilities, options, &login.plugin, &answer))?;
    login.finish(&mut packets)?;
    Ok((packets, greeting.id))
}

impl Greeting {
    fn read(payload: &[u8]) -> Result<Self> {
        let mut fields = Fields::new(payload);
        if fields.u8()? != 10 {
            return Err(Error::Protocol("the server speaks another version of the protocol"));
        }
        fields.until_zero();
        let id = fields.u32()?;
        let mut nonce = fields.bytes(8)?.to_vec();
        fields.u8()?;
        let low = fields.u16()?;
        fields.bytes(3)?;
        let high = fields.u16()?;
        let capabilities = CapabilityFlags::from_bits_truncate(u32::from(high) << 16 | u32::from(low));
        if !capabilities.contains(CapabilityFlags::CLIENT_PROTOCOL_41) {
            return Err(Error::Protocol("the server is older than MySQL 4.1"));
        }
        let length = usize::from(fields.u8()?);
        fields.bytes(10)?;
        nonce.extend_from_slice(fields.bytes(length.saturating_sub(8).max(13))?);
        nonce.truncate(NONCE);
        let plugin = fields.until_zero().to_vec();
        Ok(Self { id, capabilities, nonce, plugin })
    }

    /// What to go on with, when with TLS.
    fn encryption(&self, options: &Options<'_>) -> Result<Option<std::sync::Arc<rustls::ClientConfig>>> {
        let offered = self.capabilities.contains(CapabilityFlags::CLIENT_SSL);
        match &options.tls {
            Tls::Required(_) if !offered && !matches!(options.address, Address::Unix(_)) => Err(Error::NoTls),
            Tls::Required(config) | Tls::IfOffered(config) if offered => {
                Ok(Some(std::sync::Arc::clone(config)))
            }
            _ => Ok(None),
        }
    }
}

fn wanted(options: &Options<'_>) -> CapabilityFlags {
    let mut wanted = CapabilityFlags::CLIENT_PROTOCOL_41
        | CapabilityFlags::CLIENT_SECURE_CONNECTION
        | CapabilityFlags::CLIENT_LONG_PASSWORD
        | CapabilityFlags::CLIENT_LONG_FLAG
        | CapabilityFlags::CLIENT_TRANSACTIONS
        | CapabilityFlags::CLIENT_LOCAL_FILES
        | CapabilityFlags::CLIENT_MULTI_STATEMENTS
        | CapabilityFlags::CLIENT_MULTI_RESULTS
        | CapabilityFlags::CLIENT_PS_MULTI_RESULTS
        | CapabilityFlags::CLIENT_PLUGIN_AUTH
        | CapabilityFlags::CLIENT_CONNECT_ATTRS;
    if !options.database.is_empty() {
        wanted |= CapabilityFlags::CLIENT_CONNECT_WITH_DB;
    }
    wanted
}

/// The beginning of a response; also what asks for TLS.
fn opening(capabilities: CapabilityFlags) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    out.extend_from_slice(&capabilities.bits().to_le_bytes());
    out.extend_from_slice(&MAX_PACKET.to_le_bytes());
    out.push(UTF8MB4);
    out.extend_from_slice(&[0; 23]);
    out
}

fn response(
    capabilities: CapabilityFlags,
    options: &Options<'_>,
    plugin: &AuthPlugin<'_>,
    answer: &[u8],
) -> Vec<u8> {
    let mut out = opening(capabilities);
    push_with_zero(options.user.as_bytes(), &mut out);
    // Never longer than a hash.
    push_short(answer, &mut out);
    if capabilities.contains(CapabilityFlags::CLIENT_CONNECT_WITH_DB) {
        push_with_zero(options.database.as_bytes(), &mut out);
    }
    if capabilities.contains(CapabilityFlags::CLIENT_PLUGIN_AUTH) {
        push_with_zero(plugin.as_bytes(), &mut out);
    }
    if capabilities.contains(CapabilityFlags::CLIENT_CONNECT_ATTRS) {
        // What administrators see of the connection.
        let mut attributes = Vec::new();
        for (name, value) in [("_client_name", "sync"), ("_client_version", env!("CARGO_PKG_VERSION"))] {
            push_short(name.as_bytes(), &mut attributes);
            push_short(value.as_bytes(), &mut attributes);
        }
        push_short(&attributes, &mut out);
    }
    out
}

fn push_with_zero(text: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(text);
    out.push(0);
}

/// Bytes behind their length, which is below 251.
fn push_short(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(bytes.len() as u8);
    out.extend_from_slice(bytes);
}

/// A login under way.
struct Login<'o> {
    options: &'o Options<'o>,
    plugin: AuthPlugin<'static>,
    nonce: Vec<u8>,
}

impl Login<'_> {
    fn password(&self) -> &str {
        self.options.password.expose()
    }

    /// What is said first under the current plugin.
    fn answer(&self) -> Vec<u8> {
        // The exchange of parsec begins with an empty packet.
        if matches!(self.plugin, AuthPlugin::MariadbParsec { .. }) {
            return Vec::new();
        }
        let data = self.plugin.gen_data(Some(self.password()), &self.nonce);
        data.map(|data| data.to_vec()).unwrap_or_default()
    }

    /// Goes on until the server lets us in.
    fn finish(&mut self, packets: &mut Packets<Stream>) -> Result<()> {
        for _ in 0..=MOST_SWITCHES {
            let payload = packets.receive()?;
            match packets.bytes(payload) {
                [0, ..] => return Ok(()),
                [0xfe] => return Err(Error::UnknownLogin("mysql_old_password".to_owned())),
                [0xfe, request @ ..] => {
                    let mut fields = Fields::new(request);
                    let plugin = fields.until_zero().to_vec();
                    let nonce = fields.rest().to_vec();
                    self.switch(packets, &plugin, nonce)?;
                }
                more => {
                    let more = more.to_vec();
                    self.more(packets, &more)?;
                }
            }
        }
        Err(Error::Protocol("the server wants ever more ways of logging in"))
    }

    fn switch(&mut self, packets: &mut Packets<Stream>, plugin: &[u8], mut nonce: Vec<u8>) -> Result<()> {
        // Some are sent with a zero behind them, and a nonce may end in a zero of its own.
        if nonce.len() == NONCE + 1 || nonce.len() == 33 {
            nonce.pop();
        }
        self.nonce = nonce;
        if plugin == SHA256 {
            return self.sha256(packets);
        }
        self.plugin = AuthPlugin::from_bytes(plugin).into_owned();
        match &self.plugin {
            AuthPlugin::MysqlOldPassword | AuthPlugin::Other(_) => {
                return Err(Error::UnknownLogin(String::from_utf8_lossy(plugin).into_owned()));
            }
            AuthPlugin::MysqlClearPassword if !packets.stream().is_private() => {
                return Err(Error::InTheClear);
            }
            AuthPlugin::MysqlClearPassword => return self.send_plain(packets),
            _ => {}
        }
        packets.send(&self.answer())
    }

    /// What a plugin asks beyond its first question.
    fn more(&mut self, packets: &mut Packets<Stream>, payload: &[u8]) -> Result<()> {
        // The first servers with parsec left the mark out.
        let data = payload.strip_prefix(&[1]).unwrap_or(payload);
        match (&mut self.plugin, data) {
            (AuthPlugin::CachingSha2Password, [3]) => Ok(()),
            (AuthPlugin::CachingSha2Password, [4]) if packets.stream().is_private() => {
                self.send_plain(packets)
            }
            (AuthPlugin::CachingSha2Password, [4]) => self.send_encrypted(packets, 2),
            (plugin @ AuthPlugin::MariadbParsec { .. }, salt) => {
                plugin.read_add_data(salt).ok_or(Error::Protocol("the salt of the login is not right"))?;
                let data = self.plugin.gen_data(Some(self.options.password.expose()), &self.nonce);
                packets.send(&data.map(|data| data.to_vec()).unwrap_or_default())
            }
            _ => Err(Error::Protocol("the server asks something unknown at the login")),
        }
    }

    /// MySQL's older login, which is the second half of the newer one.
    fn sha256(&mut self, packets: &mut Packets<Stream>) -> Result<()> {
        if self.password().is_empty() {
            return packets.send(&[0]);
        }
        if packets.stream().is_private() { self.send_plain(packets) } else { self.send_encrypted(packets, 1) }
    }

    /// Only where nobody listens.
    fn send_plain(&self, packets: &mut Packets<Stream>) -> Result<()> {
        let mut password = zeroize::Zeroizing::new(self.password().as_bytes().to_vec());
        password.push(0);
        packets.send(&password)
    }

    /// `request` is the byte that asks for the key.
    fn send_encrypted(&self, packets: &mut Packets<Stream>, request: u8) -> Result<()> {
        let key = match &self.options.key {
            ServerKey::Refused => return Err(Error::KeyForbidden),
            ServerKey::File(path) => std::fs::read(path)?,
            ServerKey::Asked => {
                packets.send(&[request])?;
                let payload = packets.receive()?;
                packets.bytes(payload).get(1..).unwrap_or_default().to_vec()
            }
        };
        let mut password = zeroize::Zeroizing::new(self.password().as_bytes().to_vec());
        password.push(0);
        for (byte, nonce) in password.iter_mut().zip(self.nonce.iter().cycle()) {
            *byte ^= nonce;
        }
        packets.send(&encrypted(&password, &key).ok_or(Error::BadKey)?)
    }
}

/// RSA with the padding that servers since 5.7 expect.
fn encrypted(text: &[u8], pem: &[u8]) -> Option<Vec<u8>> {
    let key = SubjectPublicKeyInfoDer::from_pem_slice(pem).ok()?;
    let key = OaepPublicEncryptingKey::new(PublicEncryptingKey::from_der(&key).ok()?).ok()?;
    let mut out = vec![0; key.ciphertext_size()];
    let length = key.encrypt(&OAEP_SHA1_MGF1SHA1, text, &mut out, None).ok()?.len();
    out.truncate(length);
    Some(out)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::secret::Secret;

    /// A server that says these payloads, whatever it hears.
    fn entered(payloads: &[&[u8]]) -> Result<u32> {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        for (at, payload) in payloads.iter().enumerate() {
            // Ours come between.
            theirs.write_all(&[payload.len() as u8, 0, 0, at as u8 * 2]).unwrap();
            theirs.write_all(payload).unwrap();
        }
        let password = Secret::new("secret");
        let options = Options {
            address: Address::Tcp { host: "h", port: 1 },
            user: "u",
            password: &password,
            database: "",
            tls: Tls::Off,
            key: ServerKey::Asked,
            connect_timeout: None,
            silence: None,
        };
        login(Stream::Unix(ours), &options).map(|(_, id)| id)
    }

    fn greeting() -> Vec<u8> {
        let mut greeting = b"\x0a9.7.0\0\x07\0\0\x0012345678\0".to_vec();
        greeting.extend_from_slice(&0xf7ff_u16.to_le_bytes());
        greeting.extend_from_slice(&[45, 2, 0]);
        greeting.extend_from_slice(&0x000f_u16.to_le_bytes());
        greeting.push(21);
        greeting.extend_from_slice(&[0; 10]);
        greeting.extend_from_slice(b"901234567890\0caching_sha2_password\0");
        greeting
    }

    #[test]
    fn the_server_decides_about_the_login_and_what_is_unknown_is_named() {
        let first = greeting();
        let ok = b"\0\0\0\x02\0\0\0";
        assert_eq!(entered(&[&first, ok]).unwrap(), 7);
        assert_eq!(
            entered(&[&first, b"\xfemysql_native_password\x0012345678901234567890\0", ok]).unwrap(),
            7
        );
        for (answer, message) in [
            (&b"\xfedialog\0"[..], "the server wants a login by `dialog`, which is not supported"),
            (b"\xfe", "the server wants a login by `mysql_old_password`, which is not supported"),
            (b"\x01\x09", "the server asks something unknown at the login"),
            (b"", "the server asks something unknown at the login"),
            (b"\xff\x15\x04#28000no", "no (MySQL error 1045)"),
        ] {
            assert_eq!(entered(&[&first, answer]).unwrap_err().to_string(), message);
        }
        let asked = b"\xfeclient_ed25519\x0012345678901234567890123456789012";
        let ever: Vec<&[u8]> = std::iter::once(&first[..]).chain([&asked[..]; 9]).collect();
        assert_eq!(entered(&ever).unwrap_err().to_string(), "the server wants ever more ways of logging in");
    }

    #[test]
    fn a_greeting_that_ends_anywhere_is_an_error() {
        let whole = greeting();
        for length in 0..whole.len() - b"caching_sha2_password\0".len() - 1 {
            assert!(entered(&[&whole[..length], b"\0\0\0\x02\0\0\0"]).is_err(), "{length}");
        }
        let old = entered(&[b"\x09"]).unwrap_err();
        assert_eq!(old.to_string(), "the server speaks another version of the protocol");
    }

    #[test]
    fn a_key_that_is_none_encrypts_nothing() {
        assert_eq!(encrypted(b"x", b"no key"), None);
        assert_eq!(encrypted(b"x", b"-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n"), None);
    }
}
