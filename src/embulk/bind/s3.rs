//! `out: {type: s3}`: the options of the plugin's both generations, by the rules of Java plugins.

use super::file::written;
use super::section::Section;
use crate::diagnostic::Problem;
use crate::embulk::output::{S3Access, S3Output};
use crate::embulk::text::Text;

const ACLS: [(&str, &str); 8] = [
    same("private"),
    same("public-read"),
    same("public-read-write"),
    same("authenticated-read"),
    same("log-delivery-write"),
    same("bucket-owner-read"),
    same("bucket-owner-full-control"),
    same("aws-exec-read"),
];

const ENCRYPTIONS: [(&str, &str); 3] = [same("AES256"), same("aws:kms"), same("aws:kms:dsse")];

const STORAGE_CLASSES: [(&str, &str); 8] = [
    same("STANDARD"),
    same("STANDARD_IA"),
    same("ONEZONE_IA"),
    same("INTELLIGENT_TIERING"),
    same("GLACIER_IR"),
    same("GLACIER"),
    same("DEEP_ARCHIVE"),
    same("REDUCED_REDUNDANCY"),
];

const fn same(word: &'static str) -> (&'static str, &'static str) {
    (word, word)
}

pub(super) fn bind(section: &Section<'_>) -> Option<S3Output> {
    let bucket = section.required("bucket");
    let files = written(section, ".%03d.%02d");
    let access = access(section);
    let (endpoint, region) = place(section);
    let canned_acl = section.word("canned_acl", &ACLS);
    let (encryption, kms_key) = encryption(section);
    let storage_class = section.word("storage_class", &STORAGE_CLASSES);
    for key in ["http_proxy", "proxy_host", "proxy_port"] {
        section.refuse(key, "take it out: S3 is called directly");
    }
    for key in ["tmp_path", "tmp_path_prefix"] {
        section.useless(key, "no temporary file is written");
    }
    section.finish();
    Some(S3Output {
        bucket: bucket?,
        files: files?,
        access: access?,
        endpoint,
        region,
        canned_acl,
        encryption,
        kms_key,
        storage_class,
    })
}

pub(super) fn access(section: &Section<'_>) -> Option<S3Access> {
    #[derive(Clone, Copy, PartialEq)]
    enum Method {
        Basic,
        Session,
        Env,
        Instance,
        Profile,
        Properties,
        Anonymous,
        Default,
    }
    let id = section.text("access_key_id").filter(|id| !id.is_empty());
    let key = section.text("secret_access_key").filter(|key| !key.is_empty());
    let token = section.text("session_token").filter(|token| !token.is_empty());
    for (name, text) in [("secret_access_key", &key), ("session_token", &token)] {
        section.warn_of_literal(name, text.as_ref().map_or("", Text::expose));
    }
    let file = section.text("profile_file");
    let name = section.plain("profile_name");
    let usual = match (&id, &key) {
        (None, None) if section.node("access_key_id").is_none() => Method::Default,
        _ => Method::Basic,
    };
    let method = match section.node("auth_method") {
        None => usual,
        Some(_) => section.word(
            "auth_method",
            &[
                ("basic", Method::Basic),
                ("env", Method::Env),
                ("instance", Method::Instance),
                ("profile", Method::Profile),
                ("properties", Method::Properties),
                ("anonymous", Method::Anonymous),
                ("session", Method::Session),
                ("default", Method::Default),
            ],
        )?,
    };
    match method {
        Method::Basic | Method::Session => {
            let id = given(section, "access_key_id", id)?;
            let key = given(section, "secret_access_key", key)?;
            let token = match method {
                Method::Session => Some(given(section, "session_token", token)?.into_secret()),
                _ => None,
            };
            Some(S3Access::Keys { id: id.into_secret(), key: key.into_secret(), token })
        }
        Method::Env => Some(S3Access::Environment),
        Method::Instance => Some(S3Access::Machine),
        Method::Profile => {
            let file = file.map(|file| section.binder().path(file.expose()));
            Some(S3Access::Profile { file, name })
        }
        Method::Properties => {
            section.refuse("auth_method", "there are no properties of a JVM here: use `env` or `default`");
            None
        }
        Method::Anonymous => Some(S3Access::Anonymous),
        Method::Default => Some(S3Access::Found),
    }
}

/// What the method needs.
fn given(section: &Section<'_>, key: &'static str, text: Option<Text>) -> Option<Text> {
    if text.is_none() && !section.is_unknown(key) {
        let message = format!("`{key}` is required for this `auth_method`");
        let span = section.node("auth_method").map_or(section.span(), |node| &node.span);
        section.binder().report(Problem::error("missing-option", message, span));
    }
    text
}

/// Endpoint and region. An endpoint of AWS's own says no more than a region.
pub(super) fn place(section: &Section<'_>) -> (Option<String>, Option<String>) {
    let endpoint = section.plain("endpoint").filter(|endpoint| !endpoint.is_empty());
    let region = section.plain("region").filter(|region| !region.is_empty());
    match endpoint.as_deref().and_then(region_of) {
        Some(of_endpoint) => (None, region.or(Some(of_endpoint))),
        None => (endpoint, region),
    }
}

/// The region of `s3.amazonaws.com`, `s3-REGION.amazonaws.com`, `s3.REGION.amazonaws.com` and their like in China.
fn region_of(endpoint: &str) -> Option<String> {
    let host = endpoint.split_once("://").map_or(endpoint, |(_, host)| host).trim_end_matches('/');
    let host = host.strip_suffix(".cn").unwrap_or(host);
    let rest = host.strip_suffix("amazonaws.com")?.strip_prefix("s3")?;
    let region = rest.strip_prefix(['.', '-'])?.strip_suffix('.').unwrap_or_default();
    match region {
        "" | "external-1" => Some("us-east-1".to_owned()),
        region if region.contains('.') => None,
        region => Some(region.to_owned()),
    }
}

fn encryption(section: &Section<'_>) -> (Option<&'static str>, Option<String>) {
    let encryption = section.word("server_side_encryption", &ENCRYPTIONS);
    let kms_key = section.plain("sse_kms_key_id");
    if let Some(node) = section.node("sse_kms_key_id")
        && kms_key.is_some()
        && !encryption.is_some_and(|encryption| encryption.starts_with("aws:kms"))
    {
        let message = "`sse_kms_key_id` goes with `server_side_encryption: aws:kms`";
        section.binder().report(Problem::error("bad-value", message, &node.span));
    }
    (encryption, kms_key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_of_aws_is_a_region() {
        for (endpoint, region) in [
            ("s3.amazonaws.com", Some("us-east-1")),
            ("https://s3-ap-northeast-1.amazonaws.com/", Some("ap-northeast-1")),
            ("s3.ap-northeast-1.amazonaws.com", Some("ap-northeast-1")),
            ("s3.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("s3.dualstack.ap-northeast-1.amazonaws.com", None),
            ("http://minio:9000", None),
            ("storage.googleapis.com", None),
        ] {
            assert_eq!(region_of(endpoint).as_deref(), region, "{endpoint}");
        }
    }
}
