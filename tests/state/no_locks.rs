//! File systems where locks do not work, as some of a network's, and a state file that another process holds.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use rusqlite::Connection;

use crate::support::sandbox::Sandbox;
use crate::support::servers::skip;

/// Makes locks of one kind fail as they do where a server keeps none.
fn library(sandbox: &Sandbox, function: &str) -> Option<PathBuf> {
    let source = match function {
        "fcntl" => {
            "#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <errno.h>\n#include <fcntl.h>\n#include <stdarg.h>\n\
             static int call(const char *name, int fd, int command, void *argument) {\n\
             \x20 if (command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK) { errno = ENOLCK; return -1; }\n\
             \x20 int (*real)(int, int, ...) = (int (*)(int, int, ...))dlsym(RTLD_NEXT, name);\n\
             \x20 return real(fd, command, argument);\n}\n\
             int fcntl(int fd, int command, ...) { va_list l; va_start(l, command); void *a = va_arg(l, void *); va_end(l); \
             return call(\"fcntl\", fd, command, a); }\n\
             int fcntl64(int fd, int command, ...) { va_list l; va_start(l, command); void *a = va_arg(l, void *); va_end(l); \
             return call(\"fcntl64\", fd, command, a); }\n"
        }
        _ => {
            "#include <errno.h>\nint flock(int fd, int operation) { (void)fd; (void)operation; errno = EOPNOTSUPP; return -1; }\n"
        }
    };
    sandbox.write("shim.c", source);
    let (from, to) = (sandbox.path().join("shim.c"), sandbox.path().join("shim.so"));
    let made = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&to).arg(&from).arg("-ldl").status();
    if !made.is_ok_and(|status| status.success()) {
        skip("no C compiler");
        return None;
    }
    Some(to)
}

#[test]
fn a_state_where_sqlite_cannot_lock_is_refused_with_a_way_out() {
    let mut sandbox = Sandbox::new().file("main.dig", "+a: {sh>: touch ran}\n");
    let Some(shim) = library(&sandbox, "fcntl") else { return };
    sandbox.set("LD_PRELOAD", shim.to_string_lossy());
    let said = sandbox.run(["run", "main.dig"]).expect_code(1);
    let state = sandbox.path().join(".sync/state.db");
    let expected = format!(
        "error: the state file `{}` cannot be used: locks do not work on its file system\nhint: nothing was begun or lost: \
         put the state on a local disk with `--state FILE`, or mount this file system with locks\n",
        state.display()
    );
    assert_eq!(said.stderr, expected);
    assert!(!sandbox.path().join("ran").exists());
    let left = std::fs::read_dir(sandbox.path().join(".sync")).expect("a folder");
    let left: Vec<_> = left
        .map(|entry| entry.expect("an entry").file_name())
        .filter(|name| name.to_string_lossy().contains("probe"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn without_lock_files_a_run_is_known_by_its_number_and_says_so() {
    let mut sandbox =
        Sandbox::new().file("main.dig", "+a: {sh>: 'echo a >> log.txt; test -e go || kill -9 $PPID'}\n");
    let Some(shim) = library(&sandbox, "flock") else { return };
    sandbox.set("LD_PRELOAD", shim.to_string_lossy());
    let said = sandbox.run(["run", "main.dig"]);
    assert_eq!(said.code, None, "it was killed");
    let folder = sandbox.path().join(".sync");
    let expected = format!(
        "warning: locks do not work in `{}` (Operation not supported (os error 95)): another container would have to be told \
         by `sync prune --lost` when this run dies\n",
        folder.display()
    );
    assert_eq!(said.stderr.matches(&expected).count(), 1, "{}", said.stderr);
    sandbox.write("go", "");
    sandbox.run(["retry", "--session", "last"]).expect_code(0);
    assert_eq!(sandbox.read("log.txt"), "a\na\n");
}

/// Half a minute long: so long it is waited for.
#[test]
fn a_state_that_another_process_holds_is_waited_for_and_named() {
    let sandbox = Sandbox::new().file("main.dig", "+a: {sh>: touch ran}\n");
    sandbox.run(["run", "main.dig"]).expect_code(0);
    std::fs::remove_file(sandbox.path().join("ran")).expect("it ran");
    let state = sandbox.path().join(".sync/state.db");
    let holder = Connection::open(&state).expect("a state");
    holder.execute_batch("begin immediate").expect("held");
    let waiting = sandbox.command(["run", "main.dig"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let said = waiting.expect("it starts").wait_with_output().expect("it ends");
    let stderr = String::from_utf8_lossy(&said.stderr);
    assert_eq!(said.status.code(), Some(75), "{stderr}");
    let name = std::fs::read_to_string("/proc/self/comm").expect("a name");
    let expected = format!(
        "error: the state file `{}` is locked by process {} ({})\nhint: another process has held it for 30 seconds: try \
         again\n",
        state.display(),
        std::process::id(),
        name.trim()
    );
    assert_eq!(stderr, expected);
    assert!(!sandbox.path().join("ran").exists());
}
