//! `_retry`: how often and after which pauses a task is tried again.

use std::time::Duration;

use serde_json::Value;

use super::params;
use crate::session::Params;

/// A decided `_retry`. Digdag: `limit` is the number of *re*-tries, so a task runs at most `limit + 1` times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Re-tries after the first run.
    pub limit: u32,
    /// The first pause.
    pub interval: Duration,
    /// How pauses grow.
    pub interval_type: IntervalType,
    /// Caps an exponential pause; a constant one is not capped.
    pub max_interval: Option<Duration>,
}

/// How pauses grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntervalType {
    /// Always the same.
    Constant,
    /// Doubled each time, starting with the interval itself.
    Exponential,
}

impl RetryPolicy {
    /// Reads the value of `_retry`: a number (also as text) or `{limit, interval, interval_type, max_interval}` with
    /// seconds. The error is a message fragment.
    pub fn from_value(value: &Value) -> Result<Self, String> {
        let limit = |value: &Value| {
            let limit = params::to_integer("_retry", value).map_err(|error| error.to_string())?;
            Ok::<_, String>(u32::try_from(limit.max(0)).unwrap_or(u32::MAX))
        };
        match value {
            Value::Number(_) | Value::String(_) => Ok(Self { limit: limit(value)?, ..Self::none() }),
            Value::Object(map) => {
                let max = map.get("max_interval").filter(|value| !value.is_null());
                Ok(Self {
                    limit: limit(
                        params::required(map, "limit").map_err(|error| format!("`_retry`: {error}"))?,
                    )?,
                    interval: seconds(map, "interval")?.unwrap_or_default(),
                    interval_type: interval_type(map)?,
                    max_interval: if max.is_some() { seconds(map, "max_interval")? } else { None },
                })
            }
            other => Err(format!("Invalid _retry format: {other}")),
        }
    }

    /// Never tries again.
    pub fn none() -> Self {
        Self { limit: 0, interval: Duration::ZERO, interval_type: IntervalType::Constant, max_interval: None }
    }

    /// The pause before re-try number `retry` (from 1); none when the limit is spent.
    pub fn delay(&self, retry: u32) -> Option<Duration> {
        if retry == 0 || retry > self.limit {
            return None;
        }
        Some(match self.interval_type {
            IntervalType::Constant => self.interval,
            IntervalType::Exponential => {
                let factor = 1_u32.checked_shl(retry - 1).unwrap_or(u32::MAX);
                let grown = self.interval.saturating_mul(factor);
                self.max_interval.map_or(grown, |max| grown.min(max))
            }
        })
    }
}

fn seconds(map: &Params, key: &str) -> Result<Option<Duration>, String> {
    let Some(value) = map.get(key).filter(|value| !value.is_null()) else { return Ok(None) };
    let seconds = params::to_integer(key, value).map_err(|error| format!("`_retry`: {error}"))?;
    Ok(Some(Duration::from_secs(u64::try_from(seconds).unwrap_or_default())))
}

fn interval_type(map: &Params) -> Result<IntervalType, String> {
    let Some(value) = map.get("interval_type") else { return Ok(IntervalType::Constant) };
    let text = params::to_text("interval_type", value).map_err(|error| format!("`_retry`: {error}"))?;
    match text.to_ascii_lowercase().as_str() {
        "constant" => Ok(IntervalType::Constant),
        "exponential" => Ok(IntervalType::Exponential),
        _ => Err(format!("Invalid retry_interval_type: {text}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_policy_is_a_number_or_a_map_with_a_limit() {
        let limit = |value| RetryPolicy::from_value(&value).map(|policy| policy.limit);
        assert_eq!(limit(json!(3)), Ok(3));
        assert_eq!(limit(json!("3")), Ok(3));
        assert_eq!(limit(json!({"limit": "2", "interval": 5, "interval_type": "Exponential"})), Ok(2));
        assert_eq!(limit(json!(true)), Err("Invalid _retry format: true".to_owned()));
        assert_eq!(
            limit(json!({"interval": 5})),
            Err("`_retry`: Parameter 'limit' is required but not set".to_owned())
        );
        assert_eq!(
            limit(json!({"limit": 1, "interval_type": "odd"})),
            Err("Invalid retry_interval_type: odd".to_owned())
        );
    }

    #[test]
    fn exponential_pauses_double_and_are_capped() {
        let policy = RetryPolicy {
            limit: 4,
            interval: Duration::from_secs(2),
            interval_type: IntervalType::Exponential,
            max_interval: Some(Duration::from_secs(9)),
        };
        let seconds: Vec<_> = (0..=5).map(|n| policy.delay(n).map(|d| d.as_secs())).collect();
        assert_eq!(seconds, [None, Some(2), Some(4), Some(8), Some(9), None]);
    }
}
