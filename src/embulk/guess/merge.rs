//! What was guessed, laid over a config: as a config diff is, but on values without places.

use serde_json::{Map, Value};

/// Mappings are merged, lists item by item, and what else the change says takes the place of what was there.
pub fn merge(target: &mut Map<String, Value>, change: &Map<String, Value>) {
    for (key, value) in change {
        match target.get_mut(key) {
            Some(known) => merge_value(known, value),
            None => {
                target.insert(key.clone(), value.clone());
            }
        }
    }
}

fn merge_value(target: &mut Value, change: &Value) {
    match (target, change) {
        (Value::Object(target), Value::Object(change)) => merge(target, change),
        (Value::Array(items), Value::Array(changes)) => {
            for (at, change) in changes.iter().enumerate() {
                match items.get_mut(at) {
                    Some(item) => merge_value(item, change),
                    None => items.push(change.clone()),
                }
            }
        }
        (target, change) => *target = change.clone(),
    }
}
