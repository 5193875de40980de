//! What a path leads to: no folder, a folder, a link, a device, a file of some mode.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::{Command, Stdio};

use super::{config, names, shop, to_file};

const ROWS: &str = "create table t (id integer); insert into t values (1), (2);";
const OUT: &str = "  file_ext: ''\n  sequence_format: ''\n  formatter: {type: csv, newline: LF}\n";
const TEXT: &str = "id\n1\n2\n";

#[test]
fn errors_name_the_path_and_leave_nothing() {
    let sandbox = shop(ROWS);
    let here = sandbox.path();
    let here = here.display();
    std::fs::create_dir(sandbox.path().join("folder")).expect("a folder");
    symlink("round", sandbox.path().join("round")).expect("a link");
    for (prefix, error) in [
        (
            "no/such/o",
            format!(
                "Error: there is no folder `{here}/no/such`\n  hint: make it before the transfer (`mkdir -p`), or \
                 correct `path_prefix`\n"
            ),
        ),
        (
            "folder",
            format!(
                "Error: file `{here}/folder` could not be written\n  cause: is a directory\n  hint: make room or fix the permissions, then retry\n"
            ),
        ),
        (
            "round",
            format!("Error: file `{here}/round` could not be written\n  cause: too many links\n  hint: make room or fix the permissions, then retry\n"),
        ),
        (
            "/dev/full",
            "Error: file `/dev/full` could not be written\n  cause: No space left on device (os error 28)\n  hint: make room or fix the permissions, then retry\n"
                .to_owned(),
        ),
    ] {
        let said = to_file(&sandbox, prefix, OUT).expect_code(1);
        assert_eq!(said.stderr, error);
    }
    assert_eq!(names(&sandbox, "folder"), ["folder"]);
    assert!(sandbox.path().join("folder").is_dir());
}

#[test]
fn a_file_that_is_there_keeps_its_mode_and_a_link_stays_a_link() {
    let sandbox = shop(ROWS);
    let path = |name: &str| sandbox.path().join(name);
    std::fs::create_dir(path("elsewhere")).expect("a folder");
    std::fs::write(path("elsewhere/real"), "old").expect("a file");
    std::fs::set_permissions(path("elsewhere/real"), std::fs::Permissions::from_mode(0o640)).expect("a mode");
    symlink("elsewhere/real", path("link")).expect("a link");
    symlink("elsewhere/new", path("hanging")).expect("a link");
    for name in ["link", "hanging"] {
        to_file(&sandbox, name, OUT).expect_code(0);
        assert!(path(name).is_symlink());
        assert_eq!(sandbox.read(name), TEXT);
    }
    assert_eq!(path("elsewhere/real").metadata().expect("a file").mode() & 0o777, 0o640);
    assert_eq!(std::fs::read_dir(path("elsewhere")).expect("a folder").count(), 2);
    // A new file has the mode that the process's mask leaves.
    let mut command = Command::new("sh");
    command.arg("-c").arg("umask 027 && exec \"$0\" embulk run a.yml").arg(env!("CARGO_BIN_EXE_sync"));
    to_file(&sandbox, "fresh", OUT).expect_code(0);
    std::fs::remove_file(path("fresh")).expect("it is there");
    let status = command.current_dir(sandbox.path()).stdout(Stdio::null()).status();
    assert!(status.expect("it starts").success());
    assert_eq!(path("fresh").metadata().expect("a file").mode() & 0o777, 0o640);
}

#[test]
fn a_device_or_a_pipe_is_written_into() {
    let sandbox = shop(ROWS);
    let pipe = sandbox.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("it starts").success());
    let reader = std::thread::spawn(move || std::fs::read_to_string(pipe).expect("text"));
    to_file(&sandbox, "pipe", OUT).expect_code(0);
    assert_eq!(reader.join().expect("no panic"), TEXT);
    assert_eq!(names(&sandbox, "pipe"), ["pipe"]);
    to_file(&sandbox, "/dev/null", OUT).expect_code(0);
    assert!(!std::path::Path::new("/dev/null").is_file());
}

#[test]
fn a_killed_run_leaves_the_old_file_and_the_next_one_tidies_up() {
    let endless = "create table n (id integer); insert into n values (0), (1);
                   create view t as with recursive n(id) as (select 1 union all select id + 1 from n) select id from n";
    let sandbox = shop(endless);
    let tasks = "  file_ext: csv\n  formatter: {type: csv}\nexec: {min_output_tasks: 2}\n";
    for name in ["o000.00.csv", "o001.00.csv"] {
        sandbox.write(name, "old");
    }
    sandbox.write("a.yml", &config("o", tasks));
    let mut command = sandbox.command(["embulk", "run", "a.yml"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let hidden = || -> Vec<String> {
        names(&sandbox, "o0").into_iter().filter(|name| name.starts_with('.')).collect()
    };
    let length = |name: &String| sandbox.path().join(name).metadata().map_or(0, |file| file.len());
    while hidden().len() < 2 || hidden().iter().any(|name| length(name) == 0) {
        assert!(child.try_wait().expect("it can be asked").is_none(), "it ended by itself");
    }
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    assert_eq!((sandbox.read("o000.00.csv").as_str(), sandbox.read("o001.00.csv").as_str()), ("old", "old"));
    assert_eq!(hidden().len(), 2);
    let connection = rusqlite::Connection::open(sandbox.path().join("shop.db")).expect("a database");
    connection.execute_batch("drop view t; alter table n rename to t").expect("the SQL is right");
    to_file(&sandbox, "o", tasks).expect_code(0);
    assert_eq!(names(&sandbox, "o0"), ["o000.00.csv", "o001.00.csv"]);
    assert_eq!(sandbox.read("o000.00.csv"), "id\r\n0\r\n1\r\n");
}
