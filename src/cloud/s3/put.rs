//! One small object in one call, with all that its writer may ask for.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ServerSideEncryption};
use bytes::Bytes;

use super::S3;
use super::head::CustomerKey;
use super::objects::ObjectError;

/// An object on its way.
#[derive(Debug, Clone)]
pub struct ObjectPut {
    /// `Content-Type`.
    pub content_type: String,
    /// `x-amz-server-side-encryption`; none: what the bucket says.
    pub encryption: Option<String>,
    /// The key of KMS.
    pub kms_key: Option<String>,
    /// A key that S3 itself does not keep (SSE-C).
    pub customer_key: Option<CustomerKey>,
    /// The bytes.
    pub body: Bytes,
}

impl S3 {
    /// Writes an object. An equal key is overwritten. S3 compares its checksum with what arrived.
    pub async fn put_one(&self, bucket: &str, key: &str, put: &ObjectPut) -> Result<(), ObjectError> {
        let send = |client: &Client| {
            let mut call = client.put_object().bucket(bucket).key(key);
            call = call
                .content_type(&put.content_type)
                .set_server_side_encryption(put.encryption.as_deref().map(ServerSideEncryption::from))
                .set_ssekms_key_id(put.kms_key.clone())
                .checksum_algorithm(ChecksumAlgorithm::Crc32)
                .body(ByteStream::from(put.body.clone()));
            if let Some(customer) = &put.customer_key {
                call = call
                    .sse_customer_key(customer.key.expose())
                    .sse_customer_algorithm(&customer.algorithm)
                    .sse_customer_key_md5(&customer.md5);
            }
            // A put is a large future.
            Box::pin(call.send())
        };
        self.ask(send).await.map(drop)
    }
}
