//! `secrets.yml`: the encrypted secrets of a project, made to be committed.
//!
//! ```yaml
//! version: 1                  # of this form; may be left out
//! mysql.password:
//!   kms: AQICAHh...           # base64 of what KMS Encrypt gave
//! bigquery.json_key:          # more than 4 KiB: AES-256-GCM under a data key, the name as associated data
//!   envelope: 1
//!   key: AQIDAHh...           # the data key under KMS
//!   nonce: 3q2+7w...
//!   data: 7wAB...
//! shared: {secretsmanager: prod/mysql, field: password, stage: AWSCURRENT}   # kept elsewhere: field and stage optional
//! token: {ssm: /prod/token, field: id}
//! pasted: {"CiphertextBlob": "AQICAHh...", "KeyId": "arn:...", "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}
//! ```
//!
//! A file of any other form is refused by name and never read as ours. Messages name lines, never what stands there.

mod change;
mod edit;

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub use change::Change;

use super::ciphertext::{Ciphertext, NONCE_LENGTH};
use super::mapped::{Keeper, Kept, Mapping};
use super::name;
use crate::diagnostic::Source;
use crate::yaml::{self, Dialect, Entry, Node, NodeValue};

/// The name of the file in the project unless `sync.secrets.file` says otherwise.
pub const DEFAULT_NAME: &str = "secrets.yml";

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The disk said no.
    #[error("secrets file `{}` cannot be {verb}", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        verb: &'static str,
        /// What the disk said.
        source: io::Error,
    },
    /// It has another form.
    #[error("secrets file `{}`{}: {reason}", path.display(), line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Form {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: Option<usize>,
        /// What is wrong, without what stands there.
        reason: String,
    },
    /// Everybody on this machine may write it, so what it says is nobody's word.
    #[error("secrets file `{0}` can be changed by everyone on this machine; `chmod o-w {0}` takes that right away", path.display())]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// Somebody else wrote it between our reading and writing.
    #[error("secrets file `{}` was changed by somebody else meanwhile; nothing was written, try again", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
}

/// What stands under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// The value, encrypted.
    Sealed(Ciphertext),
    /// Where the value is.
    Mapped(Mapping),
}

/// The file as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretsFile {
    path: PathBuf,
    /// None when there is no file yet.
    text: Option<String>,
    entries: Vec<(String, Stored)>,
}

impl SecretsFile {
    /// Reads the file. One that does not exist is empty.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        match crate::reader::read_bytes(path) {
            Ok(bytes) => {
                // A link is as safe as what it points to.
                let open = std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o002 != 0);
                if open { Err(FileError::Open { path: path.to_owned() }) } else { Self::parse(path, bytes) }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(Self { path: path.to_owned(), text: None, entries: Vec::new() })
            }
            Err(source) => Err(FileError::Disk { path: path.to_owned(), verb: "read", source }),
        }
    }

    /// Takes the bytes of a file apart.
    pub fn parse(path: &Path, bytes: Vec<u8>) -> Result<Self, FileError> {
        let form =
            |line, reason: &str| FileError::Form { path: path.to_owned(), line, reason: reason.to_owned() };
        let Ok(text) = String::from_utf8(bytes) else {
            return Err(form(None, "it is not text, so it is of another tool; `sync secrets set` makes one"));
        };
        if let Some(tool) = other_tool(&text) {
            return Err(form(
                None,
                &format!("it is a file of {tool}; `sync secrets set` makes one that is read here"),
            ));
        }
        let parsed = yaml::parse(&Source::new(path, text.as_str()), Dialect::Digdag);
        if let Some(problem) = parsed.problems.iter().find(|problem| problem.is_error()) {
            let reason = match problem.code {
                "duplicate-key" => "a name stands here twice",
                _ => "it is not YAML (what is pasted over several lines must be indented)",
            };
            return Err(form(problem.span.as_ref().map(crate::diagnostic::Span::line), reason));
        }
        let entries = match &parsed.node {
            None => Vec::new(),
            Some(node) if is_null(node) => Vec::new(),
            Some(node) => {
                let map = node
                    .as_mapping()
                    .ok_or_else(|| form(Some(node.span.line()), "it is not a mapping of names"))?;
                read_entries(map).map_err(|(line, reason)| form(Some(line), &reason))?
            }
        };
        Ok(Self { path: path.to_owned(), text: Some(text), entries })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names and values in the order of the file.
    pub fn entries(&self) -> &[(String, Stored)] {
        &self.entries
    }

    /// What stands under a name.
    pub fn get(&self, name: &str) -> Option<&Stored> {
        self.entries.iter().find(|(known, _)| known == name).map(|(_, stored)| stored)
    }

    /// Puts one value in: a [`Change`] by itself.
    pub fn set(&mut self, name: &str, ciphertext: &Ciphertext) -> Result<(), FileError> {
        self.change(&[Change { name: name.to_owned(), to: Some(ciphertext.clone()) }])
    }
}

