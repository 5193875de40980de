//! The parameters an operator sees: what is in scope, the built-in variables, the task's own keys, evaluated.

use jiff::Zoned;
use serde_json::Value;

use super::markup;
use super::operator::{OperatorError, SecretGuard, Templates};
use crate::dig::expression::{EvaluationError, Evaluator, Tolerance};
use crate::plan::Work;
use crate::secret::scrub::MARK;
use crate::session::{AttemptId, Params, SessionId, SessionTime};

/// What the built-in variables say of the session.
#[derive(Debug, Clone)]
pub struct SessionInfo {
    /// Its number.
    pub session: SessionId,
    /// The number of this attempt.
    pub attempt: AttemptId,
    /// One random name for all attempts of the session.
    pub uuid: String,
    /// The time it is for, in the workflow's zone.
    pub time: SessionTime,
    /// The zone's name as written in the workflow.
    pub timezone: String,
    /// Of an attempt that has a name; otherwise the variable is not there.
    pub retry_attempt_name: Option<String>,
    /// The schedule's times before and after; none without a schedule.
    pub last: Option<Zoned>,
    /// The same, after.
    pub next: Option<Zoned>,
    /// The last session of the workflow that ran, when there is one.
    pub last_executed: Option<Zoned>,
}

impl SessionInfo {
    /// The built-in variables but for `task_name`, which differs from task to task.
    pub fn variables(&self) -> Params {
        let mut params = Params::new();
        let mut set = |name: &str, value: Value| params.insert(name.to_owned(), value);
        set("timezone", self.timezone.clone().into());
        set("project_id", 1.into());
        set("session_uuid", self.uuid.clone().into());
        set("session_id", self.session.0.into());
        set("attempt_id", self.attempt.0.into());
        if let Some(name) = &self.retry_attempt_name {
            set("retry_attempt_name", name.clone().into());
        }
        times(&mut params, "session", &self.time.0);
        if let Some(last) = &self.last {
            times(&mut params, "last_session", last);
        }
        if let Some(next) = &self.next {
            times(&mut params, "next_session", next);
        }
        match &self.last_executed {
            Some(time) => times(&mut params, "last_executed_session", time),
            None => no_times(&mut params, "last_executed_session", &self.time.0),
        }
        params
    }
}

/// `session_time` and its relatives.
fn times(params: &mut Params, prefix: &str, time: &Zoned) {
    let mut set = |suffix: &str, value: Value| params.insert(format!("{prefix}_{suffix}"), value);
    set("time", SessionTime(time.clone()).iso().into());
    for (suffix, format) in [
        ("date", "%Y-%m-%d"),
        ("date_compact", "%Y%m%d"),
        ("local_time", "%Y-%m-%d %H:%M:%S"),
        ("tz_offset", "%z"),
    ] {
        set(suffix, time.strftime(format).to_string().into());
    }
    set("unixtime", time.timestamp().as_second().into());
}

/// Digdag: empty texts, and the offset that the zone had at the epoch.
fn no_times(params: &mut Params, prefix: &str, zone_of: &Zoned) {
    let mut set = |suffix: &str, value: String| params.insert(format!("{prefix}_{suffix}"), value.into());
    for suffix in ["time", "date", "date_compact", "local_time"] {
        set(suffix, String::new());
    }
    let epoch = jiff::Timestamp::UNIX_EPOCH.to_zoned(zone_of.time_zone().clone());
    set("tz_offset", epoch.strftime("%z").to_string());
    set("unixtime", String::new());
}

/// A task's parameters, ready for its operator.
#[derive(Debug)]
pub(super) struct Evaluated {
    pub(super) operator: String,
    pub(super) command: Value,
    pub(super) config: Params,
    pub(super) local: Params,
}

/// Puts the built-in variables over what is in scope and the task's own keys over both, and evaluates all of it.
///
/// Digdag: a text sees the other parameters as they are written, and the evaluated ones that stand before it.
pub(super) fn evaluate(
    work: &Work,
    mut scope: Params,
    variables: &Params,
    evaluator: &Evaluator,
    guard: &dyn SecretGuard,
) -> Result<Evaluated, EvaluationError> {
    for (name, value) in &scope {
        learn(guard, name, value);
    }
    for (name, value) in variables {
        scope.insert(name.clone(), value.clone());
    }
    scope.insert("task_name".to_owned(), work.name.as_str().into());
    // What went wrong is told as it was: it may quote templates, which must not be evaluated again.
    let error = scope.get("error").filter(|_| work.in_handler);
    let error = error.map(|error| markup::error_for(work, &scope, error));
    if let Some(error) = &error {
        scope.insert("error".to_owned(), error.clone());
    }
    let tolerance = if work.in_handler { Tolerance::KeepAsWritten } else { Tolerance::Refuse };
    let needs_engine =
        scope.values().chain(work.call.local.values()).any(has_template) || has_dollar(&work.call.operator);
    let mut config = if needs_engine {
        let mut object = scope.clone();
        object.shift_remove(if error.is_some() { "error" } else { "" });
        object.values_mut().for_each(|value| shield(guard, value));
        overlay(&mut object, &work.call.local);
        evaluator.evaluate_object(&object, &scope, tolerance)?
    } else {
        overlay(&mut scope, &work.call.local);
        scope
    };
    if let Some(error) = error {
        config.entry("error").or_insert(error);
    }
    let operator = operator_of(work, &config);
    let command = config.get(&format!("{operator}>")).or_else(|| config.get("_command"));
    let command = command.cloned().unwrap_or(Value::Null);
    let local = work
        .call
        .local
        .keys()
        .filter_map(|key| config.get(key).map(|value| (key.clone(), value.clone())))
        .collect();
    config.insert("_type".to_owned(), operator.clone().into());
    config.insert("_command".to_owned(), command.clone());
    Ok(Evaluated { operator, command, config, local })
}

