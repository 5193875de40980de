//! What coreutils' `sync` does, so that a script that finds this program first on its PATH does not break.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// What to write to disk, as coreutils' `sync` was asked.
#[derive(Debug, PartialEq, Eq)]
pub struct Flush {
    scope: Scope,
    files: Vec<OsString>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Data and metadata of each file; of everything when no file is named.
    Everything,
    /// `-d`: only the data of each file.
    Data,
    /// `-f`: the file systems that hold the files.
    FileSystem,
}

impl Flush {
    /// Whether the arguments (without the program's name) are meant for coreutils' `sync`: none at all, one of its
    /// options first, or a file that exists and is not named like a command.
    pub fn asked(arguments: &[OsString], is_command: impl Fn(&OsStr) -> bool) -> Option<Self> {
        let mut flush = Self { scope: Scope::Everything, files: Vec::new() };
        match arguments.first() {
            None => return Some(flush),
            Some(first) if is_command(first) => return None,
            Some(first) if scope(first).is_none() && (is_option(first) || !Path::new(first).exists()) => {
                return None;
            }
            Some(_) => {}
        }
        for argument in arguments {
            match scope(argument) {
                Some(scope) => flush.scope = scope,
                None if argument == "--" => {}
                None => flush.files.push(argument.clone()),
            }
        }
        Some(flush)
    }

    /// Flushes; every file that cannot be flushed is in the result, and the others are flushed all the same.
    pub fn carry_out(&self) -> Vec<(OsString, io::Error)> {
        if self.files.is_empty() {
            rustix::fs::sync();
            return Vec::new();
        }
        self.files
            .iter()
            .filter_map(|name| self.flush_file(Path::new(name)).err().map(|error| (name.clone(), error)))
            .collect()
    }

    /// The workflow among the files, for the hint that `sync run` is another thing.
    pub fn workflow(&self) -> Option<&OsStr> {
        self.files
            .iter()
            .map(OsString::as_os_str)
            .find(|name| Path::new(name).extension() == Some("dig".as_ref()))
    }

    /// Whether nothing was asked for by name: a plain `sync`.
    pub fn is_plain(&self) -> bool {
        self.files.is_empty()
    }

    /// `-d` without a file means nothing; coreutils refuses it.
    pub fn lacks_file(&self) -> bool {
        self.scope == Scope::Data && self.files.is_empty()
    }

    fn flush_file(&self, path: &Path) -> io::Result<()> {
        let file = open(path)?;
        match self.scope {
            Scope::Everything => file.sync_all(),
            Scope::Data => file.sync_data(),
            Scope::FileSystem => Ok(rustix::fs::syncfs(&file)?),
        }
    }
}

/// A file that may only be written to is opened so; a named pipe without a reader must not hang us.
fn open(path: &Path) -> io::Result<File> {
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let read = OpenOptions::new().read(true).custom_flags(nonblocking).open(path);
    match read {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            OpenOptions::new().write(true).custom_flags(nonblocking).open(path)
        }
        other => other,
    }
}

fn scope(argument: &OsStr) -> Option<Scope> {
    match argument.to_str()? {
        "-d" | "--data" => Some(Scope::Data),
        "-f" | "--file-system" => Some(Scope::FileSystem),
        _ => None,
    }
}

fn is_option(argument: &OsStr) -> bool {
    argument.as_encoded_bytes().starts_with(b"-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(arguments: &[&str]) -> Option<Flush> {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        Flush::asked(&arguments, |name| name == "run")
    }

    #[test]
    fn commands_are_ours_and_files_and_options_are_coreutils() {
        assert_eq!(asked(&["run"]), None);
        assert_eq!(asked(&["--help"]), None);
        assert_eq!(asked(&["no-such-file"]), None);
        assert!(asked(&[]).unwrap().is_plain());
        let both = asked(&["-d", "Cargo.toml"]).unwrap();
        assert_eq!((both.scope, both.files), (Scope::Data, vec!["Cargo.toml".into()]));
        assert!(asked(&["-d"]).unwrap().lacks_file());
        assert_eq!(asked(&["Cargo.toml"]).unwrap().scope, Scope::Everything);
    }

    #[test]
    fn every_file_is_tried() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("there.dig");
        std::fs::write(&there, "x").unwrap();
        let flush = Flush { scope: Scope::FileSystem, files: vec!["/no/such".into(), there.clone().into()] };
        let failed = flush.carry_out();
        assert_eq!(failed.len(), 1);
        assert_eq!(failed[0].0, "/no/such");
        assert_eq!(flush.workflow(), Some(there.as_os_str()));
    }
}
