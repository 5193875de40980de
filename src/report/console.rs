//! The only place that prints. Results go to stdout; progress, logs and errors to stderr.
//!
//! A reader that went away (a closed pipe) is not an error: what would have gone there is dropped. Everything passes
//! the scrubber once more on its way out; errors, warnings and hints bear the name that the program was called by
//! ([`program`]).

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::screen::{self, Drawn, Screen, Size};
use super::shown;
use crate::program;
use crate::secret::scrub::Scrubber;
use crate::session::Level;

/// What stdout carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Results {
    /// Tables and text for people.
    #[default]
    Human,
    /// Events in JSON only; everything for people is left out of stdout.
    Json,
}

/// What of the environment decides about colour. Read by the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ColorEnvironment {
    /// `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// `CLICOLOR_FORCE` is set, not empty and not `0`.
    pub force: bool,
    /// `TERM` is `dumb`.
    pub dumb: bool,
}

impl ColorEnvironment {
    /// Reads the three variables through `variable`.
    pub fn read(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            no_color: variable("NO_COLOR").is_some_and(|value| !value.is_empty()),
            force: variable("CLICOLOR_FORCE").is_some_and(|value| !value.is_empty() && value != "0"),
            dumb: variable("TERM").is_some_and(|value| value == "dumb"),
        }
    }

    /// Whether to colour a stream. `NO_COLOR` beats `CLICOLOR_FORCE`, which beats what the stream is.
    pub fn colors(self, is_terminal: bool) -> bool {
        !self.no_color && (self.force || is_terminal && !self.dumb)
    }
}

/// One of the two ways out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    Out,
    Err,
}

/// A style of a few words on stderr or stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Headings.
    Bold,
    /// What matters less.
    Dim,
    /// Done well.
    Green,
    /// Worth a look.
    Yellow,
    /// Failed.
    Red,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Green => "32",
            Self::Yellow => "33",
            Self::Red => "31",
        }
    }

    /// The text in this style, when `enabled`.
    pub fn paint(self, text: &str, enabled: bool) -> String {
        if enabled { format!("\u{1b}[{}m{text}\u{1b}[0m", self.code()) } else { text.to_owned() }
    }
}

/// Prints. A clone prints to the same place.
#[derive(Clone)]
pub struct Console(Arc<Inner>);

struct Inner {
    results: Results,
    colors: ColorEnvironment,
    out_is_terminal: bool,
    err_is_terminal: bool,
    scrubber: Scrubber,
    out: Door,
    err: Door,
    /// What is drawn below all other lines: they have to make room first.
    screen: Mutex<Screen>,
}

struct Door {
    writer: Mutex<Box<dyn Write + Send>>,
    /// Nobody reads any more.
    shut: AtomicBool,
    /// Where the first failure other than a closed pipe is kept, e.g. that of a full disk.
    failure: &'static OnceLock<io::Error>,
}

/// Why results of this process did not arrive.
static LOST_RESULTS: OnceLock<io::Error> = OnceLock::new();

/// The first failure to write results to stdout that was not a closed pipe. The process must not end with success then.
pub fn lost_results() -> Option<&'static io::Error> {
    LOST_RESULTS.get()
}

/// Failures of stderr have no place to be told.
static LOST_WORDS: OnceLock<io::Error> = OnceLock::new();

impl Door {
    fn new(writer: Box<dyn Write + Send>, failure: &'static OnceLock<io::Error>) -> Self {
        Self { writer: Mutex::new(writer), shut: AtomicBool::new(false), failure }
    }

    fn write(&self, bytes: &[u8]) {
        if self.shut.load(Ordering::Relaxed) {
            return;
        }
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = writer.write_all(bytes).and_then(|()| writer.flush()) {
            self.shut.store(true, Ordering::Relaxed);
            if error.kind() != io::ErrorKind::BrokenPipe {
                // Only the first counts.
                let _ = self.failure.set(error);
            }
        }
    }
}

impl Console {
    /// The console of the process.
    pub fn new(results: Results, colors: ColorEnvironment, scrubber: Scrubber) -> Self {
        Self(Arc::new(Inner {
            results,
            colors,
            out_is_terminal: io::stdout().is_terminal(),
            err_is_terminal: io::stderr().is_terminal(),
            scrubber,
            out: Door::new(Box::new(io::stdout()), &LOST_RESULTS),
            err: Door::new(Box::new(io::stderr()), &LOST_WORDS),
            screen: Mutex::default(),
        }))
    }

