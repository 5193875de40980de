//! Rows to BigQuery on the stand-in, which does what emulators do not: jobs that take time, services that fail, forget
//! or lose answers, and a program that is killed at a chosen call.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use sync::cloud::google::{Endpoints, Identity};
use sync::embulk::config::TypeMapping;
use sync::embulk::output::{
    Auth, BigqueryColumnOption, BigqueryOutput, Compression, Conversion, Conversions, CountCheck, Creation,
    FieldMode, FieldType, FormatChoice, GcsStaging, SourceFormat, TextEncoding, Timeouts, UnknownValues,
    WriteMode,
};
use sync::embulk::text::Text;
use sync::embulk::zone::Zone;
use sync::session::{AttemptId, Level, TaskName};
use sync::transfer::context::{Cancel, MemoryBudget, Observer, Patience, TransferContext};
use sync::transfer::effect::{Effect, EffectOutcome, Ledger, LedgerError, RecordedEffect, TransferKey};
use sync::transfer::error::{ErrorKind, TransferError};
use sync::transfer::output::bigquery::{BigqueryTarget, Limits};
use sync::transfer::output::{Output, OutputFigures};
use sync::transfer::page::Page;
use sync::transfer::pool::SourcePools;
use sync::transfer::schema::{Column, ColumnType, Schema, Zones};

use crate::google_clients::check_calls;
use crate::support::google::FakeGoogle;

mod differences;
mod files;
mod java;
mod modes;
mod plugin_runs;

/// What was recorded and said.
#[derive(Default)]
struct Book {
    effects: Mutex<Vec<RecordedEffect>>,
    lines: Mutex<Vec<String>>,
    /// Where records go too, for a process that will be killed.
    file: Option<PathBuf>,
}

impl Book {
    fn keep(&self, effect: &Effect, outcome: Option<&EffectOutcome>) {
        let Some(path) = &self.file else { return };
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        writeln!(file, "{}", json!([effect, outcome])).unwrap();
    }

    /// What a process that is no more has recorded.
    fn read(path: &Path) -> Vec<RecordedEffect> {
        let text = std::fs::read_to_string(path).unwrap();
        let records = text.lines().map(|line| serde_json::from_str(line).unwrap());
        records.map(|(effect, outcome)| RecordedEffect { effect, outcome }).collect()
    }
}

impl Ledger for Book {
    fn intend(&self, effect: &Effect) -> Result<(), LedgerError> {
        self.keep(effect, None);
        let record = RecordedEffect { effect: effect.clone(), outcome: None };
        self.effects.lock().unwrap().push(record);
        Ok(())
    }

    fn settle(&self, effect: &Effect, outcome: &EffectOutcome) -> Result<(), LedgerError> {
        self.keep(effect, Some(outcome));
        let mut effects = self.effects.lock().unwrap();
        let known = effects.iter_mut().rev().find(|record| record.effect == *effect);
        known.expect("an effect is intended first").outcome = Some(outcome.clone());
        Ok(())
    }

    fn recorded(&self) -> Result<Vec<RecordedEffect>, LedgerError> {
        Ok(self.effects.lock().unwrap().clone())
    }
}

impl Observer for Book {
    fn progress(&self, _rows: u64, _bytes: u64) {}

    fn log(&self, _level: Level, text: &str) {
        self.lines.lock().unwrap().push(text.to_owned());
    }
}

/// A stand-in, a dataset in it, and a transfer to make there.
struct Lab {
    fake: FakeGoogle,
    dataset: String,
    config: BigqueryOutput,
    limits: Limits,
    cancel: Cancel,
    book: Arc<Book>,
    /// A part of the names of jobs, which an emulator keeps beyond the test.
    installation: String,
}

impl Lab {
    fn start() -> Option<Self> {
        FakeGoogle::start().map(Self::with)
    }

    fn with(fake: FakeGoogle) -> Self {
        let dataset = fake.bigquery().fresh_dataset();
        let config = config(&fake.bigquery().project, &dataset);
        Self {
            fake,
            dataset,
            config,
            limits: Limits::default(),
            cancel: Cancel::default(),
            book: Arc::default(),
            installation: "lab".to_owned(),
        }
    }

    fn context(&self) -> TransferContext {
        let mut context = context(&self.book, &self.cancel);
        context.key.installation.clone_from(&self.installation);
        context
    }

