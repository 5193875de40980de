//! A table that is read by several connections at once.

use super::connect::run;
use super::ranges::{self, Facts};
use super::snapshot::{Lease, Unshared, begin_together};
use super::{MysqlReader, Rows, zone_of_session};
use crate::cloud::mysql::Connection;
use crate::embulk::input::{MysqlInput, Selection, Snapshot};
use crate::transfer::context::TransferContext;
use crate::transfer::error::TransferError;
use crate::transfer::input::division::{self, Seat, Seats, Share};
use crate::transfer::input::fetched::FetchedLog;
use crate::transfer::input::select::{self, is_fixed};
use crate::transfer::input::{Input, Lanes, Told};

/// What a division needs to know of the config.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) selection: Selection,
    pub(super) snapshot: Snapshot,
    /// A smaller table is read in one stream.
    bytes: u64,
    /// Why the config has the rows in one stream.
    obstacle: Option<&'static str>,
}

impl Plan {
    pub(super) fn of(config: &MysqlInput, selection: Selection, context: &TransferContext) -> Self {
        let obstacle = division::obstacle(&selection, config.incremental.as_ref(), &config.statements);
        Self {
            selection,
            snapshot: snapshot_of(config, context),
            bytes: context.reading.range_bytes,
            obstacle,
        }
    }
}

/// The rule of the config, else of the run.
pub(super) fn snapshot_of(config: &MysqlInput, context: &TransferContext) -> Snapshot {
    config.snapshot.unwrap_or(context.reading.snapshot)
}

type Divided = division::Divided<(Connection, Option<Lease>, Share)>;

/// Ranges to be made.
struct Wanted {
    table: String,
    key: String,
    count: usize,
}

impl Wanted {
    fn conditions(&self, connection: &mut Connection) -> Result<Vec<String>, TransferError> {
        ranges::conditions(connection, &self.table, &self.key, self.count)
    }
}

impl MysqlReader {
    /// Helpers that read ranges of the table; what the rows have in common in time is noted in this reader.
    pub(super) fn divided(
        &mut self,
        seats: &Seats,
        lanes: Option<&Lanes>,
    ) -> Result<(Vec<Box<dyn Input>>, Told), TransferError> {
        let is_kept = lanes.is_some_and(|lanes| lanes.kept.is_some());
        let whole = || Ok((Vec::new(), Told::of_one_stream(lanes)));
        // One look at the table is too much where it would lead to nothing.
        if !is_kept && (!seats.are_free() || self.plan.bytes == u64::MAX) {
            return whole();
        }
        let (share, helpers, told) = match self.try_division(seats, lanes)? {
            Divided::Small => return whole(),
            Divided::OneStream(reason) => {
                let moment = self.snapshot.as_deref().unwrap_or("per table");
                self.snapshot = Some(format!("{moment}, one stream: {reason}"));
                return whole();
            }
            Divided::Helpers(share, helpers, told) => (share, helpers, *told),
        };
        let how = format!("{} ranges over {} connections", share.of, helpers.len() + 1);
        self.snapshot = Some(match self.plan.snapshot {
            Snapshot::PerTable => format!("per table: {how}"),
            Snapshot::Consistent => format!("{}: {how}", self.snapshot.as_deref().unwrap_or("consistent")),
            Snapshot::None => format!("none: {how}, each at its own moment"),
        });
        self.rows = Rows::Ranges(share);
        // A part of the rows is no number that people look for.
        self.log = FetchedLog::silent();
        let helpers = helpers.into_iter().map(|(connection, lease, share)| {
            let helper = Self {
                number: connection.id(),
                connection: Some(connection),
                lease,
                connector: self.connector.clone(),
                rows: Rows::Ranges(share),
                schema: self.schema.clone(),
                decoders: self.decoders.clone(),
                types: self.types.clone(),
                origins: self.origins.clone(),
                kept_back: Vec::new(),
                after_select: None,
                tiny_int: self.tiny_int,
                notes: Vec::new(),
                name: self.name.clone(),
                increment: None,
                log: FetchedLog::silent(),
                plan: self.plan.clone(),
                snapshot: None,
            };
            Box::new(helper) as Box<dyn Input>
        });
        Ok((helpers.collect(), told))
    }

