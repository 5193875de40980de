//! The places a secret may come from. Each knows some names; the [`Resolver`](super::resolver::Resolver) asks them in
//! order.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::file::{FileError, SecretsFile, Stored};
use super::key_service::KeyService;
use super::mapped::{Fetched, KeptSecrets};
use super::name;
use super::{Secret, SecretError};

/// A name that a source has, for lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The name; for a variable of the environment the variable, since several names could mean it.
    pub name: String,
    /// How it lies there: `plain`, `kms`, `kms envelope`, or where the value is: `ssm /prod/token`.
    pub form: Cow<'static, str>,
}

/// One place.
pub trait SecretSource: Send + Sync {
    /// How people know it, e.g. `secrets.yml`.
    fn place(&self) -> &str;
    /// The value, or none when the source does not know the name.
    fn find(&self, name: &str) -> Result<Option<Secret>, SecretError>;
    /// All names it has.
    fn list(&self) -> Result<Vec<Listed>, SecretError>;
    /// The values that it can give without asking a service, so that they can be hidden from the first line on.
    fn at_hand(&self) -> Vec<Secret>;
}

fn unavailable(name: &str, place: &str, reason: impl Into<String>) -> SecretError {
    SecretError::Unavailable { name: name.to_owned(), place: place.to_owned(), reason: reason.into() }
}

/// Variables `SYNC_SECRET_*`. That two names do not mean one variable is the resolver's care.
pub struct Environment(BTreeMap<String, Option<Secret>>);

impl Environment {
    /// Takes what begins with `SYNC_SECRET_` out of the variables of the process.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let secrets = variables.into_iter().filter_map(|(variable, value)| {
            let variable = variable.into_string().ok()?;
            variable.strip_prefix(name::VARIABLE_PREFIX)?;
            // Kept without a value when it is not UTF-8, so that it is refused and not passed over.
            Some((variable, value.into_string().ok().map(Secret::new)))
        });
        Self(secrets.collect())
    }
}

impl SecretSource for Environment {
    fn place(&self) -> &'static str {
        "the environment"
    }

    fn find(&self, name: &str) -> Result<Option<Secret>, SecretError> {
        let variable = name::variable(name);
        match self.0.get(&variable) {
            None => Ok(None),
            Some(Some(secret)) => Ok(Some(secret.clone())),
            Some(None) => {
                Err(unavailable(name, self.place(), format!("variable `{variable}` is not UTF-8 text")))
            }
        }
    }

    fn list(&self) -> Result<Vec<Listed>, SecretError> {
        Ok(self.0.keys().map(|name| Listed { name: name.clone(), form: "plain".into() }).collect())
    }

    fn at_hand(&self) -> Vec<Secret> {
        self.0.values().flatten().cloned().collect()
    }
}

/// Entries `secrets.*` of the properties.
pub struct Properties(BTreeMap<String, Secret>);

impl Properties {
    /// Names (without `secrets.`) and values.
    pub fn new(secrets: BTreeMap<String, Secret>) -> Self {
        Self(secrets)
    }
}

impl SecretSource for Properties {
    fn place(&self) -> &'static str {
        "the properties"
    }

    fn find(&self, name: &str) -> Result<Option<Secret>, SecretError> {
        Ok(self.0.get(name).cloned())
    }

    fn list(&self) -> Result<Vec<Listed>, SecretError> {
        Ok(self.0.keys().map(|name| Listed { name: name.clone(), form: "plain".into() }).collect())
    }

    fn at_hand(&self) -> Vec<Secret> {
        self.0.values().cloned().collect()
    }
}

/// The file of the project, with values that are encrypted and names whose values others keep. Read when the first
/// secret is asked for.
pub struct Encrypted {
    path: PathBuf,
    place: String,
    service: Arc<dyn KeyService>,
    fetched: Fetched,
    file: OnceLock<Result<SecretsFile, String>>,
}