    fn target(&self) -> BigqueryTarget {
        let url = self.fake.url().to_owned();
        let endpoints = Endpoints { bigquery: url.clone(), storage: url, identity: Identity::Anonymous };
        BigqueryTarget::at(&self.config, &self.context(), endpoints, self.limits).unwrap()
    }

    /// A transfer of rows, as the loading dock makes it.
    fn transfer(&self, ids: &[&[i64]]) -> Result<OutputFigures, TransferError> {
        let mut target = self.target();
        let moved = move_rows(&mut target, ids);
        if moved.is_err() {
            target.abort();
        }
        moved
    }

    fn ids(&self) -> Vec<String> {
        let mut ids: Vec<String> =
            self.fake.bigquery().rows(&self.dataset, "t").iter().filter_map(|row| row[0].clone()).collect();
        ids.sort();
        ids
    }

    /// Nothing staged is left, in the bucket or beside the target.
    fn assert_tidy(&self) {
        assert_eq!(self.fake.objects(), Vec::<String>::new());
        assert_eq!(self.fake.bigquery().tables(&self.dataset), ["t"]);
    }

    fn lines(&self, holding: &str) -> Vec<String> {
        let lines = self.book.lines.lock().unwrap();
        lines.iter().filter(|line| line.contains(holding)).cloned().collect()
    }
}

fn context(book: &Arc<Book>, cancel: &Cancel) -> TransferContext {
    TransferContext {
        key: TransferKey {
            installation: "lab".to_owned(),
            starting_attempt: AttemptId(1),
            task: TaskName::from_full("+lab+t"),
            round: 1,
            config: "c".to_owned(),
        },
        ledger: Arc::clone(book) as Arc<dyn Ledger>,
        observer: Arc::clone(book) as Arc<dyn Observer>,
        cancel: cancel.clone(),
        memory: MemoryBudget::new(64 << 20),
        sources: SourcePools::new(std::num::NonZeroUsize::MIN),
        reading: sync::transfer::input::Reading::plain(),
        patience: Patience::default(),
        policy: None,
        process_zone: jiff::tz::TimeZone::UTC,
        directory: std::env::temp_dir(),
        config_diff: None,
    }
}

fn config(project: &str, dataset: &str) -> BigqueryOutput {
    BigqueryOutput {
        mode: WriteMode::Replace,
        auth: Auth::ApplicationDefault,
        project: Text::plain(project),
        destination_project: Text::plain(project),
        dataset: Text::plain(dataset),
        table: Text::plain("t"),
        location: None,
        dataset_creation: Creation::Never,
        description: None,
        source_format: SourceFormat::Jsonl,
        format_choice: FormatChoice::Written,
        field_delimiter: ',',
        encoding: TextEncoding::Utf8,
        compression: Compression::Gzip,
        gcs: Some(GcsStaging { bucket: Text::plain(FakeGoogle::BUCKET), creation: Creation::Never }),
        column_options: Vec::new(),
        types: TypeMapping::Embulk,
        conversions: Conversions::Ruby,
        default_timezone: Zone::utc(),
        default_timestamp_format: "%Y-%m-%d %H:%M:%S.%6N".to_owned(),
        partitioning: None,
        clustering: Vec::new(),
        max_bad_records: 0,
        count_check: CountCheck::Fail,
        unknown_values: UnknownValues::Refuse,
        schema_updates: Vec::new(),
        given_schema: None,
        payload: None,
        before_load: None,
        staging_life: None,
        local: None,
        kept: None,
        ready: None,
        progress_interval: None,
        rehearsal: None,
        polling_interval: Duration::from_millis(300),
        max_polling_time: Duration::from_secs(60),
        retries: 3,
        timeouts: Timeouts {
            open: Duration::from_secs(10),
            send: Duration::from_secs(30),
            read: Duration::from_secs(30),
        },
        application_name: "sync tests".to_owned(),
    }
}

fn schema() -> Arc<Schema> {
    Schema::new(
        vec![Column::new("id", ColumnType::Long), Column::new("名前", ColumnType::String)],
        Zones::utc(),
    )
}

/// One page per slice, in the steps of the contract.
fn move_rows(target: &mut BigqueryTarget, ids: &[&[i64]]) -> Result<OutputFigures, TransferError> {
    if let Some(figures) = target.recover()? {
        return Ok(figures);
    }
    send_rows(target, ids)?;
    target.commit()
}

