//! A state file that was damaged: opened, asked for all that the commands show, and written to.
//!
//! The first byte says how. Even: each group of four bytes is a place in the file (three) and what stands there then.
//! Odd: the rest is lines, each a text that takes the place of one column of one table.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;
use sync::report::attempt::AttemptReport;
use sync::report::status;
use sync::run::event::{AttemptOutcome, EventKind, FailureKind, RunEvent, TaskFailure, TaskResult};
use sync::session::{AttemptId, Params, TaskName, TaskState};
use sync::state::{AttemptKind, NewAttempt, Process, Store};
use sync::transfer::effect::{Effect, EffectOutcome};

const PROJECT: &str = "/p";
/// The column that a line of text takes the place of: by its first byte.
const COLUMNS: [(&str, &str); 24] = [
    ("sessions", "session_time"),
    ("sessions", "workflow"),
    ("attempts", "kind"),
    ("attempts", "started_at"),
    ("attempts", "finished_at"),
    ("attempts", "outcome"),
    ("attempts", "params"),
    ("attempts", "secret_params"),
    ("attempts", "pid"),
    ("attempts", "process_started"),
    ("attempts", "starting_attempt"),
    ("tasks", "name"),
    ("tasks", "state"),
    ("tasks", "round"),
    ("tasks", "started_at"),
    ("tasks", "result"),
    ("tasks", "failure"),
    ("transfers", "state"),
    ("transfers", "started_at"),
    ("transfers", "report"),
    ("transfers", "failure"),
    ("effects", "effect"),
    ("effects", "outcome"),
    ("params", "expires_at"),
];

/// A small file in which every table has rows.
static SMALL: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir_in("/dev/shm").expect("there is memory");
    let path = folder.path().join("state.db");
    let mut store = Store::open(&path).expect("a state");
    fill(&mut store);
    drop(store);
    let file = rusqlite::Connection::open(&path).expect("a database");
    file.execute_batch("pragma journal_mode = delete; pragma page_size = 512; vacuum").expect("it is packed");
    drop(file);
    std::fs::read(&path).expect("it is there")
});

fn begin(store: &mut Store) -> Option<AttemptId> {
    let new = NewAttempt {
        project: PROJECT.into(),
        workflow: "wf".into(),
        file: "wf.dig".into(),
        session_time: "2026-01-02T00:00:00+00:00".into(),
        kind: AttemptKind::Run,
        starting_attempt: None,
        required_by: None,
        name: None,
        params: Params::new(),
        secret_params: vec!["password".into()],
        process: Process::current(),
        at: Timestamp::UNIX_EPOCH,
    };
    store.begin_beside(&new).ok().map(|(attempt, _)| attempt.id)
}

fn fill(store: &mut Store) {
    let attempt = begin(store).expect("it begins");
    let task = TaskName::from_full("+wf+a");
    let failure = TaskFailure {
        message: "it failed".into(),
        causes: vec!["why".into()],
        hint: Some("mend it".into()),
        kind: FailureKind::Failed,
    };
    let table = Effect::StageTable { project: "p".into(), dataset: "d".into(), table: "t".into() };
    let job = Effect::SubmitJob {
        project: "p".into(),
        location: None,
        job_id: "j".into(),
        rows: 1,
        bytes: 1,
        publishes: true,
        try_number: 1,
    };
    let settled = EventKind::EffectSettled {
        task: task.clone(),
        key: "k".into(),
        effect: job.clone(),
        outcome: EffectOutcome::Failed { message: "no".into() },
    };
    let events = [
        EventKind::TaskStarted { task: task.clone(), operator: "sh".into(), round: 1 },
        EventKind::TransferStarted { task: task.clone(), key: "k".into(), source: "a".into(), target: "b".into() },
        EventKind::EffectIntended { task: task.clone(), key: "k".into(), effect: table },
        EventKind::EffectIntended { task: task.clone(), key: "k".into(), effect: job },
        settled,
        EventKind::TransferFailed { task: task.clone(), key: "k".into(), failure: failure.clone() },
        EventKind::TaskFinished {
            task,
            state: TaskState::Error,
            result: Some(TaskResult::default()),
            failure: Some(failure),
        },
        EventKind::Notified { channel: "mail".into(), failure: None },
        EventKind::AttemptFinished { outcome: AttemptOutcome::Failed },
    ];
    let events = events.map(|kind| RunEvent { at: Timestamp::UNIX_EPOCH, kind });
    store.record(events.iter().map(|event| (attempt, event))).expect("they are written");
    store.set_params(PROJECT, &[("key".into(), "1".into())], Timestamp::UNIX_EPOCH).expect("it is written");
}

