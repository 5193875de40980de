//! Filters: which columns and rows go on, under which names, with which values.
//!
//! A config's filters become steps that pages go through. Filters that only choose, order and name columns become one
//! step together, and columns that stay change places between two pages: no row is copied for them.

mod cast;
mod cell;
mod clock;
mod column;
mod default;
mod edit;
mod expand;
mod guard;
mod json;
mod make;
mod mask;
mod projection;
mod relieve;
mod remove;
mod rename;
mod row;
mod sieve;
mod suffix;

use std::sync::Arc;

use self::guard::Guard;
pub(in crate::transfer) use self::guard::POLICY;
use self::make::Make;
use self::projection::Projection;
use self::row::RowFilter;
use super::encode::Unfit;
use super::error::{ErrorKind, TransferError};
use super::page::Page;
use super::policy::{Enforced, Known};
use super::report::{Change, Treated};
use super::schema::Schema;
use crate::embulk::filter::FilterConfig;

/// Takes the pages that come out of a step.
type Next<'n> = &'n mut dyn FnMut(&mut Page) -> Result<(), TransferError>;

/// All filters of a transfer.
pub struct Pipeline {
    schema: Arc<Schema>,
    steps: Vec<Step>,
    /// The columns of the input that a policy does not let through as they are.
    treated: Vec<Treated>,
    /// What is said of the filters whatever the rows are.
    notes: Vec<String>,
}

/// A policy, and what it goes by for the columns of a source.
pub type Policed<'a> = (&'a Enforced, &'a Known);

/// Where a column comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    /// The column of the input; none: the same value in every row.
    pub column: Option<usize>,
    /// The filters that make other values of its values, in order.
    pub filters: Vec<&'static str>,
}

impl Lineage {
    /// The same, of columns that come from others themselves.
    fn after(mut self, earlier: &[Self]) -> Self {
        if let Some(before) = self.column.and_then(|at| earlier.get(at)) {
            self.column = before.column;
            self.filters.splice(0..0, before.filters.iter().copied());
        }
        self
    }
}

enum Step {
    Guard(Box<Guard>),
    Project(Box<Projection>),
    Make(Box<Make>),
    Rows(Box<RowFilter>),
}

/// The pipeline of some filters, in their order; a policy comes before all of them.
pub fn plan(
    filters: &[FilterConfig],
    schema: &Arc<Schema>,
    policy: Option<Policed<'_>>,
) -> Result<Pipeline, TransferError> {
    let mut pipeline =
        Pipeline { schema: Arc::clone(schema), steps: Vec::new(), treated: Vec::new(), notes: Vec::new() };
    if let Some((enforced, known)) = policy {
        pipeline.guard(enforced, known)?;
    }
    for filter in filters {
        let relieved = relieve::relieved(filter, &pipeline.schema, &pipeline.treated);
        pipeline.notes.extend(relieved.note);
        let added = pipeline.add(&relieved.filter);
        added.map_err(|error| relieve::explained(error, &pipeline.treated))?;
    }
    Ok(pipeline)
}

impl Pipeline {
    fn guard(&mut self, enforced: &Enforced, known: &Known) -> Result<(), TransferError> {
        let planned = guard::plan(enforced, known, &self.schema)?;
        self.treated = planned.treated;
        if let Some(guard) = planned.guard {
            self.schema = Arc::clone(guard.schema());
            self.steps.push(Step::Guard(Box::new(guard)));
        }
        Ok(())
    }

    fn add(&mut self, filter: &FilterConfig) -> Result<(), TransferError> {
        let schema = Arc::clone(&self.schema);
        match filter {
            FilterConfig::Column(filter) => {
                self.project(column::plan(filter, &schema)?);
                if let Some(edits) = edit::plan(&filter.edits, &self.schema)? {
                    self.make(edits);
                }
            }
            FilterConfig::RemoveColumns(filter) => self.project(remove::plan(filter, &schema)?),
            FilterConfig::Rename(filter) => self.project(rename::plan(filter, &schema)?),
            FilterConfig::Mask(filter) => self.make(mask::plan(filter, &schema)),
            FilterConfig::Typecast(filter) => self.make(cast::plan(filter, &schema)?),
            FilterConfig::TimestampFormat(filter) => self.make(clock::plan(filter, &schema)?),
            FilterConfig::ExpandJson(filter) => self.make(expand::plan(filter, &schema)?),
            FilterConfig::Row(condition) => {
                self.steps.push(Step::Rows(Box::new(RowFilter::new(condition, &schema)?)));
            }
        }
        Ok(())
    }

