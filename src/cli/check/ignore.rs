//! `.digdagignore`: which files of a project are not its own. The patterns are those of `.gitignore`.

use std::io;
use std::path::Path;

use regex::Regex;

/// The name of the file, in the project's folder.
const FILE: &str = ".digdagignore";

/// The patterns of a project.
#[derive(Debug, Default)]
pub(super) struct Ignored(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    pattern: Regex,
    /// `!`: what an earlier line names is kept after all.
    keeps: bool,
    /// A `/` at the end.
    folders_only: bool,
}

impl Ignored {
    /// Reads the project's patterns; none without the file.
    pub(super) fn read(project: &Path) -> io::Result<Self> {
        match std::fs::read_to_string(project.join(FILE)) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    fn parse(text: &str) -> Self {
        Self(text.lines().filter_map(Rule::parse).collect())
    }

    /// Whether the last line that names a path, relative to the project, leaves it out.
    pub(super) fn names(&self, path: &Path, is_folder: bool) -> bool {
        let path = path.to_string_lossy();
        let named =
            self.0.iter().rfind(|rule| (is_folder || !rule.folders_only) && rule.pattern.is_match(&path));
        named.is_some_and(|rule| !rule.keeps)
    }
}

impl Rule {
    /// A line's rule; none for comments, empty lines and patterns that can't be read.
    fn parse(line: &str) -> Option<Self> {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (keeps, line) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
        let (folders_only, line) = line.strip_suffix('/').map_or((false, line), |rest| (true, rest));
        // A pattern with a slash starts from the project's folder, any other from every folder in it.
        let start = if line.contains('/') { "" } else { "(?:.*/)?" };
        let pattern = translated(line.strip_prefix('/').unwrap_or(line));
        let pattern = Regex::new(&format!("^{start}{pattern}$")).ok()?;
        Some(Self { pattern, keeps, folders_only })
    }
}

/// A pattern as a regular expression.
fn translated(pattern: &str) -> String {
    let mut regex = String::new();
    let mut rest = pattern;
    while let Some(letter) = rest.chars().next() {
        let (part, length) = match letter {
            _ if rest.starts_with("**/") => ("(?:.*/)?".to_owned(), 3),
            _ if rest == "**" => (".*".to_owned(), 2),
            '*' => ("[^/]*".to_owned(), 1),
            '?' => ("[^/]".to_owned(), 1),
            '[' => match rest.find(']') {
                Some(end) => (rest[..=end].replacen("[!", "[^", 1), end + 1),
                None => ("\\[".to_owned(), 1),
            },
            '\\' => {
                let escaped: String = rest.chars().skip(1).take(1).collect();
                (regex::escape(&escaped), 1 + escaped.len())
            }
            other => (regex::escape(other.encode_utf8(&mut [0; 4])), other.len_utf8()),
        };
        regex.push_str(&part);
        rest = &rest[length..];
    }
    regex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_that_names_a_path_decides() {
        let ignored = Ignored::parse(
            "# drafts\n\n*.draft.dig\n/old.dig\nbuild/\nlib/*/gen.dig\n**/tmp/**\n!keep.draft.dig\n[ab]?.dig\n\\#x\n[!\n",
        );
        for path in ["x.draft.dig", "sub/x.draft.dig", "old.dig", "lib/a/gen.dig", "x/tmp/y", "a1.dig", "#x"]
        {
            assert!(ignored.names(Path::new(path), false), "{path}");
        }
        for path in
            ["x.dig", "keep.draft.dig", "sub/old.dig", "build", "lib/a/b/gen.dig", "c1.dig", "draft.dig"]
        {
            assert!(!ignored.names(Path::new(path), false), "{path}");
        }
        assert!(ignored.names(Path::new("sub/build"), true));
    }
}
