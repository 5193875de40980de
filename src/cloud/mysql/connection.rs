//! Statements and their results.

use std::os::unix::net::UnixStream;

use mysql_common::constants::{ColumnFlags, ColumnType, StatusFlags};
use mysql_common::packets::Column;

use super::Result;
use super::error::Error;
use super::fields::{Cut, Fields};
use super::login::login;
use super::options::Options;
use super::packets::{Packets, Payload};
use super::stream::Stream;

const QUIT: u8 = 0x01;
const QUERY: u8 = 0x03;
const PREPARE: u8 = 0x16;
const EXECUTE: u8 = 0x17;
const CLOSE: u8 = 0x19;
/// Bytes of a file that travel in one packet: below every server's `max_allowed_packet`.
const FILE_PACKET: usize = 256 * 1024;
/// Texts are told by this code among the parameters of a statement.
const TEXT_PARAMETER: [u8; 2] = [0xfd, 0];

/// An open connection.
pub struct Connection {
    packets: Packets<Stream>,
    id: u32,
    state: State,
}

/// Whether the next command may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    /// A result was not read to its end, or the connection broke.
    Busy,
}

/// A statement that the server has prepared.
#[derive(Debug, Clone)]
pub struct Statement {
    id: u32,
    /// How many `?` it has.
    pub parameters: u16,
    /// The columns of its rows, as far as they are known before it runs.
    pub columns: Vec<Column>,
}

/// How a statement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Answer {
    /// Rows that it changed.
    pub affected: u64,
    /// Warnings that it left.
    pub warnings: u16,
}

/// The rows of one statement after the other.
pub struct Rows<'c> {
    connection: &'c mut Connection,
    columns: Vec<Column>,
    /// How the statement ended, once it has.
    ended: Option<(Answer, StatusFlags)>,
}

impl Connection {
    /// Connects and logs in.
    pub fn open(options: &Options<'_>) -> Result<Self> {
        let limit = options.connect_timeout.or(options.silence);
        let stream = Stream::connect(options.address, limit)?;
        stream.set_limit(limit)?;
        Self::enter(stream, options)
    }

    /// Logs in over a socket that somebody else has opened.
    pub fn over(socket: UnixStream, options: &Options<'_>) -> Result<Self> {
        Self::enter(Stream::Unix(socket), options)
    }

    fn enter(stream: Stream, options: &Options<'_>) -> Result<Self> {
        let limit = options.connect_timeout.or(options.silence);
        let (packets, id) = login(stream, options).map_err(|error| match (error, limit) {
            (Error::Io(error), Some(limit)) if is_timeout(&error) => Error::TooSlow(limit),
            (error, _) => error,
        })?;
        packets.stream().set_limit(options.silence)?;
        Ok(Self { packets, id, state: State::Idle })
    }

    /// Its number in the server, by which another connection can end it.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Runs statements to their end, which nobody wants the rows of, and says how the last one ended. The first that
    /// fails is the last.
    pub fn run(&mut self, sql: &str) -> Result<Answer> {
        self.query(sql)?.drain()
    }

    /// The same for a statement that asks for a file of ours: whatever name it asks for, these bytes are what it gets.
    pub fn load(&mut self, sql: &str, file: &[u8]) -> Result<Answer> {
        self.command(QUERY, sql.as_bytes())?;
        self.result(Some(file))?.drain()
    }

