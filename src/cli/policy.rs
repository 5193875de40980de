//! Finds the policy of a project, reads it, and gives it the keys that its rules need.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::properties::Properties;
use super::variable;
use crate::diagnostic::{Problem, Source};
use crate::policy::{self, DEFAULT_NAME, Policy};
use crate::reader::{DirectoryReader, Reader as _};
use crate::secret::SecretStore;
use crate::transfer::error::TransferError;
use crate::transfer::policy::Enforced;

/// Where a run tells its tasks which policy is in force; its own properties may have named it.
pub const VARIABLE: &str = "SYNC_POLICY";

/// The setting that names another file.
const SETTING: &str = "sync.policy.file";

/// The file of a project's policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// Where it lies.
    pub path: PathBuf,
    /// How messages call it.
    pub shown: PathBuf,
}

/// A policy that was read.
#[derive(Debug)]
pub struct Loaded {
    /// Its file.
    pub file: PolicyFile,
    /// The rules.
    pub policy: Policy,
    /// The text they stand in.
    pub text: String,
    /// Warnings about them.
    pub warnings: Vec<Problem>,
}

impl Loaded {
    /// In force, with its keys.
    pub fn enforced(self, secrets: &dyn SecretStore) -> Result<Arc<Enforced>, TransferError> {
        Enforced::new(self.policy, &self.text, secrets).map(Arc::new)
    }

    /// For questions about columns only.
    pub fn without_keys(self) -> Arc<Enforced> {
        Arc::new(Enforced::without_keys(self.policy))
    }
}

/// The policy that holds for a project: the one that the properties name, else the one of the run around this process,
/// else the nearest `policy.yml` in the project or above it. A file that is named counts whether it is there or not.
pub fn find(project: &Path, properties: &Properties) -> Option<PolicyFile> {
    let named = properties.get(SETTING).map(str::to_owned);
    let named = named.or_else(|| variable(VARIABLE).filter(|path| !path.is_empty()));
    let path = match named {
        Some(name) => project.join(name),
        // A link that leads nowhere is there, and is said to be unreadable.
        None => project
            .ancestors()
            .map(|folder| folder.join(DEFAULT_NAME))
            .find(|path| std::fs::symlink_metadata(path).is_ok())?,
    };
    let shown = path.strip_prefix(project).unwrap_or(&path).to_owned();
    Some(PolicyFile { path, shown })
}

/// Reads the policy of a project, if it has one. Errors: everything that is wrong with it.
pub fn load(project: &Path, properties: &Properties) -> Result<Option<Loaded>, Vec<Problem>> {
    let Some(file) = find(project, properties) else { return Ok(None) };
    let text = read(&file).map_err(|problem| vec![*problem])?;
    let (policy, warnings) = policy::parse(&Source::new(&file.shown, text.as_str()))?;
    Ok(Some(Loaded { file, policy, text, warnings }))
}

fn read(file: &PolicyFile) -> Result<String, Box<Problem>> {
    let shown = file.shown.display();
    let unreadable = |reason: String| {
        let message = format!("policy `{shown}` cannot be read: {reason}");
        Box::new(
            Problem::placeless("unreadable-file", message)
                .hint("nothing is copied until it can be; a policy that is not wanted must be removed"),
        )
    };
    let metadata = std::fs::metadata(&file.path).map_err(|error| unreadable(error.to_string()))?;
    if !metadata.is_file() {
        return Err(unreadable("it is no file".to_owned()));
    }
    if is_open_to_all(&metadata) {
        let message = format!("policy `{shown}` can be changed by everyone on this machine");
        let hint = format!("`chmod o-w {shown}` takes that right away");
        return Err(Box::new(Problem::placeless("open-file", message).hint(hint)));
    }
    let folder = file.path.parent().unwrap_or(Path::new("/"));
    let name = file.path.file_name().unwrap_or_default();
    DirectoryReader::new(folder).read(Path::new(name)).map_err(|error| match error.kind() {
        ErrorKind::InvalidData => unreadable("it is not UTF-8 text".to_owned()),
        _ => unreadable(error.to_string()),
    })
}

/// Whether everybody may write a file.
fn is_open_to_all(metadata: &std::fs::Metadata) -> bool {
    metadata.permissions().mode() & 0o002 != 0
}

/// Why a policy cannot be kept, for a command that ends with it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub TransferError);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::properties::Sources;

    fn properties(text: &str) -> Properties {
        let sources = Sources { text: Some(text.to_owned()), ..Sources::default() };
        Properties::load(&sources).unwrap()
    }

    fn refusal(project: &Path, text: &str) -> String {
        let problems = load(project, &properties(text)).unwrap_err();
        let hint = problems[0].hint.as_deref().unwrap_or_default();
        format!("{}: {} ({hint})", problems[0].code, problems[0].message)
    }

    #[test]
    fn the_nearest_policy_at_or_above_the_project_holds() {
        let root = tempfile::tempdir().unwrap();
        let project = root.path().join("a/b");
        std::fs::create_dir_all(&project).unwrap();
        let none = properties("");
        assert_eq!(find(&project, &none), None);
        assert!(load(&project, &none).unwrap().is_none());
        std::fs::write(root.path().join(DEFAULT_NAME), "").unwrap();
        assert_eq!(find(&project, &none).unwrap().path, root.path().join(DEFAULT_NAME));
        std::fs::write(project.join(DEFAULT_NAME), "").unwrap();
        let own = find(&project, &none).unwrap();
        assert_eq!((own.path, own.shown), (project.join(DEFAULT_NAME), DEFAULT_NAME.into()));
        let other = find(&project, &properties("sync.policy.file = ../other.yml")).unwrap();
        assert_eq!(other.path, project.join("../other.yml"));
    }

    #[test]
    fn a_policy_that_cannot_be_trusted_or_read_is_refused() {
        let project = tempfile::tempdir().unwrap();
        let hint = "nothing is copied until it can be; a policy that is not wanted must be removed";
        assert_eq!(
            refusal(project.path(), "sync.policy.file = nope.yml"),
            format!(
                "unreadable-file: policy `nope.yml` cannot be read: No such file or directory (os error 2) ({hint})"
            )
        );
        let path = project.path().join(DEFAULT_NAME);
        std::os::unix::fs::symlink("nowhere", &path).unwrap();
        assert_eq!(
            refusal(project.path(), ""),
            format!(
                "unreadable-file: policy `policy.yml` cannot be read: No such file or directory (os error 2) ({hint})"
            )
        );
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert_eq!(
            refusal(project.path(), ""),
            format!("unreadable-file: policy `policy.yml` cannot be read: it is no file ({hint})")
        );
        std::fs::remove_dir(&path).unwrap();
        std::fs::write(&path, b"a: \xff").unwrap();
        assert_eq!(
            refusal(project.path(), ""),
            format!("unreadable-file: policy `policy.yml` cannot be read: it is not UTF-8 text ({hint})")
        );
        std::fs::write(&path, "new_columns: keep\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o646)).unwrap();
        assert_eq!(
            refusal(project.path(), ""),
            "open-file: policy `policy.yml` can be changed by everyone on this machine (`chmod o-w policy.yml` takes that \
             right away)"
        );
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o664)).unwrap();
        assert!(load(project.path(), &properties("")).unwrap().is_some());
    }
}
