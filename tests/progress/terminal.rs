//! A run of 280 tables in a terminal, in the middle and at its end, as a person sees it. Times are replaced by `TIME`, and
//! which of the quick tables happened to be the slowest by `tNNN`; all else stands still and is pinned.

use regex::Regex;

use super::estate::{DONE, Estate, HELD, TABLES};
use crate::support::sandbox::Sandbox;
use crate::support::terminal::Terminal;

/// What the errors of the two tables without a file say, in the order of their tables.
const FAILED: [&str; 2] = [
    "error: task `+main+tables+t030` failed: there is no file whose path begins with `in/missing_0.csv`",
    "error: task `+main+tables+t031` failed: there is no file whose path begins with `in/missing_1.csv`",
];

/// The same wherever and whenever it is run, whichever of two failed first.
fn settled(screen: &str) -> String {
    let times = Regex::new(r"(?m) *\b(?:\d+h)?(?:\d+m)?\d+s$").expect("a pattern");
    let slowest = Regex::new(r"(?m)^(slowest|=)(.*in/)t0\d\d").expect("a pattern");
    let failed = Regex::new(r"ssing_[01]").expect("a pattern");
    let text = times.replace_all(screen, " TIME");
    let text = slowest.replace_all(&text, "${1}${2}tNNN").into_owned();
    failed.replace_all(&text, "ssing_N").into_owned()
}

/// The end of a run, wherever and whenever it is run.
fn ended(screen: &str) -> String {
    let seconds = Regex::new(r"(?m) *\b\d+\.\d$").expect("a pattern");
    seconds.replace_all(screen, " SECONDS").into_owned() + "\n"
}

/// Whether nothing moves any more: the rates are those of ten seconds without a row, and foretell nothing.
fn stands_still(screen: &str) -> bool {
    let waiting = TABLES - DONE - 2 - HELD;
    screen.contains(&format!("{DONE} done, {HELD} running, 2 failed, {waiting} waiting"))
        && screen.lines().any(|line| line.contains("held_00.csv") && line.contains(" 0/s"))
        && !screen.contains(" left")
}

/// The lines of the picture, from its first on.
fn picture(screen: &str) -> String {
    let settled = settled(screen);
    let first = settled.lines().position(|line| line.starts_with("slowest  ") || line.starts_with("=  "));
    settled.lines().skip(first.unwrap_or(0)).map(|line| format!("{line}\n")).collect()
}

/// What is left of pictures.
#[derive(PartialEq)]
enum Left {
    Nothing,
    /// The upper part of one, which a smaller terminal has pushed out of its top.
    Upper,
}

/// What was printed and what failed is there once and whole, and the summary is last.
fn check_end(terminal: &Terminal, left: &Left) {
    let last = terminal.await_screen(|screen| screen.ends_with("ended with 1"));
    assert!(
        last.contains("hint: 278 transfers are done; `sync retry --session 1` runs what is left"),
        "{last}"
    );
    let all = terminal.everything();
    assert!(!all.contains(" waiting"), "the end of a picture is left:\n{all}");
    if *left == Left::Nothing {
        for start in ["running ", "slowest ", "failed "] {
            assert!(!all.lines().any(|line| line.starts_with(start)), "{start:?} is left:\n{all}");
        }
    }
    for line in FAILED {
        assert_eq!(all.lines().filter(|shown| *shown == line).count(), 1, "{line}\nin\n{all}");
    }
    let printed =
        "a task prints a line that is wider than a terminal of eighty columns, so that it is broken there";
    for line in [printed, "and one more"] {
        assert_eq!(all.lines().filter(|shown| *shown == line).count(), 1, "{line}\nin\n{all}");
    }
    assert!(!all.contains('\u{202e}'));
    let copied = all.lines().filter(|line| line.contains("  file out/t")).count();
    assert_eq!(copied, TABLES - 2, "the summary names every table:\n{all}");
}

const AT_80: &str = include_str!("pictures/80x24.txt");
const AT_200: &str = include_str!("pictures/200x50.txt");
const END_AT_80: &str = include_str!("pictures/80x24-end.txt");
const AT_20: &str = include_str!("pictures/20x10.txt");

#[test]
fn a_terminal_of_80_columns_shows_280_tables() {
    let estate = Estate::new();
    let large = estate.take_first();
    let Some(terminal) = Terminal::start(&estate.command(&[]), 80, 24) else { return };
    let screen = terminal.await_screen(stands_still);
    assert_eq!(picture(&screen), AT_80, "\n{screen}");
    let ending = estate.let_go(large);
    check_end(&terminal, &Left::Nothing);
    assert_eq!(ended(&terminal.screen()), END_AT_80, "\n{}", terminal.screen());
    ending.join().expect("all is read");
}

#[test]
fn a_wide_terminal_shows_more_and_may_become_a_small_one() {
    let estate = Estate::new();
    let large = estate.take_first();
    let Some(terminal) = Terminal::start(&estate.command(&[]), 200, 50) else { return };
    let screen = terminal.await_screen(stands_still);
    assert_eq!(picture(&screen), AT_200, "\n{screen}");
    terminal.resize(80, 24);
    let screen = terminal.await_screen(|screen| picture(screen) == AT_80);
    assert_eq!(screen.matches(" waiting").count(), 1, "one picture, not two:\n{screen}");
    let ending = estate.let_go(large);
    check_end(&terminal, &Left::Upper);
    ending.join().expect("all is read");
}

#[test]
fn a_terminal_of_20_columns_does_not_break_nor_does_a_smaller_one() {
    let estate = Estate::new();
    let large = estate.take_first();
    let mut command = estate.command(&[]);
    command.env("NO_COLOR", "1");
    let Some(terminal) = Terminal::start(&command, 20, 10) else { return };
    let stands = |screen: &str| screen.contains("30 of 280, ") && screen.contains("  72%");
    let screen = terminal.await_screen(stands);
    assert_eq!(picture(&screen), AT_20, "\n{screen}");
    for (width, height) in [(9, 3), (1, 1), (200, 1), (20, 10)] {
        terminal.resize(width, height);
    }
    terminal.await_screen(|screen| picture(screen) == AT_20);
    let ending = estate.let_go(large);
    let last = terminal.await_screen(|screen| screen.ends_with("ended with 1"));
    assert!(!last.contains(" of 280, "), "{last}");
    ending.join().expect("all is read");
}

#[test]
fn a_terminal_that_redraws_nothing_has_plain_lines() {
    let sandbox = Sandbox::new().file("main.dig", "+a:\n  embulk>: a.yml\n").file("in.csv", "1\n").file(
        "a.yml",
        "in: {type: file, path_prefix: in.csv, parser: {type: csv, columns: [{name: id, type: long}]}}\n\
         out: {type: file, path_prefix: out, sequence_format: '', file_ext: .csv, formatter: {type: csv}}\n",
    );
    // The variables of the command come last, so this is the one that counts.
    let mut command = sandbox.command(["run", "main.dig"]);
    command.env("TERM", "dumb");
    let Some(terminal) = Terminal::start(&command, 80, 24) else { return };
    let screen = terminal.await_screen(|screen| screen.ends_with("ended with 0"));
    assert!(screen.starts_with("file in.csv: copying to file out.csv\n"), "{screen}");
    assert!(screen.contains("\nfile in.csv: 1 row, 7 B, "), "{screen}");
}
