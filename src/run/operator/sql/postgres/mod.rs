//! `pg>`: a server of PostgreSQL's wire.
//!
//! A script goes to the server whole, by the simple protocol: the server parts its statements, and all of them are one
//! transaction unless the script says otherwise. Values come as PostgreSQL's own text; where a result is kept, the
//! statement is prepared beforehand, only to learn the types of its columns.

mod error;
mod session;
mod status;

use tokio::runtime::Builder;
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::error::ErrorPosition;
use tokio_postgres::types::Type;

use self::session::{Session, Trouble};
use self::status::Status;
use super::cell::Cell;
use super::connect::{self, PasswordFrom, Server};
use super::job::{Aim, Job, Statements};
use super::sink::Sink;
use super::strict::{Doubt, Ran};
use crate::run::operator::options::Options;
use crate::run::operator::{OperatorError, OperatorRequest};
use crate::session::Level;

const PORT: u16 = 5432;

/// Carries a task out.
pub(super) fn run(
    job: &Job,
    sink: &mut Sink,
    options: &Options<'_>,
    request: &OperatorRequest<'_>,
) -> Result<Ran, OperatorError> {
    let server = Server::read(options, request, PORT, PasswordFrom::Secret)?;
    if server.database.is_none() {
        return Err(connect::missing(&request.operator, "database"));
    }
    let schema = options.secret_or_text("schema")?.filter(|schema| !schema.is_empty());
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        OperatorError::failed("the connection to PostgreSQL could not be prepared").cause(&error)
    })?;
    runtime.block_on(async {
        let session = Session::open(&server, schema.as_deref(), request).await?;
        let ran = carry_out(&session, job, sink, request).await;
        session.close().await;
        ran
    })
}

async fn carry_out(
    session: &Session,
    job: &Job,
    sink: &mut Sink,
    request: &OperatorRequest<'_>,
) -> Result<Ran, OperatorError> {
    if job.aim.keeps_result() {
        let fetched = fetch(session, job, sink).await;
        if fetched.is_err() {
            session.undo().await;
        }
        return fetched.map(|()| Ran::Now);
    }
    let text = Text::new(job);
    let Some(strict) = &job.strict else {
        return text.run(session, Doubt::Some).await.map(|()| Ran::Now);
    };
    let status = Status::open(session, strict).await?;
    let ran = status.once(text.run(session, Doubt::None)).await?;
    if ran != Ran::Locked
        && let Some(reason) = status.clean().await
    {
        let text = format!("old rows of `{}` could not be removed: {reason}", strict.table);
        request.reporter.log(Level::Warn, &text);
    }
    Ok(ran)
}

/// One statement, whose rows go into the sink. All of it is one transaction: when the rows are refused, what the
/// statement wrote is undone.
async fn fetch(session: &Session, job: &Job, sink: &mut Sink) -> Result<(), OperatorError> {
    let text = Text::new(job);
    let failed = |done: usize, trouble: Trouble| text.failed(done, trouble, Doubt::None);
    session.execute("BEGIN").await.map_err(|trouble| failed(0, trouble))?;
    let prepared = session.prepare(&job.script.text).await;
    let statement = prepared.map_err(|trouble| match job.script.statements() {
        2.. if trouble.has_code(&["42601"]) => {
            OperatorError::config("a query whose result is kept must be one statement")
                .hint("let the statements before it be a task of their own")
        }
        _ => failed(0, trouble),
    })?;
    if statement.columns().is_empty() {
        let place = job.script.place(job.script.line(job.script.start(0)));
        return Err(OperatorError::failed(format!("{place} gives no result that could be kept")));
    }
    let kinds: Vec<Type> = statement.columns().iter().map(|column| column.type_().clone()).collect();
    drop(statement);
    let taken = session.script(&job.script.text, |message| take(message, &kinds, sink)).await;
    taken.map_err(|(done, trouble)| failed(done, trouble))?;
    sink.flush()?;
    let committed = session.execute("COMMIT").await;
    committed.map_err(|trouble| trouble.during("the query could not be committed", Doubt::None))
}

fn take(message: SimpleQueryMessage, kinds: &[Type], sink: &mut Sink) -> Result<(), OperatorError> {
    match message {
        SimpleQueryMessage::RowDescription(columns) => {
            sink.begin(columns.iter().map(|column| column.name().to_owned()).collect())
        }
        SimpleQueryMessage::Row(row) if sink.wants_rows() => {
            let cells: Vec<_> = kinds
                .iter()
                .enumerate()
                .map(|(at, kind)| cell(row.try_get(at).ok().flatten(), kind))
                .collect();
            sink.row(&cells)
        }
        _ => Ok(()),
    }
}

/// PostgreSQL's text of a value.
fn cell<'a>(text: Option<&'a str>, kind: &Type) -> Cell<'a> {
    let Some(text) = text else { return Cell::Null };
    match *kind {
        Type::BOOL => Cell::Bool(text == "t"),
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => Cell::Whole(text.into()),
        Type::FLOAT4 | Type::FLOAT8 => Cell::Float(text.into()),
        Type::NUMERIC => Cell::Decimal(text.into()),
        _ => Cell::Text(text.into()),
    }
}

/// The statements that carry a script out, and the errors that name their lines.
struct Text<'a> {
    job: &'a Job,
    statements: Statements,
}

impl<'a> Text<'a> {
    fn new(job: &'a Job) -> Self {
        Self { job, statements: job.statements('"') }
    }

    async fn run(&self, session: &Session, doubt: Doubt) -> Result<(), OperatorError> {
        let ran = session.script(&self.statements.sql, |_| Ok(())).await;
        ran.map_err(|(done, trouble)| self.failed(done, trouble, doubt))
    }

    /// The error after so many statements.
    fn failed(&self, done: usize, trouble: Trouble, doubt: Doubt) -> OperatorError {
        let script = &self.job.script;
        let (before, lead) = (self.statements.before.chars().count(), self.statements.lead);
        let position = trouble.position();
        let ours = position.map_or(done < lead, |position| position < before);
        match &self.job.aim {
            Aim::CreateTable(table) if ours => {
                return trouble.during(format!("table `{table}` could not be replaced"), doubt);
            }
            Aim::InsertInto(table) if ours => {
                return trouble.during(format!("nothing could be inserted into table `{table}`"), doubt);
            }
            _ => {}
        }
        let place = position.and_then(|position| position.checked_sub(before));
        let byte = match place {
            Some(character) => {
                script.text.char_indices().nth(character).map_or(script.text.len(), |(byte, _)| byte)
            }
            None => script.start(done.saturating_sub(lead)),
        };
        trouble.during(format!("{} failed", script.place(script.line(byte))), doubt)
    }
}

impl Trouble {
    /// Whether the server refused with one of these codes.
    fn has_code(&self, codes: &[&str]) -> bool {
        matches!(self, Self::Server(error) if codes.contains(&error.code().code()))
    }

    /// The character, from 0, of the statement that it is about.
    fn position(&self) -> Option<usize> {
        let Self::Server(error) = self else { return None };
        match error.position()? {
            ErrorPosition::Original(position) => usize::try_from(*position).ok()?.checked_sub(1),
            ErrorPosition::Internal { .. } => None,
        }
    }
}