/// A parameter in scope whose name says that it is a secret is one from now on, wherever it came from.
fn learn(guard: &dyn SecretGuard, name: &str, value: &Value) {
    match value {
        Value::Object(map) if !guard.is_secret_name(name) => {
            map.iter().for_each(|(name, value)| learn(guard, name, value));
        }
        Value::Null | Value::Bool(_) => {}
        value if guard.is_secret_name(name) && !has_template(value) => {
            // Parting is how a guard learns what counts as secret; the parts are not needed here.
            let _ = guard.part(&Params::from_iter([(name.to_owned(), value.clone())]));
        }
        _ => {}
    }
}

/// A secret may hold dollar signs of its own, which mean nothing: Digdag would turn `$$` in a stored password into
/// `$` and fail on `${`.
fn shield(guard: &dyn SecretGuard, value: &mut Value) {
    match value {
        Value::String(text) if has_dollar(text) && guard.scrub(text) == MARK => {
            *text = text.replace('$', "${'$'}");
        }
        Value::Array(items) => items.iter_mut().for_each(|item| shield(guard, item)),
        Value::Object(map) => map.values_mut().for_each(|value| shield(guard, value)),
        _ => {}
    }
}

fn operator_of(work: &Work, config: &Params) -> String {
    let written = &work.call.operator;
    match config.get("_type").and_then(Value::as_str) {
        Some(evaluated) if has_dollar(written) => evaluated.to_owned(),
        _ => written.clone(),
    }
}

fn overlay(target: &mut Params, local: &Params) {
    for (key, value) in local {
        target.insert(key.clone(), value.clone());
    }
}

fn has_dollar(text: &str) -> bool {
    text.contains('$')
}

fn has_template(value: &Value) -> bool {
    match value {
        Value::String(text) => has_dollar(text),
        Value::Array(items) => items.iter().any(has_template),
        Value::Object(map) => map.values().any(has_template),
        _ => false,
    }
}

impl Templates for Evaluator {
    fn evaluate(&self, text: &str, scope: &Params) -> Result<String, OperatorError> {
        self.evaluate_text(text, scope).map_err(OperatorError::from)
    }
}

impl From<EvaluationError> for OperatorError {
    fn from(error: EvaluationError) -> Self {
        let failed = Self::config(error.to_string());
        Self { hint: error.hint, ..failed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(zone: &str, time: &str) -> SessionInfo {
        let zone = jiff::tz::TimeZone::get(zone).unwrap();
        let time: jiff::Timestamp = time.parse().unwrap();
        SessionInfo {
            session: SessionId(3),
            attempt: AttemptId(7),
            uuid: "u".into(),
            time: SessionTime(time.to_zoned(zone)),
            timezone: "UTC".into(),
            retry_attempt_name: None,
            last: None,
            next: None,
            last_executed: None,
        }
    }

    #[test]
    fn the_built_in_variables_of_a_session() {
        let mut info = session("UTC", "2016-01-02T03:04:05Z");
        info.last = Some("2016-01-02T00:00:00Z[UTC]".parse().unwrap());
        let lines: Vec<String> =
            info.variables().iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            lines,
            [
                r#"timezone="UTC""#,
                "project_id=1",
                r#"session_uuid="u""#,
                "session_id=3",
                "attempt_id=7",
                r#"session_time="2016-01-02T03:04:05+00:00""#,
                r#"session_date="2016-01-02""#,
                r#"session_date_compact="20160102""#,
                r#"session_local_time="2016-01-02 03:04:05""#,
                r#"session_tz_offset="+0000""#,
                "session_unixtime=1451703845",
                r#"last_session_time="2016-01-02T00:00:00+00:00""#,
                r#"last_session_date="2016-01-02""#,
                r#"last_session_date_compact="20160102""#,
                r#"last_session_local_time="2016-01-02 00:00:00""#,
                r#"last_session_tz_offset="+0000""#,
                "last_session_unixtime=1451692800",
                r#"last_executed_session_time="""#,
                r#"last_executed_session_date="""#,
                r#"last_executed_session_date_compact="""#,
                r#"last_executed_session_local_time="""#,
                r#"last_executed_session_tz_offset="+0000""#,
                r#"last_executed_session_unixtime="""#,
            ]
        );
    }

    #[test]
    fn times_are_in_the_zone_of_the_workflow() {
        let variables = session("Asia/Tokyo", "2016-01-01T18:00:00Z").variables();
        assert_eq!(variables["session_local_time"], "2016-01-02 03:00:00");
        assert_eq!(variables["session_time"], "2016-01-02T03:00:00+09:00");
        assert_eq!(variables["session_tz_offset"], "+0900");
    }
}
