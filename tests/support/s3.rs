//! What lies in the S3 bucket of the tests.

use std::collections::BTreeMap;
use std::io::Read;

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};

use super::servers::Aws;

/// All objects whose key begins so, with their bytes.
pub fn objects(aws: &Aws, prefix: &str) -> BTreeMap<String, Vec<u8>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(fetch(aws, prefix))
}

/// The text of a gzipped object.
pub fn gunzip(bytes: &[u8]) -> String {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(bytes).read_to_string(&mut text).expect("gzipped text");
    text
}

async fn fetch(aws: &Aws, prefix: &str) -> BTreeMap<String, Vec<u8>> {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(&aws.endpoint)
        .region(Region::new(aws.region.clone()))
        .credentials_provider(Credentials::new(
            &aws.access_key_id,
            &aws.secret_access_key,
            None,
            None,
            "test",
        ))
        .force_path_style(true)
        .build();
    let client = aws_sdk_s3::Client::from_conf(config);
    let mut pages = client.list_objects_v2().bucket(&aws.bucket).prefix(prefix).into_paginator().send();
    let mut objects = BTreeMap::new();
    while let Some(page) = pages.next().await {
        for object in page.expect("the bucket can be listed").contents() {
            let key = object.key().expect("an object has a key").to_owned();
            let body =
                client.get_object().bucket(&aws.bucket).key(&key).send().await.expect("it is there").body;
            objects.insert(key, body.collect().await.expect("it can be read").to_vec());
        }
    }
    objects
}
