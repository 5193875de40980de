//! When and with which names texts are evaluated.
//!
//! The object of a task (what is in scope, the built-in variables over it, its own keys over both) is walked in the
//! order of its keys. A text sees what is in scope as it is written, and over it the keys of its own mapping that
//! stand before it, evaluated.

use serde_json::Value;

use super::expression;
use crate::model::story::Params;

/// Why a text with what is no expression fails; the engine says more.
pub const SYNTAX: &str = "SyntaxError";

/// A text that cannot be evaluated is an error, or stays as it is written: handlers of errors must run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    Fails,
    Stays,
}

/// Evaluates a mapping. The error is the message of the failure.
pub fn evaluate(object: &Params, base: &Params, broken: Broken) -> Result<Params, String> {
    mapping(object, base, broken, &["_error", "_check"])
}

fn mapping(object: &Params, base: &Params, broken: Broken, left_here: &[&str]) -> Result<Params, String> {
    let mut near = Params::new();
    for (key, value) in object {
        let later = ["_do", "_else_do"].contains(&key.as_str()) || left_here.contains(&key.as_str());
        let value = if later { value.clone() } else { any(value, &near, base, broken)? };
        near.insert(key.clone(), value);
    }
    Ok(near)
}

fn any(value: &Value, near: &Params, base: &Params, broken: Broken) -> Result<Value, String> {
    Ok(match value {
        Value::Object(map) => Value::Object(mapping(map, base, broken, &[])?),
        Value::Array(items) => {
            let items = items.iter().map(|item| any(item, near, base, broken));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        Value::String(text) => match replaced(text, near, base) {
            Ok(replaced) => replaced.into(),
            Err(_) if broken == Broken::Stays => text.clone().into(),
            Err(reason) => return Err(format!("Failed to evaluate a variable {text} ({reason})")),
        },
        other => other.clone(),
    })
}

/// `$$` is a dollar sign; `${` goes to the brace that closes it, and is nothing special where none does. All
/// expressions are read before the first is evaluated.
fn replaced(text: &str, near: &Params, base: &Params) -> Result<String, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(length) = closing(&rest[start + 2..]) else { break };
        let code = &rest[start + 2..start + 2 + length];
        let expression = if code.is_empty() { None } else { Some(expression::read(code).ok_or(SYNTAX)?) };
        parts.push((&rest[..start], expression));
        rest = &rest[start + 3 + length..];
    }
    let mut result = String::new();
    for (literal, expression) in parts {
        result += &literal.replace("$$", "$");
        if let Some(expression) = expression {
            result += &expression.text(near, base)?;
        }
    }
    Ok(result + &rest.replace("$$", "$"))
}

fn closing(code: &str) -> Option<usize> {
    let mut open = 0;
    code.char_indices().find_map(|(at, letter)| {
        match letter {
            '{' => open += 1,
            '}' if open == 0 => return Some(at),
            '}' => open -= 1,
            _ => {}
        }
        None
    })
}
