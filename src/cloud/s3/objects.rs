//! The calls of an output: objects in one piece or in parts, what lies below a prefix, and what S3's answers mean.

use std::time::Duration;

use aws_sdk_s3::config::Builder;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, Delete, ObjectCannedAcl, ObjectIdentifier,
    ServerSideEncryption, StorageClass,
};
use bytes::Bytes;

use super::head::is_unanswered;
use super::{S3, SERVICE};
use crate::cloud::aws::failure;

/// How long one try may take that carries a part of an object.
const PART_TIMEOUT: Duration = Duration::from_secs(300);

/// How long such a call may take with all its tries; completing an object of many parts takes minutes as well.
const PARTS_TIMEOUT: Duration = Duration::from_secs(900);

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
    pub(super) async fn caller(&self) -> Result<&aws_sdk_s3::Client, ObjectError> {
        // The one thing that can be wrong before any call.
        let unknown =
            |error: super::S3Error| ObjectError { kind: ObjectErrorKind::NoRegion, message: error.message };
        self.client().await.map_err(unknown)
    }

    /// Writes an object in one piece, and gives its ETag. An equal key is overwritten.
    pub async fn put_object(
        &self,
        bucket: &str,
        key: &str,
        traits: &ObjectTraits,
        body: Bytes,
    ) -> Result<Option<String>, ObjectError> {
        let call = self.caller().await?.put_object().bucket(bucket).key(key);
        let call = call
            .set_acl(traits.acl.map(ObjectCannedAcl::from))
            .set_server_side_encryption(traits.encryption.map(ServerSideEncryption::from))
            .set_ssekms_key_id(traits.kms_key.clone())
            .set_storage_class(traits.storage_class.map(StorageClass::from))
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .body(ByteStream::from(body));
        let sent = Box::pin(call.customize().config_override(patient()).send()).await;
        sent.map(|stored| stored.e_tag).map_err(|error| explain(&error))
    }

    /// Begins an object in parts: nothing is visible before it is completed. Gives the id of the upload.
    pub async fn begin_parts(
        &self,
        bucket: &str,
        key: &str,
        traits: &ObjectTraits,
    ) -> Result<String, ObjectError> {
        let call = self.caller().await?.create_multipart_upload().bucket(bucket).key(key);
        let call = call
            .set_acl(traits.acl.map(ObjectCannedAcl::from))
            .set_server_side_encryption(traits.encryption.map(ServerSideEncryption::from))
            .set_ssekms_key_id(traits.kms_key.clone())
            .set_storage_class(traits.storage_class.map(StorageClass::from))
            .checksum_algorithm(ChecksumAlgorithm::Crc32);
        let begun = Box::pin(call.send()).await.map_err(|error| explain(&error))?;
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
        let call = self.caller().await?.upload_part().bucket(bucket).key(key).upload_id(upload);
        let call = call
            .part_number(number)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .body(ByteStream::from(body));
        let taken = Box::pin(call.customize().config_override(patient()).send()).await;
        let taken = taken.map_err(|error| explain(&error))?;
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
        let call = self.caller().await?.complete_multipart_upload().bucket(bucket).key(key);
        let call = call.upload_id(upload).multipart_upload(parts).customize().config_override(patient());
        Box::pin(call.send()).await.map(drop).map_err(|error| explain(&error))
    }

    /// Removes the parts of an upload; one that is not there is removed already.
    pub async fn abort_parts(&self, bucket: &str, key: &str, upload: &str) -> Result<(), ObjectError> {
        let call = self.caller().await?.abort_multipart_upload().bucket(bucket).key(key).upload_id(upload);
        match Box::pin(call.send()).await.map_err(|error| explain(&error)) {
            Err(error) if error.kind != ObjectErrorKind::NoUpload => Err(error),
            _ => Ok(()),
        }
    }

    /// The ids of the uploads of one key that are neither completed nor aborted.
    pub async fn open_uploads(&self, bucket: &str, key: &str) -> Result<Vec<String>, ObjectError> {
        // Keys that begin with this one come after it: the first page has all of its own.
        let call = self.caller().await?.list_multipart_uploads().bucket(bucket).prefix(key);
        let listed = Box::pin(call.send()).await.map_err(|error| explain(&error))?;
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
        let call = self.caller().await?.list_objects_v2().bucket(bucket).prefix(prefix);
        let mut pages = call.into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| explain(&error))?;
            let listed = page.contents.into_iter().flatten().filter_map(|object| object.key);
            keys.extend(listed.filter(|key| wanted(key)));
        }
        Ok(keys)
    }

    /// The region that a bucket lies in, where S3 says it.
    pub async fn region_of(&self, bucket: &str) -> Result<Option<String>, ObjectError> {
        let call = self.caller().await?.head_bucket().bucket(bucket);
        match Box::pin(call.send()).await {
            Ok(found) => Ok(found.bucket_region),
            // S3 names the region also to who may not see the bucket, and to who asks in another one.
            Err(error) => match error.raw_response().and_then(|raw| raw.headers().get(REGION)) {
                Some(region) if !is_missing(&error) => Ok(Some(region.to_owned())),
                _ if is_missing(&error) => {
                    let message = format!("{SERVICE} knows no such bucket");
                    Err(ObjectError { kind: ObjectErrorKind::NoBucket, message })
                }
                // Who may not see the bucket may write into it all the same.
                _ if error.raw_response().is_some_and(|raw| raw.status().as_u16() == 403) => Ok(None),
                _ => Err(explain(&error)),
            },
        }
    }

    /// Removes up to a thousand objects; those that are not there are removed already.
    pub async fn delete_all(&self, bucket: &str, keys: &[String]) -> Result<(), ObjectError> {
        let named = keys.iter().map(|key| ObjectIdentifier::builder().key(key).build());
        let wrong = |_| strange("cannot be asked for: a key has no name");
        let named = named.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
        let named = Delete::builder().set_objects(Some(named)).quiet(true).build().map_err(wrong)?;
        let call = self.caller().await?.delete_objects().bucket(bucket).delete(named);
        let done = Box::pin(call.send()).await.map_err(|error| explain(&error))?;
        match done.errors.unwrap_or_default().first() {
            None => Ok(()),
            Some(refused) => {
                let code = refused.code().unwrap_or("an error");
                Err(ObjectError {
                    kind: meaning(refused.code(), if code == "AccessDenied" { 403 } else { 400 }, None),
                    message: format!("{SERVICE} says {code}"),
                })
            }
        }
    }

    /// Removes an object; one that is not there is removed already.
    pub async fn delete(&self, bucket: &str, key: &str) -> Result<(), ObjectError> {
        let call = self.caller().await?.delete_object().bucket(bucket).key(key);
        Box::pin(call.send()).await.map(drop).map_err(|error| explain(&error))
    }
}

