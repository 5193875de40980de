//! Which object of a bucket a task is about.

use serde_json::Value;

use super::{OperatorError, OperatorRequest};
use crate::cloud::object_name::{self, ObjectStoreKind};
use crate::dig::params;
use crate::run::event::FailureKind;

/// Bucket and object: from the value of the operator, or from `bucket` and the option `name`. Digdag refuses a value
/// beside parameters of these names wherever they come from; here only beside the task's own, because a `bucket` in
/// scope is what `x>: ${bucket}/...` is made of.
pub(super) fn address<'v>(
    request: &OperatorRequest<'_>,
    scheme: &str,
    name: &str,
    option: impl Fn(&str) -> Option<&'v Value>,
) -> Result<(String, String), OperatorError> {
    let operator = &request.operator;
    let needs =
        || OperatorError::config(format!("`{operator}>` needs either a value or both `bucket` and `{name}`"));
    let part = |key: &str| Ok::<_, OperatorError>(params::to_text(key, option(key).ok_or_else(needs)?)?);
    let is_own = |key: &str| request.local.get(key).is_some_and(|value| !value.is_null());
    let (bucket, object) = if request.command.is_null() {
        (part("bucket")?, part(name)?)
    } else if is_own("bucket") || is_own(name) {
        return Err(needs());
    } else {
        let text = params::to_text(&format!("{operator}>"), &request.command)?;
        let path = text.strip_prefix(scheme).unwrap_or(&text);
        let (bucket, object) = path.split_once('/').unwrap_or((path, ""));
        (bucket.to_owned(), object.to_owned())
    };
    let kind = if scheme == "gs://" { ObjectStoreKind::CloudStorage } else { ObjectStoreKind::S3 };
    if !object.is_empty()
        && let Err(reason) = object_name::check(&object, kind)
    {
        return Err(OperatorError::config(format!("the name of the object of `{operator}>` {reason}")));
    }
    if bucket.is_empty() || object.is_empty() {
        return Err(OperatorError::config(format!(
            "`{bucket}/{object}` is not a bucket and an object in it"
        )));
    }
    Ok((bucket, object))
}

/// A bucket that is not there is a slip of the pen: nobody wants to wait for it.
pub(super) fn no_bucket(bucket: &str) -> OperatorError {
    OperatorError::new(FailureKind::Config, format!("bucket `{bucket}` does not exist"))
        .hint("check its name, and whose account is asked")
}
