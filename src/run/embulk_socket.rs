//! The run's side of `embulk run` inside a task: a socket that only this user can reach, where such commands hand
//! their transfer over, so that budget, pools and state are the run's.
//!
//! Each try of a task gets a [`Pass`] while its command runs; a request without a valid one is refused. What the
//! transfer logs goes to the command, which prints it, so it arrives in the task's log once, as the command's output.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, BufReader};
use std::net::Shutdown;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;

use super::embulk_lines;
use super::embulk_protocol::{Answer, Ask, KEY, LogLevel, SOCKET, TASK, receive, send};
use super::event::EventKind;
use super::operator::{
    Cancel, EventLine, NotRecorded, OperatorError, OperatorRequest, Reporter, SecretGuard, Services,
    TransferFile, TransferRequest, TransferService,
};
use super::private_directory::PrivateDirectory;
use crate::random;

/// Opens the socket with the first task that needs it; one for all tasks of a run.
#[derive(Default)]
pub struct EmbulkDoor(Mutex<Option<Arc<OpenDoor>>>);

impl EmbulkDoor {
    /// A door that is still shut.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets the commands of one try of a task hand over transfers, until the pass is dropped.
    pub fn pass(&self, request: &OperatorRequest<'_>) -> Result<Pass, OperatorError> {
        let door = self.open(request.services)?;
        let key = random::key().map_err(|error| cannot_open(&error))?;
        let visitor = Arc::new(Visitor {
            round: request.round,
            reporter: request.reporter.clone(),
            guard: Arc::clone(&request.services.guard),
            cancel: request.cancel.clone(),
            transfers: Arc::clone(&request.services.transfers),
            running: Mutex::default(),
            failures: Mutex::default(),
        });
        door.visitors().insert(key.clone(), Arc::clone(&visitor));
        Ok(Pass { door, key, task: request.task.to_string(), visitor })
    }

    fn open(&self, services: &Services) -> Result<Arc<OpenDoor>, OperatorError> {
        let mut door = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(door) = &*door {
            return Ok(Arc::clone(door));
        }
        let opened = OpenDoor::open(services).map_err(|error| cannot_open(&error))?;
        *door = Some(Arc::clone(&opened));
        Ok(opened)
    }
}

fn cannot_open(error: &io::Error) -> OperatorError {
    OperatorError::failed("the socket for `embulk` commands could not be opened").cause(error)
}

/// One try of a task, as its commands are let in. Dropping it stops transfers that are still running for it.
pub struct Pass {
    door: Arc<OpenDoor>,
    key: String,
    task: String,
    visitor: Arc<Visitor>,
}

impl Pass {
    /// What a command needs in its environment.
    pub fn variables(&self) -> [(String, String); 3] {
        [
            (SOCKET.to_owned(), self.door.socket().display().to_string()),
            (TASK.to_owned(), self.task.clone()),
            (KEY.to_owned(), self.key.clone()),
        ]
    }

    /// The run's own directory, which only this user can enter.
    pub fn directory(&self) -> &Path {
        self.door.directory.path()
    }

    /// The directory that holds our `embulk`: the first of the PATH.
    pub fn programs(&self) -> PathBuf {
        self.directory().join("bin")
    }

    /// Why a transfer of this try failed, when one did: the last.
    pub fn failure(&self) -> Option<OperatorError> {
        self.visitor.failures.lock().unwrap_or_else(PoisonError::into_inner).last().cloned()
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.door.visitors().remove(&self.key);
        let running = self.visitor.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.iter().for_each(|(_, cancel)| cancel.cancel());
    }
}

/// The try behind a pass.
struct Visitor {
    round: u32,
    reporter: Reporter,
    guard: Arc<dyn SecretGuard>,
    /// The task's own.
    cancel: Cancel,
    transfers: Arc<dyn TransferService>,
    /// Transfers that may have to be stopped.
    running: Mutex<Vec<(u64, Cancel)>>,
    failures: Mutex<Vec<OperatorError>>,
}

struct OpenDoor {
    directory: PrivateDirectory,
    visitors: Mutex<BTreeMap<String, Arc<Visitor>>>,
}

