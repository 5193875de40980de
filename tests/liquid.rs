//! Templates of transfer files against what the gem `liquid` rendered: 4.0.4, or 5.4.0 where the two agree. Embulk's
//! way: strict parsing, rendering that never fails, the zone UTC; `now` is 2015-06-04 01:02:03.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;
use sync::diagnostic::Source;
use sync::embulk::liquid::{Partials, Setting, Template, Value};

#[test]
fn every_recorded_template_is_rendered_as_ruby_renders_it() {
    let mut differences = Vec::new();
    let mut count = 0;
    for line in include_str!("fixtures/liquid/recorded.jsonl").lines() {
        let record: Json = serde_json::from_str(line).expect("a record");
        let (field, text) = match rendered(&record) {
            Ok(output) => ("output", output),
            Err(message) => ("error", message),
        };
        if record[field].as_str() != Some(&text) {
            differences.push(format!("{record}\n  has the {field} {text:?}"));
        }
        count += 1;
    }
    assert!(count > 1500, "only {count} records");
    assert!(differences.is_empty(), "{} of {count} differ:\n{}", differences.len(), differences.join("\n"));
}

/// What a template renders to, else why it cannot be parsed.
fn rendered(record: &Json) -> Result<String, String> {
    let texts = |field: &str| -> BTreeMap<String, String> {
        record.get(field).map(|texts| serde_json::from_value(texts.clone()).unwrap()).unwrap_or_default()
    };
    let source = Source::new("t.yml.liquid", record["template"].as_str().expect("a template"));
    let template = Template::parse(&source).map_err(|error| format!("Liquid syntax error: {error}"))?;
    let env = texts("env").into_iter().map(|(name, value)| (name, Value::text(value))).collect();
    let setting = Setting {
        env: &env,
        partials: &Files(texts("partials")),
        now: &"2015-06-04T01:02:03[UTC]".parse().unwrap(),
        guess: None,
    };
    Ok(template.render(&setting).text)
}

struct Files(BTreeMap<String, String>);

impl Partials for Files {
    fn find(&self, path: &str) -> Option<Arc<Source>> {
        self.0.get(path).map(|text| Source::new(path, text.as_str()))
    }
}
