//! 280 tables, of which some stand still in the middle until the test lets them go on: files that are pipes. So what is
//! seen meanwhile is the same each time.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::Command;
use std::thread::JoinHandle;

use crate::support::sandbox::Sandbox;

/// Tables of the estate.
pub(super) const TABLES: usize = 280;
/// Those that are done before any stands still.
pub(super) const DONE: usize = 30;
/// How many stand still, all that may run at once.
pub(super) const HELD: usize = 12;

/// Rows of the table that stands still in its middle, of ten bytes each.
const LARGE_ROWS: usize = 200_000;
/// So much of what it writes is taken at first.
const TAKEN: usize = 700_000;

const COLUMNS: &str = "parser: {type: csv, columns: [{name: id, type: string}]}";

/// A project, with the pipes that hold it.
pub(super) struct Estate {
    pub(super) sandbox: Sandbox,
    /// Sources that nobody writes to yet.
    pipes: Vec<PathBuf>,
    /// The target that nobody reads to its end yet.
    target: PathBuf,
}

/// Names of the tables that stand still: those that people have, and some that terminals trip over.
fn held_name(number: usize) -> String {
    match number {
        1 => "注文明細".to_owned(),
        2 => "カート👩‍👧‍👦".to_owned(),
        3 => "evil\u{1b}[2J\u{7}\u{202e}".to_owned(),
        4 => "a_name_that_is_longer_than_all_the_others_and_ends_in_orders".to_owned(),
        number => format!("held_{number:02}"),
    }
}

impl Estate {
    pub(super) fn new() -> Self {
        let sandbox = Sandbox::new();
        let mut workflow = "+tables:\n  _parallel: true\n".to_owned();
        let mut pipes = Vec::new();
        std::fs::create_dir_all(sandbox.path().join("in")).expect("a folder");
        std::fs::create_dir_all(sandbox.path().join("out")).expect("a folder");
        let pipe = |name: &str| {
            let path = sandbox.path().join(name);
            assert!(Command::new("mkfifo").arg(&path).status().expect("it starts").success());
            path
        };
        for number in 0..TABLES {
            let task = format!("t{number:03}");
            let (name, is_there) = match number.checked_sub(DONE) {
                None => (task.clone(), true),
                // Nobody has made its file.
                Some(at @ 0..2) => (format!("missing_{at}"), false),
                Some(at) if at - 2 < HELD => (held_name(at - 2), true),
                Some(_) => (task.clone(), true),
            };
            workflow.push_str(&format!("  +{task}:\n    embulk>: {task}.yml\n"));
            let config = format!(
                "in: {{type: file, path_prefix: {}, {COLUMNS}}}\n\
                 out: {{type: file, path_prefix: out/{task}, sequence_format: '', file_ext: '', formatter: {{type: csv}}}}\n",
                serde_json::to_string(&format!("in/{name}.csv")).expect("text")
            );
            sandbox.write(&format!("{task}.yml"), &config);
            let held = number.checked_sub(DONE + 2).filter(|at| *at < HELD);
            match held {
                Some(0) => {
                    let rows: String = (0..LARGE_ROWS).map(|row| format!("{row:09}\n")).collect();
                    sandbox.write(&format!("in/{name}.csv"), &rows);
                }
                Some(_) => pipes.push(pipe(&format!("in/{name}.csv"))),
                None if is_there => sandbox.write(&format!("in/{name}.csv"), "a\nb\nc\n"),
                None => {}
            }
        }
        let target = pipe(&format!("out/t{:03}", DONE + 2));
        workflow.push_str(
            "  +says:\n    sh>: printf 'a task prints a line that is wider than a terminal of eighty columns, \
             so that it is broken there\\nand one more'\n",
        );
        sandbox.write("main.dig", &workflow);
        Self { sandbox, pipes, target }
    }

    /// The run of it. All that may run at once are those that stand still, in the end.
    pub(super) fn command(&self, more: &[&str]) -> Command {
        let jobs = HELD.to_string();
        self.sandbox.command([&["run", "main.dig", "-j", &jobs, "--session", "2026-01-02"], more].concat())
    }

    /// Takes the first of what the large table writes; then it stands still.
    pub(super) fn take_first(&self) -> Large {
        let target = self.target.clone();
        let taking = std::thread::spawn(move || {
            let mut file = File::open(target).expect("a pipe");
            file.read_exact(&mut vec![0; TAKEN]).expect("so much is written");
            file
        });
        Large(taking)
    }

    /// Lets all of them go on.
    pub(super) fn let_go(&self, large: Large) -> JoinHandle<()> {
        for pipe in &self.pipes {
            let mut pipe = OpenOptions::new().write(true).open(pipe).expect("a pipe that is read");
            pipe.write_all(b"a\nb\nc\n").expect("written");
        }
        std::thread::spawn(move || {
            let mut file = large.0.join().expect("no panic");
            std::io::copy(&mut file, &mut std::io::sink()).expect("read");
        })
    }
}

/// The table whose target is taken piece by piece.
pub(super) struct Large(JoinHandle<File>);
