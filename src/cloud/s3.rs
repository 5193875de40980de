//! Objects in S3: put, and for those who look at logs list and get; [`head`] asks for one without reading it,
//! [`objects`] has the calls of transfers, [`lend`] the keys for whoever is to read what they wrote.

pub mod credentials;
pub mod head;
pub mod lend;
pub mod objects;
pub mod put;
pub mod read;

use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use aws_config::Region;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Error;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::Object;

use self::credentials::S3Credentials;
use self::objects::ObjectErrorKind;
use super::aws::{Aws, Calling, Final, RETRIES, call};
use super::block_on;
use super::fault::retry::Retrying;

const SERVICE: &str = "S3";

/// Signs calls where an endpoint of one's own needs no region.
const ANY_REGION: &str = "us-east-1";

/// What differs from what the AWS SDK finds by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct S3Settings {
    /// A server other than AWS's, with or without scheme.
    pub endpoint: Option<String>,
    /// The bucket in the path and not in the host name. Unsaid: whenever an endpoint of one's own is in use.
    pub path_style: Option<bool>,
    /// Instead of the region that the AWS SDK finds.
    pub region: Option<String>,
    /// Who asks.
    pub credentials: S3Credentials,
}

/// Why S3 did not do it, in words without contents.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct S3Error {
    /// What it means.
    pub kind: ObjectErrorKind,
    /// One line.
    pub message: String,
}

/// S3, called when it is first needed. What is tried again is paid by, and told to, the one who asked for it.
#[derive(Debug, Clone)]
pub struct S3 {
    core: Arc<Core>,
    retrying: Retrying,
    /// How often a call is tried again.
    retries: u32,
}

/// What callers of the same settings share.
#[derive(Debug)]
struct Core {
    aws: Arc<Aws>,
    settings: S3Settings,
    /// Made with the first call, and anew when its credentials have expired.
    client: Mutex<Option<Client>>,
}

impl S3 {
    /// Nothing is called yet.
    pub fn new(aws: Arc<Aws>, settings: S3Settings, retrying: Retrying) -> Self {
        Self { core: Arc::new(Core { aws, settings, client: Mutex::default() }), retrying, retries: RETRIES }
    }

    /// The caller that all transfers of the same settings share, with its connections.
    pub fn shared(settings: &S3Settings, retrying: Retrying) -> Arc<Self> {
        static AWS: OnceLock<Arc<Aws>> = OnceLock::new();
        static KNOWN: Mutex<Vec<Arc<Core>>> = Mutex::new(Vec::new());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(core) = known.iter().find(|core| core.settings == *settings) {
            return Arc::new(Self { core: Arc::clone(core), retrying, retries: RETRIES });
        }
        let s3 = Self::new(Arc::clone(AWS.get_or_init(Arc::default)), settings.clone(), retrying);
        known.push(Arc::clone(&s3.core));
        Arc::new(s3)
    }

    /// The same, with another number of retries.
    #[must_use]
    pub fn retries(self, retries: u32) -> Self {
        Self { retries, ..self }
    }

    /// Makes a call until it succeeds, cannot succeed, or was tried often enough.
    async fn call<T, E, F>(&self, once: impl Fn(&Client) -> F) -> Result<Result<T, Final<E>>, S3Error>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        // Whatever can be wrong before a call is wrong now.
        self.core.client().await?;
        let renew = || self.core.forget();
        let renew = self.core.settings.credentials.may_change().then_some(&renew as &(dyn Fn() + Sync));
        let once = &once;
        let ask = || async move {
            let client = self.core.client().await.map_err(SdkError::construction_failure)?;
            once(&client).await
        };
        Ok(call(Calling { what: SERVICE, retrying: &self.retrying, retries: self.retries, renew }, ask).await)
    }
}

impl Core {
    fn held(&self) -> MutexGuard<'_, Option<Client>> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next call finds its credentials anew.
    fn forget(&self) {
        self.aws.forget();
        *self.held() = None;
    }

