//! What a server may send: packets of any shape, to a client that logs in, prepares, reads rows and asks for texts.
//!
//! The bytes are taken as they are, and once more cut into payloads (at `CUT`) that get right headers, so that what lies
//! behind the framing is reached.

#![no_main]

use std::io::{Cursor, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use libfuzzer_sys::fuzz_target;
use sync::cloud::mysql::{Address, BinaryRow, Connection, Options, Packets, ServerKey, Tls};
use sync::secret::Secret;

const CUT: &[u8] = b"#CUT#";
/// What fits into a socket that nobody reads from yet.
const MOST: usize = 64 * 1024;

fn rows(bytes: &[u8]) {
    let mut packets = Packets::new(Cursor::new(bytes));
    while let Ok(payload) = packets.receive() {
        let columns = bytes.len() % 40;
        let Ok(mut row) = BinaryRow::new(packets.bytes(payload), columns) else { continue };
        for column in (0..columns).filter(|column| !row.is_null(*column)).collect::<Vec<_>>() {
            let _ = match column % 6 {
                0 => row.fields.i64().map(drop),
                1 => row.fields.clock().map(drop),
                2 => row.fields.span().map(drop),
                3 => row.fields.f32().map(drop),
                4 => row.fields.integer().map(drop),
                _ => row.fields.text().map(drop),
            };
        }
    }
}

/// A client that hears this, whatever it says.
fn client(said: &[u8]) {
    let (ours, mut theirs) = UnixStream::pair().expect("sockets are there");
    theirs.write_all(said).expect("it fits");
    theirs.shutdown(Shutdown::Write).expect("it is open");
    let password = Secret::new("secret");
    let options = Options {
        address: Address::Unix("/nowhere"),
        user: "u",
        password: &password,
        database: "d",
        tls: Tls::Off,
        key: ServerKey::Asked,
        connect_timeout: None,
        silence: None,
    };
    let Ok(mut connection) = Connection::over(ours, &options) else { return };
    let _ = connection.run("SET NAMES utf8mb4");
    if let Ok(statement) = connection.prepare("SELECT 1")
        && let Ok(mut rows) = connection.execute(&statement, &[])
    {
        while let Ok(Some(_)) = rows.next_row() {}
    }
    let _ = connection.select("SELECT ?", &["x"]);
    let _ = connection.select("SELECT 1", &[]);
    let _ = connection.load("LOAD DATA LOCAL INFILE 'x'", b"rows");
}

fuzz_target!(|bytes: &[u8]| {
    let bytes = &bytes[..bytes.len().min(MOST)];
    rows(bytes);
    client(bytes);
    // A payload and its number: the byte before it.
    let mut framed = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = rest.windows(CUT.len()).position(|window| window == CUT);
        let (payload, behind) = end.map_or((rest, &rest[rest.len()..]), |end| (&rest[..end], &rest[end + CUT.len()..]));
        rest = behind;
        let Some((number, payload)) = payload.split_first() else { continue };
        framed.extend_from_slice(&(payload.len() as u32).to_le_bytes()[..3]);
        framed.push(*number);
        framed.extend_from_slice(payload);
    }
    if framed.len() <= MOST {
        rows(&framed);
        client(&framed);
    }
});
