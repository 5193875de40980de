//! Options of an operator: the task's parameters, with the map named like the operator (`mysql: {host: ...}`) below
//! them, and secrets where they are allowed.

use serde_json::Value;

use super::secret_text::expand;
use super::{OperatorError, OperatorRequest, resolve_inside};
use crate::dig::params::{self, ParamError};
use crate::secret::SecretError;

/// Reads the options of one task.
pub(super) struct Options<'a> {
    request: &'a OperatorRequest<'a>,
    /// The map of defaults.
    map: &'a str,
    /// A map whose values count before those.
    closer: Option<&'a str>,
    /// The group of secrets.
    group: &'a str,
}

impl<'a> Options<'a> {
    /// Those of an operator whose map of defaults and whose group of secrets have its name.
    pub(super) fn new(request: &'a OperatorRequest<'a>, name: &'a str) -> Self {
        Self { request, map: name, closer: None, group: name }
    }

    /// The same with secrets of another group.
    #[must_use]
    pub(super) fn group(self, group: &'a str) -> Self {
        Self { group, ..self }
    }

    /// The same with a map whose values count before those of the other.
    #[must_use]
    pub(super) fn closer(self, map: &'a str) -> Self {
        Self { closer: Some(map), ..self }
    }

    /// The map of defaults.
    pub(super) fn map(&self) -> &'a str {
        self.map
    }

    /// The full name of a secret.
    pub(super) fn secret_name(&self, key: &str) -> String {
        format!("{}.{key}", self.group)
    }

    /// An option that is neither absent nor null.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        let nested = |map: &str| self.request.param(map)?.get(key).filter(|value| !value.is_null());
        let own = self.request.param(key).or_else(|| nested(self.closer?));
        own.or_else(|| nested(self.map))
    }

    /// A text, with secrets put in.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>, OperatorError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        expand(&params::to_text(key, value).map_err(|error| wrong(&error))?, self.request).map(Some)
    }

    /// Yes or no.
    pub(super) fn flag(&self, key: &str, default: bool) -> Result<bool, OperatorError> {
        self.get(key).map_or(Ok(default), |value| Ok(params::to_bool(key, value)?))
    }

    /// The secret `<group>.<key>`, when there is one. What cannot be read is an error, what is not set is not.
    pub(super) fn secret(&self, key: &str) -> Result<Option<String>, OperatorError> {
        match self.request.secrets.get(&self.secret_name(key)) {
            Ok(secret) => {
                self.request.services.guard.learn(secret.expose());
                Ok(Some(secret.expose().to_owned()))
            }
            Err(SecretError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Digdag's rule where both may be: the secret wins over the parameter.
    pub(super) fn secret_or_text(&self, key: &str) -> Result<Option<String>, OperatorError> {
        self.secret(key)?.map_or_else(|| self.text(key), |secret| Ok(Some(secret)))
    }
}

pub(super) fn wrong(error: &ParamError) -> OperatorError {
    OperatorError::config(error.to_string())
}

/// The text that an operator works on.
#[derive(Debug)]
pub(super) struct TemplateText {
    /// As it stands in the file, or in the workflow.
    pub(super) text: String,
    /// The file's name as written.
    pub(super) file: Option<String>,
}

impl TemplateText {
    /// What to call it in messages.
    pub(super) fn name(&self) -> &str {
        self.file.as_deref().unwrap_or("data")
    }

    /// Whether it may still hold `${...}`: what stands in the workflow is evaluated already.
    pub(super) fn is_raw(&self) -> bool {
        self.file.is_some()
    }

    /// The text of a file with the task's parameters put in.
    pub(super) fn evaluated(&self, request: &OperatorRequest<'_>) -> Result<String, OperatorError> {
        let Some(name) = &self.file else { return Ok(self.text.clone()) };
        request.templates.evaluate(&self.text, &request.config).map_err(|mut error| {
            error.message = format!("{} in {name}", error.message);
            error
        })
    }
}

/// A template file, `{data: text}`, or without a value the option `key`.
pub(super) fn template_text(request: &OperatorRequest<'_>, key: &str) -> Result<TemplateText, OperatorError> {
    let operator = &request.operator;
    let needs = || OperatorError::config(format!("`{operator}>` needs a file or `{{data: ...}}`"));
    let inline = |key: &str, text: Option<&Value>| {
        let text = params::to_text(key, text.ok_or_else(needs)?).map_err(|error| wrong(&error))?;
        Ok(TemplateText { text, file: None })
    };
    match &request.command {
        Value::Null => inline(key, request.param(key)),
        Value::Object(map) => inline("data", map.get("data")),
        command => {
            let name = params::to_text(&format!("{operator}>"), command).map_err(|error| wrong(&error))?;
            let path = resolve_inside(&request.services.project, &request.directory, &name)?;
            let text = crate::reader::read_text(&path).map_err(|error| {
                OperatorError::config(format!("file `{name}` cannot be read")).cause(&error)
            })?;
            Ok(TemplateText { text, file: Some(name) })
        }
    }
}
