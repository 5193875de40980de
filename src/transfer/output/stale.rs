//! What lies beside a target: files or objects of the same pattern that this run does not write, and hidden files of
//! runs that died.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::embulk::output::FileOutput;
use crate::transfer::error::{ErrorKind, TransferError};

/// The names that an output could give: those that differ from its first one in the digits of the sequence alone.
pub(super) struct Pattern {
    prefix: String,
    middle: String,
    extension: String,
}

impl Pattern {
    /// The keys of an output to a bucket, which begin so.
    pub(super) fn of_keys(prefix: &str, options: &FileOutput) -> Self {
        Self {
            prefix: prefix.to_owned(),
            middle: shape(&options.sequence.text(0, 0)),
            extension: options.file_ext.clone(),
        }
    }

    /// The names of files in the folder of the output's first one. None where its sequence makes folders.
    fn of_files(first: &Path, options: &FileOutput) -> Option<Self> {
        let (own, middle) = (name(first), options.sequence.text(0, 0));
        let start = own.len().checked_sub(middle.len() + options.file_ext.len())?;
        Some(Self::of_keys(own.get(..start)?, options))
    }

    /// Whether a name is one of them.
    pub(super) fn matches(&self, name: &str) -> bool {
        let inner =
            name.strip_prefix(&self.prefix).and_then(|rest| rest.strip_suffix(self.extension.as_str()));
        inner.is_some_and(|inner| shape(inner) == self.middle)
    }
}

/// How the hidden files of a target begin.
fn hidden(name: &str) -> String {
    format!(".{name}.sync-")
}

/// The hidden file in which a file is written.
pub(super) fn temporary(path: &Path, id: &str) -> PathBuf {
    path.with_file_name(format!("{}{id}.tmp", hidden(&name(path))))
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Files of the pattern of an output whose first file is `first`, sorted.
pub(super) fn find(first: &Path, options: &FileOutput) -> io::Result<Vec<PathBuf>> {
    let Some(pattern) = Pattern::of_files(first, options) else { return Ok(Vec::new()) };
    let listed = entries(first)?.into_iter().filter(|(name, _)| pattern.matches(name));
    let mut found: Vec<PathBuf> = listed.map(|(_, path)| path).collect();
    found.sort();
    Ok(found)
}

/// A text with every run of digits as one.
fn shape(text: &str) -> String {
    let mut out = String::new();
    for char in text.chars() {
        let char = if char.is_ascii_digit() { '0' } else { char };
        if char != '0' || !out.ends_with('0') {
            out.push(char);
        }
    }
    out
}

/// The error that names what is stale: `what` are files or objects.
pub(super) fn refusal(what: &str, stale: &[String]) -> TransferError {
    let shown: Vec<String> = stale.iter().take(5).map(|name| format!("`{name}`")).collect();
    let more = stale.len() - shown.len();
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    TransferError::new(
        ErrorKind::Storage,
        format!(
            "{what} of the same pattern are there that this run does not write: {}{rest}",
            shown.join(", ")
        ),
    )
    .hint("remove them, or set `stale_objects: delete` or `stale_objects: keep`")
}

/// Whose hidden files are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Those of the first file: there is one only.
    First,
    /// Those of every name that the output could give.
    Pattern,
}

/// Removes the hidden files that dead runs left for this target. What cannot be removed is tried by the next run.
pub(super) fn remove_abandoned(first: &Path, options: &FileOutput, reach: Reach) {
    let pattern = match reach {
        Reach::First => None,
        Reach::Pattern => Pattern::of_files(first, options),
    };
    let own = name(first);
    for (hidden, path) in entries(first).unwrap_or_default() {
        let target = hidden.strip_prefix('.').and_then(|rest| rest.strip_suffix(".tmp"));
        let Some((target, _)) = target.and_then(|rest| rest.rsplit_once(".sync-")) else { continue };
        if target == own || pattern.as_ref().is_some_and(|pattern| pattern.matches(target)) {
            let _ = fs::remove_file(path);
        }
    }
}

/// Names and paths of the files in the target's folder; none when there is no folder yet.
fn entries(path: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let listing = match fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    listing
        .map(|entry| {
            let path = entry?.path();
            Ok((name(&path), path))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embulk::config::TypeMapping;
    use crate::embulk::output::{Formatter, Sequence, StaleObjects};
    use crate::embulk::text::Text;

    fn options(sequence: &str, extension: &str) -> FileOutput {
        FileOutput {
            path_prefix: Text::plain("orders"),
            sequence: Sequence::parse(sequence).unwrap(),
            file_ext: extension.to_owned(),
            formatter: Formatter::Parquet,
            encoders: Vec::new(),
            types: TypeMapping::Exact,
            stale: StaleObjects::Refuse,
            max_file_bytes: None,
        }
    }

    #[test]
    fn files_of_the_same_pattern_are_found_and_others_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("orders.000.00.csv.gz");
        for name in [
            "orders.000.00.csv.gz",
            "orders.001.00.csv.gz",
            "orders.12.7.csv.gz",
            "orders.old.csv.gz",
            "orders.000.00.csv",
            "orders_b.000.00.csv.gz",
            ".orders.000.00.csv.gz.sync-dead.tmp",
            ".orders.000.01.csv.gz.sync-dead.tmp",
            ".orders_b.000.00.csv.gz.sync-alive.tmp",
        ] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let options = options(".%03d.%02d", ".csv.gz");
        let found = find(&target, &options).unwrap();
        let names = ["orders.000.00.csv.gz", "orders.001.00.csv.gz", "orders.12.7.csv.gz"];
        assert_eq!(found, names.map(|name| folder.path().join(name)));
        assert!(find(Path::new("/nowhere/at/all.000.00.csv.gz"), &options).unwrap().is_empty());

        let hidden = || {
            let mut hidden: Vec<String> =
                entries(&target).unwrap().into_iter().map(|(name, _)| name).collect();
            hidden.retain(|name| name.starts_with('.'));
            hidden.sort();
            hidden
        };
        remove_abandoned(&target, &options, Reach::First);
        assert_eq!(
            hidden(),
            [".orders.000.01.csv.gz.sync-dead.tmp", ".orders_b.000.00.csv.gz.sync-alive.tmp"]
        );
        remove_abandoned(&target, &options, Reach::Pattern);
        assert_eq!(hidden(), [".orders_b.000.00.csv.gz.sync-alive.tmp"]);
    }
}
