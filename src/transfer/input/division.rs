//! A large table that several connections read, range by range: what lets them, and how the ranges are given out.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::{mysql, postgres};
use crate::embulk::input::{Incremental, Selection, Snapshot, Statements};
use crate::transfer::context::{MemoryBudget, MemoryShare, TransferContext};
use crate::transfer::page::PAGE_BYTES;
use crate::transfer::pool::{ConnectionPermit, SourcePools};

/// Connections that may help with one table at most.
pub const SEATS: usize = 7;
/// With fewer a table is read by one connection: what several need to share a snapshot would not pay.
const FEWEST: usize = 2;
/// Bytes of the pages of one helper: one that it fills and one on its way, with what they grow to.
const MEMORY: usize = 2 * 2 * PAGE_BYTES;
/// Ranges for each connection: so many that all end at about the same time, and that a helper whose place somebody
/// else wants is soon done.
const RANGES: usize = 8;
/// Bytes of a table that is read in ranges when nothing else is said: 1 GiB.
pub const RANGE_BYTES: u64 = 1 << 30;

/// Why a table is read in one stream, whatever the server.
pub(super) const BY_INDEX: &str = "the server reads the rows of `where` by an index";
pub(super) const NO_SEATS: &str = "no two more connections are free";

/// Why a config has the rows in one stream.
pub(super) fn obstacle(
    selection: &Selection,
    incremental: Option<&Incremental>,
    statements: &Statements,
) -> Option<&'static str> {
    match selection {
        Selection::Table { order_by: Some(_), .. } => Some("`order_by` asks for an order"),
        _ if incremental.is_some() => Some("an incremental read has an order"),
        _ if *statements != Statements::default() => {
            Some("statements of the config's own are for one connection")
        }
        _ => None,
    }
}

/// What became of the wish to read a table in ranges.
pub(super) enum Divided<H> {
    /// The share of the first reader, and what each helper has, its share among it.
    Helpers(Share, Vec<H>),
    /// Not, and why.
    OneStream(&'static str),
    /// The table is small, or none.
    Small,
}

/// How the sources of a run are read.
#[derive(Clone)]
pub struct Reading {
    /// What the rows of a table have in common in time, where its config does not say.
    pub snapshot: Snapshot,
    /// A table of fewer bytes is read in one stream.
    pub range_bytes: u64,
    /// The places of `-j`.
    pub places: Arc<dyn Places>,
    /// Snapshots that several tables are read from.
    pub snapshots: SharedSnapshots,
}

/// Snapshots that are held for the whole run.
#[derive(Clone, Default)]
pub struct SharedSnapshots {
    pub(super) mysql: mysql::HeldSnapshots,
    pub(super) postgres: postgres::HeldSnapshots,
}

impl Reading {
    /// One stream for each table.
    pub fn plain() -> Self {
        Self {
            snapshot: Snapshot::PerTable,
            range_bytes: u64::MAX,
            places: Arc::new(NoPlaces),
            snapshots: SharedSnapshots::default(),
        }
    }
}

/// Work that may be done at the same time (`-j`).
pub trait Places: Send + Sync {
    /// How many are free and wanted by nobody.
    fn free(&self) -> usize;
    /// One of those; never waits.
    fn take(&self) -> Option<Box<dyn Place>>;
}

/// A place that is taken until it is dropped.
pub trait Place: Send {
    /// Whether somebody waits for it.
    fn is_wanted(&self) -> bool;
}

struct NoPlaces;

impl Places for NoPlaces {
    fn free(&self) -> usize {
        0
    }

    fn take(&self) -> Option<Box<dyn Place>> {
        None
    }
}

/// Where helpers of one source come from.
pub struct Seats {
    places: Arc<dyn Places>,
    sources: SourcePools,
    memory: MemoryBudget,
    address: String,
}

/// What a helper needs: a place, a connection, and memory for its pages. All return on drop.
pub(super) struct Seat {
    place: Box<dyn Place>,
    _permit: ConnectionPermit,
    _memory: MemoryShare,
}

impl Seats {
    pub(super) fn of(context: &TransferContext, address: String) -> Self {
        Self {
            places: Arc::clone(&context.reading.places),
            sources: context.sources.clone(),
            memory: context.memory.clone(),
            address,
        }
    }

    /// Whether it is worth a look at the table.
    pub(super) fn are_free(&self) -> bool {
        self.places.free() >= FEWEST
    }

    /// Those that are free, none where they are too few.
    pub(super) fn take(&self) -> Vec<Seat> {
        let seat = || {
            let permit = self.sources.acquire_free(&self.address)?;
            let memory = self.memory.take_free(MEMORY)?;
            Some(Seat { place: self.places.take()?, _permit: permit, _memory: memory })
        };
        let seats: Vec<Seat> = std::iter::from_fn(seat).take(SEATS).collect();
        if seats.len() < FEWEST { Vec::new() } else { seats }
    }
}

/// A range of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    /// From 1.
    pub(super) number: usize,
    /// The condition that its rows meet. It holds values of the table: not to be shown.
    pub(super) condition: String,
}

