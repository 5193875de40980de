//! `mysql>`: a server of MySQL's make.
//!
//! The server parses a script and answers once for each statement, each committed as the server does it by itself.
//! `create_table` fills a table under another name and swaps it in by one `RENAME TABLE`, because MySQL has no
//! transaction around the making of tables.

mod create;
mod error;
mod status;

use mysql::consts::ColumnType;
use mysql::prelude::Queryable;
use mysql::{Column, Conn, Opts, OptsBuilder, SslOpts};

use self::error::failed;
use super::cell::Cell;
use super::connect::{PasswordFrom, Server, Tls};
use super::job::{Aim, Job};
use super::sink::Sink;
use super::stop::Watch;
use super::strict::{Doubt, Ran};
use crate::run::operator::options::Options;
use crate::run::operator::{OperatorError, OperatorRequest};

const PORT: u16 = 3306;

/// Carries a task out.
pub(super) fn run(
    job: &Job,
    sink: &mut Sink,
    options: &Options<'_>,
    request: &OperatorRequest<'_>,
) -> Result<Ran, OperatorError> {
    let server = Server::read(options, request, PORT, PasswordFrom::SecretOrOption)?;
    let opts = connect_options(&server);
    let connecting = |error: mysql::Error| error::connecting(&error, &server.address());
    let mut conn = Conn::new(opts.clone()).map_err(connecting)?;
    // MySQL cuts `group_concat` at 1,024 bytes without an error, and lists of columns are longer.
    conn.query_drop("SET SESSION group_concat_max_len = 1048576").map_err(connecting)?;
    let id = conn.connection_id();
    let watch = Watch::new(&request.cancel, move || {
        // A server that cannot be reached any more has stopped the statement itself.
        if let Ok(mut killer) = Conn::new(opts) {
            let _ = killer.query_drop(format!("KILL QUERY {id}"));
        }
    })
    .map_err(|error| OperatorError::failed("a thread could not be started").cause(&error))?;
    let result = carry_out(&mut conn, job, sink, request);
    drop(watch);
    if request.cancel.is_canceled() { Err(OperatorError::canceled()) } else { result }
}

fn connect_options(server: &Server) -> Opts {
    let limit = |duration: std::time::Duration| (!duration.is_zero()).then_some(duration);
    let tls = (server.tls != Tls::Off).then(|| {
        // The driver makes TLS with the provider of the process.
        crate::cloud::install_crypto();
        let any = server.tls == Tls::Unverified;
        SslOpts::default().with_danger_accept_invalid_certs(any).with_danger_skip_domain_validation(any)
    });
    OptsBuilder::new()
        .ip_or_hostname(Some(&server.host))
        .tcp_port(server.port)
        .user(Some(&server.user))
        .pass(server.password.as_ref())
        .db_name(server.database.as_ref())
        .prefer_socket(false)
        .tcp_connect_timeout(limit(server.connect))
        .read_timeout(limit(server.silence))
        .ssl_opts(tls)
        .into()
}

fn carry_out(
    conn: &mut Conn,
    job: &Job,
    sink: &mut Sink,
    request: &OperatorRequest<'_>,
) -> Result<Ran, OperatorError> {
    if let Some(strict) = &job.strict {
        return status::once(conn, strict, request, |conn| work(conn, job, sink, request, Doubt::None));
    }
    let doubt = if job.aim.keeps_result() { Doubt::None } else { Doubt::Some };
    work(conn, job, sink, request, doubt).map(|()| Ran::Now)
}

fn work(
    conn: &mut Conn,
    job: &Job,
    sink: &mut Sink,
    request: &OperatorRequest<'_>,
    doubt: Doubt,
) -> Result<(), OperatorError> {
    match &job.aim {
        Aim::Run | Aim::Store(_) | Aim::Download(_) => {
            run_script(conn, &job.script.text, 0, job, sink, doubt)?;
            sink.flush()
        }
        Aim::InsertInto(_) => run_script(conn, &job.statements('`').sql, 1, job, sink, doubt),
        Aim::CreateTable(table) => create::create_table(conn, table, job, sink, request),
    }
}

/// Runs `sql`, which is the script of the job with so many lines before it. The last result that has columns counts.
fn run_script(
    conn: &mut Conn,
    sql: &str,
    lines: usize,
    job: &Job,
    sink: &mut Sink,
    doubt: Doubt,
) -> Result<(), OperatorError> {
    let mut number = 0;
    let failed = |number, error: &mysql::Error| failed(&job.script, number, lines, error, doubt);
    let mut answers = conn.query_iter(sql).map_err(|error| failed(0, &error))?;
    while let Some(answer) = answers.iter() {
        let columns = answer.columns().as_ref().to_vec();
        if !columns.is_empty() {
            sink.begin(columns.iter().map(|column| column.name_str().into_owned()).collect())?;
        }
        for row in answer {
            let row = row.map_err(|error| failed(number, &error))?;
            if sink.wants_rows() {
                let values = row.unwrap_raw();
                let cells: Vec<_> =
                    values.iter().zip(&columns).map(|(value, column)| cell(value.as_ref(), column)).collect();
                sink.row(&cells)?;
            }
        }
        number += 1;
    }
    Ok(())
}

/// Values come as text; decimals stay text, which keeps their digits.
fn cell<'a>(value: Option<&'a mysql::Value>, column: &Column) -> Cell<'a> {
    let Some(mysql::Value::Bytes(bytes)) = value else { return Cell::Null };
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
