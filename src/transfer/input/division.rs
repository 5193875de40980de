//! A large table that several connections read, range by range: what lets them, and how the ranges are given out.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use super::{mysql, postgres};
use crate::embulk::input::{Incremental, Selection, Snapshot, Statements};
use crate::transfer::context::{MemoryBudget, MemoryShare, TransferContext};
use crate::transfer::effect::Moment;
use crate::transfer::error::TransferError;
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
/// Why ranges that are staged do not serve.
const UNPROVEN: &str = "the source does not show that nothing was written to it since";

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
    /// The share of the first reader, what each helper has, its share among it, and what is told of the ranges.
    Helpers(Share, Vec<H>, Box<Told>),
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
    /// What the output holds for it.
    lane: Option<MemoryShare>,
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

    /// Those that are free, none where they are too few. For each the output holds so many bytes.
    pub(super) fn take(&self, lane_bytes: usize) -> Vec<Seat> {
        let seat = || {
            let permit = self.sources.acquire_free(&self.address)?;
            let memory = self.memory.take_free(MEMORY)?;
            let lane = match lane_bytes {
                0 => None,
                bytes => Some(self.memory.take_free(bytes)?),
            };
            Some(Seat { place: self.places.take()?, _permit: permit, _memory: memory, lane })
        };
        let seats: Vec<Seat> = std::iter::from_fn(seat).take(SEATS).collect();
        if seats.len() < FEWEST { Vec::new() } else { seats }
    }
}

/// What an output that tells ranges apart wants of a source.
#[derive(Debug, Clone)]
pub struct Lanes {
    /// Bytes that the output holds for each further reader.
    pub bytes: usize,
    /// Ranges that an earlier attempt has staged.
    pub kept: Option<KeptRanges>,
}

/// Ranges that an earlier attempt has staged, some of them whole.
#[derive(Debug, Clone)]
pub struct KeptRanges {
    /// When they were read.
    pub moment: Moment,
    /// The conditions of all.
    pub ranges: Vec<String>,
    /// The numbers of those that are there.
    pub done: BTreeSet<usize>,
}

impl KeptRanges {
    /// Why they do not serve a source as it is at a moment.
    fn unfit(&self, now: &Moment) -> Option<String> {
        if self.moment.server != now.server {
            return Some("the source is another server now, or was started anew".to_owned());
        }
        let (then, now) = (&self.moment.position, &now.position);
        (then != now).then(|| format!("they were staged at {then}, and the source is at {now}"))
    }
}

/// What became of ranges.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// The ranges, where pages say which of them they hold.
    pub cut: Option<Cut>,
    /// Why ranges that an earlier attempt has staged do not serve.
    pub unfit: Option<String>,
}

/// A source that is read in ranges, all at one moment.
#[derive(Debug, Clone)]
pub struct Cut {
    pub moment: Moment,
    /// The conditions of all ranges.
    pub ranges: Vec<String>,
    /// Whether they are those of the earlier attempt, of which only the missing ones are read.
    pub is_kept: bool,
}

impl Told {
    /// Decides over the ranges of a source at a moment, of which `anew` would make new ones. Gives what is to be read.
    pub(super) fn decided(
        lanes: Option<&Lanes>,
        moment: Option<Moment>,
        anew: impl FnOnce() -> Result<Vec<String>, TransferError>,
    ) -> Result<(Self, Vec<Range>), TransferError> {
        let kept = lanes.and_then(|lanes| lanes.kept.as_ref());
        let unfit = kept.and_then(|kept| match &moment {
            Some(moment) => kept.unfit(moment),
            None => Some(UNPROVEN.to_owned()),
        });
        let numbered = |ranges: &[String]| {
            let ranges = ranges.iter().cloned().enumerate();
            ranges.map(|(at, condition)| Range { number: at + 1, condition }).collect::<Vec<_>>()
        };
        if let (Some(kept), None, Some(moment)) = (kept, &unfit, &moment) {
            let mut left = numbered(&kept.ranges);
            left.retain(|range| !kept.done.contains(&range.number));
            let cut = Cut { moment: moment.clone(), ranges: kept.ranges.clone(), is_kept: true };
            return Ok((Self { cut: Some(cut), unfit: None }, left));
        }
        let ranges = anew()?;
        let left = numbered(&ranges);
        let cut = moment.filter(|_| lanes.is_some()).map(|moment| Cut { moment, ranges, is_kept: false });
        Ok((Self { cut, unfit }, left))
    }

