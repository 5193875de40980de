//! Columns that are made out of others, value by value; the rest changes places between two pages.

use std::sync::Arc;

use super::cell::{Cell, Eye};
use super::sieve::Sieve;
use super::{Lineage, Next, failure};
use crate::transfer::encode::Unfit;
use crate::transfer::error::TransferError;
use crate::transfer::page::{ColumnBuffer, Page};
use crate::transfer::report::Change;
use crate::transfer::schema::{Column, Schema};
use crate::transfer::value::Value;

/// The filter whose whole purpose is that values become others.
pub(super) const MASK: &str = "mask";

/// Makes the values of one row's new columns out of a value that is not NULL.
pub(super) trait Maker: Send {
    /// Adds one value per new column; none is NULL.
    fn make(&mut self, cell: Cell<'_>, made: &mut Vec<Option<Value>>) -> Result<(), Unfit>;
}

/// What happens when a value cannot become what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfitting {
    /// The transfer fails.
    Stop,
    /// The new values are NULL.
    Null,
    /// The row is left out.
    Skip,
}

/// Where a column of the result comes from.
pub(super) enum Source {
    /// A column of the input.
    Moved(usize),
    /// The first or only column of a maker, which takes this column of the input.
    Made(usize, Box<dyn Maker>),
    /// Another column of the last maker.
    Further,
}

/// One step of a pipeline.
pub(super) struct Make {
    filter: &'static str,
    unfitting: Unfitting,
    page: Page,
    /// Columns of the input and where they go.
    moves: Vec<(usize, usize)>,
    makers: Vec<Workshop>,
    made: Vec<Option<Value>>,
    keep: Vec<bool>,
    sieve: Sieve,
    /// What was to be said before the first row.
    notes: Vec<String>,
}

/// A maker, its input and its columns.
struct Workshop {
    maker: Box<dyn Maker>,
    eye: Eye,
    input: usize,
    name: String,
    outputs: Vec<usize>,
    /// How many values did not fit, and why the first one did not.
    unfit: u64,
    reason: &'static str,
    /// How many values were made into others.
    made: u64,
}

impl Make {
    pub(super) fn new(
        filter: &'static str,
        unfitting: Unfitting,
        input: &Schema,
        columns: Vec<(Column, Source)>,
    ) -> Self {
        let (mut moves, mut makers, mut schema) = (Vec::new(), Vec::<Workshop>::new(), Vec::new());
        for (at, (column, source)) in columns.into_iter().enumerate() {
            let is_moved = matches!(source, Source::Moved(_));
            // What a filter makes may be longer than what it was made of.
            schema.push(if is_moved { column } else { column.within(None) });
            match source {
                Source::Moved(from) => moves.push((from, at)),
                Source::Made(from, maker) => makers.push(Workshop {
                    maker,
                    eye: Eye::new(input.columns[from].kind, &input.zones),
                    input: from,
                    name: input.columns[from].name.clone(),
                    outputs: vec![at],
                    unfit: 0,
                    reason: "",
                    made: 0,
                }),
                Source::Further => {
                    if let Some(workshop) = makers.last_mut() {
                        workshop.outputs.push(at);
                    }
                }
            }
        }
        let schema = Schema::new(schema, input.zones.clone());
        Self {
            filter,
            unfitting,
            page: Page::new(&schema),
            moves,
            makers,
            made: Vec::new(),
            keep: Vec::new(),
            sieve: Sieve::new(&schema),
            notes: Vec::new(),
        }
    }

    pub(super) fn schema(&self) -> &Arc<Schema> {
        &self.page.schema
    }

    /// Where the columns come from.
    pub(super) fn lineage(&self) -> Vec<Lineage> {
        let nothing = Lineage { column: None, filters: vec![self.filter] };
        let mut lineages = vec![nothing; self.page.schema.columns.len()];
        for (from, to) in &self.moves {
            lineages[*to] = Lineage { column: Some(*from), filters: Vec::new() };
        }
        for workshop in &self.makers {
            workshop.outputs.iter().for_each(|to| lineages[*to].column = Some(workshop.input));
        }
        lineages
    }

