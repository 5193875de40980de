//! What a command of a task finds in its environment: what this process was given, the task's parameters, `_env`, and
//! the ways back into the run.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rustix::process::{Resource, getrlimit};
use serde_json::Value;

use super::secret_text::expand;
use super::{OperatorError, OperatorRequest};
use crate::dig::params;
use crate::run::embulk_socket::Pass;
use crate::session::{ERROR_EXTRAS, Level, Params};

/// Linux takes no single `NAME=value` longer than this, its closing zero included.
const LONGEST: usize = 128 << 10;

/// All parameters, those of the map named like the operator below them: Digdag hands both on.
pub(super) fn params_with_defaults<'a>(request: &'a OperatorRequest<'_>, operator: &str) -> Cow<'a, Params> {
    match request.config.get(operator) {
        Some(Value::Object(defaults)) => {
            let mut all = defaults.clone();
            params::merge(&mut all, &request.config);
            Cow::Owned(all)
        }
        _ => Cow::Borrowed(&request.config),
    }
}

/// What scripts get: `_env`.
pub(super) fn of_script(request: &OperatorRequest<'_>) -> Result<BTreeMap<String, String>, OperatorError> {
    own_variables(request)
}

/// What commands get: every parameter whose name can be a variable's, and `_env` over them. Text as it is, nothing
/// for null, JSON for the rest.
pub(super) fn of_command(
    params: &Params,
    request: &OperatorRequest<'_>,
) -> Result<BTreeMap<String, String>, OperatorError> {
    let mut variables = BTreeMap::new();
    for (name, value) in params.iter().filter(|(name, _)| is_name(name)) {
        match parameter_text(name, value, request) {
            Ok(text) => {
                variables.insert(name.clone(), text);
            }
            Err(reason) => leave_out(name, &reason, request),
        }
    }
    shed(&mut variables, request);
    variables.extend(own_variables(request)?);
    Ok(variables)
}

/// The environment of this process with the task's variables over it.
pub(super) fn inherited(
    variables: BTreeMap<String, String>,
    request: &OperatorRequest<'_>,
) -> BTreeMap<String, String> {
    let mut all = request.services.environment.clone();
    all.extend(variables);
    all
}

/// The files and the socket through which a command talks to the run, and the PATH that leads to our `embulk`.
pub(super) fn ways_back(variables: &mut BTreeMap<String, String>, pass: &Pass) {
    variables.extend(pass.variables());
    let path = variables.get("PATH").cloned().unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".to_owned());
    variables.insert("PATH".to_owned(), format!("{}:{path}", pass.programs().display()));
}

/// The parameters but those that count as secrets, as JSON.
pub(super) fn public_params(params: &Params, request: &OperatorRequest<'_>) -> String {
    Value::Object(without_secrets(params, request)).to_string()
}

fn without_secrets(params: &Params, request: &OperatorRequest<'_>) -> Params {
    let guard = request.services.guard.as_ref();
    let kept = params.iter().filter(|(name, value)| {
        let secret = match value {
            Value::Object(_) | Value::Null | Value::Bool(_) => false,
            Value::String(text) => guard.is_secret_name(name) || guard.contains_secret(text),
            other => guard.is_secret_name(name) || guard.contains_secret(&other.to_string()),
        };
        !secret
    });
    kept.map(|(name, value)| match value {
        Value::Object(map) if !guard.is_secret_name(name) => {
            (name.clone(), Value::Object(without_secrets(map, request)))
        }
        Value::Object(_) => (name.clone(), Value::Object(Params::new())),
        other => (name.clone(), other.clone()),
    })
    .collect()
}

/// `error` as Digdag's commands know it.
fn error_text(error: &Params) -> String {
    let known = error.iter().filter(|(key, _)| !ERROR_EXTRAS.contains(&key.as_str()));
    Value::Object(known.map(|(key, value)| (key.clone(), value.clone())).collect()).to_string()
}

