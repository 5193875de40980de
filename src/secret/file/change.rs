//! Writes `secrets.yml` in one step, between the writes of others.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::retry_on_intr;

use super::super::ciphertext::Ciphertext;
use super::{FileError, SecretsFile, Stored, edit};

/// What becomes of a name: another value, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The name.
    pub name: String,
    /// None: the entry goes.
    pub to: Option<Ciphertext>,
}

impl SecretsFile {
    /// Makes all changes and writes the file once. A new value stands in its old place or at the end; order, comments
    /// and the other entries stay as they are, also those that somebody else wrote since this file was read. When
    /// somebody else changed one of these very names, or anything fails, the old file stays.
    pub fn change(&mut self, changes: &[Change]) -> Result<(), FileError> {
        // A link stays a link: what it points to is replaced.
        let target = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let _lock = lock(folder(&target));
        let now = Self::read(&self.path)?;
        if changes.iter().any(|change| now.get(&change.name) != self.get(&change.name)) {
            return Err(FileError::Changed { path: self.path.clone() });
        }
        let edited = now.edited(changes).ok_or_else(|| FileError::Form {
            path: self.path.clone(),
            line: None,
            reason: "its layout is too unusual to be edited; write names at the beginning of lines".into(),
        })?;
        now.replace(&target, edited.text.as_deref().unwrap_or_default())?;
        *self = edited;
        Ok(())
    }

    /// The file with the changes in it; none when something else would change with them.
    fn edited(&self, changes: &[Change]) -> Option<Self> {
        let mut text = self.text.clone();
        for Change { name, to } in changes {
            text = match to {
                Some(value) => Some(edit::set(text.as_deref(), &self.path, name, value)),
                None => Some(edit::remove(text.as_deref()?, &self.path, name)?),
            };
        }
        let edited = Self::parse(&self.path, text.unwrap_or_default().into_bytes()).ok()?;
        let is_changed = |name: &str| changes.iter().any(|change| change.name == name);
        let others = |file: &Self| -> Vec<_> {
            file.entries.iter().filter(|(name, _)| !is_changed(name)).cloned().collect()
        };
        let done = changes.iter().all(|change| match (edited.get(&change.name), &change.to) {
            (Some(Stored::Sealed(there)), Some(wanted)) => there == wanted,
            (None, None) => true,
            _ => false,
        });
        (done && others(&edited) == others(self)).then_some(edited)
    }

    fn replace(&self, target: &Path, text: &str) -> Result<(), FileError> {
        let failed = |source| FileError::Disk { path: self.path.clone(), verb: "written", source };
        let file_name = target.file_name().unwrap_or_default().to_string_lossy();
        let temporary = folder(target).join(format!(".{file_name}.{}.tmp", std::process::id()));
        let written = fill(&temporary, target, text);
        // An editor takes no lock.
        let unchanged = Self::read(&self.path).is_ok_and(|now| now.text == self.text);
        let result = match written {
            Err(error) => Err(failed(error)),
            Ok(()) if !unchanged => Err(FileError::Changed { path: self.path.clone() }),
            Ok(()) => fs::rename(&temporary, target).map_err(failed),
        };
        if result.is_err() {
            // What is left of it is ciphertext; an error here adds nothing to the one that is reported.
            let _ = fs::remove_file(&temporary);
        }
        result
    }
}

fn folder(target: &Path) -> &Path {
    target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Waits for others that write in the folder. Held until it is dropped: its own folder, so that no file of a lock is
/// left in the project. A file system without locks goes without; the comparison before the write is left then.
fn lock(folder: &Path) -> Option<File> {
    let held = File::open(folder).ok()?;
    retry_on_intr(|| flock(&held, FlockOperation::LockExclusive)).ok()?;
    Some(held)
}

fn fill(temporary: &PathBuf, target: &Path, text: &str) -> std::io::Result<()> {
    let mut file = File::create(temporary)?;
    if let Ok(metadata) = fs::metadata(target) {
        file.set_permissions(metadata.permissions())?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, SecretsFile) {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("secrets.yml");
        fs::write(&path, text).expect("written");
        let file = SecretsFile::read(&path).expect("it is ours");
        (folder, file)
    }

    fn to(name: &str, byte: Option<u8>) -> Change {
        Change { name: name.into(), to: byte.map(|byte| Ciphertext::Kms(vec![byte])) }
    }

    fn text(file: &SecretsFile) -> String {
        fs::read_to_string(file.path()).expect("there")
    }

    const THREE: &str = "# head\na: {kms: AA==}\n\n# about b\nb:\n  kms: AA==\nc: {kms: AA==} # why\n";

    #[test]
    fn several_changes_are_one_write_and_the_rest_stays() {
        let (folder, mut file) = file(THREE);
        file.change(&[to("b", None), to("a", Some(1)), to("d", Some(2))]).expect("written");
        assert_eq!(
            text(&file),
            "# head\na:\n  kms: AQ==\n\n# about b\nc: {kms: AA==} # why\nd:\n  kms: Ag==\n"
        );
        assert_eq!(SecretsFile::read(file.path()).expect("ours"), file);
        assert_eq!(fs::read_dir(folder.path()).expect("there").count(), 1);
    }

    #[test]
    fn changes_of_others_stay_and_are_not_overwritten() {
        let (_folder, mut first) = file(THREE);
        let mut second = first.clone();
        let mut third = first.clone();
        first.change(&[to("a", Some(1))]).expect("written");
        second.change(&[to("c", None), to("d", Some(2))]).expect("written");
        let both = "# head\na:\n  kms: AQ==\n\n# about b\nb:\n  kms: AA==\nd:\n  kms: Ag==\n";
        assert_eq!(text(&first), both);
        for name in ["a", "c", "d"] {
            let error = third.change(&[to("b", Some(9)), to(name, Some(9))]).expect_err("it was changed");
            assert!(matches!(error, FileError::Changed { .. }), "{name}: {error}");
        }
        assert_eq!(text(&first), both);
    }

    #[test]
    fn many_at_once_lose_nothing() {
        let (_folder, file) = file("");
        std::thread::scope(|scope| {
            for name in 0..16_u8 {
                let mut file = file.clone();
                scope.spawn(move || file.change(&[to(&format!("n{name}"), Some(name))]).expect("written"));
            }
        });
        assert_eq!(SecretsFile::read(file.path()).expect("ours").entries().len(), 16);
    }

    #[test]
    fn an_unusual_layout_is_refused_and_stays() {
        for layout in ["{a: {kms: AA==}, b: {kms: AA==}}\n", "a: &k {kms: AA==}\nb: *k\n"] {
            let (folder, mut file) = file(layout);
            for change in [to("a", None), to("a", Some(1))] {
                if let Err(error) = file.clone().change(std::slice::from_ref(&change)) {
                    assert!(error.to_string().contains("too unusual"), "{error}");
                    assert_eq!(text(&file), layout);
                } else {
                    // What was done is what was asked for.
                    file = SecretsFile::read(file.path()).expect("ours");
                    assert_eq!(file.get("a"), change.to.map(Stored::Sealed).as_ref(), "{layout}");
                    assert!(file.get("b").is_some(), "{layout}");
                    fs::write(file.path(), layout).expect("written");
                    file = SecretsFile::read(file.path()).expect("ours");
                }
            }
            assert_eq!(fs::read_dir(folder.path()).expect("there").count(), 1);
        }
    }
}
