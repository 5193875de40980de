//! The keys that COPY and UNLOAD carry. By default they are made for this one statement: they open only what it names,
//! for three hours, because whoever may look at the statements of a cluster sees them there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::cloud::aws::Aws;
use crate::cloud::sts::{self, Keys, Wish};
use crate::dig::params;
use crate::run::operator::options::Options;
use crate::run::operator::{OperatorError, OperatorRequest};
use crate::secret::{Secret, SecretError};

/// Digdag's.
const SESSION_NAME: &str = "digdag-operator-session";
/// Digdag's: three hours.
const SESSION_SECONDS: i64 = 3 * 3600;

/// What AWS takes of a policy.
const LONGEST_POLICY: usize = 2048;

/// What a statement does with what lies at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Read,
    Write,
}

/// The keys of the secrets: of the operator's own group, else of `aws.redshift`, else of `aws`.
pub(super) fn base(request: &OperatorRequest<'_>) -> Result<Keys, OperatorError> {
    Ok(Keys {
        id: required(request, "access_key_id")?,
        key: required(request, "secret_access_key")?,
        token: None,
    })
}

/// The keys for the statement itself.
pub(super) async fn for_statement(
    aws: &Aws,
    base: &Keys,
    wish: Option<&Wish>,
    request: &OperatorRequest<'_>,
) -> Result<Keys, OperatorError> {
    let Some(wish) = wish else { return Ok(base.clone()) };
    let made = sts::temporary_keys(aws, base, wish, &request.retrying()).await.map_err(|cause| {
        let mut error = OperatorError::failed("no temporary credentials could be got");
        error.causes.push(cause);
        error.hint(
            "allow the user `sts:AssumeRole` or `sts:GetFederationToken`, or set `temp_credentials: false`",
        )
    })?;
    for secret in [Some(&made.id), Some(&made.key), made.token.as_ref()].into_iter().flatten() {
        request.services.guard.learn(secret.expose());
    }
    Ok(made)
}

/// What temporary keys are asked for; none where `temp_credentials` is false.
pub(super) fn wish(
    options: &Options<'_>,
    request: &OperatorRequest<'_>,
    addresses: &[(Mode, String)],
) -> Result<Option<Wish>, OperatorError> {
    if !options.flag("temp_credentials", true)? {
        return Ok(None);
    }
    let seconds = match options.get("session_duration") {
        Some(value) => params::to_integer("session_duration", value)?,
        None => SESSION_SECONDS,
    };
    let too_long =
        |_| OperatorError::config(format!("`session_duration` is in seconds; {seconds} are too many"));
    let role = secret(request, "role_arn")?.map(|role| role.expose().to_owned());
    let name = match options.text("role_session_name")? {
        Some(name) => Some(name),
        None => secret(request, "role_session_name")?.map(|name| name.expose().to_owned()),
    };
    Ok(Some(Wish {
        role: role.filter(|role| !role.is_empty()),
        name: name.unwrap_or_else(|| SESSION_NAME.to_owned()),
        seconds: i32::try_from(seconds).map_err(too_long)?,
        policy: policy(addresses)?,
    }))
}

/// Digdag's policy: what is at the addresses and what begins with them, and looking for it. Where the addresses are too
/// many for a policy, what they begin with in each bucket.
fn policy(addresses: &[(Mode, String)]) -> Result<String, OperatorError> {
    let mut grants = Grants::default();
    for (mode, address) in addresses {
        grants.add(*mode, address)?;
    }
    let policy = grants.policy();
    Ok(if policy.len() > LONGEST_POLICY { grants.wider().policy() } else { policy })
}

/// What a policy opens.
#[derive(Debug, Default)]
struct Grants {
    buckets: BTreeSet<String>,
    /// Bucket and key, or the beginning of keys.
    read: BTreeSet<String>,
    written: BTreeSet<String>,
    tables: BTreeSet<String>,
    clusters: BTreeSet<String>,
}

impl Grants {
    fn add(&mut self, mode: Mode, address: &str) -> Result<(), OperatorError> {
        if let Some(place) = address.strip_prefix("s3://") {
            self.buckets.extend(place.split('/').next().map(str::to_owned));
            let places = if mode == Mode::Read { &mut self.read } else { &mut self.written };
            places.insert(place.to_owned());
        } else if let Some(table) = address.strip_prefix("dynamodb://") {
            self.tables.insert(table.to_owned());
        } else if let Some(cluster) = address.strip_prefix("emr://") {
            self.clusters.extend(cluster.split('/').next().map(str::to_owned));
        } else {
            let text = "an address must begin with `s3://`, `dynamodb://` or `emr://`";
            return Err(OperatorError::config(text));
        }
        Ok(())
    }

