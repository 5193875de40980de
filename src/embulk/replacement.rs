//! What stands for the matches of a pattern, as Java writes it.

use regex::Regex;

use super::pattern::{BadPattern, bad};

/// What stands for a match, as Java's `replaceAll` takes it (`$1`, `${name}`, `\$`), as the engine takes it.
pub fn replacement(java: &str, pattern: &Regex) -> Result<String, BadPattern> {
    let mut out = String::new();
    let mut chars = java.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\\' => match chars.next() {
                Some('$') => out.push_str("$$"),
                Some(char) => out.push(char),
                None => return bad("ends with a `\\`"),
            },
            '$' if chars.peek() == Some(&'{') => {
                chars.next();
                let name: String = chars.by_ref().take_while(|char| *char != '}').collect();
                if !pattern.capture_names().flatten().any(|known| known == name) {
                    return bad(format!("names the group `{name}`, which the pattern does not have"));
                }
                out.push_str(&format!("${{{name}}}"));
            }
            '$' => {
                let Some(first) = chars.peek().and_then(|char| char.to_digit(10)) else {
                    return bad("has a `$` without a group; write `\\$` for the sign itself");
                };
                chars.next();
                let groups = pattern.captures_len() as u32 - 1;
                let mut group = first;
                if group > groups {
                    return bad(format!("names group {group}, and the pattern has {groups}"));
                }
                // Further digits count as long as there is such a group.
                while let Some(digit) = chars.peek().and_then(|char| char.to_digit(10)) {
                    let longer = group.saturating_mul(10).saturating_add(digit);
                    if longer > groups {
                        break;
                    }
                    group = longer;
                    chars.next();
                }
                out.push_str(&format!("${{{group}}}"));
            }
            _ => out.push(char),
        }
    }
    Ok(out)
}

/// Replaces every match, as Java's `replaceAll` finds them: nothing may match right behind a match too, so that `.*`
/// matches a text twice.
pub fn replace_all(text: &str, pattern: &Regex, replacement: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut behind, mut from) = (0, 0);
    while from <= text.len()
        && let Some(groups) = pattern.captures_at(text, from)
    {
        let found = groups.get_match();
        out.push_str(&text[behind..found.start()]);
        groups.expand(replacement, &mut out);
        behind = found.end();
        let next = text[behind..].chars().next().map_or(1, char::len_utf8);
        from = if found.is_empty() { behind + next } else { behind };
    }
    out.push_str(&text[behind..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embulk::pattern::compile;

    #[test]
    fn nothing_matches_behind_a_match_too() {
        for (pattern, text, expected) in [
            (".*", "a.b", "[a.b][]"),
            (".*", "", "[]"),
            ("", "日b", "[]日[]b[]"),
            ("a*", "baac", "[]b[aa][]c[]"),
            ("^.", "日b", "[日]b"),
        ] {
            let pattern = compile(pattern).unwrap();
            assert_eq!(replace_all(text, &pattern, "[$0]"), expected, "{pattern}");
        }
    }

    #[test]
    fn groups_that_are_not_there_are_named() {
        let one = compile("(a)").unwrap();
        for (with, expected) in [
            ("$2", "names group 2, and the pattern has 1"),
            ("${x}", "names the group `x`, which the pattern does not have"),
            ("$", "has a `$` without a group; write `\\$` for the sign itself"),
            ("\\", "ends with a `\\`"),
        ] {
            assert_eq!(replacement(with, &one).unwrap_err().to_string(), expected, "{with}");
        }
    }
}
