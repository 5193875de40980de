//! `param_set>` keeps parameters beyond the session, `param_get>` brings them back.
//!
//! Every key of the task itself with a text, number or boolean is a pair; those that begin with `_` are directives
//! and none. Digdag would keep a `_retry` too, which nobody means. What counts as secret is refused: kept parameters
//! lie in plain text.

use serde_json::Value;

use super::{Operator, OperatorError, OperatorOutput, OperatorRequest, Turn};
use crate::dig::params;
use crate::session::Params;

/// Parameters that outlive sessions. Those of other projects are out of sight.
pub trait ParamStore: Send + Sync {
    /// Keeps all pairs of key and value, or none, and lets each live for another 90 days.
    fn set(&self, pairs: &[(String, String)]) -> Result<(), ParamStoreError>;
    /// The values of keys, in their order; none where a key was never kept or has expired.
    fn get(&self, keys: &[&str]) -> Result<Vec<Option<String>>, ParamStoreError>;
}

/// The store did not answer or did not take it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct ParamStoreError(pub String);

/// `param_set>`.
#[derive(Debug)]
pub(super) struct ParamSet;

impl Operator for ParamSet {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        let pairs = pairs(request)?;
        refuse_secrets(&pairs, request)?;
        let texts = texts(&pairs)?;
        let kept = request.services.params.set(&texts);
        kept.map_err(|error| OperatorError::failed("the parameters could not be kept").cause(&error))?;
        Ok(OperatorOutput::default().into())
    }
}

/// `param_get>`.
#[derive(Debug)]
pub(super) struct ParamGet;

impl Operator for ParamGet {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        let texts = texts(&pairs(request)?)?;
        let keys: Vec<&str> = texts.iter().map(|(key, _)| key.as_str()).collect();
        let kept = request.services.params.get(&keys);
        let kept =
            kept.map_err(|error| OperatorError::failed("kept parameters could not be read").cause(&error))?;
        let variables = texts.into_iter().map(|(_, variable)| variable);
        // Digdag: what is missing is an empty text.
        let values = kept.into_iter().map(|value| Value::String(value.unwrap_or_default()));
        Ok(OperatorOutput { store: variables.zip(values).collect(), ..OperatorOutput::default() }.into())
    }
}

/// The task's own keys that are no directives and have a value.
fn pairs(request: &OperatorRequest<'_>) -> Result<Params, OperatorError> {
    if request.command.is_object() || request.command.is_array() {
        let message = format!("the keys of `{}>` stand beside it, not below it", request.operator);
        return Err(OperatorError::config(message));
    }
    let is_pair = |key: &str| !key.starts_with('_') && !key.ends_with('>');
    let own = request.local.iter().filter(|(key, value)| is_pair(key) && !value.is_null());
    let pairs: Params = own.map(|(key, value)| (key.clone(), value.clone())).collect();
    if pairs.is_empty() { Err(OperatorError::config("no key is set.")) } else { Ok(pairs) }
}

fn texts(pairs: &Params) -> Result<Vec<(String, String)>, OperatorError> {
    pairs.iter().map(|(key, value)| Ok((key.clone(), params::to_text(key, value)?))).collect()
}

