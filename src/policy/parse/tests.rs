use std::path::Path;

use super::*;
use crate::policy::{Mask, Shown, Truncate, Unit};
use crate::report::problems;

fn parsed(text: &str) -> Result<(Policy, Vec<Problem>), Vec<Problem>> {
    parse(&Source::new(Path::new("policy.yml"), text))
}

/// What is wrong with a text, as people see it.
fn shown(text: &str) -> String {
    let problems = match parsed(text) {
        Ok((_, warnings)) => warnings,
        Err(problems) => problems,
    };
    problems::render(&problems, false)
}

/// Every message with its place and what is said beside it.
fn lines(text: &str) -> Vec<String> {
    let problems = match parsed(text) {
        Ok((_, warnings)) => warnings,
        Err(problems) => problems,
    };
    let line = |problem: &Problem| {
        let place =
            problem.span.as_ref().map_or(String::new(), |span| format!("{}:{} ", span.line(), span.column()));
        let more = [Some(problem.label.clone()).filter(|label| !label.is_empty()), problem.hint.clone()];
        let more: Vec<String> = more.into_iter().flatten().collect();
        let more = if more.is_empty() { String::new() } else { format!(" ({})", more.join("; ")) };
        format!("{place}{}: {}{more}", problem.severity.word(), problem.message)
    };
    problems.iter().map(line).collect()
}

#[test]
fn a_policy_with_everything() {
    let (policy, warnings) = parsed(
        "new_columns: keep\nrules:\n\
         - {schema: shop, table: [users, \"*_log\"], column: [email, mail], type: varchar, action: drop, reason: law}\n\
         - set: [email, phone]\n  action: hmac\n  key: ${secret:policy.key}\n\
         - {column: tel, action: mask, keep_first: 2, keep_last: 3, length: 4}\n\
         - {column: mail, action: mask, keep_domain: true}\n\
         - {column: b, action: truncate, length: 3, unit: month}\n\
         - {type: inet, action: null}\n\
         - {column: n, expression: true, action: keep}\n\
         - {column: h, action: hash}\n",
    )
    .unwrap();
    assert_eq!(warnings, []);
    let globs = |texts: &[&str]| texts.iter().map(|text| Glob::new(text)).collect::<Vec<_>>();
    let any = || Of::Tables { schemas: Vec::new(), tables: Vec::new() };
    let named = |name: &str| Some(Columns::Named(globs(&[name])));
    let rule =
        |line, of, columns, action| Rule { line, of, columns, types: Vec::new(), action, reason: None };
    let ends = |first, last, length| Action::Mask(Mask { shown: Shown::Ends { first, last }, length });
    assert_eq!(
        policy.rules,
        [
            Rule {
                types: globs(&["varchar"]),
                reason: Some("law".to_owned()),
                ..rule(
                    3,
                    Of::Tables { schemas: globs(&["shop"]), tables: globs(&["users", "*_log"]) },
                    Some(Columns::Named(globs(&["email", "mail"]))),
                    Action::Drop
                )
            },
            rule(
                4,
                any(),
                Some(Columns::Sets(["email", "phone"].map(|name| set::find(name).unwrap()).into())),
                Action::Hmac { secret: "policy.key".to_owned() }
            ),
            rule(7, any(), named("tel"), ends(2, 3, Some(4))),
            rule(8, any(), named("mail"), Action::Mask(Mask { shown: Shown::Domain, length: None })),
            rule(
                9,
                any(),
                named("b"),
                Action::Truncate(Truncate { length: Some(3), unit: Some(Unit::Month) })
            ),
            Rule { types: globs(&["inet"]), ..rule(10, any(), None, Action::Null) },
            rule(11, Of::Expressions, named("n"), Action::Keep),
            rule(12, any(), named("h"), Action::Hash),
        ]
    );
    assert_eq!((policy.new_columns, policy.secrets()), (NewColumns::Keep, vec!["policy.key"]));
    assert_eq!(policy.place(&policy.rules[1]), "policy.yml:4");
}

