//! `type: row`

use crate::embulk::bind::scalar::Scalar;
use crate::embulk::bind::section::{Rules, Section};
use crate::embulk::condition;
use crate::embulk::filter::{Comparison, Condition, DEFAULT_FORMAT, Literal, Operator, Reading};
use crate::embulk::zone::Zone;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Test {
    Compare(Operator),
    Null,
    NotNull,
}

const TESTS: [(&str, Test); 14] = [
    ("==", Test::Compare(Operator::Equal)),
    ("!=", Test::Compare(Operator::NotEqual)),
    (">", Test::Compare(Operator::Greater)),
    (">=", Test::Compare(Operator::GreaterOrEqual)),
    ("<", Test::Compare(Operator::Less)),
    ("<=", Test::Compare(Operator::LessOrEqual)),
    ("start_with", Test::Compare(Operator::StartWith)),
    ("startsWith", Test::Compare(Operator::StartWith)),
    ("end_with", Test::Compare(Operator::EndWith)),
    ("endsWith", Test::Compare(Operator::EndWith)),
    ("include", Test::Compare(Operator::Include)),
    ("contains", Test::Compare(Operator::Include)),
    ("IS NULL", Test::Null),
    ("IS NOT NULL", Test::NotNull),
];

/// `where`, else `conditions`. Without either every row stays.
pub(super) fn row(section: &Section<'_>) -> Option<Condition> {
    let joined = match section.node("condition") {
        Some(_) => section.word("condition", &[("AND", true), ("OR", false)]),
        None => Some(true),
    };
    let text = section.text("where");
    let conditions: Vec<_> = section.sections("conditions").iter().map(one).collect();
    if let Some(text) = text {
        return match condition::parse(text.expose()) {
            Ok(condition) => Some(condition),
            Err(error) => {
                section.refuse_value("where", format!("`where` cannot be read: {error}"));
                None
            }
        };
    }
    let conditions = conditions.into_iter().collect::<Option<Vec<_>>>()?;
    Some(if joined? { Condition::All(conditions) } else { Condition::Any(conditions) })
}

fn one(section: &Section<'_>) -> Option<Condition> {
    let column = section.required("column");
    let test = match section.node("operator") {
        Some(_) => section.word("operator", &TESTS),
        None => Some(Test::Compare(Operator::Equal)),
    };
    let argument = argument(section);
    let not = section.flag("not", Rules::Java).unwrap_or(false);
    let reading = Reading {
        formats: vec![section.plain("format").unwrap_or_else(|| DEFAULT_FORMAT.to_owned())],
        zone: section.zone("timezone", Zone::embulk).unwrap_or_else(Zone::utc),
    };
    section.finish();
    let column = column?.expose().to_owned();
    let condition = match test? {
        Test::Null => Condition::Null { column },
        Test::NotNull => Condition::Not(Box::new(Condition::Null { column })),
        Test::Compare(operator) => {
            if section.node("argument").is_none() {
                section.missing("argument");
            }
            Condition::Compare(Comparison { column, operator, literal: argument?, reading })
        }
    };
    Some(if not { Condition::Not(Box::new(condition)) } else { condition })
}

fn argument(section: &Section<'_>) -> Option<Literal> {
    match Scalar::of(section.node("argument")?, section.binder()) {
        Some(Scalar::Bool(value)) => Some(Literal::Boolean(value)),
        Some(Scalar::Number(number)) => number.parse().ok().map(Literal::Number),
        Some(scalar) => scalar.into_text().map(|text| Literal::Text(text.expose().to_owned())),
        None => {
            section.refuse_value("argument", "`argument` must be text, a number, true or false".to_owned());
            None
        }
    }
}
