//! Liquid as Ruby's Liquid 4 speaks it in Embulk: strict parsing, rendering that never fails.
//!
//! The `liquid` crate renders strictly: an unset variable, an unknown filter and a failed filter end the render, where
//! Ruby writes nothing, the input and `Liquid error: …`. Transfer files rely on the Ruby way (`{% if env.X != '' %}`
//! on an unset `X`), so this is an engine of its own: small, without I/O, and every byte it renders knows which byte
//! of the template it came from, so that a problem in the YAML is shown where a person can mend it.
//!
//! Secrets go through as [`value::Value::Hidden`]: conditions and filters see the value, what is rendered is a
//! placeholder.

mod condition;
mod expression;
mod filter;
mod lexer;
mod node;
mod number;
mod origin;
mod parser;
mod render;
mod time;
mod tokenizer;
mod value;

use std::sync::Arc;

pub use origin::Origins;
pub use render::{Excess, Guess, MAX_BYTES, MAX_PARTS, Note, Partials, Rendering, Setting};
pub use value::Value;

use crate::diagnostic::Source;

/// A template that was parsed.
#[derive(Debug)]
pub struct Template {
    source: Arc<Source>,
    body: node::Body,
}

/// Why a template could not be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// What Ruby's Liquid says, without its prefix.
    pub message: String,
    /// Byte of the template where it was noticed.
    pub at: usize,
}

impl SyntaxError {
    fn new(message: impl Into<String>, at: usize) -> Self {
        Self { message: message.into(), at }
    }

    /// Adds which markup it was, as Ruby does, unless that is known already.
    fn within(mut self, markup: &str) -> Self {
        if !self.message.contains(" in \"") {
            self.message = format!("{} in \"{markup}\"", self.message);
        }
        self
    }
}

impl Template {
    /// Parses a template. Errors: what Ruby's Liquid refuses in strict mode.
    pub fn parse(source: &Arc<Source>) -> Result<Self, SyntaxError> {
        Ok(Self { source: Arc::clone(source), body: parser::parse(&source.text)? })
    }