    /// The same for what the places of a bucket begin with alike.
    fn wider(mut self) -> Self {
        let mut alike: BTreeMap<String, String> = BTreeMap::new();
        for place in std::mem::take(&mut self.read) {
            let bucket = place.split('/').next().unwrap_or_default().to_owned();
            let common = alike.entry(bucket).or_insert_with(|| place.clone());
            let same = common.chars().zip(place.chars()).take_while(|(one, other)| one == other);
            *common = same.map(|(letter, _)| letter).collect();
        }
        self.read = alike.into_values().collect();
        self
    }

    fn policy(&self) -> String {
        let grants = [
            (&self.buckets, ["s3:ListBucket", "s3:GetBucketLocation"].as_slice(), "arn:aws:s3:::", ""),
            (&self.read, &["s3:GetObject"], "arn:aws:s3:::", "*"),
            (&self.written, &["s3:PutObject"], "arn:aws:s3:::", "*"),
            (&self.tables, &["dynamodb:DescribeTable", "dynamodb:Scan"], "arn:aws:dynamodb:*:*:table/", ""),
            (&self.clusters, &["elasticmapreduce:*"], "arn:aws:elasticmapreduce:*:*:cluster/", ""),
        ];
        let statements: Vec<_> = grants
            .into_iter()
            .filter(|(names, ..)| !names.is_empty())
            .map(|(names, actions, before, after)| {
                let resources: Vec<_> = names.iter().map(|name| format!("{before}{name}{after}")).collect();
                json!({"Effect": "Allow", "Action": actions, "Resource": resources})
            })
            .collect();
        json!({"Version": "2012-10-17", "Statement": statements}).to_string()
    }
}

fn required(request: &OperatorRequest<'_>, key: &str) -> Result<Secret, OperatorError> {
    secret(request, key)?.ok_or_else(|| {
        OperatorError::config(format!("Secret not found for key: 'aws.{key}'")).hint(format!(
            "set the secret `aws.{key}`, or for this operator alone `aws.{}.{key}`",
            request.operator
        ))
    })
}

fn secret(request: &OperatorRequest<'_>, key: &str) -> Result<Option<Secret>, OperatorError> {
    let groups = [format!("aws.{}", request.operator), "aws.redshift".to_owned(), "aws".to_owned()];
    for group in groups {
        match request.secrets.get(&format!("{group}.{key}")) {
            Ok(secret) => {
                if key.ends_with("_id") || key.ends_with("_key") {
                    request.services.guard.learn(secret.expose());
                }
                return Ok(Some(secret));
            }
            Err(SecretError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn made(addresses: &[(Mode, &str)]) -> Result<Value, String> {
        let addresses: Vec<_> = addresses.iter().map(|(mode, text)| (*mode, (*text).to_owned())).collect();
        let made = policy(&addresses).map_err(|error| error.message)?;
        assert!(made.len() <= LONGEST_POLICY, "{made}");
        let policy: Value = serde_json::from_str(&made).expect("JSON");
        Ok(policy["Statement"].clone())
    }

    #[test]
    fn a_policy_opens_what_is_named_and_no_more() {
        let looking = json!(["s3:ListBucket", "s3:GetBucketLocation"]);
        assert_eq!(
            made(&[(Mode::Read, "s3://b/in/"), (Mode::Write, "s3://c/out")]),
            Ok(json!([
                {"Effect": "Allow", "Action": looking, "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::c"]},
                {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::b/in/*"]},
                {"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": ["arn:aws:s3:::c/out*"]},
            ]))
        );
        assert_eq!(
            made(&[(Mode::Read, "dynamodb://t"), (Mode::Read, "emr://j-1/path")]),
            Ok(json!([
                {"Effect": "Allow", "Action": ["dynamodb:DescribeTable", "dynamodb:Scan"],
                 "Resource": ["arn:aws:dynamodb:*:*:table/t"]},
                {"Effect": "Allow", "Action": ["elasticmapreduce:*"],
                 "Resource": ["arn:aws:elasticmapreduce:*:*:cluster/j-1"]},
            ]))
        );
        let refused = "an address must begin with `s3://`, `dynamodb://` or `emr://`";
        assert_eq!(made(&[(Mode::Read, "/tmp/x")]), Err(refused.to_owned()));
    }

    #[test]
    fn many_files_are_opened_by_what_they_begin_with() {
        let files: Vec<String> = (0..500).map(|number| format!("s3://b/orders/part-{number}")).collect();
        let addresses: Vec<_> = files.iter().map(|file| (Mode::Read, file.as_str())).collect();
        let opened = made(&addresses).expect("a policy");
        assert_eq!(opened[1]["Resource"], json!(["arn:aws:s3:::b/orders/part-*"]));
    }
}
