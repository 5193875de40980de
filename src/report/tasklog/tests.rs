//! Logs on disk and on their way to S3.

use std::io::Read as _;
use std::time::Duration;

use super::*;
use crate::run::event::{FailureKind, TaskResult};
use crate::secret::Secret;
use crate::session::TaskState;
use crate::transfer::gauge::Gauge;

/// Takes objects, or refuses them all.
#[derive(Default)]
struct FakeStore {
    refusal: Option<&'static str>,
    objects: Mutex<Vec<(String, String)>>,
    asked: Mutex<u32>,
}

impl LogStore for FakeStore {
    fn put(&self, key: &str, kind: ObjectKind, body: Vec<u8>) -> Result<(), String> {
        *self.asked.lock().expect("no test panics with it") += 1;
        if let Some(refusal) = self.refusal {
            return Err(refusal.to_owned());
        }
        let mut text = String::new();
        match kind {
            ObjectKind::Log => flate2::read::GzDecoder::new(body.as_slice()).read_to_string(&mut text),
            ObjectKind::Report(_) => body.as_slice().read_to_string(&mut text),
        }
        .expect("it is gzip, or text");
        self.objects.lock().expect("no test panics with it").push((key.to_owned(), text));
        Ok(())
    }
}

fn at(text: &str) -> Timestamp {
    format!("2026-01-02T{text}Z").parse().expect("a time")
}

fn event(time: &str, kind: EventKind) -> RunEvent {
    RunEvent { at: at(time), kind }
}

fn task() -> TaskName {
    TaskName::from_full("+wf+a")
}

fn setup(state_folder: &Path, attempt: i64, store: Option<&Arc<FakeStore>>) -> TaskLogSetup {
    let scrubber = Scrubber::new();
    scrubber.add(&Secret::new("hunter2!"));
    TaskLogSetup {
        state_folder: state_folder.into(),
        session: SessionId(3),
        attempt: AttemptId(attempt),
        scrubber,
        server: store.map(|store| LogServer {
            path: "logs".into(),
            identity: AttemptIdentity {
                workflow: "wf".into(),
                session_time: "20260102T000000+0000".into(),
                name: None,
                started_at: at("01:00:00"),
                agent: "1@host".into(),
            },
            store: Arc::clone(store) as Arc<dyn LogStore>,
        }),
    }
}

fn started(round: u32) -> EventKind {
    EventKind::TaskStarted { task: task(), operator: "sh".into(), round }
}

fn output(text: &str) -> EventKind {
    EventKind::Output { task: task(), bytes: text.into() }
}

fn ended(state: TaskState) -> EventKind {
    EventKind::TaskFinished { task: task(), state, result: None, failure: None }
}

#[test]
fn a_log_has_the_time_and_the_try_of_each_line_and_no_secret() {
    let folder = tempfile::tempdir().expect("a directory");
    let logs = TaskLogs::new(setup(folder.path(), 4, None)).expect("it begins");
    let failure = TaskFailure {
        message: "exit 1".into(),
        causes: vec!["no hunter2!".into()],
        hint: Some("look".into()),
        kind: FailureKind::Failed,
    };
    logs.show(&event("01:00:00", started(1)));
    logs.show(&event("01:00:01.5", output("one\ntwo hunt")));
    logs.show(&event("01:00:02", output("er2!\nthree")));
    logs.show(&event(
        "01:00:03",
        EventKind::TaskRetrying { task: task(), round: 1, delay: Duration::from_millis(1500), failure },
    ));
    logs.show(&event("01:00:04", started(2)));
    logs.show(&event(
        "01:00:05",
        EventKind::Log { task: Some(task()), level: Level::Warn, text: "careful\nwith hunter2!".into() },
    ));
    logs.show(&event("01:00:06", ended(TaskState::Success)));
    assert_eq!(logs.finish(), TaskLogSummary::default());
    let path = find(&folder.path().join("logs/3/4"), &task()).expect("it is there");
    assert_eq!(
        fs::read_to_string(path).expect("text"),
        "2026-01-02 01:00:00.000 +0000 [1] INFO sh> begins, attempt 4, try 1\n\
         2026-01-02 01:00:01.500 +0000 [1] one\n\
         2026-01-02 01:00:02.000 +0000 [1] two ***\n\
         2026-01-02 01:00:03.000 +0000 [1] three\n\
         2026-01-02 01:00:03.000 +0000 [1] ERROR exit 1\n\
         2026-01-02 01:00:03.000 +0000 [1] ERROR   cause: no ***\n\
         2026-01-02 01:00:03.000 +0000 [1] ERROR   hint: look\n\
         2026-01-02 01:00:03.000 +0000 [1] WARN next try in 1.5 s\n\
         2026-01-02 01:00:04.000 +0000 [2] INFO sh> begins, attempt 4, try 2\n\
         2026-01-02 01:00:05.000 +0000 [2] WARN careful\n\
         2026-01-02 01:00:05.000 +0000 [2] WARN with ***\n\
         2026-01-02 01:00:06.000 +0000 [2] INFO ended: success\n"
    );
}

