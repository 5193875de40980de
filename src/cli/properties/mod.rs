//! Digdag's properties files: parameters, secrets, the log server, and our own settings under `sync.*`.
//!
//! Weakest first: `<config home>/config` (not read when `-c` is given), the text of `DIGDAG_CONFIG`, the file of `-c`.
//! The config home is `DIGDAG_CONFIG_HOME`, else `$XDG_CONFIG_HOME/digdag`, else `~/.config/digdag`.

mod notify;
mod outgoing;
mod text;

pub use notify::Way;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::params::{self, ParamsError};
use crate::cloud::fault::retry::RetryBudget;
use crate::diagnostic::suggest;
use crate::exit::Exit;
use crate::report::tasklog::S3LogSettings;
use crate::secret::Secret;
use crate::secret::params::SecretNames;
use crate::session::Params;
use crate::transfer::context::Patience;

/// Our own settings; `*` stands for any name. Any other key under `sync.` is an error, so that none is ignored in silence.
pub const SETTINGS: [&str; 34] = [
    "sync.docker",
    "sync.keep_days",
    "sync.notify.on",
    "sync.notify.slack.url",
    "sync.notify.slack.on",
    "sync.notify.http.url",
    "sync.notify.http.method",
    "sync.notify.http.headers.*",
    "sync.notify.http.on",
    "sync.notify.mail.to",
    "sync.notify.mail.cc",
    "sync.notify.mail.bcc",
    "sync.notify.mail.from",
    "sync.notify.mail.host",
    "sync.notify.mail.port",
    "sync.notify.mail.username",
    "sync.notify.mail.password",
    "sync.notify.mail.tls",
    "sync.notify.mail.ssl",
    "sync.notify.mail.connect_timeout",
    "sync.notify.mail.socket_timeout",
    "sync.notify.mail.on",
    "sync.notify.shell.command",
    "sync.notify.shell.timeout",
    "sync.notify.shell.on",
    "sync.policy.file",
    "sync.retry.budget",
    "sync.retry.seconds",
    "sync.secrets.file",
    "sync.secrets.kms_key",
    "sync.secrets.params",
    "sync.source.max_connections",
    "sync.source.range_bytes",
    "sync.source.snapshot",
];

/// Where properties come from. The caller reads the environment.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The config home; none when there is no home directory.
    pub config_home: Option<PathBuf>,
    /// The text of `DIGDAG_CONFIG`.
    pub text: Option<String>,
    /// The file given with `-c`.
    pub file: Option<PathBuf>,
}

impl Sources {
    /// Reads the environment through `variable`.
    pub fn read(variable: &dyn Fn(&str) -> Option<String>, file: Option<PathBuf>) -> Self {
        Self { config_home: config_home(variable), text: variable("DIGDAG_CONFIG"), file }
    }
}

/// Digdag's config home.
pub fn config_home(variable: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("DIGDAG_CONFIG_HOME")
        .or_else(|| set("XDG_CONFIG_HOME").map(|home| home.join("digdag")))
        .or_else(|| set("HOME").map(|home| home.join(".config").join("digdag")))
}

/// Why the properties cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PropertiesError {
    /// A file cannot be read.
    #[error("properties file `{}` cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A text is not in the form.
    #[error("{place} is not a properties text")]
    Syntax {
        /// The file or variable.
        place: String,
        /// What is wrong.
        source: text::SyntaxError,
    },
    /// A key under `sync.` that is none of ours.
    #[error("unknown setting `{key}`{}", suggestion.map(|name| format!(", did you mean `{name}`?")).unwrap_or_default())]
    UnknownSetting {
        /// The key.
        key: String,
        /// The nearest one that exists.
        suggestion: Option<&'static str>,
    },
    /// A value that its key does not take.
    #[error("property `{key}` {reason}")]
    Value {
        /// The key.
        key: String,
        /// What it takes. Never the value, it may be secret.
        reason: String,
    },
}

impl PropertiesError {
    /// A file that is named and cannot be read is wrong usage, what stands in it is a wrong config.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Unreadable { .. } => Exit::Usage,
            _ => Exit::Invalid,
        }
    }
}

