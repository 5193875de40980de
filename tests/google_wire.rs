//! Our own calls of BigQuery and Cloud Storage against the stand-in: what is sent is in Google's API, and a service
//! that fails, forgets or loses answers ends in the right bytes once, or in an error that says what happened.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use sync::cloud::block_on;
use sync::cloud::google::auth::Account;
use sync::cloud::google::bigquery::{BigQuery, Inserted, JobReference, TableReference};
use sync::cloud::google::http::{Google, Manners};
use sync::cloud::google::storage::{Storage, verify};
use sync::cloud::google::upload::{CHUNK, CHUNKS_HELD, Upload};
use sync::cloud::google::{Endpoints, Identity};

use crate::google_clients::check_log;
use crate::support::google::FakeGoogle;
use crate::support::{http, servers};

const BUCKET: &str = FakeGoogle::BUCKET;
const CHUNKS: &str = "upload/storage.*upload_id";

fn calls_of(fake: &FakeGoogle) -> Google {
    let endpoints = Endpoints {
        bigquery: fake.url().to_owned(),
        storage: fake.url().to_owned(),
        identity: Identity::Anonymous,
    };
    let manners = Manners {
        retries: 3,
        open_timeout: std::time::Duration::from_secs(10),
        read_timeout: std::time::Duration::from_secs(30),
        application_name: "sync tests".to_owned(),
    };
    Google::new(Account::ApplicationDefault, endpoints, &manners).expect("no key, no call")
}

/// Holds what we sent against Google's description, where the descriptions are.
fn check_calls(fake: &FakeGoogle) {
    if let Some(python) = servers::variable("SYNC_TEST_GOOGLE_CLIENTS", "Python with Google's clients") {
        check_log(python.as_ref(), &fake.log());
    }
}

/// Two chunks and a bit that differ everywhere.
fn content() -> Vec<u8> {
    (0..CHUNK * 2 + 12_345).map(|at| (at / 7 % 251) as u8).collect()
}

/// Uploads `content` under `name` and checks what the service says it has.
fn upload(fake: &FakeGoogle, name: &str, content: &[u8]) -> Result<(), String> {
    let storage = Storage::new(calls_of(fake));
    let mut upload = storage.upload(BUCKET, name, "application/gzip");
    // Pieces of another size than chunks, as an encoder hands them over.
    for piece in content.chunks(99_991) {
        upload.write(piece).map_err(|error| error.to_string())?;
    }
    let uploaded = upload.finish().map_err(|error| error.to_string())?;
    verify(&uploaded).map_err(|error| error.to_string())
}

#[test]
fn a_broken_upload_ends_in_the_same_bytes() {
    let faults = [
        json!({"action": "status", "status": 503}),
        json!({"action": "status", "status": 429, "retry_after": 0}),
        json!({"action": "lose_answer"}),
        json!({"action": "reset"}),
        json!({"action": "short", "bytes": 512 << 10}),
        json!({"action": "short", "bytes": 0}),
    ];
    let Some(fake) = FakeGoogle::start() else { return };
    let content = content();
    for (number, mut fault) in faults.into_iter().enumerate() {
        for chunk in [0, 2] {
            let id = format!("fault-{number}-{chunk}");
            for (key, value) in [("id", json!(id)), ("method", json!("PUT")), ("path", json!(CHUNKS))] {
                fault[key] = value;
            }
            fault["after"] = json!(chunk);
            fake.rule(&fault);
            upload(&fake, &id, &content).unwrap_or_else(|error| panic!("{fault}: {error}"));
            assert_eq!(fake.applied(&id), 1, "{fault}");
            assert!(fake.object(&id) == content, "{fault}: other bytes");
            fake.forget_rules();
        }
    }
    check_calls(&fake);
}

#[test]
fn an_upload_of_nothing_makes_an_empty_object() {
    let Some(fake) = FakeGoogle::start() else { return };
    upload(&fake, "empty", b"").unwrap();
    assert_eq!(fake.object("empty"), b"");
}

#[test]
fn an_upload_of_whole_chunks_is_closed() {
    let Some(fake) = FakeGoogle::start() else { return };
    let content = vec![7; CHUNK * 2];
    upload(&fake, "whole", &content).unwrap();
    assert!(fake.object("whole") == content);
}