fn value_text(value: &Value, request: &OperatorRequest<'_>) -> Result<String, OperatorError> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => expand(text, request),
        other => Ok(other.to_string()),
    }
}

/// A parameter as a variable, or why it cannot be one. The command itself is given as it is written.
fn parameter_text(name: &str, value: &Value, request: &OperatorRequest<'_>) -> Result<String, String> {
    let text = match value {
        Value::Object(error) if name == "error" => error_text(error),
        Value::String(command) if name == "_command" => command.clone(),
        value => value_text(value, request).map_err(|error| format!(": {error}"))?,
    };
    match unfit(name, &text) {
        None => Ok(text),
        Some(Unfit::Zero) => Err(": it has a zero byte".to_owned()),
        Some(Unfit::Long(size)) => Err(format!(
            ": it has {size} KiB, more than a variable can hold; it is in the file `$SYNC_PARAMS`"
        )),
    }
}

fn leave_out(name: &str, reason: &str, request: &OperatorRequest<'_>) {
    request.reporter.log(Level::Warn, &format!("`{name}` is left out of the environment{reason}"));
}

/// `_env` of the task itself, with secrets.
fn own_variables(request: &OperatorRequest<'_>) -> Result<BTreeMap<String, String>, OperatorError> {
    let map = match request.local.get("_env") {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Object(map)) => map,
        Some(other) => {
            let kind = params::kind_of(other);
            return Err(OperatorError::config(format!("`_env` must be a map of variables, but is {kind}")));
        }
    };
    map.iter()
        .map(|(name, value)| {
            if !is_name(name) {
                return Err(OperatorError::config(format!("Invalid _env key name: {name}"))
                    .hint("a variable's name has letters, digits and `_`, and no digit first"));
            }
            let text = value_text(value, request)?;
            match unfit(name, &text) {
                None => Ok((name.clone(), text)),
                Some(Unfit::Zero) => Err(OperatorError::failed(format!(
                    "`{name}` of `_env` has a zero byte, which no variable can hold"
                ))),
                Some(Unfit::Long(size)) => Err(OperatorError::failed(format!(
                    "`{name}` of `_env` has {size} KiB, more than a variable can hold"
                ))),
            }
        })
        .collect()
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Why the system does not take a text as a variable.
enum Unfit {
    Zero,
    /// So many KiB.
    Long(usize),
}

fn unfit(name: &str, text: &str) -> Option<Unfit> {
    if text.contains('\0') {
        Some(Unfit::Zero)
    } else if name.len() + text.len() + 2 > LONGEST {
        Some(Unfit::Long(text.len() >> 10))
    } else {
        None
    }
}

/// What all variables together may take, in bytes. Linux gives them and the arguments a quarter of the stack's limit,
/// 6 MiB at most.
fn room() -> usize {
    let quarter = getrlimit(Resource::Stack).current.map_or(6 << 20, |stack| (stack / 4).min(6 << 20));
    // Some of it is for the arguments.
    usize::try_from(quarter / 4 * 3).unwrap_or(LONGEST)
}

/// Leaves the largest out until the rest fits.
fn shed(params: &mut BTreeMap<String, String>, request: &OperatorRequest<'_>) {
    let size = |name: &str, value: &str| name.len() + value.len() + 10;
    let inherited: usize = request.services.environment.iter().map(|(name, value)| size(name, value)).sum();
    let mut all = inherited + params.iter().map(|(name, value)| size(name, value)).sum::<usize>();
    let room = room();
    while all > room {
        let largest = params.iter().max_by_key(|(_, value)| value.len()).map(|(name, _)| name.clone());
        let Some((name, value)) = largest.and_then(|name| params.remove_entry(&name)) else { return };
        all -= size(&name, &value);
        leave_out(&name, ", which would be too large; it is in the file `$SYNC_PARAMS`", request);
    }
}
