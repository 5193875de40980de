//! A table that several connections read, from the snapshot of the first.

use super::PostgresReader;
use super::moment;
use super::reading::Reading;
use super::session::Session;
use super::snapshot::{self, Opening};
use crate::cloud::postgres::literal;
use crate::embulk::input::{PostgresqlInput, Selection};
use crate::embulk::text::Text;
use crate::transfer::context::TransferContext;
use crate::transfer::error::TransferError;
use crate::transfer::input::division::{self, Seats, Share};
use crate::transfer::input::fetched::FetchedLog;
use crate::transfer::input::select::{self, is_fixed};
use crate::transfer::input::{Flow, Input, Lanes, Told};

/// The first version whose server finds rows by a range of `ctid` without looking at others.
const FIRST_VERSION: u64 = 140_000;

/// Which rows are read.
pub(super) enum Rows {
    /// Those of a statement.
    All(String),
    /// Those of a table, range by range.
    Ranges(Share),
}

/// What a division needs to know of the config.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) opening: Opening,
    selection: Selection,
    schema: Text,
    /// A smaller table is read in one stream.
    bytes: u64,
    /// Why the config has the rows in one stream.
    obstacle: Option<&'static str>,
}

impl Plan {
    pub(super) fn of(
        config: &PostgresqlInput,
        schema: Text,
        selection: Selection,
        context: &TransferContext,
    ) -> Self {
        let obstacle = division::obstacle(&selection, config.incremental.as_ref(), &config.statements);
        let (opening, bytes) = (Opening::of(config, context), context.reading.range_bytes);
        Self { opening, selection, schema, bytes, obstacle }
    }

    /// How many rows the table has that is read whole, by the last statistics. None for a view, and where there are
    /// none.
    pub(super) fn expected_rows(&self, session: &Session, name: &str) -> Result<Option<u64>, TransferError> {
        let Selection::Table { table, where_clause: None, .. } = &self.selection else { return Ok(None) };
        let sql = format!(
            "SELECT c.reltuples::pg_catalog.int8 FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = {} AND c.relname = {} AND c.relkind IN ('r', 'p', 'm')",
            literal(self.schema.expose()),
            literal(table.expose())
        );
        let found = session
            .texts(&sql)
            .map_err(|trouble| trouble.during(format!("{name} could not be looked up")))?;
        // 0 and less: nobody has counted.
        Ok(found.first().and_then(|rows| rows.parse().ok()).filter(|rows| *rows > 0))
    }
}

/// What the server knows of a table.
struct Facts {
    version: u64,
    /// A crash leaves its rows alone.
    is_logged: bool,
    is_plain: bool,
    bytes: u64,
    blocks: u64,
}

type Divided = division::Divided<(Session, Share)>;

