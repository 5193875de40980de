//! Ranges of a table by its primary key, of about as many rows each.
//!
//! Keys are rarely even: rows were deleted, numbers reserved. So the middle of a range is looked for where the server
//! counts as many rows on either side, which it does by a look into its index, and the key there is one that exists.

use super::error::server_error;
use crate::cloud::mysql::{Connection, Error};
use crate::embulk::input::Selection;
use crate::transfer::error::TransferError;
use crate::transfer::input::select::{self, quoted};

/// Sides that differ by less than this part of both are even.
const EVEN: u64 = 16;

/// What the server knows of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    /// `InnoDB`, or another.
    pub(super) engine: String,
    /// Of its rows, by the last statistics.
    pub(super) bytes: u64,
    /// The first column of its primary key, where that is a whole number.
    pub(super) key: Option<String>,
}

/// Looks a table of the connection's database up. None for a view, or what this user may not look at.
pub(super) fn facts(connection: &mut Connection, table: &str) -> Result<Option<Facts>, TransferError> {
    let sql = "SELECT t.engine, CAST(t.data_length AS CHAR), c.column_name FROM information_schema.tables t \
               LEFT JOIN information_schema.statistics s ON s.table_schema = t.table_schema \
               AND s.table_name = t.table_name AND s.index_name = 'PRIMARY' AND s.seq_in_index = 1 \
               LEFT JOIN information_schema.columns c ON c.table_schema = s.table_schema \
               AND c.table_name = s.table_name AND c.column_name = s.column_name \
               AND c.data_type IN ('tinyint', 'smallint', 'mediumint', 'int', 'bigint') \
               WHERE t.table_schema = DATABASE() AND t.table_name = ? AND t.table_type = 'BASE TABLE'";
    let rows = connection
        .select(sql, &[table])
        .map_err(|error| server_error(&error, format!("table `{table}` could not be looked up")))?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let mut cells = row.into_iter();
    let (engine, bytes) = (cells.next().flatten(), cells.next().flatten());
    Ok(Some(Facts {
        engine: engine.unwrap_or_default(),
        bytes: bytes.and_then(|bytes| bytes.parse().ok()).unwrap_or(0),
        key: cells.next().flatten(),
    }))
}

/// How many rows a table of the connection's database has, by the last statistics. None for a view, or what this user
/// may not look at.
pub(super) fn expected_rows(connection: &mut Connection, table: &str) -> Result<Option<u64>, TransferError> {
    let sql = "SELECT CAST(table_rows AS CHAR) FROM information_schema.tables \
               WHERE table_schema = DATABASE() AND table_name = ? AND table_type = 'BASE TABLE'";
    let rows = connection
        .select(sql, &[table])
        .map_err(|error| server_error(&error, format!("table `{table}` could not be looked up")))?;
    Ok(rows.into_iter().flatten().flatten().next().and_then(|rows| rows.parse().ok()))
}

/// Conditions that part the rows of a table into about `count` ranges, none of which is empty for sure. Every row meets
/// exactly one.
pub(super) fn conditions(
    connection: &mut Connection,
    table: &str,
    key: &str,
    count: usize,
) -> Result<Vec<String>, TransferError> {
    let failed =
        |error: &Error| server_error(error, format!("the keys of table `{table}` could not be read"));
    let (table_name, key_name) = (quoted(table, '`'), quoted(key, '`'));
    // MySQL does not count where it is forced.
    let source = format!("{table_name} USE INDEX (PRIMARY)");
    let ends = format!("SELECT MIN({key_name}), MAX({key_name}) FROM {source}");
    let ends = connection.select(&ends, &[]).map_err(|error| failed(&error))?;
    let mut ends = ends.into_iter().flatten().flatten().filter_map(|end| end.parse::<i128>().ok());
    let (Some(first), Some(last)) = (ends.next(), ends.next()) else { return Ok(vec!["TRUE".to_owned()]) };
    let mut keys = Keys {
        rows: |from: i128, to: i128| {
            let sql = format!(
                "EXPLAIN FORMAT=TRADITIONAL SELECT {key_name} FROM {source} WHERE {key_name} >= {from} AND {key_name} < {to}"
            );
            rows_of(connection, &sql)
        },
    };
    let borders = keys.borders(first, last + 1, count).map_err(|error| failed(&error))?;
    let mut real = Vec::new();
    for border in borders {
        let sql = format!(
            "SELECT {key_name} FROM {source} WHERE {key_name} >= {border} ORDER BY {key_name} LIMIT 1"
        );
        let found = connection.select(&sql, &[]).map_err(|error| failed(&error))?;
        real.extend(found.into_iter().flatten().flatten().next().and_then(|key| key.parse::<i128>().ok()));
    }
    real.sort_unstable();
    real.dedup();
    Ok(ranges(&key_name, &real))
}

/// Whether the server would look at every row of the table to find those of its `where`.
pub(super) fn reads_all(connection: &mut Connection, selection: &Selection) -> Result<bool, TransferError> {
    let sql = format!("EXPLAIN FORMAT=TRADITIONAL {}", select::statement(selection, '`').sql);
    let cell = first_cell(connection, &sql, "type")
        .map_err(|error| server_error(&error, "the read could not be explained"))?;
    Ok(cell.is_some_and(|way| way.eq_ignore_ascii_case("ALL") || way.eq_ignore_ascii_case("index")))
}

