//! The text of a policy, and what its rules say of columns of many names.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sync::diagnostic::Source;
use sync::policy::{Origin, Subject, parse};
use sync::report::problems::render;

const NAMES: [&str; 8] = ["id", "email", "E-Mail", "tel_no", "日本", "", "a*b", "password_digest"];

fuzz_target!(|text: &str| {
    match parse(&Source::new("policy.yml", text)) {
        Ok((policy, problems)) => {
            assert!(!problems.iter().any(|problem| problem.is_error()));
            drop(render(&problems, false));
            for (at, name) in NAMES.iter().enumerate() {
                let column = Origin::Column {
                    schema: (at % 2 == 0).then(|| "shop".to_owned()),
                    table: NAMES[at / 2].to_owned(),
                    column: (*name).to_owned(),
                };
                for origin in [column, Origin::Expression { alias: (*name).to_owned() }] {
                    drop(policy.verdict(&Subject { origin, type_name: "varchar(20)".to_owned() }));
                }
            }
        }
        Err(problems) => {
            assert!(problems.iter().any(|problem| problem.is_error()), "no reason");
            drop(render(&problems, false));
        }
    }
});
