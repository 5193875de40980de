//! What lies in the S3 bucket of the tests.

use std::collections::BTreeMap;
use std::io::Read;

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, VersioningConfiguration,
};

use super::servers::{Aws, fresh_name};

/// All objects whose key begins so, with their bytes.
pub fn objects(aws: &Aws, prefix: &str) -> BTreeMap<String, Vec<u8>> {
    run(fetch(aws, prefix))
}

/// The text of a gzipped object.
pub fn gunzip(bytes: &[u8]) -> String {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(bytes).read_to_string(&mut text).expect("gzipped text");
    text
}

/// Writes an object, with what its writer says of it.
pub fn put(aws: &Aws, bucket: &str, key: &str, metadata: &[(&str, &str)]) {
    run(async {
        let mut call = client(aws).put_object().bucket(bucket).key(key).content_type("text/plain");
        for (name, value) in metadata {
            call = call.metadata(*name, *value);
        }
        call.body(b"hello".to_vec().into()).send().await.expect("it can be written");
    });
}

/// What kind of thing an object says that it is.
pub fn content_type(aws: &Aws, key: &str) -> Option<String> {
    run(async {
        let head = client(aws).head_object().bucket(&aws.bucket).key(key).send().await;
        head.expect("it is there").content_type().map(str::to_owned)
    })
}

/// Removes an object.
pub fn delete(aws: &Aws, key: &str) {
    run(async {
        client(aws).delete_object().bucket(&aws.bucket).key(key).send().await.expect("it can be removed");
    });
}

/// Begins an upload of parts with one part, and leaves it there.
pub fn begin_upload(aws: &Aws, key: &str) -> String {
    run(async {
        let client = client(aws);
        let begun = client.create_multipart_upload().bucket(&aws.bucket).key(key).send().await;
        let id = begun.expect("an upload can be begun").upload_id.expect("it has an id");
        let part = client.upload_part().bucket(&aws.bucket).key(key).upload_id(&id).part_number(1);
        part.body(b"left behind".to_vec().into()).send().await.expect("a part can be sent");
        id
    })
}

/// The keys of the uploads of parts that nobody has completed or aborted.
pub fn uploads(aws: &Aws, prefix: &str) -> Vec<String> {
    run(async {
        let listed = client(aws).list_multipart_uploads().bucket(&aws.bucket).prefix(prefix).send().await;
        let listed = listed.expect("uploads can be listed");
        listed.uploads().iter().map(|upload| upload.key().expect("it has a key").to_owned()).collect()
    })
}

/// What S3 says of an object: entity tag, encryption and its key, storage class, and who else may read it.
pub fn traits(aws: &Aws, key: &str) -> [Option<String>; 5] {
    run(async {
        let client = client(aws);
        let head = client.head_object().bucket(&aws.bucket).key(key).send().await.expect("it is there");
        let acl = client.get_object_acl().bucket(&aws.bucket).key(key).send().await;
        // The stand-in fails where an object of parts was given none.
        let grants = acl.map(|acl| acl.grants.unwrap_or_default()).unwrap_or_default();
        let mut everybody = grants.iter().filter_map(|grant| {
            let uri = grant.grantee()?.uri()?;
            Some(format!("{} {}", uri.rsplit('/').next()?, grant.permission()?.as_str()))
        });
        [
            head.e_tag().map(str::to_owned),
            head.server_side_encryption().map(|word| word.as_str().to_owned()),
            head.ssekms_key_id().map(str::to_owned),
            head.storage_class().map(|word| word.as_str().to_owned()),
            everybody.next(),
        ]
    })
}

/// Writes an object with these bytes.
pub fn put_bytes(aws: &Aws, bucket: &str, key: &str, bytes: Vec<u8>) {
    run(async {
        let call = client(aws).put_object().bucket(bucket).key(key);
        call.body(bytes.into()).send().await.expect("it can be written");
    });
}

/// A bucket of its own that keeps versions.
pub fn versioned_bucket(aws: &Aws) -> String {
    let name = fresh_name("versions").replace('_', "-");
    run(async {
        let client = client(aws);
        let region = CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::from(aws.region.as_str()))
            .build();
        let made = client.create_bucket().bucket(&name).create_bucket_configuration(region).send().await;
        made.expect("a bucket can be made");
        let versions = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        let call = client.put_bucket_versioning().bucket(&name).versioning_configuration(versions);
        call.send().await.expect("it can keep versions");
    });
    name
}

/// The versions of an object, the newest first.
pub fn versions(aws: &Aws, bucket: &str, key: &str) -> Vec<String> {
    run(async {
        let listed = client(aws).list_object_versions().bucket(bucket).prefix(key).send().await;
        let listed = listed.expect("the bucket can be listed");
        listed.versions().iter().map(|version| version.version_id().expect("it has one").to_owned()).collect()
    })
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(future)
}

fn client(aws: &Aws) -> aws_sdk_s3::Client {
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
    aws_sdk_s3::Client::from_conf(config)
}

async fn fetch(aws: &Aws, prefix: &str) -> BTreeMap<String, Vec<u8>> {
    let client = client(aws);
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
