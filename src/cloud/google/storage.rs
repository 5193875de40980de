//! The calls of Cloud Storage that staging and outputs need, and whether an object is there.

use reqwest::Method;
use serde_json::{Value, json};

use super::error::GoogleError;
use super::http::{Call, Google};
use super::path_part;
use super::upload::{Proof, Upload, Uploaded, crc32c_text};

/// Buckets and objects.
#[derive(Clone)]
pub struct Storage {
    google: Google,
}

impl Storage {
    /// Calls go out as `google` makes them.
    pub fn new(google: Google) -> Self {
        Self { google }
    }

    /// Makes the bucket unless it is there. Objects in it live a day, as Embulk's plugin has it.
    pub async fn make_bucket(
        &self,
        project: &str,
        bucket: &str,
        location: Option<&str>,
    ) -> Result<(), GoogleError> {
        let mut body = json!({
            "name": bucket,
            "lifecycle": {"rule": [{"action": {"type": "Delete"}, "condition": {"age": 1}}]},
        });
        if let Some(location) = location {
            body["location"] = location.into();
        }
        let url = format!("{}/storage/v1/b?project={}", self.google.endpoints.storage, path_part(project));
        match self.google.json(&Call::new(Method::POST, url, "storage buckets").body(&body)).await {
            Err(error) if !error.is(409) => Err(error),
            _ => Ok(()),
        }
    }

    /// Starts an upload of an object that must not exist yet.
    pub fn upload(&self, bucket: &str, object: &str, content_type: &str) -> Upload {
        self.start(bucket, object, content_type, "&ifGenerationMatch=0")
    }

    /// Starts an upload of an object that takes the place of one that may be there.
    pub fn replace(&self, bucket: &str, object: &str, content_type: &str) -> Upload {
        self.start(bucket, object, content_type, "")
    }

    fn start(&self, bucket: &str, object: &str, content_type: &str, condition: &str) -> Upload {
        let url = format!(
            "{}/upload/storage/v1/b/{}/o?uploadType=resumable{condition}&name={}",
            self.google.endpoints.storage,
            path_part(bucket),
            path_part(object)
        );
        let open = Call::new(Method::POST, url, "storage objects")
            .header("x-upload-content-type", content_type)
            .body(&json!({"name": object, "contentType": content_type}));
        Upload::start(&self.google, open, Proof::Crc32c)
    }

    /// The names of the objects that begin with a prefix and are wanted, in their order.
    pub async fn names(
        &self,
        bucket: &str,
        prefix: &str,
        wanted: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<Vec<String>, GoogleError> {
        let root = format!("{}/storage/v1/b/{}/o", self.google.endpoints.storage, path_part(bucket));
        let mut names = Vec::new();
        let mut page = String::new();
        loop {
            let fields = "fields=nextPageToken,items(name)";
            let url = format!("{root}?prefix={}&{fields}{page}", path_part(prefix));
            let listed = self.google.json(&Call::new(Method::GET, url, "storage objects")).await?;
            let items = listed["items"].as_array().into_iter().flatten();
            let found = items.filter_map(|item| item["name"].as_str()).filter(|name| wanted(name));
            names.extend(found.map(str::to_owned));
            match listed["nextPageToken"].as_str() {
                Some(token) => page = format!("&pageToken={}", path_part(token)),
                None => return Ok(names),
            }
        }
    }

    /// The resource of an object; none when it is not there. A bucket that is not there has no objects.
    pub async fn object(&self, bucket: &str, object: &str) -> Result<Option<Value>, GoogleError> {
        self.google.find(&Call::new(Method::GET, self.object_url(bucket, object), "storage object")).await
    }

    /// Whether a bucket is certainly not there. Who may not list its objects does not know.
    pub async fn lacks_bucket(&self, bucket: &str) -> bool {
        let url =
            format!("{}/storage/v1/b/{}/o?maxResults=1", self.google.endpoints.storage, path_part(bucket));
        let listed = self.google.find(&Call::new(Method::GET, url, "storage objects")).await;
        matches!(listed, Ok(None))
    }

    /// Removes an object; one that is not there is removed already.
    pub async fn delete(&self, bucket: &str, object: &str) -> Result<(), GoogleError> {
        let call = Call::new(Method::DELETE, self.object_url(bucket, object), "storage object");
        match self.google.send(&call).await {
            Err(error) if !error.is(404) => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes the very object that an upload has made; one that has taken its place since stays.
    pub async fn withdraw(&self, bucket: &str, object: &str, uploaded: &Uploaded) -> Result<(), GoogleError> {
        let url = self.object_url(bucket, object);
        let generation = uploaded.resource["generation"].as_str();
        let condition = generation.map(|generation| format!("?ifGenerationMatch={}", path_part(generation)));
        let call = Call::new(Method::DELETE, url + &condition.unwrap_or_default(), "storage object");
        match self.google.send(&call).await {
            Err(error) if !error.is(404) && !error.is(412) => Err(error),
            _ => Ok(()),
        }
    }

    fn object_url(&self, bucket: &str, object: &str) -> String {
        let root = &self.google.endpoints.storage;
        format!("{root}/storage/v1/b/{}/o/{}", path_part(bucket), path_part(object))
    }
}

/// Fails unless the service holds what was sent: same size, same CRC32C.
pub fn verify(uploaded: &Uploaded) -> Result<(), GoogleError> {
    let differs = |what: &str| {
        Err(GoogleError::own(
            "storage objects",
            format!("the stored object's {what} differs from what was sent"),
        ))
    };
    let resource = &uploaded.resource;
    if text_number(&resource["size"]).is_some_and(|size| size != uploaded.bytes) {
        return differs("size");
    }
    let expected = crc32c_text(uploaded.crc32c);
    match resource["crc32c"].as_str() {
        Some(stored) if stored != expected => differs("CRC32C"),
        _ => Ok(()),
    }
}

/// 64-bit numbers come as text.
fn text_number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_that_differs_is_found() {
        let stored = |size: &str, crc32c: &str| Uploaded {
            resource: json!({"size": size, "crc32c": crc32c}),
            bytes: 9,
            crc32c: crc32c::crc32c(b"123456789"),
        };
        assert_eq!(verify(&stored("9", "4waSgw==")), Ok(()));
        let shorter = verify(&stored("8", "4waSgw==")).unwrap_err();
        assert_eq!(shorter.message, "the stored object's size differs from what was sent");
        let broken = verify(&stored("9", "AAAAAA==")).unwrap_err();
        assert_eq!(broken.message, "the stored object's CRC32C differs from what was sent");
    }
}
