//! `sync secrets rotate`: all values anew, under the same key or another one, in one step.

use anyhow::bail;

use super::{RotateArgs, key_of, kms, sealed};
use crate::cli::safe::{self, SafeSetup};
use crate::exit::Exit;
use crate::report::console::Console;
use crate::secret::Secret;
use crate::secret::ciphertext::Ciphertext;
use crate::secret::file::{Change, SecretsFile, Stored};
use crate::secret::key_service::KeyService;

pub(super) fn exec(args: &RotateArgs, setup: &SafeSetup<'_>, console: &Console) -> anyhow::Result<Exit> {
    let Some(key) = key_of(args.key.as_deref(), setup, console) else { return Ok(Exit::Usage) };
    let (path, place) = safe::secrets_file(setup.project, setup.properties);
    let mut file = SecretsFile::read(&path)?;
    let wanted = wanted(&file, &args.names, &place)?;
    if wanted.is_empty() {
        console.say(&format!("{place} has no value that is encrypted; nothing was written"));
        return Ok(Exit::Success);
    }
    let service = kms(setup);
    let changes = match opened(&wanted, &service).and_then(|values| sealed_anew(values, &key, &service)) {
        Ok(changes) => changes,
        Err(Refused { what, causes }) => {
            console.failure(&what, &causes, Some("nothing was written; mend these, or name the others"));
            return Ok(Exit::TaskFailed);
        }
    };
    file.change(&changes)?;
    let count = match changes.len() {
        1 => "1 secret".to_owned(),
        count => format!("{count} secrets"),
    };
    console.say(&format!("{count} in {place} encrypted anew under key `{key}`"));
    Ok(Exit::Success)
}

/// Why nothing is written.
struct Refused {
    what: String,
    /// One for each name.
    causes: Vec<String>,
}

/// What is asked for, each name once; without names all that is encrypted.
fn wanted(file: &SecretsFile, names: &[String], place: &str) -> anyhow::Result<Vec<(String, Ciphertext)>> {
    if names.is_empty() {
        let sealed = file.entries().iter().filter_map(|(name, stored)| match stored {
            Stored::Sealed(sealed) => Some((name.clone(), sealed.clone())),
            Stored::Mapped(_) => None,
        });
        return Ok(sealed.collect());
    }
    let mut wanted: Vec<(String, Ciphertext)> = Vec::new();
    for name in names {
        let Some(value) = file.get(name) else {
            bail!("{}; nothing was written", super::missing(name, file, place));
        };
        if wanted.iter().all(|(known, _)| known != name) {
            wanted.push((name.clone(), sealed(name, value, place)?.clone()));
        }
    }
    Ok(wanted)
}

fn opened(
    wanted: &[(String, Ciphertext)],
    service: &dyn KeyService,
) -> Result<Vec<(String, Secret)>, Refused> {
    let mut causes = Vec::new();
    let mut values = Vec::new();
    for (name, value) in wanted {
        match value.open(name, service) {
            Ok(value) => values.push((name.clone(), value)),
            Err(error) => causes.push(format!("`{name}`: {error}")),
        }
    }
    let count = causes.len();
    if count == 0 {
        return Ok(values);
    }
    let all = wanted.len();
    Err(Refused { what: format!("{count} of {all} secrets could not be decrypted"), causes })
}

fn sealed_anew(
    values: Vec<(String, Secret)>,
    key: &str,
    service: &dyn KeyService,
) -> Result<Vec<Change>, Refused> {
    let seal = |(name, value): (String, Secret)| match Ciphertext::seal(&name, &value, key, service) {
        Ok(sealed) => Ok(Change { name, to: Some(sealed) }),
        Err(error) => Err(Refused {
            what: format!("secret `{name}` could not be encrypted under key `{key}`"),
            causes: vec![error.to_string()],
        }),
    };
    values.into_iter().map(seal).collect()
}
