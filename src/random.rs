//! Names and keys that nobody can guess and no other process has.

use std::fs::File;
use std::io::{self, Read as _};

/// 128 bits of the system's randomness, in hex.
pub fn key() -> io::Result<String> {
    let mut bytes = [0_u8; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_keys_are_the_same() {
        let keys = [key().expect("random"), key().expect("random")];
        assert!(keys[0] != keys[1] && keys.iter().all(|key| key.len() == 32), "{keys:?}");
    }
}
