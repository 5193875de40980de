//! Whether the project's secrets file is one that is read here: its forms, its mappings, its rights. No service is
//! asked, and nothing that stands in it is shown.

use std::path::Path;
use std::sync::Arc;

use crate::cli::properties::Properties;
use crate::cli::safe;
use crate::diagnostic::{Problem, Source, Span};
use crate::secret::file::{FileError, SecretsFile};

/// What is wrong with it. A project without one has no problem.
pub(super) fn check(project: &Path, properties: &Properties) -> Option<Problem> {
    let (path, place) = safe::secrets_file(project, properties);
    let error = SecretsFile::read(&path).err()?;
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    let message = format!("{error}{cause}").replace(&format!("`{}`", path.display()), &place);
    let mut problem = Problem::placeless("secrets-file", message);
    if let FileError::Form { line: Some(line), reason, .. } = &error
        && let Ok(text) = std::fs::read_to_string(&path)
    {
        let shown = path.strip_prefix(project).unwrap_or(&path);
        problem.span = Some(at(&covered(shown, &text, reason), *line));
    }
    Some(problem)
}

/// The file with the same lines and nothing in them: only comments, which `# sync: allow` may stand in, and the name that
/// the message has, too.
fn covered(path: &Path, text: &str, reason: &str) -> Arc<Source> {
    let line = |line: &str| {
        let name = line.split(':').next().unwrap_or_default();
        let is_named = !name.is_empty() && reason.contains(&format!("`{name}`"));
        let shown = match line {
            line if line.trim_start().starts_with('#') => line.len(),
            _ if is_named => name.len() + 1,
            _ => 0,
        };
        let stars = "*".repeat(line.len().saturating_sub(shown));
        format!("{}{stars}\n", line.get(..shown).unwrap_or_default())
    };
    Source::new(path, text.lines().map(line).collect::<String>())
}

/// A whole line, from 1.
fn at(source: &Arc<Source>, line: usize) -> Span {
    let start: usize = source.text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let length = source.text[start..].find('\n').unwrap_or(0);
    Span::new(source, start, start + length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::properties::Sources;

    #[test]
    fn the_line_is_shown_without_what_stands_in_it() {
        let project = tempfile::tempdir().expect("a folder");
        let properties = Properties::load(&Sources::default()).expect("none");
        std::fs::write(project.path().join("secrets.yml"), "# ours\na: {kms: AAEC}\nb: hünter2\n")
            .expect("written");
        let problem = check(project.path(), &properties).expect("a problem");
        assert_eq!(
            crate::report::problems::render(&[problem], false),
            "error: secrets file `secrets.yml`, line 3: `b` is not encrypted; `sync secrets set` writes it as `kms: …`
 --> secrets.yml:3:1
  |
3 | b:*********
  | ^^^^^^^^^^^
"
        );
        std::fs::write(project.path().join("secrets.yml"), "hunter2: [\n").expect("written");
        let problem = check(project.path(), &properties).expect("a problem");
        assert!(!format!("{:?}", problem.span.expect("a place").source).contains("hunter2"));
    }

    #[test]
    fn a_secrets_file_is_checked_and_not_quoted() {
        let project = tempfile::tempdir().expect("a folder");
        let properties = Properties::load(&Sources::default()).expect("none");
        let said = |text: &str| {
            std::fs::write(project.path().join("secrets.yml"), text).expect("written");
            check(project.path(), &properties).map(|problem| problem.message)
        };
        assert_eq!(check(project.path(), &properties).map(|problem| problem.message), None);
        assert_eq!(said("a: {ssm: /prod/token, field: id}\nb: {kms: AAEC}\n"), None);
        assert_eq!(
            said("a: {kms: AAEC}\nb: {ssm: /prod/token, stage: hunter2!}\n").as_deref(),
            Some("secrets file `secrets.yml`, line 2: `b` has a field `stage` that is not known here")
        );
        assert_eq!(
            said("a: hunter2!\n").as_deref(),
            Some(
                "secrets file `secrets.yml`, line 1: `a` is not encrypted; `sync secrets set` writes it as `kms: …`"
            )
        );
    }
}
