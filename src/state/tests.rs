//! What is said of a state that cannot be used, in full.

use jiff::Timestamp;
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat, openat};

use super::testing::attempt;
use super::{Process, RunningAttempt, StateError, Store, lock};
use crate::run::event::{EventKind, RunEvent};
use crate::session::{AttemptId, SessionId, TaskName};
use crate::transfer::gauge::Gauge;

#[test]
fn a_state_that_cannot_be_used_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("file"), "").expect("written");
    let path = folder.path().join("file/state.db");
    assert_eq!(
        Store::open(&path).expect_err("a file is no folder").to_string(),
        format!(
            "the folder of the state file `{}` could not be made: File exists (os error 17)",
            path.display()
        )
    );
    let newer = StateError::Newer { version: 9, known: 3 };
    assert_eq!(newer.to_string(), "the state file has version 9, this program knows up to 3");
    assert_eq!(
        newer.hint(),
        Some("a newer version of this program wrote it: use that one, or another state file")
    );
    let no_json = serde_json::from_str::<u8>("-").expect_err("no number");
    assert_eq!(
        StateError::from(no_json).to_string(),
        "an event could not be written to the state: EOF while parsing a value at line 1 column 1"
    );
}

fn begun(store: &mut Store) {
    store.begin(&attempt(Process::current())).expect("it begins");
}

#[test]
fn a_damaged_file_is_reported_and_left_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.db");
    begun(&mut Store::open(&path).expect("a state"));
    let mut bytes = std::fs::read(&path).expect("it is read");
    bytes[4096..].fill(0xff);
    std::fs::write(&path, &bytes).expect("written");
    let error = Store::open(&path)
        .and_then(|mut store| store.recover("/p", Timestamp::UNIX_EPOCH).map(|_| ()))
        .expect_err("it is damaged");
    assert!(error.to_string().ends_with("database disk image is malformed"), "{error}");
    let hint = error.hint().expect("a way out");
    assert!(hint.starts_with("it was left as it is: move it away with its `-wal` and `-shm`"), "{hint}");
    let now = std::fs::read(&path).expect("it is read");
    assert!(now.len() == bytes.len() && now[4096..] == bytes[4096..], "it was changed");
}

#[test]
fn a_full_disk_and_a_file_that_others_hold_have_hints() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.db");
    let mut store = Store::open(&path).expect("a state");
    store.connection.pragma_update(None, "max_page_count", 1).expect("set");
    let large = vec![("k".to_owned(), "x".repeat(1 << 20))];
    let error = store.set_params("/p", &large, Timestamp::UNIX_EPOCH).expect_err("there is no room");
    assert_eq!(
        (error.to_string().as_str(), error.hint()),
        ("the state file could not be used: database or disk is full", Some("make room on its disk"))
    );
    let other = Store::open(&path).expect("a state");
    other.connection.execute_batch("begin immediate").expect("held");
    store.connection.busy_timeout(std::time::Duration::ZERO).expect("set");
    let error = store.recover("/p", Timestamp::UNIX_EPOCH).expect_err("it is held");
    assert_eq!(
        (error.to_string().as_str(), error.hint()),
        (
            format!("the state file `{}` is locked", path.display()).as_str(),
            Some("another process has held it for 30 seconds: try again")
        )
    );
}

/// Whoever begins an attempt at that moment has made its lock file and not locked it yet.
#[test]
fn locks_that_were_left_are_removed_while_nobody_can_begin() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.db");
    let mut store = Store::open(&path).expect("a state");
    // Who looks at a pipe waits until somebody opens its other end.
    let pipes = [8, 9].map(|attempt| lock::path_of(&path, AttemptId(attempt)));
    for pipe in &pipes {
        mknodat(CWD, pipe, FileType::Fifo, Mode::RWXU, 0).expect("a pipe");
    }
    let other = rusqlite::Connection::open(&path).expect("a state");
    other.busy_timeout(std::time::Duration::ZERO).expect("set");
    std::thread::scope(|scope| {
        let recovered = scope.spawn(|| store.recover("/p", Timestamp::UNIX_EPOCH));
        let ends = || {
            let open = |pipe| openat(CWD, pipe, OFlags::WRONLY | OFlags::NONBLOCK, Mode::empty());
            pipes.iter().position(|pipe| open(pipe).is_ok())
        };
        let first = std::iter::repeat_with(ends).flatten().next().expect("it looks at one");
        let begun = other.execute_batch("begin immediate");
        std::fs::File::create(&pipes[1 - first]).expect("it looks at the other");
        assert!(begun.is_err(), "another process could begin");
        assert_eq!(recovered.join().expect("no panic").expect("recovered"), []);
    });
    assert_eq!(pipes.map(|pipe| pipe.exists()), [false, false]);
}

#[test]
fn a_workflow_that_runs_names_who_runs_it() {
    let process = Process { pid: 4711, host: "box".into(), ..Process::current() };
    let running = RunningAttempt {
        workflow: "wf".into(),
        session: SessionId(7),
        session_time: "2026-01-02T00:00:00+00:00".into(),
        attempt: AttemptId(9),
        starting_attempt: AttemptId(9),
        started_at: "2026-01-02T03:04:05Z".into(),
        process,
    };
    assert_eq!(
        StateError::Locked(Box::new(running)).to_string(),
        "workflow `wf` is already running: attempt 9 of session 7 (2026-01-02T00:00:00+00:00), started \
         2026-01-02T03:04:05Z by process 4711 on `box`"
    );
}

#[test]
fn a_word_that_is_no_state_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(&folder.path().join("state.db")).expect("a state");
    let (attempt, _) = store.begin(&attempt(Process::current())).expect("it begins");
    let task = TaskName::from_full("+wf+a");
    for kind in [
        EventKind::TaskStarted { task: task.clone(), operator: "sh".into(), round: 1 },
        EventKind::TransferStarted {
            task,
            key: "k".into(),
            source: "a".into(),
            target: "b".into(),
            gauge: Gauge::default(),
        },
    ] {
        store.record([(attempt.id, &RunEvent { at: Timestamp::UNIX_EPOCH, kind })]).expect("recorded");
    }
    store.connection.execute_batch("update tasks set started_at = 'noon'").expect("done");
    assert_eq!(
        store.tasks(attempt.id).expect_err("noon is no time").to_string(),
        "the state file could not be used: Conversion error from type Text at index: 5, time: failed to parse four \
         digit integer as year: invalid digit, expected 0-9 but got n"
    );
    store
        .connection
        .execute_batch("update tasks set state = 'odd'; update transfers set state = 'odd'")
        .expect("done");
    assert_eq!(
        store.tasks(attempt.id).expect_err("no such state").to_string(),
        "the state file could not be used: Conversion error from type Text at index: 3, task state `odd`"
    );
    assert_eq!(
        store.transfers(attempt.id).expect_err("no such state").to_string(),
        "the state file could not be used: Conversion error from type Text at index: 4, transfer state `odd`"
    );
}