#[test]
fn an_upload_whose_session_is_gone_fails_and_leaves_nothing() {
    let Some(fake) = FakeGoogle::start() else { return };
    let gone =
        json!({"method": "PUT", "path": CHUNKS, "action": "status", "status": 410, "after": 1, "times": 0});
    fake.rule(&gone);
    let error = upload(&fake, "gone", &content()).unwrap_err();
    assert_eq!(error, "PUT chunk of POST storage objects: HTTP 410 gone: told to answer 410");
    assert_eq!(fake.objects(), Vec::<String>::new());
}

#[test]
fn the_last_request_carries_the_checksum_and_bytes_that_changed_on_the_way_make_no_object() {
    let Some(fake) = FakeGoogle::start() else { return };
    upload(&fake, "whole", &content()).unwrap();
    let hashes: Vec<Value> =
        fake.calls_to("PUT", "upload_id").iter().map(|call| call["headers"]["x-goog-hash"].clone()).collect();
    let stored = http::get(&format!("{}/storage/v1/b/{BUCKET}/o/whole", fake.url())).json();
    let whole = format!("crc32c={}", stored["crc32c"].as_str().unwrap());
    assert_eq!(hashes, [Value::Null, Value::Null, json!(whole)]);
    check_calls(&fake);
    for chunk in 0..3 {
        fake.rule(&json!({"method": "PUT", "path": CHUNKS, "after": chunk, "action": "corrupt"}));
        let error = upload(&fake, "changed", &content()).unwrap_err();
        assert_eq!(
            error,
            "PUT chunk of POST storage objects: other bytes arrived than were sent (their CRC32C differs), and \
             nothing was stored"
        );
        assert_eq!(fake.objects(), ["whole"]);
        fake.forget_rules();
    }
}

#[test]
fn an_upload_takes_bytes_until_it_holds_what_it_may_and_waits_no_sooner() {
    let Some(fake) = FakeGoogle::start() else { return };
    let uploads: [&dyn Fn() -> Upload; 2] =
        [&|| Storage::new(calls_of(&fake)).upload(BUCKET, "held", "text/plain"), &|| {
            let (project, dataset) = (fake.bigquery().project, fake.bigquery().fresh_dataset());
            let table = json!({"projectId": project, "datasetId": dataset, "tableId": "t"});
            let reference = JobReference { project, location: None, job_id: "held".to_owned() };
            let load = json!({"load": {"destinationTable": table}});
            BigQuery::new(calls_of(&fake)).upload_job(&reference, &load, "text/plain")
        }];
    for start in uploads {
        fake.rule(&json!({"id": "here", "method": "PUT", "path": "upload_id", "action": "hold"}));
        let waits = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&waits);
        // Only an upload that waits asks whether it should stop; this one lets it.
        let mut upload = start().until(Box::new(move || seen.swap(true, Ordering::SeqCst)));
        let chunk = vec![b'x'; CHUNK];
        upload.write(&chunk).unwrap();
        fake.await_rule("here", 1);
        waits.store(false, Ordering::SeqCst);
        // The first chunk is on its way and stays there; all others are taken without any wait…
        for _ in 2..CHUNKS_HELD {
            upload.write(&chunk).unwrap();
        }
        upload.write(&chunk[1..]).unwrap();
        assert!(!waits.load(Ordering::SeqCst));
        // …up to the byte that fills the last: nothing more is taken until the service has the first.
        let error = upload.write(b"x").unwrap_err();
        assert_eq!(error.message, "the upload was stopped");
        assert!(waits.load(Ordering::SeqCst));
        fake.forget_rules();
    }
}

#[test]
fn an_upload_that_is_given_up_is_forgotten_by_the_service() {
    let Some(fake) = FakeGoogle::start() else { return };
    let storage = Storage::new(calls_of(&fake));
    let mut upload = storage.upload(BUCKET, "never", "text/plain");
    upload.write(&content()).unwrap();
    upload.cancel();
    assert_eq!(fake.calls_to("DELETE", "upload_id").len(), 1);
    assert_eq!(fake.objects(), Vec::<String>::new());
}

