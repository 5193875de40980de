//! `s3_put>`: writes an object to S3.

use std::sync::Arc;

use super::super::object_address::{address, no_bucket};
use super::super::s3_options::S3Options;
use super::super::{Operator, OperatorError, OperatorOutput, OperatorRequest, Turn};
use super::{Content, told};
use crate::cloud::aws::Aws;
use crate::cloud::s3::S3;
use crate::cloud::s3::objects::{ObjectError, ObjectErrorKind};
use crate::cloud::s3::put::ObjectPut;
use crate::run::operator::cancelable::unless_canceled;

/// `s3_put>`.
#[derive(Debug, Default)]
pub(in super::super) struct S3Put {
    aws: Arc<Aws>,
}

impl Operator for S3Put {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        let options = S3Options(request);
        let (bucket, key) = address(request, "s3://", "key", |key| options.get(key))?;
        let content = Content::read(request, |key| options.get(key))?;
        let length = content.bytes.len();
        let put = ObjectPut {
            content_type: content.content_type,
            encryption: options.text("server_side_encryption")?,
            kms_key: options.text("sse_kms_key_id")?,
            customer_key: options.customer_key()?,
            body: content.bytes,
        };
        if put.encryption.is_some() && put.customer_key.is_some() {
            let message = "`server_side_encryption` and the secret `aws.s3.sse_c_key` exclude each other";
            return Err(OperatorError::config(message));
        }
        let s3 = S3::new(Arc::clone(&self.aws), options.settings()?, request.retrying());
        let sent = unless_canceled(&request.cancel, s3.put_one(&bucket, &key, &put))?;
        sent.map_err(|error| refused(&bucket, &key, &put, &error))?;
        told(request, &format!("{bucket}/{key}"), length);
        Ok(OperatorOutput::default().into())
    }
}

fn refused(bucket: &str, key: &str, put: &ObjectPut, error: &ObjectError) -> OperatorError {
    let failed = |hint: &str| {
        OperatorError::failed(format!("object `{bucket}/{key}` could not be written")).cause(error).hint(hint)
    };
    match &error.kind {
        ObjectErrorKind::NoBucket => no_bucket(bucket),
        ObjectErrorKind::Unreachable => {
            let message = format!("S3 cannot be reached to write object `{bucket}/{key}`");
            OperatorError::unreachable(message).cause(error).hint("check endpoint and network, then retry")
        }
        ObjectErrorKind::OtherRegion(Some(region)) => {
            failed(&format!("the bucket lies in another region: set `region: {region}`"))
        }
        ObjectErrorKind::OtherRegion(None) => failed("name the bucket's region by `region`"),
        ObjectErrorKind::NoRegion => failed("set `region`, or the variable `AWS_REGION`"),
        ObjectErrorKind::Denied if put.kms_key.is_some() => {
            failed("allow `s3:PutObject` on the key of the object, and `kms:GenerateDataKey` on that of KMS")
        }
        ObjectErrorKind::Denied => failed("allow `s3:PutObject` on the key"),
        ObjectErrorKind::Credentials | ObjectErrorKind::Expired => failed(
            "check the secrets `aws.s3.access_key_id` and `aws.s3.secret_access_key`, or what the AWS SDK finds",
        ),
        ObjectErrorKind::Busy | ObjectErrorKind::Changed | ObjectErrorKind::NoUpload => {
            failed("retry a little later")
        }
        ObjectErrorKind::Refused | ObjectErrorKind::NotFound => {
            failed("check the options of encryption, and what the bucket asks for")
        }
    }
}
