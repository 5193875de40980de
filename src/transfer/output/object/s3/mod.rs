//! S3: uploads in parts, completed when the transfer commits.
//!
//! The id of an upload is recorded as soon as S3 has given it, and before that the intent to begin one: what a killed
//! run leaves are parts that nobody sees and that S3 keeps, and charges for, until somebody removes them.

mod failure;
pub(in crate::transfer::output) mod under_way;
mod upload;

use std::sync::Arc;

use self::failure::{Deed, failed};
use self::upload::S3Upload;
use super::names::{Key, Names};
use super::wait::{tidy, wait};
use super::{ObjectStore, ObjectUpload};
use crate::cloud::s3::credentials::S3Credentials;
use crate::cloud::s3::head::ObjectQuery;
use crate::cloud::s3::objects::{ObjectError, ObjectTraits};
use crate::cloud::s3::{S3, S3Settings};
use crate::embulk::output::{S3Access, S3Output};
use crate::session::Level;
use crate::transfer::context::TransferContext;
use crate::transfer::effect::{Effect, EffectOutcome, open_effects};
use crate::transfer::error::{ErrorKind, TransferError};

pub(super) use upload::MEMORY_BYTES;

/// A bucket, as one transfer sees it.
pub(super) struct S3Store(Arc<Service>);

/// What the store and its uploads share.
struct Service {
    s3: Arc<S3>,
    names: Names,
    traits: ObjectTraits,
    context: TransferContext,
}

impl S3Store {
    /// Nothing is called yet.
    pub(super) fn new(config: &S3Output, names: &Names, context: &TransferContext) -> Self {
        let settings = S3Settings {
            endpoint: config.endpoint.clone(),
            path_style: None,
            region: config.region.clone(),
            credentials: credentials(&config.access),
        };
        let traits = ObjectTraits {
            acl: config.canned_acl,
            encryption: config.encryption,
            kms_key: config.kms_key.clone(),
            storage_class: config.storage_class,
        };
        let (s3, names, context) =
            (S3::shared(&settings, context.retrying()), names.clone(), context.clone());
        Self(Arc::new(Service { s3, names, traits, context }))
    }
}

pub(in crate::transfer) fn credentials(access: &S3Access) -> S3Credentials {
    match access.clone() {
        S3Access::Found => S3Credentials::Found,
        S3Access::Keys { id, key, token } => S3Credentials::Keys { id, key, token },
        S3Access::Environment => S3Credentials::Environment,
        S3Access::Machine => S3Credentials::Machine,
        S3Access::Profile { file, name } => S3Credentials::Profile { file, name },
        S3Access::Anonymous => S3Credentials::Anonymous,
    }
}

impl Service {
    fn bucket(&self) -> &str {
        self.names.bucket().expose()
    }

    /// The record of parts, whose upload has an id when S3 has given it.
    fn parts(&self, key: &Key, upload: Option<&str>) -> Effect {
        Effect::UploadParts {
            bucket: self.names.bucket().shown().to_owned(),
            object: key.shown.clone(),
            upload: upload.map(str::to_owned),
        }
    }

    fn failed(&self, deed: Deed<'_>, error: &ObjectError) -> TransferError {
        failed(deed, &self.names, error)
    }

    /// Removes the parts of an upload, and records it.
    fn remove(&self, key: &Key, upload: Option<&str>) -> Result<(), TransferError> {
        let removed = tidy(async {
            let ids = match upload {
                Some(id) => vec![id.to_owned()],
                // Nobody knows whether it was begun: what is open under the very key is taken for it.
                None => self.s3.open_uploads(self.bucket(), &key.real).await?,
            };
            for id in ids {
                self.s3.abort_parts(self.bucket(), &key.real, &id).await?;
            }
            Ok(())
        });
        match removed {
            None => {
                return Err(TransferError::new(ErrorKind::Timeout, Deed::Removing(key).words(&self.names)));
            }
            Some(Err(error)) => return Err(self.failed(Deed::Removing(key), &error)),
            Some(Ok(())) => {}
        }
        Ok(self.context.ledger.settle(&self.parts(key, upload), &EffectOutcome::Removed)?)
    }

    fn warn(&self, error: &TransferError) {
        self.context.observer.log(Level::Warn, &error.to_string());
    }

    /// Whether the object is there with so many bytes and parts: an answer to its completion may have been lost.
    fn is_complete(&self, key: &Key, bytes: u64, parts: usize) -> bool {
        let query = ObjectQuery {
            bucket: self.bucket().to_owned(),
            key: key.real.clone(),
            version_id: None,
            customer_key: None,
        };
        let Ok(Ok(Some(head))) = wait(&self.context.cancel, self.s3.head(&query)) else { return false };
        let tag = head.metadata.get("ETag").and_then(|tag| tag.as_str()).unwrap_or_default();
        head.metadata.get("Content-Length").and_then(serde_json::Value::as_u64) == Some(bytes)
            && tag.ends_with(&format!("-{parts}"))
    }
}

impl ObjectStore for S3Store {
    fn open(&self, key: &Key) -> Box<dyn ObjectUpload> {
        Box::new(S3Upload::new(&self.0, key))
    }

    fn keys(&self, wanted: &(dyn Fn(&str) -> bool + Sync)) -> Result<Vec<String>, TransferError> {
        let service = &self.0;
        let call = service.s3.keys(service.bucket(), service.names.prefix(), wanted);
        wait(&service.context.cancel, call)?.map_err(|error| service.failed(Deed::Listing, &error))
    }

    fn delete(&self, key: &Key) -> Result<(), TransferError> {
        let service = &self.0;
        let call = service.s3.delete(service.bucket(), &key.real);
        wait(&service.context.cancel, call)?.map_err(|error| service.failed(Deed::Deleting(key), &error))
    }

    fn recover(&self) -> Result<(), TransferError> {
        let service = &self.0;
        for effect in open_effects(&service.context.ledger.recorded()?) {
            let Effect::UploadParts { bucket, object, upload } = &effect else { continue };
            let Some(key) = service.names.recorded(bucket, object) else {
                let text = format!(
                    "parts of `s3://{bucket}/{object}` that an earlier attempt left are not looked for: the config \
                     names another place now"
                );
                service.context.observer.log(Level::Warn, &text);
                continue;
            };
            match service.remove(&key, upload.as_deref()) {
                // Who may not remove them must not be kept from writing anew.
                Err(error) if matches!(error.kind, ErrorKind::Permission | ErrorKind::NotFound) => {
                    service.warn(&error);
                }
                removed => removed?,
            }
        }
        Ok(())
    }
}