#[test]
fn a_group_that_did_nothing_has_no_log() {
    let folder = tempfile::tempdir().expect("a directory");
    let logs = TaskLogs::new(setup(folder.path(), 4, None)).expect("it begins");
    logs.show(&event("01:00:00", ended(TaskState::Success)));
    logs.finish();
    assert_eq!(find(&folder.path().join("logs/3/4"), &task()), None);
}

#[test]
fn a_task_that_said_nothing_has_a_log_only_when_it_failed() {
    let folder = tempfile::tempdir().expect("a directory");
    let logs = TaskLogs::new(setup(folder.path(), 4, None)).expect("it begins");
    logs.show(&event("01:00:00", started(1)));
    logs.show(&event("01:00:01", ended(TaskState::Success)));
    assert_eq!(find(&folder.path().join("logs/3/4"), &task()), None);
    logs.show(&event("01:00:02", started(2)));
    logs.show(&event("01:00:03", ended(TaskState::Canceled)));
    logs.finish();
    let path = find(&folder.path().join("logs/3/4"), &task()).expect("it is there");
    assert_eq!(
        fs::read_to_string(path).expect("text"),
        "2026-01-02 01:00:02.000 +0000 [2] INFO sh> begins, attempt 4, try 2\n\
         2026-01-02 01:00:03.000 +0000 [2] INFO ended: canceled\n"
    );
}

#[test]
fn finished_logs_go_to_the_log_server() {
    let folder = tempfile::tempdir().expect("a directory");
    let store = Arc::new(FakeStore::default());
    let logs = TaskLogs::new(setup(folder.path(), 4, Some(&store))).expect("it begins");
    logs.show(&event("01:00:00", started(1)));
    logs.show(&event("01:00:01", output("hunter2!")));
    logs.show(&event("01:00:02", ended(TaskState::Error)));
    let summary = logs.finish();
    assert_eq!(summary.upload, UploadSummary { sent_count: 1, kept: Vec::new() });
    let objects = store.objects.lock().expect("no test panics with it");
    assert_eq!(
        objects.as_slice(),
        [(
            "logs/2026-01-02/0.1wf@20260102T000000+0000/+wf+a@6957189000000000.1@host.log.gz".to_owned(),
            "2026-01-02 01:00:00.000 +0000 [1] INFO sh> begins, attempt 4, try 1\n\
             2026-01-02 01:00:02.000 +0000 [1] ***\n\
             2026-01-02 01:00:02.000 +0000 [1] INFO ended: error\n"
                .to_owned()
        )]
    );
}

#[test]
fn a_log_that_cannot_be_sent_is_kept_and_sent_by_the_next_start() {
    let folder = tempfile::tempdir().expect("a directory");
    let refusing = Arc::new(FakeStore { refusal: Some("no such bucket"), ..FakeStore::default() });
    let logs = TaskLogs::new(setup(folder.path(), 4, Some(&refusing))).expect("it begins");
    logs.show(&event("01:00:00", started(1)));
    logs.show(&event("01:00:02", ended(TaskState::Success)));
    let path = folder.path().join("logs/3/4/+wf+a.log");
    let kept = vec![KeptLog { path: path.clone(), reason: "no such bucket".into() }];
    assert_eq!(logs.finish().upload, UploadSummary { sent_count: 0, kept });
    let store = Arc::new(FakeStore::default());
    let next = TaskLogs::new(setup(folder.path(), 5, Some(&store))).expect("it begins");
    assert_eq!(next.finish().upload, UploadSummary { sent_count: 1, kept: Vec::new() });
    assert!(path.is_file());
    assert_eq!(fs::read_dir(folder.path().join("logs/pending")).expect("there").count(), 0);
    assert!(store.objects.lock().expect("no test panics with it")[0].0.contains("/+wf+a@69571890"));
}

#[test]
fn a_log_of_a_living_run_is_left_alone_and_one_of_a_dead_run_is_sent() {
    let folder = tempfile::tempdir().expect("a directory");
    let refusing = Arc::new(FakeStore { refusal: Some("no"), ..FakeStore::default() });
    let living = TaskLogs::new(setup(folder.path(), 4, Some(&refusing))).expect("it begins");
    living.show(&event("01:00:00", started(1)));
    let left_behind = || -> Vec<PathBuf> {
        upload::left_behind(&folder.path().join("logs")).into_iter().map(|note| note.log).collect()
    };
    assert_eq!(left_behind(), Vec::<PathBuf>::new());
    // As a kill leaves it: the lock is gone, the note is there.
    drop(living);
    let path = folder.path().join("logs/3/4/+wf+a.log");
    assert_eq!(left_behind(), std::slice::from_ref(&path));
    // A log that was pruned leaves no note behind.
    fs::remove_file(path).expect("removed");
    assert_eq!(left_behind(), Vec::<PathBuf>::new());
    assert_eq!(fs::read_dir(folder.path().join("logs/pending")).expect("there").count(), 0);
}

