//! The largest group of equals. Between groups of one size Embulk takes the first in the order of a Java hash map, so
//! that order is kept here.

/// The items of the largest group, in their order; none without items.
pub(super) fn most_frequent<T>(items: Vec<T>, name: impl Fn(&T) -> String) -> Option<Vec<T>> {
    let mut groups: Vec<(String, Vec<T>)> = Vec::new();
    for item in items {
        let name = name(&item);
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, group)) => group.push(item),
            None => groups.push((name, vec![item])),
        }
    }
    let capacity = capacity(groups.len());
    // Sorting is stable: in one bucket the order is that of arrival.
    groups.sort_by_key(|(name, _)| bucket(name, capacity));
    groups.into_iter().map(|(_, group)| group).reduce(
        |best, next| {
            if next.len() > best.len() { next } else { best }
        },
    )
}

/// Buckets of a map with so many keys: doubled when three quarters are exceeded.
fn capacity(count: usize) -> u32 {
    let mut capacity: u32 = 16;
    while count > capacity as usize / 4 * 3 {
        capacity *= 2;
    }
    capacity
}

fn bucket(name: &str, capacity: u32) -> u32 {
    let hash = name.encode_utf16().fold(0u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(unit.into()));
    (hash ^ (hash >> 16)) & (capacity - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_group_wins_and_a_hash_map_decides_between_equals() {
        let most = |items: &[&'static str]| most_frequent(items.to_vec(), |item| (*item).to_owned());
        assert_eq!(most(&["a", "b", "b"]), Some(vec!["b", "b"]));
        // In Java, "b".hashCode() is 98 and "a".hashCode() is 97: buckets 2 and 1 of 16.
        assert_eq!(most(&["b", "a"]), Some(vec!["a"]));
        // 112, bucket 0.
        assert_eq!(most(&["a", "b", "p"]), Some(vec!["p"]));
        assert_eq!(most(&[]), None);
    }
}
