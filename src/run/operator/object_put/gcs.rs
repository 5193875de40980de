//! `gcs_put>`: writes an object to Cloud Storage.

use super::super::object_address::{address, no_bucket};
use super::super::options::Options;
use super::super::{Operator, OperatorError, OperatorOutput, OperatorRequest, Turn, google};
use super::{Content, told};
use crate::cloud::google::Endpoints;
use crate::cloud::google::error::GoogleError;
use crate::cloud::google::storage::{Storage, verify};

/// How often a call is tried again.
const RETRIES: u32 = 5;

/// `gcs_put>`.
#[derive(Debug)]
pub(in super::super) struct GcsPut {
    endpoints: Endpoints,
}

impl Default for GcsPut {
    fn default() -> Self {
        Self { endpoints: Endpoints::from_environment() }
    }
}

impl GcsPut {
    /// Writes there.
    #[cfg(test)]
    pub(in super::super) fn new(endpoints: Endpoints) -> Self {
        Self { endpoints }
    }
}

impl Operator for GcsPut {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        let options = Options::new(request, "gcs");
        let (bucket, object) = address(request, "gs://", "object", |key| options.get(key))?;
        let content = Content::read(request, |key| options.get(key))?;
        let storage = Storage::new(google::open(request, self.endpoints.clone(), RETRIES)?.0);
        let cancel = request.cancel.clone();
        let upload = storage.replace(&bucket, &object, &content.content_type);
        let mut upload = upload.until(Box::new(move || cancel.is_canceled()));
        let sent = upload.write(&content.bytes).and_then(|()| upload.finish());
        let sent = sent.and_then(|uploaded| verify(&uploaded));
        if request.cancel.is_canceled() {
            return Err(OperatorError::canceled());
        }
        sent.map_err(|error| refused(&bucket, &object, &error))?;
        told(request, &format!("{bucket}/{object}"), content.bytes.len());
        Ok(OperatorOutput::default().into())
    }
}

fn refused(bucket: &str, object: &str, error: &GoogleError) -> OperatorError {
    let message = format!("object `{bucket}/{object}` could not be written");
    match error.status {
        Some(404) => no_bucket(bucket),
        Some(403) => OperatorError::failed(message)
            .cause(error)
            .hint("allow `storage.objects.create` and `storage.objects.delete` on the bucket: an object is replaced"),
        _ if error.fault.passes() => {
            OperatorError::unreachable(message).cause(error).hint("check the network, then retry")
        }
        _ => OperatorError::failed(message)
            .cause(error)
            .hint("check secret `gcp.credential`, or what `GOOGLE_APPLICATION_CREDENTIALS` names"),
    }
}