/// The tool that made a file which is not ours.
fn other_tool(text: &str) -> Option<&'static str> {
    let start = text.trim_start();
    if start.starts_with("$ANSIBLE_VAULT;") {
        Some("Ansible Vault")
    } else if start.starts_with("-----BEGIN AGE") || start.starts_with("age-encryption.org") {
        Some("age")
    } else if text.starts_with("\0GITCRYPT") {
        Some("git-crypt")
    } else if text.lines().any(|line| line.starts_with("sops:") || line.contains("ENC[AES256_GCM,")) {
        Some("sops")
    } else {
        None
    }
}

fn is_null(node: &Node) -> bool {
    matches!(&node.value, NodeValue::Scalar(serde_json::Value::Null))
}

type Wrong = (usize, String);

fn read_entries(map: &[Entry]) -> Result<Vec<(String, Stored)>, Wrong> {
    let mut entries = Vec::with_capacity(map.len());
    for entry in map {
        if entry.key == "version"
            && let NodeValue::Scalar(version) = &entry.value.value
        {
            if version.as_u64() != Some(1) {
                return Err((
                    entry.key_span.line(),
                    "its version is not 1; a newer `sync` may read it".into(),
                ));
            }
            continue;
        }
        name::check(&entry.key).map_err(|error| (entry.key_span.line(), error.to_string()))?;
        let stored = read_stored(entry)
            .map_err(|reason| (entry.key_span.line(), format!("`{}` {reason}", entry.key)))?;
        entries.push((entry.key.clone(), stored));
    }
    Ok(entries)
}

fn read_stored(entry: &Entry) -> Result<Stored, String> {
    let Some(fields) = entry.value.as_mapping() else {
        return Err("is not encrypted; `sync secrets set` writes it as `kms: …`".into());
    };
    let has = |name: &str| entry.value.get(name).is_some();
    let keeper = [Keeper::SecretsManager, Keeper::Ssm].into_iter().find(|keeper| has(keeper.word()));
    let allowed: &[&str] = if let Some(keeper) = keeper {
        match keeper {
            Keeper::SecretsManager => &["secretsmanager", "field", "stage"],
            Keeper::Ssm => &["ssm", "field"],
        }
    } else if has("kms") {
        &["kms"]
    } else if has("envelope") {
        &["envelope", "key", "nonce", "data"]
    } else if has("CiphertextBlob") {
        &["CiphertextBlob", "KeyId", "EncryptionAlgorithm"]
    } else {
        return Err(
            "has none of `kms`, `envelope`, `secretsmanager` and `ssm`, so it is of no form that is read here"
                .into()
        );
    };
    if let Some(field) = fields.iter().find(|field| !allowed.contains(&field.key.as_str())) {
        return Err(format!("has a field `{}` that is not known here", field.key));
    }
    match keeper {
        Some(keeper) => read_mapping(&entry.value, keeper).map(Stored::Mapped),
        None => read_ciphertext(&entry.value).map(Stored::Sealed),
    }
}

