//! Files on the disk: encoded ones, read back by other programs, and several of a size.

use std::io::Write;
use std::process::{Command, Stdio};

use super::{failure, on_disk, orders, run, transfer};
use crate::support::sandbox::Sandbox;
use crate::support::servers::python;

/// What another program makes of bytes.
fn through(mut command: Command, bytes: &[u8]) -> Vec<u8> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("no panic").expect("all is read");
    assert!(output.status.success());
    output.stdout
}

#[test]
fn other_programs_read_what_the_encoders_write() {
    let Some(python) = python() else { return };
    let python = python.get_program().to_owned();
    let sandbox = Sandbox::new();
    // More than a block of bzip2.
    orders(&sandbox, 5_000);
    let format = "  formatter: {type: jsonl}\n  stale_objects: keep\n";
    let plain = on_disk(&sandbox, format);
    for (encoder, module) in
        [("{type: gzip}", "gzip"), ("{type: bzip2}", "bz2"), ("{type: bzip2, level: 1}", "bz2")]
    {
        let encoded = on_disk(&sandbox, &format!("{format}  encoders: [{encoder}]\n"));
        assert!(encoded.len() < plain.len() / 4, "{encoder}");
        let mut command = Command::new(&python);
        let program = format!(
            "import sys,{module}; sys.stdout.buffer.write({module}.decompress(sys.stdin.buffer.read()))"
        );
        command.args(["-c", &program]);
        assert!(through(command, &encoded) == plain, "{encoder}");
    }
    for encoder in ["{type: zstd}", "{type: zstd, level: 19}"] {
        let encoded = on_disk(&sandbox, &format!("{format}  encoders: [{encoder}]\n"));
        assert!(encoded.len() < plain.len() / 4, "{encoder}");
        assert!(zstd::stream::decode_all(&encoded[..]).expect("zstd") == plain, "{encoder}");
        let mut command = Command::new("zstd");
        if command.arg("--version").stdout(Stdio::null()).status().is_ok() {
            let mut command = Command::new("zstd");
            command.arg("-dc");
            assert!(through(command, &encoded) == plain, "{encoder}");
        }
    }
}

#[test]
fn rows_go_to_several_files_of_a_size() {
    let sandbox = Sandbox::new();
    orders(&sandbox, 20_000);
    let write = |more: &str| {
        let out = "  type: file\n  path_prefix: several\n  file_ext: jsonl\n  formatter: {type: jsonl}\n";
        transfer(&sandbox, "several.yml", &format!("{out}  max_file_bytes: 2000000\n{more}"));
        run(&sandbox, "several.yml")
    };
    let names = || {
        let files = std::fs::read_dir(sandbox.path()).expect("a folder");
        let mut names: Vec<String> = files
            .map(|file| file.expect("a file").file_name().into_string().expect("text"))
            .filter(|name| name.contains("several0"))
            .collect();
        names.sort();
        names
    };
    write("").expect_code(0);
    let all: Vec<String> = (0..names().len()).map(|file| format!("several000.{file:02}.jsonl")).collect();
    assert_eq!(names(), all);
    assert!(all.len() >= 3, "{all:?}");
    let together: String = all.iter().map(|name| sandbox.read(name)).collect();
    assert!(together.as_bytes() == on_disk(&sandbox, "  formatter: {type: jsonl}\n"));

    orders(&sandbox, 10);
    let told = failure(&write("").expect_code(1));
    assert!(
        told.starts_with("    cause: files of the same pattern are there that this run does not write: `/"),
        "{told}"
    );
    // Neither a hidden file nor the new rows are left.
    assert_eq!(names(), all);
    assert!(all.iter().map(|name| sandbox.read(name)).collect::<String>() == together);
    write("  stale_objects: delete\n").expect_code(0);
    assert_eq!(names(), all[..1]);
    assert_eq!(sandbox.read(&all[0]).lines().count(), 10);
}
