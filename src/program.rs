//! The name that the program was called by: the one that works in the commands that its messages print.
//!
//! Debian's `sync` is another program, so packages install this one under a name of their own. Messages are written for
//! `sync`, and [`in_its_name`] puts the name in where they leave the process.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::shell;

/// The name that messages, help and rules are written with.
pub const NAME: &str = "sync";

/// What it is called as the second process of a run: see [`crate::run::orphans`].
pub const WATCH: &str = "sync-watch";

/// Names by which it is another program: their messages are of commands of `sync` all the same.
const OTHER_FACES: [&str; 2] = ["embulk", WATCH];

/// How the program was called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// What a command line begins with, ready to be pasted.
    name: String,
    /// The words that may follow it.
    commands: Vec<String>,
}

static CALLED: OnceLock<Called> = OnceLock::new();

/// What was found out at the start, by the first argument of the process and its `PATH`.
///
/// A name without a slash was found on the PATH by whoever started the program, and is found there again. A path is
/// shortened to its file name where the PATH leads from that to the same file, else it is kept: `/usr/lib/sync/bin/sync
/// retry` must not become `sync retry`, which is coreutils'.
pub fn remember(argument: &OsStr, path: Option<&OsStr>, commands: impl FnOnce() -> Vec<String>) {
    let name = name_of(argument, path);
    // A second call changes nothing: a process is called once.
    let commands = if name == NAME { Vec::new() } else { commands() };
    let _ = CALLED.set(Called { name, commands });
}

/// What a command line of this program begins with.
pub fn name() -> &'static str {
    CALLED.get().map_or(NAME, |called| called.name.as_str())
}

/// The name without a path: for manual pages and completions, and before a message as coreutils has it.
pub fn short_name() -> &'static str {
    let name = name().trim_end_matches('\'');
    name.rsplit('/').next().unwrap_or(NAME)
}

/// A text for people with the commands in it, `` `sync retry …` ``, as commands of the program by its name of today.
pub fn in_its_name(text: &str) -> Cow<'_, str> {
    CALLED.get().map_or(Cow::Borrowed(text), |called| called.speaks(text))
}

/// A command line that begins with `sync`, by the name of today.
pub fn command(line: &str) -> String {
    line.strip_prefix(NAME).map_or_else(|| line.to_owned(), |rest| format!("{}{rest}", name()))
}

/// The absolute path of the program for a unit of systemd or a line of a crontab, which know no PATH of ours. Links
/// stay: what `/usr/bin` names is there after an upgrade, too.
pub fn absolute_path() -> io::Result<PathBuf> {
    let argument = std::env::args_os().next().unwrap_or_default();
    absolute(&argument, std::env::var_os("PATH").as_deref(), &std::env::current_exe()?)
}

impl Called {
    fn speaks<'t>(&self, text: &'t str) -> Cow<'t, str> {
        const START: &str = "`sync ";
        if self.name == NAME || !text.contains(START) {
            return Cow::Borrowed(text);
        }
        let mut spoken = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(START) {
            let (before, after) = (&rest[..at], &rest[at + START.len()..]);
            spoken.push_str(before);
            let name = if self.is_command(after) { &self.name } else { NAME };
            spoken.push_str(&format!("`{name} "));
            rest = after;
        }
        spoken.push_str(rest);
        Cow::Owned(spoken)
    }

    fn is_command(&self, text: &str) -> bool {
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(text.len());
        let word = &text[..end];
        word.starts_with('-') || self.commands.iter().any(|command| command == word)
    }
}

fn name_of(argument: &OsStr, path: Option<&OsStr>) -> String {
    let file = Path::new(argument).file_name().unwrap_or_default();
    if file.is_empty() || OTHER_FACES.iter().any(|face| file == *face) {
        return NAME.to_owned();
    }
    let called = Path::new(argument);
    let is_bare = called.components().count() == 1 && file == argument;
    if is_bare || on_path(file, path).is_some_and(|found| is_same_file(&found, called)) {
        return shell::word(&file.to_string_lossy());
    }
    let kept = std::path::absolute(called).unwrap_or_else(|_| called.to_owned());
    shell::word(&kept.to_string_lossy())
}

