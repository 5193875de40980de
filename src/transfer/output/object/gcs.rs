//! Cloud Storage: resumable uploads, finished when the transfer commits.
//!
//! An upload that is not finished is no object, costs nothing, and is forgotten by the service within a week: of what
//! a killed run left there is nothing to remove.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::names::{Key, Names};
use super::wait::{tidy, wait};
use super::{ObjectStore, ObjectUpload, Rest};
use crate::cloud::google::Endpoints;
use crate::cloud::google::error::GoogleError;
use crate::cloud::google::http::{Google, Manners};
use crate::cloud::google::storage::{self, Storage};
use crate::cloud::google::upload::{CHUNK, CHUNKS_HELD, Upload, Uploaded};
use crate::embulk::output::GcsOutput;
use crate::embulk::text::Text;
use crate::secret::Secret;
use crate::session::Level;
use crate::transfer::context::TransferContext;
use crate::transfer::effect::{Effect, EffectOutcome};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::output::bigquery::failure::call_failed;
use crate::transfer::output::bigquery::service::account;

/// Bytes that an upload holds at most.
pub(super) const MEMORY_BYTES: usize = CHUNK * CHUNKS_HELD;

/// Bytes that the ends of several objects may take until all rows are sent: some 500 objects on average.
pub(super) const ENDS_BYTES: usize = 64 << 20;

/// Until a connection stands, and without a byte of an answer.
const PATIENCE: Duration = Duration::from_secs(300);

/// A bucket, as one transfer sees it.
pub(super) struct GcsStore(Arc<Service>);

struct Service {
    storage: Storage,
    names: Names,
    content_type: String,
    context: TransferContext,
    ends: Ends,
}

/// Bytes of the ends of objects that others follow: they wait in memory.
#[derive(Default)]
struct Ends(AtomicUsize);

impl Ends {
    /// Counts the end of one more object, whose address is asked for when it is too much.
    fn keep(&self, bytes: usize, address: impl Fn() -> String) -> Result<(), TransferError> {
        if self.0.fetch_add(bytes, Ordering::Relaxed) + bytes <= ENDS_BYTES {
            return Ok(());
        }
        let (most, address) = (ENDS_BYTES >> 20, address());
        let message =
            format!("the ends of all objects up to `{address}` take more than {most} MiB of memory");
        let hint = "raise `max_file_bytes`: fewer objects have fewer ends";
        Err(TransferError::new(ErrorKind::Config, message).hint(hint))
    }
}

/// Embulk's plugin takes dots and slashes off the beginning of a name.
pub(super) fn clean_prefix(prefix: &Text) -> Text {
    let clean = |text: &str| text.trim_start_matches('.').trim_start_matches('/').to_owned();
    match prefix {
        Text::Plain(text) => Text::Plain(clean(text)),
        Text::Secret(secret) => Text::Secret(Secret::new(clean(secret.expose()))),
    }
}

impl GcsStore {
    /// Checks the key; nothing is called yet.
    pub(super) fn new(
        config: &GcsOutput,
        names: &Names,
        context: &TransferContext,
    ) -> Result<Self, TransferError> {
        let manners = Manners {
            retries: config.retries,
            open_timeout: PATIENCE,
            read_timeout: PATIENCE,
            application_name: config.application_name.clone(),
        };
        let google = Google::shared(
            account(&config.auth),
            Endpoints::from_environment(),
            &manners,
            context.retrying(),
        )
        .map_err(|error| call_failed("Cloud Storage cannot be called", &error))?;
        Ok(Self(Arc::new(Service {
            storage: Storage::new(google),
            names: names.clone(),
            content_type: config.content_type.clone(),
            context: context.clone(),
            ends: Ends::default(),
        })))
    }
}

impl Service {
    fn failed(&self, what: String, permission: &str, error: &GoogleError) -> TransferError {
        if self.context.cancel.is_canceled() {
            return TransferError::canceled();
        }
        let failed = call_failed(what, error);
        let bucket = self.names.bucket().shown();
        match failed.kind {
            ErrorKind::NotFound => failed.hint(format!("make bucket `{bucket}`, or correct `bucket`")),
            ErrorKind::Permission => failed.hint(permission),
            ErrorKind::Authentication => failed.hint("check `auth_method` and `json_keyfile`"),
            _ => failed,
        }
    }

    fn unwritten(&self, key: &Key, error: &GoogleError) -> TransferError {
        let what = format!("object `{}` could not be written", self.names.address(key));
        let permission = "grant `storage.objects.create`, and `storage.objects.delete` to overwrite";
        self.failed(what, permission, error)
    }