impl Encrypted {
    /// The file at `path`, shown as `place`.
    pub fn new(
        path: PathBuf,
        place: impl Into<String>,
        service: Arc<dyn KeyService>,
        kept: Arc<dyn KeptSecrets>,
    ) -> Self {
        Self { path, place: place.into(), service, fetched: Fetched::new(kept), file: OnceLock::new() }
    }

    fn entries(&self, name: &str) -> Result<&[(String, Stored)], SecretError> {
        let file = self.file.get_or_init(|| SecretsFile::read(&self.path).map_err(|error| reason(&error)));
        file.as_ref().map(SecretsFile::entries).map_err(|reason| unavailable(name, &self.place, reason))
    }
}

/// What is wrong, without the file's name, which stands in the message around it.
fn reason(error: &FileError) -> String {
    match error {
        FileError::Disk { source, .. } => source.to_string(),
        FileError::Form { line: Some(line), reason, .. } => format!("line {line}: {reason}"),
        FileError::Form { line: None, reason, .. } => reason.clone(),
        FileError::Changed { .. } => error.to_string(),
        FileError::Open { .. } => {
            "everyone on this machine can change it; `chmod o-w` takes that right away".to_owned()
        }
    }
}

impl SecretSource for Encrypted {
    fn place(&self) -> &str {
        &self.place
    }

    fn find(&self, name: &str) -> Result<Option<Secret>, SecretError> {
        let Some((_, stored)) = self.entries(name)?.iter().find(|(known, _)| known == name) else {
            return Ok(None);
        };
        let value = match stored {
            Stored::Sealed(sealed) => {
                sealed.open(name, self.service.as_ref()).map_err(|error| error.to_string())
            }
            Stored::Mapped(mapping) => self.fetched.value(mapping).map_err(|error| error.to_string()),
        };
        value.map(Some).map_err(|reason| unavailable(name, &self.place, reason))
    }

    fn list(&self) -> Result<Vec<Listed>, SecretError> {
        let listed = |(name, stored): &(String, Stored)| {
            let form = match stored {
                Stored::Sealed(sealed) => sealed.form().into(),
                Stored::Mapped(mapping) => mapping.to_string().into(),
            };
            Listed { name: name.clone(), form }
        };
        Ok(self.entries("*")?.iter().map(listed).collect())
    }

    fn at_hand(&self) -> Vec<Secret> {
        Vec::new()
    }
}

/// A directory with one file for each name.
pub struct Local {
    directory: PathBuf,
    place: String,
    ending: Ending,
}

/// What becomes of the newline at the end of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Kept,
    Dropped,
}

impl Local {
    /// Digdag's local secrets: `<config home>/secrets`, which need not exist. The whole content of a file is the value, a
    /// newline at its end included.
    pub fn new(directory: &Path) -> Self {
        let place = format!("`{}`", directory.display());
        Self { directory: directory.to_owned(), place, ending: Ending::Kept }
    }

    /// What `LoadCredential=` of a systemd unit gave the service (systemd.exec(5)). Such files are written by editors and
    /// `echo`: one newline at the end is none of the value.
    pub fn credentials(directory: &Path) -> Self {
        let place = "the credentials of the unit".to_owned();
        Self { directory: directory.to_owned(), place, ending: Ending::Dropped }
    }

    fn names(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(&self.directory) else { return Vec::new() };
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name::check(name).is_ok() && self.directory.join(name).is_file())
            .collect();
        names.sort();
        names
    }
}

impl SecretSource for Local {
    fn place(&self) -> &str {
        &self.place
    }

