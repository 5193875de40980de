//! A list of numbers as short as calendars and crontabs allow: `*`, ranges, steps, lists.

/// How a form writes its lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Style {
    /// Between the ends of a range.
    pub range: &'static str,
    /// How many digits a number has at least.
    pub digits: usize,
}

/// `OnCalendar=` of systemd.
pub(super) const SYSTEMD: Style = Style { range: "..", digits: 2 };

/// Crontabs.
pub(super) const CRON: Style = Style { range: "-", digits: 1 };

/// Sorted numbers out of `low..=high` in a style.
pub(super) fn list(numbers: &[u8], (low, high): (u8, u8), style: Style) -> String {
    let digits = style.digits;
    if numbers.len() == usize::from(high - low) + 1 {
        return "*".to_owned();
    }
    if let Some(step) = step(numbers, low, high) {
        // Only the step from the first number on is the same everywhere.
        return if style == SYSTEMD { format!("{low:0digits$}/{step}") } else { format!("*/{step}") };
    }
    let mut parts = Vec::new();
    let mut rest = numbers;
    while let Some(first) = rest.first() {
        let length = (1..rest.len()).take_while(|at| rest[*at] == rest[*at - 1] + 1).count() + 1;
        let last = rest[length - 1];
        if length > 2 {
            parts.push(format!("{first:0digits$}{}{last:0digits$}", style.range));
        } else {
            parts.extend(rest[..length].iter().map(|number| format!("{number:0digits$}")));
        }
        rest = &rest[length..];
    }
    parts.join(",")
}

/// The step of a list that begins at `low` and goes as far as it can, where it has three numbers at least.
fn step(numbers: &[u8], low: u8, high: u8) -> Option<u8> {
    let [first, second, .., last] = numbers else { return None };
    let step = second.checked_sub(*first)?;
    let is_even = numbers.windows(2).all(|pair| pair[1] - pair[0] == step);
    (*first == low && step > 1 && is_even && high - last < step).then_some(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_short() {
        for (numbers, bounds, systemd, cron) in [
            (vec![7], (0, 23), "07", "7"),
            ((0..24).collect(), (0, 23), "*", "*"),
            (vec![0, 15, 30, 45], (0, 59), "00/15", "*/15"),
            (vec![0, 45], (0, 59), "00,45", "0,45"),
            (vec![1, 2, 3, 4, 5], (0, 6), "01..05", "1-5"),
            (vec![0, 1, 22, 23], (0, 23), "00,01,22,23", "0,1,22,23"),
            (vec![5, 15, 25], (0, 59), "05,15,25", "5,15,25"),
            (vec![0, 20], (0, 59), "00,20", "0,20"),
            (vec![0, 20, 40], (0, 59), "00/20", "*/20"),
            (vec![0, 10, 20], (0, 59), "00,10,20", "0,10,20"),
            (vec![1, 2, 3, 9, 11, 12, 13], (1, 31), "01..03,09,11..13", "1-3,9,11-13"),
        ] {
            assert_eq!(list(&numbers, bounds, SYSTEMD), systemd, "{numbers:?}");
            assert_eq!(list(&numbers, bounds, CRON), cron, "{numbers:?}");
        }
    }
}
