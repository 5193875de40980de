//! What may stand at the cursor of a shell: `sync __complete SHELL INDEX -- WORDS...`, which the scripts in
//! `completions/` call.
//!
//! It only reads, asks no server, and says nothing when something is wrong: a person is typing.

mod line;
mod tasks;
mod values;

use std::ffi::OsString;

use clap::Command;
use clap_complete::CompletionCandidate;
use clap_complete::engine::{ArgValueCompleter, PathCompleter, ValueCompleter, complete};

use self::line::Line;
use super::{console, help, scrubber};
use crate::exit::Exit;
use crate::report::console::Results;

/// The word that the scripts call it by. No command, since people do not type it.
pub const COMMAND: &str = "__complete";

/// Shells that show a few words beside each value, after a tab.
const WITH_HELP: [&str; 3] = ["zsh", "fish", "powershell"];

/// Prints the candidates, one a line. `arguments` follow [`COMMAND`].
pub fn main(arguments: &[OsString]) -> Exit {
    let asked = Asked::parse(arguments);
    let text = asked.map(Asked::answer).unwrap_or_default();
    if !text.is_empty() {
        console(Results::Human, scrubber()).result(&text);
    }
    Exit::Success
}

/// What a script asks.
struct Asked {
    shows_help: bool,
    /// The word at the cursor, counted from the name of the program.
    index: usize,
    words: Vec<OsString>,
}

impl Asked {
    fn parse(arguments: &[OsString]) -> Option<Self> {
        let [shell, index, separator, words @ ..] = arguments else { return None };
        let index: usize = index.to_str()?.parse().ok()?;
        if separator != "--" || index == 0 || index > words.len() {
            return None;
        }
        let mut words = words.to_vec();
        // Some shells leave an empty word out.
        if index == words.len() {
            words.push(OsString::new());
        }
        words.truncate(index + 1);
        Some(Self { shows_help: WITH_HELP.iter().any(|known| shell == known), index, words })
    }

    fn answer(self) -> String {
        let current = self.words[self.index].clone();
        let line = Line::read(&self.words[..self.index]);
        let mut command = with_values(help::command(), &line);
        let Ok(mut found) = complete(&mut command, self.words, self.index, None) else {
            return String::new();
        };
        // Whoever wants an option types a hyphen.
        let is_option = |found: &CompletionCandidate| found.get_value().as_encoded_bytes().starts_with(b"-");
        if current.is_empty() && found.iter().any(|candidate| !is_option(candidate)) {
            found.retain(|candidate| !is_option(candidate));
        }
        found.iter().filter_map(|candidate| shown(candidate, self.shows_help)).collect()
    }
}

/// A candidate as a line; none for one that would not be one line.
fn shown(candidate: &CompletionCandidate, with_help: bool) -> Option<String> {
    let value = candidate.get_value().to_str()?;
    if value.contains(['\n', '\t']) {
        return None;
    }
    let help = candidate.get_help().filter(|_| with_help).map(ToString::to_string);
    let help = help.as_deref().and_then(|help| help.lines().next()).unwrap_or_default().replace('\t', " ");
    Some(if help.is_empty() { format!("{value}\n") } else { format!("{value}\t{help}\n") })
}

/// Says where the values of arguments come from: an argument's value name says what it is, whatever the command.
fn with_values(command: Command, line: &Line) -> Command {
    let path = line.command().to_owned();
    command
        .mut_args(|arg| with_values_of(arg, &path, line))
        .mut_subcommands(|sub| if path.is_empty() { sub } else { with_values(sub, line) })
}

