//! Objects in S3: put, and for those who look at logs list and get; [`head`] asks for one without reading it,
//! [`objects`] has the calls of transfers, [`lend`] the keys for whoever is to read what they wrote.

pub mod credentials;
pub mod head;
pub mod lend;
pub mod objects;
pub mod put;
pub mod read;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use aws_config::Region;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;

use self::credentials::S3Credentials;
use super::aws::{Aws, failure};
use super::block_on;

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
    /// One line.
    pub message: String,
}

/// S3, called when it is first needed.
#[derive(Debug)]
pub struct S3 {
    aws: Arc<Aws>,
    settings: S3Settings,
    client: OnceLock<Client>,
}

impl S3 {
    /// Nothing is called yet.
    pub fn new(aws: Arc<Aws>, settings: S3Settings) -> Self {
        Self { aws, settings, client: OnceLock::new() }
    }

    /// The caller that all transfers of the same settings share, with its connections.
    pub fn shared(settings: &S3Settings) -> Arc<Self> {
        static AWS: OnceLock<Arc<Aws>> = OnceLock::new();
        static KNOWN: Mutex<Vec<Arc<S3>>> = Mutex::new(Vec::new());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.iter().find(|s3| s3.settings == *settings) {
            return Arc::clone(found);
        }
        let aws = Arc::clone(AWS.get_or_init(Arc::default));
        let s3 = Arc::new(Self::new(aws, settings.clone()));
        known.push(Arc::clone(&s3));
        s3
    }

    async fn client(&self) -> Result<&Client, S3Error> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let config = self.aws.config().await;
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
                return Err(S3Error { message: "no AWS region is known: set `AWS_REGION`".into() });
            }
            builder = builder.region(Region::new(ANY_REGION));
        }
        if let Some(endpoint) = endpoint {
            builder = builder.endpoint_url(endpoint);
        }
        Ok(self.client.get_or_init(|| Client::from_conf(builder.build())))
    }

    /// Writes an object. An equal key is overwritten.
    pub fn put(&self, bucket: &str, key: &str, content_type: &str, body: Vec<u8>) -> Result<(), S3Error> {
        block_on(async {
            let call = self.client().await?.put_object().bucket(bucket).key(key);
            let call = call.content_type(content_type).body(ByteStream::from(body));
            // A put is a large future.
            Box::pin(call.send()).await.map(|_| ()).map_err(|error| explain(bucket, &error))
        })
    }

    /// Reads a whole object.
    pub fn get(&self, bucket: &str, key: &str) -> Result<Vec<u8>, S3Error> {
        block_on(async {
            let call = self.client().await?.get_object().bucket(bucket).key(key);
            let answer = Box::pin(call.send()).await.map_err(|error| explain(bucket, &error))?;
            let body = answer.body.collect().await.map_err(|error| S3Error {
                message: format!("object `{key}` in bucket `{bucket}` broke off: {error}"),
            })?;
            Ok(body.to_vec())
        })
    }

    /// The keys that begin with a prefix, in their order.
    pub fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<String>, S3Error> {
        block_on(async {
            let client = self.client().await?;
            let mut pages = client.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
            let mut keys = Vec::new();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| explain(bucket, &error))?;
                keys.extend(page.contents.into_iter().flatten().filter_map(|object| object.key));
            }
            Ok(keys)
        })
    }
}

fn explain<E>(bucket: &str, error: &SdkError<E, HttpResponse>) -> S3Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    S3Error { message: format!("bucket `{bucket}`: {}", failure(SERVICE, error).message) }
}
