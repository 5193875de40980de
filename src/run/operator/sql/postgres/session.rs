//! One connection to a server of PostgreSQL's wire, for the time of one task. It is PostgreSQL or Redshift.
//!
//! It lives on a runtime of the task's own thread, so what the server says on the side reaches the task's log in
//! order. Whoever waits for an answer also looks whether the task is to stop, and for how long the server was silent.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::TryStreamExt as _;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::{DbError, Severity};
use tokio_postgres::{AsyncMessage, Client, Config, Connection, SimpleQueryMessage, Socket, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::{self, Refused};
use super::product::Product;
use crate::cloud::fault::Fault;
use crate::cloud::fault::retry::Absence;
use crate::cloud::postgres::{chain, within};
use crate::run::operator::sql::connect::{Server, Tls};
use crate::run::operator::sql::strict::Doubt;
use crate::run::operator::{Cancel, OperatorError, OperatorRequest, Reporter};
use crate::session::Level;

/// How often a waiting task looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(100);
/// How long the server has to end a statement that is not wanted any more.
const GOODBYE: Duration = Duration::from_secs(5);

/// What can go wrong between the two sides.
pub(in crate::run::operator::sql) enum Trouble {
    /// The server refused.
    Server(Box<Refused>),
    /// The connection is gone; with the chain of causes.
    Lost(Vec<String>),
    /// The server was silent for too long.
    Silent(Duration),
    /// The driver met something that it does not know.
    Driver(Vec<String>),
    /// The task is to stop.
    Canceled,
    /// We do not want what came.
    Refused(OperatorError),
}

/// An open connection.
pub(in crate::run::operator::sql) struct Session {
    client: Client,
    driver: JoinHandle<()>,
    /// Why the connection ended, once it has.
    end: Arc<Mutex<Option<Vec<String>>>>,
    tls: MakeRustlsConnect,
    cancel: Cancel,
    silence: Duration,
    product: Product,
    /// Whether a load of Redshift failed whose errors lie in a system table.
    has_failed_load: Cell<bool>,
}

impl Session {
    /// Connects, again as long as a server that went away may come back.
    pub(in crate::run::operator::sql) async fn enter(
        server: &Server,
        schema: Option<&str>,
        product: Product,
        request: &OperatorRequest<'_>,
    ) -> Result<Self, OperatorError> {
        let (retrying, mut absence) = (request.retrying(), Absence::new(request.services.patience.tables));
        loop {
            let error = match Self::open(server, schema, product, request).await {
                Ok(session) => {
                    absence.over(&retrying);
                    return Ok(session);
                }
                Err(error) => error,
            };
            let pause = error.again(&mut absence, &retrying)?;
            let slept = stoppable(&request.cancel, tokio::time::sleep(pause)).await;
            slept.ok_or_else(OperatorError::canceled)?;
        }
    }

    /// Connects. `schema` is a search path as PostgreSQL writes one.
    pub(in crate::run::operator::sql) async fn open(
        server: &Server,
        schema: Option<&str>,
        product: Product,
        request: &OperatorRequest<'_>,
    ) -> Result<Self, OperatorError> {
        let tls = MakeRustlsConnect::new(server.tls.config()?);
        let config = config(server);
        let connecting =
            within(server.connect, stoppable(&request.cancel, Box::pin(config.connect(tls.clone()))));
        let (client, connection) = match connecting.await {
            Some(Some(Ok(connected))) => connected,
            Some(Some(Err(error))) => {
                return Err(error::not_connected(server, product, &error));
            }
            Some(None) => return Err(OperatorError::canceled()),
            None => return Err(too_slow(server, product)),
        };
        let end = Arc::default();
        let driver = drive(connection, product, request.reporter.clone(), Arc::clone(&end));
        let session = Self {
            client,
            driver: tokio::spawn(driver),
            end,
            tls,
            cancel: request.cancel.clone(),
            silence: server.silence,
            product,
            has_failed_load: Cell::new(false),
        };
        let set_up = session.execute(&product.set_up(schema)).await;
        set_up.map_err(|trouble| trouble.during("the session could not be set up", Doubt::None))?;
        Ok(session)
    }

    /// Says goodbye and waits until everything that the server said is in the log.
    pub(in crate::run::operator::sql) async fn close(self) {
        drop(self.client);
        // A server that does not answer has nothing more to say.
        let _ = timeout(GOODBYE, self.driver).await;
    }

    /// Runs statements whose rows nobody wants.
    pub(in crate::run::operator::sql) async fn execute(&self, sql: &str) -> Result<(), Trouble> {
        self.answer(self.client.batch_execute(sql)).await
    }

    /// Whether a load of Redshift failed in it.
    pub(in crate::run::operator::sql) fn has_failed_load(&self) -> bool {
        self.has_failed_load.get()
    }

    /// The first columns of the rows of a query.
    pub(in crate::run::operator::sql) async fn rows<const COLUMNS: usize>(
        &self,
        sql: &str,
    ) -> Result<Vec<[Option<String>; COLUMNS]>, Trouble> {
        let messages = self.answer(self.client.simple_query(sql)).await?;
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some(std::array::from_fn(|at| row.try_get(at).ok().flatten().map(str::to_owned)))
            }
            _ => None,
        });
        Ok(rows.collect())
    }

    /// Asks the server what the result of a query will be, without running it.
    pub(in crate::run::operator::sql) async fn prepare(&self, sql: &str) -> Result<Statement, Trouble> {
        self.answer(self.client.prepare(sql)).await
    }

    /// Runs a script and hands every message over. An error comes with the number of statements before it.
    pub(in crate::run::operator::sql) async fn script(
        &self,
        sql: &str,
        mut take: impl FnMut(SimpleQueryMessage) -> Result<(), OperatorError>,
    ) -> Result<(), (usize, Trouble)> {
        let mut done = 0;
        let stream = self.answer(self.client.simple_query_raw(sql)).await.map_err(|trouble| (0, trouble))?;
        let mut stream = pin!(stream);
        while let Some(message) = self.answer(stream.try_next()).await.map_err(|trouble| (done, trouble))? {
            done += usize::from(matches!(message, SimpleQueryMessage::CommandComplete(_)));
            if let Err(error) = take(message) {
                // What the server has still to say about it is not wanted.
                let _ = timeout(GOODBYE, self.client.cancel_token().cancel_query(self.tls.clone())).await;
                return Err((done, Trouble::Refused(error)));
            }
        }
        Ok(())
    }

    /// Ends the transaction after something went wrong. Where that fails the end of the connection does it.
    pub(in crate::run::operator::sql) async fn undo(&self) {
        let _ = timeout(GOODBYE, self.client.batch_execute("ROLLBACK")).await;
    }

    /// Waits for an answer.
    async fn answer<T>(
        &self,
        asking: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Trouble> {
        let mut asking = pin!(asking);
        let trouble = if self.cancel.is_canceled() {
            Trouble::Canceled
        } else {
            match within(self.silence, stoppable(&self.cancel, asking.as_mut())).await {
                Some(Some(answer)) => return answer.map_err(|error| self.trouble(&error)),
                Some(None) => Trouble::Canceled,
                None => Trouble::Silent(self.silence),
            }
        };
        // Nothing goes on behind a task that has ended.
        let stop = async {
            let _ = self.client.cancel_token().cancel_query(self.tls.clone()).await;
            let _ = asking.await;
        };
        let _ = timeout(GOODBYE, stop).await;
        Err(trouble)
    }

    fn trouble(&self, error: &tokio_postgres::Error) -> Trouble {
        if let Some(error) = error.as_db_error() {
            let refused = Refused { error: error.clone(), product: self.product };
            self.has_failed_load.set(self.has_failed_load.get() || refused.is_failed_load());
            return Trouble::Server(Box::new(refused));
        }
        let causes = chain(error);
        if error.is_closed() {
            let end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
            return Trouble::Lost(end.clone().unwrap_or(causes));
        }
        Trouble::Driver(causes)
    }
}

