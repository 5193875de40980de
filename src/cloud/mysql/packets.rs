//! Packets: a length of three bytes, a number, a payload. A payload that fills a packet goes on in the next one.

use std::io::{ErrorKind, Read, Write};

use super::Result;
use super::error::{Error, ServerError};
use super::fields::Fields;

/// The longest payload of one packet.
const FULL: usize = 0xff_ff_ff;
const HEADER: usize = 4;
/// What the socket is read into. Payloads that are longer have a buffer of their own.
const BUFFER: usize = 128 * 1024;

/// Both directions of a connection.
pub struct Packets<S> {
    stream: S,
    /// What was read; from `start` to `end` it was not looked at yet.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// A payload that is longer than the buffer, or that came in several packets.
    long: Vec<u8>,
    /// The number of the next packet in either direction.
    number: u8,
    out: Vec<u8>,
}

/// Where the payload of a packet is, until the next one is received.
#[derive(Debug, Clone, Copy)]
pub struct Payload {
    /// None: in the long buffer.
    start: Option<usize>,
    length: usize,
}

impl<S> Packets<S> {
    /// Packets of a stream whose first one comes from the server.
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            buffer: vec![0; BUFFER],
            start: 0,
            end: 0,
            long: Vec::new(),
            number: 0,
            out: Vec::new(),
        }
    }

    /// The stream.
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// The stream for another one on top of it. What the server sent ahead would be lost: none may be left.
    pub fn replace<T>(self, make: impl FnOnce(S) -> Result<T>) -> Result<Packets<T>> {
        if self.start != self.end {
            return Err(Error::Protocol("the server sent something before the encryption began"));
        }
        let Self { stream, buffer, long, number, out, .. } = self;
        Ok(Packets { stream: make(stream)?, buffer, start: 0, end: 0, long, number, out })
    }

    /// The bytes of the last payload.
    #[inline]
    pub fn bytes(&self, payload: Payload) -> &[u8] {
        match payload.start {
            Some(start) => &self.buffer[start..start + payload.length],
            None => &self.long[..payload.length],
        }
    }
}

impl<S: Read> Packets<S> {
    /// Waits for the next payload. An error that the server sends is an error.
    #[inline]
    pub fn receive(&mut self) -> Result<Payload> {
        let payload = self.payload()?;
        match self.bytes(payload) {
            [0xff, rest @ ..] => Err(Error::Server(server_error(rest)?)),
            _ => Ok(payload),
        }
    }

    #[inline]
    fn payload(&mut self) -> Result<Payload> {
        let length = self.header()?;
        if length == FULL || length > BUFFER - HEADER {
            return self.long(length);
        }
        if self.end - self.start < length {
            self.fill(length)?;
        }
        let start = self.start;
        self.start += length;
        Ok(Payload { start: Some(start), length })
    }

    /// The length of the next packet.
    #[inline]
    fn header(&mut self) -> Result<usize> {
        if self.end - self.start < HEADER {
            self.fill(HEADER)?;
        }
        let [low, middle, high, number] = self.buffer[self.start..self.start + HEADER] else {
            return Err(Error::Protocol("a packet has no header"));
        };
        self.start += HEADER;
        let expected = self.number;
        self.number = number.wrapping_add(1);
        let length = usize::from(low) | usize::from(middle) << 8 | usize::from(high) << 16;
        if number != expected {
            return self.out_of_order(length);
        }
        Ok(length)
    }

    /// A server that ends a connection says so with a packet that belongs to no exchange.
    #[cold]
    fn out_of_order(&mut self, length: usize) -> Result<usize> {
        if length > 0 && length < FULL {
            self.fill(1)?;
            if self.buffer[self.start] == 0xff {
                return Ok(length);
            }
        }
        Err(Error::Protocol("packets are out of order"))
    }

    #[cold]
    fn long(&mut self, mut length: usize) -> Result<Payload> {
        self.long.clear();
        // One long value should not be paid for until the connection ends.
        self.long.shrink_to(8 * BUFFER);
        loop {
            self.append(length)?;
            if length < FULL {
                return Ok(Payload { start: None, length: self.long.len() });
            }
            length = self.header()?;
        }
    }

    fn append(&mut self, length: usize) -> Result<()> {
        let there = length.min(self.end - self.start);
        self.long.extend_from_slice(&self.buffer[self.start..self.start + there]);
        self.start += there;
        let missing = length - there;
        // Memory grows with what has come, not with what a header promises.
        let come = self.stream.by_ref().take(missing as u64).read_to_end(&mut self.long)?;
        if come < missing { Err(Error::ended()) } else { Ok(()) }
    }

