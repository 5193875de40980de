//! Tables of the README whose rows are tested one by one.

use crate::readme::tables::first_cells;

/// One test for each row of the table with this first line, by the row's first cell; and one that the cells are those
/// of the table, in its order.
macro_rules! rows {
    ($header:literal: $($cell:literal => $name:ident,)*) => {
        #[test]
        fn every_row_of_the_table_has_a_test() {
            $crate::support::readme_rows::check($header, &[$($cell),*]);
        }

        mod row {
            $(#[test] fn $name() { super::$name(); })*
        }
    };
}

pub(crate) use rows;

/// The cells are those of the table.
pub fn check(header: &str, cells: &[&str]) {
    assert_eq!(first_cells(header), cells);
}
