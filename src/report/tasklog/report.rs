//! The report of an attempt as a file beside the logs of its tasks. Whoever watches the folder never finds a part of one.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::name::{self, ReportForm};
use super::upload::Note;
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
    // Of this process alone: two that report the same dead attempt write the same text.
    let part = path.with_file_name(format!("{}.{}", form.file_name(), std::process::id()));
    let written = fill(&part, text).and_then(|()| fs::rename(&part, &path));
    if written.is_err() {
        // It may not be there; the error that counts is the first.
        let _ = fs::remove_file(&part);
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
        let owner = name.to_str().and_then(|name| {
            let mut forms = ReportForm::ALL.into_iter();
            let number = forms.find_map(|form| name.strip_prefix(form.file_name())?.strip_prefix('.'))?;
            number.parse::<u32>().ok()
        });
        if owner.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            let _ = fs::remove_file(part.path());
        }
    }
}

/// For its owner alone: a report has the parameters of the run.
fn fill(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
