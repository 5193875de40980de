//! The policy of the project: before any filter of the config, columns that may not leave their source go, and values
//! become others. NULL stays NULL.

mod work;

use std::sync::Arc;

use self::work::Work;
use super::{Lineage, Next, failure};
use crate::policy::Action;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::page::{ColumnBuffer, Page};
use crate::transfer::policy::{Enforced, Known};
use crate::transfer::report::{Change, Treated};
use crate::transfer::schema::{Column, Schema};

/// What the step is called where filters are named.
pub(in crate::transfer) const POLICY: &str = "policy";

/// The step.
pub(super) struct Guard {
    page: Page,
    /// Columns of the input that stay as they are, and where they go.
    moves: Vec<(usize, usize)>,
    shops: Vec<Workshop>,
}

/// A column that is made of another.
struct Workshop {
    input: usize,
    output: usize,
    name: String,
    work: Work,
    /// What was done, by whom.
    what: String,
    /// How many values.
    count: u64,
}

/// What comes of a policy for the columns of a source.
pub(super) struct Planned {
    /// None where all columns stay as they are.
    pub(super) guard: Option<Guard>,
    /// The columns that do not, in their order.
    pub(super) treated: Vec<Treated>,
}

/// The step of a policy for these columns.
pub(super) fn plan(enforced: &Enforced, known: &Known, schema: &Schema) -> Result<Planned, TransferError> {
    let Known { subjects, kept_back } = known;
    if subjects.len() != schema.columns.len() {
        let message = "the columns of the source do not go with what is known of them";
        return Err(TransferError::new(ErrorKind::Internal, message));
    }
    let (mut columns, mut moves, mut shops) = (Vec::new(), Vec::new(), Vec::new());
    let mut treated = Vec::new();
    let places = known.places();
    for (at, (column, subject)) in schema.columns.iter().zip(subjects).enumerate() {
        let (action, by) = enforced.verdict(subject);
        if *action == Action::Keep {
            moves.push((at, columns.len()));
            columns.push(column.clone());
            continue;
        }
        treated.push(Treated { at: Some(at), ..enforced.treated(places[at], &column.name, subject) });
        let Some((work, kind)) = Work::of(action, column, &by, enforced, &schema.zones)? else { continue };
        shops.push(Workshop {
            input: at,
            output: columns.len(),
            name: column.name.clone(),
            what: format!("values {} by {by}", done(action)),
            work,
            count: 0,
        });
        columns.push(Column::new(&column.name, kind));
    }
    if columns.is_empty() {
        let message = format!("{} lets no column of the source be copied", enforced.policy.file);
        return Err(TransferError::new(ErrorKind::Config, message).hint(
            "add a rule with `action: keep` for those that may be; `sync check --connect` lists them",
        ));
    }
    let page = Page::new(&Schema::new(columns, schema.zones.clone()));
    let guard = (!treated.is_empty()).then_some(Guard { page, moves, shops });
    treated.extend(kept_back.iter().cloned());
    treated.sort_by_key(|column| column.place);
    Ok(Planned { guard, treated })
}

/// What was done to values.
fn done(action: &Action) -> &'static str {
    match action {
        Action::Keep => "were kept",
        Action::Drop => "were dropped",
        Action::Null => "became NULL",
        Action::Hash | Action::Hmac { .. } => "were hashed",
        Action::Mask(_) => "were masked",
        Action::Truncate(_) => "were truncated",
    }
}

impl Guard {
    pub(super) fn schema(&self) -> &Arc<Schema> {
        &self.page.schema
    }

    /// Where the columns come from.
    pub(super) fn lineage(&self) -> Vec<Lineage> {
        let nothing = Lineage { column: None, filters: Vec::new() };
        let mut lineages = vec![nothing; self.page.schema.columns.len()];
        for (from, to) in &self.moves {
            lineages[*to].column = Some(*from);
        }
        for shop in &self.shops {
            lineages[shop.output] = Lineage { column: Some(shop.input), filters: vec![POLICY] };
        }
        lineages
    }

    /// Hands the page on with the columns that may be seen. Afterwards the input has its columns back.
    pub(super) fn apply(&mut self, input: &mut Page, next: Next<'_>) -> Result<(), TransferError> {
        self.page.clear();
        for shop in &mut self.shops {
            let output = &mut self.page.columns[shop.output];
            shop.make(&input.columns[shop.input], output, input.rows, input.first_row)?;
        }
        self.swap(input);
        (self.page.rows, self.page.first_row) = (input.rows, input.first_row);
        let result = next(&mut self.page);
        self.swap(input);
        result
    }

    fn swap(&mut self, input: &mut Page) {
        for (from, to) in &self.moves {
            std::mem::swap(&mut self.page.columns[*to], &mut input.columns[*from]);
        }
    }

    /// The values so far that became others.
    pub(super) fn changes(&self) -> Vec<Change> {
        let changed = self.shops.iter().filter(|shop| shop.count > 0);
        changed.map(|shop| Change::of(&shop.name, shop.what.as_str(), shop.count)).collect()
    }
}

impl Workshop {
    fn make(
        &mut self,
        input: &ColumnBuffer,
        output: &mut ColumnBuffer,
        rows: usize,
        first_row: u64,
    ) -> Result<(), TransferError> {
        for row in 0..rows {
            if !input.validity.is_valid(row) {
                output.push_null();
                continue;
            }
            self.work
                .make(input, row, output)
                .map_err(|unfit| failure(POLICY, &self.name, first_row + row as u64, &unfit))?;
            self.count += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