#[test]
fn a_mistake_shows_its_line_and_what_is_near() {
    assert_eq!(
        shown("rules:\n  - colum: email\n    action: drop\n"),
        "error: unknown key `colum`
 --> policy.yml:2:5
  |
2 |   - colum: email
  |     ^^^^^ did you mean `column`?

error: the rule does not say which columns it is about
 --> policy.yml:2:5
  |
2 |   - colum: email
  |     ^^^^^
  = hint: write one of `schema`, `table`, `column`, `set` and `type`
"
    );
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let actions = "write one of `keep`, `drop`, `hash`, `hmac`, `mask`, `truncate` and `null`";
    for (text, expected) in [
        ("- a\n", "1:1 error: the policy must be a mapping, not a list"),
        ("new_columns: allow\n", "1:14 error: `new_columns` must be `deny` or `keep`, not `allow`"),
        ("new_column: deny\n", "1:1 error: unknown key `new_column` (did you mean `new_columns`?)"),
        ("version: 2\n", "1:1 error: unknown key `version` (the keys here are `new_columns` and `rules`)"),
        ("rules: {a: b}\n", "1:8 error: `rules` must be a list, not a mapping (begin each rule with `- `)"),
        ("rules: [a]\n", "1:9 error: a rule must be a mapping, not text"),
        ("rules: [{column: a}]\n", &format!("1:10 error: the rule has no `action` ({actions})")),
        ("rules: [{column: a, action: dorp}]\n", "1:29 error: unknown action `dorp` (did you mean `drop`?)"),
        ("rules: [{column: a, action: }]\n", &format!("1:28 error: `action` must be a word ({actions})")),
        (
            "rules: [{column: a, action: encrypt}]\n",
            &format!("1:29 error: unknown action `encrypt` ({actions})"),
        ),
        (
            "rules: [{column: 1, action: drop}]\n",
            "1:18 error: `column` must be text or a list of texts, not a number (put it between quotes if it is text)",
        ),
        ("rules: [{column: [], action: drop}]\n", "1:18 error: `column` is an empty list"),
        ("rules: [{column: '', action: drop}]\n", "1:18 error: `column` has an empty text"),
        (
            "rules: [{column: a, set: email, action: drop}]\n",
            "1:21 error: `set` cannot stand beside `column`: both name columns (write two rules)",
        ),
        (
            "rules: [{set: e-mail, action: drop}]\n",
            "1:15 error: unknown set `e-mail` (did you mean `email`?)",
        ),
        (
            "rules: [{column: a, action: hmac}]\n",
            "1:29 error: `action: hmac` needs a `key` (write `key: ${secret:NAME}`, and keep the key itself with \
             `sync secrets set NAME`)",
        ),
        (
            "rules: [{column: a, action: hmac, key: '${secret:a b}'}]\n",
            "1:40 error: `a b` is no name for a secret: letters, digits, `.`, `_` and `-` make one",
        ),
        (
            "rules: [{column: a, action: drop, key: '${secret:a}'}]\n",
            "1:35 error: `key` belongs to `action: hmac`, not to `drop`",
        ),
        (
            "rules: [{column: a, action: hash, length: 3}]\n",
            "1:35 error: `length` belongs to `action: mask` and `truncate`, not to `hash`",
        ),
        (
            "rules: [{column: a, action: mask, keep_domain: true, keep_last: 2}]\n",
            "1:54 error: `keep_last` cannot stand beside `keep_domain`",
        ),
        (
            "rules: [{column: a, action: mask, keep_first: -1}]\n",
            "1:47 error: `keep_first` must be a whole number from 0 to 100000",
        ),
        (
            "rules: [{column: a, action: mask, keep_domain: maybe}]\n",
            "1:48 error: `keep_domain` must be `true` or `false`",
        ),
        (
            "rules: [{column: a, action: truncate}]\n",
            "1:29 error: `action: truncate` needs a `length` or a `unit` (`length: 3` for texts, `unit: month` for dates \
             and times)",
        ),
        (
            "rules: [{column: a, action: truncate, unit: week}]\n",
            "1:45 error: unknown unit `week` (write one of `year`, `month`, `day` and `hour`)",
        ),
        (
            "rules: [{table: t, column: a, expression: true, action: keep}]\n",
            "1:10 error: `table` cannot stand beside `expression: true`: an expression has none",
        ),
        (
            "rules: [{expression: true, action: keep}]\n",
            "1:10 error: a rule about expressions must name them by `column` or `set` (`column` is what the query calls it: \
             `x` of `select a + b as x`)",
        ),
        (
            "rules: [{column: a, action: drop}]\nrules: []\n",
            "2:1 error: duplicate key `rules` (written again here)",
        ),
        (
            "rules: [{column: a, column: b, action: drop}]\n",
            "1:21 error: duplicate key `column` (written again here)",
        ),
    ] {
        assert_eq!(lines(text), [expected], "{text}");
    }
}