/// One reader's way to the ranges that are left.
pub(super) struct Share {
    left: Arc<Mutex<VecDeque<Range>>>,
    /// How many there were.
    pub(super) of: usize,
    /// None: the first reader, who reads what nobody else does.
    seat: Option<Seat>,
}

impl Share {
    /// Gives the ranges out: the first share is the first reader's, the others have a seat each.
    pub(super) fn out(conditions: Vec<String>, seats: Vec<Seat>) -> (Self, Vec<Self>) {
        let of = conditions.len();
        let ranges = conditions.into_iter().enumerate();
        let left: VecDeque<Range> =
            ranges.map(|(at, condition)| Range { number: at + 1, condition }).collect();
        let left = Arc::new(Mutex::new(left));
        let share = |seat| Self { left: Arc::clone(&left), of, seat };
        (share(None), seats.into_iter().map(|seat| share(Some(seat))).collect())
    }

    /// The next range; none when there is none, or when somebody else wants the place.
    pub(super) fn next(&self) -> Option<Range> {
        if self.seat.as_ref().is_some_and(|seat| seat.place.is_wanted()) {
            return None;
        }
        self.left.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// Into how many ranges a table is cut for so many connections.
pub(super) fn count(connections: usize) -> usize {
    connections * RANGES
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;

    /// So many places, which somebody may want.
    struct Few {
        free: Arc<AtomicUsize>,
        wanted: Arc<AtomicBool>,
    }

    struct One {
        free: Arc<AtomicUsize>,
        wanted: Arc<AtomicBool>,
    }

    impl Places for Few {
        fn free(&self) -> usize {
            self.free.load(Ordering::SeqCst)
        }

        fn take(&self) -> Option<Box<dyn Place>> {
            let taken =
                self.free.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |free| free.checked_sub(1));
            taken.ok()?;
            Some(Box::new(One { free: Arc::clone(&self.free), wanted: Arc::clone(&self.wanted) }))
        }
    }

    impl Place for One {
        fn is_wanted(&self) -> bool {
            self.wanted.load(Ordering::SeqCst)
        }
    }

    impl Drop for One {
        fn drop(&mut self) {
            self.free.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn seats(places: usize, connections: usize, memory: usize) -> (Seats, Arc<AtomicUsize>, Arc<AtomicBool>) {
        let free = Arc::new(AtomicUsize::new(places));
        let wanted = Arc::new(AtomicBool::new(false));
        let seats = Seats {
            places: Arc::new(Few { free: Arc::clone(&free), wanted: Arc::clone(&wanted) }),
            sources: SourcePools::new(NonZeroUsize::new(connections).unwrap()),
            // Half of it is for large rows.
            memory: MemoryBudget::new(2 * memory),
            address: "h:1".to_owned(),
        };
        (seats, free, wanted)
    }

    #[test]
    fn seats_are_bounded_by_places_connections_and_memory_and_all_come_back() {
        let taken = |places, connections, memory| {
            let (seats, free, _) = seats(places, connections, memory);
            let taken = seats.take();
            let count = taken.len();
            drop(taken);
            assert_eq!(free.load(Ordering::SeqCst), places);
            assert_eq!(seats.take().len(), count, "connections and memory came back");
            count
        };
        assert_eq!(taken(20, 20, 20 * MEMORY), SEATS);
        assert_eq!(taken(3, 20, 20 * MEMORY), 3);
        assert_eq!(taken(20, 2, 20 * MEMORY), 2);
        assert_eq!(taken(20, 20, 4 * MEMORY), 4);
        // One more connection is none.
        assert_eq!(taken(1, 20, 20 * MEMORY), 0);
        assert_eq!(taken(20, 1, 20 * MEMORY), 0);
        assert_eq!(taken(20, 20, MEMORY), 0);
    }

    #[test]
    fn a_helper_leaves_when_its_place_is_wanted_and_the_first_reader_reads_the_rest() {
        let (seats, free, wanted) = seats(2, 2, 2 * MEMORY);
        let conditions = (0..5).map(|at| format!("k = {at}")).collect();
        let (first, helpers) = Share::out(conditions, seats.take());
        let number = |share: &Share| share.next().map(|range| range.number);
        assert_eq!((number(&helpers[0]), number(&first), number(&helpers[1])), (Some(1), Some(2), Some(3)));
        wanted.store(true, Ordering::SeqCst);
        assert_eq!((number(&helpers[0]), number(&first)), (None, Some(4)));
        drop(helpers);
        assert_eq!(free.load(Ordering::SeqCst), 2);
        assert_eq!((first.next(), first.of), (Some(Range { number: 5, condition: "k = 4".to_owned() }), 5));
        assert_eq!(first.next(), None);
    }
}
