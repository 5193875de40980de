//! Outputs to buckets: their options, who asks, and what is refused.

use super::{IN, bound, loaded, problems};
use crate::embulk::output::{Auth, OutputConfig, S3Access, S3Output};
use crate::secret::Secret;

const BUCKET: &str = "  bucket: b\n  path_prefix: raw/o\n  file_ext: .csv\n  formatter: {type: csv}\n";

fn s3(more: &str) -> S3Output {
    match bound(&format!("{IN}out:\n  type: s3\n{BUCKET}{more}")).output {
        OutputConfig::S3(output) => *output,
        other => panic!("{other}"),
    }
}

#[test]
fn objects_in_s3() {
    let plain = s3("");
    assert_eq!(OutputConfig::S3(Box::new(plain.clone())).to_string(), "s3 b/raw/o.000.00.csv");
    assert_eq!((&plain.access, plain.endpoint, plain.region), (&S3Access::Found, None, None));
    let full = s3("  endpoint: s3-ap-northeast-1.amazonaws.com\n  canned_acl: Bucket-Owner-Full-Control\n  \
         server_side_encryption: aws:kms\n  sse_kms_key_id: k\n  storage_class: standard_ia\n  sequence_format: \
         '%d.%d'\n  max_file_bytes: 100000000\n");
    assert_eq!((full.endpoint.as_deref(), full.region.as_deref()), (None, Some("ap-northeast-1")));
    assert_eq!(full.canned_acl, Some("bucket-owner-full-control"));
    assert_eq!((full.encryption, full.kms_key.as_deref()), (Some("aws:kms"), Some("k")));
    assert_eq!((full.storage_class, full.files.name(0, 2)), (Some("STANDARD_IA"), "raw/o0.2.csv".to_owned()));
    let elsewhere = s3("  endpoint: http://minio:9000\n  region: eu-west-1\n");
    assert_eq!(
        (elsewhere.endpoint.as_deref(), elsewhere.region.as_deref()),
        (Some("http://minio:9000"), Some("eu-west-1"))
    );
}

#[test]
fn who_asks_s3() {
    let keys = |token: Option<&str>| S3Access::Keys {
        id: Secret::new("i"),
        key: Secret::new("k"),
        token: token.map(Secret::new),
    };
    let both = "  access_key_id: i\n  secret_access_key: k\n";
    for (written, access) in [
        (both.to_owned(), keys(None)),
        (format!("{both}  auth_method: basic\n"), keys(None)),
        (format!("{both}  auth_method: session\n  session_token: t\n"), keys(Some("t"))),
        ("  auth_method: default\n".to_owned(), S3Access::Found),
        ("  auth_method: env\n".to_owned(), S3Access::Environment),
        ("  auth_method: instance\n".to_owned(), S3Access::Machine),
        ("  auth_method: anonymous\n".to_owned(), S3Access::Anonymous),
        ("  auth_method: profile\n".to_owned(), S3Access::Profile { file: None, name: None }),
        (
            "  auth_method: profile\n  profile_file: /p\n  profile_name: n\n".to_owned(),
            S3Access::Profile { file: Some("/p".into()), name: Some("n".to_owned()) },
        ),
    ] {
        assert_eq!(s3(&written).access, access, "{written}");
    }
}

