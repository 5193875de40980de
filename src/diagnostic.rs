//! What is wrong in a file that a person wrote, and where: problems with a place, shown with the line and a caret.
//!
//! The reading rooms collect problems; nobody stops at the first.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// A text that was read, with the name it is shown under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The path as messages show it, relative to the project where it lies in it.
    pub path: PathBuf,
    /// The whole text.
    pub text: String,
    lines: LineStarts,
}

/// Where the lines of a text start, once somebody has asked: a file with many problems is not counted through for each.
#[derive(Debug, Clone, Default)]
struct LineStarts(OnceLock<Vec<usize>>);

/// The text says it all.
impl PartialEq for LineStarts {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for LineStarts {}

impl Source {
    /// A source behind a shared pointer, as spans hold it.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { path: path.into(), text: text.into(), lines: LineStarts::default() })
    }

    /// How many lines start at or before a byte.
    fn lines_to(&self, at: usize) -> usize {
        let starts = self.lines.0.get_or_init(|| {
            let ends = self.text.match_indices('\n').map(|(end, _)| end + 1);
            std::iter::once(0).chain(ends).collect()
        });
        starts.partition_point(|start| *start <= at)
    }
}

/// A stretch of a source, in bytes. An empty stretch marks a point.
#[derive(Clone, PartialEq, Eq)]
pub struct Span {
    /// The text this is a stretch of.
    pub source: Arc<Source>,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// A stretch of a source; kept inside the text and on character boundaries.
    pub fn new(source: &Arc<Source>, start: usize, end: usize) -> Self {
        let clamp = |mut at: usize| {
            at = at.min(source.text.len());
            while !source.text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let start = clamp(start);
        Self { source: Arc::clone(source), start, end: clamp(end).max(start) }
    }

    /// The whole file as a place: its first byte.
    pub fn file(source: &Arc<Source>) -> Self {
        Self::new(source, 0, 0)
    }

    /// Line of the first byte, from 1.
    pub fn line(&self) -> usize {
        self.source.lines_to(self.start)
    }

    /// Column of the first byte in characters, from 1.
    pub fn column(&self) -> usize {
        let line_start = self.source.text[..self.start].rfind('\n').map_or(0, |at| at + 1);
        self.source.text[line_start..self.start].chars().count() + 1
    }

    /// Line and column of what comes after the last byte, from 1; the column in characters.
    pub fn end_place(&self) -> (usize, usize) {
        let end = Self::new(&self.source, self.end, self.end);
        (end.line(), end.column())
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.source.path
    }

    /// The text of the stretch.
    pub fn text(&self) -> &str {
        &self.source.text[self.start..self.end]
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.path().display(), self.line(), self.column())
    }
}

/// Whether a problem stops the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know; never stops anything.
    Note,
    /// Worth knowing; stops nothing unless warnings are denied.
    Warning,
    /// The file cannot be run.
    Error,
}

impl Severity {
    /// The word in messages and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Stable kebab-case name of the rule, e.g. `unknown-operator`.
    pub code: &'static str,
    /// How bad.
    pub severity: Severity,
    /// Lowercase fragment with names in backticks, no period at the end.
    pub message: String,
    /// Where, when there is a place.
    pub span: Option<Span>,
    /// A few words under the caret, e.g. ``did you mean `embulk>`?``.
    pub label: String,
    /// Further places that matter (the first of two equal keys), with a few words each.
    pub also: Vec<(Span, String)>,
    /// Full name of the task, when known.
    pub task: Option<String>,
    /// One thing to do next.
    pub hint: Option<String>,
    /// What a program can change at the place, where that is clear.
    pub fix: Option<Fix>,
}

/// A word at the place of a problem, and the word that is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// As it is written there.
    pub from: String,
    /// What to write.
    pub to: String,
}

impl Problem {
    /// An error at a place.
    pub fn error(code: &'static str, message: impl Into<String>, span: &Span) -> Self {
        Self::new(code, Severity::Error, message.into(), Some(span.clone()))
    }

    /// A warning at a place.
    pub fn warning(code: &'static str, message: impl Into<String>, span: &Span) -> Self {
        Self::new(code, Severity::Warning, message.into(), Some(span.clone()))
    }

    /// A note at a place.
    pub fn note(code: &'static str, message: impl Into<String>, span: &Span) -> Self {
        Self::new(code, Severity::Note, message.into(), Some(span.clone()))
    }

    /// An error that has no place (a file that cannot be read).
    pub fn placeless(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, message.into(), None)
    }

    fn new(code: &'static str, severity: Severity, message: String, span: Option<Span>) -> Self {
        Self {
            code,
            severity,
            message,
            span,
            label: String::new(),
            also: Vec::new(),
            task: None,
            hint: None,
            fix: None,
        }
    }

    /// Words under the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Says which word was probably meant in place of another, and how that is mended.
    #[must_use]
    pub fn did_you_mean(self, word: &str, near: &str) -> Self {
        let fix = Fix { from: word.to_owned(), to: near.to_owned() };
        Self { fix: Some(fix), ..self.perhaps(near) }
    }

    /// Says which word was perhaps meant, where the file may also be right as it is: nothing is mended.
    #[must_use]
    pub fn perhaps(self, near: &str) -> Self {
        self.label(format!("did you mean `{near}`?"))
    }

    /// Another place that belongs to it.
    #[must_use]
    pub fn also(mut self, span: &Span, label: impl Into<String>) -> Self {
        self.also.push((span.clone(), label.into()));
        self
    }

    /// The task it is in.
    #[must_use]
    pub fn task(mut self, task: impl Into<String>) -> Self {
        self.task = Some(task.into());
        self
    }

    /// One thing to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whether it stops the run.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// The nearest of `known` to `word` for a "did you mean", or none when nothing is near:
/// at most a third of the letters (at least one, at most three) differ, and not all of them.
pub fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let count = word.chars().count();
    let limit = (count / 3).clamp(1, 3).min(count.saturating_sub(1));
    known
        .into_iter()
        .map(|candidate| (edit_distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, substitutions and swaps of neighbours that turn one word into the other.
pub fn edit_distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let mut rows = vec![vec![0; right.len() + 1]; left.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=left.len() {
        for j in 1..=right.len() {
            let substitution = rows[i - 1][j - 1] + usize::from(left[i - 1] != right[j - 1]);
            let mut best = substitution.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_knows_its_line_and_column_in_characters() {
        let source = Source::new("a.dig", "x: 1\n日本: y\n");
        let span = Span::new(&source, 5 + "日本: ".len(), 5 + "日本: y".len());
        assert_eq!((span.line(), span.column(), span.text()), (2, 5, "y"));
    }

    #[test]
    fn suggestions_are_near_or_absent() {
        let known = ["embulk", "echo", "sh", "slack"];
        assert_eq!(suggest("embluk", known), Some("embulk"));
        assert_eq!(suggest("ehco", known), Some("echo"));
        assert_eq!(suggest("mail", known), None);
    }
}