impl PostgresReader {
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
        let moment = self.snapshot.as_deref().unwrap_or("per table").to_owned();
        let (share, helpers, told) = match self.try_division(seats, lanes)? {
            Divided::Small => return whole(),
            Divided::OneStream(reason) => {
                self.snapshot = Some(format!("{moment}, one stream: {reason}"));
                return whole();
            }
            Divided::Helpers(share, helpers, told) => (share, helpers, *told),
        };
        self.snapshot = Some(format!("{moment}: {} ranges over {} connections", share.of, helpers.len() + 1));
        self.rows = Rows::Ranges(share);
        // A part of the rows is no number that people look for.
        self.log = FetchedLog::silent();
        let helpers = helpers.into_iter().map(|(session, share)| {
            let helper = Self {
                canceler: session.canceler(),
                session: Some(session),
                rows: Rows::Ranges(share),
                form: self.form.clone(),
                schema: self.schema.clone(),
                decoders: self.decoders.clone(),
                types: Vec::new(),
                origins: Vec::new(),
                kept_back: Vec::new(),
                after_select: None,
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

    fn try_division(&self, seats: &Seats, lanes: Option<&Lanes>) -> Result<Divided, TransferError> {
        let is_kept = lanes.is_some_and(|lanes| lanes.kept.is_some());
        let (Selection::Table { where_clause, .. }, Some(session)) = (&self.plan.selection, &self.session)
        else {
            return Ok(Divided::Small);
        };
        let Some(facts) = self.facts(session)? else { return Ok(Divided::Small) };
        // Of a table that was divided before, what is left is read by whoever there is.
        if facts.bytes < self.plan.bytes && !is_kept {
            return Ok(Divided::Small);
        }
        if let Some(obstacle) = self.plan.obstacle {
            return Ok(Divided::OneStream(obstacle));
        }
        if !facts.is_plain {
            return Ok(Divided::OneStream("it is no plain table"));
        }
        if facts.version < FIRST_VERSION {
            return Ok(Divided::OneStream("the server is older than PostgreSQL 14"));
        }
        if where_clause.is_some() && !self.reads_all(session)? {
            return Ok(Divided::OneStream(division::BY_INDEX));
        }
        let lanes = lanes.filter(|_| self.snapshot.is_none() && is_fixed(&self.plan.selection));
        let seats = seats.take(lanes.map_or(0, |lanes| lanes.bytes));
        if seats.is_empty() && !is_kept {
            return Ok(Divided::OneStream(division::NO_SEATS));
        }
        let moment = match lanes {
            Some(_) if facts.is_logged => moment::seen(session)?,
            _ => None,
        };
        let snapshot = snapshot::export(session)?;
        let helpers =
            seats.iter().map(|_| self.plan.opening.on(&snapshot)).collect::<Result<Vec<Session>, _>>()?;
        let count = division::count(seats.len() + 1);
        let (told, ranges) = Told::decided(lanes, moment, || Ok(conditions(facts.blocks, count)))?;
        let (first, shares) = Share::out(ranges, &told, seats);
        Ok(Divided::Helpers(first, helpers.into_iter().zip(shares).collect(), Box::new(told)))
    }

    /// None where there is no such table, or a view.
    fn facts(&self, session: &Session) -> Result<Option<Facts>, TransferError> {
        let Selection::Table { table, .. } = &self.plan.selection else { return Ok(None) };
        let sql = format!(
            "SELECT pg_catalog.current_setting('server_version_num'), (c.relpersistence = 'p')::int, \
             (c.relkind IN ('r', 'm') AND NOT c.relhassubclass AND a.amname = 'heap')::int, \
             pg_catalog.pg_table_size(c.oid), \
             pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::int \
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             LEFT JOIN pg_catalog.pg_am a ON a.oid = c.relam \
             WHERE n.nspname = {} AND c.relname = {} AND c.relkind <> 'v'",
            literal(self.plan.schema.expose()),
            literal(table.expose())
        );
        let rows = session
            .rows(&sql)
            .map_err(|trouble| trouble.during(format!("{} could not be looked up", self.name)))?;
        let Some(row) = rows.into_iter().next() else { return Ok(None) };
        let number = |at: usize| row.get(at).and_then(|cell| cell.as_deref()?.parse().ok()).unwrap_or(0);
        Ok(Some(Facts {
            version: number(0),
            is_logged: number(1) == 1,
            is_plain: number(2) == 1,
            bytes: number(3),
            blocks: number(4),
        }))
    }

    /// Whether the server would look at every row of the table to find those of its `where`.
    fn reads_all(&self, session: &Session) -> Result<bool, TransferError> {
        let sql = format!("EXPLAIN (COSTS OFF) {}", select::statement(&self.plan.selection, '"').sql);
        let lines =
            session.texts(&sql).map_err(|trouble| trouble.during("the read could not be explained"))?;
        let by_index = |line: &String| {
            let node = line.trim_start().trim_start_matches("-> ").trim_start();
            ["Index", "Bitmap", "Tid"].iter().any(|way| node.starts_with(way))
        };
        Ok(!lines.iter().any(by_index))
    }
}

impl Reading<'_> {
    /// The rows of the ranges that nobody else reads.
    pub(super) fn ranges(
        &mut self,
        session: &Session,
        share: &Share,
        plan: &Plan,
    ) -> Result<Flow, TransferError> {
        while let Some(range) = share.next() {
            self.sink.begin_range(range.number);
            // Only what `ranged` has a statement for is divided.
            let sql = select::ranged(&plan.selection, &range.condition, "", '"').unwrap_or_default();
            let flow = self.rows_of(session, &sql).map_err(|error| {
                error.context(format!(
                    "range {} of {} of {} could not be read",
                    range.number, share.of, self.name
                ))
            })?;
            if flow == Flow::Stop || share.is_marked() && self.end_range() == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    }

    /// No page has rows of two ranges.
    fn end_range(&mut self) -> Flow {
        let sent = match self.page.take() {
            Some(page) if page.rows > 0 => self.sink.send(page),
            page => {
                self.page = page;
                Flow::Continue
            }
        };
        if sent == Flow::Stop { sent } else { self.sink.end_range() }
    }
}

/// Conditions that part the rows of a table of so many blocks into about as many ranges as asked for. Every row meets
/// exactly one.
fn conditions(blocks: u64, count: usize) -> Vec<String> {
    let count = (count as u64).clamp(1, blocks.max(1));
    // In 128 bits: blocks are at most 2³², ranges few.
    let border =
        |at: u64| u64::try_from(u128::from(blocks) * u128::from(at) / u128::from(count)).unwrap_or(blocks);
    let from = |at: u64| format!("ctid >= '({},0)'::pg_catalog.tid", border(at));
    let below = |at: u64| format!("ctid < '({},0)'::pg_catalog.tid", border(at));
    (0..count)
        .map(|at| match (at == 0, at + 1 == count) {
            (true, true) => "true".to_owned(),
            (true, false) => below(at + 1),
            (false, false) => format!("{} AND {}", from(at), below(at + 1)),
            // Rows may have come behind what was counted.
            (false, true) => from(at),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_in_one_range() {
        assert_eq!(conditions(0, 8), ["true"]);
        assert_eq!(conditions(1, 8), ["true"]);
        assert_eq!(
            conditions(5, 3),
            [
                "ctid < '(1,0)'::pg_catalog.tid",
                "ctid >= '(1,0)'::pg_catalog.tid AND ctid < '(3,0)'::pg_catalog.tid",
                "ctid >= '(3,0)'::pg_catalog.tid",
            ]
        );
        assert_eq!(conditions(u64::from(u32::MAX), 64).len(), 64);
    }
}