#[test]
fn a_dead_log_server_is_not_asked_for_every_log() {
    let folder = tempfile::tempdir().expect("a directory");
    let refusing = Arc::new(FakeStore { refusal: Some("down"), ..FakeStore::default() });
    let logs = TaskLogs::new(setup(folder.path(), 4, Some(&refusing))).expect("it begins");
    for number in 0..50 {
        let task = TaskName::from_full(format!("+wf+{number}"));
        logs.show(&event(
            "01:00:00",
            EventKind::TaskStarted { task: task.clone(), operator: "sh".into(), round: 1 },
        ));
        logs.show(&event(
            "01:00:01",
            EventKind::TaskFinished { task, state: TaskState::Success, result: None, failure: None },
        ));
    }
    let kept = logs.finish().upload.kept;
    assert_eq!(kept.len(), 50);
    let reasons: std::collections::BTreeSet<_> = kept.iter().map(|log| log.reason.as_str()).collect();
    assert_eq!(Vec::from_iter(reasons), ["down", "not tried after the failures before it"]);
    // Those under way when patience ended may still have asked.
    assert!(*refusing.asked.lock().expect("no test panics with it") <= 8);
}

#[test]
fn a_log_tells_of_generated_tasks_and_transfers() {
    let folder = tempfile::tempdir().expect("a directory");
    let logs = TaskLogs::new(setup(folder.path(), 4, None)).expect("it begins");
    let report = crate::transfer::report::TransferReport {
        source: "mysql a".into(),
        target: "bigquery b".into(),
        rows_read: 3,
        rows_sent: 2,
        bytes: 10,
        seconds: 1.25,
        notes: vec!["one row was skipped".into()],
        ..Default::default()
    };
    let failure = TaskFailure {
        message: "the transfer failed".into(),
        causes: vec!["quota".into()],
        hint: None,
        kind: FailureKind::Failed,
    };
    let key = || "k".to_owned();
    for kind in [
        started(1),
        EventKind::TransferStarted {
            task: task(),
            key: key(),
            source: "mysql a".into(),
            target: "bigquery b".into(),
            gauge: Gauge::default(),
        },
        EventKind::TransferFinished { task: task(), key: key(), report },
        EventKind::TransferFailed { task: task(), key: key(), failure },
        EventKind::TaskPlanned { task: task(), result: TaskResult::default() },
    ] {
        logs.show(&event("01:00:00", kind));
    }
    logs.finish();
    let path = find(&folder.path().join("logs/3/4"), &task()).expect("it is there");
    assert_eq!(
        fs::read_to_string(path).expect("text").replace("2026-01-02 01:00:00.000 +0000 [1] ", ""),
        "INFO sh> begins, attempt 4, try 1\n\
         INFO copies mysql a to bigquery b\n\
         INFO copied mysql a to bigquery b: 3 rows read, 2 sent, 10 bytes, 1.2 s\n\
         INFO one row was skipped\n\
         ERROR the transfer failed\n\
         ERROR   cause: quota\n\
         INFO the tasks below it follow\n"
    );
}

#[test]
fn a_disk_that_says_no_is_told_once() {
    let folder = tempfile::tempdir().expect("a directory");
    let logs = TaskLogs::new(setup(folder.path(), 4, None)).expect("it begins");
    let directory = folder.path().join("logs/3/4");
    fs::remove_dir_all(&directory).expect("it is there");
    fs::write(&directory, "").expect("written");
    logs.show(&event("01:00:00", started(1)));
    logs.show(&event("01:00:01", output("x\n")));
    assert_eq!(
        logs.finish().disk.as_deref(),
        Some("the log of `+wf+a` could not be written: Not a directory (os error 20)")
    );
}

#[test]
fn a_log_or_note_that_went_away_meanwhile_is_told() {
    let kept = |meanwhile: &dyn Fn(&Path)| {
        let folder = tempfile::tempdir().expect("a directory");
        let store = Arc::new(FakeStore::default());
        let logs = TaskLogs::new(setup(folder.path(), 4, Some(&store))).expect("it begins");
        logs.show(&event("01:00:00", started(1)));
        meanwhile(&folder.path().join("logs"));
        logs.show(&event("01:00:02", ended(TaskState::Success)));
        logs.finish().upload.kept.remove(0).reason
    };
    let without_log = kept(&|logs| fs::remove_file(logs.join("3/4/+wf+a.log")).expect("removed"));
    assert_eq!(without_log, "it cannot be read: No such file or directory (os error 2)");
    let with_stuck_note = kept(&|logs| {
        let mut notes = fs::read_dir(logs.join("pending")).expect("there");
        let note = notes.next().expect("one").expect("there").path();
        fs::remove_file(&note).expect("removed");
        fs::create_dir(&note).expect("made");
    });
    assert_eq!(with_stuck_note, "it was sent, but its note cannot be removed: Is a directory (os error 21)");
}
