//! `sync embulk ...`, and the same when the program is called as `embulk`: what commands in tasks call.
//!
//! Inside a run, `embulk run FILE` hands its transfer over to the run and prints what comes back. Alone it asks its
//! caller to do the transfer. `gem`, `bundle` and `mkbundle` have nothing to do here and say so. Exit codes are
//! Embulk's: 0, 1 for a failure, 255 for wrong usage.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::exit::Exit;
use crate::report::console::Console;
use crate::run::embulk_lines::{self, log_line};
use crate::run::embulk_protocol::{Answer, Ask, KEY, LogLevel, SOCKET, receive, send};
use crate::run::embulk_socket::error_lines;
use crate::run::operator::OperatorError;
use crate::transfer::preview::Preview;
use crate::transfer::report::TransferReport;

use super::preview::{self, Layout};

/// Embulk's code for wrong usage.
const WRONG_USAGE: Exit = Exit::Other(255);

const USAGE: &str = "\
Usage: embulk run FILE [options]

  run FILE               copies what the configuration says (.yml or .yml.liquid)
  preview FILE           shows the first rows of its input, after its filters
  gem, bundle, mkbundle  do nothing: the plugins that are known are part of this program

Options:
  -G, --vertical         preview: a line for each value
  -c, --config-diff PATH what the last run left for this one; written when it ends well
  -l, --log-level LEVEL  error, warn, info (default), debug or trace
  -X KEY=VALUE           accepted for Embulk's sake, without effect; so are -b, -C, -I, -L and -R
  -h, --help             this text
  --version              the version";

/// What the command was given by the world.
pub struct World<'a> {
    /// The environment: what the file sees as `env.*`, and where a run says that it is around.
    pub environment: &'a BTreeMap<String, String>,
    /// The current directory.
    pub directory: &'a Path,
    /// Where lines go.
    pub console: &'a Console,
    /// The zone of times in lines.
    pub zone: &'a TimeZone,
}

/// What is to be done with a transfer file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// Its rows are copied.
    Transfer,
    /// Its first rows are shown.
    Preview,
}

/// What was done.
pub enum Done {
    /// Rows were copied.
    Transferred(TransferReport),
    /// Rows were read to be shown.
    Previewed(Preview),
}

/// Work to be done by this process alone.
pub struct Alone<'a> {
    /// What is done.
    pub job: Job,
    /// The transfer file, absolute.
    pub file: PathBuf,
    /// The config diff, absolute.
    pub diff: Option<PathBuf>,
    /// What the world gave.
    pub world: &'a World<'a>,
    /// Prints a line of the log as Embulk does.
    pub log: &'a dyn Fn(LogLevel, &str),
}

