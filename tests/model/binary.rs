//! The program as people start it, with real shells: whether the shortcut of [`super::program`] tells the truth.

use std::os::unix::fs::PermissionsExt as _;

use super::events::{Teller, Told};
use super::files::Files;
use crate::support::sandbox::Sandbox;

/// The operator of the tests as a script. Parameters are variables.
const STEP: &str = r#"#!/bin/sh
counter=$STEPS/$(printf %s "$task_name" | cksum | tr ' ' -)
count=$(($(cat "$counter" 2> /dev/null || echo 0) + 1))
echo "$count" > "$counter"
cat "$SYNC_PARAMS"
echo
case $fail in '*' | *"$count"*) exit "${code:-1}" ;; esac
[ -z "${put+set}" ] || printf %s "$put" > "$SYNC_STORE"
"#;

/// Runs the workflow `main.dig` in a folder of its own. Told are the tasks, not what the summary counts.
pub fn run(files: &Files) -> Told {
    let mut sandbox = Sandbox::new().file("steps/step", STEP);
    let folder = sandbox.path().join("steps");
    std::fs::set_permissions(folder.join("step"), std::fs::Permissions::from_mode(0o755)).unwrap();
    for (path, text) in files.texts() {
        sandbox.write(path, &text);
    }
    sandbox.set("STEP", folder.join("step").to_str().unwrap());
    sandbox.set("STEPS", folder.to_str().unwrap());
    let said = sandbox.run(["run", "main.dig", "--json", "-j", "100", "--session", "2024-03-10"]);
    assert!(matches!(said.code, Some(0 | 1)), "{said:?}");
    let mut teller = Teller::default();
    for line in said.stdout.lines() {
        teller.hear(&serde_json::from_str(line).unwrap());
    }
    teller.told
}