    /// Nobody is to read an object that is not what was sent.
    fn withdraw(&self, key: &Key, uploaded: &Uploaded) {
        let call = self.storage.withdraw(self.names.bucket().expose(), &key.real, uploaded);
        let why = match tidy(call) {
            Some(Ok(())) => return,
            Some(Err(error)) => error.to_string(),
            None => "no answer came".to_owned(),
        };
        let address = self.names.address(key);
        let text = format!("`{address}` is not what was sent, and could not be removed: {why}");
        self.context.observer.log(Level::Warn, &text);
    }
}

impl ObjectStore for GcsStore {
    fn open(&self, key: &Key) -> Box<dyn ObjectUpload> {
        let service = &self.0;
        let (bucket, cancel) = (service.names.bucket().expose(), service.context.cancel.clone());
        let upload = service.storage.replace(bucket, &key.real, &service.content_type);
        let upload = upload.until(Box::new(move || cancel.is_canceled()));
        Box::new(GcsUpload { service: Arc::clone(service), key: key.clone(), upload: Some(upload) })
    }

    fn keys(&self, wanted: &(dyn Fn(&str) -> bool + Sync)) -> Result<Vec<String>, TransferError> {
        let service = &self.0;
        let bucket = service.names.bucket();
        let call = service.storage.names(bucket.expose(), service.names.prefix(), wanted);
        wait(&service.context.cancel, call)?.map_err(|error| {
            let what = format!("bucket `{}` could not be listed", bucket.shown());
            service.failed(what, "grant `storage.objects.list`, or set `stale_objects: keep`", &error)
        })
    }

    fn delete(&self, key: &Key) -> Result<(), TransferError> {
        let service = &self.0;
        let call = service.storage.delete(service.names.bucket().expose(), &key.real);
        wait(&service.context.cancel, call)?.map_err(|error| {
            let what = format!("stale object `{}` could not be deleted", service.names.address(key));
            let permission = "grant `storage.objects.delete`, or remove it and set `stale_objects: error`";
            service.failed(what, permission, &error)
        })
    }

    fn recover(&self) -> Result<(), TransferError> {
        Ok(())
    }
}

/// An object under way.
struct GcsUpload {
    service: Arc<Service>,
    key: Key,
    upload: Option<Upload>,
}

impl ObjectUpload for GcsUpload {
    fn write(&mut self, bytes: &[u8]) -> Result<(), TransferError> {
        let Some(upload) = &mut self.upload else { return Err(super::not_begun()) };
        upload.write(bytes).map_err(|error| self.service.unwritten(&self.key, &error))
    }

    /// The last request makes an object visible, so the end that goes with it waits.
    fn seal(&mut self, rest: Rest) -> Result<(), TransferError> {
        if rest == Rest::Kept {
            return Ok(());
        }
        let Some(upload) = &mut self.upload else { return Err(super::not_begun()) };
        let end = upload.seal().map_err(|error| self.service.unwritten(&self.key, &error))?;
        self.service.ends.keep(end, || self.service.names.address(&self.key))
    }

    fn publish(&mut self) -> Result<(), TransferError> {
        let Some(upload) = self.upload.take() else { return Err(super::not_begun()) };
        let ledger = &self.service.context.ledger;
        let object = Effect::WriteObject {
            bucket: self.service.names.bucket().shown().to_owned(),
            object: self.key.shown.clone(),
        };
        ledger.intend(&object)?;
        let uploaded = upload.finish().map_err(|error| self.service.unwritten(&self.key, &error))?;
        if let Err(error) = storage::verify(&uploaded) {
            self.service.withdraw(&self.key, &uploaded);
            let unwritten = self.service.unwritten(&self.key, &error);
            return Err(unwritten.hint("retry: the object was removed, and all rows are sent again"));
        }
        Ok(ledger.settle(&object, &EffectOutcome::Done)?)
    }

    fn cancel(&mut self) {
        if let Some(upload) = self.upload.take() {
            upload.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_begin_with_neither_dots_nor_slashes() {
        for (prefix, clean) in [("./a/b", "a/b"), ("/a", "a"), ("..//a.b", "a.b"), ("a", "a")] {
            assert_eq!(clean_prefix(&Text::plain(prefix)), Text::plain(clean));
        }
    }

    #[test]
    fn ends_of_objects_have_a_limit() {
        let ends = Ends::default();
        let address = || "gs://b/o.000.256.csv".to_owned();
        assert!((0..256).all(|_| ends.keep(256 << 10, address).is_ok()));
        let error = ends.keep(1, address).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the ends of all objects up to `gs://b/o.000.256.csv` take more than 64 MiB of memory"
        );
        assert_eq!(error.remedy(), Some("raise `max_file_bytes`: fewer objects have fewer ends"));
    }
}
