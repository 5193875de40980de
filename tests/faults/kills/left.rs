//! What a run leaves on this machine.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::sandbox::Sandbox;

/// Processes of a case that live, with their arguments.
pub fn processes(case: &str) -> Vec<String> {
    let wanted = format!("SYNC_KILLS_CASE={case}");
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("there is /proc").flatten() {
        // A process may end while it is looked at.
        let Ok(environment) = std::fs::read(entry.path().join("environ")) else { continue };
        if environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes()) {
            let arguments = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            found.push(String::from_utf8_lossy(&arguments).replace('\0', " "));
        }
    }
    found
}

/// Waits until what a process that was killed had started has ended.
pub fn await_end(case: &str) {
    let begun = Instant::now();
    loop {
        let left = processes(case);
        if left.is_empty() {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "still there after half a minute: {left:?}");
        // There is no event to wait for: they are not our children.
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Files and folders of a sandbox that neither the test nor a run that ended well leaves there.
pub fn strays(sandbox: &Sandbox, outputs: &[String]) -> Vec<String> {
    let mut strays = Vec::new();
    look(&sandbox.path(), "", outputs, &mut strays);
    strays
}

fn look(folder: &Path, name: &str, outputs: &[String], strays: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let entry = entry.expect("the folder can be read");
        let name = format!("{name}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            let is_known = matches!(name.as_str(), "out" | ".sync" | ".sync/tmp" | ".sync/logs")
                || name.starts_with(".sync/logs/");
            if !is_known {
                strays.push(name.clone());
            }
            look(&entry.path(), &format!("{name}/"), outputs, strays);
        } else if !is_known(&name, outputs) {
            strays.push(name);
        }
    }
}

fn is_known(name: &str, outputs: &[String]) -> bool {
    let logs = |name: &str| {
        name.ends_with(".log") || name.ends_with("/report.json") || name.ends_with("/report.html")
    };
    matches!(name, "main.dig" | "sync.properties" | "ran" | ".sync/.gitignore" | ".sync/state.db")
        || outputs.iter().any(|output| output == name)
        || (name.starts_with(".sync/logs/") && logs(name))
        || (name.ends_with(".yml") && !name.contains('/'))
}
