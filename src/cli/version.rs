//! `sync --version --json`: which build this is and what it can do, for bug reports and for scripts that install it.

use serde_json::{Value, json};

use crate::{dig, embulk, program};

/// One object. Documented in the README.
pub fn json() -> Value {
    json!({
        "name": program::NAME,
        "version": env!("CARGO_PKG_VERSION"),
        // Of a release that was built in a work tree of git, or where `SYNC_COMMIT` said it.
        "commit": option_env!("SYNC_BUILD_COMMIT"),
        "target": env!("SYNC_BUILD_TARGET"),
        "rustc": env!("SYNC_BUILD_RUSTC"),
        "profile": env!("SYNC_BUILD_PROFILE"),
        "sqlite": rusqlite::version(),
        "operators": dig::operator::known().collect::<Vec<_>>(),
        "inputs": embulk::native::INPUTS,
        "parsers": embulk::native::PARSERS,
        "decoders": embulk::native::DECODERS,
        "filters": embulk::native::filters(),
        "outputs": embulk::native::OUTPUTS,
        "formatters": embulk::native::FORMATTERS,
        "encoders": embulk::native::ENCODERS,
    })
}
