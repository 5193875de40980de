//! The bucket in which rows lie while they are loaded, and what S3's errors mean for a transfer.

use std::sync::Arc;

use bytes::Bytes;

use crate::cloud::s3::objects::{ObjectError, ObjectErrorKind, ObjectTraits};
use crate::cloud::s3::{S3, S3Settings};
use crate::cloud::sts::Keys;
use crate::embulk::output::{S3Stage, StagedObjects};
use crate::session::Level;
use crate::transfer::context::TransferContext;
use crate::transfer::effect::{Effect, EffectOutcome, RecordedEffect, open_effects};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::output::object::names::{Key, Names};
use crate::transfer::output::object::s3::credentials;
use crate::transfer::output::object::wait::{tidy, wait};

/// Objects that one call removes.
const AT_ONCE: usize = 1000;

fn settings(config: &S3Stage, region: Option<&String>) -> S3Settings {
    S3Settings {
        endpoint: config.endpoint.clone(),
        path_style: None,
        region: region.cloned(),
        credentials: credentials(&config.access),
    }
}

/// A bucket, as one transfer sees it.
#[derive(Clone)]
pub(super) struct Bucket {
    pub(super) s3: Arc<S3>,
    pub(super) names: Names,
    /// Where it lies, when S3 says it.
    pub(super) region: Option<String>,
    keeping: StagedObjects,
    context: TransferContext,
}

impl Bucket {
    /// A bucket in the region that the AWS SDK finds. Nothing is called yet.
    pub(super) fn new(config: &S3Stage, context: &TransferContext) -> Self {
        Self {
            s3: S3::shared(&settings(config, None), context.retrying()),
            names: Names::new("s3", &config.bucket, &config.prefix),
            region: None,
            keeping: config.keeping,
            context: context.clone(),
        }
    }

    /// The same, in the region where it lies.
    pub(super) fn located(config: &S3Stage, context: &TransferContext) -> Result<Self, TransferError> {
        let found = Self::new(config, context);
        let doing = format!("bucket `{}` could not be asked for", found.shown());
        let region = found.wait(&doing, found.s3.region_of(found.name()))?;
        let Some(region) = region else { return Ok(found) };
        Ok(Self {
            s3: S3::shared(&settings(config, Some(&region)), context.retrying()),
            region: Some(region),
            ..found
        })
    }

    /// Whether objects stay once they are loaded.
    pub(super) fn keeps(&self) -> bool {
        self.keeping == StagedObjects::Kept
    }

    pub(super) fn name(&self) -> &str {
        self.names.bucket().expose()
    }

    pub(super) fn shown(&self) -> &str {
        self.names.bucket().shown()
    }

    /// Waits for a call.
    pub(super) fn wait<T>(
        &self,
        doing: &str,
        call: impl Future<Output = Result<T, ObjectError>>,
    ) -> Result<T, TransferError> {
        wait(&self.context.cancel, call)?.map_err(|error| self.failed(doing, &error))
    }

    /// Writes an object and gives its ETag; its name is in the ledger before.
    pub(super) async fn put(
        s3: Arc<S3>,
        bucket: String,
        key: String,
        body: Bytes,
    ) -> Result<Option<String>, ObjectError> {
        s3.put_object(&bucket, &key, &ObjectTraits::default(), body).await
    }

    /// The record of an object.
    pub(super) fn effect(&self, key: &Key) -> Effect {
        Effect::StageObject { bucket: self.shown().to_owned(), object: key.shown.clone() }
    }

    /// Keys of one's own for the objects of some tries alone, by what their names begin with.
    pub(super) fn federated(&self, user: &str, keys: &[String]) -> Result<Keys, TransferError> {
        let resource = |what: &str| format!("arn:aws:s3:::{what}");
        let statement = |action: &str, what: &[String]| serde_json::json!({"Effect": "Allow", "Action": action, "Resource": what});
        let objects: Vec<String> =
            keys.iter().map(|key| resource(&format!("{}/{key}*", self.name()))).collect();
        let policy = serde_json::json!({
            "Version": "2012-10-17",
            "Statement": [statement("s3:GetObject", &objects), statement("s3:ListBucket", &[resource(self.name())])],
        });
        let doing = format!("temporary keys for `iam_user_name: {user}` could not be had");
        self.wait(&doing, self.s3.federated_keys(user, &policy.to_string()))
    }

