//! The reader's end of the queue: pages that were written come back to be filled again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender};

use super::team::Failure;
use crate::transfer::context::{Cancel, MemoryBudget, MemoryShare};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::{Flow, LastRow, PageSink};
use crate::transfer::page::{Lane, News, PAGE_BYTES, Page};
use crate::transfer::schema::Schema;

/// A page of so many bytes has a row that is larger than a page.
const LARGE: usize = 16 * PAGE_BYTES;
/// How often the bytes of a large row are held at once: where it was read, in the page, as text and as what that
/// grew from, compressed, and on its way.
const COPIES: usize = 6;

/// What all readers of a transfer share.
#[derive(Clone)]
pub(super) struct Belt {
    pub(super) schema: Arc<Schema>,
    /// Full pages.
    pub(super) full: Sender<Page>,
    /// Pages to fill again.
    pub(super) used: Receiver<Page>,
    /// How many rows were handed on.
    pub(super) rows: Arc<AtomicU64>,
    /// Whether pages say which range they hold.
    pub(super) is_marked: bool,
    pub(super) memory: MemoryBudget,
    pub(super) cancel: Cancel,
    /// Why nothing more is read.
    pub(super) failure: Failure,
}

/// One reader's end.
pub(super) struct Queue {
    belt: Belt,
    /// How many pages this reader may still make.
    to_make: usize,
    /// Of an incremental read, which has one reader.
    pub(super) last: Option<LastRow>,
    /// The number of this reader.
    reader: usize,
    /// The range that is read, where pages say which.
    range: Option<usize>,
}

impl Queue {
    /// An end that adds so many pages to those that go round.
    pub(super) fn new(belt: &Belt, pages: usize, last: Option<LastRow>, reader: usize) -> Self {
        Self { belt: belt.clone(), to_make: pages, last, reader, range: None }
    }

    /// Says that this reader has ended; `lane` is what the output holds for it.
    pub(super) fn leave(&mut self, lane: Option<MemoryShare>) {
        if let Some(lane) = lane {
            let mut page = self.page();
            page.large = Some(Arc::new(lane));
            // A writer that has ended wants to hear nothing.
            let _ = self.tell(page, News::ReaderEnds);
        }
    }

    fn tell(&self, mut page: Page, news: News) -> Flow {
        page.lane = Some(Lane { reader: self.reader, news });
        if self.belt.full.send(page).is_ok() { Flow::Continue } else { Flow::Stop }
    }

    /// Takes memory for a page with a row that is larger than a page.
    fn make_room(&self, page: &mut Page) -> Result<(), TransferError> {
        let bytes = page.byte_size();
        if bytes < LARGE {
            return Ok(());
        }
        let Belt { memory, cancel, .. } = &self.belt;
        let (wanted, there) = (bytes.saturating_mul(COPIES), memory.largest_row());
        if wanted > there {
            let row = page.first_row + page.rows as u64;
            let message = format!(
                "row {row} has {} MiB, which takes {} MiB on its way, and the run has {} MiB for such rows",
                bytes >> 20,
                wanted >> 20,
                there >> 20
            );
            let hint = format!(
                "raise `--memory` to {}MiB, or leave the large column out",
                (wanted >> 20).saturating_mul(2).saturating_add(2)
            );
            return Err(TransferError::new(ErrorKind::Config, message).hint(hint));
        }
        let share = memory.take_large(wanted, cancel).ok_or_else(TransferError::canceled)?;
        page.large = Some(Arc::new(share));
        Ok(())
    }
}

impl PageSink for Queue {
    fn page(&mut self) -> Page {
        let Belt { schema, used, .. } = &self.belt;
        let mut page = if self.to_make > 0 {
            used.try_recv().unwrap_or_else(|_| {
                self.to_make -= 1;
                Page::new(schema)
            })
        } else {
            // A writer that has ended gives no page back; the next `send` says so.
            used.recv().unwrap_or_else(|_| Page::new(schema))
        };
        page.clear();
        page
    }

    fn send(&mut self, mut page: Page) -> Flow {
        if self.belt.failure.is_set() {
            return Flow::Stop;
        }
        // Rows are numbered as they go out, whoever read them.
        page.first_row = self.belt.rows.fetch_add(page.rows as u64, Ordering::Relaxed);
        if let Err(error) = self.make_room(&mut page) {
            self.belt.failure.set(error);
            return Flow::Stop;
        }
        if let Some(last) = &mut self.last {
            last.see(&page);
        }
        page.lane = self.range.map(|range| Lane { reader: self.reader, news: News::Rows(range) });
        if self.belt.full.send(page).is_ok() { Flow::Continue } else { Flow::Stop }
    }

    fn begin_range(&mut self, number: usize) {
        if self.belt.is_marked {
            self.range = Some(number);
        }
    }

    fn end_range(&mut self) -> Flow {
        let page = self.page();
        self.tell(page, News::RangeEnds)
    }
}