fn is_missing<E>(error: &SdkError<E, HttpResponse>) -> bool {
    error.raw_response().is_some_and(|raw| raw.status().as_u16() == 404)
}

/// The time that calls about large bodies get.
fn patient() -> Builder {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(PART_TIMEOUT)
        .operation_timeout(PARTS_TIMEOUT)
        .build();
    Builder::default().timeout_config(timeouts)
}

fn strange(what: &str) -> ObjectError {
    ObjectError { kind: ObjectErrorKind::Refused, message: format!("the answer of {SERVICE} {what}") }
}

pub(super) fn explain<E>(error: &SdkError<E, HttpResponse>) -> ObjectError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let message = failure(SERVICE, error).message;
    let kind = match error {
        SdkError::ServiceError(answer) => {
            let raw = answer.raw();
            meaning(answer.err().code(), raw.status().as_u16(), raw.headers().get(REGION))
        }
        error if is_unanswered(error) => ObjectErrorKind::Unreachable,
        _ => ObjectErrorKind::Credentials,
    };
    ObjectError { kind, message }
}

fn meaning(code: Option<&str>, status: u16, region: Option<&str>) -> ObjectErrorKind {
    match (code.unwrap_or_default(), status) {
        ("NoSuchBucket", _) => ObjectErrorKind::NoBucket,
        ("NoSuchUpload", _) => ObjectErrorKind::NoUpload,
        ("ExpiredToken", _) => ObjectErrorKind::Expired,
        ("InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken", _) | (_, 401) => {
            ObjectErrorKind::Credentials
        }
        ("AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException", _)
        | (_, 301 | 307) => ObjectErrorKind::OtherRegion(region.map(str::to_owned)),
        // S3: the checksum, or the hash of the body, that was sent along is not that of what arrived.
        ("BadDigest" | "XAmzContentChecksumMismatch" | "XAmzContentSHA256Mismatch", _) => {
            ObjectErrorKind::Changed
        }
        ("SlowDown" | "RequestTimeout" | "OperationAborted", _) | (_, 408 | 429 | 500..) => {
            ObjectErrorKind::Busy
        }
        (_, 403) => ObjectErrorKind::Denied,
        _ => ObjectErrorKind::Refused,
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
            assert_eq!(meaning(code, status, tokyo), kind, "{code:?} {status}");
        }
    }
}
