//! The command line as clap knows it, with what people are told beside the options. Help, manual pages and completions
//! are made of this one definition.

pub mod examples;

use clap::{Command, CommandFactory};

use self::examples::{GUIDES, Guide};
use super::Cli;
use crate::program;

/// The command line of the program by the name that it was called by.
pub fn command() -> Command {
    let name = program::name();
    let command = Cli::command().name(name).bin_name(name).display_name(program::NAME);
    guided(command, "", true)
}

/// Every command below, with its name as [`Guide::command`] has it; hidden ones are left out.
pub fn commands(command: &Command) -> Vec<(String, &Command)> {
    fn below<'c>(command: &'c Command, path: &str, found: &mut Vec<(String, &'c Command)>) {
        found.push((path.to_owned(), command));
        for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
            below(sub, &longer(path, sub.get_name()), found);
        }
    }
    let mut found = Vec::new();
    below(command, "", &mut found);
    found
}

/// What is told of a command.
pub fn guide(path: &str) -> Option<&'static Guide> {
    GUIDES.iter().find(|guide| guide.command == path)
}

/// The codes that are told with the commands that run something.
pub const EXIT_CODES: &[(&str, &str)] = &[
    ("0", "all done"),
    ("1", "a task failed; `sync retry` may help"),
    ("2", "wrong usage of the command line"),
    ("65", "a workflow or transfer file is invalid, found before anything ran"),
    ("75", "try later: the workflow runs already, or no server could be reached"),
    ("129, 130, 143", "stopped by SIGHUP, SIGINT, SIGTERM; what is done is recorded"),
];

/// Commands whose exit code says how workflows went.
pub fn has_exit_codes(path: &str) -> bool {
    matches!(path, "" | "run" | "retry" | "check")
}

fn guided(command: Command, path: &str, is_root: bool) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let mut command = names.iter().fold(command, |command, name| {
        command.mut_subcommand(name, |sub| guided(sub, &longer(path, name), false))
    });
    let Some(guide) = guide(path) else { return command };
    // What `-h` says stays short.
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    let more = program::in_its_name(guide.more);
    if !more.is_empty() {
        command = command.long_about(format!("{about}\n\n{more}"));
    }
    let mut after = String::from("Examples:");
    for (what, line) in guide.examples {
        after.push_str(&format!("\n  # {what}\n  {}", program::command(line)));
    }
    if has_exit_codes(path) {
        after.push_str("\n\nExit codes:");
        for (code, meaning) in EXIT_CODES {
            after.push_str(&format!("\n  {code:<13}  {}", program::in_its_name(meaning)));
        }
    }
    let command = command.after_long_help(after);
    if is_root {
        command.after_help(format!("`{} COMMAND --help` shows examples", program::name()))
    } else {
        command
    }
}

fn longer(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path} {name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_examples_that_it_understands() {
        let command = command();
        let paths: Vec<String> = commands(&command).into_iter().map(|(path, _)| path).collect();
        for path in &paths {
            assert!(guide(path).is_some_and(|guide| !guide.examples.is_empty()), "`{path}` has no example");
        }
        for guide in GUIDES {
            assert!(paths.iter().any(|path| path == guide.command), "there is no `{}`", guide.command);
            for (_, line) in guide.examples {
                let line = line.split([' ']).take_while(|word| *word != "|" && *word != ">");
                let words: Vec<&str> = line.collect();
                let is_of_it = words[1..].starts_with(&guide.command.split_whitespace().collect::<Vec<_>>());
                assert!(is_of_it, "{words:?} is an example of `{}`", guide.command);
                if let Err(error) = command.clone().try_get_matches_from(&words) {
                    panic!("{words:?}: {error}");
                }
            }
        }
    }

    #[test]
    fn the_definition_holds_together() {
        command().debug_assert();
    }
}
