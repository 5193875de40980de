//! What the log of a task is called on disk and in S3.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};

use crate::session::{AttemptId, SessionId, TaskName};

/// File systems take names of 255 bytes; what is added for a log that waits for its upload must fit as well.
const LONGEST_FILE: usize = 200;

/// S3 takes keys of 1024 bytes; a task's name is a part of one.
const LONGEST_IN_KEY: usize = 500;

/// Digdag's site and project numbers: a local project has none, so these are fixed.
const SITE_AND_PROJECT: &str = "0.1";

/// The folder of all logs in the folder of the state.
pub(super) const FOLDER: &str = "logs";

/// A form of the report of an attempt, on disk and in S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportForm {
    /// For programs.
    Json,
    /// For people: a page.
    Html,
}

impl ReportForm {
    pub(super) const ALL: [Self; 2] = [Self::Json, Self::Html];

    /// What it is called. No log is called so: their names begin with `+` or `^`.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Json => "report.json",
            Self::Html => "report.html",
        }
    }

    /// Where that of an attempt lies.
    pub fn file(self, state_folder: &Path, session: SessionId, attempt: AttemptId) -> PathBuf {
        attempt_directory(state_folder, session, attempt).join(self.file_name())
    }
}

/// `<state folder>/logs/<session>/<attempt>`.
pub fn attempt_directory(state_folder: &Path, session: SessionId, attempt: AttemptId) -> PathBuf {
    state_folder.join(FOLDER).join(session.to_string()).join(attempt.to_string())
}

/// The file of a task in the directory of its attempt. Different tasks have different files on every file system
/// that minds case.
pub fn file_name(task: &TaskName) -> String {
    format!("{}.log", shortened(&escaped(task.as_str()), task.as_str(), LONGEST_FILE))
}

/// Percent-encodes what a file name cannot hold or a shell would mind. The signs of task names stay.
fn escaped(name: &str) -> String {
    name.chars().fold(String::new(), |mut text, c| {
        if c.is_alphanumeric() || "+^=_-.".contains(c) {
            text.push(c);
        } else {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                // Writing to a text cannot fail.
                let _ = write!(text, "%{byte:02X}");
            }
        }
        text
    })
}

/// A long name keeps its beginning and gets a hash of the whole.
fn shortened(text: &str, whole: &str, longest: usize) -> String {
    if text.len() <= longest {
        return text.to_owned();
    }
    let hash = Sha256::digest(whole.as_bytes());
    let hash: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let mut cut = longest - hash.len() - 1;
    while !text.is_char_boundary(cut) {
        cut -= 1;
    }
    format!("{}~{hash}", &text[..cut])
}

/// Who an attempt is in the names of its objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptIdentity {
    /// The workflow's name.
    pub workflow: String,
    /// The session time as `yyyyMMdd'T'HHmmssxx` in the workflow's zone.
    pub session_time: String,
    /// The attempt's name: none for the first one of a session. Digdag gives retries a name of the user's choice.
    pub name: Option<String>,
    /// When the attempt began.
    pub started_at: Timestamp,
    /// Which process writes, e.g. `4711@host`.
    pub agent: String,
}

impl AttemptIdentity {
    /// The key of a task's log, as Digdag lays them out:
    /// `<path>/<UTC day>/<site>.<project><workflow>@<session time>[_<name>]/<task>@<seconds><nanoseconds>.<agent>.log.gz`
    /// with seconds and nanoseconds of the first line in hexadecimal, 8 digits each.
    pub fn key(&self, path: &str, task: &TaskName, first_line: Timestamp) -> String {
        let nanoseconds = first_line.as_nanosecond();
        let seconds = nanoseconds.div_euclid(1_000_000_000);
        let rest = nanoseconds.rem_euclid(1_000_000_000);
        let task = task.as_str().replace('/', "%2F");
        let task = shortened(&task, &task, LONGEST_IN_KEY);
        let agent = &self.agent;
        format!("{}/{task}@{seconds:08x}{rest:08x}.{agent}.log.gz", self.directory(path))
    }

    /// The key of a form of the attempt's report, beside the logs of its tasks.
    pub fn report_key(&self, path: &str, form: ReportForm) -> String {
        format!("{}/{}", self.directory(path), form.file_name())
    }

    fn directory(&self, path: &str) -> String {
        let path = path.trim_matches('/');
        let slash = if path.is_empty() { "" } else { "/" };
        let day = self.started_at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d");
        let name = self.name.as_ref().map(|name| format!("_{name}")).unwrap_or_default();
        format!("{path}{slash}{day}/{SITE_AND_PROJECT}{}@{}{name}", self.workflow, self.session_time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(name: &str) -> TaskName {
        TaskName::from_full(name)
    }

    #[test]
    fn files_are_named_after_tasks() {
        assert_eq!(file_name(&task("+wf+sync_1^sub+for-0=t=1")), "+wf+sync_1^sub+for-0=t=1.log");
        assert_eq!(file_name(&task("+wf+a/../b c%:日")), "+wf+a%2F..%2Fb%20c%25%3A日.log");
    }

    #[test]
    fn long_names_stay_apart() {
        let (one, two) = (format!("+{}1", "日".repeat(90)), format!("+{}2", "日".repeat(90)));
        let (one, two) = (file_name(&task(&one)), file_name(&task(&two)));
        assert_ne!(one, two);
        assert!(one.len() <= LONGEST_FILE + 4, "{one}");
        assert!(one.starts_with("+日日"));
    }

    #[test]
    fn keys_are_laid_out_as_digdag_does() {
        let identity = AttemptIdentity {
            workflow: "nightly".into(),
            session_time: "20260102T000000+0900".into(),
            name: None,
            started_at: "2026-01-01T23:30:00Z".parse().expect("a time"),
            agent: "42@host".into(),
        };
        let first_line = "2026-01-01T23:30:01.5Z".parse().expect("a time");
        assert_eq!(
            identity.key("logs/digdag/", &task("+nightly+a"), first_line),
            "logs/digdag/2026-01-01/0.1nightly@20260102T000000+0900/+nightly+a@695703791dcd6500.42@host.log.gz"
        );
        assert_eq!(
            identity.report_key("logs/digdag/", ReportForm::Html),
            "logs/digdag/2026-01-01/0.1nightly@20260102T000000+0900/report.html"
        );
        let retry = AttemptIdentity { name: Some("7".into()), ..identity };
        assert_eq!(
            retry.key("", &task("+nightly+a"), first_line),
            "2026-01-01/0.1nightly@20260102T000000+0900_7/+nightly+a@695703791dcd6500.42@host.log.gz"
        );
    }
}
