//! The program with `kill.c` in it: where it may be killed, and a run that is.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use super::points::Point;
use crate::support::sandbox::Sandbox;

/// After that a run counts as stuck.
const STUCK: Duration = Duration::from_secs(120);

/// How a process ended, and what it had reached by then.
#[derive(Debug)]
pub struct Ended {
    /// None: it was killed.
    pub code: Option<i32>,
    pub stderr: String,
    /// How many points of each sort it reached; ports as numbers.
    pub reached: BTreeMap<String, usize>,
}

/// `kill.c`, compiled.
pub struct Shim {
    folder: tempfile::TempDir,
}

impl Shim {
    /// Compiles it.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/kills/kill.c");
        let status = Command::new("cc")
            .args(["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"])
            .arg(folder.path().join("kill.so"))
            .arg(&source)
            .status();
        assert!(status.expect("`cc` starts").success(), "{} is not compiled", source.display());
        Self { folder }
    }

    /// Runs the program to its end, which comes at a point where one is given. `beside` is a folder of our own.
    pub fn run(&self, sandbox: &Sandbox, arguments: &[&str], at: Option<&Point>, beside: &Path) -> Ended {
        let (trace, said) = (beside.join("trace"), beside.join("said"));
        let _ = std::fs::remove_file(&trace);
        let output = File::create(&said).expect("a file can be made");
        let mut command = sandbox.command(arguments);
        command.env("LD_PRELOAD", self.folder.path().join("kill.so")).env("SYNC_KILLS_TRACE", &trace);
        if let Some(point) = at {
            command.env("SYNC_KILLS_AT", point.text());
        }
        // No pipes: what a process that is killed has started could hold them open.
        let mut child = command.stdout(Stdio::null()).stderr(output).spawn().expect("the program starts");
        let (done, ended) = channel::<()>();
        let number = child.id().to_string();
        let watch = std::thread::spawn(move || {
            let is_stuck = ended.recv_timeout(STUCK) == Err(RecvTimeoutError::Timeout);
            if is_stuck {
                let _ = Command::new("kill").args(["-ABRT", &number]).status();
            }
            is_stuck
        });
        let status = child.wait().expect("it ends");
        drop(done);
        let stderr = std::fs::read_to_string(&said).expect("it is text");
        assert!(!watch.join().expect("it watches"), "{arguments:?} is stuck:\n{stderr}");
        assert!(matches!(status.signal(), None | Some(9)), "{arguments:?} ended with {status}:\n{stderr}");
        let trace = std::fs::read_to_string(&trace).unwrap_or_default();
        Ended { code: status.code(), stderr, reached: counts(&trace) }
    }
}

fn counts(trace: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in trace.lines() {
        let sort = line.split(' ').next().unwrap_or_default();
        *counts.entry(sort.to_owned()).or_default() += 1;
    }
    counts
}
