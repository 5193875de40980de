//! Statements and their results.

use mysql_common::constants::{ColumnFlags, ColumnType, StatusFlags};
use mysql_common::packets::Column;

use super::Result;
use super::error::Error;
use super::fields::Fields;
use super::login::login;
use super::options::Options;
use super::packets::{Packets, Payload};
use super::stream::Stream;

const QUIT: u8 = 0x01;
const QUERY: u8 = 0x03;
const PREPARE: u8 = 0x16;
const EXECUTE: u8 = 0x17;
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

    fn texts(mut self) -> Result<Vec<Vec<Option<String>>>> {
        let mut rows = Vec::new();
        let count = self.columns.len();
        while let Some(row) = self.next_row()? {
            let mut fields = Fields::new(row);
            let row = (0..count).map(|_| fields.nullable().map(|text| text.map(lossy)));
            rows.push(row.collect::<Result<_>>()?);
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
            rows.push(texts.collect::<Result<_>>()?);
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