fn read_mapping(value: &Node, keeper: Keeper) -> Result<Mapping, String> {
    let text = |field: &str| match value.get(field) {
        None => Ok(None),
        Some(node) => match node.as_str() {
            Some(text) if !text.trim().is_empty() && text.chars().all(|c| !c.is_control()) => {
                Ok(Some(text.to_owned()))
            }
            _ => Err(format!("has no text in `{field}`")),
        },
    };
    // It is there: the keeper is known by it.
    let id = text(keeper.word())?.unwrap_or_default();
    Ok(Mapping { kept: Kept { keeper, id, stage: text("stage")? }, field: text("field")? })
}

fn read_ciphertext(value: &Node) -> Result<Ciphertext, String> {
    let has = |name: &str| value.get(name).is_some();
    if has("kms") {
        return Ok(Ciphertext::Kms(bytes(value, "kms")?));
    }
    if has("CiphertextBlob") {
        return match value.get("EncryptionAlgorithm").map(Node::as_str) {
            None | Some(Some("SYMMETRIC_DEFAULT")) => Ok(Ciphertext::Kms(bytes(value, "CiphertextBlob")?)),
            Some(_) => Err("is encrypted with an asymmetric key; a symmetric one is needed".into()),
        };
    }
    match value.get("envelope").map(|node| &node.value) {
        Some(NodeValue::Scalar(version)) if version.as_u64() == Some(1) => {}
        _ => return Err("has an envelope of a version that is not known here".into()),
    }
    let nonce = bytes(value, "nonce")?;
    let nonce =
        <[u8; NONCE_LENGTH]>::try_from(nonce).map_err(|_| "has a `nonce` of a wrong length".to_owned())?;
    Ok(Ciphertext::Envelope { key: bytes(value, "key")?, nonce, data: bytes(value, "data")? })
}