fn send_rows(target: &mut BigqueryTarget, ids: &[&[i64]]) -> Result<(), TransferError> {
    let schema = schema();
    target.begin(&schema)?;
    for ids in ids {
        let mut page = Page::new(&schema);
        for id in *ids {
            assert!(page.columns[0].push_long(*id));
            assert!(page.columns[1].push_text(format!("🍣 {id}").as_bytes()));
        }
        page.rows = ids.len();
        target.write(&page)?;
    }
    Ok(())
}

#[test]
fn replace_and_append_through_a_bucket() {
    let Some(mut lab) = Lab::start() else { return };
    lab.transfer(&[&[1, 2], &[3]]).unwrap();
    assert_eq!(lab.ids(), ["1", "2", "3"]);
    assert_eq!(
        lab.fake.bigquery().columns(&lab.dataset, "t"),
        [("id".to_owned(), "INTEGER".to_owned()), ("名前".to_owned(), "STRING".to_owned())]
    );
    lab.book = Arc::default();
    lab.config.mode = WriteMode::Append;
    let key = lab.transfer_of(2, &[&[4]]).unwrap();
    assert_eq!((key.rows_sent, key.rows_loaded), (1, Some(1)));
    assert_eq!(lab.ids(), ["1", "2", "3", "4"]);
    lab.assert_tidy();
    for line in ["Load job starting... job_id:[sync_", "Load job completed... job_id:[sync_"] {
        assert_eq!(lab.lines(&format!("embulk-output-bigquery: {line}")).len(), 1, "{line}");
    }
    check_calls(&lab.fake);
}

impl Lab {
    /// A transfer of another starting attempt.
    fn transfer_of(&self, attempt: i64, ids: &[&[i64]]) -> Result<OutputFigures, TransferError> {
        let mut context = self.context();
        context.key.starting_attempt = AttemptId(attempt);
        let url = self.fake.url().to_owned();
        let endpoints = Endpoints { bigquery: url.clone(), storage: url, identity: Identity::Anonymous };
        let mut target = BigqueryTarget::at(&self.config, &context, endpoints, self.limits).unwrap();
        let moved = move_rows(&mut target, ids);
        if moved.is_err() {
            target.abort();
        }
        moved
    }
}

#[test]
fn staged_objects_end_between_two_rows_and_are_loaded_by_one_job() {
    let Some(mut lab) = Lab::start() else { return };
    lab.limits.part_bytes = 1;
    let mut target = lab.target();
    // Pages that are compressed by themselves. Their bytes come a few pages later, and the first of them end an object.
    let ids: Vec<i64> = (0..96_000).collect();
    let pages: Vec<&[i64]> = ids.chunks(8_000).collect();
    send_rows(&mut target, &pages).unwrap();
    let staged = lab.fake.objects();
    assert!(staged.len() > 1, "{staged:?}");
    let mut found = Vec::new();
    for name in &staged {
        let object = lab.fake.object(name);
        // One member, which ends with a whole row.
        let mut text = String::new();
        let mut member = flate2::read::GzDecoder::new(&object[..]);
        member.read_to_string(&mut text).unwrap();
        assert!(member.into_inner().is_empty() && text.ends_with("}\n"), "{name}");
        found.extend(
            text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_i64().unwrap()),
        );
    }
    assert_eq!(found, ids[..found.len()]);
    target.commit().unwrap();
    assert_eq!(lab.ids().len(), ids.len());
    assert_eq!(lab.lines("Load job starting...").len(), 1);
    lab.assert_tidy();
}

#[test]
fn a_gzip_file_that_bigquery_would_not_read_is_not_sent_to_its_end() {
    let Some(mut lab) = Lab::start() else { return };
    lab.config.gcs = None;
    lab.limits.gzip_bytes = 50;
    let error = lab.transfer(&[&[1, 2]]).unwrap_err();
    assert_eq!(error.to_string(), "the rows are more than one gzip file may have for BigQuery: 4 GB");
    assert_eq!(
        error.remedy(),
        Some("give `gcs_bucket`, where rows go to several files, or set `compression: NONE`")
    );
    assert_eq!(lab.fake.bigquery().tables(&lab.dataset), Vec::<String>::new());
    lab.config.compression = Compression::None;
    lab.transfer_of(2, &[&[1, 2]]).unwrap();
    assert_eq!(lab.ids(), ["1", "2"]);
}

