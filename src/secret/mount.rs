//! `_secrets`: a task reads its secrets under other names (Digdag: `_secrets: {pg: other.db}` makes
//! `pg.password` the secret `other.db.password`).

use std::sync::Arc;

use serde_json::Value;

use super::{Secret, SecretError, SecretStore};

/// A value of `_secrets` that names no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Illegal value in _secrets: `{path}` must be a text, but is {kind}")]
pub struct MountError {
    /// The dotted key.
    pub path: String,
    /// What stands there.
    pub kind: &'static str,
}

/// A store seen through `_secrets`. The longest mounted name counts; all others are as they are.
pub struct Mounted {
    store: Arc<dyn SecretStore>,
    /// Name and what it stands for.
    mounts: Vec<(String, String)>,
}

impl Mounted {
    /// Reads the value of `_secrets`: a map of names, dotted or nested, to names. `true` changes nothing (Digdag once
    /// asked for it).
    pub fn new(store: Arc<dyn SecretStore>, written: &Value) -> Result<Self, MountError> {
        let mut mounts = Vec::new();
        collect("", written, &mut mounts)?;
        Ok(Self { store, mounts })
    }

    fn mounted(&self, name: &str) -> Option<String> {
        let covers = |from: &str| {
            name.strip_prefix(from).filter(|rest| rest.is_empty() || rest.starts_with('.')).map(str::len)
        };
        let fitting = self.mounts.iter().filter_map(|(from, to)| Some((covers(from)?, to)));
        let (rest, to) = fitting.min_by_key(|(rest, _)| *rest)?;
        Some(format!("{to}{}", &name[name.len() - rest..]))
    }
}

impl SecretStore for Mounted {
    fn get(&self, name: &str) -> Result<Secret, SecretError> {
        match self.mounted(name) {
            Some(mounted) => self.store.get(&mounted),
            None => self.store.get(name),
        }
    }
}

fn collect(path: &str, value: &Value, mounts: &mut Vec<(String, String)>) -> Result<(), MountError> {
    let wrong = |kind| MountError { path: path.to_owned(), kind };
    match value {
        Value::Object(map) => map.iter().try_for_each(|(key, value)| {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            collect(&path, value, mounts)
        }),
        Value::String(name) if !path.is_empty() => {
            mounts.push((path.to_owned(), name.clone()));
            Ok(())
        }
        Value::Bool(true) | Value::Null => Ok(()),
        other => Err(wrong(crate::dig::params::kind_of(other))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Every secret is its own name.
    struct Echo;

    impl SecretStore for Echo {
        fn get(&self, name: &str) -> Result<Secret, SecretError> {
            Ok(Secret::new(name))
        }
    }

    fn read(written: &Value, name: &str) -> String {
        let mounted = Mounted::new(Arc::new(Echo), written).expect("mounts");
        mounted.get(name).expect("a secret").expose().to_owned()
    }

    #[test]
    fn names_below_a_mount_move_with_it() {
        let written = json!({"pg": "other.db", "mysql": {"password": "pw", "host": true}, "pg.user": "me"});
        for (name, expected) in [
            ("pg.password", "other.db.password"),
            ("pg", "other.db"),
            ("pg.user", "me"),
            ("pgx.password", "pgx.password"),
            ("mysql.password", "pw"),
            ("mysql.host", "mysql.host"),
        ] {
            assert_eq!(read(&written, name), expected, "{name}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let error =
            |written: Value| Mounted::new(Arc::new(Echo), &written).err().map(|error| error.to_string());
        assert_eq!(
            error(json!({"pg": {"port": 5432}})).as_deref(),
            Some("Illegal value in _secrets: `pg.port` must be a text, but is a number")
        );
        assert_eq!(error(json!({"pg": true})), None);
    }
}