    /// Removes what earlier tries and this one have staged, but for what stays, and records it.
    pub(super) fn remove_all(
        &self,
        recorded: &[RecordedEffect],
        stays: &dyn Fn(&Effect) -> bool,
    ) -> Result<(), TransferError> {
        let outcome = match self.keeping {
            StagedObjects::Removed => EffectOutcome::Removed,
            StagedObjects::Kept => EffectOutcome::Done,
        };
        let (mut keys, mut elsewhere) = (Vec::new(), 0);
        let left = open_effects(recorded).into_iter();
        for effect in left.filter(|effect| !stays(effect)) {
            match &effect {
                // First: what is no set any more is never taken for one, however far the rest comes.
                Effect::StageSet { .. } => self.context.ledger.settle(&effect, &outcome)?,
                Effect::StageObject { bucket, object } => match self.names.recorded(bucket, object) {
                    Some(key) => keys.push((effect.clone(), key)),
                    None => elsewhere += 1,
                },
                _ => {}
            }
        }
        if elsewhere > 0 {
            self.warn(&format!(
                "{elsewhere} objects that an earlier attempt staged are not looked for: the config names another \
                 place now"
            ));
        }
        for some in keys.chunks(AT_ONCE) {
            if !self.keeps() && !self.remove(some) {
                continue;
            }
            for (effect, _) in some {
                self.context.ledger.settle(effect, &outcome)?;
            }
        }
        Ok(())
    }

    /// Removes objects that nobody will load any more; what cannot be removed is said and stays in the ledger.
    pub(super) fn remove(&self, some: &[(Effect, Key)]) -> bool {
        let names: Vec<String> = some.iter().map(|(_, key)| key.real.clone()).collect();
        let doing = format!("staged objects in bucket `{}` could not be removed", self.shown());
        match tidy(self.s3.delete_all(self.name(), &names)) {
            Some(Ok(())) => true,
            Some(Err(error)) => {
                self.warn(&self.failed(&doing, &error).to_string());
                false
            }
            None => {
                self.warn(&format!("{doing}: S3 did not answer in time"));
                false
            }
        }
    }

    pub(super) fn warn(&self, text: &str) {
        self.context.observer.log(Level::Warn, text);
    }

    /// A call failed.
    pub(super) fn failed(&self, doing: &str, error: &ObjectError) -> TransferError {
        let bucket = self.shown();
        let (kind, hint) = match &error.kind {
            ObjectErrorKind::Unreachable => (ErrorKind::Unreachable, "check the network to S3, then retry".to_owned()),
            ObjectErrorKind::Credentials => {
                (ErrorKind::Authentication, "check `aws_auth_method` and the keys that go with it".to_owned())
            }
            ObjectErrorKind::Expired => (ErrorKind::Authentication, "renew `aws_session_token`, then retry".to_owned()),
            ObjectErrorKind::Denied => (
                ErrorKind::Permission,
                "allow `s3:PutObject` and `s3:DeleteObject` below `s3_key_prefix`, and `sts:GetFederationToken` \
                 for `iam_user_name`"
                    .to_owned(),
            ),
            ObjectErrorKind::NoBucket => {
                (ErrorKind::NotFound, format!("make bucket `{bucket}`, or correct `s3_bucket`"))
            }
            ObjectErrorKind::NoUpload | ObjectErrorKind::Changed => {
                (ErrorKind::ConnectionLost, "retry; other bytes arrived than were sent".to_owned())
            }
            ObjectErrorKind::OtherRegion(_) | ObjectErrorKind::NoRegion => {
                (ErrorKind::Config, "set `AWS_REGION` to the region of the bucket".to_owned())
            }
            ObjectErrorKind::Busy => (ErrorKind::Busy, "retry a little later".to_owned()),
            ObjectErrorKind::Refused | ObjectErrorKind::NotFound => {
                return TransferError::new(ErrorKind::Rejected, doing).cause(error.message.clone());
            }
        };
        TransferError::new(kind, doing).cause(error.message.clone()).hint(hint)
    }
}
