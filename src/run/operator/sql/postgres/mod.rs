//! `pg>` and `redshift>`: a server of PostgreSQL's wire.
//!
//! A script goes to the server whole, by the simple protocol: the server parts its statements, and all of them are one
//! transaction unless the script says otherwise. Values come as PostgreSQL's own text; where a result is kept, the
//! statement is prepared beforehand, only to learn the types of its columns.

mod error;
pub(super) mod product;
pub(super) mod session;
mod status;

use tokio::runtime::Builder;
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::error::ErrorPosition;
use tokio_postgres::types::Type;

use self::product::Product;
use self::session::{Session, Trouble};
use self::status::Status;
use super::cell::Cell;
use super::connect::{self, PasswordFrom, Server};
use super::job::{Aim, Job, Statements};
use super::redshift;
use super::sink::Sink;
use super::strict::{Doubt, Ran, Strict};
use crate::run::operator::options::Options;
use crate::run::operator::{OperatorError, OperatorRequest};
use crate::session::Level;

/// Carries a task out.
pub(super) fn run(
    job: &Job,
    sink: &mut Sink,
    options: &Options<'_>,
    product: Product,
    request: &OperatorRequest<'_>,
) -> Result<Ran, OperatorError> {
    within_session(options, product, request, async |session| {
        carry_out(session, job, sink, product, request).await
    })
}

/// Does something over a connection of its own, and ends that.
pub(super) fn within_session<T>(
    options: &Options<'_>,
    product: Product,
    request: &OperatorRequest<'_>,
    work: impl AsyncFnOnce(&Session) -> Result<T, OperatorError>,
) -> Result<T, OperatorError> {
    let server = Server::read(options, request, product.port(), PasswordFrom::Secret)?;
    if server.database.is_none() {
        return Err(connect::missing(&request.operator, options, "database"));
    }
    let schema = options.secret_or_text("schema")?.filter(|schema| !schema.is_empty());
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        let product = product.name();
        OperatorError::failed(format!("the connection to {product} could not be prepared")).cause(&error)
    })?;
    runtime.block_on(async {
        let session = Session::enter(&server, schema.as_deref(), product, request).await?;
        let mut done = work(&session).await;
        if let Err(error) = &mut done
            && session.has_failed_load()
        {
            redshift::load_errors::tell(&session, error).await;
        }
        session.close().await;
        done
    })
}

async fn carry_out(
    session: &Session,
    job: &Job,
    sink: &mut Sink,
    product: Product,
    request: &OperatorRequest<'_>,
) -> Result<Ran, OperatorError> {
    if job.aim.keeps_result() {
        let fetched = fetch(session, job, product, sink).await;
        if fetched.is_err() {
            session.undo().await;
        }
        return fetched.map(|()| Ran::Now);
    }
    let text = Text::new(job, product);
    let Some(strict) = &job.strict else {
        return text.run(session, Doubt::Some).await.map(|()| Ran::Now);
    };
    once(session, strict, product, request, text.run(session, Doubt::None)).await
}

/// Carries a script out exactly once.
pub(super) async fn once(
    session: &Session,
    strict: &Strict,
    product: Product,
    request: &OperatorRequest<'_>,
    script: impl Future<Output = Result<(), OperatorError>>,
) -> Result<Ran, OperatorError> {
    let (ran, unclean) = match product {
        Product::Postgres => {
            let status = Status::open(session, strict).await?;
            let ran = status.once(script).await?;
            (ran, if ran == Ran::Locked { None } else { status.clean().await })
        }
        Product::Redshift => {
            let status = redshift::status::Status::open(session, strict).await?;
            let ran = status.once(&request.reporter, script).await?;
            (ran, if ran == Ran::Locked { None } else { status.clean().await })
        }
    };
    if let Some(reason) = unclean {
        let text = format!("old rows of `{}` could not be removed: {reason}", strict.table);
        request.reporter.log(Level::Warn, &text);
    }
    Ok(ran)
}

/// One statement, whose rows go into the sink. All of it is one transaction: when the rows are refused, what the
/// statement wrote is undone.
async fn fetch(session: &Session, job: &Job, product: Product, sink: &mut Sink) -> Result<(), OperatorError> {
    let text = Text::new(job, product);
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
    product: Product,
}

impl<'a> Text<'a> {
    fn new(job: &'a Job, product: Product) -> Self {
        Self { job, statements: job.statements('"'), product }
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
        let is_servers = matches!(trouble, Trouble::Server(_));
        let mut error = trouble.during(format!("{} failed", script.place(script.line(byte))), doubt);
        if is_servers && self.product == Product::Redshift {
            error.causes.push(format!("the statement is `{}`", script.excerpt(byte)));
        }
        error
    }
}

impl Trouble {
    /// Whether transactions of Redshift could not be put in an order.
    pub(super) fn is_conflict(&self) -> bool {
        matches!(self, Self::Server(refused) if refused.is_conflict())
    }

    /// Whether the server refused with one of these codes.
    pub(super) fn has_code(&self, codes: &[&str]) -> bool {
        matches!(self, Self::Server(refused) if codes.contains(&refused.code()))
    }

    /// The character, from 0, of the statement that it is about.
    fn position(&self) -> Option<usize> {
        let Self::Server(refused) = self else { return None };
        match refused.error.position()? {
            ErrorPosition::Original(position) => usize::try_from(*position).ok()?.checked_sub(1),
            ErrorPosition::Internal { .. } => None,
        }
    }
}