#[test]
fn what_buckets_refuse() {
    let s3 = |more: &str| problems(&format!("{IN}out:\n  type: s3\n{BUCKET}{more}"));
    let missing = |at: &str, key: &str| {
        vec![format!("{at} error missing-option: `{key}` is required for this `auth_method`")]
    };
    assert_eq!(s3("  auth_method: basic\n"), missing("8:16", "access_key_id"));
    assert_eq!(s3("  access_key_id: i\n"), missing("3:3", "secret_access_key"));
    assert_eq!(
        s3("  access_key_id: i\n  secret_access_key: k\n  auth_method: session\n"),
        missing("10:16", "session_token")
    );
    assert_eq!(
        s3(
            "  auth_method: properties\n  proxy_host: p\n  tmp_path: /t\n  sse_kms_key_id: k\n  acl: private\n"
        ),
        [
            "8:3 error unsupported-option: `auth_method` is not supported yet, and leaving it out would change the result",
            "11:19 error bad-value: `sse_kms_key_id` goes with `server_side_encryption: aws:kms`",
            "9:3 error unsupported-option: `proxy_host` is not supported yet, and leaving it out would change the result",
            "10:3 warning ignored-option: `tmp_path` has no effect: no temporary file is written",
            "12:3 warning unknown-option: unknown option `acl` in `out` is ignored",
        ]
    );
    assert_eq!(
        s3("  canned_acl: public\n"),
        ["8:15 error bad-value: `canned_acl` must be one of private, public-read, public-read-write, \
             authenticated-read, log-delivery-write, bucket-owner-read, bucket-owner-full-control, aws-exec-read, not \
             `public`"]
    );
    assert_eq!(
        s3("  server_side_encryption: aes128\n  storage_class: COLD\n"),
        [
            "8:27 error bad-value: `server_side_encryption` must be one of AES256, aws:kms, aws:kms:dsse, not `aes128`",
            "9:18 error bad-value: `storage_class` must be one of STANDARD, STANDARD_IA, ONEZONE_IA, \
             INTELLIGENT_TIERING, GLACIER_IR, GLACIER, DEEP_ARCHIVE, REDUCED_REDUNDANCY, not `COLD`",
        ]
    );
    assert_eq!(
        problems(&format!(
            "{IN}out:\n  type: s3\n{BUCKET}  sequence_format: .\nexec: {{min_output_tasks: 2}}\n"
        )),
        [
            "9:26 error bad-value: `min_output_tasks` makes 2 files, and `sequence_format` gives all of them one name"
        ]
    );
    let gcs = |more: &str| problems(&format!("{IN}out:\n  type: gcs\n{BUCKET}{more}"));
    assert_eq!(
        gcs("  auth_method: private_key\n  p12_keyfile: k\n  delete_in_advance: true\n"),
        [
            "9:3 error unsupported-option: `p12_keyfile` is not supported yet, and leaving it out would change the result",
            "8:16 error unsupported-option: `auth_method: private_key` is not supported",
            "10:3 error unsupported-option: `delete_in_advance` is not supported yet, and leaving it out would change the result",
        ]
    );
}

#[test]
fn what_buckets_refuse_comes_with_what_to_do() {
    let refused =
        |key: &str| format!("`{key}` is not supported yet, and leaving it out would change the result");
    for (kind, option, message, hint) in [
        (
            "s3",
            "auth_method: properties",
            refused("auth_method"),
            "there are no properties of a JVM here: use `env` or `default`",
        ),
        ("s3", "http_proxy: {host: h}", refused("http_proxy"), "take it out: S3 is called directly"),
        (
            "gcs",
            "p12_keyfile: k",
            refused("p12_keyfile"),
            "make a key in JSON for the account: `auth_method: json_key` with `json_keyfile`",
        ),
        (
            "gcs",
            "delete_in_advance: true",
            refused("delete_in_advance"),
            "`stale_objects: delete` removes them afterwards",
        ),
    ] {
        let problems = loaded(&format!("{IN}out:\n  type: {kind}\n{BUCKET}  {option}\n")).unwrap_err();
        let said: Vec<_> =
            problems.iter().map(|problem| (&problem.message, problem.hint.as_deref())).collect();
        assert_eq!(said, [(&message, Some(hint))]);
    }
}

#[test]
fn objects_in_cloud_storage() {
    let OutputConfig::Gcs(plain) = bound(&format!("{IN}out:\n  type: gcs\n{BUCKET}")).output else {
        panic!("gcs")
    };
    assert_eq!(OutputConfig::Gcs(plain.clone()).to_string(), "gcs b/raw/o.000.00.csv");
    assert_eq!((&plain.auth, plain.retries), (&Auth::ApplicationDefault, 10));
    assert_eq!(plain.content_type, "application/octet-stream");
    let more = "  auth_method: compute_engine\n  content_type: text/csv\n  application_name: a\n  \
                max_connection_retry: 3\n  max_file_bytes: 5\n";
    let OutputConfig::Gcs(full) = bound(&format!("{IN}out:\n  type: gcs\n{BUCKET}{more}")).output else {
        panic!("gcs")
    };
    assert_eq!((&full.auth, full.retries), (&Auth::ComputeEngine, 3));
    assert_eq!((full.content_type.as_str(), full.application_name.as_str()), ("text/csv", "a"));
    assert_eq!(full.files.max_file_bytes, std::num::NonZeroU64::new(5));
}