fn absolute(argument: &OsStr, path: Option<&OsStr>, executable: &Path) -> io::Result<PathBuf> {
    let called = Path::new(argument);
    let found = if argument.as_encoded_bytes().contains(&b'/') {
        Some(std::path::absolute(called)?)
    } else {
        on_path(argument, path).and_then(|found| std::path::absolute(found).ok())
    };
    // The first argument is what the caller says, and need not be true.
    Ok(found.filter(|found| is_same_file(found, executable)).unwrap_or_else(|| executable.to_owned()))
}

/// The first file of that name that may be executed.
fn on_path(name: &OsStr, path: Option<&OsStr>) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    if name.is_empty() {
        return None;
    }
    std::env::split_paths(path?).map(|folder| folder.join(name)).find(|file| {
        file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    })
}

fn is_same_file(left: &Path, right: &Path) -> bool {
    matches!((left.canonicalize(), right.canonicalize()), (Ok(left), Ok(right)) if left == right)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(name: &str) -> Called {
        Called { name: name.to_owned(), commands: vec!["run".to_owned(), "retry".to_owned()] }
    }

    #[test]
    fn commands_of_a_text_are_by_the_name_of_today() {
        let text = "`sync retry --session 7` runs `sync row`; `sync --help`, `sync runner` and sync run";
        assert_eq!(called("sync").speaks(text), text);
        assert_eq!(
            called("sync-tables").speaks(text),
            "`sync-tables retry --session 7` runs `sync row`; `sync-tables --help`, `sync runner` and sync run"
        );
        assert_eq!(called("x").speaks("nothing to see"), "nothing to see");
        assert_eq!(called("x").speaks("`sync run"), "`x run");
    }

    #[test]
    fn a_path_is_kept_where_its_name_is_another_program() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["lib/sync", "coreutils/sync", "with space/sync"] {
            std::fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            std::fs::write(root.join(name), "").unwrap();
            std::fs::set_permissions(root.join(name), PermissionsExt::from_mode(0o755)).unwrap();
        }
        std::fs::create_dir(root.join("bin")).unwrap();
        std::fs::write(root.join("bin/sync"), "not to be executed").unwrap();
        symlink(root.join("lib/sync"), root.join("bin/sync-tables")).unwrap();
        let path = std::env::join_paths([root.join("bin"), root.join("coreutils")]).unwrap();
        let at = |name: &str| root.join(name).into_os_string();
        let name = |argument: &OsStr| name_of(argument, Some(&path));

        assert_eq!(name("sync".as_ref()), "sync", "who calls it so finds it so");
        assert_eq!(name(&at("lib/sync")), root.join("lib/sync").to_string_lossy());
        assert_eq!(name(&at("bin/sync-tables")), "sync-tables");
        assert_eq!(name(&at("coreutils/sync")), "sync");
        assert_eq!(name(&at("with space/sync")), format!("'{}'", root.join("with space/sync").display()));
        assert_eq!(name(&at("lib/embulk")), "sync");
        assert_eq!(name_of(&at("lib/sync"), None), root.join("lib/sync").to_string_lossy());
        assert_eq!(name("".as_ref()), "sync");

        let executable = root.join("lib/sync");
        let whole = |argument: &OsStr| absolute(argument, Some(&path), &executable).unwrap();
        assert_eq!(whole("sync-tables".as_ref()), root.join("bin/sync-tables"));
        assert_eq!(whole(&at("bin/sync-tables")), root.join("bin/sync-tables"));
        assert_eq!(whole("sync".as_ref()), executable, "the first on the PATH is another program");
        assert_eq!(whole("".as_ref()), executable);
    }
}
