//! One try of an operator: what it is given, and what it makes of it.
//!
//! `sh>` and `py>` stand for operators of the test: see `super::super::step`.

use serde_json::Value;

use super::control::Control;
use super::params::{Left, retries, text};
use super::text::{Broken, SYNTAX, evaluate};
use super::{After, Place, Rules};
use crate::model::step::{self, Step};
use crate::model::story::{Due, Params, sees};

/// Operators whose own failure is tried again.
const RETRIED: [&str; 3] = ["sh", "py", "call"];
const CONTROL: [&str; 5] = ["call", "for_each", "for_range", "if", "loop"];
/// Keys of a task that are no parameters of its operator.
const NOT_EVALUATED: [&str; 5] = ["_do", "_else_do", "_error", "_check", "_export"];

/// What an operator did.
#[derive(Debug, Default)]
pub struct Work {
    pub left: Left,
    /// Parameters for what it generated.
    pub export: Params,
    /// The task `^sub`.
    pub sub: Option<Params>,
    pub is_control: bool,
}

/// Why a try failed.
pub struct Failure {
    pub message: String,
    /// The variable `error` of handlers.
    pub variable: Params,
    /// How often the task is tried again.
    pub retries: u32,
}

impl Failure {
    /// A failure of the task's own work: handlers see `told`.
    fn own(message: impl Into<String>, told: impl Into<String>) -> Self {
        let variable = Params::from_iter([("message".to_owned(), Value::from(told.into()))]);
        Self { message: message.into(), variable, retries: 0 }
    }

    /// A parameter is wrong.
    fn config(message: String) -> Self {
        let told = format!("{message} (config)");
        Self::own(message, told)
    }
}

impl Rules<'_> {
    pub(super) fn attempt(
        &mut self,
        written: &Params,
        place: &Place,
        after: &After,
    ) -> Result<Work, Failure> {
        let number = self.tries.entry(place.name.clone()).or_default();
        *number += 1;
        let number = *number;
        self.told.dues.push(Due {
            task: (place.name.clone(), number),
            after: after.tries.iter().cloned().collect(),
            at_once: !after.paused,
        });
        self.tell(place, format!("try {number}"));
        let config = given(written, place).map_err(|message| {
            self.unforeseen |= message.contains(SYNTAX);
            Failure::config(message)
        })?;
        let operator = operator_of(written, &config);
        let command = config.get(&format!("{operator}>")).or_else(|| config.get("_command"));
        let command = command.cloned().unwrap_or(Value::Null);
        let worked = match operator.as_str() {
            operator if CONTROL.contains(&operator) => {
                let control =
                    Control { files: self.files, operator, command: &command, config: &config, written };
                let sub = control.generate().map_err(Failure::config);
                sub.map(|sub| Work { sub, is_control: true, ..Work::default() })
            }
            operator => {
                self.tell(place, sees(&command, &config));
                self.work(operator, &command, &config, place)
            }
        };
        let limit = if RETRIED.contains(&operator.as_str()) { retries(config.get("_retry")) } else { 0 };
        worked.map_err(|failure| Failure { retries: limit, ..failure })
    }

    fn work(
        &mut self,
        operator: &str,
        command: &Value,
        config: &Params,
        place: &Place,
    ) -> Result<Work, Failure> {
        let said = || text(&format!("{operator}>"), command).map_err(Failure::config);
        match operator {
            "echo" => {
                let said = said()?;
                self.tell(place, format!("says {said}"));
                Ok(Work::default())
            }
            "fail" => {
                let said = said()?;
                Err(Failure::own(said.clone(), said))
            }
            _ => {
                let count = self.works.entry(place.name.clone()).or_default();
                *count += 1;
                match step::take(config, *count) {
                    Step::Fails(code) => Err(Failure::own(step::message(code), step::told(code))),
                    Step::Leaves { store, reset, export, sub } => {
                        Ok(Work { left: Left { reset, store }, export, sub, is_control: false })
                    }
                }
            }
        }
    }
}

/// Everything in scope of a task, evaluated.
fn given(written: &Params, place: &Place) -> Result<Params, String> {
    let mut base = place.scope.clone();
    base.insert("task_name".to_owned(), place.name.clone().into());
    base.insert("session_date".to_owned(), "2024-03-10".into());
    let mut object = base.clone();
    // What went wrong is told as it was: it may quote what could not be evaluated.
    let error = if place.in_handler { object.shift_remove("error") } else { None };
    for (key, value) in written.iter().filter(|(key, _)| !NOT_EVALUATED.contains(&key.as_str())) {
        object.insert(key.clone(), value.clone());
    }
    let broken = if place.in_handler { Broken::Stays } else { Broken::Fails };
    let mut config = evaluate(&object, &base, broken)?;
    if let Some(error) = error {
        config.insert("error".to_owned(), error);
    }
    Ok(config)
}

fn operator_of(written: &Params, config: &Params) -> String {
    let key = written.keys().find_map(|key| key.strip_suffix('>')).map(str::to_owned);
    key.or_else(|| config["_type"].as_str().map(str::to_owned)).unwrap()
}