    /// The columns of the input that a policy does not let through as they are.
    pub fn treated(&self) -> &[Treated] {
        &self.treated
    }

    /// An error of what comes behind, with the reason where it misses a column that the policy keeps back.
    pub fn explained(&self, error: TransferError) -> TransferError {
        relieve::explained(error, &self.treated)
    }

    /// The columns that come out.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Where the columns that come out come from.
    pub fn lineage(&self) -> Vec<Lineage> {
        let mut lineages: Option<Vec<Lineage>> = None;
        for step in &self.steps {
            let origins = match step {
                Step::Guard(guard) => guard.lineage(),
                Step::Project(projection) => projection.lineage(),
                Step::Make(make) => make.lineage(),
                Step::Rows(_) => continue,
            };
            lineages = Some(match lineages {
                None => origins,
                Some(earlier) => origins.into_iter().map(|origin| origin.after(&earlier)).collect(),
            });
        }
        let plain = |column| Lineage { column: Some(column), filters: Vec::new() };
        lineages.unwrap_or_else(|| (0..self.schema.columns.len()).map(plain).collect())
    }

    fn project(&mut self, projection: Projection) {
        self.schema = Arc::clone(projection.schema());
        let projection = match self.steps.pop() {
            Some(Step::Project(earlier)) => earlier.then(projection),
            other => {
                self.steps.extend(other);
                projection
            }
        };
        self.steps.push(Step::Project(Box::new(projection)));
    }

    fn make(&mut self, make: Make) {
        self.schema = Arc::clone(make.schema());
        self.steps.push(Step::Make(Box::new(make)));
    }

    /// Sends a page through all steps. `write` sees what comes out while it runs, and nothing when no row is left;
    /// afterwards the page is as it was.
    pub fn apply(
        &mut self,
        page: &mut Page,
        write: &mut dyn FnMut(&Page) -> Result<(), TransferError>,
    ) -> Result<(), TransferError> {
        run(&mut self.steps, page, write)
    }

    /// What people should know of the rows so far: what was left out, what became NULL.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.notes.clone();
        for step in &self.steps {
            match step {
                Step::Guard(_) | Step::Project(_) => {}
                Step::Make(make) => notes.extend(make.notes()),
                Step::Rows(rows) => notes.extend(rows.note()),
            }
        }
        notes
    }
}

impl Pipeline {
    /// The values and rows so far that became something else.
    pub fn changes(&self) -> Vec<Change> {
        let of = |step: &Step| match step {
            Step::Guard(guard) => guard.changes(),
            Step::Project(_) => Vec::new(),
            Step::Make(make) => make.changes(),
            Step::Rows(rows) => rows.change().into_iter().collect(),
        };
        self.steps.iter().flat_map(of).collect()
    }
}

fn run(
    steps: &mut [Step],
    page: &mut Page,
    write: &mut dyn FnMut(&Page) -> Result<(), TransferError>,
) -> Result<(), TransferError> {
    if page.rows == 0 {
        return Ok(());
    }
    let Some((step, rest)) = steps.split_first_mut() else { return write(page) };
    let next: Next<'_> = &mut |page| run(rest, page, write);
    match step {
        Step::Guard(guard) => guard.apply(page, next),
        Step::Project(projection) => projection.apply(page, next),
        Step::Make(make) => make.apply(page, next),
        Step::Rows(rows) => rows.apply(page, next),
    }
}

/// The error of a filter for a value; rows count from 1 in messages.
fn failure(filter: &str, column: &str, row: u64, unfit: &Unfit) -> TransferError {
    let message = format!("filter `{filter}`, column `{column}`, row {}: a value {}", row + 1, unfit.0);
    TransferError::new(ErrorKind::Data, message)
        .hint("correct the value where it comes from, or change the options of the filter")
}

/// The error for a column that a filter names and the input does not have.
fn missing(filter: &str, name: &str) -> TransferError {
    TransferError::new(ErrorKind::Config, format!("{filter}: column `{name}` does not exist in the schema"))
}
