//! Which operators there are: the one table that `check`, `run` and suggestions read.
//!
//! Digdag finds an unknown operator when its task starts, perhaps hours in. Here it is a problem of the file. What an
//! operator does is not said here but in `run::operator`.

use crate::diagnostic::{Problem, Span, suggest};

/// What can be said about the name before a `>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// Runs.
    Native,
    /// Belongs to a service that `sync` does not serve; says why.
    Vendor(&'static str),
    /// Nobody knows it.
    Unknown,
}

/// What an operator speaks with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// This machine; what its commands do is theirs.
    Local,
    /// A server.
    Network,
    /// A server that holds tables: it reads or writes rows there.
    Database,
}

/// Operators that run.
const NATIVE: [(&str, Reach); 34] = [
    ("sh", Reach::Local),
    ("rb", Reach::Local),
    ("py", Reach::Local),
    ("echo", Reach::Local),
    ("fail", Reach::Local),
    ("call", Reach::Local),
    ("for_each", Reach::Local),
    ("for_range", Reach::Local),
    ("loop", Reach::Local),
    ("if", Reach::Local),
    ("wait", Reach::Local),
    ("slack", Reach::Network),
    ("mysql", Reach::Database),
    ("sqlite", Reach::Local),
    ("embulk", Reach::Database),
    ("gcs_wait", Reach::Network),
    ("http", Reach::Network),
    ("http_call", Reach::Network),
    ("mail", Reach::Network),
    ("notify", Reach::Network),
    ("param_get", Reach::Local),
    ("param_set", Reach::Local),
    ("pg", Reach::Database),
    ("redshift", Reach::Database),
    ("redshift_load", Reach::Database),
    ("redshift_unload", Reach::Database),
    ("require", Reach::Local),
    ("s3_wait", Reach::Network),
    ("s3_put", Reach::Network),
    ("gcs_put", Reach::Network),
    ("bq", Reach::Database),
    ("bq_ddl", Reach::Network),
    ("bq_extract", Reach::Database),
    ("bq_load", Reach::Database),
];

/// What is known about an operator's name, without its `>`.
pub fn support(name: &str) -> Support {
    if reach(name).is_some() {
        Support::Native
    } else if name == "td" || name.starts_with("td_") {
        Support::Vendor("it belongs to Treasure Data")
    } else if name == "emr" || name.starts_with("athena.") || name == "ecs" || name.starts_with("ecs_task.") {
        Support::Vendor("it belongs to a compute service of AWS")
    } else {
        Support::Unknown
    }
}

/// The operators that run, for help and suggestions.
pub fn known() -> impl Iterator<Item = &'static str> {
    NATIVE.into_iter().map(|(name, _)| name)
}

fn reach(name: &str) -> Option<Reach> {
    NATIVE.into_iter().find(|(known, _)| *known == name).map(|(_, reach)| reach)
}

/// Whether the operator speaks with a server.
pub fn is_network(name: &str) -> bool {
    matches!(reach(name), Some(Reach::Network | Reach::Database))
}

/// Whether the operator reads or writes the tables of a server.
pub fn is_database(name: &str) -> bool {
    reach(name) == Some(Reach::Database)
}

/// Whether some operator reads an option of this name.
pub fn is_option(name: &str) -> bool {
    super::operand::is_option(name)
}

/// Whether the operator runs a `_do` for each of something.
pub(super) fn is_loop(name: &str) -> bool {
    matches!(name, "for_each" | "for_range" | "loop")
}

/// Whether the operator reads `_parallel` for the tasks that it generates.
pub(super) fn reads_parallel(name: &str) -> bool {
    is_loop(name) || matches!(name, "rb" | "py")
}

/// The problem of an operator that does not run; none for one that does.
pub(super) fn problem(name: &str, span: &Span) -> Option<Problem> {
    match support(name) {
        Support::Native => None,
        Support::Vendor(reason) => Some(
            Problem::error(
                "unsupported-operator",
                format!("operator `{name}>` is not supported: {reason}"),
                span,
            )
            .hint("run it from `sh>` with the service's own command line"),
        ),
        Support::Unknown => {
            let problem = Problem::error("unknown-operator", format!("unknown operator `{name}>`"), span);
            Some(match suggest(name, known()) {
                Some(near) => problem.did_you_mean(&format!("{name}>"), &format!("{near}>")),
                None => problem,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Source;

    #[test]
    fn every_name_has_one_answer() {
        for (name, expected) in [
            ("sh", Support::Native),
            ("for_each", Support::Native),
            ("bq", Support::Native),
            ("redshift_load", Support::Native),
            ("td_run", Support::Vendor("it belongs to Treasure Data")),
            ("athena.query", Support::Vendor("it belongs to a compute service of AWS")),
            ("nop", Support::Unknown),
            ("", Support::Unknown),
        ] {
            assert_eq!(support(name), expected, "{name}");
        }
    }

    #[test]
    fn operators_that_speak_with_servers_are_known_as_such() {
        let said = |name: &str| (is_network(name), is_database(name));
        for (name, expected) in [
            ("sh", (false, false)),
            ("sqlite", (false, false)),
            ("s3_put", (true, false)),
            ("param_get", (false, false)),
            ("pg", (true, true)),
            ("embulk", (true, true)),
            ("s3_copy", (false, false)),
        ] {
            assert_eq!(said(name), expected, "{name}");
        }
    }

    #[test]
    fn problems_say_what_is_meant() {
        let span = Span::file(&Source::new("a.dig", ""));
        let shown =
            |name: &str| problem(name, &span).map(|problem| (problem.code, problem.message, problem.label));
        assert_eq!(shown("sh"), None);
        let expected =
            ("unknown-operator", "unknown operator `embluk>`".into(), "did you mean `embulk>`?".into());
        assert_eq!(shown("embluk"), Some(expected));
        let message = "operator `emr>` is not supported: it belongs to a compute service of AWS";
        assert_eq!(shown("emr"), Some(("unsupported-operator", message.into(), String::new())));
    }
}
