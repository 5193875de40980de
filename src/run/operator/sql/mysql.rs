//! `mysql>`: a server of MySQL's make.

use std::time::Duration;

use mysql::consts::ColumnType;
use mysql::prelude::Queryable;
use mysql::{Column, Conn, Opts, OptsBuilder, SslOpts};
use serde_json::{Number, Value};

use super::script::Script;
use super::stop::Watch;
use super::{Keep, Rows, integer, whole};
use crate::dig::params;
use crate::run::event::FailureKind;
use crate::run::operator::options::{Options, wrong};
use crate::run::operator::{OperatorError, OperatorRequest};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::mysql::driver_error;

/// As `pg>`.
const CONNECT: Duration = Duration::from_secs(30);
/// As `pg>`: how long the server may be silent.
const SILENCE: Duration = Duration::from_secs(1800);

/// Runs a script; gives the rows of the last statement that has columns.
pub(super) fn run(
    script: &Script,
    options: &Options<'_>,
    keep: Keep,
    request: &OperatorRequest<'_>,
) -> Result<Option<Rows>, OperatorError> {
    let (opts, address) = connect_options(options)?;
    let connecting =
        |error| operator_error(driver_error(&error, format!("cannot connect to MySQL at `{address}`")));
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
    let result = run_script(&mut conn, script, keep);
    drop(watch);
    if request.cancel.is_canceled() { Err(OperatorError::canceled()) } else { result }
}

fn connect_options(options: &Options<'_>) -> Result<(Opts, String), OperatorError> {
    let host = options.secret_or_text("host")?.ok_or_else(|| missing("host"))?;
    let user = options.secret_or_text("user")?.ok_or_else(|| missing("user"))?;
    let port = integer(options, "port")?.unwrap_or(3306);
    let port = u16::try_from(port)
        .map_err(|_| OperatorError::config(format!("`port` must be between 0 and 65535, but is {port}")))?;
    let password = match options.text("password_override")? {
        Some(key) => Some(options.secret(&key)?.ok_or_else(|| missing(&key))?),
        None => options.secret_or_text("password")?,
    };
    let builder = OptsBuilder::new()
        .ip_or_hostname(Some(&host))
        .tcp_port(port)
        .user(Some(user))
        .pass(password)
        .db_name(options.secret_or_text("database")?)
        .prefer_socket(false)
        .tcp_connect_timeout(Some(duration(options, "connect_timeout")?.unwrap_or(CONNECT)))
        .read_timeout(Some(duration(options, "socket_timeout")?.unwrap_or(SILENCE)))
        .ssl_opts(tls(options)?);
    Ok((builder.into(), format!("{host}:{port}")))
}

fn missing(key: &str) -> OperatorError {
    OperatorError::config(format!("`{key}` of `mysql>` is not set"))
        .hint(format!("set it in `_export: {{mysql: {{{key}: ...}}}}`, or the secret `mysql.{key}`"))
}

fn duration(options: &Options<'_>, key: &str) -> Result<Option<Duration>, OperatorError> {
    let value = options.get(key);
    value.map(|value| params::to_duration(key, value).map_err(|error| wrong(&error))).transpose()
}

/// `ssl: true` encrypts and verifies the server.
fn tls(options: &Options<'_>) -> Result<Option<SslOpts>, OperatorError> {
    let Some(text) = options.secret_or_text("ssl")? else { return Ok(None) };
    let wanted = params::to_bool("ssl", &Value::String(text)).map_err(|error| wrong(&error))?;
    Ok(wanted.then(SslOpts::default))
}

/// The server parses the script and answers once for each statement.
fn run_script(conn: &mut Conn, script: &Script, keep: Keep) -> Result<Option<Rows>, OperatorError> {
    let mut last = None;
    let mut number = 0;
    let mut answers = conn.query_iter(&script.text).map_err(|error| failed(script, 0, &error))?;
    while let Some(answer) = answers.iter() {
        let columns = answer.columns().as_ref().to_vec();
        let mut rows = match (columns.len(), keep) {
            (0, _) | (_, Keep::Nothing) => Rows::default(),
            _ => Rows::new(columns.iter().map(|column| column.name_str().into_owned()).collect())?,
        };
        for row in answer {
            let row = row.map_err(|error| failed(script, number, &error))?;
            if rows.wants_more(keep) {
                let values = row.unwrap_raw().into_iter().zip(&columns);
                rows.push(values.map(|(value, column)| to_json(value, column)).collect())?;
            }
        }
        if !columns.is_empty() {
            last = Some(rows);
        }
        number += 1;
    }
    Ok(last)
}

fn failed(script: &Script, number: usize, error: &mysql::Error) -> OperatorError {
    let begin = script.line(script.start(number));
    let within = match error {
        mysql::Error::MySqlError(error) => line_within(&error.message),
        _ => None,
    };
    // The server counts from the beginning of the statement.
    let line = within.map_or(begin, |line| begin + line.saturating_sub(1));
    operator_error(driver_error(error, format!("{} failed", script.place(line))))
}

/// The number in `… at line 3` at the end of a syntax error.
fn line_within(message: &str) -> Option<usize> {
    message.rsplit_once(" at line ").and_then(|(_, line)| line.trim().parse().ok())
}

fn operator_error(error: TransferError) -> OperatorError {
    let kind = match error.kind {
        ErrorKind::Unreachable | ErrorKind::ConnectionLost | ErrorKind::Timeout => FailureKind::Unreachable,
        ErrorKind::Config => FailureKind::Config,
        _ => FailureKind::Failed,
    };
    let hint = match error.kind {
        // The remedies of transfers speak of their own files.
        ErrorKind::Query | ErrorKind::NotFound | ErrorKind::Data => error.hint,
        _ => error.remedy().map(str::to_owned),
    };
    let mut failed = OperatorError::new(kind, error.message);
    failed.causes = error.causes;
    failed.hint = hint;
    failed
}

/// Values come as text. Whole numbers and floats become numbers; decimals stay text, which keeps their digits. None
/// for bytes that are no text.
fn to_json(value: Option<mysql::Value>, column: &Column) -> Option<Value> {
    let Some(mysql::Value::Bytes(bytes)) = value else { return Some(Value::Null) };
    if column.column_type() == ColumnType::MYSQL_TYPE_BIT {
        return Some(whole(bytes.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte))));
    }
    let text = String::from_utf8(bytes).ok()?;
    Some(match column.column_type() {
        ColumnType::MYSQL_TYPE_TINY
        | ColumnType::MYSQL_TYPE_SHORT
        | ColumnType::MYSQL_TYPE_INT24
        | ColumnType::MYSQL_TYPE_LONG
        | ColumnType::MYSQL_TYPE_LONGLONG
        | ColumnType::MYSQL_TYPE_YEAR => {
            let number = text.parse::<i64>().map(whole).or_else(|_| text.parse::<u64>().map(whole));
            number.unwrap_or(Value::String(text))
        }
        ColumnType::MYSQL_TYPE_FLOAT | ColumnType::MYSQL_TYPE_DOUBLE => {
            text.parse().ok().and_then(Number::from_f64).map_or(Value::String(text), Value::Number)
        }
        _ => Value::String(text),
    })
}
