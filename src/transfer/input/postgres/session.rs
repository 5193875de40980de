//! A connection as a long read needs it, on a runtime of the reader's own thread: nothing of it runs while the reader
//! waits for its queue, so a slow target slows the server and fills no memory.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use jiff::tz::TimeZone;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::{CancelToken, Client, Config, SimpleQueryMessage, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::{self, Trouble};
use super::properties::{Access, Properties, Server};
use crate::cloud::postgres::{chain, literal, within};
use crate::cloud::tls::{self, OwnCertificate};
use crate::embulk::input::DatabaseAuth;
use crate::secret::Secret;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::iam;
use crate::transfer::input::property::Encryption;
use crate::transfer::input::select::quoted;
use crate::transfer::input::{Flow, Stop};

/// How long the server has to end a statement that is not wanted any more.
pub(super) const GOODBYE: Duration = Duration::from_secs(4);

/// An open connection.
pub(in crate::transfer) struct Session {
    pub(super) runtime: Runtime,
    pub(super) client: Client,
    driver: JoinHandle<()>,
    /// Why the connection ended, once it has.
    end: Arc<Mutex<Option<Vec<String>>>>,
    pub(super) tls: MakeRustlsConnect,
    pub(super) silence: Duration,
}

impl Session {
    /// Connects and sets the session up.
    pub(in crate::transfer) fn open(
        config: &Access<'_>,
        properties: &Properties,
        zone: &TimeZone,
        address: &str,
    ) -> Result<Self, TransferError> {
        let server = config.server.name();
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| {
            let what = format!("the connection to {server} could not be prepared");
            TransferError::new(ErrorKind::Busy, what).caused_by(&error)
        })?;
        let tls = connector(properties)?;
        let wire = wire(config, properties, &password(config, properties, address)?);
        let connecting = runtime.block_on(async {
            within(properties.connect_timeout, Box::pin(wire.connect(tls.clone()))).await
        });
        let (client, connection) = match connecting {
            Some(Ok(connected)) => connected,
            Some(Err(error)) => return Err(error::not_connected(server, address, &error)),
            None => return Err(error::too_slow(server, address, properties.connect_timeout)),
        };
        let end: Arc<Mutex<Option<Vec<String>>>> = Arc::default();
        let ended = Arc::clone(&end);
        let driver = runtime.spawn(async move {
            if let Err(error) = connection.await {
                *ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(chain(&error));
            }
        });
        let session = Self { runtime, client, driver, end, tls, silence: properties.socket_timeout };
        session
            .run(&match config.server {
                Server::Postgresql => set_up(config, properties, zone),
                Server::Redshift => set_up_redshift(properties, zone),
            })
            .map_err(|trouble| trouble.during("the session could not be set up"))?;
        Ok(session)
    }

    /// Runs statements whose rows nobody wants.
    pub(in crate::transfer) fn run(&self, sql: &str) -> Result<(), Trouble> {
        self.answer(self.client.batch_execute(sql))
    }

    /// The first column of the rows of a query.
    pub(in crate::transfer) fn texts(&self, sql: &str) -> Result<Vec<String>, Trouble> {
        let messages = self.answer(self.client.simple_query(sql))?;
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.try_get(0).ok().flatten().map(str::to_owned),
            _ => None,
        });
        Ok(rows.collect())
    }

    /// Asks the server what the result of a query will be, without running it.
    pub(in crate::transfer) fn prepare(&self, sql: &str) -> Result<Statement, Trouble> {
        self.answer(self.client.prepare(sql))
    }

    /// Runs a COPY to this side and hands over what comes, until it ends or nobody wants more. The function may block:
    /// nothing is read meanwhile.
    pub(in crate::transfer) fn copy(
        &self,
        sql: &str,
        mut take: impl FnMut(&[u8]) -> Result<Flow, TransferError>,
    ) -> Result<Result<Flow, TransferError>, Trouble> {
        self.runtime.block_on(async {
            let stream = self.waited(self.client.copy_out(sql)).await?;
            let mut stream = std::pin::pin!(stream);
            loop {
                // Rows come faster than a timer can be set.
                let next = match stream.next().now_or_never() {
                    Some(next) => next,
                    None => within(self.silence, stream.next()).await.ok_or(Trouble::Silent)?,
                };
                let Some(chunk) = next else { return Ok(Ok(Flow::Continue)) };
                match take(&chunk.map_err(|error| self.trouble(&error))?) {
                    Ok(Flow::Continue) => {}
                    ended => return Ok(ended),
                }
            }
        })
    }

    /// A handle that ends what the server does for this session.
    pub(in crate::transfer) fn canceler(&self) -> Canceler {
        Canceler { token: self.client.cancel_token(), tls: self.tls.clone() }
    }

    /// Says goodbye.
    pub(in crate::transfer) fn close(self) {
        let Self { runtime, client, driver, .. } = self;
        drop(client);
        // A server that does not answer notices the end of the connection.
        let _ = runtime.block_on(async { timeout(GOODBYE, driver).await });
    }

    pub(super) fn answer<T>(
        &self,
        asking: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Trouble> {
        self.runtime.block_on(self.waited(asking))
    }

    async fn waited<T>(
        &self,
        asking: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Trouble> {
        let answer = within(self.silence, asking).await.ok_or(Trouble::Silent)?;
        answer.map_err(|error| self.trouble(&error))
    }

    pub(super) fn trouble(&self, error: &tokio_postgres::Error) -> Trouble {
        if let Some(error) = error.as_db_error() {
            return Trouble::Server(Box::new(error.clone()));
        }
        let causes = chain(error);
        if error.is_closed() {
            let end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
            return Trouble::Lost(end.clone().unwrap_or(causes));
        }
        Trouble::Driver(causes)
    }
}

/// Ends what the server does for a session, through a connection of its own.
#[derive(Clone)]
pub(in crate::transfer) struct Canceler {
    token: CancelToken,
    tls: MakeRustlsConnect,
}

impl Stop for Canceler {
    fn stop(&self) {
        let cancel = async { timeout(GOODBYE, self.token.cancel_query(self.tls.clone())).await };
        // When it has ended by itself there is nothing to stop.
        let _ = crate::cloud::block_on(cancel);
    }
}

fn connector(properties: &Properties) -> Result<MakeRustlsConnect, TransferError> {
    let own = OwnCertificate::of(&properties.own);
    let identity = properties.encryption.identity();
    Ok(MakeRustlsConnect::new(tls::config(identity, properties.authority.as_deref(), own)?))
}

/// The password of the config, or a token that stands in for it.
fn password(config: &Access<'_>, properties: &Properties, address: &str) -> Result<Secret, TransferError> {
    let DatabaseAuth::Iam { region } = config.auth else { return Ok(properties.password.clone()) };
    let doing = format!("cannot connect to PostgreSQL at `{address}`");
    if matches!(properties.encryption, Encryption::Off | Encryption::IfOffered) {
        return Err(iam::needs_tls().context(doing));
    }
    iam::token(config.host, config.port, &properties.user, region.as_deref())
        .map_err(|error| error.context(doing))
}

fn wire(config: &Access<'_>, properties: &Properties, password: &Secret) -> Config {
    let ssl = match properties.encryption {
        Encryption::Off => SslMode::Disable,
        Encryption::IfOffered => SslMode::Prefer,
        Encryption::Any | Encryption::Authority | Encryption::Host => SslMode::Require,
    };
    let mut wire = Config::new();
    wire.host(config.host.expose())
        .port(config.port)
        .user(properties.user.expose())
        .dbname(config.database.expose())
        .application_name(properties.application_name.expose())
        .keepalives_idle(Duration::from_secs(60))
        .ssl_mode(ssl);
    if !password.expose().is_empty() {
        wire.password(password.expose());
    }
    if let Some(settings) = &properties.settings {
        wire.options(settings.expose());
    }
    wire
}

/// One form of every text, whatever the server's own settings say; the zone of the process, as Embulk's driver sets
/// it; and no limit for short queries that would cut a long read.
fn set_up(config: &Access<'_>, properties: &Properties, zone: &TimeZone) -> String {
    let mut settings = vec![
        ("DateStyle", "ISO, MDY".to_owned()),
        ("IntervalStyle", "postgres".to_owned()),
        ("extra_float_digits", "3".to_owned()),
        ("bytea_output", "hex".to_owned()),
        ("search_path", quoted(properties.schema.expose(), '"')),
    ];
    settings.extend(zone.iana_name().map(|name| ("TimeZone", name.to_owned())));
    let limit = config.statement_timeout.unwrap_or_default().as_millis();
    settings.push(("statement_timeout", limit.to_string()));
    let set: Vec<_> = settings
        .iter()
        .map(|(name, value)| format!("set_config('{name}', {}, false)", literal(value)))
        .collect();
    // Which of these there are depends on the server's age.
    format!(
        "SELECT {}; SELECT set_config(name, '0', false) FROM pg_catalog.pg_settings \
         WHERE name IN ('idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout')",
        set.join(", ")
    )
}

/// The same for Redshift, which is of PostgreSQL 8 and has fewer settings. Names cannot be parameters there.
fn set_up_redshift(properties: &Properties, zone: &TimeZone) -> String {
    let mut sql = format!(
        "SET datestyle TO 'ISO, MDY'; SET statement_timeout TO 0; SET search_path TO {}",
        quoted(properties.schema.expose(), '"')
    );
    if let Some(name) = zone.iana_name() {
        sql.push_str(&format!("; SET timezone TO {}", literal(name)));
    }
    sql
}
