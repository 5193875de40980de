//! `--diff` and `--fix`: misspelt words, where it is clear what was meant.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, bail};

use super::placed::{Names, Placed};
use super::{is_template, is_workflow};
use crate::diagnostic::{Problem, Source, Span};
use crate::yaml::{self, Dialect};

/// Lines shown before and after a change.
const AROUND: usize = 3;

/// One word of a file that is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Edit {
    start: usize,
    end: usize,
    to: String,
}

/// A file with what is to be changed in it.
#[derive(Debug)]
pub(super) struct Mended {
    /// Where it lies.
    path: PathBuf,
    /// How messages call it.
    shown: PathBuf,
    before: String,
    edits: Vec<Edit>,
}

/// The changes that problems bring, file by file. Problems that none can be made for are left.
pub(super) fn mended(problems: &[Placed], names: &Names) -> Vec<Mended> {
    let mut files: Vec<Mended> = Vec::new();
    for placed in problems {
        let (Some(span), Some(edit)) = (&placed.problem.span, edit(&placed.problem)) else { continue };
        let Some(path) = placed.file() else { continue };
        let at = files.iter().position(|file| file.path == path).unwrap_or_else(|| {
            files.push(Mended {
                path,
                shown: names.path(span.path(), &placed.project),
                before: span.source.text.clone(),
                edits: Vec::new(),
            });
            files.len() - 1
        });
        files[at].add(edit);
    }
    files.retain(|file| !file.edits.is_empty());
    files
}

/// A place may hold the word in quotes, or with more around it: only a word that stands there once is replaced.
fn edit(problem: &Problem) -> Option<Edit> {
    let (span, fix): (&Span, _) = (problem.span.as_ref()?, problem.fix.as_ref()?);
    let mut places = span.text().match_indices(&fix.from);
    let (at, _) = places.next()?;
    if places.next().is_some() || fix.from.contains('\n') {
        return None;
    }
    let start = span.start + at;
    Some(Edit { start, end: start + fix.from.len(), to: fix.to.clone() })
}

impl Mended {
    /// Adds a change, unless two rules mean the same word, or the file would have more errors with it: the word that is
    /// meant may be there already.
    fn add(&mut self, edit: Edit) {
        if self.edits.iter().any(|other| edit.start < other.end && other.start < edit.end) {
            return;
        }
        let errors = self.errors();
        let at = self.edits.partition_point(|other| other.start < edit.start);
        self.edits.insert(at, edit);
        if self.errors() > errors {
            self.edits.remove(at);
        }
    }

    /// How many errors YAML has in the file as it would be; a template is not YAML yet.
    fn errors(&self) -> usize {
        if is_template(&self.path) {
            return 0;
        }
        let dialect = if is_workflow(&self.path) { Dialect::Digdag } else { Dialect::Embulk };
        // Of equal keys in a transfer file the last wins, which is a warning there: here it is one too many.
        let problems = yaml::parse(&Source::new(&self.path, self.after()), dialect).problems;
        problems.iter().filter(|problem| problem.is_error() || problem.code == "duplicate-key").count()
    }

    fn after(&self) -> String {
        let mut text = String::with_capacity(self.before.len());
        let mut last = 0;
        for edit in &self.edits {
            text.push_str(&self.before[last..edit.start]);
            text.push_str(&edit.to);
            last = edit.end;
        }
        text + &self.before[last..]
    }

    /// The change as a unified diff, which `patch -p0` and `git apply -p0` take.
    pub(super) fn diff(&self) -> String {
        let after = self.after();
        let (old, new): (Vec<&str>, Vec<&str>) =
            (self.before.split_inclusive('\n').collect(), after.split_inclusive('\n').collect());
        // Words are replaced within lines, so that both have as many.
        let changed: Vec<usize> = (0..old.len()).filter(|line| old[*line] != new[*line]).collect();
        let name = self.shown.display();
        let mut text = format!("--- {name}\n+++ {name}\n");
        let mut rest = changed.as_slice();
        while let [first, ..] = rest {
            let near = |pair: &[usize]| pair[1] - pair[0] <= 2 * AROUND;
            let count = rest.windows(2).take_while(|pair| near(pair)).count() + 1;
            let (hunk, later) = rest.split_at(count);
            let start = first.saturating_sub(AROUND);
            let end = (hunk[count - 1] + AROUND + 1).min(old.len());
            let lines = end - start;
            let _ = writeln!(text, "@@ -{0},{lines} +{0},{lines} @@", start + 1);
            let mut line = start;
            while line < end {
                let run = hunk.iter().filter(|at| **at >= line).take_while({
                    let mut next = line;
                    move |at| {
                        let is_next = **at == next;
                        next += 1;
                        is_next
                    }
                });
                let run = run.count();
                if run == 0 {
                    write_line(&mut text, ' ', old[line]);
                    line += 1;
                    continue;
                }
                old[line..line + run].iter().for_each(|one| write_line(&mut text, '-', one));
                new[line..line + run].iter().for_each(|one| write_line(&mut text, '+', one));
                line += run;
            }
            rest = later;
        }
        text
    }

