//! A file for an editor that lies on no disk: in a folder of this user alone, on a file system in memory.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use rustix::fs::statfs;
use zeroize::Zeroizing;

use super::LARGEST;

/// What folders of ours begin with; the number of the process follows.
const BEGINNING: &str = "sync-edit-";

/// Looked at after `XDG_RUNTIME_DIR`.
const SHARED_MEMORY: &str = "/dev/shm";

/// The file. Dropped, it is overwritten and gone with its folder and what the editor laid beside it.
pub(super) struct PrivateFile {
    folder: PathBuf,
    path: PathBuf,
}

impl PrivateFile {
    /// A file that is called `name`, with this text.
    pub(super) fn new(name: &str, text: &str, runtime: Option<&Path>) -> anyhow::Result<Self> {
        let Some(place) = place(runtime.into_iter().chain([Path::new(SHARED_MEMORY)])) else {
            bail!(
                "no file system in memory can be written to (`XDG_RUNTIME_DIR`, `{SHARED_MEMORY}`), and a value \
                 must not lie on a disk; `sync secrets set NAME` takes it from a prompt or stdin"
            );
        };
        let made = || -> io::Result<Self> {
            let folder = place.join(format!("{BEGINNING}{}-{}", std::process::id(), random()?));
            DirBuilder::new().mode(0o700).create(&folder)?;
            let file = Self { path: folder.join(name), folder };
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(0o600).open(&file.path)?.write_all(text.as_bytes())?;
            Ok(file)
        };
        made().with_context(|| format!("a file for the editor could not be made in `{}`", place.display()))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What stands in it now.
    pub(super) fn read(&self) -> anyhow::Result<Zeroizing<String>> {
        let mut bytes = Zeroizing::new(Vec::new());
        let file = File::open(&self.path).context("what the editor left cannot be read")?;
        file.take(LARGEST + 1).read_to_end(&mut bytes).context("what the editor left cannot be read")?;
        if bytes.len() as u64 > LARGEST {
            bail!("the value is larger than 1 MiB; nothing was written");
        }
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(Zeroizing::new(text.to_owned())),
            Err(_) => bail!("the value is not UTF-8 text; nothing was written"),
        }
    }
}

impl Drop for PrivateFile {
    fn drop(&mut self) {
        wipe(&self.folder);
    }
}

/// The first folder in memory that files can be made in. What killed edits left there goes.
fn place<'p>(places: impl Iterator<Item = &'p Path>) -> Option<PathBuf> {
    let usable = |place: &&Path| place.is_absolute() && is_in_memory(place) && is_writable(place);
    let place = places.filter(usable).map(Path::to_owned).next()?;
    sweep(&place);
    Some(place)
}

fn is_in_memory(place: &Path) -> bool {
    const TMPFS: u32 = 0x0102_1994;
    const RAMFS: u32 = 0x8584_58f6;
    // The type is a number of 32 bits, which some machines keep in a signed word.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    statfs(place).is_ok_and(|system| matches!(system.f_type as u32, TMPFS | RAMFS))
}

fn is_writable(place: &Path) -> bool {
    use rustix::fs::{Access, access};
    access(place, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

fn sweep(place: &Path) {
    let own = rustix::process::geteuid().as_raw();
    for entry in fs::read_dir(place).into_iter().flatten().filter_map(Result::ok) {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(BEGINNING)?.split('-').next());
        let is_left = process.is_some_and(|process| {
            process.parse::<u32>().is_ok() && !Path::new("/proc").join(process).exists()
        });
        if is_left && entry.metadata().is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == own) {
            wipe(&entry.path());
        }
    }
}

/// Overwrites the files of a folder and removes them with it. Nothing can be done about what cannot be removed.
fn wipe(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        if entry.file_type().is_ok_and(|kind| kind.is_file()) {
            let _ = overwrite(&entry.path());
        }
    }
    let _ = fs::remove_dir_all(folder);
}

fn overwrite(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    let length = file.metadata()?.len();
    io::copy(&mut io::repeat(0).take(length), &mut file)?;
    file.flush()
}

fn random() -> io::Result<String> {
    let mut bytes = [0_u8; 8];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("there").permissions().mode() & 0o777
    }

    #[test]
    fn the_file_is_its_owners_alone_and_goes_with_its_folder() {
        let file = PrivateFile::new("db.password", "old\n", None).expect("memory");
        let (path, folder) = (file.path().to_owned(), file.folder.clone());
        assert!(path.starts_with(SHARED_MEMORY) && path.ends_with("db.password"), "{}", path.display());
        assert_eq!((mode(&path), mode(&folder)), (0o600, 0o700));
        assert_eq!(file.read().expect("text").as_str(), "old\n");
        // Open in another process, as an editor's could be: what was there is no longer.
        let mut open = File::open(&path).expect("there");
        fs::write(folder.join(".swap"), "old").expect("written");
        drop(file);
        let mut left = String::new();
        open.read_to_string(&mut left).expect("readable");
        assert_eq!(left, "\0\0\0\0");
        assert!(!folder.exists());
    }

    #[test]
    fn a_disk_is_no_place_and_what_killed_edits_left_goes() {
        let disk = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert_eq!(place([disk, Path::new("relative"), Path::new("/proc")].into_iter()), None);
        // No process has this number: it is above the kernel's highest.
        let left = Path::new(SHARED_MEMORY).join(format!("{BEGINNING}4294967295-test"));
        fs::create_dir_all(left.join("below")).expect("made");
        let place = place([disk, Path::new(SHARED_MEMORY)].into_iter());
        assert_eq!(place.as_deref(), Some(Path::new(SHARED_MEMORY)));
        assert!(!left.exists());
    }

    #[test]
    fn what_is_no_text_is_not_taken() {
        let file = PrivateFile::new("a", "", None).expect("memory");
        let refused = |bytes: &[u8]| {
            fs::write(file.path(), bytes).expect("written");
            file.read().expect_err("refused").to_string()
        };
        assert_eq!(refused(b"\xff"), "the value is not UTF-8 text; nothing was written");
        assert_eq!(
            refused(&vec![b'x'; (1 << 20) + 1]),
            "the value is larger than 1 MiB; nothing was written"
        );
        fs::remove_file(file.path()).expect("removed");
        assert_eq!(file.read().expect_err("gone").to_string(), "what the editor left cannot be read");
    }
}
