//! `sync init`: a small project that runs as it is, without a server. What is there already is never written to.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;

use super::opening::shell_word;
use super::place::IGNORE;
use super::{console, scrubber};
use crate::exit::Exit;
use crate::program;
use crate::report::console::Results;

/// `sync init [DIR]`
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The folder, which is made where it is not there
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
}

/// A file of the project.
struct Template {
    path: &'static str,
    text: &'static str,
    if_there: IfThere,
}

/// What it means when a file is there already.
#[derive(PartialEq, Eq)]
enum IfThere {
    /// The project is of somebody who has begun: nothing is written.
    Refuse,
    /// It stays, and the rest goes with it.
    Keep,
}

const FILES: [Template; 7] = [
    Template { path: "main.dig", text: include_str!("project/main.dig"), if_there: IfThere::Refuse },
    Template {
        path: "orders.yml.liquid",
        text: include_str!("project/orders.yml.liquid"),
        if_there: IfThere::Refuse,
    },
    Template { path: "data/orders.csv", text: include_str!("project/orders.csv"), if_there: IfThere::Refuse },
    Template {
        path: "sync.properties.example",
        text: include_str!("project/sync.properties.example"),
        if_there: IfThere::Keep,
    },
    Template { path: "README.md", text: include_str!("project/README.md"), if_there: IfThere::Keep },
    Template { path: ".gitignore", text: include_str!("project/gitignore"), if_there: IfThere::Keep },
    // It marks the project for everyone who has a copy.
    Template { path: ".sync/.gitignore", text: IGNORE, if_there: IfThere::Keep },
];

/// Runs the command.
pub fn exec(args: &InitArgs) -> anyhow::Result<Exit> {
    // `./main.dig` is what people call `main.dig`.
    let is_here = args.folder == Path::new(".");
    let folder = if is_here { Path::new("") } else { args.folder.as_path() };
    let in_the_way =
        FILES.iter().find(|file| file.if_there == IfThere::Refuse && is_there(&folder.join(file.path)));
    let console = console(Results::Human, scrubber());
    if let Some(file) = in_the_way {
        console.failure(
            &format!("`{}` is there already, so nothing was written", folder.join(file.path).display()),
            &[],
            Some("`sync init DIR` makes the project in a folder of its own"),
        );
        return Ok(Exit::TaskFailed);
    }
    for file in &FILES {
        let path = folder.join(file.path);
        match write_new(&path, &program::in_its_name(file.text))? {
            Written::Yes => console.result(&format!("wrote {}", path.display())),
            Written::WasThere if file.if_there == IfThere::Keep => {
                console.result(&format!("kept  {}, which was there", path.display()));
            }
            // Somebody made it since.
            Written::WasThere => bail!("`{}` was made meanwhile and is left as it is", path.display()),
        }
    }
    console.result(&next(folder));
    Ok(Exit::Success)
}

/// A link that leads nowhere is there, too.
fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

enum Written {
    Yes,
    WasThere,
}

fn write_new(path: &Path, text: &str) -> anyhow::Result<Written> {
    let cannot = || format!("`{}` can't be written", path.display());
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).with_context(cannot)?;
    }
    let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(Written::WasThere),
        opened => opened.with_context(cannot)?,
    };
    file.write_all(text.as_bytes()).with_context(cannot)?;
    Ok(Written::Yes)
}

fn next(folder: &Path) -> String {
    let name = program::name();
    let enter = match folder.as_os_str().is_empty() {
        true => String::new(),
        false => format!("  cd {}\n", shell_word(&folder.to_string_lossy())),
    };
    format!("\nnext:\n{enter}  {name} check\n  {name} run main.dig\n")
}
