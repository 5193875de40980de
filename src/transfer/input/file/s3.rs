//! `type: s3`: objects of a bucket, in the order of their keys.

use std::io::{self, Read};
use std::sync::Arc;

use super::decode::SourceFault;
use super::{Files, Watched};
use crate::cloud::s3::objects::ObjectErrorKind;
use crate::cloud::s3::read::{ListedObject, ObjectReader};
use crate::cloud::s3::{S3, S3Error, S3Settings};
use crate::embulk::input::{Archived, KeepsPlace, S3Input, S3Objects};
use crate::transfer::context::{Cancel, Observer, TransferContext};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::output::object::{EXPIRED_TOKEN, credentials};

/// Objects of a bucket.
pub(super) struct BucketFiles {
    s3: Arc<S3>,
    bucket: String,
    keys: Vec<String>,
    next: Option<String>,
    /// Bytes of all of them, where they were listed.
    bytes: Option<u64>,
    cancel: Cancel,
    observer: Arc<dyn Observer>,
}

/// Finds the objects.
pub(super) fn list(config: &S3Input, context: &TransferContext) -> Result<BucketFiles, TransferError> {
    let s3 = S3::shared(
        &S3Settings {
            endpoint: config.endpoint.clone(),
            region: config.region.clone(),
            credentials: credentials(&config.access),
            ..S3Settings::default()
        },
        context.retrying(),
    );
    let bucket = config.bucket.expose().to_owned();
    let (keys, bytes) = match &config.objects {
        S3Objects::One(path) => (vec![path.expose().to_owned()], None),
        S3Objects::Prefix { .. } => {
            let (keys, bytes) = found(&s3, &bucket, &config.objects)?;
            (keys, Some(bytes))
        }
    };
    let next = match (&config.objects, config.keeps_place) {
        (S3Objects::Prefix { last_path, .. }, KeepsPlace::Yes) => keys.last().or(last_path.as_ref()).cloned(),
        _ => None,
    };
    Ok(BucketFiles {
        s3,
        bucket,
        keys,
        next,
        bytes,
        cancel: context.cancel.clone(),
        observer: Arc::clone(&context.observer),
    })
}

/// The keys, and the bytes of all of them.
fn found(s3: &S3, bucket: &str, objects: &S3Objects) -> Result<(Vec<String>, u64), TransferError> {
    let S3Objects::Prefix { prefix, last_path, pattern, limit, archived } = objects else {
        return Ok((Vec::new(), 0));
    };
    let pattern = pattern.as_deref().map(regex::Regex::new).transpose().map_err(|error| {
        TransferError::new(ErrorKind::Config, "`path_match_pattern` is not a regular expression")
            .caused_by(&error)
    })?;
    let (mut keys, mut bytes) = (Vec::new(), 0u64);
    let mut frozen = None;
    let take = |object: ListedObject| {
        // Empty objects are how consoles show folders.
        let wanted = object.size > 0 && pattern.as_ref().is_none_or(|pattern| pattern.is_match(&object.key));
        match (wanted, object.is_archived, archived) {
            (false, ..) | (true, true, Archived::Skip) => {}
            (true, true, Archived::Refuse) => frozen = Some(object.key),
            (true, false, _) => {
                bytes = bytes.saturating_add(object.size);
                keys.push(object.key);
            }
        }
        frozen.is_none() && limit.is_none_or(|limit| (keys.len() as u64) < limit)
    };
    s3.list_after(bucket, prefix.expose(), last_path.as_deref(), take).map_err(|error| failed(&error))?;
    if let Some(key) = frozen {
        let message = format!("object `{key}` lies in an archive");
        return Err(TransferError::new(ErrorKind::Storage, message)
            .hint("bring it back first, or pass such objects over with `skip_glacier_objects: true`"));
    }
    if keys.is_empty() && last_path.is_none() {
        let message = format!("bucket `{bucket}` has no object whose key begins with `{}`", prefix.shown());
        return Err(TransferError::new(ErrorKind::NotFound, message)
            .hint("check `path_prefix` and `path_match_pattern`; empty objects do not count"));
    }
    Ok((keys, bytes))
}

fn failed(error: &S3Error) -> TransferError {
    let kind = match error.kind {
        ObjectErrorKind::Unreachable => ErrorKind::Unreachable,
        ObjectErrorKind::Credentials | ObjectErrorKind::Expired => ErrorKind::Authentication,
        ObjectErrorKind::Denied => ErrorKind::Permission,
        ObjectErrorKind::NoBucket | ObjectErrorKind::NotFound => ErrorKind::NotFound,
        ObjectErrorKind::NoRegion | ObjectErrorKind::OtherRegion(_) => ErrorKind::Config,
        ObjectErrorKind::Busy => ErrorKind::Busy,
        ObjectErrorKind::Changed | ObjectErrorKind::NoUpload => ErrorKind::ConnectionLost,
        ObjectErrorKind::Refused => ErrorKind::Rejected,
    };
    let failed = TransferError::new(kind, &error.message);
    if error.kind == ObjectErrorKind::Expired { failed.hint(EXPIRED_TOKEN) } else { failed }
}

impl Files for BucketFiles {
    fn names(&self) -> &[String] {
        &self.keys
    }

    fn last_path(&self) -> Option<&str> {
        self.next.as_deref()
    }

    fn bytes(&self) -> Option<u64> {
        self.bytes
    }

    fn open(&self, at: usize) -> Result<Box<dyn Read + Send>, TransferError> {
        let key = &self.keys[at];
        let object = ObjectReader::open(Arc::clone(&self.s3), &self.bucket, key)
            .map_err(|error| failed(&error).context(format!("object `{key}` could not be read")))?;
        Ok(Box::new(Watched {
            source: Stream(object),
            cancel: self.cancel.clone(),
            observer: Arc::clone(&self.observer),
        }))
    }
}

struct Stream(ObjectReader);

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| {
            let said = error.get_ref().and_then(|inner| inner.downcast_ref::<S3Error>());
            let lost = || TransferError::new(ErrorKind::ConnectionLost, error.to_string());
            SourceFault(said.map_or_else(lost, failed)).into()
        })
    }
}
