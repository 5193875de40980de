//! The text of a properties file, and what is made of its keys.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sync::cli::properties::{Properties, Sources};
use sync::secret::params::SecretNames;

fuzz_target!(|text: &str| {
    let sources = Sources { text: Some(text.to_owned()), ..Sources::default() };
    match Properties::load(&sources) {
        Ok(properties) => {
            let _ = properties.params().map_err(|error| error.to_string());
            let _ = properties.log_server().map_err(|error| error.to_string());
            let _ = (properties.secrets(), properties.for_operators(&SecretNames::default()));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
