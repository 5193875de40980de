//! `s3_put>` and `gcs_put>` against real servers: what lies there afterwards, and what is said when it cannot.

use std::collections::BTreeMap;

use crate::support::http;
use crate::support::s3;
use crate::support::sandbox::Sandbox;
use crate::support::servers::{aws, fresh_name, gcs};

#[test]
fn a_marker_is_written_and_found_by_those_who_wait_for_it() {
    let Some(aws) = aws() else { return };
    let prefix = fresh_name("marker");
    let mut sandbox = Sandbox::new().file("list.txt", "注文\n明細\n").file(
        "main.dig",
        &format!(
            "timezone: Asia/Tokyo\n_export: {{place: {}/{prefix}}}\n\
             +empty:\n  s3_put>: ${{place}}/${{session_date}}/_SUCCESS\n\
             +json:\n  s3_put>: ${{place}}/state.json\n  content: {{at: '${{session_time}}', tables: [注文]}}\n  \
             server_side_encryption: AES256\n\
             +file:\n  s3_put>:\n  bucket: {}\n  key: {prefix}/list.txt\n  content_file: list.txt\n  \
             content_type: text/plain; charset=utf-8\n\
             +wait:\n  s3_wait>: ${{place}}/state.json\n  timeout: 10s\n\
             +show:\n  echo>: ${{s3.last_object.metadata['Content-Type']}} ${{s3.last_object.metadata['x-amz-server-side-encryption']}}\n",
            aws.bucket, aws.bucket
        ),
    );
    for (name, value) in aws.environment() {
        sandbox.set(name, value);
    }
    for _ in 0..2 {
        let said = sandbox.run(["run", "main.dig", "--session", "2026-01-02"]).expect_code(0);
        assert_eq!(said.stdout, "application/json AES256\n");
        let told = format!("object `{}/{prefix}/2026-01-02/_SUCCESS` is written, 0 bytes", aws.bucket);
        assert!(said.stderr.contains(&told), "{}", said.stderr);
    }
    let found: BTreeMap<String, String> = s3::objects(&aws, &prefix)
        .into_iter()
        .map(|(key, bytes)| (key, String::from_utf8(bytes).expect("text")))
        .collect();
    let json = "{\"at\":\"2026-01-02T00:00:00+09:00\",\"tables\":[\"注文\"]}".to_owned();
    assert_eq!(
        found,
        BTreeMap::from([
            (format!("{prefix}/2026-01-02/_SUCCESS"), String::new()),
            (format!("{prefix}/state.json"), json),
            (format!("{prefix}/list.txt"), "注文\n明細\n".to_owned()),
        ])
    );
}

#[test]
fn a_bucket_that_is_not_there_is_told() {
    let Some(aws) = aws() else { return };
    let task = "+a:\n  s3_put>: no-such-bucket-anywhere/k\n  content: x\n";
    let mut sandbox = Sandbox::new().file("main.dig", task);
    for (name, value) in aws.environment() {
        sandbox.set(name, value);
    }
    let said = sandbox.run(["run", "main.dig"]).expect_code(1);
    let told = "  +main+a: bucket `no-such-bucket-anywhere` does not exist\n    hint: check its name, and whose account is asked\n";
    assert!(said.stderr.contains(told), "{}", said.stderr);
}

#[test]
fn a_marker_in_cloud_storage_takes_the_place_of_the_last() {
    let Some(gcs) = gcs() else { return };
    let name = fresh_name("marker");
    let mut sandbox = Sandbox::new().file(
        "main.dig",
        &format!(
            "+a:\n  gcs_put>: gs://{}/{name}/_SUCCESS\n  content: {{day: '${{session_date}}'}}\n",
            gcs.bucket
        ),
    );
    sandbox.set("STORAGE_EMULATOR_HOST", gcs.url.as_str());
    for day in ["2026-01-02", "2026-01-03"] {
        sandbox.run(["run", "main.dig", "--session", day]).expect_code(0);
        let url = format!("{}/download/storage/v1/b/{}/o/{name}%2F_SUCCESS?alt=media", gcs.url, gcs.bucket);
        assert_eq!(http::get(&url).text(), format!("{{\"day\":\"{day}\"}}"));
    }
}