fn refuse_secrets(pairs: &Params, request: &OperatorRequest<'_>) -> Result<(), OperatorError> {
    let guard = &request.services.guard;
    let Some(name) = guard.part(pairs).names.into_iter().next() else { return Ok(()) };
    let (why, hint) = if guard.is_secret_name(&name) {
        let hint = "`sync secrets set` keeps secrets; `sync.secrets.params` in the properties says which names \
                    count as one";
        ("its name counts as that of a secret", hint)
    } else {
        (
            "a known secret stands in its value",
            "keep what is not secret; a task gets a secret by `${secret:NAME}`",
        )
    };
    Err(OperatorError::config(format!("`{name}` is not kept: {why}")).hint(hint))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::Bench;
    use super::*;

    fn set(bench: &Bench, local: Value) -> Result<(), (String, Option<String>)> {
        let done = bench.run(&ParamSet, json!({"exported": "no pair"}), local);
        done.map(|_| ()).map_err(|error| (error.message, error.hint))
    }

    fn get(bench: &Bench, local: Value) -> Result<Value, String> {
        let done = bench.run(&ParamGet, json!({"exported": "no pair"}), local);
        done.map(|output| Value::Object(output.store)).map_err(|error| error.message)
    }

    #[test]
    fn scalars_are_kept_as_text_and_directives_are_not() {
        let bench = Bench::new();
        let pairs = json!({
            "param_set>": null, "text": "${1 + 1}x", "number": 1.5, "flag": true, "empty": "", "nothing": null,
            "_retry": 3, "_export": {"a": 1},
        });
        assert_eq!(set(&bench, pairs), Ok(()));
        assert_eq!(bench.kept(), json!({"text": "2x", "number": "1.5", "flag": "true", "empty": ""}));
        let wanted = json!({"param_get>": null, "text": "a", "missing": "b", "flag": "c", "nothing": "d", "_retry": 1});
        assert_eq!(get(&bench, wanted), Ok(json!({"a": "2x", "b": "", "c": "true", "d": ""})));
    }

    #[test]
    fn no_pair_and_what_is_no_scalar_are_refused() {
        let bench = Bench::new();
        let none = Err(("no key is set.".to_owned(), None));
        assert_eq!(set(&bench, json!({"param_set>": null})), none);
        assert_eq!(set(&bench, json!({"param_set>": null, "_retry": 1, "k": null})), none);
        assert_eq!(get(&bench, json!({"param_get>": null})), Err("no key is set.".to_owned()));
        let below = "the keys of `param_set>` stand beside it, not below it".to_owned();
        assert_eq!(set(&bench, json!({"param_set>": {"k": 1}})), Err((below, None)));
        let list = "Expected string type for key 'l' but got [1] (array)".to_owned();
        assert_eq!(set(&bench, json!({"param_set>": null, "k": 1, "l": [1]})), Err((list, None)));
        assert_eq!(bench.kept(), json!({}));
    }

    #[test]
    fn secrets_do_not_reach_the_store() {
        let bench = Bench::new();
        bench.services().guard.learn("hunter2");
        let (message, hint) =
            set(&bench, json!({"param_set>": null, "ok": 1, "db_password": "x"})).expect_err("a secret");
        assert_eq!(message, "`db_password` is not kept: its name counts as that of a secret");
        assert_eq!(
            hint.as_deref(),
            Some(
                "`sync secrets set` keeps secrets; `sync.secrets.params` in the properties says which names count \
                 as one"
            )
        );
        let (message, hint) = set(&bench, json!({"param_set>": null, "ok": 1, "url": "mysql://u:hunter2@h"}))
            .expect_err("a secret");
        assert_eq!(message, "`url` is not kept: a known secret stands in its value");
        assert_eq!(
            hint.as_deref(),
            Some("keep what is not secret; a task gets a secret by `${secret:NAME}`")
        );
        assert_eq!(bench.kept(), json!({}));
    }

    #[test]
    fn a_store_that_fails_fails_the_task() {
        let bench = Bench::new();
        bench.break_params("disk full");
        let failure = |operator: &dyn Operator, local: Value| {
            let error = bench.run(operator, json!({}), local).expect_err("a failure");
            (error.message, error.causes)
        };
        let cause = vec!["disk full".to_owned()];
        assert_eq!(
            failure(&ParamSet, json!({"param_set>": null, "k": 1})),
            ("the parameters could not be kept".to_owned(), cause.clone())
        );
        assert_eq!(
            failure(&ParamGet, json!({"param_get>": null, "k": "v"})),
            ("kept parameters could not be read".to_owned(), cause)
        );
    }
}
