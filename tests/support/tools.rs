//! Programs of others that tests start.

use std::process::Command;

use super::servers::skip;

/// Whether a program is there; without it a test is skipped, or fails where nothing may be skipped.
pub fn is_there(program: &str) -> bool {
    if Command::new("sh")
        .args(["-c", "command -v \"$0\"", program])
        .output()
        .is_ok_and(|found| found.status.success())
    {
        return true;
    }
    assert!(std::env::var("SYNC_TEST_REQUIRE").as_deref() != Ok("1"), "`{program}` is not there");
    skip(&format!("no {program} (`tests/run` installs it)"));
    false
}
