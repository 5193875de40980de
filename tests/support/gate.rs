//! Tasks that a test lets go on: each says that it has begun and waits, without looking, until it is let through.

use std::fs::File;
use std::io::{Read as _, Write as _};

use rustix::fs::{CWD, FileType, mknodat};

use super::sandbox::Sandbox;

/// A gate in a sandbox, of two pipes.
pub struct Gate<'s> {
    sandbox: &'s Sandbox,
    name: &'static str,
}

impl<'s> Gate<'s> {
    /// Makes the pipes.
    pub fn new(sandbox: &'s Sandbox, name: &'static str) -> Self {
        for end in ["begun", "go"] {
            let path = sandbox.path().join(format!("{name}.{end}"));
            mknodat(CWD, path, FileType::Fifo, 0o600.into(), 0).expect("a pipe");
        }
        Self { sandbox, name }
    }

    /// What a shell does at the gate: it says what it is told to, perhaps `no`, when it is let through.
    pub fn script(name: &str) -> String {
        format!("echo > {name}.begun; read word < {name}.go; echo through; test $word != no")
    }

    /// Waits until somebody stands there.
    pub fn await_begun(&self) {
        let mut word = String::new();
        let pipe = File::open(self.sandbox.path().join(format!("{}.begun", self.name)));
        pipe.expect("a pipe").read_to_string(&mut word).expect("a word");
        assert_eq!(word, "\n");
    }

    /// Lets it through, with a word.
    pub fn open(&self, word: &str) {
        let path = self.sandbox.path().join(format!("{}.go", self.name));
        let mut pipe = File::options().write(true).open(path).expect("a pipe");
        writeln!(pipe, "{word}").expect("written");
    }
}
