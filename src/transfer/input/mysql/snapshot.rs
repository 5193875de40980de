//! Several connections that see the same rows.
//!
//! MySQL hands no snapshot from one connection to another. Transactions that begin one after the other see the same when
//! nothing was committed meanwhile, which the binary log shows; or when nothing could be, under a lock of all tables.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::connect::Connector;
use super::error::server_error;
use crate::cloud::mysql::{Connection, Error};
use crate::transfer::context::Cancel;
use crate::transfer::effect::Moment;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::select::quoted;

/// How often transactions are begun anew when something was committed between them.
const TRIES: usize = 5;
/// How long a lock of all tables may be waited for, in seconds: statements queue behind one who waits for it.
const LOCK_PATIENCE: u32 = 30;
/// How often who waits for a connection looks whether the run wants to stop.
const LOOK: Duration = Duration::from_millis(100);

/// The server knows no such status variable, statement or privilege of ours.
const DENIED_OR_UNKNOWN: [u16; 3] = [1064, 1193, 1227];

/// Why transactions cannot be shown to see the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unshared {
    /// There is no binary log, or its position may not be seen.
    NoPosition,
    /// Something was committed between them, each time.
    Written,
}

impl Unshared {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::NoPosition => {
                "no position of a binary log can be seen, which would show that several connections read the same rows"
            }
            Self::Written => "the server was written to each time that several connections began to read",
        }
    }
}

/// Begins a transaction in each connection, so that all of them see the same rows, and gives the moment that they see,
/// where the binary log would show every later one. On the outer success with an inner error none has begun.
pub(super) fn begin_together(
    connections: &mut [&mut Connection],
) -> Result<Result<Option<Moment>, Unshared>, TransferError> {
    for _ in 0..TRIES {
        let Some(before) = position(connections)? else { return Ok(Err(Unshared::NoPosition)) };
        begin(connections)?;
        let common = match seen(connections)? {
            // MariaDB knows what each transaction sees.
            Some(seen) if seen.windows(2).all(|pair| pair[0] == pair[1]) => seen.into_iter().next(),
            Some(_) => None,
            None if position(connections)?.as_ref() == Some(&before) => Some(before.said.clone()),
            None => None,
        };
        if let Some(position) = common {
            let server = if before.tells_all { server(connections)? } else { None };
            return Ok(Ok(server.map(|server| Moment { server, position })));
        }
        for connection in connections.iter_mut() {
            run(connection, "ROLLBACK")?;
        }
    }
    Ok(Err(Unshared::Written))
}

/// The same under a lock of all tables, held by a connection of its own for as long as it takes to begin.
fn begin_locked(connector: &Connector, connections: &mut [&mut Connection]) -> Result<(), TransferError> {
    let mut lock = connector.open(&[])?;
    run(&mut lock, &format!("SET SESSION lock_wait_timeout = {LOCK_PATIENCE}"))?;
    lock.run("FLUSH TABLES WITH READ LOCK").map_err(|error| {
        server_error(&error, "all tables could not be locked to find a moment that they share").hint(
            "let the user have the privilege RELOAD, or REPLICATION CLIENT on a server with a binary log; \
             or set `snapshot: per_table`",
        )
    })?;
    begin(connections)?;
    run(&mut lock, "UNLOCK TABLES")
}

