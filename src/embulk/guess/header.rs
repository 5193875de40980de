//! Lines before the first row: such as have fewer fields than what follows, and one of names.

use super::Record;
use super::statistics::{average, variance};

/// At most so many lines are passed over, and so many records are looked at.
const MOST: usize = 10;

/// How many records stand before the first that is as long as all of the next ones.
pub(super) fn lines_to_skip(records: &[Record]) -> usize {
    let looked_at = records.len().min(MOST);
    (1..=MOST.min(records.len().saturating_sub(1)))
        .find(|&at| {
            let length = records[at - 1].len();
            records[at..looked_at].iter().all(|record| record.len() <= length)
        })
        .map_or(0, |at| at - 1)
}

/// Whether the first record is one of names although it has the types of the others: a column whose other texts are
/// about equally long has one of another length there.
pub(super) fn is_longer_or_shorter(records: &[Record]) -> bool {
    let Some(first) = records.first() else { return false };
    (0..first.len()).any(|column| {
        let lengths: Vec<f64> = records
            .iter()
            .filter_map(|record| record.get(column)?.as_deref())
            .map(|text| text.encode_utf16().count() as f64)
            .collect();
        let [first, others @ ..] = lengths.as_slice() else { return false };
        if others.is_empty() || variance(others) > 0.2 {
            return false;
        }
        let average = average(others);
        if average == 0.0 { *first > 1.0 } else { (average - first).abs() / average > 0.7 }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str) -> Vec<Record> {
        text.split('\n').map(|line| line.split(',').map(|field| Some(field.to_owned())).collect()).collect()
    }

    #[test]
    fn short_lines_before_the_first_row_are_passed_over() {
        assert_eq!(lines_to_skip(&records("a\nb\n1,2\n3,4")), 2);
        assert_eq!(lines_to_skip(&records("1,2\n3,4\n5")), 0);
        assert_eq!(lines_to_skip(&records("a")), 0);
        assert_eq!(lines_to_skip(&[]), 0);
    }

    #[test]
    fn names_have_another_length() {
        assert!(is_longer_or_shorter(&records("customer,x\nab,y\ncd,z")));
        assert!(!is_longer_or_shorter(&records("ab,x\ncd,y\nef,z")));
        assert!(!is_longer_or_shorter(&records("customer,x\nab,y\ncdefghi,z")));
        assert!(is_longer_or_shorter(&records("name,x\n,y\n,z")));
    }
}