    /// A console that writes elsewhere, as if no terminal were there.
    pub fn with_writers(
        results: Results,
        scrubber: Scrubber,
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
    ) -> Self {
        Self(Arc::new(Inner {
            results,
            colors: ColorEnvironment::default(),
            out_is_terminal: false,
            err_is_terminal: false,
            scrubber,
            out: Door::new(out, &LOST_RESULTS),
            err: Door::new(err, &LOST_WORDS),
            screen: Mutex::default(),
        }))
    }

    /// What stdout carries.
    pub fn results(&self) -> Results {
        self.0.results
    }

    /// A text for people on stdout; a newline is added where it lacks one. Left out under JSON.
    pub fn result(&self, text: &str) {
        if self.0.results == Results::Human {
            self.line(Stream::Out, text);
        }
    }

    /// What a task printed, on stdout as it came. Left out under JSON, where it is an event.
    pub fn output(&self, bytes: &[u8]) {
        if self.0.results == Results::Human {
            self.write(Stream::Out, &self.0.scrubber.scrub_bytes(bytes));
        }
    }

    /// One line of JSON on stdout.
    pub fn json(&self, value: &serde_json::Value) {
        self.line(Stream::Out, &self.0.scrubber.scrub_value(value).to_string());
    }

    /// A line for people on stderr.
    pub fn say(&self, text: &str) {
        self.line(Stream::Err, text);
    }

    /// A question on stderr; the answer follows on the same line.
    pub fn prompt(&self, question: &str) {
        self.write(Stream::Err, question.as_bytes());
    }

    /// A line of a log on stderr, with its level in front where it is grave.
    pub fn log(&self, level: Level, text: &str) {
        let painted = self.err_colors();
        match level {
            Level::Error => self.error(text),
            Level::Warn => {
                let text = program::in_its_name(text);
                self.say(&format!("{} {text}", Style::Yellow.paint("warning:", painted)));
            }
            Level::Info | Level::Debug => self.say(text),
        }
    }

    /// An error on stderr: `error: …`.
    pub fn error(&self, text: &str) {
        let text = program::in_its_name(text);
        self.say(&format!("{} {text}", Style::Red.paint("error:", self.err_colors())));
    }

    /// An error with the causes below it and what to do next, each on a line of its own.
    pub fn failure(&self, message: &str, causes: &[String], hint: Option<&str>) {
        let mut text = message.to_owned();
        for cause in causes {
            text.push_str("\n  cause: ");
            text.push_str(cause);
        }
        if let Some(hint) = hint {
            text.push_str("\nhint: ");
            text.push_str(hint);
        }
        self.error(&text);
    }

    /// Whether stdout shows colours.
    pub fn out_colors(&self) -> bool {
        self.0.colors.colors(self.0.out_is_terminal)
    }

    /// Whether stderr shows colours.
    pub fn err_colors(&self) -> bool {
        self.0.colors.colors(self.0.err_is_terminal)
    }

    /// How many columns stdout has, where it is a terminal that says so.
    pub fn out_width(&self) -> Option<usize> {
        if !self.0.out_is_terminal {
            return None;
        }
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
        Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
    }

    /// Whether a person looks at stderr, on a terminal that can redraw lines.
    pub fn can_redraw(&self) -> bool {
        self.0.err_is_terminal && !self.0.colors.dumb
    }

    /// How large the terminal at stderr is; one that does not say is as large as most.
    pub fn err_size(&self) -> Size {
        let size = rustix::termios::tcgetwinsize(io::stderr()).ok();
        let size =
            size.map(|size| Size { width: usize::from(size.ws_col), height: usize::from(size.ws_row) });
        size.filter(|size| size.width > 0 && size.height > 0).unwrap_or(Size::USUAL)
    }

    /// Draws these lines below all others, in the place of those that were drawn before; no lines take them away.
    /// Only for a terminal that can redraw. `size` is what the lines were made for.
    pub fn draw(&self, lines: Vec<Drawn>, size: Size) {
        let mut screen = self.0.screen.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = screen.draw(lines, size);
        if !bytes.is_empty() {
            self.0.err.write(bytes.as_bytes());
        }
    }