fn begin(connections: &mut [&mut Connection]) -> Result<(), TransferError> {
    for connection in connections.iter_mut() {
        // The level of the server may be one without snapshots.
        run(connection, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")?;
        run(connection, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")?;
    }
    Ok(())
}

/// What was committed last, as the first connection is told. What has a place in the binary log may not be seen by
/// transactions yet, and has no place in the set of executed ones until it is: both are compared.
fn position(connections: &mut [&mut Connection]) -> Result<Option<Position>, TransferError> {
    let Some(connection) = connections.first_mut() else { return Ok(None) };
    // The newer name first.
    for sql in ["SHOW BINARY LOG STATUS", "SHOW MASTER STATUS"] {
        if let Some(rows) = asked(connection, sql)? {
            let cells: Vec<String> = rows.into_iter().flatten().map(Option::unwrap_or_default).collect();
            // Behind file and place come the databases that the log has alone, and those that it leaves out.
            let tells_all = cells.iter().skip(2).take(2).all(String::is_empty);
            let said = cells.into_iter().filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join(" ");
            return Ok(Some(Position { said, tells_all }).filter(|position| !position.said.is_empty()));
        }
    }
    let sql = "SELECT @@global.log_bin, @@global.gtid_mode, @@global.gtid_executed";
    let rows = asked(connection, sql)?.unwrap_or_default();
    let mut cells = rows.into_iter().flatten().map(Option::unwrap_or_default);
    Ok(match (cells.next().as_deref(), cells.next().as_deref(), cells.next()) {
        // What the log leaves out cannot be seen this way.
        (Some("1"), Some("ON"), Some(said)) => Some(Position { said, tells_all: false }),
        _ => None,
    })
}

/// A place in the binary log.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Position {
    said: String,
    /// Whether writes to every database are in the log.
    tells_all: bool,
}

/// Which server it is; none where it takes changes from another one and does not write them into its own log.
fn server(connections: &mut [&mut Connection]) -> Result<Option<String>, TransferError> {
    let Some(connection) = connections.first_mut() else { return Ok(None) };
    let variables = "SHOW GLOBAL VARIABLES WHERE variable_name IN ('server_id', 'server_uuid', 'server_uid', \
                     'hostname', 'port', 'datadir', 'log_slave_updates', 'log_replica_updates')";
    let running = "SHOW GLOBAL STATUS WHERE variable_name IN ('Slave_running', 'Slaves_running')";
    let mut named = BTreeMap::new();
    for sql in [variables, running] {
        for row in asked(connection, sql)?.unwrap_or_default() {
            let mut cells = row.into_iter().map(Option::unwrap_or_default);
            named.insert(cells.next().unwrap_or_default().to_lowercase(), cells.next().unwrap_or_default());
        }
    }
    let is =
        |name: &str, values: &[&str]| named.get(name).is_some_and(|value| values.contains(&value.as_str()));
    let logs_all = is("log_slave_updates", &["ON", "1"]) || is("log_replica_updates", &["ON", "1"]);
    let is_no_replica = is("slave_running", &["OFF"]) && is("slaves_running", &["0"]);
    let identity = ["server_id", "server_uuid", "server_uid", "hostname", "port", "datadir"];
    let known = identity.iter().filter_map(|name| Some(format!("{name}={}", named.get(*name)?)));
    Ok((logs_all || is_no_replica).then(|| known.collect::<Vec<_>>().join(" ")))
}

/// Where in the binary log the view of each transaction ends; none where the server does not tell.
fn seen(connections: &mut [&mut Connection]) -> Result<Option<Vec<String>>, TransferError> {
    let mut all = Vec::new();
    for connection in connections.iter_mut() {
        let rows = asked(connection, "SHOW STATUS LIKE 'binlog\\_snapshot\\_%'")?.unwrap_or_default();
        if rows.len() < 2 {
            return Ok(None);
        }
        // Pairs of a name and its value: the file and the place in it.
        let values = rows.into_iter().filter_map(|row| row.into_iter().nth(1)?);
        all.push(values.collect::<Vec<_>>().join(":"));
    }
    Ok(Some(all))
}

/// The answer of a server that may know no such thing, or not tell this user.
fn asked(connection: &mut Connection, sql: &str) -> Result<Option<Vec<Vec<Option<String>>>>, TransferError> {
    match connection.select(sql, &[]) {
        Ok(rows) => Ok(Some(rows)),
        Err(error) if error.code().is_some_and(|code| DENIED_OR_UNKNOWN.contains(&code)) => Ok(None),
        Err(error) => Err(failed(&error)),
    }
}

fn run(connection: &mut Connection, sql: &str) -> Result<(), TransferError> {
    connection.run(sql).map(drop).map_err(|error| failed(&error))
}

fn failed(error: &Error) -> TransferError {
    server_error(error, "the snapshot could not be taken")
}

/// The snapshots of a run, by server, user and options.
#[derive(Clone, Default)]
pub struct HeldSnapshots(Arc<Mutex<HashMap<Vec<String>, Slot>>>);

/// Where a snapshot is, once somebody took it.
type Slot = Arc<Mutex<Option<Arc<Held>>>>;

/// Connections that see the same rows until the run is over.
struct Held {
    state: Mutex<HeldState>,
    returned: Condvar,
    /// The zone that each had when it was opened.
    zone: String,
}

struct HeldState {
    free: Vec<Connection>,
    lent: usize,
}

/// The duty to give a connection back; one that is not given back is lost, and its view of the rows with it.
pub(super) struct Lease {
    held: Arc<Held>,
    is_over: bool,
}

impl HeldSnapshots {
    /// A connection of the snapshot of `key`, which is taken with as many connections as a source may have when nobody
    /// did so yet. It waits while all are lent.
    pub(super) fn borrow(
        &self,
        key: Vec<String>,
        connector: &Connector,
        limit: usize,
        cancel: &Cancel,
    ) -> Result<(Connection, Lease), TransferError> {
        let slot = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(key).or_default())
        };
        let held = {
            // Others wait here until the first has taken it.
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            match &*slot {
                Some(held) => Arc::clone(held),
                None => Arc::clone(slot.insert(Arc::new(Held::take(connector, limit)?))),
            }
        };
        held.lend(connector, cancel)
    }
}