/// Base64, perhaps over several lines.
fn bytes(node: &Node, field: &str) -> Result<Vec<u8>, String> {
    let text = node.get(field).and_then(Node::as_str).unwrap_or_default();
    let packed: String = text.split_whitespace().collect();
    match STANDARD.decode(packed) {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes),
        _ => Err(format!("has no base64 in `{field}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SecretsFile, FileError> {
        SecretsFile::parse(Path::new("secrets.yml"), text.as_bytes().to_vec())
    }

    #[track_caller]
    fn refused(text: &str, message: &str) {
        assert_eq!(parse(text).expect_err("it is refused").to_string(), message);
    }

    #[test]
    fn all_forms_are_read() {
        let file = parse(
            "# ours\nversion: 1\na.b:\n  kms: AAEC\nwrapped:\n  kms: |\n    AA\n    EC\n\
             big:\n  envelope: 1\n  key: AAEC\n  nonce: AAAAAAAAAAAAAAAA\n  data: AwQF\n\
             pasted: {\"CiphertextBlob\": \"AAEC\", \"KeyId\": \"arn:x\", \"EncryptionAlgorithm\": \"SYMMETRIC_DEFAULT\"}\n\
             version_of_it: {kms: AAEC}\n",
        )
        .expect("it is ours");
        let direct = Stored::Sealed(Ciphertext::Kms(vec![0, 1, 2]));
        assert_eq!(file.get("a.b"), Some(&direct));
        assert_eq!(file.get("wrapped"), Some(&direct));
        assert_eq!(file.get("pasted"), Some(&direct));
        assert_eq!(
            file.get("big"),
            Some(&Stored::Sealed(Ciphertext::Envelope {
                key: vec![0, 1, 2],
                nonce: [0; 12],
                data: vec![3, 4, 5]
            }))
        );
        assert_eq!(file.entries().len(), 5);
        assert_eq!(parse("").expect("empty is fine").entries(), []);
        assert_eq!(parse("# only a comment\n").expect("empty is fine").entries(), []);
    }

    #[test]
    fn values_that_are_kept_elsewhere_are_read() {
        let file = parse(
            "a: {secretsmanager: prod/mysql, field: password, stage: AWSPREVIOUS}\nb:\n  ssm: /prod/token:3\n",
        )
        .expect("it is ours");
        let shown: Vec<String> = file
            .entries()
            .iter()
            .map(|(_, stored)| match stored {
                Stored::Mapped(mapping) => mapping.to_string(),
                Stored::Sealed(_) => String::new(),
            })
            .collect();
        assert_eq!(
            shown,
            ["secretsmanager prod/mysql, stage AWSPREVIOUS, field password", "ssm /prod/token:3"]
        );
        let at = |reason: &str| format!("secrets file `secrets.yml`, line 1: `a` {reason}");
        refused("a: {ssm: /t, stage: x}\n", &at("has a field `stage` that is not known here"));
        refused("a: {ssm: /t, kms: AAEC}\n", &at("has a field `kms` that is not known here"));
        refused("a: {ssm: ''}\n", &at("has no text in `ssm`"));
        refused("a: {ssm: [x]}\n", &at("has no text in `ssm`"));
        refused("a: {secretsmanager: x, field: 5}\n", &at("has no text in `field`"));
        refused("a: {secretsmanager: \"x\\ny\"}\n", &at("has no text in `secretsmanager`"));
    }

    #[test]
    fn a_file_that_everyone_may_change_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secrets.yml");
        std::fs::write(&path, "a: {kms: AAEC}\n").expect("written");
        let with_mode = |mode| {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("changed");
            SecretsFile::read(&path)
        };
        let shown = path.display();
        assert_eq!(
            with_mode(0o602).expect_err("it is refused").to_string(),
            format!(
                "secrets file `{shown}` can be changed by everyone on this machine; `chmod o-w {shown}` takes that right away"
            )
        );
        assert_eq!(with_mode(0o664).expect("it is ours").entries().len(), 1);
    }

    #[test]
    fn other_forms_are_refused_by_name_and_never_quoted() {
        let at = |line: usize, reason: &str| format!("secrets file `secrets.yml`, line {line}: {reason}");
        refused(
            "a: ENC[AES256_GCM,data:x]\nsops:\n  kms: []\n",
            "secrets file `secrets.yml`: it is a file of sops; `sync secrets set` makes one that is read here",
        );
        refused(
            "$ANSIBLE_VAULT;1.1;AES256\n6162\n",
            "secrets file `secrets.yml`: it is a file of Ansible Vault; `sync secrets set` makes one that is read here",
        );
        refused("\na: hunter2!\n", &at(2, "`a` is not encrypted; `sync secrets set` writes it as `kms: …`"));
        refused(
            "a:\n  password: hunter2!\n",
            &at(
                1,
                "`a` has none of `kms`, `envelope`, `secretsmanager` and `ssm`, so it is of no form that is read here",
            ),
        );
        refused("a: {kms: AAEC, kmz: x}\n", &at(1, "`a` has a field `kmz` that is not known here"));
        refused("a: {kms: hunter2!}\n", &at(1, "`a` has no base64 in `kms`"));
        refused("a: {kms: AAEC}\na: {kms: AAEC}\n", &at(2, "a name stands here twice"));
        refused("- hunter2!\n", &at(1, "it is not a mapping of names"));
        refused("version: 2\n", &at(1, "its version is not 1; a newer `sync` may read it"));
        refused(
            "a: {envelope: 2, key: AAEC, nonce: AAEC, data: AAEC}\n",
            &at(1, "`a` has an envelope of a version that is not known here"),
        );
        refused(
            "a: {CiphertextBlob: AAEC, EncryptionAlgorithm: RSAES_OAEP_SHA_256}",
            &at(1, "`a` is encrypted with an asymmetric key; a symmetric one is needed"),
        );
        refused(
            "\"../a\": {kms: AAEC}\n",
            &at(1, "`../a` is no name for a secret: letters, digits, `.`, `_` and `-` make one"),
        );
        refused(
            "a: 'hunter2!\n",
            &at(1, "it is not YAML (what is pasted over several lines must be indented)"),
        );
        refused(
            "a: {envelope: 1, key: AAEC, nonce: AAEC, data: AAEC}\n",
            &at(1, "`a` has a `nonce` of a wrong length"),
        );
        for (start, tool) in [
            ("-----BEGIN AGE ENCRYPTED FILE-----", "age"),
            ("age-encryption.org/v1", "age"),
            ("\0GITCRYPT", "git-crypt"),
        ] {
            let made = format!("it is a file of {tool}; `sync secrets set` makes one that is read here");
            refused(start, &format!("secrets file `secrets.yml`: {made}"));
        }
        let bytes = SecretsFile::parse(Path::new("secrets.yml"), vec![0xff]).expect_err("it is no text");
        assert_eq!(
            bytes.to_string(),
            "secrets file `secrets.yml`: it is not text, so it is of another tool; `sync secrets set` makes one"
        );
    }

    #[test]
    fn a_disk_that_says_no_is_named() {
        let said = |error: FileError| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            (error.to_string(), cause)
        };
        let folder = tempfile::tempdir().expect("a directory");
        let missing = folder.path().join("missing/secrets.yml");
        let mut file = SecretsFile::read(&missing).expect("absent is empty");
        assert_eq!(
            said(file.set("a", &Ciphertext::Kms(vec![2])).expect_err("there is no folder")),
            (
                format!("secrets file `{}` cannot be written", missing.display()),
                Some("No such file or directory (os error 2)".to_owned())
            )
        );
        assert_eq!(
            said(SecretsFile::read(folder.path()).expect_err("a folder is no file")),
            (
                format!("secrets file `{}` cannot be read", folder.path().display()),
                Some("Is a directory (os error 21)".to_owned())
            )
        );
    }

    #[test]
    fn an_entry_that_others_repeat_is_not_edited() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("secrets.yml");
        // Without the second `&k`, `c` would mean the first.
        std::fs::write(&path, "a: &k {kms: AAEC}\nb: &k {kms: AAED}\nc: *k\n").expect("written");
        let mut file = SecretsFile::read(&path).expect("it is ours");
        assert_eq!(
            file.set("b", &Ciphertext::Kms(vec![2])).expect_err("it is unusual").to_string(),
            format!(
                "secrets file `{}`: its layout is too unusual to be edited; write names at the beginning of lines",
                path.display()
            )
        );
    }

    #[test]
    fn a_value_is_set_in_one_step_and_the_rest_stays() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("secrets.yml");
        let mut file = SecretsFile::read(&path).expect("absent is empty");
        file.set("b", &Ciphertext::Kms(vec![1])).expect("written");
        file.set("a", &Ciphertext::Kms(vec![2])).expect("written");
        file.set("b", &Ciphertext::Kms(vec![3])).expect("written");
        let read = SecretsFile::read(&path).expect("it is ours");
        assert_eq!(read, file);
        assert_eq!(
            read.entries(),
            [3, 2].map(|byte| {
                let name = if byte == 3 { "b" } else { "a" };
                (name.to_owned(), Stored::Sealed(Ciphertext::Kms(vec![byte])))
            })
        );
        let files: Vec<_> = std::fs::read_dir(directory.path()).expect("there").collect();
        assert_eq!(files.len(), 1);
    }

    #[test]
    fn a_change_by_somebody_else_is_not_overwritten() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("secrets.yml");
        let mut file = SecretsFile::read(&path).expect("absent is empty");
        std::fs::write(&path, "a: {kms: AAEC}\n").expect("written");
        let error = file.set("a", &Ciphertext::Kms(vec![2])).expect_err("it was changed");
        assert_eq!(
            error.to_string(),
            format!(
                "secrets file `{}` was changed by somebody else meanwhile; nothing was written, try again",
                path.display()
            )
        );
        assert_eq!(std::fs::read_to_string(&path).expect("there"), "a: {kms: AAEC}\n");
        assert_eq!(std::fs::read_dir(directory.path()).expect("there").count(), 1);
    }
}