    /// Runs statements; rows come in the text protocol.
    pub fn query(&mut self, sql: &str) -> Result<Rows<'_>> {
        self.command(QUERY, sql.as_bytes())?;
        self.result(None)
    }

    /// The rows of a query whose columns are texts, with texts for its `?`.
    pub fn select(&mut self, sql: &str, parameters: &[&str]) -> Result<Vec<Vec<Option<String>>>> {
        if parameters.is_empty() {
            return self.query(sql)?.texts();
        }
        let statement = self.prepare(sql)?;
        self.execute(&statement, parameters)?.binary_texts()
    }

    /// Lets the server prepare a statement.
    pub fn prepare(&mut self, sql: &str) -> Result<Statement> {
        self.command(PREPARE, sql.as_bytes())?;
        let payload = self.receive()?;
        let mut fields = Fields::new(self.packets.bytes(payload));
        fields.u8()?;
        let (id, columns, parameters) = (fields.u32()?, fields.u16()?, fields.u16()?);
        if parameters > 0 {
            self.columns(u64::from(parameters))?;
        }
        let columns = if columns > 0 { self.columns(u64::from(columns))? } else { Vec::new() };
        self.state = State::Idle;
        Ok(Statement { id, parameters, columns })
    }

    /// Runs a prepared statement, with texts for its `?`; rows come in the binary protocol.
    pub fn execute(&mut self, statement: &Statement, parameters: &[&str]) -> Result<Rows<'_>> {
        let mut arguments = statement.id.to_le_bytes().to_vec();
        // No cursor, once.
        arguments.extend_from_slice(&[0, 1, 0, 0, 0]);
        if parameters.len() != usize::from(statement.parameters) {
            return Err(Error::Protocol("a statement was given another number of values than it has `?`"));
        }
        if !parameters.is_empty() {
            arguments.resize(arguments.len() + parameters.len().div_ceil(8), 0);
            arguments.push(1);
            parameters.iter().for_each(|_| arguments.extend_from_slice(&TEXT_PARAMETER));
            for text in parameters {
                arguments.push(0xfe);
                arguments.extend_from_slice(&(text.len() as u64).to_le_bytes());
                arguments.extend_from_slice(text.as_bytes());
            }
        }
        self.command(EXECUTE, &arguments)?;
        self.result(None)
    }

    /// Lets the server forget a statement. It does not answer.
    pub fn close(&mut self, statement: &Statement) -> Result<()> {
        self.packets.command(CLOSE, &statement.id.to_le_bytes())
    }

    fn command(&mut self, code: u8, arguments: &[u8]) -> Result<()> {
        if self.state == State::Busy {
            return Err(Error::Protocol("the connection was left in the middle of a result"));
        }
        self.state = State::Busy;
        self.packets.command(code, arguments)
    }

    /// A payload. After an error of the server's the next command may come.
    #[inline]
    fn receive(&mut self) -> Result<Payload> {
        let received = self.packets.receive();
        if let Err(Error::Server(_)) = received {
            self.state = State::Idle;
        }
        received
    }

    /// The first packet of a result, and the columns that follow.
    fn result(&mut self, file: Option<&[u8]>) -> Result<Rows<'_>> {
        let (columns, ended) = self.head(file)?;
        Ok(Rows { connection: self, columns, ended })
    }

    #[expect(clippy::type_complexity, reason = "the two fields of `Rows` that it becomes")]
    fn head(&mut self, file: Option<&[u8]>) -> Result<(Vec<Column>, Option<(Answer, StatusFlags)>)> {
        let payload = self.receive()?;
        match self.packets.bytes(payload) {
            [0, ok @ ..] => {
                let ended = read_ok(ok)?;
                self.ended(ended.1);
                Ok((Vec::new(), Some(ended)))
            }
            [0xfb, ..] => {
                for part in file.unwrap_or_default().chunks(FILE_PACKET) {
                    self.packets.send(part)?;
                }
                self.packets.send(&[])?;
                match file {
                    Some(_) => self.head(None),
                    None => Err(Error::Protocol("the server wants a file that it was not offered")),
                }
            }
            count => {
                let count = Fields::new(count).integer()?;
                Ok((self.columns(count)?, None))
            }
        }
    }

    /// So many descriptions of columns and the packet behind them.
    fn columns(&mut self, count: u64) -> Result<Vec<Column>> {
        // What the server promises is not reserved.
        let mut columns = Vec::new();
        for _ in 0..count {
            let payload = self.receive()?;
            columns.push(read_column(self.packets.bytes(payload))?);
        }
        self.receive()?;
        Ok(columns)
    }

    fn ended(&mut self, status: StatusFlags) {
        if !status.contains(StatusFlags::SERVER_MORE_RESULTS_EXISTS) {
            self.state = State::Idle;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.state == State::Idle {
            // So that the server's log does not speak of an aborted connection.
            let _ = self.packets.command(QUIT, &[]);
        }
    }
}