    /// Reads until so many bytes are there.
    #[inline(never)]
    fn fill(&mut self, wanted: usize) -> Result<()> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.buffer.len() - self.start < wanted {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        while self.end - self.start < wanted {
            match self.stream.read(&mut self.buffer[self.end..]) {
                Ok(0) => return Err(Error::ended()),
                Ok(read) => self.end += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

impl<S: Write> Packets<S> {
    /// Begins an exchange with a command.
    pub fn command(&mut self, code: u8, arguments: &[u8]) -> Result<()> {
        self.number = 0;
        let mut payload = Vec::with_capacity(arguments.len() + 1);
        payload.push(code);
        payload.extend_from_slice(arguments);
        self.send(&payload)
    }

    /// Sends a payload.
    pub fn send(&mut self, payload: &[u8]) -> Result<()> {
        for part in payload.chunks(FULL) {
            self.packet(part)?;
        }
        if payload.len().is_multiple_of(FULL) {
            self.packet(&[])?;
        }
        self.stream.flush()?;
        Ok(())
    }

    fn packet(&mut self, payload: &[u8]) -> Result<()> {
        // At most `FULL`, so that three bytes hold it.
        let length = (payload.len() as u32).to_le_bytes();
        self.out.clear();
        self.out.extend_from_slice(&[length[0], length[1], length[2], self.number]);
        self.number = self.number.wrapping_add(1);
        if payload.len() <= BUFFER {
            self.out.extend_from_slice(payload);
            self.stream.write_all(&self.out)?;
        } else {
            self.stream.write_all(&self.out)?;
            self.stream.write_all(payload)?;
        }
        Ok(())
    }
}

fn server_error(payload: &[u8]) -> Result<ServerError> {
    let mut fields = Fields::new(payload);
    let code = fields.u16()?;
    let mut text = fields.rest();
    let mut state = "HY000";
    // Before the handshake is done it comes without a state.
    if let [b'#', marked @ ..] = text
        && let Some((found, rest)) = marked.split_at_checked(5)
    {
        state = std::str::from_utf8(found).unwrap_or(state);
        text = rest;
    }
    Ok(ServerError { code, state: state.to_owned(), message: String::from_utf8_lossy(text).into_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn packet(number: u8, payload: &[u8]) -> Vec<u8> {
        let mut packets = Packets::new(Vec::new());
        packets.number = number;
        packets.send(payload).unwrap();
        packets.stream
    }

    /// Gives one byte, then two, then three…
    struct Drops(Cursor<Vec<u8>>, usize);

    impl Read for Drops {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            self.1 = self.1 % 7_000 + 1;
            let most = self.1.min(out.len());
            self.0.read(&mut out[..most])
        }
    }

    #[test]
    fn payloads_of_every_length_come_whole_however_they_arrive() {
        let lengths =
            [0, 1, BUFFER - HEADER - 1, BUFFER - HEADER, BUFFER, FULL - 1, FULL, FULL + 1, 2 * FULL, 5];
        let mut bytes = Vec::new();
        let mut number = 0_u8;
        for length in lengths {
            let payload: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            bytes.extend(packet(number, &payload));
            number = number.wrapping_add((length / FULL + 1) as u8);
        }
        let mut packets = Packets::new(Drops(Cursor::new(bytes), 0));
        for length in lengths {
            let payload = packets.receive().unwrap();
            let bytes = packets.bytes(payload);
            assert_eq!(bytes.len(), length);
            assert!(bytes.iter().enumerate().all(|(at, byte)| usize::from(*byte) == at % 251), "{length}");
        }
        assert_eq!(packets.receive().map(drop).unwrap_err().to_string(), "the server ended the connection");
    }

    #[test]
    fn packets_out_of_order_are_an_error_but_a_last_word_of_the_server_is_heard() {
        let mut packets = Packets::new(Cursor::new(packet(3, b"x")));
        assert_eq!(packets.receive().map(drop).unwrap_err().to_string(), "packets are out of order");
        let mut packets = Packets::new(Cursor::new(packet(3, b"\xff\x87\x07#HY000Connection was killed")));
        let Err(Error::Server(error)) = packets.receive() else { panic!("no error of the server") };
        assert_eq!((error.code, error.state.as_str()), (1927, "HY000"));
        assert_eq!(error.message, "Connection was killed");
    }

    #[test]
    fn a_promised_length_takes_no_memory() {
        let mut packets = Packets::new(Cursor::new([&[0xff, 0xff, 0xff, 0][..], b"few"].concat()));
        assert!(packets.receive().is_err());
        assert!(packets.long.capacity() < 1024 * 1024);
    }
}
