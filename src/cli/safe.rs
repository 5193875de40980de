//! Opens the safe for a command: all sources of secrets in their order, the scrubber that knows what is at hand, and
//! the bucket of the logs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::properties::Properties;
use crate::cloud::aws::Aws;
use crate::cloud::kept::AwsSecrets;
use crate::cloud::kms::Kms;
use crate::report::tasklog::{AttemptIdentity, LogServer, S3LogSettings, S3LogStore};
use crate::secret::Secret;
use crate::secret::file::DEFAULT_NAME;
use crate::secret::params::SecretNames;
use crate::secret::resolver::Resolver;
use crate::secret::scrub::Scrubber;
use crate::secret::source::{self, SecretSource};
use crate::state::StateError;

/// Shorter values of variables that are named like secrets are not hidden: `TOKEN_COUNT=12` is no secret.
const SHORTEST: usize = 6;

/// What the safe is opened with.
pub struct SafeSetup<'a> {
    /// The project's directory.
    pub project: &'a Path,
    /// Digdag's properties.
    pub properties: &'a Properties,
    /// Digdag's config home.
    pub config_home: Option<&'a Path>,
    /// The environment of the process.
    pub variables: Vec<(OsString, OsString)>,
    /// AWS, for KMS.
    pub aws: Arc<Aws>,
}

/// The names that count as secret, by `sync.secrets.params`.
pub fn secret_names(properties: &Properties) -> SecretNames {
    properties.get("sync.secrets.params").map_or_else(SecretNames::default, SecretNames::parse)
}

/// The encrypted file of a project, and how messages call it.
pub fn secrets_file(project: &Path, properties: &Properties) -> (PathBuf, String) {
    let name = properties.get("sync.secrets.file").unwrap_or(DEFAULT_NAME);
    (project.join(name), format!("`{name}`"))
}

/// AWS as the environment and the properties say.
pub fn aws(properties: &Properties) -> Arc<Aws> {
    Arc::new(Aws::new().with_region_of(properties.get("sync.secrets.kms_key")))
}

/// The log server of an attempt, when the properties name one: only then is it asked who the attempt is.
pub fn log_server(
    settings: Option<&S3LogSettings>,
    identity: impl FnOnce() -> Result<AttemptIdentity, StateError>,
    aws: &Arc<Aws>,
) -> Result<Option<LogServer>, StateError> {
    let Some(settings) = settings else { return Ok(None) };
    let store = Arc::new(S3LogStore::new(Arc::clone(aws), settings));
    Ok(Some(LogServer { path: settings.path.clone(), identity: identity()?, store }))
}

/// All sources in order: the environment, the credentials of a systemd unit, the properties, the encrypted file, Digdag's
/// directory. Nothing is asked of AWS before a secret of the encrypted file is wanted.
pub fn open(setup: &SafeSetup<'_>, scrubber: Scrubber) -> Resolver {
    learn(setup, &scrubber);
    let (path, place) = secrets_file(setup.project, setup.properties);
    let credentials = setup.variables.iter().find(|(name, _)| name == "CREDENTIALS_DIRECTORY");
    let credentials = credentials.map(|(_, folder)| source::Local::credentials(Path::new(folder)));
    let mut sources: Vec<Box<dyn SecretSource>> =
        credentials.map(|source| Box::new(source) as Box<dyn SecretSource>).into_iter().collect();
    let others: [Box<dyn SecretSource>; 2] = [
        Box::new(source::Properties::new(setup.properties.secrets())),
        Box::new(source::Encrypted::new(
            path,
            place,
            Arc::new(Kms::new(Arc::clone(&setup.aws))),
            Arc::new(AwsSecrets::new(Arc::clone(&setup.aws))),
        )),
    ];
    sources.extend(others);
    if let Some(home) = setup.config_home {
        sources.push(Box::new(source::Local::new(&home.join("secrets"))));
    }
    Resolver::new(source::Environment::new(setup.variables.iter().cloned()), sources, scrubber)
}

/// Variables and properties that are named like secrets are hidden from the first line on, whoever uses them.
fn learn(setup: &SafeSetup<'_>, scrubber: &Scrubber) {
    let names = secret_names(setup.properties);
    let variables =
        setup.variables.iter().filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)));
    let properties = setup.properties.under("").filter(|(key, _)| !key.starts_with("sync."));
    for (name, value) in variables.chain(properties) {
        if names.matches(name) && value.chars().count() >= SHORTEST && !is_place(name, value) {
            scrubber.add(&Secret::new(value));
        }
    }
}

/// Whether the value says where a secret lies, and is none itself.
fn is_place(name: &str, value: &str) -> bool {
    const SUFFIXES: [&str; 6] = ["_FILE", "_DIR", "_PATH", "_ASKPASS", "_CREDENTIALS", "_URI"];
    let name = name.to_ascii_uppercase().replace(['.', '-'], "_");
    let is_path = value.starts_with(['/', '~', '.']) && !value.contains(char::is_whitespace);
    is_path && SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::properties::Sources;
    use crate::secret::SecretStore as _;

    #[test]
    fn the_environment_is_hidden_by_name_and_places_are_not() {
        let project = tempfile::tempdir().expect("a directory");
        let text = "config.mail.password = mail-password\nsync.secrets.file = other.yml\nsecrets.p = property-secret";
        let sources = Sources { text: Some(text.into()), ..Sources::default() };
        let properties = Properties::load(&sources).expect("they are right");
        let variables = [
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI"),
            ("GOOGLE_APPLICATION_CREDENTIALS", "/etc/key.json"),
            ("SSH_ASKPASS", "/usr/bin/ssh-askpass"),
            ("TOKEN_COUNT", "12"),
            ("SYNC_SECRET_A", "a-secret"),
            ("HOME", "/home/user"),
        ];
        let setup = SafeSetup {
            project: project.path(),
            properties: &properties,
            config_home: None,
            variables: variables.map(|(name, value)| (name.into(), value.into())).into(),
            aws: aws(&properties),
        };
        let safe = open(&setup, Scrubber::new());
        assert_eq!(
            safe.scrubber().scrub_text(
                "wJalrXUtnFEMI /etc/key.json /usr/bin/ssh-askpass 12 a-secret /home/user mail-password other.yml \
                 property-secret"
            ),
            "*** /etc/key.json /usr/bin/ssh-askpass 12 *** /home/user *** other.yml ***"
        );
        assert_eq!(safe.get("a").expect("there").expose(), "a-secret");
        assert_eq!(safe.get("p").expect("there").expose(), "property-secret");
        assert_eq!(secrets_file(Path::new("/p"), &properties).0, Path::new("/p/other.yml"));
    }
}