impl Rows<'_> {
    /// The columns of the rows; none for a statement that gives no rows.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// How the statement ended; none while it has not.
    pub fn answer(&self) -> Option<Answer> {
        self.ended.map(|(answer, _)| answer)
    }

    /// The payload of the next row.
    #[inline]
    pub fn next_row(&mut self) -> Result<Option<&[u8]>> {
        if self.ended.is_some() {
            return Ok(None);
        }
        let payload = self.connection.receive()?;
        let bytes = self.connection.packets.bytes(payload);
        // A text of 16 MB begins like this as well.
        if let ([0xfe, end @ ..], ..=8) = (bytes, bytes.len()) {
            let ended = read_end(end)?;
            self.ended = Some(ended);
            self.connection.ended(ended.1);
            return Ok(None);
        }
        Ok(Some(self.connection.packets.bytes(payload)))
    }

    /// Goes on to the next statement, whose rows come now; false when there is none. What is left of the rows before
    /// is read and dropped.
    pub fn next_result(&mut self) -> Result<bool> {
        while self.next_row()?.is_some() {}
        if !self.ended.is_some_and(|(_, status)| status.contains(StatusFlags::SERVER_MORE_RESULTS_EXISTS)) {
            return Ok(false);
        }
        (self.columns, self.ended) = self.connection.head(None)?;
        Ok(true)
    }

    fn drain(mut self) -> Result<Answer> {
        while self.next_result()? {}
        Ok(self.answer().unwrap_or_default())
    }

    /// All of them, of a statement whose columns are texts in the text protocol.
    pub fn texts(mut self) -> Result<Vec<Vec<Option<String>>>> {
        let mut rows = Vec::new();
        let count = self.columns.len();
        while let Some(row) = self.next_row()? {
            let mut fields = Fields::new(row);
            let row = (0..count).map(|_| fields.nullable().map(|text| text.map(lossy)));
            rows.push(row.collect::<std::result::Result<_, Cut>>()?);
        }
        self.drain()?;
        Ok(rows)
    }

    fn binary_texts(mut self) -> Result<Vec<Vec<Option<String>>>> {
        let mut rows = Vec::new();
        let count = self.columns.len();
        while let Some(row) = self.next_row()? {
            let mut row = BinaryRow::new(row, count)?;
            let texts = (0..count).map(|at| match row.is_null(at) {
                true => Ok(None),
                false => row.fields.text().map(|text| Some(lossy(text))),
            });
            rows.push(texts.collect::<std::result::Result<_, Cut>>()?);
        }
        self.drain()?;
        Ok(rows)
    }
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// A row of the binary protocol: which columns are NULL, then the values of the others.
#[derive(Debug)]
pub struct BinaryRow<'p> {
    nulls: &'p [u8],
    /// The values.
    pub fields: Fields<'p>,
}

impl<'p> BinaryRow<'p> {
    /// The row of a payload, with so many columns.
    #[inline]
    pub fn new(payload: &'p [u8], columns: usize) -> Result<Self> {
        let mut fields = Fields::new(payload);
        fields.u8()?;
        // The first two bits mean nothing.
        let nulls = fields.bytes((columns + 9) / 8)?;
        Ok(Self { nulls, fields })
    }

    /// Whether a column of the row, counted from 0, is NULL.
    #[inline]
    pub fn is_null(&self, column: usize) -> bool {
        let bit = column + 2;
        self.nulls.get(bit / 8).is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
    }
}

