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

/// The options that say who asks.
pub(super) struct AccessKeys {
    pub(super) method: &'static str,
    pub(super) id: &'static str,
    pub(super) key: &'static str,
    pub(super) token: &'static str,
    pub(super) file: &'static str,
    pub(super) name: &'static str,
    /// Names of id and key that are out of date.
    pub(super) old: Option<[&'static str; 2]>,
}

const OWN: AccessKeys = AccessKeys {
    method: "auth_method",
    id: "access_key_id",
    key: "secret_access_key",
    token: "session_token",
    file: "profile_file",
    name: "profile_name",
    old: None,
};

pub(super) fn access(section: &Section<'_>) -> Option<S3Access> {
    access_by(section, &OWN)
}

/// The same, by other names of the options.
pub(super) fn access_by(section: &Section<'_>, keys: &AccessKeys) -> Option<S3Access> {
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
    let written = |name: &'static str| section.text(name).filter(|text| !text.is_empty());
    let or_old = |name: &'static str, at: usize| {
        let old = keys.old.map(|old| old[at]).and_then(written);
        written(name).or(old)
    };
    let (id, key, token) = (or_old(keys.id, 0), or_old(keys.key, 1), written(keys.token));
    for (name, text) in [(keys.key, &key), (keys.token, &token)] {
        section.warn_of_literal(name, text.as_ref().map_or("", Text::expose));
    }
    let file = section.text(keys.file);
    let name = section.plain(keys.name);
    let names_id =
        section.node(keys.id).is_some() || keys.old.is_some_and(|old| section.node(old[0]).is_some());
    let usual = match (&id, &key) {
        (None, None) if !names_id => Method::Default,
        _ => Method::Basic,
    };
    let method = match section.node(keys.method) {
        None => usual,
        Some(_) => section.word(
            keys.method,
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
            let id = given(section, keys, keys.id, id)?;
            let key = given(section, keys, keys.key, key)?;
            let token = match method {
                Method::Session => Some(given(section, keys, keys.token, token)?.into_secret()),
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
            section.refuse(keys.method, "there are no properties of a JVM here: use `env` or `default`");
            None
        }
        Method::Anonymous => Some(S3Access::Anonymous),
        Method::Default => Some(S3Access::Found),
    }
}

/// What the method needs.
fn given(section: &Section<'_>, keys: &AccessKeys, key: &'static str, text: Option<Text>) -> Option<Text> {
    let old =
        keys.old.and_then(|old| [keys.id, keys.key].iter().position(|known| *known == key).map(|at| old[at]));
    if text.is_none() && !section.is_unknown(key) && !old.is_some_and(|old| section.is_unknown(old)) {
        let message = format!("`{key}` is required for this `{}`", keys.method);
        let span = section.node(keys.method).map_or(section.span(), |node| &node.span);
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
