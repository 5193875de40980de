//! The log server in S3.

use std::sync::Arc;

use super::upload::{LogStore, ObjectKind, S3LogSettings};
use crate::cloud::aws::Aws;
use crate::cloud::fault::retry::Retrying;
use crate::cloud::s3::credentials::S3Credentials;
use crate::cloud::s3::{S3, S3Settings};

/// How often an upload is tried again: one that fails is kept, and made up for at the next start.
const RETRIES: u32 = 2;

/// A bucket that takes logs.
#[derive(Debug)]
pub struct S3LogStore {
    s3: S3,
    bucket: String,
}

impl S3LogStore {
    /// Nothing is called before the first log.
    pub fn new(aws: Arc<Aws>, settings: &S3LogSettings) -> Self {
        let s3 = S3Settings {
            endpoint: settings.endpoint.clone(),
            path_style: settings.path_style,
            credentials: settings
                .credentials
                .clone()
                .map_or(S3Credentials::Found, |(id, key)| S3Credentials::Keys { id, key, token: None }),
            ..S3Settings::default()
        };
        Self { s3: S3::new(aws, s3, Retrying::alone()).retries(RETRIES), bucket: settings.bucket.clone() }
    }
}

impl LogStore for S3LogStore {
    fn put(&self, key: &str, kind: ObjectKind, body: Vec<u8>) -> Result<(), String> {
        self.s3.put(&self.bucket, key, kind.content_type(), &body).map_err(|error| error.to_string())
    }
}