fn with_values_of(arg: clap::Arg, path: &str, line: &Line) -> clap::Arg {
    if !arg.get_action().takes_values() {
        return arg;
    }
    let value_name =
        arg.get_value_names().and_then(<[_]>::first).map(ToString::to_string).unwrap_or_default();
    let line = line.clone();
    match value_name.as_str() {
        "FILE.dig" => arg.add(ArgValueCompleter::new(PathCompleter::any().filter(values::is_workflow))),
        "PATH" => arg.add(ArgValueCompleter::new(PathCompleter::any().filter(values::is_checked))),
        "+TASK" => arg.add(of(move |typed| values::tasks(&line, typed))),
        "ID|last" => arg.add(of(move |_| values::sessions(&line))),
        "NAME" if path.starts_with("secrets") => arg.add(of(move |_| values::secrets(&line))),
        "NAME" if arg.get_id() == "workflow" => arg.add(of(move |_| values::workflows(&line))),
        "CODE" | "CODES" => arg.add(of(|_| values::rules())),
        "DIR" => arg.add(ArgValueCompleter::new(PathCompleter::dir())),
        _ if is_path(&arg) => arg.add(ArgValueCompleter::new(PathCompleter::any())),
        _ => arg,
    }
}

fn is_path(arg: &clap::Arg) -> bool {
    let file = ["FILE", "PROPERTIES"];
    arg.get_value_names().is_some_and(|names| names.iter().any(|name| file.contains(&name.as_str())))
        || arg.get_id() == "arguments"
}

/// Those of some values that begin as what is typed, which they are made for.
fn of(values: impl Fn(&str) -> Vec<(String, String)> + Send + Sync + 'static) -> ArgValueCompleter {
    ArgValueCompleter::new(Beginning(values))
}

struct Beginning<F>(F);

impl<F: Fn(&str) -> Vec<(String, String)> + Send + Sync> ValueCompleter for Beginning<F> {
    fn complete(&self, current: &std::ffi::OsStr) -> Vec<CompletionCandidate> {
        let Some(current) = current.to_str() else { return Vec::new() };
        let values = (self.0)(current).into_iter().filter(|(value, _)| value.starts_with(current));
        let candidates = values.enumerate().map(|(nth, (value, help))| {
            CompletionCandidate::new(value)
                .help((!help.is_empty()).then(|| help.into()))
                // They come in an order that says something.
                .display_order(Some(nth))
        });
        candidates.collect()
    }
}

/// The words of a line, for tests.
#[cfg(test)]
pub(super) fn words(line: &str) -> Vec<OsString> {
    line.split(' ').map(OsString::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(line: &str) -> String {
        let words = words(line);
        let index = (words.len() - 1).to_string();
        let arguments: Vec<OsString> =
            ["fish", &index, "--"].into_iter().map(OsString::from).chain(words).collect();
        Asked::parse(&arguments).map(Asked::answer).unwrap_or_default()
    }

    #[test]
    fn commands_options_and_their_values() {
        let commands = answer("sync re");
        assert!(commands.starts_with("retry\tRun again what did not succeed in a session\n"), "{commands}");
        assert_eq!(answer("sync check --form"), "--format\tHow problems are shown\n");
        assert!(answer("sync check --format=ch").starts_with("--format=checkstyle\t"));
        assert!(answer("sync check --explain-rule unknown-op").starts_with("unknown-operator\t"));
        assert!(!answer("sync ").lines().any(|line| line.starts_with('-')), "{}", answer("sync "));
        assert!(!answer("sync ").contains(COMMAND));
    }

    #[test]
    fn nonsense_is_answered_by_silence() {
        for wrong in [
            &["bash"][..],
            &["bash", "x", "--", "sync"],
            &["bash", "9", "--", "sync"],
            &["bash", "0", "--", "sync"],
        ] {
            let arguments: Vec<OsString> = wrong.iter().map(OsString::from).collect();
            assert!(Asked::parse(&arguments).is_none(), "{wrong:?}");
        }
        assert_eq!(answer("sync frobnicate --"), answer("sync --"));
        assert_eq!(answer("sync run --jobs "), "");
    }

    #[test]
    fn a_value_that_is_more_than_a_line_is_left_out() {
        assert_eq!(shown(&CompletionCandidate::new("a\nb"), true), None);
        let candidate = CompletionCandidate::new("a").help(Some("one\ntwo".into()));
        assert_eq!(shown(&candidate, true).as_deref(), Some("a\tone\n"));
        assert_eq!(shown(&candidate, false).as_deref(), Some("a\n"));
    }
}
