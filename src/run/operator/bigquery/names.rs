//! Names of datasets and tables as Digdag writes them: `[PROJECT:]DATASET` and `[[PROJECT:]DATASET.]TABLE`.

use crate::cloud::google::bigquery::TableReference;
use crate::run::operator::options::Options;
use crate::run::operator::{OperatorError, OperatorRequest};
use crate::secret::SecretError;

/// What a name leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Defaults {
    /// The project of jobs, and of names without one.
    pub(super) project: String,
    /// The dataset of tables without one: its project and its name.
    pub(super) dataset: Option<(String, String)>,
}

impl Defaults {
    /// `gcp.project` (a secret, else a parameter) or the key's own project; `dataset`.
    pub(super) fn of(
        request: &OperatorRequest<'_>,
        options: &Options<'_>,
        own: Option<String>,
    ) -> Result<Self, OperatorError> {
        let secret = match request.secrets.get("gcp.project") {
            Ok(secret) => Some(secret.expose().to_owned()),
            Err(SecretError::NotFound { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let project =
            secret.map_or_else(|| Options::new(request, "gcp").text("project"), |it| Ok(Some(it)))?;
        let Some(project) = project.or(own) else {
            return Err(OperatorError::config("no project is named")
                .hint("set it in `_export: {gcp: {project: ...}}`, or the secret `gcp.project`"));
        };
        let dataset = options.text("dataset")?.map(|name| dataset(&name, &project)).transpose()?;
        Ok(Self { project, dataset })
    }

    /// A table.
    pub(super) fn table(&self, name: &str) -> Result<TableReference, OperatorError> {
        let bad = || bad_name("table", name, "[[PROJECT:]DATASET.]TABLE");
        let (place, table) = match name.rsplit_once('.') {
            Some((place, table)) => (Some(place), table),
            None => (None, name),
        };
        if table.is_empty() || table.contains(':') {
            return Err(bad());
        }
        let (project, dataset) = match (place, &self.dataset) {
            (Some(place), _) => dataset(place, &self.project).map_err(|_| bad())?,
            (None, Some(default)) => default.clone(),
            (None, None) => {
                return Err(OperatorError::config(format!("table `{name}` has no dataset"))
                    .hint("write `DATASET.TABLE`, or set `dataset`"));
            }
        };
        Ok(TableReference { project, dataset, table: table.to_owned() })
    }
}

/// A dataset's project and name.
pub(super) fn dataset(name: &str, project: &str) -> Result<(String, String), OperatorError> {
    // A project may hold a `:` itself (`example.com:lake`).
    let (project, dataset) = name.rsplit_once(':').unwrap_or((project, name));
    if project.is_empty() || dataset.is_empty() || dataset.contains('.') {
        return Err(bad_name("dataset", name, "[PROJECT:]DATASET"));
    }
    Ok((project.to_owned(), dataset.to_owned()))
}

fn bad_name(what: &str, name: &str, form: &str) -> OperatorError {
    OperatorError::config(format!("`{name}` is no name of a {what}: write it as `{form}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_name_leaves_out_is_the_default() {
        let defaults = Defaults { project: "p".to_owned(), dataset: Some(("q".to_owned(), "d".to_owned())) };
        for (name, shown) in [
            ("t", "q:d.t"),
            ("e.t$20260101", "p:e.t$20260101"),
            ("r:e.t", "r:e.t"),
            ("example.com:r:e.t", "example.com:r:e.t"),
        ] {
            assert_eq!(defaults.table(name).expect("a table").to_string(), shown, "{name}");
        }
        assert_eq!(dataset("e", "p").expect("a dataset"), ("p".to_owned(), "e".to_owned()));
        assert_eq!(dataset("r:e", "p").expect("a dataset"), ("r".to_owned(), "e".to_owned()));
    }

    #[test]
    fn what_is_no_name_is_told_with_its_form() {
        let defaults = Defaults { project: "p".to_owned(), dataset: None };
        let said = |name| defaults.table(name).expect_err("no name").message;
        assert_eq!(said("t"), "table `t` has no dataset");
        for name in ["", "d.", ".t", "p:d.t:x", ":d.t"] {
            let expected = match name {
                "" => "`` is no name of a table: write it as `[[PROJECT:]DATASET.]TABLE`".to_owned(),
                name => format!("`{name}` is no name of a table: write it as `[[PROJECT:]DATASET.]TABLE`"),
            };
            assert_eq!(said(name), expected);
        }
        let error = dataset("a.b", "p").expect_err("no name");
        assert_eq!(error.message, "`a.b` is no name of a dataset: write it as `[PROJECT:]DATASET`");
    }
}
