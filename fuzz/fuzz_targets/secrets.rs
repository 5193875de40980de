//! The file of secrets: what is read of it is what is written into it, and nothing else changes with that.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use sync::secret::ciphertext::Ciphertext;
use sync::secret::file::{Change, SecretsFile};

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("secrets.yml");
    let file = match SecretsFile::parse(path, bytes.to_vec()) {
        Ok(file) => file,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    // A file on the disk is changed; only now and then, because that costs more than all of the above.
    if bytes.len() % 8 != 0 {
        return;
    }
    let folder = tempfile::tempdir_in("/dev/shm").expect("there is memory");
    let path = folder.path().join("secrets.yml");
    std::fs::write(&path, bytes).expect("a file");
    let mut there = SecretsFile::read(&path).expect("it was parsed before");
    let mut changes = vec![Change { name: "new.name".to_owned(), to: Some(Ciphertext::Kms(vec![1, 2, 3])) }];
    if let Some((name, _)) = file.entries().first() {
        changes.push(Change { name: name.clone(), to: None });
    }
    changes.dedup_by(|a, b| a.name == b.name);
    match there.change(&changes) {
        Ok(()) => {
            let again = SecretsFile::read(&path).expect("what was written is read");
            assert_eq!(again.entries(), there.entries());
            assert!(again.get("new.name").is_some() || changes.len() == 1);
        }
        Err(_) => assert_eq!(std::fs::read(&path).expect("it is there"), bytes, "a file that could not be changed"),
    }
});
