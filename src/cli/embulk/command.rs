//! A command line of Embulk, read as Embulk's parser reads it: a command among options, in any order.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use super::options::{self, OptionKey};
use crate::cli::preview::Layout;
use crate::cli::run_args;
use crate::embulk::TWO_THREADS;
use crate::embulk::config::ExecConfig;
use crate::embulk::guess::Plugin;
use crate::run::embulk_protocol::LogLevel;

/// The commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Run,
    Preview,
    Guess,
    Cleanup,
    Example,
    License,
    Install,
    Selfupdate,
    Gem,
    Bundle,
    Mkbundle,
    Exec,
    Irb,
    Migrate,
    New,
}

impl Name {
    pub(super) const ALL: [Self; 15] = [
        Self::Run,
        Self::Preview,
        Self::Guess,
        Self::Cleanup,
        Self::Example,
        Self::License,
        Self::Install,
        Self::Selfupdate,
        Self::Gem,
        Self::Bundle,
        Self::Mkbundle,
        Self::Exec,
        Self::Irb,
        Self::Migrate,
        Self::New,
    ];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Preview => "preview",
            Self::Guess => "guess",
            Self::Cleanup => "cleanup",
            Self::Example => "example",
            Self::License => "license",
            Self::Install => "install",
            Self::Selfupdate => "selfupdate",
            Self::Gem => "gem",
            Self::Bundle => "bundle",
            Self::Mkbundle => "mkbundle",
            Self::Exec => "exec",
            Self::Irb => "irb",
            Self::Migrate => "migrate",
            Self::New => "new",
        }
    }

    pub(super) fn arguments(self) -> &'static str {
        match self {
            Self::Run | Self::Preview | Self::Guess | Self::Cleanup => "FILE",
            Self::Example => "[DIR]",
            _ => "",
        }
    }

    /// What it does; nothing for what Embulk itself no longer has.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Run => "copies what the configuration says (.yml or .yml.liquid)",
            Self::Preview => "shows the first rows of its input, after its filters",
            Self::Guess => "adds what a sample of its input's files shows",
            Self::Cleanup => "does nothing: no state is left behind",
            Self::Example => "makes files to try guess, preview and run with",
            Self::License => "prints whose work this is",
            Self::Install => "does nothing: the plugins that are known are part of this program",
            Self::Selfupdate => "does nothing: this program is updated as it was installed",
            Self::Gem | Self::Bundle | Self::Mkbundle => {
                "does nothing: the plugins that are known are part of this program"
            }
            Self::Exec | Self::Irb | Self::Migrate | Self::New => "",
        }
    }

    fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.word() == word)
    }

    /// How many arguments it takes, at least and at most.
    fn bounds(self) -> (usize, usize) {
        match self {
            Self::Example => (0, 1),
            Self::License => (0, 0),
            _ => (1, 1),
        }
    }
}

/// What a command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// A text on stdout, and no more.
    Say(String),
    /// Files to try things with, below a folder.
    Example(PathBuf),
    /// Work with a transfer file.
    Work(Work),
}

/// Work with a transfer file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Work {
    pub(super) what: What,
    pub(super) file: PathBuf,
    pub(super) level: LogLevel,
    /// Where the log goes instead of stdout.
    pub(super) log_path: Option<PathBuf>,
    /// Options without effect, as written, each with the reason.
    pub(super) ignored: Vec<(String, &'static str)>,
    /// The config diff that is read, and written at the end.
    pub(super) diff: Option<PathBuf>,
    /// Where a config goes at the end.
    pub(super) output: Option<PathBuf>,
    /// What `-X` says for what `exec:` does not.
    pub(super) exec: ExecConfig,
    /// How long a transfer goes on after a signal, where that was said.
    pub(super) grace: Option<Duration>,
}

/// What is to be done with the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    Run,
    Preview(Layout),
    /// With these plugins after the usual ones.
    Guess(Vec<Plugin>),
}

/// A command line that is none of Embulk's: the reason, and the command that it is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WrongUsage {
    pub(super) reason: String,
    pub(super) command: Option<Name>,
}

const MISSING: &str = "a command is missing, e.g. `embulk run FILE`";

