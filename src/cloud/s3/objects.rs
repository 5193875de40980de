//! The calls of an output: objects in one piece or in parts, what lies below a prefix, and what S3's answers mean.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, Delete, Object, ObjectCannedAcl,
    ObjectIdentifier, ServerSideEncryption, StorageClass,
};
use bytes::Bytes;

use super::head::{is_unanswered, status};
use super::{S3, S3Error, SERVICE};
use crate::cloud::aws::{Final, failure};
use crate::cloud::fault::{Fault, codes};

/// How long one try may take that carries a part of an object; completing an object of many parts takes minutes as well.
const PART_TIMEOUT: Duration = Duration::from_secs(300);

/// The header in which S3 names the region of a bucket.
const REGION: &str = "x-amz-bucket-region";

/// What an object is written with. Words as S3 has them; none: what the bucket says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectTraits {
    /// `x-amz-acl`, e.g. `bucket-owner-full-control`.
    pub acl: Option<&'static str>,
    /// `x-amz-server-side-encryption`, e.g. `aws:kms`.
    pub encryption: Option<&'static str>,
    /// The key of KMS.
    pub kms_key: Option<String>,
    /// `x-amz-storage-class`.
    pub storage_class: Option<&'static str>,
}

/// A part that S3 has taken.
#[derive(Debug, Clone)]
pub struct Part(CompletedPart);

/// Why S3 did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ObjectError {
    /// What it means.
    pub kind: ObjectErrorKind,
    /// One line, in S3's words.
    pub message: String,
}

/// What a failed call means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectErrorKind {
    /// Nobody answered.
    Unreachable,
    /// There are no credentials, or S3 does not know them.
    Credentials,
    /// The credentials were good for a time that is over.
    Expired,
    /// Known to S3, but not allowed to.
    Denied,
    /// There is no such bucket.
    NoBucket,
    /// There is no such object.
    NotFound,
    /// There is no such upload of parts: completed, aborted or expired.
    NoUpload,
    /// The bucket lies in another region, which S3 names where it can.
    OtherRegion(Option<String>),
    /// It may be otherwise in a while.
    Busy,
    /// Other bytes arrived than were sent.
    Changed,
    /// No region is known.
    NoRegion,
    /// Anything else.
    Refused,
}