fn is_setting(key: &str) -> bool {
    let is_so = |setting: &str| match setting.strip_suffix('*') {
        Some(beginning) => key.strip_prefix(beginning).is_some_and(|name| !name.is_empty()),
        None => key == setting,
    };
    SETTINGS.into_iter().any(is_so)
}

/// All properties, merged. Values may be secret, so they are not printed.
#[derive(Clone, Default)]
pub struct Properties(BTreeMap<String, String>);

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Properties {
    /// Reads and merges. Only a file given with `-c` has to exist.
    pub fn load(sources: &Sources) -> Result<Self, PropertiesError> {
        let mut merged = Self::default();
        let default_file = sources.config_home.as_ref().map(|home| home.join("config"));
        if let (None, Some(path)) = (&sources.file, default_file)
            && path.is_file()
        {
            merged.merge_file(&path)?;
        }
        if let Some(text) = &sources.text {
            merged.merge_text("the variable `DIGDAG_CONFIG`", text)?;
        }
        if let Some(path) = &sources.file {
            merged.merge_file(path)?;
        }
        merged.refuse_unknown_settings()?;
        Ok(merged)
    }

    fn merge_file(&mut self, path: &Path) -> Result<(), PropertiesError> {
        let bytes = crate::reader::read_bytes(path)
            .map_err(|source| PropertiesError::Unreadable { path: path.to_owned(), source })?;
        self.merge_text(&format!("`{}`", path.display()), &text::decode(&bytes))
    }

    fn merge_text(&mut self, place: &str, text: &str) -> Result<(), PropertiesError> {
        let entries = text::parse(text)
            .map_err(|source| PropertiesError::Syntax { place: place.to_owned(), source })?;
        self.0.extend(entries);
        Ok(())
    }

    fn refuse_unknown_settings(&self) -> Result<(), PropertiesError> {
        match self.0.keys().find(|key| key.starts_with("sync.") && !is_setting(key)) {
            None => Ok(()),
            Some(key) => {
                Err(PropertiesError::UnknownSetting { key: key.clone(), suggestion: suggest(key, SETTINGS) })
            }
        }
    }

    /// The value of a key. An empty value counts as absent.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The value of a key as a whole number of at least 1.
    pub fn count(&self, key: &str) -> Result<Option<usize>, PropertiesError> {
        self.get(key)
            .map(|value| match value.trim().parse() {
                Ok(count) if count > 0 => Ok(count),
                _ => Err(self.wrong(key, "takes a whole number of at least 1")),
            })
            .transpose()
    }

    /// The value of a key as a whole number.
    fn number(&self, key: &str) -> Result<Option<u32>, PropertiesError> {
        let parse = |value: &str| value.trim().parse().map_err(|_| self.wrong(key, "takes a whole number"));
        self.get(key).map(parse).transpose()
    }

    /// How a run meets faults that pass (`sync.retry.*`).
    pub fn patience(&self) -> Result<Patience, PropertiesError> {
        let usual = Patience::default();
        Ok(Patience {
            retries: self.number("sync.retry.budget")?.map_or(usual.retries, RetryBudget::new),
            tables: self
                .number("sync.retry.seconds")?
                .map_or(usual.tables, |seconds| Duration::from_secs(seconds.into())),
        })
    }

    /// Entries whose key begins with `prefix`, by the rest of the key.
    pub fn under<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().filter_map(move |(key, value)| Some((key.strip_prefix(prefix)?, value.as_str())))
    }

    /// What operators may read: settings of ours, and of SQL operators, save what is named like a secret, and whom people
    /// are told by: an address of a webhook is one.
    pub fn for_operators(&self, secret: &SecretNames) -> BTreeMap<String, String> {
        const PREFIXES: [&str; 5] =
            ["sync.", "config.jdbc.", "config.pg.", "config.mysql.", "config.sqlite."];
        let is_open = |key: &str| {
            PREFIXES.iter().any(|prefix| key.starts_with(prefix))
                && !key.starts_with("sync.notify.")
                && !secret.matches(key)
        };
        self.under("")
            .filter(|(key, _)| is_open(key))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    /// Parameters from `params.*`, the weakest of all. Dots nest, as with `-p`.
    pub fn params(&self) -> Result<Params, PropertiesError> {
        let mut params = Params::new();
        for (name, value) in self.under("params.") {
            params::insert(&mut params, name, value).map_err(|error| match error {
                ParamsError::Clash { parent, .. } => {
                    self.wrong(&format!("params.{name}"), &format!("clashes with `params.{parent}`"))
                }
                _ => self.wrong(&format!("params.{name}"), "has a name with an empty part"),
            })?;
        }
        Ok(params)
    }

    /// Secrets from `secrets.*`.
    pub fn secrets(&self) -> BTreeMap<String, Secret> {
        self.under("secrets.").map(|(name, value)| (name.to_owned(), Secret::new(value))).collect()
    }

    /// Where task logs go besides the disk; none when `log-server.type` is absent, `null` or `local`.
    pub fn log_server(&self) -> Result<Option<S3LogSettings>, PropertiesError> {
        match self.get("log-server.type").map(str::trim) {
            None | Some("null" | "local") => Ok(None),
            Some("s3") => self.s3_log_settings().map(Some),
            Some(_) => Err(self.wrong("log-server.type", "takes `s3`, `local` or `null`")),
        }
    }

    fn s3_log_settings(&self) -> Result<S3LogSettings, PropertiesError> {
        let secret = |key| self.get(key).map(Secret::new);
        let credentials = match (
            secret("log-server.s3.credentials.access-key-id"),
            secret("log-server.s3.credentials.secret-access-key"),
        ) {
            (Some(id), Some(key)) => Some((id, key)),
            (None, None) => None,
            (Some(_), None) => {
                return Err(
                    self.wrong("log-server.s3.credentials.secret-access-key", "is required beside the id")
                );
            }
            (None, Some(_)) => {
                return Err(
                    self.wrong("log-server.s3.credentials.access-key-id", "is required beside the key")
                );
            }
        };
        let bucket = self
            .get("log-server.s3.bucket")
            .ok_or_else(|| self.wrong("log-server.s3.bucket", "is required with `log-server.type=s3`"))?;
        Ok(S3LogSettings {
            bucket: bucket.to_owned(),
            path: self.get("log-server.s3.path").unwrap_or_default().to_owned(),
            endpoint: self.get("log-server.s3.endpoint").map(str::to_owned),
            path_style: match self.get("log-server.s3.path-style-access").map(str::trim) {
                None => None,
                Some("true") => Some(true),
                Some("false") => Some(false),
                Some(_) => {
                    return Err(self.wrong("log-server.s3.path-style-access", "takes `true` or `false`"));
                }
            },
            credentials,
        })
    }

    pub(super) fn wrong(&self, key: &str, reason: &str) -> PropertiesError {
        PropertiesError::Value { key: key.to_owned(), reason: reason.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn of(text: &str) -> Properties {
        Properties::load(&Sources { text: Some(text.into()), ..Sources::default() }).expect("they are right")
    }

    fn message<T>(result: Result<T, PropertiesError>) -> String {
        result.err().expect("it is wrong").to_string()
    }

    #[test]
    fn later_sources_win_and_c_leaves_the_home_out() {
        let home = tempfile::tempdir().expect("a directory");
        std::fs::write(home.path().join("config"), "a = home\nb = home\nc = home").expect("written");
        let file = home.path().join("given");
        std::fs::write(&file, "b = file").expect("written");
        let mut sources = Sources {
            config_home: Some(home.path().into()),
            text: Some("b = text\nc = text".into()),
            file: None,
        };
        let properties = Properties::load(&sources).expect("they are right");
        assert_eq!(
            ["a", "b", "c"].map(|key| properties.get(key)),
            [Some("home"), Some("text"), Some("text")]
        );
        sources.file = Some(file);
        let properties = Properties::load(&sources).expect("they are right");
        assert_eq!(["a", "b", "c"].map(|key| properties.get(key)), [None, Some("file"), Some("text")]);
    }

    #[test]
    fn the_config_home_follows_the_environment() {
        let with = |pairs: &'static [(&str, &str)]| {
            config_home(&|name| {
                pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(with(&[("DIGDAG_CONFIG_HOME", "/d"), ("HOME", "/h")]), Some("/d".into()));
        assert_eq!(with(&[("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")]), Some("/x/digdag".into()));
        assert_eq!(with(&[("HOME", "/h")]), Some("/h/.config/digdag".into()));
        assert_eq!(with(&[]), None);
    }

    #[test]
    fn a_given_file_must_exist() {
        let sources = Sources { file: Some("/no/such/file".into()), ..Sources::default() };
        assert_eq!(message(Properties::load(&sources)), "properties file `/no/such/file` cannot be read");
    }

    #[test]
    fn parameters_nest() {
        let params = of("params.a = 1\nparams.b.c = x\nparams.b.d = y").params().expect("they nest");
        assert_eq!(Value::Object(params), json!({"a": "1", "b": {"c": "x", "d": "y"}}));
        assert_eq!(
            message(of("params.b = 1\nparams.b.c = x").params()),
            "property `params.b.c` clashes with `params.b`"
        );
        assert_eq!(
            message(of("params.a. = 1").params()),
            "property `params.a.` has a name with an empty part"
        );
    }

    #[test]
    fn secrets_are_taken_and_not_printed() {
        let properties = of("secrets.pg.password = hunter2!");
        assert_eq!(properties.secrets().get("pg.password").map(Secret::expose), Some("hunter2!"));
        assert_eq!(format!("{properties:?}"), "{\"secrets.pg.password\"}");
    }

    #[test]
    fn operators_see_no_secrets() {
        let text =
            "secrets.a = 1\nparams.b = 2\nconfig.mail.host = h\nsync.docker = never\nsync.secrets.params = X";
        let seen = of(text).for_operators(&SecretNames::default());
        let keys: Vec<&str> = seen.keys().map(String::as_str).collect();
        assert_eq!(keys, ["sync.docker"]);
    }

    #[test]
    fn settings_of_ours_are_known_or_refused() {
        let load = |text: &str| Properties::load(&Sources { text: Some(text.into()), ..Sources::default() });
        assert_eq!(
            message(load("sync.secrets.fil = x")),
            "unknown setting `sync.secrets.fil`, did you mean `sync.secrets.file`?"
        );
        assert_eq!(message(load("sync.cloud = x")), "unknown setting `sync.cloud`");
        assert_eq!(
            message(of("sync.retry.budget = -1").patience().map(drop)),
            "property `sync.retry.budget` takes a whole number"
        );
        assert_eq!(
            message(of("sync.retry.seconds = 1m").patience().map(drop)),
            "property `sync.retry.seconds` takes a whole number"
        );
        assert_eq!(of("sync.retry.seconds = 5").patience().unwrap().tables, Duration::from_secs(5));
        assert_eq!(of("").patience().unwrap().tables, Patience::TABLES);
        assert_eq!(
            message(of("sync.source.max_connections = 0").count("sync.source.max_connections")),
            "property `sync.source.max_connections` takes a whole number of at least 1"
        );
    }

    #[test]
    fn the_log_server() {
        assert!(of("").log_server().expect("right").is_none());
        let settings = of("log-server.type = s3\nlog-server.s3.bucket = logs\nlog-server.s3.path = a/b\n\
            log-server.s3.credentials.access-key-id = id\nlog-server.s3.credentials.secret-access-key = key\n\
            log-server.s3.direct_download = true")
        .log_server()
        .expect("right")
        .expect("configured");
        assert_eq!((settings.bucket.as_str(), settings.path.as_str()), ("logs", "a/b"));
        assert!(settings.credentials.is_some());
        assert_eq!(
            message(of("log-server.type = s3").log_server()),
            "property `log-server.s3.bucket` is required with `log-server.type=s3`"
        );
        assert_eq!(
            message(of("log-server.type = gcs").log_server()),
            "property `log-server.type` takes `s3`, `local` or `null`"
        );
        let half = |key: &str| {
            let text = format!(
                "log-server.type = s3\nlog-server.s3.credentials.{key} = x\nlog-server.s3.bucket = b"
            );
            message(of(&text).log_server())
        };
        assert_eq!(
            half("access-key-id"),
            "property `log-server.s3.credentials.secret-access-key` is required beside the id"
        );
        assert_eq!(
            half("secret-access-key"),
            "property `log-server.s3.credentials.access-key-id` is required beside the key"
        );
    }
}
