//! Which rules count: `--select`, `--ignore`.

use std::str::FromStr;

use clap::Args;

use crate::diagnostic::Problem;
use crate::rules;

/// Rules that are asked for, and rules that are not.
#[derive(Debug, Clone, Default, Args)]
pub struct Choice {
    /// Only these rules, by code; `yaml-*` is all that begin so
    #[arg(long, value_name = "CODES", value_delimiter = ',')]
    pub select: Vec<Codes>,
    /// All but these rules
    #[arg(long, value_name = "CODES", value_delimiter = ',')]
    pub ignore: Vec<Codes>,
}

/// One code, or all that begin alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Codes {
    /// This one.
    One(&'static str),
    /// All that begin with it.
    Beginning(String),
}

impl Choice {
    /// Whether a problem is asked for.
    pub(super) fn takes(&self, problem: &Problem) -> bool {
        let names = |codes: &[Codes]| codes.iter().any(|codes| codes.hold(problem.code));
        let is_usual = || rules::find(problem.code).is_none_or(|rule| !rule.on_request);
        let is_selected = if self.select.is_empty() { is_usual() } else { names(&self.select) };
        is_selected && !names(&self.ignore)
    }
}

impl Codes {
    pub(super) fn hold(&self, code: &str) -> bool {
        match self {
            Self::One(one) => *one == code,
            Self::Beginning(start) => code.starts_with(start.as_str()),
        }
    }
}

impl FromStr for Codes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(start) = text.strip_suffix('*') {
            let known = rules::RULES.iter().any(|rule| rule.code.starts_with(start));
            return match known {
                true => Ok(Self::Beginning(start.to_owned())),
                false => Err(format!("no rule begins with `{start}`")),
            };
        }
        rule(text).map(|rule| Self::One(rule.code))
    }
}

/// The rule of a code on the command line; else what to say.
pub(super) fn rule(text: &str) -> Result<&'static rules::Rule, String> {
    rules::find(text).ok_or_else(|| match rules::nearest(text) {
        Some(near) => format!("there is no rule `{text}`; did you mean `{near}`?"),
        None => format!("there is no rule `{text}`; `sync check --list-rules` shows all"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<Codes> {
        text.split(',').map(|code| code.parse().expect("it is known")).collect()
    }

    #[test]
    fn what_is_selected_counts_unless_it_is_ignored() {
        let problem = |code| Problem::placeless(code, "x");
        let all = Choice::default();
        assert!(all.takes(&problem("shape")));
        let choice = Choice { select: codes("yaml-*,shape"), ignore: codes("yaml-key") };
        let taken = ["yaml-syntax", "shape", "yaml-key", "retry"].map(|code| choice.takes(&problem(code)));
        assert_eq!(taken, [true, true, false, false]);
    }

    #[test]
    fn a_code_that_is_none_is_refused() {
        assert_eq!(
            "lossy-type".parse::<Codes>().expect_err("it is none"),
            "there is no rule `lossy-type`; did you mean `lossy-types`?"
        );
        assert_eq!(
            "frobnication".parse::<Codes>().expect_err("it is none"),
            "there is no rule `frobnication`; `sync check --list-rules` shows all"
        );
        assert_eq!("zz*".parse::<Codes>().expect_err("it is none"), "no rule begins with `zz`");
    }
}
