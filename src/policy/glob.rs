//! Patterns of names: `*` is any text, `?` any one character, everything else itself. Case does not matter.

/// A pattern of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    /// Folded.
    pattern: Vec<char>,
}

impl Glob {
    /// The pattern of a text.
    pub fn new(text: &str) -> Self {
        Self { pattern: folded(text).chars().collect() }
    }

    /// Whether every name fits.
    pub fn is_any(&self) -> bool {
        !self.pattern.is_empty() && self.pattern.iter().all(|char| *char == '*')
    }

    /// Whether a name fits.
    pub fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = folded(name).chars().collect();
        let (mut at, mut read) = (0, 0);
        // The last `*`, and how much of the name it takes so far.
        let mut star: Option<(usize, usize)> = None;
        while read < name.len() {
            match self.pattern.get(at) {
                Some('*') => {
                    star = Some((at, read));
                    at += 1;
                }
                Some(char) if *char == '?' || *char == name[read] => {
                    at += 1;
                    read += 1;
                }
                _ => {
                    let Some((of, taken)) = star else { return false };
                    star = Some((of, taken + 1));
                    (at, read) = (of + 1, taken + 1);
                }
            }
        }
        self.pattern[at..].iter().all(|char| *char == '*')
    }
}

/// A name as it is compared: in lower case, and full-width letters, digits and signs as the usual ones.
pub(super) fn folded(name: &str) -> String {
    let narrow = |char: char| match char {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(char) - 0xfee0).unwrap_or(char),
        other => other,
    };
    name.chars().map(narrow).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_take_any_text_and_case_does_not_matter() {
        for (pattern, names, others) in [
            ("email", &["email", "EMAIL", "Ｅmail"][..], &["email2", "e_mail", ""][..]),
            ("*mail*", &["mail", "email", "MailAddress", "x_email_y"], &["mai", "ma_il"]),
            ("*_id", &["user_id", "_id", "a_id_id"], &["id", "user_idx"]),
            ("a*b*c", &["abc", "axbxc", "aabbcc", "abcbc"], &["ab", "acb", "abcd"]),
            ("tel?", &["tel1", "tel電"], &["tel", "tel12"]),
            ("*", &["", "a", "住所"], &[]),
            ("", &[""], &["a"]),
            ("住所*", &["住所", "住所2"], &["新住所"]),
            ("i̇d", &["İD"], &["id"]),
        ] {
            let glob = Glob::new(pattern);
            names.iter().for_each(|name| assert!(glob.matches(name), "{pattern} {name}"));
            others.iter().for_each(|name| assert!(!glob.matches(name), "{pattern} {name}"));
        }
        assert!(Glob::new("**").is_any() && !Glob::new("").is_any() && !Glob::new("*a").is_any());
    }

    #[test]
    fn a_pattern_of_many_stars_takes_no_time() {
        let glob = Glob::new(&"*a".repeat(500));
        assert!(!glob.matches(&"a".repeat(499)));
        assert!(glob.matches(&"ba".repeat(500)));
    }

    proptest::proptest! {
        /// The same answer as that of a matcher too plain to be wrong.
        #[test]
        fn it_agrees_with_the_plain_rule(pattern in "[ab*?]{0,7}", name in "[abc]{0,7}") {
            fn plain(pattern: &[u8], name: &[u8]) -> bool {
                match (pattern.split_first(), name.split_first()) {
                    (None, None) => true,
                    (Some((b'*', rest)), _) if plain(rest, name) => true,
                    (Some((b'*', _)), Some((_, shorter))) => plain(pattern, shorter),
                    (Some((char, rest)), Some((first, shorter))) => (*char == b'?' || char == first) && plain(rest, shorter),
                    _ => false,
                }
            }
            proptest::prop_assert_eq!(Glob::new(&pattern).matches(&name), plain(pattern.as_bytes(), name.as_bytes()));
        }
    }
}