/// Everything that any command asks for, and shows.
fn ask(store: &mut Store) {
    let zone = TimeZone::UTC;
    let now = Timestamp::UNIX_EPOCH;
    let sessions = store.sessions(PROJECT, 100).unwrap_or_default();
    drop(status::sessions(&sessions, &zone).render(false));
    for session in sessions.into_iter().chain(store.last_session(PROJECT).ok().flatten()) {
        drop(status::session_json(&session).to_string());
        let starting = session.attempt.starting_attempt;
        let _ = store.attempts(session.id);
        let _ = store.session_of(starting);
        let tasks = store.tasks(starting).unwrap_or_default();
        let transfers = store.transfers(starting).unwrap_or_default();
        tasks.iter().for_each(|task| drop(status::task_json(task).to_string()));
        transfers.iter().for_each(|transfer| drop(status::transfer_json(transfer).to_string()));
        drop(status::tasks(&status::latest_tasks(tasks.clone()), &zone).render(true));
        drop(status::transfers(&status::latest_transfers(transfers.clone())).render(true));
        let report = AttemptReport::new(session, tasks, transfers);
        drop((report.json().to_string(), report.text(&zone, true)));
    }
    let _ = store.effects("k");
    let _ = store.abandoned_tables("other", "b");
    let _ = store.copied_targets(PROJECT, None);
    let _ = store.run_workflows(PROJECT);
    let _ = store.last_good_figures(PROJECT, "wf");
    let _ = store.params(PROJECT, &["key"], now);
    let _ = store.recover(PROJECT, now);
    if let Some(attempt) = begin(store) {
        let task = TaskName::from_full("+wf+b");
        let kind = EventKind::TaskStarted { task, operator: "sh".into(), round: 1 };
        let _ = store.record([(attempt, &RunEvent { at: now, kind })]);
    }
}

fn patched(bytes: &[u8]) -> Vec<u8> {
    let mut file = SMALL.clone();
    for group in bytes.chunks_exact(4) {
        let at = usize::from(group[0]) << 16 | usize::from(group[1]) << 8 | usize::from(group[2]);
        let at = at % file.len();
        file[at] = group[3];
    }
    file
}

fn with_texts(path: &Path, texts: &[u8]) {
    std::fs::write(path, SMALL.as_slice()).expect("a file");
    let file = rusqlite::Connection::open(path).expect("a database");
    for line in texts.split(|byte| *byte == b'\n') {
        let Some((which, text)) = line.split_first() else { continue };
        let (table, column) = COLUMNS[usize::from(*which) % COLUMNS.len()];
        let sql = format!("update {table} set {column} = cast(?1 as text)");
        // A strict table takes no text for a number, unless it is one.
        let _ = file.execute(&sql, [text]);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((how, rest)) = bytes.split_first() else { return };
    let folder = tempfile::tempdir_in("/dev/shm").expect("there is memory");
    let path = folder.path().join("state.db");
    if how % 2 == 0 {
        std::fs::write(&path, patched(rest)).expect("a file");
    } else {
        with_texts(&path, rest);
    }
    match Store::open(&path) {
        Ok(mut store) => ask(&mut store),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