    async fn client(&self) -> Result<Client, S3Error> {
        if let Some(client) = self.held().clone() {
            return Ok(client);
        }
        let config = &self.aws.config().await;
        let mut builder = self.settings.credentials.builder(config);
        let endpoint = self.settings.endpoint.as_ref().map(|endpoint| {
            if endpoint.contains("://") { endpoint.clone() } else { format!("https://{endpoint}") }
        });
        // The SDK reads these two by itself; here they only decide about the path style.
        let elsewhere = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
        let has_endpoint = endpoint.is_some() || elsewhere || config.endpoint_url().is_some();
        builder = builder.force_path_style(self.settings.path_style.unwrap_or(has_endpoint));
        if let Some(region) = &self.settings.region {
            builder = builder.region(Region::new(region.clone()));
        } else if config.region().is_none() {
            if !has_endpoint {
                let message = "no AWS region is known: set `AWS_REGION`".to_owned();
                return Err(S3Error { kind: ObjectErrorKind::NoRegion, message });
            }
            builder = builder.region(Region::new(ANY_REGION));
        }
        if let Some(endpoint) = endpoint {
            builder = builder.endpoint_url(endpoint);
        }
        Ok(self.held().get_or_insert(Client::from_conf(builder.build())).clone())
    }
}

impl S3 {
    /// Writes an object. An equal key is overwritten.
    pub fn put(&self, bucket: &str, key: &str, content_type: &str, body: &[u8]) -> Result<(), S3Error> {
        let put = |client: &Client| {
            let call = client.put_object().bucket(bucket).key(key).content_type(content_type);
            // A put is a large future.
            Box::pin(call.body(ByteStream::from(body.to_vec())).send())
        };
        block_on(self.call(put))?.map(drop).map_err(|error| explain(bucket, &error))
    }

    /// Reads a whole object.
    pub fn get(&self, bucket: &str, key: &str) -> Result<Vec<u8>, S3Error> {
        let get = |client: &Client| Box::pin(client.get_object().bucket(bucket).key(key).send());
        block_on(async {
            let answer = self.call(get).await?.map_err(|error| explain(bucket, &error))?;
            let body = answer.body.collect().await.map_err(|error| S3Error {
                kind: ObjectErrorKind::Unreachable,
                message: format!("object `{key}` in bucket `{bucket}` broke off: {error}"),
            })?;
            Ok(body.to_vec())
        })
    }

    /// The keys that begin with a prefix, in their order.
    pub fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<String>, S3Error> {
        let mut keys = Vec::new();
        let take = |object: Object| {
            keys.extend(object.key);
            true
        };
        block_on(self.each(bucket, prefix, None, take))?.map_err(|error| explain(bucket, &error))?;
        Ok(keys)
    }

    /// Goes through the objects whose keys begin so and come after another, in the order of keys, as long as `take`
    /// wants more.
    async fn each(
        &self,
        bucket: &str,
        prefix: &str,
        after: Option<&str>,
        mut take: impl FnMut(Object) -> bool,
    ) -> Result<Result<(), Final<ListObjectsV2Error>>, S3Error> {
        let mut next = None;
        loop {
            let page = self.call(|client| {
                let call = client.list_objects_v2().bucket(bucket).prefix(prefix);
                let call = call.set_start_after(after.map(str::to_owned));
                Box::pin(call.set_continuation_token(next.clone()).send())
            });
            let page = match page.await? {
                Ok(page) => page,
                Err(error) => return Ok(Err(error)),
            };
            for object in page.contents.into_iter().flatten() {
                if !take(object) {
                    return Ok(Ok(()));
                }
            }
            next = page.next_continuation_token;
            if next.is_none() {
                return Ok(Ok(()));
            }
        }
    }
}

fn explain<E>(bucket: &str, error: &Final<E>) -> S3Error
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let objects::ObjectError { kind, message } = objects::explain(error);
    S3Error { kind, message: format!("bucket `{bucket}`: {message}") }
}
