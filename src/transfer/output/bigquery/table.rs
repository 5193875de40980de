//! The target table as it is, and as a load makes it: partitioning, clustering, and what people wrote on its columns.

use serde_json::{Map, Value, json};

use crate::embulk::output::{BigqueryOutput, Partitioning};

/// The parts of a table's resource that a load or a staging table repeats.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Layout {
    /// `timePartitioning`, `rangePartitioning`, `clustering`, as the API takes them.
    pub(super) parts: Map<String, Value>,
}

/// Whether the target can take the layout that the config wants without being made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// It is as wanted, or not there.
    Fits,
    /// It is partitioned or clustered otherwise: a load job would refuse.
    Differs,
}

impl Layout {
    /// What the config wants; with a partition decorator a table is partitioned by the decorator's width.
    pub(super) fn wanted(config: &BigqueryOutput, decorator: Option<&str>) -> Self {
        let mut parts = Map::new();
        if let Some(unit) = decorator.and_then(decorator_unit) {
            let mut time = json!({"type": unit});
            if let Some(Partitioning::Time { expiration_ms, field, .. }) = &config.partitioning {
                extend_time(&mut time, *expiration_ms, field.as_deref());
            }
            parts.insert("timePartitioning".to_owned(), time);
        } else {
            match &config.partitioning {
                Some(Partitioning::Time { unit, expiration_ms, field }) => {
                    let mut time = json!({"type": unit.api_name()});
                    extend_time(&mut time, *expiration_ms, field.as_deref());
                    parts.insert("timePartitioning".to_owned(), time);
                }
                Some(Partitioning::Range { field, start, end, interval }) => {
                    let range = json!({
                        "field": field,
                        "range": {
                            "start": start.to_string(),
                            "end": end.to_string(),
                            "interval": interval.to_string(),
                        },
                    });
                    parts.insert("rangePartitioning".to_owned(), range);
                }
                None => {}
            }
        }
        if !config.clustering.is_empty() {
            parts.insert("clustering".to_owned(), json!({"fields": config.clustering}));
        }
        Self { parts }
    }

    /// What the table has, for what the config does not say: a table keeps the layout that people gave it.
    pub(super) fn or_of(mut self, existing: &Value) -> Self {
        if self.parts.is_empty() {
            for name in ["timePartitioning", "rangePartitioning", "clustering"] {
                if existing[name].is_object() {
                    self.parts.insert(name.to_owned(), copied(name, &existing[name]));
                }
            }
        }
        self
    }

    /// Whether a table has this layout already.
    pub(super) fn fit(&self, existing: &Value) -> Fit {
        self.fit_of(existing, &["timePartitioning", "rangePartitioning", "clustering"])
    }

    /// Whether a table is partitioned so; no job changes that.
    pub(super) fn fit_of_partitions(&self, existing: &Value) -> Fit {
        self.fit_of(existing, &["timePartitioning", "rangePartitioning"])
    }

    fn fit_of(&self, existing: &Value, parts: &[&str]) -> Fit {
        let same = parts.iter().all(|name| {
            let wanted = self.parts.get(*name).unwrap_or(&Value::Null);
            let has = if existing[name].is_object() { copied(name, &existing[name]) } else { Value::Null };
            match *name {
                "timePartitioning" => wanted["type"] == has["type"] && wanted["field"] == has["field"],
                _ => *wanted == has,
            }
        });
        if same { Fit::Fits } else { Fit::Differs }
    }
}

fn extend_time(time: &mut Value, expiration_ms: Option<i64>, field: Option<&str>) {
    if let Some(expiration) = expiration_ms {
        time["expirationMs"] = json!(expiration.to_string());
    }
    if let Some(field) = field {
        time["field"] = json!(field);
    }
}

/// The keys of a layout that a request may hold.
fn copied(name: &str, value: &Value) -> Value {
    let keys: &[&str] = match name {
        "timePartitioning" => &["type", "expirationMs", "field"],
        "rangePartitioning" => &["field", "range"],
        _ => &["fields"],
    };
    let kept = keys.iter().filter(|key| !value[**key].is_null());
    Value::Object(kept.map(|key| ((*key).to_owned(), value[*key].clone())).collect())
}

/// `2026`, `202601`, `20260131`, `2026013123`.
fn decorator_unit(decorator: &str) -> Option<&'static str> {
    match decorator.len() {
        4 => Some("YEAR"),
        6 => Some("MONTH"),
        8 => Some("DAY"),
        10 => Some("HOUR"),
        _ => None,
    }
}