impl Command {
    pub(super) fn parse(arguments: &[String]) -> Result<Self, WrongUsage> {
        let found = command_word(arguments)?;
        let Some(word) = found else {
            let words = Words::parse(arguments, None)?;
            return match (words.version, words.help) {
                (true, _) => Ok(Self::Say(version())),
                (_, true) => Ok(Self::Say(options::usage(None))),
                _ => Err(WrongUsage { reason: MISSING.to_owned(), command: None }),
            };
        };
        let name = Name::of(word).ok_or_else(|| WrongUsage {
            reason: format!("'{word}' is not an embulk command."),
            command: None,
        })?;
        let wrong = |reason: String| Err(WrongUsage { reason, command: Some(name) });
        match name {
            Name::Exec | Name::Irb | Name::Migrate | Name::New => {
                let reason = format!("'{word}' is no longer available.");
                return Err(WrongUsage { reason, command: None });
            }
            Name::Bundle if arguments.last().is_some_and(|last| last == "new") => {
                let reason =
                    "'embulk bundle new' is no longer available. Please use 'embulk mkbundle' instead.";
                return wrong(reason.to_owned());
            }
            // Their own options are none of ours.
            Name::Gem | Name::Bundle | Name::Mkbundle => {
                return Ok(Self::Say(format!(
                    "embulk {word}: nothing to do, the plugins that are known are part of this program"
                )));
            }
            _ => {}
        }
        let words = Words::parse(arguments, Some(name))?;
        if words.help {
            return Ok(Self::Say(options::usage(Some(name))));
        }
        if words.version {
            return Ok(Self::Say(version()));
        }
        let plain = &words.plain[1..];
        let (least, most) = name.bounds();
        if plain.len() < least || plain.len() > most {
            let count = if least == most { format!("exact {least}") } else { format!("{least} - {most}") };
            return wrong(format!("'{word}' needs {count} argument(s)."));
        }
        let file = plain.first().map(PathBuf::from);
        Ok(match name {
            Name::Run => Self::Work(words.work(What::Run, file)),
            Name::Preview => {
                let layout = words.layout;
                Self::Work(words.work(What::Preview(layout), file))
            }
            Name::Guess => {
                let plugins = words.plugins.clone();
                Self::Work(words.work(What::Guess(plugins), file))
            }
            Name::Example => Self::Example(file.unwrap_or_else(|| "embulk-example".into())),
            Name::License => Self::Say(format!(
                "sync {} stands in for Embulk and holds no code of it; it is under the license of its own package",
                env!("CARGO_PKG_VERSION")
            )),
            _ => Self::Say(format!("embulk {word}: nothing to do, it {}", reason_of(name))),
        })
    }
}

fn reason_of(name: Name) -> &'static str {
    match name {
        Name::Cleanup => "has no state to clean up: a transfer that fails leaves none behind",
        Name::Selfupdate => "is updated as it was installed",
        _ => "has the plugins that are known in it",
    }
}

fn version() -> String {
    format!("Embulk, as sync {} stands in for it", env!("CARGO_PKG_VERSION"))
}

/// The first word that is no option and no value of one.
fn command_word(arguments: &[String]) -> Result<Option<&str>, WrongUsage> {
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        let (name, attached) = split(word);
        match options::find(name, None) {
            Some(known) if known.value.is_some() && attached.is_none() => {
                rest.next();
            }
            Some(_) => {}
            None if is_option(word) => return Err(unrecognized(word, None)),
            None => return Ok(Some(word)),
        }
    }
    Ok(None)
}

fn is_option(word: &str) -> bool {
    word.len() > 1 && word.starts_with('-')
}

fn unrecognized(word: &str, command: Option<Name>) -> WrongUsage {
    WrongUsage { reason: format!("Unrecognized option: {word}"), command }
}

/// Words of a command line, sorted.
struct Words {
    plain: Vec<String>,
    level: LogLevel,
    log_path: Option<PathBuf>,
    ignored: Vec<(String, &'static str)>,
    diff: Option<PathBuf>,
    output: Option<PathBuf>,
    exec: ExecConfig,
    grace: Option<Duration>,
    plugins: Vec<Plugin>,
    layout: Layout,
    help: bool,
    version: bool,
}

impl Words {
    fn parse(arguments: &[String], command: Option<Name>) -> Result<Self, WrongUsage> {
        let mut words = Self {
            plain: Vec::new(),
            level: LogLevel::Info,
            log_path: None,
            ignored: Vec::new(),
            diff: None,
            output: None,
            exec: ExecConfig::default(),
            grace: None,
            plugins: Vec::new(),
            layout: Layout::Table,
            help: false,
            version: false,
        };
        let mut rest = arguments.iter();
        while let Some(word) = rest.next() {
            if word == "--" {
                words.plain.extend(rest.by_ref().cloned());
                continue;
            }
            if !is_option(word) {
                words.plain.push(word.clone());
                continue;
            }
            let (name, attached) = split(word);
            let Some(known) = options::find(name, command) else { return Err(unrecognized(word, command)) };
            let value = match known.value {
                None => String::new(),
                Some(_) => attached.map(str::to_owned).or_else(|| rest.next().cloned()).ok_or_else(|| {
                    let reason = format!("Missing argument for option: {}", name.trim_start_matches('-'));
                    WrongUsage { reason, command }
                })?,
            };
            words.take(known.option, name, value).map_err(|reason| WrongUsage { reason, command })?;
        }
        Ok(words)
    }

