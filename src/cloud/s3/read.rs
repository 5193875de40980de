//! Objects for those who read them as rows: listed with what decides whether they are read, and streamed.

use std::error::Error;
use std::io::{self, Read};
use std::sync::Arc;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ObjectStorageClass;
use bytes::{Buf, Bytes};

use super::objects::ObjectErrorKind;
use super::{S3, S3Error, explain};
use crate::cloud::aws::root_cause;
use crate::cloud::block_on;
use crate::cloud::fault::pace::Pace;
use crate::cloud::fault::retry::{Failed, Next};

/// How often a stream that broke off is taken up again without a byte in between.
const TRIES: u32 = 7;

/// An object of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// Its key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Whether it lies in an archive from which it must be brought back first.
    pub is_archived: bool,
}

impl S3 {
    /// The objects whose keys begin so and come after another, in the order of keys, as long as `take` wants more.
    pub fn list_after(
        &self,
        bucket: &str,
        prefix: &str,
        after: Option<&str>,
        mut take: impl FnMut(ListedObject) -> bool,
    ) -> Result<(), S3Error> {
        let each = self.each(bucket, prefix, after, |object| {
            let is_archived = matches!(
                object.storage_class,
                Some(ObjectStorageClass::Glacier | ObjectStorageClass::DeepArchive)
            );
            let size = object.size.unwrap_or(0).max(0).unsigned_abs();
            object.key.is_none_or(|key| take(ListedObject { key, size, is_archived }))
        });
        block_on(each)?.map_err(|error| explain(bucket, &error))
    }
}

/// The bytes of an object as they come. A stream that breaks off is taken up where it was, as long as the object is
/// the same.
pub struct ObjectReader {
    s3: Arc<S3>,
    bucket: String,
    key: String,
    tag: Option<String>,
    stream: ByteStream,
    piece: Bytes,
    /// Bytes that came.
    at: u64,
    tries: u32,
}

impl ObjectReader {
    /// Opens an object.
    pub fn open(s3: Arc<S3>, bucket: &str, key: &str) -> Result<Self, S3Error> {
        let (stream, tag) = get(&s3, bucket, key, 0, None)?;
        Ok(Self {
            s3,
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            tag,
            stream,
            piece: Bytes::new(),
            at: 0,
            tries: 0,
        })
    }

    fn next_piece(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            match block_on(self.stream.next()) {
                None => return Ok(None),
                Some(Ok(piece)) => {
                    self.s3.retrying.helped(self.tries);
                    self.tries = 0;
                    return Ok(Some(piece));
                }
                Some(Err(error)) => {
                    let what = format!("object `{}` broke off: {}", self.key, root_cause(&error));
                    let (what, pace) = (&what, Pace::CALLS);
                    let failed = Failed { what, retried: self.tries, most: TRIES, wish: None, pace };
                    match self.s3.retrying.next(failed) {
                        Next::Again(pause) => block_on(tokio::time::sleep(pause)),
                        last => return Err(io::Error::other(self.broke_off(&error, last))),
                    }
                    self.tries += 1;
                    let again = get(&self.s3, &self.bucket, &self.key, self.at, self.tag.clone());
                    self.stream = again.map_err(io::Error::other)?.0;
                }
            }
        }
    }
}

impl ObjectReader {
    fn broke_off(&self, error: &dyn Error, last: Next) -> S3Error {
        let reason = last.reason().map(|reason| format!("; {reason}")).unwrap_or_default();
        let message = format!("object `{}` broke off: {}{reason}", self.key, root_cause(error));
        S3Error { kind: ObjectErrorKind::Unreachable, message }
    }
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.next_piece()? {
                Some(piece) => {
                    self.at += piece.len() as u64;
                    self.piece = piece;
                }
                None => return Ok(0),
            }
        }
        let length = self.piece.len().min(buffer.len());
        self.piece.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

/// Asks for an object from a byte on.
fn get(
    s3: &S3,
    bucket: &str,
    key: &str,
    from: u64,
    tag: Option<String>,
) -> Result<(ByteStream, Option<String>), S3Error> {
    let get = |client: &Client| {
        let mut call = client.get_object().bucket(bucket).key(key).set_if_match(tag.clone());
        if from > 0 {
            call = call.range(format!("bytes={from}-"));
        }
        Box::pin(call.send())
    };
    let answer = block_on(s3.call(get))?.map_err(|error| explain(bucket, &error))?;
    Ok((answer.body, answer.e_tag))
}
