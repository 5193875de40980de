//! New pages out of old ones: columns that stay are swapped over and back, only defaults are written.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Lineage, Next};
use crate::transfer::error::TransferError;
use crate::transfer::page::{ColumnBuffer, Page};
use crate::transfer::schema::{Column, Schema};
use crate::transfer::value::{Value, copy};

/// Where a column comes from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Origin {
    /// A column of the input.
    Input(usize),
    /// A column of the input whose NULLs become a value.
    InputOr(usize, Value),
    /// The same value in every row.
    Constant(Value),
}

/// A new schema and where its columns come from.
#[derive(Debug, Clone)]
pub(super) struct Projection {
    schema: Arc<Schema>,
    origins: Vec<Origin>,
    page: Page,
    /// Columns of the output that hold a swapped column of the input; others are written here.
    swapped: Vec<bool>,
}

impl Projection {
    /// New columns out of those of an input schema.
    pub(super) fn of(input: &Schema, columns: Vec<(Column, Origin)>) -> Self {
        let (columns, origins) = columns.into_iter().unzip();
        Self::new(Schema::new(columns, input.zones.clone()), origins)
    }

    fn new(schema: Arc<Schema>, origins: Vec<Origin>) -> Self {
        let mut seen = HashSet::new();
        // A column that is used twice is swapped once and copied once.
        let swapped = origins.iter().map(|origin| matches!(origin, Origin::Input(at) if seen.insert(*at)));
        let swapped = swapped.collect();
        let page = Page::new(&schema);
        Self { schema, origins, page, swapped }
    }

    /// The new schema.
    pub(super) fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Where the columns come from.
    pub(super) fn lineage(&self) -> Vec<Lineage> {
        let origins = self.origins.iter().map(|origin| match origin {
            Origin::Input(at) | Origin::InputOr(at, _) => Some(*at),
            Origin::Constant(_) => None,
        });
        origins.map(|column| Lineage { column, filters: Vec::new() }).collect()
    }

    /// This projection, then another one.
    pub(super) fn then(self, next: Self) -> Self {
        let through = |at: &usize| self.origins.get(*at).cloned().unwrap_or(Origin::Input(*at));
        let origins = next.origins.iter().map(|origin| match origin {
            Origin::Constant(value) => Origin::Constant(value.clone()),
            Origin::Input(at) => through(at),
            Origin::InputOr(at, value) => match through(at) {
                Origin::Input(at) => Origin::InputOr(at, value.clone()),
                // After the first default there is no NULL left.
                settled => settled,
            },
        });
        Self::new(next.schema, origins.collect())
    }

    /// Hands the page through: the projected rows exist while `next` runs, then the input page has its columns back.
    pub(super) fn apply(&mut self, input: &mut Page, next: Next<'_>) -> Result<(), TransferError> {
        self.page.clear();
        for at in 0..self.origins.len() {
            if !self.swapped[at] {
                fill(&self.origins[at], input, &mut self.page.columns[at]);
            }
        }
        self.swap(input);
        self.page.rows = input.rows;
        self.page.first_row = input.first_row;
        let result = next(&mut self.page);
        self.swap(input);
        result
    }

    fn swap(&mut self, input: &mut Page) {
        for (at, origin) in self.origins.iter().enumerate() {
            if let (true, Origin::Input(from)) = (self.swapped[at], origin) {
                std::mem::swap(&mut self.page.columns[at], &mut input.columns[*from]);
            }
        }
    }
}

/// Writes a column that is not swapped.
fn fill(origin: &Origin, input: &Page, output: &mut ColumnBuffer) {
    for row in 0..input.rows {
        let written = match origin {
            Origin::Constant(value) => value.push(output),
            Origin::Input(at) | Origin::InputOr(at, _) if input.columns[*at].validity.is_valid(row) => {
                copy(&input.columns[*at], row, output)
            }
            Origin::InputOr(_, value) => value.push(output),
            Origin::Input(_) => false,
        };
        if !written {
            output.push_null();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::page::Buffer;
    use crate::transfer::schema::{ColumnType, Zones};

    fn longs(page: &Page, column: usize) -> Vec<Option<i64>> {
        let Buffer::Long(values) = &page.columns[column].data else { panic!("not integers") };
        (0..page.rows).map(|row| page.columns[column].validity.is_valid(row).then_some(values[row])).collect()
    }

    #[test]
    fn columns_are_moved_copied_defaulted_and_given_back() {
        let long = |name: &str| Column::new(name, ColumnType::Long);
        let schema = Schema::new(vec![long("a"), long("b"), long("c")], Zones::utc());
        let first = Projection::of(
            &schema,
            vec![
                (long("b"), Origin::InputOr(1, Value::Long(9))),
                (long("a"), Origin::Input(0)),
                (long("a2"), Origin::Input(0)),
                (long("k"), Origin::Constant(Value::Long(7))),
            ],
        );
        let middle = Arc::clone(first.schema());
        let mut projection = first.then(Projection::of(
            &middle,
            vec![
                (long("A"), Origin::Input(1)),
                (long("B"), Origin::InputOr(0, Value::Long(8))),
                (long("A2"), Origin::Input(2)),
                (long("K"), Origin::Input(3)),
            ],
        ));
        let mut page = Page::new(&schema);
        for _ in 0..2 {
            page.clear();
            for value in [1, 2] {
                assert!(page.columns[0].push_long(value));
                page.columns[1].push_null();
                assert!(page.columns[2].push_long(-value));
            }
            page.rows = 2;
            let applied = projection.apply(&mut page, &mut |page| {
                let names: Vec<&str> =
                    page.schema.columns.iter().map(|column| column.name.as_str()).collect();
                assert_eq!(names, ["A", "B", "A2", "K"]);
                assert_eq!(longs(page, 0), [Some(1), Some(2)]);
                assert_eq!(longs(page, 1), [Some(9), Some(9)]);
                assert_eq!(longs(page, 2), [Some(1), Some(2)]);
                assert_eq!(longs(page, 3), [Some(7), Some(7)]);
                Ok(())
            });
            assert_eq!(applied, Ok(()));
            assert_eq!(longs(&page, 0), [Some(1), Some(2)]);
            assert_eq!(longs(&page, 1), [None, None]);
        }
    }
}
