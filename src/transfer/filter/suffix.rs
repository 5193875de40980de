//! `unique_number_suffix`: names that are there already get a number.

use std::collections::{HashMap, HashSet};

use super::rename::cut;
use crate::embulk::filter::NumberSuffix;
use crate::transfer::error::{ErrorKind, TransferError};

/// Unique names. Each is fixed from left to right; numbers count per name, and names that the input has are not taken.
pub(super) fn unique(rule: &NumberSuffix, names: &[String]) -> Result<Vec<String>, TransferError> {
    let highest = names.len() as u64 + u64::from(rule.offset);
    let digits = highest.saturating_sub(1).to_string().len();
    for (option, size) in [("digits", rule.digits), ("max_length", rule.max_length)] {
        if size.is_some_and(|size| size <= digits) {
            let count = names.len();
            let message =
                format!("rename: `{option}` of `unique_number_suffix` is too small for {count} columns");
            return Err(TransferError::new(ErrorKind::Config, message)
                .hint(format!("set it to {} at least", digits + 1)));
        }
    }
    let originals: HashSet<&str> = names.iter().map(String::as_str).collect();
    let mut counts: HashMap<&str, u64> = HashMap::new();
    let mut fixed: HashSet<String> = HashSet::new();
    let most = rule.max_length.unwrap_or(usize::MAX);
    let mut unique = Vec::with_capacity(names.len());
    for name in names {
        let count = counts.entry(name).or_insert_with(|| u64::from(rule.offset));
        let mut candidate = cut(name, most).to_owned();
        if fixed.contains(&candidate) {
            loop {
                candidate = numbered(rule, name, *count, most);
                *count += 1;
                if !fixed.contains(&candidate) && !originals.contains(candidate.as_str()) {
                    break;
                }
            }
        } else {
            *count += 1;
        }
        fixed.insert(candidate.clone());
        unique.push(candidate);
    }
    Ok(unique)
}

fn numbered(rule: &NumberSuffix, name: &str, number: u64, most: usize) -> String {
    let suffix = format!("{}{number:0width$}", rule.delimiter, width = rule.digits.unwrap_or(0));
    format!("{}{suffix}", cut(name, most.saturating_sub(suffix.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> NumberSuffix {
        NumberSuffix { delimiter: '_', offset: 1, digits: None, max_length: None }
    }

    fn named(rule: &NumberSuffix, names: &[&str]) -> Result<Vec<String>, String> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        unique(rule, &names).map_err(|error| error.to_string())
    }

    #[test]
    fn numbers_go_to_names_that_are_there() {
        assert_eq!(
            named(&rule(), &["c", "c1", "c1", "c2", "c", "c3"]).unwrap(),
            ["c", "c1", "c1_2", "c2", "c_2", "c3"]
        );
        assert_eq!(
            named(&rule(), &["c", "c", "c_0", "c_1", "c_2"]).unwrap(),
            ["c", "c_3", "c_0", "c_1", "c_2"]
        );
        let padded = NumberSuffix { digits: Some(3), delimiter: '-', offset: 5, ..rule() };
        assert_eq!(named(&padded, &["a", "a", "a"]).unwrap(), ["a", "a-006", "a-007"]);
    }

    #[test]
    fn names_are_cut_to_leave_room() {
        let rule = NumberSuffix { max_length: Some(8), ..rule() };
        assert_eq!(
            named(&rule, &["abcdefghij", "abcdefghik", "abcdefgh"]).unwrap(),
            ["abcdefgh", "abcdef_1", "abcdef_2"]
        );
        let short = NumberSuffix { digits: Some(1), ..rule };
        assert_eq!(
            named(&short, &["a"; 3]).unwrap_err(),
            "rename: `digits` of `unique_number_suffix` is too small for 3 columns"
        );
    }
}
