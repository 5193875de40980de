//! What lies in S3 around a statement: the files that a manifest names, and those that a try which failed has left.

use std::sync::Arc;

use serde::Deserialize;

use crate::cloud;
use crate::cloud::s3::S3;
use crate::cloud::s3::objects::ObjectError;
use crate::run::operator::OperatorError;

#[derive(Deserialize)]
struct Manifest {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    url: String,
}

/// Bucket and key of `s3://BUCKET/KEY`; none where one is missing.
pub(super) fn place(address: &str) -> Option<(&str, &str)> {
    let (bucket, key) = address.strip_prefix("s3://")?.split_once('/')?;
    (!bucket.is_empty() && !key.is_empty()).then_some((bucket, key))
}

/// The addresses in a manifest.
pub(super) fn urls(s3: &S3, address: &str) -> Result<Vec<String>, OperatorError> {
    let (bucket, key) = place(address)
        .ok_or_else(|| OperatorError::config(format!("Invalid manifest file uri: {address}")))?;
    let content = s3.get(bucket, key).map_err(|error| {
        OperatorError::failed(format!("Failed to fetch a manifest file: {address}"))
            .cause(&error)
            .hint("the temporary keys open only what it names; or set `temp_credentials: false`")
    })?;
    let manifest: Manifest = serde_json::from_slice(&content).map_err(|error| {
        let mut failed =
            OperatorError::failed(format!("manifest `{address}` is not in the form of a manifest"));
        failed.causes.push(format!("line {}, column {}", error.line(), error.column()));
        failed.hint("it is `{\"entries\": [{\"url\": \"s3://...\", \"mandatory\": true}]}`")
    })?;
    Ok(manifest.entries.into_iter().map(|entry| entry.url).collect())
}

/// Removes every object whose key begins so. The calls run on the runtime of the wires, which outlives the task's.
pub(super) async fn remove(s3: &Arc<S3>, address: &str) -> Result<(), OperatorError> {
    let Some((bucket, prefix)) = place(address) else { return Ok(()) };
    let (s3, bucket, prefix) = (Arc::clone(s3), bucket.to_owned(), prefix.to_owned());
    let removing = cloud::spawn(async move {
        for key in s3.keys(&bucket, &prefix, &|_| true).await? {
            s3.delete(&bucket, &key).await?;
        }
        Ok::<_, ObjectError>(())
    });
    let failed =
        || OperatorError::failed(format!("files of an earlier try at `{address}` could not be removed"));
    match removing.await {
        Ok(removed) => removed.map_err(|error| failed().cause(&error)),
        Err(error) => Err(failed().cause(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_a_bucket_and_a_key() {
        assert_eq!(place("s3://b/k/l"), Some(("b", "k/l")));
        for wrong in ["s3://b", "s3://b/", "s3:///k", "/b/k", "gs://b/k"] {
            assert_eq!(place(wrong), None, "{wrong}");
        }
    }
}
