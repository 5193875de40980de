//! Problems for people: file, line and column, the line itself with a caret, what belongs to it, one thing to do.

use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

use crate::diagnostic::{Problem, Severity, Span};
use crate::program;
use crate::report::console::Style;

/// Longest excerpt of a line, in columns. A key pasted into a file can be thousands long.
const WIDTH: usize = 160;

/// Problems as text, one after the other, an empty line between them.
pub fn render(problems: &[Problem], colors: bool) -> String {
    super::expect_rules(problems);
    let mut text = String::new();
    for problem in problems {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&render_one(problem, colors));
    }
    text
}

fn render_one(problem: &Problem, colors: bool) -> String {
    let (word, style) = match problem.severity {
        Severity::Error => ("error", Style::Red),
        Severity::Warning => ("warning", Style::Yellow),
        Severity::Note => ("note", Style::Green),
    };
    let word = style.paint(word, colors);
    let mut text =
        format!("{word}: {}\n", Style::Bold.paint(&visible(&program::in_its_name(&problem.message)), colors));
    let mut gutter = 0;
    if let Some(span) = &problem.span {
        let groups = excerpts(span, problem);
        gutter =
            groups.iter().flat_map(|group| &group.marks).map(|mark| digits(mark.line)).max().unwrap_or(1);
        for (nth, group) in groups.iter().enumerate() {
            write_group(&mut text, group, nth == 0, gutter, style, colors);
        }
    }
    let pad = " ".repeat(gutter);
    if let Some(task) = &problem.task {
        let _ = writeln!(text, "{pad} = in task `{}`", visible(task));
    }
    if let Some(hint) = &problem.hint {
        let _ = writeln!(text, "{pad} = hint: {}", visible(&program::in_its_name(hint)));
    }
    text
}

/// The places of one file, in the order of its lines.
struct Group<'p> {
    first: &'p Span,
    marks: Vec<Mark<'p>>,
}

struct Mark<'p> {
    line: usize,
    span: &'p Span,
    label: &'p str,
    main: bool,
}

fn excerpts<'p>(span: &'p Span, problem: &'p Problem) -> Vec<Group<'p>> {
    let main = Mark { line: span.line(), span, label: &problem.label, main: true };
    let mut groups = vec![Group { first: span, marks: vec![main] }];
    for (also, label) in &problem.also {
        let mark = Mark { line: also.line(), span: also, label, main: false };
        match groups.iter_mut().find(|group| group.first.path() == also.path()) {
            Some(group) => group.marks.push(mark),
            None => groups.push(Group { first: also, marks: vec![mark] }),
        }
    }
    for group in &mut groups {
        group.marks.sort_by_key(|mark| mark.line);
    }
    groups
}

fn write_group(text: &mut String, group: &Group<'_>, main: bool, gutter: usize, style: Style, colors: bool) {
    let pad = " ".repeat(gutter);
    let arrow = if main { "-->" } else { ":::" };
    let bar = Style::Dim.paint("|", colors);
    let _ = writeln!(text, "{pad}{} {}", Style::Dim.paint(arrow, colors), group.first);
    // An empty file has no line to show.
    if group.first.source.text.is_empty() {
        return;
    }
    let _ = writeln!(text, "{pad} {bar}");
    let mut last: Option<usize> = None;
    for mark in &group.marks {
        if last.is_some_and(|last| mark.line > last + 1) {
            let _ = writeln!(text, "{}", Style::Dim.paint("...", colors));
        }
        let excerpt = Excerpt::of(mark.span);
        if last != Some(mark.line) {
            let number = Style::Dim.paint(&format!("{:>gutter$}", mark.line), colors);
            let _ = writeln!(text, "{number} {bar} {}", excerpt.line);
        }
        let under = if mark.main { "^" } else { "-" }.repeat(excerpt.width);
        let caret = format!("{under}{}{}", if mark.label.is_empty() { "" } else { " " }, visible(mark.label));
        let caret = if mark.main { style.paint(&caret, colors) } else { Style::Dim.paint(&caret, colors) };
        let _ = writeln!(text, "{pad} {bar} {}{caret}", " ".repeat(excerpt.column));
        last = Some(mark.line);
    }
}

/// A line of the file as it is shown, with the columns that a span takes in it.
struct Excerpt {
    line: String,
    column: usize,
    width: usize,
}