impl Held {
    fn take(connector: &Connector, limit: usize) -> Result<Self, TransferError> {
        let mut connections =
            (0..limit).map(|_| connector.open(&[])).collect::<Result<Vec<Connection>, TransferError>>()?;
        let mut all: Vec<&mut Connection> = connections.iter_mut().collect();
        let zone = match all.first_mut() {
            Some(first) => first
                .select("SELECT @@session.time_zone", &[])
                .map_err(|error| failed(&error))?
                .into_iter()
                .flatten()
                .flatten()
                .next()
                .unwrap_or_default(),
            None => String::new(),
        };
        if begin_together(&mut all)?.is_err() {
            begin_locked(connector, &mut all)?;
        }
        let state = Mutex::new(HeldState { free: connections, lent: 0 });
        Ok(Self { state, returned: Condvar::new(), zone })
    }

    fn lend(
        self: Arc<Self>,
        connector: &Connector,
        cancel: &Cancel,
    ) -> Result<(Connection, Lease), TransferError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut connection = loop {
            if let Some(connection) = state.free.pop() {
                break connection;
            }
            if state.lent == 0 {
                let message = "the connections that held the snapshot of all tables were lost";
                return Err(TransferError::new(ErrorKind::ConnectionLost, message)
                    .hint("run the whole workflow again: no later moment is the same"));
            }
            if cancel.is_canceled() {
                return Err(TransferError::canceled());
            }
            state = self.returned.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        };
        state.lent += 1;
        drop(state);
        let lease = Lease { held: Arc::clone(&self), is_over: false };
        lease.prepare(&mut connection, connector)?;
        Ok((connection, lease))
    }
}

impl Lease {
    /// One more of the same snapshot, where one is free.
    pub(super) fn another(&self, connector: &Connector) -> Result<Option<(Connection, Self)>, TransferError> {
        let mut connection = {
            let mut state = self.held.state.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(connection) = state.free.pop() else { return Ok(None) };
            state.lent += 1;
            connection
        };
        let lease = Self { held: Arc::clone(&self.held), is_over: false };
        lease.prepare(&mut connection, connector)?;
        Ok(Some((connection, lease)))
    }

    /// Another table may have been read in another zone and database.
    fn prepare(&self, connection: &mut Connection, connector: &Connector) -> Result<(), TransferError> {
        run(connection, &format!("USE {}", quoted(connector.database(), '`')))?;
        run(connection, &format!("SET SESSION time_zone = '{}'", self.held.zone))
    }

    /// The connection was read to the end of what it was asked.
    pub(super) fn give_back(mut self, connection: Connection) {
        self.is_over = true;
        let mut state = self.held.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.lent -= 1;
        state.free.push(connection);
        drop(state);
        self.held.returned.notify_all();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.is_over {
            self.held.state.lock().unwrap_or_else(PoisonError::into_inner).lent -= 1;
            self.held.returned.notify_all();
        }
    }
}
