//! Encoded files, read back by other programs.

use std::io::Write;
use std::process::{Command, Stdio};

use super::{on_disk, orders};
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
