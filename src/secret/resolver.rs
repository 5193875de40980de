//! Finds secrets: asks the sources in order, remembers for the run, and teaches the scrubber before anyone else sees
//! a value.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::name;
use super::scrub::Scrubber;
use super::source::{Environment, Listed, SecretSource};
use super::{Secret, SecretError, SecretStore};

/// What was found for a name. The lock is held while it is looked up, so that a service is asked once.
type Slot = Arc<Mutex<Option<Secret>>>;

/// The secrets of a run.
pub struct Resolver {
    environment: Environment,
    sources: Vec<Box<dyn SecretSource>>,
    scrubber: Scrubber,
    found: Mutex<BTreeMap<String, Slot>>,
}

impl Resolver {
    /// Asks the environment first, then the sources in their order. What they have at hand is hidden from now on.
    pub fn new(environment: Environment, sources: Vec<Box<dyn SecretSource>>, scrubber: Scrubber) -> Self {
        let at_hand =
            environment.at_hand().into_iter().chain(sources.iter().flat_map(|source| source.at_hand()));
        at_hand.for_each(|secret| scrubber.add(&secret));
        Self { environment, sources, scrubber, found: Mutex::default() }
    }

    /// The scrubber that learns every secret.
    pub fn scrubber(&self) -> &Scrubber {
        &self.scrubber
    }

    /// All names with the place that gives them, those of the first place first. The same name may stand in several.
    pub fn list(&self) -> Result<Vec<(String, Listed)>, SecretError> {
        let mut all = Vec::new();
        for source in self.in_order() {
            let listed = source.list()?;
            all.extend(listed.into_iter().map(|one| (source.place().to_owned(), one)));
        }
        Ok(all)
    }

    fn in_order(&self) -> impl Iterator<Item = &dyn SecretSource> {
        let environment: &dyn SecretSource = &self.environment;
        std::iter::once(environment).chain(self.sources.iter().map(|source| &**source))
    }

    fn find(&self, name: &str) -> Result<Secret, SecretError> {
        if let Some(secret) = self.environment.find(name)? {
            self.refuse_collision(name)?;
            return Ok(secret);
        }
        for source in &self.sources {
            if let Some(secret) = source.find(name)? {
                return Ok(secret);
            }
        }
        Err(SecretError::NotFound { name: name.to_owned() })
    }

    /// A variable that two names could mean would give one of them a value that was not meant for it.
    fn refuse_collision(&self, name: &str) -> Result<(), SecretError> {
        let variable = name::variable(name);
        let mut names: BTreeSet<String> =
            self.found.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        // A source that cannot be listed reports that itself when it is asked for a value.
        names.extend(
            self.sources.iter().filter_map(|source| source.list().ok()).flatten().map(|one| one.name),
        );
        match names.iter().find(|other| *other != name && name::variable(other) == variable) {
            None => Ok(()),
            Some(other) => Err(SecretError::Unavailable {
                name: name.to_owned(),
                place: "the environment".to_owned(),
                reason: format!("variable `{variable}` could mean `{other}` as well; rename one of the two"),
            }),
        }
    }
}