    /// A line as [`Self::draw`] takes it: a secret that was learned meanwhile is not in it.
    pub fn drawn(&self, text: &str, painted: String, size: Size) -> Drawn {
        match self.0.scrubber.scrub_text(text) {
            scrubbed if scrubbed == text => Drawn { painted, width: shown::width(text) },
            scrubbed => screen::plain(&scrubbed, size),
        }
    }

    fn line(&self, stream: Stream, text: &str) {
        let mut line = self.0.scrubber.scrub_text(text);
        if !line.ends_with('\n') {
            line.push('\n');
        }
        self.write(stream, line.as_bytes());
    }

    fn write(&self, stream: Stream, bytes: &[u8]) {
        let (door, shares_terminal) = match stream {
            Stream::Out => (&self.0.out, self.0.out_is_terminal),
            Stream::Err => (&self.0.err, self.0.err_is_terminal),
        };
        if !shares_terminal {
            return door.write(bytes);
        }
        let mut screen = self.0.screen.lock().unwrap_or_else(PoisonError::into_inner);
        if screen.is_empty() || bytes.is_empty() {
            return door.write(bytes);
        }
        let size = self.err_size();
        let lines = screen.lines(size);
        self.0.err.write(screen.erase(size).as_bytes());
        door.write(bytes);
        if !bytes.ends_with(b"\n") {
            door.write(b"\n");
        }
        self.0.err.write(screen.draw(lines, size).as_bytes());
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::secret::Secret;

    /// Bytes that a test can read while the console writes them.
    #[derive(Clone, Default)]
    pub(crate) struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Shared {
        pub(crate) fn text(&self) -> String {
            String::from_utf8_lossy(&self.0.lock().expect("no test panics with it")).into_owned()
        }
    }

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no test panics with it").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    pub(crate) fn console(results: Results) -> (Console, Shared, Shared) {
        let (out, err) = (Shared::default(), Shared::default());
        let scrubber = Scrubber::new();
        scrubber.add(&Secret::new("hunter2!"));
        let console = Console::with_writers(results, scrubber, Box::new(out.clone()), Box::new(err.clone()));
        (console, out, err)
    }

    #[test]
    fn results_and_talk_part_ways_and_secrets_stay() {
        let (console, out, err) = console(Results::Human);
        console.result("a table with hunter2!");
        console.output(b"as it came: hunter2!");
        console.say("working with hunter2!");
        console.log(Level::Warn, "careful");
        console.failure("task `+a` failed", &["no such table".into()], Some("make it"));
        assert_eq!(out.text(), "a table with ***\nas it came: ***");
        assert_eq!(
            err.text(),
            "working with ***\nwarning: careful\nerror: task `+a` failed\n  cause: no such table\nhint: make it\n"
        );
    }

    #[test]
    fn under_json_stdout_is_json_only() {
        let (console, out, _) = console(Results::Json);
        console.result("a table");
        console.output(b"text");
        console.json(&serde_json::json!({"event": "hunter2!"}));
        assert_eq!(out.text(), "{\"event\":\"***\"}\n");
    }

    #[test]
    fn a_closed_pipe_is_no_failure_but_a_full_disk_is() {
        static LOST: OnceLock<io::Error> = OnceLock::new();
        for (kind, fails) in [(io::ErrorKind::BrokenPipe, false), (io::ErrorKind::StorageFull, true)] {
            let door = Door::new(Box::new(Broken(kind)), &LOST);
            door.write(b"a line");
            door.write(b"another");
            assert_eq!(LOST.get().is_some(), fails);
        }
    }

    #[test]
    fn colour_follows_the_environment() {
        let read = |pairs: &[(&str, &str)]| {
            let pairs: Vec<(String, String)> =
                pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            ColorEnvironment::read(&move |name: &str| {
                pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
            })
        };
        assert!(read(&[]).colors(true));
        assert!(!read(&[]).colors(false));
        assert!(!read(&[("TERM", "dumb")]).colors(true));
        assert!(read(&[("CLICOLOR_FORCE", "1")]).colors(false));
        assert!(!read(&[("CLICOLOR_FORCE", "0")]).colors(false));
        assert!(!read(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]).colors(true));
        assert!(read(&[("NO_COLOR", "")]).colors(true));
    }
}
