//! What a command of a task finds in its environment: what this process was given, the task's parameters, `_env`, and
//! the ways back into the run.

use std::collections::BTreeMap;

use serde_json::Value;

use super::secret_text::expand;
use super::{OperatorError, OperatorRequest};
use crate::run::embulk_socket::Pass;
use crate::session::{Level, Params};

/// Linux takes no single `NAME=value` longer than this, its closing zero included.
const LONGEST: usize = 128 << 10;
/// All variables together: Linux takes a quarter of the stack's limit (8 MiB by default), arguments included.
const ALL: usize = 3 << 19;

/// What scripts get: `_env`.
pub(super) fn of_script(request: &OperatorRequest<'_>) -> Result<BTreeMap<String, String>, OperatorError> {
    own_variables(request)
}

/// What commands get: every parameter whose name can be a variable's, and `_env` over them. Text as it is, nothing
/// for null, JSON for the rest.
pub(super) fn of_command(request: &OperatorRequest<'_>) -> Result<BTreeMap<String, String>, OperatorError> {
    let mut params = BTreeMap::new();
    for (name, value) in request.config.iter().filter(|(name, _)| is_name(name)) {
        match value_text(value, request) {
            Ok(text) => fits(name, text, request).map(|text| params.insert(name.clone(), text)),
            Err(error) => {
                let text = format!("`{name}` is left out of the environment: {error}");
                request.reporter.log(Level::Warn, &text);
                None
            }
        };
    }
    shed(&mut params, request);
    params.extend(own_variables(request)?);
    Ok(params)
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

/// All parameters but those that count as secrets, as JSON.
pub(super) fn public_params(request: &OperatorRequest<'_>) -> String {
    Value::Object(without_secrets(&request.config, request)).to_string()
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

fn value_text(value: &Value, request: &OperatorRequest<'_>) -> Result<String, OperatorError> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => expand(text, request),
        other => Ok(other.to_string()),
    }
}

/// `_env` of the task itself, with secrets.
fn own_variables(request: &OperatorRequest<'_>) -> Result<BTreeMap<String, String>, OperatorError> {
    let map = match request.local.get("_env") {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Object(map)) => map,
        Some(other) => {
            let kind = crate::dig::params::kind_of(other);
            return Err(OperatorError::config(format!("`_env` must be a map of variables, but is {kind}")));
        }
    };
    map.iter()
        .map(|(name, value)| {
            if !is_name(name) {
                return Err(OperatorError::config(format!("invalid `_env` key name: `{name}`"))
                    .hint("a variable's name has letters, digits and `_`, and no digit first"));
            }
            Ok((name.clone(), value_text(value, request)?))
        })
        .collect()
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The value, when the system takes it as a variable; else a note.
fn fits(name: &str, text: String, request: &OperatorRequest<'_>) -> Option<String> {
    let reason = if text.contains('\0') {
        "has a zero byte".to_owned()
    } else if name.len() + text.len() + 2 > LONGEST {
        format!(
            "has {} KiB, more than a variable can hold; it is in the file `$SYNC_PARAMS`",
            text.len() >> 10
        )
    } else {
        return Some(text);
    };
    request.reporter.log(Level::Warn, &format!("`{name}` is left out of the environment: it {reason}"));
    None
}

/// Leaves the largest out until the rest fits.
fn shed(params: &mut BTreeMap<String, String>, request: &OperatorRequest<'_>) {
    let size = |name: &str, value: &str| name.len() + value.len() + 10;
    let inherited: usize = request.services.environment.iter().map(|(name, value)| size(name, value)).sum();
    let mut all = inherited + params.iter().map(|(name, value)| size(name, value)).sum::<usize>();
    while all > ALL {
        let largest = params.iter().max_by_key(|(_, value)| value.len()).map(|(name, _)| name.clone());
        let Some((name, value)) = largest.and_then(|name| params.remove_entry(&name)) else { return };
        all -= size(&name, &value);
        let text = format!(
            "`{name}` is left out of the environment, which would be too large; it is in the file `$SYNC_PARAMS`"
        );
        request.reporter.log(Level::Warn, &text);
    }
}