impl SecretStore for Resolver {
    fn get(&self, name: &str) -> Result<Secret, SecretError> {
        let slot = {
            let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(found.entry(name.to_owned()).or_default())
        };
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(secret) = &*slot {
            return Ok(secret.clone());
        }
        let secret = self.find(name)?;
        self.scrubber.add(&secret);
        *slot = Some(secret.clone());
        Ok(secret)
    }
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolver(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::super::ciphertext::Ciphertext;
    use super::super::file::SecretsFile;
    use super::super::key_service::tests::FakeKeyService;
    use super::super::mapped::tests::FakeKept;
    use super::super::source::{Encrypted, Local, Properties};
    use super::*;
    use std::sync::atomic::Ordering;

    struct Fixture {
        _directory: tempfile::TempDir,
        service: Arc<FakeKeyService>,
        resolver: Resolver,
    }

    fn fixture(environment: &[(&str, &str)], properties: &[(&str, &str)]) -> Fixture {
        let directory = tempfile::tempdir().expect("a directory");
        let service = Arc::new(FakeKeyService::default());
        let path = directory.path().join("secrets.yml");
        let mut file = SecretsFile::read(&path).expect("absent is empty");
        for name in ["a", "b", "c", "d.d"] {
            let value = Secret::new(format!("{name} from file"));
            let sealed = Ciphertext::seal(name, &value, "alias/test", service.as_ref()).expect("sealed");
            file.set(name, &sealed).expect("written");
        }
        let local = directory.path().join("secrets");
        std::fs::create_dir(&local).expect("made");
        for name in ["a", "b", "c", "e"] {
            std::fs::write(local.join(name), format!("{name} from local")).expect("written");
        }
        let pairs = properties.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value)));
        let sources: Vec<Box<dyn SecretSource>> = vec![
            Box::new(Properties::new(pairs.collect())),
            Box::new(Encrypted::new(
                path,
                "`secrets.yml`",
                Arc::clone(&service) as Arc<_>,
                Arc::new(FakeKept::default()),
            )),
            Box::new(Local::new(&local)),
        ];
        let environment =
            Environment::new(environment.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        let resolver = Resolver::new(environment, sources, Scrubber::new());
        Fixture { _directory: directory, service, resolver }
    }

    #[test]
    fn the_first_source_wins() {
        let fixture = fixture(
            &[("SYNC_SECRET_A", "a from environment")],
            &[("a", "a from properties"), ("b", "b from properties")],
        );
        for (name, place) in [("a", "environment"), ("b", "properties"), ("c", "file"), ("e", "local")] {
            let secret = fixture.resolver.get(name).expect("it is there");
            assert_eq!(secret.expose(), format!("{name} from {place}"));
        }
        assert_eq!(
            fixture.resolver.get("x").expect_err("nowhere").to_string(),
            "Secret not found for key: 'x'"
        );
    }

    #[test]
    fn a_service_is_asked_once_and_the_scrubber_knows() {
        let fixture = fixture(&[], &[]);
        let scrubber = fixture.resolver.scrubber().clone();
        assert_eq!(scrubber.scrub_text("c from file, e from local"), "c from file, ***");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| fixture.resolver.get("c").expect("it is there"));
            }
        });
        assert_eq!(fixture.service.decrypted.load(Ordering::SeqCst), 1);
        assert_eq!(scrubber.scrub_text("c from file"), "***");
    }

    #[test]
    fn names_that_mean_one_variable_are_refused() {
        let refusal = |asked: &str, other: &str| {
            format!(
                "secret `{asked}` could not be read from the environment: variable `SYNC_SECRET_D_D` could mean \
                 `{other}` as well; rename one of the two"
            )
        };
        let fixture = fixture(&[("SYNC_SECRET_D_D", "x")], &[]);
        assert_eq!(fixture.resolver.get("d_d").expect_err("refused").to_string(), refusal("d_d", "d.d"));
        assert_eq!(fixture.resolver.get("d.d").expect_err("refused").to_string(), refusal("d.d", "d_d"));
    }

    #[test]
    fn lists_name_the_place_and_the_form() {
        let fixture = fixture(&[("SYNC_SECRET_Z", "z")], &[("p", "p")]);
        let listed = fixture.resolver.list().expect("all can be listed");
        let rows: Vec<(&str, &str)> =
            listed.iter().map(|(_, one)| (one.name.as_str(), one.form.as_ref())).collect();
        assert_eq!(
            rows,
            [
                ("SYNC_SECRET_Z", "plain"),
                ("p", "plain"),
                ("a", "kms"),
                ("b", "kms"),
                ("c", "kms"),
                ("d.d", "kms"),
                ("a", "plain"),
                ("b", "plain"),
                ("c", "plain"),
                ("e", "plain")
            ]
        );
    }
}
