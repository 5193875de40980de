//! `sync man`: the manual pages, made of the same definition as the help.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::{console, help, scrubber};
use crate::exit::Exit;
use crate::program;
use crate::report::console::Results;

/// `sync man [DIR]`
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write a page for each command into this folder [default: the first page goes to stdout]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Runs the command.
pub fn exec(args: &ManArgs) -> anyhow::Result<Exit> {
    let pages = pages()?;
    let Some(folder) = &args.folder else {
        console(Results::Human, scrubber()).result(&pages[0].text);
        return Ok(Exit::Success);
    };
    std::fs::create_dir_all(folder).with_context(|| format!("`{}` can't be made", folder.display()))?;
    for page in &pages {
        let path = folder.join(&page.file);
        std::fs::write(&path, &page.text)
            .with_context(|| format!("`{}` can't be written", path.display()))?;
    }
    let console = console(Results::Human, scrubber());
    console.say(&format!("wrote {} pages to `{}`", pages.len(), folder.display()));
    Ok(Exit::Success)
}

/// A page, and the name of its file.
struct Page {
    file: String,
    text: String,
}

/// All of them; that of the program itself is the first.
fn pages() -> anyhow::Result<Vec<Page>> {
    let mut command = help::command();
    command.build();
    let own = program::short_name();
    let named = |path: &str| format!("{own}-{}", path.replace(' ', "-")).trim_end_matches('-').to_owned();
    let commands = help::commands(&command);
    let names: Vec<String> = commands.iter().map(|(path, _)| named(path)).collect();
    let page = |(path, command): &(String, &Command)| {
        let name = named(path);
        let file = format!("{name}.1");
        let others = names.iter().filter(|other| **other != name).cloned().collect::<Vec<_>>();
        Ok(Page {
            text: text(path, command, &name, &others).with_context(|| format!("page `{file}`"))?,
            file,
        })
    };
    commands.iter().map(page).collect()
}

fn text(path: &str, command: &Command, name: &str, others: &[String]) -> anyhow::Result<String> {
    let man = Man::new(command.clone().display_name(name));
    let mut text = Vec::new();
    man.render_name_section(&mut text)?;
    synopsis(command).to_writer(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    more(path, others).to_writer(&mut text)?;
    let text = String::from_utf8(text)?;
    // Each section brings along what only a page needs.
    let (title, preamble) = (title(name), Roff::new().render());
    // An empty line between two line breaks is no roff.
    let text = text.replace(&preamble, "").replace("\n.br\n\n.br\n", "\n.sp\n");
    Ok(format!("{preamble}{title}{text}"))
}

/// The first line: name, section, day, program, manual.
fn title(name: &str) -> String {
    let name = name.to_uppercase();
    format!(
        ".TH \"{name}\" \"1\" \"{}\" \"{} {}\" \"User Commands\"\n",
        day(),
        program::NAME,
        env!("CARGO_PKG_VERSION")
    )
}

/// The day of the version, as the changelog has it: pages of one version are the same whenever they are written.
fn day() -> String {
    let changelog = include_str!("../../packages/debian/changelog");
    let signed = changelog.lines().find_map(|line| line.strip_prefix(" -- ")?.split_once(">  "));
    let time = signed.and_then(|(_, time)| jiff::fmt::rfc2822::parse(time).ok());
    time.map(|time| time.strftime("%Y-%m-%d").to_string()).unwrap_or_default()
}

fn synopsis(command: &Command) -> Roff {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage);
    let own = command.get_bin_name().unwrap_or_default();
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    roff.text([bold(own), roman(usage.strip_prefix(own).unwrap_or_default())]);
    roff
}

/// Examples, exit codes, files and other pages.
fn more(path: &str, others: &[String]) -> Roff {
    let mut roff = Roff::new();
    if let Some(guide) = help::guide(path) {
        roff.control("SH", ["EXAMPLES"]);
        for (what, line) in guide.examples {
            roff.control("TP", []);
            roff.text([roman(format!("{what}:"))]);
            roff.text([bold(program::command(line))]);
        }
    }
    if help::has_exit_codes(path) {
        roff.control("SH", ["EXIT STATUS"]);
        for (code, meaning) in help::EXIT_CODES {
            roff.control("TP", []);
            roff.text([bold(*code)]);
            roff.text([roman(program::in_its_name(meaning))]);
        }
    }
    if path.is_empty() {
        roff.control("SH", ["FILES"]);
        for (file, what) in FILES {
            roff.control("TP", []);
            roff.text([bold(file)]);
            roff.text([roman(what)]);
        }
    }
    roff.control("SH", ["SEE ALSO"]);
    // The page of a command leads to that of the program, which leads to all.
    let shown = if path.is_empty() { others } else { &others[..1] };
    let last = shown.len().saturating_sub(1);
    for (nth, page) in shown.iter().enumerate() {
        roff.control("BR", [page.as_str(), if nth == last { "(1)" } else { "(1)," }]);
    }
    roff
}

/// What lies on the disk.
const FILES: [(&str, &str); 4] = [
    (
        ".sync/state.db",
        "What has run, in the folder of the project; --state, SYNC_STATE or STATE_DIRECTORY move it.",
    ),
    (".sync/logs/", "What tasks have said, beside the state."),
    ("secrets.yml", "Secrets of the project, encrypted."),
    ("~/.config/digdag/config", "Properties, as Digdag has them, and settings of its own."),
];
