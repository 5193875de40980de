//! A part of an upload while it fills.

/// Appends bytes to a part up to its size, and gives those back that have no place in it. The memory of a part grows
/// with what is in it, but never beyond its size.
pub fn fill<'a>(part: &mut Vec<u8>, size: usize, bytes: &'a [u8]) -> &'a [u8] {
    let (now, later) = bytes.split_at(bytes.len().min(size.saturating_sub(part.len())));
    let needed = part.len() + now.len();
    if needed > part.capacity() {
        let wanted = part.capacity().saturating_mul(2).min(size).max(needed);
        part.reserve_exact(wanted - part.len());
    }
    part.extend_from_slice(now);
    later
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_takes_what_it_has_room_for_and_no_more_memory_than_its_size() {
        let mut part = Vec::new();
        let bytes: Vec<u8> = (0..100).collect();
        let mut taken = 0;
        while fill(&mut part, 1000, &bytes).is_empty() {
            taken += 1;
            assert!(part.capacity() <= (2 * part.len()).min(1000), "{} of {}", part.capacity(), part.len());
        }
        assert_eq!((taken, part.len(), part.capacity()), (10, 1000, 1000));
        assert_eq!(fill(&mut part, 1000, &bytes), bytes);
        part.truncate(970);
        assert_eq!(fill(&mut part, 1000, &bytes), &bytes[30..]);
        assert_eq!(part.capacity(), 1000);
    }
}
