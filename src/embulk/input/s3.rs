//! Options of `type: s3`.

use crate::embulk::input::FileContent;
use crate::embulk::output::S3Access;
use crate::embulk::text::Text;

/// Options of `type: s3`.
#[derive(Debug, Clone, PartialEq)]
pub struct S3Input {
    /// The bucket.
    pub bucket: Text,
    /// Which objects of it.
    pub objects: S3Objects,
    /// A server other than AWS's.
    pub endpoint: Option<String>,
    /// The region, when it is not the one that the AWS SDK finds.
    pub region: Option<String>,
    /// Who asks.
    pub access: S3Access,
    /// What a config diff remembers.
    pub keeps_place: KeepsPlace,
    /// What the objects hold.
    pub content: FileContent,
}

/// Which objects of a bucket are read.
#[derive(Debug, Clone, PartialEq)]
pub enum S3Objects {
    /// `path`: this one.
    One(Text),
    /// `path_prefix`: those whose keys begin so and that are not empty.
    Prefix {
        /// Start of the keys.
        prefix: Text,
        /// Keys up to this one, in their order, are left out.
        last_path: Option<String>,
        /// A regular expression that must be found in the key.
        pattern: Option<String>,
        /// At most so many objects, in the order of keys.
        limit: Option<u64>,
        /// Objects that must be brought back from an archive before they can be read.
        archived: Archived,
    },
}

/// `skip_glacier_objects`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Archived {
    /// They are an error.
    Refuse,
    /// They are passed over.
    Skip,
}

/// `incremental`: whether a config diff remembers the last key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepsPlace {
    /// It does.
    Yes,
    /// It does not.
    No,
}
