//! From a template and an environment to the text of a config, with secrets under cover.
//!
//! A secret never passes through text: Liquid renders `⟦NAME⟧` for it, the YAML is parsed with that in it, and the
//! value is put into the typed config. A password with a `:` cannot break the YAML, a key of several lines needs no
//! indentation, and no message about the text can quote either.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, LazyLock};

use regex::Regex;
use sha2::{Digest, Sha256};

use super::liquid::{
    Excess, Guess, MAX_BYTES, MAX_PARTS, Note, Origins, Partials, Rendering, Setting, Template, Value,
};
use super::text::Text;
use crate::diagnostic::{Problem, Source, Span};
use crate::reader::Reader;
use crate::secret::{Secret, SecretError, SecretStore};

/// The code of the warning about a variable that a template asks for and nobody has set.
pub const UNSET_VARIABLE: &str = "unset-variable";

/// What a text of the YAML is once its covers are off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Covered {
    /// The text.
    Known(Text),
    /// Something in it comes from an environment that is not known.
    Unknown,
}

/// Takes covers off texts.
pub(super) trait Covers {
    /// Errors: a secret that cannot be had.
    fn uncover(&self, text: &str) -> Result<Covered, SecretError>;
}

/// How a transfer file is treated, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `.yml.liquid`
    Liquid,
    /// `.yml`
    Plain,
}

impl Kind {
    /// None for names that Embulk refuses.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let is = |suffixes: [&str; 2]| suffixes.iter().any(|suffix| name.ends_with(suffix));
        if is([".yml.liquid", ".yaml.liquid"]) {
            Some(Self::Liquid)
        } else if is([".yml", ".yaml"]) {
            Some(Self::Plain)
        } else {
            None
        }
    }
}

/// The text of a config with what is needed to understand it.
pub(super) struct RenderedText {
    /// The text, under the name of the file it came from.
    pub(super) source: Arc<Source>,
    /// Which byte came from where; none for a file that is no template.
    origins: Option<Origins>,
    hidden: BTreeMap<String, String>,
    unknown: Vec<String>,
    /// What happened while rendering.
    pub(super) problems: Vec<Problem>,
}

/// `${secret:NAME}` in a rendered text.
static SECRET: LazyLock<Regex> =
    // A constant pattern: compiles always, or the tests fail.
    LazyLock::new(|| Regex::new(r"\$\{secret:([^{}\s]+)\}").expect("constant pattern"));

/// What `${secret:NAME}` becomes: as long in bytes, so that places in the text stay true, and without the signs that
/// YAML reads as a mapping.
static COVERED_SECRET: LazyLock<Regex> =
    // A constant pattern: compiles always, or the tests fail.
    LazyLock::new(|| Regex::new(r"⟦key:([^⟦⟧\s]+)⟧").expect("constant pattern"));

impl RenderedText {
    /// A file that is no template.
    pub(super) fn plain(source: &Arc<Source>) -> Self {
        Self::new(&source.path, source.text.clone(), None)
    }