#[test]
fn a_call_is_repeated_when_that_can_help_and_only_then() {
    let Some(fake) = FakeGoogle::start() else { return };
    let dataset = fake.bigquery().fresh_dataset();
    let bigquery = BigQuery::new(calls_of(&fake));
    let ask = || block_on(bigquery.dataset(&fake.bigquery().project, &dataset)).map(|found| found.is_some());
    let passing = [
        json!({"status": 429, "retry_after": 0}),
        json!({"status": 500}),
        json!({"status": 502}),
        json!({"status": 503}),
        json!({"status": 403, "reason": "rateLimitExceeded"}),
    ];
    for mut fault in passing {
        for (key, value) in
            [("id", json!("passing")), ("path", json!("datasets")), ("action", json!("status"))]
        {
            fault[key] = value;
        }
        fake.rule(&fault);
        assert_eq!(ask(), Ok(true), "{fault}");
        fake.forget_rules();
    }
    fake.rule(&json!({"id": "no", "path": "datasets", "action": "status", "status": 403, "reason": "accessDenied", "times": 0}));
    let error = ask().unwrap_err().to_string();
    assert_eq!(error, "GET bigquery dataset: HTTP 403 accessDenied: told to answer 403");
    assert_eq!(fake.applied("no"), 1);
    check_calls(&fake);
}

struct Load {
    fake: FakeGoogle,
    bigquery: BigQuery,
    target: TableReference,
    reference: JobReference,
}

impl Load {
    fn prepared() -> Option<Self> {
        let fake = FakeGoogle::start()?;
        let (project, dataset) = (fake.bigquery().project, fake.bigquery().fresh_dataset());
        let bigquery = BigQuery::new(calls_of(&fake));
        let target = TableReference { project: project.clone(), dataset, table: "orders".to_owned() };
        let reference =
            JobReference { project, location: Some("US".to_owned()), job_id: "sync_job_1".to_owned() };
        Some(Self { fake, bigquery, target, reference })
    }

    fn configuration(&self, object: &str) -> Value {
        json!({"load": {
            "destinationTable": self.target.to_json(),
            "sourceFormat": "NEWLINE_DELIMITED_JSON",
            "writeDisposition": "WRITE_TRUNCATE",
            "sourceUris": [format!("gs://{BUCKET}/{object}")],
            "schema": {"fields": [{"name": "id", "type": "INTEGER"}]},
        }})
    }

    fn insert(&self, object: &str) -> Inserted {
        block_on(self.bigquery.insert_job(&self.reference, &self.configuration(object)))
            .expect("the job is taken")
    }

    fn poll_until_done(&self) -> sync::cloud::google::bigquery::Job {
        loop {
            let job =
                block_on(self.bigquery.job(&self.reference)).expect("an answer").expect("the job is known");
            if job.is_done() {
                return job;
            }
        }
    }
}

#[test]
fn a_job_whose_answer_was_lost_is_there_once() {
    let Some(load) = Load::prepared() else { return };
    upload(&load.fake, "orders.json", b"{\"id\":1}\n{\"id\":2}\n").unwrap();
    load.fake.rule(&json!({"id": "lost", "method": "POST", "path": "/jobs", "action": "lose_answer"}));
    assert!(matches!(load.insert("orders.json"), Inserted::Known));
    assert_eq!(load.fake.applied("lost"), 1);
    let job = load.poll_until_done();
    assert_eq!((job.error.clone(), job.output_rows), (None, Some(2)));
    assert_eq!(load.fake.bigquery().rows(&load.target.dataset, "orders").len(), 2);
    check_calls(&load.fake);
}

#[test]
fn a_job_that_fails_names_file_and_reason() {
    let Some(load) = Load::prepared() else { return };
    upload(&load.fake, "orders.json", b"{\"id\":1}\n{\"id\":\"secret street\"}\n").unwrap();
    load.insert("orders.json");
    let job = load.poll_until_done();
    let error = job.error.expect("a row is bad");
    let file = format!("gs://{BUCKET}/orders.json");
    assert_eq!((error.reason.as_str(), error.location.as_str()), ("invalid", file.as_str()));
    assert!(job.errors.iter().any(|error| error.message.contains("row starting at position 9")));
    assert_eq!(load.fake.bigquery().table(&load.target.dataset, "orders"), None);
}

#[test]
fn rows_go_up_with_their_job() {
    let Some(load) = Load::prepared() else { return };
    let mut configuration = load.configuration("");
    configuration["load"].as_object_mut().unwrap().remove("sourceUris");
    let mut upload = load.bigquery.upload_job(&load.reference, &configuration, "application/octet-stream");
    upload.write(b"{\"id\":1}\n").unwrap();
    let uploaded = upload.finish().unwrap();
    assert_eq!(uploaded.resource["jobReference"]["jobId"], "sync_job_1");
    assert_eq!(load.poll_until_done().output_rows, Some(1));
    check_calls(&load.fake);
}
