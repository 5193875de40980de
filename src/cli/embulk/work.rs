//! `run`, `preview` and `guess`: the work itself, what is printed of it, and the files that it leaves.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::command::{What, Work};
use super::{Alone, Done, Job, World};
use crate::cli::preview;
use crate::exit::Exit;
use crate::run::embulk_lines::{self, log_line};
use crate::run::embulk_protocol::{Answer, Ask, KEY, LogLevel, SOCKET, receive, send};
use crate::run::embulk_socket::error_lines;
use crate::run::operator::OperatorError;

/// How long a transfer goes on after a signal.
const GRACE: Duration = Duration::from_secs(10);

type Doing<'a> = &'a dyn Fn(&Alone<'_>) -> Result<Done, OperatorError>;

impl Work {
    pub(super) fn execute(&self, world: &World<'_>, alone: Doing<'_>) -> Exit {
        for (ignored, reason) in &self.ignored {
            world.console.say(&format!("embulk: `{ignored}` has no effect here: {reason}"));
        }
        match self.try_execute(world, alone) {
            Ok(exit) => exit,
            Err(message) => {
                world.console.say(&format!("Error: {message}"));
                Exit::TaskFailed
            }
        }
    }

    /// Errors: why the files on the command line cannot be used.
    fn try_execute(&self, world: &World<'_>, alone: Doing<'_>) -> Result<Exit, String> {
        let output = self.output.as_ref().map(|path| writable(path, world)).transpose()?;
        let log_file = self.log_path.as_ref().map(|path| writable(path, world)).transpose()?;
        let log_file = log_file.as_deref().map(appended).transpose()?;
        let log = |level: LogLevel, text: &str| {
            if level < self.level {
                return;
            }
            let line = log_line(Timestamp::now(), world.zone, level, text);
            match &log_file {
                // A log that cannot be written does not stop the work.
                Some(file) => drop(writeln!(&mut &*file, "{}", world.scrubber.scrub_text(&line))),
                None => world.console.result(&line),
            }
        };
        match (&self.what, &output) {
            (What::Run, Some(output)) => {
                log(LogLevel::Warn, "Run with -o option is deprecated. Please use -c option instead.");
                self.run_for_next(output, world, alone, &log)
            }
            (What::Run, None) => {
                let diff = self.diff.as_ref().map(|diff| world.directory.join(diff));
                Ok(self.run(diff, world, alone, &log))
            }
            (What::Preview(_), _) => Ok(self.show(Job::Preview, None, world, alone, &log)),
            (What::Guess(plugins), output) => {
                Ok(self.show(Job::Guess(plugins.clone()), output.as_deref(), world, alone, &log))
            }
        }
    }

    fn work<'w>(&self, job: &'w Job, world: &'w World<'w>, log: &'w dyn Fn(LogLevel, &str)) -> Alone<'w> {
        let file = world.directory.join(&self.file);
        Alone { job, file, diff: None, exec: self.exec, grace: self.grace.unwrap_or(GRACE), world, log }
    }

    /// Copies the rows: in the run that is around, if there is one.
    fn run(
        &self,
        diff: Option<PathBuf>,
        world: &World<'_>,
        alone: Doing<'_>,
        log: &dyn Fn(LogLevel, &str),
    ) -> Exit {
        if let (Some(socket), Some(key)) = (world.environment.get(SOCKET), world.environment.get(KEY)) {
            if self.grace.is_some() {
                log(LogLevel::Warn, "`--grace` has no effect inside a run: the run's own counts");
            }
            let ask = Ask {
                key: key.clone(),
                file: world.directory.join(&self.file),
                directory: world.directory.to_owned(),
                environment: world.environment.clone(),
                diff,
                exec: self.exec,
            };
            return hand_over(socket, &ask, world, log).unwrap_or_else(|error| {
                world.console.say(&format!("Error: the run that started this command is gone ({error})"));
                Exit::TaskFailed
            });
        }
        match alone(&Alone { diff, ..self.work(&Job::Transfer, world, log) }) {
            Ok(Done::Transferred(report)) => {
                embulk_lines::of_success(&report).iter().for_each(|line| log(LogLevel::Info, line));
                Exit::Success
            }
            Ok(_) => Exit::Success,
            Err(error) => failed(&error, world),
        }
    }

    /// The same, and writes the config of the next run: this one with its config diff over it.
    fn run_for_next(
        &self,
        output: &Path,
        world: &World<'_>,
        alone: Doing<'_>,
        log: &dyn Fn(LogLevel, &str),
    ) -> Result<Exit, String> {
        let kept = self.diff.as_ref().map(|diff| world.directory.join(diff));
        let diff = kept.clone().unwrap_or_else(|| {
            let name = output.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            output.with_file_name(format!(".{name}.{}.yml", std::process::id()))
        });
        let exit = self.run(Some(diff.clone()), world, alone, log);
        let next = match exit {
            Exit::Success => {
                let work = Alone { diff: Some(diff.clone()), ..self.work(&Job::Read, world, log) };
                Some(alone(&work))
            }
            _ => None,
        };
        if kept.is_none() {
            // It was never more than a note from the run to this process.
            drop(fs::remove_file(&diff));
        }
        match next {
            Some(Ok(Done::Config(text))) => write(output, &text, world).map(|()| exit),
            Some(Err(error)) => Ok(failed(&error, world)),
            _ => Ok(exit),
        }
    }

    /// Previews and guesses: they change nothing but the file that they are to write.
    fn show(
        &self,
        job: Job,
        output: Option<&Path>,
        world: &World<'_>,
        alone: Doing<'_>,
        log: &dyn Fn(LogLevel, &str),
    ) -> Exit {
        match alone(&self.work(&job, world, log)) {
            Ok(Done::Previewed(preview)) => {
                preview.notes.iter().for_each(|note| log(LogLevel::Warn, note));
                if preview.rows.is_empty() {
                    world.console.say("Error: No input records to preview");
                    return Exit::TaskFailed;
                }
                let What::Preview(layout) = self.what else { return Exit::Success };
                world.console.result(&preview::text(&preview, layout));
                Exit::Success
            }
            Ok(Done::Config(text)) => {
                let shown = self.output.as_ref().map(|path| path.display().to_string());
                if let Some(Err(message)) = output.map(|output| write(output, &text, world)) {
                    world.console.say(&format!("Error: {message}"));
                    return Exit::TaskFailed;
                }
                world.console.say(&format!("{text}\n"));
                world.console.result(&match shown {
                    Some(path) => format!("Created '{path}' file."),
                    None => "Use -o PATH option to write the guessed config file to a file.".to_owned(),
                });
                Exit::Success
            }
            Ok(Done::Transferred(_)) => Exit::Success,
            Err(error) => failed(&error, world),
        }
    }
}

fn failed(error: &OperatorError, world: &World<'_>) -> Exit {
    error_lines(error).iter().for_each(|line| world.console.say(line));
    Exit::TaskFailed
}

/// A file that can be written, which is made if it is not there, before anything is done for it.
fn writable(path: &Path, world: &World<'_>) -> Result<PathBuf, String> {
    let whole = world.directory.join(path);
    match OpenOptions::new().append(true).create(true).open(&whole) {
        Ok(_) => Ok(whole),
        Err(_) => Err(format!("Not writable: {}", path.display())),
    }
}

fn appended(path: &Path) -> Result<File, String> {
    let file = OpenOptions::new().append(true).open(path);
    file.map_err(|_| format!("Not writable: {}", path.display()))
}

fn write(path: &Path, text: &str, world: &World<'_>) -> Result<(), String> {
    let written = fs::write(path, world.scrubber.scrub_text(text).as_bytes());
    written.map_err(|error| format!("`{}` could not be written: {error}", path.display()))
}

/// Lets the run do the transfer and prints what it says.
fn hand_over(socket: &str, ask: &Ask, world: &World<'_>, log: &dyn Fn(LogLevel, &str)) -> io::Result<Exit> {
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
    Err(io::Error::from(io::ErrorKind::UnexpectedEof))
}
