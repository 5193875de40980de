//! A whole transfer file from text to config, as template and as plain YAML, with a partial that it may include and a
//! config diff that may go over it.

#![no_main]

use std::collections::BTreeMap;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use sync::embulk::config::ExecConfig;
use sync::embulk::{ForeignPlugins, Surroundings, check_file, load};
use sync::reader::MemoryReader;
use sync::report::problems::render;
use sync::secret::{Secret, SecretError, SecretStore};

/// The lines between the files.
const CUT: &str = "\n#--- _part.yml.liquid\n";
const DIFF: &str = "\n#--- diff.yml\n";

struct Nothing;

impl SecretStore for Nothing {
    fn get(&self, name: &str) -> Result<Secret, SecretError> {
        Err(SecretError::NotFound { name: name.to_owned() })
    }
}

fuzz_target!(|text: &str| {
    let (text, diff) = text.split_once(DIFF).map_or((text, None), |(text, diff)| (text, Some(diff)));
    let (main, part) = text.split_once(CUT).unwrap_or((text, "host: {{ env.X }}\n"));
    for name in ["a.yml", "a.yml.liquid"] {
        let reader = MemoryReader::default().with(name, main).with("_part.yml.liquid", part);
        let reader = reader.with("diff.yml", diff.unwrap_or_default());
        let env = BTreeMap::from([("X".to_owned(), "a,b".to_owned())]);
        let surroundings = Surroundings {
            env: &env,
            reader: &reader,
            secrets: &Nothing,
            is_secret: &|_, _| false,
            now: &jiff::Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC),
            directory: Path::new("work"),
            diff: diff.is_some().then_some(Path::new("diff.yml")),
            exec: ExecConfig::default(),
        };
        let _ = render(&check_file(Path::new(name), &reader, ForeignPlugins::Refuse), false);
        match load(Path::new(name), &surroundings) {
            Ok(loaded) => drop(render(&loaded.problems, false)),
            Err(problems) => assert!(problems.iter().any(|problem| problem.is_error()), "no reason"),
        }
    }
});
