//! YAML in both dialects: no text may crash the parser, take long or much memory, and every place lies in the text.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use sync::diagnostic::{Problem, Source};
use sync::report::problems::render;
use sync::yaml::{Dialect, Node, NodeValue, parse};

fuzz_target!(|text: &str| {
    let source = Source::new("main.dig", text);
    for dialect in [Dialect::Digdag, Dialect::Embulk] {
        let parsed = parse(&source, dialect);
        assert!(
            parsed.node.is_some() || parsed.problems.iter().any(Problem::is_error),
            "nothing and no reason"
        );
        for span in parsed.problems.iter().filter_map(|problem| problem.span.as_ref()) {
            assert!(Arc::ptr_eq(&span.source, &source));
        }
        let _ = render(&parsed.problems, false);
        if let Some(node) = &parsed.node {
            visit(node);
            let _ = node.to_json().to_string();
        }
    }
});

fn visit(node: &Node) {
    let _ = node.span.text();
    match &node.value {
        NodeValue::Scalar(_) => {}
        NodeValue::Sequence(items) => items.iter().for_each(visit),
        NodeValue::Mapping(entries) => entries.iter().for_each(|entry| {
            let _ = entry.key_span.text();
            visit(&entry.value);
        }),
    }
}