    /// Of a source that is not read in ranges.
    pub(super) fn of_one_stream(lanes: Option<&Lanes>) -> Self {
        let kept = lanes.and_then(|lanes| lanes.kept.as_ref());
        Self { cut: None, unfit: kept.map(|_| UNPROVEN.to_owned()) }
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
    /// Whether pages say which range they hold.
    is_marked: bool,
    /// None: the first reader, who reads what nobody else does.
    seat: Option<Seat>,
}

impl Share {
    /// Gives the ranges out: the first share is the first reader's, the others have a seat each.
    pub(super) fn out(ranges: Vec<Range>, told: &Told, seats: Vec<Seat>) -> (Self, Vec<Self>) {
        let of = told.cut.as_ref().map_or(ranges.len(), |cut| cut.ranges.len());
        let is_marked = told.cut.is_some();
        let left = Arc::new(Mutex::new(VecDeque::from(ranges)));
        let share = |seat| Self { left: Arc::clone(&left), of, is_marked, seat };
        (share(None), seats.into_iter().map(|seat| share(Some(seat))).collect())
    }

    /// Whether pages say which range they hold.
    pub(super) fn is_marked(&self) -> bool {
        self.is_marked
    }

    /// What the output holds for this reader.
    pub(super) fn take_lane(&mut self) -> Option<MemoryShare> {
        self.seat.as_mut().and_then(|seat| seat.lane.take())
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
            let taken = seats.take(0);
            let count = taken.len();
            drop(taken);
            assert_eq!(free.load(Ordering::SeqCst), places);
            assert_eq!(seats.take(0).len(), count, "connections and memory came back");
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
    fn what_the_output_holds_for_a_reader_counts_too() {
        let (seats, ..) = seats(20, 20, 20 * MEMORY);
        assert_eq!(seats.take(4 * MEMORY).len(), 4);
        let mut taken = seats.take(4 * MEMORY);
        // It comes back when the output lets it go, whatever became of the reader.
        let lanes: Vec<_> = taken.iter_mut().filter_map(|seat| seat.lane.take()).collect();
        drop(taken);
        assert_eq!(seats.take(4 * MEMORY).len(), 0);
        drop(lanes);
        assert_eq!(seats.take(4 * MEMORY).len(), 4);
    }

    #[test]
    fn kept_ranges_serve_at_the_same_moment_of_the_same_server_only() {
        let moment = |server: &str, position: &str| {
            Some(Moment { server: server.to_owned(), position: position.to_owned() })
        };
        let ranges = || ["a", "b", "c"].map(str::to_owned).to_vec();
        let kept = KeptRanges {
            moment: moment("s", "log:5").unwrap(),
            ranges: ranges(),
            done: BTreeSet::from([1, 3]),
        };
        let lanes = Lanes { bytes: 1, kept: Some(kept) };
        let decided = |now: Option<Moment>| {
            let (told, left) =
                Told::decided(Some(&lanes), now, || Ok(vec!["d".to_owned(), "e".to_owned()])).unwrap();
            let left: Vec<_> = left.into_iter().map(|range| (range.number, range.condition)).collect();
            (told.cut.map(|cut| cut.is_kept), told.unfit, left)
        };
        let anew = || vec![(1, "d".to_owned()), (2, "e".to_owned())];
        assert_eq!(decided(moment("s", "log:5")), (Some(true), None, vec![(2, "b".to_owned())]));
        let reason = "they were staged at log:5, and the source is at log:6".to_owned();
        assert_eq!(decided(moment("s", "log:6")), (Some(false), Some(reason), anew()));
        let reason = "the source is another server now, or was started anew".to_owned();
        assert_eq!(decided(moment("z", "log:5")), (Some(false), Some(reason), anew()));
        assert_eq!(decided(None), (None, Some(UNPROVEN.to_owned()), anew()));
        let (told, left) = Told::decided(None, moment("s", "log:5"), || Ok(ranges())).unwrap();
        assert!(told.cut.is_none() && told.unfit.is_none() && left.len() == 3);
    }

    #[test]
    fn a_helper_leaves_when_its_place_is_wanted_and_the_first_reader_reads_the_rest() {
        let (seats, free, wanted) = seats(2, 2, 2 * MEMORY);
        let conditions = (0..5).map(|at| format!("k = {at}")).collect();
        let (told, ranges) = Told::decided(None, None, || Ok(conditions)).unwrap();
        let (first, helpers) = Share::out(ranges, &told, seats.take(0));
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
