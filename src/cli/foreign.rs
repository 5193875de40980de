//! A real Embulk beside this program: it is started for a transfer file that names a plugin which is not native here,
//! unless a policy is in force, which nobody but this program would keep.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::place::PlaceArgs;
use super::properties::{Properties, Sources};
use super::{policy, variable};
use crate::embulk::{ForeignPlugins, check_file};
use crate::reader::DirectoryReader;

/// What `check` says of plugins that are not native: nothing where a real Embulk would be started for them.
pub fn plugins(project: &Path, properties: &Properties) -> ForeignPlugins {
    match find(project, properties) {
        Some(_) => ForeignPlugins::Allow,
        None => ForeignPlugins::Refuse,
    }
}

/// The first `embulk` on the PATH that is not this program.
fn find(project: &Path, properties: &Properties) -> Option<PathBuf> {
    if policy::find(project, properties).is_some() {
        return None;
    }
    let own = std::env::current_exe().and_then(std::fs::canonicalize).ok()?;
    other_embulk(&std::env::var_os("PATH")?, &own)
}

fn other_embulk(path: &OsStr, own: &Path) -> Option<PathBuf> {
    std::env::split_paths(path)
        .map(|folder| folder.join("embulk"))
        .find(|candidate| std::fs::canonicalize(candidate).is_ok_and(|real| real.is_file() && real != own))
}

/// Becomes the real Embulk when `run FILE` needs one. Comes back only when it does not, or with the reason why the
/// other program could not be started.
pub fn hand_over(arguments: &[OsString]) -> Option<String> {
    let file = transfer_file(arguments)?;
    // Properties that cannot be read may name a policy.
    let properties = Properties::load(&Sources::read(&variable, None)).ok()?;
    let here = PlaceArgs::default().find(None).ok()?.project;
    let of_file = PlaceArgs::default().find(Some(&file)).ok()?.project;
    find(&here, &properties)?;
    let real = find(&of_file, &properties)?;
    let reader = DirectoryReader::new(file.parent()?);
    let name = PathBuf::from(file.file_name()?);
    let problems = check_file(&name, &reader, ForeignPlugins::Refuse);
    if !problems.iter().any(|problem| problem.code == "unknown-plugin") {
        return None;
    }
    let error = Command::new(&real).args(arguments).exec();
    Some(format!("`{}` could not be started: {error}", real.display()))
}

/// The file of `run FILE`, absolute.
fn transfer_file(arguments: &[OsString]) -> Option<PathBuf> {
    let (command, rest) = arguments.split_first()?;
    let is_file = |argument: &&OsString| {
        let text = argument.to_string_lossy();
        !text.starts_with('-') && (text.ends_with(".yml") || text.ends_with(".yml.liquid"))
    };
    let file = rest.iter().find(is_file).filter(|_| command == "run")?;
    std::path::absolute(file).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_program_is_a_real_embulk() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (folder.path().join("a"), folder.path().join("b"));
        for place in [&ours, &theirs] {
            std::fs::create_dir(place).unwrap();
        }
        let own = folder.path().canonicalize().unwrap().join("sync");
        std::fs::write(&own, "").unwrap();
        std::os::unix::fs::symlink(&own, ours.join("embulk")).unwrap();
        let path = std::env::join_paths([&ours, &theirs]).unwrap();
        assert_eq!(other_embulk(&path, &own), None);
        std::fs::write(theirs.join("embulk"), "").unwrap();
        assert_eq!(other_embulk(&path, &own), Some(theirs.join("embulk")));
    }

    #[test]
    fn only_run_has_a_transfer_file() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert!(transfer_file(&words("run -l warn x.yml.liquid")).unwrap().ends_with("x.yml.liquid"));
        assert_eq!(transfer_file(&words("gem install x.yml")), None);
        assert_eq!(transfer_file(&words("run x.txt")), None);
    }
}
