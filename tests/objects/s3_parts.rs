//! Parts on their way to an S3 that answers late or not at all.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::{failure, on_disk, orders, run, transfer};
use crate::support::sandbox::Sandbox;

const BEGUN: &str = "<InitiateMultipartUploadResult><Bucket>lake</Bucket><Key>k</Key><UploadId>u</UploadId></InitiateMultipartUploadResult>";
const COMPLETED: &str = "<CompleteMultipartUploadResult><Bucket>lake</Bucket><Key>k</Key><ETag>\"e\"</ETag></CompleteMultipartUploadResult>";
const BAD_DIGEST: &str = "<Error><Code>BadDigest</Code><Message>The CRC32 you specified did not match what we received.</Message></Error>";
const JSONL: &str = "  formatter: {type: jsonl}\n";

/// One bucket, of one object.
#[derive(Clone)]
struct Bucket {
    /// The answer to the first part waits until this one has arrived.
    first_waits_for: u32,
    /// A part whose bytes changed on the way.
    changed: Option<u32>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

#[derive(Default)]
struct Seen {
    /// By number: the checksum that came with it, and the bytes.
    parts: BTreeMap<u32, (String, Vec<u8>)>,
    /// What the parts were put together by.
    completed: Option<String>,
    is_aborted: bool,
}

impl Bucket {
    fn start(first_waits_for: u32, changed: Option<u32>) -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let url = format!("http://{}", listener.local_addr().expect("it has an address"));
        let bucket = Self { first_waits_for, changed, seen: Arc::default() };
        let served = bucket.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let served = served.clone();
                // A client that breaks off concerns nobody but its own test.
                std::thread::spawn(move || served.serve(stream).is_ok());
            }
        });
        (bucket, url)
    }

    /// Requests of one connection.
    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut writer = stream.try_clone()?;
        let mut reader = BufReader::new(stream);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let (mut length, mut checksum) = (0, String::new());
            loop {
                let mut header = String::new();
                reader.read_line(&mut header)?;
                let Some((name, value)) = header.trim_end().split_once(": ") else { break };
                match name.to_ascii_lowercase().as_str() {
                    "content-length" => length = value.parse().expect("a length"),
                    "x-amz-checksum-crc32" => value.clone_into(&mut checksum),
                    _ => {}
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body)?;
            let (status, text) = self.answer(&line, checksum, body);
            write!(writer, "HTTP/1.1 {status} told so\r\ncontent-length: {}\r\n\r\n{text}", text.len())?;
        }
    }

    fn answer(&self, line: &str, checksum: String, body: Vec<u8>) -> (u16, &'static str) {
        let (seen, changed) = &*self.seen;
        let mut seen = seen.lock().expect("no test panics here");
        let part = line.split_once("partNumber=").map(|(_, rest)| {
            let digits = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
            rest[..digits].parse::<u32>().expect("a number")
        });
        match (line.split(' ').next(), part) {
            (Some("PUT"), Some(part)) => {
                seen.parts.insert(part, (checksum, body));
                changed.notify_all();
                if part == 1 {
                    let waits = |seen: &mut Seen| !seen.parts.contains_key(&self.first_waits_for);
                    let patience = Duration::from_secs(30);
                    let (kept, waited) =
                        changed.wait_timeout_while(seen, patience, waits).expect("no test panics here");
                    drop(kept);
                    if waited.timed_out() {
                        return (503, "");
                    }
                }
                if self.changed == Some(part) { (400, BAD_DIGEST) } else { (200, "") }
            }
            (Some("DELETE"), _) => {
                seen.is_aborted = true;
                (204, "")
            }
            (Some("POST"), _) if line.contains("uploadId=") => {
                seen.completed = Some(String::from_utf8(body).expect("text"));
                (200, COMPLETED)
            }
            _ => (200, BEGUN),
        }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.0.lock().expect("no test panics here")
    }
}

fn sandbox(url: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    // Some 32 MB: three parts of 8 MiB and a rest.
    orders(&sandbox, 80_000);
    transfer(
        &sandbox,
        "s3.yml",
        &format!(
            "  type: s3\n  bucket: lake\n  endpoint: {url}\n  region: eu-west-1\n  access_key_id: AKIDEXAMPLE\n  \
             secret_access_key: secret-access-key\n  path_prefix: o\n  file_ext: .jsonl\n  stale_objects: keep\n{JSONL}"
        ),
    );
    sandbox
}

fn crc32(bytes: &[u8]) -> String {
    use base64::Engine;
    let mut checksum = flate2::Crc::new();
    checksum.update(bytes);
    base64::engine::general_purpose::STANDARD.encode(checksum.sum().to_be_bytes())
}

#[test]
fn parts_go_out_beside_each_other_and_a_slow_one_holds_up_no_other() {
    let (bucket, url) = Bucket::start(4, None);
    let sandbox = sandbox(&url);
    // The first part is answered when the fourth has come: two are under way, and each takes the next free place.
    run(&sandbox, "s3.yml").expect_code(0);
    let seen = bucket.seen();
    assert_eq!(seen.parts.keys().collect::<Vec<_>>(), [&1, &2, &3, &4]);
    let whole: Vec<u8> = seen.parts.values().flat_map(|(_, bytes)| bytes.clone()).collect();
    let completed = seen.completed.as_ref().expect("it is put together");
    let mut rest = completed.as_str();
    for (number, (checksum, bytes)) in &seen.parts {
        // S3 compares it with what arrived.
        assert_eq!(*checksum, crc32(bytes), "part {number}");
        let (_, later) = rest.split_once(&format!("<PartNumber>{number}</PartNumber>")).expect("in order");
        rest = later;
    }
    drop(seen);
    assert!(whole == on_disk(&sandbox, JSONL));
}

#[test]
fn a_part_that_changed_on_the_way_ends_the_upload_and_nothing_is_put_together() {
    let (bucket, url) = Bucket::start(1, Some(2));
    let sandbox = sandbox(&url);
    assert_eq!(
        failure(&run(&sandbox, "s3.yml").expect_code(1)),
        "    cause: object `s3://lake/o.000.00.jsonl` could not be written\n    cause: S3 says BadDigest: The CRC32 \
         you specified did not match what we received\n    hint: retry; other bytes arrived than were sent\n"
    );
    let seen = bucket.seen();
    assert!(seen.is_aborted && seen.completed.is_none());
}