#[test]
fn staged_bytes_that_changed_on_the_way_are_not_loaded() {
    let Some(lab) = Lab::start() else { return };
    for (action, words) in [
        ("corrupt", "other bytes arrived than were sent (their CRC32C differs), and nothing was stored"),
        ("other_crc32c", "the stored object's CRC32C differs from what was sent"),
    ] {
        lab.fake.rule(&json!({"method": "PUT", "path": "upload/storage", "action": action}));
        let error = lab.transfer(&[&[1, 2]]).unwrap_err();
        assert!(error.message.ends_with("could not be staged"), "{error}");
        assert!(error.causes[0].ends_with(words), "{error}");
        assert_eq!(lab.fake.objects(), Vec::<String>::new());
        assert_eq!(lab.fake.bigquery().tables(&lab.dataset), Vec::<String>::new());
    }
    lab.transfer(&[&[1, 2]]).unwrap();
    assert_eq!(lab.ids(), ["1", "2"]);
}

#[test]
fn every_way_of_publishing_leaves_the_same_rows() {
    type Change = fn(&mut Lab);
    let ways: [(&str, Change); 7] = [
        ("upload", |lab| lab.config.gcs = None),
        ("upload, plain", |lab| {
            lab.config.gcs = None;
            lab.config.compression = Compression::None;
        }),
        ("csv", |lab| lab.config.source_format = SourceFormat::Csv),
        ("csv, upload", |lab| {
            lab.config.source_format = SourceFormat::Csv;
            lab.config.gcs = None;
        }),
        ("bad records", |lab| {
            lab.config.max_bad_records = 5;
            lab.config.count_check = CountCheck::Note;
        }),
        ("many objects", |lab| lab.limits.part_bytes = 1),
        ("many jobs", |lab| lab.limits = Limits { part_bytes: 1, objects_per_job: 1, ..Limits::default() }),
    ];
    let Some(mut lab) = Lab::start() else { return };
    let usual = lab.config.clone();
    for (attempt, (name, change)) in (1_i64..).step_by(3).zip(ways) {
        lab.config = usual.clone();
        lab.limits = Limits::default();
        change(&mut lab);
        lab.transfer_of(attempt, &[&[1, 2], &[3], &[4]]).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(lab.ids(), ["1", "2", "3", "4"], "{name}");
        lab.config.mode = WriteMode::Append;
        lab.transfer_of(attempt + 1, &[&[5]]).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(lab.ids(), ["1", "2", "3", "4", "5"], "{name}");
        lab.config.mode = WriteMode::Replace;
        let none = lab.transfer_of(attempt + 2, &[]).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((none.rows_sent, lab.ids().len()), (0, 0), "{name}");
        lab.assert_tidy();
    }
    check_calls(&lab.fake);
}

#[test]
fn a_killed_transfer_is_finished_or_done_again_but_never_twice() {
    // Where the program ends: the call at which it does, held before or after it is done.
    let moments = [
        ("while uploading", json!({"method": "PUT", "path": "upload_id", "action": "hold"}), 1),
        ("before the job is there", json!({"method": "POST", "path": "/jobs$", "action": "hold"}), 1),
        (
            "after the job was submitted",
            json!({"method": "POST", "path": "/jobs$", "action": "hold_answer"}),
            0,
        ),
        ("while polling", json!({"method": "GET", "path": "/jobs/", "action": "hold"}), 0),
        ("while tidying up", json!({"method": "DELETE", "path": "/o/", "action": "hold"}), 0),
    ];
    for mode in [WriteMode::Replace, WriteMode::Append] {
        for (moment, mut rule, reads) in moments.clone() {
            let Some(mut lab) = Lab::start() else { return };
            lab.config.mode = mode.clone();
            rule["id"] = json!("kill");
            lab.fake.rule(&rule);
            let folder = tempfile::tempdir().unwrap();
            let records = folder.path().join("records");
            kill_at(&lab, "kill", &records);
            *lab.book.effects.lock().unwrap() = Book::read(&records);
            lab.fake.forget_rules();
            let uploads = || lab.fake.calls_to("POST", "/upload/").len();
            let before = uploads();
            let figures = lab.transfer(&[&[1, 2, 3]]).unwrap_or_else(|error| panic!("{moment}: {error}"));
            assert_eq!(figures.rows_sent, 3, "{moment}");
            assert_eq!(uploads() - before, reads, "{mode:?} {moment}: rows sent again");
            assert_eq!(lab.ids(), ["1", "2", "3"], "{mode:?} {moment}");
            lab.assert_tidy();
        }
    }
}