    fn take(&mut self, option: OptionKey, name: &str, value: String) -> Result<(), String> {
        match option {
            OptionKey::Help => self.help = true,
            OptionKey::Version => self.version = true,
            OptionKey::Vertical => self.layout = Layout::Vertical,
            OptionKey::LogLevel => self.level = level(&value)?,
            OptionKey::LogPath => self.log_path = (value != "-").then(|| value.into()),
            OptionKey::ConfigDiff => self.diff = Some(value.into()),
            OptionKey::Grace => {
                let wrong = |wants| format!("`{name}` takes {wants}");
                self.grace = Some(run_args::grace(&value).map_err(wrong)?);
            }
            OptionKey::Output => self.output = Some(value.into()),
            OptionKey::Plugins => {
                let names = value.split(',').map(str::trim).filter(|name| !name.is_empty());
                let plugins: Result<Vec<_>, _> = names.map(Plugin::named).collect();
                self.plugins = plugins.map_err(|error| error.to_string())?;
            }
            OptionKey::Setting => match Setting::parse(&value)? {
                Setting::Exec(exec) => self.exec = exec.or(self.exec),
                Setting::Ignored(reason) => self.ignore(name, &value, reason),
            },
            OptionKey::Ignored(reason) => self.ignore(name, &value, reason),
        }
        Ok(())
    }

    fn ignore(&mut self, name: &str, value: &str, reason: &'static str) {
        self.ignored.push((format!("{name} {value}").trim_end().to_owned(), reason));
    }