    /// Hands the page with the new columns on. Afterwards the input has its columns back.
    pub(super) fn apply(&mut self, input: &mut Page, next: Next<'_>) -> Result<(), TransferError> {
        self.page.clear();
        self.keep.clear();
        self.keep.resize(input.rows, true);
        for row in 0..input.rows {
            for at in 0..self.makers.len() {
                self.make(at, input, row)?;
            }
        }
        self.swap(input);
        (self.page.rows, self.page.first_row) = (input.rows, input.first_row);
        let result = match self.unfitting {
            Unfitting::Skip => self.sieve.apply(&mut self.page, &self.keep, next),
            Unfitting::Stop | Unfitting::Null => next(&mut self.page),
        };
        self.swap(input);
        result
    }

    fn make(&mut self, at: usize, input: &Page, row: usize) -> Result<(), TransferError> {
        let workshop = &mut self.makers[at];
        let column = &input.columns[workshop.input];
        self.made.clear();
        if column.validity.is_valid(row) {
            let made = match workshop.eye.see(column, row) {
                Ok(cell) => workshop.maker.make(cell, &mut self.made),
                Err(unfit) => Err(unfit),
            };
            if let Err(unfit) = made {
                self.made.clear();
                if self.unfitting == Unfitting::Stop {
                    return Err(failure(self.filter, &workshop.name, input.first_row + row as u64, &unfit));
                }
                if workshop.unfit == 0 {
                    workshop.reason = unfit.0;
                }
                workshop.unfit += 1;
                self.keep[row] = false;
            } else {
                workshop.made += 1;
            }
        }
        let mut made = self.made.drain(..);
        for output in &workshop.outputs {
            push(made.next().flatten().as_ref(), &mut self.page.columns[*output]);
        }
        Ok(())
    }

    fn swap(&mut self, input: &mut Page) {
        for (from, to) in &self.moves {
            std::mem::swap(&mut self.page.columns[*to], &mut input.columns[*from]);
        }
    }

    /// Something that people should know whatever the rows are.
    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// The values so far that became something else than they should, or were hidden.
    pub(super) fn changes(&self) -> Vec<Change> {
        let filter = self.filter;
        let unfit = match self.unfitting {
            Unfitting::Skip => format!("values did not fit filter `{filter}`, and their rows were left out"),
            Unfitting::Null | Unfitting::Stop => {
                format!("values did not fit filter `{filter}` and became NULL")
            }
        };
        let mut changes = Vec::new();
        for Workshop { name, unfit: count, made, .. } in &self.makers {
            if *count > 0 {
                changes.push(Change::of(name, unfit.as_str(), *count));
            }
            if filter == MASK && *made > 0 {
                changes.push(Change::of(name, "values were masked", *made));
            }
        }
        changes
    }

    /// What people should know of the rows so far.
    pub(super) fn notes(&self) -> impl Iterator<Item = String> {
        let unfit = self.makers.iter().filter(|workshop| workshop.unfit > 0);
        self.notes.iter().cloned().chain(unfit.map(|workshop| {
            let Workshop { name, unfit, reason, .. } = workshop;
            let values = if *unfit == 1 { "1 value" } else { &format!("{unfit} values") };
            let become_what = match self.unfitting {
                Unfitting::Skip if *unfit == 1 => "its row was left out",
                Unfitting::Skip => "their rows were left out",
                _ if *unfit == 1 => "it became NULL",
                _ => "they became NULL",
            };
            let each = if *unfit == 1 { "the value" } else { "the first" };
            format!(
                "filter `{}`, column `{name}`: {values} did not fit, {become_what}; {each} {reason}",
                self.filter
            )
        }))
    }
}

/// Adds a value; one of another type than the column cannot be there.
fn push(value: Option<&Value>, column: &mut ColumnBuffer) {
    if !value.is_some_and(|value| value.push(column)) {
        column.push_null();
    }
}
