//! What S3 may answer and its stand-ins do not: a server that says what the test wrote.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use sync::transfer::effect::{Effect, RecordedEffect};
use sync::transfer::error::ErrorKind;

use super::buckets::{lab, to_s3};
use super::lab::loaded;
use crate::support::servers::Aws;

/// Method and target of a request, without the parameter that names the operation.
type Answers = fn(&str) -> String;

/// Answers every request; its threads end with the test process.
fn server(answers: Answers) -> (Aws, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let requests: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&requests);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let seen = Arc::clone(&seen);
            std::thread::spawn(move || serve(client, answers, &seen));
        }
    });
    let aws = Aws {
        endpoint,
        region: "us-east-1".to_owned(),
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: "s3cretkey".to_owned(),
        bucket: "lake".to_owned(),
        kms_key: String::new(),
    };
    (aws, requests)
}

fn serve(mut client: TcpStream, answers: Answers, seen: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let request = line.rsplit_once(' ')?.0.to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
        if header.trim().is_empty() {
            break;
        }
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink()).ok()?;
    seen.lock().unwrap().push(request.clone());
    client.write_all(answers(&request).as_bytes()).ok()
}

fn answer(status: u16, headers: &str, body: &str) -> String {
    let length = if headers.contains("content-length") {
        String::new()
    } else {
        format!("content-length: {}\r\n", body.len())
    };
    format!("HTTP/1.1 {status} x\r\nconnection: close\r\n{length}{headers}\r\n{body}")
}

fn refusal(status: u16, code: &str) -> String {
    answer(status, "", &format!("<Error><Code>{code}</Code><Message>no</Message></Error>"))
}

/// An upload of two parts whose completion finds nothing, as when its first answer was lost.
fn completion(request: &str, head: &str) -> String {
    match request {
        list if list.starts_with("GET ") => answer(200, "", "<ListBucketResult></ListBucketResult>"),
        begin if begin.starts_with("POST ") && begin.contains("?uploads") => answer(
            200,
            "",
            "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>",
        ),
        part if part.starts_with("PUT ") => answer(200, "etag: \"e\"\r\n", ""),
        done if done.starts_with("POST ") => refusal(404, "NoSuchUpload"),
        asked if asked.starts_with("HEAD ") => answer(200, head, ""),
        _ => answer(204, "", ""),
    }
}

/// 21,000 rows of `{"id":1,"note":"…400…"}` with ids of one to five digits.
const ROWS: u32 = 21_000;
const BYTES: usize = 21_000 * (400 + 18) + 9 + 2 * 90 + 3 * 900 + 4 * 9_000 + 5 * 11_001;

#[test]
fn a_completion_whose_answer_was_lost_counts_when_the_object_is_there() {
    assert_eq!(BYTES, 8_871_894);
    let there = |request: &str| completion(request, "content-length: 8871894\r\netag: \"abc-2\"\r\n");
    let (aws, requests) = server(there);
    assert_eq!(lab().run(&to_s3(&aws, "raw/orders", ROWS)).unwrap().bytes, BYTES as u64);
    let last = requests.lock().unwrap().last().cloned().unwrap();
    assert_eq!(last, "HEAD /lake/raw/orders.000.00.jsonl");
}

#[test]
fn a_completion_that_finds_no_parts_fails_when_the_object_is_another() {
    let older = |request: &str| completion(request, "content-length: 5\r\netag: \"abc\"\r\n");
    let (aws, requests) = server(older);
    let error = lab().run(&to_s3(&aws, "raw/orders", ROWS)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::ConnectionLost);
    assert_eq!(
        error.to_string(),
        "object `s3://lake/raw/orders.000.00.jsonl` could not be written: S3 says NoSuchUpload: no"
    );
    assert_eq!(error.remedy(), Some("retry; S3 has lost the parts of the object"));
    let last = requests.lock().unwrap().last().cloned().unwrap();
    assert!(last.starts_with("DELETE /lake/raw/orders.000.00.jsonl?"), "{last}");
}

#[test]
fn a_bucket_of_another_region_names_it() {
    let (aws, _) = server(|_| {
        let body = "<Error><Code>PermanentRedirect</Code><Message>no</Message></Error>";
        answer(301, "x-amz-bucket-region: ap-northeast-1\r\n", body)
    });
    let error = lab().run(&to_s3(&aws, "raw/orders", 1)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config);
    assert_eq!(error.to_string(), "bucket `lake` could not be listed: S3 says PermanentRedirect: no");
    assert_eq!(error.remedy(), Some("bucket `lake` lies in another region: set `region: ap-northeast-1`"));
}