/// The schema of a load, with descriptions and policy tags of the columns that stay, also within RECORDs: whoever
/// replaces the rows does not mean to lose them.
pub(super) fn schema(fields: &[Value], existing: Option<&Value>) -> Value {
    let old = existing.and_then(|table| table["schema"]["fields"].as_array());
    json!({"fields": kept(fields, old)})
}

fn kept(fields: &[Value], old: Option<&Vec<Value>>) -> Vec<Value> {
    let of_field = |field: &Value| {
        let mut field = field.clone();
        let old = old.and_then(|old| {
            old.iter().find(|old| {
                old["name"] == field["name"] && plain_type(&old["type"]) == plain_type(&field["type"])
            })
        });
        for key in ["description", "policyTags"] {
            if let (Value::Null, Some(value)) = (&field[key], old.map(|old| &old[key]))
                && !value.is_null()
            {
                field[key] = value.clone();
            } else if field[key].is_null()
                && let Some(map) = field.as_object_mut()
            {
                map.remove(key);
            }
        }
        if let Some(parts) = field["fields"].as_array() {
            field["fields"] = json!(kept(parts, old.and_then(|old| old["fields"].as_array())));
        }
        field
    };
    fields.iter().map(of_field).collect()
}

/// The API answers with either dialect's name of a type.
fn plain_type(name: &Value) -> &str {
    match name.as_str().unwrap_or_default() {
        "INT64" => "INTEGER",
        "FLOAT64" => "FLOAT",
        "BOOL" => "BOOLEAN",
        "STRUCT" => "RECORD",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embulk::output::FieldType;

    fn layout(name: &str, value: Value) -> Layout {
        Layout { parts: Map::from_iter([(name.to_owned(), value)]) }
    }

    #[test]
    fn a_layout_fits_what_is_alike() {
        let day = layout("timePartitioning", json!({"type": "DAY", "field": "at", "expirationMs": "5"}));
        let same =
            json!({"timePartitioning": {"type": "DAY", "field": "at", "requirePartitionFilter": false}});
        assert_eq!(day.fit(&same), Fit::Fits);
        assert_eq!(day.fit(&json!({"timePartitioning": {"type": "DAY"}})), Fit::Differs);
        assert_eq!(day.fit(&json!({})), Fit::Differs);
        assert_eq!(Layout::default().or_of(&same).fit(&same), Fit::Fits);
        assert_eq!(Layout::default().fit(&json!({})), Fit::Fits);
    }

    #[test]
    fn descriptions_and_policy_tags_of_columns_that_stay_are_kept() {
        let field = |name: &str, kind: FieldType| json!({"name": name, "type": kind.api_name()});
        let existing = json!({"schema": {"fields": [
            {"name": "a", "type": "INT64", "description": "the key", "policyTags": {"names": ["x"]}},
            {"name": "b", "type": "STRING", "description": "was a text"},
        ]}});
        let fields =
            [field("a", FieldType::Integer), field("b", FieldType::Integer), field("c", FieldType::Date)];
        assert_eq!(
            schema(&fields, Some(&existing)),
            json!({"fields": [
                {"name": "a", "type": "INTEGER", "description": "the key", "policyTags": {"names": ["x"]}},
                {"name": "b", "type": "INTEGER"},
                {"name": "c", "type": "DATE"},
            ]})
        );
    }

    #[test]
    fn parts_of_a_record_keep_theirs_too() {
        let part = |description: Option<&str>| {
            let mut part = json!({"name": "p", "type": "STRING", "mode": "NULLABLE"});
            if let Some(description) = description {
                part["description"] = json!(description);
            }
            json!({"name": "r", "type": "RECORD", "fields": [part]})
        };
        let existing = json!({"schema": {"fields": [part(Some("by hand"))]}});
        for (written, expected) in [(None, "by hand"), (Some("of the config"), "of the config")] {
            let kept = schema(&[part(written)], Some(&existing));
            assert_eq!(kept, json!({"fields": [part(Some(expected))]}));
        }
    }

    #[test]
    fn decorators_have_a_width() {
        assert_eq!(
            ["2026", "202601", "20260131", "2026013123", "x"].map(decorator_unit),
            [Some("YEAR"), Some("MONTH"), Some("DAY"), Some("HOUR"), None]
        );
    }
}