    /// Writes the file, unless it changed since it was read.
    pub(super) fn write(&self) -> anyhow::Result<()> {
        let shown = self.shown.display();
        let now = std::fs::read_to_string(&self.path).with_context(|| format!("can't read `{shown}`"))?;
        if now != self.before {
            bail!("`{shown}` changed while it was checked; nothing was written to it");
        }
        std::fs::write(&self.path, self.after()).with_context(|| format!("can't write `{shown}`"))
    }

    /// Whether a problem is gone with the change.
    pub(super) fn mends(&self, placed: &Placed) -> bool {
        let is_here = placed.file().is_some_and(|file| file == self.path);
        is_here && edit(&placed.problem).is_some_and(|edit| self.edits.contains(&edit))
    }

    /// How many words are replaced.
    pub(super) fn count(&self) -> usize {
        self.edits.len()
    }
}

fn write_line(text: &mut String, mark: char, line: &str) {
    text.push(mark);
    text.push_str(line);
    if !line.ends_with('\n') {
        text.push_str("\n\\ No newline at end of file\n");
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::cli::check::Format;

    fn placed(project: &Path, problem: Problem) -> Placed {
        Placed { project: project.into(), problem }
    }

    fn mended(problems: &[Placed]) -> Vec<Mended> {
        super::mended(problems, &Names::of(problems, Format::Human))
    }

    fn problems(project: &Path, text: &str, words: &[(&str, &str)]) -> Vec<Placed> {
        let source = Source::new("a.dig", text);
        let problem = |(word, near): &(&str, &str)| {
            let start = text.find(word).expect("it is there");
            let span = Span::new(&source, start, start + word.len());
            placed(project, Problem::error("unknown-operator", "m", &span).did_you_mean(word, near))
        };
        words.iter().map(problem).collect()
    }

    #[test]
    fn words_are_replaced_and_shown_as_a_diff() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = "+a:\n  ehco>: é\n  _retrry: 1\n1\n2\n3\n4\n5\n6\n7\n8\n+b:\n  embluk>: x";
        std::fs::write(folder.path().join("a.dig"), text).expect("written");
        let words = [("embluk>", "embulk>"), ("ehco>", "echo>"), ("_retrry", "_retry")];
        let [file] = mended(&problems(folder.path(), text, &words)).try_into().expect("one file");
        assert_eq!(file.count(), 3);
        assert_eq!(
            file.diff(),
            "--- a.dig
+++ a.dig
@@ -1,6 +1,6 @@
 +a:
-  ehco>: é
-  _retrry: 1
+  echo>: é
+  _retry: 1
 1
 2
 3
@@ -10,4 +10,4 @@
 7
 8
 +b:
-  embluk>: x
\\ No newline at end of file
+  embulk>: x
\\ No newline at end of file
"
        );
        file.write().expect("written");
        let now = std::fs::read_to_string(folder.path().join("a.dig")).expect("read");
        assert_eq!(
            now,
            text.replace("ehco", "echo").replace("_retrry", "_retry").replace("embluk", "embulk")
        );
        let error = file.write().expect_err("it is another file now");
        assert_eq!(error.to_string(), "`a.dig` changed while it was checked; nothing was written to it");
    }

    #[test]
    fn a_word_that_is_not_clearly_there_is_left() {
        let source = Source::new("a.dig", "x x");
        let whole = Span::new(&source, 0, 3);
        let twice = Problem::warning("retry", "m", &whole).did_you_mean("x", "y");
        let absent = Problem::warning("retry", "m", &whole).did_you_mean("z", "y");
        let found = [twice, absent].map(|problem| placed(Path::new("p"), problem));
        assert!(mended(&found).is_empty());
    }

    #[test]
    fn files_of_one_name_in_two_projects_are_two() {
        let [one, two] = ["one", "two"].map(Path::new);
        let found = [
            problems(one, "+a:\n  ehco>: x\n", &[("ehco>", "echo>")]),
            problems(two, "+other:\n  ehco>: x\n", &[("ehco>", "echo>")]),
        ]
        .concat();
        let files = mended(&found);
        let afters: Vec<(&Path, String)> =
            files.iter().map(|file| (file.path.as_path(), file.after())).collect();
        assert_eq!(
            afters,
            [
                (Path::new("one/a.dig"), "+a:\n  echo>: x\n".to_owned()),
                (Path::new("two/a.dig"), "+other:\n  echo>: x\n".to_owned()),
            ]
        );
        assert!(files[0].mends(&found[0]) && !files[0].mends(&found[1]));
    }

    #[test]
    fn a_word_that_is_there_already_is_not_written_again() {
        let text = "+a:\n  _retry: 1\n  _retrry: 1\n  sh>: x\n";
        assert!(mended(&problems(Path::new("p"), text, &[("_retrry", "_retry")])).is_empty());
    }
}
