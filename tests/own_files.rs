//! What a run leaves for others on its machine: no core dump, and no file of its own that they can read.

use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

use crate::support::sandbox::{Said, Sandbox};

/// The program started by a shell that sets limits first.
fn after(sandbox: &Sandbox, shell: &str, arguments: &[&str]) -> Said {
    let plain = sandbox.command([""; 0]);
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &format!("{shell}; exec \"$0\" \"$@\"")]).arg(plain.get_program()).args(arguments);
    command.current_dir(sandbox.path()).env_clear();
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Said::of(command.output().expect("a shell"))
}

#[test]
fn a_run_and_its_commands_dump_no_core() {
    let sandbox = Sandbox::new();
    sandbox.write("main.dig", "+t:\n  sh>: grep -h core /proc/$PPID/limits /proc/self/limits\n");
    let limits = |shell: &str| -> Vec<Vec<String>> {
        let said = after(&sandbox, shell, &["run", "main.dig"]).expect_code(0);
        let words = |line: &str| line.split_whitespace().skip(4).take(2).map(str::to_owned).collect();
        said.stdout.lines().map(words).collect()
    };
    assert_eq!(limits("ulimit -Sc 0"), [["1", "unlimited"], ["1", "unlimited"]]);
    assert_eq!(limits("ulimit -Sc unlimited"), [["1", "unlimited"], ["1", "unlimited"]]);
    assert_eq!(limits("ulimit -c 0"), [["0", "0"], ["0", "0"]]);
}

/// Files and sockets below a folder with the rights that others than their owner have.
fn shared(folder: &Path, found: &mut Vec<String>, seen: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok) {
        let kind = entry.file_type().expect("a kind");
        let name = entry.file_name().to_string_lossy().into_owned();
        if kind.is_dir() {
            shared(&entry.path(), found, seen);
        } else if kind.is_file() || kind.is_socket() {
            let mode = entry.metadata().expect("there").permissions().mode() & 0o777;
            // It is made to be committed.
            if name != ".gitignore" && mode & 0o077 != 0 {
                found.push(format!("{name}: {mode:o}"));
            }
            seen.push(name);
        }
    }
}

#[test]
fn files_of_a_run_are_its_owners_alone_whatever_the_umask() {
    let mut sandbox = Sandbox::new();
    sandbox.set("DIGDAG_CONFIG", "log-server.type = s3\nlog-server.s3.bucket = b\nlog-server.s3.endpoint = http://127.0.0.1:9\nlog-server.s3.credentials.access-key-id = i\nlog-server.s3.credentials.secret-access-key = secret-access-key\n");
    sandbox
        .write("main.dig", "+t:\n  sh>: cp -a .sync during; touch made; echo done\n+last:\n  sh>: 'true'\n");
    after(&sandbox, "umask 000", &["run", "main.dig"]).expect_code(0);
    let (mut found, mut seen) = (Vec::new(), Vec::new());
    for folder in [".sync", "during"] {
        shared(&sandbox.path().join(folder), &mut found, &mut seen);
    }
    assert_eq!(found, [""; 0]);
    for name in ["state.db", "state.db-wal", "socket", "+main+t.log", "report.json"] {
        assert!(seen.iter().any(|one| one == name), "{name} in {seen:?}");
    }
    // A note for the log server has the name of a hash.
    assert!(seen.iter().any(|name| name.len() == 32), "{seen:?}");
    let made = std::fs::metadata(sandbox.path().join("made")).expect("there").permissions().mode();
    assert_eq!(made & 0o777, 0o666, "files of tasks keep the umask of their user");
}
