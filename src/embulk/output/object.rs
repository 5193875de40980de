//! Options of `type: s3` and `type: gcs`: where the files of an output go when they go to a bucket, and who asks.

use std::path::PathBuf;

use super::{Auth, FileOutput};
use crate::embulk::text::Text;
use crate::secret::Secret;

/// Options of `type: s3`, of both generations of the plugin. Keys are `<path_prefix><sequence><file_ext>`.
#[derive(Debug, Clone, PartialEq)]
pub struct S3Output {
    /// The bucket.
    pub bucket: Text,
    /// Names and content of the objects.
    pub files: FileOutput,
    /// A server other than AWS's; none: what the AWS SDK finds.
    pub endpoint: Option<String>,
    /// The bucket's region; none: what the AWS SDK finds.
    pub region: Option<String>,
    /// Who asks.
    pub access: S3Access,
    /// `canned_acl`, in S3's words.
    pub canned_acl: Option<&'static str>,
    /// `server_side_encryption` (of this program), in S3's words.
    pub encryption: Option<&'static str>,
    /// `sse_kms_key_id` (of this program).
    pub kms_key: Option<String>,
    /// `storage_class` (of this program), in S3's words.
    pub storage_class: Option<&'static str>,
}

/// `auth_method` of `type: s3`, with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum S3Access {
    /// `default`, and where neither a method nor keys are written: what the AWS SDK finds.
    Found,
    /// `basic`, and `session` with a token.
    Keys {
        /// `access_key_id`
        id: Secret,
        /// `secret_access_key`
        key: Secret,
        /// `session_token`
        token: Option<Secret>,
    },
    /// `env`
    Environment,
    /// `instance`: the container's role or the machine's.
    Machine,
    /// `profile`
    Profile {
        /// `profile_file`; none: the one that the AWS SDK finds.
        file: Option<PathBuf>,
        /// `profile_name`; none: the one that the AWS SDK finds.
        name: Option<String>,
    },
    /// `anonymous`: calls are not signed.
    Anonymous,
}

/// Options of `type: gcs`. Names are `<path_prefix><sequence><file_ext>`.
#[derive(Debug, Clone, PartialEq)]
pub struct GcsOutput {
    /// The bucket.
    pub bucket: Text,
    /// Names and content of the objects.
    pub files: FileOutput,
    /// `content_type`
    pub content_type: String,
    /// Who asks.
    pub auth: Auth,
    /// `application_name`, as Google sees it.
    pub application_name: String,
    /// `max_connection_retry`
    pub retries: u32,
}
