//! Whether the expressions of a text are JavaScript at all, found before anything runs.

use std::cell::RefCell;
use std::sync::Arc;

use super::engine::{Engine, Host};
use super::evaluator::{Clock, Limits};
use super::template::Template;

/// An expression that cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// What the engine says, e.g. `SyntaxError: unexpected token in expression: '}'`.
    pub message: String,
    /// Bytes of the text that the expression takes, without `${` and `}`.
    pub at: std::ops::Range<usize>,
}

thread_local! {
    /// Checking a folder asks thousands of times; one engine serves a thread.
    static CHECKER: RefCell<Engine> = RefCell::new(checker());
}

fn checker() -> Engine {
    let clock = Clock::fixed(jiff::Timestamp::UNIX_EPOCH);
    // The caller's stack, which is not ours to use up.
    let limits = Limits { stack_bytes: 512 << 10, ..Limits::default() };
    Engine::new(Host { zone: jiff::tz::TimeZone::UTC, clock }, limits, Arc::default())
}

/// Cuts a text and compiles its expressions without running them. The first that is no JavaScript is the error.
pub fn parse_template(text: &str) -> Result<Template, TemplateError> {
    let template = Template::scan(text);
    for (code, at) in template.expressions() {
        let checked = CHECKER.with_borrow_mut(|checker| checker.check(code));
        checked.map_err(|message| TemplateError { message, at: at..at + code.len() })?;
    }
    Ok(template)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syntax_errors_are_placed() {
        let place = |text: &str| parse_template(text).map(|_| ()).map_err(|error| error.at);
        assert_eq!(place("${a.b} ${typeof x == 'undefined' ? 1 : {a: 2}.a}"), Ok(()));
        assert_eq!(place("${[1].map(x => x + 1)} ${`a`}"), Ok(()));
        assert_eq!(place("a ${ } b"), Err(4..5));
        assert_eq!(place("${1} ${VAR:-x}"), Err(7..13));
        assert_eq!(place("${\"}\"}"), Err(2..3));
        assert_eq!(place("no ${closing"), Ok(()));
    }

    #[test]
    fn checking_runs_nothing() {
        assert!(parse_template("${(function () { while (true) {} })()}").is_ok());
        assert!(parse_template("${nowhere.known}").is_ok());
    }
}
