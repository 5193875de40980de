//! `out: {type: gcs}`, by the rules of Java plugins. Who asks is written as for BigQuery.

use super::bigquery::auth;
use super::file::written;
use super::section::{Rules, Section};
use crate::diagnostic::Problem;
use crate::embulk::output::{Auth, GcsOutput};

pub(super) fn bind(section: &Section<'_>) -> Option<GcsOutput> {
    let bucket = section.required("bucket");
    let files = written(section, ".%03d.%02d");
    let auth = access(section);
    section.refuse_on("delete_in_advance", Rules::Java, "`stale_objects: delete` removes them afterwards");
    let retries = section.integer("max_connection_retry", 0..=100);
    for key in ["initial_retry_interval_millis", "maximum_retry_interval_millis"] {
        section.useless(key, "pauses between tries start at 0.5 s and double up to 32 s");
    }
    let content_type = section.plain("content_type");
    let application_name = section.plain("application_name");
    section.finish();
    Some(GcsOutput {
        bucket: bucket?,
        files: files?,
        auth: auth?,
        content_type: content_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
        application_name: application_name.unwrap_or_else(|| "embulk-output-gcs".to_owned()),
        retries: retries.and_then(|retries| u32::try_from(retries).ok()).unwrap_or(10),
    })
}

/// Keys in PKCS #12 are given out no more since 2021, and nothing here reads them.
fn access(section: &Section<'_>) -> Option<Auth> {
    const HINT: &str = "make a key in JSON for the account: `auth_method: json_key` with `json_keyfile`";
    section.ignore(&["service_account_email", "store_pass", "key_pass"]);
    for key in ["p12_keyfile", "p12_keyfile_path"] {
        section.refuse(key, HINT);
    }
    if section.plain("auth_method").is_some_and(|method| method.eq_ignore_ascii_case("private_key")) {
        let span = section.node("auth_method").map_or(section.span(), |node| &node.span);
        let message = "`auth_method: private_key` is not supported";
        section.binder().report(Problem::error("unsupported-option", message, span).hint(HINT));
        return None;
    }
    auth::access(section, auth::Plugin::Ruby).auth
}