    /// Renders. Run-time errors become text in place.
    pub fn render(&self, setting: &Setting<'_>) -> Rendering {
        render::render(&self.source, &self.body, setting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    struct None;

    impl Partials for None {
        fn find(&self, _: &str) -> Option<Arc<Source>> {
            Option::None
        }
    }

    pub(super) fn rendered(template: &str, env: &[(&str, &str)]) -> Rendering {
        let source = Source::new("t.yml.liquid", template);
        let env: BTreeMap<String, Value> =
            env.iter().map(|(name, value)| ((*name).to_owned(), Value::text(*value))).collect();
        let setting = Setting {
            env: &env,
            partials: &None,
            now: &"2015-06-04T01:02:03[UTC]".parse().unwrap(),
            guess: Option::None,
        };
        Template::parse(&source).unwrap().render(&setting)
    }

    fn text(template: &str, env: &[(&str, &str)]) -> String {
        rendered(template, env).text
    }

    fn error(template: &str) -> (String, usize) {
        let error = Template::parse(&Source::new("t.yml.liquid", template)).unwrap_err();
        (error.message, error.at)
    }

    #[test]
    fn what_is_not_there_is_empty() {
        assert_eq!(text("[{{ env.NOPE }}{{ nope.x.y }}]", &[]), "[]");
        assert_eq!(text("{% if env.X != '' %}Y{% else %}N{% endif %}", &[]), "Y");
        assert_eq!(text("{% if env.X != '' %}Y{% else %}N{% endif %}", &[("X", "")]), "N");
    }

    #[test]
    fn errors_while_rendering_are_text() {
        assert_eq!(text("a {{ 1 | divided_by: 0 }} b", &[]), "a Liquid error: divided by 0 b");
        assert_eq!(
            text("{% if env.N > 3 %}Y{% endif %}", &[("N", "5")]),
            "Liquid error: comparison of String with 3 failed"
        );
        assert_eq!(text("{% include 'zzz' %}", &[]), "Liquid error: No such template 'zzz'");
        assert_eq!(text("{% include 'my-part' %}", &[]), "Liquid error: Illegal template name 'my-part'");
    }

    #[test]
    fn syntax_errors_have_rubys_words_and_a_place() {
        assert_eq!(
            error("ab {{ env.X y }}"),
            ("Expected end_of_string but found id in \"{{ env.X y }}\"".to_owned(), 12)
        );
        assert_eq!(error("a\n{% foo %}"), ("Unknown tag 'foo'".to_owned(), 2));
        assert_eq!(error("{% if true %}x"), ("'if' tag was never closed".to_owned(), 0));
    }

    #[test]
    fn every_syntax_error_is_told_as_ruby_does() {
        for (template, expected) in [
            ("{% else %}", "Unexpected outer 'else' tag"),
            ("{% if true", "Tag '{%' was not properly terminated with regexp: /\\%\\}/"),
            ("{{ x ", "Variable '{{' was not properly terminated with regexp: /\\}\\}/"),
            ("{{ x | append: }}", "[:end_of_string] is not a valid expression in \"{{ x | append: }}\""),
            ("{% if %}{% endif %}", "[:end_of_string] is not a valid expression in \"\""),
            ("{% capture %}{% endcapture %}", "Syntax Error in 'capture' - Valid syntax: capture [var]"),
            ("{% case %}{% endcase %}", "Syntax Error in 'case' - Valid syntax: case [condition]"),
            (
                "{% case x %}{% else y %}{% endcase %}",
                "Syntax Error in tag 'case' - Valid else condition: {% else %} (no parameters) ",
            ),
            (
                "{% case x %}{% when %}{% endcase %}",
                "Syntax Error in tag 'case' - Valid when condition: {% when [condition] [or condition2...] %}",
            ),
            (
                "{% tablerow x %}{% endtablerow %}",
                "Syntax Error in 'table_row loop' - Valid syntax: table_row [item] in [collection] cols=3",
            ),
            ("{% raw x %}{% endraw %}", "Syntax Error in 'raw' - Valid syntax: raw"),
            ("{% raw %}x", "'raw' tag was never closed"),
            ("{% capture x %}{% else %}", "capture tag does not expect 'else' tag"),
            ("{% if true %}{% endfor %}", "'endfor' is not a valid delimiter for if tags. use endif"),
            ("{% assign x %}", "Syntax Error in 'assign' - Valid syntax: assign [var] = [source]"),
            ("{% for x of y %}{% endfor %}", "For loops require an 'in' clause in \"x of y\""),
            (
                "{% for x in y top: 3 %}{% endfor %}",
                "Invalid attribute in for loop. Valid attributes are limit and offset in \"x in y top: 3\"",
            ),
            ("{% cycle %}", "Syntax Error in 'cycle' - Valid syntax: cycle [name :] var [, var2, var3 ...]"),
            (
                "{% include %}",
                "Error in tag 'include' - Valid syntax: include '[template]' (with|for) [object|collection]",
            ),
        ] {
            assert_eq!(error(template).0, expected, "{template}");
        }
    }

    #[test]
    fn every_error_while_rendering_is_told_as_ruby_does() {
        for (template, expected) in [
            ("{{ 'a' | append }}", "wrong number of arguments (given 1, expected 2)"),
            ("{{ 'a' | slice: 'x' }}", "invalid integer"),
            ("{{ 'a' | truncate: 'x' }}", "invalid integer"),
            ("{{ 'a' | truncatewords: 'x' }}", "invalid integer"),
            ("{{ '%ff' | url_decode }}", "invalid byte sequence in UTF-8"),
            ("{{ (1..2) | map: 'x' }}", "cannot select the property 'x'"),
            ("{{ 'a,b' | split: ',' | concat: 'x' }}", "concat filter requires an array argument"),
            ("{{ 'a,b' | split: ',' | first: 'x' }}", "wrong number of arguments (given 2, expected 1)"),
            ("{% include nothing %}", "Argument error in tag 'include' - Illegal template name"),
        ] {
            assert_eq!(text(template, &[]), format!("Liquid error: {expected}"), "{template}");
        }
    }

    #[test]
    fn lists_of_the_environment() {
        let template = "{% assign c = env.X | split: ',' %}{{ c.size }}{% for x in c %}[{{ x }}]{% endfor %}";
        assert_eq!(text(template, &[("X", "a,,b, c,,")]), "4[a][][b][ c]");
        assert_eq!(text(template, &[("X", "")]), "0");
        assert_eq!(text(template, &[]), "0");
    }

    #[test]
    fn endless_nesting_and_huge_ranges_end() {
        let deep = format!("{}{}", "{% if true %}".repeat(200), "{% endif %}".repeat(200));
        assert_eq!(error(&deep).0, "Nesting too deep");
        assert_eq!(
            text("{% for i in (1..99999999999) %}x{% endfor %}", &[]),
            "Liquid error: a range of more than 1000000 items"
        );
    }

    #[test]
    fn texts_and_lists_that_grow_without_end_are_refused() {
        for (first, filter, reason) in [
            ("'xxxxxxxx'", "append: a", "a text of more than 8 MiB"),
            ("'xxxxxxxx'", "prepend: a", "a text of more than 8 MiB"),
            ("'xxxxxxxx'", "replace: 'x', a", "a text of more than 8 MiB"),
            ("'\\0\\0\\0'", "replace_first: a, a", ""),
            ("'\\0\\0\\0'", "replace: '0', a", "a text of more than 8 MiB"),
            ("'&'", "escape | append: a", "a text of more than 8 MiB"),
            ("(1..999999)", "join: 'xxxxxxxxx'", "a text of more than 8 MiB"),
            ("(1..999999)", "join: ',' | split: ''", "a list of more than 1000000 items"),
            ("env.list", "concat: a", "a list of more than 1000000 items"),
        ] {
            let list = "{% assign b = '1,2' | split: ',' %}";
            let first = first.replace("env.list", "b");
            let times = if first.starts_with('(') { 1 } else { 24 };
            let more = format!("{{% assign a = a | {filter} %}}").repeat(times);
            let said = text(&format!("{list}{{% assign a = {first} %}}{more}"), &[]);
            let expected = if reason.is_empty() { String::new() } else { format!("Liquid error: {reason}") };
            assert!(said.starts_with(&expected) && said.len() < 4_000, "{filter}: {said:.200}");
        }
    }

    #[test]
    fn a_rendering_ends_when_it_has_written_or_kept_too_much() {
        let double =
            "{% assign a = 'xxxxxxxxxxxxxxxx' %}".to_owned() + &"{% assign a = a | append: a %}".repeat(16);
        let captures = "{% capture b %}{{ a }}{{ b }}{% endcapture %}".repeat(200);
        let kept: String = (0..200).map(|at| format!("{{% assign a{at} = a | append: 'x' %}}")).collect();
        for more in ["{% for i in (1..900) %}{{ a }}{% endfor %}", &captures, &kept] {
            let rendering = rendered(&format!("{double}{more}"), &[]);
            assert!(rendering.text.len() <= MAX_BYTES);
            let (note, span) = rendering.notes.last().unwrap();
            assert_eq!(note, &Note::Endless(Excess::Bytes));
            assert!(span.column() > double.len(), "{}", span.column());
        }
    }

    #[test]
    fn abysses_are_refused() {
        let round = format!("{{{{ {}1..2{} }}}}", "(".repeat(5000), "..2)".repeat(5000));
        assert!(error(&round).0.starts_with("Nesting too deep"));
        let case = format!("{{% case {}1..2{} %}}{{% endcase %}}", "(".repeat(5000), "..2)".repeat(5000));
        assert_eq!(text(&case, &[]), "");
        struct Self_;
        impl Partials for Self_ {
            fn find(&self, path: &str) -> Option<Arc<Source>> {
                let text = format!(
                    "{}{{% include 'self' %}}{}",
                    "{% capture x %}".repeat(90),
                    "{% endcapture %}".repeat(90)
                );
                Some(Source::new(path, text))
            }
        }
        let source = Source::new("t.yml.liquid", "{% include 'self' %}ok");
        let now = "2015-06-04T01:02:03[UTC]".parse().unwrap();
        let setting = Setting { env: &BTreeMap::new(), partials: &Self_, now: &now, guess: Option::None };
        assert_eq!(Template::parse(&source).unwrap().render(&setting).text, "ok");
    }

    #[test]
    fn a_secret_is_covered_however_it_is_written_out() {
        let env = BTreeMap::from([
            ("P".to_owned(), Value::hidden("P", "hunter2,x")),
            ("E".to_owned(), Value::text("")),
        ]);
        let rendered = |template: &str| {
            let now = "2015-06-04T01:02:03[UTC]".parse().unwrap();
            let setting = Setting { env: &env, partials: &None, now: &now, guess: Option::None };
            Template::parse(&Source::new("t", template)).unwrap().render(&setting).text
        };
        for (template, text) in [
            ("{{ env.P }}", "⟦P⟧"),
            ("{{ env.P | upcase }}{{ env.P }}", "⟦P⟧⟦P.2⟧"),
            ("{{ env.P | split: ',' | first }}", "⟦P⟧"),
            ("{% for part in env.P %}{{ part }}{% endfor %}", "⟦P⟧"),
            ("{% capture c %}a{{ env.P }}b{% endcapture %}{{ c }}", "⟦P⟧⟦P.2⟧"),
            ("{{ env }}", "⟦P⟧"),
            ("{{ env | join }}", "⟦P⟧"),
            ("{% cycle env.P %}", "⟦P⟧"),
            ("{{ env.P | url_encode | date: '%Y' }}", "⟦P⟧"),
            ("{{ 'x' | append: env.P | size }}", "10"),
            ("{% if env.P contains 'hunter' %}Y{% endif %}", "Y"),
            ("{% if env.P > 3 %}Y{% endif %}", "Liquid error: comparison failed"),
            ("{% include env.P %}", "Liquid error: Illegal template name '…'"),
            ("{{ env.P | slice: env.P }}", "Liquid error: filter slice failed"),
            ("{{ env.P | plus: 1 }}", "⟦P⟧"),
            ("{% for i in env %}{{ i[1] }}{% endfor %}", "⟦P⟧"),
            ("{% for i in (1..2) limit: env.P %}{{ i }}{% endfor %}", ""),
        ] {
            let got = rendered(template);
            assert!(!got.to_lowercase().contains("hunter"), "{template}: {got}");
            if !template.contains("capture") {
                assert_eq!(got, text, "{template}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(
            pieces in proptest::collection::vec(proptest::sample::select(PIECES.to_vec()), 0..25)
        ) {
            let source = Source::new("t", pieces.concat());
            if let Ok(template) = Template::parse(&source) {
                let now = "2015-06-04T01:02:03[UTC]".parse().unwrap();
                let env = BTreeMap::from([("A".to_owned(), Value::hidden("A", "é,1")), ("B".to_owned(), Value::text("-9.5"))]);
                for guess in [Option::None, Some(Guess::Filled), Some(Guess::Matching)] {
                    let setting = Setting { env: &env, partials: &None, now: &now, guess };
                    let rendering = template.render(&setting);
                    for at in 0..rendering.text.len() {
                        rendering.origins.place(at, at + 1).unwrap();
                    }
                }
            }
        }
    }

    const PIECES: [&str; 60] = [
        "{{",
        "}}",
        "{%",
        "%}",
        "{{-",
        "-}}",
        "{%-",
        "-%}",
        " ",
        "\n",
        "é",
        "'",
        "\"",
        "env.A",
        "env.B",
        "x",
        "| split: ','",
        "| slice: ",
        "| date: '%5N%-d%é'",
        "| round: ",
        "| truncate: ",
        "| times: ",
        "| divided_by: ",
        "| replace: '', '\\'",
        "| capitalize",
        "| url_decode",
        "| sort",
        "| truncatewords: ",
        "| default",
        "170141183460469231731687303715884105727",
        "-170141183460469231731687303715884105728",
        "0.5",
        "(1..3)",
        "[",
        "]",
        ".",
        ",",
        ":",
        "==",
        "<",
        "contains ",
        "{% if env.A %}",
        "{% endif %}",
        "{% for x in (1..3) %}",
        "{% endfor %}",
        "{% else %}",
        "{% assign x = ",
        "%}{{ x ",
        "{% capture x %}",
        "{% endcapture %}",
        "{% cycle 'a', x %}",
        "{% raw %}",
        "{% endraw %}",
        "{{ env.A | ",
        "{{ x.size }}",
        "{% case x %}",
        "{% when 'a', 1 %}",
        "{% endcase %}",
        "{% tablerow x in env.A cols:2 %}",
        "{% endtablerow %}",
    ];
}
