//! `s3_wait>`: asks S3 for the head of an object.

use std::sync::Arc;

use serde_json::Value;

use super::{Look, Polls, Wait, address, is_first_miss, no_bucket, unless_canceled};
use crate::cloud::aws::Aws;
use crate::cloud::s3::S3;
use crate::cloud::s3::head::{HeadError, ObjectHead, ObjectQuery};
use crate::run::operator::s3_options::S3Options;
use crate::run::operator::{Operator, OperatorError, OperatorRequest, Turn};
use crate::session::Params;

/// Digdag's pauses: 5 seconds to 5 minutes.
pub(super) const POLLS: Polls = Polls::seconds(5, 300);

/// `s3_wait>`.
#[derive(Debug)]
pub struct S3Wait {
    aws: Arc<Aws>,
    polls: Polls,
}

impl Default for S3Wait {
    fn default() -> Self {
        Self::new(POLLS)
    }
}

impl S3Wait {
    /// Looks as often as `polls` says.
    pub fn new(polls: Polls) -> Self {
        Self { aws: Arc::new(Aws::new()), polls }
    }
}

impl Operator for S3Wait {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        let options = S3Options(request);
        let (bucket, key) = address(request, "s3://", "key", |key| options.get(key))?;
        let wait = Wait::new(format!("{bucket}/{key}"), "s3", self.polls, |key| options.get(key))?;
        let s3 = S3::new(Arc::clone(&self.aws), options.settings()?, request.retrying());
        let version_id = options.text("version_id")?;
        let object = ObjectQuery { bucket, key, version_id, customer_key: options.customer_key()? };
        let look = unless_canceled(&request.cancel, look(&s3, &object, is_first_miss(request)))??;
        wait.turn(request, look)
    }
}

async fn look(s3: &S3, object: &ObjectQuery, is_first_miss: bool) -> Result<Look, OperatorError> {
    match s3.head(object).await {
        Ok(Some(head)) => Ok(Look::There(stored(head))),
        Ok(None) if is_first_miss && s3.lacks_bucket(&object.bucket).await => Err(no_bucket(&object.bucket)),
        Ok(None) => Ok(Look::NotThere),
        Err(error @ HeadError::NoAnswer(_)) => {
            let message = format!("S3 cannot be asked for object `{}/{}`", object.bucket, object.key);
            let failed = OperatorError::unreachable(message).cause(&error);
            Ok(Look::NoAnswer(failed.hint("check endpoint and network, then retry")))
        }
        Err(error) => Err(refused(object, &error)),
    }
}

fn stored(head: ObjectHead) -> Params {
    Params::from_iter([
        ("metadata".to_owned(), Value::Object(head.metadata)),
        ("user_metadata".to_owned(), Value::Object(head.user_metadata)),
    ])
}

fn refused(object: &ObjectQuery, error: &HeadError) -> OperatorError {
    let hint = match error {
        HeadError::Denied(_) => {
            "check the credentials; S3 also says so of an object that is not there to those who may not list the \
             bucket (`s3:ListBucket`)"
        }
        HeadError::OtherRegion(_) => "name the bucket's region by `region`",
        HeadError::Refused(_) if object.customer_key.is_some() => {
            "check the secrets `aws.s3.sse_c_key`, `aws.s3.sse_c_key_algorithm` and `aws.s3.sse_c_key_md5`"
        }
        _ => {
            "check credentials, region and endpoint; an object under a customer's key needs `aws.s3.sse_c_key`"
        }
    };
    let message = format!("S3 does not tell whether object `{}/{}` is there", object.bucket, object.key);
    OperatorError::failed(message).cause(error).hint(hint)
}
