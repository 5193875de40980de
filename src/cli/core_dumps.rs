//! No core dumps: the memory of a run has passwords and rows in it, and a core is a file on a disk.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Smaller than any core, so no file is written. The kernel hands a core to a program that waits for cores whatever
/// the limit is, 0 included, unless it is 1.
const NONE: u64 = 1;

/// Turns them off for this process and what it starts: the commands of tasks have secrets in their environment. The
/// hard limit stays, so a command that wants one says `ulimit -c unlimited`.
///
/// The process stays dumpable for the kernel, because its children read files that it holds in memory by their names
/// in `/proc`, which belong to root otherwise.
pub(super) fn turn_off() {
    let limit = getrlimit(Resource::Core);
    let current = limit.maximum.map_or(NONE, |most| most.min(NONE));
    // A limit may be lowered by everybody; what refuses it all the same is a sandbox, which has rules of its own.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(current), maximum: limit.maximum });
}