    fn find(&self, name: &str) -> Result<Option<Secret>, SecretError> {
        if name::check(name).is_err() {
            return Ok(None);
        }
        match crate::reader::read_text(&self.directory.join(name)) {
            Ok(text) => Ok(Some(Secret::new(match self.ending {
                Ending::Kept => &text,
                Ending::Dropped => text.strip_suffix('\n').unwrap_or(&text),
            }))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => Ok(None),
            Err(error) => Err(unavailable(name, &self.place, error.to_string())),
        }
    }

    fn list(&self) -> Result<Vec<Listed>, SecretError> {
        Ok(self.names().into_iter().map(|name| Listed { name, form: "plain".into() }).collect())
    }

    fn at_hand(&self) -> Vec<Secret> {
        self.names().iter().filter_map(|name| self.find(name).ok().flatten()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::key_service::tests::FakeKeyService;
    use super::super::mapped::tests::FakeKept;
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        Environment::new(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())))
    }

    #[test]
    fn the_environment_gives_by_upper_case_name() {
        let source = environment(&[("SYNC_SECRET_PG_PASSWORD", "x1"), ("PG_PASSWORD", "x2")]);
        assert_eq!(source.find("pg.password").expect("there"), Some(Secret::new("x1")));
        assert_eq!(source.find("password").expect("fine"), None);
        assert_eq!(source.list().expect("there").len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_not_text_is_refused() {
        use std::os::unix::ffi::OsStringExt as _;
        let value = OsString::from_vec(vec![0xff]);
        let source = Environment::new([("SYNC_SECRET_A".into(), value)]);
        assert_eq!(
            source.find("a").expect_err("refused").to_string(),
            "secret `a` could not be read from the environment: variable `SYNC_SECRET_A` is not UTF-8 text"
        );
    }

    #[test]
    fn local_files_are_taken_whole_and_names_cannot_leave_the_directory() {
        let home = tempfile::tempdir().expect("a directory");
        let directory = home.path().join("secrets");
        std::fs::create_dir(&directory).expect("made");
        std::fs::write(directory.join("pg.password"), "x1\n").expect("written");
        std::fs::write(home.path().join("other"), "x2").expect("written");
        let source = Local::new(&directory);
        assert_eq!(source.find("pg.password").expect("there"), Some(Secret::new("x1\n")));
        assert_eq!(source.find("../other").expect("fine"), None);
        assert_eq!(source.at_hand(), [Secret::new("x1\n")]);
        assert_eq!(Local::new(&home.path().join("absent")).find("a").expect("fine"), None);
        let credentials = Local::credentials(&directory);
        assert_eq!(credentials.find("pg.password").expect("there"), Some(Secret::new("x1")));
    }

    fn encrypted(path: PathBuf) -> Encrypted {
        let kept = Arc::new(FakeKept::default());
        Encrypted::new(path, "`secrets.yml`", Arc::new(FakeKeyService::default()), kept)
    }

    #[test]
    fn a_mapped_name_gives_what_another_service_keeps() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("secrets.yml");
        let text = "a: {secretsmanager: json, field: n}\nb: {ssm: other, field: x}\n";
        std::fs::write(&path, text).expect("written");
        let source = encrypted(path);
        assert_eq!(source.find("a").expect("there"), Some(Secret::new("12.50")));
        assert_eq!(
            source.find("b").expect_err("refused").to_string(),
            "secret `b` could not be read from `secrets.yml`: ssm other: no such thing (look)"
        );
        let forms: Vec<_> = source.list().expect("listed").into_iter().map(|one| one.form).collect();
        assert_eq!(forms, ["secretsmanager json, field n", "ssm other, field x"]);
    }

    #[test]
    fn a_refusal_of_the_key_service_names_secret_and_place() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("secrets.yml");
        let moved = "envelope: 1, key: AAEC, nonce: AAAAAAAAAAAAAAAA, data: AAEC";
        std::fs::write(&path, format!("a: {{{moved}}}\n")).expect("written");
        let source = encrypted(path);
        assert_eq!(source.find("b").expect("fine"), None);
        assert_eq!(
            source.find("a").expect_err("no key").to_string(),
            "secret `a` could not be read from `secrets.yml`: its data key has 3 bytes, not 32"
        );
    }
}
