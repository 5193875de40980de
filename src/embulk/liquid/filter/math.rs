//! Filters that compute.

use crate::embulk::liquid::number::{Number, Operation};
use crate::embulk::liquid::value::Value;

fn apply(arguments: &[Value], operation: Operation) -> Result<Value, String> {
    let (left, right) = (Number::of(&arguments[0]), Number::of(&arguments[1]));
    left.apply(operation, right).map(Number::into_value).map_err(str::to_owned)
}

pub(super) fn plus(arguments: &[Value]) -> Result<Value, String> {
    apply(arguments, Operation::Plus)
}

pub(super) fn minus(arguments: &[Value]) -> Result<Value, String> {
    apply(arguments, Operation::Minus)
}

pub(super) fn times(arguments: &[Value]) -> Result<Value, String> {
    apply(arguments, Operation::Times)
}

pub(super) fn divided_by(arguments: &[Value]) -> Result<Value, String> {
    apply(arguments, Operation::Divide)
}

pub(super) fn modulo(arguments: &[Value]) -> Result<Value, String> {
    apply(arguments, Operation::Modulo)
}

pub(super) fn abs(arguments: &[Value]) -> Result<Value, String> {
    Ok(Number::of(&arguments[0]).abs().into_value())
}

pub(super) fn ceil(arguments: &[Value]) -> Result<Value, String> {
    Ok(Value::Integer(Number::of(&arguments[0]).ceil()))
}

pub(super) fn floor(arguments: &[Value]) -> Result<Value, String> {
    Ok(Value::Integer(Number::of(&arguments[0]).floor()))
}

pub(super) fn round(arguments: &[Value]) -> Result<Value, String> {
    let digits = arguments.get(1).map_or(0, |digits| Number::of(digits).truncate());
    let rounded = Number::of(&arguments[0]).round(digits);
    // Only the number zero asks for a whole number; the text "0" does not.
    let whole = arguments.get(1).is_none_or(|digits| *digits == Value::Integer(0));
    Ok(if whole { Value::Integer(rounded.truncate()) } else { rounded.into_value() })
}

pub(super) fn at_least(arguments: &[Value]) -> Result<Value, String> {
    let (value, least) = (Number::of(&arguments[0]), Number::of(&arguments[1]));
    Ok(if value.is_less(least) { least } else { value }.into_value())
}

pub(super) fn at_most(arguments: &[Value]) -> Result<Value, String> {
    let (value, most) = (Number::of(&arguments[0]), Number::of(&arguments[1]));
    Ok(if most.is_less(value) { most } else { value }.into_value())
}
