//! The report of an attempt as a file beside the logs of its tasks. Whoever watches the folder never finds a part of one.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::name::{self, ReportForm};
use super::upload::Note;
use crate::random;
use crate::session::{AttemptId, SessionId};

/// Whose report it is, and in which folder of a state.
#[derive(Debug, Clone, Copy)]
pub struct ReportPlace<'a> {
    /// The folder of the state; logs lie in `logs/` in it.
    pub state_folder: &'a Path,
    /// The session.
    pub session: SessionId,
    /// The attempt.
    pub attempt: AttemptId,
}

/// Writes a form of a report in one step. With a key it is noted that it has to be sent there: the next start with a log
/// server does.
pub fn write_report(
    place: &ReportPlace<'_>,
    form: ReportForm,
    text: &str,
    key: Option<String>,
) -> io::Result<()> {
    write(place, form, text, key).map(drop)
}

pub(super) fn write(
    place: &ReportPlace<'_>,
    form: ReportForm,
    text: &str,
    key: Option<String>,
) -> io::Result<Option<Note>> {
    let path = form.file(place.state_folder, place.session, place.attempt);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let part = Part::new(&path)?;
    let written = part.fill(text).and_then(|()| fs::rename(&part.path, &path));
    if written.is_err() {
        // It may not be there; the error that counts is the first.
        let _ = fs::remove_file(&part.path);
    }
    written?;
    key.map(|key| Note::write(&place.state_folder.join(name::FOLDER), &path, key)).transpose()
}

/// Removes what processes that were killed left of reports of a session.
pub fn remove_parts(state_folder: &Path, session: SessionId) {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let attempts = state_folder.join(name::FOLDER).join(session.to_string());
    for part in entries(&attempts).flat_map(|attempt| entries(&attempt.path())) {
        let name = part.file_name();
        let is_part = name.to_str().is_some_and(|name| {
            let ends = ReportForm::ALL.into_iter().filter_map(|form| name.strip_prefix(form.file_name()));
            ends.into_iter().any(|end| end.starts_with('.'))
        });
        if is_part {
            // One that another process writes stays, and so does one that cannot be removed.
            let _ = remove_left(&part.path());
        }
    }
}

fn remove_left(part: &Path) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(part)?;
    file.try_lock()?;
    fs::remove_file(part)
}

/// A report that is being written, for its owner alone: it has the parameters of the run. It is held locked, as process
/// numbers say nothing to other containers.
struct Part {
    path: PathBuf,
    file: File,
}

impl Part {
    fn new(report: &Path) -> io::Result<Self> {
        loop {
            // Of this process alone: two that report the same dead attempt write the same text.
            let mut path = report.as_os_str().to_owned();
            path.push(format!(".{}", random::key()?));
            let path = PathBuf::from(path);
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            match file.try_lock() {
                // Somebody took it for one that was left, before it was locked.
                Ok(()) if file.metadata()?.nlink() == 0 => {}
                Err(TryLockError::WouldBlock) => {}
                // Where locks do not work nobody removes it.
                Ok(()) | Err(TryLockError::Error(_)) => return Ok(Self { path, file }),
            }
        }
    }

    fn fill(&self, text: &str) -> io::Result<()> {
        (&self.file).write_all(text.as_bytes())?;
        self.file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_living_process_writes_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let (session, attempt) = (SessionId(1), AttemptId(2));
        let report = ReportForm::Json.file(folder.path(), session, attempt);
        fs::create_dir_all(report.parent().expect("a folder")).expect("made");
        let living = Part::new(&report).expect("a part");
        // That of a dead one, whose number somebody else may have.
        let dead = report.with_extension(format!("json.{}", std::process::id()));
        File::create(&dead).expect("a file");
        File::create(&report).expect("a file");
        remove_parts(folder.path(), session);
        assert_eq!([&living.path, &dead, &report].map(|path| path.exists()), [true, false, true]);
    }
}
