//! What a script can do wrong, in the words that people see; and what texts can do that JavaScript's cannot.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Clock, Evaluator, Limits};
use crate::session::Params;

fn evaluator(limits: Limits) -> Evaluator {
    Evaluator::new(TimeZone::UTC, Clock::fixed(Timestamp::UNIX_EPOCH), limits)
}

/// The value of one expression; of an error, its reason.
fn value(evaluator: &Evaluator, code: &str) -> Result<String, String> {
    evaluator.evaluate_text(&format!("${{{code}}}"), &Params::new()).map_err(|error| error.reason)
}

#[test]
fn a_reason_is_told_in_full() {
    let evaluator = evaluator(Limits::default());
    for (code, expected) in [
        ("nowhere", "ReferenceError: nowhere is not defined"),
        ("null.x", "TypeError: cannot read property 'x' of null"),
        (" ", "SyntaxError: unexpected token in expression: ')'"),
        // It closes our brackets, and opens others.
        ("1)), ((2", "SyntaxError: unbalanced parentheses"),
        ("1)) && ((2", "SyntaxError: unbalanced parentheses"),
        ("'\0'", "SyntaxError: the code holds a NUL character"),
        ("'\\ud800'", "the result is not valid Unicode"),
        ("(function () { throw new RangeError('too far') })()", "RangeError: too far"),
        ("(function () { throw 'a text' })()", "a text"),
        ("(function () { throw 5 })()", "5"),
        ("(function () { throw {a: 1} })()", "a script threw a value that is no error"),
        ("(function () { throw undefined })()", "a script threw a value that is no error"),
        ("'x'.repeat(600000000).length + 'x'.repeat(600000000).length", "the script takes too much memory"),
        ("'ab'.replaceAll('(a)', '$2')", "RangeError: no group 2"),
    ] {
        assert_eq!(value(&evaluator, code), Err(expected.to_owned()), "{code}");
    }
    assert_eq!(value(&evaluator, "1 + 1"), Ok("2".to_owned()));
}

#[test]
fn the_clock_ends_what_counts_no_steps() {
    let limits = Limits { steps: u64::MAX, time: Duration::from_millis(1), ..Limits::default() };
    let endless = value(&evaluator(limits), "(function () { for (;;); })()");
    assert_eq!(endless, Err("the script takes too long".to_owned()));
}

#[test]
fn an_engine_that_does_not_start_says_why() {
    let limits = Limits { stack_bytes: 1 << 46, ..Limits::default() };
    assert_eq!(
        value(&evaluator(limits), "1"),
        Err("cannot start a thread for the script: Resource temporarily unavailable (os error 11)".to_owned())
    );
}

#[test]
fn texts_have_the_methods_of_java() {
    let evaluator = evaluator(Limits::default());
    for (code, expected) in [
        // Patterns, with Java's groups in the replacement.
        ("'a1b22'.replaceAll('[0-9]+', '#')", "a#b#"),
        ("'a.b.c'.replaceAll('.', '-')", "-----"),
        ("'a.b'.replaceAll('\\\\.', '-')", "a-b"),
        ("'2024-05'.replaceAll('(\\\\d+)-(\\\\d+)', '$2/$1')", "05/2024"),
        ("'ab'.replaceAll('(?<x>a)', '<${x}>')", "<a>b"),
        ("'ab'.replaceAll('(a)', '\\\\$1')", "$1b"),
        ("'ab'.replaceAll('(a)', '$12')", "a2b"),
        ("'ab'.replaceAll('(a)|(b)', '[$1]')", "[a][]"),
        ("'aAb'.replaceAll('(?i)a', 'x')", "xxb"),
        // JavaScript's own, of a pattern or a function.
        ("'aXbX'.replaceAll(/X/g, '-')", "a-b-"),
        ("'ab'.replaceAll('a', function (t) { return t + t })", "aab"),
        ("'a1b2'.replaceFirst('[0-9]', '#')", "a#b2"),
        ("'abc'.matches('a.c')", "true"),
        ("'abcd'.matches('a.c')", "false"),
        ("'ABC'.matches('(?i)a.c')", "true"),
        ("'a|b'.matches('a|b')", "false"),
        // Comparisons.
        ("'abc'.contains('b')", "true"),
        ("'abc'.contains('B')", "false"),
        ("'a'.equals('a')", "true"),
        ("'1'.equals(1)", "false"),
        ("'Straße'.equalsIgnoreCase('sTRASSE')", "false"),
        ("'aB'.equalsIgnoreCase('Ab')", "true"),
        ("'1'.equalsIgnoreCase(1)", "false"),
        ("'a'.compareTo('c')", "-2"),
        ("'abc'.compareTo('ab')", "1"),
        ("'B'.compareToIgnoreCase('a')", "1"),
        ("'hello'.hashCode()", "99162322"),
        ("'polygenelubricants'.hashCode()", "-2147483648"),
        // Blanks.
        ("''.isEmpty()", "true"),
        ("' '.isEmpty()", "false"),
        ("' \\t'.isBlank()", "true"),
        ("'[' + ' a '.strip() + ']'", "[a]"),
        ("'[' + ' a '.stripLeading() + ']'", "[a ]"),
        ("'[' + ' a '.stripTrailing() + ']'", "[ a]"),
        // None of them shows among the keys of a text.
        ("(function () { var k = []; for (var i in 'ab') k.push(i); return k })()", "[\"0\",\"1\"]"),
    ] {
        assert_eq!(value(&evaluator, code), Ok(expected.to_owned()), "{code}");
    }
}