impl OpenDoor {
    fn open(services: &Services) -> io::Result<Arc<Self>> {
        let directory = PrivateDirectory::new(&services.temporary)?;
        let door = Arc::new(Self { directory, visitors: Mutex::default() });
        let programs = door.directory.path().join("bin");
        DirBuilder::new().mode(0o700).create(&programs)?;
        symlink(&services.program, programs.join("embulk"))?;
        let listener = UnixListener::bind(door.socket())?;
        fs::set_permissions(door.socket(), Permissions::from_mode(0o600))?;
        let weak = Arc::downgrade(&door);
        thread::Builder::new().name("embulk-door".to_owned()).spawn(move || listen(&listener, &weak))?;
        Ok(door)
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    fn visitors(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Visitor>>> {
        self.visitors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenDoor {
    fn drop(&mut self) {
        // Wakes the listening thread, which then sees that the door is gone.
        let _ = UnixStream::connect(self.socket());
    }
}

/// Holds the door only by a weak reference, so that it shuts when its last task is done.
fn listen(listener: &UnixListener, door: &Weak<OpenDoor>) {
    for client in listener.incoming() {
        if door.strong_count() == 0 {
            return;
        }
        let (Ok(client), door) = (client, door.clone()) else { continue };
        // A thread that cannot be started drops the connection: the command says that the run has hung up.
        let _ = thread::Builder::new().name("embulk-client".to_owned()).spawn(move || serve(client, &door));
    }
}

/// One command, from its request to its exit code.
fn serve(client: UnixStream, door: &Weak<OpenDoor>) {
    let Ok(writer) = client.try_clone() else { return };
    let mut reader = BufReader::new(client);
    let voice = Voice(Arc::new(Mutex::new(writer)));
    let Ok(Some(ask)) = receive::<Ask>(&mut reader) else { return };
    let visitor = door.upgrade().and_then(|door| door.visitors().get(&ask.key).cloned());
    let code = match visitor {
        Some(visitor) => visitor.transfer(ask, &voice, reader),
        None => {
            voice.say(&Answer::Error {
                line: "Error: this run knows no such task, or it has ended".to_owned(),
            });
            1
        }
    };
    voice.say(&Answer::Exit { code });
    voice.hang_up();
}

impl Visitor {
    fn transfer(&self, ask: Ask, voice: &Voice, reader: BufReader<UnixStream>) -> u8 {
        let cancel = Cancel::default();
        let number = self.remember(&cancel);
        if self.cancel.is_canceled() {
            cancel.cancel();
        }
        cancel_when_gone(reader, cancel.clone());
        let voice_for_tap = voice.clone();
        let reporter = self.reporter.tapped(|line| Arc::new(Tap { line, voice: voice_for_tap }));
        let request = TransferRequest {
            round: self.round,
            file: TransferFile::Named(ask.file),
            directory: ask.directory,
            environment: ask.environment,
            diff: ask.diff,
            exec: ask.exec,
            reporter,
            cancel,
        };
        let result = self.transfers.transfer(&request);
        self.forget(number);
        match result {
            Ok(report) => {
                for line in embulk_lines::of_success(&report) {
                    voice.log(LogLevel::Info, &line);
                }
                0
            }
            Err(error) => {
                for line in error_lines(&error) {
                    voice.say(&Answer::Error { line: self.guard.scrub(&line) });
                }
                self.failures.lock().unwrap_or_else(PoisonError::into_inner).push(error);
                1
            }
        }
    }

    fn remember(&self, cancel: &Cancel) -> u64 {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let number = running.last().map_or(0, |(number, _)| number + 1);
        running.push((number, cancel.clone()));
        number
    }

    fn forget(&self, number: u64) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|(other, _)| *other != number);
    }
}

/// `Error: ` and the message as Embulk ends, then the causes and the hint.
pub fn error_lines(error: &OperatorError) -> Vec<String> {
    let mut lines = vec![format!("Error: {}", error.message)];
    lines.extend(error.causes.iter().map(|cause| format!("  cause: {cause}")));
    lines.extend(error.hint.iter().map(|hint| format!("  hint: {hint}")));
    lines
}

/// A client says nothing after its request, so what is read next is its end.
fn cancel_when_gone(mut reader: BufReader<UnixStream>, cancel: Cancel) {
    // Without the thread the transfer would go on after its command: it is stopped at once instead.
    let for_thread = cancel.clone();
    let watch = thread::Builder::new().name("embulk-watch".to_owned()).spawn(move || {
        let _ = io::copy(&mut reader, &mut io::sink());
        for_thread.cancel();
    });
    if watch.is_err() {
        cancel.cancel();
    }
}

/// Speaks to the client. One that has gone away is not spoken to; its transfer is being cancelled.
#[derive(Clone)]
struct Voice(Arc<Mutex<UnixStream>>);

impl Voice {
    fn say(&self, answer: &Answer) {
        let _ = send(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), answer);
    }

    /// Also ends the thread that waits for the client to go away.
    fn hang_up(&self) {
        let _ = self.0.lock().unwrap_or_else(PoisonError::into_inner).shutdown(Shutdown::Both);
    }

    fn log(&self, level: LogLevel, line: &str) {
        self.say(&Answer::Log { level, line: line.to_owned() });
    }
}

/// Sends log lines to the client and everything else to the run.
struct Tap {
    line: Arc<dyn EventLine>,
    voice: Voice,
}

impl EventLine for Tap {
    fn send(&self, kind: EventKind) {
        match kind {
            EventKind::Log { level, text, .. } => self.voice.log(level.into(), &text),
            other => self.line.send(other),
        }
    }

    fn record(&self, kind: EventKind) -> Result<(), NotRecorded> {
        self.line.record(kind)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use serde_json::json;

    use super::super::operator::testing::Bench;
    use super::super::operator::{Operator, OperatorOutput, Turn};
    use super::*;
    use crate::embulk::config::ExecConfig;
    use crate::transfer::report::TransferReport;

    /// An operator that is a client of its own pass.
    struct Client<F>(EmbulkDoor, F);

    impl<F: Fn(&Pass) -> Result<OperatorOutput, OperatorError> + Send + Sync> Operator for Client<F> {
        fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
            self.1(&self.0.pass(request)?).map(Turn::Done)
        }
    }

