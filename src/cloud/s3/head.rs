//! Whether an object is there, and what S3 says of it.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{ReplicationStatus, ServerSideEncryption, StorageClass};
use serde_json::{Map, Value};

use super::{S3, SERVICE};
use crate::cloud::aws::{Final, failure, fault};
use crate::secret::Secret;

/// Which object, of which version, under whose key.
#[derive(Debug, Clone)]
pub struct ObjectQuery {
    /// The bucket's name.
    pub bucket: String,
    /// The object's key.
    pub key: String,
    /// A version; unsaid, the newest.
    pub version_id: Option<String>,
    /// The key that it was encrypted with on its way in (SSE-C).
    pub customer_key: Option<CustomerKey>,
}

/// A key that S3 itself does not keep.
#[derive(Debug, Clone)]
pub struct CustomerKey {
    /// In Base64.
    pub key: Secret,
    /// `AES256`.
    pub algorithm: String,
    /// The MD5 of the key, in Base64.
    pub md5: String,
}

/// What is known of an object that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectHead {
    /// S3's own headers under their usual names: `Content-Length` is a number, `Last-Modified` milliseconds since
    /// 1970, all others are texts.
    pub metadata: Map<String, Value>,
    /// What its writer said of it (`x-amz-meta-*`).
    pub user_metadata: Map<String, Value>,
}

/// Why it is not known whether an object is there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// No answer, or one that may be another in a while (429, 5xx).
    #[error("{0}")]
    NoAnswer(String),
    /// 403: the object may be there or not.
    #[error("{0}")]
    Denied(String),
    /// The bucket lies in another region, which S3 names where it can.
    #[error("the bucket lies in another region{}", .0.as_deref().map(|name| format!(": `{name}`")).unwrap_or_default())]
    OtherRegion(Option<String>),
    /// Any other answer, and what goes wrong on our side.
    #[error("{0}")]
    Refused(String),
}

impl S3 {
    /// What S3 says of an object; none when it is not there. A bucket that is not there has no objects.
    pub async fn head(&self, object: &ObjectQuery) -> Result<Option<ObjectHead>, HeadError> {
        let head = |client: &Client| {
            let mut call = client.head_object().bucket(&object.bucket).key(&object.key);
            call = call.set_version_id(object.version_id.clone());
            if let Some(customer) = &object.customer_key {
                call = call
                    .sse_customer_key(customer.key.expose())
                    .sse_customer_key_md5(&customer.md5)
                    .sse_customer_algorithm(&customer.algorithm);
            }
            Box::pin(call.send())
        };
        match self.call(head).await.map_err(|error| HeadError::Refused(error.message))? {
            Ok(head) => Ok(Some(ObjectHead {
                metadata: headers(&head),
                user_metadata: sorted(head.metadata.unwrap_or_default()),
            })),
            Err(error) if status(&error.error) == Some(404) => Ok(None),
            Err(error) => Err(explain(&error)),
        }
    }

    /// Whether a bucket is certainly not there. Who may not ask does not know.
    pub async fn lacks_bucket(&self, bucket: &str) -> bool {
        let head = |client: &Client| Box::pin(client.head_bucket().bucket(bucket).send());
        let Ok(answer) = self.call(head).await else { return false };
        answer.err().is_some_and(|error| status(&error.error) == Some(404))
    }
}

pub(super) fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|answer| answer.status().as_u16())
}

fn explain<E>(found: &Final<E>) -> HeadError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let error = &found.error;
    let said = found.told(match status(error) {
        // The answer to such a question has no body, so the SDK knows no reason.
        Some(status) => format!("{SERVICE} answered {status}"),
        None => failure(SERVICE, error).message,
    });
    match (status(error), fault(error)) {
        (Some(301 | 307), _) => HeadError::OtherRegion(
            error
                .raw_response()
                .and_then(|answer| answer.headers().get("x-amz-bucket-region"))
                .map(str::to_owned),
        ),
        (_, fault) if fault.passes() => HeadError::NoAnswer(said),
        (Some(403), _) => HeadError::Denied(said),
        (None, _) if is_unanswered(error) => HeadError::NoAnswer(said),
        _ => HeadError::Refused(said),
    }
}

/// Whether the call went out, or could have, and nothing came back. Credentials that cannot be had are another thing.
pub(super) fn is_unanswered<E>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => true,
        SdkError::DispatchFailure(failure) => {
            failure.is_io() || failure.is_timeout() || failure.as_other().is_some()
        }
        _ => false,
    }
}

/// The headers that describe an object, as they are written on the wire.
fn headers(head: &HeadObjectOutput) -> Map<String, Value> {
    let text = |value: Option<&str>| value.map(Value::from);
    let modified = head.last_modified().and_then(|time| time.to_millis().ok());
    let e_tag = head.e_tag().map(|tag| tag.trim_matches('"'));
    [
        ("Accept-Ranges", text(head.accept_ranges())),
        ("Content-Length", head.content_length().map(Value::from)),
        ("Content-Type", text(head.content_type())),
        ("Content-Encoding", text(head.content_encoding())),
        ("Content-Disposition", text(head.content_disposition())),
        ("Content-Language", text(head.content_language())),
        ("Cache-Control", text(head.cache_control())),
        ("Expires", text(head.expires_string())),
        ("ETag", text(e_tag)),
        ("Last-Modified", modified.map(Value::from)),
        ("x-amz-version-id", text(head.version_id())),
        ("x-amz-storage-class", text(head.storage_class().map(StorageClass::as_str))),
        (
            "x-amz-server-side-encryption",
            text(head.server_side_encryption().map(ServerSideEncryption::as_str)),
        ),
        ("x-amz-server-side-encryption-aws-kms-key-id", text(head.ssekms_key_id())),
        ("x-amz-server-side-encryption-customer-algorithm", text(head.sse_customer_algorithm())),
        ("x-amz-server-side-encryption-customer-key-MD5", text(head.sse_customer_key_md5())),
        ("x-amz-replication-status", text(head.replication_status().map(ReplicationStatus::as_str))),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}

fn sorted(metadata: HashMap<String, String>) -> Map<String, Value> {
    let sorted: BTreeMap<_, _> = metadata.into_iter().collect();
    sorted.into_iter().map(|(name, value)| (name, value.into())).collect()
}
