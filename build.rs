//! Tells the program which build it is, for `sync --version --json`.
//!
//! Nothing is started but the compiler: the commit is read from git's own files, so that git need not be installed.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=SYNC_COMMIT");
    let profile = env::var("PROFILE").unwrap_or_default();
    tell("TARGET", &env::var("TARGET").unwrap_or_default());
    tell("RUSTC", &rustc().unwrap_or_default());
    tell("PROFILE", &profile);
    // A debug build is of no commit: each one would compile the crate again.
    let found = if profile == "release" { commit() } else { None };
    if let Some(commit) = env::var("SYNC_COMMIT").ok().filter(|commit| !commit.is_empty()).or(found) {
        tell("COMMIT", &commit);
    }
}

fn tell(name: &str, value: &str) {
    println!("cargo:rustc-env=SYNC_BUILD_{name}={value}");
}

/// `rustc 1.95.0 (…)`
fn rustc() -> Option<String> {
    let output = Command::new(env::var_os("RUSTC")?).arg("--version").output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// What HEAD is in the work tree that holds this file; none in an unpacked archive.
fn commit() -> Option<String> {
    let git = git_folder(&Path::new(&env::var_os("CARGO_MANIFEST_DIR")?).join(".git"))?;
    let head = watched(&git.join("HEAD"))?;
    let Some(name) = head.strip_prefix("ref: ") else { return is_hash(&head).then_some(head) };
    // A work tree beside the first one has its branches where that one has them.
    let common = watched(&git.join("commondir")).map_or_else(|| git.clone(), |common| git.join(common));
    let loose = watched(&common.join(name));
    let hash = loose.or_else(|| {
        let packed = watched(&common.join("packed-refs"))?;
        packed.lines().find_map(|line| line.strip_suffix(name)).map(|hash| hash.trim().to_owned())
    })?;
    is_hash(&hash).then_some(hash)
}

/// `.git` is a folder, or a file that names one.
fn git_folder(path: &Path) -> Option<PathBuf> {
    if path.is_dir() {
        return Some(path.to_owned());
    }
    let text = watched(path)?;
    Some(path.parent()?.join(text.strip_prefix("gitdir: ")?))
}

/// A small file, read again when it changes.
fn watched(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    println!("cargo:rerun-if-changed={}", path.display());
    Some(text.trim_end().to_owned())
}

fn is_hash(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