#[test]
fn a_star_without_quotes_is_explained() {
    let text = "rules:\n  - column: *_id\n    action: keep\n";
    let found = lines(text);
    assert!(found[0].contains("(put a pattern that begins with `*` between quotes)"), "{found:?}");
}

/// Neither message nor excerpt shows it, also not that of another mistake in the line.
#[test]
fn a_key_that_is_written_out_is_not_shown() {
    let text = "rules: [{column: a, action: hmac, key: 'hunter2-hunter2', foo: 1}]\n";
    assert_eq!(
        shown(text),
        "error: the `key` of `hmac` must be the name of a secret, never the key itself
 --> policy.yml:1:40
  |
1 | rules: [{column: a, action: hmac, key: *****************, foo: 1}]
  |                                        ^^^^^^^^^^^^^^^^^
  = hint: write `key: ${secret:NAME}`, and keep the key itself with `sync secrets set NAME`

error: unknown key `foo`
 --> policy.yml:1:59
  |
1 | rules: [{column: a, action: hmac, key: *****************, foo: 1}]
  |                                                           ^^^
  = hint: the keys here are `schema`, `table`, `column`, `set`, `type`, `expression`, `action`, `key`, `keep_first`, `keep_last`, `keep_domain`, `length`, `unit` and `reason`
"
    );
}

#[test]
fn rules_that_do_something_else_than_they_seem_to_are_warned_of() {
    for (text, expected) in [
        (
            "rules:\n- {column: \"*\", action: keep}\n- {column: a, action: drop}\n",
            &[
                "2:4 warning: the rule keeps every column that no rule before it names, new ones too (name the tables, or say \
                 `new_columns: keep`)",
                "3:4 warning: the rule decides nothing: that of line 2 fits every column (the first rule that fits a column \
                 decides)",
            ][..],
        ),
        (
            "rules:\n- {table: \"*\", action: drop}\n- {column: a, action: keep}\n- {column: a, expression: true, action: keep}\n",
            &[
                "3:4 warning: the rule decides nothing: that of line 2 fits every column (the first rule that fits a column \
               decides)",
            ],
        ),
        (
            "new_columns: keep\nrules:\n- {column: \"*\", table: t, action: keep}\n- {column: a, action: drop}\n",
            &[],
        ),
        (
            "rules:\n- {set: personal, action: drop}\n- {schema: \"*\", action: keep}\n- {column: a, action: drop}\n",
            &[],
        ),
    ] {
        assert_eq!(lines(text), expected, "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(rules:\n)?(- |  )?[-a:{}\\[\\]*'\"$ \n#]{0,30}(action: (hmac|mask|drop)\n)?(  key: [a\\${}: ]{0,9}\n)?") {
        let _ = parsed(&text);
    }
}
