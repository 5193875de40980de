//! Files that exist in memory only, for what children must read by name and nobody may find on a disk: scripts with
//! secrets in them, parameters, results.
//!
//! A child opens `/proc/<pid of this process>/fd/<n>`: the file is there for whoever runs as the same user while this
//! process lives and holds it, needs no clean-up after a kill, and is no open descriptor that a child could pass on.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{MemfdFlags, Mode, fchmod, memfd_create};
use rustix::io::{DupFlags, dup3};

use super::OperatorError;

/// A file in memory. It is gone when this value is dropped and nobody has it open.
#[derive(Debug)]
pub(super) struct MemoryFile(OwnedFd);

impl MemoryFile {
    /// A file with this text, readable and writable for this user alone.
    pub(super) fn new(text: &str) -> io::Result<Self> {
        file_with(text).map(|file| Self(file.into()))
    }

    /// Puts another file with this text under the same name. Who has the old one open keeps it.
    pub(super) fn replace(&mut self, text: &str) -> io::Result<()> {
        Ok(dup3(file_with(text)?, &mut self.0, DupFlags::CLOEXEC)?)
    }

    /// The same for operators.
    pub(super) fn of_task(text: &str) -> Result<Self, OperatorError> {
        Self::new(text).map_err(|error| not_made(&error))
    }

    /// The name that children open.
    pub(super) fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd())
    }

    /// What stands in it now.
    pub(super) fn read(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut file = File::from(self.0.try_clone()?);
        file.seek(SeekFrom::Start(0))?;
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

fn file_with(text: &str) -> io::Result<File> {
    // A hardened kernel gives no memory that could be executed; an old one does not know the flag.
    let descriptor = memfd_create("sync", MemfdFlags::CLOEXEC | MemfdFlags::NOEXEC_SEAL)
        .or_else(|_| memfd_create("sync", MemfdFlags::CLOEXEC))?;
    fchmod(&descriptor, Mode::RUSR | Mode::WUSR)?;
    let mut file = File::from(descriptor);
    file.write_all(text.as_bytes())?;
    Ok(file)
}

fn not_made(error: &io::Error) -> OperatorError {
    OperatorError::failed("a file in memory could not be made").cause(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_reads_and_writes_it_by_name() {
        let file = MemoryFile::new("first\n").expect("a file in memory");
        let script = format!("cat {0} && echo second >> {0}", file.path());
        let output = std::process::Command::new("/bin/sh").args(["-c", &script]).output().expect("a shell");
        assert_eq!(output.stdout, b"first\n");
        assert_eq!(file.read().expect("its text"), b"first\nsecond\n");
    }

    #[test]
    fn a_kernel_that_gives_none_is_quoted() {
        let error = not_made(&io::ErrorKind::OutOfMemory.into());
        assert_eq!(error.message, "a file in memory could not be made");
        assert_eq!(error.causes, ["out of memory"]);
    }
}
