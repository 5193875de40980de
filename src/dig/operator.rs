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

/// Operators that run.
const NATIVE: [&str; 34] = [
    "sh",
    "rb",
    "py",
    "echo",
    "fail",
    "call",
    "for_each",
    "for_range",
    "loop",
    "if",
    "wait",
    "slack",
    "mysql",
    "sqlite",
    "embulk",
    "gcs_wait",
    "http",
    "http_call",
    "mail",
    "notify",
    "param_get",
    "param_set",
    "pg",
    "redshift",
    "redshift_load",
    "redshift_unload",
    "require",
    "s3_wait",
    "s3_put",
    "gcs_put",
    "bq",
    "bq_ddl",
    "bq_extract",
    "bq_load",
];

/// What is known about an operator's name, without its `>`.
pub fn support(name: &str) -> Support {
    if NATIVE.contains(&name) {
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
    NATIVE.into_iter()
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
            Some(match suggest(name, NATIVE) {
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