#[test]
fn who_may_write_only_writes() {
    let (aws, _) = server(|request| match request {
        put if put.starts_with("PUT ") => answer(200, "etag: \"e\"\r\n", ""),
        _ => refusal(403, "AccessDenied"),
    });
    let mut config = to_s3(&aws, "raw/orders", 1);
    let error = lab().run(&config).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Permission);
    assert_eq!(error.to_string(), "bucket `lake` could not be listed: S3 says AccessDenied: no");
    assert_eq!(error.remedy(), Some("allow `s3:ListBucket` on the bucket, or set `stale_objects: keep`"));

    // Parts that an earlier attempt left stay, which is said.
    let sync::embulk::output::OutputConfig::S3(output) = &mut config.output else { panic!("s3") };
    output.files.stale = sync::embulk::output::StaleObjects::Keep;
    let lab = lab();
    let left = Effect::UploadParts {
        bucket: "lake".to_owned(),
        object: "raw/orders.000.00.jsonl".to_owned(),
        upload: Some("u0".to_owned()),
    };
    lab.effects.0.lock().unwrap().push(RecordedEffect { effect: left, outcome: None });
    lab.run(&config).unwrap();
    assert!(lab.heard.lines.lock().unwrap().contains(
        &"parts of object `s3://lake/raw/orders.000.00.jsonl` could not be removed: S3 says AccessDenied: no"
            .to_owned()
    ));
}

#[test]
fn keys_that_expire_while_parts_are_sent_are_told_and_the_parts_removed() {
    let (aws, requests) = server(|request| match request {
        part if part.starts_with("PUT ") && part.contains("partNumber=2") => refusal(400, "ExpiredToken"),
        other => completion(other, ""),
    });
    let error = lab().run(&to_s3(&aws, "raw/orders", ROWS)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Authentication);
    assert_eq!(
        error.to_string(),
        "object `s3://lake/raw/orders.000.00.jsonl` could not be written: S3 says ExpiredToken: no"
    );
    assert_eq!(error.remedy(), Some("the session token has expired: get a new one, then retry"));
    let requests = requests.lock().unwrap();
    assert!(requests.iter().any(|request| request.starts_with("DELETE /lake/raw/orders.000.00.jsonl?")));
    assert!(!requests.iter().any(|request| request.starts_with("POST ") && request.contains("uploadId")));
}

/// A transfer from objects that begin with `in/`.
fn from_s3(aws: &Aws) -> sync::embulk::config::EmbulkConfig {
    loaded(&format!(
        "in: {{type: s3, bucket: lake, path_prefix: in/, endpoint: '{}', region: us-east-1, auth_method: basic, \
         access_key_id: AKIDEXAMPLE, secret_access_key: s3cretkey, \
         parser: {{type: csv, columns: [{{name: a, type: long}}]}}}}\n\
         out: {{type: file, path_prefix: out, file_ext: csv, formatter: {{type: csv}}}}\n",
        aws.endpoint
    ))
}

const LISTED: &str =
    "<ListBucketResult><Contents><Key>in/a.csv</Key><Size>4</Size></Contents></ListBucketResult>";

#[test]
fn keys_that_expire_while_objects_are_read_are_told() {
    let listing = "bucket `lake`: S3 says ExpiredToken: no";
    let (aws, _) = server(|_| refusal(400, "ExpiredToken"));
    assert_expired(&aws, listing);
    let (aws, _) = server(|request| match request {
        list if list.contains("list-type=2") => answer(200, "", LISTED),
        _ => refusal(400, "ExpiredToken"),
    });
    assert_expired(&aws, &format!("object `in/a.csv` could not be read: {listing}"));
}

#[track_caller]
fn assert_expired(aws: &Aws, text: &str) {
    let lab = lab();
    let error = lab.run(&from_s3(aws)).unwrap_err();
    assert_eq!((error.to_string().as_str(), error.kind), (text, ErrorKind::Authentication));
    assert_eq!(error.remedy(), Some("the session token has expired: get a new one, then retry"));
    assert_eq!(lab.files(), ["empty.db"]);
}