/// Makes the lab's transfer in a process of its own and kills it when a rule holds one of its calls.
fn kill_at(lab: &Lab, rule: &str, records: &Path) {
    let task = json!({
        "url": lab.fake.url(),
        "project": lab.fake.bigquery().project,
        "dataset": lab.dataset,
        "append": lab.config.mode == WriteMode::Append,
        "records": records,
    });
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "bigquery::the_transfer_that_is_killed", "--nocapture"])
        .env("SYNC_TEST_VICTIM", task.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    lab.fake.await_rule(rule, 1);
    victim.kill().unwrap();
    victim.wait().unwrap();
    lab.fake.drop_held(rule);
}

/// Not a test by itself: the process that `kill_at` kills.
#[test]
fn the_transfer_that_is_killed() {
    let Ok(task) = std::env::var("SYNC_TEST_VICTIM") else { return };
    let task: Value = serde_json::from_str(&task).unwrap();
    let text = |key: &str| task[key].as_str().unwrap().to_owned();
    let book = Arc::new(Book { file: Some(PathBuf::from(text("records"))), ..Book::default() });
    let mut config = config(&text("project"), &text("dataset"));
    if task["append"] == true {
        config.mode = WriteMode::Append;
    }
    let context = context(&book, &Cancel::default());
    let endpoints = Endpoints { bigquery: text("url"), storage: text("url"), identity: Identity::Anonymous };
    let mut target = BigqueryTarget::at(&config, &context, endpoints, Limits::default()).unwrap();
    let _ = move_rows(&mut target, &[&[1, 2, 3]]);
}

#[test]
fn a_job_whose_answer_was_lost_is_attached_to() {
    let Some(lab) = Lab::start() else { return };
    lab.fake.rule(&json!({"id": "lost", "method": "POST", "path": "/jobs$", "action": "lose_answer"}));
    lab.transfer(&[&[1]]).unwrap();
    assert_eq!(lab.fake.applied("lost"), 1);
    assert_eq!(lab.ids(), ["1"]);
    lab.assert_tidy();
}

#[test]
fn an_upload_whose_last_answers_were_lost_finds_its_job() {
    let Some(mut lab) = Lab::start() else { return };
    lab.config.gcs = None;
    lab.config.retries = 0;
    lab.fake.rule(&json!({"id": "lost", "method": "PUT", "path": "upload_id", "action": "lose_answer"}));
    lab.transfer(&[&[1]]).unwrap();
    assert_eq!(lab.fake.applied("lost"), 1);
    assert_eq!(lab.ids(), ["1"]);
}

#[test]
fn a_job_that_fails_in_passing_is_done_again_under_another_id() {
    let Some(lab) = Lab::start() else { return };
    lab.fake.rule(&json!({
        "id": "fail", "method": "POST", "path": "/jobs$", "action": "job_fail", "reason": "backendError",
        "message": "Error encountered during execution. Retrying may solve the problem."
    }));
    lab.transfer(&[&[1, 2]]).unwrap();
    assert_eq!(lab.ids(), ["1", "2"]);
    let inserted = lab.fake.calls_to("POST", "/jobs");
    let ids: Vec<&Value> = inserted.iter().map(|call| &call["body"]["jobReference"]["jobId"]).collect();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
    lab.assert_tidy();
}

#[test]
fn a_job_that_fails_leaves_the_old_rows_and_nothing_staged() {
    let Some(lab) = Lab::start() else { return };
    lab.transfer(&[&[1]]).unwrap();
    lab.fake.rule(&json!({
        "method": "POST", "path": "/jobs$", "action": "job_fail", "reason": "invalid",
        "message": "Error while reading data, error message: JSON parsing error in row starting at position 0: \
                    Could not convert value to integer. Field: id; Value: 4000 1234"
    }));
    let error = lab.transfer_of(2, &[&[2]]).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Rejected);
    assert!(error.to_string().contains("Field: id; Value: …"), "{error}");
    assert!(!error.to_string().contains("4000"), "{error}");
    assert_eq!(lab.ids(), ["1"]);
    lab.assert_tidy();
    // The next attempt takes the next number.
    lab.transfer_of(2, &[&[2]]).unwrap();
    assert_eq!(lab.ids(), ["2"]);
}