/// How many rows the server expects.
fn rows_of(connection: &mut Connection, sql: &str) -> Result<u64, Error> {
    Ok(first_cell(connection, sql, "rows")?.and_then(|rows| rows.parse().ok()).unwrap_or(0))
}

/// The value of a column in the first row.
fn first_cell(connection: &mut Connection, sql: &str, name: &str) -> Result<Option<String>, Error> {
    let rows = connection.query(sql)?;
    let at = rows.columns().iter().position(|column| column.name_str().eq_ignore_ascii_case(name));
    let found = rows.texts()?;
    Ok(at.and_then(|at| found.into_iter().next()?.into_iter().nth(at)?))
}

/// The conditions between some keys: below the first, from each to the next, from the last on.
fn ranges(name: &str, keys: &[i128]) -> Vec<String> {
    let (Some(first), Some(last)) = (keys.first(), keys.last()) else { return vec!["TRUE".to_owned()] };
    let inner = keys.windows(2).map(|pair| format!("{name} >= {} AND {name} < {}", pair[0], pair[1]));
    std::iter::once(format!("{name} < {first}")).chain(inner).chain([format!("{name} >= {last}")]).collect()
}

/// Where keys lie.
struct Keys<F> {
    /// About how many rows have a key from the first on and below the second.
    rows: F,
}

impl<E, F: FnMut(i128, i128) -> Result<u64, E>> Keys<F> {
    /// Borders of about `count` ranges between two keys, in order, without the two.
    fn borders(&mut self, from: i128, to: i128, count: usize) -> Result<Vec<i128>, E> {
        if count < 2 || to - from < 2 {
            return Ok(Vec::new());
        }
        let middle = self.middle(from, to)?;
        if middle <= from || middle >= to {
            return Ok(Vec::new());
        }
        let mut borders = self.borders(from, middle, count / 2)?;
        borders.push(middle);
        borders.extend(self.borders(middle, to, count / 2)?);
        Ok(borders)
    }

    /// A key with about as many rows below as above it.
    fn middle(&mut self, from: i128, to: i128) -> Result<i128, E> {
        let (mut low, mut high) = (from, to);
        loop {
            let middle = low + (high - low) / 2;
            if middle == low {
                return Ok(middle);
            }
            let (below, above) = ((self.rows)(from, middle)?, (self.rows)(middle, to)?);
            if below.abs_diff(above) <= (below + above) / EVEN {
                return Ok(middle);
            }
            if below < above {
                low = middle;
            } else {
                high = middle;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sizes of the ranges of some keys.
    fn sizes(keys: &[i128], count: usize) -> Vec<usize> {
        let (Some(first), Some(last)) = (keys.first(), keys.last()) else { return Vec::new() };
        let within = |from, to| keys.iter().filter(|key| (from..to).contains(*key)).count();
        let mut asked = 0;
        let mut found = Keys {
            rows: |from, to| {
                asked += 1;
                Ok::<_, ()>(within(from, to) as u64)
            },
        };
        let mut borders = found.borders(*first, last + 1, count).expect("no error");
        borders.insert(0, *first);
        borders.push(last + 1);
        assert!(asked < 200 * count, "{asked} questions");
        borders.windows(2).map(|pair| within(pair[0], pair[1])).collect()
    }

    #[test]
    fn ranges_hold_about_as_many_rows_however_the_keys_lie() {
        let even: Vec<i128> = (1..=10_000).collect();
        // Nearly all rows are far from the first one.
        let skewed: Vec<i128> = std::iter::once(i128::from(i64::MIN))
            .chain(i128::from(u64::MAX) - 9_998..=i128::from(u64::MAX))
            .collect();
        let in_two: Vec<i128> = (0..5_000).chain(1_000_000_000..1_000_005_000).collect();
        for keys in [even, skewed, in_two] {
            let sizes = sizes(&keys, 8);
            assert_eq!((sizes.len(), sizes.iter().sum::<usize>()), (8, keys.len()));
            assert!(sizes.iter().all(|size| (900..1_700).contains(size)), "{sizes:?}");
        }
    }

    #[test]
    fn few_rows_make_few_ranges_and_none_asks_for_ever() {
        assert_eq!(sizes(&[5], 8), [1]);
        assert_eq!(sizes(&[5, 6], 8), [1, 1]);
        assert_eq!(sizes(&[i128::from(i64::MIN), i128::from(i64::MAX)], 8).iter().sum::<usize>(), 2);
        // A server that counts none.
        let mut keys = Keys { rows: |_, _| Ok::<_, ()>(0) };
        assert!(keys.borders(0, 1 << 40, 8).expect("no error").len() < 8);
    }

    #[test]
    fn every_key_is_in_one_range() {
        assert_eq!(ranges("`id`", &[]), ["TRUE"]);
        assert_eq!(ranges("`id`", &[5]), ["`id` < 5", "`id` >= 5"]);
        assert_eq!(ranges("`id`", &[-5, 7]), ["`id` < -5", "`id` >= -5 AND `id` < 7", "`id` >= 7"]);
    }
}
