//! Files beside a target: those of the same pattern that this run does not write, and those of runs that died.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::transfer::error::{ErrorKind, TransferError};

/// How the hidden files of a target begin.
pub(super) fn hidden(path: &Path) -> String {
    format!(".{}.sync-", name(path))
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Files of the target's pattern, the target itself left out, sorted. `middle` is the sequence in the target's name;
/// others of the pattern have other digits there.
pub(super) fn find(path: &Path, middle: &str, extension: &str) -> io::Result<Vec<PathBuf>> {
    let own = name(path);
    let Some(start) = own.len().checked_sub(middle.len() + extension.len()) else { return Ok(Vec::new()) };
    let Some(prefix) = own.get(..start) else { return Ok(Vec::new()) };
    let mut found: Vec<PathBuf> = entries(path)?
        .into_iter()
        .filter(|(other, _)| {
            let inner = other.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(extension));
            *other != own && inner.is_some_and(|inner| shape(inner) == shape(middle))
        })
        .map(|(_, path)| path)
        .collect();
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

/// The error that names stale files.
pub(super) fn refusal(stale: &[PathBuf]) -> TransferError {
    let shown: Vec<String> =
        stale.iter().take(5).map(|path| format!("`{}`", super::file::shown(path))).collect();
    let more = stale.len() - shown.len();
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    TransferError::new(
        ErrorKind::Storage,
        format!(
            "files of the same pattern are there that this run does not write: {}{rest}",
            shown.join(", ")
        ),
    )
    .hint("remove them, or set `stale_objects: delete` or `stale_objects: keep`")
}

/// Removes the hidden files that dead runs left for this target. What cannot be removed is tried by the next run.
pub(super) fn remove_abandoned(path: &Path, own: &Path) {
    let start = hidden(path);
    let abandoned = entries(path).unwrap_or_default().into_iter();
    for (_, path) in
        abandoned.filter(|(name, path)| name.starts_with(&start) && name.ends_with(".tmp") && path != own)
    {
        let _ = fs::remove_file(path);
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
            ".orders.000.00.csv.gz.sync-mine.tmp",
        ] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let found = find(&target, ".000.00", ".csv.gz").unwrap();
        assert_eq!(
            found,
            [folder.path().join("orders.001.00.csv.gz"), folder.path().join("orders.12.7.csv.gz")]
        );
        let own = folder.path().join(".orders.000.00.csv.gz.sync-mine.tmp");
        remove_abandoned(&target, &own);
        assert!(own.exists());
        assert!(!folder.path().join(".orders.000.00.csv.gz.sync-dead.tmp").exists());
        assert!(find(Path::new("/nowhere/at/all000.00.csv"), "000.00.", "csv").unwrap().is_empty());
    }
}