#[test]
fn a_job_that_takes_too_long_is_stopped() {
    let Some(mut lab) = Lab::start() else { return };
    lab.fake.polls(1000);
    lab.config.max_polling_time = Duration::from_millis(500);
    let error = lab.transfer(&[&[1]]).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert_eq!(lab.fake.calls_to("POST", "/cancel").len(), 1);
    assert_eq!(lab.fake.objects(), Vec::<String>::new());
}

#[test]
fn a_run_that_stops_stops_its_job() {
    let Some(lab) = Lab::start() else { return };
    lab.fake.polls(1000);
    lab.fake
        .rule(&json!({"id": "polled", "method": "GET", "path": "/jobs/", "action": "slow", "seconds": 0}));
    std::thread::scope(|scope| {
        let running = scope.spawn(|| lab.transfer(&[&[1]]));
        lab.fake.await_rule("polled", 1);
        lab.cancel.cancel();
        assert_eq!(running.join().unwrap().unwrap_err().kind, ErrorKind::Canceled);
    });
    assert_eq!(lab.fake.calls_to("POST", "/cancel").len(), 1);
    assert_eq!(lab.fake.objects(), Vec::<String>::new());
    check_calls(&lab.fake);
}

#[test]
fn a_run_that_stops_does_not_wait_for_an_upload_that_hangs() {
    for bucket in [true, false] {
        let Some(mut lab) = Lab::start() else { return };
        if !bucket {
            lab.config.gcs = None;
        }
        lab.fake.rule(&json!({"id": "hang", "method": "PUT", "path": "upload_id", "action": "hold"}));
        std::thread::scope(|scope| {
            let running = scope.spawn(|| lab.transfer(&[&[1]]));
            lab.fake.await_rule("hang", 1);
            lab.cancel.cancel();
            assert_eq!(running.join().unwrap().unwrap_err().kind, ErrorKind::Canceled);
        });
        lab.fake.drop_held("hang");
        lab.fake.forget_rules();
        lab.cancel = Cancel::default();
        lab.transfer(&[&[1]]).unwrap();
        assert_eq!(lab.ids(), ["1"]);
        lab.assert_tidy();
    }
}

#[test]
fn services_that_are_busy_are_asked_again() {
    for path in ["/datasets/", "/tables/", "upload/storage", "/jobs$", "/jobs/", "/o/"] {
        let Some(lab) = Lab::start() else { return };
        lab.fake.rule(&json!({
            "id": "busy", "path": path, "action": "status", "status": 503, "times": 2, "retry_after": 0
        }));
        lab.transfer(&[&[1]]).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(lab.fake.applied("busy"), 2, "{path}");
        assert_eq!(lab.ids(), ["1"], "{path}");
        lab.assert_tidy();
    }
}

#[test]
fn a_token_that_is_refused_is_renewed_once_and_then_told() {
    for path in ["/datasets/", "upload/storage", "upload_id", "/jobs$", "/jobs/"] {
        let Some(lab) = Lab::start() else { return };
        let refuse = |times: u32| {
            lab.fake.rule(&json!({
                "id": format!("{times}"), "path": path, "action": "status", "status": 401, "times": times,
                "reason": "authError", "message": "Request had invalid authentication credentials."
            }));
        };
        refuse(1);
        lab.transfer(&[&[1]]).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(lab.fake.applied("1"), 1, "{path}");
        assert_eq!(lab.ids(), ["1"], "{path}");
        lab.assert_tidy();
        refuse(0);
        let error = lab.transfer_of(2, &[&[2]]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Authentication, "{path}: {error}");
        assert!(error.to_string().contains("HTTP 401 authError: Request had invalid"), "{path}: {error}");
        lab.fake.forget_rules();
        assert_eq!(lab.ids(), ["1"], "{path}");
        lab.transfer_of(3, &[&[3]]).unwrap();
        assert_eq!(lab.ids(), ["3"], "{path}");
        lab.assert_tidy();
    }
}