    fn work(mut self, what: What, file: Option<PathBuf>) -> Work {
        if let (What::Preview(_) | What::Guess(_), Some(tasks)) = (&what, self.exec.min_output_tasks) {
            self.ignore("-X", &format!("min_output_tasks={tasks}"), "only `run` writes files");
        }
        let Self { level, log_path, ignored, diff, output, exec, grace, .. } = self;
        Work { what, file: file.unwrap_or_default(), level, log_path, ignored, diff, output, exec, grace }
    }
}

/// What a `-X KEY=VALUE` asks for. As in Embulk, `exec:` of the file wins.
enum Setting {
    Exec(ExecConfig),
    /// Nothing, for this reason.
    Ignored(&'static str),
}

impl Setting {
    fn parse(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        Ok(match key {
            "min_output_tasks" => {
                let tasks = value.parse::<NonZeroU32>().ok().and_then(|tasks| tasks.try_into().ok());
                let tasks =
                    tasks.ok_or_else(|| format!("'{value}' is not a number of output tasks (1 or more)."))?;
                Self::Exec(ExecConfig { min_output_tasks: Some(tasks) })
            }
            "max_threads" => Self::Ignored(TWO_THREADS),
            "page_size" => Self::Ignored("pages have a size of their own, and change no row"),
            _ => Self::Ignored("there is no JVM to set up"),
        })
    }
}

/// The file of `embulk run`, and what its `-X` say, among words whose variables a shell has not filled in yet.
pub(in crate::cli) fn run_words<'w>(
    mut words: impl Iterator<Item = &'w str>,
) -> (Option<&'w str>, ExecConfig) {
    let (mut file, mut exec) = (None, ExecConfig::default());
    while let Some(word) = words.next() {
        if !is_option(word) {
            file = file.or(Some(word));
            continue;
        }
        let (name, attached) = split(word);
        let Some(known) = options::find(name, Some(Name::Run)) else { continue };
        let value = known.value.and_then(|_| attached.or_else(|| words.next()));
        if let (OptionKey::Setting, Some(Ok(Setting::Exec(said)))) = (known.option, value.map(Setting::parse))
        {
            exec = said.or(exec);
        }
    }
    (file, exec)
}

/// Splits `--name=value` and `-nVALUE`.
fn split(word: &str) -> (&str, Option<&str>) {
    if word.starts_with("--") {
        return word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
    }
    if options::find(word, None).is_some() || !word.starts_with('-') {
        return (word, None);
    }
    match word.split_at_checked(2) {
        Some((name, value)) if !value.is_empty() => (name, Some(value)),
        _ => (word, None),
    }
}

fn level(word: &str) -> Result<LogLevel, String> {
    match word {
        "error" => Ok(LogLevel::Error),
        "warn" => Ok(LogLevel::Warn),
        "info" => Ok(LogLevel::Info),
        "debug" => Ok(LogLevel::Debug),
        "trace" => Ok(LogLevel::Trace),
        other => Err(format!("'{other}' is not a log level (error, warn, info, debug, trace).")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, WrongUsage> {
        Command::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    fn work(what: What) -> Work {
        Work {
            what,
            file: "a.yml".into(),
            level: LogLevel::Info,
            log_path: None,
            ignored: Vec::new(),
            diff: None,
            output: None,
            exec: ExecConfig::default(),
            grace: None,
        }
    }

    #[track_caller]
    fn refused(line: &str, reason: &str) {
        assert_eq!(parsed(line).map_err(|wrong| wrong.reason), Err(reason.to_owned()), "{line}");
    }

    #[test]
    fn a_run_takes_one_file_and_embulks_options() {
        assert_eq!(parsed("run a.yml"), Ok(Command::Work(work(What::Run))));
        let Ok(Command::Work(run)) = parsed(
            "-l warn -b bundle run a.yml -X max_threads=4 --load-path=lib -Llib2 -r s.yml -c d.yml -o o.yml --log-path l",
        ) else {
            panic!("a run")
        };
        let ignored: Vec<_> = run.ignored.iter().map(|(option, _)| option.as_str()).collect();
        assert_eq!(ignored, ["-b bundle", "-X max_threads=4", "--load-path lib", "-L lib2", "-r s.yml"]);
        assert_eq!((run.level, run.log_path), (LogLevel::Warn, Some("l".into())));
        assert_eq!((run.diff, run.output), (Some("d.yml".into()), Some("o.yml".into())));
        refused("run", "'run' needs exact 1 argument(s).");
        refused("run a b", "'run' needs exact 1 argument(s).");
        refused("run --frob a", "Unrecognized option: --frob");
        refused("run -G a", "Unrecognized option: -G");
        refused("run a -l loud", "'loud' is not a log level (error, warn, info, debug, trace).");
        refused("run a -b", "Missing argument for option: b");
        refused("rnu a", "'rnu' is not an embulk command.");
        refused("", "a command is missing, e.g. `embulk run FILE`");
        refused("-l warn", "a command is missing, e.g. `embulk run FILE`");
        assert_eq!(parsed("run -- a.yml"), Ok(Command::Work(work(What::Run))));
    }

    #[test]
    fn previews_and_guesses_have_options_of_their_own() {
        for (line, what) in [
            ("preview a.yml", What::Preview(Layout::Table)),
            ("preview -G a.yml", What::Preview(Layout::Vertical)),
            ("preview a.yml --vertical", What::Preview(Layout::Vertical)),
            ("guess a.yml", What::Guess(Vec::new())),
            ("guess -g csv_all_strings,gzip a.yml", What::Guess(vec![Plugin::CsvAllStrings, Plugin::Gzip])),
        ] {
            assert_eq!(parsed(line), Ok(Command::Work(work(what))), "{line}");
        }
        refused("preview", "'preview' needs exact 1 argument(s).");
        refused("preview -c d a.yml", "Unrecognized option: -c");
        refused(
            "guess -g xml a.yml",
            "unknown guess plugin `xml`: native ones are `gzip`, `bzip2`, `json`, `csv` and `csv_all_strings`",
        );
    }

    #[test]
    fn what_has_nothing_to_do_says_so_whatever_its_options() {
        for line in [
            "gem install embulk-input-mysql -v 0.10 --no-document",
            "bundle",
            "mkbundle dir",
            "-b d bundle",
            "cleanup a.yml -r s.yml",
            "install a:b:1",
            "selfupdate -f 0.9.23",
        ] {
            assert!(
                matches!(parsed(line), Ok(Command::Say(text)) if text.contains("nothing to do")),
                "{line}"
            );
        }
        for line in ["-h", "--help", "-help"] {
            assert_eq!(parsed(line), Ok(Command::Say(options::usage(None))), "{line}");
        }
        assert!(matches!(parsed("-version"), Ok(Command::Say(text)) if text.starts_with("Embulk, as sync ")));
        assert_eq!(parsed("run -h"), Ok(Command::Say(options::usage(Some(Name::Run)))));
    }

    #[test]
    fn what_embulk_no_longer_has_is_not_here_either() {
        for word in ["exec", "irb", "migrate", "new"] {
            refused(&format!("{word} x"), &format!("'{word}' is no longer available."));
        }
        refused(
            "bundle new",
            "'embulk bundle new' is no longer available. Please use 'embulk mkbundle' instead.",
        );
        refused("example a b", "'example' needs 0 - 1 argument(s).");
        refused("license x", "'license' needs exact 0 argument(s).");
        refused("cleanup", "'cleanup' needs exact 1 argument(s).");
    }
}