/// Does what the arguments after `embulk` say. `alone` does the work when no run is around, and all previews.
pub fn execute(
    arguments: &[String],
    world: &World<'_>,
    alone: impl FnOnce(&Alone<'_>) -> Result<Done, OperatorError>,
) -> Exit {
    match Command::parse(arguments) {
        Ok(Command::Say(text)) => {
            world.console.result(&text);
            Exit::Success
        }
        Ok(Command::Run(run)) => {
            for ignored in &run.ignored {
                world.console.say(&format!(
                    "embulk: `{ignored}` has no effect here: plugins are part of this program"
                ));
            }
            run.execute(world, alone)
        }
        Err(Refusal::Usage(text)) => {
            world.console.result(USAGE);
            world.console.say(&format!("\nembulk: {text}"));
            WRONG_USAGE
        }
        Err(Refusal::Missing(text)) => {
            world.console.say(&format!("Error: {text}"));
            Exit::TaskFailed
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Command {
    Say(String),
    Run(Run),
}

#[derive(Debug, PartialEq, Eq)]
struct Run {
    file: PathBuf,
    level: LogLevel,
    /// Options without effect, as written.
    ignored: Vec<String>,
    /// How rows are shown; none: they are copied.
    preview: Option<Layout>,
    /// The config diff that is read, and written at the end.
    diff: Option<PathBuf>,
}

#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    /// Not a command line of Embulk.
    Usage(String),
    /// Something that Embulk has and this program has not.
    Missing(String),
}

impl Command {
    fn parse(arguments: &[String]) -> Result<Self, Refusal> {
        let nothing = ["gem", "bundle", "mkbundle"];
        // Their own options are none of ours.
        if let Some(name) = arguments.first().filter(|name| nothing.contains(&name.as_str())) {
            return Ok(Self::Say(format!(
                "embulk {name}: nothing to do, the plugins that are known are part of this program"
            )));
        }
        let words = Words::parse(arguments)?;
        if words.help {
            return Ok(Self::Say(USAGE.to_owned()));
        }
        if words.version {
            return Ok(Self::Say(format!("Embulk, as sync {} stands in for it", env!("CARGO_PKG_VERSION"))));
        }
        let [name, files @ ..] = words.plain.as_slice() else {
            return Err(Refusal::Usage("a command is missing, e.g. `embulk run FILE`".to_owned()));
        };
        match (name.as_str(), files) {
            ("run", [file]) => {
                let Words { level, ignored, diff, .. } = words;
                Ok(Self::Run(Run { file: file.into(), level, ignored, preview: None, diff }))
            }
            ("preview", [file]) => {
                let Words { level, ignored, diff, layout, .. } = words;
                Ok(Self::Run(Run { file: file.into(), level, ignored, preview: Some(layout), diff }))
            }
            ("preview", _) => Err(Refusal::Usage("'preview' needs exact 1 argument(s).".to_owned())),
            ("run", _) => Err(Refusal::Usage("'run' needs exact 1 argument(s).".to_owned())),
            (name, _) if nothing.contains(&name) => Self::parse(&[name.to_owned()]),
            ("guess" | "cleanup" | "example" | "license" | "install", _) => {
                Err(Refusal::Missing(format!("`embulk {name}` is not there yet")))
            }
            ("exec" | "irb" | "migrate" | "new" | "selfupdate", _) => {
                Err(Refusal::Missing(format!("`embulk {name}` does not exist in this program")))
            }
            (name, _) => {
                Err(Refusal::Usage(format!("'{name}' is not an embulk command. See 'embulk --help'.")))
            }
        }
    }
}

/// Words of a command line, sorted.
struct Words {
    plain: Vec<String>,
    level: LogLevel,
    ignored: Vec<String>,
    diff: Option<PathBuf>,
    help: bool,
    version: bool,
    layout: Layout,
}

impl Words {
    fn parse(arguments: &[String]) -> Result<Self, Refusal> {
        let mut words = Self {
            plain: Vec::new(),
            level: LogLevel::Info,
            ignored: Vec::new(),
            diff: None,
            help: false,
            version: false,
            layout: Layout::Table,
        };
        let mut rest = arguments.iter();
        while let Some(word) = rest.next() {
            let (name, attached) = option(word);
            let mut value = || {
                let value = attached.map(str::to_owned).or_else(|| rest.next().cloned());
                value.ok_or_else(|| Refusal::Usage(format!("option '{name}' needs a value.")))
            };
            match name {
                "-h" | "--help" => words.help = true,
                "-G" | "--vertical" => words.layout = Layout::Vertical,
                "--version" | "-version" => words.version = true,
                "-l" | "--log-level" => words.level = level(&value()?)?,
                "-X" | "-b" | "--bundle" | "-L" | "--load" | "-I" | "--load-path" | "-C" | "--classpath"
                | "-R" => {
                    let value = value()?;
                    words.ignored.push(format!("{name} {value}"));
                }
                "-c" | "--config-diff" => words.diff = Some(value()?.into()),
                "-r" | "--resume-state" | "-o" | "--output" | "--log-path" => {
                    return Err(Refusal::Missing(format!("`{name}` is not supported")));
                }
                name if name.len() > 1 && name.starts_with('-') => {
                    return Err(Refusal::Usage(format!("unrecognized option '{name}'.")));
                }
                _ => words.plain.push(word.clone()),
            }
        }
        Ok(words)
    }
}

/// Splits `--name=value` and `-nVALUE`.
fn option(word: &str) -> (&str, Option<&str>) {
    if word.starts_with("--") {
        return word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
    }
    match word.get(..2) {
        Some(name) if word.len() > 2 && word != "-version" && word.starts_with('-') => {
            (name, Some(&word[2..]))
        }
        _ => (word, None),
    }
}

fn level(word: &str) -> Result<LogLevel, Refusal> {
    match word {
        "error" => Ok(LogLevel::Error),
        "warn" => Ok(LogLevel::Warn),
        "info" => Ok(LogLevel::Info),
        "debug" => Ok(LogLevel::Debug),
        "trace" => Ok(LogLevel::Trace),
        other => {
            Err(Refusal::Usage(format!("'{other}' is not a log level (error, warn, info, debug, trace).")))
        }
    }
}

impl Run {
    fn execute(
        &self,
        world: &World<'_>,
        alone: impl FnOnce(&Alone<'_>) -> Result<Done, OperatorError>,
    ) -> Exit {
        let log = |level: LogLevel, text: &str| {
            if level >= self.level {
                world.console.result(&log_line(Timestamp::now(), world.zone, level, text));
            }
        };
        let file = world.directory.join(&self.file);
        let job = if self.preview.is_some() { Job::Preview } else { Job::Transfer };
        let diff = self.diff.as_ref().map(|diff| world.directory.join(diff));
        match (world.environment.get(SOCKET), world.environment.get(KEY)) {
            (Some(socket), Some(key)) if job == Job::Transfer => {
                let ask = Ask {
                    key: key.clone(),
                    file,
                    directory: world.directory.to_owned(),
                    environment: world.environment.clone(),
                    diff,
                };
                hand_over(socket, &ask, world, &log).unwrap_or_else(|error| {
                    world.console.say(&format!("Error: the run that started this command is gone ({error})"));
                    Exit::TaskFailed
                })
            }
            _ => match alone(&Alone { job, file, diff, world, log: &log }) {
                Ok(Done::Transferred(report)) => {
                    embulk_lines::of_success(&report).iter().for_each(|line| log(LogLevel::Info, line));
                    Exit::Success
                }
                Ok(Done::Previewed(preview)) => {
                    preview.notes.iter().for_each(|note| log(LogLevel::Warn, note));
                    if preview.rows.is_empty() {
                        world.console.say("Error: No input records to preview");
                        return Exit::TaskFailed;
                    }
                    let layout = self.preview.unwrap_or(Layout::Table);
                    world.console.result(&preview::text(&preview, layout));
                    Exit::Success
                }
                Err(error) => {
                    error_lines(&error).iter().for_each(|line| world.console.say(line));
                    Exit::TaskFailed
                }
            },
        }
    }
}

/// Lets the run do the transfer and prints what it says.
fn hand_over(
    socket: &str,
    ask: &Ask,
    world: &World<'_>,
    log: &dyn Fn(LogLevel, &str),
) -> std::io::Result<Exit> {
    let mut stream = UnixStream::connect(socket)?;
    send(&mut stream, ask)?;
    let mut reader = BufReader::new(stream);
    while let Some(answer) = receive::<Answer>(&mut reader)? {
        match answer {
            Answer::Log { level, line } => log(level, &line),
            Answer::Error { line } => world.console.say(&line),
            Answer::Exit { code: 0 } => return Ok(Exit::Success),
            Answer::Exit { code } => return Ok(Exit::Other(code)),
        }
    }
    Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, Refusal> {
        Command::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    fn run(file: &str, level: LogLevel, ignored: &[&str]) -> Result<Command, Refusal> {
        let ignored = ignored.iter().map(|&text| text.to_owned()).collect();
        Ok(Command::Run(Run { file: file.into(), level, ignored, preview: None, diff: None }))
    }

    fn usage(text: &str) -> Result<Command, Refusal> {
        Err(Refusal::Usage(text.to_owned()))
    }

    #[test]
    fn a_run_takes_one_file_and_embulks_options() {
        assert_eq!(parsed("run a.yml"), run("a.yml", LogLevel::Info, &[]));
        assert_eq!(
            parsed("run -b bundle -l warn x.yml.liquid -X max_threads=4 --load-path=lib -Llib2"),
            run(
                "x.yml.liquid",
                LogLevel::Warn,
                &["-b bundle", "-X max_threads=4", "--load-path lib", "-L lib2"]
            )
        );
        assert_eq!(parsed("run"), usage("'run' needs exact 1 argument(s)."));
        assert_eq!(parsed("run a b"), usage("'run' needs exact 1 argument(s)."));
        assert_eq!(parsed("run --frob a"), usage("unrecognized option '--frob'."));
        assert_eq!(
            parsed("run a -l loud"),
            usage("'loud' is not a log level (error, warn, info, debug, trace).")
        );
        assert_eq!(parsed("run a -b"), usage("option '-b' needs a value."));
        assert_eq!(parsed("rnu a"), usage("'rnu' is not an embulk command. See 'embulk --help'."));
        assert_eq!(parsed(""), usage("a command is missing, e.g. `embulk run FILE`"));
    }

    #[test]
    fn a_preview_is_a_run_that_copies_nothing() {
        for (line, layout) in [
            ("preview a.yml", Layout::Table),
            ("preview -G a.yml", Layout::Vertical),
            ("preview a.yml --vertical", Layout::Vertical),
        ] {
            let expected = Run {
                file: "a.yml".into(),
                level: LogLevel::Info,
                ignored: Vec::new(),
                preview: Some(layout),
                diff: None,
            };
            assert_eq!(parsed(line), Ok(Command::Run(expected)), "{line}");
        }
        assert_eq!(parsed("preview"), usage("'preview' needs exact 1 argument(s)."));
    }

    #[test]
    fn what_has_nothing_to_do_says_so_whatever_its_options() {
        for line in
            ["gem install embulk-input-mysql -v 0.10 --no-document", "bundle", "mkbundle dir", "-b d bundle"]
        {
            assert!(
                matches!(parsed(line), Ok(Command::Say(text)) if text.contains("nothing to do")),
                "{line}"
            );
        }
        assert!(matches!(parsed("--version"), Ok(Command::Say(_))));
        assert_eq!(parsed("-h"), Ok(Command::Say(USAGE.to_owned())));
    }

    #[test]
    fn what_is_not_there_is_refused_by_name() {
        let missing = |text: &str| Err(Refusal::Missing(text.to_owned()));
        assert_eq!(parsed("guess a.yml"), missing("`embulk guess` is not there yet"));
        assert_eq!(parsed("run a.yml -r state.yml"), missing("`-r` is not supported"));
    }
}