impl Excerpt {
    /// The first line of a span, cut around it when it is long.
    fn of(span: &Span) -> Self {
        let text = &span.source.text;
        let start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
        let end = text[span.start..].find('\n').map_or(text.len(), |at| span.start + at);
        let before = visible(&text[start..span.start]);
        let marked = visible(&text[span.start..span.end.min(end)]);
        let after = visible(text[span.end.clamp(span.start, end)..end].trim_end());
        let room = WIDTH.saturating_sub(marked.width().min(WIDTH));
        let (before, after) = (keep_end(&before, room * 2 / 3), keep_start(&after, room / 3));
        let marked = keep_start(&marked, WIDTH);
        let (column, width) = (before.width(), marked.width().max(1));
        Self { line: format!("{before}{marked}{after}").trim_end().to_owned(), column, width }
    }
}

/// Text without characters that would move the cursor: a tab is a blank, other control characters are shown as one
/// mark.
fn visible(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '\t' | '\r' | '\u{feff}' => ' ',
            letter if letter.is_control() => '\u{fffd}',
            letter => letter,
        })
        .collect()
}

fn keep_start(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(width).collect();
    while kept.width() > width && kept.pop().is_some() {}
    kept + "…"
}

fn keep_end(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let letters: Vec<char> = text.chars().collect();
    let mut kept: String = letters[letters.len().saturating_sub(width)..].iter().collect();
    while kept.width() > width && !kept.is_empty() {
        kept.remove(0);
    }
    format!("…{kept}")
}

fn digits(number: usize) -> usize {
    number.to_string().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Source;

    #[test]
    fn a_problem_shows_its_line_and_what_is_meant() {
        let source = Source::new(
            "workflows/sync_one_table.dig",
            format!("{}  embluk>: aurora_to_bigquery.yml.liquid\n", "# one\n".repeat(13)),
        );
        let start = source.text.find("embluk>").expect("the key");
        let problem = Problem::error(
            "unknown-operator",
            "unknown operator `embluk>`",
            &Span::new(&source, start, start + 7),
        )
        .label("did you mean `embulk>`?")
        .task("+sync_one_table+run_embulk");
        assert_eq!(
            render(&[problem], false),
            "error: unknown operator `embluk>`
  --> workflows/sync_one_table.dig:14:3
   |
14 |   embluk>: aurora_to_bigquery.yml.liquid
   |   ^^^^^^^ did you mean `embulk>`?
   = in task `+sync_one_table+run_embulk`
"
        );
    }

    #[test]
    fn both_places_of_equal_keys_are_shown() {
        let source = Source::new("a.dig", "m:\n  color: red\n  x: 1\n  y: 2\n  color: 日本語\n");
        let (first, second) =
            (source.text.find("color").expect("one"), source.text.rfind("color").expect("two"));
        let problem =
            Problem::error("duplicate-key", "duplicate key `color`", &Span::new(&source, second, second + 5))
                .label("written again here")
                .also(&Span::new(&source, first, first + 5), "first written here")
                .hint("remove one of them");
        assert_eq!(
            render(&[problem], false),
            "error: duplicate key `color`
 --> a.dig:5:3
  |
2 |   color: red
  |   ----- first written here
...
5 |   color: 日本語
  |   ^^^^^ written again here
  = hint: remove one of them
"
        );
    }

    #[test]
    fn other_files_wide_letters_and_long_lines_keep_their_columns() {
        let here = Source::new("a.dig", format!("日本: \tx{}\n", "y".repeat(500)));
        let there = Source::new("b.yml", "k: 1");
        let at = here.text.find('x').expect("x");
        let problem = Problem::warning("no-effect", "m", &Span::new(&here, at, at + 1))
            .also(&Span::new(&there, 0, 1), "there");
        let text = render(&[problem], false);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..2], ["warning: m", " --> a.dig:1:6"]);
        assert_eq!(lines[3], format!("1 | 日本:  x{}…", "y".repeat(53)));
        assert_eq!(lines[4..], ["  |        ^", " ::: b.yml:1:1", "  |", "1 | k: 1", "  | - there"]);
    }

    #[test]
    fn a_problem_without_a_place_is_a_line() {
        let problem =
            Problem::placeless("missing-file", "file `x.dig` does not exist").hint("look elsewhere");
        assert_eq!(
            render(std::slice::from_ref(&problem), false),
            "error: file `x.dig` does not exist\n = hint: look elsewhere\n"
        );
        assert_eq!(
            render(std::slice::from_ref(&problem), true).lines().next(),
            Some("\u{1b}[31merror\u{1b}[0m: \u{1b}[1mfile `x.dig` does not exist\u{1b}[0m")
        );
        let empty = Source::new("empty.dig", "");
        let problem = Problem::error("shape", "the file is empty", &Span::file(&empty));
        assert_eq!(render(&[problem], false), "error: the file is empty\n --> empty.dig:1:1\n");
    }
}