impl S3 {
    /// A call whose error is told as that of an object.
    pub(super) async fn ask<T, E, F>(&self, once: impl Fn(&Client) -> F) -> Result<T, ObjectError>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        self.call(once).await?.map_err(|error| explain(&error))
    }

    /// Writes an object in one piece, and gives its ETag. An equal key is overwritten.
    pub async fn put_object(
        &self,
        bucket: &str,
        key: &str,
        traits: &ObjectTraits,
        body: Bytes,
    ) -> Result<Option<String>, ObjectError> {
        let put = |client: &Client| {
            let call = client.put_object().bucket(bucket).key(key);
            let call = call
                .set_acl(traits.acl.map(ObjectCannedAcl::from))
                .set_server_side_encryption(traits.encryption.map(ServerSideEncryption::from))
                .set_ssekms_key_id(traits.kms_key.clone())
                .set_storage_class(traits.storage_class.map(StorageClass::from))
                .checksum_algorithm(ChecksumAlgorithm::Crc32)
                .body(ByteStream::from(body.clone()));
            Box::pin(call.customize().config_override(patient()).send())
        };
        self.ask(put).await.map(|stored| stored.e_tag)
    }

    /// Begins an object in parts: nothing is visible before it is completed. Gives the id of the upload.
    pub async fn begin_parts(
        &self,
        bucket: &str,
        key: &str,
        traits: &ObjectTraits,
    ) -> Result<String, ObjectError> {
        let begin = |client: &Client| {
            let call = client.create_multipart_upload().bucket(bucket).key(key);
            let call = call
                .set_acl(traits.acl.map(ObjectCannedAcl::from))
                .set_server_side_encryption(traits.encryption.map(ServerSideEncryption::from))
                .set_ssekms_key_id(traits.kms_key.clone())
                .set_storage_class(traits.storage_class.map(StorageClass::from))
                .checksum_algorithm(ChecksumAlgorithm::Crc32);
            Box::pin(call.send())
        };
        let begun = self.ask(begin).await?;
        begun.upload_id.ok_or_else(|| strange("names no upload"))
    }

    /// Sends a part, numbered from 1. S3 compares its checksum with what arrived.
    pub async fn put_part(
        &self,
        bucket: &str,
        key: &str,
        upload: &str,
        number: i32,
        body: Bytes,
    ) -> Result<Part, ObjectError> {
        let put = |client: &Client| {
            let call = client.upload_part().bucket(bucket).key(key).upload_id(upload);
            let call = call
                .part_number(number)
                .checksum_algorithm(ChecksumAlgorithm::Crc32)
                .body(ByteStream::from(body.clone()));
            Box::pin(call.customize().config_override(patient()).send())
        };
        let taken = self.ask(put).await?;
        let part = CompletedPart::builder()
            .part_number(number)
            .set_e_tag(taken.e_tag)
            .set_checksum_crc32(taken.checksum_crc32);
        Ok(Part(part.build()))
    }

    /// Makes the object of its parts visible.
    pub async fn complete_parts(
        &self,
        bucket: &str,
        key: &str,
        upload: &str,
        parts: &[Part],
    ) -> Result<(), ObjectError> {
        let parts = parts.iter().map(|part| part.0.clone()).collect();
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let complete = |client: &Client| {
            let call = client.complete_multipart_upload().bucket(bucket).key(key);
            let call = call.upload_id(upload).multipart_upload(parts.clone());
            Box::pin(call.customize().config_override(patient()).send())
        };
        self.ask(complete).await.map(drop)
    }

    /// Removes the parts of an upload; one that is not there is removed already.
    pub async fn abort_parts(&self, bucket: &str, key: &str, upload: &str) -> Result<(), ObjectError> {
        let abort = |client: &Client| {
            let call = client.abort_multipart_upload().bucket(bucket).key(key).upload_id(upload);
            Box::pin(call.send())
        };
        match self.ask(abort).await {
            Err(error) if error.kind != ObjectErrorKind::NoUpload => Err(error),
            _ => Ok(()),
        }
    }

    /// The ids of the uploads of one key that are neither completed nor aborted.
    pub async fn open_uploads(&self, bucket: &str, key: &str) -> Result<Vec<String>, ObjectError> {
        // Keys that begin with this one come after it: the first page has all of its own.
        let list =
            |client: &Client| Box::pin(client.list_multipart_uploads().bucket(bucket).prefix(key).send());
        let listed = self.ask(list).await?;
        let own = listed.uploads.into_iter().flatten().filter(|upload| upload.key() == Some(key));
        Ok(own.filter_map(|upload| upload.upload_id).collect())
    }

    /// The keys that begin with a prefix and are wanted, in their order.
    pub async fn keys(
        &self,
        bucket: &str,
        prefix: &str,
        wanted: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<Vec<String>, ObjectError> {
        let mut keys = Vec::new();
        let take = |object: Object| {
            keys.extend(object.key.filter(|key| wanted(key)));
            true
        };
        self.each(bucket, prefix, None, take).await?.map_err(|error| explain(&error))?;
        Ok(keys)
    }

    /// The region that a bucket lies in, where S3 says it.
    pub async fn region_of(&self, bucket: &str) -> Result<Option<String>, ObjectError> {
        let head = |client: &Client| Box::pin(client.head_bucket().bucket(bucket).send());
        match self.call(head).await? {
            Ok(found) => Ok(found.bucket_region),
            // S3 names the region also to who may not see the bucket, and to who asks in another one.
            Err(found) => match found.error.raw_response().and_then(|raw| raw.headers().get(REGION)) {
                Some(region) if !is_missing(&found.error) => Ok(Some(region.to_owned())),
                _ if is_missing(&found.error) => {
                    let message = format!("{SERVICE} knows no such bucket");
                    Err(ObjectError { kind: ObjectErrorKind::NoBucket, message })
                }
                // Who may not see the bucket may write into it all the same.
                _ if status(&found.error) == Some(403) => Ok(None),
                _ => Err(explain(&found)),
            },
        }
    }

    /// Removes up to a thousand objects; those that are not there are removed already.
    pub async fn delete_all(&self, bucket: &str, keys: &[String]) -> Result<(), ObjectError> {
        let named = keys.iter().map(|key| ObjectIdentifier::builder().key(key).build());
        let wrong = |_| strange("cannot be asked for: a key has no name");
        let named = named.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
        let named = Delete::builder().set_objects(Some(named)).quiet(true).build().map_err(wrong)?;
        let remove =
            |client: &Client| Box::pin(client.delete_objects().bucket(bucket).delete(named.clone()).send());
        let done = self.ask(remove).await?;
        match done.errors.unwrap_or_default().first() {
            None => Ok(()),
            Some(refused) => {
                let code = refused.code().unwrap_or("an error");
                Err(ObjectError {
                    kind: meaning(code, if code == "AccessDenied" { 403 } else { 400 }, None),
                    message: format!("{SERVICE} says {code}"),
                })
            }
        }
    }

    /// Removes an object; one that is not there is removed already.
    pub async fn delete(&self, bucket: &str, key: &str) -> Result<(), ObjectError> {
        let remove = |client: &Client| Box::pin(client.delete_object().bucket(bucket).key(key).send());
        self.ask(remove).await.map(drop)
    }
}