fn config(server: &Server) -> Config {
    let mut config = Config::new();
    config
        .host(&server.host)
        .port(server.port)
        .user(&server.user)
        .application_name("sync")
        .ssl_mode(if server.tls == Tls::Off { SslMode::Disable } else { SslMode::Require });
    if let Some(password) = &server.password {
        config.password(password.expose());
    }
    if let Some(database) = &server.database {
        config.dbname(database);
    }
    config
}

fn too_slow(server: &Server, product: Product) -> OperatorError {
    let mut error = OperatorError::unreachable(error::no_connection(server, product));
    error.fault = Some(Fault::NoConnection);
    error.causes.push(format!("no connection within {} s", server.connect.as_secs()));
    error.hint("check host, port and network, then retry")
}

/// The future, unless the task is to stop.
async fn stoppable<F: Future>(cancel: &Cancel, future: F) -> Option<F::Output> {
    let stopped = async {
        while !cancel.is_canceled() {
            tokio::time::sleep(LOOK).await;
        }
    };
    // What is ready goes first: rows come faster than a timer can be set.
    tokio::select! {
        biased;
        output = future => Some(output),
        () = stopped => None,
    }
}

/// Moves the bytes of a connection to its end; what the server says on the side goes to the log.
async fn drive<S>(
    mut connection: Connection<Socket, S>,
    product: Product,
    reporter: Reporter,
    end: Arc<Mutex<Option<Vec<String>>>>,
) where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
        match message {
            Ok(AsyncMessage::Notice(notice)) => {
                reporter.log(level(&notice), &format!("{} says: {}", product.name(), notice.message()));
            }
            Ok(_) => {}
            Err(error) => {
                *end.lock().unwrap_or_else(PoisonError::into_inner) = Some(chain(&error));
                return;
            }
        }
    }
}

/// What is no warning goes to the task's log alone: the scripts of hundreds of tables would fill a terminal with
/// "does not exist, skipping".
fn level(notice: &DbError) -> Level {
    // Redshift has only the word that people read.
    match (notice.parsed_severity(), notice.severity()) {
        (Some(Severity::Warning), _) | (None, "WARNING") => Level::Warn,
        _ => Level::Debug,
    }
}
