//! `mysql>`: a server of MySQL's make.
//!
//! The server parses a script and answers once for each statement, each committed as the server does it by itself.
//! `create_table` fills a table under another name and swaps it in by one `RENAME TABLE`, because MySQL has no
//! transaction around the making of tables.

mod create;
mod error;
mod status;

use std::sync::Arc;
use std::time::Duration;

use self::error::failed;
use super::cell::Cell;
use super::connect::{PasswordFrom, Server, Tls};
use super::job::{Aim, Job};
use super::sink::Sink;
use super::stop::Watch;
use super::strict::{Doubt, Ran};
use crate::cloud::fault::retry::Absence;
use crate::cloud::mysql::{self, Address, Column, ColumnType, Connection, Cut, Error, Fields, ServerKey};
use crate::run::operator::options::Options;
use crate::run::operator::{OperatorError, OperatorRequest};
use crate::secret::Secret;

const PORT: u16 = 3306;

/// Carries a task out.
pub(super) fn run(
    job: &Job,
    sink: &mut Sink,
    options: &Options<'_>,
    request: &OperatorRequest<'_>,
) -> Result<Ran, OperatorError> {
    let server = Server::read(options, request, PORT, PasswordFrom::SecretOrOption)?;
    let door = Arc::new(Door::to(server)?);
    let mut connection = door.enter(request)?;
    let id = connection.id();
    let killer = Arc::clone(&door);
    let watch = Watch::new(&request.cancel, move || {
        // A server that cannot be reached any more has stopped the statement itself.
        if let Ok(mut killer) = killer.open() {
            let _ = killer.run(&format!("KILL QUERY {id}"));
        }
    })
    .map_err(|error| OperatorError::failed("a thread could not be started").cause(&error))?;
    let result = carry_out(&mut connection, job, sink, request);
    drop(watch);
    if request.cancel.is_canceled() { Err(OperatorError::canceled()) } else { result }
}

/// How the server is entered.
struct Door {
    server: Server,
    password: Secret,
    tls: mysql::Tls,
}

impl Door {
    fn to(server: Server) -> Result<Self, OperatorError> {
        let tls = match server.tls {
            Tls::Off => mysql::Tls::Off,
            tls => mysql::Tls::Required(Arc::new(tls.config()?)),
        };
        let password = server.password.clone().unwrap_or_else(|| Secret::new(""));
        Ok(Self { server, password, tls })
    }

    /// Opens it, again as long as a server that went away may come back.
    fn enter(&self, request: &OperatorRequest<'_>) -> Result<Connection, OperatorError> {
        let once = || {
            let mut connection = self.open()?;
            // MySQL cuts `group_concat` at 1,024 bytes without an error, and lists of columns are longer.
            connection.run("SET SESSION group_concat_max_len = 1048576")?;
            Ok(connection)
        };
        let (retrying, mut absence) = (request.retrying(), Absence::new(request.services.patience.tables));
        loop {
            let error = match once() {
                Ok(connection) => {
                    absence.over(&retrying);
                    return Ok(connection);
                }
                Err(error) => error::connecting(&error, &self.server.address()),
            };
            let pause = error.again(&mut absence, &retrying)?;
            request.cancel.pause(pause).map_err(|_| OperatorError::canceled())?;
        }
    }

    fn open(&self) -> mysql::Result<Connection> {
        let server = &self.server;
        let limit = |duration: Duration| (!duration.is_zero()).then_some(duration);
        Connection::open(&mysql::Options {
            address: Address::Tcp { host: &server.host, port: server.port },
            user: &server.user,
            password: &self.password,
            database: server.database.as_deref().unwrap_or_default(),
            tls: self.tls.clone(),
            key: ServerKey::Asked,
            connect_timeout: limit(server.connect),
            silence: limit(server.silence),
        })
    }
}

fn carry_out(
    connection: &mut Connection,
    job: &Job,
    sink: &mut Sink,
    request: &OperatorRequest<'_>,
) -> Result<Ran, OperatorError> {
    if let Some(strict) = &job.strict {
        return status::once(connection, strict, request, |connection| {
            work(connection, job, sink, request, Doubt::None)
        });
    }
    let doubt = if job.aim.keeps_result() { Doubt::None } else { Doubt::Some };
    work(connection, job, sink, request, doubt).map(|()| Ran::Now)
}

fn work(
    connection: &mut Connection,
    job: &Job,
    sink: &mut Sink,
    request: &OperatorRequest<'_>,
    doubt: Doubt,
) -> Result<(), OperatorError> {
    match &job.aim {
        Aim::Run | Aim::Store(_) | Aim::Download(_) => {
            run_script(connection, &job.script.text, 0, job, sink, doubt)?;
            sink.flush()
        }
        Aim::InsertInto(_) => run_script(connection, &job.statements('`').sql, 1, job, sink, doubt),
        Aim::CreateTable(table) => create::create_table(connection, table, job, sink, request),
    }
}

/// Runs `sql`, which is the script of the job with so many lines before it. The last result that has columns counts.
fn run_script(
    connection: &mut Connection,
    sql: &str,
    lines: usize,
    job: &Job,
    sink: &mut Sink,
    doubt: Doubt,
) -> Result<(), OperatorError> {
    let mut number = 0;
    let failed = |number, error: &Error| failed(&job.script, number, lines, error, doubt);
    let mut rows = connection.query(sql).map_err(|error| failed(0, &error))?;
    loop {
        let columns = rows.columns().to_vec();
        if !columns.is_empty() {
            sink.begin(columns.iter().map(|column| column.name_str().into_owned()).collect())?;
        }
        while let Some(row) = rows.next_row().map_err(|error| failed(number, &error))? {
            if sink.wants_rows() {
                let mut fields = Fields::new(row);
                let cells = columns.iter().map(|column| Ok(cell(fields.nullable()?, column)));
                let cells: Vec<_> =
                    cells.collect::<Result<_, Cut>>().map_err(|cut| failed(number, &cut.into()))?;
                sink.row(&cells)?;
            }
        }
        number += 1;
        if !rows.next_result().map_err(|error| failed(number, &error))? {
            return Ok(());
        }
    }
}

/// Values come as text; decimals stay text, which keeps their digits.
fn cell<'a>(value: Option<&'a [u8]>, column: &Column) -> Cell<'a> {
    let Some(bytes) = value else { return Cell::Null };
    if column.column_type() == ColumnType::MYSQL_TYPE_BIT {
        let bits = bytes.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        return Cell::Whole(bits.to_string().into());
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return Cell::Bytes };
    match column.column_type() {
        ColumnType::MYSQL_TYPE_TINY
        | ColumnType::MYSQL_TYPE_SHORT
        | ColumnType::MYSQL_TYPE_INT24
        | ColumnType::MYSQL_TYPE_LONG
        | ColumnType::MYSQL_TYPE_LONGLONG
        | ColumnType::MYSQL_TYPE_YEAR => Cell::Whole(text.into()),
        ColumnType::MYSQL_TYPE_FLOAT | ColumnType::MYSQL_TYPE_DOUBLE => Cell::Float(text.into()),
        _ => Cell::Text(text.into()),
    }
}