    fn new(path: &Path, text: String, origins: Option<Origins>) -> Self {
        let text = match SECRET.replace_all(&text, "⟦key:${1}⟧") {
            std::borrow::Cow::Borrowed(_) => text,
            std::borrow::Cow::Owned(covered) => covered,
        };
        Self {
            source: Source::new(path, text),
            origins,
            hidden: BTreeMap::new(),
            unknown: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Renders a template.
    pub(super) fn render(template: &Template, path: &Path, setting: &Setting<'_>) -> Self {
        let Rendering { text, origins, hidden, unknown, notes } = template.render(setting);
        let mut rendered = Self::new(path, text, Some(origins));
        rendered.hidden = hidden;
        rendered.unknown = unknown;
        rendered.problems = notes.iter().filter_map(|(note, span)| note_problem(note, span)).collect();
        rendered
    }

    /// SHA-256 of the text, covers included, in hex.
    pub(super) fn hash(&self) -> String {
        Sha256::digest(self.source.text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether anything in it is not known.
    pub(super) fn has_unknown(&self) -> bool {
        !self.unknown.is_empty()
    }

    /// The same text where a line of nothing but unknown values is blank: such a line may stand for anything.
    pub(super) fn without_unknown_lines(&self) -> Option<Arc<Source>> {
        let mut changed = false;
        let lines: Vec<String> = self
            .source
            .text
            .split('\n')
            .map(|line| {
                let mut rest = line.to_owned();
                for placeholder in &self.unknown {
                    rest = rest.replace(placeholder.as_str(), "");
                }
                if rest.len() == line.len() || !rest.trim_matches([' ', '-', '\r']).is_empty() {
                    return line.to_owned();
                }
                changed = true;
                " ".repeat(line.len())
            })
            .collect();
        changed.then(|| Source::new(&self.source.path, lines.join("\n")))
    }

    /// Moves a problem of the rendered text to the place in the template that a person can mend. What was computed
    /// there is shown as a hint, with covers on.
    pub(super) fn locate(&self, mut problem: Problem) -> Problem {
        let Some(origins) = &self.origins else { return problem };
        if let Some(span) = &mut problem.span {
            if problem.hint.is_none() && origins.is_computed(span.start, span.end) {
                problem.hint = self.line_of(span).map(|line| format!("rendered as `{line}`"));
            }
            *span = self.written(span);
        }
        for (span, _) in &mut problem.also {
            *span = self.written(span);
        }
        problem
    }

    /// Where the text of a place is written in the template; the place itself where that is not known.
    pub(super) fn written(&self, span: &Span) -> Span {
        let is_here = span.path() == self.source.path && span.source.text.len() == self.source.text.len();
        let origins = self.origins.as_ref().filter(|_| is_here);
        origins.and_then(|origins| origins.place(span.start, span.end)).unwrap_or_else(|| span.clone())
    }

    fn line_of(&self, span: &Span) -> Option<String> {
        let line = self.source.text.lines().nth(span.line() - 1)?.trim();
        let short: String = line.chars().take(100).collect();
        (!line.is_empty()).then(|| if short.len() < line.len() { format!("{short}…") } else { short })
    }
}

/// What is said of something that happened while rendering.
fn note_problem(note: &Note, span: &Span) -> Option<Problem> {
    Some(match note {
        Note::Failed(text) => {
            Problem::warning("liquid-error", format!("`{text}` is rendered into the config"), span)
        }
        Note::Unset(name) => {
            Problem::warning(UNSET_VARIABLE, format!("environment variable `{name}` is not set"), span)
        }
        Note::Endless(excess) => {
            let (amount, hint) = match excess {
                Excess::Parts => (
                    format!("{MAX_PARTS} parts"),
                    "look for a partial that includes itself, or for a loop in a loop",
                ),
                Excess::Bytes => (
                    format!("{} MiB of text", MAX_BYTES >> 20),
                    "look for a text that is written or made longer again and again",
                ),
            };
            let message = format!("the template was given up here, after {amount}");
            Problem::error("endless-template", message, span).hint(hint)
        }
    })
}

/// The covers of a rendered text with the store behind `${secret:NAME}`.
pub(super) struct TextCovers<'a> {
    pub(super) text: &'a RenderedText,
    /// None while checking: secrets are not asked for.
    pub(super) secrets: Option<&'a dyn SecretStore>,
}

impl Covers for TextCovers<'_> {
    fn uncover(&self, text: &str) -> Result<Covered, SecretError> {
        if !text.contains('⟦') {
            return Ok(Covered::Known(Text::plain(text)));
        }
        if self.text.unknown.iter().any(|placeholder| text.contains(placeholder.as_str())) {
            return Ok(Covered::Unknown);
        }
        let mut uncovered = text.to_owned();
        let mut secret = false;
        for (placeholder, value) in &self.text.hidden {
            if uncovered.contains(placeholder.as_str()) {
                uncovered = uncovered.replace(placeholder.as_str(), value);
                secret = true;
            }
        }
        // Looked for in the text as it was: what a secret holds is no reference to another.
        for found in COVERED_SECRET.captures_iter(text) {
            let Some(secrets) = self.secrets else { return Ok(Covered::Unknown) };
            uncovered = uncovered.replace(&found[0], secrets.get(&found[1])?.expose());
            secret = true;
        }
        let covered = if secret { Text::Secret(Secret::new(uncovered)) } else { Text::plain(uncovered) };
        Ok(Covered::Known(covered))
    }
}

/// The variables of a template: what counts as secret is hidden, an empty value never is, so that
/// `{% if env.X != '' %}` means the same for both.
pub(super) fn variables(
    env: &BTreeMap<String, String>,
    is_secret: &dyn Fn(&str, &str) -> bool,
) -> BTreeMap<String, Value> {
    env.iter()
        .map(|(name, value)| {
            let hidden = !value.is_empty() && (is_secret(name, value) || looks_like_a_key(value));
            let value = if hidden { Value::hidden(name, value) } else { Value::text(value.as_str()) };
            (name.clone(), value)
        })
        .collect()
}

/// Private keys are secrets under any name.
fn looks_like_a_key(value: &str) -> bool {
    value.contains("PRIVATE KEY-----") || value.contains("\"private_key\"")
}

/// Partials beside a template.
pub(super) struct PartialFiles<'a> {
    pub(super) reader: &'a dyn Reader,
    /// The folder of the template.
    pub(super) folder: PathBuf,
}

impl Partials for PartialFiles<'_> {
    fn find(&self, path: &str) -> Option<Arc<Source>> {
        let path = normal(&self.folder.join(path));
        let text = self.reader.read(&path).ok()?;
        Some(Source::new(path, text))
    }
}

/// A path without `.` and, as far as it goes, without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(normal.components().next_back(), Some(Component::Normal(_))) => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

/// Renders for a check: with what is assumed of an environment that is not known.
pub(super) fn guessed(
    template: &Template,
    path: &Path,
    partials: &PartialFiles<'_>,
    now: &jiff::Zoned,
    guess: Guess,
) -> RenderedText {
    let setting = Setting { env: &BTreeMap::new(), partials, now, guess: Some(guess) };
    RenderedText::render(template, path, &setting)
}
