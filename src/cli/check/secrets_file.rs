//! Whether the project's secrets file is one that is read here: its forms, its mappings, its rights. No service is
//! asked, and nothing that stands in it is shown.

use std::path::Path;

use crate::cli::properties::Properties;
use crate::cli::safe;
use crate::diagnostic::Problem;
use crate::secret::file::SecretsFile;

/// What is wrong with it. A project without one has no problem.
pub(super) fn check(project: &Path, properties: &Properties) -> Option<Problem> {
    let (path, place) = safe::secrets_file(project, properties);
    let error = SecretsFile::read(&path).err()?;
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    let message = format!("{error}{cause}").replace(&format!("`{}`", path.display()), &place);
    Some(Problem::placeless("secrets-file", message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::properties::Sources;

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
