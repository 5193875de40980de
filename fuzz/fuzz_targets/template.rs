//! The scanner of `${...}` and the check of what is in it: every expression stands where the scanner says.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sync::dig::expression::{Template, parse_template};

fuzz_target!(|text: &str| {
    let template = Template::scan(text);
    for (code, at) in template.expressions() {
        assert!(text[..at].ends_with("${"));
        assert!(text[at..].starts_with(code));
        assert!(text[at + code.len()..].starts_with('}'));
    }
    match parse_template(text) {
        Ok(checked) => assert_eq!(checked, template),
        Err(error) => assert!(text.get(error.at).is_some()),
    }
});
