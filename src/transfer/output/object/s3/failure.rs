//! What S3's errors mean for a transfer, with the bucket, the key and one thing to do.

use super::super::EXPIRED_TOKEN;
use super::super::names::{Key, Names};
use crate::cloud::s3::objects::{ObjectError, ObjectErrorKind};
use crate::transfer::error::{ErrorKind, TransferError};

/// What was being done.
#[derive(Debug, Clone, Copy)]
pub(super) enum Deed<'k> {
    /// Looking for objects of the same pattern.
    Listing,
    /// Writing an object or a part of it.
    Writing(&'k Key),
    /// Removing parts that nobody will complete.
    Removing(&'k Key),
    /// Removing an object that is stale.
    Deleting(&'k Key),
}

impl Deed<'_> {
    /// What did not happen.
    pub(super) fn words(self, names: &Names) -> String {
        match self {
            Self::Listing => format!("bucket `{}` could not be listed", names.bucket().shown()),
            Self::Writing(key) => format!("object `{}` could not be written", names.address(key)),
            Self::Removing(key) => {
                format!("parts of object `{}` could not be removed", names.address(key))
            }
            Self::Deleting(key) => format!("stale object `{}` could not be deleted", names.address(key)),
        }
    }

    /// The permission that it takes.
    fn permission(self) -> &'static str {
        match self {
            Self::Listing => "allow `s3:ListBucket` on the bucket, or set `stale_objects: keep`",
            Self::Writing(_) => "allow `s3:PutObject` on the key, and what `canned_acl` and encryption need",
            Self::Removing(_) => "allow `s3:AbortMultipartUpload` and `s3:ListBucketMultipartUploads`",
            Self::Deleting(_) => "allow `s3:DeleteObject`, or remove it and set `stale_objects: error`",
        }
    }
}

/// A call failed.
pub(super) fn failed(deed: Deed<'_>, names: &Names, error: &ObjectError) -> TransferError {
    let bucket = names.bucket().shown();
    let (kind, hint) = match &error.kind {
        ObjectErrorKind::Unreachable => {
            (ErrorKind::Unreachable, "check `endpoint` and network, then retry".into())
        }
        ObjectErrorKind::Credentials => {
            (ErrorKind::Authentication, "check `auth_method` and the keys that go with it".into())
        }
        ObjectErrorKind::Expired => (ErrorKind::Authentication, EXPIRED_TOKEN.to_owned()),
        ObjectErrorKind::Denied => (ErrorKind::Permission, deed.permission().to_owned()),
        ObjectErrorKind::NoBucket => {
            (ErrorKind::NotFound, format!("make bucket `{bucket}`, or correct `bucket`"))
        }
        ObjectErrorKind::NoUpload => {
            (ErrorKind::ConnectionLost, "retry; S3 has lost the parts of the object".to_owned())
        }
        ObjectErrorKind::Changed => {
            (ErrorKind::ConnectionLost, "retry; other bytes arrived than were sent".to_owned())
        }
        ObjectErrorKind::OtherRegion(Some(region)) => {
            (ErrorKind::Config, format!("bucket `{bucket}` lies in another region: set `region: {region}`"))
        }
        ObjectErrorKind::OtherRegion(None) => {
            (ErrorKind::Config, format!("bucket `{bucket}` lies in another region: set `region`"))
        }
        ObjectErrorKind::NoRegion => {
            (ErrorKind::Config, "set `region` in the config, or the variable `AWS_REGION`".to_owned())
        }
        ObjectErrorKind::Busy => (ErrorKind::Busy, "retry a little later".to_owned()),
        ObjectErrorKind::Refused | ObjectErrorKind::NotFound => {
            let message = deed.words(names);
            return TransferError::new(ErrorKind::Rejected, message).cause(error.message.clone());
        }
    };
    TransferError::new(kind, deed.words(names)).cause(error.message.clone()).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embulk::text::Text;

    #[test]
    fn errors_name_bucket_and_key_and_say_what_to_do() {
        let names = Names::new("s3", &Text::plain("lake"), &Text::plain("raw/orders"));
        let key = names.listed("raw/orders.000.00.csv".to_owned());
        let told = |deed: Deed<'_>, kind: ObjectErrorKind| {
            let error = failed(deed, &names, &ObjectError { kind, message: "S3 says X".to_owned() });
            (error.kind, error.to_string(), error.remedy().unwrap_or_default().to_owned())
        };
        assert_eq!(
            told(Deed::Listing, ObjectErrorKind::Denied),
            (
                ErrorKind::Permission,
                "bucket `lake` could not be listed: S3 says X".to_owned(),
                "allow `s3:ListBucket` on the bucket, or set `stale_objects: keep`".to_owned()
            )
        );
        assert_eq!(
            told(Deed::Writing(&key), ObjectErrorKind::OtherRegion(Some("ap-northeast-1".to_owned()))),
            (
                ErrorKind::Config,
                "object `s3://lake/raw/orders.000.00.csv` could not be written: S3 says X".to_owned(),
                "bucket `lake` lies in another region: set `region: ap-northeast-1`".to_owned()
            )
        );
        assert_eq!(
            told(Deed::Deleting(&key), ObjectErrorKind::NoBucket),
            (
                ErrorKind::NotFound,
                "stale object `s3://lake/raw/orders.000.00.csv` could not be deleted: S3 says X".to_owned(),
                "make bucket `lake`, or correct `bucket`".to_owned()
            )
        );
    }
}