fn read_ok(payload: &[u8]) -> Result<(Answer, StatusFlags)> {
    let mut fields = Fields::new(payload);
    let affected = fields.integer()?;
    fields.integer()?;
    let status = StatusFlags::from_bits_truncate(fields.u16()?);
    Ok((Answer { affected, warnings: fields.u16()? }, status))
}

fn read_end(payload: &[u8]) -> Result<(Answer, StatusFlags)> {
    let mut fields = Fields::new(payload);
    let warnings = fields.u16()?;
    Ok((Answer { affected: 0, warnings }, StatusFlags::from_bits_truncate(fields.u16()?)))
}

fn read_column(payload: &[u8]) -> Result<Column> {
    let mut fields = Fields::new(payload);
    fields.text()?;
    let (schema, table, org_table) = (fields.text()?, fields.text()?, fields.text()?);
    let (name, org_name) = (fields.text()?, fields.text()?);
    fields.integer()?;
    let (charset, length, kind) = (fields.u16()?, fields.u32()?, fields.u8()?);
    let (flags, decimals) = (fields.u16()?, fields.u8()?);
    let kind = ColumnType::try_from(kind).map_err(|_| Error::Protocol("a column is of an unknown type"))?;
    Ok(Column::new(kind)
        .with_schema(schema)
        .with_table(table)
        .with_org_table(org_table)
        .with_name(name)
        .with_org_name(org_name)
        .with_character_set(charset)
        .with_column_length(length)
        .with_flags(ColumnFlags::from_bits_truncate(flags))
        .with_decimals(decimals))
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::Shutdown;

    use super::*;
    use crate::cloud::mysql::{Address, ServerKey, Tls};
    use crate::secret::Secret;

    const OK: &[u8] = b"\x00\x03\x00\x02\x00\x05\x00";
    const END: &[u8] = b"\xfe\x00\x00\x02\x00";
    const MORE: &[u8] = b"\xfe\x00\x00\x0a\x00";

    fn column(name: &[u8], kind: ColumnType) -> Vec<u8> {
        let mut out = Vec::new();
        for text in [&b"def"[..], b"d", b"t", b"t", name, name] {
            out.push(text.len() as u8);
            out.extend_from_slice(text);
        }
        out.extend_from_slice(&[0x0c, 45, 0, 80, 0, 0, 0, kind as u8, 0, 0, 0, 0, 0]);
        out
    }

    fn greeting() -> Vec<u8> {
        let mut greeting =
            b"\x0a9.7.0\x00\x07\x00\x00\x0012345678\x00\xff\xf7\x2d\x02\x00\x0f\x00\x15".to_vec();
        greeting.extend_from_slice(&[0; 10]);
        greeting.extend_from_slice(b"901234567890\x00caching_sha2_password\x00");
        greeting
    }

    /// What a server says in one session, with the numbers of the packets.
    fn session() -> Vec<(u8, Vec<u8>)> {
        let exchanges: [Vec<&[u8]>; 5] = [
            vec![b"\x00\x01\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00", b"long", b"text", END],
            vec![
                b"\x02",
                b"long",
                b"text",
                END,
                b"\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00\x03abc",
                b"\x00\x0c",
                END,
            ],
            vec![b"\x01", b"text", END, b"\x03one", MORE, b"\x01", b"text", END, b"\xfb", END],
            vec![b"\xfbany", OK],
            vec![b"\xff\x7a\x04#42S02Table 't' doesn't exist"],
        ];
        let mut packets = vec![(0, greeting()), (2, OK.to_vec())];
        for exchange in exchanges {
            for (at, payload) in exchange.into_iter().enumerate() {
                // The file that we send is two packets long.
                let number = if payload == OK { 4 } else { at as u8 + 1 };
                packets.push(match payload {
                    b"long" => (number, column(b"a", ColumnType::MYSQL_TYPE_LONGLONG)),
                    b"text" => (number, column(b"b", ColumnType::MYSQL_TYPE_VAR_STRING)),
                    payload => (number, payload.to_vec()),
                });
            }
        }
        packets
    }

    fn framed(packets: &[(u8, Vec<u8>)]) -> Vec<u8> {
        let frame = |(number, payload): &(u8, Vec<u8>)| {
            let [low, high, ..] = (payload.len() as u16).to_le_bytes();
            [&[low, high, 0, *number][..], payload].concat()
        };
        packets.iter().flat_map(frame).collect()
    }

    /// A client that hears this, whatever it says.
    fn connected(said: &[u8]) -> Result<(Connection, UnixStream)> {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(said).unwrap();
        theirs.shutdown(Shutdown::Write).unwrap();
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
        Ok((Connection::over(ours, &options)?, theirs))
    }

    /// What a client makes of the session.
    fn heard(said: &[u8]) -> Result<Vec<String>> {
        let (mut connection, _server) = connected(said)?;
        let statement = connection.prepare("SELECT a, b FROM t")?;
        let names = statement.columns.iter().map(|column| column.name_str().into_owned());
        let mut heard: Vec<String> = names.collect();
        let mut rows = connection.execute(&statement, &[])?;
        while let Some(row) = rows.next_row()? {
            let mut row = BinaryRow::new(row, 2)?;
            heard.push(if row.is_null(0) { "NULL".to_owned() } else { row.fields.i64()?.to_string() });
            heard.push(if row.is_null(1) { "NULL".to_owned() } else { lossy(row.fields.text()?) });
        }
        let mut rows = connection.query("SELECT 'one'; SELECT NULL")?;
        loop {
            while let Some(row) = rows.next_row()? {
                heard.push(format!("{:?}", Fields::new(row).nullable()?.map(lossy)));
            }
            if !rows.next_result()? {
                break;
            }
        }
        heard.push(format!("{:?}", connection.load("LOAD DATA LOCAL INFILE 'x' INTO TABLE t", b"rows")?));
        heard.extend(connection.run("DROP TABLE t").err().map(|error| error.to_string()));
        heard.extend(connection.run("SELECT 1").err().map(|error| error.to_string()));
        Ok(heard)
    }

    #[test]
    fn a_session_is_understood() {
        assert_eq!(
            heard(&framed(&session())).unwrap(),
            [
                "a",
                "b",
                "7",
                "abc",
                "NULL",
                "NULL",
                "Some(\"one\")",
                "None",
                "Answer { affected: 3, warnings: 5 }",
                "Table 't' doesn't exist (MySQL error 1146)",
                "the server ended the connection",
            ]
        );
    }

    #[test]
    fn a_session_that_breaks_anywhere_is_an_error_and_never_a_panic() {
        let packets = session();
        let whole = framed(&packets);
        for length in 0..whole.len() - 60 {
            assert!(heard(&whole[..length]).is_err(), "{length}");
        }
        let mut state = 7_u64;
        for _ in 0..20_000 {
            let mut packets = packets.clone();
            let mut next = |below: usize| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as usize % below
            };
            for _ in 0..=next(3) {
                let at = next(packets.len());
                let payload = &mut packets[at].1;
                match (next(4), payload.len()) {
                    (0, length @ 1..) => payload.truncate(next(length)),
                    (1, length @ 1..) => payload[next(length)] = [0, 0xfb, 0xfe, 0xff][next(4)],
                    (2, length @ 1..) => payload[next(length)] ^= 1 << next(8),
                    _ => payload.extend_from_slice(&[0xfe; 9][..next(9)]),
                }
            }
            let _ = heard(&framed(&packets));
        }
    }

    #[test]
    fn a_file_that_was_not_offered_is_not_sent() {
        let packets = [(0, greeting()), (2, OK.to_vec()), (1, b"\xfb/etc/passwd".to_vec())];
        let (mut connection, _server) = connected(&framed(&packets)).unwrap();
        let error = connection.run("SELECT 1").unwrap_err();
        assert_eq!(error.to_string(), "the server wants a file that it was not offered");
        let error = connection.run("SELECT 1").unwrap_err();
        assert_eq!(error.to_string(), "the connection was left in the middle of a result");
    }
}
