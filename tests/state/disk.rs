//! Disks without room: the run says which, ends as a failure, and a retry completes once there is room.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::sandbox::Sandbox;
use crate::support::servers::skip;

/// A file system for little, and few files, over a folder of a sandbox, until it is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None`, after saying so, where none may be mounted.
    fn over(folder: &Path) -> Option<Self> {
        std::fs::create_dir_all(folder).expect("a folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m,nr_inodes=200", "tmpfs"])
            .arg(folder)
            .output();
        if !mounted.is_ok_and(|output| output.status.success()) {
            skip("no file system may be mounted here");
            return None;
        }
        Some(Self(folder.to_owned()))
    }

    /// Leaves no room.
    fn fill(&self) {
        use std::io::Write as _;
        let ballast = self.0.join("ballast");
        std::fs::create_dir(&ballast).expect("a folder");
        let mut file = std::fs::File::create(ballast.join("bytes")).expect("a file");
        for size in [64 << 10, 1024, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        // Nor for one more name.
        let _ = (0..)
            .take_while(|number| std::fs::File::create(ballast.join(format!("{number}"))).is_ok())
            .count();
    }

    fn make_room(&self) {
        std::fs::remove_dir_all(self.0.join("ballast")).expect("it is there");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a process that ends may still hold a file.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// The first task says that it works and waits until the disk is full; the second one is there to be recorded.
fn sandbox() -> Sandbox {
    Sandbox::new().file(
        "main.dig",
        "+fill: {sh>: 'echo fill >> log.txt; test -e go || { touch working; mkfifo gate; read line < gate; }'}\n\
         +after:\n  _parallel: true\n  for_each>: {i: [1, 2, 3, 4, 5, 6, 7, 8]}\n  _do:\n    sh>: \"echo ${i} >> log.txt; test -e go \
         || printf '%65536s' x\"\n",
    )
}

/// Runs until the disk is full in the middle.
fn fills(sandbox: &Sandbox, disk: &SmallDisk) -> (i32, String) {
    let child = sandbox
        .command(["run", "main.dig", "--session=2026-01-02"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    while !sandbox.path().join("gate").exists() {
        std::thread::yield_now();
    }
    disk.fill();
    sandbox.write("gate", "on\n");
    let ended = child.wait_with_output().expect("it ends");
    (ended.status.code().expect("it ends by itself"), String::from_utf8_lossy(&ended.stderr).into_owned())
}

#[test]
fn a_state_without_room_stops_the_run_and_loses_nothing() {
    let sandbox = sandbox();
    let Some(disk) = SmallDisk::over(&sandbox.path().join(".sync")) else { return };
    let (code, said) = fills(&sandbox, &disk);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("the state file could not be used: database or disk is full"), "{said}");
    assert!(said.contains("hint: nothing that is not recorded was begun"), "{said}");
    let done = sandbox.read("log.txt");
    // Without room nothing begins.
    let said = sandbox.run(["run", "main.dig", "--session=2026-01-02"]);
    assert_ne!(said.code, Some(0), "{}", said.stderr);
    assert_eq!(sandbox.read("log.txt"), done);
    disk.make_room();
    sandbox.write("go", "");
    sandbox.run(["retry", "--session", "last"]).expect_code(0);
    let log = sandbox.read("log.txt");
    for number in 1..=8 {
        assert!(log.lines().any(|line| line == number.to_string()), "{number}: {log}");
    }
}

#[test]
fn logs_without_room_are_named_and_fail_nothing() {
    let sandbox = sandbox();
    let Some(disk) = SmallDisk::over(&sandbox.path().join(".sync/logs")) else { return };
    let (code, said) = fills(&sandbox, &disk);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("No space left on device"), "{said}");
    assert_eq!(sandbox.read("log.txt").lines().count(), 9);
}

#[test]
fn temporary_files_without_room_fail_their_tasks_and_name_the_folder() {
    let sandbox = sandbox();
    let Some(disk) = SmallDisk::over(&sandbox.path().join(".sync/tmp")) else { return };
    let (code, said) = fills(&sandbox, &disk);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("No space left on device") && said.contains(".sync/tmp"), "{said}");
    disk.make_room();
    sandbox.write("go", "");
    sandbox.run(["retry", "--session", "last"]).expect_code(0);
    let log = sandbox.read("log.txt");
    assert_eq!(log.lines().filter(|line| *line == "fill").count(), 1, "{log}");
}