fn is_missing<E>(error: &SdkError<E, HttpResponse>) -> bool {
    status(error) == Some(404)
}

/// The time that calls about large bodies get.
fn patient() -> Builder {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(PART_TIMEOUT).build();
    Builder::default().timeout_config(timeouts)
}

fn strange(what: &str) -> ObjectError {
    ObjectError { kind: ObjectErrorKind::Refused, message: format!("the answer of {SERVICE} {what}") }
}

/// What an error of S3 means, in its words.
pub(super) fn explain<E>(found: &Final<E>) -> ObjectError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let error = &found.error;
    let message = found.told(failure(SERVICE, error).message);
    let kind = match error {
        SdkError::ServiceError(answer) => {
            let raw = answer.raw();
            meaning(answer.err().code().unwrap_or_default(), raw.status().as_u16(), raw.headers().get(REGION))
        }
        error if is_unanswered(error) => ObjectErrorKind::Unreachable,
        _ => ObjectErrorKind::Credentials,
    };
    ObjectError { kind, message }
}

/// What a code of S3 means beyond what it is as a fault.
fn meaning(code: &str, status: u16, region: Option<&str>) -> ObjectErrorKind {
    match (code, status) {
        ("NoSuchBucket", _) => ObjectErrorKind::NoBucket,
        ("NoSuchUpload", _) => ObjectErrorKind::NoUpload,
        ("AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException", _)
        | (_, 301 | 307) => ObjectErrorKind::OtherRegion(region.map(str::to_owned)),
        _ => codes::of_aws(code, status).into(),
    }
}

/// What a fault of a call is called.
impl From<Fault> for ObjectErrorKind {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::CredentialsExpired => Self::Expired,
            Fault::CredentialsRefused => Self::Credentials,
            Fault::Denied => Self::Denied,
            Fault::NotFound => Self::NotFound,
            Fault::Garbled => Self::Changed,
            Fault::RateLimited | Fault::Busy => Self::Busy,
            fault if fault.passes() => Self::Unreachable,
            _ => Self::Refused,
        }
    }
}

impl From<S3Error> for ObjectError {
    fn from(error: S3Error) -> Self {
        Self { kind: error.kind, message: error.message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_a_meaning() {
        use ObjectErrorKind::{Busy, Changed, Credentials, Denied, Expired, NoBucket, OtherRegion, Refused};
        let tokyo = Some("ap-northeast-1");
        for (code, status, kind) in [
            (Some("NoSuchBucket"), 404, NoBucket),
            (Some("AccessDenied"), 403, Denied),
            (Some("ExpiredToken"), 400, Expired),
            (Some("InvalidToken"), 400, Credentials),
            (Some("AuthorizationHeaderMalformed"), 400, OtherRegion(tokyo.map(str::to_owned))),
            (None, 301, OtherRegion(tokyo.map(str::to_owned))),
            (Some("BadDigest"), 400, Changed),
            (Some("SlowDown"), 503, Busy),
            (Some("InvalidArgument"), 400, Refused),
        ] {
            assert_eq!(meaning(code.unwrap_or_default(), status, tokyo), kind, "{code:?} {status}");
        }
    }
}
