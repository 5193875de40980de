//! Embulk's commands and options, in one table: what a command line may hold, and what `--help` says of it.

use super::command::Name;

/// An option.
pub(super) struct Known {
    /// As it is written; the first is what messages call it.
    pub(super) names: &'static [&'static str],
    /// What its value is, if it takes one.
    pub(super) value: Option<&'static str>,
    /// The commands that have it; empty: all.
    pub(super) commands: &'static [Name],
    pub(super) option: OptionKey,
    text: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OptionKey {
    Help,
    Version,
    LogLevel,
    LogPath,
    ConfigDiff,
    Output,
    Plugins,
    Vertical,
    /// How long a transfer goes on after a signal.
    Grace,
    /// A setting of the process.
    Setting,
    /// Means nothing here, for this reason.
    Ignored(&'static str),
}

const PLUGINS: &str = "plugins are part of this program";
const ANEW: &str = "a transfer that failed leaves nothing to go on from, and starts anew";

/// All of them. Embulk had `-b`, `-C`, `-I` and `-L` with every command up to 0.9.
pub(super) const OPTIONS: [Known; 18] = [
    known(&["-h", "--help", "-help"], None, &[], OptionKey::Help, "this text"),
    known(&["-version", "--version"], None, &[], OptionKey::Version, "the version"),
    known(
        &["-l", "--log-level"],
        Some("LEVEL"),
        &[],
        OptionKey::LogLevel,
        "error, warn, info (default), debug or trace",
    ),
    known(&["--log-path"], Some("PATH"), &[], OptionKey::LogPath, "a file for the log, which is added to"),
    known(&["-c", "--config-diff"], Some("PATH"), &[Name::Run], OptionKey::ConfigDiff, CONFIG_DIFF),
    known(&["-o", "--output"], Some("PATH"), &[Name::Run], OptionKey::Output, "the config of the next run"),
    known(
        &["-o", "--output"],
        Some("PATH"),
        &[Name::Guess],
        OptionKey::Output,
        "a file for the guessed config",
    ),
    known(
        &["-g", "--guess"],
        Some("NAMES"),
        &[Name::Guess],
        OptionKey::Plugins,
        "further guess plugins, with commas between",
    ),
    known(&["-G", "--vertical"], None, &[Name::Preview], OptionKey::Vertical, "a line for each value"),
    known(&["--grace"], Some("LENGTH"), &[Name::Run], OptionKey::Grace, GRACE),
    known(
        &["-r", "--resume-state"],
        Some("PATH"),
        &[Name::Run, Name::Cleanup],
        OptionKey::Ignored(ANEW),
        "has no effect",
    ),
    known(&["-X"], Some("KEY=VALUE"), &[], OptionKey::Setting, "min_output_tasks=N; others have no effect"),
    known(&["-R"], Some("OPTION"), &[], OptionKey::Ignored("there is no JRuby"), "has no effect"),
    known(&["-b", "--bundle"], Some("DIR"), &[], OptionKey::Ignored(PLUGINS), "has no effect"),
    known(&["-C", "--classpath"], Some("PATH"), &[], OptionKey::Ignored(PLUGINS), "has no effect"),
    known(&["-I", "--load-path"], Some("PATH"), &[], OptionKey::Ignored(PLUGINS), "has no effect"),
    known(&["-L", "--load"], Some("PATH"), &[], OptionKey::Ignored(PLUGINS), "has no effect"),
    known(&["-f"], None, &[Name::Selfupdate], OptionKey::Ignored(PLUGINS), "has no effect"),
];

const GRACE: &str = "how long it goes on after a signal to stop (10s)";
const CONFIG_DIFF: &str = "what the last run left for this one; written when it ends well";

const fn known(
    names: &'static [&'static str],
    value: Option<&'static str>,
    commands: &'static [Name],
    option: OptionKey,
    text: &'static str,
) -> Known {
    Known { names, value, commands, option, text }
}

/// The option of a name that a command has; before the command is known, any command's.
pub(super) fn find(name: &str, command: Option<Name>) -> Option<&'static Known> {
    let is_of = |known: &Known| {
        known.commands.is_empty() || command.is_none_or(|command| known.commands.contains(&command))
    };
    OPTIONS.iter().find(|known| known.names.contains(&name) && is_of(known))
}

/// What `--help` says: of everything, or of one command.
pub(super) fn usage(command: Option<Name>) -> String {
    let mut text = match command {
        None => "Usage: embulk [options] COMMAND [options]\n\nCommands:\n".to_owned(),
        Some(name) => format!("Usage: embulk {} [options]{}\n\n", name.word(), spaced(name.arguments())),
    };
    match command {
        None => {
            for name in Name::ALL.iter().filter(|name| !name.text().is_empty()) {
                let usage = format!("{}{}", name.word(), spaced(name.arguments()));
                text.push_str(&format!("  {usage:<22} {}\n", name.text()));
            }
        }
        Some(name) => text.push_str(&format!("  {}\n", name.text())),
    }
    text.push_str("\nOptions:\n");
    let shown = OPTIONS.iter().filter(|known| match command {
        None => known.commands.is_empty(),
        Some(name) => known.commands.is_empty() || known.commands.contains(&name),
    });
    for known in shown {
        let names = known.names[..known.names.len().min(2)].join(", ");
        let usage = format!("{names}{}", spaced(known.value.unwrap_or_default()));
        text.push_str(&format!("  {usage:<24} {}\n", known.text));
    }
    text.trim_end().to_owned()
}

fn spaced(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" {text}") }
}