    fn run(
        bench: &Bench,
        client: impl Fn(&Pass) -> Result<OperatorOutput, OperatorError> + Send + Sync,
    ) -> Result<OperatorOutput, OperatorError> {
        bench.run(&Client(EmbulkDoor::new(), client), json!({}), json!({}))
    }

    fn connect(pass: &Pass, key: &str) -> BufReader<UnixStream> {
        let variables = BTreeMap::from(pass.variables());
        let mut stream = UnixStream::connect(&variables[SOCKET]).expect("a socket");
        let ask = Ask {
            key: key.to_owned(),
            file: "/p/a.yml.liquid".into(),
            directory: "/p".into(),
            environment: BTreeMap::from([("TABLE".to_owned(), "orders".to_owned())]),
            diff: None,
            exec: ExecConfig::default(),
        };
        send(&mut stream, &ask).expect("sent");
        BufReader::new(stream)
    }

    fn answers(reader: &mut BufReader<UnixStream>) -> Vec<Answer> {
        std::iter::from_fn(|| receive(reader).expect("an answer")).collect()
    }

    fn key(pass: &Pass) -> String {
        BTreeMap::from(pass.variables())[KEY].clone()
    }

    #[test]
    fn a_transfer_is_done_by_the_run_and_its_log_goes_to_the_client() {
        let bench = Bench::new().on_transfer(|request| {
            assert_eq!((request.round, request.environment["TABLE"].as_str()), (1, "orders"));
            request.reporter.log(crate::session::Level::Info, "reading");
            Ok(TransferReport::default())
        });
        let result = run(&bench, |pass| {
            let mode = fs::metadata(pass.door.socket()).expect("a socket").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            let log = |line: &str| Answer::Log { level: LogLevel::Info, line: line.to_owned() };
            let expected = vec![
                log("reading"),
                log("Committed."),
                log("Next config diff: {\"in\":{},\"out\":{}}"),
                Answer::Exit { code: 0 },
            ];
            assert_eq!(answers(&mut connect(pass, &key(pass))), expected);
            assert!(pass.failure().is_none());
            Ok(OperatorOutput::default())
        });
        assert!(result.is_ok());
        assert_eq!(bench.log(), "");
        let left = fs::read_dir(bench.project().join(".sync/tmp")).expect("a directory").count();
        assert_eq!(left, 0, "the socket is gone with the run");
    }

    #[test]
    fn a_failed_transfer_is_told_to_the_client_and_kept_for_the_task() {
        let bench = Bench::new()
            .on_transfer(|_| Err(OperatorError::unreachable("no route").hint("look at the cable")));
        let result = run(&bench, |pass| {
            let error = |line: &str| Answer::Error { line: line.to_owned() };
            let expected =
                vec![error("Error: no route"), error("  hint: look at the cable"), Answer::Exit { code: 1 }];
            assert_eq!(answers(&mut connect(pass, &key(pass))), expected);
            Err(pass.failure().expect("the failure"))
        });
        assert_eq!(result.map(|_| ()).map_err(|error| error.message), Err("no route".to_owned()));
    }

    #[test]
    fn a_client_without_a_pass_is_sent_away() {
        let bench = Bench::new().on_transfer(|_| panic!("no transfer"));
        let result = run(&bench, |pass| {
            let line = "Error: this run knows no such task, or it has ended".to_owned();
            let told = answers(&mut connect(pass, "guessed"));
            assert_eq!(told, [Answer::Error { line }, Answer::Exit { code: 1 }]);
            Ok(OperatorOutput::default())
        });
        assert!(result.is_ok());
    }

    #[test]
    fn a_door_that_does_not_open_says_why() {
        let mut services = Bench::new().services();
        services.temporary = "/nowhere".into();
        let error = EmbulkDoor::new().open(&services).err().expect("there is no such folder");
        assert_eq!(error.message, "the socket for `embulk` commands could not be opened");
        assert_eq!(error.causes, ["No such file or directory (os error 2)"]);
    }

    #[test]
    fn a_client_that_goes_away_cancels_its_transfer() {
        let (started, begin) = channel();
        let (stopped, end) = channel();
        let bench = Bench::new().on_transfer(move |request| {
            started.send(()).expect("a listener");
            while !request.cancel.is_canceled() {
                thread::yield_now();
            }
            stopped.send(()).expect("a listener");
            Err(OperatorError::canceled())
        });
        let (begin, end) = (Mutex::new(begin), Mutex::new(end));
        let result = run(&bench, |pass| {
            let client = connect(pass, &key(pass));
            begin.lock().expect("no panic").recv().expect("the transfer has begun");
            drop(client);
            end.lock().expect("no panic").recv().expect("the transfer has ended");
            Ok(OperatorOutput::default())
        });
        assert!(result.is_ok());
    }
}
