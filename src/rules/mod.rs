//! The rules that problems are found by: each has a code, and a page that explains it (`docs/rules/CODE.md`).
//!
//! A problem names its rule by code; a code without a rule is a mistake that a debug build finds when the problem is
//! shown.

mod list;

use crate::diagnostic::{Severity, suggest};

pub use self::list::RULES;

/// One rule.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Stable kebab-case name, e.g. `unknown-operator`.
    pub code: &'static str,
    /// How bad it usually is; single problems may weigh less.
    pub severity: Severity,
    /// Whether it is looked for only where `--select` names it.
    pub on_request: bool,
    /// The page, in Markdown: what is wrong, why it matters, what to do.
    pub page: &'static str,
}

impl Rule {
    /// The first sentence of its page.
    pub fn summary(&self) -> &'static str {
        self.page.lines().skip(1).find(|line| !line.is_empty()).unwrap_or_default()
    }
}

/// The rule of a code.
pub fn find(code: &str) -> Option<&'static Rule> {
    RULES.binary_search_by(|rule| rule.code.cmp(code)).ok().map(|at| &RULES[at])
}

/// The code nearest to a word that is none.
pub fn nearest(word: &str) -> Option<&'static str> {
    suggest(word, RULES.iter().map(|rule| rule.code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_in_order_and_have_whole_pages() {
        assert!(RULES.is_sorted_by(|one, next| one.code < next.code));
        for rule in RULES {
            assert_eq!(rule.page.lines().next(), Some(format!("# {}", rule.code).as_str()));
            let summary = rule.summary();
            assert!(summary.ends_with('.') && !summary.trim_end_matches('.').contains(". "), "{summary}");
            assert!(rule.page.ends_with('\n') && rule.page.contains("## What to do"), "{}", rule.code);
            assert_eq!(find(rule.code).map(|found| found.code), Some(rule.code));
        }
        let pages = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rules")).expect("the pages");
        assert_eq!(pages.count(), RULES.len());
    }

    #[test]
    fn a_misspelt_code_has_a_near_one() {
        assert_eq!(nearest("unknown-operater"), Some("unknown-operator"));
        assert!(find("unknown-operater").is_none());
    }
}