    fn try_division(&mut self, seats: &Seats, lanes: Option<&Lanes>) -> Result<Divided, TransferError> {
        let is_kept = lanes.is_some_and(|lanes| lanes.kept.is_some());
        let (Selection::Table { table, where_clause, .. }, Some(connection)) =
            (&self.plan.selection, &mut self.connection)
        else {
            return Ok(Divided::Small);
        };
        let table = table.expose();
        let Some(Facts { engine, bytes, key }) = ranges::facts(connection, table)? else {
            return Ok(Divided::Small);
        };
        // Of a table that was divided before, what is left is read by whoever there is.
        if bytes < self.plan.bytes && !is_kept {
            return Ok(Divided::Small);
        }
        if let Some(obstacle) = self.plan.obstacle {
            return Ok(Divided::OneStream(obstacle));
        }
        if self.plan.snapshot != Snapshot::None && !engine.eq_ignore_ascii_case("InnoDB") {
            return Ok(Divided::OneStream("the engine of the table has no snapshots"));
        }
        let Some(key) = key else {
            return Ok(Divided::OneStream("its primary key does not begin with a whole number"));
        };
        if where_clause.is_some() && !ranges::reads_all(connection, &self.plan.selection)? {
            return Ok(Divided::OneStream(division::BY_INDEX));
        }
        // What each range takes on is its own where they have no moment in common.
        let lanes =
            lanes.filter(|_| self.plan.snapshot == Snapshot::PerTable && is_fixed(&self.plan.selection));
        let seats = seats.take(lanes.map_or(0, |lanes| lanes.bytes));
        if seats.is_empty() && !is_kept {
            return Ok(Divided::OneStream(division::NO_SEATS));
        }
        let wanted = Wanted { table: table.to_owned(), key, count: division::count(seats.len() + 1) };
        // Those of a table that was divided before are known, unless they do not serve.
        let conditions = if is_kept { None } else { Some(wanted.conditions(connection)?) };
        self.helpers(seats, &wanted, conditions, lanes)
    }

    /// Connections that see what this one does.
    fn helpers(
        &mut self,
        seats: Vec<Seat>,
        wanted: &Wanted,
        conditions: Option<Vec<String>>,
        lanes: Option<&Lanes>,
    ) -> Result<Divided, TransferError> {
        let Some(own) = &mut self.connection else { return Ok(Divided::Small) };
        let mut connections = Vec::new();
        for _ in &seats {
            let (mut connection, lease) = match &self.lease {
                None => (self.connector.open(&[])?, None),
                Some(lease) => match lease.another(&self.connector)? {
                    Some((connection, lease)) => (connection, Some(lease)),
                    None => break,
                },
            };
            // The clocks of all ranges come in one zone.
            let zone = zone_of_session(own)?;
            run(
                &mut connection,
                &format!("SET SESSION time_zone = '{zone}'"),
                "the time zone of the session",
            )?;
            connections.push((connection, lease));
        }
        let mut moment = None;
        if self.plan.snapshot == Snapshot::PerTable {
            let mut all: Vec<&mut Connection> = vec![own];
            all.extend(connections.iter_mut().map(|(connection, _)| connection));
            match begin_together(&mut all)? {
                Ok(seen) => moment = seen,
                Err(reason) => return Ok(Divided::OneStream(Unshared::words(reason))),
            }
        }
        let is_kept = lanes.is_some_and(|lanes| lanes.kept.is_some());
        if connections.is_empty() && !is_kept {
            return Ok(Divided::OneStream("no further connection of the snapshot is free"));
        }
        let seats = seats.into_iter().take(connections.len()).collect();
        let anew = || conditions.map_or_else(|| wanted.conditions(own), Ok);
        let (told, ranges) = Told::decided(lanes, moment, anew)?;
        let (first, shares) = Share::out(ranges, &told, seats);
        let helpers = connections.into_iter().zip(shares);
        Ok(Divided::Helpers(
            first,
            helpers.map(|((connection, lease), share)| (connection, lease, share)).collect(),
            Box::new(told),
        ))
    }
}

/// The statement of a range. A server whose statistics are old would look at the whole table for each.
pub(super) fn statement(selection: &Selection, condition: &str) -> String {
    // Only what `ranged` has a statement for is divided.
    select::ranged(selection, condition, " FORCE INDEX (PRIMARY)", '`').unwrap_or_default()
}
