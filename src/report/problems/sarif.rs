//! Problems as SARIF 2.1.0 (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>), which code hosts
//! show and keep.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::path_text;
use crate::diagnostic::{Problem, Severity, Span};
use crate::rules;

/// A log of one run. Columns count characters. Rules that found something are described in it. A problem without a
/// place is in `.`.
pub fn to_sarif(problems: &[Problem]) -> Value {
    super::expect_rules(problems);
    let mut codes: Vec<&str> = problems.iter().map(|problem| problem.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let mut twins = BTreeMap::new();
    let results: Vec<Value> = problems
        .iter()
        .map(|problem| {
            let twin = twins.entry(fingerprint(problem)).and_modify(|count| *count += 1).or_insert(1);
            result(problem, &codes, *twin)
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "sync",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": codes.iter().map(|code| rule(code)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(code: &str) -> Value {
    let mut described = json!({"id": code});
    if let Some(rule) = rules::find(code) {
        described["shortDescription"] = json!({"text": rule.summary()});
        described["help"] = json!({"text": rule.page, "markdown": rule.page});
        described["defaultConfiguration"] = json!({"level": level(rule.severity)});
    }
    described
}

fn result(problem: &Problem, codes: &[&str], twin: usize) -> Value {
    let mut found = json!({
        "ruleId": problem.code,
        "ruleIndex": codes.iter().position(|code| *code == problem.code),
        "level": level(problem.severity),
        "message": {"text": super::whole_text(problem)},
        "partialFingerprints": {"sync/v1": format!("{}:{twin}", fingerprint(problem))},
    });
    // A result without any location is passed over by code hosts.
    let nowhere = || json!({"artifactLocation": {"uri": "."}});
    let main = problem.span.as_ref().map_or_else(nowhere, place);
    found["locations"] = json!([{"physicalLocation": main}]);
    if !problem.also.is_empty() {
        let others = problem.also.iter();
        found["relatedLocations"] = others
            .map(|(span, label)| json!({"physicalLocation": place(span), "message": {"text": label}}))
            .collect();
    }
    found
}

fn level(severity: Severity) -> &'static str {
    severity.word()
}

fn place(span: &Span) -> Value {
    let (end_line, end_column) = span.end_place();
    json!({
        "artifactLocation": {"uri": uri(&path_text(span))},
        "region": {
            "startLine": span.line(), "startColumn": span.column(),
            "endLine": end_line, "endColumn": end_column,
        },
    })
}

/// A path as a reference of a URI (RFC 3986): what is not unreserved, and no `/`, in percent form.
fn uri(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                text.push(char::from(byte));
            }
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}

/// The same problem keeps it when lines above it come and go: rule, file, message and the text of the place.
pub(super) fn fingerprint(problem: &Problem) -> String {
    let mut hash = Sha256::new();
    let span = problem.span.as_ref();
    let path = span.map(path_text).unwrap_or_default();
    for part in [problem.code, &path, &problem.message, span.map(Span::text).unwrap_or_default()] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::some;
    use super::*;

    #[test]
    fn a_result_names_its_rule_and_place() {
        let found = to_sarif(&some());
        let run = &found["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"][1]["id"], "unknown-operator");
        let first = &run["results"][0];
        assert_eq!(first["ruleIndex"], 1);
        assert_eq!(first["level"], "error");
        assert_eq!(
            first["locations"][0]["physicalLocation"],
            json!({
                "artifactLocation": {"uri": "flows/a%20b%2Cc.dig"},
                "region": {"startLine": 2, "startColumn": 3, "endLine": 3, "endColumn": 7},
            })
        );
        assert_eq!(first["relatedLocations"][0]["message"]["text"], "first written here");
        assert_eq!(
            run["results"][1]["locations"],
            json!([{"physicalLocation": {"artifactLocation": {"uri": "."}}}])
        );
    }

    #[test]
    fn equal_problems_have_fingerprints_of_their_own() {
        let [full, _] = some().try_into().expect("two");
        let found = to_sarif(&[full.clone(), full]);
        let of = |at: usize| {
            found["runs"][0]["results"][at]["partialFingerprints"]["sync/v1"].as_str().map(str::to_owned)
        };
        assert_ne!(of(0), of(1));
        assert_eq!(of(0).map(|text| text.ends_with(":1")), Some(true));
    }
}