#[test]
fn a_dataset_that_is_elsewhere_is_told_by_what_the_job_says() {
    let Some(lab) = Lab::start() else { return };
    let message = format!("Not found: Dataset sync-test:{} was not found in location US", lab.dataset);
    lab.fake.rule(&json!({
        "method": "POST", "path": "/jobs$", "action": "status", "status": 404, "reason": "notFound",
        "message": message
    }));
    let error = lab.transfer(&[&[1]]).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(error.to_string().ends_with(&format!("HTTP 404 notFound: {message}")), "{error}");
    assert_eq!(error.remedy(), Some("set `location` to that of the dataset, or leave it out"));
    assert_eq!(lab.fake.bigquery().tables(&lab.dataset), Vec::<String>::new());
    assert_eq!(lab.fake.objects(), Vec::<String>::new());
}

#[test]
fn an_upload_whose_session_is_forgotten_at_once_begins_again() {
    for status in [404, 410] {
        let Some(lab) = Lab::start() else { return };
        lab.fake.rule(&json!({
            "id": "gone", "method": "PUT", "path": "upload_id", "action": "status", "status": status
        }));
        lab.transfer(&[&[1]]).unwrap();
        assert_eq!(lab.fake.applied("gone"), 1);
        assert_eq!(lab.ids(), ["1"]);
        lab.assert_tidy();
    }
}

#[test]
fn a_partition_is_replaced_alone() {
    let Some(mut lab) = Lab::start() else { return };
    for (attempt, day, id) in [(1, "20260101", 1), (2, "20260102", 2), (3, "20260101", 3)] {
        lab.config.table = Text::plain(format!("t${day}"));
        lab.transfer_of(attempt, &[&[id]]).unwrap();
    }
    assert_eq!(lab.ids(), ["2", "3"]);
    let table = lab.fake.bigquery().table(&lab.dataset, "t").unwrap();
    assert_eq!(table["timePartitioning"]["type"], "DAY");
    lab.assert_tidy();
    check_calls(&lab.fake);
}

#[test]
fn another_layout_takes_the_place_of_the_old_one_in_one_step() {
    let Some(mut lab) = Lab::start() else { return };
    lab.transfer(&[&[1]]).unwrap();
    lab.config.clustering = vec!["id".to_owned()];
    lab.transfer_of(2, &[&[2]]).unwrap();
    assert_eq!(lab.ids(), ["2"]);
    let table = lab.fake.bigquery().table(&lab.dataset, "t").unwrap();
    assert_eq!(table["clustering"]["fields"], json!(["id"]));
    lab.assert_tidy();
    check_calls(&lab.fake);
}

#[test]
fn a_replace_keeps_descriptions_and_writes_those_of_the_config() {
    let Some(mut lab) = Lab::start() else { return };
    lab.config.column_options = vec![BigqueryColumnOption {
        name: "id".to_owned(),
        field_type: Some(FieldType::Integer),
        mode: FieldMode::Required,
        fields: Vec::new(),
        description: Some("the key".to_owned()),
        timestamp_format: None,
        timezone: None,
        conversion: Conversion::Strict,
        scale: None,
    }];
    lab.transfer(&[&[1]]).unwrap();
    lab.config.column_options[0].description = None;
    lab.transfer_of(2, &[&[2]]).unwrap();
    let table = lab.fake.bigquery().table(&lab.dataset, "t").unwrap();
    let field = &table["schema"]["fields"][0];
    assert_eq!((&field["description"], &field["mode"]), (&json!("the key"), &json!("REQUIRED")));
}

#[test]
fn a_dataset_that_is_missing_is_made_when_it_may_be() {
    let Some(mut lab) = Lab::start() else { return };
    lab.dataset = format!("{}_new", lab.dataset);
    lab.config.dataset = Text::plain(lab.dataset.clone());
    let error = lab.transfer(&[&[1]]).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert_eq!(error.remedy(), Some("create it, or set `auto_create_dataset: true`"));
    lab.config.dataset_creation = Creation::IfMissing;
    lab.config.location = Some("asia-northeast1".to_owned());
    lab.transfer(&[&[1]]).unwrap();
    assert_eq!(lab.ids(), ["1"]);
    let jobs = lab.fake.calls_to("POST", "/jobs");
    assert_eq!(jobs[0]["body"]["jobReference"]["location"], "asia-northeast1");
    check_calls(&lab.fake);
}
